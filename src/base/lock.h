/*
 * lock.h: a mutex of four bytes, and the order in which mutexes are taken.
 *
 * The three-state futex mutex of U. Drepper, "Futexes Are Tricky" (2011): 0
 * free, 1 held, 2 held and somebody may sleep.  A short spin comes first,
 * because the sections are short.  We do not use pthread_mutex_t so that a
 * lock can be re-made in a forked child and costs no more than it must.
 *
 * While the process has only one thread nothing is written at all: no thread
 * can come into being between a take and its drop, which are both ours.
 *
 * A thread that is in fork() holds every lock, and the handlers of others that
 * run then may call malloc: for that thread a lock that is held is taken by
 * counting (lock_fork_enter).
 *
 * Every lock has a rank.  A thread may only take a lock of a higher rank than
 * those it holds; debug builds check it.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/base.h"

#include <sys/single_threaded.h>

enum lock_rank {
	LOCK_RANK_HEAP,     /* threads and arenas of a heap; 0, so that .bss will do */
	LOCK_RANK_ARENA,    /* one arena's chunks */
	LOCK_RANK_MAPPED,   /* the mapped chunks of a heap */
	LOCK_RANK_META,     /* metadata pages */
	LOCK_RANK_OS,       /* what the system below is asked for */
};

struct lock {
	uint32_t state;
	uint16_t rank;
	uint16_t nested; /* taken again by the thread that forks */
};

#define LOCK_INIT(r)                                                           \
	{                                                                      \
		.state = 0, .rank = (r), .nested = 0                           \
	}

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_take_slow(struct lock *lock);
void lock_wake(struct lock *lock);

/* The calling thread holds all locks and goes into fork(2), or has come out of
 * it, as parent or child. */
void lock_fork_enter(void);
void lock_fork_leave(void);

#if MMSIM_DEBUG >= 1
void lock_rank_enter(const struct lock *lock);
void lock_rank_leave(const struct lock *lock);
#else
static inline void lock_rank_enter(const struct lock *lock)
{
	(void)lock;
}
static inline void lock_rank_leave(const struct lock *lock)
{
	(void)lock;
}
#endif

static inline void lock_take(struct lock *lock)
{
	uint32_t free_state = 0;

	lock_rank_enter(lock);
	if (__libc_single_threaded)
		return;
	if (UNLIKELY(!__atomic_compare_exchange_n(&lock->state, &free_state, 1,
						  false, __ATOMIC_ACQUIRE,
						  __ATOMIC_RELAXED)))
		lock_take_slow(lock);
}

/* Takes the lock unless it is held; true when it was taken. */
static inline bool lock_try(struct lock *lock)
{
	uint32_t free_state = 0;

	if (!__libc_single_threaded &&
	    !__atomic_compare_exchange_n(&lock->state, &free_state, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	lock_rank_enter(lock);
	return true;
}

static inline void lock_drop(struct lock *lock)
{
	lock_rank_leave(lock);
	if (__libc_single_threaded)
		return;
	if (UNLIKELY(lock->nested != 0)) {
		lock->nested--;
		return;
	}
	if (UNLIKELY(__atomic_exchange_n(&lock->state, 0, __ATOMIC_RELEASE) == 2))
		lock_wake(lock);
}

#endif
