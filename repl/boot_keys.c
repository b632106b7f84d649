/*
 * boot_keys.c - the keys of `boot`: what their values may be, and what they
 * make of the configuration.
 */
#include "repl/boot_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/swiotlb.h"
#include "repl/boot_args.h"
#include "repl/tlb_spec.h"

static int bad(struct boot *b, const char *why)
{
	return err_set(b->err, ERR_USER, "%s: %s", b->word, why);
}

/* --- values -------------------------------------------------------------- */
static int get_number(struct boot *b, const char *value, uint64_t min,
		      uint64_t max, const char *bounds, uint64_t *ret)
{
	struct value v;

	if (expr_eval_as(b->s, value, "a number", &v, b->err) < 0) {
		b->err->len = 0;	/* only words are known here */
		return -1;
	}
	if (v.type != V_PLAIN || v.n < min || v.n > max)
		return bad(b, bounds);
	*ret = v.n;
	return 0;
}

static int set_ram(struct boot *b, const char *value)
{
	if (get_number(b, value, MIN_RAM, MAX_RAM, "RAM is from 16M to 1T",
		       &b->cfg.ram) < 0)
		return -1;
	if (b->cfg.ram & ~PAGE_MASK)
		return bad(b, "RAM comes in whole pages of 4K");
	b->ram_set = true;
	return 0;
}

static int set_cpus(struct boot *b, const char *value)
{
	uint64_t n = 0;

	if (get_number(b, value, 1, MACHINE_MAX_CPUS,
		       "there can be 1 to 64 CPUs", &n) < 0)
		return -1;
	b->cfg.cpus = n;
	return 0;
}

static int set_seed(struct boot *b, const char *value)
{
	return get_number(b, value, 0, UINT64_MAX, "not a number",
			  &b->cfg.seed);
}

static int set_bool(struct boot *b, const char *value, bool *ret);

static int set_vmalloc_fault(struct boot *b, const char *value)
{
	if (!b->cfg.arch || b->cfg.arch->mode != PAGING_32)
		return bad(b, "only on i386: other roots share the tables");
	return set_bool(b, value, &b->cfg.vmalloc_fault);
}

static int set_bool(struct boot *b, const char *value, bool *ret)
{
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return bad(b, "on or off");
	*ret = value[1] == 'n';
	return 0;
}

static bool is_i386(const struct boot *b)
{
	return b->cfg.arch && b->cfg.arch->word == 4;
}

/* off, force, or the bytes of the pool; Linux counts slabs of 2K. */
static int set_swiotlb(struct boot *b, const char *value)
{
	b->cfg.swiotlb_off = strcmp(value, "off") == 0;
	b->cfg.swiotlb_force = strcmp(value, "force") == 0;
	if (b->cfg.swiotlb_off || b->cfg.swiotlb_force)
		return 0;
	return get_number(b, value, IO_TLB_MIN_SIZE, GiB,
			  "off, force, or a size from 1M to 1G",
			  &b->cfg.swiotlb);
}

static int set_vmalloc(struct boot *b, const char *value)
{
	if (!is_i386(b))
		return bad(b, "only on i386");
	return get_number(b, value, 1 * MiB, 4 * GiB, "from 1M to 4G",
			  &b->cfg.vmalloc_reserve);
}

static int set_lowmem(struct boot *b, const char *value)
{
	if (!is_i386(b))
		return bad(b, "only on i386: x86-64 maps all RAM");
	if (get_number(b, value, MIN_RAM, 4 * GiB, "from 16M to 4G",
		       &b->cfg.lowmem) < 0)
		return -1;
	if (b->cfg.lowmem & ~PAGE_MASK)
		return bad(b, "not a multiple of 4K");
	return 0;
}

static int set_highmem(struct boot *b, const char *value)
{
	if (!is_i386(b))
		return bad(b, "only on i386: x86-64 has no highmem");
	b->cfg.has_highmem = true;
	return get_number(b, value, 0, MAX_RAM, "from 0 to 1T",
			  &b->cfg.highmem);
}

static int set_la57(struct boot *b, const char *value)
{
	if (is_i386(b))
		return bad(b, "only on x86_64");
	return set_bool(b, value, &b->cfg.la57);
}

static int set_pti(struct boot *b, const char *value)
{
	if (is_i386(b))
		return bad(b, "modelled on x86_64 only");
	return set_bool(b, value, &b->cfg.pti);
}

static const struct { const char *name; uint64_t page_offset; bool pae; }
vmsplits[] = {
	{ "3G", 0xc0000000, true },	{ "3G_OPT", 0xb0000000, false },
	{ "2G", 0x80000000, true },	{ "2G_OPT", 0x78000000, false },
	{ "1G", 0x40000000, true },
};

static int set_vmsplit(struct boot *b, const char *value)
{
	if (!is_i386(b))
		return bad(b, "only on i386");
	for (size_t i = 0; i < ARRAY_SIZE(vmsplits); i++) {
		if (strcasecmp(vmsplits[i].name, value) != 0)
			continue;
		if (!vmsplits[i].pae && b->cfg.arch->mode == PAGING_PAE)
			return bad(b, "PAE needs a split at a multiple of 1G");
		b->cfg.page_offset = vmsplits[i].page_offset;
		return 0;
	}
	return bad(b, "3G, 3G_OPT, 2G, 2G_OPT or 1G");
}

static int set_layout(struct boot *b, const char *value)
{
	b->cfg.layout_61 = strcmp(value, "6.1") == 0;
	if (!b->cfg.layout_61 && strcmp(value, "classic") != 0)
		return bad(b, "classic or 6.1");
	if (!is_i386(b) && !b->cfg.layout_61)
		return bad(b, "only on i386: x86_64 has the layout of 6.1");
	return 0;
}

static int set_tlb(struct boot *b, const char *value)
{
	char why[120];

	return tlb_spec_parse(value, &b->cfg.tlb, why, sizeof(why)) < 0
		       ? bad(b, why) : 0;
}

/* --- memory maps and sizes ------------------------------------------------ */
static int set_e820(struct boot *b, const char *value)
{
	struct boot_sizes none = b->text.sizes;

	if (b->text.lines)
		return bad(b, "there is a memory map already");
	if (boot_text_file(&b->text, value, b->err) < 0)
		return -1;
	b->text.sizes = none;	/* the map alone */
	memcpy(b->cfg.image, b->text.image, sizeof(b->cfg.image));
	return 0;
}

static void take_sizes(struct boot *b)
{
	for (unsigned i = 0; i < NR_BOOT_SIZES; i++)
		if (b->text.sizes.set & BIT(i))
			b->cfg.sizes.n[i] = b->text.sizes.n[i];
	b->cfg.sizes.set |= b->text.sizes.set;
}

static int set_dmesg(struct boot *b, const char *value)
{
	if (b->text.lines)
		return bad(b, "there is a memory map already");
	if (boot_text_file(&b->text, value, b->err) < 0)
		return -1;
	memcpy(b->cfg.image, b->text.image, sizeof(b->cfg.image));
	take_sizes(b);
	return 0;
}

static int set_memory(struct boot *b, const char *value)
{
	struct boot_text *t = &b->text;

	t->sizes.set = 0;
	if (boot_text_line(t, value, b->err) < 0)
		return -1;
	if (!(t->sizes.set & BIT(BOOT_RESERVED)))
		return bad(b, "not a line Memory: .. available (.. reserved ..)");
	take_sizes(b);
	return 0;
}

static int set_mem(struct boot *b, const char *value)
{
	if (b->nmem == MAX_MEM_WORDS)
		return bad(b, "too many of them");
	b->mem[b->nmem++] = b->word;
	return 0;
}

static int set_size(struct boot *b, enum boot_size i, const char *value)
{
	if (get_number(b, value, 0, MAX_RAM, "a size of at most 1T",
		       &b->cfg.sizes.n[i]) < 0)
		return -1;
	b->cfg.sizes.set |= BIT(i);
	return 0;
}

static int set_reserved(struct boot *b, const char *value)
{
	return set_size(b, BOOT_RESERVED, value);
}

static int set_alternatives(struct boot *b, const char *value)
{
	return set_size(b, BOOT_SMP, value);
}

static int set_init(struct boot *b, const char *value)
{
	return set_size(b, BOOT_INIT, value);
}

static int set_initrd(struct boot *b, const char *value)
{
	return set_size(b, BOOT_INITRD, value);
}

static int set_freed(struct boot *b, const char *value)
{
	return set_size(b, BOOT_FREED, value);
}

/* "DMA:3840,Normal:211217" */
static int set_managed(struct boot *b, const char *value)
{
	static const char *const zone[] = { "DMA", "DMA32", "Normal",
					    "HighMem" };
	const char *s = value;

	while (*s) {
		size_t len = strcspn(s, ":"), i = 0;
		char *end;

		while (i < ARRAY_SIZE(zone) && (strlen(zone[i]) != len ||
						strncasecmp(zone[i], s, len)))
			i++;
		if (!s[len] || i == ARRAY_SIZE(zone))
			return bad(b, "ZONE:PAGES,... with DMA, DMA32, Normal, "
				      "HighMem");
		b->cfg.sizes.n[BOOT_MANAGED + i] =
			strtoull(s + len + 1, &end, 0);
		if (end == s + len + 1 || (*end && *end != ','))
			return bad(b, "a zone has a number of pages");
		b->cfg.sizes.set |= BIT(BOOT_MANAGED + i);
		s = *end ? end + 1 : end;
	}
	return 0;
}

/* Code, rodata, data and bss as /proc/iomem has them: 01000000-0191bc7f,... */
static int set_image(struct boot *b, const char *value)
{
	for (unsigned i = 0; i < ARRAY_SIZE(b->cfg.image); i++) {
		char *end, sep = i % 2 ? ',' : '-';

		b->cfg.image[i] = strtoull(value, &end, 16) + i % 2;
		if (i + 1 == ARRAY_SIZE(b->cfg.image))
			sep = '\0';
		if (end == value || *end != sep)
			return bad(b, "the ranges of Kernel code, rodata, "
				      "data and bss in /proc/iomem");
		value = end + 1;
	}
	return 0;
}

int boot_settle_map(struct boot *b)
{
	struct e820_map *m = &b->text.map;
	const char *why = NULL;

	if (!b->nmem && !b->text.lines)
		return 0;
	if (b->text.lines && b->ram_set)
		return err_set(b->err, ERR_USER,
			       "ram= and a memory map exclude each other");
	if (!b->text.lines)
		m->n = e820_build(b->cfg.ram, m->entry, RAM_MAX_REGIONS);
	for (unsigned i = 0; i < b->nmem && !why; i++) {
		const char *value = strchr(b->mem[i], '=') + 1;

		b->word = b->mem[i];
		why = b->mem[i][3] == '=' ? mem_apply(m, value)
					  : memmap_apply(m, value);
	}
	if (why)
		return bad(b, why);
	if (!e820_update(m))
		return err_set(b->err, ERR_USER, "too many ranges of memory");
	e820_back(m);
	why = e820_check(m);
	if (why)
		return err_set(b->err, ERR_USER, "boot: %s", why);
	b->cfg.map = m;
	b->cfg.ram = e820_usable(m);
	return 0;
}

/* Linux' own parameter: letters, maybe names of caches; blocks of them by ; */
static int set_slub_debug(struct boot *b, const char *value)
{
	const char *at = value;

	while (*at) {
		size_t n = strspn(at, "FZPUfzpu-");

		if (at[n] && !strchr(",;", at[n]))
			return bad(b, "letters F (checks), Z (red zones), P "
				      "(poison), U (users); then ,CACHE");
		at += n + strcspn(at + n, ";");
		at += *at == ';';
	}
	if (!*value || strlen(value) >= sizeof(b->cfg.slub_debug))
		return bad(b, "from 1 to 63 characters");
	strcpy(b->cfg.slub_debug, value);
	return 0;
}

static int set_thp(struct boot *b, const char *value)
{
	static const char *const words[] = { "always", "madvise", "never" };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(value, words[i]) == 0) {
			b->cfg.thp = i;
			return 0;
		}
	return bad(b, "always, madvise or never");
}

static int set_hugepages(struct boot *b, const char *value)
{
	return get_number(b, value, 0, 1 << 18, "from 0 to 262144",
			  &b->cfg.hugepages);
}

/* The size that follows is the default one: there is no other. */
static int set_hugepagesz(struct boot *b, const char *value)
{
	bool four = b->cfg.arch && b->cfg.arch->mode == PAGING_32;
	uint64_t size = 0;

	if (get_number(b, value, 0, GiB, "2M, on i386 4M", &size) < 0)
		return -1;
	return size == (four ? 4 : 2) * MiB ? 0 : bad(b, "2M, on i386 4M");
}

static const struct boot_key {
	const char *name;
	int (*set)(struct boot *b, const char *value);
	size_t flag;		/* of a bool in struct kernel_config, if !set */
	bool kernel;		/* means nothing on a bare machine */
} boot_keys[] = {
	{ "ram", set_ram, 0, false },
	{ "e820", set_e820, 0, false },
	{ "dmesg", set_dmesg, 0, true },
	{ "mem", set_mem, 0, false },
	{ "memmap", set_mem, 0, false },
	{ "memory", set_memory, 0, true },
	{ "image", set_image, 0, true },
	{ "reserved", set_reserved, 0, true },
	{ "alternatives", set_alternatives, 0, true },
	{ "init", set_init, 0, true },
	{ "initrd", set_initrd, 0, true },
	{ "freed", set_freed, 0, true },
	{ "managed", set_managed, 0, true },
	{ "cpus", set_cpus, 0, false },
	{ "seed", set_seed, 0, false },
	{ "tlb", set_tlb, 0, false },
	{ "vmsplit", set_vmsplit, 0, true },
	{ "layout", set_layout, 0, true },
	{ "vmalloc", set_vmalloc, 0, true },
	{ "swiotlb", set_swiotlb, 0, true },
	{ "lowmem", set_lowmem, 0, true },
	{ "highmem", set_highmem, 0, true },
	{ "la57", set_la57, 0, true },
	{ "vmalloc_fault", set_vmalloc_fault, 0, true },
	{ "slub_debug", set_slub_debug, 0, true },
	{ "transparent_hugepage", set_thp, 0, true },
	{ "hugepages", set_hugepages, 0, true },
	{ "hugepagesz", set_hugepagesz, 0, true },
	{ "kaslr", NULL, offsetof(struct kernel_config, kaslr), true },
	{ "aslr", NULL, offsetof(struct kernel_config, aslr), true },
	{ "pti", set_pti, 0, true },
	{ "pse", NULL, offsetof(struct kernel_config, pse), false },
	{ "nx", NULL, offsetof(struct kernel_config, nx), false },
	{ "pge", NULL, offsetof(struct kernel_config, pge), false },
	{ "pat", NULL, offsetof(struct kernel_config, pat), false },
	{ "gbpages", NULL, offsetof(struct kernel_config, gbpages), false },
	{ "pcid", NULL, offsetof(struct kernel_config, pcid), false },
	{ "smap", NULL, offsetof(struct kernel_config, smap), false },
	{ "pku", NULL, offsetof(struct kernel_config, pku), false },
};

const char *boot_key_name(unsigned i)
{
	return i < ARRAY_SIZE(boot_keys) ? boot_keys[i].name : NULL;
}

/* --- words --------------------------------------------------------------- */
static int unknown_key(struct boot *b, const char *key, size_t len)
{
	struct closest near;
	char buf[32];

	snprintf(buf, sizeof(buf), "%.*s", (int)len, key);
	closest_init(&near, buf);
	for (size_t i = 0; i < ARRAY_SIZE(boot_keys); i++)
		closest_try(&near, boot_keys[i].name);
	err_set(b->err, ERR_USAGE, "%s: no such key", b->word);
	if (near.best)
		err_hint(b->err, "did you mean %s=?", near.best);
	else
		err_hint(b->err, "help boot lists the keys");
	return -1;
}

int boot_word(struct boot *b, const char *word)
{
	size_t len = strcspn(word, "=");
	bool *flag;

	b->word = word;
	for (size_t i = 0; i < ARRAY_SIZE(boot_keys); i++) {
		const struct boot_key *key = &boot_keys[i];

		if (strlen(key->name) != len || memcmp(key->name, word, len))
			continue;
		if (!word[len])
			return bad(b, "not of the form key=value");
		if (key->kernel && !b->cfg.arch)
			return bad(b, "a bare machine has no kernel");
		if (key->set)
			return key->set(b, word + len + 1);
		flag = (bool *)((char *)&b->cfg + key->flag);
		return set_bool(b, word + len + 1, flag);
	}
	return unknown_key(b, word, len);
}

/* --- hints --------------------------------------------------------------- */
/* The key that took the feature @name from the machine of @s; or NULL. */
static const char *key_that_took(const struct session *s, const char *name)
{
	struct kernel_config cfg;

	if (s->k)
		kernel_config_default(&cfg, s->k->arch);
	else
		boot_bare_config(&cfg);
	for (size_t i = 0; i < ARRAY_SIZE(boot_keys); i++) {
		const struct boot_key *key = &boot_keys[i];

		if (!key->set && strcasecmp(key->name, name) == 0 &&
		    *(bool *)((char *)&cfg + key->flag))
			return key->name;
	}
	return NULL;
}

void boot_hint_feature(const struct session *s, const char *rule,
		       struct err *err)
{
	static const char lacks[] = "this CPU has no ";
	const char *at = strstr(rule, lacks), *key;
	char name[16];

	if (!at)
		return;
	at += strlen(lacks);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " "), at);
	key = key_that_took(s, name);
	if (key)
		err_hint(err, "boot %s %s=on", s->k ? s->k->arch->name : "none",
			 key);
	else
		err_hint(err, "the CPU of boot none has it");
}
