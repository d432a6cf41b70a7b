/*
 * mapped.c: chunks that are mappings of their own: when there are any, what
 * they cost, how they grow, and when they are gone.
 */
#include "alloc/mapped.h"

#include "alloc/heap.h"
#include "testos.h"
#include "unit.h"

#include <signal.h>

static struct testos testos;
static struct mmsim_os_failing counting;
static struct mmsim_heap *heap;

static void make(const char *options)
{
	testos_init(&testos);
	mmsim_os_failing_init(&counting, &testos.os);
	heap = mmsim_heap_create(&counting.os, options);
	cr_assert_not_null(heap);
}

static void setup(void)
{
	make(NULL);
}

TestSuite(mapped, .init = setup);

static struct mapped_chunks *mapped(void)
{
	return &((struct heap *)(void *)heap)->mapped;
}

static bool is_mapped(const void *p)
{
	return (chunk_of(p)->lo & CHUNK_M) != 0;
}

/* Enough slow calls for the heap to look at its clock. */
static void look_at_clock(void)
{
	for (int i = 0; i < 40; i++)
		mmsim_heap_free(heap, mmsim_heap_malloc(heap, 60000));
}

Test(mapped, from_the_threshold_on)
{
	void *p;

	mmsim_heap_malloc(heap, 100000);
	p = mmsim_heap_malloc(heap, 128 * KIB - 24);
	cr_assert_not(is_mapped(p));
	p = mmsim_heap_malloc(heap, 400000);
	cr_assert(is_mapped(p));
	cr_assert_eq(mapped()->nr, 1u);
	assert_valid(heap);
}

/* What free memory can serve is not mapped, however large it is. */
Test(mapped, not_what_top_can_serve)
{
	make("top_pad=1M,mmap_threshold=128K");
	mmsim_heap_malloc(heap, 1);
	cr_assert_not(is_mapped(mmsim_heap_malloc(heap, 500000)));
	cr_assert(is_mapped(mmsim_heap_malloc(heap, 600000)));
}

/* glibc's rule: a freed mapping moves the threshold to its size. */
Test(mapped, the_threshold_is_dynamic)
{
	void *p = mmsim_heap_malloc(heap, 1000000);
	struct options *o = &((struct heap *)(void *)heap)->options;

	cr_assert(is_mapped(p));
	mmsim_heap_free(heap, p);
	cr_assert_geq(o->mmap_threshold, 1000000u);
	cr_assert_eq(o->trim_threshold, 2 * o->mmap_threshold);
	cr_assert_not(is_mapped(mmsim_heap_malloc(heap, 1000000)));
	p = mmsim_heap_malloc(heap, 64 * MIB);
	cr_assert(is_mapped(p));
	mmsim_heap_free(heap, p);
	cr_assert_lt(o->mmap_threshold, 2 * MIB, "over 32 MiB it stays");
	assert_valid(heap);
}

Test(mapped, a_threshold_that_was_set_stays)
{
	void *p;

	make("mmap_threshold=256K");
	for (int i = 0; i < 5; i++) {
		p = mmsim_heap_malloc(heap, 1000000);
		cr_assert(is_mapped(p));
		mmsim_heap_free(heap, p);
	}
	cr_assert_eq(mmsim_heap_mallopt(heap, M_MMAP_THRESHOLD, 2000000), 1);
	cr_assert_not(is_mapped(mmsim_heap_malloc(heap, 1000000)));
}

Test(mapped, at_most_mmap_max)
{
	make("mmap_max=2,mmap_threshold=128K");
	cr_assert(is_mapped(mmsim_heap_malloc(heap, 1000000)));
	cr_assert(is_mapped(mmsim_heap_malloc(heap, 1000000)));
	cr_assert_not(is_mapped(mmsim_heap_malloc(heap, 1000000)));
	cr_assert_eq(mapped()->nr, 2u);
	make("mmap_max=0");
	cr_assert_not(is_mapped(mmsim_heap_malloc(heap, 10000000)));
	assert_valid(heap);
}

Test(mapped, costs_a_page_more_and_uses_all_of_it)
{
	make("mmap_threshold=128K");
	for (size_t size = 200000; size < 210000; size += 333) {
		intptr_t before = counting.bytes_held;
		void *p = mmsim_heap_malloc(heap, size);

		cr_assert(is_mapped(p));
		cr_assert_geq(mmsim_heap_usable_size(heap, p), size);
		cr_assert_leq(counting.bytes_held - before,
			      (intptr_t)(size + 4096 + 64));
		memset(p, 1, mmsim_heap_usable_size(heap, p));
	}
	assert_valid(heap);
}

Test(mapped, realloc_keeps_contents)
{
	static const size_t sizes[] = {300000,  1000000, 5000000, 400000,
				       2000000, 250000,  50000,   8000000};
	unsigned char *p = mmsim_heap_malloc(heap, 1);
	size_t had = 1;

	make("mmap_threshold=128K");
	p = mmsim_heap_malloc(heap, 1);
	pattern_fill(p, 1, 9);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t kept = had < sizes[i] ? had : sizes[i];

		p = mmsim_heap_realloc(heap, p, sizes[i]);
		cr_assert(pattern_holds(p, kept, 9), "to %zu", sizes[i]);
		had = sizes[i];
		pattern_fill(p, had, 9);
		assert_valid(heap);
	}
}

/* mremap, not a copy: the heap never holds both. */
Test(mapped, growing_does_not_copy)
{
	unsigned char *p;
	intptr_t most = 0;

	make("mmap_threshold=128K");
	p = mmsim_heap_malloc(heap, 1000000);
	for (size_t size = 1000000; size < 20000000; size += 1000000) {
		p = mmsim_heap_realloc(heap, p, size);
		cr_assert(is_mapped(p));
		if (counting.bytes_held > most)
			most = counting.bytes_held;
	}
	cr_assert_lt(most, 21 * 1000000);
}

Test(mapped, alignments)
{
	make("mmap_threshold=128K");
	for (size_t alignment = 32; alignment <= 4 * MIB; alignment *= 2) {
		unsigned char *p = mmsim_heap_memalign(heap, alignment, 300000);
		unsigned char *q;

		cr_assert(is_mapped(p));
		cr_assert_eq((uintptr_t)p % alignment, 0u);
		pattern_fill(p, 300000, alignment);
		q = mmsim_heap_realloc(heap, p, 3000000);
		cr_assert(pattern_holds(q, 300000, alignment));
		mmsim_heap_free(heap, q);
		assert_valid(heap);
	}
}

Test(mapped, calloc_of_a_reused_mapping_is_zero)
{
	make("mmap_threshold=128K");
	for (int i = 0; i < 20; i++) {
		unsigned char *p = mmsim_heap_calloc(heap, 1, 500000);

		cr_assert(all_zero(p, 500000));
		memset(p, 0xff, mmsim_heap_usable_size(heap, p));
		mmsim_heap_free(heap, p);
	}
	cr_assert_gt(mapped()->nr_reused, 0u);
}

Test(mapped, freed_mappings_are_gone_after_the_decay_time)
{
	intptr_t before;
	void *p;

	make("mmap_threshold=128K");
	look_at_clock();
	before = counting.bytes_held;
	p = mmsim_heap_malloc(heap, 10000000);
	cr_assert_gt(counting.bytes_held, before + 10000000);
	mmsim_heap_free(heap, p);
	testos_pass_ms(&testos, 1100);
	look_at_clock();
	cr_assert_eq(counting.bytes_held, before);
	assert_valid(heap);
}

Test(mapped, without_decay_they_are_gone_at_once)
{
	intptr_t before;

	make("mmap_threshold=128K,decay_ms=0");
	look_at_clock();
	before = counting.bytes_held;
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 10000000));
	cr_assert_eq(counting.bytes_held, before);
}

Test(mapped, trim_gives_them_back)
{
	intptr_t before;

	make("mmap_threshold=128K");
	look_at_clock();
	before = counting.bytes_held;
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 10000000));
	cr_assert_eq(mmsim_heap_trim(heap, 0), 1);
	cr_assert_eq(counting.bytes_held, before);
}

/* Much more than the store takes is freed at once. */
Test(mapped, the_store_is_bounded)
{
	static void *p[200];

	make("mmap_threshold=128K");
	for (int i = 0; i < 200; i++)
		p[i] = mmsim_heap_malloc(heap, 2 * MIB);
	for (int i = 0; i < 200; i++)
		mmsim_heap_free(heap, p[i]);
	cr_assert_eq(mapped()->nr, 0u);
	cr_assert_leq(mapped()->store_bytes, 66 * MIB);
	cr_assert_leq(counting.bytes_held, (intptr_t)(67 * MIB));
	assert_valid(heap);
}

Test(mapped, untouched_memory_is_not_fetched)
{
	void *p;

	make("mmap_threshold=128K");
	counting.nr_populate = 0;
	p = mmsim_heap_malloc(heap, 100 * MIB);
	cr_assert_not_null(p);
	cr_assert_eq(counting.nr_populate, 0u);
}

/* ---- adopted ---- */

#define NR_ADOPT 12
#define ADOPT_BYTES 1000000u

/* The next address that map gives. */
static char *map_at;

/* Mappings that lie side by side. */
static void *map_next(void *ctx, size_t len)
{
	(void)ctx;
	map_at += len;
	return mmsim_os_host()->commit(NULL, map_at - len, len) == 0
		       ? map_at - len
		       : NULL;
}

/* A heap with mapped chunks in p[], none of which could be moved. */
static void make_mappings(unsigned char **p)
{
	void *hole;

	testos_init(&testos);
	map_at = mmsim_os_host()->reserve(NULL, 64 * MIB);
	testos.os.map = map_next;
	mmsim_os_failing_init(&counting, &testos.os);
	heap = mmsim_heap_create(&counting.os, NULL);
	/* A hole for look_at_clock. */
	hole = mmsim_heap_malloc(heap, 60000);
	mmsim_heap_malloc(heap, 1);
	mmsim_heap_free(heap, hole);
	look_at_clock();
	for (size_t i = 0; i < NR_ADOPT; i++) {
		p[i] = mmsim_heap_malloc(heap, ADOPT_BYTES);
		cr_assert(is_mapped(p[i]));
		pattern_fill(p[i], ADOPT_BYTES, i);
	}
}

static struct arena *main_arena(void)
{
	return &((struct heap *)(void *)heap)->main_arena;
}

Test(mapped, what_is_freed_below_the_threshold_is_used_again)
{
	unsigned char *p[NR_ADOPT];
	uint64_t nr_calls;

	make_mappings(p);
	nr_calls = counting.nr_calls;
	mmsim_heap_free(heap, p[3]);
	cr_assert_eq(mapped()->nr, NR_ADOPT - 1u);
	cr_assert_eq(mmsim_heap_mallinfo2(heap).hblks, NR_ADOPT - 1u);
	cr_assert_geq(mmsim_heap_mallinfo2(heap).fordblks, ADOPT_BYTES);
	assert_valid(heap);
	cr_assert_eq(mmsim_heap_malloc(heap, ADOPT_BYTES), p[3]);
	cr_assert_not(is_mapped(p[3]));
	cr_assert_eq(counting.nr_calls, nr_calls, "no call of the system");
	assert_valid(heap);
}

/* In every order: three that lie side by side hold one of three times the size. */
Test(mapped, adopted_neighbours_are_one)
{
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (size_t n = 0; n < ARRAY_SIZE(orders); n++) {
		unsigned char *p[NR_ADOPT], *q;

		make_mappings(p);
		for (int i = 0; i < 3; i++) {
			mmsim_heap_free(heap, p[4 + orders[n][i]]);
			assert_valid(heap);
		}
		cr_assert_eq(main_arena()->nr_adopted, 1u);
		q = mmsim_heap_malloc(heap, 3 * ADOPT_BYTES);
		cr_assert_eq(q, p[4]);
		pattern_fill(q, 3 * ADOPT_BYTES, 99);
		for (size_t i = 0; i < NR_ADOPT; i++)
			if (i < 4 || i > 6)
				cr_assert(pattern_holds(p[i], ADOPT_BYTES, i));
		assert_valid(heap);
	}
}

Test(mapped, what_is_adopted_is_unmapped_after_the_decay_time)
{
	unsigned char *p[NR_ADOPT];
	intptr_t before;

	make_mappings(p);
	before = counting.bytes_held;
	mmsim_heap_free(heap, p[7]);
	mmsim_heap_free(heap, p[8]);
	cr_assert_eq(counting.bytes_held, before);
	testos_pass_ms(&testos, 1100);
	look_at_clock();
	cr_assert_leq(counting.bytes_held, before - 2 * (intptr_t)ADOPT_BYTES);
	cr_assert_eq(main_arena()->nr_adopted, 0u);
	assert_valid(heap);
}

Test(mapped, trim_gives_what_is_adopted_back)
{
	unsigned char *p[NR_ADOPT];
	intptr_t before;

	make_mappings(p);
	before = counting.bytes_held;
	mmsim_heap_free(heap, p[7]);
	cr_assert_eq(mmsim_heap_trim(heap, 0), 1);
	cr_assert_leq(counting.bytes_held, before - (intptr_t)ADOPT_BYTES);
	assert_valid(heap);
}

/* A program whose only large block grows by copies must not keep all of them. */
Test(mapped, the_only_large_one_is_unmapped_at_once)
{
	intptr_t before;

	look_at_clock();
	before = counting.bytes_held;
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 10000000));
	cr_assert_leq(counting.bytes_held, before + 4096);
}

/* Holes that do not fit are no reason to keep more. */
Test(mapped, what_is_free_does_not_count_as_in_use)
{
	void *p[400];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = mmsim_heap_malloc(heap, 100000);
	for (size_t i = 0; i < ARRAY_SIZE(p); i += 2)
		mmsim_heap_free(heap, p[i]);
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 4000000));
	cr_assert_eq(main_arena()->nr_adopted, 0u);
	assert_valid(heap);
}

/* It would stay for good: only chunks of PURGE_MIN and more go back when they have
 * waited. */
Test(mapped, a_small_aligned_block_is_not_adopted)
{
	unsigned char *p[NR_ADOPT];

	make_mappings(p);
	for (size_t size = 0; size <= 12000; size += 4000) {
		void *q = mmsim_heap_memalign(heap, 1 << 20, size);

		cr_assert_not_null(q);
		mmsim_heap_free(heap, q);
		cr_assert_eq(main_arena()->nr_adopted, 0u);
		assert_valid(heap);
	}
}

Test(mapped, adopted_memory_serves_all_sizes)
{
	static void *live[200];
	struct rng rng = {.state = 5};
	unsigned char *p[NR_ADOPT];

	make_mappings(p);
	for (int i = 0; i < STEPS(4000); i++) {
		size_t n = rng_below(&rng, ARRAY_SIZE(live));

		if (i % 200 == 0 && i / 200 < NR_ADOPT)
			mmsim_heap_free(heap, p[i / 200]);
		mmsim_heap_free(heap, live[n]);
		live[n] = mmsim_heap_malloc(heap, rng_size(&rng, 19));
		if (i % 50 == 0)
			assert_valid(heap);
		testos_pass_ms(&testos, 3);
	}
	for (size_t n = 0; n < ARRAY_SIZE(live); n++)
		mmsim_heap_free(heap, live[n]);
	testos_pass_ms(&testos, 2000);
	look_at_clock();
	testos_pass_ms(&testos, 2000);
	look_at_clock();
	assert_valid(heap);
	mmsim_heap_destroy(heap);
	cr_assert_eq(counting.bytes_held, 0);
}

/* ---- misuse ---- */

Test(mapped, adopted_and_freed_again_ends_the_program, .signal = SIGABRT)
{
	unsigned char *p[NR_ADOPT];

	make_mappings(p);
	mmsim_heap_free(heap, p[3]);
	mmsim_heap_free(heap, p[3]);
}

Test(mapped, freed_twice_ends_the_program, .signal = SIGABRT)
{
	void *p = mmsim_heap_malloc(heap, 1000000);

	mmsim_heap_free(heap, p);
	mmsim_heap_free(heap, p);
}

Test(mapped, an_overwritten_length_ends_the_program, .signal = SIGABRT)
{
	void *p = mmsim_heap_malloc(heap, 1000000);

	((struct mapped *)p)[-1].len += 4096;
	mmsim_heap_free(heap, p);
}

Test(mapped, a_pointer_inside_ends_the_program, .signal = SIGABRT)
{
	char *p = mmsim_heap_malloc(heap, 1000000);

	memset(p, 0, 1000);
	mmsim_heap_free(heap, p + 512);
}
