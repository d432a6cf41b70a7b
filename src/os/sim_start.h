/*
 * sim_start.h: a simulated machine, and where its record goes.
 */
#ifndef OS_SIM_START_H
#define OS_SIM_START_H

#include <mmsim/sim.h>

/* mmsim_sim_start with a record in the run area that `area` names (NULL: none).
 * With an area, or `is_bound`, the process runs on one CPU from now on, when
 * that is what the area says. */
int sim_start(const char *spec, unsigned flags, const char *area, bool is_bound,
	      struct mmsim_sim **sim);

#endif
