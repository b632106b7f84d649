/*
 * cmd_blame.c - blame: who wrote the entries that translate an address; set:
 * how the shell itself behaves.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "repl/blame.h"
#include "repl/cmd.h"
#include "repl/out.h"

#define SHOWN 6 /* of the records about one entry, without -v */

/* What the reasons of set_pte_at(), pt_set() mean. */
static const struct {
	const char *why, *text;
} reasons[] = {
	{ "table", "a new table" },
	{ "anon", "a zeroed frame" },
	{ "zero", "the zero page" },
	{ "fault", "a page of a file" },
	{ "pfn", "a frame without a page" },
	{ "fork", "write-protected, for copy-on-write" },
	{ "copied", "fork copied it from the parent" },
	{ "zap", "unmapped" },
	{ "mprotect", "other rights" },
	{ "wp_page_copy", "copy-on-write: a copy" },
	{ "wp_page_reuse", "copy-on-write: the only user keeps it" },
	{ "free_pgtables", "its table was empty, and is free" },
	{ "clear_refs", "accessed, or soft-dirty, forgotten" },
	{ "migrate", "compaction moved the page" },
	{ "try_to_unmap", "reclaim: the page goes" },
	{ "referenced", "reclaim: is it used?" },
	{ "swapoff", "back from swap" },
};

static const char *reason_text(const char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].why, why) == 0)
			return reasons[i].text;
	return why;
}

/* "user write fault, do_wp_page: copied" */
static void describe(const struct blame_record *b, char *buf, size_t size)
{
	static const char *const kind[] = { "read", "write", "fetch" };
	size_t n = 0;

	*buf = 0;
	if (b->access >= 0)
		n = snprintf(buf, size, "%s %s fault, ",
			     b->user ? "user" : "kernel", kind[(int)b->access]);
	if (b->func)
		snprintf(buf + n, size - n, "%s: %s", b->func,
			 b->note ? b->note : reason_text(b->why));
	else
		snprintf(buf + n, size - n, "%s", reason_text(b->why));
}

/* The old value is the new one of the record before, but for what the CPU set;
 * in text it is shown if it is not. */
static void emit_values(struct cmd_ctx *c, const struct blame_record *b,
			const struct blame_record *before, va_t va)
{
	int digits = c->r->entry_digits + 2;
	uint64_t old, new, unused, was = 0;
	bool known = true;

	if (b->copied) {
		res_text(c->r, COL_DIM, "%*s", digits + 3, "");
		return;
	}
	if (before)
		blame_values(c->s, before, va, &unused, &was);
	if (before && before->copied)
		known = false;
	blame_values(c->s, b, va, &old, &new);
	if (known && !((old ^ was) & ~(uint64_t)(PTE_A | PTE_D)))
		res_entry(c->r, "old", NULL, old);
	else
		res_entry(c->r, "old", "%s", old);
	res_entry(c->r, "new", "-> %s", new);
}

static void emit_record(struct cmd_ctx *c, const struct blame_record *b,
			const struct blame_record *before, va_t va, int width)
{
	const char *text = blame_text(c->s, b->command);
	char why[160];

	describe(b, why, sizeof(why));
	res_item(c->r, false);
	res_u64(c->r, "command", NULL, b->command);
	res_str(c->r, "text", NULL, text);
	res_text(c->r, COL_NAME, "#%-3lu %-*.*s", b->command, width, width,
		 text);
	emit_values(c, b, before, va);
	res_str(c->r, "why", NULL, b->why);
	res_str(c->r, "reason", "%s", why);
	res_end(c->r);
}

/* What became of it since the last record, without the kernel. */
static void emit_since(struct cmd_ctx *c, const struct blame_record *last,
		       va_t va, uint64_t now)
{
	uint64_t old, new;
	char diff[120];

	if (!last && !now)
		return;
	if (!last) {
		res_text(c->r, COL_DIM, "written before blame was on");
		return;
	}
	if (last->copied)
		return;
	blame_values(c->s, last, va, &old, &new);
	if (new == now)
		return;
	flags_diff(diff, sizeof(diff), c->k->mode->flags, new, now);
	res_strf(c->r, "since", "%s", "%s since: %s",
		 (new ^ now) & ~(uint64_t)(PTE_A | PTE_D)
			 ? "changed behind the kernel's back"
			 : "by the CPU",
		 diff);
}

struct history { /* about one entry, the oldest last */
	const struct blame_record *rec[64];
	unsigned n, left_out;
};

static void gather(struct cmd_ctx *c, const struct blame_query *q,
		   struct history *h)
{
	unsigned max = cmd_opt(c, 'v') ? ARRAY_SIZE(h->rec) : SHOWN;
	const struct blame_record *b = NULL;

	h->n = h->left_out = 0;
	while ((b = blame_find(c->s, q, b))) {
		if (h->n == max)
			h->left_out++;
		else
			h->rec[h->n++] = b;
	}
}

static int text_width(struct cmd_ctx *c, const struct history *h)
{
	size_t width = 0, len;

	for (unsigned i = 0; i < h->n; i++) {
		len = strlen(blame_text(c->s, h->rec[i]->command));
		width = len > width ? len : width;
	}
	return width > 24 ? 24 : (int)width;
}

static void emit_level(struct cmd_ctx *c, const struct blame_query *q,
		       uint64_t entry)
{
	const struct paging_level *l = &c->k->mode->level[q->level];
	struct history h;
	char flags[160];

	gather(c, q, &h);
	if (!q->entry_pa && !h.n)
		return;
	res_item(c->r, false);
	res_name(c->r, "level", "%s", l->name);
	res_entry(c->r, "entry", "%s", entry);
	paging_format_entry(flags, sizeof(flags), c->k->mode, q->level, entry,
			    q->level == c->k->pte_level || (entry & PTE_PS));
	if (entry)
		res_flags(c->r, "flags", "%s", flags);
	else
		res_text(c->r, COL_DIM, "empty");
	emit_since(c, h.n ? h.rec[0] : NULL, q->va, entry);
	res_list(c->r, "history", RES_LINES);
	for (unsigned i = h.n; i-- > 0;)
		emit_record(c, h.rec[i], i + 1 < h.n ? h.rec[i + 1] : NULL,
			    q->va, text_width(c, &h));
	res_end(c->r);
	if (h.left_out) {
		res_line(c->r);
		res_u64(c->r, "left_out", "  %s older ones; -v shows them",
			h.left_out);
	}
	res_end(c->r);
}

/* The walk of @va, and below where it ends what there once was. */
static void emit_walk(struct cmd_ctx *c, int pid, pa_t root, va_t va)
{
	struct blame_query q = { .pid = pid, .va = va };
	bool there = true;

	res_list(c->r, "levels", RES_LINES);
	for (; q.level <= c->k->pte_level; q.level++) {
		uint64_t entry = 0;

		q.entry_pa =
			there ? pt_lookup(c->k, root, va, q.level, false) : 0;
		there = q.entry_pa != 0;
		if (there)
			entry = ram_read(c->k->ram, q.entry_pa,
					 c->k->mode->entry_size);
		emit_level(c, &q, entry);
	}
	res_end(c->r);
}

static int blame_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	bool kernel = va >= c->k->layout.task_size;
	struct task_struct *task = NULL;

	if (!blame_is_on(c->s)) {
		err_set(c->err, ERR_USER, "no history is kept");
		err_hint(c->err, "set blame on");
		return -1;
	}
	if (!kernel && !(task = cmd_task(c)))
		return -1;
	res_va(c->r, "va", "%s", va);
	if (task)
		res_i64(c->r, "pid", "~ of pid %s", task->mm->owner_pid);
	else
		res_text(c->r, COL_PLAIN, "~ of the kernel");
	if (blame_dropped(c->s))
		res_u64(c->r, "dropped", "%s older records are gone",
			blame_dropped(c->s));
	emit_walk(c, kernel ? 0 : task->mm->owner_pid,
		  kernel ? c->k->swapper_pg_dir : task->mm->pgd << PAGE_SHIFT,
		  va);
	return 0;
}

const struct command cmd_blame = {
	.name = "blame",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "which command wrote the entries of VA, and why",
	.details = "The history of each entry that the walk of VA reads, the "
		   "oldest first:\n"
		   "number and text of the command, the values, the reason. It "
		   "is kept while\n"
		   "blame is on (set blame on; at a prompt it is from the "
		   "beginning).",
	.example = "set blame on; blame stack",
	.arg = { { "VA", ARG_VA } },
	.opt = { { 'v', "verbose", ARG_FLAG, NULL, "all that is known" },
		 CMD_OPT_PID },
	.run = blame_run,
};
