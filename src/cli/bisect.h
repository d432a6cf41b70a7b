/*
 * bisect.h: the smallest size that works, with as few trials as possible.
 *
 *        fails                     works
 *   -------x---------|---------|-----o--------> size
 *                 several points of one round
 *
 * The answer lies in (fails, works].  A round cuts that into equal pieces, one
 * more than can be tried at once, and its results leave one piece.
 *
 * What works need not be all above what fails: swapping, and programs that
 * differ from run to run, make holes.  A size then counts as working only when
 * nothing larger that was tried failed, and `is_uneven` tells.
 */
#ifndef CLI_BISECT_H
#define CLI_BISECT_H

#include <stdbool.h>
#include <stdint.h>

struct bisect {
	uint64_t fails;     /* the largest size that failed, or less than any */
	uint64_t works;     /* the least size above it that worked */
	uint64_t step;      /* sizes are multiples of this */
	uint64_t precision; /* bytes between the two that are enough, or 0 */
	unsigned percent;   /* of `works` that are enough, or 0 */
	bool is_uneven;     /* a size worked below one that failed */
};

/* `fails` < `works`, both multiples of `step`, both known. */
void bisect_init(struct bisect *bisect, uint64_t fails, uint64_t works,
		 uint64_t step);

bool bisect_is_done(const struct bisect *bisect);

/* Writes at most `max` sizes to try next, rising; returns how many, 0 when it
 * is done. */
unsigned bisect_next(const struct bisect *bisect, uint64_t *sizes,
		     unsigned max);

/* What came out of them, all together. */
void bisect_tried(struct bisect *bisect, const uint64_t *sizes,
		  const bool *worked, unsigned nr);

#endif
