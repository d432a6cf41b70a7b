/*
 * medium.h: medium chunks that wait in their arena for the next of their class.
 *
 * A medium chunk has exactly the size that was asked for, and what comes back
 * coalesces at once.  That is right for what lives long.  For a program that
 * frees and asks for all kinds of sizes all the time it is not: every free looks
 * at two neighbours, every malloc searches and cuts, and what waits in a stack
 * is too small for half of the requests of its class.
 *
 * So the arena counts, for each class, how often a thread comes for its sake and
 * how much of it is in use.  A class is hot when it is a good part of all such
 * visits, and when they are many for what is in use: its chunks are not built up
 * and torn down, they take turns.  Then its requests are rounded up to the
 * largest that was seen, so that all of its chunks serve all of its requests,
 * and what full stacks give back waits:
 *
 *     arena.mediums[i].p -> | p p p p p p . . |     the newest is taken first
 *                                        nr   room
 *
 * To put or take a chunk is to copy a pointer; no neighbour is looked at.  The
 * chunks keep C, as in a stack, so a second free is found; their neighbours are
 * checked when they coalesce.  The stack of a hot class may be larger, too
 * (stack.h).
 *
 * What it costs: up to an eighth of a chunk of a hot class, and memory that waits
 * for its class alone.  So when the bins have nothing for a request, the older
 * half of the largest pile coalesces, and so on, before the heap grows.  All of
 * it does when the decay time is over, and then every class is cool.  With a
 * trim_threshold set by hand, or a decay time of 0, no class is hot.
 *
 * The idea that chunks wait uncoalesced for their like: C. Weinstock and
 * W. Wulf, "Quick Fit: An Efficient Algorithm for Heap Storage Management", 1988.
 */
#ifndef ALLOC_MEDIUM_H
#define ALLOC_MEDIUM_H

#include "alloc/sizeclass.h"

struct arena;

struct medium_class {
	void **p;        /* what waits, the oldest first; NULL: no array */
	uint32_t nr;     /* chunks that wait */
	uint32_t room;   /* for so many */
	int32_t used;    /* chunks handed out, those in caches too */
	uint32_t peak;   /* the most of it in recent visits */
	uint32_t visits; /* recent ones, for this class */
	uint32_t most;   /* units of the largest request since all were cool */
	uint32_t fit;    /* hot: no chunk that waits has fewer units; else 0 */
};

/* In all of these but the last the arena's lock is held. */

/* Counts a visit of a thread that fills or empties a stack of any class. */
void medium_visit(struct arena *a);

/* Takes up to n chunks of at least `units` into out[], marked as cached, and
 * returns how many; 0 means no memory. */
unsigned medium_take(struct arena *a, uint32_t units, void **out, unsigned n);

/* Gives n cached chunks back to the arena; those of hot classes may wait. */
void medium_put(struct arena *a, void *const *p, unsigned n);

/* The same for one that is not to wait. */
void medium_give(struct arena *a, void *p);

/* Chunks of a class that are handed out, those in caches too. */
unsigned medium_in_use(const struct arena *a, unsigned cls);

/* Makes c, in use, one that caches may take. */
void medium_adopt(struct arena *a, struct chunk *c);

/* The same for c that was one, of `units`, and has been cut. */
void medium_recut(struct arena *a, struct chunk *c, uint32_t units);

/* A chunk of `units` from what waits, coalesced as far as need be; NULL: not
 * even all of it was enough. */
struct chunk *medium_squeeze(struct arena *a, size_t units);

/* Coalesces all that waits; false: nothing did. */
bool medium_drain(struct arena *a);

/* Makes all classes cool; nothing waits. */
void medium_cool(struct arena *a);

/* Whether a class is hot; without the lock it is a hint. */
bool medium_is_hot(const struct arena *a, unsigned cls);

#endif
