/*
 * fault.h - an access, and the exception that it may end in.
 *
 * Source: SDM volume 3A, "Page-Fault Exceptions", and "Interrupt 12", "13"
 * and "14" of "Exception and Interrupt Reference".
 */
#ifndef MACHINE_FAULT_H
#define MACHINE_FAULT_H

#include "machine/flags.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_NKINDS };

struct access {
	va_t va;
	enum access_kind kind;
	bool user;	/* made at CPL 3 */
	bool implicit;	/* a supervisor access at any CPL: descriptor tables */
	bool stack;	/* through SS: non-canonical gives #SS, not #GP */
};

/* Page-fault error code, SDM "Page-Fault Exceptions". */
#define PF_P	BIT(0)
#define PF_WR	BIT(1)
#define PF_US	BIT(2)
#define PF_RSVD	BIT(3)
#define PF_ID	BIT(4)
#define PF_PK	BIT(5)
extern const struct flag_name pf_error_flags[];

#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14

enum fault_reason {	/* why: finer than the error code */
	FAULT_NONE,
	FAULT_NOT_CANONICAL,	/* #GP or #SS */
	FAULT_NOT_PRESENT,
	FAULT_RESERVED,
	FAULT_SUPERVISOR_PAGE,	/* user access to a supervisor page */
	FAULT_READ_ONLY,	/* user write, R/W=0 */
	FAULT_WP,		/* supervisor write, R/W=0, CR0.WP=1 */
	FAULT_XD,
	FAULT_SMEP,
	FAULT_SMAP,
	FAULT_PK_AD, FAULT_PK_WD,
	FAULT_NREASONS,
};
extern const char *const fault_reason_name[FAULT_NREASONS];	/* "not present" */

struct fault {
	enum fault_reason reason;
	uint8_t vector;		/* VEC_PF, VEC_GP, VEC_SS */
	uint8_t level;		/* level index of the deciding entry */
	uint32_t error_code;
	va_t cr2;		/* what CR2 is loaded with (vector 14) */
};

#endif
