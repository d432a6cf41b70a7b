/*
 * attach.c: which arena a thread uses.
 *
 * The first thread uses the main arena.  Each further one gets the arena that a
 * thread has left last, with its memory, its runs and the cache it left there; or
 * another that nobody uses; or a new one while there are fewer than arena_max; or
 * else it shares the one with the fewest threads.  By default arena_max is the
 * number of CPUs that this process may use, by affinity and by quota, not the
 * CPUs of the host, and one for the main thread, which often only waits; but at
 * least arena_test.
 *
 * Threads that run at the same time and share an arena hand lines of memory from
 * CPU to CPU, with each chunk that one has freed and the other takes.  More threads
 * than there are CPUs to run them cannot.  An arena that nobody else uses keeps
 * what its thread has freed, and a chunk that is freed in its own arena needs no
 * way home.
 *
 * The main arena counts as one thread more: there stand the blocks that the main
 * thread makes for others, and one that frees them and takes them for itself would
 * share lines with the rest.  But when the main thread does nothing, and most of its
 * arena is free again, that memory is for others: else it would only wait.
 *
 * Locks: what is said about attaching is guarded by the heap's; it is never held
 * while a cache is filled or flushed.
 */
#include "alloc/attach.h"

#include "alloc/defer.h"
#include "alloc/quiet.h"
#include "alloc/stack.h"
#include "alloc/top.h"

#include <string.h>

/* An arena that holds less is no use to others. */
#define RESTS_MIN (1 * MIB)
/* With more threads than that none is looked at. */
#define LOOK_MAX 64u

/* How many arenas there may be. */
static unsigned attach_arena_max(struct heap *heap)
{
	size_t max = heap->options.arena_max;

	/* Asked once: the answer may cost files to be read. */
	if (max == 0 && heap->nr_cpus == 0)
		heap->nr_cpus = heap->os->nr_cpus(heap->os->ctx);
	if (max == 0)
		max = max_size((size_t)heap->nr_cpus + 1,
			       heap->options.arena_test);
	return (unsigned)min_size(max, NR_ARENAS);
}

/* What is free in an arena; 0 when it is busy. */
static size_t attach_free_bytes(struct arena *a)
{
	size_t bytes;

	if (!lock_try(&a->lock))
		return 0;
	bytes = arena_free_bytes(a) + top_bytes(a);
	lock_drop(&a->lock);
	return bytes;
}

/* Counts, for each arena, the threads that have not come to it since they were
 * counted the last time. */
static void attach_count_resting(struct heap *heap)
{
	for (unsigned i = 0; i < heap->nr_arenas; i++)
		heap_arena_at(heap, i)->nr_resting = 0;
	if (heap->nr_tcaches > LOOK_MAX)
		return;
	for (struct tcache *tc = heap->tcaches; tc; tc = tc->next) {
		size_t visits = load_relaxed(&tc->nr_refills) +
				load_relaxed(&tc->nr_flushes);

		tc->arena->nr_resting += visits == tc->seen_visits;
		tc->seen_visits = visits;
	}
}

/* Threads that count for an arena, of which so much is free. */
static unsigned attach_load(const struct heap *heap, const struct arena *a,
			    size_t free_bytes)
{
	size_t held = load_relaxed(&a->max_system_bytes);
	unsigned load = a->nr_attached;

	if (held >= RESTS_MIN && free_bytes > held / 2)
		load -= min_size(a->nr_resting, load);
	return load + (a == &heap->main_arena && load > 0);
}

/* The arena with the fewest threads, *load, and of these the one that was left
 * last or has the most free memory: what ended threads have left is used before
 * more is asked for. */
static struct arena *attach_idlest(struct heap *heap, unsigned *load)
{
	struct arena *best = heap->left;
	size_t best_free = 0;

	attach_count_resting(heap);
	*load = best ? 0 : ~0u;
	for (unsigned i = 0; !heap->left && i < heap->nr_arenas; i++) {
		struct arena *a = heap_arena_at(heap, i);
		size_t its_free = attach_free_bytes(a);
		unsigned its_load = attach_load(heap, a, its_free);

		if (its_load > *load ||
		    (its_load == *load && its_free <= best_free))
			continue;
		best = a;
		best_free = its_free;
		*load = its_load;
	}
	return best;
}

/* The arenas move to a table; false: no memory. */
static FAR bool attach_make_table(struct heap *heap)
{
	struct arena **table =
		meta_alloc(&heap->meta, NR_ARENAS * sizeof(struct arena *));

	if (!table)
		return false;
	memcpy(table, heap->first_arenas, sizeof(heap->first_arenas));
	__atomic_store_n(&heap->arenas, table, __ATOMIC_RELEASE);
	return true;
}

static struct arena *attach_new_arena(struct heap *heap)
{
	unsigned i = heap->nr_arenas;
	struct arena *a;

	if (i == NR_FIRST_ARENAS && heap->arenas == heap->first_arenas &&
	    !attach_make_table(heap))
		return NULL;
	a = meta_alloc(&heap->meta, sizeof(*a));
	if (!a)
		return NULL;
	arena_init(a, heap, i);
	heap->arenas[i] = a;
	__atomic_store_n(&heap->nr_arenas, i + 1, __ATOMIC_RELEASE);
	return a;
}

/* The heap's lock is held. */
static void attach_to(struct heap *heap, struct arena *a)
{
	if (heap->left == a)
		store_relaxed(&heap->left, NULL);
	store_relaxed(&a->nr_attached, a->nr_attached + 1);
}

static void attach_detach(struct heap *heap, struct arena *a)
{
	store_relaxed(&a->nr_attached, a->nr_attached - 1);
	if (a->nr_attached == 0)
		store_relaxed(&heap->left, a);
}

/* For a thread that is not the first. */
static struct arena *attach_pick(struct heap *heap)
{
	unsigned load;
	struct arena *a = attach_idlest(heap, &load), *fresh = NULL;

	if (load > 0 && heap->nr_arenas < attach_arena_max(heap))
		fresh = attach_new_arena(heap);
	return fresh ? fresh : a;
}

struct arena *attach_thread(struct heap *heap)
{
	struct arena *a = &heap->main_arena;

	lock_take(&heap->lock);
	if (a->nr_attached > 0 || heap->nr_arenas > 1)
		a = attach_pick(heap);
	attach_to(heap, a);
	lock_drop(&heap->lock);
	return a;
}

void attach_leave(struct heap *heap, struct arena *a)
{
	lock_take(&heap->lock);
	attach_detach(heap, a);
	lock_drop(&heap->lock);
}

/* The arena that was left last, now that of `tc`; NULL: somebody uses it. */
static struct arena *attach_change(struct heap *heap, struct tcache *tc)
{
	struct arena *a;

	lock_take(&heap->lock);
	a = heap->left;
	if (a) {
		attach_to(heap, a);
		attach_detach(heap, tc->arena);
		tc->arena = a;
		heap_tell_tcache(heap, tc);
	}
	lock_drop(&heap->lock);
	return a;
}

/* Gives tc, which is empty, the stacks of a cache that nobody uses, and that one
 * its own.  A fork that comes in between finds them in no cache, or in tc. */
static void attach_inherit(struct tcache *tc, struct tcache *from)
{
	size_t capacity_bytes = tc->capacity_bytes;
	uint64_t hot = tc->hot;

	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		void **bottom = tc->bottom[cls];
		unsigned room = tcache_room(tc, cls);

		stack_set(tc, cls, from->bottom[cls], tcache_room(from, cls),
			  tcache_count(from, cls));
		stack_set(from, cls, bottom, room, 0);
	}
	tc->capacity_bytes = from->capacity_bytes;
	from->capacity_bytes = capacity_bytes;
	tc->hot = from->hot;
	from->hot = hot;
	store_relaxed(&tc->hole_units, from->hole_units);
	store_relaxed(&tc->hole, from->hole);
	store_relaxed(&from->hole, NULL);
}

FAR bool attach_follow(struct tcache *tc)
{
	struct heap *heap = tc->heap;
	struct arena *a, *left = tc->arena;
	struct tcache *spare;

	if (quiet_watches(tc))
		return false;
	tcache_flush_all(tc);
	defer_forget_loan(tc);
	a = attach_change(heap, tc);
	if (!a)
		return false;
	tc->young = 0;
	tc->seen_peak = 0;
	tc->shrinking = 0;
	tc->given_bytes = tc->taken_bytes = tc->taken_peak = 0;
	/* What it has left there may be free. */
	quiet_look(heap, &tcache_none, left);
	lock_take(&a->lock);
	spare = a->spare;
	a->spare = NULL;
	store_relaxed(&a->look_bytes, QUIET_STEP);
	lock_drop(&a->lock);
	if (!spare)
		return false;
	attach_inherit(tc, spare);
	heap_put_spare(heap, spare);
	return true;
}
