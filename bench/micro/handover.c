/*
 * Handover: one thread allocates, another frees.
 *
 * prodcons: one thread allocates blocks and sends them, 64 at a time, through a
 * ring; the other frees them.  Nothing ever comes back, so an allocator must
 * carry each block home or grow.
 * xmalloc: as many producers as consumers share one list of batches, guarded
 * by a lock, and the batches themselves are allocated too (after the
 * description of xmalloc-test by Lever and Boreham, 2000).
 */
#define _GNU_SOURCE
#include "micro.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { PER_MESSAGE = 64, RING = 16, MESSAGES = 16 };

static struct {
	_Alignas(64) atomic_uint sent;
	_Alignas(64) atomic_uint taken;
	_Alignas(64) void *block[RING][PER_MESSAGE];
} ring;

/* Spins a little, then lets the other thread run: it may wait for this core. */
static void wait_turn(unsigned *spins)
{
	if (++*spins % 64 == 0)
		sched_yield();
}

static void produce(const struct sizes *t, unsigned *next)
{
	unsigned at = atomic_load_explicit(&ring.sent, memory_order_relaxed);
	unsigned spins = 0;

	while (at - atomic_load_explicit(&ring.taken, memory_order_acquire) ==
	       RING)
		wait_turn(&spins);
	for (int i = 0; i < PER_MESSAGE; i++)
		ring.block[at % RING][i] =
			block_new(t->size[(*next)++ % NR_SIZES]);
	atomic_store_explicit(&ring.sent, at + 1, memory_order_release);
}

static void consume(void)
{
	unsigned at = atomic_load_explicit(&ring.taken, memory_order_relaxed);
	unsigned spins = 0;

	while (at == atomic_load_explicit(&ring.sent, memory_order_acquire))
		wait_turn(&spins);
	for (int i = 0; i < PER_MESSAGE; i++)
		free(ring.block[at % RING][i]);
	atomic_store_explicit(&ring.taken, at + 1, memory_order_release);
}

static void prodcons(struct bench_state *s)
{
	struct rng r = {.state = 41};
	struct sizes t;
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 512);
	while (bench_next(s)) {
		for (int i = 0; i < MESSAGES; i++) {
			if (bench_thread(s) == 0)
				produce(&t, &next);
			else
				consume();
		}
	}
}

/* One list for all; bounded, so that producers cannot run away. */
enum { LIST_MAX = 64 };

struct batch {
	struct batch *next;
	void *block[PER_MESSAGE];
};

static struct {
	pthread_mutex_t lock;
	struct batch *first;
	unsigned length;
} list = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int list_put(struct batch *b)
{
	int done = 0;

	pthread_mutex_lock(&list.lock);
	if (list.length < LIST_MAX) {
		b->next = list.first;
		list.first = b;
		list.length++;
		done = 1;
	}
	pthread_mutex_unlock(&list.lock);
	return done;
}

static struct batch *list_take(void)
{
	struct batch *b;

	pthread_mutex_lock(&list.lock);
	b = list.first;
	if (b) {
		list.first = b->next;
		list.length--;
	}
	pthread_mutex_unlock(&list.lock);
	return b;
}

static void allocate_batch(const struct sizes *t, unsigned *next)
{
	struct batch *b = block_new(sizeof *b);

	for (int i = 0; i < PER_MESSAGE; i++)
		b->block[i] = block_new(t->size[(*next)++ % NR_SIZES]);
	while (!list_put(b))
		sched_yield();
}

static void free_batch(void)
{
	struct batch *b;

	while (!(b = list_take()))
		sched_yield();
	for (int i = 0; i < PER_MESSAGE; i++)
		free(b->block[i]);
	free(b);
}

static void xmalloc(struct bench_state *s)
{
	struct rng r = {.state = 43 + (unsigned)bench_thread(s)};
	struct sizes t;
	unsigned next = 0;

	sizes_draw(&t, &r, 16, 400);
	while (bench_next(s)) {
		for (int i = 0; i < MESSAGES; i++) {
			if (bench_thread(s) % 2 == 0)
				allocate_batch(&t, &next);
			else
				free_batch();
		}
	}
}

/* ops is half of a thread's blocks: each block is counted by two threads. */
const struct bench_row handover_rows[] = {
	{.name = "prodcons",
	 .body = prodcons,
	 .ops = MESSAGES * PER_MESSAGE / 2,
	 .threads = 2},
	{.name = "xmalloc",
	 .body = xmalloc,
	 .ops = MESSAGES * PER_MESSAGE / 2,
	 .threads = 4},
	{.name = NULL},
};
