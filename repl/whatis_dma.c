/*
 * whatis_dma.c - what devices have to do with a byte: it is of a buffer that
 * is mapped for one, or of a bounce buffer that stands for another byte.
 */
#include "kernel/dma_mapping.h"
#include "repl/whatis.h"

static bool within(pa_t pa, pa_t start, uint64_t len)
{
	return pa - start < len;
}

/* The segment is listed if @pa is in the buffer or in what stands for it. */
static void emit_segment(struct cmd_ctx *c, const struct device *dev,
			 const struct dma_map *map,
			 const struct dma_segment *seg, pa_t pa)
{
	bool in_buffer = within(pa, seg->phys, seg->len);
	uint64_t at = in_buffer ? pa - seg->phys : pa - seg->bus;

	res_item(c->r, false);
	res_text(c->r, COL_DIM, "  %-10s", "dma");
	res_str(c->r, "device", "~mapped for %s", dev->name);
	res_str(c->r, "direction", "%s", dma_direction_name[map->dir]);
	res_va(c->r, "buffer", "of the buffer at %s", map->va);
	res_pa(c->r, "bus", "bus %s", seg->bus + at);
	res_bool(c->r, "bounced", NULL, seg->bounce != BOUNCE_NONE);
	if (seg->bounce != BOUNCE_NONE)
		res_pa(c->r, "phys",
		       in_buffer ? "the device uses a copy"
				 : "a copy: the buffer's is pa %s",
		       seg->phys + at);
	res_end(c->r);
}

static void emit_map(struct cmd_ctx *c, const struct device *dev,
		     const struct dma_map *map, pa_t pa)
{
	for (unsigned i = 0; i < map->nents; i++) {
		const struct dma_segment *seg = &map->sg[i];

		if (within(pa, seg->phys, seg->len) ||
		    within(pa, seg->bus, seg->len))
			emit_segment(c, dev, map, seg, pa);
	}
}

void whatis_dma(struct cmd_ctx *c, pa_t pa)
{
	const struct device *dev;
	const struct dma_map *map;

	if (TAILQ_EMPTY(&c->k->devices))
		return;
	res_line(c->r);
	res_list(c->r, "dma", RES_LINES);
	TAILQ_FOREACH (dev, &c->k->devices, link)
		TAILQ_FOREACH (map, &dev->maps, link)
			emit_map(c, dev, map, pa);
	res_end(c->r);
}
