#!/usr/bin/env mmsh
-- Page-table isolation: a process has two trees. What user code's tree lacks,
-- what it must have to enter the kernel, and what the switches cost.

local k = mmsh

local function leaves(t, fn)
	for _, e in ipairs(t) do
		if e.entries then leaves(e.entries, fn)
		elseif e.page then fn(e) end
	end
end

-- Pages of kernel space in the tables that user code runs on, by area.
local function kernel_pages()
	local n = {}
	leaves(k:ptdump("PAGE_OFFSET-0xffffffffffffffff", { user = true }).entries,
		function(e) n[e.area] = (n[e.area] or 0) + e.count end)
	return n
end

-- A user read of kernel memory: the error code tells whether it is mapped.
local function probe()
	return k:why("PAGE_OFFSET+16M", { user = true }).fault.reason
end

k:boot("x86_64", "ram=512M", "cpus=1")
assert(probe() == "supervisor page", "mapped, and forbidden")
local plain = kernel_pages()

k:boot("x86_64", "ram=512M", "cpus=1", "pti=on")
assert(probe() == "not present", "there is nothing to forbid")
local user = kernel_pages()
assert(user["direct map"] == 1, "SYSCALL's scratch word in the TSS")
assert(user["kernel image"] == 1, "one 2M page: the entry text")
assert(user["cpu entry area"] == 16, "IDT, GDT, TSS, stacks")
assert(not user["vmemmap"] and not user["fixmap"])
assert(plain["vmemmap"], "without isolation all is there")

-- User space is in both trees; only user code may execute it.
k:read("text", 1)
assert(not k:why("text", { user = true, fetch = true }).fault)
assert(k:why("text", { kernel = true, fetch = true }).fault.reason
	== "execute disabled")

-- What it costs: flushes by MOV to CR3 for 20 times into the kernel and out.
local function flushes()
	local n = 0
	for _, c in ipairs(k:counters({ full = true }).counters) do
		if c.event == "flush" and c.what == "MOV to CR3" then
			n = n + c.count
		end
	end
	return n
end

local function cost(...)
	k:boot("x86_64", "ram=512M", "cpus=1", ...)
	k:read("PAGE_OFFSET", 1, { kernel = true })
	local before = flushes()
	for _ = 1, 20 do k:read("PAGE_OFFSET", 1, { kernel = true }) end
	return flushes() - before
end

local off, on, pcid = cost(), cost("pti=on"), cost("pti=on", "pcid=on")
print(string.format("20 times into the kernel and out: %d flushes, with pti=on "
	.. "%d, with PCIDs %d", off, on, pcid))
assert(off == 0 and on == 40 and pcid == 0)
assert(#k:check().findings == 0)
