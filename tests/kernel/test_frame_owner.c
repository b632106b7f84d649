/*
 * test_frame_owner.c - every frame's use, by runs, against a slow look at each
 * frame from the owners' side: lists, tables, page caches.
 */
#include "boot.h"

#include "kernel/frame_owner.h"
#include "kernel/memblock.h"
#include "kernel/mm_internal.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"

/* --- what the owners say ----------------------------------------------------
 */
static void set(uint8_t *use, pfn_t start, uint64_t n, enum frame_use what)
{
	memset(use + start, what, n);
}

static void from_map(const struct kernel *k, uint8_t *use)
{
	set(use, 0, k->max_pfn, FRAME_HOLE);
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn++)
		for (unsigned i = 0; i < k->ram->nregions; i++) {
			const struct ram_region *g = &k->ram->region[i];

			if (g->type != RAM_USABLE &&
			    g->start < (pfn + 1) << PAGE_SHIFT &&
			    g->end > pfn << PAGE_SHIFT)
				use[pfn] = FRAME_FIRMWARE;
		}
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn++)
		if (pfn_valid(k, pfn))
			use[pfn] = FRAME_KERNEL;
}

static void from_memblock(const struct kernel *k, uint8_t *use)
{
	for (unsigned i = 0; i < k->nreserved; i++) {
		const char *name = k->reserved[i].name;
		enum frame_use what = !strncmp(name, "Kernel", 6) ? FRAME_IMAGE
				      : !strcmp(name, "mem_map") ? FRAME_MEM_MAP
				      : !strcmp(name, "page tables")
					      ? FRAME_TABLE
					      : FRAME_RESERVED;

		for (pa_t pa = k->reserved[i].start; pa < k->reserved[i].end;
		     pa += PAGE_SIZE)
			if (pfn_valid(k, pa >> PAGE_SHIFT))
				use[pa >> PAGE_SHIFT] = what;
	}
	use[k->zero_pfn] = FRAME_ZERO;
}

static void from_buddy(const struct kernel *k, uint8_t *use)
{
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn++)
		switch (page_free_info(k, pfn, NULL)) {
		case PAGE_NOT_FREE:
			break;
		case PAGE_PCP:
			use[pfn] = FRAME_PCP;
			break;
		default:
			use[pfn] = FRAME_FREE;
		}
}

static void from_kernel_space(const struct kernel *k, uint8_t *use)
{
	const struct vmap_area *va = NULL;

	while ((va = vmap_next(k, va)))
		for (unsigned i = 0; va->kind == VMAP_ALLOC && i < va->nr_pages;
		     i++)
			use[va->pages[i]] = FRAME_VMALLOC;
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn++)
		if (use[pfn] == FRAME_KERNEL &&
		    (pfn_to_page(k, pfn)->flags & PG_slab))
			use[pfn] = FRAME_SLAB;
}

static void from_tasks(struct kernel *k, uint8_t *use, uint32_t *maps)
{
	const struct task_struct *t;
	struct pte_range r;

	TAILQ_FOREACH (t, &k->tasks, link) {
		set(use, t->stack, 1ULL << STACK_ORDER(k), FRAME_STACK);
		for (va_t va = 0; t->mm && next_pte_range(k, mm_root(t->mm), va,
							  t->mm->task_size, &r);
		     va = r.end)
			for (; r.va < r.end;
			     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size) {
				uint64_t pte = ptep_get(k, r.ptep);
				pfn_t pfn = pte_to_pfn(k, pte);

				if (!pte_present(pte) || pfn == k->zero_pfn ||
				    use[pfn] != FRAME_KERNEL)
					continue;
				maps[pfn]++;
			}
	}
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn++)
		if (maps[pfn])
			use[pfn] = maps[pfn] > 1 ? FRAME_SHARED : FRAME_ANON;
}

static void from_caches(const struct kernel *k, uint8_t *use,
			const uint32_t *maps)
{
	const struct inode *inode;
	pfn_t pfn;

	LIST_FOREACH (inode, &k->inodes, link)
		for (uint64_t i = 0; page_cache_next(&inode->mapping, &i, &pfn);
		     i++)
			use[pfn] = inode->path[0] == '[' ? FRAME_VDSO
				   : maps[pfn] > 1	 ? FRAME_SHARED
				   : !strcmp(inode->ops->name, "shmem")
					   ? FRAME_SHMEM
					   : FRAME_FILE;
}

/* Tables, large kmallocs and blocks are known by their records only. */
static bool agrees(const struct kernel *k, enum frame_use got, uint8_t want,
		   pfn_t pfn)
{
	if (want == FRAME_FREE)
		return got == FRAME_FREE ||
		       (got == FRAME_UNUSED &&
			!(pfn_to_page(k, pfn)->flags & PG_used));
	if (want == FRAME_KERNEL)
		return got == FRAME_TABLE || got == FRAME_KMALLOC ||
		       got == FRAME_BLOCK || got == FRAME_KERNEL;
	return got == want;
}

static void check_all(struct kernel *k)
{
	uint8_t *use = malloc(k->max_pfn);
	uint32_t *maps = calloc(k->max_pfn, sizeof(*maps));
	uint64_t present = 0, counted = 0;

	from_map(k, use);
	from_memblock(k, use);
	from_buddy(k, use);
	from_kernel_space(k, use);
	from_tasks(k, use, maps);
	from_caches(k, use, maps);
	for (pfn_t pfn = 0; pfn < k->max_pfn;) {
		struct frame_run run = frame_run_at(k, pfn, k->max_pfn);

		assert_true(run.start == pfn && run.end > pfn);
		counted += frame_use_is_ram(run.use) ? run.end - pfn : 0;
		for (; pfn < run.end; pfn++) {
			present += pfn_valid(k, pfn);
			if (!agrees(k, run.use, use[pfn], pfn))
				fail_msg("pfn 0x%llx: %s, its owner says %s",
					 (unsigned long long)pfn,
					 frame_use_info[run.use].name,
					 frame_use_info[use[pfn]].name);
		}
	}
	assert_int_equal(counted, present);
	free(use);
	free(maps);
}

/* --- random states
 * ------------------------------------------------------------ */
#define SLOTS 24

struct world {
	struct kernel *k;
	va_t kmem[SLOTS], vmem[SLOTS], user[SLOTS];
	unsigned size[SLOTS];
};

static void step_kernel(struct world *w, unsigned i, unsigned n)
{
	if (w->kmem[i])
		kfree(w->k, w->kmem[i]);
	w->kmem[i] = 0;
	kmalloc(w->k, 1 + n % 40000, n % 7 ? GFP_KERNEL : GFP_DMA, &w->kmem[i]);
	if (w->vmem[i])
		vfree(w->k, w->vmem[i]);
	w->vmem[i] = 0;
	if (n % 3 == 0)
		vmalloc(w->k, (1 + n % 30) * PAGE_SIZE, &w->vmem[i]);
}

static void step_user(struct world *w, unsigned i, unsigned n)
{
	struct mm_struct *mm = find_task(w->k, 1)->mm;
	uint8_t byte = 1;

	if (w->user[i])
		do_munmap(w->k, mm, w->user[i], w->size[i] * PAGE_SIZE);
	w->size[i] = 1 + n % 40;
	if (do_mmap(w->k, mm, NULL, 0, w->size[i] * PAGE_SIZE,
		    LX_PROT_READ | LX_PROT_WRITE,
		    LX_MAP_ANONYMOUS | (n & 1 ? LX_MAP_SHARED : LX_MAP_PRIVATE),
		    0, &w->user[i]))
		fail_msg("mmap");
	for (unsigned p = 0; p < w->size[i]; p += 1 + n % 3)
		access_remote_vm(w->k, mm, w->user[i] + p * PAGE_SIZE, &byte, 1,
				 true);
}

static void step_process(struct world *w, unsigned n)
{
	struct task_struct *init = find_task(w->k, 1), *t;
	int pid;

	if (n % 3 && !kernel_fork(w->k, init, &t))
		return;
	t = TAILQ_LAST(&w->k->tasks, task_list);
	if (t->pid == 1)
		return;
	do_exit(w->k, t, 0);
	do_wait(w->k, init, &pid);
}

/* Looking at each frame takes long with sanitizers. */
#ifdef MMSH_CHECK_ALWAYS
#define LOOK_EVERY 100
#else
#define LOOK_EVERY 25
#endif

static void test_frame_owner__agrees_with_the_owners(void **state)
{
	struct world w = { .k = *state };
	uint64_t rng = 42;

	check_all(w.k);
	for (unsigned i = 0; i < 400; i++) {
		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		unsigned n = rng >> 33, slot = n / 8 % SLOTS;

		kernel_new_stamp(w.k);
		if (n % 8 < 3)
			step_kernel(&w, slot, n / 64);
		else if (n % 8 < 6)
			step_user(&w, slot, n / 64);
		else
			step_process(&w, n / 64);
		if (i % LOOK_EVERY == 0)
			check_all(w.k);
	}
	check_all(w.k);
}

/* --- single things
 * ------------------------------------------------------------ */
static void
test_frame_owner__a_block_is_known_by_any_of_its_frames(void **state)
{
	struct kernel *k = *state;
	unsigned order;
	va_t va;
	pfn_t pfn;

	assert_int_equal(kmalloc(k, 64 * KiB, GFP_KERNEL, &va), 0);
	pfn = kernel_pa(k, va) >> PAGE_SHIFT;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(frame_use(k, pfn + i), FRAME_KMALLOC);
		assert_int_equal(frame_block(k, pfn + i, &order), pfn);
		assert_int_equal(order, 4);
	}
	kfree(k, va);
	assert_true(frame_use_is_free(frame_use(k, pfn + 5)));
}

static void
test_frame_owner__stamps_tell_what_the_last_command_did(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn, other;

	kernel_new_stamp(k);
	other = alloc_pages(k, GFP_KERNEL, 0, "test");
	pfn = alloc_pages(k, GFP_KERNEL, 0, "test");
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_TAKEN);
	for (unsigned i = 0; i < 600; i++) { /* they come round twice */
		kernel_new_stamp(k);
		assert_int_equal(frame_run_at(k, pfn, pfn + 1).change,
				 FRAME_SAME);
	}
	page_changed(k, pfn_to_page(k, pfn));
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_CHANGED);
	free_pages(k, pfn, 0);
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_FREED);
	free_pages(k, other, 0);
}

static void test_frame_owner__an_object_marks_its_slab(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn;
	va_t a, b;

	assert_int_equal(kmalloc(k, 100, GFP_KERNEL, &a), 0);
	pfn = kernel_pa(k, a) >> PAGE_SHIFT;
	kernel_new_stamp(k);
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_SAME);
	assert_int_equal(kmalloc(k, 100, GFP_KERNEL, &b), 0);
	assert_int_equal(kernel_pa(k, b) >> PAGE_SHIFT, pfn);
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_CHANGED);
	kernel_new_stamp(k);
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_SAME);
	kfree(k, a);
	assert_int_equal(frame_run_at(k, pfn, pfn + 1).change, FRAME_CHANGED);
	kfree(k, b);
}

static void test_frame_owner__who_and_whether_it_can_be_swapped(void **state)
{
	struct kernel *k = *state;
	struct task_struct *init = find_task(k, 1), *child;
	const char *why;
	uint64_t pte;
	unsigned level;
	uint8_t byte = 1;
	pfn_t pfn;
	va_t va;

	assert_int_equal(do_mmap(k, init->mm, NULL, 0, PAGE_SIZE,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_ANONYMOUS | LX_MAP_PRIVATE, 0, &va),
			 0);
	assert_int_equal(access_remote_vm(k, init->mm, va, &byte, 1, true), 0);
	assert_true(pt_leaf(k, mm_root(init->mm), va, &pte, &level));
	pfn = pte_pfn(k, pte);
	assert_int_equal(frame_use(k, pfn), FRAME_ANON);
	assert_int_equal(frame_pid(k, pfn), 1);
	assert_int_equal(frame_reclaim(k, pfn, &why), RECLAIM_SWAP);
	find_vma(init->mm, va)->vm_flags |= VM_LOCKED;
	assert_int_equal(frame_reclaim(k, pfn, &why), RECLAIM_NEVER);
	find_vma(init->mm, va)->vm_flags &= ~VM_LOCKED;
	assert_int_equal(kernel_fork(k, init, &child), 0);
	assert_int_equal(frame_use(k, pfn), FRAME_SHARED);
	assert_int_equal(frame_pid(k, pfn), 0);
	assert_int_equal(frame_pid(k, child->stack + 1), child->pid);
	assert_int_equal(frame_pid(k, child->mm->pgd), child->pid);
	assert_int_equal(frame_reclaim(k, child->stack, &why), RECLAIM_NEVER);
}

static const struct boot_row small = { .name = "small",
				       .arch = "i386",
				       .ram = 64 * MiB };

static const struct boot_row pti = {
	.name = "pti",
	.arch = "x86_64",
	.ram = 2 * GiB,
	.pti = true,
};

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ALL(fn)                                                              \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_pae), BOOT_TEST(fn, x86_64), \
		BOOT_TEST(fn, small), BOOT_TEST(fn, pti)
		ALL(test_frame_owner__agrees_with_the_owners),
		ALL(test_frame_owner__a_block_is_known_by_any_of_its_frames),
		ALL(test_frame_owner__stamps_tell_what_the_last_command_did),
		ALL(test_frame_owner__an_object_marks_its_slab),
		ALL(test_frame_owner__who_and_whether_it_can_be_swapped),
	};

	return cmocka_run_group_tests_name("frame_owner", tests, NULL, NULL);
}
