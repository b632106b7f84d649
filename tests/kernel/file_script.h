/*
 * file_script.h - steps on files for mm_script.h. Files are those of the
 * simulation; descriptors begin at 3. Numbers are bytes, or pages: "3p".
 *
 *	:open PATH MODE	    MODE: r w + (rdwr), c creat t trunc a append x excl
 *	:memfd NAME, :pipe, :close FD, :unlink PATH
 *	:map FD A N PROT FLAGS O	mmap of page O on, as "f"
 *	:fill FD N	    N pages: all 'A', all 'B', ..., and fsync
 *	:write FD TEXT OFF, :read FD LEN OFF	the host's bytes
 *	:uwrite FD LEN OFF A, :uread FD LEN OFF A	of the process
 *	:size FD, :seek FD OFF WHENCE (a number)
 *	:ftruncate FD SIZE, :truncate PATH SIZE, :fallocate FD MODE OFF LEN
 *	:fsync FD, :sync, :msync A N FLAGS (a number)
 *	:fadvise FD OFF LEN ADVICE (a number), :readahead FD OFF LEN
 *	:drop N		    drop_caches
 *	:cached FD, :dirty FD	    which pages are in the cache
 *	:blk		    requests and pages since the last :blk
 *	:ra KB		    read_ahead_kb
 *	:remap A N PAGE	    remap_file_pages
 *	:store A BYTE, :name A	    a store; the area's name
 *	:touch A N	    reads pages: a letter each, M major m minor . none
 *
 * With '?' before it a step prints what the call returned.
 */
#ifndef TESTS_KERNEL_FILE_SCRIPT_H
#define TESTS_KERNEL_FILE_SCRIPT_H

#include "kernel/block.h"

static inline int64_t file_num(const char *s)
{
	char *end;
	int64_t n = strtoll(s, &end, 0);

	return *end == 'p' ? n * (int64_t)PAGE_SIZE : n;
}

static inline void file_result(struct mm_run *r, int64_t rc)
{
	if (!r->loud)
		return;
	if (rc < 0)
		emit(r, "%s", strerrorname_np(-rc));
	else
		emit(r, rc ? "%lld" : "ok", (long long)rc);
}

static inline int64_t fs_open(struct mm_run *r, char **arg)
{
	const char *m = arg[1];
	unsigned flags = strchr(m, '+') || strchr(m, 'c') ? LX_O_RDWR
			 : strchr(m, 'w')		  ? LX_O_WRONLY
							  : LX_O_RDONLY;

	flags |= (strchr(m, 'c') ? LX_O_CREAT : 0) |
		 (strchr(m, 't') ? LX_O_TRUNC : 0) |
		 (strchr(m, 'a') ? LX_O_APPEND : 0) |
		 (strchr(m, 'x') ? LX_O_EXCL : 0);
	return ksys_open(r->k, r->task[r->cur], arg[0], flags, 0644);
}

static inline int64_t fs_map(struct mm_run *r, char **arg)
{
	struct file *file = fget(r->task[r->cur], atoi(arg[0]));
	va_t va;

	return do_mmap(r->k, cur_mm(r), file, parse_va(r, arg[1]),
		       parse_len(arg[2]), parse_prot(arg[3]),
		       parse_flags(arg[4]), strtoull(arg[5], NULL, 0), &va);
}

static inline int64_t fs_fill(struct mm_run *r, char **arg)
{
	char page[PAGE_SIZE];
	struct iov iov = { .bytes = page };
	int64_t n = 0;

	for (int64_t i = 0; i < atoi(arg[1]) && n >= 0; i++) {
		int64_t pos = i * (int64_t)PAGE_SIZE;

		memset(page, 'A' + i % 26, PAGE_SIZE);
		n = ksys_write(r->k, r->task[r->cur], atoi(arg[0]), &iov,
			       PAGE_SIZE, &pos);
	}
	return n < 0 ? n : ksys_fsync(r->k, r->task[r->cur], atoi(arg[0]));
}

static inline int64_t fs_rw(struct mm_run *r, const char *op, char **arg)
{
	int64_t pos = file_num(arg[2]), n;
	char buf[256] = "";
	struct iov iov = { .bytes = buf };
	bool user = *op == 'u', write = !strcmp(op + user, "write");
	uint64_t len = file_num(arg[1]);

	if (user)
		iov = (struct iov){ .mm = cur_mm(r),
				    .va = parse_va(r, arg[3]) };
	else if (write)
		iov.bytes = arg[1];
	if (!user && write)
		len = strlen(arg[1]);
	n = (write ? ksys_write : ksys_read)(r->k, r->task[r->cur],
					     atoi(arg[0]), &iov, len, &pos);
	if (!user && !write && n > 0)
		emit(r, "%.*s", (int)n, buf);
	return n;
}

static inline void fs_pages(struct mm_run *r, const struct inode *inode,
			    uint64_t flag)
{
	int64_t from = -1, max = file_pages(inode);
	bool any = false;

	for (int64_t i = 0; i <= max; i++) {
		pfn_t pfn =
			i < max ? find_get_page(&inode->mapping, i) : PFN_NONE;
		bool here = pfn != PFN_NONE &&
			    (!flag || pfn_to_page(r->k, pfn)->flags & flag);

		if (here && from < 0)
			from = i;
		if (here || from < 0)
			continue;
		if (from == i - 1)
			emit(r, "%lld", (long long)from);
		else
			emit(r, "%lld-%lld", (long long)from, (long long)i - 1);
		from = -1;
		any = true;
	}
	if (!any)
		emit(r, "none");
}

static inline void fs_blk(struct mm_run *r)
{
	struct disk *d = r->k->disk;

	emit(r, "r=%llu/%llu w=%llu/%llu", (unsigned long long)d->reads,
	     (unsigned long long)d->sectors_read / BLOCK_SECTORS,
	     (unsigned long long)d->writes,
	     (unsigned long long)d->sectors_written / BLOCK_SECTORS);
	d->reads = d->sectors_read = d->writes = d->sectors_written = 0;
}

static inline void fs_touch(struct mm_run *r, char **arg)
{
	char got[512];
	int n = atoi(arg[1]);

	for (int i = 0; i < n; i++) {
		touch(r, ACCESS_READ, parse_va(r, arg[0]) + i * (va_t)PAGE_SIZE,
		      1);
		got[i] = r->last.sig.signo ? 'X'
			 : r->last.maj_flt ? 'M'
			 : r->last.min_flt ? 'm'
					   : '.';
	}
	emit(r, "%.*s", n, got);
}

static inline int64_t fs_store(struct mm_run *r, char **arg)
{
	uint8_t byte = atoi(arg[1]);

	user_access(r->k, r->cur, ACCESS_WRITE, true, parse_va(r, arg[0]),
		    &byte, 1, &r->last);
	return 0;
}

static inline const struct inode *fs_inode(struct mm_run *r, const char *fd)
{
	return fget(r->task[r->cur], atoi(fd))->f_inode;
}

/* What says something by itself; false: not one of these. */
static inline bool fs_look(struct mm_run *r, const char *op, char **arg)
{
	if (!strcmp(op, "cached"))
		fs_pages(r, fs_inode(r, arg[0]), 0);
	else if (!strcmp(op, "dirty"))
		fs_pages(r, fs_inode(r, arg[0]), PG_dirty);
	else if (!strcmp(op, "size"))
		emit(r, "%llu", (unsigned long long)fs_inode(r, arg[0])->size);
	else if (!strcmp(op, "blk"))
		fs_blk(r);
	else if (!strcmp(op, "touch"))
		fs_touch(r, arg);
	else if (!strcmp(op, "name"))
		emit(r, "%s",
		     vma_name(find_vma(cur_mm(r), parse_va(r, arg[0]))));
	else
		return false;
	return true;
}

static inline int64_t fs_sizes(struct mm_run *r, const char *op, char **arg)
{
	struct task_struct *t = r->task[r->cur];

	if (!strcmp(op, "ftruncate"))
		return ksys_ftruncate(r->k, t, atoi(arg[0]), file_num(arg[1]));
	if (!strcmp(op, "truncate"))
		return ksys_truncate(r->k, arg[0], file_num(arg[1]));
	if (!strcmp(op, "fallocate"))
		return ksys_fallocate(r->k, t, atoi(arg[0]), atoi(arg[1]),
				      file_num(arg[2]), file_num(arg[3]));
	if (!strcmp(op, "seek"))
		return ksys_lseek(r->k, t, atoi(arg[0]), file_num(arg[1]),
				  atoi(arg[2]));
	if (!strcmp(op, "fadvise"))
		return ksys_fadvise(r->k, t, atoi(arg[0]), file_num(arg[1]),
				    file_num(arg[2]), atoi(arg[3]));
	if (!strcmp(op, "readahead"))
		return ksys_readahead(r->k, t, atoi(arg[0]), file_num(arg[1]),
				      file_num(arg[2]));
	if (!strcmp(op, "msync"))
		return do_msync(r->k, cur_mm(r), parse_va(r, arg[0]),
				parse_len(arg[1]), atoi(arg[2]));
	if (!strcmp(op, "remap"))
		return do_remap_file_pages(r->k, cur_mm(r), parse_va(r, arg[0]),
					   parse_len(arg[1]), atoi(arg[2]));
	fail_msg("unknown step :%s", op);
	return 0;
}

static inline int64_t fs_call(struct mm_run *r, const char *op, char **arg)
{
	struct task_struct *t = r->task[r->cur];
	int fd[2];

	if (!strcmp(op, "open"))
		return fs_open(r, arg);
	if (!strcmp(op, "memfd"))
		return ksys_memfd_create(r->k, t, arg[0], 0);
	if (!strcmp(op, "pipe"))
		return ksys_pipe(r->k, t, fd);
	if (!strcmp(op, "close"))
		return close_fd(r->k, t, atoi(arg[0]));
	if (!strcmp(op, "unlink"))
		return do_unlink(r->k, arg[0]);
	if (!strcmp(op, "map"))
		return fs_map(r, arg);
	if (!strcmp(op, "fill"))
		return fs_fill(r, arg);
	if (strstr("write read uwrite uread", op))
		return fs_rw(r, op, arg);
	if (!strcmp(op, "fsync"))
		return ksys_fsync(r->k, t, atoi(arg[0]));
	if (!strcmp(op, "store"))
		return fs_store(r, arg);
	if (!strcmp(op, "sync"))
		return ksys_sync(r->k) * 0;
	if (!strcmp(op, "drop"))
		return drop_caches(r->k, atoi(arg[0])) * 0;
	if (!strcmp(op, "ra"))
		return (r->k->disk->read_ahead_kb = atoi(arg[0])) * 0;
	return fs_sizes(r, op, arg);
}

static inline unsigned fs_arity(const char *op)
{
	static const char *const by_arity[] = {
		" pipe sync blk ",
		" memfd close unlink size fsync drop cached dirty ra name ",
		" open fill ftruncate truncate store touch ",
		" write read seek msync readahead remap ",
		" uwrite uread fallocate fadvise ",
		"",
		" map ",
	};
	char word[32];

	snprintf(word, sizeof(word), " %s ", op);
	for (unsigned i = 0; i < ARRAY_SIZE(by_arity); i++)
		if (strstr(by_arity[i], word))
			return i;
	fail_msg("unknown step :%s", op);
	return 0;
}

/* One step; @save is where strtok_r() goes on. */
static inline void file_step(struct mm_run *r, const char *op, char **save)
{
	char *arg[6];
	unsigned n = fs_arity(op);

	for (unsigned i = 0; i < n; i++)
		arg[i] = strtok_r(NULL, " ", save);
	if (!fs_look(r, op, arg))
		file_result(r, fs_call(r, op, arg));
}

#endif
