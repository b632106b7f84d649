/*
 * sim.h - the executor that is the simulation.
 */
#ifndef TESTS_DIFF_SIM_H
#define TESTS_DIFF_SIM_H

#include "tests/diff/host.h"
#include "tests/diff/obs.h"

struct sim;

struct sim *sim_start(const struct host_setup *setup);
void sim_step(struct sim *s, const struct op *op, struct obs *ret);
/* Findings of kernel_check() as one text, or NULL. */
const char *sim_check(struct sim *s, bool all);
void sim_stop(struct sim *s);

#endif
