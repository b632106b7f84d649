/*
 * reserved.h - which reserved bits an entry has set, and why they are.
 *
 * For people: the walk itself only masks (mmu->level[].table_rsvd,
 * leaf_rsvd). Source: SDM volume 3A, "Paging", "Reserved Bits" and the tables
 * "Format of ... Entry".
 */
#ifndef MACHINE_RESERVED_H
#define MACHINE_RESERVED_H

#include "machine/mmu.h"

#define RESERVED_MAX 8

struct reserved {
	uint64_t bits;		/* that are set in the entry */
	const char *why;	/* "above MAXPHYADDR" */
	unsigned width;		/* which is this; 0 if of no matter */
};

/*
 * The reserved bits that are set in @entry of @level, read as a leaf or as an
 * entry that points to a table. Returns how many of ret[] were filled in; all
 * their bits together are those that make the entry fault.
 */
unsigned reserved_bits(const struct mmu *mmu, unsigned level, uint64_t entry,
		       bool leaf, struct reserved ret[RESERVED_MAX]);

/*
 * The same as text: "bits 47:46 (above MAXPHYADDR 46), bit 63 (XD
 * without EFER.NXE)". Returns @buf, empty if none is set.
 */
char *reserved_format(char *buf, size_t size, const struct mmu *mmu,
		      unsigned level, uint64_t entry, bool leaf);

#endif
