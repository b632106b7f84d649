/*
 * test_whatis.c - aliases against a visit of all page tables; segments and
 * sections of a file made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "machine/ptiter.h"
#include "repl/alias.h"
#include "repl/elf_where.h"
#include "repl/session.h"

/* --- aliases ------------------------------------------------------------------- */
static void begin(struct session *s, const char *arch)
{
	const char *words[] = { arch, "ram=1200M" };
	struct err err = { 0 };

	session_init(s);
	s->out.fd = s->errout.fd = -1;
	if (session_boot(s, words, 2, &err) < 0)
		fail_msg("boot: %s", err.msg);
	session_line(s, "write heap 1; write stack-4K 1; fork; write heap 2");
	session_line(s, "map 64K; write $_ 3; read $_+8K 1; touch vdso; fork");
	session_line(s, "vmalloc 64K; kmalloc 5000; ioremap 0xfd000000 8K");
	session_line(s, "alloc_pages -g highuser; let p $_; kmap $p; kmap -a $p");
}

static bool has(const struct alias *a, unsigned n, va_t va, int pid)
{
	for (unsigned i = 0; i < n; i++)
		if (a[i].va == va && a[i].pid == pid)
			return true;
	return false;
}

/* Each page of a leaf, of those that are small, must be told as an alias. */
static unsigned check_leaf(struct kernel *k, const struct ptiter *it, int pid)
{
	pa_t pa = paging_target(k->mode, it->level, it->entry, true);
	unsigned shift = k->mode->level[it->level].shift;
	pa_t at = pa + (0x123456789 & ((1ULL << shift) - 1));
	struct alias a[64];
	unsigned n = find_aliases(k, at, a, 64);

	if (!has(a, n < 64 ? n : 64, it->va + (at - pa), pid))
		fail_msg("pa 0x%llx: 0x%llx of pid %d is not told",
			 (unsigned long long)at, (unsigned long long)it->va,
			 pid);
	return n;
}

static void check_tree(struct kernel *k, pa_t root, int pid, va_t from,
		       va_t last)
{
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct ptiter it;

	mmu_set_root(&mmu, k->ram, root);
	mmu_refresh(&mmu);
	for (ptiter_start(&it, &mmu, k->ram, from, last); it.valid;
	     ptiter_next(&it))
		if (it.leaf)
			check_leaf(k, &it, pid);
}

/* And what is told must be so. */
static void check_told(struct kernel *k, pa_t pa)
{
	struct alias a[64];
	unsigned n = find_aliases(k, pa, a, 64);

	for (unsigned i = 0; i < n; i++) {
		struct mmu mmu = k->machine->cpu[0].mmu;
		struct walk w;
		pa_t root = k->swapper_pg_dir;

		if (a[i].pid)
			root = find_task(k, a[i].pid)->mm->pgd << PAGE_SHIFT;
		mmu_set_root(&mmu, k->ram, root);
		mmu_refresh(&mmu);
		mmu_walk(&mmu, k->ram, &(struct access){ .va = a[i].va }, &w);
		assert_int_equal(w.fault.reason, FAULT_NONE);
		assert_int_equal(w.pa, pa);
		assert_int_equal(w.rights.bits, a[i].rights.bits);
	}
}

static void aliases_are_those_of_the_tables(const char *arch)
{
	const struct task_struct *t;
	struct session s;

	begin(&s, arch);
	check_tree(s.k, s.k->swapper_pg_dir, 0, s.k->layout.task_size, ~0ULL);
	TAILQ_FOREACH(t, &s.k->tasks, link)
		check_tree(s.k, t->mm->pgd << PAGE_SHIFT, t->pid, 0,
			   s.k->layout.task_size - 1);
	for (pa_t pa = 0x321; pa < s.k->max_pfn << PAGE_SHIFT; pa += 401 * 4096)
		check_told(s.k, pa);
	session_deinit(&s);
}

static void test_whatis__aliases(void **state)
{
	aliases_are_those_of_the_tables("i386");
	aliases_are_those_of_the_tables("i386-pae");
	aliases_are_those_of_the_tables("x86_64");
}

/* --- ELF ------------------------------------------------------------------------ */
static const char names[] = "\0.text\0.data\0.bss\0.shstrtab";

static const struct elf_file {
	Elf64_Ehdr h;
	Elf64_Phdr p[2];
	Elf64_Shdr s[5];
	char names[sizeof(names)];
	char text[64], data[32];
} file = {
	.h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
	       .e_phoff = offsetof(struct elf_file, p),
	       .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2,
	       .e_shoff = offsetof(struct elf_file, s),
	       .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 5,
	       .e_shstrndx = 4 },
	.p = { { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0,
		 .p_filesz = offsetof(struct elf_file, data) },
	       { .p_type = PT_LOAD, .p_flags = PF_R | PF_W,
		 .p_offset = offsetof(struct elf_file, data),
		 .p_filesz = 32 } },
	.s = { { 0 },
	       { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC,
		 .sh_offset = offsetof(struct elf_file, text), .sh_size = 64 },
	       { .sh_name = 7, .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC,
		 .sh_offset = offsetof(struct elf_file, data), .sh_size = 32 },
	       { .sh_name = 13, .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC,
		 .sh_offset = 0, .sh_size = 1 << 20 },
	       { .sh_name = 18, .sh_type = SHT_STRTAB,
		 .sh_offset = offsetof(struct elf_file, names),
		 .sh_size = sizeof(names) } },
	.names = "\0.text\0.data\0.bss\0.shstrtab",
};

static void test_whatis__segments_and_sections(void **state)
{
	struct inode inode = { .fd = -1, .bytes = (const uint8_t *)&file,
			       .size = sizeof(file) };
	struct elf_where w;

	assert_true(elf_where(&inode, offsetof(struct elf_file, text) + 5, &w));
	assert_int_equal(w.segment, 0);
	assert_string_equal(w.flags, "r-x");
	assert_string_equal(w.section, ".text");
	assert_true(elf_where(&inode, offsetof(struct elf_file, data), &w));
	assert_int_equal(w.segment, 1);
	assert_string_equal(w.flags, "rw-");
	assert_string_equal(w.section, ".data");
	assert_true(elf_where(&inode, 1 << 16, &w));
	assert_int_equal(w.segment, -1);
	assert_string_equal(w.section, "");
}

/* Cut off anywhere, filled with anything: no more than what is there is read. */
static void test_whatis__broken_files(void **state)
{
	struct elf_where w;

	for (size_t n = 0; n < sizeof(file); n += 7) {
		uint8_t *copy = malloc(n + !n);
		struct inode inode = { .fd = -1, .bytes = copy, .size = n };

		memcpy(copy, &file, n);
		elf_where(&inode, 100, &w);
		if (n > sizeof(file.h))
			memset(copy + 0x18, 0xff, n - 0x18);
		elf_where(&inode, 100, &w);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatis__aliases),
		cmocka_unit_test(test_whatis__segments_and_sections),
		cmocka_unit_test(test_whatis__broken_files),
	};

	return cmocka_run_group_tests_name("whatis", tests, NULL, NULL);
}
