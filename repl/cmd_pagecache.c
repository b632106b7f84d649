/*
 * cmd_pagecache.c - the page cache and the disk: pagecache, blkstat, fsync,
 * sync, msync, fadvise, readahead.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kernel/block.h"
#include "kernel/pagemap.h"
#include "kernel/swap.h"
#include "repl/cmd_file.h"

/* --- pagecache ------------------------------------------------------------ */

#define PER_LINE 64

static const struct {
	char glyph;
	const char *means;
} glyphs[] = {
	{ 'c', "clean" },
	{ 'd', "dirty" },
	{ 'r', "clean, readahead mark" },
	{ 'C', "clean, mapped" },
	{ 'D', "dirty, mapped" },
	{ 'R', "marked, mapped" },
	{ 's', "in swap" },
	{ '.', "not cached" },
	{ '-', "hole" },
};

struct picture {
	struct cmd_ctx *c;
	const struct inode *inode;
	uint64_t pages, cached, dirty, mapped;
	bool seen[ARRAY_SIZE(glyphs)];
};

const struct inode *cmd_find_inode(struct cmd_ctx *c, const char *word)
{
	struct task_struct *task = session_task(c->s);
	const struct inode *inode = NULL;
	int fd;

	if (cmd_is_fd(word, &fd)) {
		if (task && fget(task, fd))
			return fget(task, fd)->f_inode;
		err_errno(c->err, -EBADF, "fd %d", fd);
		return NULL;
	}
	inode = inode_by_path(c->k, word);
	if (!inode) {
		err_errno(c->err, -ENOENT, "%s", word);
		err_hint(c->err, "no process has used it yet; ls shows what is"
				 " known");
	}
	return inode;
}

/* A page that is not cached: what reading it would take. */
static char absent_glyph(const struct inode *inode, uint64_t i)
{
	if (shmem_swap_entry(inode, i))
		return 's';
	if (inode->bytes || xa_load(&inode->blocks, i) ||
	    i << PAGE_SHIFT < inode->host_size)
		return '.';
	return '-';
}

static char page_glyph(struct picture *p, uint64_t i)
{
	pfn_t pfn = find_get_page(&p->inode->mapping, i);
	const struct page *page;
	char glyph;

	if (pfn == PFN_NONE)
		return absent_glyph(p->inode, i);
	page = pfn_to_page(p->c->k, pfn);
	glyph = page->flags & PG_dirty	     ? 'd'
		: page->flags & PG_readahead ? 'r'
					     : 'c';
	p->cached++;
	p->dirty += glyph == 'd';
	p->mapped += page->_mapcount > 0;
	return page->_mapcount > 0 ? glyph - 'a' + 'A' : glyph;
}

/* Fills @line with the pages from @i on. */
static void picture_line(struct picture *p, uint64_t i, char *line)
{
	unsigned n;

	for (n = 0; n < PER_LINE && i + n < p->pages; n++) {
		line[n] = page_glyph(p, i + n);
		for (unsigned g = 0; g < ARRAY_SIZE(glyphs); g++)
			p->seen[g] |= glyphs[g].glyph == line[n];
	}
	line[n] = '\0';
}

/* The line before the next one with more than a hole, or the last but one. */
static uint64_t skip_hole(const struct picture *p, uint64_t from)
{
	const struct inode *inode = p->inode;
	uint64_t to = p->pages - 1, i = from;

	if (inode->bytes || from << PAGE_SHIFT < inode->host_size)
		return from;
	if (xa_next(&inode->mapping.i_pages, &i) && i < to)
		to = i;
	i = from;
	if (xa_next(&inode->blocks, &i) && i < to)
		to = i;
	i = from;
	if (inode->nrswapped && xa_next(&inode->swapped, &i) && i < to)
		to = i;
	to -= to % PER_LINE;
	return to > from + PER_LINE ? to - PER_LINE : from;
}

/* Lines as the one before are one "*", as hexdump prints them. */
static void emit_picture(struct picture *p)
{
	char line[PER_LINE + 1], before[PER_LINE + 1] = "";
	bool starred = false;

	res_list(p->c->r, "map", RES_LINES);
	for (uint64_t i = 0; i < p->pages; i += PER_LINE) {
		uint64_t first = i;
		bool same;

		picture_line(p, i, line);
		same = !strcmp(line, before) && i + PER_LINE < p->pages;
		if (same && line[strspn(line, "-")] == '\0')
			i = skip_hole(p, i);
		if (same && starred)
			continue;
		res_item(p->c->r, false);
		res_u64(p->c->r, "index", NULL, first);
		res_str(p->c->r, "pages", NULL, same ? "*" : line);
		if (same)
			res_text(p->c->r, COL_DIM, "%10s", "*");
		else
			res_text(p->c->r, COL_PLAIN, "%10llu  %s",
				 (unsigned long long)i, line);
		res_end(p->c->r);
		starred = same;
		strcpy(before, line);
	}
	res_end(p->c->r);
}

static void emit_legend(struct picture *p)
{
	bool any = false;

	for (unsigned i = 0; i < ARRAY_SIZE(glyphs); i++)
		any |= p->seen[i];
	if (!any)
		return;
	res_line(p->c->r);
	for (unsigned i = 0; i < ARRAY_SIZE(glyphs); i++)
		if (p->seen[i])
			res_text(p->c->r, COL_DIM, "%c %s", glyphs[i].glyph,
				 glyphs[i].means);
}

static int pagecache_run(struct cmd_ctx *c)
{
	struct picture p = { .c = c };
	uint64_t i = 0, last = 0;
	pfn_t pfn;

	p.inode = cmd_find_inode(c, c->arg[0].str);
	if (!p.inode)
		return -1;
	for (; page_cache_next(&p.inode->mapping, &i, &pfn); i++)
		last = i + 1;
	p.pages = file_pages(p.inode);
	if (last > p.pages) /* fallocate can go beyond the end */
		p.pages = last;
	res_str(c->r, "path", "%s", p.inode->path);
	res_u64(c->r, "size", "%s bytes", p.inode->size);
	res_str(c->r, "fs", "~ on %s", inode_fs(p.inode));
	emit_picture(&p);
	emit_legend(&p);
	res_line(c->r);
	res_u64(c->r, "cached", "%s", p.cached);
	res_u64(c->r, "pages", "~ of %s pages cached", p.pages);
	res_u64(c->r, "dirty", "~, %s dirty", p.dirty);
	res_u64(c->r, "mapped", "~, %s mapped", p.mapped);
	res_u64(c->r, "areas", "~; areas: %s", p.inode->mapping.i_mmap.count);
	return 0;
}

/* --- blkstat -------------------------------------------------------------- */

static int blkstat_run(struct cmd_ctx *c)
{
	struct disk *d = c->k->disk;
	struct result *r = c->r;

	if (cmd_opt(c, 'a'))
		d->read_ahead_kb = cmd_opt(c, 'a')->value.n;
	if (cmd_opt(c, 'z'))
		d->reads = d->sectors_read = d->writes = d->sectors_written = 0;
	res_str(r, "disk", "%s", "vda");
	res_u64(r, "reads", "reads %s", d->reads);
	res_u64(r, "sectors_read", "~ of %s sectors", d->sectors_read);
	res_u64(r, "writes", "writes %s", d->writes);
	res_u64(r, "sectors_written", "~ of %s sectors", d->sectors_written);
	res_line(r);
	res_size(r, "used", "     %s used", d->nused << PAGE_SHIFT);
	res_size(r, "size", "~ of %s", DISK_BLOCKS << PAGE_SHIFT);
	res_u64(r, "read_ahead_kb", "read_ahead_kb %s", d->read_ahead_kb);
	return 0;
}

/* --- fsync, sync, msync --------------------------------------------------- */

/* What went to the disk since @before. */
static void emit_written(struct cmd_ctx *c, const struct disk *before)
{
	const struct disk *d = c->k->disk;
	uint64_t pages =
		(d->sectors_written - before->sectors_written) / BLOCK_SECTORS;
	uint64_t requests = d->writes - before->writes;

	res_line(c->r);
	res_u64(c->r, "pages", "%s", pages);
	res_text(c->r, COL_PLAIN, "~ page%s written", pages == 1 ? "" : "s");
	if (!pages)
		return;
	res_u64(c->r, "requests", "~ in %s", requests);
	res_text(c->r, COL_PLAIN, "~ request%s", requests == 1 ? "" : "s");
}

static int fsync_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, rc;
	struct disk before = *c->k->disk;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "fsync", NULL);
	cmd_arg_fd(&sc, task, fd);
	rc = ksys_fsync(c->k, task, fd);
	syscall_end(&sc, rc);
	if (rc < 0)
		return cmd_fd_failed(c, fd, rc);
	emit_written(c, &before);
	return 0;
}

static int sync_run(struct cmd_ctx *c)
{
	struct disk before = *c->k->disk;
	struct syscall sc;

	syscall_begin(&sc, c, "sync", NULL);
	ksys_sync(c->k);
	syscall_end(&sc, 0);
	emit_written(c, &before);
	return 0;
}

static unsigned msync_flags(struct cmd_ctx *c)
{
	unsigned flags = (cmd_opt(c, 'a') ? LX_MS_ASYNC : 0) |
			 (cmd_opt(c, 's') ? LX_MS_SYNC : 0) |
			 (cmd_opt(c, 'i') ? LX_MS_INVALIDATE : 0);

	return flags ? flags : LX_MS_SYNC;
}

static int msync_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	unsigned flags = msync_flags(c);
	struct disk before = *c->k->disk;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "msync", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	syscall_flags(&sc, "flags", syscall_msync, flags);
	rc = do_msync(c->k, task->mm, va, len, flags);
	syscall_end(&sc, rc);
	if (rc == 0)
		emit_written(c, &before);
	if (rc == 0)
		return 0;
	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)len);
	if (rc == -EBUSY)
		err_hint(c->err, "MS_INVALIDATE of a locked area");
	else if (rc == -ENOMEM)
		err_hint(c->err, "there is a hole; what is mapped around it was"
				 " written");
	return -1;
}

/* --- fadvise, readahead --------------------------------------------------- */

static const char *const fadvise_name[] = {
	"NORMAL",   "RANDOM",  "SEQUENTIAL", "WILLNEED",
	"DONTNEED", "NOREUSE", NULL,
};

static const char *fadvise_word(unsigned i)
{
	return fadvise_name[i];
}

static void emit_cached(struct cmd_ctx *c, const struct task_struct *task,
			int fd)
{
	const struct inode *inode = fget(task, fd)->f_inode;

	res_line(c->r);
	res_u64(c->r, "cached", "%s", inode->mapping.nrpages);
	res_u64(c->r, "pages", "~ of %s pages cached", file_pages(inode));
}

static int fadvise_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, advice = 0, rc;
	int64_t off = c->arg[1].value.n, len = c->arg[2].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	while (fadvise_name[advice] &&
	       strcasecmp(c->arg[3].str, fadvise_name[advice]))
		advice++;
	if (!fadvise_name[advice])
		return err_set(c->err, ERR_USER,
			       "\"%s\" is no advice that fadvise knows",
			       c->arg[3].str);
	syscall_begin(&sc, c, "fadvise64", NULL);
	cmd_arg_fd(&sc, task, fd);
	syscall_int(&sc, "offset", off);
	syscall_int(&sc, "len", len);
	syscall_text(&sc, "advice", "POSIX_FADV_%s", fadvise_name[advice]);
	rc = ksys_fadvise(c->k, task, fd, off, len, advice);
	syscall_end(&sc, rc);
	if (rc < 0)
		return cmd_fd_failed(c, fd, rc);
	emit_cached(c, task, fd);
	return 0;
}

static int readahead_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, rc;
	int64_t off = c->arg[1].value.n;
	uint64_t count = c->arg[2].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "readahead", NULL);
	cmd_arg_fd(&sc, task, fd);
	syscall_int(&sc, "offset", off);
	syscall_num(&sc, "count", count);
	rc = ksys_readahead(c->k, task, fd, off, count);
	syscall_end(&sc, rc);
	if (rc < 0)
		return cmd_fd_failed(c, fd, rc);
	emit_cached(c, task, fd);
	return 0;
}

/* --- rows ----------------------------------------------------------------- */

const struct command cmd_pagecache = {
	.name = "pagecache",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL,
	.help = "a picture of a file's page cache, a glyph a page",
	.details = "Capital letters are pages that somebody maps. Of what is "
		   "not cached a hole\n"
		   "needs no request to the disk. Looking reads nothing.",
	.example = "pagecache /init",
	.arg = { { "PATH|FD", ARG_FILE } },
	.run = pagecache_run,
};

const struct command cmd_blkstat = {
	.name = "blkstat",
	.alias = "iostat",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "requests to the disk so far, as /proc/diskstats counts them",
	.details =
		"Pages that lie side by side are one request of at most 1280K; "
		"a sector has\n"
		"512 bytes. Imported files count as if they lay on the disk.",
	.example = "blkstat",
	.opt = { { 'a', "read-ahead", ARG_NUM, "KB",
		   "readahead of files opened from now on, 128 at boot" },
		 { 'z', "zero", ARG_FLAG, NULL, "begin at 0 again" } },
	.run = blkstat_run,
};

const struct command cmd_fsync = {
	.name = "fsync",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "write the dirty pages of an open file to the disk",
	.details = "Shared entries of these pages become clean and read-only, "
		   "so that the next\n"
		   "store faults and makes the page dirty again.",
	.arg = { { "FD", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = fsync_run,
};

const struct command cmd_sync = {
	.name = "sync",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "write all dirty pages to the disk",
	.details =
		"There is no clock: nothing is written before somebody asks.",
	.example = "sync",
	.run = sync_run,
};

const struct command cmd_msync = {
	.name = "msync",
	.group = "process memory",
	.flags = FILES_FLAGS,
	.help = "write what shared areas of a range have made dirty",
	.details = "MS_SYNC without an option; MS_ASYNC writes nothing, as in "
		   "Linux.",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.opt = { { 'a', "async", ARG_FLAG, NULL, "MS_ASYNC" },
		 { 's', "sync", ARG_FLAG, NULL, "MS_SYNC" },
		 { 'i', "invalidate", ARG_FLAG, NULL, "MS_INVALIDATE" },
		 CMD_OPT_PID },
	.run = msync_run,
};

const struct command cmd_fadvise = {
	.name = "fadvise",
	.alias = "posix_fadvise",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "say how a file will be read",
	.details = "ADVICE is NORMAL, RANDOM, SEQUENTIAL, WILLNEED (read now), "
		   "DONTNEED (drop\n"
		   "what is clean and not mapped) or NOREUSE. LEN 0 is up to "
		   "the end.",
	.arg = { { "FD", ARG_NUM },
		 { "OFF", ARG_NUM },
		 { "LEN", ARG_NUM },
		 { "ADVICE", ARG_WORD } },
	.opt = { CMD_OPT_PID },
	.word = fadvise_word,
	.run = fadvise_run,
};

const struct command cmd_readahead = {
	.name = "readahead",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "read a range of a file into the page cache",
	.arg = { { "FD", ARG_NUM }, { "OFF", ARG_NUM }, { "LEN", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = readahead_run,
};
