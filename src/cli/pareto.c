/*
 * pareto.c: rows that no other row beats.
 */
#include "cli/pareto.h"

static const uint64_t *row_of(const struct pareto *pareto, size_t row)
{
	return pareto->figures + row * pareto->nr_aims;
}

/* Row `a` is nowhere worse and somewhere better than row `b`. */
static bool beats(const struct pareto *pareto, size_t a, size_t b)
{
	const uint64_t *left = row_of(pareto, a), *right = row_of(pareto, b);
	bool is_better = false;

	for (unsigned i = 0; i < pareto->nr_aims; i++) {
		if (left[i] > right[i])
			return false;
		is_better |= left[i] < right[i];
	}
	return is_better;
}

void pareto_mark(const struct pareto *pareto, bool *on_front)
{
	for (size_t row = 0; row < pareto->nr_rows; row++) {
		on_front[row] = pareto->counts[row];
		for (size_t i = 0; i < pareto->nr_rows && on_front[row]; i++)
			if (pareto->counts[i] && beats(pareto, i, row))
				on_front[row] = false;
	}
}

/* Row `a` is to be preferred to row `b` by `aim` first. */
static bool is_preferred(const struct pareto *pareto, unsigned aim, size_t a,
			 size_t b)
{
	const uint64_t *left = row_of(pareto, a), *right = row_of(pareto, b);

	if (left[aim] != right[aim])
		return left[aim] < right[aim];
	for (unsigned i = 0; i < pareto->nr_aims; i++)
		if (left[i] != right[i])
			return left[i] < right[i];
	return false;
}

size_t pareto_best(const struct pareto *pareto, unsigned aim)
{
	size_t best = pareto->nr_rows;

	for (size_t row = 0; row < pareto->nr_rows; row++)
		if (pareto->counts[row] &&
		    (best == pareto->nr_rows ||
		     is_preferred(pareto, aim, row, best)))
			best = row;
	return best;
}
