/*
 * boot_sizes.c - a boot that reserves what another one did.
 *
 * How many pages a zone manages follows from what boot took: the image, page
 * tables and mem_map, which are here, and hash tables, per-CPU areas, logs and
 * an initramfs, which are not. `boot` takes the sums from a real kernel's boot
 * messages, and the difference is reserved from the top of memory downwards.
 *
 *	Memory: 2058928K/2096632K available (.., 912K init, .., 37704K reserved,
 *						..., 1200008K highmem)
 *	Freeing SMP alternatives memory: 32K	    -- watermarks are set --
 *	Freeing initrd memory: 364K
 *	Freeing unused kernel image (initmem) memory: 912K
 *
 * managed when watermarks are set = physpages - reserved + SMP alternatives
 * managed in the end, /proc/zoneinfo = that + initrd, init and what else is
 * freed later: on x86-64 the gaps in the image and bss meant for encrypted
 * guests (linux arch/x86/mm/init.c, init_64.c; mm/page_alloc.c). The sizes of
 * Debian's 6.1 kernels are the defaults. Left out: deferred struct pages.
 */
#include <string.h>

#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"
#include "kernel/swiotlb.h"

#define BRK	   17ULL /* pages, observed with Debian's 6.1 */
#define PAGES(kib) ((kib)*KiB >> PAGE_SHIFT)

struct freed_row { /* of a kernel: pages */
	const char *arch;
	uint64_t smp, init, decrypted;
};

static const struct freed_row freed_rows[] = {
	{ "i386", PAGES(32), PAGES(912), 0 },
	{ "i386-pae", PAGES(32), PAGES(928), 0 },
	{ "x86_64", PAGES(36), PAGES(2820), PAGES(2036) },
	{ NULL, 0, 0, 0 },
};

static const struct freed_row *freed_row(const struct kernel *k)
{
	const struct freed_row *row = freed_rows;

	while (row->arch && strcmp(row->arch, k->arch->name))
		row++;
	return row;
}

static bool is_set(const struct kernel *k, enum boot_size i)
{
	return k->config.sizes.set & BIT(i);
}

/* Pages of a size in bytes, or @def. */
static uint64_t pages_of(const struct kernel *k, enum boot_size i, uint64_t def)
{
	return is_set(k, i) ? PAGE_ALIGN(k->config.sizes.n[i]) >> PAGE_SHIFT
			    : def;
}

static uint64_t gap(pa_t end, pa_t start)
{
	end = PAGE_ALIGN(end);
	return start > end ? (start - end) >> PAGE_SHIFT : 0;
}

/* Are there numbers of a real kernel to follow? */
static bool like_another(const struct kernel *k)
{
	return k->config.sizes.set != 0;
}

/* What is freed of the image once the kernel runs. */
static uint64_t freed_image(const struct kernel *k)
{
	const struct layout *l = &k->layout;
	uint64_t gaps = gap(l->image.etext, l->image.rodata) +
			gap(l->image.erodata, l->image.data);

	if (!like_another(k))
		return gaps + gap(l->image.edata, l->image.bss);
	return pages_of(k, BOOT_INIT, freed_row(k)->init) +
	       freed_row(k)->decrypted +
	       (l->kernel_map == l->page_offset ? 0 : gaps);
}

/* The zone that holds the last frame below 4 GiB that is mapped: initrd's. */
static struct zone *initrd_zone(struct kernel *k)
{
	pfn_t limit = 4 * GiB >> PAGE_SHIFT;

	if (limit > k->max_low_pfn)
		limit = k->max_low_pfn;
	for (unsigned i = k->nmemory; i-- > 0;) {
		pfn_t start = k->memory[i].start >> PAGE_SHIFT;
		pfn_t end = k->memory[i].end >> PAGE_SHIFT;

		if (start < limit)
			return page_zone(k, (end < limit ? end : limit) - 1);
	}
	return NULL;
}

/* False: it has less than that. */
static bool add_late(struct kernel *k, const struct zone *zone, uint64_t pages)
{
	unsigned i = zone ? zone - k->zone : 0;

	if (!zone || k->late_pages[i] + pages >= zone->present)
		return false;
	k->late_pages[i] += pages;
	return true;
}

/* --- reservations ------------------------------------------------------- */

/* Frames of [start, end) that nothing has reserved. */
static uint64_t free_pages_in(const struct kernel *k, pfn_t start, pfn_t end)
{
	uint64_t n = 0;
	pfn_t from, to;

	while (end > start && memblock_free_below(k, end, &from, &to)) {
		if (to <= start)
			break;
		n += to - (from > start ? from : start);
		end = from;
	}
	return n;
}

/* Takes @pages of [start, end), the highest first. */
static bool reserve_top(struct kernel *k, pfn_t start, pfn_t end,
			uint64_t pages)
{
	pfn_t from, to;

	while (pages && memblock_free_below(k, end, &from, &to)) {
		if (from < start)
			from = start;
		if (to <= from)
			break;
		if (to - from > pages)
			from = to - pages;
		if (!memblock_reserve(k, from << PAGE_SHIFT, to << PAGE_SHIFT,
				      "boot allocations"))
			return false;
		pages -= to - from;
		end = from;
	}
	return !pages;
}

/* Leaves @want of the free frames in [start, end). */
static const char *leave(struct kernel *k, pfn_t start, pfn_t end,
			 uint64_t want, const char *too_many)
{
	uint64_t have = free_pages_in(k, start, end);

	if (want > have)
		return too_many;
	return reserve_top(k, start, end, have - want)
		       ? NULL
		       : "memory is too scattered to reserve that much";
}

static const char *leave_managed(struct kernel *k)
{
	const char *why = NULL;

	for (unsigned i = 0; i < MAX_NR_ZONES && !why; i++) {
		const struct zone *z = &k->zone[i];

		if (is_set(k, BOOT_MANAGED + i))
			why = leave(k, z->start_pfn, z->end_pfn,
				    k->config.sizes.n[BOOT_MANAGED + i],
				    "managed: a zone has fewer pages left "
				    "than that");
	}
	return why;
}

/*
 * x86-64 with RAM above 4 GiB: DMA32 loses the image, what the early brk took,
 * and the bounce buffers (swiotlb.c); all else comes from above.
 */
static uint64_t dma32_managed(const struct kernel *k, uint64_t freed)
{
	const struct layout *l = &k->layout;
	uint64_t taken = PAGE_ALIGN(l->image.ebss) - l->image.text;

	if (k->swiotlb)
		taken += k->swiotlb->end - k->swiotlb->start;
	taken = (taken >> PAGE_SHIFT) + BRK;
	freed += pages_of(k, BOOT_SMP, freed_row(k)->smp);
	return k->zone[ZONE_DMA32].present + freed - taken;
}

/* "reserved" is of all memory; HighMem has none of it. @image: freed later. */
static const char *leave_reserved(struct kernel *k, uint64_t image,
				  uint64_t initrd)
{
	const struct zone *dma32 = &k->zone[ZONE_DMA32];
	uint64_t low = memblock_present(k, 1, k->max_low_pfn);
	uint64_t reserved = pages_of(k, BOOT_RESERVED, 0);
	uint64_t back =
		pages_of(k, BOOT_SMP, freed_row(k)->smp) + image + initrd;

	if (reserved > low)
		return "reserved: more than there is lowmem";
	if (k->layout.vmemmap && k->zone[ZONE_NORMAL].present &&
	    dma32_managed(k, image) < dma32->present)
		leave(k, dma32->start_pfn, dma32->end_pfn,
		      dma32_managed(k, image), "");
	return leave(k, 1, k->max_low_pfn, low - reserved + back,
		     "reserved: this boot takes more than that itself");
}

const char *reserve_boot_sizes(struct kernel *k)
{
	const struct boot_sizes *s = &k->config.sizes;
	uint64_t initrd = pages_of(k, BOOT_INITRD, 0);
	uint64_t image = freed_image(k);

	if (is_set(k, BOOT_FREED)) {
		image = pages_of(k, BOOT_FREED, 0);
		initrd = initrd < image ? initrd : image;
		image -= initrd;
	}
	add_late(k, page_zone(k, k->layout.image.data >> PAGE_SHIFT), image);
	if (initrd && !add_late(k, initrd_zone(k), initrd))
		return "initrd: the zone that it would lie in is smaller";
	if (s->set >> BOOT_MANAGED)
		return leave_managed(k);
	return is_set(k, BOOT_RESERVED) ? leave_reserved(k, image, initrd)
					: NULL;
}

/* --- what boot says ----------------------------------------------------- */

/* Linux calc_memmap_size(): mem_map of holes counts unless they are large. */
static uint64_t memmap_pages(const struct kernel *k, const struct zone *z)
{
	uint64_t pages = z->spanned;

	if (k->layout.vmemmap && pages > z->present + (z->present >> 4))
		pages = z->present;
	return PAGE_ALIGN(pages * k->arch->sizeof_page) >> PAGE_SHIFT;
}

/* Linux free_area_init_core(): present, less mem_map, less the first MiB. */
static uint64_t zone_pages_early(const struct kernel *k, unsigned i)
{
	const struct zone *z = &k->zone[i];
	uint64_t taken = memmap_pages(k, z);

	if (i == ZONE_HIGHMEM)
		return z->present;
	if (i == ZONE_DMA && k->layout.vmemmap)
		taken += memblock_present(k, 1, MiB >> PAGE_SHIFT);
	return z->present > taken ? z->present - taken : 0;
}

static uint64_t kib(pa_t start, pa_t end)
{
	return (end - start) / KiB;
}

/* x86-64 tells what of the image it frees in parts. */
static void report_gaps(const struct kernel *k, struct boot_report *ret)
{
	const struct layout *l = &k->layout;
	uint64_t text = gap(l->image.etext, l->image.rodata) * 4;
	uint64_t rodata = gap(l->image.erodata, l->image.data) * 4;
	uint64_t decrypted = like_another(k) ? freed_row(k)->decrypted * 4 : 0;

	if (!l->vmemmap || ret->initmem < text + rodata + decrypted)
		return;
	ret->text_gap = text;
	ret->rodata_gap = rodata;
	ret->decrypted = decrypted;
	ret->initmem -= text + rodata + decrypted;
}

void boot_report(const struct kernel *k, struct boot_report *ret)
{
	const struct layout *l = &k->layout;
	uint64_t late = 0, smp = 0, present = 0;

	*ret = (struct boot_report){
		.code = kib(l->image.text, l->image.etext),
		.rwdata = kib(l->image.data, l->image.edata),
		.rodata = kib(l->image.rodata, l->image.erodata),
		.bss = kib(l->image.bss, l->image.ebss),
		.highmem = k->zone[ZONE_HIGHMEM].managed * 4,
		.initrd = pages_of(k, BOOT_INITRD, 0) * 4,
		.init = gap(l->image.edata, l->image.bss) * 4,
	};
	if (like_another(k)) {
		smp = pages_of(k, BOOT_SMP, freed_row(k)->smp);
		ret->init = pages_of(k, BOOT_INIT, freed_row(k)->init) * 4;
	}
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		late += k->late_pages[i];
		present += k->zone[i].present;
		ret->total_pages += zone_pages_early(k, i);
	}
	ret->smp = smp * 4;
	ret->initmem = late * 4 - ret->initrd;
	report_gaps(k, ret);
	ret->physpages = present * 4;
	ret->available = (k->totalram_pages - late - smp) * 4;
	ret->reserved = ret->physpages - ret->available;
}
