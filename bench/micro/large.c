/*
 * Large blocks: 64 KiB to 8 MiB, allocated and freed at once.
 *
 * With every page written (touched) the cost is the page faults, unless the
 * allocator keeps the pages from one block to the next; without (bare) it is
 * the system calls.  hold/16x1M keeps 16 blocks of 1 MiB and replaces them at
 * random, writing the first and last byte of each.
 */
#include "micro.h"

enum { PAIRS = 16, HELD = 16, HELD_SIZE = 1 << 20 };

static void large_touched(struct bench_state *s)
{
	size_t size = bench_arg(s);

	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			char *p = block_new(size);

			touch_pages(p, 0, size);
			free(p);
		}
	}
}

static void large_bare(struct bench_state *s)
{
	size_t size = bench_arg(s);

	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			void *p = malloc(size);

			bench_use(p);
			free(p);
		}
	}
}

static void hold_replace(struct bench_state *s)
{
	struct rng r = {.state = 37};
	char *held[HELD];

	for (int i = 0; i < HELD; i++)
		held[i] = block_new(HELD_SIZE);
	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			uint32_t victim = rng_below(&r, HELD);

			free(held[victim]);
			held[victim] = block_new(HELD_SIZE);
			held[victim][HELD_SIZE - 1] = 1;
		}
	}
	for (int i = 0; i < HELD; i++)
		free(held[i]);
}

const struct bench_row large_rows[] = {
	{.name = "large/64K/touched",
	 .body = large_touched,
	 .arg = 64 << 10,
	 .ops = PAIRS},
	{.name = "large/200K/touched",
	 .body = large_touched,
	 .arg = 200 << 10,
	 .ops = PAIRS},
	{.name = "large/1M/touched",
	 .body = large_touched,
	 .arg = 1 << 20,
	 .ops = PAIRS},
	{.name = "large/8M/touched",
	 .body = large_touched,
	 .arg = 8 << 20,
	 .ops = PAIRS},
	{.name = "large/64K/bare",
	 .body = large_bare,
	 .arg = 64 << 10,
	 .ops = PAIRS},
	{.name = "large/200K/bare",
	 .body = large_bare,
	 .arg = 200 << 10,
	 .ops = PAIRS},
	{.name = "large/1M/bare",
	 .body = large_bare,
	 .arg = 1 << 20,
	 .ops = PAIRS},
	{.name = "large/8M/bare",
	 .body = large_bare,
	 .arg = 8 << 20,
	 .ops = PAIRS},
	{.name = "hold/16x1M", .body = hold_replace, .ops = PAIRS},
	{.name = NULL},
};
