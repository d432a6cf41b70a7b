/*
 * family_content.c: nothing overlaps, nothing gets lost, calloc gives zeros.
 *
 * Every block is filled with a pattern of its own to its last usable byte and
 * read back before it is freed: a block that overlaps another, or that the
 * allocator writes into while it is in use, is noticed at its free.
 */
#include "family.h"

#include <malloc.h>

FAMILY_START

enum { NR_SLOT = 3000 };

struct slot {
	unsigned char *p;
	size_t n;
	uint64_t seed;
};

static struct slot slots[NR_SLOT];

static void slot_check(const struct slot *s)
{
	size_t at = pattern_differs(s->p, s->n, s->seed);

	if (at != s->n)
		cr_assert_fail("block %p of %zu: byte %zu changed",
			       (void *)s->p, s->n, at);
}

static void *get_block(uint64_t *state, size_t n)
{
	void *p = NULL;
	uint64_t kind = random_next(state) % 16;
	size_t align = (size_t)16 << random_next(state) % 6;

	if (kind == 0)
		return memalign(align, n);
	if (kind == 1)
		return posix_memalign(&p, align, n) ? NULL : p;
	if (kind < 5) {
		p = calloc(1, n);
		if (p && bytes_differ(p, n, 0) != n)
			cr_assert_fail("calloc(1, %zu) is not zero", n);
		return p;
	}
	return malloc(n);
}

static void slot_step(struct slot *s, uint64_t *state, size_t most)
{
	size_t n = random_size(state, most), keep;

	slot_check(s);
	if (s->p && n && random_next(state) % 4 == 0) {
		keep = s->n < n ? s->n : n;
		s->p = realloc(s->p, n);
		cr_assert(s->p);
		if (pattern_differs(s->p, keep, s->seed) != keep)
			cr_assert_fail("realloc to %zu lost content", n);
	} else {
		free(s->p);
		s->p = get_block(state, n);
		cr_assert(s->p);
	}
	cr_assert(malloc_usable_size(s->p) >= n);
	s->n = malloc_usable_size(s->p);
	s->seed = random_next(state);
	pattern_fill(s->p, s->n, s->seed);
}

static void churn(size_t nr_slot, size_t steps, size_t most, uint64_t seed)
{
	uint64_t state = seed;
	size_t i;

	for (i = 0; i < steps; i++)
		slot_step(&slots[random_next(&state) % nr_slot], &state, most);
	for (i = 0; i < nr_slot; i++) {
		slot_check(&slots[i]);
		free(slots[i].p);
		slots[i].p = NULL;
		slots[i].n = 0;
	}
}

static size_t long_factor(void)
{
	return getenv("MMSIM_LONG") ? 20 : 1;
}

Test(family_content, random_small_blocks)
{
	churn(NR_SLOT, 300000 * long_factor(), 600, 1);
}

Test(family_content, random_medium_blocks)
{
	churn(NR_SLOT, 60000 * long_factor(), 40000, 2);
}

Test(family_content, random_large_blocks)
{
	churn(200, 6000 * long_factor(), 600000, 3);
}

Test(family_content, tides_of_all_sizes)
{
	size_t round;

	for (round = 0; round < 12 * long_factor(); round++)
		churn(round % 3 ? 2000 : 100, 3000, (size_t)300 << round % 10,
		      100 + round);
}

/* Blocks that were dirty before they were freed, of every kind and size. */
Test(family_content, calloc_is_zero_after_dirty_reuse)
{
	unsigned char *p[4];
	size_t n, k, round;

	for (n = 1; n < 6 * MIB; n += n < 2200 ? 1 : n / 20)
		for (round = 0; round < (n < 2200 ? 3u : 2u); round++) {
			for (k = 0; k < 4; k++) {
				p[k] = malloc(n);
				cr_assert(p[k]);
				memset(p[k], 0xff, malloc_usable_size(p[k]));
			}
			for (k = 0; k < 4; k++)
				free(p[(k + round) % 4]);
			for (k = 0; k < 4; k++) {
				p[k] = calloc(k % 2 ? n : 1, k % 2 ? 1 : n);
				cr_assert(p[k]);
				if (bytes_differ(p[k], n, 0) != n)
					cr_assert_fail("size %zu", n);
				memset(p[k], 0xff, malloc_usable_size(p[k]));
			}
			for (k = 0; k < 4; k++)
				free(p[k]);
		}
}

/* Memory that was purged or trimmed and came back, or only partly so. */
Test(family_content, calloc_is_zero_after_trim)
{
	enum { N = 64 };
	static unsigned char *p[N];
	size_t k, round, n = 60000;

	for (round = 0; round < 6; round++) {
		for (k = 0; k < N; k++)
			p[k] = memset(malloc(n), 0xff, n);
		for (k = 0; k < N; k++)
			if (k % (round + 2))
				free(p[k]);
		malloc_trim(0);
		for (k = 0; k < N; k++)
			if (k % (round + 2)) {
				p[k] = calloc(1, n);
				cr_assert(p[k]);
				if (bytes_differ(p[k], n, 0) != n)
					cr_assert_fail("round %zu", round);
				memset(p[k], 0xff, n);
			}
		for (k = 0; k < N; k++)
			free(p[k]);
	}
}

/* The same blocks must not be handed out again while they are in use. */
Test(family_content, many_blocks_of_one_size)
{
	const size_t sizes[] = {1,    16,   24,   100,   500,   1000,
				1016, 1100, 3000, 20000, 33000, 140000};
	static unsigned char *p[20000];
	size_t i, k, n;

	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t count = 20 * MIB / sizes[k];

		n = sizes[k];
		if (count > 20000)
			count = 20000;
		for (i = 0; i < count; i++) {
			p[i] = malloc(n);
			cr_assert(p[i]);
			pattern_fill(p[i], n, i);
		}
		for (i = 0; i < count; i++)
			if (pattern_differs(p[i], n, i) != n)
				cr_assert_fail("size %zu, block %zu", n, i);
		for (i = 0; i < count; i++)
			free(p[(i * 7919) % count]);
	}
}
