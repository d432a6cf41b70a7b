/*
 * defer.h: large frees that wait for the thread's next visit to its arena.
 *
 * Programs free a large buffer and ask for one of the same size again and
 * again.  So a large chunk is not given back at once: the thread keeps the
 * last few, and a request of exactly that size gets one back without a lock
 * and without coalescing.  Any other visit to the arena first gives all of them
 * back, so that they coalesce before anything new is carved: nothing is ever
 * taken from the system that a deferred chunk could have served.
 *
 * Where such a chunk begins and ends is remembered when it is taken again.  When
 * it is freed with the same size in its header, only what a program's overflow
 * can change is left to check, and that needs no lock.  What is remembered is a
 * hint: the chunk may meanwhile have been freed by another thread.
 *
 * Together they hold no more than trim_threshold, which is what top may keep
 * anyway.  With a trim_threshold set by hand nothing is deferred.
 */
#ifndef ALLOC_DEFER_H
#define ALLOC_DEFER_H

#include "alloc/tcache.h"

/* Keeps c, a large chunk in use of tc's own arena; false: it must be given
 * back now.  The boundary tags around it were checked. */
bool defer_free(struct tcache *tc, struct chunk *c);

/* The same for a chunk whose header says in use, large, and of tc's arena, and
 * which is not checked yet; no lock is held.  False: it is not a known one, or
 * something is wrong with it. */
bool defer_free_known(struct tcache *tc, struct chunk *c);

/* A deferred chunk of exactly `units`, in use again; or NULL. */
struct chunk *defer_take(struct tcache *tc, size_t units);

/* Gives all of them back; the arena's lock is held. */
void defer_give_back(struct tcache *tc);

#endif
