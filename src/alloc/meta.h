/*
 * meta.h: memory for the allocator's own structures.
 *
 * Thread caches, their stacks, batches, magazines and arenas are blocks of a
 * power of two bytes, cut from pages that come straight from the os and never
 * from malloc.  A freed block goes onto the list of its size and is used again.
 * The first META_FIRST_BYTES are inside the heap itself, so that a small program
 * maps nothing for it.
 */
#ifndef ALLOC_META_H
#define ALLOC_META_H

#include "base/lock.h"

#include <mmsim/os.h>

#define META_MIN_LOG2 6u
#define META_MAX_LOG2 16u
#define META_FIRST_BYTES (24 * KIB)

struct meta_block {
	struct meta_block *next;
};

struct meta_area {
	struct meta_area *next;
	size_t len;
};

struct meta {
	struct lock lock;
	const struct mmsim_os *os;
	/* ---- guarded by lock ---- */
	struct meta_block *free[META_MAX_LOG2 + 1];
	uintptr_t next, end;     /* what is left of the newest area */
	struct meta_area *areas; /* got from the os, newest first */
	size_t bytes;            /* got from the os */
	char first[META_FIRST_BYTES] __attribute__((aligned(64)));
};

void meta_init(struct meta *meta, const struct mmsim_os *os);

/* A block of at least `bytes`, aligned to 64, zeroed; NULL: no memory. */
void *meta_alloc(struct meta *meta, size_t bytes);
/* Gets an area now, so that no system call is needed for a long while. */
void meta_prepare(struct meta *meta);

void meta_free(struct meta *meta, void *block, size_t bytes);

/* Gives every area back to the os. */
void meta_fini(struct meta *meta);

#endif
