/*
 * leftover.h: address space that the system would not take back.
 *
 * munmap(2) can fail: taking a piece out of a mapping may need one mapping more
 * than vm.max_map_count allows.  Such a range holds nothing any more; its pages
 * are given back, it is remembered, and offered again when heaps are tidied up.
 * When there are more of them than fit here, the rest is address space lost.
 *
 * Source: munmap(2), ENOMEM.
 */
#ifndef ALLOC_LEFTOVER_H
#define ALLOC_LEFTOVER_H

#include "base/lock.h"

#define NR_LEFTOVERS 64u

struct heap;

struct leftover_range {
	uintptr_t from;
	size_t len;
};

struct leftover {
	struct lock lock;
	/* ---- guarded by lock ---- */
	unsigned nr;                   /* read without the lock */
	struct leftover_range *ranges; /* room for NR_LEFTOVERS */
};

/* Inline, as mapped_init: a start needs no more of these files. */
static inline void leftover_init(struct leftover *leftover,
				 struct leftover_range *ranges)
{
	leftover->ranges = ranges;
	lock_init(&leftover->lock, LOCK_RANK_META);
}

/* Unmaps [from, from + len), now or later. */
void leftover_unmap(struct heap *heap, uintptr_t from, size_t len);

/* Tries again; returns the bytes that went back. */
size_t leftover_retry(struct heap *heap);

#endif
