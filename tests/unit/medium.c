/*
 * medium.c: classes of medium chunks become hot, what waits of them serves their
 * requests, and all of it coalesces before the heap grows.
 */
#include "alloc/medium.h"

#include "testheap.h"

#include <signal.h>

TestSuite(medium, .init = setup);

/* Of one class, 4096 bytes and more: 256 to 287 units. */
#define LEAST 256u
#define UNITS 260u
#define CLS 81u

static void *take_one(uint32_t units)
{
	void *p;
	unsigned got;

	lock_take(&arena->lock);
	medium_visit(arena);
	got = medium_take(arena, units, &p, 1);
	lock_drop(&arena->lock);
	cr_assert_eq(got, 1u);
	return p;
}

static void put(void *const *p, unsigned n)
{
	lock_take(&arena->lock);
	medium_visit(arena);
	medium_put(arena, p, n);
	lock_drop(&arena->lock);
}

static void take_turns(uint32_t units, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		void *p = take_one(units);

		put(&p, 1);
	}
}

static uint32_t units_of(const void *p)
{
	return chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT;
}

/* The class is hot and its requests are of up to UNITS; n chunks wait. */
static void heat(void **p, unsigned n)
{
	take_turns(UNITS, 1);
	take_turns(LEAST, 200);
	cr_assert(medium_is_hot(arena, CLS));
	for (unsigned i = 0; i < n; i++)
		p[i] = take_one(LEAST);
	put(p, n);
	cr_assert_eq(arena->mediums[CLS - CLASS_MEDIUM].nr, max_size(n, 1));
	assert_valid(outer());
}

Test(medium, chunks_that_take_turns_make_a_class_hot)
{
	cr_assert_eq(sizeclass_units(CLS), LEAST);
	take_turns(LEAST, 60);
	cr_assert_not(medium_is_hot(arena, CLS));
	take_turns(LEAST, 60);
	cr_assert(medium_is_hot(arena, CLS));
	cr_assert_not(medium_is_hot(arena, CLS - 1));
	cr_assert_not(medium_is_hot(arena, CLS + 1));
	cr_assert_gt(arena->medium_bytes, 0u);
	assert_valid(outer());
}

/* What lives long is left as it is. */
Test(medium, a_class_of_which_much_is_in_use_stays_cool)
{
	void *kept[300];

	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = take_one(LEAST);
	take_turns(LEAST, 300);
	cr_assert_not(medium_is_hot(arena, CLS));
	put(kept, ARRAY_SIZE(kept));
	cr_assert_eq(arena->medium_bytes, 0u);
	assert_valid(outer());
}

/* The same in an arena of more than 8 MiB. */
Test(medium, in_a_large_arena_it_becomes_hot)
{
	void *kept[300];

	for (unsigned i = 0; i < 100; i++)
		mmsim_heap_malloc(outer(), 100000);
	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = take_one(LEAST);
	take_turns(LEAST, 300);
	cr_assert(medium_is_hot(arena, CLS));
	put(kept, ARRAY_SIZE(kept));
	assert_valid(outer());
}

Test(medium, so_does_one_that_few_visits_are_for)
{
	for (unsigned i = 0; i < 1000; i++) {
		take_turns(LEAST, 1);
		lock_take(&arena->lock);
		for (int other = 0; other < 100; other++)
			medium_visit(arena);
		lock_drop(&arena->lock);
	}
	cr_assert_not(medium_is_hot(arena, CLS));
}

Test(medium, cool_classes_have_exact_sizes)
{
	cr_assert_eq(units_of(take_one(LEAST + 3)), LEAST + 3);
}

Test(medium, hot_ones_round_up_to_the_largest_request)
{
	void *p[20];

	heat(p, ARRAY_SIZE(p));
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		cr_assert_geq(units_of(p[i]), UNITS);
	/* The newest first. */
	for (unsigned i = ARRAY_SIZE(p); i-- > 0;)
		cr_assert_eq(take_one(UNITS), p[i]);
	assert_valid(outer());
}

/* What waits would be too small for the next one. */
Test(medium, a_larger_request_raises_them)
{
	void *p[20], *larger;

	heat(p, ARRAY_SIZE(p));
	larger = take_one(UNITS + 10);
	cr_assert_eq(arena->medium_bytes, 0u);
	put(&larger, 1);
	cr_assert_eq(take_one(LEAST), larger);
	assert_valid(outer());
}

Test(medium, chunks_that_are_too_small_do_not_wait)
{
	void *before = take_one(LEAST), *p[4];

	heat(p, ARRAY_SIZE(p));
	put(&before, 1);
	cr_assert_eq(arena->mediums[CLS - CLASS_MEDIUM].nr, ARRAY_SIZE(p));
	cr_assert(chunk_lo(chunk_of(before)) & CHUNK_F);
	assert_valid(outer());
}

/* Half of the largest pile is enough for this one. */
Test(medium, what_waits_goes_before_new_memory)
{
	static void *p[400];
	struct chunk *c;
	uintptr_t unused;
	size_t bytes;

	heat(p, ARRAY_SIZE(p));
	bytes = arena->medium_bytes;
	lock_take(&arena->lock);
	while (arena_reuse(arena, 4000))
		;
	c = arena_take(arena, 40 * UNITS, false, &unused);
	lock_drop(&arena->lock);
	cr_assert_not_null(c);
	cr_assert_lt(arena->medium_bytes, bytes);
	cr_assert_gt(arena->medium_bytes, 0u);
	assert_valid(outer());
}

Test(medium, a_trim_coalesces_all)
{
	void *p[50];

	heat(p, ARRAY_SIZE(p));
	mmsim_heap_trim(outer(), 0);
	cr_assert_eq(arena->medium_bytes, 0u);
	assert_valid(outer());
}

Test(medium, so_does_the_decay_time_and_classes_are_cool_then)
{
	void *p[50];

	heat(p, ARRAY_SIZE(p));
	testos_pass_ms(&testos, 1100);
	/* Slow calls: the clock is looked at in every fourth. */
	for (int i = 0; i < 8; i++)
		mmsim_heap_malloc(outer(), 40000);
	cr_assert_eq(arena->medium_bytes, 0u);
	cr_assert_not(medium_is_hot(arena, CLS));
	assert_valid(outer());
}

Test(medium, no_class_is_hot_with_a_trim_threshold_set_by_hand, .init = NULL)
{
	make("trim_threshold=1M");
	take_turns(LEAST, 500);
	cr_assert_not(medium_is_hot(arena, CLS));
	cr_assert_eq(arena->medium_bytes, 0u);
}

/* What waits then goes with the first call that sees it. */
Test(medium, nor_when_it_is_set_later)
{
	void *p[8], *late;

	heat(p, ARRAY_SIZE(p));
	late = take_one(LEAST);
	cr_assert_eq(mmsim_heap_mallopt(outer(), M_TRIM_THRESHOLD, 1 << 20), 1);
	put(&late, 1);
	assert_valid(outer());
	take_turns(LEAST, 500);
	cr_assert_not(medium_is_hot(arena, CLS));
	cr_assert_eq(arena->medium_bytes, 0u);
}

/* It is free, and belongs to no thread. */
Test(medium, what_waits_counts_as_free_chunks_that_do_not_coalesce)
{
	struct mallinfo2 before, after;
	void *p[8];

	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = take_one(UNITS);
	before = mmsim_heap_mallinfo2(outer());
	put(p, ARRAY_SIZE(p));
	heat(p, ARRAY_SIZE(p));
	after = mmsim_heap_mallinfo2(outer());
	cr_assert_eq(arena->medium_bytes, 8u * UNITS * UNIT);
	cr_assert_eq(after.fsmblks - before.fsmblks, arena->medium_bytes);
	cr_assert_eq(after.smblks - before.smblks, 8u);
	cr_assert_eq(before.uordblks - after.uordblks, arena->medium_bytes);
}

Test(medium, a_second_free_of_what_waits_ends_the_program, .signal = SIGABRT)
{
	void *p[4];

	heat(p, ARRAY_SIZE(p));
	mmsim_heap_free(outer(), p[2]);
}

Test(medium, an_overrun_ends_it_when_the_chunk_coalesces, .signal = SIGABRT)
{
	void *p[4];

	heat(p, ARRAY_SIZE(p));
	memset(p[1], 0, (units_of(p[1]) + 1) * UNIT);
	mmsim_heap_trim(outer(), 0);
}

Test(medium, a_trampled_header_ends_it_when_the_chunk_comes_back,
     .signal = SIGABRT)
{
	void *p = take_one(LEAST);

	chunk_of(p)->lo ^= 1;
	put(&p, 1);
}

/* 100 of 1000 blocks of all sizes, in turn: once classes are hot most requests
 * and frees find what they need in the cache. */
Test(medium, a_program_of_all_sizes_seldom_visits_its_arena)
{
	static void *blocks[1000];
	struct rng rng = {71};
	size_t visits, moved = 0;
	struct tcache *tc;

	for (int round = 0; round < 1000; round++) {
		unsigned first = (unsigned)rng_below(&rng, 900);

		if (round == 500)
			moved = heap->tcaches->ticks;
		for (unsigned at = first; at < first + 100; at++) {
			if (blocks[at])
				cr_assert(pattern_holds(blocks[at], 64, at));
			mmsim_heap_free(outer(), blocks[at]);
		}
		for (unsigned at = first; at < first + 100; at++) {
			blocks[at] = mmsim_heap_malloc(
				outer(), 1100 + rng_below(&rng, 12000));
			pattern_fill(blocks[at], 64, at);
		}
	}
	tc = heap->tcaches;
	visits = tc->ticks - moved;
	cr_assert_lt(visits, 17000u, "%zu visits for 50000 requests", visits);
	assert_valid(outer());
}
