/*
 * cmd_load.c - load-raw: bytes of a host file as they are into simulated RAM:
 * memory that was saved from another machine (QEMU's pmemsave), tables that
 * another program made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repl/cmd.h"
#include "repl/host.h"

#define CHUNK 65536u

/* What is loaded, and what became of it. */
struct load {
	struct cmd_ctx *c;
	const char *path;
	int fd;
	pa_t pa;
	uint64_t size, done, dropped; /* bytes */
};

/* The first address behind the last byte of memory. */
static pa_t ram_end(const struct ram *ram)
{
	pa_t end = 0;

	for (unsigned i = 0; i < ram->nregions; i++)
		if (ram->region[i].backed && ram->region[i].end > end)
			end = ram->region[i].end;
	return end;
}

static int load_open(struct load *l)
{
	struct err *err = l->c->err;
	struct stat st;

	l->fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_errno(err, errno, "%s", l->path);
	if (S_ISDIR(st.st_mode))
		return err_errno(err, EISDIR, "%s", l->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USER, "%s: not a regular file",
			       l->path);
	if (!st.st_size)
		return err_set(err, ERR_USER, "%s: the file is empty", l->path);
	l->size = (uint64_t)st.st_size;
	return 0;
}

/* Does the file fit between its address and the end of memory? */
static int load_fits(const struct load *l)
{
	const struct ram *ram = l->c->m->ram;
	pa_t end = ram_end(ram);

	if (!ram_ptr(ram, l->pa)) {
		err_set(l->c->err, ERR_USER, "pa:0x%llx: no RAM there",
			(unsigned long long)l->pa);
		err_hint(l->c->err, "e820 shows where memory is");
		return -1;
	}
	if (l->size <= end - l->pa)
		return 0;
	err_set(l->c->err, ERR_USER,
		"%s: %llu bytes at pa:0x%llx do not fit, memory ends at 0x%llx",
		l->path, (unsigned long long)l->size, (unsigned long long)l->pa,
		(unsigned long long)end);
	err_hint(l->c->err, "boot with a larger ram=");
	return -1;
}

/* Bytes of [pa, pa + len) that no memory is behind. */
static uint64_t holes(const struct ram *ram, pa_t pa, uint64_t len)
{
	uint64_t n = 0, step;

	for (pa_t at = pa; at < pa + len; at += step) {
		step = PAGE_SIZE - (at & (PAGE_SIZE - 1));
		if (step > pa + len - at)
			step = pa + len - at;
		if (!ram_ptr(ram, at))
			n += step;
	}
	return n;
}

static int load_bytes(struct load *l)
{
	struct ram *ram = l->c->m->ram;
	char buf[CHUNK];
	ssize_t n = 1;

	while (l->done < l->size && n > 0 && !host_interrupted) {
		uint64_t left = l->size - l->done;

		n = read(l->fd, buf, left < CHUNK ? left : CHUNK);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return err_errno(l->c->err, errno, "%s", l->path);
		else if (n > 0) {
			ram_copy_in(ram, l->pa + l->done, buf, (size_t)n);
			l->dropped += holes(ram, l->pa + l->done, (uint64_t)n);
			l->done += (uint64_t)n;
		}
	}
	return 0;
}

static int load(struct load *l)
{
	int rc = load_open(l);

	if (rc == 0)
		rc = load_fits(l);
	if (rc == 0 && l->c->k)
		l->c->k->ram_poked = true;
	if (rc == 0)
		rc = load_bytes(l);
	if (l->fd >= 0)
		close(l->fd);
	return rc;
}

static int load_raw_run(struct cmd_ctx *c)
{
	struct load l = { .c = c,
			  .path = c->arg[0].str,
			  .pa = c->arg[1].value.n };
	struct result *r = c->r;

	if (load(&l) < 0)
		return -1;
	res_str(r, "file", "%s:", l.path);
	res_u64(r, "bytes", "~ %s bytes", l.done);
	res_pa(r, "pa", "~ at %s", l.pa);
	res_pa(r, "last", "~-%s", l.pa + l.done - (l.done != 0));
	res_u64(r, "dropped", l.dropped ? "~, %s of them dropped" : NULL,
		l.dropped);
	if (l.dropped)
		res_text(r, COL_BAD, "~: no RAM is behind their addresses");
	if (l.done < l.size)
		return err_set(c->err, ERR_USER, "%s: stopped after %llu bytes",
			       l.path, (unsigned long long)l.done);
	return 0;
}

const struct command cmd_load_raw = {
	.name = "load-raw",
	.alias = "load_raw",
	.group = "physical memory",
	.flags = CMD_CHANGES,
	.help = "copy the bytes of FILE into physical memory at PA",
	.details = "For memory saved from another machine (pmemsave of QEMU's "
		   "monitor) or\n"
		   "tables made by another program. Changes RAM behind "
		   "everybody's back, as\n"
		   "poke does. Bytes for addresses without RAM, such as the "
		   "hole below 1 MiB,\n"
		   "are dropped and counted. Load CR3 and the rest with reg.",
	.arg = { { "FILE", ARG_FILE }, { "PA", ARG_PA } },
	.run = load_raw_run,
};
