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
 * arena it has no bit in its run's map, whose chunks are whole: it waits on the
 * arena's list of shards of its size.  A chunk that a smaller class has borrowed
 * is cut in the same way (run.c).  Refills take shards of their size first,
 * and cut larger ones before new memory is carved: little else would use them.
 * Once everything in its run is free, its shards leave those lists and the run
 * is whole again.  Shards of 16 bytes have no room for links and just wait for
 * that.
 *
 * Programs that ask for a generous buffer and shrink it do so again and again.
 * What is cut off in their way is no shard at first but the hole of the cache.
 * The next chunk of the class, if it stands behind, changes places with it
 * while both are free; when that is shrunk in turn both rests join, and make
 * whole chunks again:
 *
 *      |  64  |  hole 96  |      160       |  next  |      malloc, realloc
 *      |  64  |       160      |  hole 96  |  next  |      the hole has moved
 *      |  64  |  64  |       hole 192      |  next  |      malloc, realloc
 *      |  64  |  64  |       160      | 32 |  next  |      a chunk more
 *
 * So the blocks that stay lie side by side, as if they had been asked for in
 * their last size.  A chunk that has moved in this way has the size of its
 * run's chunks but not their place: it is a shard, too.
 */
#ifndef ALLOC_SHARD_H
#define ALLOC_SHARD_H

#include "alloc/sizeclass.h"

struct arena;
struct run;
struct tcache;

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

/* Makes `rest`, in use, which has been cut off a chunk of `whole` units of the
 * cache's own arena, its hole.  Returns the hole that it had elsewhere, marked
 * as cached, or NULL. */
void *shard_slide(struct tcache *tc, void *rest, uint32_t whole);

/* Gives the hole back to the arena, whose lock is held. */
void shard_give_hole(struct tcache *tc);

/* Lists a free shard; the arena's lock is held. */
void shard_put(struct arena *a, void *p);

/* Takes up to n free shards of a class into out[], marked as cached; when
 * `larger`, larger ones are cut.  Returns how many. */
unsigned shard_take(struct arena *a, unsigned cls, bool larger, void **out,
		    unsigned n);

/* Takes all shards of a run, everything in which is free, off the lists. */
void shard_forget_run(struct arena *a, struct run *run);

#endif
