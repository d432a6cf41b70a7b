/*
 * run.h: runs of small chunks of one size.
 *
 * Small chunks are not cut from the arena one by one and do not coalesce one
 * by one.  A run is one chunk of the arena, filled with equal small chunks.
 *
 *   outer chunk's user pointer = struct run
 *       | struct run | pad | small | small | small | ... not yet carved ... |
 *                             ^ user pointer - run = hi of its header * 16
 *
 * A small chunk finds its run through the distance in its header, so runs
 * need neither alignment nor a page map, and may be as short as the program
 * is small: the first run of a class holds a few chunks, each further one
 * half as many as there are already.  Chunks are carved only when asked for, so that memory is
 * first touched when it is used.  An empty run goes back to the arena as one
 * chunk and coalesces there.
 *
 * User pointers of a class whose size is a multiple of 2^k are aligned to
 * 2^k (k up to RUN_ALIGN): aligned requests are served by choosing the class.
 */
#ifndef ALLOC_RUN_H
#define ALLOC_RUN_H

#include "alloc/sizeclass.h"

#define RUN_ALIGN_MAX 256u

struct arena;

struct run {
	struct run *next, *prev; /* in its class's list of runs with room */
	uint32_t check;      /* of this address, class and the heap's secret */
	uint32_t units;      /* of each chunk */
	uint32_t first;      /* distance to the first user pointer, units */
	uint32_t nr_total;   /* chunks that fit */
	uint32_t nr_carved;  /* chunks that exist */
	uint32_t nr_free;    /* whole ones on the list of free ones */
	uint32_t free;       /* distance of the first of them, units; 0 none */
	uint32_t free_units; /* not in use and in no cache, shards included */
	bool has_shards;     /* some chunk has been cut (shard.h) */
};

struct run_class {
	struct run *first, *last; /* runs with room; taken from the front */
	uint32_t nr_runs;
	uint32_t nr_chunks; /* that fit into all of them */
	uint32_t nr_free;   /* whole chunks on the lists of all of them */
	uint32_t nr_empty; /* runs with room that hold no chunk in use */
};

/* Takes up to n chunks of small class cls into out[], marked as cached, and
 * returns how many; 0 means no memory. */
unsigned run_take(struct arena *a, unsigned cls, void **out, unsigned n);

/* Takes one that is no shard, so that it is aligned as its class is; NULL: no
 * memory. */
void *run_take_whole(struct arena *a, unsigned cls);

/* Gives one cached chunk back to its run. */
void run_put(struct arena *a, void *p);

/* Gives empty runs back to the arena. */
void run_release_empty(struct arena *a);

/* run_put will be called for p soon. */
static inline void run_prefetch(const void *p)
{
	__builtin_prefetch((const char *)p -
			   (size_t)chunk_hi(chunk_of(p)) * UNIT);
}

/* The run of a small chunk, or NULL when its header or the run is damaged. */
struct run *run_of(struct arena *a, const void *p);

#endif
