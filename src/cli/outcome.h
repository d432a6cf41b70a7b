/*
 * outcome.h: how a run ended, and runs that ended alike as one group.
 */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome_kind {
	OUTCOME_CLEAN,      /* an exit status that means success */
	OUTCOME_WRONG_EXIT, /* any other exit status */
	OUTCOME_CRASH,      /* a signal */
	OUTCOME_HANG,       /* had to be killed when its time was up */
	OUTCOME_KINDS,
};

struct outcome {
	enum outcome_kind kind;
	int code; /* the exit status, or the signal; 0 for a hang */
};

/* The exit statuses that count as clean. */
struct outcome_statuses {
	bool is_clean[256];
};

/* Adds those of "0,3,77".  False: not numbers from 0 to 255. */
bool outcome_statuses_parse(struct outcome_statuses *statuses,
			    const char *text);

/* `wait_status` as waitpid(2) gives it. */
struct outcome outcome_of(int wait_status, bool timed_out,
			  const struct outcome_statuses *statuses);
bool outcome_is_same(struct outcome a, struct outcome b);

/* "clean", "wrong exit", "crash", "hang". */
const char *outcome_kind_name(enum outcome_kind kind);
/* "clean, status 0", "wrong exit, status 3", "crash, SIGSEGV", "hang". */
void outcome_text(struct outcome outcome, char *text, size_t size);
/* "SIGSEGV", or "signal 40". */
void outcome_signal_name(int signal, char *text, size_t size);

struct outcome_group {
	struct outcome outcome;
	uint64_t smallest; /* number of its first run */
	uint64_t count;    /* runs */
};

enum { OUTCOME_GROUPS = 512 }; /* there are 256 statuses and 64 signals */

struct outcome_table {
	size_t nr_groups;
	struct outcome_group groups[OUTCOME_GROUPS];
};

/* The run with this number, in any order. */
void outcome_add(struct outcome_table *table, struct outcome outcome,
		 uint64_t number);
/* By kind, then by the smallest number. */
void outcome_sort(struct outcome_table *table);
uint64_t outcome_count(const struct outcome_table *table,
		       enum outcome_kind kind);

#endif
