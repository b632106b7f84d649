/*
 * diff.c - the differential test's main program.
 *
 *	diff [-w WORKER] [-n RANDOM] [-s SEED] [-o OPERATIONS] [-j JOBS]
 *	     [-e] [-a] [-t] [-p] [FILE...]
 *
 * Runs the scenarios of the files, then random ones; -e knows no differences
 * of versions, -a checks all invariants after every step, -t shows every
 * step, -p prints the scenarios as scripts of mmsh instead of running them.
 */
#include "tests/diff/diff.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/diff/host.h"

struct totals {
	unsigned passed, failed, cut, steps, unsteady;
	unsigned known[MAX_KNOWN];
};

struct options {
	struct env env;
	unsigned nrandom, nops, jobs;
	uint64_t seed;
	bool print;
};

static void add(struct totals *t, const struct outcome *o)
{
	t->passed += !o->failed;
	t->failed += o->failed;
	t->cut += o->cut;
	t->steps += o->steps;
	for (int i = 0; i < MAX_KNOWN; i++)
		t->known[i] += o->known[i];
}

/* Runs it; what fails is shrunk and printed. */
static void run_one(const struct options *opt, struct scenario *s,
		    struct totals *t)
{
	struct outcome o;

	if (opt->print) {
		printf("# %s\n", s->name);
		scenario_print(s, stdout);
		return;
	}
	scenario_run(&opt->env, s, &o);
	if (o.failed && o.diff.kind != DIFF_CHECK) {
		/* Something else may have happened on the host meanwhile. */
		scenario_run(&opt->env, s, &o);
		t->unsteady += !o.failed;
	}
	add(t, &o);
	if (!o.failed)
		return;
	if (!opt->env.trace)
		scenario_shrink(&opt->env, s, &o);
	flockfile(stdout);
	outcome_print(s, &o, stdout);
	printf("  as a script:\n");
	scenario_print(s, stdout);
	printf("\n");
	fflush(stdout);
	funlockfile(stdout);
}

/* --- files
 * ---------------------------------------------------------------------- */

static char *trim(char *line)
{
	line += strspn(line, " \t");
	line[strcspn(line, "\n")] = 0;
	return line;
}

static bool add_line(struct scenario *s, const char *path, unsigned nr,
		     const char *line)
{
	const char *why = "too many operations";

	if (s->n < MAX_OPS && op_parse(line, &s->op[s->n], &why)) {
		s->n++;
		return true;
	}
	printf("%s:%u: %s: %s\n", path, nr, line, why);
	return false;
}

/* "== name" begins a scenario; "#" a remark. */
static void run_file(const struct options *opt, const char *path,
		     struct totals *t)
{
	FILE *f = fopen(path, "r");
	struct scenario s = { .n = 0 };
	char buf[256], *line;
	unsigned nr = 0;

	if (!f) {
		perror(path);
		t->failed++;
		return;
	}
	while (fgets(buf, sizeof(buf), f)) {
		line = trim(buf);
		nr++;
		if (strncmp(line, "== ", 3) == 0) {
			if (s.n)
				run_one(opt, &s, t);
			s.n = 0;
			snprintf(s.name, sizeof(s.name), "%.79s", line + 3);
		} else if (*line && *line != '#') {
			t->failed += !add_line(&s, path, nr, line);
		}
	}
	if (s.n)
		run_one(opt, &s, t);
	fclose(f);
}

/* --- random
 * ----------------------------------------------------------------------- */

static void run_random(const struct options *opt, unsigned job,
		       struct totals *t)
{
	struct scenario s;

	for (unsigned i = job; i < opt->nrandom; i += opt->jobs) {
		scenario_random(&s, opt->seed + i, opt->nops,
				opt->env.version < 602);
		run_one(opt, &s, t);
		if (t->failed > 4) {
			printf("job %u: too many failures\n", job);
			return;
		}
	}
}

/* Each job is a process of its own. */
static void run_jobs(const struct options *opt, struct totals *sum)
{
	struct totals *t =
		mmap(NULL, opt->jobs * sizeof(*t), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	fflush(stdout);
	for (unsigned j = 0; j < opt->jobs; j++)
		if (fork() == 0) {
			run_random(opt, j, &t[j]);
			fflush(stdout);
			_exit(0);
		}
	while (wait(&status) > 0)
		sum->failed += status != 0;
	for (unsigned j = 0; j < opt->jobs; j++) {
		sum->passed += t[j].passed;
		sum->failed += t[j].failed;
		sum->cut += t[j].cut;
		sum->unsteady += t[j].unsteady;
		sum->steps += t[j].steps;
		for (int i = 0; i < MAX_KNOWN; i++)
			sum->known[i] += t[j].known[i];
	}
}

/* --- the program
 * --------------------------------------------------------------------- */

static unsigned host_version(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	return major * 100 + minor;
}

static const char *default_worker(void)
{
	static char path[PATH_MAX + 8];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	path[n < 0 ? 0 : n] = 0;
	dirname(path);
	strcat(path, "/worker");
	return path;
}

static void options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "w:n:s:o:j:eatp")) != -1)
		switch (c) {
		case 'w':
			o->env.worker = optarg;
			break;
		case 'n':
			o->nrandom = strtoul(optarg, NULL, 0);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			o->nops = strtoul(optarg, NULL, 0);
			break;
		case 'j':
			o->jobs = strtoul(optarg, NULL, 0);
			break;
		case 'e':
			o->env.strict = true;
			break;
		case 'a':
			o->env.check_all = true;
			break;
		case 't':
			o->env.trace = true;
			break;
		case 'p':
			o->print = true;
			break;
		default:
			exit(2);
		}
	if (o->nops > MAX_OPS)
		o->nops = MAX_OPS;
}

static void report(const struct totals *t)
{
	const char *missing = host_missing();

	known_print(t->known, stdout);
	if (t->cut)
		printf("%u scenarios ended early at such a difference\n",
		       t->cut);
	if (t->unsteady)
		printf("%u disagreements did not happen again\n", t->unsteady);
	if (missing)
		printf("not compared: which frames are shared: %s\n", missing);
	printf("%u steps compared\n", t->steps);
	printf("%u passed, %u failed\n", t->passed, t->failed);
}

int main(int argc, char **argv)
{
	struct options opt = { .env = { .worker = default_worker(),
					.version = host_version() },
			       .nops = 50,
			       .seed = 1,
			       .jobs = sysconf(_SC_NPROCESSORS_ONLN) };
	struct totals t = { 0 };
	const char *unfit;

	host_get_setup(&opt.env.host);
	options(&opt, argc, argv);
	unfit = opt.print ? NULL : host_unfit(opt.env.worker);
	if (unfit) {
		printf("# skipped: %s\n0 passed, 0 failed, 1 skipped\n", unfit);
		return 0;
	}
	for (int i = optind; i < argc; i++)
		run_file(&opt, argv[i], &t);
	if (opt.nrandom && opt.print) {
		opt.jobs = 1;
		run_random(&opt, 0, &t);
	} else if (opt.nrandom) {
		run_jobs(&opt, &t);
	}
	if (!opt.print)
		report(&t);
	return t.failed != 0;
}
