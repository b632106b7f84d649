/*
 * diff.h - the differential test: runs a scenario on both executors and
 * compares after every step; makes random scenarios; shrinks those that fail.
 */
#ifndef TESTS_DIFF_DIFF_H
#define TESTS_DIFF_DIFF_H

#include "tests/diff/host.h"
#include "tests/diff/obs.h"

struct env { /* what is run where */
	const char *worker;
	unsigned version;	/* of the host's kernel: 6.18 is 618 */
	struct host_setup host; /* what the simulation takes over */
	bool strict;		/* no known differences */
	bool check_all;		/* kernel_check() after every step */
	bool trace;		/* print every step */
};

#define MAX_KNOWN 48

struct outcome {
	bool failed; /* @diff after step @step */
	unsigned step;
	struct diff diff;
	bool cut;		   /* a known difference ended it early */
	unsigned steps;		   /* that were compared */
	unsigned known[MAX_KNOWN]; /* by row: how often */
};

/* --- run.c
 * -------------------------------------------------------------------- */
void scenario_run(const struct env *env, const struct scenario *s,
		  struct outcome *ret);
void outcome_print(const struct scenario *s, const struct outcome *o, FILE *f);

/* --- known.c: differences of versions and sandboxes
 * --------------------------- */
enum verdict { UNKNOWN, KNOWN, KNOWN_CUT }; /* cut: the rest would differ */

struct seen { /* what a row of the table may look at */
	const struct env *env;
	const struct scenario *s;
	unsigned step;
	const struct obs *ours, *host;
	const struct diff *diff;
	unsigned *known; /* this scenario's counts so far */
};

enum verdict known_difference(const struct seen *seen, unsigned *row);
void known_print(const unsigned counts[MAX_KNOWN], FILE *f);

/* --- gen.c, shrink.c
 * ------------------------------------------------------------ */
/* @large: some with large pages, which are not the same in newer kernels. */
void scenario_random(struct scenario *s, uint64_t seed, unsigned nops,
		     bool large);
/* => @s fails. Makes it as short and simple as it can be and still fail. */
void scenario_shrink(const struct env *env, struct scenario *s,
		     struct outcome *o);

#endif
