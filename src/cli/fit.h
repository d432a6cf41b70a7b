/*
 * fit.h: `mmsim fit`: the least memory with which a program still succeeds.
 *
 *     given      sought
 *     -          RAM, without swap
 *     --swap     RAM with so much swap; then how little swap does with that RAM
 *     --ram      swap, up to --swap
 */
#ifndef CLI_FIT_H
#define CLI_FIT_H

#include "cli/bisect.h"
#include "cli/host_run.h"
#include "cli/launch.h"
#include "cli/machine_options.h"
#include "cli/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	FIT_STEP = 64 << 10, /* sizes are multiples of it */
	FIT_PAGE = 4096,     /* of the machine */
	FIT_TRIES = 3,       /* at each size, when runs differ */
	FIT_AT_ONCE = 16,    /* sizes in a round of the search */
};

struct fit_options {
	struct machine_options machine;
	char **argv; /* the program and its arguments */
	bool has_ram, has_swap;
	bool has_statuses;
	struct outcome_statuses statuses; /* that are a success */
	uint64_t precision;               /* bytes, or 0 */
	unsigned percent;                 /* or 0 */
	uint64_t max_bytes; /* what "ample" is; 0: by the host's memory */
	unsigned timeout_s; /* 0: by the time of the reference */
	unsigned tries;     /* 0: 1 or FIT_TRIES */
	unsigned jobs;      /* at once */
	bool json;
};

/* One size that was tried. */
struct fit_trial {
	uint64_t ram, swap;
	unsigned nr_runs;
	uint64_t swapped_pages; /* in and out, in the run that had most */
	bool worked;            /* all runs did */
	char why[64];           /* it did not */
};

struct fit {
	const struct fit_options *options;
	struct outcome_statuses statuses;
	uint64_t ample; /* RAM of the reference, the most that is tried */
	unsigned timeout_ms;
	/* ---- the reference: two runs ---- */
	struct outcome outcome[2];
	uint64_t fingerprint[2];
	uint64_t peak_rss_kb, wall_ns; /* the greater one */
	bool is_deterministic;
	unsigned tries;
	/* ---- the search ---- */
	struct fit_trial *trials;
	size_t nr_trials;
	uint64_t ram, swap;            /* the answer, or what was given */
	struct bisect by_ram, by_swap; /* as they ended */
	bool sought_ram, sought_swap;
	bool swap_is_for_ram; /* swap was sought at the RAM found */
	uint64_t
		kept_bytes; /* by the machine with this RAM: not free at boot */
	struct host_run host; /* what is not simulated */
};

/* ---- fit_search.c ---- */

/* The spec with other RAM and swap. */
void fit_spec(const struct fit *fit, uint64_t ram, uint64_t swap,
	      char spec[MACHINE_SPEC_MAX]);
/* Each gives 0, or mmsim's exit status after a message. */
int fit_reference(struct fit *fit);
int fit_search(struct fit *fit);

/* ---- fit_report.c ---- */

void fit_text(const struct fit *fit, FILE *to);
/* false: the file cannot take it. */
bool fit_json(const struct fit *fit, FILE *to);

#endif
