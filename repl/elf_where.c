/*
 * elf_where.c - see elf_where.h. Headers of both classes are widened to the
 * 64-bit ones; numbers from the file are only used as offsets to read at.
 */
#include "repl/elf_where.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

/* @len bytes of the file. False: it has not so many. */
static bool read_at(const struct inode *inode, uint64_t offset, void *buf,
		    size_t len)
{
	if (offset > inode->size || inode->size - offset < len)
		return false;
	if (inode->bytes) {
		memcpy(buf, inode->bytes + offset, len);
		return true;
	}
	return inode->fd >= 0 &&
	       pread(inode->fd, buf, len, offset) == (ssize_t)len;
}

#define WIDEN(to, from, field) ((to)->field = (from)->field)

static bool read_header(const struct inode *inode, Elf64_Ehdr *h)
{
	Elf32_Ehdr h32;

	if (!read_at(inode, 0, &h32, sizeof(h32)) ||
	    memcmp(h32.e_ident, ELFMAG, SELFMAG))
		return false;
	if (h32.e_ident[EI_CLASS] == ELFCLASS64)
		return read_at(inode, 0, h, sizeof(*h));
	memcpy(h->e_ident, h32.e_ident, sizeof(h->e_ident));
	WIDEN(h, &h32, e_phoff);
	WIDEN(h, &h32, e_shoff);
	WIDEN(h, &h32, e_phentsize);
	WIDEN(h, &h32, e_phnum);
	WIDEN(h, &h32, e_shentsize);
	WIDEN(h, &h32, e_shnum);
	WIDEN(h, &h32, e_shstrndx);
	return true;
}

static bool read_phdr(const struct inode *inode, const Elf64_Ehdr *h,
		      unsigned i, Elf64_Phdr *p)
{
	uint64_t at = h->e_phoff + (uint64_t)i * h->e_phentsize;
	Elf32_Phdr p32;

	if (h->e_ident[EI_CLASS] == ELFCLASS64)
		return read_at(inode, at, p, sizeof(*p));
	if (!read_at(inode, at, &p32, sizeof(p32)))
		return false;
	WIDEN(p, &p32, p_type);
	WIDEN(p, &p32, p_flags);
	WIDEN(p, &p32, p_offset);
	WIDEN(p, &p32, p_filesz);
	return true;
}

static bool read_shdr(const struct inode *inode, const Elf64_Ehdr *h,
		      unsigned i, Elf64_Shdr *s)
{
	uint64_t at = h->e_shoff + (uint64_t)i * h->e_shentsize;
	Elf32_Shdr s32;

	if (h->e_ident[EI_CLASS] == ELFCLASS64)
		return read_at(inode, at, s, sizeof(*s));
	if (!read_at(inode, at, &s32, sizeof(s32)))
		return false;
	WIDEN(s, &s32, sh_name);
	WIDEN(s, &s32, sh_type);
	WIDEN(s, &s32, sh_flags);
	WIDEN(s, &s32, sh_offset);
	WIDEN(s, &s32, sh_size);
	return true;
}

static void find_segment(const struct inode *inode, const Elf64_Ehdr *h,
			 uint64_t offset, struct elf_where *ret)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < h->e_phnum; i++) {
		if (!read_phdr(inode, h, i, &p))
			return;
		if (p.p_type != PT_LOAD || offset - p.p_offset >= p.p_filesz)
			continue;
		ret->segment = i;
		ret->flags[0] = p.p_flags & PF_R ? 'r' : '-';
		ret->flags[1] = p.p_flags & PF_W ? 'w' : '-';
		ret->flags[2] = p.p_flags & PF_X ? 'x' : '-';
		return;
	}
}

static void name_section(const struct inode *inode, const Elf64_Ehdr *h,
			 const Elf64_Shdr *s, struct elf_where *ret)
{
	Elf64_Shdr names;

	if (!read_shdr(inode, h, h->e_shstrndx, &names))
		return;
	for (size_t i = 0; i + 1 < sizeof(ret->section); i++) {
		if (!read_at(inode, names.sh_offset + s->sh_name + i,
			     &ret->section[i], 1))
			ret->section[i] = 0;
		if (!ret->section[i])
			return;
	}
}

static void find_section(const struct inode *inode, const Elf64_Ehdr *h,
			 uint64_t offset, struct elf_where *ret)
{
	Elf64_Shdr s;

	for (unsigned i = 1; i < h->e_shnum; i++) {
		if (!read_shdr(inode, h, i, &s))
			return;
		if (s.sh_type == SHT_NOBITS || !(s.sh_flags & SHF_ALLOC) ||
		    offset - s.sh_offset >= s.sh_size)
			continue;
		name_section(inode, h, &s, ret);
		return;
	}
}

bool elf_where(const struct inode *inode, uint64_t offset,
	       struct elf_where *ret)
{
	Elf64_Ehdr h = { 0 };

	*ret = (struct elf_where){ .segment = -1 };
	if (!read_header(inode, &h))
		return false;
	find_segment(inode, &h, offset, ret);
	find_section(inode, &h, offset, ret);
	return true;
}
