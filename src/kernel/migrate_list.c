/*
 * migrate_list.c: a list of pages moves.
 *
 * Memory policies, memory that is switched off, and compaction collect pages in
 * their own ways and have their own wishes where to; what is between is the
 * same for all:
 *
 *     page of the list     freed meanwhile             done
 *                          being written               wait, if allowed
 *                          no new page: huge           split, the pieces move
 *                                       small          -ENOMEM, the end
 *                          held by somebody            once more, 10 rounds
 *                          moved                       off the list
 *
 * Between isolating and moving, new pages are allocated: reclaim may run and
 * tasks may be killed.  An isolated page is on no LRU list, so that reclaim
 * leaves it alone; when its users went away the isolating reference is the
 * last.
 *
 * Source: kernel documentation, mm/page_migration; recordings (a round that
 * finds no memory counts one page in pgmigrate_fail, however many are left).
 */
#include "kernel/blkdev.h"
#include "kernel/lru.h"
#include "kernel/migrate.h"
#include "kernel/rmap.h"

#include <errno.h>

enum { MIGRATE_ROUNDS = 10 };

/* --- on and off the lists --------------------------------------------- */

static void migrate_count_isolated(struct mmsim_machine *machine,
				   const struct page *page, int64_t sign)
{
	node_stat_add(machine_node_of(machine, page),
		      page_is_file_lru(page) ? NR_ISOLATED_FILE
					     : NR_ISOLATED_ANON,
		      sign * (int64_t)page_nr(page));
}

bool migrate_isolate(struct mmsim_machine *machine, struct page *page,
		     struct list_head *list)
{
	if (!page_has(page, PG_lru))
		return false;
	lru_del(machine, page);
	page_get(page);
	page_set(page, PG_isolated);
	migrate_count_isolated(machine, page, 1);
	list_add_tail(&page->lru, list);
	return true;
}

/* The page, which is off the caller's list, is isolated no more. */
static void migrate_release(struct mmsim_machine *machine, struct page *page)
{
	migrate_count_isolated(machine, page, -1);
	page_clear(page, PG_isolated);
	list_init(&page->lru);
	if (page->refcount > 1)
		lru_add(machine, page);
	page_put(machine, page);
}

void migrate_putback(struct mmsim_machine *machine, struct list_head *list)
{
	while (!list_is_empty(list)) {
		struct page *page = list_first(list, struct page, lru);

		list_del(&page->lru);
		migrate_release(machine, page);
	}
}

/* --- huge pages ------------------------------------------------------- */

static bool migrate_split_entry(struct rmap_walk *walk,
				struct vm_area_struct *vma, uintptr_t addr,
				pte_t *entry, bool huge)
{
	(void)walk;
	(void)entry;
	if (huge)
		(void)thp_split_pmd(vma, addr); /* its table is in stock */
	return true;
}

/* The isolated huge page, off the list, becomes isolated small ones at its end.
 * False: somebody holds it. */
static bool migrate_split(struct mmsim_machine *machine, struct page *head,
			  struct list_head *list)
{
	struct rmap_walk walk = {.visit = migrate_split_entry};

	if (head->refcount != page_total_mapcount(head) + 1)
		return false;
	rmap_walk(machine, head, &walk);
	migrate_count_isolated(machine, head, -1);
	page_clear(head, PG_isolated);
	list_init(&head->lru);
	head->refcount--;
	thp_split_page(machine, head);
	for (unsigned i = 0; i < HPAGE_PMD_NR; i++) {
		struct page *page = &head[i];

		/* what nobody maps is free already */
		if (page->refcount == 0)
			continue;
		page_get(page);
		page_set(page, PG_isolated);
		migrate_count_isolated(machine, page, 1);
		list_add_tail(&page->lru, list);
	}
	count_vm_event(machine, THP_MIGRATION_SPLIT);
	return true;
}

/* --- moving ----------------------------------------------------------- */

static void migrate_give_back(struct migrate_control *control,
			      struct page *target)
{
	if (control->free_page)
		control->free_page(control, target);
	else
		page_put(control->machine, target);
}

/* The page is off the list.  0: it has moved, or is free; -EAGAIN: somebody
 * holds it; -ENOMEM. */
static int migrate_one(struct migrate_control *control, struct page *page)
{
	struct mmsim_machine *machine = control->machine;
	unsigned nr_pages = page_nr(page);
	struct page *target = NULL;
	int err;

	if (page_has(page, PG_writeback) && control->may_wait)
		blkdev_wait_page(machine, page);
	if (page->refcount > 1) {
		target = control->new_page(control, page);
		if (!target)
			return -ENOMEM;
	}
	if (page->refcount == 1) {
		/* its last user has gone, perhaps just now */
		migrate_release(machine, page);
		if (target)
			migrate_give_back(control, target);
		return 0;
	}
	migrate_count_isolated(machine, page, -1);
	err = migrate_page(machine, page, target);
	if (err) {
		migrate_count_isolated(machine, page, 1);
		migrate_give_back(control, target);
		return err;
	}
	clock_charge(machine, control->task, nr_pages * COST_COPY_PAGE);
	return 0;
}

/* What became of the pages of one call. */
struct migrate_tally {
	uint64_t nr_moved, nr_failed; /* pages */
	uint64_t nr_huge_moved, nr_huge_failed;
};

static void migrate_tell(struct migrate_control *control,
			 const struct migrate_tally *tally)
{
	struct mmsim_machine *machine = control->machine;

	count_vm_events(machine, PGMIGRATE_SUCCESS, tally->nr_moved);
	count_vm_events(machine, PGMIGRATE_FAIL, tally->nr_failed);
	count_vm_events(machine, THP_MIGRATION_SUCCESS, tally->nr_huge_moved);
	count_vm_events(machine, THP_MIGRATION_FAIL, tally->nr_huge_failed);
	control->nr_moved += tally->nr_moved;
	control->nr_failed += tally->nr_failed;
}

static void migrate_count_failed(struct migrate_tally *tally,
				 const struct page *page)
{
	tally->nr_failed += page_nr(page);
	tally->nr_huge_failed += page_nr(page) > 1;
}

/* Tries each page of the list once; those that are held stay on it.  0 or
 * -ENOMEM: the page for which there was none is the first of the list. */
static int migrate_round(struct migrate_control *control,
			 struct list_head *list, struct migrate_tally *tally)
{
	struct list_head held;
	int err = 0;

	list_init(&held);
	while (!err && !list_is_empty(list)) {
		struct page *page = list_first(list, struct page, lru);
		unsigned nr_pages = page_nr(page);

		list_del(&page->lru);
		err = migrate_one(control, page);
		if (err == -ENOMEM && nr_pages > 1) {
			tally->nr_huge_failed++;
			if (migrate_split(control->machine, page, list)) {
				err = 0;
				continue;
			}
			tally->nr_huge_failed--;
		}
		if (!err) {
			tally->nr_moved += nr_pages;
			tally->nr_huge_moved += nr_pages > 1;
		} else {
			list_add(&page->lru, err == -EAGAIN ? &held : list);
			err = err == -EAGAIN ? 0 : err;
		}
	}
	while (!list_is_empty(&held))
		list_move_tail(held.prev, list);
	return err;
}

int migrate_pages(struct migrate_control *control, struct list_head *list)
{
	struct migrate_tally tally = {0};
	const struct page *page;
	int err = 0;

	for (int round = 0;
	     round < MIGRATE_ROUNDS && !err && !list_is_empty(list); round++)
		err = migrate_round(control, list, &tally);
	if (err)
		migrate_count_failed(&tally,
				     list_first(list, struct page, lru));
	else
		list_for_each(page, list, lru)
			migrate_count_failed(&tally, page);
	migrate_tell(control, &tally);
	return err ? err : (int)tally.nr_failed;
}
