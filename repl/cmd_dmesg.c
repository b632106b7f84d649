/*
 * cmd_dmesg.c - what a kernel says of its memory, while it boots and later.
 *
 * The lines of a 6.1 kernel, in its order, computed from the machine's map and
 * the zones as they came out of it; with layout=classic also the table that
 * 2.6 kernels printed.
 */
#include <stdio.h>

#include "kernel/memblock.h"
#include "kernel/swiotlb.h"
#include "repl/cmd.h"

static unsigned long long ull(uint64_t n)
{
	return n;
}

static void say_map(struct cmd_ctx *c)
{
	const struct ram *ram = c->m->ram;
	bool user = c->k->e820_user;

	res_verbatim(c->r, user ? "user-defined physical RAM map:"
				: "BIOS-provided physical RAM map:");
	for (unsigned i = 0; i < ram->nregions; i++)
		res_verbatim(c->r, "%s: [mem 0x%016llx-0x%016llx] %s",
			     user ? "user" : "BIOS-e820",
			     ull(ram->region[i].start),
			     ull(ram->region[i].end) - 1,
			     e820_type_word(ram->region[i].type));
}

/* linux x86_report_nx() */
static void say_nx(struct cmd_ctx *c)
{
	const struct kernel *k = c->k;

	if (!k->mode->has_xd)
		res_verbatim(c->r, "Notice: NX (Execute Disable) protection "
				   "cannot be enabled: non-PAE kernel!");
	else if (k->config.nx)
		res_verbatim(c->r, "NX (Execute Disable) protection: active");
	else
		res_verbatim(c->r, "Notice: NX (Execute Disable) protection "
				   "missing in CPU!");
}

/* MAX_ARCH_PFN */
static uint64_t max_arch_pfn(const struct kernel *k)
{
	if (k->mode->canonical)
		return 1ULL << ((k->mode->nlevels > 4 ? 52 : 46) - PAGE_SHIFT);
	return k->arch->max_ram >> PAGE_SHIFT;
}

/* All that the map has, highmem= or not: it comes later. */
static void say_last_pfn(struct cmd_ctx *c)
{
	const struct kernel *k = c->k;
	struct memblock_range memory[NR_MEMORY];
	unsigned n = memblock_early(k, memory);
	pfn_t low = 0, four = 4 * GiB >> PAGE_SHIFT;

	res_verbatim(c->r, "last_pfn = 0x%llx max_arch_pfn = 0x%llx",
		     ull(memory[n - 1].end >> PAGE_SHIFT),
		     ull(max_arch_pfn(k)));
	for (unsigned i = 0; i < n; i++)
		if (memory[i].end >> PAGE_SHIFT <= four)
			low = memory[i].end >> PAGE_SHIFT;
	if (k->mode->canonical && k->max_pfn > four)
		res_verbatim(c->r, "last_pfn = 0x%llx max_arch_pfn = 0x%llx",
			     ull(low), ull(max_arch_pfn(k)));
}

static void say_lowmem(struct cmd_ctx *c)
{
	const struct kernel *k = c->k;
	uint64_t low = k->max_low_pfn;

	if (!k->arch->highmem)
		return;
	res_verbatim(c->r, "%lluMB HIGHMEM available.",
		     ull((k->max_pfn - low) >> 8));
	res_verbatim(c->r, "%lluMB LOWMEM available.", ull(low >> 8));
	res_verbatim(c->r, "  mapped low ram: 0 - %08llx",
		     ull(low << PAGE_SHIFT));
	res_verbatim(c->r, "  low ram: 0 - %08llx", ull(low << PAGE_SHIFT));
}

/* --- zones ---------------------------------------------------------------- */
static void say_zone(struct cmd_ctx *c, const char *name, pfn_t start,
		     pfn_t end)
{
	if (start >= end)
		res_verbatim(c->r, "  %-8s empty", name);
	else
		res_verbatim(c->r, "  %-8s [mem 0x%016llx-0x%016llx]", name,
			     ull(start << PAGE_SHIFT),
			     ull(end << PAGE_SHIFT) - 1);
}

static void say_zone_ranges(struct cmd_ctx *c)
{
	const struct kernel *k = c->k;

	res_verbatim(c->r, "Zone ranges:");
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &k->zone[i];

		if ((i == ZONE_DMA32 && k->arch->highmem) ||
		    (i == ZONE_HIGHMEM && !k->arch->highmem))
			continue;
		say_zone(c, z->name, z->start_pfn, z->end_pfn);
	}
	if (!k->arch->highmem)
		say_zone(c, "Device", 0, 0);
	res_verbatim(c->r, "Movable zone start for each node");
}

static void say_nodes(struct cmd_ctx *c)
{
	struct memblock_range memory[NR_MEMORY];
	unsigned n = memblock_early(c->k, memory);

	if (!memory[0].start)
		memory[0].start = PAGE_SIZE;
	res_verbatim(c->r, "Early memory node ranges");
	for (unsigned i = 0; i < n; i++)
		res_verbatim(c->r, "  node   0: [mem 0x%016llx-0x%016llx]",
			     ull(memory[i].start), ull(memory[i].end) - 1);
	res_verbatim(c->r, "Initmem setup node 0 [mem 0x%016llx-0x%016llx]",
		     ull(memory[0].start), ull(memory[n - 1].end) - 1);
}

/* Linux needs one pageblock of each of its six migrate types. */
static void say_zonelists(struct cmd_ctx *c, const struct boot_report *b)
{
	const struct kernel *k = c->k;
	uint64_t pageblock =
		1ULL << (k->mode->level[k->pte_level - 1].shift - PAGE_SHIFT);
	pa_t start, end;

	if (e820_pci_gap(k->ram, &start, &end))
		res_verbatim(c->r,
			     "[mem 0x%08llx-0x%08llx] available for PCI devices",
			     ull(start), ull(end) - 1);
	res_verbatim(c->r,
		     "Built 1 zonelists, mobility grouping %s.  Total pages: %llu",
		     b->total_pages < pageblock * 6 ? "off" : "on",
		     ull(b->total_pages));
}

/* --- Memory: --------------------------------------------------------------- */
static void say_memory(struct cmd_ctx *c, const struct boot_report *b)
{
	char highmem[40] = "";

	if (c->k->arch->highmem)
		snprintf(highmem, sizeof(highmem), ", %lluK highmem",
			 ull(b->highmem));
	res_verbatim(c->r,
		     "Memory: %lluK/%lluK available (%lluK kernel code, "
		     "%lluK rwdata, %lluK rodata, %lluK init, %lluK bss, "
		     "%lluK reserved, 0K cma-reserved%s)",
		     ull(b->available), ull(b->physpages), ull(b->code),
		     ull(b->rwdata), ull(b->rodata), ull(b->init), ull(b->bss),
		     ull(b->reserved), highmem);
}

static void say_area(struct cmd_ctx *c, const char *name, va_t start, va_t end,
		     unsigned shift)
{
	res_verbatim(c->r, "    %s : 0x%08llx - 0x%08llx   (%4llu %s)", name,
		     ull(start), ull(end), ull((end - start) >> shift),
		     shift == 20 ? "MB" : "kB");
}

/* 2.6.24, arch/x86/mm/init_32.c: mem_init(). */
static void say_classic_layout(struct cmd_ctx *c)
{
	const struct layout *l = &c->k->layout;
	va_t at = l->page_offset;

	if (!c->k->arch->highmem || c->k->config.layout_61)
		return;
	res_verbatim(c->r, "virtual kernel memory layout:");
	say_area(c, "fixmap ", l->fixaddr_start, l->fixaddr_top, 10);
	say_area(c, "pkmap  ", l->pkmap_base,
		 l->pkmap_base + ((va_t)l->last_pkmap << PAGE_SHIFT), 10);
	say_area(c, "vmalloc", l->vmalloc_start, l->vmalloc_end, 20);
	say_area(c, "lowmem ", at, l->high_memory, 20);
	say_area(c, "  .init", at + PAGE_ALIGN(l->image.edata),
		 at + l->image.bss, 10);
	say_area(c, "  .data", at + l->image.etext, at + l->image.edata, 10);
	say_area(c, "  .text", at + l->image.text, at + l->image.etext, 10);
}

static void say_freed(struct cmd_ctx *c, const char *what, uint64_t kib)
{
	if (kib)
		res_verbatim(c->r, "Freeing %s memory: %lluK", what, ull(kib));
}

/* pci_iommu_init(), swiotlb_print_info(). */
static void say_swiotlb(struct cmd_ctx *c)
{
	const struct io_tlb_mem *mem = c->k->swiotlb;

	if (!mem)
		return;
	res_verbatim(c->r, "PCI-DMA: Using software bounce buffering for IO "
			   "(SWIOTLB)");
	res_verbatim(c->r, "software IO TLB: mapped [mem 0x%016llx-0x%016llx] "
			   "(%lluMB)", ull(mem->start), ull(mem->end),
		     ull((mem->end - mem->start) >> 20));
}

static int dmesg_run(struct cmd_ctx *c)
{
	struct boot_report b;

	boot_report(c->k, &b);
	res_list(c->r, "lines", RES_VERBATIM);
	if (!c->k->e820_user)
		say_map(c);
	say_nx(c);
	if (c->k->e820_user)
		say_map(c);
	say_last_pfn(c);
	if (c->k->machine->cpu[0].features.gbpages)
		res_verbatim(c->r, "Using GB pages for direct mapping");
	say_lowmem(c);
	say_zone_ranges(c);
	say_nodes(c);
	say_zonelists(c, &b);
	say_memory(c, &b);
	say_classic_layout(c);
	say_freed(c, "SMP alternatives", b.smp);
	say_swiotlb(c);
	say_freed(c, "initrd", b.initrd);
	say_freed(c, "unused decrypted", b.decrypted);
	say_freed(c, "unused kernel image (initmem)", b.initmem);
	say_freed(c, "unused kernel image (text/rodata gap)", b.text_gap);
	say_freed(c, "unused kernel image (rodata/data gap)", b.rodata_gap);
	cmd_emit_log(c->r, c->k->log.text, c->k->log.len);
	c->k->log.unseen = c->k->log.len;
	res_end(c->r);
	return 0;
}

const struct command cmd_dmesg = {
	.name = "dmesg", .group = "physical memory", .flags = CMD_NEEDS_KERNEL,
	.help = "what the kernel said of its memory, at boot and since",
	.details = "The lines of a 6.1 kernel, to be compared with those of another boot.\n"
		   "(Of Memory, \"available\" counts all free pages; distributions' x86-64\n"
		   "kernels leave out those that they make records for only later.)\n"
		   "boot dmesg=FILE takes either. With layout=classic also the table of\n"
		   "areas that 2.6 kernels printed. Then come the reports since boot, such as\n"
		   "those of the slab allocator.",
	.example = "dmesg", .run = dmesg_run,
};
