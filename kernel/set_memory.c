/*
 * set_memory.c - see set_memory.h.
 *
 * Models arch/x86/mm/pat/set_memory.c of Linux 6.1: __change_page_attr,
 * __split_large_page, cpa_process_alias, static_protections, cpa_flush. Dirty
 * stays set when a page becomes read-only, as it does in 6.1. Left out: the
 * check for a large page whose rules differ from page to page, the memtype
 * tree of RAM (set_memory_uc of what ioremap has with another type), CLFLUSH,
 * the counters of DirectMap4k. set_memory_p() is what __set_pages_p() does.
 */
#include "kernel/set_memory.h"

#include <errno.h>

#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/memtype.h"
#include "kernel/pgtable.h"

#define CACHE_BITS (PTE_PWT | PTE_PCD | PTE_PAT) /* as in an entry of 4 KiB */

const char *const set_memory_name[NR_SET_MEMORY] = {
	[SET_MEMORY_RO] = "set_memory_ro",
	[SET_MEMORY_RW] = "set_memory_rw",
	[SET_MEMORY_X] = "set_memory_x",
	[SET_MEMORY_NX] = "set_memory_nx",
	[SET_MEMORY_UC] = "set_memory_uc",
	[SET_MEMORY_WC] = "set_memory_wc",
	[SET_MEMORY_WB] = "set_memory_wb",
	[SET_MEMORY_NP] = "set_memory_np",
	[SET_MEMORY_P] = "set_memory_p",
	[SET_MEMORY_NONGLOBAL] = "set_memory_nonglobal",
};

struct cpa {
	struct kernel *k;
	const char *func;
	uint64_t set, clear; /* flags, PAT where a PTE has it */
	bool no_alias;	     /* look for no other mapping */
	bool is_alias;	     /* this is the other mapping */
	struct set_memory_result *ret;
};

/* --- what must not be changed ------------------------------------------- */

static bool within(va_t at, uint64_t size, va_t start, va_t end)
{
	return at < end && at + size > start;
}

/* linux static_protections(): takes from @flags what must not be there. */
static uint64_t static_protections(struct cpa *cpa, va_t va, uint64_t size,
				   pa_t pa, uint64_t flags)
{
	const struct layout *l = &cpa->k->layout;
	va_t text = l->kernel_map + l->image.text;
	uint64_t deny = 0;

	if (within(va, size, text, l->kernel_map + l->image.etext))
		deny = cpa->set & PTE_XD;
	if (within(pa, size, l->image.rodata, PAGE_ALIGN(l->image.erodata)))
		deny |= cpa->set & PTE_RW;
	if (!deny || !(flags & PTE_P))
		return flags;
	cpa->ret->kept++;
	cpa->ret->rule = deny & PTE_RW ? "kernel rodata stays read-only"
				       : "kernel text stays executable";
	return flags & ~deny;
}

/* --- entries ------------------------------------------------------------ */

struct leaf {
	va_t va; /* where it begins */
	pa_t entry_pa, pa;
	uint64_t flags; /* as in an entry of 4 KiB */
	uint64_t size;
	unsigned level;
};

/* The address bits of an entry: inverted if not present (L1TF). */
static uint64_t address_bits(const struct kernel *k, unsigned level, pa_t pa,
			     bool present)
{
	if (k->arch->invert_none && !present)
		pa = ~pa & PTE_PFN_MASK;
	return paging_address_bits(k->mode, level, pa, true);
}

static uint64_t make_entry(const struct kernel *k, unsigned level, pa_t pa,
			   uint64_t flags)
{
	uint64_t bits;

	if (!(flags & PTE_P))
		flags &= ~PTE_G; /* it would mean PROT_NONE */
	bits = address_bits(k, level, pa, flags & PTE_P);
	if (level == k->pte_level)
		return bits | flags;
	if (flags & PTE_PAT)
		bits |= PTE_PAT_LARGE;
	return bits | flags | PTE_PS;
}

/* A large entry has PAT elsewhere, and PS in its place. */
static uint64_t small_flags(const struct kernel *k, unsigned level,
			    uint64_t entry)
{
	uint64_t flags =
		entry & ~paging_address_bits(k->mode, level, ~0ULL, true);

	if (level == k->pte_level)
		return flags;
	flags &= ~(PTE_PS | PTE_PAT_LARGE);
	return entry & PTE_PAT_LARGE ? flags | PTE_PAT : flags;
}

static bool find_leaf(const struct kernel *k, va_t va, struct leaf *ret)
{
	uint64_t entry;

	ret->entry_pa =
		pt_leaf_any(k, k->swapper_pg_dir, va, &entry, &ret->level);
	if (!ret->entry_pa)
		return false;
	ret->size = 1ULL << k->mode->level[ret->level].shift;
	ret->va = ALIGN_DOWN(va, ret->size);
	if (k->arch->invert_none && !(entry & PTE_P))
		entry ^= PTE_PFN_MASK & ~(ret->size - 1);
	ret->pa = paging_target(k->mode, ret->level, entry, true);
	ret->flags = small_flags(k, ret->level, entry);
	return true;
}

static uint64_t new_flags(struct cpa *cpa, const struct leaf *leaf, va_t va,
			  uint64_t size)
{
	uint64_t flags = (leaf->flags & ~cpa->clear) | cpa->set;

	return static_protections(cpa, va, size, leaf->pa + (va - leaf->va),
				  flags);
}

static void write_leaf(struct cpa *cpa, const struct leaf *leaf, uint64_t flags)
{
	struct kernel *k = cpa->k;

	pt_set_kernel(k, leaf->va, leaf->level, leaf->entry_pa,
		      make_entry(k, leaf->level, leaf->pa, flags), cpa->func);
	kevent(k, .kind = KEV_HANDLER, .func = cpa->func,
	       .note = cpa->is_alias ? "by its other address" : NULL,
	       .n = leaf->size >> PAGE_SHIFT, .va = leaf->va,
	       .end = leaf->va + leaf->size);
	cpa->ret->changed++;
}

static const char *split_note(uint64_t size)
{
	return size == GiB	 ? "a 1G page becomes 512 of 2M"
	       : size == 2 * MiB ? "a 2M page becomes 512 of 4K"
				 : "a 4M page becomes 1024 of 4K";
}

/*
 * linux __split_large_page(): the same page in pieces of the next smaller
 * size; then all translations are flushed, before the piece that is meant
 * changes.
 */
static int split_large_page(struct cpa *cpa, const struct leaf *leaf)
{
	struct kernel *k = cpa->k;
	unsigned level = leaf->level + 1;
	uint64_t size = 1ULL << k->mode->level[level].shift;
	pa_t table = pt_new_kernel_table(k);

	if (!table)
		return -ENOMEM;
	for (unsigned i = 0; i < 1U << k->mode->level[level].bits; i++)
		pt_set_raw(k, table + i * k->mode->entry_size,
			   make_entry(k, level, leaf->pa + i * size,
				      leaf->flags));
	pt_set_kernel(k, leaf->va, leaf->level, leaf->entry_pa,
		      paging_address_bits(k->mode, leaf->level, table, false) |
			      _KERNPG_TABLE,
		      "__split_large_page");
	kevent(k, .kind = KEV_HANDLER, .func = "__split_large_page",
	       .note = split_note(leaf->size), .n = leaf->size >> PAGE_SHIFT,
	       .va = leaf->va, .end = leaf->va + leaf->size);
	cpa->ret->split++;
	if (k->totalram_pages)
		flush_tlb_all(k);
	return 0;
}

/* --- ranges ------------------------------------------------------------- */

/* Linux goes over holes of the direct map (__cpa_process_fault). */
static bool may_be_hole(const struct kernel *k, va_t va)
{
	return va >= k->layout.page_offset && va < k->layout.high_memory;
}

/*
 * Changes what it can of @va, of at most @left bytes. Returns how many were
 * dealt with, or a negative errno. *pa is where they lead.
 */
static int64_t change_one(struct cpa *cpa, va_t va, uint64_t left, pa_t *pa)
{
	struct leaf leaf;
	uint64_t size, flags;
	int err;

	*pa = ~0ULL;
	while (find_leaf(cpa->k, va, &leaf)) {
		size = leaf.va + leaf.size - va;
		size = size < left ? size : left;
		*pa = leaf.pa + (va - leaf.va);
		flags = new_flags(cpa, &leaf, va, size);
		if (flags == leaf.flags)
			return size;
		if (size == leaf.size) {
			write_leaf(cpa, &leaf, flags);
			return size;
		}
		err = split_large_page(cpa, &leaf);
		if (err)
			return err;
	}
	return may_be_hole(cpa->k, va) ? (int64_t)PAGE_SIZE : -EFAULT;
}

static int change_range(struct cpa *cpa, va_t va, uint64_t size);

/* linux cpa_process_alias(): the other name of what was just changed. */
static int change_alias(struct cpa *cpa, va_t va, pa_t pa, uint64_t size)
{
	const struct layout *l = &cpa->k->layout;
	struct cpa other = *cpa;
	int err = 0;

	if (cpa->no_alias || pa == ~0ULL)
		return 0;
	other.no_alias = other.is_alias = true;
	if (pa < l->lowmem_end && va - l->page_offset != pa) {
		cpa->ret->aliases++;
		err = change_range(&other, l->page_offset + pa, size);
	}
	if (!err && l->kernel_map != l->page_offset &&
	    va - l->kernel_map != pa && pa >= l->image.text &&
	    pa < kernel_image_mapped_end(cpa->k)) {
		cpa->ret->aliases++;
		change_range(&other, l->kernel_map + pa, size);
	}
	return err;
}

static int change_range(struct cpa *cpa, va_t va, uint64_t size)
{
	while (size) {
		pa_t pa;
		int64_t done = change_one(cpa, va, size, &pa);
		int err;

		if (done < 0)
			return done;
		err = change_alias(cpa, va, pa, done);
		if (err)
			return err;
		va += done;
		size -= done;
	}
	return 0;
}

/* --- the calls ---------------------------------------------------------- */

static void set_masks(struct cpa *cpa, enum set_memory what)
{
	struct kernel *k = cpa->k;
	const struct masks {
		uint64_t set, clear;
	} masks[NR_SET_MEMORY] = {
		[SET_MEMORY_RO] = { 0, PTE_RW },
		[SET_MEMORY_RW] = { PTE_RW, 0 },
		[SET_MEMORY_X] = { 0, pt_nx(k) },
		[SET_MEMORY_NX] = { pt_nx(k), 0 },
		[SET_MEMORY_UC] = { cachemode2protval(k, MT_UC_MINUS),
				    CACHE_BITS },
		[SET_MEMORY_WC] = { cachemode2protval(k, MT_WC), CACHE_BITS },
		[SET_MEMORY_WB] = { 0, CACHE_BITS },
		[SET_MEMORY_NP] = { 0, PTE_P },
		[SET_MEMORY_P] = { PTE_P | PTE_RW, 0 },
		[SET_MEMORY_NONGLOBAL] = { 0, PTE_G },
	};

	cpa->set = masks[what].set;
	cpa->clear = masks[what].clear;
	cpa->func = set_memory_name[what];
}

/* linux cpa_flush(): page by page, if there are few and no alias. */
static void cpa_flush(struct cpa *cpa, va_t va, uint64_t npages)
{
	struct kernel *k = cpa->k;

	if (!cpa->ret->changed || !k->totalram_pages)
		return;
	if (cpa->ret->aliases || npages > TLB_FLUSH_CEILING) {
		cpa->ret->flush_all = true;
		flush_tlb_all(k);
		return;
	}
	for (uint64_t i = 0; i < npages; i++)
		flush_tlb_page(k, k->swapper_pg_dir, va + (i << PAGE_SHIFT));
}

static va_t last_address(const struct kernel *k)
{
	return k->arch->word == 4 ? UINT32_MAX : UINT64_MAX;
}

static int change_attr(struct kernel *k, enum set_memory what, va_t va,
		       uint64_t npages, bool no_alias,
		       struct set_memory_result *ret)
{
	struct cpa cpa = { .k = k, .ret = ret };
	int err;

	*ret = (struct set_memory_result){ 0 };
	va &= PAGE_MASK;
	if (!pt_is_kernel(k, va) || va > last_address(k) || !npages ||
	    npages - 1 > (last_address(k) - va) >> PAGE_SHIFT)
		return -EINVAL;
	set_masks(&cpa, what);
	if (!cpa.set && !cpa.clear)
		return 0;
	/* No alias checking for NX; nor is G anybody else's business. */
	cpa.no_alias = no_alias || (cpa.set | cpa.clear) == PTE_XD ||
		       what == SET_MEMORY_NONGLOBAL;
	err = change_range(&cpa, va, npages << PAGE_SHIFT);
	cpa_flush(&cpa, va, npages);
	return err;
}

int set_memory(struct kernel *k, enum set_memory what, va_t va, uint64_t npages,
	       struct set_memory_result *ret)
{
	return change_attr(k, what, va, npages, false, ret);
}

int set_memory_np_noalias(struct kernel *k, va_t va, uint64_t npages,
			  struct set_memory_result *ret)
{
	return change_attr(k, SET_MEMORY_NP, va, npages, true, ret);
}
