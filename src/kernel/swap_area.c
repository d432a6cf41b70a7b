/*
 * swap_area.c: swap areas and their slots.
 *
 * An area is a device of so many pages; the first is its header, each of the
 * others a slot for one page.  A slot is in use while entries name it or the
 * swap cache has a page for it.
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
 * Simplified: one run at a time an area, not one for each CPU.
 *
 * Source: swapon(2), swapon(8) (priorities); kernel documentation,
 * admin-guide/mm/concepts; the order of Linux for rotational devices.
 */
#include "base/hostmem.h"
#include "kernel/file_state.h"
#include "kernel/swap_state.h"

#include <errno.h>
#include <string.h>

/* --- slots --------------------------------------------------------------- */

static uint64_t area_nr_clusters(const struct swap_area *area)
{
	return (area->nr_slots + SWAPFILE_CLUSTER - 1) / SWAPFILE_CLUSTER;
}

static uint64_t area_nr_free(const struct swap_area *area)
{
	return area->nr_slots - 1 - area->nr_used;
}

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
	uint64_t nr = area_nr_clusters(area), offset = area->next, found;
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

/* Into the list of areas, behind all of its priority or above. */
static void area_enqueue(struct swap_area *area)
{
	struct list_head *areas = &area->machine->swap->areas;
	struct swap_area *other;

	list_for_each(other, areas, link)
		if (other->prio < area->prio)
			break;
	list_add_tail(&area->link, &other->link);
}

/* The area whose turn it is; NULL: all are full. */
static struct swap_area *area_choose(struct swap_state *state)
{
	struct swap_area *area;

	list_for_each(area, &state->areas, link)
		if (area_nr_free(area) > 0)
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
		area_enqueue(area);
	}
	return 0;
}

void swap_slot_release(struct swap_area *area, uint64_t offset)
{
	uint64_t cluster = offset / SWAPFILE_CLUSTER;

	ASSERT(area->map[offset] == 0 && area->cluster_used[cluster] > 0);
	if (area->contents[offset]) {
		pool_free(&area->machine->contents, area->contents[offset]);
		area->contents[offset] = NULL;
	}
	if (area->cache[offset])
		swap_cache_clear(area, offset);
	area->nr_used--;
	if (--area->cluster_used[cluster] == 0 && cluster < area->free_hint)
		area->free_hint = cluster;
	if (!area->is_closing)
		area->machine->nr_swap_pages++;
}

int swap_slot_store(struct swap_area *area, uint64_t offset,
		    const struct page *page)
{
	struct pool *pool = &area->machine->contents;
	void **content = &area->contents[offset];

	if (!page->data || bytes_are_zeros(page->data, PAGE_SIZE)) {
		if (*content)
			pool_free(pool, *content);
		*content = NULL;
		return 0;
	}
	if (!*content)
		*content = pool_alloc(pool);
	if (!*content)
		return -ENOMEM;
	memcpy(*content, page->data, PAGE_SIZE);
	return 0;
}

int swap_slot_load(struct swap_area *area, uint64_t offset, struct page *page)
{
	ASSERT(!page->data);
	if (!area->contents[offset])
		return 0;
	page->data = pool_alloc(&area->machine->contents);
	if (!page->data)
		return -ENOMEM;
	memcpy(page->data, area->contents[offset], PAGE_SIZE);
	return 0;
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

/* --- areas --------------------------------------------------------------- */

/* All arrays in one piece, those of larger members first; 0 or -ENOMEM. */
static int area_map_arrays(struct swap_area *area)
{
	size_t nr = area->nr_slots, nr_clusters = area_nr_clusters(area);
	size_t nr_leaves = nr / SWAP_LEAF_SLOTS + 1;
	char *base;

	area->arrays_bytes = nr * (2 * sizeof(void *) + sizeof(uint32_t)) +
			     nr_clusters * sizeof(uint16_t) +
			     nr_leaves * (sizeof(void *) + sizeof(uint8_t));
	base = hostmem_map(area->arrays_bytes);
	if (!base)
		return -ENOMEM;
	area->cache = (void **)base;
	area->contents = area->cache + nr;
	area->leaves = (struct radix_node_record **)(area->contents + nr);
	area->map = (uint32_t *)(area->leaves + nr_leaves);
	area->cluster_used = (uint16_t *)(area->map + nr);
	area->leaf_used = (uint8_t *)(area->cluster_used + nr_clusters);
	area->map[0] = SLOT_COUNT_MASK; /* the header: nobody's, not free */
	return 0;
}

static unsigned area_free_type(const struct swap_state *state)
{
	unsigned type = 0;

	while (state->types[type])
		type++;
	return type;
}

struct swap_area *swap_area_add(struct mmsim_machine *machine, const char *path,
				uint64_t nr_slots, int prio)
{
	struct swap_state *state = machine->swap;
	struct swap_area *area = hostmem_map(sizeof(*area));

	ASSERT(nr_slots >= 2);
	if (!area)
		return NULL;
	area->machine = machine;
	area->type = area_free_type(state);
	area->path = path;
	area->nr_slots = nr_slots;
	area->next = 1;
	area->turn_left = SWAP_BATCH;
	if (area_map_arrays(area)) {
		hostmem_unmap(area, sizeof(*area));
		return NULL;
	}
	area->prio = prio < 0 ? --state->least_prio : prio;
	blkdev_init(machine, &area->dev, path, COST_SWAP_LATENCY,
		    COST_SWAP_PAGE, swap_end_write);
	area->dev.queue_pages = SWAP_QUEUE_PAGES;
	state->types[area->type] = area;
	list_init(&area->link);
	swap_area_reopen(area);
	return area;
}

void swap_area_close(struct swap_area *area)
{
	area->is_closing = true;
	list_del(&area->link);
	area->machine->total_swap_pages -= area->nr_slots - 1;
	area->machine->nr_swap_pages -= area_nr_free(area);
}

void swap_area_reopen(struct swap_area *area)
{
	area->is_closing = false;
	area_enqueue(area);
	area->machine->total_swap_pages += area->nr_slots - 1;
	area->machine->nr_swap_pages += area_nr_free(area);
}

/* The priorities below that one, all given without being asked, move up. */
static void area_close_gap(struct swap_state *state, int prio)
{
	struct swap_area *area;

	if (prio >= 0)
		return;
	list_for_each(area, &state->areas, link)
		if (area->prio < prio)
			area->prio++;
	state->least_prio++;
}

void swap_area_remove(struct swap_area *area)
{
	struct swap_state *state = area->machine->swap;

	blkdev_fini(&area->dev);
	state->types[area->type] = NULL;
	area_close_gap(state, area->prio);
	hostmem_unmap(area->cache, area->arrays_bytes);
	hostmem_unmap(area, sizeof(*area));
}

/* --- the machine --------------------------------------------------------- */

/* "/dev/vdb", ..., "/dev/vdz", "/dev/vdaa", ... */
static void device_set_path(struct swap_device *device, unsigned i)
{
	char *end = device->path + strlen(strcpy(device->path, "/dev/vd"));

	i++;
	if (i >= 26)
		*end++ = (char)('a' + i / 26 - 1);
	*end++ = (char)('a' + i % 26);
	*end = '\0';
}

_Static_assert((int)MAX_SWAPFILES == (int)SPEC_MAX_SWAPS,
	       "each device may be on");

int swap_init(struct mmsim_machine *machine)
{
	struct swap_state *state = hostmem_map(sizeof(*state));
	const struct spec *spec = &machine->spec;

	if (!state)
		return -ENOMEM;
	machine->swap = state;
	list_init(&state->areas);
	state->least_prio = machine->profile >= PROFILE_6_1 ? -1 : 0;
	state->ra_hits = 4;
	state->nr_devices = spec->nr_swaps;
	for (unsigned i = 0; i < spec->nr_swaps; i++) {
		struct swap_device *device = &state->devices[i];

		device_set_path(device, i);
		device->nr_slots = spec->swaps[i].bytes / PAGE_SIZE;
		if (!spec->swaps[i].is_off &&
		    !swap_area_add(machine, device->path, device->nr_slots,
				   spec->swaps[i].prio)) {
			swap_fini(machine);
			return -ENOMEM;
		}
	}
	return 0;
}

void swap_fini(struct mmsim_machine *machine)
{
	struct swap_state *state = machine->swap;

	if (!state)
		return;
	for (unsigned type = 0; type < MAX_SWAPFILES; type++) {
		struct swap_area *area = state->types[type];

		if (!area)
			continue;
		swap_area_close(area);
		swap_area_remove(area);
	}
	hostmem_unmap(state, sizeof(*state));
	machine->swap = NULL;
}
