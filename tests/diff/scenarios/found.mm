# Disagreements that random sequences have found.
== a locked page's last sharer after the other has copied
map -F -a $a+0x20000 0x6000 rw
mlock $a+0x22000 0x1000
fork
touch -w $a+0x22000+0x1000
write -p 2 -s 1 $a+0x22000 0xf8
== a locked stack grows by the page that was touched
mlockall -f
map -F -G -a $a+0x1fc000 0x1000 rw
write -s 1 $a+0x1fb000 0x9f
== a store into a page and a hole
map -F -s -a $a 0x2000 rw
mlock $a 0x2000
write -s 8 $a+0x1ffc 0x9f9f9f9f9f9f9f9f
== mprotect, and a page that MADV_FREE has made clean
map -F -a $a+0x3f8000 0x6000 rw
write -s 1 $a+0x3fa000 0xf8
mprotect $a+0x3fb000 0x3000 w
write -s 1 $a+0x3fd000 0xf8
madvise $a+0x3fc000 0x2000 FREE
mprotect $a+0x3fb000 0x4000 rw
touch -w $a+0x3f9000+0x7000
== DONTUNMAP of lengths that are equal in pages only
map -a $a+0x1f8000 0x1000 rw
mremap -F -D $a+0x1f8000 0x1800 0x2000 $a+0x200000
== mremap of equal absurd lengths
map -F -a $a+0xf000 0x3000 rw
mremap $a+0x11000 0xfffffffffffff000 0xfffffffffffff000
== DONTUNMAP of a locked area, and the limit
mlockall -f
map -F -s -a $a+0x20a000 0x4000 rw
brk $h+0xa000
mremap -F -D $a+0x20b000 0x3000 0x3000 $a+0x1fd000
map -F -a $a+0x1f7000 0x1000 rw
