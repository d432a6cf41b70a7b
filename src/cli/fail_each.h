/*
 * fail_each.h: `mmsim run --fail-each`: one run for every request to the system
 * that could have failed.
 *
 *     number   the request refused   outcome
 *     0        none: the reference   status 0 (this is "clean" from here on)
 *     1        the first             clean
 *     2        the second            crash, SIGSEGV
 *     ...
 *     n        none, there are fewer: the end
 */
#ifndef CLI_FAIL_EACH_H
#define CLI_FAIL_EACH_H

#include "cli/launch.h"
#include "cli/outcome.h"
#include "cli/output.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	FAIL_EACH_MAX_RUNS = 10000, /* unless told otherwise */
	FAIL_EACH_MOST_RUNS = 10000000,
};

struct fail_each_options {
	const char *machine; /* the spec */
	char *const *argv;   /* the program and its arguments */
	/* Opened; a file gets JSON, standard error in its place the text that else
	 * goes to standard output. */
	struct output *report;
	unsigned timeout_s;  /* 0: by the time of the reference */
	uint64_t fail_count; /* requests that each run refuses; 0 is 1 */
	uint64_t max_runs;   /* 0: FAIL_EACH_MAX_RUNS */
	unsigned jobs;       /* at once; 0: the CPUs */
	struct outcome_statuses clean; /* beside the reference's own status */
};

/* What is known of one run. */
struct fail_run {
	struct outcome outcome;
	uint64_t nr_requests; /* of the program's own process */
	uint64_t fingerprint; /* of the program's own process */
	uint64_t wall_ns;
	struct run_refusal refusal; /* the one on purpose; nr 0: none */
	bool is_over;               /* the run took place */
	bool is_broken;             /* by mmsim's own fault */
};

struct fail_each {
	const struct fail_each_options *options;
	struct outcome_statuses clean;
	unsigned timeout_ms;
	struct fail_run reference[2];
	struct fail_run *runs; /* by number; [0] is not used */
	uint64_t nr_runs;      /* numbers 1 .. nr_runs took place */
	bool is_complete;      /* there was no request left to refuse */
	uint64_t nr_broken;
	char why_broken[200]; /* of the first of them */
	struct outcome_table table;
	struct fail_run again[OUTCOME_GROUPS]; /* the first of each group */
	bool is_deterministic;                 /* as far as was seen */
	char why_not[160];                     /* it is not */
};

/* mmsim's exit status: 0 when all were clean, 1 when not, 125. */
int fail_each(const struct fail_each_options *options);

/* ---- fail_each_report.c ---- */

void fail_each_text(const struct fail_each *each, FILE *to);
/* false: the file cannot take it. */
bool fail_each_json(const struct fail_each *each, FILE *to);

#endif
