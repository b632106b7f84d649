/*
 * elf_where.h - which segment and section of an ELF file hold a byte of it.
 * Reads the file itself, not the page cache: looking changes nothing.
 */
#ifndef REPL_ELF_WHERE_H
#define REPL_ELF_WHERE_H

#include "kernel/mm_types.h"

struct elf_where {
	int segment;		/* number of the PT_LOAD header; -1: in none */
	char flags[4];		/* of it: "r-x" */
	char section[48];	/* ".text"; empty: in none, or no table */
};

/* False: not an ELF file that can be read. */
bool elf_where(const struct inode *inode, uint64_t offset,
	       struct elf_where *ret);

#endif
