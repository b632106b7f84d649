/*
 * counters.h - what a CPU counts, like the performance counters of a real one.
 *
 * Every page that an access touches is counted once: as a hit at one level
 * of the TLB, as a miss, or as an access with paging off.
 */
#ifndef MACHINE_COUNTERS_H
#define MACHINE_COUNTERS_H

#include "machine/tlb.h"

enum flush_kind {
	FLUSH_INVLPG,
	FLUSH_INVPCID_ADDRESS, FLUSH_INVPCID_PCID, FLUSH_INVPCID_ALL,
	FLUSH_INVPCID_ALL_NONGLOBAL,
	FLUSH_CR3, FLUSH_TASK_SWITCH, FLUSH_CR0, FLUSH_CR4, FLUSH_MTRR,
	FLUSH_NKINDS,
};
extern const char *const flush_kind_name[FLUSH_NKINDS];	/* "INVLPG" */
extern const char *const access_kind_name[ACCESS_NKINDS]; /* "read" */

struct cpu_counters {
	uint64_t hits[TLB_NLEVELS][TLB_NSIZES];
	uint64_t misses[ACCESS_NKINDS];		/* each is a walk */
	uint64_t unpaged;
	/* Walks by the number of entries that they read from memory. */
	uint64_t walks[PAGING_MAX_LEVELS + 1];
	uint64_t psc_hits[PAGING_MAX_LEVELS];	/* by depth, see psc.h */
	uint64_t set_accessed, set_dirty;	/* entries that were written to */
	uint64_t faults[FAULT_NREASONS];
	uint64_t flushes[FLUSH_NKINDS];
	uint64_t ipis;				/* received */
};

uint64_t counters_hits(const struct cpu_counters *n);
uint64_t counters_misses(const struct cpu_counters *n);
uint64_t counters_accesses(const struct cpu_counters *n);
uint64_t counters_walk_refs(const struct cpu_counters *n);
uint64_t counters_faults(const struct cpu_counters *n);
uint64_t counters_flushes(const struct cpu_counters *n);

#endif
