/*
 * realloc: a buffer that grows.
 *
 * grow/16M is a vector: from 16 bytes by half each time to 16 MiB, every new
 * page written; it shows whether large blocks are copied, moved (mremap) or
 * grown in place.  One operation is the whole growth; it is done 32 times, so
 * that a program's first growths, on cold pages, keep their weight.
 * steps/1K is a string built 16 bytes at a time up to 1 KiB; one operation is
 * one realloc.
 */
#include "micro.h"

enum { STEP = 16, STEPS_TO = 1024, STEPS = STEPS_TO / STEP };
static const size_t GROW_TO = (size_t)16 << 20;

static void realloc_grow(struct bench_state *s)
{
	while (bench_next(s)) {
		size_t size = 16;
		char *p = block_new(size);

		while (size < GROW_TO) {
			size_t bigger = size + size / 2;

			p = realloc(p, bigger);
			if (!p)
				abort();
			touch_pages(p, size, bigger);
			size = bigger;
		}
		free(p);
	}
}

static void realloc_steps(struct bench_state *s)
{
	while (bench_next(s)) {
		char *p = block_new(STEP);

		for (size_t size = 2 * STEP; size <= STEPS_TO; size += STEP) {
			p = realloc(p, size);
			if (!p)
				abort();
			p[size - 1] = 1;
			bench_use(p);
		}
		free(p);
	}
}

const struct bench_row realloc_rows[] = {
	{.name = "realloc/grow/16M",
	 .body = realloc_grow,
	 .ops = 1,
	 .passes = 32},
	{.name = "realloc/steps/1K", .body = realloc_steps, .ops = STEPS},
	{.name = NULL},
};
