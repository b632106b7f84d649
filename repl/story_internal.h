/*
 * story_internal.h - what the three files of the story share: story.c hears,
 * story_tell.c has the words, story_draw.c the tree.
 */
#ifndef REPL_STORY_INTERNAL_H
#define REPL_STORY_INTERNAL_H

#include "kernel/kernel.h"
#include "repl/result.h"
#include "repl/story.h"

#define STORY_CELL 160	/* bytes of a first column, without its branches */

struct beat {		/* one event, copied: pointers in it die with the call */
	struct kevent ev;
	struct fault fault;
	struct access access;
	unsigned run;		/* so many entries or INVLPGs, one after another */
	unsigned repeat;	/* its group stands for so many */
	unsigned depth;		/* in the text's tree */
	bool alone;		/* no fault heads its group */
	bool summary;		/* of all that was before */
	bool inside;		/* its handler is told before it */
};

struct flush {			/* alike: how many, from the first page on */
	struct kevent ev;
	unsigned count;
};

struct story {
	struct kernel *k;
	struct kevent_sink before;
	enum story_level level;
	struct beat *beat;	/* owned */
	unsigned n, size, max;
	struct flush flush[8];
	uint64_t lost;
};

/* How a kind of event is told. */
struct beat_kind {
	const char *name;
	bool aligned;		/* its first column is padded */
	enum res_colour colour;
	void (*head)(const struct story *st, const struct beat *b, char *s);
	void (*tell)(struct story *st, const struct beat *b, struct result *r);
};

extern const struct beat_kind beat_kinds[KEV_NKINDS];

/* Did clearing the entry of @pte free the frame of @page? */
bool story_freed_by(const struct story *st, const struct beat *page,
		    const struct beat *pte);
/* Orders what was heard, and emits it as the list "events". */
void story_draw(struct story *st, struct result *r);

#endif
