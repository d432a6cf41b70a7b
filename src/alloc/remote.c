/*
 * remote.c: gathering, posting and collecting frees of other arenas' chunks.
 *
 * A batch is well formed at every instruction, for a fork may catch another
 * thread anywhere: a pointer is stored before it is counted.
 */
#include "alloc/remote.h"

#include "alloc/quiet.h"
#include "base/fatal.h"

/* What may be posted to an arena and not be picked up: half of the arena, within
 * these bounds.  The upper one is for the time that taking it in takes. */
#define REMOTE_BYTES_MIN (512 * KIB)
#define REMOTE_BYTES_MAX (8 * MIB)
/* After so much it is looked whether the arena has become quiet. */
#define REMOTE_LOOK_BYTES (256 * KIB)
/* At most so many batches are unpacked at once. */
#define COLLECT_MAX 8u
/* So many empty batches a cache keeps for its own frees. */
#define KEPT_MAX 16u

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

/* All that was posted this way, now the caller's. */
static struct remote_batch *remote_pick_up(struct arena *a, unsigned way)
{
	return __atomic_exchange_n(&a->remote[way], NULL, __ATOMIC_ACQUIRE);
}

/* Posts a chain of batches, of which it is the first and the last. */
static void remote_push(struct arena *a, unsigned way,
			struct remote_batch *first, struct remote_batch *last)
{
	struct remote_batch *next = load_relaxed(&a->remote[way]);

	do
		last->next = next;
	while (!__atomic_compare_exchange_n(&a->remote[way], &next, first, true,
					    __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

/* An empty batch leaves its chain; returns the next one. */
static struct remote_batch *remote_batch_done(struct arena *a,
					      struct remote_batch *batch)
{
	struct remote_batch *next = batch->next;

	meta_free(&a->heap->meta, batch, sizeof(*batch));
	return next;
}

/* The same; `tc` may keep it. */
static struct remote_batch *remote_batch_keep(struct tcache *tc,
					      struct remote_batch *batch)
{
	struct remote_batch *next = batch->next;

	if (tc->nr_kept == KEPT_MAX)
		return remote_batch_done(tc->arena, batch);
	batch->next = tc->kept;
	tc->kept = batch;
	tc->nr_kept++;
	return next;
}

static struct remote_batch *remote_batch_new(struct tcache *tc)
{
	struct remote_batch *batch = tc->kept;

	if (!batch)
		return meta_alloc(&tc->heap->meta, sizeof(*batch));
	tc->kept = batch->next;
	tc->nr_kept--;
	return batch;
}

void remote_free_kept(struct tcache *tc)
{
	while (tc->kept)
		tc->kept = remote_batch_done(tc->arena, tc->kept);
	tc->nr_kept = 0;
}

void remote_give_many(struct arena *a, unsigned cls, void *const *p, unsigned n)
{
	if (sizeclass_is_small(cls)) {
		run_put_many(a, p, n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		remote_give_back(a, p[i]);
}

static void remote_drain_way(struct arena *a, unsigned way)
{
	struct remote_batch *batch = remote_pick_up(a, way);

	while (batch) {
		__atomic_fetch_sub(&a->remote_bytes, batch->bytes,
				   __ATOMIC_RELAXED);
		remote_give_many(a, way ? CLASS_MEDIUM : 1, batch->p,
				 batch->nr);
		batch = remote_batch_done(a, batch);
	}
}

bool remote_drain(struct arena *a)
{
	bool any = false;

	for (unsigned way = 0; way < NR_REMOTE_WAYS; way++)
		if (UNLIKELY(load_relaxed(&a->remote[way]) != NULL)) {
			remote_drain_way(a, way);
			any = true;
		}
	if (UNLIKELY(a->spare && a->spare_has_chunks)) {
		a->spare_has_chunks = false;
		tcache_give_stacks(a->spare);
		any = true;
	}
	return any;
}

/* Moves chunks of a batch to the stacks, until that of class `cls` has no room:
 * then false.  Those for which another one has none are gathered in rest[]. */
static bool remote_unpack(struct tcache *tc, struct remote_batch *batch,
			  unsigned cls, void **rest, unsigned *nr_rest)
{
	while (batch->nr > 0) {
		uint32_t units = batch->units[batch->nr - 1];
		void *p = batch->p[batch->nr - 1];
		size_t its = sizeclass_of(tc->medium_table, units);
		void **sp = tc->sp[its];

		if (sp == tc->limit[its] && its == cls)
			return false;
		batch->nr--;
		/* A fork may have come between the count and the bytes. */
		batch->bytes -= (uint32_t)min_size(batch->bytes, units * UNIT);
		if (sp == tc->limit[its]) {
			rest[(*nr_rest)++] = p;
			continue;
		}
		/* malloc will write its header. */
		__builtin_prefetch(chunk_of(p), 1);
		sp[-1] = p;
		__atomic_thread_fence(__ATOMIC_RELEASE);
		store_relaxed(&tc->sp[its], sp - 1);
	}
	return true;
}

void remote_collect(struct tcache *tc, unsigned cls)
{
	struct arena *a = tc->arena;
	unsigned way = remote_way(cls);
	struct remote_batch *batch = remote_pick_up(a, way), *last;
	bool all = true;

	for (unsigned n = 0; batch && all && n < COLLECT_MAX; n++) {
		void *rest[REMOTE_BATCH];
		unsigned nr_rest = 0;
		size_t bytes = batch->bytes;

		all = remote_unpack(tc, batch, cls, rest, &nr_rest);
		__atomic_fetch_sub(&a->remote_bytes, bytes - batch->bytes,
				   __ATOMIC_RELAXED);
		if (all)
			batch = remote_batch_keep(tc, batch);
		if (nr_rest == 0)
			continue;
		lock_take(&a->lock);
		remote_give_many(a, cls, rest, nr_rest);
		lock_drop(&a->lock);
	}
	if (!batch)
		return;
	for (last = batch; last->next;)
		last = last->next;
	remote_push(a, way, batch, last);
}

static size_t remote_bytes_max(const struct arena *a)
{
	size_t half = load_relaxed(&a->max_system_bytes) / 2;

	return max_size(min_size(half, REMOTE_BYTES_MAX), REMOTE_BYTES_MIN);
}

void remote_post(struct remote_slot *slot, unsigned way)
{
	struct remote_batch *batch = slot->batch[way];
	struct arena *a = slot->arena;
	size_t before, bytes = batch->bytes;

	store_relaxed(&slot->batch[way], NULL);
	/* Before it can be picked up, so that it never is less than nothing. */
	before = __atomic_fetch_add(&a->remote_bytes, bytes, __ATOMIC_RELAXED);
	bytes += before;
	remote_push(a, way, batch, batch);
	arena_put_aside(a);
	if (bytes > remote_bytes_max(a) || load_relaxed(&a->nr_attached) == 0) {
		lock_take(&a->lock);
		remote_drain(a);
		lock_drop(&a->lock);
		quiet_posted(a);
	} else if (bytes / REMOTE_LOOK_BYTES != before / REMOTE_LOOK_BYTES) {
		quiet_posted(a);
	}
}

static void remote_post_slot(struct remote_slot *slot)
{
	for (unsigned way = 0; way < NR_REMOTE_WAYS; way++)
		if (slot->batch[way])
			remote_post(slot, way);
}

/* The slot's batch for frees to `to`; NULL: no memory for one. */
static struct remote_batch *remote_batch_for(struct tcache *tc,
					     struct remote_slot *slot,
					     struct arena *to, unsigned way)
{
	if (slot->arena != to) {
		remote_post_slot(slot);
		store_relaxed(&slot->arena, to);
		slot->tag = to->tag;
	}
	if (!slot->batch[way])
		store_relaxed(&slot->batch[way], remote_batch_new(tc));
	return slot->batch[way];
}

void remote_free(struct tcache *tc, struct arena *to, void *p)
{
	uint32_t lo = chunk_lo(chunk_of(p));
	uint32_t units = lo >> CHUNK_UNITS_SHIFT;
	struct remote_slot *slot = remote_slot_of(tc->heap, tc, lo);
	unsigned way = remote_way(units);
	struct remote_batch *batch = remote_batch_for(tc, slot, to, way);

	/* The arena finds out what is wrong with others. */
	if (LIKELY(batch && units - 1 < CACHED_UNITS_MAX)) {
		if (remote_add(batch, way, p, units))
			remote_post(slot, way);
		return;
	}
	store_relaxed(&chunk_of(p)->lo, lo | CHUNK_C);
	lock_take(&to->lock);
	remote_give_back(to, p);
	lock_drop(&to->lock);
}

void remote_post_all(struct tcache *tc)
{
	for (unsigned i = 0; i < NR_REMOTE_SLOTS; i++)
		remote_post_slot(&tc->remote[i]);
}
