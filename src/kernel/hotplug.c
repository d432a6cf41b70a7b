/*
 * hotplug.c: DIMMs are plugged in and taken out.
 *
 *   physical step   a DIMM comes: its frames get struct pages, and its blocks
 *                   appear, offline
 *   logical step    blocks are switched on and off (memory_online.c,
 *                   memory_offline.c), by hand or, with auto_online_blocks,
 *                   as they come
 *   physical step   all blocks are off: the DIMM can go, and its struct pages
 *
 * The struct pages of a block of 128 MB take 2 MB, which the kernel allocates
 * from the memory that it has: so plugging in costs memory first.
 *
 *     |  RAM of boot  | hole |  dimm 0  |   free   |  dimm 2  |
 *                            4 GB ...            first place that fits
 *
 * Simplified: the memory map is always allocated elsewhere, never on the DIMM
 * itself (memmap_on_memory), in base pages where no block of 2 MB is free; a
 * DIMM is taken out only when it is all offline (ACPI's eject tries to switch
 * it off by itself).
 *
 * Sources: kernel documentation, admin-guide/mm/memory-hotplug; QEMU's
 * documentation, memory-hotplug (slots, maxmem, where a DIMM goes).
 */
#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"

#include <mmsim/kernel.h>

#include <errno.h>

/* Pages of the memory map of so many frames. */
static uint64_t dimm_map_pages(uint64_t nr_frames)
{
	return nr_frames * STRUCT_PAGE_BYTES / PAGE_SIZE;
}

/* --- the memory map --------------------------------------------------- */

static void dimm_free_map(struct mmsim_machine *machine, struct dimm *dimm)
{
	while (!list_is_empty(&dimm->memmap)) {
		struct page *page = list_first(&dimm->memmap, struct page, lru);

		list_del(&page->lru);
		page_put(machine, page);
	}
}

/* 0 or -ENOMEM: nothing was kept. */
static int dimm_alloc_map(struct mmsim_machine *machine, struct dimm *dimm)
{
	uint64_t left = dimm_map_pages(dimm->range.end - dimm->range.start);
	gfp_t gfp = GFP_KERNEL | GFP_F_RETRY_MAYFAIL | GFP_F_NOWARN;
	unsigned order = HPAGE_PMD_ORDER;

	while (left > 0) {
		struct page *page = alloc_pages_node(machine, NULL, gfp, order,
						     dimm->node, 0);

		if (!page && order == 0)
			break;
		if (!page) {
			order = 0;
			continue;
		}
		page_set(page, PG_reserved);
		list_add_tail(&page->lru, &dimm->memmap);
		left -= (uint64_t)1 << order;
	}
	if (left == 0)
		return 0;
	dimm_free_map(machine, dimm);
	return -ENOMEM;
}

/* --- places ----------------------------------------------------------- */

/* The first place that no DIMM overlaps; 0: there is none. */
static pfn_t dimm_place(const struct hotplug_state *hotplug, uint64_t nr_pages)
{
	pfn_t at = hotplug->region.start;
	bool has_moved;

	do {
		has_moved = false;
		for (unsigned i = 0; i < hotplug->nr_slots; i++) {
			const struct memory_range *other =
				&hotplug->dimms[i].range;

			if (at < other->end && at + nr_pages > other->start) {
				at = other->end;
				has_moved = true;
			}
		}
	} while (has_moved);
	return at + nr_pages <= hotplug->region.end ? at : 0;
}

static struct dimm *dimm_free_slot(struct hotplug_state *hotplug)
{
	for (unsigned i = 0; i < hotplug->nr_slots; i++)
		if (hotplug->dimms[i].range.end == 0)
			return &hotplug->dimms[i];
	return NULL;
}

static struct memory_block *dimm_blocks(const struct hotplug_state *hotplug,
					const struct dimm *dimm, uint64_t *nr)
{
	*nr = (dimm->range.end - dimm->range.start) / hotplug->block_pages;
	return &hotplug->blocks[dimm->range.start / hotplug->block_pages];
}

/* --- in and out ------------------------------------------------------- */

static void dimm_appear(struct mmsim_machine *machine, struct dimm *dimm)
{
	struct hotplug_state *hotplug = machine->hotplug;
	uint64_t nr;
	struct memory_block *blocks = dimm_blocks(hotplug, dimm, &nr);

	machine->max_pfn = max_size(machine->max_pfn, dimm->range.end);
	for (uint64_t i = 0; i < nr; i++) {
		blocks[i].node = dimm->node;
		blocks[i].is_of_dimm = true;
		memory_block_set_state(machine, &blocks[i], MEMORY_OFFLINE);
	}
	for (uint64_t i = 0; i < nr && hotplug->auto_online; i++)
		memory_block_online(machine, &blocks[i], hotplug->auto_online);
}

static int do_dimm_add(struct mmsim_machine *machine, uint64_t bytes,
		       unsigned node, int *id)
{
	struct hotplug_state *hotplug = machine->hotplug;
	struct dimm *dimm = dimm_free_slot(hotplug);
	uint64_t nr_pages = bytes / PAGE_SIZE;
	pfn_t start;
	int err;

	if (bytes == 0 || bytes % (hotplug->block_pages * PAGE_SIZE) != 0 ||
	    node >= machine->nr_nodes)
		return -EINVAL;
	start = dimm ? dimm_place(hotplug, nr_pages) : 0;
	if (start == 0)
		return -ENOSPC;
	dimm->range = (struct memory_range){start, start + nr_pages};
	dimm->node = (uint8_t)node;
	list_init(&dimm->memmap);
	err = dimm_alloc_map(machine, dimm);
	if (err) {
		dimm->range = (struct memory_range){0, 0};
		return err;
	}
	dimm_appear(machine, dimm);
	*id = (int)(dimm - hotplug->dimms);
	return 0;
}

static int do_dimm_remove(struct mmsim_machine *machine, int id)
{
	struct hotplug_state *hotplug = machine->hotplug;
	struct memory_block *blocks;
	struct dimm *dimm;
	uint64_t nr;

	if (id < 0 || (unsigned)id >= hotplug->nr_slots ||
	    hotplug->dimms[id].range.end == 0)
		return -ENODEV;
	dimm = &hotplug->dimms[id];
	blocks = dimm_blocks(hotplug, dimm, &nr);
	for (uint64_t i = 0; i < nr; i++)
		if (blocks[i].state != MEMORY_OFFLINE)
			return -EBUSY;
	for (uint64_t i = 0; i < nr; i++) {
		memory_block_set_state(machine, &blocks[i], MEMORY_AS_BOOTED);
		blocks[i] = (struct memory_block){0};
	}
	dimm_free_map(machine, dimm);
	dimm->range = (struct memory_range){0, 0};
	return 0;
}

PUBLIC int mmsim_dimm_add(struct mmsim_machine *machine, uint64_t bytes,
			  unsigned node, int *id)
{
	int slot, err = machine_check(machine);

	if (err)
		return err;
	err = do_dimm_add(machine, bytes, node, &slot);
	if (!err && id)
		*id = slot;
	task_call_done(machine);
	return err;
}

PUBLIC int mmsim_dimm_remove(struct mmsim_machine *machine, int id)
{
	int err = machine_check(machine);

	if (err)
		return err;
	err = do_dimm_remove(machine, id);
	task_call_done(machine);
	return err;
}

PUBLIC int mmsim_memory_offline(struct mmsim_machine *machine, uint64_t block,
				uint64_t timeout_ns)
{
	struct memory_block *found;
	int err = machine_check(machine);

	if (err)
		return err;
	found = memory_block_find(machine, block);
	if (!found)
		return -ENOENT;
	err = memory_block_offline(machine, found, timeout_ns);
	task_call_done(machine);
	return err;
}
