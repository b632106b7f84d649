/*
 * mmu.c - what registers and features make of translation: the mode,
 * reserved bits, who may do what, and the error code of a fault.
 *
 * All of it that does not depend on the access is worked out when a register
 * changes (mmu_refresh), so that the walk (walk.c) and the TLB hit
 * (access.c) only mask and compare. Source: SDM volume 3A, "Paging".
 */
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

/*
 * On a CPU without a PAT its bit is reserved where a page is mapped; but
 * 32-bit paging reserves nothing unless CR4.PSE=1 (SDM "32-Bit Paging").
 */
static uint64_t pat_reserved(const struct mmu *mmu, unsigned level)
{
	if (mmu->features->pat || (mmu->mode->pse36 && !mmu->pse))
		return 0;
	return level + 1U < mmu->mode->nlevels ? PTE_PAT_LARGE : PTE_PAT;
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
	struct mmu_level ret = {
		.table_rsvd = l->table_rsvd | common,
		.leaf_rsvd = l->leaf_rsvd | common | pat_reserved(mmu, level),
		.implied = l->implied,
		.index_mask = (1U << l->bits) - 1,
		.shift = l->shift,
		.may_map = l->may_map && !lacks_gb &&
			   (mmu->pse || !l->needs_pse),
	};

	if (ret.may_map)
		ret.leaf_mask = PTE_PS;
	if (level + 1U == mmu->mode->nlevels)
		ret.leaf_mask = PTE_P;
	if (lacks_gb)
		ret.table_rsvd |= PTE_PS;
	if (mmu->mode->pse36 && l->may_map)
		ret.leaf_rsvd |= pse36_reserved(mmu->features);
	ret.table_bad = ret.table_rsvd | PTE_P;
	ret.leaf_bad = ret.leaf_rsvd | PTE_P;
	mmu->level[level] = ret;
}

/*
 * SDM "Determination of Access Rights", user-mode accesses. Protection keys
 * are apart: see mmu_deny_key(). Rights from a TLB may hold an XD that was
 * cached before EFER.NXE was cleared: then it forbids nothing.
 */
static enum fault_reason deny_user(const struct mmu *mmu, enum access_kind kind,
				   struct rights rights)
{
	if (!rights.user)
		return FAULT_SUPERVISOR_PAGE;
	if (kind == ACCESS_WRITE && !rights.write)
		return FAULT_READ_ONLY;
	if (kind == ACCESS_FETCH && rights.xd && mmu->xd_mask)
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
		return rights.xd && mmu->xd_mask ? FAULT_XD : FAULT_NONE;
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
		return deny_user(mmu, kind, rights);
	return deny_supervisor(mmu, kind, who, rights);
}

/* One bit for each combination of rights: set if the access is denied. */
static uint8_t deny_mask(const struct mmu *mmu, enum access_kind kind,
			 unsigned who)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct rights rights = { .bits = i };

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
	mmu->root = mmu->cr3 & mode->cr3_mask;
	mmu->addr_mask = mode->addr_mask;
	mmu->unused_bits = mode->canonical ? 64 - mode->va_bits : 0;
	mmu->pse = mmu->cr4 & CR4_PSE;
	mmu->xd_mask = mode->has_xd && nxe ? PTE_XD : 0;
	mmu->va_mask = mode->canonical ? ~0ULL : BIT(mode->va_bits) - 1;
	mmu->pcid = current_pcid(mmu);
	mmu->pku_on = mode->has_pk && (mmu->cr4 & CR4_PKE);
	mmu->pks_on = mode->has_pk && (mmu->cr4 & CR4_PKS);
	mmu->id_bit = mmu->xd_mask || (mmu->cr4 & CR4_SMEP);
	for (unsigned level = 0; level < mode->nlevels; level++)
		refresh_level(mmu, level);
	for (unsigned kind = 0; kind <= ACCESS_FETCH; kind++)
		for (unsigned who = 0; who < WHO_NUM; who++)
			mmu->deny[kind][who] = deny_mask(mmu, kind, who);
}

void mmu_set_root(struct mmu *mmu, const struct ram *ram, uint64_t cr3)
{
	mmu->cr3 = cr3;
	mmu->root = cr3 & mmu->mode->cr3_mask;
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

void walk_page_fault(const struct mmu *mmu, struct walk *w,
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
void walk_canonical_fault(struct walk *w)
{
	w->fault = (struct fault){
		.reason = FAULT_NOT_CANONICAL,
		.vector = w->access.stack ? VEC_SS : VEC_GP,
	};
}

/*
 * SDM "Protection Keys": data accesses only; PKRU for user-mode addresses,
 * PKRS for supervisor-mode ones. WD stops supervisor writes only with
 * CR0.WP=1.
 */
enum fault_reason mmu_deny_key(const struct mmu *mmu,
			       const struct access *access,
			       const struct rights *rights)
{
	bool on = rights->user ? mmu->pku_on : mmu->pks_on;
	uint32_t reg = rights->user ? mmu->pkru : mmu->pkrs;
	unsigned key = reg >> (2 * rights->pk) & 3;

	if (!on || access->kind == ACCESS_FETCH)
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
	if (denied >> walk->rights.bits & 1)
		return deny_rights(mmu, a->kind, who, walk->rights);
	return mmu_deny_key(mmu, a, &walk->rights);
}

static unsigned leaf_level(const struct walk *w)
{
	unsigned level = 0;

	while (level + 1U < w->mode->nlevels &&
	       w->mode->level[level].shift != w->page_shift)
		level++;
	return level;
}

/*
 * The first level whose entry withholds what @reason names, be it one above
 * the walk's beginning, of which a cache told; else the leaf.
 */
static unsigned deciding_level(const struct walk *w, enum fault_reason reason)
{
	for (unsigned i = w->first; i < w->nsteps; i++) {
		uint64_t entry = w->step[i].entry | w->mode->level[i].implied;

		if (reason == FAULT_SUPERVISOR_PAGE && !(entry & PTE_US))
			return i;
		if ((reason == FAULT_READ_ONLY || reason == FAULT_WP) &&
		    !(entry & PTE_RW))
			return i;
		if (reason == FAULT_XD && (entry & PTE_XD))
			return i;
	}
	if (w->first && reason < FAULT_SMEP)
		return w->first - 1U;
	return leaf_level(w);
}

bool walk_check_rights(const struct mmu *mmu, struct walk *w)
{
	enum fault_reason reason = mmu_check(mmu, w);
	uint32_t code = PF_P;

	if (!reason)
		return true;
	/* SDM: the PK flag is set even if other rights deny it as well. */
	if (mmu_deny_key(mmu, &w->access, &w->rights))
		code |= PF_PK;
	walk_page_fault(mmu, w, reason, deciding_level(w, reason), code);
	return false;
}
