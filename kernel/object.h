/*
 * object.h - which struct of the simulated kernel lies at a slab address, and
 * what a page-table frame is part of. Pure; searches all tasks.
 */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include "kernel/mm_types.h"

enum object_kind {
	KOBJ_NONE, KOBJ_TASK, KOBJ_MM, KOBJ_VMA, KOBJ_ANON_VMA,
	KOBJ_AVC, KOBJ_INODE, KOBJ_VMAP, KOBJ_VM, KOBJ_VM_PAGES,
};

struct object {
	enum object_kind kind;
	const struct task_struct *task;	/* whose; NULL: nobody's now */
	const struct vm_area_struct *vma;	/* KOBJ_VMA, _ANON_VMA, _AVC */
	const struct inode *inode;	/* KOBJ_INODE */
	const struct vmap_area *vmap;	/* KOBJ_VMAP, _VM, _VM_PAGES */
};

/* "task_struct", as its cache is called; NULL for KOBJ_NONE. */
extern const char *const object_name[];

/* What the slab object at @va stands for. False: nothing known. */
bool object_at(const struct kernel *k, va_t va, struct object *ret);

struct table_place {
	int pid;		/* whose tables; 0: the kernel's own */
	bool user_root;		/* of the tree that user code runs on (pti.h) */
	unsigned level;		/* index in k->mode->level[] */
	va_t start;		/* it translates [start, last] */
	va_t last;
};

/* Where the frame stands in the trees of page tables. False: in none. */
bool table_find(const struct kernel *k, pfn_t pfn, struct table_place *ret);

#endif
