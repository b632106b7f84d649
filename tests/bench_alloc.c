/*
 * bench_alloc.c - alloc_pages and free_pages of one frame, beside the least
 * that any allocator of frames must do: take the first record off a list,
 * mark it, and put it back, over the same array of records. Both sides are
 * calls of functions, and their lists are in memory.
 *
 * A million frames are taken and then given back. The last row, one frame taken
 * and given back at once, stays on the lists of the CPU and in its cache.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/mm.h"
#include "kernel/page_alloc.h"
#include "kernel/process.h"
#include "tests/bench.h"

#define FRAMES (1UL << 20)

static uint32_t pfn[FRAMES];
static uint32_t head; /* of the list by hand */

/* --- by hand -------------------------------------------------------------- */
/* A list of all @pfn, linked both ways: a buddy must be able to leave it. */
static void thread_list(struct kernel *k)
{
	for (size_t i = 0; i < FRAMES; i++) {
		struct page *page = pfn_to_page(k, pfn[i]);

		page->next = i + 1 < FRAMES ? pfn[i + 1] : PFN_NONE;
		page->prev = i ? pfn[i - 1] : PFN_NONE;
	}
	head = pfn[0];
}

static __attribute__((noinline)) uint32_t pop(struct kernel *k)
{
	uint32_t p = head;
	struct page *page = pfn_to_page(k, p);

	head = page->next;
	if (head != PFN_NONE)
		pfn_to_page(k, head)->prev = PFN_NONE;
	page->flags = PG_used;
	page->_refcount = 1;
	return p;
}

static __attribute__((noinline)) void push(struct kernel *k, uint32_t p)
{
	struct page *page = pfn_to_page(k, p);

	page->flags = PG_used;
	page->_refcount = 0;
	page->prev = PFN_NONE;
	page->next = head;
	if (head != PFN_NONE)
		pfn_to_page(k, head)->prev = p;
	head = p;
}

static double many_by_hand(struct kernel *k)
{
	double t;

	thread_list(k);
	t = cpu_ns();
	for (size_t i = 0; i < FRAMES; i++)
		pfn[i] = pop(k);
	for (size_t i = 0; i < FRAMES; i++)
		push(k, pfn[i]);
	t = (cpu_ns() - t) / FRAMES;
	for (size_t i = 0; i < FRAMES; i++)
		pop(k);
	return t;
}

static double one_by_hand(struct kernel *k)
{
	double t;

	thread_list(k);
	t = cpu_ns();
	for (size_t i = 0; i < FRAMES; i++)
		push(k, pop(k));
	return (cpu_ns() - t) / FRAMES;
}

/* --- ours ----------------------------------------------------------------- */
static void take_all(struct kernel *k)
{
	for (size_t i = 0; i < FRAMES; i++)
		pfn[i] = alloc_pages(k, GFP_KERNEL, 0, "bench");
}

static void free_all(struct kernel *k)
{
	for (size_t i = 0; i < FRAMES; i++)
		free_pages(k, pfn[i], 0);
}

static double many(struct kernel *k)
{
	double t = cpu_ns();

	take_all(k);
	free_all(k);
	return (cpu_ns() - t) / FRAMES;
}

static double one(struct kernel *k)
{
	double t = cpu_ns();

	for (size_t i = 0; i < FRAMES; i++)
		free_pages(k, alloc_pages(k, GFP_KERNEL, 0, "bench"), 0);
	return (cpu_ns() - t) / FRAMES;
}

void bench_alloc(void)
{
	double v[4][ROUNDS];
	struct kernel_config cfg;
	const char *why;
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	cfg.ram = 8 * GiB;
	k = kernel_boot(&cfg, &why);
	if (!k)
		exit(1);
	many(k);
	for (unsigned i = 0; i < ROUNDS; i++) {
		v[0][i] = many(k);
		v[2][i] = one(k);
		take_all(k);
		v[1][i] = many_by_hand(k);
		v[3][i] = one_by_hand(k);
		/* The records were ours: as alloc_pages left them. */
		for (size_t j = 0; j < FRAMES; j++)
			pfn_to_page(k, pfn[j])->_refcount = 1;
		free_all(k);
	}
	bench_row("alloc + free of 1M frames, a frame", median(v[0], ROUNDS),
		  median(v[1], ROUNDS), "at most 3x");
	bench_row("alloc + free of one frame", median(v[2], ROUNDS),
		  median(v[3], ROUNDS), "at most 3x");
	kernel_destroy(k);
}
