#!/usr/bin/env mmsh
-- Kernel logical and kernel virtual addresses. kmalloc gives logical ones: the
-- direct map, where __pa() is a subtraction and neighbours in virtual memory are
-- neighbours in RAM. vmalloc gives virtual ones: only the page tables know.

local k = mmsh
k:boot("i386", "ram=1G")

local page_offset = k:eval("PAGE_OFFSET").value

-- Logical: the subtraction and the page tables agree.
local a = k:kmalloc("8K")
assert(a.pa == a.va - page_offset, "__pa() is a subtraction")
assert(k:pagewalk(a.va).pa == a.pa, "and the page tables say the same")
assert(k:pagewalk(a.va + 4096).pa == a.pa + 4096, "physically contiguous")

-- Virtual: contiguous for the kernel, single frames behind.
local v = k:vmalloc("16K")
assert(v.va >= k:eval("VMALLOC_START").value and v.va < k:eval("VMALLOC_END").value)
assert(v.nr_pages == 4)
local wrong = k:__pa(v.va)
assert(not wrong.valid and wrong.pa ~= wrong.real_pa, "__pa() of a vmalloc address is wrong")
for i = 0, 3 do
	local w = k:pagewalk(v.va + 4096 * i)
	assert(w.pa >> 12 == v.pages[i + 1].pfn, "only the tables know")
	assert(w.rights.user == "---")
end

-- Behind the area stands a guard page: one byte too far is a fault.
assert(k:pagewalk(v.va + 4 * 4096).fault.reason == "not present")

-- The kernel portion is the same in every process; user code may not touch it.
local child = k:fork().pid
assert(k:pagewalk(v.va, { pid = child }).pa == k:pagewalk(v.va).pa)
local ok, err = pcall(k.read, k, a.va)
assert(not ok and err.kind == "fault")
local f = k:pagewalk(a.va, { user = true }).fault
assert(f.error_code == 5, "present, read, user: a protection fault")
print(string.format("kmalloc 0x%08x = pa 0x%08x + PAGE_OFFSET; vmalloc 0x%08x", a.va,
	a.pa, v.va))

k:vfree(v.va)
k:kfree(a.va)
assert(k:check().count == 0)
print "ok"
