/*
 * realloc.c: resizing, in place where that is possible.
 *
 * A block never moves while the chunk already has the room; what a smaller size
 * leaves over is cut off and freed where it stands.  A mapped chunk
 * grows by mremap(2), which copies nothing; a chunk of an arena grows into the
 * free chunk or the top behind it.  Only then is there a new block and a copy.
 *
 * Source: realloc(3).
 */
#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/quiet.h"
#include "alloc/shard.h"
#include "base/fatal.h"

#include <string.h>

#define INVALID "realloc(): invalid pointer"

/* The arena of a chunk in use that is not mapped; ends the program when p is
 * not the user pointer of one. */
static struct arena *realloc_arena(struct heap *heap, const void *p,
				   const char *message)
{
	uint32_t lo;
	struct arena *a;

	if (!is_aligned((uintptr_t)p, UNIT))
		fatal_at(message, p);
	lo = chunk_lo(chunk_of(p));
	a = heap_arena_of_tag(heap, lo);
	if (!a || (lo & (CHUNK_M | CHUNK_C | CHUNK_F)) != 0 ||
	    chunk_of(p) == load_relaxed(&a->top))
		fatal_at(message, p);
	return a;
}

static bool chunk_is_mapped(const struct heap *heap, const void *p)
{
	return is_aligned((uintptr_t)p, UNIT) &&
	       heap_index_of_tag(heap, chunk_lo(chunk_of(p))) == MAPPED_INDEX;
}

/* Bytes usable at p, which is of an arena. */
static size_t realloc_usable(const void *p)
{
	const struct chunk *c = chunk_of(p);

	/* hi of a small chunk is not part of its size. */
	if (!(chunk_lo(c) & CHUNK_L))
		return chunk_units_usable(chunk_lo(c) >> CHUNK_UNITS_SHIFT);
	return chunk_units_usable(chunk_units(c));
}

size_t heap_usable_size(struct heap *heap, const void *p)
{
	const char *message = "malloc_usable_size(): invalid pointer";

	if (chunk_is_mapped(heap, p))
		return mapped_usable(heap, p, message);
	realloc_arena(heap, p, message);
	return realloc_usable(p);
}

/* Resizes a chunk that no cache takes where it is; false: no room. */
static bool realloc_in_place(struct tcache *tc, struct arena *a,
			     struct chunk *c, size_t size)
{
	size_t units = chunk_units_for(size);
	size_t before, cut;
	bool fits;

	lock_take(&a->lock);
	if (tcache_is_real(tc) && tc->arena == a)
		defer_give_back(tc);
	arena_check_in_use(a, c, INVALID);
	before = chunk_units(c);
	fits = arena_extend(a, c, units);
	if (fits)
		arena_shrink(a, c, units);
	cut = before - min_size(chunk_units(c), before);
	lock_drop(&a->lock);
	if (cut > 0)
		quiet_given(a, cut * UNIT);
	return fits;
}

/* A medium chunk stays one. */
static void realloc_cut_medium(struct heap *heap, void *p, size_t size)
{
	struct arena *a = realloc_arena(heap, p, INVALID);
	struct chunk *c = chunk_of(p);
	size_t units = chunk_units(c);
	size_t cut = max_size(chunk_units_for(size), NR_SMALL + 1);

	if (cut >= units)
		return;
	lock_take(&a->lock);
	arena_check_in_use(a, c, INVALID);
	arena_shrink(a, c, cut);
	medium_recut(a, c, (uint32_t)units);
	lock_drop(&a->lock);
	quiet_given(a, (units - cut) * UNIT);
}

void heap_realloc_cut(struct heap *heap, struct tcache *tc, void *p,
		      size_t size)
{
	uint32_t units = chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT;
	void *rest;

	if (units > NR_SMALL) {
		realloc_cut_medium(heap, p, size);
		return;
	}
	rest = shard_cut(p, (uint32_t)chunk_units_for(size));
	if (tcache_is_real(tc) && tcache_usable(tc, rest) > 0) {
		rest = shard_slide(tc, rest, units);
		if (!rest)
			return;
		user_toggle_cached(rest);
	}
	if (!tcache_free(tc, rest))
		heap_free(heap, tc, rest);
}

static void *realloc_by_copy(struct heap *heap, struct tcache *tc, void *p,
			     size_t old_size, size_t size)
{
	void *q = heap_malloc(heap, tc, sizeclass_grown(size));

	if (!q)
		return NULL;
	memcpy(q, p, min_size(old_size, size));
	/* heap_malloc may have made or dropped the cache. */
	heap_free(heap, heap_tcache(heap), p);
	return q;
}

static void *realloc_mapped(struct heap *heap, struct tcache *tc, void *p,
			    size_t size)
{
	size_t usable = mapped_usable(heap, p, INVALID);
	void *q = mapped_realloc(heap, p, size, INVALID);

	if (q)
		return q;
	/* A smaller mapping that cannot be had does no harm. */
	return size <= usable ? p :
				realloc_by_copy(heap, tc, p, usable, size);
}

void *heap_realloc(struct heap *heap, struct tcache *tc, void *p, size_t size)
{
	struct arena *a;
	size_t usable;

	if (size > PTRDIFF_MAX)
		return NULL;
	if (chunk_is_mapped(heap, p))
		return realloc_mapped(heap, tc, p, size);
	a = realloc_arena(heap, p, INVALID);
	usable = realloc_usable(p);
	if (chunk_lo(chunk_of(p)) & CHUNK_L) {
		if (realloc_in_place(tc, a, chunk_of(p), size))
			return p;
	} else if (size <= usable) {
		if (realloc_is_worth_cutting(usable, size))
			heap_realloc_cut(heap, tc, p, size);
		return p;
	}
	return realloc_by_copy(heap, tc, p, usable, size);
}
