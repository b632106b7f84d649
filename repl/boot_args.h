/*
 * boot_args.h - the words that `boot` understands, for completion and for
 * hints. The function itself is session_boot().
 */
#ifndef REPL_BOOT_ARGS_H
#define REPL_BOOT_ARGS_H

struct e820_map;
struct err;
struct kernel_config;
struct session;

/*
 * The configuration that "ARCH key=value ..." asks for; @text is split at
 * blanks. Its arch is NULL for "none"; a memory map that the words make is put
 * into *map, and ret->map points to it. 0, or -1 and *err.
 */
int boot_config(struct session *s, const char *text, struct kernel_config *ret,
		struct e820_map *map, struct err *err);

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
