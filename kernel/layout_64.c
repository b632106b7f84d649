/*
 * layout_64.c - kernel space of x86-64: fixed, unless KASLR moves it.
 *
 * Models Linux 6.1's Documentation/x86/x86_64/mm.rst and
 * arch/x86/include/asm/pgtable_64_types.h, page_64_types.h, fixmap.h. With 5
 * levels the three regions lie elsewhere and user space reaches to 56 bits;
 * from the CPU entry area up all is as with 4. Left out: KASAN.
 */
#include "kernel/layout_internal.h"

/* What the number of levels decides (index: la57). */
static const struct plan {
	va_t task_size, user_end, kernel_start; /* canonical halves */
	va_t ldt, page_offset, vmalloc, vmemmap, vmemmap_max, kasan;
	uint64_t direct, vmalloc_size; /* bytes set aside */
	uint64_t max_phys;	       /* 1 << MAX_PHYSMEM_BITS */
	const char *non_canonical;
} plans[] = {
	{
		.task_size = 0x00007ffffffff000,
		.user_end = 0x0000800000000000,
		.kernel_start = 0xffff800000000000,
		.ldt = 0xffff880000000000,
		.page_offset = 0xffff888000000000,
		.direct = 64 * TiB,
		.vmalloc = 0xffffc90000000000,
		.vmalloc_size = 32 * TiB,
		.vmemmap = 0xffffea0000000000,
		.vmemmap_max = 0xffffeb0000000000,
		.kasan = 0xffffec0000000000,
		.max_phys = 1ULL << 46,
		.non_canonical = "bits 63:48 differ from bit 47: #GP",
	},
	{
		.task_size = 0x00fffffffffff000,
		.user_end = 0x0100000000000000,
		.kernel_start = 0xff00000000000000,
		.ldt = 0xff10000000000000,
		.page_offset = 0xff11000000000000,
		.direct = 32768 * TiB,
		.vmalloc = 0xffa0000000000000,
		.vmalloc_size = 12800 * TiB,
		.vmemmap = 0xffd4000000000000,
		.vmemmap_max = 0xffd6000000000000,
		.kasan = 0xffdf000000000000,
		.max_phys = 1ULL << 52,
		.non_canonical = "bits 63:57 differ from bit 56: #GP",
	},
};

#define KASAN_END  0xfffffc0000000000
#define MAP_WINDOW 0x00007ffffffff000 /* DEFAULT_MAP_WINDOW */
#define VSYSCALL   0xffffffffff600000
#define ESPFIX_END 0xffffff8000000000

static void place_fixed(struct layout *l)
{
	l->map_window = MAP_WINDOW;
	l->stack_top = MAP_WINDOW;
	l->cpu_entry_area = 0xfffffe0000000000;
	l->cpu_entry_area_end = 0xfffffe8000000000;
	l->espfix_base = 0xffffff0000000000;
	l->efi_start = 0xffffffef00000000;
	l->efi_end = 0xffffffff00000000;
	l->kernel_image = 0xffffffff80000000;
	l->kernel_map = l->kernel_image;
	l->modules_start = 0xffffffffc0000000;
	l->kernel_image_end = l->modules_start;
	l->modules_end = 0xffffffffff000000;
	l->fixaddr_start = 0xffffffffff578000;
	l->fixaddr_boot_start = 0xffffffffff1fe000;
	l->fixaddr_top = 0xffffffffff7ff000;
	l->vsyscall = VSYSCALL;
	l->lapic = 0xffffffffff5fd000;
	l->ioapic = 0xffffffffff5fc000;
}

const char *layout_place_64(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l)
{
	const struct plan *p = &plans[cfg->la57];

	place_fixed(l);
	l->task_size = p->task_size;
	l->lowmem_end = max_pfn << PAGE_SHIFT;
	l->max_pfn = max_pfn;
	l->ldt_base = p->ldt;
	l->page_offset = p->page_offset;
	l->vmalloc_start = p->vmalloc;
	l->vmemmap = p->vmemmap;
	l->direct_end = l->page_offset + p->direct;
	l->vmemmap_max = p->vmemmap_max;
	if (cfg->kaslr)
		kaslr_memory(cfg, max_pfn, p->max_phys, p->vmalloc_size, l);
	l->high_memory = l->page_offset + l->lowmem_end;
	l->vmalloc_end = l->vmalloc_start + p->vmalloc_size;
	l->vmemmap_end = l->vmemmap + max_pfn * cfg->arch->sizeof_page;
	espfix_random(cfg, l);
	return NULL;
}

/* Below the regions that KASLR moves. */
static void name_lower_half(const struct plan *p, struct layout *l)
{
	layout_area(l, "user space", l->map_window, "one for each process");
	layout_area(l, "user space, high", l->task_size,
		    "only for mmap with a hint above 47 bits");
	layout_area(l, "hole", p->user_end,
		    "keeps SYSRET off the canonical limit");
	layout_area(l, "non-canonical", p->kernel_start, p->non_canonical);
	layout_area(l, "hole", l->ldt_base, "reserved for hypervisors");
	layout_area(l, "LDT remap", p->page_offset,
		    "LDTs, with page-table isolation only");
}

static void name_regions(const struct plan *p, bool kaslr, struct layout *l)
{
	const char *hole = "never mapped";

	layout_area(l, "hole", l->page_offset, "KASLR moved the direct map up");
	layout_area(l, "direct map", l->high_memory,
		    "RAM at its address + PAGE_OFFSET");
	layout_area(l, "direct map, unused", l->direct_end,
		    "room for more RAM");
	layout_area(l, "hole", l->vmalloc_start, hole);
	layout_area(l, "vmalloc", l->vmalloc_end,
		    "vmalloc, ioremap: frames made one");
	layout_area(l, "hole", l->vmemmap, hole);
	layout_area(l, "vmemmap", l->vmemmap_end, "struct page of every frame");
	layout_area(l, "vmemmap, unused", l->vmemmap_max, "room for more RAM");
	if (!kaslr) {
		layout_area(l, "hole", p->kasan, hole);
		layout_area(l, "KASAN shadow", KASAN_END,
			    "for KASAN, which is not built in");
	}
	layout_area(l, "hole", l->cpu_entry_area, hole);
}

void layout_name_areas_64(const struct kernel_config *cfg, struct layout *l)
{
	const struct plan *p = &plans[cfg->la57];
	const char *fixmap = "fixed when the kernel is built";
	const char *hole = "never mapped";

	name_lower_half(p, l);
	name_regions(p, cfg->kaslr, l);
	layout_area(l, "cpu entry area", l->cpu_entry_area_end,
		    "descriptor tables, entry stacks");
	layout_area(l, "hole", l->espfix_base, hole);
	layout_area(l, "espfix", ESPFIX_END, "stacks for IRET to 16-bit code");
	layout_area(l, "hole", l->efi_start, hole);
	layout_area(l, "EFI", l->efi_end, "EFI runtime services");
	layout_area(l, "hole", l->kernel_image, hole);
	layout_area(l, "kernel image", l->modules_start,
		    "text, data, bss: mapped a second time");
	layout_area(l, "modules", l->modules_end,
		    "within 2 GiB of the kernel text");
	layout_area(l, "hole", l->fixaddr_boot_start, "never mapped");
	layout_area(l, "fixmap, early", l->fixaddr_start,
		    "early_ioremap, during boot only");
	layout_area(l, "fixmap", l->vsyscall, "LAPIC, I/O APICs");
	layout_area(l, "vsyscall", l->vsyscall + PAGE_SIZE,
		    "three old system calls, for user code");
	layout_area(l, "fixmap", l->fixaddr_top, fixmap);
	layout_area(l, "hole", 0, "error numbers as pointers point here");
}
