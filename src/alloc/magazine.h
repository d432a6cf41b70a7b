/*
 * magazine.h: what full stacks give back waits in the arena for the next refill.
 *
 * A program that builds a thousand objects and tears them down again and again
 * frees more than a stack holds.  The older half of a full stack would go into
 * its runs chunk by chunk, and come out of them chunk by chunk a moment later.
 * Instead the arena keeps the pointers as they are, for each small class a pile
 * of arrays:
 *
 *     arena.piles[cls].newest -> | p p p ... | -> | p p p p p p | -> NULL
 *                                                      full
 *
 * A full stack adds to the newest, an empty one takes from it: two copies of
 * an array instead of a visit to each chunk.  The chunks keep C, as in a stack,
 * so a second free is found.  Their headers are checked when they go into runs.
 *
 * What waits here keeps runs from becoming empty, and comes out in no order of
 * addresses, so it has bounds.  A pile holds little at first, and twice as much
 * each time it has run empty after there had been no room for something: then
 * more would have been of use, and so it would when a class that was mostly free is
 * asked for again.  What has waited in vain makes its pile smaller.
 * All piles together hold a part of the arena at the most; all of it goes into
 * the runs before the arena cuts memory from top and when the decay time is over.
 * With a trim_threshold set by hand, or a decay time of 0, nothing waits.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001.
 */
#ifndef ALLOC_MAGAZINE_H
#define ALLOC_MAGAZINE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

/* With its head a power of two bytes, as metadata comes. */
#define MAGAZINE_ROOM 254u

struct magazine {
	struct magazine *next; /* full */
	uint32_t nr;
	void *p[MAGAZINE_ROOM]; /* the last nr are in use, the newest first */
};

/* Of one class. */
struct magazine_pile {
	struct magazine *newest;  /* NULL: nothing waits */
	uint32_t bytes;           /* of all chunks that wait */
	uint32_t most_bytes : 31; /* that may wait; 0: MAGAZINE_FIRST */
	uint32_t was_full : 1;    /* since it was empty last */
};

/* In all of these the arena's lock is held. */

/* Puts n cached chunks of a small class away, the newest first, at most
 * MAGAZINE_ROOM; false: they may not wait, or there is no memory for the array,
 * and nothing was done. */
bool magazine_put(struct arena *a, unsigned cls, void *const *p, unsigned n);

/* Takes up to n chunks of a class, the newest ones and the newest first;
 * returns how many. */
unsigned magazine_take(struct arena *a, unsigned cls, void **out, unsigned n);

/* Puts what waits of one class into its runs.  is_wanted: as something of it is
 * asked for; else it has waited in vain. */
void magazine_drain_class(struct arena *a, unsigned cls, bool is_wanted);

/* The same for all classes; false: nothing waited. */
bool magazine_drain(struct arena *a);

#endif
