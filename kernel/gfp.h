/*
 * gfp.h - what a caller wants of an allocation (linux include/linux/gfp.h,
 * gfp_types.h), names and values as in 6.1.
 *
 * The low four bits choose zones, two of them also how movable the block
 * will be; the others say how hard to try. Some are known by name only:
 * where nothing sleeps, writes back or is accounted, they change nothing
 * (IO, FS, WRITE, HARDWALL, ACCOUNT, COMP, THISNODE, ZEROTAGS, NOWARN).
 */
#ifndef KERNEL_GFP_H
#define KERNEL_GFP_H

#include "kernel/kernel.h"

#define __GFP_DMA		0x01u
#define __GFP_HIGHMEM		0x02u
#define __GFP_DMA32		0x04u
#define __GFP_MOVABLE		0x08u
#define __GFP_RECLAIMABLE	0x10u
#define __GFP_HIGH		0x20u	/* may use half of the minimum */
#define __GFP_IO		0x40u
#define __GFP_FS		0x80u
#define __GFP_ZERO		0x100u
#define __GFP_ATOMIC		0x200u	/* cannot wait: a quarter more */
#define __GFP_DIRECT_RECLAIM	0x400u	/* the caller may reclaim, compact */
#define __GFP_KSWAPD_RECLAIM	0x800u	/* wake kswapd */
#define __GFP_WRITE		0x1000u
#define __GFP_NOWARN		0x2000u
#define __GFP_RETRY_MAYFAIL	0x4000u
#define __GFP_NOFAIL		0x8000u
#define __GFP_NORETRY		0x10000u
#define __GFP_MEMALLOC		0x20000u /* no watermark holds it back */
#define __GFP_COMP		0x40000u
#define __GFP_NOMEMALLOC	0x80000u
#define __GFP_HARDWALL		0x100000u
#define __GFP_THISNODE		0x200000u
#define __GFP_ACCOUNT		0x400000u
#define __GFP_ZEROTAGS		0x800000u

#define __GFP_RECLAIM	(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_ATOMIC	(__GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL	(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT	__GFP_KSWAPD_RECLAIM
#define GFP_NOIO	__GFP_RECLAIM
#define GFP_NOFS	(__GFP_RECLAIM | __GFP_IO)
#define GFP_USER	(GFP_KERNEL | __GFP_HARDWALL)
#define GFP_ZERO	__GFP_ZERO	/* short for the above */
#define GFP_DMA		__GFP_DMA
#define GFP_DMA32	__GFP_DMA32
#define GFP_HIGHUSER	(GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT ((GFP_HIGHUSER_MOVABLE | __GFP_COMP | \
			      __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE	(GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)

#define GFP_ZONEMASK	(__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | \
			 __GFP_MOVABLE)
#define GFP_MOVABLE_MASK (__GFP_RECLAIMABLE | __GFP_MOVABLE)
#define GFP_MOVABLE_SHIFT 3

/* Composites first, as they are shown: the first one that fits stands for its
 * bits (linux include/trace/events/mmflags.h). */
extern const struct flag_name gfp_flag_names[];

/*
 * The row of @gfp in GFP_ZONE_TABLE: the highest zone that it allows; where
 * Linux says ZONE_MOVABLE, which is empty, the highest that there can be. A
 * combination that the table has not is a bug: see gfp_zone_bad().
 */
void gfp_init(struct kernel *k);
static inline enum zone_type gfp_zone(const struct kernel *k, unsigned gfp)
{
	return (enum zone_type)k->gfp_zone_table[gfp & GFP_ZONEMASK];
}

/* Why Linux calls this combination of zone bits a bug, or NULL. */
const char *gfp_zone_bad(unsigned gfp);
/* Why the combination makes no sense to the allocator, or NULL. */
const char *gfp_bad(unsigned gfp);

/* "GFP_KERNEL|__GFP_ZERO" of bits; "none" for 0. Returns @buf. */
char *gfp_format(char *buf, size_t size, unsigned gfp);
/* The bits of one name, with or without GFP_; false: there is no such. */
bool gfp_by_name(const char *name, size_t len, unsigned *ret);

/* How movable the block will be. */
static inline enum migratetype gfp_migratetype(const struct kernel *k,
					       unsigned gfp)
{
	if (k->page_group_by_mobility_disabled)
		return MIGRATE_UNMOVABLE;
	return (enum migratetype)((gfp & GFP_MOVABLE_MASK) >>
				  GFP_MOVABLE_SHIFT);
}

/* --- flags of an attempt (linux mm/internal.h) ---------------------------- */
#define ALLOC_WMARK_MASK	0x03u	/* index of zone->watermark */
#define ALLOC_NO_WATERMARKS	0x04u
#define ALLOC_OOM		0x08u
#define ALLOC_HARDER		0x10u
#define ALLOC_HIGH		__GFP_HIGH
#define ALLOC_NOFRAGMENT	0x100u	/* take no part of another type's block */
#define ALLOC_KSWAPD		__GFP_KSWAPD_RECLAIM

/* What a slow attempt may do: linux gfp_to_alloc_flags(). */
unsigned gfp_to_alloc_flags(unsigned gfp);

#endif
