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

#endif
