/*
 * gfp_arg.h - allocation flags as a user writes them, and what zones say to
 * a request; for the commands that allocate pages.
 */
#ifndef REPL_GFP_ARG_H
#define REPL_GFP_ARG_H

#include "kernel/page_alloc.h"
#include "repl/cmd.h"

/*
 * The flags of @word: names of GFP_ and __GFP_ flags, and numbers, joined by |
 * or a comma; GFP_KERNEL if @word is NULL. Returns -1 with *err set.
 */
int gfp_arg(struct cmd_ctx *c, const char *word, unsigned *ret);
/* The @i-th name of a flag, for completion; NULL past the end. */
const char *gfp_flag_name(unsigned i);

/* "931 - 0 free, keeps 931 + 0", "no block of order 5": why, or "gives". */
char *zone_verdict_text(const struct zone_try *t, unsigned order, char *buf,
			size_t size);
/* ENOMEM as the kernel reports it: order, mode, and each zone's reason. */
int page_alloc_failure(struct cmd_ctx *c, unsigned gfp, unsigned order);

#endif
