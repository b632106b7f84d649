/*
 * gfp.c - allocation flags: names, zones, what an attempt may do.
 *
 * Models include/linux/gfp.h and gfp_to_alloc_flags() of mm/page_alloc.c,
 * Linux 6.1, without NUMA, cpusets and CMA. KASAN's bits are 0 there too.
 */
#include "kernel/gfp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define F(name)                   \
	{                         \
		name, #name, NULL \
	}

const struct flag_name gfp_flag_names[] = {
	F(GFP_TRANSHUGE),
	F(GFP_TRANSHUGE_LIGHT),
	F(GFP_HIGHUSER_MOVABLE),
	F(GFP_HIGHUSER),
	F(GFP_USER),
	F(GFP_KERNEL_ACCOUNT),
	F(GFP_KERNEL),
	F(GFP_NOFS),
	F(GFP_ATOMIC),
	F(GFP_NOIO),
	F(GFP_NOWAIT),
	F(GFP_DMA),
	F(__GFP_HIGHMEM),
	F(GFP_DMA32),
	F(__GFP_HIGH),
	F(__GFP_ATOMIC),
	F(__GFP_IO),
	F(__GFP_FS),
	F(__GFP_NOWARN),
	F(__GFP_RETRY_MAYFAIL),
	F(__GFP_NOFAIL),
	F(__GFP_NORETRY),
	F(__GFP_COMP),
	F(__GFP_ZERO),
	F(__GFP_NOMEMALLOC),
	F(__GFP_MEMALLOC),
	F(__GFP_HARDWALL),
	F(__GFP_THISNODE),
	F(__GFP_RECLAIMABLE),
	F(__GFP_MOVABLE),
	F(__GFP_ACCOUNT),
	F(__GFP_WRITE),
	F(__GFP_RECLAIM),
	F(__GFP_DIRECT_RECLAIM),
	F(__GFP_KSWAPD_RECLAIM),
	F(__GFP_ZEROTAGS),
	/* Names that are read only: the bits have another one above. */
	F(__GFP_DMA),
	F(__GFP_DMA32),
	{ 0, NULL, NULL },
};
#undef F

char *gfp_format(char *buf, size_t size, unsigned gfp)
{
	size_t n = 0;

	snprintf(buf, size, "none");
	for (const struct flag_name *f = gfp_flag_names; f->name; f++) {
		if ((gfp & f->mask) != f->mask)
			continue;
		gfp &= ~f->mask;
		n += snprintf(buf + n, n < size ? size - n : 0, "%s%s",
			      n ? "|" : "", f->name);
		if (n >= size)
			break;
	}
	return buf;
}

/* Does @name mean @full? Composites may go without their GFP_. */
static bool name_is(const char *full, const char *name, size_t len)
{
	if (strlen(full) == len && !strncasecmp(full, name, len))
		return true;
	return *full != '_' && strlen(full + 4) == len &&
	       !strncasecmp(full + 4, name, len);
}

bool gfp_by_name(const char *name, size_t len, unsigned *ret)
{
	for (const struct flag_name *f = gfp_flag_names; f->name; f++) {
		if (!name_is(f->name, name, len))
			continue;
		*ret = (unsigned)f->mask;
		return true;
	}
	return false;
}

/* --- zones ---------------------------------------------------------------- */

void gfp_init(struct kernel *k)
{
	enum zone_type high = k->arch->highmem ? ZONE_HIGHMEM : ZONE_NORMAL;
	enum zone_type dma32 = k->arch->highmem ? ZONE_NORMAL : ZONE_DMA32;
	uint8_t *t = k->gfp_zone_table;

	/* The bad ones read 0 in Linux' packed table, which is ZONE_DMA. */
	memset(t, ZONE_DMA, sizeof(k->gfp_zone_table));
	t[0] = t[__GFP_MOVABLE] = ZONE_NORMAL;
	t[__GFP_HIGHMEM] = high;
	t[__GFP_HIGHMEM | __GFP_MOVABLE] = ZONE_HIGHMEM;
	t[__GFP_DMA32] = t[__GFP_DMA32 | __GFP_MOVABLE] = dma32;
}

const char *gfp_zone_bad(unsigned gfp)
{
	switch (gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)) {
	case __GFP_DMA | __GFP_HIGHMEM:
		return "__GFP_DMA and __GFP_HIGHMEM: below 16M and above "
		       "lowmem";
	case __GFP_DMA | __GFP_DMA32:
		return "__GFP_DMA and __GFP_DMA32: two zones at once";
	case __GFP_DMA32 | __GFP_HIGHMEM:
		return "__GFP_DMA32 and __GFP_HIGHMEM: below 4G and above "
		       "lowmem";
	case __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM:
		return "__GFP_DMA, __GFP_DMA32 and __GFP_HIGHMEM: three zones "
		       "at once";
	default:
		return NULL;
	}
}

const char *gfp_bad(unsigned gfp)
{
	if ((gfp & GFP_MOVABLE_MASK) == GFP_MOVABLE_MASK)
		return "__GFP_MOVABLE and __GFP_RECLAIMABLE: two migrate types "
		       "at once";
	return gfp_zone_bad(gfp);
}

/* --- how hard to try ------------------------------------------------------ */

unsigned gfp_to_alloc_flags(unsigned gfp)
{
	unsigned flags = WMARK_MIN;

	flags |= gfp & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM);
	if ((gfp & __GFP_ATOMIC) && !(gfp & __GFP_NOMEMALLOC))
		flags |= ALLOC_HARDER;
	return flags;
}
