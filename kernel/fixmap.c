/*
 * fixmap.c - addresses by name.
 *
 *	FIXADDR_TOP    0  FIX_HOLE
 *	               1  FIX_DBGP_BASE
 *	               ...
 *	FIXADDR_START  __end_of_permanent_fixed_addresses - 1
 *	               early_ioremap's, for boot only
 *
 * Models enum fixed_addresses of arch/x86/include/asm/fixmap.h as Debian's 6.1
 * kernels are configured, and __native_set_fixmap() of arch/x86/mm/pgtable.c.
 * The classic layout has the names of 2.6.24's fixmap_32.h, as far as its rows
 * in layout.c have room for them.
 */
#include "kernel/fixmap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/internal.h"
#include "kernel/memtype.h"
#include "kernel/mm_internal.h"
#include "kernel/pgtable.h"

#define NR_BTMAPS 512 /* 6.1: 8 slots of 64 pages */

struct fixmap_state {
	unsigned n;
	uint64_t *pte; /* owned: what each index should hold */
};

/* --- names ---------------------------------------------------------------- */

#define ONE(name, first, note)                   \
	{                                        \
		name, NULL, NULL, first, 1, note \
	}
#define RANGE(name, begin, end, first, count, note)  \
	{                                            \
		name, begin, end, first, count, note \
	}

static const char io_apics[] = "registers of I/O APICs";

static const struct fix_range fix_64[] = {
	ONE("VSYSCALL_PAGE", 511, "calls at a fixed address; emulated"),
	ONE("FIX_DBGP_BASE", 512, "EHCI debug port"),
	ONE("FIX_EARLYCON_MEM_BASE", 513, "early console"),
	ONE("FIX_APIC_BASE", 514, "registers of the local APIC"),
	RANGE("FIX_IO_APIC_BASE", "FIX_IO_APIC_BASE_0", "FIX_IO_APIC_BASE_END",
	      515, 128, io_apics),
	ONE("FIX_PARAVIRT_BOOTMAP", 643, "Xen"),
	ONE("FIX_APEI_GHES_IRQ", 644, "firmware's error records"),
	ONE("FIX_APEI_GHES_NMI", 645, "firmware's error records"),
	RANGE("FIX_BTMAP", "FIX_BTMAP_END", "FIX_BTMAP_BEGIN", 1024, NR_BTMAPS,
	      "early_ioremap, during boot only"),
};

static const struct fix_range fix_32[] = {
	ONE("FIX_HOLE", 0, "never mapped"),
	ONE("FIX_DBGP_BASE", 1, "EHCI debug port"),
	ONE("FIX_EARLYCON_MEM_BASE", 2, "early console"),
	ONE("FIX_APIC_BASE", 3, "registers of the local APIC"),
	RANGE("FIX_IO_APIC_BASE", "FIX_IO_APIC_BASE_0", "FIX_IO_APIC_BASE_END",
	      4, 64, io_apics),
	RANGE("FIX_KMAP", "FIX_KMAP_BEGIN", "FIX_KMAP_END", 68, 512,
	      "kmap_local: 16 slots for each of 32 CPUs"),
	ONE("FIX_PCIE_MCFG", 580, "PCI Express configuration space"),
	ONE("FIX_APEI_GHES_IRQ", 581, "firmware's error records"),
	ONE("FIX_APEI_GHES_NMI", 582, "firmware's error records"),
	RANGE("FIX_BTMAP", "FIX_BTMAP_END", "FIX_BTMAP_BEGIN", 1024, NR_BTMAPS,
	      "early_ioremap, during boot only"),
	ONE("FIX_WP_TEST", 1536, "boot: does CR0.WP work"),
};

static const struct fix_range fix_classic[] = {
	ONE("FIX_HOLE", 0, "never mapped"),
	ONE("FIX_VDSO", 1, "the vdso, if it is to be compatible"),
	ONE("FIX_EARLYCON_MEM_BASE", 2, "early console"),
	ONE("FIX_APIC_BASE", 3, "registers of the local APIC"),
	RANGE("FIX_IO_APIC_BASE", "FIX_IO_APIC_BASE_0", "FIX_IO_APIC_BASE_END",
	      4, 64, io_apics),
	RANGE("FIX_KMAP", "FIX_KMAP_BEGIN", "FIX_KMAP_END", 68, 13 * 8,
	      "kmap_atomic: 13 slots for each of 8 CPUs"),
	RANGE("FIX_ACPI", "FIX_ACPI_BEGIN", "FIX_ACPI_END", 172, 4,
	      "ACPI tables, during boot"),
};

static const struct fix_range *names_of(const struct kernel *k, unsigned *n)
{
	if (k->arch->word == 8) {
		*n = ARRAY_SIZE(fix_64);
		return fix_64;
	}
	*n = k->config.layout_61 ? ARRAY_SIZE(fix_32) : ARRAY_SIZE(fix_classic);
	return k->config.layout_61 ? fix_32 : fix_classic;
}

/* With more CPUs than the row is for, the classic kmap slots are more. */
unsigned fixmap_ranges(const struct kernel *k, struct fix_range *ret)
{
	unsigned n, moved = 0;
	const struct fix_range *names = names_of(k, &n);

	for (unsigned i = 0; i < n; i++) {
		ret[i] = names[i];
		ret[i].first += moved;
		if (ret[i].first != k->layout.fix_kmap_begin ||
		    k->config.layout_61 || !k->layout.kmap_slots)
			continue;
		unsigned cpus = k->machine->ncpus > k->layout.nr_cpus
					? k->machine->ncpus
					: k->layout.nr_cpus;

		moved = cpus * k->layout.kmap_slots - ret[i].count;
		ret[i].count += moved;
	}
	return n;
}

unsigned fixmap_entries(const struct kernel *k)
{
	const struct layout *l = &k->layout;

	if (k->arch->word == 8)
		return 1024 + NR_BTMAPS;
	return ((l->fixaddr_top - l->fixaddr_boot_start) >> PAGE_SHIFT);
}

va_t fix_to_virt(const struct kernel *k, unsigned index)
{
	return k->layout.fixaddr_top - ((va_t)index << PAGE_SHIFT);
}

bool virt_to_fix(const struct kernel *k, va_t va, unsigned *ret)
{
	uint64_t index =
		(k->layout.fixaddr_top - (va & PAGE_MASK)) >> PAGE_SHIFT;

	if ((va & PAGE_MASK) > k->layout.fixaddr_top ||
	    index >= fixmap_entries(k))
		return false;
	*ret = index;
	return true;
}

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

bool fixmap_by_name(const struct kernel *k, const char *name, unsigned *ret)
{
	struct fix_range r[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(k, r);

	for (unsigned i = 0; i < n; i++) {
		*ret = r[i].first;
		if (is(r[i].name, name) || is(r[i].begin, name))
			return true;
		*ret += r[i].count - 1;
		if (is(r[i].end, name))
			return true;
	}
	return false;
}

char *fixmap_name(const struct kernel *k, unsigned index, char *buf,
		  size_t size)
{
	struct fix_range r[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(k, r);

	snprintf(buf, size, "-");
	for (unsigned i = 0; i < n; i++) {
		unsigned off = index - r[i].first;

		if (off >= r[i].count)
			continue;
		if (off)
			snprintf(buf, size, "%s+%u", r[i].begin, off);
		else
			snprintf(buf, size, "%s",
				 r[i].begin ? r[i].begin : r[i].name);
	}
	return buf;
}

/* --- entries -------------------------------------------------------------- */

uint64_t fixmap_pte(const struct kernel *k, unsigned index)
{
	pa_t entry_pa = pt_lookup((struct kernel *)k, k->swapper_pg_dir,
				  fix_to_virt(k, index), k->pte_level, false);

	return entry_pa ? pt_get(k, entry_pa) : 0;
}

/* Notes what boot has mapped. */
int fixmap_init(struct kernel *k)
{
	k->fixmap = xcalloc(1, sizeof(*k->fixmap));
	k->fixmap->n = fixmap_entries(k);
	k->fixmap->pte = xcalloc(k->fixmap->n, sizeof(k->fixmap->pte[0]));
	for (unsigned i = 0; i < k->fixmap->n; i++)
		k->fixmap->pte[i] = fixmap_pte(k, i);
	return 0;
}

void fixmap_deinit(struct kernel *k)
{
	if (!k->fixmap)
		return;
	free(k->fixmap->pte);
	free(k->fixmap);
	k->fixmap = NULL;
}

static bool is_kmap(const struct kernel *k, unsigned index)
{
	struct fix_range r[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(k, r);

	for (unsigned i = 0; i < n; i++)
		if (r[i].first == k->layout.fix_kmap_begin &&
		    k->layout.kmap_slots)
			return index - r[i].first < r[i].count;
	return false;
}

static uint64_t fix_prot(const struct kernel *k, enum fix_type type)
{
	uint64_t prot = pt_page_kernel(k);

	if (type == FIX_NOCACHE)
		prot |= cachemode2protval(k, MT_UC);
	return type == FIX_RO ? prot & ~(PTE_RW | PTE_D) : prot;
}

static int write_pte(struct kernel *k, unsigned index, uint64_t pte)
{
	va_t va = fix_to_virt(k, index);
	struct cpu *cpu = &k->machine->cpu[k->this_cpu];
	pa_t entry_pa;

	if (index >= k->fixmap->n)
		return -EINVAL;
	if (is_kmap(k, index) || (!index && k->layout.pkmap_base))
		return -EBUSY;
	entry_pa = pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, pte != 0);
	if (!entry_pa)
		return pte ? -ENOMEM : 0;
	pt_set(k, 0, va, k->pte_level, entry_pa, pte,
	       pte ? "set_fixmap" : "clear_fixmap");
	k->fixmap->pte[index] = pte;
	cpu_invlpg(cpu, va);
	kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = va, .n = 1);
	return 0;
}

int set_fixmap(struct kernel *k, unsigned index, pa_t pa, enum fix_type type)
{
	uint64_t pte = mk_pte(k, pa >> PAGE_SHIFT, fix_prot(k, type));

	if (pte_pfn(k, pte) != pa >> PAGE_SHIFT ||
	    pa >> k->machine->cpu[0].features.maxphyaddr)
		return -EINVAL;
	return write_pte(k, index, pte);
}

int clear_fixmap(struct kernel *k, unsigned index)
{
	return write_pte(k, index, 0);
}

/* --- check ---------------------------------------------------------------- */

unsigned fixmap_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	char name[48];

	for (unsigned i = 0; i < k->fixmap->n; i++) {
		uint64_t want = k->fixmap->pte[i], have = fixmap_pte(k, i);

		if (!((want ^ have) & ~(uint64_t)(PTE_A | PTE_D)) ||
		    is_kmap(k, i))
			continue;
		check_finding(&c,
			      "fixmap 0x%llx (%s): entry 0x%llx, set_fixmap "
			      "wrote 0x%llx",
			      (unsigned long long)fix_to_virt(k, i),
			      fixmap_name(k, i, name, sizeof(name)),
			      (unsigned long long)have,
			      (unsigned long long)want);
	}
	return c.found;
}
