/* pt_marker.c - see pt_marker.h. */
#include "repl/pt_marker.h"

#include <stdlib.h>

static void mark(struct pt_markers *m, va_t start, const char *name,
		 unsigned max)
{
	bool rises = !m->n || start > m->marker[m->n - 1].start;

	if (rises && m->n < PT_MAX_MARKERS)
		m->marker[m->n++] = (struct pt_marker){ start, name, max };
	m->marker[m->n] = (struct pt_marker){ ~0ULL, NULL, 0 };
}

static void mark_64(struct pt_markers *m, const struct mmu *mmu,
		    const struct layout *l)
{
	mark(m, 1ULL << 63, "Kernel Space", 0);
	mark(m, -240ULL << mmu->mode->level[0].shift, "LDT remap", 0);
	mark(m, l->page_offset, "Low Kernel Mapping", 0);
	mark(m, l->vmalloc_start, "vmalloc() Area", 0);
	mark(m, l->vmemmap, "Vmemmap", 0);
	mark(m, l->cpu_entry_area, "CPU entry Area", 0);
	mark(m, -2ULL << 39, "ESPfix Area", 16);
	mark(m, -68 * GiB, "EFI Runtime Services", 0);
	mark(m, l->kernel_map, "High Kernel Mapping", 0);
	mark(m, l->modules_start, "Modules", 0);
	mark(m, l->modules_end, "End Modules", 0);
	mark(m, l->fixaddr_start, "Fixmap Area", 0);
}

static void mark_32(struct pt_markers *m, const struct mmu *mmu,
		    const struct layout *l)
{
	va_t pmd = mmu->mode->id == PAGING_PAE ? 21 : 22;
	va_t ldt = (l->cpu_entry_area - PAGE_SIZE) >> pmd << pmd;

	mark(m, l->page_offset, "Kernel Mapping", 0);
	mark(m, l->vmalloc_start, "vmalloc() Area", 0);
	mark(m, l->vmalloc_end, "vmalloc() End", 0);
	if (l->pkmap_base)
		mark(m, l->pkmap_base, "Persistent kmap() Area", 0);
	if (l->cpu_entry_area) {
		mark(m, ldt, "LDT remap", 0);
		mark(m, l->cpu_entry_area, "CPU entry area", 0);
	}
	mark(m, l->fixaddr_start, "Fixmap area", 0);
}

/* The layout that a kernel without KASLR would have on this machine. */
static void default_layout(const struct mmu *mmu, struct layout *ret)
{
	bool five = mmu->mode->id == PAGING_5LEVEL;
	enum paging_mode_id mode = five ? PAGING_4LEVEL : mmu->mode->id;
	const struct arch *arch = archs;
	struct kernel_config cfg;

	while (arch[1].name && arch->mode != mode)
		arch++;
	kernel_config_default(&cfg, arch);
	cfg.layout_61 = true;
	cfg.la57 = five;
	layout_compute(&cfg, cfg.ram >> PAGE_SHIFT, ret);
}

void pt_markers(const struct kernel *k, const struct mmu *mmu,
		struct pt_markers *ret)
{
	struct layout *l = malloc(sizeof(*l));

	if (!l)
		abort();
	if (k)
		*l = k->layout;
	else
		default_layout(mmu, l);
	ret->n = 0;
	mark(ret, 0, "User Space", 0);
	if (mmu->mode->canonical)
		mark_64(ret, mmu, l);
	else
		mark_32(ret, mmu, l);
	free(l);
}
