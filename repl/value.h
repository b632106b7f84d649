/*
 * value.h - typed numbers and the expressions that give them.
 *
 * Expressions follow C: 0x.., decimal, 4K 2M 1G, + - * / % & | ^ << >> ~ ( ),
 * names (PAGE_OFFSET, heap, text), $name, $_, casts `pa:0x1000`, and the
 * conversions of convert.h. A value carries a type: adding a
 * plain number keeps the type, the difference of two addresses of one type is
 * plain, mixing types is an error that says what was probably meant.
 */
#ifndef REPL_VALUE_H
#define REPL_VALUE_H

#include "machine/types.h"
#include "repl/err.h"

struct session;

enum vtype { V_PLAIN, V_VA, V_PA, V_PFN, V_PAGE, V_NTYPES };
extern const char *const vtype_name[V_NTYPES];	/* "plain", "va", "pa", .. */

/* Of V_PFN and V_PAGE, a struct page *, n is the frame number. */
struct value { enum vtype type; uint64_t n; };

/*
 * Evaluates all of @text. On error returns -1 and err->col is the offset
 * within @text.
 */
int expr_eval(struct session *s, const char *text, struct value *ret,
	      struct err *err);
/* The same; errors say "TEXT: not @what" ("an address"). */
int expr_eval_as(struct session *s, const char *text, const char *what,
		 struct value *ret, struct err *err);
/* "pa:0x1000"; plain numbers without a type. Returns @buf. */
char *value_format(char *buf, size_t size, struct value v);
/*
 * Names that expressions know now, for completion: the @i-th, NULL past the
 * end, "" for one that this machine does not have.
 */
const char *expr_name(struct session *s, unsigned i);

#endif
