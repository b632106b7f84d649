/*
 * sim.c - operations done by kernel/.
 */
#include "tests/diff/sim.h"

#include <errno.h>
#include <string.h>

#include "kernel/mm_internal.h"
#include "tests/diff/sim_view.h"

/* Shared: nothing merges with it. */
static void guard(struct sim *s, va_t va)
{
	va_t ret;

	do_mmap(s->k, s->task[0]->mm, NULL, va, PAGE, 0,
		LX_MAP_SHARED | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0, &ret);
}

/* The lowest area above the arena: below it mappings without a hint go. */
static va_t find_top(const struct sim *s)
{
	return find_vma(s->task[0]->mm, ARENA_END + PAGE)->vm_start;
}

struct sim *sim_start(void)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	struct kernel_config cfg;
	struct user_access a;
	const char *why = "";
	uint8_t zero = 0;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	cfg.ram = 128 * MiB;
	s->k = kernel_boot(&cfg, &why);
	if (!s->k) {
		fprintf(stderr, "boot: %s\n", why);
		abort();
	}
	s->task[0] = find_task(s->k, 1);
	s->nprocs = 1;
	guard(s, ARENA - PAGE);
	guard(s, ARENA_END);
	s->heap = s->task[0]->mm->brk;
	s->top = find_top(s);
	user_access(s->k, 0, ACCESS_WRITE, true, s->heap - 1, &zero, 1, &a);
	return s;
}

void sim_stop(struct sim *s)
{
	kernel_destroy(s->k);
	free(s);
}

/* --- the operations ------------------------------------------------------- */

struct step {
	struct sim *s;
	const struct op *op;
	struct task_struct *task;
	struct mm_struct *mm;
	va_t addr; /* real */
	struct obs *o;
};

static int64_t do_op_map(struct step *t)
{
	const struct op *op = t->op;
	va_t va;
	int err = do_mmap(t->s->k, t->mm, NULL, t->addr, op->len, op->prot,
			  op->flags, 0, &va);

	return err ? err : (int64_t)sim_canonical(t->s, va);
}

static int64_t do_op_munmap(struct step *t)
{
	return do_munmap(t->s->k, t->mm, t->addr, t->op->len);
}

static int64_t do_op_mprotect(struct step *t)
{
	return do_mprotect(t->s->k, t->mm, t->addr, t->op->len, t->op->prot);
}

static int64_t do_op_brk(struct step *t)
{
	va_t now;

	do_brk(t->s->k, t->mm, t->addr, &now);
	return sim_canonical(t->s, now);
}

static int64_t do_op_fork(struct step *t)
{
	struct sim *s = t->s;
	struct task_struct *child;
	int err;

	if (s->nprocs == MAX_PROCS)
		return 0;
	err = kernel_fork(s->k, t->task, &child);
	if (!err)
		s->task[s->nprocs++] = child;
	return err;
}

static int64_t do_op_exit(struct step *t)
{
	int err = do_exit(t->s->k, t->task, 0);

	if (!err)
		t->s->task[t->op->proc] = NULL;
	return err;
}

/* One access; more in a row for touch. False: it ended in a signal. */
static bool access_one(struct step *t, enum access_kind kind, va_t va,
		       void *buf, uint64_t len)
{
	struct user_access a;
	struct obs *o = t->o;

	user_access(t->s->k, 0, kind, true, va, buf, len, &a);
	if (!a.sig.signo && !a.oops)
		return true;
	o->signo = a.sig.signo;
	o->si_code = a.sig.si_code;
	o->addr = sim_canonical(t->s, a.sig.addr);
	o->error = a.sig.error_code;
	o->trap = a.sig.trap;
	return false;
}

static int64_t do_op_read(struct step *t)
{
	uint64_t value = 0;
	bool ok = access_one(t, ACCESS_READ, t->addr, &value, t->op->len);

	t->o->value = ok ? value : 0;
	return ok;
}

static int64_t do_op_write(struct step *t)
{
	uint64_t value = t->op->value;

	return access_one(t, ACCESS_WRITE, t->addr, &value, t->op->len);
}

static int64_t do_op_fetch(struct step *t)
{
	uint8_t byte;

	return access_one(t, ACCESS_FETCH, t->addr, &byte, 1);
}

static int64_t do_op_touch(struct step *t)
{
	bool write = t->op->flags & OPF_WRITE;
	int64_t pages = 0;

	for (va_t va = t->addr; va < t->addr + t->op->len; va += PAGE) {
		if (!access_one(t, write ? ACCESS_WRITE : ACCESS_READ, va, NULL,
				1))
			break;
		pages++;
	}
	return pages;
}

static int64_t (*const run[NR_OPS])(struct step *t) = {
	[OP_MAP] = do_op_map,		[OP_MUNMAP] = do_op_munmap,
	[OP_MPROTECT] = do_op_mprotect, [OP_BRK] = do_op_brk,
	[OP_READ] = do_op_read,		[OP_WRITE] = do_op_write,
	[OP_FETCH] = do_op_fetch,	[OP_TOUCH] = do_op_touch,
	[OP_FORK] = do_op_fork,		[OP_EXIT] = do_op_exit,
};

void sim_step(struct sim *s, const struct op *op, struct obs *o)
{
	struct step t = { .s = s, .op = op, .task = s->task[op->proc], .o = o };
	uint64_t min, maj;

	memset(o, 0, sizeof(*o));
	o->pfns = true;
	if (t.task) {
		t.mm = t.task->mm;
		t.addr = sim_real(s, op->addr);
		if (s->k->current[0] != t.task)
			context_switch(s->k, 0, t.task);
		min = t.task->min_flt;
		maj = t.task->maj_flt;
		o->ret = run[op->kind](&t);
		if (s->task[op->proc]) {
			o->min = t.task->min_flt - min;
			o->maj = t.task->maj_flt - maj;
		}
	}
	sim_view(s, o);
}

/* --- invariants ------------------------------------------------------------
 */

static void found(void *ctx, const char *text)
{
	struct sim *s = ctx;
	size_t n = strlen(s->findings);

	snprintf(s->findings + n, sizeof(s->findings) - n, "%s%s",
		 n ? "; " : "", text);
}

const char *sim_check(struct sim *s, bool all)
{
	unsigned n = 0;

	*s->findings = 0;
	if (all) {
		n = kernel_check(s->k, found, s);
		return n ? s->findings : NULL;
	}
	for (unsigned i = 0; i < s->nprocs; i++)
		if (s->task[i])
			n += mm_check(s->k, s->task[i]->mm, found, s);
	n += rmap_check(s->k, found, s);
	return n ? s->findings : NULL;
}
