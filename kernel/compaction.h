/*
 * compaction.h - whole blocks by moving pages (linux
 * include/linux/compaction.h, mm/compaction.c).
 */
#ifndef KERNEL_COMPACTION_H
#define KERNEL_COMPACTION_H

#include "kernel/gfp.h"

enum migrate_mode {
	MIGRATE_ASYNC,		/* only blocks of the request's own type */
	MIGRATE_SYNC_LIGHT,	/* all blocks */
	MIGRATE_SYNC,
};

/* All of each zone, as writing to /proc/sys/vm/compact_memory does. */
void compact_memory(struct kernel *k);

/*
 * Tries to make a free block of @order in the zones that @gfp allows. False:
 * there was nothing that compaction could do for the request.
 */
bool try_to_compact_pages(struct kernel *k, unsigned gfp, unsigned order,
			  unsigned alloc_flags, enum migrate_mode mode);

/*
 * Is a missing block of @order due to fragmentation (towards 1000) or to too
 * little memory (towards 0)? -1000: there is one (linux fragmentation_index).
 */
int fragmentation_index(const struct zone *zone, unsigned order);

#endif
