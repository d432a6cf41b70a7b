/*
 * replacement_two_lists.c: Linux's active and inactive list.
 *
 *        second use, or back within the refault distance
 *              +---------------------------+
 *              v                           |
 *      [ active ... oldest ] --> [ inactive ... oldest ] --> out
 *                     while active is    ^
 *                     the longer one     comes in
 *
 * A page has to be used twice while it is on the inactive list to be put on
 * the active one; of a page on the active list a use is noted only.  So what is
 * used once passes through the inactive list and leaves the active one alone.
 *
 * Before a page goes, the lists are balanced: as long as
 * inactive x ratio < active, the oldest active page moves to the head of
 * the inactive list and keeps the note of its last use.  The ratio is 1, and
 * sqrt(10 x GiB) for caches of a GiB and more.
 *
 * A page that was used twice, but at a distance longer than the inactive list,
 * is found by its refault distance.  `age` counts pages that went and pages
 * that were activated; what it has gone on by while a page was away is how much
 * longer the inactive list would have had to be.  If the active list has as
 * many pages as that, the page could have stayed in its stead, and is
 * activated.
 *
 * These are the rules for pages of files that are used by read(2).  Pages in
 * page tables are looked at only when they are to go, by the accessed bit; that
 * is what a whole machine shows.
 *
 * Simplified: Linux moves pages in batches, and looks at the active list, too,
 * while refaults go on.
 *
 * Sources: kernel documentation, admin-guide/mm/concepts; J. Corbet, "Better
 * active/inactive list balancing", LWN, 2012; the recordings: read twice is
 * Active(file), a loop whose distance fits is activated.
 */
#include "kernel/replacement.h"

static size_t two_lists_ratio(size_t nr_pages)
{
	size_t gib = nr_pages >> (30 - PAGE_SHIFT), root = 1;

	while ((root + 1) * (root + 1) <= 10 * gib)
		root++;
	return root;
}

static void two_lists_activate(struct mmsim_replacement *cache,
			       struct replacement_page *page)
{
	page->is_referenced = false;
	replacement_push(cache, page, REPLACEMENT_UPPER);
	cache->age++;
}

static void two_lists_add(struct mmsim_replacement *cache,
			  struct replacement_page *page, uint64_t distance)
{
	if (distance <= replacement_count(cache, REPLACEMENT_UPPER))
		two_lists_activate(cache, page);
	else
		replacement_push(cache, page, REPLACEMENT_LOWER);
}

static void two_lists_use(struct mmsim_replacement *cache,
			  struct replacement_page *page, uint64_t now_ns)
{
	(void)now_ns;
	if (page->part == REPLACEMENT_UPPER || !page->is_referenced) {
		page->is_referenced = true;
		return;
	}
	replacement_take(cache, page);
	two_lists_activate(cache, page);
}

static void two_lists_balance(struct mmsim_replacement *cache)
{
	size_t active = replacement_count(cache, REPLACEMENT_UPPER);
	size_t inactive = replacement_count(cache, REPLACEMENT_LOWER);
	size_t ratio = two_lists_ratio(active + inactive);

	for (; inactive * ratio < active; inactive++, active--)
		replacement_push(
			cache,
			replacement_take_oldest(cache, REPLACEMENT_UPPER),
			REPLACEMENT_LOWER);
}

static struct replacement_page *
two_lists_victim(struct mmsim_replacement *cache)
{
	two_lists_balance(cache);
	return replacement_take_oldest(cache, REPLACEMENT_LOWER);
}

const struct replacement_ops replacement_two_lists = {
	.name = "two-lists",
	.keeps_shadows = true,
	.add = two_lists_add,
	.use = two_lists_use,
	.victim = two_lists_victim,
};
