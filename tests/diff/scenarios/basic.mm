# Each scenario begins with "== name".
== anonymous write, read, write
map -F -a $a 0x4000 rw
touch -w $a+0x2000
touch $a+0x4000
read $a+0x10 1
write -s 1 $a+0x3010 0x90
read $a+0x3010 1
fetch $a 1
munmap $a+0x1000 0x1000
read $a+0x1000 1
== fork, child writes first
map -F -a $a 0x4000 rw
touch -w $a+0x4000
fork
write -p 2 -s 1 $a 0x90
write -s 1 $a 0x91
read -p 2 $a 1
exit -p 2
write -s 1 $a+0x1000 0x91
== heap
brk $h+0x2800
touch -w $h+0x2000
brk $h+0x800
map 0x1000 rw
map 0x3000 rw
fetch $a 1
map -F -a $a 0x1000 rx
fetch $a 1
