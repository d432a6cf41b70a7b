/*
 * attach.c: which arena a thread gets, threads that follow, and a first thread
 * that rests.
 */
#include "alloc/attach.h"

#include "alloc/thread.h"
#include "testos.h"
#include "unit.h"

#include <pthread.h>
#include <semaphore.h>

static struct testos testos;
static struct mmsim_heap *heap;

static void setup(void)
{
	testos_init(&testos);
	heap = mmsim_heap_create(&testos.os, NULL);
	cr_assert_not_null(heap);
}

TestSuite(attach, .init = setup);

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

/* One for each CPU, of which the test's system has two, and one more.  The main
 * arena counts as one thread more, as long as a thread is there. */
Test(attach, threads_share_arenas_and_the_main_arena_last)
{
	struct arena *a[6];
	unsigned nr[3] = {0, 0, 0};

	cr_assert_eq(cache()->arena->index, 0);
	for (int i = 1; i < 6; i++) {
		a[i] = attach_thread(inner());
		cr_assert_lt(a[i]->index, 3u);
		nr[a[i]->index]++;
		cr_assert(i == 5 || nr[0] == 0, "thread %d", i);
	}
	cr_assert_eq(inner()->nr_arenas, 3u);
	cr_assert_eq(nr[1] + nr[2], 4u + (nr[0] == 0));
	cr_assert_geq(nr[1], 2u);
	cr_assert_geq(nr[2], 2u);
	for (int i = 1; i < 6; i++)
		attach_leave(inner(), a[i]);
	a[1] = attach_thread(inner());
	cr_assert_neq(a[1]->index, 0u);
}

/* More than have room in the heap itself. */
Test(attach, as_many_arenas_as_are_allowed)
{
	struct mmsim_heap *many = mmsim_heap_create(&testos.os, "arena_max=20");
	struct heap *h = (struct heap *)(void *)many;
	struct arena *a[20];

	cr_assert_not_null(many);
	for (unsigned i = 0; i < 20; i++) {
		a[i] = attach_thread(h);
		cr_assert_eq(a[i]->index, i);
	}
	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(heap_arena(h, i), a[i]);
		cr_assert_eq(heap_arena_of_tag(h, a[i]->tag), a[i]);
	}
	cr_assert_null(heap_arena(h, 20));
	cr_assert_lt(attach_thread(h)->index, 20u);
	assert_valid(many);
	mmsim_heap_destroy(many);
}

/* What a thread of a heap that is not the default one would do when it ends. */
static void end_cache(void)
{
	struct tcache *tc = cache();

	heap_unlist_tcache(inner(), tc);
	thread_give_cache(tc);
}

Test(attach, the_arena_left_last_comes_first)
{
	struct arena *a[3];

	cache();
	for (int i = 0; i < 2; i++)
		a[i] = attach_thread(inner());
	cr_assert_neq(a[0], a[1]);
	for (int i = 0; i < 2; i++)
		attach_leave(inner(), a[i]);
	cr_assert_eq(attach_thread(inner()), a[1]);
	cr_assert_eq(attach_thread(inner()), a[0]);
}

/* A thread that has begun beside another one, which then ends. */
struct young {
	unsigned first, then; /* indices of its arenas */
	size_t refills;       /* with one malloc, after it has followed */
	void *p;              /* what it was given in its first arena */
};

static sem_t may_end, has_begun, has_ended;

static void *old_thread(void *unused)
{
	void *p[64];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = mmsim_heap_malloc(heap, 200);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		mmsim_heap_free(heap, p[i]);
	sem_post(&has_begun);
	sem_wait(&may_end);
	end_cache();
	sem_post(&has_ended);
	return NULL;
}

static void *young_thread(void *arg)
{
	struct young *y = arg;
	struct tcache *tc = cache();

	y->p = mmsim_heap_malloc(heap, 40);
	y->first = tc->arena->index;
	sem_post(&may_end);
	sem_wait(&has_ended);
	/* A refill: it follows, and finds the stack filled. */
	y->refills = tc->nr_refills;
	mmsim_heap_free(heap, mmsim_heap_malloc(heap, 200));
	y->refills = tc->nr_refills - y->refills;
	y->then = tc->arena->index;
	cr_assert_eq(tc->tag, tc->arena->tag);
	/* Its first block is of another arena and goes home. */
	mmsim_heap_free(heap, y->p);
	end_cache();
	return NULL;
}

Test(attach, a_young_thread_follows_one_that_ends)
{
	pthread_t old, young;
	struct young y;
	unsigned arena;

	sem_init(&may_end, 0, 0);
	sem_init(&has_begun, 0, 0);
	sem_init(&has_ended, 0, 0);
	cache();
	cr_assert_eq(pthread_create(&old, NULL, old_thread, NULL), 0);
	sem_wait(&has_begun);
	arena = inner()->tcaches->arena->index;
	cr_assert_eq(pthread_create(&young, NULL, young_thread, &y), 0);
	pthread_join(young, NULL);
	pthread_join(old, NULL);
	cr_assert_neq(y.first, arena);
	cr_assert_eq(y.then, arena);
	cr_assert_eq(y.refills, 0);
	for (unsigned i = 1; i < 3; i++)
		cr_assert_eq(inner()->arenas[i]->nr_attached, 0u);
	assert_valid(heap);
}

/* Blocks of 2 MiB in all, which the main thread has made. */
enum { BLOCKS = 20000, BLOCK = 100 };

Test(attach, the_main_arena_is_used_when_its_thread_rests)
{
	void **p = malloc(BLOCKS * sizeof(*p));
	struct arena *a[2];

	for (int i = 0; i < BLOCKS; i++)
		p[i] = mmsim_heap_malloc(heap, BLOCK);
	a[0] = attach_thread(inner());
	cr_assert_neq(a[0]->index, 0u, "its memory is in use");
	for (int i = 0; i < BLOCKS; i++)
		mmsim_heap_free(heap, p[i]);
	a[1] = attach_thread(inner());
	cr_assert_neq(a[1]->index, 0u, "its thread has done something");
	cr_assert_eq(attach_thread(inner())->index, 0u);
	free(p);
}
