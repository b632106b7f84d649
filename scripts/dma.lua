#!/usr/bin/env mmsh
-- DMA and contiguity. A device is given a physical address and a length, and
-- no page table stands between it and memory: this is why kernel logical
-- addresses matter, and what vmalloc buffers, HighMem and narrow devices need
-- instead.

local k = mmsh
local PAGE = 4096

-- n pages, each with text of its own, written by the CPU.
local function fill(va, n)
	for i = 0, n - 1 do
		k:write(va + PAGE * i, "page " .. i, { kernel = true })
	end
end

-- What the device saw of each page is what the CPU wrote there.
local function seen(r)
	local n = 0
	for i, p in ipairs(r.pages) do
		if p.bytes:sub(1, 6) == "page " .. i - 1 then n = n + 1 end
	end
	return n
end

-- The first bytes that the CPU sees at an address.
local function text(va, n)
	return k:read(va, n, { kernel = true }).dump[1].ascii
end

k:boot("i386", "ram=2G")
k:dma_device("disk0")

-- 1. kmalloc: neighbours in the direct map are neighbours in RAM, so that
-- even the careless driver is right, and the DMA API agrees with it.
local a = k:kmalloc("16K").va
fill(a, 4)
for i = 0, 3 do
	assert(k:pagewalk(a + PAGE * i).pa == k:__pa(a).pa + PAGE * i)
end
local r = k:dma_write("disk0", a, "16K", { naive = true })
assert(r.right == 4 and r.wrong == 0 and seen(r) == 4)
local m = k:dma_map_single("disk0", a, "16K", "to")
assert(m.nents == 1 and m.segments[1].bus == k:__pa(a).pa)
assert(seen(k:dma_write("disk0", a, "16K")) == 4)
k:dma_unmap("disk0", a)
print "kmalloc: one address will do"

-- 2. vmalloc on a fresh machine: the frames happen to be neighbours, and a
-- driver that takes the first page's address for the whole seems to work.
local v = k:vmalloc("16K")
fill(v.va, 4)
for i = 2, 4 do assert(v.pages[i].pfn == v.pages[i - 1].pfn + 1) end
assert(k:dma_write("disk0", v.va, "16K", { first = true }).right == 4)
k:vfree(v.va)
print "vmalloc, frames side by side: the bug hides"

-- 3. The same once memory is in use: every second frame is taken.
local frame = {}
for i = 1, 512 do
	frame[i] = k:alloc_pages(0, { gfp = "highuser" }).pfn
end
for i = 1, 512, 2 do k:free_pages(mmsh.pfn(frame[i])) end
v = k:vmalloc("16K")
fill(v.va, 4)
for i = 2, 4 do
	assert(v.pages[i].pfn ~= v.pages[i - 1].pfn + 1, "no neighbours")
end
r = k:dma_write("disk0", v.va, "16K", { first = true })
assert(r.right == 1 and r.wrong == 3 and seen(r) == 1, "right for one page")
r = k:dma_write("disk0", v.va, "16K", { naive = true })
assert(r.right == 0, "__pa() of a vmalloc address is not even right for that")
print "vmalloc, frames scattered: wrong past the first page"

-- The other direction is worse: somebody else's page is overwritten.
local victim
for i = 2, 512, 2 do
	if frame[i] == v.pages[1].pfn + 1 then victim = frame[i] end
end
assert(victim, "the next frame is somebody's")
k:poke(mmsh.pa(victim * PAGE), 0x600df00d)
k:dma_read("disk0", v.va, "8K", "sector. ", { first = true })
assert(k:peek(mmsh.pa(victim * PAGE)).value ~= 0x600df00d, "no fault, no oops")

-- dma_map_single() refuses, and a scatter list is the answer: a segment for
-- each run of frames.
local ok, err = pcall(k.dma_map_single, k, "disk0", v.va, "16K", "to")
assert(not ok and err.errno == "ENOMEM")
fill(v.va, 4)
m = k:dma_map_sg("disk0", v.va, "16K", "both")
assert(m.nents == 4)
for i = 1, 4 do assert(m.segments[i].pfn == v.pages[i].pfn) end
r = k:dma_write("disk0", v.va, "16K")
assert(r.right == 4 and seen(r) == 4)
assert(k:dma_read("disk0", v.va, "16K", "sector. ").right == 4)
assert(text(v.va + 3 * PAGE, 8) == "sector. ")
k:dma_unmap("disk0", v.va)
print "dma_map_sg: page by page"

-- 4. HighMem has no kernel logical address at all, and the one that kmap lends
-- has no __pa(). The frame is what counts, and a list knows it.
local h = k:alloc_pages(0, { gfp = "highuser" })
local slot = k:kmap(mmsh.pfn(h.pfn)).va
fill(slot, 1)
assert(not k:__va(mmsh.pa(h.pa)).valid)
assert(k:dma_write("disk0", slot, "4K", { naive = true }).wrong == 1)
m = k:dma_map_sg("disk0", slot, "4K", "to")
assert(m.segments[1].bus == h.pa)
assert(seen(k:dma_write("disk0", slot, "4K")) == 1)
k:dma_unmap("disk0", slot)
print "HighMem: by its frame, not by an address"

-- 5. An ISA device reaches 16M: no HighMem, and little of lowmem. GFP_DMA, or
-- bounce pages.
k:dma_device("sb16", { bits = 24 })
ok, err = pcall(k.dma_map_single, k, "sb16", a, "16K", "to")
assert(not ok, "a kmalloc buffer above 16M")
assert(k:dma_write("sb16", a, "16K", { naive = true }).right == 0)
local d = k:kmalloc("16K", { dma = true }).va
fill(d, 4)
k:dma_map_single("sb16", d, "16K", "to")
assert(seen(k:dma_write("sb16", d, "16K")) == 4)
k:dma_unmap("sb16", d)
k:kfree(d)
fill(v.va, 4)
m = k:dma_map_sg("sb16", v.va, "16K", "both", { bounce = true })
for i = 1, 4 do
	assert(m.segments[i].zone == "DMA" and m.segments[i].bounce)
end
assert(seen(k:dma_write("sb16", v.va, "16K")) == 4)
k:dma_read("sb16", v.va, "16K", "sample  ")
assert(text(v.va, 6) == "page 0", "not there yet")
k:dma_unmap("sb16", v.va)
assert(text(v.va, 6) == "sample")
print "bounce pages: a copy each way"

-- 6. No MMU: an entry without A and D stays so, while a CPU's write sets both.
local pte = k:pagewalk(v.va).steps
pte = pte[#pte]
k:poke(mmsh.pa(pte.entry_pa), pte.entry & ~0x60)
k:invlpg(v.va)
k:dma_map_sg("disk0", v.va, "4K", "from")
k:dma_read("disk0", v.va, "4K", "by DMA  ")
assert(k:peek(mmsh.pa(pte.entry_pa)).value == pte.entry & ~0x60)
k:dma_unmap("disk0", v.va)
k:write(v.va, "by CPU", { kernel = true })
assert(k:peek(mmsh.pa(pte.entry_pa)).value & 0x60 == 0x60)
print "a device sets neither A nor D"

-- 7. More RAM than a 32-bit device reaches: the swiotlb, and whose turn it is.
k:boot("x86_64", "ram=6G")
k:dma_device("nic0")
a = k:kmalloc("8K").va
fill(a, 2)
m = k:dma_map_single("nic0", a, "8K", "both")
assert(m.segments[1].bounce == "swiotlb" and m.segments[1].bus < 1 << 32)
assert(k:dma_read("nic0", a, "8K", "packet  ").late == 2)
assert(text(a, 6) == "page 0", "the old bytes")
k:dma_sync("nic0", a, "cpu")
assert(text(a, 6) == "packet")
k:write(a, "answer", { kernel = true })
assert(k:dma_write("nic0", a, "4K").late == 1, "and the other way round")
k:dma_sync("nic0", a, "device")
assert(k:dma_write("nic0", a, "4K").right == 1)
k:dma_unmap("nic0", a)
assert(k:dma().swiotlb.used == 0)
print "swiotlb: dma_sync says whose turn it is"

-- A buffer that both are to use for long is allocated within reach.
local c = k:dma_alloc_coherent("nic0", "8K")
assert(c.segments[1].bus < 1 << 32 and not c.segments[1].bounce)
k:dma_read("nic0", c.va, "8K", "ring    ")
assert(text(c.va, 4) == "ring")
k:dma_unmap("nic0", c.va)
assert(k:check().count == 0)
print "ok"
