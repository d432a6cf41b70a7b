/*
 * jobs.h: many launches, as many at once as there are CPUs.
 *
 * The owner says what to launch next and is told what came out, in the order in
 * which the runs end.  While there is a terminal on standard error, one line
 * there tells how far it is; else nothing is written.
 */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli/launch.h"

#include <stdbool.h>
#include <stdint.h>

enum { JOBS_AT_ONCE = 64 };

struct job {
	struct launch launch;
	uint64_t number; /* the owner's */
	bool is_running;
};

struct jobs {
	/* ---- the owner's ---- */
	/* Fills in a launch, which is all zeros and shall be `quiet`; false:
	 * nothing to start now.  It is asked again when a run has ended. */
	bool (*next)(struct jobs *jobs, struct job *job);
	/* A run has ended; the launch is given back afterwards. */
	void (*ended)(struct jobs *jobs, struct job *job);
	const char *what;  /* for the line: "fail-each" */
	char remark[80];   /* for the line, may change: "3 crashes" */
	uint64_t expected; /* runs in all, as far as is known */
	unsigned at_once;  /* 1 .. JOBS_AT_ONCE */

	/* ---- jobs.c's ---- */
	uint64_t nr_done;
	uint64_t start_ns, shown_ns; /* CLOCK_MONOTONIC */
	bool on_terminal, is_shown;
	int interrupted; /* by this signal */
	struct job slots[JOBS_AT_ONCE];
};

/* CPUs that this process may use, at most JOBS_AT_ONCE. */
unsigned jobs_cpus(void);

/*
 * Runs all there is.  0, or mmsim's exit status after a message when a program
 * could not be started; the others are killed then.  A signal that ends mmsim
 * kills them, too.
 */
int jobs_run(struct jobs *jobs);

#endif
