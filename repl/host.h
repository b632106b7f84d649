/*
 * host.h - the host around the shell: its commands, its signals.
 *
 * Apart from session.h because <signal.h> has a macro si_addr, which is the
 * name of a field of the simulated kernel too.
 */
#ifndef REPL_HOST_H
#define REPL_HOST_H

#include <stdbool.h>

/*
 * Ctrl-C was typed: set by the handler, cleared by who obeys. Long loops of
 * the shell look at it.
 */
extern volatile int host_interrupted;

/*
 * SIGPIPE off (writes fail with EPIPE instead). SIGINT: in a batch the process
 * ends with 130; at the prompt it sets host_interrupted, and ends the
 * process if that was set and nobody obeyed.
 */
void host_signals(bool interactive);
/* The CPU time that is left, in seconds; past it the process ends with 4. 0: as
 * much as the host allows. */
void host_cpu_limit(unsigned seconds);

/*
 * Starts `sh -c cmd` with its standard input from a pipe if @infd is not
 * NULL (its writing end goes there). Returns its PID, or -1 with errno set.
 */
int host_start(const char *cmd, int *infd);
/* Waits for it: its exit status, 128 + signal. Ctrl-C is the child's. */
int host_wait(int pid);

#endif
