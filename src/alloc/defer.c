/*
 * defer.c: keeping the last few large frees of a thread.
 */
#include "alloc/defer.h"

#include "alloc/heap.h"

#define DEFER_BYTES_MAX (32 * MIB)

static inline struct known_chunk *defer_known(struct tcache *tc,
					      const struct chunk *c)
{
	uintptr_t page = (uintptr_t)c >> 12;

	return &tc->known[(page ^ page >> 8) % NR_KNOWN];
}

static ALWAYS_INLINE bool defer_keep(struct tcache *tc, struct chunk *c,
				     size_t bytes)
{
	const struct options *o = &tc->heap->options;
	size_t most = min_size(load_relaxed(&o->trim_threshold),
			       DEFER_BYTES_MAX);

	if (o->trim_threshold_set || tc->nr_deferred == NR_DEFERRED ||
	    tc->deferred_bytes + bytes > most)
		return false;
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	tc->deferred[tc->nr_deferred] = c;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->nr_deferred++;
	store_relaxed(&tc->deferred_bytes, tc->deferred_bytes + bytes);
	/* What waits already is due before this. */
	if (load_relaxed(&tc->heap->due_ns) == 0)
		heap_wait(tc->heap, heap_now_ns(tc->heap));
	return true;
}

bool defer_free(struct tcache *tc, struct chunk *c)
{
	return defer_keep(tc, c, chunk_bytes(c));
}

bool defer_free_known(struct tcache *tc, struct chunk *c)
{
	const struct known_chunk *known = defer_known(tc, c);
	size_t units = chunk_units(c);
	const struct chunk *next;

	if (known->chunk != c || known->units != units ||
	    c == load_relaxed(&tc->arena->top))
		return false;
	next = chunk_at(c, (ptrdiff_t)(units * UNIT));
	if (((chunk_lo(next) ^ chunk_lo(c)) & CHUNK_TAG_MASK) != 0 ||
	    !chunk_prev_in_use(next))
		return false;
	return defer_keep(tc, c, units * UNIT);
}

struct chunk *defer_take(struct tcache *tc, size_t units)
{
	for (unsigned i = tc->nr_deferred; i-- > 0;) {
		struct chunk *c = tc->deferred[i];

		if (chunk_units(c) != units)
			continue;
		if (i + 1 < tc->nr_deferred) {
			/* A fork here must not find a chunk twice. */
			struct chunk *last = tc->deferred[tc->nr_deferred - 1];

			tc->deferred[tc->nr_deferred - 1] = NULL;
			__atomic_thread_fence(__ATOMIC_RELEASE);
			tc->deferred[i] = last;
			__atomic_thread_fence(__ATOMIC_RELEASE);
		}
		tc->nr_deferred--;
		store_relaxed(&tc->deferred_bytes,
			      tc->deferred_bytes - units * UNIT);
		store_relaxed(&c->lo, chunk_lo(c) & ~CHUNK_C);
		*defer_known(tc, c) = (struct known_chunk){c, units};
		return c;
	}
	return NULL;
}

void defer_give_back(struct tcache *tc)
{
	while (tc->nr_deferred > 0) {
		struct chunk *c = tc->deferred[--tc->nr_deferred];

		if (!c)
			continue;
		store_relaxed(&c->lo, chunk_lo(c) & ~CHUNK_C);
		arena_give(tc->arena, c);
	}
	store_relaxed(&tc->deferred_bytes, 0);
}
