/*
 * malloc.c: the slow half of malloc and calloc.
 *
 * The way of a request that the thread's stack could not serve:
 *
 *   small, medium   chunks that other threads have sent home, for a medium request
 *                   one of the next class, then a refill of the stack from the
 *                   arena
 *   larger          a deferred chunk of the size
 *                   a free chunk of the arena, or top as it is
 *                   from mmap_threshold on: a mapping of its own
 *                   otherwise: grow top
 *   nothing left    all that waits anywhere goes back, then a free chunk of any
 *                   arena, or a mapping
 *
 * The free chunk and top come before the threshold, as in glibc: "mapped from
 * 128 KiB on" holds for what neither can serve.
 */
#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/quiet.h"
#include "alloc/remote.h"
#include "alloc/top.h"
#include "alloc/validate.h"

#include <string.h>

static struct arena *arena_for(struct heap *heap, const struct tcache *tc)
{
	return tcache_is_real(tc) ? tc->arena : &heap->main_arena;
}

/* A small chunk without a cache: it is taken from its run for the caller. */
static void *malloc_small_uncached(struct arena *a, size_t size)
{
	void *p = NULL;

	lock_take(&a->lock);
	remote_drain(a);
	if (run_take(a, (unsigned)chunk_units_for(size), &p, 1) == 1)
		store_relaxed(&chunk_of(p)->lo,
			      chunk_lo(chunk_of(p)) ^ CHUNK_C);
	lock_drop(&a->lock);
	return p;
}

static void *malloc_from_arena(struct tcache *tc, struct arena *a, size_t units,
			       bool may_grow, uintptr_t *zero_from)
{
	struct chunk *c;

	lock_take(&a->lock);
	a->visitor = tcache_is_real(tc) ? tc : NULL;
	if (a->visitor && units >= BIN_LARGE)
		defer_give_back(tc);
	c = arena_take(a, units, may_grow, zero_from);
	a->visitor = NULL;
	lock_drop(&a->lock);
	if (!c)
		return NULL;
	if (tcache_is_real(tc))
		tcache_took(tc, units * UNIT);
	return chunk_user(c);
}

/* Whatever waits goes back to where it came from, and then some arena may have
 * room, or the system for a mapping. */
static void *malloc_last_resort(struct heap *heap, struct tcache *tc,
				size_t size, uintptr_t *zero_from)
{
	unsigned nr = __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
	size_t units = chunk_units_for(size);
	bool is_zero;

	if (tcache_is_real(tc))
		tcache_flush_all(tc);
	mapped_expire(heap, 0, true);
	*zero_from = UINTPTR_MAX;
	for (unsigned i = 0; i < nr; i++) {
		struct arena *a = heap_arena_at(heap, i);
		uintptr_t unused;
		struct chunk *c;

		lock_take(&a->lock);
		arena_gather(a);
		run_release_empty(a);
		c = arena_take(a, units, true, &unused);
		if (!c)
			top_trim(a, heap->options.top_pad_set
					    ? heap->options.top_pad
					    : 0);
		lock_drop(&a->lock);
		if (c)
			return chunk_user(c);
	}
	return mapped_alloc(heap, size, UNIT, &is_zero);
}

/* A chunk that no cache takes.  *zero_from: see arena_take; 0: all of it. */
static void *malloc_large(struct heap *heap, struct tcache *tc, size_t size,
			  uintptr_t *zero_from)
{
	struct arena *a = arena_for(heap, tc);
	size_t units = chunk_units_for(size);
	bool maps = units * UNIT >= load_relaxed(&heap->options.mmap_threshold);
	bool is_zero;
	void *p;

	p = malloc_from_arena(tc, a, units, !maps, zero_from);
	if (!p) {
		p = mapped_alloc(heap, size, UNIT, &is_zero);
		if (p)
			*zero_from = is_zero ? 0 : UINTPTR_MAX;
	}
	if (!p && maps)
		p = malloc_from_arena(tc, a, units, true, zero_from);
	return p ? p : malloc_last_resort(heap, tc, size, zero_from);
}

static void *malloc_cached(struct heap *heap, struct tcache *tc, size_t size)
{
	void *p;

	if (!tcache_is_real(tc))
		return size <= SMALL_MAX
			       ? malloc_small_uncached(&heap->main_arena, size)
			       : NULL;
	p = tcache_malloc(tc, size);
	return p ? p : tcache_refill(tc, (uint32_t)chunk_units_for(size));
}

/* A deferred chunk for a large request; NULL: there is none. */
static ALWAYS_INLINE void *malloc_deferred(struct heap *heap, struct tcache *tc,
					   size_t size)
{
	struct chunk *c;

	if (size <= MEDIUM_MAX || size > PTRDIFF_MAX || !tcache_is_real(tc) ||
	    UNLIKELY(load_relaxed(&heap->uncached)))
		return NULL;
	c = defer_take(tc, chunk_units_for(size));
	if (!c)
		return NULL;
	heap_tick_rarely(heap, tc);
	return chunk_user(c);
}

static NOINLINE void *malloc_any(struct heap *heap, struct tcache *tc,
				 size_t size, uintptr_t *zero_from)
{
	void *p = NULL;

	*zero_from = UINTPTR_MAX;
	if (size > PTRDIFF_MAX)
		return NULL;
	if (UNLIKELY(load_relaxed(&heap->uncached)))
		tc = heap_drop_cache(heap, tc);
	if (UNLIKELY(MMSIM_DEBUG >= 2 || heap->options.check_action == 3))
		validate_now_and_then(heap);
	if (tc == &tcache_none)
		tc = heap_tcache(heap);
	if (size <= MEDIUM_MAX)
		p = malloc_cached(heap, tc, size);
	if (!p)
		p = malloc_large(heap, tc, size, zero_from);
	heap_tick(heap, tc);
	if (UNLIKELY(quiet_watches(tc)))
		quiet_malloced(tc);
	return p;
}

void heap_fill_new(struct heap *heap, void *p, size_t size)
{
	memset(p, (int)(load_relaxed(&heap->options.perturb) ^ 0xff) & 0xff,
	       size);
}

void *heap_malloc(struct heap *heap, struct tcache *tc, size_t size)
{
	void *p = malloc_deferred(heap, tc, size);
	uintptr_t unused;

	if (!p)
		p = malloc_any(heap, tc, size, &unused);
	if (UNLIKELY(load_relaxed(&heap->options.perturb) != 0) && p)
		heap_fill_new(heap, p, size);
	return p;
}

void *heap_calloc(struct heap *heap, struct tcache *tc, size_t size)
{
	void *p = malloc_deferred(heap, tc, size);
	uintptr_t zero_from = UINTPTR_MAX;

	if (!p)
		p = malloc_any(heap, tc, size, &zero_from);
	if (p && zero_from > (uintptr_t)p)
		memset(p, 0, min_size(size, zero_from - (uintptr_t)p));
	return p;
}
