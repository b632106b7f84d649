/*
 * syscall_names.c - the constants of system calls by name (linux
 * include/uapi/asm-generic/mman-common.h, mman.h, sched.h, memfd.h,
 * falloc.h, resource.h).
 */
#include "repl/syscall.h"

#define FLAG(bit, name) { bit, bit, name }
#define NUMBER(n, name) { ~0ULL, n, name }

const struct syscall_name syscall_prot[] = {
	NUMBER(0, "PROT_NONE"),
	FLAG(1, "PROT_READ"),
	FLAG(2, "PROT_WRITE"),
	FLAG(4, "PROT_EXEC"),
	FLAG(8, "PROT_SEM"),
	FLAG(0x01000000, "PROT_GROWSDOWN"),
	FLAG(0x02000000, "PROT_GROWSUP"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_map[] = {
	{ 0xf, 0, "MAP_FILE" },
	{ 0xf, 1, "MAP_SHARED" },
	{ 0xf, 2, "MAP_PRIVATE" },
	{ 0xf, 3, "MAP_SHARED_VALIDATE" },
	FLAG(0x10, "MAP_FIXED"),
	FLAG(0x20, "MAP_ANONYMOUS"),
	FLAG(0x40, "MAP_32BIT"),
	FLAG(0x100, "MAP_GROWSDOWN"),
	FLAG(0x800, "MAP_DENYWRITE"),
	FLAG(0x1000, "MAP_EXECUTABLE"),
	FLAG(0x2000, "MAP_LOCKED"),
	FLAG(0x4000, "MAP_NORESERVE"),
	FLAG(0x8000, "MAP_POPULATE"),
	FLAG(0x10000, "MAP_NONBLOCK"),
	FLAG(0x20000, "MAP_STACK"),
	FLAG(0x40000, "MAP_HUGETLB"),
	FLAG(0x80000, "MAP_SYNC"),
	FLAG(0x100000, "MAP_FIXED_NOREPLACE"),
	{ 63ULL << 26, 21ULL << 26, "21<<MAP_HUGE_SHIFT" },
	{ 63ULL << 26, 22ULL << 26, "22<<MAP_HUGE_SHIFT" },
	{ 63ULL << 26, 30ULL << 26, "30<<MAP_HUGE_SHIFT" },
	{ 0, 0, NULL },
};

const struct syscall_name syscall_mremap[] = {
	FLAG(1, "MREMAP_MAYMOVE"),
	FLAG(2, "MREMAP_FIXED"),
	FLAG(4, "MREMAP_DONTUNMAP"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_madvise[] = {
	NUMBER(0, "MADV_NORMAL"),
	NUMBER(1, "MADV_RANDOM"),
	NUMBER(2, "MADV_SEQUENTIAL"),
	NUMBER(3, "MADV_WILLNEED"),
	NUMBER(4, "MADV_DONTNEED"),
	NUMBER(8, "MADV_FREE"),
	NUMBER(9, "MADV_REMOVE"),
	NUMBER(10, "MADV_DONTFORK"),
	NUMBER(11, "MADV_DOFORK"),
	NUMBER(12, "MADV_MERGEABLE"),
	NUMBER(13, "MADV_UNMERGEABLE"),
	NUMBER(14, "MADV_HUGEPAGE"),
	NUMBER(15, "MADV_NOHUGEPAGE"),
	NUMBER(16, "MADV_DONTDUMP"),
	NUMBER(17, "MADV_DODUMP"),
	NUMBER(18, "MADV_WIPEONFORK"),
	NUMBER(19, "MADV_KEEPONFORK"),
	NUMBER(20, "MADV_COLD"),
	NUMBER(21, "MADV_PAGEOUT"),
	NUMBER(22, "MADV_POPULATE_READ"),
	NUMBER(23, "MADV_POPULATE_WRITE"),
	NUMBER(24, "MADV_DONTNEED_LOCKED"),
	NUMBER(25, "MADV_COLLAPSE"),
	NUMBER(100, "MADV_HWPOISON"),
	NUMBER(101, "MADV_SOFT_OFFLINE"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_msync[] = {
	FLAG(1, "MS_ASYNC"),
	FLAG(2, "MS_INVALIDATE"),
	FLAG(4, "MS_SYNC"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_mlock2[] = {
	FLAG(1, "MLOCK_ONFAULT"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_mlockall[] = {
	FLAG(1, "MCL_CURRENT"),
	FLAG(2, "MCL_FUTURE"),
	FLAG(4, "MCL_ONFAULT"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_memfd[] = {
	FLAG(1, "MFD_CLOEXEC"),
	FLAG(2, "MFD_ALLOW_SEALING"),
	FLAG(4, "MFD_HUGETLB"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_clone[] = {
	FLAG(0x100, "CLONE_VM"),
	FLAG(0x200, "CLONE_FS"),
	FLAG(0x400, "CLONE_FILES"),
	FLAG(0x800, "CLONE_SIGHAND"),
	FLAG(0x4000, "CLONE_VFORK"),
	FLAG(0x8000, "CLONE_PARENT"),
	FLAG(0x10000, "CLONE_THREAD"),
	FLAG(0x40000, "CLONE_SYSVSEM"),
	FLAG(0x80000, "CLONE_SETTLS"),
	FLAG(0x100000, "CLONE_PARENT_SETTID"),
	FLAG(0x200000, "CLONE_CHILD_CLEARTID"),
	FLAG(0x1000000, "CLONE_CHILD_SETTID"),
	{ 0xff, 17, "SIGCHLD" },
	{ 0, 0, NULL },
};

const struct syscall_name syscall_fallocate[] = {
	FLAG(1, "FALLOC_FL_KEEP_SIZE"),
	FLAG(2, "FALLOC_FL_PUNCH_HOLE"),
	FLAG(8, "FALLOC_FL_COLLAPSE_RANGE"),
	FLAG(16, "FALLOC_FL_ZERO_RANGE"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_pkey[] = {
	FLAG(1, "PKEY_DISABLE_ACCESS"),
	FLAG(2, "PKEY_DISABLE_WRITE"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_wait[] = {
	FLAG(1, "WNOHANG"),
	{ 0, 0, NULL },
};

const struct syscall_name syscall_rlimit[] = {
	NUMBER(2, "RLIMIT_DATA"),
	NUMBER(3, "RLIMIT_STACK"),
	NUMBER(8, "RLIMIT_MEMLOCK"),
	NUMBER(9, "RLIMIT_AS"),
	{ 0, 0, NULL },
};
