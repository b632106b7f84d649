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

#include <errno.h>
#include <string.h>

#include "kernel/mm.h"
#include "kernel/mman.h"

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

/* As a newer kernel may say the same: in *copy. */
static const char *rename_lf(const char *flags, char copy[100])
{
	char *at;

	snprintf(copy, 100, "%s", flags);
	at = strstr(copy, "??");
	if (at)
		memcpy(at, "lf", 2);
	return copy;
}

static const char *unaccounted(const char *flags, char copy[100])
{
	char *ac;

	rename_lf(flags, copy);
	ac = strstr(copy, " ac");
	if (ac)
		memmove(ac, ac + 3, strlen(ac + 3) + 1);
	return copy;
}

static const char *not_huge(const char *flags, char copy[100])
{
	char *nh;

	unaccounted(flags, copy);
	nh = strstr(copy, " nh");
	if (nh)
		memmove(nh, nh + 3, strlen(nh + 3) + 1);
	return copy;
}

/* Are the flags of all areas that both have the same, seen through @view? */
static bool flags_agree(const struct seen *s,
			const char *(*view)(const char *flags, char copy[100]))
{
	char a[100], b[100];

	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < s->ours->proc[p].nvmas; i++) {
			const struct obs_vma *v = &s->ours->proc[p].vma[i];
			const struct obs_vma *w =
				obs_same_vma(&s->host->proc[p], v);

			if (w &&
			    strcmp(view(v->flags, a), view(w->flags, b)) != 0)
				return false;
		}
	return true;
}

static bool lock_on_fault_named(const struct seen *s)
{
	return flags_agree(s, rename_lf);
}

static bool not_accounted(const struct seen *s)
{
	return flags_agree(s, unaccounted);
}

static bool stack_not_huge(const struct seen *s)
{
	bool stack = false;

	for (unsigned i = 0; i <= s->step; i++)
		stack |= s->s->op[i].kind == OP_MAP &&
			 (s->s->op[i].flags & LX_MAP_STACK);
	return stack && flags_agree(s, not_huge);
}

static const struct op *op_of(const struct seen *s)
{
	return &s->s->op[s->step];
}

/* Newer kernels populate nothing behind a hole. */
static bool populate_stops(const struct seen *s)
{
	const struct op *op = op_of(s);

	return op->kind == OP_MADVISE && s->host->ret == -ENOMEM &&
	       (op->value == LX_MADV_POPULATE_READ ||
		op->value == LX_MADV_POPULATE_WRITE);
}

/* A write after MADV_FREE and mprotect(): the entry is clean. */
static bool clean_made_writable(const struct seen *s)
{
	bool freed = false, then = false;

	for (unsigned i = 0; i < s->step; i++) {
		const struct op *op = &s->s->op[i];

		freed |= op->kind == OP_MADVISE && op->value == LX_MADV_FREE;
		then |= freed && op->kind == OP_MPROTECT;
	}
	return then && s->ours->min > s->host->min;
}

static bool mremap_refused(const struct seen *s)
{
	return op_of(s)->kind == OP_MREMAP && s->ours->ret < 0 &&
	       s->host->ret < 0;
}

static bool mremap_of_several(const struct seen *s)
{
	return op_of(s)->kind == OP_MREMAP && s->ours->ret == -EFAULT &&
	       s->host->ret > 0;
}

static bool mremap_limit(const struct seen *s)
{
	return op_of(s)->kind == OP_MREMAP && s->ours->ret > 0 &&
	       (op_of(s)->flags & LX_MREMAP_FIXED) &&
	       (s->host->ret == -EAGAIN || s->host->ret == -ENOMEM);
}

static bool mremap_unmapped(const struct seen *s)
{
	return mremap_refused(s) && (op_of(s)->flags & LX_MREMAP_FIXED);
}

/* Lengths that are equal in pages, or that no address space has. */
static bool mremap_lengths(const struct seen *s)
{
	const struct op *op = op_of(s);
	bool equal =
		(op->len + PAGE - 1) / PAGE == (op->len2 + PAGE - 1) / PAGE;

	return op->kind == OP_MREMAP && equal &&
	       (s->ours->ret == -EINVAL || s->host->ret == -EINVAL);
}

/* Something is refused after a locked area was moved and left there. */
static bool locked_and_left(const struct seen *s)
{
	bool moved = false;

	for (unsigned i = 0; i < s->step; i++)
		moved |= s->s->op[i].kind == OP_MREMAP &&
			 (s->s->op[i].flags & LX_MREMAP_DONTUNMAP);
	return moved && (s->host->ret == -EAGAIN || s->host->ret == -ENOMEM);
}

/* smaps differ in LazyFree, and there in Referenced, which it takes away. */
static bool only_lazyfree(const struct seen *s)
{
	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < s->ours->proc[p].nvmas; i++) {
			const struct obs_vma *v = &s->ours->proc[p].vma[i];
			const struct obs_vma *w =
				obs_same_vma(&s->host->proc[p], v);

			for (int f = 0; w && f < NR_SMAPS; f++)
				if (v->kb[f] != w->kb[f] && f != SM_LAZYFREE &&
				    (f != SM_REFERENCED ||
				     v->kb[SM_LAZYFREE] == w->kb[SM_LAZYFREE]))
					return false;
		}
	return true;
}

static bool asked_for_large(const struct seen *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->step; i++)
		any |= s->s->op[i].kind == OP_MADVISE &&
		       s->s->op[i].value == LX_MADV_HUGEPAGE;
	return any;
}

static bool large_made_writable(const struct seen *s)
{
	return asked_for_large(s) && s->ours->min > s->host->min;
}

/* Not a page in the huge zero page's place, but a large one. */
static bool large_zero_replaced(const struct seen *s)
{
	return asked_for_large(s) && op_is_access(op_of(s)) &&
	       strcmp(s->diff->ours, "present") == 0 &&
	       strcmp(s->diff->host, "present,exclusive") == 0;
}

static bool large_reused(const struct seen *s)
{
	return asked_for_large(s) && strcmp(s->diff->host, "same frame") == 0;
}

/* Operations whose pages wait in a batch: locks, and advice to the LRU lists.
 */
static bool fills_batch(const struct op *op)
{
	if (op->kind == OP_MADVISE)
		return op->value == LX_MADV_FREE || op->value == LX_MADV_COLD;
	if (op->kind == OP_MAP)
		return op->flags & LX_MAP_LOCKED;
	return op->kind >= OP_MLOCK && op->kind <= OP_MUNLOCKALL;
}

static bool in_a_batch(const struct seen *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->step; i++)
		any |= fills_batch(&s->s->op[i]);
	return any && strcmp(s->diff->ours, "same frame") == 0;
}

static const struct known {
	const char *name;
	enum diff_kind kind; /* DIFF_NONE: any */
	unsigned from;	     /* version; 0: any, a matter of sandboxes */
	enum verdict verdict;
	bool (*match)(const struct seen *s);
	const char *reason;
} rows[] = {
	{ "lock-on-fault-named", DIFF_VMFLAGS, 602, KNOWN, lock_on_fault_named,
	  "VmFlags calls VM_LOCKONFAULT lf; 6.1 has no name for it" },
	{ "not-accounted", DIFF_VMFLAGS, 606, KNOWN, not_accounted,
	  "mprotect() takes VM_ACCOUNT from areas that are not writable any "
	  "more and have no pages" },
	{ "stack-not-huge", DIFF_VMFLAGS, 607, KNOWN, stack_not_huge,
	  "MAP_STACK gives VM_NOHUGEPAGE, since 6.7" },
	{ "clean-made-writable", DIFF_FAULTS, 602, KNOWN, clean_made_writable,
	  "mprotect() makes the entry of an exclusive page writable although "
	  "it is clean; 6.1 only if it is dirty" },
	{ "mremap-errno", DIFF_RET, 615, KNOWN, mremap_refused,
	  "mremap() was written anew in 6.16 and 6.17: it looks for errors in "
	  "another order" },
	{ "mremap-lengths", DIFF_RET, 615, KNOWN_CUT, mremap_lengths,
	  "the lengths of DONTUNMAP are compared as pages, and absurd ones "
	  "refused, since 6.17" },
	{ "locked-and-left", DIFF_RET, 615, KNOWN_CUT, locked_and_left,
	  "6.1 forgets the locked pages of an area that DONTUNMAP leaves "
	  "behind" },
	{ "mremap-several", DIFF_RET, 615, KNOWN_CUT, mremap_of_several,
	  "MREMAP_FIXED moves several areas at once, since 6.17" },
	{ "mremap-limit", DIFF_RET, 615, KNOWN_CUT, mremap_limit,
	  "limits are checked before the target of MREMAP_FIXED is unmapped; "
	  "in 6.1 after it" },
	{ "mremap-unmapped", DIFF_NONE, 615, KNOWN_CUT, mremap_unmapped,
	  "6.1 unmaps the target of MREMAP_FIXED, and shortens the area, "
	  "before it finds the error" },
	{ "lru-batch", DIFF_REUSE, 0, KNOWN, in_a_batch,
	  "a page that was locked, unlocked or advised waits in a batch of its "
	  "CPU with a reference more, and is copied; when that batch ends "
	  "depends on all that the CPU does" },
	{ "lazyfree-batch", DIFF_SMAPS, 0, KNOWN, only_lazyfree,
	  "pages of MADV_FREE wait in a batch of their CPU before they count "
	  "as LazyFree" },
	{ "large-made-writable", DIFF_FAULTS, 602, KNOWN, large_made_writable,
	  "mprotect() makes the entry of an exclusive large page writable; 6.1 "
	  "leaves it to a fault" },
	{ "large-zero-replaced", DIFF_PAGE, 612, KNOWN_CUT, large_zero_replaced,
	  "a write to the huge zero page brings a large page; 6.1 splits the "
	  "entry" },
	{ "large-reused", DIFF_REUSE, 602, KNOWN, large_reused,
	  "a small entry of a large page that has one process left is reused; "
	  "in 6.1 references to the whole forbid it" },
	{ "populate-stops", DIFF_NONE, 602, KNOWN_CUT, populate_stops,
	  "MADV_POPULATE_* ends at the first hole; 6.1 goes on behind it" },
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

		if ((k->kind && k->kind != seen->diff->kind) ||
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
