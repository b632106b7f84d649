/*
 * convert.h - the kernel's conversions between addresses, frames and struct
 * pages, as functions of expressions and as commands: one table for both.
 *
 * An expression refuses what a kernel would get wrong; a command shows it.
 */
#ifndef REPL_CONVERT_H
#define REPL_CONVERT_H

#include "kernel/convert.h"
#include "repl/value.h"

enum convert_via {
	VIA_ARITHMETIC, /* __pa, __va, mem_map + pfn: pure arithmetic */
	VIA_SYMBOL,	/* __pa_symbol */
	VIA_TABLES,	/* the kernel's page tables are read */
	VIA_VMALLOC,	/* the same, vmalloc and module addresses only */
	VIA_KMAP,	/* page_address(): NULL without a mapping */
	VIA_VALID,	/* virt_addr_valid, pfn_valid: a truth */
};

struct func {
	const char *name;
	int (*conv)(struct session *s, const struct func *f, struct value v,
		    struct value *ret, struct err *err);
	enum vtype from, to;
	enum convert_via via;
};

/* By name (of @len characters), or NULL. */
const struct func *func_find(const char *name, size_t len);
/* The @i-th name of one, for completion; NULL past the end. */
const char *func_name(unsigned i);

struct converted {
	struct value in, out; /* typed as the function has it */
	pa_t pa;	      /* physical address on the way */
	enum convert_why why; /* CONVERT_OK, or out is wrong */
	const char *debug;    /* of CONFIG_DEBUG_VIRTUAL, or NULL */
	bool none;	      /* out is NULL: nothing is there */
};

/*
 * Computes @f of @v, right or wrong. -1 and *err: @v is of a type that @f
 * does not take, or there is no kernel.
 */
int convert(struct session *s, const struct func *f, struct value v,
	    struct converted *ret, struct err *err);

/* 0, or -1: a number that no frame can have. */
int convert_check_pfn(uint64_t pfn, struct err *err);

#endif
