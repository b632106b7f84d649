/*
 * whatis_pa.c - what is known of a physical address: the memory map, the
 * frame, its struct page, the object in it, all its linear addresses.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/compound.h"
#include "kernel/convert.h"
#include "kernel/frame_owner.h"
#include "kernel/mem_map.h"
#include "kernel/object.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"
#include "repl/alias.h"
#include "repl/describe.h"
#include "repl/whatis.h"

void whatis_label(struct result *r, const char *name)
{
	res_line(r);
	res_text(r, COL_DIM, "  %-10s", name);
}

/* --- the memory map --------------------------------------------------------
 */
static const struct ram_region *region_of(const struct ram *ram, pa_t pa)
{
	for (unsigned i = 0; i < ram->nregions; i++)
		if (pa >= ram->region[i].start && pa < ram->region[i].end)
			return &ram->region[i];
	return NULL;
}

/* No address line goes up to there. */
static bool beyond(struct cmd_ctx *c, pa_t pa)
{
	unsigned bits = cmd_chosen_cpu(c)->features.maxphyaddr;

	if (!(pa >> bits))
		return false;
	whatis_label(c->r, "memory");
	res_text(c->r, COL_BAD,
		 "~none: physical addresses have %u bits (MAXPHYADDR)", bits);
	return true;
}

static void emit_region(struct cmd_ctx *c, pa_t pa)
{
	const struct ram_region *g = region_of(c->m->ram, pa);
	struct result *r = c->r;

	whatis_label(r, "memory");
	res_object(r, "memory");
	res_str(r, "type", "~%s", g ? ram_type_name(g->type) : "a hole");
	if (g) {
		res_pa(r, "start", "%s", g->start);
		res_pa(r, "last", "~-%s", g->end - 1);
	}
	res_str(r, "mtrr", "MTRRs: %s",
		memtype_name[mtrr_type(&cmd_chosen_cpu(c)->memtype.mtrr, pa)]);
	if (!ram_ptr(c->m->ram, pa))
		res_text(r, COL_DIM, "nothing behind it: reads give all ones");
	res_end(r);
}

/* --- objects -----------------------------------------------------------------
 */
static void emit_owner(struct cmd_ctx *c, const struct task_struct *t)
{
	res_i64(c->r, "pid", "of pid %s", t->pid);
	res_str(c->r, "comm", "~ (%s)", t->comm);
}

static void emit_meaning(struct cmd_ctx *c, va_t object)
{
	struct result *r = c->r;
	struct object o;
	char what[200];

	if (!object_at(c->k, object, &o))
		return;
	whatis_label(r, "is");
	res_object(r, "object");
	res_str(r, "kind", "~the %s", object_name[o.kind]);
	if (o.task)
		emit_owner(c, o.task);
	if (o.vma) {
		res_va(r, "vma", "for %s", o.vma->vm_start);
		res_str(r, "area", "~ %s",
			describe_va(c->k, o.task, o.vma->vm_start, what,
				    sizeof(what)));
	}
	if (o.vmap) {
		res_va(r, "start", "of the area %s", o.vmap->start);
		res_va(r, "end", "~-%s", o.vmap->end);
	}
	if (o.inode)
		res_str(r, "path", "of %s", o.inode->path);
	res_end(r);
}

/* Where the object stands: whose list, and what is wrong with its bytes. */
static void emit_state(struct cmd_ctx *c, const struct slab_object *o)
{
	static const char *const state[] = {
		[OBJ_FREE] = "free",
		[OBJ_USED] = "in use",
		[OBJ_LOST] = "given up: its free list is corrupt",
		[OBJ_CPU] = "free, on the list of a CPU",
	};
	const char *bad;
	va_t at;

	res_str(c->r, "state", "%s", state[o->state]);
	if (o->state == OBJ_CPU)
		res_u64(c->r, "cpu", "~: cpu%s", o->cpu);
	bad = slab_verdict(c->k, o, &at);
	if (!bad)
		return;
	res_str(c->r, "bad", "%s overwritten", bad);
	res_va(c->r, "bad_at", "~ at %s", at);
}

static void emit_offset(struct result *r, uint64_t offset)
{
	res_hex(r, "offset", offset ? "~ +%s" : NULL, offset, 1);
}

static void emit_slab(struct cmd_ctx *c, va_t va)
{
	struct result *r = c->r;
	struct slab_object o;

	if (!slab_find(c->k, va, &o))
		return;
	whatis_label(r, "slab");
	res_object(r, "slab");
	res_str(r, "cache", "~%s", o.cache->name);
	if (o.state == OBJ_REST) {
		res_text(r, COL_DIM, "the rest behind its last object");
		res_end(r);
		return;
	}
	res_va(r, "object", "object %s", o.start);
	if (va >= o.start)
		emit_offset(r, va - o.start);
	else
		res_text(r, COL_DIM, "~, its left red zone");
	res_u64(r, "size", "~, %s bytes", o.cache->object_size);
	res_u64(r, "index", "number %s", o.index);
	res_u64(r, "objects", "~ of %s", o.objects);
	emit_state(c, &o);
	res_end(r);
	if (o.state == OBJ_USED)
		emit_meaning(c, o.start);
}

static void emit_struct_page_bytes(struct cmd_ctx *c, pfn_t pfn,
				   unsigned offset)
{
	const struct page_field *f = page_field_at(c->k, offset);
	struct result *r = c->r;

	whatis_label(r, "holds");
	res_object(r, "struct_page_of");
	res_pfn(r, "pfn", "~the struct page of pfn %s", pfn);
	res_hex(r, "offset", "+%s", offset, 1);
	res_str(r, "field", "~: %s", f ? f->name : "padding");
	res_end(r);
}

static void emit_table(struct cmd_ctx *c, pfn_t pfn)
{
	struct table_place t;
	struct result *r = c->r;

	if (!table_find(c->k, pfn, &t))
		return;
	whatis_label(r, "table");
	res_object(r, "table");
	res_str(r, "level", "~%s", c->k->mode->level[t.level].table);
	if (t.pid)
		emit_owner(c, find_task(c->k, t.pid));
	else
		res_text(r, COL_PLAIN, "of the kernel");
	res_bool(r, "user_root", NULL, t.user_root);
	if (t.user_root)
		res_text(r, COL_PLAIN, "as user code sees it (PTI)");
	res_va(r, "start", "translates %s", t.start);
	res_va(r, "last", "~-%s", t.last);
	res_end(r);
}

static void emit_stack(struct cmd_ctx *c, pfn_t pfn)
{
	int pid = frame_pid(c->k, pfn);
	struct task_struct *t = find_task(c->k, pid);

	if (!t)
		return;
	whatis_label(c->r, "stack");
	res_object(c->r, "stack");
	res_text(c->r, COL_PLAIN, "~the kernel stack");
	emit_owner(c, t);
	res_u64(c->r, "page", "page %s", pfn - t->stack);
	res_end(c->r);
}

static void emit_image(struct cmd_ctx *c, pa_t pa)
{
	const struct layout *l = &c->k->layout;
	const struct {
		const char *name;
		pa_t start, end;
	} parts[] = {
		{ "text", l->image.text, l->image.etext },
		{ "rodata", l->image.rodata, l->image.erodata },
		{ "data", l->image.data, l->image.edata },
		{ "bss", l->image.bss, l->image.ebss },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (pa < parts[i].start || pa >= parts[i].end)
			continue;
		whatis_label(c->r, "image");
		res_object(c->r, "image");
		res_str(c->r, "section", "~%s of the kernel", parts[i].name);
		res_hex(c->r, "offset", "+%s", pa - parts[i].start, 1);
		res_end(c->r);
	}
}

/* Whole blocks: who asked for them is not known, how many frames is. */
static void emit_block(struct cmd_ctx *c, pfn_t pfn)
{
	unsigned order;
	pfn_t head = frame_block(c->k, pfn, &order);

	whatis_label(c->r, "block");
	res_object(c->r, "block");
	res_pfn(c->r, "head", "~pfn %s", head);
	res_u64(c->r, "order", "order %s", order);
	res_size(c->r, "bytes", "~, %s", PAGE_SIZE << order);
	if (pfn != head)
		res_u64(c->r, "frame", "frame %s of it", pfn - head);
	res_end(c->r);
}

/* The free block: on whose list, of which migrate type. */
static void emit_free(struct cmd_ctx *c, pfn_t pfn)
{
	static const char *const where[] = {
		[PAGE_BUDDY] = "on the buddy's list",
		[PAGE_PCP] = "on the list",
		[PAGE_VIRGIN] = "never cut",
	};
	enum page_free_kind kind;
	struct page_free f;

	kind = page_free_info(c->k, pfn, &f);
	if (kind == PAGE_NOT_FREE)
		return;
	whatis_label(c->r, "block");
	res_object(c->r, "block");
	res_pfn(c->r, "head", "~pfn %s", f.head);
	res_u64(c->r, "order", "order %s", f.order);
	res_size(c->r, "bytes", "~, %s", PAGE_SIZE << f.order);
	if (pfn != f.head)
		res_u64(c->r, "frame", "frame %s of it", pfn - f.head);
	res_str(c->r, "where", "%s", where[kind]);
	if (kind == PAGE_PCP)
		res_u64(c->r, "cpu", "~ of cpu%s", f.cpu);
	res_str(c->r, "migratetype", "~, %s", migratetype_name[f.mt]);
	res_end(c->r);
}

void whatis_object(struct cmd_ctx *c, pa_t pa)
{
	pfn_t pfn = pa >> PAGE_SHIFT, of;
	unsigned offset;

	emit_image(c, pa);
	switch (frame_use(c->k, pfn)) {
	case FRAME_SLAB:
		emit_slab(c, kernel_va(c->k, pa));
		break;
	case FRAME_MEM_MAP:
		if (mem_map_at(c->k, pa, &of, &offset))
			emit_struct_page_bytes(c, of, offset);
		break;
	case FRAME_TABLE:
	case FRAME_IMAGE:
		emit_table(c, pfn);
		break;
	case FRAME_STACK:
		emit_stack(c, pfn);
		break;
	case FRAME_UNUSED:
	case FRAME_FREE:
	case FRAME_PCP:
		emit_free(c, pfn);
		break;
	case FRAME_KMALLOC:
	case FRAME_BLOCK:
	case FRAME_DMA:
		emit_block(c, pfn);
		break;
	default:
		break;
	}
}

/* --- the frame -------------------------------------------------------------
 */
static void emit_struct_page(struct cmd_ctx *c, pfn_t pfn)
{
	struct conversion at = convert_page(c->k, pfn);
	const struct page *page = pfn_to_page(c->k, pfn);
	struct result *r = c->r;
	char flags[200];

	whatis_label(r, "page");
	res_object(r, "struct_page");
	res_va(r, "va", "~struct page %s", at.n);
	flags_format(flags, sizeof(flags), page_flag_names, page->flags, " ");
	res_words(r, "flags", "flags %s", flags);
	res_i64(r, "refcount", "refcount %s", page->_refcount);
	res_i64(r, "mapcount", "mapcount %s", page_mapcount(c->k, page));
	res_end(r);
}

static void emit_reclaim(struct cmd_ctx *c, pfn_t pfn)
{
	static const char *const word[] = {
		[RECLAIM_NONE] = "nothing",
		[RECLAIM_NEVER] = "never",
		[RECLAIM_SWAP] = "yes",
		[RECLAIM_DROP] = "no need",
	};
	const char *why;
	enum frame_reclaim how = frame_reclaim(c->k, pfn, &why);

	whatis_label(c->r, "swapped?");
	res_object(c->r, "swap");
	res_str(c->r, "can", "~%s", word[how]);
	res_str(c->r, "why", "~: %s", why);
	res_end(c->r);
}

static void emit_frame(struct cmd_ctx *c, pfn_t pfn)
{
	enum frame_use use = frame_use(c->k, pfn);
	int mt = pageblock_migratetype(c->k, pfn), pid;
	struct result *r = c->r;
	char what[200];

	whatis_label(r, "frame");
	res_object(r, "frame");
	res_pfn(r, "pfn", "~pfn %s", pfn);
	res_str(r, "zone", page_zone(c->k, pfn) ? "zone %s" : "%s",
		zone_name(c->k, pfn));
	res_str(r, "owner", NULL, frame_use_info[use].name);
	if (mt >= 0)
		res_str(r, "pageblock", "pageblock %s", migratetype_name[mt]);
	res_str(r, "what", "%s",
		use == FRAME_UNUSED
			? frame_use_info[use].name
			: describe_page(c->k, pfn, what, sizeof(what)));
	pid = frame_pid(c->k, pfn);
	if (pid)
		res_i64(r, "pid", "of pid %s", pid);
	res_end(r);
}

void whatis_pa(struct cmd_ctx *c, pa_t pa)
{
	pfn_t pfn = pa >> PAGE_SHIFT;

	if (beyond(c, pa))
		return;
	emit_region(c, pa);
	if (!c->k)
		return;
	if (pfn_valid(c->k, pfn)) {
		emit_frame(c, pfn);
		whatis_object(c, pa);
		emit_struct_page(c, pfn);
		emit_reclaim(c, pfn);
		whatis_swap_cache(c, pfn);
		whatis_dma(c, pa);
	}
	emit_aliases(c, pa);
}

char *whatis_brief_pa(struct cmd_ctx *c, pa_t pa, char *buf, size_t size)
{
	const struct ram_region *g = region_of(c->m->ram, pa);
	pfn_t pfn = pa >> PAGE_SHIFT;

	if (c->k && pfn_valid(c->k, pfn))
		return describe_page(c->k, pfn, buf, size);
	snprintf(buf, size, "%s", g ? ram_type_name(g->type) : "a hole");
	return buf;
}
