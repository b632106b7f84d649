# Arguments: where mappings go, what is refused, with which errno.
== top-down: one below the other
map 0x3000 rw
map 0x5000 r
map 0x1000 rw
== top-down: into a hole that fits
map 0x4000 rw
map 0x1000 none
munmap $t-0x3000 0x2000
map 0x1000 r
map 0x3000 rx
== hint: free
map -a $a+0x8000 0x2000 rw
== hint: unaligned
map -a $a+0x10800 0x2000 rw
== hint: occupied
map -F -a $a 0x2000 rw
map -a $a 0x2000 r
== hint: does not fit the hole
map -F -a $a 0x1000 rw
map -F -a $a+0x2000 0x1000 rw
map -a $a+0x1000 0x2000 r
== hint: fits the hole
map -F -a $a 0x1000 rw
map -F -a $a+0x2000 0x1000 rw
map -a $a+0x1000 0x1000 r
== hint: ends at the guard
map -a $a+0x3ff000 0x1000 rw
map -a $a+0x3fe000 0x2000 r
== hint: kernel address
map -a 0xffffffff81000000 0x1000 rw
== length 0
map -F -a $a 0 rw
map 0 rw
== length huge
map -a $a 0xfffffffffffff000 rw
map -a $a 0xffffffffffffffff rw
map -a $a 0x800000000000 rw
== lengths that are no pages
map -F -a $a 1 rw
map -F -a $a+0x2000 0xfff rw
map -F -a $a+0x4000 0x1001 rw
== fixed, unaligned
map -F -a $a+0x123 0x1000 rw
== fixed above the end of user space
map -F -a 0x7ffffffff000 0x1000 rw
map -F -a 0x800000000000 0x1000 rw
map -F -a 0xffff800000000000 0x1000 rw
== page 0 by an ordinary user
map -F -a 0 0x1000 rw
== growsdown and shared
map -F -s -G -a $a 0x1000 rw
== noreserve, read-only
map -F -N -a $a 0x2000 r
mprotect $a 0x1000 rw
touch -w $a+0x1000
== populate, by right
map -F -P -a $a 0x4000 rw
map -F -P -a $a+0x4000 0x4000 r
map -F -P -a $a+0x8000 0x4000 none
map -F -P -s -a $a+0xc000 0x4000 rw
map -F -P -s -a $a+0x10000 0x4000 r
map -F -P -a $a+0x14000 0x4000 x
map -F -P -a $a+0x18000 0x4000 w
== populate a page-table edge
map -F -P -a $a+0x1f8000 0x10000 rw
== munmap: unaligned
map -F -a $a 0x2000 rw
munmap $a+0x800 0x1000
== munmap: length 0
map -F -a $a 0x2000 rw
munmap $a 0
== munmap: length 1
map -F -a $a 0x3000 rw
munmap $a+0x1000 1
== munmap: huge, and kernel addresses
munmap $a 0xfffffffffffff000
munmap $a 0x800000000000
munmap 0xffff800000000000 0x1000
== munmap: a hole
munmap $a 0x10000
== mprotect: over a hole
map -F -a $a 0x2000 rw
map -F -a $a+0x3000 0x2000 rw
mprotect $a 0x5000 r
== mprotect: from a hole
map -F -a $a+0x1000 0x2000 rw
mprotect $a 0x3000 r
== mprotect: beyond the end
map -F -a $a 0x2000 rw
mprotect $a+0x1000 0x3000 r
== mprotect: unaligned, nothing, too much
map -F -a $a 0x2000 rw
mprotect $a+0x800 0x1000 r
mprotect $a 0 r
mprotect $a+0x10000 0 r
mprotect $a 1 r
mprotect $a 0xffffffffffffffff r
mprotect $a 0xfffffffffffff000 r
== mprotect: all rights in turn
map -F -a $a 0x1000 rw
touch -w $a+0x1000
mprotect $a 0x1000 none
mprotect $a 0x1000 r
mprotect $a 0x1000 w
mprotect $a 0x1000 x
mprotect $a 0x1000 rwx
read $a 8
== mprotect: shared, read-only and back
map -F -s -a $a 0x4000 rw
touch -w $a+0x2000
touch $a+0x2000+0x2000
mprotect $a 0x4000 r
mprotect $a 0x4000 rw
touch -w $a+0x4000
== brk: grows, by bytes
brk $h+0x2800
touch -w $h+0x3000
brk $h+0x2801
brk $h+0x3000
brk $h+0x3001
== brk: shrinks, and grows zeroed
brk $h+0x3000
write -s 1 $h+0x2010 0x90
brk $h+0x1001
read $h+0x1000 1
read $h+0x2010 1
brk $h+0x3000
read $h+0x2010 1
== brk: below the start, and huge
brk $h-0x10000000
brk 0
brk 0x7ffffffff000
brk 0xffffffffffffffff
== brk: against a mapping
map -F -a $h+0x10000 0x1000 rw
brk $h+0xf000
brk $h+0x10000
brk $h+0x11000
brk $h+0x12000
== brk: after mprotect of its tail
brk $h+0x2000
mprotect $h+0x1000 0x1000 r
brk $h+0x4000
== brk: after munmap of its tail
brk $h+0x4000
touch -w $h+0x4000
munmap $h+0x2000 0x2000
brk $h+0x5000
touch -w $h+0x4000+0x1000
brk $h+0x1000
== brk: in a child
brk $h+0x2000
touch -w $h+0x2000
fork
brk -p 2 $h+0x4000
touch -p 2 -w $h+0x4000
brk $h
== brk: a byte after it, in its page
brk $h+0x800
write -s 1 $h+0x900 0x90
write -s 1 $h+0x1000 0x90
== mincore: what is there
map -F -a $a 0x4000 rw
write -s 1 $a 0x90
read $a+0x1000 1
mincore $a 0x4000
mprotect $a 0x1000 none
mincore $a 0x1000
== mincore: refused
map -F -a $a 0x1000 rw
mincore $a+0x800 0x1000
mincore $a 0x2000
mincore $a 0
mincore $a 1
== mincore: shared memory, seen by a second mapper
map -F -s -a $a 0x4000 rw
touch -w $a+0x2000
fork
mincore -p 2 $a 0x4000
touch -p 2 $a+0x1000
mincore -p 2 $a 0x4000
== fixed, but not over anything
map -F -a $a 0x4000 rw
map -E -a $a+0x1000 0x1000 r
map -E -a $a+0x3000 0x2000 r
map -E -a $a+0x4000 0x2000 r
map -E -a $a+0x800 0x1000 r
== locked at once
map -F -L -a $a 0x4000 rw
map -F -L -a $a+0x4000 0x4000 r
map -F -L -a $a+0x8000 0x4000 none
map -F -L -s -a $a+0xc000 0x4000 rw
== locked at once, over the limit
map -F -L -a $a 0x11000 rw
map -F -L -a $a 0x10000 rw
map -F -L -a $a+0x10000 0x1000 rw
== locks: limit 0
prlimit memlock=0
map -F -L -a $a 0x1000 rw
map -F -a $a 0x1000 rw
mlock $a 0x1000
mlockall -f
munlock $a 0x1000
== locks: the limit lowered below what is locked
map -F -a $a 0x8000 rw
mlock $a 0x8000
prlimit memlock=0x4000
mlock $a 0x8000
map -F -a $a+0x8000 0x1000 rw
mlock $a+0x8000 0x1000
== populate, not blocking
map -F -P -B -a $a 0x4000 rw
map -F -B -a $a+0x4000 0x4000 rw
== MAP_STACK
map -F -T -a $a 0x4000 rw
touch -w $a+0x4000
== msync: what it takes
map -F -s -a $a 0x4000 rw
touch -w $a+0x4000
msync -s $a 0x4000
msync -a $a 0x4000
msync -i $a 0x4000
msync -a -s $a 0x4000
msync -s $a+0x800 0x1000
msync -s $a 0
== msync: a hole
map -F -s -a $a 0x2000 rw
map -F -a $a+0x3000 0x2000 rw
msync -s $a 0x5000
msync -s $a+0x8000 0x1000
== msync: locked, invalidate
map -F -a $a 0x4000 rw
mlock $a 0x2000
msync -i $a 0x1000
msync -i $a+0x2000 0x1000
msync -i -s $a 0x4000
== stack limit: exact
prlimit stack=0x10000
map -F -G -a $a+0x3e8000 0x2000 rw
write -s 1 $a+0x3da000 0x90
write -s 1 $a+0x3d9000 0x90
write -s 1 $a+0x3d9ff0 0x90
prlimit stack=0x20000
write -s 1 $a+0x3d9000 0x90
