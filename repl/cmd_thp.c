/*
 * cmd_thp.c - transparent huge pages: thp, collapse, khugepaged,
 * split_huge_pages, prctl.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kernel/huge_mm.h"
#include "kernel/mman.h"
#include "repl/parameter.h"
#include "repl/syscall.h"

/* --- thp ------------------------------------------------------------------ */

static bool get(const struct kernel *k, unsigned i, struct parameter *ret)
{
	const struct thp_attr *a = &thp_attrs[i];

	if (!a->name)
		return false;
	*ret = (struct parameter){ .name = a->name, .help = a->help };
	thp_attr_show(k, a, ret->text, sizeof(ret->text));
	return true;
}

static const struct parameter_set attrs = {
	.list = "thp",
	.none = "no such file of /sys/kernel/mm/transparent_hugepage",
	.dir = '/',
	.get = get,
};

static int thp_refused(struct cmd_ctx *c, const struct thp_attr *a,
		       const char *value, int rc)
{
	char text[80];

	err_errno(c->err, rc, "%s = %s", a->name, value);
	if (rc == -EINVAL && a->words)
		err_hint(c->err, "it is one of: %s",
			 thp_attr_show(c->k, a, text, sizeof(text)));
	else if (rc == -EINVAL)
		err_hint(c->err, strstr(a->name, "max_ptes")
					 ? "at most the small pages of a large "
					   "one, less 1"
					 : "0 or 1");
	return -1;
}

static int thp_set(struct cmd_ctx *c, const char *word, const char *value)
{
	size_t len = value - word - 1;
	int rc;

	for (const struct thp_attr *a = thp_attrs; a->name; a++) {
		if (strlen(a->name) != len || strncmp(a->name, word, len))
			continue;
		rc = thp_attr_store(c->k, a, value);
		if (rc < 0)
			return thp_refused(c, a, value, rc);
		parameter_show(c, &attrs, a - thp_attrs);
		return 0;
	}
	return parameter_unknown(c, &attrs, word, len);
}

static int thp_run(struct cmd_ctx *c)
{
	const char *word = c->arg[0].set ? c->arg[0].str : "";
	const char *eq = strchr(word, '=');

	return eq ? thp_set(c, word, eq + 1) : parameter_list(c, &attrs, word);
}

static const char *thp_word(unsigned i)
{
	return thp_attrs[i].name;
}

const struct command cmd_thp = {
	.name = "thp",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set the switches of transparent huge pages",
	.details = "The files of /sys/kernel/mm/transparent_hugepage. Which "
		   "areas\n"
		   "get large pages at a fault: all (always), those of\n"
		   "madvise HUGEPAGE (madvise), or none (never).",
	.example = "thp enabled=always",
	.arg = { { "NAME[=VALUE]", ARG_WORD, .optional = true } },
	.run = thp_run,
	.word = thp_word,
};

/* --- collapse, khugepaged ------------------------------------------------- */

static int collapse_failed(struct cmd_ctx *c, int rc, va_t va, uint64_t len)
{
	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)len);
	if (rc == -EINVAL)
		err_hint(c->err,
			 "a range of small, private pages is needed, "
			 "with room for a large one and one of them writable");
	else if (rc == -EAGAIN)
		err_hint(c->err, "somebody else holds a reference to a page");
	return -1;
}

static int collapse_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "madvise", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	syscall_flags(&sc, "advice", syscall_madvise, LX_MADV_COLLAPSE);
	syscall_range(&sc, va, len);
	rc = do_madvise(c->k, task->mm, va, len, LX_MADV_COLLAPSE);
	syscall_end(&sc, rc);
	return rc < 0 ? collapse_failed(c, rc, va, len) : 0;
}

const struct command cmd_collapse = {
	.name = "collapse",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "make large pages of the small ones at VA",
	.details = "madvise(MADV_COLLAPSE): pages are copied into a new large "
		   "one,\n"
		   "holes are zeroed; whatever `thp enabled' says.",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.run = collapse_run,
};

static int khugepaged_run(struct cmd_ctx *c)
{
	struct task_struct *t;
	struct story *story = story_begin(c->k);
	unsigned n = 0;

	TAILQ_FOREACH (t, &c->k->tasks, link)
		if (t->mm && t->mm->owner == t)
			n += khugepaged_scan_mm(c->k, t->mm);
	story_end(story, c->r);
	res_line(c->r);
	res_u64(c->r, "collapsed",
		n == 1 ? "%s large page made" : "%s large pages made", n);
	return 0;
}

const struct command cmd_khugepaged = {
	.name = "khugepaged",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "one scan of khugepaged through all processes",
	.details =
		"It collapses what `collapse' would, but only in areas that\n"
		"get large pages at a fault too, and by the limits that\n"
		"`thp khugepaged' shows.",
	.example = "khugepaged",
	.run = khugepaged_run,
};

/* --- split_huge_pages ------------------------------------------------------
 */

static int split_one(struct cmd_ctx *c, pfn_t pfn)
{
	struct page *page;
	struct story *story;
	int rc;

	if (!pfn_valid(c->k, pfn))
		return err_set(c->err, ERR_USER, "pfn 0x%llx: no RAM",
			       (unsigned long long)pfn);
	page = compound_head(c->k, pfn_to_page(c->k, pfn));
	if (!page_compound(page))
		return err_set(c->err, ERR_USER, "pfn 0x%llx: no large page",
			       (unsigned long long)pfn);
	story = story_begin(c->k);
	rc = split_huge_page(c->k, page, 0);
	story_end(story, c->r);
	if (rc < 0)
		return err_errno(c->err, rc, "pfn 0x%llx",
				 (unsigned long long)pfn);
	return 0;
}

static int split_huge_pages_run(struct cmd_ctx *c)
{
	struct story *story;
	unsigned n;
	pfn_t pfn;

	if (c->arg[0].set)
		return cmd_value_pfn(c, &c->arg[0].value, &pfn) < 0
			       ? -1
			       : split_one(c, pfn);
	story = story_begin(c->k);
	n = deferred_split_scan(c->k);
	story_end(story, c->r);
	res_line(c->r);
	res_u64(c->r, "split",
		n == 1 ? "%s large page split" : "%s large pages split", n);
	return 0;
}

const struct command cmd_split_huge_pages = {
	.name = "split_huge_pages",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "split a large page into single frames",
	.details = "The one that X (pfn:0x2a11, va:0x200000, ...) is part of. "
		   "Alone: those of which\n"
		   "nobody maps a part any more, as when memory runs short;\n"
		   "the frames that are free then are given back.",
	.example = "split_huge_pages",
	.arg = { { "X", ARG_ADDR, .optional = true } },
	.run = split_huge_pages_run,
};

/* --- prctl ------------------------------------------------------------------
 */

static int prctl_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const char *name = c->arg[0].str;

	if (!task)
		return -1;
	if (!strncasecmp(name, "PR_SET_", 7))
		name += 7;
	if (strcasecmp(name, "THP_DISABLE"))
		return err_set(c->err, ERR_USER, "%s: only THP_DISABLE",
			       c->arg[0].str);
	if (c->arg[1].set)
		task->mm->thp_disable = c->arg[1].value.n != 0;
	res_line(c->r);
	res_u64(c->r, "thp_disable", "THP_DISABLE %s", task->mm->thp_disable);
	return 0;
}

const struct command cmd_prctl = {
	.name = "prctl",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set an attribute of the process: THP_DISABLE",
	.details = "PR_SET_THP_DISABLE: no large pages for this process, "
		   "whatever\n"
		   "its areas ask for. Children have it too.",
	.example = "prctl THP_DISABLE 1",
	.arg = { { "NAME", ARG_WORD }, { "VALUE", ARG_NUM, .optional = true } },
	.run = prctl_run,
};
