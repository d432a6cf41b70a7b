/*
 * zone.c: where the frames are: nodes, their zones, and the order in which
 * zones are tried.
 *
 *     x86-64   0    16M            4G
 *              |DMA |    DMA32     |  Normal ...  |Movable|
 *     x86-32   0    16M       896M
 *              |DMA |  Normal |  HighMem ...      |Movable|
 *
 * A zone spans frames, some of which are present (there is RAM), and of those
 * some are managed (the buddy allocator has them).  The rest holds the kernel's
 * image, which lies at 16 MB, and the memory map and what else the kernel took
 * while it booted, from the top of memory down:
 *
 *     |DMA, managed at its top|image|    managed    |memory map, ...|
 *
 * Frame 0 is never managed: here it is the page of zeros.
 *
 * A spec with ram= lays the RAM out from address 0 without holes, and takes 64
 * bytes a frame for the memory map off each zone.  A spec with managed= gives
 * the pages of each zone as recorded.  Several nodes share the frames evenly,
 * node 0 first.
 *
 * Simplified: no hole below 4 GB for devices; a spec with ram= has no image.
 *
 * Sources: kernel documentation, mm/physical_memory; the recordings' zoneinfo.
 */
#include "kernel/zone.h"

#include "base/hostmem.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/memory_block.h"
#include "kernel/mempolicy.h"
#include "kernel/page_alloc.h"

#include <errno.h>
#include <string.h>

const char zone_names[MAX_NR_ZONES][8] = {
	[ZONE_DMA] = "DMA",         [ZONE_DMA32] = "DMA32",
	[ZONE_NORMAL] = "Normal",   [ZONE_HIGHMEM] = "HighMem",
	[ZONE_MOVABLE] = "Movable", [ZONE_DEVICE] = "Device",
};

enum {
	ZONE_FRAMES_PER_MAP_PAGE = (1 << PAGE_SHIFT) / STRUCT_PAGE_BYTES,
	/* frames of the recorded kernel's image: code 14343K, data 2338K and
	 * 9132K, bss 17344K */
	ZONE_IMAGE_FRAMES = 10789,
	ZONE_DISTANCE_LOCAL = 10,
	ZONE_DISTANCE_REMOTE = 20,
};
/* From this much memory on, the kernel chooses min_free_kbytes a second time. */
#define ZONE_SECOND_CHOICE_PAGES ((uint64_t)512 * MIB / PAGE_SIZE)

/* The frames of one zone on all nodes. */
struct zone_range {
	pfn_t start, end; /* the zone's span */
	pfn_t present_start, present_end;
	uint64_t managed;
};

enum zone_type gfp_zone(const struct mmsim_machine *machine, gfp_t gfp)
{
	bool is_64 = machine->arch == ARCH_X86_64;

	if (gfp & GFP_F_DMA)
		return ZONE_DMA;
	if (gfp & GFP_F_DMA32)
		return is_64 ? ZONE_DMA32 : ZONE_NORMAL;
	if (!(gfp & GFP_F_HIGHMEM))
		return ZONE_NORMAL;
	if (gfp & GFP_F_MOVABLE)
		return ZONE_MOVABLE;
	return is_64 ? ZONE_NORMAL : ZONE_HIGHMEM;
}

static bool zone_exists(enum arch arch, enum zone_type type)
{
	if (arch == ARCH_X86_64)
		return type != ZONE_HIGHMEM;
	return type != ZONE_DMA32 && type != ZONE_DEVICE;
}

/* The first frame that is above the zone. */
static pfn_t zone_limit(enum arch arch, enum zone_type type)
{
	if (type == ZONE_DMA)
		return 16 * MIB / PAGE_SIZE;
	if (arch == ARCH_X86_64 && type == ZONE_DMA32)
		return 4 * GIB / PAGE_SIZE;
	if (arch != ARCH_X86_64 && type == ZONE_NORMAL)
		return 896 * MIB / PAGE_SIZE;
	return UINT64_MAX;
}

/* Frames [0, nr_frames) cut at the limits of the zones. */
static void zone_lay_out_ram(const struct spec *spec, struct zone_range *ranges)
{
	pfn_t nr_frames = spec->ram / PAGE_SIZE, start = 0;

	for (int type = 0; type < ZONE_MOVABLE; type++) {
		struct zone_range *range = &ranges[type];
		pfn_t end = zone_limit(spec->arch, type);

		if (!zone_exists(spec->arch, type) || start >= nr_frames)
			continue;
		range->start = start > 0 ? start : 1;
		range->end = end < nr_frames ? end : nr_frames;
		range->present_start = range->start;
		range->present_end = range->end;
		start = range->end;
	}
}

/* Zones of given sizes, each where the architecture has it. */
static void zone_lay_out_managed(const struct spec *spec,
				 struct zone_range *ranges)
{
	pfn_t start = 1, end = 1;

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct zone_range *range = &ranges[type];
		uint64_t present = spec->present[type];
		pfn_t limit = zone_limit(spec->arch, type);

		if (!zone_exists(spec->arch, type))
			continue;
		if (present > 0) {
			if (limit == UINT64_MAX)
				start = type >= ZONE_MOVABLE
						? align_up(end,
							   MAX_ORDER_NR_PAGES)
						: start;
			range->start = start;
			range->present_start =
				type == ZONE_DMA ? limit - present : start;
			range->present_end = range->present_start + present;
			range->end = range->present_end;
			range->managed = spec->managed[type];
			end = range->end;
		}
		start = limit == UINT64_MAX ? end : limit;
	}
	/* a hole below the next zone belongs to the zone */
	for (int type = 0; type < ZONE_MOVABLE; type++) {
		pfn_t limit = zone_limit(spec->arch, type);

		if (ranges[type].end > 0 && limit < end)
			ranges[type].end = limit;
	}
}

/* Pages of the memory map of frames [0, end). */
static uint64_t zone_map_pages(pfn_t end)
{
	return (end + ZONE_FRAMES_PER_MAP_PAGE - 1) / ZONE_FRAMES_PER_MAP_PAGE;
}

/* Managed pages of the part [start, end) of a zone made by ram=. */
static uint64_t zone_ram_managed(pfn_t start, pfn_t end)
{
	/* frame 0 counts as one of the memory map's */
	if (start == 1)
		start = 0;
	return end - start - (zone_map_pages(end) - zone_map_pages(start));
}

/* The part of a zone's range that lies on the node with frames [low, high). */
static struct zone_range zone_cut(const struct spec *spec,
				  const struct zone_range *range, pfn_t low,
				  pfn_t high)
{
	/* the first nodes bear what is not managed */
	pfn_t managed_start = range->present_end - range->managed;
	struct zone_range part = {
		.start = max_size(range->start, low),
		.end = min_size(range->end, high),
		.present_start = max_size(range->present_start, low),
		.present_end = min_size(range->present_end, high),
	};

	if (part.present_start >= part.present_end)
		return (struct zone_range){0};
	if (!spec->has_managed)
		part.managed =
			zone_ram_managed(part.present_start, part.present_end);
	else if (managed_start < part.present_end)
		part.managed = part.present_end -
			       max_size(part.present_start, managed_start);
	return part;
}

/* The part that a spec gives to the node itself. */
static struct zone_range zone_cut_given(const struct spec *spec,
					const struct zone_range *range,
					enum zone_type type, unsigned id)
{
	struct zone_range part = {.start = range->present_start};

	for (unsigned i = 0; i < id; i++)
		part.start += spec->node_present[i][type];
	part.present_start = part.start;
	part.present_end = part.start + spec->node_present[id][type];
	part.end = part.present_end;
	/* the whole span, with its hole, where there is one node only */
	if (part.present_start == range->present_start)
		part.start = range->start;
	if (part.present_end == range->present_end)
		part.end = range->end;
	part.managed = spec->node_managed[id][type];
	return part;
}

/* The managed frames of a part. */
static struct memory_range zone_managed_range(const struct spec *spec,
					      enum zone_type type,
					      const struct zone_range *part)
{
	uint64_t present = part->present_end - part->present_start;
	uint64_t image = 0;

	if (type == ZONE_DMA)
		image = present - part->managed;
	else if (spec->has_managed && type == ZONE_DMA32 &&
		 part->present_start == 16 * MIB / PAGE_SIZE &&
		 present - part->managed >= ZONE_IMAGE_FRAMES)
		image = ZONE_IMAGE_FRAMES;
	return (struct memory_range){part->present_start + image,
				     part->present_start + image +
					     part->managed};
}

static void zone_set_up(struct pglist_data *node, enum zone_type type,
			const struct zone_range *part)
{
	struct mmsim_machine *machine = node->machine;
	struct memory_range managed =
		zone_managed_range(&machine->spec, type, part);
	struct zone *zone = &node->zones[type];

	if (part->present_start >= part->present_end)
		return;
	zone->start_pfn = part->start;
	zone->spanned_pages = part->end - part->start;
	zone->present_pages = part->present_end - part->present_start;
	zone->managed_pages = part->managed;
	zone->boot.start = part->present_start;
	zone->boot.end = part->present_end;
	if (part->managed > 0)
		buddy_add_range(zone, managed.start, managed.end);
	if (node->spanned_pages == 0)
		node->start_pfn = part->start;
	node->spanned_pages = part->end - node->start_pfn;
	node->present_pages += zone->present_pages;
	machine->totalram_pages += zone->managed_pages;
	if (type == ZONE_HIGHMEM)
		machine->totalhigh_pages += zone->managed_pages;
}

/* The zone's place among those that the architecture has. */
static unsigned zone_event_row(enum arch arch, enum zone_type type)
{
	unsigned row = 0;

	for (int i = 0; i < (int)type; i++)
		row += zone_exists(arch, i);
	return row;
}

static struct pglist_data *node_create(struct mmsim_machine *machine,
				       unsigned id)
{
	struct pglist_data *node = hostmem_map(sizeof(*node));

	if (!node)
		return NULL;
	node->machine = machine;
	node->id = id;
	node->is_online = true;
	lruvec_init(&node->lruvec);
	for (unsigned i = 0; i < MAX_NODES; i++)
		node->distance[i] =
			i == id ? ZONE_DISTANCE_LOCAL : ZONE_DISTANCE_REMOTE;
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &node->zones[type];

		zone->node = node;
		zone->type = type;
		zone->event_row = zone_event_row(machine->arch, type);
		zone->is_present_arch = zone_exists(machine->arch, type);
		for (int order = 0; order < MAX_ORDER; order++)
			for (int i = 0; i < MIGRATE_TYPES; i++)
				list_init(&zone->free_area[order].list[i]);
		for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
			for (int i = 0; i < MIGRATE_PCPTYPES; i++)
				list_init(&zone->pcp[cpu].list[i]);
	}
	return node;
}

/* All zones of a node, the highest first. */
static void zonelist_add_node(struct zonelist *list, struct pglist_data *node)
{
	for (int type = MAX_NR_ZONES - 1; type >= 0; type--) {
		struct zone *zone = &node->zones[type];

		if (zone->managed_pages == 0)
			continue;
		list->refs[list->nr_refs].zone = zone;
		list->refs[list->nr_refs].type = type;
		list->nr_refs++;
	}
}

/* The nearest node that was not yet taken; the lower id first. */
static struct pglist_data *zonelist_next_node(struct mmsim_machine *machine,
					      const struct pglist_data *from,
					      nodemask_t taken)
{
	struct pglist_data *node, *best = NULL;
	unsigned i;

	for_each_node(machine, node, i) {
		/* equal distances: round from the node's own id upwards */
		if (taken >> i & 1)
			continue;
		if (!best || from->distance[i] < from->distance[best->id] ||
		    (from->distance[i] == from->distance[best->id] &&
		     i > from->id && best->id < from->id))
			best = node;
	}
	return best;
}

void zone_build_zonelists(struct mmsim_machine *machine)
{
	struct pglist_data *node, *next;
	unsigned i;

	for_each_node(machine, node, i) {
		nodemask_t taken = 0;

		node->nofallback.nr_refs = 0;
		zonelist_add_node(&node->nofallback, node);
		node->fallback.nr_refs = 0;
		node->has_memory = node->nofallback.nr_refs > 0;
		while ((next = zonelist_next_node(machine, node, taken))) {
			zonelist_add_node(&node->fallback, next);
			taken |= (nodemask_t)1 << next->id;
		}
	}
}

/* Pages above the high marks, in all zones. */
static uint64_t zone_pages_above_high(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	uint64_t nr_pages = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = &node->zones[type];

			if (zone->managed_pages > zone->watermark[WMARK_HIGH])
				nr_pages += zone->managed_pages -
					    zone->watermark[WMARK_HIGH];
		}
	return nr_pages;
}

void zone_log_zonelists(struct mmsim_machine *machine)
{
	struct pglist_data *node, *next;
	unsigned i;

	for_each_node(machine, node, i) {
		nodemask_t taken = 0;
		char text[4 * MAX_NODES];
		struct outbuf out;

		outbuf_init(&out, text, sizeof(text), -1);
		while ((next = zonelist_next_node(machine, node, taken))) {
			outbuf_printf(&out, "%u ", next->id);
			taken |= (nodemask_t)1 << next->id;
		}
		printk(machine, "Fallback order for Node %u: %s", node->id,
		       text);
	}
	printk(machine,
	       "Built %u zonelists, mobility grouping on.  Total pages: %lu",
	       machine->nr_nodes,
	       (unsigned long)zone_pages_above_high(machine));
	printk(machine, "Policy zone: %s", zone_names[mempolicy_zone(machine)]);
}

/* CPUs go to the nodes in blocks; where there are fewer, one to each. */
static void zone_place_cpus(struct mmsim_machine *machine)
{
	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
		unsigned node = cpu;

		if (machine->nr_cpus >= machine->nr_nodes)
			node = cpu * machine->nr_nodes / machine->nr_cpus;
		machine->cpu_node[cpu] = node;
		machine->nodes[node]->has_cpu = true;
	}
}

/* Where node `id` of the machine begins: an even share of the frames, to the
 * nearest block of the highest order. */
static pfn_t zone_node_start(const struct mmsim_machine *machine, unsigned id)
{
	pfn_t start = machine->max_pfn * id / machine->nr_nodes;

	if (id == machine->nr_nodes)
		return machine->max_pfn;
	return align_down(start + MAX_ORDER_NR_PAGES / 2, MAX_ORDER_NR_PAGES);
}

static int zone_map_memory(struct mmsim_machine *machine)
{
	uint64_t nr_booted = align_up(machine->max_pfn, MAX_ORDER_NR_PAGES);

	if (memory_block_init(machine) < 0)
		return -ENOMEM;
	machine->mem_map =
		hostmem_map(machine->nr_frames * sizeof(struct page));
	machine->pageblocks =
		hostmem_map(machine->nr_frames >> PAGEBLOCK_ORDER);
	if (!machine->mem_map || !machine->pageblocks)
		return -ENOMEM;
	memset(machine->pageblocks, MIGRATE_MOVABLE,
	       nr_booted >> PAGEBLOCK_ORDER);
	machine->zero_page = &machine->mem_map[0];
	machine->zero_page->flags = PG_reserved;
	machine->zero_page->refcount = 1;
	list_init(&machine->zero_page->lru);
	return 0;
}

/*
 * The figures that the kernel chose while it booted, when the pages of its
 * start-up code and of the initrd (which lies at the top of memory, so on the
 * last node) had not been given back yet.  With 512 MB and more it chooses a
 * second time, and then knows the zones' high marks.
 */
static void zone_choose_watermarks(struct mmsim_machine *machine)
{
	struct zone *first = &machine->nodes[0]->zones[ZONE_DMA32];
	struct zone *last =
		&machine->nodes[machine->nr_nodes - 1]->zones[ZONE_DMA32];
	uint64_t late = machine->spec.boot_freed;
	uint64_t late_last = machine->nr_nodes > 1 ? late * 3 / 10 : 0;
	bool is_small =
		machine->totalram_pages - late < ZONE_SECOND_CHOICE_PAGES;
	uint64_t first_managed = first->managed_pages;
	uint64_t last_managed = last->managed_pages;

	first->managed_pages -= min_size(first_managed, late - late_last);
	if (last != first)
		last->managed_pages -= min_size(last_managed, late_last);
	for (int i = is_small; i < 2; i++) {
		machine->vm.min_free_kbytes =
			(int64_t)zone_default_min_free_kbytes(machine);
		zone_setup_watermarks(machine);
	}
	last->managed_pages = last_managed;
	first->managed_pages = first_managed;
}

/* Gives the node its part of every zone. */
static void zone_fill_node(struct pglist_data *node,
			   const struct zone_range *ranges)
{
	const struct mmsim_machine *machine = node->machine;
	const struct spec *spec = &machine->spec;
	pfn_t low = zone_node_start(machine, node->id);
	pfn_t high = zone_node_start(machine, node->id + 1);

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct zone_range part;

		if (spec->has_node_zones)
			part = zone_cut_given(spec, &ranges[type], type,
					      node->id);
		else
			part = zone_cut(spec, &ranges[type], low, high);
		zone_set_up(node, type, &part);
	}
}

int zone_init(struct mmsim_machine *machine)
{
	const struct spec *spec = &machine->spec;
	struct zone_range ranges[MAX_NR_ZONES] = {0};

	if (spec->has_managed)
		zone_lay_out_managed(spec, ranges);
	else
		zone_lay_out_ram(spec, ranges);
	for (int type = 0; type < MAX_NR_ZONES; type++)
		if (ranges[type].end > machine->max_pfn)
			machine->max_pfn = ranges[type].end;
	if (zone_map_memory(machine) < 0)
		return -ENOMEM;
	for (unsigned id = 0; id < machine->nr_nodes; id++) {
		struct pglist_data *node = node_create(machine, id);

		if (!node)
			return -ENOMEM;
		machine->nodes[id] = node;
		zone_fill_node(node, ranges);
	}
	zone_place_cpus(machine);
	zone_build_zonelists(machine);
	zone_choose_watermarks(machine);
	zone_setup_protection(machine);
	pcp_setup(machine);
	return 0;
}

void zone_fini(struct mmsim_machine *machine)
{
	for (unsigned id = 0; id < MAX_NODES; id++) {
		hostmem_unmap(machine->nodes[id], sizeof(struct pglist_data));
		machine->nodes[id] = NULL;
	}
	hostmem_unmap(machine->pageblocks,
		      machine->nr_frames >> PAGEBLOCK_ORDER);
	hostmem_unmap(machine->mem_map,
		      machine->nr_frames * sizeof(struct page));
	machine->mem_map = NULL;
	memory_block_fini(machine);
}
