/*
 * fork.c: the default heap across fork(2).
 *
 * Before a fork every lock of the heap is taken, so that the child's copy is
 * of a moment when nobody is inside; afterwards the parent drops them and the
 * child makes them anew.  The other threads do not exist in the child, but
 * their caches do: they become orphans, and are taken in one by one when the
 * child turns out to use its heap.  A child that only calls exec pays for little
 * more than a count of what was posted.  What a thread held in a register at that
 * instant is lost to the child.
 *
 * What stands below the heap may have to be told of the fork as well: it is,
 * last before it and first after it, when the heap is at rest.
 *
 * A program with one thread takes no lock: a signal handler that interrupted
 * malloc may fork, as glibc allows, and the child returns into the interrupted
 * call.  Handlers of others that run while the locks are held may allocate:
 * see lock_fork_enter.
 *
 * Sources: fork(2), pthread_atfork(3); __register_atfork in the Linux Standard
 * Base; __libc_single_threaded in the glibc manual.
 */
#include "alloc/fork.h"

#include "alloc/heap.h"
#include "alloc/remote.h"
#include "alloc/thread.h"

#include <pthread.h>
#include <sys/single_threaded.h>

/* What pthread_atfork(3) calls.  That function itself is no part of libc.so: a
 * copy of it is linked behind all of our code, where calling it brings 64 KiB of
 * this library into the memory of every program. */
int __register_atfork(void (*prepare)(void), void (*parent)(void),
		      void (*child)(void), void *dso_handle);
extern void *__dso_handle __attribute__((visibility("hidden")));

static bool fork_is_locked;
static const struct mmsim_os *fork_os; /* told of the fork, or NULL */

static void fork_prepare(void)
{
	if (!__libc_single_threaded) {
		heap_default_ready();
		heap_lock_all(&heap_default);
		lock_fork_enter();
		fork_is_locked = true;
	}
	fork_os = heap_default.os;
	if (fork_os && fork_os->fork_prepare)
		fork_os->fork_prepare(fork_os->ctx);
}

static void fork_parent(void)
{
	if (fork_os && fork_os->fork_parent)
		fork_os->fork_parent(fork_os->ctx);
	if (!fork_is_locked)
		return;
	fork_is_locked = false;
	lock_fork_leave();
	heap_unlock_all(&heap_default);
}

/* Leaves only the calling thread's cache on the list. */
static COLD_FAR void fork_orphan_others(struct heap *heap)
{
	struct tcache *own = thread_own_cache(), *tc, *next;

	for (tc = heap->tcaches; tc; tc = next) {
		next = tc->next;
		if (tc == own)
			continue;
		tc->next = heap->orphans;
		tc->arena->nr_attached--;
		heap->orphans = tc;
		heap->nr_tcaches--;
	}
	heap->tcaches = own;
	if (heap->tcaches)
		heap->tcaches->next = heap->tcaches->prev = NULL;
}

/* What the other threads had in hand is in no list, but counted. */
static void fork_recount(struct heap *heap)
{
	for (unsigned i = 0; i < heap->nr_arenas; i++)
		if (heap_arena_at(heap, i)->remote_bytes != 0)
			remote_recount(heap_arena_at(heap, i));
}

static void fork_child(void)
{
	struct heap *heap = &heap_default;

	if (fork_os && fork_os->fork_child)
		fork_os->fork_child(fork_os->ctx);
	if (!fork_is_locked)
		return;
	fork_is_locked = false;
	lock_fork_leave();
	heap_unlock_all(heap);
	fork_recount(heap);
	fork_orphan_others(heap);
	background_forked(heap);
}

COLD_FAR void fork_reclaim_orphan(struct heap *heap)
{
	struct tcache *tc;

	lock_take(&heap->lock);
	tc = heap->orphans;
	if (tc)
		heap->orphans = tc->next;
	lock_drop(&heap->lock);
	if (tc)
		tcache_reclaim(tc);
}

void fork_start(void)
{
	__register_atfork(fork_prepare, fork_parent, fork_child, &__dso_handle);
}
