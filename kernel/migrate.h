/*
 * migrate.h - a page's contents to another frame, and all who map it with
 * them (linux include/linux/migrate.h, mm/migrate.c).
 */
#ifndef KERNEL_MIGRATE_H
#define KERNEL_MIGRATE_H

#include "kernel/kernel.h"

/*
 * Moves the anonymous or page-cache page at @old to the free frame @new. True:
 * @new is what @old was, and @old is nobody's; its record is blank. False:
 * nothing changed, since somebody holds @old besides those who map it.
 */
bool migrate_page(struct kernel *k, pfn_t old, pfn_t new);

#endif
