/*
 * lock.c: the futex mutex excludes, wakes sleepers and leaves errno alone.
 */
#include "base/lock.h"

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define NR_THREADS 4
#define ROUNDS STEPS(50000)

static struct lock lock = LOCK_INIT(LOCK_RANK_ARENA);
static uint64_t counter, inside, most_inside;

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		inside++;
		if (inside > most_inside)
			most_inside = inside;
		/* A holder that loses the CPU makes the others sleep. */
		if (i % 1000 == 0)
			sched_yield();
		counter++;
		inside--;
		lock_drop(&lock);
	}
	return NULL;
}

Test(lock, excludes_and_wakes, .timeout = 60)
{
	pthread_t threads[NR_THREADS];

	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, count_up, NULL);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(counter, (uint64_t)NR_THREADS * ROUNDS);
	cr_assert_eq(most_inside, 1u);
	cr_assert_eq(lock.state, 0u);
}

Test(lock, try_takes_a_free_lock_only)
{
	struct lock l;

	lock_init(&l, LOCK_RANK_META);
	cr_assert(lock_try(&l));
	cr_assert_not(lock_try(&l));
	lock_drop(&l);
	cr_assert(lock_try(&l));
	lock_drop(&l);
}

static void *try_up(void *arg)
{
	uint64_t *taken = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (!lock_try(&lock))
			continue;
		counter++;
		++*taken;
		lock_drop(&lock);
	}
	return NULL;
}

Test(lock, try_excludes, .timeout = 60)
{
	pthread_t threads[NR_THREADS];
	uint64_t taken[NR_THREADS] = {0}, sum = 0;

	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, try_up, &taken[i]);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += taken[i];
	}
	cr_assert_eq(counter, sum);
	cr_assert_gt(sum, 0u);
}

static void *take_and_drop(void *arg)
{
	struct lock *l = arg;

	errno = 4711;
	lock_take(l);
	cr_assert_eq(errno, 4711);
	counter++;
	lock_drop(l);
	return NULL;
}

/* State 2 says that somebody sleeps; the drop must wake that thread. */
Test(lock, a_sleeper_is_woken_and_keeps_errno, .timeout = 60)
{
	struct lock l;
	pthread_t thread;

	lock_init(&l, LOCK_RANK_ARENA);
	lock_take(&l);
	pthread_create(&thread, NULL, take_and_drop, &l);
	while (load_relaxed(&l.state) != 2)
		sched_yield();
	cr_assert_eq(load_relaxed(&counter), 0u);
	errno = 1234;
	lock_drop(&l);
	cr_assert_eq(errno, 1234);
	pthread_join(thread, NULL);
	cr_assert_eq(counter, 1u);
	cr_assert_eq(l.state & 1u, 0u);
}
