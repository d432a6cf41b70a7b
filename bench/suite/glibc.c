/*
 * glibc-simple and glibc-thread: what two programs of glibc's own benchtests
 * measure, bench-malloc-simple and bench-malloc-thread.
 *
 * simple: N blocks of 16 bytes are allocated and then freed in the order of
 * allocation, again and again, for N = 25, 100, 400, 1600: in the main thread
 * while it is alone, in the main thread beside another one, and in that other
 * one.  N is larger than the lists of a short cache, so refill and flush count
 * as much as the fast path.
 *
 * thread: each thread has 1024 slots and replaces the block of a random one,
 * without sharing anything.  Sizes are 4..32768 bytes, and their frequency
 * falls with the square of the size: half of the blocks have 8 bytes or less,
 * one in 256 has more than a kilobyte.
 */
#include "suite.h"

enum { NR_COUNTS = 4, MAX_COUNT = 1600, SIMPLE_SIZE = 16 };
enum { SIMPLE_BLOCKS = 12000000 };
enum { SLOTS = 1024, SMALLEST = 4, LARGEST = 32768, REPLACED = 35000000 };

static const uint32_t counts[NR_COUNTS] = {25, 100, 400, 1600};

struct batches {
	uint64_t blocks; /* to allocate and free for each count */
	uint64_t done;   /* blocks allocated in all */
};

static void batch(void **block, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		block[i] = block_make(SIMPLE_SIZE, i);
	for (uint32_t i = 0; i < count; i++)
		block_end(block[i], SIMPLE_SIZE, i);
}

static void *all_batches(void *argument)
{
	struct batches *b = argument;
	void *block[MAX_COUNT];

	for (int c = 0; c < NR_COUNTS; c++) {
		for (uint64_t n = 0; n < b->blocks; n += counts[c]) {
			batch(block, counts[c]);
			b->done += counts[c];
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
	struct batches b = {
		.blocks = suite_count(run, SIMPLE_BLOCKS / NR_COUNTS)};
	pthread_barrier_t end;
	pthread_t other;

	pthread_barrier_init(&end, NULL, 2);
	suite_begin(run);
	all_batches(&b);
	other = suite_thread(wait_for_main, &end);
	all_batches(&b);
	pthread_barrier_wait(&end);
	pthread_join(other, NULL);
	suite_threads(1, all_batches, &b, 0);
	suite_end(run);
	run->ops = b.done;
	pthread_barrier_destroy(&end);
}

struct set {
	_Alignas(64) struct rng rng;
	uint64_t steps;
	struct sizes sizes;
	void *block[SLOTS];
	uint32_t size[SLOTS];
};

/* The inverse of the distribution whose density falls with the square. */
static void draw_inverse_square(struct sizes *t, struct rng *r)
{
	for (int i = 0; i < NR_SIZES; i++) {
		double u = rng_next(r) / 4294967296.0;

		t->size[i] =
			(uint32_t)(1 / ((1.0 / LARGEST - 1.0 / SMALLEST) * u +
					1.0 / SMALLEST));
	}
}

static void *replace(void *argument)
{
	struct set *set = argument;

	for (uint64_t n = 0; n < set->steps; n++) {
		uint32_t i = rng_below(&set->rng, SLOTS);

		if (set->block[i])
			block_end(set->block[i], set->size[i], i);
		set->size[i] = set->sizes.size[n % NR_SIZES];
		set->block[i] = block_make(set->size[i], i);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		if (set->block[i])
			block_end(set->block[i], set->size[i], i);
	return NULL;
}

static void thread(struct suite_run *run)
{
	int threads = run->row->threads;
	size_t bytes = (size_t)threads * sizeof(struct set);
	struct set *set = table_map(bytes);

	for (int i = 0; i < threads; i++) {
		set[i].rng.state = 61 + (unsigned)i;
		set[i].steps = suite_share(run, REPLACED);
		draw_inverse_square(&set[i].sizes, &set[i].rng);
		run->ops += set[i].steps;
	}
	suite_begin(run);
	suite_threads(threads, replace, set, sizeof *set);
	suite_end(run);
	table_unmap(set, bytes);
}

const struct suite_row glibc_rows[] = {
	{.name = "glibc-simple", .threads = 1, .work = simple},
	{.name = "glibc-thread/1", .threads = 1, .work = thread},
	{.name = "glibc-thread/2", .threads = 2, .work = thread},
	{.name = "glibc-thread/4", .threads = 4, .work = thread},
	{.name = NULL},
};
