/*
 * run.c - one scenario, both executors, step by step.
 */
#include "tests/diff/diff.h"

#include <stdlib.h>
#include <string.h>

#include "tests/diff/host.h"
#include "tests/diff/sim.h"

struct run {
	const struct env *env;
	const struct scenario *s;
	struct sim *sim;
	struct host *host;
	struct obs *ours, *theirs, *before_ours, *before_theirs;
	struct outcome *out;
};

static void swap(struct obs **a, struct obs **b)
{
	struct obs *t = *a;

	*a = *b;
	*b = t;
}

/* All disagreements of this step. False: the scenario ends here. */
static bool compare(struct run *r, unsigned step)
{
	struct outcome *o = r->out;
	enum diff_kind kind = DIFF_NONE;
	const struct op *op = &r->s->op[step];

	while (obs_compare(op, r->ours, r->theirs, kind, &o->diff)) {
		struct seen seen = { r->env,	r->s,	  step,	   r->ours,
				     r->theirs, &o->diff, o->known };
		unsigned row;
		enum verdict v = known_difference(&seen, &row);

		o->failed = v == UNKNOWN;
		o->cut = v == KNOWN_CUT;
		if (v != UNKNOWN)
			o->known[row]++;
		if (v != KNOWN)
			return false;
		kind = o->diff.kind;
	}
	return true;
}

static bool check(struct run *r, bool all)
{
	const char *findings = sim_check(r->sim, all);

	if (!findings)
		return true;
	r->out->failed = true;
	r->out->diff = (struct diff){ .kind = DIFF_CHECK };
	snprintf(r->out->diff.ours, sizeof(r->out->diff.ours), "%s", findings);
	return false;
}

static void trace(const struct run *r, unsigned i)
{
	char line[256], areas[1500];

	op_format(&r->s->op[i], line, sizeof(line));
	vmas_format(&r->theirs->proc[r->s->op[i].proc], false, areas,
		    sizeof(areas));
	printf("%3u %-44s -> %lld min=%llu signal=%d  %s\n", i, line,
	       (long long)r->theirs->ret, (unsigned long long)r->theirs->min,
	       r->theirs->signo, areas);
}

static bool step(struct run *r, unsigned i)
{
	const struct op *op = &r->s->op[i];

	swap(&r->ours, &r->before_ours);
	swap(&r->theirs, &r->before_theirs);
	sim_step(r->sim, op, r->ours);
	host_step(r->host, op, r->theirs);
	obs_kept(r->before_ours, r->ours);
	obs_kept(r->before_theirs, r->theirs);
	r->out->steps++;
	r->out->step = i;
	if (r->env->trace)
		trace(r, i);
	return compare(r, i) && check(r, r->env->check_all);
}

void scenario_run(const struct env *env, const struct scenario *s,
		  struct outcome *ret)
{
	struct obs *obs = calloc(4, sizeof(*obs));
	struct run r = { env,
			 s,
			 sim_start(&env->host),
			 host_start(env->worker, &env->host),
			 obs,
			 obs + 1,
			 obs + 2,
			 obs + 3,
			 ret };

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < s->n && step(&r, i); i++)
		;
	if (!ret->failed && !ret->cut)
		check(&r, true);
	host_stop(r.host);
	sim_stop(r.sim);
	free(obs);
}

void outcome_print(const struct scenario *s, const struct outcome *o, FILE *f)
{
	char line[256];

	op_format(&s->op[o->step], line, sizeof(line));
	fprintf(f, "%s: step %u, %s: %s", s->name, o->step + 1, line,
		diff_names[o->diff.kind]);
	if (o->diff.va)
		fprintf(f, " of pid %u at 0x%llx", o->diff.proc + 1,
			(unsigned long long)o->diff.va);
	else if (o->diff.kind >= DIFF_ALIVE)
		fprintf(f, " of pid %u", o->diff.proc + 1);
	fprintf(f, "\n  mmsh: %s\n  host: %s\n", o->diff.ours, o->diff.host);
}
