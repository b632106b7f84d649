/*
 * cmd_mincore.c - mincore: a picture of which pages are resident.
 *
 *	0x00007ffff7fe9000  ##++++++++++++..................................
 *
 * A glyph is a page, a row 64 of them. Runs of whole rows that look alike
 * become one line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mman.h"
#include "repl/cmd.h"

#define ROW	  64	       /* pages */
#define MAX_PAGES (1ULL << 24) /* 64 GiB of address space */

static const struct {
	char glyph;
	enum res_colour colour;
	const char *name, *text;
} states[NR_MINCORE_STATES] = {
	[MINCORE_ABSENT] = { '.', COL_DIM, "absent", "not in RAM" },
	[MINCORE_CACHED] = { '+', COL_CYAN, "cached",
			     "in the page cache, not mapped here" },
	[MINCORE_SWAPCACHE] = { 's', COL_YELLOW, "swapcache",
				"swapped, in the swap cache" },
	[MINCORE_MAPPED] = { '#', COL_GREEN, "mapped", "in RAM and mapped" },
	[MINCORE_SPECIAL] = { 'k', COL_MAGENTA, "special",
			      "of the kernel: it says resident" },
};

static uint64_t run_length(const uint8_t *vec, uint64_t n)
{
	uint64_t i = 1;

	while (i < n && vec[i] == vec[0])
		i++;
	return i;
}

static void emit_glyphs(struct result *r, const uint8_t *vec, uint64_t n)
{
	char text[ROW + 2];

	for (uint64_t i = 0, len; i < n; i += len) {
		len = run_length(vec + i, n - i);
		text[0] = '~';
		memset(text + 1, states[vec[i]].glyph, len);
		text[len + 1] = '\0';
		res_text(r, states[vec[i]].colour, "%s", i ? text : text + 1);
	}
}

/* One line: a row, or as many equal pages as fill at least two. */
static uint64_t emit_row(struct result *r, va_t va, const uint8_t *vec,
			 uint64_t n)
{
	uint64_t same = run_length(vec, n);
	uint64_t len = n < ROW ? n : ROW;
	bool many = same >= 2 * ROW;

	if (many)
		len = same / ROW * ROW;
	res_item(r, false);
	res_va(r, NULL, "%s", va);
	emit_glyphs(r, vec, many ? 8 : len);
	if (many)
		res_size(r, NULL, "~ %s of these", len << PAGE_SHIFT);
	res_end(r);
	return len;
}

static void emit_picture(struct result *r, va_t va, const uint8_t *vec,
			 uint64_t n)
{
	res_list(r, NULL, RES_LINES);
	for (uint64_t i = 0; i < n;)
		i += emit_row(r, va + (i << PAGE_SHIFT), vec + i, n - i);
	res_end(r);
}

/* For data: runs of equal pages. */
static void emit_runs(struct result *r, va_t va, const uint8_t *vec, uint64_t n)
{
	res_list(r, "runs", RES_HIDDEN);
	for (uint64_t i = 0, len; i < n; i += len) {
		len = run_length(vec + i, n - i);
		res_item(r, false);
		res_va(r, "va", NULL, va + (i << PAGE_SHIFT));
		res_u64(r, "pages", NULL, len);
		res_str(r, "state", NULL, states[vec[i]].name);
		res_bool(r, "resident", NULL, vec[i] != MINCORE_ABSENT);
		res_end(r);
	}
	res_end(r);
}

static void emit_counts(struct result *r, const uint8_t *vec, uint64_t n)
{
	static const struct res_column cols[] = {
		{ "glyph", "", false },		{ "state", "state", false },
		{ "pages", "pages", true },	{ "size", "size", true },
		{ "mincore", "mincore", true }, { 0 },
	};
	uint64_t count[NR_MINCORE_STATES] = { 0 };

	for (uint64_t i = 0; i < n; i++)
		count[vec[i]]++;
	res_table(r, "counts", cols);
	for (unsigned i = NR_MINCORE_STATES; i-- > 0;) {
		char glyph[2] = { states[i].glyph, 0 };

		if (!count[i])
			continue;
		res_item(r, false);
		res_str(r, "glyph", "%s", glyph);
		res_str(r, "state", "%s", states[i].text);
		res_u64(r, "pages", "%s", count[i]);
		res_size(r, "size", "%s", count[i] << PAGE_SHIFT);
		res_u64(r, "mincore", "%s", i != MINCORE_ABSENT);
		res_end(r);
	}
	res_end(r);
}

static int mincore_failed(struct cmd_ctx *c, int rc)
{
	va_t va = c->arg[0].value.n;

	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)c->arg[1].value.n);
	if (rc == -EINVAL)
		err_hint(c->err, "0x%llx is not aligned to 4K",
			 (unsigned long long)va);
	else if (rc == -ENOMEM)
		err_hint(c->err, "there is a hole: see maps");
	return -1;
}

static int mincore_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	uint64_t n = (len + PAGE_SIZE - 1) >> PAGE_SHIFT;
	uint8_t *vec;
	int rc;

	if (!task)
		return -1;
	if (n > MAX_PAGES)
		return mincore_failed(c, -ENOMEM);
	vec = calloc(n + 1, 1);
	if (!vec)
		abort();
	rc = mincore_states(c->k, task->mm, va, len, vec);
	if (!rc && n) {
		emit_picture(c->r, va, vec, n);
		emit_runs(c->r, va, vec, n);
		emit_counts(c->r, vec, n);
	}
	free(vec);
	return rc < 0 ? mincore_failed(c, rc) : 0;
}

const struct command cmd_mincore = {
	.name = "mincore",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "which of LEN bytes at VA are in RAM",
	.details = "mincore(2), drawn: a glyph is a page, a row 64. Of "
		   "anonymous memory a page\n"
		   "is resident if an entry maps it, the zero page too; of a "
		   "file also if only\n"
		   "the page cache has it.",
	.example = "mincore heap 132K",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = mincore_run,
};
