/*
 * e820.c - the memory map that the BIOS of a PC hands to the kernel.
 *
 * The map is that of QEMU's machine "pc" with SeaBIOS, which resembles real
 * ones: 639 KiB of conventional memory, the EBDA and BIOS ranges reserved,
 * the last 128 KiB below 4 GiB kept for ACPI tables, RAM beyond 3 GiB moved
 * above 4 GiB to make room for devices if there are 3.5 GiB or more. Models
 * what arch/x86/kernel/e820.c of Linux 6.1 is given; left out: EFI, ACPI
 * rows, `memmap=`.
 */
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
