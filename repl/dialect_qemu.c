/*
 * dialect_qemu.c - qemu-tlb and qemu-mem: `info tlb` and `info mem` of QEMU's
 * monitor.
 *
 * Source: QEMU 7.2, target/i386/monitor.c, and what its monitor prints:
 * tests/repl/test_qemu.c compares byte for byte. The monitor reads all tables
 * from memory, PDPTEs too, and no reserved bit means anything to it. Entries
 * give it address bits 49:12. Bits of the physical address that a large
 * page's entry should not have are printed where its masks let them through;
 * PSE-36 is unknown to it. `info mem` runs over the gap between the canonical
 * halves as if they touched, and knows no execute rights.
 *
 * One difference: with 5-level paging `info mem` of 7.2 takes the present bit
 * of PDPTEs and PDEs the wrong way round and finds nothing. Here it finds
 * what it looks for.
 */
#include "repl/dialect.h"

#define QEMU_ADDR 0x3fffffffff000ULL

static const struct dialect_letter tlb_letters[] = {
	{ PTE_XD, 'X', '-' },  { PTE_G, 'G', '-' },  { PTE_PS, 'P', '-' },
	{ PTE_D, 'D', '-' },   { PTE_A, 'A', '-' },  { PTE_PCD, 'C', '-' },
	{ PTE_PWT, 'T', '-' }, { PTE_US, 'U', '-' }, { PTE_RW, 'W', '-' },
	{ 0, 0, 0 },
};

/* The address bits that are printed, by mode and page size. */
static const struct {
	enum paging_mode_id mode;
	uint8_t shift;
	uint64_t mask;
} tlb_masks[] = {
	{ PAGING_32, 12, ~0xfffULL },
	{ PAGING_32, 22, ~0x1fffffULL },
	{ PAGING_PAE, 12, ~0xfffULL },
	{ PAGING_PAE, 21, ~0xfffffULL },
	{ PAGING_4LEVEL, 12, QEMU_ADDR },
	{ PAGING_4LEVEL, 21, QEMU_ADDR & ~0x1fffffULL },
	{ PAGING_4LEVEL, 30, QEMU_ADDR & ~0x3fffffffULL },
	{ PAGING_5LEVEL, 12, QEMU_ADDR },
	{ PAGING_5LEVEL, 21, QEMU_ADDR & ~0x1fffffULL },
	{ PAGING_5LEVEL, 30, QEMU_ADDR & ~0x3fffffffULL },
};

static uint64_t tlb_mask(const struct rawpt *it)
{
	for (size_t i = 0; i < ARRAY_SIZE(tlb_masks); i++)
		if (tlb_masks[i].mode == it->mode->id &&
		    tlb_masks[i].shift == it->mode->level[it->level].shift)
			return tlb_masks[i].mask;
	return 0;
}

/* Sign extension as the monitor does it: also of lengths and ends. */
static uint64_t extend(const struct paging_mode *mode, uint64_t addr)
{
	bool negative = addr & BIT(mode->va_bits - 1);

	return mode->canonical && negative ? addr | -BIT(mode->va_bits) : addr;
}

static void tlb_line(const struct dialect_view *v, const struct rawpt *it)
{
	bool pte = it->level + 1U == it->mode->nlevels;
	char letters[16];

	dialect_letters(letters, tlb_letters,
			pte ? it->entry & ~PTE_PS : it->entry);
	res_verbatim(v->r, "%016llx: %016llx %s",
		     (unsigned long long)extend(it->mode, it->va),
		     (unsigned long long)(it->entry & tlb_mask(it)), letters);
}

static bool paging_off(const struct dialect_view *v)
{
	if (!v->mmu->mode->nlevels)
		res_verbatim(v->r, "PG disabled");
	return !v->mmu->mode->nlevels;
}

void qemu_tlb_dump(const struct dialect_view *v)
{
	struct rawpt_tables t = { v->mmu, v->ram, QEMU_ADDR, 0 };
	struct rawpt it;

	if (paging_off(v))
		return;
	for (rawpt_start(&it, &t, v->from, v->last); it.valid; rawpt_next(&it))
		if (it.leaf)
			tlb_line(v, &it);
}

/* --- info mem ----------------------------------------------------------------
 */
struct mem_run { /* addresses with the same rights */
	va_t start;
	uint64_t prot; /* P, U/S, R/W of all levels; 0: not mapped */
};

/* At @va the rights become @prot. */
static void mem_note(const struct dialect_view *v, struct mem_run *run, va_t va,
		     uint64_t prot)
{
	const struct paging_mode *mode = v->mmu->mode;

	if (prot == run->prot)
		return;
	if (run->prot)
		res_verbatim(v->r, "%016llx-%016llx %016llx %cr%c",
			     (unsigned long long)extend(mode, run->start),
			     (unsigned long long)extend(mode, va),
			     (unsigned long long)extend(mode, va - run->start),
			     run->prot & PTE_US ? 'u' : '-',
			     run->prot & PTE_RW ? 'w' : '-');
	*run = (struct mem_run){ va, prot };
}

void qemu_mem_dump(const struct dialect_view *v)
{
	struct rawpt_tables t = { v->mmu, v->ram, QEMU_ADDR, 0 };
	struct mem_run run = { 0, 0 };
	struct rawpt it;
	va_t end = 0;

	if (paging_off(v))
		return;
	for (rawpt_start(&it, &t, v->from, v->last); it.valid;
	     rawpt_next(&it)) {
		end = it.va + rawpt_size(&it);
		if (it.leaf)
			mem_note(v, &run, it.va,
				 rawpt_all(&it) & (PTE_P | PTE_US | PTE_RW));
		else if (!it.present)
			mem_note(v, &run, it.va, 0);
	}
	mem_note(v, &run, end, 0);
}
