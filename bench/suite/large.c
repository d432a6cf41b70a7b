/*
 * malloc-large: twenty large blocks, replaced at random.
 *
 * After the program of that name in mimalloc-bench, which came from a report
 * about slow large blocks.  Each block has 5..25 MiB and every page of it is
 * written.  An allocator that gives large blocks back to the system at once
 * pays a page fault for each page again; one that keeps them all pays in
 * memory.  Some 300 MiB are live.
 */
#include "suite.h"

enum { BLOCKS = 20, REPLACED = 160, MIB = 1 << 20, PAGE = 4096 };
enum { SMALLEST = 5 * MIB, LARGEST = 25 * MIB };

struct slot {
	uint8_t *block;
	size_t size;
};

static void slot_fill(struct slot *s, struct rng *r)
{
	s->size = SMALLEST + rng_below(r, LARGEST - SMALLEST + 1);
	s->block = malloc(s->size);
	if (!s->block)
		out_of_memory("malloc", s->size);
	memset(s->block, (int)(s->size & 0xff), s->size);
}

static void slot_empty(struct slot *s)
{
	for (size_t i = 0; i < s->size; i += PAGE)
		if (s->block[i] != (s->size & 0xff))
			suite_fail("a block of %zu bytes has changed", s->size);
	free(s->block);
}

static void large(struct suite_run *run)
{
	uint64_t replaced = suite_count(run, REPLACED);
	struct slot slot[BLOCKS];
	struct rng r = {.state = 79};

	suite_begin(run);
	for (int i = 0; i < BLOCKS; i++)
		slot_fill(&slot[i], &r);
	for (uint64_t n = 0; n < replaced; n++) {
		struct slot *s = &slot[rng_below(&r, BLOCKS)];

		slot_empty(s);
		slot_fill(s, &r);
	}
	suite_end(run);
	for (int i = 0; i < BLOCKS; i++)
		slot_empty(&slot[i]);
	run->ops = BLOCKS + replaced;
}

const struct suite_row large_rows[] = {
	{.name = "malloc-large", .threads = 1, .work = large},
	{.name = NULL},
};
