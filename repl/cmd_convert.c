/*
 * cmd_convert.c - __pa, __va, virt_to_page and their kin as commands: what a
 * kernel computes, and, where that is wrong, why, what lies at the wrong
 * place, and what to call instead. A wrong number is a result, not an error.
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"
#include "repl/convert.h"
#include "repl/describe.h"

static const char *const why_name[] = {
	[CONVERT_OK] = "",
	[CONVERT_USER] = "user address",
	[CONVERT_MAPPED] = "not in the direct map",
	[CONVERT_NO_RAM] = "no RAM",
	[CONVERT_HIGHMEM] = "HighMem",
	[CONVERT_NO_SYMBOL] = "not in the kernel image",
	[CONVERT_CUT] = "past 4 GiB, cut to 32 bits",
	[CONVERT_NO_PAGE] = "no struct page",
};

/* --- one line: NAME(IN) = OUT -------------------------------------------- */
static void emit_value(struct cmd_ctx *c, const char *txt, struct value v)
{
	switch (v.type) {
	case V_VA:
		return res_va(c->r, "va", txt, v.n);
	case V_PA:
		return res_pa(c->r, "pa", txt, v.n);
	case V_PFN:
		return res_pfn(c->r, "pfn", txt, v.n);
	case V_PAGE:
		return res_va(c->r, "page", txt, convert_page(c->k, v.n).n);
	default:
		res_bool(c->r, "value", NULL, v.n);
		res_text(c->r, COL_PLAIN, "~) = %s", v.n ? "true" : "false");
	}
}

/* A struct page has the number of its frame with it, and what that is. */
static void emit_pfn_of_page(struct cmd_ctx *c, const struct converted *v)
{
	bool given = v->in.type == V_PFN, right = v->why == CONVERT_OK;
	char what[200];
	pfn_t pfn = v->pa >> PAGE_SHIFT;

	if (v->in.type != V_PAGE && v->out.type != V_PAGE)
		return;
	if (v->out.type != V_PFN)
		res_pfn(c->r, given ? NULL : "pfn", right ? "pfn %s" : NULL,
			pfn);
	if (!right)
		return;
	res_str(c->r, "what", "%s",
		describe_page(c->k, pfn, what, sizeof(what)));
}

static void emit_result(struct cmd_ctx *c, const struct func *f,
			const struct converted *v)
{
	res_text(c->r, COL_PLAIN, "%s(", f->name);
	emit_value(c, "~%s", v->in);
	if (v->none)
		res_text(c->r, COL_BAD,
			 f->to == V_PAGE || f->to == V_VA ? "~) = NULL"
							  : "~) = nothing");
	else
		emit_value(c, "~) = %s", v->out);
	if (f->via == VIA_VALID)
		return;
	res_bool(c->r, "valid", NULL, v->why == CONVERT_OK && !v->none);
	if (!v->none)
		emit_pfn_of_page(c, v);
	if (!v->none && v->why != CONVERT_OK)
		res_text(c->r, COL_BAD,
			 v->why == CONVERT_NO_RAM ? "nothing there" : "wrong");
}

/* --- and the story of a wrong one ---------------------------------------- */
static void begin_line(struct cmd_ctx *c, const char *label)
{
	res_line(c->r);
	res_text(c->r, COL_DIM, "%-8s", label);
}

static void emit_computed(struct cmd_ctx *c, const struct func *f,
			  const struct converted *v)
{
	const struct layout *l = &c->k->layout;
	bool image = l->kernel_image && v->in.n >= l->kernel_image;
	unsigned long long n = v->in.n, offset = l->page_offset;

	begin_line(c, "computed");
	if (v->why == CONVERT_NO_PAGE)
		res_strf(c->r, "computed", "%s", "0x%llx + 0x%llx * %u bytes",
			 (unsigned long long)convert_page(c->k, 0).n,
			 (unsigned long long)v->pa >> PAGE_SHIFT,
			 c->k->arch->sizeof_page);
	else if (f->from != V_VA)
		res_strf(c->r, "computed", "%s",
			 "0x%llx + PAGE_OFFSET 0x%llx%s",
			 (unsigned long long)v->pa, offset,
			 c->k->arch->word == 4 ? ", in 32 bits" : "");
	else if (f->via == VIA_SYMBOL || image)
		res_strf(
			c->r, "computed", "%s",
			"0x%llx - __START_KERNEL_map 0x%llx + phys_base 0x%llx",
			n, (unsigned long long)l->kernel_image,
			(unsigned long long)(l->kernel_image - l->kernel_map));
	else
		res_strf(c->r, "computed", "%s",
			 "0x%llx - PAGE_OFFSET 0x%llx%s", n, offset,
			 c->k->arch->word == 4 ? ", in 32 bits" : "");
}

static const char *const outside[] = {
	[CONVERT_USER] = "",
	[CONVERT_MAPPED] = ", not in the direct map",
	[CONVERT_NO_RAM] = ", but no RAM is there",
	[CONVERT_NO_SYMBOL] = ", not in the kernel image",
};

static void emit_why(struct cmd_ctx *c, const struct func *f,
		     const struct converted *v)
{
	char buf[200];

	begin_line(c, "but");
	res_str(c->r, "why", NULL, why_name[v->why]);
	if (v->why == CONVERT_NO_PAGE)
		res_text(c->r, COL_PLAIN,
			 c->k->layout.vmemmap
				 ? "no RAM in that section: vmemmap is not "
				   "mapped there"
				 : "mem_map ends at max_pfn 0x%llx",
			 (unsigned long long)c->k->max_pfn);
	else if (f->from != V_VA)
		res_text(c->r, COL_PLAIN,
			 "pa 0x%llx is %s; the direct map ends at 0x%llx",
			 (unsigned long long)v->pa, why_name[v->why],
			 (unsigned long long)c->k->layout.lowmem_end);
	else
		res_text(c->r, COL_PLAIN, "0x%llx is in %s%s%s",
			 (unsigned long long)v->in.n,
			 v->why == CONVERT_USER ? "user space, " : "",
			 describe_va(c->k, session_task(c->s), v->in.n, buf,
				     sizeof(buf)),
			 outside[v->why]);
}

bool cmd_va_pa(struct cmd_ctx *c, va_t va, pa_t *ret)
{
	struct access a = { .va = va };
	struct mmu mmu;
	struct walk w;

	session_mmu(c->s, session_task(c->s), c->s->cpu, &mmu);
	mmu_walk(&mmu, c->m->ram, &a, &w);
	*ret = w.pa;
	return w.fault.reason == FAULT_NONE;
}

static void emit_frame(struct cmd_ctx *c, const char *name, const char *zone,
		       pa_t pa)
{
	char what[200];
	pfn_t pfn = pa >> PAGE_SHIFT;

	res_pa(c->r, name, "pa %s", pa);
	if (!pfn_valid(c->k, pfn)) {
		res_text(c->r, COL_PLAIN, "no RAM");
		return;
	}
	res_pfn(c->r, NULL, "pfn %s", pfn);
	res_str(c->r, NULL, "~ (%s)", zone_name(c->k, pfn));
	res_str(c->r, zone, "%s", describe_page(c->k, pfn, what, sizeof(what)));
}

/* The truth about the address, and what is where the wrong number leads. */
static void emit_places(struct cmd_ctx *c, const struct func *f,
			const struct converted *v)
{
	va_t at = f->from == V_VA ? v->in.n : v->out.n;
	pa_t pa;
	bool mapped = cmd_va_pa(c, at, &pa);

	if (v->why == CONVERT_NO_PAGE || (f->from != V_VA && f->to != V_VA))
		return;
	begin_line(c, f->from == V_VA ? "really" : "there");
	if (mapped)
		emit_frame(c, "real_pa", "real", pa);
	else
		res_text(c->r, COL_PLAIN,
			 f->from == V_VA
				 ? "nothing is mapped"
				 : "nothing is mapped: an access is an oops");
	if (f->from != V_VA)
		return;
	begin_line(c, "there");
	emit_frame(c, "there_pa", "there", v->pa);
}

static const char *instead(const struct cmd_ctx *c, const struct func *f,
			   const struct converted *v)
{
	const struct layout *l = &c->k->layout;
	va_t va = v->in.n;

	switch (v->why) {
	case CONVERT_USER:
		return "get_user_pages: pin the page, then page_to_phys";
	case CONVERT_MAPPED:
	case CONVERT_NO_SYMBOL:
		if (is_vmalloc_addr(c->k, va) ||
		    (va >= l->modules_start && va < l->modules_end))
			return "vmalloc_to_page, vmalloc_to_pfn, "
			       "slow_virt_to_phys";
		return f->via == VIA_SYMBOL && kernel_virt_ok(c->k, va) ? "__pa"
		       : l->pkmap_base ? "kmap_to_page, slow_virt_to_phys"
				       : "slow_virt_to_phys";
	case CONVERT_HIGHMEM:
	case CONVERT_CUT:
		return "kmap, kmap_local_page; page_address once it is mapped";
	case CONVERT_NO_PAGE:
		return "pfn_valid, and then pfn_to_page";
	default:
		return "ioremap, if a device is there";
	}
}

static void emit_story(struct cmd_ctx *c, const struct func *f,
		       const struct converted *v)
{
	emit_computed(c, f, v);
	emit_why(c, f, v);
	emit_places(c, f, v);
	if (v->debug) {
		begin_line(c, "debug");
		res_str(c->r, "debug", "CONFIG_DEBUG_VIRTUAL: %s", v->debug);
	}
	begin_line(c, "instead");
	res_str(c->r, "instead", "%s", instead(c, f, v));
}

/* --- predicates, and what is not there ----------------------------------- */
/* virt_addr_valid() is true of pkmap addresses: their number is of a frame. */
static void emit_truth(struct cmd_ctx *c, const struct converted *v)
{
	pfn_t pfn = v->pa >> PAGE_SHIFT;
	bool ram = pfn_valid(c->k, pfn);

	if (v->in.type == V_VA && v->out.n && v->why != CONVERT_OK)
		res_text(c->r, COL_BAD,
			 "and yet __pa is wrong: see __pa 0x%llx",
			 (unsigned long long)v->in.n);
	res_bool(c->r, v->in.type == V_VA ? "pa_is_right" : "ram", NULL,
		 v->in.type == V_VA ? v->why == CONVERT_OK : ram);
	if (v->in.type == V_PFN && v->out.n && !ram)
		res_text(c->r, COL_DIM,
			 "no RAM there, but a struct page: a hole in mem_map");
}

static void emit_nothing(struct cmd_ctx *c, const struct func *f)
{
	begin_line(c, "because");
	res_str(c->r, "why", "%s",
		f->via == VIA_KMAP
			? "the frame is in HighMem, and kmap has not mapped it"
			: "the kernel's page tables map nothing there");
}

static void emit_debug_only(struct cmd_ctx *c, const struct converted *v)
{
	begin_line(c, "debug");
	res_str(c->r, "debug", "CONFIG_DEBUG_VIRTUAL: %s", v->debug);
}

static int convert_cmd_run(struct cmd_ctx *c)
{
	const struct func *f = func_find(c->cmd->name, strlen(c->cmd->name));
	struct converted v;

	if (convert(c->s, f, c->arg[0].value, &v, c->err) < 0)
		return -1;
	emit_result(c, f, &v);
	if (f->via == VIA_VALID)
		emit_truth(c, &v);
	else if (v.none)
		emit_nothing(c, f);
	else if (v.why != CONVERT_OK)
		emit_story(c, f, &v);
	else if (v.debug)
		emit_debug_only(c, &v);
	return 0;
}

/* --- rows ---------------------------------------------------------------- */
#define CONVERT(sym, n, al, argname, argtype, h, d, ex) \
	const struct command sym = {                    \
		.name = n,                              \
		.alias = al,                            \
		.group = "conversions",                 \
		.flags = CMD_NEEDS_KERNEL,              \
		.help = h,                              \
		.details = d,                           \
		.example = ex,                          \
		.arg = { { argname, argtype } },        \
		.run = convert_cmd_run,                 \
	}

CONVERT(cmd_pa, "__pa", "virt_to_phys", "VA", ARG_VA,
	"physical address of a kernel logical address",
	"A subtraction, and only true in the direct map (and the kernel "
	"image).\n"
	"Of a vmalloc, kmap or user address the number is wrong: this shows "
	"which\n"
	"one a kernel computes, what lies there, and what to call instead. "
	"The\n"
	"command succeeds with \"valid\" false; in an expression it is an "
	"error.",
	"__pa PAGE_OFFSET+1M");
CONVERT(cmd_pa_symbol, "__pa_symbol", NULL, "VA", ARG_VA,
	"physical address of a symbol of the kernel image",
	"x86-64 maps the image twice; this is for its own mapping, at\n"
	"__START_KERNEL_map. On i386 it is __pa.",
	"__pa_symbol _text");
CONVERT(cmd_va, "__va", "phys_to_virt", "PA", ARG_PA,
	"kernel logical address of a lowmem physical address",
	"An addition of PAGE_OFFSET. HighMem has no such address: on i386 the "
	"sum\n"
	"wraps around, or points into another area.",
	"__va 1M");
CONVERT(cmd_virt_to_page, "virt_to_page", NULL, "VA", ARG_VA,
	"struct page of a kernel logical address",
	"pfn_to_page(__pa(VA) >> PAGE_SHIFT): as wrong as __pa for what is not "
	"in\n"
	"the direct map.",
	"virt_to_page PAGE_OFFSET+1M");
CONVERT(cmd_virt_to_pfn, "virt_to_pfn", NULL, "VA", ARG_VA,
	"frame number of a kernel logical address", NULL,
	"virt_to_pfn PAGE_OFFSET+1M");
CONVERT(cmd_page_to_virt, "page_to_virt", NULL, "PAGE", ARG_ADDR,
	"kernel logical address of a struct page's frame",
	"__va(page_to_phys(PAGE)): wrong for HighMem, where page_address says\n"
	"NULL. PAGE is page:PFN, or the address of a struct page.",
	"page_to_virt pfn_to_page(256)");
CONVERT(cmd_page_to_pfn, "page_to_pfn", NULL, "PAGE", ARG_ADDR,
	"frame number of a struct page: its index in mem_map", NULL,
	"page_to_pfn virt_to_page(PAGE_OFFSET+1M)");
CONVERT(cmd_page_to_phys, "page_to_phys", NULL, "PAGE", ARG_ADDR,
	"physical address of a struct page's frame", NULL,
	"page_to_phys page:256");
CONVERT(cmd_page_address, "page_address", NULL, "PAGE", ARG_ADDR,
	"where the kernel can reach a struct page's frame now, or NULL",
	"Lowmem: in the direct map. HighMem: its pkmap slot, if kmap gave it "
	"one.",
	"page_address page:256");
CONVERT(cmd_pfn_to_page, "pfn_to_page", NULL, "PFN", ARG_ADDR,
	"address of a frame's struct page",
	"mem_map + PFN on i386, vmemmap + PFN on x86-64; nobody asks whether "
	"there\n"
	"is one: pfn_valid does.",
	"pfn_to_page 256");
CONVERT(cmd_pfn_to_virt, "pfn_to_virt", "pfn_to_kaddr", "PFN", ARG_ADDR,
	"kernel logical address of a lowmem frame", NULL, "pfn_to_virt 256");
CONVERT(cmd_phys_to_page, "phys_to_page", NULL, "PA", ARG_PA,
	"struct page of a physical address", NULL, "phys_to_page 1M");
CONVERT(cmd_slow_virt_to_phys, "slow_virt_to_phys", NULL, "VA", ARG_VA,
	"physical address of any kernel address, by the page tables",
	"Right for vmalloc, kmap and the fixmap, too. User addresses are not "
	"the\n"
	"kernel's.",
	"slow_virt_to_phys PAGE_OFFSET+1M");
CONVERT(cmd_vmalloc_to_page, "vmalloc_to_page", NULL, "VA", ARG_VA,
	"struct page behind a vmalloc address, by the page tables", NULL,
	"vmalloc 8K; vmalloc_to_page $_+4K");
CONVERT(cmd_vmalloc_to_pfn, "vmalloc_to_pfn", NULL, "VA", ARG_VA,
	"frame number behind a vmalloc address, by the page tables", NULL,
	"vmalloc 8K; vmalloc_to_pfn $_+4K");
CONVERT(cmd_virt_addr_valid, "virt_addr_valid", NULL, "VA", ARG_VA,
	"would __pa give a frame with a struct page?",
	"False for vmalloc and user addresses. True is not always a promise: "
	"on\n"
	"i386 the subtraction takes a pkmap address to some frame, too.",
	"virt_addr_valid PAGE_OFFSET");
CONVERT(cmd_pfn_valid, "pfn_valid", NULL, "PFN", ARG_ADDR,
	"has the frame a struct page?",
	"Not whether RAM is there: mem_map has no holes on i386, and vmemmap "
	"none\n"
	"within a section of 128M on x86-64.",
	"pfn_valid 256");
