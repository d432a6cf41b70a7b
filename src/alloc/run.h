/*
 * run.h: runs of small chunks of one size.
 *
 * Small chunks are not cut from the arena one by one and do not coalesce one
 * by one.  A run is one chunk of the arena, filled with equal small chunks.
 *
 *   outer chunk's user pointer = struct run
 *       | struct run, map | pad | small | small | ... not yet carved ... |
 *                                  ^ user pointer - run = hi of its header * 16
 *
 * A small chunk finds its run through the distance in its header, so runs
 * need neither alignment nor a page map, and may be as short as the program
 * is small: the first run of a class holds a few chunks, each further one
 * half as many as there are already.  Chunks are carved only when asked for, so
 * that memory is first touched when it is used.  An empty run goes back to the
 * arena as one chunk and coalesces there.
 *
 * Which chunks are free stands in the map, a bit a chunk, and in no list: they
 * are handed out in the order of their addresses, and none must be read to find
 * the next one.
 *
 * User pointers of a class whose size is a multiple of 2^k are aligned to
 * 2^k (up to RUN_ALIGN_MAX): aligned requests are served by choosing the class.
 */
#ifndef ALLOC_RUN_H
#define ALLOC_RUN_H

#include "alloc/sizeclass.h"

#define RUN_ALIGN_MAX 256u

struct arena;

struct run {
	struct run *next, *prev; /* in its class's list of runs with room */
	uint32_t check;      /* of this address, class and the heap's secret */
	uint32_t inverse;    /* 1 / units, for the index of a chunk (run.c) */
	uint16_t units;      /* of each chunk */
	uint16_t first;      /* distance to the first user pointer, units */
	uint16_t nr_total;   /* chunks that fit */
	uint16_t nr_carved;  /* chunks that exist */
	uint16_t nr_free;    /* bits in the map */
	uint16_t shard_units; /* of free shards in no cache */
	uint16_t scan;       /* words of the map before this one are 0 */
	bool has_shards;     /* some chunk has been cut (shard.h) */
	uint64_t map[];      /* the bit of a whole chunk that is free is set */
};

struct run_class {
	struct run *first, *last; /* runs with room; taken from the front */
	uint32_t nr_runs;
	uint32_t nr_chunks; /* that fit into all of them */
	uint32_t nr_free;   /* bits in the maps of all of them */
	uint32_t nr_empty;  /* runs with room that hold no chunk in use */
};

/* Takes up to n chunks of small class cls into out[], marked as cached, and
 * returns how many; 0 means no memory. */
unsigned run_take(struct arena *a, unsigned cls, void **out, unsigned n);

/* Takes one that is no shard, so that it is aligned as its class is; NULL: no
 * memory. */
void *run_take_whole(struct arena *a, unsigned cls);

/* Gives one cached chunk back to its run. */
void run_put(struct arena *a, void *p);

/* The same for n chunks. */
void run_put_many(struct arena *a, void *const *p, unsigned n);

/* Gives empty runs back to the arena. */
void run_release_empty(struct arena *a);

/* The run of a small chunk, or NULL when its header or the run is damaged. */
struct run *run_of(struct arena *a, const void *p);

/* Whether chunk i of a run is free. */
static inline bool run_map_has(const struct run *run, uint32_t i)
{
	return run->map[i / 64] >> i % 64 & 1;
}

/* Whether a free whole chunk stands at this distance from the run. */
static inline bool run_has_whole(const struct run *run, uint32_t distance)
{
	uint32_t i = (distance - run->first) / run->units;

	return (distance - run->first) % run->units == 0 && run_map_has(run, i);
}

/* Whether everything that was carved is free and in no cache. */
static inline bool run_is_empty(const struct run *run)
{
	return (run->nr_carved - run->nr_free) * run->units == run->shard_units;
}

/* What the first word of a free whole chunk must be. */
uint64_t run_canary(const struct arena *a, const void *p);

#endif
