/*
 * test_ptdump.c - ptdump writes most lines as the one above with other
 * numbers. On random tables in every mode that must give the bytes that
 * formatting each line gives, in text and in JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "repl/session.h"

#define TABLES 8
#define ROUNDS 16

static struct session session;
static uint64_t seed;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 33;
}

static pa_t table_at(unsigned n)
{
	return 0x1000 + n * PAGE_SIZE;
}

/* --- random tables ------------------------------------------------------- */
/* An address: mostly small, at times at the end of what an entry can hold. */
static pa_t random_pa(const struct paging_mode *mode, pa_t size)
{
	pa_t pa = (pa_t)(next_random() & 0xfffff) << PAGE_SHIFT;

	if (next_random() % 4 == 0)
		pa = mode->addr_mask - next_random() % 8 * size;
	if (next_random() % 4 == 0)
		pa = BIT(46) - next_random() % 8 * size;
	return pa & mode->addr_mask & -(next_random() % 8 ? size : PAGE_SIZE);
}

/* What an entry has besides its address. */
static uint64_t random_flags(const struct paging_mode *mode, bool last)
{
	uint64_t flags = next_random() & 0x1ff;

	if (!last)
		flags |= PTE_PS;
	if (mode->entry_size == 8 && next_random() % 3 == 0)
		flags |= PTE_XD;
	return flags;
}

/*
 * Runs of entries that rise or stay the same. Half of them are as long as the
 * one before and have its flags.
 */
static void fill_leaves(const struct paging_mode *mode, unsigned level,
			pa_t table)
{
	unsigned n = 1U << mode->level[level].bits, i = 0, len = 0;
	bool last = level + 1U == mode->nlevels;
	pa_t size = BIT(mode->level[level].shift);
	uint64_t flags = 0;

	while (i < n) {
		pa_t step = next_random() % 4 ? size : 0;
		uint64_t entry = random_pa(mode, size);

		if (i == 0 || next_random() % 2) {
			len = 1 + next_random() % (next_random() % 4 ? 6 : 90);
			flags = random_flags(mode, last);
		}
		for (unsigned j = 0; j < len && i < n; j++, i++)
			ram_write(session.m->ram, table + i * mode->entry_size,
				  mode->entry_size, flags | (entry + j * step));
		i += next_random() % 3;
	}
}

/* A few entries of the table of @level lead one level down. */
static void fill_links(const struct paging_mode *mode, unsigned level)
{
	unsigned n = 1U << mode->level[level].bits;
	bool regs = mode->pdpte_regs && level == 0;

	for (unsigned i = 0; i < 3; i++) {
		pa_t at =
			table_at(level) + next_random() % n * mode->entry_size;
		uint64_t flags = next_random() & 0x67;

		ram_write(session.m->ram, at, mode->entry_size,
			  table_at(level + 1) | PTE_P | (regs ? 0 : flags));
	}
}

static void fill_tables(const struct paging_mode *mode)
{
	static const uint8_t zero[TABLES * PAGE_SIZE];

	ram_copy_in(session.m->ram, table_at(0), zero, sizeof(zero));
	for (unsigned level = 0; level < mode->nlevels; level++) {
		if (mode->level[level].may_map || level + 1U == mode->nlevels)
			fill_leaves(mode, level, table_at(level));
		if (level + 1U < mode->nlevels)
			fill_links(mode, level);
	}
}

static void enable(const struct paging_mode *mode)
{
	struct cpu *cpu = session.m->cpu;
	bool ia32e = mode->id == PAGING_4LEVEL || mode->id == PAGING_5LEVEL;
	uint64_t cr4 = mode->id == PAGING_32 ? CR4_PSE : CR4_PAE;

	if (mode->id == PAGING_5LEVEL)
		cr4 |= CR4_LA57;
	assert_null(cpu_write_efer(cpu, EFER_NXE | (ia32e ? EFER_LME : 0)));
	assert_null(cpu_write_cr4(cpu, cr4));
	assert_null(cpu_write_cr3(cpu, table_at(0)));
	assert_null(cpu_write_cr0(cpu, CR0_PE | CR0_PG));
	assert_int_equal(cpu->mmu.mode->id, mode->id);
}

static void boot(const char *arch)
{
	const char *const words[] = { arch, "ram=256M" };
	struct err err;

	session_init(&session);
	assert_int_equal(session_boot(&session, words, 2, &err), 0);
}

/* --- dumps --------------------------------------------------------------- */
enum way { FORMATTED, AGAIN, AT_TIMES, NWAYS };

static const struct result_ops *real_ops;
static unsigned long repeated;

static uint64_t again_counted(struct result *r, const struct res_number *v,
			      unsigned n, uint64_t times)
{
	uint64_t done = real_ops->again(r, v, n, times);

	repeated += done;
	return done;
}

static uint64_t again_at_times(struct result *r, const struct res_number *v,
			       unsigned n, uint64_t times)
{
	if (next_random() % 3 == 0)
		return 0;
	return real_ops->again(r, v, n, 1 + next_random() % times);
}

static void run(struct result *r, enum way way, const char *opt)
{
	uint64_t (*const again[NWAYS])(struct result *,
				       const struct res_number *, unsigned,
				       uint64_t) = {
		[AGAIN] = again_counted,
		[AT_TIMES] = again_at_times,
	};
	struct cmd_input in = { .text = opt };
	struct result_ops ops = *r->ops;
	struct err err;

	real_ops = r->ops;
	ops.again = again[way];
	r->ops = &ops;
	assert_int_equal(command_run(&session,
				     command_find("ptdump", false, &err), &in,
				     opt != NULL, r, &err),
			 0);
	r->ops = real_ops;
}

struct face {
	const char *name;
	bool json, colour, ascii;
};

static const struct face faces[] = {
	{ "text" },
	{ "colour", .colour = true },
	{ "ascii", .ascii = true },
	{ "json", .json = true },
};

/* The bytes of a dump in *o, which goes to memory or to a file. */
static void dump(struct out *o, const struct face *f, enum way way,
		 const char *opt)
{
	struct result *r;

	o->colour = f->colour;
	o->ascii = f->ascii;
	if (f->json) {
		r = emit_json_create(o);
		emit_json_begin(r, "ptdump");
		run(r, way, opt);
		emit_json_finish(r, NULL);
		emit_json_destroy(r);
	} else {
		r = emit_text_create(o);
		run(r, way, opt);
		emit_text_destroy(r);
	}
}

static void check_face(const struct face *f, const char *opt)
{
	struct out o[NWAYS];

	for (unsigned way = 0; way < NWAYS; way++) {
		out_init(&o[way], -1);
		dump(&o[way], f, way, opt);
		if (o[way].len != o[0].len ||
		    memcmp(o[way].buf, o[0].buf, o[0].len))
			fail_msg("%s, %s: way %u differs", f->name,
				 opt ? opt : "folded", way);
	}
	for (unsigned way = 0; way < NWAYS; way++)
		out_deinit(&o[way]);
}

/* The least number of lines that a face wrote again. */
static unsigned long check_faces(const char *opt)
{
	unsigned long least = ~0UL;

	for (unsigned i = 0; i < ARRAY_SIZE(faces); i++) {
		repeated = 0;
		check_face(&faces[i], opt);
		if (repeated < least)
			least = repeated;
	}
	return least;
}

static void test_ptdump__again_on_random_tables(void **state)
{
	unsigned long folded = 0;

	seed = 11;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct paging_mode *mode =
			&paging_modes[PAGING_32 + i % 4];

		boot("none");
		fill_tables(mode);
		enable(mode);
		assert_true(check_faces("--full") > 50);
		folded += check_faces(NULL);
		session_deinit(&session);
	}
	assert_true(folded > 10 * ROUNDS);
}

static void test_ptdump__again_in_a_process(void **state)
{
	static const char *const arch[] = { "i386", "i386-pae", "x86_64" };

	for (unsigned i = 0; i < ARRAY_SIZE(arch); i++) {
		boot(arch[i]);
		assert_true(check_faces("--full") > 50);
		check_faces(NULL);
		session_deinit(&session);
	}
}

/* --- streaming ----------------------------------------------------------- */
/* A dump to a file holds a buffer's worth, and leaves the same bytes. */
static void check_stream(const struct face *f)
{
	struct out mem, file;
	FILE *tmp = tmpfile();
	char *got;

	assert_non_null(tmp);
	out_init(&mem, -1);
	dump(&mem, f, AGAIN, "--full");
	out_init(&file, fileno(tmp));
	dump(&file, f, AGAIN, "--full");
	assert_true(mem.len > 1000000);
	assert_true(file.cap < 300000);
	out_flush(&file);
	got = malloc(mem.len);
	assert_non_null(got);
	assert_int_equal(pread(fileno(tmp), got, mem.len, 0), mem.len);
	assert_int_equal(file.flushed, mem.len);
	assert_memory_equal(got, mem.buf, mem.len);
	free(got);
	out_deinit(&mem);
	out_deinit(&file);
	fclose(tmp);
}

static void test_ptdump__streams(void **state)
{
	seed = 3;
	boot("none");
	fill_tables(&paging_modes[PAGING_32]);
	enable(&paging_modes[PAGING_32]);
	for (unsigned i = 0; i < 1024; i++) /* one table, everywhere */
		ram_write(session.m->ram, table_at(0) + i * 4, 4,
			  table_at(1) | PTE_P);
	for (unsigned i = 0; i < ARRAY_SIZE(faces); i++)
		check_stream(&faces[i]);
	session_deinit(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ptdump__again_on_random_tables),
		cmocka_unit_test(test_ptdump__again_in_a_process),
		cmocka_unit_test(test_ptdump__streams),
	};

	return cmocka_run_group_tests_name("ptdump", tests, NULL, NULL);
}
