/*
 * suite: the workload programs of `workloads`, and what their files share.
 *
 * A row is one workload with a number of threads.  Its function draws its
 * tables, starts the clock, does a fixed amount of work, stops the clock and
 * then frees every block it has:
 *
 *     draw tables | suite_begin | work ... | suite_end | free what is left
 *                                               peak_kb                 end_kb
 *
 * Rules of a row
 *   - the same operations in every run and under every allocator: seeded
 *     numbers, no clock, nothing that depends on which thread came first,
 *     except where the published program is made of that;
 *   - a row of N threads does the same work in all as its row of one thread,
 *     so that the ratio of their times is the scaling;
 *   - the row's own tables come from table_map, not from malloc;
 *   - what is in the blocks is checked: block_stamp, block_check, a result.
 */
#ifndef MMSIM_BENCH_SUITE_H
#define MMSIM_BENCH_SUITE_H

#include "../blocks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct suite_run;

struct suite_row {
	const char *name; /* as on the command line; NULL ends a table */
	int threads;      /* threads that allocate or free at a time */
	void (*work)(struct suite_run *run);
	size_t arg; /* the function's own */
};

/* One run of one row. */
struct suite_run {
	const struct suite_row *row;
	double scale;          /* --scale */
	const char *traces;    /* --traces: the directory of recordings */
	unsigned long own_kb;  /* resident tables of the row's own, which are
				  no part of its peak; 0 unless it says so */
	uint64_t ops;          /* what the row counts; set by its function */
	uint64_t begin_ns;     /* wall clock at suite_begin */
	uint64_t wall_ns;      /* from suite_begin to suite_end */
	uint64_t begin_cpu_ns; /* CPU time of the process at suite_begin */
	uint64_t cpu_ns;       /* from suite_begin to suite_end */
	long begin_faults;     /* page faults of the process at suite_begin */
	long faults;           /* from suite_begin to suite_end */
	unsigned long peak_kb; /* VmHWM at suite_end, less own_kb */
};

/* Prepares a run; suite_fail names this row from here on. */
void suite_start(struct suite_run *run, const struct suite_row *row,
		 double scale);

/* `count` at scale 1; at least 1. */
uint64_t suite_count(const struct suite_run *run, uint64_t count);

/* One thread's share of it. */
uint64_t suite_share(const struct suite_run *run, uint64_t count);

void suite_begin(struct suite_run *run);
void suite_end(struct suite_run *run);

/* Ends the program: the row's name, the text, exit status 1. */
_Noreturn void suite_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* A new thread; the caller joins it. */
pthread_t suite_thread(void *(*body)(void *), void *argument);

/*
 * Runs body(argument), body(argument + stride) ... in `threads` new threads,
 * and waits for all of them.
 */
void suite_threads(int threads, void *(*body)(void *), void *arguments,
		   size_t stride);

/* Resident memory now, read without malloc and without stdio. */
unsigned long suite_rss_kb(void);

/* A tag that tells one block's content from another's. */
static inline uint32_t block_tag(size_t size, uint32_t number)
{
	return (uint32_t)size * 2654435761u ^ number;
}

/* Writes the first four bytes and the last one; size >= 4. */
static inline void block_stamp(void *p, size_t size, uint32_t number)
{
	uint32_t tag = block_tag(size, number);

	((uint8_t *)p)[size - 1] = (uint8_t)(tag >> 24);
	memcpy(p, &tag, sizeof tag);
}

static inline bool block_is_intact(const void *p, size_t size, uint32_t number)
{
	uint32_t tag = block_tag(size, number);

	return !memcmp(p, &tag, sizeof tag) &&
	       (size == sizeof tag ||
		((const uint8_t *)p)[size - 1] == (uint8_t)(tag >> 24));
}

/* A new block with its stamp. */
static inline void *block_make(size_t size, uint32_t number)
{
	void *p = malloc(size);

	if (!p)
		out_of_memory("malloc", size);
	block_stamp(p, size, number);
	return p;
}

/* Ends the program unless the stamp is as it was written. */
static inline void block_check(const void *p, size_t size, uint32_t number)
{
	if (!block_is_intact(p, size, number))
		suite_fail("a block of %zu bytes at %p has changed", size, p);
}

/* Frees a block after a look at its stamp. */
static inline void block_end(void *p, size_t size, uint32_t number)
{
	block_check(p, size, number);
	free(p);
}

/* replay_row: the row of a recording that is in no table; NULL: no such name. */
const struct suite_row *replay_row(const char *name);

extern const struct suite_row alloc_test_rows[];
extern const struct suite_row barnes_rows[];
extern const struct suite_row cache_rows[];
extern const struct suite_row cfrac_rows[];
extern const struct suite_row espresso_rows[];
extern const struct suite_row glibc_rows[];
extern const struct suite_row json_rows[];
extern const struct suite_row large_rows[];
extern const struct suite_row larson_rows[];
extern const struct suite_row mleak_rows[];
extern const struct suite_row mstress_rows[];
extern const struct suite_row replay_rows[];
extern const struct suite_row rptest_rows[];
extern const struct suite_row sh_rows[];
extern const struct suite_row threadtest_rows[];
extern const struct suite_row xmalloc_rows[];

#endif
