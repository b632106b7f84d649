/*
 * test_dma.c - a device with DMA: kmalloc buffers are contiguous, vmalloc
 * buffers are not, bounce buffers and scatter lists make up for it.
 */
#include "boot.h"

#include <errno.h>

#include "kernel/convert.h"
#include "kernel/dma_mapping.h"
#include "kernel/slab.h"
#include "kernel/swiotlb.h"
#include "kernel/vmalloc.h"

static const struct boot_row pae_61 =
	BOOT("pae_61", "i386-pae", 6 * GiB, .layout_61 = true);
static const struct boot_row x86_64_2g = BOOT("x86_64_2g", "x86_64", 2 * GiB);

#define LEN (4 * PAGE_SIZE)

static uint64_t free_pages_total(struct kernel *k)
{
	uint64_t n = 0;

	drain_all_pages(k);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += k->zone[i].free + zone_pcp_pages(k, &k->zone[i]);
	return n;
}

/* The CPU's view of a kernel buffer, by the page tables. */
static void by_tables(struct kernel *k, va_t va, uint8_t *buf, size_t len,
		      bool write)
{
	for (size_t at = 0; at < len; at++) {
		pa_t pa;

		assert_true(slow_virt_to_phys(k, va + at, &pa));
		if (write)
			ram_copy_in(k->ram, pa, buf + at, 1);
		else
			ram_copy_out(k->ram, pa, buf + at, 1);
	}
}

static void pattern(uint8_t *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = seed + i + (i >> PAGE_SHIFT) * 31;
}

/* The device follows the segments of a mapping. */
static void device_moves(struct kernel *k, struct device *dev,
			 const struct dma_map *map, uint8_t *buf, bool write)
{
	for (unsigned i = 0; i < map->nents; i++) {
		const struct dma_segment *seg = &map->sg[i];

		assert_true(dma_capable(dev, seg->bus, seg->len));
		if (write)
			dmadev_write_ram(&dev->hw, k->ram, seg->bus, buf,
					 seg->len);
		else
			dmadev_read_ram(&dev->hw, k->ram, seg->bus, buf,
					seg->len);
		buf += seg->len;
	}
}

/* CPU -> device -> CPU: every byte arrives. */
static void round_trip(struct kernel *k, struct device *dev, va_t va,
		       struct dma_map *map)
{
	uint8_t in[LEN], out[LEN];

	pattern(in, LEN, 3);
	by_tables(k, va, in, LEN, true);
	dma_sync_for_device(k, map);
	device_moves(k, dev, map, out, false);
	assert_memory_equal(in, out, LEN);
	pattern(in, LEN, 77);
	device_moves(k, dev, map, in, true);
	dma_unmap(k, dev, map);
	by_tables(k, va, out, LEN, false);
	assert_memory_equal(in, out, LEN);
	assert_int_equal(dev->nmaps, 0);
}

/* vmalloc of frames no two of which are neighbours. */
static va_t scattered_vmalloc(struct kernel *k, pfn_t hole[64])
{
	struct vmap_area *area;
	va_t va;

	for (unsigned i = 0; i < 64; i++)
		hole[i] = alloc_pages(k, GFP_HIGHUSER, 0, "test");
	for (unsigned i = 0; i < 64; i += 2)
		free_pages(k, hole[i], 0);
	assert_int_equal(vmalloc(k, LEN, &va), 0);
	area = (struct vmap_area *)find_vmap_area(k, va);
	for (unsigned i = 1; i < area->nr_pages; i++)
		assert_true(area->pages[i] != area->pages[i - 1] + 1);
	return va;
}

static void test_dma__kmalloc_is_contiguous(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "disk0", 64);
	struct dma_map *map;
	pa_t pa;
	va_t va;

	for (unsigned size = PAGE_SIZE; size <= 4 * MiB; size *= 4) {
		assert_int_equal(kmalloc(k, size, GFP_KERNEL, &va), 0);
		for (unsigned at = 0; at < size; at += PAGE_SIZE) {
			assert_true(slow_virt_to_phys(k, va + at, &pa));
			assert_int_equal(pa, convert_pa(k, va).n + at);
		}
		assert_int_equal(dma_map_single(k, dev, va, size, DMA_TO_DEVICE,
						&map),
				 0);
		assert_int_equal(map->nents, 1);
		assert_int_equal(map->sg->bus, kernel_pa(k, va));
		dma_unmap(k, dev, map);
		kfree(k, va);
	}
	assert_int_equal(kmalloc(k, LEN, GFP_KERNEL, &va), 0);
	assert_int_equal(
		dma_map_single(k, dev, va, LEN, DMA_BIDIRECTIONAL, &map), 0);
	round_trip(k, dev, va, map);
	kfree(k, va);
	assert_int_equal(device_del(k, dev), 0);
}

static void test_dma__vmalloc_needs_a_list(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "disk0", 64);
	struct dma_map *map;
	uint8_t in[LEN], out[LEN];
	pfn_t hole[64];
	va_t va = scattered_vmalloc(k, hole);
	pa_t first;

	pattern(in, LEN, 5);
	by_tables(k, va, in, LEN, true);
	assert_int_equal(dma_map_single(k, dev, va, LEN, DMA_TO_DEVICE, &map),
			 -ENOMEM);
	assert_string_equal(dev->log, "rejecting DMA map of vmalloc memory");
	/* The first page's address, and on from there: right for one page. */
	assert_true(slow_virt_to_phys(k, va, &first));
	dmadev_read_ram(&dev->hw, k->ram, first, out, LEN);
	assert_memory_equal(in, out, PAGE_SIZE);
	for (unsigned at = PAGE_SIZE; at < LEN; at += PAGE_SIZE)
		assert_memory_not_equal(in + at, out + at, PAGE_SIZE);
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_BIDIRECTIONAL, false, &map), 0);
	assert_int_equal(map->nents, LEN / PAGE_SIZE);
	round_trip(k, dev, va, map);
	vfree(k, va);
	for (unsigned i = 1; i < 64; i += 2)
		free_pages(k, hole[i], 0);
	device_del(k, dev);
}

/* A page that straddles: offsets within pages survive. */
static void test_dma__sg_at_any_offset(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "disk0", 64);
	struct dma_map *map;
	uint8_t in[300], out[300];
	uint64_t at, bytes = 0;
	va_t va;

	assert_int_equal(vmalloc(k, 2 * PAGE_SIZE, &va), 0);
	pattern(in, sizeof(in), 9);
	by_tables(k, va + PAGE_SIZE - 100, in, sizeof(in), true);
	assert_int_equal(dma_map_sg(k, dev, va + PAGE_SIZE - 100, sizeof(in),
				    DMA_TO_DEVICE, false, &map),
			 0);
	device_moves(k, dev, map, out, false);
	assert_memory_equal(in, out, sizeof(in));
	for (unsigned i = 0; i < map->nents; i++)
		bytes += map->sg[i].len;
	assert_int_equal(bytes, sizeof(in));
	assert_ptr_equal(dma_find_map(dev, va + PAGE_SIZE + 199), map);
	assert_null(dma_find_map(dev, va + PAGE_SIZE + 200));
	assert_non_null(dma_find_segment(map, 299, &at));
	assert_null(dma_find_segment(map, 300, &at));
	dma_unmap(k, dev, map);
	assert_int_equal(dma_map_sg(k, dev, va, 3 * PAGE_SIZE, DMA_TO_DEVICE,
				    false, &map),
			 -EFAULT);
	assert_int_equal(dma_map_sg(k, dev, va, 0, DMA_TO_DEVICE, false, &map),
			 -EINVAL);
	vfree(k, va);
	device_del(k, dev);
}

/* RAM above 4 GiB and a 32-bit device: copied at map, sync and unmap only. */
static void test_swiotlb__bounces(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "nic0", 32);
	struct dma_map *map;
	pfn_t pfn = alloc_pages(k, GFP_HIGHUSER, 2, "test");
	uint8_t in[LEN], out[LEN];
	va_t va;

	assert_non_null(k->swiotlb);
	assert_true(k->swiotlb->end <= 4 * GiB);
	assert_int_equal(k->swiotlb->end - k->swiotlb->start, 64 * MiB);
	assert_false(dma_capable(dev, pfn << PAGE_SHIFT, 1));
	free_pages(k, pfn, 2);
	assert_int_equal(vmalloc(k, LEN, &va), 0);
	pattern(in, LEN, 1);
	by_tables(k, va, in, LEN, true);
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_BIDIRECTIONAL, false, &map), 0);
	for (unsigned i = 0; i < map->nents; i++)
		assert_true(is_swiotlb_buffer(k, map->sg[i].bus));
	assert_int_equal(k->swiotlb->used, LEN / IO_TLB_SIZE);
	device_moves(k, dev, map, out, false);
	assert_memory_equal(in, out, LEN);
	pattern(out, LEN, 200);
	device_moves(k, dev, map, out, true);
	by_tables(k, va, out, LEN, false);
	assert_memory_equal(in, out, LEN); /* the old bytes still */
	assert_int_equal(dma_sync_for_cpu(k, map), LEN);
	by_tables(k, va, out, LEN, false);
	pattern(in, LEN, 200);
	assert_memory_equal(in, out, LEN);
	round_trip(k, dev, va, map);
	assert_int_equal(k->swiotlb->used, 0);
	vfree(k, va);
	device_del(k, dev);
	assert_false(k->ram_poked);
}

static void test_swiotlb__directions(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "nic0", 32);
	uint8_t in[LEN], out[LEN];
	struct dma_map *map;
	va_t va;

	assert_int_equal(vmalloc(k, LEN, &va), 0);
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_TO_DEVICE, false, &map), 0);
	pattern(in, LEN, 8);
	device_moves(k, dev, map, in, true);
	assert_int_equal(dma_sync_for_cpu(k, map), 0);
	dma_unmap(k, dev, map);
	by_tables(k, va, out, LEN, false);
	memset(in, 0, LEN);
	assert_memory_equal(in, out, LEN); /* never copied back */
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_FROM_DEVICE, false, &map), 0);
	assert_int_equal(dma_sync_for_device(k, map), 0);
	dma_unmap(k, dev, map);
	vfree(k, va);
	device_del(k, dev);
}

/* 256 KiB at most, 64 MiB in all; then Linux says that it is full. */
static void test_swiotlb__runs_full(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "nic0", 32);
	struct device *isa = device_add(k, "sb16", 24);
	struct dma_map *map, *some = NULL;
	unsigned n = 0;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 7, "test");
	va_t va = kernel_va(k, pfn << PAGE_SHIFT);

	assert_int_equal(dma_map_single(k, dev, va, 256 * KiB + 1,
					DMA_TO_DEVICE, &map),
			 -ENOMEM);
	assert_non_null(strstr(dev->log,
			       "swiotlb buffer is full (sz: 262145 "
			       "bytes), total 32768 (slots), used 0 (slots)"));
	while (!dma_map_single(k, dev, va, 256 * KiB, DMA_TO_DEVICE, &map)) {
		some = n++ == 100 ? map : some;
		assert_int_equal(
			(map->sg->bus - k->swiotlb->start) % (256 * KiB), 0);
	}
	assert_int_equal(n, 256);
	assert_int_equal(findings(k, NULL), 0);
	dma_unmap(k, dev, some);
	assert_int_equal(
		dma_map_single(k, dev, va, 2 * KiB, DMA_TO_DEVICE, &map), 0);
	assert_int_equal(dma_map_single(k, dev, va, 256 * KiB, DMA_TO_DEVICE,
					&map),
			 -ENOMEM);
	/* A device that reaches 16 MiB does not reach the pool. */
	assert_int_equal(dma_map_single(k, isa, va, 2 * KiB, DMA_TO_DEVICE,
					&map),
			 -ENOMEM);
	assert_non_null(strstr(isa->log, "swiotlb addr 0x"));
	while ((map = TAILQ_FIRST(&dev->maps)))
		dma_unmap(k, dev, map);
	assert_int_equal(k->swiotlb->used, 0);
	free_pages(k, pfn, 7);
}

static void test_swiotlb__only_above_4g(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "sb16", 24);
	struct dma_map *map;
	va_t va, low;

	assert_null(k->swiotlb);
	assert_int_equal(kmalloc(k, LEN, GFP_KERNEL, &va), 0);
	assert_int_equal(dma_map_single(k, dev, va, LEN, DMA_TO_DEVICE, &map),
			 -ENOMEM);
	assert_non_null(
		strstr(dev->log, "overflow (mask ffffff, bus limit 0)"));
	assert_int_equal(kmalloc(k, LEN, GFP_DMA, &low), 0);
	assert_int_equal(
		dma_map_single(k, dev, low, LEN, DMA_BIDIRECTIONAL, &map), 0);
	round_trip(k, dev, low, map);
	kfree(k, low);
	kfree(k, va);
	device_del(k, dev);
}

/* Bounce pages: from ZONE_DMA for an ISA device, whatever the buffer is. */
static void test_dma__bounce_pages(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "sb16", 24);
	uint64_t before = free_pages_total(k);
	struct dma_map *map;
	pfn_t hole[64];
	va_t va = scattered_vmalloc(k, hole);

	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_BIDIRECTIONAL, true, &map), 0);
	assert_int_equal(map->nents, 4);
	for (unsigned i = 0; i < map->nents; i++)
		assert_int_equal(map->sg[i].bounce, BOUNCE_PAGE);
	assert_int_equal(findings(k, NULL), 0);
	dma_unmap(k, dev, map);
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_FROM_DEVICE, true, &map), 0);
	dma_unmap(k, dev, map);
	vfree(k, va);
	for (unsigned i = 1; i < 64; i += 2)
		free_pages(k, hole[i], 0);
	assert_true(free_pages_total(k) <= before);
	device_del(k, dev);
}

static void test_dma__coherent_is_within_reach(void **state)
{
	static const unsigned bits[] = { 24, 30, 32, 64 };
	struct kernel *k = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
		struct device *dev = device_add(k, "dev", bits[i]);
		struct dma_map *map;
		uint8_t zero[LEN] = { 0 }, out[LEN];

		assert_int_equal(dma_alloc_coherent(k, dev, LEN - 5, &map), 0);
		assert_int_equal(map->nents, 1);
		assert_int_equal(map->size, LEN);
		assert_true(dma_capable(dev, map->sg->bus, LEN));
		assert_int_equal(map->sg->bus, kernel_pa(k, map->va));
		by_tables(k, map->va, out, LEN, false);
		assert_memory_equal(zero, out, LEN);
		assert_int_equal(device_del(k, dev), -EBUSY);
		assert_int_equal(dma_set_mask(k, dev, ~0ULL), -EBUSY);
		dma_unmap(k, dev, map);
		assert_int_equal(device_del(k, dev), 0);
	}
}

static void test_dma__masks(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "dev", 32);

	assert_null(device_add(k, "dev", 64));
	assert_null(device_add(k, "", 64));
	assert_null(device_add(k, "a name that is too long", 64));
	assert_ptr_equal(device_find(k, "dev"), dev);
	assert_int_equal(dma_set_mask(k, dev, 0xfffff), -EIO);
	assert_int_equal(dev->dma_mask, 0xffffffff);
	assert_int_equal(dma_set_mask(k, dev, 0xffffff), 0);
	assert_true(dma_capable(dev, 0xffffff, 1));
	assert_false(dma_capable(dev, 0xffffff, 2));
	assert_false(dma_capable(dev, ~0ULL, 2));
}

/* No MMU: neither A nor D, and no struct page is dirty. */
static void test_dma__sets_no_bits(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "disk0", 64);
	struct dma_map *map;
	uint8_t in[LEN];
	uint64_t ram;
	pfn_t pfn;
	va_t va;

	assert_int_equal(kmalloc(k, LEN, GFP_KERNEL, &va), 0);
	pfn = kernel_pa(k, va) >> PAGE_SHIFT;
	assert_int_equal(dma_map_single(k, dev, va, LEN, DMA_FROM_DEVICE, &map),
			 0);
	memset(in, 0, LEN);
	ram = ram_hash(k->ram);
	device_moves(k, dev, map, in, true); /* zeroes over zeroes */
	assert_int_equal(ram_hash(k->ram), ram);
	assert_false(pfn_to_page(k, pfn)->flags & PG_dirty);
	dma_unmap(k, dev, map);
	kfree(k, va);
	device_del(k, dev);
}

static void test_dma__notes_whose_bytes_it_writes(void **state)
{
	struct kernel *k = *state;
	va_t va;

	assert_int_equal(kmalloc(k, 64, GFP_KERNEL, &va), 0);
	dma_note_write(k, kernel_pa(k, va), 64);
	assert_false(k->ram_poked);
	dma_note_write(k, kernel_pa(k, va), 65);
	assert_true(k->ram_poked);
	k->ram_poked = false;
	kfree(k, va);
	dma_note_write(k, kernel_pa(k, va), 1);
	assert_true(k->ram_poked);
	k->ram_poked = false;
	dma_note_write(k, k->swapper_pg_dir, 1);
	assert_true(k->ram_poked);
	k->ram_poked = false;
	dma_note_write(k, kernel_pa(k, k->layout.page_offset), 1);
	assert_true(k->ram_poked);
}

/* Whichever allocation fails: DMA_MAPPING_ERROR, and nothing is left. */
static void test_dma__unwinds_at_every_point(void **state)
{
	struct kernel *k = *state;
	struct device *dev = device_add(k, "sb16", 24);
	struct dma_map *map;
	pfn_t hole[64];
	va_t va = scattered_vmalloc(k, hole), kept;
	unsigned n;

	/* The slab of the scatter lists stays. */
	assert_int_equal(kmalloc(k, k->arch->word == 8 ? 4 * 32 : 4 * 20,
				 GFP_KERNEL, &kept),
			 0);
	for (unsigned what = 0; what < 3; what++)
		for (n = 1;; n++) {
			uint64_t before = free_pages_total(k);
			int rc;

			k->fail_nth = n;
			rc = what == 2 ? dma_alloc_coherent(k, dev, LEN, &map)
				       : dma_map_sg(k, dev, va, LEN,
						    DMA_TO_DEVICE, what, &map);
			k->fail_nth = 0;
			if (!rc) {
				dma_unmap(k, dev, map);
				break;
			}
			if (what == 0) /* beyond its mask: never mapped */
				break;
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(dev->nmaps, 0);
			assert_int_equal(free_pages_total(k), before);
			assert_int_equal(kernel_check(k, print_finding, NULL),
					 0);
		}
	kfree(k, kept);
	vfree(k, va);
	for (unsigned i = 1; i < 64; i += 2)
		free_pages(k, hole[i], 0);
	device_del(k, dev);
}

/* What the checker would say of a slot that nobody has. */
static void test_dma__check_finds_leaks(void **state)
{
	struct kernel *k = *state;
	char text[200];

	assert_true(swiotlb_alloc(k, 5000) != SWIOTLB_FULL);
	assert_int_equal(findings(k, text), 1);
	assert_string_equal(text, "swiotlb: 3 slots in use, mappings have 0");
	swiotlb_free(k, k->swiotlb->start);
	assert_int_equal(findings(k, NULL), 0);
}

/* Random mappings, made and undone in any order. */
static void test_dma__random(void **state)
{
	static const unsigned bits[] = { 24, 32, 64 };
	struct kernel *k = *state;
	struct device *dev[3];
	va_t lin, vm;

	for (unsigned i = 0; i < 3; i++) {
		char name[4] = { 'd', '0' + i, 0 };

		dev[i] = device_add(k, name, bits[i]);
	}
	assert_int_equal(kmalloc(k, 64 * KiB, GFP_KERNEL, &lin), 0);
	assert_int_equal(vmalloc(k, 300 * KiB, &vm), 0);
	for (unsigned n = 0; n < 2000; n++) {
		struct device *d = dev[kernel_random(k) % 3];
		unsigned what = kernel_random(k) % 6,
			 dir = kernel_random(k) % 3;
		uint64_t off = kernel_random(k) % (32 * KiB);
		uint64_t size = 1 + kernel_random(k) % (32 * KiB);
		struct dma_map *map = TAILQ_FIRST(&d->maps);

		if (what == 0)
			dma_alloc_coherent(k, d, size, &map);
		else if (what == 1)
			dma_map_single(k, d, lin + off, size, dir, &map);
		else if (what == 2)
			dma_map_sg(k, d, vm + off * 8, size, dir, n & 1, &map);
		else if (map && d->nmaps > kernel_random(k) % 16)
			dma_unmap(k, d, map);
		if (n % 100 == 0)
			assert_int_equal(kernel_check(k, print_finding, NULL),
					 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		while (dev[i]->nmaps)
			dma_unmap(k, dev[i], TAILQ_FIRST(&dev[i]->maps));
		assert_int_equal(device_del(k, dev[i]), 0);
	}
	assert_true(!k->swiotlb || !k->swiotlb->used);
	kfree(k, lin);
	vfree(k, vm);
	assert_false(k->ram_poked);
}

static struct kernel *boot_swiotlb(const char *arch, uint64_t ram,
				   uint64_t size, bool off, bool force,
				   bool classic)
{
	struct kernel_config cfg;
	const char *why;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.ram = ram;
	cfg.layout_61 = strcmp(arch, "i386-pae") == 0 && !classic;
	cfg.swiotlb = size;
	cfg.swiotlb_off = off;
	cfg.swiotlb_force = force;
	return kernel_boot(&cfg, &why);
}

static void test_swiotlb__as_configured(void **state)
{
	struct kernel *k = boot_swiotlb("x86_64", 6 * GiB, 3 * MiB + 1, false,
					false, false);

	assert_int_equal(k->swiotlb->nslabs, 13 * IO_TLB_SEGSIZE);
	end_row(k);
	k = boot_swiotlb("x86_64", 6 * GiB, 0, true, false, false);
	assert_null(k->swiotlb);
	end_row(k);
	assert_null(boot_swiotlb("i386", GiB, 4 * MiB, false, false, false));
	/* 2.6 had none with PAE. */
	assert_null(boot_swiotlb("i386-pae", 6 * GiB, 0, false, true, true));
}

/* Bounced although the device reaches the buffer; one of HighMem, too. */
static void force_bounces(const char *arch)
{
	struct kernel *k = boot_swiotlb(arch, 2 * GiB, 0, false, true, false);
	struct device *dev = device_add(k, "nic0", 64);
	struct dma_map *map;
	va_t va;

	assert_int_equal(kmalloc(k, LEN, GFP_KERNEL, &va), 0);
	assert_int_equal(
		dma_map_single(k, dev, va, LEN, DMA_BIDIRECTIONAL, &map), 0);
	assert_true(is_swiotlb_buffer(k, map->sg->bus));
	round_trip(k, dev, va, map);
	kfree(k, va);
	assert_int_equal(vmalloc(k, LEN, &va), 0);
	assert_int_equal(
		dma_map_sg(k, dev, va, LEN, DMA_BIDIRECTIONAL, false, &map), 0);
	assert_true(is_swiotlb_buffer(k, map->sg->bus));
	round_trip(k, dev, va, map);
	vfree(k, va);
	end_row(k);
}

static void test_swiotlb__force(void **state)
{
	force_bounces("x86_64");
	force_bounces("i386-pae");
}

/*
 * Linux 6.1 with 4 GiB, measured (linux-zones.tsv): DMA32 manages 754605
 * pages. Without the pool they would be 16384 more.
 */
static void test_swiotlb__comes_out_of_dma32(void **state)
{
	struct kernel *k =
		boot_swiotlb("x86_64", 4 * GiB, 0, false, false, false);
	int64_t off = (int64_t)k->zone[ZONE_DMA32].managed - 754605;

	assert_in_range(off + 1000, 0, 2000);
	end_row(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, pae_61), BOOT_TEST(fn, x86_64),                 \
		BOOT_TEST(fn, x86_64_2g)
#define ON_SWIOTLB(fn) BOOT_TEST(fn, x86_64), BOOT_TEST(fn, pae_61)
		ON_ALL(test_dma__kmalloc_is_contiguous),
		ON_ALL(test_dma__vmalloc_needs_a_list),
		ON_ALL(test_dma__sg_at_any_offset),
		ON_ALL(test_dma__coherent_is_within_reach),
		ON_ALL(test_dma__bounce_pages),
		ON_ALL(test_dma__masks),
		ON_ALL(test_dma__sets_no_bits),
		ON_ALL(test_dma__unwinds_at_every_point),
		ON_ALL(test_dma__random),
		BOOT_TEST(test_swiotlb__bounces, x86_64),
		BOOT_TEST(test_swiotlb__directions, x86_64),
		ON_SWIOTLB(test_dma__check_finds_leaks),
		BOOT_TEST(test_swiotlb__runs_full, x86_64),
		cmocka_unit_test(test_swiotlb__as_configured),
		cmocka_unit_test(test_swiotlb__force),
		cmocka_unit_test(test_swiotlb__comes_out_of_dma32),
		BOOT_TEST(test_swiotlb__only_above_4g, i386),
		BOOT_TEST(test_swiotlb__only_above_4g, x86_64_2g),
		/* 2.6 had no swiotlb with PAE. */
		BOOT_TEST(test_swiotlb__only_above_4g, i386_pae),
		BOOT_TEST(test_dma__notes_whose_bytes_it_writes, i386),
		BOOT_TEST(test_dma__notes_whose_bytes_it_writes, x86_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
