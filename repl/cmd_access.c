/*
 * cmd_access.c - read, write, fetch, touch: accesses by linear address, as an
 * instruction of the current process (or of the kernel, -k) makes them.
 * Faults are taken, handled and retried; a signal that no handler returned from
 * ends the command, and the process too if `handle` says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/signal.h"
#include "repl/cmd.h"
#include "repl/describe.h"

#define ACCESS_MAX	(16u << 20)
#define CHUNK		PAGE_SIZE

/* An access under way: whose, where, and what has happened so far. */
struct job {
	struct cmd_ctx *c;
	enum access_kind kind;
	bool user;
	unsigned cpu;
	struct task_struct *task, *before;	/* -p: switched to and back */
	int ppid; /* of the task, which may not live through it */
	struct story *story;
	struct user_access sum;
};

static int job_begin(struct job *j, struct cmd_ctx *c, enum access_kind kind)
{
	struct mmu mmu;
	int rc;

	memset(j, 0, sizeof(*j));
	j->c = c;
	j->kind = kind;
	if (cmd_view(c, &j->task, &j->cpu, &mmu) < 0)
		return -1;
	if (cmd_one_of(c, "uk") < 0)
		return -1;
	j->user = cmd_opt(c, 'u') ||
		  (!cmd_opt(c, 'k') && (c->k || c->m->cpu[j->cpu].cpl == 3));
	if (!c->k)
		return 0;
	if (j->user && !j->task)
		return err_set(c->err, ERR_USER, "no process runs on cpu%u",
			       j->cpu);
	j->before = c->k->current[j->cpu];
	j->ppid = j->task ? j->task->ppid : 0;
	rc = j->task == j->before ? 0 : context_switch(c->k, j->cpu, j->task);
	if (rc < 0)
		return cmd_switch_failed(c, j->task, rc);
	j->story = story_begin_at(c->k, c->r->story);
	return 0;
}

/* Tells the story and, after -p, gives the CPU back: 0, or -1 with c->err. */
static int job_end(struct job *j)
{
	struct cmd_ctx *c = j->c;
	int rc = 0;

	if (!c->k)
		return 0;
	if (j->sum.end == SIG_ENDED && j->task == j->before)
		cmd_give_cpu(c->s, j->cpu, j->ppid);
	story_end(j->story, c->r);
	if (j->task != j->before)
		rc = context_switch(c->k, j->cpu, j->before);
	return rc < 0 ? cmd_switch_failed(c, j->before, rc) : 0;
}

/* On a machine without a kernel nobody handles faults. */
static void bare_access(struct job *j, va_t va, void *buf, uint64_t len,
			struct user_access *ret)
{
	struct access a = { .va = va, .kind = j->kind, .user = j->user };

	struct cpu *cpu = &j->c->m->cpu[j->cpu];
	pa_t pa;

	memset(ret, 0, sizeof(*ret));
	ret->done = buf ? mmu_copy(cpu, &a, buf, len, &ret->fault)
			: mmu_access(cpu, &a, &pa, &ret->fault);
	ret->oops = ret->done < len;
}

/* At most a chunk; no @buf: one byte that stays. False: it ended in a fault. */
static bool job_step(struct job *j, va_t va, void *buf, uint64_t len)
{
	struct user_access a;

	if (j->c->k)
		user_access(j->c->k, j->cpu, j->kind, j->user, va, buf, len, &a);
	else
		bare_access(j, va, buf, len, &a);
	j->sum.done += a.done;
	j->sum.min_flt += a.min_flt;
	j->sum.maj_flt += a.maj_flt;
	j->sum.sig = a.sig;
	j->sum.fault = a.fault;
	j->sum.oops = a.oops;
	j->sum.end = a.end;
	j->sum.handled += a.handled;
	return !a.sig.signo && !a.oops && a.done == len;
}

/* What the signal that *err names has led to. */
static void say_end(const struct session *s, const struct user_access *a,
		    struct err *err)
{
	static const char *const what[] = {
		[SIG_STUCK] = ", again and again: its handler repairs nothing",
		[SIG_ENDED] = ": the process is killed",
		[SIG_LEFT] = ": its handler did not return",
		[SIG_PANIC] = ": kernel panic: Attempted to kill init!",
	};
	size_t n = strlen(err->msg);

	if (a->end == SIG_STOPPED || a->end == SIG_RETRY)
		return;
	snprintf(err->msg + n, sizeof(err->msg) - n, "%s", what[a->end]);
	if (a->end == SIG_LEFT && *s->handler_err.msg)
		err_hint(err, "%.150s", s->handler_err.msg);
}

/* #GP and #SS carry no address; si_addr is 0 then. */
static int say_signal(const struct session *s, const struct user_access *a,
		      struct err *err)
{
	const char *name = signal_name(a->sig.signo);
	const char *code = si_code_name(a->sig.signo, a->sig.si_code);

	if (a->sig.signo == LX_SIGKILL)
		err_set(err, ERR_FAULT, "%s", name);
	else if (a->fault.vector == VEC_PF)
		err_set(err, ERR_FAULT, "%s (%s) at 0x%llx", name, code,
			(unsigned long long)a->sig.addr);
	else
		err_set(err, ERR_FAULT, "%s (%s), %s: %s", name, code,
			cmd_vector_name(a->fault.vector),
			fault_reason_name[a->fault.reason]);
	say_end(s, a, err);
	return -1;
}

int cmd_access_failed(const struct session *s, const struct user_access *a,
		      struct err *err)
{
	const char *who = s->k ? "kernel oops: " : "";
	char bits[64];

	if (a->sig.signo)
		return say_signal(s, a, err);
	if (a->fault.vector != VEC_PF)
		return err_set(err, ERR_FAULT, "%s%s: %s", who,
			       cmd_vector_name(a->fault.vector),
			       fault_reason_name[a->fault.reason]);
	return err_set(err, ERR_FAULT, "%s%s at 0x%llx, error 0x%x (%s): %s",
		       who, cmd_vector_name(a->fault.vector),
		       (unsigned long long)a->fault.cr2, a->fault.error_code,
		       cmd_error_bits(a->fault.error_code, bits, sizeof(bits)),
		       fault_reason_name[a->fault.reason]);
}

void cmd_give_cpu(struct session *s, unsigned cpu, int ppid)
{
	struct task_struct *next = find_task(s->k, ppid);

	if (!next || !next->mm)
		next = find_task(s->k, 1);
	if (next && next->cpu < 0 && !s->k->current[cpu])
		context_switch(s->k, cpu, next);
}

static int job_failed(struct job *j)
{
	return cmd_access_failed(j->c->s, &j->sum, j->c->err);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "2 bytes written at 0x0804a010, 1 minor fault" */
static void emit_sum(struct job *j, const char *done, va_t va)
{
	const struct user_access *a = &j->sum;
	struct result *r = j->c->r;

	res_line(r);
	res_u64(r, "bytes", "%s", a->done);
	res_text(r, COL_PLAIN, "~ byte%s %s", plural(a->done), done);
	res_va(r, "va", "~ at %s", va);
	res_subject(r, va);
	res_u64(r, "min_flt", a->min_flt ? "~, %s" : NULL, a->min_flt);
	if (a->min_flt)
		res_text(r, COL_PLAIN, "~ minor fault%s", plural(a->min_flt));
	res_u64(r, "maj_flt", a->maj_flt ? "~, %s" : NULL, a->maj_flt);
	if (a->maj_flt)
		res_text(r, COL_PLAIN, "~ major fault%s", plural(a->maj_flt));
	if (!a->handled)
		return;
	res_u64(r, "handled", "~, %s", a->handled);
	res_text(r, COL_PLAIN, "~ signal%s handled", plural(a->handled));
}

static void emit_value(struct result *r, const uint8_t *p, uint64_t len)
{
	uint64_t v = 0;

	if (len == 0 || len > 8)
		return;
	memcpy(&v, p, len);
	res_hex(r, "value", NULL, v, 1);
}

/* read and fetch: the same path but for the kind. */
static int read_as(struct cmd_ctx *c, enum access_kind kind, const char *done)
{
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].set ? c->arg[1].value.n : 16;
	uint64_t got = 0;
	struct job j;
	uint8_t *buf;
	bool ok = true;
	int back;

	if (len > ACCESS_MAX)
		return err_set(c->err, ERR_BUDGET,
			       "%llu bytes are more than %u in one command",
			       (unsigned long long)len, ACCESS_MAX);
	if (job_begin(&j, c, kind) < 0)
		return -1;
	buf = calloc(1, len);
	if (!buf)
		abort();
	while (ok && got < len) {
		uint64_t n = len - got < CHUNK ? len - got : CHUNK;

		ok = job_step(&j, va + got, buf + got, n);
		got = j.sum.done;
	}
	back = job_end(&j);
	cmd_emit_dump(c->r, va, buf, j.sum.done);
	emit_value(c->r, buf, j.sum.done);
	emit_sum(&j, done, va);
	free(buf);
	return ok ? back : job_failed(&j);
}

static int read_run(struct cmd_ctx *c)
{
	return read_as(c, ACCESS_READ, "read");
}

static int fetch_run(struct cmd_ctx *c)
{
	return read_as(c, ACCESS_FETCH, "fetched");
}

/* The bytes of DATA: a string, or a number of -s SIZE bytes. */
int cmd_data_bytes(struct cmd_ctx *c, const struct cmd_arg *data,
		   uint8_t num[8], const void **p, uint64_t *len)
{
	unsigned size;

	if (cmd_word_size(c, 4, &size) < 0 ||
	    (!data->str && cmd_fits(c, data->value.n, size) < 0))
		return -1;
	memcpy(num, &data->value.n, 8);
	*p = data->str ? (const void *)data->str : num;
	*len = data->str ? data->value.n : size;
	return 0;
}

static int write_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	const void *p = NULL;
	uint8_t num[8];
	uint64_t len;
	struct job j;
	bool ok;
	int back;

	if (cmd_data_bytes(c, &c->arg[1], num, &p, &len) < 0 ||
	    job_begin(&j, c, ACCESS_WRITE) < 0)
		return -1;
	ok = job_step(&j, va, (void *)p, len);
	back = job_end(&j);
	emit_sum(&j, "written", va);
	return ok ? back : job_failed(&j);
}

/* --- touch ------------------------------------------------------------------- */
static void emit_touched(struct job *j, va_t from, uint64_t pages)
{
	struct result *r = j->c->r;

	res_line(r);
	res_u64(r, "pages", "%s", pages);
	res_text(r, COL_PLAIN, "~ page%s touched", plural(pages));
	res_va(r, "va", "~ from %s", from);
	res_u64(r, "min_flt", "~, %s minor", j->sum.min_flt);
	res_u64(r, "maj_flt", "~ and %s major faults", j->sum.maj_flt);
}

static int touch_run(struct cmd_ctx *c)
{
	va_t from = c->arg[0].value.n & PAGE_MASK, last = c->arg[0].end;
	uint64_t pages = 0;
	bool ok = true;
	struct job j;
	int back;

	if (job_begin(&j, c, cmd_opt(c, 'w') ? ACCESS_WRITE : ACCESS_READ) < 0)
		return -1;
	for (va_t va = from; ok; va += PAGE_SIZE) {
		ok = job_step(&j, va, NULL, 1);
		pages += ok;
		if (last - va < PAGE_SIZE)
			break;
	}
	back = job_end(&j);
	emit_touched(&j, from, pages);
	return ok ? back : job_failed(&j);
}

#define OPT_WHO                                                     \
	{ 'u', "user", ARG_FLAG, NULL, "as user code, CPL 3" },     \
	{ 'k', "kernel", ARG_FLAG, NULL, "as kernel code, CPL 0" }

const struct command cmd_read = {
	.name = "read",
	.group = "access",
	.flags = CMD_CHANGES,
	.help = "read LEN bytes at VA as the current process would",
	.details = "A load of the current process (user mode, unless -k; on a "
		   "machine without\n"
		   "a kernel as CPL says, unless -u or -k): TLB, walk, page "
		   "fault, handler,\n"
		   "retry. Default LEN is 16. The story of the faults comes "
		   "first, then the\n"
		   "bytes. An access that ends in a signal fails with its "
		   "si_code and\n"
		   "si_addr: see handle and sigaction for what comes of it.",
	.example = "read text 16",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_SIZE, .optional = true } },
	.opt = { OPT_WHO, CMD_OPT_PID, CMD_OPT_CPU },
	.run = read_run,
};

const struct command cmd_fetch = {
	.name = "fetch", .group = "access", .flags = CMD_CHANGES,
	.help = "fetch instruction bytes at VA",
	.details = "As read, but an instruction fetch: NX (XD) and SMEP count.",
	.example = "fetch text 4",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_SIZE, .optional = true } },
	.opt = { OPT_WHO, CMD_OPT_PID, CMD_OPT_CPU },
	.run = fetch_run,
};

const struct command cmd_write = {
	.name = "write", .group = "access", .flags = CMD_CHANGES,
	.help = "write DATA, a number or \"string\", at VA",
	.details =
	"A store of the current process (user mode, unless -k). DATA is a quoted\n"
	"string, or a number of 4 bytes (-s 1, 2, 4 or 8), little endian.",
	.example = "write stack-64 \"hi\"",
	.arg = { { "VA", ARG_VA }, { "DATA", ARG_DATA } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of a number" },
		 OPT_WHO, CMD_OPT_PID, CMD_OPT_CPU },
	.run = write_run,
};

const struct command cmd_touch = {
	.name = "touch", .group = "access", .flags = CMD_CHANGES,
	.help = "access one byte in each page of RANGE",
	.details =
	"Reads the first byte of each page: makes a range resident in one command.\n"
	"With -w the access is a write that leaves the byte as it is, like a locked\n"
	"or with 0: one write fault a page.",
	.example = "touch data",
	.arg = { { "RANGE", ARG_RANGE } },
	.opt = { { 'w', "write", ARG_FLAG, NULL,
		   "as a write; the byte keeps its value" },
		 OPT_WHO, CMD_OPT_PID, CMD_OPT_CPU },
	.run = touch_run,
};
