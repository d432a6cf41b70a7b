/*
 * blocks: what the bodies of all benchmarks share: random numbers, random
 * sizes, blocks that are written and tables that do not come from malloc.
 *
 * The numbers are xorshift64* (Marsaglia 2003, Vigna 2016): the same on every
 * machine and for every allocator.  Sizes are drawn before the clock starts
 * and read from a table, so that a row times malloc and not the generator.
 */
#ifndef MMSIM_BENCH_BLOCKS_H
#define MMSIM_BENCH_BLOCKS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

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

_Noreturn static inline void out_of_memory(const char *what, size_t bytes)
{
	fprintf(stderr, "out of memory: %s of %zu bytes failed\n", what, bytes);
	exit(1);
}

/* Tables of the benchmark itself: from the system, all zero. */
static inline void *table_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		out_of_memory("mmap", bytes);
	return p;
}

static inline void table_unmap(void *p, size_t bytes)
{
	munmap(p, bytes);
}

/* Makes the compiler believe that *p is read and written here. */
static inline void bench_use(void *p)
{
	__asm__ volatile("" : : "g"(p) : "memory");
}

/* A block of 8 bytes or more with its first word written; never NULL. */
static inline void *block_new(size_t size)
{
	uint64_t *p = malloc(size);

	if (!p)
		out_of_memory("malloc", size);
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

#endif
