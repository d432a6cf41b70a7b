/*
 * remote.h: freeing chunks of another thread's arena.
 *
 * A thread that frees a chunk of an arena other than its own does not take
 * that arena's lock.  It gathers such chunks, a batch for each arena, and posts
 * a full batch with one compare-and-swap; whoever refills from that arena next
 * picks everything up with one exchange.
 *
 *   freeing thread: slot -> batch [p p p ... p]   --CAS-->   arena.remote
 *   owner, on a miss:  exchange(arena.remote, NULL) -> its stacks, or the runs
 *
 * A batch is an array of pointers in metadata, not a list through the chunks:
 * the owner can fetch headers ahead that another CPU has just written, and no
 * link can be overwritten.
 *
 * What ends it: an owner that does not allocate any more would let the batches
 * pile up, so above REMOTE_BYTES_MAX, or when no thread is attached, the freeing
 * thread takes the lock and empties them itself.
 *
 * The idea of sending frees home in batches: P. Lietar et al., "snmalloc: A
 * Message Passing Allocator", 2019.
 */
#ifndef ALLOC_REMOTE_H
#define ALLOC_REMOTE_H

#include "alloc/arena.h"
#include "alloc/tcache.h"

/* A batch is posted when it is full or holds so many bytes. */
#define REMOTE_BATCH 61u
#define REMOTE_BATCH_BYTES (16 * KIB)
#define REMOTE_BYTES_MAX (512 * KIB)

struct remote_batch {
	struct remote_batch *next; /* posted before */
	uint32_t nr;
	uint32_t bytes; /* of all chunks */
	void *p[REMOTE_BATCH];
};

/* Frees p, a cacheable chunk in use of arena `to`. */
void remote_free(struct tcache *tc, struct arena *to, void *p);

/* Posts all batches of a cache. */
void remote_post_all(struct tcache *tc);

/* Takes in what was posted to tc's arena: into its stacks while they have
 * room, the rest into the arena, whose lock is not held. */
void remote_collect(struct tcache *tc);

/* Takes everything into the arena; its lock is held. */
void remote_drain(struct arena *a);

/* Gives one cached chunk back to its arena, whose lock is held. */
void remote_give_back(struct arena *a, void *p);

static inline bool remote_is_pending(const struct arena *a)
{
	return load_relaxed(&a->remote) != NULL;
}

#endif
