/*
 * hugetlb_vm.c - areas of hugetlb pages and their entries (linux 6.1
 * mm/hugetlb.c: hugetlb_fault, hugetlb_wp, copy_hugetlb_page_range,
 * __unmap_hugepage_range; fs/hugetlbfs/inode.c).
 *
 *	no entry ------- the file's page, if it is shared and has one
 *	   |      +----- a page of the pool, zeroed; none left: SIGBUS
 *	   +- private, to be written: then at once as below
 *	write, read-only shared ----- writable
 *	      |  private, sole owner  writable
 *	      +- private, others ---- copied; none left: the owner takes it away
 *				      from its children, a child gets SIGBUS
 *
 * Entries are those of huge_mm.h, without a deposited table; the pages count
 * in no RSS. Left out: tables shared between processes, userfaultfd.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"

#define MAP_HUGE_SHIFT 26
#define MAP_HUGE_MASK  0x3fu

/* --- files ---------------------------------------------------------------- */

static const struct vm_operations_struct hugetlb_vm_ops = { .name = "hugetlb" };

bool is_file_hugepages(const struct file *file)
{
	return file && file->f_inode->ops == &hugetlb_vm_ops;
}

int hugetlb_file_setup(struct kernel *k, unsigned flags, uint64_t *len,
		       struct file **ret)
{
	unsigned log = (flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
	uint64_t size = huge_page_size(k);
	struct inode *inode;

	if (!has_transparent_hugepage(k) || (log && 1ULL << log != size))
		return -EINVAL;
	*len = ALIGN_UP(*len, size);
	inode = inode_alloc(k, "/anon_hugepage (deleted)");
	if (!inode)
		return -ENOMEM;
	inode->dev = 0xf; /* the kernel's own mount of hugetlbfs */
	inode->ino = ++k->next_ino;
	inode->size = *len;
	inode->ops = &hugetlb_vm_ops;
	*ret = alloc_file(k, inode, FMODE_READ | FMODE_WRITE);
	return *ret ? 0 : -ENOMEM;
}

/* --- areas ---------------------------------------------------------------- */

/* A gap that has room for an aligned part of @len bytes. */
static bool aligned_gap(const struct kernel *k, const struct mm_struct *mm,
			uint64_t len, va_t *ret)
{
	uint64_t mask = (huge_page_size(k) - 1) & PAGE_MASK;

	if (!mm->bottom_up &&
	    vma_tree_gap_down(&mm->vmas, len + mask, PAGE_SIZE, mm->mmap_base,
			      ret)) {
		*ret = (*ret + mask) & ~mask;
		return true;
	}
	if (!vma_tree_gap_up(&mm->vmas, len + mask, mm->mmap_legacy_base,
			     mm->map_window, ret))
		return false;
	*ret = (*ret + mask) & ~mask;
	return true;
}

int hugetlb_get_unmapped_area(struct kernel *k, struct mm_struct *mm, va_t addr,
			      uint64_t len, unsigned flags, va_t *ret)
{
	uint64_t size = huge_page_size(k);
	const struct vm_area_struct *vma;

	if (len & (size - 1))
		return -EINVAL;
	if (len > mm->task_size)
		return -ENOMEM;
	if (flags & LX_MAP_FIXED)
		return addr & (size - 1) ? -EINVAL
					 : get_unmapped_area(k, mm, addr, len,
							     flags, ret);
	if (addr) {
		addr = ALIGN_UP(addr, size);
		vma = find_vma(mm, addr);
		*ret = addr;
		if (mm->task_size - len >= addr &&
		    (!vma || addr + len <= vm_start_gap(vma)))
			return 0;
	}
	return aligned_gap(k, mm, len, ret) ? 0 : -ENOMEM;
}

bool hugetlb_may_split(const struct kernel *k, const struct vm_area_struct *vma,
		       va_t va)
{
	return !is_vm_hugetlb_page(vma) || !(va & (huge_page_size(k) - 1));
}

/* --- one fault ------------------------------------------------------------ */

struct huge_fault {
	struct vm_fault *vmf;
	struct kernel *k;
	struct vm_area_struct *vma;
	va_t haddr;
	uint64_t index; /* of its first small page in the file */
	pa_t pmdp;
	bool write, shared;
};

static void report(const struct huge_fault *f, const char *func,
		   const char *note, pfn_t pfn)
{
	kevent(f->k, .kind = KEV_HANDLER, .func = func, .note = note,
	       .pid = f->vma->vm_mm->owner_pid, .va = f->haddr,
	       .end = f->haddr + huge_page_size(f->k), .pfn = pfn, .n = 1);
}

static void set_huge_pte(const struct huge_fault *f, uint64_t entry,
			 const char *why)
{
	pt_set(f->k, f->vma->vm_mm->owner_pid, f->haddr, pmd_level(f->k),
	       f->pmdp, entry, why);
}

/* linux make_huge_pte() */
static uint64_t make_huge_pte(const struct huge_fault *f, pfn_t pfn,
			      bool writable)
{
	uint64_t entry = pfn_pmd(f->k, pfn, f->vma->vm_page_prot);

	if (writable)
		return pte_mkdirty(f->k, entry) | PTE_RW;
	return entry & ~PTE_RW;
}

static void add_anon_rmap(const struct huge_fault *f, pfn_t pfn)
{
	struct page *head = pfn_to_page(f->k, pfn);

	head->flags |= PG_anon | PG_uptodate | PG_anon_exclusive;
	head->anon_vma = f->vma->anon_vma;
	head->index = linear_page_index(f->vma, f->haddr);
	*compound_mapcount(head) = 1;
}

static void clear_huge_page(struct kernel *k, pfn_t pfn)
{
	memset(page_bytes(k, pfn), 0, huge_page_size(k));
}

/* --- copy-on-write -------------------------------------------------------- */

static bool take_from_child(void *ctx, struct vm_area_struct *vma, va_t va)
{
	const struct huge_fault *f = ctx;
	pa_t pmdp;

	if (vma == f->vma || vma->resv || (vma->vm_flags & VM_MAYSHARE) ||
	    !huge_pmd_at(f->k, vma->vm_mm, va, &pmdp))
		return true;
	zap_huge_pte(f->k, vma, pmdp, va);
	vma->resv_unmapped = true;
	flush_tlb_page(f->k, mm_root(vma->vm_mm), va);
	return true;
}

static void make_writable(const struct huge_fault *f, uint64_t old,
			  const char *note)
{
	set_huge_pte(f, pte_mkdirty(f->k, old) | PTE_RW | PTE_A, "hugetlb_wp");
	report(f, "hugetlb_wp", note, pmd_to_pfn(f->k, old));
}

static void copy_huge_page(const struct huge_fault *f, struct page *old,
			   pfn_t new)
{
	struct kernel *k = f->k;
	pfn_t pfn = page_to_pfn(k, old);

	memcpy(page_bytes(k, new), page_bytes(k, pfn), huge_page_size(k));
	add_anon_rmap(f, new);
	--*compound_mapcount(old);
	set_huge_pte(f, make_huge_pte(f, new, true), "hugetlb_wp");
	report(f, "hugetlb_wp", "copied", new);
	flush_tlb_page(k, mm_root(f->vma->vm_mm), f->haddr);
	put_page(k, pfn);
}

static bool sole_owner(const struct huge_fault *f, struct page *head)
{
	if (*compound_mapcount(head) != 1 || !(head->flags & PG_anon))
		return false;
	if (!(head->flags & PG_anon_exclusive)) {
		head->anon_vma = f->vma->anon_vma;
		head->flags |= PG_anon_exclusive;
	}
	return true;
}

static unsigned hugetlb_wp(const struct huge_fault *f, uint64_t old)
{
	struct page *head = pfn_to_page(f->k, pmd_to_pfn(f->k, old));
	struct vm_area_struct *vma = f->vma;
	pfn_t new;

	if (f->shared || sole_owner(f, head)) {
		make_writable(f, old,
			      f->shared ? "shared, made writable"
					: "reused, sole owner");
		return 0;
	}
	if (anon_vma_prepare(f->k, vma))
		return VM_FAULT_OOM;
	new = alloc_huge_page(f->k, vma, f->haddr, vma->resv);
	if (new == PFN_NONE && !vma->resv)
		return VM_FAULT_SIGBUS;
	if (new == PFN_NONE) {
		rmap_walk(f->k, page_to_pfn(f->k, head), take_from_child,
			  (void *)f);
		return hugetlb_wp(f, old);
	}
	copy_huge_page(f, head, new);
	return 0;
}

/* --- no entry ------------------------------------------------------------- */

/* The file's page, made if there is none. */
static unsigned shared_page(const struct huge_fault *f, pfn_t *ret)
{
	struct inode *inode = f->vma->vm_file->f_inode;
	pfn_t pfn = find_get_page(&inode->mapping, f->index);
	struct kernel *k = f->k;

	if (pfn == PFN_NONE) {
		pfn = alloc_huge_page(k, f->vma, f->haddr, false);
		if (pfn == PFN_NONE)
			return VM_FAULT_SIGBUS;
		clear_huge_page(k, pfn);
		page_cache_add(k, inode, f->index, pfn);
	}
	get_page(k, pfn);
	++*compound_mapcount(pfn_to_page(k, pfn));
	*ret = pfn;
	return 0;
}

static unsigned private_page(const struct huge_fault *f, pfn_t *ret)
{
	struct kernel *k = f->k;

	if (anon_vma_prepare(k, f->vma))
		return VM_FAULT_OOM;
	*ret = alloc_huge_page(k, f->vma, f->haddr, false);
	if (*ret == PFN_NONE)
		return VM_FAULT_SIGBUS;
	clear_huge_page(k, *ret);
	add_anon_rmap(f, *ret);
	return 0;
}

static unsigned hugetlb_no_page(const struct huge_fault *f)
{
	struct vm_area_struct *vma = f->vma;
	uint64_t end = vma->vm_file->f_inode->size >> PAGE_SHIFT;
	pfn_t pfn = PFN_NONE;
	unsigned ret;

	if (vma->resv_unmapped || f->index >= end)
		return VM_FAULT_SIGBUS;
	ret = f->shared ? shared_page(f, &pfn) : private_page(f, &pfn);
	if (ret)
		return ret;
	vma->vm_mm->hugetlb_usage += hpage_nr(f->k);
	set_huge_pte(f,
		     make_huge_pte(f, pfn,
				   (vma->vm_flags & VM_WRITE) &&
					   (f->shared || f->write)),
		     "hugetlb");
	report(f, "hugetlb_no_page",
	       f->shared ? "page of the file" : "page of the pool", pfn);
	return 0;
}

unsigned hugetlb_fault(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	struct vm_area_struct *vma = vmf->vma;
	uint64_t before = k->vmstat.pgalloc, entry;
	struct huge_fault f = {
		.vmf = vmf,
		.k = k,
		.vma = vma,
		.haddr = hpage_start(k, vmf->address),
		.write = vmf->flags & FAULT_FLAG_WRITE,
		.shared = vma->vm_flags & VM_MAYSHARE,
	};

	f.index = linear_page_index(vma, f.haddr);
	f.pmdp = pt_lookup(k, mm_root(vma->vm_mm), f.haddr, pmd_level(k), true);
	vma->vm_mm->pgtables += k->vmstat.pgalloc - before;
	if (!f.pmdp)
		return VM_FAULT_OOM;
	entry = pt_get(k, f.pmdp);
	if (!entry)
		return hugetlb_no_page(&f);
	if (f.write && !(entry & PTE_RW))
		return hugetlb_wp(&f, entry);
	set_huge_pte(&f, (f.write ? pte_mkdirty(k, entry) : entry) | PTE_A,
		     "young");
	report(&f, "hugetlb_fault", "spurious", pmd_to_pfn(k, entry));
	flush_tlb_page(k, mm_root(vma->vm_mm), f.haddr);
	return 0;
}

/* --- ranges --------------------------------------------------------------- */

void zap_huge_pte(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		  va_t haddr)
{
	uint64_t entry = pt_get(k, pmdp);
	struct page *head = vm_normal_pmd_page(k, entry);

	pt_set(k, vma->vm_mm->owner_pid, haddr, pmd_level(k), pmdp, 0,
	       "zap hugetlb");
	if (!head)
		return;
	if (entry & PTE_D)
		head->flags |= PG_dirty;
	vma->vm_mm->hugetlb_usage -= hpage_nr(k);
	--*compound_mapcount(head);
	put_page(k, page_to_pfn(k, head));
}

int copy_huge_pte(struct kernel *k, struct mm_struct *dst,
		  struct vm_area_struct *src, pa_t pmdp, va_t haddr)
{
	uint64_t before = k->vmstat.pgalloc, entry = pt_get(k, pmdp);
	pa_t to = pt_lookup(k, mm_root(dst), haddr, pmd_level(k), true);
	struct page *head = vm_normal_pmd_page(k, entry);

	dst->pgtables += k->vmstat.pgalloc - before;
	if (!to)
		return -ENOMEM;
	if (!head)
		return 0;
	head->_refcount++;
	++*compound_mapcount(head);
	head->flags &= ~PG_anon_exclusive;
	if (!(src->vm_flags & VM_SHARED) && (entry & PTE_RW)) {
		entry &= ~PTE_RW;
		pt_set(k, src->vm_mm->owner_pid, haddr, pmd_level(k), pmdp,
		       entry, "fork");
	}
	pt_set_raw(k, to, entry);
	dst->hugetlb_usage += hpage_nr(k);
	return 0;
}

/* --- check ---------------------------------------------------------------- */

uint64_t hugetlb_check_mm(struct checker *c, const struct kernel *k,
			  const struct mm_struct *mm)
{
	const struct vm_area_struct *vma;
	uint64_t pages = 0;
	pa_t pmdp;

	for_each_vma (&mm->vmas, vma) {
		if (!is_vm_hugetlb_page(vma))
			continue;
		for (va_t va = vma->vm_start; va < vma->vm_end;
		     va += huge_page_size(k)) {
			uint64_t entry = huge_pmd_at(k, mm, va, &pmdp);
			const struct page *head =
				entry ? vm_normal_pmd_page(k, entry) : NULL;

			if (entry && (!head || !page_huge(k, head)))
				check_finding(c,
					      "pid %d: 0x%" PRIx64 " maps no"
					      " page of hugetlb",
					      mm->owner_pid, va);
			pages += head ? hpage_nr(k) : 0;
		}
	}
	if (pages != mm->hugetlb_usage)
		check_finding(c,
			      "pid %d: hugetlb_usage is %" PRIu64
			      ", page tables have %" PRIu64,
			      mm->owner_pid, mm->hugetlb_usage, pages);
	return pages;
}
