/*
 * known.c - the table of known differences between the simulation, which is
 * Linux 6.1, and the kernel that the test happens to run on.
 *
 * A row says which kind of disagreement it explains, from which version on,
 * why, and decides with a predicate. Each use is counted and printed. Rows
 * that end a scenario are those after which the two address spaces differ so
 * that nothing more can be compared.
 */
#include "tests/diff/diff.h"

#include <string.h>

/* The same areas, but for where neighbours with equal rights were joined. */
static bool merged_otherwise(const struct seen *s)
{
	char ours[1500], host[1500];

	for (unsigned p = 0; p < MAX_PROCS; p++) {
		vmas_format(&s->ours->proc[p], true, ours, sizeof(ours));
		vmas_format(&s->host->proc[p], true, host, sizeof(host));
		if (strcmp(ours, host) != 0)
			return false;
	}
	return true;
}

/* @flags without "ac", in *copy. */
static const char *unaccounted(const char *flags, char copy[100])
{
	char *ac;

	snprintf(copy, 100, "%s", flags);
	ac = strstr(copy, " ac");
	if (ac)
		memmove(ac, ac + 3, strlen(ac + 3) + 1);
	return copy;
}

/* Do all areas that both have differ in nothing but VM_ACCOUNT? */
static bool only_account(const struct seen *s)
{
	char a[100], b[100];

	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < s->ours->proc[p].nvmas; i++) {
			const struct obs_vma *v = &s->ours->proc[p].vma[i];
			const struct obs_vma *w =
				obs_same_vma(&s->host->proc[p], v);

			if (w && strcmp(unaccounted(v->flags, a),
					unaccounted(w->flags, b)) != 0)
				return false;
		}
	return true;
}

static const struct known {
	const char *name;
	enum diff_kind kind;
	unsigned from; /* version; 0: any, a matter of sandboxes */
	enum verdict verdict;
	bool (*match)(const struct seen *s);
	const char *reason;
} rows[] = {
	{ "not-accounted", DIFF_VMFLAGS, 606, KNOWN, only_account,
	  "mprotect() takes VM_ACCOUNT from areas that are not writable any "
	  "more and have no pages, since 6.6" },
	{ "areas-merged", DIFF_VMAS, 602, KNOWN_CUT, merged_otherwise,
	  "vma_merge() and vma_expand() were written anew in 6.2 to 6.16: more "
	  "neighbours join" },
};

enum verdict known_difference(const struct seen *seen, unsigned *row)
{
	if (seen->env->strict)
		return UNKNOWN;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct known *k = &rows[i];

		if (k->kind != seen->diff->kind ||
		    seen->env->version < k->from || !k->match(seen))
			continue;
		*row = i;
		return k->verdict;
	}
	return UNKNOWN;
}

void known_print(const unsigned counts[MAX_KNOWN], FILE *f)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (counts[i])
			fprintf(f, "known difference %s: %u times (%s)\n",
				rows[i].name, counts[i], rows[i].reason);
}
