/*
 * result.c - the typed fields of a result, said in one line by handlers.
 */
#include "repl/result.h"

#include <stdarg.h>
#include <stdio.h>

#define RES_TEXT_MAX 1024	/* of one printf-like cell */

void res_object(struct result *r, const char *name)
{
	r->ops->object(r, name);
}

void res_list(struct result *r, const char *name, enum res_style style)
{
	r->ops->list(r, name, style, NULL);
}

void res_table(struct result *r, const char *name,
	       const struct res_column *cols)
{
	r->ops->list(r, name, RES_TABLE, cols);
}

void res_item(struct result *r, bool last)
{
	r->ops->item(r, last);
}

void res_end(struct result *r)
{
	r->ops->end(r);
}

uint64_t res_again(struct result *r, const struct res_number *number,
		   unsigned n, uint64_t times)
{
	const struct res_number *addr = &number[n - 1];
	uint64_t done = 0;

	if (r->ops->again)
		done = r->ops->again(r, number, n, times);
	if (done && !r->subject)
		r->last_addr = addr->value + (done - 1) * addr->step;
	return done;
}

void res_certain(struct result *r)
{
	if (r->ops->certain)
		r->ops->certain(r);
}

void res_line(struct result *r)
{
	r->ops->line(r);
}

void res_field(struct result *r, const struct res_field *f)
{
	if (f->colour == COL_ADDR && f->txt && !r->subject) {
		r->last_addr = f->u;
		r->last_addr_set = true;
		r->last_addr_pa = false;
	}
	r->ops->field(r, f);
}

static void field_u(struct result *r, const char *name, const char *txt,
		    enum res_type type, enum res_colour colour, uint64_t u,
		    unsigned digits)
{
	res_field(r, &(struct res_field){ .name = name, .txt = txt,
					  .type = type, .colour = colour,
					  .digits = digits, .u = u });
}

void res_va(struct result *r, const char *name, const char *txt, va_t va)
{
	field_u(r, name, txt, RES_HEX, COL_ADDR, va, r->va_digits);
}

void res_pa(struct result *r, const char *name, const char *txt, pa_t pa)
{
	field_u(r, name, txt, RES_HEX, COL_ADDR, pa, r->pa_digits);
	if (txt && !r->subject)
		r->last_addr_pa = true;
}

void res_subject(struct result *r, va_t va)
{
	r->last_addr = va;
	r->last_addr_set = true;
	r->last_addr_pa = false;
	r->subject = true;
}

void res_pfn(struct result *r, const char *name, const char *txt, pfn_t pfn)
{
	field_u(r, name, txt, RES_HEX, COL_PLAIN, pfn, 0);
}

void res_entry(struct result *r, const char *name, const char *txt, uint64_t e)
{
	field_u(r, name, txt, RES_HEX, COL_ENTRY, e, r->entry_digits);
}

void res_hex(struct result *r, const char *name, const char *txt, uint64_t v,
	     unsigned digits)
{
	field_u(r, name, txt, RES_HEX, COL_PLAIN, v, digits);
}

void res_u64(struct result *r, const char *name, const char *txt, uint64_t v)
{
	field_u(r, name, txt, RES_U64, COL_PLAIN, v, 0);
}

void res_i64(struct result *r, const char *name, const char *txt, int64_t v)
{
	field_u(r, name, txt, RES_I64, COL_PLAIN, (uint64_t)v, 0);
}

void res_size(struct result *r, const char *name, const char *txt, uint64_t v)
{
	field_u(r, name, txt, RES_SIZE, COL_PLAIN, v, 0);
}

void res_bool(struct result *r, const char *name, const char *txt, bool v)
{
	field_u(r, name, txt, RES_BOOL, COL_PLAIN, v, 0);
}

static void field_str(struct result *r, const char *name, const char *txt,
		      enum res_type type, enum res_colour colour, const char *v)
{
	res_field(r, &(struct res_field){ .name = name, .txt = txt,
					  .type = type, .colour = colour,
					  .str = v });
}

void res_str(struct result *r, const char *name, const char *txt, const char *v)
{
	field_str(r, name, txt, RES_STR, COL_PLAIN, v);
}

void res_name(struct result *r, const char *name, const char *txt,
	      const char *v)
{
	field_str(r, name, txt, RES_STR, COL_NAME, v);
}

void res_flags(struct result *r, const char *name, const char *txt,
	       const char *v)
{
	field_str(r, name, txt, RES_FLAGS, COL_PLAIN, v);
}

void res_words(struct result *r, const char *name, const char *txt,
	       const char *v)
{
	field_str(r, name, txt, RES_WORDS, COL_PLAIN, v);
}

void res_text(struct result *r, enum res_colour colour, const char *fmt, ...)
{
	char buf[RES_TEXT_MAX];
	bool glue;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	glue = buf[0] == '~';
	field_str(r, NULL, glue ? "~%s" : "%s", RES_STR, colour, buf + glue);
}

void res_blank(struct result *r)
{
	field_str(r, NULL, "%s", RES_STR, COL_PLAIN, "\n");
}

void res_strf(struct result *r, const char *name, const char *txt,
	      const char *fmt, ...)
{
	char buf[RES_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	field_str(r, name, txt, RES_STR, COL_PLAIN, buf);
}

void res_verbatim(struct result *r, const char *fmt, ...)
{
	char buf[RES_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	res_item(r, false);
	res_str(r, "line", "%s", buf);
	res_end(r);
}
