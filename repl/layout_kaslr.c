/*
 * layout_kaslr.c - the table of what KASLR moved, below the picture.
 */
#include "repl/layout_view.h"
#include "repl/out.h"

static const struct res_column kaslr_cols[] = {
	{ "what", "KASLR moved", false },
	{ "base", "to", false },
	{ "by", "by", true },
	{ "granule", "in steps of", true },
	{ "positions", "one of", true },
	{ "bits", "bits", true },
	{ 0 },
};

/* KASLR packs the regions: one may even move down. */
static void emit_distance(struct result *r, int64_t by)
{
	char buf[SIZE_FORMAT_MAX];
	struct res_field f = {
		.name = "moved",
		.txt = NULL,
		.type = RES_I64,
		.u = by,
	};

	res_field(r, &f);
	res_strf(r, "by", "%s", "%c%s", by < 0 ? '-' : '+',
		 size_format(buf, by < 0 ? -(uint64_t)by : (uint64_t)by));
}

/* Binary logarithm of @n: a bit at a time, the fraction by squaring. */
static double bits_of(uint64_t n)
{
	double x = n, bits = 0;

	for (; x >= 2; x /= 2)
		bits++;
	for (double add = 0.5; add > 0.001; add /= 2) {
		x *= x;
		if (x < 2)
			continue;
		x /= 2;
		bits += add;
	}
	return bits;
}

void layout_emit_kaslr(struct result *r, const struct layout *l,
		       unsigned digits)
{
	res_blank(r);
	res_table(r, "kaslr", kaslr_cols);
	for (unsigned i = 0; i < l->nmoves; i++) {
		const struct kaslr_move *m = &l->move[i];

		res_item(r, false);
		res_str(r, "what", "%s", m->what);
		if (m->physical)
			res_pa(r, "base", "%s", m->base);
		else
			res_hex(r, "base", "%s", m->base, digits);
		emit_distance(r, m->base - m->from);
		res_size(r, "granule", "%s", m->granule);
		res_u64(r, "positions", "%s", m->positions);
		res_strf(r, "bits", "%s", "%.1f", bits_of(m->positions));
		res_end(r);
	}
	res_end(r);
}
