# Pages of 2 MiB, where MADV_HUGEPAGE asks for them.
== one fault, 512 pages
map -F -a $a 0x400000 rw
madvise $a 0x400000 HUGEPAGE
write -s 1 $a+0x5000 0x90
touch -w $a+0x200000
touch -w $a+0x200000+0x1000
== half of it is not mapped
map -F -a $a 0x100000 rw
madvise $a 0x100000 HUGEPAGE
write -s 1 $a+0x5000 0x90
== not asked for
map -F -a $a 0x200000 rw
madvise $a 0x200000 NOHUGEPAGE
write -s 1 $a+0x5000 0x90
== mprotect of one page
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
mprotect $a+0x5000 0x1000 r
touch $a+0x200000
== mprotect of all
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
mprotect $a 0x200000 r
mprotect $a 0x200000 rw
touch -w $a+0x1000
== DONTNEED of one page
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
madvise $a+0x5000 0x1000 DONTNEED
touch -w $a+0x10000
== DONTNEED of all
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
madvise $a 0x200000 DONTNEED
read $a 1
== munmap of half
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
munmap $a+0x100000 0x100000
touch -w $a+0x100000
== fork: the child writes
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
fork
write -p 2 -s 1 $a+0x5000 0x90
read $a+0x5000 1
== fork: the parent writes
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
fork
write -s 1 $a+0x5000 0x90
write -p 2 -s 1 $a+0x6000 0x90
== mlock of a part
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
mlock $a+0x5000 0x2000
== moved whole, and in part
map -F -a $a 0x200000 rw
madvise $a 0x200000 HUGEPAGE
write -s 1 $a 0x90
mremap -F $a 0x200000 0x200000 $a+0x200000
touch -w $a+0x200000+0x200000
mremap -F $a+0x205000 0x2000 0x2000 $a
== the huge zero page: a part is dropped
map -F -a $a 0x400000 rw
madvise $a 0x400000 HUGEPAGE
touch $a+0x1de000+0x1000
madvise $a+0x174000 0x200000 DONTNEED
== the huge zero page: a page is written
map -F -a $a 0x400000 rw
madvise $a 0x400000 HUGEPAGE
read $a+0xfd000 1
touch -w $a+0x15a000+0x1000
== fork, split, the child ends: the parent writes
map -F -a $a 0x400000 rw
madvise $a 0x400000 HUGEPAGE
write -s 1 $a+0x25d000 0x98
map -F -a $a+0x2de000 0x1000 rw
fork
exit -p 2
touch -w $a+0x369000+0x1000
== fork, then split, the child ends: the parent writes
map -F -a $a 0x400000 rw
madvise $a 0x400000 HUGEPAGE
touch -w $a+0x39b000+0x1000
fork
map -F -a $a+0x200000 0x1000 rw
exit -p 2
touch -w $a+0x205000+0x1000
