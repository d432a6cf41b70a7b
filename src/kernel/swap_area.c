/*
 * swap_area.c: swap areas: made, closed, gone; those of the spec at boot.
 *
 * An area is a device of so many pages; the first is its header, each of the
 * others a slot for one page (swap_slot.c).  Areas are in a list by priority,
 * of equals the one whose turn is next in front:
 *
 *     areas   [ /dev/vdc: 5 ][ /dev/vdb: 1 ][ /dev/vdd: -2 ][ /swapfile: -3 ]
 *
 * Areas that were given no priority stand below all others, in the order in
 * which they came: -2, -3, ...  When one goes those below it move up.
 * (Before 4.14 the first was -1.)
 *
 * An area that swapoff empties is closed: its free slots do not count, and no
 * page goes there, but its entries are read as ever.
 *
 * Source: swapon(2), swapon(8); proc(5) (swaps).
 */
#include "base/hostmem.h"
#include "kernel/swap_state.h"

#include <errno.h>
#include <string.h>

/* --- areas --------------------------------------------------------------- */

/* All arrays in one piece, those of larger members first; 0 or -ENOMEM. */
static int area_map_arrays(struct swap_area *area)
{
	size_t nr = area->nr_slots, nr_clusters = swap_area_nr_clusters(area);
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

void swap_area_enqueue(struct swap_area *area)
{
	struct list_head *areas = &area->machine->swap->areas;
	struct swap_area *other;

	list_for_each(other, areas, link)
		if (other->prio < area->prio)
			break;
	list_add_tail(&area->link, &other->link);
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
	area->machine->nr_swap_pages -= swap_area_nr_free(area);
}

void swap_area_reopen(struct swap_area *area)
{
	area->is_closing = false;
	swap_area_enqueue(area);
	area->machine->total_swap_pages += area->nr_slots - 1;
	area->machine->nr_swap_pages += swap_area_nr_free(area);
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
