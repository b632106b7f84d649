/*
 * cmd_set.c - set: how the shell itself behaves.
 */
#include <stdio.h>
#include <string.h>

#include "repl/blame.h"
#include "repl/cmd.h"

static const char *const story_names[] = {
	[STORY_COMPACT] = "compact",
	[STORY_VERBOSE] = "verbose",
	[STORY_OFF] = "off",
};

static const char *get_story(const struct session *s)
{
	return story_names[s->story];
}

static bool set_story(struct session *s, const char *value)
{
	for (unsigned i = 0; i < ARRAY_SIZE(story_names); i++)
		if (strcmp(value, story_names[i]) == 0) {
			s->story = i;
			return true;
		}
	return false;
}

static const char *get_blame(const struct session *s)
{
	return blame_is_on(s) ? "on" : "off";
}

static bool set_blame(struct session *s, const char *value)
{
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return false;
	blame_set(s, strcmp(value, "on") == 0);
	return true;
}

static const struct setting {
	const char *name, *values, *help;
	const char *(*get)(const struct session *s);
	bool (*set)(struct session *s, const char *value);
} settings[] = {
	{ "blame", "on, off", "keep the history that blame shows", get_blame,
	  set_blame },
	{ "story", "compact, verbose, off", "what commands tell of the kernel",
	  get_story, set_story },
};

static const struct res_column set_cols[] = {
	{ "name", "NAME", false },
	{ "value", "VALUE", false },
	{ "values", "CAN BE", false },
	{ "help", "", false },
	{ 0 },
};

static void emit_setting(struct cmd_ctx *c, const struct setting *set)
{
	res_item(c->r, false);
	res_str(c->r, "name", "%s", set->name);
	res_str(c->r, "value", "%s", set->get(c->s));
	res_str(c->r, "values", "%s", set->values);
	res_str(c->r, "help", "%s", set->help);
	res_end(c->r);
}

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

static int set_run(struct cmd_ctx *c)
{
	const struct setting *set = NULL;

	if (c->arg[0].set && !(set = find_setting(c->arg[0].str)))
		return err_set(c->err, ERR_USER, "%s: nothing to set",
			       c->arg[0].str);
	if (c->arg[1].set) {
		if (set->set(c->s, c->arg[1].str))
			return 0;
		return err_set(c->err, ERR_USER, "%s %s: can be %s", set->name,
			       c->arg[1].str, set->values);
	}
	res_table(c->r, "settings", set_cols);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!set || set == &settings[i])
			emit_setting(c, &settings[i]);
	res_end(c->r);
	return 0;
}

static const char *set_word(unsigned i)
{
	return i < ARRAY_SIZE(settings) ? settings[i].name : NULL;
}

const struct command cmd_set = {
	.name = "set",
	.group = "shell",
	.flags = CMD_SHELL,
	.help = "show or set how the shell behaves",
	.details = "story: what a command that changes something tells of the "
		   "kernel's work:\n"
		   "compact (the default), verbose, or off; -v and -q choose "
		   "for one command.\n"
		   "blame: keep a history of page-table entries; on at a "
		   "prompt, off in\n"
		   "scripts, where each entry that is written would cost.",
	.example = "set story verbose",
	.arg = { { "NAME", ARG_WORD, .optional = true },
		 { "VALUE", ARG_WORD, .optional = true } },
	.run = set_run,
	.word = set_word,
};
