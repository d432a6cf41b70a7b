/*
 * background.h: giving back without a call, when it is asked for.
 *
 * By default the library starts no thread: one that a program did not ask for is
 * trouble with fork, signals and shutdown.  With the option `background` there is
 * one as long as something of the default heap waits (heap.h): it sleeps until
 * that is due and does what the next slow call would do.  What a sleeping thread's
 * cache holds it cannot take; threads keep nothing once their arena is quiet
 * (quiet.h).
 *
 *   heap_wait, no thread runs        background.is_wanted
 *   the end of that slow call        the thread is started: no lock is held
 *   heap_wait, one runs              word counts up, the thread wakes
 *   nothing waits any more           the thread ends
 *   fork                             the child has none; wanted anew
 */
#ifndef ALLOC_BACKGROUND_H
#define ALLOC_BACKGROUND_H

#include "base/base.h"

struct heap;

struct background {
	uint32_t word;  /* counted up when something begins to wait; a futex */
	bool is_wanted; /* something waits and there is no thread */
	bool runs;      /* there is one, or it could not be started */
};

/* Something of the heap waits.  Locks may be held. */
void background_wake(struct heap *heap);

/* Starts the thread.  No lock is held. */
void background_start(struct heap *heap);

/* In the child of a fork. */
void background_forked(struct heap *heap);

#endif
