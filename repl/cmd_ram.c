/*
 * cmd_ram.c - ram: what every frame of physical memory is used for, as a map.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "repl/frame_map.h"
#include "repl/names.h"

static const char where[] =
	"a zone, or a range: 16M-32M, pfn:0x100-pfn:0x200";

/* --- what to show ----------------------------------------------------------
 */
static bool zone_arg(struct cmd_ctx *c, const char *word, struct frame_map *m)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &c->k->zone[i];

		if (!z->name || strcasecmp(word, z->name) ||
		    z->start_pfn == z->end_pfn)
			continue;
		m->start = z->start_pfn;
		m->end = z->end_pfn;
		return true;
	}
	return false;
}

/* One end of a range as a frame; a plain number is a physical address. */
static int frame_end(struct cmd_ctx *c, const char *text, pfn_t *ret, bool end)
{
	struct value v;

	if (expr_eval_as(c->s, text, "a frame", &v, c->err) < 0) {
		err_hint(c->err, "%s", where);
		return -1;
	}
	if (v.type == V_PLAIN || v.type == V_PA) {
		*ret = (end ? PAGE_ALIGN(v.n) : v.n) >> PAGE_SHIFT;
		return 0;
	}
	if (v.type == V_VA && end)
		v.n--;
	if (cmd_value_pfn(c, &v, ret) < 0)
		return -1;
	*ret += v.type == V_VA && end;
	return 0;
}

/* The last operator of a range, or NULL. */
static const char *find_operator(const char *word)
{
	const char *op = strpbrk(word + 1, "-+"), *next = op;

	while (next) {
		op = next;
		next = strpbrk(op + 1, "-+");
	}
	return op;
}

/* START-END (end exclusive), START+LENGTH, or one frame. */
static int range_arg(struct cmd_ctx *c, const char *word, struct frame_map *m)
{
	const char *op = find_operator(word);
	char *left = strndup(word, op ? (size_t)(op - word) : strlen(word));
	struct value len;
	int rc;

	if (!left)
		abort();
	rc = frame_end(c, left, &m->start, false);
	free(left);
	if (rc < 0)
		return -1;
	m->end = m->start + 1;
	if (op && *op == '-')
		return frame_end(c, op + 1, &m->end, true);
	if (!op)
		return 0;
	if (expr_eval_as(c->s, op + 1, "a length", &len, c->err) < 0)
		return -1;
	m->end = m->start + (PAGE_ALIGN(len.n) >> PAGE_SHIFT);
	return 0;
}

static int where_arg(struct cmd_ctx *c, struct frame_map *m)
{
	const char *word = c->arg[0].str;

	m->start = 0;
	m->end = c->k->max_pfn;
	if (!c->arg[0].set || zone_arg(c, word, m))
		return 0;
	if (range_arg(c, word, m) < 0)
		return -1;
	if (m->end > c->k->max_pfn)
		m->end = c->k->max_pfn;
	if (m->start < m->end)
		return 0;
	err_set(c->err, ERR_USER, "%s: no frames", word);
	err_hint(c->err, "%s", where);
	return -1;
}

static int order_arg(struct cmd_ctx *c, struct frame_map *m)
{
	const struct cmd_arg *n = cmd_opt(c, 'n');

	if (!n)
		return 0;
	if (n->value.n > MAP_MAX_ORDER)
		return err_set(c->err, ERR_USER, "-n %llu: 0 to %d",
			       (unsigned long long)n->value.n, MAP_MAX_ORDER);
	m->order = n->value.n;
	return 0;
}

static void name_tasks(struct frame_map *m)
{
	const struct task_struct *t;

	TAILQ_FOREACH (t, &m->k->tasks, link)
		if (m->ntasks < MAP_TASKS)
			m->task[m->ntasks++] = t->pid;
}

/* --- the result ------------------------------------------------------------
 */
static const struct res_column legend_cols[] = {
	{ "glyph", "", false },
	{ "owner", "owner", false },
	{ "frames", "frames", true },
	{ "bytes", "size", true },
	{ "reclaim", "when memory runs short", false },
	{ 0 },
};

static const char *reclaim_name(unsigned key)
{
	static const char *const name[] = {
		[RECLAIM_NONE] = "",
		[RECLAIM_NEVER] = "stays",
		[RECLAIM_SWAP] = "swapped",
		[RECLAIM_DROP] = "dropped, or written back",
	};

	if (key == FRAME_SHARED)
		return "as anon or page cache";
	return key < NR_FRAME_USES ? name[frame_use_info[key].reclaim] : "";
}

static void emit_legend(struct frame_map *m, struct result *r)
{
	char buf[64], glyph[2] = "";

	res_table(r, "owners", legend_cols);
	for (unsigned i = 0; i < NR_MAP_KEYS; i++) {
		if (!m->frames[i])
			continue;
		*glyph = map_glyph(i);
		res_item(r, false);
		res_str(r, "glyph", "%s", glyph);
		res_str(r, "owner", "%s", map_name(m, i, buf, sizeof(buf)));
		res_u64(r, "frames", "%s", m->frames[i]);
		res_size(r, "bytes", "%s", m->frames[i] << PAGE_SHIFT);
		res_str(r, "reclaim", "%s", reclaim_name(i));
		res_end(r);
	}
	res_end(r);
}

static const char *const change_name[] = { NULL, "taken", "freed", "changed" };

/* Data: the map itself. */
static void emit_runs(struct frame_map *m, struct result *r)
{
	char buf[64];

	res_list(r, "runs", RES_HIDDEN);
	for (pfn_t pfn = m->start; pfn < m->end;) {
		struct map_run run = map_run_at(m, pfn, m->end);

		res_item(r, false);
		res_pfn(r, "start", NULL, run.start);
		res_pfn(r, "end", NULL, run.end);
		res_str(r, "owner", NULL,
			map_name(m, run.key, buf, sizeof(buf)));
		if (run.change)
			res_str(r, "change", NULL, change_name[run.change]);
		res_end(r);
		pfn = run.end;
	}
	res_end(r);
}

static void emit_changes(struct frame_map *m, struct result *r)
{
	const uint64_t *n = m->changes;

	if (n[FRAME_TAKEN] || n[FRAME_FREED] || n[FRAME_CHANGED])
		res_text(r, COL_PLAIN, "last command:");
	res_u64(r, "taken", n[FRAME_TAKEN] ? "%s taken (+)" : NULL,
		n[FRAME_TAKEN]);
	res_u64(r, "freed", n[FRAME_FREED] ? "%s freed (-)" : NULL,
		n[FRAME_FREED]);
	res_u64(r, "changed", n[FRAME_CHANGED] ? "%s changed (*)" : NULL,
		n[FRAME_CHANGED]);
	res_line(r);
}

static void emit_scale(struct frame_map *m, struct result *r)
{
	uint64_t frames = 1ULL << m->order;

	res_size(r, NULL, "a glyph is %s", frames << PAGE_SHIFT);
	res_u64(r, "frames_per_glyph",
		frames == 1 ? "~, one frame" : "~, %s frames", frames);
	res_size(r, NULL, "~; a row is %s", MAP_ROW * frames << PAGE_SHIFT);
	if (frames > 1)
		res_text(r, COL_DIM,
			 "small letters: less than half of it in use");
	res_line(r);
}

static int ram_run(struct cmd_ctx *c)
{
	struct frame_map m = { .k = c->k };

	if (where_arg(c, &m) < 0)
		return -1;
	m.owners = cmd_opt(c, 'o') != NULL;
	if (cmd_opt(c, 'p'))
		m.pid = cmd_opt(c, 'p')->value.n;
	name_tasks(&m);
	map_count(&m);
	if (order_arg(c, &m) < 0)
		return -1;
	emit_scale(&m, c->r);
	map_emit_rows(&m, c->r);
	emit_changes(&m, c->r);
	emit_legend(&m, c->r);
	if (c->r != c->s->text)
		emit_runs(&m, c->r);
	c->r->last_addr_set = false; /* a row's address is nobody's subject */
	return 0;
}

const struct command cmd_ram = {
	.name = "ram",
	.group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "a map of all frames: who uses them",
	.details =
		"Each glyph is a frame, or a block of frames and shows who "
		"uses most of what is\n"
		"in use there. WHERE is a zone (Normal) or a range of physical "
		"addresses,\n"
		"frames or kernel addresses: 16M-32M, 0+1M, "
		"pfn:0x100-pfn:0x200. Below a row\n"
		"stands what the last command that can change something did: + "
		"frames that it\n"
		"took, - that it freed, * that more or fewer map than before, or slabs that it\n"
	"took objects from or gave them back to.",
	.example = "ram DMA",
	.arg = { { "WHERE", ARG_WORD, .optional = true } },
	.opt = { { 'n', "order", ARG_NUM, "N", "2^N frames a glyph" },
		 { 'o', "owner", ARG_FLAG, NULL,
		   "give each process its own glyph" },
		 { 'p', "pid", ARG_PID, "PID", "only the frames of PID" } },
	.run = ram_run,
};
