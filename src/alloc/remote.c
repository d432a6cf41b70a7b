/*
 * remote.c: gathering, posting and collecting frees of other arenas' chunks.
 *
 * The links are in the freed chunks, mixed with the heap's key and turned so
 * that the bits that are zero in every pointer come together: one test tells a
 * link that was overwritten.  A list is well formed at every instruction, for
 * a fork may catch another thread anywhere.
 */
#include "alloc/remote.h"

#include "alloc/heap.h"
#include "base/fatal.h"

/* Zero in every user pointer: 4 bits of alignment, 17 above 47 bits. */
#define LINK_BAD_BITS 17

static uint64_t remote_encode(const struct heap *heap, const void *p)
{
	return (uint64_t)(uintptr_t)p ^ heap->key;
}

static void *remote_decode(const struct heap *heap, void *at)
{
	uint64_t x = *(uint64_t *)at ^ heap->key;

	if ((x & (UNIT - 1)) != 0 || x >> (64 - LINK_BAD_BITS) != 0)
		fatal_at("malloc(): unaligned tcache chunk detected", at);
	return (void *)(uintptr_t)x;
}

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
	arena_give(a, c);
}

void remote_drain(struct arena *a)
{
	void *p = __atomic_exchange_n(&a->remote, NULL, __ATOMIC_ACQUIRE);

	if (!p)
		return;
	store_relaxed(&a->remote_bytes, 0);
	while (p) {
		void *next = remote_decode(a->heap, p);

		remote_give_back(a, p);
		p = next;
	}
}

void remote_collect(struct tcache *tc)
{
	struct arena *a = tc->arena;
	void *p = __atomic_exchange_n(&a->remote, NULL, __ATOMIC_ACQUIRE);
	bool locked = false;

	store_relaxed(&a->remote_bytes, 0);
	while (p) {
		void *next = remote_decode(a->heap, p);
		uint32_t x = chunk_lo(chunk_of(p)) ^ a->tag ^ CHUNK_C;
		size_t cls = 0;

		/* Like free's fast path, for a chunk that has C set. */
		x = x >> CHUNK_UNITS_SHIFT | x << (32 - CHUNK_UNITS_SHIFT);
		if (x <= NR_SMALL)
			cls = x;
		else if (x <= CACHED_UNITS_MAX)
			cls = sizeclass_of_units(tc->medium_table, x);
		if (tc->sp[cls] != tc->limit[cls]) {
			tc->sp[cls][-1] = p;
			tc->sp[cls]--;
		} else {
			if (!locked)
				lock_take(&a->lock);
			locked = true;
			remote_give_back(a, p);
		}
		p = next;
	}
	if (locked)
		lock_drop(&a->lock);
}

static void remote_post(struct remote_slot *slot)
{
	struct arena *a = slot->arena;
	void *first = slot->first, *last = slot->last;
	void *head = load_relaxed(&a->remote);
	size_t bytes = slot->bytes;

	slot->arena = NULL;
	do
		*(uint64_t *)last = remote_encode(a->heap, head);
	while (!__atomic_compare_exchange_n(&a->remote, &head, first, true,
					    __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
	bytes += __atomic_fetch_add(&a->remote_bytes, bytes, __ATOMIC_RELAXED);
	if (bytes > REMOTE_BYTES_MAX || load_relaxed(&a->nr_attached) == 0) {
		lock_take(&a->lock);
		remote_drain(a);
		lock_drop(&a->lock);
	}
}

void remote_free(struct tcache *tc, struct arena *to, void *p)
{
	struct remote_slot *slot = &tc->remote[to->index % NR_REMOTE_SLOTS];
	struct chunk *c = chunk_of(p);

	if (slot->arena != to) {
		if (slot->arena)
			remote_post(slot);
		slot->first = NULL;
		slot->last = p;
		slot->nr = 0;
		slot->bytes = 0;
		slot->arena = to;
	}
	*(uint64_t *)p = remote_encode(to->heap, slot->first);
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	slot->first = p;
	slot->nr++;
	slot->bytes += (chunk_lo(c) >> CHUNK_UNITS_SHIFT) * UNIT;
	if (slot->nr >= REMOTE_BATCH || slot->bytes >= REMOTE_BATCH_BYTES)
		remote_post(slot);
}

void remote_post_all(struct tcache *tc)
{
	for (unsigned i = 0; i < NR_REMOTE_SLOTS; i++)
		if (tc->remote[i].arena)
			remote_post(&tc->remote[i]);
}
