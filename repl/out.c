/*
 * out.c - the buffered sink. After a failed write everything is dropped and
 * the errno is kept; whoever owns the sink reports it once.
 */
#include "repl/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repl/host.h"

#define OUT_CHUNK 65536	/* a file sink is flushed when it holds so much */

void out_init(struct out *o, int fd)
{
	*o = (struct out){ .fd = fd };
}

void out_deinit(struct out *o)
{
	out_flush(o);
	free(o->buf);
	*o = (struct out){ .fd = -1 };
}

static void out_reserve(struct out *o, size_t more)
{
	size_t cap = o->cap ? o->cap : 256;

	if (o->len + more <= o->cap)
		return;
	while (cap < o->len + more)
		cap *= 2;
	o->buf = realloc(o->buf, cap);
	if (!o->buf)
		abort();
	o->cap = cap;
}

char *out_claim(struct out *o, size_t len)
{
	if (o->fd >= 0 && o->len >= OUT_CHUNK)
		out_flush(o);
	if (o->error || (host_interrupted && o->fd >= 0))
		return NULL;
	out_reserve(o, len);
	o->len += len;
	return o->buf + o->len - len;
}

void out_write(struct out *o, const void *s, size_t len)
{
	char *to = len ? out_claim(o, len) : NULL;

	if (to)
		memcpy(to, s, len);
}

void out_str(struct out *o, const char *s)
{
	out_write(o, s, strlen(s));
}

void out_pad(struct out *o, size_t n)
{
	static const char blanks[] = "                                ";

	for (; n > sizeof(blanks) - 1; n -= sizeof(blanks) - 1)
		out_write(o, blanks, sizeof(blanks) - 1);
	out_write(o, blanks, n);
}

void out_printf(struct out *o, const char *fmt, ...)
{
	char small[512], *big = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(small)) {
		va_start(ap, fmt);
		n = vasprintf(&big, fmt, ap);
		va_end(ap);
		if (n < 0)
			abort();
	}
	out_write(o, big, n);
	if (big != small)
		free(big);
}

void out_hex(struct out *o, uint64_t v, unsigned digits)
{
	char buf[18];
	unsigned i = sizeof(buf);

	do {
		buf[--i] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v || (sizeof(buf) - i < digits && i > 2));
	buf[--i] = 'x';
	buf[--i] = '0';
	out_write(o, buf + i, sizeof(buf) - i);
}

void out_u64(struct out *o, uint64_t v)
{
	char buf[20];
	unsigned i = sizeof(buf);

	do {
		buf[--i] = '0' + v % 10;
		v /= 10;
	} while (v);
	out_write(o, buf + i, sizeof(buf) - i);
}

int out_flush(struct out *o)
{
	size_t done = 0;

	if (o->fd < 0)
		return -o->error;
	while (done < o->len && !o->error) {
		ssize_t n = write(o->fd, o->buf + done, o->len - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			o->error = errno;
	}
	o->flushed += o->len;
	o->len = 0;
	return -o->error;
}

size_t utf8_len(const char *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc0 ? 0 : u[0] < 0xe0 ? 2 :
		   u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (n <= 1 || n > left)
		return n <= left ? n : 0;
	c = u[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

char *size_format(char buf[SIZE_FORMAT_MAX], uint64_t n)
{
	static const char units[] = " KMGTPE";
	uint64_t whole = n, tenths;
	unsigned unit = 0;

	for (; whole && whole % 1024 == 0; whole /= 1024)
		unit++;
	if (whole <= 9999) {
		snprintf(buf, SIZE_FORMAT_MAX, "%u%.*s", (unsigned)whole,
			 unit > 0, &units[unit]);
		return buf;
	}
	for (unit = 1; unit < 6 && n >> 10 * (unit + 1); unit++)
		;
	tenths = (uint64_t)((double)n * 10 / (1ULL << 10 * unit) + 0.5);
	if (tenths == 10 * 1024 && unit < 6) {
		tenths = 10;
		unit++;
	}
	snprintf(buf, SIZE_FORMAT_MAX, "%u.%u%c", (unsigned)(tenths / 10),
		 (unsigned)(tenths % 10), units[unit]);
	return buf;
}
