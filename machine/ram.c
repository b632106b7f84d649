/*
 * ram.c - see ram.h.
 *
 *   host mapping   |RAM      |hole|RAM              |        |RAM    |
 *                  0         640K 1M                3G       4G      size
 *   extents        |---------|    |-----------------|        |-------|
 *
 * One private anonymous mapping reaches from physical address 0 to the end of
 * the highest backed frame. It is only reserved: the host makes a page when
 * it is first written. Being private, it is copied on write by fork(), which
 * is how a session keeps its past.
 *
 * Frames of a fill[] are in no extent: whoever asks for their bytes comes by
 * ram_ptr_other(), which writes them first.
 */
#include "machine/ram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machine/internal.h"

#define HUGE_SIZE  (2UL << 20)
#define RAM_LIMIT  (1ULL << 52) /* the largest MAXPHYADDR */
#define HASH_CHUNK (1UL << 30)

static bool map_is_valid(const struct ram_region *map, unsigned n)
{
	if (n == 0 || n > RAM_MAX_REGIONS)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (map[i].start >= map[i].end || map[i].end > RAM_LIMIT)
			return false;
		if (i && map[i].start < map[i - 1].end)
			return false;
		if (map[i].backed && map[i].type == RAM_MMIO)
			return false;
	}
	return true;
}

/* Adds a backed region behind the extents made so far, in address order. */
static void add_extent(struct ram *ram, const struct ram_region *r)
{
	pa_t start = ALIGN_DOWN(r->start, PAGE_SIZE);
	pa_t end = PAGE_ALIGN(r->end);
	unsigned n = ram->nextents;

	if (n && ram->extent[n - 1].start + ram->extent[n - 1].len >= start) {
		ram->extent[n - 1].len = end - ram->extent[n - 1].start;
	} else {
		ram->extent[n].start = start;
		ram->extent[n].len = end - start;
		ram->nextents++;
	}
	ram->size = end;
}

static void sort_extents(struct ram *ram)
{
	for (unsigned i = 1; i < ram->nextents; i++) {
		for (unsigned j = i; j > 0; j--) {
			__typeof__(ram->extent[0]) tmp = ram->extent[j];

			if (tmp.len <= ram->extent[j - 1].len)
				break;
			ram->extent[j] = ram->extent[j - 1];
			ram->extent[j - 1] = tmp;
		}
	}
}

/* Reserves @size bytes at a 2 MiB boundary, so that huge pages fit. */
static uint8_t *reserve(uint64_t size)
{
	uint64_t total = size + HUGE_SIZE;
	uint64_t head;
	uint8_t *p;

	p = mmap(NULL, total, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p & (HUGE_SIZE - 1);
	if (head)
		munmap(p, head);
	if (total - head > size)
		munmap(p + head + size, total - head - size);
	return p + head;
}

struct ram *ram_create(const struct ram_region *map, unsigned n)
{
	struct ram *ram;

	if (!map_is_valid(map, n)) {
		errno = EINVAL;
		return NULL;
	}
	ram = calloc(1, sizeof(*ram));
	if (!ram)
		return NULL;
	memcpy(ram->region, map, n * sizeof(*map));
	ram->nregions = n;
	for (unsigned i = 0; i < n; i++)
		if (map[i].backed)
			add_extent(ram, &map[i]);
	sort_extents(ram);
	if (ram->size)
		ram->host = reserve(ram->size);
	if (ram->size && !ram->host) {
		free(ram);
		errno = ENOMEM;
		return NULL;
	}
	return ram;
}

/* --- frames known by their progression ---------------------------------- */

static void write_words(const struct ram *ram, pa_t pa, uint64_t len,
			uint64_t first, uint64_t step)
{
	uint64_t *word = (uint64_t *)(ram->host + pa);

	for (uint64_t i = 0; i < len / 8; i++, first += step)
		word[i] = first;
}

/* Writes the frame of @pa if nobody has asked for it before. */
static void make_frame(const struct ram *ram, const struct ram_fill *f, pa_t pa)
{
	uint64_t i = (pa - f->start) >> PAGE_SHIFT;
	uint64_t words = PAGE_SIZE / 8;

	if (f->made[i / 64] & BIT(i % 64))
		return;
	f->made[i / 64] |= BIT(i % 64);
	write_words(ram, f->start + (i << PAGE_SHIFT), PAGE_SIZE,
		    f->first + i * words * f->step, f->step);
}

/* The extent that holds [start, start + len), or -1. */
static int find_extent(const struct ram *ram, pa_t start, uint64_t len)
{
	for (unsigned i = 0; i < ram->nextents; i++) {
		uint64_t offset = start - ram->extent[i].start;

		if (offset < ram->extent[i].len &&
		    ram->extent[i].len - offset >= len)
			return (int)i;
	}
	return -1;
}

/* Cuts [start, start + len) out of extent @i. */
static void split_extent(struct ram *ram, unsigned i, pa_t start, uint64_t len)
{
	pa_t end = ram->extent[i].start + ram->extent[i].len;

	ram->extent[i].len = start - ram->extent[i].start;
	if (end > start + len) {
		ram->extent[ram->nextents].start = start + len;
		ram->extent[ram->nextents].len = end - (start + len);
		ram->nextents++;
	}
	sort_extents(ram);
	while (ram->nextents && !ram->extent[ram->nextents - 1].len)
		ram->nextents--;
}

void ram_fill(struct ram *ram, pa_t start, uint64_t len, uint64_t first,
	      uint64_t step)
{
	struct ram_fill *f = &ram->fill[ram->nfills];
	int i = find_extent(ram, start, len);

	assert(i >= 0 && !((start | len) & (PAGE_SIZE - 1)));
	if (ram->nfills == RAM_MAX_FILLS) {
		write_words(ram, start, len, first, step);
		return;
	}
	*f = (struct ram_fill){ start, len, first, step, NULL };
	f->made = calloc((len >> PAGE_SHIFT) / 64 + 1, sizeof(*f->made));
	assert(f->made);
	ram->nfills++;
	split_extent(ram, (unsigned)i, start, len);
}

/* The fill that holds @pa, or NULL. */
static const struct ram_fill *find_fill(const struct ram *ram, pa_t pa)
{
	for (unsigned i = 0; i < ram->nfills; i++)
		if (pa - ram->fill[i].start < ram->fill[i].len)
			return &ram->fill[i];
	return NULL;
}

void ram_destroy(struct ram *ram)
{
	if (!ram)
		return;
	for (unsigned i = 0; i < ram->nfills; i++)
		free(ram->fill[i].made);
	if (ram->host)
		munmap(ram->host, ram->size);
	free(ram);
}

void ram_use_huge(struct ram *ram)
{
	if (!ram->huge && ram->host)
		madvise(ram->host, ram->size, MADV_HUGEPAGE);
	ram->huge = true;
}

const char *ram_type_name(enum ram_type type)
{
	static const char *const name[] = {
		[RAM_USABLE] = "System RAM",
		[RAM_RESERVED] = "Reserved",
		[RAM_ACPI] = "ACPI Tables",
		[RAM_NVS] = "ACPI Non-volatile Storage",
		[RAM_UNUSABLE] = "Unusable memory",
		[RAM_MMIO] = "PCI Bus",
		[RAM_PMEM] = "Persistent Memory",
		[RAM_PRAM] = "Persistent Memory (legacy)",
	};

	if (type == RAM_SOFT_RESERVED)
		return "Soft Reserved";
	if (type < ARRAY_SIZE(name) && name[type])
		return name[type];
	return "Unknown E820 type";
}

uint8_t *ram_ptr_other(const struct ram *ram, pa_t pa)
{
	const struct ram_fill *f;

	for (unsigned i = 1; i < ram->nextents; i++)
		if (pa - ram->extent[i].start < ram->extent[i].len)
			return ram->host + pa;
	f = find_fill(ram, pa);
	if (!f)
		return NULL;
	make_frame(ram, f, pa);
	return ram->host + pa;
}

uint64_t ram_read(const struct ram *ram, pa_t pa, unsigned size)
{
	uint64_t value = 0;

	ram_copy_out(ram, pa, &value, size);
	return value;
}

void ram_write(struct ram *ram, pa_t pa, unsigned size, uint64_t value)
{
	uint8_t *to = ram_ptr(ram, pa);

	if (to && size == 8)
		memcpy(to, &value, 8);
	else if (to && size == 4)
		memcpy(to, &value, 4);
	else if (to)
		memcpy(to, &value, size);
}

/* Bytes from @pa to the end of its frame, at most @len. */
static size_t frame_part(pa_t pa, size_t len)
{
	size_t left = PAGE_SIZE - (pa & (PAGE_SIZE - 1));

	return len < left ? len : left;
}

void ram_copy_out(const struct ram *ram, pa_t pa, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		size_t n = frame_part(pa, len);
		const uint8_t *from = ram_ptr(ram, pa);

		if (from)
			memcpy(to, from, n);
		else
			memset(to, 0xff, n);
		to += n;
		pa += n;
		len -= n;
	}
}

void ram_copy_in(struct ram *ram, pa_t pa, const void *buf, size_t len)
{
	const uint8_t *from = buf;

	while (len) {
		size_t n = frame_part(pa, len);
		uint8_t *to = ram_ptr(ram, pa);

		if (to)
			memcpy(to, from, n);
		from += n;
		pa += n;
		len -= n;
	}
}

/* A frame of zeros hashes like a frame never touched: not at all. */
static uint64_t hash_frame(uint64_t hash, pfn_t pfn, const uint8_t *bytes)
{
	uint64_t word[PAGE_SIZE / 8];

	if (bytes[0] == 0 && !memcmp(bytes, bytes + 1, PAGE_SIZE - 1))
		return hash;
	memcpy(word, bytes, PAGE_SIZE);
	hash = hash_word(hash, pfn);
	for (unsigned i = 0; i < ARRAY_SIZE(word); i++)
		hash = hash_word(hash, word[i]);
	return hash;
}

static uint64_t hash_chunk(const struct ram *ram, uint64_t hash, uint64_t at,
			   uint64_t len, unsigned char *in_core)
{
	if (mincore(ram->host + at, len, in_core))
		memset(in_core, 1, len / PAGE_SIZE);
	for (uint64_t i = 0; i < len / PAGE_SIZE; i++)
		if (in_core[i] & 1)
			hash = hash_frame(hash, (at >> PAGE_SHIFT) + i,
					  ram->host + at + i * PAGE_SIZE);
	return hash;
}

/*
 * mincore() knows which pages of the mapping the host has made, and passes
 * quickly over the holes. (Pages that the host has swapped out would count
 * as holes: good enough for tests.)
 */
static uint64_t hash_fill(const struct ram *ram, uint64_t hash,
			  const struct ram_fill *f)
{
	for (pa_t pa = f->start; pa < f->start + f->len; pa += PAGE_SIZE)
		hash = hash_frame(hash, pa >> PAGE_SHIFT, ram_ptr(ram, pa));
	return hash;
}

uint64_t ram_hash(const struct ram *ram)
{
	unsigned char *in_core = malloc(HASH_CHUNK / PAGE_SIZE);
	uint64_t hash = HASH_START;

	assert(in_core);
	for (unsigned i = 0; i < ram->nextents; i++) {
		uint64_t at = ram->extent[i].start, left = ram->extent[i].len;

		while (left) {
			uint64_t len = left < HASH_CHUNK ? left : HASH_CHUNK;

			hash = hash_chunk(ram, hash, at, len, in_core);
			at += len;
			left -= len;
		}
	}
	for (unsigned i = 0; i < ram->nfills; i++)
		hash = hash_fill(ram, hash, &ram->fill[i]);
	free(in_core);
	return hash;
}
