/*
 * validate.c: proves the books of a machine.
 *
 *   every frame is in one place: on a buddy list, on a per-CPU list, or in use
 *   (and then it is a page table, a slab, mapped, in a cache, or the kernel's)
 *   counters of zones and nodes equal what a walk over the frames finds
 *   no page table entry leads to a free frame
 *   mapcount of a page equals the entries that lead to it, and the reverse map
 *   finds just these
 *   pages on LRU lists have the flags of their list
 *   rss, page tables and sizes of each address space are the sums of its parts
 *   each slot of swap counts the entries that name it
 *   Committed_AS is the sum of what areas and shared objects were promised
 *
 * The walks only read.  They cost time in proportion to the frames that were
 * ever used, not to the machine.
 */
#include "kernel/file.h"
#include "kernel/validate.h"

#include "base/hostmem.h"
#include "kernel/page_alloc.h"
#include "kernel/shm.h"

#include <errno.h>
#include <string.h>

void validate_fail(struct validate *v, const char *format, ...)
{
	va_list args;

	if (v->has_failed)
		return;
	v->has_failed = true;
	va_start(args, format);
	outbuf_vprintf(&v->why, format, &args);
	va_end(args);
}

static void validate_zone(struct validate *v, const struct zone *zone)
{
	const uint64_t *found = v->zone_stat[zone->node->id][zone->type];
	const uint64_t *mark = zone->watermark;
	const char *name = zone_names[zone->type];
	uint64_t free = zone->stat[NR_FREE_PAGES], pcp = pcp_nr_pages(zone);
	uint64_t in_use = v->nr_in_use[zone->node->id][zone->type];
	uint64_t isolated = v->nr_isolated[zone->node->id][zone->type];

	VALIDATE(v, zone->managed_pages <= zone->present_pages &&
			    zone->present_pages <= zone->spanned_pages,
		 "zone %s: managed, present, spanned are not in order", name);
	VALIDATE(v, mark[WMARK_MIN] <= mark[WMARK_LOW] &&
			    mark[WMARK_LOW] <= mark[WMARK_HIGH],
		 "zone %s: watermarks are not in order", name);
	VALIDATE(v, free + pcp + isolated + in_use == zone->managed_pages,
		 "node %u zone %s: %lu free, %lu on CPU lists, %lu isolated "
		 "and %lu in use are not %lu managed",
		 zone->node->id, name, (unsigned long)free, (unsigned long)pcp,
		 (unsigned long)isolated, (unsigned long)in_use,
		 (unsigned long)zone->managed_pages);
	for (int i = NR_ZONE_INACTIVE_ANON; i <= NR_MLOCK; i++)
		VALIDATE(v, i == NR_ZONE_WRITE_PENDING ||
				    zone->stat[i] == found[i],
			 "node %u zone %s: %s is %ld, a walk finds %lu",
			 zone->node->id, name, zone_stat_names[i],
			 (long)zone->stat[i], (unsigned long)found[i]);
}

/* Levels that the walk over the frames can tell. */
static const enum node_stat_item validated_items[] = {
	NR_INACTIVE_ANON, NR_ACTIVE_ANON,   NR_INACTIVE_FILE,
	NR_ACTIVE_FILE,	  NR_UNEVICTABLE,   NR_ANON_MAPPED,
	NR_FILE_MAPPED,	  NR_FILE_PAGES,    NR_SHMEM,
	NR_ANON_THPS,	  NR_PAGETABLE,	    NR_SWAPCACHE,
};

static void validate_node(struct validate *v, const struct pglist_data *node)
{
	const uint64_t *found = v->node_stat[node->id];
	uint64_t slab = node->stat[NR_SLAB_RECLAIMABLE] +
			node->stat[NR_SLAB_UNRECLAIMABLE];

	for (int z = 0; z < MAX_NR_ZONES; z++)
		validate_zone(v, &node->zones[z]);
	for (size_t i = 0; i < ARRAY_SIZE(validated_items); i++) {
		enum node_stat_item item = validated_items[i];

		VALIDATE(v, node->stat[item] == found[item],
			 "node %u: %s is %ld, a walk finds %lu", node->id,
			 node_stat_names[item], (long)node->stat[item],
			 (unsigned long)found[item]);
	}
	VALIDATE(v, slab == found[NR_SLAB_UNRECLAIMABLE],
		 "node %u: %lu slab pages, a walk finds %lu", node->id,
		 (unsigned long)slab,
		 (unsigned long)found[NR_SLAB_UNRECLAIMABLE]);
}

/* R of MemAvailable: what the zones keep back. */
static uint64_t zone_reserve(const struct zone *zone)
{
	uint64_t protection = 0;

	for (int z = 0; z < MAX_NR_ZONES; z++)
		protection = max_size(protection, zone->protection[z]);
	return min_size(zone->managed_pages,
			zone->watermark[WMARK_HIGH] + protection);
}

static void validate_sums(struct validate *v)
{
	const struct mmsim_machine *machine = v->machine;
	uint64_t managed = 0, reserve = 0, stacks = 0;
	const struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i) {
		for (int z = 0; z < MAX_NR_ZONES; z++) {
			managed += node->zones[z].managed_pages;
			reserve += zone_reserve(&node->zones[z]);
		}
		stacks += node->stat[NR_KERNEL_STACK_KB];
	}
	VALIDATE(v, managed == machine->totalram_pages,
		 "MemTotal is %lu pages, zones manage %lu",
		 (unsigned long)machine->totalram_pages, (unsigned long)managed);
	VALIDATE(v, reserve == machine->totalreserve_pages,
		 "totalreserve_pages is %lu, zones keep back %lu",
		 (unsigned long)machine->totalreserve_pages,
		 (unsigned long)reserve);
	VALIDATE(v, stacks % 16 == 0 && stacks / 16 < v->nr_tasks + 1,
		 "KernelStack is %lu kB for %u tasks", (unsigned long)stacks,
		 v->nr_tasks);
	VALIDATE(v, machine->committed_as == v->committed,
		 "Committed_AS is %lu pages, areas and objects have %lu",
		 (unsigned long)machine->committed_as,
		 (unsigned long)v->committed);
}

static void validate_all(struct validate *v)
{
	const struct pglist_data *node;
	char text[160] = "";
	unsigned i;

	validate_tasks(v);
	if (!v->has_failed)
		validate_inodes(v);
	if (!v->has_failed)
		validate_free_lists(v);
	if (!v->has_failed)
		validate_lru(v);
	if (!v->has_failed)
		validate_frames(v);
	if (!v->has_failed)
		validate_swap(v);
	if (!v->has_failed)
		validate_blocks(v);
	if (v->has_failed)
		return;
	for_each_node(v->machine, node, i)
		validate_node(v, node);
	if (!v->has_failed)
		validate_sums(v);
	if (!v->has_failed && slab_validate(v->machine, text, sizeof(text)))
		validate_fail(v, "%s", text);
	if (!v->has_failed && file_validate(v->machine, text, sizeof(text)))
		validate_fail(v, "%s", text);
	if (!v->has_failed && shm_validate(v->machine, text, sizeof(text)))
		validate_fail(v, "%s", text);
}

PUBLIC int mmsim_machine_validate(struct mmsim_machine *machine, char *why,
				  size_t len)
{
	int err = -ENOMEM;
	size_t notes_len;
	struct validate *v;

	if (!machine)
		return -EINVAL;
	notes_len = machine->max_pfn * sizeof(struct frame_note);
	v = hostmem_map(sizeof(*v));
	if (!v)
		return err;
	v->machine = machine;
	outbuf_init(&v->why, why, why ? len : 0, -1);
	v->notes = hostmem_map(notes_len);
	if (!v->notes)
		goto out;
	if (validate_swap_begin(v)) {
		validate_all(v);
		err = v->has_failed ? -1 : 0;
	}
	validate_swap_end(v);
	hostmem_unmap(v->notes, notes_len);
out:
	hostmem_unmap(v, sizeof(*v));
	return err;
}
