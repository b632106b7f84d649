/*
 * test_qemu.c - another MMU beside ours: the same tables in QEMU and in mmsh,
 * and what both say of them, byte for byte.
 *
 * The tables are written into the memory of a guest of ours (tests/qemu/),
 * which loads the registers; its memory is saved by the monitor, loaded by
 * load-raw; then `ptdump --as qemu-tlb` is compared with `info tlb`,
 * `--as qemu-mem` with `info mem`, and the walker with `gva2gpa`. Some tables
 * show each kind of entry, more are random, of random bits. Skipped where QEMU
 * or gcc -m32 is absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "repl/session.h"
#include "tests/qemu/qemu.h"

#define POOL	0x200000u /* where the tables are */
#define NTABLES 512u
#define ROUNDS	6u /* random trees of each mode */

static struct qemu qemu;
static const char *absent; /* why there is no QEMU */
static unsigned walks;	   /* compared so far */

/* --- modes -------------------------------------------------------------------
 */
static const struct mode {
	enum paging_mode_id id;
	uint32_t cr4, efer;
} modes[] = {
	{ PAGING_32, 0, 0 },
	{ PAGING_32, CR4_PSE, 0 },
	{ PAGING_PAE, CR4_PAE, 0 },
	{ PAGING_PAE, CR4_PAE | CR4_PSE, EFER_NXE },
	{ PAGING_4LEVEL, CR4_PAE, EFER_LME | EFER_NXE },
	{ PAGING_5LEVEL, CR4_PAE | CR4_LA57, EFER_LME | EFER_NXE },
};

#define CR0_ON 0x80000011u

/* --- tables ------------------------------------------------------------------
 */
static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static pa_t table_pa(unsigned i)
{
	return POOL + i * 0x1000u;
}

static void put(const struct paging_mode *mode, pa_t table, unsigned index,
		uint64_t entry)
{
	memcpy(qemu.ram + table + (size_t)index * mode->entry_size, &entry,
	       mode->entry_size);
}

static void clear_tables(void)
{
	memset(qemu.ram + POOL, 0, NTABLES * 0x1000);
}

/* The path to the guest's own page: tables 0, 1, .. of the pool. */
static void map_guest(const struct paging_mode *mode)
{
	for (unsigned l = 0; l < mode->nlevels; l++) {
		unsigned index = paging_index(mode, l, GUEST_PAGE);
		bool last = l + 1U == mode->nlevels;
		uint64_t rights = mode->level[l].implied ? 0 : PTE_RW | PTE_US;

		put(mode, table_pa(l), index,
		    (last ? GUEST_PAGE : table_pa(l + 1)) | PTE_P | rights);
	}
}

/* An entry of random bits; where it could lead to a table, it often does. */
static uint64_t random_entry(const struct paging_mode *mode)
{
	uint64_t entry = rnd() | PTE_P;

	if (rnd() % 8)
		entry = (entry & ~mode->addr_mask) | table_pa(rnd() % NTABLES);
	if (rnd() % 4)
		entry &= ~PTE_PS;
	if (rnd() % 2) /* what PAE reserves */
		entry &= ~(0x7ffULL << 52);
	return entry;
}

/* Some entries here and there, and a run of neighbours; fewer in deep trees. */
static void fill_table(const struct paging_mode *mode, pa_t table)
{
	unsigned n = mode->entry_size == 4 ? 1024 : 512;
	unsigned few = mode->nlevels > 3 ? 1 : 10;
	unsigned run = rnd() % n, len = rnd() % 8 ? few : 40;
	uint64_t base = random_entry(mode) & ~(uint64_t)PTE_PS;

	for (unsigned i = 0; i < few; i++)
		put(mode, table, rnd() % n, random_entry(mode));
	for (unsigned i = run; i < n && i < run + len; i++)
		put(mode, table, i, base);
	put(mode, table, rnd() % n, rnd() & ~(uint64_t)PTE_P);
	put(mode, table, n - 1, random_entry(mode));
}

/* PDPTEs with reserved bits cannot be loaded: #GP. */
static void fill_pdptes(const struct paging_mode *mode)
{
	for (unsigned i = 0; i < 4; i++)
		put(mode, table_pa(0), i,
		    table_pa(rnd() % NTABLES) | (rnd() & 0xe19));
}

/* A pool of random tables; entries lead anywhere in it, upwards as well. */
static void random_tables(const struct paging_mode *mode)
{
	clear_tables();
	for (unsigned i = 0; i < NTABLES; i++)
		fill_table(mode, table_pa(i));
	if (mode->pdpte_regs)
		fill_pdptes(mode);
	map_guest(mode);
}

/* --- the comparison
 * ------------------------------------------------------------ */
static void begin(struct session *s)
{
	const char *words[] = { "none", "ram=16M", "cpus=1" };
	struct err err = { 0 };

	session_init(s);
	s->out.fd = s->errout.fd = -1;
	if (session_boot(s, words, 3, &err) < 0)
		fail_msg("boot: %s", err.msg);
}

static void run(struct session *s, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->out.len = s->errout.len = 0;
	if (session_line(s, line) != 0)
		fail_msg("%s: %.*s", line, (int)s->errout.len, s->errout.buf);
}

static const char *ask(const char *command)
{
	const char *answer = qemu_ask(&qemu, command);

	if (!answer)
		fail_msg("QEMU's monitor does not answer: %s", command);
	return answer;
}

/* Says where the two part. */
static void same(const char *what, const char *theirs, size_t n,
		 const struct out *ours)
{
	size_t at = 0, line = 0;

	while (at < n && at < ours->len && theirs[at] == ours->buf[at])
		if (theirs[at++] == '\n')
			line = at;
	if (at == n && at == ours->len)
		return;
	fail_msg("%s: QEMU has %.*s, mmsh %.*s", what,
		 (int)strcspn(theirs + line, "\n"), theirs + line,
		 (int)(ours->len - line < 60 ? ours->len - line : 60),
		 ours->buf + line);
}

/*
 * QEMU 7.2 marks PDPTEs of PAE paging as accessed, where that bit is reserved:
 * no CPU would load them again.
 */
static void clean_pdptes(const struct paging_mode *mode)
{
	for (unsigned i = 0; mode->pdpte_regs && i < 4; i++)
		qemu.ram[table_pa(0) + i * 8] &= (uint8_t)~PTE_A;
}

/* QEMU's memory, saved by its monitor, in ours; the registers likewise. */
static void load(struct session *s, const struct mode *m)
{
	char save[100];

	clean_pdptes(&paging_modes[m->id]);
	snprintf(save, sizeof(save), "pmemsave 0 0x%x \"%s/saved\"", QEMU_RAM,
		 qemu.dir);
	assert_string_equal(ask(save), "");
	run(s, "load-raw %s/saved 0", qemu.dir);
	run(s, "reg cr4 0x%x", m->cr4);
	run(s, "reg efer 0x%x", m->efer);
	run(s, "reg cr3 0x%x", table_pa(0));
	run(s, "reg cr0 0x%x", CR0_ON);
	assert_int_equal(s->m->cpu[0].mmu.mode->id, m->id);
}

/* Where QEMU's own walk says that the byte of @va is; false: nowhere. */
static bool their_walk(va_t va, pa_t *pa)
{
	char command[60];
	const char *answer;

	snprintf(command, sizeof(command), "gva2gpa 0x%llx",
		 (unsigned long long)va);
	answer = ask(command);
	if (strncmp(answer, "gpa: ", 5) != 0)
		return false;
	*pa = strtoull(answer + 5, NULL, 16);
	return true;
}

/* Ours says the same; but theirs has no verdict on reserved bits. */
static bool same_walk(const struct session *s, va_t va)
{
	struct access a = { .va = va };
	struct walk w;
	pa_t pa = 0;
	bool found;

	mmu_walk(&s->m->cpu[0].mmu, s->m->ram, &a, &w);
	if (w.fault.reason == FAULT_RESERVED)
		return false;
	found = their_walk(va, &pa);
	if (found != (w.fault.reason == FAULT_NONE) || (found && pa != w.pa))
		fail_msg("0x%llx: QEMU 0x%llx, mmsh 0x%llx (%s)",
			 (unsigned long long)va, (unsigned long long)pa,
			 (unsigned long long)w.pa,
			 fault_reason_name[w.fault.reason]);
	return true;
}

/* At some of the pages of `info tlb`, and beyond them. */
static void compare_walks(struct session *s)
{
	va_t mask = s->m->cpu[0].mmu.va_mask;
	char *lines, *line, *save;
	size_t n = 0, step;

	run(s, "ptdump --as qemu-tlb");
	lines = strndup(s->out.buf, s->out.len);
	assert_non_null(lines);
	step = 1 + s->out.len / 45 / 20;
	for (line = strtok_r(lines, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		va_t va = strtoull(line, NULL, 16);

		if (n++ % step)
			continue;
		walks += same_walk(s, va | (rnd() & 0xfff));
		walks += same_walk(s, (va + 0x12345) & mask);
	}
	free(lines);
}

/* Both look at the tables in QEMU's memory. */
static void compare(const struct mode *m)
{
	struct session s;

	if (!qemu_tell(&qemu, CR0_ON, table_pa(0), m->cr4, m->efer))
		fail_msg("the guest does not come back from paging");
	begin(&s);
	load(&s, m);
	ask("info tlb");
	run(&s, "ptdump --as qemu-tlb");
	same("info tlb", qemu.answer, qemu.len, &s.out);
	run(&s, "ptdump --as qemu-mem");
	if (m->id != PAGING_5LEVEL) { /* broken there, and takes minutes */
		ask("info mem");
		same("info mem", qemu.answer, qemu.len, &s.out);
	}
	compare_walks(&s);
	session_deinit(&s);
}

static void need_qemu(void)
{
	if (!absent)
		return;
	print_message("# skipped: %s\n", absent);
	skip();
}

/* --- tests
 * --------------------------------------------------------------------- */
static void random_trees(enum paging_mode_id id)
{
	need_qemu();
	walks = 0;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		for (unsigned n = 0; modes[i].id == id && n < ROUNDS; n++) {
			seed = 0x9e3779b97f4a7c15ULL + i * 1000 + n;
			random_tables(&paging_modes[id]);
			compare(&modes[i]);
		}
	}
	assert_true(walks > 100);
}

static void test_qemu__random_32bit(void **state)
{
	random_trees(PAGING_32);
}

static void test_qemu__random_pae(void **state)
{
	random_trees(PAGING_PAE);
}

static void test_qemu__random_4level(void **state)
{
	random_trees(PAGING_4LEVEL);
}

static void test_qemu__random_5level(void **state)
{
	random_trees(PAGING_5LEVEL);
}

/* Each bit of an entry by itself, in a PTE and in each larger page. */
static void test_qemu__each_bit(void **state)
{
	need_qemu();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct paging_mode *mode = &paging_modes[modes[i].id];
		unsigned bits = mode->entry_size * 8;

		clear_tables();
		map_guest(mode);
		for (unsigned l = 0; l < mode->nlevels; l++)
			for (unsigned b = 1; b < bits; b++)
				if (mode->level[l].may_map ||
				    l + 1U == mode->nlevels)
					put(mode, table_pa(l), 300 + b,
					    BIT(b) | PTE_PS | PTE_P);
		compare(&modes[i]);
	}
}

/* The root as its own last table, as Windows and many a lab have it. */
static void test_qemu__recursive(void **state)
{
	need_qemu();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct paging_mode *mode = &paging_modes[modes[i].id];

		if (mode->pdpte_regs)
			continue;
		clear_tables();
		map_guest(mode);
		put(mode, table_pa(0), (1U << mode->level[0].bits) - 1,
		    table_pa(0) | PTE_P | PTE_RW);
		compare(&modes[i]);
	}
}

static void test_qemu__paging_off(void **state)
{
	struct session s;

	need_qemu();
	assert_true(qemu_tell(&qemu, 0x11, 0, 0, 0));
	begin(&s);
	ask("info tlb");
	run(&s, "ptdump --as qemu-tlb");
	same("info tlb", qemu.answer, qemu.len, &s.out);
	ask("info mem");
	run(&s, "ptdump --as qemu-mem");
	same("info mem", qemu.answer, qemu.len, &s.out);
	session_deinit(&s);
}

/*
 * info mem for 5 levels, which QEMU 7.2 gets wrong: below a PML5E with all
 * rights the lower half reads as the PML4 does with 4 levels.
 */
static void test_qemu__mem_of_5_levels(void **state)
{
	const struct mode *four = &modes[4], *five = &modes[5];
	const struct paging_mode *mode = &paging_modes[PAGING_4LEVEL];
	struct session s;

	need_qemu();
	seed = 5;
	random_tables(mode);
	for (unsigned i = 256; i < 512; i++)
		put(mode, table_pa(0), i, 0);
	put(mode, table_pa(NTABLES), 0, table_pa(0) | 7);
	assert_true(
		qemu_tell(&qemu, CR0_ON, table_pa(0), four->cr4, four->efer));
	begin(&s);
	load(&s, four);
	run(&s, "reg cr0 0x11; reg cr4 0x%x; reg cr3 0x%x; reg cr0 0x%x",
	    five->cr4, table_pa(NTABLES), CR0_ON);
	ask("info mem");
	run(&s, "ptdump --as qemu-mem");
	same("info mem", qemu.answer, qemu.len, &s.out);
	session_deinit(&s);
	clear_tables();
	memset(qemu.ram + table_pa(NTABLES), 0, 0x1000);
}

/* --- group
 * ----------------------------------------------------------------------- */
static int start(void **state)
{
	absent = qemu_start(&qemu);
	return 0;
}

static int stop(void **state)
{
	qemu_stop(&qemu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu__paging_off),
		cmocka_unit_test(test_qemu__each_bit),
		cmocka_unit_test(test_qemu__recursive),
		cmocka_unit_test(test_qemu__random_32bit),
		cmocka_unit_test(test_qemu__random_pae),
		cmocka_unit_test(test_qemu__random_4level),
		cmocka_unit_test(test_qemu__random_5level),
		cmocka_unit_test(test_qemu__mem_of_5_levels),
	};

	return cmocka_run_group_tests_name("qemu", tests, start, stop);
}
