/*
 * quiet.c: arenas that have become quiet, and threads that watch.
 *
 * tcache_self of another thread is written under the heap's lock while its cache
 * is on the heap's list: a thread takes its cache off before its thread-local
 * storage goes.  The thread may take its fast paths back at the same moment;
 * then it is awake, and the next quiet arena is told to it again.
 */
#include "alloc/quiet.h"

#include "alloc/defer.h"
#include "alloc/purge.h"
#include "alloc/remote.h"
#include "alloc/thread.h"
#include "alloc/top.h"

/* Whether anything is given back later than at once. */
static bool quiet_gives_back(const struct heap *heap)
{
	return heap->options.decay_ms != OPTION_NEVER &&
	       load_relaxed(&heap->options.trim_threshold) != OPTION_NEVER;
}

size_t quiet_used(struct arena *a)
{
	size_t bytes = arena_free_bytes(a) + top_bytes(a);

	return a->system_bytes - min_size(bytes, a->system_bytes);
}

/* Whether so much of a quiet arena is in use again that it is none, beside what
 * waits to be gathered.  Its lock is held. */
static bool quiet_is_over(struct arena *a)
{
	size_t most = a->system_bytes / QUIET_PART + QUIET_STEP;

	if (quiet_used(a) <= most)
		return false;
	arena_gather(a);
	return quiet_used(a) > most;
}

/* Whether the arena has become quiet; its lock is held.  The thread's cache holds
 * `own` bytes of it; `slack` may be in those of others; `given` were in use since
 * the thread looked last.  *over: what is in use beyond what a quiet arena may
 * have. */
static bool quiet_has_begun(struct arena *a, size_t slack, size_t own,
			    size_t given, size_t *over)
{
	size_t used, held = a->system_bytes;
	size_t most = held / QUIET_PART + min_size(slack, held / 4);

	*over = 0;
	if (held < QUIET_MIN || !quiet_gives_back(a->heap))
		return false;
	used = quiet_used(a);
	used -= min_size(own, used);
	if (used + given >= held / 2)
		store_relaxed(&a->quiet_used, 0);
	*over = used - min_size(most, used);
	if (*over > 0 || (a->quiet_used != 0 && used > a->quiet_used / 2))
		return false;
	store_relaxed(&a->quiet_used, used + 1);
	a->quiet_ns = heap_now_ns(a->heap);
	return true;
}

/* For how many bytes of frees a thread watches: all that is in use may be freed
 * before life goes on. */
static size_t quiet_watch_bytes(const struct heap *heap)
{
	unsigned nr = __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
	size_t used = 0;

	for (unsigned i = 0; i < nr; i++)
		used += load_relaxed(&heap_arena_at(heap, i)->quiet_used);
	return used + QUIET_MIN;
}

/* The thread of `tc` watches from now on; it is the calling one. */
static void quiet_watch(struct tcache *tc, size_t bytes)
{
	/* One that watches already has its own reason. */
	if (quiet_watches(tc))
		bytes = max_size(bytes, tc->watch_bytes);
	tc->watch_mallocs = QUIET_MALLOCS;
	tc->watch_bytes = bytes;
	store_relaxed(tc->self, &tcache_none);
	tcache_flush_all(tc);
}

/* Lets all threads watch.  No lock is held. */
static void quiet_begin(struct heap *heap, struct tcache *tc)
{
	lock_take(&heap->lock);
	for (struct tcache *other = heap->tcaches; other; other = other->next)
		if (other != tc && load_relaxed(&other->self))
			store_relaxed(other->self, &tcache_none);
	lock_drop(&heap->lock);
	heap_wait(heap, heap_now_ns(heap));
	if (UNLIKELY(load_relaxed(&heap->background.is_wanted)))
		background_start(heap);
	if (tcache_is_real(tc) && tc->self)
		quiet_watch(tc, quiet_watch_bytes(heap));
}

/* Whether a thread that shares its arena has given back most of what it had
 * taken from it.  The arena need not be quiet then, and the last chunks that it
 * has freed stand in as many runs. */
static bool quiet_is_through(struct tcache *tc)
{
	size_t taken = tc->taken_bytes, peak = tc->taken_peak;

	if (peak < QUIET_MIN || load_relaxed(&tc->arena->nr_attached) < 2 ||
	    taken > peak / QUIET_PART + min_size(tc->capacity_bytes, peak / 4))
		return false;
	tc->taken_peak = taken;
	return quiet_gives_back(tc->heap) && tc->self;
}

/* How much the thread may give to its arena before it looks again: what has to go
 * at least.  What its stacks take without a slow call is in `slack`, as far as that
 * counts.  Who shares an arena cannot tell. */
static size_t quiet_next_look(const struct arena *a, size_t slack, size_t over)
{
	size_t unseen = slack - min_size(slack, a->system_bytes / 4);

	if (over <= unseen || load_relaxed(&a->nr_attached) > 1)
		return QUIET_STEP;
	return max_size(over - unseen, QUIET_STEP);
}

void quiet_look(struct heap *heap, struct tcache *tc, struct arena *a)
{
	bool is_own = tc->arena == a;
	size_t own = is_own ? tcache_bytes(tc) : 0, over;
	size_t slack = tc->capacity_bytes + QUIET_STEP;
	size_t given = is_own ? tc->given_bytes : 0;
	bool begins;

	if (tcache_is_real(tc)) {
		if (is_own)
			tc->given_bytes = 0;
		if (quiet_is_through(tc)) {
			heap_wait(heap, heap_now_ns(heap));
			quiet_watch(tc, 2 * tc->taken_bytes + QUIET_MIN);
		}
	}
	if (load_relaxed(&a->max_system_bytes) < QUIET_MIN)
		return;
	lock_take(&a->lock);
	begins = quiet_has_begun(a, slack, own, given, &over);
	/* What others give, the arena's thread does not see. */
	store_relaxed(&a->look_bytes,
		      is_own ? quiet_next_look(a, slack, over) : QUIET_STEP);
	lock_drop(&a->lock);
	if (begins)
		quiet_begin(heap, tc);
}

void quiet_posted(struct arena *a)
{
	struct tcache *own = thread_own_cache();

	if (own && own->heap == a->heap)
		quiet_look(a->heap, own, a);
}

/* The thread of tc has given so many bytes to an arena. */
static void quiet_count(struct tcache *tc, struct arena *a, size_t bytes)
{
	if (tc->arena == a) {
		tc->given_bytes += bytes;
		quiet_freed(tc->heap, tc);
		return;
	}
	tc->sent_bytes += bytes;
	if (tc->sent_bytes >= QUIET_STEP) {
		tc->sent_bytes = 0;
		quiet_look(tc->heap, tc, a);
	}
}

void quiet_given(struct arena *a, size_t bytes)
{
	struct tcache *own = thread_own_cache();

	if (own && own->heap == a->heap)
		quiet_count(own, a, bytes);
}

FAR void quiet_unmapped(struct heap *heap, struct tcache *tc)
{
	struct mapped_chunks *mapped = &heap->mapped;
	bool begins = false;

	if (!quiet_gives_back(heap))
		return;
	lock_take(&mapped->lock);
	if (mapped->bytes > mapped->store_bytes / 2)
		mapped->is_quiet = false;
	if (!mapped->is_quiet && mapped->store_bytes >= QUIET_MIN &&
	    mapped->bytes <= mapped->store_bytes / QUIET_PART)
		begins = mapped->is_quiet = true;
	lock_drop(&mapped->lock);
	if (begins)
		quiet_begin(heap, tc);
}

/* The thread has its fast paths again. */
static void quiet_end(struct tcache *tc)
{
	tc->watch_mallocs = 0;
	store_relaxed(tc->self, tc);
}

void quiet_call(struct tcache *tc)
{
	struct heap *heap = tc->heap;

	if (!quiet_watches(tc))
		quiet_watch(tc, quiet_watch_bytes(heap));
	if (load_relaxed(&heap->due_ns) != 0)
		heap_tick_slow(heap, tc);
	if (!quiet_gives_back(heap))
		quiet_end(tc);
}

void quiet_malloced(struct tcache *tc)
{
	if (quiet_watches(tc) && --tc->watch_mallocs == 0)
		quiet_end(tc);
}

/* Whether an arena waits and has not grown so far in use that it can become quiet
 * anew: then nobody else would notice that all of it has gone after all. */
static bool quiet_lasts(struct arena *a)
{
	bool lasts;

	lock_take(&a->lock);
	lasts = a->quiet_ns != 0 && quiet_used(a) < a->system_bytes / 2;
	lock_drop(&a->lock);
	return lasts;
}

void quiet_watched_free(struct tcache *tc, struct arena *a, size_t bytes)
{
	if (bytes >= tc->watch_bytes && quiet_lasts(a))
		tc->watch_bytes = bytes + quiet_watch_bytes(tc->heap);
	if (bytes < tc->watch_bytes) {
		tc->watch_bytes -= bytes;
		/* What had to wait may be gone, and there is more to come. */
		quiet_count(tc, a, bytes);
		return;
	}
	quiet_end(tc);
	/* The stacks may take all that is still to be freed, without a slow call
	 * to the last chunk: this is the time to look. */
	quiet_look(tc->heap, tc, tc->arena);
}

void quiet_notice(struct arena *a)
{
	size_t over;

	if (a->quiet_ns == 0 && quiet_has_begun(a, 0, 0, 0, &over))
		heap_wait(a->heap, a->quiet_ns);
}

bool quiet_expire(struct arena *a, uint64_t now_ns)
{
	struct heap *heap = a->heap;
	size_t pad = a->index == 0 ? heap->options.top_pad : 0;

	if (a->quiet_ns == 0 || !quiet_gives_back(heap))
		return false;
	if (quiet_is_over(a)) {
		a->quiet_ns = 0;
		store_relaxed(&a->quiet_used, 0);
		return false;
	}
	if (!heap_has_decayed(heap, a->quiet_ns, now_ns)) {
		heap_wait(heap, a->quiet_ns);
		return false;
	}
	a->quiet_ns = 0;
	store_relaxed(&a->quiet_used, 0);
	arena_gather(a);
	run_release_empty(a);
	purge_all(a);
	a->top_waits_ns = 0;
	a->last_trim_ns = now_ns;
	top_give_back(a, pad);
	return true;
}
