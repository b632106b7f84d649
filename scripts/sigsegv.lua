-- sigsegv.lua - a process repairs its own page faults: a handler of SIGSEGV
-- that maps what was touched, one that lets go of write protection page by
-- page (what garbage collectors and checkpoints do), and one that gives up.

local k = boot("x86_64")
local p = k:process()

-- Memory that comes into being where it is touched.
local base, mapped = 0x100000000, 0
p:sigaction("SIGSEGV", function(info)
	assert(info.code == "SEGV_MAPERR")
	p:map { "4K", "rw", a = info.si_addr & ~0xfff, F = true }
	mapped = mapped + 1
end)
for i = 0, 7 do
	p:write(base + i * 0x10000, i)
end
print("mapped by the handler:", mapped, "pages")

-- A write barrier: which pages are written to?
local heap = p:map("64K").va
p:touch(heap, 65536, "w")
p:mprotect(heap, "64K", "r")
local dirty = {}
p:sigaction("SIGSEGV", function(info)
	assert(info.code == "SEGV_ACCERR")
	local page = info.si_addr & ~0xfff
	dirty[#dirty + 1] = (page - heap) // 4096
	p:mprotect(page, 4096, "rw")
end)
for _, at in ipairs { 3 * 4096 + 8, 9 * 4096, 3 * 4096 + 16 } do
	p:write(heap + at, 1)
end
print("written pages:", table.concat(dirty, " "))

-- A handler that does not return: the access ends.
p:sigaction("SIGSEGV", function(info)
	error(string.format("no idea what 0x%x should be", info.si_addr))
end)
local ok, err = pcall(p.read, p, 0x10)
print(ok, err.kind, err.message)

-- The frame of a signal needs room on the stack. One that has overflowed has
-- none, and SIGSEGV kills; sigaltstack() is what helps.
local limit = 8 << 20
local bottom = 0x7ffffffff000 - limit
local function overflow(altstack)
	local pid = k:clone { s = bottom + 64 }.pid
	local calls = 0
	k:switch(pid)
	local c = k:process(pid)
	c:handle("SIGSEGV", "pass")
	c:sigaction("SIGSEGV", function(info)
		calls = calls + 1
		c:map { "4K", "rw", a = info.si_addr & ~0xfff, F = true }
	end, { onstack = altstack })
	if altstack then
		c:sigaltstack(c:map("16K").va, 16384)
	end
	local fine, why = pcall(c.write, c, bottom - 8, 1)
	local alive = c.alive
	k:kill(pid, "KILL")
	k:switch(1)
	print(altstack and "with another stack:" or "on its own stack:",
	      fine and "repaired" or why.message, "handler calls: " .. calls)
	assert(alive == altstack)
	k:wait()
end
overflow(false)
overflow(true)
assert(k:check().count == 0)
