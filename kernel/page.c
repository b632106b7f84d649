/* page.c - names of page flags, as /proc/kpageflags and dump_page() have them.
 */
#include "kernel/page.h"

const struct flag_name page_flag_names[] = {
	{ PG_locked, "locked", NULL },
	{ PG_referenced, "referenced", NULL },
	{ PG_uptodate, "uptodate", NULL },
	{ PG_dirty, "dirty", NULL },
	{ PG_lru, "lru", NULL },
	{ PG_active, "active", NULL },
	{ PG_slab, "slab", NULL },
	{ PG_reserved, "reserved", NULL },
	{ PG_buddy, "buddy", NULL },
	{ PG_table, "table", NULL },
	{ PG_anon, "anon", NULL },
	{ PG_swapbacked, "swapbacked", NULL },
	{ PG_swapcache, "swapcache", NULL },
	{ PG_unevictable, "unevictable", NULL },
	{ PG_reclaim, "reclaim", NULL },
	{ PG_workingset, "workingset", NULL },
	{ PG_anon_exclusive, "anon_exclusive", NULL },
	{ PG_mlocked, "mlocked", NULL },
	{ PG_vmalloc, "vmalloc", NULL },
	{ PG_kernel, "kernel", NULL },
	{ PG_zeropage, "zeropage", NULL },
	{ PG_kmalloc, "kmalloc", NULL },
	{ PG_dma, "dma", NULL },
	{ PG_stack, "stack", NULL },
	{ PG_compound, "compound", NULL },
	{ 0, NULL, NULL },
};
