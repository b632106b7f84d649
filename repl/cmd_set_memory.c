/*
 * cmd_set_memory.c - set_memory: attributes of kernel mappings, with the
 * large pages that are split for them.
 */
#include <errno.h>
#include <string.h>

#include "kernel/set_memory.h"
#include "repl/cmd.h"

/* The function's name without "set_memory_". */
static const char *word_of(unsigned i)
{
	return i < NR_SET_MEMORY ? strrchr(set_memory_name[i], '_') + 1 : NULL;
}

static int choose(struct cmd_ctx *c, const char *word, enum set_memory *ret)
{
	for (unsigned i = 0; word_of(i); i++)
		if (!strcmp(word, word_of(i))) {
			*ret = i;
			return 0;
		}
	err_set(c->err, ERR_USAGE, "%s: no such attribute", word);
	err_hint(c->err, "ro, rw, x, nx, uc, wc, wb, np, p or nonglobal");
	return -1;
}

static void emit_flush(struct result *r, const struct set_memory_result *s,
		       uint64_t npages)
{
	res_bool(r, "flushed_all", NULL, s->flush_all || s->split);
	if (!s->changed)
		res_text(r, COL_DIM, "~, no flush");
	else if (s->flush_all)
		res_text(r, COL_PLAIN, "~, all TLBs flushed");
	else
		res_text(r, COL_PLAIN, "~, %llu x INVLPG on each CPU",
			 (unsigned long long)npages);
}

static void emit_result(struct cmd_ctx *c, const struct set_memory_result *s,
			uint64_t npages)
{
	struct result *r = c->r;

	res_u64(r, "changed",
		s->changed == 1 ? "~: %s entry changed"
				: "~: %s entries changed",
		s->changed);
	res_u64(r, "split",
		s->split == 1 ? "~, %s large page split"
		: s->split    ? "~, %s large pages split"
			      : NULL,
		s->split);
	res_u64(r, "aliases", NULL, s->aliases);
	if (s->aliases && s->changed)
		res_text(r, COL_PLAIN, "~, the other mapping too");
	emit_flush(r, s, npages);
	res_u64(r, "kept", NULL, s->kept);
	if (s->rule)
		res_str(r, "rule", "~; %s", s->rule);
}

static int set_memory_run(struct cmd_ctx *c)
{
	va_t va = c->arg[1].value.n;
	uint64_t npages = c->arg[2].set ? c->arg[2].value.n : 1;
	struct set_memory_result s;
	struct story *story;
	enum set_memory what;
	int rc;

	if (choose(c, c->arg[0].str, &what) < 0)
		return -1;
	story = story_begin_at(c->k, c->r->story);
	rc = set_memory(c->k, what, va, npages, &s);
	story_end(story, c->r);
	if (rc < 0)
		return err_errno(
			c->err, rc,
			rc == -EINVAL	? "0x%llx: not pages of kernel space"
			: rc == -EFAULT ? "0x%llx: a page is not mapped there"
					: "0x%llx: no frame for a page table",
			(unsigned long long)va);
	res_str(c->r, "func", "%s", set_memory_name[what]);
	res_va(c->r, "va", "~(%s", va & PAGE_MASK);
	res_u64(c->r, "pages", "~, %s)", npages);
	emit_result(c, &s, npages);
	return 0;
}

const struct command cmd_set_memory = {
	.name = "set_memory",
	.group = "kernel space",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "change attributes of kernel pages, splitting large ones",
	.details = "WHAT is ro, rw, x, nx, uc, wc, wb, np, p or nonglobal: "
		   "set_memory_ro() and\n"
		   "so on; p is __set_pages_p(), present and writable. A page "
		   "that shares a\n"
		   "large page with others is cut out of it: the large page "
		   "becomes a table of\n"
		   "the next smaller size, and nothing joins them again. What "
		   "else maps the\n"
		   "frames, the direct map or the kernel image, changes too, "
		   "unless only NX\n"
		   "does. Kernel text stays executable, and rodata read-only.",
	.example = "set_memory ro PAGE_OFFSET+32M",
	.arg = { { "WHAT", ARG_WORD },
		 { "VA", ARG_VA },
		 { "PAGES", ARG_SIZE, .optional = true } },
	.word = word_of,
	.run = set_memory_run,
};
