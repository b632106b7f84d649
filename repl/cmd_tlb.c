/*
 * cmd_tlb.c - what the CPUs have cached: tlb. What of it no longer agrees with
 * memory (tlb --stale) is in cmd_stale.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/cmd_tlb.h"

/* Where an entry may be: the levels of the TLB, and behind them the
 * paging-structure caches, by depth. */
#define IN_PSC(depth) (TLB_NLEVELS + (depth))

const char *const psc_name[PAGING_MAX_LEVELS] = {
	NULL, "PDE", "PDPTE", "PML4E", "PML5E",
};

static const char *place_name(unsigned in)
{
	return in < TLB_NLEVELS ? tlb_level_name[in]
				: psc_name[in - TLB_NLEVELS];
}

/* One cached entry, of either kind. */
struct cached {
	const struct cpu *cpu;
	unsigned in;
	va_t va;
	unsigned shift;
	uint16_t pcid;
	const struct tlb_entry *page; /* or */
	const struct psc_entry *table;
};

/* What is asked for, and what was found. */
struct listing {
	struct cmd_ctx *c;
	int cpu;  /* -1: all */
	int in;	  /* -1: everywhere; IN_PSC(0): all of those */
	bool one; /* only what translates .va */
	va_t va;
	struct cached *item; /* owned */
	size_t n, room;
};

static bool wanted(const struct listing *l, const struct cached *e)
{
	bool psc = l->in == IN_PSC(0) && e->table;

	if (l->in >= 0 && (unsigned)l->in != e->in && !psc)
		return false;
	return !l->one || (l->va ^ e->va) >> e->shift == 0;
}

static void add(struct listing *l, const struct cached *e)
{
	if (!wanted(l, e))
		return;
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->item = realloc(l->item, l->room * sizeof(*l->item));
		if (!l->item)
			abort();
	}
	l->item[l->n++] = *e;
}

static void add_array(struct listing *l, const struct cpu *cpu,
		      const struct tlb_array *a)
{
	unsigned slots = a->used ? a->g.sets * a->g.ways : 0;

	for (unsigned i = 0; i < slots; i++) {
		const struct tlb_entry *e = &a->entry[i];

		if (e->tag)
			add(l, &(struct cached){
				       cpu, a->g.level, tlb_entry_va(e),
				       tlb_entry_shift(e), e->pcid, e, NULL });
	}
}

static void add_psc(struct listing *l, const struct cpu *cpu, unsigned depth)
{
	const struct mmu *mmu = &cpu->mmu;
	unsigned level = mmu->mode->nlevels - 1u - depth;

	for (unsigned i = 0; i < cpu->psc.cache[depth].used; i++) {
		const struct psc_entry *e = &cpu->psc.cache[depth].entry[i];

		if (e->tag)
			add(l, &(struct cached){ cpu, IN_PSC(depth),
						 e->tag & ~1ULL,
						 mmu->level[level].shift,
						 e->pcid, NULL, e });
	}
}

static int compare(const void *p, const void *q)
{
	const struct cached *a = p, *b = q;

	if (a->cpu != b->cpu)
		return a->cpu->id < b->cpu->id ? -1 : 1;
	if (a->in != b->in)
		return a->in < b->in ? -1 : 1;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	if (a->pcid != b->pcid)
		return a->pcid < b->pcid ? -1 : 1;
	return (a->shift > b->shift) - (a->shift < b->shift);
}

static void collect(struct listing *l)
{
	const struct machine *m = l->c->m;

	for (unsigned i = 0; i < m->ncpus; i++) {
		const struct cpu *cpu = &m->cpu[i];

		if (l->cpu >= 0 && (unsigned)l->cpu != i)
			continue;
		for (unsigned j = 0; j < cpu->tlb.narrays; j++)
			add_array(l, cpu, &cpu->tlb.array[j]);
		for (unsigned d = 1; d < cpu->mmu.mode->nlevels; d++)
			add_psc(l, cpu, d);
	}
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare);
}

/* --- the list ---------------------------------------------------------------
 */
static const struct res_column entry_cols[] = {
	{ "cpu", "cpu", true },
	{ "in", "in", false },
	{ "va", "va", false },
	{ "size", "size", true },
	{ "leads_to", "leads to", false },
	{ "rights", "rights", false },
	{ "flags", "flags", false },
	{ "pcid", "pcid", true },
	{ 0 },
};

static struct rights rights_of(const struct cached *e)
{
	struct rights r = { .bits = 0 };

	if (e->page)
		return e->page->rights;
	r.write = e->table->all & PTE_RW;
	r.user = e->table->all & PTE_US;
	r.xd = e->table->any & e->cpu->mmu.xd_mask;
	return r;
}

static void emit_rights(struct result *r, const struct cached *e)
{
	struct rights rights = rights_of(e);

	res_strf(r, "rights", "%s", "r%c%c %s", rights.write ? 'w' : '-',
		 rights.xd ? '-' : 'x', rights.user ? "user" : "kernel");
}

/* "D G PK3" of a page; a table has none. */
static void emit_flags(struct result *r, const struct tlb_entry *e)
{
	char buf[24] = "";

	if (e && e->rights.pk)
		snprintf(buf, sizeof(buf), "%s %s PK%u", e->dirty ? "D" : "d",
			 e->global ? "G" : "g", e->rights.pk);
	else if (e)
		snprintf(buf, sizeof(buf), "%s %s", e->dirty ? "D" : "d",
			 e->global ? "G" : "g");
	res_flags(r, "flags", "%s", buf);
}

static void emit_cached(struct result *r, const struct cached *e)
{
	res_item(r, false);
	res_u64(r, "cpu", "%s", e->cpu->id);
	res_str(r, "in", "%s", place_name(e->in));
	res_va(r, "va", "%s", e->va);
	res_size(r, "size", "%s", 1ULL << e->shift);
	if (e->page)
		res_pa(r, "leads_to", "page %s", e->page->pa);
	else
		res_pa(r, "leads_to", "table %s", e->table->table);
	emit_rights(r, e);
	emit_flags(r, e->page);
	res_u64(r, "pcid", "%s", e->pcid);
	res_end(r);
}

static void emit_nothing(const struct listing *l)
{
	struct result *r = l->c->r;

	if (l->one) {
		res_va(r, "va", "%s is cached nowhere", l->va);
		return;
	}
	res_text(r, COL_PLAIN,
		 l->in < 0 ? "nothing is cached" : "nothing is cached there");
	if (l->cpu >= 0)
		res_text(r, COL_PLAIN, "~ on cpu%d", l->cpu);
}

static int list_run(struct listing *l)
{
	struct result *r = l->c->r;

	collect(l);
	if (!l->n)
		emit_nothing(l);
	if (l->n)
		res_table(r, "entries", entry_cols);
	else
		res_list(r, "entries", RES_HIDDEN);
	for (size_t i = 0; i < l->n; i++)
		emit_cached(r, &l->item[i]);
	res_end(r);
	res_u64(r, "count", NULL, l->n);
	free(l->item);
	return 0;
}

/* --- the geometry ------------------------------------------------------------- */
static const struct res_column config_cols[] = {
	{ "cpu", "cpu", true },	     { "level", "level", false },
	{ "sizes", "pages", false }, { "sets", "sets", true },
	{ "ways", "ways", true },    { "entries", "entries", true },
	{ "used", "used", true },    { 0 },
};

static void emit_geometry(struct result *r, unsigned cpu, const char *level,
			  const char *sizes, unsigned sets, unsigned ways,
			  unsigned used)
{
	res_item(r, false);
	res_u64(r, "cpu", "%s", cpu);
	res_str(r, "level", "%s", level);
	res_str(r, "sizes", "%s", sizes);
	res_u64(r, "sets", "%s", sets);
	res_u64(r, "ways", "%s", ways);
	res_u64(r, "entries", "%s", sets * ways);
	res_u64(r, "used", "%s", used);
	res_end(r);
}

static void emit_array(struct result *r, unsigned cpu,
		       const struct tlb_array *a)
{
	unsigned slots = a->entry ? a->g.sets * a->g.ways : 0, used = 0;
	char sizes[32];
	size_t len = 0;

	for (unsigned i = 0; i < slots; i++)
		used += a->entry[i].tag != 0;
	for (unsigned i = 0; i < TLB_NSIZES; i++)
		if (a->g.sizes >> i & 1)
			len += sprintf(sizes + len, "%s%s", len ? " " : "",
				       paging_size_name(tlb_shift[i]));
	emit_geometry(r, cpu, tlb_level_name[a->g.level], sizes, a->g.sets,
		      a->g.ways, used);
}

static void emit_psc(struct result *r, const struct cpu *cpu, unsigned depth)
{
	unsigned used = 0;

	for (unsigned i = 0; i < cpu->psc.cache[depth].used; i++)
		used += cpu->psc.cache[depth].entry[i].tag != 0;
	emit_geometry(r, cpu->id, psc_name[depth], "tables", 1,
		      cpu->psc.cache[depth].size, used);
}

static bool has_psc(const struct tlb_config *config)
{
	for (unsigned d = 0; d < PAGING_MAX_LEVELS; d++)
		if (config->psc[d])
			return true;
	return false;
}

/* All CPUs are alike: one will do. */
static int config_run(struct cmd_ctx *c)
{
	const struct cpu *cpu = cmd_chosen_cpu(c);
	const struct tlb_config *config = &cpu->features.tlb;
	struct result *r = c->r;

	if (!config->name)
		config = &tlb_configs[0];
	res_str(r, "config",
		config->narrays ? "tlb=%s"
				: "tlb=%s: no TLB, every access walks",
		config->name);
	if (config->narrays || has_psc(config))
		res_table(r, "caches", config_cols);
	else
		res_list(r, "caches", RES_HIDDEN);
	for (unsigned i = 0; i < cpu->tlb.narrays; i++)
		emit_array(r, cpu->id, &cpu->tlb.array[i]);
	for (unsigned d = 1; d < PAGING_MAX_LEVELS; d++)
		if (cpu->psc.cache[d].size)
			emit_psc(r, cpu, d);
	res_end(r);
	return 0;
}

/* --- flush -------------------------------------------------------------------- */
static size_t count_cached(struct cmd_ctx *c, unsigned cpu)
{
	struct listing l = { .c = c, .cpu = cpu, .in = -1 };

	collect(&l);
	free(l.item);
	return l.n;
}

/* Everything: global pages, all PCIDs, paging-structure caches. */
static const char *flush_all(struct cpu *cpu)
{
	uint64_t cr4 = cpu->mmu.cr4;
	const char *denied;

	if (cpu->features.pge) {
		denied = cpu_write_cr4(cpu, cr4 ^ CR4_PGE);
		return denied ? denied : cpu_write_cr4(cpu, cr4);
	}
	if (cpu->features.invpcid)
		return cpu_invpcid(cpu, INVPCID_ALL, 0, 0);
	return cpu_write_cr3(cpu, cpu->mmu.cr3);
}

static int flush_cpu(struct cmd_ctx *c, struct cpu *cpu)
{
	struct result *r = c->r;
	size_t n = count_cached(c, cpu->id);
	const char *denied = flush_all(cpu);

	if (denied)
		return err_set(c->err, ERR_FAULT, "#GP(0): %s", denied);
	res_item(r, false);
	res_u64(r, "cpu", "cpu%s", cpu->id);
	res_u64(r, "dropped",
		n == 1 ? "%s entry dropped" : "%s entries dropped", n);
	res_end(r);
	return 0;
}

static int flush_run(struct cmd_ctx *c, int only)
{
	int rc = 0;

	res_list(c->r, "cpus", RES_LINES);
	for (unsigned i = 0; i < c->m->ncpus && rc == 0; i++)
		if (only < 0 || (unsigned)only == i)
			rc = flush_cpu(c, &c->m->cpu[i]);
	res_end(c->r);
	return rc;
}

/* --- tlb
 * ----------------------------------------------------------------------------
 */
static int find_place(struct cmd_ctx *c, const char *word, int *ret)
{
	struct closest near;

	closest_init(&near, word);
	closest_try(&near, "psc");
	if (strcasecmp(word, "psc") == 0) {
		*ret = IN_PSC(0);
		return 0;
	}
	for (unsigned in = 0; in < IN_PSC(PAGING_MAX_LEVELS); in++) {
		if (in == IN_PSC(0))
			continue;
		closest_try(&near, place_name(in));
		if (strcasecmp(word, place_name(in)) == 0) {
			*ret = in;
			return 0;
		}
	}
	err_set(c->err, ERR_USER, "%s: no such level", word);
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err,
			 "L1D, L1I, L2, or psc: PDE, PDPTE, PML4E, PML5E");
	return -1;
}

static int tlb_run(struct cmd_ctx *c)
{
	const struct cmd_arg *cpu = cmd_opt(c, 'c'), *level = cmd_opt(c, 'l');
	struct listing l = { .c = c, .cpu = cpu ? (int)cpu->value.n : -1 };

	if (cmd_one_of(c, "sCf") < 0)
		return -1;
	l.in = -1;
	l.one = c->arg[0].set;
	l.va = c->arg[0].value.n;
	if (level && find_place(c, level->str, &l.in) < 0)
		return -1;
	if (cmd_opt(c, 's'))
		return stale_run(c, l.cpu);
	if (cmd_opt(c, 'C'))
		return config_run(c);
	if (cmd_opt(c, 'f'))
		return flush_run(c, l.cpu);
	return list_run(&l);
}

static const char *level_word(unsigned i)
{
	return i < IN_PSC(0)		   ? place_name(i)
	       : i < IN_PSC(PAGING_MAX_LEVELS - 1) ? place_name(i + 1)
						   : NULL;
}

const struct command cmd_tlb = {
	.name = "tlb",
	.group = "processor",
	.flags = CMD_CHANGES,
	.help = "the translations that the CPUs have cached",
	.details = "Lists what the TLBs (L1D, L1I, L2) and the "
		   "paging-structure caches (PDE,\n"
		   "PDPTE, PML4E, PML5E) of every CPU hold, by CPU, cache and "
		   "address; with\n"
		   "VA only what translates it. RIGHTS are those gathered over "
		   "all levels;\n"
		   "D: cached dirty, G: global. -l is the name of a cache, or "
		   "psc.\n"
		   "--stale names each entry that no longer agrees with the "
		   "page tables, how\n"
		   "it differs, which accesses it lets through that the tables "
		   "forbid, and\n"
		   "the invalidation that is missing. --config shows the "
		   "geometry (see\n"
		   "tlb= of boot). --flush forgets everything, global pages "
		   "and all PCIDs\n"
		   "too, as clearing and setting CR4.PGE does.",
	.example = "tlb --stale",
	.arg = { { "VA", ARG_VA, .optional = true } },
	.opt = { { 'l', "level", ARG_WORD, "LEVEL", "in this cache only" },
		 { 's', "stale", ARG_FLAG, NULL, "what disagrees with memory" },
		 { 'C', "config", ARG_FLAG, NULL, "sizes of the caches" },
		 { 'f', "flush", ARG_FLAG, NULL, "forget everything" },
		 { 'c', "cpu", ARG_CPU, "CPU", "of CPU, not of every one" } },
	.run = tlb_run, .word = level_word,
};
