/*
 * shard.c: small chunks that realloc has cut: both pieces live on their own,
 * what was cut off is used again, and in the end every run is whole.
 */
#include "alloc/shard.h"

#include "alloc/heap.h"
#include "alloc/run.h"
#include "alloc/top.h"
#include "testos.h"
#include "unit.h"

static struct testos testos;
static struct mmsim_heap *heap;
static struct arena *arena;

static void make(const char *options)
{
	testos_init(&testos);
	heap = mmsim_heap_create(&testos.os, options);
	cr_assert_not_null(heap);
	arena = ((struct heap *)(void *)heap)->arenas[0];
}

/* Without caches, what is freed is in the arena at once. */
static void setup(void)
{
	make("check=3");
}

TestSuite(shard, .init = setup);

Test(shard, both_pieces_are_chunks_of_their_run)
{
	for (uint32_t units = 2; units <= NR_SMALL; units++)
		for (uint32_t first = 1; first < units; first++) {
			void *p = mmsim_heap_malloc(heap,
						    units * UNIT - HEADER_SIZE);
			struct run *run = run_of(arena, p);
			void *rest = shard_cut(p, first);

			cr_assert_eq((char *)rest,
				     (char *)p + (size_t)first * UNIT);
			cr_assert_eq(run_of(arena, p), run);
			cr_assert_eq(run_of(arena, rest), run);
			cr_assert_eq(mmsim_heap_usable_size(heap, p),
				     first * UNIT - HEADER_SIZE);
			cr_assert_eq(mmsim_heap_usable_size(heap, rest),
				     (units - first) * UNIT - HEADER_SIZE);
			mmsim_heap_free(heap, (units + first) % 2 ? p : rest);
			mmsim_heap_free(heap, (units + first) % 2 ? rest : p);
		}
	assert_valid(heap);
	cr_assert_eq(arena->shard_units, 0u);
	cr_assert_eq(arena->shard_map, 0u);
}

/* A generous buffer that is shrunk costs what is left of it. */
Test(shard, what_is_cut_off_is_used_again)
{
	static void *kept[400], *small[400];
	struct mallinfo2 before;

	for (int i = 0; i < 400; i++) {
		kept[i] = mmsim_heap_malloc(heap, 1000);
		kept[i] = mmsim_heap_realloc(heap, kept[i], 100);
		pattern_fill(kept[i], 100, (uint64_t)i);
	}
	before = mmsim_heap_mallinfo2(heap);
	cr_assert_leq(before.uordblks, 400u * 112 + 64 * KIB);
	for (int i = 0; i < 400; i++) {
		small[i] = mmsim_heap_malloc(heap, 400);
		memset(small[i], 0xff, mmsim_heap_usable_size(heap, small[i]));
	}
	cr_assert_eq(mmsim_heap_mallinfo2(heap).arena, before.arena);
	for (int i = 0; i < 400; i++)
		cr_assert(pattern_holds(kept[i], 100, (uint64_t)i));
	assert_valid(heap);
}

/* Through a cache, blocks that are shrunk one after another lie side by side,
 * and what was cut off is one hole. */
static void shrink_many(size_t from, size_t to)
{
	static void *kept[2000];
	size_t piece = chunk_units_for(to) * UNIT, dense = 0;
	struct tcache *tc;

	make(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		void *p = mmsim_heap_malloc(heap, from);

		kept[i] = mmsim_heap_realloc(heap, p, to);
		cr_assert_eq(kept[i], p);
		pattern_fill(kept[i], to, i);
		if (i > 0 && (char *)kept[i] == (char *)kept[i - 1] + piece)
			dense++;
		if (i % 64 == 0)
			assert_valid(heap);
	}
	/* The rest begin a batch, or a run. */
	cr_assert_geq(dense, ARRAY_SIZE(kept) * 9 / 10, "%zu to %zu: %zu", from,
		      to, dense);
	cr_assert_leq(arena->system_bytes,
		      ARRAY_SIZE(kept) * piece * 5 / 4 + 256 * KIB);
	tc = heap_tcache((struct heap *)(void *)heap);
	cr_assert_lt(tc->hole_units, chunk_units_for(from));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		cr_assert(pattern_holds(kept[i], to, i));
		mmsim_heap_free(heap, kept[i]);
	}
	tcache_flush_all(tc);
	cr_assert_null(tc->hole);
	assert_valid(heap);
	mmsim_heap_trim(heap, 0);
	cr_assert_eq(arena->shard_units, 0u);
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(shard, blocks_that_are_shrunk_in_turn_lie_side_by_side)
{
	shrink_many(152, 56);
	shrink_many(168, 72);
	shrink_many(1000, 24);
	shrink_many(200, 100);
}

/* A hole in front of a chunk that is no longer next in its stack. */
Test(shard, a_hole_is_given_up_for_another)
{
	void *p[8];

	make(NULL);
	for (int i = 0; i < 8; i++)
		p[i] = mmsim_heap_malloc(heap, 152);
	for (int i = 0; i < 8; i += 2)
		cr_assert_eq(mmsim_heap_realloc(heap, p[i], 56), p[i]);
	assert_valid(heap);
	for (int i = 1; i < 8; i += 2)
		cr_assert_eq(mmsim_heap_realloc(heap, p[i], 56), p[i]);
	assert_valid(heap);
	for (int i = 0; i < 8; i++)
		mmsim_heap_free(heap, p[i]);
	tcache_flush_all(heap_tcache((struct heap *)(void *)heap));
	mmsim_heap_trim(heap, 0);
	assert_valid(heap);
	cr_assert_eq(arena->shard_units, 0u);
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

#define NR_HELD 800

struct held {
	unsigned char *p;
	size_t size;
	uint64_t mark;
};

static void held_check(const struct held *h)
{
	cr_assert(pattern_holds(h->p, h->size, h->mark));
}

static void held_step(struct held *h, struct rng *rng)
{
	size_t size = 1 + rng_size(rng, 10);

	if (!h->p) {
		h->p = mmsim_heap_malloc(heap, size);
	} else if (rng_below(rng, 2) == 0) {
		size_t kept;

		held_check(h);
		/* Most reallocs here make the block smaller. */
		if (rng_below(rng, 4) != 0)
			size = 1 + rng_below(rng, h->size);
		kept = size < h->size ? size : h->size;
		h->p = mmsim_heap_realloc(heap, h->p, size);
		cr_assert(pattern_holds(h->p, kept, h->mark));
	} else {
		held_check(h);
		mmsim_heap_free(heap, h->p);
		h->p = NULL;
		return;
	}
	cr_assert_not_null(h->p);
	h->size = size;
	h->mark = rng_next(rng);
	pattern_fill(h->p, size, h->mark);
}

static void random_work(const char *options, uint64_t seed, int steps)
{
	static struct held held[NR_HELD];
	struct rng rng = {seed};

	make(options);
	memset(held, 0, sizeof(held));
	for (int n = 0; n < STEPS(steps); n++) {
		held_step(&held[rng_below(&rng, NR_HELD)], &rng);
		if (n % 2500 == 0)
			assert_valid(heap);
		if (n % 9001 == 0)
			mmsim_heap_trim(heap, 0);
	}
	for (size_t i = 0; i < NR_HELD; i++)
		if (held[i].p) {
			held_check(&held[i]);
			mmsim_heap_free(heap, held[i].p);
		}
	if (!((struct heap *)(void *)heap)->uncached)
		tcache_flush_all(heap_tcache((struct heap *)(void *)heap));
	mmsim_heap_trim(heap, 0);
	assert_valid(heap);
	cr_assert_eq(arena->shard_units, 0u);
	cr_assert_eq(arena->shard_map, 0u);
	cr_assert_eq(arena->bins.nr_chunks, 0u);
	cr_assert_eq(top_bytes(arena), arena->system_bytes);
}

Test(shard, random_work_leaves_every_run_whole, .timeout = 60)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		random_work("check=3", seed, 100000);
}

Test(shard, random_work_through_caches, .timeout = 60)
{
	for (uint64_t seed = 11; seed <= 13; seed++)
		random_work(NULL, seed, 100000);
}
