/*
 * magazine.c: what full stacks give back: newest first, within bounds, and in
 * the runs before the arena takes new memory.
 */
#include "alloc/magazine.h"

#include "testheap.h"

TestSuite(magazine, .init = setup);

#define CLS 4u
#define MANY 1000u

static void take_from_runs(void **out, unsigned n)
{
	unsigned got = 0;

	lock_take(&arena->lock);
	while (got < n) {
		unsigned more = run_take(arena, CLS, out + got, n - got);

		cr_assert_gt(more, 0u);
		got += more;
	}
	lock_drop(&arena->lock);
}

static bool put(void *const *p, unsigned n)
{
	bool done;

	lock_take(&arena->lock);
	done = magazine_put(arena, CLS, p, n);
	lock_drop(&arena->lock);
	return done;
}

static unsigned take(void **out, unsigned n)
{
	unsigned got;

	lock_take(&arena->lock);
	got = magazine_take(arena, CLS, out, n);
	lock_drop(&arena->lock);
	return got;
}

static bool drain(void)
{
	bool any;

	lock_take(&arena->lock);
	any = magazine_drain(arena);
	lock_drop(&arena->lock);
	return any;
}

/* As after many rounds of use. */
static void widen(void)
{
	arena->piles[CLS].most_bytes = 1 * MIB;
}

Test(magazine, the_newest_come_first)
{
	static void *p[MANY], *out[MANY];
	unsigned taken = 0;

	widen();
	/* p[0] shall be the newest. */
	take_from_runs(p, MANY);
	for (unsigned at = MANY; at > 0; at -= 100)
		cr_assert(put(p + at - 100, 100));
	cr_assert_eq(arena->magazine_bytes, MANY * CLS * UNIT);
	assert_valid(outer());
	while (taken < MANY) {
		unsigned got = take(out, 70);

		cr_assert_gt(got, 0u);
		cr_assert_leq(got, 70u);
		for (unsigned i = 0; i < got; i++)
			cr_assert_eq(out[i], p[taken + i]);
		taken += got;
	}
	cr_assert_eq(take(out, 1), 0u);
	cr_assert_eq(arena->magazine_bytes, 0u);
	cr_assert_not(drain());
}

Test(magazine, drained_chunks_are_in_their_runs)
{
	static void *p[MANY];
	size_t free_before;

	widen();
	take_from_runs(p, MANY);
	free_before = arena->classes[CLS].nr_free;
	for (unsigned at = 0; at < MANY; at += 250)
		cr_assert(put(p + at, 250));
	cr_assert_eq(arena->classes[CLS].nr_free, free_before);
	cr_assert(drain());
	cr_assert_eq(arena->magazine_bytes, 0u);
	for (unsigned i = 0; i < MANY; i++)
		cr_assert(chunk_lo(chunk_of(p[i])) & CHUNK_C);
	assert_valid(outer());
}

Test(magazine, all_piles_together_have_a_bound)
{
	static void *p[40 * MAGAZINE_ROOM];
	size_t bytes = 0, at = 0;

	widen();
	take_from_runs(p, ARRAY_SIZE(p));
	while (at < ARRAY_SIZE(p) && put(p + at, MAGAZINE_ROOM)) {
		at += MAGAZINE_ROOM;
		bytes += MAGAZINE_ROOM * CLS * UNIT;
	}
	cr_assert_gt(bytes, 400 * KIB);
	cr_assert_leq(bytes, 512 * KIB);
	cr_assert_eq(arena->magazine_bytes, bytes);
	assert_valid(outer());
}

/* Room grows with use: when a pile ran empty after it had been full. */
Test(magazine, a_pile_grows_by_what_it_missed)
{
	static void *p[MANY], *out[MANY];
	unsigned nr = 0;

	take_from_runs(p, MANY);
	cr_assert(put(p, 200));
	cr_assert(take(out, 200) == 200);
	cr_assert_eq(take(out, 1), 0u);
	cr_assert_eq(arena->piles[CLS].most_bytes, 0u);
	while (put(p + nr, 100))
		nr += 100;
	cr_assert_eq(nr, 200u); /* of 64 bytes, in 16 KiB */
	while (nr > 0)
		nr -= take(out, nr);
	cr_assert_eq(take(out, 1), 0u);
	while (put(p + nr, 100))
		nr += 100;
	cr_assert_eq(nr, 500u);
	drain();
	cr_assert_eq(arena->piles[CLS].most_bytes, 16 * KIB);
	assert_valid(outer());
}

/* Frees more than a stack holds and takes it again: no run is visited. */
/* A class is mostly free and asked for again: it takes turns. */
Test(magazine, a_pile_that_is_drained_when_wanted_grows)
{
	static void *p[2000];
	struct magazine_pile *pile = &arena->piles[CLS];
	unsigned at = 0;
	size_t most;

	take_from_runs(p, ARRAY_SIZE(p));
	while (put(p + at, 100))
		at += 100;
	most = pile->bytes;
	lock_take(&arena->lock);
	magazine_drain_class(arena, CLS, true);
	lock_drop(&arena->lock);
	cr_assert_eq(pile->bytes, 0u);
	take_from_runs(p, ARRAY_SIZE(p));
	for (at = 0; put(p + at, 100);)
		at += 100;
	cr_assert_gt(pile->bytes, most * 3 / 2);
}

Test(magazine, a_torn_down_set_comes_back)
{
	static void *p[4000];

	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = mmsim_heap_malloc(outer(), 48);
			pattern_fill(p[i], 48, i);
		}
		cr_assert_eq(arena->magazine_bytes, 0u);
		for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
			cr_assert(pattern_holds(p[i], 48, i));
			mmsim_heap_free(outer(), p[i]);
		}
		cr_assert_gt(arena->magazine_bytes, 0u);
		assert_valid(outer());
	}
}

/* More than a stack holds. */
static void free_a_set(void)
{
	static void *p[6000];

	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = mmsim_heap_malloc(outer(), 48);
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		mmsim_heap_free(outer(), p[i]);
}

/* Another size needs memory: it gets what waits instead of new pages. */
Test(magazine, goes_before_new_memory)
{
	size_t peak;

	free_a_set();
	cr_assert_gt(arena->magazine_bytes, 0u);
	peak = arena->max_system_bytes;
	while (arena->max_system_bytes == peak)
		mmsim_heap_malloc(outer(), 1000);
	cr_assert_eq(arena->magazine_bytes, 0u);
	assert_valid(outer());
}

Test(magazine, empties_when_the_decay_time_is_over)
{
	free_a_set();
	cr_assert_gt(arena->magazine_bytes, 0u);
	testos_pass_ms(&testos, 1100);
	/* Slow calls: the clock is looked at in every fourth. */
	for (int i = 0; i < 8; i++)
		mmsim_heap_malloc(outer(), 40000);
	cr_assert_eq(arena->magazine_bytes, 0u);
	assert_valid(outer());
}

Test(magazine, a_trim_empties_it)
{
	free_a_set();
	mmsim_heap_trim(outer(), 0);
	cr_assert_eq(arena->magazine_bytes, 0u);
	assert_valid(outer());
}

Test(magazine, is_not_used_with_a_trim_threshold_set_by_hand, .init = NULL)
{
	make("trim_threshold=1M");
	free_a_set();
	cr_assert_eq(arena->magazine_bytes, 0u);
	assert_valid(outer());
}
