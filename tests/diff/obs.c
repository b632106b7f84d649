/*
 * obs.c - comparing two observations.
 */
#include "tests/diff/obs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *const smaps_names[NR_SMAPS] = {
	"Rss",		 "Pss",		  "Shared_Clean", "Shared_Dirty",
	"Private_Clean", "Private_Dirty", "Referenced",	  "Anonymous",
	"LazyFree",	 "AnonHugePages", "Swap",	  "Locked",
};

const char *const diff_names[] = {
	"",	   "result",	 "signal",	  "value read",
	"mincore", "faults",	 "processes",	  "areas",
	"VmFlags", "pagemap",	 "frames shared", "frame reused",
	"smaps",   "invariants",
};

uint64_t obs_page_va(unsigned i)
{
	return i < ARENA_PAGES ? ARENA + i * PAGE
			       : HEAP + (i - ARENA_PAGES) * PAGE;
}

/* --- texts ---------------------------------------------------------------- */

struct text {
	char *buf;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t,
						      const char *fmt, ...)
{
	size_t n = strlen(t->buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->buf + n, t->size - n, fmt, args);
	va_end(args);
}

static struct text text(char *buf, size_t size)
{
	*buf = 0;
	return (struct text){ buf, size };
}

static const char *window(uint64_t va, int64_t *page)
{
	uint64_t base = va < HEAP + HEAP_SIZE ? HEAP
			: va < TOP - TOP_SIZE ? ARENA
					      : TOP;

	*page = (int64_t)(va - base) / (int64_t)PAGE;
	return base == HEAP ? "h" : base == TOP ? "t" : "";
}

static bool joinable(const struct obs_vma *a, const struct obs_vma *b)
{
	bool file = *a->name && *a->name != '[';

	return a->end == b->start && strcmp(a->perms, b->perms) == 0 &&
	       strcmp(a->name, b->name) == 0 &&
	       (!file || a->offset + (a->end - a->start) == b->offset);
}

static void put_vma(struct text *t, const struct obs_vma *v, uint64_t end)
{
	int64_t from, to;
	const char *w = window(v->start, &from);

	window(end - 1, &to);
	put(t, "%s%s%" PRId64 "-%" PRId64 ":%s", *t->buf ? " " : "", w, from,
	    to + 1, v->perms);
	if (v->offset || (*v->name && *v->name != '['))
		put(t, "@%" PRIu64, v->offset / PAGE);
	if (*v->name)
		put(t, "(%s)", v->name);
}

void vmas_format(const struct obs_proc *p, bool joined, char *buf, size_t size)
{
	struct text t = text(buf, size);
	unsigned i, j;

	for (i = 0; i < p->nvmas; i = j) {
		for (j = i + 1; joined && j < p->nvmas &&
				joinable(&p->vma[j - 1], &p->vma[j]);
		     j++)
			;
		put_vma(&t, &p->vma[i], p->vma[j - 1].end);
	}
}

static void signal_format(const struct obs *o, char *buf, size_t size)
{
	struct text t = text(buf, size);
	int64_t page;
	const char *w;

	if (!o->signo) {
		put(&t, "none");
		return;
	}
	w = window(o->addr, &page);
	put(&t, "signal %d code %d addr ", o->signo, o->si_code);
	if (o->addr >= HEAP - PAGE && o->addr < TOP + TOP_SIZE)
		put(&t, "$%s%+" PRId64 "P+0x%" PRIx64, *w ? w : "a", page,
		    o->addr % PAGE);
	else
		put(&t, "0x%" PRIx64, o->addr);
	put(&t, " err 0x%" PRIx64 " trap %" PRIu64, o->error, o->trap);
}

static void ret_format(int64_t ret, char *buf, size_t size)
{
	if (ret < 0 && ret > -4096)
		snprintf(buf, size, "-%s", strerrorname_np(-ret));
	else
		snprintf(buf, size, "0x%" PRIx64, ret);
}

static void page_format(uint8_t page, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s",
		 page & OBS_PRESENT ? "present"
		 : page & OBS_SWAP  ? "swap"
				    : "absent",
		 page & OBS_FILE ? ",file" : "",
		 page & OBS_EXCLUSIVE ? ",exclusive" : "", "");
}

static void smaps_format(const struct obs_vma *v, char *buf, size_t size)
{
	struct text t = text(buf, size);

	for (int i = 0; i < NR_SMAPS; i++)
		if (v->kb[i] &&
		    i != SM_REFERENCED) /* until there are LRU lists */
			put(&t, "%s=%u ", smaps_names[i], v->kb[i]);
	if (!*buf)
		put(&t, "all 0");
}

/* --- one kind after the other --------------------------------------------- */

struct compare {
	const struct op *op;
	const struct obs *ours, *host;
	struct diff *d;
};

static bool differ_ret(const struct compare *c)
{
	if (c->ours->ret == c->host->ret)
		return false;
	ret_format(c->ours->ret, c->d->ours, sizeof(c->d->ours));
	ret_format(c->host->ret, c->d->host, sizeof(c->d->host));
	return true;
}

static bool differ_signal(const struct compare *c)
{
	const struct obs *a = c->ours, *b = c->host;

	if (a->signo == b->signo && a->si_code == b->si_code &&
	    a->addr == b->addr && a->error == b->error && a->trap == b->trap)
		return false;
	signal_format(a, c->d->ours, sizeof(c->d->ours));
	signal_format(b, c->d->host, sizeof(c->d->host));
	return true;
}

static bool differ_value(const struct compare *c)
{
	if (c->ours->value == c->host->value)
		return false;
	snprintf(c->d->ours, sizeof(c->d->ours), "0x%" PRIx64, c->ours->value);
	snprintf(c->d->host, sizeof(c->d->host), "0x%" PRIx64, c->host->value);
	return true;
}

static void vec_format(const uint8_t *vec, char *buf, size_t size)
{
	struct text t = text(buf, size);
	unsigned i, j;

	for (i = 0; i < ARENA_PAGES; i = j) {
		for (j = i + 1; j < ARENA_PAGES && vec[j] == vec[i]; j++)
			;
		if (vec[i])
			put(&t, "%u-%u ", i, j - 1);
	}
}

static bool differ_vec(const struct compare *c)
{
	if (memcmp(c->ours->vec, c->host->vec, sizeof(c->host->vec)) == 0)
		return false;
	vec_format(c->ours->vec, c->d->ours, sizeof(c->d->ours));
	vec_format(c->host->vec, c->d->host, sizeof(c->d->host));
	return true;
}

static bool differ_faults(const struct compare *c)
{
	const struct obs *a = c->ours, *b = c->host;

	if (a->min == b->min && a->maj == b->maj)
		return false;
	snprintf(c->d->ours, sizeof(c->d->ours), "min=%" PRIu64 " maj=%" PRIu64,
		 a->min, a->maj);
	snprintf(c->d->host, sizeof(c->d->host), "min=%" PRIu64 " maj=%" PRIu64,
		 b->min, b->maj);
	return true;
}

static bool differ_alive(const struct compare *c)
{
	for (unsigned p = 0; p < MAX_PROCS; p++)
		if (c->ours->proc[p].alive != c->host->proc[p].alive) {
			c->d->proc = p;
			strcpy(c->d->ours,
			       c->ours->proc[p].alive ? "lives" : "is gone");
			strcpy(c->d->host,
			       c->host->proc[p].alive ? "lives" : "is gone");
			return true;
		}
	return false;
}

static bool differ_vmas(const struct compare *c)
{
	for (unsigned p = 0; p < MAX_PROCS; p++) {
		c->d->proc = p;
		vmas_format(&c->ours->proc[p], false, c->d->ours,
			    sizeof(c->d->ours));
		vmas_format(&c->host->proc[p], false, c->d->host,
			    sizeof(c->d->host));
		if (strcmp(c->d->ours, c->d->host) != 0)
			return true;
	}
	return false;
}

const struct obs_vma *obs_same_vma(const struct obs_proc *p,
				   const struct obs_vma *v)
{
	for (unsigned i = 0; i < p->nvmas; i++)
		if (p->vma[i].start == v->start && p->vma[i].end == v->end)
			return &p->vma[i];
	return NULL;
}

/* Areas that both have; whether they have the same ones is another kind. */
static bool differ_areas(const struct compare *c,
			 bool (*differ)(const struct compare *c,
					const struct obs_vma *a,
					const struct obs_vma *b))
{
	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < c->ours->proc[p].nvmas; i++) {
			const struct obs_vma *a = &c->ours->proc[p].vma[i], *b;

			b = obs_same_vma(&c->host->proc[p], a);
			c->d->proc = p;
			c->d->va = a->start;
			if (b && differ(c, a, b))
				return true;
		}
	return false;
}

static bool flags_of_area(const struct compare *c, const struct obs_vma *a,
			  const struct obs_vma *b)
{
	strcpy(c->d->ours, a->flags);
	strcpy(c->d->host, b->flags);
	return strcmp(a->flags, b->flags) != 0;
}

static bool differ_vmflags(const struct compare *c)
{
	return differ_areas(c, flags_of_area);
}

static bool smaps_of_area(const struct compare *c, const struct obs_vma *a,
			  const struct obs_vma *b)
{
	smaps_format(a, c->d->ours, sizeof(c->d->ours));
	smaps_format(b, c->d->host, sizeof(c->d->host));
	return strcmp(c->d->ours, c->d->host) != 0;
}

static bool differ_smaps(const struct compare *c)
{
	return differ_areas(c, smaps_of_area);
}

static bool differ_page(const struct compare *c)
{
	for (unsigned p = 0; p < MAX_PROCS; p++) {
		const struct obs_proc *a = &c->ours->proc[p];
		const struct obs_proc *b = &c->host->proc[p];

		if (memcmp(a->page, b->page, sizeof(a->page)) == 0)
			continue;
		for (unsigned i = 0; i < OBS_PAGES; i++) {
			if (a->page[i] == b->page[i])
				continue;
			c->d->proc = p;
			c->d->va = obs_page_va(i);
			page_format(a->page[i], c->d->ours, 99);
			page_format(b->page[i], c->d->host, 99);
			return true;
		}
	}
	return false;
}

/* Every page whose frame both sides know, in one list. */
struct frames {
	unsigned n;
	struct {
		uint64_t ours, host;
		unsigned proc, page;
	} at[4096];
};

static void collect_frames(const struct compare *c, struct frames *f)
{
	f->n = 0;
	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < OBS_PAGES; i++) {
			uint64_t a = c->ours->proc[p].pfn[i];
			uint64_t b = c->host->proc[p].pfn[i];

			if (!a || !b || f->n == 4096)
				continue;
			f->at[f->n].ours = a;
			f->at[f->n].host = b;
			f->at[f->n].proc = p;
			f->at[f->n++].page = i;
		}
}

static void sharing_format(const struct frames *f, unsigned with, char *buf,
			   size_t size)
{
	snprintf(buf, size, "the frame of pid %u at 0x%" PRIx64,
		 f->at[with].proc + 1, obs_page_va(f->at[with].page));
}

/* The first of the list with each frame: a hash table, probed linearly. */
#define FIRST_SIZE 16384
struct first {
	uint64_t pfn[FIRST_SIZE];
	unsigned at[FIRST_SIZE];
};

static unsigned first_with(struct first *t, uint64_t pfn, unsigned i)
{
	unsigned h = pfn * 0x9e3779b97f4a7c15ULL >> 50;

	while (t->pfn[h] && t->pfn[h] != pfn)
		h = (h + 1) % FIRST_SIZE;
	if (!t->pfn[h]) {
		t->pfn[h] = pfn;
		t->at[h] = i;
	}
	return t->at[h];
}

/* Frames are equal if both sides agree on the first page that has the same. */
static bool differ_sharing(const struct compare *c)
{
	static struct frames f;
	static struct first ours, host;

	if (!c->ours->pfns || !c->host->pfns)
		return false;
	collect_frames(c, &f);
	memset(ours.pfn, 0, f.n ? sizeof(ours.pfn) : 0);
	memset(host.pfn, 0, f.n ? sizeof(host.pfn) : 0);
	for (unsigned i = 0; i < f.n; i++) {
		unsigned a = first_with(&ours, f.at[i].ours, i);
		unsigned b = first_with(&host, f.at[i].host, i);

		if (a == b)
			continue;
		c->d->proc = f.at[i].proc;
		c->d->va = obs_page_va(f.at[i].page);
		sharing_format(&f, a, c->d->ours, sizeof(c->d->ours));
		sharing_format(&f, b, c->d->host, sizeof(c->d->host));
		return true;
	}
	return false;
}

static bool differ_reuse(const struct compare *c)
{
	if (!c->ours->pfns || !c->host->pfns || !op_is_access(c->op))
		return false;
	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < OBS_PAGES; i++) {
			if (c->ours->kept[p][i] == c->host->kept[p][i])
				continue;
			c->d->proc = p;
			c->d->va = obs_page_va(i);
			strcpy(c->d->ours, c->ours->kept[p][i] ? "same frame"
							       : "new frame");
			strcpy(c->d->host, c->host->kept[p][i] ? "same frame"
							       : "new frame");
			return true;
		}
	return false;
}

static bool (*const differ[])(const struct compare *c) = {
	[DIFF_RET] = differ_ret,       [DIFF_SIGNAL] = differ_signal,
	[DIFF_VALUE] = differ_value,   [DIFF_VEC] = differ_vec,
	[DIFF_FAULTS] = differ_faults, [DIFF_ALIVE] = differ_alive,
	[DIFF_VMAS] = differ_vmas,     [DIFF_VMFLAGS] = differ_vmflags,
	[DIFF_PAGE] = differ_page,     [DIFF_SHARING] = differ_sharing,
	[DIFF_REUSE] = differ_reuse,   [DIFF_SMAPS] = differ_smaps,
};

bool obs_compare(const struct op *op, const struct obs *ours,
		 const struct obs *host, enum diff_kind after, struct diff *ret)
{
	struct compare c = { op, ours, host, ret };

	for (int k = after + 1; k <= DIFF_SMAPS; k++) {
		ret->proc = ret->va = 0;
		*ret->ours = *ret->host = 0;
		if (differ[k](&c)) {
			ret->kind = k;
			return true;
		}
	}
	return false;
}

void obs_kept(const struct obs *before, struct obs *now)
{
	for (unsigned p = 0; p < MAX_PROCS; p++)
		for (unsigned i = 0; i < OBS_PAGES; i++)
			now->kept[p][i] =
				now->proc[p].pfn[i] &&
				now->proc[p].pfn[i] == before->proc[p].pfn[i];
}
