/*
 * kaslr.c - where the seed puts things.
 *
 * The image: choose_random_location() of arch/x86/boot/compressed/kaslr.c in
 * Linux 6.1. A physical slot is any multiple of CONFIG_PHYSICAL_ALIGN (2 MiB
 * on x86-64, here 16 MiB on i386) in usable RAM from the address that the
 * kernel is linked for (16 MiB) on, which holds the whole image: on x86-64
 * anywhere in RAM, on i386 below 512 MiB. The virtual slot is drawn apart on
 * x86-64, in the 1 GiB of KERNEL_IMAGE_SIZE; i386 has one for both. Left out:
 * Linux avoids the compressed image, initramfs, command line and EFI's own.
 *
 * The regions: kernel_randomize_memory() of arch/x86/mm/kaslr.c. Modules:
 * get_module_load_offset() of arch/x86/kernel/module.c. The CPU entry area
 * is not moved (6.2 began to).
 */
#include "kernel/layout_internal.h"

#define PHYSICAL_PADDING 10 /* TiB: RANDOMIZE_MEMORY_PHYSICAL_PADDING */
#define MODULE_OFFSETS	 1024
#define ESPFIX_STACK	 64 /* bytes */
#define ESPFIX_PER_PAGE	 (PAGE_SIZE / ESPFIX_STACK)
#define ESPFIX_PAGES	 2048 /* 2^(39 - 12 - 16) */

/* splitmix64, apart from the kernel's own generator. */
static uint64_t next_random(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void moved_to(struct layout *l, const char *what, uint64_t base,
		     uint64_t from, uint64_t granule, uint64_t positions)
{
	l->move[l->nmoves++] = (struct kaslr_move){
		.what = what,
		.base = base,
		.from = from,
		.granule = granule,
		.positions = positions,
	};
}

/* --- regions ------------------------------------------------------------- */

struct region {
	const char *what;
	va_t *base;
	uint64_t size;
};

/*
 * A base is drawn from an equal share of what is left, then the next: order
 * never changes. Bases are multiples of a PUD, 1 GiB, with 5 levels too.
 */
static void randomize(struct region *region, unsigned n, va_t va, va_t end,
		      uint64_t rng, struct layout *l)
{
	uint64_t left = end - va, share, entropy;

	for (unsigned i = 0; i < n; i++)
		left -= region[i].size;
	for (unsigned i = 0; i < n; i++) {
		share = left / (n - i);
		entropy = ALIGN_DOWN(next_random(&rng) % (share + 1), GiB);
		moved_to(l, region[i].what, va + entropy, *region[i].base, GiB,
			 share / GiB + 1);
		*region[i].base = va + entropy;
		va = ALIGN_UP(va + entropy + region[i].size + 1, GiB);
		left -= entropy;
	}
}

/* => @l holds the bases of a kernel without KASLR */
void kaslr_memory(const struct kernel_config *cfg, pfn_t max_pfn,
		  uint64_t max_size, uint64_t vmalloc_size, struct layout *l)
{
	uint64_t size =
		ALIGN_UP(max_pfn << PAGE_SHIFT, TiB) + PHYSICAL_PADDING * TiB;
	struct region region[] = {
		{ "page_offset_base", &l->page_offset, 0 },
		{ "vmalloc_base", &l->vmalloc_start, vmalloc_size },
		{ "vmemmap_base", &l->vmemmap, 0 },
	};

	if (size > max_size)
		size = max_size;
	region[0].size = size;
	region[2].size =
		ALIGN_UP((size >> PAGE_SHIFT) * cfg->arch->sizeof_page, TiB);
	randomize(region, ARRAY_SIZE(region), l->page_offset, l->cpu_entry_area,
		  cfg->seed ^ 0x6d656d6f7279, l);
	l->direct_end = l->page_offset + region[0].size;
	l->vmemmap_max = l->vmemmap + region[2].size;
}

/* --- the image ------------------------------------------------------------ */

struct image_slots {
	pa_t first, limit; /* the slots' starts and ends lie within */
	uint64_t size, align;
};

/* Slots in @r, the first at *@ret (process_mem_region, store_slot_info). */
static uint64_t slots_in(const struct image_slots *s,
			 const struct ram_region *r, pa_t *ret)
{
	pa_t start = r->start > s->first ? r->start : s->first;
	pa_t end = r->end < s->limit ? r->end : s->limit;

	start = ALIGN_UP(start, s->align);
	if (r->type != RAM_USABLE || start > end || end - start < s->size)
		return 0;
	*ret = start;
	return 1 + (end - start - s->size) / s->align;
}

/* One of all physical slots; their number in *@n. 0: there is none. */
static pa_t physical_slot(const struct kernel_config *cfg,
			  const struct image_slots *s, uint64_t *rng,
			  uint64_t *n)
{
	struct ram_region map[RAM_MAX_REGIONS];
	unsigned nmap = layout_e820(cfg, map);
	pa_t first = 0;
	uint64_t nth;

	*n = 0;
	for (unsigned i = 0; i < nmap; i++)
		*n += slots_in(s, &map[i], &first);
	if (!*n)
		return 0;
	nth = next_random(rng) % *n;
	for (unsigned i = 0; i < nmap; i++) {
		uint64_t here = slots_in(s, &map[i], &first);

		if (nth < here)
			return first + nth * s->align;
		nth -= here;
	}
	return 0;
}

/* x86-64 runs the image at an address that has nothing to do with its RAM. */
static void virtual_slot(const struct layout_row *row,
			 const struct image_slots *s, uint64_t *rng, pa_t moved,
			 struct layout *l)
{
	uint64_t room = row->image_space - s->size - s->first;
	uint64_t n = 1 + room / s->align;
	uint64_t up = next_random(rng) % n * s->align;

	moved_to(l, "_text", l->kernel_map + s->first + up,
		 l->kernel_map + s->first, s->align, n);
	l->kernel_map += up - moved;
}

const char *kaslr_image(const struct layout_row *row,
			const struct kernel_config *cfg, struct layout *l,
			pa_t *moved)
{
	const pa_t *image = layout_image(row, cfg);
	const struct image_slots s = {
		.first = image[0],
		.limit = row->image_limit,
		.size = image[7] - image[0],
		.align = row->kaslr_align,
	};
	uint64_t rng = cfg->seed ^ 0x696d616765, n;
	pa_t pa;

	if (!s.align)
		return "no KASLR in layout=classic; layout=6.1 has it";
	pa = physical_slot(cfg, &s, &rng, &n);
	if (l->kernel_image && s.first + s.size > row->image_space)
		return "the kernel image does not fit into KERNEL_IMAGE_SIZE";
	if (!n)
		return "the kernel image does not fit into RAM";
	*moved = pa - s.first;
	if (!l->kernel_image) {
		moved_to(l, "_text", l->page_offset + pa,
			 l->page_offset + s.first, s.align, n);
		return NULL;
	}
	virtual_slot(row, &s, &rng, *moved, l);
	moved_to(l, "__pa(_text)", pa, s.first, s.align, n);
	l->move[l->nmoves - 1].physical = true;
	return NULL;
}

/* --- modules, espfix ------------------------------------------------------ */

void kaslr_modules(const struct kernel_config *cfg, struct layout *l)
{
	uint64_t rng = cfg->seed ^ 0x6d6f64756c65;

	l->module_load_offset = 1 + next_random(&rng) % MODULE_OFFSETS;
	moved_to(l, "first module",
		 l->modules_start + l->module_load_offset * PAGE_SIZE,
		 l->modules_start, PAGE_SIZE, MODULE_OFFSETS);
}

void espfix_random(const struct kernel_config *cfg, struct layout *l)
{
	uint64_t rng = cfg->seed ^ 0x657370666978;
	uint64_t random = next_random(&rng);

	l->espfix_slot = random % ESPFIX_PER_PAGE;
	l->espfix_page = random / ESPFIX_PER_PAGE % ESPFIX_PAGES;
}

/*
 * Bits 15:0 of the address are where the 16-bit stack pointer points, and the
 * rest of the number goes above bit 32: bits 31:16 are free for the leak that
 * espfix is there to stop.
 */
va_t layout_espfix_stack(const struct layout *l, unsigned cpu)
{
	uint64_t page = (cpu / ESPFIX_PER_PAGE) ^ l->espfix_page;
	uint64_t slot = (cpu + l->espfix_slot) % ESPFIX_PER_PAGE;
	uint64_t at = (page << PAGE_SHIFT) + slot * ESPFIX_STACK;

	return l->espfix_base + ((at & 0xffff) | (at & ~0xffffULL) << 16);
}
