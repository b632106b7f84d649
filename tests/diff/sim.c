/*
 * sim.c - operations done by kernel/.
 */
#include "tests/diff/sim.h"

#include <errno.h>
#include <string.h>

#include "kernel/fs.h"
#include "kernel/huge_mm.h"
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

struct sim *sim_start(const struct host_setup *setup)
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
	s->task[0]->cap_effective = 0;
	s->task[0]->rlim[RLIM_MEMLOCK] = setup->memlock;
	s->memlock = setup->memlock;
	s->k->thp.use_zero_page = setup->thp_zero;
	thp_set_enabled(s->k, setup->thp[0] == 'a'   ? THP_ALWAYS
			      : setup->thp[0] == 'm' ? THP_MADVISE
						     : THP_NEVER);
	s->nprocs = 1;
	guard(s, ARENA - PAGE);
	guard(s, ARENA_END);
	ksys_memfd_create(s->k, s->task[0], "scratch", 0);
	ksys_ftruncate(s->k, s->task[0], OP_FILE, OP_FILE_PAGES * PAGE);
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

/* --- a step ------------------------------------------------------------------
 */

void sim_step(struct sim *s, const struct op *op, struct obs *o)
{
	struct sim_step t = {
		.s = s, .op = op, .task = s->task[op->proc], .o = o
	};
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
		o->ret = sim_run(&t);
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
