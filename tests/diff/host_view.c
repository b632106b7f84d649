/*
 * host_view.c - smaps and pagemap of the workers, as the host tells them.
 */
#include "tests/diff/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A whole file of /proc/PID, 0-terminated; in *ret, which grows. */
static bool slurp(pid_t pid, const char *name, char **ret)
{
	static char *buf;
	static size_t size;
	char path[64];
	size_t n = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do {
		if (size - n < 65536) {
			size = size * 2 + 131072;
			buf = realloc(buf, size);
		}
		got = read(fd, buf + n, size - n - 1);
		n += got > 0 ? got : 0;
	} while (got > 0);
	close(fd);
	buf[n] = 0;
	*ret = buf;
	return n > 0;
}

uint64_t host_find_top(pid_t pid)
{
	char *text, *save;

	if (!slurp(pid, "maps", &text))
		return 0;
	for (char *l = strtok_r(text, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		uint64_t start = strtoull(l, NULL, 16);

		if (start > ARENA_END)
			return start;
	}
	return 0;
}

/* --- smaps
 * -------------------------------------------------------------------- */

static bool in_windows(const struct host *h, uint64_t start, uint64_t end)
{
	return (start >= ARENA && end <= ARENA_END) ||
	       (end > h->heap && end < h->heap + HEAP_SIZE) ||
	       (start >= h->top - TOP_SIZE && end <= h->top);
}

/* "7f00-7f01 rw-p 00000000 00:00 0    [heap]": of a window? */
static bool parse_header(const struct host *h, char *line, struct obs_vma *v,
			 bool *clipped)
{
	uint64_t start, end, offset;
	char perms[5], name[256] = "", *slash;

	if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %255[^\n]", &start, &end,
		   perms, &offset, name) < 4 ||
	    !in_windows(h, start, end))
		return false;
	memset(v, 0, sizeof(*v));
	*clipped = start < h->heap && end > h->heap;
	if (*clipped)
		start = h->heap;
	v->start = host_canonical(h, start);
	v->end = end == h->top ? TOP : host_canonical(h, end);
	v->offset = offset;
	memcpy(v->perms, perms, sizeof(perms));
	slash = strrchr(name, '/');
	snprintf(v->name, sizeof(v->name), "%.39s", slash ? slash + 1 : name);
	return true;
}

static void parse_flags(const char *text, struct obs_vma *v)
{
	char copy[128], *save;

	snprintf(copy, sizeof(copy), "%s", text);
	*v->flags = 0;
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		size_t n = strlen(v->flags);

		if (strcmp(w, "sd") != 0)
			snprintf(v->flags + n, sizeof(v->flags) - n, "%s%s",
				 n ? " " : "", w);
	}
}

static void parse_value(const char *line, struct obs_vma *v, bool clipped)
{
	size_t name = strcspn(line, ":");

	if (strncmp(line, "VmFlags:", 8) == 0) {
		parse_flags(line + 8, v);
		return;
	}
	for (int i = 0; i < NR_SMAPS && !clipped; i++)
		if (strlen(smaps_names[i]) == name &&
		    memcmp(smaps_names[i], line, name) == 0)
			v->kb[i] = strtoul(line + name + 1, NULL, 10);
}

static void view_smaps(const struct host *h, char *text, struct obs_proc *p)
{
	struct obs_vma *v = NULL;
	bool clipped = false;
	char *save;

	for (char *l = strtok_r(text, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		if (*l < 'A' || *l > 'Z') {
			v = NULL;
			if (p->nvmas < OBS_VMAS &&
			    parse_header(h, l, &p->vma[p->nvmas], &clipped))
				v = &p->vma[p->nvmas++];
		} else if (v) {
			parse_value(l, v, clipped);
		}
	}
}

/* --- pagemap
 * ------------------------------------------------------------------ */

#define PM_PFN	     ((1ULL << 55) - 1)
#define PM_EXCLUSIVE (1ULL << 56)
#define PM_FILE	     (1ULL << 61)
#define PM_SWAP	     (1ULL << 62)
#define PM_PRESENT   (1ULL << 63)

static void view_page(uint64_t e, uint8_t *page, uint64_t *pfn)
{
	*page = (e & PM_PRESENT ? OBS_PRESENT : 0) |
		(e & PM_SWAP ? OBS_SWAP : 0) | (e & PM_FILE ? OBS_FILE : 0) |
		(e & PM_EXCLUSIVE ? OBS_EXCLUSIVE : 0);
	*pfn = e & PM_PRESENT ? e & PM_PFN : 0;
}

static void view_pages(int fd, uint64_t va, unsigned n, unsigned at,
		       struct obs_proc *p)
{
	uint64_t entry[ARENA_PAGES];
	ssize_t got = pread(fd, entry, n * 8, va / PAGE * 8);

	for (unsigned i = 0; got > 0 && i < got / 8; i++)
		view_page(entry[i], &p->page[at + i], &p->pfn[at + i]);
}

static void view_pagemap(const struct host *h, pid_t pid, struct obs_proc *p)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	view_pages(fd, ARENA, ARENA_PAGES, 0, p);
	view_pages(fd, h->heap, OBS_HEAP_PAGES, ARENA_PAGES, p);
	close(fd);
}

void host_view(struct host *h, struct obs *ret)
{
	for (unsigned i = 0; i < h->nprocs; i++) {
		struct obs_proc *p = &ret->proc[i];
		char *text;

		if (h->pid[i] <= 0 || !slurp(h->pid[i], "smaps", &text))
			continue;
		p->alive = true;
		view_smaps(h, text, p);
		view_pagemap(h, h->pid[i], p);
	}
}
