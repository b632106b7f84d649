/*
 * test_convert.c - __pa, __va and struct page arithmetic, right and wrong,
 * against the numbers that Linux' macros give, done by hand.
 */
#include "boot.h"

#include "kernel/convert.h"
#include "kernel/highmem.h"
#include "kernel/vmalloc.h"

static const struct boot_row i386_4g = BOOT("i386_4g", "i386", 4 * GiB);
static const struct boot_row pae_8g =
	BOOT("pae_8g", "i386-pae", 8 * GiB, .layout_61 = true);

/* A frame of lowmem and its three names agree. */
static void test_convert__lowmem_goes_round(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 0, "test"), back;
	struct conversion va = convert_va(k, pfn << PAGE_SHIFT);
	struct conversion page = convert_page(k, pfn);
	pa_t pa;

	assert_int_equal(va.why, CONVERT_OK);
	assert_int_equal(va.n, page_address(k, pfn));
	assert_int_equal(convert_pa(k, va.n).n, pfn << PAGE_SHIFT);
	assert_int_equal(convert_pa(k, va.n).why, CONVERT_OK);
	assert_null(convert_pa(k, va.n).debug);
	assert_true(slow_virt_to_phys(k, va.n + 5, &pa));
	assert_int_equal(pa, (pfn << PAGE_SHIFT) + 5);
	assert_true(virt_addr_valid(k, va.n));
	assert_int_equal(page.why, CONVERT_OK);
	assert_true(convert_page_to_pfn(k, page.n, &back));
	assert_int_equal(back, pfn);
	assert_false(convert_page_to_pfn(k, page.n + 8, &back));
	assert_int_equal(convert_page(k, pfn + 1).n - page.n,
			 k->arch->sizeof_page);
	free_pages(k, pfn, 0);
}

/* The struct page itself is mapped, and lies in what boot set aside for it. */
static void test_convert__struct_pages_are_mapped(void **state)
{
	struct kernel *k = *state;
	pa_t pa;

	assert_true(slow_virt_to_phys(k, convert_page(k, 0).n, &pa));
	assert_true(
		slow_virt_to_phys(k, convert_page(k, k->max_pfn - 1).n, &pa));
	assert_int_equal(convert_page(k, k->max_pfn + (1 << 16)).why,
			 CONVERT_NO_PAGE);
}

static void test_convert__vmalloc_is_wrong(void **state)
{
	struct kernel *k = *state;
	struct conversion c;
	pa_t pa;
	va_t va;

	assert_int_equal(vmalloc(k, 2 * PAGE_SIZE, &va), 0);
	c = convert_pa(k, va + 7);
	assert_int_equal(c.why, CONVERT_MAPPED);
	assert_non_null(c.debug);
	assert_true(slow_virt_to_phys(k, va + 7, &pa));
	assert_int_equal(pa >> PAGE_SHIFT, find_vmap_area(k, va)->pages[0]);
	assert_true(c.n != pa);
	assert_int_equal(c.n,
			 (k->arch->word == 4
				  ? (uint32_t)(va + 7 - k->layout.page_offset)
				  : va + 7 - k->layout.page_offset));
	assert_false(virt_addr_valid(k, va));
	assert_false(slow_virt_to_phys(k, va + 2 * PAGE_SIZE, &pa));
	vfree(k, va);
}

static void test_convert__user_addresses_are_wrong(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(convert_pa(k, 0x400000).why, CONVERT_USER);
	assert_non_null(convert_pa(k, 0x400000).debug);
	assert_false(virt_addr_valid(k, 0x400000));
}

/* i386, PAGE_OFFSET 0xc0000000: sums are those of 32 bits. */
static void test_convert__i386_wraps(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(convert_va(k, 0x40000000).n, 0);
	assert_int_equal(convert_va(k, 0x40000000).why, CONVERT_HIGHMEM);
	assert_int_equal(convert_va(k, 0x38800000).n, 0xf8800000);
	assert_int_equal(convert_pa(k, 0x08048000).n, 0x48048000);
	assert_int_equal(page_address(k, 0x40000), 0);
	/* FIXADDR_START and up, and below PAGE_OFFSET: never. */
	assert_true(virt_addr_valid(k, k->layout.pkmap_base));
	assert_int_equal(convert_pa(k, k->layout.pkmap_base).why,
			 CONVERT_MAPPED);
	assert_false(virt_addr_valid(k, k->layout.lapic));
	/* FLATMEM: holes have struct pages, the end has none. */
	assert_true(linux_pfn_valid(k, 0xa0));
	assert_false(linux_pfn_valid(k, k->max_pfn));
}

static void test_convert__pae_cuts_bits(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(convert_va(k, 0x100001000).n, 0xc0001000);
	assert_int_equal(convert_va(k, 0x100001000).why, CONVERT_CUT);
}

static void test_convert__page_address_of_a_slot(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_HIGHUSER, 0, "test");
	va_t va;

	assert_int_equal(page_address(k, pfn), 0);
	assert_int_equal(kmap(k, pfn, &va), 0);
	assert_int_equal(page_address(k, pfn), va);
	assert_int_equal(kunmap(k, pfn), 0);
	/* As in Linux, the hash keeps it until the window is flushed. */
	assert_int_equal(page_address(k, pfn), va);
	free_pages(k, pfn, 0);
}

/* x86-64 without KASLR: which subtraction it is, the address decides. */
static void test_convert__x86_64_has_two_maps(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(convert_pa(k, 0xffff888001000000).n, 0x1000000);
	assert_int_equal(convert_pa(k, 0xffffffff81000000).n, 0x1000000);
	assert_int_equal(convert_pa(k, 0xffffffff81000000).why, CONVERT_OK);
	assert_int_equal(convert_pa_symbol(k, 0xffffffff81000000).n, 0x1000000);
	assert_int_equal(convert_pa_symbol(k, 0xffff888001000000).why,
			 CONVERT_NO_SYMBOL);
	assert_int_equal(convert_pa(k, 0xffffc90000000000).n, 0x408000000000);
	/* The fixmap is above __START_KERNEL_map: less than 2 GiB. */
	assert_int_equal(convert_pa(k, 0xffffffffff5fd000).n, 0x7f5fd000);
	assert_int_equal(convert_pa(k, 0xffffffffff5fd000).why, CONVERT_MAPPED);
	assert_int_equal(convert_pa(k, 0xffff8880c0000000).why, CONVERT_NO_RAM);
	/* Sections of 128 MiB: 0xbffff is a hole in one, 0xc8000 no section. */
	assert_true(linux_pfn_valid(k, 0xbffff));
	assert_false(linux_pfn_valid(k, 0xc8000));
	assert_false(virt_addr_valid(k, 0xffff8880c8000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)
		ON_ALL(test_convert__lowmem_goes_round),
		ON_ALL(test_convert__struct_pages_are_mapped),
		ON_ALL(test_convert__vmalloc_is_wrong),
		ON_ALL(test_convert__user_addresses_are_wrong),
		BOOT_TEST(test_convert__i386_wraps, i386_4g),
		BOOT_TEST(test_convert__pae_cuts_bits, pae_8g),
		BOOT_TEST(test_convert__page_address_of_a_slot, i386),
		BOOT_TEST(test_convert__page_address_of_a_slot, i386_pae),
		BOOT_TEST(test_convert__x86_64_has_two_maps, x86_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
