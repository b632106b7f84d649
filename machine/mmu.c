/*
 * mmu.c - see mmu.h.
 *
 * A walk first finds whether there is a translation (present, no reserved
 * bits: walk_tables), then whether the rights of all levels together permit
 * the access (mmu_check). Only a permitted access sets A and D and enters the
 * TLB. Source: SDM volume 3A, "Paging".
 */
#include "machine/mmu.h"

#include <string.h>

#include "machine/internal.h"

const struct flag_name pf_error_flags[] = {
	{ PF_P, "P", NULL },	   { PF_WR, "W", "R" },	 { PF_US, "U", "S" },
	{ PF_RSVD, "RSVD", NULL }, { PF_ID, "I", NULL }, { PF_PK, "PK", NULL },
	{ 0, NULL, NULL },
};

const char *const fault_reason_name[FAULT_NREASONS] = {
	[FAULT_NONE] = "none",
	[FAULT_NOT_CANONICAL] = "not canonical",
	[FAULT_NOT_PRESENT] = "not present",
	[FAULT_RESERVED] = "reserved bit",
	[FAULT_SUPERVISOR_PAGE] = "supervisor page",
	[FAULT_READ_ONLY] = "read-only page",
	[FAULT_WP] = "read-only page, CR0.WP",
	[FAULT_XD] = "execute disabled",
	[FAULT_SMEP] = "SMEP",
	[FAULT_SMAP] = "SMAP",
	[FAULT_PK_AD] = "protection key, access disabled",
	[FAULT_PK_WD] = "protection key, write disabled",
};

/* --- what depends on the CPU and its registers ---------------------------- */

/* SDM "Paging-Mode Enabling" and "Paging Modes and Control Bits". */
static const struct paging_mode *select_mode(const struct mmu *mmu)
{
	enum paging_mode_id id = PAGING_4LEVEL;

	if (!(mmu->cr0 & CR0_PG))
		id = PAGING_OFF;
	else if (!(mmu->cr4 & CR4_PAE))
		id = PAGING_32;
	else if (!(mmu->efer & EFER_LMA))
		id = PAGING_PAE;
	else if (mmu->cr4 & CR4_LA57)
		id = PAGING_5LEVEL;
	return &paging_modes[id];
}

/*
 * Bits of a 4-MByte page's entry that would hold physical-address bits which
 * the CPU lacks: 20:13 are address bits 39:32 (SDM "32-Bit Paging", the
 * footnotes on PSE-36 and MAXPHYADDR).
 */
static uint64_t pse36_reserved(const struct cpu_features *features)
{
	unsigned width = features->pse36 ? features->maxphyaddr : 32;

	if (width > 40)
		width = 40;
	return BIT(21) - BIT(width - 32 + 13);
}

/* Reserved in every entry: address bits the CPU lacks, XD without EFER.NXE. */
static uint64_t common_reserved(const struct mmu *mmu)
{
	uint64_t lacking = ~(BIT(mmu->features->maxphyaddr) - 1);
	uint64_t rsvd = mmu->mode->addr_mask & lacking;

	if (mmu->mode->has_xd && !mmu->xd_mask)
		rsvd |= PTE_XD;
	return rsvd;
}

static void refresh_level(struct mmu *mmu, unsigned level)
{
	const struct paging_level *l = &mmu->mode->level[level];
	bool lacks_gb = l->needs_gbpages && !mmu->features->gbpages;
	uint64_t common = common_reserved(mmu);

	mmu->may_map[level] =
		l->may_map && !lacks_gb && (mmu->pse || !l->needs_pse);
	mmu->leaf_mask[level] = mmu->may_map[level] ? PTE_PS : 0;
	if (level + 1U == mmu->mode->nlevels)
		mmu->leaf_mask[level] = PTE_P;
	mmu->table_rsvd[level] = l->table_rsvd | common;
	if (lacks_gb)
		mmu->table_rsvd[level] |= PTE_PS;
	mmu->leaf_rsvd[level] = l->leaf_rsvd | common;
	if (mmu->mode->pse36 && l->may_map)
		mmu->leaf_rsvd[level] |= pse36_reserved(mmu->features);
}

/*
 * SDM "Determination of Access Rights", user-mode accesses. Protection keys
 * are apart: see deny_key().
 */
static enum fault_reason deny_user(enum access_kind kind, struct rights rights)
{
	if (!rights.user)
		return FAULT_SUPERVISOR_PAGE;
	if (kind == ACCESS_WRITE && !rights.write)
		return FAULT_READ_ONLY;
	if (kind == ACCESS_FETCH && rights.xd)
		return FAULT_XD;
	return FAULT_NONE;
}

/* The same for supervisor-mode accesses. */
static enum fault_reason deny_supervisor(const struct mmu *mmu,
					 enum access_kind kind, unsigned who,
					 struct rights rights)
{
	if (kind == ACCESS_FETCH) {
		if (rights.user && (mmu->cr4 & CR4_SMEP))
			return FAULT_SMEP;
		return rights.xd ? FAULT_XD : FAULT_NONE;
	}
	if (rights.user && (mmu->cr4 & CR4_SMAP) && who != WHO_SUPERVISOR_AC)
		return FAULT_SMAP;
	if (kind == ACCESS_WRITE && !rights.write && (mmu->cr0 & CR0_WP))
		return FAULT_WP;
	return FAULT_NONE;
}

static enum fault_reason deny_rights(const struct mmu *mmu,
				     enum access_kind kind, unsigned who,
				     struct rights rights)
{
	if (who == WHO_USER)
		return deny_user(kind, rights);
	return deny_supervisor(mmu, kind, who, rights);
}

/* One bit for each combination of rights: set if the access is denied. */
static uint8_t deny_mask(const struct mmu *mmu, enum access_kind kind,
			 unsigned who)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct rights rights = { i & 1, i & 2, i & 4, 0 };

		if (deny_rights(mmu, kind, who, rights))
			mask |= 1U << i;
	}
	return mask;
}

static uint16_t current_pcid(const struct mmu *mmu)
{
	return mmu->cr4 & CR4_PCIDE ? mmu->cr3 & 0xfff : 0;
}

void mmu_refresh(struct mmu *mmu)
{
	const struct paging_mode *mode = select_mode(mmu);
	bool nxe = mmu->efer & EFER_NXE;

	mmu->mode = mode;
	mmu->pse = mmu->cr4 & CR4_PSE;
	mmu->xd_mask = mode->has_xd && nxe ? PTE_XD : 0;
	mmu->va_mask = mode->canonical ? ~0ULL : BIT(mode->va_bits) - 1;
	mmu->pcid = current_pcid(mmu);
	mmu->pk_on = mode->has_pk && (mmu->cr4 & CR4_PKE);
	mmu->id_bit = mmu->xd_mask || (mmu->cr4 & CR4_SMEP);
	for (unsigned level = 0; level < mode->nlevels; level++)
		refresh_level(mmu, level);
	for (unsigned kind = 0; kind <= ACCESS_FETCH; kind++)
		for (unsigned who = 0; who < WHO_NUM; who++)
			mmu->deny[kind][who] = deny_mask(mmu, kind, who);
}

pa_t mmu_root(const struct mmu *mmu)
{
	return mmu->cr3 & mmu->mode->cr3_mask;
}

void mmu_set_root(struct mmu *mmu, const struct ram *ram, uint64_t cr3)
{
	mmu->cr3 = cr3;
	mmu->pcid = current_pcid(mmu);
	if (!mmu->mode->pdpte_regs)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->pdpte); i++)
		mmu->pdpte[i] = ram_read(ram, mmu_root(mmu) + 8 * i, 8);
}

/* --- faults --------------------------------------------------------------- */

/* Bits of the error code that tell of the access alone. */
static uint32_t access_code(const struct mmu *mmu, const struct access *access)
{
	uint32_t code = 0;

	if (access->kind == ACCESS_WRITE)
		code |= PF_WR;
	if (access_who(mmu, access) == WHO_USER)
		code |= PF_US;
	if (access->kind == ACCESS_FETCH && mmu->id_bit)
		code |= PF_ID;
	return code;
}

static void page_fault(const struct mmu *mmu, struct walk *w,
		       enum fault_reason reason, unsigned level, uint32_t code)
{
	w->fault = (struct fault){
		.reason = reason,
		.vector = VEC_PF,
		.level = level,
		.error_code = code | access_code(mmu, &w->access),
		.cr2 = w->access.va,
	};
}

/* SDM "Canonical Addressing": #SS(0) for stack accesses, else #GP(0). */
static void canonical_fault(struct walk *w)
{
	w->fault = (struct fault){
		.reason = FAULT_NOT_CANONICAL,
		.vector = w->access.stack ? VEC_SS : VEC_GP,
	};
}

/*
 * SDM "Protection Keys": only for data accesses to user-mode addresses. WD
 * stops supervisor writes only with CR0.WP=1.
 */
static enum fault_reason deny_key(const struct mmu *mmu,
				  const struct access *access,
				  struct rights rights)
{
	unsigned key = (mmu->pkru >> (2 * rights.pk)) & 3;

	if (!mmu->pk_on || !rights.user || access->kind == ACCESS_FETCH)
		return FAULT_NONE;
	if (key & 1)
		return FAULT_PK_AD;
	if ((key & 2) && access->kind == ACCESS_WRITE &&
	    (access_who(mmu, access) == WHO_USER || (mmu->cr0 & CR0_WP)))
		return FAULT_PK_WD;
	return FAULT_NONE;
}

enum fault_reason mmu_check(const struct mmu *mmu, const struct walk *walk)
{
	const struct access *a = &walk->access;
	unsigned who = access_who(mmu, a);
	unsigned denied = mmu->deny[a->kind][who];

	if (!walk->mode->nlevels)
		return FAULT_NONE;
	if (denied >> rights_index(walk->rights) & 1)
		return deny_rights(mmu, a->kind, who, walk->rights);
	return deny_key(mmu, a, walk->rights);
}

static unsigned leaf_level(const struct walk *w)
{
	unsigned level = 0;

	while (level + 1U < w->mode->nlevels &&
	       w->mode->level[level].shift != w->page_shift)
		level++;
	return level;
}

/* The first level whose entry withholds what @reason names; else the leaf. */
static unsigned deciding_level(const struct walk *w, enum fault_reason reason)
{
	for (unsigned i = 0; i < w->nsteps; i++) {
		uint64_t entry = w->step[i].entry | w->mode->level[i].implied;

		if (reason == FAULT_SUPERVISOR_PAGE && !(entry & PTE_US))
			return i;
		if ((reason == FAULT_READ_ONLY || reason == FAULT_WP) &&
		    !(entry & PTE_RW))
			return i;
		if (reason == FAULT_XD && (entry & PTE_XD))
			return i;
	}
	return leaf_level(w);
}

/* Checks the rights of a walk that reached a page. True if permitted. */
static bool check_rights(const struct mmu *mmu, struct walk *w)
{
	enum fault_reason reason = mmu_check(mmu, w);
	uint32_t code = PF_P;

	if (!reason)
		return true;
	/* SDM: the PK flag is set even if other rights deny it as well. */
	if (deny_key(mmu, &w->access, w->rights))
		code |= PF_PK;
	page_fault(mmu, w, reason, deciding_level(w, reason), code);
	return false;
}

/* --- the walk ------------------------------------------------------------- */

/* Sets all of @w that a walk may leave alone, but for the steps. */
static void start_walk(const struct mmu *mmu, const struct access *access,
		       struct walk *w)
{
	w->access = *access;
	w->access.va &= mmu->va_mask;
	w->mode = mmu->mode;
	w->nsteps = 0;
	w->page_shift = 0;
	w->tlb_hit = false;
	w->global = false;
	w->rights = (struct rights){ true, true, false, 0 };
	w->pa = 0;
	w->fault = (struct fault){ 0 };
}

static uint64_t load_entry(const struct ram *ram, pa_t pa, unsigned size)
{
	const uint8_t *host = ram_ptr(ram, pa);
	uint64_t wide;
	uint32_t narrow;

	if (!host)
		return size == 8 ? ~0ULL : ~0U;
	if (size == 8) {
		memcpy(&wide, host, 8);
		return wide;
	}
	memcpy(&narrow, host, 4);
	return narrow;
}

/* Reads the entry of step @level, from the table at @table or a register. */
static struct walk_step *read_step(const struct mmu *mmu, const struct ram *ram,
				   struct walk *w, unsigned level, pa_t table)
{
	const struct paging_mode *mode = mmu->mode;
	struct walk_step *s = &w->step[level];

	s->level = level;
	s->index = paging_index(mode, level, w->access.va);
	s->from_register = mode->pdpte_regs && level == 0;
	s->set = 0;
	if (s->from_register) {
		s->entry_pa = 0;
		s->entry = mmu->pdpte[s->index];
	} else {
		s->entry_pa = table + s->index * mode->entry_size;
		s->entry = load_entry(ram, s->entry_pa, mode->entry_size);
	}
	s->leaf = s->entry & mmu->leaf_mask[level];
	w->nsteps = level + 1;
	return s;
}

/* The walk has reached the page that leaf @s maps. */
static void reach_page(const struct mmu *mmu, struct walk *w,
		       const struct walk_step *s, const struct gathered *g)
{
	unsigned shift = mmu->mode->level[s->level].shift;
	unsigned pk = 0;

	w->page_shift = shift;
	w->pa = paging_target(mmu->mode, s->level, s->entry, true) |
		(w->access.va & (BIT(shift) - 1));
	w->global = (s->entry & PTE_G) && (mmu->cr4 & CR4_PGE);
	if (mmu->mode->has_pk)
		pk = (s->entry >> PTE_PK_SHIFT) & 15;
	w->rights = gathered_rights(g, mmu->xd_mask, pk);
}

/* The one loop over levels. With paging off there are none: identity. */
static void walk_tables(const struct mmu *mmu, const struct ram *ram,
			struct walk *w)
{
	const struct paging_mode *mode = mmu->mode;
	struct gathered rights = { ~0ULL, 0 };
	pa_t table = mmu_root(mmu);

	w->pa = w->access.va;
	w->page_shift = PAGE_SHIFT;
	if (mode->canonical && !paging_is_canonical(mode, w->access.va)) {
		canonical_fault(w);
		return;
	}
	for (unsigned level = 0; level < mode->nlevels; level++) {
		struct walk_step *s = read_step(mmu, ram, w, level, table);
		uint64_t rsvd = s->leaf ? mmu->leaf_rsvd[level]
					: mmu->table_rsvd[level];

		if (!(s->entry & PTE_P)) {
			page_fault(mmu, w, FAULT_NOT_PRESENT, level, 0);
			return;
		}
		if (s->entry & rsvd) {
			page_fault(mmu, w, FAULT_RESERVED, level,
				   PF_P | PF_RSVD);
			return;
		}
		gather(&rights, s->entry, mode->level[level].implied);
		if (s->leaf) {
			reach_page(mmu, w, s, &rights);
			return;
		}
		table = s->entry & mode->addr_mask;
	}
}

void mmu_walk(const struct mmu *mmu, const struct ram *ram,
	      const struct access *access, struct walk *ret)
{
	start_walk(mmu, access, ret);
	walk_tables(mmu, ram, ret);
}

void mmu_translate(const struct mmu *mmu, const struct ram *ram,
		   const struct access *access, struct walk *ret)
{
	mmu_walk(mmu, ram, access, ret);
	if (!ret->fault.reason)
		check_rights(mmu, ret);
}

/* --- the access ----------------------------------------------------------- */

/*
 * SDM "Accessed and Dirty Flags". One entry may be on the path more than
 * once (a table that points back at itself), so each flag is added to what
 * memory holds by now.
 */
static void set_accessed_dirty(struct cpu *cpu, struct walk *w)
{
	unsigned size = w->mode->entry_size;

	for (unsigned i = 0; i < w->nsteps; i++) {
		struct walk_step *s = &w->step[i];
		uint64_t set = w->mode->level[s->level].accessed;

		if (s->leaf && w->access.kind == ACCESS_WRITE)
			set |= PTE_D;
		set &= ~s->entry;
		if (!set)
			continue;
		s->set = set;
		ram_write(cpu->ram, s->entry_pa, size,
			  ram_read(cpu->ram, s->entry_pa, size) | set);
	}
}

/*
 * A page fault drops what the TLB has for the address (SDM "Operations that
 * Invalidate TLBs and Paging-Structure Caches"): a retry sees the tables.
 */
static bool deliver(struct cpu *cpu, const struct walk *w)
{
	cpu->counters.faults++;
	if (w->fault.vector == VEC_PF) {
		cpu->cr2 = w->fault.cr2;
		tlb_flush_page(&cpu->tlb, w->access.va, cpu->mmu.pcid);
	}
	return false;
}

static void walk_from_tlb(struct walk *w, const struct tlb_entry *e,
			  unsigned size)
{
	w->page_shift = tlb_geometry[size].shift;
	w->pa = e->pa | (w->access.va & (BIT(w->page_shift) - 1));
	w->rights = e->rights;
	w->global = e->global;
	w->tlb_hit = true;
}

/* The access by way of the tables; what it reads counts. */
static bool access_tables(struct cpu *cpu, struct walk *w)
{
	cpu->counters.tlb_misses += cpu->mmu.mode->nlevels > 0;
	walk_tables(&cpu->mmu, cpu->ram, w);
	cpu->counters.walk_refs += w->nsteps;
	if (w->mode->pdpte_regs && w->nsteps)
		cpu->counters.walk_refs--;
	if (w->fault.reason || !check_rights(&cpu->mmu, w))
		return deliver(cpu, w);
	set_accessed_dirty(cpu, w);
	if (w->nsteps)
		tlb_fill(&cpu->tlb, w, cpu->mmu.pcid, cpu->ram);
	return true;
}

/*
 * The whole access. Rights that the TLB holds count even if stale. A write
 * through an entry that was cached while D was clear goes to the tables
 * again, to set D there.
 */
static bool access_slow(struct cpu *cpu, const struct access *access,
			struct walk *w)
{
	const struct tlb_entry *e;
	unsigned size;

	start_walk(&cpu->mmu, access, w);
	e = tlb_find(&cpu->tlb, w->access.va, cpu->mmu.pcid, &size);
	if (!e)
		return access_tables(cpu, w);
	walk_from_tlb(w, e, size);
	if (!check_rights(&cpu->mmu, w)) {
		cpu->counters.tlb_hits++;
		return deliver(cpu, w);
	}
	if (access->kind == ACCESS_WRITE && !e->dirty) {
		tlb_flush_page(&cpu->tlb, w->access.va, cpu->mmu.pcid);
		start_walk(&cpu->mmu, access, w);
		return access_tables(cpu, w);
	}
	cpu->counters.tlb_hits++;
	return true;
}

/* May @access be made through @e, without asking anything else? */
static inline bool tlb_permits(const struct mmu *mmu, const struct tlb_entry *e,
			       const struct access *access)
{
	unsigned denied = mmu->deny[access->kind][access_who(mmu, access)];

	if (denied >> rights_index(e->rights) & 1)
		return false;
	if (access->kind == ACCESS_WRITE && !e->dirty)
		return false;
	return !mmu->pk_on || !deny_key(mmu, access, e->rights);
}

/*
 * The fast path: the entry of a 4 KiB page that serves @access, or NULL if
 * that is not to be said at a glance. Counts.
 */
static inline const struct tlb_entry *access_fast(struct cpu *cpu,
						  const struct access *access)
{
	uint64_t tag = ((access->va & cpu->mmu.va_mask) >> PAGE_SHIFT) + 1;
	const struct tlb_entry *e;

	cpu->counters.accesses++;
	if (!(cpu->tlb.sizes_used & (1U << TLB_4K)))
		return NULL;
	e = tlb_guess(&cpu->tlb, tag);
	if (!tlb_matches(e, tag, cpu->mmu.pcid) ||
	    !tlb_permits(&cpu->mmu, e, access))
		return NULL;
	cpu->counters.tlb_hits++;
	return e;
}

/* The second way: any entry of the TLB, of any size. */
static const struct tlb_entry *
access_tlb(struct cpu *cpu, const struct access *access, uint64_t *offset)
{
	va_t va = access->va & cpu->mmu.va_mask;
	const struct tlb_entry *e;
	unsigned size;

	e = tlb_find(&cpu->tlb, va, cpu->mmu.pcid, &size);
	if (!e || !tlb_permits(&cpu->mmu, e, access))
		return NULL;
	cpu->counters.tlb_hits++;
	*offset = va & (BIT(tlb_geometry[size].shift) - 1);
	return e;
}

/* The third way: through the tables. Needs a struct walk, so out of line. */
static __attribute__((noinline)) bool access_walk(struct cpu *cpu,
						  const struct access *access,
						  pa_t *pa, struct fault *fault)
{
	struct walk w;

	if (!access_slow(cpu, access, &w)) {
		*fault = w.fault;
		return false;
	}
	*pa = w.pa;
	return true;
}

/* Out of line, so that the fast path needs no stack frame. */
static __attribute__((noinline)) bool access_other(struct cpu *cpu,
						   const struct access *access,
						   pa_t *pa,
						   struct fault *fault)
{
	uint64_t offset;
	const struct tlb_entry *e = access_tlb(cpu, access, &offset);

	if (!e)
		return access_walk(cpu, access, pa, fault);
	*pa = e->pa | offset;
	return true;
}

bool mmu_access(struct cpu *cpu, const struct access *access, pa_t *pa,
		struct fault *fault)
{
	const struct tlb_entry *e = access_fast(cpu, access);

	if (__builtin_expect(!e, 0))
		return access_other(cpu, access, pa, fault);
	*pa = e->pa | (access->va & (PAGE_SIZE - 1));
	return true;
}

bool mmu_access_traced(struct cpu *cpu, const struct access *access,
		       struct walk *ret)
{
	cpu->counters.accesses++;
	return access_slow(cpu, access, ret);
}

static void copy_physical(struct ram *ram, const struct access *access, pa_t pa,
			  void *buf, size_t len)
{
	if (access->kind == ACCESS_WRITE)
		ram_copy_in(ram, pa, buf, len);
	else
		ram_copy_out(ram, pa, buf, len);
}

/* Moves @len bytes that lie in one 4 KiB frame. */
static bool copy_part(struct cpu *cpu, const struct access *access, void *buf,
		      size_t len, struct fault *fault)
{
	uint64_t offset = access->va & (PAGE_SIZE - 1);
	const struct tlb_entry *e = access_fast(cpu, access);
	pa_t pa;

	if (!e)
		e = access_tlb(cpu, access, &offset);
	if (e)
		pa = e->pa | offset;
	else if (!access_walk(cpu, access, &pa, fault))
		return false;
	if (!e || !e->host)
		copy_physical(cpu->ram, access, pa, buf, len);
	else if (access->kind == ACCESS_WRITE)
		memcpy(e->host + offset, buf, len);
	else
		memcpy(buf, e->host + offset, len);
	return true;
}

size_t mmu_copy(struct cpu *cpu, const struct access *access, void *buf,
		size_t len, struct fault *fault)
{
	struct access part = *access;
	size_t done = 0;

	while (done < len) {
		size_t n = PAGE_SIZE - (part.va & (PAGE_SIZE - 1));

		if (n > len - done)
			n = len - done;
		if (!copy_part(cpu, &part, (uint8_t *)buf + done, n, fault))
			break;
		done += n;
		part.va += n;
	}
	return done;
}
