/*
 * Batches: 1000 blocks of mixed sizes are allocated, then all are freed, the
 * last one first (LIFO), the first one first (FIFO), or in random order.
 *
 * A cache that holds only a few blocks of each size overflows here, and an
 * allocator that joins neighbours on each free shows what that costs.
 */
#include "micro.h"

enum { BLOCKS = 1000 };
enum order { LIFO, FIFO, RANDOM };

static void make_order(uint32_t *order, enum order kind, struct rng *r)
{
	for (uint32_t i = 0; i < BLOCKS; i++)
		order[i] = kind == LIFO ? BLOCKS - 1 - i : i;
	if (kind == RANDOM)
		shuffle(order, BLOCKS, r);
}

static void batch(struct bench_state *s)
{
	struct rng r = {.state = 23};
	struct sizes t;
	uint32_t order[BLOCKS];
	void *block[BLOCKS];
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 512);
	make_order(order, (enum order)bench_arg(s), &r);
	while (bench_next(s)) {
		for (int i = 0; i < BLOCKS; i++)
			block[i] = block_new(t.size[next++ % NR_SIZES]);
		for (int i = 0; i < BLOCKS; i++)
			free(block[order[i]]);
	}
}

const struct bench_row batch_rows[] = {
	{.name = "batch/lifo", .body = batch, .arg = LIFO, .ops = BLOCKS},
	{.name = "batch/fifo", .body = batch, .arg = FIFO, .ops = BLOCKS},
	{.name = "batch/random", .body = batch, .arg = RANDOM, .ops = BLOCKS},
	{.name = NULL},
};
