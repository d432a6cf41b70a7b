/*
 * free.c: the slow half of free.
 *
 * A header that the fast path did not like is looked at in this order: is the
 * pointer aligned; whose tag is it; is it mapped, or free already; and only
 * then at memory around the chunk, inside the bounds of the arena that the tag
 * names.  So a trampled size ends in a message and not in SIGSEGV.
 */
#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/quiet.h"
#include "alloc/remote.h"
#include "alloc/validate.h"
#include "base/fatal.h"

#include <string.h>

#define INVALID "free(): invalid pointer"

/* What remains once a chunk is known to be free: which way is it free? */
static COLD void free_report_double(const struct chunk *c)
{
	void *p = chunk_user(c);

	if (chunk_lo(c) & CHUNK_C)
		fatal_at("free(): double free detected in tcache 2", p);
	fatal_at("double free or corruption (!prev)", p);
}

/* A cacheable chunk, for a thread that does not use a cache.  `drain`: together
 * with what others have posted. */
static void free_uncached(struct arena *a, void *p, bool drain)
{
	struct chunk *c = chunk_of(p);

	lock_take(&a->lock);
	if (drain)
		remote_drain(a);
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	remote_give_back(a, p);
	lock_drop(&a->lock);
}

/* Gives a large chunk back, or, if it is of the thread's own arena, defers it:
 * then true. */
static ALWAYS_INLINE bool free_large(struct tcache *tc, struct arena *a,
				     struct chunk *c, bool own)
{
	bool deferred;

	lock_take(&a->lock);
	arena_check_in_use(a, c, "free(): invalid size");
	deferred = own && defer_free(tc, c);
	if (!deferred)
		arena_give(a, c);
	lock_drop(&a->lock);
	return deferred;
}

/* A thread that watches keeps nothing; what others have posted is taken in when
 * the arena gives back. */
static void free_watched(struct tcache *tc, struct arena *a, struct chunk *c)
{
	bool is_large = (chunk_lo(c) & CHUNK_L) != 0;
	size_t units =
		is_large ? chunk_units(c) : chunk_lo(c) >> CHUNK_UNITS_SHIFT;

	if (is_large)
		free_large(tc, a, c, false);
	else
		free_uncached(a, chunk_user(c), false);
	if (!is_large && a == tc->arena)
		tc->taken_bytes -= min_size(units * UNIT, tc->taken_bytes);
	quiet_watched_free(tc, a, units * UNIT);
}

/* Whether p is what most slow frees are of, so that little else need be asked:
 * a large chunk in use, of the arena of this thread's cache. */
static bool free_is_own_large(const struct heap *heap, const struct tcache *tc,
			      const void *p)
{
	uint32_t flags = (1u << CHUNK_UNITS_SHIFT) - 1;
	uint32_t lo = chunk_lo(chunk_of(p));

	return MMSIM_DEBUG < 2 && ((lo ^ tcache_tag(tc)) & flags) == CHUNK_L &&
	       tcache_is_real(tc) && is_aligned((uintptr_t)p, UNIT) &&
	       !load_relaxed(&heap->uncached);
}

/* Fills p.  Its size is checked before, as it will be when p is given back. */
static void free_perturb(struct heap *heap, struct arena *a, void *p)
{
	struct chunk *c = chunk_of(p);
	uint32_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;
	size_t byte = load_relaxed(&heap->options.perturb);

	if (byte == 0)
		return;
	lock_take(&a->lock);
	if ((chunk_lo(c) & CHUNK_L) || units > NR_SMALL)
		arena_check_in_use(a, c, "free(): invalid size");
	else if (!run_of(a, p))
		fatal_at(INVALID, p);
	lock_drop(&a->lock);
	memset(p, (int)byte, heap_usable_size(heap, p));
}

/* What the thread gives with c, less what it has taken as a loan since its last
 * large free: one large block for another makes no arena quiet. */
static size_t free_net_bytes(const struct tcache *tc, const struct chunk *c)
{
	size_t bytes = chunk_bytes(c);
	size_t lent = tc->loan.lent ? tc->loan.full_units * UNIT : 0;

	return bytes - min_size(bytes, lent);
}

/* A large chunk of the arena of this thread's cache. */
static void free_own_large(struct heap *heap, struct tcache *tc,
			   struct chunk *c)
{
	tc->given_bytes += free_net_bytes(tc, c);
	if (!defer_free_known(tc, c) && !free_large(tc, tc->arena, c, true))
		heap_tick(heap, tc);
	quiet_freed(heap, tc);
}

static FAR void free_mapped(struct heap *heap, void *p)
{
	struct tcache *tc = heap_tcache(heap);
	struct arena *a = tcache_is_real(tc) ? tc->arena : &heap->main_arena;
	size_t adopted =
		mapped_free(heap, a, p, "munmap_chunk(): invalid pointer");

	heap_tick(heap, tc);
	if (adopted == 0) {
		quiet_unmapped(heap, tc);
	} else if (tcache_is_real(tc)) {
		tc->given_bytes += adopted;
		quiet_freed(heap, tc);
	}
}

void heap_free(struct heap *heap, struct tcache *tc, void *p)
{
	struct chunk *c = chunk_of(p);
	uint32_t lo, index;
	struct arena *a;

	if (free_is_own_large(heap, tc, p)) {
		free_own_large(heap, tc, c);
		return;
	}
	if (UNLIKELY(MMSIM_DEBUG >= 2 || heap->options.check_action == 3))
		validate_now_and_then(heap);
	if (!is_aligned((uintptr_t)p, UNIT))
		fatal_at(INVALID, p);
	lo = chunk_lo(c);
	index = heap_index_of_tag(heap, lo);
	if (index == MAPPED_INDEX) {
		free_mapped(heap, p);
		return;
	}
	a = heap_arena(heap, index);
	if (!a || (lo & CHUNK_M))
		fatal_at(INVALID, p);
	if (UNLIKELY(lo & (CHUNK_C | CHUNK_F)))
		free_report_double(c);
	if (UNLIKELY(load_relaxed(&heap->uncached))) {
		free_perturb(heap, a, p);
		tc = heap_drop_cache(heap, tc);
	} else if (tc == &tcache_none) {
		tc = heap_tcache(heap);
	}
	if (UNLIKELY(quiet_watches(tc))) {
		free_watched(tc, a, c);
		return;
	}
	if (lo & CHUNK_L) {
		if (tcache_is_real(tc) && tc->arena == a) {
			free_own_large(heap, tc, c);
			return;
		}
		free_large(tc, a, c, false);
		if (tcache_is_real(tc))
			quiet_look(heap, tc, a);
	} else if (!tcache_is_real(tc)) {
		free_uncached(a, p, true);
	} else if (tc->arena == a) {
		tcache_free_slow(tc, p);
		quiet_freed(heap, tc);
	} else {
		remote_free(tc, a, p);
	}
	heap_tick(heap, tc);
}
