/*
 * pareto.h: which of several settings are worth a look.
 *
 * A row has one figure for each aim, less is better.  A row is on the front
 * when no other is as good in all aims and better in one: who leaves the front
 * pays in every aim for nothing.
 */
#ifndef CLI_PARETO_H
#define CLI_PARETO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pareto {
	size_t nr_rows;
	unsigned nr_aims;
	const uint64_t *figures; /* nr_rows times nr_aims */
	const bool *counts;      /* a row that does not is never on the front,
				  * and never better than another */
};

void pareto_mark(const struct pareto *pareto, bool *on_front);

/* The row that is best in `aim`; of equal ones the best in the other aims, in
 * their order, and then the first.  nr_rows: none counts. */
size_t pareto_best(const struct pareto *pareto, unsigned aim);

#endif
