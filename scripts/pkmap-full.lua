#!/usr/bin/env mmsh
-- The window of kmap runs full, twice: once with slots that nobody uses any
-- more, which one flush of all TLBs gives back, and once with slots that are
-- all in use, where only waiting helps.

local k = mmsh
k:boot("i386", "ram=2G")

local function high() return mmsh.pfn(k:alloc_pages(0, { gfp = "highuser" }).pfn) end
local function say(what)
	local p = k:pkmap()
	print(string.format("%-44s %4d in use, %4d unused, %4d free, %d flushes", what,
		p.in_use, p.unflushed, p.free, p.flushes))
	return p
end

local slots = k:pkmap().slots
assert(slots == 1024, "LAST_PKMAP")
say("at first")

-- Map and unmap one frame after another. kunmap leaves the entry where it is:
-- other CPUs may have it in their TLBs, and telling them costs an interrupt each.
local first = high()
local va = k:kmap(first).va
k:kunmap(first)
for _ = 2, slots - 1 do
	local f = high()
	k:kmap(f)
	k:kunmap(f)
end
local p = say("one frame after another, each unmapped")
assert(p.unflushed == slots - 1 and p.flushes == 0)

-- kmap of the first frame finds its old slot by page_address(): no search.
assert(k:kmap(first).va == va)
k:kunmap(first)

-- The search wraps around: all unused slots are cleared, all TLBs flushed once.
local again = high()
assert(k:kmap(again).va == k:eval("PKMAP_BASE").value, "slot 0 comes last")
p = say("one more: the search wraps")
assert(p.flushes == 1 and p.unflushed == 0 and p.in_use == 1)
assert(not k:pagewalk(va).pa, "the first frame's old address is gone")

-- Now nobody gives a slot back.
local taken = { again }
for _ = 2, slots do
	taken[#taken + 1] = high()
	k:kmap(taken[#taken])
end
p = say("all of them in use")
assert(p.in_use == slots and p.free == 0)

-- Who comes now would sleep in map_new_virtual() until a slot is released.
local late = high()
local ok, err = pcall(k.kmap, k, late)
assert(not ok and err.errno == "EAGAIN")
print("one more: " .. err.message:match("kmap would sleep until one is released"))

-- kmap_local needs none of them: it has slots of its own CPU.
local l = k:kmap_local(late)
assert(l.slot == 0)
k:kunmap_local(late)

-- A second user of a frame that has a slot needs no other.
assert(k:kmap(taken[5]).va == k:kmap(taken[5]).va)
k:kunmap(taken[5])
k:kunmap(taken[5])

-- One kunmap, and the sleeper goes on. The slot had to be flushed before.
k:kunmap(taken[7])
k:kmap(late)
p = say("one given back, and taken by the sleeper")
assert(p.in_use == slots and p.flushes == 2)
assert(k:check().count == 0)
print "ok"
