/*
 * oom_mem_info.c: "Mem-Info:", where the memory is, as the log shows it in
 * front of a kill.
 *
 *   the machine   pages of each kind
 *   each node     the same in kB; all_unreclaimable: kswapd has given up
 *   each zone     free, watermarks, LRU lists; what is kept for lower classes
 *   each zone     free blocks of each order, with a letter for each kind of
 *                 list that has some: (U)nmovable, (M)ovable, r(E)claimable,
 *                 (H)ighatomic, (I)solate
 *   the rest      page cache, swap, frames
 *
 * A zone whose free memory is below min + lowmem_reserve gives nothing more to
 * requests of that class: the reason for the kill stands here.
 *
 * Simplified: older profiles use the words of 6.1, too.  There are no pages of
 * hugetlbfs and no CMA.
 *
 * Source: recordings of 6.1.
 */
#include "kernel/machine.h"
#include "kernel/oom.h"

/* Lines that are put together piece by piece. */
struct report_line {
	char text[900];
	struct outbuf out;
};

static void line_start(struct report_line *line)
{
	outbuf_init(&line->out, line->text, sizeof(line->text), -1);
}

static unsigned long kb(uint64_t nr_pages)
{
	return (unsigned long)pages_to_kb(nr_pages);
}

static void line_kb(struct report_line *line, const char *name,
		    uint64_t nr_pages)
{
	outbuf_printf(&line->out, " %s:%lukB", name, kb(nr_pages));
}

static unsigned long node_total(const struct mmsim_machine *machine,
				enum node_stat_item item)
{
	return (unsigned long)vmstat_node_total(machine, item);
}

static unsigned long free_pcp_total(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	uint64_t sum = 0;
	unsigned i, j;

	for_each_node(machine, node, i) for (j = 0; j < MAX_NR_ZONES; j++)
		sum += pcp_nr_pages(&node->zones[j]);
	return (unsigned long)sum;
}

static void show_totals(struct mmsim_machine *machine)
{
	printk(machine, "active_anon:%lu inactive_anon:%lu isolated_anon:%lu",
	       node_total(machine, NR_ACTIVE_ANON),
	       node_total(machine, NR_INACTIVE_ANON),
	       node_total(machine, NR_ISOLATED_ANON));
	printk(machine, " active_file:%lu inactive_file:%lu isolated_file:%lu",
	       node_total(machine, NR_ACTIVE_FILE),
	       node_total(machine, NR_INACTIVE_FILE),
	       node_total(machine, NR_ISOLATED_FILE));
	printk(machine, " unevictable:%lu dirty:%lu writeback:%lu",
	       node_total(machine, NR_UNEVICTABLE),
	       node_total(machine, NR_FILE_DIRTY),
	       node_total(machine, NR_WRITEBACK));
	printk(machine, " slab_reclaimable:%lu slab_unreclaimable:%lu",
	       node_total(machine, NR_SLAB_RECLAIMABLE),
	       node_total(machine, NR_SLAB_UNRECLAIMABLE));
	printk(machine, " mapped:%lu shmem:%lu pagetables:%lu",
	       node_total(machine, NR_FILE_MAPPED),
	       node_total(machine, NR_SHMEM),
	       node_total(machine, NR_PAGETABLE));
	printk(machine, " sec_pagetables:%lu bounce:%lu",
	       node_total(machine, NR_SECONDARY_PAGETABLE),
	       (unsigned long)vmstat_zone_total(machine, NR_BOUNCE));
	printk(machine, " kernel_misc_reclaimable:%lu",
	       node_total(machine, NR_KERNEL_MISC_RECLAIMABLE));
	printk(machine, " free:%lu free_pcp:%lu free_cma:%lu",
	       (unsigned long)vmstat_zone_total(machine, NR_FREE_PAGES),
	       free_pcp_total(machine),
	       (unsigned long)vmstat_zone_total(machine, NR_FREE_CMA_PAGES));
}

enum { KSWAPD_GIVES_UP = 16 };

static void show_node(struct mmsim_machine *machine,
		      const struct pglist_data *node)
{
	const uint64_t *stat = node->stat;
	struct report_line line;

	line_start(&line);
	outbuf_printf(&line.out, "Node %u", node->id);
	line_kb(&line, "active_anon", stat[NR_ACTIVE_ANON]);
	line_kb(&line, "inactive_anon", stat[NR_INACTIVE_ANON]);
	line_kb(&line, "active_file", stat[NR_ACTIVE_FILE]);
	line_kb(&line, "inactive_file", stat[NR_INACTIVE_FILE]);
	line_kb(&line, "unevictable", stat[NR_UNEVICTABLE]);
	line_kb(&line, "isolated(anon)", stat[NR_ISOLATED_ANON]);
	line_kb(&line, "isolated(file)", stat[NR_ISOLATED_FILE]);
	line_kb(&line, "mapped", stat[NR_FILE_MAPPED]);
	line_kb(&line, "dirty", stat[NR_FILE_DIRTY]);
	line_kb(&line, "writeback", stat[NR_WRITEBACK]);
	line_kb(&line, "shmem", stat[NR_SHMEM]);
	outbuf_printf(
		&line.out,
		" shmem_thp: %lukB shmem_pmdmapped: %lukB anon_thp: %lukB",
		kb(stat[NR_SHMEM_THPS] * HPAGE_PMD_NR),
		kb(stat[NR_SHMEM_PMDMAPPED] * HPAGE_PMD_NR),
		kb(stat[NR_ANON_THPS] * HPAGE_PMD_NR));
	line_kb(&line, "writeback_tmp", stat[NR_WRITEBACK_TEMP]);
	outbuf_printf(&line.out, " kernel_stack:%lukB",
		      (unsigned long)stat[NR_KERNEL_STACK_KB]);
	line_kb(&line, "pagetables", stat[NR_PAGETABLE]);
	line_kb(&line, "sec_pagetables", stat[NR_SECONDARY_PAGETABLE]);
	printk(machine, "%s all_unreclaimable? %s", line.text,
	       node->kswapd_failures >= KSWAPD_GIVES_UP ? "yes" : "no");
}

static void show_zone(struct mmsim_machine *machine, const struct zone *zone,
		      unsigned cpu)
{
	const uint64_t *stat = zone->stat;
	uint64_t boost = zone->watermark_boost;
	struct report_line line;

	line_start(&line);
	outbuf_printf(&line.out, "Node %u %s", zone->node->id,
		      zone_names[zone->type]);
	line_kb(&line, "free", stat[NR_FREE_PAGES]);
	line_kb(&line, "boost", boost);
	line_kb(&line, "min", zone->watermark[WMARK_MIN] + boost);
	line_kb(&line, "low", zone->watermark[WMARK_LOW] + boost);
	line_kb(&line, "high", zone->watermark[WMARK_HIGH] + boost);
	outbuf_printf(&line.out, " reserved_highatomic:%luKB",
		      kb(zone->nr_reserved_highatomic));
	line_kb(&line, "active_anon", stat[NR_ZONE_ACTIVE_ANON]);
	line_kb(&line, "inactive_anon", stat[NR_ZONE_INACTIVE_ANON]);
	line_kb(&line, "active_file", stat[NR_ZONE_ACTIVE_FILE]);
	line_kb(&line, "inactive_file", stat[NR_ZONE_INACTIVE_FILE]);
	line_kb(&line, "unevictable", stat[NR_ZONE_UNEVICTABLE]);
	line_kb(&line, "writepending", stat[NR_ZONE_WRITE_PENDING]);
	line_kb(&line, "present", zone->present_pages);
	line_kb(&line, "managed", zone->managed_pages);
	line_kb(&line, "mlocked", stat[NR_MLOCK]);
	line_kb(&line, "bounce", stat[NR_BOUNCE]);
	line_kb(&line, "free_pcp", pcp_nr_pages(zone));
	line_kb(&line, "local_pcp", (uint64_t)zone->pcp[cpu].count);
	line_kb(&line, "free_cma", stat[NR_FREE_CMA_PAGES]);
	printk(machine, "%s", line.text);

	line_start(&line);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (zone->node->zones[i].is_present_arch)
			outbuf_printf(&line.out, " %lu",
				      (unsigned long)zone->protection[i]);
	printk(machine, "lowmem_reserve[]:%s", line.text);
}

/* "8*4kB (UME) 5*8kB (UE) ... = 1640kB" */
static void show_blocks(struct mmsim_machine *machine, const struct zone *zone)
{
	static const char letters[MIGRATE_TYPES] = {
		[MIGRATE_UNMOVABLE] = 'U',   [MIGRATE_MOVABLE] = 'M',
		[MIGRATE_RECLAIMABLE] = 'E', [MIGRATE_HIGHATOMIC] = 'H',
		[MIGRATE_ISOLATE] = 'I',
	};
	struct report_line line;
	uint64_t total = 0;

	line_start(&line);
	for (unsigned order = 0; order < MAX_ORDER; order++) {
		char kinds[MIGRATE_TYPES + 1];
		unsigned nr_kinds = 0;
		uint64_t nr = 0;

		for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
			uint64_t blocks = buddy_nr_free(zone, order,
							(enum migratetype)type);

			if (blocks)
				kinds[nr_kinds++] = letters[type];
			nr += blocks;
		}
		kinds[nr_kinds] = '\0';
		total += nr << order;
		outbuf_printf(&line.out, " %lu*%lukB", (unsigned long)nr,
			      kb((uint64_t)1 << order));
		if (nr)
			outbuf_printf(&line.out, " (%s)", kinds);
	}
	printk(machine, "Node %u %s:%s = %lukB", zone->node->id,
	       zone_names[zone->type], line.text, kb(total));
}

static bool node_is_shown(const struct pglist_data *node, nodemask_t nodes)
{
	return node->has_memory && (!nodes || (nodes >> node->id & 1));
}

/* All populated zones of the nodes asked for. */
static void show_zones(struct mmsim_machine *machine, nodemask_t nodes,
		       bool blocks)
{
	unsigned cpu = machine->current ? machine->current->cpu : 0;
	const struct pglist_data *node;
	unsigned i, j;

	for_each_node(machine, node, i)
	{
		if (!node_is_shown(node, nodes))
			continue;
		for (j = 0; j < MAX_NR_ZONES; j++) {
			const struct zone *zone = &node->zones[j];

			if (!zone_is_populated(zone))
				continue;
			if (blocks)
				show_blocks(machine, zone);
			else
				show_zone(machine, zone, cpu);
		}
	}
}

static void show_hugetlb(struct mmsim_machine *machine, nodemask_t nodes)
{
	static const unsigned long sizes_kb[] = {1048576, 2048};
	const struct pglist_data *node;
	unsigned i;

	if (machine->arch != ARCH_X86_64)
		return;
	for_each_node(machine, node,
		      i) for (size_t j = 0; j < ARRAY_SIZE(sizes_kb);
			      j++) if (node_is_shown(node, nodes))
		printk(machine,
		       "Node %u hugepages_total=0 "
		       "hugepages_free=0 hugepages_surp=0 "
		       "hugepages_size=%lukB",
		       node->id, sizes_kb[j]);
}

static void show_frames(struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	uint64_t present = 0, managed = 0, high = 0;
	unsigned i, j;

	for_each_node(machine, node, i) for (j = 0; j < MAX_NR_ZONES; j++)
	{
		const struct zone *zone = &node->zones[j];

		present += zone->present_pages;
		managed += zone->managed_pages;
		if (j == ZONE_HIGHMEM ||
		    (j == ZONE_MOVABLE && machine->arch != ARCH_X86_64))
			high += zone->present_pages;
	}
	printk(machine, "%lu pages RAM", (unsigned long)present);
	printk(machine, "%lu pages HighMem/MovableOnly", (unsigned long)high);
	printk(machine, "%lu pages reserved",
	       (unsigned long)(present - managed));
	printk(machine, "0 pages hwpoisoned");
}

void oom_show_mem_of(struct mmsim_machine *machine, nodemask_t nodes)
{
	const struct pglist_data *node;
	unsigned i;

	printk(machine, "Mem-Info:");
	show_totals(machine);
	for_each_node(machine, node, i) if (node_is_shown(node, nodes))
		show_node(machine, node);
	show_zones(machine, nodes, false);
	show_zones(machine, nodes, true);
	show_hugetlb(machine, nodes);
	printk(machine, "%lu total pagecache pages",
	       node_total(machine, NR_FILE_PAGES));
	printk(machine, "%lu pages in swap cache",
	       node_total(machine, NR_SWAPCACHE));
	printk(machine, "Free swap  = %lukB", kb(machine->nr_swap_pages));
	printk(machine, "Total swap = %lukB", kb(machine->total_swap_pages));
	show_frames(machine);
}

void oom_show_mem(struct mmsim_machine *machine)
{
	oom_show_mem_of(machine, 0);
}
