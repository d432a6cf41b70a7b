/*
 * radix.h: from 64-bit numbers to pointers, for sets that come in ranges.
 *
 * A tree with 64 slots a node, which is as high as the largest number in it
 * needs (as the radix tree, later xarray, of Linux's page cache).  Nodes come
 * from a pool that the trees of one machine share.  A slot holds any pointer
 * but NULL; entries with the lowest bit set are numbers (radix_from_value).
 */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include "base/pool.h"

struct radix {
	struct pool *nodes; /* of radix_node_size() bytes each */
	void *root;
	unsigned height; /* levels; 0: empty */
	size_t count;    /* slots that are not NULL */
	size_t nr_nodes;
};

size_t radix_node_size(void);
void radix_init(struct radix *radix, struct pool *nodes);
/* Forgets all entries. */
void radix_clear(struct radix *radix);
void *radix_find(const struct radix *radix, uint64_t index);
/* 0 or -ENOMEM; an entry at `index` is replaced. */
int radix_insert(struct radix *radix, uint64_t index, void *entry);
/* Takes the entry out and returns it; NULL when there was none. */
void *radix_remove(struct radix *radix, uint64_t index);
/* The first entry at or behind *index, which is moved there; NULL at the end. */
void *radix_next(const struct radix *radix, uint64_t *index);

static inline void *radix_from_value(uint64_t value)
{
	return (void *)(uintptr_t)(value << 1 | 1);
}

static inline bool radix_is_value(const void *entry)
{
	return (uintptr_t)entry & 1;
}

static inline uint64_t radix_to_value(const void *entry)
{
	return (uintptr_t)entry >> 1;
}

#endif
