/*
 * remote.h: freeing chunks of another thread's arena.
 *
 * A thread that frees a chunk of an arena other than its own does not take
 * that arena's lock.  It gathers such chunks, a batch for each arena, and posts
 * a full batch with one compare-and-swap; whoever refills from that arena next
 * takes what he needs.
 *
 *   freeing thread: slot -> batch [p p p ... p]   --CAS-->   arena.remote
 *   owner, on a miss:  exchange(arena.remote, NULL) -> arena.picked
 *                      some of these                -> his stacks
 *                      the empty batches            -> arena.emptied
 *
 * What was picked up stays a list of the arena, under its lock: nobody walks all
 * of it, and whoever needs memory finds it.  The empty batches go back to those
 * who post, some at a time, so that metadata's lock is seldom needed.
 *
 * Small and medium chunks go separate ways, so that who needs one of the few
 * medium ones does not have to look through all the small ones.
 *
 * A batch is an array of distances and sizes in metadata, not a list through the
 * chunks: the owner can fetch headers ahead that another CPU has just written,
 * waits for none of them, and no link can be overwritten.  Both sides fetch a
 * header to be written: its line comes from another CPU, and a store that begins
 * to fetch it would hold up all stores behind it.
 *
 * What ends it: before an arena cuts new memory from top all that is posted to
 * it is taken in (arena_take), and so it is when the decay time is over.  An
 * owner that does not allocate any more would still let the batches pile up, so
 * above remote_bytes_max, or when no thread is attached, the freeing thread
 * takes the lock and gives its batch to the arena itself.
 *
 * The idea of sending frees home in batches: P. Lietar et al., "snmalloc: A
 * Message Passing Allocator", 2019.
 */
#ifndef ALLOC_REMOTE_H
#define ALLOC_REMOTE_H

#include "alloc/heap.h"

/* A batch is posted when it is full or holds so many bytes. */
#define REMOTE_BATCH 164u
#define REMOTE_BATCH_BYTES (32 * KIB)

struct remote_batch {
	struct remote_batch *next; /* posted before */
	uintptr_t base;            /* the first chunk's user pointer */
	uint32_t nr;
	uint32_t bytes;               /* of all chunks */
	int32_t at[REMOTE_BATCH];     /* their distances from it, units */
	uint16_t units[REMOTE_BATCH]; /* their sizes */
};

_Static_assert(sizeof(struct remote_batch) <= 1 * KIB, "a block of metadata");

static inline void *remote_chunk(const struct remote_batch *batch, uint32_t i)
{
	return (void *)(batch->base +
			(uintptr_t)((intptr_t)batch->at[i] * (intptr_t)UNIT));
}

/* Which of its slots a cache uses for the arena that a header names. */
static inline struct remote_slot *remote_slot_of(const struct heap *heap,
						 struct tcache *tc, uint32_t lo)
{
	return &tc->remote[(lo ^ heap->secret) % NR_REMOTE_SLOTS];
}

/* How far p is from a batch's first chunk, units. */
static ALWAYS_INLINE intptr_t remote_distance(const struct remote_batch *batch,
					      const void *p)
{
	return (intptr_t)((uintptr_t)p - batch->base) / (intptr_t)UNIT;
}

/* Whether p can stand in a batch: within 32 GiB of the first one. */
static ALWAYS_INLINE bool remote_reaches(const struct remote_batch *batch,
					 const void *p)
{
	intptr_t distance = remote_distance(batch, p);

	return distance == (int32_t)distance;
}

/* Adds a chunk in use, at a distance that remote_reaches; true: the batch is
 * full. */
static ALWAYS_INLINE bool remote_add(struct remote_batch *batch, void *p,
				     uint32_t units)
{
	uint32_t nr = batch->nr;

	store_relaxed(user_lo(p), load_relaxed(user_lo(p)) | CHUNK_C);
	batch->at[nr] = (int32_t)remote_distance(batch, p);
	batch->units[nr] = (uint16_t)units;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	batch->nr = nr + 1;
	store_relaxed(&batch->bytes, batch->bytes + units * UNIT);
	return batch->nr == REMOTE_BATCH || batch->bytes >= REMOTE_BATCH_BYTES;
}

void remote_post(struct tcache *tc, struct remote_slot *slot, unsigned way);

/* Which of the two ways a chunk goes. */
static ALWAYS_INLINE unsigned remote_way(uint32_t units)
{
	return units > NR_SMALL;
}

/* Frees p if it is a cacheable chunk in use of an arena for which a batch is
 * begun, and in its reach; else false.  One comparison, as in tcache_free, proves
 * all that. */
static ALWAYS_INLINE bool remote_free_begun(const struct heap *heap,
					    struct tcache *tc, void *p)
{
	uint32_t lo = load_relaxed(user_lo(p));
	struct remote_slot *slot = remote_slot_of(heap, tc, lo);
	uint32_t x = lo ^ slot->tag;
	unsigned way;

	x = x >> CHUNK_UNITS_SHIFT | x << (32 - CHUNK_UNITS_SHIFT);
	prefetch_to_write(user_lo(p));
	way = remote_way(x);
	if (x - 1 >= CACHED_UNITS_MAX || !slot->batch[way] ||
	    UNLIKELY(!remote_reaches(slot->batch[way], p)) ||
	    UNLIKELY((tcache_tag(tc) & CHUNK_NONE) != 0))
		return false;
	if (UNLIKELY(remote_add(slot->batch[way], p, x)))
		remote_post(tc, slot, way);
	return true;
}

/* Frees p, a cacheable chunk in use of arena `to`. */
void remote_free(struct tcache *tc, struct arena *to, void *p);

/* Gives the empty batches that the cache has back to metadata. */
void remote_free_kept(struct tcache *tc);

/* Posts all batches of a cache. */
void remote_post_all(struct tcache *tc);

/* Fills tc's stacks from some of what was posted to its arena, as far as that of
 * class `cls` has room.  The newest comes out first: order that a program keeps
 * stays as it was.  Chunks for which another stack has no room go into the arena,
 * whose lock is not held. */
void remote_collect(struct tcache *tc, unsigned cls);

/* Gives n cached chunks of classes of the same kind as `cls` back to their
 * arena, whose lock is held. */
void remote_give_many(struct arena *a, unsigned cls, void *const *p,
		      unsigned n);

/* Takes everything that waits into the arena, whose lock is held: what was
 * posted, and the chunks of its spare cache; false: nothing waited. */
bool remote_drain(struct arena *a);
/* Counts what waits in the arena; in the child of a fork, which has one thread. */
void remote_recount(struct arena *a);

/* Gives one cached chunk back to its arena, whose lock is held. */
void remote_give_back(struct arena *a, void *p);

/* Whether chunks of the class's kind have been posted. */
static inline bool remote_is_pending(const struct arena *a, unsigned cls)
{
	unsigned way = remote_way(cls);

	return load_relaxed(&a->picked[way]) != NULL ||
	       load_relaxed(&a->remote[way]) != NULL;
}

#endif
