/*
 * story.h - the events of one command, told: faults, handlers, frames and
 * PTE changes as an aligned tree (text) or the list "events" (data).
 */
#ifndef REPL_STORY_H
#define REPL_STORY_H

#include "kernel/kernel.h"
#include "repl/result.h"

struct story;

/*
 * Begins to listen to @k. Compact: faults alike, a page apart, are one; some
 * dozens of events are kept, the rest counted. Verbose: each fault by itself,
 * and the frames; only entries and frames in a row are one.
 */
struct story *story_begin_at(struct kernel *k, enum story_level level);
/* The same, compact. */
struct story *story_begin(struct kernel *k);
/* Stops listening and emits what was heard as the list "events". */
void story_end(struct story *st, struct result *r);

#endif
