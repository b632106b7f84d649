/*
 * proc_line.h - lines of /proc/PID/maps, byte for byte as Linux 6.1 prints
 * them (fs/proc/task_mmu.c: show_map_vma, show_vma_header_prefix).
 */
#ifndef REPL_PROC_LINE_H
#define REPL_PROC_LINE_H

#include "kernel/mm.h"
#include "repl/result.h"

#define PROC_LINE_MAX 640

/*
 * The line of @vma, without a newline, but with the blank that may end it.
 * Returns its end.
 */
char *proc_maps_line(char buf[PROC_LINE_MAX], const struct kernel *k,
		     const struct vm_area_struct *vma);
/* The line that heads smaps_rollup. */
char *proc_rollup_line(char buf[PROC_LINE_MAX], const struct kernel *k,
		       va_t start, va_t end);
/* Its fields, for data: start, end, perms, offset, dev, inode, name. */
void proc_maps_fields(struct result *r, const struct vm_area_struct *vma);
/* An item of a list that is RES_VERBATIM: text only. */
void proc_text(struct result *r, const char *line);

#endif
