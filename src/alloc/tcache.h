/*
 * tcache.h: the thread cache, and the fast paths of malloc and free.
 *
 * For each size class a thread keeps a stack of free chunks: an array of
 * pointers that grows downwards and ends in a NULL (for medium classes: in a
 * chunk of no size, which is too small for everybody).
 *
 *        limit                     sp                     bottom
 *          v                       v                        v
 *          |  room for more frees  | p3 | p2 | p1 | p0 | NULL |
 *
 * malloc reads *sp: NULL means empty, and no other test is needed.  free
 * compares sp with limit.  Chunks in the cache hold no links, so a write after
 * free cannot lead malloc astray.  C in the header says that the chunk is
 * free: a second free finds it.
 *
 * A thread without a cache has tcache_none, whose stacks are empty and full
 * at once: every call takes the slow path, which makes a cache, unless the
 * thread is ending.
 *
 * Stacks grow with use, from none to sizeclass_cache_max() chunks, as long as
 * all of them together stay under the option cache_max; a stack that has not
 * been refilled or flushed for a while is given back by halves.
 */
#ifndef ALLOC_TCACHE_H
#define ALLOC_TCACHE_H

#include "alloc/arena.h"
#include "alloc/sizeclass.h"

#include <pthread.h>

#define NR_REMOTE_SLOTS 8u
#define NR_DEFERRED 3u
#define NR_KNOWN 16u
/* More units than any request has. */
#define LOAN_NONE SIZE_MAX

struct arena;
struct heap;
struct remote_batch;

/* Frees of one other arena's chunks, on their way there (remote.c). */
struct remote_slot {
	struct arena *arena;
	struct remote_batch *batch[NR_REMOTE_WAYS]; /* NULL: none is begun */
	uint32_t tag;                               /* the arena's */
};

/* A large chunk that was deferred once, and so checked: see defer.h. */
struct known_chunk {
	const struct chunk *chunk;
	size_t units;
};

/* The large chunk that was freed last, at hand or in use again: see defer.h. */
struct loan {
	size_t units;      /* its size while it is at hand, else LOAN_NONE */
	void *lent;        /* its user pointer while it is in use, else NULL */
	void *p;           /* its user pointer */
	size_t full_units; /* its size */
	uint32_t x;        /* what tcache_header says of it, in use */
	uint32_t hi;       /* hi of its header, without P */
	const uint64_t *next; /* the header behind it */
	uint32_t next_key;    /* tag and P there: defer_next_key */
	uint32_t countdown;   /* until a request takes the slow path */
};

/* tcache_none shares a page with the other variables that every start writes
 * (tests/start.sh): fields of 4 bytes stand in pairs. */
struct tcache {
	void **sp[NR_CLASSES];
	void **limit[NR_CLASSES];
	uint32_t tag; /* what lo of a small chunk in use holds, less units; with
			 CHUNK_NONE when the thread shall drop this cache */
	uint8_t medium_table[MEDIUM_TABLE_SIZE];
	struct loan loan;

	/* ---- slow paths only ---- */
	struct arena *arena; /* refills come from here */
	void **bottom[NR_CLASSES];
	uint32_t ticks;      /* refills and flushes so far */
	uint32_t heap_ticks; /* slow calls while something of the heap waits */
	/* Of the last refill or flush, the low half. */
	uint16_t last_tick[NR_CLASSES];
	size_t seen_peak;      /* the arena's size at its last growth heeded */
	size_t capacity_bytes; /* what all stacks could hold, hot ones in part */
	uint64_t hot; /* bit cls - CLASS_MEDIUM: that stack counts as hot */
	uint64_t shrinking; /* bit cls - 1: a small class that gives all back
				  at the next refill */
	struct remote_slot remote[NR_REMOTE_SLOTS];
	struct remote_batch *kept;  /* empty ones, for the slots */
	struct remote_batch *taken; /* more of them, from arena.emptied */
	struct chunk *deferred[NR_DEFERRED]; /* beside the loan; C is set */
	size_t deferred_bytes;
	unsigned nr_kept, nr_deferred; /* in kept, in deferred */
	struct known_chunk known[NR_KNOWN];
	void *hole; /* what realloc has cut off last (shard.h), with C; or NULL */
	uint32_t hole_units;
	unsigned scan; /* the class that is looked at next */
	struct heap *heap;
	struct tcache *next, *prev; /* all of the heap; guarded by its lock */
	pthread_t owner;
	/* Where its thread looks for it, tcache_self; NULL: another heap's. */
	struct tcache **self;
	uint32_t watch_mallocs; /* until the thread stops watching (quiet.h); 0:
				 * it does not watch */
	uint32_t young;     /* refills until it stays where it is (attach.h) */
	size_t watch_bytes; /* the same in bytes freed */
	size_t given_bytes; /* to the arena, less what was taken, since it was
				 * last looked at */
	size_t sent_bytes;  /* to other arenas, since one was looked at */
	size_t taken_bytes; /* from the arena, less what was given back */
	size_t taken_peak;  /* the most of it since it was last halved */
	size_t nr_refills, nr_flushes;
	size_t seen_visits; /* their sum, when a thread was attached last */
};

extern struct tcache tcache_none;

static inline bool tcache_is_real(const struct tcache *tc)
{
	return tc != &tcache_none;
}

/* The tag, which another thread may change (heap_mallopt): one load that
 * ThreadSanitizer cannot know to be one. */
static ALWAYS_INLINE uint32_t tcache_tag(const struct tcache *tc)
{
#if HAS_THREAD_SANITIZER
	return load_relaxed(&tc->tag);
#else
	return tc->tag;
#endif
}

/* The thread has taken so many bytes from its arena: what it gives instead makes
 * that no emptier. */
static inline void tcache_took(struct tcache *tc, size_t bytes)
{
	tc->given_bytes -= min_size(bytes, tc->given_bytes);
}

/* Chunks in one stack. */
static inline unsigned tcache_count(const struct tcache *tc, unsigned cls)
{
	return (unsigned)(tc->bottom[cls] - tc->sp[cls]);
}

/* Room of a stack, chunks. */
static inline unsigned tcache_room(const struct tcache *tc, unsigned cls)
{
	return (unsigned)(tc->bottom[cls] - tc->limit[cls]);
}

/* The newest chunk of a small class, or NULL. */
static ALWAYS_INLINE void *tcache_pop(struct tcache *tc, size_t cls)
{
	void **sp = tc->sp[cls];
	void *p = *sp;

	if (UNLIKELY(!p))
		return NULL;
	store_relaxed(&tc->sp[cls], sp + 1);
	user_toggle_cached(p);
	return p;
}

/* The newest chunk of a medium class if its lo is not below `least`, or NULL.
 * The size stands in the highest bits of lo. */
static ALWAYS_INLINE void *tcache_pop_least(struct tcache *tc, size_t cls,
					    uint32_t least)
{
	void **sp = tc->sp[cls];
	void *p = *sp;

	if (UNLIKELY(*user_lo(p) < least))
		return NULL;
	store_relaxed(&tc->sp[cls], sp + 1);
	user_toggle_cached(p);
	return p;
}

/* The same if it has so many units. */
static ALWAYS_INLINE void *tcache_pop_medium(struct tcache *tc, size_t cls,
					     uint32_t units)
{
	return tcache_pop_least(tc, cls, units << CHUNK_UNITS_SHIFT);
}

/* malloc's fast path for a size up to SMALL_MAX; NULL: take the slow one. */
static ALWAYS_INLINE void *tcache_malloc_small(struct tcache *tc, size_t size)
{
	return tcache_pop(tc, chunk_units_for(size));
}

/* malloc's fast path; NULL: take the slow one. */
static ALWAYS_INLINE void *tcache_malloc(struct tcache *tc, size_t size)
{
	if (LIKELY(size <= SMALL_MAX))
		return tcache_malloc_small(tc, size);
	if (LIKELY(size <= MEDIUM_MAX))
		return tcache_pop_least(
			tc, sizeclass_of_request(tc->medium_table, size),
			chunk_cached_lo_for(size));
	return NULL;
}

/* The same for aligned memory: the newest chunk of a class whose chunks are
 * aligned by themselves, unless it is a shard.  `alignment` is a power of two. */
static ALWAYS_INLINE void *tcache_memalign(struct tcache *tc, size_t alignment,
					   size_t size)
{
	size_t cls;

	if (UNLIKELY(size > SMALL_MAX || alignment > RUN_ALIGN_MAX))
		return NULL;
	cls = align_up(size + HEADER_SIZE, max_size(alignment, UNIT)) / UNIT;
	/* NULL, at the end, is aligned. */
	if (UNLIKELY(cls > NR_SMALL ||
		     !is_aligned((uintptr_t)*tc->sp[cls], alignment)))
		return NULL;
	return tcache_pop(tc, cls);
}

/* lo of p without the tag of the cache's own arena, the size in its lowest bits:
 * a chunk that a cache takes has nothing else. */
static ALWAYS_INLINE uint32_t tcache_header(const struct tcache *tc,
					    const void *p)
{
	uint32_t x = chunk_lo(chunk_of(p)) ^ tcache_tag(tc);

	return x >> CHUNK_UNITS_SHIFT | x << (32 - CHUNK_UNITS_SHIFT);
}

/* Usable bytes of p when it is a cacheable chunk in use of the cache's own
 * arena, else 0. */
static ALWAYS_INLINE size_t tcache_usable(const struct tcache *tc,
					  const void *p)
{
	uint32_t x = tcache_header(tc, p);

	return x - 1 < CACHED_UNITS_MAX ? chunk_units_usable(x) : 0;
}

/* Puts p, in use, on the stack of its class; false: that is full. */
static ALWAYS_INLINE bool tcache_push(struct tcache *tc, size_t cls, void *p)
{
	void **sp = tc->sp[cls];

	if (UNLIKELY(sp == tc->limit[cls]))
		return false;
	user_toggle_cached(p);
	sp[-1] = p;
	store_relaxed(&tc->sp[cls], sp - 1);
	return true;
}

/* free's fast path; false: take the slow one.  p is not NULL. */
static ALWAYS_INLINE bool tcache_free(struct tcache *tc, void *p)
{
	uint32_t x = tcache_header(tc, p);

	if (LIKELY(x <= NR_SMALL))
		return tcache_push(tc, x, p);
	if (LIKELY(x <= CACHED_UNITS_MAX))
		return tcache_push(tc, sizeclass_of_medium(tc->medium_table, x),
				   p);
	return false;
}

/* The newest chunk of a small class that is aligned: shards may not be.  NULL:
 * there is none. */
void *tcache_pop_aligned(struct tcache *tc, size_t cls, size_t alignment);

/* A new cache, which no thread has had yet; NULL: no memory. */
struct tcache *tcache_make(struct heap *heap);

/* Gives the chunks of all stacks and the hole back to the arena, whose lock is
 * held. */
void tcache_give_stacks(struct tcache *tc);

/* The same for the stacks of small classes that are mostly free. */
void tcache_give_shrunk(struct tcache *tc);

/* The same for a cache whose thread a fork has left behind: its stacks and
 * lists may be in the middle of a change, what does not fit is left out.  The
 * cache is detached already. */
void tcache_reclaim(struct tcache *tc);

/* A chunk of `units` or more for a request that the fast path could not serve:
 * fills the stack of its class from the arena and pops one.  NULL: no memory. */
void *tcache_refill(struct tcache *tc, uint32_t units);

/* Frees p, a cacheable chunk of the cache's own arena, when its stack is full
 * or its header is not quite as it should be. */
void tcache_free_slow(struct tcache *tc, void *p);

/* Gives all chunks of all stacks back to the arena, and posts remote frees. */
void tcache_flush_all(struct tcache *tc);

/* Bytes of free chunks that the cache holds for its own use.  Other threads'
 * caches may be read: the figure is then of no single moment. */
size_t tcache_bytes(const struct tcache *tc);

#endif
