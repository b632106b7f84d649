/*
 * boot_args.h - the words that `boot` understands, for completion and for
 * hints. The function itself is session_boot().
 */
#ifndef REPL_BOOT_ARGS_H
#define REPL_BOOT_ARGS_H

struct err;
struct session;

/* The @i-th key ("ram") or architecture ("i386"); NULL past the end. */
const char *boot_key_name(unsigned i);
const char *boot_arch_name(unsigned i);
/*
 * If @rule, by which a CPU refused, is that it "has no FEATURE": hints at the
 * boot that gives it one.
 */
void boot_hint_feature(const struct session *s, const char *rule,
		       struct err *err);

#endif
