/*
 * cmd_phys.c - peek, poke: words of physical memory.
 */
#include "kernel/mem_map.h"
#include "repl/cmd.h"

#define PEEK_MAX 65536u

static int word_size(struct cmd_ctx *c, unsigned def, unsigned *ret)
{
	if (cmd_word_size(c, def, ret) < 0)
		return -1;
	if (c->arg[0].value.n & (*ret - 1))
		return err_set(c->err, ERR_USER,
			       "0x%llx: not aligned to %u bytes",
			       (unsigned long long)c->arg[0].value.n, *ret);
	return 0;
}

static unsigned entry_size(const struct cmd_ctx *c)
{
	unsigned n = c->m->cpu[c->s->cpu].mmu.mode->entry_size;

	return n ? n : 4;
}

static uint64_t peek_word(struct cmd_ctx *c, pa_t pa, unsigned size,
			  uint64_t i)
{
	return mem_map_read(c->k, c->m->ram, pa + i * size, size);
}

/* Text: as many words as fit on a line of 16 bytes. */
static void emit_word_line(struct cmd_ctx *c, pa_t pa, unsigned n,
			   unsigned size)
{
	res_item(c->r, true);
	res_pa(c->r, NULL, "%s:", pa);
	for (unsigned i = 0; i < n; i++)
		res_hex(c->r, NULL, "%s", peek_word(c, pa, size, i), size * 2);
	res_end(c->r);
}

/* Data: each word with its address. */
static void emit_words(struct cmd_ctx *c, pa_t pa, uint64_t n, unsigned size)
{
	res_list(c->r, "words", RES_HIDDEN);
	for (uint64_t i = 0; i < n; i++) {
		res_item(c->r, false);
		res_pa(c->r, "pa", NULL, pa + i * size);
		res_hex(c->r, "value", NULL, peek_word(c, pa, size, i), 1);
		res_end(c->r);
	}
	res_end(c->r);
}

/* No address line goes up to there; c->err says so. */
static bool past_end(struct cmd_ctx *c, pa_t pa, uint64_t len)
{
	unsigned bits = cmd_chosen_cpu(c)->features.maxphyaddr;

	if (pa + len - 1 >= pa && !((pa + len - 1) >> bits))
		return false;
	err_set(c->err, ERR_USER,
		"0x%llx: physical addresses end at 0x%llx (MAXPHYADDR %u)",
		(unsigned long long)pa, (unsigned long long)BIT(bits) - 1, bits);
	return true;
}

static int peek_run(struct cmd_ctx *c)
{
	pa_t pa = c->arg[0].value.n;
	uint64_t n = c->arg[1].set ? c->arg[1].value.n : 1;
	unsigned size, per_line;

	if (word_size(c, entry_size(c), &size) < 0)
		return -1;
	if (n == 0 || n > PEEK_MAX)
		return err_set(c->err, ERR_USER, "%llu: 1 to %u words",
			       (unsigned long long)n, PEEK_MAX);
	if (past_end(c, pa, n * size))
		return -1;
	per_line = 16 / size;
	res_list(c->r, NULL, RES_LINES);
	for (uint64_t i = 0; i < n; i += per_line)
		emit_word_line(c, pa + i * size,
			       n - i < per_line ? n - i : per_line, size);
	res_end(c->r);
	emit_words(c, pa, n, size);
	res_pa(c->r, "pa", NULL, pa);
	res_u64(c->r, "size", NULL, size);
	res_hex(c->r, "value", NULL, peek_word(c, pa, size, 0), 1);
	if (!ram_ptr(c->m->ram, pa) && !ram_ptr(c->m->ram, pa + n * size - 1))
		res_text(c->r, COL_DIM, "no RAM there: all ones");
	return 0;
}

static int poke_run(struct cmd_ctx *c)
{
	pa_t pa = c->arg[0].value.n;
	unsigned size, offset;
	uint64_t old;
	pfn_t pfn;

	if (word_size(c, entry_size(c), &size) < 0 ||
	    cmd_fits(c, c->arg[1].value.n, size) < 0 || past_end(c, pa, size))
		return -1;
	old = peek_word(c, pa, size, 0);
	ram_write(c->m->ram, pa, size, c->arg[1].value.n);
	if (c->k)
		c->k->ram_poked = true;
	res_pa(c->r, "pa", "%s:", pa);
	res_hex(c->r, "old", "%s", old, size * 2);
	res_hex(c->r, "new", "~ -> %s", peek_word(c, pa, size, 0), size * 2);
	if (!ram_ptr(c->m->ram, pa))
		res_text(c->r, COL_BAD, "no RAM there: the write was dropped");
	if (c->k && mem_map_at(c->k, pa, &pfn, &offset))
		res_text(c->r, COL_DIM, "a struct page follows the kernel's "
			 "records, not what is written here");
	return 0;
}

const struct command cmd_peek = {
	.name = "peek", .alias = "xp", .group = "physical memory",
	.help = "show COUNT words of physical memory at PA",
	.details = "Words are as long as a page-table entry of the current mode,\n"
		   "or -s SIZE bytes. Where there is no RAM all bits read as ones.",
	.example = "peek 0x1000 4",
	.arg = { { "PA", ARG_PA }, { "COUNT", ARG_NUM, .optional = true } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of a word" } },
	.run = peek_run,
};

const struct command cmd_poke = {
	.name = "poke", .group = "physical memory", .flags = CMD_CHANGES,
	.help = "store the word VALUE in physical memory at PA",
	.details = "Changes RAM behind everybody's back. A page-table entry changed\n"
		   "so takes effect when no TLB holds the old one: see invlpg.",
	.example = "poke 0x1000 0x12345678",
	.arg = { { "PA", ARG_PA }, { "VALUE", ARG_NUM } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of the word" } },
	.run = poke_run,
};
