/*
 * tlb.h - the translation look-aside buffers of one CPU.
 *
 * Two levels, like a real core: small buffers for data and for instructions
 * apart, and a larger one that both share. Each is one or more
 * set-associative arrays, an array for one page size or for several; which
 * there are is configuration. An entry carries the accumulated rights, the
 * dirty state, the global bit and a PCID. It is used until something
 * flushes it or it is replaced, whatever memory says by then.
 *
 * A miss fills the second level and the first one of its kind; a hit in the
 * second level fills the first. Within a set the oldest entry is replaced
 * (round robin): deterministic, where real cores approximate LRU.
 *
 * In front stands a direct-mapped look-up table over first-level entries.
 * It holds nothing that they do not, and is there for speed only.
 *
 * Source: SDM volume 3A, "Caching Translation Information". Sizes: Intel
 * Optimization Reference Manual, "Skylake Client Microarchitecture".
 */
#ifndef MACHINE_TLB_H
#define MACHINE_TLB_H

#include "machine/mmu.h"

enum tlb_size { TLB_4K, TLB_2M, TLB_4M, TLB_1G, TLB_NSIZES };
extern const uint8_t tlb_shift[TLB_NSIZES];	/* log2 of the page size */

enum tlb_level { TLB_L1D, TLB_L1I, TLB_L2, TLB_NLEVELS };
extern const char *const tlb_level_name[TLB_NLEVELS];	/* "L1D" */

struct tlb_geometry {
	uint8_t level;		/* enum tlb_level */
	uint8_t sizes;		/* bit per page size that it holds */
	uint8_t ways;
	uint16_t sets;		/* a power of two */
};

#define TLB_MAX_ARRAYS 8
#define TLB_MAX_ENTRIES (1U << 16)

struct tlb_config {		/* all zero stands for tlb_configs[0] */
	const char *name;
	unsigned narrays;
	struct tlb_geometry array[TLB_MAX_ARRAYS];
	/* Entries of the paging-structure caches by depth: see psc.h. */
	uint8_t psc[PAGING_MAX_LEVELS];
};
/* "skylake" first, "tiny" (to see replacement), "none"; ends with no name. */
extern const struct tlb_config tlb_configs[];

struct tlb_entry {
	uint64_t tag;		/* first va of the page | page shift; 0: empty */
	pa_t pa;		/* of the page */
	uint8_t *host;		/* host address of the page, NULL if not backed */
	uint64_t cr3;		/* CR3 when it was cached; for inspection only */
	uint16_t pcid;
	bool global, dirty;	/* dirty: D was set when it was cached */
	struct rights rights;
};

struct tlb_array {
	struct tlb_geometry g;
	uint8_t used;		/* bit per page size that entries may have */
	uint32_t empty;		/* entries that hold nothing, once there are any */
	struct tlb_entry *entry; /* sets * ways, owned; NULL until first used */
	uint64_t *key;		/* of each entry, to search by; 0: empty */
	uint8_t *victim;	/* next way to replace, per set */
};

#define TLB_FAST 128
struct tlb_fast {
	uint64_t key;		/* va of the 4 KiB | generation | who; see tlb.c */
	pa_t pa;		/* of the 4 KiB */
	uint8_t *host;		/* never NULL: what is not RAM is not in front */
	uint64_t *hits;		/* the counter to increment */
};

struct tlb {
	unsigned narrays;
	struct tlb_array array[TLB_MAX_ARRAYS];
	uint8_t of_level[TLB_NLEVELS];	/* bit per array */
	/* A page that no entry translates: it has just been flushed. See tlb.c. */
	uint64_t absent;
	uint64_t fills[TLB_NLEVELS], evictions[TLB_NLEVELS];
	uint16_t fast_key[4];	/* by user | implicit << 1 */
	struct tlb_fast fast[ACCESS_NKINDS][TLB_FAST];
};

void tlb_init(struct tlb *tlb, const struct tlb_config *config);
void tlb_deinit(struct tlb *tlb);
/* Makes @dst, not initialized before, hold what @src holds. */
void tlb_copy(struct tlb *dst, const struct tlb *src);

/* NULL, or what is wrong with @config: a static string. */
const char *tlb_config_check(const struct tlb_config *config);

static inline unsigned tlb_entry_shift(const struct tlb_entry *e)
{
	return e->tag & (PAGE_SIZE - 1);
}

static inline va_t tlb_entry_va(const struct tlb_entry *e)
{
	return e->tag & PAGE_MASK;
}

/* Number of the page size 1 << @shift. */
enum tlb_size tlb_size_of(unsigned shift);

/*
 * The entry that serves an access of @kind to @va with @pcid in force, or
 * NULL; *level is where it is. Changes nothing.
 */
const struct tlb_entry *tlb_lookup(const struct tlb *tlb, enum access_kind kind,
				   va_t va, uint16_t pcid,
				   enum tlb_level *level);

/*
 * Caches @e, which must not point into @tlb, at @level. False if no array of
 * that level holds pages of its size.
 */
bool tlb_fill(struct tlb *tlb, enum tlb_level level, const struct tlb_entry *e);

/*
 * Drops what @va has for @pcid after a page fault: its global entries too, at
 * all levels. A look-up for @kind has just found @found, or nothing.
 */
void tlb_page_fault(struct tlb *tlb, enum access_kind kind, va_t va,
		    uint16_t pcid, const struct tlb_entry *found);
/* Drops what @va has for @pcid, and if @globals its global entries too. */
void tlb_flush_page(struct tlb *tlb, va_t va, uint16_t pcid, bool globals);
/* Drops the entries of @pcid; those that are global only if @globals. */
void tlb_flush_pcid(struct tlb *tlb, uint16_t pcid, bool globals);
/* Drops all entries; global ones too if @globals. */
void tlb_flush_all(struct tlb *tlb, bool globals);

/* Empties the table in front: what first-level entries permit has changed. */
void tlb_forget_fast(struct tlb *tlb);

#endif
