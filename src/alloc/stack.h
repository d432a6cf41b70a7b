/*
 * stack.h: the room of one stack of a thread cache.
 *
 *     array                                              array + a power of two
 *     | not used | room for more frees | p2 | p1 | p0 | end |
 *                ^                     ^              ^
 *              limit                   sp           bottom
 *
 * A stack begins without an array, gets room for 7 chunks and then half as much
 * again each time, up to 511 chunks or what its class may hold.  The room of all
 * stacks together may be for cache_max bytes, of which that of a hot class
 * (medium.h) counts a part.
 */
#ifndef ALLOC_STACK_H
#define ALLOC_STACK_H

#include "alloc/tcache.h"

#define STACK_MAX 511u

/* Makes all stacks of a new cache: none has room. */
void stack_init_all(struct tcache *tc);

/* Points a class at another stack, which holds the newest `count` already. */
void stack_set(struct tcache *tc, unsigned cls, void **bottom, unsigned room,
	       unsigned count);

/* Gives a class half as much room again; false: it has its share. */
bool stack_grow(struct tcache *tc, unsigned cls);

/* What room stack_shrink leaves: half, or none when that would be little. */
unsigned stack_shrinks_to(const struct tcache *tc, unsigned cls);

/* Takes room away from a stack that holds no more than it will have room for. */
void stack_shrink(struct tcache *tc, unsigned cls);

/* Gives the array of a stack back, and what stands in it is forgotten. */
void stack_free(struct tcache *tc, unsigned cls);

#endif
