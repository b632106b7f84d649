/*
 * rtld_elf.c - what the dynamic loader reads of ELF files and of ld.so.cache
 * (glibc 2.36 elf/dl-load.c, dl-version.c, sysdeps/generic/dl-cache.h).
 *
 * Files that lie are refused or read short; nothing is trusted. Left out:
 * hardware capability directories, audit modules, DT_GNU_HASH itself.
 */
#include <errno.h>
#include <string.h>

#include "kernel/rtld_internal.h"

#define MAX_SEGS     64
#define MAX_DYN	     512
#define MAX_VERSIONS 4096
#define CACHE_MAGIC  "glibc-ld.so.cache1.1"

static bool rd(struct kernel *k, struct file *f, uint64_t off, void *buf,
	       uint64_t len)
{
	return file_read(k, f, off, buf, len) == (int64_t)len;
}

static char *dup_string(struct kernel *k, struct file *f, uint64_t off)
{
	char buf[RTLD_PATH_MAX];
	int64_t n = file_read(k, f, off, buf, sizeof(buf) - 1);
	char *s;

	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	s = strdup(buf);
	if (!s)
		abort();
	return s;
}

/* --- headers ----------------------------------------------------------------
 */

static int read_ehdr(struct kernel *k, struct file *f, struct rtld_obj *o,
		     uint64_t *phoff)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h;

	o->word = k->arch->elf_class == ELFCLASS64 ? 8 : 4;
	if (!rd(k, f, 0, &h, o->word == 8 ? sizeof(h.e64) : sizeof(h.e32)) ||
	    memcmp(&h, ELFMAG, SELFMAG) != 0 ||
	    h.e64.e_ident[EI_CLASS] != k->arch->elf_class ||
	    h.e64.e_machine != k->arch->elf_machine)
		return -ENOEXEC;
	o->type = h.e64.e_type;
	o->entry = o->word == 8 ? h.e64.e_entry : h.e32.e_entry;
	*phoff = o->word == 8 ? h.e64.e_phoff : h.e32.e_phoff;
	o->nseg = o->word == 8 ? h.e64.e_phnum : h.e32.e_phnum;
	return o->nseg && o->nseg <= MAX_SEGS ? 0 : -ENOEXEC;
}

static bool read_seg(struct kernel *k, struct file *f, unsigned word,
		     uint64_t off, struct rtld_seg *s)
{
	Elf64_Phdr p;
	Elf32_Phdr q;

	if (word == 8) {
		if (!rd(k, f, off, &p, sizeof(p)))
			return false;
		*s = (struct rtld_seg){ p.p_type,  p.p_flags,  p.p_offset,
					p.p_vaddr, p.p_filesz, p.p_memsz,
					p.p_align };
		return true;
	}
	if (!rd(k, f, off, &q, sizeof(q)))
		return false;
	*s = (struct rtld_seg){ q.p_type,   q.p_flags, q.p_offset, q.p_vaddr,
				q.p_filesz, q.p_memsz, q.p_align };
	return true;
}

const struct rtld_seg *rtld_seg(const struct rtld_obj *o, uint32_t type)
{
	for (unsigned i = 0; i < o->nseg; i++)
		if (o->seg[i].type == type)
			return &o->seg[i];
	return NULL;
}

/* Where in the file an address of the object is. */
static bool file_offset(const struct rtld_obj *o, uint64_t vaddr, uint64_t *off)
{
	for (unsigned i = 0; i < o->nseg; i++) {
		const struct rtld_seg *s = &o->seg[i];

		if (s->type == PT_LOAD && vaddr >= s->vaddr &&
		    vaddr - s->vaddr < s->filesz) {
			*off = vaddr - s->vaddr + s->offset;
			return true;
		}
	}
	return false;
}

/* --- the dynamic section
 * ------------------------------------------------------ */

struct dyn {
	uint64_t tag, value;
};

static unsigned read_dyn(struct kernel *k, const struct rtld_obj *o,
			 struct dyn *dyn)
{
	const struct rtld_seg *s = rtld_seg(o, PT_DYNAMIC);
	unsigned n = 0, size = 2u * o->word;

	for (; s && n < MAX_DYN && (n + 1) * size <= s->filesz; n++) {
		uint64_t raw[2] = { 0 };

		if (!rd(k, o->file, s->offset + n * size, raw, size))
			break;
		dyn[n] = o->word == 8 ? (struct dyn){ raw[0], raw[1] }
				      : (struct dyn){ (uint32_t)raw[0],
						      raw[0] >> 32 };
		if (!dyn[n].tag)
			break;
	}
	return n;
}

static uint64_t dyn_value(const struct dyn *dyn, unsigned n, uint64_t tag)
{
	for (unsigned i = 0; i < n; i++)
		if (dyn[i].tag == tag)
			return dyn[i].value;
	return 0;
}

/* The highest index that the needed versions have. */
static unsigned verneed_high(struct kernel *k, const struct rtld_obj *o,
			     uint64_t off, uint64_t count)
{
	unsigned high = 0, left = MAX_VERSIONS;
	Elf64_Verneed need;
	Elf64_Vernaux aux;

	for (; count && rd(k, o->file, off, &need, sizeof(need)); count--) {
		uint64_t at = off + need.vn_aux;

		for (unsigned i = 0; i < need.vn_cnt && left--; i++) {
			if (!rd(k, o->file, at, &aux, sizeof(aux)))
				return high;
			if ((aux.vna_other & 0x7fffu) > high)
				high = aux.vna_other & 0x7fffu;
			at += aux.vna_next;
		}
		if (!need.vn_next)
			break;
		off += need.vn_next;
	}
	return high;
}

static unsigned verdef_high(struct kernel *k, const struct rtld_obj *o,
			    uint64_t off, uint64_t count)
{
	Elf64_Verdef def;
	unsigned high = 0;

	for (; count && rd(k, o->file, off, &def, sizeof(def)); count--) {
		if ((def.vd_ndx & 0x7fffu) > high)
			high = def.vd_ndx & 0x7fffu;
		if (!def.vd_next)
			break;
		off += def.vd_next;
	}
	return high;
}

static unsigned versions(struct kernel *k, const struct rtld_obj *o,
			 const struct dyn *dyn, unsigned n)
{
	unsigned high = 0, h;
	uint64_t off;

	if (file_offset(o, dyn_value(dyn, n, DT_VERNEED), &off))
		high = verneed_high(k, o, off,
				    dyn_value(dyn, n, DT_VERNEEDNUM));
	if (file_offset(o, dyn_value(dyn, n, DT_VERDEF), &off)) {
		h = verdef_high(k, o, off, dyn_value(dyn, n, DT_VERDEFNUM));
		high = h > high ? h : high;
	}
	return high;
}

static void add_needed(struct rtld_obj *o, char *name)
{
	if (!name)
		return;
	o->needed = xrealloc(o->needed, (o->nneeded + 1) * sizeof(char *));
	o->needed[o->nneeded++] = name;
}

static void read_names(struct kernel *k, struct rtld_obj *o,
		       const struct dyn *dyn, unsigned n)
{
	uint64_t strtab;

	if (!file_offset(o, dyn_value(dyn, n, DT_STRTAB), &strtab))
		return;
	for (unsigned i = 0; i < n; i++) {
		char **to = dyn[i].tag == DT_SONAME    ? &o->soname
			    : dyn[i].tag == DT_RUNPATH ? &o->runpath
			    : dyn[i].tag == DT_RPATH   ? &o->rpath
						       : NULL;

		if (dyn[i].tag == DT_NEEDED)
			add_needed(o, dup_string(k, o->file,
						 strtab + dyn[i].value));
		else if (to && !*to)
			*to = dup_string(k, o->file, strtab + dyn[i].value);
	}
}

int rtld_read(struct kernel *k, struct file *file, struct rtld_obj *o)
{
	struct dyn dyn[MAX_DYN];
	uint64_t phoff;
	unsigned n;
	int err;

	o->file = get_file(file);
	err = read_ehdr(k, file, o, &phoff);
	if (err)
		return err;
	o->seg = xcalloc(o->nseg, sizeof(*o->seg));
	for (unsigned i = 0; i < o->nseg; i++)
		if (!read_seg(k, file, o->word,
			      phoff + i * (o->word == 8 ? sizeof(Elf64_Phdr)
							: sizeof(Elf32_Phdr)),
			      &o->seg[i]))
			return -ENOEXEC;
	n = read_dyn(k, o, dyn);
	read_names(k, o, dyn, n);
	o->versions = versions(k, o, dyn, n);
	return 0;
}

void rtld_free(struct kernel *k, struct rtld_obj *o)
{
	fput(k, o->file);
	for (unsigned i = 0; i < o->nneeded; i++)
		free(o->needed[i]);
	free(o->needed);
	free(o->name);
	free(o->path);
	free(o->soname);
	free(o->runpath);
	free(o->rpath);
	free(o->seg);
}

/* --- /etc/ld.so.cache
 * ---------------------------------------------------------- */

struct cache_header {
	char magic[20];
	uint32_t nlibs, len_strings;
	uint8_t flags, pad[3];
	uint32_t extension_offset, unused[3];
};

struct cache_entry {
	int32_t flags;
	uint32_t key, value, osversion;
	uint64_t hwcap;
};

/* FLAG_ELF_LIBC6, and FLAG_X8664_LIB64 for x86-64. */
static int32_t cache_flags(unsigned word)
{
	return word == 8 ? 0x0303 : 0x0003;
}

static bool string_is(struct kernel *k, struct file *f, uint64_t off,
		      const char *name)
{
	char buf[128];
	size_t len = strlen(name) + 1;

	return len <= sizeof(buf) && rd(k, f, off, buf, len) &&
	       memcmp(buf, name, len) == 0;
}

int rtld_cache_lookup(struct kernel *k, struct file *cache, const char *name,
		      unsigned word, char path[RTLD_PATH_MAX])
{
	struct cache_header h;
	struct cache_entry e;
	int64_t n;

	if (!rd(k, cache, 0, &h, sizeof(h)) ||
	    memcmp(h.magic, CACHE_MAGIC, sizeof(h.magic)) != 0)
		return -ENOENT;
	for (uint32_t i = 0; i < h.nlibs; i++) {
		if (!rd(k, cache, sizeof(h) + i * sizeof(e), &e, sizeof(e)))
			break;
		if (e.flags != cache_flags(word) || e.hwcap ||
		    !string_is(k, cache, e.key, name))
			continue;
		n = file_read(k, cache, e.value, path, RTLD_PATH_MAX - 1);
		if (n <= 0)
			break;
		path[n] = '\0';
		return 0;
	}
	return -ENOENT;
}
