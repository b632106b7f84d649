/*
 * cmd_diff.c - snapshot, diff: two address spaces, or one at two moments.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/cmd.h"
#include "repl/snapshot.h"

/* --- snapshots ----------------------------------------------------------- */
struct snapshot *snapshot_find(const struct session *s, const char *name)
{
	struct snapshot *p = s->snapshots;

	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

static void snapshot_clear(struct snapshot *p)
{
	for (unsigned i = 0; i < p->n; i++)
		mm_image_free(p->image[i]);
	free(p->image);
	p->image = NULL;
	p->n = 0;
}

void snapshots_deinit(struct session *s)
{
	while (s->snapshots) {
		struct snapshot *p = s->snapshots;

		s->snapshots = p->next;
		snapshot_clear(p);
		free(p->name);
		free(p);
	}
}

static void snapshot_add(struct session *s, struct snapshot *p,
			 const struct task_struct *t)
{
	p->image = realloc(p->image, (p->n + 1) * sizeof(*p->image));
	if (!p->image)
		abort();
	p->image[p->n++] = mm_image_take(s->k, t);
}

struct snapshot *snapshot_take(struct session *s, const char *name,
			       const struct task_struct *task)
{
	struct snapshot *p = snapshot_find(s, name);
	const struct task_struct *t;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p || !(p->name = strdup(name)))
			abort();
		p->next = s->snapshots;
		s->snapshots = p;
	}
	snapshot_clear(p);
	p->command = s->commands;
	if (task)
		snapshot_add(s, p, task);
	else
		TAILQ_FOREACH (t, &s->k->tasks, link)
			if (t->mm && t->mm->owner == t)
				snapshot_add(s, p, t);
	return p;
}

static void emit_snapshot(struct result *r, const struct snapshot *p)
{
	res_item(r, false);
	res_name(r, "name", "%s", p->name);
	res_u64(r, "command", "taken at command #%s", p->command);
	res_list(r, "processes", RES_LINES);
	for (unsigned i = 0; i < p->n; i++) {
		const struct mm_image *img = p->image[i];

		res_item(r, false);
		res_i64(r, "pid", "pid %s", img->pid);
		res_str(r, "comm", "~ (%s)", img->comm);
		res_u64(r, "areas", "%s areas", img->nareas);
		res_u64(r, "pages", "%s pages", img->pages);
		res_u64(r, "runs", "~ in %s runs", img->nruns);
		res_end(r);
	}
	res_end(r);
	res_end(r);
}

/* A number is a process; all else may be a snapshot. */
static bool is_number(const char *s)
{
	return isdigit((unsigned char)*s) && !s[strspn(s, "0123456789")];
}

static int snapshot_run(struct cmd_ctx *c)
{
	const char *name = c->arg[0].str;
	struct task_struct *task = NULL;
	const struct snapshot *p;

	if (c->arg[0].set && is_number(name))
		return err_set(c->err, ERR_USER, "%s: a number means a process",
			       name);
	if (c->arg[0].set && !cmd_opt(c, 'a') && !(task = cmd_task(c)))
		return -1;
	res_list(c->r, "snapshots", RES_LINES);
	if (c->arg[0].set)
		emit_snapshot(c->r, snapshot_take(c->s, name, task));
	else
		for (p = c->s->snapshots; p; p = p->next)
			emit_snapshot(c->r, p);
	res_end(c->r);
	return 0;
}

/* --- diff ---------------------------------------------------------------- */
struct operand {
	const struct snapshot *snap; /* or NULL: */
	struct task_struct *task;
};

static int find_operand(struct cmd_ctx *c, const char *word,
			struct operand *ret)
{
	*ret = (struct operand){ .snap = snapshot_find(c->s, word) };
	if (ret->snap)
		return 0;
	if (!is_number(word)) {
		err_set(c->err, ERR_USER, "%s: no such snapshot", word);
		err_hint(c->err, "snapshot %s takes one; a number is a process",
			 word);
		return -1;
	}
	ret->task = find_task(c->k, atoi(word));
	if (!ret->task)
		return err_set(c->err, ERR_USER, "%s: no such process", word);
	if (!ret->task->mm)
		return err_set(c->err, ERR_USER, "process %s has exited", word);
	return 0;
}

static const struct mm_image *image_of(const struct snapshot *p, int pid)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->image[i]->pid == pid)
			return p->image[i];
	return NULL;
}

static void emit_legend(struct result *r)
{
	res_line(r);
	res_text(r, COL_DIM,
		 "= same frame  ~ other bits  ! other frame  "
		 "< only left  > only right");
}

static void emit_operand(struct result *r, const char *side,
			 const struct snapshot *snap,
			 const struct mm_image *img)
{
	res_object(r, side);
	if (snap)
		res_str(r, "snapshot", "%s,", snap->name);
	res_i64(r, "pid", snap ? "~ pid %s" : "pid %s", img->pid);
	res_str(r, "comm", "~ (%s)", img->comm);
	res_end(r);
}

static void emit_pair(struct cmd_ctx *c, const struct operand *a,
		      const struct operand *b, const struct mm_image *left,
		      const struct mm_image *right)
{
	bool between = left->pid != right->pid;

	emit_operand(c->r, "left", a->snap, left);
	res_text(c->r, COL_DIM, "< >");
	emit_operand(c->r, "right", b->snap, right);
	res_line(c->r);
	if (!mm_diff_emit(c->k, c->r, left, right,
			  between || cmd_opt(c, 'a')) &&
	    !between)
		res_text(c->r, COL_DIM, "no page differs");
}

/* The image of an operand for @pid, 0: its only one; *owned must be freed. */
static const struct mm_image *operand_image(struct cmd_ctx *c,
					    const struct operand *o, int pid,
					    struct mm_image **owned)
{
	struct task_struct *t = o->task ? o->task : find_task(c->k, pid);

	*owned = NULL;
	if (o->snap && pid)
		return image_of(o->snap, pid);
	if (o->snap)
		return o->snap->n ? o->snap->image[0] : NULL;
	if (t && t->mm)
		*owned = mm_image_take(c->k, t);
	return *owned;
}

/* Each process of the snapshot @a beside what it is in @b, or is now. */
static void diff_snapshot(struct cmd_ctx *c, const struct operand *a,
			  const struct operand *b)
{
	res_list(c->r, "processes", RES_LINES);
	for (unsigned i = 0; i < a->snap->n; i++) {
		const struct mm_image *left = a->snap->image[i], *right;
		struct mm_image *owned;

		right = operand_image(c, b, b->task ? 0 : left->pid, &owned);
		res_item(c->r, false);
		if (right) {
			emit_pair(c, a, b, left, right);
		} else {
			emit_operand(c->r, "left", a->snap, left);
			res_text(c->r, COL_BAD, "is gone");
		}
		res_end(c->r);
		mm_image_free(owned);
	}
	res_end(c->r);
}

static int diff_live(struct cmd_ctx *c, const struct operand *a,
		     const struct operand *b)
{
	struct mm_image *la = NULL, *rb = NULL;
	const struct mm_image *left = operand_image(c, a, 0, &la);
	const struct mm_image *right = operand_image(c, b, 0, &rb);

	if (left && right)
		emit_pair(c, a, b, left, right);
	mm_image_free(la);
	mm_image_free(rb);
	return 0;
}

static int diff_tables(struct cmd_ctx *c, const struct operand *a,
		       const struct operand *b)
{
	if (!a->task || !b->task)
		return err_set(c->err, ERR_USER,
			       "-t: only of two processes; a snapshot has no "
			       "tables");
	res_i64(c->r, "left", "pid %s", a->task->pid);
	res_text(c->r, COL_DIM, "< >");
	res_i64(c->r, "right", "pid %s", b->task->pid);
	res_line(c->r);
	pt_diff_emit(c->k, c->r, a->task->mm->pgd << PAGE_SHIFT,
		     b->task->mm->pgd << PAGE_SHIFT);
	emit_legend(c->r);
	return 0;
}

static int diff_run(struct cmd_ctx *c)
{
	struct operand a, b = { .task = NULL };

	if (find_operand(c, c->arg[0].str, &a) < 0 ||
	    (c->arg[1].set && find_operand(c, c->arg[1].str, &b) < 0))
		return -1;
	if (!c->arg[1].set && a.task) {
		b = a;
		a.task = cmd_task(c);
		if (!a.task)
			return -1;
	}
	if (cmd_opt(c, 't'))
		return diff_tables(c, &a, &b);
	if (a.snap)
		diff_snapshot(c, &a, &b);
	else
		diff_live(c, &a, &b);
	emit_legend(c->r);
	return 0;
}

const struct command cmd_snapshot = {
	.name = "snapshot",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "keep a copy of an address space, for diff",
	.details = "Areas and entries of the process, or with -a of all "
		   "processes, are kept\n"
		   "as NAME, in place of one that had it. Alone: lists what "
		   "there is.",
	.example = "snapshot before",
	.arg = { { "NAME", ARG_WORD, .optional = true } },
	.opt = { { 'a', "all", ARG_FLAG, NULL, "of all processes" },
		 CMD_OPT_PID },
	.run = snapshot_run,
};

const struct command cmd_diff = {
	.name = "diff",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "what differs between two processes, or two moments",
	.details = "A and B are processes or snapshots. A snapshot alone is "
		   "compared with\n"
		   "what is now, a process alone with the current one. Of two "
		   "processes all\n"
		   "pages are shown: same frame, other frame, or in one of "
		   "them only; of two\n"
		   "moments what has changed, with -a the rest as well. With "
		   "-t the page\n"
		   "tables of two processes are shown as one tree.",
	.example = "diff 1 1",
	.arg = { { "A", ARG_WORD }, { "B", ARG_WORD, .optional = true } },
	.opt = { { 't', "tables", ARG_FLAG, NULL, "page tables, as one tree" },
		 { 'a', "all", ARG_FLAG, NULL, "also what is the same" } },
	.run = diff_run,
};
