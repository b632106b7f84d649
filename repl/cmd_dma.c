/*
 * cmd_dma.c - dma, dma_device and the DMA API: how a driver gets an address
 * that it may give to a device.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "kernel/swiotlb.h"
#include "repl/cmd_dma.h"
#include "repl/describe.h"

struct device *cmd_device(struct cmd_ctx *c)
{
	struct device *dev = device_find(c->k, c->arg[0].str);

	if (dev)
		return dev;
	err_set(c->err, ERR_USER, "%s: no such device", c->arg[0].str);
	err_hint(c->err, TAILQ_EMPTY(&c->k->devices)
				 ? "dma_device %s makes one"
				 : "dma lists them; dma_device %s makes one",
		 c->arg[0].str);
	return NULL;
}

/* --- a mapping ------------------------------------------------------------ */
static const char *const kind_name[] = {
	[DMA_SINGLE] = "dma_map_single",
	[DMA_SG] = "dma_map_sg",
	[DMA_COHERENT] = "dma_alloc_coherent",
};

static const char *const bounce_name[] = {
	[BOUNCE_NONE] = "",
	[BOUNCE_SWIOTLB] = "swiotlb",
	[BOUNCE_PAGE] = "bounce page",
};

static void emit_segment(struct cmd_ctx *c, const struct dma_segment *seg)
{
	pfn_t pfn = seg->bus >> PAGE_SHIFT;
	char what[200];

	res_pa(c->r, "bus", "bus %s", seg->bus);
	res_size(c->r, "len", "%s", seg->len);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "zone", "~ (%s)", zone_name(c->k, pfn));
	res_str(c->r, "what", seg->bounce == BOUNCE_NONE ? "%s" : NULL,
		describe_page(c->k, pfn, what, sizeof(what)));
	if (seg->bounce == BOUNCE_NONE)
		return;
	res_str(c->r, "bounce", "%s", bounce_name[seg->bounce]);
	res_pa(c->r, "phys", "~: the buffer is at pa %s", seg->phys);
}

#define SHOWN 12u

static void emit_map(struct cmd_ctx *c, const struct dma_map *map)
{
	unsigned shown = map->nents < SHOWN ? map->nents : SHOWN;

	res_va(c->r, "va", "%s", map->va);
	res_size(c->r, "size", "%s", map->size);
	res_str(c->r, "kind", "%s", kind_name[map->kind]);
	res_str(c->r, "direction", "%s", dma_direction_name[map->dir]);
	res_u64(c->r, "nents", map->nents == 1 ? NULL : "%s segments",
		map->nents);
	res_line(c->r);
	res_list(c->r, "segments", RES_TREE);
	for (unsigned i = 0; i < shown; i++) {
		res_item(c->r, i + 1 == map->nents);
		emit_segment(c, &map->sg[i]);
		res_end(c->r);
	}
	if (shown < map->nents) {
		res_item(c->r, true);
		res_text(c->r, COL_DIM, "... %u more", map->nents - shown);
		res_end(c->r);
	}
	res_end(c->r);
}

/* --- dma ------------------------------------------------------------------ */
static void emit_device(struct cmd_ctx *c, const struct device *dev)
{
	const struct dma_map *map;

	res_name(c->r, "name", "%s", dev->name);
	res_u64(c->r, "address_bits", "%s address bits", dev->hw.addr_bits);
	res_hex(c->r, "dma_mask", "mask %s", dev->dma_mask, 1);
	res_u64(c->r, "bytes_read", "read %s", dev->hw.reads);
	res_u64(c->r, "bytes_written", "wrote %s bytes of RAM", dev->hw.writes);
	if (dev->hw.aborts)
		res_u64(c->r, "bytes_aborted", "%s where none is",
			dev->hw.aborts);
	res_line(c->r);
	res_list(c->r, "mappings", RES_TREE);
	TAILQ_FOREACH (map, &dev->maps, link) {
		res_item(c->r, !TAILQ_NEXT(map, link));
		emit_map(c, map);
		res_end(c->r);
	}
	res_end(c->r);
}

static void emit_swiotlb(struct cmd_ctx *c)
{
	const struct io_tlb_mem *mem = c->k->swiotlb;

	if (!mem) {
		res_text(c->r, COL_DIM, "no swiotlb: %s",
			 c->k->max_pfn > 4 * GiB >> PAGE_SHIFT
				 ? "this kernel has none"
				 : "no RAM is above 4G");
		return;
	}
	res_object(c->r, "swiotlb");
	res_pa(c->r, "start", "swiotlb %s", mem->start);
	res_pa(c->r, "last", "~-%s", mem->end - 1);
	res_size(c->r, "size", "%s", mem->end - mem->start);
	res_u64(c->r, "used", "%s", mem->used);
	res_u64(c->r, "slots", "~ of %s slots of 2K in use", mem->nslabs);
	res_end(c->r);
}

static int dma_run(struct cmd_ctx *c)
{
	const struct device *dev;

	res_list(c->r, "devices", RES_LINES);
	TAILQ_FOREACH (dev, &c->k->devices, link) {
		res_item(c->r, false);
		emit_device(c, dev);
		res_end(c->r);
	}
	res_end(c->r);
	emit_swiotlb(c);
	return 0;
}

/* --- devices -------------------------------------------------------------- */
static int delete_device(struct cmd_ctx *c)
{
	struct device *dev = cmd_device(c);

	if (!dev)
		return -1;
	if (dev->nmaps) {
		err_set(c->err, ERR_USER, "DMA-API: device driver has pending "
			"DMA allocations while released from device "
			"[count=%u]", dev->nmaps);
		err_hint(c->err, "dma_unmap %s VA", dev->name);
		return -1;
	}
	res_str(c->r, "name", "%s is gone", dev->name);
	return device_del(c->k, dev);
}

static int dma_device_run(struct cmd_ctx *c)
{
	const struct cmd_arg *bits = cmd_opt(c, 'm');
	struct device *dev;

	if (cmd_opt(c, 'd'))
		return delete_device(c);
	if (bits && (bits->value.n < 24 || bits->value.n > 64))
		return err_set(c->err, ERR_USER,
			       "-m %llu: a device has 24 to 64 address bits",
			       (unsigned long long)bits->value.n);
	dev = device_add(c->k, c->arg[0].str, bits ? bits->value.n : 32);
	if (!dev)
		return err_set(c->err, ERR_USER, device_find(c->k, c->arg[0].str)
			? "%s: there is one of that name"
			: "%s: a name has 1 to 15 characters", c->arg[0].str);
	res_name(c->r, "name", "%s", dev->name);
	res_u64(c->r, "address_bits", "%s address bits", dev->hw.addr_bits);
	res_hex(c->r, "dma_mask", "mask %s", dev->dma_mask, 1);
	return 0;
}

static int dma_set_mask_run(struct cmd_ctx *c)
{
	struct device *dev = cmd_device(c);
	uint64_t bits = c->arg[1].value.n;
	int rc;

	if (!dev)
		return -1;
	if (bits < 1 || bits > 64)
		return err_set(c->err, ERR_USER, "%llu: 1 to 64 bits",
			       (unsigned long long)bits);
	rc = dma_set_mask(c->k, dev, bits == 64 ? ~0ULL : BIT(bits) - 1);
	if (rc == -EIO) {
		err_errno(c->err, rc, "a mask of %llu bits",
			  (unsigned long long)bits);
		err_hint(c->err, "ZONE_DMA ends at 16M: 24 bits at least");
		return -1;
	}
	if (rc)
		return err_errno(c->err, rc, "%s has %u mapping(s)", dev->name,
				 dev->nmaps);
	res_name(c->r, "name", "%s", dev->name);
	res_hex(c->r, "dma_mask", "mask %s", dev->dma_mask, 1);
	if (bits > dev->hw.addr_bits)
		res_text(c->r, COL_BAD, "the device has only %u address bits",
			 dev->hw.addr_bits);
	return 0;
}

/* --- mapping -------------------------------------------------------------- */
static const struct { const char *name; enum dma_data_direction dir; }
directions[] = {
	{ "to", DMA_TO_DEVICE },	{ "from", DMA_FROM_DEVICE },
	{ "both", DMA_BIDIRECTIONAL },
};

static const char *direction_word(unsigned i)
{
	return i < ARRAY_SIZE(directions) ? directions[i].name : NULL;
}

/* The direction in the fourth argument: as Linux spells it, or its word. */
static int get_direction(struct cmd_ctx *c, enum dma_data_direction *ret)
{
	*ret = DMA_BIDIRECTIONAL;
	if (!c->arg[3].set)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		*ret = directions[i].dir;
		if (strcasecmp(c->arg[3].str, directions[i].name) == 0 ||
		    strcasecmp(c->arg[3].str, dma_direction_name[*ret]) == 0)
			return 0;
	}
	return err_set(c->err, ERR_USAGE,
		       "%s: a direction is to, from or both", c->arg[3].str);
}

/* How to go on when dma_map_...() says DMA_MAPPING_ERROR. */
static void hint_failed(struct cmd_ctx *c, const struct device *dev)
{
	unsigned long long va = c->arg[1].value.n, n = c->arg[2].value.n;
	const char *log = dev->log;

	if (strstr(log, "vmalloc"))
		err_hint(c->err, "frames behind it need not be neighbours: "
			 "dma_map_sg %s 0x%llx %llu", dev->name, va, n);
	else if (strstr(log, "DMA addr") || strstr(log, "swiotlb addr"))
		err_hint(c->err, "a buffer below the mask (GFP_DMA), "
			 "dma_alloc_coherent, or dma_map_sg -b");
	else if (strstr(log, "is full"))
		err_hint(c->err, "256K at most of one mapping; dma_unmap gives "
			 "slots back");
}

static int map_failed(struct cmd_ctx *c, const struct device *dev, int rc)
{
	unsigned long long va = c->arg[1].value.n;

	if (rc == -EINVAL)
		return err_set(c->err, ERR_USER, "1 byte to 16M, please");
	if (rc == -EFAULT)
		return err_errno(c->err, rc, "0x%llx: not all of it is mapped "
				 "in the kernel", va);
	if (!*dev->log)
		return err_errno(c->err, rc, "0x%llx", va);
	err_set(c->err, ERR_ERRNO, "DMA_MAPPING_ERROR: %s: %s", dev->name,
		dev->log);
	c->k->log.unseen = c->k->log.len;
	c->err->no = -rc;
	hint_failed(c, dev);
	return -1;
}

/* What the API would not notice: a page of somebody else's. */
static void emit_warning(struct cmd_ctx *c, const struct dma_map *map)
{
	pa_t pa;

	if (cmd_va_pa(c, map->va, &pa) && pa == map->sg->phys)
		return;
	res_line(c->r);
	res_text(c->r, COL_BAD, "virt_to_page is wrong there, and nobody "
		 "noticed: see __pa 0x%llx", (unsigned long long)map->va);
}

static int dma_map_single_run(struct cmd_ctx *c)
{
	struct device *dev = cmd_device(c);
	enum dma_data_direction dir;
	struct dma_map *map;
	int rc;

	if (!dev || get_direction(c, &dir) < 0)
		return -1;
	rc = dma_map_single(c->k, dev, c->arg[1].value.n, c->arg[2].value.n,
			    dir, &map);
	if (rc)
		return map_failed(c, dev, rc);
	res_subject(c->r, map->va);
	emit_map(c, map);
	emit_warning(c, map);
	return 0;
}

static int dma_map_sg_run(struct cmd_ctx *c)
{
	struct device *dev = cmd_device(c);
	enum dma_data_direction dir;
	struct dma_map *map;
	int rc;

	if (!dev || get_direction(c, &dir) < 0)
		return -1;
	rc = dma_map_sg(c->k, dev, c->arg[1].value.n, c->arg[2].value.n, dir,
			cmd_opt(c, 'b') != NULL, &map);
	if (rc)
		return map_failed(c, dev, rc);
	res_subject(c->r, map->va);
	emit_map(c, map);
	return 0;
}

static int dma_alloc_coherent_run(struct cmd_ctx *c)
{
	struct device *dev = cmd_device(c);
	uint64_t size = c->arg[1].value.n;
	struct dma_map *map;
	int rc;

	if (!dev)
		return -1;
	rc = dma_alloc_coherent(c->k, dev, size, &map);
	if (rc)
		return err_errno(c->err, rc, "%llu bytes below 0x%llx",
				 (unsigned long long)size,
				 (unsigned long long)dev->dma_mask);
	res_subject(c->r, map->va);
	emit_map(c, map);
	return 0;
}

/* --- what follows --------------------------------------------------------- */
static struct dma_map *get_map(struct cmd_ctx *c, struct device **dev)
{
	unsigned long long va = c->arg[1].value.n;
	struct dma_map *map;

	*dev = cmd_device(c);
	if (!*dev)
		return NULL;
	map = dma_find_map(*dev, va);
	if (!map)
		err_set(c->err, ERR_USER, "0x%llx is not mapped for %s", va,
			(*dev)->name);
	return map;
}

static uint64_t bounced_bytes(const struct dma_map *map)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < map->nents; i++)
		if (map->sg[i].bounce != BOUNCE_NONE)
			n += map->sg[i].len;
	return n;
}

static int dma_unmap_run(struct cmd_ctx *c)
{
	struct device *dev;
	struct dma_map *map = get_map(c, &dev);
	uint64_t back;

	if (!map)
		return -1;
	back = map->dir == DMA_TO_DEVICE ? 0 : bounced_bytes(map);
	res_va(c->r, "va", map->kind == DMA_COHERENT ? "%s freed"
						     : "%s unmapped", map->va);
	res_u64(c->r, "copied", back ? "%s bytes copied back from bounce buffers"
				     : NULL, back);
	dma_unmap(c->k, dev, map);
	return 0;
}

static int get_owner(struct cmd_ctx *c, bool *for_cpu)
{
	const char *who = c->arg[2].str;

	*for_cpu = strcasecmp(who, "cpu") == 0;
	if (*for_cpu || strcasecmp(who, "device") == 0)
		return 0;
	return err_set(c->err, ERR_USAGE, "%s: for cpu or device?", who);
}

static const char *why_nothing(const struct dma_map *map, bool for_cpu)
{
	if (!bounced_bytes(map))
		return "nothing to copy: caches are coherent on x86";
	if (map->dir == (for_cpu ? DMA_TO_DEVICE : DMA_FROM_DEVICE))
		return "nothing copied: not in this direction";
	return "nothing copied: bounce pages are, at the end of the transfer";
}

static int dma_sync_run(struct cmd_ctx *c)
{
	struct device *dev;
	struct dma_map *map = get_map(c, &dev);
	uint64_t copied;
	bool for_cpu;

	if (!map || get_owner(c, &for_cpu) < 0)
		return -1;
	copied = for_cpu ? dma_sync_for_cpu(c->k, map)
			 : dma_sync_for_device(c->k, map);
	res_va(c->r, "va", for_cpu ? "%s is the CPU's now"
				   : "%s is the device's now", map->va);
	res_u64(c->r, "copied", copied ? for_cpu
			? "%s bytes copied from bounce buffers"
			: "%s bytes copied to bounce buffers" : NULL, copied);
	if (!copied)
		res_text(c->r, COL_DIM, "%s", why_nothing(map, for_cpu));
	return 0;
}

static const char *owner_word(unsigned i)
{
	return i == 0 ? "cpu" : i == 1 ? "device" : NULL;
}

/* --- rows ----------------------------------------------------------------- */
#define GROUP .group = "DMA"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES
#define DEVICE { "DEV", ARG_WORD }

const struct command cmd_dma = {
	.name = "dma", GROUP, .flags = CMD_NEEDS_KERNEL,
	.help = "devices that master the bus, their mappings, bounce buffers",
	.details =
	"A device takes physical addresses: it knows no page tables. Its driver\n"
	"gets them from the DMA API, which sees to it that the device can reach\n"
	"them. No IOMMU here: a bus address is a physical one.",
	.example = "dma_device disk0; dma", .run = dma_run,
};

const struct command cmd_dma_device = {
	.name = "dma_device", GROUP, MUTATES,
	.help = "plug in a device called DEV, or with -d take it away",
	.details =
	"-m: the bits of its address register, 24 (ISA) to 64; 32 if not given.\n"
	"Its driver sets a dma_mask of as many. It is a disk, or a NIC: dma_write\n"
	"sends a buffer to it, dma_read gets one filled.",
	.example = "dma_device sb16 -m 24",
	.arg = { DEVICE },
	.opt = { { 'm', "bits", ARG_NUM, "BITS", "address bits of the device" },
		 { 'd', "delete", ARG_FLAG, NULL, "take it away" } },
	.run = dma_device_run,
};

const struct command cmd_dma_set_mask = {
	.name = "dma_set_mask", GROUP, MUTATES,
	.help = "what the driver says: the device reaches BITS address bits",
	.details = "Nobody checks that it does. Fewer than 24 are refused: not even\n"
		   "ZONE_DMA would do.",
	.example = "dma_device nic0 -m 64; dma_set_mask nic0 32",
	.arg = { DEVICE, { "BITS", ARG_NUM } },
	.run = dma_set_mask_run,
};

const struct command cmd_dma_map_single = {
	.name = "dma_map_single", GROUP, MUTATES,
	.help = "map a contiguous buffer (kmalloc) for a device",
	.details =
	"DIR: to (the device reads it), from, or both. One bus address for SIZE\n"
	"bytes: right for kernel logical addresses. vmalloc memory is rejected.\n"
	"Beyond the device's mask the buffer is bounced, if there is a swiotlb.",
	.example = "dma_device disk0; kmalloc 8K; dma_map_single disk0 $_ 8K to",
	.arg = { DEVICE, { "VA", ARG_VA }, { "SIZE", ARG_SIZE },
		 { "DIR", ARG_WORD, .optional = true } },
	.run = dma_map_single_run, .word = direction_word,
};

const struct command cmd_dma_map_sg = {
	.name = "dma_map_sg", GROUP, MUTATES,
	.help = "map any kernel buffer, page by page, as a scatter list",
	.details =
	"The frames behind the buffer are looked up (vmalloc_to_page); neighbours\n"
	"make one segment, up to 64K. -b: what the device cannot reach goes through\n"
	"bounce pages, one each, as the block layer does for HighMem.",
	.example = "dma_device disk0; vmalloc 16K; dma_map_sg disk0 $_ 16K to",
	.arg = { DEVICE, { "VA", ARG_VA }, { "SIZE", ARG_SIZE },
		 { "DIR", ARG_WORD, .optional = true } },
	.opt = { { 'b', "bounce", ARG_FLAG, NULL, "use bounce pages" } },
	.run = dma_map_sg_run, .word = direction_word,
};

const struct command cmd_dma_alloc_coherent = {
	.name = "dma_alloc_coherent", GROUP, MUTATES,
	.help = "a zeroed buffer that CPU and device both reach, for long",
	.details = "Contiguous, from a zone below the device's mask; never bounced.",
	.example = "dma_device sb16 -m 24; dma_alloc_coherent sb16 8K",
	.arg = { DEVICE, { "SIZE", ARG_SIZE } }, .run = dma_alloc_coherent_run,
};

const struct command cmd_dma_unmap = {
	.name = "dma_unmap", GROUP, MUTATES,
	.alias = "dma_unmap_single dma_unmap_sg dma_free_coherent",
	.help = "undo the mapping that holds VA; copy bounced bytes back",
	.arg = { DEVICE, { "VA", ARG_VA } }, .run = dma_unmap_run,
};

const struct command cmd_dma_sync = {
	.name = "dma_sync", GROUP, MUTATES,
	.help = "hand a mapped buffer to the cpu, or to the device again",
	.details =
	"dma_sync_single_for_cpu, dma_sync_sg_for_device, .. x86 keeps caches\n"
	"coherent, so that only bounced bytes are copied.",
	.arg = { DEVICE, { "VA", ARG_VA }, { "OWNER", ARG_WORD } },
	.run = dma_sync_run, .word = owner_word,
};
