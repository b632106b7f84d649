/*
 * boot_args.h - the words that `boot` understands, for completion. The
 * function itself is session_boot().
 */
#ifndef REPL_BOOT_ARGS_H
#define REPL_BOOT_ARGS_H

/* The @i-th key ("ram") or architecture ("i386"); NULL past the end. */
const char *boot_key_name(unsigned i);
const char *boot_arch_name(unsigned i);

#endif
