/*
 * gbench_shim: Google Benchmark for bodies written in C.
 *
 * A body is a C function that sets up, loops `while (bench_next(s))` over a
 * fixed amount of work, and cleans up; only the loop is timed.  A table of
 * struct bench_row names the bodies; one row with threads > 1 is run by that
 * many threads at once, which start and end the loop together.  Time is
 * reported per operation: `ops` says how many one pass of one thread holds,
 * so that a pass can be long enough to hide the cost of bench_next.
 *
 * The shim itself must not disturb the malloc under test: bench_next does not
 * allocate.
 */
#ifndef MMSIM_BENCH_GBENCH_SHIM_H
#define MMSIM_BENCH_GBENCH_SHIM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_state;

struct bench_row {
	const char *name; /* NULL ends a table */
	void (*body)(struct bench_state *s);
	size_t arg;  /* the body's own: a size, a count */
	long ops;    /* operations in one pass of one thread */
	int threads; /* 0 and 1: one thread, CPU time; more: wall time */
	int wall;    /* time by the wall although one thread runs the body */
	long passes; /* 0: as many as --benchmark_min_time needs */
};

/* True while another pass is to be run; the first call starts the clock. */
int bench_next(struct bench_state *s);

size_t bench_arg(const struct bench_state *s);
int bench_thread(const struct bench_state *s); /* 0 .. bench_threads - 1 */
int bench_threads(const struct bench_state *s);

void bench_register(const struct bench_row *table);
int bench_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
