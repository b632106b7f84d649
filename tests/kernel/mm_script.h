/*
 * mm_script.h - experiments on an address space as rows of a table.
 *
 * A row is a script of steps and the text that a real kernel answers, as
 * golden/linux-behaviour.tsv has it. Addresses are pages, counted from a base
 * in the middle of nowhere, between two PROT_NONE guards as there. Steps:
 *
 *	m A N PROT FLAGS    mmap, fixed. PROT: "rw", "r", "-" ...; FLAGS:
 *	                    p private s shared n noreserve l locked g growsdown
 *	                    P populate t stack e noreplace h hint, not fixed
 *	                    b 32bit y sync z hugetlb B nonblock U unknown
 *	                    x neither anonymous nor of a file
 *	f A N PROT FLAGS O  the same of a file (shmem-like with FLAGS 'T', file
 *	                    2 with '2', read-only descriptor with 'o', write-
 *	                    only with 'w', anonymous all the same with 'a', one
 *	                    that cannot be mapped with 'd') from page O
 *	u A N, p A N PROT   munmap, mprotect
 *	b N                 brk to start + N bytes (N may be hex)
 *	r A, w A, x A       read, write, fetch at byte (A may be "3+0x123")
 *	R A N, W A N        touch pages, prints the number of minor faults
 *	c                   min= maj= of the last access
 *	k A, = A            keep the page's frame; same or new now?
 *	F C B X             fork; run the child, the parent; child exits
 *	L, H                areas from base on; areas of the heap
 *	v A                 VmFlags of the area at A
 *	a A N ADVICE        madvise
 *	l A N, o A N        mlock; mlock2(MLOCK_ONFAULT)
 *	U A N               munlock
 *	A FLAGS             mlockall: c current, f future, o onfault; - munlockall
 *	K N                 RLIMIT_MEMLOCK: N pages
 *	y                   pages that are locked_vm and NR_MLOCK: "locked=4,3"
 *	n RIGHTS            pkey_alloc: a access disabled, w write, - none
 *	* KEY               pkey_free
 *	t A N PROT KEY      pkey_mprotect
 *	z HEX               writes PKRU, or prints it: z ?
 *	e A                 the key in the entry of A: "key=1"
 *	M A N               mincore: "1 1 0", or its errno
 *	d A                 the byte at A, as memory has it: "value=0"
 *	q A                 "exclusive", "shared" ...: see show_page()
 *	s A N               present pages
 *	S A                 smaps of the area at A: "Rss=4 Pss=2 ...", "all 0"
 *	G A                 pagemap: "present,exclusive,softdirty"
 *	I A                 kpageflags and kpagecount: "count=1 UPTODATE ..."
 *	Z N                 clear_refs
 *	T                   statm, as changes since the last T
 *	g A OLD NEW FLAGS B mremap; OLD, NEW as N; FLAGS: m maymove f fixed
 *	                    d dontunmap u unknown; B: the new address, or -
 *	~ A N NAME          names anonymous memory; -: not any more
 *	i A                 the base from now on; "." the first one again
 *	& MASK              capabilities
 *	% NAME VALUE        sysctl vm.NAME
 *	^ RES N             limit of "as", "data", "stack", "memlock": N pages
 *	                    (or bytes: "N."), "now" for those that it has
 *	V                   changed counts of areas: "total=3 data=2 exec=0 stack=0"
 *	J                   how Committed_AS has changed, in pages
 *	O N                 swapon of N slots; "N:5" with priority 5, "Ns" an ssd
 *	E                   swapoff of all areas
 *	P N                 reclaim N pages
 *	Q                   free what only the swap cache has
 *	j A                 the swap entry at A: "type=0 offset=1,exclusive"
 *	N                   swap: "used=1 cached=1 in=0 out=1"
 *	D A N STEP          reads N pages, each STEP after the last (modulo N), with
 *			    a negative one from the end: M major, m minor, . none
 *	:STEP ...           files: file_script.h
 *	# TEXT              prints TEXT
 *
 * A step with '?' before it prints its outcome: ok, an errno, a fault.
 */
#ifndef TESTS_KERNEL_MM_SCRIPT_H
#define TESTS_KERNEL_MM_SCRIPT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/sysctl.h"
#include "kernel/mman.h"
#include "kernel/pkeys.h"
#include "kernel/swap.h"
#include "kernel/task_mmu.h"

struct mm_row {
	const char *experiment, *name, *script;
	const char *amd64, *i386;	/* i386 NULL: as amd64 */
};

struct mm_run {
	struct kernel *k;
	struct task_struct *task[2];	/* parent, child */
	unsigned cur;			/* who runs, on which CPU */
	struct file *file[3];
	va_t base, heap;
	struct user_access last;
	pfn_t kept;
	struct task_mem statm;
	uint64_t counts[4];		/* of areas, for 'V' */
	int64_t committed;		/* for 'J' */
	char out[4096];
	bool loud;			/* print the outcome of this step */
};

#define SCRIPT_FILE_PAGES 64

static inline va_t first_base(const struct kernel *k)
{
	return k->arch->word == 8 ? 0x7f0000000000 : 0x50000000;
}

static inline void emit(struct mm_run *r, const char *fmt, ...)
{
	size_t n = strlen(r->out);
	va_list args;

	if (n && n + 1 < sizeof(r->out))
		strcpy(r->out + n++, " ");
	va_start(args, fmt);
	vsnprintf(r->out + n, sizeof(r->out) - n, fmt, args);
	va_end(args);
}

static inline struct mm_struct *cur_mm(const struct mm_run *r)
{
	return r->task[r->cur]->mm;
}

static inline void complain(void *ctx, const char *text)
{
	print_error("%s\n", text);
}

static inline struct kernel *boot_small(const struct arch *arch, bool aslr)
{
	struct kernel_config cfg;
	struct kernel *k;
	const char *why;

	kernel_config_default(&cfg, arch);
	cfg.ram = 128 * MiB;
	cfg.pku = true;		/* as the machines of the golden rows had */
	cfg.aslr = aslr;
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s", why);
	return k;
}

static inline const char *errno_text(int err)
{
	return err ? strerrorname_np(-err) : "ok";
}

static inline void outcome(struct mm_run *r, int err)
{
	if (r->loud)
		emit(r, "%s", errno_text(err));
}

static inline unsigned parse_prot(const char *s)
{
	return (strchr(s, 'r') ? LX_PROT_READ : 0) |
	       (strchr(s, 'w') ? LX_PROT_WRITE : 0) |
	       (strchr(s, 'x') ? LX_PROT_EXEC : 0);
}

static inline unsigned parse_flags(const char *s)
{
	static const struct {
		char c;
		unsigned flag;
	} names[] = {
		{ 'p', LX_MAP_PRIVATE },   { 's', LX_MAP_SHARED },
		{ 'n', LX_MAP_NORESERVE }, { 'l', LX_MAP_LOCKED },
		{ 'g', LX_MAP_GROWSDOWN }, { 'P', LX_MAP_POPULATE },
		{ 't', LX_MAP_STACK },	   { 'e', LX_MAP_FIXED_NOREPLACE },
		{ 'b', LX_MAP_32BIT },	   { 'y', LX_MAP_SYNC },
		{ 'z', LX_MAP_HUGETLB },   { 'B', LX_MAP_NONBLOCK },
		{ 'a', LX_MAP_ANONYMOUS }, { 'U', 1U << 21 },
	};
	unsigned flags = strpbrk(s, "eh") ? 0 : LX_MAP_FIXED;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strchr(s, names[i].c))
			flags |= names[i].flag;
	return flags;
}

/*
 * "3" is a page, "3+0x10" a byte, "@0x8000" an address; "$3" a page of the
 * heap, "!3" the third page below the end of the stack.
 */
static inline va_t parse_va(const struct mm_run *r, const char *s)
{
	char *end;
	va_t va;

	if (*s == '@')
		return strtoull(s + 1, NULL, 0);
	if (*s == '!')
		return r->k->layout.stack_top -
		       (strtoull(s + 1, NULL, 0) << PAGE_SHIFT);
	if (*s == '$')
		return r->heap + (strtoull(s + 1, NULL, 0) << PAGE_SHIFT);
	va = r->base + strtoll(s, &end, 0) * (int64_t)PAGE_SIZE;
	return *end == '+' ? va + strtoull(end + 1, NULL, 0) : va;
}

static inline uint64_t parse_len(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);

	return *end == '.' ? n : n << PAGE_SHIFT;	/* "100.": bytes */
}

static inline void show_place(struct mm_run *r, va_t va)
{
	if (va >= r->base && va < r->base + 4 * MiB)
		emit(r, "base+%llu", (unsigned long long)((va - r->base) >>
							  PAGE_SHIFT));
	else
		emit(r, "0x%llx", (unsigned long long)va);
}

static inline void step_map(struct mm_run *r, char **arg, struct file *file,
			    uint64_t pgoff)
{
	bool anon = !file && !strchr(arg[3], 'x');
	unsigned flags = parse_flags(arg[3]) | (anon ? LX_MAP_ANONYMOUS : 0);
	va_t va;
	int err = do_mmap(r->k, cur_mm(r), file, parse_va(r, arg[0]),
			  parse_len(arg[1]), parse_prot(arg[2]), flags, pgoff,
			  &va);

	if (r->loud && !err && strpbrk(arg[3], "eh"))
		show_place(r, va);
	else
		outcome(r, err);
}

static inline void step_file(struct mm_run *r, char **arg)
{
	struct file *file = r->file[strchr(arg[3], 'T') ? 2 :
				     strchr(arg[3], '2') ? 1 : 0];

	const struct vm_operations_struct *ops = file->f_inode->ops;

	file->f_mode = strchr(arg[3], 'w') ? 0 : FMODE_READ;
	if (!strchr(arg[3], 'o'))
		file->f_mode |= FMODE_WRITE;
	if (strchr(arg[3], 'd'))
		file->f_inode->ops = NULL;
	step_map(r, arg, file, strtoull(arg[4], NULL, 0));
	file->f_mode = FMODE_READ | FMODE_WRITE;
	file->f_inode->ops = ops;
}

static inline void show_fault(struct mm_run *r)
{
	const struct siginfo *s = &r->last.sig;
	const char *code = s->si_code == LX_SI_KERNEL ? "SI_KERNEL" :
			   s->signo == LX_SIGBUS ? "ADRERR" :
			   s->si_code == LX_SEGV_PKUERR ? "PKUERR" :
			   s->si_code == LX_SEGV_MAPERR ? "MAPERR" : "ACCERR";
	char addr[40];

	if (r->last.oops) {
		emit(r, "oops");
		return;
	}
	snprintf(addr, sizeof(addr),
		 s->addr >= r->base && s->addr < r->base + 4 * MiB ?
			 "base+0x%llx" : "0x%llx",
		 (unsigned long long)(s->addr >= r->base &&
				      s->addr < r->base + 4 * MiB ?
					      s->addr - r->base : s->addr));
	emit(r, "%s %s addr=%s err=0x%x trap=%u",
	     s->signo == LX_SIGBUS ? "SIGBUS" :
	     s->signo == LX_SIGSEGV ? "SIGSEGV" : "SIGKILL",
	     code, addr, s->error_code, s->trap);
}

static inline void touch(struct mm_run *r, enum access_kind kind, va_t va,
			 unsigned len)
{
	uint8_t buf[8] = { 1, 2, 3 };

	user_access(r->k, r->cur, kind, true, va, buf, len, &r->last);
}

static inline void step_access(struct mm_run *r, char op, const char *arg)
{
	enum access_kind kind = op == 'w' ? ACCESS_WRITE :
				op == 'x' ? ACCESS_FETCH : ACCESS_READ;
	bool wide = arg[0] == '8' && arg[1] == ':';

	touch(r, kind, parse_va(r, wide ? arg + 2 : arg), wide ? 8 : 1);
	if (r->loud && (r->last.sig.signo || r->last.oops))
		show_fault(r);
	else if (r->loud)
		emit(r, "ok");
}

static inline void step_touch(struct mm_run *r, char op, char **arg)
{
	uint64_t n = strtoull(arg[1], NULL, 0), min = 0;

	for (uint64_t i = 0; i < n; i++) {
		touch(r, op == 'W' ? ACCESS_WRITE : ACCESS_READ,
		      parse_va(r, arg[0]) + (i << PAGE_SHIFT), 1);
		assert_int_equal(r->last.sig.signo, 0);
		min += r->last.min_flt;
	}
	emit(r, "%llu", (unsigned long long)min);
}

static inline uint64_t leaf(struct mm_run *r, va_t va)
{
	uint64_t entry;
	unsigned level;

	return pt_leaf(r->k, mm_root(cur_mm(r)), va, &entry, &level) ? entry :
								       0;
}

static inline void step_same(struct mm_run *r, va_t va)
{
	emit(r, "pfn %s",
	     pte_to_pfn(r->k, leaf(r, va)) == r->kept ? "same" : "new");
}

static inline void show_vma(struct mm_run *r, const struct vm_area_struct *v,
			    va_t base)
{
	char off[24] = "";

	if (v->vm_file)
		snprintf(off, sizeof(off), "@%llu",
			 (unsigned long long)v->vm_pgoff);
	emit(r, "%lld-%lld:%c%c%c%c%s",
	     (long long)(v->vm_start - base) >> PAGE_SHIFT,
	     (long long)(v->vm_end - base) >> PAGE_SHIFT,
	     v->vm_flags & VM_READ ? 'r' : '-',
	     v->vm_flags & VM_WRITE ? 'w' : '-',
	     v->vm_flags & VM_EXEC ? 'x' : '-',
	     v->vm_flags & VM_MAYSHARE ? 's' : 'p', off);
}

static inline void show_range(struct mm_run *r, va_t start, va_t end)
{
	struct vm_area_struct *v;
	bool any = false;

	for_each_vma(&cur_mm(r)->vmas, v)
		if (v->vm_start >= start && v->vm_start < end) {
			show_vma(r, v, start);
			any = true;
		}
	if (!any)
		emit(r, "none");
}

static inline void show_present(struct mm_run *r, va_t va, uint64_t n)
{
	int64_t from = -1;
	bool any = false;

	for (uint64_t i = 0; i <= n; i++) {
		bool here = i < n && leaf(r, va + (i << PAGE_SHIFT));

		if (here && from < 0)
			from = i;
		if (here || from < 0)
			continue;
		if ((uint64_t)from == i - 1)
			emit(r, "%lld", (long long)from);
		else
			emit(r, "%lld-%lld", (long long)from, (long long)i - 1);
		from = -1;
		any = true;
	}
	if (!any)
		emit(r, "none");
}

static inline void step_fork(struct mm_run *r)
{
	assert_int_equal(kernel_fork(r->k, r->task[0], &r->task[1]), 0);
	assert_int_equal(context_switch(r->k, 1, r->task[1]), 0);
}

static inline void step_brk(struct mm_run *r, const char *arg)
{
	va_t want = r->heap + strtoull(arg, NULL, 0), got;

	assert_int_equal(do_brk(r->k, cur_mm(r), want, &got), 0);
	if (r->loud)
		emit(r, "%s", got == want ? "ok" : "refused");
}

static inline void show_flags(struct mm_run *r, va_t va)
{
	const struct vm_area_struct *v = find_vma(cur_mm(r), va);
	char buf[160];

	emit(r, "%s", flags_format(buf, sizeof(buf), vm_flag_names,
				   v->vm_flags, " "));
}

static inline int script_mlockall(struct mm_run *r, const char *s)
{
	unsigned flags = (strchr(s, 'c') ? LX_MCL_CURRENT : 0) |
			 (strchr(s, 'f') ? LX_MCL_FUTURE : 0) |
			 (strchr(s, 'o') ? LX_MCL_ONFAULT : 0) |
			 (strchr(s, '8') ? 8 : 0);

	return *s == '-' ? do_munlockall(r->k, cur_mm(r)) :
			   do_mlockall(r->k, cur_mm(r), flags);
}

static inline void step_lock(struct mm_run *r, char op, char **arg)
{
	struct mm_struct *mm = cur_mm(r);
	va_t va = parse_va(r, arg[0]);
	uint64_t len = parse_len(arg[1]);

	outcome(r, op == 'U' ? do_munlock(r->k, mm, va, len) :
			       do_mlock(r->k, mm, va, len,
					op == 'o' ? LX_MLOCK_ONFAULT : 0));
}

static inline void step_mincore(struct mm_run *r, char **arg)
{
	uint64_t len = parse_len(arg[1]);
	uint8_t *vec = xcalloc(1, len < GiB ? (len >> PAGE_SHIFT) + 1 : 1);
	int err = do_mincore(r->k, cur_mm(r), parse_va(r, arg[0]), len, vec);

	outcome(r, err);
	for (uint64_t i = 0; !err && i << PAGE_SHIFT < len; i++)
		emit(r, "%u", vec[i]);
	free(vec);
}

static inline void step_pkey_alloc(struct mm_run *r, const char *s)
{
	unsigned rights = (strchr(s, 'a') ? LX_PKEY_DISABLE_ACCESS : 0) |
			  (strchr(s, 'w') ? LX_PKEY_DISABLE_WRITE : 0) |
			  (strchr(s, '8') ? 8 : 0);
	int rc = do_pkey_alloc(r->k, cur_mm(r), 0, rights);

	if (rc < 0)
		outcome(r, rc);
	else if (r->loud)
		emit(r, "key %d", rc);
}

static inline void step_pkru(struct mm_run *r, const char *s)
{
	struct task_struct *task = r->task[r->cur];

	if (*s == '?')
		emit(r, "pkru=0x%x", read_pkru(r->k, task));
	else
		write_pkru(r->k, task, strtoul(s, NULL, 16));
}

static inline void show_byte(struct mm_run *r, va_t va)
{
	uint8_t byte = 0xff;

	access_remote_vm(r->k, cur_mm(r), va, &byte, 1, false);
	emit(r, "value=%u", byte);
}

/* What the entry and the page say of who wrote it, and when. */
static inline void show_page(struct mm_run *r, va_t va)
{
	uint64_t pte = leaf(r, va);
	const struct page *page = vm_normal_page(r->k, pte);

	emit(r, "%s%s%s%s%s", !page ? "zero" :
	     page->flags & PG_anon ? "anon" : "file",
	     pte & PTE_A ? ",young" : "", pte & PTE_D ? ",dirty" : "",
	     pte & PTE_RW ? ",writable" : "",
	     page && !(page->flags & PG_swapbacked) ? ",lazyfree" : "");
}

/* --- what /proc says (task_mmu.h) ------------------------------------------- */

static inline void show_smaps(struct mm_run *r, va_t va)
{
	struct mem_size_stats m = { .resident = 0 };
	bool any = false;

	smap_gather_stats(r->k, find_vma(cur_mm(r), va), &m);
	const struct {
		const char *name;
		uint64_t bytes;
	} rows[] = {
		{ "Rss", m.resident },
		{ "Pss", m.pss >> PSS_SHIFT },
		{ "Shared_Clean", m.shared_clean },
		{ "Shared_Dirty", m.shared_dirty },
		{ "Private_Clean", m.private_clean },
		{ "Private_Dirty", m.private_dirty },
		{ "Referenced", m.referenced },
		{ "Anonymous", m.anonymous },
		{ "LazyFree", m.lazyfree },
		{ "AnonHugePages", m.anonymous_thp },
		{ "Shared_Hugetlb", m.shared_hugetlb },
		{ "Private_Hugetlb", m.private_hugetlb },
		{ "Swap", m.swap },
		{ "Locked", m.pss_locked >> PSS_SHIFT },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].bytes >> 10) {
			emit(r, "%s=%llu", rows[i].name,
			     (unsigned long long)rows[i].bytes >> 10);
			any = true;
		}
	if (!any)
		emit(r, "all 0");
}

static inline uint64_t pagemap_word(struct mm_run *r, va_t va)
{
	uint64_t pme;

	pagemap_run(r->k, cur_mm(r), va, va + PAGE_SIZE, &pme);
	return pme;
}

static inline void show_pagemap(struct mm_run *r, va_t va)
{
	uint64_t pme = pagemap_word(r, va);
	char buf[80];

	flags_format(buf, sizeof(buf), pagemap_flag_names, pme, ",");
	emit(r, "%s%s%s", pme & PM_PRESENT ? "" : "absent",
	     *buf && !(pme & PM_PRESENT) ? "," : "", buf);
}

/* The flags that the experiments show; not how far the LRU lists are. */
static inline void show_kpage(struct mm_run *r, va_t va)
{
	static const uint64_t shown = BIT(24) | BIT(18) | BIT(14) | BIT(13) |
				      BIT(12) | BIT(11) | BIT(4) | BIT(3) |
				      BIT(15) | BIT(16) | BIT(17) | BIT(22);
	uint64_t pme = pagemap_word(r, va), pfn = pme & PM_PFRAME_MASK, u;
	char buf[200];

	if (!(pme & PM_PRESENT)) {
		emit(r, "no page");
		return;
	}
	u = stable_page_flags(r->k, pfn) & shown;
	if (kpagecount(r->k, pfn))
		emit(r, "count=%llu",
		     (unsigned long long)kpagecount(r->k, pfn));
	emit(r, "%s", flags_format(buf, sizeof(buf), kpf_names, u, " "));
}

static inline void show_statm(struct mm_run *r)
{
	struct task_mem t, *o = &r->statm;

	task_mem(r->k, cur_mm(r), &t);
	if (o->total_vm)
		emit(r, "size%+lld resident%+lld shared%+lld text%+lld data%+lld",
		     (long long)(t.total_vm - o->total_vm),
		     (long long)(t.total_rss - o->total_rss),
		     (long long)(t.file + t.shmem - o->file - o->shmem),
		     (long long)(t.text - o->text),
		     (long long)(t.data_vm + t.stack_vm - o->data_vm -
				 o->stack_vm));
	*o = t;
}

static inline void step_mremap(struct mm_run *r, char **arg)
{
	static const char letters[] = "mfd";
	unsigned flags = strchr(arg[3], 'u') ? 0x100 : 0;
	va_t want = strcmp(arg[4], "-") ? parse_va(r, arg[4]) : 0, va;
	int err;

	for (unsigned i = 0; i < 3; i++)
		if (strchr(arg[3], letters[i]))
			flags |= 1U << i;
	err = do_mremap(r->k, cur_mm(r), parse_va(r, arg[0]),
			parse_len(arg[1]), parse_len(arg[2]), flags, want, &va);
	if (r->loud && !err)
		show_place(r, va);
	else
		outcome(r, err);
}

static inline void step_sysctl(struct mm_run *r, char **arg)
{
	char name[64];

	snprintf(name, sizeof(name), "vm.%s", arg[0]);
	assert_non_null(sysctl_find(name));
	assert_int_equal(sysctl_write(r->k, sysctl_find(name),
				      strtoull(arg[1], NULL, 0)), 0);
}

static inline void step_limit(struct mm_run *r, char **arg)
{
	static const char *const names[NR_RLIMITS] = {
		[RLIM_AS] = "as", [RLIM_DATA] = "data",
		[RLIM_STACK] = "stack", [RLIM_MEMLOCK] = "memlock",
	};
	const struct mm_struct *mm = cur_mm(r);

	for (unsigned i = 0; i < NR_RLIMITS; i++) {
		uint64_t now = i == RLIM_AS ? mm->total_vm : mm->data_vm;

		if (strcmp(names[i], arg[0]))
			continue;
		if (strncmp(arg[1], "now", 3))
			r->task[r->cur]->rlim[i] = parse_len(arg[1]);
		else
			r->task[r->cur]->rlim[i] =
				(now + strtoull(arg[1] + 3, NULL, 0))
				<< PAGE_SHIFT;
	}
}

static inline void show_counts(struct mm_run *r)
{
	const struct mm_struct *mm = cur_mm(r);
	uint64_t now[] = { mm->total_vm, mm->data_vm, mm->exec_vm,
			   mm->stack_vm };

	emit(r, "total=%lld data=%lld exec=%lld stack=%lld",
	     (long long)(now[0] - r->counts[0]),
	     (long long)(now[1] - r->counts[1]),
	     (long long)(now[2] - r->counts[2]),
	     (long long)(now[3] - r->counts[3]));
	memcpy(r->counts, now, sizeof(now));
}

static inline void show_committed(struct mm_run *r)
{
	emit(r, "%+lld", (long long)(r->k->vm_committed_as - r->committed));
	r->committed = r->k->vm_committed_as;
}

static inline int script_swapon(struct mm_run *r, const char *arg)
{
	struct swap_on how = { .size = (strtoull(arg, NULL, 0) + 1)
				       << PAGE_SHIFT,
			       .prio = strchr(arg, ':') ?
					       atoi(strchr(arg, ':') + 1) :
					       SWAP_PRIO_NONE,
			       .nonrot = strchr(arg, 's') };
	struct swap_info_struct *si;

	return kernel_swapon(r->k, &how, &si);
}

static inline int script_swapoff(struct mm_run *r)
{
	int err = 0;

	for (unsigned i = 0; i < MAX_SWAPFILES && !err; i++)
		if (r->k->swap->info[i])
			err = kernel_swapoff(r->k, r->k->swap->info[i]);
	return err;
}

static inline void drop_swap_cache(struct mm_run *r)
{
	struct page_list list = { PFN_NONE, PFN_NONE };

	for (unsigned i = 0; i < MAX_SWAPFILES; i++) {
		struct swap_info_struct *si = r->k->swap->info[i];

		for (uint64_t o = 1; si && o < si->max; o++)
			if (si->cache[o] &&
			    !pfn_to_page(r->k, si->cache[o] - 1)->_mapcount &&
			    isolate_lru_page(r->k, si->cache[o] - 1))
				page_list_add_tail(r->k, &list,
						   si->cache[o] - 1);
	}
	reclaim_pages(r->k, &list);
}

static inline void show_swap_entry(struct mm_run *r, va_t va)
{
	uint64_t entry = 0;
	unsigned level;
	swp_entry_t e;

	pt_leaf_any(r->k, mm_root(cur_mm(r)), va, &entry, &level);
	if (!is_swap_pte(entry)) {
		emit(r, "none");
		return;
	}
	e = pte_to_swp_entry(r->k, entry);
	emit(r, "type=%u offset=%llu%s", swp_type(r->k, e),
	     (unsigned long long)swp_offset(r->k, e),
	     pte_swp_exclusive(r->k, entry) ? ",exclusive" : "");
}

static inline void show_swap(struct mm_run *r)
{
	emit(r, "used=%llu cached=%llu in=%llu out=%llu",
	     (unsigned long long)(r->k->total_swap_pages -
				  r->k->swap->nr_swap_pages),
	     (unsigned long long)r->k->swap->nrpages,
	     (unsigned long long)r->k->vmstat.pswpin,
	     (unsigned long long)r->k->vmstat.pswpout);
}

static inline void step_pattern(struct mm_run *r, char **arg)
{
	int n = atoi(arg[1]), step = atoi(arg[2]);
	char text[257] = "";

	assert_true(n < (int)sizeof(text));
	for (int i = 0; i < n; i++) {
		int page = step < 0 ? n - 1 + i * step % n : i * step % n;

		touch(r, ACCESS_READ,
		      parse_va(r, arg[0]) + page * (int64_t)PAGE_SIZE, 1);
		text[i] = r->last.maj_flt ? 'M' : r->last.min_flt ? 'm' : '.';
	}
	emit(r, "%s", text);
}

static inline void step_simple(struct mm_run *r, char op)
{
	switch (op) {
	case 'F': step_fork(r); break;
	case 'C': r->cur = 1; break;
	case 'B': r->cur = 0; break;
	case 'X': do_exit(r->k, r->task[1], 0); r->cur = 0; break;
	case 'L': show_range(r, r->base, r->base + 4 * MiB); break;
	case 'E': outcome(r, script_swapoff(r)); break;
	case 'N': show_swap(r); break;
	case 'Q': drop_swap_cache(r); break;
	case 'T': show_statm(r); break;
	case 'H': show_range(r, r->heap, r->heap + 256 * PAGE_SIZE); break;
	case 'c':
		emit(r, "min=%u maj=%u", r->last.min_flt, r->last.maj_flt);
		break;
	case 'y':
		emit(r, "locked=%llu,%llu",
		     (unsigned long long)cur_mm(r)->locked_vm,
		     (unsigned long long)r->k->nr_mlock);
		break;
	case 'V': show_counts(r); break;
	case 'J': show_committed(r); break;
	default: fail_msg("unknown step '%c'", op);
	}
}

static inline void step_args(struct mm_run *r, char op, char **arg)
{
	switch (op) {
	case 'm': step_map(r, arg, NULL, 0); break;
	case 'f': step_file(r, arg); break;
	case 'u':
		outcome(r, do_munmap(r->k, cur_mm(r), parse_va(r, arg[0]),
				     parse_len(arg[1])));
		break;
	case 'p':
		outcome(r, do_mprotect(r->k, cur_mm(r), parse_va(r, arg[0]),
				       parse_len(arg[1]),
				       *arg[2] == '0' ?
					       strtoul(arg[2], NULL, 0) :
					       parse_prot(arg[2])));
		break;
	case 'b': step_brk(r, arg[0]); break;
	case 'r': case 'w': case 'x': step_access(r, op, arg[0]); break;
	case 'R': case 'W': step_touch(r, op, arg); break;
	case 'k': r->kept = pte_to_pfn(r->k, leaf(r, parse_va(r, arg[0]))); break;
	case '=': step_same(r, parse_va(r, arg[0])); break;
	case 'v': show_flags(r, parse_va(r, arg[0])); break;
	case 'a':
		outcome(r, do_madvise(r->k, cur_mm(r), parse_va(r, arg[0]),
				      parse_len(arg[1]),
				      *arg[2] >= '0' && *arg[2] <= '9' ?
					      atoi(arg[2]) :
					      madvise_by_name(arg[2])));
		break;
	case 'l': case 'o': case 'U': step_lock(r, op, arg); break;
	case 'n': step_pkey_alloc(r, arg[0]); break;
	case '*':
		outcome(r, do_pkey_free(r->k, cur_mm(r), atoi(arg[0])));
		break;
	case 't':
		outcome(r, do_pkey_mprotect(r->k, cur_mm(r),
					    parse_va(r, arg[0]),
					    parse_len(arg[1]),
					    parse_prot(arg[2]), atoi(arg[3])));
		break;
	case 'z': step_pkru(r, arg[0]); break;
	case 'e':
		emit(r, "key=%u", (unsigned)(leaf(r, parse_va(r, arg[0])) >>
					     PTE_PK_SHIFT & 15));
		break;
	case 'M': step_mincore(r, arg); break;
	case 'A': outcome(r, script_mlockall(r, arg[0])); break;
	case 'K':
		cur_mm(r)->owner->rlim[RLIM_MEMLOCK] = parse_len(arg[0]);
		break;
	case 'S': show_smaps(r, parse_va(r, arg[0])); break;
	case 'G': show_pagemap(r, parse_va(r, arg[0])); break;
	case 'I': show_kpage(r, parse_va(r, arg[0])); break;
	case 'Z':
		outcome(r, clear_refs_write(r->k, cur_mm(r), atoi(arg[0])));
		break;
	case 'd': show_byte(r, parse_va(r, arg[0])); break;
	case 'q': show_page(r, parse_va(r, arg[0])); break;
	case 's': show_present(r, parse_va(r, arg[0]),
			       strtoull(arg[1], NULL, 0)); break;
	case 'g': step_mremap(r, arg); break;
	case '~':
		outcome(r, prctl_set_vma(r->k, cur_mm(r), parse_va(r, arg[0]),
					 parse_len(arg[1]),
					 strcmp(arg[2], "-") ? arg[2] : NULL));
		break;
	case 'i': r->base = *arg[0] == '.' ? first_base(r->k) :
					     parse_va(r, arg[0]); break;
	case '&':
		r->task[r->cur]->cap_effective = strtoull(arg[0], NULL, 0);
		break;
	case '%': step_sysctl(r, arg); break;
	case '^': step_limit(r, arg); break;
	case 'O': outcome(r, script_swapon(r, arg[0])); break;
	case 'P':
		outcome(r, reclaim_proactive(r->k, strtoull(arg[0], NULL, 0),
					     &(struct reclaim_result){ 0 }));
		break;
	case 'j': show_swap_entry(r, parse_va(r, arg[0])); break;
	case 'D': step_pattern(r, arg); break;
	case '#': emit(r, "%s", arg[0]); break;
	default: step_simple(r, op);
	}
}

static inline unsigned arity(char op)
{
	static const char *const by_arity[] = { "FCBXLHcyTVJENQ",
						"brwxk=v#dqAKSGIZOPji&n*ze",
						"uRWsloUM%^", "paD~", "mt", "fg" };

	for (unsigned i = 0; i < ARRAY_SIZE(by_arity); i++)
		if (strchr(by_arity[i], op))
			return i;
	fail_msg("unknown step '%c'", op);
	return 0;
}

#include "tests/kernel/file_script.h"

static inline void run_script(struct mm_run *r, const char *script)
{
	char *copy = strdup(script), *save, *word;

	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *arg[5];

		r->loud = *word == '?';
		word += r->loud;
		if (*word == ':') {
			file_step(r, word + 1, &save);
			continue;
		}
		for (unsigned i = 0; i < arity(*word); i++)
			arg[i] = strtok_r(NULL, " ", &save);
		step_args(r, *word, arg);
	}
	free(copy);
}

/* A kernel, init on CPU 0, two files, a hole of 4 MiB between guards. */
static inline void run_setup(struct mm_run *r, const struct arch *arch)
{
	static uint8_t bytes[SCRIPT_FILE_PAGES << PAGE_SHIFT];
	va_t va;

	memset(r, 0, sizeof(*r));
	r->k = boot_small(arch, false);
	r->task[0] = find_task(r->k, 1);
	r->base = first_base(r->k);
	r->heap = cur_mm(r)->start_brk;
	assert_int_equal(do_brk(r->k, cur_mm(r), r->heap, &va), 0);
	for (int i = 0; i < 2; i++)
		r->file[i] = file_builtin(r->k, "/file", bytes, sizeof(bytes));
	r->file[2] = shmem_zero_setup(r->k, sizeof(bytes));
	for (unsigned i = 0; i < 2; i++)
		do_mmap(r->k, cur_mm(r), NULL,
			i ? r->base + 4 * MiB : r->base - PAGE_SIZE, PAGE_SIZE,
			0, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&va);
	show_counts(r);
	show_committed(r);
	*r->out = '\0';
}

static inline void run_teardown(struct mm_run *r)
{
	for (int i = 0; i < 3; i++)
		fput(r->k, r->file[i]);
	assert_int_equal(kernel_check(r->k, complain, NULL), 0);
	kernel_destroy(r->k);
}

/* One cmocka test a row: all architectures. */
static inline void test_row(void **state)
{
	const struct mm_row *row = *state;

	for (const struct arch *a = archs; a->name; a++) {
		const char *want = a->word == 4 && row->i386 ? row->i386 :
							       row->amd64;
		struct mm_run r;

		if (*want == '-' && !want[1])
			continue;
		run_setup(&r, a);
		run_script(&r, row->script);
		if (strcmp(r.out, want))
			fail_msg("%s: %s\n  got  %s\n  want %s", a->name,
				 row->script, r.out, want);
		run_teardown(&r);
	}
}

/* Runs rows and plain tests as one group. */
static inline int run_rows(const char *group, const struct mm_row *rows,
			   unsigned nrows, const struct CMUnitTest *more,
			   unsigned nmore)
{
	struct CMUnitTest *t = xcalloc(nrows + nmore, sizeof(*t));
	static char name[512][96];
	int failed;

	for (unsigned i = 0; i < nrows; i++) {
		snprintf(name[i], sizeof(name[i]), "test_%s__%s",
			 rows[i].experiment, rows[i].name);
		t[i] = (struct CMUnitTest){ name[i], test_row, NULL, NULL,
					    (void *)&rows[i] };
	}
	for (unsigned i = 0; i < nmore; i++)
		t[nrows + i] = more[i];
	failed = _cmocka_run_group_tests(group, t, nrows + nmore, NULL, NULL);
	free(t);
	return failed;
}

#endif
