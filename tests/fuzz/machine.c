/*
 * machine.c - fuzz target: a program of register loads, stores to paging
 * structures, invalidations and accesses, for a machine of two CPUs.
 *
 * All of RAM is filled with entries that lead into RAM, so that walks go
 * somewhere. Whatever the program does: what mmu_probe() foretells happens,
 * asking changes nothing, mmu_resolve() agrees with mmu_translate(), error
 * codes are possible ones, and after a flush of everything a CPU sees what
 * the tables say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES 16
#define RAM_BYTES (FRAMES * PAGE_SIZE)

struct input {
	const uint8_t *p, *end;
};

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)(in->p < in->end ? *in->p++ : 0) << (8 * i);
	return v;
}

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "machine: %s\n", what);
	abort();
}

/* --- the machine ---------------------------------------------------------------- */
static struct machine *make(uint8_t choice)
{
	struct ram_region map = { 0, RAM_BYTES, RAM_USABLE, true };
	struct cpu_features f = {
		.maxphyaddr = choice & 1 ? 36 : 52, .pse = true, .pae = true,
		.pse36 = choice & 2, .pge = true, .pat = true, .nx = true,
		.gbpages = choice & 4, .lm = true, .smep = true, .smap = true,
		.pku = true, .pks = true, .pcid = true, .invpcid = true,
		.la57 = true, .tlb = tlb_configs[(choice >> 3) % 3],
	};

	return machine_create(&map, 1, 2, &f);
}

/* An entry that leads into RAM, with bits of @v as flags. */
static uint64_t entry_from(uint64_t v)
{
	uint64_t flags = (v & 0xfff) | (v << 51 & PTE_XD & -(v >> 60 & 1));

	return (v >> 12) % FRAMES * PAGE_SIZE | flags | (v >> 61 ? PTE_P : 0);
}

static void fill(struct ram *ram, uint64_t seed, bool narrow)
{
	for (pa_t pa = 0; pa < RAM_BYTES; pa += narrow ? 4 : 8) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		uint64_t v = entry_from(seed ^ seed >> 29);

		if (seed >> 62)
			v |= PTE_P | PTE_RW | PTE_US;
		ram_write(ram, pa, narrow ? 4 : 8, v);
	}
}

/* --- steps ---------------------------------------------------------------------- */
static va_t take_va(struct input *in)
{
	unsigned how = take(in, 1);
	uint64_t v = take(in, how & 1 ? 8 : 4);

	if (how & 2)
		v = v % 64 * 511; /* few pages, and across boundaries */
	if (how & 4)
		v |= 0xffff800000000000;
	if (how & 8)
		v = 0x7ffffffffffc + v % 8;
	return v;
}

/* A memory-type register; where it is refused nothing changes. */
static void load_memtype(struct cpu *cpu, unsigned which, uint64_t v)
{
	struct memtype_regs old = cpu->memtype;
	uint32_t msr = 0x200 + (v >> 56) % 24;
	const char *rule;

	if (which & 1)
		rule = cpu_write_pat(cpu, v & 0x0707070707070707);
	else if (which & 2)
		rule = cpu_write_mtrr(cpu, mtrr_fixed[(v >> 60) % 11].msr,
				      v & 0x0505050505050505);
	else
		rule = cpu_write_mtrr(cpu, v % 5 ? msr : 0x2ff, v >> 5 & 0xffff);
	require(!rule || !memcmp(&old, &cpu->memtype, sizeof(old)),
		"a refused WRMSR changed a register");
}

static void load_register(struct cpu *cpu, struct input *in)
{
	static const char *(*const write[])(struct cpu *, uint64_t) = {
		cpu_write_cr0, cpu_write_cr3, cpu_write_cr4, cpu_write_efer,
		cpu_write_pkru, cpu_write_pkrs, cpu_write_eflags,
		cpu_task_switch,
	};
	unsigned which = take(in, 1);
	uint64_t v = take(in, which & 8 ? 8 : 3);
	uint64_t now[] = { cpu->mmu.cr0, cpu->mmu.cr3, cpu->mmu.cr4,
			   cpu->mmu.efer };

	if (which & 64) {
		load_memtype(cpu, which, v * 0x9e3779b97f4a7c15);
		return;
	}
	if ((which & 16) && which % 8 < 4) /* flip a bit */
		v = now[which % 8] ^ BIT(v % 64);
	if (which % 8 == 1 && !(which & 32))
		v = v % FRAMES * PAGE_SIZE | (v >> 60);
	write[which % 8](cpu, v);
}

/* A mode at one stroke: most programs would never get there by themselves. */
static void enter_mode(struct cpu *cpu, struct input *in)
{
	unsigned how = take(in, 1);
	bool ia32e = how & 2, pae = ia32e || (how & 1);

	cpu_write_cr4(cpu, cpu->mmu.cr4 & ~CR4_PCIDE);
	cpu_write_cr0(cpu, CR0_PE);
	cpu_write_cr4(cpu, CR4_PGE | (pae ? CR4_PAE : CR4_PSE) |
				   (ia32e && (how & 4) ? CR4_LA57 : 0));
	cpu_write_efer(cpu, (ia32e ? EFER_LME : 0) | (how & 8 ? EFER_NXE : 0));
	cpu_write_cr3(cpu, (how >> 4) * PAGE_SIZE);
	cpu_write_cr0(cpu, CR0_PE | CR0_PG | CR0_WP);
}

static void invalidate(struct cpu *cpu, struct input *in)
{
	unsigned how = take(in, 1);
	va_t va = take_va(in);
	struct shootdown s = { how >> 2 & 1 ? SHOOTDOWN_ALL : SHOOTDOWN_PAGE, va };

	if (how & 1)
		cpu_invlpg(cpu, va);
	else if (how & 2)
		cpu_invpcid(cpu, how >> 4, how & 8 ? cpu_pcid(cpu) : how, va);
	else
		cpu_shootdown(cpu, &s);
}

static void check_fault(const struct fault *f)
{
	uint32_t code = f->error_code;

	require(f->vector == VEC_PF || !code, "only #PF has such a code");
	require(!(code & (PF_RSVD | PF_PK)) || (code & PF_P),
		"RSVD and PK come with P");
	require(!(code & PF_ID) || !(code & PF_WR), "a fetch is no write");
}

/* A page has one of the five types that a cache knows. */
static void check_memtype(const struct cpu *cpu, const struct walk *w)
{
	struct memtype_of t;

	memtype_of_walk(&cpu->memtype, &cpu->mmu, w, &t);
	require(t.type < MT_UC_MINUS && t.type != 2 && t.type != 3,
		"a memory type that there is not");
	require(!(cpu->mmu.cr0 & CR0_CD) || t.type == MT_UC,
		"CR0.CD leaves something cached");
}

/* What the tables say, asked in two ways. */
static void check_translate(const struct machine *m, const struct cpu *cpu,
			    const struct access *a, struct walk *w)
{
	struct translation t;
	bool ok = mmu_resolve(&cpu->mmu, m->ram, a, &t);

	mmu_translate(&cpu->mmu, m->ram, a, w);
	if (!w->fault.reason)
		check_memtype(cpu, w);
	if (!cpu->mmu.mode->nlevels)
		return;
	require(ok == !w->fault.reason, "mmu_resolve() differs");
	require(!ok || (t.pa == w->pa && t.page_shift == w->page_shift &&
			t.rights.bits == w->rights.bits),
		"mmu_resolve() leads elsewhere");
}

static void check_access(struct machine *m, struct cpu *cpu,
			 const struct access *a, bool hashed)
{
	struct walk tables, before, w;
	uint64_t hash = hashed ? machine_hash(m) : 0;
	bool ok;

	check_translate(m, cpu, a, &tables);
	mmu_probe(cpu, a, &before);
	require(!hashed || machine_hash(m) == hash,
		"asking changed the machine");
	ok = mmu_access_traced(cpu, a, &w);
	require(ok == !w.fault.reason, "outcome and fault differ");
	require(w.fault.reason == before.fault.reason &&
			w.fault.error_code == before.fault.error_code &&
			w.tlb_hit == before.tlb_hit &&
			(!ok || w.pa == before.pa),
		"mmu_probe() foretold something else");
	check_fault(&w.fault);
	if (ok)
		return;
	/* The fault dropped what was cached: now the tables decide. */
	mmu_probe(cpu, a, &before);
	require(w.fault.vector != VEC_PF || !before.tlb_hit,
		"a page fault left a TLB entry");
}

static void access(struct machine *m, struct cpu *cpu, struct input *in)
{
	unsigned how = take(in, 1);
	struct access a = {
		.va = take_va(in), .kind = how % 3, .user = how & 4,
		.implicit = how & 8, .stack = how & 16,
	};
	uint8_t buf[8] = { 0 };
	struct fault fault;

	check_access(m, cpu, &a, how >> 5 == 3);
	if (a.kind == ACCESS_WRITE)
		mmu_store(cpu, &a, buf, 1 + (how >> 5), &fault);
	else
		mmu_load(cpu, &a, buf, 1 + (how >> 5), &fault);
}

/* After a flush of everything the tables decide, whatever happened before. */
static void flush_and_compare(struct machine *m, struct cpu *cpu,
			      struct input *in)
{
	struct shootdown all = { SHOOTDOWN_ALL, 0 };
	struct access a = { .va = take_va(in), .user = take(in, 1) & 1 };
	struct walk tables, w;

	cpu_forget(cpu, &all);
	check_translate(m, cpu, &a, &tables);
	mmu_probe(cpu, &a, &w);
	require(!w.tlb_hit && !w.first, "something survived the flush");
	require(w.fault.error_code == tables.fault.error_code &&
			(w.fault.reason || w.pa == tables.pa),
		"an empty TLB and the tables differ");
}

static void store(struct machine *m, struct input *in)
{
	unsigned how = take(in, 1);
	pa_t pa = take(in, 2) % (RAM_BYTES / 8) * 8;
	uint64_t v = take(in, 8);

	ram_write(m->ram, pa, how & 1 ? 4 : 8, how & 2 ? v : entry_from(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	uint8_t choice = take(&in, 1);
	struct machine *m = make(choice);

	fill(m->ram, take(&in, 2), choice & 128);
	while (in.p < in.end) {
		unsigned op = take(&in, 1);
		struct cpu *cpu = &m->cpu[op >> 7];

		switch (op % 8) {
		case 0: load_register(cpu, &in); break;
		case 1: enter_mode(cpu, &in); break;
		case 2: invalidate(cpu, &in); break;
		case 3: store(m, &in); break;
		case 4: flush_and_compare(m, cpu, &in); break;
		default: access(m, cpu, &in);
		}
	}
	machine_destroy(m);
	return 0;
}
