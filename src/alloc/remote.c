/*
 * remote.c: gathering, posting and collecting frees of other arenas' chunks.
 *
 * A batch is well formed at every instruction, for a fork may catch another
 * thread anywhere: a pointer is stored before it is counted.
 */
#include "alloc/remote.h"

#include "alloc/heap.h"
#include "base/fatal.h"

/* How far ahead headers are fetched. */
#define COLLECT_AHEAD 8u

void remote_give_back(struct arena *a, void *p)
{
	struct chunk *c = chunk_of(p);
	uint32_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;

	if (((chunk_lo(c) ^ a->tag) & CHUNK_TAG_MASK) != 0 ||
	    !(chunk_lo(c) & CHUNK_C))
		fatal_at("free(): invalid pointer", p);
	if (units <= NR_SMALL) {
		run_put(a, p);
		return;
	}
	store_relaxed(&c->lo, (chunk_lo(c) ^ CHUNK_C) | CHUNK_L);
	arena_check_in_use(a, c, "free(): invalid size");
	arena_give(a, c);
}

/* Everything that was posted to an arena, now the caller's. */
static struct remote_batch *remote_pick_up(struct arena *a)
{
	struct remote_batch *batch =
		__atomic_exchange_n(&a->remote, NULL, __ATOMIC_ACQUIRE);

	store_relaxed(&a->remote_bytes, 0);
	return batch;
}

static struct remote_batch *remote_batch_done(struct heap *heap,
					      struct remote_batch *batch)
{
	struct remote_batch *next = batch->next;

	meta_free(&heap->meta, batch, sizeof(*batch));
	return next;
}

static void remote_prefetch(const struct remote_batch *batch, uint32_t i)
{
	if (i < batch->nr)
		__builtin_prefetch(chunk_of(batch->p[i]), 1);
}

void remote_drain(struct arena *a)
{
	struct remote_batch *batch;

	if (LIKELY(!remote_is_pending(a)))
		return;
	batch = remote_pick_up(a);
	while (batch) {
		for (uint32_t i = 0; i < batch->nr; i++) {
			remote_prefetch(batch, i + COLLECT_AHEAD);
			remote_give_back(a, batch->p[i]);
		}
		batch = remote_batch_done(a->heap, batch);
	}
}

/* Puts a chunk that has C set on its stack; false: no room, or damaged. */
static bool remote_to_stack(struct tcache *tc, void *p)
{
	uint32_t x = chunk_lo(chunk_of(p)) ^ CHUNK_C ^ tcache_tag(tc);
	size_t cls = 0;

	x = x >> CHUNK_UNITS_SHIFT | x << (32 - CHUNK_UNITS_SHIFT);
	if (x <= NR_SMALL)
		cls = x;
	else if (x <= CACHED_UNITS_MAX)
		cls = sizeclass_of_medium(tc->medium_table, x);
	if (tc->sp[cls] == tc->limit[cls])
		return false;
	tc->sp[cls][-1] = p;
	store_relaxed(&tc->sp[cls], tc->sp[cls] - 1);
	return true;
}

void remote_collect(struct tcache *tc)
{
	struct arena *a = tc->arena;
	struct remote_batch *batch = remote_pick_up(a);
	bool locked = false;

	while (batch) {
		for (uint32_t i = 0; i < batch->nr; i++) {
			remote_prefetch(batch, i + COLLECT_AHEAD);
			if (remote_to_stack(tc, batch->p[i]))
				continue;
			if (!locked)
				lock_take(&a->lock);
			locked = true;
			remote_give_back(a, batch->p[i]);
		}
		batch = remote_batch_done(a->heap, batch);
	}
	if (locked)
		lock_drop(&a->lock);
}

static void remote_post(struct remote_slot *slot)
{
	struct remote_batch *batch = slot->batch;
	struct arena *a = slot->arena;
	size_t bytes = batch->bytes;

	store_relaxed(&slot->batch, NULL);
	batch->next = load_relaxed(&a->remote);
	while (!__atomic_compare_exchange_n(&a->remote, &batch->next, batch,
					    true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		continue;
	bytes += __atomic_fetch_add(&a->remote_bytes, bytes, __ATOMIC_RELAXED);
	if (bytes > REMOTE_BYTES_MAX || load_relaxed(&a->nr_attached) == 0) {
		lock_take(&a->lock);
		remote_drain(a);
		lock_drop(&a->lock);
	}
}

/* The slot's batch for frees to `to`; NULL: no memory for one. */
static struct remote_batch *remote_batch_for(struct tcache *tc,
					     struct remote_slot *slot,
					     struct arena *to)
{
	if (slot->batch && slot->arena != to)
		remote_post(slot);
	if (!slot->batch) {
		store_relaxed(&slot->arena, to);
		store_relaxed(&slot->batch,
			      meta_alloc(&tc->heap->meta, sizeof(*slot->batch)));
	}
	return slot->batch;
}

void remote_free(struct tcache *tc, struct arena *to, void *p)
{
	struct remote_slot *slot = &tc->remote[to->index % NR_REMOTE_SLOTS];
	struct remote_batch *batch = remote_batch_for(tc, slot, to);
	struct chunk *c = chunk_of(p);
	uint32_t lo = chunk_lo(c);

	store_relaxed(&c->lo, lo | CHUNK_C);
	if (UNLIKELY(!batch)) {
		lock_take(&to->lock);
		remote_give_back(to, p);
		lock_drop(&to->lock);
		return;
	}
	batch->p[batch->nr] = p;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	batch->nr++;
	store_relaxed(&batch->bytes,
		      batch->bytes + (lo >> CHUNK_UNITS_SHIFT) * UNIT);
	if (batch->nr == REMOTE_BATCH || batch->bytes >= REMOTE_BATCH_BYTES)
		remote_post(slot);
}

void remote_post_all(struct tcache *tc)
{
	for (unsigned i = 0; i < NR_REMOTE_SLOTS; i++)
		if (tc->remote[i].batch)
			remote_post(&tc->remote[i]);
}
