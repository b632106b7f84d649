/*
 * layout_picture.c - the address space from the top down, as a boot lays it
 * out, with what is mapped now and where the process has its areas.
 *
 *	0xf8000000 ├────────────────────┤ high_memory
 *	           │ direct map         │   896M    896M  lowmem: ...
 *	0xc0000000 ├────────────────────┤ PAGE_OFFSET = TASK_SIZE
 *
 * A large area has more lines. In data each area is an item, and those of the
 * process are a list inside their item. What is mapped is counted in the page
 * tables: the kernel's own for the kernel's half.
 */
#include <stdio.h>
#include <string.h>

#include "machine/ptiter.h"
#include "repl/cmd.h"
#include "repl/layout_view.h"
#include "repl/out.h"

#define BOX	  20 /* columns inside the frame */
#define MAX_PARTS 64

/* A piece of the process' half: areas of one use, or what is free. */
struct part {
	const char *name;
	va_t start, end;
	unsigned areas;
	uint64_t bytes; /* of the areas: there may be gaps */
	uint64_t mapped;
};

struct parts {
	struct part part[MAX_PARTS]; /* ascending */
	unsigned n;
};

struct picture {
	struct cmd_ctx *c;
	struct result *r;
	const struct kernel_config *cfg;
	const struct layout *l;
	bool booted;
	struct task_struct *task; /* NULL: none runs */
	struct mmu kernel, user;
	struct parts process, image;
	unsigned digits; /* of an address */
	unsigned bits;	 /* of the whole address space */
};

/* --- what is mapped ---------------------------------------------- */
static uint64_t walked_bytes(const struct picture *p, va_t start, va_t last)
{
	const struct mmu *mmu = start < p->l->task_size ? &p->user : &p->kernel;
	struct ptiter it;
	struct ptrun run;
	uint64_t sum = 0;

	for (ptiter_start(&it, mmu, p->c->m->ram, start, last); it.valid;) {
		va_t from, to;

		if (!it.leaf || it.bad) {
			ptiter_next(&it);
			continue;
		}
		ptiter_run(&it, last, &run);
		from = run.va > start ? run.va : start;
		to = run.va + (run.n << mmu->mode->level[run.level].shift) - 1;
		sum += (to < last ? to : last) - from + 1;
	}
	return sum;
}

static uint64_t overlap(va_t start, va_t last, va_t from, va_t end)
{
	from = from > start ? from : start;
	end = end - 1 < last ? end : last + 1;
	return from < end ? end - from : 0;
}

/*
 * The direct map maps the first MiB and all RAM of lowmem, unless somebody
 * poked its tables: to count entries takes the longer, the more RAM there is.
 */
static uint64_t direct_bytes(const struct picture *p, va_t start, va_t last)
{
	const struct kernel *k = p->c->k;
	va_t base = p->l->page_offset, mib = base + MiB;
	uint64_t sum = overlap(start, last, base, mib);

	for (unsigned i = 0; i < k->nmemory; i++) {
		va_t from = base + k->memory[i].start;

		sum += overlap(start, last, from > mib ? from : mib,
			       base + k->memory[i].end);
	}
	return sum;
}

static uint64_t mapped_bytes(const struct picture *p, va_t start, va_t last)
{
	if (!p->booted)
		return 0;
	if (start >= p->l->page_offset && last < p->l->high_memory &&
	    !p->c->k->ram_poked)
		return direct_bytes(p, start, last);
	return walked_bytes(p, start, last);
}

/* --- lines ------------------------------------------------------- */
static bool is_hole(const char *name)
{
	return strcmp(name, "hole") == 0 || strcmp(name, "  free") == 0 ||
	       strcmp(name, "  unused") == 0 ||
	       strcmp(name, "non-canonical") == 0;
}

/* More lines for what takes an eighth, or a sixty-fourth, of everything. */
static unsigned height(const struct picture *p, const char *name, uint64_t size)
{
	if (strcmp(name, "hole") == 0 || strcmp(name, "non-canonical") == 0)
		return 1;
	return 1 + (size >> (p->bits - 6) > 0) + (size >> (p->bits - 3) > 0);
}

/* The first of the area's lines has the words, the others are empty. */
static void content_line(const struct picture *p, const char *name,
			 uint64_t size, uint64_t mapped, const char *note)
{
	static const char shade[] = "░░░░░░░░░░░░░░░░░░░░";
	unsigned len = strlen(name), left = len < BOX ? BOX - len - 2 : 0;
	char a[SIZE_FORMAT_MAX], b[SIZE_FORMAT_MAX];
	bool hole = is_hole(name);

	res_text(p->r, COL_PLAIN, "%*s│", p->digits + 3, "");
	if (hole && left > 1)
		res_text(p->r, COL_DIM, "~ %s %.*s", name,
			 (int)((left - 1) * 3), shade);
	else
		res_text(p->r, COL_NAME, "~ %-*s", BOX - 2, name);
	res_text(p->r, COL_PLAIN, "~ │");
	if (!size)
		return;
	res_text(p->r, COL_PLAIN, "~ %7s", size_format(a, size));
	if (p->booted)
		res_text(p->r, COL_PLAIN, "~ %7s",
			 mapped ? size_format(b, mapped) : "-");
	if (note)
		res_text(p->r, COL_DIM, "%s", note);
}

static void content(const struct picture *p, const char *name, uint64_t size,
		    uint64_t mapped, const char *note)
{
	content_line(p, name, size, mapped, note);
	for (unsigned h = height(p, name, size); h > 1; h--) {
		res_line(p->r);
		content_line(p, "", 0, 0, NULL);
	}
}

/* All names of the boundary at @va: "PAGE_OFFSET = TASK_SIZE". */
static char *boundary_names(const struct picture *p, va_t va, char *buf,
			    size_t size)
{
	const char *name;
	size_t len = 0;
	va_t at;

	*buf = 0;
	for (unsigned i = 0; (name = layout_label(p->l, i, &at)); i++)
		if (*name && at == va && len < size)
			len += snprintf(buf + len, size - len, "%s%s",
					len ? " = " : "", name);
	return buf;
}

/* The frame's line with the address above it; @ends: "┌┐", "├┤" or "└┘". */
static void frame_line(const struct picture *p, va_t va, const char *left,
		       const char *dash, const char *right, const char *names)
{
	char line[BOX * 3 + 1] = "";

	for (unsigned i = 0; i < BOX; i++)
		strcat(line, dash);
	res_text(p->r, COL_ADDR, "0x%0*llx", p->digits, (unsigned long long)va);
	/* Apart, lest they be spelt as the connectors of a tree. */
	res_text(p->r, COL_PLAIN, "~ %s", left);
	res_text(p->r, COL_PLAIN, "~%s%s", line, right);
	if (names && *names)
		res_text(p->r, COL_PLAIN, "~ %s", names);
}

static void boundary(const struct picture *p, va_t va)
{
	char names[160];

	boundary_names(p, va, names, sizeof(names));
	if (va)
		frame_line(p, va, "├", "─", "┤", names);
	else
		frame_line(p, va, "└", "─", "┘", names);
}

/* --- the process' half ------------------------------------------- */
/* What an area is for, as /proc/PID/maps would name it, more or less. */
static const char *use_of(const struct mm_struct *mm,
			  const struct vm_area_struct *vma)
{
	const struct vm_area_struct *code = find_vma(mm, mm->start_code);
	bool exe = code && vma->vm_file && vma->vm_file == code->vm_file;

	if (vma->vm_start <= mm->start_stack && mm->start_stack < vma->vm_end)
		return "stack";
	if (mm->start_brk < mm->brk && vma->vm_start < mm->brk &&
	    vma->vm_end > mm->start_brk)
		return "heap";
	if (exe && !(vma->vm_flags & VM_WRITE))
		return "text";
	if (exe || (vma->vm_start < mm->start_brk &&
		    vma->vm_start >= (mm->end_data & PAGE_MASK) &&
		    mm->end_data < mm->start_brk && !vma->vm_file))
		return "data";
	return "mmap area";
}

static struct part *add_part(struct parts *l, const char *name, va_t start,
			     va_t end)
{
	if (start < end && l->n < MAX_PARTS)
		l->part[l->n++] = (struct part){ name, start, end, 0, 0, 0 };
	return &l->part[l->n ? l->n - 1 : 0];
}

static void count_part(const struct picture *p, struct part *part, va_t start,
		       va_t end)
{
	part->end = end;
	part->areas++;
	part->bytes += end - start;
	part->mapped += mapped_bytes(p, start, end - 1);
}

/* Parts of [0, task_size): areas of one use, with the gaps between them. */
static void find_process(struct picture *p)
{
	const struct mm_struct *mm = p->task->mm;
	const struct vm_area_struct *vma;
	struct part *part = NULL;
	va_t at = 0;

	for_each_vma (&mm->vmas, vma) {
		const char *use = use_of(mm, vma);

		if (!part || part->name != use) {
			add_part(&p->process, "free", at, vma->vm_start);
			part = add_part(&p->process, use, vma->vm_start,
					vma->vm_end);
		}
		count_part(p, part, vma->vm_start, vma->vm_end);
		at = vma->vm_end;
	}
	add_part(&p->process, "free", at, p->l->task_size);
}

/* The image within the area that holds it: lowmem, or its own on x86-64. */
static void find_image(struct picture *p)
{
	const struct layout *l = p->l;
	bool own = l->kernel_image;
	va_t start = l->kernel_map + l->image.text;
	va_t end = PAGE_ALIGN(l->kernel_map + l->image.ebss);
	const char *around = own ? "unused" : "RAM";
	struct part *part;

	part = add_part(&p->image, around,
			own ? l->kernel_image : l->page_offset, start);
	part->mapped = mapped_bytes(p, part->start, part->end - 1);
	count_part(p, add_part(&p->image, "text to bss", start, end), start,
		   end);
	if (own) {
		part = add_part(&p->image, "rest of 2M page", end,
				l->kernel_map + layout_image_end(l, 2 * MiB));
		count_part(p, part, part->start, part->end);
		end = part->end;
	}
	part = add_part(&p->image, around, end,
			own ? l->kernel_image_end : l->high_memory);
	part->mapped = mapped_bytes(p, part->start, part->end - 1);
}

/* Boundaries of the process have names, too. */
static char *part_label(const struct picture *p, va_t va, char *buf,
			size_t size)
{
	const struct mm_struct *mm = p->task ? p->task->mm : NULL;

	boundary_names(p, va, buf, size);
	if (*buf || !mm)
		return buf;
	if (va == mm->start_brk)
		snprintf(buf, size, "start_brk");
	else if (va == PAGE_ALIGN(mm->brk))
		snprintf(buf, size, "brk");
	else if (va == mm->mmap_base)
		snprintf(buf, size, "mmap_base");
	return buf;
}

/* What of @part lies in the area @a, and the dashed line below it. */
static void draw_part(const struct picture *p, const struct part *part,
		      const struct layout_area *a)
{
	va_t start = part->start > a->start ? part->start : a->start;
	va_t end = part->end < a->end ? part->end : a->end;
	char note[32] = "", names[160], name[24];

	if (start >= end)
		return;
	if (part->areas > 1)
		snprintf(note, sizeof(note), "%u areas", part->areas);
	snprintf(name, sizeof(name), "  %s", part->name);
	content(p, name, part->areas ? part->bytes : end - start, part->mapped,
		note);
	res_line(p->r);
	if (start == a->start)
		return;
	frame_line(p, start, "├", "╌", "┤",
		   part_label(p, start, names, sizeof(names)));
	res_line(p->r);
}

static void data_part(const struct picture *p, const struct part *part)
{
	res_item(p->r, false);
	res_hex(p->r, "start", NULL, part->start, p->digits);
	res_hex(p->r, "last", NULL, part->end - 1, p->digits);
	res_str(p->r, "name", NULL, part->name);
	res_u64(p->r, "areas", NULL, part->areas);
	res_size(p->r, "size", NULL, part->bytes);
	res_size(p->r, "mapped", NULL, part->mapped);
	res_end(p->r);
}

/* --- areas ------------------------------------------------------- */
static va_t top_of(const struct picture *p)
{
	return p->cfg->arch->word == 4 ? UINT32_MAX : UINT64_MAX;
}

static va_t last_of(const struct picture *p, const struct layout_area *a)
{
	return a->end ? a->end - 1 : top_of(p);
}

static void data_area(const struct picture *p, const struct layout_area *a,
		      uint64_t mapped)
{
	va_t last = last_of(p, a);
	char names[160];

	res_hex(p->r, "start", NULL, a->start, p->digits);
	res_hex(p->r, "last", NULL, last, p->digits);
	res_size(p->r, "size", NULL, last - a->start + 1);
	if (p->booted)
		res_size(p->r, "mapped", NULL, mapped);
	res_str(p->r, "name", NULL, a->name);
	res_str(p->r, "boundary", NULL,
		boundary_names(p, a->start, names, sizeof(names)));
	res_str(p->r, "note", NULL, a->note);
}

/* Inside an area: the parts that lie in it. */
static void draw_inside(const struct picture *p, const struct layout_area *a,
			const struct parts *l, const char *name)
{
	res_text(p->r, COL_PLAIN, "%*s├", p->digits + 3, "");
	res_text(p->r, COL_PLAIN, "~╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤");
	res_line(p->r);
	for (unsigned i = l->n; i-- > 0;)
		draw_part(p, &l->part[i], a);
	res_list(p->r, name, RES_HIDDEN);
	for (unsigned i = l->n; i-- > 0;)
		if (l->part[i].areas && l->part[i].start >= a->start &&
		    l->part[i].start < a->end)
			data_part(p, &l->part[i]);
	res_end(p->r);
}

static void draw_area(const struct picture *p, const struct layout_area *a)
{
	va_t last = last_of(p, a);
	va_t text = p->l->kernel_map + p->l->image.text;
	uint64_t mapped = mapped_bytes(p, a->start, last);
	bool process = last < p->l->task_size && p->task;
	bool image = text >= a->start && text <= last;

	res_item(p->r, false);
	data_area(p, a, mapped);
	if (process || image)
		content_line(p, a->name, last - a->start + 1, mapped, a->note);
	else
		content(p, a->name, last - a->start + 1, mapped, a->note);
	res_line(p->r);
	if (process)
		draw_inside(p, a, &p->process, "process");
	if (image)
		draw_inside(p, a, &p->image, "image");
	boundary(p, a->start);
	res_end(p->r);
}

static void emit_picture(const struct picture *p)
{
	res_line(p->r);
	res_text(p->r, COL_DIM, "%*s area%*s   size%s", p->digits + 3, "",
		 BOX - 4, "", p->booted ? "  mapped" : "");
	res_line(p->r);
	frame_line(p, top_of(p), "┌", "─", "┐", "");
	res_list(p->r, "areas", RES_LINES);
	for (unsigned i = p->l->nareas; i-- > 0;)
		draw_area(p, &p->l->area[i]);
	res_end(p->r);
}

/* --- layout ------------------------------------------------------ */
static const char *layout_name(const struct kernel_config *cfg)
{
	if (cfg->arch->word == 8)
		return "6.1";
	return cfg->layout_61 ? "6.1" : "classic";
}

static void emit_heading(const struct picture *p)
{
	const struct kernel_config *cfg = p->cfg;
	struct result *r = p->r;

	res_str(r, "mode", "%s paging", paging_modes[p->l->mode].name);
	res_str(r, "layout", "~ · layout %s", layout_name(cfg));
	res_size(r, "ram", "~ · %s of RAM", cfg->ram);
	res_size(r, "lowmem", cfg->arch->highmem ? "~, %s of it lowmem" : NULL,
		 p->l->lowmem_end);
	if (cfg->kaslr)
		res_u64(r, "seed", "~ · KASLR, seed %s", cfg->seed);
	if (p->task) {
		res_i64(r, "pid", "~ · pid %s", p->task->pid);
		res_text(r, COL_PLAIN, "~ (%s)", p->task->comm);
	}
	if (!*p->l->message)
		return;
	res_line(r);
	res_str(r, "message", "Warning: %s", p->l->message);
}

static void draw(struct picture *p)
{
	find_image(p);
	if (p->task)
		find_process(p);
	emit_heading(p);
	emit_picture(p);
	if (p->l->nmoves)
		layout_emit_kaslr(p->r, p->l, p->digits);
}

static void picture_init(struct picture *p, struct cmd_ctx *c,
			 const struct kernel_config *cfg,
			 const struct layout *l)
{
	*p = (struct picture){
		.c = c,
		.r = c->r,
		.cfg = cfg,
		.l = l,
		.digits = cfg->arch->word * 2,
		.bits = paging_modes[l->mode].va_bits,
	};
}

void layout_draw(struct cmd_ctx *c, const struct kernel_config *cfg,
		 const struct layout *l)
{
	struct picture p;

	picture_init(&p, c, cfg, l);
	draw(&p);
}

int layout_draw_now(struct cmd_ctx *c)
{
	struct picture p;
	unsigned cpu;

	picture_init(&p, c, &c->k->config, &c->k->layout);
	if (cmd_view(c, &p.task, &cpu, &p.user) < 0)
		return -1;
	if (p.task && !p.task->mm)
		p.task = NULL;
	p.booted = true;
	p.kernel = p.user;
	mmu_set_root(&p.kernel, c->m->ram, c->k->swapper_pg_dir);
	mmu_refresh(&p.kernel);
	draw(&p);
	return 0;
}
