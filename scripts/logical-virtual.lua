#!/usr/bin/env mmsh
-- Kernel logical and kernel virtual addresses. kmalloc gives logical ones: the
-- direct map, where __pa() is a subtraction and neighbours in virtual memory are
-- neighbours in RAM. vmalloc gives virtual ones: only the page tables know.

local k = mmsh
k:boot("i386", "ram=1G")

local PAGE = 4096
local page_offset = k:eval("PAGE_OFFSET").value

-- Logical: the subtraction and the page tables agree, for every size.
local a
for _, size in ipairs { "8K", "64K", "1M" } do
	a = k:kmalloc(size)
	assert(a.pa == a.va - page_offset, "__pa() is a subtraction")
	for i = 0, k:eval(size).value // PAGE - 1 do
		assert(k:slow_virt_to_phys(a.va + PAGE * i).pa == a.pa + PAGE * i,
			"and the page tables say the same: physically contiguous")
	end
	if size ~= "1M" then k:kfree(a.va) end
end

-- So every name leads to every other by arithmetic.
local page = k:virt_to_page(a.va)
assert(page.valid and page.pfn == a.pa >> 12)
assert(k:page_to_virt(page.page).va == a.va)
assert(k:page_to_pfn(page.page).pfn == page.pfn)
assert(k:pfn_to_page(page.pfn + 1).page - page.page == 40, "struct pages follow")
assert(k:__va(mmsh.pa(a.pa)).va == a.va and k:virt_addr_valid(a.va).value)

-- Virtual: contiguous for the kernel, single frames behind. Memory in use has
-- no neighbours to spare.
local frame = {}
for i = 1, 512 do
	frame[i] = k:alloc_pages(0, { gfp = "highuser" }).pfn
end
for i = 1, 512, 2 do k:free_pages(mmsh.pfn(frame[i])) end
local v = k:vmalloc("16K")
assert(v.va >= k:eval("VMALLOC_START").value and v.va < k:eval("VMALLOC_END").value)
assert(v.nr_pages == 4)
for i = 0, 3 do
	local w = k:pagewalk(v.va + PAGE * i)
	assert(w.pa >> 12 == v.pages[i + 1].pfn, "only the tables know")
	assert(w.rights.user == "---")
	assert(k:vmalloc_to_pfn(v.va + PAGE * i).pfn == v.pages[i + 1].pfn)
	assert(i == 0 or v.pages[i + 1].pfn ~= v.pages[i].pfn + 1, "scattered")
end

-- __pa() subtracts all the same: a number, and somebody else's frame.
local wrong = k:__pa(v.va)
assert(wrong.pa == v.va - page_offset and not wrong.valid)
assert(wrong.pa ~= wrong.real_pa and not k:virt_addr_valid(v.va).value)
local ok, err = pcall(k.eval, k, "__pa(VMALLOC_START)")
assert(not ok and err.kind == "user", "an expression refuses it")

-- Bytes written through the one name are read through the other.
k:write(v.va + PAGE, "by vmalloc", { kernel = true })
local slot = k:kmap(mmsh.pfn(v.pages[2].pfn)).va
assert(k:read(slot, 10, { kernel = true }).dump[1].ascii == "by vmalloc")
k:kunmap(mmsh.pfn(v.pages[2].pfn))

-- Behind the area stands a guard page: one byte too far is a fault.
assert(k:pagewalk(v.va + 4 * PAGE).fault.reason == "not present")

-- The kernel portion is the same in every process; user code may not touch it.
local child = k:fork().pid
assert(k:pagewalk(v.va, { pid = child }).pa == k:pagewalk(v.va).pa)
ok, err = pcall(k.read, k, a.va)
assert(not ok and err.kind == "fault")
local f = k:pagewalk(a.va, { user = true }).fault
assert(f.error_code == 5, "present, read, user: a protection fault")
print(string.format("kmalloc 0x%08x = pa 0x%08x + PAGE_OFFSET; vmalloc 0x%08x", a.va,
	a.pa, v.va))

k:vfree(v.va)
k:kfree(a.va)
assert(k:check().count == 0)
print "ok"
