/*
 * obs.h - what can be seen of processes after an operation, and how two such
 * observations differ.
 */
#ifndef TESTS_DIFF_OBS_H
#define TESTS_DIFF_OBS_H

#include "tests/diff/op.h"

#define OBS_VMAS       96
#define OBS_HEAP_PAGES 64
#define OBS_PAGES      (ARENA_PAGES + OBS_HEAP_PAGES)

enum smaps_field {
	SM_RSS,
	SM_PSS,
	SM_SHARED_CLEAN,
	SM_SHARED_DIRTY,
	SM_PRIVATE_CLEAN,
	SM_PRIVATE_DIRTY,
	SM_REFERENCED,
	SM_ANONYMOUS,
	SM_LAZYFREE,
	SM_ANON_HUGE,
	SM_SWAP,
	SM_LOCKED,
	NR_SMAPS,
};
extern const char *const smaps_names[NR_SMAPS];

struct obs_vma {
	uint64_t start, end; /* canonical */
	uint64_t offset;
	char perms[5];
	char name[40];
	char flags[100]; /* VmFlags without sd */
	unsigned kb[NR_SMAPS];
};

/* of /proc/PID/pagemap */
#define OBS_PRESENT   1u
#define OBS_SWAP      2u
#define OBS_FILE      4u
#define OBS_EXCLUSIVE 8u

struct obs_proc {
	bool alive;
	unsigned nvmas;
	struct obs_vma vma[OBS_VMAS];
	uint8_t page[OBS_PAGES]; /* the arena, then the heap */
	uint64_t pfn[OBS_PAGES]; /* 0: not known */
};

struct obs {
	int64_t ret;	/* canonical address, number, -errno */
	uint64_t value; /* read */
	uint64_t min, maj;
	int signo, si_code;
	uint64_t addr, error, trap;
	uint8_t vec[ARENA_PAGES];	 /* of mincore */
	bool pfns;			 /* frames are visible */
	bool kept[MAX_PROCS][OBS_PAGES]; /* frame as before the step */
	struct obs_proc proc[MAX_PROCS];
};

/* One disagreement. */
enum diff_kind {
	DIFF_NONE,
	DIFF_RET,
	DIFF_SIGNAL,
	DIFF_VALUE,
	DIFF_VEC,
	DIFF_FAULTS,
	DIFF_ALIVE,
	DIFF_VMAS,
	DIFF_VMFLAGS,
	DIFF_PAGE,
	DIFF_SHARING,
	DIFF_REUSE,
	DIFF_SMAPS,
	DIFF_CHECK,
};

struct diff {
	enum diff_kind kind;
	unsigned proc;
	uint64_t va; /* of the page or area, if there is one */
	char ours[1500], host[1500];
};

extern const char *const diff_names[];

/*
 * The next disagreement after @after (DIFF_NONE: the first), in the order of
 * enum diff_kind. False: there is none.
 */
bool obs_compare(const struct op *op, const struct obs *ours,
		 const struct obs *host, enum diff_kind after,
		 struct diff *ret);
/* Areas as text: "0-2:rw-p 2-4:r--s@5", pages from the window's start. */
void vmas_format(const struct obs_proc *p, bool joined, char *buf, size_t size);
/* The area of @p with the bounds of @v, or NULL */
const struct obs_vma *obs_same_vma(const struct obs_proc *p,
				   const struct obs_vma *v);
/* Which pages of a process kept their frame since @before. */
void obs_kept(const struct obs *before, struct obs *now);
/* The address of a page's index in struct obs_proc */
uint64_t obs_page_va(unsigned i);

#endif
