/*
 * thread.h: which cache belongs to the calling thread.
 */
#ifndef ALLOC_THREAD_H
#define ALLOC_THREAD_H

#include "alloc/heap.h"

/* Called when the default heap is made ready: from then on ending threads give
 * their caches back. */
void thread_start(void);

/* The calling thread's cache of the default heap, or NULL. */
struct tcache *thread_own_cache(void);

/* The calling thread's cache of a heap that has become uncached goes back. */
void thread_drop_cache(struct heap *heap);

/* The thread of a cache, which is off the heap's list, ends: the cache is kept for
 * a later one, together with the chunks in its stacks, until another thread of the
 * arena ends or they have waited. */
void thread_give_cache(struct tcache *tc);

#endif
