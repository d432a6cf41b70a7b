/*
 * sim_state.h: a simulated machine under real memory, for the files that work
 * on it.
 */
#ifndef OS_SIM_STATE_H
#define OS_SIM_STATE_H

#include "base/lock.h"
#include "kernel/machine.h"
#include "os/sim_record.h"

#include <mmsim/sim.h>
#include <signal.h>

struct mmsim_sim {
	struct mmsim_os os;
	struct mmsim_machine *machine;
	struct mmsim_task *task;
	struct live *live;
	struct sim_record record;
	uint64_t nr_entropy; /* numbers given out; atomic */
	struct lock lock;    /* sim_lock takes it */
	/* ---- under the lock ---- */
	uintptr_t brk;         /* as of the last call */
	sigset_t fork_signals; /* the forking thread's mask */
};

/* No signal comes while a thread holds the lock: its handler may fork.  `mask`
 * is kept by the caller. */
void sim_lock(struct mmsim_sim *sim, sigset_t *mask);
void sim_unlock(struct mmsim_sim *sim, const sigset_t *mask);

/* The break goes to `wanted`; false: it cannot, and stays.  Locked. */
bool sim_set_brk(struct mmsim_sim *sim, uintptr_t wanted);

#endif
