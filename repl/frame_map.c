/*
 * frame_map.c - see frame_map.h.
 *
 *	zone Normal
 *	0x01000000  IIIIIIIIIIIIIIII..TTTTSSs,,,,...........
 *	                              ++ -		what the last command
 *did 0x02000000  ........ 1.9G free, never used
 *
 * Rows and blocks begin at multiples of their size, and are cut at zone
 * boundaries. Rows of nothing but one owner become one line. Everything is
 * made from runs (frame_owner.h), so that what nobody used costs nothing.
 */
#include "repl/frame_map.h"

#include <stdio.h>
#include <string.h>

#include "kernel/compound.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"

#define SCREEN 20 /* lines that a map should have */

/* --- keys ---------------------------------------------------------------- */
static unsigned task_key(const struct frame_map *m, int pid)
{
	for (unsigned i = 0; i < m->ntasks; i++)
		if (m->task[i] == pid)
			return KEY_TASK + i;
	return KEY_OTHER;
}

struct search {
	int pid;
	bool found;
};

static bool is_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct search *s = ctx;

	s->found = vma->vm_mm->owner_pid == s->pid;
	return !s->found;
}

static bool can_have_pid(enum frame_use use)
{
	return use >= FRAME_ANON || use == FRAME_TABLE || use == FRAME_STACK ||
	       use == FRAME_VDSO;
}

static bool belongs_to(struct kernel *k, pfn_t pfn, int pid)
{
	struct search s = { pid, false };

	if (frame_pid(k, pfn) == pid)
		return true;
	if (page_mapcount(k, pfn_to_page(k, pfn)) > 0)
		rmap_walk(k, pfn, is_mapper, &s);
	return s.found;
}

static unsigned key_of(const struct frame_map *m, pfn_t pfn, enum frame_use use)
{
	int pid;

	if (m->pid && frame_use_is_ram(use))
		return can_have_pid(use) && belongs_to(m->k, pfn, m->pid)
			       ? use
			       : KEY_OTHER;
	if (!m->owners || !can_have_pid(use))
		return use;
	pid = frame_pid(m->k, pfn);
	return pid ? task_key(m, pid) : use;
}

struct map_run map_run_at(const struct frame_map *m, pfn_t pfn, pfn_t end)
{
	struct frame_run f = frame_run_at(m->k, pfn, end);
	struct map_run run = { pfn, f.end, key_of(m, pfn, f.use), f.use,
			       f.change };

	if ((!m->owners && !m->pid) || !can_have_pid(f.use))
		return run;
	for (pfn++; pfn < f.end && key_of(m, pfn, f.use) == run.key; pfn++)
		;
	run.end = pfn;
	return run;
}

char map_glyph(unsigned key)
{
	static const char tasks[] = "123456789abcdefghijklmnopqrstuvwxyz";

	if (key < NR_FRAME_USES)
		return frame_use_info[key].glyph;
	return key == KEY_OTHER ? '_' : tasks[key - KEY_TASK];
}

const char *map_name(const struct frame_map *m, unsigned key, char *buf,
		     size_t size)
{
	const struct task_struct *t;
	int pid;

	if (key < NR_FRAME_USES)
		return frame_use_info[key].name;
	if (key == KEY_OTHER)
		return m->pid ? "not of this process" : "other processes";
	pid = m->task[key - KEY_TASK];
	t = find_task(m->k, pid);
	snprintf(buf, size, "pid %d (%s)", pid, t ? t->comm : "?");
	return buf;
}

enum res_colour map_colour(unsigned key)
{
	static const enum res_colour colour[NR_FRAME_USES] = {
		[FRAME_UNUSED] = COL_DIM,   [FRAME_FREE] = COL_DIM,
		[FRAME_PCP] = COL_DIM,	    [FRAME_RESERVED] = COL_DIM,
		[FRAME_FIRMWARE] = COL_DIM, [FRAME_IMAGE] = COL_RED,
		[FRAME_MEM_MAP] = COL_RED,  [FRAME_TABLE] = COL_YELLOW,
		[FRAME_SLAB] = COL_CYAN,    [FRAME_KMALLOC] = COL_CYAN,
		[FRAME_VMALLOC] = COL_BLUE, [FRAME_STACK] = COL_RED,
		[FRAME_BLOCK] = COL_CYAN,   [FRAME_DMA] = COL_CYAN,
		[FRAME_ANON] = COL_GREEN,   [FRAME_FILE] = COL_BLUE,
		[FRAME_SHMEM] = COL_GREEN,  [FRAME_SWAPCACHE] = COL_YELLOW,
		[FRAME_SHARED] = COL_MAGENTA,
	};
	static const enum res_colour tasks[] = {
		COL_GREEN, COL_BLUE, COL_MAGENTA, COL_CYAN, COL_YELLOW,
	};

	if (key < NR_FRAME_USES)
		return colour[key];
	return key == KEY_OTHER ? COL_DIM
				: tasks[(key - KEY_TASK) % ARRAY_SIZE(tasks)];
}

/* --- sections: zones, and what is not in one -------------------------------
 */
/* The part of the map from @pfn on that lies in one zone. */
static pfn_t section_end(const struct frame_map *m, pfn_t pfn,
			 const struct zone **zone)
{
	const struct zone *z;

	*zone = NULL;
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		z = &m->k->zone[i];
		/* Frame 0 is in no zone, and shown with the first. */
		if (z->start_pfn == z->end_pfn || pfn >= z->end_pfn ||
		    (pfn && pfn < z->start_pfn))
			continue;
		*zone = z;
		return z->end_pfn < m->end ? z->end_pfn : m->end;
	}
	return m->end;
}

/* --- counting, and how large a block should be ------------------------------
 */
struct zoom {
	uint64_t lines[MAP_MAX_ORDER + 1];
	pfn_t last[MAP_MAX_ORDER + 1]; /* mixed row seen last, plus one */
};

/* Owners change at @pfn: its row is mixed, unless it begins there. */
static void zoom_boundary(struct zoom *z, pfn_t pfn)
{
	for (unsigned o = 0; o <= MAP_MAX_ORDER; o++) {
		pfn_t row = pfn / ((pfn_t)MAP_ROW << o);

		if (z->last[o] == row + 1)
			continue;
		z->lines[o] += z->last[o] && row + 1 > z->last[o] + 1 ? 2 : 1;
		z->last[o] = row + 1;
	}
}

void map_count(struct frame_map *m)
{
	struct zoom zoom = { { 0 } };
	unsigned key = NR_MAP_KEYS, o = 0;

	for (pfn_t pfn = m->start; pfn < m->end;) {
		struct map_run run = map_run_at(m, pfn, m->end);

		m->frames[run.key] += run.end - pfn;
		m->changes[run.change] += run.end - pfn;
		if (run.key != key)
			zoom_boundary(&zoom, pfn);
		key = run.key;
		pfn = run.end;
	}
	while (o < MAP_MAX_ORDER && zoom.lines[o] > SCREEN)
		o++;
	m->order = o;
}

/* --- one block -------------------------------------------------------------
 */
struct block {
	unsigned key; /* whose it is, NR_MAP_KEYS: outside the map */
	char glyph, mark;
};

static bool key_is_idle(unsigned key)
{
	return key == KEY_OTHER ||
	       (key < NR_FRAME_USES &&
		(!frame_use_is_ram(key) || frame_use_is_free(key)));
}

static unsigned largest(const uint64_t n[NR_MAP_KEYS], bool idle)
{
	unsigned best = NR_MAP_KEYS;

	for (unsigned i = 0; i < NR_MAP_KEYS; i++)
		if (n[i] && key_is_idle(i) == idle &&
		    (best == NR_MAP_KEYS || n[i] > n[best]))
			best = i;
	return best;
}

/* Small letters: less than half of the block is in use. */
static char shaded(unsigned key, const uint64_t n[NR_MAP_KEYS])
{
	uint64_t busy = 0, all = 0;
	char glyph = map_glyph(key);

	for (unsigned i = 0; i < NR_MAP_KEYS; i++) {
		all += n[i];
		busy += key_is_idle(i) ? 0 : n[i];
	}
	if (key < NR_FRAME_USES && glyph >= 'A' && glyph <= 'Z' &&
	    busy * 2 < all)
		glyph += 'a' - 'A';
	return glyph;
}

static char mark_of(const bool changed[FRAME_CHANGED + 1])
{
	if (changed[FRAME_CHANGED] ||
	    (changed[FRAME_TAKEN] && changed[FRAME_FREED]))
		return '*';
	return changed[FRAME_TAKEN] ? '+' : changed[FRAME_FREED] ? '-' : ' ';
}

static struct block block_of(const struct frame_map *m, pfn_t start, pfn_t end)
{
	uint64_t n[NR_MAP_KEYS] = { 0 };
	bool changed[FRAME_CHANGED + 1] = { false };
	struct block b;

	for (pfn_t pfn = start; pfn < end;) {
		struct map_run run = map_run_at(m, pfn, end);

		n[run.key] += run.end - pfn;
		changed[run.change] |= run.key != KEY_OTHER;
		pfn = run.end;
	}
	b.key = largest(n, false);
	if (b.key == NR_MAP_KEYS)
		b.key = largest(n, true);
	b.glyph = shaded(b.key, n);
	b.mark = mark_of(changed);
	return b;
}

/* --- rows --------------------------------------------------------------------
 */
static pfn_t later(pfn_t a, pfn_t b)
{
	return a > b ? a : b;
}

static pfn_t sooner(pfn_t a, pfn_t b)
{
	return a < b ? a : b;
}

static unsigned row_blocks(const struct frame_map *m, pfn_t row, pfn_t start,
			   pfn_t end, struct block b[MAP_ROW])
{
	unsigned n = 0;

	for (; n < MAP_ROW; n++) {
		pfn_t from = row + ((pfn_t)n << m->order);
		pfn_t to = from + (1ULL << m->order);

		if (from >= end)
			break;
		b[n] = (struct block){ NR_MAP_KEYS, ' ', ' ' };
		if (to > start)
			b[n] = block_of(m, later(from, start), sooner(to, end));
	}
	return n;
}

/* Neighbours of one colour are one cell. */
static void emit_blocks(struct result *r, const struct block *b, unsigned n)
{
	char text[MAP_ROW + 4] = "~  ";
	unsigned at = 3;

	for (unsigned i = 0; i < n; i++) {
		enum res_colour colour = b[i].key == NR_MAP_KEYS
						 ? COL_PLAIN
						 : map_colour(b[i].key);
		bool last = i + 1 == n || b[i + 1].key != b[i].key;

		text[at++] = b[i].glyph;
		if (!last)
			continue;
		text[at] = 0;
		res_text(r, colour, "%s", text);
		at = 1;
	}
}

static void emit_marks(struct result *r, const struct block *b, unsigned n)
{
	char text[MAP_ROW + 32];
	unsigned indent = r->pa_digits + 4;
	bool any = false;

	for (unsigned i = 0; i < n; i++)
		any |= b[i].mark != ' ';
	if (!any)
		return;
	memset(text, ' ', indent);
	for (unsigned i = 0; i < n; i++)
		text[indent + i] = b[i].mark;
	text[indent + n] = 0;
	res_line(r);
	res_text(r, COL_CHANGED, "%s", text);
}

static void emit_row(const struct frame_map *m, struct result *r, pfn_t row,
		     pfn_t start, pfn_t end)
{
	struct block b[MAP_ROW];
	unsigned n = row_blocks(m, row, start, end, b);

	res_item(r, true);
	res_pa(r, NULL, "%s", row << PAGE_SHIFT);
	emit_blocks(r, b, n);
	emit_marks(r, b, n);
	res_end(r);
}

/* Whole rows of one owner. */
static void emit_same(const struct frame_map *m, struct result *r, pfn_t row,
		      const struct map_run *run)
{
	char buf[64], dots[9];

	memset(dots, map_glyph(run->key), 8);
	dots[8] = 0;
	res_item(r, true);
	res_pa(r, NULL, "%s", row << PAGE_SHIFT);
	res_text(r, map_colour(run->key), "~  %s", dots);
	res_size(r, NULL, "~ %s", (run->end - run->start) << PAGE_SHIFT);
	res_text(r, COL_PLAIN, "~ %s", map_name(m, run->key, buf, sizeof(buf)));
	res_end(r);
}

/* The run at @pfn, with those behind it that look the same. */
static struct map_run same_at(const struct frame_map *m, pfn_t pfn, pfn_t end)
{
	struct map_run run = map_run_at(m, pfn, end);

	while (run.end < end) {
		struct map_run next = map_run_at(m, run.end, end);

		if (next.key != run.key || next.change != run.change)
			break;
		run.end = next.end;
	}
	return run;
}

static void emit_section(const struct frame_map *m, struct result *r,
			 pfn_t start, pfn_t end)
{
	pfn_t size = (pfn_t)MAP_ROW << m->order;

	for (pfn_t pfn = start; pfn < end;) {
		pfn_t row = ALIGN_DOWN(pfn, size);
		struct map_run run = same_at(m, pfn, end);

		/* The end of a section need not fill its row. */
		if (run.end < end)
			run.end = ALIGN_DOWN(run.end, size);
		if (run.change == FRAME_SAME && run.end > row + size) {
			emit_same(m, r, pfn, &run);
			pfn = run.end;
			continue;
		}
		emit_row(m, r, row, pfn, sooner(row + size, end));
		pfn = row + size;
	}
}

static void emit_zone(struct result *r, const struct zone *zone)
{
	res_item(r, true);
	res_text(r, COL_NAME, zone ? "zone %s" : "no zone",
		 zone ? zone->name : "");
	if (zone) {
		res_pa(r, NULL, "%s", zone->start_pfn << PAGE_SHIFT);
		res_pa(r, NULL, "~-%s", (zone->end_pfn << PAGE_SHIFT) - 1);
		res_u64(r, NULL, "%s of ", zone->free);
		res_u64(r, NULL, "~%s frames free", zone->managed);
	}
	res_end(r);
}

void map_emit_rows(struct frame_map *m, struct result *r)
{
	const struct zone *zone;
	pfn_t end;

	res_list(r, NULL, RES_LINES);
	for (pfn_t pfn = m->start; pfn < m->end; pfn = end) {
		end = section_end(m, pfn, &zone);
		emit_zone(r, zone);
		emit_section(m, r, pfn, end);
	}
	res_end(r);
}
