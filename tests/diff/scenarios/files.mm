# A file in memory (descriptor 3): mapped, written, truncated.
== shared: contiguous offsets merge
map -F -s -a $a -o 0 0x2000 rw 3
map -F -s -a $a+0x2000 -o 0x2000 0x2000 rw 3
== shared: a gap in the offsets
map -F -s -a $a -o 0 0x2000 rw 3
map -F -s -a $a+0x2000 -o 0x3000 0x2000 rw 3
== private and shared do not merge
map -F -a $a -o 0 0x2000 rw 3
map -F -s -a $a+0x2000 -o 0x2000 0x2000 rw 3
== private: the lower has copied pages
map -F -a $a -o 0 0x2000 rw 3
touch -w $a+0x2000
map -F -a $a+0x2000 -o 0x2000 0x2000 rw 3
touch -w $a+0x4000
== a file, then anonymous memory
map -F -a $a -o 0x4000 0x2000 r 3
map -F -a $a+0x2000 0x2000 r
== offsets of what is left after munmap
map -F -s -a $a -o 0x4000 0x6000 r 3
munmap $a+0x2000 0x2000
== unaligned offset
map -F -a $a -o 0x800 0x1000 rw 3
== growsdown of a file
map -F -G -a $a -o 0 0x1000 rw 3
== written by the call, read by all mappings
map -F -s -a $a -o 0 0x4000 rw 3
map -F -a $a+0x8000 -o 0 0x4000 rw 3
pwrite 3 "a" 0x1020
read $a+0x1020 1
read $a+0x9020 1
pwrite 3 "b" 0x1020
read $a+0x9020 1
== a private copy does not see what is written later
map -F -a $a -o 0 0x4000 rw 3
write -s 1 $a+0x1000 0x90
pwrite 3 "a" 0x1020
read $a+0x1020 1
pread 3 8 0x1000
== a shared store is what the call reads
map -F -s -a $a -o 0 0x4000 rw 3
write -s 1 $a+0x1020 0x90
pread 3 8 0x1020
pread 3 8 0x3000
== beyond the end
ftruncate 3 0x1800
map -F -s -a $a -o 0 0x4000 rw 3
read $a+0x1900 1
write -s 1 $a+0x1900 0x90
read $a+0x2000 1
write -s 1 $a+0x2000 0x90
fetch $a+0x2000 1
pread 3 8 0x17fc
== beyond the end, private
ftruncate 3 0x1800
map -F -a $a -o 0 0x4000 rw 3
write -s 1 $a+0x1900 0x90
read $a+0x2000 1
write -s 1 $a+0x2000 0x90
== a hint of a mapping wholly beyond the end
map -F -s -a $a -o 0x40000 0x2000 rw 3
read $a 1
== truncated below a shared page
map -F -s -a $a -o 0 0x4000 rw 3
touch -w $a+0x4000
ftruncate 3 0x2000
read $a+0x1000 1
read $a+0x2000 1
ftruncate 3 0x4000
read $a+0x2000 1
== truncated below a private copy
map -F -a $a -o 0 0x4000 rw 3
touch -w $a+0x4000
ftruncate 3 0x2000
read $a+0x1000 1
read $a+0x2000 1
ftruncate 3 0x4000
read $a+0x3000 1
== truncated in a page
map -F -s -a $a -o 0 0x4000 rw 3
touch $a+0x4000
write -s 1 $a+0x1900 0x90
write -s 1 $a+0x1100 0x91
ftruncate 3 0x1800
read $a+0x1900 1
ftruncate 3 0x4000
read $a+0x1900 1
read $a+0x1100 1
== the tail of the last page is zeroed when the file grows over it
ftruncate 3 0x1800
map -F -s -a $a -o 0 0x2000 rw 3
write -s 1 $a+0x1900 0x90
ftruncate 3 0x3000
read $a+0x1900 1
== a hole is punched under mappings
map -F -s -a $a -o 0 0x8000 rw 3
map -F -a $a+0x10000 -o 0 0x8000 rw 3
touch -w $a+0x8000
touch -w $a+0x12000+0x2000
touch $a+0x10000+0x8000
fallocate -P -n 3 0x1000 0x3000
read $a+0x2000 1
read $a+0x12000 1
read $a+0x11000 1
== a hole is punched within a page
map -F -s -a $a -o 0 0x2000 rw 3
write -s 1 $a+0x100 0x90
write -s 1 $a+0x900 0x91
fallocate -P -n 3 0x80 0x100
read $a+0x100 1
read $a+0x900 1
== room is made, not content
fallocate 3 0x4000 0x4000
map -F -s -a $a -o 0 0x20000 rw 3
read $a+0x9000 1
read $a+0x5000 1
mincore $a 0x10000
== room beyond the end
ftruncate 3 0x2000
fallocate -n 3 0 0x8000
map -F -s -a $a -o 0 0x8000 rw 3
read $a+0x1000 1
read $a+0x4000 1
fallocate 3 0 0x8000
read $a+0x4000 1
== fault-around: what the file has
pwrite 3 "a" 0x3020
pwrite 3 "b" 0x4020
pwrite 3 "c" 0x11020
map -F -s -a $a -o 0 0x20000 rw 3
read $a+0x5000 1
read $a+0x12000 1
== fault-around: aligned by address, not by offset
map -F -s -a $a+0x40000 -o 0 0x20000 rw 3
touch -w $a+0x40000+0x20000
map -F -a $a+0x3000 -o 0x7000 0x18000 rw 3
read $a+0xa000 1
read $a+0x14000 1
== fault-around: private, the first is written
map -F -s -a $a+0x40000 -o 0 0x20000 rw 3
touch -w $a+0x40000+0x20000
map -F -a $a -o 0 0x20000 rw 3
write -s 1 $a+0x5000 0x90
read $a+0x6000 1
== fork: private, not copied where nothing was written
map -F -s -a $a+0x40000 -o 0 0x20000 rw 3
touch -w $a+0x40000+0x20000
map -F -a $a -o 0 0x10000 rw 3
touch $a+0x10000
fork
touch -p 2 $a+0x10000
write -p 2 -s 1 $a+0x3000 0x90
== fork: private, copied whole when one page was written
map -F -s -a $a+0x40000 -o 0 0x20000 rw 3
touch -w $a+0x40000+0x20000
map -F -a $a -o 0 0x10000 rw 3
touch $a+0x10000
write -s 1 $a+0x3000 0x90
fork
touch -p 2 $a+0x10000
write -p 2 -s 1 $a+0x3000 0x91
write -s 1 $a+0x3000 0x92
== fork: the descriptor is shared
fork
pwrite -p 2 3 "a" 0x20
map -F -s -a $a -o 0 0x1000 rw 3
read $a+0x20 1
ftruncate -p 2 3 0
read $a+0x20 1
== dirty by another mapping, then unmapped
map -F -s -a $a -o 0 0x4000 rw 3
map -F -s -a $a+0x8000 -o 0 0x4000 rw 3
touch $a+0x4000
write -s 1 $a+0x8000 0x90
munmap $a+0x8000 0x4000
touch $a+0x4000
== mprotect of a private file mapping
map -F -a $a -o 0 0x4000 r 3
touch $a+0x4000
mprotect $a 0x4000 rw
touch -w $a+0x2000
mprotect $a 0x4000 r
write -s 1 $a 0x90
== DONTNEED brings the file's page back
map -F -a $a -o 0 0x4000 rw 3
pwrite 3 "a" 0x20
write -s 1 $a+0x20 0x90
read $a+0x20 1
madvise $a 0x1000 DONTNEED
read $a+0x20 1
== mincore of what only the file has
pwrite 3 "a" 0x1020
map -F -s -a $a -o 0 0x4000 rw 3
mincore $a 0x4000
read $a+0x3000 1
mincore $a 0x4000
== WILLNEED makes nothing
pwrite 3 "a" 0x1020
map -F -s -a $a -o 0 0x4000 rw 3
madvise $a 0x4000 WILLNEED
mincore $a 0x4000
== populate a file, and a hole of it
pwrite 3 "a" 0x1020
map -F -P -a $a -o 0 0x4000 r 3
map -F -P -a $a+0x8000 -o 0 0x4000 rw 3
map -F -P -s -a $a+0x10000 -o 0 0x4000 rw 3
== populate beyond the end
ftruncate 3 0x2000
map -F -P -s -a $a -o 0 0x4000 rw 3
== mlock beyond the end
ftruncate 3 0x2000
map -F -s -a $a -o 0 0x4000 rw 3
mlock $a 0x4000
