/*
 * vmalloc.c: kernel addresses for frames that lie anywhere.
 *
 *   kmalloc   contiguous frames, now; the direct map has their address already
 *   vmalloc   frames one by one, now; page table entries make them one range
 *   ioremap   page table entries for device registers; no frame of memory
 *
 *   | frames | guard | frames ... | guard |  holes ...
 *   VMALLOC_START                                   VMALLOC_END
 *
 * Each area is followed by one page that is not mapped, so that running over
 * its end faults.  The lowest hole that fits is taken.
 *
 * Simplified: vfree makes the addresses free at once (Linux waits until it can
 * flush many from the TLB at one time); the list of an area's frames is read
 * from the table.
 *
 * Source: kernel documentation, core-api/memory-allocation,
 * driver-api/device-io; proc(5) (vmallocinfo).
 */
#include "base/hostmem.h"
#include "kernel/address_map.h"
#include "kernel/page_alloc.h"
#include "kernel/vmap.h"

#include <errno.h>

/* A hole of `bytes` bytes: its address and the area in front of it. */
static uint64_t find_hole(struct mmsim_machine *machine, uint64_t bytes,
			  struct list_head **prev)
{
	struct address_area limits = address_map_area(machine, AREA_VMALLOC);
	struct vmalloc_state *state = machine->vmalloc;
	uint64_t start = limits.start;
	struct vmap_area *area;

	*prev = &state->areas;
	list_for_each(area, &state->areas, link)
	{
		if (area->start - start >= bytes)
			return start;
		start = area->end;
		*prev = &area->link;
	}
	return limits.end - start >= bytes ? start : 0;
}

/* An area for nr_pages and the guard page; nothing is mapped yet. */
static struct vmap_area *area_create(struct mmsim_machine *machine,
				     uint64_t nr_pages)
{
	struct address_area limits = address_map_area(machine, AREA_VMALLOC);
	struct list_head *prev;
	struct vmap_area *area;
	uint64_t start;

	if (nr_pages == 0 ||
	    nr_pages >= (limits.end - limits.start) >> PAGE_SHIFT)
		return NULL;
	area = kmem_record_alloc(machine, KMEM_VMAP_AREA, sizeof(*area));
	if (!area)
		return NULL;
	start = find_hole(machine, (nr_pages + 1) << PAGE_SHIFT, &prev);
	if (!start) {
		kmem_record_free(machine, KMEM_VMAP_AREA, area);
		return NULL;
	}
	area->start = start;
	area->end = start + ((nr_pages + 1) << PAGE_SHIFT);
	list_insert_after(&area->link, prev);
	return area;
}

/* Unmaps what is mapped, and gives its frames back. */
static void area_destroy(struct mmsim_machine *machine, struct vmap_area *area)
{
	for (uint64_t i = 0; i < area->nr_pages; i++) {
		uint64_t addr = area->start + (i << PAGE_SHIFT);
		pfn_t pfn;

		if (!area->is_ioremap &&
		    kernel_table_find(machine, addr, &pfn)) {
			page_put(machine, page_from_pfn(machine, pfn));
			machine->vmalloc->nr_pages--;
		}
		kernel_table_clear(machine, addr);
	}
	list_del(&area->link);
	kmem_record_free(machine, KMEM_VMAP_AREA, area);
}

static int area_add_frame(struct mmsim_machine *machine, struct vmap_area *area)
{
	uint64_t addr = area->start + (area->nr_pages << PAGE_SHIFT);
	struct page *page =
		alloc_pages(machine, machine->current,
			    GFP_KERNEL | GFP_F_HIGHMEM, 0);
	int err;

	if (!page)
		return -ENOMEM;
	err = kernel_table_set(machine, addr, page_pfn(machine, page));
	if (err) {
		page_put(machine, page);
		return err;
	}
	machine->vmalloc->nr_pages++;
	area->nr_pages++;
	return 0;
}

uint64_t vmalloc(struct mmsim_machine *machine, size_t size)
{
	uint64_t nr_pages = size / PAGE_SIZE + (size % PAGE_SIZE != 0);
	struct vmap_area *area;

	/* more than there is can never be had */
	if (nr_pages > machine->totalram_pages)
		return 0;
	area = area_create(machine, nr_pages);
	if (!area)
		return 0;
	while (area->nr_pages < nr_pages) {
		if (area_add_frame(machine, area)) {
			area_destroy(machine, area);
			return 0;
		}
	}
	return area->start;
}

/* The frames of registers must not be memory that the kernel hands out. */
static bool range_is_memory(const struct mmsim_machine *machine, pfn_t first,
			    uint64_t nr_pages)
{
	for (unsigned n = 0; n < MAX_NODES; n++) {
		const struct pglist_data *node = machine->nodes[n];

		for (unsigned z = 0; node && z < MAX_NR_ZONES; z++) {
			const struct zone *zone = &node->zones[z];

			if (zone_is_populated(zone) &&
			    first < zone_end_pfn(zone) &&
			    first + nr_pages > zone->start_pfn)
				return true;
		}
	}
	return false;
}

uint64_t ioremap(struct mmsim_machine *machine, uint64_t phys, size_t size)
{
	uint64_t offset = phys % PAGE_SIZE, nr_pages;
	struct vmap_area *area;

	if (size == 0 || phys + size < phys)
		return 0;
	nr_pages = PAGE_ALIGN(offset + size) >> PAGE_SHIFT;
	phys -= offset;
	if (range_is_memory(machine, phys >> PAGE_SHIFT, nr_pages))
		return 0;
	area = area_create(machine, nr_pages);
	if (!area)
		return 0;
	area->is_ioremap = true;
	area->phys = phys;
	for (; area->nr_pages < nr_pages; area->nr_pages++) {
		uint64_t at = area->nr_pages << PAGE_SHIFT;

		if (kernel_table_set(machine, area->start + at,
				     (phys + at) >> PAGE_SHIFT)) {
			area_destroy(machine, area);
			return 0;
		}
	}
	return area->start + offset;
}

static void area_release(struct mmsim_machine *machine, uint64_t addr,
			 bool is_ioremap, const char *complaint)
{
	struct vmap_area *area;

	list_for_each(area, &machine->vmalloc->areas, link)
	{
		if (area->start == addr && area->is_ioremap == is_ioremap) {
			area_destroy(machine, area);
			return;
		}
	}
	printk(machine, "%s (%p)", complaint, (void *)(uintptr_t)addr);
}

void vfree(struct mmsim_machine *machine, uint64_t addr)
{
	if (addr)
		area_release(machine, addr, false,
			     "Trying to vfree() nonexistent vm area");
}

void iounmap(struct mmsim_machine *machine, uint64_t addr)
{
	if (addr)
		area_release(machine, addr & PAGE_MASK, true,
			     "iounmap: bad address");
}

bool kernel_address_to_pfn(struct mmsim_machine *machine, uint64_t addr,
			   pfn_t *pfn)
{
	switch (address_map_find(machine, addr)) {
	case AREA_DIRECT_MAP:
		*pfn = (addr - direct_map_address(machine, 0)) >> PAGE_SHIFT;
		return true;
	case AREA_VMALLOC:
	case AREA_KMAP:
		return kernel_table_find(machine, addr, pfn);
	default:
		return false;
	}
}

uint64_t vmalloc_used_kb(const struct mmsim_machine *machine)
{
	return pages_to_kb(machine->vmalloc->nr_pages);
}

int vmalloc_init(struct mmsim_machine *machine)
{
	struct vmalloc_state *state = hostmem_map(sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->top_table = hostmem_map(PAGE_SIZE);
	if (!state->top_table) {
		hostmem_unmap(state, sizeof(*state));
		return -ENOMEM;
	}
	list_init(&state->areas);
	machine->vmalloc = state;
	return 0;
}

void vmalloc_fini(struct mmsim_machine *machine)
{
	struct vmalloc_state *state = machine->vmalloc;

	if (!state)
		return;
	hostmem_unmap(state->top_table, PAGE_SIZE);
	hostmem_unmap(state, sizeof(*state));
	machine->vmalloc = NULL;
}
