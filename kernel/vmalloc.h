/*
 * vmalloc.h - the vmalloc space (linux mm/vmalloc.c): virtually contiguous
 * kernel memory from single frames, and mappings of frames and of devices.
 *
 * An area has a guard page after it, but for those of vm_map_ram(). One that
 * is freed loses its page-table entries at once; its addresses, and what TLBs
 * hold of them, wait for a purge: one flush for many areas.
 *
 * The caller may hand over frames that go back to the buddy while they are
 * still mapped, as in Linux: check says so.
 */
#ifndef KERNEL_VMALLOC_H
#define KERNEL_VMALLOC_H

#include "kernel/kernel.h"
#include "kernel/vmap_tree.h"

enum vmap_kind {
	VMAP_ALLOC, /* vmalloc(): owns its frames */
	VMAP_MAP,   /* vmap(): somebody else's frames */
	VMAP_IOREMAP,
	VMAP_RAM,   /* vm_map_ram() of many pages: an area of its own */
	VMAP_BLOCK, /* vm_map_ram() of few: a block shared by many */
	VMAP_NKINDS,
};
extern const char *const vmap_kind_name[VMAP_NKINDS]; /* "vmalloc", ... */

struct vmap_block;

struct vmap_area {
	union {
		struct vmap_node node;
		struct {
			va_t start, end;
		}; /* guard page included */
	};
	LIST_ENTRY(vmap_area) link; /* all but VMAP_ALLOC */
	enum vmap_kind kind;
	unsigned nr_pages;  /* that are mapped; of a block: all it can */
	const char *caller; /* static: the function that asked for it */
	pa_t phys;	    /* VMAP_IOREMAP */
	enum memtype type;  /* VMAP_IOREMAP: what its PTEs ask for */
	uint32_t *pages;    /* owned: the frames; of a block: or PFN_NONE */
	struct vmap_block *block; /* VMAP_BLOCK, owned */
	/* Where the kernel's own structs are, 0 if there is none: */
	va_t obj;   /* this struct vmap_area */
	va_t vm;    /* struct vm_struct */
	va_t array; /* VMAP_ALLOC: the array of struct page * */
};

int vmalloc_init(struct kernel *k); /* -ENOMEM: no room for tables */
void vmalloc_deinit(struct kernel *k);

/*
 * -ENOMEM: size 0, more than all RAM, no address range or no frames; all or
 * nothing. vmalloc_32() takes frames below 4 GiB, on i386 lowmem.
 */
int vmalloc(struct kernel *k, uint64_t size, va_t *ret);
int vzalloc(struct kernel *k, uint64_t size, va_t *ret);
int vmalloc_32(struct kernel *k, uint64_t size, va_t *ret);
/*
 * Frees what vmalloc(), vmap() or ioremap() returned, or nothing for NULL.
 * -EINVAL if @va is no such address.
 */
int vfree(struct kernel *k, va_t va);

/* Maps @n frames, which stay their owner's. -EINVAL: one is not RAM. */
int vmap(struct kernel *k, const pfn_t *pfns, unsigned n, va_t *ret);
int vunmap(struct kernel *k, va_t va); /* -EINVAL: not from vmap() */

/*
 * The same without a guard page, for short use: up to vmap_max_alloc() pages
 * share blocks of each CPU. -EINVAL of vm_unmap_ram(): not that address with
 * that number of pages.
 */
int vm_map_ram(struct kernel *k, const pfn_t *pfns, unsigned n, va_t *ret);
int vm_unmap_ram(struct kernel *k, va_t va, unsigned n);
unsigned vmap_max_alloc(const struct kernel *k);
unsigned vmap_bbmap_bits(const struct kernel *k); /* pages of a block */

/*
 * Maps @size bytes of physical address space; ioremap() asks for UC-. See
 * memtype_reserve() for the type that one gets.
 */
int ioremap_type(struct kernel *k, pa_t phys, uint64_t size, enum memtype type,
		 va_t *ret);
int ioremap(struct kernel *k, pa_t phys, uint64_t size, va_t *ret);
int iounmap(struct kernel *k, va_t va); /* -EINVAL: not from ioremap() */

/* --- the purge ------------------------------------------------------------ */
/* Pages of freed areas that wait for it, and how many may. */
uint64_t vmap_nr_lazy(const struct kernel *k);
uint64_t lazy_max_pages(const struct kernel *k);
/*
 * Flushes all stale translations of the space and makes freed addresses
 * available again. The number of pages purged.
 */
uint64_t vm_unmap_aliases(struct kernel *k);

/* --- looking -------------------------------------------------------------- */
/* The area that holds @va (guard page included), or NULL. */
const struct vmap_area *find_vmap_area(const struct kernel *k, va_t va);
/* Areas in rising order; NULL begins and ends. */
const struct vmap_area *vmap_next(const struct kernel *k,
				  const struct vmap_area *va);
/* The same for freed ranges that wait for a purge. */
const struct vmap_area *vmap_next_lazy(const struct kernel *k,
				       const struct vmap_area *va);
/* Is @va in an area that is gone, but may still be cached in a TLB? */
bool vmap_is_lazy(const struct kernel *k, va_t va);
/* Pages of vmalloc(), as VmallocUsed in /proc/meminfo. */
uint64_t vmalloc_nr_pages(const struct kernel *k);
/* Does an area that stays valid without owning them map one of @n frames? */
const struct vmap_area *vmap_uses(const struct kernel *k, pfn_t pfn,
				  uint64_t n);
/* The block behind a VMAP_BLOCK area: pages never used, and given back. */
void vmap_block_counts(const struct vmap_area *area, unsigned *cpu,
		       unsigned *free, unsigned *dirty);

unsigned vmalloc_check(struct kernel *k, check_fn fn, void *ctx);

/*
 * VmallocTotal of /proc/meminfo, KiB. VMALLOC_END of x86-64 is the last byte,
 * which is why Linux says 34359738367 there.
 */
uint64_t vmalloc_total_kib(const struct kernel *k);

#endif
