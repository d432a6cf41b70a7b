/*
 * proc/zone.c: the files that show zones and nodes.
 *
 *   /proc/zoneinfo       each zone's size, watermarks, protection, counters,
 *                        per-CPU lists
 *   /proc/buddyinfo      free blocks of each order
 *   /proc/pagetypeinfo   the same by migrate type, and the pageblocks' types
 *   /sys/devices/system/node/nodeN/...   meminfo, numastat, vmstat, distance,
 *                        cpulist, cpumap
 *
 * Simplified: pagetypeinfo counts as far as it goes (Linux stops at 100,000
 * blocks a list).
 *
 * Sources: proc(5), numa(7), kernel documentation, admin-guide/numastat and
 * filesystems/proc; spaces as in the recordings, and as a 6.18 has them.
 */
#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"
#include "kernel/proc/proc.h"

#include <errno.h>

enum {
	ZONE_MAX_RECLAIM_RETRIES = 16, /* then kswapd has given the node up */
	ZONE_MIN_HIGH_FRACTION = 8,    /* of vm.percpu_pagelist_high_fraction */
};

static const char migratetype_names[MIGRATE_TYPES][16] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",
	[MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable",
	[MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_ISOLATE] = "Isolate",
};

/* Calls show for each zone that the architecture has. */
static void for_each_arch_zone(struct mmsim_machine *machine,
			       struct outbuf *out, bool only_populated,
			       void (*show)(struct outbuf *out,
					    struct zone *zone))
{
	struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			struct zone *zone = &node->zones[type];

			if (!zone->is_present_arch ||
			    (only_populated && !zone_is_populated(zone)))
				continue;
			show(out, zone);
		}
}

static void show_count(struct outbuf *out, const char *name, uint64_t count)
{
	outbuf_printf(out, "\n      %-12s %lu", name, (unsigned long)count);
}

static bool zone_is_first_of_node(const struct zone *zone)
{
	const struct zone *first = zone->node->zones;

	while (!zone_is_populated(first))
		first++;
	return zone == first;
}

/* Bits that x needs. */
static unsigned fls64(uint64_t x)
{
	return x ? log2_floor(x) + 1 : 0;
}

/* Changes that a CPU keeps to itself before the counters show them: grows with
 * the CPUs and with the zone, in units of 128 MB. */
static unsigned zone_stat_threshold(const struct zone *zone)
{
	uint64_t units = zone->managed_pages >> (SECTION_SHIFT - PAGE_SHIFT);
	unsigned threshold =
		2 * fls64(zone->node->machine->nr_cpus) * (1 + fls64(units));

	return threshold < 125 ? threshold : 125;
}

/* As since 6.6, with promo and high_min. */
static bool zone_is_new_form(const struct zone *zone)
{
	return zone->node->machine->profile >= PROFILE_6_18;
}

static void show_zone_sizes(struct outbuf *out, const struct zone *zone)
{
	const uint64_t *mark = zone->watermark;
	bool is_first = true;

	outbuf_printf(out,
		      "\n  pages free     %lu\n        boost    %lu"
		      "\n        min      %lu\n        low      %lu"
		      "\n        high     %lu",
		      (unsigned long)zone->stat[NR_FREE_PAGES],
		      (unsigned long)zone->watermark_boost,
		      (unsigned long)mark[WMARK_MIN],
		      (unsigned long)mark[WMARK_LOW],
		      (unsigned long)mark[WMARK_HIGH]);
	if (zone_is_new_form(zone))
		/* one step more */
		outbuf_printf(out, "\n        promo    %lu",
			      (unsigned long)(2 * mark[WMARK_HIGH] -
					      mark[WMARK_LOW]));
	outbuf_printf(out,
		      "\n        spanned  %lu\n        present  %lu"
		      "\n        managed  %lu\n        cma      0"
		      "\n        protection: (",
		      (unsigned long)zone->spanned_pages,
		      (unsigned long)zone->present_pages,
		      (unsigned long)zone->managed_pages);
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		if (!zone->node->zones[type].is_present_arch)
			continue;
		outbuf_printf(out, "%s%lu", is_first ? "" : ", ",
			      (unsigned long)zone->protection[type]);
		is_first = false;
	}
	outbuf_str(out, ")");
}

static void show_zone_pageset(struct outbuf *out, const struct zone *zone,
			      unsigned cpu)
{
	const struct per_cpu_pages *pcp = &zone->pcp[cpu];
	unsigned nr_cpus = zone->node->machine->nr_cpus;

	if (zone_is_new_form(zone))
		outbuf_printf(out,
			      "\n    cpu: %u\n              count:    %d"
			      "\n              high:     %d"
			      "\n              batch:    %d"
			      "\n              high_min: %d"
			      "\n              high_max: %lu",
			      cpu, pcp->count, pcp->high, pcp->batch, pcp->high,
			      (unsigned long)(zone->managed_pages /
					      ZONE_MIN_HIGH_FRACTION /
					      nr_cpus));
	else
		outbuf_printf(out,
			      "\n    cpu: %u\n              count: %d"
			      "\n              high:  %d"
			      "\n              batch: %d",
			      cpu, pcp->count, pcp->high, pcp->batch);
	outbuf_printf(out, "\n  vm stats threshold: %u",
		      zone_stat_threshold(zone));
}

static void show_zone_pagesets(struct outbuf *out, const struct zone *zone)
{
	outbuf_str(out, "\n  pagesets");
	for (unsigned cpu = 0; cpu < zone->node->machine->nr_cpus; cpu++)
		show_zone_pageset(out, zone, cpu);
	outbuf_printf(out,
		      "\n  node_unreclaimable:  %d\n  start_pfn:           %lu",
		      zone->node->kswapd_failures >= ZONE_MAX_RECLAIM_RETRIES,
		      (unsigned long)zone->start_pfn);
}

static void show_zoneinfo_zone(struct outbuf *out, struct zone *zone)
{
	const struct mmsim_machine *machine = zone->node->machine;

	outbuf_printf(out, "Node %u, zone %8s", zone->node->id,
		      zone_names[zone->type]);
	if (zone_is_populated(zone) && zone_is_first_of_node(zone)) {
		outbuf_str(out, "\n  per-node stats");
		for (int i = 0; i < NR_NODE_STAT_ITEMS; i++)
			if (vmstat_has_node_item(machine, i))
				show_count(out, node_stat_names[i],
					   zone->node->stat[i]);
	}
	show_zone_sizes(out, zone);
	if (zone_is_populated(zone)) {
		for (int i = 0; i < NR_ZONE_STAT_ITEMS; i++)
			if (vmstat_has_zone_item(machine, i))
				show_count(out, zone_stat_names[i],
					   vmstat_zone_value(zone, i));
		for (int i = 0; i < NR_NUMA_STAT_ITEMS; i++)
			show_count(out, numa_stat_names[i], zone->numa_stat[i]);
		show_zone_pagesets(out, zone);
	}
	outbuf_str(out, "\n");
}

static int show_zoneinfo(struct mmsim_machine *machine, struct mmsim_task *task,
			 struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	for_each_arch_zone(machine, out, false, show_zoneinfo_zone);
	return 0;
}

static void show_buddyinfo_zone(struct outbuf *out, struct zone *zone)
{
	outbuf_printf(out, "Node %u, zone %8s ", zone->node->id,
		      zone_names[zone->type]);
	for (unsigned order = 0; order < MAX_ORDER; order++) {
		uint64_t nr_blocks = 0;

		for (int type = 0; type < MIGRATE_TYPES; type++)
			nr_blocks += buddy_nr_free(zone, order, type);
		outbuf_printf(out, "%6lu ", (unsigned long)nr_blocks);
	}
	outbuf_str(out, "\n");
}

static int show_buddyinfo(struct mmsim_machine *machine,
			  struct mmsim_task *task, struct outbuf *out,
			  const void *arg)
{
	(void)task;
	(void)arg;
	for_each_arch_zone(machine, out, true, show_buddyinfo_zone);
	return 0;
}

static void show_pagetype_free(struct outbuf *out, struct zone *zone)
{
	for (int type = 0; type < MIGRATE_TYPES; type++) {
		outbuf_printf(out, "Node %4u, zone %8s, type %12s ",
			      zone->node->id, zone_names[zone->type],
			      migratetype_names[type]);
		for (unsigned order = 0; order < MAX_ORDER; order++)
			outbuf_printf(out, "%6lu ",
				      (unsigned long)buddy_nr_free(zone, order,
								   type));
		outbuf_str(out, "\n");
	}
}

static void show_pagetype_blocks(struct outbuf *out, struct zone *zone)
{
	const struct mmsim_machine *machine = zone->node->machine;
	uint64_t counts[MIGRATE_TYPES] = {0};
	struct memory_range range = {0, 0};

	while (zone_next_range(zone, &range))
		for (pfn_t pfn = align_down(range.start, HPAGE_PMD_NR);
		     pfn < range.end; pfn += HPAGE_PMD_NR)
			counts[pageblock_migratetype(machine, pfn)]++;
	outbuf_printf(out, "Node %u, zone %8s ", zone->node->id,
		      zone_names[zone->type]);
	for (int type = 0; type < MIGRATE_TYPES; type++)
		outbuf_printf(out, "%12lu ", (unsigned long)counts[type]);
	outbuf_str(out, "\n");
}

static int show_pagetypeinfo(struct mmsim_machine *machine,
			     struct mmsim_task *task, struct outbuf *out,
			     const void *arg)
{
	(void)task;
	(void)arg;
	outbuf_printf(out,
		      "Page block order: %d\nPages per block:  %d\n\n%-43s ",
		      PAGEBLOCK_ORDER, 1 << PAGEBLOCK_ORDER,
		      "Free pages count per migrate type at order");
	for (int order = 0; order < MAX_ORDER; order++)
		outbuf_printf(out, "%6d ", order);
	outbuf_str(out, "\n");
	for_each_arch_zone(machine, out, true, show_pagetype_free);
	outbuf_printf(out, "\n%-23s", "Number of blocks type ");
	for (int type = 0; type < MIGRATE_TYPES; type++)
		outbuf_printf(out, "%12s ", migratetype_names[type]);
	outbuf_str(out, "\n");
	for_each_arch_zone(machine, out, true, show_pagetype_blocks);
	return 0;
}

/* --- /sys/devices/system/node/nodeN ---------------------------------------- */

static uint64_t node_zone_sum(const struct pglist_data *node,
			      enum zone_stat_item item)
{
	uint64_t sum = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++)
		sum += vmstat_zone_value(&node->zones[type], item);
	return sum;
}

static uint64_t node_managed(const struct pglist_data *node)
{
	uint64_t sum = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++)
		sum += node->zones[type].managed_pages;
	return sum;
}

/* One line; `pages` in kB. */
static void node_line(struct outbuf *out, const struct pglist_data *node,
		      const char *name, uint64_t pages)
{
	outbuf_printf(out, "Node %u %-16s%8lu kB\n", node->id, name,
		      (unsigned long)pages_to_kb(pages));
}

static void node_show_high(struct outbuf *out, const struct pglist_data *node)
{
	const struct zone *high = &node->zones[ZONE_HIGHMEM];
	uint64_t high_free = high->stat[NR_FREE_PAGES];

	node_line(out, node, "HighTotal:", high->managed_pages);
	node_line(out, node, "HighFree:", high_free);
	node_line(out, node,
		  "LowTotal:", node_managed(node) - high->managed_pages);
	node_line(out, node,
		  "LowFree:", node_zone_sum(node, NR_FREE_PAGES) - high_free);
}

static void node_show_usage(struct outbuf *out, const struct pglist_data *node)
{
	const uint64_t *stat = node->stat;
	uint64_t total = node_managed(node);
	uint64_t free = node_zone_sum(node, NR_FREE_PAGES);

	node_line(out, node, "MemTotal:", total);
	node_line(out, node, "MemFree:", free);
	node_line(out, node, "MemUsed:", total - free);
	node_line(out, node, "SwapCached:", stat[NR_SWAPCACHE]);
	node_line(out, node,
		  "Active:", stat[NR_ACTIVE_ANON] + stat[NR_ACTIVE_FILE]);
	node_line(out, node,
		  "Inactive:", stat[NR_INACTIVE_ANON] + stat[NR_INACTIVE_FILE]);
	node_line(out, node, "Active(anon):", stat[NR_ACTIVE_ANON]);
	node_line(out, node, "Inactive(anon):", stat[NR_INACTIVE_ANON]);
	node_line(out, node, "Active(file):", stat[NR_ACTIVE_FILE]);
	node_line(out, node, "Inactive(file):", stat[NR_INACTIVE_FILE]);
	node_line(out, node, "Unevictable:", stat[NR_UNEVICTABLE]);
	node_line(out, node, "Mlocked:", node_zone_sum(node, NR_MLOCK));
	if (node->machine->arch != ARCH_X86_64)
		node_show_high(out, node);
}

static int show_node_meminfo(struct mmsim_machine *machine,
			     struct mmsim_task *task, struct outbuf *out,
			     const void *arg)
{
	const struct pglist_data *node = arg;
	const uint64_t *stat;
	uint64_t reclaimable;

	(void)machine;
	(void)task;
	stat = node->stat;
	reclaimable = stat[NR_SLAB_RECLAIMABLE];
	node_show_usage(out, node);
	node_line(out, node, "Dirty:", stat[NR_FILE_DIRTY]);
	node_line(out, node, "Writeback:", stat[NR_WRITEBACK]);
	node_line(out, node, "FilePages:", stat[NR_FILE_PAGES]);
	node_line(out, node, "Mapped:", stat[NR_FILE_MAPPED]);
	node_line(out, node, "AnonPages:", stat[NR_ANON_MAPPED]);
	node_line(out, node, "Shmem:", stat[NR_SHMEM]);
	outbuf_printf(out, "Node %u %-16s%8lu kB\n", node->id,
		      "KernelStack:", (unsigned long)stat[NR_KERNEL_STACK_KB]);
	node_line(out, node, "PageTables:", stat[NR_PAGETABLE]);
	node_line(out, node, "SecPageTables:", stat[NR_SECONDARY_PAGETABLE]);
	node_line(out, node, "NFS_Unstable:", 0);
	node_line(out, node, "Bounce:", node_zone_sum(node, NR_BOUNCE));
	node_line(out, node, "WritebackTmp:", stat[NR_WRITEBACK_TEMP]);
	node_line(out, node, "KReclaimable:",
		  reclaimable + stat[NR_KERNEL_MISC_RECLAIMABLE]);
	node_line(out, node,
		  "Slab:", reclaimable + stat[NR_SLAB_UNRECLAIMABLE]);
	node_line(out, node, "SReclaimable:", reclaimable);
	node_line(out, node, "SUnreclaim:", stat[NR_SLAB_UNRECLAIMABLE]);
	node_line(out, node,
		  "AnonHugePages:", stat[NR_ANON_THPS] * HPAGE_PMD_NR);
	node_line(out, node,
		  "ShmemHugePages:", stat[NR_SHMEM_THPS] * HPAGE_PMD_NR);
	node_line(out, node,
		  "ShmemPmdMapped:", stat[NR_SHMEM_PMDMAPPED] * HPAGE_PMD_NR);
	node_line(out, node,
		  "FileHugePages:", stat[NR_FILE_THPS] * HPAGE_PMD_NR);
	node_line(out, node,
		  "FilePmdMapped:", stat[NR_FILE_PMDMAPPED] * HPAGE_PMD_NR);
	outbuf_printf(out,
		      "Node %u HugePages_Total:     0\n"
		      "Node %u HugePages_Free:      0\n"
		      "Node %u HugePages_Surp:      0\n",
		      node->id, node->id, node->id);
	return 0;
}

static int show_node_numastat(struct mmsim_machine *machine,
			      struct mmsim_task *task, struct outbuf *out,
			      const void *arg)
{
	static const char *const names[NR_NUMA_STAT_ITEMS] = {
		[NUMA_HIT] = "numa_hit",
		[NUMA_MISS] = "numa_miss",
		[NUMA_FOREIGN] = "numa_foreign",
		[NUMA_INTERLEAVE_HIT] = "interleave_hit",
		[NUMA_LOCAL] = "local_node",
		[NUMA_OTHER] = "other_node",
	};
	const struct pglist_data *node = arg;

	(void)machine;
	(void)task;
	for (int i = 0; i < NR_NUMA_STAT_ITEMS; i++) {
		uint64_t sum = 0;

		for (int type = 0; type < MAX_NR_ZONES; type++)
			sum += node->zones[type].numa_stat[i];
		outbuf_printf(out, "%s %lu\n", names[i], (unsigned long)sum);
	}
	return 0;
}

static int show_node_vmstat(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	const struct pglist_data *node = arg;

	(void)machine;
	(void)task;
	for (int i = 0; i < NR_ZONE_STAT_ITEMS; i++)
		if (vmstat_has_zone_item(machine, i))
			outbuf_printf(out, "%s %lu\n", zone_stat_names[i],
				      (unsigned long)node_zone_sum(node, i));
	for (int i = 0; i < NR_NUMA_STAT_ITEMS; i++) {
		uint64_t sum = 0;

		for (int type = 0; type < MAX_NR_ZONES; type++)
			sum += node->zones[type].numa_stat[i];
		outbuf_printf(out, "%s %lu\n", numa_stat_names[i],
			      (unsigned long)sum);
	}
	for (int i = 0; i < NR_NODE_STAT_ITEMS; i++)
		if (vmstat_has_node_item(machine, i))
			outbuf_printf(out, "%s %lu\n", node_stat_names[i],
				      (unsigned long)node->stat[i]);
	return 0;
}

static int show_node_distance(struct mmsim_machine *machine,
			      struct mmsim_task *task, struct outbuf *out,
			      const void *arg)
{
	const struct pglist_data *node = arg, *other;
	bool is_first = true;
	unsigned i;

	(void)machine;
	(void)task;
	for_each_node(machine, other, i) {
		outbuf_printf(out, "%s%u", is_first ? "" : " ",
			      node->distance[other->id]);
		is_first = false;
	}
	outbuf_str(out, "\n");
	return 0;
}

static uint64_t node_cpus(const struct mmsim_machine *machine, unsigned id)
{
	uint64_t mask = 0;

	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
		mask |= (uint64_t)(machine->cpu_node[cpu] == id) << cpu;
	return mask;
}

static int show_node_cpulist(struct mmsim_machine *machine,
			     struct mmsim_task *task, struct outbuf *out,
			     const void *arg)
{
	const struct pglist_data *node = arg;

	(void)machine;
	(void)task;
	proc_show_list(out, node_cpus(machine, node->id));
	outbuf_str(out, "\n");
	return 0;
}

/* Hexadecimal, in words of 32 CPUs, as many digits as there may be CPUs. */
static int show_node_cpumap(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	const struct pglist_data *node = arg;
	unsigned nr_cpus = machine->nr_cpus, digits = (nr_cpus + 3) / 4;
	uint64_t mask;

	(void)machine;
	(void)task;
	mask = node_cpus(machine, node->id);
	for (unsigned i = digits; i-- > 0;)
		outbuf_printf(out, "%x%s", (unsigned)(mask >> 4 * i & 15),
			      i == 8 ? "," : "");
	outbuf_str(out, "\n");
	return 0;
}

#define NODE "/sys/devices/system/node/nodeN/"

bool proc_find_zone(struct proc_file *file)
{
	return proc_is(file, "/proc/zoneinfo", show_zoneinfo, NULL, NULL) ||
	       proc_is(file, "/proc/buddyinfo", show_buddyinfo, NULL, NULL) ||
	       proc_is(file, "/proc/pagetypeinfo", show_pagetypeinfo, NULL,
		       NULL) ||
	       proc_is(file, NODE "meminfo", show_node_meminfo, NULL, NULL) ||
	       proc_is(file, NODE "numastat", show_node_numastat, NULL, NULL) ||
	       proc_is(file, NODE "vmstat", show_node_vmstat, NULL, NULL) ||
	       proc_is(file, NODE "distance", show_node_distance, NULL, NULL) ||
	       proc_is(file, NODE "cpulist", show_node_cpulist, NULL, NULL) ||
	       proc_is(file, NODE "cpumap", show_node_cpumap, NULL, NULL);
}
