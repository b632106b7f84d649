/*
 * e820.h - the firmware's memory map, before it becomes a machine's (linux
 * arch/x86/include/asm/e820/api.h).
 *
 * A map under construction is a bag of rows, in any order, overlapping;
 * e820_update() makes it what the kernel works with. Rows have exclusive ends.
 */
#ifndef KERNEL_E820_H
#define KERNEL_E820_H

#include "machine/machine.h"

#define E820_MAX	128	/* E820_MAX_ENTRIES_ZEROPAGE: what firmware can give */
#define E820_END	(1ULL << 44)	/* 16 TiB: RAM ends below, here */

struct e820_map {
	unsigned n;
	bool user;	/* mem=, memmap= changed it: Linux then prints "user:" */
	struct ram_region entry[RAM_MAX_REGIONS];
};

/* Adds a row of @type. False: there are too many, or it is empty. */
bool e820_add(struct e820_map *m, pa_t start, pa_t end, enum ram_type type);
/* Cuts [start, end) out of the rows of @type; 0: of all. False: too many. */
bool e820_remove(struct e820_map *m, pa_t start, pa_t end, enum ram_type type);
/*
 * Sorts, joins neighbours of one type, and where rows overlap lets the one
 * with the higher type have the addresses (linux e820__update_table). False:
 * there are too many rows then.
 */
bool e820_update(struct e820_map *m);

/* Bytes of usable memory. */
uint64_t e820_usable(const struct e820_map *m);
/* Says which rows have memory behind them: a map for machine_create(). */
void e820_back(struct e820_map *m);
/* NULL, or why no kernel could boot with this map. */
const char *e820_check(const struct e820_map *m);

/* "usable", "ACPI data", ...: the word of the boot messages; or NULL. */
const char *e820_type_word(enum ram_type type);
/* The type that such a word means; 0: none. */
enum ram_type e820_type_of(const char *word);

/*
 * The largest hole below 4 GiB, where PCI devices go (e820__setup_pci_gap).
 * False: there is none of 4 MiB or more.
 */
bool e820_pci_gap(const struct ram *ram, pa_t *start, pa_t *end);

/* The map of a PC with @ram bytes, as QEMU's and real BIOSes give it. */
unsigned e820_build(uint64_t ram, struct ram_region *map, unsigned max);

#endif
