/*
 * boot_keys.h - what boot_args.c and boot_keys.c share: the words of `boot`, as
 * far as they have been read.
 */
#ifndef REPL_BOOT_KEYS_H
#define REPL_BOOT_KEYS_H

#include "repl/e820_text.h"
#include "repl/session.h"

#define MAX_MEM_WORDS	64

struct boot {			/* what the words say */
	struct session *s;
	struct kernel_config cfg;
	struct boot_text text;	/* of files that were printed by a kernel */
	bool ram_set;
	const char *mem[MAX_MEM_WORDS];	/* mem=, memmap=, in their order */
	unsigned nmem;
	const char *word;	/* key=value under way */
	struct err *err;
};

/* Takes in one word, "key=value"; -1: *b->err says why not. */
int boot_word(struct boot *b, const char *word);
/* The defaults of `boot none`: every feature that a CPU can have. */
void boot_bare_config(struct kernel_config *cfg);
/* The memory map that the words make, once all are read. */
int boot_settle_map(struct boot *b);

#endif
