/*
 * bench_slab.c - kmalloc and kfree against the least that a slab allocator
 * can do: a free list through the objects' own bytes in simulated RAM, popped
 * and pushed in a tight loop. Both sides are calls of functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/gfp.h"
#include "kernel/slab.h"
#include "tests/bench.h"

#define TURNS 4000000
#define BATCH 1000
#define SIZE  64

struct list {
	struct ram *ram;
	pa_t head;
};

static __attribute__((noinline)) pa_t pop(struct list *l)
{
	pa_t object = l->head;

	memcpy(&l->head, l->ram->host + object, sizeof(l->head));
	return object;
}

static __attribute__((noinline)) void push(struct list *l, pa_t object)
{
	memcpy(l->ram->host + object, &l->head, sizeof(l->head));
	l->head = object;
}

static double list_ns(struct list *l, unsigned batch)
{
	static volatile pa_t held[BATCH];
	double t = cpu_ns();

	for (unsigned i = 0; i < TURNS / batch; i++) {
		for (unsigned j = 0; j < batch; j++)
			held[j] = pop(l);
		for (unsigned j = batch; j-- > 0;)
			push(l, held[j]);
	}
	return (cpu_ns() - t) / TURNS;
}

static double kmalloc_ns(struct kernel *k, unsigned batch)
{
	static va_t held[BATCH];
	double t = cpu_ns();

	for (unsigned i = 0; i < TURNS / batch; i++) {
		for (unsigned j = 0; j < batch; j++)
			if (kmalloc(k, SIZE, GFP_KERNEL, &held[j]))
				exit(1);
		for (unsigned j = batch; j-- > 0;)
			kfree(k, held[j]);
	}
	return (cpu_ns() - t) / TURNS;
}

/* A free list through a block that kmalloc gave. */
static struct list make_list(struct kernel *k)
{
	struct list l = { k->ram, 0 };
	va_t va;

	if (kmalloc(k, (BATCH + 1) * SIZE, GFP_KERNEL, &va))
		exit(1);
	for (unsigned i = 0; i <= BATCH; i++)
		push(&l, kernel_pa(k, va) + i * SIZE);
	return l;
}

static void row(const char *name, struct kernel *k, struct list *l,
		unsigned batch)
{
	double us[ROUNDS], them[ROUNDS];

	kmalloc_ns(k, batch);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = kmalloc_ns(k, batch);
		them[i] = list_ns(l, batch);
	}
	bench_row(name, median(us, ROUNDS), median(them, ROUNDS), "at most 3x");
}

void bench_slab(struct kernel *k)
{
	struct list l = make_list(k);

	row("kmalloc(64) and kfree", k, &l, 1);
	row("the same, 1000 held at a time", k, &l, BATCH);
}
