/*
 * page_alloc.c: getting and giving back page frames.
 *
 * A request walks the zones in its zonelist: those of the nearest node first,
 * the highest zone first.  A zone serves while its free pages stay above
 *
 *     mark + protection[class of the request]
 *
 * The mark is low at first.  When every zone has refused, the slow path wakes
 * kswapd and walks again with the mark min, of which some may take a part:
 *
 *     GFP_F_HIGH              1/2 of min
 *     GFP_F_ATOMIC            1/4 of what is left (5/8 of min with HIGH)
 *     killed by the OOM killer  1/2
 *     GFP_F_MEMALLOC          all: no mark at all
 *
 * A request that may sleep (GFP_F_DIRECT_RECLAIM) then reclaims, takes what
 * other CPUs hold on their lists, and at last has a task killed and tries
 * again.  Blocks above order 3, and requests that only low zones can serve, do not
 * kill.
 *
 * A request for a block compacts (compaction.c): above order 3, or when its
 * pages cannot be moved, before anything is reclaimed; after each reclaim; and
 * with all effort before somebody is killed.
 *
 * Sources: kernel documentation, core-api/memory-allocation and mm-api;
 * recordings for the order of these steps.
 */
#include "kernel/page_alloc.h"

#include "kernel/compaction.h"
#include "kernel/kthread.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/oom.h"
#include "kernel/reclaim.h"
#include "kernel/trace.h"

enum { PAGE_ALLOC_COSTLY_ORDER = 3 };

/* The flags that a page of this zone has when it is given out. */
static ALWAYS_INLINE uint64_t page_alloc_place(const struct zone *zone)
{
	return (uint64_t)zone->type << PAGE_FLAGS_ZONE_SHIFT |
	       (uint64_t)zone->node->id << PAGE_FLAGS_NODE_SHIFT;
}

static unsigned page_alloc_cpu(const struct alloc_context *ac)
{
	return ac->task ? ac->task->cpu : 0;
}

static enum vm_event_item page_alloc_event(const struct zone *zone,
					   enum vm_event_item first)
{
	return first + zone->event_row;
}

/* Every frame of a block of several is made new. */
static void page_alloc_prepare_block(const struct zone *zone, struct page *page,
				     gfp_t gfp, unsigned order)
{
	bool compound = gfp & GFP_F_COMP;

	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		page[i].flags = page_alloc_place(zone);
		page[i].refcount = 0;
		page[i].mapcount = 0;
		page[i].mapping = NULL;
		page[i].index = 0;
		page[i].private = 0;
		list_init(&page[i].lru);
		if (compound && i > 0) {
			page_set(&page[i], PG_tail);
			page[i].private = i;
		}
	}
	page->flags |= (uint64_t)order << PAGE_FLAGS_ORDER_SHIFT;
	if (compound)
		page_set(page, PG_head);
	page->refcount = 1;
}

static ALWAYS_INLINE void page_alloc_prepare(const struct zone *zone,
					     struct page *page)
{
	page->flags = page_alloc_place(zone);
	page->refcount = 1;
	page->mapcount = 0;
	list_init(&page->lru);
	page->mapping = NULL;
	page->index = 0;
	page->private = 0;
}

/* numa_hit and its like: did the request get the node that it wanted, and is
 * it the one that it runs on? */
static ALWAYS_INLINE void page_alloc_count(const struct alloc_context *ac,
					   struct zone *preferred,
					   struct zone *zone)
{
	struct mmsim_machine *machine = ac->machine;

	machine->vm_events[page_alloc_event(zone, PGALLOC_DMA)] +=
		(uint64_t)1 << ac->order;
	if (LIKELY(zone->node == preferred->node)) {
		zone->numa_stat[NUMA_HIT]++;
	} else {
		zone->numa_stat[NUMA_MISS]++;
		preferred->numa_stat[NUMA_FOREIGN]++;
	}
	if (machine->cpu_node[page_alloc_cpu(ac)] == zone->node->id)
		zone->numa_stat[NUMA_LOCAL]++;
	else
		zone->numa_stat[NUMA_OTHER]++;
}

static ALWAYS_INLINE struct page *
page_alloc_from_zone(const struct alloc_context *ac, struct zone *zone)
{
	enum migratetype migratetype = gfp_migratetype(ac->gfp);
	struct page *page;

	if (LIKELY(ac->order == 0)) {
		page = pcp_alloc(zone, page_alloc_cpu(ac), migratetype);
		if (LIKELY(page != NULL))
			page_alloc_prepare(zone, page);
		return page;
	}
	page = buddy_alloc(zone, ac->order, migratetype);
	if (page)
		page_alloc_prepare_block(zone, page, ac->gfp, ac->order);
	return page;
}

const struct zonelist *alloc_zonelist(const struct alloc_context *ac)
{
	const struct pglist_data *node = ac->machine->nodes[ac->preferred_node];

	return ac->gfp & GFP_F_THISNODE ? &node->nofallback : &node->fallback;
}

static ALWAYS_INLINE bool page_alloc_may_use(const struct alloc_context *ac,
					     const struct zoneref *ref)
{
	return ref->type <= ac->highest &&
	       (!ac->nodemask || (ac->nodemask >> ref->zone->node->id & 1));
}

/* The zone would stay above its mark.  The flags only lower the mark, so that a
 * single page needs no more than one comparison as a rule. */
static ALWAYS_INLINE bool page_alloc_has_room(const struct alloc_context *ac,
					      const struct zone *zone,
					      unsigned alloc_flags)
{
	uint64_t mark = zone_watermark(zone, alloc_flags & ALLOC_WMARK_MASK);

	if (LIKELY(ac->order == 0 &&
		   zone->stat[NR_FREE_PAGES] >
			   mark + zone->protection[ac->highest] +
				   zone->nr_reserved_highatomic))
		return true;
	return zone_watermark_ok(zone, ac->order, mark, ac->highest,
				 alloc_flags);
}

/* The zone would not stay above its mark: it is reclaimed before another, which
 * may be far, is asked (zone_reclaim_mode). */
static bool page_alloc_makes_room(const struct alloc_context *ac,
				  const struct zone *preferred,
				  struct zone *zone, unsigned alloc_flags)
{
	return node_reclaim_is_on(ac->machine) &&
	       node_reclaim(ac, preferred, zone) &&
	       page_alloc_has_room(ac, zone, alloc_flags);
}

/* One walk over the zones: the first that would stay above its mark. */
static ALWAYS_INLINE struct page *
page_alloc_walk(const struct alloc_context *ac, unsigned alloc_flags)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);
	struct zone *preferred = NULL;

	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		struct zone *zone = zonelist->refs[i].zone;
		struct page *page;

		if (!page_alloc_may_use(ac, &zonelist->refs[i]))
			continue;
		if (!preferred)
			preferred = zone;
		if (!(alloc_flags & ALLOC_NO_WATERMARKS) &&
		    !page_alloc_has_room(ac, zone, alloc_flags) &&
		    !page_alloc_makes_room(ac, preferred, zone, alloc_flags))
			continue;
		page = page_alloc_from_zone(ac, zone);
		if (LIKELY(page != NULL)) {
			page_alloc_count(ac, preferred, zone);
			return page;
		}
	}
	return NULL;
}

static COLD_FAR struct page *page_alloc_try(const struct alloc_context *ac,
					    unsigned alloc_flags)
{
	return page_alloc_walk(ac, alloc_flags);
}

static COLD_FAR void page_alloc_wake_kswapds(const struct alloc_context *ac)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);
	const struct pglist_data *last = NULL;

	if (!(ac->gfp & GFP_F_KSWAPD_RECLAIM))
		return;
	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		struct zone *zone = zonelist->refs[i].zone;

		if (!page_alloc_may_use(ac, &zonelist->refs[i]) ||
		    zone->node == last)
			continue;
		last = zone->node;
		/* what is free may be in pieces */
		if (!kswapd_wake(zone, ac->order, ac->highest) &&
		    !(ac->gfp & GFP_F_DIRECT_RECLAIM))
			kcompactd_wake(zone->node, ac->order, ac->highest);
	}
	/* With one CPU it takes it at once, from those who can sleep: nobody
	 * else expects pages to go. */
	if ((ac->gfp & GFP_F_DIRECT_RECLAIM) && !ac->machine->is_reclaiming)
		kthread_run_due(ac->machine);
}

/* How deep the request may go in the slow path. */
static COLD_FAR unsigned page_alloc_flags(const struct alloc_context *ac)
{
	unsigned flags = ALLOC_WMARK_MIN;

	if (ac->gfp & GFP_F_HIGH)
		flags |= ALLOC_HIGH;
	if ((ac->gfp & GFP_F_ATOMIC) && !(ac->gfp & GFP_F_NOMEMALLOC))
		flags |= ALLOC_HARDER;
	if (ac->gfp & GFP_F_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (ac->gfp & GFP_F_NOMEMALLOC)
		return flags;
	if ((ac->gfp & GFP_F_MEMALLOC) || ac->machine->is_reclaiming)
		flags |= ALLOC_NO_WATERMARKS;
	else if (ac->task && ac->task->is_oom_victim)
		flags |= ALLOC_OOM;
	return flags;
}

/* The request is of a kind for which a task may be killed. */
static bool page_alloc_may_kill(const struct alloc_context *ac)
{
	gfp_t gentle = GFP_F_RETRY_MAYFAIL | GFP_F_NORETRY | GFP_F_THISNODE;

	if (ac->order > PAGE_ALLOC_COSTLY_ORDER || (ac->gfp & gentle))
		return false;
	return ac->highest >= ZONE_NORMAL;
}

/* The task was killed meanwhile: it need not get what it asked for. */
static bool page_alloc_is_dying(const struct alloc_context *ac)
{
	return ac->task &&
	       (ac->task->is_oom_victim || ac->task->pending_signal != 0);
}

/* Compacts for the request, if it is for a block, and tries it again. */
static COLD_FAR struct page *page_alloc_compact(const struct alloc_context *ac,
						enum compact_priority priority)
{
	struct page *page;

	if (ac->order == 0 || !compact_for_request(ac, priority))
		return NULL;
	page = page_alloc_try(ac, page_alloc_flags(ac));
	compact_tell(ac, page);
	return page;
}

/* The block need not be made of freshly freed memory. */
static struct page *page_alloc_compact_first(const struct alloc_context *ac)
{
	if (ac->order <= PAGE_ALLOC_COSTLY_ORDER &&
	    gfp_migratetype(ac->gfp) == MIGRATE_MOVABLE)
		return NULL;
	return page_alloc_compact(ac, COMPACT_ASYNC);
}

/* Reclaims for the request, and tries it again; *nr_freed: with what success. */
static struct page *page_alloc_reclaim(const struct alloc_context *ac,
				       uint64_t *nr_freed)
{
	struct page *page;

	*nr_freed = compact_is_ready(ac) ? 0 : try_to_free_pages(ac);
	if (*nr_freed == 0)
		return NULL;
	page = page_alloc_try(ac, page_alloc_flags(ac));
	if (page)
		return page;
	/* what was freed may wait on the CPUs' lists */
	pcp_drain_all(ac->machine);
	return page_alloc_try(ac, page_alloc_flags(ac));
}

/* Some zone could serve the request if all that can be reclaimed were free. */
static bool page_alloc_may_help(const struct alloc_context *ac)
{
	const struct zonelist *zonelist = alloc_zonelist(ac);

	for (unsigned i = 0; i < zonelist->nr_refs; i++) {
		const struct zone *zone = zonelist->refs[i].zone;

		if (page_alloc_may_use(ac, &zonelist->refs[i]) &&
		    zone_watermark_could_be_ok(
			    zone, ac->order, zone_watermark(zone, WMARK_MIN),
			    ac->highest, page_alloc_flags(ac),
			    zone->stat[NR_FREE_PAGES] +
				    zone_reclaimable_pages(zone)))
			return true;
	}
	return false;
}

/* Reclaim is worth another try: up to 16 without success. */
static bool page_alloc_should_retry(const struct alloc_context *ac,
				    uint64_t nr_freed, unsigned *nr_futile)
{
	if (nr_freed > 0 && ac->order <= PAGE_ALLOC_COSTLY_ORDER)
		*nr_futile = 0;
	else
		++*nr_futile;
	return *nr_futile <= MAX_RECLAIM_RETRIES && page_alloc_may_help(ac);
}

/* Nothing helps but a task's memory; *goes_on: the request is tried again. */
static struct page *page_alloc_kill(const struct alloc_context *ac,
				    bool *goes_on)
{
	/* somebody may just have freed a lot */
	struct page *page = page_alloc_try(ac, ALLOC_WMARK_HIGH);

	*goes_on = false;
	if (page || !page_alloc_may_kill(ac))
		return page;
	page = page_alloc_compact(ac, COMPACT_FULL);
	if (page || !out_of_memory(ac))
		return page;
	*goes_on = true;
	pcp_drain_all(ac->machine);
	return page_alloc_try(ac, page_alloc_flags(ac) |
					  ALLOC_OOM * page_alloc_is_dying(ac));
}

/* Sleeps until there is memory: reclaims, drains, kills. */
static struct page *page_alloc_direct(const struct alloc_context *ac)
{
	/* for a page that need not be had, no waiting */
	enum compact_priority priority =
		ac->gfp & GFP_F_NORETRY ? COMPACT_ASYNC : COMPACT_SYNC;
	struct page *page = page_alloc_compact_first(ac);
	unsigned nr_futile = 0;
	bool goes_on = true;

	while (!page && goes_on) {
		uint64_t nr_freed;

		page = page_alloc_reclaim(ac, &nr_freed);
		if (!page)
			page = page_alloc_compact(ac, priority);
		if (page)
			return page;
		if (page_alloc_is_dying(ac) && !(ac->gfp & GFP_F_NOFAIL))
			return NULL;
		if ((ac->gfp & GFP_F_NORETRY) ||
		    (ac->order > PAGE_ALLOC_COSTLY_ORDER &&
		     !(ac->gfp & GFP_F_RETRY_MAYFAIL)))
			return NULL;
		if (page_alloc_should_retry(ac, nr_freed, &nr_futile)) {
			page_alloc_wake_kswapds(ac);
			page = page_alloc_try(ac, page_alloc_flags(ac));
		} else {
			page = page_alloc_kill(ac, &goes_on);
			nr_futile = 0;
		}
	}
	return page;
}

static COLD_FAR struct page *page_alloc_slow(const struct alloc_context *ac)
{
	bool may_sleep = (ac->gfp & GFP_F_DIRECT_RECLAIM) &&
			 !(ac->gfp & GFP_F_MEMALLOC) &&
			 !ac->machine->is_reclaiming;
	struct page *page;

	trace_marks(ac->machine);
	page_alloc_wake_kswapds(ac);
	page = page_alloc_try(ac, page_alloc_flags(ac));
	if (!page && may_sleep)
		page = page_alloc_direct(ac);
	if (!page && (ac->gfp & GFP_F_NOFAIL) && !ac->machine->has_panicked)
		page = page_alloc_try(ac, ALLOC_NO_WATERMARKS);
	return page;
}

struct page *alloc_pages_node(struct mmsim_machine *machine,
			      struct mmsim_task *task, gfp_t gfp,
			      unsigned order, unsigned node,
			      nodemask_t nodemask)
{
	const struct alloc_context ac = {
		.machine = machine,
		.task = task,
		.gfp = gfp,
		.order = order,
		.highest = gfp_zone(machine, gfp),
		.preferred_node = node,
		.nodemask = nodemask,
	};
	struct page *page;

	if (UNLIKELY(order >= MAX_ORDER))
		return NULL;
	machine->current_cpu = page_alloc_cpu(&ac);
	page = page_alloc_walk(&ac, ALLOC_WMARK_LOW);
	if (UNLIKELY(!page))
		page = page_alloc_slow(&ac);
	return page;
}

struct page *alloc_pages(struct mmsim_machine *machine, struct mmsim_task *task,
			 gfp_t gfp, unsigned order)
{
	unsigned cpu = task ? task->cpu : 0;

	if (UNLIKELY(task && task->policy && !(gfp & GFP_F_THISNODE)))
		return mempolicy_alloc_pages(task, gfp, order);
	return alloc_pages_node(machine, task, gfp, order,
				machine->cpu_node[cpu], 0);
}

void free_pages(struct mmsim_machine *machine, struct page *page,
		unsigned order)
{
	struct zone *zone = machine_zone_of(machine, page);

	ASSERT(!page_has(page, PG_buddy | PG_lru | PG_tail));
	ASSERT(page->mapcount == 0);
	machine->vm_events[PGFREE] += (uint64_t)1 << order;
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		if (page[i].data)
			page_content_drop(machine, &page[i]);
		page[i].flags = page_alloc_place(zone);
		page[i].refcount = 0;
		page[i].mapping = NULL;
	}
	if (LIKELY(order == 0))
		pcp_free(zone, machine->current_cpu, page);
	else
		buddy_free(zone, page, order,
			   pageblock_migratetype(machine,
						 page_pfn(machine, page)));
}

void page_put(struct mmsim_machine *machine, struct page *page)
{
	page = page_head(page);
	ASSERT(page->refcount > 0);
	if (--page->refcount > 0)
		return;
	if (UNLIKELY(page_has(page, PG_mlocked)))
		mlock_clear_page(machine, page);
	if (page_has(page, PG_lru))
		lru_del(machine, page);
	if (page_has(page, PG_head))
		thp_forget_split(machine, page);
	free_pages(machine, page, page_order(page));
}
