/*
 * bisect.c: the search finds the least size, with one trial at a time and with
 * several, and copes with sizes that work below others that do not.
 */
#include "cli/bisect.h"

#include <criterion/criterion.h>

enum { KIB = 1024, MIB = 1024 * KIB };

/* Searches for `least`; returns the number of rounds. */
static unsigned search(struct bisect *bisect, uint64_t least, unsigned at_once)
{
	uint64_t sizes[16];
	bool worked[16];
	unsigned nr, rounds = 0;

	while ((nr = bisect_next(bisect, sizes, at_once)) > 0) {
		for (unsigned i = 0; i < nr; i++) {
			cr_assert_gt(sizes[i], bisect->fails);
			cr_assert_lt(sizes[i], bisect->works);
			cr_assert_eq(sizes[i] % bisect->step, 0u);
			cr_assert(i == 0 || sizes[i] > sizes[i - 1]);
			worked[i] = sizes[i] >= least;
		}
		bisect_tried(bisect, sizes, worked, nr);
		cr_assert_lt(++rounds, 100u);
	}
	cr_assert(bisect_is_done(bisect));
	cr_assert_not(bisect->is_uneven);
	return rounds;
}

Test(bisect, finds_every_size)
{
	for (unsigned at_once = 1; at_once <= 8; at_once++)
		for (uint64_t least = 4096; least <= 64 * 4096; least += 4096) {
			struct bisect bisect;

			bisect_init(&bisect, 0, 64 * 4096, 4096);
			search(&bisect, least, at_once);
			cr_assert_eq(bisect.works, least);
			cr_assert_eq(bisect.fails, least - 4096);
		}
}

Test(bisect, several_at_once_take_fewer_rounds)
{
	struct bisect bisect;
	unsigned one;

	bisect_init(&bisect, 0, (uint64_t)4096 * MIB, 4096);
	one = search(&bisect, 777 * 4096, 1);
	cr_assert_eq(one, 20u);
	bisect_init(&bisect, 0, (uint64_t)4096 * MIB, 4096);
	cr_assert_leq(search(&bisect, 777 * 4096, 3), (one + 1) / 2);
}

Test(bisect, stops_at_the_precision)
{
	struct bisect bisect;

	bisect_init(&bisect, 0, (uint64_t)4096 * MIB, 64 * KIB);
	bisect.precision = MIB;
	search(&bisect, 100 * MIB + 1, 2);
	cr_assert_leq(bisect.works - bisect.fails, (uint64_t)MIB);
	cr_assert_gt(bisect.works, 100u * MIB);
	cr_assert_leq(bisect.works, 101u * MIB);
}

Test(bisect, stops_at_the_percentage_when_that_is_less)
{
	struct bisect bisect;

	bisect_init(&bisect, 0, 4096u * MIB - 64 * KIB, 64 * KIB);
	bisect.precision = MIB;
	bisect.percent = 1;
	search(&bisect, 20 * MIB, 2);
	cr_assert_geq(bisect.works, 20u * MIB);
	cr_assert_leq(bisect.works - bisect.fails, bisect.works / 100);
}

Test(bisect, a_step_is_enough)
{
	struct bisect bisect;
	uint64_t sizes[4];

	bisect_init(&bisect, 4096, 8192, 4096);
	bisect.percent = 1;
	cr_assert(bisect_is_done(&bisect));
	cr_assert_eq(bisect_next(&bisect, sizes, 4), 0u);
}

/* 40 fails, 30 works: the answer is above 40. */
Test(bisect, a_hole_is_told)
{
	struct bisect bisect;
	uint64_t sizes[] = {20, 30, 40, 50};
	bool worked[] = {false, true, false, true};

	bisect_init(&bisect, 0, 100, 10);
	bisect_tried(&bisect, sizes, worked, 4);
	cr_assert_eq(bisect.fails, 40u);
	cr_assert_eq(bisect.works, 50u);
	cr_assert(bisect.is_uneven);
}
