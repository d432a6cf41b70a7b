/*
 * oom.h: the out-of-memory killer.
 *
 * oom.c chooses and kills; oom_badness.c scores, by the rules of each profile;
 * oom_report.c writes the kernel log's report.
 */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include "kernel/page_alloc.h"
#include "kernel/task.h"

enum oom_constraint {
	CONSTRAINT_NONE,
	CONSTRAINT_CPUSET,
	CONSTRAINT_MEMORY_POLICY,
	CONSTRAINT_MEMCG,
};

struct oom_control {
	const struct alloc_context *ac;
	enum oom_constraint constraint;
	uint64_t totalpages;
	struct mmsim_task *chosen;
	int64_t chosen_points;
	nodemask_t nodes; /* a policy binds the request to these; 0: none */
	struct mmsim_task *current; /* who asked */
};

/* Kills a task so that the request may be tried again: true; false when it
 * may not be (panic, or the request is of a kind that does not kill). */
bool out_of_memory(const struct alloc_context *ac);
/* Points of 6.1 and later; INT64_MIN: never chosen. */
int64_t oom_badness(const struct mmsim_task *task, uint64_t totalpages,
		    nodemask_t nodes);
/* Points by the rules of the machine's profile; INT64_MIN: never chosen. */
int64_t oom_points(const struct mmsim_task *task, uint64_t totalpages,
		   nodemask_t nodes);
/* What /proc/PID/oom_score shows in this profile. */
uint64_t oom_score(const struct mmsim_task *task);
/* show_mem: "Mem-Info:" and what follows, into the log. */
void oom_show_mem(struct mmsim_machine *machine);

/* The whole report; `victim` may be NULL. */
void oom_dump_header(const struct oom_control *oc,
		     const struct mmsim_task *victim);
/* Its first lines: what was asked for, and by whom. */
void oom_show_invocation(const struct oom_control *oc);
/* Its last: the tasks that could be chosen, and which one is. */
void oom_dump_tasks(const struct oom_control *oc);
void oom_dump_summary(const struct oom_control *oc,
		      const struct mmsim_task *victim);
/* The task may be chosen for a request that is bound to `nodes` (0: not). */
bool oom_is_eligible(const struct mmsim_task *task, nodemask_t nodes);
/* Nodes whose memory is asked for in Mem-Info: 0 for all. */
void oom_show_mem_of(struct mmsim_machine *machine, nodemask_t nodes);

#endif
