/* describe.c - see describe.h. */
#include "repl/describe.h"

#include <stdio.h>
#include <string.h>

#include "kernel/compound.h"
#include "kernel/frame_owner.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"
#include "kernel/memblock.h"
#include "kernel/signal.h"

const char *page_kind(struct kernel *k, pfn_t pfn)
{
	enum frame_use use = frame_use(k, pfn);

	if (!frame_use_is_ram(use))
		return "not RAM";
	switch (use) {
	case FRAME_UNUSED:
		return "free";
	case FRAME_RESERVED:
	case FRAME_IMAGE:
	case FRAME_MEM_MAP:
		return "reserved";
	case FRAME_SHARED:
		return pfn_to_page(k, pfn)->flags & PG_anon ? "anon"
							    : "page cache";
	case FRAME_SHMEM:
	case FRAME_VDSO:
		return "page cache";
	default:
		return frame_use_info[use].name;
	}
}

const char *zone_name(struct kernel *k, pfn_t pfn)
{
	const struct zone *zone = page_zone(k, pfn);

	return zone ? zone->name : "no zone";
}

static void describe_mappers(const struct kernel *k, const struct page *page,
			     char *buf, size_t size)
{
	int32_t n = page_mapcount(k, page);

	if (n > 0)
		snprintf(buf, size, ", %d mapper%s", n, n == 1 ? "" : "s");
	else
		*buf = 0;
}

char *describe_page(struct kernel *k, pfn_t pfn, char *buf, size_t size)
{
	const char *kind = page_kind(k, pfn);
	const char *owner = pfn_valid(k, pfn) ? memblock_reserved_name(k, pfn) : NULL;
	char mappers[32] = "";

	if (!pfn_valid(k, pfn)) {
		snprintf(buf, size, "%s", kind);
		return buf;
	}
	const struct page *page = pfn_to_page(k, pfn);

	describe_mappers(k, page, mappers, sizeof(mappers));
	if (page->flags & PG_slab)
		snprintf(buf, size, "slab %s", page->slab_cache->name);
	else if (strcmp(kind, "page cache") == 0)
		snprintf(buf, size, "page cache %s +0x%llx%s",
			 page->mapping->host->path,
			 (unsigned long long)page->index << PAGE_SHIFT, mappers);
	else if (strcmp(kind, "zero page") == 0)
		snprintf(buf, size, "the shared zero page");
	else if (owner)
		snprintf(buf, size, "kernel: %s", owner);
	else
		snprintf(buf, size, "%s%s%s", kind,
			 page_compound(page) ? ", large page" : "", mappers);
	return buf;
}

static const struct layout_area *kernel_area(const struct kernel *k, va_t va)
{
	for (unsigned i = 0; i < k->layout.nareas; i++) {
		const struct layout_area *a = &k->layout.area[i];

		if (va >= a->start && (!a->end || va < a->end))
			return a;
	}
	return NULL;
}

const char *kernel_area_name(const struct kernel *k, va_t va)
{
	const struct layout_area *a = kernel_area(k, va);

	if (va < k->layout.task_size)
		return NULL;
	return a ? a->name : "no area";
}

va_t describe_end(struct kernel *k, const struct task_struct *task, va_t va)
{
	const struct layout_area *a = kernel_area(k, va);
	const struct vm_area_struct *vma = NULL;

	if (va >= k->layout.task_size)
		return a && a->end ? a->end : ~0ULL;
	if (task && task->mm)
		vma = find_vma(task->mm, va);
	if (!vma)
		return k->layout.task_size;
	return vma->vm_start > va ? vma->vm_start : vma->vm_end;
}

char *vma_perms(const struct vm_area_struct *vma, char buf[5])
{
	buf[0] = vma->vm_flags & VM_READ ? 'r' : '-';
	buf[1] = vma->vm_flags & VM_WRITE ? 'w' : '-';
	buf[2] = vma->vm_flags & VM_EXEC ? 'x' : '-';
	buf[3] = vma->vm_flags & VM_MAYSHARE ? 's' : 'p';
	buf[4] = 0;
	return buf;
}

char *describe_va(struct kernel *k, const struct task_struct *task, va_t va,
		  char *buf, size_t size)
{
	const char *area = kernel_area_name(k, va);
	const struct vm_area_struct *vma = NULL;
	char perms[5];

	if (!area && task && task->mm)
		vma = find_vma(task->mm, va);
	if (area)
		snprintf(buf, size, "%s", area);
	else if (!vma || vma->vm_start > va)
		snprintf(buf, size, "no area");
	else if (*vma_name(vma))
		snprintf(buf, size, "%s %s", vma_name(vma), vma_perms(vma, perms));
	else
		snprintf(buf, size, "anonymous %s", vma_perms(vma, perms));
	return buf;
}

static const struct {
	int signo, code;
	const char *name;
} si_codes[] = {
	{ LX_SIGSEGV, LX_SEGV_MAPERR, "SEGV_MAPERR" },
	{ LX_SIGSEGV, LX_SEGV_ACCERR, "SEGV_ACCERR" },
	{ LX_SIGSEGV, LX_SEGV_PKUERR, "SEGV_PKUERR" },
	{ LX_SIGSEGV, LX_SI_KERNEL, "SI_KERNEL" },
	{ LX_SIGBUS, LX_BUS_ADRERR, "BUS_ADRERR" },
	{ LX_SIGBUS, LX_SI_KERNEL, "SI_KERNEL" },
	{ LX_SIGKILL, LX_SI_KERNEL, "SI_KERNEL" },
	{ LX_SIGCHLD, LX_CLD_EXITED, "CLD_EXITED" },
	{ LX_SIGCHLD, LX_CLD_KILLED, "CLD_KILLED" },
};

const char *si_code_name(int signo, int si_code)
{
	for (size_t i = 0; i < ARRAY_SIZE(si_codes); i++)
		if (si_codes[i].signo == signo && si_codes[i].code == si_code)
			return si_codes[i].name;
	return si_code == LX_SI_USER ? "SI_USER" : "?";
}

char *describe_access(const struct access *a, char *buf, size_t size)
{
	static const char *const kind[] = { "read", "write", "fetch" };

	snprintf(buf, size, "%s %s", a->user ? "user" : "kernel", kind[a->kind]);
	return buf;
}
