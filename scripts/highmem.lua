#!/usr/bin/env mmsh
-- Why HighMem existed: a kernel has one GiB of addresses to itself, and more
-- memory than that. What the direct map cannot hold has no kernel address.

local k = mmsh
local function mib(pages) return (pages * 4096 + 2^19) // 2^20 | 0 end

local function zone(name)
	for _, z in ipairs(k:zoneinfo().zones) do
		if z.zone == name then return z.present end
	end
	return 0
end

-- How much of the memory has an address, and how much has none.
local function memory(...)
	k:boot(...)
	return mib(zone("DMA") + zone("DMA32") + zone("Normal")), mib(zone("HighMem"))
end

print("                          lowmem  highmem   (MiB)")
for _, row in ipairs {
	{ "i386", "ram=512M" },
	{ "i386", "ram=1G" },
	{ "i386", "ram=2G" },
	{ "i386", "ram=2G", "vmsplit=2G" },
	{ "i386-pae", "ram=8G" },
	{ "x86_64", "ram=8G" },
} do
	local low, high = memory(table.unpack(row))
	print(string.format("%-26s%6d %8d", table.concat(row, " "), low, high))
end

-- The limit is one of addresses, not of memory.
local low, high = memory("i386", "ram=512M")
assert(high == 0)
low, high = memory("i386", "ram=2G")
assert(low == 896 and high == 1152)
low, high = memory("i386", "ram=2G", "vmsplit=2G")
assert(low > 1900, "the kernel took addresses from user space")
low, high = memory("x86_64", "ram=8G")
assert(high == 0, "64 bits: there are addresses for all of it")

-- A frame without an address: the kernel can hand it out, and not look at it.
k:boot("i386", "ram=2G")
local f = k:alloc_pages(0, { gfp = "highuser" })
assert(f.zone == "HighMem")
local pfn = mmsh.pfn(f.pfn)
assert(not pcall(k.kmap_to_page, k, k:eval("high_memory").value))

-- User code does not mind: its page tables reach every frame.
local va = k:map("4K").va
k:write(va, "hello")
assert(k:pagewalk(va).pa >= 0x38000000, "user pages come from HighMem first")

-- The kernel must borrow an address: kmap, or kmap_local for a short time.
local p, l = k:kmap(pfn), k:kmap_local(pfn)
k:write(p.va, 0x1234, { kernel = true })
assert(k:peek(mmsh.pa(f.pa), { size = 4 }).value == 0x1234)
assert(k:pagewalk(l.va).pa == f.pa, "two names of one frame")
k:kunmap_local(pfn)
k:kunmap(pfn)

-- What the kernel itself needs must be lowmem, and lowmem runs out first: the
-- slab, page tables, and the array of struct page.
assert(k:alloc_pages(0).zone == "Normal")
assert(k:check().count == 0)
print "ok"
