/*
 * lock.c: the slow half of the futex mutex, and the check of lock ranks.
 *
 * Sources: futex(2); U. Drepper, "Futexes Are Tricky", 2011, mutex 2.
 */
#include "base/lock.h"

#include "base/fatal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

/* About the length of a refill: long enough to outlast a holder that runs on
 * another CPU, short enough not to matter when it does not run. */
#define LOCK_SPINS 100

static inline void cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void futex_call(uint32_t *word, int op, uint32_t value)
{
	int saved = errno;

	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
	errno = saved;
}

/* Which thread is in fork(2): only one can be, it holds all locks. */
static pthread_t fork_thread;
static uint32_t fork_is_on;

void lock_fork_enter(void)
{
	fork_thread = pthread_self();
	__atomic_store_n(&fork_is_on, 1, __ATOMIC_RELEASE);
}

void lock_fork_leave(void)
{
	__atomic_store_n(&fork_is_on, 0, __ATOMIC_RELEASE);
}

static bool lock_is_forking(void)
{
	return __atomic_load_n(&fork_is_on, __ATOMIC_ACQUIRE) != 0 &&
	       pthread_equal(fork_thread, pthread_self());
}

void lock_init(struct lock *lock, enum lock_rank rank)
{
	__atomic_store_n(&lock->state, 0, __ATOMIC_RELAXED);
	lock->rank = (uint16_t)rank;
	lock->nested = 0;
}

void lock_take_slow(struct lock *lock)
{
	if (UNLIKELY(lock_is_forking())) {
		lock->nested++;
		return;
	}
	for (int i = 0; i < LOCK_SPINS; i++) {
		uint32_t free_state = 0;

		if (load_relaxed(&lock->state) == 0 &&
		    __atomic_compare_exchange_n(&lock->state, &free_state, 1,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		cpu_pause();
	}
	while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0)
		futex_call(&lock->state, FUTEX_WAIT, 2);
}

void lock_wake(struct lock *lock)
{
	futex_call(&lock->state, FUTEX_WAKE, 1);
}

#if MMSIM_DEBUG >= 1
/* One bit a rank; locks of one rank are only ever taken together by fork and
 * by whole-heap walks, which take them in the order of their addresses. */
static __thread uint32_t ranks_held
	__attribute__((tls_model("initial-exec")));
static __thread uint8_t ranks_count[8]
	__attribute__((tls_model("initial-exec")));

void lock_rank_enter(const struct lock *lock)
{
	if (lock_is_forking())
		return;
	if (ranks_held >> (lock->rank + 1) != 0)
		fatal_at("lock taken against the order of ranks", lock);
	ranks_held |= 1u << lock->rank;
	ranks_count[lock->rank]++;
}

void lock_rank_leave(const struct lock *lock)
{
	if (lock_is_forking())
		return;
	if (--ranks_count[lock->rank] == 0)
		ranks_held &= ~(1u << lock->rank);
}
#endif
