/*
 * replacement_young_old.c: InnoDB's buffer pool, one list in two parts.
 *
 *        used at least 1000 ms after its first use
 *         +----------------------------+
 *         v                            |
 *       [ young ... oldest ][ old ... oldest ] --> out
 *         5/8                ^ 3/8
 *                            comes in (the midpoint)
 *
 * The midpoint is a place, not a gate: when the old part holds less than
 * its share (old_blocks_pct, 37 % by default) the oldest young page becomes an
 * old one where it stands, and when it holds more its newest becomes young.
 *
 * A page of the old part is made young, moved to the head, by a use that comes
 * at least old_blocks_time after its first use.  So rows that a scan reads one
 * after the other in the same page count once.  With old_blocks_time 0
 * the first use is enough.  Read-ahead is no use.
 *
 * A young page that is used moves to the head only when it is no longer near
 * it: when at least a quarter as many pages have gone as the young part holds
 * since it was put there.
 *
 * Simplified: InnoDB lets the midpoint be off by 20 pages, and does not divide
 * lists below 512.
 *
 * Source: MySQL reference manual, "Buffer Pool", "Making the Buffer Pool Scan
 * Resistant".
 */
#include "kernel/replacement.h"

#include <errno.h>
#include <string.h>

enum { YOUNG_OLD_PCT_MIN = 5, YOUNG_OLD_PCT_MAX = 95 };

/* The midpoint where it belongs. */
static void young_old_adjust(struct mmsim_replacement *cache)
{
	size_t nr_old = replacement_count(cache, REPLACEMENT_LOWER);
	size_t nr_pages = nr_old + replacement_count(cache, REPLACEMENT_UPPER);
	size_t target = nr_pages / 100 * cache->old_pct +
			nr_pages % 100 * cache->old_pct / 100;

	for (; nr_old < target; nr_old++)
		replacement_push(
			cache,
			replacement_take_oldest(cache, REPLACEMENT_UPPER),
			REPLACEMENT_LOWER);
	for (; nr_old > target; nr_old--)
		replacement_push_last(
			cache,
			replacement_take_newest(cache, REPLACEMENT_LOWER),
			REPLACEMENT_UPPER);
}

static void young_old_make_young(struct mmsim_replacement *cache,
				 struct replacement_page *page)
{
	replacement_take(cache, page);
	replacement_push(cache, page, REPLACEMENT_UPPER);
	page->moved_at = cache->nr_evicted;
	young_old_adjust(cache);
}

static void young_old_add(struct mmsim_replacement *cache,
			  struct replacement_page *page, uint64_t distance)
{
	(void)distance;
	replacement_push(cache, page, REPLACEMENT_LOWER);
	young_old_adjust(cache);
}

static bool young_old_is_near_head(const struct mmsim_replacement *cache,
				   const struct replacement_page *page)
{
	return cache->nr_evicted - page->moved_at <
	       replacement_count(cache, REPLACEMENT_UPPER) / 4;
}

static void young_old_use(struct mmsim_replacement *cache,
			  struct replacement_page *page, uint64_t now_ns)
{
	if (page->first_used_ns == REPLACEMENT_NEVER)
		page->first_used_ns = now_ns;
	if (page->part == REPLACEMENT_UPPER
		    ? !young_old_is_near_head(cache, page)
		    : now_ns - page->first_used_ns >= cache->old_time_ns)
		young_old_make_young(cache, page);
}

static struct replacement_page *
young_old_victim(struct mmsim_replacement *cache)
{
	return replacement_take_oldest(
		cache, replacement_count(cache, REPLACEMENT_LOWER) > 0
			       ? REPLACEMENT_LOWER
			       : REPLACEMENT_UPPER);
}

static int young_old_set(struct mmsim_replacement *cache, const char *name,
			 uint64_t value)
{
	if (strcmp(name, "old_blocks_pct") == 0) {
		if (value < YOUNG_OLD_PCT_MIN || value > YOUNG_OLD_PCT_MAX)
			return -EINVAL;
		cache->old_pct = (unsigned)value;
		young_old_adjust(cache);
		return 0;
	}
	if (strcmp(name, "old_blocks_time") == 0) {
		if (value > UINT32_MAX)
			return -EINVAL;
		cache->old_time_ns = value * 1000000;
		return 0;
	}
	return -ENOENT;
}

const struct replacement_ops replacement_young_old = {
	.name = "young-old",
	.add = young_old_add,
	.use = young_old_use,
	.victim = young_old_victim,
	.set = young_old_set,
};
