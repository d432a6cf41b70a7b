/*
 * memory_model.c: three ways to find the struct page of a frame.
 *
 *   FLATMEM       one array from frame 0 to the last: mem_map + pfn.  Simple
 *                 and fast, but holes have their struct pages, too.
 *   DISCONTIGMEM  one array a node: holes between nodes are free, those within
 *                 a node are not; a table leads from a frame to its node.
 *                 (Gone since Linux 5.14.)
 *   SPARSEMEM     one array a section of 128 MB that has any memory: holes of
 *                 whole sections are free, sections can be plugged in and out.
 *                 With vmemmap the arrays lie side by side in kernel
 *                 addresses, so that it is mem_map + pfn again.
 *
 * The simulated machine itself keeps all struct pages in one reservation of
 * host addresses, which is what vmemmap does with kernel addresses; this file
 * tells what the machine would pay in each model.
 *
 * Source: kernel documentation, mm/memory-model.
 */
#include "kernel/memory_model.h"

#include "kernel/machine.h"
#include "kernel/memory_block.h"

/* Pages for the struct pages of so many frames. */
static uint64_t memory_model_pages(uint64_t nr_frames)
{
	return (nr_frames * STRUCT_PAGE_BYTES + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Sections that hold a part of a range, each once. */
static uint64_t memory_model_sections(const struct memory_range *map,
				      unsigned nr_ranges)
{
	uint64_t nr_sections = 0, next = 0;

	for (unsigned i = 0; i < nr_ranges; i++) {
		uint64_t first = memory_section_of(map[i].start);
		uint64_t last = memory_section_of(map[i].end - 1);

		first = first < next ? next : first;
		if (last >= first)
			nr_sections += last - first + 1;
		next = last + 1 > next ? last + 1 : next;
	}
	return nr_sections;
}

uint64_t memory_model_map_pages(enum memory_model model,
				const struct memory_range *map,
				unsigned nr_ranges)
{
	uint64_t nr_pages = 0;

	if (nr_ranges == 0)
		return 0;
	switch (model) {
	case MEMORY_FLATMEM:
		return memory_model_pages(map[nr_ranges - 1].end);
	case MEMORY_DISCONTIGMEM:
		for (unsigned i = 0; i < nr_ranges; i++)
			nr_pages +=
				memory_model_pages(map[i].end - map[i].start);
		return nr_pages;
	default:
		return memory_model_sections(map, nr_ranges) *
		       memory_model_pages(PAGES_PER_SECTION);
	}
}

/* From the node's first present frame to its last. */
static struct memory_range memory_model_node(const struct pglist_data *node)
{
	struct memory_range span = {UINT64_MAX, 0};

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct memory_range range = {0, 0};

		while (zone_next_range(&node->zones[type], &range)) {
			span.start = min_size(span.start, range.start);
			span.end = max_size(span.end, range.end);
		}
	}
	return span;
}

/* Nodes may lie between each other: the sum of what each spans. */
static uint64_t memory_model_node_pages(const struct mmsim_machine *machine,
					uint64_t *end)
{
	struct pglist_data *node;
	uint64_t nr_pages = 0;
	unsigned i;

	*end = 0;
	for_each_node(machine, node, i) {
		struct memory_range span = memory_model_node(node);

		if (span.end == 0)
			continue;
		nr_pages += memory_model_pages(span.end - span.start);
		*end = max_size(*end, span.end);
	}
	return nr_pages;
}

uint64_t memory_model_machine_pages(const struct mmsim_machine *machine,
				    enum memory_model model)
{
	uint64_t nr_sections = 0, nr_pages, end;

	nr_pages = memory_model_node_pages(machine, &end);
	if (model == MEMORY_DISCONTIGMEM)
		return nr_pages;
	if (model == MEMORY_FLATMEM)
		return memory_model_pages(end);
	for (uint64_t section = 0;
	     section * PAGES_PER_SECTION < machine->max_pfn; section++)
		nr_sections += memory_section_is_present(machine, section);
	return nr_sections * memory_model_pages(PAGES_PER_SECTION);
}

bool memory_section_is_present(const struct mmsim_machine *machine,
			       uint64_t section)
{
	return memory_is_present(machine, section * PAGES_PER_SECTION,
				 PAGES_PER_SECTION);
}
