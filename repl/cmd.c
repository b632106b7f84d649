/* cmd.c - see cmd.h. */
#include "repl/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/swap.h"
#include "repl/dialect.h"

struct task_struct *cmd_task(struct cmd_ctx *c)
{
	const struct cmd_arg *p = cmd_opt(c, 'p');
	struct task_struct *task;

	task = p ? find_task(c->k, (int)p->value.n) : session_task(c->s);
	if (!task) {
		err_set(c->err, ERR_USER, "no process runs on cpu%u", c->s->cpu);
		err_hint(c->err, "switch PID");
	} else if (task->kthread) {
		err_set(c->err, ERR_USER,
			"pid %d is a kernel thread: it has "
			"no user memory",
			task->pid);
		return NULL;
	} else if (!task->mm) {
		err_set(c->err, ERR_USER, "process %d has exited", task->pid);
		return NULL;
	}
	return task;
}

struct cpu *cmd_chosen_cpu(struct cmd_ctx *c)
{
	const struct cmd_arg *opt = cmd_opt(c, 'c');

	return &c->m->cpu[opt ? opt->value.n : c->s->cpu];
}

int cmd_view(struct cmd_ctx *c, struct task_struct **task, unsigned *cpu,
	     struct mmu *mmu)
{
	const struct cmd_arg *opt_cpu = cmd_opt(c, 'c');

	*cpu = opt_cpu ? (unsigned)opt_cpu->value.n : c->s->cpu;
	*task = c->k ? c->k->current[*cpu] : NULL;
	if (c->k && cmd_opt(c, 'p')) {
		*task = cmd_task(c);
		if (!*task)
			return -1;
	}
	session_mmu(c->s, *task, *cpu, mmu);
	return 0;
}

void cmd_view_root(struct cmd_ctx *c, const struct task_struct *task, bool user,
		   struct mmu *mmu)
{
	pa_t root;

	if (!c->k || !has_pti(c->k) || !task || !task->mm)
		return;
	root = task->mm->pgd << PAGE_SHIFT;
	if (pti_kernel_root(c->k, mmu_root(mmu)) != root)
		return;
	mmu_set_root(mmu, c->m->ram, user ? pti_user_root(c->k, root) : root);
	mmu_refresh(mmu);
}

int cmd_word_size(struct cmd_ctx *c, unsigned def, unsigned *ret)
{
	const struct cmd_arg *s = cmd_opt(c, 's');
	uint64_t n = s ? s->value.n : def;

	if (n != 1 && n != 2 && n != 4 && n != 8)
		return err_set(c->err, ERR_USAGE, "-s %llu: not 1, 2, 4 or 8",
			       (unsigned long long)n);
	*ret = n;
	return 0;
}

const struct dialect *cmd_dialect(struct cmd_ctx *c, const char *letters,
				  int *ret)
{
	const struct cmd_arg *as = cmd_opt(c, 'a');

	*ret = 0;
	if (!as)
		return NULL;
	for (; *letters; letters++)
		if (cmd_opt(c, *letters))
			*ret = err_set(c->err, ERR_USAGE,
				       "-%c: has no meaning with --as",
				       *letters);
	return dialect_find(c->cmd, as->str, c->err);
}

int cmd_switch_failed(struct cmd_ctx *c, const struct task_struct *task, int rc)
{
	if (rc == -EBUSY)
		return err_set(c->err, ERR_USER, "process %d runs on cpu%d",
			       task->pid, task->cpu);
	if (rc == -EINPROGRESS)
		return err_set(c->err, ERR_USER,
			       "process %d sleeps until its "
			       "vfork child execs or exits",
			       task->pid);
	if (rc == -EAGAIN) {
		err_set(c->err, ERR_USER, "process %d is stopped", task->pid);
		return err_hint(c->err, "kill %d CONT", task->pid), -1;
	}
	if (rc == -ESRCH)
		return err_set(c->err, ERR_USER, "process %d has exited",
			       task->pid);
	if (rc == -EDEADLK) {
		err_set(c->err, ERR_USER, "scheduling while atomic: cpu%u is in "
			"kmap_atomic (Linux: BUG)",
			cmd_chosen_cpu(c)->id);
		return err_hint(c->err, "kunmap_atomic first; pkmap lists them"),
		       -1;
	}
	if (rc == -EXDEV)
		return err_set(c->err, ERR_USER,
			       "process %d has kmap_local slots of cpu%u, and may "
			       "not leave it", task->pid, task->kmap_ctrl.cpu);
	return err_errno(c->err, rc,
			 "the CPU refuses the page tables of process %d",
			 task ? task->pid : 0);
}

void cmd_emit_mode(struct result *r, const struct mmu *mmu,
		   const struct task_struct *task)
{
	res_str(r, "mode", mmu->mode->nlevels ? "%s paging" : "paging %s",
		mmu->mode->name);
	if (mmu->mode->nlevels)
		res_pa(r, "root", "~ · cr3 %s", mmu_root(mmu));
	if (task) {
		res_i64(r, "pid", "~ · pid %s", task->pid);
		res_text(r, COL_PLAIN, "~ (%s)", task->comm);
	}
}

void cmd_emit_root(struct result *r, const struct mmu *mmu)
{
	if (!mmu->mode->nlevels)
		return;
	res_text(r, COL_NAME, mmu->mode->pdpte_regs ? "PDPTE registers, from cr3"
						    : "cr3");
	res_pa(r, NULL, "~ %s", mmu_root(mmu));
}

void cmd_emit_entry(struct result *r, const struct paging_mode *mode,
		    unsigned level, unsigned index, bool from_register,
		    pa_t entry_pa, uint64_t entry, bool leaf)
{
	unsigned digits = (mode->level[level].bits + 3u) / 4;
	char flags[160];

	res_name(r, "name", "%s", mode->level[level].name);
	res_hex(r, "index", "~[%s]", index, digits);
	if (from_register)
		res_text(r, COL_DIM, "~ in register");
	else
		res_pa(r, "entry_pa", "~ @%s", entry_pa);
	res_entry(r, "entry", "%s", entry);
	paging_format_entry(flags, sizeof(flags), mode, level, entry, leaf);
	res_flags(r, "flags", "%s", flags);
}

int cmd_fits(struct cmd_ctx *c, uint64_t value, unsigned size)
{
	int64_t v = value;

	if (size == 8 || !(value >> (8 * size)) ||
	    (v < 0 && v >= -(1LL << (8 * size - 1))))
		return 0;
	err_set(c->err, ERR_USER, "0x%llx: more than %u byte%s",
		(unsigned long long)value, size, size == 1 ? "" : "s");
	err_hint(c->err, "-s SIZE: 1, 2, 4 or 8 bytes");
	return -1;
}

int cmd_one_of(struct cmd_ctx *c, const char *letters)
{
	char first = 0;

	for (; *letters; letters++) {
		if (!cmd_opt(c, *letters))
			continue;
		if (first)
			return err_set(c->err, ERR_USAGE,
				       "-%c and -%c: only one of them", first,
				       *letters);
		first = *letters;
	}
	return 0;
}

int cmd_choose_access(struct cmd_ctx *c, const struct cpu *cpu,
		      struct access *ret)
{
	va_t va = c->arg[0].value.n;
	bool kernel = c->k ? va >= c->k->layout.task_size : cpu->cpl == 0;

	if (cmd_one_of(c, "rwx") < 0 || cmd_one_of(c, "uki") < 0)
		return -1;
	if (cmd_opt(c, 'i') && cmd_opt(c, 'x'))
		return err_set(c->err, ERR_USAGE, "-i: no fetch is implicit");
	*ret = (struct access){
		.va = va,
		.kind = cmd_opt(c, 'w')	  ? ACCESS_WRITE
			: cmd_opt(c, 'x') ? ACCESS_FETCH
					  : ACCESS_READ,
		.implicit = cmd_opt(c, 'i'),
		.user = cmd_opt(c, 'u') ||
			(!cmd_opt(c, 'k') && !cmd_opt(c, 'i') && !kernel),
	};
	return 0;
}

/* What Linux takes the entry for, be there such a slot or not. */
static void emit_swap_entry(struct result *r, const struct kernel *k,
			 uint64_t entry)
{
	swp_entry_t e = pte_to_swp_entry(k, entry);
	unsigned type = swp_type(k, e);
	const struct swap_info_struct *si = swap_info_get(k, e);

	res_str(r, "linux", NULL, "swap");
	res_u64(r, "swap_type", "~: swap type %s", type);
	res_hex(r, "swap_offset", "~ offset %s", swp_offset(k, e), 1);
	if (pte_swp_exclusive(k, entry))
		res_str(r, "swap_exclusive", "~, %s", "exclusive");
	if (pte_swp_soft_dirty(k, entry))
		res_str(r, "swap_soft_dirty", "~, %s", "soft-dirty");
	if (si)
		res_str(r, "swap_device", "~ (%s)", si->name);
	else
		res_text(r, COL_BAD, type < MAX_SWAPFILES ?
				     "~ (no such slot is in use)" :
				     "~ (no type of a swap area)");
	if (swap_pte_cached(k, entry))
		res_pfn(r, "swap_cache_pfn", "in the swap cache: pfn %s",
			swap_cache_lookup(k, e));
}

void cmd_emit_not_present(struct result *r, const struct kernel *k,
			  const struct mmu *mmu, unsigned level,
			  uint64_t entry, bool user)
{
	res_text(r, COL_BAD, "not present");
	if (!entry)
		return;
	if (!k || mmu->mode != k->mode) {
		res_text(r, COL_PLAIN, "~: the CPU ignores the other bits");
	} else if (level == k->pte_level && (entry & _PAGE_PROTNONE)) {
		res_str(r, "linux", "~: %s", "PROT_NONE");
		res_pfn(r, "pfn", "pfn %s", pte_pfn(k, entry));
		if (k->arch->invert_none)
			res_text(r, COL_PLAIN,
				 "~ (stored inverted, against L1TF)");
	} else if (level == k->pte_level && user) {
		emit_swap_entry(r, k, entry);
	} else {
		res_str(r, "linux", "~: %s",
			"nothing that this kernel writes");
	}
}

void cmd_emit_reserved(struct result *r, const struct mmu *mmu, unsigned level,
		       uint64_t entry, bool leaf)
{
	char text[256];

	if (!(entry & PTE_P))
		return;
	reserved_format(text, sizeof(text), mmu, level, entry, leaf);
	res_field(r, &(struct res_field){ .name = *text ? "reserved" : NULL,
					  .txt = "reserved %s",
					  .type = RES_STR, .colour = COL_BAD,
					  .str = text });
}

void cmd_emit_walk_from(struct result *r, const struct walk *w, bool is_stale)
{
	res_str(r, "walk_from", "~; a cached %s leads to the table",
		w->mode->level[w->first - 1].name);
	res_bool(r, "walk_from_stale", NULL, is_stale);
	if (is_stale)
		res_text(r, COL_BAD, "~, and is stale");
}

void cmd_emit_stale_pdpte(struct result *r, const struct mmu *mmu,
			  const struct stale *s)
{
	unsigned i = s->va >> mmu->level[0].shift;

	res_object(r, "stale_pdpte");
	res_u64(r, "index", "register %s", i);
	res_text(r, COL_BAD, "~ is stale");
	res_hex(r, "register", NULL, s->target, 16);
	res_pa(r, "entry_pa", "~: memory at %s",
	       mmu->root + i * mmu->mode->entry_size);
	res_hex(r, "memory", "~ holds %s by now", s->memory, 16);
	res_text(r, COL_PLAIN, "~; MOV to CR3 reads it again");
	res_end(r);
}

const char *cmd_vector_name(unsigned vector)
{
	return vector == VEC_PF ? "#PF" : vector == VEC_SS ? "#SS" : "#GP";
}

char *cmd_error_bits(uint32_t code, char *buf, size_t size)
{
	flags_format(buf, size, pf_error_flags, code, " ");
	if (!*buf)
		snprintf(buf, size, "-");
	return buf;
}

void cmd_emit_freed(struct cmd_ctx *c, va_t va, bool freed)
{
	res_va(c->r, "va", freed ? "%s freed" : "%s: nothing to free", va);
	res_bool(c->r, "freed", NULL, freed);
}

void cmd_emit_log(struct result *r, const char *text, size_t len)
{
	while (len) {
		const char *nl = memchr(text, '\n', len);

		res_verbatim(r, "%.*s", (int)(nl - text), text);
		len -= nl + 1 - text;
		text = nl + 1;
	}
}
