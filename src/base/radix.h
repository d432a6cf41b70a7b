/*
 * radix.h: from 64-bit numbers to pointers, for sets that come in ranges.
 *
 * A tree with 64 slots a node, which is as high as the largest number in it
 * needs (as the radix tree, later xarray, of Linux's page cache).  Nodes come
 * from a pool that the trees of one machine share.  A slot holds any pointer
 * but NULL; entries with the lowest bit set are numbers (radix_from_value).
 *
 * An entry may have tags, by which it is found without a look at the others.
 */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include "base/list.h"
#include "base/pool.h"

enum { RADIX_SLOTS = 64 };

/* What the page cache marks, and the store of a live task. */
enum radix_tag {
	RADIX_DIRTY,
	RADIX_WRITEBACK,
	NR_RADIX_TAGS,
	RADIX_MAPPED = RADIX_DIRTY,
	RADIX_AGED = RADIX_WRITEBACK,
	RADIX_IN_PLACE = RADIX_DIRTY, /* while nothing is mapped */
};

struct radix;

/* At the bottom the slots are entries, above they are nodes.  The fields behind
 * `nr_used` are for the bottom only. */
struct radix_node {
	void *slots[RADIX_SLOTS];
	uint64_t tags[NR_RADIX_TAGS];
	unsigned nr_used;
	unsigned nr_values;    /* numbers among the entries */
	struct radix *radix;
	uint64_t first;        /* the number of slot 0 */
	struct list_head link; /* the owner's, for `update` */
};

struct radix {
	struct pool *nodes; /* of radix_node_size() bytes each */
	void *root;
	unsigned height; /* levels; 0: empty */
	size_t count;    /* slots that are not NULL */
	size_t nr_nodes;
	struct radix_node *leaf; /* where the last entry was put, or NULL */
	uint64_t leaf_key;       /* its entries' numbers / 64 */
	/* NULL, or told of each change of nr_used or nr_values of a node at the
	 * bottom; with nr_used 0 the node goes. */
	void (*update)(struct radix_node *node);
};

size_t radix_node_size(void);
void radix_init(struct radix *radix, struct pool *nodes);
/* Forgets all entries. */
void radix_clear(struct radix *radix);
void *radix_find(const struct radix *radix, uint64_t index);
/* 0 or -ENOMEM; an entry at `index` is replaced, and its tags stay. */
int radix_insert(struct radix *radix, uint64_t index, void *entry);
/* Takes the entry out and returns it; NULL when there was none. */
void *radix_remove(struct radix *radix, uint64_t index);
/* The first entry at or behind *index, which is moved there; NULL at the end. */
void *radix_next(const struct radix *radix, uint64_t *index);

/* There must be an entry at `index`. */
void radix_tag_set(struct radix *radix, uint64_t index, enum radix_tag tag);
/* There may be none, or it may not have the tag. */
void radix_tag_clear(struct radix *radix, uint64_t index, enum radix_tag tag);
bool radix_has_tag(const struct radix *radix, uint64_t index,
		   enum radix_tag tag);
/* As radix_next, of the entries with the tag. */
void *radix_next_tagged(const struct radix *radix, uint64_t *index,
			enum radix_tag tag);

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
