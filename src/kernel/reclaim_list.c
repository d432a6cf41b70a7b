/*
 * reclaim_list.c: a batch of pages off a list, and what is kept back on.
 *
 *   head                     active                    tail
 *    new -> [ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ] -> shrink_active_list
 *     ^                                                        |
 *     | used twice                        used code of files | | the rest
 *     |                            <-------------------------+ |
 *    new -> [ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ][ ] -> shrink_inactive_list
 *                             inactive                         |
 *                                                   free, or back to a head
 *
 * Pages are taken off the tail up to 32 at a time, each with a reference, so
 * that nobody's last put frees them meanwhile.  They keep their order.  Pages
 * of zones that the request cannot use are moved out of the way (pgskip_*) and
 * go back to the head in one piece.
 *
 * An active page becomes inactive whether it was used or not: it will have the
 * length of the inactive list to be used again.  Only code of files stays.
 *
 * Source: kernel documentation, mm/unevictable-lru; recordings (pgrefill,
 * pgdeactivate, pgscan_*, pgsteal_*).
 */
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"
#include "kernel/rmap.h"
#include "kernel/writeback.h"

/* One page off its list; false: it stays there, at the head. */
static bool isolate_page(struct page *page, struct list_head *list,
			 const struct scan_control *sc, struct list_head *taken)
{
	if (!sc->may_unmap && page_total_mapcount(page) > 0) {
		list_move(&page->lru, list);
		return false;
	}
	page_get(page);
	lru_del(sc->machine, page);
	list_add(&page->lru, taken);
	return true;
}

/* Up to nr_to_scan pages off the tail, the oldest at the tail of `taken`; how
 * many.  *nr_scanned has also those of other zones. */
static uint64_t isolate_pages(struct pglist_data *node, enum lru_list lru,
			      uint64_t nr_to_scan,
			      const struct scan_control *sc,
			      struct list_head *taken, uint64_t *nr_scanned)
{
	struct list_head *list = &node->lruvec.lists[lru], skipped;
	uint64_t nr_taken = 0, nr_tried = 0;

	list_init(&skipped);
	*nr_scanned = 0;
	while (nr_tried < nr_to_scan && !list_is_empty(list)) {
		struct page *page = list_last(list, struct page, lru);
		unsigned nr = page_nr(page);

		*nr_scanned += nr;
		if (page_zone_index(page) > (unsigned)sc->highest) {
			const struct zone *zone =
				machine_zone_of(sc->machine, page);

			list_move(&page->lru, &skipped);
			count_vm_events(sc->machine,
					PGSKIP_DMA + zone->event_row, nr);
			continue;
		}
		nr_tried += nr;
		if (isolate_page(page, list, sc, taken))
			nr_taken += nr;
	}
	list_splice(&skipped, list);
	return nr_taken;
}

uint64_t reclaim_put_back(struct pglist_data *node, struct list_head *pages)
{
	struct mmsim_machine *machine = node->machine;
	uint64_t nr_moved = 0;

	while (!list_is_empty(pages)) {
		struct page *page = list_last(pages, struct page, lru);
		bool is_wanted = page->refcount > 1;

		list_del(&page->lru);
		if (is_wanted) {
			nr_moved += page_nr(page);
			if (page_has(page, PG_active))
				node->lruvec.nonresident_age += page_nr(page);
			lru_add(machine, page);
		}
		page_put(machine, page);
	}
	return nr_moved;
}

static enum node_stat_item isolated_item(enum lru_list lru)
{
	return lru_is_file(lru) ? NR_ISOLATED_FILE : NR_ISOLATED_ANON;
}

/* --- inactive ------------------------------------------------------------ */

static void count_scan(const struct scan_control *sc, enum lru_list lru,
		       uint64_t nr_scanned)
{
	count_vm_events(sc->machine,
			sc->is_kswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT,
			nr_scanned);
	count_vm_events(sc->machine,
			lru_is_file(lru) ? PGSCAN_FILE : PGSCAN_ANON,
			nr_scanned);
	clock_charge(sc->machine, sc->task, nr_scanned * COST_RECLAIM_SCAN);
}

static void count_steal(const struct scan_control *sc, enum lru_list lru,
			uint64_t nr)
{
	count_vm_events(sc->machine,
			sc->is_kswapd ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, nr);
	count_vm_events(sc->machine,
			lru_is_file(lru) ? PGSTEAL_FILE : PGSTEAL_ANON, nr);
}

static void note_seen(struct scan_control *sc, const struct scan_seen *seen,
		      enum lru_list lru, uint64_t nr_taken)
{
	sc->seen.taken += nr_taken;
	if (lru_is_file(lru))
		sc->seen.file_taken += nr_taken;
	sc->seen.dirty += seen->dirty;
	sc->seen.unqueued_dirty += seen->unqueued_dirty;
	sc->seen.congested += seen->congested;
	sc->seen.writeback += seen->writeback;
	sc->seen.immediate += seen->immediate;
}

static uint64_t shrink_inactive_list(struct pglist_data *node,
				     enum lru_list lru, uint64_t nr_to_scan,
				     struct scan_control *sc)
{
	struct batch_result result = {0};
	struct list_head pages;
	uint64_t nr_scanned, nr_taken;

	list_init(&pages);
	nr_taken =
		isolate_pages(node, lru, nr_to_scan, sc, &pages, &nr_scanned);
	count_scan(sc, lru, nr_scanned);
	if (nr_taken == 0)
		return 0;
	node_stat_add(node, isolated_item(lru), (int64_t)nr_taken);
	shrink_pages(node, &pages, sc, &result);
	reclaim_put_back(node, &pages);
	node_stat_add(node, isolated_item(lru), -(int64_t)nr_taken);
	count_steal(sc, lru, result.nr_reclaimed);
	lru_note_cost(node, lru_is_file(lru), result.nr_pageout,
		      nr_scanned - result.nr_reclaimed);
	note_seen(sc, &result.seen, lru, nr_taken);
	/* all of them must be written, and nobody does it */
	if (result.seen.unqueued_dirty == nr_taken)
		flusher_wake(sc->machine);
	return result.nr_reclaimed;
}

/* --- active -------------------------------------------------------------- */

/* Code that is in use has one more round. */
static bool stays_active(const struct scan_control *sc, struct page *page)
{
	vm_flags_t vm_flags;

	return page_referenced(sc->machine, page, &vm_flags) > 0 &&
	       (vm_flags & VM_EXEC) && page_is_file_lru(page);
}

void shrink_active_list(struct pglist_data *node, enum lru_list lru,
			uint64_t nr_to_scan, struct scan_control *sc)
{
	struct list_head pages, active, inactive;
	uint64_t nr_scanned, nr_taken, nr_rotated;

	list_init(&pages);
	list_init(&active);
	list_init(&inactive);
	nr_taken =
		isolate_pages(node, lru, nr_to_scan, sc, &pages, &nr_scanned);
	count_vm_events(sc->machine, PGREFILL, nr_scanned);
	clock_charge(sc->machine, sc->task, nr_scanned * COST_RECLAIM_SCAN);
	node_stat_add(node, isolated_item(lru), (int64_t)nr_taken);
	while (!list_is_empty(&pages)) {
		struct page *page = list_last(&pages, struct page, lru);

		if (stays_active(sc, page)) {
			list_move(&page->lru, &active);
			continue;
		}
		if (!page_has(page, PG_unevictable)) {
			page_clear(page, PG_active);
			page_set(page, PG_workingset);
		}
		list_move(&page->lru, &inactive);
	}
	nr_rotated = reclaim_put_back(node, &active);
	lru_note_cost(node, lru_is_file(lru), 0, nr_rotated);
	count_vm_events(sc->machine, PGDEACTIVATE,
			reclaim_put_back(node, &inactive));
	node_stat_add(node, isolated_item(lru), -(int64_t)nr_taken);
}

uint64_t shrink_list(struct pglist_data *node, enum lru_list list,
		     uint64_t nr_to_scan, struct scan_control *sc)
{
	if (list == LRU_INACTIVE_ANON || list == LRU_INACTIVE_FILE)
		return shrink_inactive_list(node, list, nr_to_scan, sc);
	if (sc->may_deactivate[lru_is_file(list)])
		shrink_active_list(node, list, nr_to_scan, sc);
	else
		sc->skipped_deactivate = true;
	return 0;
}
