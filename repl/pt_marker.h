/*
 * pt_marker.h - the headings of Linux' page-table dump: where each region of
 * an address space begins (arch/x86/mm/dump_pagetables.c, address_markers).
 *
 * Markers are those of CONFIG_MODIFY_LDT_SYSCALL, X86_ESPFIX64, EFI, HIGHMEM
 * and no KASAN, at the addresses of this kernel; on a bare machine at those of
 * a kernel without KASLR. A layout that lacks an area (layout=classic has no
 * CPU entry area) lacks its marker.
 */
#ifndef REPL_PT_MARKER_H
#define REPL_PT_MARKER_H

#include "kernel/kernel.h"

#define PT_MAX_MARKERS 16

struct pt_marker {
	va_t start;
	const char *name;
	unsigned max_lines; /* 0: all */
};

struct pt_markers {
	struct pt_marker marker[PT_MAX_MARKERS + 1]; /* ends with start ~0 */
	unsigned n;
};

/* The markers of tables in the mode of @mmu; @k may be NULL. */
void pt_markers(const struct kernel *k, const struct mmu *mmu,
		struct pt_markers *ret);

#endif
