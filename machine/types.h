/*
 * types.h - the address types of the whole program.
 *
 * A linear (virtual) address, a physical address and a page frame number are
 * all 64-bit numbers here, whatever the machine that is simulated; the type
 * name says which of the three a number is. Never a bare uint64_t for an
 * address.
 */
#ifndef MACHINE_TYPES_H
#define MACHINE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t va_t;	/* linear address; i386 addresses have bits 63:32 clear */
typedef uint64_t pa_t;	/* physical address */
typedef uint64_t pfn_t;	/* physical address >> PAGE_SHIFT */

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

#define PAGE_ALIGN(x)	(((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define ALIGN_UP(x, a)	(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1ULL << (n))

#endif
