/*
 * names.c - see names.h. Names of the process are those of s->names_of, or of
 * the current process.
 */
#include "repl/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "repl/session.h"

static const struct constant {
	const char *name;
	uint64_t n;
} constants[] = {
	{ "PAGE_SIZE", PAGE_SIZE },
	{ "PAGE_SHIFT", PAGE_SHIFT },
	{ "PAGE_MASK", PAGE_MASK },
	{ NULL, 0 },
};

/* --- parts of the process ------------------------------------------------ */
static const struct part {
	const char *name;
	size_t at;		/* of a va_t in struct mm_struct */
	bool area;		/* names the area around it as a range */
} parts[] = {
	{ "text", offsetof(struct mm_struct, start_code), true },
	{ "etext", offsetof(struct mm_struct, end_code), false },
	{ "data", offsetof(struct mm_struct, start_data), true },
	{ "edata", offsetof(struct mm_struct, end_data), false },
	{ "bss", offsetof(struct mm_struct, end_data), false },
	{ "heap", offsetof(struct mm_struct, start_brk), true },
	{ "brk", offsetof(struct mm_struct, brk), false },
	{ "stack", offsetof(struct mm_struct, start_stack), true },
	{ "vdso", offsetof(struct mm_struct, vdso), true },
	{ "interp", offsetof(struct mm_struct, interp_base), true },
	{ "entry", offsetof(struct mm_struct, entry), false },
	{ "mmap_base", offsetof(struct mm_struct, mmap_base), false },
	{ "arg_start", offsetof(struct mm_struct, arg_start), false },
	{ "env_start", offsetof(struct mm_struct, env_start), false },
	{ NULL, 0, false },
};

static const struct part *part_find(const char *name)
{
	size_t len = strlen(name);

	if (len > 2 && name[0] == '[' && name[len - 1] == ']') {
		name++;
		len -= 2;
	}
	for (const struct part *p = parts; p->name; p++)
		if (strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			return p;
	return NULL;
}

static const struct task_struct *named_task(const struct session *s)
{
	return s->names_of ? s->names_of : session_task(s);
}

static int part_value(const struct session *s, const char *name,
		      const struct part *part, uint64_t *ret, struct err *err)
{
	const struct task_struct *task = named_task(s);
	va_t va;

	if (!task || !task->mm) {
		err_set(err, ERR_USER, "%s: no process runs on cpu%u", name,
			s->cpu);
		err_hint(err, s->k ? "switch PID" : "boot i386");
		return -1;
	}
	memcpy(&va, (const char *)task->mm + part->at, sizeof(va));
	if (!va)
		return err_set(err, ERR_USER, "%s: process %d (%s) has none",
			       name, task->pid, task->comm);
	*ret = va;
	return 0;
}

/* --- registers and the like ---------------------------------------------- */
static const struct mmu *current_mmu(const struct session *s)
{
	return &s->m->cpu[s->cpu].mmu;
}

static bool get_cr3(const struct session *s, struct value *ret)
{
	*ret = (struct value){ V_PA, mmu_root(current_mmu(s)) };
	return true;
}

static bool get_cr2(const struct session *s, struct value *ret)
{
	*ret = (struct value){ V_VA, s->m->cpu[s->cpu].cr2 };
	return true;
}

static bool get_sp(const struct session *s, struct value *ret)
{
	const struct task_struct *task = named_task(s);

	*ret = (struct value){ V_VA, task ? task->sp : 0 };
	return task != NULL;
}

static bool get_ip(const struct session *s, struct value *ret)
{
	const struct task_struct *task = named_task(s);

	*ret = (struct value){ V_VA, task ? task->ip : 0 };
	return task != NULL;
}

static bool get_max_pfn(const struct session *s, struct value *ret)
{
	*ret = (struct value){ V_PFN, s->k ? s->k->max_pfn : 0 };
	return s->k != NULL;
}

static bool get_max_low_pfn(const struct session *s, struct value *ret)
{
	*ret = (struct value){ V_PFN, s->k ? s->k->max_low_pfn : 0 };
	return s->k != NULL;
}

static bool get_swapper(const struct session *s, struct value *ret)
{
	if (s->k)
		*ret = (struct value){ V_VA,
				       kernel_va(s->k, s->k->swapper_pg_dir) };
	return s->k != NULL;
}

static const struct dynamic {
	const char *name;
	bool (*get)(const struct session *s, struct value *ret);
} dynamics[] = {
	{ "cr2", get_cr2 },		{ "cr3", get_cr3 },
	{ "sp", get_sp },		{ "ip", get_ip },
	{ "max_pfn", get_max_pfn },	{ "max_low_pfn", get_max_low_pfn },
	{ "swapper_pg_dir", get_swapper }, { NULL, NULL },
};

/* --- look-up ------------------------------------------------------------- */
static bool fixed_value(struct session *s, const char *name, struct value *ret)
{
	for (const struct constant *c = constants; c->name; c++)
		if (strcmp(c->name, name) == 0) {
			*ret = (struct value){ V_PLAIN, c->n };
			return true;
		}
	for (const struct dynamic *d = dynamics; d->name; d++)
		if (strcmp(d->name, name) == 0)
			return s->m && d->get(s, ret);
	ret->type = V_VA;
	return s->k && layout_symbol(&s->k->layout, name, &ret->n);
}

static int variable(struct session *s, const char *name, struct value *ret,
		    struct err *err)
{
	const struct value *v;

	if (strcmp(name, "$_") == 0) {
		if (!s->last_set)
			return err_set(err, ERR_USER,
				       "$_: no address was printed yet");
		*ret = s->last;
		return 0;
	}
	v = session_var(s, name + 1);
	if (!v) {
		err_set(err, ERR_USER, "%s: not set", name);
		err_hint(err, "let %s VALUE", name + 1);
		return -1;
	}
	*ret = *v;
	return 0;
}

static bool all_hex(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefABCDEF");

	return n >= 2 && !s[n];
}

/* "phys_start" is no name; which one is close, or is it hex without 0x? */
static int unknown(struct session *s, const char *name, const char *what,
		   struct err *err)
{
	struct closest c;
	const char *n;

	err_set(err, ERR_USAGE, "%s: not %s, and no such name", name, what);
	closest_init(&c, name);
	for (unsigned i = 0; (n = expr_name(s, i)); i++)
		if (*n != '$')
			closest_try(&c, n);
	if (all_hex(name))
		err_hint(err, "did you mean 0x%s?", name);
	else if (c.best)
		err_hint(err, "did you mean %s?", c.best);
	else if (!s->k)
		err_hint(err, "a bare machine has no kernel's names");
	return -1;
}

int name_lookup(struct session *s, const char *name, const char *what,
		struct value *ret, struct err *err)
{
	const struct part *part = part_find(name);

	if (*name == '$')
		return variable(s, name, ret, err);
	if (part) {
		ret->type = V_VA;
		return part_value(s, name, part, &ret->n, err);
	}
	if (fixed_value(s, name, ret))
		return 0;
	return unknown(s, name, what, err);
}

static const char *symbol_name(struct session *s, unsigned i)
{
	const char *name = layout_symbol_name(i);
	va_t va;

	return !name || layout_symbol(&s->k->layout, name, &va) ? name : "";
}

const char *expr_name(struct session *s, unsigned i)
{
	static char var[66];

	if (i < ARRAY_SIZE(parts) - 1)
		return parts[i].name;
	i -= ARRAY_SIZE(parts) - 1;
	if (i < ARRAY_SIZE(constants) - 1)
		return constants[i].name;
	i -= ARRAY_SIZE(constants) - 1;
	if (i < ARRAY_SIZE(dynamics) - 1)
		return dynamics[i].name;
	i -= ARRAY_SIZE(dynamics) - 1;
	if (i < s->nvars) {
		snprintf(var, sizeof(var), "$%s", s->var[i].name);
		return var;
	}
	return s->k ? symbol_name(s, i - s->nvars) : NULL;
}

/* --- ranges -------------------------------------------------------------- */
/*
 * The area around @va. The heap may have none yet: then what maps calls
 * [heap] is the bss that ends where it will begin.
 */
static const struct vm_area_struct *part_area(const struct mm_struct *mm,
					      va_t va)
{
	const struct vm_area_struct *vma = find_vma(mm, va);

	if (vma && (vma->vm_start <= va || PAGE_ALIGN(va) == vma->vm_start))
		return vma;
	vma = va == mm->start_brk ? find_vma(mm, va - 1) : NULL;
	return vma && strcmp(vma_name(vma), "[heap]") == 0 ? vma : NULL;
}

static int part_range(struct session *s, const char *name,
		      const struct part *part, uint64_t *start, uint64_t *last,
		      struct err *err)
{
	const struct vm_area_struct *vma;
	const struct mm_struct *mm;
	uint64_t va;

	if (part_value(s, name, part, &va, err) < 0)
		return -1;
	mm = named_task(s)->mm;
	vma = part_area(mm, va);
	if (!vma) {
		err_set(err, ERR_USER, "%s: no area there", name);
		if (va == mm->start_brk)
			err_hint(err, "brk brk+64K makes one");
		return -1;
	}
	*start = vma->vm_start;
	*last = vma->vm_end - 1;
	return 1;
}

static const char *const wholes[] = { "all", "user", "kernel", NULL };

static int whole_range(struct session *s, const char *name, uint64_t *start,
		       uint64_t *last, struct err *err)
{
	const struct paging_mode *mode = s->k ? s->k->mode : NULL;
	uint64_t split = s->k ? s->k->layout.task_size : 0;

	if (*name != 'a' && !s->k)
		return err_set(err, ERR_USER,
			       "%s: a bare machine has no kernel", name);
	*last = *name == 'u' ? split - 1 : session_va_max(s);
	*start = *name != 'k' ? 0 : !mode->canonical ? split :
		 paging_canonical(mode, BIT(mode->va_bits - 1));
	return 1;
}

int name_range(struct session *s, const char *name, uint64_t *start,
	       uint64_t *last, struct err *err)
{
	const struct part *part = part_find(name);

	for (unsigned i = 0; wholes[i]; i++)
		if (strcmp(name, wholes[i]) == 0)
			return whole_range(s, name, start, last, err);
	if (part && part->area)
		return part_range(s, name, part, start, last, err);
	for (unsigned i = 0; s->k && i < s->k->layout.nareas; i++) {
		const struct layout_area *a = &s->k->layout.area[i];

		if (strcasecmp(a->name, name) == 0) {
			*start = a->start;
			*last = (a->end ? a->end : session_va_max(s) + 1) - 1;
			return 1;
		}
	}
	return 0;
}

const char *range_name(struct session *s, unsigned i)
{
	if (i < ARRAY_SIZE(wholes) - 1)
		return wholes[i];
	i -= ARRAY_SIZE(wholes) - 1;
	if (!s->k || i >= s->k->layout.nareas)
		return NULL;
	return s->k->layout.area[i].name;
}
