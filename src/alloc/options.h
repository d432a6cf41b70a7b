/*
 * options.h: everything that can be set, in one table.
 *
 * An option has a name (for mmsim_heap_create's list and for MMSIM_ and
 * MALLOC_ variables), a mallopt number where glibc has one, the name of
 * glibc's tunable, a default, a range and a line of help.  Parsing the
 * environment, mallopt, malloc_stats and the check of the manual page all read
 * that table.
 *
 * Sources: mallopt(3); the glibc manual, "Memory Allocation Tunables".
 */
#ifndef ALLOC_OPTIONS_H
#define ALLOC_OPTIONS_H

#include "base/base.h"

/* A size or count without limit. */
#define OPTION_NEVER SIZE_MAX

struct options {
	size_t mmap_threshold; /* bytes: from here on requests are mapped */
	size_t trim_threshold; /* bytes of top; OPTION_NEVER: never give back */
	size_t top_pad;        /* bytes asked for beyond the request */
	size_t mmap_max;       /* mapped chunks at a time */
	size_t mxfast;         /* accepted, kept, without effect */
	size_t perturb;        /* byte that freed memory is filled with, or 0 */
	size_t check_action;   /* M_CHECK_ACTION; 3 turns expensive checks on */
	size_t arena_test;     /* arenas there may be when arena_max is 0 */
	size_t arena_max;      /* arenas at the most; 0: by the CPUs */
	size_t decay_ms;       /* how long free pages are kept for reuse */
	size_t populate_max;   /* bytes of pages fetched ahead; 0: none */
	size_t cache_max;      /* bytes a thread's cache may hold */
	size_t hugepages;      /* 1: madvise(MADV_HUGEPAGE) for arenas */
	size_t background;     /* 1: a thread gives back without a call */
	size_t stats;          /* 1: print malloc_stats at exit */

	/* Set by hand, so that rules that depend on it know:
	 * any of the four of mallopt(3) ends the dynamic mmap threshold. */
	bool thresholds_set;
	bool trim_threshold_set;
	bool top_pad_set;
};

struct option {
	char name[16];    /* "mmap_threshold" */
	int param;        /* M_MMAP_THRESHOLD, or 0 */
	char env[24];     /* "MALLOC_MMAP_THRESHOLD_" or "MMSIM_DECAY_MS" */
	char tunable[32]; /* "glibc.malloc.mmap_threshold" or "" */
	size_t min, max; /* of an accepted value */
	bool minus_one;  /* -1 is accepted and means OPTION_NEVER */
	bool is_bytes;   /* K, M, G may follow in text; shown as bytes */
	size_t offset;   /* of the field in struct options */
	char help[200];
};

/* The table; it ends with an empty name. */
extern const struct option option_table[];

void options_init(struct options *options);
size_t option_default(const struct option *opt);

/* Whether a variable in `envp` is meant for us, or may be. */
bool options_are_named(char *const *envp);

/* Reads MALLOC_*, GLIBC_TUNABLES and MMSIM_* from `envp`.  A bad value: one
 * line on standard error, default kept.  Reads nothing when `secure`. */
void options_from_env(struct options *options, char *const *envp, bool secure);

/* Reads "name=value,name=value".  False when something is wrong; then nothing
 * was changed. */
bool options_from_list(struct options *options, const char *list);

/* mallopt(3) on the fields: 1 when set, 0 when the value is not allowed. */
int options_mallopt(struct options *options, int param, int value);

#endif
