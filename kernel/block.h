/*
 * block.h - a disk: blocks of a page each, and how often it was asked (linux
 * block/, include/linux/blkdev.h; the counters: Documentation/admin-guide/
 * iostats.rst).
 *
 * It has 1 GiB, empty at boot. Requests finish at once: there is no time.
 */
#ifndef KERNEL_BLOCK_H
#define KERNEL_BLOCK_H

#include "kernel/kernel.h"

#define DISK_BLOCKS   (1ULL << 18)
#define DISK_DEV      0xfe00u /* 254:0, a virtio disk */
#define BLOCK_SECTORS 8	      /* of 512 bytes */
#define MAX_SECTORS   2560    /* of one request: 1280 KiB */

struct disk {
	struct disk_block {
		uint8_t *bytes; /* owned; NULL: zeroes */
		bool used;
	} * block; /* owned: those that were ever used */
	uint64_t nblocks, nused;
	uint64_t reads, sectors_read, writes, sectors_written;
	/* The open request: the block that would continue it. */
	uint64_t bio_next;
	unsigned bio_sectors; /* 0: none */
	bool bio_write;
	uint64_t read_ahead_kb;
};

/* A readahead window's most, in pages. */
static inline uint64_t disk_ra_pages(const struct kernel *k)
{
	return k->disk->read_ahead_kb * KiB >> PAGE_SHIFT;
}

void disk_init(struct kernel *k);
void disk_deinit(struct kernel *k);
/* Blocks that follow each other join the request before, if it is as yet open.
 */
void disk_account(struct kernel *k, uint64_t block, bool write);
/* The open request is sent: the next block begins another. */
void disk_unplug(struct kernel *k);
/* A free block in *ret, the one after @near if that is free: -ENOSPC. */
int disk_alloc(struct kernel *k, uint64_t near, uint64_t *ret);
void disk_free(struct kernel *k, uint64_t block);
/* The bytes of a block; counted by nobody. */
void disk_copy_out(const struct kernel *k, uint64_t block, void *buf);
void disk_copy_in(struct kernel *k, uint64_t block, const void *buf);

#endif
