/*
 * boot_args.c - `boot ARCH key=value ...`: the words become a configuration
 * (keys: boot_keys.c), and the configuration a machine with a kernel (or none).
 */
#include "repl/boot_args.h"
#include "repl/boot_keys.h"
#include "repl/blame.h"

#include <stdlib.h>
#include <string.h>

#include "repl/handler.h"

#define MAX_WORDS	32

static const struct { const char *alias, *name; } arch_alias[] = {
	{ "x86", "i386" },	 { "i686", "i386" },
	{ "pae", "i386-pae" },	 { "x86-64", "x86_64" },
	{ "amd64", "x86_64" },	 { "x64", "x86_64" },
};

const char *boot_arch_name(unsigned i)
{
	for (unsigned j = 0; archs[j].name; j++)
		if (j == i)
			return archs[j].name;
		else if (!archs[j + 1].name && i == j + 1)
			return "none";
	return NULL;
}

/* A bare machine: the CPU lacks nothing, unless keys take it away. */
void boot_bare_config(struct kernel_config *cfg)
{
	cfg->arch = NULL;
	cfg->pse = cfg->pge = cfg->nx = cfg->gbpages = cfg->pcid = true;
	cfg->smap = true;
	cfg->pku = true;
}

static int boot_arch(struct boot *b, const char *name)
{
	struct closest near;
	const char *n;

	for (size_t i = 0; i < ARRAY_SIZE(arch_alias); i++)
		if (strcmp(name, arch_alias[i].alias) == 0)
			name = arch_alias[i].name;
	b->cfg.arch = arch_by_name(name);
	if (b->cfg.arch || strcmp(name, "none") == 0) {
		kernel_config_default(&b->cfg, b->cfg.arch ? b->cfg.arch
							   : &archs[0]);
		if (strcmp(name, "none") == 0)
			boot_bare_config(&b->cfg);
		return 0;
	}
	err_set(b->err, ERR_USAGE, "%s: no such architecture", name);
	closest_init(&near, name);
	for (unsigned i = 0; (n = boot_arch_name(i)); i++)
		closest_try(&near, n);
	if (near.best)
		err_hint(b->err, "did you mean %s?", near.best);
	else
		err_hint(b->err, "i386, i386-pae, x86_64 or none");
	return -1;
}

/* --- boot ---------------------------------------------------------------- */
/* Everything a CPU of this machine can have, less what was taken away. */
static struct machine *bare_machine(const struct kernel_config *cfg)
{
	struct cpu_features f = {
		.maxphyaddr = 46,
		.pse = cfg->pse,
		.pae = true,
		.pse36 = true,
		.pge = cfg->pge,
		.pat = cfg->pat,
		.nx = cfg->nx,
		.gbpages = cfg->gbpages,
		.lm = true,
		.smep = cfg->smap,
		.smap = cfg->smap,
		.pku = cfg->pku,
		.pks = true,
		.pcid = cfg->pcid,
		.invpcid = cfg->pcid,
		.la57 = true,
		.tlb = cfg->tlb,
	};
	struct ram_region map[RAM_MAX_REGIONS];
	unsigned n;

	if (cfg->map)
		return machine_create(cfg->map->entry, cfg->map->n, cfg->cpus,
				      &f);
	n = e820_build(cfg->ram, map, RAM_MAX_REGIONS);
	return machine_create(map, n, cfg->cpus, &f);
}

static void replace_system(struct session *s, struct kernel *k,
			   struct machine *m)
{
	session_drop_system(s);
	s->k = k;
	blame_attach(s);
	s->m = k ? k->machine : m;
	s->cpu = 0;
	s->last_set = false;
	s->names_of = NULL;
	s->boots++;
	if (k)
		handlers_attach(s);
	session_widths(s, s->text);
	session_widths(s, s->jsonr);
}

static int boot_words(struct boot *b, const char *const *words, unsigned n)
{
	if (!n)
		return err_set(b->err, ERR_USAGE, "boot: ARCH is missing");
	if (boot_arch(b, words[0]) < 0)
		return -1;
	for (unsigned i = 1; i < n; i++)
		if (boot_word(b, words[i]) < 0)
			return -1;
	return boot_settle_map(b);
}

int boot_config(struct session *s, const char *text, struct kernel_config *ret,
		struct e820_map *map, struct err *err)
{
	struct boot b = { .s = s, .err = err };
	const char *words[CMD_MAX_INPUTS];
	char *copy = strdup(text), *save;
	unsigned n = 0;
	int rc;

	if (!copy)
		abort();
	for (char *w = strtok_r(copy, " \t", &save); w && n < CMD_MAX_INPUTS;
	     w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	rc = boot_words(&b, words, n);
	free(copy);
	if (rc < 0)
		return -1;
	*ret = b.cfg;
	if (ret->map) {
		*map = *ret->map;
		ret->map = map;
	}
	return 0;
}

/* Linux alloc_node_mem_map(). */
static void hint_mem_map(const struct kernel_config *cfg, struct err *err)
{
	uint64_t bytes = ALIGN_UP(layout_end_of_ram(cfg), 1024) *
			 cfg->arch->sizeof_page;

	err_hint(err, "Linux panics: Failed to allocate %llu bytes for node 0 "
		      "memory map", (unsigned long long)bytes);
}

int session_boot(struct session *s, const char *const *words, unsigned n,
		 struct err *err)
{
	struct boot b = { .s = s, .err = err };
	const char *why = "out of memory";
	struct machine *m = NULL;
	struct kernel *k = NULL;

	if (s->in_handler)
		return err_set(err, ERR_USER,
			       "boot: not while a signal is handled");
	if (boot_words(&b, words, n) < 0)
		return -1;
	if (b.cfg.arch)
		k = kernel_boot(&b.cfg, &why);
	else
		m = bare_machine(&b.cfg);
	if (!k && !m) {
		err_set(err, ERR_USER, "boot %s: %s", words[0], why);
		if (b.cfg.arch && strstr(why, "mem_map"))
			hint_mem_map(&b.cfg, err);
		return -1;
	}
	replace_system(s, k, m);
	s->boot_later = NULL;
	return 0;
}

int session_boot_text(struct session *s, const char *text, struct err *err)
{
	const char *words[MAX_WORDS];
	char *copy = strdup(text), *save = NULL;
	unsigned n = 0;
	int rc;

	if (!copy)
		abort();
	for (char *w = strtok_r(copy, " \t", &save); w && n < MAX_WORDS;
	     w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	rc = session_boot(s, words, n, err);
	free(copy);
	return rc;
}

int session_need_boot(struct session *s, struct err *err)
{
	return s->boot_later ? session_boot_text(s, s->boot_later, err) : 0;
}
