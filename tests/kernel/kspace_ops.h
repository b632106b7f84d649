/*
 * kspace_ops.h - every call that allocates, as rows: how it is made, with
 * random arguments, and how it is undone. What a call gives is filled with a
 * tag, which must still be there when it is given back.
 */
#ifndef TESTS_KERNEL_KSPACE_OPS_H
#define TESTS_KERNEL_KSPACE_OPS_H

#include <elf.h>

#include "tests/kernel/kspace.h"

#define PG(n) ((uint64_t)(n) << PAGE_SHIFT)

static inline pfn_t some_frame(struct kspace *s)
{
	return s->frame[rnd(s, NFRAMES)];
}

static inline unsigned some_gfp(struct kspace *s)
{
	static const unsigned gfps[] = {
		GFP_KERNEL,
		GFP_KERNEL,
		GFP_ATOMIC,
		GFP_NOWAIT,
		GFP_NOFS,
		GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_KERNEL | __GFP_ZERO,
		GFP_KERNEL | GFP_DMA,
		GFP_KERNEL | __GFP_NORETRY,
		GFP_ATOMIC | __GFP_MEMALLOC,
	};

	return gfps[rnd(s, ARRAY_SIZE(gfps))];
}

/* --- contents
 * ------------------------------------------------------------------ */

static inline void fill_frames(struct kspace *s, struct held *h, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		memset(page_bytes(s->k, h->pfn + i), h->tag, PAGE_SIZE);
}

static inline void see_frames(struct kspace *s, const struct held *h,
			      uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *p = page_bytes(s->k, h->pfn + i);

		if (p[0] != h->tag || memcmp(p, p + 1, PAGE_SIZE - 1))
			fail_msg("pfn 0x%llx was written to",
				 (unsigned long long)h->pfn);
	}
}

static inline uint8_t *logical(struct kspace *s, va_t va)
{
	return s->k->ram->host + kernel_pa(s->k, va);
}

static inline void see_bytes(struct kspace *s, const struct held *h, va_t va,
			     uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(logical(s, va)[i], h->tag);
}

/* --- pages
 * ----------------------------------------------------------------------- */

static inline int take_pages(struct kspace *s, struct held *h)
{
	static const unsigned more[] = { GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE,
					 GFP_DMA32 | GFP_KERNEL };
	unsigned i = rnd(s, 6);
	unsigned gfp = i < ARRAY_SIZE(more) ? more[i] : some_gfp(s);

	h->order = rnd(s, 3) ? rnd(s, 4) : rnd(s, MAX_ORDER);
	h->pfn = alloc_pages(s->k, gfp, h->order, "test");
	if (h->pfn == PFN_NONE)
		return -ENOMEM;
	if (gfp & __GFP_ZERO)
		assert_int_equal(*(char *)page_bytes(s->k, h->pfn), 0);
	fill_frames(s, h, h->order < 4 ? 1U << h->order : 1);
	return 0;
}

static inline void give_pages(struct kspace *s, struct held *h)
{
	see_frames(s, h, h->order < 4 ? 1U << h->order : 1);
	free_pages(s->k, h->pfn, h->order);
}

/* --- slabs
 * ----------------------------------------------------------------------- */

static inline uint64_t some_size(struct kspace *s)
{
	return rnd(s, 8) ? 1 + rnd(s, 1ULL << (3 + rnd(s, 11)))
			 : 1 + rnd(s, KMALLOC_MAX_SIZE + 10);
}

static inline int take_kmalloc(struct kspace *s, struct held *h)
{
	uint64_t size = some_size(s);
	int err = kmalloc(s->k, size, some_gfp(s), &h->va);

	if (err)
		return err;
	assert_true(ksize(s->k, h->va) >= size);
	h->n = MIN(size, 64);
	memset(logical(s, h->va), h->tag, h->n);
	return 0;
}

static inline void give_kmalloc(struct kspace *s, struct held *h)
{
	see_bytes(s, h, h->va, h->n);
	assert_int_equal(kfree(s->k, h->va), 0);
}

/* The object stays, with its bytes, if there is no room for a larger one. */
static inline int take_krealloc(struct kspace *s, struct held *h)
{
	int err = take_kmalloc(s, h);
	uint64_t size = some_size(s);
	va_t va;

	if (err)
		return err;
	err = krealloc(s->k, h->va, size, some_gfp(s), &va);
	if (err) {
		give_kmalloc(s, h);
		return err;
	}
	h->va = va;
	h->n = MIN(h->n, size);
	return 0;
}

static inline void give_cache(struct kspace *s, struct held *h)
{
	for (unsigned i = 0; i < h->nobj; i++) {
		see_bytes(s, h, h->obj[i], h->n);
		assert_int_equal(kmem_cache_free(s->k, h->p, h->obj[i]), 0);
	}
	assert_int_equal(kmem_cache_destroy(s->k, h->p), 0);
}

static inline int take_cache(struct kspace *s, struct held *h)
{
	static const unsigned flags[] = { 0,
					  SLAB_HWCACHE_ALIGN,
					  SLAB_RED_ZONE | SLAB_POISON,
					  SLAB_DEBUG_FLAGS,
					  SLAB_CACHE_DMA,
					  SLAB_RECLAIM_ACCOUNT };
	struct kmem_cache *cache;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "test-%u", (unsigned)(h - s->held));
	h->n = 8 + rnd(s, 3000);
	err = kmem_cache_create(s->k, name, h->n, 0,
				flags[rnd(s, ARRAY_SIZE(flags))], &cache);
	if (err)
		return err;
	h->p = cache;
	for (h->nobj = 0; h->nobj < ARRAY_SIZE(h->obj); h->nobj++) {
		va_t va = kmem_cache_alloc(s->k, cache);

		if (!va) {
			give_cache(s, h);
			return -ENOMEM;
		}
		h->obj[h->nobj] = va;
		memset(logical(s, va), h->tag, h->n);
	}
	return 0;
}

/* --- the vmalloc space
 * ------------------------------------------------------------ */

/* One byte of each page, by an instruction on some CPU. */
static inline void touch_pages(struct kspace *s, struct held *h, bool store)
{
	unsigned cpu = rnd(s, s->k->machine->ncpus);

	for (uint64_t i = 0; i < h->n; i++) {
		struct user_access a;
		uint8_t byte = h->tag;

		user_access(s->k, cpu, store ? ACCESS_WRITE : ACCESS_READ,
			    false, h->va + PG(i) + i, &byte, 1, &a);
		assert_int_equal(a.done, 1);
		assert_int_equal(byte, h->tag);
	}
}

static inline int took_area(struct kspace *s, struct held *h, uint64_t n,
			    int err)
{
	unsigned nth = s->k->fail_nth;

	if (err)
		return err;
	h->n = n;
	s->k->fail_nth = 0; /* faults of other roots are not the call's */
	touch_pages(s, h, true);
	s->k->fail_nth = nth;
	return 0;
}

static inline int take_vmalloc(struct kspace *s, struct held *h)
{
	static int (*const how[])(struct kernel *, uint64_t,
				  va_t *) = { vmalloc, vzalloc, vmalloc_32 };
	uint64_t n = 1 + rnd(s, rnd(s, 4) ? 20 : 600);

	return took_area(s, h, n, how[rnd(s, 3)](s->k, PG(n), &h->va));
}

static inline void give_vmalloc(struct kspace *s, struct held *h)
{
	touch_pages(s, h, false);
	assert_int_equal(vfree(s->k, h->va), 0);
}

static inline unsigned some_frames(struct kspace *s, pfn_t *pfn)
{
	unsigned n = 1 + rnd(s, NFRAMES);

	for (unsigned i = 0; i < n; i++)
		pfn[i] = some_frame(s);
	return n;
}

static inline int take_vmap(struct kspace *s, struct held *h)
{
	pfn_t pfn[NFRAMES];

	h->n = some_frames(s, pfn);
	return vmap(s->k, pfn, h->n, &h->va);
}

static inline void give_vmap(struct kspace *s, struct held *h)
{
	assert_int_equal(vunmap(s->k, h->va), 0);
}

static inline int take_map_ram(struct kspace *s, struct held *h)
{
	pfn_t pfn[NFRAMES];

	h->n = some_frames(s, pfn);
	return vm_map_ram(s->k, pfn, h->n, &h->va);
}

static inline void give_map_ram(struct kspace *s, struct held *h)
{
	assert_int_equal(vm_unmap_ram(s->k, h->va, h->n), 0);
}

static inline int take_ioremap(struct kspace *s, struct held *h)
{
	uint64_t size = rnd(s, 5) ? 1 + rnd(s, PG(40)) : 4 * MiB;

	return ioremap(s->k, 0xfd000000 + PG(rnd(s, 4) * 256), size, &h->va);
}

static inline void give_ioremap(struct kspace *s, struct held *h)
{
	assert_int_equal(iounmap(s->k, h->va), 0);
}

/* --- single pages at fixed places
 * ---------------------------------------------------- */

static inline int take_kmap(struct kspace *s, struct held *h)
{
	h->pfn = some_frame(s);
	return kmap(s->k, h->pfn, &h->va);
}

static inline void give_kmap(struct kspace *s, struct held *h)
{
	assert_int_equal(kunmap(s->k, h->pfn), 0);
}

/* Nested, and undone in the order that must be. */
static inline int do_kmap_local(struct kspace *s, struct held *h)
{
	bool atomic = rnd(s, 2);
	int (*map)(struct kernel *, unsigned, pfn_t, va_t *) =
		atomic ? kmap_atomic : kmap_local;
	int (*unmap)(struct kernel *, unsigned, va_t) =
		atomic ? kunmap_atomic : kunmap_local;
	unsigned cpu = rnd(s, s->k->machine->ncpus), max = 1 + rnd(s, 8);
	int err = 0;

	for (h->nobj = 0; h->nobj < max && !err; h->nobj += !err)
		err = map(s->k, cpu, some_frame(s), &h->obj[h->nobj]);
	if (h->nobj > 1 && !kernel_virt_ok(s->k, h->obj[0]) &&
	    !kernel_virt_ok(s->k, h->obj[h->nobj - 1]))
		assert_int_equal(unmap(s->k, cpu, h->obj[0]), -EINVAL);
	while (h->nobj--)
		assert_int_equal(unmap(s->k, cpu, h->obj[h->nobj]), 0);
	return err;
}

static inline int take_fixmap(struct kspace *s, struct held *h)
{
	int err;

	h->order = rnd(s, fixmap_entries(s->k));
	if (fixmap_pte(s->k, h->order))
		return -EBUSY;
	err = set_fixmap(s->k, h->order, PG(some_frame(s)), rnd(s, FIX_NTYPES));
	if (!err)
		assert_true(fixmap_pte(s->k, h->order));
	return err;
}

static inline void give_fixmap(struct kspace *s, struct held *h)
{
	assert_int_equal(clear_fixmap(s->k, h->order), 0);
}

/* --- attributes of the direct map
 * ------------------------------------------------------ */

static const enum set_memory pairs[][2] = {
	{ SET_MEMORY_RO, SET_MEMORY_RW },
	{ SET_MEMORY_X, SET_MEMORY_NX },
	{ SET_MEMORY_NP, SET_MEMORY_P },
	{ SET_MEMORY_UC, SET_MEMORY_WB },
};

static inline int take_attribute(struct kspace *s, struct held *h)
{
	struct set_memory_result r;
	int err;

	h->pfn = some_frame(s);
	h->order = rnd(s, ARRAY_SIZE(pairs));
	h->va = kernel_va(s->k, PG(h->pfn));
	if (!kernel_virt_ok(s->k, h->va))
		return -ENOSYS; /* a HighMem frame */
	err = set_memory(s->k, pairs[h->order][0], h->va, 1, &r);
	if (!err)
		return 0;
	assert_int_equal(set_memory(s->k, pairs[h->order][1], h->va, 1, &r), 0);
	return err;
}

/* The table is there: nothing to be allocated. */
static inline void give_attribute(struct kspace *s, struct held *h)
{
	struct set_memory_result r;

	assert_int_equal(set_memory(s->k, pairs[h->order][1], h->va, 1, &r), 0);
}

/* --- DMA
 * --------------------------------------------------------------------------------
 */

static inline int take_coherent(struct kspace *s, struct held *h)
{
	struct dma_map *map;

	h->nobj = rnd(s, ARRAY_SIZE(s->dev));
	if (dma_alloc_coherent(s->k, s->dev[h->nobj], 1 + rnd(s, PG(20)), &map))
		return -ENOMEM;
	h->p = map;
	return 0;
}

static inline void give_dma(struct kspace *s, struct held *h)
{
	dma_sync_for_cpu(s->k, h->p);
	dma_unmap(s->k, s->dev[h->nobj], h->p);
}

static inline int take_dma_single(struct kspace *s, struct held *h)
{
	struct dma_map *map;
	int err;

	h->nobj = rnd(s, ARRAY_SIZE(s->dev));
	/* No bounce buffer is low enough for the first device. */
	err = kmalloc(s->k, 5000, h->nobj ? GFP_KERNEL : GFP_KERNEL | GFP_DMA,
		      &h->va);
	if (err)
		return err;
	h->n = 64;
	memset(logical(s, h->va), h->tag, 5000);
	err = dma_map_single(s->k, s->dev[h->nobj], h->va, 5000,
			     rnd(s, NR_DMA_DIRECTIONS), &map);
	h->p = map;
	if (err)
		give_kmalloc(s, h);
	return err;
}

static inline void give_dma_single(struct kspace *s, struct held *h)
{
	dma_unmap(s->k, s->dev[h->nobj], h->p);
	assert_int_equal(kfree(s->k, h->va), 0);
}

static inline int take_dma_sg(struct kspace *s, struct held *h)
{
	struct dma_map *map;
	int err = take_vmalloc(s, h);

	if (err)
		return err;
	h->nobj = rnd(s, ARRAY_SIZE(s->dev));
	err = dma_map_sg(s->k, s->dev[h->nobj], h->va, PG(h->n),
			 rnd(s, NR_DMA_DIRECTIONS), !h->nobj || rnd(s, 2),
			 &map);
	h->p = map;
	if (err)
		give_vmalloc(s, h);
	return err;
}

static inline void give_dma_sg(struct kspace *s, struct held *h)
{
	dma_unmap(s->k, s->dev[h->nobj], h->p);
	assert_int_equal(vfree(s->k, h->va), 0);
}

/* --- processes
 * ---------------------------------------------------------------------------
 */

struct program { /* one page: headers, and the code behind them */
	union {
		struct {
			Elf32_Ehdr eh;
			Elf32_Phdr ph;
		} e32;
		struct {
			Elf64_Ehdr eh;
			Elf64_Phdr ph;
		} e64;
		uint8_t bytes[PAGE_SIZE];
	};
};

#define HEADER(bits, machine, at)                                         \
	{                                                                 \
		.eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS##bits, \
				     ELFDATA2LSB, EV_CURRENT },           \
			.e_type = ET_EXEC,                                \
			.e_machine = machine,                             \
			.e_version = 1,                                   \
			.e_entry = at + 0x800,                            \
			.e_phoff = sizeof(Elf##bits##_Ehdr),              \
			.e_ehsize = sizeof(Elf##bits##_Ehdr),             \
			.e_phentsize = sizeof(Elf##bits##_Phdr),          \
			.e_phnum = 1 },                                   \
		.ph = { .p_type = PT_LOAD,                                \
			.p_flags = PF_R | PF_W | PF_X,                    \
			.p_vaddr = at,                                    \
			.p_filesz = PAGE_SIZE,                            \
			.p_memsz = 5 * PAGE_SIZE,                         \
			.p_align = PAGE_SIZE },                           \
	}

inline struct file *kspace_program(struct kernel *k)
{
	static const struct program p32 = { .e32 = HEADER(32, EM_386,
							  0x8048000) },
				    p64 = { .e64 = HEADER(64, EM_X86_64,
							  0x400000) };

	return file_builtin(k, "/program", k->arch->word == 8 ? &p64 : &p32,
			    PAGE_SIZE);
}

static inline int take_fork(struct kspace *s, struct held *h)
{
	struct task_struct *child;
	unsigned n = 0;
	int err;

	TAILQ_FOREACH (child, &s->k->tasks, link)
		n++;
	if (n > MAX_TASKS)
		return -EAGAIN;
	err = kernel_fork(s->k, find_task(s->k, 1), &child);
	h->p = child;
	return err;
}

static inline void give_fork(struct kspace *s, struct held *h)
{
	struct task_struct *task = h->p;
	int pid;

	assert_int_equal(do_exit(s->k, task, 0), 0);
	assert_int_equal(do_wait(s->k, find_task(s->k, 1), &pid), 0);
}

/* => @h holds a child: it maps and touches memory, all it can get. */
static inline int use_memory(struct kspace *s, struct task_struct *task)
{
	uint64_t n = 1 + rnd(s, 12);
	unsigned share = rnd(s, 3) ? LX_MAP_PRIVATE : LX_MAP_SHARED;
	char byte = 1;
	va_t va;
	int err = do_mmap(s->k, task->mm, NULL, 0, PG(n),
			  LX_PROT_READ | LX_PROT_WRITE,
			  share | LX_MAP_ANONYMOUS, 0, &va);

	for (uint64_t i = 0; i < n && !err; i++)
		err = access_remote_vm(s->k, task->mm, va + PG(i), &byte, 1,
				       rnd(s, 4));
	if (!err && rnd(s, 2))
		err = do_munmap(s->k, task->mm, va + PG(n / 2), PG(1));
	return err;
}

static inline int take_process(struct kspace *s, struct held *h)
{
	static const char *const argv[] = { "program", NULL };
	const char *why;
	int err = take_fork(s, h);

	if (err)
		return err;
	if (rnd(s, 2))
		err = do_execve(s->k, h->p, s->file, argv, argv + 1, &why);
	for (unsigned i = 0; i < 3 && !err; i++)
		err = use_memory(s, h->p);
	if (err)
		give_fork(s, h);
	return err;
}

/* --- what allocates nothing
 * ---------------------------------------------------------------- */

static inline int do_switch(struct kspace *s, struct held *h)
{
	struct task_struct *t = NULL;
	unsigned cpu = rnd(s, s->k->machine->ncpus), n = rnd(s, MAX_TASKS);
	int err;

	if (n) {
		TAILQ_FOREACH (t, &s->k->tasks, link)
			if (!--n || t->state == 'Z')
				break;
	}
	if (t && t->state == 'Z')
		return 0;
	err = context_switch(s->k, cpu, t);
	return err == -EBUSY ? 0 : err;
}

static inline int do_compact(struct kspace *s, struct held *h)
{
	compact_memory(s->k);
	return 0;
}

static inline int do_drain(struct kspace *s, struct held *h)
{
	drain_pages(s->k, rnd(s, s->k->machine->ncpus));
	return 0;
}

static inline int do_purge(struct kspace *s, struct held *h)
{
	vm_unmap_aliases(s->k);
	kmap_flush_unused(s->k);
	return 0;
}

static inline int do_shrink(struct kspace *s, struct held *h)
{
	struct kmem_cache *c;

	TAILQ_FOREACH (c, &s->k->slab_caches, link)
		if (!rnd(s, 3))
			kmem_cache_shrink(s->k, c);
	return 0;
}

static const struct kspace_op kspace_ops[] = {
	{ "alloc_pages", take_pages, give_pages },
	{ "kmalloc", take_kmalloc, give_kmalloc },
	{ "krealloc", take_krealloc, give_kmalloc },
	{ "kmem_cache_create", take_cache, give_cache },
	{ "vmalloc", take_vmalloc, give_vmalloc },
	{ "vmap", take_vmap, give_vmap },
	{ "vm_map_ram", take_map_ram, give_map_ram },
	{ "ioremap", take_ioremap, give_ioremap },
	{ "kmap", take_kmap, give_kmap },
	{ "kmap_local", do_kmap_local, NULL },
	{ "set_fixmap", take_fixmap, give_fixmap },
	{ "set_memory", take_attribute, give_attribute },
	{ "dma_alloc_coherent", take_coherent, give_dma },
	{ "dma_map_single", take_dma_single, give_dma_single },
	{ "dma_map_sg", take_dma_sg, give_dma_sg },
	{ "fork", take_fork, give_fork },
	{ "fork, exec, mmap", take_process, give_fork },
	{ "context_switch", do_switch, NULL },
	{ "compact_memory", do_compact, NULL },
	{ "drain_pages", do_drain, NULL },
	{ "vm_unmap_aliases", do_purge, NULL },
	{ "kmem_cache_shrink", do_shrink, NULL },
};

#endif
