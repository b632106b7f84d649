/*
 * bench_mmu.c - the paging machine's speed, against the least that could do
 * the work: loops written by hand for this one mode, compiled alike.
 *
 * Ours go through the public API, mmu_resolve() and mmu_load(), with counters
 * on. "Independent" accesses can overlap in the host's pipeline; each
 * "dependent" one needs what the last one gave. Medians of ROUNDS rounds,
 * ours and theirs in turns. No test depends on a time.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "tests/bench.h"

#define GiB	(1ULL << 30)
#define PAGES	(1U << 18)	/* 1 GiB of 4 KiB pages */
#define TABLES	0x10000		/* 512 page tables */
#define DATA	GiB		/* where the pages are */
#define N	(1U << 16)	/* accesses a round */
#define HOT	32		/* pages that the TLB holds with ease */

static struct machine *m;
static va_t va[N], hot_va[N];

/* --- by hand ------------------------------------------------------------------ */
struct by_hand {
	const uint8_t *ram;
	uint64_t cr3, table_rsvd, leaf_rsvd;
	bool smep, wp;
};

static bool may(const struct by_hand *h, uint64_t all, uint64_t any,
		enum access_kind kind, bool user)
{
	if (kind == ACCESS_FETCH && (any & PTE_XD))
		return false;
	if (user && !(all & PTE_US))
		return false;
	if (!user && kind == ACCESS_FETCH && h->smep && (all & PTE_US))
		return false;
	return kind != ACCESS_WRITE || (all & PTE_RW) || (!user && !h->wp);
}

/* A checked 4-level walk, the least that gives what mmu_resolve() gives. */
static __attribute__((noinline)) bool
walk_by_hand(const struct by_hand *h, va_t at, enum access_kind kind, bool user,
	     struct translation *ret)
{
	const uint64_t address = 0x000ffffffffff000;
	uint64_t table = h->cr3 & address, all = ~0ULL, any = 0, entry;
	int shift = 39;

	if ((va_t)((int64_t)(at << 16) >> 16) != at)
		return false;
	for (;; shift -= 9) {
		memcpy(&entry, h->ram + table + (at >> shift & 511) * 8, 8);
		if (!(entry & PTE_P))
			return false;
		all &= entry;
		any |= entry;
		if (shift == 12 || (shift < 39 && (entry & PTE_PS)))
			break;
		if (entry & h->table_rsvd)
			return false;
		table = entry & address;
	}
	if ((entry & h->leaf_rsvd) || !may(h, all, any, kind, user))
		return false;
	ret->pa = (entry & address & ~(BIT(shift) - 1)) |
		  (at & (BIT(shift) - 1));
	ret->entry = entry;
	ret->page_shift = shift;
	ret->rights.write = all & PTE_RW;
	ret->rights.user = all & PTE_US;
	ret->rights.xd = any & PTE_XD;
	ret->rights.pk = entry >> PTE_PK_SHIFT & 15;
	return true;
}

/* The least that can be called a TLB. */
struct direct_mapped {
	struct { uint64_t tag; const uint8_t *host; } slot[128];
};

static __attribute__((noinline)) bool load_by_hand(const struct direct_mapped *t,
						   va_t at, uint64_t *value)
{
	unsigned i = at >> PAGE_SHIFT & 127;

	if (t->slot[i].tag != ((at & PAGE_MASK) | 1))
		return false;
	memcpy(value, t->slot[i].host + (at & ~PAGE_MASK), 8);
	return true;
}

/* --- the machine -------------------------------------------------------------- */
/* 1 GiB of user pages at 0, in 4 levels; each word of a page holds 0. */
static void build(void)
{
	struct cpu_features f = { .maxphyaddr = 40, .pae = true, .pge = true,
				  .nx = true, .lm = true, .smep = true };
	struct ram_region map = { 0, 3 * GiB, RAM_USABLE, true };
	struct cpu *cpu;

	m = machine_create(&map, 1, 1, &f);
	if (!m)
		exit(1);
	cpu = m->cpu;
	ram_write(m->ram, 0x1000, 8, 0x2027);
	ram_write(m->ram, 0x2000, 8, 0x3027);
	for (uint64_t i = 0; i < PAGES; i++)
		ram_write(m->ram, TABLES + i * 8, 8, (DATA + i * PAGE_SIZE) | 0x67);
	for (uint64_t i = 0; i < PAGES / 512; i++)
		ram_write(m->ram, 0x3000 + i * 8, 8, (TABLES + i * PAGE_SIZE) | 0x27);
	if (cpu_write_efer(cpu, EFER_LME | EFER_NXE) ||
	    cpu_write_cr4(cpu, CR4_PAE | CR4_SMEP) ||
	    cpu_write_cr3(cpu, 0x1000) ||
	    cpu_write_cr0(cpu, CR0_PE | CR0_PG | CR0_WP))
		exit(1);
}

static void choose_addresses(void)
{
	uint64_t x = 1;

	for (unsigned i = 0; i < N; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		va[i] = (x >> 33) % PAGES * PAGE_SIZE + (x >> 20 & 0xff8);
		hot_va[i] = (x >> 40) % HOT * PAGE_SIZE + (x >> 20 & 0xff8);
	}
}

/* --- rounds: ns an access ------------------------------------------------------- */
/*
 * If @chain, the next address depends on the last result, whose bit 0 is 0.
 * Inlined with @chain constant, lest a test of it should chain them all.
 */
static inline __attribute__((always_inline)) double round_walk(bool chain,
							       bool by_hand)
{
	struct by_hand h = { m->ram->host, 0x1000, 0x000fff0000000080,
			     0x000fff0000000000, true, true };
	double t = now_ns();
	uint64_t sum = 0, last = 0;

	for (unsigned i = 0; i < N; i++) {
		va_t at = va[(i + last) & (N - 1)];
		struct access a = { .va = at, .user = true };
		struct translation ret = { 0 };

		if (by_hand)
			walk_by_hand(&h, at, ACCESS_READ, true, &ret);
		else
			mmu_resolve(&m->cpu->mmu, m->ram, &a, &ret);
		sum += ret.pa;
		last = chain ? ret.pa & 1 : 0;
	}
	t = (now_ns() - t) / N;
	return sum ? t : 0;
}

static inline __attribute__((always_inline)) double
round_load(bool chain, const struct direct_mapped *by_hand)
{
	double t = now_ns();
	uint64_t sum = 1, last = 0;
	struct fault fault;

	for (unsigned i = 0; i < N; i++) {
		va_t at = hot_va[(i + last) & (N - 1)];
		struct access a = { .va = at, .user = true };
		uint64_t value = 0;

		if (by_hand)
			load_by_hand(by_hand, at, &value);
		else
			mmu_load(m->cpu, &a, &value, 8, &fault);
		sum += value;
		last = chain ? value & 1 : 0;
	}
	t = (now_ns() - t) / N;
	return sum ? t : 0;
}

static double walk_round(bool chain, bool by_hand)
{
	return chain ? round_walk(true, by_hand) : round_walk(false, by_hand);
}

static double load_round(bool chain, bool by_hand)
{
	static struct direct_mapped t;

	for (uint64_t i = 0; i < HOT; i++) {
		t.slot[i].tag = i * PAGE_SIZE | 1;
		t.slot[i].host = m->ram->host + DATA + i * PAGE_SIZE;
	}
	if (chain)
		return round_load(true, by_hand ? &t : NULL);
	return round_load(false, by_hand ? &t : NULL);
}

/* One round of each is not counted. */
static void bench(const char *name, double (*round)(bool chain, bool by_hand),
		  bool chain, const char *goal)
{
	double us[ROUNDS], them[ROUNDS];

	round(chain, false);
	round(chain, true);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = round(chain, false);
		them[i] = round(chain, true);
	}
	bench_row(name, median(us, ROUNDS), median(them, ROUNDS), goal);
}

void bench_mmu(void)
{
	build();
	choose_addresses();
	bench("checked 4-level walk, independent", walk_round, false,
	      "at most 2x");
	bench("checked 4-level walk, dependent", walk_round, true,
	      "at most 2x");
	bench("TLB hit and load, independent", load_round, false,
	      "at most 2.5x");
	bench("TLB hit and load, dependent", load_round, true,
	      "at most 2.5x");
	machine_destroy(m);
}
