/*
 * shard.h: pieces of small chunks that realloc has cut.
 *
 * realloc to a smaller size must not move the block, and must not waste what
 * is no longer wanted either.  A small chunk is cut in two: both pieces are
 * small chunks of their own, with headers and distances to the same run.
 *
 *      run of 160-byte chunks
 *      |      160      |  64  |    96    |      160      | ...
 *                        in use   a shard: served as a 96-byte chunk
 *
 * In caches shards are like any chunk of their size.  When one goes back to the
 * arena it cannot join its run's list, whose chunks are whole: it waits on the
 * arena's list of shards of its size.  A chunk that a smaller class has borrowed
 * is cut in the same way (run.c).  Refills take shards of their size first,
 * and cut larger ones before new memory is carved: programs that ask for a
 * generous buffer and shrink it leave many shards, and little else would use
 * them.  Once everything in its run is free, its shards leave those lists and
 * the run is whole again.  Shards of 16 bytes have no room for links and just
 * wait for that.
 */
#ifndef ALLOC_SHARD_H
#define ALLOC_SHARD_H

#include "alloc/sizeclass.h"

struct arena;
struct run;

/* In a shard's user data. */
struct shard {
	struct shard *next, *prev;
};

/* Shards of fewer units have no room for links. */
#define SHARD_LISTED_UNITS 2u

/* Cuts p, a small chunk in use, down to `units`; returns the rest, in use. */
void *shard_cut(void *p, uint32_t units);

/* The same for a free chunk, with C set: so has the rest. */
void *shard_cut_cached(void *p, uint32_t units);

/* Lists a free shard; the arena's lock is held. */
void shard_put(struct arena *a, void *p);

/* Takes up to n free shards of a class into out[], marked as cached; when
 * `larger`, larger ones are cut.  Returns how many. */
unsigned shard_take(struct arena *a, unsigned cls, bool larger, void **out,
		    unsigned n);

/* Takes all shards of a run, everything in which is free, off the lists. */
void shard_forget_run(struct arena *a, struct run *run);

#endif
