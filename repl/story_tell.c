/*
 * story_tell.c - what each kind of event says: the words of its first column
 * (head_*), and the cells after it (tell_*), which are its fields in data.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/signal.h"
#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/describe.h"
#include "repl/story_internal.h"

/* --- first column -------------------------------------------------------- */
static void put_times(char *buf, size_t size, unsigned n)
{
	*buf = '\0';
	if (n > 1)
		snprintf(buf, size, "%u x ", n);
}

static void head_fault(const struct story *st, const struct beat *b, char *s)
{
	static const char *const kind[] = { "read", "write", "fetch" };
	bool present = b->fault.error_code & PF_P;
	char times[32];

	put_times(times, sizeof(times), b->repeat);
	if (b->fault.vector != VEC_PF)
		snprintf(s, STORY_CELL, "%s %s",
			 cmd_vector_name(b->fault.vector),
			 fault_reason_name[b->fault.reason]);
	else
		snprintf(s, STORY_CELL, "%s#PF %s %s, %s", times,
			 kind[b->access.kind],
			 b->access.user ? "user" : "kernel",
			 present ? "present" : "not present");
}

/* "do_wp_page: 2 mappers, copied"; an event without a frame counts pages. */
static void head_handler(const struct story *st, const struct beat *b, char *s)
{
	const struct kevent *ev = &b->ev;
	const char *what = ev->pfn ? "mapper" : "page";
	char n[32] = "", times[32];

	if (ev->pfn ? ev->n > 1 : ev->n || !ev->note)
		snprintf(n, sizeof(n), "%u %s%s%s", ev->n, what,
			 ev->n == 1 ? "" : "s", ev->note ? ", " : "");
	put_times(times, sizeof(times), b->alone ? b->repeat : 1);
	snprintf(s, STORY_CELL, "%s%s: %s%s", times, ev->func, n,
		 ev->note ? ev->note : "");
}

static void head_pte(const struct story *st, const struct beat *b, char *s)
{
	const struct paging_mode *mode = st->k->mode;
	const char *name = mode->level[b->ev.level].name;
	int digits = mode->entry_size * 2;
	char run[32];

	put_times(run, sizeof(run), b->run);
	snprintf(s, STORY_CELL, "%s%s 0x%0*llx -> 0x%0*llx%s", run, name,
		 digits, (unsigned long long)b->ev.old, digits,
		 (unsigned long long)b->ev.new,
		 b->run > 1 || b->repeat > 1 ? " .." : "");
}

static void head_signal(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, STORY_CELL, "%s, %s", signal_name(b->ev.signo),
		 si_code_name(b->ev.signo, b->ev.si_code));
}

static void head_vma(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, STORY_CELL, "area %s%s%s", b->ev.func,
		 b->ev.note ? ": " : "", b->ev.note ? b->ev.note : "");
}

static void head_switch(const struct story *st, const struct beat *b, char *s)
{
	int digits = st->k->arch->word * 2;

	snprintf(s, STORY_CELL, "cr3 0x%0*llx -> 0x%0*llx", digits,
		 (unsigned long long)b->ev.old, digits,
		 (unsigned long long)b->ev.new);
}

static void head_flush(const struct story *st, const struct beat *b, char *s)
{
	char times[32];

	put_times(times, sizeof(times), b->run);
	if (b->ev.note)
		snprintf(s, STORY_CELL, "no flush on cpu%u: %s(0), %s", b->ev.n,
			 b->ev.func, b->ev.note);
	else
		snprintf(s, STORY_CELL, "flush: %s%s", times, b->ev.func);
}

/* --- the cells after it -------------------------------------------------- */
static void tell_fault(struct story *st, const struct beat *b, struct result *r)
{
	char bits[64];

	res_u64(r, "vector", NULL, b->fault.vector);
	res_str(r, "access", NULL,
		describe_access(&b->access, bits, sizeof(bits)));
	res_hex(r, "error_code", "error %s", b->fault.error_code, 1);
	res_str(r, "reason", NULL, fault_reason_name[b->fault.reason]);
	if (b->fault.vector != VEC_PF)
		return;
	res_text(r, COL_PLAIN, "~ (%s)",
		 cmd_error_bits(b->fault.error_code, bits, sizeof(bits)));
	res_va(r, "cr2", "cr2 %s", b->fault.cr2);
	if (b->repeat < 2)
		return;
	res_u64(r, "count", NULL, b->repeat);
	res_va(r, "last_cr2", "~ .. %s",
	       b->fault.cr2 + ((va_t)(b->repeat - 1) << PAGE_SHIFT));
}

static void tell_handler(struct story *st, const struct beat *b,
			 struct result *r)
{
	const struct kevent *ev = &b->ev;
	bool moved = ev->old_pfn && ev->old_pfn != ev->pfn;

	res_str(r, "func", NULL, ev->func);
	res_str(r, "note", NULL, ev->note);
	res_u64(r, ev->pfn ? "mappers" : "pages", NULL, ev->n);
	res_va(r, "va", ev->pfn ? NULL : "%s", ev->va);
	if (!ev->pfn) {
		res_va(r, "end", "~-%s", ev->end);
		return;
	}
	if (moved)
		res_pfn(r, "old_pfn", "pfn %s ->", ev->old_pfn);
	res_pfn(r, "pfn", moved ? "~ pfn %s" : "pfn %s", ev->pfn);
	res_str(r, "zone", "~ (%s)", zone_name(st->k, ev->pfn));
	if (b->repeat < 2)
		return;
	res_u64(r, "count", NULL, b->repeat);
	res_text(r, COL_PLAIN, "~ ..");
}

static bool is_prot_none(const struct story *st, const struct kevent *ev,
			 uint64_t entry)
{
	return ev->level == st->k->pte_level && !(entry & PTE_P) &&
	       (entry & _PAGE_PROTNONE);
}

/*
 * In an entry that is not present the bits are Linux', and those from 52 up
 * may be part of an inverted frame number.
 */
static uint64_t known_bits(uint64_t entry)
{
	static const uint64_t linux_own = PTE_G | ~(BIT(52) - 1);

	return entry & PTE_P ? entry : entry & ~linux_own;
}

/* How the entry's bits changed. */
static char *pte_diff(const struct story *st, const struct kevent *ev,
		      char *buf, size_t size)
{
	bool was = is_prot_none(st, ev, ev->old);
	bool is = is_prot_none(st, ev, ev->new);
	uint64_t from = known_bits(ev->old), to = known_bits(ev->new);
	size_t len;

	if (ev->level < st->k->pte_level && from && to &&
	    ((from ^ to) & PTE_PS)) {
		snprintf(buf, size, "a %s now", to & PTE_PS ? "page" : "table");
		return buf;
	}
	flags_diff(buf, size,
		   (from | to) & PTE_PS
			   ? paging_flag_names(st->k->mode, ev->level)
			   : st->k->mode->flags,
		   from, to);
	len = strlen(buf);
	if (st->k->arch->softdirty && ev->level == st->k->pte_level &&
	    (from & PTE_P) && (to & PTE_P) && ((from ^ to) & _PAGE_SOFT_DIRTY))
		len += snprintf(buf + len, size - len, "%s%csoft-dirty",
				len ? " " : "",
				to & _PAGE_SOFT_DIRTY ? '+' : '-');
	if (was != is)
		snprintf(buf + len, size - len, "%s%cPROT_NONE", len ? " " : "",
			 is ? '+' : '-');
	return buf;
}

/* "swapped out: type 0 offset 0x1"; false: swap has nothing to do with it. */
static bool swap_diff(const struct story *st, const struct kevent *ev,
		      char *buf, size_t size)
{
	const struct kernel *k = st->k;
	bool was = is_swap_pte(ev->old), is = is_swap_pte(ev->new);
	swp_entry_t e = pte_to_swp_entry(k, is ? ev->new : ev->old);

	if (ev->level != k->pte_level || pt_is_kernel(k, ev->va) ||
	    (!was && !is))
		return false;
	snprintf(buf, size, "%s: type %u offset 0x%llx",
		 was && is ? pte_swp_exclusive(k, ev->new) ? "in swap"
							   : "in swap, shared"
		 : is	   ? "to swap"
		 : ev->new ? "from swap"
			   : "no longer in swap",
		 swp_type(k, e), (unsigned long long)swp_offset(k, e));
	return true;
}

static void tell_pte(struct story *st, const struct beat *b, struct result *r)
{
	const struct kevent *ev = &b->ev;
	char diff[128];

	res_va(r, "va", NULL, ev->va);
	res_u64(r, "count", NULL, b->run * b->repeat);
	res_pa(r, "entry_pa", NULL, ev->entry_pa);
	res_entry(r, "old", NULL, ev->old);
	res_entry(r, "new", NULL, ev->new);
	if (!swap_diff(st, ev, diff, sizeof(diff)))
		pte_diff(st, ev, diff, sizeof(diff));
	res_str(r, "why", NULL, ev->func);
	if (*diff)
		res_text(r, COL_CHANGED, "%s", diff);
}

static void tell_signal(struct story *st, const struct beat *b,
			struct result *r)
{
	res_str(r, "signal", NULL, signal_name(b->ev.signo));
	res_str(r, "si_code", NULL, si_code_name(b->ev.signo, b->ev.si_code));
	if (b->ev.fault) {
		res_va(r, "si_addr", "si_addr %s", b->ev.va);
		if (b->ev.n)
			res_u64(r, "si_pkey", "si_pkey %s", b->ev.n);
		return;
	}
	res_i64(r, "pid", "to pid %s", b->ev.pid);
	res_str(r, "note", "~, %s", b->ev.note);
}

static void tell_vma(struct story *st, const struct beat *b, struct result *r)
{
	res_str(r, "func", NULL, b->ev.func);
	res_va(r, "va", "%s", b->ev.va);
	res_va(r, "end", b->ev.end > b->ev.va ? "~-%s" : NULL, b->ev.end);
}

static void head_zone(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, STORY_CELL, "%s: %s", b->ev.func, b->ev.note);
}

static void tell_zone(struct story *st, const struct beat *b, struct result *r)
{
	res_str(r, "func", NULL, b->ev.func);
	res_str(r, "note", NULL, b->ev.note);
	res_u64(r, "order", "order %s", b->ev.order);
}

static void tell_switch(struct story *st, const struct beat *b,
			struct result *r)
{
	res_pa(r, "old", NULL, b->ev.old);
	res_pa(r, "new", NULL, b->ev.new);
	if (b->ev.note)
		res_str(r, "note", "%s", b->ev.note);
}

static void head_page(const struct story *st, const struct beat *b, char *s)
{
	bool taken = b->ev.kind == KEV_PAGE_ALLOC;
	char times[32];

	put_times(times, sizeof(times), b->run);
	snprintf(s, STORY_CELL, "%sframe %s%s%s%s", times,
		 taken ? "taken" : "freed", b->ev.func ? " (" : "",
		 b->ev.func ? b->ev.func : "", b->ev.func ? ")" : "");
}

static void tell_page(struct story *st, const struct beat *b, struct result *r)
{
	res_pfn(r, "pfn", "pfn %s", b->ev.pfn);
	res_str(r, "zone", "~ (%s)", zone_name(st->k, b->ev.pfn));
	if (b->run > 1)
		res_text(r, COL_PLAIN, "~ ..");
	res_u64(r, "order", b->ev.order ? "order %s" : NULL, b->ev.order);
	res_u64(r, "count", NULL, b->run);
	res_str(r, "why", NULL, b->ev.func);
}

/* All that were flushed in a range, one of several pages or of a group. */
static void tell_flushed_pages(const struct beat *b, struct result *r)
{
	va_t last = b->ev.end ? b->ev.end - PAGE_SIZE : b->ev.va;

	res_va(r, "va", "%s", b->ev.va);
	if (b->repeat > 1)
		res_text(r, COL_PLAIN, "~ ..");
	last += (va_t)(b->repeat - 1) << PAGE_SHIFT;
	if (last > b->ev.va)
		res_va(r, "last_va", b->repeat > 1 ? NULL : "~ .. %s", last);
}

static void tell_flushed(const struct beat *b, struct result *r)
{
	res_str(r, "func", NULL, b->ev.func);
	if (b->ev.va || b->ev.end)
		tell_flushed_pages(b, r);
	res_u64(r, "count", NULL, (uint64_t)b->run * b->repeat);
	res_u64(r, "cpus", b->ev.n == 1 ? "on %s CPU" : "on %s CPUs", b->ev.n);
}

static void tell_flush(struct story *st, const struct beat *b, struct result *r)
{
	if (!b->ev.note) {
		tell_flushed(b, r);
		return;
	}
	res_u64(r, "cpu", NULL, b->ev.n);
	res_str(r, "reason", NULL, b->ev.note);
}

const struct beat_kind beat_kinds[KEV_NKINDS] = {
	[KEV_FAULT] = { "fault", true, COL_BAD, head_fault, tell_fault },
	[KEV_HANDLER] = { "handler", true, COL_NAME, head_handler,
			  tell_handler },
	[KEV_PTE] = { "pte", false, COL_CHANGED, head_pte, tell_pte },
	[KEV_SIGNAL] = { "signal", true, COL_BAD, head_signal, tell_signal },
	[KEV_VMA] = { "vma", true, COL_NAME, head_vma, tell_vma },
	[KEV_TLB_FLUSH] = { "flush", false, COL_NAME, head_flush, tell_flush },
	[KEV_PAGE_ALLOC] = { "page_alloc", true, COL_DIM, head_page,
			     tell_page },
	[KEV_PAGE_FREE] = { "page_free", true, COL_DIM, head_page, tell_page },
	[KEV_ZONE] = { "zone", true, COL_NAME, head_zone, tell_zone },
	[KEV_IO] = { "io", true, COL_NAME, head_handler, tell_handler },
	[KEV_SWITCH] = { "switch", false, COL_NAME, head_switch, tell_switch },
};
