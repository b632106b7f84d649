/*
 * test_commands.c - what every row of the command table promises: help, a
 * known group, an example that runs, and, for a command that only looks, that
 * it changes nothing: not a register, not a byte of RAM, not a TLB entry, not
 * a struct page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/session.h"

static const char *const groups[] = {
	"translation", "access", "process memory", "swap",
	"processes", "files", "kernel space",
	"conversions", "slab", "vmalloc", "highmem", "physical memory",
	"page allocator", "DMA", "processor", "shell",
};

static void begin(struct session *s, const char *arch, const char *ram)
{
	const char *words[] = { arch, ram };
	struct err err = { 0 };

	session_init(s);
	s->out.fd = s->errout.fd = -1;
	if (session_boot(s, words, 2, &err) < 0)
		fail_msg("boot: %s", err.msg);
}

static void finding(void *ctx, const char *text)
{
	print_error("check: %s\n", text);
}

static void end(struct session *s)
{
	if (s->k)
		assert_int_equal(kernel_check(s->k, finding, NULL), 0);
	session_deinit(s);
}

static void run(struct session *s, const char *line)
{
	s->errout.len = s->out.len = 0;
	if (session_line(s, line) != 0)
		fail_msg("%s: %.*s", line, (int)s->errout.len, s->errout.buf);
}

static void test_commands__sorted_and_complete(void **state)
{
	for (unsigned i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		bool known = false;

		if (i)
			assert_true(strcmp(commands[i - 1]->name, c->name) < 0);
		assert_non_null(c->help);
		assert_true(strlen(c->help) > 3);
		assert_non_null(c->run);
		for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
			known |= strcmp(groups[g], c->group) == 0;
		assert_true(known);
	}
}

/* No two commands answer to one name. */
static void test_commands__names_and_aliases_are_unique(void **state)
{
	struct err err;
	char names[256], *save, *name;

	for (unsigned i = 0; commands[i]; i++) {
		assert_ptr_equal(command_find(commands[i]->name, false, &err),
				 commands[i]);
		if (!commands[i]->alias)
			continue;
		strcpy(names, commands[i]->alias);
		for (name = strtok_r(names, " ", &save); name;
		     name = strtok_r(NULL, " ", &save))
			assert_ptr_equal(command_find(name, false, &err),
					 commands[i]);
	}
}

static void test_commands__examples_run(void **state)
{
	struct session s;

	for (unsigned i = 0; commands[i]; i++) {
		if (!commands[i]->example ||
		    strcmp(commands[i]->name, "lua") == 0)
			continue;
		begin(&s, "i386", "ram=2G");
		run(&s, commands[i]->example);
		end(&s);
	}
}

/* All state that a look must leave alone. */
static uint64_t state_hash(const struct session *s)
{
	uint64_t h = machine_hash(s->m);

	if (!s->k)
		return h;
	const uint8_t *p = (const uint8_t *)s->k->mem_map;

	for (size_t i = 0; i < s->k->max_pfn * sizeof(struct page); i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ^ s->k->vmstat.pgfault ^ s->k->rng ^ s->k->vmstat.pgalloc;
}

static const char *const looks[] = {
	"pagewalk text", "pagewalk heap -w", "pagewalk 0xc0000000 -x",
	"pagewalk -p 2 data", "why text", "why heap -w", "why -w text",
	"why -k -w heap", "why -x 0xc0000000", "why -w -p 2 data", "ptdump", "ptdump -f text", "ptdump -p 2",
	"pagewalk -a crash heap", "pagewalk -a windbg heap",
	"pagewalk -a bochs heap", "pagewalk -a pt-dump heap",
	"ptdump -a qemu-tlb", "ptdump -a qemu-mem", "ptdump -a info-pg",
	"ptdump -a ptdump", "ptdump -a pt-dump", "ptdump -a crash user",
	"ptdump -a windbg user", "ptdump -a bochs", "ptdump -k", "ptdump -u",
	"ptdump --wx", "ptdump -k -a ptdump",
	"maps", "swaps", "swaps -v", "mincore heap 132K", "ps", "layout", "buddyinfo", "zoneinfo", "zoneinfo -p",
	"maps", "maps -b", "smaps", "smaps stack", "smaps_rollup -p 2", "pagemap",
	"rmap stack", "rmap -v -p 2 stack", "diff 1 2", "diff -t 1 2", "snapshot x",
	"diff x", "set", "vmstat", "blame heap", "blame -v -p 2 heap", "pagemap -e -p 2 stack", "status", "statm", "kpageflags data 16",
	"kpagecount data 16", "rmap stack", "rmap -v -p 2 stack",
	"mincore heap 132K", "ps", "layout", "buddyinfo", "zoneinfo", "zoneinfo -p",
	"pagetypeinfo", "zonelist", "zonelist 10 -g GFP_DMA", "gfp GFP_ATOMIC", "slabinfo",
	"slabinfo -s", "slabinfo kmalloc-*", "slab PAGE_OFFSET", "ksize 16", "dmesg",
	"meminfo", "sysctl", "thp", "vmallocinfo", "iomem", "e820", "mtrr", "reg pat", "tlb", "tlb -c 1",
	"pkmap", "pkmap -l", "fixmap", "fix_to_virt FIX_APIC_BASE",
	"virt_to_fix 0xffffc000", "kmap_to_page PAGE_OFFSET",
	"tlb data", "tlb -l L2", "tlb --stale", "tlb --config", "counters",
	"counters --full", "pte 0x7ffc4067", "pte 0x80 -l PDE -m 4-level", "peek 0x1000 64",
	"whatis heap", "whatis data", "whatis PAGE_OFFSET+16M", "whatis -p 2 heap",
	"whatis 0x1000", "whatis pa:0xfee00000", "whatis high_memory", "ram", "ram -o", "ram -p 2", "ram -n 0 DMA", "page pfn:0x1000", "page __pa(high_memory-4K)", "page data", "help",
	"help map", "apropos TLB", "check", "eval text+1", "__pa PAGE_OFFSET",
	"__va 1M", "__pa VMALLOC_START", "__pa heap", "__pa_symbol _text",
	"__va 0xfee00000", "virt_to_page VMALLOC_START",
	"virt_to_pfn PAGE_OFFSET", "page_to_virt page:1",
	"page_to_pfn page:1", "page_to_phys page:1", "page_address page:1",
	"pfn_to_page 1", "pfn_to_virt 1", "phys_to_page 0xfee00000",
	"slow_virt_to_phys VMALLOC_START", "vmalloc_to_page VMALLOC_START",
	"vmalloc_to_pfn VMALLOC_START", "virt_addr_valid VMALLOC_START",
	"pfn_valid 1", "dma",
	"fds", "ls", "ls 3", "pagecache /tmp/x", "pagecache 4", "blkstat",
};

static void looking_changes_nothing(const char *arch)
{
	struct session s;
	uint64_t before;

	begin(&s, arch, "ram=256M");
	run(&s, "set blame on; write data \"x\"; write heap 1; fork; write heap 2; vmalloc 8K;"
		" open -c /tmp/x; pwrite 3 hello; open -c /disk/d; ftruncate 4 64K");
	before = state_hash(&s);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		session_line(&s, looks[i]);
		if (state_hash(&s) != before)
			fail_msg("%s: %s changed the machine", arch, looks[i]);
	}
	run(&s, "read text 1");
	assert_int_not_equal(state_hash(&s), before);
	end(&s);
}

static void test_commands__looking_changes_nothing(void **state)
{
	looking_changes_nothing("i386");
	looking_changes_nothing("i386-pae");
	looking_changes_nothing("x86_64");
}

/* The list above has every command that only looks. */
static void test_commands__every_look_is_tried(void **state)
{
	for (unsigned i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		bool tried = c->flags & (CMD_CHANGES | CMD_SHELL);
		size_t len = strlen(c->name);

		for (size_t j = 0; j < ARRAY_SIZE(looks); j++)
			tried |= strncmp(looks[j], c->name, len) == 0 &&
				 (looks[j][len] == ' ' || !looks[j][len]);
		if (!tried)
			fail_msg("%s is not tried", c->name);
	}
}

/* The same commands give the same bytes. */
static void test_commands__deterministic(void **state)
{
	static const char line[] =
		"write heap 1; fork; write heap 2; vmalloc 64K; kmalloc 100; "
		"ps; maps; ptdump; buddyinfo; slabinfo; iomem; tlb";
	struct session a, b;

	begin(&a, "x86_64", "ram=4G");
	begin(&b, "x86_64", "ram=4G");
	run(&a, line);
	run(&b, line);
	assert_int_equal(a.out.len, b.out.len);
	assert_memory_equal(a.out.buf, b.out.buf, a.out.len);
	end(&a);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands__sorted_and_complete),
		cmocka_unit_test(test_commands__names_and_aliases_are_unique),
		cmocka_unit_test(test_commands__examples_run),
		cmocka_unit_test(test_commands__looking_changes_nothing),
		cmocka_unit_test(test_commands__every_look_is_tried),
		cmocka_unit_test(test_commands__deterministic),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
