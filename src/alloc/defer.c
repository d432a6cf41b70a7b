/*
 * defer.c: keeping the last few large frees of a thread.
 */
#include "alloc/defer.h"

#include "alloc/heap.h"

#define DEFER_BYTES_MAX (32 * MIB)

bool defer_free(struct tcache *tc, struct chunk *c)
{
	const struct options *o = &tc->heap->options;
	size_t most = min_size(load_relaxed(&o->trim_threshold),
			       DEFER_BYTES_MAX);
	size_t bytes = chunk_bytes(c);

	if (o->trim_threshold_set || tc->nr_deferred == NR_DEFERRED ||
	    bytes > most || tc->deferred_bytes > most - bytes)
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
