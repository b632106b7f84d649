/*
 * dmadev.h - a device that masters the bus: a disk controller or a NIC.
 *
 * It is given addresses and lengths, and reads and writes RAM by them, past
 * the MMU: no page table, no TLB, no accessed or dirty bit. Its address
 * register has so many bits; those above do not exist. Caches of x86 CPUs are
 * kept coherent with such accesses by hardware, so that there are none here.
 */
#ifndef MACHINE_DMADEV_H
#define MACHINE_DMADEV_H

#include "machine/ram.h"

struct dmadev {
	unsigned addr_bits;	/* 24: ISA, 32: PCI, 64 */
	uint64_t reads, writes; /* bytes of RAM read and written */
	uint64_t aborts;	/* bytes asked for where no RAM is */
};

/* What leaves the device when it is told to use @addr. */
pa_t dmadev_address(const struct dmadev *dev, uint64_t addr);

/*
 * Moves @len bytes between @buf, memory of the device, and RAM. Where there is
 * none it reads all ones, and what it writes is lost (a master abort).
 */
void dmadev_read_ram(struct dmadev *dev, const struct ram *ram, uint64_t addr,
		     void *buf, size_t len);
void dmadev_write_ram(struct dmadev *dev, struct ram *ram, uint64_t addr,
		      const void *buf, size_t len);

#endif
