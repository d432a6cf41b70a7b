/*
 * mleak: threads come and go, and nothing may be left of them.
 *
 * After a test of mimalloc's for memory that dead threads leave behind (Daan
 * Leijen; mleak of mimalloc-bench).  Two threads at a time start, allocate 1000
 * blocks of 16..1024 bytes and free them, three times, and end; then the next
 * two.  Stressed: what an allocator does for a thread's first blocks and at
 * its end, and whether it uses a dead thread's memory again: the peak must not
 * depend on how many threads there were.
 */
#include "suite.h"

enum { BLOCKS = 1000, SMALLEST = 16, LARGEST = 1024, ROUNDS = 3 };
enum { WAVES = 1500, THREADS = 2 };

static void *short_life(void *argument)
{
	const struct sizes *t = argument;
	void *block[BLOCKS];

	for (int n = 0; n < ROUNDS; n++) {
		for (uint32_t i = 0; i < BLOCKS; i++)
			block[i] = block_make(t->size[i], i);
		for (uint32_t i = 0; i < BLOCKS; i++)
			block_end(block[i], t->size[i], i);
	}
	return NULL;
}

static void mleak(struct suite_run *run)
{
	uint64_t waves = suite_count(run, WAVES);
	struct rng r = {.state = 73};
	struct sizes t;

	sizes_draw(&t, &r, SMALLEST, LARGEST);
	suite_begin(run);
	for (uint64_t n = 0; n < waves; n++)
		suite_threads(THREADS, short_life, &t, 0);
	suite_end(run);
	run->ops = waves * THREADS * ROUNDS * BLOCKS;
}

const struct suite_row mleak_rows[] = {
	{.name = "mleak/2", .threads = THREADS, .work = mleak},
	{.name = NULL},
};
