/*
 * mm_image.c - see mm_image.h.
 */
#include "kernel/mm_image.h"

#include <string.h>

#include "kernel/mm_internal.h"

struct image_walk {
	const struct kernel *k;
	struct mm_image *img;
	va_t end; /* of user space */
};

static uint64_t leaf_size(const struct kernel *k, unsigned level)
{
	return 1ULL << k->mode->level[level].shift;
}

/* Does the leaf continue the run: the same bits, the next frame or the same? */
static bool continues(const struct image_walk *w, struct image_run *r, va_t va,
		      unsigned level, uint64_t entry)
{
	uint64_t size = leaf_size(w->k, level), step = entry - r->entry;

	if (r->level != level || r->va + r->n * size != va)
		return false;
	if (r->n == 1 && (!step || step == size || step == -size))
		r->step = step;
	return entry == r->entry + r->n * r->step &&
	       (r->n > 1 || !step || step == r->step);
}

static void add_leaf(struct image_walk *w, va_t va, unsigned level,
		     uint64_t entry)
{
	struct mm_image *img = w->img;
	struct image_run *r = img->nruns ? &img->run[img->nruns - 1] : NULL;

	img->pages += leaf_size(w->k, level) >> PAGE_SHIFT;
	if (r && continues(w, r, va, level, entry)) {
		r->n++;
		return;
	}
	if (img->nruns == img->size_runs) {
		img->size_runs = img->size_runs ? img->size_runs * 2 : 64;
		img->run =
			xrealloc(img->run, img->size_runs * sizeof(*img->run));
	}
	img->run[img->nruns++] = (struct image_run){
		.va = va, .n = 1, .entry = entry, .level = level
	};
}

/* A table that the kernel made; others are not followed. */
static bool leads_to_table(const struct image_walk *w, unsigned level,
			   uint64_t entry)
{
	pfn_t pfn = (entry & PTE_PFN_MASK) >> PAGE_SHIFT;

	return level < w->k->pte_level && (entry & PTE_P) &&
	       !(w->k->mode->level[level].may_map && (entry & PTE_PS)) &&
	       pfn < w->k->max_pfn &&
	       (pfn_to_page(w->k, pfn)->flags & PG_table);
}

static void walk_table(struct image_walk *w, pa_t table, unsigned level,
		       va_t base)
{
	const struct paging_level *l = &w->k->mode->level[level];
	unsigned size = w->k->mode->entry_size;

	for (unsigned i = 0; i < 1U << l->bits; i++) {
		va_t va = base + ((va_t)i << l->shift);
		uint64_t e;

		if (va >= w->end)
			return;
		e = ptep_get(w->k, w->k->ram->host + table + i * size);
		if (leads_to_table(w, level, e))
			walk_table(w, e & PTE_PFN_MASK, level + 1, va);
		else if (e && (level == w->k->pte_level || (e & PTE_PS)))
			add_leaf(w, va, level, e);
	}
}

static void copy_areas(struct mm_image *img, const struct mm_struct *mm)
{
	const struct vm_area_struct *vma;

	img->area = xcalloc(mm->vmas.count + 1, sizeof(*img->area));
	for_each_vma (&mm->vmas, vma) {
		struct image_area *a = &img->area[img->nareas++];

		a->start = vma->vm_start;
		a->end = vma->vm_end;
		a->flags = vma->vm_flags;
		a->pgoff = vma->vm_pgoff;
		a->name = strdup(vma_name(vma));
		if (!a->name)
			abort();
	}
}

struct mm_image *mm_image_take(struct kernel *k, const struct task_struct *task)
{
	struct mm_image *img = xcalloc(1, sizeof(*img));
	struct image_walk w = { k, img, task->mm->task_size };

	img->pid = task->pid;
	memcpy(img->comm, task->comm, sizeof(img->comm));
	copy_areas(img, task->mm);
	walk_table(&w, mm_root(task->mm), 0, 0);
	return img;
}

void mm_image_free(struct mm_image *img)
{
	if (!img)
		return;
	for (unsigned i = 0; i < img->nareas; i++)
		free(img->area[i].name);
	free(img->area);
	free(img->run);
	free(img);
}

struct image_page mm_image_at(const struct kernel *k,
			      const struct mm_image *img, va_t va,
			      unsigned *hint)
{
	const struct image_run *r;
	uint64_t size;

	for (; *hint < img->nruns; ++*hint) {
		r = &img->run[*hint];
		size = leaf_size(k, r->level);
		if (va < r->va)
			return (struct image_page){ .end = r->va };
		if (va < r->va + r->n * size)
			return (struct image_page){
				.set = true,
				.entry = r->entry +
					 (va - r->va) / size * r->step,
				.step = r->step,
				.level = r->level,
				.end = r->va + r->n * size,
			};
	}
	return (struct image_page){ .end = ~0ULL };
}
