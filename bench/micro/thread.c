/*
 * Threads that come and go: one starts, allocates 64 blocks, frees them and
 * ends; the price of an allocator's set-up for each thread.
 */
#define _GNU_SOURCE
#include "micro.h"

#include <pthread.h>

enum { FIRST_BLOCKS = 64 };

static void run_thread(void *(*main_function)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, main_function, argument) ||
	    pthread_join(thread, NULL))
		abort();
}

static void *short_life(void *argument)
{
	const struct sizes *t = argument;
	void *block[FIRST_BLOCKS];

	for (int i = 0; i < FIRST_BLOCKS; i++)
		block[i] = block_new(t->size[i]);
	for (int i = 0; i < FIRST_BLOCKS; i++)
		free(block[i]);
	return NULL;
}

static void thread_start(struct bench_state *s)
{
	struct rng r = {.state = 47};
	struct sizes t;

	sizes_draw(&t, &r, 16, 1024);
	while (bench_next(s))
		run_thread(short_life, &t);
}

const struct bench_row thread_rows[] = {
	{.name = "thread/64", .body = thread_start, .ops = 1, .wall = 1},
	{.name = NULL},
};
