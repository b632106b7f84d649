/*
 * e820.c - fuzz target: boot messages and memory maps as text.
 *
 * Whatever the text says: the map that comes of it is sorted and disjoint, and
 * a kernel boots on it or says why not; if it boots, check is content.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/e820_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "e820: %s\n", what);
	abort();
}

static void print_finding(void *ctx, const char *text)
{
	fprintf(stderr, "check: %s\n", text);
}

static bool read_text(struct boot_text *t, const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *save;
	struct err err = { 0 };
	bool ok = true;

	t->name = "fuzz";
	for (char *line = strtok_r(text, "\n", &save); line && ok;
	     line = strtok_r(NULL, "\n", &save))
		ok = boot_text_line(t, line, &err) == 0;
	free(text);
	return ok;
}

static void boot(const struct e820_map *map, const struct boot_text *t,
		 const char *arch)
{
	struct kernel_config cfg;
	const char *why = NULL;
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.layout_61 = true;
	cfg.map = map;
	cfg.ram = e820_usable(map);
	cfg.sizes = t->sizes;
	memcpy(cfg.image, t->image, sizeof(cfg.image));
	k = kernel_boot(&cfg, &why);
	require(k || why, "neither booted nor refused");
	if (k)
		require(!kernel_check(k, print_finding, NULL), "check");
	kernel_destroy(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_text t = { 0 };
	struct e820_map *m = &t.map;

	if (!read_text(&t, data, size) || !e820_update(m))
		return 0;
	for (unsigned i = 0; i < m->n; i++)
		require(m->entry[i].start < m->entry[i].end &&
				(!i || m->entry[i].start >= m->entry[i - 1].end),
			"rows overlap");
	e820_back(m);
	if (e820_check(m))
		return 0;
	for (const struct arch *a = archs; a->name; a++)
		boot(m, &t, a->name);
	return 0;
}
