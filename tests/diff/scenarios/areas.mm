# Areas: when they merge, and how they split. Each begins with "== name".
== anonymous: above
map -F -a $a 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
== anonymous: below
map -F -a $a+0x2000 0x2000 rw
map -F -a $a 0x2000 rw
== anonymous: a bridge
map -F -a $a 0x2000 rw
map -F -a $a+0x4000 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
== anonymous: above an area with pages
map -F -a $a 0x2000 rw
touch -w $a+0x2000
map -F -a $a+0x2000 0x2000 rw
touch -w $a+0x4000
== anonymous: below an area with pages
map -F -a $a+0x2000 0x2000 rw
touch -w $a+0x2000+0x2000
map -F -a $a 0x2000 rw
touch -w $a+0x4000
== anonymous: a bridge between two areas with pages of their own
map -F -a $a 0x2000 rw
touch -w $a+0x2000
map -F -a $a+0x4000 0x2000 rw
touch -w $a+0x4000+0x2000
map -F -a $a+0x2000 0x2000 rw
== anonymous: a bridge where only the lower has pages
map -F -a $a 0x2000 rw
touch -w $a+0x2000
map -F -a $a+0x4000 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
touch -w $a+0x6000
== anonymous: a bridge where only the upper has pages
map -F -a $a 0x2000 rw
map -F -a $a+0x4000 0x2000 rw
touch -w $a+0x4000+0x2000
map -F -a $a+0x2000 0x2000 rw
touch -w $a+0x6000
== no merge: protection
map -F -a $a 0x2000 rw
map -F -a $a+0x2000 0x2000 r
== no merge: private and shared
map -F -a $a 0x2000 rw
map -F -s -a $a+0x2000 0x2000 rw
== no merge: two shared anonymous areas
map -F -s -a $a 0x2000 rw
map -F -s -a $a+0x2000 0x2000 rw
touch -w $a+0x4000
== no merge: noreserve
map -F -a $a 0x2000 rw
map -F -N -a $a+0x2000 0x2000 rw
== merge: noreserve both
map -F -N -a $a 0x2000 rw
map -F -N -a $a+0x2000 0x2000 rw
== merge: populated
map -F -P -a $a 0x2000 rw
map -F -P -a $a+0x2000 0x2000 rw
== merge: read-only areas that were only read
map -F -a $a 0x2000 r
touch $a+0x2000
map -F -a $a+0x2000 0x2000 r
touch $a+0x4000
== mprotect: the middle, and back
map -F -a $a 0x6000 rw
mprotect $a+0x2000 0x2000 r
mprotect $a+0x2000 0x2000 rw
== mprotect: the middle and back, all with pages before
map -F -a $a 0x6000 rw
touch -w $a+0x6000
mprotect $a+0x2000 0x2000 r
mprotect $a+0x2000 0x2000 rw
touch -w $a+0x6000
== mprotect: back, the outer parts faulted while it was split
map -F -a $a 0x6000 rw
mprotect $a+0x2000 0x2000 r
touch -w $a+0x2000
touch -w $a+0x4000+0x2000
mprotect $a+0x2000 0x2000 rw
== mprotect: back, only the middle has pages
map -F -a $a 0x6000 rw
touch -w $a+0x2000+0x2000
mprotect $a+0x2000 0x2000 r
mprotect $a+0x2000 0x2000 rw
== mprotect: back, the middle got its pages while it was split
map -F -a $a 0x6000 rw
mprotect $a+0x2000 0x2000 rwx
touch -w $a+0x2000+0x2000
mprotect $a+0x2000 0x2000 rw
== mprotect: back, only the first has pages
map -F -a $a 0x4000 rw
mprotect $a+0x2000 0x2000 r
touch -w $a+0x2000
mprotect $a+0x2000 0x2000 rw
== mprotect: the second has pages, the first is changed
map -F -a $a 0x4000 rw
mprotect $a 0x2000 r
touch -w $a+0x2000+0x2000
mprotect $a 0x2000 rw
== mprotect: the boundary moves up
map -F -a $a 0x8000 rw
mprotect $a+0x4000 0x4000 r
mprotect $a+0x2000 0x2000 r
mprotect $a+0x2000 0x1000 rw
== mprotect: the boundary moves, with pages
map -F -a $a 0x8000 rw
touch -w $a+0x8000
mprotect $a+0x4000 0x4000 r
mprotect $a+0x4000 0x2000 rw
mprotect $a+0x3000 0x1000 r
== mprotect: across a boundary
map -F -a $a 0x4000 rw
map -F -a $a+0x4000 0x4000 r
mprotect $a+0x2000 0x4000 rw
== mprotect: all three of a row
map -F -a $a 0x2000 rw
map -F -a $a+0x2000 0x2000 r
map -F -a $a+0x4000 0x2000 rx
mprotect $a 0x6000 r
== mprotect: what it is already splits nothing
map -F -a $a 0x6000 rw
mprotect $a+0x2000 0x1000 rw
== mprotect: read-only made writable, then a new one above
map -F -a $a 0x2000 r
mprotect $a 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
== mprotect: writable made read-only, then a new one above
map -F -a $a 0x2000 rw
mprotect $a 0x2000 r
map -F -a $a+0x2000 0x2000 r
== mprotect: written, made read-only, then a new one above
map -F -a $a 0x2000 rw
touch -w $a+0x2000
mprotect $a 0x2000 r
map -F -a $a+0x2000 0x2000 r
== munmap: the middle, and refilled
map -F -a $a 0x6000 rw
munmap $a+0x2000 0x2000
map -F -a $a+0x2000 0x2000 rw
== munmap: the middle of pages, and refilled
map -F -a $a 0x6000 rw
touch -w $a+0x6000
munmap $a+0x2000 0x2000
map -F -a $a+0x2000 0x2000 rw
touch $a+0x6000
== munmap: head and tail
map -F -a $a 0x6000 rw
touch -w $a+0x6000
munmap $a 0x1000
munmap $a+0x5000 0x1000
touch $a+0x1000+0x4000
== munmap: over several areas and holes
map -F -a $a 0x2000 rw
map -F -s -a $a+0x3000 0x2000 rw
map -F -a $a+0x6000 0x2000 r
touch -w $a+0x2000
touch -w $a+0x3000+0x2000
munmap $a+0x1000 0x6000
== munmap: a shared area is split, its pages stay
map -F -s -a $a 0x6000 rw
touch -w $a+0x6000
munmap $a+0x2000 0x2000
touch $a+0x2000
touch $a+0x4000+0x2000
== fixed over the middle
map -F -a $a 0x6000 rw
touch -w $a+0x6000
map -F -a $a+0x2000 0x2000 r
read $a+0x2000 1
read $a+0x1000 1
== fixed over all, same rights
map -F -a $a 0x4000 rw
touch -w $a+0x4000
map -F -a $a+0x1000 0x2000 rw
touch $a+0x4000
== advice that splits: RANDOM, SEQUENTIAL, back
map -F -a $a 0x6000 rw
madvise $a+0x2000 0x2000 RANDOM
madvise $a+0x2000 0x2000 SEQUENTIAL
madvise $a+0x2000 0x2000 NORMAL
== advice that splits: DONTFORK, DONTDUMP, WIPEONFORK
map -F -a $a 0x8000 rw
madvise $a+0x1000 0x1000 DONTFORK
madvise $a+0x3000 0x1000 DONTDUMP
madvise $a+0x5000 0x1000 WIPEONFORK
madvise $a+0x1000 0x1000 DOFORK
madvise $a+0x3000 0x1000 DODUMP
madvise $a+0x5000 0x1000 KEEPONFORK
== advice that does not split
map -F -a $a 0x8000 rw
touch -w $a+0x8000
madvise $a+0x1000 0x1000 DONTNEED
madvise $a+0x2000 0x1000 FREE
madvise $a+0x3000 0x1000 WILLNEED
madvise $a+0x4000 0x1000 COLD
== mlock splits, munlock merges
map -F -a $a 0x6000 rw
mlock $a+0x2000 0x2000
munlock $a+0x2000 0x2000
== child: next to an inherited area without pages
map -F -a $a 0x2000 rw
fork
map -p 2 -F -a $a+0x2000 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
== child: next to an inherited area with pages
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
map -p 2 -F -a $a+0x2000 0x2000 rw
map -F -a $a+0x2000 0x2000 rw
touch -p 2 -w $a+0x2000+0x2000
== child: mprotect in the middle and back
map -F -a $a 0x6000 rw
touch -w $a+0x6000
fork
mprotect -p 2 $a+0x2000 0x2000 r
mprotect -p 2 $a+0x2000 0x2000 rw
touch -p 2 -w $a+0x6000
== child: unmaps what it inherited, maps it anew
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
munmap -p 2 $a+0x1000 0x2000
map -p 2 -F -a $a+0x1000 0x2000 rw
touch -p 2 -w $a+0x1000+0x2000
== grandchild: a row of three
map -F -a $a 0x2000 rw
touch -w $a+0x2000
fork
map -p 2 -F -a $a+0x2000 0x2000 rw
touch -p 2 -w $a+0x2000+0x2000
fork -p 2
map -p 3 -F -a $a+0x4000 0x2000 rw
touch -p 3 -w $a+0x6000
== the edge of a page table
map -F -a $a+0x1fe000 0x4000 rw
touch -w $a+0x1fe000+0x4000
mprotect $a+0x1ff000 0x2000 r
munmap $a+0x200000 0x1000
fork
touch -p 2 $a+0x1fe000+0x2000
