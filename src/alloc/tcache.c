/*
 * tcache.c: growing, filling and flushing the stacks of a thread cache.
 *
 * Slow start: a stack begins with room for 7 chunks and doubles each time it
 * runs empty or full, so that a thread that needs little holds little and one
 * that needs much seldom takes the arena's lock.  All stacks together may hold
 * cache_max bytes; and a stack that has seen neither refill nor flush while
 * others had many gives half of what it holds back and loses half its room.
 *
 * Room is made by giving back the older half: the newer chunks are warm.  Chunks
 * leave the stack before they are given to the arena, never after, because a
 * fork may catch this thread in between, and a chunk that is lost to the child
 * does less harm than one that is free twice.
 */
#include "alloc/tcache.h"

#include "alloc/defer.h"
#include "alloc/heap.h"
#include "alloc/remote.h"
#include "alloc/top.h"
#include "base/fatal.h"

#include <string.h>

#define STACK_FIRST 7u
#define STACK_MAX 511u
/* A refill takes at most so many bytes, if that is more than one chunk. */
#define REFILL_BYTES (16 * KIB)
/* How far ahead a flush looks, chunks. */
#define FLUSH_AHEAD 6u
/* Every so many refills and flushes one stack is looked at, and it is idle
 * when so many have passed since its own last. */
#define SCAN_INTERVAL 16u
#define SCAN_IDLE (NR_CLASSES * SCAN_INTERVAL)
#define SCAN_IDLE_OVER NR_CLASSES

static void *stack_end = NULL;

#define EMPTY_STACKS { [0 ... NR_CLASSES - 1] = &stack_end }
#define EMPTY_CACHE                                                            \
	{                                                                      \
		.sp = EMPTY_STACKS, .limit = EMPTY_STACKS,                     \
		.bottom = EMPTY_STACKS,                                        \
	}

struct tcache tcache_none = EMPTY_CACHE;
struct tcache tcache_over = EMPTY_CACHE;

static size_t class_bytes(unsigned cls)
{
	return sizeclass_units(cls) * UNIT;
}

/* Room of a stack, chunks. */
static unsigned stack_room(const struct tcache *tc, unsigned cls)
{
	return (unsigned)(tc->bottom[cls] - tc->limit[cls]);
}

/* Bytes of the array behind a stack with so much room and its NULL. */
static size_t stack_array_bytes(unsigned room)
{
	size_t n = STACK_FIRST + 1;

	while (n < room + 1)
		n *= 2;
	return n * sizeof(void *);
}

/* The array's start, from its end. */
static void *stack_array(const struct tcache *tc, unsigned cls)
{
	return (char *)(tc->bottom[cls] + 1) -
	       stack_array_bytes(stack_room(tc, cls));
}

/* Points a class at another stack, which holds the newest `count` already. */
static void stack_set(struct tcache *tc, unsigned cls, void **bottom,
		      unsigned room, unsigned count)
{
	/* A forked child distrusts a stack whose ends do not fit. */
	tc->sp[cls] = bottom;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->bottom[cls] = bottom;
	tc->limit[cls] = bottom - room;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->sp[cls] = bottom - count;
}

/* Gives a class twice the room it had; false: it has its share. */
static bool stack_grow(struct tcache *tc, unsigned cls)
{
	unsigned old = stack_room(tc, cls), count = tcache_count(tc, cls);
	unsigned most = sizeclass_cache_max(cls);
	unsigned room = old == 0 ? STACK_FIRST : old + old / 2 + 1;
	void **bottom = tc->bottom[cls], *old_array = NULL;
	size_t grown;

	if (most > STACK_MAX)
		most = STACK_MAX;
	if (room > most)
		room = most;
	grown = (room - old) * class_bytes(cls);
	if (room <= old || cls == 0 ||
	    tc->capacity_bytes + grown > tc->heap->options.cache_max)
		return false;
	if (old == 0 || stack_array_bytes(room) != stack_array_bytes(old)) {
		char *array = meta_alloc(&tc->heap->meta,
					 stack_array_bytes(room));

		if (!array)
			return false;
		bottom = (void **)(void *)(array + stack_array_bytes(room)) - 1;
		memcpy(bottom - count, tc->sp[cls], count * sizeof(void *));
		*bottom = NULL;
		if (old > 0)
			old_array = stack_array(tc, cls);
	}
	stack_set(tc, cls, bottom, room, count);
	if (old_array)
		meta_free(&tc->heap->meta, old_array, stack_array_bytes(old));
	tc->capacity_bytes += grown;
	return true;
}

/* Gives the oldest n chunks of a stack back to the arena. */
static void stack_flush(struct tcache *tc, unsigned cls, unsigned n)
{
	unsigned count = tcache_count(tc, cls);
	void **bottom = tc->bottom[cls];
	void *out[STACK_MAX];

	if (n == 0)
		return;
	memcpy(out, bottom - n, n * sizeof(void *));
	tc->sp[cls] = bottom;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memmove(bottom - (count - n), bottom - count,
		(count - n) * sizeof(void *));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->sp[cls] = bottom - (count - n);
	tc->nr_flushes++;

	lock_take(&tc->arena->lock);
	for (unsigned i = 0; i < n; i++) {
		/* The older half is cold by now, and so are its runs. */
		if (i + 2 * FLUSH_AHEAD < n)
			__builtin_prefetch(chunk_of(out[i + 2 * FLUSH_AHEAD]));
		if (i + FLUSH_AHEAD < n && sizeclass_is_small(cls))
			run_prefetch(out[i + FLUSH_AHEAD]);
		remote_give_back(tc->arena, out[i]);
	}
	lock_drop(&tc->arena->lock);
}

/* Takes half the room of a stack away. */
static void stack_shrink(struct tcache *tc, unsigned cls)
{
	unsigned room = stack_room(tc, cls), left = room / 2;
	unsigned count = tcache_count(tc, cls);

	if (left < STACK_FIRST)
		return;
	if (count > left)
		stack_flush(tc, cls, count - left);
	/* The array stays as long as it is the right one for the room. */
	if (stack_array_bytes(left) != stack_array_bytes(room)) {
		void **bottom = tc->bottom[cls], **moved;
		char *array = meta_alloc(&tc->heap->meta,
					 stack_array_bytes(left));
		void *old = stack_array(tc, cls);

		if (!array)
			return;
		count = tcache_count(tc, cls);
		moved = (void **)(void *)(array + stack_array_bytes(left)) - 1;
		memcpy(moved - count, bottom - count, count * sizeof(void *));
		*moved = NULL;
		stack_set(tc, cls, moved, left, count);
		meta_free(&tc->heap->meta, old, stack_array_bytes(room));
	} else {
		stack_set(tc, cls, tc->bottom[cls], left, count);
	}
	tc->capacity_bytes -= (room - left) * class_bytes(cls);
}

/* Looks at the next stack and shrinks it when it is idle; when the cache is
 * over its share, one is idle sooner. */
static void tcache_scan(struct tcache *tc, uint32_t idle_ticks)
{
	unsigned victim;

	tc->scan = tc->scan + 1 < NR_CLASSES ? tc->scan + 1 : 1;
	victim = tc->scan;
	if (tc->ticks - tc->last_tick[victim] < idle_ticks)
		return;
	tc->last_tick[victim] = tc->ticks;
	stack_flush(tc, victim, (tcache_count(tc, victim) + 1) / 2);
	stack_shrink(tc, victim);
}

/* One more refill or flush of a class: its stack grows, if it may. */
static bool tcache_tick(struct tcache *tc, unsigned cls)
{
	bool grown;

	tc->last_tick[cls] = ++tc->ticks;
	grown = stack_grow(tc, cls);
	if (tc->ticks % SCAN_INTERVAL == 0)
		tcache_scan(tc, SCAN_IDLE);
	else if (!grown && stack_room(tc, cls) < sizeclass_cache_max(cls))
		tcache_scan(tc, SCAN_IDLE_OVER);
	return grown;
}

/* Makes a medium chunk fit for a stack: C for L. */
static void *medium_cached(struct arena *a, struct chunk *c)
{
	store_relaxed(&c->lo, a->tag | CHUNK_C |
				      (uint32_t)chunk_units(c)
					      << CHUNK_UNITS_SHIFT);
	return chunk_user(c);
}

/* Takes up to n medium chunks from the arena, whose lock is held.  One that
 * comes out a unit too large for its class is not for a stack; when it is the
 * first, it is handed out as it is in *odd. */
static unsigned medium_take(struct arena *a, unsigned cls, void **out,
			    unsigned n, void **odd)
{
	size_t units = sizeclass_units(cls);
	unsigned got = 0;

	while (got < n) {
		uintptr_t zero_from;
		/* Only the first is worth growing the heap for. */
		struct chunk *c = arena_take(a, units, got == 0, &zero_from);

		if (!c)
			break;
		top_touch(a, (uintptr_t)c,
			  (uintptr_t)chunk_next(c) + USER_OFFSET);
		if (chunk_units(c) != units && got == 0) {
			*odd = chunk_user(c);
			break;
		}
		if (chunk_units(c) != units) {
			arena_give(a, c);
			break;
		}
		out[got++] = medium_cached(a, c);
	}
	return got;
}

/* Takes up to n chunks of a class from the arena, marked as cached. */
static unsigned arena_refill(struct tcache *tc, unsigned cls, void **out,
			     unsigned n, void **odd)
{
	struct arena *a = tc->arena;
	unsigned got;

	lock_take(&a->lock);
	defer_give_back(tc);
	got = sizeclass_is_small(cls) ? run_take(a, cls, out, n) :
					medium_take(a, cls, out, n, odd);
	lock_drop(&a->lock);
	return got;
}

/* One chunk past the cache, for a class that has no stack. */
static void *tcache_take_one(struct tcache *tc, unsigned cls)
{
	void *p = NULL;

	if (arena_refill(tc, cls, &p, 1, &p) == 1)
		store_relaxed(&chunk_of(p)->lo,
			      chunk_lo(chunk_of(p)) ^ CHUNK_C);
	return p;
}

void *tcache_refill(struct tcache *tc, unsigned cls)
{
	struct arena *a = tc->arena;
	unsigned room, n, got;
	void **bottom, *odd = NULL;

	tcache_tick(tc, cls);
	if (remote_is_pending(a)) {
		void *p;

		remote_collect(tc);
		p = tcache_pop(tc, cls);
		if (p)
			return p;
	}
	room = stack_room(tc, cls);
	if (room == 0)
		return tcache_take_one(tc, cls);
	n = (unsigned)min_size(REFILL_BYTES / class_bytes(cls), room / 2);
	if (n == 0)
		n = 1;
	bottom = tc->bottom[cls];
	tc->nr_refills++;
	got = arena_refill(tc, cls, bottom - n, n, &odd);
	if (got == 0)
		return odd;
	if (got < n)
		memmove(bottom - got, bottom - n, got * sizeof(void *));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->sp[cls] = bottom - got;
	return tcache_pop(tc, cls);
}

void tcache_free_slow(struct tcache *tc, void *p)
{
	struct chunk *c = chunk_of(p);
	size_t units = chunk_lo(c) >> CHUNK_UNITS_SHIFT;
	unsigned cls = units <= NR_SMALL ?
			       (unsigned)units :
			       (unsigned)sizeclass_of_units(tc->medium_table,
							    (uint32_t)units);

	if (units == 0 || units > CACHED_UNITS_MAX ||
	    sizeclass_units(cls) != units)
		fatal_at("free(): invalid pointer", p);
	if (!tcache_tick(tc, cls))
		stack_flush(tc, cls, (tcache_count(tc, cls) + 1) / 2);
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	if (tc->sp[cls] != tc->limit[cls]) {
		tc->sp[cls][-1] = p;
		tc->sp[cls]--;
		return;
	}
	lock_take(&tc->arena->lock);
	remote_give_back(tc->arena, p);
	lock_drop(&tc->arena->lock);
}

void tcache_flush_all(struct tcache *tc)
{
	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		stack_flush(tc, cls, tcache_count(tc, cls));
	remote_post_all(tc);
	lock_take(&tc->arena->lock);
	defer_give_back(tc);
	lock_drop(&tc->arena->lock);
}

size_t tcache_bytes(const struct tcache *tc)
{
	size_t bytes = 0;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		void **sp = load_relaxed(&tc->sp[cls]);
		void **bottom = load_relaxed(&tc->bottom[cls]);

		if (bottom - sp >= 0 && bottom - sp <= (ptrdiff_t)STACK_MAX)
			bytes += (size_t)(bottom - sp) * class_bytes(cls);
	}
	return bytes + load_relaxed(&tc->deferred_bytes);
}

struct tcache *tcache_create(struct heap *heap)
{
	struct tcache *tc = meta_alloc(&heap->meta, sizeof(*tc));

	if (!tc)
		return NULL;
	for (unsigned cls = 0; cls < NR_CLASSES; cls++) {
		tc->sp[cls] = &stack_end;
		tc->limit[cls] = &stack_end;
		tc->bottom[cls] = &stack_end;
	}
	sizeclass_table(tc->medium_table);
	tc->heap = heap;
	tc->owner = pthread_self();
	tc->arena = heap_attach(heap);
	tc->tag = tc->arena->tag;
	return tc;
}

static void tcache_free_memory(struct tcache *tc)
{
	struct heap *heap = tc->heap;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++)
		if (stack_room(tc, cls) > 0)
			meta_free(&heap->meta, stack_array(tc, cls),
				  stack_array_bytes(stack_room(tc, cls)));
	meta_free(&heap->meta, tc, sizeof(*tc));
}

void tcache_destroy(struct tcache *tc)
{
	tcache_flush_all(tc);
	heap_detach(tc->heap, tc->arena);
	tcache_free_memory(tc);
}

void tcache_reclaim(struct tcache *tc)
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
	defer_give_back(tc);
	lock_drop(&tc->arena->lock);
	if (whole)
		tcache_free_memory(tc);
}
