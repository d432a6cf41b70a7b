/*
 * attach.h: which arena a thread uses.
 *
 * A thread whose first call of malloc it is gets an arena and keeps it, with one
 * exception: while it is young it may follow a thread that ends.
 *
 *     thread 1, about to end:   pthread_create(2) . . ends, leaves arena 1
 *     thread 2:                   first malloc: arena 2 . . . follows: arena 1
 *
 * Servers start a successor before a thread ends.  What the one has left, free
 * memory and filled stacks, is what the other needs; and what it frees is then
 * of its own arena, most of the time.
 */
#ifndef ALLOC_ATTACH_H
#define ALLOC_ATTACH_H

#include "alloc/heap.h"

/* A thread is young for so many refills. */
#define ATTACH_YOUNG 512u

/* An arena for a new thread, attached; never NULL once the heap is ready. */
struct arena *attach_thread(struct heap *heap);

/* A thread does not use its arena any more. */
void attach_leave(struct heap *heap, struct arena *a);

/* Moves a cache, of the calling thread, to the arena that was left last, and gives
 * it what the cache left there holds; false: there is none. */
bool attach_follow(struct tcache *tc);

/* One more refill: true when the stacks may be filled after it. */
static inline bool attach_refill(struct tcache *tc)
{
	if (LIKELY(tc->young == 0))
		return false;
	tc->young--;
	return load_relaxed(&tc->heap->left) != NULL && attach_follow(tc);
}

#endif
