/* dialect.c - see dialect.h. */
#include "repl/dialect.h"

#include <string.h>

#include "repl/names.h"

static const struct dialect dialects[] = {
	{ "qemu-tlb", "info tlb of QEMU's monitor", qemu_tlb_dump, NULL },
	{ "qemu-mem", "info mem of QEMU's monitor", qemu_mem_dump, NULL },
};

static bool serves(const struct dialect *d, const struct command *cmd)
{
	return strcmp(cmd->name, "ptdump") == 0 ? d->dump != NULL
						: d->walk != NULL;
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

static void emit(const struct dialect *d, const struct dialect_view *v,
		 void (*lines)(const struct dialect_view *v))
{
	res_str(v->r, "format", NULL, d->name);
	res_list(v->r, "lines", RES_VERBATIM);
	lines(v);
	res_end(v->r);
}

void dialect_dump(const struct dialect *d, const struct dialect_view *v)
{
	emit(d, v, d->dump);
}

void dialect_walk(const struct dialect *d, const struct dialect_view *v)
{
	emit(d, v, d->walk);
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
