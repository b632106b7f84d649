/*
 * cmd_shell.c - the shell itself: help, apropos, boot, let, echo, source, lua,
 * check, quit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repl/boot_args.h"
#include "kernel/convert.h"
#include "repl/cmd.h"

/* --- help, apropos ---------------------------------------------------------------- */
static const struct res_column help_cols[] = {
	{ "name", "", false }, { "help", "", false }, { 0 },
};

static void emit_help_row(struct result *r, const struct command *cmd)
{
	char usage[200];

	res_item(r, false);
	res_str(r, "name", NULL, cmd->name);
	res_str(r, "usage", "%s", command_usage(usage, sizeof(usage), cmd));
	res_str(r, "help", "%s", cmd->help);
	res_str(r, "group", NULL, cmd->group);
	res_end(r);
}

/* Groups in the order in which a newcomer meets them. */
static const char *const groups[] = {
	"translation", "access", "process memory", "swap",
	"processes", "files", "kernel space",
	"conversions", "slab", "vmalloc", "highmem", "physical memory",
	"page allocator", "DMA", "processor", "shell", NULL,
};

static int help_all(struct cmd_ctx *c)
{
	static const struct res_column cols[] = {
		{ "usage", "", false }, { "help", "", false }, { 0 },
	};

	res_list(c->r, "groups", RES_LINES);
	for (unsigned g = 0; groups[g]; g++) {
		res_item(c->r, false);
		res_name(c->r, "group", "%s", groups[g]);
		res_line(c->r);
		res_table(c->r, "commands", cols);
		for (unsigned i = 0; commands[i]; i++)
			if (strcmp(commands[i]->group, groups[g]) == 0)
				emit_help_row(c->r, commands[i]);
		res_end(c->r);
		res_end(c->r);
	}
	res_end(c->r);
	res_text(c->r, COL_DIM, "help COMMAND tells more; Tab completes");
	return 0;
}

static void emit_paragraphs(struct result *r, const char *text)
{
	const char *nl;

	for (; text && *text; text = nl ? nl + 1 : NULL) {
		nl = strchr(text, '\n');
		res_line(r);
		res_text(r, COL_PLAIN, "  %.*s",
			 (int)(nl ? nl - text : (long)strlen(text)), text);
	}
}

/* Does the command itself mean something else by it? */
static bool has_letter(const struct command *cmd, char letter)
{
	for (unsigned i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++)
		if (cmd->opt[i].letter == letter)
			return true;
	return false;
}

static void emit_story_options(struct result *r, const struct command *cmd)
{
	char left[48];

	for (const struct story_opt *o = story_opts;
	     command_tells(cmd) && o->letter; o++) {
		if (has_letter(cmd, o->letter))
			continue;
		res_line(r);
		snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name);
		res_text(r, COL_PLAIN, "  %-20s %s", left, o->help);
	}
}

static void emit_options(struct result *r, const struct command *cmd)
{
	for (const struct opt_spec *o = cmd->opt;
	     o < cmd->opt + CMD_MAX_OPTS && o->letter; o++) {
		char left[48];

		res_line(r);
		snprintf(left, sizeof(left), "-%c%s%s, --%s", o->letter,
			 o->value ? " " : "", o->value ? o->value : "",
			 o->name);
		res_text(r, COL_PLAIN, "  %-20s %s", left, o->help);
	}
	emit_story_options(r, cmd);
}

static int help_one(struct cmd_ctx *c, const struct command *cmd)
{
	struct result *r = c->r;
	char usage[200];

	res_str(r, "name", NULL, cmd->name);
	res_name(r, "usage", "%s", command_usage(usage, sizeof(usage), cmd));
	res_line(r);
	res_str(r, "help", "  %s", cmd->help);
	res_str(r, "group", NULL, cmd->group);
	res_str(r, "details", NULL, cmd->details);
	emit_paragraphs(r, cmd->details);
	emit_options(r, cmd);
	if (cmd->alias) {
		res_line(r);
		res_str(r, "alias", "  also: %s", cmd->alias);
	}
	if (cmd->example) {
		res_line(r);
		res_str(r, "example", "  example: %s", cmd->example);
	}
	return 0;
}

static int help_run(struct cmd_ctx *c)
{
	const struct command *cmd;

	if (!c->arg[0].set)
		return help_all(c);
	cmd = command_find(c->arg[0].str, true, c->err);
	return cmd ? help_one(c, cmd) : -1;
}

static bool mentions(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

static int apropos_run(struct cmd_ctx *c)
{
	const char *word = c->arg[0].str;
	unsigned n = 0;

	res_table(c->r, "commands", help_cols);
	for (unsigned i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		if (!mentions(cmd->name, word) && !mentions(cmd->help, word) &&
		    !mentions(cmd->alias, word) && !mentions(cmd->details, word))
			continue;
		res_item(c->r, false);
		res_str(c->r, "name", "%s", cmd->name);
		res_str(c->r, "help", "%s", cmd->help);
		res_end(c->r);
		n++;
	}
	res_end(c->r);
	if (!n)
		return err_set(c->err, ERR_USER, "%s: nothing appropriate", word);
	return 0;
}

/* --- boot --------------------------------------------------------------------------- */
static void emit_zones(struct cmd_ctx *c)
{
	const struct kernel *k = c->s->k;

	res_list(c->r, "zones", RES_TREE);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &k->zone[i];
		unsigned left = 0;

		for (unsigned j = i + 1; j < MAX_NR_ZONES; j++)
			left += k->zone[j].present != 0;
		if (!z->present)
			continue;
		res_item(c->r, !left);
		res_str(c->r, "zone", NULL, z->name);
		res_text(c->r, COL_PLAIN, "%-8s", z->name);
		res_hex(c->r, "start", "%s", z->start_pfn << PAGE_SHIFT,
			c->r->pa_digits);
		res_hex(c->r, "end", "~-%s", z->end_pfn << PAGE_SHIFT,
			c->r->pa_digits);
		res_u64(c->r, "free", "%s pages free", z->free);
		res_u64(c->r, "managed", "~ of %s", z->managed);
		res_end(c->r);
	}
	res_end(c->r);
}

/* As Linux 2.6: "Warning only 4GB will be used. Use a HIGHMEM64G kernel." */
static void emit_unseen(struct cmd_ctx *c)
{
	const struct kernel *k = c->s->k;
	const struct arch *a = archs;

	if (!k->ram_unseen)
		return;
	while (a->name && a->max_ram <= k->arch->max_ram)
		a++;
	res_line(c->r);
	res_text(c->r, COL_BAD, "Warning:");
	res_size(c->r, "ram_unseen", "~ %s of RAM", k->ram_unseen);
	res_text(c->r, COL_PLAIN, "~ lie above %lluG, out of reach of %s",
		 (unsigned long long)(k->arch->max_ram / GiB), k->arch->name);
	if (a->name)
		res_text(c->r, COL_PLAIN, "~; boot %s", a->name);
}

/* highmem=: what the kernel says of it, or what it left unused. */
static void emit_highmem(struct cmd_ctx *c)
{
	const struct kernel *k = c->s->k;
	const char *says = k->layout.message;

	if (!*says && !k->ram_unused)
		return;
	res_line(c->r);
	res_text(c->r, COL_BAD, "Warning:");
	res_str(c->r, "message", "~ %s", says);
	if (k->ram_unused)
		res_size(c->r, "ram_unused", "~ highmem= leaves %s unused",
			 k->ram_unused);
}

static void emit_bare(struct result *r, const struct machine *m)
{
	const struct ram *ram = m->ram;
	uint64_t usable = 0;

	for (unsigned i = 0; i < ram->nregions; i++)
		if (ram->region[i].type == RAM_USABLE)
			usable += ram->region[i].end - ram->region[i].start;
	res_text(r, COL_PLAIN, "bare machine, paging off, CPL 0");
	res_size(r, "usable", "%s usable RAM", usable);
	res_u64(r, "cpus", m->ncpus == 1 ? "%s CPU" : "%s CPUs", m->ncpus);
	res_u64(r, "maxphyaddr", "MAXPHYADDR %s",
		m->cpu[0].features.maxphyaddr);
}

static int boot_run(struct cmd_ctx *c)
{
	const char *words[CMD_MAX_INPUTS];
	unsigned n = 0;
	struct kernel *k;

	words[n++] = c->arg[0].str;
	for (unsigned i = 0; i < c->nrest; i++)
		words[n++] = c->rest[i];
	if (session_boot(c->s, words, n, c->err) < 0)
		return -1;
	k = c->s->k;
	res_str(c->r, "arch", "%s", k ? k->arch->name : "none");
	if (!k) {
		emit_bare(c->r, c->s->m);
		return 0;
	}
	res_str(c->r, "mode", "%s paging", k->mode->name);
	res_size(c->r, "ram", "%s RAM", k->config.ram);
	res_u64(c->r, "cpus", k->machine->ncpus == 1 ? "%s CPU" : "%s CPUs",
		k->machine->ncpus);
	res_hex(c->r, "page_offset", "PAGE_OFFSET %s", k->layout.page_offset,
		k->arch->word * 2);
	res_hex(c->r, "high_memory", "high_memory %s", k->layout.high_memory,
		k->arch->word * 2);
	emit_zones(c);
	emit_unseen(c);
	emit_highmem(c);
	return 0;
}

/* --- small ones ----------------------------------------------------------------------- */
static int let_run(struct cmd_ctx *c)
{
	const char *name = c->arg[0].str;

	if (name[0] == '$')
		name++;
	if (session_set_var(c->s, name, c->arg[1].value) < 0)
		return err_set(c->err, ERR_USER, "%s: not a name",
			       c->arg[0].str);
	res_strf(c->r, "name", "%s =", "$%s", name);
	res_str(c->r, "type", NULL, vtype_name[c->arg[1].value.type]);
	res_hex(c->r, "value", "~ %s", c->arg[1].value.n, 1);
	return 0;
}

/* A struct page *: where it is, and whose it is. */
static int eval_page(struct cmd_ctx *c, pfn_t pfn)
{
	res_va(c->r, "value", "%s", convert_page(c->k, pfn).n);
	res_str(c->r, "type", "%s", vtype_name[V_PAGE]);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	return 0;
}

static int eval_run(struct cmd_ctx *c)
{
	const struct value *v = &c->arg[0].value;

	if (v->type == V_PAGE && c->k)
		return eval_page(c, v->n);
	res_hex(c->r, "value", v->type == V_VA || v->type == V_PA ? "%s" : NULL,
		v->n, v->type == V_PA ? c->r->pa_digits : c->r->va_digits);
	if (v->type != V_VA && v->type != V_PA)
		res_text(c->r, COL_PLAIN, "%llu  0x%llx",
			 (unsigned long long)v->n, (unsigned long long)v->n);
	res_str(c->r, "type", "%s", vtype_name[v->type]);
	return 0;
}

static int echo_run(struct cmd_ctx *c)
{
	const char *text = c->arg[0].set ? c->arg[0].str : "";

	res_str(c->r, "text", "%s", text);
	if (!*text)
		res_blank(c->r);
	return 0;
}

static void collect_finding(void *ctx, const char *finding)
{
	struct result *r = ctx;

	res_item(r, false);
	res_field(r, &(struct res_field){ .name = "finding", .txt = "%s",
					  .type = RES_STR, .colour = COL_BAD,
					  .str = finding });
	res_end(r);
}

static int check_run(struct cmd_ctx *c)
{
	unsigned n;

	res_list(c->r, "findings", RES_LINES);
	n = kernel_check(c->k, collect_finding, c->r);
	res_end(c->r);
	res_u64(c->r, "count", n ? NULL : "clean: %s findings", n);
	if (!n)
		return 0;
	c->s->status = EXIT_PANIC;
	return err_set(c->err, ERR_USER, "%u invariants do not hold", n);
}

static int source_run(struct cmd_ctx *c)
{
	int fd = open(c->arg[0].str, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_errno(c->err, errno, "%s", c->arg[0].str);
	rc = session_stream(c->s, fd, c->arg[0].str);
	close(fd);
	return rc ? err_set(c->err, ERR_USER, "%s: stopped", c->arg[0].str) : 0;
}

static int lua_run(struct cmd_ctx *c)
{
	return c->s->eval_lua(c->s, c->arg[0].str, c->err);
}

static int quit_run(struct cmd_ctx *c)
{
	c->s->quit = true;
	return 0;
}

#define SHELL .group = "shell"

const struct command cmd_help = {
	.name = "help", SHELL, .flags = CMD_SHELL | CMD_NEEDS_NOTHING,
	.help = "list the commands, or tell about COMMAND", .example = "help map",
	.arg = { { "COMMAND", ARG_COMMAND, .optional = true } },
	.run = help_run,
};

const struct command cmd_apropos = {
	.name = "apropos", SHELL, .flags = CMD_SHELL | CMD_NEEDS_NOTHING,
	.help = "commands whose help mentions WORD", .example = "apropos TLB",
	.arg = { { "WORD", ARG_WORD } }, .run = apropos_run,
};

const struct command cmd_boot = {
	.name = "boot",
	SHELL,
	.flags = CMD_CHANGES | CMD_NEEDS_NOTHING,
	.help = "start over: i386, i386-pae, x86_64, or none for a bare "
		"machine",
	.details =
		"Keys: ram=SIZE (2G), cpus=N (2), seed=N (1), kaslr=on|off, "
		"aslr=on|off,\n"
		"pse=on|off, pge=on|off, pat=on|off, nx=on|off, "
		"gbpages=on|off,\n"
		"tlb=skylake|tiny|none|SPEC, and for i386\n"
		"vmsplit=3G|3G_OPT|2G|2G_OPT|1G, layout=classic|6.1, "
		"vmalloc=SIZE,\n"
		"vmalloc_fault=on (i386: PDEs of vmalloc reach other roots by "
		"faults only),\n"
		"lowmem=SIZE (another limit than the layout's), highmem=SIZE "
		"(as Linux'\n"
		"parameter: cuts highmem, or makes some of lowmem). x86_64: "
		"la57=on, 5 levels;\n"
		"pti=on, page-table isolation (KPTI); pcid=on, a CPU with "
		"PCIDs and INVPCID;\n"
		"pku=on, one with protection keys.\n"
		"smap=on, a CPU with SMAP and SMEP: see copy_to_user.\n"
		"transparent_hugepage=always|madvise|never (madvise), hugepages=N, "
		"hugepagesz=:\n"
		"large pages, see thp and sysctl vm.nr_hugepages.\n"
		"swiotlb=off|force|SIZE: bounce buffers for DMA, 64M if RAM "
		"goes above 4G.\n"
		"slub_debug=LETTERS[,CACHE...]: F checks, Z red zones, P "
		"poison, U users.\n"
		"kaslr=on needs layout=6.1 on i386, and moves image and areas "
		"by the seed.\n"
		"layout=classic has the numbers of the textbooks (Linux 2.6: "
		"lowmem ends at\n"
		"896 MiB, position-independent programs lie at two thirds of "
		"user space);\n"
		"layout=6.1 those of a 6.1 kernel. The CPU of none has every "
		"feature that\n"
		"is not taken away.\n"
		"SPEC of tlb= is arrays LEVEL:PAGES:SETSxWAYS and "
		"paging-structure caches\n"
		"NAME:ENTRIES, joined by +: "
		"l1d:4k:16x4+l1i:4k:16x8+l2:4k,2m:128x12+pde:8.\n"
		"Instead of ram=: e820=FILE, the map that a kernel printed at "
		"boot, or\n"
		"/proc/iomem. mem=SIZE and "
		"memmap=exactmap|SIZE@START|SIZE#START|SIZE$START\n"
		"as the kernel's parameters. What boot reserves, as another "
		"kernel had it:\n"
		"dmesg=FILE (map and sizes), memory=LINE (its line Memory: "
		"...), or one by\n"
		"one reserved=, init=, initrd=, alternatives=, freed=SIZE, or\n"
		"managed=ZONE:PAGES,... as in /proc/zoneinfo. "
		"image=FIRST-LAST,... has the\n"
		"four sections of the kernel image as /proc/iomem does.",
	.example = "boot x86_64 ram=4G",
	.arg = { { "ARCH", ARG_WORD },
		 { "KEY=VALUE", ARG_KEYVAL, .optional = true,
		   .repeat = true } },
	.run = boot_run,
	.word = boot_arch_name,
	.key = boot_key_name,
};

const struct command cmd_let = {
	.name = "let", SHELL, .flags = CMD_SHELL,
	.help = "set the variable $NAME to the value of EXPR",
	.details = "NAME = EXPR is the same.",
	.example = "let p heap+8",
	.arg = { { "NAME", ARG_WORD }, { "EXPR", ARG_EXPR } }, .run = let_run,
};

const struct command cmd_eval = {
	.name = "eval", .alias = "= p print", SHELL,
	.help = "the value of EXPR and its type; also: = EXPR",
	.example = "eval __pa(PAGE_OFFSET+4K)",
	.arg = { { "EXPR", ARG_EXPR } }, .run = eval_run,
};

const struct command cmd_echo = {
	.name = "echo", SHELL, .flags = CMD_SHELL, .help = "print TEXT",
	.example = "echo hello",
	.arg = { { "TEXT", ARG_TEXT, .optional = true } }, .run = echo_run,
};

const struct command cmd_check = {
	.name = "check", SHELL, .flags = CMD_NEEDS_KERNEL,
	.help = "fsck for the kernel: recompute every count and compare",
	.example = "check", .run = check_run,
};

const struct command cmd_source = {
	.name = "source", .alias = ".", SHELL, .flags = CMD_SHELL,
	.help = "run the commands in FILE", .arg = { { "FILE", ARG_FILE } },
	.run = source_run,
};

const struct command cmd_lua = {
	.name = "lua", SHELL, .flags = CMD_SHELL,
	.help = "run a line of Lua", .example = "lua print(1 + 1)",
	.arg = { { "CHUNK", ARG_TEXT } }, .run = lua_run,
};

const struct command cmd_quit = {
	.name = "quit", .alias = "q", SHELL, .flags = CMD_SHELL | CMD_NEEDS_NOTHING,
	.help = "leave mmsh", .run = quit_run,
};
