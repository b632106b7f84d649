/*
 * cmd_mtrr.c - mtrr: the memory type range registers, shown and set.
 *
 * Ranges are given as to Linux' /proc/mtrr, and refused as
 * arch/x86/kernel/cpu/mtrr (6.1) does. What is written is written on all
 * CPUs: they should never differ.
 */
#include <string.h>
#include <strings.h>

#include "repl/cmd.h"

/* --- shown -------------------------------------------------------------------
 */
static const struct res_column mtrr_cols[] = {
	{ "register", "register", false }, { "start", "start", false },
	{ "last", "last", false },	   { "size", "size", true },
	{ "type", "type", false },	   { 0 },
};

/* As /proc/mtrr spells them. */
static const char *const long_name[MT_NUM] = {
	[MT_UC] = "uncachable",	   [MT_WC] = "write-combining",
	[MT_WT] = "write-through", [MT_WP] = "write-protect",
	[MT_WB] = "write-back",
};

static void emit_range(struct result *r, const char *name, pa_t start,
		       uint64_t size, enum memtype type)
{
	res_item(r, false);
	res_str(r, "register", "%s", name);
	res_pa(r, "start", "%s", start);
	res_pa(r, "last", "%s", start + size - 1);
	res_size(r, "size", "%s", size);
	res_strf(r, "type", "%s", "%s", memtype_name[type]);
	res_end(r);
}

/* Of the fixed range number @i, 0 to 87. */
static enum memtype fixed_type(const struct mtrr *mtrr, unsigned i)
{
	return mtrr->fixed[i / 8] >> 8 * (i % 8) & 0xff;
}

static pa_t fixed_start(unsigned i)
{
	const struct mtrr_fixed *f = &mtrr_fixed[i / 8];

	return i < 8 * MTRR_NFIXED ? f->start + i % 8 * f->size : 1 << 20;
}

/* Neighbours of one type are one line. */
static void emit_fixed(struct result *r, const struct mtrr *mtrr)
{
	unsigned from = 0;

	for (unsigned i = 1; i <= 8 * MTRR_NFIXED; i++) {
		enum memtype type = fixed_type(mtrr, from);

		if (i < 8 * MTRR_NFIXED && fixed_type(mtrr, i) == type)
			continue;
		emit_range(r, "fixed", fixed_start(from),
			   fixed_start(i) - fixed_start(from), type);
		from = i;
	}
}

struct range {
	pa_t start;
	uint64_t size;
	enum memtype type;
};

/* What variable range @i covers; false if it is free. */
static bool get_range(const struct mtrr *mtrr, unsigned i, struct range *ret)
{
	uint64_t mask = mtrr->variable[i].mask;

	if (!(mask & MTRR_VALID))
		return false;
	mask &= PAGE_MASK;
	ret->size = mask & -mask;
	ret->start = mtrr->variable[i].base & mask;
	ret->type = mtrr->variable[i].base & 0xff;
	return true;
}

static void emit_variable(struct result *r, const struct mtrr *mtrr)
{
	struct range range;
	char name[] = "reg00";

	for (unsigned i = 0; i < MTRR_NVARIABLE; i++) {
		name[4] = '0' + i;
		if (get_range(mtrr, i, &range))
			emit_range(r, name, range.start, range.size,
				   range.type);
	}
}

static void emit_mtrr(struct result *r, const struct mtrr *mtrr)
{
	bool on = mtrr->def_type & MTRR_DEF_E;
	bool fixed = mtrr->def_type & MTRR_DEF_FE;

	res_text(r, COL_PLAIN, "MTRRs %s", on ? "on" : "off: all memory is UC");
	if (on)
		res_text(r, COL_PLAIN, "fixed ranges %s", fixed ? "on" : "off");
	res_str(r, "default", on ? "default %s" : NULL,
		memtype_name[mtrr->def_type & 7]);
	res_hex(r, "def_type", "IA32_MTRR_DEF_TYPE %s", mtrr->def_type, 1);
	res_bool(r, "enabled", NULL, on);
	res_bool(r, "fixed_enabled", NULL, fixed);
	res_line(r);
	res_table(r, "ranges", mtrr_cols);
	emit_fixed(r, mtrr);
	emit_variable(r, mtrr);
	res_end(r);
}

/* --- the words ---------------------------------------------------------------- */
struct request {
	bool has_base, has_size, has_type, has_disable;
	struct range range;
	uint64_t disable;  /* number of a variable range */
	uint64_t def_type; /* IA32_MTRR_DEF_TYPE, as it is to be */
};

static int get_type(struct cmd_ctx *c, const char *word, enum memtype *ret)
{
	for (unsigned i = 0; i < MT_NUM; i++)
		if (long_name[i] && (!strcasecmp(word, memtype_name[i]) ||
				     !strcasecmp(word, long_name[i]))) {
			*ret = i;
			return 0;
		}
	err_set(c->err, ERR_USER, "%s: no type of an MTRR", word);
	err_hint(c->err, "UC, WC, WT, WP or WB; or as /proc/mtrr has it, "
			 "uncachable, write-combining ...");
	return -1;
}

static int get_number(struct cmd_ctx *c, const char *word, uint64_t *ret)
{
	struct value v;

	if (expr_eval_as(c->s, word, "a number", &v, c->err) < 0) {
		c->err->len = 0; /* only words are known here */
		return -1;
	}
	if (v.type != V_PLAIN && v.type != V_PA)
		return err_set(c->err, ERR_USER,
			       "%s: not a physical address or a number", word);
	*ret = v.n;
	return 0;
}

static int set_base(struct cmd_ctx *c, const char *word, struct request *q)
{
	q->has_base = true;
	return get_number(c, word, &q->range.start);
}

static int set_size(struct cmd_ctx *c, const char *word, struct request *q)
{
	q->has_size = true;
	return get_number(c, word, &q->range.size);
}

static int set_type(struct cmd_ctx *c, const char *word, struct request *q)
{
	q->has_type = true;
	return get_type(c, word, &q->range.type);
}

static int set_disable(struct cmd_ctx *c, const char *word, struct request *q)
{
	q->has_disable = true;
	return get_number(c, word, &q->disable);
}

static int set_default(struct cmd_ctx *c, const char *word, struct request *q)
{
	enum memtype type;

	if (get_type(c, word, &type) < 0)
		return -1;
	q->def_type = (q->def_type & ~0xffULL) | type;
	return 0;
}

static int set_flag(struct cmd_ctx *c, const char *word, uint64_t flag,
		    uint64_t *reg)
{
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return err_set(c->err, ERR_USER, "%s: on or off", word);
	*reg = word[1] == 'n' ? *reg | flag : *reg & ~flag;
	return 0;
}

static int set_fixed(struct cmd_ctx *c, const char *word, struct request *q)
{
	return set_flag(c, word, MTRR_DEF_FE, &q->def_type);
}

static int set_enable(struct cmd_ctx *c, const char *word, struct request *q)
{
	return set_flag(c, word, MTRR_DEF_E, &q->def_type);
}

static const struct {
	const char *name;
	int (*set)(struct cmd_ctx *c, const char *word, struct request *q);
} keys[] = {
	{ "base", set_base },	    { "size", set_size },
	{ "type", set_type },	    { "disable", set_disable },
	{ "default", set_default }, { "fixed", set_fixed },
	{ "enable", set_enable },
};

static const char *key_name(unsigned i)
{
	return i < ARRAY_SIZE(keys) ? keys[i].name : NULL;
}

static int parse_word(struct cmd_ctx *c, const char *word, struct request *q)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].name) == len &&
		    !memcmp(keys[i].name, word, len))
			return keys[i].set(c, word + len + 1, q);
	err_set(c->err, ERR_USAGE, "%s: no such key", word);
	err_hint(c->err, "base=, size=, type=; disable=; default=, fixed=, "
			 "enable=");
	return -1;
}

/* --- set ---------------------------------------------------------------------- */
static int write_all(struct cmd_ctx *c, uint32_t msr, uint64_t value)
{
	const char *rule = NULL;

	for (unsigned i = 0; i < c->m->ncpus && !rule; i++)
		rule = cpu_write_mtrr(&c->m->cpu[i], msr, value);
	return rule ? err_set(c->err, ERR_FAULT, "#GP(0): %s", rule) : 0;
}

/* Do the rules of MTRR precedence say what comes of both? */
static bool types_compatible(enum memtype a, enum memtype b)
{
	return a == b || a == MT_UC || b == MT_UC ||
	       (a == MT_WT && b == MT_WB) || (a == MT_WB && b == MT_WT);
}

static int check_range(struct cmd_ctx *c, const struct range *q)
{
	if ((q->start | q->size) & (PAGE_SIZE - 1))
		return err_set(c->err, ERR_USER,
			       "size and base must be multiples of 4K");
	if (!q->size || (q->size & (q->size - 1)))
		return err_set(c->err, ERR_USER,
			       "size must be a power of two: 4K, 8K, 16K ...");
	if (q->start & (q->size - 1))
		return err_set(c->err, ERR_USER,
			       "base must be a multiple of size");
	return 0;
}

/*
 * A free register for a range, or -1. Ranges are powers of two, so that of
 * two that meet one encloses the other.
 */
static int choose(struct cmd_ctx *c, const struct mtrr *mtrr,
		  const struct range *q)
{
	int chosen = -1;
	struct range old;

	for (int i = MTRR_NVARIABLE - 1; i >= 0; i--) {
		if (!get_range(mtrr, i, &old)) {
			chosen = i;
			continue;
		}
		if (q->start >= old.start + old.size ||
		    old.start >= q->start + q->size ||
		    types_compatible(old.type, q->type))
			continue;
		return err_set(c->err, ERR_USER,
			       "%s overlaps reg%02d, which is %s: the result "
			       "is undefined",
			       memtype_name[q->type], i,
			       memtype_name[old.type]);
	}
	if (chosen < 0)
		err_set(c->err, ERR_USER, "no variable range is free");
	return chosen;
}

static int add_range(struct cmd_ctx *c, const struct range *q)
{
	const struct cpu *cpu = &c->m->cpu[0];
	uint64_t mask = BIT(cpu->features.maxphyaddr) - 1;
	int i;

	if (check_range(c, q) < 0)
		return -1;
	i = choose(c, &cpu->memtype.mtrr, q);
	if (i < 0 || write_all(c, MSR_MTRR_PHYSBASE(i), q->start | q->type) < 0)
		return -1;
	return write_all(c, MSR_MTRR_PHYSMASK(i),
			 (mask & -q->size) | MTRR_VALID);
}

static int disable_range(struct cmd_ctx *c, uint64_t i)
{
	if (i >= MTRR_NVARIABLE)
		return err_set(c->err, ERR_USER,
			       "disable=%llu: there are reg00 to reg%02d",
			       (unsigned long long)i, MTRR_NVARIABLE - 1);
	if (write_all(c, MSR_MTRR_PHYSMASK(i), 0) < 0)
		return -1;
	return write_all(c, MSR_MTRR_PHYSBASE(i), 0);
}

static int apply(struct cmd_ctx *c, const struct request *q)
{
	unsigned has = q->has_base + q->has_size + q->has_type;

	if (has % 3 || (has && q->has_disable))
		return err_set(c->err, ERR_USAGE,
			       "a range needs base=, size= and type=, and is "
			       "disabled by disable=N alone");
	if (q->has_disable && disable_range(c, q->disable) < 0)
		return -1;
	if (has && add_range(c, &q->range) < 0)
		return -1;
	if (q->def_type == c->m->cpu[0].memtype.mtrr.def_type)
		return 0;
	return write_all(c, MSR_MTRR_DEF_TYPE, q->def_type);
}

static int mtrr_run(struct cmd_ctx *c)
{
	const struct mtrr *mtrr = &c->m->cpu[0].memtype.mtrr;
	struct request q = { .def_type = mtrr->def_type };

	for (unsigned i = 0; i < c->nrest; i++)
		if (parse_word(c, c->rest[i], &q) < 0)
			return -1;
	if (apply(c, &q) < 0)
		return -1;
	emit_mtrr(c->r, mtrr);
	return 0;
}

const struct command cmd_mtrr = {
	.name = "mtrr", .group = "processor", .flags = CMD_CHANGES,
	.help = "memory type range registers: the type of physical addresses",
	.details =
	"Without words: the fixed ranges below 1 MiB, and the variable ones that\n"
	"are in use. base=PA size=SIZE type=TYPE takes a free variable range, and\n"
	"disable=N frees regN, as with /proc/mtrr; default=TYPE, fixed=on|off and\n"
	"enable=on|off are fields of IA32_MTRR_DEF_TYPE. TYPE is UC, WC, WT, WP,\n"
	"WB, or the long name of /proc/mtrr. Where ranges overlap UC wins, and WT\n"
	"over WB. All CPUs are given the same values, and their TLBs are flushed.",
	.example = "mtrr",
	.arg = { { "KEY=VALUE", ARG_KEYVAL, .optional = true, .repeat = true } },
	.run = mtrr_run, .key = key_name,
};
