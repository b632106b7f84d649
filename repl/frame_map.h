/*
 * frame_map.h - physical memory as glyphs: one for each block of 2^order
 * frames, in rows. For the command ram only.
 */
#ifndef REPL_FRAME_MAP_H
#define REPL_FRAME_MAP_H

#include "kernel/frame_owner.h"
#include "repl/cmd.h"

#define MAP_ROW		64	/* glyphs */
#define MAP_MAX_ORDER	24
#define MAP_TASKS	35	/* processes with a glyph of their own */

/* What a glyph stands for: a use, others' memory, or the nth process. */
enum { KEY_OTHER = NR_FRAME_USES, KEY_TASK, NR_MAP_KEYS = KEY_TASK + MAP_TASKS };

struct frame_map {
	struct kernel *k;
	pfn_t start, end;	/* what is shown */
	unsigned order;
	bool owners;		/* a process' frames have its glyph */
	int pid;		/* only this process' frames; 0: all */
	int task[MAP_TASKS];	/* pids by glyph */
	unsigned ntasks;
	uint64_t frames[NR_MAP_KEYS];		/* counted by map_count() */
	uint64_t changes[FRAME_CHANGED + 1];
};

struct map_run {
	pfn_t start, end;
	unsigned key;
	enum frame_use use;
	enum frame_change change;
};

/* The run of equal glyphs that begins at @pfn, up to @end at most. */
struct map_run map_run_at(const struct frame_map *m, pfn_t pfn, pfn_t end);
/* Counts frames and changes by key; chooses an order that fits a screen. */
void map_count(struct frame_map *m);
/* Text: the rows, with the zones' boundaries. */
void map_emit_rows(struct frame_map *m, struct result *r);

char map_glyph(unsigned key);
const char *map_name(const struct frame_map *m, unsigned key, char *buf,
		     size_t size);
enum res_colour map_colour(unsigned key);

#endif
