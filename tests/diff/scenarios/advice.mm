# madvise, mlock.
== DONTNEED: private
map -F -a $a 0x4000 rw
touch -w $a+0x4000
write -s 1 $a+0x10 0x90
madvise $a 0x2000 DONTNEED
read $a+0x10 1
write -s 1 $a+0x1000 0x90
== DONTNEED: shared memory keeps its content
map -F -s -a $a 0x4000 rw
write -s 1 $a+0x10 0x90
madvise $a 0x4000 DONTNEED
read $a+0x10 1
== DONTNEED: shared with a child
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
madvise $a 0x2000 DONTNEED
touch -p 2 -w $a+0x4000
touch $a+0x4000
== DONTNEED: over a hole
map -F -a $a 0x2000 rw
map -F -a $a+0x3000 0x2000 rw
touch -w $a+0x2000
touch -w $a+0x3000+0x2000
madvise $a 0x5000 DONTNEED
== DONTNEED: from a hole, and only a hole
map -F -a $a+0x1000 0x1000 rw
touch -w $a+0x1000+0x1000
madvise $a 0x2000 DONTNEED
madvise $a+0x8000 0x1000 DONTNEED
== arguments
map -F -a $a 0x2000 rw
madvise $a+0x800 0x1000 DONTNEED
madvise $a 0 DONTNEED
madvise $a 1 DONTNEED
madvise $a 0xfffffffffffff000 DONTNEED
madvise $a 0xffffffffffffffff DONTNEED
madvise $a+0x8000 0 DONTNEED
== DONTNEED: locked
map -F -a $a 0x4000 rw
mlock $a 0x2000
madvise $a 0x4000 DONTNEED
madvise $a 0x4000 FREE
madvise $a 0x4000 DONTNEED_LOCKED
touch -w $a+0x4000
== FREE: and written again
map -F -a $a 0x2000 rw
write -s 1 $a+0x10 0x90
touch -w $a+0x2000
madvise $a 0x2000 FREE
read $a+0x10 1
write -s 1 $a 0xf8
== FREE: shared, refused
map -F -s -a $a 0x2000 rw
touch -w $a+0x2000
madvise $a 0x2000 FREE
== FREE: pages that a child has too
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
madvise $a 0x2000 FREE
touch -w $a+0x2000
touch -p 2 -w $a+0x2000
== FREE: zero pages
map -F -a $a 0x2000 rw
touch $a+0x2000
madvise $a 0x2000 FREE
touch $a+0x2000
== WIPEONFORK: shared, refused
map -F -s -a $a 0x2000 rw
madvise $a 0x2000 WIPEONFORK
== COLD
map -F -a $a 0x2000 rw
touch -w $a+0x2000
madvise $a 0x2000 COLD
read $a 1
== COLD: shared with a child
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
madvise $a 0x2000 COLD
== POPULATE_WRITE, then writes
map -F -a $a 0x4000 rw
madvise $a 0x4000 POPULATE_WRITE
touch -w $a+0x4000
== POPULATE_READ, then writes
map -F -a $a 0x4000 rw
madvise $a 0x4000 POPULATE_READ
touch -w $a+0x4000
== POPULATE_WRITE: read-only, no rights, a hole
map -F -a $a 0x2000 r
madvise $a 0x2000 POPULATE_WRITE
madvise $a 0x2000 POPULATE_READ
map -F -a $a+0x4000 0x2000 none
madvise $a+0x4000 0x2000 POPULATE_READ
madvise $a+0x8000 0x2000 POPULATE_READ
== POPULATE_WRITE: shared memory
map -F -s -a $a 0x4000 rw
madvise $a 0x2000 POPULATE_READ
madvise $a 0x4000 POPULATE_WRITE
== POPULATE_WRITE: pages that a child has too
map -F -a $a 0x4000 rw
touch -w $a+0x2000
fork
madvise -p 2 $a 0x4000 POPULATE_WRITE
touch -w $a+0x4000
== POPULATE_WRITE: over zero pages
map -F -a $a 0x4000 rw
touch $a+0x4000
madvise $a 0x4000 POPULATE_WRITE
== mlock: populates
map -F -a $a 0x4000 rw
touch $a+0x1000
mlock $a 0x4000
touch -w $a+0x4000
munlock $a 0x4000
== mlock: on fault
map -F -a $a 0x4000 rw
mlock -f $a 0x4000
touch -w $a+0x2000
== mlock: read-only populates zero pages
map -F -a $a 0x4000 r
mlock $a 0x4000
== mlock: no rights
map -F -a $a 0x4000 none
mlock $a 0x4000
munlock $a 0x4000
== mlock: over a hole
map -F -a $a 0x2000 rw
map -F -a $a+0x3000 0x2000 rw
mlock $a 0x5000
== mlock: from a hole
map -F -a $a+0x1000 0x2000 rw
mlock $a 0x2000
== mlock: shared memory
map -F -s -a $a 0x4000 rw
mlock $a 0x4000
touch -w $a+0x4000
fork
munlock $a 0x2000
== mlock: over the limit
map -F -a $a 0x20000 rw
mlock $a 0x10000
mlock $a+0x10000 0x1000
munlock $a 0x8000
mlock $a+0x10000 0x8000
mlock $a 0x20000
== mlock: unaligned, nothing
map -F -a $a 0x4000 rw
mlock $a+0x800 0x1000
mlock $a+0x3000 0
munlock $a+0x1800 1
== munlock: over a hole
map -F -a $a 0x2000 rw
mlock $a 0x2000
munlock $a 0x4000
== mlock of the middle, then mprotect of all
map -F -a $a 0x6000 rw
mlock $a+0x2000 0x2000
mprotect $a 0x6000 r
munlock $a 0x6000
mprotect $a 0x6000 rw
== mlockall: future
mlockall -f
map -F -a $a 0x4000 rw
map -F -s -a $a+0x4000 0x2000 rw
munlockall
map -F -a $a+0x8000 0x4000 rw
== mlockall: future, on fault
mlockall -f -o
map -F -a $a 0x4000 rw
touch -w $a+0x2000
munlockall
== mlockall: future, over the limit
mlockall -f
map -F -a $a 0x10000 rw
map -F -a $a+0x10000 0x1000 rw
brk $h+0x1000
munmap $a 0x8000
brk $h+0x1000
== mlockall: no flags, bad flags
mlockall
mlockall -o
== a locked area is written through a protection
map -F -a $a 0x2000 r
mlock $a 0x2000
mprotect $a 0x2000 rw
touch -w $a+0x2000
== DODUMP, DONTDUMP and locks on one area
map -F -a $a 0x6000 rw
madvise $a+0x1000 0x3000 DONTDUMP
mlock $a+0x2000 0x2000
madvise $a 0x6000 DODUMP
munlock $a 0x6000
