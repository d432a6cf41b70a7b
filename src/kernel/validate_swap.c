/*
 * validate_swap.c: the self-check of swap areas.
 *
 * The walks over tasks and shared objects have left a mark in the note of each
 * slot that an entry names.  Here the areas are walked, cluster by cluster, and
 * what they say of their slots is held against the marks:
 *
 *   a slot's count       = the entries that name it
 *   in use               = named, or in the cache; all sums follow
 *   a cached page        says the same; nothing else has a content or a shadow
 *                          but slots in use
 */
#include "kernel/file_state.h"
#include "kernel/swap_state.h"
#include "kernel/validate.h"

#include "base/hostmem.h"

bool validate_swap_begin(struct validate *v)
{
	for (unsigned type = 0; type < MAX_SWAPFILES; type++) {
		const struct swap_area *area = v->machine->swap->types[type];

		if (!area)
			continue;
		v->slot_notes[type] =
			hostmem_map(area->nr_slots * sizeof(uint32_t));
		if (!v->slot_notes[type])
			return false;
	}
	return true;
}

void validate_swap_end(struct validate *v)
{
	for (unsigned type = 0; type < MAX_SWAPFILES; type++) {
		const struct swap_area *area = v->machine->swap->types[type];

		if (v->slot_notes[type])
			hostmem_unmap(v->slot_notes[type],
				      area->nr_slots * sizeof(uint32_t));
	}
}

void validate_swap_entry(struct validate *v, uint64_t value)
{
	swp_entry_t entry = {value};
	const struct swap_area *area;

	VALIDATE(v, swp_type(entry) < MAX_SWAPFILES, "there is no swap area %u",
		 swp_type(entry));
	area = v->machine->swap->types[swp_type(entry)];
	VALIDATE(v,
		 area && swp_offset(entry) > 0 &&
			 swp_offset(entry) < area->nr_slots,
		 "an entry names slot %lu of swap area %u, which is not there",
		 (unsigned long)swp_offset(entry), swp_type(entry));
	v->slot_notes[swp_type(entry)][swp_offset(entry)]++;
	v->nr_slot_notes++;
}

static void validate_cached(struct validate *v, const struct swap_area *area,
			    uint64_t offset)
{
	const struct page *page = area->cache[offset];

	VALIDATE(v,
		 page && !radix_is_value(page) &&
			 page_has(page, PG_swapcache) &&
			 page->private == swp_entry(area->type, offset).val &&
			 page->refcount > 0,
		 "slot %lu of %s: its page belongs to another",
		 (unsigned long)offset, area->path);
	v->nr_swapcache++;
}

static void validate_slot(struct validate *v, const struct swap_area *area,
			  uint64_t offset)
{
	uint32_t slot = area->map[offset];

	v->nr_slot_notes -= v->slot_notes[area->type][offset];
	VALIDATE(v,
		 (slot & SLOT_COUNT_MASK) == v->slot_notes[area->type][offset],
		 "slot %lu of %s: %u entries counted, %u are there",
		 (unsigned long)offset, area->path, slot & SLOT_COUNT_MASK,
		 v->slot_notes[area->type][offset]);
	if (slot & SLOT_CACHED)
		validate_cached(v, area, offset);
	else
		VALIDATE(v,
			 !area->cache[offset] ||
				 (slot && radix_is_value(area->cache[offset])),
			 "slot %lu of %s has a page that it does not know",
			 (unsigned long)offset, area->path);
	VALIDATE(v, slot || !area->contents[offset],
		 "slot %lu of %s is free and has content",
		 (unsigned long)offset, area->path);
}

static void validate_leaves(struct validate *v, const struct swap_area *area,
			    uint64_t first, uint64_t end)
{
	for (; first < end; first += SWAP_LEAF_SLOTS) {
		uint64_t leaf = first / SWAP_LEAF_SLOTS;
		unsigned nr = 0;

		for (unsigned i = 0; i < SWAP_LEAF_SLOTS && first + i < end;
		     i++)
			nr += area->cache[first + i] != NULL;
		VALIDATE(v,
			 nr == area->leaf_used[leaf] &&
				 !area->leaves[leaf] == (nr == 0),
			 "%s: %u of 64 slots from %lu on in the cache, %u "
			 "counted",
			 area->path, nr, (unsigned long)first,
			 area->leaf_used[leaf]);
	}
}

/* The slots of one cluster; how many are in use. */
static uint64_t validate_cluster(struct validate *v,
				 const struct swap_area *area, uint64_t first)
{
	uint64_t end = min_size(first + SWAPFILE_CLUSTER, area->nr_slots);
	uint64_t nr_used = 0;

	for (uint64_t offset = max_size(first, 1); offset < end; offset++) {
		validate_slot(v, area, offset);
		v->nr_swap_idle += area->map[offset] == SLOT_CACHED;
		nr_used += area->map[offset] != 0;
	}
	validate_leaves(v, area, first, end);
	return nr_used;
}

static void validate_area(struct validate *v, const struct swap_area *area)
{
	uint64_t nr_used = 0, first = 0;

	v->nr_swap_idle = 0;
	for (; first < area->nr_slots; first += SWAPFILE_CLUSTER) {
		uint64_t cluster = first / SWAPFILE_CLUSTER, nr;

		/* Slots of these that entries name are missed in the end. */
		if (area->cluster_used[cluster] == 0)
			continue;
		nr = validate_cluster(v, area, first);
		VALIDATE(v, nr == area->cluster_used[cluster],
			 "%s: %u slots of cluster %lu in use, %lu are",
			 area->path, area->cluster_used[cluster],
			 (unsigned long)cluster, (unsigned long)nr);
		nr_used += nr;
	}
	VALIDATE(v, v->nr_swap_idle == area->nr_idle,
		 "%s: %lu slots are only cached, a walk finds %lu", area->path,
		 (unsigned long)area->nr_idle, (unsigned long)v->nr_swap_idle);
	VALIDATE(v, nr_used == area->nr_used,
		 "%s: %lu slots in use, a walk finds %lu", area->path,
		 (unsigned long)area->nr_used, (unsigned long)nr_used);
	v->nr_swap_pages += area->nr_slots - 1;
	v->nr_swap_used += nr_used;
}

void validate_swap(struct validate *v)
{
	const struct mmsim_machine *machine = v->machine;
	const struct swap_area *area;
	int prio = INT32_MAX;

	list_for_each(area, &machine->swap->areas, link)
	{
		VALIDATE(v,
			 area->prio <= prio &&
				 machine->swap->types[area->type] == area,
			 "swap areas are out of order");
		prio = area->prio;
		validate_area(v, area);
	}
	VALIDATE(v, v->nr_slot_notes == 0, "%lu entries name free slots",
		 (unsigned long)v->nr_slot_notes);
	VALIDATE(v,
		 v->nr_swap_pages == machine->total_swap_pages &&
			 machine->nr_swap_pages ==
				 v->nr_swap_pages - v->nr_swap_used,
		 "%lu pages of swap, %lu free; the areas have %lu, %lu in use",
		 (unsigned long)machine->total_swap_pages,
		 (unsigned long)machine->nr_swap_pages,
		 (unsigned long)v->nr_swap_pages,
		 (unsigned long)v->nr_swap_used);
	VALIDATE(v, v->nr_swapcache == vmstat_node_total(machine, NR_SWAPCACHE),
		 "nr_swapcached is %lu, the areas' caches have %lu",
		 (unsigned long)vmstat_node_total(machine, NR_SWAPCACHE),
		 (unsigned long)v->nr_swapcache);
}
