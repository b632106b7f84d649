/*
 * resource.c - see resource.h.
 *
 *	e820__reserve_resources		a row for each range of the map that
 *					fits in resource_size_t: on i386
 *					without PAE, below 4 GiB
 *	trim_bios_range			page 0 is the BIOS', not RAM, and
 *					640 KiB to 1 MiB are devices'
 *	e820__setup_pci_gap		the largest hole below 4 GiB; ACPI
 *					gives it to the first PCI bus
 *	setup_arch			the image: code, rodata, data, bss
 *	e820__reserve_resources_late	what follows RAM up to a round address
 *					may be RAM that the BIOS keeps silent
 *					about ("RAM buffer"): no place for PCI
 */
#include "kernel/resource.h"

#include <assert.h>
#include <string.h>

#define BIOS_BEGIN  0xa0000ULL
#define VGA_START   0xa0000ULL
#define VGA_END	    0xc0000ULL
#define IOAPIC_PHYS 0xfec00000ULL
#define LAPIC_PHYS  0xfee00000ULL

struct tree {
	struct resource *row;
	unsigned n;
};

static void add(struct tree *t, pa_t start, pa_t end, const char *name,
		unsigned depth)
{
	unsigned i = t->n;

	assert(t->n < MAX_RESOURCES);
	while (i > 0 && t->row[i - 1].start > start)
		i--;
	memmove(&t->row[i + 1], &t->row[i], (t->n - i) * sizeof(t->row[0]));
	t->row[i] = (struct resource){ start, end, name, depth };
	t->n++;
}

/* The end of what resource_size_t can express: 32 bits, or 64 with PAE. */
static pa_t resource_end(const struct kernel *k)
{
	return k->mode->entry_size == 4 ? 4 * GiB : ~0ULL;
}

/* RAM, cut to [low, high). */
static void add_ram(struct tree *t, const struct ram_region *g, pa_t low,
		    pa_t high)
{
	low = g->start > low ? g->start : low;
	high = g->end < high ? g->end : high;
	if (low < high)
		add(t, low, high, ram_type_name(g->type), 0);
}

static void add_region(struct tree *t, const struct ram_region *g)
{
	if (g->type != RAM_USABLE) {
		add(t, g->start, g->end, ram_type_name(g->type), 0);
		return;
	}
	if (g->start == 0)
		add(t, 0, PAGE_SIZE, ram_type_name(RAM_RESERVED), 0);
	add_ram(t, g, PAGE_SIZE, BIOS_BEGIN);
	add_ram(t, g, MiB, ~0ULL);
}

static uint64_t ram_alignment(pa_t pa)
{
	return pa < MiB ? 64 * KiB : pa < 16 * MiB ? MiB : 64 * MiB;
}

/* Does usable memory end at @pa? */
static bool ram_ends_at(const struct ram *ram, pa_t pa)
{
	for (unsigned i = 0; i < ram->nregions; i++)
		if (ram->region[i].end == pa)
			return ram->region[i].type == RAM_USABLE;
	return false;
}

/* The host bridge's: it leaves room for RAM that may follow, or knows its end. */
static bool pci_window(const struct ram *ram, pa_t *start, pa_t *end)
{
	if (!e820_pci_gap(ram, start, end))
		return false;
	if (ram_ends_at(ram, *start))
		*start = ALIGN_UP(*start, ram_alignment(*start));
	if (*end > IOAPIC_PHYS)
		*end = IOAPIC_PHYS;
	return *start < *end;
}

/* The rest of [start, end) that no region has, nor the bridge, which is first. */
static void add_ram_buffer(struct tree *t, const struct ram *ram, pa_t start,
			   pa_t end)
{
	pa_t window, ignored;

	if (pci_window(ram, &window, &ignored) && window >= start &&
	    end > window)
		end = window;
	for (unsigned i = 0; i < ram->nregions && start < end; i++) {
		const struct ram_region *g = &ram->region[i];

		if (g->end <= start || g->start >= end)
			continue;
		if (g->start > start)
			add(t, start, g->start, "RAM buffer", 0);
		start = g->end;
	}
	if (start < end)
		add(t, start, end, "RAM buffer", 0);
}

static void add_image(struct tree *t, const struct kernel *k)
{
	const struct layout *l = &k->layout;

	add(t, l->image.text, l->image.etext, "Kernel code", 1);
	add(t, l->image.rodata, l->image.erodata, "Kernel rodata", 1);
	add(t, l->image.data, l->image.edata, "Kernel data", 1);
	add(t, l->image.bss, l->image.ebss, "Kernel bss", 1);
}

static bool is_free(const struct tree *t, pa_t start, pa_t end)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->row[i].start < end && t->row[i].end > start)
			return false;
	return true;
}

static void add_devices(struct tree *t, const struct ram *ram)
{
	pa_t start, end;

	if (pci_window(ram, &start, &end))
		add(t, start, end, "PCI Bus 0000:00", 0);
	if (is_free(t, VGA_START, VGA_END))
		add(t, VGA_START, VGA_END, "PCI Bus 0000:00", 0);
	if (is_free(t, IOAPIC_PHYS, IOAPIC_PHYS + KiB))
		add(t, IOAPIC_PHYS, IOAPIC_PHYS + KiB, "IOAPIC 0", 0);
	if (is_free(t, LAPIC_PHYS, LAPIC_PHYS + PAGE_SIZE))
		add(t, LAPIC_PHYS, LAPIC_PHYS + PAGE_SIZE, "Local APIC", 0);
}

unsigned iomem_resources(const struct kernel *k,
			 struct resource ret[MAX_RESOURCES])
{
	const struct ram *ram = k->ram;
	struct tree t = { .row = ret };
	pa_t limit = resource_end(k);

	for (unsigned i = 0; i < ram->nregions; i++) {
		const struct ram_region *g = &ram->region[i];
		pa_t round = ALIGN_UP(g->end, ram_alignment(g->end));

		if (g->end > limit)
			continue;
		add_region(&t, g);
		if (g->type == RAM_USABLE)
			add_ram_buffer(&t, ram, g->end,
				       round < limit ? round : limit);
	}
	add_devices(&t, ram);
	add_image(&t, k);
	return t.n;
}
