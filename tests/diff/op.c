/*
 * op.c - operations as lines of mmsh and back.
 */
#include "tests/diff/op.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/mm.h"
#include "kernel/mman.h"

/* What the words of a line are, in their order. */
enum field {
	F_END,
	F_ADDR,
	F_LEN,
	F_PROT,
	F_VALUE,
	F_RANGE,
	F_SIZE, /* of an access; an option of write */
	F_ADVICE,
	F_FD,
	F_OFF,
	F_TEXT,
	F_LIMIT,
	F_LEN2,
	F_FILE,	 /* optional, the last */
	F_ADDR2, /* optional, the last */
};

struct flag {
	char option;
	unsigned bit;
};

static const struct op_row {
	const char *name;
	enum field field[5];
	bool addr_option; /* -a ADDR */
	struct flag flag[12];
} rows[NR_OPS] = {
	[OP_MAP] = { "map",
		     { F_LEN, F_PROT, F_FILE },
		     true,
		     { { 'F', LX_MAP_FIXED },
		       { 's', LX_MAP_SHARED },
		       { 'P', LX_MAP_POPULATE },
		       { 'G', LX_MAP_GROWSDOWN },
		       { 'N', LX_MAP_NORESERVE },
		       { 'E', LX_MAP_FIXED_NOREPLACE },
		       { 'B', LX_MAP_NONBLOCK },
		       { 'L', LX_MAP_LOCKED },
		       { 'T', LX_MAP_STACK } } },
	[OP_MUNMAP] = { "munmap", { F_ADDR, F_LEN } },
	[OP_MPROTECT] = { "mprotect", { F_ADDR, F_LEN, F_PROT } },
	[OP_BRK] = { "brk", { F_ADDR } },
	[OP_READ] = { "read", { F_ADDR, F_LEN } },
	[OP_WRITE] = { "write", { F_SIZE, F_ADDR, F_VALUE } },
	[OP_FETCH] = { "fetch", { F_ADDR, F_LEN } },
	[OP_TOUCH] = { "touch", { F_RANGE }, false, { { 'w', OPF_WRITE } } },
	[OP_MADVISE] = { "madvise", { F_ADDR, F_LEN, F_ADVICE } },
	[OP_MLOCK] = { "mlock",
		       { F_ADDR, F_LEN },
		       false,
		       { { 'f', LX_MLOCK_ONFAULT } } },
	[OP_MUNLOCK] = { "munlock", { F_ADDR, F_LEN } },
	[OP_MLOCKALL] = { "mlockall",
			  { F_END },
			  false,
			  { { 'c', LX_MCL_CURRENT },
			    { 'f', LX_MCL_FUTURE },
			    { 'o', LX_MCL_ONFAULT } } },
	[OP_MUNLOCKALL] = { "munlockall", { F_END } },
	[OP_MINCORE] = { "mincore", { F_ADDR, F_LEN } },
	[OP_MSYNC] = { "msync",
		       { F_ADDR, F_LEN },
		       false,
		       { { 'a', 1 }, { 'i', 2 }, { 's', 4 } } },
	[OP_PRLIMIT] = { "prlimit", { F_LIMIT } },
	[OP_MREMAP] = { "mremap",
			{ F_ADDR, F_LEN, F_LEN2, F_ADDR2 },
			false,
			{ { 'n', OPF_NOMOVE }, { 'F', 2 }, { 'D', 4 } } },
	[OP_FTRUNCATE] = { "ftruncate", { F_FD, F_LEN } },
	[OP_PWRITE] = { "pwrite", { F_FD, F_TEXT, F_OFF } },
	[OP_PREAD] = { "pread", { F_FD, F_LEN, F_OFF } },
	[OP_FALLOCATE] = { "fallocate",
			   { F_FD, F_OFF, F_LEN },
			   false,
			   { { 'P', 2 }, { 'n', 1 } } },
	[OP_FORK] = { "fork", { F_END } },
	[OP_EXIT] = { "exit", { F_END } },
};

bool op_is_access(const struct op *op)
{
	return op->kind >= OP_READ && op->kind <= OP_TOUCH;
}

/* --- to text -------------------------------------------------------------- */

static const struct window {
	uint64_t from, to, base;
	char name;
} windows[] = {
	{ ARENA - PAGE, ARENA_END + PAGE, ARENA, 'a' },
	{ HEAP - PAGE * 16, HEAP + HEAP_SIZE, HEAP, 'h' },
	{ TOP - TOP_SIZE, TOP + TOP_ABOVE, TOP, 't' },
};

static void addr_format(uint64_t va, char *buf, size_t size)
{
	for (unsigned i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		const struct window *w = &windows[i];

		if (va < w->from || va > w->to)
			continue;
		if (va < w->base)
			snprintf(buf, size, "$%c-0x%llx", w->name,
				 (unsigned long long)(w->base - va));
		else if (va > w->base)
			snprintf(buf, size, "$%c+0x%llx", w->name,
				 (unsigned long long)(va - w->base));
		else
			snprintf(buf, size, "$%c", w->name);
		return;
	}
	snprintf(buf, size, "0x%llx", (unsigned long long)va);
}

static void prot_format(unsigned prot, char *buf, size_t size)
{
	if (!prot)
		snprintf(buf, size, "none");
	else
		snprintf(buf, size, "%s%s%s", prot & LX_PROT_READ ? "r" : "",
			 prot & LX_PROT_WRITE ? "w" : "",
			 prot & LX_PROT_EXEC ? "x" : "");
}

static void advice_format(int advice, char *buf, size_t size)
{
	const char *name;

	for (unsigned i = 0; (name = madvise_name(i)); i++)
		if (madvise_by_name(name) == advice) {
			snprintf(buf, size, "%s", name);
			return;
		}
	snprintf(buf, size, "%d", advice);
}

static void field_format(const struct op *op, enum field f, char *buf,
			 size_t size)
{
	char at[40];

	addr_format(op->addr, at, sizeof(at));
	switch (f) {
	case F_ADDR:
		snprintf(buf, size, "%s", at);
		break;
	case F_LEN:
		snprintf(buf, size, "0x%llx", (unsigned long long)op->len);
		break;
	case F_RANGE:
		snprintf(buf, size,
			 strchr(at, '-') ? "(%s)+0x%llx" : "%s+0x%llx", at,
			 (unsigned long long)op->len);
		break;
	case F_PROT:
		prot_format(op->prot, buf, size);
		break;
	case F_VALUE:
		snprintf(buf, size, "0x%llx", (unsigned long long)op->value);
		break;
	case F_SIZE:
		snprintf(buf, size, "-s %llu", (unsigned long long)op->len);
		break;
	case F_ADVICE:
		advice_format(op->value, buf, size);
		break;
	case F_FD:
	case F_FILE:
		snprintf(buf, size, "%u", op->fd);
		break;
	case F_OFF:
		snprintf(buf, size, "0x%llx", (unsigned long long)op->off);
		break;
	case F_LEN2:
		snprintf(buf, size, "0x%llx", (unsigned long long)op->len2);
		break;
	case F_ADDR2:
		addr_format(op->addr2, buf, size);
		break;
	case F_TEXT:
		snprintf(buf, size, "\"%c\"", (char)op->value);
		break;
	case F_LIMIT:
		snprintf(buf, size, "%s=0x%llx",
			 op->value == OPF_STACK ? "stack" : "memlock",
			 (unsigned long long)op->len);
		break;
	case F_END:
		break;
	}
}

static void add(char *buf, size_t size, const char *word)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? " " : "", word);
}

void op_format(const struct op *op, char *buf, size_t size)
{
	const struct op_row *row = &rows[op->kind];
	char word[64], at[40];

	snprintf(buf, size, "%s", row->name);
	if (op->proc) {
		snprintf(word, sizeof(word), "-p %u", op->proc + 1);
		add(buf, size, word);
	}
	for (const struct flag *f = row->flag; f->option; f++)
		if (op->flags & f->bit) {
			snprintf(word, sizeof(word), "-%c", f->option);
			add(buf, size, word);
		}
	if (row->addr_option && op->addr) {
		addr_format(op->addr, at, sizeof(at));
		snprintf(word, sizeof(word), "-a %s", at);
		add(buf, size, word);
	}
	if (op->kind == OP_MAP && op->fd) {
		snprintf(word, sizeof(word), "-o 0x%llx",
			 (unsigned long long)op->off);
		add(buf, size, word);
	}
	for (const enum field *f = row->field; *f; f++) {
		if ((*f == F_FILE && !op->fd) || (*f == F_ADDR2 && !op->addr2))
			continue;
		field_format(op, *f, word, sizeof(word));
		add(buf, size, word);
	}
}

void scenario_print(const struct scenario *s, FILE *out)
{
	char line[256];

	fprintf(out, "boot x86_64 ram=128M\n"
		     "let a = 0x200000000000\n"
		     "map -s -F -a $a-0x1000 0x1000 none\n"
		     "map -s -F -a $a+0x400000 0x1000 none\n"
		     "let h = brk\n"
		     "let t = vdso-0x4000\n"
		     "touch -w heap\n"
		     "prlimit memlock=64K\n"
		     "thp enabled=madvise\n"
		     "thp use_zero_page=1\n"
		     "memfd_create scratch\n"
		     "ftruncate 3 0x20000\n");
	for (unsigned i = 0; i < s->n; i++) {
		op_format(&s->op[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}

/* --- from text ------------------------------------------------------------ */

/* 4K, 2M, 0x1000, 12 */
static bool parse_number(const char **s, uint64_t *ret)
{
	char *end;

	*ret = strtoull(*s, &end, 0);
	if (end == *s)
		return false;
	if (*end == 'K' || *end == 'M' || *end == 'G') {
		*ret <<= *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
		end++;
	}
	*s = end;
	return true;
}

static bool parse_sum(const char *s, uint64_t *ret, uint64_t *last);

/* $a+0x1000-1: a window's name or a number, then sums; in *ret. */
static bool parse_addr(const char **s, uint64_t *ret)
{
	uint64_t n;

	if (**s == '(') {
		char inner[64], *end = strchr(*s, ')');

		if (!end || end - *s > 60)
			return false;
		snprintf(inner, sizeof(inner), "%.*s", (int)(end - *s - 1),
			 *s + 1);
		*s = end + 1;
		return parse_sum(inner, ret, &n);
	}
	if (**s == '$') {
		unsigned i = 0;

		while (i < 3 && windows[i].name != (*s)[1])
			i++;
		if (i == 3)
			return false;
		*ret = windows[i].base;
		*s += 2;
		return true;
	}
	if (!parse_number(s, &n))
		return false;
	*ret = n;
	return true;
}

/* The last sum of a range is its length: *last says where it begins. */
static bool parse_sum(const char *s, uint64_t *ret, uint64_t *last)
{
	uint64_t n;

	*last = 0;
	if (!parse_addr(&s, ret))
		return false;
	while (*s == '+' || *s == '-') {
		bool minus = *s++ == '-';

		if (!parse_number(&s, &n))
			return false;
		*ret += minus ? -n : n;
		*last = n;
	}
	return !*s;
}

static bool parse_prot(const char *s, unsigned *ret)
{
	*ret = 0;
	if (strcmp(s, "none") == 0)
		return true;
	for (; *s; s++) {
		const char *at = strchr("rwx", *s);

		if (!at)
			return false;
		*ret |= 1u << (at - "rwx");
	}
	return true;
}

static bool parse_field(enum field f, const char *word, struct op *op)
{
	uint64_t last;

	switch (f) {
	case F_ADDR:
		return parse_sum(word, &op->addr, &last);
	case F_RANGE:
		if (!parse_sum(word, &op->addr, &op->len))
			return false;
		op->addr -= op->len;
		return true;
	case F_LEN:
		return parse_sum(word, &op->len, &last);
	case F_VALUE:
		return parse_sum(word, &op->value, &last);
	case F_PROT:
		return parse_prot(word, &op->prot);
	case F_FD:
	case F_FILE:
		op->fd = strtoul(word, NULL, 0);
		return op->fd == OP_FILE;
	case F_LIMIT:
		op->value = *word == 's' ? OPF_STACK : OPF_MEMLOCK;
		word = strchr(word, '=');
		return word && parse_sum(word + 1, &op->len, &last);
	case F_OFF:
		return parse_sum(word, &op->off, &last);
	case F_LEN2:
		return parse_sum(word, &op->len2, &last);
	case F_ADDR2:
		return parse_sum(word, &op->addr2, &last);
	case F_TEXT:
		op->value = (uint8_t)word[1];
		return *word == '"';
	case F_ADVICE:
		op->value = madvise_by_name(word);
		return (int)op->value >= 0 ||
		       parse_sum(word, &op->value, &last);
	default:
		return false;
	}
}

static bool parse_option(const struct op_row *row, const char *word,
			 char **save, struct op *op)
{
	uint64_t n, last;
	char *arg;

	for (const struct flag *f = row->flag; f->option; f++)
		if (f->option == word[1]) {
			op->flags |= f->bit;
			return true;
		}
	arg = strtok_r(NULL, " ", save);
	if (!arg || !parse_sum(arg, &n, &last))
		return false;
	if (word[1] == 'p')
		op->proc = n - 1;
	else if (word[1] == 's')
		op->len = n;
	else if (word[1] == 'a' && row->addr_option)
		op->addr = n;
	else if (word[1] == 'o')
		op->off = n;
	else
		return false;
	return true;
}

static bool parse_words(const struct op_row *row, char *save, struct op *op)
{
	const enum field *f = row->field;
	char *word;

	while ((word = strtok_r(NULL, " ", &save))) {
		bool ok;

		if (*word == '#')
			break;
		if (*f == F_SIZE)
			f++;
		if (word[0] == '-' && word[1])
			ok = parse_option(row, word, &save, op);
		else
			ok = parse_field(*f++, word, op);
		if (!ok)
			return false;
	}
	return *f == F_END || *f == F_SIZE || *f >= F_FILE;
}

/* What the fields leave open: how mmsh would understand the line. */
static void complete(struct op *op)
{
	if (op->kind == OP_MSYNC && !op->flags)
		op->flags = 4;
	if (op->kind == OP_MAP) {
		op->flags |= op->flags & LX_MAP_SHARED ? 0 : LX_MAP_PRIVATE;
		op->flags |= op->fd ? 0 : LX_MAP_ANONYMOUS;
	}
}

bool op_parse(const char *line, struct op *op, const char **why)
{
	char copy[256], *save, *name;

	snprintf(copy, sizeof(copy), "%s", line);
	name = strtok_r(copy, " ", &save);
	*why = "no such operation";
	for (int k = 0; name && k < NR_OPS; k++) {
		if (strcmp(rows[k].name, name) != 0)
			continue;
		memset(op, 0, sizeof(*op));
		op->kind = k;
		*why = "not understood";
		if (!parse_words(&rows[k], save, op) || op->proc >= MAX_PROCS)
			return false;
		complete(op);
		return true;
	}
	return false;
}
