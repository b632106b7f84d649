/*
 * handler.h - what runs when a simulated process handles a signal: a line of
 * commands, or a function of the Lua face. The kernel knows handlers by number.
 */
#ifndef REPL_HANDLER_H
#define REPL_HANDLER_H

#include "kernel/signal.h"
#include "repl/session.h"

/* A number for a line of commands, or a Lua function's reference. */
unsigned handler_add_line(struct session *s, const char *line);
unsigned handler_add_lua(struct session *s, int ref);
/* The line, "function" for Lua's, or NULL: no such handler. */
const char *handler_text(const struct session *s, unsigned handler);
/* The kernel of @s calls them. */
void handlers_attach(struct session *s);
void handlers_deinit(struct session *s);

#endif
