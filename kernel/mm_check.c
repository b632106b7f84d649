/*
 * mm_check.c - fsck for processes: areas, their page tables, what pages say
 * about their mappers (linux 6.1 has validate_mm(), page_mapcount checks of
 * CONFIG_DEBUG_VM and print_bad_pte() instead).
 *
 * Everything is counted again from the page tables of all tasks and from
 * the page caches; a finding names what is recorded and what was counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/huge_check.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"
#include "kernel/swap.h"

/* --- one address space ---------------------------------------------------- */

struct mm_check {
	struct checker c;
	struct kernel *k;
	struct mm_struct *mm;
	uint64_t rss[NR_MM_COUNTERS];
	uint64_t deposited;	/* tables that no entry leads to */
};

static void check_anon_vma(struct mm_check *m, const struct vm_area_struct *vma)
{
	const struct anon_vma_chain *avc;
	bool own = !vma->anon_vma;

	LIST_FOREACH(avc, &vma->anon_vma_chain, same_vma) {
		own |= avc->anon_vma == vma->anon_vma;
		if (avc->vma != vma)
			check_finding(&m->c, "pid %d: a link of the area at 0x%" PRIx64
				" belongs to another area", m->mm->owner_pid,
				vma->vm_start);
	}
	if (!own)
		check_finding(&m->c, "pid %d: the area at 0x%" PRIx64 " is not linked"
			" to its anon_vma", m->mm->owner_pid, vma->vm_start);
}

/* What mmap.c counts of areas, counted again. */
static void check_vm_counts(struct mm_check *m)
{
	struct mm_struct *mm = m->mm, sum = { 0 };
	const struct vm_area_struct *vma;

	for_each_vma (&mm->vmas, vma) {
		vm_stat_account(&sum, vma->vm_flags, vma_pages(vma));
		if (vma->vm_flags & VM_LOCKED)
			sum.locked_vm += vma_pages(vma);
	}
	const struct {
		const char *name;
		uint64_t is, areas;
	} rows[] = {
		{ "total_vm", mm->total_vm, sum.total_vm },
		{ "data_vm", mm->data_vm, sum.data_vm },
		{ "exec_vm", mm->exec_vm, sum.exec_vm },
		{ "stack_vm", mm->stack_vm, sum.stack_vm },
		{ "locked_vm", mm->locked_vm - mm->locked_vm_lost,
		  sum.locked_vm },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].is != rows[i].areas)
			check_finding(&m->c,
				      "pid %d: %s is %" PRIu64
				      ", areas have %" PRIu64 " pages",
				      mm->owner_pid, rows[i].name, rows[i].is,
				      rows[i].areas);
}

static void check_areas(struct mm_check *m)
{
	const struct vm_area_struct *vma;

	if (!vma_tree_ok(&m->mm->vmas))
		check_finding(&m->c, "pid %d: the tree of areas disagrees with its"
			" areas", m->mm->owner_pid);
	for_each_vma(&m->mm->vmas, vma) {
		if (vma->vm_start >= vma->vm_end || vma->vm_mm != m->mm ||
		    vma->vm_end > m->mm->task_size ||
		    ((vma->vm_start | vma->vm_end) & ~PAGE_MASK))
			check_finding(&m->c,
				      "pid %d: bad area 0x%" PRIx64
				      "-0x%" PRIx64,
				      m->mm->owner_pid, vma->vm_start,
				      vma->vm_end);
		check_anon_vma(m, vma);
	}
	check_vm_counts(m);
}

/* What is wrong with an entry, or NULL. */
static const char *bad_pte(const struct mm_check *m,
			   const struct vm_area_struct *vma, va_t va,
			   uint64_t pte)
{
	const struct page *page;

	if (!vma || vma->vm_start > va)
		return "outside any area";
	if (swap_pte_ok(m->k, pte))
		return vma->anon_vma ? NULL : "swapped, and no anon_vma";
	if (!pte_present(pte))
		return "neither present nor empty, nor of a slot in use";
	if ((pte & PTE_RW) && !(vma->vm_flags & VM_WRITE))
		return "writable in a read-only area";
	if ((pte & PTE_P) && !vma_is_accessible(vma))
		return "present in a PROT_NONE area";
	if (m->k->mode->has_pk &&
	    (pte >> PTE_PK_SHIFT & 15) != (unsigned)vma_pkey(vma))
		return "has another protection key than its area";
	if (pte & _PAGE_SPECIAL)
		return NULL;
	page = vm_normal_page(m->k, pte);
	if (!page)
		return "maps a frame that counts no mapper";
	if (page_is_free(m->k, pte_to_pfn(m->k, pte)))
		return "maps a free frame";
	if ((pte & PTE_RW) && !(vma->vm_flags & VM_SHARED) &&
	    !(page->flags & PG_anon_exclusive))
		return "writable, private, and the page is not exclusive";
	if ((pte & PTE_RW) && vma_wants_writenotify(vma) &&
	    !(page->flags & PG_dirty))
		return "writable, and the file's page is not dirty";
	return NULL;
}

static void check_pte(struct mm_check *m, const struct vm_area_struct *vma,
		      va_t va, uint64_t pte)
{
	const char *why = bad_pte(m, vma, va, pte);
	const struct page *page = pte_present(pte) ? vm_normal_page(m->k, pte) :
							NULL;

	if (why)
		check_finding(&m->c,
			      "pid %d: entry 0x%" PRIx64 " at 0x%" PRIx64
			      ": %s",
			      m->mm->owner_pid, pte, va, why);
	if (page && pte_present(pte))
		m->rss[mm_counter(page)]++;
	m->rss[MM_SWAPENTS] += swap_pte_ok(m->k, pte);
}

static void check_tables(struct mm_check *m)
{
	const struct vm_area_struct *vma = vma_tree_first(&m->mm->vmas);
	struct pte_range r;

	m->deposited = huge_check_mm(&m->c, m->k, m->mm, &m->rss[MM_ANONPAGES]);
	for (va_t va = 0; next_pte_range(m->k, mm_root(m->mm), va,
					 m->mm->task_size, &r); va = r.end)
		for (va = r.va; va < r.end;
		     va += PAGE_SIZE, r.ptep += m->k->mode->entry_size) {
			uint64_t pte = ptep_get(m->k, r.ptep);

			if (!pte)
				continue;
			if (vma && vma->vm_end <= va)
				vma = find_vma(m->mm, va);
			check_pte(m, vma, va, pte);
		}
}

static void check_counters(struct mm_check *m)
{
	static const char *const name[] = { "file", "anon", "shmem",
					     "swap" };
	unsigned tables = pt_count_tables(m->k, mm_root(m->mm)) + m->deposited;

	for (int i = 0; i < NR_MM_COUNTERS; i++)
		if (m->rss[i] != m->mm->rss[i])
			check_finding(&m->c, "pid %d: rss[%s] is %" PRIu64 ", page"
				" tables have %" PRIu64, m->mm->owner_pid,
				name[i], m->mm->rss[i], m->rss[i]);
	if (tables != m->mm->pgtables)
		check_finding(&m->c, "pid %d: pgtables is %" PRIu64 ", the tree has"
			" %u", m->mm->owner_pid, m->mm->pgtables, tables);
}

unsigned mm_check(struct kernel *k, struct mm_struct *mm, check_fn fn, void *ctx)
{
	struct mm_check m = { .c = { fn, ctx, 0 }, .k = k, .mm = mm };

	check_areas(&m);
	check_tables(&m);
	check_counters(&m);
	return m.c.found;
}

/* --- all pages ------------------------------------------------------------ */

struct page_count {
	uint32_t maps, caches;
	bool locked;		/* by an area that maps it */
	uint32_t huge;	/* large entries, of a head */
};

struct rmap_check {
	struct checker c;
	struct kernel *k;
	struct page_count *count;	/* by pfn; lazily committed */
	uint64_t anon_thps;
	uint64_t mlocked;		/* pages that are PG_mlocked */
};

static void count_table(struct rmap_check *m, struct mm_struct *mm,
			struct pte_range r)
{
	const struct vm_area_struct *vma = NULL;

	for (; r.va < r.end;
	     r.va += PAGE_SIZE, r.ptep += m->k->mode->entry_size) {
		uint64_t pte = ptep_get(m->k, r.ptep);
		pfn_t pfn = pte_to_pfn(m->k, pte);

		if (!pte_present(pte) || (pte & _PAGE_SPECIAL) ||
		    pfn >= m->k->max_pfn)
			continue;
		m->count[pfn].maps++;
		if (!vma || vma->vm_end <= r.va)
			vma = find_vma(mm, r.va);
		if (vma && vma_mlocks(vma) &&
		    !page_compound(pfn_to_page(m->k, pfn)))
			m->count[pfn].locked = true;
	}
}

/* Areas of files against the trees through which files find them. */
static void check_i_mmap(struct rmap_check *m)
{
	const struct vm_area_struct *vma;
	const struct task_struct *t;
	const struct inode *inode;
	int64_t more = 0;

	TAILQ_FOREACH (t, &m->k->tasks, link) {
		if (!t->mm || t->mm->owner != t)
			continue;
		for_each_vma (&t->mm->vmas, vma) {
			if (!vma->vm_file)
				continue;
			more++;
			if (!i_mmap_has(&vma->vm_file->f_mapping->i_mmap, vma))
				check_finding(&m->c, "%s: i_mmap lacks the area"
					" at 0x%" PRIx64 " of pid %d",
					vma->vm_file->f_inode->path,
					vma->vm_start, t->pid);
		}
	}
	LIST_FOREACH (inode, &m->k->inodes, link) {
		more -= inode->mapping.i_mmap.count;
		if (!i_mmap_ok(&inode->mapping.i_mmap))
			check_finding(&m->c, "%s: the tree of its areas is out"
				" of order", inode->path);
	}
	if (more)
		check_finding(&m->c, "i_mmap trees have %" PRId64 " areas more"
			" than processes", -more);
}

/* All that is promised: areas of processes, and shared memory. */
static void check_committed(struct rmap_check *m)
{
	const struct vm_area_struct *vma;
	const struct task_struct *t;
	const struct inode *inode;
	int64_t sum = 0;

	TAILQ_FOREACH (t, &m->k->tasks, link) {
		if (!t->mm || t->mm->owner != t)
			continue;
		for_each_vma (&t->mm->vmas, vma)
			if (vma->vm_flags & VM_ACCOUNT)
				sum += vma_pages(vma);
	}
	LIST_FOREACH (inode, &m->k->inodes, link)
		sum += inode->committed;
	if (sum != m->k->vm_committed_as)
		check_finding(&m->c,
			      "vm_committed_as is %" PRId64
			      ", areas and files have %" PRId64 " pages",
			      m->k->vm_committed_as, sum);
}

static void count_huge(void *ctx, const struct vm_area_struct *vma, pfn_t pfn)
{
	struct page_count *n = &((struct rmap_check *)ctx)->count[pfn];

	n->huge++;
	n->locked |= vma && vma_mlocks(vma);
}

static void count_all(struct rmap_check *m)
{
	const struct task_struct *t;
	const struct inode *inode;
	struct pte_range r;
	pfn_t pfn;

	TAILQ_FOREACH(t, &m->k->tasks, link)
		for (va_t va = 0;
		     task_owns_mm(t) && next_pte_range(m->k, mm_root(t->mm), va,
						       t->mm->task_size, &r);
		     va = r.end)
			count_table(m, t->mm, r);
	TAILQ_FOREACH(t, &m->k->tasks, link)
		if (task_owns_mm(t))
			huge_count_mm(m->k, t->mm, count_huge, m);
	LIST_FOREACH(inode, &m->k->inodes, link) {
		uint64_t n = 0;

		for (uint64_t i = 0; page_cache_next(&inode->mapping, &i, &pfn);
		     i++, n++)
			m->count[pfn].caches++;
		if (n != inode->mapping.nrpages)
			check_finding(&m->c, "%s: nrpages is %" PRIu64 ", the cache"
				" has %" PRIu64, inode->path,
				inode->mapping.nrpages, n);
	}
}

static bool count_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	++*(uint32_t *)ctx;
	return true;
}

/* Tails hold no references: all are the head's. */
static void check_head(struct rmap_check *m, struct page *head)
{
	const struct page_count *n = &m->count[page_to_pfn(m->k, head)];
	uint64_t refs = n->huge;

	for (uint64_t i = 0; i < compound_nr(head); i++)
		refs += n[i].maps + n[i].caches;
	if (n->huge && !page_huge(m->k, head))
		m->anon_thps += compound_nr(head);
	if (!(head->flags & PG_zeropage))
		compound_check(&m->c, m->k, head, n->huge, refs);
}

static void check_page(struct rmap_check *m, pfn_t pfn)
{
	struct page *page = pfn_to_page(m->k, pfn);
	const struct page_count *n = &m->count[pfn];
	uint32_t found = 0, swap = !!(page->flags & PG_swapcache), huge = 0;

	if ((uint32_t)page->_mapcount != n->maps)
		check_finding(&m->c, "pfn 0x%" PRIx64 ": mapcount is %d, page tables"
			" have %u", pfn, page->_mapcount, n->maps);
	if (page_compound(page)) {
		struct page *head = compound_head(m->k, page);

		huge = m->count[page_to_pfn(m->k, head)].huge;
		if (page == head)
			check_head(m, head);
	} else if ((uint32_t)page->_refcount != n->maps + n->caches + swap)
		check_finding(&m->c, "pfn 0x%" PRIx64 ": refcount is %d, %u mappers"
			" and %u caches hold it", pfn, page->_refcount,
			n->maps, n->caches + swap);
	if (n->locked != !!(page->flags & PG_mlocked))
		check_finding(&m->c, "pfn 0x%" PRIx64 ": is %smlocked, and %s"
			" locked area maps it", pfn,
			n->locked ? "not " : "", n->locked ? "a" : "no");
	if (page->flags & PG_mlocked)
		m->mlocked += compound_nr(page);
	if (!(page->flags & PG_lru) && !page_tail(m->k, page) && !page_huge(m->k, page) &&
	    (page->flags & (PG_anon | PG_swapbacked | PG_swapcache)))
		check_finding(&m->c, "pfn 0x%" PRIx64 ": is on no LRU list", pfn);
	if (!n->maps && !huge)
		return;
	rmap_walk(m->k, pfn, count_mapper, &found);
	if (found != n->maps + huge)
		check_finding(&m->c, "pfn 0x%" PRIx64 ": rmap finds %u mappers, page"
			" tables have %u", pfn, found, n->maps + huge);
}

static void check_range(struct rmap_check *m, pfn_t pfn, pfn_t end)
{
	const struct page *page = pfn_to_page(m->k, pfn);
	const struct page_count *n = &m->count[pfn];

	for (; pfn < end; pfn++, page++, n++)
		if (n->maps || n->caches || n->huge || page->_mapcount ||
		    (page->flags &
		     (PG_mlocked | PG_swapcache | PG_compound)))
			check_page(m, pfn);
}

/* Frames that were ever handed out: all but the zones' virgin extents. */
static void check_zone(struct rmap_check *m, const struct zone *zone)
{
	pfn_t pfn = zone->start_pfn;

	for (unsigned i = 0; i < zone->nvirgin; i++) {
		check_range(m, pfn, zone->virgin[i].start);
		pfn = zone->virgin[i].end;
	}
	check_range(m, pfn, zone->end_pfn);
}

unsigned rmap_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct rmap_check m = { .c = { fn, ctx, 0 }, .k = k,
				.count = xcalloc(k->max_pfn,
						 sizeof(*m.count)) };

	count_all(&m);
	check_i_mmap(&m);
	check_committed(&m);
	anon_vma_name_check(k, &m.c);
	fs_check(&m.c, k);
	huge_check(&m.c, k);
	for (int i = 0; i < MAX_NR_ZONES; i++)
		check_zone(&m, &k->zone[i]);
	if (m.anon_thps != k->thp.nr_anon)
		check_finding(&m.c, "%" PRIu64 " pages of large ones are counted,"
			" %" PRIu64 " are mapped so", k->thp.nr_anon,
			m.anon_thps);
	if (m.mlocked != k->nr_mlock)
		check_finding(&m.c, "nr_mlock is %" PRIu64 ", %" PRIu64
			" pages are mlocked", k->nr_mlock, m.mlocked);
	free(m.count);
	return m.c.found;
}
