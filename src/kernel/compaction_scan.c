/*
 * compaction_scan.c: the two scanners of compaction.
 *
 *     migrate_pfn -->                                  <-- free_pfn
 *     | u . u . | u u . . | . u . u |      | . . u . | . u . . | u . . . |
 *       '---------------- used pages go there -----------------^
 *
 * From the bottom of the zone the one collects pages that can be moved, 32 of a
 * pageblock at a time; from the top the other collects free pages, a few more
 * than are needed.  They work in pageblocks, and leave out
 *
 *   as a source   pageblocks of another migrate type (in a first look only)
 *   as a target   pageblocks that are free as a whole: they are what is
 *                 wanted; and those of a type that movable pages would spoil
 *   either way    pageblocks where nothing was found lately (skip marks)
 *
 * The free scanner looks at every page where it finds free ones, and takes
 * wider steps, up to every 32nd page, as long as it finds none.  So where every
 * second page is free, and it is the wrong half that it steps on, it finds
 * nothing: the recorded machine moved 176 pages of 8192.
 *
 * Simplified: no look at the lists of free blocks first for a good place to
 * begin (Linux's fast search).
 *
 * Sources: M. Gorman's compaction as described on LWN ("Memory compaction",
 * 2010); recordings (compact_memory: pages scanned and isolated).
 */
#include "kernel/compaction.h"
#include "kernel/lru.h"
#include "kernel/memory_block.h"
#include "kernel/rmap.h"

enum {
	COMPACT_CLUSTER_MAX = 32,
	COMPACT_MAX_STRIDE = 32,
	PAGEBLOCK_NR = 1 << PAGEBLOCK_ORDER,
};

static pfn_t pageblock_start(pfn_t pfn)
{
	return align_down(pfn, PAGEBLOCK_NR);
}

bool compact_have_met(const struct compact_control *cc)
{
	return cc->free_pfn >> PAGEBLOCK_ORDER <= cc->migrate_pfn >>
	       PAGEBLOCK_ORDER;
}

/* Only whoever goes over the whole zone looks at marked pageblocks, too. */
static bool compact_may_skip(const struct compact_control *cc, pfn_t pfn)
{
	return cc->priority != COMPACT_FULL &&
	       pageblock_is_skipped(cc->control.machine, pfn);
}

static void compact_mark(const struct compact_control *cc, pfn_t pfn)
{
	if (cc->priority != COMPACT_FULL)
		pageblock_set_skipped(cc->control.machine, pfn, true);
}

/* --- used pages, from the bottom -------------------------------------- */

/* Frames from this one on that need no look, as they go together. */
static uint64_t compact_step(const struct page *page)
{
	if (page_has(page, PG_buddy))
		return (uint64_t)1 << page->private;
	return page->refcount > 0 ? (uint64_t)1 << page_order(page) : 1;
}

static bool compact_may_move(const struct compact_control *cc,
			     const struct page *page)
{
	if (!page_has(page, PG_lru) || page_has(page, PG_head) ||
	    machine_zone_of(cc->control.machine, page) != cc->zone)
		return false;
	if (page_has(page, PG_writeback) && cc->priority == COMPACT_ASYNC)
		return false;
	/* somebody holds it: it could not be moved */
	return page_has(page, PG_swapcache) || !page_is_anon(page) ||
	       page->refcount <= page_mapcount(page);
}

/* Looks at [pfn, end) of one pageblock; where it ended. */
static pfn_t compact_collect_used(struct compact_control *cc, pfn_t pfn,
				  pfn_t end)
{
	struct mmsim_machine *machine = cc->control.machine;
	unsigned before = cc->nr_migrate_pages;

	while (pfn < end && cc->nr_migrate_pages < COMPACT_CLUSTER_MAX) {
		struct page *page = &machine->mem_map[pfn];

		cc->nr_migrate_scanned++;
		pfn += compact_step(page);
		if (!compact_may_move(cc, page))
			continue;
		migrate_isolate(machine, page, &cc->migrate_pages);
		cc->nr_migrate_pages++;
	}
	count_vm_events(machine, COMPACTISOLATED,
			cc->nr_migrate_pages - before);
	return pfn;
}

static bool compact_is_source(const struct compact_control *cc, pfn_t pfn)
{
	enum migratetype type = pageblock_migratetype(cc->control.machine, pfn);

	if (type == MIGRATE_ISOLATE || compact_may_skip(cc, pfn))
		return false;
	return cc->priority != COMPACT_ASYNC || type == cc->migratetype;
}

/* Never-used memory is passed over, each block at one look. */
static bool compact_pass_deferred(struct compact_control *cc)
{
	pfn_t end = buddy_skip_deferred(cc->zone, cc->migrate_pfn);

	if (end == cc->migrate_pfn)
		return false;
	end = min_size(end, max_size(cc->free_pfn, cc->migrate_pfn + 1));
	cc->nr_migrate_scanned +=
		(end - cc->migrate_pfn + MAX_ORDER_NR_PAGES - 1) /
		MAX_ORDER_NR_PAGES;
	cc->migrate_pfn = end;
	return true;
}

void compact_isolate_used(struct compact_control *cc)
{
	while (cc->nr_migrate_pages == 0 && !compact_have_met(cc)) {
		pfn_t pfn = cc->migrate_pfn;
		pfn_t next = pageblock_start(pfn) + PAGEBLOCK_NR;
		pfn_t end = min_size(next, zone_end_pfn(cc->zone));

		if (compact_pass_deferred(cc))
			continue;
		cc->migrate_pfn = next;
		if (!zone_has_frames(cc->zone, pfn, end - pfn) ||
		    !compact_is_source(cc, pfn))
			continue;
		cc->migrate_pfn = compact_collect_used(cc, pfn, end);
		if (cc->migrate_pfn >= end && cc->nr_migrate_pages == 0 &&
		    is_aligned(pfn, PAGEBLOCK_NR))
			compact_mark(cc, pfn);
		if (cc->migrate_pfn == end)
			cc->migrate_pfn = next;
	}
}

/* --- free pages, from the top ----------------------------------------- */

/* The free block becomes single pages on the control's list. */
static unsigned compact_take_free(struct compact_control *cc, struct page *page)
{
	unsigned nr = 1u << buddy_take(cc->zone, page);

	for (unsigned i = 0; i < nr; i++) {
		page[i].flags = page->flags;
		list_add_tail(&page[i].lru, &cc->free_pages);
	}
	cc->nr_free_pages += nr;
	return nr;
}

/* There would be enough left for others. */
static bool compact_may_take(const struct compact_control *cc,
			     const struct page *page)
{
	uint64_t nr = (uint64_t)1 << page->private;

	return cc->zone->stat[NR_FREE_PAGES] >
	       zone_watermark(cc->zone, WMARK_MIN) + 2 * nr;
}

/* Looks at [pfn, end) of one pageblock in steps; where it ended. */
static pfn_t compact_collect_free(struct compact_control *cc, pfn_t pfn,
				  pfn_t end, unsigned stride,
				  unsigned *nr_taken)
{
	struct mmsim_machine *machine = cc->control.machine;

	*nr_taken = 0;
	while (pfn < end && cc->nr_free_pages < cc->nr_migrate_pages) {
		struct page *page = &machine->mem_map[pfn];
		unsigned nr;

		cc->nr_free_scanned++;
		if (!page_has(page, PG_buddy) ||
		    machine_zone_of(machine, page) != cc->zone) {
			pfn += page_has(page, PG_head) ? page_nr(page) : stride;
			continue;
		}
		if (!compact_may_take(cc, page))
			break;
		nr = compact_take_free(cc, page);
		*nr_taken += nr;
		/* the rest of what was taken needs no look */
		pfn += max_size(nr, nr + stride - 1);
	}
	count_vm_events(machine, COMPACTISOLATED, *nr_taken);
	return pfn < end ? pfn : end;
}

/* Pages may be moved into this pageblock. */
static bool compact_is_target(const struct compact_control *cc, pfn_t pfn)
{
	const struct mmsim_machine *machine = cc->control.machine;
	const struct page *page = &machine->mem_map[pfn];

	if (!zone_has_frames(cc->zone, pfn, 1) ||
	    buddy_skip_deferred(cc->zone, pfn) > pfn)
		return false;
	if (page_has(page, PG_buddy) && page->private >= PAGEBLOCK_ORDER)
		return false;
	if (cc->priority == COMPACT_FULL && cc->order != COMPACT_WHOLE)
		return pageblock_migratetype(machine, pfn) != MIGRATE_ISOLATE;
	return pageblock_migratetype(machine, pfn) == MIGRATE_MOVABLE &&
	       !compact_may_skip(cc, pfn);
}

/* Where the free scanner goes on below a pageblock: never-used memory is passed
 * over at once. */
static pfn_t compact_block_below(const struct compact_control *cc, pfn_t block)
{
	for (unsigned i = 0; i < cc->zone->nr_deferred; i++)
		if (block > cc->zone->deferred[i].start &&
		    block <= cc->zone->deferred[i].end)
			block = cc->zone->deferred[i].start;
	return block - PAGEBLOCK_NR;
}

/* Collects as many free pages as there are pages to be moved. */
static void compact_isolate_free(struct compact_control *cc)
{
	pfn_t low = pageblock_start(cc->migrate_pfn) + PAGEBLOCK_NR;
	pfn_t block = pageblock_start(cc->free_pfn);
	unsigned stride =
		cc->priority == COMPACT_ASYNC ? COMPACT_MAX_STRIDE : 1;

	while (block >= low && cc->nr_free_pages < cc->nr_migrate_pages) {
		pfn_t end =
			min_size(block + PAGEBLOCK_NR, zone_end_pfn(cc->zone));
		unsigned nr_taken;

		if (compact_is_target(cc, block)) {
			cc->free_pfn = compact_collect_free(
				cc, cc->free_pfn, end, stride, &nr_taken);
			/* enough, or no more may be taken */
			if (cc->free_pfn < end)
				return;
			compact_mark(cc, block);
			stride = nr_taken ? 1
					  : (unsigned)min_size(
						    stride << 1,
						    COMPACT_MAX_STRIDE);
		}
		block = compact_block_below(cc, block);
		cc->free_pfn = block;
	}
}

struct page *compact_new_page(struct migrate_control *control,
			      struct page *page)
{
	struct compact_control *cc =
		container_of(control, struct compact_control, control);
	struct page *target;

	(void)page;
	if (list_is_empty(&cc->free_pages))
		compact_isolate_free(cc);
	if (list_is_empty(&cc->free_pages))
		return NULL;
	target = list_first(&cc->free_pages, struct page, lru);
	list_del(&target->lru);
	list_init(&target->lru);
	cc->nr_free_pages--;
	target->refcount = 1;
	target->mapcount = 0;
	target->mapping = NULL;
	target->index = 0;
	target->private = 0;
	return target;
}

void compact_free_page(struct migrate_control *control, struct page *page)
{
	struct compact_control *cc =
		container_of(control, struct compact_control, control);

	page->refcount = 0;
	list_add(&page->lru, &cc->free_pages);
	cc->nr_free_pages++;
}

void compact_release_free(struct compact_control *cc)
{
	struct mmsim_machine *machine = cc->control.machine;

	while (!list_is_empty(&cc->free_pages)) {
		struct page *page =
			list_first(&cc->free_pages, struct page, lru);

		list_del(&page->lru);
		cc->nr_free_pages--;
		buddy_free(cc->zone, page, 0,
			   pageblock_migratetype(machine,
						 page_pfn(machine, page)));
	}
}
