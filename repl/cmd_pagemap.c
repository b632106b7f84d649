/*
 * cmd_pagemap.c - pagemap, kpageflags, kpagecount, clear_refs: the words that
 * /proc has for pages and frames, raw and decoded (linux 6.1
 * Documentation/admin-guide/mm/pagemap.rst).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/swapops.h"
#include "kernel/task_mmu.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

/* --- pagemap ------------------------------------------------------------- */
static const struct res_column pagemap_cols[] = {
	{ "va", "VA", false },	     { "pages", "PAGES", true },
	{ "entry", "ENTRY", false }, { "where", "PFN", false },
	{ "flags", "", false },	     { 0 },
};

/* "0x1e02", "0x1e02-0x1e05", "swap 0:0x1-0x4" */
static void emit_frame(struct result *r, uint64_t pme, uint64_t last)
{
	unsigned long long frame = pme & PM_PFRAME_MASK;
	unsigned type = frame & (BIT(MAX_SWAPFILES_SHIFT) - 1);
	char text[64], more[24] = "";

	last &= PM_PFRAME_MASK;
	if (pme & PM_SWAP) {
		frame >>= MAX_SWAPFILES_SHIFT;
		last >>= MAX_SWAPFILES_SHIFT;
		res_u64(r, "swap_type", NULL, type);
		res_hex(r, "swap_offset", NULL, frame, 1);
	} else if (pme & PM_PRESENT) {
		res_pfn(r, "pfn", NULL, frame);
	}
	if (last != frame)
		snprintf(more, sizeof(more), "-0x%llx",
			 (unsigned long long)last);
	if (pme & PM_SWAP)
		snprintf(text, sizeof(text), "swap %u:0x%llx%s", type, frame,
			 more);
	else
		snprintf(text, sizeof(text), "0x%llx%s", frame, more);
	res_str(r, "where", "%s", pme & (PM_SWAP | PM_PRESENT) ? text : NULL);
}

/* @last: the word of the last page. */
static void emit_pagemap_run(struct cmd_ctx *c, va_t va, uint64_t n,
			     uint64_t pme, uint64_t last)
{
	struct result *r = c->r;
	char flags[80];

	flags_format(flags, sizeof(flags), pagemap_flag_names, pme, " ");
	res_item(r, false);
	res_va(r, "va", "%s", va);
	res_u64(r, "pages", "%s", n);
	res_hex(r, "entry", "%s", pme, 16);
	emit_frame(r, pme, last);
	res_words(r, "flags", "%s", flags);
	res_end(r);
}

/* Runs of [va, last], or with -e each page by itself. */
static void emit_pagemap(struct cmd_ctx *c, const struct mm_struct *mm, va_t va,
			 va_t end)
{
	bool each = cmd_opt(c, 'e');
	uint64_t pme, last;
	va_t next;

	for (; va < end; va = next) {
		next = pagemap_run(c->k, mm, va, each ? va + PAGE_SIZE : end,
				   &pme);
		pagemap_run(c->k, mm, next - PAGE_SIZE, next, &last);
		emit_pagemap_run(c, va, (next - va) >> PAGE_SHIFT, pme, last);
	}
}

static int pagemap_run_cmd(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const struct vm_area_struct *vma;
	va_t start = c->arg[0].value.n & PAGE_MASK;
	va_t end = (c->arg[0].end | ~PAGE_MASK) + 1;

	if (!task)
		return -1;
	if (c->arg[0].set && (end > task->mm->task_size || end <= start))
		return err_set(
			c->err, ERR_USER,
			"0x%llx: pagemap ends with user space, at 0x%llx",
			(unsigned long long)c->arg[0].end,
			(unsigned long long)task->mm->task_size);
	res_table(c->r, "pagemap", pagemap_cols);
	if (c->arg[0].set)
		emit_pagemap(c, task->mm, start, end);
	else
		for_each_vma (&task->mm->vmas, vma)
			emit_pagemap(c, task->mm, vma->vm_start, vma->vm_end);
	res_end(c->r);
	return 0;
}

const struct command cmd_pagemap = {
	.name = "pagemap",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "the words of /proc/PID/pagemap, and what they say",
	.details = "A row is a run of pages with equal bits whose frames "
		   "follow each other;\n"
		   "ENTRY is the word of the first. Bit 63 present, 62 swap, "
		   "61 file or\n"
		   "shared memory, 56 exclusive (mapped once), 55 soft-dirty, "
		   "54:0 the frame.",
	.example = "pagemap stack",
	.arg = { { "RANGE", ARG_RANGE, .optional = true } },
	.opt = { { 'e', "each", ARG_FLAG, NULL, "a row for each page" },
		 CMD_OPT_PID },
	.run = pagemap_run_cmd,
};

/* --- kpageflags, kpagecount --------------------------------------------------
 */
/* The frames that X and COUNT mean. */
static int frames_of(struct cmd_ctx *c, pfn_t *start, pfn_t *end)
{
	uint64_t n = c->arg[1].set ? c->arg[1].value.n : 1;

	if (cmd_value_pfn(c, &c->arg[0].value, start) < 0)
		return -1;
	if (*start >= c->k->max_pfn)
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: the last is 0x%llx",
			       (unsigned long long)*start,
			       (unsigned long long)c->k->max_pfn - 1);
	*end = n > c->k->max_pfn - *start ? c->k->max_pfn : *start + n;
	return 0;
}

static const struct res_column kpageflags_cols[] = {
	{ "pfn", "PFN", false },
	{ "frames", "FRAMES", true },
	{ "flags", "FLAGS", false },
	{ "names", "", false },
	{ 0 },
};

static int kpageflags_run(struct cmd_ctx *c)
{
	pfn_t pfn, end, next;

	if (frames_of(c, &pfn, &end) < 0)
		return -1;
	res_table(c->r, "kpageflags", kpageflags_cols);
	for (; pfn < end; pfn = next) {
		uint64_t u = stable_page_flags(c->k, pfn);
		char names[200];

		for (next = pfn + 1;
		     next < end && stable_page_flags(c->k, next) == u; next++)
			;
		flags_format(names, sizeof(names), kpf_names, u, " ");
		res_item(c->r, false);
		res_pfn(c->r, "pfn", "%s", pfn);
		res_u64(c->r, "frames", "%s", next - pfn);
		res_hex(c->r, "flags", "%s", u, 16);
		res_words(c->r, "names", "%s", names);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

static const struct res_column kpagecount_cols[] = {
	{ "pfn", "PFN", false },
	{ "frames", "FRAMES", true },
	{ "count", "COUNT", true },
	{ 0 },
};

static int kpagecount_run(struct cmd_ctx *c)
{
	pfn_t pfn, end, next;

	if (frames_of(c, &pfn, &end) < 0)
		return -1;
	res_table(c->r, "kpagecount", kpagecount_cols);
	for (; pfn < end; pfn = next) {
		uint64_t n = kpagecount(c->k, pfn);

		for (next = pfn + 1; next < end && kpagecount(c->k, next) == n;
		     next++)
			;
		res_item(c->r, false);
		res_pfn(c->r, "pfn", "%s", pfn);
		res_u64(c->r, "frames", "%s", next - pfn);
		res_u64(c->r, "count", "%s", n);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

const struct command cmd_kpageflags = {
	.name = "kpageflags",
	.group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "the words of /proc/kpageflags for COUNT frames",
	.details = "X as for page. Linux shows an exclusive anonymous page as "
		   "MAPPEDTODISK,\n"
		   "whose bit it shares.",
	.example = "kpageflags stack",
	.arg = { { "X", ARG_ADDR }, { "COUNT", ARG_NUM, .optional = true } },
	.run = kpageflags_run,
};

const struct command cmd_kpagecount = {
	.name = "kpagecount",
	.group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "how often COUNT frames are mapped, as /proc/kpagecount",
	.example = "kpagecount stack",
	.arg = { { "X", ARG_ADDR }, { "COUNT", ARG_NUM, .optional = true } },
	.run = kpagecount_run,
};

/* --- clear_refs ---------------------------------------------------------- */
static int clear_refs_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	unsigned long long n = c->arg[0].value.n;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "write", task->mm);
	syscall_text(&sc, "fd", "fd</proc/%d/clear_refs>", task->pid);
	syscall_text(&sc, "buf", "\"%llu\"", n);
	syscall_num(&sc, "count", 1);
	rc = n > CLEAR_REFS_LAST ? -EINVAL
				 : clear_refs_write(c->k, task->mm, n);
	syscall_end(&sc, rc ? rc : 1);
	if (rc)
		return err_errno(c->err, rc, "%llu: 1 to 5", n);
	return 0;
}

const struct command cmd_clear_refs = {
	.name = "clear_refs",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "forget what was referenced or written, as "
		"/proc/PID/clear_refs",
	.details = "1 clears the accessed bits of all pages, 2 of anonymous "
		   "areas, 3 of files;\n"
		   "4 clears the soft-dirty bits, and the next write to each "
		   "page faults (only\n"
		   "x86_64 tracks them); 5 makes VmHWM what VmRSS is. Only 4 "
		   "flushes TLBs: what\n"
		   "a CPU still has cached sets no accessed bit again.",
	.example = "clear_refs 1",
	.arg = { { "N", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = clear_refs_run,
};
