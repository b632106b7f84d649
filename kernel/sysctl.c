/*
 * sysctl.c - the table of parameters (linux 6.1 kernel/sysctl.c, mm/util.c for
 * the overcommit handlers, security/min_addr.c, init_user_reserve() and
 * init_admin_reserve() of mm/mmap.c).
 *
 * Left out: /proc/sys itself, vectors that can be written, negative numbers
 * (Linux takes them where it has no lower bound).
 */
#include "kernel/sysctl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/fs.h"
#include "kernel/hugetlb.h"
#include "kernel/mm.h"

#define LSM_MMAP_MIN_ADDR 65536 /* CONFIG_LSM_MMAP_MIN_ADDR */

/* Hints and searches heed both; MAP_FIXED and capabilities only the first. */
static int update_mmap_min_addr(struct kernel *k, uint64_t value)
{
	k->mmap_min_addr =
		value > LSM_MMAP_MIN_ADDR ? value : LSM_MMAP_MIN_ADDR;
	return 0;
}

/* The two are ways to say one thing: the last one counts. */
static int ratio_written(struct kernel *k, uint64_t value)
{
	k->overcommit_kbytes = 0;
	return 0;
}

static int kbytes_written(struct kernel *k, uint64_t value)
{
	k->overcommit_ratio = 0;
	return 0;
}

static int drop_caches_written(struct kernel *k, uint64_t value)
{
	const struct task_struct *task = k->current[k->this_cpu];

	printk(k, "%s (%d): drop_caches: %u", task ? task->comm : "swapper",
	       task ? task->pid : 0, (unsigned)value);
	drop_caches(k, value);
	return 0;
}

static const char *lowmem_reserve_ratio(const struct kernel *k)
{
	return k->arch->highmem ? "256 32 0 0" : "256 256 32 0 0";
}

static const char *watermark_scale_factor(const struct kernel *k)
{
	return "10";
}

#define FIELD(f) .offset = offsetof(struct kernel, f)

const struct ctl_table sysctl_table[] = {
	{ "kernel.randomize_va_space",
	  "exec: 0 no ASLR, 1 stack and mmap, 2 brk too",
	  FIELD(randomize_va_space), .max = INT_MAX },
	{ "vm.admin_reserve_kbytes", "kept for root, overcommit_memory 2",
	  FIELD(admin_reserve_kbytes), .max = ULONG_MAX },
	{ "vm.drop_caches", "when written: 1 page cache, 2 inodes, 3 both",
	  FIELD(drop_caches), .min = 1, .max = 4, .write = drop_caches_written },
	{ "vm.legacy_va_layout", "exec: mmap goes upwards",
	  FIELD(legacy_va_layout), .max = INT_MAX },
	{ "vm.lowmem_reserve_ratio", "what zones keep from higher requests",
	  .ro = true, .text = lowmem_reserve_ratio },
	{ "vm.max_map_count", "areas of a process", FIELD(max_map_count),
	  .max = INT_MAX },
	{ "vm.min_free_kbytes", "what the min watermarks add up to",
	  FIELD(min_free_kbytes), .ro = true },
	{ "vm.mmap_min_addr", "the lowest address of a user mapping",
	  FIELD(dac_mmap_min_addr), .max = ULONG_MAX,
	  .write = update_mmap_min_addr },
	{ "vm.nr_hugepages", "pages of the pool of hugetlb",
	  FIELD(hstate.max_huge_pages), .max = ULONG_MAX, .computed = true,
	  .write = hugetlb_set_max_huge_pages },
	{ "vm.nr_overcommit_hugepages", "how many there may be beyond it",
	  FIELD(hstate.nr_overcommit_huge_pages), .max = ULONG_MAX },
	{ "vm.overcommit_kbytes", "mode 2: part of RAM, 0: by the ratio",
	  FIELD(overcommit_kbytes), .max = ULONG_MAX, .write = kbytes_written },
	{ "vm.overcommit_memory", "0 guess, 1 always, 2 up to CommitLimit",
	  FIELD(overcommit_memory), .max = 2 },
	{ "vm.overcommit_ratio", "mode 2: percent of RAM",
	  FIELD(overcommit_ratio), .max = INT_MAX, .write = ratio_written },
	{ "vm.page-cluster", "pages read with one from swap: 2 to its power",
	  FIELD(page_cluster), .max = 31 },
	{ "vm.swappiness", "reclaim: swap 0, alike 100, files 200",
	  FIELD(swappiness), .max = 200 },
	{ "vm.user_reserve_kbytes", "kept for others, overcommit_memory 2",
	  FIELD(user_reserve_kbytes), .max = ULONG_MAX },
	{ "vm.watermark_scale_factor", "between watermarks, 1/10000 of a zone",
	  .ro = true, .text = watermark_scale_factor },
	{ 0 },
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void sysctl_init(struct kernel *k)
{
	uint64_t free_kbytes = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		free_kbytes += k->zone[i].free << (PAGE_SHIFT - 10);
	k->randomize_va_space = k->config.aslr ? 2 : 0;
	k->max_map_count = LX_MAX_MAP_COUNT;
	k->dac_mmap_min_addr = LSM_MMAP_MIN_ADDR;
	update_mmap_min_addr(k, k->dac_mmap_min_addr);
	k->overcommit_ratio = 50;
	k->user_reserve_kbytes = least(free_kbytes / 32, 1 << 17);
	k->admin_reserve_kbytes = least(free_kbytes / 32, 1 << 13);
}

const struct ctl_table *sysctl_find(const char *name)
{
	for (const struct ctl_table *t = sysctl_table; t->procname; t++)
		if (strcmp(t->procname, name) == 0)
			return t;
	return NULL;
}

static uint64_t *field(const struct kernel *k, const struct ctl_table *t)
{
	return (uint64_t *)((char *)k + t->offset);
}

uint64_t sysctl_read(const struct kernel *k, const struct ctl_table *t)
{
	return *field(k, t);
}

int sysctl_write(struct kernel *k, const struct ctl_table *t, uint64_t value)
{
	int err;

	if (t->ro)
		return -EACCES;
	if (value < t->min || value > t->max)
		return -EINVAL;
	err = t->write ? t->write(k, value) : 0;
	if (!err && !t->computed)
		*field(k, t) = value;
	return err;
}
