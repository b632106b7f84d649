/*
 * page_io.c - pages to and from a swap area (linux 6.1 mm/page_io.c).
 *
 * The device is asked a page at a time, and has answered when the caller goes
 * on. Left out: bios, plugs, polling, errors, frontswap, areas in files.
 */
#include <string.h>

#include "kernel/mm_internal.h"
#include "kernel/swap.h"

static uint8_t *slot_bytes(struct kernel *k, pfn_t pfn,
			   struct swap_info_struct **si)
{
	swp_entry_t e = pfn_to_page(k, pfn)->private;

	*si = swap_info_get(k, e);
	return (*si)->bytes + (swp_offset(k, e) << PAGE_SHIFT);
}

void swap_readpage(struct kernel *k, pfn_t pfn)
{
	struct swap_info_struct *si;
	const uint8_t *from = slot_bytes(k, pfn, &si);

	memcpy(page_bytes(k, pfn), from, PAGE_SIZE);
	pfn_to_page(k, pfn)->flags |= PG_uptodate;
	si->reads++;
	k->vmstat.pswpin++;
}

/* A page whose slot nobody needs any more is not written. */
void swap_writepage(struct kernel *k, pfn_t pfn)
{
	struct swap_info_struct *si;
	uint8_t *to;

	if (try_to_free_swap(k, pfn))
		return;
	to = slot_bytes(k, pfn, &si);
	memcpy(to, page_bytes(k, pfn), PAGE_SIZE);
	si->writes++;
	k->vmstat.pswpout++;
}
