#!/usr/bin/env mmsh
-- Swap: what is written to swap is not gone from memory at once. It stays in the
-- swap cache until its frame is needed: who comes back before that takes a
-- minor fault, who comes later a major one, and both find their bytes.

local k = mmsh
k:boot("x86_64", "ram=256M")
k:swapon("1M")

local area = k:map("64K").va
for i = 0, 15 do
	k:write(area + i * 4096, "page " .. i)
end

-- MADV_PAGEOUT: 16 pages are written, each gets a slot, none is freed yet.
k:madvise(area, "64K", "PAGEOUT")
local dev = k:swaps({ verbose = true }).devices[1]
assert(dev.used == 16 and dev.writes == 16 and dev.cached == 16)
local walk = k:pagewalk(area)
local pte = walk.steps[#walk.steps]
assert(pte.linux == "swap" and pte.swap_type == 0 and pte.swap_offset == 1)

-- Back from the swap cache: a minor fault, the same frame, nothing is read.
local r = k:read(area, 6)
assert(r.min_flt == 1 and r.maj_flt == 0)
assert(k:page(mmsh.va(area)).swap_offset == 1, "the slot is kept")

-- A second time: the page is clean, its slot has the bytes. No write is needed.
k:madvise(area, "4K", "PAGEOUT")
assert(k:swaps({ verbose = true }).devices[1].writes == 16)

-- The frames are freed: now it is a major fault. Readahead brings others along.
k:reclaim(15)
r = k:read(area, 6)
assert(r.min_flt == 0 and r.maj_flt == 1)
local major = 1
for i = 1, 15 do
	major = major + k:read(area + i * 4096, 6).maj_flt
end
dev = k:swaps({ verbose = true }).devices[1]
assert(dev.reads == 16 and major < 16, "fewer faults than pages")
print(string.format("16 pages came back with %d major faults", major))

-- fork: parent and child name the same slots; each reads its own copy later.
k:madvise(area, "64K", "PAGEOUT")
local child = k:fork().pid
k:switch(child)
k:write(area, "child")
k:switch(1)
assert(k:read(area, 6).min_flt == 1)

-- swapoff reads back what is left, and everything is in memory again.
k:exit({ pid = child })
k:swapoff("/dev/swap0")
assert(#k:swaps().swaps == 0)
r = k:read(area + 4096, 6)
assert(r.min_flt == 0 and r.maj_flt == 0)
assert(k:check().count == 0)
print "ok"
