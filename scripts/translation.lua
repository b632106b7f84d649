#!/usr/bin/env mmsh
-- Translation by hand: the page tables are bytes in memory, and anyone can
-- follow them. We read a PDE and a PTE ourselves, and reach the same byte that
-- the processor reaches.

local k = mmsh
k:boot("i386", "ram=1G")

local va = k:eval("text").value
local want = k:read(va, 4).value		-- the processor reads, and faults the page in

-- 32-bit paging: 10 bits index the page directory, 10 the page table, 12 the page.
local pde_index = va >> 22
local pte_index = (va >> 12) & 0x3ff
local offset = va & 0xfff

local cr3 = k:reg("cr3").registers[1].value
local pde = k:peek(mmsh.pa((cr3 & ~0xfff) + 4 * pde_index)).value
assert(pde & 1 == 1, "the page directory entry is present")

local pte = k:peek(mmsh.pa((pde & ~0xfff) + 4 * pte_index)).value
assert(pte & 1 == 1, "the page-table entry is present")

local pa = (pte & ~0xfff) + offset
local got = k:peek(mmsh.pa(pa), { size = 4 }).value
print(string.format("va 0x%08x = PDE %d, PTE %d, offset 0x%03x", va, pde_index,
	pte_index, offset))
print(string.format("PDE 0x%08x, PTE 0x%08x -> pa 0x%08x: 0x%08x", pde, pte, pa, got))
assert(got == want, "by hand and by processor: the same word")

-- pagewalk agrees, step by step.
local w = k:pagewalk(va)
assert(w.steps[1].entry == pde and w.steps[2].entry == pte)
assert(w.pa == pa)
assert(w.page_size == 4096)

-- Text is read-only for the user: R/W is clear in the leaf.
assert(pte & 2 == 0 and not w.rights.user:find("w"))
assert(k:pagewalk(va, { write = true }).fault.reason == "read-only page")
print "ok"
