/*
 * reserved.c - see reserved.h.
 *
 * Each rule names some bits; what an entry has set of them, and of those
 * that the walk takes for reserved, is its. The last rule takes what is left:
 * bits that the format of the entry reserves on every CPU.
 */
#include "machine/reserved.h"

#include <stdio.h>
#include <string.h>

#include "machine/internal.h"

#define BITS(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

static bool is_last(const struct mmu *mmu, unsigned level)
{
	return level + 1U == mmu->mode->nlevels;
}

/* Bits 20:13 of a 4-MByte page are address bits 39:32, given PSE-36. */
static uint64_t folded(const struct mmu *mmu, unsigned level, bool leaf)
{
	return mmu->mode->pse36 && leaf && !is_last(mmu, level) ? BITS(20, 13)
								: 0;
}

static uint64_t no_pse36(const struct mmu *mmu, unsigned level, bool leaf)
{
	return mmu->features->pse36 ? 0 : folded(mmu, level, leaf);
}

static uint64_t lacking(const struct mmu *mmu, unsigned level, bool leaf)
{
	unsigned width = mmu->features->maxphyaddr;

	return (mmu->mode->addr_mask & ~(BIT(width) - 1)) |
	       folded(mmu, level, leaf);
}

static uint64_t execute_disable(const struct mmu *mmu, unsigned level,
				bool leaf)
{
	return mmu->mode->has_xd && !mmu->mode->level[level].implied ? PTE_XD
								     : 0;
}

static uint64_t no_page_here(const struct mmu *mmu, unsigned level, bool leaf)
{
	return leaf || mmu->mode->level[level].may_map ||
			       mmu->mode->level[level].implied
		       ? 0
		       : PTE_PS;
}

static uint64_t no_gigabytes(const struct mmu *mmu, unsigned level, bool leaf)
{
	return !leaf && mmu->mode->level[level].needs_gbpages ? PTE_PS : 0;
}

static uint64_t no_pat(const struct mmu *mmu, unsigned level, bool leaf)
{
	if (!leaf || mmu->features->pat)
		return 0;
	return is_last(mmu, level) ? PTE_PAT : PTE_PAT_LARGE;
}

static uint64_t below_page(const struct mmu *mmu, unsigned level, bool leaf)
{
	unsigned shift = mmu->mode->level[level].shift;

	return leaf && shift > PAGE_SHIFT ? BITS(shift - 1, 13) : 0;
}

static uint64_t by_format(const struct mmu *mmu, unsigned level, bool leaf)
{
	return ~0ULL;
}

static const struct rule {
	uint64_t (*bits)(const struct mmu *mmu, unsigned level, bool leaf);
	const char *why;
	bool by_width;		/* the number of address bits decides */
} rules[] = {
	{ no_pse36, "PSE-36, which the CPU lacks" },
	{ lacking, "above MAXPHYADDR", true },
	{ execute_disable, "XD without EFER.NXE" },
	{ no_page_here, "PS where no page can be mapped" },
	{ no_gigabytes, "PS, and the CPU has no 1-GByte pages" },
	{ no_pat, "PAT, which the CPU lacks" },
	{ below_page, "an address within the page" },
	{ by_format, "reserved in this kind of entry" },
};

_Static_assert(ARRAY_SIZE(rules) <= RESERVED_MAX, "a slot for each rule");

unsigned reserved_bits(const struct mmu *mmu, unsigned level, uint64_t entry,
		       bool leaf, struct reserved ret[RESERVED_MAX])
{
	const struct mmu_level *l = &mmu->level[level];
	uint64_t left = entry & (leaf ? l->leaf_rsvd : l->table_rsvd);
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rules) && left; i++) {
		uint64_t bits = left & rules[i].bits(mmu, level, leaf);

		if (!bits)
			continue;
		ret[n++] = (struct reserved){
			.bits = bits,
			.why = rules[i].why,
			.width = rules[i].by_width ? mmu->features->maxphyaddr
						   : 0,
		};
		left &= ~bits;
	}
	return n;
}

char *reserved_format(char *buf, size_t size, const struct mmu *mmu,
		      unsigned level, uint64_t entry, bool leaf)
{
	struct reserved r[RESERVED_MAX];
	unsigned n = reserved_bits(mmu, level, entry, leaf, r);
	char bits[96], width[16];
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < n && len < size; i++) {
		flags_numbers(bits, sizeof(bits), r[i].bits);
		width[0] = '\0';
		if (r[i].width)
			snprintf(width, sizeof(width), " %u", r[i].width);
		len += snprintf(buf + len, size - len, "%sbit%s %s (%s%s)",
				i ? ", " : "",
				r[i].bits & (r[i].bits - 1) ? "s" : "", bits,
				r[i].why, width);
	}
	return buf;
}
