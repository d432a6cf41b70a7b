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
#define REMOTE_BYTES_MAX (16 * MIB)
/* After so much it is looked whether the arena has become quiet. */
#define REMOTE_LOOK_BYTES (256 * KIB)
/* At most so many batches are unpacked at once. */
#define COLLECT_MAX 5u
/* So many empty batches a cache keeps for its own frees. */
#define KEPT_MAX 16u
/* About so many wait for those who post. */
#define EMPTIED_MAX (2 * KEPT_MAX)

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
	medium_give(a, p);
}

/* Posts a batch. */
static void remote_push(struct arena *a, unsigned way,
			struct remote_batch *batch)
{
	struct remote_batch *next = load_relaxed(&a->remote[way]);

	do
		batch->next = next;
	while (!__atomic_compare_exchange_n(&a->remote[way], &next, batch, true,
					    __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

/* The next batch to unpack, now the caller's; NULL: nothing is posted.  The
 * arena's lock is held. */
static struct remote_batch *remote_pop(struct arena *a, unsigned way)
{
	struct remote_batch *batch = a->picked[way];

	if (!batch && load_relaxed(&a->remote[way]))
		batch = __atomic_exchange_n(&a->remote[way], NULL,
					    __ATOMIC_ACQUIRE);
	if (batch)
		store_relaxed(&a->picked[way], batch->next);
	return batch;
}

static void remote_free_chain(struct meta *meta, struct remote_batch *batch)
{
	while (batch) {
		struct remote_batch *next = batch->next;

		meta_free(meta, batch, sizeof(*batch));
		batch = next;
	}
}

/* Gives the empty batches that the cache keeps to those who post to its arena, or
 * to metadata when they have enough. */
static void remote_hand_kept(struct tcache *tc)
{
	struct arena *a = tc->arena;
	struct remote_batch *next = load_relaxed(&a->emptied);
	struct remote_batch *first = tc->kept, *last = first;

	tc->nr_kept = 0;
	store_relaxed(&tc->kept, NULL);
	if (load_relaxed(&a->nr_emptied) >= EMPTIED_MAX) {
		remote_free_chain(&a->heap->meta, first);
		return;
	}
	__atomic_fetch_add(&a->nr_emptied, KEPT_MAX, __ATOMIC_RELAXED);
	while (last->next)
		last = last->next;
	do
		last->next = next;
	while (!__atomic_compare_exchange_n(&a->emptied, &next, first, true,
					    __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

/* The batches that owners have emptied for those who post to an arena. */
static struct remote_batch *remote_take_emptied(struct arena *a)
{
	if (!load_relaxed(&a->emptied))
		return NULL;
	store_relaxed(&a->nr_emptied, 0);
	return __atomic_exchange_n(&a->emptied, NULL, __ATOMIC_ACQUIRE);
}

/* An empty batch, which `tc` keeps for a while. */
static void remote_batch_keep(struct tcache *tc, struct remote_batch *batch)
{
	if (tc->nr_kept == KEPT_MAX)
		remote_hand_kept(tc);
	batch->next = tc->kept;
	tc->kept = batch;
	tc->nr_kept++;
}

/* An empty batch of the cache's own, or one that others have emptied for those who
 * post to an arena; NULL: there is none. */
static struct remote_batch *remote_batch_again(struct tcache *tc,
					       struct arena *to)
{
	struct remote_batch *batch = tc->kept;

	if (batch) {
		tc->kept = batch->next;
		tc->nr_kept--;
		return batch;
	}
	if (!tc->taken)
		tc->taken = remote_take_emptied(to);
	batch = tc->taken;
	if (!batch)
		return NULL;
	tc->taken = batch->next;
	for (size_t at = 0; at < sizeof(*batch); at += LINE_BYTES)
		prefetch_to_write((const char *)batch + at);
	return batch;
}

/* An empty batch for frees to an arena, of which p is the first; NULL: no
 * memory. */
static struct remote_batch *remote_batch_new(struct tcache *tc,
					     struct arena *to, const void *p)
{
	struct remote_batch *batch = remote_batch_again(tc, to);

	if (!batch)
		batch = meta_alloc(&tc->heap->meta, sizeof(*batch));
	if (!batch)
		return NULL;
	batch->nr = 0;
	store_relaxed(&batch->bytes, 0);
	batch->base = (uintptr_t)p;
	return batch;
}

void remote_free_kept(struct tcache *tc)
{
	remote_free_chain(&tc->heap->meta, tc->kept);
	remote_free_chain(&tc->heap->meta, tc->taken);
	tc->kept = tc->taken = NULL;
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

/* Gives the chunks of a batch to their arena, whose lock is held. */
static void remote_give_batch(struct arena *a, unsigned way,
			      const struct remote_batch *batch)
{
	void *p[REMOTE_BATCH];

	for (uint32_t i = 0; i < batch->nr; i++)
		p[i] = remote_chunk(batch, i);
	remote_give_many(a, way ? CLASS_MEDIUM : 1, p, batch->nr);
}

static bool remote_drain_way(struct arena *a, unsigned way)
{
	struct remote_batch *batch;
	bool any = false;

	while ((batch = remote_pop(a, way)) != NULL) {
		__atomic_fetch_sub(&a->remote_bytes, batch->bytes,
				   __ATOMIC_RELAXED);
		remote_give_batch(a, way, batch);
		meta_free(&a->heap->meta, batch, sizeof(*batch));
		any = true;
	}
	return any;
}

bool remote_drain(struct arena *a)
{
	bool any = false;

	for (unsigned way = 0; way < NR_REMOTE_WAYS; way++)
		any |= remote_drain_way(a, way);
	if (UNLIKELY(a->spare && a->spare_has_chunks)) {
		a->spare_has_chunks = false;
		tcache_give_stacks(a->spare);
		any = true;
	}
	return any;
}

static size_t remote_chain_bytes(const struct remote_batch *batch)
{
	size_t bytes = 0;

	for (; batch; batch = batch->next)
		bytes += batch->bytes;
	return bytes;
}

COLD_FAR void remote_recount(struct arena *a)
{
	size_t bytes = 0;

	for (unsigned way = 0; way < NR_REMOTE_WAYS; way++)
		bytes += remote_chain_bytes(a->remote[way]) +
			 remote_chain_bytes(a->picked[way]);
	store_relaxed(&a->remote_bytes, bytes);
}

/* Moves a chunk to its stack; false: that has no room. */
static ALWAYS_INLINE bool remote_stack(struct tcache *tc, void *p,
				       uint32_t units)
{
	size_t cls = sizeclass_of(tc->medium_table, units);
	void **sp = tc->sp[cls];

	if (UNLIKELY(sp == tc->limit[cls]))
		return false;
	/* malloc will write its header, and who asks for it the rest. */
	prefetch_to_write(chunk_of(p));
	prefetch_to_write((char *)p + 48);
	sp[-1] = p;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->sp[cls], sp - 1);
	return true;
}

/* Moves chunks of a batch from number `from` on to the stacks.  Those for which
 * there is no room are gathered in rest[].  Returns their bytes. */
static size_t remote_unpack(struct tcache *tc, struct remote_batch *batch,
			    uint32_t from, void **rest, unsigned *nr_rest)
{
	size_t units = 0;

	for (uint32_t i = from; i < batch->nr; i++) {
		void *p = remote_chunk(batch, i);

		units += batch->units[i];
		if (!remote_stack(tc, p, batch->units[i]))
			rest[(*nr_rest)++] = p;
	}
	batch->nr = from;
	/* A fork may have come between the count and the bytes. */
	units = min_size(units, batch->bytes / UNIT);
	store_relaxed(&batch->bytes, batch->bytes - (uint32_t)(units * UNIT));
	return units * UNIT;
}

/* Takes batches off that hold at most `room` chunks together, or one; the oldest
 * comes first in the chain. */
static struct remote_batch *remote_take(struct arena *a, unsigned way,
					unsigned room)
{
	struct remote_batch *first = NULL, *batch;
	unsigned nr = 0;

	lock_take(&a->lock);
	for (unsigned n = 0; n < COLLECT_MAX; n++) {
		batch = remote_pop(a, way);
		if (!batch)
			break;
		nr += batch->nr;
		if (first && nr > room) {
			store_relaxed(&a->picked[way], batch);
			break;
		}
		batch->next = first;
		first = batch;
		for (size_t at = LINE_BYTES; at < sizeof(*batch);
		     at += LINE_BYTES)
			__builtin_prefetch((const char *)batch + at);
	}
	lock_drop(&a->lock);
	return first;
}

/* Puts a batch back of which not all was needed, and chunks without a stack into
 * the arena. */
static void remote_take_back(struct arena *a, unsigned way,
			     struct remote_batch *left, void *const *rest,
			     unsigned nr_rest)
{
	lock_take(&a->lock);
	if (left) {
		left->next = a->picked[way];
		store_relaxed(&a->picked[way], left);
		arena_put_aside(a);
	}
	if (way)
		medium_put(a, rest, nr_rest);
	else
		run_put_many(a, rest, nr_rest);
	lock_drop(&a->lock);
}

void remote_collect(struct tcache *tc, unsigned cls)
{
	struct arena *a = tc->arena;
	unsigned way = remote_way(cls), nr_rest = 0;
	unsigned room = (unsigned)(tc->sp[cls] - tc->limit[cls]);
	struct remote_batch *batch = remote_take(a, way, room), *left = NULL;
	void *rest[COLLECT_MAX * REMOTE_BATCH];
	size_t bytes = 0;

	while (batch) {
		struct remote_batch *next = batch->next;
		uint32_t from = batch->nr > room ? batch->nr - room : 0;

		bytes += remote_unpack(tc, batch, from, rest, &nr_rest);
		if (batch->nr > 0)
			left = batch;
		else
			remote_batch_keep(tc, batch);
		batch = next;
	}
	__atomic_fetch_sub(&a->remote_bytes, bytes, __ATOMIC_RELAXED);
	if (left || nr_rest > 0)
		remote_take_back(a, way, left, rest, nr_rest);
}

static size_t remote_bytes_max(const struct arena *a)
{
	size_t half = load_relaxed(&a->max_system_bytes) / 2;

	return max_size(min_size(half, REMOTE_BYTES_MAX), REMOTE_BYTES_MIN);
}

/* Gives a batch to an arena that takes in no more. */
static void remote_give(struct tcache *tc, struct arena *a, unsigned way,
			struct remote_batch *batch)
{
	size_t bytes = batch->bytes;

	lock_take(&a->lock);
	if (load_relaxed(&a->nr_attached) == 0)
		remote_drain(a);
	remote_give_batch(a, way, batch);
	lock_drop(&a->lock);
	remote_batch_keep(tc, batch);
	quiet_given(a, bytes);
}

void remote_post(struct tcache *tc, struct remote_slot *slot, unsigned way)
{
	struct remote_batch *batch = slot->batch[way];
	struct arena *a = slot->arena;
	size_t before, bytes = batch->bytes;

	store_relaxed(&slot->batch[way], NULL);
	before = load_relaxed(&a->remote_bytes);
	if (before + bytes > remote_bytes_max(a) ||
	    load_relaxed(&a->nr_attached) == 0) {
		remote_give(tc, a, way, batch);
		return;
	}
	/* Before it can be picked up, so that it never is less than nothing. */
	before = __atomic_fetch_add(&a->remote_bytes, bytes, __ATOMIC_RELAXED);
	remote_push(a, way, batch);
	arena_put_aside(a);
	if ((before + bytes) / REMOTE_LOOK_BYTES != before / REMOTE_LOOK_BYTES)
		quiet_posted(a);
}

static void remote_post_slot(struct tcache *tc, struct remote_slot *slot)
{
	for (unsigned way = 0; way < NR_REMOTE_WAYS; way++)
		if (slot->batch[way])
			remote_post(tc, slot, way);
}

/* The slot's batch for a free of p to `to`; NULL: no memory for one. */
static struct remote_batch *remote_batch_for(struct tcache *tc,
					     struct remote_slot *slot,
					     struct arena *to, unsigned way,
					     const void *p)
{
	if (slot->arena != to) {
		remote_post_slot(tc, slot);
		store_relaxed(&slot->arena, to);
		slot->tag = to->tag;
	}
	if (slot->batch[way] && !remote_reaches(slot->batch[way], p))
		remote_post(tc, slot, way);
	if (!slot->batch[way])
		store_relaxed(&slot->batch[way], remote_batch_new(tc, to, p));
	return slot->batch[way];
}

void remote_free(struct tcache *tc, struct arena *to, void *p)
{
	uint32_t lo = chunk_lo(chunk_of(p));
	uint32_t units = lo >> CHUNK_UNITS_SHIFT;
	struct remote_slot *slot = remote_slot_of(tc->heap, tc, lo);
	unsigned way = remote_way(units);
	struct remote_batch *batch = remote_batch_for(tc, slot, to, way, p);

	/* The arena finds out what is wrong with others. */
	if (LIKELY(batch && units - 1 < CACHED_UNITS_MAX)) {
		if (remote_add(batch, p, units))
			remote_post(tc, slot, way);
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
		remote_post_slot(tc, &tc->remote[i]);
}
