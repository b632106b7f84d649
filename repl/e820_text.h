/*
 * e820_text.h - memory maps and boot messages as Linux prints them, read back.
 */
#ifndef REPL_E820_TEXT_H
#define REPL_E820_TEXT_H

#include "kernel/kernel.h"
#include "repl/err.h"

/* What a text says. All zero before the first line. */
struct boot_text {
	const char *name;	/* for errors: of the file, or of the word */
	struct e820_map map;
	struct boot_sizes sizes;
	uint64_t freed;		/* bytes; sums of "Freeing unused .." lines */
	pa_t image[8];		/* from /proc/iomem */
	unsigned line;		/* last one read */
	unsigned lines;		/* of a map */
	bool tagged;		/* BIOS-e820: or user: lines: nothing else counts */
	bool user;		/* "user:" lines: they replace the firmware's */
};

/*
 * One line, with or without the prefixes of dmesg, journal and syslog. Lines
 * about other things are passed over; one that begins as a line of a map does
 * and goes on differently is an error. -1: @err is set.
 */
int boot_text_line(struct boot_text *t, const char *line, struct err *err);
/* The same for each line of a file, and what remains to be said at its end. */
int boot_text_file(struct boot_text *t, const char *path, struct err *err);

/* "64M$0x10000000": what Linux makes of memmap= (parse_memmap_one). NULL, or
 * why it makes nothing of it. */
const char *memmap_apply(struct e820_map *m, const char *value);
/* mem=SIZE: nothing usable from there on. */
const char *mem_apply(struct e820_map *m, const char *value);

#endif
