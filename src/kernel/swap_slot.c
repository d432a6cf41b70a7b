/*
 * swap_slot.c: the slots of swap areas: which is next, who names it, what is in
 * it.
 *
 * A slot is in use while entries name it or the swap cache has a page for it.
 *
 * Which slot is next?  Pages that are swapped out together should lie together,
 * because they will be wanted together, and a device is fast in sequence:
 *
 *     clusters of 256    |####....|........|##.#.##.|........|
 *                             ^ next: goes on to the end of the run
 *     then               the first cluster that is empty begins a new run;
 *     there is none      the next free slot from here on, round and round;
 *                        when swap is more than half full also one that only
 *                        the cache has, whose page has been read in
 *
 * Which area?  The one of highest priority that has room.  Areas of the same
 * priority take turns, 64 slots at a time.
 *
 * The content of a slot is a copy of the page's; but what stands in a page_store
 * stays where it is, and the page and the slot have it together for as long as
 * the page is in the swap cache:
 *
 *     swap_slot_store   page A -> data          slot gets data, too
 *     swap_slot_part    page A -> NULL          the slot alone has it
 *     swap_slot_load    page B -> data          the slot keeps it, too
 *
 * A store to the page changes the slot as well, which nobody sees: all who come
 * for the slot find the page.
 *
 * Simplified: one run at a time an area, not one for each CPU.
 *
 * Source: swapon(2), swapon(8) (priorities); kernel documentation,
 * admin-guide/mm/concepts; the order of Linux for rotational devices.
 */
#include "kernel/file_state.h"
#include "kernel/swap_state.h"

#include <errno.h>
#include <string.h>

/* --- slots --------------------------------------------------------------- */

/* The first slot of an empty cluster; 0: there is none. */
static uint64_t area_find_empty_cluster(struct swap_area *area)
{
	uint64_t nr = area->nr_slots / SWAPFILE_CLUSTER;

	while (area->free_hint < nr && area->cluster_used[area->free_hint] > 0)
		area->free_hint++;
	if (area->free_hint == nr)
		return 0;
	return area->free_hint ? area->free_hint * SWAPFILE_CLUSTER : 1;
}

/* More than half of swap is used: a slot that only saves a write is free for
 * who has to write now. */
static bool area_takes_idle(const struct swap_area *area)
{
	return area->nr_idle > 0 && swap_is_full(area->machine);
}

/* The first free slot of a cluster at or behind `offset`; 0: none. */
static uint64_t area_find_in_cluster(struct swap_area *area, uint64_t offset)
{
	uint64_t end = (offset / SWAPFILE_CLUSTER + 1) * SWAPFILE_CLUSTER;
	bool takes_idle = area_takes_idle(area);

	if (end > area->nr_slots)
		end = area->nr_slots;
	for (; offset < end; offset++)
		if (area->map[offset] == 0 ||
		    (area->map[offset] == SLOT_CACHED && takes_idle &&
		     swap_try_to_free(area->machine, area->cache[offset])))
			return offset;
	return 0;
}

/* The first free slot from `next` on, round the end; there is one. */
static uint64_t area_find_anywhere(struct swap_area *area)
{
	uint64_t nr = swap_area_nr_clusters(area), offset = area->next, found;
	bool takes_idle = area_takes_idle(area);

	for (;;) {
		uint64_t cluster = offset / SWAPFILE_CLUSTER;

		if (area->cluster_used[cluster] < SWAPFILE_CLUSTER ||
		    takes_idle) {
			found = area_find_in_cluster(area, offset);
			if (found)
				return found;
		}
		offset = (cluster + 1) % nr * SWAPFILE_CLUSTER;
	}
}

/* The area has a free slot. */
static uint64_t area_take_slot(struct swap_area *area)
{
	uint64_t offset = 0;

	/* the run goes on to the end of its cluster */
	if (area->next % SWAPFILE_CLUSTER > 0)
		offset = area_find_in_cluster(area, area->next);
	if (!offset)
		offset = area_find_empty_cluster(area);
	if (!offset)
		offset = area_find_anywhere(area);
	area->next = (offset + 1) % area->nr_slots;
	area->cluster_used[offset / SWAPFILE_CLUSTER]++;
	area->nr_used++;
	area->machine->nr_swap_pages--;
	return offset;
}

/* The area whose turn it is; NULL: all are full. */
static struct swap_area *area_choose(struct swap_state *state)
{
	struct swap_area *area;

	list_for_each(area, &state->areas, link)
		if (swap_area_nr_free(area) > 0)
			return area;
	return NULL;
}

int swap_slot_alloc(struct mmsim_machine *machine, swp_entry_t *entry)
{
	struct swap_area *area;

	if (machine->nr_swap_pages == 0)
		return -ENOSPC;
	area = area_choose(machine->swap);
	if (!area)
		return -ENOSPC;
	*entry = swp_entry(area->type, area_take_slot(area));
	if (--area->turn_left == 0) {
		area->turn_left = SWAP_BATCH;
		list_del(&area->link);
		swap_area_enqueue(area);
	}
	return 0;
}

void swap_slot_release(struct swap_area *area, uint64_t offset)
{
	uint64_t cluster = offset / SWAPFILE_CLUSTER;

	ASSERT(area->map[offset] == 0 && area->cluster_used[cluster] > 0);
	content_free(area->machine, area->contents[offset]);
	area->contents[offset] = NULL;
	if (area->cache[offset])
		swap_cache_clear(area, offset);
	area->nr_used--;
	if (--area->cluster_used[cluster] == 0 && cluster < area->free_hint)
		area->free_hint = cluster;
	if (!area->is_closing)
		area->machine->nr_swap_pages++;
}

/* The slot holds this instead of what it had: nothing is lost that its page
 * still has. */
static void slot_set(struct swap_area *area, uint64_t offset, void *data,
		     const struct page *page)
{
	if (area->contents[offset] != page->data)
		content_free(area->machine, area->contents[offset]);
	area->contents[offset] = data;
}

int swap_slot_store(struct swap_area *area, uint64_t offset,
		    const struct page *page)
{
	struct mmsim_machine *machine = area->machine;
	void **content = &area->contents[offset];

	if (!page->data || bytes_are_zeros(page->data, PAGE_SIZE)) {
		slot_set(area, offset, NULL, page);
		return 0;
	}
	if (content_store(machine, page->data)) {
		slot_set(area, offset, page->data, page);
		return 0;
	}
	if (*content == page->data)
		return 0;
	if (!*content)
		*content = pool_alloc(&machine->contents);
	if (!*content)
		return -ENOMEM;
	memcpy(*content, page->data, PAGE_SIZE);
	return 0;
}

int swap_slot_load(struct swap_area *area, uint64_t offset, struct page *page)
{
	void *content = area->contents[offset];
	struct page_store *store = content_store(area->machine, content);

	ASSERT(!page->data);
	if (!content)
		return 0;
	if (UNLIKELY(store != NULL)) {
		page->data = content;
		store->own(store, page);
		return 0;
	}
	page->data = pool_alloc(&area->machine->contents);
	if (!page->data)
		return -ENOMEM;
	memcpy(page->data, content, PAGE_SIZE);
	return 0;
}

void swap_slot_part(struct swap_area *area, uint64_t offset, struct page *page)
{
	void **content = &area->contents[offset];
	struct page_store *store = content_store(area->machine, *content);

	if (!*content || *content != page->data)
		return;
	if (area->map[offset] == 0) {
		*content = NULL;
		return;
	}
	page->data = NULL;
	if (store)
		store->keep(store, content);
}

void swap_content_moved(struct mmsim_machine *machine, struct page *page,
			void *data)
{
	struct swap_area *area;
	swp_entry_t entry = {page->private};

	if (page_has(page, PG_swapcache) && page->data) {
		area = swap_area_of(machine, entry);
		if (area->contents[swp_offset(entry)] == page->data)
			area->contents[swp_offset(entry)] = data;
	}
	page->data = data;
}

/* --- entries ------------------------------------------------------------- */

void swap_duplicate(struct mmsim_machine *machine, swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	uint32_t slot = area->map[swp_offset(entry)];

	ASSERT(slot != 0 && (slot & SLOT_COUNT_MASK) < SLOT_COUNT_MASK);
	swap_map_set(area, swp_offset(entry), slot + 1);
}

void swap_free(struct mmsim_machine *machine, swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	uint32_t slot = area->map[swp_offset(entry)];

	ASSERT((slot & SLOT_COUNT_MASK) > 0);
	swap_map_set(area, swp_offset(entry), slot - 1);
	if (slot == 1)
		swap_slot_release(area, swp_offset(entry));
}

unsigned swap_count(const struct mmsim_machine *machine, swp_entry_t entry)
{
	return swap_area_of(machine, entry)->map[swp_offset(entry)] &
	       SLOT_COUNT_MASK;
}

bool swap_is_full(const struct mmsim_machine *machine)
{
	return machine->nr_swap_pages * 2 < machine->total_swap_pages;
}
