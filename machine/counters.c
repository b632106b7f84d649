/*
 * counters.c - see counters.h.
 */
#include "machine/counters.h"

const char *const flush_kind_name[FLUSH_NKINDS] = {
	[FLUSH_INVLPG] = "INVLPG",
	[FLUSH_INVPCID_ADDRESS] = "INVPCID 0, address",
	[FLUSH_INVPCID_PCID] = "INVPCID 1, PCID",
	[FLUSH_INVPCID_ALL] = "INVPCID 2, all",
	[FLUSH_INVPCID_ALL_NONGLOBAL] = "INVPCID 3, all but global",
	[FLUSH_CR3] = "MOV to CR3",
	[FLUSH_TASK_SWITCH] = "task switch",
	[FLUSH_CR0] = "MOV to CR0",
	[FLUSH_CR4] = "MOV to CR4",
	[FLUSH_MTRR] = "WRMSR to an MTRR",
};

const char *const access_kind_name[ACCESS_NKINDS] = {
	[ACCESS_READ] = "read",
	[ACCESS_WRITE] = "write",
	[ACCESS_FETCH] = "fetch",
};

static uint64_t sum(const uint64_t *v, unsigned n)
{
	uint64_t total = 0;

	while (n)
		total += v[--n];
	return total;
}

uint64_t counters_hits(const struct cpu_counters *n)
{
	return sum(&n->hits[0][0], TLB_NLEVELS * TLB_NSIZES);
}

uint64_t counters_misses(const struct cpu_counters *n)
{
	return sum(n->misses, ACCESS_NKINDS);
}

uint64_t counters_accesses(const struct cpu_counters *n)
{
	return counters_hits(n) + counters_misses(n) + n->unpaged;
}

uint64_t counters_walk_refs(const struct cpu_counters *n)
{
	uint64_t total = 0;

	for (unsigned refs = 0; refs < ARRAY_SIZE(n->walks); refs++)
		total += refs * n->walks[refs];
	return total;
}

uint64_t counters_faults(const struct cpu_counters *n)
{
	return sum(n->faults, FAULT_NREASONS);
}

uint64_t counters_flushes(const struct cpu_counters *n)
{
	return sum(n->flushes, FLUSH_NKINDS);
}
