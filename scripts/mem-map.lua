#!/usr/bin/env mmsh
-- mem_map eats lowmem. Every frame of RAM has a struct page, and on i386 all of
-- them lie in the 896 MiB that the kernel can address: the more memory a
-- machine has, the less of it is left for the kernel.

local k = mmsh
local PAGE = 40			-- sizeof(struct page), i386 6.1

local function lowmem(boot)
	k:boot("i386-pae", table.unpack(boot))
	local sums = {}
	for _, line in ipairs(k:meminfo().meminfo) do
		sums[line.name] = line.kb
	end
	return sums.LowTotal, sums.HighTotal
end

-- RAM doubles, lowmem shrinks: 40 bytes for each frame more.
local first, last
for _, gib in ipairs { 2, 4, 8, 16, 32, 64 } do
	local low, high = lowmem { ("ram=%dG"):format(gib) }
	print(("%2d GiB  lowmem %6d KiB  highmem %8d KiB"):format(gib, low, high))
	assert(not last or low < last, "more RAM, less lowmem")
	first, last = first or low, low
end
assert(first > 3 * last, "64 GiB leave a third of what 2 GiB do")

-- The array itself: frame 0's record first, 40 bytes for each.
local map = k:pfn_to_page(mmsh.pfn(0)).page
local step = k:pfn_to_page(mmsh.pfn(1)).page - map
assert(step == PAGE)
local bytes = k:pfn_to_page(mmsh.pfn(0x1000000 - 1)).page + PAGE - map
assert(bytes == 640 * 1024 * 1024, "640 of 896 MiB")
assert(map + bytes == k:eval("high_memory").value, "at the top of lowmem")

-- No room at all: a kernel that keeps 512 MiB for vmalloc cannot boot.
local ok, err = pcall(k.boot, k, "i386-pae", "ram=64G", "vmalloc=512M")
assert(not ok and err.message:find("mem_map"), err.message)

-- Ways out: a split with more lowmem, or 64 bits, where all RAM is lowmem.
assert(lowmem { "ram=64G", "vmsplit=1G" } > 2 * first)
k:boot("x86_64", "ram=64G")
assert(k:check().count == 0)
print "ok"
