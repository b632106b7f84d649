/*
 * mprotect.c - changing the rights of a range (linux 6.1 mm/mprotect.c).
 *
 * Left out: locks, NUMA hinting, userfaultfd, personalities.
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"

#define PROT_SEM	0x8u
#define PROT_GROWSDOWN	0x01000000u
#define PROT_GROWSUP	0x02000000u

/* Bits that mprotect leaves in an entry (linux _PAGE_CHG_MASK). */
#define PAGE_CHG_MASK	(PTE_PFN_MASK | PTE_PCD | PTE_PWT | PTE_A | PTE_D | \
			 _PAGE_SPECIAL | _PAGE_SOFT_DIRTY)

static uint64_t pte_modify(const struct kernel *k, uint64_t pte, uint64_t prot)
{
	pfn_t pfn = pte_to_pfn(k, pte);
	uint64_t keep = pte & PAGE_CHG_MASK & ~PTE_PFN_MASK;

	return pfn_pte(k, pfn, keep | (prot & ~PAGE_CHG_MASK));
}

/* May the entry become writable at once, without a write fault? */
static bool can_change_pte_writable(const struct kernel *k,
				    const struct vm_area_struct *vma,
				    uint64_t pte)
{
	const struct page *page;

	if (!(pte & PTE_P) || !(pte & PTE_D))
		return false;
	if (vma_soft_dirty_enabled(vma) && !(pte & _PAGE_SOFT_DIRTY))
		return false;
	if (vma->vm_flags & VM_SHARED)
		return true;
	page = vm_normal_page(k, pte);
	return page && (page->flags & PG_anon) &&
	       (page->flags & PG_anon_exclusive);
}

/* Will single entries be writable although vm_page_prot is not? */
static bool wants_write_upgrade(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_SHARED)
		return vma_wants_writenotify(vma);
	return vma->vm_flags & VM_WRITE;
}

static uint64_t change_pte_range(struct kernel *k, struct vm_area_struct *vma,
				 const struct pte_range *r, bool upgrade)
{
	unsigned size = k->mode->entry_size;
	uint8_t *ptep = r->ptep;
	uint64_t old, pte, nr = 0;

	for (va_t va = r->va; va < r->end; va += PAGE_SIZE, ptep += size) {
		old = ptep_get(k, ptep);
		if (!old || !pte_present(old))
			continue;
		pte = pte_modify(k, old, vma->vm_page_prot);
		if (upgrade && !(pte & PTE_RW) &&
		    can_change_pte_writable(k, vma, pte))
			pte |= PTE_RW;
		if (pte == old)
			continue;
		set_pte_at(k, vma->vm_mm, va, ptep, pte, "mprotect");
		nr++;
	}
	return nr;
}

/* A large entry that is whole; one that is not is split: then look again. */
static uint64_t change_pmd_range(struct kernel *k, struct vm_area_struct *vma,
				 struct pte_range *r)
{
	pa_t pmdp = ptep_pa(k, r->ptep);

	if (whole_pmd(k, r->va, r->end))
		return change_huge_pmd(k, vma, pmdp, r->va) ? NR_LARGE : 0;
	split_huge_pmd(k, vma, pmdp, hpage_start(k, r->va));
	r->end = r->va;
	return 0;
}

static void change_protection(struct kernel *k, struct vm_area_struct *vma,
			      va_t start, va_t end)
{
	bool upgrade = wants_write_upgrade(vma);
	struct pte_range r;
	uint64_t nr = 0;

	for (va_t va = start;
	     next_pmd_range(k, mm_root(vma->vm_mm), va, end, &r); va = r.end)
		if (r.huge)
			nr += change_pmd_range(k, vma, &r);
		else
			nr += change_pte_range(k, vma, &r, upgrade);
	flush_tlb_range(k, vma->vm_mm, start, end, nr);
}

/*
 * What becomes writable becomes data, within its limit, and private memory is
 * promised from now on. It stays promised when it is made read-only again.
 */
static int charge_data(struct kernel *k, struct mm_struct *mm,
		       unsigned long old, unsigned long *flags, uint64_t pages)
{
	if (!may_expand_vm(mm, *flags, pages) && may_expand_vm(mm, old, pages))
		return -ENOMEM;
	if (old &
	    (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE))
		return 0;
	if (vm_enough_memory(k, mm, pages))
		return -ENOMEM;
	*flags |= VM_ACCOUNT;
	return 0;
}

/* => [start, end) lies within @vma; *pprev is the area before, then after it. */
static int mprotect_fixup(struct kernel *k, struct vm_area_struct *vma,
			  struct vm_area_struct **pprev, va_t start, va_t end,
			  unsigned long flags)
{
	int64_t pages = (end - start) >> PAGE_SHIFT;
	unsigned long old = vma->vm_flags;
	struct mm_struct *mm = vma->vm_mm;
	int err;

	if (flags == old) {
		*pprev = vma;
		return 0;
	}
	if (flags & VM_WRITE) {
		err = charge_data(k, mm, old, &flags, pages);
		if (err)
			return err;
	}
	err = vma_modify_flags(k, vma, pprev, start, end, flags);
	if (err) {
		if (flags & ~old & VM_ACCOUNT)
			vm_unacct_memory(k, pages);
		return err;
	}
	vma = *pprev;
	vma->vm_flags = flags;
	vma_set_page_prot(k, vma);
	change_protection(k, vma, start, end);
	if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED &&
	    (flags & VM_WRITE))
		mm_populate(k, mm, start, end - start);
	vm_stat_account(mm, old, -pages);
	vm_stat_account(mm, flags, pages);
	return 0;
}

/* The first area; PROT_GROWSDOWN moves *start to where the area begins. */
static int first_area(struct mm_struct *mm, va_t *start, va_t *end,
		      unsigned grows, struct vm_area_struct **ret)
{
	struct vm_area_struct *vma = find_vma(mm, *start);

	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (vma->vm_start >= *end)
			return -ENOMEM;
		*start = vma->vm_start;
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
	} else if (vma->vm_start > *start) {
		return -ENOMEM;
	} else if (grows & PROT_GROWSUP) {
		return -EINVAL;		/* no area grows up on x86 */
	}
	*ret = vma;
	return 0;
}

static int change_areas(struct kernel *k, struct mm_struct *mm, va_t start,
			va_t end, unsigned prot, int pkey,
			struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = start > vma->vm_start ?
					      vma :
					      vma_tree_prev(&mm->vmas, vma);

	for (;;) {
		unsigned rier = vma->vm_flags & VM_MAYEXEC
					? read_implies_exec(mm, prot)
					: 0;
		uint64_t key = arch_override_mprotect_pkey(k, vma, prot | rier,
							   pkey);
		unsigned long flags =
			calc_vm_prot_bits(prot | rier) | key << VM_PKEY_SHIFT |
			(vma->vm_flags & ~(VM_ACCESS_FLAGS | VM_PKEY_MASK));
		va_t stop = vma->vm_end < end ? vma->vm_end : end;
		int err;

		/* VM_MAY% is VM_% shifted by 4 */
		if ((flags & ~(flags >> 4)) & VM_ACCESS_FLAGS)
			return -EACCES;
		err = mprotect_fixup(k, vma, &prev, start, stop, flags);
		if (err)
			return err;
		start = stop > prev->vm_end ? stop : prev->vm_end;
		if (start >= end)
			return 0;
		vma = find_vma(mm, prev->vm_end);
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

static int do_mprotect_pkey(struct kernel *k, struct mm_struct *mm, va_t addr,
			    uint64_t len, unsigned prot, int pkey)
{
	unsigned grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct vm_area_struct *vma;
	va_t end;
	int err;

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (addr & ~PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + PAGE_ALIGN(len);
	if (end <= addr)
		return -ENOMEM;
	if (prot & ~(calc_vm_prot_bits(~0u) | PROT_SEM))
		return -EINVAL;
	if (pkey != -1 && !mm_pkey_is_allocated(k, mm, pkey))
		return -EINVAL;
	err = first_area(mm, &addr, &end, grows, &vma);
	if (err)
		return err;
	return change_areas(k, mm, addr, end, prot, pkey, vma);
}

int do_mprotect(struct kernel *k, struct mm_struct *mm, va_t addr,
		uint64_t len, unsigned prot)
{
	return do_mprotect_pkey(k, mm, addr, len, prot, -1);
}

int do_pkey_mprotect(struct kernel *k, struct mm_struct *mm, va_t addr,
		     uint64_t len, unsigned prot, int pkey)
{
	if (k->arch->word < 8)
		return -ENOSYS;
	return do_mprotect_pkey(k, mm, addr, len, prot, pkey);
}
