/*
 * replacement.c: a cache of page numbers under a replacement policy.
 *
 * A use of a page that is resident is a hit.  Otherwise the page comes in, and
 * when there is no room another one goes first.  Read-ahead brings pages in
 * too, but is no use: one that is resident stays where it is.
 *
 *     number -> radix tree -> page          resident
 *                          -> value         gone: the policy's age at that time
 *
 * Simplified: pages go one at a time when room is needed, not in batches in the
 * background; what is known of pages that have gone is kept for ever.
 */
#include "kernel/replacement.h"

#include "base/hostmem.h"

#include <errno.h>
#include <string.h>

static const struct replacement_ops *const replacement_policies[] = {
	&replacement_lru,
	&replacement_two_lists,
	&replacement_young_old,
};

enum { REPLACEMENT_OLD_PCT = 37, REPLACEMENT_OLD_TIME_MS = 1000 };

static const struct replacement_ops *replacement_find_policy(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(replacement_policies); i++)
		if (strcmp(replacement_policies[i]->name, name) == 0)
			return replacement_policies[i];
	return NULL;
}

PUBLIC int mmsim_replacement_create(const char *policy, size_t capacity,
				    struct mmsim_replacement **result)
{
	const struct replacement_ops *ops;
	struct mmsim_replacement *cache;

	if (!result || !policy)
		return -EFAULT;
	*result = NULL;
	ops = replacement_find_policy(policy);
	if (!ops || capacity == 0)
		return -EINVAL;
	cache = hostmem_map(sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->ops = ops;
	cache->capacity = capacity;
	pool_init(&cache->records, sizeof(struct replacement_page));
	pool_init(&cache->nodes, radix_node_size());
	radix_init(&cache->pages, &cache->nodes);
	for (int part = 0; part < NR_REPLACEMENT_PARTS; part++)
		list_init(&cache->lists[part].pages);
	cache->old_pct = REPLACEMENT_OLD_PCT;
	cache->old_time_ns = (uint64_t)REPLACEMENT_OLD_TIME_MS * 1000000;
	*result = cache;
	return 0;
}

PUBLIC void mmsim_replacement_destroy(struct mmsim_replacement *cache)
{
	if (!cache)
		return;
	pool_fini(&cache->records);
	pool_fini(&cache->nodes);
	hostmem_unmap(cache, sizeof(*cache));
}

PUBLIC int mmsim_replacement_set(struct mmsim_replacement *cache,
				 const char *name, uint64_t value)
{
	if (!cache)
		return -EINVAL;
	if (!name)
		return -EFAULT;
	return cache->ops->set ? cache->ops->set(cache, name, value) : -ENOENT;
}

PUBLIC bool mmsim_replacement_has(const struct mmsim_replacement *cache,
				  uint64_t page)
{
	void *entry = cache ? radix_find(&cache->pages, page) : NULL;

	return entry && !radix_is_value(entry);
}

static bool replacement_is_full(const struct mmsim_replacement *cache)
{
	return replacement_count(cache, REPLACEMENT_LOWER) +
		       replacement_count(cache, REPLACEMENT_UPPER) ==
	       cache->capacity;
}

/* The page that goes. */
static uint64_t replacement_evict(struct mmsim_replacement *cache)
{
	struct replacement_page *page = cache->ops->victim(cache);
	uint64_t number = page->number;

	if (cache->ops->keeps_shadows) {
		/* in the place of the page, so it needs no memory */
		int err = radix_insert(&cache->pages, number,
				       radix_from_value(cache->age));

		ASSERT(err == 0);
		(void)err;
	} else {
		radix_remove(&cache->pages, number);
	}
	cache->age++;
	cache->nr_evicted++;
	pool_free(&cache->records, page);
	return number;
}

/* The page in a record of its own, in the tree and not on a list; *entry is
 * what the tree had at its place.  NULL: no memory, and nothing has changed. */
static struct replacement_page *
replacement_enter(struct mmsim_replacement *cache, uint64_t number)
{
	struct replacement_page *page = pool_zalloc(&cache->records);

	if (!page)
		return NULL;
	page->number = number;
	page->first_used_ns = REPLACEMENT_NEVER;
	list_init(&page->link);
	if (radix_insert(&cache->pages, number, page) == 0)
		return page;
	pool_free(&cache->records, page);
	return NULL;
}

PUBLIC int mmsim_replacement_access(struct mmsim_replacement *cache,
				    uint64_t number, uint64_t time_ns,
				    bool is_readahead, uint64_t *evicted)
{
	uint64_t gone = MMSIM_NO_PAGE, distance = REPLACEMENT_NEVER;
	struct replacement_page *page;
	bool is_hit;

	if (!cache || number == MMSIM_NO_PAGE || time_ns < cache->last_ns)
		return -EINVAL;
	page = radix_find(&cache->pages, number);
	is_hit = page && !radix_is_value(page);
	if (!is_hit) {
		if (page)
			distance = cache->age - radix_to_value(page);
		page = replacement_enter(cache, number);
		if (!page)
			return -ENOMEM;
		if (replacement_is_full(cache))
			gone = replacement_evict(cache);
		cache->ops->add(cache, page, distance);
	}
	cache->last_ns = time_ns;
	if (!is_readahead)
		cache->ops->use(cache, page, time_ns);
	if (evicted)
		*evicted = gone;
	return is_hit;
}
