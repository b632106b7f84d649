/*
 * test_golden.c - vectors observed on other implementations of x86 paging.
 *
 *	test_golden [FILE]	FILE may be xz-compressed (*.xz)
 *
 * Each line is one access from an empty TLB: tests/golden/README.md has the
 * format. The machine is set up by cpu_write_*(), the access made by
 * mmu_access(), and everything that a program could see is compared: outcome,
 * error code, CR2, physical address, page size, A and D flags in memory.
 *
 * Exit status: 0 if all agree, 1 if some do not, 2 if the file is no good.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine/machine.h"

#define DEFAULT_FILE "tests/golden/paging-sample.tsv"
#define RAM_SIZE     (1ULL << 40)
#define MAX_SHOWN    10
#define MAX_ENTRIES  6

enum field {
	F_ID,
	F_MODE,
	F_MAXPHYADDR,
	F_GB,
	F_CR0,
	F_CR3,
	F_CR4,
	F_EFER,
	F_AC,
	F_PKRU,
	F_CPL,
	F_ACCESS,
	F_VA,
	F_PDPTE,
	F_ENTRIES,
	F_OUTCOME,
	F_ERR,
	F_CR2,
	F_PA,
	F_SIZE,
	F_SET,
	F_SET_EAGER,
	F_SRC,
	F_COUNT,
};

struct vector {
	char *f[F_COUNT];
	unsigned n; /* entries */
	pa_t pa[MAX_ENTRIES];
	uint64_t value[MAX_ENTRIES];
	uint64_t pdpte[4];
	unsigned entry_size;
};

struct observed {
	const char *outcome;
	struct fault fault;
	pa_t pa;
	const char *size;
	char set[32];
};

static uint64_t hex(const char *s)
{
	return strtoull(s, NULL, 16);
}

static bool split_line(char *line, struct vector *v)
{
	for (unsigned i = 0; i < F_COUNT; i++) {
		v->f[i] = strsep(&line, "\t");
		if (!v->f[i])
			return false;
	}
	return line == NULL;
}

/* "address=value,address=value"; leaves the field as it is. */
static bool parse_entries(struct vector *v)
{
	const char *p = v->f[F_ENTRIES];
	char *end;

	v->n = 0;
	if (!strcmp(p, "-"))
		return true;
	for (;;) {
		if (v->n == MAX_ENTRIES)
			return false;
		v->pa[v->n] = strtoull(p, &end, 16);
		if (*end != '=')
			return false;
		v->value[v->n++] = strtoull(end + 1, &end, 16);
		if (*end != ',')
			return *end == '\0';
		p = end + 1;
	}
}

static void parse_pdptes(struct vector *v)
{
	char *p = v->f[F_PDPTE];

	for (unsigned i = 0; i < 4; i++)
		v->pdpte[i] = *p == '-' ? 0 : strtoull(p, &p, 16),
		p += *p == ',';
}

static bool parse_vector(char *line, struct vector *v)
{
	if (!split_line(line, v) || !parse_entries(v))
		return false;
	parse_pdptes(v);
	v->entry_size = strncmp(v->f[F_MODE], "32", 2) ? 8 : 4;
	return true;
}

/*
 * Puts the entries into memory. Those listed behind a deciding entry may
 * have addresses that no RAM has.
 */
static void store_entries(struct ram *ram, const struct vector *v, bool clear)
{
	pa_t pdpt = hex(v->f[F_CR3]) & ~0x1fULL;

	for (unsigned i = 0; v->f[F_PDPTE][0] != '-' && i < 4; i++)
		ram_write(ram, pdpt + 8 * i, 8, clear ? 0 : v->pdpte[i]);
	for (unsigned i = 0; i < v->n; i++)
		ram_write(ram, v->pa[i], v->entry_size,
			  clear ? 0 : v->value[i]);
}

static struct cpu_features features_of(const struct vector *v)
{
	return (struct cpu_features){
		.maxphyaddr = atoi(v->f[F_MAXPHYADDR]),
		.gbpages = v->f[F_GB][0] == '1',
		.pse = true,
		.pae = true,
		.pse36 = true,
		.pge = true,
		.pat = true,
		.nx = true,
		.lm = true,
		.smep = true,
		.smap = true,
		.pku = true,
		.pcid = true,
		.la57 = true,
	};
}

/*
 * Loads the registers in an order that the processor allows: PCIDE and a CR3
 * above 4 GiB come after IA-32e mode. Returns the rule that refused, if any.
 */
static const char *load_registers(struct cpu *cpu, const struct vector *v)
{
	uint64_t cr0 = hex(v->f[F_CR0]), cr3 = hex(v->f[F_CR3]);
	uint64_t cr4 = hex(v->f[F_CR4]), efer = hex(v->f[F_EFER]);
	bool ia32e = efer & EFER_LME;
	const char *denied;

	denied = cpu_write_efer(cpu, efer);
	if (!denied)
		denied = cpu_write_cr4(cpu, cr4 & ~CR4_PCIDE);
	if (!denied)
		denied = cpu_write_cr3(cpu, ia32e ? 0 : cr3);
	if (!denied)
		denied = cpu_write_cr0(cpu, cr0);
	if (!denied && ia32e)
		denied = cpu_write_cr4(cpu, cr4);
	if (!denied && ia32e)
		denied = cpu_write_cr3(cpu, cr3);
	if (v->f[F_AC][0] == '1')
		cpu_write_eflags(cpu, EFLAGS_AC);
	cpu_write_pkru(cpu, hex(v->f[F_PKRU]));
	cpu->cpl = v->f[F_CPL][0] - '0';
	return denied;
}

static struct access access_of(const struct vector *v)
{
	char how = v->f[F_ACCESS][0];

	return (struct access){
		.va = hex(v->f[F_VA]),
		.kind = how == 'w'   ? ACCESS_WRITE
			: how == 'x' ? ACCESS_FETCH
				     : ACCESS_READ,
		.user = v->f[F_CPL][0] == '3',
		.implicit = how == 'i',
	};
}

/* What changed in the entries: ".", "A", "D", "AD", or "?" for aught else. */
static void observe_set(const struct ram *ram, const struct vector *v,
			struct observed *o)
{
	o->set[0] = '\0';
	for (unsigned i = 0; i < v->n; i++) {
		uint64_t now = ram_read(ram, v->pa[i], v->entry_size);
		uint64_t diff = now ^ v->value[i];

		if (v->pa[i] >= RAM_SIZE)
			diff = 0;
		if (i)
			strcat(o->set, ",");
		if (diff & (~(PTE_A | PTE_D) | v->value[i]))
			strcat(o->set, "?");
		if (diff & PTE_A)
			strcat(o->set, "A");
		if (diff & PTE_D)
			strcat(o->set, "D");
		if (!diff)
			strcat(o->set, ".");
	}
	if (!v->n)
		strcat(o->set, "-");
}

static void observe_access(struct cpu *cpu, const struct vector *v,
			   struct observed *o)
{
	struct access access = access_of(v);
	const struct tlb_entry *e;
	enum tlb_level level;

	if (mmu_access(cpu, &access, &o->pa, &o->fault)) {
		o->outcome = "ok";
		e = tlb_lookup(&cpu->tlb, access.kind, access.va, cpu_pcid(cpu),
			       &level);
		if (e)
			o->size = paging_size_name(tlb_entry_shift(e));
	} else {
		o->outcome = o->fault.vector == VEC_PF ? "pf" : "gp";
	}
	observe_set(cpu->ram, v, o);
}

static void run_vector(struct ram *ram, const struct vector *v,
		       struct observed *o)
{
	struct cpu_features features = features_of(v);
	struct cpu cpu;

	memset(o, 0, sizeof(*o));
	store_entries(ram, v, false);
	cpu_init(&cpu, 0, ram, &features);
	o->outcome = "gpl";
	if (!load_registers(&cpu, v))
		observe_access(&cpu, v, o);
	if (!strcmp(o->outcome, "pf") && cpu.cr2 != o->fault.cr2)
		o->outcome = "cr2 not loaded";
	cpu_deinit(&cpu);
	store_entries(ram, v, true);
}

/* The first field that differs, or NULL. */
static const char *compare(const struct vector *v, const struct observed *o)
{
	if (strcmp(v->f[F_OUTCOME], o->outcome))
		return "outcome";
	if (!strcmp(o->outcome, "gpl"))
		return NULL;
	if (!strcmp(o->outcome, "pf") &&
	    hex(v->f[F_ERR]) != o->fault.error_code)
		return "err";
	if (!strcmp(o->outcome, "pf") && hex(v->f[F_CR2]) != o->fault.cr2)
		return "cr2";
	if (!strcmp(o->outcome, "ok") && v->f[F_PA][0] != '?' &&
	    hex(v->f[F_PA]) != o->pa)
		return "pa";
	if (!strcmp(o->outcome, "ok") &&
	    (!o->size || strcmp(v->f[F_SIZE], o->size)))
		return "size";
	if (strcmp(v->f[F_SET], o->set))
		return "set";
	return NULL;
}

static void explain(const struct vector *v, const struct observed *o,
		    const char *field)
{
	static const enum field shown[] = {
		F_ID,  F_MODE,	 F_MAXPHYADDR, F_GB,	F_CR0,
		F_CR3, F_CR4,	 F_EFER,       F_AC,	F_PKRU,
		F_CPL, F_ACCESS, F_VA,	       F_PDPTE, F_ENTRIES,
	};
	static const char *const name[] = {
		"vector", "mode",   "maxphyaddr", "gb",	   "cr0",
		"cr3",	  "cr4",    "efer",	  "ac",	   "pkru",
		"cpl",	  "access", "va",	  "pdpte", "entries",
	};

	printf("%s differs:", field);
	for (unsigned i = 0; i < ARRAY_SIZE(shown); i++)
		printf(" %s=%s", name[i], v->f[shown[i]]);
	printf("\n  expected %s err=%s cr2=%s pa=%s size=%s set=%s (%s)\n",
	       v->f[F_OUTCOME], v->f[F_ERR], v->f[F_CR2], v->f[F_PA],
	       v->f[F_SIZE], v->f[F_SET], v->f[F_SRC]);
	printf("  got      %s err=%x cr2=%" PRIx64 " pa=%" PRIx64
	       " size=%s set=%s reason=%s\n",
	       o->outcome, o->fault.error_code, o->fault.cr2, o->pa,
	       o->size ? o->size : "-", o->set,
	       fault_reason_name[o->fault.reason]);
}

/* One line of the file. True if it is a vector and the machine agrees. */
static bool check_line(struct ram *ram, char *line, unsigned long failed)
{
	struct vector v;
	struct observed o;
	const char *field;

	if (!parse_vector(line, &v)) {
		if (failed < MAX_SHOWN)
			printf("not a vector: %s\n", line);
		return false;
	}
	run_vector(ram, &v, &o);
	field = compare(&v, &o);
	if (field && failed < MAX_SHOWN)
		explain(&v, &o, field);
	return !field;
}

/* --- the file ------------------------------------------------------------- */

struct source {
	const char *name;
	FILE *file;
	pid_t xz; /* 0: the file is read as it is */
};

static bool complain(const struct source *s, const char *what)
{
	fprintf(stderr, "%s: %s\n", s->name, what);
	return false;
}

static bool is_compressed(const char *name)
{
	size_t len = strlen(name);

	return len >= 3 && !strcmp(name + len - 3, ".xz");
}

/* Puts xz between @fd and us: returns what to read, or -1. */
static int decompress(struct source *s, int fd)
{
	int out[2];

	if (pipe(out))
		return -1;
	s->xz = fork();
	if (!s->xz) {
		dup2(fd, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execlp("xz", "xz", "-dcqq", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(fd);
	return out[0];
}

static bool open_source(struct source *s)
{
	int fd = open(s->name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return complain(s, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return complain(s, strerror(EISDIR));
	if (S_ISREG(st.st_mode) && !st.st_size)
		return complain(s, "empty file");
	if (is_compressed(s->name))
		fd = decompress(s, fd);
	s->file = fd < 0 ? NULL : fdopen(fd, "r");
	return s->file || complain(s, strerror(errno));
}

/* Did all of the file come? What xz makes of a damaged one looks whole. */
static bool close_source(struct source *s)
{
	bool read = !ferror(s->file);
	int status = 0;

	fclose(s->file);
	if (!read)
		return complain(s, "cannot be read");
	if (!s->xz)
		return true;
	if (waitpid(s->xz, &status, 0) != s->xz)
		return complain(s, strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return complain(s, "needs xz, which cannot be run");
	if (status)
		return complain(s, "damaged, cut short, or not an xz file");
	return true;
}

/* All of the file, or NULL: nothing is run before it is known to be whole. */
static char *read_source(struct source *s)
{
	char *text = NULL;
	size_t size = 0;

	if (!open_source(s))
		return NULL;
	if (getdelim(&text, &size, '\0', s->file) > 0 && !feof(s->file))
		complain(s, "not a text file");
	else if (close_source(s))
		return text;
	free(text);
	return NULL;
}

struct tally {
	unsigned long passed, failed;
};

static struct tally run_lines(struct ram *ram, char *text)
{
	struct tally n = { 0, 0 };
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (line[0] == '#' || (!line[0] && !text))
			continue;
		if (check_line(ram, line, n.failed))
			n.passed++;
		else
			n.failed++;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct source s = { .name = argc > 1 ? argv[1] : DEFAULT_FILE };
	struct ram_region map = { 0, RAM_SIZE, RAM_USABLE, true };
	char *text = read_source(&s);
	struct ram *ram = text ? ram_create(&map, 1) : NULL;
	struct tally n;

	if (text && !ram)
		perror("memory for the vectors");
	if (!ram)
		return 2;
	n = run_lines(ram, text);
	free(text);
	ram_destroy(ram);
	if (!n.passed && !n.failed) {
		complain(&s, "no vectors in it");
		return 2;
	}
	printf("%lu passed, %lu failed\n", n.passed, n.failed);
	return n.failed != 0;
}
