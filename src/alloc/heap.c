/*
 * heap.c: making heaps, listing caches, and giving back what has waited.
 */
#include "alloc/heap.h"

#include "alloc/purge.h"
#include "alloc/quiet.h"
#include "alloc/remote.h"
#include "alloc/thread.h"
#include "alloc/top.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
/* When an arena was busy, it is looked at again after this part of the decay
 * time. */
#define RETRY_PART 8u

struct heap heap_default;

void heap_init(struct heap *heap, const struct mmsim_os *os)
{
	uint64_t random = os->entropy(os->ctx);

	heap->os = os;
	heap->key = random;
	heap->secret = (uint32_t)(random >> 24 & 0xffff) | 0x80;
	meta_init(&heap->meta, os);
	mapped_init(&heap->mapped, heap->store);
	leftover_init(&heap->leftover, heap->leftovers);
	heap->dynamic_threshold = !heap->options.thresholds_set;
	heap->uncached =
		heap->options.perturb != 0 || heap->options.check_action == 3;
	arena_init(&heap->main_arena, heap, 0);
	heap->arenas = heap->first_arenas;
	heap->arenas[0] = &heap->main_arena;
	heap->nr_arenas = 1;
	__atomic_store_n(&heap->ready, true, __ATOMIC_RELEASE);
}

COLD void heap_default_start(void)
{
	struct heap *heap = &heap_default;

	lock_take(&heap->lock);
	if (!heap->ready) {
		options_init(&heap->options);
		options_from_env(&heap->options, environ,
				 getauxval(AT_SECURE) != 0);
		thread_start();
		heap->os = mmsim_os_default();
		heap_init(heap, heap->os);
	}
	lock_drop(&heap->lock);
}

void heap_tell_tcache(const struct heap *heap, struct tcache *tc)
{
	store_relaxed(&tc->tag,
		      tc->arena->tag | (heap->uncached ? CHUNK_NONE : 0));
}

void heap_list_tcache(struct heap *heap, struct tcache *tc)
{
	lock_take(&heap->lock);
	heap_tell_tcache(heap, tc);
	tc->prev = NULL;
	tc->next = heap->tcaches;
	if (tc->next)
		tc->next->prev = tc;
	heap->tcaches = tc;
	heap->nr_tcaches++;
	lock_drop(&heap->lock);
}

void heap_unlist_tcache(struct heap *heap, struct tcache *tc)
{
	lock_take(&heap->lock);
	if (tc->next)
		tc->next->prev = tc->prev;
	if (tc->prev)
		tc->prev->next = tc->next;
	else
		heap->tcaches = tc->next;
	heap->nr_tcaches--;
	lock_drop(&heap->lock);
}

void heap_put_spare(struct heap *heap, struct tcache *tc)
{
	lock_take(&heap->lock);
	tc->next = heap->spares;
	heap->spares = tc;
	lock_drop(&heap->lock);
}

struct tcache *heap_take_spare(struct heap *heap)
{
	struct tcache *tc;

	lock_take(&heap->lock);
	tc = heap->spares;
	if (tc)
		heap->spares = tc->next;
	lock_drop(&heap->lock);
	return tc;
}

bool heap_has_decayed(const struct heap *heap, uint64_t since_ns,
		      uint64_t now_ns)
{
	size_t decay_ms = heap->options.decay_ms;

	return decay_ms != OPTION_NEVER &&
	       now_ns - since_ns >= decay_ms * NS_PER_MS;
}

/* Something is due then, if nothing is before that. */
static void heap_due(struct heap *heap, uint64_t due_ns)
{
	uint64_t old_ns = load_relaxed(&heap->due_ns);

	if (old_ns != 0 && due_ns >= old_ns)
		return;
	store_relaxed(&heap->due_ns, due_ns);
	if (UNLIKELY(heap->options.background != 0))
		background_wake(heap);
}

void heap_wait(struct heap *heap, uint64_t since_ns)
{
	size_t decay_ms = heap->options.decay_ms;

	/* 0 stands for "nothing waits". */
	if (decay_ms != OPTION_NEVER)
		heap_due(heap, max_size(since_ns + decay_ms * NS_PER_MS, 1));
}

uint64_t heap_now_ns(struct heap *heap)
{
	uint64_t now_ns = load_relaxed(&heap->seen_ns);

	if (load_relaxed(&heap->due_ns) != 0 && now_ns != 0)
		return now_ns;
	/* 0 stands for "does not wait": a clock that starts there is at 1. */
	now_ns = max_size(heap->os->now_ns(heap->os->ctx), 1);
	store_relaxed(&heap->seen_ns, now_ns);
	return now_ns;
}

static void heap_expire(struct heap *heap, uint64_t now_ns)
{
	unsigned nr = __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
	uint64_t retry_ns = heap->options.decay_ms * NS_PER_MS / RETRY_PART;

	for (unsigned i = 0; i < nr; i++) {
		struct arena *a = heap_arena_at(heap, i);

		if (!lock_try(&a->lock)) {
			heap_due(heap, now_ns + retry_ns);
			continue;
		}
		arena_expire_aside(a, now_ns);
		if (!quiet_expire(a, now_ns)) {
			top_expire(a, now_ns);
			purge_expire(a, now_ns);
			quiet_notice(a);
		}
		lock_drop(&a->lock);
	}
	/* Most programs have neither, and then need no page of that code. */
	if (load_relaxed(&heap->mapped.max_nr) > 0)
		mapped_expire(heap, now_ns, false);
	if (load_relaxed(&heap->leftover.nr) > 0)
		leftover_retry(heap);
}

void heap_tick_slow(struct heap *heap, struct tcache *tc)
{
	const struct mmsim_os *os = heap->os;
	uint64_t now_ns = os->now_ns(os->ctx);
	uint64_t due_ns = load_relaxed(&heap->due_ns);

	/* The clock is a coarse one, and all threads read this line. */
	if (load_relaxed(&heap->seen_ns) != now_ns)
		store_relaxed(&heap->seen_ns, now_ns);
	if (due_ns == 0 || now_ns < due_ns)
		return;
	/* One thread does the work; those that wait are listed anew by it. */
	if (!__atomic_compare_exchange_n(&heap->due_ns, &due_ns, 0, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	/* What this thread holds must not pin a larger piece. */
	if (tcache_is_real(tc))
		tcache_flush_all(tc);
	heap_expire(heap, now_ns);
}

void heap_mapped_freed(struct heap *heap, size_t bytes)
{
	struct options *o = &heap->options;

	if (!heap->dynamic_threshold ||
	    bytes <= load_relaxed(&o->mmap_threshold) || bytes > 32 * MIB)
		return;
	store_relaxed(&o->mmap_threshold, bytes);
	store_relaxed(&o->trim_threshold, 2 * bytes);
}

COLD_FAR void heap_lock_all(struct heap *heap)
{
	lock_take(&heap->lock);
	for (unsigned i = 0; i < heap->nr_arenas; i++)
		lock_take(&heap_arena_at(heap, i)->lock);
	lock_take(&heap->mapped.lock);
	lock_take(&heap->leftover.lock);
	lock_take(&heap->meta.lock);
}

COLD_FAR void heap_unlock_all(struct heap *heap)
{
	lock_drop(&heap->meta.lock);
	lock_drop(&heap->leftover.lock);
	lock_drop(&heap->mapped.lock);
	for (unsigned i = heap->nr_arenas; i-- > 0;)
		lock_drop(&heap_arena_at(heap, i)->lock);
	lock_drop(&heap->lock);
}

COLD_FAR int heap_mallopt(struct heap *heap, int param, int value)
{
	int set;

	lock_take(&heap->lock);
	set = options_mallopt(&heap->options, param, value);
	if (heap->options.thresholds_set)
		heap->dynamic_threshold = false;
	store_relaxed(&heap->uncached, heap->options.perturb != 0 ||
					       heap->options.check_action == 3);
	for (struct tcache *tc = heap->tcaches; tc; tc = tc->next)
		heap_tell_tcache(heap, tc);
	lock_drop(&heap->lock);
	/* Who wants no system call later gets the room for caches now, and what
	 * would be unmapped later is so now. */
	if (load_relaxed(&heap->options.trim_threshold) == OPTION_NEVER) {
		meta_prepare(&heap->meta);
		mapped_expire(heap, 0, true);
	}
	if (load_relaxed(&heap->uncached))
		thread_drop_cache(heap);
	return set;
}

COLD_FAR int heap_trim(struct heap *heap, size_t pad)
{
	unsigned nr = __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
	struct tcache *tc = heap_tcache(heap);
	size_t bytes = 0;

	if (tcache_is_real(tc))
		tcache_flush_all(tc);
	for (unsigned i = 0; i < nr; i++) {
		struct arena *a = heap_arena_at(heap, i);

		lock_take(&a->lock);
		arena_gather(a);
		run_release_empty(a);
		bytes += purge_all(a);
		bytes += top_give_back(a, i == 0 ? pad : 0);
		lock_drop(&a->lock);
	}
	bytes += mapped_expire(heap, 0, true);
	bytes += leftover_retry(heap);
	return bytes > 0;
}
