/*
 * e820_text.c - see e820_text.h.
 *
 *	BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
 *	BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)	  before 3.8
 *	user: [mem ...] usable		after mem= and memmap=: replaces the above
 *	00100000-7ffdffff : System RAM	/proc/iomem, read as root
 *	Memory: 2058928K/2096632K available (..., 37704K reserved, ...)
 *	Freeing initrd memory: 364K
 */
#include "repl/e820_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TEXT	(16 << 20)	/* bytes of a file */

static int bad_line(struct boot_text *t, const char *part, const char *why,
		    struct err *err)
{
	err_set(err, ERR_USER, "%s:%u: %.60s: %s", t->name, t->line, part, why);
	return -1;
}

/* --- lines of a map ---------------------------------------------------------- */

struct range {
	pa_t start, end;	/* end exclusive */
	char word[40];		/* what is there */
};

/* @line up to its last character that is no blank, without brackets. */
static void copy_word(const char *s, char *word, size_t size)
{
	size_t n;

	s += strspn(s, " \t(");
	n = strlen(s);
	while (n && (isspace((unsigned char)s[n - 1])))
		n--;
	snprintf(word, size, "%.*s", (int)n, s);
}

/* "[mem 0x0-0xfff] usable"; NULL or what is wrong. */
static const char *new_range(const char *s, struct range *ret)
{
	char *end;

	errno = 0;
	ret->start = strtoull(s + 5, &end, 16);
	if (end == s + 5 || *end != '-')
		return "not a range [mem START-END]";
	s = end + 1;
	ret->end = strtoull(s, &end, 16);
	if (end == s || *end != ']')
		return "not a range [mem START-END]";
	if (errno || ret->end < ret->start || ret->end == UINT64_MAX)
		return "the range ends before it begins";
	ret->end++;
	copy_word(end + 1, ret->word, sizeof(ret->word));
	return NULL;
}

/* "0000000000000000 - 000000000009fc00 (usable)": the end is exclusive. */
static const char *old_range(const char *s, struct range *ret)
{
	char *end, *close;

	errno = 0;
	ret->start = strtoull(s, &end, 16);
	if (end == s || strncmp(end, " - ", 3) != 0)
		return "not a range: [mem START-END] or START - END";
	s = end + 3;
	ret->end = strtoull(s, &end, 16);
	if (end == s || *end != ' ')
		return "not a range: [mem START-END] or START - END";
	if (errno || ret->end <= ret->start)
		return "the range ends before it begins";
	copy_word(end, ret->word, sizeof(ret->word));
	close = strrchr(ret->word, ')');
	if (close && close > ret->word && !close[1])
		*close = '\0';
	return NULL;
}

/* "type 20" means as little to Linux as to us: reserved. */
static enum ram_type type_of(const char *word)
{
	enum ram_type type = e820_type_of(word);

	if (!type && !strncmp(word, "type ", 5) && isdigit((unsigned char)word[5]))
		return RAM_RESERVED;
	return type;
}

static int add_range(struct boot_text *t, const struct range *r,
		     enum ram_type type, const char *line, struct err *err)
{
	if (t->lines++ == E820_MAX ||
	    !e820_add(&t->map, r->start, r->end, type))
		return bad_line(t, line, "more than 128 ranges", err);
	return 0;
}

/* @s follows the words BIOS-e820: or user: */
static int tagged_line(struct boot_text *t, const char *s, bool user,
		       struct err *err)
{
	struct range r;
	const char *why;
	enum ram_type type;

	s += strspn(s, " \t");
	why = !strncmp(s, "[mem ", 5) ? new_range(s, &r) : old_range(s, &r);
	if (why)
		return bad_line(t, s, why, err);
	type = type_of(r.word);
	if (!type) {
		bad_line(t, *r.word ? r.word : s, "no such type of memory", err);
		err_hint(err, "usable, reserved, ACPI data, ACPI NVS, unusable");
		return -1;
	}
	if (!t->tagged || (user && !t->user))
		t->map.n = t->lines = 0;
	t->tagged = true;
	t->user |= user;
	t->map.user = t->user;
	if (!user && t->user)
		return 0;
	return add_range(t, &r, type, s, err);
}

/* What `e820` prints without its first word, or a screen copied in part. */
static int bare_line(struct boot_text *t, const char *line, const char *mem,
		     struct err *err)
{
	struct range r;
	const char *before = mem;

	while (before > line && before[-1] == ' ')
		before--;
	if ((before > line && before[-1] != ']') || new_range(mem, &r) ||
	    !type_of(r.word) || t->tagged)
		return 0;
	return add_range(t, &r, type_of(r.word), mem, err);
}

/* --- /proc/iomem --------------------------------------------------------------- */

static enum ram_type iomem_type(const char *name)
{
	static const enum ram_type types[] = {
		RAM_USABLE, RAM_RESERVED, RAM_ACPI, RAM_NVS, RAM_UNUSABLE,
		RAM_PMEM, RAM_PRAM, RAM_SOFT_RESERVED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(ram_type_name(types[i]), name) == 0)
			return types[i];
	return 0;
}

static void image_section(struct boot_text *t, const struct range *r)
{
	static const char *const name[] = { "Kernel code", "Kernel rodata",
					    "Kernel data", "Kernel bss" };

	for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
		if (strcmp(name[i], r->word) == 0) {
			t->image[2 * i] = r->start;
			t->image[2 * i + 1] = r->end;
		}
}

/* False: not such a line. */
static bool iomem_range(const char *line, struct range *ret)
{
	char *end;

	if (!isxdigit((unsigned char)line[0]))
		return false;
	ret->start = strtoull(line, &end, 16);
	if (*end != '-' || end - line < 8)
		return false;
	line = end + 1;
	ret->end = strtoull(line, &end, 16);
	if (end - line < 8 || strncmp(end, " : ", 3) != 0)
		return false;
	copy_word(end + 3, ret->word, sizeof(ret->word));
	return true;
}

static int iomem_line(struct boot_text *t, const char *line, bool nested,
		      const struct range *found, struct err *err)
{
	struct range r = *found;
	enum ram_type type = iomem_type(r.word);

	if (!r.start && !r.end) {
		bad_line(t, line, "the addresses are hidden", err);
		err_hint(err, "root reads /proc/iomem with addresses");
		return -1;
	}
	if (r.end < r.start || r.end == UINT64_MAX)
		return bad_line(t, line, "the range ends before it begins", err);
	r.end++;
	image_section(t, &r);
	if (nested || !type || t->tagged)
		return 0;
	return add_range(t, &r, type, line, err);
}

/* --- sizes ------------------------------------------------------------------------ */

static void add_size(struct boot_text *t, enum boot_size i, uint64_t bytes)
{
	t->sizes.n[i] = bytes;
	t->sizes.set |= 1u << i;
}

/* "912K init, 464K bss, 37704K reserved)" */
static void memory_line(struct boot_text *t, const char *s)
{
	static const struct { const char *name; enum boot_size size; } items[] = {
		{ "reserved", BOOT_RESERVED }, { "init", BOOT_INIT },
		{ "kernel code", BOOT_CODE },  { "rodata", BOOT_RODATA },
		{ "rwdata", BOOT_RWDATA },
	};

	while (*s) {
		char *end;
		uint64_t kib = strtoull(s + 1 + (s[1] == '('), &end, 10);

		for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
			size_t n = strlen(items[i].name);

			if (toupper((unsigned char)*end) == 'K' &&
			    end[1] == ' ' &&
			    !strncmp(end + 2, items[i].name, n) &&
			    strchr(",)", end[2 + n]))
				add_size(t, items[i].size, kib * KiB);
		}
		s += 1 + strcspn(s + 1, " ");
	}
}

/* "Freeing WHAT memory: NK" */
static void freeing_line(struct boot_text *t, const char *what)
{
	const char *number = strstr(what, "memory: ");
	uint64_t bytes = number ? strtoull(number + 8, NULL, 10) * KiB : 0;

	if (!bytes)
		return;
	if (!strncmp(what, "SMP alternatives", 16))
		add_size(t, BOOT_SMP, bytes);
	else if (!strncmp(what, "initrd", 6))
		add_size(t, BOOT_INITRD, bytes);
	else if (!strncmp(what, "unused", 6))
		t->freed += bytes;
}

/* --- a line ------------------------------------------------------------------------- */

static const char *after(const char *line, const char *mark)
{
	const char *at = strstr(line, mark);

	return at ? at + strlen(mark) : NULL;
}

int boot_text_line(struct boot_text *t, const char *line, struct err *err)
{
	const char *text = line + strspn(line, " \t"), *s;
	struct range r;

	t->line++;
	if ((s = after(line, "BIOS-e820:")))
		return tagged_line(t, s, false, err);
	if ((s = after(line, "user: [mem ")))
		return tagged_line(t, s - 5, true, err);
	if ((s = strstr(line, "[mem 0x")))
		return bare_line(t, line, s, err);
	if (iomem_range(text, &r))
		return iomem_line(t, text, text != line, &r, err);
	if ((s = after(line, "Memory: ")) && strstr(s, "available ("))
		memory_line(t, strstr(s, "available ("));
	else if ((s = after(line, "Freeing ")))
		freeing_line(t, s);
	return 0;
}

/* --- a file ------------------------------------------------------------------------- */

static FILE *open_text(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, errno, "%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_USER, "%s: not a regular file", path);
	} else if (st.st_size > MAX_TEXT) {
		err_set(err, ERR_USER, "%s: more than 16M: no boot messages",
			path);
	} else {
		f = fdopen(fd, "r");
		if (f)
			return f;
		err_errno(err, errno, "%s", path);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* The sums, once all lines are read. */
static void boot_text_end(struct boot_text *t)
{
	if (t->freed)
		add_size(t, BOOT_FREED, t->freed + t->sizes.n[BOOT_INITRD]);
	for (unsigned i = 0; i < ARRAY_SIZE(t->image); i++)
		if (!t->image[i])
			t->image[0] = 0;	/* not all of it: none */
}

int boot_text_file(struct boot_text *t, const char *path, struct err *err)
{
	FILE *f = open_text(path, err);
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	if (!f)
		return -1;
	t->name = path;
	while (rc == 0 && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		rc = boot_text_line(t, line, err);
	}
	free(line);
	fclose(f);
	if (rc == 0 && !t->lines) {
		err_set(err, ERR_USER, "%s: no line of a memory map", path);
		err_hint(err, "such as BIOS-e820: [mem 0x0-0x9fbff] usable");
		rc = -1;
	}
	boot_text_end(t);
	return rc;
}

/* --- mem=, memmap= ------------------------------------------------------------------ */

/* Linux memparse(): a number, then K, M, G, T, P or E. False: no number. */
static bool memparse(const char **s, uint64_t *ret)
{
	static const char suffix[] = "KMGTPE";
	char *end;
	const char *at;

	if (!isdigit((unsigned char)**s))
		return false;
	*ret = strtoull(*s, &end, 0);
	at = *end ? strchr(suffix, toupper((unsigned char)*end)) : NULL;
	if (at) {
		*ret <<= 10 * (at - suffix + 1);
		end++;
	}
	*s = end;
	return true;
}

const char *mem_apply(struct e820_map *m, const char *value)
{
	uint64_t size = 0;

	if (!memparse(&value, &size) || *value || !size)
		return "not a size, such as 512M";
	m->user = true;
	return e820_remove(m, size, UINT64_MAX, RAM_USABLE)
		       ? NULL : "too many ranges";
}

const char *memmap_apply(struct e820_map *m, const char *value)
{
	static const struct { char mark; enum ram_type type; } marks[] = {
		{ '@', RAM_USABLE }, { '#', RAM_ACPI },
		{ '$', RAM_RESERVED }, { '!', RAM_PRAM },
	};
	const char *s = value;
	uint64_t size = 0, start = 0;

	if (strcmp(value, "exactmap") == 0) {
		m->n = 0;
		m->user = true;
		return NULL;
	}
	if (!memparse(&s, &size) || !size)
		return "exactmap, SIZE, or SIZE@START, SIZE#START, SIZE$START";
	if (!*s)
		return mem_apply(m, value);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].mark != *s)
			continue;
		s++;
		if (!memparse(&s, &start) || *s || start + size < start)
			return "START is not an address";
		m->user = true;
		return e820_add(m, start, start + size, marks[i].type)
			       ? NULL : "too many ranges";
	}
	return "SIZE is followed by @, #, $ or ! and START";
}
