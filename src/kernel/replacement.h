/*
 * replacement.h: replacement policies side by side, outside of any machine.
 *
 * A cache of page numbers with room for so many, driven by a trace of accesses.
 * What every policy shares is done once, in replacement.c: who is resident, how
 * many, what an access was (hit, miss, read-ahead).  A policy keeps two lists
 * at most and answers three questions:
 *
 *     add     where does a page go that comes in?
 *     use     what does a use change?
 *     victim  who goes?
 *
 *   lru         [ newest                              oldest ] -> out
 *   two-lists   [ active          ] -> [ inactive            ] -> out
 *   young-old   [ young                ][ old                ] -> out
 *                 5/8                     ^ pages come in here
 *
 * replacement_table.c has traces that tell the policies apart.
 */
#ifndef KERNEL_REPLACEMENT_H
#define KERNEL_REPLACEMENT_H

#include "base/list.h"
#include "base/pool.h"
#include "base/radix.h"
#include "kernel/types.h"

#include <mmsim/kernel.h>

#define REPLACEMENT_NEVER UINT64_MAX

/* The cache's lists.  Policies with one list have it in LOWER. */
enum replacement_part {
	REPLACEMENT_LOWER, /* inactive, old: pages go from here */
	REPLACEMENT_UPPER, /* active, young */
	NR_REPLACEMENT_PARTS,
};

struct replacement_page {
	struct list_head link; /* in one of the cache's lists */
	uint64_t number;
	enum replacement_part part; /* which of them */
	bool is_referenced;     /* two-lists: used once since it came here */
	uint64_t first_used_ns; /* young-old: or REPLACEMENT_NEVER */
	uint64_t moved_at; /* young-old: evictions when it came to the head */
};

struct replacement_list {
	struct list_head pages; /* newest first */
	size_t count;
};

struct mmsim_replacement {
	const struct replacement_ops *ops;
	size_t capacity;     /* pages */
	uint64_t last_ns;    /* time of the last access */
	uint64_t nr_evicted; /* ever */
	struct pool records; /* of struct replacement_page */
	struct pool nodes;   /* of `pages` */
	/* number -> page, or the age at which it has gone */
	struct radix pages;
	struct replacement_list lists[NR_REPLACEMENT_PARTS];
	uint64_t age;         /* two-lists: evictions and activations, ever */
	unsigned old_pct;     /* young-old: the old part's share */
	uint64_t old_time_ns; /* young-old: no second use counts before this */
};

struct replacement_ops {
	const char *name;
	/* The policy remembers `age` for a page that has gone. */
	bool keeps_shadows;
	/* `distance`: what `age` has gone on by since this page went;
	 * REPLACEMENT_NEVER when nobody knows. */
	void (*add)(struct mmsim_replacement *cache,
		    struct replacement_page *page, uint64_t distance);
	void (*use)(struct mmsim_replacement *cache,
		    struct replacement_page *page, uint64_t now_ns);
	/* Off its list; there is at least one page. */
	struct replacement_page *(*victim)(struct mmsim_replacement *cache);
	/* A setting; 0, -ENOENT, -EINVAL.  NULL: the policy has none. */
	int (*set)(struct mmsim_replacement *cache, const char *name,
		   uint64_t value);
};

extern const struct replacement_ops replacement_lru; /* replacement_lru.c */
extern const struct replacement_ops replacement_two_lists; /* ..._two_lists.c */
extern const struct replacement_ops replacement_young_old; /* ..._young_old.c */

static inline size_t replacement_count(const struct mmsim_replacement *cache,
				       enum replacement_part part)
{
	return cache->lists[part].count;
}

/* At the head of a list. */
static inline void replacement_push(struct mmsim_replacement *cache,
				    struct replacement_page *page,
				    enum replacement_part part)
{
	page->part = part;
	list_add(&page->link, &cache->lists[part].pages);
	cache->lists[part].count++;
}

/* At its end. */
static inline void replacement_push_last(struct mmsim_replacement *cache,
					 struct replacement_page *page,
					 enum replacement_part part)
{
	page->part = part;
	list_add_tail(&page->link, &cache->lists[part].pages);
	cache->lists[part].count++;
}

/* Off its list. */
static inline void replacement_take(struct mmsim_replacement *cache,
				    struct replacement_page *page)
{
	list_del(&page->link);
	cache->lists[page->part].count--;
}

/* The last of a list that is not empty, off it. */
static inline struct replacement_page *
replacement_take_oldest(struct mmsim_replacement *cache,
			enum replacement_part part)
{
	struct replacement_page *page = list_last(
		&cache->lists[part].pages, struct replacement_page, link);

	replacement_take(cache, page);
	return page;
}

/* The first. */
static inline struct replacement_page *
replacement_take_newest(struct mmsim_replacement *cache,
			enum replacement_part part)
{
	struct replacement_page *page = list_first(
		&cache->lists[part].pages, struct replacement_page, link);

	replacement_take(cache, page);
	return page;
}

#endif
