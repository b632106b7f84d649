/*
 * cmd_uaccess.c - the kernel's copies from and to user memory, as a system
 * call of the current process makes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "repl/cmd.h"
#include "repl/describe.h"

#define COPY_MAX 65536

/* A copy at work: the buffer is the kernel's side. */
struct copy {
	struct cmd_ctx *c;
	struct user_copy how;
	struct user_access a;
	uint64_t left; /* bytes not copied */
};

static void run_copy(struct copy *u, va_t va, void *buf, uint64_t len)
{
	struct story *story = story_begin_at(u->c->k, u->c->r->story);

	u->how.no_stac = cmd_opt(u->c, 'n');
	u->left =
		user_copy(u->c->k, u->c->s->cpu, &u->how, va, buf, len, &u->a);
	story_end(story, u->c->r);
}

/* What became of it: a count as Linux returns it, or an oops. */
static int emit_copy(struct copy *u, va_t va, uint64_t len)
{
	struct result *r = u->c->r;

	if (u->a.oops)
		return cmd_access_failed(u->c->s, &u->a, u->c->err);
	res_line(r);
	res_u64(r, "returned", "returned %s", u->left);
	res_u64(r, "copied", "~: %s", len - u->left);
	res_u64(r, "len", "~ of %s bytes copied", len);
	res_va(r, "va", "~ at %s", va);
	if (u->a.fixed && u->a.fault.reason)
		res_va(r, "fixed_up",
		       "the fault at %s went to the exception table",
		       u->a.fault.cr2);
	else if (u->a.fixed)
		res_text(r, COL_PLAIN, "access_ok() refused: not user memory");
	res_subject(r, va);
	return 0;
}

static int too_long(struct cmd_ctx *c, uint64_t len)
{
	return err_set(c->err, ERR_BUDGET,
		       "%llu bytes are more than %u in one "
		       "command",
		       (unsigned long long)len, COPY_MAX);
}

static int copy_to_user_run(struct cmd_ctx *c)
{
	struct copy u = { .c = c, .how = { .kind = ACCESS_WRITE } };
	const struct cmd_arg *data = &c->arg[1];
	uint64_t len = data->str ? data->value.n : 8;
	va_t va = c->arg[0].value.n;
	uint64_t n = data->value.n;

	if (len > COPY_MAX)
		return too_long(c, len);
	run_copy(&u, va, data->str ? (void *)data->str : (void *)&n, len);
	return emit_copy(&u, va, len);
}

static int copy_from_user_run(struct cmd_ctx *c)
{
	struct copy u = { .c = c,
			  .how = { .kind = ACCESS_READ, .zero = true } };
	uint64_t len = c->arg[1].set ? c->arg[1].value.n : 16;
	va_t va = c->arg[0].value.n;
	uint8_t *buf;
	int rc;

	if (len > COPY_MAX)
		return too_long(c, len);
	buf = calloc(1, len);
	if (!buf)
		abort();
	run_copy(&u, va, buf, len);
	if (!u.a.oops)
		cmd_emit_dump(c->r, va, buf, len);
	rc = emit_copy(&u, va, len);
	free(buf);
	return rc;
}

/* get_user and put_user: 0 or -EFAULT. */
static int word_copy(struct cmd_ctx *c, struct copy *u, uint64_t *value)
{
	va_t va = c->arg[0].value.n;
	unsigned size;

	if (cmd_word_size(c, c->k->arch->word, &size) < 0)
		return -1;
	if (u->how.kind == ACCESS_WRITE && cmd_fits(c, *value, size) < 0)
		return -1;
	run_copy(u, va, value, size);
	if (u->a.oops)
		return cmd_access_failed(c->s, &u->a, c->err);
	if (u->left)
		return err_errno(c->err, -EFAULT, "0x%llx",
				 (unsigned long long)va);
	res_line(c->r);
	res_hex(c->r, "value", "%s", *value, 2 * size);
	res_va(c->r, "va", "at %s", va);
	return 0;
}

static int get_user_run(struct cmd_ctx *c)
{
	struct copy u = { .c = c, .how = { .kind = ACCESS_READ } };
	uint64_t value = 0;

	return word_copy(c, &u, &value);
}

static int put_user_run(struct cmd_ctx *c)
{
	struct copy u = { .c = c, .how = { .kind = ACCESS_WRITE } };
	uint64_t value = c->arg[1].value.n;

	return word_copy(c, &u, &value);
}

static int strncpy_from_user_run(struct cmd_ctx *c)
{
	uint64_t max = c->arg[1].set ? c->arg[1].value.n : 256;
	va_t va = c->arg[0].value.n;
	struct story *story;
	int64_t n;
	char *buf;

	if (max > COPY_MAX)
		return too_long(c, max);
	buf = calloc(1, max + 1);
	if (!buf)
		abort();
	story = story_begin_at(c->k, c->r->story);
	n = strncpy_from_user(c->k, c->s->cpu, buf, va, max);
	story_end(story, c->r);
	if (n >= 0) {
		res_line(c->r);
		res_i64(c->r, "len", "%s", n);
		res_str(c->r, "string", "\"%s\"", buf);
	}
	free(buf);
	return n < 0 ? err_errno(c->err, (int)n, "0x%llx",
				 (unsigned long long)va)
		     : 0;
}

#define OPT_NO_STAC                                           \
	{                                                     \
		'n', "no-stac", ARG_FLAG, NULL,               \
			"a kernel bug: without STAC and CLAC" \
	}
#define UACCESS            \
	.group = "access", \
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES

const struct command cmd_copy_to_user = {
	.name = "copy_to_user",
	UACCESS,
	.help = "the kernel copies DATA to user memory at VA, as read(2) would",
	.details = "The current CPU runs kernel code: STAC, the copy, CLAC. "
		   "Faults are served\n"
		   "as user code's are; where that cannot be, the exception "
		   "table ends the\n"
		   "copy, and what is returned is the number of bytes not "
		   "copied. --no-stac\n"
		   "shows what SMAP makes of a kernel that touches user memory "
		   "by accident.",
	.example = "copy_to_user stack-64 \"hi\"",
	.arg = { { "VA", ARG_VA }, { "DATA", ARG_DATA } },
	.opt = { OPT_NO_STAC },
	.run = copy_to_user_run,
};

const struct command cmd_copy_from_user = {
	.name = "copy_from_user",
	UACCESS,
	.help = "the kernel copies LEN bytes of user memory, as write(2) would",
	.details = "What could not be read is zeroed in the kernel's buffer.",
	.example = "copy_from_user text 16",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_SIZE, .optional = true } },
	.opt = { OPT_NO_STAC },
	.run = copy_from_user_run,
};

const struct command cmd_get_user = {
	.name = "get_user",
	UACCESS,
	.help = "the kernel reads one word of user memory",
	.example = "get_user data",
	.arg = { { "VA", ARG_VA } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "1, 2, 4 or 8 bytes" },
		 OPT_NO_STAC },
	.run = get_user_run,
};

const struct command cmd_put_user = {
	.name = "put_user",
	UACCESS,
	.help = "the kernel writes one word of user memory",
	.example = "put_user data 7",
	.arg = { { "VA", ARG_VA }, { "VALUE", ARG_NUM } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "1, 2, 4 or 8 bytes" },
		 OPT_NO_STAC },
	.run = put_user_run,
};

const struct command cmd_strncpy_from_user = {
	.name = "strncpy_from_user",
	UACCESS,
	.help = "the kernel copies a string of at most MAX bytes, as open(2)'s "
		"path",
	.example = "strncpy_from_user data",
	.arg = { { "VA", ARG_VA }, { "MAX", ARG_SIZE, .optional = true } },
	.run = strncpy_from_user_run,
};
