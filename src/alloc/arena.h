/*
 * arena.h: a heap of chunks under one lock.
 *
 * An arena owns segments of address space.  The main arena's are the memory
 * between breaks (brk); the others are reservations that are made accessible
 * step by step.  Chunks fill a segment without a gap; the last one of the
 * newest segment is top, from which new chunks are cut; an older segment ends
 * in a fence, a chunk of 16 bytes that is always in use.
 *
 *   segment   base                                      end        limit
 *             | chunk | chunk | free | chunk | top ......|  reserved |
 *                                                ^ fresh: never written
 *                                                    from here on
 */
#ifndef ALLOC_ARENA_H
#define ALLOC_ARENA_H

#include "alloc/bin.h"
#include "alloc/magazine.h"
#include "alloc/medium.h"
#include "alloc/run.h"
#include "base/lock.h"

#define NR_SEGMENTS 64u
/* So many stand in the arena itself; most have one. */
#define NR_FIRST_SEGMENTS 4u
/* Small and medium chunks: see remote.h. */
#define NR_REMOTE_WAYS 2u

struct segment {
	uintptr_t base;  /* the first chunk */
	uintptr_t end;   /* accessible up to here */
	uintptr_t limit; /* reserved up to here; equal to end for brk */
	bool is_brk;
	bool is_adopted; /* it was a mapped chunk (adopt.h) */
};

struct heap;
struct remote_batch;
struct shard;
struct tcache;

struct arena {
	struct heap *heap;
	uint32_t index; /* in the heap's table */
	uint32_t tag;   /* of its headers, without flags */

	/* Batches of chunks that threads of other arenas have freed, added to
	 * with one compare-and-swap (remote.c). */
	struct remote_batch *remote[NR_REMOTE_WAYS]
		__attribute__((aligned(64)));
	size_t remote_bytes; /* posted and not yet unpacked */
	/* Empty batches for those who post. */
	struct remote_batch *emptied;
	uint32_t nr_emptied; /* about so many */
	/* When something was last put aside, outside of runs and bins; 0: nothing
	 * is there.  Written without the lock. */
	uint64_t aside_ns;

	struct lock lock __attribute__((aligned(64)));
	/* ---- everything below is guarded by lock; what a small program uses
	 * comes first ---- */
	/* Of the thread that is taking memory: what its cache has deferred goes
	 * back when the bins have nothing.  Else NULL. */
	struct tcache *visitor;
	/* The cache of the last thread that ended here: thread_give_cache. */
	struct tcache *spare;
	bool spare_has_chunks;
	/* Batches that were picked up and not yet unpacked; read without the lock. */
	struct remote_batch *picked[NR_REMOTE_WAYS];

	/* top.c */
	struct chunk *top;        /* NULL before the first growth */
	uintptr_t fresh;          /* top's memory from here on reads as zeros */
	uintptr_t populated;      /* pages of top below this were fetched */
	struct segment *segments; /* those below, or a table of NR_SEGMENTS */
	unsigned nr_segments;     /* the last one holds top */
	unsigned nr_adopted;      /* of them, that were mapped chunks */
	unsigned nr_foreign;      /* times somebody else had moved the break */
	struct segment first_segments[NR_FIRST_SEGMENTS];
	size_t system_bytes;     /* accessible, over all segments */
	size_t max_system_bytes; /* read without the lock */
	size_t cut_bytes;        /* from top, since arena_squeeze was tried */

	/* purge.c */
	uint64_t given_ns; /* since when what is given back is free; 0: now */
	struct chunk *dirty_first, *dirty_last; /* oldest first */
	uint64_t last_trim_ns; /* when trimming top was last tried; 0: never */
	uint64_t top_waits_ns; /* since when free top waits; 0: it does not */
	size_t nr_purges;
	size_t purged_bytes;

	/* quiet.c */
	uint64_t quiet_ns; /* since when most of it is free; 0: it is not */
	size_t quiet_used; /* in use when that was last noticed; 0: not yet */
	size_t look_bytes; /* a thread of it looks again when it has given so
			    * many; read without the lock */

	/* attach.c, guarded by the heap's lock */
	unsigned nr_attached; /* threads whose cache refills here */
	unsigned nr_resting;  /* of them, when they were counted last */

	/* magazine.c */
	size_t magazine_bytes;      /* of all chunks in magazines */
	struct magazine *magazines; /* empty ones */
	struct magazine_pile piles[NR_SMALL + 1];

	/* medium.c */
	size_t medium_bytes;    /* of all that wait */
	uint32_t medium_visits; /* recent ones, for any class */

	uint64_t shard_map;    /* bit units - 1: that list is not empty */
	size_t shard_units;    /* of all free shards, listed or not */
	size_t run_free_units; /* of all free whole chunks of runs */
	struct run_class classes[NR_SMALL + 1];
	struct shard *shards[NR_SMALL + 1]; /* free ones, by units */
	struct medium_class mediums[NR_MEDIUM];
	/* Last, for the bins of large chunks are rarely touched. */
	struct bins bins;
};

void arena_init(struct arena *a, struct heap *heap, uint32_t index);

/* Whether [addr, addr + bytes) lies inside one segment, most likely the newest. */
static inline bool arena_has_range(const struct arena *a, uintptr_t addr,
				   size_t bytes)
{
	for (unsigned i = a->nr_segments; i-- > 0;) {
		const struct segment *seg = &a->segments[i];

		if (LIKELY(addr - seg->base < seg->end - seg->base))
			return bytes <= seg->end - addr;
	}
	return false;
}

/* Whether addr may be a chunk of this arena: aligned and inside a segment. */
static inline bool arena_has_chunk(const struct arena *a, const void *addr)
{
	return is_aligned((uintptr_t)addr, UNIT) &&
	       arena_has_range(a, (uintptr_t)addr, sizeof(size_t) * 4);
}

/*
 * Takes a chunk of `units` or one more (when what would be left over could
 * not stand alone), from the bins or from top, which grows only if `may_grow`.
 * The chunk has L set; its P and its neighbour's are right.  NULL: no memory.
 * Sets *zero_from to where the memory is known to read as zeros; UINTPTR_MAX:
 * nowhere.
 */
struct chunk *arena_take(struct arena *a, size_t units, bool may_grow,
			 uintptr_t *zero_from);

/* The same from the bins only. */
struct chunk *arena_reuse(struct arena *a, size_t units);

/* Takes in what is put aside, outside of its runs and bins: what other threads
 * have sent home, magazines, and what waits of hot classes.  False: nothing was. */
bool arena_gather(struct arena *a);

/* Something has been put aside; the lock need not be held. */
void arena_put_aside(struct arena *a);

/* Takes it in when nothing was put aside for the decay time: what is free then
 * has waited already. */
void arena_expire_aside(struct arena *a, uint64_t now_ns);

/* Bytes that are free or put aside, without top; the lock is held. */
size_t arena_free_bytes(const struct arena *a);

/* Gives a chunk back, coalescing it with free neighbours; it has passed
 * arena_check_in_use.  Ends the program when a free neighbour is damaged. */
void arena_give(struct arena *a, struct chunk *c);

/* Cuts a chunk in use down to `units` when the rest can stand alone. */
void arena_shrink(struct arena *a, struct chunk *c, size_t units);

/* Grows a chunk in use to at least `units` where it is; false: no room. */
bool arena_extend(struct arena *a, struct chunk *c, size_t units);

/* Cuts a chunk in use in two; the part from `at` on is returned, in use. */
struct chunk *arena_split(struct arena *a, struct chunk *c, size_t at_units);

/* Ends the program unless c is a chunk in use and the header behind it is as
 * it should be; `message` is for a c that is no chunk at all. */
void arena_check_in_use(struct arena *a, const struct chunk *c,
			const char *message);

#endif
