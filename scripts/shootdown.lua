#!/usr/bin/env mmsh
-- A translation that outlives its page: CPU 1 has interrupts off when CPU 0
-- frees a vmalloc area, and reads memory that is somebody else's by now.

local k = mmsh
k:boot("x86_64", "ram=256M")

local area = k:vmalloc("4K").va
local function stale() return k:tlb({ stale = true }).stale end

-- CPU 1 reads the area once: now its TLB holds the translation.
k:switch(k:fork().pid, { cpu = 1 })
k:read(area, 4, { kernel = true, cpu = 1 })

-- CPU 0 frees it. Nobody flushes yet: freed areas wait for a purge, and share
-- one flush. Then CPU 1 is told by an interrupt, and does not listen.
k:reg("eflags", "-if", { cpu = 1 })
k:cpu(0)
k:vfree(area)
assert(#stale() == 1 and not stale()[1].missing.pending, "put off")
k:vm_unmap_aliases()
assert(stale()[1].missing.pending, "told")
assert(#stale() == 1 and stale()[1].cpu == 1, "CPU 1 has not forgotten")
assert(pcall(k.read, area, 4, { kernel = true, cpu = 1 }),
	"it reads a page that is free")

-- Interrupts on: the shootdown is delivered, and the next read faults.
k:reg("eflags", "+if", { cpu = 1 })
assert(#stale() == 0)
assert(not pcall(k.read, area, 4, { kernel = true, cpu = 1 }))
print(string.format("0x%x: stale on CPU 1 until its interrupts were on", area))
