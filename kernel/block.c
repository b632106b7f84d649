/*
 * block.c - a disk (linux 6.1 block/blk-core.c, blk-merge.c, genhd.c).
 *
 * What is asked for in one go and lies side by side is one request, of at
 * most MAX_SECTORS; each request counts once, as in /proc/diskstats. Left
 * out: queues, schedulers, partitions, time, errors.
 */
#include "kernel/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mm_internal.h"

void disk_init(struct kernel *k)
{
	k->disk = xcalloc(1, sizeof(*k->disk));
	k->disk->read_ahead_kb = 128;
}

void disk_deinit(struct kernel *k)
{
	if (!k->disk)
		return;
	for (uint64_t i = 0; i < k->disk->nblocks; i++)
		free(k->disk->block[i].bytes);
	free(k->disk->block);
	free(k->disk);
	k->disk = NULL;
}

void disk_unplug(struct kernel *k)
{
	k->disk->bio_sectors = 0;
}

void disk_account(struct kernel *k, uint64_t block, bool write)
{
	struct disk *d = k->disk;

	if (!d->bio_sectors || d->bio_write != write || d->bio_next != block ||
	    d->bio_sectors + BLOCK_SECTORS > MAX_SECTORS) {
		*(write ? &d->writes : &d->reads) += 1;
		d->bio_sectors = 0;
		d->bio_write = write;
	}
	d->bio_next = block + 1;
	d->bio_sectors += BLOCK_SECTORS;
	*(write ? &d->sectors_written : &d->sectors_read) += BLOCK_SECTORS;
}

/* The table grows to hold block @b. */
static void grow(struct disk *d, uint64_t b)
{
	uint64_t n = b < 64 ? 64 : 2 * b;

	if (b < d->nblocks)
		return;
	d->block = xrealloc(d->block, n * sizeof(*d->block));
	memset(d->block + d->nblocks, 0, (n - d->nblocks) * sizeof(*d->block));
	d->nblocks = n;
}

int disk_alloc(struct kernel *k, uint64_t near, uint64_t *ret)
{
	struct disk *d = k->disk;
	uint64_t b = near + 1;

	if (d->nused == DISK_BLOCKS)
		return -ENOSPC;
	if (b >= DISK_BLOCKS || (b < d->nblocks && d->block[b].used))
		for (b = 0; b < d->nblocks && d->block[b].used; b++)
			;
	grow(d, b);
	d->block[b].used = true;
	d->nused++;
	*ret = b;
	return 0;
}

void disk_free(struct kernel *k, uint64_t block)
{
	struct disk_block *b = &k->disk->block[block];

	free(b->bytes);
	*b = (struct disk_block){ 0 };
	k->disk->nused--;
}

void disk_copy_out(const struct kernel *k, uint64_t block, void *buf)
{
	const uint8_t *bytes = k->disk->block[block].bytes;

	if (bytes)
		memcpy(buf, bytes, PAGE_SIZE);
	else
		memset(buf, 0, PAGE_SIZE);
}

void disk_copy_in(struct kernel *k, uint64_t block, const void *buf)
{
	struct disk_block *b = &k->disk->block[block];

	if (!b->bytes)
		b->bytes = xcalloc(1, PAGE_SIZE);
	memcpy(b->bytes, buf, PAGE_SIZE);
}
