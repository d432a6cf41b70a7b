/*
 * compaction.c: a fragmented zone makes room for a large block.
 *
 *     before   | u . u . | . u . . | u . . u | . . u . |
 *     after    | . . . . | . . . . | u . u u | u u u . |
 *
 * Used pages that can be moved go from the bottom of the zone to free pages at
 * its top, until a block of the wanted order has come about or the two scanners
 * (compaction_scan.c) meet.
 *
 * Is it worth while?  Not when too little is free: besides the watermark there
 * must be room for the pages on the move, twice the block.  And for costly
 * orders (above 3) not when memory is rather short than in pieces, which
 *
 *     fragmentation index = 1 - (1 + free pages / pages wanted) / free blocks
 *
 * tells: at vm.extfrag_threshold or below reclaim is the better way.
 *
 * Where it failed, from end to end, it is not tried for the next 1, 2, 4 ... 64
 * requests of this order or a larger one; success ends that.  It goes on where
 * the last request left off, and starts over when the scanners have met; then
 * the skip marks are forgotten as well.
 *
 *   vmstat   compact_stall        a request has compacted
 *            compact_success,     and got its block, or not
 *            compact_fail
 *            compact_migrate_scanned, compact_free_scanned, compact_isolated
 *
 * Simplified: no capture of the block for the request that made it (nobody else
 * runs); a first look does not leave out aligned blocks of which one page
 * cannot be moved; skip marks are forgotten at the next request instead of when
 * kswapd falls asleep.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm (compact_memory,
 * extfrag_threshold); LWN, "Memory compaction" (2010); recordings.
 */
#include "kernel/compaction.h"

#include "kernel/memory_block.h"

#include <errno.h>

enum {
	COMPACT_COSTLY_ORDER = 3,
	COMPACT_MAX_DEFER_SHIFT = 6,
	PAGEBLOCK_NR = 1 << PAGEBLOCK_ORDER,
};

/* --- worth while? ----------------------------------------------------- */

/* Free blocks: all, those that are large enough, and their pages. */
struct free_blocks {
	uint64_t nr_blocks, nr_suitable, nr_pages, nr_suitable_pages;
};

static struct free_blocks compact_count_free(const struct zone *zone,
					     unsigned order)
{
	struct free_blocks free = {0};

	for (unsigned i = 0; i < MAX_ORDER; i++) {
		uint64_t nr = 0;

		for (unsigned type = 0; type < MIGRATE_TYPES; type++)
			nr += buddy_nr_free(zone, i, type);
		free.nr_blocks += nr;
		free.nr_pages += nr << i;
		if (i >= order) {
			free.nr_suitable += nr;
			free.nr_suitable_pages += nr << i;
		}
	}
	return free;
}

int fragmentation_index(const struct zone *zone, unsigned order)
{
	struct free_blocks free = compact_count_free(zone, order);
	uint64_t share = 1000 + free.nr_pages * 1000 / ((uint64_t)1 << order);

	if (free.nr_blocks == 0)
		return 0;
	if (free.nr_suitable > 0)
		return -1000;
	return 1000 - (int)(share / free.nr_blocks);
}

unsigned unusable_free_index(const struct zone *zone, unsigned order)
{
	struct free_blocks free = compact_count_free(zone, order);

	if (free.nr_pages == 0)
		return 1000;
	return (unsigned)((free.nr_pages - free.nr_suitable_pages) * 1000 /
			  free.nr_pages);
}

static enum compact_result compact_is_suitable(const struct zone *zone,
					       unsigned order,
					       enum zone_type highest)
{
	uint64_t threshold =
		(uint64_t)zone->node->machine->vm.extfrag_threshold;
	uint64_t mark = zone_watermark(zone, WMARK_MIN);
	uint64_t gap = (uint64_t)2 << order;
	int index;

	if (zone_watermark_ok(zone, order, mark, highest, 0))
		return COMPACT_SUCCESS;
	if (order > COMPACT_COSTLY_ORDER)
		mark = zone_watermark(zone, WMARK_LOW);
	if (!zone_watermark_ok(zone, 0, mark + gap, highest, 0))
		return COMPACT_SKIPPED;
	index = fragmentation_index(zone, order);
	if (order > COMPACT_COSTLY_ORDER && index >= 0 &&
	    (uint64_t)index <= threshold)
		return COMPACT_SKIPPED;
	return COMPACT_CONTINUE;
}

/* --- after a failure -------------------------------------------------- */

static void compact_defer(struct zone *zone, unsigned order)
{
	zone->compact_considered = 0;
	if (zone->compact_defer_shift < COMPACT_MAX_DEFER_SHIFT)
		zone->compact_defer_shift++;
	if (order < zone->compact_order_failed || !zone->compact_order_failed)
		zone->compact_order_failed = order;
}

static bool compact_is_deferred(struct zone *zone, unsigned order)
{
	if (!zone->compact_order_failed || order < zone->compact_order_failed)
		return false;
	return ++zone->compact_considered < 1u << zone->compact_defer_shift;
}

/* The zone could be compacted for this order. */
static void compact_end_deferral(struct zone *zone, unsigned order)
{
	zone->compact_considered = 0;
	zone->compact_defer_shift = 0;
	if (order >= zone->compact_order_failed)
		zone->compact_order_failed = order + 1;
}

/* --- one zone --------------------------------------------------------- */

/* There is a block for the request, of its own type or to be had from another.
 */
static bool compact_has_block(const struct compact_control *cc)
{
	for (unsigned i = (unsigned)cc->order; i < MAX_ORDER; i++)
		for (unsigned type = 0; type < MIGRATE_PCPTYPES; type++)
			if (buddy_nr_free(cc->zone, i, type) > 0)
				return true;
	return false;
}

static enum compact_result compact_state(const struct compact_control *cc)
{
	if (compact_have_met(cc))
		return cc->priority == COMPACT_FULL ? COMPACT_COMPLETE
						    : COMPACT_PARTIAL;
	if (cc->order == COMPACT_WHOLE || cc->is_proactive)
		return COMPACT_CONTINUE;
	/* a pageblock that was begun is finished, against mixing of types */
	if (!is_aligned(cc->migrate_pfn, PAGEBLOCK_NR))
		return COMPACT_CONTINUE;
	return compact_has_block(cc) ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

static void compact_forget_marks(struct zone *zone)
{
	struct mmsim_machine *machine = zone->node->machine;
	struct memory_range range = {0, 0};

	while (zone_next_range(zone, &range))
		for (pfn_t pfn = range.start; pfn < range.end;
		     pfn += PAGEBLOCK_NR)
			pageblock_set_skipped(machine, pfn, false);
	zone->compact_migrate_pfn = 0;
	zone->compact_free_pfn = 0;
	zone->compact_forgets = false;
}

static void compact_begin(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	pfn_t last = zone_end_pfn(zone) - 1;

	if (zone->compact_forgets)
		compact_forget_marks(zone);
	cc->migrate_pfn = zone->compact_migrate_pfn;
	cc->free_pfn = zone->compact_free_pfn;
	/* the zone may have another span by now */
	if (cc->priority == COMPACT_FULL || cc->migrate_pfn < zone->start_pfn ||
	    cc->migrate_pfn > last)
		cc->migrate_pfn = zone->start_pfn;
	if (cc->priority == COMPACT_FULL || cc->free_pfn < zone->start_pfn ||
	    cc->free_pfn > last)
		cc->free_pfn = align_down(last, PAGEBLOCK_NR);
}

static void compact_end(struct compact_control *cc, enum compact_result result)
{
	struct mmsim_machine *machine = cc->control.machine;
	struct zone *zone = cc->zone;

	compact_release_free(cc);
	zone->compact_migrate_pfn = cc->migrate_pfn;
	zone->compact_free_pfn = cc->free_pfn;
	if (result == COMPACT_COMPLETE || result == COMPACT_PARTIAL)
		zone->compact_forgets = true;
	clock_charge(machine, cc->control.task,
		     (cc->nr_migrate_scanned + cc->nr_free_scanned) *
			     COST_RECLAIM_SCAN);
	count_vm_events(machine, COMPACTMIGRATE_SCANNED,
			cc->nr_migrate_scanned);
	count_vm_events(machine, COMPACTFREE_SCANNED, cc->nr_free_scanned);
}

static enum compact_result compact_zone(struct compact_control *cc)
{
	enum compact_result result;

	list_init(&cc->migrate_pages);
	list_init(&cc->free_pages);
	compact_begin(cc);
	while ((result = compact_state(cc)) == COMPACT_CONTINUE) {
		int err;

		compact_isolate_used(cc);
		err = migrate_pages(&cc->control, &cc->migrate_pages);
		migrate_putback(cc->control.machine, &cc->migrate_pages);
		cc->nr_migrate_pages = 0;
		if (err == -ENOMEM && !compact_have_met(cc)) {
			result = COMPACT_CONTENDED;
			break;
		}
	}
	compact_end(cc, result);
	return result;
}

static struct compact_control compact_control_of(struct zone *zone,
						 struct mmsim_task *task,
						 enum compact_priority priority)
{
	return (struct compact_control){
		.control =
			{
				.machine = zone->node->machine,
				.task = task,
				.may_wait = priority != COMPACT_ASYNC,
				.new_page = compact_new_page,
				.free_page = compact_free_page,
			},
		.zone = zone,
		.priority = priority,
	};
}

/* --- requests --------------------------------------------------------- */

static enum compact_result compact_zone_for(const struct alloc_context *ac,
					    struct zone *zone,
					    enum compact_priority priority)
{
	struct compact_control cc =
		compact_control_of(zone, ac->task, priority);
	enum compact_result result;

	if (priority != COMPACT_FULL && compact_is_deferred(zone, ac->order))
		return COMPACT_DEFERRED;
	result = compact_is_suitable(zone, ac->order, ac->highest);
	if (result == COMPACT_CONTINUE) {
		cc.order = (int)ac->order;
		cc.migratetype = gfp_migratetype(ac->gfp);
		result = compact_zone(&cc);
	}
	if (result == COMPACT_SUCCESS)
		compact_end_deferral(zone, ac->order);
	else if (priority != COMPACT_ASYNC && result >= COMPACT_PARTIAL &&
		 result <= COMPACT_COMPLETE)
		compact_defer(zone, ac->order);
	return result;
}

/* The zone may serve the request. */
static bool compact_may_use(const struct alloc_context *ac,
			    const struct zoneref *ref)
{
	return ref->type <= ac->highest &&
	       (!ac->nodemask || (ac->nodemask >> ref->zone->node->id & 1));
}

bool compact_is_ready(const struct alloc_context *ac)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);

	for (unsigned i = 0;
	     ac->order > COMPACT_COSTLY_ORDER && i < zonelist->nr_refs; i++) {
		const struct zone *zone = zonelist->refs[i].zone;
		uint64_t mark = zone_watermark(zone, WMARK_HIGH) +
				((uint64_t)2 << ac->order);

		if (compact_may_use(ac, &zonelist->refs[i]) &&
		    zone_watermark_ok(zone, 0, mark, ac->highest, 0))
			return true;
	}
	return false;
}

bool compact_for_request(const struct alloc_context *ac,
			 enum compact_priority priority)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);
	enum compact_result best = COMPACT_SKIPPED;

	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		struct zone *zone = zonelist->refs[i].zone;
		enum compact_result result;

		if (!compact_may_use(ac, &zonelist->refs[i]))
			continue;
		result = compact_zone_for(ac, zone, priority);
		if (result > best)
			best = result;
		if (result == COMPACT_SUCCESS)
			break;
	}
	if (best == COMPACT_SKIPPED || best == COMPACT_DEFERRED)
		return false;
	count_vm_event(ac->machine, COMPACTSTALL);
	return true;
}

void compact_tell(const struct alloc_context *ac, const struct page *page)
{
	count_vm_event(ac->machine, page ? COMPACTSUCCESS : COMPACTFAIL);
	if (page)
		compact_end_deferral(machine_zone_of(ac->machine, page),
				     ac->order);
}

void compact_in_background(struct zone *zone, unsigned order, bool is_proactive)
{
	struct mmsim_machine *machine = zone->node->machine;
	struct compact_control cc =
		compact_control_of(zone, NULL, COMPACT_SYNC);
	enum compact_result result;

	if (!is_proactive &&
	    (compact_is_deferred(zone, order) ||
	     compact_is_suitable(zone, order, zone->type) != COMPACT_CONTINUE))
		return;
	cc.order = (int)order;
	cc.migratetype = MIGRATE_MOVABLE;
	cc.is_proactive = is_proactive;
	result = compact_zone(&cc);
	count_vm_events(machine, KCOMPACTD_MIGRATE_SCANNED,
			cc.nr_migrate_scanned);
	count_vm_events(machine, KCOMPACTD_FREE_SCANNED, cc.nr_free_scanned);
	if (result == COMPACT_SUCCESS) {
		compact_end_deferral(zone, order);
	} else if (result == COMPACT_PARTIAL && !is_proactive) {
		/* single pages may wait on the CPUs' lists */
		pcp_drain_all(machine);
		compact_defer(zone, order);
	}
}

void compact_node(struct pglist_data *node)
{
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &node->zones[type];
		struct compact_control cc =
			compact_control_of(zone, NULL, COMPACT_FULL);

		if (zone->managed_pages == 0)
			continue;
		cc.order = COMPACT_WHOLE;
		compact_zone(&cc);
	}
}
