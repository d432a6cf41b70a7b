/*
 * vmstat.c: the names of the counters, and their sums over the machine.
 *
 * A level of a zone or a node is kept there only; the machine's is the sum.
 *
 * Simplified: older profiles have 6.1's lines.
 *
 * Source: proc(5), "/proc/vmstat", "/proc/zoneinfo".
 */
#include "kernel/vmstat.h"

#include "kernel/machine.h"
#include "kernel/page_alloc.h"

#define VMSTAT_TEXT(name, text) text,
const char zone_stat_names[NR_ZONE_STAT_ITEMS][VMSTAT_NAME_LEN] = {
	ZONE_STAT_ITEMS(VMSTAT_TEXT)};
const char numa_stat_names[NR_NUMA_STAT_ITEMS][VMSTAT_NAME_LEN] = {
	NUMA_STAT_ITEMS(VMSTAT_TEXT)};
const char node_stat_names[NR_NODE_STAT_ITEMS][VMSTAT_NAME_LEN] = {
	NODE_STAT_ITEMS(VMSTAT_TEXT)};
const char vm_event_names[NR_VM_EVENT_ITEMS][VMSTAT_NAME_LEN] = {
	VM_EVENT_ITEMS(VMSTAT_TEXT)};
#undef VMSTAT_TEXT

/* Events by zone in 32 bits, one row a zone. */
static const struct {
	enum vm_event_item first;
	char names[5][VMSTAT_NAME_LEN]; /* "": the rest */
} vmstat_rows_32[] = {
	{PGALLOC_DMA,
	 {"pgalloc_dma", "pgalloc_normal", "pgalloc_high", "pgalloc_movable",
	  ""}},
	{ALLOCSTALL_DMA,
	 {"allocstall_dma", "allocstall_normal", "allocstall_high",
	  "allocstall_movable", ""}},
	{PGSKIP_DMA,
	 {"pgskip_dma", "pgskip_normal", "pgskip_high", "pgskip_movable", ""}},
};

bool vmstat_has_zone_item(const struct mmsim_machine *machine,
			  enum zone_stat_item item)
{
	bool is_new = machine->profile >= PROFILE_6_18;

	if (item == NR_FREE_PAGES_BLOCKS)
		return is_new;
	return item != NR_BOUNCE || !is_new;
}

bool vmstat_has_node_item(const struct mmsim_machine *machine,
			  enum node_stat_item item)
{
	bool is_new = machine->profile >= PROFILE_6_18;

	if (item == NR_IOMMU_PAGES || item > PGPROMOTE_CANDIDATE)
		return is_new;
	return item != NR_WRITEBACK_TEMP || !is_new;
}

/* Free pages in blocks of a pageblock and more. */
static uint64_t vmstat_free_in_blocks(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (unsigned order = PAGEBLOCK_ORDER; order < MAX_ORDER; order++)
		for (unsigned type = 0; type < MIGRATE_TYPES; type++)
			nr_pages += buddy_nr_free(zone, order, type) << order;
	return nr_pages;
}

uint64_t vmstat_zone_value(const struct zone *zone, enum zone_stat_item item)
{
	return item == NR_FREE_PAGES_BLOCKS ? vmstat_free_in_blocks(zone)
					    : zone->stat[item];
}

static bool vm_event_is_shown(const struct mmsim_machine *machine,
			      enum vm_event_item item)
{
	switch (item) {
	case PGDEMOTE_KSWAPD: /* levels of a node later */
	case PGDEMOTE_DIRECT:
		return machine->profile < PROFILE_6_18;
	case PGSTEAL_KHUGEPAGED:
	case PGSTEAL_PROACTIVE:
	case PGSCAN_KHUGEPAGED:
	case PGSCAN_PROACTIVE:
	case PGSCAN_ZONE_RECLAIM_SUCCESS:
	case THP_UNDERUSED_SPLIT_PAGE:
	case SWPIN_ZERO:
	case SWPOUT_ZERO:
	case ZSWPWB:
	case DIRECT_MAP_LEVEL2_COLLAPSE:
	case DIRECT_MAP_LEVEL3_COLLAPSE:
		return machine->profile >= PROFILE_6_18;
	default:
		return true;
	}
}

const char *vm_event_name(const struct mmsim_machine *machine,
			  enum vm_event_item item)
{
	for (size_t i = 0; i < ARRAY_SIZE(vmstat_rows_32); i++) {
		enum vm_event_item first = vmstat_rows_32[i].first;
		const char *name;

		if (machine->arch == ARCH_X86_64 || item < first ||
		    item >= first + 5)
			continue;
		name = vmstat_rows_32[i].names[item - first];
		return *name ? name : NULL;
	}
	return vm_event_is_shown(machine, item) ? vm_event_names[item] : NULL;
}

uint64_t vmstat_zone_total(const struct mmsim_machine *machine,
			   enum zone_stat_item item)
{
	struct pglist_data *node;
	uint64_t total = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			total += vmstat_zone_value(&node->zones[type], item);
	return total;
}

uint64_t vmstat_node_total(const struct mmsim_machine *machine,
			   enum node_stat_item item)
{
	struct pglist_data *node;
	uint64_t total = 0;
	unsigned i;

	for_each_node(machine, node, i)
		total += node->stat[item];
	return total;
}

uint64_t vmstat_numa_total(const struct mmsim_machine *machine,
			   enum numa_stat_item item)
{
	struct pglist_data *node;
	uint64_t total = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			total += node->zones[type].numa_stat[item];
	return total;
}
