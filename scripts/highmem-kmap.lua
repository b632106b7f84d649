#!/usr/bin/env mmsh
-- HighMem and kmap. With 2 GiB of RAM and 1 GiB of kernel space, most frames
-- have no kernel address. kmap lends them one of a few slots.

local k = mmsh
k:boot("i386", "ram=2G")

local high = k:eval("high_memory").value
assert(high == 0xf8000000, "the direct map ends at 896 MiB")

-- A frame of HighMem, and why the kernel cannot reach it.
local b = k:alloc_pages(0, { gfp = "highuser" })
assert(b.zone == "HighMem")
assert(not k:__va(mmsh.pa(b.pa)).valid, "__va() of it is some other number")
local ok, err

-- A slot makes it reachable; a second kmap of the same frame shares the slot.
local pfn = mmsh.pfn(b.pfn)
local va = k:kmap(pfn).va
assert(k:kmap(pfn).va == va, "the slot is shared and counted")
assert(k:pagewalk(va).pa == b.pa)
k:write(va, 0x12345678, { kernel = true })
assert(k:peek(mmsh.pa(b.pa), { size = 4 }).value == 0x12345678)

-- Lowmem needs no slot: kmap returns its own address.
local low = k:alloc_pages(0)
assert(k:kmap(mmsh.pfn(low.pfn)).va == k:__va(mmsh.pa(low.pa)).va)

-- The slots are few. Take them all, and the next caller would sleep.
local taken = {}
repeat
	local f = k:alloc_pages(0, { gfp = "highuser" })
	ok, err = pcall(k.kmap, k, mmsh.pfn(f.pfn))
	if ok then taken[#taken + 1] = f.pfn end
until not ok
assert(err.errno == "EAGAIN")
print(#taken + 1 .. " slots, and no more")
assert(#taken + 1 == 1024, "LAST_PKMAP")

-- kunmap drops a use; the slot is free when the last user is gone.
k:kunmap(pfn)
k:kunmap(pfn)
assert(k:kmap(mmsh.pfn(k:alloc_pages(0, { gfp = "highuser" }).pfn)).va == va)
assert(k:check().count == 0)
print "ok"
