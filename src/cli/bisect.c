/*
 * bisect.c: the rounds of a search with several trials at once.
 */
#include "cli/bisect.h"

#include <assert.h>

void bisect_init(struct bisect *bisect, uint64_t fails, uint64_t works,
		 uint64_t step)
{
	assert(fails < works && fails % step == 0 && works % step == 0);
	*bisect = (struct bisect){.fails = fails, .works = works, .step = step};
}

/* Both limits hold where both are given. */
static uint64_t enough(const struct bisect *bisect)
{
	uint64_t gap = UINT64_MAX;

	if (bisect->precision)
		gap = bisect->precision;
	if (bisect->percent && bisect->works / 100 * bisect->percent < gap)
		gap = bisect->works / 100 * bisect->percent;
	if (!bisect->precision && !bisect->percent)
		gap = 0;
	return gap > bisect->step ? gap : bisect->step;
}

bool bisect_is_done(const struct bisect *bisect)
{
	return bisect->works - bisect->fails <= enough(bisect);
}

unsigned bisect_next(const struct bisect *bisect, uint64_t *sizes, unsigned max)
{
	uint64_t steps = (bisect->works - bisect->fails) / bisect->step;
	unsigned nr;

	if (bisect_is_done(bisect))
		return 0;
	nr = steps - 1 < max ? (unsigned)(steps - 1) : max;
	for (unsigned i = 0; i < nr; i++) {
		/* Without overflow: steps may be near 2^52. */
		uint64_t at = steps / (nr + 1) * (i + 1) +
			      steps % (nr + 1) * (i + 1) / (nr + 1);

		sizes[i] = bisect->fails + at * bisect->step;
	}
	return nr;
}

void bisect_tried(struct bisect *bisect, const uint64_t *sizes,
		  const bool *worked, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (!worked[i] && sizes[i] > bisect->fails)
			bisect->fails = sizes[i];
	for (unsigned i = 0; i < nr; i++) {
		if (!worked[i])
			continue;
		if (sizes[i] < bisect->fails)
			bisect->is_uneven = true;
		else if (sizes[i] < bisect->works)
			bisect->works = sizes[i];
	}
}
