/*
 * e820.c - the memory map that the BIOS of a PC hands to the kernel.
 *
 * The map is that of QEMU's machine "pc" with SeaBIOS, which resembles real
 * ones: 639 KiB of conventional memory, the EBDA and BIOS ranges reserved,
 * the last 128 KiB below 4 GiB kept for ACPI tables, RAM beyond 3 GiB moved
 * above 4 GiB to make room for devices if there are 3.5 GiB or more. Other
 * maps come as rows, from boot messages or as memmap=. Models arch/x86/kernel/
 * e820.c of Linux 6.1; left out: EFI, setup_data.
 */
#include "kernel/e820.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

#define EBDA_START 0x9fc00ULL
#define EBDA_END   0xa0000ULL
#define BIOS_START 0xf0000ULL
#define HIGH_START 0x100000ULL
#define ACPI_SIZE  0x20000ULL
#define ROM_START  0xfffc0000ULL
#define FOUR_GIB   (4 * GiB)
#define SPLIT_FROM 0xe0000000ULL   /* this much RAM or more is split ... */
#define SPLIT_AT   0xc0000000ULL   /* ... at this address */
#define HT_START   0xfd00000000ULL /* AMD HyperTransport window */
#define HT_END	   0x10000000000ULL

/*
 * The BIOS' own ranges have RAM behind them, but the flash ROM does not: it
 * reads as erased flash would, all ones.
 */
unsigned e820_build(uint64_t ram, struct ram_region *map, unsigned max)
{
	uint64_t low = ram >= SPLIT_FROM ? SPLIT_AT : ram;
	uint64_t above = ram - low;
	uint64_t ht = FOUR_GIB + above > HT_START ? FOUR_GIB + above : HT_START;
	const struct ram_region rows[] = {
		{ 0, EBDA_START, RAM_USABLE, true },
		{ EBDA_START, EBDA_END, RAM_RESERVED, true },
		{ BIOS_START, HIGH_START, RAM_RESERVED, true },
		{ HIGH_START, low - ACPI_SIZE, RAM_USABLE, true },
		{ low - ACPI_SIZE, low, RAM_RESERVED, true },
		{ ROM_START, FOUR_GIB, RAM_RESERVED, false },
		{ FOUR_GIB, FOUR_GIB + above, RAM_USABLE, true },
		{ ht, HT_END, RAM_RESERVED, false },
	};
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rows) && n < max; i++)
		if (rows[i].start < rows[i].end)
			map[n++] = rows[i];
	return n;
}

/* --- maps as rows ------------------------------------------------------- */

bool e820_add(struct e820_map *m, pa_t start, pa_t end, enum ram_type type)
{
	if (m->n == ARRAY_SIZE(m->entry) || start >= end)
		return false;
	m->entry[m->n++] = (struct ram_region){ start, end, type, false };
	return true;
}

bool e820_remove(struct e820_map *m, pa_t start, pa_t end, enum ram_type type)
{
	unsigned n = m->n, kept = 0;
	struct e820_map old = *m;

	for (unsigned i = 0; i < n; i++) {
		const struct ram_region *e = &old.entry[i];
		bool hit = (!type || e->type == type) && e->start < end &&
			   e->end > start;

		if (kept + 2 > ARRAY_SIZE(m->entry))
			return false;
		if (!hit) {
			m->entry[kept++] = *e;
			continue;
		}
		if (e->start < start)
			m->entry[kept++] =
				(struct ram_region){ e->start, start, e->type,
						     e->backed };
		if (e->end > end)
			m->entry[kept++] =
				(struct ram_region){ end, e->end, e->type,
						     e->backed };
	}
	m->n = kept;
	return true;
}

static int by_address(const void *a, const void *b)
{
	const pa_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The highest type that any row gives to @pa; 0: none has it. */
static enum ram_type type_at(const struct e820_map *m, pa_t pa)
{
	enum ram_type type = 0;

	for (unsigned i = 0; i < m->n; i++)
		if (pa >= m->entry[i].start && pa < m->entry[i].end &&
		    m->entry[i].type > type)
			type = m->entry[i].type;
	return type;
}

/* A row of its own, or the last one continued. */
static bool append(struct e820_map *m, pa_t start, pa_t end, enum ram_type type)
{
	struct ram_region *last = m->n ? &m->entry[m->n - 1] : NULL;

	if (last && last->end == start && last->type == type) {
		last->end = end;
		return true;
	}
	return e820_add(m, start, end, type);
}

bool e820_update(struct e820_map *m)
{
	struct e820_map old = *m;
	pa_t cut[2 * RAM_MAX_REGIONS];
	unsigned n = 0;

	for (unsigned i = 0; i < old.n; i++) {
		cut[n++] = old.entry[i].start;
		cut[n++] = old.entry[i].end;
	}
	qsort(cut, n, sizeof(cut[0]), by_address);
	m->n = 0;
	for (unsigned i = 0; i + 1 < n; i++) {
		enum ram_type type = type_at(&old, cut[i]);

		if (type && cut[i] < cut[i + 1] &&
		    !append(m, cut[i], cut[i + 1], type))
			return false;
	}
	return true;
}

uint64_t e820_usable(const struct e820_map *m)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < m->n; i++)
		if (m->entry[i].type == RAM_USABLE)
			bytes += m->entry[i].end - m->entry[i].start;
	return bytes;
}

/* Memory, whoever may use it; reserved rows are memory or devices. */
static bool is_memory(enum ram_type type)
{
	return type != RAM_RESERVED && type != RAM_MMIO;
}

/*
 * The map does not say whether a reserved row is memory that the firmware
 * keeps or a device. It is memory if more memory follows on its side of 4
 * GiB, or if memory ends where it starts; the flash ROM and the windows of
 * chipsets are far above.
 */
void e820_back(struct e820_map *m)
{
	pa_t low = 0, high = 0;

	for (unsigned i = 0; i < m->n; i++)
		if (is_memory(m->entry[i].type))
			*(m->entry[i].end <= FOUR_GIB ? &low : &high) =
				m->entry[i].end;
	for (unsigned i = 0; i < m->n; i++) {
		struct ram_region *e = &m->entry[i];
		pa_t *top = e->end <= FOUR_GIB ? &low : &high;

		e->backed = e->start < E820_END &&
			    (is_memory(e->type) || e->start <= *top);
		if (e->backed && e->start == *top)
			*top = e->end;
	}
}

const char *e820_check(const struct e820_map *m)
{
	uint64_t usable = e820_usable(m);

	if (usable < MIN_RAM / 2)
		return "the map has less than 8M of usable memory";
	if (usable > MAX_RAM)
		return "the map has more than 1T of usable memory";
	for (unsigned i = 0; i < m->n; i++)
		if (is_memory(m->entry[i].type) && m->entry[i].end > E820_END)
			return "the map has memory above 16T";
	return NULL;
}

static const struct {
	enum ram_type type;
	const char *word;
} words[] = {
	{ RAM_USABLE, "usable" },
	{ RAM_RESERVED, "reserved" },
	{ RAM_ACPI, "ACPI data" },
	{ RAM_NVS, "ACPI NVS" },
	{ RAM_UNUSABLE, "unusable" },
	{ RAM_PMEM, "persistent (type 7)" },
	{ RAM_PRAM, "persistent (type 12)" },
	{ RAM_SOFT_RESERVED, "soft reserved" },
};

const char *e820_type_word(enum ram_type type)
{
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].type == type)
			return words[i].word;
	return NULL;
}

enum ram_type e820_type_of(const char *word)
{
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, word))
			return words[i].type;
	return 0;
}

/* --- devices ------------------------------------------------------------ */

bool e820_pci_gap(const struct ram *ram, pa_t *start, pa_t *end)
{
	uint64_t size = 4 * MiB;
	pa_t last = FOUR_GIB;

	*start = *end = 0;
	for (unsigned i = ram->nregions; i-- > 0;) {
		const struct ram_region *g = &ram->region[i];

		if (g->start >= FOUR_GIB)
			continue;
		if (g->end < last && last - g->end >= size) {
			size = last - g->end;
			*start = g->end;
			*end = last;
		}
		if (g->start < last)
			last = g->start;
	}
	return *end != 0;
}
