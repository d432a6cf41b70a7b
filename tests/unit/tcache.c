/*
 * tcache.c: the stacks of a thread: last in first out, bounded, giving back
 * what is idle; and frees of other threads' chunks finding their way home.
 */
#include "alloc/tcache.h"

#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/remote.h"
#include "alloc/shard.h"
#include "alloc/stats.h"
#include "alloc/top.h"
#include "testos.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>

static struct testos testos;
static struct mmsim_heap *heap;

static void make(const char *options)
{
	testos_init(&testos);
	heap = mmsim_heap_create(&testos.os, options);
	cr_assert_not_null(heap);
}

static void setup(void)
{
	make(NULL);
}

TestSuite(tcache, .init = setup);

static struct heap *inner(void)
{
	return (struct heap *)(void *)heap;
}

static struct tcache *cache(void)
{
	struct tcache *tc = heap_tcache(inner());

	cr_assert(tcache_is_real(tc));
	return tc;
}

Test(tcache, the_last_freed_comes_first)
{
	static const size_t sizes[] = {1, 24, 500, 1016, 1017, 4096, 32776};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		void *p[4];

		for (int i = 0; i < 4; i++)
			p[i] = mmsim_heap_malloc(heap, sizes[s]);
		for (int i = 0; i < 4; i++)
			mmsim_heap_free(heap, p[i]);
		for (int i = 3; i >= 0; i--)
			cr_assert_eq(mmsim_heap_malloc(heap, sizes[s]), p[i],
				     "size %zu", sizes[s]);
	}
	assert_valid(heap);
}

Test(tcache, cached_chunks_are_marked)
{
	void *p = mmsim_heap_malloc(heap, 100);
	struct chunk *c = chunk_of(p);

	cr_assert_not(c->lo & CHUNK_C);
	mmsim_heap_free(heap, p);
	cr_assert(c->lo & CHUNK_C);
	cr_assert_eq(mmsim_heap_malloc(heap, 100), p);
	cr_assert_not(c->lo & CHUNK_C);
}

/* What the stack has left lies in many runs, and the next phase of the program
 * must not find it there. */
Test(tcache, a_class_that_has_shrunk_keeps_no_runs)
{
	enum { BLOCKS = 5000, STEP = 1237, CLS = 3, OTHER = 200 };
	static void *p[BLOCKS];
	struct tcache *tc;
	struct run_class *rc;

	for (int i = 0; i < BLOCKS; i++)
		p[i] = mmsim_heap_malloc(heap, CLS * UNIT - HEADER_SIZE);
	tc = cache();
	rc = &tc->arena->classes[CLS];
	for (int i = 0; i < BLOCKS; i++)
		mmsim_heap_free(heap, p[(size_t)i * STEP % BLOCKS]);
	cr_assert_gt(tcache_count(tc, CLS), 50u);
	cr_assert_gt(rc->nr_runs, 5u);
	mmsim_heap_malloc(heap, OTHER);
	cr_assert_eq(tcache_count(tc, CLS), 0u);
	cr_assert_leq(rc->nr_runs, 1u);
	assert_valid(heap);
}

/* The same when the next phase asks for large blocks, which need no refill. */
Test(tcache, stacks_of_shrunk_classes_go_before_new_memory)
{
	enum { BLOCKS = 20000, STEP = 1237, CLS = 3, LARGE = 40000 };
	static void *p[BLOCKS];
	struct tcache *tc;
	size_t peak, bytes;

	for (int i = 0; i < BLOCKS; i++)
		p[i] = mmsim_heap_malloc(heap, CLS * UNIT - HEADER_SIZE);
	tc = cache();
	for (int i = 0; i < BLOCKS; i++)
		mmsim_heap_free(heap, p[(size_t)i * STEP % BLOCKS]);
	cr_assert_gt(tcache_count(tc, CLS), 50u);
	peak = tc->arena->max_system_bytes;
	for (bytes = 0; bytes < BLOCKS * CLS * UNIT / 2; bytes += LARGE)
		mmsim_heap_malloc(heap, LARGE);
	cr_assert_eq(tcache_count(tc, CLS), 0u);
	cr_assert_eq(tc->arena->max_system_bytes, peak);
	assert_valid(heap);
}

/* After the first of a batch the rest comes without the arena. */
Test(tcache, refills_grow_with_use)
{
	struct tcache *tc;
	size_t first;

	for (int i = 0; i < 8; i++)
		mmsim_heap_malloc(heap, 64);
	tc = cache();
	first = tc->nr_refills;
	for (int i = 0; i < 10000; i++)
		mmsim_heap_malloc(heap, 64);
	cr_assert_lt(tc->nr_refills - first, 10000u / 50);
}

/* What is carved for one class serves no other. */
Test(tcache, a_refill_of_new_memory_is_a_part_of_what_the_class_has)
{
	static const size_t sizes[] = {600, 800, 1000, 1500, 6000, 20000};
	struct tcache *tc;

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned cls, n;

		for (n = 1; n <= 30; n++) {
			mmsim_heap_malloc(heap, sizes[s]);
			tc = cache();
			cls = (unsigned)sizeclass_of(
				tc->medium_table,
				(uint32_t)chunk_units_for(sizes[s]));
			cr_assert_leq(tcache_count(tc, cls), n / 2,
				      "%u of %zu bytes", n, sizes[s]);
		}
	}
	assert_valid(heap);
}

static void churn(uint64_t seed, unsigned max_log2, int steps)
{
	static void *p[2000];
	struct rng rng = {seed};

	for (int n = 0; n < steps; n++) {
		size_t i = rng_below(&rng, 2000);

		mmsim_heap_free(heap, p[i]);
		p[i] = mmsim_heap_malloc(heap, rng_size(&rng, max_log2));
	}
	for (size_t i = 0; i < 2000; i++) {
		mmsim_heap_free(heap, p[i]);
		p[i] = NULL;
	}
}

static void check_bounds(void)
{
	struct tcache *tc = cache();
	size_t room = 0, counted = 0;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		size_t n = (size_t)(tc->bottom[cls] - tc->limit[cls]);

		cr_assert_leq(tcache_count(tc, cls), n);
		cr_assert_leq(n, sizeclass_cache_max(cls));
		cr_assert(!sizeclass_is_small(cls) || *tc->bottom[cls] == NULL);
		n *= sizeclass_units(cls) * UNIT;
		room += n;
		/* Hot stacks count a quarter. */
		if (!sizeclass_is_small(cls) &&
		    (tc->hot >> (cls - CLASS_MEDIUM) & 1))
			n /= 4;
		counted += n;
	}
	cr_assert_eq(counted, tc->capacity_bytes);
	cr_assert_leq(counted, inner()->options.cache_max);
	cr_assert_leq(tcache_bytes(tc) - defer_bytes(tc), room);
}

Test(tcache, all_stacks_together_are_bounded)
{
	static const char *const options[] = {NULL, "cache_max=64K",
					      "cache_max=1M", "cache_max=1000"};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		make(options[i]);
		for (uint64_t round = 0; round < 20; round++) {
			churn(round, 15, 5000);
			check_bounds();
			assert_valid(heap);
		}
	}
}

Test(tcache, no_cache_at_all)
{
	make("cache_max=0");
	churn(1, 15, 20000);
	cr_assert_eq(cache()->capacity_bytes, 0u);
	assert_valid(heap);
}

/* Stacks that are not used any more are given back by halves, while others
 * are refilled and flushed many times. */
Test(tcache, idle_stacks_shrink)
{
	static void *p[500];
	struct tcache *tc;
	size_t held;

	churn(1, 15, 50000);
	tc = cache();
	held = tc->capacity_bytes;
	cr_assert_gt(held, 256 * KIB);
	for (int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = mmsim_heap_malloc(heap, 1000);
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			mmsim_heap_free(heap, p[i]);
	}
	cr_assert_lt(tc->capacity_bytes, held / 2, "%zu of %zu left",
		     tc->capacity_bytes, held);
	check_bounds();
	assert_valid(heap);
}

/* What was cached when the heap grows to a new peak goes back to its runs. */
Test(tcache, growth_empties_the_stacks)
{
	static void *p[4000];
	struct tcache *tc;

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = mmsim_heap_malloc(heap, 100);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		mmsim_heap_free(heap, p[i]);
	tc = cache();
	cr_assert_gt(tcache_bytes(tc), 20 * KIB);
	for (size_t i = 0; i < 100; i++)
		mmsim_heap_malloc(heap, 30000);
	cr_assert_lt(tcache_bytes(tc), 16 * KIB + 4 * 30016);
	cr_assert_eq(tcache_count(tc, (unsigned)chunk_units_for(100)), 0u);
	check_bounds();
	assert_valid(heap);
}

Test(tcache, flushing_gives_everything_back)
{
	struct tcache *tc;
	struct arena *a;

	churn(2, 15, 50000);
	tc = cache();
	a = tc->arena;
	cr_assert_gt(tcache_bytes(tc), 0u);
	tcache_flush_all(tc);
	cr_assert_eq(tcache_bytes(tc), 0u);
	mmsim_heap_trim(heap, 0);
	assert_valid(heap);
	cr_assert_eq(a->bins.nr_chunks, 0u);
	cr_assert_eq(top_bytes(a), a->system_bytes);
}

/* ---- more than one thread ---- */

struct box {
	void *p[2000];
	size_t nr;
};

static void *free_all(void *arg)
{
	struct box *box = arg;

	for (size_t i = 0; i < box->nr; i++)
		mmsim_heap_free(heap, box->p[i]);
	return NULL;
}

static void free_elsewhere(struct box *box)
{
	pthread_t thread;

	pthread_create(&thread, NULL, free_all, box);
	pthread_join(thread, NULL);
}

/* One thread allocates, others free: the heap must not grow for ever. */
static void produce(size_t size, int rounds)
{
	static struct box box;
	size_t after_warm_up = 0;

	for (int round = 0; round < rounds; round++) {
		struct mallinfo2 m;

		box.nr = ARRAY_SIZE(box.p);
		for (size_t i = 0; i < box.nr; i++) {
			box.p[i] = mmsim_heap_malloc(heap, size);
			cr_assert_not_null(box.p[i]);
			memset(box.p[i], round, size);
		}
		free_elsewhere(&box);
		m = mmsim_heap_mallinfo2(heap);
		if (round == rounds / 4)
			after_warm_up = m.arena;
	}
	cr_assert_leq(mmsim_heap_mallinfo2(heap).arena, after_warm_up + MIB,
		      "size %zu", size);
	assert_valid(heap);
}

Test(tcache, frees_of_others_come_home, .timeout = 60)
{
	produce(48, 40);
	produce(1500, 40);
	produce(20000, 20);
}

/* The chunks are of the arena that made them, whoever freed them. */
Test(tcache, frees_of_others_keep_their_arena)
{
	struct box box = {.nr = 200};
	struct arena *mine;

	for (size_t i = 0; i < box.nr; i++)
		box.p[i] = mmsim_heap_malloc(heap, 200);
	mine = cache()->arena;
	free_elsewhere(&box);
	for (size_t i = 0; i < box.nr; i++) {
		uint32_t lo = chunk_of(box.p[i])->lo;

		cr_assert_eq(heap_arena_of_tag(inner(), lo), mine);
		cr_assert(lo & CHUNK_C);
	}
	assert_valid(heap);
}

/* Frees n new blocks in another thread. */
static void post(size_t size, size_t n)
{
	static void *p[12000];

	for (size_t i = 0; i < n; i++)
		p[i] = mmsim_heap_malloc(heap, size);
	for (size_t i = 0; i < n; i += ARRAY_SIZE(((struct box *)0)->p)) {
		struct box box = {.nr = min_size(ARRAY_SIZE(box.p), n - i)};

		memcpy(box.p, p + i, box.nr * sizeof(void *));
		free_elsewhere(&box);
	}
}

/* What was picked up and has no room in the stack is the arena's, whoever looks
 * there next. */
Test(tcache, what_is_picked_up_and_not_needed_stays_in_the_arena)
{
	struct arena *a = cache()->arena;
	void *p;

	post(200, 2000);
	cr_assert(load_relaxed(&a->remote[0]));
	while (remote_is_pending(a, chunk_units_for(200)) && !a->picked[0])
		p = mmsim_heap_malloc(heap, 200);
	cr_assert_not_null(p);
	cr_assert_null(a->remote[0]);
	cr_assert_not_null(a->picked[0]);
	cr_assert(remote_is_pending(a, 1));
	lock_take(&a->lock);
	cr_assert(remote_drain(a));
	cr_assert_not(remote_drain(a));
	lock_drop(&a->lock);
	cr_assert_eq(a->remote_bytes, 0);
	assert_valid(heap);
}

/* In the child of a fork batches that others had in hand are gone. */
Test(tcache, what_is_posted_is_counted_anew_after_a_fork)
{
	struct arena *a = cache()->arena;
	size_t bytes;

	post(200, 2000);
	while (remote_is_pending(a, chunk_units_for(200)) && !a->picked[0])
		mmsim_heap_malloc(heap, 200);
	post(200, 1000);
	cr_assert_not_null(a->remote[0]);
	cr_assert_not_null(a->picked[0]);
	bytes = a->remote_bytes;
	a->remote_bytes += 16 * KIB;
	remote_recount(a);
	cr_assert_eq(a->remote_bytes, bytes);
	lock_take(&a->lock);
	cr_assert(remote_drain(a));
	lock_drop(&a->lock);
	cr_assert_eq(a->remote_bytes, 0);
	remote_recount(a);
	cr_assert_eq(a->remote_bytes, 0);
	assert_valid(heap);
}

/* Half of the arena may wait; the rest is given to it by who frees. */
Test(tcache, no_more_than_half_of_an_arena_is_posted)
{
	struct arena *a = cache()->arena;
	size_t bytes = 12000 * 208;

	post(200, 12000);
	cr_assert_gt(a->remote_bytes, a->max_system_bytes / 2 - 64 * KIB);
	cr_assert_leq(a->remote_bytes, a->max_system_bytes / 2);
	cr_assert_gt(a->run_free_units * UNIT + a->bins.nr_units * UNIT +
			     top_bytes(a),
		     bytes / 3);
	for (int i = 0; i < 12000; i++)
		cr_assert_not_null(mmsim_heap_malloc(heap, 200));
	cr_assert_eq(a->remote_bytes, 0);
	assert_valid(heap);
}

/* Nothing is behind these addresses. */
Test(tcache, a_batch_reaches_32_gib_in_both_directions)
{
	struct remote_batch batch = {.base = (uintptr_t)1 << 46};
	uintptr_t last = batch.base + (uintptr_t)INT32_MAX * UNIT;
	uintptr_t first = batch.base - ((uintptr_t)1 << 31) * UNIT;

	cr_assert(remote_reaches(&batch, (void *)last));
	cr_assert(remote_reaches(&batch, (void *)first));
	cr_assert_not(remote_reaches(&batch, (void *)(last + UNIT)));
	cr_assert_not(remote_reaches(&batch, (void *)(first - UNIT)));
	batch.at[0] = (int32_t)remote_distance(&batch, (void *)last);
	batch.at[1] = (int32_t)remote_distance(&batch, (void *)first);
	cr_assert_eq(remote_chunk(&batch, 0), (void *)last);
	cr_assert_eq(remote_chunk(&batch, 1), (void *)first);
}

static void *note_arena(void *arg)
{
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 10));
	*(struct arena **)arg = cache()->arena;
	return NULL;
}

Test(tcache, a_second_thread_gets_an_arena_of_its_own)
{
	struct arena *theirs = NULL;
	pthread_t thread;

	mmsim_heap_malloc(heap, 10);
	pthread_create(&thread, NULL, note_arena, &theirs);
	pthread_join(thread, NULL);
	cr_assert_not_null(theirs);
	cr_assert_neq(theirs, cache()->arena);
}

Test(tcache, with_one_arena_threads_share_it)
{
	struct arena *theirs = NULL;
	pthread_t thread;

	make("arena_max=1");
	mmsim_heap_malloc(heap, 10);
	pthread_create(&thread, NULL, note_arena, &theirs);
	pthread_join(thread, NULL);
	cr_assert_eq(theirs, cache()->arena);
}

/* ---- aligned chunks among shards ---- */

/* Puts four misaligned chunks of 64 bytes on the newest end of their stack. */
static void push_shards(void)
{
	for (int n = 0; n < 4;) {
		char *p = mmsim_heap_malloc(heap, 136);

		/* The first piece has 80 bytes, the other one 64. */
		if (is_aligned((uintptr_t)p + 80, 64))
			continue;
		mmsim_heap_free(heap, shard_cut(p, 5));
		n++;
	}
}

static unsigned nr_misaligned(const struct tcache *tc, unsigned cls)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tcache_count(tc, cls); i++)
		n += !is_aligned((uintptr_t)tc->sp[cls][i], 64);
	return n;
}

Test(tcache, an_aligned_chunk_is_found_below_shards)
{
	struct tcache *tc;
	unsigned count;
	void *p, *q;

	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 56));
	tc = cache();
	push_shards();
	cr_assert_not(is_aligned((uintptr_t)*tc->sp[4], 64));
	count = tcache_count(tc, 4);
	cr_assert_lt(nr_misaligned(tc, 4), count);
	p = mmsim_heap_memalign(heap, 64, 50);
	q = mmsim_heap_malloc(heap, 56);
	cr_assert(is_aligned((uintptr_t)p, 64));
	cr_assert_eq(tcache_count(tc, 4), count - 2, "from the stack");
	cr_assert_neq(p, q);
	assert_valid(heap);
}

Test(tcache, shards_alone_do_not_keep_aligned_requests_from_the_cache)
{
	struct tcache *tc;
	void *p;

	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 56));
	tc = cache();
	while (tcache_count(tc, 4) > 0)
		mmsim_heap_malloc(heap, 56);
	push_shards();
	cr_assert_gt(tcache_count(tc, 4), 0u);
	cr_assert_eq(nr_misaligned(tc, 4), tcache_count(tc, 4));
	p = mmsim_heap_memalign(heap, 64, 50);
	cr_assert(is_aligned((uintptr_t)p, 64));
	cr_assert_eq(chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT, 4u);
	mmsim_heap_free(heap, p);
	cr_assert_eq(*tc->sp[4], p, "it is cached now");
	cr_assert_eq(mmsim_heap_memalign(heap, 64, 50), p);
	assert_valid(heap);
}

/* ---- mallopt(M_PERTURB) ---- */

struct perturbed {
	pthread_barrier_t barrier;
	void *freed, *fresh;
};

static void *free_when_told(void *arg)
{
	struct perturbed *work = arg;
	char *p = mmsim_heap_malloc(heap, 500);

	memset(p, 1, 500);
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 500));
	cr_assert(tcache_is_real(heap_tcache(inner())));
	pthread_barrier_wait(&work->barrier);
	pthread_barrier_wait(&work->barrier);
	mmsim_heap_free(heap, p);
	work->freed = p;
	work->fresh = mmsim_heap_malloc(heap, 900);
	return NULL;
}

static bool is_filled(const unsigned char *p, size_t from, size_t to, int byte)
{
	for (size_t i = from; i < to; i++)
		if (p[i] != byte)
			return false;
	return true;
}

Test(tcache, perturb_reaches_threads_that_have_a_cache)
{
	struct perturbed work;
	pthread_t thread;

	pthread_barrier_init(&work.barrier, NULL, 2);
	pthread_create(&thread, NULL, free_when_told, &work);
	pthread_barrier_wait(&work.barrier);
	cr_assert_eq(mmsim_heap_mallopt(heap, M_PERTURB, 0x5a), 1);
	pthread_barrier_wait(&work.barrier);
	pthread_join(thread, NULL);
	/* A free chunk of a run has its link in the first words. */
	cr_assert(is_filled(work.freed, 16, 500, 0x5a));
	cr_assert(is_filled(work.fresh, 0, 900, 0xa5));
	assert_valid(heap);
}

Test(tcache, perturb_can_be_switched_off_again)
{
	struct tcache *tc = cache();
	void *p;

	mmsim_heap_mallopt(heap, M_PERTURB, 1);
	cr_assert_eq(heap_tcache(inner()), &tcache_none);
	mmsim_heap_mallopt(heap, M_PERTURB, 0);
	p = mmsim_heap_malloc(heap, 40);
	tc = cache();
	cr_assert_eq(tc->tag, tc->arena->tag);
	mmsim_heap_free(heap, p);
	cr_assert_eq(mmsim_heap_malloc(heap, 40), p);
}

static void *work_under_perturb(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	void *held[32] = {NULL};

	for (int n = 0; n < STEPS(60000); n++) {
		size_t i = rng_below(&rng, 32);

		if (rng_below(&rng, 8) == 0) {
			mmsim_heap_free(heap, held[i]);
			held[i] = mmsim_heap_memalign(heap, 64, 50);
		} else {
			held[i] = mmsim_heap_realloc(heap, held[i],
						     1 + rng_size(&rng, 14));
		}
		cr_assert_not_null(held[i]);
	}
	for (size_t i = 0; i < 32; i++)
		mmsim_heap_free(heap, held[i]);
	return NULL;
}

Test(tcache, perturb_comes_and_goes_while_threads_work, .timeout = 60)
{
	pthread_t threads[3];

	for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, work_under_perturb,
			       (void *)(i + 1));
	for (int n = 0; n < STEPS(600); n++) {
		mmsim_heap_mallopt(heap, M_PERTURB, n % 3 == 0 ? 0x5a : 0);
		mmsim_heap_free(heap, mmsim_heap_malloc(heap, 100000));
		sched_yield();
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	mmsim_heap_mallopt(heap, M_PERTURB, 0);
	assert_valid(heap);
}

static void *small_block(void *unused)
{
	(void)unused;
	return mmsim_heap_malloc(heap, 8);
}

/* What two threads of an arena are given first stands in two lines of the
 * processor's cache. */
Test(tcache, threads_of_one_arena_begin_different_lines)
{
	pthread_t other;
	char *p, *q;
	void *got;

	make("arena_max=1");
	p = small_block(NULL);
	cr_assert_eq(pthread_create(&other, NULL, small_block, NULL), 0);
	cr_assert_eq(pthread_join(other, &got), 0);
	q = got;
	cr_assert(q >= p + 64 || p >= q + 64, "%p and %p", (void *)p, got);
}

Test(tcache, what_a_thread_has_taken_is_known)
{
	enum { N = 20000, SIZE = 104, UNIT_BYTES = 112 };
	void **p = malloc(N * sizeof(*p));
	struct tcache *tc = cache();

	for (int i = 0; i < N; i++)
		p[i] = mmsim_heap_malloc(heap, SIZE);
	cr_assert_geq(tc->taken_bytes, (size_t)N * UNIT_BYTES);
	cr_assert_lt(tc->taken_bytes, (size_t)N * UNIT_BYTES + 64 * KIB);
	for (int i = 0; i < N; i++)
		mmsim_heap_free(heap, p[i]);
	cr_assert_leq(tc->taken_bytes, tcache_bytes(tc) + 4096);
	cr_assert_geq(tc->taken_peak, (size_t)N * UNIT_BYTES);
	free(p);
}
