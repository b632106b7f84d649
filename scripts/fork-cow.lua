#!/usr/bin/env mmsh
-- fork and copy-on-write: after fork both processes map the same frames,
-- read-only. The first to write gets a copy; the last sharer keeps the frame.

local k = mmsh
k:boot("i386", "ram=1G")

local area = k:map("16K").va

local function frame(pid)
	return k:pagewalk(area, { pid = pid }).pa >> 12
end

k:write(area, "before")
local first = frame(1)
assert(k:pagewalk(area).rights.user == "rwx", "writable before the fork")

local child = k:fork().pid
assert(frame(1) == first and frame(child) == first, "one frame, two processes")
assert(k:pagewalk(area).rights.user == "r-x", "and nobody may write it")
assert(k:page(mmsh.pfn(first)).mapcount == 2)

-- The child writes: a fault, a copy, a frame of its own.
k:switch(child)
local r = k:write(area, "child!")
assert(r.min_flt == 1)
assert(frame(child) ~= first, "the child has a copy")
assert(frame(1) == first, "the parent has what it had")

-- The parent is the last sharer: a fault, but no copy.
k:switch(1)
r = k:write(area, "parent")
assert(r.min_flt == 1)
assert(frame(1) == first, "reused, not copied")
print(string.format("frame 0x%x: shared, then the parent's; the child has 0x%x",
	first, frame(child)))

-- When the child exits nobody shares any more; its frame comes back.
local copy = frame(child)
k:exit({ pid = child })
assert(k:page(mmsh.pfn(copy)).what:sub(1, 4) == "free", "on a CPU's list")
assert(k:check().count == 0)
print "ok"
