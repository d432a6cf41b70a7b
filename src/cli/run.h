/*
 * run.h: what the files of `mmsim run` share.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/launch.h"
#include "cli/machine_options.h"
#include "cli/outcome.h"
#include "cli/output.h"

struct run_options {
	struct machine_options machine;
	char **argv; /* the program and its arguments, NULL behind them */
	struct output report, trace, plot;
	uint64_t fail_at, fail_after_bytes; /* 0: never */
	uint64_t fail_count;                /* 0: 1 */
	unsigned timeout_s;                 /* 0: not given */
	bool spread;

	/* ---- of --fail-each ---- */
	bool fail_each, has_statuses;
	struct outcome_statuses statuses;
	uint64_t max_runs; /* 0: not given */
	unsigned jobs;     /* the same */
};

/* run_trace.c: the events, a line each. */
void trace_write(const struct launch *launch, FILE *out);

/* run_plot.c: the memory of the program itself over virtual time, as SVG.  0, or
 * 125 after a message. */
int plot_write(const struct launch *launch, struct output *plot);

#endif
