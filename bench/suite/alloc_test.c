/*
 * alloc-test: random sizes, lifetimes by a power law.
 *
 * After the description of alloc-test by Sergey Ignatchenko, Dmytro Ivanchykhin
 * and Maxim Blashchuk, "Testing memory allocators" (2018).  Each thread has a
 * table of slots and replaces the block of a random one.  Slots are chosen so
 * that four fifths of the replacements fall on a fifth of the slots, and the
 * same again within that fifth, and so on (Pareto): some blocks live for a
 * moment, most for long, as in real programs.  Sizes are 8..1023 bytes; each
 * doubling is half as frequent.  The whole block is written, and its ends are
 * checked before it is freed.  Threads share nothing.
 *
 *     replacements   ########################### ##### ## # # . . . .
 *     slots          0 ...                                  ... SLOTS
 *
 * With the time of the caches' misses in the slots and the blocks, allocators
 * lie close together; what counts is how densely they pack.
 */
#include "suite.h"

#include <math.h>

enum { SLOTS = 1 << 16, REPLACED = 8000000, QUANTILES = 4096 };

struct slot {
	void *block;
	uint32_t size;
};

struct worker {
	_Alignas(64) struct rng rng;
	uint64_t steps;
	/* SLOTS * (q / QUANTILES) to the power of log .2 / log .8 */
	uint32_t quantile[QUANTILES + 1];
	struct sizes sizes;
	struct slot slot[SLOTS];
};

static uint32_t draw_size(struct rng *r)
{
	int doublings = __builtin_ctz(rng_next(r) | 1 << 6);

	return (8u << doublings) + rng_below(r, 8u << doublings);
}

static uint32_t draw_slot(struct worker *w)
{
	uint32_t q = rng_below(&w->rng, QUANTILES);
	uint32_t width = w->quantile[q + 1] - w->quantile[q];

	return w->quantile[q] + (width ? rng_below(&w->rng, width) : 0);
}

static void worker_init(struct worker *w, int number, uint64_t steps)
{
	w->rng.state = 67 + (unsigned)number;
	w->steps = steps;
	for (int i = 0; i <= QUANTILES; i++)
		w->quantile[i] = (uint32_t)(SLOTS * pow((double)i / QUANTILES,
							log(.2) / log(.8)));
	for (int i = 0; i < NR_SIZES; i++)
		w->sizes.size[i] = draw_size(&w->rng);
}

static void *replace(void *argument)
{
	struct worker *w = argument;

	for (uint64_t n = 0; n < w->steps; n++) {
		uint32_t number = draw_slot(w);
		struct slot *s = &w->slot[number];

		if (s->block)
			block_end(s->block, s->size, number);
		s->size = w->sizes.size[n % NR_SIZES];
		s->block = malloc(s->size);
		if (!s->block)
			out_of_memory("malloc", s->size);
		memset(s->block, (int)s->size, s->size);
		block_stamp(s->block, s->size, number);
	}
	return NULL;
}

static void alloc_test(struct suite_run *run)
{
	int threads = run->row->threads;
	size_t bytes = (size_t)threads * sizeof(struct worker);
	struct worker *w = table_map(bytes);

	for (int i = 0; i < threads; i++) {
		worker_init(&w[i], i, suite_share(run, REPLACED));
		run->ops += w[i].steps;
	}
	suite_begin(run);
	suite_threads(threads, replace, w, sizeof *w);
	suite_end(run);
	for (int i = 0; i < threads; i++) {
		for (uint32_t n = 0; n < SLOTS; n++) {
			struct slot *s = &w[i].slot[n];

			if (s->block)
				block_end(s->block, s->size, n);
		}
	}
	table_unmap(w, bytes);
}

const struct suite_row alloc_test_rows[] = {
	{.name = "alloc-test/1", .threads = 1, .work = alloc_test},
	{.name = "alloc-test/2", .threads = 2, .work = alloc_test},
	{.name = "alloc-test/4", .threads = 4, .work = alloc_test},
	{.name = NULL},
};
