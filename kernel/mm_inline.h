/*
 * mm_inline.h - pages on the LRU lists (linux include/linux/mm_inline.h). The
 * one list of a page follows from its flags.
 */
#ifndef KERNEL_MM_INLINE_H
#define KERNEL_MM_INLINE_H

#include "kernel/compound.h"
#include "kernel/mm_types.h"

static inline bool folio_is_file_lru(const struct page *page)
{
	return !(page->flags & PG_swapbacked);
}

static inline enum lru_list folio_lru_list(const struct page *page)
{
	if (page->flags & PG_unevictable)
		return LRU_UNEVICTABLE;
	return (folio_is_file_lru(page) ? LRU_INACTIVE_FILE :
					  LRU_INACTIVE_ANON) +
	       !!(page->flags & PG_active);
}

/* Puts a page at the head of its list: it is the youngest. */
static inline void lruvec_add_folio(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	enum lru_list lru = folio_lru_list(page);
	struct page_list *l = &k->lruvec.list[lru];

	page->flags |= PG_lru;
	page->prev = PFN_NONE;
	page->next = l->head;
	if (l->head != PFN_NONE)
		pfn_to_page(k, l->head)->prev = pfn;
	else
		l->tail = pfn;
	l->head = pfn;
	k->lruvec.nr[lru] += compound_nr(page);
}

/* Takes it out; its flags must be those with which it went in. */
static inline void lruvec_del_folio(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	enum lru_list lru = folio_lru_list(page);
	struct page_list *l = &k->lruvec.list[lru];

	page->flags &= ~PG_lru;
	if (page->prev != PFN_NONE)
		pfn_to_page(k, page->prev)->next = page->next;
	else
		l->head = page->next;
	if (page->next != PFN_NONE)
		pfn_to_page(k, page->next)->prev = page->prev;
	else
		l->tail = page->prev;
	k->lruvec.nr[lru] -= compound_nr(page);
}

/* A new page: on the list at once (Linux gathers 15 a CPU first). */
static inline void folio_add_lru(struct kernel *k, pfn_t pfn)
{
	lruvec_add_folio(k, pfn);
}

/* mlock and munlock: @flags of PG_mlocked and PG_unevictable, on which list. */
static inline void lru_set_unevictable(struct kernel *k, struct page *page,
				       uint64_t flags)
{
	bool lru = page->flags & PG_lru;

	if (lru)
		lruvec_del_folio(k, page_to_pfn(k, page));
	page->flags &= ~(PG_mlocked | PG_unevictable | PG_active);
	page->flags |= flags;
	if (lru)
		lruvec_add_folio(k, page_to_pfn(k, page));
}

/* --- swap.c --------------------------------------------------------------- */
void lruvec_init(struct kernel *k);
/* The frame is about to be freed. */
void page_cache_release(struct kernel *k, pfn_t pfn);
/* What waits in this CPU's batches is done. */
void lru_add_drain(struct kernel *k);
void deactivate_page(struct kernel *k, pfn_t pfn);
/* An anonymous page that may be dropped instead of swapped (MADV_FREE). */
void mark_page_lazyfree(struct kernel *k, pfn_t pfn);
void mark_page_accessed(struct kernel *k, pfn_t pfn);
/* Off its list, with a reference for the caller; false: it is on none. */
bool isolate_lru_page(struct kernel *k, pfn_t pfn);
void putback_lru_page(struct kernel *k, pfn_t pfn);
/* To the end of its list where reclaim begins. */
void folio_rotate_reclaimable(struct kernel *k, pfn_t pfn);
unsigned lru_check(struct kernel *k, check_fn fn, void *ctx);

#endif
