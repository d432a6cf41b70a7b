/*
 * heap.h: one whole allocator: options, arenas, caches, mapped chunks.
 *
 * All state hangs off a struct heap.  The libc names act on heap_default; tests
 * and tools make others.  Beside the heaps there is no global state but what
 * tells each thread its cache of the default heap (thread.c).
 *
 *   heap -+- options
 *         +- arenas[0] = main_arena (brk), arenas[1..] (mapped segments)
 *         +- mapped chunks and the store of freed ones
 *         +- thread caches, each attached to one arena
 *         +- metadata pages
 *
 * Locks are taken in this order: heap, arena, mapped, meta.
 */
#ifndef ALLOC_HEAP_H
#define ALLOC_HEAP_H

#include "alloc/arena.h"
#include "alloc/background.h"
#include "alloc/leftover.h"
#include "alloc/mapped.h"
#include "alloc/meta.h"
#include "alloc/options.h"
#include "alloc/tcache.h"
#include "base/lock.h"

#include <malloc.h>
#include <mmsim/malloc.h>
#include <mmsim/os.h>

/* The tag's low byte has its top bit set, whatever the index: 127 indices. */
#define NR_ARENAS 127u
/* So many stand in the heap itself. */
#define NR_FIRST_ARENAS 8u
#define MAPPED_INDEX 127u

struct heap {
	const struct mmsim_os *os;
	struct options options;
	uint32_t secret; /* mixed into tags; 16 bits, 0x80 set */
	uint64_t key;    /* mixed into links and checks */
	bool ready;      /* heap_init has run */
	/* Expensive checks or fills are on: no thread uses its cache. */
	bool uncached;
	bool dynamic_threshold; /* glibc's rule is in force */
	bool leaves_brk;        /* the break is another heap's */

	/* When something of the heap has waited long enough to be given back,
	 * ns; 0: nothing waits.  Written and read without a lock. */
	uint64_t due_ns;
	uint64_t seen_ns; /* the time, when it was last looked at */
	struct background background;

	struct lock lock;
	/* ---- guarded by lock ---- */
	/* Those below, or a table of NR_ARENAS; entries never change once set.  Read
	 * without the lock. */
	struct arena **arenas;
	struct arena *first_arenas[NR_FIRST_ARENAS];
	unsigned nr_arenas; /* read without the lock */
	unsigned nr_cpus;   /* 0: not yet asked for */
	struct arena *left; /* left last, and used by nobody (attach.c); read
			       without the lock */
	uint32_t nr_checks; /* calls of validate_now_and_then */
	struct tcache *tcaches;
	size_t nr_tcaches;
	struct tcache *spares;  /* empty caches of threads that have ended */
	struct tcache *orphans; /* caches of threads that a fork left behind */

	struct mapped_chunks mapped;
	struct leftover leftover;
	struct arena main_arena;
	/* What stands at its start is used by every program, too: the first cache. */
	struct meta meta;
	/* Behind it what most programs never touch. */
	struct stored store[NR_STORED];
	struct leftover_range leftovers[NR_LEFTOVERS];
};

extern struct heap heap_default;

/* The calling thread's cache of the default heap. */
extern __thread struct tcache *tcache_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* It, read once: another thread may write there (quiet.h). */
static ALWAYS_INLINE struct tcache *tcache_current(void)
{
	return load_relaxed(&tcache_self);
}

/* Makes the heap usable; its options are set already. */
void heap_init(struct heap *heap, const struct mmsim_os *os);

/* Reads the environment and makes the default heap usable, once. */
void heap_default_start(void);

static inline void heap_default_ready(void)
{
	if (UNLIKELY(!__atomic_load_n(&heap_default.ready, __ATOMIC_ACQUIRE)))
		heap_default_start();
}

/* The calling thread's cache, made if need be; tcache_none when there is none
 * to be had (no memory, thread ending, uncached heap). */
struct tcache *heap_tcache(struct heap *heap);

/* The tag of arena number `index`, without flags. */
static inline uint32_t heap_tag(const struct heap *heap, uint32_t index)
{
	return heap->secret ^ (index | index << 8);
}

/* The number in a header's tag; UINT32_MAX: the tag is damaged. */
static inline uint32_t heap_index_of_tag(const struct heap *heap, uint32_t lo)
{
	uint32_t x = (lo ^ heap->secret) & CHUNK_TAG_MASK;

	return (x & 0xff) == x >> 8 ? x & 0xff : UINT32_MAX;
}

/* Arena number i, which there is. */
static inline struct arena *heap_arena_at(const struct heap *heap, unsigned i)
{
	return load_relaxed(&heap->arenas)[i];
}

static inline struct arena *heap_arena(const struct heap *heap, uint32_t i)
{
	return i < __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE)
		       ? heap_arena_at(heap, i)
		       : NULL;
}

/* The arena that a header's tag names; NULL: the tag names none. */
static inline struct arena *heap_arena_of_tag(const struct heap *heap,
					      uint32_t lo)
{
	return heap_arena(heap, heap_index_of_tag(heap, lo));
}

/* The heap is uncached: gives the calling thread's cache `tc` back, if it is a
 * real one, and returns what stands for it from now on. */
struct tcache *heap_drop_cache(struct heap *heap, struct tcache *tc);

/* Tells a cache's thread, which may be another one, whether it may use it: a
 * tag that no chunk has sends each free the slow way.  The lock is held. */
void heap_tell_tcache(const struct heap *heap, struct tcache *tc);

/* Puts a cache on the heap's list, or takes it off. */
void heap_list_tcache(struct heap *heap, struct tcache *tc);
void heap_unlist_tcache(struct heap *heap, struct tcache *tc);

/* Keeps an empty cache for a later thread, or takes one; NULL: there is none. */
void heap_put_spare(struct heap *heap, struct tcache *tc);
struct tcache *heap_take_spare(struct heap *heap);

/* Whether what waits since `since_ns` has waited for the decay time. */
bool heap_has_decayed(const struct heap *heap, uint64_t since_ns,
		      uint64_t now_ns);

/* Something waits since `since_ns`: sees to it that it is looked at. */
void heap_wait(struct heap *heap, uint64_t since_ns);

/* Gives back what has waited long enough.  No lock is held. */
void heap_tick_slow(struct heap *heap, struct tcache *tc);

/* tcache_none is counted in by all threads that have no cache. */
static inline uint32_t heap_tick_count(struct tcache *tc)
{
	uint32_t ticks = load_relaxed(&tc->heap_ticks) + 1;

	store_relaxed(&tc->heap_ticks, ticks);
	return ticks;
}

/* The clock is looked at in every fourth call. */
static inline void heap_tick(struct heap *heap, struct tcache *tc)
{
	if (load_relaxed(&heap->due_ns) == 0)
		return;
	if ((heap_tick_count(tc) & 3) == 0)
		heap_tick_slow(heap, tc);
	if (UNLIKELY(load_relaxed(&heap->background.is_wanted)))
		background_start(heap);
}

/* The same for calls that do so little that the clock would be most of it. */
static inline void heap_tick_rarely(struct heap *heap, struct tcache *tc)
{
	if (load_relaxed(&heap->due_ns) != 0 && (heap_tick_count(tc) & 31) == 0)
		heap_tick_slow(heap, tc);
}

/* The time as far as decay is concerned: read anew when nothing waits, and by
 * heap_tick while something does. */
uint64_t heap_now_ns(struct heap *heap);

/* glibc's rule for the dynamic threshold: a mapped chunk of `bytes` was freed.
 * Source: mallopt(3), M_MMAP_THRESHOLD. */
void heap_mapped_freed(struct heap *heap, size_t bytes);

/* Takes or drops every lock of the heap, in order (fork, whole walks). */
void heap_lock_all(struct heap *heap);
void heap_unlock_all(struct heap *heap);

/* Whether realloc to a smaller size cuts a cacheable chunk: when what is over is
 * a quarter of it and at least glibc's MINSIZE.  Less than that may be wanted
 * again soon. */
#define REALLOC_CUT_MIN (2 * UNIT)

static inline bool realloc_is_worth_cutting(size_t usable, size_t size)
{
	return usable - size >= max_size(REALLOC_CUT_MIN, usable / 4);
}

/* M_PERTURB: fills a new block. */
void heap_fill_new(struct heap *heap, void *p, size_t size);

/* Frees the end of p, a cacheable chunk in use, that `size` bytes leave over. */
void heap_realloc_cut(struct heap *heap, struct tcache *tc, void *p,
		      size_t size);

/* ---- malloc.c, free.c, realloc.c, aligned.c: the slow halves.  tc is the
 * calling thread's cache or tcache_none. ---- */
void *heap_malloc(struct heap *heap, struct tcache *tc, size_t size);
void *heap_calloc(struct heap *heap, struct tcache *tc, size_t size);
void *heap_realloc(struct heap *heap, struct tcache *tc, void *p, size_t size);
void *heap_memalign(struct heap *heap, struct tcache *tc, size_t alignment,
		    size_t size);
void heap_free(struct heap *heap, struct tcache *tc, void *p);
size_t heap_usable_size(struct heap *heap, const void *p);

/* ---- options and figures ---- */
int heap_mallopt(struct heap *heap, int param, int value);
int heap_trim(struct heap *heap, size_t pad);

#endif
