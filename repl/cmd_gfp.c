/*
 * cmd_gfp.c - gfp, zonelist: what allocation flags mean, and what zones would
 * say to a request.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/gfp_arg.h"

/* --- flags as words ----------------------------------------------------------
 */
const char *gfp_flag_name(unsigned i)
{
	return gfp_flag_names[i].name;
}

static int gfp_token(struct cmd_ctx *c, const char *at, size_t len,
		     unsigned *ret)
{
	struct closest near;
	unsigned long n;
	char word[64];
	char *end;

	snprintf(word, sizeof(word), "%.*s", (int)len, at);
	if (gfp_by_name(word, strlen(word), ret))
		return 0;
	n = strtoul(word, &end, 0);
	if (len && !*end && n < 0x1000000) {
		*ret = n;
		return 0;
	}
	err_set(c->err, ERR_USAGE, "%s: no such GFP flag", word);
	closest_init(&near, word);
	for (unsigned i = 0; gfp_flag_name(i); i++)
		closest_try(&near, gfp_flag_name(i));
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err, "GFP_KERNEL, GFP_ATOMIC, __GFP_ZERO, ..., "
				 "joined by | or a comma");
	return -1;
}

int gfp_arg(struct cmd_ctx *c, const char *word, unsigned *ret)
{
	const char *why;

	*ret = word ? 0 : GFP_KERNEL;
	while (word && *word) {
		size_t len = strcspn(word, "|,");
		unsigned bits;

		if (gfp_token(c, word, len, &bits) < 0)
			return -1;
		*ret |= bits;
		word += len + !!word[len];
	}
	why = gfp_bad(*ret);
	if (!why)
		return 0;
	err_set(c->err, ERR_USER, "%s", why);
	err_hint(c->err, gfp_zone_bad(*ret)
				 ? "GFP_ZONE_TABLE has no such row: "
				   "VM_BUG_ON in gfp_zone()"
				 : "VM_WARN_ON in gfp_migratetype()");
	return -1;
}

/* --- zones and their reasons
 * -------------------------------------------------- */
char *zone_verdict_text(const struct zone_try *t, unsigned order, char *buf,
			size_t size)
{
	switch (t->verdict) {
	case ZONE_GIVES:
		snprintf(buf, size, "gives");
		break;
	case ZONE_EMPTY:
		snprintf(buf, size, "has no pages");
		break;
	case ZONE_LOW:
		snprintf(buf, size, "%llu - %llu free, keeps %llu + %llu",
			 (unsigned long long)t->free,
			 (unsigned long long)t->unusable,
			 (unsigned long long)t->mark,
			 (unsigned long long)t->reserve);
		break;
	case ZONE_NO_BLOCK:
		snprintf(buf, size, "%llu free, no block of order %u",
			 (unsigned long long)t->free, order);
		break;
	}
	return buf;
}

int page_alloc_failure(struct cmd_ctx *c, unsigned gfp, unsigned order)
{
	struct zone_try t[MAX_NR_ZONES];
	unsigned n =
		zonelist_try(c->k, gfp, order, gfp_last_alloc_flags(gfp), t);
	char mode[160], why[80], all[160] = "";
	size_t at = 0;

	err_errno(c->err, -ENOMEM,
		  "page allocation failure: order:%u, mode:0x%x(%s)", order,
		  gfp, gfp_format(mode, sizeof(mode), gfp));
	for (unsigned i = 0; i < n && at < sizeof(all); i++)
		at += snprintf(all + at, sizeof(all) - at, "%s%s: %s",
			       i ? "; " : "", t[i].zone->name,
			       zone_verdict_text(&t[i], order, why,
						 sizeof(why)));
	err_hint(c->err, "%s", all);
	return -1;
}

/* --- zonelist
 * ------------------------------------------------------------------ */
static void emit_request(struct cmd_ctx *c, unsigned gfp, unsigned order)
{
	char mode[160];

	res_str(c->r, "gfp", "%s", gfp_format(mode, sizeof(mode), gfp));
	res_hex(c->r, "mode", "%s", gfp, 1);
	res_u64(c->r, "order", "order %s", order);
	res_str(c->r, "migratetype", "%s",
		migratetype_name[gfp_migratetype(c->k, gfp)]);
	res_line(c->r);
}

static const struct res_column zonelist_cols[] = {
	{ "zone", "zone", false },
	{ "free", "free", true },
	{ "unusable", "unusable", true },
	{ "reserve", "reserve", true },
	{ "low", "low", true },
	{ "first", "first attempt", false },
	{ "min", "min", true },
	{ "last", "last attempt", false },
	{ 0 },
};

/* What keeps a zone from giving, in a word or two: numbers stand beside it. */
static const char *const verdict_name[] = {
	[ZONE_GIVES] = "gives",
	[ZONE_EMPTY] = "empty",
	[ZONE_LOW] = "would be too low",
	[ZONE_NO_BLOCK] = "no such block",
};

static void emit_zone_try(struct cmd_ctx *c, const struct zone_try *first,
			  const struct zone_try *last)
{
	res_item(c->r, false);
	res_str(c->r, "zone", "%s", first->zone->name);
	res_u64(c->r, "free", "%s", first->zone->free);
	res_u64(c->r, "unusable", "%s", first->unusable);
	res_u64(c->r, "reserve", "%s", first->reserve);
	res_u64(c->r, "low", "%s", first->mark);
	res_str(c->r, "first", "%s", verdict_name[first->verdict]);
	res_u64(c->r, "min", "%s", last->mark);
	res_str(c->r, "last", "%s", verdict_name[last->verdict]);
	res_end(c->r);
}

static void emit_zonelist(struct cmd_ctx *c, unsigned gfp, unsigned order)
{
	struct zone_try first[MAX_NR_ZONES], last[MAX_NR_ZONES];
	unsigned n = zonelist_try(c->k, gfp, order, WMARK_LOW, first);

	zonelist_try(c->k, gfp, order, gfp_last_alloc_flags(gfp), last);
	res_table(c->r, "zones", zonelist_cols);
	for (unsigned i = 0; i < n; i++)
		emit_zone_try(c, &first[i], &last[i]);
	res_end(c->r);
}

static int zonelist_run(struct cmd_ctx *c)
{
	const struct cmd_arg *g = cmd_opt(c, 'g');
	uint64_t order = c->arg[0].set ? c->arg[0].value.n : 0;
	unsigned gfp;

	if (gfp_arg(c, g ? g->str : NULL, &gfp) < 0)
		return -1;
	if (order >= MAX_ORDER)
		return err_set(c->err, ERR_USER, "order %llu: 0 to %d",
			       (unsigned long long)order, MAX_ORDER - 1);
	emit_request(c, gfp, order);
	emit_zonelist(c, gfp, order);
	return 0;
}

const struct command cmd_zonelist = {
	.name = "zonelist",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL,
	.help = "which zones would give a block, in turn, and what each keeps",
	.details =
		"Nothing is allocated. A zone gives if it has a block of the "
		"order, and more\n"
		"free pages than its watermark and its reserve against requests "
		"that could go\n"
		"to a higher zone; unusable ones, the others of the block and "
		"what is kept for\n"
		"atomic requests, do not count. The first attempt keeps the low "
		"watermark, the\n"
		"last the minimum, less what the flags allow: __GFP_HIGH half "
		"of it,\n"
		"__GFP_ATOMIC a quarter of the rest.",
	.example = "zonelist 3 -g GFP_ATOMIC",
	.arg = { { "ORDER", ARG_NUM, .optional = true } },
	.opt = { { 'g', "gfp", ARG_WORD, "FLAGS",
		   "GFP_KERNEL (default), GFP_ATOMIC, __GFP_ZERO, ..." } },
	.run = zonelist_run,
	.word = gfp_flag_name,
};

/* --- gfp
 * -------------------------------------------------------------------------- */
/* The single bits of a composite. */
static char *gfp_bits(char *buf, size_t size, unsigned gfp)
{
	size_t at = 0;

	*buf = '\0';
	for (const struct flag_name *f = gfp_flag_names; f->name; f++) {
		if ((f->mask & (f->mask - 1)) || !(gfp & f->mask) ||
		    *f->name != '_')
			continue;
		at += snprintf(buf + at, at < size ? size - at : 0, "%s%s",
			       at ? " " : "", f->name);
	}
	return buf;
}

static void emit_gfp_zones(struct cmd_ctx *c, unsigned gfp)
{
	struct zone_try t[MAX_NR_ZONES];
	unsigned n = zonelist_try(c->k, gfp, 0, WMARK_LOW, t);

	res_list(c->r, "zones", RES_HIDDEN);
	for (unsigned i = 0; i < n; i++) {
		res_item(c->r, i + 1 == n);
		res_str(c->r, "zone", NULL, t[i].zone->name);
		res_end(c->r);
	}
	res_end(c->r);
	for (unsigned i = 0; i < n; i++)
		res_text(c->r, COL_PLAIN, i ? "~, %s" : "zones   %s",
			 t[i].zone->name);
}

/* How far down the last attempt may go. */
static const char *gfp_depth(unsigned gfp)
{
	unsigned flags = gfp_last_alloc_flags(gfp);

	if (flags & ALLOC_NO_WATERMARKS)
		return "no watermark holds it back";
	if ((flags & ALLOC_HIGH) && (flags & ALLOC_HARDER))
		return "down to 3/8 of the minimum";
	if (flags & ALLOC_HIGH)
		return "down to half of the minimum";
	if (flags & ALLOC_HARDER)
		return "down to 3/4 of the minimum";
	return "down to the minimum";
}

static int gfp_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	char text[400];
	unsigned gfp;

	if (gfp_arg(c, c->arg[0].str, &gfp) < 0)
		return -1;
	res_str(r, "gfp", "flags   %s", gfp_format(text, sizeof(text), gfp));
	res_hex(r, "mode", "%s", gfp, 1);
	res_line(r);
	res_words(r, "bits", "bits    %s", gfp_bits(text, sizeof(text), gfp));
	res_line(r);
	emit_gfp_zones(c, gfp);
	res_line(r);
	res_str(r, "migratetype", "type    %s",
		migratetype_name[gfp_migratetype(c->k, gfp)]);
	res_line(r);
	res_str(r, "last", "keeps   the low watermark at first, then %s",
		gfp_depth(gfp));
	res_line(r);
	res_bool(r, "kswapd", NULL, gfp & __GFP_KSWAPD_RECLAIM);
	res_bool(r, "waits", NULL, gfp & __GFP_DIRECT_RECLAIM);
	res_text(r, COL_PLAIN, "else    %s, %s",
		 gfp & __GFP_KSWAPD_RECLAIM ? "wakes kswapd"
					    : "leaves kswapd asleep",
		 gfp & __GFP_DIRECT_RECLAIM ? "may wait: compacts and reclaims"
					    : "cannot wait: it fails");
	return 0;
}

const struct command cmd_gfp = {
	.name = "gfp",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL,
	.help = "what allocation flags ask for: zones, migrate type, watermark",
	.details = "FLAGS are names of include/linux/gfp_types.h or numbers, "
		   "joined by | (in\n"
		   "quotes) or a comma. Two zones at once are refused, as "
		   "GFP_ZONE_TABLE has no\n"
		   "row for them.",
	.example = "gfp GFP_ATOMIC,__GFP_ZERO",
	.arg = { { "FLAGS", ARG_WORD } },
	.run = gfp_run,
	.word = gfp_flag_name,
};
