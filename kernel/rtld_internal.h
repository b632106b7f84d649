/*
 * rtld_internal.h - what rtld.c and rtld_elf.c share.
 */
#ifndef KERNEL_RTLD_INTERNAL_H
#define KERNEL_RTLD_INTERNAL_H

#include <elf.h>

#include "kernel/mm_internal.h"

#define RTLD_PATH_MAX 512

struct rtld_seg { /* a program header, either class */
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz, memsz, align;
};

struct rtld_obj {
	char *name;	       /* owned: as DT_NEEDED has it; "" the program */
	char *path;	       /* owned */
	char *soname;	       /* owned, or NULL */
	char *runpath, *rpath; /* owned, or NULL */
	char **needed;	       /* owned */
	unsigned nneeded;
	struct file *file;    /* a reference */
	struct rtld_seg *seg; /* owned */
	unsigned nseg;
	uint16_t type; /* ET_DYN, ET_EXEC */
	uint64_t entry;
	va_t bias;
	unsigned versions; /* highest version index, 0: none */
	uint8_t word;
};

/* Reads headers, dynamic section and names of @file: 0 or -errno. */
int rtld_read(struct kernel *k, struct file *file, struct rtld_obj *ret);
void rtld_free(struct kernel *k, struct rtld_obj *o);
/* The segment of a type, or NULL; PT_LOAD: the first. */
const struct rtld_seg *rtld_seg(const struct rtld_obj *o, uint32_t type);
/* The path of @name in /etc/ld.so.cache: 0, -ENOENT. */
int rtld_cache_lookup(struct kernel *k, struct file *cache, const char *name,
		      unsigned word, char path[RTLD_PATH_MAX]);

#endif
