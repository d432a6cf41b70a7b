/*
 * cache-thrash and cache-scratch: false sharing that the allocator causes.
 *
 * After the description by Berger, McKinley, Blumofe and Wilson, "Hoard: a
 * scalable memory allocator for multithreaded applications" (ASPLOS 2000).
 * Two blocks in one line of the processor's cache that two threads write make
 * that line travel between the cores with every store.
 *
 * thrash (active): each thread repeats: allocate a block of 8 bytes, write it
 * many times, free it.  An allocator that gives neighbours of one line to
 * different threads loses.
 *
 * scratch (passive): the main thread allocates one block for each thread, side
 * by side.  Each thread frees the one it was given and then does as above.  An
 * allocator that hands the freed block back to the thread that freed it loses:
 * the lines stay shared for ever.
 *
 *     a line of 64 bytes   | block of thread 0 | block of thread 1 | ...
 *
 * Nearly all of the time is in the stores: allocators that avoid the sharing
 * tie, and on one core all do.
 */
#include "suite.h"

enum { SIZE = 8, ROUNDS = 1000, STORES = 1000000, THREADS = 4 };

struct writer {
	_Alignas(64) volatile uint8_t *given; /* freed first; or NULL */
	uint64_t rounds;
};

/* Adds 1 to each byte, STORES / SIZE times. */
static void write_block(volatile uint8_t *p)
{
	const uint8_t expected = (uint8_t)(STORES / THREADS / SIZE);

	for (int i = 0; i < SIZE; i++)
		p[i] = 0;
	for (int n = 0; n < STORES / THREADS / SIZE; n++)
		for (int i = 0; i < SIZE; i++)
			p[i]++;
	for (int i = 0; i < SIZE; i++)
		if (p[i] != expected)
			suite_fail("a byte at %p has changed", (void *)p);
}

static void *write_rounds(void *argument)
{
	const struct writer *w = argument;

	free((void *)w->given);
	for (uint64_t n = 0; n < w->rounds; n++) {
		volatile uint8_t *p = block_new(SIZE);

		write_block(p);
		free((void *)p);
	}
	return NULL;
}

/* arg: 1 when each thread is given a block to free. */
static void cache(struct suite_run *run)
{
	struct writer w[THREADS];

	for (int i = 0; i < THREADS; i++) {
		w[i].rounds = suite_count(run, ROUNDS);
		w[i].given = run->row->arg ? block_new(SIZE) : NULL;
		run->ops += w[i].rounds;
	}
	suite_begin(run);
	suite_threads(THREADS, write_rounds, w, sizeof *w);
	suite_end(run);
}

const struct suite_row cache_rows[] = {
	{.name = "cache-thrash/4", .threads = THREADS, .work = cache, .arg = 0},
	{.name = "cache-scratch/4",
	 .threads = THREADS,
	 .work = cache,
	 .arg = 1},
	{.name = NULL},
};
