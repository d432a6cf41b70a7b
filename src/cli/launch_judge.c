/*
 * launch_judge.c: whether a run was a success, and how long one may take.
 *
 * It was when it ended with a status that counts as clean, and no machine of the
 * program and its children was lost, panicked, or had to kill for memory: a shell
 * ends well when what it started was killed.
 */
#include "cli/launch_judge.h"

#include <stdio.h>
#include <sys/param.h>

enum {
	JUDGE_FLOOR_MS = 10000, /* what every run may take */
	JUDGE_SLOWER = 20,      /* than the reference a run may be */
};

/* What the machines went through; NULL: they are well. */
static const char *machines_failed(const struct launch *launch)
{
	const struct run_area *area = launch->area;

	if (!launch_first(launch))
		return "it had no machine";
	for (uint32_t i = 0; i < area->nr_processes && i < RUN_PROCESSES; i++) {
		const struct run_process *process = &area->processes[i];

		if (process->end == RUN_END_BROKEN)
			return process->why;
		if (process->end == RUN_END_PANIC)
			return "kernel panic";
		if (process->end == RUN_END_OOM_KILL || process->oom_kills)
			return "killed by the OOM killer";
	}
	return NULL;
}

bool launch_has_worked(const struct launch *launch,
		       const struct outcome_statuses *statuses, char *why,
		       size_t size)
{
	struct outcome outcome =
		outcome_of(launch->status, launch->timed_out, statuses);
	const char *failed = machines_failed(launch);

	if (outcome.kind == OUTCOME_HANG)
		snprintf(why, size, "not done after %u s",
			 launch->timeout_ms / 1000);
	else if (failed)
		snprintf(why, size, "%s", failed);
	else if (outcome.kind != OUTCOME_CLEAN)
		outcome_text(outcome, why, size);
	else
		return true;
	return false;
}

unsigned launch_patience_ms(uint64_t wall_ns)
{
	uint64_t ms = wall_ns / 1000000 * JUDGE_SLOWER;

	return (unsigned)MIN(MAX(ms, (uint64_t)JUDGE_FLOOR_MS), INT32_MAX);
}
