/*
 * replacement_lru.c: one list in the order of last use.
 *
 *     comes in, is used            goes
 *        v                          v
 *      [ newest  ...          oldest ]
 *
 * The textbook's policy.  A larger cache holds all that a smaller one holds, so
 * more room never costs hits (the stack property).  A page that is used once is
 * worth as much as one that is used all the time: a scan, or read-ahead that
 * nobody wanted, pushes out everything.
 *
 * Source: R. Mattson et al., "Evaluation techniques for storage hierarchies",
 * 1970, for the stack property.
 */
#include "kernel/replacement.h"

static void lru_add_page(struct mmsim_replacement *cache,
			 struct replacement_page *page, uint64_t distance)
{
	(void)distance;
	replacement_push(cache, page, REPLACEMENT_LOWER);
}

static void lru_use(struct mmsim_replacement *cache,
		    struct replacement_page *page, uint64_t now_ns)
{
	(void)now_ns;
	replacement_take(cache, page);
	replacement_push(cache, page, REPLACEMENT_LOWER);
}

static struct replacement_page *lru_victim(struct mmsim_replacement *cache)
{
	return replacement_take_oldest(cache, REPLACEMENT_LOWER);
}

const struct replacement_ops replacement_lru = {
	.name = "lru",
	.add = lru_add_page,
	.use = lru_use,
	.victim = lru_victim,
};
