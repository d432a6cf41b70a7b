/*
 * shard.c: cutting small chunks, and keeping the pieces.
 */
#include "alloc/shard.h"

#include "alloc/arena.h"
#include "alloc/remote.h"
#include "alloc/run.h"
#include "alloc/tcache.h"
#include "base/fatal.h"

static void small_write(void *p, uint32_t tag, uint32_t units, uint32_t distance)
{
	struct chunk *c = chunk_of(p);

	store_relaxed(&c->lo, tag | units << CHUNK_UNITS_SHIFT);
	store_relaxed(&c->hi, distance);
}

void *shard_cut(void *p, uint32_t units)
{
	uint32_t tag = chunk_lo(chunk_of(p)) & CHUNK_TAG_MASK;
	uint32_t have = chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT;
	uint32_t distance = chunk_hi(chunk_of(p));
	void *rest = (char *)p + (size_t)units * UNIT;

	small_write(rest, tag, have - units, distance + units);
	small_write(p, tag, units, distance);
	return rest;
}

void *shard_cut_cached(void *p, uint32_t units)
{
	void *rest = shard_cut(p, units);

	store_relaxed(&chunk_of(rest)->lo, chunk_lo(chunk_of(rest)) | CHUNK_C);
	store_relaxed(&chunk_of(p)->lo, chunk_lo(chunk_of(p)) | CHUNK_C);
	return rest;
}

/* The same, for a chunk that its cache keeps. */
static void small_write_cached(const struct tcache *tc, void *p,
			       uint32_t units, uint32_t distance)
{
	small_write(p, tc->arena->tag | CHUNK_C, units, distance);
}

/* Whether n is in the cache, of `units`, and stands at this distance. */
static bool slide_is_next(const struct tcache *tc, const void *n,
			  uint32_t units, uint32_t distance)
{
	const struct chunk *c = chunk_of(n);

	return chunk_hi(c) == distance &&
	       chunk_lo(c) == (tc->arena->tag | CHUNK_C |
			       units << CHUNK_UNITS_SHIFT);
}

void *shard_slide(struct tcache *tc, void *rest, uint32_t whole)
{
	uint32_t units = chunk_lo(chunk_of(rest)) >> CHUNK_UNITS_SHIFT;
	uint32_t distance = chunk_hi(chunk_of(rest));
	char *at = rest, *end = at + (size_t)units * UNIT;
	void *old = tc->hole;

	store_relaxed(&tc->hole, NULL);
	if (old == end) {
		units += tc->hole_units;
		end += (size_t)tc->hole_units * UNIT;
		old = NULL;
	}
	/* Until the end all of it belongs to nobody, and a fork may lose it. */
	for (; units >= whole; units -= whole, distance += whole) {
		small_write(at, tc->arena->tag, whole, distance);
		if (!tcache_push(tc, whole, at))
			tcache_free_slow(tc, at);
		at += (size_t)whole * UNIT;
	}
	if (units == 0)
		return old;
	if (*tc->sp[whole] == end &&
	    slide_is_next(tc, end, whole, distance + units)) {
		small_write_cached(tc, at + (size_t)whole * UNIT, units,
				   distance + whole);
		small_write_cached(tc, at, whole, distance);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		*tc->sp[whole] = at;
		at += (size_t)whole * UNIT;
	} else {
		small_write_cached(tc, at, units, distance);
	}
	store_relaxed(&tc->hole_units, units);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->hole, at);
	return old;
}

void shard_give_hole(struct tcache *tc)
{
	void *hole = tc->hole;

	if (!hole)
		return;
	store_relaxed(&tc->hole, NULL);
	remote_give_back(tc->arena, hole);
}

static uint32_t shard_units(const struct shard *s)
{
	return chunk_lo(chunk_of(s)) >> CHUNK_UNITS_SHIFT;
}

/* Whether s has a place in a list: the smallest have no room for links. */
static bool shard_is_listed(const struct shard *s)
{
	return chunk_units_usable(shard_units(s)) >= sizeof(*s);
}

static void shard_link(struct arena *a, struct shard *s)
{
	uint32_t units = shard_units(s);
	struct shard **first = &a->shards[units];

	if (!shard_is_listed(s))
		return;
	s->next = *first;
	s->prev = NULL;
	if (s->next)
		s->next->prev = s;
	*first = s;
	a->shard_map |= UINT64_C(1) << (units - 1);
}

static void shard_unlink(struct arena *a, struct shard *s)
{
	uint32_t units = shard_units(s);
	struct shard **first = &a->shards[units];

	if ((s->next && (!arena_has_chunk(a, s->next) || s->next->prev != s)) ||
	    (s->prev ? !arena_has_chunk(a, s->prev) || s->prev->next != s :
		       *first != s))
		fatal_at("malloc(): unaligned tcache chunk detected", s);
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		*first = s->next;
	if (!*first)
		a->shard_map &= ~(UINT64_C(1) << (units - 1));
}

void shard_put(struct arena *a, void *p)
{
	shard_link(a, p);
	a->shard_units += shard_units(p);
}

/* Takes one shard of at least `cls` units and cuts it to size. */
static void *shard_take_one(struct arena *a, unsigned cls)
{
	unsigned units = cls + log2_lowest(a->shard_map >> (cls - 1));
	struct shard *s = a->shards[units];
	struct run *run = run_of(a, s);

	if (!run || !(chunk_lo(chunk_of(s)) & CHUNK_C) ||
	    shard_units(s) != units)
		fatal_at("malloc(): unaligned tcache chunk detected", s);
	shard_unlink(a, s);
	run->shard_units = (uint16_t)(run->shard_units - cls);
	a->shard_units -= cls;
	if (units > cls)
		shard_link(a, shard_cut_cached(s, cls));
	return s;
}

unsigned shard_take(struct arena *a, unsigned cls, bool larger, void **out,
		    unsigned n)
{
	unsigned got = 0;

	while (got < n && (larger ? a->shard_map >> (cls - 1) != 0 :
				    a->shards[cls] != NULL))
		out[got++] = shard_take_one(a, cls);
	return got;
}

void shard_forget_run(struct arena *a, struct run *run)
{
	uint32_t at = run->first;
	uint32_t end = at + run->nr_carved * run->units;

	while (at < end) {
		struct shard *s = (void *)((char *)run + (size_t)at * UNIT);
		uint32_t units = shard_units(s);

		if (units == 0 || units > end - at)
			fatal_at("free(): invalid pointer", s);
		if (!run_has_whole(run, at) && shard_is_listed(s))
			shard_unlink(a, s);
		at += units;
	}
}
