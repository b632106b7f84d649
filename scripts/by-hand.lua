#!/usr/bin/env mmsh
-- Page tables by hand, on a machine without a kernel, and the reasons why
-- accesses fail: each remedy that `why` proposes is tried for real.

local k = mmsh
k:boot("none", "ram=16M", "cpus=1")

local P, RW, US, XD = 1, 2, 4, 1 << 63

local function entry(table, index, value)
	k:poke(mmsh.pa(table + 8 * index), value, { size = 8 })
end

-- 4 levels: PML4 at 0x1000, then 0x2000, 0x3000, and a page table at 0x4000.
entry(0x1000, 0, 0x2000 | P | RW | US)
entry(0x2000, 0, 0x3000 | P | RW | US)
entry(0x3000, 0, 0x4000 | P | RW | US)
entry(0x4000, 0, 0x8000 | P | RW | US | XD)	-- data
entry(0x4000, 1, 0x9000 | P | US)		-- text
entry(0x4000, 2, 0xa000 | P | RW)		-- the kernel's

k:reg("cr4", "+pae", "+pge")
k:reg("efer", "+lme", "+nxe")
k:reg("cr3", 0x1000)
k:reg("cr0", "+pe", "+pg", "+wp")

local function ask(va, how)
	how.user = true
	return k:why(va, how)
end

assert(ask(0x0, { write = true }).allowed)
assert(ask(0x1000, { fetch = true }).allowed)

local cases = {
	{ 0x0000, { fetch = true }, "execute disabled" },
	{ 0x1000, { write = true }, "read-only page" },
	{ 0x2000, {}, "supervisor page" },
	{ 0x3000, {}, "not present" },
}
for _, case in ipairs(cases) do
	local va, how, reason = table.unpack(case)
	local answer = ask(va, how)
	assert(not answer.allowed and answer.fault.reason == reason)
	assert(#answer.remedies > 0)
	print(string.format("0x%04x: %s; %s", va, reason,
		answer.remedies[1].change))
end
