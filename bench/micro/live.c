/*
 * Live sets: many blocks live at a time, in random order.
 *
 * live/100k keeps 100000 blocks a thread and replaces them at random: each
 * step misses the processor's caches, so what counts is how few lines of
 * memory malloc and free touch.
 * free90 builds a million blocks and frees a random nine tenths of them; only
 * the frees are timed, once, on a fresh heap.
 * Both have a real peak of memory to compare.
 */
#include "micro.h"

enum { LIVE = 100000, STEPS = 1000, MANY = 1000000, FREED = 900000 };

static void live_replace(struct bench_state *s)
{
	struct rng r = {.state = 29 + (unsigned)bench_thread(s)};
	void **block = table_map(LIVE * sizeof *block);
	struct sizes t;
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 512);
	for (int i = 0; i < LIVE; i++)
		block[i] = block_new(t.size[next++ % NR_SIZES]);
	while (bench_next(s)) {
		for (int i = 0; i < STEPS; i++) {
			uint32_t victim = rng_below(&r, LIVE);

			free(block[victim]);
			block[victim] = block_new(t.size[next++ % NR_SIZES]);
		}
	}
	for (int i = 0; i < LIVE; i++)
		free(block[i]);
	table_unmap(block, LIVE * sizeof *block);
}

/* arg 0: random sizes 16..512. */
static void free_most(struct bench_state *s)
{
	struct rng r = {.state = 31};
	void **block = table_map(MANY * sizeof *block);
	uint32_t *order = table_map(MANY * sizeof *order);
	size_t fixed = bench_arg(s);
	struct sizes t;

	sizes_draw(&t, &r, 16, 512);
	shuffle(order, MANY, &r);
	for (int i = 0; i < MANY; i++)
		block[i] = block_new(fixed ? fixed : t.size[i % NR_SIZES]);
	while (bench_next(s)) {
		for (int i = 0; i < FREED; i++)
			free(block[order[i]]);
	}
	for (int i = FREED; i < MANY; i++)
		free(block[order[i]]);
	table_unmap(order, MANY * sizeof *order);
	table_unmap(block, MANY * sizeof *block);
}

const struct bench_row live_rows[] = {
	{.name = "live/100k", .body = live_replace, .ops = STEPS},
	{.name = "live/100k", .body = live_replace, .ops = STEPS, .threads = 2},
	{.name = "live/100k", .body = live_replace, .ops = STEPS, .threads = 4},
	{.name = "free90/24",
	 .body = free_most,
	 .arg = 24,
	 .ops = FREED,
	 .passes = 1},
	{.name = "free90/16..512",
	 .body = free_most,
	 .arg = 0,
	 .ops = FREED,
	 .passes = 1},
	{.name = NULL},
};
