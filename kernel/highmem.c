/*
 * highmem.c - kmap: shared slots for HighMem frames.
 *
 *   pkmap  | . | 1 | 3 | . |   counts: free, unused but not flushed, two users
 *                ^ last_nr: the search goes on behind it
 *
 * A slot that nobody uses any more (count 1) keeps its PTE: other CPUs may have
 * it in their TLBs. Only when the search for a slot wraps around are all such
 * slots cleared and all TLBs flushed, once for many. Until then kmap() of the
 * same frame finds its slot by the hash of page_address().
 *
 * Models mm/highmem.c of Linux 6.1 (map_new_virtual, flush_all_zero_pkmaps,
 * page_address_htable). Left out: sleeping for a slot. kmap_local and
 * kmap_atomic are in kmap_local.c.
 */
#include "kernel/highmem.h"

#include <errno.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"

static va_t pkmap_address(const struct kernel *k, unsigned nr)
{
	return k->layout.pkmap_base + ((va_t)nr << PAGE_SHIFT);
}

/* PKMAP slots share one page table, made at boot. */
static pa_t pkmap_entry(const struct kernel *k, unsigned nr)
{
	return k->kmap->page_table + nr * k->mode->entry_size;
}

int highmem_init(struct kernel *k)
{
	struct kmap_state *s;

	if (!k->layout.pkmap_base)
		return 0;
	s = xcalloc(1, sizeof(*s));
	s->nr = k->layout.last_pkmap;
	s->slot = xcalloc(s->nr, sizeof(s->slot[0]));
	s->page_table = pt_lookup(k, k->swapper_pg_dir, k->layout.pkmap_base,
				  k->pte_level, false);
	for (unsigned i = 0; i < ARRAY_SIZE(s->bucket); i++)
		s->bucket[i] = -1;
	k->kmap = s;
	return s->page_table ? 0 : -ENOMEM;
}

void highmem_deinit(struct kernel *k)
{
	if (!k->kmap)
		return;
	free(k->kmap->slot);
	free(k->kmap);
	k->kmap = NULL;
}

/* --- page_address --------------------------------------------------------- */

static unsigned page_slot(pfn_t pfn)
{
	return (uint32_t)pfn * 0x61c88647u >> (32 - PA_HASH_ORDER);
}

/* The slot that maps @pfn, in use or not yet flushed (page_address), or -1. */
static int find_slot(const struct kmap_state *s, pfn_t pfn)
{
	int i = s->bucket[page_slot(pfn)];

	while (i >= 0 && s->slot[i].pfn != pfn)
		i = s->slot[i].next;
	return i;
}

static void hash_slot(struct kmap_state *s, int nr)
{
	int *head = &s->bucket[page_slot(s->slot[nr].pfn)];

	s->slot[nr].next = *head;
	*head = nr;
}

static void unhash_slot(struct kmap_state *s, int nr)
{
	int *at = &s->bucket[page_slot(s->slot[nr].pfn)];

	while (*at != nr)
		at = &s->slot[*at].next;
	*at = s->slot[nr].next;
}

/* --- kmap ----------------------------------------------------------------- */

static unsigned flush_all_zero_pkmaps(struct kernel *k)
{
	struct kmap_state *s = k->kmap;
	unsigned n = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		if (s->slot[i].count != 1)
			continue;
		s->slot[i].count = 0;
		pt_set(k, 0, pkmap_address(k, i), k->pte_level,
		       pkmap_entry(k, i), 0, "flush_all_zero_pkmaps");
		unhash_slot(s, i);
		n++;
	}
	if (n) {
		flush_tlb_all(k);
		s->flushes++;
	}
	return n;
}

unsigned kmap_flush_unused(struct kernel *k)
{
	return k->kmap ? flush_all_zero_pkmaps(k) : 0;
}

/* Finds a slot and maps @pfn there, count 1. -EAGAIN: Linux would sleep. */
static int map_new_virtual(struct kernel *k, pfn_t pfn)
{
	struct kmap_state *s = k->kmap;
	unsigned nr = s->last_nr;

	for (unsigned tries = s->nr; tries; tries--) {
		nr = (nr + 1) % s->nr;
		if (nr == 0) {
			s->wraps++;
			flush_all_zero_pkmaps(k);
			tries = s->nr;
		}
		if (!s->slot[nr].count)
			break;
	}
	s->last_nr = nr;
	if (s->slot[nr].count)
		return -EAGAIN;
	pt_set(k, 0, pkmap_address(k, nr), k->pte_level, pkmap_entry(k, nr),
	       mk_pte(k, pfn, pt_page_kernel(k)), "kmap");
	s->slot[nr] = (struct kmap_slot){ .count = 1, .pfn = pfn };
	hash_slot(s, nr);
	return nr;
}

/* Lowmem needs no mapping: 0 and its address. 1: HighMem; else -errno. */
static int lowmem_address(const struct kernel *k, pfn_t pfn, va_t *ret)
{
	if (!pfn_valid(k, pfn))
		return -EINVAL;
	if (pfn >= k->max_low_pfn)
		return k->kmap ? 1 : -ENOSYS;
	*ret = kernel_va(k, pfn << PAGE_SHIFT);
	return 0;
}

int kmap(struct kernel *k, pfn_t pfn, va_t *ret)
{
	int nr = lowmem_address(k, pfn, ret);

	if (nr <= 0)
		return nr;
	nr = find_slot(k->kmap, pfn);
	if (nr < 0)
		nr = map_new_virtual(k, pfn);
	if (nr < 0)
		return nr;
	k->kmap->slot[nr].count++;
	*ret = pkmap_address(k, nr);
	return 0;
}

int kunmap(struct kernel *k, pfn_t pfn)
{
	va_t unused;
	int nr = lowmem_address(k, pfn, &unused);

	if (nr <= 0)
		return nr;
	nr = find_slot(k->kmap, pfn);
	if (nr < 0 || k->kmap->slot[nr].count < 2)
		return -EINVAL;
	k->kmap->slot[nr].count--;
	return 0;
}

/* --- looking -------------------------------------------------------------- */

unsigned kmap_uses(const struct kernel *k, pfn_t pfn, va_t *va)
{
	int nr = k->kmap ? find_slot(k->kmap, pfn) : -1;

	*va = nr < 0 ? 0 : pkmap_address(k, nr);
	return nr < 0 ? 0 : k->kmap->slot[nr].count - 1;
}

bool kmap_in_use(const struct kernel *k, pfn_t pfn, uint64_t n)
{
	const struct kmap_state *s = k->kmap;

	for (unsigned i = 0; s && i < s->nr; i++)
		if (s->slot[i].count > 1 && s->slot[i].pfn - pfn < n)
			return true;
	return kmap_local_uses(k, pfn, n);
}

bool kmap_lookup(const struct kernel *k, va_t va, pfn_t *pfn)
{
	const struct kmap_state *s = k->kmap;
	uint64_t nr = (va - k->layout.pkmap_base) >> PAGE_SHIFT;

	if (!s)
		return false;
	if (va >= k->layout.pkmap_base && nr < s->nr) {
		*pfn = s->slot[nr].pfn;
		return s->slot[nr].count;
	}
	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++) {
		const struct kmap_ctrl *ctrl = kmap_ctrl_of(k, cpu);

		for (unsigned i = 0; i < ctrl->idx; i++)
			if (kmap_local_address(k, cpu, i) == (va & PAGE_MASK)) {
				*pfn = ctrl->pfn[i];
				return true;
			}
	}
	return false;
}

/* --- check ---------------------------------------------------------------- */

static void check_slot(struct checker *c, struct kernel *k, unsigned nr)
{
	const struct kmap_slot *slot = &k->kmap->slot[nr];
	unsigned long long va = pkmap_address(k, nr);
	uint64_t entry = pt_get(k, pkmap_entry(k, nr));

	if (!slot->count) {
		if (entry)
			check_finding(c,
				      "kmap slot 0x%llx is not in use, its "
				      "entry is 0x%llx",
				      va, (unsigned long long)entry);
		return;
	}
	if (!(entry & PTE_P) || pte_pfn(k, entry) != slot->pfn)
		check_finding(c,
			      "kmap slot 0x%llx: entry 0x%llx, the slot is for "
			      "pfn 0x%llx",
			      va, (unsigned long long)entry,
			      (unsigned long long)slot->pfn);
	if (slot->count > 1 && page_is_free(k, slot->pfn))
		check_finding(c,
			      "kmap slot 0x%llx is in use, its pfn 0x%llx is "
			      "free",
			      va, (unsigned long long)slot->pfn);
	if (find_slot(k->kmap, slot->pfn) != (int)nr)
		check_finding(c,
			      "kmap slot 0x%llx: page_address of pfn 0x%llx "
			      "does not find it",
			      va, (unsigned long long)slot->pfn);
}

unsigned highmem_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };

	for (unsigned i = 0; k->kmap && i < k->kmap->nr; i++)
		check_slot(&c, k, i);
	kmap_local_check(k, &c);
	return c.found;
}
