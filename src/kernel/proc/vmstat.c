/*
 * vmstat.c: /proc/vmstat: every counter of the machine, one a line.
 *
 * First the levels (which go up and down), summed over zones and nodes: in
 * pages, but nr_kernel_stack in kB and huge pages by the piece.  Then the two
 * limits of dirty memory, and the events, which only go up.
 *
 * Dirty memory is limited to a share of what could hold it: free pages that no
 * zone keeps back, and the file LRU lists.
 *
 * Sources: proc(5), kernel documentation, admin-guide/sysctl/vm (dirty_ratio).
 */
#include "kernel/memory_model.h"
#include "kernel/proc/proc.h"

static void show_item(struct outbuf *out, const char *name, uint64_t value)
{
	outbuf_str(out, name);
	outbuf_str(out, " ");
	outbuf_uint(out, value);
	outbuf_str(out, "\n");
}

static uint64_t dirtyable_pages(const struct mmsim_machine *machine)
{
	uint64_t pages = vmstat_zone_total(machine, NR_FREE_PAGES);

	pages -= min_size(pages, machine->totalreserve_pages);
	pages += vmstat_node_total(machine, NR_INACTIVE_FILE) +
		 vmstat_node_total(machine, NR_ACTIVE_FILE);
	return pages + 1;
}

/* `bytes` wins over `ratio`; pages. */
static uint64_t dirty_limit(uint64_t dirtyable, int64_t bytes, int64_t ratio)
{
	if (bytes)
		return ((uint64_t)bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	return (uint64_t)ratio * PAGE_SIZE / 100 * dirtyable / PAGE_SIZE;
}

static void show_dirty_limits(const struct mmsim_machine *machine,
			      struct outbuf *out)
{
	uint64_t dirtyable = dirtyable_pages(machine);
	uint64_t limit = dirty_limit(dirtyable, machine->vm.dirty_bytes,
				     machine->vm.dirty_ratio);
	uint64_t background =
		dirty_limit(dirtyable, machine->vm.dirty_background_bytes,
			    machine->vm.dirty_background_ratio);

	if (background >= limit)
		background = limit / 2;
	show_item(out, "nr_dirty_threshold", limit);
	show_item(out, "nr_dirty_background_threshold", background);
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
