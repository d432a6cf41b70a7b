/*
 * kmap.c: a kernel address for a frame of high memory.
 *
 * In 32 bits only the first 896 MB are in the direct map.  A frame above it
 * gets one of 1024 slots (512 with PAE) of 4 KiB each.  A slot that nobody uses
 * any more keeps its frame until the search for a free one has come round: then
 * all such slots are cleared together, with one flush of the TLB.
 *
 * In 64 bits, and for low frames, the direct map has the address.
 *
 * Simplified: when no slot is free the call fails, where Linux would sleep.
 *
 * Source: kernel documentation, mm/highmem.
 */
#include "kernel/address_map.h"
#include "kernel/vmap.h"

static unsigned kmap_nr_slots(const struct mmsim_machine *machine)
{
	struct address_area area = address_map_area(machine, AREA_KMAP);

	return (unsigned)((area.end - area.start) >> PAGE_SHIFT);
}

static uint64_t kmap_address(const struct mmsim_machine *machine, unsigned slot)
{
	return address_map_area(machine, AREA_KMAP).start +
	       ((uint64_t)slot << PAGE_SHIFT);
}

static void kmap_flush_unused(struct mmsim_machine *machine)
{
	struct vmalloc_state *state = machine->vmalloc;

	for (unsigned i = 0; i < kmap_nr_slots(machine); i++) {
		if (state->kmap_count[i] != 1)
			continue;
		state->kmap_count[i] = 0;
		kernel_table_clear(machine, kmap_address(machine, i));
	}
}

/* The frame's slot, or the number of slots. */
static unsigned kmap_slot_of(const struct mmsim_machine *machine, pfn_t pfn)
{
	const struct vmalloc_state *state = machine->vmalloc;
	unsigned n = kmap_nr_slots(machine), i = 0;

	while (i < n && !(state->kmap_count[i] && state->kmap_pfn[i] == pfn))
		i++;
	return i;
}

/* A free slot behind the last one given out, or the number of slots. */
static unsigned kmap_free_slot(struct mmsim_machine *machine)
{
	struct vmalloc_state *state = machine->vmalloc;
	unsigned n = kmap_nr_slots(machine), left = n;

	for (; left > 0; left--) {
		state->last_kmap = (state->last_kmap + 1) % n;
		if (state->last_kmap == 0) {
			kmap_flush_unused(machine);
			left = n;
		}
		if (state->kmap_count[state->last_kmap] == 0)
			return state->last_kmap;
	}
	return n;
}

uint64_t kmap(struct mmsim_machine *machine, pfn_t pfn)
{
	struct vmalloc_state *state = machine->vmalloc;
	uint64_t addr = direct_map_address(machine, pfn);
	unsigned slot;

	if (addr || kmap_nr_slots(machine) == 0)
		return addr;
	slot = kmap_slot_of(machine, pfn);
	if (slot == kmap_nr_slots(machine)) {
		slot = kmap_free_slot(machine);
		if (slot == kmap_nr_slots(machine) ||
		    kernel_table_set(machine, kmap_address(machine, slot), pfn))
			return 0;
		state->kmap_pfn[slot] = pfn;
		state->kmap_count[slot] = 1;
	}
	state->kmap_count[slot]++;
	return kmap_address(machine, slot);
}

void kunmap(struct mmsim_machine *machine, pfn_t pfn)
{
	unsigned slot;

	if (direct_map_address(machine, pfn) || kmap_nr_slots(machine) == 0)
		return;
	slot = kmap_slot_of(machine, pfn);
	if (slot < kmap_nr_slots(machine) &&
	    machine->vmalloc->kmap_count[slot] > 1)
		machine->vmalloc->kmap_count[slot]--;
}
