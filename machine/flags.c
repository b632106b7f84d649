/*
 * flags.c - see flags.h.
 *
 * A row with one bit is a flag and prints its name. A row with several bits
 * is a field and prints its name with the number, "PK5"; a field of 0 prints
 * its word for clear.
 */
#include "machine/flags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct out {
	char *buf;
	size_t size, len;
	const char *sep;
};

static void put(struct out *out, const char *text)
{
	size_t n = strlen(text);

	if (out->len + n >= out->size)
		n = out->size - out->len - 1;
	memcpy(out->buf + out->len, text, n);
	out->len += n;
	out->buf[out->len] = '\0';
}

static void put_word(struct out *out, const char *prefix, const char *name)
{
	if (out->len)
		put(out, out->sep);
	put(out, prefix);
	put(out, name);
}

static bool is_field(uint64_t mask)
{
	return mask & (mask - 1);
}

static void put_field(struct out *out, const struct flag_name *f,
		      uint64_t value)
{
	unsigned shift = __builtin_ctzll(f->mask);
	char number[24];

	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)((value & f->mask) >> shift));
	put_word(out, f->name, number);
}

char *flags_format(char *buf, size_t size, const struct flag_name *names,
		   uint64_t value, const char *sep)
{
	struct out out = { buf, size, 0, sep };

	if (size)
		buf[0] = '\0';
	else
		return buf;
	for (const struct flag_name *f = names; f->name; f++) {
		if (!(value & f->mask) && f->clear)
			put_word(&out, "", f->clear);
		else if ((value & f->mask) && is_field(f->mask))
			put_field(&out, f, value);
		else if (value & f->mask)
			put_word(&out, "", f->name);
	}
	return buf;
}

char *flags_diff(char *buf, size_t size, const struct flag_name *names,
		 uint64_t old, uint64_t new)
{
	struct out out = { buf, size, 0, " " };

	if (size)
		buf[0] = '\0';
	else
		return buf;
	for (const struct flag_name *f = names; f->name; f++) {
		if (!((old ^ new) & f->mask))
			continue;
		if (is_field(f->mask))
			put_field(&out, f, new);
		else
			put_word(&out, new & f->mask ? "+" : "-", f->name);
	}
	return buf;
}

char *flags_numbers(char *buf, size_t size, uint64_t mask)
{
	size_t len = 0;

	if (size)
		buf[0] = '\0';
	while (mask && len < size) {
		unsigned high = 63 - __builtin_clzll(mask), low = high;

		while (low && (mask >> (low - 1) & 1))
			low--;
		len += snprintf(buf + len, size - len,
				low < high ? "%s%u:%u" : "%s%u",
				len ? "," : "", high, low);
		mask &= BIT(low) - 1;
	}
	return buf;
}

uint64_t flags_lookup(const struct flag_name *names, const char *name)
{
	for (const struct flag_name *f = names; f->name; f++)
		if (!strcasecmp(f->name, name))
			return f->mask;
	return 0;
}
