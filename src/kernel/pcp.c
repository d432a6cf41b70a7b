/*
 * pcp.c: per-CPU lists of single pages, between the allocator and the buddy
 * lists.
 *
 * A page that was just freed is given out next, while it is warm in the
 * caches, and the zone's lock is taken once for a batch of pages instead of
 * for each.  An empty list is filled with `batch` pages; when all lists of the
 * CPU hold `high` pages, `batch` of the coldest go back, or more when pages are
 * only freed, as reclaim does.  Pages that wait here
 * are not counted as free, so that a zone may seem to have up to `high` pages
 * a CPU less than it has.
 *
 *     batch: a quarter of a thousandth of the zone, at most 64 pages, rounded
 *            to a power of two less one
 *     high:  what keeps all CPUs together at the low watermark (5.14 and
 *            later); 6 batches before
 *
 * A page that waits: refcount 0, no flags, `private` its migrate type.
 *
 * Simplified: single pages only (Linux keeps orders 1 to 3 and huge pages
 * here, too).
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm
 * (percpu_pagelist_high_fraction); the recordings' zoneinfo.
 */
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

static int pcp_batch(const struct mmsim_machine *machine, uint64_t managed)
{
	uint64_t limit = machine->profile >= PROFILE_6_1
				 ? MIB / PAGE_SIZE
				 : 512 * KIB / PAGE_SIZE;
	uint64_t batch = min_size(managed / 1024, limit) / 4;

	if (batch < 1)
		batch = 1;
	batch = ((uint64_t)1 << log2_floor(batch + batch / 2)) - 1;
	return batch > 1 ? (int)batch : 1;
}

/* CPUs that share a zone's limit: those of its node, or all when it has none.
 */
static unsigned pcp_nr_sharing(const struct zone *zone)
{
	const struct mmsim_machine *machine = zone->node->machine;
	unsigned nr_cpus = 0;

	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
		nr_cpus += machine->cpu_node[cpu] == zone->node->id;
	return nr_cpus > 0 ? nr_cpus : machine->nr_cpus;
}

static int pcp_high(const struct zone *zone, int batch)
{
	const struct mmsim_machine *machine = zone->node->machine;
	uint64_t fraction = (uint64_t)machine->vm.percpu_pagelist_high_fraction;
	uint64_t total = zone->watermark[WMARK_LOW];
	int high;

	if (machine->profile < PROFILE_6_1)
		return 6 * batch;
	if (fraction > 0)
		total = zone->managed_pages / fraction;
	high = (int)(total / pcp_nr_sharing(zone));
	return high > 4 * batch ? high : 4 * batch;
}

void pcp_setup(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			struct zone *zone = &node->zones[type];
			int batch, high;

			if (zone->managed_pages == 0)
				continue;
			batch = pcp_batch(machine, zone->managed_pages);
			high = pcp_high(zone, batch);
			for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
				zone->pcp[cpu].batch = batch;
				zone->pcp[cpu].high = high;
			}
		}
	}
}

/* Up to `batch` pages from the buddy lists, in the order of their numbers as
 * far as a block goes: the pages that as many single requests would get. */
static void pcp_refill(struct zone *zone, struct per_cpu_pages *pcp,
		       enum migratetype migratetype)
{
	struct list_head *list = &pcp->list[migratetype];
	int left = pcp->batch;

	while (left > 0) {
		unsigned order;
		struct page *page = buddy_alloc_up_to(
			zone, log2_floor((uint64_t)left), migratetype, &order);

		if (!page)
			break;
		for (int i = 0; i < 1 << order; i++) {
			page[i].private = migratetype;
			list_add_tail(&page[i].lru, list);
		}
		pcp->count += 1 << order;
		left -= 1 << order;
	}
}

struct page *pcp_alloc(struct zone *zone, unsigned cpu,
		       enum migratetype migratetype)
{
	struct per_cpu_pages *pcp = &zone->pcp[cpu];
	struct list_head *list = &pcp->list[migratetype];
	struct page *page;

	pcp->free_factor >>= 1;
	if (UNLIKELY(list_is_empty(list))) {
		pcp_refill(zone, pcp, migratetype);
		if (list_is_empty(list))
			return NULL;
	}
	page = list_first(list, struct page, lru);
	list->next = page->lru.next;
	page->lru.next->prev = list;
	pcp->count--;
	return page;
}

/* The page goes to the list of what its pageblock is now. */
static void pcp_return(struct zone *zone, struct page *page)
{
	struct mmsim_machine *machine = zone->node->machine;

	page->private = 0;
	buddy_free(zone, page, 0,
		   pageblock_migratetype(machine, page_pfn(machine, page)));
}

/* Gives the coldest pages back, from the lists in turn, this one first. */
static void pcp_shrink(struct zone *zone, struct per_cpu_pages *pcp,
		       int nr_pages, unsigned first)
{
	if (nr_pages > pcp->count)
		nr_pages = pcp->count;
	for (unsigned i = first; nr_pages > 0; i = (i + 1) % MIGRATE_PCPTYPES) {
		struct list_head *list = &pcp->list[i];

		for (; nr_pages > 0 && !list_is_empty(list); nr_pages--) {
			struct page *page = list_last(list, struct page, lru);

			list_del(&page->lru);
			pcp->count--;
			pcp_return(zone, page);
		}
	}
}

/* What the lists may hold: while kswapd works, little; it frees pages to be
 * counted as free. */
static int pcp_limit(const struct zone *zone, const struct per_cpu_pages *pcp)
{
	if (UNLIKELY(zone->is_reclaim_active) && 4 * pcp->batch < pcp->high)
		return 4 * pcp->batch;
	return pcp->high;
}

/* Pages to give back when the limit is reached: a batch, twice as much each
 * time as long as nothing is taken in between, but a batch stays. */
static int pcp_nr_to_return(struct per_cpu_pages *pcp, int limit)
{
	int most = limit - pcp->batch;
	int nr_pages = pcp->batch << pcp->free_factor;

	if (nr_pages < most)
		pcp->free_factor++;
	if (nr_pages > most)
		nr_pages = most;
	return nr_pages > pcp->batch ? nr_pages : pcp->batch;
}

void pcp_free(struct zone *zone, unsigned cpu, struct page *page)
{
	struct mmsim_machine *machine = zone->node->machine;
	struct per_cpu_pages *pcp = &zone->pcp[cpu];
	enum migratetype migratetype =
		pageblock_migratetype(machine, page_pfn(machine, page));
	int limit;

	if (UNLIKELY(migratetype >= MIGRATE_PCPTYPES)) {
		if (migratetype == MIGRATE_ISOLATE) {
			pcp_return(zone, page);
			return;
		}
		migratetype = MIGRATE_MOVABLE;
	}
	page->private = migratetype;
	list_add(&page->lru, &pcp->list[migratetype]);
	limit = pcp_limit(zone, pcp);
	if (UNLIKELY(++pcp->count >= limit))
		pcp_shrink(zone, pcp, pcp_nr_to_return(pcp, limit),
			   migratetype);
}

uint64_t pcp_nr_pages(const struct zone *zone)
{
	const struct mmsim_machine *machine = zone->node->machine;
	uint64_t nr_pages = 0;

	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
		nr_pages += (uint64_t)zone->pcp[cpu].count;
	return nr_pages;
}

void pcp_drain_all(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
				struct zone *zone = &node->zones[type];
				struct per_cpu_pages *pcp = &zone->pcp[cpu];

				pcp_shrink(zone, pcp, pcp->count, 0);
			}
}
