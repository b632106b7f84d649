/*
 * sigframe.c - what a handler finds on the user stack (linux 6.1
 * arch/x86/kernel/signal.c: get_sigframe, __setup_rt_frame).
 *
 *	sp or sas_ss_sp + sas_ss_size
 *	     red zone of 128 bytes (x86-64, not on the other stack)
 *	     FXSAVE area (i386: and the 112 bytes of FSAVE)
 *	     rt_sigframe: return address, [arguments,] ucontext, siginfo
 *	frame
 *
 * Registers that programs here do not have are 0 in it: it tells ip, sp, the
 * fault (trap number, error code, CR2), the mask, the stack and siginfo. i386
 * gets rt_sigframe whatever sa_flags say. Left out: XSAVE, shadow stacks.
 */
#include <errno.h>
#include <string.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"

#define FXSAVE_SIZE 512
#define FSAVE_SIZE  112
#define RED_ZONE    128
#define FRAME_MAX   448
#define SS_ONSTACK  1u
#define SS_DISABLE  2u

/* Offsets in the frame, by word size. */
struct frame_layout {
	uint16_t size, fp_size, red_zone;
	uint16_t stack, sp, ip, error, trap, cr2, fpstate, mask, siginfo;
	uint16_t signo, pinfo, puc; /* i386: arguments on the stack */
	uint8_t word, si_addr;
};

static const struct frame_layout layouts[] = {
	{ .size = 268,
	  .fp_size = FXSAVE_SIZE + FSAVE_SIZE,
	  .word = 4,
	  .signo = 4,
	  .pinfo = 8,
	  .puc = 12,
	  .siginfo = 16,
	  .si_addr = 12,
	  .stack = 152,
	  .sp = 192,
	  .trap = 212,
	  .error = 216,
	  .ip = 220,
	  .fpstate = 240,
	  .cr2 = 248,
	  .mask = 252 },
	{ .size = 440,
	  .fp_size = FXSAVE_SIZE,
	  .word = 8,
	  .red_zone = RED_ZONE,
	  .stack = 24,
	  .sp = 168,
	  .ip = 176,
	  .error = 200,
	  .trap = 208,
	  .cr2 = 224,
	  .fpstate = 232,
	  .mask = 304,
	  .siginfo = 312,
	  .si_addr = 16 },
};

static const struct frame_layout *layout_of(const struct kernel *k)
{
	return &layouts[k->arch->word == 8];
}

unsigned sigframe_size(const struct kernel *k)
{
	const struct frame_layout *l = layout_of(k);

	return l->size + l->fp_size + l->red_zone;
}

static void put(const struct frame_layout *l, uint8_t *f, unsigned at,
		uint64_t value)
{
	memcpy(f + at, &value, l->word);
}

static bool on_stack(const struct task_struct *t)
{
	return t->sp > t->sas_ss_sp && t->sp - t->sas_ss_sp <= t->sas_ss_size;
}

/* linux get_sigframe(): where the frame begins, and the FXSAVE area. */
static va_t get_sigframe(const struct task_struct *t,
			 const struct frame_layout *l, uint32_t sa_flags,
			 va_t *fp)
{
	bool nested = on_stack(t);
	va_t sp = t->sp - l->red_zone;

	if ((sa_flags & LX_SA_ONSTACK) && !nested && t->sas_ss_size)
		sp = t->sas_ss_sp + t->sas_ss_size;
	sp -= l->fp_size;
	*fp = sp & ~(va_t)(l->word == 8 ? 63 : 15);
	sp = *fp - l->size;
	if (l->word == 4)
		sp = ((sp + 4) & ~(va_t)15) - 4;
	else
		sp = (sp & ~(va_t)15) - 8;
	return l->word == 4 ? sp & UINT32_MAX : sp;
}

static void fill_frame(const struct task_struct *t,
		       const struct frame_layout *l, const struct siginfo *info,
		       va_t frame, va_t fp, uint8_t *f)
{
	uint32_t head[2] = { (uint32_t)info->signo, 0 };
	uint32_t code = (uint32_t)info->si_code;

	memset(f, 0, l->size);
	put(l, f, l->stack, t->sas_ss_sp);
	f[l->stack + l->word] = !t->sas_ss_size ? SS_DISABLE
				: on_stack(t)	? SS_ONSTACK
						: 0;
	put(l, f, l->stack + 2 * l->word, t->sas_ss_size);
	put(l, f, l->sp, t->sp);
	put(l, f, l->ip, t->ip);
	put(l, f, l->error, info->error_code);
	put(l, f, l->trap, info->trap);
	put(l, f, l->cr2, info->addr);
	put(l, f, l->fpstate, fp);
	memcpy(f + l->mask, &t->blocked, sizeof(t->blocked));
	memcpy(f + l->siginfo, head, sizeof(head));
	memcpy(f + l->siginfo + 8, &code, sizeof(code));
	put(l, f, l->siginfo + l->si_addr, info->addr);
	if (!l->signo)
		return;
	put(l, f, l->signo, info->signo);
	put(l, f, l->pinfo, frame + l->siginfo);
	put(l, f, l->puc, frame + l->stack - 8);
}

int setup_rt_frame(struct kernel *k, unsigned cpu, const struct siginfo *info,
		   const struct k_sigaction *act, va_t *frame)
{
	const struct frame_layout *l = layout_of(k);
	const struct task_struct *t = k->current[cpu];
	uint8_t bytes[FRAME_MAX];
	va_t fp, at = get_sigframe(t, l, act->sa_flags, &fp);

	fill_frame(t, l, info, at, fp, bytes);
	/* The other stack has overflowed: do not write below it. */
	if (on_stack(t) &&
	    (at < t->sas_ss_sp || at - t->sas_ss_sp > t->sas_ss_size))
		return -EFAULT;
	if (clear_user(k, cpu, fp, l->fp_size) ||
	    copy_to_user(k, cpu, at, bytes, l->size))
		return -EFAULT;
	*frame = at;
	return 0;
}
