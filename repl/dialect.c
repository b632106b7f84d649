/* dialect.c - see dialect.h. */
#include "repl/dialect.h"

#include <string.h>

#include "repl/names.h"

#define UP_TO_4 (1U << PAGING_32 | 1U << PAGING_PAE | 1U << PAGING_4LEVEL)
#define PAGED	(UP_TO_4 | 1U << PAGING_5LEVEL)
#define OFF	(1U << PAGING_OFF)

static const struct dialect dialects[] = {
	{ "qemu-tlb", "QEMU's info tlb", PAGED | OFF, qemu_tlb_dump, NULL },
	{ "qemu-mem", "QEMU's info mem", PAGED | OFF, qemu_mem_dump, NULL },
	{ "info-pg", "info pg", UP_TO_4 | OFF, info_pg_dump, NULL },
	{ "ptdump", "Linux", PAGED, linux_ptdump_dump, NULL },
	{ "pt-dump", "gdb-pt-dump", PAGED, pt_dump_dump, pt_dump_walk },
	{ "crash", "crash", PAGED, crash_dump, crash_walk },
	{ "windbg", "WinDbg", UP_TO_4, windbg_dump, windbg_walk },
	{ "bochs", "Bochs", PAGED | OFF, bochs_dump, bochs_walk },
};

static bool is_dump(const struct command *cmd)
{
	return strcmp(cmd->name, "ptdump") == 0;
}

static bool serves(const struct dialect *d, const struct command *cmd)
{
	return is_dump(cmd) ? d->dump != NULL : d->walk != NULL;
}

const struct dialect *dialect_of(const struct command *cmd, unsigned i)
{
	for (size_t j = 0; j < ARRAY_SIZE(dialects); j++)
		if (serves(&dialects[j], cmd) && i-- == 0)
			return &dialects[j];
	return NULL;
}

static void unknown(const struct command *cmd, const char *name,
		    struct err *err)
{
	const char *names[ARRAY_SIZE(dialects) + 1] = { NULL };
	const char *near;
	char all[128] = "";

	for (unsigned i = 0; dialect_of(cmd, i); i++) {
		names[i] = dialect_of(cmd, i)->name;
		strcat(all, i ? ", " : "");
		strcat(all, names[i]);
	}
	near = closest_name(name, names);
	err_set(err, ERR_USAGE, "%s: no such format", name);
	if (near)
		err_hint(err, "did you mean %s?", near);
	else
		err_hint(err, "%s", all);
}

const struct dialect *dialect_find(const struct command *cmd, const char *name,
				   struct err *err)
{
	const struct dialect *d;

	for (unsigned i = 0; (d = dialect_of(cmd, i)); i++)
		if (strcmp(d->name, name) == 0)
			return d;
	unknown(cmd, name, err);
	return NULL;
}

int dialect_emit(const struct dialect *d, const struct command *cmd,
		 const struct dialect_view *v, struct err *err)
{
	const struct paging_mode *mode = v->mmu->mode;

	if (!(d->modes & 1U << mode->id))
		return err_set(err, ERR_USER, "--as %s: %s knows no %s%s",
			       d->name, d->tool,
			       mode->nlevels ? mode->name : "machine with",
			       mode->nlevels ? " paging" : " paging off");
	res_str(v->r, "format", NULL, d->name);
	res_list(v->r, "lines", RES_VERBATIM);
	if (is_dump(cmd))
		d->dump(v);
	else
		d->walk(v);
	res_end(v->r);
	return 0;
}

void dialect_each_page(const struct dialect_view *v, uint64_t addr_mask,
		       void (*page)(const struct dialect_view *v))
{
	struct rawpt_tables t = { v->mmu, v->ram, addr_mask, 0 };
	struct dialect_view one = *v;
	bool first = true;
	struct rawpt it;

	for (rawpt_start(&it, &t, v->from, v->last); it.valid;
	     rawpt_next(&it)) {
		if (!it.leaf)
			continue;
		if (!first)
			res_verbatim(v->r, "%s", "");
		first = false;
		one.from = rawpt_va(&it) > v->from ? rawpt_va(&it) : v->from;
		one.last = one.from;
		page(&one);
	}
}

char *dialect_letters(char *buf, const struct dialect_letter *letter,
		      uint64_t entry)
{
	char *s = buf;

	for (; letter->mask; letter++)
		*s++ = entry & letter->mask ? letter->set : letter->clear;
	*s = 0;
	return buf;
}
