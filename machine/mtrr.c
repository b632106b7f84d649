/*
 * mtrr.c - see mtrr.h.
 *
 * Source: SDM volume 3A, "Memory Type Range Registers (MTRRs)": "MTRR
 * Precedences", "Setting Memory Ranges with MTRRs". What firmware leaves was
 * read from the registers of QEMU 7.2's machine "pc".
 */
#include "machine/mtrr.h"

#include <string.h>

const char *const memtype_name[MT_NUM] = {
	[MT_UC] = "UC", [MT_WC] = "WC", [2] = "reserved", [3] = "reserved",
	[MT_WT] = "WT", [MT_WP] = "WP", [MT_WB] = "WB",	  [MT_UC_MINUS] = "UC-",
};

const struct mtrr_fixed mtrr_fixed[MTRR_NFIXED] = {
	{ 0x250, 0x00000, 0x10000 }, /* IA32_MTRR_FIX64K_00000 */
	{ 0x258, 0x80000, 0x4000 },  /* IA32_MTRR_FIX16K_80000 */
	{ 0x259, 0xa0000, 0x4000 },
	{ 0x268, 0xc0000, 0x1000 }, /* IA32_MTRR_FIX4K_C0000 */
	{ 0x269, 0xc8000, 0x1000 },
	{ 0x26a, 0xd0000, 0x1000 },
	{ 0x26b, 0xd8000, 0x1000 },
	{ 0x26c, 0xe0000, 0x1000 },
	{ 0x26d, 0xe8000, 0x1000 },
	{ 0x26e, 0xf0000, 0x1000 },
	{ 0x26f, 0xf8000, 0x1000 },
};

#define FIXED_END 0x100000ULL
#define FOUR_GIB  BIT(32)

/* --- registers ------------------------------------------------------------ */

/* Types that an MTRR may hold, by encoding. */
#define TYPES (BIT(MT_UC) | BIT(MT_WC) | BIT(MT_WT) | BIT(MT_WP) | BIT(MT_WB))

static bool type_ok(uint64_t type)
{
	return type < MT_NUM && (TYPES >> type & 1);
}

static const char *const bad_type = "MTRR: a reserved memory type";

static const char *check_fixed(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		if (!type_ok(value >> 8 * i & 0xff))
			return bad_type;
	return NULL;
}

static const char *check_def_type(uint64_t value)
{
	if (value & ~(MTRR_DEF_E | MTRR_DEF_FE | 0xff))
		return "IA32_MTRR_DEF_TYPE[63:12] and [9:8] are reserved";
	return type_ok(value & 0xff) ? NULL : bad_type;
}

static const char *check_variable(uint64_t value, bool mask,
				  unsigned maxphyaddr)
{
	if (value >> maxphyaddr)
		return "MTRR: bits above MAXPHYADDR are reserved";
	if (mask)
		return value & (MTRR_VALID - 1)
			       ? "IA32_MTRR_PHYSMASK[10:0] is reserved"
			       : NULL;
	if (value & 0xf00)
		return "IA32_MTRR_PHYSBASE[11:8] is reserved";
	return type_ok(value & 0xff) ? NULL : bad_type;
}

/* The register of a variable range, or NULL. Odd numbers are masks. */
static uint64_t *variable_register(struct mtrr *mtrr, uint32_t msr)
{
	unsigned n = (msr - MSR_MTRR_PHYSBASE(0)) / 2;

	if (msr < MSR_MTRR_PHYSBASE(0) || n >= MTRR_NVARIABLE)
		return NULL;
	return msr & 1 ? &mtrr->variable[n].mask : &mtrr->variable[n].base;
}

static uint64_t *find_register(struct mtrr *mtrr, uint32_t msr)
{
	for (unsigned i = 0; i < MTRR_NFIXED; i++)
		if (mtrr_fixed[i].msr == msr)
			return &mtrr->fixed[i];
	if (msr == MSR_MTRR_DEF_TYPE)
		return &mtrr->def_type;
	return variable_register(mtrr, msr);
}

const char *mtrr_read(const struct mtrr *mtrr, uint32_t msr, uint64_t *ret)
{
	const uint64_t *reg = find_register((struct mtrr *)mtrr, msr);

	*ret = reg ? *reg : MTRR_CAP;
	return reg || msr == MSR_MTRRCAP ? NULL : "no such MSR";
}

const char *mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value,
		       unsigned maxphyaddr)
{
	uint64_t *reg = find_register(mtrr, msr);
	const char *denied;

	if (!reg)
		return msr == MSR_MTRRCAP ? "IA32_MTRRCAP is read-only"
					  : "no such MSR";
	if (msr == MSR_MTRR_DEF_TYPE)
		denied = check_def_type(value);
	else if (variable_register(mtrr, msr))
		denied = check_variable(value, msr & 1, maxphyaddr);
	else
		denied = check_fixed(value);
	if (!denied)
		*reg = value;
	return denied;
}

/* --- look-up -------------------------------------------------------------- */

static enum memtype fixed_type(const struct mtrr *mtrr, pa_t pa)
{
	unsigned i = MTRR_NFIXED - 1;

	while (pa < mtrr_fixed[i].start)
		i--;
	return mtrr->fixed[i] >>
		       8 * ((pa - mtrr_fixed[i].start) / mtrr_fixed[i].size) &
	       0xff;
}

/* Of two ranges that both hold an address. */
static enum memtype overlap(enum memtype a, enum memtype b)
{
	if (a == b)
		return a;
	if ((a == MT_WT && b == MT_WB) || (a == MT_WB && b == MT_WT))
		return MT_WT;
	return MT_UC;
}

enum memtype mtrr_type(const struct mtrr *mtrr, pa_t pa)
{
	enum memtype type = MT_NUM;

	if (!(mtrr->def_type & MTRR_DEF_E))
		return MT_UC;
	if (pa < FIXED_END && (mtrr->def_type & MTRR_DEF_FE))
		return fixed_type(mtrr, pa);
	for (unsigned i = 0; i < MTRR_NVARIABLE; i++) {
		uint64_t mask = mtrr->variable[i].mask & PAGE_MASK;
		enum memtype here = mtrr->variable[i].base & 0xff;

		if (!(mtrr->variable[i].mask & MTRR_VALID) ||
		    ((pa ^ mtrr->variable[i].base) & mask))
			continue;
		type = type == MT_NUM ? here : overlap(type, here);
	}
	return type == MT_NUM ? mtrr->def_type & 0xff : type;
}

/*
 * Does the mask of a valid range tell apart addresses of the aligned @size
 * bytes at @start, some of which are in it?
 */
static bool is_cut(const struct mtrr *mtrr, pa_t start, uint64_t size)
{
	if (start < FIXED_END && (mtrr->def_type & MTRR_DEF_FE))
		return true;
	for (unsigned i = 0; i < MTRR_NVARIABLE; i++) {
		uint64_t mask = mtrr->variable[i].mask & PAGE_MASK;

		if ((mtrr->variable[i].mask & MTRR_VALID) &&
		    (mask & (size - 1)) &&
		    !((start ^ mtrr->variable[i].base) & mask & ~(size - 1)))
			return true;
	}
	return false;
}

bool mtrr_uniform(const struct mtrr *mtrr, pa_t start, uint64_t size)
{
	enum memtype first = mtrr_type(mtrr, start);

	if (!is_cut(mtrr, start, size))
		return true;
	for (pa_t pa = start; pa - start < size; pa += PAGE_SIZE)
		if (mtrr_type(mtrr, pa) != first)
			return false;
	return true;
}

/* --- firmware ------------------------------------------------------------- */

static uint64_t eight(enum memtype type)
{
	return type * 0x0101010101010101ULL;
}

static enum memtype firmware_fixed(pa_t start)
{
	if (start < 0xa0000)
		return MT_WB;
	return start < 0xc0000 ? MT_UC : MT_WP;
}

/*
 * Where UC memory begins below 4 GiB: at 2 GiB or 3 GiB if RAM ends by
 * then, else behind RAM. In whole MiB, so that there are registers enough.
 */
static pa_t hole_start(const struct ram *ram)
{
	pa_t end = 0;

	for (unsigned i = 0; i < ram->nregions; i++)
		if (ram->region[i].backed && ram->region[i].start < FOUR_GIB)
			end = ram->region[i].end;
	if (end <= FOUR_GIB / 2)
		return FOUR_GIB / 2;
	if (end <= FOUR_GIB / 4 * 3)
		return FOUR_GIB / 4 * 3;
	return ALIGN_UP(end, FIXED_END);
}

/* A range is a power of two, and begins at a multiple of its size. */
static void cover(struct mtrr *mtrr, pa_t start, pa_t end, enum memtype type,
		  unsigned maxphyaddr)
{
	for (unsigned i = 0; start < end && i < MTRR_NVARIABLE; i++) {
		uint64_t size = start & -start;

		mtrr->variable[i].base = start | type;
		mtrr->variable[i].mask =
			((BIT(maxphyaddr) - 1) & -size) | MTRR_VALID;
		start += size;
	}
}

void mtrr_init(struct mtrr *mtrr, const struct ram *ram, unsigned maxphyaddr)
{
	memset(mtrr, 0, sizeof(*mtrr));
	for (unsigned i = 0; i < MTRR_NFIXED; i++)
		mtrr->fixed[i] = eight(firmware_fixed(mtrr_fixed[i].start));
	cover(mtrr, hole_start(ram), FOUR_GIB, MT_UC, maxphyaddr);
	mtrr->def_type = MTRR_DEF_E | MTRR_DEF_FE | MT_WB;
}
