/*
 * cmd_swap.c - swapon, swapoff, swaps, reclaim: memory that goes elsewhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

/* --- swaps ------------------------------------------------------------------
 */

/* A line of /proc/swaps: where Linux has tabs are blanks. */
static void emit_swap(struct cmd_ctx *c, const struct swap_info_struct *si)
{
	struct result *r = c->r;
	uint64_t size = si->pages << 2, used = si->inuse_pages << 2;

	res_item(r, false);
	res_text(r, COL_PLAIN, "%-40s%-16s%-16llu%-16llu%d", si->name,
		 "partition", (unsigned long long)size,
		 (unsigned long long)used, si->prio);
	res_str(r, "filename", NULL, si->name);
	res_str(r, "type", NULL, "partition");
	res_u64(r, "size_kb", NULL, size);
	res_u64(r, "used_kb", NULL, used);
	res_i64(r, "priority", NULL, si->prio);
	res_u64(r, "swap_type", NULL, si->type);
	res_bool(r, "rotational", NULL, !si->nonrot);
	res_u64(r, "reads", NULL, si->reads);
	res_u64(r, "writes", NULL, si->writes);
	res_end(r);
}

static const struct res_column device_cols[] = {
	{ "device", "DEVICE", false }, { "type", "TYPE", true },
	{ "kind", "KIND", false },     { "slots", "SLOTS", true },
	{ "used", "USED", true },      { "cached", "CACHED", true },
	{ "next", "NEXT", true },      { "reads", "READ", true },
	{ "writes", "WRITTEN", true }, { 0 },
};

static uint64_t cached_pages(const struct swap_info_struct *si)
{
	uint64_t n = 0;

	for (uint64_t i = si->inuse_pages ? 1 : si->max; i < si->max; i++)
		n += si->cache[i] != 0;
	return n;
}

static void emit_device(struct cmd_ctx *c, const struct swap_info_struct *si)
{
	struct result *r = c->r;

	res_item(r, false);
	res_str(r, "device", "%s", si->name);
	res_u64(r, "type", "%s", si->type);
	res_str(r, "kind", "%s", si->nonrot ? "ssd" : "disk");
	res_u64(r, "slots", "%s", si->pages);
	res_u64(r, "used", "%s", si->inuse_pages);
	res_u64(r, "cached", "%s", cached_pages(si));
	res_hex(r, "next", "%s", si->cluster_next, 1);
	res_u64(r, "reads", "%s", si->reads);
	res_u64(r, "writes", "%s", si->writes);
	res_end(r);
}

static int swaps_run(struct cmd_ctx *c)
{
	const struct swap_info_struct *si;
	bool verbose = cmd_opt(c, 'v');

	if (!verbose)
		res_text(c->r, COL_NAME, "%-40s%-16s%-16s%-16s%s", "Filename",
			 "Type", "Size", "Used", "Priority");
	if (verbose)
		res_table(c->r, "devices", device_cols);
	else
		res_list(c->r, "swaps", RES_LINES);
	for (unsigned i = 0; i < MAX_SWAPFILES; i++) {
		si = c->k->swap->info[i];
		if (si && verbose)
			emit_device(c, si);
		else if (si)
			emit_swap(c, si);
	}
	res_end(c->r);
	return 0;
}

/* --- swapon, swapoff --------------------------------------------------------
 */

static int swapon_failed(struct cmd_ctx *c, int rc)
{
	uint64_t size = c->arg[0].value.n;

	err_errno(c->err, rc, "0x%llx bytes", (unsigned long long)size);
	if (rc == -EINVAL)
		err_hint(c->err,
			 "the first page is the header: 8K is the least");
	else if (rc == -EPERM)
		err_hint(c->err, "there are %u areas, and no type for another",
			 MAX_SWAPFILES);
	else if (rc == -ENOMEM)
		err_hint(c->err,
			 "swap_map takes a byte a slot of vmalloc space");
	return -1;
}

static int swapon_run(struct cmd_ctx *c)
{
	struct swap_on how = { .size = c->arg[0].value.n,
			       .prio = SWAP_PRIO_NONE,
			       .nonrot = cmd_opt(c, 's') };
	struct swap_info_struct *si;
	struct syscall sc;
	int rc;

	if (cmd_opt(c, 'p')) {
		if (cmd_opt(c, 'p')->value.n > SWAP_FLAG_PRIO_MAX)
			return err_set(c->err, ERR_USER,
				       "-p: a priority is from 0 to %d",
				       SWAP_FLAG_PRIO_MAX);
		how.prio = cmd_opt(c, 'p')->value.n;
	}
	syscall_begin(&sc, c, "swapon", NULL);
	rc = kernel_swapon(c->k, &how, &si);
	syscall_path(&sc, "path", rc ? "/dev/swap" : si->name);
	if (how.prio == SWAP_PRIO_NONE)
		syscall_int(&sc, "swapflags", 0);
	else
		syscall_text(&sc, "swapflags", "SWAP_FLAG_PREFER|%d", how.prio);
	syscall_end(&sc, rc);
	if (rc < 0)
		return swapon_failed(c, rc);
	res_str(c->r, "device", "%s", si->name);
	res_size(c->r, "size", "%s", si->pages << PAGE_SHIFT);
	res_u64(c->r, "type", "type %s", si->type);
	res_i64(c->r, "priority", "priority %s", si->prio);
	if (si->max < how.size >> PAGE_SHIFT)
		res_text(c->r, COL_DIM, "entries cannot number more");
	return 0;
}

static int no_such_area(struct cmd_ctx *c, const char *name)
{
	struct closest near;

	err_set(c->err, ERR_USER, "%s: no swap area", name);
	closest_init(&near, name);
	for (unsigned i = 0; i < MAX_SWAPFILES; i++)
		if (c->k->swap->info[i])
			closest_try(&near, c->k->swap->info[i]->name);
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err, "swaps lists them");
	return -1;
}

static int swapoff_one(struct cmd_ctx *c, struct swap_info_struct *si)
{
	const uint64_t in = c->k->vmstat.pswpin;
	struct syscall sc;
	int rc;

	syscall_begin(&sc, c, "swapoff", NULL);
	syscall_path(&sc, "path", si->name);
	rc = kernel_swapoff(c->k, si);
	syscall_end(&sc, rc);
	res_u64(c->r, "read_back", "%s pages read back",
		c->k->vmstat.pswpin - in);
	if (rc < 0) {
		err_errno(c->err, rc, "%s", si->name);
		err_hint(c->err, "what is in it has no room in memory");
	}
	return rc;
}

static int swapoff_run(struct cmd_ctx *c)
{
	struct swap_info_struct *si = NULL;
	int rc = 0;

	if (c->arg[0].set == !!cmd_opt(c, 'a'))
		return err_set(c->err, ERR_USAGE, "a device, or -a for all");
	if (c->arg[0].set) {
		si = swap_by_name(c->k, c->arg[0].str);
		if (!si)
			return no_such_area(c, c->arg[0].str);
	}
	res_list(c->r, "areas", RES_LINES);
	for (unsigned i = 0; i < MAX_SWAPFILES && !rc; i++) {
		struct swap_info_struct *one = c->k->swap->info[i];

		if (!one || (si && si != one))
			continue;
		res_item(c->r, false);
		rc = swapoff_one(c, one);
		res_end(c->r);
	}
	res_end(c->r);
	return rc;
}

/* --- reclaim ----------------------------------------------------------------
 */

static int reclaim_run(struct cmd_ctx *c)
{
	struct reclaim_result n;
	struct story *story = story_begin_at(c->k, c->r->story);
	int rc = reclaim_proactive(c->k, c->arg[0].value.n, &n);

	story_end(story, c->r);
	res_line(c->r);
	res_u64(c->r, "reclaimed", "%s pages reclaimed", n.reclaimed);
	res_u64(c->r, "scanned", "%s scanned", n.scanned);
	res_u64(c->r, "written", "%s written to swap", n.written);
	res_u64(c->r, "activated", "%s activated", n.activated);
	res_u64(c->r, "deactivated", "%s deactivated", n.deactivated);
	if (rc < 0)
		return err_errno(c->err, rc, "%llu pages were asked for",
				 (unsigned long long)c->arg[0].value.n);
	return 0;
}

const struct command cmd_swapon = {
	.name = "swapon",
	.group = "swap",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "make a device of SIZE bytes, and swap to it",
	.details = "Its first page is the header. The area of the highest "
		   "priority is filled\n"
		   "first, equal ones in turns; without -p each is lower than "
		   "the last. On a\n"
		   "disk readahead takes the slots around; if all are -s, the "
		   "addresses.",
	.example = "swapon 64M",
	.arg = { { "SIZE", ARG_NUM } },
	.opt = { { 'p', "priority", ARG_NUM, "N", "0 to 32767" },
		 { 's', "ssd", ARG_FLAG, NULL, "a solid-state device" } },
	.run = swapon_run,
};

const struct command cmd_swapoff = {
	.name = "swapoff",
	.group = "swap",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "read all of a swap area back, and take it away",
	.example = "swapoff -a",
	.arg = { { "DEVICE", ARG_WORD, .optional = true } },
	.opt = { { 'a', "all", ARG_FLAG, NULL, "all areas" } },
	.run = swapoff_run,
};

const struct command cmd_swaps = {
	.name = "swaps",
	.group = "swap",
	.flags = CMD_NEEDS_KERNEL,
	.help = "the swap areas, as /proc/swaps",
	.example = "swaps -v",
	.opt = { { 'v', "verbose", ARG_FLAG, NULL,
		   "slots, pages in the swap cache, pages read and written" } },
	.run = swaps_run,
};

const struct command cmd_reclaim = {
	.name = "reclaim",
	.group = "swap",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "free N pages, the least used first",
	.details = "As a write to memory.reclaim: looks at more and more of "
		   "the inactive lists.\n"
		   "A page that was used since the last look is spared once; "
		   "one that goes to\n"
		   "swap is written first, and freed when it is found again.",
	.example = "reclaim 1",
	.arg = { { "N", ARG_NUM } },
	.run = reclaim_run,
};
