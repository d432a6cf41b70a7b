/*
 * sim_record.h: what is noted of a live task while it runs.
 *
 *   sim_record_attach    (the run area, or NULL)     before the machine boots
 *   sim_record_start     (the machine and its task)  before it is live
 *   observer             ... calls, faults, forks ...
 *   observer.end         the figures are written down
 *
 * or sim_record_fail when there is no machine to be had.
 */
#ifndef OS_SIM_RECORD_H
#define OS_SIM_RECORD_H

#include "mmu/live.h"
#include "os/on_purpose.h"
#include "os/run_area.h"

/* Counters that only go up; a record holds what was added since its start. */
struct sim_totals {
	uint64_t min_flt, maj_flt;
	uint64_t pswpin, pswpout;
	uint64_t pgscan_kswapd, pgsteal_kswapd, pgscan_direct, pgsteal_direct;
	uint64_t oom_kills;
	uint64_t direct_ns; /* virtual time in direct reclaim */
	uint64_t kswapd_ns; /* and of kswapd */
};

struct sim_record {
	struct live_observer observer; /* hand this to live_start */
	struct mmsim_machine *machine;
	struct mmsim_task *task;
	int pid; /* of the process, the host's */

	struct run_area *area;       /* NULL: nothing is recorded */
	struct run_process *process; /* NULL: the same, or no record was left */
	uint32_t index;              /* of it */
	struct on_purpose plan;      /* what fails in this process */
	struct sim_totals base;      /* when the record was taken */

	/* ---- the call that is served ---- */
	bool is_request;    /* it can be refused */
	bool is_on_purpose; /* and was, by us */
	uint64_t bytes;     /* what it asks for, see on_purpose.h */
	uint64_t len;       /* its length */

	/* ---- as of the last event ---- */
	uint64_t clock_ns;   /* the machine's */
	uint64_t kthread_ns; /* work of kernel threads that took the task's time
			      */
	uint64_t maj_flt;
	uint64_t sample_ns;   /* when the last sample was given */
	uint64_t sample_hash; /* and of which figures */
	bool is_killed;       /* the task was seen to be */
};

/* `path` names the run area, NULL: none.  Takes a record in it. */
void sim_record_attach(struct sim_record *record, const char *path);
/* The task becomes live soon. */
void sim_record_start(struct sim_record *record, struct mmsim_task *task);
/* There is no machine, because of this. */
void sim_record_fail(struct sim_record *record, const char *why);
/* Forgets the area. */
void sim_record_detach(struct sim_record *record);

#endif
