/*
 * cmd_smaps.c - smaps, smaps_rollup: what of each area is resident, shared,
 * dirty, byte for byte as /proc/PID/smaps of Linux 6.1 (fs/proc/task_mmu.c:
 * show_smap, show_smaps_rollup).
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/task_mmu.h"
#include "repl/cmd.h"
#include "repl/proc_line.h"

/* A line: its number is bytes, or bytes << PSS_SHIFT. */
struct smaps_row {
	const char *title; /* padded as Linux does */
	const char *name;  /* in data */
	size_t offset;	   /* in struct mem_size_stats */
	unsigned shift;
	bool rollup_only;
};

#define ROW(title, name)                                            \
	{                                                           \
		title, #name, offsetof(struct mem_size_stats, name) \
	}
#define PSS(title, name, only)                                       \
	{                                                            \
		title, #name, offsetof(struct mem_size_stats, name), \
			PSS_SHIFT, only                              \
	}

static const struct smaps_row smaps_rows[] = {
	ROW("Rss:            ", resident),
	PSS("Pss:            ", pss, false),
	PSS("Pss_Dirty:      ", pss_dirty, false),
	PSS("Pss_Anon:       ", pss_anon, true),
	PSS("Pss_File:       ", pss_file, true),
	PSS("Pss_Shmem:      ", pss_shmem, true),
	ROW("Shared_Clean:   ", shared_clean),
	ROW("Shared_Dirty:   ", shared_dirty),
	ROW("Private_Clean:  ", private_clean),
	ROW("Private_Dirty:  ", private_dirty),
	ROW("Referenced:     ", referenced),
	ROW("Anonymous:      ", anonymous),
	ROW("LazyFree:       ", lazyfree),
	ROW("AnonHugePages:  ", anonymous_thp),
	ROW("ShmemPmdMapped: ", shmem_thp),
	ROW("FilePmdMapped:  ", file_thp),
	ROW("Shared_Hugetlb: ", shared_hugetlb),
	ROW("Private_Hugetlb:", private_hugetlb),
	ROW("Swap:           ", swap),
	PSS("SwapPss:        ", swap_pss, false),
	PSS("Locked:         ", pss_locked, false),
};

/* "Rss:                   4 kB" */
static void put_kb(struct result *r, const char *title, uint64_t bytes)
{
	char line[80];

	snprintf(line, sizeof(line), "%s%8llu kB", title,
		 (unsigned long long)bytes >> 10);
	proc_text(r, line);
}

static void emit_stats(struct result *r, const struct mem_size_stats *mss,
		       bool rollup)
{
	for (size_t i = 0; i < ARRAY_SIZE(smaps_rows); i++) {
		const struct smaps_row *row = &smaps_rows[i];
		uint64_t v =
			*(const uint64_t *)((const char *)mss + row->offset) >>
			row->shift;

		if (row->rollup_only && !rollup)
			continue;
		res_u64(r, row->name, NULL, v);
		put_kb(r, row->title, v);
	}
}

static void emit_vm_flags(struct result *r, const struct vm_area_struct *vma)
{
	char flags[160], line[200];

	flags_format(flags, sizeof(flags), vm_flag_names, vma->vm_flags, " ");
	res_words(r, "vm_flags", NULL, flags);
	snprintf(line, sizeof(line), "VmFlags: %s ", flags);
	proc_text(r, line);
}

/* arch_pkeys_enabled() */
static bool has_pkeys(const struct cmd_ctx *c)
{
	return c->m->cpu[0].mmu.cr4 & CR4_PKE;
}

static void emit_pkey(struct cmd_ctx *c, const struct vm_area_struct *vma)
{
	unsigned pkey = (vma->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT;
	char line[40];

	res_u64(c->r, "pkey", NULL, pkey);
	snprintf(line, sizeof(line), "ProtectionKey:  %8u", pkey);
	proc_text(c->r, line);
}

static void emit_smap(struct cmd_ctx *c, const struct vm_area_struct *vma)
{
	struct mem_size_stats mss = { .resident = 0 };
	uint64_t page =
		vma->vm_flags & VM_HUGETLB ? hpage_size(c->k) : PAGE_SIZE;
	char line[PROC_LINE_MAX];

	smap_gather_stats(c->k, vma, &mss);
	res_item(c->r, true);
	proc_maps_fields(c->r, vma);
	proc_maps_line(line, c->k, vma);
	proc_text(c->r, line);
	res_u64(c->r, "size", NULL, vma->vm_end - vma->vm_start);
	put_kb(c->r, "Size:           ", vma->vm_end - vma->vm_start);
	res_u64(c->r, "kernel_page_size", NULL, page);
	put_kb(c->r, "KernelPageSize: ", page);
	res_u64(c->r, "mmu_page_size", NULL, page);
	put_kb(c->r, "MMUPageSize:    ", page);
	emit_stats(c->r, &mss, false);
	res_bool(c->r, "thp_eligible", NULL, thp_eligible(c->k, vma));
	proc_text(c->r, thp_eligible(c->k, vma) ? "THPeligible:    1"
						: "THPeligible:    0");
	if (has_pkeys(c))
		emit_pkey(c, vma);
	emit_vm_flags(c->r, vma);
	res_end(c->r);
}

static int smaps_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	bool one = c->arg[0].set;
	struct vm_area_struct *vma;

	if (!task)
		return -1;
	if (one) {
		va_t va = c->arg[0].value.n;

		vma = find_vma(task->mm, va);
		if (!vma || vma->vm_start > va)
			return err_set(c->err, ERR_USER, "0x%llx: no area",
				       (unsigned long long)va);
	} else {
		vma = vma_tree_first(&task->mm->vmas);
	}
	res_list(c->r, "smaps", RES_VERBATIM);
	for (; vma; vma = one ? NULL : vma_tree_next(&task->mm->vmas, vma))
		emit_smap(c, vma);
	res_end(c->r);
	return 0;
}

static int smaps_rollup_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	struct mem_size_stats mss = { .resident = 0 };
	struct vm_area_struct *vma;
	char line[PROC_LINE_MAX];
	va_t start, end;

	if (!task)
		return -1;
	vma = vma_tree_first(&task->mm->vmas);
	start = vma ? vma->vm_start : 0;
	end = vma ? vma_tree_last(&task->mm->vmas)->vm_end : 0;
	for_each_vma (&task->mm->vmas, vma)
		smap_gather_stats(c->k, vma, &mss);
	res_list(c->r, "rollup", RES_VERBATIM);
	res_item(c->r, true);
	res_va(c->r, "start", NULL, start);
	res_va(c->r, "end", NULL, end);
	proc_text(c->r, proc_rollup_line(line, c->k, start, end));
	emit_stats(c->r, &mss, true);
	res_end(c->r);
	res_end(c->r);
	return 0;
}

const struct command cmd_smaps = {
	.name = "smaps",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "what of each area is resident, as /proc/PID/smaps",
	.details = "Pss counts a page that N entries map as 1/N. Shared is "
		   "what more than\n"
		   "one maps; Referenced has the accessed bit, Dirty the dirty "
		   "bit. With VA\n"
		   "only the area that holds it.",
	.example = "smaps stack",
	.arg = { { "VA", ARG_VA, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = smaps_run,
};

const struct command cmd_smaps_rollup = {
	.name = "smaps_rollup",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "the sums of smaps, as /proc/PID/smaps_rollup",
	.example = "smaps_rollup",
	.opt = { CMD_OPT_PID },
	.run = smaps_rollup_run,
};
