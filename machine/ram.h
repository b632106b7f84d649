/*
 * ram.h - physical memory: an e820-style address map over one host mapping.
 *
 * Physical address 0 is the first byte of one reserved, lazily committed host
 * mapping that reaches up to the end of the highest backed region, so that
 * memory nobody touches costs nothing. Regions say what an address is; those
 * of type RAM_MMIO, and addresses in no region, are not backed: reads give all
 * ones, writes are dropped, as on a PC bus.
 *
 * Not here: who uses which frame (kernel/), caches, memory types (mtrr.h).
 */
#ifndef MACHINE_RAM_H
#define MACHINE_RAM_H

#include "machine/types.h"

enum ram_type {		/* numbers as in the BIOS call INT 15h, E820h */
	RAM_USABLE = 1,
	RAM_RESERVED = 2,
	RAM_ACPI = 3,
	RAM_NVS = 4,
	RAM_UNUSABLE = 5,
	RAM_MMIO = 6,		/* ours: a device window, never backed */
	RAM_PMEM = 7,		/* persistent memory */
	RAM_PRAM = 12,		/* the same, as it was reported before ACPI 6 */
	RAM_SOFT_RESERVED = 0x7fffffff, /* usable, but kept for one purpose
					 * (EFI_MEMORY_SP; Linux: 0xefffffff) */
};

struct ram_region {
	pa_t start, end;	/* end is exclusive */
	enum ram_type type;
	bool backed;		/* bytes are behind it (RAM or ROM) */
};

#define RAM_MAX_REGIONS 256
#define RAM_MAX_FILLS	16

/*
 * Frames whose bytes are known without being there: 8-byte words that rise
 * by one step from the first to the last (the page tables of a large direct
 * map). Each frame is written when somebody first asks for its bytes.
 */
struct ram_fill {
	pa_t start;
	uint64_t len;		/* bytes, whole frames */
	uint64_t first, step;
	uint64_t *made;		/* owned: a bit a frame */
};

struct ram {
	uint8_t *host;		/* owned; host address of physical address 0 */
	uint64_t size;		/* bytes of the mapping */
	unsigned nregions, nextents;
	/*
	 * Backed regions widened to whole 4 KiB frames and joined where they
	 * touch, less fill[], largest first.
	 */
	struct { pa_t start; uint64_t len; }
		extent[RAM_MAX_REGIONS + RAM_MAX_FILLS];
	unsigned nfills;
	struct ram_fill fill[RAM_MAX_FILLS];
	struct ram_region region[RAM_MAX_REGIONS];	/* sorted, disjoint */
	bool huge;		/* host huge pages were asked for */
};

/*
 * Makes memory with @n regions (sorted by start, disjoint, page-aligned
 * not required). Returns NULL with errno EINVAL for a bad map, ENOMEM if the
 * host refuses the reservation.
 */
struct ram *ram_create(const struct ram_region *map, unsigned n);
void ram_destroy(struct ram *ram);

/*
 * Makes [start, start + len), whole frames of zeros in one extent, read as
 * @first, @first + @step, ...
 */
void ram_fill(struct ram *ram, pa_t start, uint64_t len, uint64_t first,
	      uint64_t step);

/* Asks the host for huge pages; called once much memory is being touched. */
void ram_use_huge(struct ram *ram);

/* Name of a region type as /proc/iomem and the e820 boot lines have it. */
const char *ram_type_name(enum ram_type type);

/* Is @pa in the largest extent, like nearly everything? */
static inline bool ram_in_first(const struct ram *ram, pa_t pa)
{
	return pa - ram->extent[0].start < ram->extent[0].len;
}

/* ram_ptr() for what is not in it. */
uint8_t *ram_ptr_other(const struct ram *ram, pa_t pa);

/*
 * Host address of @pa if the naturally aligned word of up to 8 bytes that
 * holds it is backed, else NULL. Valid up to the end of its 4 KiB frame.
 */
static inline uint8_t *ram_ptr(const struct ram *ram, pa_t pa)
{
	if (__builtin_expect(ram_in_first(ram, pa), 1))
		return ram->host + pa;
	return ram_ptr_other(ram, pa);
}

/*
 * Reads or writes @size bytes (1, 2, 4 or 8, little endian, @pa aligned to
 * @size). Unbacked: reads give all ones, writes are dropped.
 */
uint64_t ram_read(const struct ram *ram, pa_t pa, unsigned size);
void ram_write(struct ram *ram, pa_t pa, unsigned size, uint64_t value);

/* The same for @len bytes at any alignment. */
void ram_copy_out(const struct ram *ram, pa_t pa, void *buf, size_t len);
void ram_copy_in(struct ram *ram, pa_t pa, const void *buf, size_t len);

/* FNV-1a hash of all touched memory; for tests that looking changes nothing. */
uint64_t ram_hash(const struct ram *ram);

#endif
