/*
 * laccess.c - the memory of a process, for loops: p = mmsh.process(2).
 *
 *	p:read(va [, size])			an integer
 *	p:fetch(va [, size])			the same, as an instruction
 *	p:write(va, n [, size])			minor and major faults taken
 *	p:write(va, string)
 *	p:bytes(va, len)			a string
 *	p:words(va, n [, size [, stride]])	a table of n integers
 *	p:touch(va, len [, kind])		one access a page: faults
 *
 * The accesses are those of the commands read, fetch, write and touch: made
 * by user code on the current CPU, through TLB and tables, page faults handled
 * by the kernel. What differs is the answer: no table, no story. Only an
 * access that ends in a signal tells its story, in the error that it raises.
 * A word is an access; bytes and strings are one in each page, as memcpy's.
 *
 * Nothing may raise between begin() and end(): a listener is set in between,
 * and the CPU may be at another process.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"
#include "repl/cmd.h"

#define WORD	     4		 /* default size, as of the command write */
#define MOST	     (16u << 20) /* bytes or words in one call */
#define ACCESS_STEPS 5		 /* of the budget */
#define PAGE_STEPS   200	 /* a fault, in most cases */

struct work {
	lua_State *L;
	const char *name; /* of the method */
	enum access_kind kind;
	struct session *s;
	struct kernel *k;
	struct task_struct *task, *before;
	uint64_t min_flt, maj_flt; /* of the task, before */
	int ppid;		   /* of the task, for when it has ended */
	bool listens;		   /* a fault has been taken */
	struct story *story;	   /* of the faults; NULL: no event yet */
	struct kevent_sink sink;   /* who listened before */
	struct user_access a;	   /* of the last fault */
};

/* --- arguments ----------------------------------------------------------- */
static int usage(struct work *w, const char *what, lua_Integer n)
{
	struct err err;

	err_set(&err, ERR_USAGE, "%s: %lld: %s", w->name, (long long)n, what);
	return lcmd_raise(w->L, &err, false);
}

/* An expression in the names of the process: "heap+8". */
static va_t evaluate(struct work *w, const char *text)
{
	struct value v;
	struct err err;
	int rc;

	w->s->names_of = w->task;
	rc = expr_eval_as(w->s, text, "an address", &v, &err);
	w->s->names_of = NULL;
	if (rc == 0 && v.type != V_VA && v.type != V_PLAIN)
		rc = err_set(&err, ERR_USER,
			     "%s: %s is of type %s; %s takes a va", w->name,
			     text, vtype_name[v.type], w->name);
	if (rc < 0)
		lcmd_raise(w->L, &err, false);
	return v.n;
}

static inline va_t check_va(struct work *w)
{
	int is_int;
	va_t va = (va_t)lua_tointegerx(w->L, 2, &is_int);

	return __builtin_expect(is_int, 1)
		       ? va
		       : evaluate(w, luaL_checkstring(w->L, 2));
}

static inline unsigned check_size(struct work *w, int idx)
{
	lua_Integer n = luaL_optinteger(w->L, idx, WORD);

	if (n != 1 && n != 2 && n != 4 && n != 8)
		usage(w, "not a size of 1, 2, 4 or 8 bytes", n);
	return (unsigned)n;
}

static uint64_t check_count(struct work *w, int idx)
{
	lua_Integer n = luaL_checkinteger(w->L, idx);

	if (n < 0 || n > MOST)
		usage(w, "not in 0..16777216", n);
	return (uint64_t)n;
}

/* --- accesses ------------------------------------------------------------ */
/* The first event: a story begins. */
static void on_event(void *ctx, const struct kevent *ev)
{
	struct work *w = ctx;

	w->k->sink = w->sink;
	w->story = story_begin(w->k);
	w->k->sink.fn(w->k->sink.ctx, ev);
}

static inline void work_init(struct work *w, lua_State *L, const char *name,
			     enum access_kind kind)
{
	const struct process *p = process_at(L, 1);

	if (!p)
		luaL_typeerror(L, 1, "process");
	w->L = L;
	w->name = name;
	w->kind = kind;
	w->s = lmmsh_of(L)->s;
	w->k = w->s->k;
	w->task = w->k ? w->k->current[w->s->cpu] : NULL;
	if (!w->task || w->task->pid != p->pid || p->boots != w->s->boots)
		w->task = process_task(L, p);
}

static int raise_switch(struct work *w, struct task_struct *task, int rc)
{
	struct err err;
	struct cmd_ctx c = { .err = &err };

	cmd_switch_failed(&c, task, rc);
	return lcmd_raise(w->L, &err, false);
}

static inline void begin(struct work *w)
{
	int rc = 0;

	w->listens = false;
	w->story = NULL;
	w->min_flt = w->task->min_flt;
	w->maj_flt = w->task->maj_flt;
	w->before = w->k->current[w->s->cpu];
	w->ppid = w->task->ppid;
	w->a.end = SIG_STOPPED;
	if (__builtin_expect(w->task != w->before, 0))
		rc = context_switch(w->k, w->s->cpu, w->task);
	if (rc < 0)
		raise_switch(w, w->task, rc);
}

static void listen(struct work *w)
{
	if (w->listens)
		return;
	w->listens = true;
	w->sink = w->k->sink;
	w->k->sink = (struct kevent_sink){ on_event, w };
}

/* The CPU has tried, and taken @fault: it is handled, and the access retried.
 */
static __attribute__((noinline)) bool step_faulted(struct work *w,
						   const struct access *access,
						   const struct fault *fault,
						   void *buf, uint64_t len)
{
	unsigned cpu = w->s->cpu;

	listen(w);
	w->k->this_cpu = cpu;
	memset(&w->a, 0, sizeof(w->a));
	if (user_fault(w->k, cpu, access, fault, &w->a)) {
		user_access(w->k, cpu, access->kind, true, access->va, buf, len,
			    &w->a);
		return w->a.done == len;
	}
	return false;
}

/* A load or store of up to 8 bytes. False: it ended in a signal; no more. */
static inline bool step(struct work *w, va_t va, void *buf, size_t len)
{
	struct cpu *cpu = &w->s->m->cpu[w->s->cpu];
	struct access access = { .va = va, .kind = w->kind, .user = true };
	struct fault fault;
	bool done;

	if (w->kind == ACCESS_WRITE)
		done = mmu_store(cpu, &access, buf, len, &fault);
	else
		done = mmu_load(cpu, &access, buf, len, &fault);
	if (__builtin_expect(done, 1))
		return true;
	return step_faulted(w, &access, &fault, buf, len);
}

/* Any number of bytes, as a string instruction. */
static bool step_bytes(struct work *w, va_t va, void *buf, size_t len)
{
	listen(w);
	user_access(w->k, w->s->cpu, w->kind, true, va, buf, len, &w->a);
	return w->a.done == len;
}

static int raise_fault(struct work *w)
{
	struct err why, err;

	cmd_access_failed(lmmsh_of(w->L)->s, &w->a, &why);
	err_set(&err, why.kind, "%s: %s", w->name, why.msg);
	recorder_push(lmmsh_of(w->L)->rec, w->L);
	return lcmd_raise(w->L, &err, true);
}

/* Nobody listens any more. The story is told in the error, if one follows. */
static void end_listening(struct work *w)
{
	struct result *r = recorder_reset(lmmsh_of(w->L)->rec,
					  lmmsh_of(w->L)->limits.memory / 4);

	if (w->story)
		story_end(w->story, r);
	w->k->sink = w->sink;
	if (w->a.end == SIG_ENDED) /* there is no task any more */
		return;
	res_u64(r, "min_flt", NULL, w->task->min_flt - w->min_flt);
	res_u64(r, "maj_flt", NULL, w->task->maj_flt - w->maj_flt);
}

/* @ok: what step() said. Raises if it was false. */
static inline void end(struct work *w, bool ok)
{
	int rc = 0;

	if (__builtin_expect(w->listens, 0))
		end_listening(w);
	if (__builtin_expect(!ok && w->a.end == SIG_ENDED, 0) &&
	    w->task == w->before)
		cmd_give_cpu(w->s, w->s->cpu, w->ppid);
	if (__builtin_expect(w->task != w->before, 0))
		rc = context_switch(w->k, w->s->cpu, w->before);
	if (__builtin_expect(!ok, 0))
		raise_fault(w);
	if (rc < 0)
		raise_switch(w, w->before, rc);
}

static int push_faults(struct work *w)
{
	lua_pushinteger(w->L, (lua_Integer)(w->task->min_flt - w->min_flt));
	lua_pushinteger(w->L, (lua_Integer)(w->task->maj_flt - w->maj_flt));
	return 2;
}

/* --- one access ---------------------------------------------------------- */
/* Read in the size in which it was stored: the host need not wait for it. */
union word {
	uint8_t b;
	uint16_t w;
	uint32_t l;
	uint64_t q;
};

static inline lua_Integer word_value(const union word *v, unsigned size)
{
	if (size == 4)
		return v->l;
	if (size == 8)
		return (lua_Integer)v->q;
	return size == 1 ? v->b : v->w;
}

static __attribute__((always_inline)) inline int
load(lua_State *L, const char *name, enum access_kind kind)
{
	struct work w;
	union word value;
	unsigned size;
	va_t va;
	bool ok;

	work_init(&w, L, name, kind);
	va = check_va(&w);
	size = lua_gettop(L) > 2 ? check_size(&w, 3) : WORD;
	sandbox_charge_few(L, ACCESS_STEPS);
	begin(&w);
	ok = step(&w, va, &value, size);
	end(&w, ok);
	lua_pushinteger(L, word_value(&value, size));
	return 1;
}

static int access_read(lua_State *L)
{
	return load(L, "read", ACCESS_READ);
}

static int access_fetch(lua_State *L)
{
	return load(L, "fetch", ACCESS_FETCH);
}

static int access_write(lua_State *L)
{
	struct work w;
	uint64_t value;
	size_t len;
	void *data = &value;
	va_t va;
	bool ok;

	work_init(&w, L, "write", ACCESS_WRITE);
	va = check_va(&w);
	if (lua_type(L, 3) == LUA_TSTRING) {
		data = (void *)lua_tolstring(L, 3, &len);
	} else {
		value = (uint64_t)luaL_checkinteger(L, 3);
		len = check_size(&w, 4);
	}
	sandbox_charge(L, ACCESS_STEPS + len / 16);
	begin(&w);
	ok = data == &value ? step(&w, va, data, len)
			    : step_bytes(&w, va, data, len);
	end(&w, ok);
	return push_faults(&w);
}

/* --- many ---------------------------------------------------------------- */
static int access_bytes(lua_State *L)
{
	struct work w;
	luaL_Buffer b;
	uint64_t len;
	char *buf;
	va_t va;
	bool ok;

	work_init(&w, L, "bytes", ACCESS_READ);
	va = check_va(&w);
	len = check_count(&w, 3);
	sandbox_charge(L, ACCESS_STEPS + len / 16);
	buf = luaL_buffinitsize(L, &b, len);
	begin(&w);
	ok = step_bytes(&w, va, buf, len);
	end(&w, ok);
	luaL_pushresultsize(&b, len);
	return 1;
}

/* The table on the top has room for them: rawseti does not allocate. */
static bool load_words(struct work *w, va_t va, uint64_t n, unsigned size,
		       uint64_t stride)
{
	bool ok = true;

	for (uint64_t i = 0; ok && i < n; i++) {
		union word value;

		ok = step(w, va + i * stride, &value, size);
		lua_pushinteger(w->L, ok ? word_value(&value, size) : 0);
		lua_rawseti(w->L, -2, (lua_Integer)i + 1);
	}
	return ok;
}

static int access_words(lua_State *L)
{
	struct work w;
	uint64_t n, stride;
	unsigned size;
	va_t va;
	bool ok;

	work_init(&w, L, "words", ACCESS_READ);
	va = check_va(&w);
	n = check_count(&w, 3);
	size = check_size(&w, 4);
	stride = (uint64_t)luaL_optinteger(L, 5, size);
	sandbox_charge(L, n * ACCESS_STEPS);
	lua_createtable(L, (int)n, 0);
	begin(&w);
	ok = load_words(&w, va, n, size, stride);
	end(&w, ok);
	return 1;
}

/* As step() without a buffer, in a row. */
static bool touch_pages(struct work *w, va_t va, uint64_t pages)
{
	struct cpu *cpu = &w->s->m->cpu[w->s->cpu];
	struct access access = { .va = va, .kind = w->kind, .user = true };
	struct fault fault;
	bool ok = true;
	pa_t pa;

	for (; ok && pages > 0; pages--, access.va += PAGE_SIZE)
		ok = __builtin_expect(mmu_access(cpu, &access, &pa, &fault),
				      1) ||
		     step_faulted(w, &access, &fault, NULL, 1);
	return ok;
}

static int access_touch(lua_State *L)
{
	static const char *const names[] = { "r", "w", "x", NULL };
	static const enum access_kind kinds[] = { ACCESS_READ, ACCESS_WRITE,
						  ACCESS_FETCH };
	struct work w;
	lua_Integer len;
	va_t from, last;
	uint64_t pages;
	bool ok;

	work_init(&w, L, "touch", ACCESS_READ);
	from = check_va(&w);
	len = luaL_checkinteger(L, 3);
	if (len <= 0)
		usage(&w, "not a length", len);
	w.kind = kinds[luaL_checkoption(L, 4, "r", names)];
	last = from + (uint64_t)len - 1;
	from &= PAGE_MASK;
	pages = ((last - from) >> PAGE_SHIFT) + 1;
	sandbox_charge(L, pages * PAGE_STEPS);
	begin(&w);
	ok = touch_pages(&w, from, pages);
	end(&w, ok);
	return push_faults(&w);
}

const luaL_Reg access_methods[] = {
	{ "read", access_read },
	{ "fetch", access_fetch },
	{ "write", access_write },
	{ "bytes", access_bytes },
	{ "words", access_words },
	{ "touch", access_touch },
	{ NULL, NULL },
};
