/*
 * Pairs: a block is allocated and freed at once.
 *
 * The cheapest pattern there is: after the first pair everything comes from
 * the thread's own cache, so these rows show the length of the fast path and,
 * with sizes up to 16000 bytes, how far the cache reaches.  Threads do the
 * same side by side and share nothing.
 */
#include "micro.h"

enum { PAIRS = 1000 };

static void pair_fixed(struct bench_state *s)
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

static void pair_random(struct bench_state *s)
{
	struct rng r = {.state = 17};
	struct sizes t;
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 512);
	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			void *p = malloc(t.size[next++ % NR_SIZES]);

			bench_use(p);
			free(p);
		}
	}
}

static void pair_calloc(struct bench_state *s)
{
	struct rng r = {.state = 18};
	struct sizes t;
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 512);
	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			void *p = calloc(1, t.size[next++ % NR_SIZES]);

			bench_use(p);
			free(p);
		}
	}
}

static void pair_aligned(struct bench_state *s)
{
	struct rng r = {.state = 19};
	struct sizes t;
	unsigned next = 0;
	void *p;

	sizes_draw(&t, &r, 16, 512);
	while (bench_next(s)) {
		for (int i = 0; i < PAIRS; i++) {
			if (posix_memalign(&p, bench_arg(s),
					   t.size[next++ % NR_SIZES]))
				abort();
			bench_use(p);
			free(p);
		}
	}
}

const struct bench_row pair_rows[] = {
	{.name = "pair/16", .body = pair_fixed, .arg = 16, .ops = PAIRS},
	{.name = "pair/64", .body = pair_fixed, .arg = 64, .ops = PAIRS},
	{.name = "pair/200", .body = pair_fixed, .arg = 200, .ops = PAIRS},
	{.name = "pair/512", .body = pair_fixed, .arg = 512, .ops = PAIRS},
	{.name = "pair/2000", .body = pair_fixed, .arg = 2000, .ops = PAIRS},
	{.name = "pair/16000", .body = pair_fixed, .arg = 16000, .ops = PAIRS},
	{.name = "pair/16..512", .body = pair_random, .ops = PAIRS},
	{.name = "pair/64",
	 .body = pair_fixed,
	 .arg = 64,
	 .ops = PAIRS,
	 .threads = 2},
	{.name = "pair/64",
	 .body = pair_fixed,
	 .arg = 64,
	 .ops = PAIRS,
	 .threads = 4},
	{.name = "calloc/16..512", .body = pair_calloc, .ops = PAIRS},
	{.name = "posix_memalign/64",
	 .body = pair_aligned,
	 .arg = 64,
	 .ops = PAIRS},
	{.name = NULL},
};
