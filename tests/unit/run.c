/*
 * run.c: runs of small chunks: what is taken is distinct, aligned and knows
 * its way back; what comes back coalesces; damage is found.
 */
#include "alloc/run.h"

#include "alloc/top.h"
#include "testheap.h"

#include <signal.h>

TestSuite(run, .init = setup);

static unsigned take(unsigned cls, void **out, unsigned n)
{
	unsigned got;

	lock_take(&arena->lock);
	got = run_take(arena, cls, out, n);
	lock_drop(&arena->lock);
	return got;
}

static void *take_one(unsigned cls)
{
	void *p = NULL;

	cr_assert_eq(take(cls, &p, 1), 1u);
	return p;
}

static void put(void *p)
{
	lock_take(&arena->lock);
	run_put(arena, p);
	lock_drop(&arena->lock);
}

static void put_many(void *const *p, unsigned n)
{
	lock_take(&arena->lock);
	run_put_many(arena, p, n);
	lock_drop(&arena->lock);
}

static void release_empty(void)
{
	lock_take(&arena->lock);
	run_release_empty(arena);
	lock_drop(&arena->lock);
}

static void assert_heap_valid(void)
{
	assert_valid(outer());
}

Test(run, chunks_say_what_they_are)
{
	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		size_t alignment = min_size((size_t)UNIT << log2_lowest(cls),
					    RUN_ALIGN_MAX);

		for (int i = 0; i < 100; i++) {
			void *p = take_one(cls);
			const struct chunk *c = chunk_of(p);
			const struct run *run = run_of(arena, p);

			cr_assert_eq((uintptr_t)p % alignment, 0u,
				     "class %u: %p", cls, p);
			cr_assert_eq(c->lo, arena->tag | CHUNK_C |
						    cls << CHUNK_UNITS_SHIFT);
			cr_assert_not_null(run);
			cr_assert_eq(run->units, cls);
			cr_assert_eq((char *)run + (size_t)c->hi * UNIT,
				     (char *)p);
			cr_assert_leq(run->nr_carved, run->nr_total);
			memset(p, 0xff, cls * UNIT - HEADER_SIZE);
		}
		assert_heap_valid();
	}
}

Test(run, batches_are_filled_as_far_as_there_is_room)
{
	void *out[64];
	unsigned sum = 0;

	while (sum < 1000) {
		unsigned got = take(3, out, 64);

		cr_assert(got >= 1 && got <= 64);
		for (unsigned i = 1; i < got; i++)
			cr_assert_neq(out[i], out[i - 1]);
		sum += got;
	}
	assert_heap_valid();
}

/* A program that needs one chunk of each size holds little. */
Test(run, first_runs_are_short)
{
	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		take_one(cls);
	cr_assert_leq(arena->system_bytes - top_bytes(arena), 72 * KIB);
}

Test(run, an_empty_run_becomes_part_of_the_heap_again)
{
	static void *p[64 * NR_SMALL];
	size_t n = 0;

	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		for (int i = 0; i < 64; i++)
			p[n++] = take_one(cls);
	while (n > 0)
		put(p[--n]);
	assert_heap_valid();
	release_empty();
	assert_heap_valid();
	cr_assert_eq(arena->bins.nr_chunks, 0u);
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		cr_assert_eq(arena->classes[cls].nr_runs, 0u, "class %u: %u",
			     cls, arena->classes[cls].nr_runs);
		cr_assert_eq(arena->classes[cls].nr_empty, 0u);
	}
}

#define NR_HELD 3000

struct held {
	void *p;
	unsigned cls;
	uint64_t mark;
};

static void held_put(struct held *h)
{
	size_t usable = h->cls * UNIT - HEADER_SIZE;

	if (!h->p)
		return;
	cr_assert(pattern_holds(h->p, usable, h->mark));
	put(h->p);
	h->p = NULL;
}

static void random_work(uint64_t seed, int steps)
{
	static struct held held[NR_HELD];
	struct rng rng = {seed};

	memset(held, 0, sizeof(held));
	for (int n = 0; n < STEPS(steps); n++) {
		struct held *h = &held[rng_below(&rng, NR_HELD)];

		if (h->p) {
			held_put(h);
		} else {
			h->cls = 1 + (unsigned)(rng_below(&rng, 8) *
						rng_below(&rng, 8));
			h->p = take_one(h->cls);
			h->mark = rng_next(&rng);
			pattern_fill(h->p, h->cls * UNIT - HEADER_SIZE,
				     h->mark);
		}
		if (n % 5000 == 0)
			assert_heap_valid();
		if (n % 7001 == 0)
			release_empty();
	}
	for (size_t i = 0; i < NR_HELD; i++)
		held_put(&held[i]);
	release_empty();
	assert_heap_valid();
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(run, random_work_leaves_nothing_behind, .timeout = 60)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		random_work(seed, 60000);
}

/* In any order; each run gives them out again in the order of addresses. */
Test(run, many_go_back_at_once)
{
	static void *p[2000], *q[2000];

	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		struct rng rng = {cls};
		unsigned got = 0, last;

		while (got < 2000)
			got += take(cls, p + got, 2000 - got);
		for (unsigned i = 1999; i > 0; i--) {
			unsigned j = (unsigned)rng_below(&rng, i + 1);
			void *t = p[i];

			p[i] = p[j];
			p[j] = t;
		}
		put_many(p, 1000);
		assert_heap_valid();
		put_many(p + 1000, 999);
		assert_heap_valid();
		last = take(cls, q, 50);
		for (unsigned i = 1; i < last; i++)
			cr_assert(q[i - 1] < q[i] ||
				  run_of(arena, q[i - 1]) !=
					  run_of(arena, q[i]));
		put_many(q, last);
		put(p[1999]);
	}
	release_empty();
	assert_heap_valid();
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(run, twice_the_same_chunk_ends_the_program, .signal = SIGABRT)
{
	void *keep = take_one(4), *p[3] = {take_one(4), take_one(4)};

	cr_assert_not_null(keep);
	p[2] = p[0];
	put_many(p, 3);
}

/* What was freed most is used again before the heap grows. */
Test(run, freed_chunks_are_used_again)
{
	static void *p[1000];
	size_t system_bytes;

	for (int i = 0; i < 1000; i++)
		p[i] = take_one(5);
	system_bytes = arena->system_bytes;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 1000; i += 2)
			put(p[i]);
		for (int i = 0; i < 1000; i += 2)
			p[i] = take_one(5);
	}
	cr_assert_eq(arena->system_bytes, system_bytes);
	assert_heap_valid();
}

/* Of many chunks of class `from` one in eight stays; class `to` then takes a third
 * as much memory as they had, and not from the system. */
static void lend(unsigned from, unsigned to)
{
	static void *p[8000], *q[40000];
	unsigned nr = 8000, wanted = nr * from / to / 3, got = 0;
	size_t used;

	for (unsigned i = 0; i < nr; i++)
		p[i] = take_one(from);
	for (unsigned i = 0; i < nr; i++)
		if (i % 8 != 0)
			put(p[i]);
	used = arena->system_bytes - top_bytes(arena);
	while (got < wanted) {
		unsigned n = take(to, q + got, 16);

		cr_assert_neq(n, 0u);
		for (unsigned i = got; i < got + n; i++) {
			cr_assert_geq(chunk_lo(chunk_of(q[i])) >>
					      CHUNK_UNITS_SHIFT,
				      to);
			memset(q[i], 0xff, to * UNIT - HEADER_SIZE);
		}
		got += n;
	}
	cr_assert_leq(arena->system_bytes - top_bytes(arena), used + 4 * KIB,
		      "class %u from class %u", to, from);
	assert_heap_valid();
	/* What was lent whole, shards, and chunks of the class itself. */
	put_many(q, got);
	assert_heap_valid();
	for (unsigned i = 0; i < nr; i += 8)
		put(p[i]);
	release_empty();
	assert_heap_valid();
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(run, a_class_with_much_free_lends_to_smaller_ones)
{
	lend(4, 3);
	lend(4, 2);
	lend(10, 4);
	lend(64, 8);
}

Test(run, lending_a_chunk_with_a_damaged_header_ends_the_program,
     .signal = SIGABRT)
{
	static void *p[8000];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = take_one(10);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		if (i % 8 != 0)
			put(p[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		if (i % 8 != 0)
			memset((char *)p[i] - HEADER_SIZE, 'A', HEADER_SIZE);
	while (arena->shard_units == 0)
		take_one(4);
}

Test(run, a_smaller_free_chunk_goes_before_the_heap_grows)
{
	enum { HOLE_UNITS = 8 * KIB / UNIT };
	static struct chunk *c[32];
	static void *p[4096];
	uintptr_t zero_from;
	unsigned got = 0;
	size_t used;

	while (got < 4000)
		got += take(8, p + got, 96);
	lock_take(&arena->lock);
	for (int i = 0; i < 32; i++)
		c[i] = arena_take(arena, HOLE_UNITS, true, &zero_from);
	for (int i = 0; i < 32; i += 2)
		arena_give(arena, c[i]);
	lock_drop(&arena->lock);
	used = arena->system_bytes - top_bytes(arena);
	/* What runs have room for, and half of the holes. */
	while (arena->classes[8].first)
		take(8, p, 1);
	for (int bytes = 0; bytes < (int)(64 * KIB); bytes += 8 * UNIT)
		take_one(8);
	cr_assert_eq(arena->system_bytes - top_bytes(arena), used);
	assert_heap_valid();
}

Test(run, a_damaged_distance_leads_nowhere)
{
	void *p = take_one(4);
	struct chunk *c = chunk_of(p);
	uint32_t hi = c->hi;
	static const uint32_t wrong[] = {0, 1, 0xffffffff, 0x10000, 0x4141};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		c->hi = wrong[i];
		cr_assert_null(run_of(arena, p), "%u", wrong[i]);
		c->hi = hi + wrong[i];
		if (wrong[i] != 0)
			cr_assert_null(run_of(arena, p), "+%u", wrong[i]);
	}
	c->hi = hi;
	cr_assert_not_null(run_of(arena, p));
}

/* Two of a run that go back and are written to, and come out again. */
static void put_two_and_damage(uint64_t damage)
{
	void *keep = take_one(4), *a = take_one(4), *b = take_one(4);

	cr_assert_not_null(keep);
	put(a);
	put(b);
	*(uint64_t *)b ^= damage;
	take_one(4);
	take_one(4);
}

Test(run, untouched_free_chunks_come_out_again)
{
	put_two_and_damage(0);
}

Test(run, a_write_after_free_ends_the_program, .signal = SIGABRT)
{
	put_two_and_damage(0x41);
}

Test(run, a_write_after_free_over_all_of_the_word_ends_the_program,
     .signal = SIGABRT)
{
	put_two_and_damage(0x4141414141414141);
}

Test(run, more_frees_than_chunks_end_the_program, .signal = SIGABRT)
{
	void *keep = take_one(4), *p = take_one(4);

	cr_assert_not_null(keep);
	for (int i = 0; i < 100000; i++)
		put(p);
}
