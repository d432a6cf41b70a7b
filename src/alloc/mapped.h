/*
 * mapped.h: chunks that are mappings of their own.
 *
 *   base -> +--------------------------------------------+
 *           | (what alignment skips of the first page)   |
 *           +--------------------------------------------+
 *           | struct mapped: list links, base, length    |
 *           |   chunk: check word, header with M and L   |
 *   user -> +--------------------------------------------+
 *           | user data up to the end of the mapping     |
 *           +--------------------------------------------+
 */
#ifndef ALLOC_MAPPED_H
#define ALLOC_MAPPED_H

#include "alloc/chunk.h"
#include "base/lock.h"

#define NR_STORED 32u

struct arena;
struct heap;

struct mapped {
	struct mapped *next, *prev; /* all mapped chunks of the heap in use */
	uintptr_t base;             /* where the mapping starts */
	size_t len;                 /* bytes of the mapping */
	/* the chunk: */
	size_t check; /* of address, base and length, with the heap's secret */
	uint32_t lo, hi;
};

/* A mapping that was freed and waits: for reuse, or only its first page, so
 * that a second free is named. */
struct stored {
	struct mapped *m; /* NULL: slot not in use */
	size_t kept;      /* bytes still mapped, from its base on */
	uint64_t freed_ns;
};

struct mapped_chunks {
	struct lock lock;
	/* ---- guarded by lock ---- */
	struct mapped *first;
	size_t nr, bytes;         /* in use */
	size_t max_nr, max_bytes; /* the most there were; max_nr is read without
				   * the lock */
	struct stored *store;     /* NR_STORED slots */
	size_t store_bytes;
	size_t nr_reused;
	bool is_quiet; /* most of it waits in the store: see quiet.h */
};

static inline void mapped_init(struct mapped_chunks *mapped,
			       struct stored *store)
{
	mapped->store = store;
	lock_init(&mapped->lock, LOCK_RANK_MAPPED);
}

/* A chunk of its own for `size` user bytes, aligned to `alignment`; user
 * pointer or NULL.  *is_zero: its memory reads as zeros. */
void *mapped_alloc(struct heap *heap, size_t size, size_t alignment,
		   bool *is_zero);

/* Frees one; `message` names the caller in case p is not one.  The arena may adopt
 * it (adopt.h): returns its bytes then, else 0. */
size_t mapped_free(struct heap *heap, struct arena *a, void *p,
		   const char *message);

/* Resizes, moving it only to grow it; NULL: not possible, p is as it was. */
void *mapped_realloc(struct heap *heap, void *p, size_t size,
		     const char *message);

size_t mapped_usable(struct heap *heap, const void *p, const char *message);

/* Unmaps what has waited for the decay time (all of it if `all`); returns the
 * bytes that went back. */
size_t mapped_expire(struct heap *heap, uint64_t now_ns, bool all);

/* Unmaps everything, in use or not (a heap is destroyed). */
void mapped_release_all(struct heap *heap);

#endif
