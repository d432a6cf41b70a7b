/*
 * node_reclaim.c: vm.zone_reclaim_mode: the near node is reclaimed before a far
 * one is asked.
 *
 *                      node 0 (the CPU's)         node 1
 *     mode 0           full of cached files  ->   the page comes from here
 *     mode 1           32 file pages go; the page comes from here
 *
 *   bit 1   reclaim at all: file pages that nobody maps, and slabs
 *   bit 2   pages that are dirty, too: they are written
 *   bit 4   pages that are mapped, too: they are unmapped, and swapped
 *
 * It is worth while only where there is something of that kind: more file pages
 * than vm.min_unmapped_ratio per cent of the node, or more reclaimable slab
 * pages than vm.min_slab_ratio.  Only the node of the CPU that asks, and nodes
 * without CPUs, are reclaimed so, and only for requests that may wait.
 *
 * A pass begins at priority 4: a sixteenth of the lists is looked at at once,
 * as it is done often, and for a few pages each time.
 *
 * Source: kernel documentation, admin-guide/sysctl/vm (zone_reclaim_mode,
 * min_unmapped_ratio, min_slab_ratio); recordings with two nodes.
 */
#include "kernel/machine.h"
#include "kernel/reclaim.h"

enum {
	NODE_RECLAIM_ZONE = 1,
	NODE_RECLAIM_WRITE = 2,
	NODE_RECLAIM_UNMAP = 4,
	NODE_RECLAIM_PRIORITY = 4,
	/* nodes further away than this are not reclaimed for one another */
	NODE_RECLAIM_DISTANCE = 30,
};

bool node_reclaim_is_on(const struct mmsim_machine *machine)
{
	return machine->vm.zone_reclaim_mode &
	       (NODE_RECLAIM_ZONE | NODE_RECLAIM_WRITE | NODE_RECLAIM_UNMAP);
}

/* File pages that this mode may take. */
static uint64_t node_file_pages(const struct pglist_data *node)
{
	int64_t mode = node->machine->vm.zone_reclaim_mode;
	uint64_t mapped = node->stat[NR_FILE_MAPPED];
	uint64_t dirty = node->stat[NR_FILE_DIRTY], nr;

	if (mode & NODE_RECLAIM_UNMAP) {
		nr = node->stat[NR_FILE_PAGES];
	} else {
		nr = node->stat[NR_INACTIVE_FILE] + node->stat[NR_ACTIVE_FILE];
		nr -= min_size(nr, mapped);
	}
	if (!(mode & NODE_RECLAIM_WRITE))
		nr -= min_size(nr, dirty);
	return nr;
}

static uint64_t node_managed_pages(const struct pglist_data *node)
{
	uint64_t nr = 0;

	for (int i = 0; i < MAX_NR_ZONES; i++)
		nr += node->zones[i].managed_pages;
	return nr;
}

static bool node_is_worth_it(const struct pglist_data *node)
{
	const struct sysctl_vm *vm = &node->machine->vm;
	uint64_t managed = node_managed_pages(node);

	return node_file_pages(node) >
		       managed * (uint64_t)vm->min_unmapped_ratio / 100 ||
	       node->stat[NR_SLAB_RECLAIMABLE] >
		       managed * (uint64_t)vm->min_slab_ratio / 100;
}

/* The node may be reclaimed for this request. */
static bool node_is_allowed(const struct alloc_context *ac,
			    const struct pglist_data *preferred,
			    const struct pglist_data *node)
{
	const struct mmsim_machine *machine = ac->machine;
	unsigned cpu = ac->task ? ac->task->cpu : 0;

	if (!(ac->gfp & GFP_F_DIRECT_RECLAIM) || machine->is_reclaiming ||
	    preferred->distance[node->id] > NODE_RECLAIM_DISTANCE)
		return false;
	return !node->has_cpu || machine->cpu_node[cpu] == node->id;
}

/* True: as many pages as were asked for are free. */
static bool node_shrink(const struct alloc_context *ac,
			struct pglist_data *node)
{
	struct mmsim_machine *machine = ac->machine;
	int64_t mode = machine->vm.zone_reclaim_mode;
	uint64_t wanted = (uint64_t)1 << ac->order;
	struct scan_control sc = {
		.machine = machine,
		.task = ac->task,
		.gfp = ac->gfp,
		.order = ac->order,
		.highest = ac->highest,
		.priority = NODE_RECLAIM_PRIORITY,
		.nr_to_reclaim = max_size(wanted, SWAP_CLUSTER_MAX),
		.may_writepage = mode & NODE_RECLAIM_WRITE,
		.may_unmap = mode & NODE_RECLAIM_UNMAP,
		.may_swap = true,
	};

	machine->is_reclaiming = true;
	do {
		shrink_node(node, &sc);
	} while (sc.nr_reclaimed < wanted && --sc.priority >= 0);
	machine->is_reclaiming = false;
	return sc.nr_reclaimed >= wanted;
}

bool node_reclaim(const struct alloc_context *ac, const struct zone *preferred,
		  struct zone *zone)
{
	struct pglist_data *node = zone->node;
	bool done;

	if (!node_is_worth_it(node) ||
	    !node_is_allowed(ac, preferred->node, node))
		return false;
	done = node_shrink(ac, node);
	if (!done)
		count_vm_event(ac->machine, PGSCAN_ZONE_RECLAIM_FAILED);
	else if (ac->machine->profile >= PROFILE_6_18)
		count_vm_event(ac->machine, PGSCAN_ZONE_RECLAIM_SUCCESS);
	return true;
}
