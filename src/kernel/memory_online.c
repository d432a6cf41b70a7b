/*
 * memory_online.c: a block of memory comes into use, or has left it.
 *
 * Online: the block's frames join a zone as free memory, and everything that
 * follows from the size of zones is set anew: MemTotal, the zones' spans, the
 * order of zones, watermarks, protection, min_free_kbytes, reserves.  Which
 * zone it is:
 *
 *   online_movable   Movable
 *   online_kernel    the kernel's zone that spans these frames already, or
 *                    Normal
 *   online           the one of these two that spans the frames, if only one
 *                    does; else the kernel's
 *
 * Spans may overlap: a block of Normal between two of Movable.  So the span
 * does not say to whom a frame belongs; its block does.
 *
 * Offline: when nobody uses a frame of the block any more (memory_offline.c) it
 * is taken out again, and its struct pages are as new.
 *
 * Source: kernel documentation, admin-guide/mm/memory-hotplug (policy
 * contig-zones); recordings ("online" after "offline" of a whole DIMM: zone
 * Normal; the span shrinks with a block at its end).
 */
#include "kernel/memory_block.h"

#include "base/hostmem.h"
#include "kernel/page_alloc.h"
#include "kernel/page_isolation.h"

#include <errno.h>
#include <string.h>

static bool zone_spans(const struct zone *zone, struct memory_range range)
{
	return zone->spanned_pages > 0 && range.start < zone_end_pfn(zone) &&
	       range.end > zone->start_pfn;
}

struct zone *memory_zone_for(struct mmsim_machine *machine,
			     const struct memory_block *block,
			     enum online_type type)
{
	struct memory_range range = memory_block_range(machine, block);
	struct zone *zones = machine->nodes[block->node]->zones;
	struct zone *kernel = &zones[ZONE_NORMAL];
	struct zone *movable = &zones[ZONE_MOVABLE];

	for (int i = 0; i < ZONE_NORMAL; i++)
		if (zone_spans(&zones[i], range)) {
			kernel = &zones[i];
			break;
		}
	if (type == ONLINE_MOVABLE)
		return movable;
	if (type == ONLINE && zone_spans(movable, range) &&
	    !zone_spans(kernel, range))
		return movable;
	return kernel;
}

/* --- spans ------------------------------------------------------------ */

static void node_update_span(struct pglist_data *node)
{
	pfn_t start = UINT64_MAX, end = 0;

	node->present_pages = 0;
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node->zones[type];

		if (zone->spanned_pages == 0)
			continue;
		start = min_size(start, zone->start_pfn);
		end = max_size(end, zone_end_pfn(zone));
		node->present_pages += zone->present_pages;
	}
	node->start_pfn = end > 0 ? start : 0;
	node->spanned_pages = end > 0 ? end - start : 0;
}

static void zone_grow_span(struct zone *zone, struct memory_range range)
{
	pfn_t end = zone_end_pfn(zone);

	if (zone->spanned_pages == 0) {
		zone->start_pfn = range.start;
		end = range.end;
	}
	end = max_size(end, range.end);
	zone->start_pfn = min_size(zone->start_pfn, range.start);
	zone->spanned_pages = end - zone->start_pfn;
}

/* The range, which is not the zone's any more, was at an end of its span. */
static void zone_shrink_span(struct zone *zone, struct memory_range range)
{
	struct memory_range run = {0, 0};
	pfn_t first = 0, last = 0;

	while (zone_next_range(zone, &run)) {
		first = first ? first : run.start;
		last = run.end;
	}
	if (zone->present_pages == 0) {
		zone->start_pfn = 0;
		zone->spanned_pages = 0;
	} else if (zone->start_pfn == range.start) {
		zone->spanned_pages = zone_end_pfn(zone) - first;
		zone->start_pfn = first;
	} else if (zone_end_pfn(zone) == range.end) {
		zone->spanned_pages = last - zone->start_pfn;
	}
}

/* --- on --------------------------------------------------------------- */

static void zone_add_pages(struct zone *zone, int64_t nr_pages)
{
	zone->present_pages += (uint64_t)nr_pages;
	zone->managed_pages += (uint64_t)nr_pages;
	zone->node->machine->totalram_pages += (uint64_t)nr_pages;
}

int memory_block_online(struct mmsim_machine *machine,
			struct memory_block *block, enum online_type type)
{
	struct memory_range range = memory_block_range(machine, block);
	struct zone *zone = memory_zone_for(machine, block, type);
	bool was_populated = zone_is_populated(zone);

	if (block->state != MEMORY_OFFLINE)
		return -EINVAL;
	block->zone = zone;
	block->online_as = (uint8_t)type;
	memory_block_set_state(machine, block, MEMORY_ONLINE);
	memset(&machine->pageblocks[range.start >> PAGEBLOCK_ORDER],
	       MIGRATE_MOVABLE, (range.end - range.start) >> PAGEBLOCK_ORDER);
	zone_grow_span(zone, range);
	zone_add_pages(zone, (int64_t)(range.end - range.start));
	node_update_span(zone->node);
	buddy_add_range(zone, range.start, range.end);
	if (!was_populated) {
		zone_build_zonelists(machine);
		zone_log_zonelists(machine);
	}
	zone_choose_min_free_kbytes(machine);
	sysctl_memory_changed(machine, true);
	return 0;
}

/* --- off -------------------------------------------------------------- */

void memory_block_take_off(struct mmsim_machine *machine,
			   struct memory_block *block)
{
	struct memory_range range = memory_block_range(machine, block);
	struct zone *zone = memory_block_zone(machine, block);
	uint64_t nr_pages = range.end - range.start;

	page_isolation_remove(machine, range.start, range.end);
	/* as if they had never been used */
	hostmem_purge(&machine->mem_map[range.start],
		      nr_pages * sizeof(struct page));
	zone_add_pages(zone, -(int64_t)nr_pages);
	block->zone = NULL;
	block->node = (uint8_t)zone->node->id;
	memory_block_set_state(machine, block, MEMORY_OFFLINE);
	zone_choose_min_free_kbytes(machine);
	if (!zone_is_populated(zone)) {
		zone_build_zonelists(machine);
		zone_log_zonelists(machine);
	}
	zone_shrink_span(zone, range);
	node_update_span(zone->node);
	sysctl_memory_changed(machine, false);
}
