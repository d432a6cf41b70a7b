/*
 * defer.h: large frees that wait until the arena has nothing else.
 *
 * Programs free a large buffer and ask for one of the same size again and
 * again.  So a large chunk is not given back at once: the thread keeps the
 * last few, and a request of that size gets one back without a lock and without
 * coalescing.  When the bins of the arena have nothing for another request of
 * the thread, all of them go back and coalesce: nothing is ever taken from the
 * system that a deferred chunk could have served.  For a request of 1 MiB or more
 * they do at once, lest it goes around a large hole.  They go back, too, when the
 * thread next comes by after the decay time.
 *
 *      loan        deferred[]
 *      [ p4 ]      [ p3 | p2 | p1 ]        the newest is the loan
 *
 * The loan is what malloc and free look at on their fast path: the chunk is at
 * hand, or lent, in use again.  When it comes back it needs no lock, because
 * what stands in and behind it was checked when it was freed before: it is
 * enough that both headers are still as they were.
 *
 * Where other chunks begin and end is remembered when they are deferred.  When
 * one is freed again with the same size in its header, only what a program's
 * overflow can change is left to check, and that needs no lock either.  What is
 * remembered is a hint: the chunk may meanwhile have been freed by another
 * thread.
 *
 * Together they hold no more than trim_threshold, which is what top may keep
 * anyway, or a sixteenth of the arena if that is more, up to 32 MiB.  With a
 * trim_threshold set by hand, or a decay time of 0, nothing is deferred; another
 * thread that has a loan learns of it at its next visit to the heap.
 */
#ifndef ALLOC_DEFER_H
#define ALLOC_DEFER_H

#include "alloc/heap.h"

/* A large chunk that the thread freed last, for a request of its size; NULL:
 * take the slow path, which now and then has to look at the clock. */
static ALWAYS_INLINE void *defer_lend(struct tcache *tc, size_t size)
{
	struct loan *loan = &tc->loan;
	void *p = loan->p;

	/* A rest of one unit cannot stand alone. */
	if (UNLIKELY(loan->units - chunk_units_for(size) > 1) ||
	    UNLIKELY(--loan->countdown == 0))
		return NULL;
	/* A fork in between loses the chunk; it must not have it twice. */
	store_relaxed(&loan->units, LOAN_NONE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	user_toggle_cached(p);
	loan->lent = p;
	return p;
}

/* What of the header behind a chunk must stay: the tag and P. */
static ALWAYS_INLINE uint32_t defer_next_key(const uint64_t *next)
{
	uint64_t word = load_relaxed(next);

	return (uint32_t)(word << 1 | word >> 63) << 15;
}

/* Takes p back if it is what was lent and nothing is amiss. */
static ALWAYS_INLINE bool defer_return(const struct heap *heap,
				       struct tcache *tc, void *p)
{
	struct loan *loan = &tc->loan;

	if (p != loan->lent || tcache_header(tc, p) != loan->x ||
	    chunk_hi(chunk_of(p)) << 1 != loan->hi ||
	    UNLIKELY(defer_next_key(loan->next) != loan->next_key) ||
	    UNLIKELY(chunk_of(p) == load_relaxed(&tc->arena->top)) ||
	    UNLIKELY(load_relaxed(&heap->due_ns) == 0))
		return false;
	user_toggle_cached(p);
	loan->lent = NULL;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&loan->units, loan->full_units);
	return true;
}

/* What is lent takes the slow path when it comes back. */
static inline void defer_forget_loan(struct tcache *tc)
{
	if (tc->loan.lent)
		tc->loan.lent = NULL;
}

/* Keeps c, a large chunk in use of tc's own arena; false: it must be given
 * back now.  The boundary tags around it were checked. */
bool defer_free(struct tcache *tc, struct chunk *c);

/* The same for a chunk whose header says in use, large, and of tc's arena, and
 * which is not checked yet; no lock is held.  False: it is not a known one, or
 * something is wrong with it. */
bool defer_free_known(struct tcache *tc, struct chunk *c);

/* A deferred chunk for a request of `units`, in use again; or NULL. */
struct chunk *defer_take(struct tcache *tc, size_t units);

/* Gives all of them back; false: there are none.  The arena's lock is held. */
bool defer_give_back(struct tcache *tc);

/* Bytes that wait.  Other threads' caches may be read. */
size_t defer_bytes(const struct tcache *tc);

#endif
