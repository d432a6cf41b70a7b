/*
 * arena.c: chunks taken, given back, cut and joined: contents stay, free
 * neighbours become one, and damaged boundary tags end the program.
 */
#include "alloc/arena.h"

#include "alloc/top.h"
#include "testheap.h"

#include <signal.h>

TestSuite(arena, .init = setup);

static struct chunk *take_if(size_t units, bool may_grow, uintptr_t *zero_from)
{
	struct chunk *c;

	lock_take(&arena->lock);
	c = arena_take(arena, units, may_grow, zero_from);
	lock_drop(&arena->lock);
	return c;
}

static struct chunk *take(size_t units)
{
	uintptr_t zero_from;
	struct chunk *c = take_if(units, true, &zero_from);

	cr_assert_not_null(c);
	cr_assert(chunk_units(c) == units || chunk_units(c) == units + 1);
	return c;
}

static void give(struct chunk *c)
{
	lock_take(&arena->lock);
	arena_check_in_use(arena, c, "no chunk");
	arena_give(arena, c);
	lock_drop(&arena->lock);
}

static bool extend(struct chunk *c, size_t units)
{
	bool fits;

	lock_take(&arena->lock);
	fits = arena_extend(arena, c, units);
	lock_drop(&arena->lock);
	return fits;
}

static size_t usable(const struct chunk *c)
{
	return chunk_units_usable(chunk_units(c));
}

Test(arena, the_first_growth_is_132_kib)
{
	take(2);
	cr_assert_eq(testos.brk, 132 * KIB);
	cr_assert_eq(arena->system_bytes, 132 * KIB);
}

Test(arena, takes_from_top_as_it_is_only_when_told)
{
	uintptr_t zero_from;

	cr_assert_null(take_if(10, false, &zero_from));
	cr_assert_eq(testos.brk, 0u);
	take(10);
	cr_assert_not_null(take_if(100, false, &zero_from));
	cr_assert_null(take_if(MIB / UNIT, false, &zero_from));
	cr_assert_eq(testos.brk, 132 * KIB);
}

/* All six orders in which three neighbours can be freed. */
Test(arena, free_neighbours_become_one)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (int o = 0; o < 6; o++) {
		struct chunk *c[3], *fence;

		for (int i = 0; i < 3; i++)
			c[i] = take(20);
		fence = take(2);
		for (int i = 0; i < 3; i++) {
			give(c[orders[o][i]]);
			assert_valid(outer());
		}
		cr_assert_eq(arena->bins.nr_chunks, 1u);
		cr_assert_eq(arena->bins.nr_units, 60u);
		cr_assert_eq(take(60), c[0]);
		give(c[0]);
		give(fence);
		cr_assert_eq(arena->bins.nr_chunks, 0u);
	}
}

Test(arena, what_is_left_of_a_free_chunk_stays_free)
{
	struct chunk *c = take(50), *fence = take(2), *part;

	give(c);
	part = take(30);
	cr_assert_eq(part, c);
	cr_assert_eq(chunk_units(part), 30u);
	cr_assert_eq(arena->bins.nr_units, 20u);
	give(part);
	/* One unit could not stand alone: the chunk comes whole. */
	part = take(49);
	cr_assert_eq(chunk_units(part), 50u);
	cr_assert_eq(arena->bins.nr_chunks, 0u);
	assert_valid(outer());
	give(part);
	give(fence);
}

Test(arena, extends_into_what_is_free_behind)
{
	struct chunk *c = take(20), *next = take(20), *fence = take(2);

	cr_assert(extend(c, 20));
	cr_assert_not(extend(c, 21));
	give(next);
	cr_assert_not(extend(c, 41));
	pattern_fill(chunk_user(c), usable(c), 1);
	cr_assert(extend(c, 30));
	cr_assert_eq(chunk_units(c), 30u);
	cr_assert(pattern_holds(chunk_user(c), 20 * UNIT - HEADER_SIZE, 1));
	assert_valid(outer());
	cr_assert(extend(c, 39));
	cr_assert_eq(chunk_units(c), 40u);
	cr_assert_eq(arena->bins.nr_chunks, 0u);
	assert_valid(outer());
	/* Into top. */
	cr_assert(extend(fence, 1000));
	cr_assert_geq(chunk_units(fence), 1000u);
	assert_valid(outer());
}

Test(arena, shrinking_gives_the_rest_back)
{
	struct chunk *c = take(100), *fence = take(2);

	pattern_fill(chunk_user(c), usable(c), 2);
	lock_take(&arena->lock);
	arena_shrink(arena, c, 99);
	lock_drop(&arena->lock);
	cr_assert_eq(chunk_units(c), 100u);
	lock_take(&arena->lock);
	arena_shrink(arena, c, 40);
	lock_drop(&arena->lock);
	cr_assert_eq(chunk_units(c), 40u);
	cr_assert_eq(arena->bins.nr_units, 60u);
	cr_assert(pattern_holds(chunk_user(c), usable(c), 2));
	assert_valid(outer());
	give(c);
	give(fence);
}

/* Memory that was used before is never said to be zero. */
Test(arena, what_is_said_to_be_zero_is_zero)
{
	struct rng rng = {3};
	struct chunk *held[64] = {NULL};

	for (int n = 0; n < 20000; n++) {
		size_t i = rng_below(&rng, 64);
		uintptr_t zero_from, end;

		if (held[i]) {
			give(held[i]);
			held[i] = NULL;
			if (rng_below(&rng, 50) == 0)
				mmsim_heap_trim(outer(), 0);
			continue;
		}
		held[i] = take_if(2 + rng_size(&rng, 11), true, &zero_from);
		end = (uintptr_t)chunk_user(held[i]) + usable(held[i]);
		if (zero_from < (uintptr_t)chunk_user(held[i]))
			zero_from = (uintptr_t)chunk_user(held[i]);
		if (zero_from < end)
			cr_assert(all_zero((void *)zero_from, end - zero_from));
		memset(chunk_user(held[i]), 0xee, usable(held[i]));
	}
	assert_valid(outer());
}

#define NR_HELD 300

struct held {
	struct chunk *c;
	uint64_t mark;
};

static void held_fill(struct held *h, struct rng *rng)
{
	h->mark = rng_next(rng);
	pattern_fill(chunk_user(h->c), usable(h->c), h->mark);
}

static void held_check(const struct held *h)
{
	cr_assert(pattern_holds(chunk_user(h->c), usable(h->c), h->mark));
}

static void held_step(struct held *h, struct rng *rng)
{
	size_t units = 2 + rng_size(rng, 11), before;

	if (!h->c) {
		h->c = take(units);
		held_fill(h, rng);
		return;
	}
	held_check(h);
	before = usable(h->c);
	switch (rng_below(rng, 4)) {
	case 0:
		if (extend(h->c, units))
			cr_assert_geq(chunk_units(h->c), units);
		cr_assert(pattern_holds(chunk_user(h->c), before, h->mark));
		held_fill(h, rng);
		break;
	case 1:
		lock_take(&arena->lock);
		arena_shrink(arena, h->c, units);
		lock_drop(&arena->lock);
		held_check(h);
		break;
	default:
		give(h->c);
		h->c = NULL;
		break;
	}
}

static void random_work(const char *options, uint64_t seed, int steps)
{
	static struct held held[NR_HELD];
	struct rng rng = {seed};

	make(options);
	memset(held, 0, sizeof(held));
	for (int n = 0; n < STEPS(steps); n++) {
		held_step(&held[rng_below(&rng, NR_HELD)], &rng);
		if (n % 500 == 0)
			assert_valid(outer());
		if (n % 300 == 0) {
			testos_pass_ms(&testos, 600);
			heap_tick_slow(heap, &tcache_none);
		}
	}
	for (size_t i = 0; i < NR_HELD; i++)
		if (held[i].c) {
			held_check(&held[i]);
			give(held[i].c);
		}
	assert_valid(outer());
	cr_assert_eq(arena->bins.nr_chunks, 0u);
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(arena, random_work_leaves_one_chunk, .timeout = 60)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		random_work(NULL, seed, 40000);
}

Test(arena, random_work_with_eager_trimming, .timeout = 60)
{
	random_work("trim_threshold=0,top_pad=0,decay_ms=0", 4, 40000);
}

Test(arena, random_work_that_never_gives_back, .timeout = 60)
{
	random_work("trim_threshold=-1", 5, 40000);
}

/* Somebody else moves the break: what is theirs is left alone. */
Test(arena, foreign_moves_of_the_break_do_no_harm)
{
	char *theirs[40];
	struct chunk *c[40];

	for (int i = 0; i < 40; i++) {
		c[i] = take(20000);
		pattern_fill(chunk_user(c[i]), usable(c[i]), (uint64_t)i);
		theirs[i] = testos.os.sbrk(testos.os.ctx, 1000);
		if (theirs[i])
			memset(theirs[i], 0x77, 1000);
	}
	assert_valid(outer());
	for (int i = 0; i < 40; i++) {
		cr_assert(pattern_holds(chunk_user(c[i]), usable(c[i]),
					(uint64_t)i));
		give(c[i]);
		assert_valid(outer());
	}
	for (int i = 0; i < 40; i++)
		for (int j = 0; theirs[i] && j < 1000; j++)
			cr_assert_eq(theirs[i][j], 0x77);
}

static void *no_map(void *ctx, size_t len)
{
	(void)ctx;
	(void)len;
	return NULL;
}

/* Where there is no memory for a table of segments, the last one that has room in
 * the arena itself grows on. */
Test(arena, the_last_segment_grows_without_a_table)
{
	uintptr_t zero_from;

	while (arena->nr_segments < NR_FIRST_SEGMENTS) {
		cr_assert_not_null(testos.os.sbrk(testos.os.ctx, 1000));
		take(20000);
	}
	testos.os.map = no_map;
	while (meta_alloc(&heap->meta, NR_SEGMENTS * sizeof(struct segment)))
		;
	for (int i = 0; i < 10; i++)
		take(20000);
	cr_assert_eq(arena->nr_segments, NR_FIRST_SEGMENTS);
	assert_valid(outer());
	cr_assert_not_null(testos.os.sbrk(testos.os.ctx, 1000));
	cr_assert_null(take_if(20000, true, &zero_from));
	assert_valid(outer());
}

Test(arena, purges_what_nobody_has_used_for_the_decay_time)
{
	struct chunk *c = take(MIB / UNIT), *fence = take(2);
	size_t purged;

	memset(chunk_user(c), 1, usable(c));
	give(c);
	testos_pass_ms(&testos, 900);
	heap_tick_slow(heap, &tcache_none);
	cr_assert_eq(arena->purged_bytes, 0u);
	testos_pass_ms(&testos, 200);
	heap_tick_slow(heap, &tcache_none);
	purged = arena->purged_bytes;
	cr_assert_geq(purged, MIB - 2 * 4096);
	cr_assert_leq(purged, MIB);
	assert_valid(outer());
	testos_pass_ms(&testos, 5000);
	heap_tick_slow(heap, &tcache_none);
	cr_assert_eq(arena->purged_bytes, purged, "purged twice");
	give(fence);
}

/* Frees 8 MiB into top under a break that somebody has moved on; what has left
 * the resident set after the decay time. */
static size_t purged_below_a_foreign_break(const char *options)
{
	struct chunk *c;
	size_t system_bytes;

	make(options);
	take(2);
	c = take(8 * MIB / UNIT);
	memset(chunk_user(c), 1, usable(c));
	cr_assert_not_null(testos.os.sbrk(testos.os.ctx, 100));
	system_bytes = arena->system_bytes;
	give(c);
	cr_assert_eq(arena->system_bytes, system_bytes, "there was no way");
	cr_assert_eq(arena->purged_bytes, 0u);
	testos_pass_ms(&testos, 1100);
	heap_tick_slow(heap, &tcache_none);
	assert_valid(outer());
	return arena->purged_bytes;
}

Test(arena, top_below_a_foreign_break_is_purged)
{
	size_t least = 8 * MIB - 128 * KIB - 3 * 4096;

	cr_assert_geq(purged_below_a_foreign_break(NULL), least);
	cr_assert_geq(purged_below_a_foreign_break("trim_threshold=1M"), least);
	cr_assert_eq(purged_below_a_foreign_break("trim_threshold=-1"), 0u);
	/* malloc_trim does not wait, and leaves no pad. */
	cr_assert_eq(mmsim_heap_trim(outer(), 0), 1);
	cr_assert_geq(arena->purged_bytes, 8 * MIB - 3 * 4096);
}

/* Takes and frees 4 MiB at the end; returns what is left of the arena. */
static size_t left_after_4_mib(void)
{
	struct chunk *c = take(4 * MIB / UNIT);

	give(c);
	return arena->system_bytes;
}

Test(arena, top_is_not_trimmed_twice_within_the_decay_time)
{
	take(2);
	cr_assert_leq(left_after_4_mib(), MIB, "at once");
	testos_pass_ms(&testos, 500);
	cr_assert_geq(left_after_4_mib(), 4 * MIB, "it waits");
	testos_pass_ms(&testos, 900);
	heap_tick_slow(heap, &tcache_none);
	cr_assert_geq(arena->system_bytes, 4 * MIB, "not yet");
	testos_pass_ms(&testos, 200);
	heap_tick_slow(heap, &tcache_none);
	cr_assert_leq(arena->system_bytes, MIB);
	testos_pass_ms(&testos, 1100);
	cr_assert_leq(left_after_4_mib(), MIB, "at once again");
}

Test(arena, what_waits_in_top_does_not_keep_more_from_being_trimmed)
{
	struct chunk *large, *small;

	take(2);
	large = take(8 * MIB / UNIT);
	small = take(64 * KIB / UNIT);
	give(small);
	cr_assert_neq(arena->top_waits_ns, 0u);
	give(large);
	cr_assert_leq(arena->system_bytes, MIB);
}

Test(arena, what_joins_top_has_waited_already)
{
	struct chunk *large, *small;

	take(2);
	left_after_4_mib();
	large = take(8 * MIB / UNIT);
	small = take(2);
	give(large);
	testos_pass_ms(&testos, 900);
	heap_tick_slow(heap, &tcache_none);
	give(small);
	cr_assert_geq(arena->system_bytes, 8 * MIB, "it waits");
	testos_pass_ms(&testos, 200);
	heap_tick_slow(heap, &tcache_none);
	cr_assert_leq(arena->system_bytes, MIB);
}

Test(arena, a_trim_threshold_set_by_hand_acts_at_once)
{
	make("trim_threshold=1M");
	take(2);
	for (int i = 0; i < 5; i++)
		cr_assert_leq(left_after_4_mib(), MIB);
	/* Even when free pages are kept for good. */
	make("trim_threshold=1M,decay_ms=-1");
	take(2);
	cr_assert_leq(left_after_4_mib(), MIB);
	make("decay_ms=-1");
	take(2);
	cr_assert_geq(left_after_4_mib(), 4 * MIB);
}

static int nr_hugepage, nr_unaligned;

static int note_hugepage(void *ctx, void *addr, size_t len)
{
	(void)ctx;
	(void)len;
	nr_hugepage++;
	nr_unaligned += !is_aligned((uintptr_t)addr, 4096);
	return 0;
}

Test(arena, huge_pages_are_asked_for_at_whole_pages)
{
	testos.os.hugepage = note_hugepage;
	heap = (struct heap *)(void *)mmsim_heap_create(&testos.os,
							"hugepages=1");
	arena = heap->arenas[0];
	take(2);
	cr_assert_not_null(testos.os.sbrk(testos.os.ctx, 1000));
	take(20000);
	cr_assert_geq(nr_hugepage, 2);
	cr_assert_eq(nr_unaligned, 0);
}

/* ---- damage ---- */

static struct chunk *first, *second, *third;

static void three_chunks(void)
{
	first = take(100);
	second = take(100);
	third = take(100);
}

Test(arena, a_chunk_freed_twice_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	give(second);
	give(second);
}

Test(arena, an_overwritten_next_size_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	memset((char *)chunk_user(first) + usable(first), 'A', 8);
	give(first);
}

Test(arena, an_overwritten_prev_size_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	give(first);
	second->prev_size = 0x4141;
	give(second);
}

Test(arena, an_overwritten_free_size_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	give(second);
	chunk_write(second, arena->tag | CHUNK_L | CHUNK_F, 40, CHUNK_P);
	give(third);
}

/* A size that has the same bin, so that the links are right. */
Test(arena, extending_over_a_wrong_size_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	give(second);
	chunk_write(second, arena->tag | CHUNK_L | CHUNK_F, 102, CHUNK_P);
	extend(first, 201);
}

Test(arena, an_overwritten_top_ends_the_program, .signal = SIGABRT)
{
	three_chunks();
	memset((char *)chunk_user(third) + usable(third), 'A', 8);
	take(100);
}

Test(arena, overwritten_links_end_the_program, .signal = SIGABRT)
{
	three_chunks();
	give(first);
	give(take(100));
	memset(chunk_user(first), 'A', 16);
	take(100);
	give(second);
}
