/*
 * lmmsh.h - the Lua face: scripts that drive the shell's commands. main.c puts
 * these functions into the session's hooks; nothing else of the program
 * knows Lua.
 */
#ifndef LUA_LMMSH_H
#define LUA_LMMSH_H

#include <stdbool.h>

struct session;
struct err;

struct lmmsh_limits {
	bool trust;		/* no sandbox */
	unsigned long long memory;	/* bytes; default 256 MiB */
	unsigned long long steps;	/* VM instructions; default 1e9 */
};

/* Limits for the states made from now on. */
void lmmsh_limits(const struct lmmsh_limits *limits);

/* Runs the script @path with the global table arg. 0, or -1 with *err. */
int lmmsh_run(struct session *s, const char *path, int argc, char **argv,
	      struct err *err);
/* Runs one chunk: `lua CHUNK`. Globals stay until lmmsh_close(). */
int lmmsh_eval(struct session *s, const char *chunk, struct err *err);
void lmmsh_close(struct session *s);

#endif
