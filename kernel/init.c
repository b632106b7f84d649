/*
 * init.c - boot and shutdown.
 *
 * kernel_boot() is start_kernel() of Linux 6.1 (init/main.c) and what
 * arch/x86/kernel/setup.c, head_32.S and head_64.S do before it, in their
 * order: memory map, memblock, page tables, paging on, buddy, slab, vmalloc,
 * kmap, first process. Left out: everything that is not memory; decompression.
 */
#include "kernel/kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/block.h"
#include "kernel/fixmap.h"
#include "kernel/dma_mapping.h"
#include "kernel/highmem.h"
#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/memtype.h"
#include "kernel/mm.h"
#include "kernel/mm_inline.h"
#include "kernel/pkeys.h"
#include "kernel/process.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/tlb.h"
#include "kernel/slab.h"
#include "kernel/swap.h"
#include "kernel/swiotlb.h"
#include "kernel/sysctl.h"
#include "kernel/vmalloc.h"

#define CR0_STATE 0x80050033ULL /* PE MP ET NE WP AM PG, as 6.1 sets it */

void kernel_config_default(struct kernel_config *cfg, const struct arch *arch)
{
	*cfg = (struct kernel_config){
		.arch = arch,
		.ram = 2 * GiB,
		.cpus = 2,
		.seed = 1,
		.pse = arch->features.pse,
		.nx = arch->features.nx,
		.pge = arch->features.pge,
		.pat = arch->features.pat,
		.gbpages = arch->features.gbpages,
		.thp = THP_MADVISE,
	};
}

/* splitmix64: every seed is good, 0 too. */
uint64_t kernel_random(struct kernel *k)
{
	uint64_t z = k->rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

pa_t kernel_pa(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;

	return va - (kernel_image_ok(k, va) ? l->kernel_map : l->page_offset);
}

bool kernel_image_ok(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;

	return va >= l->kernel_image && va < l->kernel_image_end &&
	       va - l->kernel_map < l->lowmem_end;
}

va_t kernel_va(const struct kernel *k, pa_t pa)
{
	return k->layout.page_offset + pa;
}

bool kernel_virt_ok(const struct kernel *k, va_t va)
{
	pa_t pa = va - k->layout.page_offset;

	return va >= k->layout.page_offset && va < k->layout.high_memory &&
	       (pa < MiB || pfn_valid(k, pa >> PAGE_SHIFT));
}

/* --- boot --------------------------------------------------------------- */

/* What the CPU has, less what the configuration takes away. */
static struct cpu_features choose_features(const struct kernel_config *cfg)
{
	struct cpu_features f = cfg->arch->features;

	f.pse &= cfg->pse;
	f.pse36 &= cfg->pse;
	f.nx &= cfg->nx;
	f.pge &= cfg->pge;
	f.pat &= cfg->pat;
	f.gbpages = cfg->gbpages && f.lm;
	f.la57 = cfg->la57 && f.lm;
	f.pcid = f.invpcid = cfg->pcid && f.lm;
	f.smap = f.smep = cfg->smap;
	f.pku = cfg->pku && f.lm;
	if (f.la57)
		f.maxphyaddr = 52; /* as CPUs that have LA57 do */
	f.tlb = cfg->tlb;
	return f;
}

/* Text, rodata, data, bss: each begins with a page, behind the one before. */
static bool image_is_sound(const pa_t image[8])
{
	for (unsigned i = 0; i < 8; i += 2)
		if ((image[i] & ~PAGE_MASK) || image[i] >= image[i + 1] ||
		    (i && image[i] < PAGE_ALIGN(image[i - 1])))
			return false;
	return image[0] >= MiB && image[7] <= 4 * GiB;
}

static const char *check_config(const struct kernel_config *cfg)
{
	if (!cfg->arch)
		return "no architecture chosen";
	if (cfg->cpus < 1 || cfg->cpus > MACHINE_MAX_CPUS)
		return "cpus must be 1 to 64";
	if (cfg->image[0] && !image_is_sound(cfg->image))
		return "the sections of the kernel image must rise, and "
		       "begin with a page, from 1M to 4G";
	if (cfg->map)
		return e820_check(cfg->map);
	if (cfg->ram < MIN_RAM)
		return "ram must be at least 16M";
	if (cfg->ram > MAX_RAM)
		return "ram must be at most 1T";
	if (cfg->ram & (PAGE_SIZE - 1))
		return "ram must be a multiple of 4K";
	return NULL;
}

/* The machine, and the RAM that this kernel can see of it. */
static const char *setup_machine(struct kernel *k)
{
	const struct kernel_config *cfg = &k->config;
	struct cpu_features f = choose_features(cfg);
	struct e820_map pc;
	const struct e820_map *map = cfg->map;
	pa_t limit = BIT(f.maxphyaddr);

	if (!map) {
		pc.n = e820_build(cfg->ram, pc.entry, RAM_MAX_REGIONS);
		map = &pc;
	}
	k->e820_user = cfg->map && map->user;
	k->config.map = NULL; /* it was the caller's */
	k->machine = machine_create(map->entry, map->n, cfg->cpus, &f);
	if (!k->machine)
		return errno == ENOMEM ? "the host has no memory for this RAM"
				       : "the machine refuses this memory map";
	k->ram = k->machine->ram;
	memblock_init(k, limit < k->arch->max_ram ? limit : k->arch->max_ram);
	return NULL;
}

/* What is taken before anything is allocated. */
static const char *reserve_image(struct kernel *k)
{
	const struct layout *l = &k->layout;

	if (!memblock_is_memory(k, l->image.text, PAGE_ALIGN(l->image.ebss)))
		return "the kernel image does not lie in usable memory";
	if (!memblock_reserve(k, 0, MiB, "first MiB") ||
	    !memblock_reserve(k, l->image.text, l->image.etext,
			      "Kernel code") ||
	    !memblock_reserve(k, l->image.rodata, l->image.erodata,
			      "Kernel rodata") ||
	    !memblock_reserve(k, l->image.data, l->image.edata,
			      "Kernel data") ||
	    !memblock_reserve(k, l->image.bss, l->image.ebss, "Kernel bss"))
		return "the kernel image does not fit";
	/* bss begins with swapper_pg_dir, empty_zero_page; with two roots, which
	 * are side by side, with the zero page. */
	k->swapper_pg_dir = l->image.bss;
	k->zero_pfn = (l->image.bss >> PAGE_SHIFT) + 1;
	if (has_pti(k)) {
		k->swapper_pg_dir =
			ALIGN_UP(l->image.bss + PAGE_SIZE, 2 * PAGE_SIZE);
		k->zero_pfn = l->image.bss >> PAGE_SHIFT;
	}
	return NULL;
}

/*
 * A root table above 4 GiB, where KASLR may put it, can be loaded only when
 * long mode is on: until then the CPU runs on the trampoline's tables.
 */
#define TRAMPOLINE_PGD 0x98000

/* Sets the registers as head_32.S, head_64.S and cpu_init() leave them. */
static const char *enable_paging(struct cpu *cpu, bool pae, bool long_mode,
				 pa_t root)
{
	const struct cpu_features *f = &cpu->features;
	uint64_t cr4 = (f->pse ? CR4_PSE : 0) | (pae ? CR4_PAE : 0) |
		       (f->pge ? CR4_PGE : 0) | (f->la57 ? CR4_LA57 : 0);
	uint64_t efer = (long_mode ? EFER_LME : 0) | (f->nx ? EFER_NXE : 0);
	const char *why = cpu_write_cr4(cpu, cr4);
	bool high = root > UINT32_MAX;

	if (!why)
		why = cpu_write_efer(cpu, efer);
	if (!why)
		why = cpu_write_cr3(cpu, high ? TRAMPOLINE_PGD : root);
	if (!why)
		why = cpu_write_cr0(cpu, CR0_STATE);
	if (!why && high)
		why = cpu_write_cr3(cpu, root);
	if (!why)
		why = pat_init(cpu);
	if (!why)
		why = cpu_write_eflags(cpu, EFLAGS_IF);
	return why;
}

static const char *setup_pku(struct cpu *cpu)
{
	const char *why = cpu_write_cr4(cpu, cpu->mmu.cr4 | CR4_PKE);

	return why ? why : cpu_write_pkru(cpu, INIT_PKRU);
}

static const char *start_cpus(struct kernel *k)
{
	bool pae = k->mode->entry_size == 8, long_mode = k->mode->canonical;
	const char *why = NULL;

	for (unsigned i = 0; i < k->machine->ncpus && !why; i++) {
		struct cpu *cpu = &k->machine->cpu[i];

		why = enable_paging(cpu, pae, long_mode, k->swapper_pg_dir);
		if (!why && cpu->features.pcid && cpu->features.pge)
			why = cpu_write_cr4(cpu, cpu->mmu.cr4 | CR4_PCIDE);
		if (!why && cpu->features.pku)
			why = setup_pku(cpu);
		if (!why && (cpu->mmu.cr4 & CR4_PCIDE))
			why = load_mm_cr3(k, i, k->swapper_pg_dir);
		if (!why && cpu->features.smap)
			why = cpu_write_cr4(cpu,
					    cpu->mmu.cr4 | CR4_SMAP | CR4_SMEP);
	}
	return why;
}

/* Room for a record of each frame; the host commits what is touched. */
static const char *map_records(struct kernel *k)
{
	void *map = mmap(NULL, k->max_pfn * sizeof(struct page),
			 PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return "the host has no memory for the frame records";
	k->mem_map = map;
	return NULL;
}

/* Up to the point where the buddy allocator works. */
static const char *boot_memory(struct kernel *k)
{
	const char *why = setup_machine(k);

	if (!why)
		why = layout_compute(&k->config, k->max_pfn, &k->layout);
	if (why)
		return why;
	memblock_cap(k, k->layout.max_pfn);
	k->max_low_pfn = k->layout.lowmem_end >> PAGE_SHIFT;
	why = reserve_image(k);
	if (!why)
		why = map_records(k);
	if (!why)
		why = init_mem_mapping(k);
	if (!why)
		why = start_cpus(k);
	if (!why)
		why = swiotlb_init(k);
	if (!why)
		why = page_alloc_init(k);
	if (why)
		return why;
	pfn_to_page(k, k->zero_pfn)->flags |= PG_zeropage;
	thp_init(k);
	hugetlb_init(k);
	return NULL;
}

static const char *boot(struct kernel *k)
{
	const char *why = boot_memory(k);

	if (why)
		return why;
	slab_init(k);
	lruvec_init(k);
	swap_init(k);
	if (vmalloc_init(k))
		return "no memory left for the tables of the vmalloc area";
	if (highmem_init(k) || fixmap_init(k))
		return "no memory left for kmap";
	sysctl_init(k);
	if (kernel_init_process(k))
		return "no memory left for the first process";
	return NULL;
}

struct kernel *kernel_boot(const struct kernel_config *cfg, const char **why)
{
	struct kernel *k;

	*why = check_config(cfg);
	if (*why)
		return NULL;
	k = calloc(1, sizeof(*k));
	assert(k);
	k->config = *cfg;
	k->fail_nth = cfg->fail_nth;
	k->arch = cfg->arch;
	k->mode = &paging_modes[layout_mode(cfg)];
	k->pte_level = k->mode->nlevels - 1;
	k->rng = cfg->seed;
	k->next_pid = 1;
	TAILQ_INIT(&k->slab_caches);
	dma_init(k);
	TAILQ_INIT(&k->tasks);
	LIST_INIT(&k->inodes);
	disk_init(k);
	*why = boot(k);
	if (*why) {
		kernel_destroy(k);
		return NULL;
	}
	return k;
}

void kernel_destroy(struct kernel *k)
{
	if (!k)
		return;
	k->sink.fn = NULL;
	tasks_deinit(k);
	swap_deinit(k);
	disk_deinit(k);
	fixmap_deinit(k);
	dma_deinit(k);
	swiotlb_deinit(k);
	highmem_deinit(k);
	vmalloc_deinit(k);
	slab_deinit(k);
	page_alloc_deinit(k);
	log_deinit(k);
	if (k->mem_map)
		munmap(k->mem_map, k->max_pfn * sizeof(struct page));
	machine_destroy(k->machine);
	free(k);
}
