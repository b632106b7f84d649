# fork, copy-on-write, exit.
== the child writes first
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
read -p 2 $a 1
write -p 2 -s 1 $a 0x90
read $a 1
write -s 1 $a 0x91
write -s 1 $a 0x90
== the parent writes first
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
write -s 1 $a 0x90
write -p 2 -s 1 $a 0x90
write -s 1 $a 0x91
== the child ends, the parent writes
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
exit -p 2
touch -w $a+0x4000
== the child unmaps, the parent writes
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
munmap -p 2 $a 0x4000
touch -w $a+0x4000
== three generations
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
fork -p 2
touch -p 3 -w $a+0x1000
touch -p 2 -w $a+0x1000
touch -w $a+0x1000
touch -w $a+0x1000+0x1000
touch -p 2 -w $a+0x1000+0x1000
touch -p 3 -w $a+0x1000+0x1000
== two children
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
fork
touch -p 2 -w $a+0x2000
touch -p 3 -w $a+0x4000
touch -w $a+0x4000
== the middle one ends
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
fork -p 2
exit -p 2
touch -p 3 -w $a+0x2000
touch -w $a+0x4000
touch -p 3 -w $a+0x4000
== the child of a child writes after all others have ended
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
fork -p 2
munmap $a 0x2000
exit -p 2
touch -p 3 -w $a+0x2000
== forked twice, written between
map -F -a $a 0x3000 rw
touch -w $a+0x3000
fork
touch -w $a+0x1000
fork
touch -w $a+0x2000
touch -p 2 -w $a+0x3000
touch -p 3 -w $a+0x3000
== shared anonymous memory is not copied
map -F -s -a $a 0x4000 rw
touch -w $a+0x4000
fork
read -p 2 $a 1
write -p 2 -s 1 $a+0x1000 0x90
read $a+0x1000 1
== shared memory, written by both
map -F -s -a $a 0x4000 rw
fork
write -p 2 -s 1 $a 0x90
read $a 1
write -s 1 $a+0x1000 0x91
read -p 2 $a+0x1000 1
exit -p 2
read $a 1
== zero pages are not copied where nothing else is
map -F -a $a 0x4000 rw
touch $a+0x4000
fork
touch -p 2 $a+0x4000
touch -p 2 -w $a+0x1000
== zero pages beside a page that was written
map -F -a $a 0x4000 rw
touch $a+0x4000
touch -w $a+0x1000
fork
touch -p 2 $a+0x4000
touch -p 2 -w $a+0x4000
touch -w $a+0x4000
== read-only memory with pages
map -F -a $a 0x4000 rw
touch -w $a+0x4000
mprotect $a 0x4000 r
fork
touch -p 2 $a+0x4000
mprotect -p 2 $a 0x4000 rw
touch -p 2 -w $a+0x4000
mprotect $a 0x4000 rw
touch -w $a+0x4000
== memory without rights
map -F -a $a 0x2000 rw
touch -w $a+0x2000
mprotect $a 0x2000 none
fork
mprotect -p 2 $a 0x2000 rw
touch -p 2 -w $a+0x1000
mprotect $a 0x2000 rw
touch -w $a+0x2000
== DONTFORK
map -F -a $a 0x4000 rw
touch -w $a+0x4000
madvise $a+0x1000 0x1000 DONTFORK
fork
read -p 2 $a+0x1000 1
touch -p 2 -w $a+0x1000
touch -w $a+0x4000
== WIPEONFORK
map -F -a $a 0x4000 rw
write -s 1 $a+0x1010 0x90
touch -w $a+0x4000
madvise $a+0x1000 0x2000 WIPEONFORK
fork
read -p 2 $a+0x1010 1
read $a+0x1010 1
touch -p 2 -w $a+0x4000
fork -p 2
read -p 3 $a+0x1010 1
== locked memory is not locked in the child
map -F -a $a 0x4000 rw
mlock $a 0x4000
fork
touch -p 2 -w $a+0x1000
fork -p 2
== MCL_FUTURE is not inherited
mlockall -f
map -F -a $a 0x2000 rw
fork
map -p 2 -F -a $a+0x4000 0x2000 rw
map -F -a $a+0x4000 0x2000 rw
== referenced: the child's entries are old
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
read -p 2 $a 1
exit -p 2
== the child dirties, the parent looks
map -F -s -a $a 0x4000 rw
touch $a+0x4000
fork
touch -p 2 -w $a+0x2000
exit -p 2
touch $a+0x4000
== the heap
brk $h+0x3000
touch -w $h+0x3000
fork
touch -p 2 -w $h+0x1000
brk -p 2 $h+0x1000
touch -w $h+0x3000
== protection changed in one of two
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
mprotect -p 2 $a+0x1000 0x2000 r
write -p 2 -s 1 $a+0x1000 0x90
write -s 1 $a+0x1000 0x90
mprotect -p 2 $a+0x1000 0x2000 rw
write -p 2 -s 1 $a+0x1000 0x90
== fork in the middle of an area that grows
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
map -F -a $a+0x2000 0x2000 rw
touch -w $a+0x2000+0x2000
fork
touch -p 3 -w $a+0x4000
touch -w $a+0x4000
== four processes, one page
map -F -a $a 0x1000 rw
write -s 1 $a 0x90
fork
fork
fork
write -p 3 -s 1 $a 0xf8
write -p 2 -s 1 $a 0xf9
write -s 1 $a 0xf5
write -p 4 -s 1 $a 0xfc
read $a 1
read -p 2 $a 1
read -p 3 $a 1
