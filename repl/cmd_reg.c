/*
 * cmd_reg.c - registers of a CPU, one row each: reg.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "repl/boot_args.h"
#include "repl/cmd.h"

/* --- the rows ---------------------------------------------------------------- */
static uint64_t get_cr0(const struct cpu *c) { return c->mmu.cr0; }
static uint64_t get_cr2(const struct cpu *c) { return c->cr2; }
static uint64_t get_cr3(const struct cpu *c) { return c->mmu.cr3; }
static uint64_t get_cr4(const struct cpu *c) { return c->mmu.cr4; }
static uint64_t get_efer(const struct cpu *c) { return c->mmu.efer; }
static uint64_t get_pkru(const struct cpu *c) { return c->mmu.pkru; }
static uint64_t get_pkrs(const struct cpu *c) { return c->mmu.pkrs; }
static uint64_t get_pat(const struct cpu *c) { return c->memtype.pat; }
static uint64_t get_cpl(const struct cpu *c) { return c->cpl; }
static uint64_t get_pdpte0(const struct cpu *c) { return c->mmu.pdpte[0]; }
static uint64_t get_pdpte1(const struct cpu *c) { return c->mmu.pdpte[1]; }
static uint64_t get_pdpte2(const struct cpu *c) { return c->mmu.pdpte[2]; }
static uint64_t get_pdpte3(const struct cpu *c) { return c->mmu.pdpte[3]; }

static const char *set_cr2(struct cpu *c, uint64_t v)
{
	c->cr2 = v;
	return NULL;
}

static const char *set_cpl(struct cpu *c, uint64_t v)
{
	if (v != 0 && v != 3)
		return "CPL is 0 or 3 here";
	if (v && !(c->mmu.cr0 & CR0_PE))
		return "CPL is 0 while CR0.PE=0";
	c->cpl = v;
	return NULL;
}

/* The eight types, entry 0 first: "WB WT UC- UC WB WT UC- UC". */
static const char *decode_pat(uint64_t v, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < 8 && n < size; i++)
		n += snprintf(buf + n, size - n, "%s%s", i ? " " : "",
			      memtype_name[pat_entry(v, i)]);
	return buf;
}

static bool has_pat(const struct cpu *c) { return c->features.pat; }
static bool has_pku(const struct cpu *c) { return c->features.pku; }
static bool has_pks(const struct cpu *c) { return c->features.pks; }
static bool is_pae(const struct cpu *c) { return c->mmu.mode->pdpte_regs; }

/* PKRU and IA32_PKRS: two bits a key. */
#define KEY(n, s) { BIT(2 * (n)), "AD" s, NULL }, \
		  { BIT(2 * (n) + 1), "WD" s, NULL }
static const struct flag_name key_flags[] = {
	KEY(0, "0"), KEY(1, "1"), KEY(2, "2"), KEY(3, "3"), KEY(4, "4"),
	KEY(5, "5"), KEY(6, "6"), KEY(7, "7"), KEY(8, "8"), KEY(9, "9"),
	KEY(10, "10"), KEY(11, "11"), KEY(12, "12"), KEY(13, "13"),
	KEY(14, "14"), KEY(15, "15"), { 0 },
};

static const struct reg {
	const char *name;
	uint64_t (*get)(const struct cpu *cpu);
	const char *(*set)(struct cpu *cpu, uint64_t value); /* NULL: no way */
	const struct flag_name *flags;
	unsigned digits;	/* 0: those of an address */
	bool (*here)(const struct cpu *cpu);	/* NULL: always */
	const char *elsewhere;	/* what to say where it is not */
	const char *(*decode)(uint64_t value, char *buf, size_t size);
	bool ours;		/* what refuses a value is mmsh, not the CPU */
} regs[] = {
	{ "cr0", get_cr0, cpu_write_cr0, cr0_flags, 8 },
	{ "cr2", get_cr2, set_cr2 },
	{ "cr3", get_cr3, cpu_write_cr3 },
	{ "cr4", get_cr4, cpu_write_cr4, cr4_flags, 8 },
	{ "efer", get_efer, cpu_write_efer, efer_flags, 8 },
	{ "eflags", cpu_eflags, cpu_write_eflags, eflags_flags, 8,
	  .ours = true },
	{ "pat", get_pat, cpu_write_pat, NULL, 16, has_pat,
	  "this CPU has no pat register", decode_pat },
	{ "cpl", get_cpl, set_cpl, NULL, 1, .ours = true },
	{ "pkru", get_pkru, cpu_write_pkru, key_flags, 8, has_pku,
	  "this CPU has no protection keys" },
	{ "pkrs", get_pkrs, cpu_write_pkrs, key_flags, 8, has_pks,
	  "this CPU has no protection keys for supervisor pages" },
#define PDPTE(n) { "pdpte" #n, get_pdpte##n, NULL, NULL, 16, is_pae, \
		   "only PAE paging has PDPTE registers" }
	PDPTE(0), PDPTE(1), PDPTE(2), PDPTE(3),
};

static bool is_here(const struct reg *g, const struct cpu *cpu)
{
	return !g->here || g->here(cpu);
}

/* --- shown --------------------------------------------------------------------- */
/* "key 3: WD, key 5: AD WD": only keys that take a right away. */
static void format_keys(uint64_t v, char *buf, size_t size)
{
	size_t len = 0;

	*buf = 0;
	for (unsigned key = 0; key < 16; key++) {
		unsigned bits = v >> (2 * key) & 3;

		if (bits && len < size)
			len += snprintf(buf + len, size - len,
					"%skey %u: %s%s%s", len ? ", " : "",
					key, bits & 1 ? "AD" : "",
					bits == 3 ? " " : "",
					bits & 2 ? "WD" : "");
	}
}

static void emit_flags(struct result *r, const struct cpu *cpu,
		       const struct reg *g, uint64_t v)
{
	char flags[400];

	if (g->flags)
		flags_format(flags, sizeof(flags), g->flags, v, " ");
	else if (g->here == is_pae)
		paging_format_entry(flags, sizeof(flags), cpu->mmu.mode, 0, v,
				    false);
	else
		return;
	res_flags(r, "flags", g->flags == key_flags ? NULL : "%s", flags);
	if (g->flags == key_flags) {
		format_keys(v, flags, sizeof(flags));
		res_str(r, NULL, "%s", flags);
	}
}

static void emit_reg(struct result *r, const struct cpu *cpu,
		     const struct reg *g, int width)
{
	uint64_t v = g->get(cpu);
	char types[64];

	res_item(r, false);
	res_str(r, "name", NULL, g->name);
	res_text(r, COL_NAME, "%-*s", width, g->name);
	res_hex(r, "value", "%s", v, g->digits ? g->digits : r->va_digits);
	emit_flags(r, cpu, g, v);
	if (g->decode)
		res_flags(r, "types", "%s", g->decode(v, types, sizeof(types)));
	res_end(r);
}

/* --- chosen ---------------------------------------------------------------------- */
static const struct reg *find_reg(struct cmd_ctx *c, const char *name)
{
	const char *names[ARRAY_SIZE(regs) + 1] = { NULL };
	const char *close;

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		if (strcasecmp(name, regs[i].name) == 0)
			return &regs[i];
		names[i] = regs[i].name;
	}
	err_set(c->err, ERR_USER, "%s: no such register", name);
	close = closest_name(name, names);
	if (close)
		err_hint(c->err, "did you mean %s?", close);
	else
		err_hint(c->err, "reg lists them");
	return NULL;
}

/* --- loaded ------------------------------------------------------------------------ */
static int unknown_bit(struct cmd_ctx *c, const struct reg *g, const char *word)
{
	struct closest near;
	char names[160];

	if (word[1] == 'c' && !word[2]) {
		err_set(c->err, ERR_USAGE, "-c: options come before %s",
			g->name);
		return -1;
	}
	if (!g->flags)
		return err_set(c->err, ERR_USER, "%s: %s has no named bits",
			       word, g->name);
	if (!word[1])
		return err_set(c->err, ERR_USER, "%s: a bit's name is missing",
			       word);
	closest_init(&near, word + 1);
	for (const struct flag_name *f = g->flags; f->name; f++)
		closest_try(&near, f->name);
	err_set(c->err, ERR_USER, "%s: no such bit of %s", word, g->name);
	if (near.best)
		err_hint(c->err, "did you mean %c%s?", *word, near.best);
	else
		err_hint(c->err, "%s has %s", g->name,
			 flags_format(names, sizeof(names), g->flags, ~0ULL,
				      " "));
	return -1;
}

/* The @i-th word: +BIT, -BIT, or, if it is the first, the value. */
static int change(struct cmd_ctx *c, const struct reg *g, unsigned i,
		  uint64_t *v)
{
	const char *word = c->rest[i];
	bool named = (*word == '+' || *word == '-') &&
		     (isalpha((unsigned char)word[1]) || !word[1]);
	uint64_t mask = named && g->flags ? flags_lookup(g->flags, word + 1)
					  : 0;
	struct value value;

	if (named && !mask)
		return unknown_bit(c, g, word);
	if (named) {
		*v = *word == '+' ? *v | mask : *v & ~mask;
		return 0;
	}
	if (i > 0)
		return err_set(c->err, ERR_USAGE, "%s: one value too many",
			       word);
	if (g->flags && flags_lookup(g->flags, word)) {
		err_set(c->err, ERR_USER, "%s: + or - is missing", word);
		err_hint(c->err, "+%s sets it, -%s clears it", word, word);
		return -1;
	}
	if (expr_eval_as(c->s, word, "a number", &value, c->err) < 0) {
		c->err->len = 0; /* it counts from the word */
		return -1;
	}
	*v = value.type == V_PFN || value.type == V_PAGE
		     ? value.n << PAGE_SHIFT : value.n;
	return 0;
}

static int load(struct cmd_ctx *c, struct cpu *cpu, const struct reg *g)
{
	uint64_t v = g->get(cpu);
	const char *rule;

	for (unsigned i = 0; i < c->nrest; i++)
		if (change(c, g, i, &v) < 0)
			return -1;
	if (!g->set) {
		err_set(c->err, ERR_USER, "%s: loaded by MOV to CR3, not by "
			"itself", g->name);
		err_hint(c->err, "poke the table, then reg cr3 0x%llx",
			 (unsigned long long)cpu->mmu.cr3);
		return -1;
	}
	rule = g->set(cpu, v);
	if (rule && g->ours)
		return err_set(c->err, ERR_USER, "%s", rule);
	if (rule) {
		err_set(c->err, ERR_FAULT, "#GP(0): %s", rule);
		boot_hint_feature(c->s, rule, c->err);
		return -1;
	}
	if (c->k)
		c->k->ram_poked = true;
	return 0;
}

static int reg_run(struct cmd_ctx *c)
{
	struct cpu *cpu = cmd_chosen_cpu(c);
	const struct reg *g = NULL;

	if (c->arg[0].set) {
		g = find_reg(c, c->arg[0].str);
		if (!g)
			return -1;
		if (!is_here(g, cpu))
			return err_set(c->err, ERR_USER, "%s", g->elsewhere);
	}
	if (c->nrest && load(c, cpu, g) < 0)
		return -1;
	res_list(c->r, "registers", RES_LINES);
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		if (g ? g == &regs[i] : is_here(&regs[i], cpu))
			emit_reg(c->r, cpu, &regs[i], g ? 0 : 6);
	res_end(c->r);
	return 0;
}

static const char *reg_name(unsigned i)
{
	return i < ARRAY_SIZE(regs) ? regs[i].name : NULL;
}

const struct command cmd_reg = {
	.name = "reg", .alias = "registers", .group = "processor",
	.flags = CMD_CHANGES,
	.help = "show or load control registers",
	.details =
	"NAME is cr0, cr2, cr3, cr4, efer, eflags, pat, cpl, pkru, pkrs, or, in PAE\n"
	"paging, pdpte0 to pdpte3. VALUE is loaded; +BIT and -BIT set and clear\n"
	"bits by name, all in one instruction. A load that the CPU refuses ends in\n"
	"#GP, with the rule that it breaks. Of EFLAGS there are IF and AC; +if lets\n"
	"shootdowns in that are pending. Of PKRU the bits are AD0 to AD15, WD0 to\n"
	"WD15. Options come before NAME.",
	.example = "reg cr4 -pge",
	.opt = { CMD_OPT_CPU },
	.arg = { { "NAME", ARG_WORD, .optional = true },
		 { "VALUE|+BIT|-BIT", ARG_WORD, .optional = true,
		   .repeat = true } },
	.run = reg_run, .word = reg_name,
};
