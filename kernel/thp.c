/*
 * thp.c - the switches of transparent huge pages (linux 6.1 mm/huge_memory.c:
 * hugepage_init, vma_thp_gfp_mask and what /sys/kernel/mm/transparent_hugepage
 * has).
 *
 * `enabled' is madvise unless the command line says otherwise; distributions
 * choose either that or always.
 */
#include "kernel/huge_mm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/gfp.h"

bool has_transparent_hugepage(const struct kernel *k)
{
	return k->machine->cpu[0].features.pse;
}

/* The check of a fault is one comparison: huge_mm.h. */
void thp_set_enabled(struct kernel *k, enum thp_enabled enabled)
{
	static const struct {
		unsigned long mask, want;
	} row[] = {
		[THP_MADVISE] = { VM_HUGEPAGE | VM_NOHUGEPAGE, VM_HUGEPAGE },
		[THP_ALWAYS] = { VM_NOHUGEPAGE, 0 },
		[THP_NEVER] = { 0, 1 },
	};
	unsigned as = has_transparent_hugepage(k) ? enabled : THP_NEVER;

	k->thp.enabled = enabled;
	k->thp.vma_mask = row[as].mask;
	k->thp.vma_want = row[as].want;
}

/* On less than 512 MiB they would waste too much: all switches are off. */
void thp_init(struct kernel *k)
{
	const struct paging_level *l = &k->mode->level[k->pte_level - 1];
	bool small = k->totalram_pages < (512 * MiB) >> PAGE_SHIFT;

	k->thp.order = l->shift - PAGE_SHIFT;
	k->thp.hpage_pmd_size = hpage_size(k);
	k->thp.max_ptes_none = hpage_nr(k) - 1;
	k->thp.max_ptes_swap = hpage_nr(k) / 8;
	k->thp.max_ptes_shared = hpage_nr(k) / 2;
	k->thp.khugepaged_defrag = k->thp.use_zero_page = !small;
	k->thp.defrag = small ? THP_DEFRAG_NEVER : THP_DEFRAG_MADVISE;
	thp_set_enabled(k, small ? THP_NEVER : k->config.thp);
}

unsigned vma_thp_gfp_mask(const struct kernel *k,
			  const struct vm_area_struct *vma)
{
	bool madvised = vma->vm_flags & VM_HUGEPAGE;

	switch (k->thp.defrag) {
	case THP_DEFRAG_ALWAYS:
		return GFP_TRANSHUGE | (madvised ? 0 : __GFP_NORETRY);
	case THP_DEFRAG_DEFER:
		return GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM;
	case THP_DEFRAG_DEFER_MADVISE:
		return GFP_TRANSHUGE_LIGHT |
		       (madvised ? __GFP_DIRECT_RECLAIM : __GFP_KSWAPD_RECLAIM);
	case THP_DEFRAG_MADVISE:
		return GFP_TRANSHUGE_LIGHT |
		       (madvised ? __GFP_DIRECT_RECLAIM : 0);
	default:
		return GFP_TRANSHUGE_LIGHT;
	}
}

/* --- files ---------------------------------------------------------------- */

static const char *const enabled_words[] = { "always", "madvise", "never",
					     NULL };
static const char *const defrag_words[] = { "always",  "defer", "defer+madvise",
					    "madvise", "never", NULL };

#define ATTR(n, f, w, h)                                 \
	{                                                \
		.name = n, .help = h, .words = w,        \
		.offset = offsetof(struct kernel, thp.f) \
	}
#define ATTR_RO(n, f, h)                                             \
	{                                                            \
		.name = n, .help = h,                                \
		.offset = offsetof(struct kernel, thp.f), .ro = true \
	}

const struct thp_attr thp_attrs[] = {
	ATTR("enabled", enabled, enabled_words,
	     "areas whose faults bring them"),
	ATTR("defrag", defrag, defrag_words, "whose faults compact for them"),
	ATTR("use_zero_page", use_zero_page, NULL,
	     "a read maps the huge zero page"),
	ATTR_RO("hpage_pmd_size", hpage_pmd_size, "bytes of a large page"),
	ATTR("khugepaged/defrag", khugepaged_defrag, NULL, "it compacts"),
	ATTR("khugepaged/max_ptes_none", max_ptes_none, NULL,
	     "holes that it fills"),
	ATTR("khugepaged/max_ptes_swap", max_ptes_swap, NULL,
	     "pages that it reads from swap"),
	ATTR("khugepaged/max_ptes_shared", max_ptes_shared, NULL,
	     "shared pages that it copies"),
	ATTR_RO("khugepaged/pages_collapsed", pages_collapsed,
		"large pages that it made"),
	ATTR_RO("khugepaged/full_scans", full_scans,
		"address spaces that it went through"),
	{ 0 },
};

static uint32_t *attr_field(const struct kernel *k, const struct thp_attr *a)
{
	return (uint32_t *)((char *)k + a->offset);
}

char *thp_attr_show(const struct kernel *k, const struct thp_attr *a, char *buf,
		    size_t size)
{
	uint32_t value = *attr_field(k, a);
	size_t len = 0;

	if (!a->words) {
		snprintf(buf, size, "%u", value);
		return buf;
	}
	for (unsigned i = 0; a->words[i] && len < size; i++)
		len += snprintf(buf + len, size - len,
				i == value ? "%s[%s]" : "%s%s", i ? " " : "",
				a->words[i]);
	return buf;
}

/* The number that @value stands for; false: none that the file takes. */
static bool attr_parse(const struct kernel *k, const struct thp_attr *a,
		       const char *value, uint32_t *ret)
{
	bool flag = strstr(a->name, "max_ptes") == NULL;
	unsigned long n;
	char *end;

	for (unsigned i = 0; a->words && a->words[i]; i++)
		if (!strcmp(a->words[i], value)) {
			*ret = i;
			return true;
		}
	if (a->words)
		return false;
	n = strtoul(value, &end, 10);
	*ret = n;
	return *value >= '0' && *value <= '9' && !*end &&
	       n <= (flag ? 1 : hpage_nr(k) - 1);
}

int thp_attr_store(struct kernel *k, const struct thp_attr *a,
		   const char *value)
{
	uint32_t n;

	if (a->ro)
		return -EACCES;
	if (!attr_parse(k, a, value, &n))
		return -EINVAL;
	*attr_field(k, a) = n;
	thp_set_enabled(k, k->thp.enabled);
	return 0;
}
