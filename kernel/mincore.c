/*
 * mincore.c - which pages are resident (linux 6.1 mm/mincore.c).
 *
 *	entry present ---------------- yes, with PROT_NONE too
 *	no entry, anonymous ---------- no
 *	no entry, file --------------- what the page cache says
 *	entry of a page in swap ------ what the swap cache says
 *	pages of the kernel's own ---- yes: it does not tell
 *
 * Left out: locks, large pages, asking whether the caller may know of a file's
 * pages (whoever maps a file owns it).
 */
#include <errno.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"
#include "kernel/swap.h"

/* No entry: what the page cache has, or of shared memory the swap cache. */
static uint8_t file_state(struct kernel *k, const struct vm_area_struct *vma,
			  va_t va)
{
	uint64_t index = linear_page_index(vma, va);
	const struct file *file = vma->vm_file;
	swp_entry_t e;
	pfn_t pfn;

	if (!file)
		return MINCORE_ABSENT;
	pfn = find_get_page(file->f_mapping, index);
	if (pfn != PFN_NONE)
		return pfn_to_page(k, pfn)->flags & PG_uptodate
			       ? MINCORE_CACHED
			       : MINCORE_ABSENT;
	e = shmem_swap_entry(file->f_inode, index);
	return e && swap_cache_lookup(k, e) != PFN_NONE ? MINCORE_SWAPCACHE :
							  MINCORE_ABSENT;
}

static uint8_t pte_state(struct kernel *k, const struct vm_area_struct *vma,
			 va_t va, uint64_t pte)
{
	if (!pte)
		return file_state(k, vma, va);
	if (pte_present(pte))
		return MINCORE_MAPPED;
	return swap_pte_cached(k, pte) ? MINCORE_SWAPCACHE : MINCORE_ABSENT;
}

/* @vec is of the area's part that begins at @start. */
static void area_states(struct kernel *k, const struct vm_area_struct *vma,
			va_t start, va_t end, uint8_t *vec)
{
	pa_t root = mm_root(vma->vm_mm);
	struct pte_range r;
	va_t va = start;

	while (next_pmd_range(k, root, va, end, &r)) {
		for (; va < r.va; va += PAGE_SIZE)
			*vec++ = file_state(k, vma, va);
		for (; r.huge && va < r.end; va += PAGE_SIZE)
			*vec++ = MINCORE_MAPPED;
		for (; va < r.end;
		     va += PAGE_SIZE, r.ptep += k->mode->entry_size)
			*vec++ = pte_state(k, vma, va, ptep_get(k, r.ptep));
	}
	for (; va < end; va += PAGE_SIZE)
		*vec++ = file_state(k, vma, va);
}

/* Pages of an argument that is a multiple of a byte. */
static uint64_t pages_of(uint64_t len)
{
	return (len >> PAGE_SHIFT) + !!(len & ~PAGE_MASK);
}

static int check_range(const struct mm_struct *mm, va_t start, uint64_t len)
{
	if (start & ~PAGE_MASK)
		return -EINVAL;
	return len > mm->task_size || start > mm->task_size - len ? -ENOMEM : 0;
}

int mincore_states(struct kernel *k, struct mm_struct *mm, va_t start,
		   uint64_t len, uint8_t *vec)
{
	va_t end = start + (pages_of(len) << PAGE_SHIFT), stop;
	int err = check_range(mm, start, len);

	for (va_t va = start; !err && va < end; va = stop) {
		const struct vm_area_struct *vma = find_vma(mm, va);
		uint8_t *at = vec + ((va - start) >> PAGE_SHIFT);

		if (!vma || vma->vm_start > va)
			return -ENOMEM;
		stop = vma->vm_end < end ? vma->vm_end : end;
		if (vma->name)
			memset(at, MINCORE_SPECIAL, (stop - va) >> PAGE_SHIFT);
		else
			area_states(k, vma, va, stop, at);
	}
	return err;
}

int do_mincore(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	       uint8_t *vec)
{
	uint64_t n = pages_of(len);
	int err;

	if (check_range(mm, start, len))
		return check_range(mm, start, len);
	memset(vec, 0, n);
	err = mincore_states(k, mm, start, len, vec);
	for (uint64_t i = 0; i < n; i++)
		vec[i] = vec[i] != MINCORE_ABSENT;
	return err;
}

int mincore_to_user(struct kernel *k, struct mm_struct *mm, va_t start,
		    uint64_t len, va_t vec)
{
	uint64_t n = pages_of(len), done, part;
	int err = check_range(mm, start, len);
	uint8_t tmp[PAGE_SIZE];

	if (!err && (n > mm->task_size || vec > mm->task_size - n))
		err = -EFAULT;
	for (done = 0; !err && done < n; done += part) {
		part = n - done < PAGE_SIZE ? n - done : PAGE_SIZE;
		err = do_mincore(k, mm, start + (done << PAGE_SHIFT),
				 part << PAGE_SHIFT, tmp);
		if (!err &&
		    access_remote_vm(k, mm, vec + done, tmp, part, true))
			err = -EFAULT;
	}
	return err;
}
