/*
 * buddy.c: the buddy system of one zone (K. Knowlton 1965).
 *
 * Free memory lies in blocks of 2^order frames, aligned to their size.  The
 * buddy of a block is the other half of the next larger one: its number
 * differs in one bit.  To give out a block, a larger one is halved until it
 * fits; a block that comes back joins its buddy if that is free, again and
 * again.
 *
 *     order 2 |        0        |        4        |
 *     order 1 |   0    |   2    |   4    |   6    |     buddy = pfn ^ 2^order
 *
 * Blocks are kept apart by what they may be used for, so that pages that can
 * be moved and pages that cannot do not mix: each pageblock (512 frames) has a
 * migrate type, and a free block lies on the list of its pageblock's type.  A
 * request whose own lists are empty takes the largest block of another type
 * and, when that is large enough, the whole pageblock with it.
 *
 * Frames that were never asked for are not on any list: they lie in the zone's
 * `deferred` ranges and stand behind the largest Movable blocks.  Their struct
 * pages have not been touched.
 *
 * A free block: PG_buddy, `private` its order, `index` the type of its list.
 *
 * Simplified: no high-atomic reserve, no watermark boost when types mix, no
 * CMA.
 *
 * Sources: kernel documentation, mm/physical_memory; M. Gorman,
 * "Understanding the Linux Virtual Memory Manager", chapter 6.
 */
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

enum {
	PAGEBLOCK_NR = 1 << PAGEBLOCK_ORDER,
	PAGEBLOCK_SKIPPED = 0x80, /* beside the migrate type */
};

/* Which types to take from when the own is empty, best first. */
static const uint8_t buddy_fallbacks[MIGRATE_PCPTYPES][2] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

enum migratetype pageblock_migratetype(const struct mmsim_machine *machine,
				       pfn_t pfn)
{
	return machine->pageblocks[pfn >> PAGEBLOCK_ORDER] & ~PAGEBLOCK_SKIPPED;
}

void pageblock_set_migratetype(struct mmsim_machine *machine, pfn_t pfn,
			       enum migratetype migratetype)
{
	uint8_t *pageblock = &machine->pageblocks[pfn >> PAGEBLOCK_ORDER];

	*pageblock = (uint8_t)(migratetype | (*pageblock & PAGEBLOCK_SKIPPED));
}

bool pageblock_is_skipped(const struct mmsim_machine *machine, pfn_t pfn)
{
	return machine->pageblocks[pfn >> PAGEBLOCK_ORDER] & PAGEBLOCK_SKIPPED;
}

void pageblock_set_skipped(struct mmsim_machine *machine, pfn_t pfn,
			   bool is_skipped)
{
	uint8_t *pageblock = &machine->pageblocks[pfn >> PAGEBLOCK_ORDER];

	*pageblock &= (uint8_t)~PAGEBLOCK_SKIPPED;
	*pageblock |= is_skipped ? PAGEBLOCK_SKIPPED : 0;
}

/* The bits that say where a frame is. */
static uint64_t buddy_place(const struct zone *zone)
{
	return (uint64_t)zone->type << PAGE_FLAGS_ZONE_SHIFT |
	       (uint64_t)zone->node->id << PAGE_FLAGS_NODE_SHIFT;
}

/* Free pages of this type are counted: isolated ones are not. */
static void buddy_count(struct zone *zone, enum migratetype migratetype,
			int64_t nr_pages)
{
	if (LIKELY(migratetype != MIGRATE_ISOLATE))
		zone_stat_add(zone, NR_FREE_PAGES, nr_pages);
}

/* Marks the block free and puts it on a list. */
static void buddy_list_add(struct zone *zone, struct page *page, unsigned order,
			   enum migratetype migratetype, bool tail)
{
	struct free_area *area = &zone->free_area[order];

	page->flags = buddy_place(zone) | PG_buddy;
	page->private = order;
	page->index = migratetype;
	if (tail)
		list_add_tail(&page->lru, &area->list[migratetype]);
	else
		list_add(&page->lru, &area->list[migratetype]);
	area->nr_free[migratetype]++;
}

static void buddy_list_del(struct zone *zone, struct page *page)
{
	ASSERT(page_has(page, PG_buddy));
	ASSERT(zone->free_area[page->private].nr_free[page->index] > 0);
	zone->free_area[page->private].nr_free[page->index]--;
	list_del(&page->lru);
	page_clear(page, PG_buddy);
}

/* The first frame of a free block of this order in this zone stands here. */
static bool buddy_is_free(const struct zone *zone, const struct page *page,
			  unsigned order)
{
	return page->flags == (buddy_place(zone) | PG_buddy) &&
	       page->private == order;
}

/* Takes range i out of `deferred`. */
static void buddy_drop_deferred(struct zone *zone, unsigned i)
{
	zone->nr_deferred--;
	for (; i < zone->nr_deferred; i++)
		zone->deferred[i] = zone->deferred[i + 1];
}

/* A never-used block, if the zone has one left: it is put on the list of its
 * type and returned. */
static struct page *buddy_take_deferred(struct zone *zone)
{
	struct memory_range *range = &zone->deferred[0];
	struct page *page;

	if (zone->nr_deferred == 0)
		return NULL;
	page = zone->node->machine->mem_map + range->start;
	range->start += MAX_ORDER_NR_PAGES;
	if (range->start == range->end)
		buddy_drop_deferred(zone, 0);
	buddy_list_add(zone, page, MAX_ORDER - 1, MIGRATE_MOVABLE, true);
	return page;
}

/* The first block of exactly this order on a type's list. */
static struct page *buddy_first(struct zone *zone, unsigned order,
				enum migratetype migratetype)
{
	struct list_head *list = &zone->free_area[order].list[migratetype];

	if (!list_is_empty(list))
		return list_first(list, struct page, lru);
	if (order == MAX_ORDER - 1 && migratetype == MIGRATE_MOVABLE)
		return buddy_take_deferred(zone);
	return NULL;
}

/* Takes the block, which is on a list, and gives back what is above `order`:
 * the caller gets the low end. */
static struct page *buddy_cut(struct zone *zone, struct page *page,
			      unsigned order, enum migratetype migratetype)
{
	unsigned high = (unsigned)page->private;

	buddy_list_del(zone, page);
	while (high > order) {
		high--;
		buddy_list_add(zone, page + ((pfn_t)1 << high), high,
			       migratetype, false);
	}
	page->private = 0;
	page->index = 0;
	return page;
}

/* From the smallest block of at least `least`: its low end, of at most `most`,
 * whose order is told. */
static struct page *buddy_alloc_between(struct zone *zone, unsigned least,
					unsigned most,
					enum migratetype migratetype,
					unsigned *order)
{
	for (unsigned i = least; i < MAX_ORDER; i++) {
		struct page *page = buddy_first(zone, i, migratetype);

		if (page) {
			*order = i < most ? i : most;
			return buddy_cut(zone, page, *order, migratetype);
		}
	}
	return NULL;
}

/* The pageblock would be worth having: a block of this order brings it. */
static bool buddy_can_claim(unsigned order, enum migratetype wanted)
{
	return order >= PAGEBLOCK_ORDER / 2 || wanted != MIGRATE_MOVABLE;
}

/* Moves the free blocks of the pageblock to another type's lists; frames moved,
 * and in *nr_movable the used ones that could be moved. */
static uint64_t buddy_move_pageblock(struct zone *zone, pfn_t pfn,
				     enum migratetype to, uint64_t *nr_movable)
{
	struct page *mem_map = zone->node->machine->mem_map;
	pfn_t start = align_down(pfn, PAGEBLOCK_NR);
	pfn_t end = start + PAGEBLOCK_NR;
	uint64_t nr_moved = 0;

	*nr_movable = 0;
	if (start < zone->start_pfn || end > zone_end_pfn(zone))
		return 0;
	for (pfn_t at = start; at < end;) {
		struct page *page = mem_map + at;
		unsigned order;

		if (!page_has(page, PG_buddy)) {
			*nr_movable += page_has(page, PG_lru);
			at++;
			continue;
		}
		order = (unsigned)page->private;
		buddy_list_del(zone, page);
		buddy_list_add(zone, page, order, to, false);
		nr_moved += (uint64_t)1 << order;
		at += (pfn_t)1 << order;
	}
	return nr_moved;
}

/* All pageblocks of a block that is that large. */
static void buddy_claim_pageblocks(struct zone *zone, pfn_t pfn, unsigned order,
				   enum migratetype migratetype)
{
	for (pfn_t at = pfn; at < pfn + ((pfn_t)1 << order); at += PAGEBLOCK_NR)
		pageblock_set_migratetype(zone->node->machine, at, migratetype);
}

/* A block of another type: it, or its whole pageblock, becomes `wanted`. */
static void buddy_steal(struct zone *zone, struct page *page,
			enum migratetype wanted, bool whole_pageblock)
{
	struct mmsim_machine *machine = zone->node->machine;
	pfn_t pfn = page_pfn(machine, page);
	enum migratetype old = pageblock_migratetype(machine, pfn);
	unsigned order = (unsigned)page->private;
	uint64_t nr_free = 0, nr_movable, nr_alike = 0;

	if (order >= PAGEBLOCK_ORDER)
		buddy_claim_pageblocks(zone, pfn, order, wanted);
	else if (whole_pageblock)
		nr_free = buddy_move_pageblock(zone, pfn, wanted, &nr_movable);
	if (nr_free == 0) {
		buddy_list_del(zone, page);
		buddy_list_add(zone, page, order, wanted, false);
		return;
	}
	/* used frames that are, as far as can be told, of the wanted kind */
	if (wanted == MIGRATE_MOVABLE)
		nr_alike = nr_movable;
	else if (old == MIGRATE_MOVABLE)
		nr_alike = PAGEBLOCK_NR - nr_free - nr_movable;
	if (nr_free + nr_alike >= PAGEBLOCK_NR / 2)
		pageblock_set_migratetype(machine, pfn, wanted);
}

static struct page *buddy_first_fallback(struct zone *zone, unsigned order,
					 enum migratetype wanted)
{
	for (int i = 0; i < 2; i++) {
		struct page *page =
			buddy_first(zone, order, buddy_fallbacks[wanted][i]);

		if (page)
			return page;
	}
	return NULL;
}

/* Brings a block of another type to the list of this one: false when the zone
 * has none that is large enough. */
static bool buddy_fallback(struct zone *zone, unsigned order,
			   enum migratetype wanted)
{
	struct page *page = NULL;
	unsigned i = MAX_ORDER;

	/* the largest first, so that types mix in as few places as can be */
	while (i-- > order) {
		page = buddy_first_fallback(zone, i, wanted);
		if (page)
			break;
	}
	if (!page)
		return false;
	if (!buddy_can_claim(i, wanted)) {
		/* no pageblock can be had: spoil as little as possible */
		for (i = order;; i++) {
			page = buddy_first_fallback(zone, i, wanted);
			if (page)
				break;
		}
	}
	buddy_steal(zone, page, wanted, buddy_can_claim(i, wanted));
	return true;
}

static struct page *buddy_alloc_any(struct zone *zone, unsigned least,
				    unsigned most, enum migratetype migratetype,
				    unsigned *order)
{
	struct page *page;

	do {
		page = buddy_alloc_between(zone, least, most, migratetype,
					   order);
	} while (!page && buddy_fallback(zone, least, migratetype));
	if (page)
		zone->stat[NR_FREE_PAGES] -= (uint64_t)1 << *order;
	return page;
}

struct page *buddy_alloc(struct zone *zone, unsigned order,
			 enum migratetype migratetype)
{
	unsigned got;

	return buddy_alloc_any(zone, order, order, migratetype, &got);
}

struct page *buddy_alloc_up_to(struct zone *zone, unsigned most,
			       enum migratetype migratetype, unsigned *order)
{
	return buddy_alloc_any(zone, 0, most, migratetype, order);
}

/* The block will soon join again: its own buddy's buddy is free.  Then it goes
 * to the end of the list, to be left alone until that happens. */
static bool buddy_merge_is_likely(const struct zone *zone, pfn_t pfn,
				  unsigned order)
{
	const struct page *mem_map = zone->node->machine->mem_map;
	pfn_t parent = align_down(pfn, (pfn_t)2 << order);
	pfn_t other = parent ^ (pfn_t)2 << order;

	return order < MAX_ORDER - 2 &&
	       buddy_is_free(zone, mem_map + other, order + 1);
}

void buddy_free(struct zone *zone, struct page *page, unsigned order,
		enum migratetype migratetype)
{
	struct page *mem_map = zone->node->machine->mem_map;
	pfn_t pfn = (pfn_t)(page - mem_map);

	ASSERT(!page_has(page, PG_buddy));
	ASSERT(is_aligned(pfn, (pfn_t)1 << order));
	buddy_count(zone, migratetype, (int64_t)1 << order);
	for (; order < MAX_ORDER - 1; order++) {
		struct page *buddy = mem_map + (pfn ^ (pfn_t)1 << order);

		if (!buddy_is_free(zone, buddy, order))
			break;
		buddy_list_del(zone, buddy);
		buddy->private = 0;
		pfn &= ~((pfn_t)1 << order);
	}
	buddy_list_add(zone, mem_map + pfn, order, migratetype,
		       buddy_merge_is_likely(zone, pfn, order));
}

/* The range as the largest aligned blocks that fit. */
static void buddy_add_blocks(struct zone *zone, pfn_t start, pfn_t end)
{
	struct mmsim_machine *machine = zone->node->machine;

	while (start < end) {
		unsigned order = start ? log2_lowest(start) : MAX_ORDER - 1;
		unsigned fits = log2_floor(end - start);

		order = order < fits ? order : fits;
		order = order < MAX_ORDER ? order : MAX_ORDER - 1;
		buddy_list_add(zone, machine->mem_map + start, order,
			       pageblock_migratetype(machine, start), true);
		start += (pfn_t)1 << order;
	}
}

/* Blocks of the highest order that were never used become range i of those, or
 * go onto the lists when there are too many ranges. */
static void buddy_insert_deferred(struct zone *zone, unsigned i, pfn_t start,
				  pfn_t end)
{
	if (start == end)
		return;
	if (zone->nr_deferred == ZONE_MAX_DEFERRED) {
		buddy_add_blocks(zone, start, end);
		return;
	}
	for (unsigned j = zone->nr_deferred++; j > i; j--)
		zone->deferred[j] = zone->deferred[j - 1];
	zone->deferred[i] = (struct memory_range){start, end};
}

/* The same at the end, to be used last. */
static void buddy_defer(struct zone *zone, pfn_t start, pfn_t end)
{
	unsigned nr = zone->nr_deferred;

	if (nr > 0 && zone->deferred[nr - 1].end == start)
		zone->deferred[nr - 1].end = end;
	else
		buddy_insert_deferred(zone, nr, start, end);
}

void buddy_add_range(struct zone *zone, pfn_t start, pfn_t end)
{
	pfn_t first = align_up(start, MAX_ORDER_NR_PAGES);
	pfn_t last = align_down(end, MAX_ORDER_NR_PAGES);

	zone->stat[NR_FREE_PAGES] += end - start;
	if (first >= last) {
		buddy_add_blocks(zone, start, end);
		return;
	}
	buddy_add_blocks(zone, start, first);
	buddy_add_blocks(zone, last, end);
	buddy_defer(zone, first, last);
}

/* Takes [start, end) out of the deferred ranges, onto the lists. */
static void buddy_end_deferral(struct zone *zone, pfn_t start, pfn_t end)
{
	for (unsigned i = zone->nr_deferred; i-- > 0;) {
		struct memory_range range = zone->deferred[i];
		pfn_t low = max_size(range.start, start);
		pfn_t high = min_size(range.end, end);

		if (low >= high)
			continue;
		buddy_drop_deferred(zone, i);
		buddy_add_blocks(zone, low, high);
		buddy_insert_deferred(zone, i, high, range.end);
		buddy_insert_deferred(zone, i, range.start, low);
	}
}

void buddy_move_free(struct zone *zone, pfn_t start, pfn_t end,
		     enum migratetype to)
{
	struct page *mem_map = zone->node->machine->mem_map;

	buddy_end_deferral(zone, start, end);
	for (pfn_t pfn = start; pfn < end;) {
		struct page *page = mem_map + pfn;
		unsigned order;

		if (!page_has(page, PG_buddy)) {
			pfn++;
			continue;
		}
		order = (unsigned)page->private;
		buddy_count(zone, page->index, -((int64_t)1 << order));
		buddy_list_del(zone, page);
		buddy_list_add(zone, page, order, to, false);
		buddy_count(zone, to, (int64_t)1 << order);
		pfn += (pfn_t)1 << order;
	}
}

unsigned buddy_take(struct zone *zone, struct page *page)
{
	unsigned order = (unsigned)page->private;

	buddy_count(zone, page->index, -((int64_t)1 << order));
	buddy_list_del(zone, page);
	return order;
}

void buddy_remove_free(struct zone *zone, pfn_t start, pfn_t end)
{
	struct page *mem_map = zone->node->machine->mem_map;

	for (pfn_t pfn = start; pfn < end;) {
		struct page *page = mem_map + pfn;

		ASSERT(page->index == MIGRATE_ISOLATE);
		buddy_list_del(zone, page);
		pfn += (pfn_t)1 << page->private;
	}
}

pfn_t buddy_skip_deferred(const struct zone *zone, pfn_t pfn)
{
	for (unsigned i = 0; i < zone->nr_deferred; i++)
		if (pfn >= zone->deferred[i].start &&
		    pfn < zone->deferred[i].end)
			return zone->deferred[i].end;
	return pfn;
}

uint64_t buddy_nr_deferred(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (unsigned i = 0; i < zone->nr_deferred; i++)
		nr_pages += zone->deferred[i].end - zone->deferred[i].start;
	return nr_pages;
}

uint64_t buddy_nr_free(const struct zone *zone, unsigned order,
		       enum migratetype migratetype)
{
	uint64_t nr_blocks = zone->free_area[order].nr_free[migratetype];

	if (order == MAX_ORDER - 1 && migratetype == MIGRATE_MOVABLE)
		nr_blocks += buddy_nr_deferred(zone) / MAX_ORDER_NR_PAGES;
	return nr_blocks;
}
