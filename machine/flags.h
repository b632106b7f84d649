/*
 * flags.h - names of bits, as tables.
 *
 * One row a bit or field; one printer for page-table entries, error codes,
 * control registers, VMA flags and page flags. A table ends with a row whose
 * name is NULL.
 */
#ifndef MACHINE_FLAGS_H
#define MACHINE_FLAGS_H

#include "machine/types.h"

struct flag_name {
	uint64_t mask;
	const char *name;	/* the manual's word for the bit: "RW", "PSE" */
	const char *clear;	/* word shown when it is clear, or NULL for none */
};

/*
 * Writes the names of the bits of @value that @names knows into @buf, with
 * @sep between them, cut off at @size. Returns @buf.
 */
char *flags_format(char *buf, size_t size, const struct flag_name *names,
		   uint64_t value, const char *sep);

/*
 * Writes how @new differs from @old: "+RW +D -A". Returns @buf, which is
 * empty if no named bit differs.
 */
char *flags_diff(char *buf, size_t size, const struct flag_name *names,
		 uint64_t old, uint64_t new);

/* The numbers of the bits of @mask, high ones first: "63", "51:46,8". */
char *flags_numbers(char *buf, size_t size, uint64_t mask);

/* The mask of the row called @name (case ignored), or 0. */
uint64_t flags_lookup(const struct flag_name *names, const char *name);

#endif
