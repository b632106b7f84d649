/*
 * convert.c - see convert.h. Every conversion goes through a physical
 * address: first the way there, then the way on.
 */
#include "repl/convert.h"

#include <string.h>

#include "repl/describe.h"
#include "repl/session.h"

static int need_kernel(struct session *s, const char *name, struct err *err)
{
	if (s->k)
		return 0;
	err_set(err, ERR_USER, "%s: a bare machine has no kernel", name);
	err_hint(err, "boot i386");
	return -1;
}

/* --- arguments ------------------------------------------------------------ */
static const char *const takes[V_NTYPES] = {
	[V_VA] = "a linear address",
	[V_PA] = "a physical address",
	[V_PFN] = "a page frame number",
	[V_PAGE] = "a struct page",
};

static int wrong_argument(const struct func *f, struct value v, struct err *err)
{
	char buf[40];

	err_set(err, ERR_USER, "%s is %s; %s takes %s",
		value_format(buf, sizeof(buf), v), takes[v.type], f->name,
		takes[f->from]);
	return -1;
}

/* A pointer to a struct page: the number of its frame. */
static int page_pointer(struct session *s, struct value *v, struct err *err)
{
	va_t at = v->n;

	v->type = V_PAGE;
	if (convert_page_to_pfn(s->k, at, &v->n))
		return 0;
	err_set(err, ERR_USER, "0x%llx: no struct page begins there",
		(unsigned long long)at);
	err_hint(err, "that of frame 0 is at 0x%llx, each has %u bytes",
		 (unsigned long long)convert_page(s->k, 0).n,
		 s->k->arch->sizeof_page);
	return -1;
}

/* PFN_PHYS() of more wraps: to a frame that was not meant. */
int convert_check_pfn(uint64_t pfn, struct err *err)
{
	if (pfn <= UINT64_MAX >> PAGE_SHIFT)
		return 0;
	return err_set(err, ERR_USER,
		       "0x%llx: frame numbers have at most 52 bits",
		       (unsigned long long)pfn);
}

static int type_argument(struct session *s, const struct func *f,
			 struct value *v, struct err *err)
{
	bool pfn = v->type == V_PFN || f->from == V_PFN;

	if (f->from == V_PAGE && v->type <= V_VA)
		return page_pointer(s, v, err);
	if (pfn && f->via != VIA_VALID && convert_check_pfn(v->n, err) < 0)
		return -1;
	if (f->from == V_PA && (v->type == V_PFN || v->type == V_PAGE))
		v->n <<= PAGE_SHIFT;
	else if (v->type != V_PLAIN && v->type != f->from)
		return wrong_argument(f, *v, err);
	v->type = f->from;
	return 0;
}

/* --- the way to a physical address, and on -------------------------------- */
static void by_tables(const struct kernel *k, const struct func *f, va_t va,
		      struct converted *ret)
{
	const struct layout *l = &k->layout;
	bool module = va >= l->modules_start && va < l->modules_end;

	ret->none = !slow_virt_to_phys(k, va, &ret->pa);
	if (f->via == VIA_TABLES) {
		ret->debug = ret->none ? "BUG_ON(!pte)" : NULL;
		return;
	}
	if (!is_vmalloc_addr(k, va) && !module)
		ret->debug = "VIRTUAL_BUG_ON(!is_vmalloc_or_module_addr(addr))";
}

static void find_pa(const struct kernel *k, const struct func *f,
		    struct converted *ret)
{
	struct conversion c = { .n = ret->in.n };

	if (f->from == V_VA && (f->via == VIA_TABLES || f->via == VIA_VMALLOC))
		return by_tables(k, f, ret->in.n, ret);
	if (f->from == V_VA)
		c = f->via == VIA_SYMBOL ? convert_pa_symbol(k, ret->in.n)
					 : convert_pa(k, ret->in.n);
	else if (f->from != V_PA)
		c.n <<= PAGE_SHIFT;
	ret->pa = c.n;
	ret->why = c.why;
	ret->debug = c.debug;
}

/* A struct page pointer of its own, or one on the way. */
static void judge_page(const struct kernel *k, struct converted *ret)
{
	if (ret->why == CONVERT_OK)
		ret->why = convert_page(k, ret->pa >> PAGE_SHIFT).why;
}

static void find_va(const struct kernel *k, const struct func *f,
		    struct converted *ret)
{
	struct conversion c = convert_va(k, ret->pa);

	if (f->via == VIA_KMAP) {
		ret->out.n = page_address(k, ret->pa >> PAGE_SHIFT);
		ret->none = !ret->out.n;
		return;
	}
	ret->out.n = c.n;
	if (ret->why == CONVERT_OK)
		ret->why = c.why;
}

static void find_truth(const struct kernel *k, const struct func *f,
		       struct converted *ret)
{
	uint64_t n = ret->in.n;

	ret->out.n =
		f->from == V_VA ? virt_addr_valid(k, n) : linux_pfn_valid(k, n);
}

static void find_out(const struct kernel *k, const struct func *f,
		     struct converted *ret)
{
	ret->out.type = f->to;
	if (ret->none)
		return;
	switch (f->to) {
	case V_VA:
		return find_va(k, f, ret);
	case V_PA:
		ret->out.n = ret->pa;
		break;
	case V_PAGE:
		judge_page(k, ret); /* fall through */
	case V_PFN:
		ret->out.n = ret->pa >> PAGE_SHIFT;
		break;
	default:
		find_truth(k, f, ret);
	}
}

int convert(struct session *s, const struct func *f, struct value v,
	    struct converted *ret, struct err *err)
{
	if (need_kernel(s, f->name, err) < 0)
		return -1;
	*ret = (struct converted){ .in = v };
	if (type_argument(s, f, &ret->in, err) < 0)
		return -1;
	find_pa(s->k, f, ret);
	find_out(s->k, f, ret);
	return 0;
}

/* --- refusals ------------------------------------------------------------- */
static int refuse_va(struct session *s, const struct func *f,
		     const struct converted *c, struct err *err)
{
	unsigned long long va = c->in.n;
	pa_t real;

	if (c->why == CONVERT_USER)
		err_set(err, ERR_USER,
			"0x%llx is a user address: %s is for "
			"the direct map only",
			va, f->name);
	else if (c->why == CONVERT_NO_RAM)
		err_set(err, ERR_USER,
			"0x%llx: the direct map has no RAM there", va);
	else
		err_set(err, ERR_USER, "0x%llx is in %s: %s is for %s only", va,
			kernel_area_name(s->k, va), f->name,
			c->why == CONVERT_NO_SYMBOL ? "the kernel image"
						    : "the direct map");
	if (slow_virt_to_phys(s->k, va, &real))
		err_hint(err, "slow_virt_to_phys(0x%llx) reads the page tables",
			 va);
	else
		err_hint(err, "follow the page tables: pagewalk 0x%llx", va);
	return -1;
}

static int refuse_pa(struct session *s, pa_t pa, struct err *err)
{
	err_set(err, ERR_USER,
		"pa:0x%llx has no __va: lowmem, the direct "
		"map, ends at 0x%llx",
		(unsigned long long)pa,
		(unsigned long long)s->k->layout.lowmem_end);
	if (pa < s->k->layout.lowmem_end)
		err_set(err, ERR_USER, "pa:0x%llx has no __va: no RAM there",
			(unsigned long long)pa);
	if (s->k->arch->highmem && pfn_valid(s->k, pa >> PAGE_SHIFT))
		err_hint(err, "it is in HighMem: kmap pfn:0x%llx",
			 (unsigned long long)pa >> PAGE_SHIFT);
	return -1;
}

static int refuse(struct session *s, const struct func *f,
		  const struct converted *c, struct err *err)
{
	switch (c->why) {
	case CONVERT_NO_PAGE:
		return err_set(err, ERR_USER,
			       "pfn:0x%llx: no RAM, no struct page",
			       (unsigned long long)c->pa >> PAGE_SHIFT);
	case CONVERT_OK:
		return err_set(err, ERR_USER, "0x%llx: nothing is mapped there",
			       (unsigned long long)c->in.n);
	default:
		return f->from == V_VA ? refuse_va(s, f, c, err)
				       : refuse_pa(s, c->pa, err);
	}
}

static int conv_func(struct session *s, const struct func *f, struct value v,
		     struct value *ret, struct err *err)
{
	bool truth = f->via == VIA_VALID, kmap = f->via == VIA_KMAP;
	struct converted c;

	if (convert(s, f, v, &c, err) < 0)
		return -1;
	if (!truth && (c.why != CONVERT_OK || (c.none && !kmap)))
		return refuse(s, f, &c, err);
	*ret = c.out;
	return 0;
}

/* --- pa() va() pfn() page(): of whatever has one ------------------------- */
static int conv_pa(struct session *s, const struct func *f, struct value v,
		   struct value *ret, struct err *err)
{
	char buf[40];

	if (v.type == V_PFN || v.type == V_PAGE) {
		*ret = (struct value){ V_PA, v.n << PAGE_SHIFT };
		return 0;
	}
	if (v.type == V_PA)
		return err_set(err, ERR_USER, "%s is physical already",
			       value_format(buf, sizeof(buf), v));
	return conv_func(s, f, v, ret, err);
}

static int conv_va(struct session *s, const struct func *f, struct value v,
		   struct value *ret, struct err *err)
{
	if (v.type == V_VA)
		return err_set(err, ERR_USER, "va:0x%llx is linear already",
			       (unsigned long long)v.n);
	return conv_func(s, f, v, ret, err);
}

static int untyped(struct value v, struct err *err)
{
	err_set(err, ERR_USER, "0x%llx: physical or linear?",
		(unsigned long long)v.n);
	err_hint(err, "pfn(pa:0x%llx) or pfn(va:0x%llx)",
		 (unsigned long long)v.n, (unsigned long long)v.n);
	return -1;
}

static int conv_pfn(struct session *s, const struct func *f, struct value v,
		    struct value *ret, struct err *err)
{
	static const struct func pa = { "__pa", conv_pa, V_VA, V_PA, 0 };
	struct value at = v;

	if (v.type == V_PLAIN)
		return untyped(v, err);
	if (v.type != V_PA && conv_pa(s, &pa, v, &at, err) < 0)
		return -1;
	*ret = (struct value){ f->to, at.n >> PAGE_SHIFT };
	if (f->to == V_PFN || (s->k && pfn_valid(s->k, ret->n)))
		return 0;
	return err_set(err, ERR_USER, "pfn:0x%llx: no RAM, no struct page",
		       (unsigned long long)ret->n);
}

/* --- paging-structure entries -----------------------------------------------
 */
/* The level that Linux calls @f, or whose value: a folded one is that above. */
static unsigned entry_level(const struct paging_mode *mode,
			    const struct func *f)
{
	static const char *const names[] = { "pgd", "p4d", "pud", "pmd",
					     "pte" };
	unsigned level = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (level + 1u < mode->nlevels &&
		    !strcmp(mode->level[level + 1].linux_name, names[i]))
			level++;
		if (!strncmp(names[i], f->name, 3))
			break;
	}
	return level;
}

static int no_entry(const struct func *f, const struct walk *w, struct err *err)
{
	err_set(err, ERR_USER, "0x%llx has no %.3s",
		(unsigned long long)w->access.va, f->name);
	if (w->nsteps)
		err_hint(err, "the walk ends at the %s, at pa:0x%llx",
			 w->mode->level[w->nsteps - 1].name,
			 (unsigned long long)w->step[w->nsteps - 1].entry_pa);
	else
		err_hint(err, "paging is off, or the address not canonical");
	return -1;
}

/*
 * Where the entry lies that translates an address, found as a CPU finds it:
 * pte(va); or what it holds: pte_val(va).
 */
static int conv_entry(struct session *s, const struct func *f, struct value v,
		      struct value *ret, struct err *err)
{
	struct access access = { .va = v.n };
	struct mmu mmu;
	struct walk w;
	unsigned level;
	pa_t entry;

	if (v.type != V_PLAIN && v.type != V_VA)
		return wrong_argument(f, v, err);
	session_mmu(s, session_task(s), s->cpu, &mmu);
	mmu_walk(&mmu, s->m->ram, &access, &w);
	level = entry_level(mmu.mode, f);
	if (level >= w.nsteps)
		return no_entry(f, &w, err);
	entry = w.step[level].entry_pa;
	if (level == 0 && mmu.mode->pdpte_regs) /* what they were loaded from */
		entry = (mmu.cr3 & ~31ULL) + 8 * (v.n >> 30);
	ret->type = f->to;
	ret->n = f->to == V_PA
			 ? entry
			 : ram_read(s->m->ram, entry, mmu.mode->entry_size);
	return 0;
}

/* --- the table ----------------------------------------------------------- */
static const struct func funcs[] = {
	{ "__pa", conv_pa, V_VA, V_PA, VIA_ARITHMETIC },
	{ "__va", conv_va, V_PA, V_VA, VIA_ARITHMETIC },
	{ "pfn", conv_pfn, V_VA, V_PFN, VIA_ARITHMETIC },
	{ "page", conv_pfn, V_VA, V_PAGE, VIA_ARITHMETIC },
	{ "pa", conv_pa, V_VA, V_PA, VIA_ARITHMETIC },
	{ "va", conv_va, V_PA, V_VA, VIA_ARITHMETIC },
	{ "__pa_symbol", conv_func, V_VA, V_PA, VIA_SYMBOL },
	{ "virt_to_phys", conv_func, V_VA, V_PA, VIA_ARITHMETIC },
	{ "phys_to_virt", conv_func, V_PA, V_VA, VIA_ARITHMETIC },
	{ "virt_to_page", conv_func, V_VA, V_PAGE, VIA_ARITHMETIC },
	{ "virt_to_pfn", conv_func, V_VA, V_PFN, VIA_ARITHMETIC },
	{ "page_to_virt", conv_func, V_PAGE, V_VA, VIA_ARITHMETIC },
	{ "page_to_pfn", conv_func, V_PAGE, V_PFN, VIA_ARITHMETIC },
	{ "page_to_phys", conv_func, V_PAGE, V_PA, VIA_ARITHMETIC },
	{ "page_address", conv_func, V_PAGE, V_VA, VIA_KMAP },
	{ "pfn_to_page", conv_func, V_PFN, V_PAGE, VIA_ARITHMETIC },
	{ "pfn_to_virt", conv_func, V_PFN, V_VA, VIA_ARITHMETIC },
	{ "phys_to_page", conv_func, V_PA, V_PAGE, VIA_ARITHMETIC },
	{ "slow_virt_to_phys", conv_func, V_VA, V_PA, VIA_TABLES },
	{ "vmalloc_to_page", conv_func, V_VA, V_PAGE, VIA_VMALLOC },
	{ "vmalloc_to_pfn", conv_func, V_VA, V_PFN, VIA_VMALLOC },
	{ "virt_addr_valid", conv_func, V_VA, V_PLAIN, VIA_VALID },
	{ "pfn_valid", conv_func, V_PFN, V_PLAIN, VIA_VALID },
	{ "pgd", conv_entry, V_VA, V_PA, VIA_TABLES },
	{ "p4d", conv_entry, V_VA, V_PA, VIA_TABLES },
	{ "pud", conv_entry, V_VA, V_PA, VIA_TABLES },
	{ "pmd", conv_entry, V_VA, V_PA, VIA_TABLES },
	{ "pte", conv_entry, V_VA, V_PA, VIA_TABLES },
	{ "pgd_val", conv_entry, V_VA, V_PLAIN, VIA_TABLES },
	{ "p4d_val", conv_entry, V_VA, V_PLAIN, VIA_TABLES },
	{ "pud_val", conv_entry, V_VA, V_PLAIN, VIA_TABLES },
	{ "pmd_val", conv_entry, V_VA, V_PLAIN, VIA_TABLES },
	{ "pte_val", conv_entry, V_VA, V_PLAIN, VIA_TABLES },
};

const struct func *func_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (strlen(funcs[i].name) == len &&
		    memcmp(funcs[i].name, name, len) == 0)
			return &funcs[i];
	return NULL;
}

const char *func_name(unsigned i)
{
	return i < ARRAY_SIZE(funcs) ? funcs[i].name : NULL;
}
