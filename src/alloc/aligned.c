/*
 * aligned.c: memory at addresses that are multiples of a power of two.
 *
 * Small requests cost no more than malloc: the chunks of a class whose size is
 * a multiple of the alignment are aligned (run.h), so the request is rounded
 * up to such a class.  Only its shards may not be: then the next chunk of the
 * stack is taken that is aligned, or a new one of a run.  Others are cut out of
 * a larger chunk of the arena, whose two ends go back; from mmap_threshold on
 * they are mapped.
 *
 * Source: posix_memalign(3).
 */
#include "alloc/defer.h"
#include "alloc/heap.h"

#include <string.h>

/* Cuts [user - USER_OFFSET, + units) out of c, which is large enough. */
static struct chunk *aligned_cut(struct arena *a, struct chunk *c,
				 uintptr_t user, size_t units)
{
	size_t lead = (user - (uintptr_t)chunk_user(c)) / UNIT;

	if (lead > 0) {
		struct chunk *front = c;

		c = arena_split(a, front, lead);
		arena_give(a, front);
	}
	arena_shrink(a, c, units);
	return c;
}

static void *aligned_from_arena(struct tcache *tc, struct arena *a,
				size_t alignment, size_t size, bool may_grow)
{
	size_t units = max_size(chunk_units_for(size), MIN_FREE_UNITS);
	size_t extra = alignment / UNIT + MIN_FREE_UNITS;
	uintptr_t zero_from, user;
	struct chunk *c;

	lock_take(&a->lock);
	if (tcache_is_real(tc))
		defer_give_back(tc);
	c = arena_take(a, units + extra, may_grow, &zero_from);
	if (c) {
		user = align_up((uintptr_t)chunk_user(c), alignment);
		/* What is cut off in front must be able to stand alone. */
		if (user != (uintptr_t)chunk_user(c) &&
		    user - (uintptr_t)chunk_user(c) < MIN_FREE_UNITS * UNIT)
			user += alignment;
		c = aligned_cut(a, c, user, units);
		if (sizeclass_has_medium(chunk_units(c)))
			medium_adopt(a, c);
	}
	lock_drop(&a->lock);
	return c ? chunk_user(c) : NULL;
}

static void *aligned_large(struct heap *heap, struct tcache *tc,
			   size_t alignment, size_t size)
{
	struct arena *a = tcache_is_real(tc) ? tc->arena : &heap->main_arena;
	size_t need, threshold = load_relaxed(&heap->options.mmap_threshold);
	bool is_zero, maps;
	void *p;

	if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX - size)
		return NULL;
	need = size + alignment;
	maps = need >= threshold;
	p = aligned_from_arena(tc, a, alignment, size, !maps);
	if (!p)
		p = mapped_alloc(heap, size, alignment, &is_zero);
	if (!p && maps)
		p = aligned_from_arena(tc, a, alignment, size, true);
	return p;
}

/* A chunk whose size is a multiple of the alignment, past the cache. */
static void *aligned_from_run(struct heap *heap, struct tcache *tc, size_t size)
{
	struct arena *a = tcache_is_real(tc) ? tc->arena : &heap->main_arena;
	void *p;

	lock_take(&a->lock);
	if (tcache_is_real(tc))
		defer_give_back(tc);
	p = run_take_whole(a, (unsigned)chunk_units_for(size));
	if (p)
		store_relaxed(&chunk_of(p)->lo,
			      chunk_lo(chunk_of(p)) ^ CHUNK_C);
	lock_drop(&a->lock);
	return p;
}

/* The same from the cache, or wherever malloc finds one that is aligned. */
static void *aligned_small(struct heap *heap, struct tcache *tc,
			   size_t alignment, size_t size)
{
	void *p = tcache_pop_aligned(tc, chunk_units_for(size), alignment);

	if (!p)
		p = heap_malloc(heap, tc, size);
	if (!p || is_aligned((uintptr_t)p, alignment))
		return p;
	/* A shard, or from elsewhere because memory is short.  heap_malloc may
	 * have made or dropped the cache. */
	heap_free(heap, heap_tcache(heap), p);
	return NULL;
}

void *heap_memalign(struct heap *heap, struct tcache *tc, size_t alignment,
		    size_t size)
{
	size_t rounded = align_up(size + HEADER_SIZE, alignment) - HEADER_SIZE;
	bool is_small = alignment <= RUN_ALIGN_MAX && size <= SMALL_MAX &&
			rounded <= SMALL_MAX;
	void *p = NULL;

	if (alignment <= UNIT)
		return heap_malloc(heap, tc, size);
	if (UNLIKELY(load_relaxed(&heap->uncached)))
		tc = heap_drop_cache(heap, tc);
	if (is_small) {
		p = aligned_small(heap, tc, alignment, rounded);
		if (p)
			return p;
	}
	tc = heap_tcache(heap);
	if (is_small)
		p = aligned_from_run(heap, tc, rounded);
	if (!p)
		p = aligned_large(heap, tc, alignment, size);
	heap_tick(heap, tc);
	if (UNLIKELY(load_relaxed(&heap->options.perturb) != 0) && p)
		heap_fill_new(heap, p, size);
	return p;
}
