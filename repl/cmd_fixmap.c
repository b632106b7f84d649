/*
 * cmd_fixmap.c - addresses by name, and the slots in them: fixmap, set_fixmap,
 * fix_to_virt, virt_to_fix; pkmap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kernel/fixmap.h"
#include "kernel/highmem.h"
#include "kernel/mm_types.h"
#include "kernel/pgtable.h"
#include "repl/cmd.h"
#include "repl/describe.h"

/* --- names of indices ---------------------------------------------------------- */
static const char *const fix_words[] = {
	"FIX_ACPI_BEGIN", "FIX_APEI_GHES_IRQ", "FIX_APEI_GHES_NMI",
	"FIX_APIC_BASE", "FIX_BTMAP_BEGIN", "FIX_BTMAP_END", "FIX_DBGP_BASE",
	"FIX_EARLYCON_MEM_BASE", "FIX_HOLE", "FIX_IO_APIC_BASE_0",
	"FIX_IO_APIC_BASE_END", "FIX_KMAP_BEGIN", "FIX_KMAP_END",
	"FIX_PARAVIRT_BOOTMAP", "FIX_PCIE_MCFG", "FIX_VDSO", "FIX_WP_TEST",
	"VSYSCALL_PAGE",
};

static const char *fix_word(unsigned i)
{
	return i < ARRAY_SIZE(fix_words) ? fix_words[i] : NULL;
}

static int unknown_name(struct cmd_ctx *c, const char *word)
{
	struct closest near;
	unsigned index;

	err_set(c->err, ERR_USER, "%s: no such fixmap entry here", word);
	closest_init(&near, word);
	for (unsigned i = 0; i < ARRAY_SIZE(fix_words); i++)
		if (fixmap_by_name(c->k, fix_words[i], &index))
			closest_try(&near, fix_words[i]);
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err, "fixmap lists them");
	return -1;
}

/* NAME, NAME+N, or N. */
static int fix_index(struct cmd_ctx *c, const char *word, unsigned *ret)
{
	size_t len = strcspn(word, "+");
	struct value v = { V_PLAIN, 0 };
	char name[48];

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	if (!fixmap_by_name(c->k, name, ret)) {
		if (strchr("0123456789", *word) == NULL)
			return unknown_name(c, word);
		*ret = 0;
		len = 0;
	}
	if (word[len] && expr_eval_as(c->s, word + len + (len != 0),
				      "a number", &v, c->err) < 0)
		return -1;
	*ret += v.n;
	if (v.n < fixmap_entries(c->k) && *ret < fixmap_entries(c->k))
		return 0;
	return err_set(c->err, ERR_USER, "%s: indices are from 0 to %u", word,
		       fixmap_entries(c->k) - 1);
}

/* --- fixmap -------------------------------------------------------------------- */
static const struct res_column fixmap_cols[] = {
	{ "index", "index", true }, { "range", "address", false },
	{ "name", "name", false },  { "maps", "maps", false },
	{ "note", "for", false },   { 0 },
};

static void emit_maps(struct cmd_ctx *c, unsigned index)
{
	uint64_t pte = fixmap_pte(c->k, index);
	const struct paging_mode *mode = c->k->mode;
	char flags[80];

	if (!(pte & PTE_P)) {
		res_str(c->r, "maps", "%s", "-");
		return;
	}
	paging_format_entry(flags, sizeof(flags), mode, c->k->pte_level, pte,
			    true);
	res_entry(c->r, "pte", NULL, pte);
	res_pa(c->r, "pa", NULL, pte_pfn(c->k, pte) << PAGE_SHIFT);
	res_strf(c->r, "maps", "%s", "pa 0x%0*llx %s",
		 mode->entry_size == 4 ? 8 : 9,
		 (unsigned long long)pte_pfn(c->k, pte) << PAGE_SHIFT, flags);
}

static void emit_row(struct cmd_ctx *c, unsigned first, unsigned count,
		     const char *name, const char *note)
{
	va_t start = fix_to_virt(c->k, first + count - 1);
	va_t end = fix_to_virt(c->k, first) + PAGE_SIZE - 1;

	res_item(c->r, false);
	if (count == 1) {
		res_strf(c->r, "index", "%s", "%u", first);
		res_strf(c->r, "range", "%s", "0x%llx",
			 (unsigned long long)start);
	} else {
		res_strf(c->r, "index", "%s", "%u-%u", first,
			 first + count - 1);
		res_strf(c->r, "range", "%s", "0x%llx-0x%llx",
			 (unsigned long long)start, (unsigned long long)end);
	}
	res_va(c->r, "va", NULL, start);
	res_str(c->r, "name", "%s", name);
	if (count == 1)
		emit_maps(c, first);
	else
		res_str(c->r, "maps", "%s", "");
	res_str(c->r, "note", "%s", note);
	res_end(c->r);
}

/* The entries of a range that map something, one by one. */
static void emit_mapped(struct cmd_ctx *c, const struct fix_range *r)
{
	const struct layout *l = &c->k->layout;
	char name[48], note[48];

	for (unsigned i = r->first; i < r->first + r->count; i++) {
		unsigned slot = i - l->fix_kmap_begin;

		if (!(fixmap_pte(c->k, i) & PTE_P))
			continue;
		*note = '\0';
		if (r->first == l->fix_kmap_begin && l->kmap_slots)
			snprintf(note, sizeof(note), "cpu%u slot %u",
				 slot / l->kmap_slots, slot % l->kmap_slots);
		emit_row(c, i, 1, fixmap_name(c->k, i, name, sizeof(name)),
			 note);
	}
}

static int fixmap_run(struct cmd_ctx *c)
{
	struct fix_range r[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(c->k, r);

	res_table(c->r, "entries", fixmap_cols);
	for (unsigned i = 0; i < n; i++) {
		emit_row(c, r[i].first, r[i].count, r[i].name, r[i].note);
		if (r[i].count > 1)
			emit_mapped(c, &r[i]);
	}
	res_end(c->r);
	return 0;
}

static void emit_entry(struct cmd_ctx *c, unsigned index)
{
	char name[48];

	res_subject(c->r, fix_to_virt(c->k, index));
	res_str(c->r, "name", "%s",
		fixmap_name(c->k, index, name, sizeof(name)));
	res_u64(c->r, "index", "index %s", index);
	res_va(c->r, "va", "at %s", fix_to_virt(c->k, index));
}

static int set_failed(struct cmd_ctx *c, int rc, unsigned index)
{
	char name[48];

	fixmap_name(c->k, index, name, sizeof(name));
	if (rc == -EBUSY && index) {
		err_errno(c->err, rc, "%s: a slot of kmap_local", name);
		return err_hint(c->err, "kmap_local maps frames there"), -1;
	}
	if (rc == -EBUSY)
		return err_errno(c->err, rc, "%s: stays unmapped", name);
	if (rc == -EINVAL)
		return err_errno(c->err, rc,
				 "%s: no entry can hold that address", name);
	return err_errno(c->err, rc, "%s", name);
}

static int fix_type(struct cmd_ctx *c, enum fix_type *ret)
{
	static const char *const types[] = { "normal", "nocache", "ro" };
	const struct cmd_arg *t = cmd_opt(c, 't');

	*ret = FIX_NORMAL;
	for (unsigned i = 0; t && i < ARRAY_SIZE(types); i++)
		if (!strcasecmp(t->str, types[i])) {
			*ret = i;
			return 0;
		}
	if (!t)
		return 0;
	return err_set(c->err, ERR_USER, "-t %s: normal, nocache or ro",
		       t->str);
}

static int set_fixmap_run(struct cmd_ctx *c)
{
	enum fix_type type;
	unsigned index;
	int rc;

	if (fix_index(c, c->arg[0].str, &index) < 0 || fix_type(c, &type) < 0)
		return -1;
	c->k->this_cpu = c->s->cpu;
	rc = set_fixmap(c->k, index, c->arg[1].value.n, type);
	if (rc < 0)
		return set_failed(c, rc, index);
	emit_entry(c, index);
	emit_maps(c, index);
	return 0;
}

static int clear_fixmap_run(struct cmd_ctx *c)
{
	unsigned index;
	int rc;

	if (fix_index(c, c->arg[0].str, &index) < 0)
		return -1;
	c->k->this_cpu = c->s->cpu;
	rc = clear_fixmap(c->k, index);
	if (rc < 0)
		return set_failed(c, rc, index);
	emit_entry(c, index);
	res_text(c->r, COL_PLAIN, "cleared");
	return 0;
}

static int fix_to_virt_run(struct cmd_ctx *c)
{
	unsigned index;

	if (fix_index(c, c->arg[0].str, &index) < 0)
		return -1;
	emit_entry(c, index);
	res_text(c->r, COL_DIM, "FIXADDR_TOP 0x%llx - %u * 4K",
		 (unsigned long long)c->k->layout.fixaddr_top, index);
	return 0;
}

static int virt_to_fix_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	unsigned index;

	if (!virt_to_fix(c->k, va, &index))
		return err_set(c->err, ERR_USER,
			       "0x%llx: not in the fixmap (Linux: BUG)",
			       (unsigned long long)va);
	emit_entry(c, index);
	return 0;
}

/* --- pkmap --------------------------------------------------------------------- */
#define PER_ROW 64

struct pkmap_counts {
	unsigned used, unflushed;
};

static struct pkmap_counts count_slots(const struct kmap_state *s,
				       unsigned from, unsigned n)
{
	struct pkmap_counts p = { 0 };

	for (unsigned i = from; i < from + n; i++) {
		p.used += s->slot[i].count > 1;
		p.unflushed += s->slot[i].count == 1;
	}
	return p;
}

static void emit_counts(struct cmd_ctx *c, const struct kmap_state *s)
{
	struct pkmap_counts p = count_slots(s, 0, s->nr);
	va_t base = c->k->layout.pkmap_base;

	res_va(c->r, "start", "%s", base);
	res_va(c->r, "end", "~-%s", base + ((va_t)s->nr << PAGE_SHIFT));
	res_u64(c->r, "slots", "%s slots:", s->nr);
	res_u64(c->r, "in_use", "~ %s in use", p.used);
	res_u64(c->r, "unflushed", "~, %s unused but not flushed", p.unflushed);
	res_u64(c->r, "free", "~, %s free", s->nr - p.used - p.unflushed);
	res_line(c->r);
	res_u64(c->r, "next", "the search goes on at slot %s",
		(s->last_nr + 1) % s->nr);
	res_u64(c->r, "wraps", s->wraps == 1 ? "~; it has wrapped once"
					     : "~; it has wrapped %s times",
		s->wraps);
	res_u64(c->r, "flushes",
		s->flushes == 1 ? "~, 1 flush of all TLBs"
				: "~, %s flushes of all TLBs", s->flushes);
	res_line(c->r);
}

static char slot_glyph(const struct kmap_slot *slot)
{
	if (slot->count < 2)
		return slot->count ? 'u' : '.';
	return slot->count - 1 > 9 ? '+' : '0' + slot->count - 1;
}

/* One glyph a slot; rows in which all are free are left out. */
static void emit_map(struct cmd_ctx *c, const struct kmap_state *s)
{
	char row[PER_ROW + 1];

	res_list(c->r, NULL, RES_LINES);
	for (unsigned i = 0; i < s->nr; i += PER_ROW) {
		struct pkmap_counts p = count_slots(s, i, PER_ROW);
		va_t va = c->k->layout.pkmap_base + ((va_t)i << PAGE_SHIFT);

		if (!p.used && !p.unflushed)
			continue;
		for (unsigned j = 0; j < PER_ROW; j++)
			row[j] = slot_glyph(&s->slot[i + j]);
		row[PER_ROW] = '\0';
		res_item(c->r, false);
		res_va(c->r, NULL, "%s", va);
		res_str(c->r, NULL, "%s", row);
		res_end(c->r);
	}
	res_item(c->r, true);
	res_text(c->r, COL_DIM, ". free  u unused  1-9 + so many uses");
	res_end(c->r);
	res_end(c->r);
}

static bool all_free(const struct kmap_state *s)
{
	struct pkmap_counts p = count_slots(s, 0, s->nr);

	return !p.used && !p.unflushed;
}

static void emit_slots(struct cmd_ctx *c, const struct kmap_state *s)
{
	res_list(c->r, "list", cmd_opt(c, 'l') ? RES_LINES : RES_HIDDEN);
	for (unsigned i = 0; i < s->nr; i++) {
		const struct kmap_slot *slot = &s->slot[i];

		if (!slot->count)
			continue;
		res_item(c->r, false);
		res_va(c->r, "va", "%s",
		       c->k->layout.pkmap_base + ((va_t)i << PAGE_SHIFT));
		res_u64(c->r, "slot", "slot %s", i);
		res_pfn(c->r, "pfn", "pfn %s", slot->pfn);
		res_u64(c->r, "count", "pkmap_count %s", slot->count);
		res_str(c->r, "state", "%s",
			slot->count > 1 ? "in use" : "unused, not flushed");
		res_end(c->r);
	}
	res_end(c->r);
}

/* The stack of one task, or of an idle CPU; where it is, if it runs. */
static void emit_stack(struct cmd_ctx *c, const struct kmap_ctrl *ctrl,
		       unsigned cpu, int pid, bool running)
{
	for (unsigned i = 0; i < ctrl->idx; i++) {
		res_item(c->r, false);
		if (running)
			res_va(c->r, "va", "%s",
			       kmap_local_address(c->k, cpu, i));
		else
			res_text(c->r, COL_DIM, "not running");
		res_u64(c->r, "cpu", "cpu%s", cpu);
		res_u64(c->r, "slot", "~ slot %s", i);
		res_str(c->r, "kind", "%s",
			ctrl->atomic >> i & 1 ? "kmap_atomic" : "kmap_local");
		res_pfn(c->r, "pfn", "pfn %s", ctrl->pfn[i]);
		if (pid)
			res_i64(c->r, "pid", "pid %s", pid);
		else
			res_text(c->r, COL_PLAIN, "idle");
		res_end(c->r);
	}
}

static void emit_local(struct cmd_ctx *c)
{
	const struct task_struct *t;

	res_list(c->r, "local_mappings", RES_LINES);
	for (unsigned i = 0; i < c->k->machine->ncpus; i++)
		if (!c->k->current[i])
			emit_stack(c, &c->k->idle_kmap[i], i, 0, true);
	TAILQ_FOREACH(t, &c->k->tasks, link)
		emit_stack(c, &t->kmap_ctrl,
			   t->cpu >= 0 ? (unsigned)t->cpu : t->kmap_ctrl.cpu,
			   t->pid, t->cpu >= 0);
	res_end(c->r);
}

static int pkmap_run(struct cmd_ctx *c)
{
	const struct kmap_state *s = c->k->kmap;

	if (!s) {
		res_text(c->r, COL_DIM,
			 "no pkmap here: all RAM is in the direct map, and kmap "
			 "is page_address()");
		return 0;
	}
	emit_counts(c, s);
	if (!cmd_opt(c, 'l') && !all_free(s))
		emit_map(c, s);
	emit_slots(c, s);
	emit_local(c);
	return 0;
}

static int kmap_flush_unused_run(struct cmd_ctx *c)
{
	unsigned n;

	c->k->this_cpu = c->s->cpu;
	n = kmap_flush_unused(c->k);
	res_u64(c->r, "flushed", n == 1 ? "%s slot cleared and flushed"
				 : n	? "%s slots cleared and flushed"
					: "no slot to flush", n);
	return 0;
}

#define KSPACE .group = "kernel space"

const struct command cmd_fixmap = {
	.name = "fixmap", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "fixmap entries by index, address and name, and what they map",
	.details =
	"Addresses that are known when the kernel is built, a page each, counted\n"
	"down from FIXADDR_TOP. FIX_KMAP are the slots of kmap_local.",
	.example = "fixmap", .run = fixmap_run,
};

const struct command cmd_set_fixmap = {
	.name = "set_fixmap", KSPACE, .flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "map the page at PA at fixmap entry NAME",
	.details =
	"NAME is a name of fixmap, NAME+N or an index. -t nocache for device\n"
	"registers, -t ro for read-only. As in Linux only this CPU forgets what\n"
	"was mapped there before.",
	.example = "set_fixmap FIX_EARLYCON_MEM_BASE 0xb8000",
	.arg = { { "NAME", ARG_WORD }, { "PA", ARG_PA } },
	.opt = { { 't', "type", ARG_WORD, "TYPE", "normal, nocache or ro" } },
	.run = set_fixmap_run, .word = fix_word,
};

const struct command cmd_clear_fixmap = {
	.name = "clear_fixmap", KSPACE, .flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "unmap fixmap entry NAME", .example = "clear_fixmap FIX_APIC_BASE",
	.arg = { { "NAME", ARG_WORD } }, .run = clear_fixmap_run,
	.word = fix_word,
};

const struct command cmd_fix_to_virt = {
	.name = "fix_to_virt", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "address of fixmap entry NAME",
	.example = "fix_to_virt FIX_KMAP_BEGIN+16",
	.arg = { { "NAME", ARG_WORD } }, .run = fix_to_virt_run,
	.word = fix_word,
};

const struct command cmd_virt_to_fix = {
	.name = "virt_to_fix", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "index and name of the fixmap entry at VA",
	.example = "virt_to_fix 0xffffc000", .arg = { { "VA", ARG_VA } },
	.run = virt_to_fix_run,
};

const struct command cmd_pkmap = {
	.name = "pkmap", .group = "highmem", .flags = CMD_NEEDS_KERNEL,
	.help = "slots of kmap: in use, unused but not flushed, free",
	.details =
	"A glyph a slot, a row 64 slots; rows of free slots are left out. Below, the\n"
	"mappings of kmap_local and kmap_atomic. A slot that nobody uses any more\n"
	"stays mapped until the search for a free one wraps around: then all\n"
	"unused ones are cleared, and all TLBs flushed once.",
	.example = "alloc_pages -g highuser; kmap $_; pkmap",
	.opt = { { 'l', "list", ARG_FLAG, NULL, "a line a slot, free ones apart" } },
	.run = pkmap_run,
};

const struct command cmd_kmap_flush_unused = {
	.name = "kmap_flush_unused", .group = "highmem",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "clear and flush all kmap slots that nobody uses",
	.example = "kmap_flush_unused", .run = kmap_flush_unused_run,
};
