/*
 * vmap_area.c - the addresses of the vmalloc space.
 *
 *	free --alloc_vmap_area()--> busy --free_unmap_vmap_area()--> lazy
 *	  ^                                                           |
 *	  +------------------ purge_vmap_area_lazy() -----------------+
 *
 * Three trees: free ranges, areas, and freed ones whose translations may still
 * be in TLBs. Flushing all CPUs for each vfree() would cost more than all the
 * rest of it: freed areas wait until lazy_max_pages() of them are there, or no
 * free range fits, and one flush serves them all. Neighbours become one range.
 *
 * Models alloc_vmap_area(), free_vmap_area_noflush() and
 * __purge_vmap_area_lazy() of mm/vmalloc.c, Linux 6.1. Where Linux wakes a
 * worker to purge, the purge is done at once. A range is the lowest that
 * holds the area aligned; Linux may pass over one that does so by less than
 * size + align - 1, depending on the shape of its tree. Left out: areas in
 * other spaces (modules), the notifier chain.
 */
#include <errno.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/vmap_internal.h"

#define LAZY_BYTES (32 * MiB) /* for each bit of the number of CPUs */

/* Sizes of 6.1: struct vmap_area, struct vm_struct. */
static unsigned vmap_area_size(const struct kernel *k)
{
	return 8 * k->arch->word;
}

static unsigned vm_struct_size(const struct kernel *k)
{
	return k->arch->word == 8 ? 64 : 28 + k->mode->entry_size;
}

static struct vmap_area *area_of(struct vmap_node *n)
{
	return (struct vmap_area *)n;
}

/* A struct vmap_area, charged to its cache, or NULL. */
static struct vmap_area *area_new(struct kernel *k, va_t start, va_t end)
{
	struct vmap_area *va;
	va_t obj = kmem_cache_alloc(k, k->vmap->cache);

	if (!obj)
		return NULL;
	va = xcalloc(1, sizeof(*va));
	va->start = start;
	va->end = end;
	va->obj = obj;
	return va;
}

static void area_delete(struct kernel *k, struct vmap_area *va)
{
	if (va->obj)
		kmem_cache_free(k, k->vmap->cache, va->obj);
	free(va);
}

/* The whole space is one free range, whose struct is of boot's memory. */
int vmalloc_init(struct kernel *k)
{
	struct vmap_area *all = xcalloc(1, sizeof(*all));

	k->vmap = xcalloc(1, sizeof(*k->vmap));
	LIST_INIT(&k->vmap->mapped);
	for (unsigned i = 0; i < MACHINE_MAX_CPUS; i++)
		TAILQ_INIT(&k->vmap->queue[i]);
	k->vmap->cache = kmem_cache_get(k, "vmap_area", vmap_area_size(k));
	all->start = k->layout.vmalloc_start;
	all->end = k->layout.vmalloc_end;
	vmap_tree_insert(&k->vmap->free, &all->node);
	return preallocate_vmalloc_pages(k);
}

static void destroy_tree(struct vmap_node *n)
{
	struct vmap_area *va = area_of(n);

	if (!n)
		return;
	destroy_tree(n->left);
	destroy_tree(n->right);
	vmap_block_destroy(va->block);
	free(va->pages);
	free(va);
}

void vmalloc_deinit(struct kernel *k)
{
	if (!k->vmap)
		return;
	destroy_tree(k->vmap->busy.root);
	destroy_tree(k->vmap->lazy.root);
	destroy_tree(k->vmap->free.root);
	free(k->vmap);
	k->vmap = NULL;
}

/* --- allocation ----------------------------------------------------------- */

/* Cuts [start, end) out of free range @n. False: no memory for a second. */
static bool clip_free(struct kernel *k, struct vmap_node *n, va_t start,
		      va_t end)
{
	struct vmap_tree *t = &k->vmap->free;
	struct vmap_area *upper;
	va_t last = n->end;

	if (n->start == start && n->end == end) {
		vmap_tree_remove(t, n);
		area_delete(k, area_of(n));
	} else if (n->start == start) {
		vmap_tree_adjust(t, n, end, n->end);
	} else if (n->end == end) {
		vmap_tree_adjust(t, n, n->start, start);
	} else {
		upper = area_new(k, end, last);
		if (!upper)
			return false;
		vmap_tree_adjust(t, n, n->start, start);
		vmap_tree_insert(t, &upper->node);
	}
	return true;
}

static struct vmap_node *find_free(struct kernel *k, uint64_t size,
				   uint64_t align)
{
	struct vmap_node *n = vmap_tree_fit(&k->vmap->free, size, align);

	if (n)
		return n;
	purge_fragmented_blocks(k);
	purge_vmap_area_lazy(k, UINT64_MAX, 0);
	return vmap_tree_fit(&k->vmap->free, size, align);
}

struct vmap_area *alloc_vmap_area(struct kernel *k, uint64_t size,
				  uint64_t align)
{
	struct vmap_area *va = area_new(k, 0, 0);
	struct vmap_node *n;

	if (!va)
		return NULL;
	n = find_free(k, size, align);
	if (n) {
		va->start = ALIGN_UP(n->start, align);
		va->end = va->start + size;
	}
	if (!n || !clip_free(k, n, va->start, va->end)) {
		area_delete(k, va);
		return NULL;
	}
	vmap_tree_insert(&k->vmap->busy, &va->node);
	return va;
}

struct vmap_area *get_vm_area(struct kernel *k, uint64_t size, uint64_t align,
			      enum vmap_kind kind, const char *caller)
{
	struct vmap_area *va;
	va_t vm;

	if (kmalloc(k, vm_struct_size(k), GFP_KERNEL, &vm))
		return NULL;
	va = alloc_vmap_area(k, size + PAGE_SIZE, align);
	if (!va) {
		kfree(k, vm);
		return NULL;
	}
	va->vm = vm;
	va->kind = kind;
	va->caller = caller;
	va->nr_pages = size >> PAGE_SHIFT;
	if (kind != VMAP_ALLOC)
		LIST_INSERT_HEAD(&k->vmap->mapped, va, link);
	return va;
}

/* --- freeing -------------------------------------------------------------- */

/* Puts @va into a tree, as one range with what touches it. */
static void merge_or_add(struct kernel *k, struct vmap_tree *t,
			 struct vmap_area *va)
{
	struct vmap_node *below = vmap_tree_below(t, va->start);
	struct vmap_node *above = vmap_tree_above(t, va->end);
	va_t end = va->end;

	if (above && above->start == va->end) {
		end = above->end;
		vmap_tree_remove(t, above);
		area_delete(k, area_of(above));
	}
	if (below && below->end == va->start) {
		vmap_tree_adjust(t, below, below->start, end);
		area_delete(k, va);
		return;
	}
	va->end = end;
	vmap_tree_insert(t, &va->node);
}

/* What an area has beside its addresses. */
static void area_strip(struct vmap_area *va)
{
	if (va->kind != VMAP_ALLOC)
		LIST_REMOVE(va, link);
	vmap_block_destroy(va->block);
	free(va->pages);
	va->block = NULL;
	va->pages = NULL;
	va->kind = VMAP_ALLOC;
	va->nr_pages = 0;
}

static void free_vmap_area_noflush(struct kernel *k, struct vmap_area *va)
{
	struct vmap_state *s = k->vmap;

	area_strip(va);
	vmap_tree_remove(&s->busy, &va->node);
	s->nr_lazy += (va->end - va->start) >> PAGE_SHIFT;
	merge_or_add(k, &s->lazy, va);
	if (s->nr_lazy > lazy_max_pages(k))
		purge_vmap_area_lazy(k, UINT64_MAX, 0);
}

void free_unmap_vmap_area(struct kernel *k, struct vmap_area *va)
{
	vunmap_range_noflush(k, va->start, va->end);
	free_vmap_area_noflush(k, va);
}

void remove_vm_area(struct kernel *k, struct vmap_area *va)
{
	va_t vm = va->vm;

	va->vm = 0;
	free_unmap_vmap_area(k, va);
	kfree(k, vm);
}

/* --- purge ---------------------------------------------------------------- */

uint64_t vmap_nr_lazy(const struct kernel *k)
{
	return k->vmap->nr_lazy;
}

uint64_t lazy_max_pages(const struct kernel *k)
{
	unsigned log = 0;

	for (unsigned n = k->machine->ncpus; n; n /= 2)
		log++;
	return log * LAZY_BYTES >> PAGE_SHIFT;
}

bool purge_vmap_area_lazy(struct kernel *k, va_t start, va_t end)
{
	struct vmap_state *s = k->vmap;
	struct vmap_node *n = vmap_tree_above(&s->lazy, 0);
	struct vmap_node *last = vmap_tree_below(&s->lazy, UINT64_MAX);

	if (!n)
		return false;
	if (n->start < start)
		start = n->start;
	if (last->end > end)
		end = last->end;
	flush_tlb_kernel_range(k, start, end);
	while ((n = s->lazy.root)) {
		vmap_tree_remove(&s->lazy, n);
		merge_or_add(k, &s->free, area_of(n));
	}
	s->nr_lazy = 0;
	return true;
}

uint64_t vm_unmap_aliases(struct kernel *k)
{
	va_t start = UINT64_MAX, end = 0;
	bool dirty = vmap_blocks_dirty(k, &start, &end);
	uint64_t purged;

	purge_fragmented_blocks(k);
	purged = k->vmap->nr_lazy;
	if (!purge_vmap_area_lazy(k, start, end) && dirty)
		flush_tlb_kernel_range(k, start, end);
	return purged;
}

/* --- looking -------------------------------------------------------------- */

struct vmap_area *find_area(const struct kernel *k, va_t va)
{
	struct vmap_node *n = vmap_tree_above(&k->vmap->busy, va);

	return n && n->start <= va ? area_of(n) : NULL;
}

const struct vmap_area *find_vmap_area(const struct kernel *k, va_t va)
{
	return find_area(k, va);
}

static const struct vmap_area *next_in(const struct vmap_tree *t,
				       const struct vmap_area *va)
{
	return area_of(vmap_tree_above(t, va ? va->end : 0));
}

const struct vmap_area *vmap_next(const struct kernel *k,
				  const struct vmap_area *va)
{
	return next_in(&k->vmap->busy, va);
}

const struct vmap_area *vmap_next_lazy(const struct kernel *k,
				       const struct vmap_area *va)
{
	return next_in(&k->vmap->lazy, va);
}

/* Free and dirty pages of a block are in a busy area, and not mapped. */
bool vmap_is_lazy(const struct kernel *k, va_t va)
{
	const struct vmap_node *n = vmap_tree_above(&k->vmap->lazy, va);
	const struct vmap_area *area = find_area(k, va);

	if (n && n->start <= va)
		return true;
	return area && area->kind == VMAP_BLOCK &&
	       area->pages[(va - area->start) >> PAGE_SHIFT] == PFN_NONE;
}

uint64_t vmalloc_nr_pages(const struct kernel *k)
{
	return k->vmap->nr_vmalloc;
}
