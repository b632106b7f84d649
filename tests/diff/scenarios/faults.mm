# Accesses: signals, and what the kernel does where there is none.
== unmapped: read, write, fetch
read $a+0x1010 1
write -s 1 $a+0x1010 0x90
fetch $a+0x1000 1
== write to a read-only page, untouched and present
map -F -a $a 0x1000 r
write -s 1 $a+0x120 0x90
read $a+0x120 1
write -s 1 $a+0x120 0x90
== write to a read-only page that has been written
map -F -a $a 0x1000 rw
write -s 1 $a 0x90
mprotect $a 0x1000 r
write -s 1 $a 0x91
read $a 1
== no rights: untouched, and with a page
map -F -a $a 0x2000 none
read $a 1
write -s 1 $a 0x90
fetch $a 1
map -F -a $a+0x1000 0x1000 rw
write -s 1 $a+0x1000 0x90
mprotect $a+0x1000 0x1000 none
read $a+0x1000 1
write -s 1 $a+0x1000 0x90
fetch $a+0x1000 1
mprotect $a+0x1000 0x1000 r
read $a+0x1000 1
== write alone can be read
map -F -a $a 0x2000 w
read $a 1
write -s 1 $a 0x90
read $a 1
fetch $a 1
== fetch from pages that may not be executed
map -F -a $a 0x2000 rw
fetch $a 1
touch -w $a+0x1000
fetch $a 1
read $a+0x1000 1
fetch $a+0x1000 1
== fetch from pages that may
map -F -a $a 0x2000 rwx
fetch $a 1
write -s 1 $a+0x1000 0x90
fetch $a+0x1000 1
write -s 1 $a 0x90
fetch $a 1
== write to text
map -F -a $a 0x1000 rx
write -s 1 $a 0x90
fetch $a 1
write -s 1 $a 0x90
== the first page of all
read 0 1
write -s 1 8 0x90
fetch 0 1
== kernel addresses
read 0xffffffff81000000 1
write -s 1 0xffffffff81000000 0x90
fetch 0xffffffff81000000 1
read 0xffff800000000000 1
read 0x7ffffffff000 1
== addresses that are none
read 0x800000000000 1
write -s 1 0x800000000000 0x90
read 0x8000000000000000 1
== eight bytes across two pages
map -F -a $a 0x2000 rw
write -s 8 $a+0xffc 0x9090909090909090
read $a+0xffc 8
read $a+0x1000 1
== eight bytes into a hole
map -F -a $a 0x1000 rw
write -s 8 $a+0xffc 0x9090909090909090
read $a+0xffc 8
read $a+0xff0 8
== eight bytes out of a hole
map -F -a $a+0x1000 0x1000 rw
write -s 8 $a+0xffc 0x9090909090909090
read $a+0xffc 8
== eight bytes into a read-only page
map -F -a $a 0x1000 rw
map -F -a $a+0x1000 0x1000 r
write -s 8 $a+0xffc 0x9090909090909090
read $a+0xffc 8
write -s 8 $a+0xffc 0x9090909090909090
== counts: written, read, written after read
map -F -a $a 0x40000 rw
touch -w $a+0x10000
touch -w $a+0x10000
touch $a+0x10000+0x10000
touch -w $a+0x10000+0x10000
touch $a+0x40000
== counts: shared memory, read then written
map -F -s -a $a 0x20000 rw
touch $a+0x10000
touch -w $a+0x20000
== counts: populated
map -F -P -a $a 0x10000 rw
touch -w $a+0x10000
== counts: read-only made writable
map -F -a $a 0x10000 rw
touch -w $a+0x10000
mprotect $a 0x10000 r
mprotect $a 0x10000 rw
touch -w $a+0x10000
== counts: zero pages made writable
map -F -a $a 0x4000 r
touch $a+0x4000
mprotect $a 0x4000 rw
touch -w $a+0x4000
== zero pages: all the same
map -F -a $a 0x3000 rw
read $a 1
read $a+0x1000 1
write -s 1 $a 0x90
read $a 1
read $a+0x1000 1
== shared memory: fault-around in an aligned window
map -F -s -a $a+0x3000 0x40000 rw
touch -w $a+0x3000+0x40000
madvise $a+0x3000 0x40000 DONTNEED
read $a+0xa000 1
read $a+0x28000 1
== shared memory: a second mapper finds the pages
map -F -s -a $a 0x20000 rw
touch -w $a+0x20000
fork
read -p 2 $a+0x5000 1
write -p 2 -s 1 $a+0x15000 0x90
read $a+0x15000 1
== shared memory: fault-around not on a write
map -F -s -a $a 0x20000 rw
touch -w $a+0x20000
madvise $a 0x20000 DONTNEED
write -s 1 $a+0x5000 0x90
read $a+0x6000 1
== shared memory: fault-around under RANDOM
map -F -s -a $a 0x20000 rw
touch -w $a+0x20000
madvise $a 0x20000 RANDOM
madvise $a 0x20000 DONTNEED
read $a+0x5000 1
== shared memory: fault-around stops at the area
map -F -s -a $a 0x20000 rw
touch -w $a+0x20000
munmap $a+0x8000 0x1000
madvise $a 0x8000 DONTNEED
madvise $a+0x9000 0x17000 DONTNEED
read $a+0x7000 1
read $a+0x9000 1
== shared memory: fault-around stops at the page table
map -F -s -a $a+0x1f8000 0x10000 rw
touch -w $a+0x1f8000+0x10000
madvise $a+0x1f8000 0x10000 DONTNEED
read $a+0x1fb000 1
read $a+0x203000 1
== a stack of one's own: grows by the page touched
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x3e7000 0x90
read $a+0x383000 1
read $a+0x385000 1
== a stack of one's own: the guard gap to a mapping below
map -F -a $a+0x258000 0x1000 rw
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x359000 0x90
write -s 1 $a+0x358000 0x90
== a stack of one's own: no gap to a mapping without rights
map -F -a $a+0x258000 0x1000 none
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x359000 0x90
write -s 1 $a+0x259000 0x90
write -s 1 $a+0x258000 0x90
== a stack of one's own: no gap to another stack
map -F -G -a $a+0x258000 0x1000 rw
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x359000 0x90
write -s 1 $a+0x259000 0x90
== a stack of one's own: a fixed mapping right below
map -F -G -a $a+0x3e8000 0x2000 rw
map -F -a $a+0x3e7000 0x1000 rw
write -s 1 $a+0x3e7000 0x90
== a stack of one's own: hints keep the gap
map -F -G -a $a+0x3e8000 0x2000 rw
map -a $a+0x3e7000 0x1000 rw
map -a $a+0x2e8000 0x1000 rw
map -a $a+0x2e7000 0x1000 rw
== a stack of one's own: it may be read, then grown by a child
map -F -G -a $a+0x3e8000 0x2000 rw
fork
write -p 2 -s 1 $a+0x3e0000 0x90
read $a+0x3e4000 1
== a stack that may not be written does not grow by a write
map -F -G -a $a+0x3e8000 0x2000 r
write -s 1 $a+0x3e7000 0x90
read $a+0x3e7000 1
== a stack without rights
map -F -G -a $a+0x3e8000 0x2000 none
read $a+0x3e7000 1
== mprotect of a grown stack
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x383000 0x90
mprotect $a+0x3b6000 0x1000 r
write -s 1 $a+0x382000 0x90
