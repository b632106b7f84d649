/*
 * test_user_layout.c - where exec puts things, beside what 6.1 kernels did
 * with a static, a position-independent and a dynamic program, by the limit of
 * the stack and the personality: golden/linux-user-layout.tsv. ASLR is off.
 *
 * Programs of the same extent are made here. Not compared: sp and at_random
 * (they depend on the environment), brk0 (on malloc), mmap of the dynamic
 * program (on its libraries), and i386 programs on x86-64, which we have not.
 */
#include <elf.h>
#include <errno.h>
#include <unistd.h>

#include "kernel/signal.h"
#include "tests/kernel/mm_script.h"

#define GOLDEN	    "tests/golden/linux-user-layout.tsv"
#define NKEYS	    17
#define INTERP_SIZE 0x35000u

struct row {
	char kernel[16], opts[24], binary[16], mode[24];
	char key[NKEYS][20], value[NKEYS][40];
	unsigned n;
};

static const char *row_value(const struct row *r, const char *key)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->key[i], key) == 0)
			return r->value[i];
	fail_msg("%s: no key %s", r->mode, key);
	return "";
}

static uint64_t hex(const struct row *r, const char *key)
{
	return strtoull(row_value(r, key), NULL, 16);
}

static bool same_row(const struct row *r, char f[6][40])
{
	return r->n && r->n < NKEYS && !strcmp(r->kernel, f[0]) &&
	       !strcmp(r->opts, f[1]) && !strcmp(r->binary, f[2]) &&
	       !strcmp(r->mode, f[3]);
}

/* Lines of one program in one mode follow each other. */
static unsigned read_rows(struct row *rows, unsigned max)
{
	char line[200], f[6][40];
	FILE *file = fopen(GOLDEN, "r");
	unsigned n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (*line == '#' ||
		    sscanf(line, "%39s %39s %39s %39s %39s %39s", f[0], f[1],
			   f[2], f[3], f[4], f[5]) != 6)
			continue;
		if (!n || !same_row(&rows[n - 1], f)) {
			assert_true(n < max);
			rows[n] = (struct row){ 0 };
			strcpy(rows[n].kernel, f[0]);
			strcpy(rows[n].opts, f[1]);
			strcpy(rows[n].binary, f[2]);
			strcpy(rows[n++].mode, f[3]);
		}
		strcpy(rows[n - 1].key[rows[n - 1].n], f[4]);
		strcpy(rows[n - 1].value[rows[n - 1].n++], f[5]);
	}
	fclose(file);
	return n;
}

/* --- programs of the same extent
 * ----------------------------------------------- */

struct extent { /* one file: two segments, the second with bss */
	uint16_t type;
	uint64_t base, file_end, end;
	const char *interp;
};

static void put_phdr(uint8_t *to, bool wide, uint32_t type, uint32_t flags,
		     uint64_t off, uint64_t vaddr, uint64_t filesz,
		     uint64_t memsz)
{
	Elf64_Phdr p = { type, flags, off, vaddr, vaddr, filesz, memsz, 4096 };
	Elf32_Phdr q = { type, off, vaddr, vaddr, filesz, memsz, flags, 4096 };

	if (wide)
		memcpy(to, &p, sizeof(p));
	else
		memcpy(to, &q, sizeof(q));
}

static void put_ehdr(uint8_t *to, bool wide, const struct extent *e, unsigned n)
{
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				      ELFDATA2LSB, EV_CURRENT },
			 .e_type = e->type,
			 .e_machine = EM_X86_64,
			 .e_version = 1,
			 .e_entry = e->base + 0x800,
			 .e_phoff = 64,
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = n };
	Elf32_Ehdr g = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
				      ELFDATA2LSB, EV_CURRENT },
			 .e_type = e->type,
			 .e_machine = EM_386,
			 .e_version = 1,
			 .e_entry = e->base + 0x800,
			 .e_phoff = 52,
			 .e_phentsize = sizeof(Elf32_Phdr),
			 .e_phnum = n };

	if (wide)
		memcpy(to, &h, sizeof(h));
	else
		memcpy(to, &g, sizeof(g));
}

static uint8_t *build(bool wide, const struct extent *e, uint64_t *size)
{
	uint64_t last = e->file_end - 4096 - e->base;
	unsigned n = e->interp ? 4 : 3, each = wide ? 56 : 32;
	uint8_t *buf, *ph;

	*size = e->file_end - e->base;
	buf = xcalloc(1, *size);
	ph = buf + (wide ? 64 : 52);
	put_ehdr(buf, wide, e, n);
	put_phdr(ph, wide, PT_LOAD, PF_R | PF_X, 0, e->base, last, last);
	put_phdr(ph + each, wide, PT_LOAD, PF_R | PF_W, last, e->base + last,
		 4096, e->end - e->base - last);
	put_phdr(ph + 2 * each, wide, PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0);
	if (!e->interp)
		return buf;
	put_phdr(ph + 3 * each, wide, PT_INTERP, PF_R, 0x700, e->base + 0x700,
		 strlen(e->interp) + 1, 0);
	strcpy((char *)buf + 0x700, e->interp);
	return buf;
}

static void make_interp(bool wide, char *path)
{
	struct extent e = { .type = ET_DYN,
			    .file_end = INTERP_SIZE - 0x1000,
			    .end = INTERP_SIZE };
	uint64_t size;
	uint8_t *bytes = build(wide, &e, &size);
	int fd;

	strcpy(path, "/tmp/mmsh-ld-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	free(bytes);
}

/* --- a row
 * --------------------------------------------------------------------- */

struct run {
	const struct row *row;
	struct kernel *k;
	struct task_struct *task;
	bool wide;
	char kind; /* 's'tatic, 'p'ie, 'd'ynamic */
	char interp[32];
};

static uint64_t stack_limit(const char *mode)
{
	const char *s = strstr(mode, "stk");
	char *end;
	uint64_t n;

	if (!s)
		return 8 * MiB;
	if (strcmp(s, "stkunlim") == 0)
		return LX_RLIM_INFINITY;
	n = strtoull(s + 3, &end, 10);
	return *end == 'G' ? n * GiB : n * MiB;
}

static void boot(struct run *r)
{
	bool pae = strcmp(r->row->kernel, "686-pae") == 0;
	struct kernel_config cfg;
	const char *why;

	r->wide = strcmp(r->row->kernel, "amd64") == 0;
	kernel_config_default(&cfg, arch_by_name(r->wide ? "x86_64"
						 : pae	 ? "i386-pae"
							 : "i386"));
	cfg.ram = 128 * MiB;
	cfg.layout_61 = true;
	cfg.la57 = strstr(r->row->opts, "la57");
	r->k = kernel_boot(&cfg, &why);
	assert_non_null(r->k);
	assert_int_equal(kernel_fork(r->k, find_task(r->k, 1), &r->task), 0);
	r->task->rlim[RLIM_STACK] = stack_limit(r->row->mode);
	if (strstr(r->row->mode, "legacy"))
		r->task->personality |= LX_ADDR_COMPAT_LAYOUT;
	if (strstr(r->row->mode, "3gb"))
		r->task->personality |= LX_ADDR_LIMIT_3GB;
}

/* A static PIE is as long as what 6.1 put up to the top of the mmap area. */
static struct extent extent_of(const struct run *r)
{
	uint64_t exe = hex(r->row, "exe"), end = hex(r->row, "exe_end");
	uint64_t heap = hex(r->row, "heap");

	if (r->kind == 's')
		return (struct extent){ ET_EXEC, exe, end, heap, NULL };
	if (r->kind == 'd')
		return (struct extent){ ET_DYN, 0, end - exe, heap - exe,
					r->interp };
	return (struct extent){ ET_DYN, 0, end - exe,
				r->wide ? 0xdc000 : 0xd4000, NULL };
}

static void exec(struct run *r)
{
	static const char *const argv[] = { "prog", NULL };
	struct extent e = extent_of(r);
	const char *why = "";
	struct file *file;
	uint64_t size;
	uint8_t *bytes = build(r->wide, &e, &size);

	file = file_builtin(r->k, "/prog", bytes, size);
	if (do_execve(r->k, r->task, file, argv, argv + 1, &why))
		fail_msg("%s %s: %s", r->row->binary, r->row->mode, why);
	fput(r->k, file);
	free(bytes);
}

static void expect(const struct run *r, const char *key, uint64_t got)
{
	if (got != hex(r->row, key))
		fail_msg("%s %s %s %s: %s is %llx, should be %s",
			 r->row->kernel, r->row->opts, r->row->binary,
			 r->row->mode, key, (unsigned long long)got,
			 row_value(r->row, key));
}

static va_t start_of(const struct run *r, const char *name)
{
	struct vm_area_struct *v;

	for_each_vma (&r->task->mm->vmas, v)
		if (strcmp(vma_name(v), name) == 0)
			return v->vm_start;
	return 0;
}

static void check(struct run *r)
{
	struct mm_struct *mm = r->task->mm;
	va_t at;

	expect(r, "vvar", start_of(r, "[vvar]"));
	expect(r, "vdso", mm->vdso);
	expect(r, "sysinfo", mm->vdso);
	expect(r, "at_base", mm->interp_base);
	expect(r, "stack", start_of(r, "[stack]"));
	expect(r, "exe", mm->start_code & PAGE_MASK);
	expect(r, "heap", mm->start_brk);
	if (r->kind == 'd')
		return;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			do_mmap(r->k, mm, NULL, 0, PAGE_SIZE, LX_PROT_READ,
				LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &at),
			0);
		expect(r, i ? "mmap2" : "mmap1", at);
	}
}

static void run_row(const struct row *row)
{
	struct run r = { .row = row };
	const char *kind = row->binary + 4;

	r.kind = !*kind ? 's' : strcmp(kind, "sp") == 0 ? 'p' : 'd';
	boot(&r);
	make_interp(r.wide, r.interp);
	exec(&r);
	check(&r);
	assert_int_equal(kernel_check(r.k, complain, NULL), 0);
	kernel_destroy(r.k);
	unlink(r.interp);
}

static void test_user_layout(void **state)
{
	static struct row rows[200];
	unsigned n = read_rows(rows, ARRAY_SIZE(rows)), skipped = 0;

	assert_int_equal(n, 162);
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(rows[i].kernel, "amd64") == 0 &&
		    strstr(rows[i].binary, "ul32"))
			skipped++;
		else
			run_row(&rows[i]);
	}
	print_message("# %u of i386 programs on x86-64 skipped\n", skipped);
}

/* --- personalities, scripts
 * ------------------------------------------------------ */

static void test_exec__page_zero_and_read_implies_exec(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct vm_area_struct *v;
		struct mm_run m;
		struct extent e = { ET_EXEC, 0x8048000, 0x804c000, 0x804d000,
				    NULL };
		static const char *const argv[] = { "prog", NULL };
		const char *why;
		uint64_t size;
		uint8_t *bytes = build(a->word == 8, &e, &size);
		struct file *file;

		run_setup(&m, a);
		file = file_builtin(m.k, "/prog", bytes, size);
		m.task[0]->cap_effective |= BIT(CAP_SYS_RAWIO);
		m.task[0]->personality =
			LX_MMAP_PAGE_ZERO | LX_READ_IMPLIES_EXEC;
		assert_int_equal(do_execve(m.k, m.task[0], file, argv, argv + 1,
					   &why),
				 0);
		v = find_vma(m.task[0]->mm, 0);
		assert_int_equal(v->vm_start, 0);
		assert_true(v->vm_flags & VM_EXEC);
		/* the stack says RW; mmap and mprotect go on */
		v = find_vma(m.task[0]->mm, m.task[0]->sp);
		assert_false(v->vm_flags & VM_EXEC);
		run_script(&m, "m 0 1 r p m 1 1 - p p 1 1 rw L");
		assert_string_equal(m.out, a->word == 8 ? "0-1:r--p 1-2:rw-p"
							: "0-1:r-xp 1-2:rwxp");
		fput(m.k, file);
		free(bytes);
		run_teardown(&m);
	}
}

static const struct {
	const char *text;
	int err; /* of exec */
} scripts[] = {
	{ "#!/nonexistent/sh\n", -ENOENT }, { "#!\n", -ENOEXEC },
	{ "#!   \t \n", -ENOEXEC },	    { "#! /etc/passwd\n", -ENOEXEC },
	{ "# no script\n", -ENOEXEC },	    { "#!/", -EISDIR },
};

static void test_exec__scripts(void **state)
{
	static const char *const argv[] = { "prog", NULL };

	for (unsigned i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct mm_run m;
		struct file *file;
		const char *why;
		int err;

		run_setup(&m, arch_by_name("x86_64"));
		file = file_builtin(m.k, "/script", scripts[i].text,
				    strlen(scripts[i].text));
		err = do_execve(m.k, m.task[0], file, argv, argv + 1, &why);
		if (err != scripts[i].err)
			fail_msg("%s: %d", scripts[i].text, err);
		fput(m.k, file);
		run_teardown(&m);
	}
}

/* Linux kills what fails beyond the point of no return, if nobody holds it. */
static void test_exec__point_of_no_return(void **state)
{
	for (int pass = 0; pass < 2; pass++) {
		struct extent e = { ET_EXEC, 0x8048000, 0x804c000, 0x804d000,
				    NULL };
		static const char *const argv[] = { "prog", NULL };
		struct task_struct *child;
		struct mm_run m;
		struct file *file;
		uint64_t size;
		uint8_t *bytes = build(true, &e, &size);
		const char *why;
		int pid, status;

		((Elf64_Phdr *)(bytes + 64))[1].p_filesz = 0x7000000;
		run_setup(&m, arch_by_name("x86_64"));
		file = file_builtin(m.k, "/prog", bytes, size);
		assert_int_equal(kernel_fork(m.k, m.task[0], &child), 0);
		if (pass)
			child->signal->stop = 0;
		assert_int_equal(do_execve(m.k, child, file, argv, argv + 1,
					   &why),
				 -ENOMEM);
		assert_int_equal(child->state, pass ? 'Z' : 'R');
		if (pass) {
			assert_int_equal(kernel_wait4(m.k, m.task[0], -1, 0,
						      &status, &pid),
					 0);
			assert_int_equal(status, 11);
		}
		fput(m.k, file);
		free(bytes);
		run_teardown(&m);
	}
}

/* --- ASLR: Linux' bits of entropy
 * ------------------------------------------------- */

struct spread { /* of many runs */
	uint64_t min, max, any, all;
};

static void note(struct spread *s, uint64_t value)
{
	s->min = value < s->min ? value : s->min;
	s->max = value > s->max ? value : s->max;
	s->any |= value;
	s->all &= value;
}

/* The bits above a page that vary, and how far apart the ends are. */
static void check_spread(const char *name, const struct spread *s,
			 unsigned bits)
{
	uint64_t varies = s->any & ~s->all, span = s->max - s->min;

	if (span >= 2ULL << (bits + PAGE_SHIFT) ||
	    span < 1ULL << (bits + PAGE_SHIFT - 2) || !(varies & PAGE_SIZE))
		fail_msg("%s: %llx - %llx is no %u bits", name,
			 (unsigned long long)s->min, (unsigned long long)s->max,
			 bits);
}

static const struct aslr_row {
	const char *arch;
	unsigned bits[4]; /* mmap, stack, brk, program */
} aslr_rows[] = {
	{ "x86_64", { 28, 22, 18, 28 } },
	{ "i386", { 8, 11, 13, 8 } },
};

static void note_areas(const struct mm_struct *mm, struct spread *s)
{
	note(&s[0], mm->mmap_base);
	note(&s[1], PAGE_ALIGN(mm->env_end));
	note(&s[2], mm->start_brk - PAGE_ALIGN(mm->end_data));
	note(&s[3], mm->start_code & PAGE_MASK);
}

static void exec_many(struct run *r, struct file *file,
		      const struct aslr_row *row)
{
	static const char *const names[] = { "mmap", "stack", "brk", "pie" };
	static const char *const argv[] = { "prog", NULL };
	struct task_struct *task = find_task(r->k, 1);
	struct spread s[4];
	const char *why;

	for (int i = 0; i < 4; i++)
		s[i] = (struct spread){ ~0ULL, 0, 0, ~0ULL };
	for (int n = 0; n < 400; n++) {
		assert_int_equal(
			do_execve(r->k, task, file, argv, argv + 1, &why), 0);
		note_areas(task->mm, s);
	}
	for (int i = 0; i < 4; i++)
		check_spread(names[i], &s[i], row->bits[i]);
	task->personality = LX_ADDR_NO_RANDOMIZE;
	assert_int_equal(do_execve(r->k, task, file, argv, argv + 1, &why), 0);
	assert_int_equal(task->mm->start_code & PAGE_MASK,
			 r->k->layout.elf_et_dyn_base);
}

static void check_aslr(const struct aslr_row *row, bool wide)
{
	struct run r = { .wide = wide };
	struct extent e = { ET_DYN, 0, 0x4000, 0x5000, r.interp };
	struct file *file;
	uint64_t size;
	uint8_t *bytes;

	make_interp(wide, r.interp);
	bytes = build(wide, &e, &size);
	r.k = boot_small(arch_by_name(row->arch), true);
	file = file_builtin(r.k, "/prog", bytes, size);
	exec_many(&r, file, row);
	fput(r.k, file);
	free(bytes);
	unlink(r.interp);
	assert_int_equal(kernel_check(r.k, complain, NULL), 0);
	kernel_destroy(r.k);
}

static void test_aslr__bits(void **state)
{
	check_aslr(&aslr_rows[0], true);
	check_aslr(&aslr_rows[1], false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_layout),
		cmocka_unit_test(test_exec__page_zero_and_read_implies_exec),
		cmocka_unit_test(test_exec__scripts),
		cmocka_unit_test(test_exec__point_of_no_return),
		cmocka_unit_test(test_aslr__bits),
	};

	return run_rows("user_layout", NULL, 0, tests, ARRAY_SIZE(tests));
}
