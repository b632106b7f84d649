/*
 * bench_dump.c - a tree of a million 4 KiB pages: the visit, runs merged,
 * against a plain loop with a callback, and `ptdump --full` against fprintf()
 * of the same lines and memcpy() of the same bytes; then, beside it, its JSON
 * and the folded dump.
 *
 * The tree is a bare machine's, written into its RAM here: 4 levels, one page
 * in eight begins a new run of frames. The dump goes the whole way, from the
 * command line to write(2) on /dev/null; so does fprintf()'s. Medians of
 * ROUNDS rounds, in turns. No test depends on a time.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repl/session.h"
#include "tests/bench.h"

#define PAGES  (1UL << 20)
#define TABLES 0x200000UL	/* 2048 page tables */
#define PDS    0x4000UL		/* 4 page directories */
#define RUN    8

static struct session session;

static pa_t frame_of(uint64_t page)
{
	uint64_t run = page / RUN;

	return (run * 2654435761U % PAGES * RUN + page % RUN) * PAGE_SIZE;
}

static void build(void)
{
	static const char *const words[] = { "none", "ram=64G" };
	struct err err;
	struct ram *ram;
	struct cpu *cpu;

	session_init(&session);
	if (session_boot(&session, words, 2, &err) < 0)
		exit(1);
	ram = session.m->ram;
	cpu = session.m->cpu;
	ram_write(ram, 0x1000, 8, 0x2027);
	for (uint64_t i = 0; i < PAGES; i++)
		ram_write(ram, TABLES + i * 8, 8, frame_of(i) | 0x67);
	for (uint64_t i = 0; i < PAGES / 512; i++)
		ram_write(ram, PDS + i * 8, 8, (TABLES + i * PAGE_SIZE) | 0x27);
	for (uint64_t i = 0; i < PAGES / 512 / 512; i++)
		ram_write(ram, 0x2000 + i * 8, 8, (PDS + i * PAGE_SIZE) | 0x27);
	if (cpu_write_efer(cpu, EFER_LME) || cpu_write_cr4(cpu, CR4_PAE) ||
	    cpu_write_cr3(cpu, 0x1000) || cpu_write_cr0(cpu, CR0_PE | CR0_PG))
		exit(1);
}

/* --- the visit ------------------------------------------------------------------ */
static double visit(uint64_t *runs)
{
	double t = now_ns();
	struct ptiter it;
	struct ptrun run;
	uint64_t n = 0;

	ptiter_start(&it, &session.m->cpu->mmu, session.m->ram, 0, ~0ULL);
	while (it.valid) {
		if (!it.leaf) {
			ptiter_next(&it);
			continue;
		}
		ptiter_run(&it, ~0ULL, &run);
		n++;
	}
	*runs = n;
	return (now_ns() - t) / PAGES;
}

struct merge {
	va_t va;
	uint64_t entry, n, runs;
};

static __attribute__((noinline)) void on_pte(struct merge *m, va_t va,
					     uint64_t entry)
{
	if (m->n && entry == m->entry + m->n * PAGE_SIZE &&
	    va == m->va + m->n * PAGE_SIZE) {
		m->n++;
		return;
	}
	*m = (struct merge){ va, entry, 1, m->runs + 1 };
}

/* By hand, for this one mode: recursion over four levels, a callback a PTE. */
static void visit_table(struct merge *m, void (*fn)(struct merge *, va_t, uint64_t),
			pa_t table, unsigned shift, va_t base)
{
	const uint8_t *host = session.m->ram->host + table;

	if (shift != 12)
		m->n = 0;
	for (uint64_t i = 0; i < 512; i++) {
		va_t va = base + (i << shift);
		uint64_t entry;

		memcpy(&entry, host + i * 8, 8);
		if (!(entry & PTE_P))
			continue;
		if (shift == 12 || (entry & PTE_PS))
			fn(m, va, entry);
		else
			visit_table(m, fn, entry & 0x000ffffffffff000,
				    shift - 9, va);
	}
	m->n = 0; /* runs end with their table */
}

static double visit_by_hand(uint64_t *runs)
{
	void (*volatile fn)(struct merge *, va_t, uint64_t) = on_pte;
	struct merge m = { 0 };
	double t = now_ns();

	visit_table(&m, fn, 0x1000, 39, 0);
	*runs = m.runs;
	return (now_ns() - t) / PAGES;
}

/* --- the dump ------------------------------------------------------------------- */
static double dump(const char *line)
{
	double t = now_ns();

	session_line(&session, line);
	out_flush(&session.out);
	return (now_ns() - t) / PAGES;
}

static double dump_json(void)
{
	double ns;

	session.json = true;
	ns = dump("ptdump --full");
	session.json = false;
	return ns;
}

/* The lines of PTEs alone: a little less than what the dump prints. */
static double dump_fprintf(void)
{
	FILE *f = fopen("/dev/null", "w");
	double t = now_ns();

	for (uint64_t i = 0; i < PAGES; i++) {
		unsigned long va = i * PAGE_SIZE;

		fprintf(f, "   %s  %s  %s─ PTE[0x%03lx]  0x%016lx-0x%016lx  -> "
			"0x%08lx  %s  1 x 4K\n",
			"│", "│", "├", i % 512, va, va + PAGE_SIZE - 1,
			(unsigned long)frame_of(i), "P RW US pwt pcd A D g xd");
	}
	fclose(f);
	return (now_ns() - t) / PAGES;
}

/* What a dump into memory leaves, copied in one piece. */
static char *text, *copy;
static size_t text_len;

static void keep_text(void)
{
	struct out *o = &session.out;
	int fd = o->fd;

	out_flush(o);
	o->fd = -1;
	session_line(&session, "ptdump --full");
	text_len = o->len;
	text = malloc(text_len);
	copy = malloc(text_len);
	if (!text || !copy)
		exit(1);
	memcpy(text, o->buf, text_len);
	o->len = 0;
	o->fd = fd;
}

static double dump_memcpy(void)
{
	double t = now_ns();

	memcpy(copy, text, text_len);
	__asm__ volatile("" : : "r"(copy) : "memory");
	return (now_ns() - t) / PAGES;
}

static void rows_of_visit(void)
{
	double us[ROUNDS], them[ROUNDS];
	uint64_t runs, same;

	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = visit(&runs);
		them[i] = visit_by_hand(&same);
		if (runs != same) {
			fprintf(stderr, "bench: %lu runs, %lu by hand\n",
				(unsigned long)runs, (unsigned long)same);
			exit(1);
		}
	}
	bench_row("visit of a PTE, runs merged", median(us, ROUNDS),
		  median(them, ROUNDS), "at most 1.5x");
}

/* One round of each is not counted. */
static void rows_of_dump(void)
{
	double us[ROUNDS], print[ROUNDS], bytes[ROUNDS], json[ROUNDS];
	double folded[ROUNDS];

	dump("ptdump --full");
	dump_memcpy();
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = dump("ptdump --full");
		print[i] = dump_fprintf();
		bytes[i] = dump_memcpy();
		json[i] = dump_json();
		folded[i] = dump("ptdump");
	}
	bench_row_faster("ptdump --full >/dev/null | fprintf", median(us, ROUNDS),
			 median(print, ROUNDS), "7x faster");
	bench_row("ptdump --full >/dev/null | memcpy", median(us, ROUNDS),
		  median(bytes, ROUNDS), "at most 3x");
	bench_row("the same as JSON | as text", median(json, ROUNDS),
		  median(us, ROUNDS), NULL);
	bench_row("the same folded, a PTE | unfolded", median(folded, ROUNDS),
		  median(us, ROUNDS), NULL);
}

void bench_dump(void)
{
	build();
	rows_of_visit();
	session.out.fd = open("/dev/null", O_WRONLY);
	keep_text();
	rows_of_dump();
	session_deinit(&session);
	free(text);
	free(copy);
}
