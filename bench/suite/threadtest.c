/*
 * threadtest: threads that share nothing.
 *
 * After the description by Berger, McKinley, Blumofe and Wilson, "Hoard: a
 * scalable memory allocator for multithreaded applications" (ASPLOS 2000).
 * N threads repeat: allocate 30000 / N blocks of 8 bytes, then free them in the
 * same order.  No block ever leaves its thread, so N threads should be N times
 * as fast as one; a lock in malloc, or lines shared by neighbours, show at
 * once.  A round is larger than a thread's cache.
 */
#include "suite.h"

enum { SIZE = 8, BLOCKS = 30000, ROUNDS = 1000 };

struct worker {
	_Alignas(64) uint64_t rounds;
	uint32_t blocks; /* in a round */
	void **block;    /* [blocks] */
};

static void *rounds(void *argument)
{
	const struct worker *w = argument;

	for (uint64_t n = 0; n < w->rounds; n++) {
		for (uint32_t i = 0; i < w->blocks; i++)
			w->block[i] = block_make(SIZE, i);
		for (uint32_t i = 0; i < w->blocks; i++)
			block_end(w->block[i], SIZE, i);
	}
	return NULL;
}

static void threadtest(struct suite_run *run)
{
	int threads = run->row->threads;
	size_t bytes = BLOCKS * sizeof(void *);
	size_t worker_bytes = (size_t)threads * sizeof(struct worker);
	void **table = table_map(bytes);
	struct worker *w = table_map(worker_bytes);

	for (int i = 0; i < threads; i++) {
		w[i].rounds = suite_count(run, ROUNDS);
		w[i].blocks = BLOCKS / (uint32_t)threads;
		w[i].block = table + (uint32_t)i * w[i].blocks;
		run->ops += w[i].rounds * w[i].blocks;
	}
	suite_begin(run);
	suite_threads(threads, rounds, w, sizeof *w);
	suite_end(run);
	table_unmap(w, worker_bytes);
	table_unmap(table, bytes);
}

const struct suite_row threadtest_rows[] = {
	{.name = "threadtest/1", .threads = 1, .work = threadtest},
	{.name = "threadtest/2", .threads = 2, .work = threadtest},
	{.name = "threadtest/4", .threads = 4, .work = threadtest},
	{.name = NULL},
};
