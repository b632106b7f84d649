/* why.c - see why.h. */
#include "kernel/pgtable.h"
#include "repl/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void why_add(struct why_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? n : 0;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

static bool is_user(const struct access *a)
{
	return a->user && !a->implicit;
}

/* --- rules ---------------------------------------------------------------- */

/* Name of the entry that decided, or what stands for it in the TLB. */
static const char *decider(const struct why *y)
{
	const struct walk *w = &y->probe;

	return w->tlb_hit ? "TLB entry" : w->mode->level[w->fault.level].name;
}

/* An entry above those that are read counts as it was cached. */
static const char *cached(const struct why *y)
{
	const struct walk *w = &y->probe;

	return y->is_stale && w->fault.level < w->first ? "cached " : "";
}

/* @what holds @where: without more to say, in all entries on the way. */
static void add_all(const struct why *y, struct why_text *t, const char *what,
		    const char *where)
{
	const struct walk *w = &y->probe;

	if (y->is_stale)
		why_add(t, "%s in what is read, behind the cached %s", what,
			w->mode->level[w->first - 1].name);
	else
		why_add(t, "%s%s", what, where);
}

/* The same of a right, which a cached entry grants or denies as well. */
static void add_right(const struct why *y, struct why_text *t, const char *what,
		      const char *then)
{
	const struct walk *w = &y->probe;

	if (y->is_stale)
		why_add(t, "%s in the cached %s and below%s", what,
			w->mode->level[w->first - 1].name, then);
	else
		why_add(t, "%s everywhere%s", what, then);
}

static bool has_reserved(const struct why *y, const struct walk_step *s)
{
	const struct mmu_level *l = &y->cpu.mmu.level[s->level];

	return s->entry & (s->leaf ? l->leaf_rsvd : l->table_rsvd);
}

static void add_reserved(const struct why *y, struct why_text *t,
			 const struct walk_step *s)
{
	char bits[256];

	why_add(t, "the %s has %s", decider(y),
		reserved_format(bits, sizeof(bits), &y->cpu.mmu, s->level,
				s->entry, s->leaf));
}

static void say_canonical(const struct why *y, struct why_text *t, bool ok)
{
	unsigned top = y->probe.mode->va_bits - 1;

	why_add(t, ok ? "bits 63:%u are equal" : "bits 63:%u are not all equal",
		top);
}

static void say_present(const struct why *y, struct why_text *t, bool ok)
{
	if (y->probe.tlb_hit)
		why_add(t, "a cached translation is present");
	else if (ok)
		add_all(y, t, "P=1", " in every entry");
	else
		why_add(t, "P=0 in the %s", decider(y));
}

static void say_reserved(const struct why *y, struct why_text *t, bool ok)
{
	const struct walk *w = &y->probe;

	if (w->tlb_hit)
		why_add(t, "not asked again of what is cached");
	else if (ok)
		add_all(y, t, "no reserved bit is set", "");
	else
		add_reserved(y, t, &w->step[w->fault.level]);
}

static void say_user(const struct why *y, struct why_text *t, bool ok)
{
	if (ok)
		add_right(y, t, "U/S=1", ": a user page");
	else
		why_add(t, "U/S=0 in the %s%s: a supervisor page", cached(y),
			decider(y));
}

static void say_write(const struct why *y, struct why_text *t, bool ok)
{
	if (ok)
		add_right(y, t, "R/W=1", "");
	else
		why_add(t, "R/W=0 in the %s%s", cached(y), decider(y));
}

static void say_wp(const struct why *y, struct why_text *t, bool ok)
{
	if (ok && !y->probe.rights.write)
		why_add(t, "R/W=0, but CR0.WP=0: the kernel may");
	else
		say_write(y, t, ok);
	if (!ok)
		why_add(t, ", and CR0.WP=1");
}

static void say_xd(const struct why *y, struct why_text *t, bool ok)
{
	if (!ok)
		why_add(t, "XD=1 in the %s%s", cached(y), decider(y));
	else if (!y->probe.mode->has_xd)
		why_add(t, "entries of this paging mode have no XD");
	else if (!y->cpu.mmu.xd_mask)
		why_add(t, "EFER.NXE=0");
	else
		add_right(y, t, "XD=0", "");
}

static void say_smep(const struct why *y, struct why_text *t, bool ok)
{
	if (!y->probe.rights.user)
		why_add(t, "a supervisor page: CR4.SMEP does not matter");
	else
		why_add(t, ok ? "CR4.SMEP=0" : "CR4.SMEP=1, and a user page");
}

static void say_smap(const struct why *y, struct why_text *t, bool ok)
{
	if (!y->probe.rights.user)
		why_add(t, "a supervisor page: CR4.SMAP does not matter");
	else if (!(y->cpu.mmu.cr4 & CR4_SMAP))
		why_add(t, "CR4.SMAP=0");
	else if (ok)
		why_add(t, "CR4.SMAP=1, but EFLAGS.AC=1");
	else
		why_add(t, "CR4.SMAP=1, EFLAGS.AC=%d, and a user page",
			y->cpu.mmu.ac);
}

static void say_key(const struct why *y, struct why_text *t, bool ok)
{
	const struct mmu *mmu = &y->cpu.mmu;
	bool user = y->probe.rights.user;
	unsigned pk = y->probe.rights.pk;
	uint32_t reg = user ? mmu->pkru : mmu->pkrs;
	const char *name = user ? "PKRU" : "PKRS";

	if (!(user ? mmu->pku_on : mmu->pks_on)) {
		why_add(t, "CR4.%s=0", user ? "PKE" : "PKS");
		return;
	}
	why_add(t, "key %u: %s.AD%u=%u WD%u=%u", pk, name, pk,
		reg >> 2 * pk & 1, pk, reg >> (2 * pk + 1) & 1);
	if (ok && (reg >> 2 * pk & 2) && y->access.kind == ACCESS_WRITE)
		why_add(t, ", but CR0.WP=0");
}

#define READ  BIT(ACCESS_READ)
#define WRITE BIT(ACCESS_WRITE)
#define FETCH BIT(ACCESS_FETCH)
#define DATA  (READ | WRITE)
#define ALL   (DATA | FETCH)

/* In the order in which the CPU asks; user: 1, supervisor: 2, both: 3. */
static const struct rule {
	const char *name;
	uint8_t who, kinds;
	uint32_t reasons; /* it fails with one of these */
	void (*say)(const struct why *y, struct why_text *t, bool ok);
} rules[] = {
	{ "canonical", 3, ALL, BIT(FAULT_NOT_CANONICAL), say_canonical },
	{ "present", 3, ALL, BIT(FAULT_NOT_PRESENT), say_present },
	{ "reserved", 3, ALL, BIT(FAULT_RESERVED), say_reserved },
	{ "user page", 1, ALL, BIT(FAULT_SUPERVISOR_PAGE), say_user },
	{ "writable", 1, WRITE, BIT(FAULT_READ_ONLY), say_write },
	{ "SMEP", 2, FETCH, BIT(FAULT_SMEP), say_smep },
	{ "executable", 3, FETCH, BIT(FAULT_XD), say_xd },
	{ "SMAP", 2, DATA, BIT(FAULT_SMAP), say_smap },
	{ "writable", 2, WRITE, BIT(FAULT_WP), say_wp },
	{ "key", 3, DATA, BIT(FAULT_PK_AD) | BIT(FAULT_PK_WD), say_key },
};

static bool applies(const struct why *y, const struct rule *rule)
{
	const struct paging_mode *mode = y->probe.mode;

	if (!mode->nlevels || !(rule->kinds >> y->access.kind & 1))
		return false;
	if (!(rule->who & (is_user(&y->access) ? 1 : 2)))
		return false;
	if (rule->say == say_canonical)
		return mode->canonical;
	return rule->say != say_key || mode->has_pk;
}

bool why_rule(const struct why *y, unsigned i, const char **name, bool *ok,
	      char *buf, size_t size)
{
	struct why_text t = { .buf = buf, .size = size };

	*ok = true;
	for (size_t n = 0; n < ARRAY_SIZE(rules) && *ok; n++) {
		if (!applies(y, &rules[n]))
			continue;
		*ok = !(rules[n].reasons >> y->probe.fault.reason & 1);
		if (i--)
			continue;
		*name = rules[n].name;
		rules[n].say(y, &t, *ok);
		return true;
	}
	return false;
}

bool why_prot_none(const struct why *y, unsigned level, uint64_t entry)
{
	return y->k && y->cpu.mmu.mode == y->k->mode &&
	       level == y->k->pte_level && !(entry & PTE_P) &&
	       (entry & _PAGE_PROTNONE);
}

char *why_withholds(const struct why *y, const struct walk_step *s, char *buf,
		    size_t size)
{
	const struct mmu *mmu = &y->cpu.mmu;
	uint64_t entry = s->entry | mmu->level[s->level].implied;
	bool user = is_user(&y->access);
	bool write =
		y->access.kind == ACCESS_WRITE && (user || (mmu->cr0 & CR0_WP));
	struct why_text t = { .buf = buf, .size = size };

	*buf = 0;
	if (!(entry & PTE_P)) {
		why_add(&t, "P=0%s",
			why_prot_none(y, s->level, entry) ? ", PROT_NONE" : "");
		return buf;
	}
	if (has_reserved(y, s))
		why_add(&t, "a reserved bit ");
	if (user && !(entry & PTE_US))
		why_add(&t, "U/S=0 ");
	if (write && !(entry & PTE_RW))
		why_add(&t, "R/W=0 ");
	if (y->access.kind == ACCESS_FETCH && (entry & mmu->xd_mask))
		why_add(&t, "XD=1 ");
	if (t.len)
		buf[t.len - 1] = 0;
	return buf;
}
