/*
 * vmstat.c: /proc/vmstat: every counter of the machine, one a line.
 *
 * First the levels (which go up and down), summed over zones and nodes: in
 * pages, but nr_kernel_stack in kB and huge pages by the piece.  Then the two
 * limits of dirty memory (dirty_limit.c), and the events, which only go up.
 *
 * Source: proc(5).
 */
#include "kernel/memory_model.h"
#include "kernel/proc/proc.h"
#include "kernel/writeback.h"

static void show_item(struct outbuf *out, const char *name, uint64_t value)
{
	outbuf_str(out, name);
	outbuf_str(out, " ");
	outbuf_uint(out, value);
	outbuf_str(out, "\n");
}

static void show_dirty_limits(const struct mmsim_machine *machine,
			      struct outbuf *out)
{
	struct dirty_limits limits = dirty_limits(machine);

	show_item(out, "nr_dirty_threshold", limits.dirty);
	show_item(out, "nr_dirty_background_threshold", limits.background);
}

/* What the page structs take, which was all taken at boot. */
static void show_map_pages(const struct mmsim_machine *machine,
			   struct outbuf *out)
{
	show_item(out, "nr_memmap_pages", 0);
	show_item(out, "nr_memmap_boot_pages",
		  memory_model_machine_pages(machine,
					     machine->spec.memory_model));
}

int proc_show_vmstat(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	for (int i = 0; i < NR_ZONE_STAT_ITEMS; i++)
		if (vmstat_has_zone_item(machine, i))
			show_item(out, zone_stat_names[i],
				  vmstat_zone_total(machine, i));
	for (int i = 0; i < NR_NUMA_STAT_ITEMS; i++)
		show_item(out, numa_stat_names[i],
			  vmstat_numa_total(machine, i));
	for (int i = 0; i < NR_NODE_STAT_ITEMS; i++)
		if (vmstat_has_node_item(machine, i))
			show_item(out, node_stat_names[i],
				  vmstat_node_total(machine, i));
	show_dirty_limits(machine, out);
	if (machine->profile >= PROFILE_6_18)
		show_map_pages(machine, out);
	for (int i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (vm_event_name(machine, i))
			show_item(out, vm_event_name(machine, i),
				  machine->vm_events[i]);
	show_item(out, "nr_unstable", 0);
	return 0;
}
