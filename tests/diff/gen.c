/*
 * gen.c - random scenarios, the same for the same seed.
 *
 * A scenario works on few pages, so that areas meet, and on the edge of a
 * page table or of the arena, which each has its own chance.
 */
#include "tests/diff/diff.h"

#include <string.h>

#include "kernel/mm.h"
#include "kernel/mman.h"

struct gen {
	uint64_t rng;
	uint64_t base; /* of the pages that it works on */
	unsigned npages;
	unsigned nprocs;
	bool alive[MAX_PROCS];
};

static uint64_t next(struct gen *g, uint64_t n)
{
	g->rng ^= g->rng << 13;
	g->rng ^= g->rng >> 7;
	g->rng ^= g->rng << 17;
	return (g->rng >> 11) % n;
}

static bool chance(struct gen *g, unsigned percent)
{
	return next(g, 100) < percent;
}

static uint64_t any_page(struct gen *g)
{
	if (g->npages == ARENA_PAGES && chance(g, 15))
		return ARENA + next(g, 2) * 512 * PAGE;
	return g->base + next(g, g->npages) * PAGE;
}

/* Mostly a few whole pages; sometimes none, odd, all, or absurd. */
static uint64_t any_len(struct gen *g)
{
	static const uint64_t odd[] = {
		0,
		1,
		PAGE - 1,
		PAGE + 1,
		3 * PAGE / 2,
		64 * PAGE,
		~0ULL,
		~0ULL - PAGE + 1,
		1ULL << 47,
		ARENA_PAGES * PAGE,
	};

	if (chance(g, 4))
		return odd[next(g, 10)];
	if (chance(g, 10))
		return (1 + next(g, g->npages)) * PAGE;
	if (g->npages == ARENA_PAGES && chance(g, 15))
		return 512 * PAGE;
	return (1 + next(g, 6)) * PAGE;
}

static unsigned any_prot(struct gen *g)
{
	static const uint8_t often[] = { 3, 3, 3, 1, 1, 0, 5, 7, 2, 4 };

	return often[next(g, 10)];
}

/* A mapping of the file becomes of it what was anonymous. */
static void of_file(struct gen *g, struct op *op)
{
	op->flags &= ~(LX_MAP_ANONYMOUS | LX_MAP_GROWSDOWN);
	op->fd = OP_FILE;
	op->off = next(g, OP_FILE_PAGES + 2) * PAGE;
	if (chance(g, 2))
		op->off += 0x800;
}

static void gen_map(struct gen *g, struct op *op)
{
	op->addr = any_page(g);
	op->len = any_len(g);
	op->prot = any_prot(g);
	op->flags = LX_MAP_ANONYMOUS |
		    (chance(g, 25) ? LX_MAP_SHARED : LX_MAP_PRIVATE);
	if (!chance(g, 15))
		op->flags |= LX_MAP_FIXED;
	if (chance(g, 8))
		op->flags |= LX_MAP_POPULATE;
	if (chance(g, 5))
		op->flags |= LX_MAP_NORESERVE;
	if (chance(g, 3))
		op->flags |= LX_MAP_GROWSDOWN;
	if (chance(g, 3))
		op->flags |= LX_MAP_LOCKED;
	if (chance(g, 5))
		op->flags |= LX_MAP_FIXED_NOREPLACE;
	if (chance(g, 3))
		op->flags |= LX_MAP_NONBLOCK;
	if (chance(g, 25))
		of_file(g, op);
	if (chance(g, 5))
		op->addr = 0;
	if (chance(g, 2))
		op->addr += 0x123;
	/* Never the program itself. */
	if (op->addr == 0)
		op->flags &= ~LX_MAP_FIXED;
	if ((op->flags & LX_MAP_FIXED) && op->len > ARENA_END - op->addr)
		op->len = PAGE;
	if (!(op->flags & LX_MAP_FIXED) && op->len > 64 * PAGE &&
	    op->len < 1ULL << 47)
		op->len = PAGE;
}

/* A range that ends in the arena, or is refused as a whole. */
static void gen_range(struct gen *g, struct op *op)
{
	op->addr = any_page(g);
	op->len = any_len(g);
	if (op->len > ARENA_END - op->addr && op->len < 1ULL << 47)
		op->len = ARENA_END - op->addr;
	if (op->len == 1ULL << 47)
		op->len = PAGE;
	if (chance(g, 2))
		op->addr += 0x800;
}

static void gen_munmap(struct gen *g, struct op *op)
{
	gen_range(g, op);
}

static void gen_mprotect(struct gen *g, struct op *op)
{
	gen_range(g, op);
	op->prot = any_prot(g);
}

static void gen_brk(struct gen *g, struct op *op)
{
	op->addr = HEAP + next(g, 24) * PAGE / 2;
	if (chance(g, 5))
		op->addr = HEAP - PAGE;
}

static void gen_madvise(struct gen *g, struct op *op)
{
	static const uint8_t advice[] = {
		LX_MADV_DONTNEED,	LX_MADV_DONTNEED,
		LX_MADV_DONTNEED,	LX_MADV_NORMAL,
		LX_MADV_RANDOM,		LX_MADV_SEQUENTIAL,
		LX_MADV_DONTFORK,	LX_MADV_DOFORK,
		LX_MADV_DONTDUMP,	LX_MADV_DODUMP,
		LX_MADV_WIPEONFORK,	LX_MADV_KEEPONFORK,
		LX_MADV_FREE,		LX_MADV_POPULATE_READ,
		LX_MADV_POPULATE_WRITE, LX_MADV_DONTNEED_LOCKED,
		LX_MADV_WILLNEED,
	};

	gen_range(g, op);
	op->value = advice[next(g, sizeof(advice))];
}

static void gen_mlock(struct gen *g, struct op *op)
{
	gen_range(g, op);
	op->flags = chance(g, 40) ? LX_MLOCK_ONFAULT : 0;
}

static void gen_mlockall(struct gen *g, struct op *op)
{
	op->flags = LX_MCL_FUTURE | (chance(g, 50) ? LX_MCL_ONFAULT : 0);
	if (chance(g, 10))
		op->flags = chance(g, 50) ? LX_MCL_ONFAULT : 8;
}

static void gen_mremap(struct gen *g, struct op *op)
{
	gen_range(g, op);
	op->len2 = any_len(g);
	if (chance(g, 25))
		op->len2 = op->len;
	if (chance(g, 5))
		op->len = 0;
	if (op->len2 > ARENA_PAGES * PAGE && op->len2 >> 46 == 0)
		op->len2 = PAGE;
	op->flags = chance(g, 30) ? OPF_NOMOVE : 0;
	if (!chance(g, 40))
		return;
	op->flags |= 2;
	op->addr2 = any_page(g);
	if (op->len2 > ARENA_END - op->addr2 && op->len2 >> 46 == 0)
		op->len2 = PAGE;
	if (chance(g, 15))
		op->flags |= 4;
}

static void gen_ftruncate(struct gen *g, struct op *op)
{
	op->fd = OP_FILE;
	op->len = next(g, 2 * OP_FILE_PAGES + 1) * PAGE / 2;
	if (chance(g, 20))
		op->len += 0x123;
}

static void gen_pwrite(struct gen *g, struct op *op)
{
	op->fd = OP_FILE;
	op->value = 'a' + next(g, 26);
	op->off = next(g, OP_FILE_PAGES) * PAGE + 32 + next(g, 100) * 16;
	op->len = 8;
}

static void gen_fallocate(struct gen *g, struct op *op)
{
	op->fd = OP_FILE;
	op->off = next(g, OP_FILE_PAGES) * PAGE;
	op->len = (1 + next(g, 6)) * PAGE;
	op->flags = chance(g, 80) ? 3 : next(g, 4);
	if (chance(g, 10))
		op->off += 0x700;
}

static void gen_msync(struct gen *g, struct op *op)
{
	gen_range(g, op);
	op->flags = 1 + next(g, 7);
}

static void gen_prlimit(struct gen *g, struct op *op)
{
	op->value = chance(g, 50) ? OPF_STACK : OPF_MEMLOCK;
	op->len =
		(op->value == OPF_STACK ? 8 + next(g, 40) : next(g, 17)) * PAGE;
}

static void gen_none(struct gen *g, struct op *op)
{
}

/* Values are harmless as instructions: see worker.c. */
static void gen_write(struct gen *g, struct op *op)
{
	static const uint8_t harmless[] = { 0x90, 0xf8, 0xf9, 0xf5,
					    0xfc, 0x98, 0x99, 0x9f };

	op->addr = any_page(g) + next(g, 256) * 16;
	op->value = harmless[next(g, 8)];
	op->len = 1;
	if (!chance(g, 15))
		return;
	op->len = 8;
	op->value *= 0x0101010101010101ULL;
	if (chance(g, 50))
		op->addr = any_page(g) + PAGE - 4;
}

static void gen_read(struct gen *g, struct op *op)
{
	op->addr = any_page(g) + next(g, 256) * 16;
	op->len = chance(g, 80) ? 1 : 8;
	if (op->len == 8 && chance(g, 50))
		op->addr = any_page(g) + PAGE - 4;
}

static void gen_fetch(struct gen *g, struct op *op)
{
	op->addr = any_page(g);
	op->len = 1;
}

static void gen_touch(struct gen *g, struct op *op)
{
	op->addr = any_page(g);
	op->len = (1 + next(g, 10)) * PAGE;
	if (op->len > ARENA_END - op->addr)
		op->len = ARENA_END - op->addr;
	op->flags = chance(g, 60) ? OPF_WRITE : 0;
	if (chance(g, 10)) {
		op->addr = HEAP + next(g, 12) * PAGE;
		op->len = PAGE;
	}
}

static void gen_fork(struct gen *g, struct op *op)
{
	if (g->nprocs == MAX_PROCS) {
		op->kind = OP_TOUCH;
		gen_touch(g, op);
		return;
	}
	g->alive[g->nprocs++] = true;
}

static void gen_exit(struct gen *g, struct op *op)
{
	if (op->proc == 0) {
		op->kind = OP_TOUCH;
		gen_touch(g, op);
		return;
	}
	g->alive[op->proc] = false;
}

static const struct {
	enum op_kind kind;
	unsigned weight;
	void (*make)(struct gen *g, struct op *op);
} menu[] = {
	{ OP_MAP, 22, gen_map },
	{ OP_MUNMAP, 10, gen_munmap },
	{ OP_MPROTECT, 14, gen_mprotect },
	{ OP_BRK, 4, gen_brk },
	{ OP_READ, 8, gen_read },
	{ OP_WRITE, 12, gen_write },
	{ OP_FETCH, 3, gen_fetch },
	{ OP_TOUCH, 18, gen_touch },
	{ OP_MADVISE, 12, gen_madvise },
	{ OP_MLOCK, 5, gen_mlock },
	{ OP_MUNLOCK, 3, gen_range },
	{ OP_MLOCKALL, 1, gen_mlockall },
	{ OP_MUNLOCKALL, 1, gen_none },
	{ OP_MINCORE, 2, gen_range },
	{ OP_MSYNC, 1, gen_msync },
	{ OP_PRLIMIT, 1, gen_prlimit },
	{ OP_MREMAP, 8, gen_mremap },
	{ OP_FTRUNCATE, 1, gen_ftruncate },
	{ OP_PWRITE, 2, gen_pwrite },
	{ OP_PREAD, 2, gen_pwrite },
	{ OP_FALLOCATE, 1, gen_fallocate },
	{ OP_FORK, 4, gen_fork },
	{ OP_EXIT, 2, gen_exit },
};

static void gen_op(struct gen *g, struct op *op)
{
	unsigned total = 0, at, i;

	for (i = 0; i < sizeof(menu) / sizeof(*menu); i++)
		total += menu[i].weight;
	at = next(g, total);
	for (i = 0; at >= menu[i].weight; i++)
		at -= menu[i].weight;
	memset(op, 0, sizeof(*op));
	op->kind = menu[i].kind;
	do
		op->proc = next(g, g->nprocs);
	while (!g->alive[op->proc]);
	menu[i].make(g, op);
}

/* All of the arena, where pages of 2 MiB are welcome. */
static void large_pages(struct gen *g, struct scenario *s)
{
	g->base = ARENA;
	g->npages = ARENA_PAGES;
	s->op[0] = (struct op){ .kind = OP_MAP,
				.addr = ARENA,
				.len = ARENA_PAGES * PAGE,
				.prot = 3,
				.flags = LX_MAP_FIXED | LX_MAP_ANONYMOUS |
					 LX_MAP_PRIVATE };
	s->op[1] = (struct op){ .kind = OP_MADVISE,
				.addr = ARENA,
				.len = ARENA_PAGES * PAGE,
				.value = LX_MADV_HUGEPAGE };
	s->n = 2;
}

void scenario_random(struct scenario *s, uint64_t seed, unsigned nops,
		     bool large)
{
	struct gen g = { .rng = (seed + 1) * 0x9e3779b97f4a7c15ULL,
			 .nprocs = 1,
			 .alive = { true } };

	s->n = 0;
	for (int i = 0; i < 8; i++)
		next(&g, 2);
	g.npages = 8 + next(&g, 32);
	g.base = ARENA + next(&g, 4) * 8 * PAGE;
	if (chance(&g, 30))
		g.base = ARENA + (512 - g.npages / 2) * PAGE;
	else if (chance(&g, 15))
		g.base = ARENA_END - g.npages * PAGE;
	if (large && chance(&g, 6))
		large_pages(&g, s);
	snprintf(s->name, sizeof(s->name), "seed %llu",
		 (unsigned long long)seed);
	for (; s->n < nops; s->n++)
		gen_op(&g, &s->op[s->n]);
}
