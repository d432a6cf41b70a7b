/*
 * Numbers to pointers: compared with a plain array through many random
 * operations, and at the edges of the numbers' range.
 */
#include "base/radix.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(radix);

static struct pool nodes;

static void start(struct radix *radix)
{
	pool_init(&nodes, radix_node_size());
	radix_init(radix, &nodes);
}

static void finish(struct radix *radix)
{
	radix_clear(radix);
	cr_assert_eq(radix->nr_nodes, 0);
	cr_assert_eq(nodes.nr_used, 0, "all nodes went back to the pool");
	pool_fini(&nodes);
}

Test(radix, empty)
{
	struct radix radix;
	uint64_t index = 0;

	start(&radix);
	cr_assert_null(radix_find(&radix, 0));
	cr_assert_null(radix_find(&radix, UINT64_MAX));
	cr_assert_null(radix_remove(&radix, 5));
	cr_assert_null(radix_next(&radix, &index));
	finish(&radix);
}

Test(radix, ends_of_the_range)
{
	static const uint64_t indices[] = {
		0, 1, 63, 64, 4095, 4096, 1u << 31, (uint64_t)1 << 32,
		(uint64_t)1 << 60, UINT64_MAX - 64, UINT64_MAX - 1, UINT64_MAX};
	struct radix radix;
	uint64_t index = 0;

	start(&radix);
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		cr_assert_eq(radix_insert(&radix, indices[i],
					  radix_from_value(i)),
			     0);
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		void *entry = radix_find(&radix, indices[i]);

		cr_assert(radix_is_value(entry));
		cr_assert_eq(radix_to_value(entry), i);
		index = i ? indices[i - 1] + 1 : 0;
		cr_assert_eq(radix_next(&radix, &index), entry);
		cr_assert_eq(index, indices[i]);
	}
	cr_assert_null(radix_find(&radix, 2));
	cr_assert_null(radix_find(&radix, (uint64_t)1 << 59));
	for (size_t i = ARRAY_SIZE(indices); i-- > 0;)
		cr_assert_eq(radix_to_value(radix_remove(&radix, indices[i])),
			     i);
	cr_assert_eq(radix.count, 0);
	cr_assert_eq(radix.nr_nodes, 0, "an empty tree has no nodes");
	cr_assert_eq(radix.height, 0);
	finish(&radix);
}

Test(radix, shrinks_when_large_numbers_leave)
{
	struct radix radix;
	int a, b;

	start(&radix);
	radix_insert(&radix, 7, &a);
	cr_assert_eq(radix.height, 1);
	radix_insert(&radix, 1000000, &b);
	cr_assert_eq(radix.height, 4);
	cr_assert_eq(radix_remove(&radix, 1000000), &b);
	cr_assert_eq(radix.height, 1);
	cr_assert_eq(radix.nr_nodes, 1);
	cr_assert_eq(radix_find(&radix, 7), &a);
	finish(&radix);
}

Test(radix, a_replaced_entry_counts_once)
{
	struct radix radix;
	int a, b;

	start(&radix);
	radix_insert(&radix, 100, &a);
	radix_insert(&radix, 100, &b);
	cr_assert_eq(radix.count, 1);
	cr_assert_eq(radix_remove(&radix, 100), &b);
	finish(&radix);
}

static void compare(const struct radix *radix, void *const *model, size_t n,
		    uint64_t scale)
{
	size_t nr = 0;
	uint64_t index = 0;

	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(radix_find(radix, i * scale), model[i]);
		nr += model[i] != NULL;
	}
	cr_assert_eq(radix->count, nr);
	for (size_t i = 0; i < n; i++) {
		if (!model[i])
			continue;
		cr_assert_eq(radix_next(radix, &index), model[i]);
		cr_assert_eq(index, i * scale);
		index++;
	}
	cr_assert_null(radix_next(radix, &index));
}

/* The entries with the tag, found one after the other. */
static void compare_tags(const struct radix *radix, const bool *tagged,
			 size_t n, uint64_t scale, enum radix_tag tag)
{
	uint64_t index = 0;

	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(radix_has_tag(radix, i * scale, tag), tagged[i]);
		if (!tagged[i])
			continue;
		cr_assert_not_null(radix_next_tagged(radix, &index, tag));
		cr_assert_eq(index, i * scale);
		index++;
	}
	cr_assert_null(radix_next_tagged(radix, &index, tag));
}

Test(radix, tags_move_with_the_root_and_go_with_the_entry)
{
	struct radix radix;
	uint64_t index = 0;
	int a, b;

	start(&radix);
	radix_insert(&radix, 7, &a);
	radix_tag_set(&radix, 7, RADIX_DIRTY);
	radix_insert(&radix, 1000000, &b);
	cr_assert_eq(radix_next_tagged(&radix, &index, RADIX_DIRTY), &a);
	index = 8;
	cr_assert_null(radix_next_tagged(&radix, &index, RADIX_DIRTY));
	index = 0;
	cr_assert_null(radix_next_tagged(&radix, &index, RADIX_WRITEBACK));
	radix_insert(&radix, 7, &b);
	cr_assert(radix_has_tag(&radix, 7, RADIX_DIRTY), "replaced: it stays");
	radix_remove(&radix, 7);
	radix_insert(&radix, 7, &a);
	cr_assert_not(radix_has_tag(&radix, 7, RADIX_DIRTY));
	radix_tag_clear(&radix, 99, RADIX_DIRTY);
	radix_remove(&radix, 7);
	radix_remove(&radix, 1000000);
	finish(&radix);
}

static void random_operations(uint64_t seed, uint64_t scale)
{
	enum { N = 3000, OPS = 30000 };
	static void *model[N];
	static bool tagged[NR_RADIX_TAGS][N];
	struct rng rng = {seed};
	struct radix radix;

	start(&radix);
	memset(model, 0, sizeof(model));
	memset(tagged, 0, sizeof(tagged));
	for (int i = 0; i < OPS; i++) {
		/* in turns mostly full and mostly empty */
		bool insert = rng_below(&rng, 10) < (i / 5000 % 2 ? 2 : 8);
		size_t at = rng_below(&rng, N);
		unsigned tag = (unsigned)rng_below(&rng, NR_RADIX_TAGS);

		if (model[at] && rng_below(&rng, 2)) {
			tagged[tag][at] = !tagged[tag][at];
			if (tagged[tag][at])
				radix_tag_set(&radix, at * scale, tag);
			else
				radix_tag_clear(&radix, at * scale, tag);
		} else if (insert) {
			model[at] = radix_from_value(rng_next(&rng) >> 1);
			cr_assert_eq(radix_insert(&radix, at * scale,
						  model[at]),
				     0);
		} else {
			cr_assert_eq(radix_remove(&radix, at * scale),
				     model[at]);
			model[at] = NULL;
			for (tag = 0; tag < NR_RADIX_TAGS; tag++)
				tagged[tag][at] = false;
		}
		if (i % 3000 != 0)
			continue;
		compare(&radix, model, N, scale);
		for (tag = 0; tag < NR_RADIX_TAGS; tag++)
			compare_tags(&radix, tagged[tag], N, scale, tag);
	}
	compare(&radix, model, N, scale);
	finish(&radix);
}

Test(radix, random_dense)
{
	random_operations(1, 1);
}

Test(radix, random_sparse)
{
	random_operations(2, 977);
	random_operations(3, (uint64_t)1 << 50);
}
