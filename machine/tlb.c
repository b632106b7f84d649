/*
 * tlb.c - see tlb.h.
 *
 * An array is allocated when the first translation is put into it: most
 * machines never see a 1-GByte page, and a CPU costs nothing before it
 * pages. An array's `used` is a superset of the page sizes that it holds.
 *
 * The key of a slot in front is the address of a 4-KByte page, and in the
 * twelve bits below it a generation and who asks (user, implicit). A flush
 * that is not for one page just starts a new generation; when the numbers
 * run out the table is cleared. Generation 0 is never used, so that an empty
 * slot matches nothing.
 *
 * A page fault flushes its address, and the retry looks for it and fills it in:
 * `absent` is its key meanwhile, so that these need not search in vain.
 */
#include "machine/tlb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

#define HAS(size) (1U << (size))
#define SMALL	  HAS(TLB_4K)
#define LARGE	  (HAS(TLB_2M) | HAS(TLB_4M))
#define HUGE	  HAS(TLB_1G)

const uint8_t tlb_shift[TLB_NSIZES] = {
	[TLB_4K] = 12, [TLB_2M] = 21, [TLB_4M] = 22, [TLB_1G] = 30,
};

const char *const tlb_level_name[TLB_NLEVELS] = {
	[TLB_L1D] = "L1D", [TLB_L1I] = "L1I", [TLB_L2] = "L2",
};

const struct tlb_config tlb_configs[] = {
	{ .name = "skylake", .narrays = 7, .psc = { 0, 32, 4, 4, 2 },
	  .array = {
		{ TLB_L1D, SMALL, .ways = 4, .sets = 16 },
		{ TLB_L1D, LARGE, .ways = 4, .sets = 8 },
		{ TLB_L1D, HUGE, .ways = 4, .sets = 1 },
		{ TLB_L1I, SMALL, .ways = 8, .sets = 16 },
		{ TLB_L1I, LARGE, .ways = 8, .sets = 1 },
		{ TLB_L2, SMALL | LARGE, .ways = 12, .sets = 128 },
		{ TLB_L2, HUGE, .ways = 4, .sets = 4 },
	  } },
	{ .name = "tiny", .narrays = 3, .psc = { 0, 2, 1, 1, 1 },
	  .array = {
		{ TLB_L1D, SMALL | LARGE | HUGE, .ways = 2, .sets = 1 },
		{ TLB_L1I, SMALL | LARGE | HUGE, .ways = 2, .sets = 1 },
		{ TLB_L2, SMALL | LARGE | HUGE, .ways = 2, .sets = 4 },
	  } },
	{ .name = "none" },
	{ .name = NULL },
};

/* --- configuration ---------------------------------------------------------- */

static const char *check_array(const struct tlb_geometry *g)
{
	if (g->level >= TLB_NLEVELS)
		return "no such level";
	if (!g->sizes || g->sizes >= HAS(TLB_NSIZES))
		return "no such page size";
	if (!g->sets || (g->sets & (g->sets - 1)))
		return "the number of sets must be a power of two";
	if (!g->ways || g->ways * g->sets > TLB_MAX_ENTRIES)
		return "there must be 1 to 65536 entries";
	return NULL;
}

const char *tlb_config_check(const struct tlb_config *config)
{
	uint8_t seen[TLB_NLEVELS] = { 0 };
	const char *why = NULL;

	for (unsigned i = 0; i < config->narrays && !why; i++) {
		const struct tlb_geometry *g = &config->array[i];

		why = check_array(g);
		if (!why && (seen[g->level] & g->sizes))
			why = "two arrays of a level hold the same page size";
		if (!why)
			seen[g->level] |= g->sizes;
	}
	for (unsigned i = 0; i < PAGING_MAX_LEVELS && !why; i++)
		if (config->psc[i] > PSC_MAX_ENTRIES)
			why = "a paging-structure cache has at most 32 entries";
	return why;
}

void tlb_init(struct tlb *tlb, const struct tlb_config *config)
{
	assert(!tlb_config_check(config));
	memset(tlb, 0, sizeof(*tlb));
	tlb->narrays = config->narrays;
	for (unsigned i = 0; i < tlb->narrays; i++) {
		tlb->array[i].g = config->array[i];
		tlb->of_level[config->array[i].level] |= 1U << i;
	}
	tlb_forget_fast(tlb);
}

void tlb_deinit(struct tlb *tlb)
{
	for (unsigned i = 0; i < tlb->narrays; i++)
		free(tlb->array[i].entry);
	memset(tlb, 0, sizeof(*tlb));
}

static unsigned slots(const struct tlb_array *a)
{
	return a->g.sets * a->g.ways;
}

/* Bytes of the entries, their keys, and a byte a set: which way goes next. */
static size_t array_bytes(const struct tlb_array *a)
{
	return slots(a) * (sizeof(*a->entry) + sizeof(*a->key)) + a->g.sets;
}

static void allocate(struct tlb_array *a)
{
	a->entry = calloc(1, array_bytes(a));
	assert(a->entry);
	a->key = (uint64_t *)(a->entry + slots(a));
	a->victim = (uint8_t *)(a->key + slots(a));
	a->empty = slots(a);
}

void tlb_copy(struct tlb *dst, const struct tlb *src)
{
	*dst = *src;
	for (unsigned i = 0; i < dst->narrays; i++) {
		struct tlb_array *a = &dst->array[i];
		const struct tlb_entry *from = a->entry;

		if (!from)
			continue;
		allocate(a);
		a->empty = src->array[i].empty;
		memcpy(a->entry, from, array_bytes(a));
	}
	memset(dst->fast, 0, sizeof(dst->fast));
}

/* --- the table in front ------------------------------------------------------- */

#define FAST_WHO	2	/* bits */
#define FAST_LAST	(PAGE_SIZE - (1U << FAST_WHO))

void tlb_forget_fast(struct tlb *tlb)
{
	uint16_t generation = tlb->fast_key[0];

	if (generation == FAST_LAST) {
		memset(tlb->fast, 0, sizeof(tlb->fast));
		generation = 0;
	}
	generation += 1U << FAST_WHO;
	for (unsigned who = 0; who < ARRAY_SIZE(tlb->fast_key); who++)
		tlb->fast_key[who] = generation | who;
}

void tlb_fill_fast(struct tlb *tlb, const struct access *access, va_t va,
		   const struct tlb_entry *e, uint64_t *hits)
{
	uint64_t offset = (va - tlb_entry_va(e)) & PAGE_MASK;

	if (!e->host)
		return;
	*tlb_fast_slot(tlb, access->kind, va) = (struct tlb_fast){
		.key = (va & PAGE_MASK) | tlb->fast_key[fast_who(access)],
		.pa = e->pa + offset,
		.host = e->host + offset,
		.hits = hits,
	};
}

/* First-level entry @e goes: nothing in front may come from it. */
static void drop_fast(struct tlb *tlb, const struct tlb_entry *e)
{
	if (tlb_entry_shift(e) != PAGE_SHIFT) {
		tlb_forget_fast(tlb);
		return;
	}
	for (unsigned kind = 0; kind < ACCESS_NKINDS; kind++)
		tlb_fast_slot(tlb, kind, tlb_entry_va(e))->key = 0;
}

/* --- look-up ---------------------------------------------------------------- */

enum tlb_size tlb_size_of(unsigned shift)
{
	unsigned size = TLB_4K;

	while (tlb_shift[size] != shift) {
		size++;
		assert(size < TLB_NSIZES);
	}
	return size;
}

/*
 * All that identifies a translation, in one word: its page, the page's size,
 * and its PCID, or that it is global. Bits of the address above 56 add
 * nothing to a canonical one.
 */
#define KEY_VALID	BIT(63)
#define KEY_GLOBAL	BIT(62)
#define KEY_PCID(pcid)	((uint64_t)(pcid) << 47)
#define KEY_PAGE	(BIT(45) - 1)
#define KEY_SAME_SHIFT	(64 - 47)	/* leaves the page and its size */

struct wanted {
	uint64_t own, global;
};

static inline struct wanted make_keys(va_t va, unsigned size, uint16_t pcid)
{
	uint64_t page = va >> tlb_shift[size] << tlb_shift[size] >> PAGE_SHIFT;
	uint64_t key = KEY_VALID | (page & KEY_PAGE) | (uint64_t)size << 45;

	return (struct wanted){ key | KEY_PCID(pcid), key | KEY_GLOBAL };
}

/* Index of the first way of the set where a page at @va may be. */
static inline unsigned set_of(const struct tlb_array *a, va_t va, unsigned size)
{
	return (va >> tlb_shift[size] & (a->g.sets - 1U)) * a->g.ways;
}

/*
 * The way of the set at @first that holds what is wanted, or a->g.ways. Keys
 * differ in their pages nearly always: one comparison a way.
 */
static inline unsigned find_way(const struct tlb_array *a, unsigned first,
				struct wanted want)
{
	const uint64_t *key = a->key + first;
	unsigned ways = a->g.ways;

	for (unsigned way = 0; way < ways; way++)
		if (!((key[way] ^ want.own) << KEY_SAME_SHIFT) &&
		    (key[way] == want.own || key[way] == want.global))
			return way;
	return ways;
}

static inline enum tlb_level first_level(enum access_kind kind)
{
	return kind == ACCESS_FETCH ? TLB_L1I : TLB_L1D;
}

static struct tlb_entry *find_in(const struct tlb_array *a, va_t va,
				 uint16_t pcid)
{
	for (unsigned left = a->used; left; left &= left - 1) {
		unsigned size = __builtin_ctz(left);
		unsigned first = set_of(a, va, size);
		unsigned way = find_way(a, first, make_keys(va, size, pcid));

		if (way < a->g.ways)
			return &a->entry[first + way];
	}
	return NULL;
}

static const struct tlb_entry *find_at(const struct tlb *tlb,
				       enum tlb_level level, va_t va,
				       uint16_t pcid)
{
	const struct tlb_entry *e = NULL;

	for (unsigned left = tlb->of_level[level]; left && !e; left &= left - 1)
		e = find_in(&tlb->array[__builtin_ctz(left)], va, pcid);
	return e;
}

const struct tlb_entry *tlb_lookup(const struct tlb *tlb, enum access_kind kind,
				   va_t va, uint16_t pcid,
				   enum tlb_level *level)
{
	const struct tlb_entry *e;

	*level = first_level(kind);
	if (make_keys(va, TLB_4K, pcid).own == tlb->absent)
		return NULL;
	e = find_at(tlb, *level, va, pcid);
	if (e)
		return e;
	*level = TLB_L2;
	return find_at(tlb, TLB_L2, va, pcid);
}

/* --- fill --------------------------------------------------------------------- */

/*
 * Where to put a page in its set: over the same page, unless that is @absent,
 * else where nothing is, else in turn.
 */
static unsigned choose_way(struct tlb_array *a, unsigned first,
			   struct wanted want, bool absent)
{
	uint8_t *victim = &a->victim[first / a->g.ways];
	unsigned way = absent ? a->g.ways : find_way(a, first, want);

	if (way == a->g.ways && a->empty)
		way = find_way(a, first, (struct wanted){ 0, 0 });
	if (way < a->g.ways)
		return way;
	way = *victim;
	*victim = (way + 1) % a->g.ways;
	return way;
}

static void fill_array(struct tlb *tlb, struct tlb_array *a, unsigned size,
		       const struct tlb_entry *e)
{
	va_t va = tlb_entry_va(e);
	struct wanted want = make_keys(va, size, e->pcid);
	struct tlb_entry *slot;
	unsigned i;

	if (!a->entry)
		allocate(a);
	i = set_of(a, va, size);
	i += choose_way(a, i, want, want.own == tlb->absent);
	slot = &a->entry[i];
	a->empty -= !slot->tag;
	if (slot->tag && a->g.level != TLB_L2)
		drop_fast(tlb, slot);
	if (slot->tag && slot->tag != e->tag)
		tlb->evictions[a->g.level]++;
	*slot = *e;
	a->key[i] = e->global ? want.global : want.own;
	a->used |= HAS(size);
	tlb->fills[a->g.level]++;
}

bool tlb_fill(struct tlb *tlb, enum tlb_level level, const struct tlb_entry *e)
{
	unsigned size = tlb_size_of(tlb_entry_shift(e));
	bool filled = false;

	for (unsigned left = tlb->of_level[level]; left; left &= left - 1) {
		struct tlb_array *a = &tlb->array[__builtin_ctz(left)];

		if (!(a->g.sizes & HAS(size)))
			continue;
		fill_array(tlb, a, size, e);
		filled = true;
		break;
	}
	if (level != TLB_L2)	/* that comes first, and then this */
		tlb->absent = 0;
	return filled;
}

/* --- flushes ------------------------------------------------------------------ */

static void drop(struct tlb_array *a, unsigned i)
{
	a->empty += a->key[i] != 0;
	a->key[i] = 0;
	a->entry[i].tag = 0;
}

static void flush_page_in(struct tlb *tlb, struct tlb_array *a, va_t va,
			  uint16_t pcid, bool globals)
{
	for (unsigned left = a->used; left; left &= left - 1) {
		unsigned size = __builtin_ctz(left);
		struct wanted want = make_keys(va, size, pcid);
		unsigned i = set_of(a, va, size), end = i + a->g.ways;

		for (; i < end; i++) {
			if (a->key[i] != want.own &&
			    (a->key[i] != want.global || !globals))
				continue;
			if (a->g.level != TLB_L2)
				drop_fast(tlb, &a->entry[i]);
			drop(a, i);
		}
	}
}

void tlb_flush_page(struct tlb *tlb, va_t va, uint16_t pcid, bool globals)
{
	for (unsigned i = 0; i < tlb->narrays; i++)
		flush_page_in(tlb, &tlb->array[i], va, pcid, globals);
}

/* What a look-up has searched in vain is not searched again. */
void tlb_page_fault(struct tlb *tlb, enum access_kind kind, va_t va,
		    uint16_t pcid, const struct tlb_entry *found)
{
	uint64_t key = make_keys(va, TLB_4K, pcid).own;
	unsigned left = (1U << tlb->narrays) - 1;

	if (key == tlb->absent)
		return;
	if (!found)
		left &= ~(tlb->of_level[TLB_L2] |
			  tlb->of_level[first_level(kind)]);
	for (; left; left &= left - 1)
		flush_page_in(tlb, &tlb->array[__builtin_ctz(left)], va, pcid,
			      true);
	tlb->absent = key;
}

/* Drops the entries whose keys are @want under @mask. */
static void flush_matching(struct tlb_array *a, uint64_t mask, uint64_t want)
{
	uint64_t any = 0;

	if (!a->used)
		return;
	for (unsigned i = 0; i < slots(a); i++) {
		if ((a->key[i] & mask) == want)
			drop(a, i);
		any |= a->key[i];
	}
	if (!any)
		a->used = 0;
}

static void flush_keys(struct tlb *tlb, uint64_t mask, uint64_t want)
{
	for (unsigned i = 0; i < tlb->narrays; i++)
		flush_matching(&tlb->array[i], KEY_VALID | mask,
			       KEY_VALID | want);
	tlb_forget_fast(tlb);
}

void tlb_flush_pcid(struct tlb *tlb, uint16_t pcid, bool globals)
{
	flush_keys(tlb, KEY_GLOBAL | KEY_PCID(0xfff), KEY_PCID(pcid));
	if (globals)
		flush_keys(tlb, KEY_GLOBAL, KEY_GLOBAL);
}

void tlb_flush_all(struct tlb *tlb, bool globals)
{
	if (!globals) {
		flush_keys(tlb, KEY_GLOBAL, 0);
		return;
	}
	for (unsigned i = 0; i < tlb->narrays; i++) {
		struct tlb_array *a = &tlb->array[i];

		if (a->used) /* the victims stay */
			memset(a->entry, 0, array_bytes(a) - a->g.sets);
		a->used = 0;
		a->empty = slots(a);
	}
	tlb_forget_fast(tlb);
}

/* --- hash --------------------------------------------------------------------- */

static uint64_t hash_entry(const struct tlb_entry *e, uint64_t hash)
{
	uint64_t rights = e->rights.bits | e->rights.pk << 8 |
			  e->global << 16 | e->dirty << 17;

	hash = hash_word(hash, e->tag);
	hash = hash_word(hash, e->pa);
	return hash_word(hash, rights << 16 | e->pcid);
}

uint64_t tlb_hash(const struct tlb *tlb, uint64_t hash)
{
	for (unsigned i = 0; i < tlb->narrays; i++) {
		const struct tlb_array *a = &tlb->array[i];

		for (unsigned n = 0; a->entry && n < slots(a); n++)
			if (a->entry[n].tag)
				hash = hash_entry(&a->entry[n],
						  hash_word(hash, n));
		for (unsigned n = 0; a->entry && n < a->g.sets; n++)
			hash = hash_word(hash, a->victim[n]);
	}
	return hash;
}
