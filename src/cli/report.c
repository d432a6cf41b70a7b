/*
 * report.c: the figures of a report, and what is told without being asked for.
 *
 * Both forms of the report are made from the table here, so none has a figure
 * that the other lacks.
 */
#include "cli/report.h"

#include "cli/run_words.h"

#include <err.h>
#include <string.h>

#define FIGURE(group, field, label, unit)                                      \
	{                                                                      \
		group, #field, label, unit,                                    \
			offsetof(struct run_process, field)                    \
	}

const struct report_figure report_figures[] = {
	FIGURE("memory", peak_rss_kb, "peak RSS", "kB"),
	FIGURE("memory", rss_kb, "final RSS", "kB"),
	FIGURE("memory", peak_swap_kb, "peak in swap", "kB"),
	FIGURE("memory", swap_kb, "finally in swap", "kB"),
	FIGURE("faults", min_flt, "minor faults", ""),
	FIGURE("faults", maj_flt, "major faults", ""),
	FIGURE("swap", pswpin, "swapped in", "pages"),
	FIGURE("swap", pswpout, "swapped out", "pages"),
	FIGURE("reclaim", pgscan_kswapd, "scanned by kswapd", "pages"),
	FIGURE("reclaim", pgsteal_kswapd, "stolen by kswapd", "pages"),
	FIGURE("reclaim", pgscan_direct, "scanned directly", "pages"),
	FIGURE("reclaim", pgsteal_direct, "stolen directly", "pages"),
	FIGURE("calls", nr_calls[RUN_BRK], "brk", "calls"),
	FIGURE("calls", nr_calls[RUN_MMAP], "mmap", "calls"),
	FIGURE("calls", nr_calls[RUN_MUNMAP], "munmap", "calls"),
	FIGURE("calls", nr_calls[RUN_MADVISE], "madvise", "calls"),
	FIGURE("calls", nr_calls[RUN_MPROTECT], "mprotect", "calls"),
	FIGURE("calls", nr_calls[RUN_MREMAP], "mremap", "calls"),
	FIGURE("requests", nr_requests, "requests that can fail", ""),
	FIGURE("requests", nr_refused, "requests refused", ""),
	FIGURE("requests", bytes_granted, "granted in all", "bytes"),
	FIGURE("commit", committed_kb, "final Committed_AS", "kB"),
	FIGURE("commit", peak_committed_kb, "peak Committed_AS", "kB"),
	FIGURE("commit", commit_limit_kb, "CommitLimit", "kB"),
	FIGURE("machine", mem_total_kb, "MemTotal", "kB"),
	FIGURE("machine", mem_free_kb, "final MemFree", "kB"),
	FIGURE("machine", swap_total_kb, "SwapTotal", "kB"),
	FIGURE("machine", swap_free_kb, "final SwapFree", "kB"),
	FIGURE("machine", oom_kills, "OOM kills", ""),
	FIGURE("machine", clock_ns, "virtual time since boot", "ns"),
};

const size_t report_nr_figures =
	sizeof(report_figures) / sizeof(*report_figures);

uint64_t report_figure_value(const struct run_process *process,
			     const struct report_figure *figure)
{
	uint64_t value;

	memcpy(&value, (const char *)process + figure->offset, sizeof(value));
	return value;
}

const struct run_process *report_process(const struct launch *launch,
					 unsigned nr)
{
	const struct run_process *first = launch_first(launch);
	const struct run_area *area = launch->area;

	if (first && nr-- == 0)
		return first;
	for (uint32_t i = 0; i < area->nr_processes && i < RUN_PROCESSES; i++) {
		const struct run_process *process = &area->processes[i];

		if (process != first && process->state != RUN_FREE && nr-- == 0)
			return process;
	}
	return NULL;
}

const char *report_oom(const struct run_process *process)
{
	static const char *const signs[] = {"invoked oom-killer",
					    "Kernel panic"};
	const char *at = NULL;

	if (process->oom_kills == 0 && process->end != RUN_END_OOM_KILL &&
	    process->end != RUN_END_PANIC)
		return NULL;
	for (unsigned i = 0; i < 2 && !at; i++)
		at = strstr(process->log, signs[i]);
	if (!at)
		return process->log;
	while (at > process->log && at[-1] != '\n')
		at--;
	return at;
}

static bool has_requests(const struct launch *launch)
{
	const struct run_process *process;

	for (unsigned i = 0; (process = report_process(launch, i)); i++)
		if (process->nr_requests > 0)
			return true;
	return false;
}

void report_always(const struct launch *launch)
{
	const struct run_process *process;
	uint32_t nr = launch->area->nr_processes;

	if (launch->is_randomized)
		warnx("address randomisation cannot be switched off here: runs "
		      "may differ");
	if (!launch_first(launch))
		warnx("nothing was simulated: the program did not load "
		      "libmmsim.so");
	else if (!has_requests(launch) && !launch->lost_end)
		warnx("nothing was simulated: the program used no memory of "
		      "malloc, or has a malloc of its own");
	for (unsigned i = 0; (process = report_process(launch, i)); i++) {
		const char *oom = report_oom(process);

		if (oom)
			fprintf(stderr, "%s%s", oom,
				*oom && oom[strlen(oom) - 1] == '\n' ? ""
								     : "\n");
		if (process->end == RUN_END_BROKEN)
			warnx("process %d (%.16s) lost its machine: %s",
			      process->pid, process->comm, process->why);
	}
	if (launch->lost_end)
		warnx("the figures of a process that has ended never came: its "
		      "server is gone");
	if (nr > RUN_PROCESSES)
		warnx("%u processes are not in the report: it has room for %d",
		      nr - RUN_PROCESSES, RUN_PROCESSES);
}
