/*
 * thread.c: a thread's cache, from its first slow call to its end.
 *
 * The default heap's cache is found through one initial-exec pointer of thread
 * local storage, so that dlopen of the library works and the fast path is one
 * load.  A thread's end is told by a pthread key, whose destructor gives the
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

__thread struct tcache *tcache_self = &tcache_none;
/* The thread has given its cache back and gets no other. */
static __thread bool thread_is_over;

static pthread_key_t thread_key;
static bool thread_has_key;

static void thread_end(void *arg)
{
	struct tcache *tc = arg;

	thread_is_over = true;
	tcache_self = &tcache_none;
	heap_unlist_tcache(tc->heap, tc);
	tcache_destroy(tc);
}

void thread_start(void)
{
	if (pthread_key_create(&thread_key, thread_end) != 0)
		return;
	__atomic_store_n(&thread_has_key, true, __ATOMIC_RELEASE);
	if (tcache_is_real(tcache_self))
		pthread_setspecific(thread_key, tcache_self);
}

static struct tcache *thread_create_cache(struct heap *heap)
{
	struct tcache *tc = tcache_create(heap);

	if (!tc)
		return &tcache_none;
	heap_list_tcache(heap, tc);
	if (heap != &heap_default)
		return tc;
	tcache_self = tc;
	/* This may call malloc, which finds the cache made. */
	if (__atomic_load_n(&thread_has_key, __ATOMIC_ACQUIRE))
		pthread_setspecific(thread_key, tc);
	return tc;
}

/* The calling thread's cache of a heap that is not the default one. */
static struct tcache *thread_find_cache(struct heap *heap)
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

void thread_drop_cache(struct heap *heap)
{
	struct tcache *tc =
		heap == &heap_default ? tcache_self : thread_find_cache(heap);

	if (!tc || !tcache_is_real(tc))
		return;
	if (heap == &heap_default) {
		tcache_self = &tcache_none;
		if (__atomic_load_n(&thread_has_key, __ATOMIC_ACQUIRE))
			pthread_setspecific(thread_key, NULL);
	}
	heap_unlist_tcache(heap, tc);
	tcache_destroy(tc);
}

struct tcache *heap_drop_cache(struct heap *heap, struct tcache *tc)
{
	if (!tcache_is_real(tc))
		return tc;
	thread_drop_cache(heap);
	return &tcache_none;
}

struct tcache *heap_tcache(struct heap *heap)
{
	struct tcache *tc;

	if (heap == &heap_default) {
		tc = tcache_self;
		if (tc != &tcache_none || thread_is_over)
			return tc;
	} else {
		tc = thread_find_cache(heap);
	}
	if (load_relaxed(&heap->uncached))
		return &tcache_none;
	return tc && tcache_is_real(tc) ? tc : thread_create_cache(heap);
}
