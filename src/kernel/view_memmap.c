/*
 * view_memmap.c: where the machine's frames are, and what their struct pages
 * cost in each memory model ("memmap").  A zone with holes has a line for each
 * of its pieces; the first tells the zone's managed pages.
 */
#include "kernel/memory_block.h"
#include "kernel/memory_model.h"
#include "kernel/view.h"

static void view_memmap_zone(struct outbuf *out, const struct zone *zone)
{
	struct memory_range range = {0, 0};
	bool is_first = true;

	while (zone_next_range(zone, &range)) {
		outbuf_printf(out, "%4u  %-8s %12lu %12lu", zone->node->id,
			      zone_names[zone->type],
			      (unsigned long)range.start,
			      (unsigned long)range.end);
		if (is_first)
			outbuf_printf(out, " %12lu",
				      (unsigned long)zone->managed_pages);
		outbuf_str(out, "\n");
		is_first = false;
	}
}

static void view_memmap_models(struct mmsim_machine *machine,
			       struct outbuf *out)
{
	static const char names[][16] = {
		[MEMORY_SPARSEMEM] = "sparsemem",
		[MEMORY_FLATMEM] = "flatmem",
		[MEMORY_DISCONTIGMEM] = "discontigmem",
	};

	for (unsigned model = 0; model < ARRAY_SIZE(names); model++) {
		uint64_t pages = memory_model_machine_pages(machine, model);

		outbuf_printf(
			out, "%-12s %12lu %12lu%s\n", names[model],
			(unsigned long)(pages * PAGE_SIZE / STRUCT_PAGE_BYTES),
			(unsigned long)pages_to_kb(pages),
			machine->spec.memory_model == model ? "  *" : "");
	}
}

int view_memmap(struct mmsim_machine *machine, struct outbuf *out,
		const char *args)
{
	struct pglist_data *node;
	unsigned i;

	(void)args;
	outbuf_printf(out, "node  %-8s %12s %12s %12s\n", "zone", "first",
		      "end", "managed");
	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			if (zone_is_populated(&node->zones[type]))
				view_memmap_zone(out, &node->zones[type]);
	outbuf_printf(out, "%-12s %12s %12s\n", "model", "struct pages", "kB");
	view_memmap_models(machine, out);
	return 0;
}
