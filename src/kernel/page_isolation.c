/*
 * page_isolation.c: frames that nobody gets any more.
 *
 * A pageblock of type Isolate keeps its free pages on lists of their own, from
 * which no request is served, and which do not count as free.  What is freed
 * there joins them.  So a range empties: its users only have to go.
 *
 *     [ free | used | free | used ]   start: free ones leave the lists
 *     [ isol | used | isol | used ]   users migrate away
 *     [ isol   isol   isol   isol ]   all free: the range can be taken
 *
 * Before it begins, the range is searched for pages that will never go away:
 * what the kernel holds for itself (tables, slabs, reserved frames) can neither
 * be moved nor freed on demand.  Pages on an LRU list can, in principle.
 * Nothing can be said against a page of zone Movable.
 *
 * Source: kernel documentation, admin-guide/mm/memory-hotplug
 * ("ZONE_MOVABLE", "Offlining Memory Blocks").
 */
#include "kernel/page_isolation.h"

#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"

#include <errno.h>

enum { PAGEBLOCK_NR = 1 << PAGEBLOCK_ORDER };

/* Frames from this one on that go or stay together. */
static uint64_t isolation_step(const struct page *page)
{
	if (page_has(page, PG_buddy))
		return (uint64_t)1 << page->private;
	return page->refcount > 0 ? (uint64_t)1 << page_order(page) : 1;
}

/* The page is free or can be freed, or be moved away. */
static bool isolation_may_go(const struct zone *zone, const struct page *page)
{
	return page_has(page, PG_buddy | PG_lru) ||
	       (zone->type == ZONE_MOVABLE && page->refcount > 0);
}

static bool isolation_is_possible(const struct zone *zone, pfn_t start,
				  pfn_t end)
{
	const struct page *mem_map = zone->node->machine->mem_map;
	pfn_t pfn = start;

	while (pfn < end) {
		const struct page *page = mem_map + pfn;
		pfn_t used = buddy_skip_deferred(zone, pfn);

		if (used > pfn) {
			pfn = used;
			continue;
		}
		if (!isolation_may_go(zone, page))
			return false;
		pfn += isolation_step(page);
	}
	return true;
}

static struct zone *isolation_zone(const struct mmsim_machine *machine,
				   pfn_t pfn)
{
	uint64_t nr = pfn / machine->hotplug->block_pages;

	return memory_block_zone(machine, &machine->hotplug->blocks[nr]);
}

static void isolation_set_type(struct mmsim_machine *machine, pfn_t start,
			       pfn_t end, enum migratetype migratetype)
{
	ASSERT(is_aligned(start | end, MAX_ORDER_NR_PAGES));
	buddy_move_free(isolation_zone(machine, start), start, end,
			migratetype);
	for (pfn_t pfn = start; pfn < end; pfn += PAGEBLOCK_NR)
		pageblock_set_migratetype(machine, pfn, migratetype);
}

int page_isolation_start(struct mmsim_machine *machine, pfn_t start, pfn_t end)
{
	/* pages on the CPUs' lists look as if they were in use */
	pcp_drain_all(machine);
	if (!isolation_is_possible(isolation_zone(machine, start), start, end))
		return -EBUSY;
	isolation_set_type(machine, start, end, MIGRATE_ISOLATE);
	return 0;
}

void page_isolation_undo(struct mmsim_machine *machine, pfn_t start, pfn_t end)
{
	isolation_set_type(machine, start, end, MIGRATE_MOVABLE);
}

bool page_isolation_is_free(const struct mmsim_machine *machine, pfn_t start,
			    pfn_t end)
{
	pfn_t pfn = start;

	while (pfn < end && page_has(&machine->mem_map[pfn], PG_buddy))
		pfn += isolation_step(&machine->mem_map[pfn]);
	return pfn >= end;
}

void page_isolation_remove(struct mmsim_machine *machine, pfn_t start,
			   pfn_t end)
{
	ASSERT(page_isolation_is_free(machine, start, end));
	buddy_remove_free(isolation_zone(machine, start), start, end);
}
