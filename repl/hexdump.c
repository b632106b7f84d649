/*
 * hexdump.c - bytes with their addresses, as hexdump -C prints them.
 */
#include <stdio.h>

#include "repl/cmd.h"

/* "7f 45 4c 46 .." as hexdump -C, with two blanks in the middle. */
static void hex_row(char *s, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			*s++ = ' ';
		if (i == 8)
			*s++ = ' ';
		s += sprintf(s, "%02x", p[i]);
	}
}

static void emit_row(struct result *r, va_t va, const uint8_t *p, unsigned n,
		     bool last)
{
	char hex[3 * 16 + 2], text[17];

	hex_row(hex, p, n);
	for (unsigned i = 0; i < n; i++)
		text[i] = p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.';
	text[n] = 0;
	res_item(r, last);
	res_va(r, "va", "%s", va);
	res_str(r, "hex", NULL, hex);
	res_text(r, COL_PLAIN, "%-48s", hex);
	res_str(r, "ascii", "~  |%s|", text);
	res_end(r);
}

void cmd_emit_dump(struct result *r, va_t va, const uint8_t *p, uint64_t len)
{
	res_list(r, "dump", RES_LINES);
	for (uint64_t i = 0; i < len; i += 16)
		emit_row(r, va + i, p + i, len - i < 16 ? len - i : 16,
			 i + 16 >= len);
	res_end(r);
}
