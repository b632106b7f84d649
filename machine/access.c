/*
 * access.c - see access.h.
 *
 * Most accesses are served by the table in front of the TLB (fast). All
 * others take two steps: decide() finds out what happens, and changes
 * nothing; commit() makes it so: counters, A and D flags, fills, the fault.
 */
#include "machine/access.h"

#include <assert.h>
#include <string.h>

#include "machine/internal.h"

#define MAX_LEN 64 /* bytes of one instruction's access */

/* --- what would happen ------------------------------------------------------
 */

static void walk_from_tlb(struct walk *w, const struct tlb_entry *e,
			  enum tlb_level level)
{
	w->page_shift = tlb_entry_shift(e);
	w->pa = e->pa | (w->access.va & (BIT(w->page_shift) - 1));
	w->rights = e->rights;
	w->global = e->global;
	w->tlb_hit = true;
	w->tlb_level = level;
}

/*
 * SDM "Using the Paging-Structure Caches to Translate Linear Addresses": the
 * walk begins behind the lowest entry that is cached, else at the root.
 */
static void walk_cached(const struct cpu *cpu, struct walk *w)
{
	const struct mmu *mmu = &cpu->mmu;
	const struct psc_entry *e;
	struct gathered g;

	for (unsigned level = mmu->mode->nlevels - 1U; level-- > 0;) {
		e = psc_lookup(&cpu->psc, mmu, level, w->access.va);
		if (!e)
			continue;
		g = (struct gathered){ e->all, e->any };
		walk_from(mmu, cpu->ram, w, level + 1, e->table, g);
		return;
	}
	walk_root(mmu, cpu->ram, w);
}

/* SDM "Accessed and Dirty Flags": what a permitted access sets. */
static void plan_accessed_dirty(struct walk *w)
{
	for (unsigned i = w->first; i < w->nsteps; i++) {
		struct walk_step *s = &w->step[i];

		s->set = w->mode->level[i].accessed;
		if (s->leaf && w->access.kind == ACCESS_WRITE)
			s->set |= PTE_D;
		s->set &= ~s->entry;
	}
}

static void decide_by_tables(const struct cpu *cpu, struct walk *w)
{
	walk_cached(cpu, w);
	if (!w->fault.reason && walk_check_rights(&cpu->mmu, w))
		plan_accessed_dirty(w);
}

/*
 * Fills in @w, and returns the TLB entry that was found, or NULL. Rights
 * that the TLB holds count even if stale. A write through an entry that was
 * cached while D was clear goes to the tables again, to set D there: then an
 * entry was found and w->tlb_hit is false.
 */
static const struct tlb_entry *
decide(const struct cpu *cpu, const struct access *access, struct walk *w)
{
	const struct mmu *mmu = &cpu->mmu;
	const struct tlb_entry *e;
	enum tlb_level level;

	walk_start(mmu, access, w);
	if (!mmu->mode->nlevels)
		return NULL;
	if (!walk_is_canonical(mmu, w->access.va)) {
		walk_canonical_fault(w);
		return NULL;
	}
	e = tlb_lookup(&cpu->tlb, access->kind, w->access.va, mmu->pcid,
		       &level);
	if (e) {
		walk_from_tlb(w, e, level);
		if (!walk_check_rights(mmu, w) ||
		    access->kind != ACCESS_WRITE || e->dirty)
			return e;
		walk_start(mmu, access, w);
	}
	decide_by_tables(cpu, w);
	return e;
}

void mmu_probe(const struct cpu *cpu, const struct access *access,
	       struct walk *ret)
{
	decide(cpu, access, ret);
}

/* --- making it so ------------------------------------------------------------- */

static void count(struct cpu *cpu, const struct walk *w)
{
	struct cpu_counters *n = &cpu->counters;
	unsigned refs = w->nsteps - w->first;

	n->faults[w->fault.reason] += w->fault.reason != FAULT_NONE;
	if (!w->mode->nlevels) {
		n->unpaged++;
	} else if (w->tlb_hit) {
		n->hits[w->tlb_level][tlb_size_of(w->page_shift)]++;
	} else if (w->nsteps) {
		if (!w->first && w->step[0].from_register)
			refs--;
		n->misses[w->access.kind]++;
		n->walks[refs]++;
		if (w->first)
			n->psc_hits[w->mode->nlevels - w->first]++;
	}
}

/*
 * A page fault drops what the CPU has cached for the address (SDM
 * "Operations that Invalidate TLBs and Paging-Structure Caches"): a retry
 * sees the tables.
 */
static bool deliver(struct cpu *cpu, const struct walk *w,
		    const struct tlb_entry *found)
{
	uint16_t pcid = cpu->mmu.pcid;

	if (w->fault.vector != VEC_PF)
		return false;
	cpu->cr2 = w->fault.cr2;
	tlb_page_fault(&cpu->tlb, w->access.kind, w->access.va, pcid, found);
	psc_flush_address(&cpu->psc, &cpu->mmu, w->access.va, pcid);
	return false;
}

/*
 * One entry may be on the path more than once (a table that points back at
 * itself), so each flag is added to what memory holds by now.
 */
static void set_accessed_dirty(struct cpu *cpu, const struct walk *w)
{
	unsigned size = w->mode->entry_size;

	for (unsigned i = w->first; i < w->nsteps; i++) {
		const struct walk_step *s = &w->step[i];
		uint64_t now, set;

		if (!s->set)
			continue;
		now = ram_read(cpu->ram, s->entry_pa, size);
		set = s->set & ~now;
		cpu->counters.set_accessed += (set & PTE_A) != 0;
		cpu->counters.set_dirty += (set & PTE_D) != 0;
		ram_write(cpu->ram, s->entry_pa, size, now | set);
	}
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

/* What the TLB keeps of a finished walk. */
static struct tlb_entry make_entry(const struct cpu *cpu, const struct walk *w)
{
	const struct walk_step *leaf = &w->step[w->nsteps - 1];
	uint64_t bytes = BIT(w->page_shift);
	pa_t pa = ALIGN_DOWN(w->pa, bytes);

	return (struct tlb_entry){
		.tag = ALIGN_DOWN(w->access.va, bytes) | w->page_shift,
		.pa = pa,
		.host = host_page(cpu->ram, pa, bytes),
		.cr3 = cpu->mmu.cr3,
		.pcid = cpu->mmu.pcid,
		.global = w->global,
		.dirty = (leaf->entry | leaf->set) & PTE_D,
		.rights = w->rights,
	};
}

/* Puts @e where the next access of this kind looks first. */
static void fill_first(struct cpu *cpu, const struct walk *w,
		       const struct tlb_entry *e, bool is_there)
{
	enum tlb_level level =
		w->access.kind == ACCESS_FETCH ? TLB_L1I : TLB_L1D;
	unsigned size = tlb_size_of(w->page_shift);

	if (!is_there && !tlb_fill(&cpu->tlb, level, e))
		return;
	tlb_fill_fast(&cpu->tlb, &w->access, w->access.va, e,
		      &cpu->counters.hits[level][size]);
}

static void commit_tables(struct cpu *cpu, const struct walk *w,
			  const struct tlb_entry *found)
{
	struct tlb_entry e;

	if (found)
		tlb_flush_page(&cpu->tlb, w->access.va, cpu->mmu.pcid, true);
	set_accessed_dirty(cpu, w);
	psc_fill(&cpu->psc, &cpu->mmu, w);
	e = make_entry(cpu, w);
	tlb_fill(&cpu->tlb, TLB_L2, &e);
	fill_first(cpu, w, &e, false);
}

static bool commit(struct cpu *cpu, const struct walk *w,
		   const struct tlb_entry *found)
{
	count(cpu, w);
	if (w->fault.reason)
		return deliver(cpu, w, found);
	if (w->tlb_hit) {
		struct tlb_entry e = *found;

		fill_first(cpu, w, &e, w->tlb_level != TLB_L2);
	} else if (w->nsteps) {
		commit_tables(cpu, w, found);
	}
	return true;
}

bool mmu_access_traced(struct cpu *cpu, const struct access *access,
		       struct walk *ret)
{
	const struct tlb_entry *found = decide(cpu, access, ret);

	return commit(cpu, ret, found);
}

/* --- the fast path ------------------------------------------------------------ */

/* The slot that serves @access at a glance, counted; or NULL. */
static inline const struct tlb_fast *fast(struct cpu *cpu,
					  const struct access *access)
{
	const struct tlb_fast *f =
		tlb_fast_slot(&cpu->tlb, access->kind, access->va);
	uint64_t key =
		(access->va & PAGE_MASK) | cpu->tlb.fast_key[fast_who(access)];

	if (__builtin_expect(f->key != key, 0))
		return NULL;
	(*f->hits)++;
	return f;
}

/* Out of line: a struct walk is large, and the fast path needs no frame. */
static __attribute__((noinline)) bool access_slow(struct cpu *cpu,
						  const struct access *access,
						  pa_t *pa, struct fault *fault)
{
	struct walk w;

	if (!mmu_access_traced(cpu, access, &w)) {
		*fault = w.fault;
		return false;
	}
	*pa = w.pa;
	return true;
}

bool mmu_access(struct cpu *cpu, const struct access *access, pa_t *pa,
		struct fault *fault)
{
	const struct tlb_fast *f = fast(cpu, access);

	if (!f)
		return access_slow(cpu, access, pa, fault);
	*pa = f->pa | (access->va & ~PAGE_MASK);
	return true;
}

/* --- bytes -------------------------------------------------------------------- */

/* Do @len bytes at @va lie in one page? */
static inline bool in_one_page(va_t va, size_t len)
{
	return (va & ~PAGE_MASK) + len <= PAGE_SIZE;
}

static void copy_physical(struct ram *ram, enum access_kind kind, pa_t pa,
			  void *buf, size_t len)
{
	if (kind == ACCESS_WRITE)
		ram_copy_in(ram, pa, buf, len);
	else
		ram_copy_out(ram, pa, buf, len);
}

/* Moves @len bytes that lie in one 4 KiB frame. */
static bool copy_part(struct cpu *cpu, const struct access *access, void *buf,
		      size_t len, struct fault *fault)
{
	uint64_t offset = access->va & ~PAGE_MASK;
	const struct tlb_fast *f = fast(cpu, access);
	pa_t pa;

	if (f && access->kind == ACCESS_WRITE) {
		memcpy(f->host + offset, buf, len);
	} else if (f) {
		memcpy(buf, f->host + offset, len);
	} else {
		if (!access_slow(cpu, access, &pa, fault))
			return false;
		copy_physical(cpu->ram, access->kind, pa, buf, len);
	}
	return true;
}

size_t mmu_copy(struct cpu *cpu, const struct access *access, void *buf,
		size_t len, struct fault *fault)
{
	struct access part = *access;
	size_t done = 0;

	while (done < len) {
		size_t n = PAGE_SIZE - (part.va & ~PAGE_MASK);

		if (n > len - done)
			n = len - done;
		if (!copy_part(cpu, &part, (uint8_t *)buf + done, n, fault))
			break;
		done += n;
		part.va += n;
	}
	return done;
}

/*
 * Would the page of @access let it in? Then *w is how; else the fault is
 * delivered.
 */
static bool admits(struct cpu *cpu, const struct access *access, struct walk *w,
		   struct fault *fault)
{
	const struct tlb_entry *found = decide(cpu, access, w);

	if (!w->fault.reason)
		return true;
	*fault = w->fault;
	return commit(cpu, w, found);
}

/*
 * What has been done for the lower page since may serve this one too. It may
 * also have evicted what *w was decided by, and the tables may forbid what
 * that permitted: then *w still holds, but is not cached again.
 */
void mmu_access_admitted(struct cpu *cpu, struct walk *w)
{
	struct walk again;
	const struct tlb_entry *found = decide(cpu, &w->access, &again);

	if (!again.fault.reason) {
		commit(cpu, &again, found);
		*w = again;
		return;
	}
	count(cpu, w);
	set_accessed_dirty(cpu, w);
}

/*
 * Both pages are translated before a byte is moved: what a store writes into
 * the lower one may be the upper one's page table. If the upper one does not
 * let it in, the lower one's entries have become accessed and dirty: the
 * manuals leave it open, processors do so.
 */
static bool move_crossing(struct cpu *cpu, const struct access *access,
			  void *buf, size_t len, struct fault *fault)
{
	struct access upper = *access;
	size_t n = PAGE_SIZE - (access->va & ~PAGE_MASK);
	struct walk w[2];

	upper.va = access->va + n;
	if (!admits(cpu, access, &w[0], fault))
		return false;
	if (!admits(cpu, &upper, &w[1], fault)) {
		set_accessed_dirty(cpu, &w[0]);
		return false;
	}
	mmu_access_admitted(cpu, &w[0]);
	mmu_access_admitted(cpu, &w[1]);
	copy_physical(cpu->ram, access->kind, w[0].pa, buf, n);
	copy_physical(cpu->ram, access->kind, w[1].pa, (uint8_t *)buf + n,
		      len - n);
	return true;
}

/* An access that is not served at a glance. */
static __attribute__((noinline)) bool move_slow(struct cpu *cpu,
						const struct access *access,
						void *buf, size_t len,
						struct fault *fault)
{
	pa_t pa;

	assert(len >= 1 && len <= MAX_LEN);
	if (!in_one_page(access->va, len))
		return move_crossing(cpu, access, buf, len, fault);
	if (!access_slow(cpu, access, &pa, fault))
		return false;
	copy_physical(cpu->ram, access->kind, pa, buf, len);
	return true;
}

static inline void copy_small(void *to, const void *from, size_t len)
{
	if (len == 8)
		memcpy(to, from, 8);
	else if (len == 4)
		memcpy(to, from, 4);
	else if (len == 1)
		memcpy(to, from, 1);
	else
		memcpy(to, from, len);
}

/* The slot in front that serves all @len bytes, counted; or NULL. */
static inline const struct tlb_fast *
fast_bytes(struct cpu *cpu, const struct access *access, size_t len)
{
	return in_one_page(access->va, len) ? fast(cpu, access) : NULL;
}

bool mmu_load(struct cpu *cpu, const struct access *access, void *buf,
	      size_t len, struct fault *fault)
{
	const struct tlb_fast *f = fast_bytes(cpu, access, len);

	if (!f)
		return move_slow(cpu, access, buf, len, fault);
	copy_small(buf, f->host + (access->va & ~PAGE_MASK), len);
	return true;
}

bool mmu_store(struct cpu *cpu, const struct access *access, const void *buf,
	       size_t len, struct fault *fault)
{
	const struct tlb_fast *f = fast_bytes(cpu, access, len);

	if (!f)
		return move_slow(cpu, access, (void *)buf, len, fault);
	copy_small(f->host + (access->va & ~PAGE_MASK), buf, len);
	return true;
}
