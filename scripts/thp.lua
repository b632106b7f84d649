#!/usr/bin/env mmsh
-- Transparent huge pages: one fault for 2 MiB, a split by mprotect, a child
-- whose write splits its own entry only, small pages made large again.

local k = mmsh
k:boot("x86_64", "ram=1G")

-- An aligned area. Without advice it gets small pages: that is the default.
local area = k:map("6M", { fixed = true, addr = 0x7f0000000000 }).va
local LARGE <const> = 2 << 20

-- The size of the page behind an address, and where it is.
local function page(va, pid)
	local w = k:pagewalk(va, { pid = pid })
	return w.page_size, w.pa
end

k:write(area, "small")
assert(page(area) == 4096)

-- With MADV_HUGEPAGE the first touch brings 512 frames: one fault.
k:madvise(area, "6M", "HUGEPAGE")
assert(k:write(area + LARGE, "large").min_flt == 1)
assert(page(area + LARGE) == LARGE)
for i = 1, 511 do
	assert(k:write(area + LARGE + i * 4096, "x").min_flt == 0)
end

-- mprotect of one small page: the entry is split, frames and bytes stay.
local _, before = page(area + LARGE)
k:mprotect(area + LARGE + 4096, "4K", "r")
local size, after = page(area + LARGE)
assert(size == 4096 and after == before, "split in place")

-- fork: the large entry of both is read-only. The child's write splits its
-- own and copies one small page; the parent's entry stays.
k:write(area + 2 * LARGE, "parent")
local child = k:fork().pid
k:switch(child)
assert(k:write(area + 2 * LARGE, "child!").min_flt == 1)
assert(page(area + 2 * LARGE, child) == 4096)
assert(page(area + 2 * LARGE, 1) == LARGE)
k:exit({ pid = child })
k:switch(1)

-- The small pages of the beginning become a large one; after the fork all of
-- them are read-only, so that one must be written first.
k:write(area, "again")
k:collapse(area, "2M")
assert(page(area) == LARGE)
assert(k:check().count == 0)
print "ok"
