/*
 * pareto.c: the front, rows that tie, rows that do not count, and the best row
 * of each aim.
 */
#include "cli/pareto.h"

#include <criterion/criterion.h>

static const bool all[] = {true, true, true, true, true};

Test(pareto, front)
{
	static const uint64_t figures[] = {
		10, 5, /* best in the first */
		20, 1, /* best in the second */
		20, 5, /* beaten by both */
		15, 3, /* between */
		15, 4, /* beaten by the one before */
	};
	struct pareto pareto = {5, 2, figures, all};
	bool on_front[5];

	pareto_mark(&pareto, on_front);
	cr_assert(on_front[0]);
	cr_assert(on_front[1]);
	cr_assert_not(on_front[2]);
	cr_assert(on_front[3]);
	cr_assert_not(on_front[4]);
}

Test(pareto, equal_rows_are_all_on_the_front)
{
	static const uint64_t figures[] = {3, 3, 3, 3, 4, 3};
	struct pareto pareto = {3, 2, figures, all};
	bool on_front[3];

	pareto_mark(&pareto, on_front);
	cr_assert(on_front[0]);
	cr_assert(on_front[1]);
	cr_assert_not(on_front[2]);
}

Test(pareto, a_row_that_does_not_count_beats_none)
{
	static const uint64_t figures[] = {0, 0, 5, 5};
	static const bool counts[] = {false, true};
	struct pareto pareto = {2, 2, figures, counts};
	bool on_front[2];

	pareto_mark(&pareto, on_front);
	cr_assert_not(on_front[0]);
	cr_assert(on_front[1]);
	cr_assert_eq(pareto_best(&pareto, 0), 1u);
}

Test(pareto, best_of_each_aim)
{
	static const uint64_t figures[] = {
		7, 9, 9, /* as good as the next in the first, worse in the
			  * second */
		7, 8, 9, 8, 2, 3, 9, 2, 1, 9, 2, 1,
	};
	struct pareto pareto = {5, 3, figures, all};

	cr_assert_eq(pareto_best(&pareto, 0), 1u);
	cr_assert_eq(pareto_best(&pareto, 1), 2u);
	cr_assert_eq(pareto_best(&pareto, 2), 3u, "the first of equal rows");
}

Test(pareto, no_row_counts)
{
	static const uint64_t figures[] = {1, 2};
	static const bool none[] = {false, false};
	struct pareto pareto = {2, 1, figures, none};

	cr_assert_eq(pareto_best(&pareto, 0), 2u);
	cr_assert_eq(pareto_best(&(struct pareto){0, 1, NULL, NULL}, 0), 0u);
}
