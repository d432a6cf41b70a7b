/*
 * reclaim.c: direct reclaim, and one pass over a node.
 *
 * A request that finds no memory reclaims for itself: the nodes that it may use
 * one after the other, first a 4096th of their lists (priority 12), then twice
 * as much, until 32 pages are free or the lists were looked at as a whole
 * (priority 0).
 *
 *   pass     counts for each list       reclaim_balance.c
 *            32 of each list in turn    reclaim_list.c
 *            shrinkers
 *
 * When enough is free in the middle of a pass it ends early, but in proportion:
 * the kind of pages of which less was to be looked at is done, the other goes
 * on until it has had the same part of its target.  Only direct reclaim at
 * priority 12 always looks at all it was to.
 *
 * Waiting: a node where all dirty pages that reclaim met are on their way to
 * the disk is congested; who reclaims there waits until some of them are
 * written, for 0.1 s at most.  So it does when it has found nothing to free and
 * most pages are being written.
 *
 * Simplified: no memory cgroups, no compaction in between.
 *
 * Source: M. Gorman, Understanding the Linux Virtual Memory Manager, chapter
 * 10; his descriptions of 5.16's throttling; recordings (pgscan_direct,
 * pgsteal_direct, allocstall_*).
 */
#include "kernel/reclaim.h"

#include "kernel/blkdev.h"
#include "kernel/kmem_cache.h"
#include "kernel/kthread.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/trace.h"

#include <string.h>

#define THROTTLE_NS ((uint64_t)100000000)

/* --- one pass ------------------------------------------------------------ */

/* Enough is free: lowers what is left to look at; false: it is nothing. */
static bool cut_targets(struct scan_control *sc)
{
	uint64_t *nr = sc->nr;
	uint64_t anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	uint64_t file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	int less = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	int more = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	uint64_t left = file > anon ? anon : file, percent;

	if (!anon || !file)
		return false;
	percent = left * 100 / (sc->targets[less] + sc->targets[less + 1] + 1);
	nr[less] = 0;
	nr[less + 1] = 0;
	for (int list = more; list <= more + 1; list++) {
		uint64_t done = sc->targets[list] - nr[list];
		uint64_t wanted = sc->targets[list] * (100 - percent) / 100;

		nr[list] = wanted > done ? wanted - done : 0;
	}
	sc->is_cut = true;
	return true;
}

void shrink_node_begin(struct pglist_data *node, struct scan_control *sc)
{
	sc->seen = (struct scan_seen){0};
	sc->pass_reclaimed = 0;
	sc->is_cut = false;
	scan_prepare(node, sc);
	scan_counts(node, sc, sc->nr);
	memcpy(sc->targets, sc->nr, sizeof(sc->targets));
}

bool shrink_node_batch(struct pglist_data *node, struct scan_control *sc)
{
	bool all = !sc->is_kswapd && sc->priority == DEF_PRIORITY;

	/* what is active is made inactive only along with the rest */
	if (!sc->nr[LRU_INACTIVE_ANON] && !sc->nr[LRU_INACTIVE_FILE] &&
	    !sc->nr[LRU_ACTIVE_FILE])
		return false;
	blkdev_poll(sc->machine);
	for (int list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
		uint64_t n = min_size(sc->nr[list], SWAP_CLUSTER_MAX);

		sc->nr[list] -= n;
		if (n)
			sc->pass_reclaimed +=
				shrink_list(node, (enum lru_list)list, n, sc);
	}
	if (sc->pass_reclaimed < sc->nr_to_reclaim || all || sc->is_cut)
		return true;
	return cut_targets(sc);
}

void reclaim_age_node(struct pglist_data *node, struct scan_control *sc)
{
	if (sc->machine->total_swap_pages > 0 &&
	    inactive_is_low(node, LRU_INACTIVE_ANON))
		shrink_active_list(node, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, sc);
}

/* Whoever runs sleeps until some writes have ended. */
static void throttle(struct scan_control *sc)
{
	struct mmsim_machine *machine = sc->machine;
	uint64_t until = blkdev_nth_end_ns(machine, SWAP_CLUSTER_MAX);

	if (until == UINT64_MAX)
		return;
	clock_wait_until(machine,
			 min_size(until, clock_now(machine) + THROTTLE_NS));
	blkdev_poll(machine);
}

/* Most of what could be freed is on its way to the disk. */
static bool node_is_waiting_for_writes(const struct pglist_data *node)
{
	uint64_t reclaimable = 0, writing = 0;

	if (node->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return false;
	for (int i = 0; i < MAX_NR_ZONES; i++) {
		reclaimable += zone_reclaimable_pages(&node->zones[i]);
		writing += node->zones[i].stat[NR_ZONE_WRITE_PENDING];
	}
	return 2 * writing > reclaimable;
}

/* What the pass met says how the next ones go about it, and who has to wait. */
static void judge_pass(struct pglist_data *node, struct scan_control *sc)
{
	const struct scan_seen *seen = &sc->seen;

	if (sc->is_kswapd) {
		if (seen->writeback && seen->writeback == seen->taken)
			node->reclaims_writeback = true;
		if (seen->unqueued_dirty == seen->file_taken)
			node->reclaims_dirty = true;
		if (seen->immediate)
			throttle(sc);
		if (seen->dirty && seen->dirty == seen->congested)
			node->is_congested = true;
	} else if (node->is_congested && node_is_waiting_for_writes(node)) {
		throttle(sc);
	}
}

void shrink_node_end(struct pglist_data *node, struct scan_control *sc)
{
	struct mmsim_machine *machine = sc->machine;
	uint64_t slab = machine->slab->nr_freed_pages;

	reclaim_age_node(node, sc);
	shrink_slab(machine, (unsigned)sc->priority);
	sc->pass_reclaimed += machine->slab->nr_freed_pages - slab;
	sc->nr_reclaimed += sc->pass_reclaimed;
	judge_pass(node, sc);
	if (sc->pass_reclaimed > 0)
		node->kswapd_failures = 0;
}

void shrink_node(struct pglist_data *node, struct scan_control *sc)
{
	shrink_node_begin(node, sc);
	while (shrink_node_batch(node, sc))
		clock_wait_until(sc->machine, blkdev_room_ns(sc->machine));
	shrink_node_end(node, sc);
}

void reclaim_note_refaults(struct pglist_data *node)
{
	for (int file = 0; file < 2; file++)
		node->lruvec.refaults[file] =
			node->stat[WORKINGSET_ACTIVATE_ANON + file];
}

/* --- direct reclaim ------------------------------------------------------ */

uint64_t zone_reclaimable_pages(const struct zone *zone)
{
	uint64_t nr = zone->stat[NR_ZONE_INACTIVE_FILE] +
		      zone->stat[NR_ZONE_ACTIVE_FILE];

	if (can_reclaim_anon(zone->node->machine))
		nr += zone->stat[NR_ZONE_INACTIVE_ANON] +
		      zone->stat[NR_ZONE_ACTIVE_ANON];
	return nr;
}

/* Calls `visit` for each node that the request may use, nearest first. */
static void for_each_node_of(const struct alloc_context *ac,
			     struct scan_control *sc,
			     void (*visit)(struct pglist_data *node,
					   struct scan_control *sc))
{
	const struct zonelist *zonelist = alloc_zonelist(ac);
	const struct pglist_data *last = NULL;

	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		struct pglist_data *node = zonelist->refs[i].zone->node;

		if (zonelist->refs[i].type > ac->highest || node == last ||
		    (ac->nodemask && !(ac->nodemask >> node->id & 1)))
			continue;
		last = node;
		visit(node, sc);
	}
}

static void visit_note_refaults(struct pglist_data *node,
				struct scan_control *sc)
{
	(void)sc;
	reclaim_note_refaults(node);
}

static void visit_throttle(struct pglist_data *node, struct scan_control *sc)
{
	if (sc->nr_reclaimed == 0 && node_is_waiting_for_writes(node))
		throttle(sc);
}

/* From priority 12 to 0, until there is enough. */
static void reclaim_by_priority(const struct alloc_context *ac,
				struct scan_control *sc)
{
	const struct pglist_data *node = sc->machine->nodes[ac->preferred_node];

	count_vm_event(sc->machine,
		       ALLOCSTALL_DMA + node->zones[sc->highest].event_row);
	for (sc->priority = DEF_PRIORITY; sc->priority >= 0; sc->priority--) {
		sc->nr_scanned = 0;
		for_each_node_of(ac, sc, shrink_node);
		if (sc->nr_reclaimed >= sc->nr_to_reclaim)
			break;
		if (sc->priority == 1)
			for_each_node_of(ac, sc, visit_throttle);
	}
	for_each_node_of(ac, sc, visit_note_refaults);
}

/* Less than half of the reserves of the zones that the kernel needs is left. */
static bool reserves_are_low(const struct pglist_data *node)
{
	uint64_t reserve = 0, free = 0;

	if (node->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return false;
	for (int i = 0; i <= ZONE_NORMAL; i++) {
		const struct zone *zone = &node->zones[i];

		if (zone_reclaimable_pages(zone) == 0)
			continue;
		reserve += zone_watermark(zone, WMARK_MIN);
		free += zone->stat[NR_FREE_PAGES];
	}
	return reserve > 0 && free <= reserve / 2;
}

/* Reclaim itself needs some memory: kswapd goes first when it is nearly gone.
 */
static void wait_for_kswapd(const struct alloc_context *ac)
{
	struct mmsim_machine *machine = ac->machine;
	struct pglist_data *node = machine->nodes[ac->preferred_node];

	if (!ac->task || !reserves_are_low(node))
		return;
	count_vm_event(machine, PGSCAN_DIRECT_THROTTLE);
	for (int i = 0; i < MAX_RECLAIM_RETRIES && reserves_are_low(node);
	     i++) {
		for (int z = ZONE_NORMAL; z >= 0; z--)
			kswapd_wake(&node->zones[z], 0, ZONE_NORMAL);
		clock_wait_until(machine,
				 min_size(blkdev_next_end_ns(machine),
					  clock_now(machine) + THROTTLE_NS));
		blkdev_poll(machine);
		kthread_run_due(machine);
	}
}

uint64_t try_to_free_pages(const struct alloc_context *ac)
{
	struct mmsim_machine *machine = ac->machine;
	struct scan_control sc = {
		.machine = machine,
		.task = ac->task,
		.gfp = ac->gfp,
		.order = ac->order,
		.highest = ac->highest,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};

	uint64_t start_ns = clock_now(machine);

	ASSERT(!machine->is_reclaiming);
	wait_for_kswapd(ac);
	trace_request(ac, TRACE_DIRECT_BEGIN, ac->order);
	machine->is_reclaiming = true;
	reclaim_by_priority(ac, &sc);
	/* the lists' proportions were taken for granted so far */
	if (sc.nr_reclaimed == 0 && sc.skipped_deactivate) {
		sc.force_deactivate = true;
		reclaim_by_priority(ac, &sc);
	}
	machine->is_reclaiming = false;
	if (ac->task)
		machine->direct_reclaim_ns += clock_now(machine) - start_ns;
	trace_request(ac, TRACE_DIRECT_END, sc.nr_reclaimed);
	return sc.nr_reclaimed;
}

/* --- one page ------------------------------------------------------------ */

bool reclaim_page(struct mmsim_machine *machine, struct page *page)
{
	struct pglist_data *node = machine_node_of(machine, page);
	struct scan_control sc = {
		.machine = machine,
		.task = machine->current,
		.gfp = GFP_KERNEL,
		.highest = MAX_NR_ZONES - 1,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
		.ignore_references = true,
	};
	struct batch_result result = {0};
	bool was_reclaiming = machine->is_reclaiming;
	struct list_head pages;

	ASSERT(page_has(page, PG_lru));
	list_init(&pages);
	page_get(page);
	lru_del(machine, page);
	page_clear(page, PG_active);
	list_add(&page->lru, &pages);
	machine->is_reclaiming = true;
	shrink_pages(node, &pages, &sc, &result);
	machine->is_reclaiming = was_reclaiming;
	reclaim_put_back(node, &pages);
	return result.nr_reclaimed > 0;
}
