/* tlb_spec.h - `boot tlb=...`: a word becomes a struct tlb_config. */
#ifndef REPL_TLB_SPEC_H
#define REPL_TLB_SPEC_H

#include "machine/psc.h"

/*
 * A name of tlb_configs[], or arrays and paging-structure caches:
 *
 *	l1d:4k:16x4+l1i:4k:16x8+l2:4k,2m,4m:128x12+pde:8
 *
 * What is not named is not there. Returns 0, or -1 and one line in @why.
 */
int tlb_spec_parse(const char *text, struct tlb_config *ret, char *why,
		   size_t size);

#endif
