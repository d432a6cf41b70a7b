/*
 * run.c: carving runs, taking chunks out of them and putting them back.
 *
 * A chunk that comes back has its bit set in the run's map.  That is all it
 * takes: the run's own lines are warm, and the chunk's header, of which only the
 * distance to the run is read, was fetched some chunks before.  In its first
 * user word stands the canary, the heap's key mixed with its address, so that a
 * write after free shows when the chunk is taken again.  Since no chunk tells
 * where the next one is, all that are taken together are fetched together.
 *
 * Runs that have room are on their class's list; one that had none joins at the
 * end, where it can gather more before its turn comes.  An empty run goes back
 * to the arena, except the last one of its class, which saves a program that
 * frees and allocates in turn from making it anew each time.
 *
 * Before a class takes memory that was never used it makes do with less: a
 * smaller run in a free chunk of the arena, or free chunks of a larger class of
 * which much is free.  These are cut, and the rests wait as shards.  So memory
 * that one size has left serves others even while some chunk of each run lives.
 */
#include "alloc/run.h"

#include "alloc/heap.h"
#include "alloc/shard.h"
#include "alloc/top.h"
#include "base/fatal.h"

#include <string.h>

/* A run takes at most this much, so that one live chunk does not hold more. */
#define RUN_BYTES_MAX (32 * KIB)
#define RUN_FIRST_BYTES 512u
/* What is worth a run of its own before the heap grows, units. */
#define RUN_REUSE_UNITS (2 * KIB / UNIT)
/* A class lends chunks when so many units, and such a part of it, are free. */
#define LEND_UNITS_MIN (32 * KIB / UNIT)
#define LEND_PART 4u
/* Nor does a class lend in a smaller arena. */
#define LEND_ARENA_MIN (256 * KIB)
/* Distances over units are multiplied by struct run's inverse and shifted: exact
 * for all multiples of units as long as they are below 2^12. */
#define INVERSE_SHIFT 18
#define DISTANCE_MAX (2 * RUN_BYTES_MAX / UNIT)
/* How far ahead run_put_many fetches runs, chunks; headers twice as far. */
#define PUT_AHEAD 6u

static uint32_t run_check(const struct arena *a, const struct run *run)
{
	uint64_t x = (uintptr_t)run ^ a->heap->key;

	return (uint32_t)(x >> 4) ^ (uint32_t)(x >> 36) ^ run->units ^ a->tag;
}

static bool run_has_room(const struct run *run)
{
	return run->nr_free != 0 || run->nr_carved < run->nr_total;
}

static void run_link(struct run_class *rc, struct run *run)
{
	run->next = NULL;
	run->prev = rc->last;
	if (rc->last)
		rc->last->next = run;
	else
		rc->first = run;
	rc->last = run;
}

static void run_unlink(struct run_class *rc, struct run *run)
{
	if (run->next)
		run->next->prev = run->prev;
	else
		rc->last = run->prev;
	if (run->prev)
		run->prev->next = run->next;
	else
		rc->first = run->next;
}

/* The user pointer of chunk i of a run. */
static void *run_chunk(struct run *run, uint32_t i)
{
	uint32_t distance = run->first + i * run->units;

	return (char *)run + (size_t)distance * UNIT;
}

/* What lo of a chunk of a class is while it is free. */
static uint32_t run_free_lo(const struct arena *a, uint32_t units)
{
	return a->tag | CHUNK_C | units << CHUNK_UNITS_SHIFT;
}

uint64_t run_canary(const struct arena *a, const void *p)
{
	return a->heap->key ^ (uintptr_t)p;
}

/* Words of the map for so many chunks. */
static uint32_t run_map_words(size_t chunks)
{
	return (uint32_t)((chunks + 63) / 64);
}

/* Bytes from a run to the first header. */
static size_t run_header_bytes(uint32_t words)
{
	return sizeof(struct run) + words * sizeof(uint64_t) + HEADER_SIZE;
}

/* What alignment the user pointers of a class have, bytes. */
static size_t run_alignment(unsigned cls)
{
	return min_size((size_t)UNIT << log2_lowest(cls), RUN_ALIGN_MAX);
}

/* The distance from a run to its first user pointer, units. */
static uint32_t run_first(uintptr_t run, unsigned cls, uint32_t words)
{
	uintptr_t user = align_up(run + run_header_bytes(words),
				  run_alignment(cls));

	return (uint32_t)((user - run) / UNIT);
}

/* Units of a run of about `chunks` chunks. */
static size_t run_units(unsigned cls, size_t chunks)
{
	return (run_header_bytes(run_map_words(chunks)) + UNIT - 1) / UNIT +
	       run_alignment(cls) / UNIT - 1 + chunks * cls;
}

/* Makes a new run of a chunk of the arena and puts it on its class's list. */
static struct run *run_create(struct arena *a, unsigned cls,
			      struct chunk *outer)
{
	struct run_class *rc = &a->classes[cls];
	struct run *run = chunk_user(outer);
	size_t usable = chunk_units_usable(chunk_units(outer));
	uint32_t words = run_map_words(usable / (cls * UNIT));

	top_touch(a, (uintptr_t)outer,
		  (uintptr_t)run + run_header_bytes(words));
	memset(run, 0, run_header_bytes(words) - HEADER_SIZE);
	run->units = (uint16_t)cls;
	run->inverse = ((1u << INVERSE_SHIFT) + cls - 1) / cls;
	run->check = run_check(a, run);
	run->first = (uint16_t)run_first((uintptr_t)run, cls, words);
	/* The last chunk's user data may reach over the outer chunk's end. */
	run->nr_total = (uint16_t)((usable + HEADER_SIZE - run->first * UNIT) /
				   (cls * UNIT));
	run_link(rc, run);
	rc->nr_runs++;
	rc->nr_chunks += run->nr_total;
	return run;
}

/* How long the next run is: the memory of a class grows by half. */
static size_t run_next_chunks(const struct run_class *rc, unsigned cls,
			      unsigned n)
{
	size_t least = max_size(RUN_FIRST_BYTES / (cls * UNIT), n);
	size_t most = RUN_BYTES_MAX / (cls * UNIT);

	return min_size(max_size(rc->nr_chunks / 2, least), most);
}

/* Ends the program unless a chunk whose bit was set is as it was left. */
static void run_check_free(const struct arena *a, const struct run *run,
			   const void *p)
{
	if (chunk_lo(chunk_of(p)) != run_free_lo(a, run->units) ||
	    (const char *)p - (size_t)chunk_hi(chunk_of(p)) * UNIT !=
		    (const char *)run ||
	    *(const uint64_t *)p != run_canary(a, p))
		fatal_at("malloc(): unaligned tcache chunk detected", p);
}

/* Takes free chunks of a run, the first ones. */
static unsigned run_take_free(struct arena *a, struct run *run, void **out,
			      unsigned n)
{
	uint32_t w = run->scan;
	unsigned got = 0;

	if (n > run->nr_free)
		n = run->nr_free;
	while (got < n) {
		uint64_t bits = run->map[w];

		for (; bits != 0 && got < n; bits &= bits - 1) {
			out[got] = run_chunk(run, w * 64 + log2_lowest(bits));
			prefetch_to_write(chunk_of(out[got]));
			got++;
		}
		run->map[w] = bits;
		w += bits == 0;
	}
	run->scan = (uint16_t)w;
	for (unsigned i = 0; i < got; i++)
		run_check_free(a, run, out[i]);
	run->nr_free = (uint16_t)(run->nr_free - got);
	a->classes[run->units].nr_free -= got;
	a->run_free_units -= (size_t)got * run->units;
	return got;
}

/* Makes new chunks behind those that exist. */
static unsigned run_carve(struct arena *a, struct run *run, void **out,
			  unsigned n)
{
	uint32_t lo = run_free_lo(a, run->units);
	uint32_t at = run->first + run->nr_carved * run->units;
	unsigned got = run->nr_total - run->nr_carved;

	if (got > n)
		got = n;
	top_touch(a, (uintptr_t)run + (size_t)at * UNIT,
		  (uintptr_t)run + (size_t)(at + got * run->units) * UNIT);
	for (unsigned i = 0; i < got; i++, at += run->units) {
		out[i] = run_chunk(run, run->nr_carved + i);
		store_relaxed(&chunk_of(out[i])->lo, lo);
		store_relaxed(&chunk_of(out[i])->hi, at);
	}
	run->nr_carved = (uint16_t)(run->nr_carved + got);
	return got;
}

/* After chunks have been taken from a run. */
static void run_took(struct arena *a, struct run *run, bool was_empty)
{
	struct run_class *rc = &a->classes[run->units];

	if (was_empty && !run_is_empty(run))
		rc->nr_empty--;
	if (!run_has_room(run))
		run_unlink(rc, run);
}

/* Takes from one run; larger shards go before memory that was never used. */
static unsigned run_take_from(struct arena *a, struct run *run, void **out,
			      unsigned n, bool first_try)
{
	bool was_empty = run_is_empty(run);
	unsigned got = run_take_free(a, run, out, n);

	if (got == 0 && first_try)
		got = shard_take(a, run->units, true, out, n);
	if (got < n)
		got += run_carve(a, run, out + got, n - got);
	run_took(a, run, was_empty);
	return got;
}

/* A larger class of which much is free, or 0. */
static unsigned run_lender(const struct arena *a, unsigned cls)
{
	/* Not worth a look at all of them. */
	if (a->max_system_bytes < LEND_ARENA_MIN)
		return 0;
	for (unsigned w = cls + 1; w <= NR_SMALL; w++) {
		const struct run_class *rc = &a->classes[w];

		if (rc->nr_free >= LEND_UNITS_MIN / w &&
		    rc->nr_free >= rc->nr_chunks / LEND_PART)
			return w;
	}
	return 0;
}

/* Takes free chunks of a larger class.  They are cut when the rest can be of
 * use; else they are lent whole, and go home when they are freed. */
static unsigned run_borrow(struct arena *a, unsigned cls, void **out,
			   unsigned n)
{
	unsigned lender = run_lender(a, cls), got = 0;
	struct run *run = a->classes[lender].first;
	bool was_empty;

	while (run && run->nr_free == 0)
		run = run->next;
	if (lender == 0 || !run)
		return 0;
	was_empty = run_is_empty(run);
	got = run_take_free(a, run, out, n);
	run_took(a, run, was_empty);
	if (lender - cls < SHARD_LISTED_UNITS)
		return got;
	for (unsigned i = 0; i < got; i++)
		shard_put(a, shard_cut_cached(out[i], cls));
	run->shard_units =
		(uint16_t)(run->shard_units + got * (lender - cls));
	run->has_shards = true;
	return got;
}

/* A new run of at least n chunks, or of one when memory is short. */
static struct run *run_begin(struct arena *a, unsigned cls, unsigned n)
{
	size_t chunks = run_next_chunks(&a->classes[cls], cls, n);
	uintptr_t unused;
	struct chunk *c;

	c = arena_take(a, run_units(cls, chunks), true, &unused);
	if (!c)
		c = arena_take(a, run_units(cls, 1), true, &unused);
	return c ? run_create(a, cls, c) : NULL;
}

/* A new run in memory that was used before, if need be a smaller one. */
static struct run *run_begin_reusing(struct arena *a, unsigned cls, unsigned n)
{
	size_t chunks = run_next_chunks(&a->classes[cls], cls, n);
	struct chunk *c = NULL;

	for (; !c && chunks * cls >= RUN_REUSE_UNITS; chunks /= 2)
		c = arena_reuse(a, run_units(cls, chunks));
	return c ? run_create(a, cls, c) : NULL;
}

unsigned run_take(struct arena *a, unsigned cls, void **out, unsigned n)
{
	struct run_class *rc = &a->classes[cls];
	unsigned got = shard_take(a, cls, false, out, n);

	while (got < n) {
		struct run *run = rc->first;

		if (!run) {
			/* What there is will do. */
			if (got == 0)
				got = shard_take(a, cls, true, out, n);
			if (got == 0 && !(run = run_begin_reusing(a, cls, n)))
				got = run_borrow(a, cls, out, n);
			if (got > 0 || (!run && !(run = run_begin(a, cls, n))))
				break;
			rc->nr_empty++;
		}
		got += run_take_from(a, run, out + got, n - got, got == 0);
	}
	return got;
}

void *run_take_whole(struct arena *a, unsigned cls)
{
	struct run_class *rc = &a->classes[cls];
	struct run *run = rc->first;
	void *p = NULL;

	if (!run) {
		run = run_begin(a, cls, 1);
		if (!run)
			return NULL;
		rc->nr_empty++;
	}
	run_take_from(a, run, &p, 1, false);
	return p;
}

/* Where a small chunk with this distance says that its run is. */
static ALWAYS_INLINE struct run *run_claimed(const void *p, uint32_t hi)
{
	return (struct run *)((uintptr_t)p - (size_t)hi * UNIT);
}

/* Whether there is a run. */
static ALWAYS_INLINE bool run_exists(struct arena *a, const struct run *run)
{
	return arena_has_range(a, (uintptr_t)run, sizeof(*run)) &&
	       run->check == run_check(a, run);
}

struct run *run_of(struct arena *a, const void *p)
{
	const struct chunk *c = chunk_of(p);
	uint32_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;
	struct run *run = run_claimed(p, chunk_hi(c));

	if (chunk_hi(c) > DISTANCE_MAX || !run_exists(a, run) || units == 0 ||
	    units > run->units)
		return NULL;
	return run;
}

static void run_destroy(struct arena *a, struct run_class *rc, struct run *run)
{
	run_unlink(rc, run);
	rc->nr_runs--;
	rc->nr_chunks -= run->nr_total;
	rc->nr_free -= run->nr_free;
	a->run_free_units -= (size_t)run->nr_free * run->units;
	run->check = 0;
	arena_give(a, chunk_of(run));
}

/* Makes a run of which everything is free as it was before it was carved. */
static void run_reset(struct arena *a, struct run *run)
{
	bool was_listed = run_has_room(run);

	shard_forget_run(a, run);
	a->shard_units -= run->shard_units;
	a->classes[run->units].nr_free -= run->nr_free;
	a->run_free_units -= (size_t)run->nr_free * run->units;
	memset(run->map, 0, run_map_words(run->nr_carved) * sizeof(*run->map));
	run->nr_carved = 0;
	run->nr_free = 0;
	run->scan = 0;
	run->shard_units = 0;
	run->has_shards = false;
	if (!was_listed)
		run_link(&a->classes[run->units], run);
}

/* After the last chunk of a run that was not free has come back. */
static void run_emptied(struct arena *a, struct run *run)
{
	struct run_class *rc = &a->classes[run->units];

	if (run->has_shards)
		run_reset(a, run);
	if (rc->first == run && rc->last == run)
		rc->nr_empty++;
	else
		run_destroy(a, rc, run);
}

/* Sets the bit of a chunk of the run's size; false: it does not stand where one
 * was carved, so it is a shard. */
static ALWAYS_INLINE bool run_put_whole(struct arena *a, struct run *run,
					void *p, uint32_t hi)
{
	uint32_t distance = hi - run->first;
	uint32_t i = distance * run->inverse >> INVERSE_SHIFT;
	uint64_t bit = UINT64_C(1) << i % 64;

	if (UNLIKELY(i * run->units != distance))
		return false;
	if (i >= run->nr_carved)
		fatal_at("free(): invalid pointer", p);
	if (run->map[i / 64] & bit)
		fatal_at("double free or corruption (!prev)", p);
	if (!run_has_room(run))
		run_link(&a->classes[run->units], run);
	run->map[i / 64] |= bit;
	if (i / 64 < run->scan)
		run->scan = (uint16_t)(i / 64);
	run->nr_free++;
	a->classes[run->units].nr_free++;
	a->run_free_units += run->units;
	*(uint64_t *)p = run_canary(a, p);
	return true;
}

/* Puts a checked chunk of `units` back into its run; false: the run is gone. */
static ALWAYS_INLINE bool run_put_checked(struct arena *a, struct run *run,
					  void *p, uint32_t units)
{
	if (UNLIKELY(units != run->units ||
		     !run_put_whole(a, run, p, chunk_hi(chunk_of(p))))) {
		if ((run->nr_carved - run->nr_free) * run->units <
		    run->shard_units + (int)units)
			fatal_at("free(): invalid pointer", p);
		shard_put(a, p);
		run->has_shards = true;
		run->shard_units = (uint16_t)(run->shard_units + units);
	}
	if (LIKELY(!run_is_empty(run)))
		return true;
	run_emptied(a, run);
	return false;
}

void run_put(struct arena *a, void *p)
{
	struct run *run = run_of(a, p);

	if (!run)
		fatal_at("free(): invalid pointer", p);
	run_put_checked(a, run, p, chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT);
}

/* What is given back is cold by now, and so are the runs. */
static ALWAYS_INLINE void run_prefetch(void *const *p, unsigned ahead)
{
	if (ahead > 2 * PUT_AHEAD)
		__builtin_prefetch(chunk_of(p[2 * PUT_AHEAD]));
	if (ahead > PUT_AHEAD)
		__builtin_prefetch(
			run_claimed(p[PUT_AHEAD],
				    chunk_hi(chunk_of(p[PUT_AHEAD]))));
}

void run_put_many(struct arena *a, void *const *p, unsigned n)
{
	struct run *run = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct chunk *c = chunk_of(p[i]);
		uint32_t lo = chunk_lo(c), hi = chunk_hi(c);
		struct run *of = run_claimed(p[i], hi);

		run_prefetch(p + i, n - i);
		if (((lo ^ run_free_lo(a, 0)) << (32 - CHUNK_UNITS_SHIFT)) != 0)
			fatal_at("free(): invalid pointer", p[i]);
		if (of != run && (hi > DISTANCE_MAX || !run_exists(a, of)))
			fatal_at("free(): invalid pointer", p[i]);
		run = run_put_checked(a, of, p[i], lo >> CHUNK_UNITS_SHIFT) ?
			      of :
			      NULL;
	}
}

void run_release_empty(struct arena *a)
{
	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		struct run_class *rc = &a->classes[cls];
		struct run *next;

		for (struct run *run = rc->first; run && rc->nr_empty > 0;
		     run = next) {
			next = run->next;
			if (!run_is_empty(run))
				continue;
			rc->nr_empty--;
			run_destroy(a, rc, run);
		}
	}
}
