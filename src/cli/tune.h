/*
 * tune.h: `mmsim tune`: a program with every combination of some options of the
 * allocator, and what each costs.
 *
 *     row 0      as it is, without any setting: the baseline
 *     row 1 ..   combination 0 .. of setting.h
 */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H

#include "cli/host_run.h"
#include "cli/launch.h"
#include "cli/machine_options.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/setting.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What a setting can be good for; in each less is better. */
enum tune_aim {
	TUNE_LEAST_MEMORY,  /* the most that is resident */
	TUNE_FEWEST_CALLS,  /* system calls for memory */
	TUNE_FEWEST_FAULTS, /* page faults */
	TUNE_AIMS,
};

struct tune_options {
	struct machine_options machine;
	struct setting setting;
	char **argv; /* the program and its arguments */
	struct output plot;
	struct outcome_statuses statuses; /* that are a success; 0 is */
	unsigned timeout_s;               /* 0: none */
	unsigned jobs;                    /* at once */
	bool json, csv, verify;
};

/* The costs of one run: counts of all its processes together, memory of the one
 * that had most. */
struct tune_row {
	char *label;  /* "M_TRIM_THRESHOLD=64K", "(none)" */
	bool failed;  /* the run was no success */
	char why[64]; /* it was none */
	uint64_t peak_rss_kb, final_rss_kb;
	uint64_t min_flt, maj_flt;
	uint64_t nr_calls[NR_RUN_REQUESTS];
	uint64_t pswpin, pswpout; /* pages */
	uint64_t kernel_ns;       /* virtual, of the tasks */
	uint64_t wall_ns;
	bool on_front;
	struct host_run *host; /* on the host (--verify), or NULL */
};

struct tune {
	const struct tune_options *options;
	size_t nr_rows;
	struct tune_row *rows;
	size_t best[TUNE_AIMS]; /* nr_rows: no run was a success */
};

uint64_t tune_calls(const struct tune_row *row);
uint64_t tune_faults(const struct tune_row *row);
/* "least memory" */
const char *tune_aim_name(enum tune_aim aim);
bool tune_has_failed(const struct tune *tune);

/* ---- tune_run.c ---- */

/* 0, or mmsim's exit status after a message. */
int tune_run(struct tune *tune);
/* The baseline and the best rows once more, on the host. */
int tune_verify(struct tune *tune);

/* ---- tune_text.c ---- */

void tune_text(const struct tune *tune, FILE *to);

/* ---- tune_data.c; false: the file cannot take it ---- */

bool tune_json(const struct tune *tune, FILE *to);
bool tune_csv(const struct tune *tune, FILE *to);

/* ---- tune_plot.c ---- */

/* Peak RSS over system calls, as SVG.  0, or 125 after a message. */
int tune_plot(const struct tune *tune, struct output *plot);

#endif
