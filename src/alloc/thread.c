/*
 * thread.c: a thread's cache, from its first slow call to its end.
 *
 * The default heap's cache is found through an initial-exec pointer of thread
 * local storage, so that dlopen of the library works and the fast path is one
 * load.  A second one stays while the first is tcache_none: the thread watches
 * (quiet.h).  A thread's end is told by a pthread key, whose destructor gives the
 * cache back; frees that come later still, from libc or from other keys, find
 * no cache and go straight to the arenas: it does not come back.
 *
 * Other heaps are found by walking their list of caches: they are for tests
 * and tools, where one thread has one cache and speed does not matter.
 *
 * Sources: pthread_key_create(3); U. Drepper, "ELF Handling For Thread-Local
 * Storage", 2013, for the initial-exec model.
 */
#include "alloc/thread.h"

#include "alloc/attach.h"
#include "alloc/defer.h"
#include "alloc/quiet.h"
#include "alloc/remote.h"

__thread struct tcache *tcache_self = &tcache_none;
/* The thread's cache of the default heap, which tcache_self is unless the thread
 * watches (quiet.h); NULL: it has none. */
static __thread struct tcache *tcache_own;
/* The thread has given its cache back and gets no other. */
static __thread bool thread_is_over;

static pthread_key_t thread_key;
static bool thread_has_key;

/* A cache for the calling thread, of the arena that it gets, or one of a thread that
 * has ended: with its chunks, if it was of the same arena.  NULL: no memory. */
static struct tcache *thread_take_cache(struct heap *heap)
{
	struct arena *a = attach_thread(heap);
	struct tcache *tc;

	lock_take(&a->lock);
	tc = a->spare;
	a->spare = NULL;
	/* It may be one of several from here on. */
	store_relaxed(&a->look_bytes, QUIET_STEP);
	lock_drop(&a->lock);
	if (!tc)
		tc = heap_take_spare(heap);
	if (!tc)
		tc = tcache_make(heap);
	if (!tc) {
		attach_leave(heap, a);
		return NULL;
	}
	tc->owner = pthread_self();
	tc->arena = a;
	tc->tag = a->tag;
	tc->self = NULL;
	tc->watch_mallocs = 0;
	tc->given_bytes = 0;
	tc->taken_bytes = tc->taken_peak = 0;
	/* In the main arena nobody follows: not the first thread, nor who shares
	 * it while that one rests. */
	tc->young = a->index > 0 ? ATTACH_YOUNG : 0;
	return tc;
}

void thread_give_cache(struct tcache *tc)
{
	struct heap *heap = tc->heap;
	struct arena *a = tc->arena;
	struct tcache *emptied = tc;

	remote_post_all(tc);
	remote_free_kept(tc);
	defer_forget_loan(tc);
	lock_take(&a->lock);
	defer_give_back(tc);
	if (!load_relaxed(&heap->uncached)) {
		emptied = a->spare;
		a->spare = tc;
		a->spare_has_chunks = true;
	}
	if (emptied)
		tcache_give_stacks(emptied);
	lock_drop(&a->lock);
	if (emptied)
		heap_put_spare(heap, emptied);
	attach_leave(heap, a);
	arena_put_aside(a);
}

static void thread_end(void *arg)
{
	struct tcache *tc = arg;
	struct heap *heap = tc->heap;
	struct arena *a = tc->arena;

	thread_is_over = true;
	tcache_own = NULL;
	store_relaxed(&tcache_self, &tcache_none);
	heap_unlist_tcache(heap, tc);
	thread_give_cache(tc);
	quiet_look(heap, &tcache_none, a);
}

struct tcache *thread_own_cache(void)
{
	return tcache_own;
}

void thread_start(void)
{
	if (pthread_key_create(&thread_key, thread_end) != 0)
		return;
	__atomic_store_n(&thread_has_key, true, __ATOMIC_RELEASE);
}

static struct tcache *thread_create_cache(struct heap *heap)
{
	struct tcache *tc = thread_take_cache(heap);

	if (!tc)
		return &tcache_none;
	heap_list_tcache(heap, tc);
	if (heap != &heap_default)
		return tc;
	tcache_own = tc;
	store_relaxed(&tcache_self, tc);
	/* This may call malloc, which finds the cache made. */
	if (__atomic_load_n(&thread_has_key, __ATOMIC_ACQUIRE) &&
	    pthread_setspecific(thread_key, tc) == 0)
		store_relaxed(&tc->self, &tcache_self);
	return tc;
}

/* The calling thread's cache of a heap that is not the default one. */
static COLD_FAR struct tcache *thread_find_cache(struct heap *heap)
{
	pthread_t self = pthread_self();
	struct tcache *tc;

	lock_take(&heap->lock);
	for (tc = heap->tcaches; tc; tc = tc->next)
		if (pthread_equal(tc->owner, self))
			break;
	lock_drop(&heap->lock);
	return tc;
}

COLD_FAR void thread_drop_cache(struct heap *heap)
{
	struct tcache *tc =
		heap == &heap_default ? tcache_own : thread_find_cache(heap);

	if (!tc || !tcache_is_real(tc))
		return;
	if (heap == &heap_default) {
		tcache_own = NULL;
		store_relaxed(&tcache_self, &tcache_none);
		if (__atomic_load_n(&thread_has_key, __ATOMIC_ACQUIRE))
			pthread_setspecific(thread_key, NULL);
	}
	heap_unlist_tcache(heap, tc);
	thread_give_cache(tc);
}

COLD_FAR struct tcache *heap_drop_cache(struct heap *heap, struct tcache *tc)
{
	if (!tcache_is_real(tc) && (heap != &heap_default || !tcache_own))
		return tc;
	thread_drop_cache(heap);
	return &tcache_none;
}

struct tcache *heap_tcache(struct heap *heap)
{
	struct tcache *tc;

	if (heap == &heap_default) {
		tc = load_relaxed(&tcache_self);
		if (tc != &tcache_none || thread_is_over)
			return tc;
		tc = tcache_own;
		if (tc)
			quiet_call(tc);
	} else {
		tc = thread_find_cache(heap);
	}
	if (load_relaxed(&heap->uncached))
		return &tcache_none;
	return tc && tcache_is_real(tc) ? tc : thread_create_cache(heap);
}
