/*
 * rtld.c - the dynamic loader's system calls (glibc 2.36 elf/rtld.c, dl-load.c,
 * dl-map-segments.h, dl-minimal-malloc.c, dl-deps.c, dl-reloc.c).
 *
 * This is no part of Linux but the program that Linux starts first. It is not
 * run; what it asks of the kernel is asked here, in its order, because that
 * decides where things are:
 *
 *	its heap		what is left of its last page, then two pages
 *more /etc/ld.so.cache	mapped when a library must be searched
 *	each library		all of it by the first segment, the others and
 *the bss over that; the order is breadth first TLS			of the
 *first thread, in that heap relro			read-only after
 *relocation /etc/ld.so.cache	unmapped
 *
 * Then the libraries' constructors would run. Heap blocks have the sizes that
 * were measured of glibc 2.36 on a CPU of level x86-64-v4, as each shifts
 * those that follow. Left out: LD_* variables, preload, hardware capability
 * directories, prelink, executable stacks, unique symbols of C++ (their table
 * is in that heap), audit, text relocations; i386 sizes are estimates.
 */
#include "kernel/rtld.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/rtld_internal.h"

#define MAX_OBJS	     256
#define CACHE_PATH	     "/etc/ld.so.cache"
#define TLS_ALIGN	     64
#define DTV_SURPLUS	     14
#define TLS_SLOTINFO_SURPLUS 62

/* Sizes of the loader's own objects. */
static const struct rtld_abi {
	uint16_t link_map, audit; /* an object; room for 16 auditors */
	uint16_t init_paths[4];	  /* _dl_init_paths() */
	uint16_t slotinfo;	  /* entry of dtv_slotinfo, and of dtv */
	uint16_t version, vdso_versions;
	uint16_t tcb, tls_surplus;
	uint16_t sort; /* a map, in what sorts them */
	const char *const dirs[5];
} abis[] = {
	{ .link_map = 620,
	  .audit = 128,
	  .init_paths = { 24, 262, 20, 300 },
	  .slotinfo = 8,
	  .version = 16,
	  .vdso_versions = 4,
	  .tcb = 1216,
	  .tls_surplus = 1728,
	  .sort = 16,
	  .dirs = { "/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu", "/lib32",
		    "/usr/lib32" } },
	{ .link_map = 1224,
	  .audit = 256,
	  .init_paths = { 48, 274, 40, 480 },
	  .slotinfo = 16,
	  .version = 24,
	  .vdso_versions = 3,
	  .tcb = 2304,
	  .tls_surplus = 1728,
	  .sort = 32,
	  .dirs = { "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
		    "/lib", "/usr/lib" } },
};

struct rtld {
	struct kernel *k;
	struct mm_struct *mm;
	const struct rtld_abi *abi;
	struct rtld_obj obj[MAX_OBJS]; /* [0] is the program */
	unsigned nobj;
	struct rtld_obj ld; /* the loader itself */
	bool ld_needed;
	va_t alloc_ptr, alloc_end; /* its heap */
	struct file *cache;
	va_t cache_va;
	char *why;
};

static int fail(struct rtld *r, int err, const char *name, const char *what)
{
	snprintf(r->why, 200, "%.120s: %s", name, what);
	return err;
}

/* --- the heap --------------------------------------------------------------
 */

static int map_anon(struct rtld *r, va_t at, uint64_t len, unsigned prot,
		    unsigned flags, va_t *ret)
{
	return do_mmap(r->k, r->mm, NULL, at, len, prot,
		       LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | flags, 0, ret);
}

/* __minimal_malloc(): nothing is ever given back. */
static int rtld_malloc(struct rtld *r, uint64_t n)
{
	uint64_t nup = PAGE_ALIGN(n) + PAGE_SIZE;
	va_t page;
	int err;

	r->alloc_ptr = (r->alloc_ptr + 15) & ~(va_t)15;
	if (r->alloc_ptr + n >= r->alloc_end) {
		err = map_anon(r, 0, nup, LX_PROT_READ | LX_PROT_WRITE, 0,
			       &page);
		if (err)
			return err;
		if (page != r->alloc_end)
			r->alloc_ptr = page;
		r->alloc_end = page + nup;
	}
	r->alloc_ptr += n;
	return 0;
}

static int malloc_all(struct rtld *r, const uint16_t *sizes, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = rtld_malloc(r, sizes[i]);
	return err;
}

/* --- mapping an object -------------------------------------------------------
 */

static unsigned seg_prot(const struct rtld_seg *s)
{
	return (s->flags & PF_R ? LX_PROT_READ : 0) |
	       (s->flags & PF_W ? LX_PROT_WRITE : 0) |
	       (s->flags & PF_X ? LX_PROT_EXEC : 0);
}

static const struct rtld_seg *last_load(const struct rtld_obj *o)
{
	const struct rtld_seg *last = NULL;

	for (unsigned i = 0; i < o->nseg; i++)
		if (o->seg[i].type == PT_LOAD)
			last = &o->seg[i];
	return last;
}

static uint64_t max_align(const struct rtld_obj *o)
{
	uint64_t max = PAGE_SIZE;

	for (unsigned i = 0; i < o->nseg; i++)
		if (o->seg[i].type == PT_LOAD && o->seg[i].align > max)
			max = o->seg[i].align;
	return max & (max - 1) ? PAGE_SIZE : max;
}

static int map_file(struct rtld *r, const struct rtld_obj *o, va_t at,
		    uint64_t len, const struct rtld_seg *s, unsigned flags,
		    va_t *ret)
{
	return do_mmap(r->k, r->mm, o->file, at, len, seg_prot(s),
		       LX_MAP_PRIVATE | flags, s->offset >> PAGE_SHIFT, ret);
}

/* _dl_map_segment(): room for all, in one piece, aligned. */
static int map_first(struct rtld *r, const struct rtld_obj *o,
		     const struct rtld_seg *s, uint64_t len, va_t *ret)
{
	uint64_t align = max_align(o), room = len + align;
	va_t at, start;
	int err;

	if (align == PAGE_SIZE)
		return map_file(r, o, 0, len, s, 0, ret);
	if (len < align)
		room = 2 * align;
	err = map_anon(r, 0, room, 0, 0, &at);
	if (err)
		return err;
	start = (at + align - 1) & ~(align - 1);
	err = map_file(r, o, start, len, s, LX_MAP_FIXED, ret);
	if (!err && start > at)
		err = do_munmap(r->k, r->mm, at, start - at);
	if (!err && at + room > start + PAGE_ALIGN(len))
		err = do_munmap(r->k, r->mm, start + PAGE_ALIGN(len),
				at + room - start - PAGE_ALIGN(len));
	return err;
}

/* The rest of the last page is zeroed, whole pages are anonymous. */
static int map_bss(struct rtld *r, const struct rtld_obj *o,
		   const struct rtld_seg *s)
{
	va_t zero = o->bias + s->vaddr + s->filesz;
	va_t end = o->bias + s->vaddr + s->memsz, page = PAGE_ALIGN(zero);
	static const char zeroes[PAGE_SIZE];
	va_t at;
	int err = 0;

	if (page > end)
		page = end;
	if (page > zero && (s->flags & PF_W))
		err = access_remote_vm(r->k, r->mm, zero, (char *)zeroes,
				       page - zero, true);
	if (err || end <= page)
		return err;
	return map_anon(r, page, end - page, seg_prot(s), LX_MAP_FIXED, &at);
}

/* Segments that do not touch: what lies between them is PROT_NONE. */
static bool has_holes(const struct rtld_obj *o)
{
	va_t end = 0;

	for (unsigned i = 0; i < o->nseg; i++) {
		const struct rtld_seg *s = &o->seg[i];

		if (s->type != PT_LOAD)
			continue;
		if (end && end != (s->vaddr & PAGE_MASK))
			return true;
		end = PAGE_ALIGN(s->vaddr + s->filesz);
	}
	return false;
}

static int map_others(struct rtld *r, const struct rtld_obj *o,
		      const struct rtld_seg *first)
{
	int err = 0;
	va_t at;

	for (unsigned i = 0; i < o->nseg && !err; i++) {
		const struct rtld_seg *s = &o->seg[i];
		va_t start = s->vaddr & PAGE_MASK;
		va_t end = PAGE_ALIGN(s->vaddr + s->filesz);

		if (s->type != PT_LOAD)
			continue;
		if (s != first && end > start)
			err = map_file(r, o, o->bias + start, end - start, s,
				       LX_MAP_FIXED, &at);
		if (!err && s->memsz > s->filesz)
			err = map_bss(r, o, s);
	}
	return err;
}

/* _dl_map_segments() */
static int map_object(struct rtld *r, struct rtld_obj *o)
{
	const struct rtld_seg *first = rtld_seg(o, PT_LOAD);
	const struct rtld_seg *last = last_load(o);
	va_t start, end, at = 0;
	int err;

	if (!first || o->type != ET_DYN || last->vaddr < first->vaddr)
		return fail(r, -ELIBBAD, o->name, "no shared object");
	start = first->vaddr & PAGE_MASK;
	err = map_first(r, o, first, last->vaddr + last->memsz - start, &at);
	o->bias = at - start;
	end = PAGE_ALIGN(first->vaddr + first->filesz);
	if (!err && has_holes(o) && (last->vaddr & PAGE_MASK) > end)
		err = do_mprotect(r->k, r->mm, o->bias + end,
				  (last->vaddr & PAGE_MASK) - end, 0);
	if (!err)
		err = map_others(r, o, first);
	return err ? fail(r, err, o->path, "cannot be mapped") : 0;
}

/* --- finding a library
 * --------------------------------------------------------- */

static bool is_loaded(struct rtld *r, const struct rtld_obj *o,
		      const char *name)
{
	return strcmp(o->name, name) == 0 ||
	       (o->soname && strcmp(o->soname, name) == 0);
}

/* "$ORIGIN/../lib" -> "/opt/bin/../lib"; of an object in /opt/bin. */
static void expand(const struct rtld_obj *of, const char *dir, size_t len,
		   const char *name, char path[RTLD_PATH_MAX])
{
	const char *slash = strrchr(of->path, '/');
	size_t skip = 0;
	int origin = 0;

	if (len >= 9 && memcmp(dir, "${ORIGIN}", 9) == 0)
		skip = 9;
	else if (len >= 7 && memcmp(dir, "$ORIGIN", 7) == 0)
		skip = 7;
	if (skip && slash)
		origin = (int)(slash - of->path);
	snprintf(path, RTLD_PATH_MAX, "%.*s%.*s/%s", origin, of->path,
		 (int)(len - skip), dir + skip, name);
}

static bool try_open(struct rtld *r, const char *path, struct file **ret)
{
	return file_open(r->k, path, ret) == 0;
}

static bool search_dirs(struct rtld *r, const struct rtld_obj *of,
			const char *dirs, const char *name,
			char path[RTLD_PATH_MAX], struct file **ret)
{
	for (; dirs && *dirs; dirs += dirs[strcspn(dirs, ":")] == ':') {
		size_t len = strcspn(dirs, ":");

		expand(of, dirs, len, name, path);
		if (try_open(r, path, ret))
			return true;
		dirs += len;
	}
	return false;
}

/* The cache is mapped when it is first asked, for as long as it is needed. */
static int map_cache(struct rtld *r)
{
	int err;

	if (r->cache || !try_open(r, CACHE_PATH, &r->cache))
		return 0;
	err = do_mmap(r->k, r->mm, r->cache, 0, file_inode(r->cache)->size,
		      LX_PROT_READ, LX_MAP_PRIVATE, 0, &r->cache_va);
	return err ? fail(r, err, CACHE_PATH, "cannot be mapped") : 0;
}

static int search_cache(struct rtld *r, const char *name,
			char path[RTLD_PATH_MAX], struct file **ret)
{
	int err = map_cache(r);

	if (err || !r->cache ||
	    rtld_cache_lookup(r->k, r->cache, name, r->k->arch->word, path) ||
	    !try_open(r, path, ret))
		return err ? err : -ENOENT;
	return 0;
}

/* RPATH of the object and the program, RUNPATH, the cache, the system's. */
static int find_library(struct rtld *r, const struct rtld_obj *of,
			const char *name, char path[RTLD_PATH_MAX],
			struct file **ret)
{
	int err;

	if (strchr(name, '/')) {
		snprintf(path, RTLD_PATH_MAX, "%s", name);
		return try_open(r, path, ret) ? 0 : -ENOENT;
	}
	if (!of->runpath &&
	    (search_dirs(r, of, of->rpath, name, path, ret) ||
	     (!r->obj[0].runpath &&
	      search_dirs(r, &r->obj[0], r->obj[0].rpath, name, path, ret))))
		return 0;
	if (search_dirs(r, of, of->runpath, name, path, ret))
		return 0;
	err = search_cache(r, name, path, ret);
	for (unsigned i = 0; err == -ENOENT && r->abi->dirs[i]; i++) {
		snprintf(path, RTLD_PATH_MAX, "%s/%s", r->abi->dirs[i], name);
		if (try_open(r, path, ret))
			return 0;
	}
	return err;
}

static char *copy(const char *s)
{
	char *p = strdup(s);

	if (!p)
		abort();
	return p;
}

/* _dl_map_object(): the path, the object, its origin, then its segments. */
static int load_library(struct rtld *r, const struct rtld_obj *of,
			const char *name)
{
	struct rtld_obj *o = &r->obj[r->nobj];
	char path[RTLD_PATH_MAX];
	struct file *file;
	int err = find_library(r, of, name, path, &file);

	if (err)
		return fail(r, err, name, "cannot open shared object file");
	if (r->nobj == MAX_OBJS) {
		fput(r->k, file);
		return fail(r, -ENOMEM, name, "too many libraries");
	}
	*o = (struct rtld_obj){ .name = copy(name), .path = copy(path) };
	r->nobj++;
	err = rtld_read(r->k, file, o);
	fput(r->k, file);
	if (err)
		return fail(r, -ELIBBAD, path, "no ELF file of this class");
	err = rtld_malloc(r, strlen(path) + 1);
	if (!err)
		err = rtld_malloc(r, r->abi->link_map + strlen(name) + 1);
	if (!err)
		err = rtld_malloc(r, strlen(path) + 1);
	return err ? err : map_object(r, o);
}

static int need(struct rtld *r, const struct rtld_obj *of, const char *name)
{
	if (is_loaded(r, &r->ld, name)) {
		r->ld_needed = true;
		return 0;
	}
	for (unsigned i = 0; i < r->nobj; i++)
		if (is_loaded(r, &r->obj[i], name))
			return 0;
	return load_library(r, of, name);
}

/* _dl_map_object_deps(): breadth first. */
static int load_deps(struct rtld *r)
{
	unsigned word = r->k->arch->word;
	int err = 0;

	for (unsigned i = 0; i < r->nobj && !err; i++) {
		struct rtld_obj *o = &r->obj[i];

		for (unsigned j = 0; j < o->nneeded && !err; j++)
			err = need(r, o, o->needed[j]);
		if (!err && i && o->nneeded)
			err = rtld_malloc(r, (2 * (o->nneeded + 1) + 1) * word);
	}
	if (!err)
		err = rtld_malloc(r, (2 * (r->nobj + 1) + 1) * word);
	return err;
}

/* --- the rest ---------------------------------------------------------------
 */

static int check_versions(struct rtld *r)
{
	unsigned size = r->abi->version;
	int err = 0;

	for (unsigned i = 0; i < r->nobj && !err; i++) {
		if (r->obj[i].versions)
			err = rtld_malloc(r, (r->obj[i].versions + 1) * size);
		if (!err && i == 0)
			err = rtld_malloc(r, r->abi->vdso_versions * size);
	}
	return err ? err : rtld_malloc(r, (r->ld.versions + 1) * size);
}

/* Thread-local storage of the first thread, and its thread control block. */
static int init_tls(struct rtld *r)
{
	uint64_t used = 0, align = TLS_ALIGN, modules = 0, size;
	int err;

	for (unsigned i = 0; i < r->nobj; i++) {
		const struct rtld_seg *s = rtld_seg(&r->obj[i], PT_TLS);
		uint64_t a = s && s->align ? s->align : 1;

		if (!s || !s->memsz || (a & (a - 1)) || s->memsz > GiB)
			continue;
		used = (used + s->memsz + a - 1) & ~(a - 1);
		align = a > align ? a : align;
		modules++;
	}
	size = ((used + r->abi->tls_surplus + align - 1) & ~(align - 1)) +
	       r->abi->tcb + align + r->k->arch->word;
	err = rtld_malloc(r, r->abi->slotinfo *
				     (modules + 2 + TLS_SLOTINFO_SURPLUS));
	if (!err)
		err = rtld_malloc(r, size);
	if (!err)
		err = rtld_malloc(r, r->abi->slotinfo *
					     (modules + DTV_SURPLUS + 2));
	return err ? err : rtld_malloc(r, r->abi->sort * (r->nobj + 1));
}

static int protect_relro(struct rtld *r, const struct rtld_obj *o)
{
	const struct rtld_seg *s = rtld_seg(o, PT_GNU_RELRO);
	va_t start, end;

	if (!s || !s->memsz)
		return 0;
	start = (o->bias + s->vaddr) & PAGE_MASK;
	end = (o->bias + s->vaddr + s->memsz) & PAGE_MASK;
	return end > start ? do_mprotect(r->k, r->mm, start, end - start,
					 LX_PROT_READ)
			   : 0;
}

/* After relocation, the last one first; the loader's own comes last. */
static int protect_all(struct rtld *r)
{
	int err = 0;

	for (unsigned i = r->nobj; i-- > 0 && !err;)
		err = protect_relro(r, &r->obj[i]);
	return err ? err : protect_relro(r, &r->ld);
}

/* Where the kernel has put an object whose file is mapped already. */
static int find_mapped(struct rtld *r, struct rtld_obj *o)
{
	const struct rtld_seg *first = rtld_seg(o, PT_LOAD);
	struct vm_area_struct *vma;

	for_each_vma (&r->mm->vmas, vma)
		if (first && vma->vm_file &&
		    file_inode(vma->vm_file) == file_inode(o->file)) {
			o->bias = vma->vm_start - (first->vaddr & PAGE_MASK);
			return 0;
		}
	return fail(r, -EINVAL, o->path, "is not mapped");
}

static int read_interp(struct rtld *r)
{
	const struct rtld_seg *s = rtld_seg(&r->obj[0], PT_INTERP);
	const char *slash;
	struct file *file;
	char path[RTLD_PATH_MAX] = "";
	int err;

	file_read(r->k, r->obj[0].file, s->offset, path,
		  s->filesz < sizeof(path) ? s->filesz : sizeof(path) - 1);
	err = file_open(r->k, path, &file);
	if (err)
		return fail(r, err, path, "cannot be opened");
	slash = strrchr(path, '/');
	r->ld.name = copy(slash ? slash + 1 : path);
	r->ld.path = copy(path);
	err = rtld_read(r->k, file, &r->ld);
	fput(r->k, file);
	return err ? fail(r, err, path, "is no ELF file")
		   : find_mapped(r, &r->ld);
}

/* The heap begins behind the loader's bss. */
static void init_heap(struct rtld *r)
{
	const struct rtld_seg *last = last_load(&r->ld);

	r->alloc_ptr = r->ld.bias + last->vaddr + last->memsz;
	r->alloc_end = PAGE_ALIGN(r->alloc_ptr);
}

static int load_all(struct rtld *r)
{
	int err = 0;

	init_heap(r);
	for (int i = 0; i < 2 && !err; i++) /* the program, and the vdso */
		err = rtld_malloc(r, r->abi->link_map + r->abi->audit + 1);
	if (!err)
		err = malloc_all(r, r->abi->init_paths, 4);
	if (!err)
		err = load_deps(r);
	if (!err)
		err = check_versions(r);
	if (!err)
		err = init_tls(r);
	if (!err)
		err = protect_all(r);
	if (r->cache_va)
		do_munmap(r->k, r->mm, r->cache_va, file_inode(r->cache)->size);
	return err;
}

static int run(struct rtld *r, struct task_struct *task)
{
	struct vm_area_struct *vma = find_vma(r->mm, r->mm->start_code);
	struct file *file = vma ? vma->vm_file : NULL;
	int err;

	if (!file)
		return fail(r, -ENOEXEC, task->comm, "has no text of a file");
	err = rtld_read(r->k, file, &r->obj[0]);
	if (err)
		return fail(r, err, file_inode(file)->path, "no ELF file");
	r->obj[0].name = copy("");
	r->obj[0].path = copy(file_inode(file)->path);
	r->nobj = 1;
	if (!rtld_seg(&r->obj[0], PT_INTERP))
		return 0;
	err = find_mapped(r, &r->obj[0]);
	if (!err)
		err = read_interp(r);
	if (!err && !rtld_seg(&r->ld, PT_LOAD))
		err = fail(r, -ELIBBAD, r->ld.path, "has no PT_LOAD");
	if (!err)
		err = load_all(r);
	if (!err)
		task->ip = r->obj[0].bias + r->obj[0].entry;
	return err;
}

int rtld_run(struct kernel *k, struct task_struct *task, rtld_fn fn, void *ctx,
	     char why[200])
{
	struct rtld *r = xcalloc(1, sizeof(*r));
	int err;

	*why = '\0';
	r->k = k;
	r->mm = task->mm;
	r->abi = &abis[k->arch->elf_class == ELFCLASS64];
	r->why = why;
	err = run(r, task);
	for (unsigned i = 1; fn && !err && i < r->nobj; i++)
		fn(ctx, r->obj[i].name, r->obj[i].path, r->obj[i].bias);
	if (fn && !err && r->ld.path)
		fn(ctx, r->ld.name, r->ld.path, r->ld.bias);
	for (unsigned i = 0; i < r->nobj; i++)
		rtld_free(k, &r->obj[i]);
	rtld_free(k, &r->ld);
	fput(k, r->cache);
	free(r);
	return err;
}
