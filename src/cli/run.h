/*
 * run.h: what the files of `mmsim run` share.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/launch.h"
#include "cli/machine_options.h"
#include "cli/output.h"

struct run_options {
	struct machine_options machine;
	char **argv; /* the program and its arguments, NULL behind them */
	struct output report, trace, plot;
	uint64_t fail_at, fail_after_bytes; /* 0: never */
	bool spread;
};

/* run_trace.c: the events, a line each. */
void trace_write(const struct launch *launch, FILE *out);

/* run_plot.c: gnuplot(1) can be called; false after a message. */
bool plot_is_possible(void);
/* The memory of the program itself over virtual time, as SVG.  0, or 125 after
 * a message. */
int plot_write(const struct launch *launch, FILE *out);

#endif
