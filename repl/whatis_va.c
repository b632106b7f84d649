/*
 * whatis_va.c - what is known of a linear address before any translation: the
 * region of the layout, the area of the process or of the kernel, the slot.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/fixmap.h"
#include "kernel/highmem.h"
#include "kernel/mem_map.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"
#include "repl/describe.h"
#include "repl/elf_where.h"
#include "repl/whatis.h"

/* --- regions of the layout ---------------------------------------------------
 */
static const struct layout_area *area_of(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;

	for (unsigned i = 0; i < l->nareas; i++)
		if (va >= l->area[i].start &&
		    (!l->area[i].end || va < l->area[i].end))
			return &l->area[i];
	return NULL;
}

static void emit_region(struct cmd_ctx *c, va_t va)
{
	const struct layout_area *a = area_of(c->k, va);
	struct result *r = c->r;

	if (!a)
		return;
	whatis_label(r, "region");
	res_object(r, "region");
	res_str(r, "name", "~%s", a->name);
	res_va(r, "start", "%s", a->start);
	res_va(r, "last", "~-%s",
	       (a->end ? a->end : session_va_max(c->s) + 1) - 1);
	res_str(r, "note", "%s", a->note);
	res_end(r);
}

/* --- areas of the process
 * ----------------------------------------------------- */
static void emit_hole(struct cmd_ctx *c, const struct task_struct *task,
		      va_t va, const struct vm_area_struct *next)
{
	const struct vm_area_struct *prev =
		next ? vma_tree_prev(&task->mm->vmas, next)
		     : vma_tree_last(&task->mm->vmas);
	va_t gap = next && (next->vm_flags & VM_GROWSDOWN) ? next->vm_start - va
							   : 0;
	struct result *r = c->r;
	char what[200];

	whatis_label(r, "area");
	res_text(r, COL_BAD, "~none");
	if (va < c->k->mmap_min_addr)
		res_text(r, COL_DIM,
			 "below mmap_min_addr: NULL pointers lead here");
	else if (gap && gap <= STACK_GUARD_GAP)
		res_text(r, COL_DIM, "in the guard gap below the stack");
	if (prev) {
		res_text(r, COL_PLAIN, "after %s",
			 describe_va(c->k, task, prev->vm_start, what,
				     sizeof(what)));
		res_va(r, "after", "~, which ends at %s", prev->vm_end);
	}
	if (next) {
		res_text(r, COL_PLAIN, "before %s",
			 describe_va(c->k, task, next->vm_start, what,
				     sizeof(what)));
		res_va(r, "before", "~ at %s", next->vm_start);
	}
}

static void emit_file(struct cmd_ctx *c, const struct vm_area_struct *vma,
		      va_t va)
{
	uint64_t offset = va - vma->vm_start + (vma->vm_pgoff << PAGE_SHIFT);
	struct result *r = c->r;
	struct elf_where where;

	whatis_label(r, "file");
	res_object(r, "file");
	res_str(r, "path", "~%s", vma->vm_file->f_inode->path);
	res_hex(r, "offset", "+%s", offset, 1);
	if (offset >= PAGE_ALIGN(vma->vm_file->f_inode->size))
		res_text(r, COL_BAD, "behind its last page: SIGBUS");
	if (elf_where(vma->vm_file->f_inode, offset, &where)) {
		if (where.segment >= 0) {
			res_u64(r, "segment", "segment %s", where.segment);
			res_str(r, "segment_flags", "~ (%s)", where.flags);
		}
		if (*where.section)
			res_str(r, "section", "section %s", where.section);
	}
	res_end(r);
}

void whatis_vma(struct cmd_ctx *c, const struct task_struct *task, va_t va)
{
	const struct vm_area_struct *vma = find_vma(task->mm, va);
	struct result *r = c->r;
	char perms[5], what[200];

	if (!vma || vma->vm_start > va) {
		emit_hole(c, task, va, vma);
		return;
	}
	whatis_label(r, "area");
	res_object(r, "area");
	res_str(r, "name", "~%s", *vma_name(vma) ? vma_name(vma) : "anonymous");
	res_str(r, "perms", "%s", vma_perms(vma, perms));
	res_va(r, "start", "%s", vma->vm_start);
	res_va(r, "last", "~-%s", vma->vm_end - 1);
	res_hex(r, "offset", "+%s", va - vma->vm_start, 1);
	res_i64(r, "pid", "of pid %s", task->pid);
	res_str(r, "comm", "~ (%s)", task->comm);
	flags_format(what, sizeof(what), vm_flag_names, vma->vm_flags, " ");
	res_words(r, "vm_flags", NULL, what);
	res_end(r);
	if (vma->vm_file)
		emit_file(c, vma, va);
}

/* --- areas and slots of the kernel
 * --------------------------------------------- */
/* No area holds the address now. */
static void emit_no_vmap(struct cmd_ctx *c, va_t va)
{
	if (vmap_is_lazy(c->k, va))
		res_text(c->r, COL_PLAIN,
			 "~freed: no entries, but TLBs may hold them until a "
			 "purge");
	else
		res_text(c->r, COL_PLAIN, "~no area: this part is free");
}

static void emit_vmap_page(struct result *r, const struct vmap_area *a,
			   uint64_t page)
{
	bool guard = page >= a->nr_pages;

	res_bool(r, "guard", NULL, guard);
	res_u64(r, "page", NULL, page);
	res_u64(r, "pages", NULL, a->nr_pages);
	if (guard)
		res_text(r, COL_BAD, "its guard page: never mapped");
	else
		res_text(r, COL_PLAIN, "page %llu of %u",
			 (unsigned long long)page, a->nr_pages);
}

static void emit_vmap(struct cmd_ctx *c, va_t va)
{
	const struct vmap_area *a = find_vmap_area(c->k, va);
	struct result *r = c->r;

	whatis_label(r, "vmalloc");
	if (!a) {
		emit_no_vmap(c, va);
		return;
	}
	res_object(r, "vmalloc");
	res_va(r, "start", "~area %s", a->start);
	res_va(r, "end", "~-%s", a->end);
	res_hex(r, "offset", "+%s", va - a->start, 1);
	emit_vmap_page(r, a, (va - a->start) >> PAGE_SHIFT);
	res_str(r, "kind", "%s", vmap_kind_name[a->kind]);
	if (a->kind == VMAP_IOREMAP)
		res_pa(r, "phys", "of %s", a->phys);
	res_str(r, "caller", "by %s", a->caller);
	res_end(r);
}

static void emit_pkmap(struct cmd_ctx *c, va_t va)
{
	const struct kmap_state *s = c->k->kmap;
	unsigned nr = (va - c->k->layout.pkmap_base) >> PAGE_SHIFT;
	struct result *r = c->r;

	if (!s || nr >= s->nr)
		return;
	whatis_label(r, "kmap");
	res_object(r, "pkmap");
	res_u64(r, "slot", "~pkmap slot %s", nr);
	res_i64(r, "count", "count %s", s->slot[nr].count);
	if (s->slot[nr].count > 1)
		res_u64(r, "uses", "~: %s in use", s->slot[nr].count - 1);
	else if (s->slot[nr].count)
		res_text(r, COL_DIM,
			 "~: unused, flushed when the search wraps");
	else
		res_text(r, COL_DIM, "~: free");
	res_end(r);
}

/* What the range is for; a slot of kmap_local: whose, and if it is taken. */
static void emit_fix_note(struct cmd_ctx *c, unsigned index, va_t va)
{
	const struct layout *l = &c->k->layout;
	unsigned slot = index - l->fix_kmap_begin;
	struct fix_range ranges[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(c->k, ranges);
	pfn_t pfn;

	for (unsigned i = 0; i < n; i++)
		if (index - ranges[i].first < ranges[i].count)
			res_str(c->r, "note", "%s", ranges[i].note);
	if (!l->kmap_slots || slot / l->kmap_slots >= c->m->ncpus)
		return;
	res_u64(c->r, "slot", "slot %s", slot % l->kmap_slots);
	res_u64(c->r, "cpu", "~ of cpu%s", slot / l->kmap_slots);
	res_text(c->r, COL_DIM, "~, %s",
		 kmap_lookup(c->k, va & PAGE_MASK, &pfn) ? "in use" : "free");
}

/* A page of the fixmap: its index counts down from FIXADDR_TOP. */
static void emit_fixmap(struct cmd_ctx *c, va_t va)
{
	struct result *r = c->r;
	unsigned index;
	char name[64];

	if (!virt_to_fix(c->k, va & PAGE_MASK, &index))
		return;
	whatis_label(r, "fixmap");
	res_object(r, "fixmap");
	fixmap_name(c->k, index, name, sizeof(name));
	res_str(r, "name", "~%s", *name == '-' ? "unnamed" : name);
	res_u64(r, "index", "index %s", index);
	emit_fix_note(c, index, va);
	res_end(r);
}

static void emit_vmemmap(struct cmd_ctx *c, va_t va)
{
	pfn_t pfn;
	unsigned offset;
	uint64_t size = c->k->arch->sizeof_page;

	if (mem_map_at_va(c->k, va, &pfn, &offset))
		return; /* whatis_object() tells it */
	whatis_label(c->r, "page");
	res_pfn(c->r, NULL, "~where the struct page of pfn %s would be",
		(va - c->k->layout.vmemmap) / size);
	res_text(c->r, COL_DIM, "no RAM in its section");
}

static void emit_kernel(struct cmd_ctx *c, va_t va)
{
	const struct layout *l = &c->k->layout;

	if (va >= l->vmalloc_start && va < l->vmalloc_end)
		emit_vmap(c, va);
	else if (l->vmemmap && va >= l->vmemmap && va < l->vmemmap_end)
		emit_vmemmap(c, va);
	else if (l->pkmap_base && va >= l->pkmap_base &&
		 va < l->pkmap_base + ((va_t)l->last_pkmap << PAGE_SHIFT))
		emit_pkmap(c, va);
	else if (va >= l->fixaddr_boot_start)
		emit_fixmap(c, va);
}

void whatis_va(struct cmd_ctx *c, const struct task_struct *task, va_t va)
{
	emit_region(c, va);
	if (va >= c->k->layout.task_size)
		emit_kernel(c, va);
	else if (task && task->mm)
		whatis_vma(c, task, va);
}
