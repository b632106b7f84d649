/*
 * machine.h - the whole machine: memory and processors. The one header of
 * this layer that kernel/ and repl/ need.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "machine/access.h"
#include "machine/ptiter.h"
#include "machine/reserved.h"

#define MACHINE_MAX_CPUS 64

struct machine {
	struct ram *ram;	/* owned */
	unsigned ncpus;
	struct cpu *cpu;	/* owned array of ncpus */
};

/*
 * A machine after reset. @map and @nregions as ram_create(). @ncpus is 1 to
 * MACHINE_MAX_CPUS. Returns NULL with errno set.
 */
struct machine *machine_create(const struct ram_region *map, unsigned nregions,
			       unsigned ncpus,
			       const struct cpu_features *features);
void machine_destroy(struct machine *m);

/*
 * Hash of registers, TLB contents and touched memory: equal before and after
 * anything that only looks.
 */
uint64_t machine_hash(const struct machine *m);

#endif
