/*
 * memory_block.c: which frames there are.
 *
 * What boot laid out stands in the zones (`boot`, one run of frames each). What
 * came, went or moved to another zone since then stands in the table of blocks,
 * which is consulted only when there is such a block.  So a machine without
 * hotplug pays nothing for it, and a block's state is the one truth about its
 * frames.
 *
 * The memory map has room for all frames that the machine may ever have
 * (maxmem=): it is a reservation, which costs nothing until a frame is used.
 * DIMMs are put above 4 GB and above the memory of boot, from the next whole GB
 * on.
 *
 * Source: kernel documentation, admin-guide/mm/memory-hotplug; recordings (a
 * DIMM beside 1 GB of RAM begins at 4 GB).
 */
#include "kernel/memory_block.h"

#include "base/hostmem.h"

#include <errno.h>

/* Frames that may be plugged in: maxmem less what is there at boot. */
static uint64_t memory_room(const struct mmsim_machine *machine)
{
	const struct spec *spec = &machine->spec;

	if (machine->arch != ARCH_X86_64 || spec->slots == 0)
		return 0;
	return (spec->maxmem - spec->ram) / PAGE_SIZE;
}

int memory_block_init(struct mmsim_machine *machine)
{
	struct hotplug_state *hotplug = hostmem_map(sizeof(*hotplug));
	pfn_t limit = SPEC_MAX_RAM / PAGE_SIZE;

	if (!hotplug)
		return -ENOMEM;
	machine->hotplug = hotplug;
	hotplug->block_pages = machine->spec.memory_block / PAGE_SIZE;
	hotplug->nr_slots = machine->spec.slots;
	hotplug->auto_online = ONLINE_OFFLINE;
	machine->nr_frames = align_up(machine->max_pfn, MAX_ORDER_NR_PAGES);
	if (memory_room(machine) >= hotplug->block_pages) {
		struct memory_range *region = &hotplug->region;

		region->start = align_up(
			max_size(machine->max_pfn, 4 * GIB / PAGE_SIZE),
			GIB / PAGE_SIZE);
		region->start = align_up(region->start, hotplug->block_pages);
		region->end = min_size(region->start +
					       align_down(memory_room(machine),
							  hotplug->block_pages),
				       limit);
		region->end = max_size(region->start, region->end);
		machine->nr_frames = max_size(machine->nr_frames, region->end);
	}
	hotplug->nr_blocks =
		align_up(machine->nr_frames, hotplug->block_pages) /
		hotplug->block_pages;
	hotplug->blocks =
		hostmem_map(hotplug->nr_blocks * sizeof(struct memory_block));
	return hotplug->blocks ? 0 : -ENOMEM;
}

void memory_block_fini(struct mmsim_machine *machine)
{
	struct hotplug_state *hotplug = machine->hotplug;

	if (!hotplug)
		return;
	hostmem_unmap(hotplug->blocks,
		      hotplug->nr_blocks * sizeof(struct memory_block));
	hostmem_unmap(hotplug, sizeof(*hotplug));
	machine->hotplug = NULL;
}

struct memory_range memory_block_range(const struct mmsim_machine *machine,
				       const struct memory_block *block)
{
	uint64_t block_pages = machine->hotplug->block_pages;
	pfn_t start = memory_block_nr(machine, block) * block_pages;

	return (struct memory_range){start, start + block_pages};
}

void memory_block_set_state(struct mmsim_machine *machine,
			    struct memory_block *block, enum memory_state state)
{
	struct hotplug_state *hotplug = machine->hotplug;

	hotplug->nr_changed += state != MEMORY_AS_BOOTED;
	hotplug->nr_changed -= block->state != MEMORY_AS_BOOTED;
	block->state = (uint8_t)state;
}

static struct memory_range memory_cut(struct memory_range range,
				      struct memory_range to)
{
	range.start = max_size(range.start, to.start);
	range.end = min_size(range.end, to.end);
	if (range.start >= range.end)
		range = (struct memory_range){0, 0};
	return range;
}

/* The part of block nr that belongs to the zone: one run, or {0, 0}. */
static struct memory_range memory_part(const struct zone *zone, uint64_t nr)
{
	const struct mmsim_machine *machine = zone->node->machine;
	const struct memory_block *block = &machine->hotplug->blocks[nr];
	struct memory_range range = memory_block_range(machine, block);

	if (block->state == MEMORY_AS_BOOTED)
		return memory_cut(range, zone->boot);
	if (block->state == MEMORY_OFFLINE || block->zone != zone)
		return (struct memory_range){0, 0};
	return range;
}

bool zone_has_frames(const struct zone *zone, pfn_t start, uint64_t nr)
{
	const struct mmsim_machine *machine = zone->node->machine;
	struct memory_range range = {start, start + nr};
	uint64_t block = start / machine->hotplug->block_pages;

	return memory_cut(range, memory_part(zone, block)).end > 0;
}

static bool memory_next_run(const struct zone *zone, struct memory_range *run)
{
	uint64_t block_pages = zone->node->machine->hotplug->block_pages;
	pfn_t at = max_size(run->end, zone->start_pfn);
	struct memory_range rest = {at, zone_end_pfn(zone)};
	bool has_begun = false;

	for (uint64_t nr = at / block_pages; nr * block_pages < rest.end;
	     nr++) {
		struct memory_range part =
			memory_cut(memory_part(zone, nr), rest);

		if (has_begun && part.start != run->end)
			break;
		if (part.end == 0)
			continue;
		if (!has_begun)
			run->start = part.start;
		run->end = part.end;
		has_begun = true;
	}
	return has_begun;
}

bool zone_next_range(const struct zone *zone, struct memory_range *range)
{
	if (zone->present_pages == 0)
		return false;
	if (zone->node->machine->hotplug->nr_changed > 0)
		return memory_next_run(zone, range);
	if (range->end > 0)
		return false;
	*range = zone->boot;
	return true;
}

bool memory_is_present(const struct mmsim_machine *machine, pfn_t start,
		       uint64_t nr)
{
	const struct hotplug_state *hotplug = machine->hotplug;
	struct memory_range range = {start, start + nr};
	const struct pglist_data *node;
	unsigned i;

	if (start >= machine->nr_frames)
		return false;
	if (hotplug->blocks[start / hotplug->block_pages].state !=
	    MEMORY_AS_BOOTED)
		return true;
	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			if (memory_cut(range, node->zones[type].boot).end > 0)
				return true;
	return false;
}

struct memory_block *memory_block_find(const struct mmsim_machine *machine,
				       uint64_t nr)
{
	struct hotplug_state *hotplug = machine->hotplug;

	if (nr >= hotplug->nr_blocks ||
	    !memory_is_present(machine, nr * hotplug->block_pages,
			       hotplug->block_pages))
		return NULL;
	return &hotplug->blocks[nr];
}

struct zone *memory_block_zone(const struct mmsim_machine *machine,
			       const struct memory_block *block)
{
	struct memory_range range = memory_block_range(machine, block);
	struct zone *found = NULL;
	struct pglist_data *node;
	unsigned i;

	if (block->state != MEMORY_AS_BOOTED)
		return block->zone;
	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			struct zone *zone = &node->zones[type];

			if (memory_cut(range, zone->boot).end == 0)
				continue;
			if (found)
				return NULL;
			found = zone;
		}
	return found;
}

bool memory_block_is_whole(const struct mmsim_machine *machine,
			   const struct memory_block *block)
{
	struct memory_range range = memory_block_range(machine, block);
	const struct pglist_data *node;
	uint64_t nr_pages = 0;
	unsigned i;

	if (block->state != MEMORY_AS_BOOTED)
		return true;
	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			struct memory_range part =
				memory_cut(range, node->zones[type].boot);

			nr_pages += part.end - part.start;
		}
	return nr_pages == range.end - range.start;
}
