#!/usr/bin/env mmsh
-- Threads share page tables, and so every CPU that has them loaded caches what
-- they say: what munmap, mprotect and copy-on-write cost in interrupts.

local k = boot("x86_64", "cpus=4", "ram=512M")
local p = k:process()

local function ipis()
	local n = { 0, 0, 0, 0 }
	for _, c in ipairs(k:counters().counters) do
		if c.event == "shootdown" then
			n[c.cpu + 1] = c.count
		end
	end
	return n
end

-- What each CPU was interrupted for, while f ran on CPU 0.
local function interrupts(what, f)
	local before = ipis()
	k:cpu(0)
	f()
	local after, text = ipis(), {}
	for i = 1, #after do
		text[i] = tostring(after[i] - before[i])
	end
	text = table.concat(text, " ")
	print(string.format("%-34s interrupts on CPU 0..3: %s", what, text))
	return text
end

local heap = p:map("1M").va
p:touch(heap, 1 << 20, "w")

-- One thread: nobody else needs to know.
assert(interrupts("mprotect, one thread", function()
	p:mprotect(heap, "16K", "r")
end) == "0 0 0 0")

-- Two more, on CPUs 1 and 2. One interrupt each, however many pages.
for cpu = 1, 2 do
	local t = k:clone("thread").pid
	k:switch(t, { cpu = cpu })
	k:touch(heap .. "+64K", { cpu = cpu })
end
k:cpu(0)
assert(interrupts("mprotect, 4 pages", function()
	p:mprotect(heap, "16K", "rw")
	p:mprotect(heap, "16K", "r")
end):match "^0 [12] [12] 0$")
assert(interrupts("munmap, 4 pages", function()
	p:munmap(heap, "16K")
end) == "0 1 1 0")
assert(interrupts("munmap, 64 pages: all at once", function()
	p:munmap(heap + (1 << 19), "256K")
end) == "0 1 1 0")

-- Copy-on-write: the page that was read by all is another one now.
local child = k:fork().pid
assert(interrupts("fork wrote protection", function() end) == "0 0 0 0")
assert(interrupts("a write copies one page", function()
	p:write(heap + 0x8000, 1)
end) == "0 1 1 0")
k:kill(child, "KILL")
k:wait()

-- A kernel thread on CPU 2 borrows the tables: it is not disturbed, unless
-- page tables are freed.
local kthread = k:kthread("kworker").pid
k:switch(kthread, { cpu = 2 })
assert(interrupts("mprotect, CPU 2 lazy", function()
	p:mprotect(heap + 0x8000, "16K", "r")
end) == "0 1 0 0")
local far = p:map("4K", { a = 0x10000000000, F = true }).va
p:touch(far, 4096, "w")
assert(interrupts("munmap that frees tables", function()
	p:munmap(far, "4K")
end) == "0 1 1 0")

-- The end of one thread frees nothing; the end of all does.
assert(k:ps { T = true }.processes)
assert(k:check().count == 0)
print "ok"
