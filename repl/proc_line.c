/* proc_line.c - see proc_line.h. Written by hand: maps may be long. */
#include "repl/proc_line.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "kernel/fs.h"
#include "repl/describe.h"

#define NAME_MAX_ 512

/* At least @width digits, as seq_put_hex_ll(). */
static char *put_hex(char *p, uint64_t v, unsigned width)
{
	unsigned digits = v ? (67 - __builtin_clzll(v)) / 4 : 1;

	if (digits < width)
		digits = width;
	for (unsigned i = digits; i-- > 0; v >>= 4)
		p[i] = "0123456789abcdef"[v & 15];
	return p + digits;
}

static char *put_dec(char *p, uint64_t v)
{
	char buf[20], *end = buf + sizeof(buf), *q = end;

	do {
		*--q = '0' + v % 10;
	} while (v /= 10);
	memcpy(p, q, end - q);
	return p + (end - q);
}

static char *put_prefix(char *p, va_t start, va_t end, const char perms[4],
			uint64_t off, uint64_t dev, uint64_t ino)
{
	p = put_hex(p, start, 8);
	*p++ = '-';
	p = put_hex(p, end, 8);
	*p++ = ' ';
	memcpy(p, perms, 4);
	p[4] = ' ';
	p = put_hex(p + 5, off, 8);
	*p++ = ' ';
	p = put_hex(p, major(dev), 2);
	*p++ = ':';
	p = put_hex(p, minor(dev), 2);
	*p++ = ' ';
	p = put_dec(p, ino);
	*p++ = ' ';
	return p;
}

/*
 * seq_pad(), and the name; a newline in it becomes \012 as in seq_file_path(),
 * and here so do all characters that steer a terminal.
 */
static char *put_name(char *p, const char *buf, unsigned width,
		      const char *name)
{
	while (p < buf + width)
		*p++ = ' ';
	*p++ = ' ';
	for (const char *end = buf + NAME_MAX_; *name && p < end; name++) {
		unsigned char c = *name;

		if (c >= ' ' && c != 0x7f)
			*p++ = c;
		else
			p += sprintf(p, "\\%03o", c);
	}
	return p;
}

/* seq_setwidth(m, 25 + sizeof(void *) * 6 - 1) */
static unsigned name_column(const struct kernel *k)
{
	return 25 + k->arch->word * 6 - 1;
}

char *proc_maps_line(char buf[PROC_LINE_MAX], const struct kernel *k,
		     const struct vm_area_struct *vma)
{
	const struct inode *f = file_inode(vma->vm_file);
	const char *name = vma_name(vma);
	char perms[5], *p;

	vma_perms(vma, perms);
	p = put_prefix(buf, vma->vm_start, vma->vm_end, perms,
		       f ? vma->vm_pgoff << PAGE_SHIFT : 0, f ? f->dev : 0,
		       f ? f->ino : 0);
	if (*name)
		p = put_name(p, buf, name_column(k), name);
	*p = 0;
	return p;
}

char *proc_rollup_line(char buf[PROC_LINE_MAX], const struct kernel *k,
		       va_t start, va_t end)
{
	char *p = put_prefix(buf, start, end, "---p", 0, 0, 0);

	*put_name(p, buf, name_column(k), "[rollup]") = 0;
	return buf;
}

void proc_maps_fields(struct result *r, const struct vm_area_struct *vma)
{
	const struct inode *f = file_inode(vma->vm_file);
	char perms[5], dev[16];

	snprintf(dev, sizeof(dev), "%02x:%02x", f ? major(f->dev) : 0,
		 f ? minor(f->dev) : 0);
	res_va(r, "start", NULL, vma->vm_start);
	res_va(r, "end", NULL, vma->vm_end);
	res_str(r, "perms", NULL, vma_perms(vma, perms));
	res_hex(r, "offset", NULL, f ? vma->vm_pgoff << PAGE_SHIFT : 0, 8);
	res_str(r, "dev", NULL, dev);
	res_u64(r, "inode", NULL, f ? f->ino : 0);
	res_str(r, "name", NULL, vma_name(vma));
}

void proc_text(struct result *r, const char *line)
{
	res_str(r, NULL, "%s", line);
}
