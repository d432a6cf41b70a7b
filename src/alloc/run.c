/*
 * run.c: carving runs, taking chunks out of them and putting them back.
 *
 * A free chunk of a run is on the run's own list: its first user word holds the
 * distance of the next one, twice, mixed with the heap's key, so that a write
 * after free shows when the chunk is taken again.  Runs that have room are on
 * their class's list; one that had none joins at the end, where it can gather
 * more before its turn comes.  An empty run goes back to the arena, except the
 * last one of its class, which saves a program that frees and allocates in
 * turn from making it anew each time.
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

/* A run takes at most this much, so that one live chunk does not hold more. */
#define RUN_BYTES_MAX (32 * KIB)
#define RUN_FIRST_BYTES 512u
/* What is worth a run of its own before the heap grows, units. */
#define RUN_REUSE_UNITS (2 * KIB / UNIT)
/* A class lends chunks when so many units, and such a part of it, are free. */
#define LEND_UNITS_MIN (32 * KIB / UNIT)
#define LEND_PART 4u
/* In units: the room that struct run takes in front of the first header. */
#define RUN_HEADER_UNITS ((sizeof(struct run) + HEADER_SIZE + UNIT - 1) / UNIT)

static uint32_t run_check(const struct arena *a, const struct run *run)
{
	uint64_t x = (uintptr_t)run ^ a->heap->key;

	return (uint32_t)(x >> 4) ^ (uint32_t)(x >> 36) ^ run->units ^ a->tag;
}

static bool run_has_room(const struct run *run)
{
	return run->free != 0 || run->nr_carved < run->nr_total;
}

static bool run_is_empty(const struct run *run)
{
	return run->free_units == run->nr_carved * run->units;
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

static uint64_t *run_link_word(struct run *run, uint32_t distance)
{
	return (uint64_t *)(void *)((char *)run + (size_t)distance * UNIT);
}

/* What alignment the user pointers of a class have, bytes. */
static size_t run_alignment(unsigned cls)
{
	return min_size((size_t)UNIT << log2_lowest(cls), RUN_ALIGN_MAX);
}

/* The distance from a run to its first user pointer, units. */
static uint32_t run_first(uintptr_t run, unsigned cls)
{
	uintptr_t user = align_up(run + RUN_HEADER_UNITS * UNIT,
				  run_alignment(cls));

	return (uint32_t)((user - run) / UNIT);
}

/* Units of a run of about `chunks` chunks. */
static size_t run_units(unsigned cls, size_t chunks)
{
	return RUN_HEADER_UNITS + run_alignment(cls) / UNIT - 1 + chunks * cls;
}

/* Makes a new run of a chunk of the arena and puts it on its class's list. */
static struct run *run_create(struct arena *a, unsigned cls,
			      struct chunk *outer)
{
	struct run_class *rc = &a->classes[cls];
	struct run *run;

	top_touch(a, (uintptr_t)outer,
		  (uintptr_t)outer + sizeof(*outer) + sizeof(*run));
	run = chunk_user(outer);
	run->units = cls;
	run->check = run_check(a, run);
	run->first = run_first((uintptr_t)run, cls);
	/* The last chunk's user data may reach over the outer chunk's end. */
	run->nr_total = (uint32_t)((chunk_units_usable(chunk_units(outer)) +
				    HEADER_SIZE - run->first * UNIT) /
				   (cls * UNIT));
	run->nr_carved = 0;
	run->nr_free = 0;
	run->free = 0;
	run->free_units = 0;
	run->has_shards = false;
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

/* Takes from the run's list of free chunks. */
static unsigned run_take_free(struct arena *a, struct run *run, void **out,
			      unsigned n)
{
	uint64_t key = a->heap->key;
	unsigned got = 0;

	while (got < n && run->free != 0) {
		uint64_t *word = run_link_word(run, run->free);
		uint64_t x = *word ^ key;

		if ((uint32_t)x != x >> 32 ||
		    (uint32_t)x >= run->first + run->nr_total * run->units)
			fatal_at("malloc(): unaligned tcache chunk detected",
				 word);
		out[got++] = word;
		run->free = (uint32_t)x;
	}
	run->nr_free -= got;
	a->classes[run->units].nr_free -= got;
	run->free_units -= got * run->units;
	return got;
}

/* Makes new chunks behind those that exist. */
static unsigned run_carve(struct arena *a, struct run *run, void **out,
			  unsigned n)
{
	uint32_t lo = a->tag | CHUNK_C | run->units << CHUNK_UNITS_SHIFT;
	uint32_t at = run->first + run->nr_carved * run->units;
	unsigned got = run->nr_total - run->nr_carved;

	if (got > n)
		got = n;
	top_touch(a, (uintptr_t)run + (size_t)at * UNIT,
		  (uintptr_t)run + (size_t)(at + got * run->units) * UNIT);
	for (unsigned i = 0; i < got; i++, at += run->units) {
		out[i] = run_link_word(run, at);
		store_relaxed(&chunk_of(out[i])->lo, lo);
		store_relaxed(&chunk_of(out[i])->hi, at);
	}
	run->nr_carved += got;
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
	for (unsigned w = cls + 1; w <= NR_SMALL; w++) {
		const struct run_class *rc = &a->classes[w];

		if (rc->nr_free >= LEND_UNITS_MIN / w &&
		    rc->nr_free >= rc->nr_chunks / LEND_PART)
			return w;
	}
	return 0;
}

/* Ends the program unless the header of a free whole chunk is as it was
 * written: where it is cut depends on it. */
static void run_check_whole(struct arena *a, struct run *run, const void *p)
{
	uint32_t lo = a->tag | CHUNK_C | run->units << CHUNK_UNITS_SHIFT;

	if (chunk_lo(chunk_of(p)) != lo || run_of(a, p) != run)
		fatal_at("malloc(): unaligned tcache chunk detected", p);
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
	for (unsigned i = 0; i < got; i++) {
		run_check_whole(a, run, out[i]);
		shard_put(a, shard_cut_cached(out[i], cls));
	}
	run->free_units += got * (lender - cls);
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

struct run *run_of(struct arena *a, const void *p)
{
	const struct chunk *c = chunk_of(p);
	uint32_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;
	uintptr_t addr = (uintptr_t)p - (size_t)chunk_hi(c) * UNIT;
	struct run *run = (struct run *)addr;

	if (chunk_hi(c) > 2 * RUN_BYTES_MAX / UNIT ||
	    !arena_has_range(a, addr, sizeof(*run)))
		return NULL;
	if (units == 0 || units > run->units ||
	    run->check != run_check(a, run))
		return NULL;
	return run;
}

static void run_destroy(struct arena *a, struct run_class *rc, struct run *run)
{
	run_unlink(rc, run);
	rc->nr_runs--;
	rc->nr_chunks -= run->nr_total;
	rc->nr_free -= run->nr_free;
	run->check = 0;
	arena_give(a, chunk_of(run));
}

/* Puts a whole chunk onto its run's list. */
static void run_put_whole(struct arena *a, struct run *run, void *p)
{
	uint64_t link = run->free;

	if (!run_has_room(run))
		run_link(&a->classes[run->units], run);
	*(uint64_t *)p = (link | link << 32) ^ a->heap->key;
	run->free = chunk_hi(chunk_of(p));
	run->nr_free++;
	a->classes[run->units].nr_free++;
}

/* Makes a run of which everything is free as it was before it was carved. */
static void run_reset(struct arena *a, struct run *run)
{
	bool was_listed = run_has_room(run);

	shard_forget_run(a, run);
	a->shard_units -= run->free_units - run->nr_free * run->units;
	a->classes[run->units].nr_free -= run->nr_free;
	run->nr_carved = 0;
	run->nr_free = 0;
	run->free = 0;
	run->free_units = 0;
	run->has_shards = false;
	if (!was_listed)
		run_link(&a->classes[run->units], run);
}

void run_put(struct arena *a, void *p)
{
	struct run *run = run_of(a, p);
	uint32_t units = chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT;
	struct run_class *rc;

	if (!run || run->nr_carved * run->units - run->free_units < units)
		fatal_at("free(): invalid pointer", p);
	rc = &a->classes[run->units];
	if (units == run->units) {
		run_put_whole(a, run, p);
	} else {
		shard_put(a, p);
		run->has_shards = true;
	}
	run->free_units += units;
	if (!run_is_empty(run))
		return;
	if (run->has_shards)
		run_reset(a, run);
	if (rc->first == run && rc->last == run)
		rc->nr_empty++;
	else
		run_destroy(a, rc, run);
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
