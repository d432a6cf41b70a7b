/*
 * threads.c: threads come, go, and free each other's blocks.
 *
 * What a thread leaves behind is used by those that come after it; blocks
 * may be freed by any thread, also long after the one that allocated them has
 * ended; a producer and a consumer neither lose memory nor pile it up; malloc
 * works in destructors of thread-specific data, however late they run.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static void *get(size_t n)
{
	void *p = hide_ptr(malloc(n));

	REQUIRE_MSG(p, "malloc(%zu) failed", n);
	return p;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, fn, arg) == 0);
	return thread;
}

static void run_thread(void *(*fn)(void *), void *arg)
{
	pthread_join(start(fn, arg), NULL);
}

enum { NR_LEFT = 300 };

static void *allocate_and_free(void *arg)
{
	void *p[NR_LEFT];
	size_t i;

	(void)arg;
	for (i = 0; i < NR_LEFT; i++)
		p[i] = memset(get(i * 13), 1, i * 13);
	for (i = 0; i < NR_LEFT; i++)
		free(p[i]);
	return NULL;
}

static void *allocate_and_leave(void *arg)
{
	void **p = arg;
	size_t i;

	for (i = 0; i < NR_LEFT; i++) {
		p[i] = get(i * 13 + 8);
		pattern_fill(p[i], i * 13 + 8, i);
	}
	return NULL;
}

static void check_and_free(void **p)
{
	size_t i;

	for (i = 0; i < NR_LEFT; i++) {
		CHECK(pattern_differs(p[i], i * 13 + 8, i) == i * 13 + 8);
		free(p[i]);
	}
}

/* RSS after 2000 threads against RSS after the first 50. */
static void threads_in_turn(void *(*fn)(void *), int freed_by_main)
{
	static void *left[NR_LEFT];
	size_t early = 0, late;
	int i;

	for (i = 0; i < 2000; i++) {
		run_thread(fn, left);
		if (freed_by_main)
			check_and_free(left);
		if (i == 50)
			early = rss_bytes();
	}
	late = rss_bytes();
	CHECK_MSG(late < early + 12 * MIB, "%zu MiB, then %zu MiB", early / MIB,
		  late / MIB);
}

CASE(memory_of_2000_ended_threads_is_used_again)
{
	threads_in_turn(allocate_and_free, 0);
}

CASE(blocks_of_2000_ended_threads_can_be_freed)
{
	threads_in_turn(allocate_and_leave, 1);
}

/* Many at a time, so that there are many arenas to adopt. */
/* Allocates and frees blocks of several sizes; returns where they were. */
static void *some_blocks(void *arg)
{
	static const size_t sizes[] = {24, 200, 1000, 5000, 20000};
	void **p = arg;
	size_t i;

	for (i = 0; i < 5; i++)
		p[i] = get(sizes[i]);
	for (i = 0; i < 5; i++)
		free(p[i]);
	return NULL;
}

CASE(the_next_thread_has_what_the_last_one_left)
{
	void *first[5], *second[5];
	size_t i;

	pthread_join(start(some_blocks, first), NULL);
	pthread_join(start(some_blocks, second), NULL);
	for (i = 0; i < 5; i++)
		CHECK_MSG(first[i] == second[i], "block %zu is another", i);
}

CASE(arenas_of_ended_threads_are_adopted)
{
	static void *left[32][NR_LEFT];
	pthread_t thread[32];
	size_t early = 0, round, i;

	for (round = 0; round < 40; round++) {
		for (i = 0; i < 32; i++)
			thread[i] = start(allocate_and_leave, left[i]);
		for (i = 0; i < 32; i++)
			pthread_join(thread[i], NULL);
		for (i = 0; i < 32; i++)
			check_and_free(left[i]);
		if (round == 4)
			early = rss_bytes();
	}
	CHECK_MSG(rss_bytes() < early + 24 * MIB, "%zu MiB, then %zu MiB",
		  early / MIB, rss_bytes() / MIB);
}

CASE(block_outlives_the_thread_that_made_it)
{
	static void *left[NR_LEFT];
	size_t i;

	run_thread(allocate_and_leave, left);
	for (i = 0; i < NR_LEFT; i++) {
		left[i] = realloc(left[i], 5000);
		REQUIRE(left[i]);
		CHECK(malloc_usable_size(left[i]) >= 5000);
	}
	for (i = 0; i < NR_LEFT; i++) {
		size_t n = i * 13 + 8 < 5000 ? i * 13 + 8 : 5000;

		CHECK(pattern_differs(left[i], n, i) == n);
		free(left[i]);
	}
}

/* A queue of pointers, one thread at each end. */
enum { QUEUE = 1024 };

struct queue {
	void *item[QUEUE];
	sem_t filled, empty;
	size_t items, size;
};

static struct queue *queue_create(size_t items, size_t size)
{
	struct queue *q = table_create(sizeof(*q));

	q->items = items;
	q->size = size;
	sem_init(&q->filled, 0, 0);
	sem_init(&q->empty, 0, QUEUE);
	return q;
}

static void *produce(void *arg)
{
	struct queue *q = arg;
	size_t i;

	for (i = 0; i < q->items; i++) {
		size_t *p = get(q->size);

		*p = i;
		while (sem_wait(&q->empty))
			;
		q->item[i % QUEUE] = p;
		sem_post(&q->filled);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct queue *q = arg;
	size_t i;

	for (i = 0; i < q->items; i++) {
		size_t *p;

		while (sem_wait(&q->filled))
			;
		p = q->item[i % QUEUE];
		CHECK_MSG(*p == i, "item %zu is %zu", i, *p);
		free(p);
		sem_post(&q->empty);
	}
	return NULL;
}

static void producer_and_consumer(size_t items, size_t size)
{
	struct queue *q = queue_create(items, size);
	size_t before = rss_bytes();
	pthread_t maker = start(produce, q);

	run_thread(consume, q);
	pthread_join(maker, NULL);
	CHECK_MSG(rss_bytes() < before + 24 * MIB,
		  "%zu of %zu MiB are resident", (rss_bytes() - before) / MIB,
		  items * size / MIB);
}

CASE(producer_consumer_small)
{
	producer_and_consumer(600000, 100);
}

CASE(producer_consumer_medium)
{
	producer_and_consumer(60000, 3000);
}

CASE(producer_consumer_large)
{
	producer_and_consumer(6000, 60000);
}

/*
 * The owner allocates 100 MB and never calls malloc again.  Another thread
 * frees it all: that memory has to come back without the owner's help.
 */
struct owned {
	void **p;
	size_t count, n;
	sem_t made, done;
};

static void *own_and_wait(void *arg)
{
	struct owned *o = arg;
	size_t i;

	for (i = 0; i < o->count; i++)
		o->p[i] = memset(get(o->n), 1, o->n);
	sem_post(&o->made);
	while (sem_wait(&o->done))
		;
	return NULL;
}

static void owner_never_comes_back(size_t n)
{
	struct owned o = {NULL, 100000000 / n, n, {{0}}, {{0}}};
	size_t before = rss_bytes(), i, kept = o.count / 100;
	pthread_t owner;

	o.p = table_create(o.count * sizeof(*o.p));
	sem_init(&o.made, 0, 0);
	sem_init(&o.done, 0, 0);
	owner = start(own_and_wait, &o);
	while (sem_wait(&o.made))
		;
	for (i = 0; i < o.count - kept; i++)
		free(o.p[i * 7919 % (o.count - kept)]);
	sleep_ms(1200);
	/* Calls that reach the owner's arena, some now and some later. */
	for (; i < o.count; i++) {
		free(o.p[i]);
		if (i % (kept / 4 + 1) == 0)
			sleep_ms(300);
	}
	CHECK_MSG(rss_bytes() < before + 50 * MIB,
		  "blocks of %zu: %zu of 95 MiB are still resident", n,
		  (rss_bytes() - before) / MIB);
	sem_post(&o.done);
	pthread_join(owner, NULL);
}

CASE(owner_never_allocates_again_small)
{
	owner_never_comes_back(100);
}

CASE(owner_never_allocates_again_medium)
{
	owner_never_comes_back(5000);
}

CASE(owner_never_allocates_again_large)
{
	owner_never_comes_back(60000);
}

/* Four threads swap blocks through common slots and check each other's. */
enum { NR_SLOT = 2000 };

struct block {
	size_t n;
	uint64_t seed;
	unsigned char text[];
};

static _Atomic(struct block *) slots[NR_SLOT];

static void block_check(struct block *b)
{
	if (!b)
		return;
	REQUIRE_MSG(pattern_differs(b->text, b->n, b->seed) == b->n,
		    "block %p of %zu changed", (void *)b, b->n);
	free(b);
}

static void *swap_blocks(void *arg)
{
	uint64_t state = (uintptr_t)arg + 1;
	size_t steps = tap_long() ? 4000000 : 400000, i;

	for (i = 0; i < steps; i++) {
		size_t at = random_next(&state) % NR_SLOT;
		size_t n = random_size(&state, i % 100 ? 2000 : 100000);
		struct block *b = get(sizeof(*b) + n);

		b->n = n;
		b->seed = random_next(&state);
		pattern_fill(b->text, n, b->seed);
		block_check(atomic_exchange(&slots[at], b));
	}
	return NULL;
}

CASE(four_threads_swap_blocks)
{
	pthread_t thread[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		thread[i] = start(swap_blocks, (void *)i);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < NR_SLOT; i++)
		block_check(atomic_exchange(&slots[i], NULL));
}

/* Destructors of thread-specific data, over all rounds that POSIX gives. */
static pthread_key_t early_key, late_key, filler_key[40];
static atomic_int destructor_calls;

static void destroy(void *value)
{
	size_t *left = value;

	atomic_fetch_add(&destructor_calls, 1);
	free(get(100));
	free(get(5000));
	free(get(300000));
	if (--*left)
		pthread_setspecific(early_key, left);
	else
		free(left);
}

static void free_list(void *value)
{
	void **p = value;

	atomic_fetch_add(&destructor_calls, 1);
	while (p) {
		void **next = *p;

		free(p);
		p = next;
	}
}

static void *use_keys(void *arg)
{
	size_t *left = get(sizeof(*left)), i;
	void **list = NULL;

	(void)arg;
	*left = 4;
	pthread_setspecific(early_key, left);
	for (i = 0; i < 500; i++) {
		void **p = get(sizeof(*p) + i);

		*p = list;
		list = p;
	}
	/* Keys from 32 on make libc itself call calloc. */
	for (i = 0; i < 40; i++)
		pthread_setspecific(filler_key[i], &early_key);
	pthread_setspecific(late_key, list);
	return NULL;
}

CASE(malloc_in_key_destructors)
{
	size_t before = 0, i;

	REQUIRE(pthread_key_create(&early_key, destroy) == 0);
	for (i = 0; i < 40; i++)
		REQUIRE(pthread_key_create(&filler_key[i], NULL) == 0);
	REQUIRE(pthread_key_create(&late_key, free_list) == 0);
	for (i = 0; i < 1000; i++) {
		run_thread(use_keys, NULL);
		if (i == 50)
			before = rss_bytes();
	}
	CHECK(destructor_calls == 5 * 1000);
	CHECK_MSG(rss_bytes() < before + 12 * MIB, "%zu MiB, then %zu MiB",
		  before / MIB, rss_bytes() / MIB);
}

static void *sleep_until_cancelled(void *arg)
{
	free(get(1000));
	for (;;)
		pause();
	return arg;
}

CASE(cancelled_and_detached_threads)
{
	int i;

	for (i = 0; i < 200; i++) {
		pthread_t thread = start(sleep_until_cancelled, NULL);

		pthread_cancel(thread);
		pthread_join(thread, NULL);
		pthread_detach(start(allocate_and_free, NULL));
	}
	free(get(1000));
}

/* The process ends while threads are in the middle of their work. */
static void *allocate_for_ever(void *arg)
{
	for (;;)
		allocate_and_free(arg);
	return NULL;
}

CASE(exit_while_threads_allocate)
{
	int i, k, status = 0;

	for (i = 0; i < 30; i++) {
		pid_t pid = fork();

		REQUIRE(pid >= 0);
		if (pid == 0) {
			for (k = 0; k < 3; k++)
				start(allocate_for_ever, NULL);
			sleep_ms(2);
			exit(0);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
}

TAP_MAIN
