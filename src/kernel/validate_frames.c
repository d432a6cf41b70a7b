/*
 * validate_frames.c: the self-check of frames: each is in one place, and what
 * it says about itself is what others say about it.
 *
 * First the lists are walked (free, per-CPU, LRU) and leave a mark in each
 * frame's note.  Then every frame that was ever used is looked at: frames that
 * a zone still holds back (`deferred`) are not, so that a large machine costs
 * nothing.
 */
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"
#include "kernel/validate.h"

/* Frames from this one on that the zone holds back, never used. */
static uint64_t deferred_run(const struct zone *zone, pfn_t pfn)
{
	for (unsigned i = 0; i < zone->nr_deferred; i++)
		if (pfn >= zone->deferred[i].start &&
		    pfn < zone->deferred[i].end)
			return zone->deferred[i].end - pfn;
	return 0;
}

static bool zone_holds(const struct zone *zone, pfn_t pfn, uint64_t nr)
{
	if (pfn < zone->start_pfn || pfn + nr > zone_end_pfn(zone))
		return false;
	for (unsigned i = 0; i < zone->nr_deferred; i++)
		if (pfn + nr > zone->deferred[i].start &&
		    pfn < zone->deferred[i].end)
			return false;
	return true;
}

static void mark_free_block(struct validate *v, const struct zone *zone,
			    const struct page *page, unsigned order)
{
	pfn_t pfn = page_pfn(v->machine, page);
	uint64_t nr = (uint64_t)1 << order;

	VALIDATE(v, page_has(page, PG_buddy) && page->private == order &&
			    page->refcount == 0 && is_aligned(pfn, nr) &&
			    zone_holds(zone, pfn, nr),
		 "frame %lu is on the list of order %u of zone %s",
		 (unsigned long)pfn, order, zone_names[zone->type]);
	for (uint64_t i = 0; i < nr; i++) {
		struct frame_note *note = validate_note(v, pfn + i);

		VALIDATE(v, note->place == FRAME_NOWHERE,
			 "frame %lu is free and somewhere else, too",
			 (unsigned long)(pfn + i));
		VALIDATE(v, note->nr_small == 0 && note->nr_huge == 0,
			 "frame %lu is free, and a page table entry leads to it",
			 (unsigned long)(pfn + i));
		note->place = FRAME_BUDDY;
	}
}

/* Two halves of a larger block must have become one. */
static void validate_is_merged(struct validate *v, const struct zone *zone,
			       const struct page *page, unsigned order)
{
	pfn_t buddy = page_pfn(v->machine, page) ^ (pfn_t)1 << order;
	const struct page *other;

	if (order == MAX_ORDER - 1 ||
	    !zone_holds(zone, buddy, (uint64_t)1 << order))
		return;
	other = page_from_pfn(v->machine, buddy);
	VALIDATE(v, !page_has(other, PG_buddy) || other->private != order,
		 "frames %lu and %lu are free blocks of order %u side by side",
		 (unsigned long)page_pfn(v->machine, page),
		 (unsigned long)buddy, order);
}

/* What is isolated lies in isolated pageblocks, and nothing else does. */
static void validate_is_apart(struct validate *v, const struct zone *zone,
			      const struct page *page, unsigned order, int type)
{
	pfn_t pfn = page_pfn(v->machine, page);
	bool is_isolated = type == MIGRATE_ISOLATE;

	for (uint64_t i = 0; i < (uint64_t)1 << order; i += HPAGE_PMD_NR)
		VALIDATE(v, (pageblock_migratetype(v->machine, pfn + i) ==
			     MIGRATE_ISOLATE) == is_isolated,
			 "zone %s: free frame %lu is on a list of type %d",
			 zone_names[zone->type], (unsigned long)(pfn + i), type);
}

static void validate_free_area(struct validate *v, struct zone *zone,
			       unsigned order, uint64_t *nr_free)
{
	struct free_area *area = &zone->free_area[order];
	struct page *page;

	for (int type = 0; type < MIGRATE_TYPES; type++) {
		uint64_t nr = 0;

		list_for_each(page, &area->list[type], lru) {
			mark_free_block(v, zone, page, order);
			if (v->has_failed)
				return;
			validate_is_apart(v, zone, page, order, type);
			if (v->has_failed)
				return;
			if (pageblock_migratetype(v->machine,
						  page_pfn(v->machine, page)) !=
			    MIGRATE_ISOLATE)
				validate_is_merged(v, zone, page, order);
			nr++;
		}
		VALIDATE(v, nr == area->nr_free[type],
			 "zone %s: %lu blocks of order %u and type %d, %lu "
			 "counted",
			 zone_names[zone->type], (unsigned long)nr, order, type,
			 (unsigned long)area->nr_free[type]);
		if (type == MIGRATE_ISOLATE)
			v->nr_isolated[zone->node->id][zone->type] += nr
								      << order;
		else
			*nr_free += nr << order;
	}
}

static void validate_pcp(struct validate *v, const struct zone *zone,
			 struct per_cpu_pages *pcp)
{
	struct page *page;
	int nr = 0;

	for (int type = 0; type < MIGRATE_PCPTYPES; type++)
		list_for_each(page, &pcp->list[type], lru) {
			pfn_t pfn = page_pfn(v->machine, page);
			struct frame_note *note = validate_note(v, pfn);

			VALIDATE(v, zone_holds(zone, pfn, 1) &&
					    note->place == FRAME_NOWHERE &&
					    note->nr_small == 0 &&
					    note->nr_huge == 0 &&
					    !page_has(page, PG_buddy | PG_lru),
				 "frame %lu is on a CPU's list and in use",
				 (unsigned long)pfn);
			note->place = FRAME_PCP;
			nr++;
		}
	VALIDATE(v, nr == pcp->count,
		 "zone %s: %d pages on a CPU's lists, %d counted",
		 zone_names[zone->type], nr, pcp->count);
}

static void validate_zone_lists(struct validate *v, struct zone *zone)
{
	uint64_t nr_free = 0;

	for (unsigned i = 0; i < zone->nr_deferred; i++)
		nr_free += zone->deferred[i].end - zone->deferred[i].start;
	for (unsigned order = 0; order < MAX_ORDER; order++)
		validate_free_area(v, zone, order, &nr_free);
	for (unsigned cpu = 0; cpu < v->machine->nr_cpus; cpu++)
		validate_pcp(v, zone, &zone->pcp[cpu]);
	VALIDATE(v, nr_free == zone->stat[NR_FREE_PAGES],
		 "node %u zone %s: nr_free_pages is %lu, the lists hold %lu",
		 zone->node->id, zone_names[zone->type],
		 (unsigned long)zone->stat[NR_FREE_PAGES],
		 (unsigned long)nr_free);
}

void validate_free_lists(struct validate *v)
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(v->machine, node, i)
		for (int z = 0; z < MAX_NR_ZONES && !v->has_failed; z++)
			if (zone_is_populated(&node->zones[z]))
				validate_zone_lists(v, &node->zones[z]);
}

static void validate_lru_list(struct validate *v,
			      const struct pglist_data *node, enum lru_list list)
{
	const struct page *page;

	list_for_each(page, &node->lruvec.lists[list], lru) {
		pfn_t pfn = page_pfn(v->machine, page);
		struct frame_note *note = validate_note(v, pfn);

		VALIDATE(v, page_has(page, PG_lru) && lru_of(page) == list &&
				    page_node(page) == node->id &&
				    page->refcount > 0 && !note->is_on_lru &&
				    note->place == FRAME_NOWHERE,
			 "frame %lu is on LRU list %d of node %u",
			 (unsigned long)pfn, (int)list, node->id);
		note->is_on_lru = 1;
		v->node_stat[node->id][NR_INACTIVE_ANON + (int)list] +=
			page_nr(page);
		v->zone_stat[node->id][page_zone_index(page)]
			    [NR_ZONE_INACTIVE_ANON + (int)list] +=
			page_nr(page);
	}
}

void validate_lru(struct validate *v)
{
	const struct pglist_data *node;
	unsigned i;

	for_each_node(v->machine, node, i)
		for (int list = 0; list < NR_LRU_LISTS; list++)
			validate_lru_list(v, node, (enum lru_list)list);
}

struct rmap_count {
	pfn_t pfn;
	int nr;
};

static bool count_entry(struct rmap_walk *walk, struct vm_area_struct *vma,
			uintptr_t addr, pte_t *entry, bool huge)
{
	struct rmap_count *count = walk->arg;
	uint64_t nr = huge ? HPAGE_PMD_NR : 1;

	(void)vma;
	(void)addr;
	count->nr += count->pfn >= pte_pfn(*entry) &&
		     count->pfn < pte_pfn(*entry) + nr;
	return true;
}

/* The reverse map finds the entries that lead to this page, and no others. */
static void validate_rmap(struct validate *v, struct page *page, pfn_t pfn)
{
	struct rmap_count count = {.pfn = pfn};
	struct rmap_walk walk = {.visit = count_entry, .arg = &count};

	rmap_walk(v->machine, page, &walk);
	VALIDATE(v, count.nr == page_mapcount(page),
		 "frame %lu: mapped %d times, the reverse map finds %d",
		 (unsigned long)pfn, page_mapcount(page), count.nr);
}

/* A page of memory or of a file, small or a part of a huge one. */
static void validate_data_page(struct validate *v, struct page *page, pfn_t pfn)
{
	struct page *head = page_head(page);
	const struct frame_note *note = validate_note(v, pfn);
	uint64_t *stat = v->node_stat[page_node(head)];
	uint64_t *zone = v->zone_stat[page_node(head)][page_zone_index(head)];
	int mapcount = page_mapcount(page);

	VALIDATE(v, page->mapcount == (int)note->nr_small,
		 "frame %lu: mapcount %d, %u entries lead to it",
		 (unsigned long)pfn, page->mapcount, note->nr_small);
	VALIDATE(v, page != head ||
			    page_compound_mapcount(page) == (int)note->nr_huge,
		 "frame %lu: mapped as a whole %d times, %u entries lead to it",
		 (unsigned long)pfn, page_compound_mapcount(page),
		 note->nr_huge);
	VALIDATE(v, !page_has(head, PG_lru) ==
			    !validate_note(v, page_pfn(v->machine, head))
				     ->is_on_lru,
		 "frame %lu has a flag that its LRU list does not know",
		 (unsigned long)pfn);
	zone[NR_MLOCK] += page_has(head, PG_mlocked) ? 1 : 0;
	if (page_is_anon(page)) {
		stat[NR_ANON_MAPPED] += mapcount > 0;
		stat[NR_ANON_THPS] +=
			page == head && page_compound_mapcount(head) > 0;
	} else if (!page_has(page, PG_swapcache)) {
		struct address_space *mapping = head->mapping;

		VALIDATE(v, radix_find(&mapping->pages, page->index) == page,
			 "frame %lu is not in its file at page %lu",
			 (unsigned long)pfn, (unsigned long)page->index);
		stat[NR_FILE_MAPPED] += mapcount > 0;
		stat[NR_FILE_PAGES]++;
		stat[NR_SHMEM] += mapping->is_shmem;
	}
	if (page_has(page, PG_swapcache)) {
		VALIDATE(v, swap_cache_find(v->machine,
					    (swp_entry_t){page->private}) ==
				    page,
			 "frame %lu is not in the swap cache",
			 (unsigned long)pfn);
		stat[NR_FILE_PAGES]++;
		stat[NR_SWAPCACHE]++;
	}
	if (mapcount > 0)
		validate_rmap(v, page, pfn);
}

/* Frames from this one on that were given out with it: parts of a compound page
 * are looked at one by one, other blocks stand as a whole in their first. */
static uint64_t used_block(const struct page *page)
{
	if (page_has(page, PG_head | PG_tail))
		return 1;
	return (uint64_t)1 << page_order(page);
}

/* Not free: whose is it? */
static void validate_used(struct validate *v, struct page *page, pfn_t pfn)
{
	const struct frame_note *note = validate_note(v, pfn);
	struct page *head = page_head(page);

	VALIDATE(v, head->refcount > 0, "frame %lu is in use by nobody",
		 (unsigned long)pfn);
	if (page_has(head, PG_slab)) {
		v->node_stat[page_node(head)][NR_SLAB_UNRECLAIMABLE]++;
	} else if (page_has(page, PG_table)) {
		VALIDATE(v, note->place == FRAME_TABLE,
			 "frame %lu is a table that nothing leads to",
			 (unsigned long)pfn);
	} else if (page_has(head, PG_anon | PG_swapcache) || head->mapping) {
		validate_data_page(v, page, pfn);
		return;
	}
	VALIDATE(v, note->nr_small == 0 && note->nr_huge == 0,
		 "frame %lu is the kernel's, and a page table entry leads to it",
		 (unsigned long)pfn);
}

/* A frame that was never anything, or was left over by a block. */
static bool is_unused(const struct page *page)
{
	return page->refcount == 0 && !page_has(page, PG_tail);
}

static void validate_range(struct validate *v, const struct zone *zone,
			   const struct memory_range *range)
{
	uint64_t *nr_in_use = &v->nr_in_use[zone->node->id][zone->type];
	uint64_t nr;

	for (pfn_t pfn = range->start; pfn < range->end; pfn += nr) {
		struct page *page = page_from_pfn(v->machine, pfn);
		const struct frame_note *note = validate_note(v, pfn);

		nr = deferred_run(zone, pfn);
		if (nr > 0)
			continue;
		nr = 1;
		if (note->place == FRAME_BUDDY) {
			nr = (uint64_t)1 << page->private;
		} else if (note->place != FRAME_PCP && !is_unused(page)) {
			nr = used_block(page);
			*nr_in_use += nr;
			validate_used(v, page, pfn);
			if (v->has_failed)
				return;
		}
	}
}

static void validate_zone_frames(struct validate *v, const struct zone *zone)
{
	struct memory_range range = {0, 0};
	uint64_t nr_present = 0;

	while (!v->has_failed && zone_next_range(zone, &range)) {
		VALIDATE(v, range.start >= zone->start_pfn &&
				    range.end <= zone_end_pfn(zone),
			 "node %u zone %s: frames %lu to %lu are outside of it",
			 zone->node->id, zone_names[zone->type],
			 (unsigned long)range.start, (unsigned long)range.end);
		nr_present += range.end - range.start;
		validate_range(v, zone, &range);
	}
	VALIDATE(v, nr_present == zone->present_pages,
		 "node %u zone %s: %lu pages present, its blocks have %lu",
		 zone->node->id, zone_names[zone->type],
		 (unsigned long)zone->present_pages, (unsigned long)nr_present);
}

void validate_frames(struct validate *v)
{
	const struct pglist_data *node;
	unsigned i;

	for_each_node(v->machine, node, i)
		for (int z = 0; z < MAX_NR_ZONES && !v->has_failed; z++)
			if (zone_is_populated(&node->zones[z]))
				validate_zone_frames(v, &node->zones[z]);
}
