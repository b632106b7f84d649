/* test_ram.c - physical memory: map, holes, copies, hash. */
#include <errno.h>

#include "fixture.h"

static const struct ram_region pc_map[] = {
	{ 0, 0x9fc00, RAM_USABLE, true },
	{ 0x9fc00, 0xa0000, RAM_RESERVED, true },
	{ 0xa0000, 0xc0000, RAM_MMIO, false },
	{ 0x100000, 0x40000000, RAM_USABLE, true },
};

static struct ram *make_pc(void)
{
	struct ram *ram = ram_create(pc_map, ARRAY_SIZE(pc_map));

	assert_non_null(ram);
	return ram;
}

static void test_ram__bad_maps_are_refused(void **state)
{
	static const struct ram_region bad[][2] = {
		{ { 0x1000, 0x1000, RAM_USABLE, true }, { 0 } },
		{ { 0, 0x2000, RAM_USABLE, true },
		  { 0x1000, 0x3000, RAM_USABLE, true } },
		{ { 0x2000, 0x3000, RAM_USABLE, true },
		  { 0, 0x1000, RAM_USABLE, true } },
		{ { 0, 0x1000, RAM_MMIO, true }, { 0x1000, 0x2000, 1, true } },
		{ { 0, 1ULL << 53, RAM_USABLE, true }, { 0 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		assert_null(ram_create(bad[i], 2));
		assert_int_equal(errno, EINVAL);
	}
	assert_null(ram_create(bad[0], 0));
	assert_null(ram_create(bad[0], RAM_MAX_REGIONS + 1));
}

static void test_ram__touching_regions_are_one_extent(void **state)
{
	struct ram *ram = make_pc();

	assert_int_equal(ram->nextents, 2);
	assert_int_equal(ram->extent[0].start, 0x100000);
	assert_int_equal(ram->extent[1].len, 0xa0000);
	assert_int_equal(ram->size, 0x40000000);
	ram_destroy(ram);
}

static void test_ram__words_are_little_endian(void **state)
{
	struct ram *ram = make_pc();

	ram_write(ram, 0x2000, 8, 0x1122334455667788);
	assert_int_equal(ram_read(ram, 0x2000, 1), 0x88);
	assert_int_equal(ram_read(ram, 0x2002, 2), 0x5566);
	assert_int_equal(ram_read(ram, 0x2004, 4), 0x11223344);
	ram_write(ram, 0x2004, 2, 0);
	assert_int_equal(ram_read(ram, 0x2000, 8), 0x1122000055667788);
	ram_destroy(ram);
}

static void test_ram__holes_read_ones_and_drop_writes(void **state)
{
	static const pa_t hole[] = { 0xa0000, 0xbfff8, 0xffff8, 0x40000000,
				     ~7ULL };
	struct ram *ram = make_pc();

	for (unsigned i = 0; i < ARRAY_SIZE(hole); i++) {
		assert_null(ram_ptr(ram, hole[i]));
		ram_write(ram, hole[i], 8, 0);
		assert_true(ram_read(ram, hole[i], 8) == ~0ULL);
		assert_int_equal(ram_read(ram, hole[i], 2), 0xffff);
	}
	ram_destroy(ram);
}

static void test_ram__copy_over_the_edge_of_a_hole(void **state)
{
	struct ram *ram = make_pc();
	uint8_t buf[16];

	memset(buf, 0x5a, sizeof(buf));
	ram_copy_in(ram, 0x9fff8, buf, sizeof(buf));
	memset(buf, 0, sizeof(buf));
	ram_copy_out(ram, 0x9fff8, buf, sizeof(buf));
	assert_int_equal(buf[7], 0x5a);
	assert_int_equal(buf[8], 0xff);
	ram_destroy(ram);
}

static void test_ram__copy_over_frames(void **state)
{
	static uint8_t in[3 * PAGE_SIZE], out[3 * PAGE_SIZE];
	struct ram *ram = make_pc();

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = i * 7 + i / 251;
	ram_copy_in(ram, 0x100ffd, in, sizeof(in));
	ram_copy_out(ram, 0x100ffd, out, sizeof(out));
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(ram_read(ram, 0x101000, 1), in[3]);
	ram_destroy(ram);
}

static void test_ram__hash_sees_bytes_and_not_reads(void **state)
{
	struct ram *ram = make_pc();
	uint64_t empty = ram_hash(ram), one;

	ram_read(ram, 0x200000, 8);
	ram_write(ram, 0x300000, 8, 0);
	assert_true(ram_hash(ram) == empty);
	ram_write(ram, 0x300000, 1, 1);
	one = ram_hash(ram);
	assert_true(one != empty);
	ram_write(ram, 0x300000, 1, 0);
	assert_true(ram_hash(ram) == empty);
	ram_write(ram, 0x301000, 1, 1);
	assert_true(ram_hash(ram) != one);
	ram_destroy(ram);
}

static void test_ram__a_tebibyte_costs_what_is_touched(void **state)
{
	struct ram_region map = { 0, 1ULL << 40, RAM_USABLE, true };
	struct ram *ram = ram_create(&map, 1);

	assert_non_null(ram);
	ram_use_huge(ram);
	ram_write(ram, (1ULL << 40) - 8, 8, 42);
	assert_int_equal(ram_read(ram, (1ULL << 40) - 8, 8), 42);
	ram_destroy(ram);
}

static void test_ram__type_names(void **state)
{
	assert_string_equal(ram_type_name(RAM_USABLE), "System RAM");
	assert_string_equal(ram_type_name(RAM_ACPI), "ACPI Tables");
	assert_non_null(ram_type_name(99));
}

/* Frames that are written when they are first read. */
static void test_fill__reads_as_written(void **state)
{
	const struct ram_region map = { 0, 1 << 20, RAM_USABLE, true };
	struct ram *ram = ram_create(&map, 1);
	uint64_t hash, two[2];

	ram_fill(ram, 0x4000, 3 * PAGE_SIZE, 0x83, 0x200000);
	assert_int_equal(ram->nextents, 2);
	hash = ram_hash(ram);
	assert_int_equal(ram_read(ram, 0x4000, 8), 0x83);
	assert_int_equal(ram_read(ram, 0x5008, 8), 0x83 + 513 * 0x200000ULL);
	ram_copy_out(ram, 0x6ff8, two, sizeof(two));
	assert_int_equal(two[0], 0x83 + 1535 * 0x200000ULL);
	assert_int_equal(two[1], 0);
	assert_int_equal(ram_hash(ram), hash);
	ram_write(ram, 0x5008, 8, 7);
	assert_int_equal(ram_read(ram, 0x5008, 8), 7);
	assert_int_equal(ram_read(ram, 0x5010, 8), 0x83 + 514 * 0x200000ULL);
	assert_int_not_equal(ram_hash(ram), hash);
	ram_destroy(ram);
}

/* More of them than there are slots for: written at once. */
static void test_fill__many(void **state)
{
	const struct ram_region map = { 0, 1 << 20, RAM_USABLE, true };
	struct ram *ram = ram_create(&map, 1);

	for (unsigned i = 0; i < RAM_MAX_FILLS + 4; i++)
		ram_fill(ram, i * PAGE_SIZE, PAGE_SIZE, i, 1);
	for (unsigned i = 0; i < RAM_MAX_FILLS + 4; i++)
		assert_int_equal(ram_read(ram, i * PAGE_SIZE + 8, 8), i + 1);
	assert_int_equal(ram->nfills, RAM_MAX_FILLS);
	assert_int_equal(ram->nextents, 1);
	ram_destroy(ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram__bad_maps_are_refused),
		cmocka_unit_test(test_ram__touching_regions_are_one_extent),
		cmocka_unit_test(test_ram__words_are_little_endian),
		cmocka_unit_test(test_ram__holes_read_ones_and_drop_writes),
		cmocka_unit_test(test_ram__copy_over_the_edge_of_a_hole),
		cmocka_unit_test(test_ram__copy_over_frames),
		cmocka_unit_test(test_ram__hash_sees_bytes_and_not_reads),
		cmocka_unit_test(test_ram__a_tebibyte_costs_what_is_touched),
		cmocka_unit_test(test_ram__type_names),
		cmocka_unit_test(test_fill__reads_as_written),
		cmocka_unit_test(test_fill__many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
