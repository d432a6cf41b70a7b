/*
 * tcache.c: filling and emptying the stacks of a thread cache.
 *
 * Slow start: a stack grows (stack.h) each time it was full, or its room was the
 * bound of a refill, so that a thread that needs little holds little and one that
 * needs much seldom takes the arena's lock.  What a refill carves is a part of what
 * its class has already: most classes have few blocks.  A stack that has seen
 * neither refill nor flush while others had many gives half of what it holds back
 * and loses half its room.  Whenever a larger arena has grown to a new peak
 * everything goes back; and when a flush finds that its class has shrunk, the class's
 * stack does at the next refill, or when the arena is about to cut from top.
 *
 * Room is made by giving back the older half, if possible into a magazine: the
 * newer chunks are warm.  (A large stack gives all of it, in two magazines.)
 * Chunks leave the stack before they are given to the arena, never after, because
 * a fork may catch this thread in between, and a chunk that is lost to the child
 * does less harm than one that is free twice.
 */
#include "alloc/tcache.h"

#include "alloc/attach.h"
#include "alloc/defer.h"
#include "alloc/fork.h"
#include "alloc/heap.h"
#include "alloc/magazine.h"
#include "alloc/remote.h"
#include "alloc/shard.h"
#include "alloc/stack.h"
#include "alloc/top.h"
#include "base/fatal.h"

#include <string.h>

/* A refill takes at most so many bytes, if that is more than one chunk. */
#define REFILL_BYTES (16 * KIB)
/* Of what has to be carved it takes so much, or a part of what the class has: most
 * classes of most programs have few blocks. */
#define REFILL_FRESH_BYTES 1024u
#define REFILL_FRESH_PART 16u
/* After a fork the cache of one left-behind thread is taken in each so many
 * refills: a child that only calls exec does not come so far. */
#define ORPHAN_INTERVAL 8u
/* Below this size of the arena its growth is not heeded. */
#define HEED_PEAK_MIN (1 * MIB)
/* A class has shrunk when more of it than one run, and than half, is free. */
#define SHRUNK_BYTES (32 * KIB)
#define SHRUNK_PART 2u
/* Every so many refills and flushes one stack is looked at, and it is idle
 * when so many have passed since its own last. */
#define SCAN_INTERVAL 16u
#define SCAN_IDLE (NR_CLASSES * SCAN_INTERVAL)
#define SCAN_IDLE_OVER NR_CLASSES
/* Each comes up once in SCAN_IDLE, so what has passed since its own fits into 16 bits. */
_Static_assert(2 * SCAN_IDLE <= UINT16_MAX, "last_tick is too small");
_Static_assert(NR_SMALL <= 64, "tcache.shrinking has a bit for each");

/* Whether a small class is mostly free. */
static bool class_has_shrunk(const struct arena *a, unsigned cls)
{
	const struct run_class *rc = &a->classes[cls];

	return rc->nr_free * sizeclass_bytes(cls) > SHRUNK_BYTES &&
	       rc->nr_free > rc->nr_chunks / SHRUNK_PART;
}

/* Remembers a small class that is mostly free: then true.  The arena's lock is
 * held. */
static bool shrinking_note(struct tcache *tc, unsigned cls)
{
	if (!sizeclass_is_small(cls) || !class_has_shrunk(tc->arena, cls))
		return false;
	tc->shrinking |= UINT64_C(1) << (cls - 1);
	return true;
}

/* Of a stack that shows nothing, and had `count` chunks, the oldest n are gone: the
 * others move to its bottom and show again. */
static void stack_close(struct tcache *tc, unsigned cls, unsigned count,
			unsigned n)
{
	void **bottom = tc->bottom[cls];

	memmove(bottom - (count - n), bottom - count,
		(count - n) * sizeof(void *));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->sp[cls], bottom - (count - n));
	store_relaxed(&tc->nr_flushes, tc->nr_flushes + 1);
	tc->given_bytes += n * sizeclass_bytes(cls);
	tc->taken_bytes -= min_size(n * sizeclass_bytes(cls), tc->taken_bytes);
}

/* Gives the oldest n chunks of a stack back to the arena.  It shows nothing
 * meanwhile. */
static void stack_flush(struct tcache *tc, unsigned cls, unsigned n)
{
	unsigned count = tcache_count(tc, cls);
	void **bottom = tc->bottom[cls];

	if (n == 0)
		return;
	store_relaxed(&tc->sp[cls], bottom);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	lock_take(&tc->arena->lock);
	remote_give_many(tc->arena, cls, bottom - n, n);
	shrinking_note(tc, cls);
	lock_drop(&tc->arena->lock);
	stack_close(tc, cls, count, n);
}

/* Gives the n oldest chunks of a full stack to the arena, if possible into
 * magazines, and of a large stack as many again, as long as there are magazines
 * for them.  Returns how many.  The arena's lock is held. */
static unsigned stack_give_oldest(struct tcache *tc, unsigned cls,
				  unsigned count, unsigned n)
{
	struct arena *a = tc->arena;
	void **oldest = tc->bottom[cls] - n;
	unsigned given = n;

	medium_visit(a);
	if (!sizeclass_is_small(cls))
		medium_put(a, oldest, n);
	else if (shrinking_note(tc, cls) || !magazine_put(a, cls, oldest, n))
		remote_give_many(a, cls, oldest, n);
	else if (n == MAGAZINE_ROOM && count >= 2 * n &&
		 magazine_put(a, cls, oldest - n, n))
		given += n;
	return given;
}

/* Makes room on a stack in use: its older half goes, or all of it, when it is so
 * large that moving the newer half would be most of the work. */
static void stack_spill(struct tcache *tc, unsigned cls)
{
	unsigned count = tcache_count(tc, cls);
	unsigned n = (unsigned)min_size((count + 1) / 2, MAGAZINE_ROOM);
	void **bottom = tc->bottom[cls];

	if (n == 0)
		return;
	store_relaxed(&tc->sp[cls], bottom);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	lock_take(&tc->arena->lock);
	n = stack_give_oldest(tc, cls, count, n);
	lock_drop(&tc->arena->lock);
	stack_close(tc, cls, count, n);
}

/* Gives all of a stack back; the arena's lock is held. */
static void stack_give(struct tcache *tc, unsigned cls)
{
	void **sp = tc->sp[cls];
	unsigned n = tcache_count(tc, cls);

	if (n == 0)
		return;
	store_relaxed(&tc->sp[cls], tc->bottom[cls]);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	remote_give_many(tc->arena, cls, sp, n);
	tc->taken_bytes -= min_size(n * sizeclass_bytes(cls), tc->taken_bytes);
}

void tcache_give_stacks(struct tcache *tc)
{
	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		stack_give(tc, cls);
	shard_give_hole(tc);
}

void tcache_give_shrunk(struct tcache *tc)
{
	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		if (class_has_shrunk(tc->arena, cls))
			stack_give(tc, cls);
}

/* Looks at the next stack and shrinks it when it is idle; when the cache is
 * over its share, one is idle sooner. */
static void tcache_scan(struct tcache *tc, uint32_t idle_ticks)
{
	unsigned victim, count;

	tc->scan = tc->scan + 1 < NR_CLASSES ? tc->scan + 1 : 1;
	victim = tc->scan;
	if ((uint16_t)(tc->ticks - tc->last_tick[victim]) < idle_ticks)
		return;
	tc->last_tick[victim] = (uint16_t)tc->ticks;
	count = tcache_count(tc, victim);
	stack_flush(tc, victim,
		    stack_shrinks_to(tc, victim) == 0 ? count
						      : (count + 1) / 2);
	stack_shrink(tc, victim);
}

/* One more refill or flush of a class. */
static void tcache_tick(struct tcache *tc, unsigned cls)
{
	tc->last_tick[cls] = (uint16_t)++tc->ticks;
	if (tc->ticks % SCAN_INTERVAL == 0)
		tcache_scan(tc, SCAN_IDLE);
}

/* The room of a stack was too little: it grows, if it may. */
static bool tcache_grow(struct tcache *tc, unsigned cls)
{
	if (stack_grow(tc, cls))
		return true;
	if (tcache_room(tc, cls) < sizeclass_cache_max(cls))
		tcache_scan(tc, SCAN_IDLE_OVER);
	return false;
}

/* How many of n chunks of a class are taken.  What is free in its runs costs no memory;
 * what has to be carved is no more than a part of what the class has. */
static unsigned refill_part(const struct arena *a, unsigned cls, unsigned n)
{
	unsigned part, nr_free = 0;

	if (sizeclass_is_small(cls)) {
		part = a->classes[cls].nr_chunks / REFILL_FRESH_PART;
		nr_free = a->classes[cls].nr_free;
	} else {
		part = medium_in_use(a, cls) / REFILL_FRESH_PART;
	}
	part = (unsigned)max_size(1 + part,
				  REFILL_FRESH_BYTES / sizeclass_bytes(cls));
	return (unsigned)min_size(n, max_size(part, nr_free));
}

/* Takes up to n chunks from the arena, or up to `most` if they wait in a
 * magazine, marked as cached.  They stand in front of `end`. */
static unsigned arena_refill(struct tcache *tc, uint32_t units, void **end,
			     unsigned n, unsigned most)
{
	unsigned cls = (unsigned)sizeclass_of(tc->medium_table, units), got;
	struct arena *a = tc->arena;
	void **out = end - n;

	lock_take(&a->lock);
	medium_visit(a);
	a->visitor = tc;
	if (!sizeclass_is_small(units))
		got = medium_take(a, units, out, refill_part(a, cls, n));
	else if ((got = magazine_take(a, units, end - most, most)) > 0)
		out = end - most;
	else
		got = run_take(a, units, out, refill_part(a, cls, n));
	a->visitor = NULL;
	lock_drop(&a->lock);
	if (out + got != end)
		memmove(end - got, out, got * sizeof(void *));
	tc->taken_bytes += got * sizeclass_bytes(cls);
	tc->taken_peak = max_size(tc->taken_peak, tc->taken_bytes);
	return got;
}

/* One chunk past the cache. */
static void *tcache_take_one(struct tcache *tc, uint32_t units)
{
	void *p = NULL;

	if (arena_refill(tc, units, &p + 1, 1, 1) == 1)
		store_relaxed(&chunk_of(p)->lo,
			      chunk_lo(chunk_of(p)) ^ CHUNK_C);
	return p;
}

/* The newest chunk of any class that fits, or NULL. */
static void *stack_pop(struct tcache *tc, unsigned cls, uint32_t units)
{
	return sizeclass_is_small(cls) ? tcache_pop(tc, cls)
				       : tcache_pop_medium(tc, cls, units);
}

/* Fills an empty stack and pops a chunk. */
static void *stack_fill(struct tcache *tc, unsigned cls, uint32_t units)
{
	unsigned room = tcache_room(tc, cls);
	unsigned n =
		(unsigned)min_size(REFILL_BYTES / (units * UNIT), room / 2);
	void **bottom = tc->bottom[cls];
	unsigned got;

	/* Each thread of the arena begins another line of the processor's cache. */
	n = (unsigned)max_size(n, max_size(LINE_BYTES / (units * UNIT), 1));
	store_relaxed(&tc->nr_refills, tc->nr_refills + 1);
	got = arena_refill(
		tc, units, bottom, n,
		(unsigned)max_size(n, min_size(room / 2, MAGAZINE_ROOM)));
	if (got == 0)
		return NULL;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->sp[cls], bottom - got);
	if (got >= room / 2)
		tcache_grow(tc, cls);
	return stack_pop(tc, cls, units);
}

/* A chunk from the stacks after all: what other threads have sent home, or for
 * a medium request one of the next class. */
static void *tcache_second_look(struct tcache *tc, unsigned cls, uint32_t units)
{
	void *p = NULL;

	if (remote_is_pending(tc->arena, cls)) {
		tcache_tick(tc, cls);
		tcache_grow(tc, cls);
		/* A stack of medium chunks may be full of too small ones. */
		if (tcache_room(tc, cls) > 0) {
			remote_collect(tc, cls);
			p = stack_pop(tc, cls, units);
		}
	}
	if (!p && !sizeclass_is_small(cls) && cls + 1 < NR_CLASSES)
		p = tcache_pop_medium(tc, cls + 1, units);
	return p;
}

/* When the arena has grown to a new peak, all stacks give back what they hold:
 * one cached chunk may be all that keeps a run, and what becomes free is used
 * before the new memory is. */
static void tcache_heed_growth(struct tcache *tc)
{
	size_t peak = load_relaxed(&tc->arena->max_system_bytes);

	if (LIKELY(peak == tc->seen_peak) || peak < HEED_PEAK_MIN)
		return;
	tc->seen_peak = peak;
	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		stack_flush(tc, cls, tcache_count(tc, cls));
}

/* What a shrunk class has in its stack and in magazines lies in nearly as many
 * runs.  Handed out to blocks that live long, each chunk would keep one of them. */
static void shrinking_flush(struct tcache *tc, unsigned wanted)
{
	for (uint64_t left = tc->shrinking; left; left &= left - 1) {
		unsigned cls = 1 + (unsigned)__builtin_ctzll(left);

		stack_flush(tc, cls, tcache_count(tc, cls));
		lock_take(&tc->arena->lock);
		magazine_drain_class(tc->arena, cls, cls == wanted);
		lock_drop(&tc->arena->lock);
	}
	tc->shrinking = 0;
}

void *tcache_refill(struct tcache *tc, uint32_t units)
{
	unsigned cls = (unsigned)sizeclass_of(tc->medium_table, units);
	void *p = attach_refill(tc) ? stack_pop(tc, cls, units) : NULL;

	if (!p)
		p = tcache_second_look(tc, cls, units);
	if (p)
		return p;
	tcache_tick(tc, cls);
	if (tcache_room(tc, cls) == 0)
		tcache_grow(tc, cls);
	tcache_heed_growth(tc);
	shrinking_flush(tc, cls);
	if (UNLIKELY(load_relaxed(&tc->heap->orphans) != NULL) &&
	    tc->ticks % ORPHAN_INTERVAL == 0)
		fork_reclaim_orphan(tc->heap);
	/* Chunks of the class that are too small stay for smaller requests. */
	if (tcache_room(tc, cls) == 0 || tcache_count(tc, cls) > 0)
		return tcache_take_one(tc, units);
	return stack_fill(tc, cls, units);
}

void *tcache_pop_aligned(struct tcache *tc, size_t cls, size_t alignment)
{
	void **sp = tc->sp[cls], **at = sp;
	void *p;

	/* The NULL at the end is aligned. */
	while (!is_aligned((uintptr_t)*at, alignment))
		at++;
	if (at == sp)
		return tcache_pop(tc, cls);
	p = *at;
	if (!p)
		return NULL;
	/* The newest takes its place; a fork must not find a chunk twice. */
	store_relaxed(&tc->sp[cls], sp + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*at = *sp;
	user_toggle_cached(p);
	return p;
}

void tcache_free_slow(struct tcache *tc, void *p)
{
	struct chunk *c = chunk_of(p);
	uint32_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;
	unsigned cls;

	if (units == 0 || units > CACHED_UNITS_MAX)
		fatal_at("free(): invalid pointer", p);
	cls = (unsigned)sizeclass_of(tc->medium_table, units);
	tcache_tick(tc, cls);
	if (!tcache_grow(tc, cls))
		stack_spill(tc, cls);
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	if (tc->sp[cls] != tc->limit[cls]) {
		tc->sp[cls][-1] = p;
		store_relaxed(&tc->sp[cls], tc->sp[cls] - 1);
		return;
	}
	lock_take(&tc->arena->lock);
	if (sizeclass_is_small(cls))
		remote_give_back(tc->arena, p);
	else
		medium_put(tc->arena, &p, 1);
	lock_drop(&tc->arena->lock);
}

void tcache_flush_all(struct tcache *tc)
{
	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		stack_flush(tc, cls, tcache_count(tc, cls));
	remote_post_all(tc);
	lock_take(&tc->arena->lock);
	shard_give_hole(tc);
	defer_give_back(tc);
	lock_drop(&tc->arena->lock);
}

/* The same as tcache_count, of any thread's cache: 0 in the middle of a change. */
static inline size_t stack_count_of_any(const struct tcache *tc, unsigned cls)
{
	size_t n = (size_t)(load_relaxed(&tc->bottom[cls]) -
			    load_relaxed(&tc->sp[cls]));

	return n <= STACK_MAX ? n : 0;
}

size_t tcache_bytes(const struct tcache *tc)
{
	size_t bytes = 0;

	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		bytes += stack_count_of_any(tc, cls) * cls * UNIT;
	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++)
		bytes += stack_count_of_any(tc, cls) * sizeclass_bytes(cls);
	if (load_relaxed(&tc->hole))
		bytes += load_relaxed(&tc->hole_units) * UNIT;
	return bytes + defer_bytes(tc);
}

struct tcache *tcache_make(struct heap *heap)
{
	struct tcache *tc = meta_alloc(&heap->meta, sizeof(*tc));

	if (!tc)
		return NULL;
	stack_init_all(tc);
	sizeclass_table(tc->medium_table);
	tc->loan.units = LOAN_NONE;
	tc->heap = heap;
	return tc;
}

static void tcache_free_memory(struct tcache *tc)
{
	struct heap *heap = tc->heap;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		stack_free(tc, cls);
	remote_free_kept(tc);
	meta_free(&heap->meta, tc, sizeof(*tc));
}

COLD_FAR void tcache_reclaim(struct tcache *tc)
{
	bool whole = true;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		ptrdiff_t room = tc->bottom[cls] - tc->limit[cls];
		ptrdiff_t count = tc->bottom[cls] - tc->sp[cls];

		if (room < 0 || room > (ptrdiff_t)STACK_MAX || count < 0 ||
		    count > room)
			whole = false;
		else
			stack_flush(tc, cls, (unsigned)count);
	}
	remote_post_all(tc);
	lock_take(&tc->arena->lock);
	shard_give_hole(tc);
	defer_give_back(tc);
	lock_drop(&tc->arena->lock);
	if (whole)
		tcache_free_memory(tc);
}
