/*
 * glibc-simple and glibc-thread: what glibc's own benchmark programs of malloc
 * measure, bench-malloc-simple and bench-malloc-thread of its benchtests.
 *
 * simple: N blocks of one size are allocated and then freed in the order of
 * allocation, again and again, for N = 25, 100, 400, 1600 and eight sizes of
 * 8..1024 bytes; in the main thread while it is alone, in the main thread
 * beside another, and in that other one.  N is larger than a short cache's
 * lists, so what counts is refill and flush.
 *
 * thread: threads that share nothing replace blocks at random in tables of
 * their own, so that lists of all sizes are in use at a time.  Sizes are 4 KiB
 * at the most and small ones are more frequent, in inverse proportion to the
 * square root of the size.
 */
#include "suite.h"

#include <pthread.h>

enum { NR_COUNTS = 4, NR_BLOCK_SIZES = 8, MAX_COUNT = 1600 };
enum { BLOCKS_EACH = 96000 };

static const uint32_t counts[NR_COUNTS] = {25, 100, 400, 1600};

struct batches {
	uint64_t blocks; /* to allocate and free for each size and count */
	uint64_t done;   /* blocks allocated in all */
};

static void batch(void **block, uint32_t count, size_t size)
{
	for (uint32_t i = 0; i < count; i++)
		block[i] = block_make(size, i);
	for (uint32_t i = 0; i < count; i++)
		block_end(block[i], size, i);
}

static void *all_batches(void *argument)
{
	struct batches *b = argument;
	void *block[MAX_COUNT];

	for (int c = 0; c < NR_COUNTS; c++) {
		for (int s = 0; s < NR_BLOCK_SIZES; s++) {
			for (uint64_t n = 0; n < b->blocks; n += counts[c]) {
				batch(block, counts[c], (size_t)8 << s);
				b->done += counts[c];
			}
		}
	}
	return NULL;
}

static void *wait_for_main(void *argument)
{
	pthread_barrier_wait(argument);
	return NULL;
}

static void simple(struct suite_run *run)
{
	struct batches b = {.blocks = suite_count(run, BLOCKS_EACH)};
	pthread_barrier_t end;
	pthread_t other;

	pthread_barrier_init(&end, NULL, 2);
	suite_begin(run);
	all_batches(&b);
	if (pthread_create(&other, NULL, wait_for_main, &end))
		suite_fail("pthread_create failed");
	all_batches(&b);
	pthread_barrier_wait(&end);
	pthread_join(other, NULL);
	suite_threads(1, all_batches, &b, 0);
	suite_end(run);
	run->ops = b.done;
	pthread_barrier_destroy(&end);
}

const struct suite_row glibc_rows[] = {
	{.name = "glibc-simple", .threads = 1, .work = simple},
	{.name = NULL},
};
