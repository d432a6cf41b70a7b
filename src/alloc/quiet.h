/*
 * quiet.h: noticing that a program has freed most of what it had, and giving
 * that back at one later call.
 *
 * Nothing of ours runs while a program does not call us, and a call that a
 * stack serves does not look at the clock.  So when an arena has become quiet
 * (most of what it holds is free) its threads go without their fast paths for a
 * while: they *watch*.  A watching thread's tcache_self is tcache_none, so that
 * each of its calls takes the slow path, which looks at the clock; what it frees
 * goes to the arena at once, so that no cached chunk keeps a run, and its memory
 * waits from then on.
 *
 *   busy -- an arena becomes quiet --> watching -- 64 mallocs, or frees of what
 *    ^                                    |        was in use: life goes on
 *    +------------------------------------+
 *
 * More may be freed than was in use when the arena has grown again.  Then life goes on
 * only if it has grown so far that it can become quiet anew.
 *
 * Frees may take longer than the decay time.  So a thread goes on watching when
 * what waited has gone back: else the rest would be in its cache in the end, each
 * chunk on a page of its own.
 *
 * The thread that notices it also writes to the tcache_self of all others: they
 * may be asleep, and the next call of any thread has to do.
 *
 * An arena is looked at after each QUIET_STEP bytes that go back to it, under
 * its lock, less the large blocks that the thread takes from it; if no other thread
 * shares it or gives to it, only after what has to go before it can be quiet.  It is
 * quiet when no more than an eighth of what it holds is in use, beside what the caches
 * may hold.  It can become quiet again only when its use has halved since or had grown
 * to half of what it holds.
 *
 * A thread that shares its arena watches, too, when it has given back most of
 * what it had taken: others may use the arena long after it has gone to sleep.
 *
 * Left out: watching in heaps other than the default one, whose arenas are given
 * back at some later slow call.
 */
#ifndef ALLOC_QUIET_H
#define ALLOC_QUIET_H

#include "alloc/heap.h"

/* An arena that holds less is not looked at. */
#define QUIET_MIN (1 * MIB)
#define QUIET_PART 8u
#define QUIET_STEP (64 * KIB)
/* A thread watches for so many mallocs at the most. */
#define QUIET_MALLOCS 64u

/* Looks whether the arena has become quiet: then all threads watch.  tc is the
 * caller's cache or tcache_none.  No lock is held. */
void quiet_look(struct heap *heap, struct tcache *tc, struct arena *a);

/* The same after a free that gave something to tc's arena, when it is time. */
static inline void quiet_freed(struct heap *heap, struct tcache *tc)
{
	const struct arena *a = tc->arena;

	if (UNLIKELY(tc->given_bytes >= load_relaxed(&a->look_bytes)) &&
	    load_relaxed(&a->max_system_bytes) >= QUIET_MIN)
		quiet_look(heap, tc, tc->arena);
}

/* Chunks were posted to an arena, by the calling thread. */
void quiet_posted(struct arena *a);

/* The calling thread has given so many bytes to an arena of another one. */
void quiet_given(struct arena *a, size_t bytes);

/* A mapped chunk was freed. */
void quiet_unmapped(struct heap *heap, struct tcache *tc);

/* A call of a thread that watches, or begins to: looks at the clock. */
void quiet_call(struct tcache *tc);

static inline bool quiet_watches(const struct tcache *tc)
{
	return tc->watch_mallocs > 0;
}

/* One more malloc, or a free of so many bytes, after which a thread may stop
 * watching. */
void quiet_malloced(struct tcache *tc);
void quiet_watched_free(struct tcache *tc, struct arena *a, size_t bytes);

/* Bytes in use, or in a cache; the arena's lock is held. */
size_t quiet_used(struct arena *a);

/* Gives back all of an arena that has been quiet for the decay time: true.  Its
 * lock is held. */
bool quiet_expire(struct arena *a, uint64_t now_ns);

/* What nobody has noticed when it was freed; the arena's lock is held. */
void quiet_notice(struct arena *a);

#endif
