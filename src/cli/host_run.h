/*
 * host_run.h: one program with mmsim's malloc on the host itself, for figures
 * beside the simulated ones.
 */
#ifndef CLI_HOST_RUN_H
#define CLI_HOST_RUN_H

#include "cli/host_memory.h"

#include <stdbool.h>
#include <stdint.h>

struct host_run {
	/* ---- asked for ---- */
	char *const *argv;
	char *const *env_more; /* "NAME=value", or NULL */
	unsigned timeout_ms;   /* 0: never */

	/* ---- told ---- */
	int status; /* as waitpid(2) */
	bool timed_out;
	uint64_t wall_ns;
	uint64_t peak_rss_kb; /* VmHWM at its end */
	uint64_t min_flt, maj_flt;
	struct host_memory memory; /* the most that was seen of each */
	bool is_measured;          /* the memory could be read */
	uint64_t family_kb; /* the most that it and its descendants had at once,
			     * of what was seen; 0: it had none */
	unsigned family_nr; /* of them, then, without itself */
};

/* Runs it, quiet.  0, or mmsim's exit status after a message.  A signal that ends
 * mmsim kills it, too. */
int host_run(struct host_run *run);

#endif
