/*
 * cmd_vmstat.c - vmstat: gauges and counters of memory, the lines of
 * /proc/vmstat that are kept here, in the order of Linux 6.1 (mm/vmstat.c:
 * vmstat_text). Those of NUMA, and of what is not modelled, are left out.
 */
#include <stddef.h>

#include "kernel/block.h"
#include "kernel/page_alloc.h"
#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/mem_sums.h"
#include "repl/proc_line.h"

/* A gauge is made of the sums; a counter is in the kernel. */
struct vmstat_row {
	const char *name;
	uint64_t (*gauge)(const struct kernel *k, const struct mem_sums *s);
	size_t counter;
};

#define GAUGE(n, expr)                                                         \
	static uint64_t get_##n(const struct kernel *k,                        \
				const struct mem_sums *s)                      \
	{                                                                      \
		return expr;                                                   \
	}

GAUGE(nr_free_pages, s->free)
GAUGE(nr_inactive_anon, k->lruvec.nr[LRU_INACTIVE_ANON])
GAUGE(nr_active_anon, k->lruvec.nr[LRU_ACTIVE_ANON])
GAUGE(nr_inactive_file, k->lruvec.nr[LRU_INACTIVE_FILE])
GAUGE(nr_active_file, k->lruvec.nr[LRU_ACTIVE_FILE])
GAUGE(nr_unevictable, k->lruvec.nr[LRU_UNEVICTABLE])
GAUGE(nr_mlock, k->nr_mlock)
GAUGE(nr_anon_pages, s->anon)
GAUGE(nr_mapped, s->mapped)
GAUGE(nr_file_pages, s->cached + k->swap->nrpages)
GAUGE(nr_dirty, s->dirty)
GAUGE(nr_shmem, s->shmem)
GAUGE(nr_kernel_stack, s->stacks << (PAGE_SHIFT - 10))
GAUGE(nr_page_table_pages, s->tables)
GAUGE(nr_swapcached, k->swap->nrpages)

/* KiB that block devices moved, swap included */
GAUGE(pgpgin, k->disk->sectors_read / 2 + k->vmstat.pswpin * 4)
GAUGE(pgpgout, k->disk->sectors_written / 2 + k->vmstat.pswpout * 4)

#define G(name) { #name, get_##name, 0 }
#define C(name) { #name, NULL, offsetof(struct kernel, vmstat.name) }

static const struct vmstat_row vmstat_rows[] = {
	G(nr_free_pages),
	G(nr_mlock),
	G(nr_inactive_anon),
	G(nr_active_anon),
	G(nr_inactive_file),
	G(nr_active_file),
	G(nr_unevictable),
	G(nr_anon_pages),
	G(nr_mapped),
	G(nr_file_pages),
	G(nr_dirty),
	G(nr_shmem),
	C(nr_vmscan_write),
	G(nr_kernel_stack),
	G(nr_page_table_pages),
	G(nr_swapcached),
	G(pgpgin),
	G(pgpgout),
	C(pswpin),
	C(pswpout),
	C(pgfree),
	C(pgactivate),
	C(pgdeactivate),
	C(pglazyfree),
	C(pgfault),
	C(pgmajfault),
	C(pglazyfreed),
	C(pgrefill),
	C(pgreuse),
	C(pgsteal_direct),
	C(pgscan_direct),
	C(pgrotated),
	C(pgmigrate_success),
	C(pgmigrate_fail),
	C(compact_migrate_scanned),
	C(compact_free_scanned),
	C(compact_isolated),
	C(compact_stall),
	C(compact_fail),
	C(compact_success),
	C(htlb_buddy_alloc_success),
	C(htlb_buddy_alloc_fail),
	C(unevictable_pgs_mlocked),
	C(unevictable_pgs_munlocked),
	C(thp_fault_alloc),
	C(thp_fault_fallback),
	C(thp_collapse_alloc),
	C(thp_collapse_alloc_failed),
	C(thp_split_page),
	C(thp_split_page_failed),
	C(thp_deferred_split_page),
	C(thp_split_pmd),
	C(thp_zero_page_alloc),
	C(thp_zero_page_alloc_failed),
	C(swap_ra),
	C(swap_ra_hit),
};

static int vmstat_run(struct cmd_ctx *c)
{
	struct mem_sums s = { 0 };

	mem_sum_frames(c->k, &s);
	res_list(c->r, "vmstat", RES_LINES);
	for (size_t i = 0; i < ARRAY_SIZE(vmstat_rows); i++) {
		const struct vmstat_row *row = &vmstat_rows[i];

		res_item(c->r, false);
		res_str(c->r, "name", "%s", row->name);
		res_u64(c->r, "value", "~ %s",
			row->gauge ? row->gauge(c->k, &s)
				   : *(const uint64_t *)((const char *)c->k +
							 row->counter));
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

const struct command cmd_vmstat = {
	.name = "vmstat", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "gauges and counters of memory, as /proc/vmstat",
	.details =
	"In pages, or events since boot; nr_kernel_stack is in KiB. Lines of NUMA\n"
	"and of what is not modelled are left out.",
	.example = "vmstat",
	.run = vmstat_run,
};
