/*
 * sh6 and sh8: blocks freed in part in the order of allocation and in part in
 * reverse, by threads side by side; in sh8 half of them by another thread.
 * Written after the published descriptions of MicroQuill's SmartHeap stress
 * tests; an approximation, not their programs.
 *
 * A round allocates ROUND blocks.  The sizes climb a ladder on which small
 * steps repeat more often than large ones.  Then the second half is freed
 * last first, and the first half first first (sh6) or handed to the next
 * thread, which frees what it finds in its letter box at its next round (sh8).
 */
#define _GNU_SOURCE
#include "micro.h"

#include <stdatomic.h>

enum { ROUND = 2000, HALF = ROUND / 2, LARGEST = 1000, MAX_THREADS = 8 };

struct letter {
	void *block[HALF];
};

static struct {
	_Alignas(64) _Atomic(struct letter *) letter;
} box[MAX_THREADS];

/* Sizes 8, 16, 32 ... LARGEST, each repeated in inverse proportion to itself.
 */
static void make_ladder(uint32_t *ladder)
{
	uint32_t size = 8;
	uint32_t repeat = 0;

	for (int i = 0; i < ROUND; i++) {
		ladder[i] = size;
		if (++repeat * size >= LARGEST) {
			repeat = 0;
			size = size + size / 4 + 4;
			if (size > LARGEST)
				size = 8;
		}
	}
}

static void free_letter(struct letter *letter)
{
	if (!letter)
		return;
	for (int i = 0; i < HALF; i++)
		free(letter->block[i]);
	free(letter);
}

static void sh6(struct bench_state *s)
{
	uint32_t ladder[ROUND];
	void *block[ROUND];

	make_ladder(ladder);
	while (bench_next(s)) {
		for (int i = 0; i < ROUND; i++)
			block[i] = block_new(ladder[i]);
		for (int i = ROUND - 1; i >= HALF; i--)
			free(block[i]);
		for (int i = 0; i < HALF; i++)
			free(block[i]);
	}
}

static void sh8(struct bench_state *s)
{
	int me = bench_thread(s);
	int next = (me + 1) % bench_threads(s);
	uint32_t ladder[ROUND];
	void *block[HALF];

	make_ladder(ladder);
	while (bench_next(s)) {
		struct letter *letter = block_new(sizeof *letter);

		for (int i = 0; i < HALF; i++)
			letter->block[i] = block_new(ladder[i]);
		for (int i = 0; i < HALF; i++)
			block[i] = block_new(ladder[HALF + i]);
		for (int i = HALF - 1; i >= 0; i--)
			free(block[i]);
		/* A letter that nobody fetched comes back to be freed here. */
		free_letter(atomic_exchange(&box[next].letter, letter));
		free_letter(atomic_exchange(&box[me].letter, NULL));
	}
	free_letter(atomic_exchange(&box[me].letter, NULL));
}

const struct bench_row shbench_rows[] = {
	{.name = "sh6", .body = sh6, .ops = ROUND, .threads = 4},
	{.name = "sh8", .body = sh8, .ops = ROUND, .threads = 4},
	{.name = NULL},
};
