/*
 * binfmt_elf.c - ELF programs become address spaces (linux 6.1
 * fs/binfmt_elf.c).
 *
 *	| program: segments, bss | heap ->   ...   <- mmap area: interpreter,
 *	  [vvar], [vdso] |  gap  | <- stack: argc argv envp auxv ... strings |
 *
 * Headers of both classes are read into one form. Each field that Linux
 * checks is checked, and the class too, which Linux infers from e_machine.
 *
 * Left out: GNU properties, ABI-tag checks, core dumps, FDPIC.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/binprm.h"

struct elfhdr {		/* either class, widened */
	uint8_t e_ident[EI_NIDENT];
	uint16_t e_type, e_machine, e_phentsize, e_phnum;
	uint64_t e_entry, e_phoff;
};

struct elf_phdr {
	uint32_t p_type, p_flags;
	uint64_t p_offset, p_vaddr, p_filesz, p_memsz, p_align;
};

struct elf_file {	/* a program or its interpreter */
	struct file *file;
	struct elfhdr eh;
	struct elf_phdr *ph;	/* owned */
};

struct elf_image {	/* where a file's segments ended up */
	uint64_t load_bias;
	bool mapped;
	va_t phdr, elf_bss, elf_brk;
	va_t start_code, end_code, start_data, end_data;
	bool bss_exec;
};

static int refuse(struct linux_binprm *b, int err, const char *why)
{
	b->why = why;
	return err;
}

/* --- headers -------------------------------------------------------------- */

/* Reads exactly @len bytes. */
static int elf_read(struct linux_binprm *b, struct file *file, uint64_t off,
		    void *buf, uint64_t len)
{
	int64_t n = file_read(b->k, file, off, buf, len);

	if (n < 0)
		return n;
	return (uint64_t)n == len ? 0 : -EIO;
}

static void widen_ehdr32(const Elf32_Ehdr *in, struct elfhdr *eh)
{
	eh->e_type = in->e_type;
	eh->e_machine = in->e_machine;
	eh->e_entry = in->e_entry;
	eh->e_phoff = in->e_phoff;
	eh->e_phentsize = in->e_phentsize;
	eh->e_phnum = in->e_phnum;
}

static void widen_ehdr64(const Elf64_Ehdr *in, struct elfhdr *eh)
{
	eh->e_type = in->e_type;
	eh->e_machine = in->e_machine;
	eh->e_entry = in->e_entry;
	eh->e_phoff = in->e_phoff;
	eh->e_phentsize = in->e_phentsize;
	eh->e_phnum = in->e_phnum;
}

static const char *check_ident(const struct kernel *k, const uint8_t *ident)
{
	if (memcmp(ident, ELFMAG, SELFMAG))
		return "e_ident: not an ELF file";
	if (ident[EI_CLASS] != k->arch->elf_class)
		return k->arch->elf_class == ELFCLASS64 ?
			       "EI_CLASS is not ELFCLASS64" :
			       "EI_CLASS is not ELFCLASS32";
	if (ident[EI_DATA] != ELFDATA2LSB)
		return "EI_DATA is not ELFDATA2LSB";
	if (ident[EI_VERSION] != EV_CURRENT)
		return "EI_VERSION is not EV_CURRENT";
	return NULL;
}

static size_t ehdr_size(const struct kernel *k)
{
	return k->arch->elf_class == ELFCLASS64 ? sizeof(Elf64_Ehdr) :
						  sizeof(Elf32_Ehdr);
}

static size_t phdr_size(const struct kernel *k)
{
	return k->arch->elf_class == ELFCLASS64 ? sizeof(Elf64_Phdr) :
						  sizeof(Elf32_Phdr);
}

static int read_ehdr(struct linux_binprm *b, struct elf_file *f, int bad)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
		uint8_t ident[EI_NIDENT];
	} raw = { 0 };
	int64_t n = file_read(b->k, f->file, 0, &raw, ehdr_size(b->k));
	const char *why;

	if (n < 0)
		return n;
	why = check_ident(b->k, raw.ident);
	if (why)
		return refuse(b, bad, why);
	if ((size_t)n < ehdr_size(b->k))
		return refuse(b, bad, "the file ends within the ELF header");
	memcpy(f->eh.e_ident, raw.ident, EI_NIDENT);
	if (b->k->arch->elf_class == ELFCLASS64)
		widen_ehdr64(&raw.e64, &f->eh);
	else
		widen_ehdr32(&raw.e32, &f->eh);
	if (f->eh.e_type != ET_EXEC && f->eh.e_type != ET_DYN)
		return refuse(b, bad, "e_type is neither ET_EXEC nor ET_DYN");
	if (f->eh.e_machine != b->k->arch->elf_machine)
		return refuse(b, bad, "e_machine is another architecture");
	return 0;
}

static struct elf_phdr widen_phdr(const struct kernel *k, const void *raw)
{
	const Elf64_Phdr *p64 = raw;
	const Elf32_Phdr *p32 = raw;

	if (k->arch->elf_class == ELFCLASS64)
		return (struct elf_phdr){ p64->p_type, p64->p_flags,
					  p64->p_offset, p64->p_vaddr,
					  p64->p_filesz, p64->p_memsz,
					  p64->p_align };
	return (struct elf_phdr){ p32->p_type, p32->p_flags, p32->p_offset,
				  p32->p_vaddr, p32->p_filesz, p32->p_memsz,
				  p32->p_align };
}

static int read_phdrs(struct linux_binprm *b, struct elf_file *f, int bad)
{
	size_t each = phdr_size(b->k);
	uint64_t size = each * f->eh.e_phnum;
	union {
		Elf64_Phdr p64;
		Elf32_Phdr p32;
	} raw;

	if (f->eh.e_phentsize != each)
		return refuse(b, bad, "e_phentsize is not that of a program header");
	if (!size)
		return refuse(b, bad, "e_phnum is 0");
	if (size > 65536)
		return refuse(b, bad, "e_phnum: more than 64 KiB of headers");
	if (f->eh.e_phoff > (uint64_t)INT64_MAX - size)
		return refuse(b, bad, "e_phoff is beyond any file");
	f->ph = xcalloc(f->eh.e_phnum, sizeof(*f->ph));
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		if (elf_read(b, f->file, f->eh.e_phoff + i * each, &raw, each))
			return refuse(b, bad, "e_phoff: program headers beyond the end of the file");
		f->ph[i] = widen_phdr(b->k, &raw);
	}
	return 0;
}

static const struct elf_phdr *find_phdr(const struct elf_file *f, uint32_t type)
{
	for (unsigned i = 0; i < f->eh.e_phnum; i++)
		if (f->ph[i].p_type == type)
			return &f->ph[i];
	return NULL;
}

/* Bytes from the first segment's page to the last one's end; 0: no PT_LOAD. */
static uint64_t total_mapping_size(const struct elf_file *f)
{
	uint64_t min = UINT64_MAX, max = 0;

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const struct elf_phdr *p = &f->ph[i];

		if (p->p_type != PT_LOAD)
			continue;
		if ((p->p_vaddr & PAGE_MASK) < min)
			min = p->p_vaddr & PAGE_MASK;
		if (p->p_vaddr + p->p_memsz > max)
			max = p->p_vaddr + p->p_memsz;
	}
	return max > min ? max - min : 0;
}

/* The largest p_align of a segment that is a power of two. */
static uint64_t maximum_alignment(const struct elf_file *f)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		uint64_t a = f->ph[i].p_align;

		if (f->ph[i].p_type == PT_LOAD && a && !(a & (a - 1)) &&
		    a > max)
			max = a;
	}
	return PAGE_ALIGN(max);
}

/* --- segments ------------------------------------------------------------- */

static unsigned make_prot(uint32_t p_flags)
{
	return (p_flags & PF_R ? LX_PROT_READ : 0) |
	       (p_flags & PF_W ? LX_PROT_WRITE : 0) |
	       (p_flags & PF_X ? LX_PROT_EXEC : 0);
}

/* Maps @size bytes of the file; the first time room for all of @total. */
static int elf_map(struct linux_binprm *b, struct file *file, va_t addr,
		   const struct elf_phdr *p, unsigned flags, uint64_t total,
		   va_t *ret)
{
	uint64_t in_page = p->p_vaddr & ~PAGE_MASK;
	uint64_t size = PAGE_ALIGN(p->p_filesz + in_page);
	uint64_t off = p->p_offset - in_page;
	va_t at = addr & PAGE_MASK;
	int err;

	if (!size) {
		*ret = at;
		return 0;
	}
	if (off & ~PAGE_MASK)
		return refuse(b, -EINVAL, "p_offset and p_vaddr differ within a page");
	total = total ? PAGE_ALIGN(total) : size;
	err = do_mmap(b->k, b->mm, file, at, total, make_prot(p->p_flags),
		      LX_MAP_PRIVATE | flags, off >> PAGE_SHIFT, &at);
	if (err)
		return refuse(b, err, "a PT_LOAD segment cannot be mapped");
	if (total > size)
		err = do_munmap(b->k, b->mm, at + size, total - size);
	*ret = at;
	return err;
}

static const char *check_segment(const struct linux_binprm *b,
				 const struct elf_phdr *p, va_t at)
{
	va_t top = b->mm->task_size;

	if (at >= top)
		return "p_vaddr is not a user address";
	if (p->p_filesz > p->p_memsz)
		return "p_filesz > p_memsz";
	if (p->p_memsz > top || top - p->p_memsz < at)
		return "p_memsz reaches beyond user space";
	return NULL;
}

static int clear_user(struct linux_binprm *b, va_t va, uint64_t len)
{
	static const char zeroes[PAGE_SIZE];

	return access_remote_vm(b->k, b->mm, va, (char *)zeroes, len, true);
}

/* Anonymous pages for what memory has more than the file (linux set_brk). */
static int map_bss(struct linux_binprm *b, const struct elf_image *im)
{
	va_t start = PAGE_ALIGN(im->elf_bss + im->load_bias);
	va_t end = PAGE_ALIGN(im->elf_brk + im->load_bias);

	if (end <= start)
		return 0;
	return vm_brk_flags(b->k, b->mm, start, end - start,
			    im->bss_exec ? VM_EXEC : 0);
}

/* Zeroes the rest of the last page that came from the file. */
static int padzero(struct linux_binprm *b, va_t bss)
{
	uint64_t in_page = bss & ~PAGE_MASK;

	return in_page ? clear_user(b, bss, PAGE_SIZE - in_page) : 0;
}

/* A segment follows one with bss: its bss must be there before. */
static int flush_bss(struct linux_binprm *b, const struct elf_image *im)
{
	uint64_t n = -im->elf_bss & ~PAGE_MASK;
	int err;

	if (im->elf_brk <= im->elf_bss)
		return 0;
	err = map_bss(b, im);
	if (err)
		return err;
	if (n > im->elf_brk - im->elf_bss)
		n = im->elf_brk - im->elf_bss;
	clear_user(b, im->elf_bss + im->load_bias, n);
	return 0;
}

/* Keeps the bounds of code, data and bss, without the load bias. */
static void note_segment(struct elf_image *im, const struct elf_phdr *p)
{
	va_t start = p->p_vaddr, file_end = start + p->p_filesz;
	va_t end = start + p->p_memsz;

	if ((p->p_flags & PF_X) && start < im->start_code)
		im->start_code = start;
	if (start > im->start_data)
		im->start_data = start;
	if (file_end > im->elf_bss)
		im->elf_bss = file_end;
	if ((p->p_flags & PF_X) && file_end > im->end_code)
		im->end_code = file_end;
	if (file_end > im->end_data)
		im->end_data = file_end;
	if (end > im->elf_brk) {
		im->bss_exec = p->p_flags & PF_X;
		im->elf_brk = end;
	}
}

static bool holds_phdrs(const struct elf_phdr *p, const struct elfhdr *eh)
{
	return p->p_offset <= eh->e_phoff &&
	       eh->e_phoff - p->p_offset < p->p_filesz;
}

/* => im->load_bias and @flags say where; the first segment fixes the bias. */
static int load_segment(struct linux_binprm *b, const struct elf_file *f,
			const struct elf_phdr *p, unsigned flags,
			uint64_t total, struct elf_image *im)
{
	va_t want = im->load_bias + p->p_vaddr, at;
	const char *why;
	int err = elf_map(b, f->file, want, p, flags, total, &at);

	if (err)
		return err;
	if (!im->mapped && f->eh.e_type == ET_DYN)
		im->load_bias += at - (want & PAGE_MASK);
	im->mapped = true;
	if (holds_phdrs(p, &f->eh))
		im->phdr = f->eh.e_phoff - p->p_offset + p->p_vaddr;
	why = check_segment(b, p, im->load_bias + p->p_vaddr);
	if (why)
		return refuse(b, -EINVAL, why);
	note_segment(im, p);
	return 0;
}

/* Where a position-independent program with an interpreter goes. */
static uint64_t dyn_base(struct linux_binprm *b, const struct elf_file *f)
{
	uint64_t base = b->k->layout.elf_et_dyn_base;
	uint64_t align = maximum_alignment(f);

	if (b->randomize)
		base += (kernel_random(b->k) & b->abi->mmap_rnd_mask)
			<< PAGE_SHIFT;
	return align ? base & ~(align - 1) : base;
}

static int load_program(struct linux_binprm *b, const struct elf_file *f,
			bool interp, struct elf_image *im)
{
	unsigned flags = LX_MAP_FIXED_NOREPLACE;
	uint64_t total = 0;
	int err;

	im->start_code = UINT64_MAX;
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const struct elf_phdr *p = &f->ph[i];

		if (p->p_type != PT_LOAD)
			continue;
		err = flush_bss(b, im);
		if (err)
			return err;
		if (!im->mapped && f->eh.e_type == ET_DYN) {
			im->load_bias = interp ? dyn_base(b, f) : 0;
			im->load_bias = (im->load_bias - p->p_vaddr) &
					PAGE_MASK;
			total = total_mapping_size(f);
			flags = interp ? flags : 0;
		}
		err = load_segment(b, f, p, im->mapped ? LX_MAP_FIXED : flags,
				   im->mapped ? 0 : total, im);
		if (err)
			return err;
	}
	return im->mapped ? 0 : refuse(b, -EINVAL, "no PT_LOAD segment");
}

/* The bss of the last segment, and the heap behind it. */
static int finish_bss(struct linux_binprm *b, const struct elf_image *im)
{
	int err = map_bss(b, im);

	b->mm->start_brk = b->mm->brk =
		PAGE_ALIGN(im->elf_brk + im->load_bias);
	if (err || im->elf_bss == im->elf_brk)
		return err;
	if (padzero(b, im->elf_bss + im->load_bias))
		return refuse(b, -EFAULT, "the page where bss begins is not writable");
	return 0;
}

/* --- the interpreter ------------------------------------------------------ */

static int open_interp(struct linux_binprm *b, const struct elf_file *prog,
		       const struct elf_phdr *p, struct file **ret)
{
	char path[PATH_MAX];
	int err;

	if (p->p_filesz > PATH_MAX || p->p_filesz < 2)
		return refuse(b, -ENOEXEC, "PT_INTERP: p_filesz is no path length");
	if (elf_read(b, prog->file, p->p_offset, path, p->p_filesz))
		return refuse(b, -EIO, "PT_INTERP: p_offset beyond the end of the file");
	if (path[p->p_filesz - 1] != '\0')
		return refuse(b, -ENOEXEC, "PT_INTERP: the path does not end with NUL");
	err = file_open(b->k, path, ret);
	return err ? refuse(b, err, "PT_INTERP: the interpreter cannot be opened") : 0;
}

static int load_interp_segments(struct linux_binprm *b,
				const struct elf_file *f, struct elf_image *im)
{
	uint64_t total = total_mapping_size(f);
	unsigned flags = f->eh.e_type == ET_EXEC ? LX_MAP_FIXED : 0;
	const struct elf_phdr *p;
	int err;

	if (!total)
		return refuse(b, -EINVAL, "interpreter: no PT_LOAD segment");
	for (p = f->ph; p < f->ph + f->eh.e_phnum; p++) {
		if (p->p_type != PT_LOAD)
			continue;
		if (!im->mapped && f->eh.e_type == ET_DYN)
			im->load_bias = -(p->p_vaddr & PAGE_MASK);
		err = load_segment(b, f, p, im->mapped ? LX_MAP_FIXED : flags,
				   im->mapped ? 0 : total, im);
		if (err)
			return err;
	}
	if (padzero(b, im->elf_bss + im->load_bias))
		return refuse(b, -EFAULT, "interpreter: bss is not writable");
	return map_bss(b, im);
}

static int load_elf_interp(struct linux_binprm *b, struct elf_file *f,
			   va_t *entry)
{
	struct elf_image im = { 0 };
	int err = read_ehdr(b, f, -ELIBBAD);

	if (!err)
		err = read_phdrs(b, f, -ELIBBAD);
	if (!err)
		err = load_interp_segments(b, f, &im);
	if (err)
		return err;
	b->mm->interp_base = im.load_bias;
	*entry = f->eh.e_entry + im.load_bias;
	if (*entry >= b->mm->task_size)
		return refuse(b, -EINVAL, "interpreter: e_entry is not a user address");
	return 0;
}

/* --- the initial stack ---------------------------------------------------- */

struct stack_words {	/* the part made of longs, built here, copied at once */
	uint8_t *bytes;
	unsigned n, word;
};

static void put_word(struct stack_words *s, uint64_t value)
{
	memcpy(s->bytes + s->n++ * s->word, &value, s->word);
}

static void put_aux(struct stack_words *s, uint64_t id, uint64_t value)
{
	put_word(s, id);
	put_word(s, value);
}

/* Pointers to @n strings that lie one after another from @p; returns the end. */
static va_t put_pointers(struct linux_binprm *b, struct stack_words *s, va_t p,
			 unsigned n)
{
	char c;

	while (n--) {
		put_word(s, p);
		do {
			if (access_remote_vm(b->k, b->mm, p++, &c, 1, false))
				break;
		} while (c);
	}
	put_word(s, 0);
	return p;
}

struct aux {	/* what the auxiliary vector tells */
	const struct elf_file *prog;
	va_t phdr, entry, random, platform;
};

#define ELF_HWCAP	0x078bfbfdu	/* CPUID 1 EDX of qemu64 */
#define CLOCKS_PER_SEC_USER 100
#define AUX_MAX		24

static void put_auxv(struct linux_binprm *b, struct stack_words *s,
		     const struct aux *a)
{
	if (b->abi->sysinfo)
		put_aux(s, AT_SYSINFO, b->mm->vdso);
	put_aux(s, AT_SYSINFO_EHDR, b->mm->vdso);
	put_aux(s, AT_MINSIGSTKSZ, b->abi->sigframe);
	put_aux(s, AT_HWCAP, ELF_HWCAP);
	put_aux(s, AT_PAGESZ, PAGE_SIZE);
	put_aux(s, AT_CLKTCK, CLOCKS_PER_SEC_USER);
	put_aux(s, AT_PHDR, a->phdr);
	put_aux(s, AT_PHENT, phdr_size(b->k));
	put_aux(s, AT_PHNUM, a->prog->eh.e_phnum);
	put_aux(s, AT_BASE, b->mm->interp_base);
	put_aux(s, AT_FLAGS, 0);
	put_aux(s, AT_ENTRY, a->entry);
	put_aux(s, AT_UID, 0);
	put_aux(s, AT_EUID, 0);
	put_aux(s, AT_GID, 0);
	put_aux(s, AT_EGID, 0);
	put_aux(s, AT_SECURE, 0);
	put_aux(s, AT_RANDOM, a->random);
	put_aux(s, AT_HWCAP2, 0);
	put_aux(s, AT_EXECFN, b->exec);
	put_aux(s, AT_PLATFORM, a->platform);
	put_aux(s, AT_NULL, 0);
}

/* Below the strings: platform, 16 random bytes. Returns where the rest ends. */
static int put_strings(struct linux_binprm *b, struct aux *a, va_t *p)
{
	uint64_t random[2] = { kernel_random(b->k), kernel_random(b->k) };
	size_t len = strlen(b->abi->platform) + 1;
	int err;

	*p = arch_align_stack(b, b->p) - len;
	a->platform = *p;
	a->random = *p -= sizeof(random);
	err = access_remote_vm(b->k, b->mm, a->platform,
			       (char *)b->abi->platform, len, true);
	if (!err)
		err = access_remote_vm(b->k, b->mm, a->random, random,
				       sizeof(random), true);
	return err;
}

static int create_elf_tables(struct linux_binprm *b, struct aux *a)
{
	struct mm_struct *mm = b->mm;
	unsigned aux_words = b->abi->sysinfo ? 44 : 42;
	struct stack_words s = { .word = b->k->arch->word };
	unsigned items = b->argc + 1 + b->envc + 1 + 1;
	va_t p;
	int err = put_strings(b, a, &p);

	if (err)
		return err;
	s.bytes = xcalloc(items + 2 * AUX_MAX, s.word);
	b->p = (p - (va_t)(aux_words + items) * s.word) & ~(va_t)15;
	put_word(&s, b->argc);
	mm->arg_end = mm->env_start =
		put_pointers(b, &s, mm->arg_start, b->argc);
	mm->env_end = put_pointers(b, &s, mm->env_start, b->envc);
	put_auxv(b, &s, a);
	err = access_remote_vm(b->k, mm, b->p, s.bytes, s.n * s.word, true);
	free(s.bytes);
	mm->start_stack = b->p;
	return err;
}

/* --- all together --------------------------------------------------------- */

/*
 * A program without interpreter that may go anywhere lies in the mmap area,
 * and its heap would soon hit something: it is moved to where programs are.
 * Without ASLR too since 6.1 stable took "Move brk for static PIE even if ASLR
 * disabled"; 6.1.0 left it behind bss then.
 */
static void place_brk(struct linux_binprm *b, bool static_pie)
{
	struct mm_struct *mm = b->mm;
	va_t base = b->k->layout.elf_et_dyn_base, thirds;

	if (static_pie) {	/* ELF_ET_DYN_BASE before it is page aligned */
		thirds = mm->map_window / 3 * 2;
		mm->brk = (thirds & PAGE_MASK) == base ? PAGE_ALIGN(thirds) :
							 base;
	} else if (b->randomize > 1) {
		mm->brk += PAGE_SIZE;
	}
	if (b->randomize > 1)
		mm->brk += (kernel_random(b->k) %
			    (b->abi->brk_range >> PAGE_SHIFT)) << PAGE_SHIFT;
	mm->start_brk = mm->brk;
}

static void set_bounds(struct mm_struct *mm, const struct elf_image *im)
{
	mm->start_code = im->start_code + im->load_bias;
	mm->end_code = im->end_code + im->load_bias;
	mm->start_data = im->start_data + im->load_bias;
	mm->end_data = im->end_data + im->load_bias;
}

/*
 * What PT_GNU_STACK says of the stack. An i386 program without it was made
 * before there was NX: all that it can read it may execute.
 */
static enum exec_stack stack_kind(struct linux_binprm *b,
				  const struct elf_file *prog)
{
	const struct elf_phdr *stack = find_phdr(prog, PT_GNU_STACK);

	if (b->k->arch->word == 8)
		b->task->personality &= ~LX_READ_IMPLIES_EXEC;
	if (!stack && b->k->arch->word == 4)
		b->task->personality |= LX_READ_IMPLIES_EXEC;
	if (!stack)
		return EXSTACK_DEFAULT;
	return stack->p_flags & PF_X ? EXSTACK_ENABLE_X : EXSTACK_DISABLE_X;
}

/* MMAP_PAGE_ZERO: what System V had at address 0. A refusal does not matter. */
static void map_page_zero(struct linux_binprm *b)
{
	va_t at;

	if (b->task->personality & LX_MMAP_PAGE_ZERO)
		do_mmap(b->k, b->mm, NULL, 0, PAGE_SIZE,
			LX_PROT_READ | LX_PROT_EXEC,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&at);
}

/* Stack, segments, bss, interpreter, vdso, stack contents: in this order. */
static int load_image(struct linux_binprm *b, const struct elf_file *prog,
		      struct elf_file *interp)
{
	struct elf_image im = { 0 };
	struct aux a = { .prog = prog };
	int err = setup_arg_pages(b, stack_kind(b, prog));
	va_t start;

	if (!err)
		err = load_program(b, prog, interp->file, &im);
	if (!err)
		err = finish_bss(b, &im);
	if (err)
		return err;
	a.phdr = im.phdr + im.load_bias;
	start = a.entry = prog->eh.e_entry + im.load_bias;
	if (interp->file)
		err = load_elf_interp(b, interp, &start);
	else if (a.entry >= b->mm->task_size)
		err = refuse(b, -EINVAL, "e_entry is not a user address");
	if (!err)
		err = map_vdso(b);
	if (!err)
		err = create_elf_tables(b, &a);
	if (err)
		return err;
	set_bounds(b->mm, &im);
	place_brk(b, prog->eh.e_type == ET_DYN && !interp->file);
	map_page_zero(b);
	b->mm->entry = b->task->ip = start;
	b->task->sp = b->p;
	return 0;
}

int load_elf_binary(struct linux_binprm *b)
{
	struct elf_file prog = { .file = b->file }, interp = { 0 };
	const struct elf_phdr *p;
	int err = read_ehdr(b, &prog, -ENOEXEC);

	if (!err)
		err = read_phdrs(b, &prog, -ENOEXEC);
	p = err ? NULL : find_phdr(&prog, PT_INTERP);
	if (p)
		err = open_interp(b, &prog, p, &interp.file);
	if (!err) {
		b->point_of_no_return = true;
		err = load_image(b, &prog, &interp);
	}
	fput(b->k, interp.file);
	free(interp.ph);
	free(prog.ph);
	return err;
}
