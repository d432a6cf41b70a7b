/*
 * heap.c: whole heaps under random work: contents stay, alignments hold, the
 * structures agree, and everything goes back.
 */
#include "alloc/defer.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#define NR_SLOTS 600
#define CHECK_EVERY 2500

struct slot {
	unsigned char *p;
	size_t size;
	uint64_t mark;
};

struct work {
	struct mmsim_heap *heap;
	struct rng rng;
	struct slot slots[NR_SLOTS];
	unsigned max_log2; /* of sizes */
	uint64_t next_mark;
};

static void slot_fill(struct work *w, struct slot *s, void *p, size_t size)
{
	s->p = p;
	s->size = size;
	s->mark = ++w->next_mark;
	cr_assert_geq(mmsim_heap_usable_size(w->heap, p), size);
	cr_assert_eq((uintptr_t)p % 16, 0u);
	pattern_fill(p, size, s->mark);
}

static void slot_check(const struct slot *s)
{
	cr_assert(pattern_holds(s->p, s->size, s->mark),
		  "contents of %p (%zu bytes) changed", (void *)s->p, s->size);
}

static void slot_allocate(struct work *w, struct slot *s)
{
	size_t size = rng_size(&w->rng, w->max_log2);
	size_t alignment = (size_t)1 << rng_below(&w->rng, 14);
	void *p;

	switch (rng_below(&w->rng, 8)) {
	case 0:
		p = mmsim_heap_calloc(w->heap, size, 1);
		cr_assert_not_null(p);
		cr_assert(all_zero(p, size), "calloc(%zu)", size);
		break;
	case 1:
		p = mmsim_heap_memalign(w->heap, alignment, size);
		cr_assert_not_null(p);
		cr_assert_eq((uintptr_t)p % alignment, 0u);
		break;
	default:
		p = mmsim_heap_malloc(w->heap, size);
		cr_assert_not_null(p);
		break;
	}
	slot_fill(w, s, p, size);
}

static void slot_resize(struct work *w, struct slot *s)
{
	size_t size = rng_size(&w->rng, w->max_log2) + 1;
	size_t usable = mmsim_heap_usable_size(w->heap, s->p);
	size_t kept = size < s->size ? size : s->size;
	unsigned char *p = mmsim_heap_realloc(w->heap, s->p, size);

	cr_assert_not_null(p);
	cr_assert(pattern_holds(p, kept, s->mark), "realloc(%zu -> %zu)",
		  s->size, size);
	if (size <= usable && size + 16 > usable)
		cr_assert_eq(p, s->p, "moved although it had the room");
	slot_fill(w, s, p, size);
}

static void slot_free(struct work *w, struct slot *s)
{
	mmsim_heap_free(w->heap, s->p);
	s->p = NULL;
}

static void work_step(struct work *w)
{
	struct slot *s = &w->slots[rng_below(&w->rng, NR_SLOTS)];

	if (!s->p) {
		slot_allocate(w, s);
		return;
	}
	slot_check(s);
	if (rng_below(&w->rng, 4) == 0)
		slot_resize(w, s);
	else
		slot_free(w, s);
}

static void work_end(struct work *w)
{
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (w->slots[i].p) {
			slot_check(&w->slots[i]);
			slot_free(w, &w->slots[i]);
		}
}

static void random_work(const char *options, uint64_t seed, unsigned max_log2,
			int steps)
{
	static struct work w;
	struct mmsim_os_failing counting;

	mmsim_os_failing_init(&counting, NULL);
	memset(&w, 0, sizeof(w));
	w.heap = mmsim_heap_create(&counting.os, options);
	cr_assert_not_null(w.heap);
	w.rng.state = seed;
	w.max_log2 = max_log2;
	for (int n = 0; n < STEPS(steps); n++) {
		work_step(&w);
		if (n % CHECK_EVERY == 0)
			assert_valid(w.heap);
		if (n % 20011 == 0)
			mmsim_heap_trim(w.heap, 0);
	}
	work_end(&w);
	assert_valid(w.heap);
	mmsim_heap_trim(w.heap, 0);
	assert_valid(w.heap);
	mmsim_heap_destroy(w.heap);
	cr_assert_eq(counting.bytes_held, 0, "%ld bytes held",
		     (long)counting.bytes_held);
}

Test(heap, random_small, .timeout = 120)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		random_work(NULL, seed, 10, 120000);
}

Test(heap, random_medium, .timeout = 120)
{
	for (uint64_t seed = 11; seed <= 13; seed++)
		random_work(NULL, seed, 15, 60000);
}

Test(heap, random_large, .timeout = 120)
{
	for (uint64_t seed = 21; seed <= 22; seed++)
		random_work("mmap_threshold=100000", seed, 19, 20000);
}

Test(heap, random_with_other_options, .timeout = 120)
{
	static const char *const options[] = {
		"decay_ms=0",
		"decay_ms=1,populate_max=0",
		"cache_max=0",
		"cache_max=8K",
		"perturb=165",
		"check=3",
		"mmap_threshold=0",
		"mmap_max=0",
		"trim_threshold=-1,mmap_max=0",
		"trim_threshold=0,top_pad=0",
		"top_pad=16M",
		"mmap_threshold=-1",
		"hugepages=1",
		"mmap_max=3,mmap_threshold=4096",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		random_work(options[i], 31 + i, 17, 12000);
}

Test(heap, bad_options_make_no_heap)
{
	errno = 0;
	cr_assert_null(mmsim_heap_create(NULL, "no_such_option=1"));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(mmsim_heap_create(NULL, "perturb=256"));
}

/* Two that move it at the same time could get the same memory. */
Test(heap, the_break_of_the_process_is_left_to_the_default_heap)
{
	struct mmsim_heap *heap = make_heap(NULL);
	const struct mmsim_os *host = mmsim_os_host();
	void *before = host->sbrk(host->ctx, 0);

	cr_assert_not_null(mmsim_heap_malloc(heap, 100));
	cr_assert_eq(host->sbrk(host->ctx, 0), before);
	mmsim_heap_destroy(heap);
}

Test(heap, impossible_sizes)
{
	struct mmsim_heap *heap = make_heap(NULL);
	static const size_t sizes[] = {
		PTRDIFF_MAX,     (size_t)PTRDIFF_MAX + 1, SIZE_MAX,
		SIZE_MAX - 15,   SIZE_MAX - 4096,         SIZE_MAX / 2 - 4096,
		(size_t)1 << 62,
	};
	char *p = mmsim_heap_malloc(heap, 100);

	pattern_fill(p, 100, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		errno = 0;
		cr_assert_null(mmsim_heap_malloc(heap, sizes[i]));
		cr_assert_eq(errno, ENOMEM);
		errno = 0;
		cr_assert_null(mmsim_heap_realloc(heap, p, sizes[i]));
		cr_assert_eq(errno, ENOMEM);
		cr_assert_null(mmsim_heap_calloc(heap, sizes[i], 1));
		cr_assert_null(mmsim_heap_calloc(heap, 16, sizes[i]));
		cr_assert_null(mmsim_heap_memalign(heap, 64, sizes[i]));
		cr_assert_null(mmsim_heap_memalign(heap, 4096, sizes[i]));
	}
	cr_assert_null(mmsim_heap_memalign(heap, (size_t)1 << 62, 1));
	cr_assert_null(mmsim_heap_memalign(heap, (size_t)1 << 63, 1));
	cr_assert(pattern_holds(p, 100, 1));
	assert_valid(heap);
	mmsim_heap_destroy(heap);
}

Test(heap, every_alignment_with_every_size)
{
	struct mmsim_heap *heap = make_heap(NULL);
	static const size_t sizes[] = {0,    1,    8,    24,    100,   500,
				       1016, 1017, 4096, 32776, 32777, 200000};

	for (size_t alignment = 1; alignment <= (size_t)1 << 22; alignment *= 2)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			void *p =
				mmsim_heap_memalign(heap, alignment, sizes[i]);
			void *q;

			cr_assert_not_null(p);
			cr_assert_eq((uintptr_t)p % alignment, 0u);
			cr_assert_eq((uintptr_t)p % 16, 0u);
			cr_assert_geq(mmsim_heap_usable_size(heap, p),
				      sizes[i]);
			pattern_fill(p, sizes[i], i);
			q = mmsim_heap_realloc(heap, p, sizes[i] + 1000);
			cr_assert(pattern_holds(q, sizes[i], i));
			mmsim_heap_free(heap, q);
		}
	assert_valid(heap);
	mmsim_heap_destroy(heap);
}

/* The size is looked at before anything is filled: a message, not SIGSEGV. */
static void free_with_wrong_size(size_t size, uint32_t lo, uint32_t hi)
{
	struct mmsim_heap *heap = make_heap("perturb=165");
	uint32_t *header = mmsim_heap_malloc(heap, size);

	cr_assert_not_null(mmsim_heap_malloc(heap, size));
	header[-2] ^= lo;
	header[-1] ^= hi;
	mmsim_heap_free(heap, header);
}

Test(heap, perturb_of_a_wrong_large_size_ends_the_program, .signal = SIGABRT)
{
	free_with_wrong_size(100000, 0, 0xfffff);
}

Test(heap, perturb_of_a_wrong_medium_size_ends_the_program, .signal = SIGABRT)
{
	free_with_wrong_size(2000, 0, 0xfffff);
}

Test(heap, perturb_of_a_wrong_small_size_ends_the_program, .signal = SIGABRT)
{
	free_with_wrong_size(20, (uint32_t)60 << 20, 0);
}

Test(heap, perturb_of_a_wrong_distance_ends_the_program, .signal = SIGABRT)
{
	free_with_wrong_size(20, 0, 0xfffff);
}

Test(heap, malloc_of_nothing_is_unique)
{
	struct mmsim_heap *heap = make_heap(NULL);
	void *p[100];

	for (int i = 0; i < 100; i++) {
		p[i] = mmsim_heap_malloc(heap, 0);
		cr_assert_not_null(p[i]);
		for (int j = 0; j < i; j++)
			cr_assert_neq(p[i], p[j]);
	}
	cr_assert_null(mmsim_heap_realloc(heap, p[0], 0));
	cr_assert_eq(mmsim_heap_usable_size(heap, NULL), 0u);
	mmsim_heap_free(heap, NULL);
	mmsim_heap_destroy(heap);
}

Test(heap, two_heaps_do_not_meddle)
{
	struct mmsim_heap *a = make_heap("mmap_threshold=64K");
	struct mmsim_heap *b = make_heap("trim_threshold=0");
	struct rng rng = {7};

	for (int round = 0; round < 50; round++) {
		char *p[40], *q[40];

		for (int i = 0; i < 40; i++) {
			p[i] = mmsim_heap_malloc(a, 5000);
			q[i] = mmsim_heap_malloc(b, rng_size(&rng, 17));
			pattern_fill(p[i], 5000, (uint64_t)i);
		}
		for (int i = 0; i < 40; i++) {
			mmsim_heap_free(b, q[i]);
			cr_assert(pattern_holds(p[i], 5000, (uint64_t)i));
			mmsim_heap_free(a, p[i]);
		}
		assert_valid(a);
		assert_valid(b);
	}
	mmsim_heap_destroy(a);
	assert_valid(b);
	mmsim_heap_destroy(b);
}

/* ---- threads ---- */

#define NR_THREADS 4
#define NR_SHARED 256
#define THREAD_STEPS STEPS(15000)

/* Blocks that change hands: whoever takes one checks and frees it. */
struct exchange {
	struct mmsim_heap *heap;
	void *shared[NR_SHARED];
	uint64_t seed;
};

/* Size and mark stand in front of the contents. */
struct parcel {
	size_t size;
	uint64_t mark;
	unsigned char bytes[];
};

static struct parcel *parcel_make(struct mmsim_heap *heap, struct rng *rng)
{
	size_t size = rng_size(rng, 14);
	struct parcel *p = mmsim_heap_malloc(heap, sizeof(*p) + size);

	cr_assert_not_null(p);
	p->size = size;
	p->mark = rng_next(rng);
	pattern_fill(p->bytes, size, p->mark);
	return p;
}

static void parcel_end(struct mmsim_heap *heap, struct parcel *p)
{
	if (!p)
		return;
	cr_assert(pattern_holds(p->bytes, p->size, p->mark));
	mmsim_heap_free(heap, p);
}

static void *exchange_parcels(void *arg)
{
	struct exchange *x = arg;
	struct rng rng = {__atomic_fetch_add(&x->seed, 1, __ATOMIC_RELAXED)};

	for (int n = 0; n < THREAD_STEPS; n++) {
		struct parcel *mine = parcel_make(x->heap, &rng);
		size_t i = rng_below(&rng, NR_SHARED);

		parcel_end(x->heap, __atomic_exchange_n(&x->shared[i], mine,
							__ATOMIC_ACQ_REL));
	}
	return NULL;
}

static void exchange_run(const char *options)
{
	static struct exchange x;
	struct mmsim_os_failing counting;
	pthread_t threads[NR_THREADS];

	mmsim_os_failing_init(&counting, NULL);
	memset(&x, 0, sizeof(x));
	x.heap = mmsim_heap_create(&counting.os, options);
	x.seed = 1;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NR_THREADS; i++)
			pthread_create(&threads[i], NULL, exchange_parcels, &x);
		for (int i = 0; i < NR_THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_valid(x.heap);
	}
	for (int i = 0; i < NR_SHARED; i++)
		parcel_end(x.heap, x.shared[i]);
	assert_valid(x.heap);
	mmsim_heap_destroy(x.heap);
	cr_assert_eq(counting.bytes_held, 0);
}

Test(heap, blocks_change_hands_between_threads, .timeout = 120)
{
	exchange_run(NULL);
}

Test(heap, threads_share_two_arenas, .timeout = 120)
{
	exchange_run("arena_max=2");
}

Test(heap, threads_share_one_arena, .timeout = 120)
{
	exchange_run("arena_max=1,cache_max=4K,decay_ms=0");
}

Test(heap, threads_without_caches, .timeout = 120)
{
	exchange_run("check=3");
}

/* A large chunk that was deferred and taken again, with another one behind. */
static struct mmsim_heap *known_heap;

static unsigned char *known_chunk(void)
{
	void *p, *q;

	known_heap = mmsim_heap_default(); /* the one with thread caches */
	p = mmsim_heap_malloc(known_heap, 100000);
	q = mmsim_heap_malloc(known_heap, 100000);
	cr_assert(p && q);
	mmsim_heap_free(known_heap, p);
	cr_assert_eq(mmsim_heap_malloc(known_heap, 100000), p);
	return p;
}

Test(heap, a_known_large_chunk_serves_again_and_again)
{
	unsigned char *p = known_chunk();

	for (int i = 0; i < 1000; i++) {
		memset(p, i, 100000);
		mmsim_heap_free(known_heap, p);
		cr_assert_eq(mmsim_heap_malloc(known_heap, 100000), p);
	}
	mmsim_heap_free(known_heap, p);
	cr_assert_eq(mmsim_heap_validate(known_heap, NULL, 0), 0);
}

/* Requests that the bins can serve leave deferred chunks alone. */
Test(heap, deferred_chunks_wait_while_others_are_served)
{
	struct tcache *tc;
	void *large, *holes[20];

	known_heap = mmsim_heap_default();
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		holes[i] = mmsim_heap_malloc(known_heap, 40000);
		cr_assert_not_null(mmsim_heap_malloc(known_heap, 40));
	}
	large = mmsim_heap_malloc(known_heap, 100000);
	cr_assert_not_null(mmsim_heap_malloc(known_heap, 100000));
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
		mmsim_heap_free(known_heap, holes[i]);
	tc = heap_tcache((struct heap *)(void *)known_heap);
	lock_take(&tc->arena->lock);
	defer_give_back(tc);
	lock_drop(&tc->arena->lock);
	mmsim_heap_free(known_heap, large);
	cr_assert_gt(defer_bytes(tc), 0u);
	for (int i = 0; i < 10; i++)
		cr_assert_not_null(
			mmsim_heap_malloc(known_heap, 20000 + 1000 * i));
	cr_assert_gt(defer_bytes(tc), 0u);
	cr_assert_eq(mmsim_heap_malloc(known_heap, 100000), large);
	cr_assert_eq(mmsim_heap_validate(known_heap, NULL, 0), 0);
}

/* What they can serve they do before the heap grows. */
Test(heap, deferred_chunks_go_before_new_memory)
{
	struct tcache *tc;
	void *large;
	size_t most;

	known_heap = mmsim_heap_default();
	large = mmsim_heap_malloc(known_heap, 100000);
	cr_assert_not_null(mmsim_heap_malloc(known_heap, 40));
	tc = heap_tcache((struct heap *)(void *)known_heap);
	mmsim_heap_free(known_heap, large);
	cr_assert_gt(defer_bytes(tc), 0u);
	most = tc->arena->max_system_bytes;
	while (defer_bytes(tc) > 0) {
		cr_assert_not_null(mmsim_heap_malloc(known_heap, 5000));
		cr_assert_eq(tc->arena->max_system_bytes, most);
	}
	cr_assert_eq(mmsim_heap_validate(known_heap, NULL, 0), 0);
}

Test(heap, a_known_large_chunk_freed_twice_ends_the_program, .signal = SIGABRT)
{
	unsigned char *p = known_chunk();

	mmsim_heap_free(known_heap, p);
	mmsim_heap_free(known_heap, p);
}

Test(heap, an_overflow_out_of_a_known_large_chunk_ends_the_program,
     .signal = SIGABRT)
{
	unsigned char *p = known_chunk();

	memset(p, 0x41, mmsim_heap_usable_size(known_heap, p) + 2);
	mmsim_heap_free(known_heap, p);
}
