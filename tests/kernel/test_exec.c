/*
 * test_exec.c - programs: where things go, what is refused, the first stack.
 * Expected places: golden/linux-behaviour.tsv exec_*, columns value_amd64_6.1
 * and value_686; the programs have the segments of those experiments.
 */
#include <elf.h>
#include <errno.h>
#include <unistd.h>

#include "tests/kernel/mm_script.h"

#define FILE_SIZE 0x8000

struct seg {
	uint32_t type, flags;
	uint64_t off, vaddr, filesz, memsz;
};

struct prog {	/* an ELF file to be written, class by architecture */
	uint16_t type;
	uint64_t base;
	uint64_t data_end;	/* end of the file part of data */
	uint64_t bss_end;
	const char *interp;
};

static void put_ehdr64(uint8_t *buf, const struct prog *p, unsigned n)
{
	Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				       ELFDATA2LSB, EV_CURRENT },
			  .e_type = p->type, .e_machine = EM_X86_64,
			  .e_version = 1, .e_entry = p->base + 0x1000,
			  .e_phoff = sizeof(eh), .e_ehsize = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = n };

	memcpy(buf, &eh, sizeof(eh));
}

static void put_ehdr32(uint8_t *buf, const struct prog *p, unsigned n)
{
	Elf32_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
				       ELFDATA2LSB, EV_CURRENT },
			  .e_type = p->type, .e_machine = EM_386,
			  .e_version = 1, .e_entry = p->base + 0x1000,
			  .e_phoff = sizeof(eh), .e_ehsize = sizeof(eh),
			  .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = n };

	memcpy(buf, &eh, sizeof(eh));
}

static void put_phdr(uint8_t *buf, bool wide, unsigned i, const struct seg *s)
{
	Elf64_Phdr p64 = { s->type, s->flags, s->off, s->vaddr, s->vaddr,
			   s->filesz, s->memsz, 0x1000 };
	Elf32_Phdr p32 = { s->type, s->off, s->vaddr, s->vaddr, s->filesz,
			   s->memsz, s->flags, 0x1000 };

	if (wide)
		memcpy(buf + sizeof(Elf64_Ehdr) + i * sizeof(p64), &p64,
		       sizeof(p64));
	else
		memcpy(buf + sizeof(Elf32_Ehdr) + i * sizeof(p32), &p32,
		       sizeof(p32));
}

static void build(uint8_t *buf, bool wide, const struct prog *p)
{
	uint64_t b = p->base, end = p->data_end;
	struct seg segs[6] = {
		{ PT_LOAD, PF_R, 0, b, 0x400, 0x400 },
		{ PT_LOAD, PF_R | PF_X, 0x1000, b + 0x1000, 0x100, 0x100 },
		{ PT_LOAD, PF_R, 0x2000, b + 0x2000, 0x1800, 0x1800 },
		{ PT_LOAD, PF_R | PF_W, 0x3e00, b + 0x4e00, end - 0x4e00,
		  p->bss_end - 0x4e00 },
		{ PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0 },
	};
	unsigned n = 5;

	memset(buf, 0xcc, FILE_SIZE);
	if (p->interp) {
		segs[n++] = (struct seg){ PT_INTERP, PF_R, 0x300, b + 0x300,
					  strlen(p->interp) + 1, 0 };
		strcpy((char *)buf + 0x300, p->interp);
	}
	(wide ? put_ehdr64 : put_ehdr32)(buf, p, n);
	for (unsigned i = 0; i < n; i++)
		put_phdr(buf, wide, i, &segs[i]);
}

/* --- one program in one kernel -------------------------------------------- */

struct exec_run {
	struct kernel *k;
	struct task_struct *task;
	uint8_t bytes[FILE_SIZE];
	struct file *file;
	char interp[32];
	const char *why;
};

static const char *const args[] = { "prog", "one", NULL };
static const char *const env[] = { "A=1", NULL };

static struct exec_run *exec_setup_layout(const struct arch *arch, bool aslr,
					  uint64_t seed, bool layout_61)
{
	struct exec_run *r = xcalloc(1, sizeof(*r));
	struct kernel_config cfg;
	const char *why;

	kernel_config_default(&cfg, arch);
	cfg.ram = 128 * MiB;
	cfg.layout_61 = layout_61;
	cfg.aslr = aslr;
	cfg.seed = seed;
	r->k = kernel_boot(&cfg, &why);
	assert_non_null(r->k);
	assert_int_equal(kernel_fork(r->k, find_task(r->k, 1), &r->task), 0);
	r->file = file_builtin(r->k, "/prog", r->bytes, FILE_SIZE);
	return r;
}

static struct exec_run *exec_setup(const struct arch *arch, bool aslr,
				   uint64_t seed)
{
	return exec_setup_layout(arch, aslr, seed, true);
}

static void exec_teardown(struct exec_run *r)
{
	fput(r->k, r->file);
	assert_int_equal(kernel_check(r->k, complain, NULL), 0);
	kernel_destroy(r->k);
	if (r->interp[0])
		unlink(r->interp);
	free(r);
}

/* A host file with a position-independent program, as interpreter. */
static void make_interp(struct exec_run *r, bool wide)
{
	struct prog pie = { ET_DYN, 0, 0x6f00, 0x9f00, NULL };
	uint8_t *buf = xcalloc(1, FILE_SIZE);
	int fd;

	strcpy(r->interp, "/tmp/mmsh-interp-XXXXXX");
	fd = mkstemp(r->interp);
	assert_true(fd >= 0);
	build(buf, wide, &pie);
	assert_int_equal(write(fd, buf, FILE_SIZE), FILE_SIZE);
	close(fd);
	free(buf);
}

static int run(struct exec_run *r)
{
	return do_execve(r->k, r->task, r->file, args, env, &r->why);
}

/* Areas as "start pages=N rwxp off=P" of those named in the experiments. */
static void show(struct exec_run *r, char *out, size_t size)
{
	const struct vm_area_struct *v;
	size_t n = 0;

	for_each_vma(&r->task->mm->vmas, v)
		n += snprintf(out + n, size - n, "%s%llx %llu%s%s%s",
			      n ? ", " : "", (unsigned long long)v->vm_start,
			      (unsigned long long)vma_pages(v),
			      v->vm_flags & VM_WRITE ? "w" : "",
			      v->vm_flags & VM_EXEC ? "x" : "",
			      strcmp(vma_name(v), "[heap]") ? "" : "h");
}

struct place {
	const char *name;
	struct prog amd64, i386;
	bool interp;
	uint64_t brk64, brk32;
	unsigned rss;
	const char *want64, *want32;
};

static const struct place places[] = {
	{ "static", { ET_EXEC, 0x400000, 0x5f00, 0x8f00, NULL },
	  { ET_EXEC, 0x8048000, 0x5f00, 0x8f00, NULL }, false,
	  0x409000, 0x8051000, 2,
	  "400000 1, 401000 1x, 402000 2, 404000 2w, 406000 3wh, "
	  "7ffff7ff9000 4, 7ffff7ffd000 2x, 7ffffffde000 33w",
	  "8048000 1, 8049000 1x, 804a000 2, 804c000 2w, 804e000 3wh, "
	  "b7ffa000 4, b7ffe000 2x, bffdf000 33w" },
	{ "static PIE", { ET_DYN, 0, 0x6f00, 0x9f00, NULL },
	  { ET_DYN, 0, 0x6f00, 0x9f00, NULL }, false,
	  0x555555555000, 0x400000, 2,
	  "7ffff7fef000 4, 7ffff7ff3000 2x, 7ffff7ff5000 1, 7ffff7ff6000 1x, "
	  "7ffff7ff7000 2, 7ffff7ff9000 3w, 7ffff7ffc000 3w, 7ffffffde000 33w",
	  "b7ff0000 4, b7ff4000 2x, b7ff6000 1, b7ff7000 1x, b7ff8000 2, "
	  "b7ffa000 3w, b7ffd000 3w, bffdf000 33w" },
	{ "PIE with interpreter", { ET_DYN, 0, 0x6f00, 0x9f00, NULL },
	  { ET_DYN, 0, 0x6f00, 0x9f00, NULL }, true,
	  0x55555555e000, 0x40a000, 3,
	  "555555554000 1, 555555555000 1x, 555555556000 2, 555555558000 3w, "
	  "55555555b000 3wh, 7ffff7fef000 4, 7ffff7ff3000 2x, 7ffff7ff5000 1, "
	  "7ffff7ff6000 1x, 7ffff7ff7000 2, 7ffff7ff9000 3w, 7ffff7ffc000 3w, "
	  "7ffffffde000 33w",
	  "400000 1, 401000 1x, 402000 2, 404000 3w, 407000 3wh, b7ff0000 4, "
	  "b7ff4000 2x, b7ff6000 1, b7ff7000 1x, b7ff8000 2, b7ffa000 3w, "
	  "b7ffd000 3w, bffdf000 33w" },
};

static void check_place(const struct arch *a, const struct place *p)
{
	struct exec_run *r = exec_setup(a, false, 1);
	bool wide = a->word == 8;
	struct prog prog = wide ? p->amd64 : p->i386;
	char got[600];

	if (p->interp) {
		make_interp(r, wide);
		prog.interp = r->interp;
	}
	build(r->bytes, wide, &prog);
	assert_int_equal(run(r), 0);
	show(r, got, sizeof(got));
	assert_string_equal(got, wide ? p->want64 : p->want32);
	assert_int_equal(r->task->mm->brk, wide ? p->brk64 : p->brk32);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES], p->rss);
	assert_int_equal(r->task->mm->rss[MM_FILEPAGES], 0);
	exec_teardown(r);
}

/*
 * The rows *_after_mmap_brk: a page is mapped below what is at the top, and
 * one page of heap does not join bss.
 */
static void check_after(const struct arch *a, const struct place *p)
{
	struct exec_run *r = exec_setup(a, false, 1);
	struct prog prog = a->word == 8 ? p->amd64 : p->i386;
	struct mm_struct *mm;
	va_t lowest, at, brk;

	if (p->interp) {
		make_interp(r, a->word == 8);
		prog.interp = r->interp;
	}
	build(r->bytes, a->word == 8, &prog);
	assert_int_equal(run(r), 0);
	mm = r->task->mm;
	lowest = find_vma(mm, mm->mmap_base - 64 * MiB)->vm_start;
	assert_int_equal(do_mmap(r->k, mm, NULL, 0, PAGE_SIZE,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &at),
			 0);
	assert_int_equal(at, lowest - PAGE_SIZE);
	assert_int_equal(do_brk(r->k, mm, mm->start_brk + 1, &brk), 0);
	assert_int_equal(brk, mm->start_brk + 1);
	assert_int_equal(find_vma(mm, mm->start_brk)->vm_start, mm->start_brk);
	assert_int_equal(find_vma(mm, mm->start_brk)->vm_end,
			 mm->start_brk + PAGE_SIZE);
	exec_teardown(r);
}

static void test_exec__after_mmap_and_brk(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
			check_after(a, &places[i]);
}

static void test_exec__places(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
			check_place(a, &places[i]);
}

/*
 * Measured on 6.1 without ASLR, by the stack's limit: where mmap begins, and
 * that the heap of a static PIE does not care.
 */
static const struct {
	uint64_t rlim_stack;
	va_t base64, base32;
} stack_rows[] = {
	{ 1 * MiB, 0x7ffff7fff000, 0xb8000000 },
	{ 8 * MiB, 0x7ffff7fff000, 0xb8000000 },
	{ 127 * MiB, 0x7ffff7fff000, 0xb8000000 },
	{ 256 * MiB, 0x7fffefeff000, 0xaff00000 },
	{ 1 * GiB, 0x7fffbfeff000, 0x7ff00000 },
	{ 3 * GiB, 0x7fff3feff000, 0x20000000 },
	{ ~0ULL, 0x155555556000, 0x20000000 },
};

static void check_stack_row(const struct arch *a, unsigned i)
{
	struct prog pie = { ET_DYN, 0, 0x6f00, 0x9f00, NULL };
	struct exec_run *r = exec_setup(a, false, 1);
	bool wide = a->word == 8;

	build(r->bytes, wide, &pie);
	r->task->rlim[RLIM_STACK] = stack_rows[i].rlim_stack;
	assert_int_equal(run(r), 0);
	assert_int_equal(r->task->mm->mmap_base,
			 wide ? stack_rows[i].base64 : stack_rows[i].base32);
	assert_int_equal(r->task->mm->start_brk,
			 wide ? 0x555555555000 : 0x400000);
	exec_teardown(r);
}

static void test_exec__stack_limits(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(stack_rows); i++)
			check_stack_row(a, i);
}

/* layout=classic, as 2.6: position-independent programs at two thirds. */
static void check_classic_pie(const struct arch *a, bool interp)
{
	struct exec_run *r = exec_setup_layout(a, false, 1, false);
	struct prog pie = { ET_DYN, 0, 0x6f00, 0x9f00, NULL };

	make_interp(r, false);
	pie.interp = interp ? r->interp : NULL;
	build(r->bytes, false, &pie);
	assert_int_equal(run(r), 0);
	if (interp)
		assert_int_equal(find_vma(r->task->mm, 0)->vm_start,
				 0x80000000);
	else
		assert_int_equal(r->task->mm->start_brk, 0x80000000);
	exec_teardown(r);
}

static void test_exec__classic_pie(void **state)
{
	for (const struct arch *a = archs; a->word == 4; a++) {
		check_classic_pie(a, true);
		check_classic_pie(a, false);
	}
}

/* --- what is refused ------------------------------------------------------ */

struct bad {
	const char *name;
	size_t off64, off32;	/* of the field in the file */
	unsigned size;
	uint64_t value;
	int err;
	const char *why;
};

#define EH(f)	offsetof(Elf64_Ehdr, f), offsetof(Elf32_Ehdr, f)
#define PH(i, f) sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr) +               \
	offsetof(Elf64_Phdr, f), sizeof(Elf32_Ehdr) +                          \
	i * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, f)

static const struct bad bads[] = {
	{ "magic", 0, 0, 1, 'x', -ENOEXEC, "e_ident" },
	{ "class", EI_CLASS, EI_CLASS, 1, 3, -ENOEXEC, "EI_CLASS" },
	{ "data", EI_DATA, EI_DATA, 1, ELFDATA2MSB, -ENOEXEC, "EI_DATA" },
	{ "e_type", EH(e_type), 2, ET_REL, -ENOEXEC, "e_type" },
	{ "e_machine", EH(e_machine), 2, EM_ARM, -ENOEXEC, "e_machine" },
	{ "e_phentsize", EH(e_phentsize), 2, 40, -ENOEXEC, "e_phentsize" },
	{ "e_phnum 0", EH(e_phnum), 2, 0, -ENOEXEC, "e_phnum" },
	{ "e_phnum huge", EH(e_phnum), 2, 65535, -ENOEXEC, "e_phnum" },
	{ "e_phoff past the end", EH(e_phoff), 4, 0x7ff0, -ENOEXEC, "e_phoff" },
	{ "e_entry", EH(e_entry), 4, 0xf0000000, -EINVAL, "e_entry" },
	{ "filesz > memsz", PH(3, p_filesz), 4, 0x7000, -EINVAL, "p_filesz" },
	{ "memsz", PH(3, p_memsz), 4, 0xfffff000, -EINVAL, "p_memsz" },
	{ "vaddr", PH(0, p_vaddr), 4, 0xd0000000, -ENOMEM, "PT_LOAD" },
	{ "offset in page", PH(1, p_offset), 4, 0x1234, -EINVAL, "p_offset" },
	{ "no PT_LOAD", PH(0, p_type), 0, 0, -EINVAL, "no PT_LOAD" },
};

/* Fields of 32-bit size that only mean trouble to a 32-bit address space. */
static bool only_32(const struct bad *b)
{
	return !strcmp(b->name, "e_entry") || !strcmp(b->name, "memsz") ||
	       !strcmp(b->name, "vaddr");
}

static void corrupt(struct exec_run *r, const struct bad *b, bool wide)
{
	uint32_t null = PT_NULL;

	if (b->size) {
		memcpy(r->bytes + (wide ? b->off64 : b->off32), &b->value,
		       b->size);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		memcpy(r->bytes + (wide ? sizeof(Elf64_Ehdr) +
					  i * sizeof(Elf64_Phdr) :
				   sizeof(Elf32_Ehdr) +
					  i * sizeof(Elf32_Phdr)), &null, 4);
}

static void test_exec__refuses(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(bads); i++) {
			struct exec_run *r = exec_setup(a, false, 1);
			struct prog p = { ET_EXEC, 0x8048000, 0x5f00, 0x8f00,
					  NULL };
			struct mm_struct *mm = r->task->mm;
			int err;

			build(r->bytes, a->word == 8, &p);
			corrupt(r, &bads[i], a->word == 8);
			err = run(r);
			if (a->word == 8 && only_32(&bads[i])) {
				exec_teardown(r);
				continue;
			}
			if (err != bads[i].err || !r->why ||
			    !strstr(r->why, bads[i].why))
				fail_msg("%s: %s: %d %s", a->name,
					 bads[i].name, err,
					 r->why ? r->why : "-");
			assert_ptr_equal(r->task->mm, mm);
			exec_teardown(r);
		}
}

static void check_interp_path(const char *path, int want)
{
	struct exec_run *r = exec_setup(arch_by_name("x86_64"), false, 1);
	struct prog p = { ET_DYN, 0, 0x5f00, 0x8f00, path };

	build(r->bytes, true, &p);
	if (!*path)
		r->bytes[0x300] = 'x';
	assert_int_equal(run(r), want);
	assert_non_null(r->why);
	exec_teardown(r);
}

static void test_exec__refuses_interpreters(void **state)
{
	check_interp_path("/nonexistent/ld.so", -ENOENT);
	check_interp_path("", -ENOEXEC);
	check_interp_path("/etc/passwd", -ELIBBAD);
	check_interp_path("/", -EISDIR);
}

static void test_exec__other_class_of_host(void **state)
{
	struct exec_run *r = exec_setup(arch_by_name("i386"), false, 1);
	struct prog p = { ET_EXEC, 0x400000, 0x5f00, 0x8f00, NULL };

	build(r->bytes, true, &p);
	assert_int_equal(run(r), -ENOEXEC);
	assert_string_equal(r->why, "EI_CLASS is not ELFCLASS32");
	exec_teardown(r);
}

/* No file whatever makes it crash. */
static void test_exec__random_headers(void **state)
{
	struct exec_run *r = exec_setup(arch_by_name("x86_64"), false, 1);
	uint64_t seed = 42;

	for (int i = 0; i < 2000; i++) {
		struct prog p = { i & 1 ? ET_DYN : ET_EXEC, 0x400000, 0x5f00,
				  0x8f00, NULL };
		struct file *file;

		build(r->bytes, true, &p);
		for (int n = 0; n < 3; n++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			r->bytes[16 + (seed >> 40) % (48 + 4 * 56)] = seed >> 33;
		}
		file = file_builtin(r->k, "/x", r->bytes, FILE_SIZE);
		do_execve(r->k, r->task, file, args, env, &r->why);
		fput(r->k, file);
	}
	exec_teardown(r);
}

/* --- the first stack ------------------------------------------------------ */

static uint64_t word_at(struct exec_run *r, va_t va)
{
	uint64_t v = 0;

	assert_int_equal(access_remote_vm(r->k, r->task->mm, va, &v,
					  r->k->arch->word, false), 0);
	return v;
}

static void assert_string_at(struct exec_run *r, va_t va, const char *want)
{
	char buf[32];

	assert_int_equal(access_remote_vm(r->k, r->task->mm, va, buf,
					  strlen(want) + 1, false), 0);
	assert_string_equal(buf, want);
}

static void check_auxv(struct exec_run *r, va_t p, unsigned w)
{
	static const uint16_t order[] = {
		AT_SYSINFO_EHDR, AT_MINSIGSTKSZ, AT_HWCAP, AT_PAGESZ, AT_CLKTCK,
		AT_PHDR, AT_PHENT, AT_PHNUM, AT_BASE, AT_FLAGS, AT_ENTRY,
		AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE, AT_RANDOM,
		AT_HWCAP2, AT_EXECFN, AT_PLATFORM, AT_NULL,
	};

	if (w == 4) {
		assert_int_equal(word_at(r, p), AT_SYSINFO);
		p += 2 * w;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++, p += 2 * w) {
		uint64_t v = word_at(r, p + w);

		assert_int_equal(word_at(r, p), order[i]);
		if (order[i] == AT_PHDR)
			assert_int_equal(v, 0x8048000 + (w == 8 ? 64 : 52));
		if (order[i] == AT_ENTRY)
			assert_int_equal(v, r->task->ip);
		if (order[i] == AT_EXECFN)
			assert_string_at(r, v, "/prog");
		if (order[i] == AT_PLATFORM)
			assert_string_at(r, v, w == 8 ? "x86_64" : "i686");
		/* 19 bytes of strings, aligned; the platform's name; 16 */
		if (order[i] == AT_RANDOM)
			assert_int_equal(v, w == 8 ? 0x7fffffffefc9 :
						     0xbfffffcb);
	}
}

static void test_exec__first_stack(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct exec_run *r = exec_setup(a, false, 1);
		struct prog p = { ET_EXEC, 0x8048000, 0x5f00, 0x8f00, NULL };
		unsigned w = a->word;
		va_t sp;

		build(r->bytes, w == 8, &p);
		assert_int_equal(run(r), 0);
		sp = r->task->sp;
		assert_int_equal(sp & 15, 0);
		assert_int_equal(word_at(r, sp), 2);
		assert_string_at(r, word_at(r, sp + w), "prog");
		assert_string_at(r, word_at(r, sp + 2 * w), "one");
		assert_int_equal(word_at(r, sp + 3 * w), 0);
		assert_string_at(r, word_at(r, sp + 4 * w), "A=1");
		assert_int_equal(word_at(r, sp + 5 * w), 0);
		check_auxv(r, sp + 6 * w, w);
		exec_teardown(r);
	}
}

static void test_exec__bss_is_zero_and_text_is_the_file(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct exec_run *r = exec_setup(a, false, 1);
		struct prog p = { ET_EXEC, 0x8048000, 0x5f00, 0x8f00, NULL };
		uint8_t buf[0x200];

		build(r->bytes, a->word == 8, &p);
		assert_int_equal(run(r), 0);
		access_remote_vm(r->k, r->task->mm, 0x8048000 + 0x5e00, buf,
				 0x200, false);
		for (unsigned i = 0; i < 0x200; i++)
			assert_int_equal(buf[i], i < 0x100 ? 0xcc : 0);
		exec_teardown(r);
	}
}

static void test_exec__too_many_arguments(void **state)
{
	struct exec_run *r = exec_setup(arch_by_name("x86_64"), false, 1);
	struct prog p = { ET_EXEC, 0x400000, 0x5f00, 0x8f00, NULL };
	char *huge = xcalloc(1, 200000);
	const char *argv[60] = { huge, NULL };

	build(r->bytes, true, &p);
	memset(huge, 'x', 199999);
	assert_int_equal(do_execve(r->k, r->task, r->file, argv, env, &r->why),
			 -E2BIG);
	huge[100000] = '\0';
	for (int i = 0; i < 59; i++)
		argv[i] = huge;
	assert_int_equal(do_execve(r->k, r->task, r->file, argv, env, &r->why),
			 -E2BIG);
	argv[10] = NULL;
	assert_int_equal(do_execve(r->k, r->task, r->file, argv, env, &r->why),
			 0);
	assert_true(r->task->mm->rss[MM_ANONPAGES] > 240);
	free(huge);
	exec_teardown(r);
}

static void test_exec__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1, done = 0; !done; n++) {
			struct exec_run *r = exec_setup(a, false, 1);
			struct prog p = { ET_DYN, 0, 0x5f00, 0x8f00, NULL };
			struct mm_struct *mm = r->task->mm;
			int err;

			make_interp(r, a->word == 8);
			p.interp = r->interp;
			build(r->bytes, a->word == 8, &p);
			r->k->fail_nth = n;
			err = run(r);
			done = r->k->fail_nth;
			r->k->fail_nth = 0;
			if (err)
				assert_ptr_equal(r->task->mm, mm);
			if (done)
				assert_int_equal(err, 0);
			exec_teardown(r);
		}
}

/* Randomised: other places each time, the same for the same seed. */
static void test_exec__aslr(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		va_t sp[3], exe[3], brk[3];
		static const uint64_t seeds[3] = { 1, 2, 1 };

		for (int i = 0; i < 3; i++) {
			struct exec_run *r = exec_setup(a, true, seeds[i]);
			struct prog p = { ET_DYN, 0, 0x5f00, 0x8f00, NULL };

			make_interp(r, a->word == 8);
			p.interp = r->interp;
			build(r->bytes, a->word == 8, &p);
			assert_int_equal(run(r), 0);
			sp[i] = r->task->sp;
			exe[i] = r->task->mm->start_code;
			brk[i] = r->task->mm->brk;
			exec_teardown(r);
		}
		assert_int_not_equal(sp[0], sp[1]);
		assert_int_not_equal(exe[0], exe[1]);
		assert_int_not_equal(brk[0], brk[1]);
		assert_int_equal(sp[0], sp[2]);
		assert_int_equal(exe[0], exe[2]);
		assert_int_equal(brk[0], brk[2]);
	}
}

/* The host's own programs. */
static void test_exec__host_program(void **state)
{
	struct exec_run *r;
	struct file *ls;
	struct user_access u;
	uint8_t buf[16];

	if (access("/bin/ls", R_OK))
		skip();
	r = exec_setup(arch_by_name("x86_64"), false, 1);
	assert_int_equal(file_open(r->k, "/bin/ls", &ls), 0);
	if (do_execve(r->k, r->task, ls, args, env, &r->why) == -ENOEXEC) {
		fput(r->k, ls);		/* the host is no x86-64 */
		exec_teardown(r);
		skip();
	}
	assert_int_equal(context_switch(r->k, 1, r->task), 0);
	user_access(r->k, 1, ACCESS_FETCH, true, r->task->ip, buf, 16, &u);
	assert_int_equal(u.done, 16);
	assert_string_equal(r->task->comm, "ls");
	fput(r->k, ls);
	exec_teardown(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec__places),
		cmocka_unit_test(test_exec__after_mmap_and_brk),
		cmocka_unit_test(test_exec__stack_limits),
		cmocka_unit_test(test_exec__classic_pie),
		cmocka_unit_test(test_exec__refuses),
		cmocka_unit_test(test_exec__refuses_interpreters),
		cmocka_unit_test(test_exec__other_class_of_host),
		cmocka_unit_test(test_exec__random_headers),
		cmocka_unit_test(test_exec__first_stack),
		cmocka_unit_test(test_exec__bss_is_zero_and_text_is_the_file),
		cmocka_unit_test(test_exec__too_many_arguments),
		cmocka_unit_test(test_exec__survives_allocation_failures),
		cmocka_unit_test(test_exec__aslr),
		cmocka_unit_test(test_exec__host_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
