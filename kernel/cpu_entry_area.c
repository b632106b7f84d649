/*
 * cpu_entry_area.c - the per-CPU areas, and the part of them that is mapped
 * at a fixed address: what a CPU needs before it runs on the kernel's tables.
 *
 *	base     IDT, read-only
 *	+1 page  CPU 0: GDT, entry stack, TSS and I/O bitmap, exception stacks
 *	         ...
 *	+stride  CPU 1, and so on; gaps are guard pages
 *
 * Models arch/x86/mm/cpu_entry_area.c, asm/cpu_entry_area.h and the first
 * chunk of mm/percpu.c of Linux 6.1. All of it is global, with page-table
 * isolation too. Left out: all other per-CPU variables, debug store buffers
 * (Intel), #VC stacks (SEV-ES), the random places of 6.2.
 */
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/pgtable.h"

struct cea_part {
	uint8_t at;   /* page in the CPU's part of the area */
	uint8_t from; /* page in its per-CPU area */
	uint8_t n;
	bool ro;
};

static const struct cea_plan {
	uint8_t stride;	    /* pages a CPU, with buffers that are not there */
	uint8_t unit;	    /* pages of a per-CPU area */
	uint8_t tss;	    /* page of it */
	uint64_t unit_room; /* bytes that Linux asks for, a CPU */
	struct cea_part part[8];
} plans[] = {
	{
		/* i386: GDT, entry stack, double-fault stack, TSS */
		43,
		8,
		3,
		0,
		{ { 0, 0, 1, false },
		  { 2, 1, 1, false },
		  { 4, 2, 1, false },
		  { 5, 3, 5, false } },
	},
	{
		/* x86-64: GDT, entry stack, TSS, #DF, NMI, #DB, #MC stacks */
		59,
		20,
		6,
		256 * KiB,
		{ { 0, 5, 1, true },
		  { 1, 11, 1, false },
		  { 2, 6, 5, true },
		  { 8, 12, 2, false },
		  { 11, 14, 2, false },
		  { 14, 16, 2, false },
		  { 17, 18, 2, false } },
	},
};

static const struct cea_plan *plan_of(const struct kernel *k)
{
	return &plans[k->mode->canonical];
}

pa_t cpu_tss_rw(const struct kernel *k, unsigned cpu)
{
	const struct cea_plan *p = plan_of(k);

	return k->percpu + ((pa_t)(cpu * p->unit + p->tss) << PAGE_SHIFT);
}

/*
 * x86-64 takes whole large pages for the first chunk, and gives back what the
 * units do not need.
 */
static bool alloc_percpu(struct kernel *k)
{
	const struct cea_plan *p = plan_of(k);
	uint64_t used = (uint64_t)k->machine->ncpus * p->unit << PAGE_SHIFT;
	uint64_t align = p->unit_room ? 2 * MiB : PAGE_SIZE;
	uint64_t room = ALIGN_UP(p->unit_room * k->machine->ncpus, align);

	k->percpu = memblock_alloc(k, room > used ? room : used, align,
				   k->layout.lowmem_end, "percpu");
	if (k->percpu && room > used)
		memblock_trim(k, k->percpu + used, k->percpu + room);
	return k->percpu != 0;
}

/* linux cea_set_pte() */
static bool map_pages(struct kernel *k, va_t va, pa_t pa, unsigned n, bool ro)
{
	uint64_t flags = pt_page_kernel(k) & ~(ro ? PTE_RW : 0);

	if (k->machine->cpu[0].features.pge)
		flags |= PTE_G;
	return !kernel_map_range(k, va, pa, (uint64_t)n << PAGE_SHIFT, flags,
				 PAGE_SHIFT);
}

static bool setup_cpu(struct kernel *k, unsigned cpu)
{
	const struct cea_plan *p = plan_of(k);
	pa_t unit = k->percpu + ((pa_t)cpu * p->unit << PAGE_SHIFT);
	va_t base = k->layout.cpu_entry_area + PAGE_SIZE +
		    ((va_t)cpu * p->stride << PAGE_SHIFT);

	for (unsigned i = 0; i < ARRAY_SIZE(p->part) && p->part[i].n; i++) {
		const struct cea_part *part = &p->part[i];

		if (!map_pages(k, base + ((va_t)part->at << PAGE_SHIFT),
			       unit + ((pa_t)part->from << PAGE_SHIFT), part->n,
			       part->ro))
			return false;
	}
	return true;
}

bool setup_cpu_entry_areas(struct kernel *k)
{
	const struct layout *l = &k->layout;

	if (!l->cpu_entry_area)
		return true;
	if (!alloc_percpu(k) ||
	    !map_pages(k, l->cpu_entry_area, l->image.idt, 1, true))
		return false;
	if (!k->mode->canonical &&
	    kernel_populate_tables(k, l->cpu_entry_area, l->cpu_entry_area_end))
		return false;
	for (unsigned i = 0; i < k->machine->ncpus; i++)
		if (!setup_cpu(k, i))
			return false;
	return true;
}
