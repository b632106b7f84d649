/*
 * out.h - where text goes: a buffered sink over a file descriptor, and what
 * that sink can show (colour, UTF-8).
 */
#ifndef REPL_OUT_H
#define REPL_OUT_H

#include <stdarg.h>

#include "machine/types.h"
#include "repl/err.h"
#include "repl/result.h"

struct out {
	int fd;			/* -1: memory only, grows (tests, Lua) */
	char *buf;		/* owned */
	size_t len, cap;
	bool colour, ascii;
	int error;		/* errno of the first failed write */
	uint64_t flushed;	/* bytes that have left the buffer */
};

void out_init(struct out *o, int fd);
void out_deinit(struct out *o);		/* flushes */
void out_write(struct out *o, const void *s, size_t len);
/*
 * Appends @len bytes, which the caller fills in before anything else goes to
 * the sink. NULL if they are not wanted (an error, an interrupt).
 */
char *out_claim(struct out *o, size_t len);
void out_str(struct out *o, const char *s);
void out_printf(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hex with at least @digits digits, "0x" before it; no stdio. */
void out_hex(struct out *o, uint64_t v, unsigned digits);
void out_u64(struct out *o, uint64_t v);	/* decimal; no stdio */
void out_pad(struct out *o, size_t n);		/* @n blanks */
/* Bytes ever put into the sink: where the next one goes. */
static inline uint64_t out_position(const struct out *o)
{
	return o->flushed + o->len;
}
int out_flush(struct out *o);		/* 0 or -errno */

/*
 * "896M", "639K": exactly, in the largest unit that can say it; but what
 * needs more than four digits so is rounded: "112.0M" has a fraction.
 * Returns @buf.
 */
#define SIZE_FORMAT_MAX 24
char *size_format(char buf[SIZE_FORMAT_MAX], uint64_t n);

/* Length of the UTF-8 sequence at @s of @left bytes, or 0 if it is none. */
size_t utf8_len(const char *s, size_t left);

/* The emitters. Each owns its state; free with the destroy function. */
struct result *emit_text_create(struct out *o);
/* Ends pending lines; ready for the next command. */
void emit_text_finish(struct result *r);
void emit_text_destroy(struct result *r);

/* JSON: writes the members of one object, without its braces' surroundings:
 * emit_json_begin/finish write {"command":..,"ok":..,"result":{..}}\n. */
struct result *emit_json_create(struct out *o);
void emit_json_begin(struct result *r, const char *command);
void emit_json_finish(struct result *r, const struct err *err); /* NULL: ok */
void emit_json_destroy(struct result *r);
/* @s as a JSON string, quotes included, invalid UTF-8 replaced. */
void out_json_string(struct out *o, const char *s);

#endif
