/*
 * whatis.h - the parts of whatis: what lies at a linear address, and what a
 * frame is. Each emits its lines, "  label  fields". Looks only.
 */
#ifndef REPL_WHATIS_H
#define REPL_WHATIS_H

#include "repl/cmd.h"

/* Begins a line: what follows belongs to @name. The next cell is glued. */
void whatis_label(struct result *r, const char *name);

/* Region, area, object: what the address means, mapped or not. */
void whatis_va(struct cmd_ctx *c, const struct task_struct *task, va_t va);
/* The line of the process' area: file, segment. */
void whatis_vma(struct cmd_ctx *c, const struct task_struct *task, va_t va);
/* The object that the byte belongs to: slab, struct page, stack, table, .. */
void whatis_object(struct cmd_ctx *c, pa_t pa);
/* Memory map, frame, struct page, swapping, aliases. */
void whatis_pa(struct cmd_ctx *c, pa_t pa);

/* Where a page that is not mapped is: in a slot of swap. */
void whatis_swapped(struct cmd_ctx *c, const struct task_struct *task, va_t va);
/* The slot of a page in the swap cache. */
void whatis_swap_cache(struct cmd_ctx *c, pfn_t pfn);

/* The mappings for devices that it belongs to. */
void whatis_dma(struct cmd_ctx *c, pa_t pa);

/* One phrase: "slab kmalloc-64", "hole"; for a list of readings. */
char *whatis_brief_pa(struct cmd_ctx *c, pa_t pa, char *buf, size_t size);

#endif
