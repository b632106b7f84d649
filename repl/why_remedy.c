/*
 * why_remedy.c - what would make the access of why succeed: in words, and as
 * the commands that do it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "repl/why.h"

/* --- in words ------------------------------------------------------------- */

static const char *const kinds[] = {
	[REMEDY_ENTRY] = "entry",	[REMEDY_MAP] = "map",
	[REMEDY_ENTRIES] = "entries",	[REMEDY_REGISTER] = "register",
	[REMEDY_ACCESS] = "access",	[REMEDY_ADDRESS] = "address",
	[REMEDY_RELOAD] = "reload CR3", [REMEDY_INVLPG] = "invlpg",
	[REMEDY_RETRY] = "retry",
};

const char *why_kind(const struct remedy *r)
{
	return kinds[r->kind];
}

static const struct {
	const char *name;
	const struct flag_name *flags;
} registers[] = {
	[REMEDY_CR0] = { "CR0", cr0_flags },
	[REMEDY_CR4] = { "CR4", cr4_flags },
	[REMEDY_EFER] = { "EFER", efer_flags },
	[REMEDY_EFLAGS] = { "EFLAGS", eflags_flags },
	[REMEDY_PKRU] = { "PKRU", NULL },
	[REMEDY_PKRS] = { "PKRS", NULL },
};

const char *why_register(const struct remedy *r)
{
	return registers[r->reg].name;
}

static const struct flag_name bit_names[] = {
	{ PTE_P, "P", NULL },	 { PTE_RW, "R/W", NULL },
	{ PTE_US, "U/S", NULL }, { PTE_XD, "XD", NULL },
	{ 0, NULL, NULL },
};

/* "set R/W and set U/S", "clear bit 51" */
static void say_bits(struct why_text *t, uint64_t bits, bool set,
		     const char *sep)
{
	char name[16];

	for (; bits; bits &= bits - 1) {
		flags_format(name, sizeof(name), bit_names, bits & -bits, "");
		if (!*name)
			snprintf(name, sizeof(name), "bit %d",
				 __builtin_ctzll(bits));
		why_add(t, "%s%s %s", sep, set ? "set" : "clear", name);
		sep = " and ";
	}
}

/* A PROT_NONE page of Linux: the entry has a frame, and P=0. */
static bool is_prot_none(const struct why *y, const struct remedy_edit *e)
{
	return why_prot_none(y, e->level, e->old);
}

bool why_new_value(const struct why *y, const struct remedy_edit *e,
		   uint64_t *value)
{
	*value = e->new;
	if (e->map && is_prot_none(y, e))
		*value |= (uint64_t)pte_pfn(y->k, e->old) << PAGE_SHIFT;
	return !e->map || is_prot_none(y, e);
}

static void say_map(const struct why *y, struct why_text *t,
		    const struct remedy_edit *e)
{
	const struct paging_level *l = &y->cpu.mmu.mode->level[e->level];
	unsigned long long frame, value, bits = e->new;
	uint64_t new;

	if (!why_new_value(y, e, &new)) {
		why_add(t, "map a %s page: %s at 0x%08llx = frame | 0x%llx",
			paging_size_name(l->shift), l->name,
			(unsigned long long)e->pa, bits);
		return;
	}
	value = new;
	frame = value & ~bits;
	why_add(t, "map the frame that PROT_NONE keeps: ");
	why_add(t, "%s at 0x%08llx = 0x%08llx | 0x%llx", l->name,
		(unsigned long long)e->pa, frame, bits);
}

/* The bits of @e that change, and its protection key. */
static void say_flips(const struct mmu *mmu, struct why_text *t,
		      const struct remedy_edit *e)
{
	bool has_key = mmu->mode->has_pk && e->leaf && (e->old & PTE_P);
	uint64_t key = has_key ? 15ULL << PTE_PK_SHIFT : 0;
	uint64_t diff = e->old ^ e->new;
	size_t before = t->len;

	say_bits(t, diff & e->new & ~key, true, "");
	say_bits(t, diff & e->old & ~key, false,
		 t->len > before ? " and " : "");
	if (diff & key)
		why_add(t, "%sgive key %u", t->len > before ? " and " : "",
			(unsigned)(e->new >> PTE_PK_SHIFT & 15));
	why_add(t, " %s the %s at 0x%08llx", diff & key ? "to" : "in",
		mmu->mode->level[e->level].name, (unsigned long long)e->pa);
}

static void say_edit(const struct why *y, struct why_text *t,
		     const struct remedy_edit *e)
{
	if (e->map) {
		say_map(y, t, e);
		return;
	}
	say_flips(&y->cpu.mmu, t, e);
	if (is_prot_none(y, e))
		why_add(t, ", which is PROT_NONE");
}

char *why_edit(const struct why *y, const struct remedy_edit *e, char *buf,
	       size_t size)
{
	struct why_text t = { .buf = buf, .size = size };

	say_edit(y, &t, e);
	return buf;
}

static void say_key_bits(struct why_text *t, const struct remedy *r)
{
	const char *sep = "";

	why_add(t, "%s: clear ", why_register(r));
	for (uint64_t left = r->mask; left; left &= left - 1) {
		unsigned bit = __builtin_ctzll(left);

		why_add(t, "%s%s%u", sep, bit & 1 ? "WD" : "AD", bit / 2);
		sep = " and ";
	}
}

/* "WP": the name of the bit that @r changes. */
static char *bit_name(const struct remedy *r, char *buf, size_t size)
{
	const struct flag_name *f = registers[r->reg].flags;

	/* Of a set bit the name is capitals; others have none or small ones. */
	while (f->name && f->mask != r->mask)
		f++;
	snprintf(buf, size, "%s", f->name ? f->name : "?");
	return buf;
}

static void say_register(struct why_text *t, const struct remedy *r)
{
	char name[16];

	if (!registers[r->reg].flags) {
		say_key_bits(t, r);
		return;
	}
	why_add(t, "%s %s.%s", r->value ? "set" : "clear", why_register(r),
		bit_name(r, name, sizeof(name)));
	if (r->reg == REMEDY_EFLAGS)
		why_add(t, " (STAC)");
}

static void say_rest(const struct why *y, struct why_text *t,
		     const struct remedy *r)
{
	unsigned long long va = r->access.va;

	if (r->kind == REMEDY_ACCESS)
		why_add(t, "%s%s",
			r->access.user ? "made by user code, CPL 3"
				       : "made by the kernel, CPL 0",
			y->access.implicit ? ", explicitly" : "");
	else if (r->kind == REMEDY_ADDRESS)
		why_add(t, "made to 0x%016llx, the address sign-extended", va);
	else if (r->kind == REMEDY_RELOAD)
		why_add(t, "MOV to CR3 of the value it has: loads the PDPTEs");
	else if (r->kind == REMEDY_INVLPG)
		why_add(t, "INVLPG 0x%llx: what is cached is stale", va);
	else if (r->kind == REMEDY_RETRY)
		why_add(t, "made again: the fault drops what is cached");
}

char *why_change(const struct why *y, const struct remedy *r, char *buf,
		 size_t size)
{
	struct why_text t = { .buf = buf, .size = size };

	*buf = 0;
	for (unsigned i = 0; i < r->nedits; i++) {
		why_add(&t, "%s", i ? ", and " : "");
		say_edit(y, &t, &r->edit[i]);
	}
	if (r->kind == REMEDY_REGISTER)
		say_register(&t, r);
	else if (!r->nedits)
		say_rest(y, &t, r);
	if (r->nedits && r->reload)
		why_add(&t, ", and MOV to CR3");
	if (r->nedits && r->invlpg)
		why_add(&t, ", and INVLPG");
	return buf;
}

/* --- as commands ---------------------------------------------------------- */

/* "; " between commands, and -c if they are for another CPU than ours. */
static void begin(const struct why *y, struct why_text *t, const char *name)
{
	why_add(t, "%s%s", t->len ? "; " : "", name);
	if (y->other_cpu)
		why_add(t, " -c %u", y->cpu.id);
}

static void command_poke(const struct why *y, struct why_text *t,
			 const struct remedy_edit *e)
{
	unsigned size = y->cpu.mmu.mode->entry_size;
	uint64_t value;

	if (!why_new_value(y, e, &value))
		return;
	why_add(t, "%spoke -s %u 0x%08llx 0x%0*llx", t->len ? "; " : "", size,
		(unsigned long long)e->pa, (int)(2 * size),
		(unsigned long long)value);
}

static void command_follow(const struct why *y, struct why_text *t,
			   const struct remedy *r)
{
	if (r->reload) {
		begin(y, t, "reg");
		why_add(t, " cr3 0x%08llx", (unsigned long long)y->cpu.mmu.cr3);
	}
	if (r->invlpg) {
		begin(y, t, "invlpg");
		why_add(t, " 0x%llx", (unsigned long long)r->access.va);
	}
}

/* "reg cr0 -wp", "reg pkru -ad3 -wd3", "reg pkrs 0x00000004" */
static void command_register(const struct why *y, struct why_text *t,
			     const struct remedy *r)
{
	size_t from;
	char name[16];

	begin(y, t, "reg");
	from = t->len;
	why_add(t, " %s", why_register(r));
	if (r->reg == REMEDY_PKRS)
		why_add(t, " 0x%08llx",
			(y->cpu.mmu.pkrs & ~r->mask) |
				(unsigned long long)r->value);
	else if (r->reg != REMEDY_PKRU)
		why_add(t, " %c%s", r->value ? '+' : '-',
			bit_name(r, name, sizeof(name)));
	for (uint64_t m = r->reg == REMEDY_PKRU ? r->mask : 0; m; m &= m - 1) {
		unsigned bit = __builtin_ctzll(m);

		why_add(t, " -%s%u", bit & 1 ? "wd" : "ad", bit / 2);
	}
	for (char *s = t->buf + from; *s; s++)
		*s = tolower((unsigned char)*s);
}

static void command_access(const struct why *y, struct why_text *t,
			   const struct remedy *r)
{
	static const char *const kind[] = {
		[ACCESS_READ] = "", [ACCESS_WRITE] = "w", [ACCESS_FETCH] = "x"
	};

	begin(y, t, "access");
	why_add(t, " -%s%s 0x%llx", kind[r->access.kind],
		r->access.implicit ? "i"
		: r->access.user   ? "u"
				   : "k",
		(unsigned long long)r->access.va);
}

char *why_command(const struct why *y, const struct remedy *r, char *buf,
		  size_t size)
{
	struct why_text t = { .buf = buf, .size = size };
	uint64_t value;
	bool here = r->kind == REMEDY_ACCESS || r->kind == REMEDY_ADDRESS ||
		    r->reload || r->invlpg;

	*buf = 0;
	for (unsigned i = 0; i < r->nedits; i++)
		if (!why_new_value(y, &r->edit[i], &value))
			return buf;
	if (here && !y->loaded)
		return buf;
	for (unsigned i = 0; i < r->nedits; i++)
		command_poke(y, &t, &r->edit[i]);
	command_follow(y, &t, r);
	if (r->kind == REMEDY_REGISTER)
		command_register(y, &t, r);
	else if (r->kind == REMEDY_ACCESS || r->kind == REMEDY_ADDRESS)
		command_access(y, &t, r);
	return buf;
}

char *why_poke(const struct why *y, const struct remedy_edit *e, char *buf,
	       size_t size)
{
	struct why_text t = { .buf = buf, .size = size };

	*buf = 0;
	command_poke(y, &t, e);
	return buf;
}

char *why_follow(const struct why *y, const struct remedy *r, char *buf,
		 size_t size)
{
	struct why_text t = { .buf = buf, .size = size };

	*buf = 0;
	if (y->loaded)
		command_follow(y, &t, r);
	return buf;
}
