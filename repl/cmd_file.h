/*
 * cmd_file.h - what the commands on files share: cmd_file*.c, cmd_pagecache.c.
 */
#ifndef REPL_CMD_FILE_H
#define REPL_CMD_FILE_H

#include "repl/cmd.h"
#include "repl/syscall.h"

#define FILES_FLAGS (CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES)

/* The argument "3</tmp/x>", or "3" if that is not open. */
void cmd_arg_fd(struct syscall *sc, const struct task_struct *task, int fd);
/* A call on @fd gave @rc: says what is known. Returns -1. */
int cmd_fd_failed(struct cmd_ctx *c, int fd, int rc);
/* Is @word a descriptor's number? */
bool cmd_is_fd(const char *word, int *fd);
/* The inode of PATH or FD, looked for only; NULL and c->err. */
const struct inode *cmd_find_inode(struct cmd_ctx *c, const char *word);

#endif
