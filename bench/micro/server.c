/*
 * Servers: threads that come and go.
 *
 * thread/64: a thread starts, allocates 64 blocks, frees them and ends; the
 * price of an allocator's set-up for each thread.
 * larson: a thread replaces blocks at random in a table it was left by its
 * predecessor, then ends and leaves the table to the next; blocks are freed by
 * a thread that did not allocate them (after the description by Larson and
 * Krishnan, 1998).
 */
#define _GNU_SOURCE
#include "micro.h"

#include <pthread.h>

enum { FIRST_BLOCKS = 64, SLOTS = 1000, REPLACED = 20000 };

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

struct table {
	struct rng r;
	struct sizes sizes;
	unsigned next;
	void *slot[SLOTS];
};

static void *serve(void *argument)
{
	struct table *table = argument;

	for (int i = 0; i < REPLACED; i++) {
		uint32_t victim = rng_below(&table->r, SLOTS);

		free(table->slot[victim]);
		table->slot[victim] =
			block_new(table->sizes.size[table->next++ % NR_SIZES]);
	}
	return NULL;
}

static void larson(struct bench_state *s)
{
	struct table *table = table_map(sizeof *table);

	table->r.state = 53 + (unsigned)bench_thread(s);
	sizes_draw(&table->sizes, &table->r, 8, 1000);
	while (bench_next(s))
		run_thread(serve, table);
	for (int i = 0; i < SLOTS; i++)
		free(table->slot[i]);
	table_unmap(table, sizeof *table);
}

const struct bench_row server_rows[] = {
	{.name = "thread/64", .body = thread_start, .ops = 1, .wall = 1},
	{.name = "larson", .body = larson, .ops = REPLACED, .threads = 4},
	{.name = NULL},
};
