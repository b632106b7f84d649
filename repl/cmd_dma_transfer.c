/*
 * cmd_dma_transfer.c - dma_write, dma_read: the device at work, and page by
 * page whether the addresses it was given led to the buffer.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kernel/convert.h"
#include "kernel/mem_map.h"
#include "kernel/swiotlb.h"
#include "repl/cmd_dma.h"
#include "repl/describe.h"

#define SHOWN  32u
#define SAMPLE 8

enum how { HOW_MAPPED, HOW_NAIVE, HOW_FIRST };

struct transfer {
	struct cmd_ctx *c;
	struct device *dev;
	struct dma_map *map; /* HOW_MAPPED */
	enum how how;
	bool to_memory; /* dma_read: from the device */
	va_t va;
	uint64_t size, start; /* start: bus address of the first byte */
	const struct cmd_arg *data;
	unsigned right, wrong, late; /* pages; late: a sync is missing */
};

struct piece { /* within one page of the buffer */
	va_t va;
	uint64_t at, len; /* of the transfer */
	uint64_t bus;	  /* what the driver said */
	pa_t pa, real;	  /* where it led; where the buffer is */
	bool mapped;	  /* real is */
	const struct dma_segment *seg;
	uint8_t sample[SAMPLE];
};

/* --- addresses ------------------------------------------------------------ */
static bool find_bus(const struct transfer *t, uint64_t at, struct piece *p)
{
	uint64_t in;

	p->bus = t->start + at;
	p->seg = NULL;
	if (t->how != HOW_MAPPED)
		return true;
	p->seg = dma_find_segment(t->map, t->va - t->map->va + at, &in);
	p->bus = p->seg ? p->seg->bus + in : 0;
	return p->seg != NULL;
}

static bool next_piece(const struct transfer *t, uint64_t at, struct piece *p)
{
	uint64_t room;

	if (at >= t->size)
		return false;
	p->at = at;
	p->va = t->va + at;
	room = PAGE_SIZE - (p->va & ~PAGE_MASK);
	p->len = t->size - at < room ? t->size - at : room;
	p->mapped = cmd_va_pa(t->c, p->va, &p->real);
	if (!find_bus(t, at, p))
		return false;
	p->pa = dmadev_address(&t->dev->hw, p->bus);
	return true;
}

/* Did the address lead to the buffer, or to what stands for it? */
static bool led_right(const struct piece *p)
{
	uint64_t in = p->seg ? p->bus - p->seg->bus : 0;

	if (!p->mapped)
		return false;
	if (p->seg && p->seg->bounce != BOUNCE_NONE)
		return p->pa == p->bus && p->seg->phys + in == p->real;
	return p->pa == p->real;
}

/* --- bytes ---------------------------------------------------------------- */
static void fill(const struct transfer *t, const struct piece *p, uint8_t *buf)
{
	const struct cmd_arg *d = t->data;

	for (uint64_t i = 0; i < p->len; i++)
		buf[i] = d->str ? (uint8_t)d->str[(p->at + i) % d->value.n]
				: (uint8_t)d->value.n;
}

/* Does the CPU see the bytes that the device saw, or wrote? */
static bool same_bytes(const struct transfer *t, const struct piece *p,
		       const uint8_t *buf)
{
	uint8_t cpu[PAGE_SIZE];

	ram_copy_out(t->c->m->ram, p->real, cpu, p->len);
	return memcmp(cpu, buf, p->len) == 0;
}

static void move(struct transfer *t, struct piece *p, uint8_t *buf)
{
	if (t->to_memory) {
		fill(t, p, buf);
		dmadev_write_ram(&t->dev->hw, t->c->m->ram, p->bus, buf,
				 p->len);
		dma_note_write(t->c->k, p->pa, p->len);
	} else {
		dmadev_read_ram(&t->dev->hw, t->c->m->ram, p->bus, buf, p->len);
		mem_map_overlay(t->c->k, p->pa, buf, p->len);
	}
	memset(p->sample, 0, SAMPLE);
	memcpy(p->sample, buf, p->len < SAMPLE ? p->len : SAMPLE);
}

/* --- words ---------------------------------------------------------------- */
enum verdict {
	RIGHT,
	RIGHT_BOUNCED,
	LATE,
	LATE_PAGE,
	NEVER,
	CUT,
	NO_RAM,
	UNMAPPED,
	WRONG,
	OWN,
};

static const char *const verdict_name[][2] = {
	/* from memory, to memory */
	[RIGHT] = { "ok", "ok" },
	[RIGHT_BOUNCED] = { "ok, from the bounce buffer",
			    "ok, by the bounce buffer" },
	[LATE] = { "old bytes: dma_sync device is missing",
		   "in the bounce buffer until dma_sync cpu or dma_unmap" },
	[LATE_PAGE] = { "old bytes: copied when it was mapped",
			"in the bounce page until dma_unmap" },
	[NEVER] = { "old bytes: the direction is DMA_FROM_DEVICE",
		    "never copied back: the direction is DMA_TO_DEVICE" },
	[CUT] = { "wrong: cut to the device's bits, 0x%llx",
		  "wrong: cut to the device's bits, 0x%llx overwritten" },
	[NO_RAM] = { "wrong: no RAM answers, all ones",
		     "wrong: no RAM answers, the bytes are lost" },
	[UNMAPPED] = { "wrong: the buffer has no page there",
		       "wrong: the buffer has no page there" },
	[WRONG] = { "wrong: somebody else's bytes",
		    "wrong: somebody else's bytes overwritten" },
	[OWN] = { "wrong: another page of the buffer",
		  "wrong: another page of the buffer overwritten" },
};

static enum verdict judge(const struct transfer *t, const struct piece *p,
			  const uint8_t *buf)
{
	enum dma_data_direction against =
		t->to_memory ? DMA_TO_DEVICE : DMA_FROM_DEVICE;

	if (led_right(p)) {
		if (!p->seg || p->seg->bounce == BOUNCE_NONE)
			return RIGHT;
		if (same_bytes(t, p, buf))
			return RIGHT_BOUNCED;
		return t->map->dir == against	       ? NEVER
		       : p->seg->bounce == BOUNCE_PAGE ? LATE_PAGE
						       : LATE;
	}
	if (!p->mapped)
		return UNMAPPED;
	if (p->pa != p->bus)
		return CUT;
	return ram_ptr(t->c->m->ram, p->pa) ? WRONG : NO_RAM;
}

/* Led the wrong address to another page of the same buffer? */
static bool own_page(const struct transfer *t, const struct piece *p)
{
	va_t page = t->va & PAGE_MASK;
	pa_t pa;

	for (; page - (t->va & PAGE_MASK) < t->size; page += PAGE_SIZE)
		if (cmd_va_pa(t->c, page, &pa) &&
		    pa >> PAGE_SHIFT == p->pa >> PAGE_SHIFT)
			return true;
	return false;
}

static void count_verdict(struct transfer *t, enum verdict v)
{
	if (v <= RIGHT_BOUNCED)
		t->right++;
	else if (v <= NEVER)
		t->late++;
	else
		t->wrong++;
}

static const struct res_column columns[] = {
	{ "va", "va", false },
	{ "pfn", "frame", true },
	{ "bus", "bus address", true },
	{ "bytes", "bytes", false },
	{ "there", "there", false },
	{ "verdict", "verdict", false },
	{ 0 },
};

static void emit_piece(struct transfer *t, const struct piece *p,
		       enum verdict v)
{
	char what[200], text[SAMPLE + 1], verdict[80];
	struct result *r = t->c->r;
	bool bad = v > RIGHT_BOUNCED;

	if (v == WRONG && own_page(t, p))
		v = OWN;
	for (unsigned i = 0; i < SAMPLE; i++)
		text[i] = isprint(p->sample[i]) ? p->sample[i] : '.';
	text[SAMPLE] = 0;
	res_item(r, false);
	res_va(r, "va", "%s", p->va);
	if (p->mapped)
		res_pfn(r, "pfn", "%s", p->real >> PAGE_SHIFT);
	else
		res_str(r, "pfn", "%s", "-");
	res_pa(r, "bus", "%s", p->bus);
	res_str(r, "bytes", "%s", text);
	res_str(r, "there", "%s",
		describe_page(t->c->k, p->pa >> PAGE_SHIFT, what,
			      sizeof(what)));
	snprintf(verdict, sizeof(verdict), verdict_name[v][t->to_memory],
		 (unsigned long long)p->pa);
	res_field(r, &(struct res_field){ .name = "verdict",
					  .txt = "%s",
					  .type = RES_STR,
					  .colour = bad ? COL_BAD : COL_GOOD,
					  .str = verdict });
	res_bool(r, "ok", NULL, !bad);
	res_end(r);
}

/* --- the transfer --------------------------------------------------------- */
static void transfer_pages(struct transfer *t)
{
	uint8_t buf[PAGE_SIZE];
	struct piece p;
	unsigned n = 0;

	for (uint64_t at = 0; next_piece(t, at, &p); at += p.len) {
		enum verdict v;

		move(t, &p, buf);
		v = judge(t, &p, buf);
		count_verdict(t, v);
		if (n++ < SHOWN)
			emit_piece(t, &p, v);
	}
}

static void emit_head(struct transfer *t)
{
	struct result *r = t->c->r;

	res_name(r, "device",
		 t->to_memory ? "%s writes to memory:"
			      : "%s reads from memory:",
		 t->dev->name);
	res_size(r, "size", "%s", t->size);
	if (t->how != HOW_MAPPED) {
		res_pa(r, "bus", "at bus address %s", t->start);
		res_text(r, COL_PLAIN,
			 t->how == HOW_NAIVE ? "= __pa(0x%llx)"
					     : "= the first page of 0x%llx, "
					       "and on from there",
			 (unsigned long long)t->va);
		return;
	}
	res_u64(r, "nents",
		t->map->nents == 1 ? "in %s segment" : "in %s segments",
		t->map->nents);
}

static void emit_sum(struct transfer *t)
{
	struct result *r = t->c->r;

	res_u64(r, "right", t->right == 1 ? "%s page right" : "%s pages right",
		t->right);
	res_u64(r, "wrong", t->wrong ? "%s wrong" : NULL, t->wrong);
	res_u64(r, "late", t->late ? "%s not copied yet" : NULL, t->late);
	res_line(r);
	if (t->to_memory)
		res_text(r, COL_DIM,
			 "past the MMU: no TLB, no A or D bit, no "
			 "struct page is dirty");
}

static int transfer(struct transfer *t)
{
	emit_head(t);
	res_line(t->c->r);
	res_table(t->c->r, "pages", columns);
	transfer_pages(t);
	res_end(t->c->r);
	emit_sum(t);
	return 0;
}

/* --- what the driver does ------------------------------------------------- */
static int not_mapped(struct transfer *t)
{
	err_set(t->c->err, ERR_USER,
		t->map ? "0x%llx+%llu: the mapping for %s ends before"
		       : "0x%llx+%llu is not mapped for %s",
		(unsigned long long)t->va, (unsigned long long)t->size,
		t->dev->name);
	err_hint(t->c->err,
		 t->map ? "dma lists mappings"
			: "dma_map_single or dma_map_sg; or -n, -f without");
	return -1;
}

static int choose_address(struct transfer *t)
{
	pa_t first;

	if (cmd_opt(t->c, 'n')) {
		t->how = HOW_NAIVE;
		t->start = convert_pa(t->c->k, t->va).n;
		return 0;
	}
	if (cmd_opt(t->c, 'f')) {
		t->how = HOW_FIRST;
		if (!cmd_va_pa(t->c, t->va, &first))
			return err_set(t->c->err, ERR_USER,
				       "0x%llx: nothing is mapped there",
				       (unsigned long long)t->va);
		t->start = first;
		return 0;
	}
	t->map = dma_find_map(t->dev, t->va);
	if (!t->map || t->va - t->map->va + t->size > t->map->size)
		return not_mapped(t);
	return 0;
}

static int begin_transfer(struct cmd_ctx *c, struct transfer *t)
{
	if (cmd_one_of(c, "nf") < 0)
		return -1;
	t->c = c;
	t->dev = cmd_device(c);
	t->va = c->arg[1].value.n;
	t->size = c->arg[2].value.n;
	if (!t->dev)
		return -1;
	if (t->size > DMA_MAX_SIZE ||
	    t->va + t->size - 1 > session_va_max(c->s))
		return err_set(c->err, ERR_USER,
			       "%llu bytes at 0x%llx: 16M at "
			       "most, and up to the last address",
			       (unsigned long long)t->size,
			       (unsigned long long)t->va);
	return choose_address(t);
}

static int dma_write_run(struct cmd_ctx *c)
{
	struct transfer t = { .to_memory = false };

	return begin_transfer(c, &t) < 0 ? -1 : transfer(&t);
}

static int dma_read_run(struct cmd_ctx *c)
{
	struct transfer t = { .to_memory = true, .data = &c->arg[3] };

	if (begin_transfer(c, &t) < 0)
		return -1;
	if (!t.data->str && t.data->value.n > 0xff)
		return err_set(c->err, ERR_USER,
			       "%llu: a byte, or \"text\", again and again",
			       (unsigned long long)t.data->value.n);
	if (t.data->str && !t.data->value.n)
		return err_set(c->err, ERR_USER, "'': no bytes to write");
	return transfer(&t);
}

#define HOW_OPTIONS                                                        \
	{ 'n', "naive", ARG_FLAG, NULL,                                    \
	  "without the DMA API: at __pa(VA), right or wrong" },            \
	{                                                                  \
		'f', "first", ARG_FLAG, NULL,                              \
			"without it: at the first page's address, and on " \
			"from there"                                       \
	}

const struct command cmd_dma_write = {
	.name = "dma_write",
	.group = "DMA",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "the device reads a buffer from memory (a disk is written)",
	.details = "At the addresses of the mapping that holds VA, or as a "
		   "careless driver\n"
		   "has it: -n, -f. Page by page: the frame behind the buffer, "
		   "the address\n"
		   "that the device used, the first bytes that it saw, whose "
		   "they are.",
	.example = "dma_device disk0; kmalloc 8K; dma_write -n disk0 $_ 8K",
	.arg = { { "DEV", ARG_WORD }, { "VA", ARG_VA }, { "SIZE", ARG_SIZE } },
	.opt = { HOW_OPTIONS },
	.run = dma_write_run,
};

const struct command cmd_dma_read = {
	.name = "dma_read",
	.group = "DMA",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "the device writes DATA, again and again, to a buffer in "
		"memory",
	.details = "At the addresses of the mapping that holds VA, or as a "
		   "careless driver\n"
		   "has it: -n, -f. A wrong address is somebody else's memory "
		   "overwritten.\n"
		   "Bounced bytes reach the buffer with dma_sync cpu or "
		   "dma_unmap only.",
	.example = "dma_device disk0; kmalloc 8K; dma_read -n disk0 $_ 8K "
		   "\"sector \"",
	.arg = { { "DEV", ARG_WORD },
		 { "VA", ARG_VA },
		 { "SIZE", ARG_SIZE },
		 { "DATA", ARG_DATA } },
	.opt = { HOW_OPTIONS },
	.run = dma_read_run,
};
