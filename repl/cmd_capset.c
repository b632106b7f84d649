/*
 * cmd_capset.c - capset: what a process may do beyond its limits (capabilities
 * that memory management asks for).
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"

static const struct {
	unsigned cap;
	const char *name, *permits;
} caps[] = {
	{ CAP_IPC_LOCK, "CAP_IPC_LOCK", "mlock beyond RLIMIT_MEMLOCK" },
	{ CAP_SYS_RAWIO, "CAP_SYS_RAWIO", "map below vm.mmap_min_addr" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
	  "process_vm_readv of who has more capabilities" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
	  "memory that vm.admin_reserve_kbytes keeps" },
	{ CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", "raise hard limits" },
};

static const char *cap_name(unsigned i)
{
	if (i < ARRAY_SIZE(caps))
		return caps[i].name;
	return i == ARRAY_SIZE(caps)	   ? "all"
	       : i == ARRAY_SIZE(caps) + 1 ? "none"
					   : NULL;
}

/* The bits of "CAP_IPC_LOCK", "ipc_lock", "all" or "none"; false: no such. */
static bool find_cap(const char *word, uint64_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (!strcasecmp(word, caps[i].name) ||
		    !strcasecmp(word, caps[i].name + 4) ||
		    !strcasecmp(word, "all"))
			*ret |= BIT(caps[i].cap);
	return *ret || !strcasecmp(word, "none");
}

static void emit_caps(struct result *r, const struct task_struct *task)
{
	static const struct res_column cols[] = {
		{ "name", "capability", false },
		{ "has", "has", false },
		{ "permits", "permits", false },
		{ 0 },
	};

	res_i64(r, "pid", "pid %s", task->pid);
	res_str(r, "comm", "~ (%s)", task->comm);
	res_hex(r, "effective", "CapEff %s", task->cap_effective, 16);
	res_table(r, "capabilities", cols);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		bool has = task->cap_effective >> caps[i].cap & 1;

		res_item(r, false);
		res_name(r, "name", "%s", caps[i].name);
		res_bool(r, "has", "%s", has);
		res_str(r, "permits", "%s", caps[i].permits);
		res_end(r);
	}
	res_end(r);
}

static int capset_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	uint64_t set = 0, one;

	if (!task)
		return -1;
	for (unsigned i = 0; i < c->nrest; i++, set |= one) {
		one = 0;
		if (!find_cap(c->rest[i], &one))
			return err_set(c->err, ERR_USER,
				       "%s: no capability that is asked for",
				       c->rest[i]);
	}
	if (c->nrest)
		task->cap_effective = set;
	emit_caps(c->r, task);
	return 0;
}

const struct command cmd_capset = {
	.name = "capset",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "what a process may do beyond its limits",
	.details =
		"The effective capabilities of the process are those that are "
		"named, or all\n"
		"or none; without a name they are shown. Processes begin with "
		"none, and\n"
		"children inherit them.",
	.example = "capset CAP_IPC_LOCK",
	.arg = { { "NAME", ARG_WORD, .optional = true, .repeat = true } },
	.opt = { CMD_OPT_PID },
	.word = cap_name,
	.run = capset_run,
};
