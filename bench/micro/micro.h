/*
 * What the benchmark bodies share: random numbers and random sizes.
 *
 * The numbers are xorshift64* (Marsaglia 2003, Vigna 2016): the same on every
 * machine and for every allocator.  Sizes are drawn before the clock starts
 * and read from a table, so that a row times malloc and not the generator.
 */
#ifndef MMSIM_BENCH_MICRO_H
#define MMSIM_BENCH_MICRO_H

#include "../gbench_shim.h"

#include <stdint.h>
#include <stdlib.h>

struct rng {
	uint64_t state; /* never 0 */
};

static inline uint32_t rng_next(struct rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * UINT64_C(2685821657736338717)) >> 32);
}

/* A number in 0 .. n-1. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((uint64_t)rng_next(r) * n) >> 32);
}

/* 4096 sizes, evenly spread over low .. high. */
enum { NR_SIZES = 4096 };

struct sizes {
	uint32_t size[NR_SIZES];
};

static inline void sizes_draw(struct sizes *t, struct rng *r, uint32_t low,
			      uint32_t high)
{
	for (int i = 0; i < NR_SIZES; i++)
		t->size[i] = low + rng_below(r, high - low + 1);
}

/* Puts 0 .. n-1 into order[] in random order (Fisher and Yates). */
static inline void shuffle(uint32_t *order, uint32_t n, struct rng *r)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = rng_below(r, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

/* Tables of the benchmark itself; they do not come from malloc. */
void *table_map(size_t bytes);
void table_unmap(void *p, size_t bytes);

/* A block of 8 bytes or more with its first word written; never NULL. */
static inline void *block_new(size_t size)
{
	uint64_t *p = malloc(size);

	if (!p)
		abort();
	*p = size;
	bench_use(p);
	return p;
}

/* Writes one byte a page, from byte `from` up to `to`. */
static inline void touch_pages(char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += 4096)
		p[i] = 1;
	bench_use(p);
}

extern const struct bench_row pair_rows[];
extern const struct bench_row batch_rows[];
extern const struct bench_row live_rows[];
extern const struct bench_row handover_rows[];
extern const struct bench_row realloc_rows[];
extern const struct bench_row large_rows[];
extern const struct bench_row server_rows[];
extern const struct bench_row shbench_rows[];

#endif
