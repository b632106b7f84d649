/*
 * blame.c - see blame.h. One listener on the kernel's events, in front of
 * which the story of a command may stand.
 *
 * A fault comes as KEV_FAULT, then its KEV_PTEs, then KEV_HANDLER, which says
 * what was done: records made since the fault learn it from there. Records
 * are a ring; those of entries side by side are one, as long as values rise
 * by the same step.
 */
#include "repl/blame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 80

struct blame_text {
	unsigned long command;
	char text[TEXT_MAX];
};

struct blame {
	struct session *s;
	struct blame_record *rec; /* owned, a ring once it is full */
	size_t n, size, next;	  /* next: where the ring goes on */
	uint64_t dropped;
	struct blame_text *text; /* owned, by number */
	size_t ntexts, size_texts;
	struct blame_command now; /* borrowed */
	int8_t access;		  /* of the fault being handled, or -1 */
	bool user;
};

static void *grow(void *p, size_t *size, size_t each)
{
	*size = *size ? *size * 2 : 256;
	p = realloc(p, *size * each);
	if (!p)
		abort();
	return p;
}

/* --- texts of commands --------------------------------------------------- */
static void put_input(char *buf, size_t size, const struct cmd_input *in)
{
	size_t n = strlen(buf);
	char number[40];

	snprintf(buf + n, size - n, " %s",
		 in->text ? in->text
			  : value_format(number, sizeof(number), in->value));
}

/* Notes the text of the command that runs, once. */
static void note_command(struct blame *b)
{
	const struct blame_command *c = &b->now;
	struct blame_text *t;

	if (b->ntexts && b->text[b->ntexts - 1].command >= c->number)
		return;
	if (b->ntexts == BLAME_MAX) {
		b->ntexts /= 2;
		memmove(b->text, b->text + b->ntexts,
			b->ntexts * sizeof(*b->text));
	}
	if (b->ntexts == b->size_texts)
		b->text = grow(b->text, &b->size_texts, sizeof(*b->text));
	t = &b->text[b->ntexts++];
	t->command = c->number;
	snprintf(t->text, sizeof(t->text), "%s", c->cmd ? c->cmd->name : "");
	for (unsigned i = 0; c->cmd && i < c->n; i++)
		put_input(t->text, sizeof(t->text), &c->in[i]);
}

const char *blame_text(const struct session *s, unsigned long command)
{
	const struct blame *b = s->blame;
	size_t lo = 0, hi = b ? b->ntexts : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (b->text[mid].command < command)
			lo = mid + 1;
		else
			hi = mid;
	}
	return b && lo < b->ntexts && b->text[lo].command == command
		       ? b->text[lo].text
		       : "";
}

/* --- records ------------------------------------------------------------- */
static struct blame_record *last_record(struct blame *b)
{
	return b->n ? &b->rec[(b->next ? b->next : b->n) - 1] : NULL;
}

static struct blame_record *add_record(struct blame *b)
{
	note_command(b);
	if (b->n == BLAME_MAX) {
		b->dropped++;
		b->next = b->next == BLAME_MAX ? 1 : b->next + 1;
		return &b->rec[b->next - 1];
	}
	if (b->n == b->size)
		b->rec = grow(b->rec, &b->size, sizeof(*b->rec));
	b->next = ++b->n;
	return &b->rec[b->n - 1];
}

static uint64_t entry_span(const struct blame *b, unsigned level)
{
	return 1ULL << b->s->k->mode->level[level].shift;
}

static bool same_text(const char *x, const char *y)
{
	return x == y || (x && y && strcmp(x, y) == 0);
}

/* Is @ev one more entry of the record: the next address, the same reason? */
static bool continues(const struct blame *b, struct blame_record *r,
		      const struct kevent *ev)
{
	uint64_t dold = ev->old - r->old, dnew = ev->new - r->new;

	if (r->copied || r->command != b->now.number || r->pid != ev->pid ||
	    r->level != ev->level || r->access != b->access ||
	    !same_text(r->why, ev->func) ||
	    ev->va != r->va + r->n * entry_span(b, r->level))
		return false;
	if (r->n == 1) {
		r->dold = dold;
		r->dnew = dnew;
	}
	return dold == r->n * r->dold && dnew == r->n * r->dnew;
}

static void hear_pte(struct blame *b, const struct kevent *ev)
{
	struct blame_record *r = last_record(b);

	if (r && continues(b, r, ev)) {
		r->n++;
		return;
	}
	*add_record(b) = (struct blame_record){
		.command = b->now.number,
		.pid = ev->pid,
		.va = ev->va,
		.n = 1,
		.level = ev->level,
		.old = ev->old,
		.new = ev->new,
		.why = ev->func,
		.access = b->access,
		.user = b->user,
		.entry_pa = ev->entry_pa,
	};
}

/* The last entry of a run gets a record of its own. */
static struct blame_record *split_last(struct blame *b)
{
	struct blame_record *r = last_record(b), one = *r, *new;

	r->n--;
	one.va += r->n * entry_span(b, r->level);
	one.old += r->n * r->dold;
	one.new += r->n * r->dnew;
	one.n = 1;
	one.dold = one.dnew = 0;
	one.func = one.note = NULL;
	new = add_record(b);
	*new = one;
	return new;
}

static void hear_handler(struct blame *b, const struct kevent *ev)
{
	struct blame_record *r = last_record(b);

	b->access = -1;
	if (!ev->pfn) { /* it counts pages: those that fork copied */
		if (ev->n && strcmp(ev->func, "copy_page_range") == 0)
			*add_record(b) = (struct blame_record){
				.command = b->now.number,
				.pid = ev->pid,
				.va = ev->va,
				.level = b->s->k->pte_level,
				.n = (ev->end - ev->va) >> PAGE_SHIFT,
				.why = "copied",
				.access = -1,
				.copied = true,
			};
		return;
	}
	if (!r || r->command != b->now.number || r->copied ||
	    r->pid != ev->pid || r->level != b->s->k->pte_level)
		return;
	if (r->n > 1 && r->func &&
	    (!same_text(r->func, ev->func) || !same_text(r->note, ev->note)))
		r = split_last(b);
	r->func = ev->func;
	r->note = ev->note;
}

static void blame_hear(void *ctx, const struct kevent *ev)
{
	struct blame *b = ctx;

	if (ev->kind == KEV_PTE) {
		hear_pte(b, ev);
	} else if (ev->kind == KEV_HANDLER) {
		hear_handler(b, ev);
	} else if (ev->kind == KEV_FAULT && ev->access) {
		b->access = ev->access->kind;
		b->user = ev->access->user;
	}
}

/* --- life ---------------------------------------------------------------- */
void blame_attach(struct session *s)
{
	struct blame *b = s->blame;

	if (!b)
		return;
	b->n = b->next = b->ntexts = 0;
	b->dropped = 0;
	b->access = -1;
	if (s->k)
		s->k->sink = (struct kevent_sink){ blame_hear, b };
}

void blame_detach(struct session *s)
{
	if (s->blame && s->k && s->k->sink.ctx == s->blame)
		s->k->sink = (struct kevent_sink){ NULL, NULL };
}

void blame_set(struct session *s, bool on)
{
	if (on == !!s->blame)
		return;
	if (on) {
		s->blame = calloc(1, sizeof(*s->blame));
		if (!s->blame)
			abort();
		s->blame->s = s;
		blame_attach(s);
		return;
	}
	blame_detach(s);
	free(s->blame->rec);
	free(s->blame->text);
	free(s->blame);
	s->blame = NULL;
}

bool blame_is_on(const struct session *s)
{
	return s->blame;
}

struct blame_command blame_enter(struct session *s, const struct command *cmd,
				 const struct cmd_input *in, unsigned n)
{
	struct blame_command before = { .cmd = NULL };
	struct blame *b = s->blame;

	if (!b)
		return before;
	before = b->now;
	if (before.cmd) /* texts stay in the order of their numbers */
		note_command(b);
	b->now = (struct blame_command){ cmd, in, n, s->commands };
	b->access = -1;
	return before;
}

void blame_leave(struct session *s, struct blame_command before)
{
	if (s->blame)
		s->blame->now = before;
}

/* --- questions ----------------------------------------------------------- */
/*
 * Tables that fork makes for a child are nobody's when they are reported: they
 * are known by their place.
 */
static bool is_about(const struct blame *b, const struct blame_record *r,
		     const struct blame_query *q)
{
	if (r->level != q->level || q->va < r->va ||
	    q->va - r->va >= r->n * entry_span(b, r->level))
		return false;
	return r->pid == q->pid ||
	       (!r->pid && r->n == 1 && r->entry_pa == q->entry_pa);
}

const struct blame_record *blame_find(const struct session *s,
				      const struct blame_query *q,
				      const struct blame_record *after)
{
	const struct blame *b = s->blame;
	/* records older than the @ith from the newest */
	size_t i = 0;

	if (!b || !b->n)
		return NULL;
	if (after) {
		size_t at = after - b->rec;

		i = (b->next - 1 + b->n - at) % b->n + 1;
	}
	for (; i < b->n; i++) {
		const struct blame_record *r =
			&b->rec[(b->next - 1 + b->n - i) % b->n];

		if (is_about(b, r, q))
			return r;
	}
	return NULL;
}

void blame_values(const struct session *s, const struct blame_record *r,
		  va_t va, uint64_t *old, uint64_t *new)
{
	uint64_t i = (va - r->va) / entry_span(s->blame, r->level);

	*old = r->old + i * r->dold;
	*new = r->new + i * r->dnew;
}

uint64_t blame_dropped(const struct session *s)
{
	return s->blame ? s->blame->dropped : 0;
}
