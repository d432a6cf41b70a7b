/*
 * view_memory.c: the views of the whole machine's memory.
 *
 * free: buff/cache is Buffers + Cached + SReclaimable.  What "used" means has
 * changed over time: today's free (procps 4) says total - available, the one
 * before ("free -o") total - free - buff/cache.  They differ by what is cached
 * but cannot be had: tmpfs and shared memory, and what the zones keep back.
 *
 * numactl --hardware: nodes, their CPUs and memory, and the distances.
 *
 * Sources: free(1), numactl(8).
 */
#include "kernel/proc/proc.h"
#include "kernel/view.h"

#include <errno.h>
#include <string.h>

int view_free(struct mmsim_machine *machine, struct outbuf *out,
	      const char *args)
{
	bool old = strcmp(args, "-o") == 0;
	struct meminfo info;
	uint64_t cache, used;

	if (*args && !old)
		return -EINVAL;
	meminfo_collect(machine, &info);
	cache = info.buffers + info.cached + info.reclaimable;
	if (old)
		used = info.total - min_size(info.total, info.free + cache);
	else
		used = info.total - min_size(info.total, info.available);
	outbuf_printf(out, "%-9s%11s %11s %11s %11s %11s %11s\n", "", "total",
		      "used", "free", "shared", "buff/cache", "available");
	outbuf_printf(out, "%-9s%11lu %11lu %11lu %11lu %11lu %11lu\n",
		      "Mem:", (unsigned long)info.total, (unsigned long)used,
		      (unsigned long)info.free, (unsigned long)info.shmem,
		      (unsigned long)cache, (unsigned long)info.available);
	outbuf_printf(out, "%-9s%11lu %11lu %11lu\n", "Swap:",
		      (unsigned long)info.swap_total,
		      (unsigned long)(info.swap_total - info.swap_free),
		      (unsigned long)info.swap_free);
	return 0;
}

static void show_node(const struct mmsim_machine *machine,
		      const struct pglist_data *node, struct outbuf *out)
{
	uint64_t size = 0, free = 0;

	for (int z = 0; z < MAX_NR_ZONES; z++) {
		size += node->zones[z].managed_pages;
		free += node->zones[z].stat[NR_FREE_PAGES];
	}
	outbuf_printf(out, "node %u cpus:", node->id);
	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
		if (machine->cpu_node[cpu] == node->id)
			outbuf_printf(out, " %u", cpu);
	outbuf_printf(out, "\nnode %u size: %lu MB\n", node->id,
		      (unsigned long)pages_to_kb(size) >> 10);
	outbuf_printf(out, "node %u free: %lu MB\n", node->id,
		      (unsigned long)pages_to_kb(free) >> 10);
}

static void show_distances(const struct mmsim_machine *machine,
			   struct outbuf *out)
{
	const struct pglist_data *node, *other;
	unsigned i, j;

	outbuf_str(out, "node distances:\nnode ");
	for_each_node(machine, node, i)
		outbuf_printf(out, "%3u ", i);
	outbuf_str(out, "\n");
	for_each_node(machine, node, i) {
		outbuf_printf(out, "%3u: ", i);
		for_each_node(machine, other, j)
			outbuf_printf(out, "%3u ", node->distance[j]);
		outbuf_str(out, "\n");
	}
}

int view_numactl(struct mmsim_machine *machine, struct outbuf *out,
		 const char *args)
{
	const struct pglist_data *node;
	unsigned i;

	if (strcmp(args, "--hardware") != 0 && strcmp(args, "-H") != 0)
		return -EINVAL;
	outbuf_printf(out, "available: %u nodes (", machine->nr_nodes);
	proc_show_list(out, proc_online_nodes(machine));
	outbuf_str(out, ")\n");
	for_each_node(machine, node, i)
		show_node(machine, node, out);
	show_distances(machine, out);
	return 0;
}
