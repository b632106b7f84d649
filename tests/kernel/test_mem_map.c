/* test_mem_map.c - struct page as bytes, where Linux has it. */
#include "boot.h"

#include "kernel/convert.h"
#include "kernel/mem_map.h"
#include "kernel/memblock.h"
#include "kernel/mm_internal.h"
#include "kernel/process.h"
#include "kernel/slab.h"

static uint64_t word_at(const struct kernel *k, pfn_t pfn, const char *field)
{
	uint8_t bytes[STRUCT_PAGE_MAX];
	const struct page_field *f = page_fields;
	uint64_t v = 0;

	while (strcmp(f->name, field))
		f++;
	mem_map_bytes(k, pfn, bytes);
	memcpy(&v, bytes + page_field_offset(k, f), page_field_size(k, f));
	return v;
}

static const struct {
	pfn_t pfn;
} frames[] = {
	{ 0 },	   { 1 },      { 0x9f },    { 0x100 },	 { 0x3ff },
	{ 0x400 }, { 0x1000 }, { 0x12345 }, { 0x1ffff },
};

/* The physical and the linear address of each byte lead back to its frame. */
static void test_mem_map__addresses_lead_back(void **state)
{
	struct kernel *k = *state;
	unsigned offset;
	pfn_t pfn;
	pa_t pa;

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		va_t va = convert_page(k, frames[i].pfn).n;

		assert_true(mem_map_at_va(k, va + 5, &pfn, &offset));
		assert_int_equal(pfn, frames[i].pfn);
		assert_int_equal(offset, 5);
		assert_true(slow_virt_to_phys(k, va, &pa));
		assert_true(mem_map_at(k, pa + 7, &pfn, &offset));
		assert_int_equal(pfn, frames[i].pfn);
		assert_int_equal(offset, 7);
	}
	assert_false(mem_map_at(k, k->layout.image.text, &pfn, &offset));
	assert_false(
		mem_map_at_va(k, k->layout.page_offset + MiB, &pfn, &offset));
}

static void test_mem_map__reading_in_pieces(void **state)
{
	struct kernel *k = *state;
	uint8_t want[STRUCT_PAGE_MAX], got[200 * STRUCT_PAGE_MAX] = { 0 };
	unsigned size = k->arch->sizeof_page;
	va_t va = convert_page(k, 0xff0).n;
	uint64_t hash = ram_hash(k->ram);
	pa_t pa;

	assert_true(slow_virt_to_phys(k, va, &pa));
	mem_map_overlay(k, pa + 3, got + 3, 200 * size - 3);
	for (unsigned i = 0; i < 200; i++) {
		mem_map_bytes(k, 0xff0 + i, want);
		memset(want, 0, i ? 0 : 3);
		assert_memory_equal(got + i * size, want, size);
	}
	assert_int_equal(mem_map_read(k, k->ram, pa, 4),
			 (uint32_t)mem_map_flags(k, 0xff0));
	assert_int_equal(ram_hash(k->ram), hash);
}

/* As a user would: kernel code loads the words. */
static void test_mem_map__kernel_code_sees_it(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 0, "test");
	uint8_t want[STRUCT_PAGE_MAX], got[STRUCT_PAGE_MAX];
	struct user_access a;

	user_access(k, 0, ACCESS_READ, false, convert_page(k, pfn).n, got,
		    k->arch->sizeof_page, &a);
	assert_int_equal(a.done, k->arch->sizeof_page);
	mem_map_bytes(k, pfn, want);
	assert_memory_equal(got, want, k->arch->sizeof_page);
	assert_int_equal(word_at(k, pfn, "_refcount"), 1);
	free_pages(k, pfn, 0);
	assert_int_equal(word_at(k, pfn, "_refcount"), 0);
}

static unsigned zone_number(const struct kernel *k, pfn_t pfn)
{
	uint64_t flags = word_at(k, pfn, "flags");

	return k->arch->word == 8 ? flags >> 51 & 7 : flags >> 30;
}

static void test_mem_map__words_of_each_kind(void **state)
{
	struct kernel *k = *state;
	struct mm_struct *mm = find_task(k, 1)->mm;
	pfn_t low = 0x200, boot = 0x100, pfn;
	uint64_t pte;
	unsigned level;
	uint8_t byte = 1;
	va_t va;

	assert_int_equal(zone_number(k, low), 0);
	assert_int_equal(zone_number(k, 0x2000), 1);
	/* reserved at boot, and free */
	assert_int_equal(word_at(k, boot, "_refcount"),
			 memblock_reserved_name(k, boot) ? 1 : 0);
	assert_int_equal(word_at(k, k->layout.image.text >> PAGE_SHIFT,
				 "flags") &
				 0x1000,
			 0x1000);
	/* anonymous: the low bit of mapping says so */
	do_mmap(k, mm, NULL, 0, PAGE_SIZE, LX_PROT_READ | LX_PROT_WRITE,
		LX_MAP_ANONYMOUS | LX_MAP_PRIVATE, 0, &va);
	access_remote_vm(k, mm, va, &byte, 1, true);
	assert_true(pt_leaf(k, mm_root(mm), va, &pte, &level));
	pfn = pte_pfn(k, pte);
	assert_int_equal(word_at(k, pfn, "mapping") & 3, 1);
	assert_int_equal(word_at(k, pfn, "mapping") - 1,
			 find_vma(mm, va)->anon_vma->addr.va);
	assert_int_equal(word_at(k, pfn, "_mapcount"), 0);
	assert_int_equal(word_at(k, pfn, "flags") & 0xa0000, 0xa0000);
	/* a root table */
	assert_int_equal(word_at(k, mm->pgd, "index"), mm->addr.va);
}

/* The head has the flags, the tails lead to it. */
static void check_compound(const struct kernel *k, pfn_t head, unsigned order)
{
	va_t va = convert_page(k, head).n;

	assert_int_equal(word_at(k, head, "flags") >> 16 & 1, order > 0);
	for (unsigned i = 1; i < 1U << order; i++) {
		assert_int_equal(word_at(k, head + i, "lru.next"), va | 1);
		assert_int_equal(word_at(k, head + i, "_refcount"), 0);
		assert_int_equal(word_at(k, head + i, "flags") & 0x10200, 0);
	}
	if (order)
		assert_int_equal(word_at(k, head + 1, "lru.prev") & 0xffff,
				 1 | order << 8);
}

static void test_mem_map__compound_pages(void **state)
{
	struct kernel *k = *state;
	struct slab_object o;
	va_t va;

	assert_true(slab_find(k, find_task(k, 1)->mm->addr.va, &o));
	check_compound(k, o.pfn, o.order);
	assert_int_equal(word_at(k, o.pfn, "flags") & 0x200, 0x200);
	assert_int_equal(word_at(k, o.pfn, "private") >> 16 & 0x7fff,
			 o.objects);
	assert_int_equal(word_at(k, o.pfn, "private") & 0xffff, o.inuse);
	assert_int_equal(kmalloc(k, 100000, GFP_KERNEL, &va), 0);
	check_compound(k, kernel_pa(k, va) >> PAGE_SHIFT, 5);
	kfree(k, va);
}

static void test_mem_map__free_blocks_have_an_order(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 9, "test");

	free_pages(k, pfn, 9);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		for (unsigned o = 0; o < MAX_ORDER; o++) {
			pfn = k->zone[i].free_area[o].list[1].head;
			if (!k->zone[i].spanned || pfn == PFN_NONE)
				continue;
			assert_int_equal(word_at(k, pfn, "private"), o);
			assert_int_equal(word_at(k, pfn, "_mapcount"),
					 0xffffff7f);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ALL(fn)                                                               \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)
		ALL(test_mem_map__addresses_lead_back),
		ALL(test_mem_map__reading_in_pieces),
		ALL(test_mem_map__kernel_code_sees_it),
		ALL(test_mem_map__words_of_each_kind),
		ALL(test_mem_map__compound_pages),
		ALL(test_mem_map__free_blocks_have_an_order),
	};

	return cmocka_run_group_tests_name("mem_map", tests, NULL, NULL);
}
