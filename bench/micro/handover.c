/*
 * Handover: one thread allocates, another frees.
 *
 * It allocates blocks and sends them, 64 at a time, through a ring; the other
 * frees them.  Nothing ever comes back, so an allocator must carry each block
 * home or grow.
 */
#define _GNU_SOURCE
#include "micro.h"

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

/* ops is half of a thread's blocks: each block is counted by two threads. */
const struct bench_row handover_rows[] = {
	{.name = "prodcons",
	 .body = prodcons,
	 .ops = MESSAGES * PER_MESSAGE / 2,
	 .threads = 2},
	{.name = NULL},
};
