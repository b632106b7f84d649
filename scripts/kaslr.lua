#!/usr/bin/env mmsh
-- KASLR over 1000 seeds: what moves, in which steps, how evenly, and that an
-- attacker who learns one base has not learnt the others.

local k = mmsh
local SEEDS = 1000

-- The layout for each seed; where it all went, by name.
local function collect(config)
	local all, order = {}, {}
	for seed = 1, SEEDS do
		local l = k:layout(config .. " ram=2G kaslr=on seed=" .. seed)
		for _, m in ipairs(l.kaslr) do
			local a = all[m.what]
			if not a then
				a = { at = {}, low = m.base, high = m.base,
					distinct = 0, seen = {}, granule = m.granule,
					positions = m.positions, bits = m.bits }
				all[m.what] = a
				order[#order + 1] = m.what
			end
			assert(m.granule == a.granule)
			assert(m.moved % m.granule == 0, m.what .. ": off its steps")
			if not a.seen[m.base] then a.distinct = a.distinct + 1 end
			a.seen[m.base] = true
			if math.ult(m.base, a.low) then a.low = m.base end
			if math.ult(a.high, m.base) then a.high = m.base end
			a.at[seed] = m.base
		end
	end
	return all, order
end

local function size(n)
	for _, unit in ipairs { { 1 << 30, "G" }, { 1 << 20, "M" }, { 1 << 10, "K" } } do
		if n % unit[1] == 0 then return n // unit[1] .. unit[2] end
	end
end

local function report(title, all, order)
	print(title)
	for _, what in ipairs(order) do
		local a = all[what]
		print(string.format("  %-17s 0x%x .. 0x%x  steps of %s, %d of 1000 differ",
			what, a.low, a.high, size(a.granule), a.distinct))
	end
end

-- Ten bars from the lowest to the highest place.
local function histogram(a)
	local bars, span = {}, a.high - a.low + a.granule
	for i = 1, 10 do bars[i] = 0 end
	for _, at in ipairs(a.at) do
		local i = (at - a.low) * 10 // span + 1
		bars[i] = bars[i] + 1
	end
	for i, n in ipairs(bars) do
		print(string.format("  0x%x  %-25s %d",
			a.low + (i - 1) * span // 10, string.rep("#", n // 5), n))
		assert(n > 50 and n < 160, "far from even")
	end
end

local x86, order = collect("x86_64")
report("x86_64, 2 GiB of RAM:", x86, order)
assert(x86._text.granule == 2 << 20 and x86._text.positions == 479)
assert(x86.page_offset_base.granule == 1 << 30)
assert(x86.page_offset_base.positions == 25089)
assert(x86["first module"].positions == 1024)
assert(not math.ult(x86._text.low, 0xffffffff81000000), "never lower than linked")
assert(math.ult(x86._text.high, 0xffffffffc0000000), "never where modules are")

-- The regions never change order, whatever the seed.
for seed = 1, SEEDS do
	assert(math.ult(x86.page_offset_base.at[seed], x86.vmalloc_base.at[seed]))
	assert(math.ult(x86.vmalloc_base.at[seed], x86.vmemmap_base.at[seed]))
end

print "the text's virtual address:"
histogram(x86._text)

-- Text is moved twice, apart: its address does not tell where it is in RAM.
local together = 0
for seed = 1, SEEDS do
	if x86._text.at[seed] - 0xffffffff80000000 == x86["__pa(_text)"].at[seed] then
		together = together + 1
	end
end
print(together .. " seeds of 1000 put it as far in RAM as in its mapping")
assert(together < 20)

-- i386 has 512 MiB and steps of 16 MiB: fewer than 5 bits.
local i386, i386_order = collect("i386 layout=6.1")
report("i386:", i386, i386_order)
assert(i386._text.granule == 16 << 20 and i386._text.positions == 31)
assert(i386._text.distinct == 31, "all of them, in 1000 boots")

-- With 5 levels the regions have a thousand times the room.
local l5 = k:layout("x86_64 la57=on kaslr=on").kaslr
assert(l5[1].what == "page_offset_base" and l5[1].positions == 16510294)

-- A boot with a seed is where its layout says.
for seed = 1, SEEDS, 100 do
	k:boot("x86_64", "ram=2G", "kaslr=on", "seed=" .. seed)
	assert(k:eval("_text").value == x86._text.at[seed])
	assert(k:eval("PAGE_OFFSET").value == x86.page_offset_base.at[seed])
	assert(k:pagewalk(mmsh.va(x86._text.at[seed])).pa == x86["__pa(_text)"].at[seed])
	assert(k:check().count == 0)
end
print "ok"
