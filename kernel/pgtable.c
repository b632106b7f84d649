/*
 * pgtable.c - page tables of any mode, written once over k->mode.
 *
 *   root -> [level 1] -> ... -> [k->pte_level] -> page
 *
 * Models what Linux 6.1 spreads over arch/x86/mm/pgtable.c, mm/memory.c
 * (__p4d_alloc ... __pte_alloc, free_pgd_range), arch/x86/include/asm/
 * pgtable*.h. Left out: folded levels (a loop needs
 * none), page-table locks, paravirt.
 *
 * A user page table remembers its root in page->index: entries may have been
 * poked, and nothing is freed here that this root did not allocate.
 */
#include "kernel/pgtable.h"

#include <errno.h>
#include <string.h>

#include "kernel/memblock.h"
#include "kernel/mm_types.h"
#include "kernel/page_alloc.h"
#include "kernel/pti.h"
#include "kernel/tlb.h"

/* --- entries ------------------------------------------------------------ */

/* pt_get() for the loops below. Unbacked memory reads as all ones. */
static inline uint64_t read_entry(const struct kernel *k, pa_t entry_pa)
{
	const uint8_t *host = ram_ptr(k->ram, entry_pa);
	uint32_t low;
	uint64_t all;

	if (!host)
		return k->mode->entry_size == 4 ? UINT32_MAX : UINT64_MAX;
	if (k->mode->entry_size == 4) {
		memcpy(&low, host, sizeof(low));
		return low;
	}
	memcpy(&all, host, sizeof(all));
	return all;
}

uint64_t pt_get(const struct kernel *k, pa_t entry_pa)
{
	return read_entry(k, entry_pa);
}

void pt_set_raw(struct kernel *k, pa_t entry_pa, uint64_t value)
{
	ram_write(k->ram, entry_pa, k->mode->entry_size, value);
}

void pt_set(struct kernel *k, int pid, va_t va, unsigned level, pa_t entry_pa,
	    uint64_t value, const char *why)
{
	if (!k->sink.fn) {
		pt_set_raw(k, entry_pa, value);
		return;
	}
	uint64_t old = pt_get(k, entry_pa);

	pt_set_raw(k, entry_pa, value);
	kevent(k, .kind = KEV_PTE, .func = why, .pid = pid, .va = va,
	       .level = level, .entry_pa = entry_pa, .old = old, .new = value);
}

/* Bit 7 must be set for anything but a PTE to be a leaf, in every mode. */
static inline bool is_leaf(const struct kernel *k, unsigned level,
			   uint64_t entry)
{
	if (level == k->pte_level)
		return true;
	return (entry & PTE_PS) &&
	       paging_is_leaf(k->mode, level, entry,
			      k->machine->cpu[0].features.pse);
}

/* The table below an entry that is no leaf. */
static inline pa_t entry_table(const struct kernel *k, uint64_t entry)
{
	return entry & k->mode->addr_mask;
}

static inline pa_t entry_address(const struct kernel *k, pa_t table,
				 unsigned level, va_t va)
{
	return table + paging_index(k->mode, level, va) * k->mode->entry_size;
}

static unsigned nr_entries(const struct kernel *k, unsigned level)
{
	return 1U << k->mode->level[level].bits;
}

/*
 * All of bits 51:12 are inverted, with PAE too, although a pfn has but 32 bits
 * there: a host may have more address bits (linux page_32_types.h).
 */
uint64_t mk_pte(const struct kernel *k, pfn_t pfn, uint64_t flags)
{
	if (k->arch->invert_none && !(flags & PTE_P) && flags)
		return (~(pfn << PAGE_SHIFT) & PTE_PFN_MASK) | flags;
	return paging_address_bits(k->mode, k->pte_level, pfn << PAGE_SHIFT,
				   true) |
	       flags;
}

pfn_t pte_pfn(const struct kernel *k, uint64_t pte)
{
	if (k->arch->invert_none && !(pte & PTE_P) && pte)
		return (~pte & PTE_PFN_MASK) >> PAGE_SHIFT;
	return paging_target(k->mode, k->pte_level, pte, true) >> PAGE_SHIFT;
}

uint64_t pt_nx(const struct kernel *k)
{
	return k->mode->has_xd && k->machine->cpu[0].features.nx ? PTE_XD : 0;
}

uint64_t pt_page_kernel(const struct kernel *k)
{
	bool pge = k->machine->cpu[0].features.pge;
	uint64_t global = pge && !has_pti(k) ? PTE_G : 0;

	return (_PAGE_KERNEL & ~PTE_G) | global | pt_nx(k);
}

unsigned pt_max_shift(const struct kernel *k)
{
	const struct cpu_features *f = &k->machine->cpu[0].features;

	for (unsigned i = 0; i < k->pte_level; i++) {
		const struct paging_level *l = &k->mode->level[i];

		if (l->may_map && f->pse && (f->gbpages || !l->needs_gbpages))
			return l->shift;
	}
	return PAGE_SHIFT;
}

/* --- tables ------------------------------------------------------------- */

/* A zeroed frame for a table: from memblock until the buddy is there. */
static pfn_t table_alloc(struct kernel *k)
{
	if (!k->totalram_pages) {
		pa_t pa = memblock_alloc(k, PAGE_SIZE, PAGE_SIZE,
					 k->layout.lowmem_end, "page tables");
		return pa ? pa >> PAGE_SHIFT : PFN_NONE;
	}
	pfn_t pfn = alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0, "page table");

	if (pfn != PFN_NONE)
		pfn_to_page(k, pfn)->flags |= PG_table;
	return pfn;
}

/* Frees the frame if it is a table that @root allocated. */
static void table_free(struct kernel *k, pa_t root, pfn_t pfn)
{
	struct page *page = pfn_valid(k, pfn) ? pfn_to_page(k, pfn) : NULL;

	if (!page || !(page->flags & PG_table) ||
	    page->index != root >> PAGE_SHIFT)
		return;
	page->flags &= ~PG_table;
	page->index = 0;
	free_pages(k, pfn, 0);
}

/* The pid whose address space @root is; for events. */
static int root_owner(const struct kernel *k, pa_t root)
{
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && t->mm->pgd == root >> PAGE_SHIFT)
			return t->pid;
	return 0;
}

/*
 * Where the root's entries are held in registers, a CPU sees a change only
 * when CR3 is loaded again (SDM, "PAE Paging": "PDPTE Registers").
 */
static void root_entry_changed(struct kernel *k, pa_t root)
{
	if (!k->mode->pdpte_regs)
		return;
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct cpu *cpu = &k->machine->cpu[i];

		if ((cpu->mmu.cr0 & CR0_PG) && mmu_root(&cpu->mmu) == root)
			cpu_write_cr3(cpu, cpu->mmu.cr3);
	}
}

pfn_t pte_alloc_one(struct kernel *k, pa_t root)
{
	pfn_t pfn = table_alloc(k);

	if (pfn != PFN_NONE)
		pfn_to_page(k, pfn)->index = root >> PAGE_SHIFT;
	return pfn;
}

void pte_free(struct kernel *k, pa_t root, pfn_t table)
{
	table_free(k, root, table);
}

uint64_t pt_table_entry(const struct kernel *k, unsigned level, pfn_t table)
{
	return paging_address_bits(k->mode, level, table << PAGE_SHIFT, false) |
	       (_PAGE_TABLE & ~k->mode->level[level].table_rsvd);
}

/* Copies a new kernel entry of swapper_pg_dir into every other root. */
static void sync_kernel_mappings(struct kernel *k, va_t va, uint64_t value)
{
	const struct task_struct *t;

	if (pt_syncs_late(k, va))
		return;
	TAILQ_FOREACH (t, &k->tasks, link) {
		if (!task_owns_mm(t))
			continue;
		pa_t root = t->mm->pgd << PAGE_SHIFT;

		pt_set(k, t->pid, va, 0, entry_address(k, root, 0, va), value,
		       "arch_sync_kernel_mappings");
		root_entry_changed(k, root);
	}
}

/* Puts a new table below @entry_pa. Returns the entry's value, 0: no frame. */
static uint64_t table_populate(struct kernel *k, pa_t root, va_t va,
			       unsigned level, pa_t entry_pa)
{
	bool kernel = pt_is_kernel(k, va);
	uint64_t flags = kernel ? _KERNPG_TABLE : _PAGE_TABLE;
	pfn_t pfn = table_alloc(k);

	if (pfn == PFN_NONE)
		return 0;
	if (!kernel)
		pfn_to_page(k, pfn)->index = root >> PAGE_SHIFT;
	flags &= ~k->mode->level[level].table_rsvd;
	uint64_t value =
		paging_address_bits(k->mode, level, pfn << PAGE_SHIFT, false) |
		flags;

	int pid = k->sink.fn ? root_owner(k, root) : 0;

	if (level == 0 && !kernel)
		value = pti_set_user_pgtbl(k, pid, va, entry_pa, value,
					   "table");
	pt_set(k, pid, va, level, entry_pa, value, "table");
	if (level == 0) {
		root_entry_changed(k, root);
		if (kernel)
			sync_kernel_mappings(k, va, value);
	}
	return value;
}

pa_t pt_lookup(struct kernel *k, pa_t root, va_t va, unsigned level, bool alloc)
{
	pa_t table = root;

	/* All roots share the kernel half; swapper_pg_dir leads. */
	if (alloc && pt_is_kernel(k, va))
		table = root = k->swapper_pg_dir;
	for (unsigned l = 0;; l++) {
		pa_t entry_pa = entry_address(k, table, l, va);

		if (l == level)
			return entry_pa;
		uint64_t entry = read_entry(k, entry_pa);

		if (!(entry & PTE_P)) {
			/* a large page with PROT_NONE is in the way */
			alloc = alloc && !((entry & PTE_PS) &&
					   (entry & _PAGE_PROTNONE));
			entry = alloc ? table_populate(k, root, va, l, entry_pa)
				      : 0;
			if (!entry)
				return 0;
		} else if (is_leaf(k, l, entry)) {
			return 0;
		}
		table = entry_table(k, entry);
	}
}

/* The leaf of @va; with @any also one that no access could use. */
static pa_t find_leaf(const struct kernel *k, pa_t root, va_t va, bool any,
		      uint64_t *entry, unsigned *level)
{
	pa_t table = root;

	for (unsigned l = 0; l <= k->pte_level; l++) {
		pa_t entry_pa = entry_address(k, table, l, va);
		uint64_t value = read_entry(k, entry_pa);
		bool leaf = is_leaf(k, l, value);

		if (!(value & PTE_P) &&
		    !(leaf && (any ? value != 0 : pte_present(value))))
			return 0;
		if (leaf) {
			*entry = value;
			*level = l;
			return entry_pa;
		}
		table = entry_table(k, value);
	}
	return 0;
}

pa_t pt_leaf(const struct kernel *k, pa_t root, va_t va, uint64_t *entry,
	     unsigned *level)
{
	return find_leaf(k, root, va, false, entry, level);
}

pa_t pt_leaf_any(const struct kernel *k, pa_t root, va_t va, uint64_t *entry,
		 unsigned *level)
{
	return find_leaf(k, root, va, true, entry, level);
}

pa_t pt_new_kernel_table(struct kernel *k)
{
	pfn_t pfn = table_alloc(k);

	return pfn == PFN_NONE ? 0 : pfn << PAGE_SHIFT;
}

void pt_set_kernel(struct kernel *k, va_t va, unsigned level, pa_t entry_pa,
		   uint64_t value, const char *why)
{
	pt_set(k, 0, va, level, entry_pa, value, why);
	if (level == 0)
		sync_kernel_mappings(k, va, value);
}

/* --- freeing user tables ------------------------------------------------ */

/* A walk over the tables below one root that may free or count them. */
struct table_walk {
	struct kernel *k;
	pa_t root;
	va_t start, last;    /* entries that cover this, inclusive */
	va_t floor, ceiling; /* tables within these bounds are freed ... */
	bool free;	     /* ... if this is set, else only counted */
	unsigned count;
};

/* The table below a present entry, if it is one of this root's own. */
static bool own_table(const struct table_walk *w, unsigned level,
		      uint64_t entry, pa_t *ret)
{
	struct kernel *k = w->k;

	if (!(entry & PTE_P) || is_leaf(k, level, entry))
		return false;
	*ret = entry_table(k, entry);
	pfn_t pfn = *ret >> PAGE_SHIFT;

	return pfn_valid(k, pfn) && (pfn_to_page(k, pfn)->flags & PG_table) &&
	       pfn_to_page(k, pfn)->index == w->root >> PAGE_SHIFT;
}

static void free_table_entry(struct table_walk *w, unsigned level, va_t va,
			     pa_t entry_pa, pa_t child)
{
	struct kernel *k = w->k;

	int pid = k->sink.fn ? root_owner(k, w->root) : 0;

	if (level == 0)
		pti_set_user_pgtbl(k, pid, va, entry_pa, 0, "free_pgtables");
	pt_set(k, pid, va, level, entry_pa, 0, "free_pgtables");
	if (level == 0)
		root_entry_changed(k, w->root);
	table_free(k, w->root, child >> PAGE_SHIFT);
}

/* Visits the entries of one table at @level; @base is what entry 0 maps. */
static void walk_tables(struct table_walk *w, pa_t table, unsigned level,
			va_t base)
{
	struct kernel *k = w->k;
	unsigned shift = k->mode->level[level].shift;
	va_t from = w->start > base ? w->start : base;
	unsigned i = (from - base) >> shift;

	for (; i < nr_entries(k, level); i++) {
		va_t va = base + ((va_t)i << shift);
		va_t last = va + (1ULL << shift) - 1;
		pa_t entry_pa = table + i * k->mode->entry_size, child;

		if (va > w->last)
			break;
		if (!own_table(w, level, pt_get(k, entry_pa), &child))
			continue;
		w->count++;
		if (level + 1 < k->pte_level)
			walk_tables(w, child, level + 1, va);
		if (w->free && va >= w->floor && last <= w->ceiling)
			free_table_entry(w, level, va, entry_pa, child);
	}
}

void free_pgd_range(struct kernel *k, pa_t root, va_t start, va_t end,
		    va_t floor, va_t ceiling)
{
	struct table_walk w = {
		.k = k,
		.root = root,
		.start = start,
		.last = end - 1,
		.floor = floor,
		.ceiling = ceiling - 1,
		.free = true,
	};

	if (start >= end || start >= k->layout.task_size)
		return;
	if (w.last >= k->layout.task_size)
		w.last = k->layout.task_size - 1;
	walk_tables(&w, root, 0, 0);
}

unsigned pt_count_tables(const struct kernel *k, pa_t root)
{
	struct table_walk w = {
		.k = (struct kernel *)k,
		.root = root,
		.start = 0,
		.last = k->layout.task_size - 1,
		.count = 1 << pgd_order(k),
	};

	walk_tables(&w, root, 0, 0);
	return w.count;
}

/* --- roots -------------------------------------------------------------- */

/*
 * Where the root is held in registers, all its user tables are made at once,
 * as Linux does (preallocate_pmds): adding one later means reloading CR3.
 */
static bool preallocate_root(struct kernel *k, pa_t root, va_t start, va_t end)
{
	if (!k->mode->pdpte_regs)
		return true;
	for (va_t va = start; va < end; va += 1ULL << k->mode->level[0].shift)
		if (!pt_lookup(k, root, va, 1, true))
			return false;
	return true;
}

/* The kernel half of swapper_pg_dir, of both roots if there are two. */
static void clone_kernel_half(struct kernel *k, pa_t root)
{
	pa_t first = entry_address(k, 0, 0, k->layout.page_offset);
	pa_t end = nr_entries(k, 0) * k->mode->entry_size;

	if (k->mode->canonical)
		first = end / 2;
	for (unsigned i = 0; i < 1U << pgd_order(k); i++)
		memcpy(k->ram->host + root + i * PAGE_SIZE + first,
		       k->ram->host + k->swapper_pg_dir + i * PAGE_SIZE + first,
		       end - first);
}

/* A root has no owner in page->index: it is not freed as a table is. */
static void mark_root(struct kernel *k, pfn_t pfn, uint64_t flags)
{
	for (unsigned i = 0; i < 1U << pgd_order(k); i++) {
		struct page *page = pfn_to_page(k, pfn + i);

		page->flags = (page->flags & ~PG_table) | flags;
	}
}

pfn_t pgd_alloc(struct kernel *k)
{
	pfn_t pfn = alloc_pages(k, GFP_KERNEL | GFP_ZERO, pgd_order(k),
				"page table");

	if (pfn == PFN_NONE)
		return PFN_NONE;
	mark_root(k, pfn, PG_table);
	clone_kernel_half(k, pfn << PAGE_SHIFT);
	if (!preallocate_root(k, pfn << PAGE_SHIFT, 0, k->layout.task_size)) {
		pgd_free(k, pfn);
		return PFN_NONE;
	}
	return pfn;
}

void pgd_free(struct kernel *k, pfn_t pgd)
{
	free_pgd_range(k, pgd << PAGE_SHIFT, 0, k->layout.task_size, 0, 0);
	mark_root(k, pgd, 0);
	forget_root(k, pgd << PAGE_SHIFT);
	free_pages(k, pgd, pgd_order(k));
}

/* --- kernel mappings ---------------------------------------------------- */

int kernel_populate_tables(struct kernel *k, va_t start, va_t end)
{
	uint64_t step = 1ULL << k->mode->level[k->pte_level - 1].shift;

	for (va_t va = ALIGN_DOWN(start, step);; va += step) {
		if (!pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, true))
			return -ENOMEM;
		if (end - 1 - va < step)
			return 0;
	}
}

/* The level of the largest page that can map @size bytes from @va to @pa. */
static unsigned map_level(const struct kernel *k, va_t va, pa_t pa,
			  uint64_t size, unsigned max_shift)
{
	for (unsigned i = 0; i < k->pte_level; i++) {
		const struct paging_level *l = &k->mode->level[i];
		uint64_t bytes = 1ULL << l->shift;

		if (l->may_map && l->shift <= max_shift && size >= bytes &&
		    !((va | pa) & (bytes - 1)))
			return i;
	}
	return k->pte_level;
}

/* Writes the kernel entry that maps @va to @pa at @level. */
static void set_kernel_entry(struct kernel *k, va_t va, pa_t pa, unsigned level,
			     pa_t entry_pa, uint64_t flags)
{
	uint64_t entry = paging_address_bits(k->mode, level, pa, true) | flags;

	if (level < k->pte_level)
		entry |= PTE_PS;
	pt_set(k, 0, va, level, entry_pa, entry, "kernel");
	if (level == 0)
		sync_kernel_mappings(k, va, entry);
}

#define MIN_FILL 8 /* tables: fewer are written at once */

/* Enters @n tables side by side from @tables on; stops at an entry in use. */
static uint64_t enter_tables(struct kernel *k, va_t va, unsigned level,
			     pa_t tables, uint64_t n)
{
	uint64_t span = 1ULL << k->mode->level[level].shift, i;
	pa_t up = 0;

	for (i = 0; i < n; i++, va += span, tables += PAGE_SIZE) {
		if (up && paging_index(k->mode, level, va))
			up += k->mode->entry_size;
		else
			up = pt_lookup(k, k->swapper_pg_dir, va, level, true);
		if (!up || read_entry(k, up))
			break;
		pt_set(k, 0, va, level, up,
		       paging_address_bits(k->mode, level, tables, false) |
			       _KERNPG_TABLE,
		       "table");
	}
	return i;
}

/*
 * At boot, the tables that map [va, va + size) with nothing but the same large
 * pages are frames in a row whose bytes follow from the first entry: RAM writes
 * each when it is first read (ram_fill()). Returns how many bytes are mapped.
 */
static uint64_t map_whole_tables(struct kernel *k, va_t va, pa_t pa,
				 uint64_t size, uint64_t flags, unsigned level)
{
	uint64_t page = 1ULL << k->mode->level[level].shift;
	uint64_t span = page * nr_entries(k, level), n = size / span;
	uint64_t entry = paging_address_bits(k->mode, level, pa, true) | flags;
	pa_t tables;

	if (k->totalram_pages || k->mode->entry_size != 8 || !level ||
	    level == k->pte_level || n < MIN_FILL || (va & (span - 1)))
		return 0;
	tables = memblock_alloc(k, n * PAGE_SIZE, PAGE_SIZE,
				k->layout.lowmem_end, "page tables");
	if (!tables)
		return 0;
	n = enter_tables(k, va, level - 1, tables, n);
	if (n)
		ram_fill(k->ram, tables, n * PAGE_SIZE, entry | PTE_PS, page);
	return n * span;
}

int kernel_map_range(struct kernel *k, va_t va, pa_t pa, uint64_t size,
		     uint64_t flags, unsigned max_shift)
{
	unsigned shift = pt_max_shift(k), last = 0;
	pa_t entry_pa = 0;

	if (shift > max_shift)
		shift = max_shift;
	while (size) {
		unsigned level = map_level(k, va, pa, size, shift);
		uint64_t bytes =
			map_whole_tables(k, va, pa, size, flags, level);

		if (bytes) {
			entry_pa = 0;
			va += bytes;
			pa += bytes;
			size -= bytes;
			continue;
		}
		bytes = 1ULL << k->mode->level[level].shift;
		/* The next entry is beside the last one, or must be found. */
		if (entry_pa && level == last &&
		    paging_index(k->mode, level, va))
			entry_pa += k->mode->entry_size;
		else
			entry_pa = pt_lookup(k, k->swapper_pg_dir, va, level,
					     true);
		if (!entry_pa)
			return -ENOMEM;
		set_kernel_entry(k, va, pa, level, entry_pa, flags);
		last = level;
		va += bytes;
		pa += bytes;
		size -= bytes < size ? bytes : size;
	}
	return 0;
}
