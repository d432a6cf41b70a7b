/*
 * unit.h: what the unit tests share: random numbers with a seed, contents
 * that can be checked, and whole-heap checks that name what they found.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#ifdef __has_feature
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif

/* Sanitizers take many times as long for a step. */
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#include "plain.h"
#define UNIT_SLOWDOWN 7
#elif defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <criterion/criterion.h>
#define UNIT_SLOWDOWN 3
#else
#include <criterion/criterion.h>
#define UNIT_SLOWDOWN 1
#endif

/* How long random work goes on. */
#define STEPS(n) ((n) / UNIT_SLOWDOWN)

#include <mmsim/malloc.h>
#include <mmsim/os.h>
#include <stdint.h>
#include <string.h>

/* SplitMix64: G. Steele et al., "Fast Splittable Pseudorandom Number
 * Generators", 2014. */
struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t x = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* 0 .. n - 1 */
static inline size_t rng_below(struct rng *rng, size_t n)
{
	return (size_t)(rng_next(rng) % n);
}

/* Small sizes often, large ones seldom: uniform in the number of bits. */
static inline size_t rng_size(struct rng *rng, unsigned max_log2)
{
	unsigned log2 = (unsigned)rng_below(rng, max_log2 + 1);

	return rng_below(rng, ((size_t)1 << log2) + 1);
}

/* Contents that follow from a number: eight bytes at a time, because the tests
 * write and read far more than they allocate. */
static inline uint64_t pattern_word(uint64_t mark, size_t i)
{
	return (mark * 64 + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline void pattern_fill(void *p, size_t n, uint64_t mark)
{
	unsigned char *bytes = p;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = pattern_word(mark, i);

		memcpy(bytes + i, &word, n - i < 8 ? n - i : 8);
	}
}

static inline int pattern_holds(const void *p, size_t n, uint64_t mark)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = pattern_word(mark, i);

		if (memcmp(bytes + i, &word, n - i < 8 ? n - i : 8) != 0)
			return 0;
	}
	return 1;
}

static inline int all_zero(const void *p, size_t n)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return 0;
	return 1;
}

/* The whole heap is in order. */
#define assert_valid(heap)                                                     \
	do {                                                                   \
		char why_[256] = "";                                           \
		int bad_ = mmsim_heap_validate((heap), why_, sizeof(why_));    \
		cr_assert(bad_ == 0, "heap is damaged: %s", why_);             \
	} while (0)

/* A heap with these options on the real system. */
#define make_heap(options)                                                     \
	({                                                                     \
		struct mmsim_heap *heap_ = mmsim_heap_create(NULL, (options)); \
		cr_assert_not_null(heap_);                                     \
		heap_;                                                         \
	})

#endif
