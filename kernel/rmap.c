/*
 * rmap.c - reverse mapping: from a frame to the areas that map it (linux 6.1
 * mm/rmap.c).
 *
 *	page --anon_vma--> anon_vma <--chain-- avc --vma--> area (process 1)
 *	                      ^  chain
 *	                      +------------ avc --vma--> area (its child)
 *	page --mapping---> address_space --i_mmap--> areas of the file
 *
 * An area is linked to its own anon_vma and to those of all ancestors whose
 * pages it may have inherited; the newest stands first in its chain. A page
 * belongs to the anon_vma of the area that first touched it.
 *
 * Left out: locks, interval trees of anonymous areas (lists instead), KSM,
 * migration.
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"

static struct anon_vma *anon_vma_alloc(struct kernel *k)
{
	va_t va = mm_charge(k, CACHE_ANON_VMA);
	struct anon_vma *av;

	if (!va)
		return NULL;
	av = xcalloc(1, sizeof(*av));
	av->addr.va = va;
	av->refcount = 1;
	av->root = av->parent = av;
	return av;
}

static void put_anon_vma(struct kernel *k, struct anon_vma *av)
{
	struct anon_vma *root = av->root;

	if (--av->refcount)
		return;
	mm_uncharge(k, CACHE_ANON_VMA, av->addr.va);
	free(av);
	if (root != av)
		put_anon_vma(k, root);
}

static struct anon_vma_chain *avc_alloc(struct kernel *k)
{
	va_t va = mm_charge(k, CACHE_AVC);
	struct anon_vma_chain *avc;

	if (!va)
		return NULL;
	avc = xcalloc(1, sizeof(*avc));
	avc->addr.va = va;
	return avc;
}

static void avc_free(struct kernel *k, struct anon_vma_chain *avc)
{
	mm_uncharge(k, CACHE_AVC, avc->addr.va);
	free(avc);
}

/* Links area and anon_vma; after @where in the area's chain, or first. */
static void avc_link(struct anon_vma_chain *avc, struct vm_area_struct *vma,
		     struct anon_vma *av, struct anon_vma_chain *where)
{
	avc->vma = vma;
	avc->anon_vma = av;
	if (where)
		LIST_INSERT_AFTER(where, avc, same_vma);
	else
		LIST_INSERT_HEAD(&vma->anon_vma_chain, avc, same_vma);
	LIST_INSERT_HEAD(&av->chain, avc, same_anon);
}

int anon_vma_prepare(struct kernel *k, struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc;
	struct anon_vma *av;

	if (vma->anon_vma)
		return 0;
	avc = avc_alloc(k);
	if (!avc)
		return -ENOMEM;
	av = find_mergeable_anon_vma(vma);
	if (!av) {
		av = anon_vma_alloc(k);
		if (!av) {
			avc_free(k, avc);
			return -ENOMEM;
		}
		av->num_children++;	/* a root is its own child */
	}
	vma->anon_vma = av;
	avc_link(avc, vma, av, NULL);
	av->num_active_vmas++;
	return 0;
}

/*
 * Gives @dst all the anon_vmas of @src. If @dst has none of its own yet
 * (fork), one that no area uses any more is reused.
 */
int anon_vma_clone(struct kernel *k, struct vm_area_struct *dst,
		   struct vm_area_struct *src)
{
	struct anon_vma_chain *pavc, *avc, *last = NULL;

	LIST_FOREACH(pavc, &src->anon_vma_chain, same_vma) {
		struct anon_vma *av = pavc->anon_vma;

		avc = avc_alloc(k);
		if (!avc) {
			dst->anon_vma = NULL;
			unlink_anon_vmas(k, dst);
			return -ENOMEM;
		}
		avc_link(avc, dst, av, last);
		last = avc;
		if (!dst->anon_vma && src->anon_vma && av->num_children < 2 &&
		    av->num_active_vmas == 0)
			dst->anon_vma = av;
	}
	if (dst->anon_vma)
		dst->anon_vma->num_active_vmas++;
	return 0;
}

int anon_vma_fork(struct kernel *k, struct vm_area_struct *vma,
		  struct vm_area_struct *pvma)
{
	struct anon_vma_chain *avc;
	struct anon_vma *av;

	if (!pvma->anon_vma)
		return 0;
	vma->anon_vma = NULL;
	if (anon_vma_clone(k, vma, pvma))
		return -ENOMEM;
	if (vma->anon_vma)	/* reused */
		return 0;
	avc = avc_alloc(k);
	av = avc ? anon_vma_alloc(k) : NULL;
	if (!av) {
		if (avc)
			avc_free(k, avc);
		unlink_anon_vmas(k, vma);
		return -ENOMEM;
	}
	av->num_active_vmas++;
	av->root = pvma->anon_vma->root;
	av->parent = pvma->anon_vma;
	av->root->refcount++;
	av->parent->num_children++;
	vma->anon_vma = av;
	avc_link(avc, vma, av, NULL);
	return 0;
}

/* Two passes, newest first: an anon_vma is freed after its children. */
void unlink_anon_vmas(struct kernel *k, struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc, *next;

	for (avc = LIST_FIRST(&vma->anon_vma_chain); avc; avc = next) {
		next = LIST_NEXT(avc, same_vma);
		LIST_REMOVE(avc, same_anon);
		if (LIST_EMPTY(&avc->anon_vma->chain)) {
			avc->anon_vma->parent->num_children--;
			continue;
		}
		LIST_REMOVE(avc, same_vma);
		avc_free(k, avc);
	}
	if (vma->anon_vma) {
		vma->anon_vma->num_active_vmas--;
		vma->anon_vma = NULL;
	}
	while ((avc = LIST_FIRST(&vma->anon_vma_chain))) {
		put_anon_vma(k, avc->anon_vma);
		LIST_REMOVE(avc, same_vma);
		avc_free(k, avc);
	}
}

/* --- map counts ----------------------------------------------------------- */

/* A new page: nobody else has it. */
void page_add_anon_rmap(struct kernel *k, pfn_t pfn, struct vm_area_struct *vma,
			va_t va)
{
	struct page *page = pfn_to_page(k, pfn);

	page->flags |= PG_anon | PG_swapbacked | PG_uptodate |
		       PG_anon_exclusive;
	page->anon_vma = vma->anon_vma;
	page->index = linear_page_index(vma, va);
	page->_mapcount++;
	page_changed(k, page);
	mlock_vma_page(k, page, vma);
}

/*
 * A page not known to be exclusive belongs to the oldest anon_vma, where all
 * that may have its entry are found.
 */
void page_add_swapin_rmap(struct kernel *k, pfn_t pfn,
			  struct vm_area_struct *vma, va_t va, bool exclusive)
{
	struct page *page = pfn_to_page(k, pfn);

	if (!(page->flags & PG_anon)) {
		page->anon_vma = exclusive ? vma->anon_vma :
					     vma->anon_vma->root;
		page->index = linear_page_index(vma, va);
		page->flags |= PG_anon;
	}
	if (exclusive)
		page->flags |= PG_anon_exclusive;
	page->_mapcount++;
	page_changed(k, page);
	mlock_vma_page(k, page, vma);
}

void page_move_anon_rmap(struct kernel *k, pfn_t pfn,
			 struct vm_area_struct *vma)
{
	struct page *page = pfn_to_page(k, pfn);

	page->anon_vma = vma->anon_vma;
	page->flags |= PG_anon_exclusive;
	if (__builtin_expect(page_compound(page), 0))
		compound_move_anon_rmap(k, page, vma->anon_vma);
}

void page_add_file_rmap(struct kernel *k, pfn_t pfn, struct vm_area_struct *vma)
{
	struct page *page = pfn_to_page(k, pfn);

	page->_mapcount++;
	page_changed(k, page);
	mlock_vma_page(k, page, vma);
}

void page_remove_rmap(struct kernel *k, pfn_t pfn, struct vm_area_struct *vma)
{
	struct page *page = pfn_to_page(k, pfn);

	page->_mapcount--;
	page_changed(k, page);
	munlock_vma_page(k, page, vma);
	if (__builtin_expect(page_compound(page), 0))
		compound_page_unmapped(k, page);
}

/* --- the walk ------------------------------------------------------------- */

bool vma_maps_pfn(struct kernel *k, const struct vm_area_struct *vma, va_t va,
		  pfn_t pfn)
{
	struct pte_range r;
	uint64_t pte;

	if (!next_pmd_range(k, mm_root(vma->vm_mm), va, va + PAGE_SIZE, &r))
		return false;
	pte = ptep_get(k, r.ptep);
	if (r.huge)
		return pmd_to_pfn(k, pte) + ((va >> PAGE_SHIFT) &
					     (hpage_nr(k) - 1)) == pfn;
	return pte_present(pte) && pte_to_pfn(k, pte) == pfn;
}

/* Where @vma would map page @index of its object; false: not within it. */
static bool vma_address(const struct vm_area_struct *vma, uint64_t index,
			va_t *ret)
{
	if (index < vma->vm_pgoff || index - vma->vm_pgoff >= vma_pages(vma))
		return false;
	*ret = vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT);
	return true;
}

/* What the head of a page of hugetlb knows, all others know themselves. */
static const struct page *rmap_page(const struct kernel *k, pfn_t pfn,
				    uint64_t *index)
{
	const struct page *page = pfn_to_page(k, pfn);

	if (__builtin_expect(page_compound(page), 0) && page_huge(k, page))
		page = compound_head_slow(k, page);
	*index = page->index + (pfn - page_to_pfn(k, page));
	return page;
}

void rmap_walk(struct kernel *k, pfn_t pfn,
	       bool (*fn)(void *ctx, struct vm_area_struct *vma, va_t va),
	       void *ctx)
{
	uint64_t index;
	const struct page *page = rmap_page(k, pfn, &index);
	struct vm_area_struct *vma;
	struct anon_vma_chain *avc;
	va_t va;

	if (!page->mapping || (page->flags & (PG_slab | PG_buddy)))
		return;
	if (!(page->flags & PG_anon)) {
		i_mmap_foreach (vma, &page->mapping->i_mmap, index, index)
			if (vma_address(vma, index, &va) &&
			    vma_maps_pfn(k, vma, va, pfn) && !fn(ctx, vma, va))
				return;
		return;
	}
	LIST_FOREACH(avc, &page->anon_vma->chain, same_anon)
		if (vma_address(avc->vma, index, &va) &&
		    vma_maps_pfn(k, avc->vma, va, pfn) &&
		    !fn(ctx, avc->vma, va))
			return;
}
