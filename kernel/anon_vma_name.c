/*
 * anon_vma_name.c - names that a process gives to its anonymous memory (linux
 * 6.1 mm/madvise.c: anon_vma_name_alloc, madvise_set_anon_name; with
 * CONFIG_ANON_VMA_NAME, which Debian does not set).
 *
 * Areas share a name by reference. It takes part in merging: what is named
 * otherwise stays apart. 6.1 names private memory only; shared anonymous
 * memory can have a name since 6.2.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"

struct anon_vma_name {
	int refcount;
	int seen;    /* for the check */
	va_t va;     /* of its kmalloc'd object */
	char name[]; /* "[anon:heap of the JIT]" */
};

struct anon_vma_name *anon_vma_name_alloc(struct kernel *k, const char *name)
{
	size_t size = strlen(name) + sizeof("[anon:]");
	struct anon_vma_name *n;
	va_t va;

	/* Linux keeps a count and the bare name. */
	if (kmalloc(k, sizeof(int) + strlen(name) + 1, GFP_KERNEL, &va))
		return NULL;
	n = xcalloc(1, sizeof(*n) + size);
	n->refcount = 1;
	n->va = va;
	snprintf(n->name, size, "[anon:%s]", name);
	return n;
}

struct anon_vma_name *anon_vma_name_get(struct anon_vma_name *n)
{
	if (n)
		n->refcount++;
	return n;
}

void anon_vma_name_put(struct kernel *k, struct anon_vma_name *n)
{
	if (!n || --n->refcount)
		return;
	kfree(k, n->va);
	free(n);
}

const char *anon_vma_name_text(const struct anon_vma_name *n)
{
	return n->name;
}

bool anon_vma_name_eq(const struct anon_vma_name *a,
		      const struct anon_vma_name *b)
{
	return a == b || (a && b && strcmp(a->name, b->name) == 0);
}

/* --- fsck ----------------------------------------------------------------- */

static void for_each_name(struct kernel *k,
			  void (*fn)(struct kernel *k, struct checker *c,
				     struct anon_vma_name *n),
			  struct checker *c)
{
	const struct vm_area_struct *vma;
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link) {
		if (!task_owns_mm(t))
			continue;
		for_each_vma (&t->mm->vmas, vma)
			if (vma->anon_name)
				fn(k, c, vma->anon_name);
	}
}

static void forget_name(struct kernel *k, struct checker *c,
			struct anon_vma_name *n)
{
	n->seen = 0;
}

static void see_name(struct kernel *k, struct checker *c,
		     struct anon_vma_name *n)
{
	n->seen++;
}

static void check_name(struct kernel *k, struct checker *c,
		       struct anon_vma_name *n)
{
	if (n->seen != n->refcount)
		check_finding(c, "%s: refcount is %d, %d areas have the name",
			      n->name, n->refcount, n->seen);
	if (!ksize(k, n->va))
		check_finding(c, "%s: its object 0x%" PRIx64 " is not in use",
			      n->name, n->va);
}

void anon_vma_name_check(struct kernel *k, struct checker *c)
{
	for_each_name(k, forget_name, c);
	for_each_name(k, see_name, c);
	for_each_name(k, check_name, c);
}

/* --- the call ------------------------------------------------------------- */

/* => [start, end) lies within @vma; *pprev as for vma_modify_flags(). */
static int set_name(struct kernel *k, struct vm_area_struct *vma,
		    struct vm_area_struct **pprev, va_t start, va_t end,
		    void *arg)
{
	struct vma_range r = vma_range_of(vma, start, end);
	struct anon_vma_name *name = arg;
	int err;

	if (vma->vm_file)
		return -EBADF;
	*pprev = start > vma->vm_start ? vma
				       : vma_tree_prev(&vma->vm_mm->vmas, vma);
	if (anon_vma_name_eq(vma->anon_name, name)) {
		*pprev = vma;
		return 0;
	}
	r.anon_name = name;
	err = vma_modify(k, vma, pprev, &r);
	if (err)
		return err == -ENOMEM ? -EAGAIN : err;
	anon_vma_name_get(name);
	anon_vma_name_put(k, (*pprev)->anon_name);
	(*pprev)->anon_name = name;
	return 0;
}

int madvise_set_anon_name(struct kernel *k, struct mm_struct *mm, va_t start,
			  uint64_t len_in, struct anon_vma_name *name)
{
	uint64_t len = PAGE_ALIGN(len_in);
	va_t end = start + len;

	if ((start & ~PAGE_MASK) || (len_in && !len) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	return madvise_walk_vmas(k, mm, start, end, set_name, name);
}
