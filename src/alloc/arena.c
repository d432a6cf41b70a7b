/*
 * arena.c: taking chunks out of an arena and giving them back.
 *
 * Boundary tags make coalescing a matter of looking at two neighbours: the
 * next chunk starts where this one ends, and when the one before is free, P is
 * clear and prev_size says where it starts.  No two free chunks ever stand side
 * by side.  All of what is read from around a chunk is checked before it is
 * used: it lies in memory that a user may have overrun.
 */
#include "alloc/arena.h"

#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/magazine.h"
#include "alloc/purge.h"
#include "alloc/remote.h"
#include "alloc/top.h"
#include "base/fatal.h"

/* arena_squeeze is tried when so much, and such a part of the arena, was cut from
 * top since it was tried last, and when such a part of the arena is free in runs. */
#define SQUEEZE_STEP_MIN (64 * KIB)
#define SQUEEZE_STEP_PART 64u
#define SQUEEZE_FREE_PART 16u

void arena_init(struct arena *a, struct heap *heap, uint32_t index)
{
	a->heap = heap;
	a->index = index;
	a->tag = heap_tag(heap, index);
	a->segments = a->first_segments;
	lock_init(&a->lock, LOCK_RANK_ARENA);
}

static bool arena_is_tagged(const struct arena *a, const struct chunk *c)
{
	return ((chunk_lo(c) ^ a->tag) & CHUNK_TAG_MASK) == 0;
}

/* Ends the program unless c, which is said to be free, is a free chunk of this
 * arena and the one behind it agrees about its size. */
static void arena_check_free(struct arena *a, const struct chunk *c)
{
	size_t bytes = chunk_bytes(c);

	/* Something always stands behind a free chunk. */
	if (!arena_is_tagged(a, c) || !(chunk_lo(c) & CHUNK_F) ||
	    !arena_has_range(a, (uintptr_t)c, bytes + UNIT) ||
	    chunk_next(c)->prev_size != bytes)
		fatal_at("corrupted size vs. prev_size", chunk_user(c));
}

/* Makes a free chunk of [c, c + units), whose neighbours are in use. */
static void arena_make_free(struct arena *a, struct chunk *c, size_t units)
{
	struct chunk *next = chunk_at(c, (ptrdiff_t)(units * UNIT));

	chunk_write(c, a->tag | CHUNK_L | CHUNK_F, units, CHUNK_P);
	next->prev_size = units * UNIT;
	chunk_set_prev_free(next);
	bin_insert(&a->bins, c);
}

/* Uses the first `units` of a chunk that has left its bin. */
static void arena_carve(struct arena *a, struct chunk *c, size_t units,
			uint64_t since_ns)
{
	size_t have = chunk_units(c);
	size_t rest = have - units;
	uint32_t p = chunk_hi(c) & CHUNK_P;

	if (rest < MIN_FREE_UNITS) {
		chunk_write(c, a->tag | CHUNK_L, have, p);
		chunk_set_prev_in_use(chunk_next(c));
		return;
	}
	chunk_write(c, a->tag | CHUNK_L, units, p);
	c = chunk_next(c);
	arena_make_free(a, c, rest);
	if (since_ns)
		purge_note(a, c, since_ns);
	else
		purge_note_clean(c);
}

struct chunk *arena_reuse(struct arena *a, size_t units)
{
	struct chunk *c;
	uint64_t since_ns;

	if (units < MIN_FREE_UNITS)
		units = MIN_FREE_UNITS;
	c = bin_find(a, units);
	if (!c)
		return NULL;
	arena_check_free(a, c);
	bin_unlink(a, c);
	since_ns = purge_forget(a, c);
	arena_carve(a, c, units, since_ns);
	return c;
}

bool arena_gather(struct arena *a)
{
	bool drained = remote_drain(a);

	drained |= magazine_drain(a);
	return medium_drain(a) || drained;
}

void arena_put_aside(struct arena *a)
{
	uint64_t now_ns = heap_now_ns(a->heap);

	store_relaxed(&a->aside_ns, now_ns);
	/* A tick clears due_ns before it looks at aside_ns. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* What waits already is due before this. */
	if (load_relaxed(&a->heap->due_ns) == 0)
		heap_wait(a->heap, now_ns);
}

void arena_expire_aside(struct arena *a, uint64_t now_ns)
{
	uint64_t aside_ns = load_relaxed(&a->aside_ns);

	if (aside_ns == 0)
		return;
	if (!heap_has_decayed(a->heap, aside_ns, now_ns)) {
		heap_wait(a->heap, aside_ns);
		return;
	}
	/* Before, for more may be posted meanwhile. */
	store_relaxed(&a->aside_ns, 0);
	a->given_ns = aside_ns;
	arena_gather(a);
	medium_cool(a);
	a->given_ns = 0;
}

size_t arena_free_bytes(const struct arena *a)
{
	size_t units = a->bins.nr_units + a->shard_units + a->run_free_units;
	size_t bytes = units * UNIT + a->magazine_bytes + a->medium_bytes +
		       load_relaxed(&a->remote_bytes);

	if (a->spare && a->spare_has_chunks)
		bytes += tcache_bytes(a->spare);
	return bytes;
}

/* Before new memory is used: the stacks of classes that are mostly free give back
 * what they hold, for one chunk may be all that keeps a run.  NULL: that was not
 * enough, or it is not worth the way yet. */
static struct chunk *arena_squeeze(struct arena *a, size_t units)
{
	size_t step =
		max_size(SQUEEZE_STEP_MIN, a->system_bytes / SQUEEZE_STEP_PART);

	if (!a->visitor || a->cut_bytes < step ||
	    a->run_free_units * UNIT < a->system_bytes / SQUEEZE_FREE_PART)
		return NULL;
	a->cut_bytes = 0;
	tcache_give_shrunk(a->visitor);
	return arena_reuse(a, units);
}

struct chunk *arena_take(struct arena *a, size_t units, bool may_grow,
			 uintptr_t *zero_from)
{
	struct chunk *c = arena_reuse(a, units);

	/* What waits somewhere goes before new memory. */
	if (!c && a->visitor && defer_give_back(a->visitor))
		c = arena_reuse(a, units);
	if (!c)
		c = medium_squeeze(a, units);
	if (!c && arena_gather(a))
		c = arena_reuse(a, units);
	if (!c)
		c = arena_squeeze(a, units);
	if (c) {
		*zero_from = UINTPTR_MAX;
		return c;
	}
	units = max_size(units, MIN_FREE_UNITS);
	c = top_cut(a, units, zero_from);
	if (!c && may_grow && top_grow(a, units))
		c = top_cut(a, units, zero_from);
	return c;
}

void arena_check_in_use(struct arena *a, const struct chunk *c,
			const char *message)
{
	size_t units = chunk_units(c);
	const struct chunk *next = chunk_at(c, (ptrdiff_t)(units * UNIT));

	/* With the header behind it: a chunk is never the last of its segment,
	 * unless it is top. */
	if (!arena_is_tagged(a, c) || units < MIN_FREE_UNITS)
		fatal_at(message, chunk_user(c));
	if (c == a->top)
		fatal_at("double free or corruption (top)", chunk_user(c));
	if (!arena_has_range(a, (uintptr_t)c, (units + 1) * UNIT))
		fatal_at(message, chunk_user(c));
	if (chunk_lo(c) & CHUNK_F)
		fatal_at("double free or corruption (!prev)", chunk_user(c));
	if (!arena_is_tagged(a, next))
		fatal_at("free(): invalid next size (normal)", chunk_user(c));
	if (!chunk_prev_in_use(next))
		fatal_at("double free or corruption (!prev)", chunk_user(c));
}

/* The free chunk in front of c, checked. */
static struct chunk *arena_prev(struct arena *a, struct chunk *c)
{
	size_t bytes = c->prev_size;
	struct chunk *prev = chunk_at(c, -(ptrdiff_t)bytes);

	if (!is_aligned(bytes, UNIT) ||
	    !arena_has_range(a, (uintptr_t)prev, bytes) ||
	    chunk_bytes(prev) != bytes)
		fatal_at("corrupted size vs. prev_size", chunk_user(c));
	arena_check_free(a, prev);
	return prev;
}

/* Takes a free neighbour out of its bin.  Returns since when its pages wait,
 * if it is the larger part of what is being put together, else *since. */
static uint64_t arena_absorb(struct arena *a, struct chunk *c, size_t units,
			     uint64_t since_ns)
{
	uint64_t its_ns;

	bin_unlink(a, c);
	its_ns = purge_forget(a, c);
	return its_ns && chunk_units(c) > units ? its_ns : since_ns;
}

/* Whether a free chunk looks like all of an older segment: a fence follows, and
 * those that were not adopted begin a page.  top_release_segment knows, but lies
 * apart. */
static bool arena_may_be_segment(const struct arena *a, const struct chunk *c)
{
	return top_is_before_fence(a, c) &&
	       (a->nr_adopted > 0 ||
		is_aligned((uintptr_t)c, a->heap->os->page_size));
}

void arena_give(struct arena *a, struct chunk *c)
{
	size_t units = chunk_units(c);
	uint64_t since_ns = 0;
	struct chunk *next;

	next = chunk_next(c);
	if (!chunk_prev_in_use(c)) {
		struct chunk *prev = arena_prev(a, c);
		size_t prev_units = chunk_units(prev);

		since_ns = arena_absorb(a, prev, units, since_ns);
		/* A second free of c must still find it free. */
		store_relaxed(&c->lo, c->lo | CHUNK_F);
		c = prev;
		units += prev_units;
	}
	if (next == a->top) {
		top_check(a);
		if (units <= chunk_units(next))
			since_ns = 0;
		store_relaxed(&c->lo, c->lo | CHUNK_F);
		store_relaxed(&a->top, c);
		top_write(a);
		top_freed(a, since_ns);
		return;
	}
	if (chunk_lo(next) & CHUNK_F) {
		size_t next_units = chunk_units(next);

		arena_check_free(a, next);
		since_ns = arena_absorb(a, next, units, since_ns);
		units += next_units;
	}
	arena_make_free(a, c, units);
	if (UNLIKELY(arena_may_be_segment(a, c)) &&
	    top_release_segment(a, c, false))
		return;
	if (purge_is_candidate(c))
		purge_note(a, c, since_ns);
}

struct chunk *arena_split(struct arena *a, struct chunk *c, size_t at_units)
{
	size_t rest = chunk_units(c) - at_units;
	struct chunk *second = chunk_at(c, (ptrdiff_t)(at_units * UNIT));

	chunk_write(c, a->tag | CHUNK_L, at_units, chunk_hi(c) & CHUNK_P);
	chunk_write(second, a->tag | CHUNK_L, rest, CHUNK_P);
	return second;
}

void arena_shrink(struct arena *a, struct chunk *c, size_t units)
{
	if (units < MIN_FREE_UNITS)
		units = MIN_FREE_UNITS;
	if (chunk_units(c) >= units + MIN_FREE_UNITS)
		arena_give(a, arena_split(a, c, units));
}

/* Joins c, in use, with the chunk behind it, which is top or free. */
static void arena_join_next(struct arena *a, struct chunk *c, size_t units)
{
	struct chunk *next = chunk_next(c);
	uint32_t p = chunk_hi(c) & CHUNK_P;
	uint64_t since_ns;

	if (next == a->top) {
		size_t more = units - chunk_units(c);
		uintptr_t zero_from;

		next = top_cut(a, more, &zero_from);
		ASSERT(next);
		chunk_write(c, a->tag | CHUNK_L,
			    chunk_units(c) + chunk_units(next), p);
		return;
	}
	arena_check_free(a, next);
	bin_unlink(a, next);
	since_ns = purge_forget(a, next);
	chunk_write(c, a->tag | CHUNK_L, chunk_units(c) + chunk_units(next), p);
	arena_carve(a, c, units, since_ns);
}

bool arena_extend(struct arena *a, struct chunk *c, size_t units)
{
	struct chunk *next = chunk_next(c);
	size_t have = chunk_units(c);

	if (have >= units)
		return true;
	if (next == a->top) {
		size_t more = units - have;

		top_check(a);
		if (top_bytes(a) < more * UNIT + TOP_MIN &&
		    (more * UNIT >=
			     load_relaxed(&a->heap->options.mmap_threshold) ||
		     !top_grow(a, more)))
			return false;
		/* A new segment may have been begun elsewhere. */
		if (chunk_next(c) != a->top)
			return arena_extend(a, c, units);
	} else if (!(chunk_lo(next) & CHUNK_F) ||
		   have + chunk_units(next) < units) {
		return false;
	}
	arena_join_next(a, c, units);
	return true;
}
