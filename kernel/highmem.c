/*
 * highmem.c - temporary kernel mappings of HighMem frames.
 *
 *   kmap          one of LAST_PKMAP slots, shared by all CPUs, counted
 *   kmap_atomic   a stack of slots in the fixmap for each CPU
 *
 * A pkmap slot that nobody uses any more (count 1) keeps its PTE: other CPUs
 * may have it in their TLBs. Only when the search for a slot wraps around
 * are all such slots cleared and all TLBs flushed, once for many.
 *
 * Models mm/highmem.c and arch/x86/include/asm/highmem.h of Linux 6.1
 * (map_new_virtual, flush_all_zero_pkmaps, __kmap_local_pfn_prot). Left out:
 * sleeping for a slot, the hash of page_address() (slots are searched),
 * guard pages and the task switching of kmap_local; 2.6's named slot types:
 * the classic layout has as many slots, used as a stack.
 */
#include "kernel/highmem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/internal.h"
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

static va_t fix_address(const struct kernel *k, unsigned cpu, unsigned slot)
{
	unsigned i =
		k->layout.fix_kmap_begin + slot + k->layout.kmap_slots * cpu;

	return k->layout.fixaddr_top - ((va_t)i << PAGE_SHIFT);
}

static pa_t kernel_entry(struct kernel *k, va_t va)
{
	return pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false);
}

int highmem_init(struct kernel *k)
{
	struct kmap_state *s;

	if (!k->layout.pkmap_base)
		return 0;
	s = calloc(1, sizeof(*s));
	assert(s);
	s->nr = k->layout.last_pkmap;
	s->slot = calloc(s->nr, sizeof(s->slot[0]));
	assert(s->slot && k->layout.kmap_slots <= ARRAY_SIZE(s->cpu[0].pfn));
	s->page_table = kernel_entry(k, k->layout.pkmap_base);
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

/* --- kmap --------------------------------------------------------------- */

/* The slot that maps @pfn, in use or not yet flushed (page_address), or -1. */
static int find_slot(const struct kmap_state *s, pfn_t pfn)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (s->slot[i].count && s->slot[i].pfn == pfn)
			return i;
	return -1;
}

static void flush_all_zero_pkmaps(struct kernel *k)
{
	struct kmap_state *s = k->kmap;
	bool need_flush = false;

	for (unsigned i = 0; i < s->nr; i++) {
		if (s->slot[i].count != 1)
			continue;
		s->slot[i].count = 0;
		pt_set(k, 0, pkmap_address(k, i), k->pte_level,
		       pkmap_entry(k, i), 0, "flush_all_zero_pkmaps");
		need_flush = true;
	}
	if (need_flush)
		flush_tlb_all(k);
}

/* Finds a slot and maps @pfn there, count 1. -EAGAIN: Linux would sleep. */
static int map_new_virtual(struct kernel *k, pfn_t pfn)
{
	struct kmap_state *s = k->kmap;
	unsigned nr = s->last_nr;

	for (unsigned tries = s->nr; tries; tries--) {
		nr = (nr + 1) % s->nr;
		if (nr == 0) {
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

unsigned kmap_uses(const struct kernel *k, pfn_t pfn, va_t *va)
{
	int nr = k->kmap ? find_slot(k->kmap, pfn) : -1;

	*va = nr < 0 ? 0 : pkmap_address(k, nr);
	return nr < 0 ? 0 : k->kmap->slot[nr].count - 1;
}

/* --- kmap_atomic, kmap_local -------------------------------------------- */

int kmap_atomic(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret)
{
	int err = lowmem_address(k, pfn, ret);

	if (cpu >= k->machine->ncpus)
		return -EINVAL;
	if (err <= 0)
		return err;
	unsigned depth = k->kmap->cpu[cpu].depth;

	if (depth == k->layout.kmap_slots)
		return -EAGAIN;
	va_t va = fix_address(k, cpu, depth);

	pt_set(k, 0, va, k->pte_level, kernel_entry(k, va),
	       mk_pte(k, pfn, pt_page_kernel(k)), "kmap_atomic");
	k->kmap->cpu[cpu].pfn[depth] = pfn;
	k->kmap->cpu[cpu].depth++;
	*ret = va;
	return 0;
}

bool kmap_atomic_top(const struct kernel *k, unsigned cpu, pfn_t *pfn, va_t *va)
{
	unsigned depth = k->kmap ? k->kmap->cpu[cpu].depth : 0;

	if (!depth)
		return false;
	*pfn = k->kmap->cpu[cpu].pfn[depth - 1];
	*va = fix_address(k, cpu, depth - 1);
	return true;
}

/* The mapping is this CPU's own: no other CPU need forget it. */
int kunmap_atomic(struct kernel *k, unsigned cpu, va_t va)
{
	pfn_t pfn;
	va_t top;

	if (cpu >= k->machine->ncpus)
		return -EINVAL;
	if (kernel_virt_ok(k, va))
		return 0;
	va = ALIGN_DOWN(va, PAGE_SIZE);
	if (!kmap_atomic_top(k, cpu, &pfn, &top) || top != va)
		return -EINVAL;
	k->kmap->cpu[cpu].depth--;
	pt_set(k, 0, va, k->pte_level, kernel_entry(k, va), 0, "kunmap_atomic");
	cpu_invlpg(&k->machine->cpu[cpu], va);
	kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = va, .n = 1);
	return 0;
}

/* --- check -------------------------------------------------------------- */

/* A mapping must lead to its frame; one in use must not be of a free frame. */
static void check_mapping(struct checker *c, struct kernel *k, va_t va,
			  pfn_t pfn, bool in_use)
{
	pa_t entry_pa = kernel_entry(k, va);
	uint64_t entry = entry_pa ? pt_get(k, entry_pa) : 0;

	if (!(entry & PTE_P) || pte_pfn(k, entry) != pfn)
		check_finding(c,
			      "kmap slot 0x%llx: entry 0x%llx, the slot is for "
			      "pfn 0x%llx",
			      (unsigned long long)va, (unsigned long long)entry,
			      (unsigned long long)pfn);
	if (in_use && page_is_free(k, pfn))
		check_finding(
			c, "kmap slot 0x%llx is in use, its pfn 0x%llx is free",
			(unsigned long long)va, (unsigned long long)pfn);
}

static void check_empty(struct checker *c, struct kernel *k, va_t va)
{
	pa_t entry_pa = kernel_entry(k, va);
	uint64_t entry = entry_pa ? pt_get(k, entry_pa) : 0;

	if (entry)
		check_finding(c,
			      "kmap slot 0x%llx is not in use, its entry is "
			      "0x%llx",
			      (unsigned long long)va,
			      (unsigned long long)entry);
}

bool kmap_in_use(const struct kernel *k, pfn_t pfn, uint64_t n)
{
	const struct kmap_state *s = k->kmap;

	for (unsigned i = 0; s && i < s->nr; i++)
		if (s->slot[i].count > 1 && s->slot[i].pfn - pfn < n)
			return true;
	for (unsigned c = 0; s && c < k->machine->ncpus; c++)
		for (unsigned i = 0; i < s->cpu[c].depth; i++)
			if (s->cpu[c].pfn[i] - pfn < n)
				return true;
	return false;
}

unsigned highmem_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct kmap_state *s = k->kmap;

	if (!s)
		return 0;
	for (unsigned i = 0; i < s->nr; i++) {
		if (s->slot[i].count)
			check_mapping(&c, k, pkmap_address(k, i),
				      s->slot[i].pfn, s->slot[i].count > 1);
		else
			check_empty(&c, k, pkmap_address(k, i));
	}
	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		for (unsigned i = 0; i < k->layout.kmap_slots; i++) {
			va_t va = fix_address(k, cpu, i);

			if (i < s->cpu[cpu].depth)
				check_mapping(&c, k, va, s->cpu[cpu].pfn[i],
					      true);
			else
				check_empty(&c, k, va);
		}
	return c.found;
}
