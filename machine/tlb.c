/*
 * tlb.c - see tlb.h.
 *
 * The array of a page size is allocated when the first page of that size is
 * cached: most machines never see a 1-GByte page, and a CPU costs nothing
 * before it pages. sizes_used is a superset of the sizes that have entries.
 */
#include "machine/tlb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

const struct tlb_geometry tlb_geometry[TLB_NSIZES] = {
	[TLB_4K] = { .shift = 12, .sets = TLB_4K_SETS },
	[TLB_2M] = { .shift = 21, .sets = 16 },
	[TLB_4M] = { .shift = 22, .sets = 16 },
	[TLB_1G] = { .shift = 30, .sets = 2 },
};

static unsigned entries(unsigned size)
{
	return tlb_geometry[size].sets * TLB_WAYS;
}

void tlb_init(struct tlb *tlb)
{
	memset(tlb, 0, sizeof(*tlb));
}

void tlb_deinit(struct tlb *tlb)
{
	for (unsigned s = 0; s < TLB_NSIZES; s++) {
		free(tlb->entry[s]);
		free(tlb->victim[s]);
	}
	memset(tlb, 0, sizeof(*tlb));
}

/* victim and hint share one allocation, owned by victim. */
static void allocate(struct tlb *tlb, unsigned size)
{
	unsigned sets = tlb_geometry[size].sets;

	tlb->entry[size] = calloc(entries(size), sizeof(struct tlb_entry));
	tlb->victim[size] = calloc(sets + entries(size), 1);
	assert(tlb->entry[size] && tlb->victim[size]);
	tlb->hint[size] = tlb->victim[size] + sets;
}

struct tlb_entry *tlb_find(const struct tlb *tlb, va_t va, uint16_t pcid,
			   unsigned *size)
{
	for (unsigned left = tlb->sizes_used; left; left &= left - 1) {
		unsigned s = __builtin_ctz(left);
		uint64_t tag = (va >> tlb_geometry[s].shift) + 1;
		unsigned set = tlb_set(s, tag);
		struct tlb_entry *e = &tlb->entry[s][set * TLB_WAYS];

		*size = s;
		for (unsigned way = 0; way < TLB_WAYS; way++)
			if (tlb_matches(&e[way], tag, pcid)) {
				*tlb_hint(tlb, s, tag) = way;
				return &e[way];
			}
	}
	return NULL;
}

const struct tlb_entry *tlb_lookup(const struct tlb *tlb, va_t va,
				   uint16_t pcid, unsigned *size)
{
	return tlb_find(tlb, va, pcid, size);
}

static unsigned size_of_shift(unsigned shift)
{
	unsigned s = 0;

	while (tlb_geometry[s].shift != shift) {
		s++;
		assert(s < TLB_NSIZES);
	}
	return s;
}

/* Host address of the page at @pa if all of it is backed, else NULL. */
static uint8_t *host_page(const struct ram *ram, pa_t pa, uint64_t len)
{
	for (unsigned i = 0; i < ram->nextents; i++) {
		uint64_t offset = pa - ram->extent[i].start;

		if (offset < ram->extent[i].len)
			return ram->extent[i].len - offset >= len
				       ? ram->host + pa
				       : NULL;
	}
	return NULL;
}

/* Where to put a new entry: over the same page, else free, else in turn. */
static unsigned choose_way(struct tlb *tlb, unsigned size, unsigned set,
			   uint64_t tag, uint16_t pcid)
{
	const struct tlb_entry *e = &tlb->entry[size][set * TLB_WAYS];
	uint8_t *victim = &tlb->victim[size][set];
	unsigned way;

	for (way = 0; way < TLB_WAYS; way++)
		if (tlb_matches(&e[way], tag, pcid))
			return way;
	for (way = 0; way < TLB_WAYS; way++)
		if (!e[way].tag)
			return way;
	way = *victim;
	*victim = (way + 1) % TLB_WAYS;
	return way;
}

void tlb_fill(struct tlb *tlb, const struct walk *walk, uint16_t pcid,
	      const struct ram *ram)
{
	const struct walk_step *leaf = &walk->step[walk->nsteps - 1];
	unsigned size = size_of_shift(walk->page_shift);
	uint64_t bytes = BIT(walk->page_shift);
	uint64_t tag = (walk->access.va >> walk->page_shift) + 1;
	pa_t pa = ALIGN_DOWN(walk->pa, bytes);
	unsigned set = tlb_set(size, tag), way;

	if (!tlb->entry[size])
		allocate(tlb, size);
	way = choose_way(tlb, size, set, tag, pcid);
	tlb->entry[size][set * TLB_WAYS + way] = (struct tlb_entry){
		.tag = tag,
		.pa = pa,
		.host = host_page(ram, pa, bytes),
		.pcid = pcid,
		.global = walk->global,
		.dirty = (leaf->entry | leaf->set) & PTE_D,
		.rights = walk->rights,
	};
	*tlb_hint(tlb, size, tag) = way;
	tlb->sizes_used |= 1U << size;
	tlb->fills++;
}

void tlb_flush_page(struct tlb *tlb, va_t va, uint16_t pcid)
{
	for (unsigned left = tlb->sizes_used; left; left &= left - 1) {
		unsigned s = __builtin_ctz(left);
		uint64_t tag = (va >> tlb_geometry[s].shift) + 1;
		struct tlb_entry *e = tlb->entry[s];

		e += tlb_set(s, tag) * TLB_WAYS;
		for (unsigned way = 0; way < TLB_WAYS; way++)
			if (tlb_matches(&e[way], tag, pcid))
				e[way].tag = 0;
	}
	tlb->flushes++;
}

/* Drops the entries that are not global: of @pcid, or of all PCIDs if < 0. */
static void flush_nonglobal(struct tlb *tlb, int pcid)
{
	for (unsigned left = tlb->sizes_used; left; left &= left - 1) {
		unsigned s = __builtin_ctz(left);
		struct tlb_entry *e = tlb->entry[s];
		bool any = false;

		for (unsigned i = 0; i < entries(s); i++) {
			if (!e[i].global && (pcid < 0 || e[i].pcid == pcid))
				e[i].tag = 0;
			any |= e[i].tag != 0;
		}
		if (!any)
			tlb->sizes_used &= ~(1U << s);
	}
	tlb->flushes++;
}

void tlb_flush_pcid(struct tlb *tlb, uint16_t pcid)
{
	flush_nonglobal(tlb, pcid);
}

void tlb_flush_all(struct tlb *tlb, bool globals)
{
	if (!globals) {
		flush_nonglobal(tlb, -1);
		return;
	}
	for (unsigned left = tlb->sizes_used; left; left &= left - 1) {
		unsigned s = __builtin_ctz(left);

		memset(tlb->entry[s], 0, entries(s) * sizeof(*tlb->entry[s]));
	}
	tlb->sizes_used = 0;
	tlb->flushes++;
}

static uint64_t hash_entry(const struct tlb_entry *e, uint64_t hash)
{
	uint64_t rights = rights_index(e->rights) | e->rights.pk << 8 |
			  e->global << 16 | e->dirty << 17;

	hash = hash_word(hash, e->tag);
	hash = hash_word(hash, e->pa);
	return hash_word(hash, rights << 16 | e->pcid);
}

uint64_t tlb_hash(const struct tlb *tlb, uint64_t hash)
{
	for (unsigned s = 0; s < TLB_NSIZES; s++) {
		for (unsigned i = 0; tlb->entry[s] && i < entries(s); i++)
			if (tlb->entry[s][i].tag)
				hash = hash_entry(&tlb->entry[s][i],
						  hash_word(hash, i));
		for (unsigned i = 0; tlb->entry[s] && i < tlb_geometry[s].sets;
		     i++)
			hash = hash_word(hash, tlb->victim[s][i]);
	}
	return hash;
}
