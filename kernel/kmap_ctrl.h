/*
 * kmap_ctrl.h - the kmap_local mappings of one task (linux struct kmap_ctrl in
 * struct task_struct): a stack, which moves with the task.
 */
#ifndef KERNEL_KMAP_CTRL_H
#define KERNEL_KMAP_CTRL_H

#include <stdint.h>

#define KM_MAX_IDX 16

struct kmap_ctrl {
	uint8_t idx;	 /* mappings: slots 0 to idx - 1 of the CPU */
	uint16_t atomic; /* bit i: slot i is of kmap_atomic() */
	uint8_t cpu;	 /* whose slots they are, while it does not run */
	/* kmap_atomic()s of lowmem and HighMem: no switch while there are */
	unsigned preempt_count;
	uint32_t pfn[KM_MAX_IDX];
};

#endif
