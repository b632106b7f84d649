/*
 * unmapped_area.c - where a mapping goes (linux 6.1 mm/mmap.c:
 * get_unmapped_area, generic_get_unmapped_area; on x86-64
 * arch/x86/kernel/sys_x86_64.c has its own, and they differ).
 *
 *	top-down	the highest gap below mmap_base; if there is none, the
 *			lowest above the legacy base, a third of the way up
 *	legacy		the lowest gap above it; also for MAP_32BIT, which has
 *			1 to 2 GiB for itself
 *
 * Left out: the alignment of files on AMD family 15h, hugetlb's own search.
 */
#include <errno.h>

#include "kernel/mm_internal.h"

#define MAP_32BIT_BEGIN 0x40000000ULL
#define MAP_32BIT_END	0x80000000ULL

struct unmapped_area { /* a search: its rules and its bounds */
	const struct kernel *k;
	const struct mm_struct *mm;
	va_t addr; /* the hint */
	uint64_t len;
	bool low_32bit; /* MAP_32BIT of a 64-bit call */
	va_t end;	/* of what a hint may use */
};

static bool is_64bit(const struct unmapped_area *u)
{
	return u->k->arch->word == 8;
}

/* linux get_mmap_base(1), or the window of MAP_32BIT */
static va_t bottomup_base(const struct unmapped_area *u)
{
	return u->low_32bit ? MAP_32BIT_BEGIN : u->mm->mmap_legacy_base;
}

/* linux TASK_UNMAPPED_BASE: where i386 looks once all below is full */
static va_t fallback_base(const struct unmapped_area *u)
{
	return is_64bit(u) ? bottomup_base(u)
			   : PAGE_ALIGN(u->mm->task_size / 3);
}

/*
 * With 5 levels searches end at 47 bits, unless the hint is above: then they
 * have all 56.
 */
static uint64_t above_window(const struct unmapped_area *u)
{
	return u->addr > u->mm->map_window
		       ? u->mm->task_size - u->mm->map_window
		       : 0;
}

/* Is there room at the hint? It may not lie across the window's end. */
static bool hint_fits(const struct unmapped_area *u, bool topdown)
{
	const struct mm_struct *mm = u->mm;
	const struct vm_area_struct *vma;

	if (!u->addr || u->len > u->end || u->end - u->len < u->addr)
		return false;
	if (!is_64bit(u) && u->addr < u->k->mmap_min_addr)
		return false;
	if (topdown &&
	    (u->addr > mm->map_window) != (u->addr + u->len > mm->map_window))
		return false;
	vma = find_vma(mm, u->addr);
	return !vma || u->addr + u->len <= vm_start_gap(vma);
}

static bool bottomup(const struct unmapped_area *u, va_t *ret)
{
	const struct mm_struct *mm = u->mm;
	struct unmapped_area hint = *u;

	hint.end =
		u->low_32bit ? MAP_32BIT_END : mm->map_window + above_window(u);
	if (hint_fits(&hint, false)) {
		*ret = u->addr;
		return true;
	}
	return vma_tree_gap_up(&mm->vmas, u->len, bottomup_base(u), hint.end,
			       ret);
}

static bool topdown(const struct unmapped_area *u, va_t *ret)
{
	const struct mm_struct *mm = u->mm;
	va_t low = is_64bit(u) ? PAGE_SIZE : u->k->mmap_min_addr;
	uint64_t more = above_window(u);

	if (hint_fits(u, true)) {
		*ret = u->addr;
		return true;
	}
	return vma_tree_gap_down(&mm->vmas, u->len, low, mm->mmap_base + more,
				 ret) ||
	       vma_tree_gap_up(&mm->vmas, u->len, fallback_base(u),
			       mm->map_window + more, ret);
}

/* linux cap_mmap_addr() */
static int mmap_addr(const struct kernel *k, const struct mm_struct *mm,
		     va_t va)
{
	if (va >= k->dac_mmap_min_addr || mm_capable(mm, CAP_SYS_RAWIO))
		return 0;
	return -EPERM;
}

int get_unmapped_area(struct kernel *k, struct mm_struct *mm, va_t addr,
		      uint64_t len, unsigned flags, va_t *ret)
{
	struct unmapped_area u = { k, mm, addr, len, .end = mm->task_size };
	va_t va = addr;
	bool found;

	if (len > mm->task_size ||
	    (!is_64bit(&u) && len > mm->task_size - k->mmap_min_addr))
		return -ENOMEM;
	if (!(flags & LX_MAP_FIXED)) {
		u.low_32bit = (flags & LX_MAP_32BIT) && k->arch->word == 8;
		found = mm->bottom_up || u.low_32bit ? bottomup(&u, &va)
						     : topdown(&u, &va);
		if (!found)
			return -ENOMEM;
	}
	if (va > mm->task_size - len)
		return -ENOMEM;
	if (va & ~PAGE_MASK)
		return -EINVAL;
	if (mmap_addr(k, mm, va))
		return -EPERM;
	*ret = va;
	return 0;
}
