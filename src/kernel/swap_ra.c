/*
 * swap_ra.c: reading from swap, with the neighbours.
 *
 * Pages that went out together lie together and are wanted together, so a fault
 * reads the whole window of its slot: 2^n slots, aligned, where vm.page-cluster
 * allows n up to its value.
 *
 *     slots    ...| 8  9 10 11 12 13 14 15|16 ...     page-cluster 3
 *                          ^ the fault: 8..15 are read in one request
 *
 * The window follows its success.  Hits are faults on pages that were read
 * ahead; each fault that reads takes account of those since the last one:
 *
 *     no hit, and not beside the last slot    one page
 *     h hits                                  the power of two from h + 2 on,
 *                                             at least 4
 *     never less than half of the last window
 *
 * (Before 3.14 it was always the largest.)
 *
 * Slots of the window that are not in use or whose page is in memory are passed
 * over.
 *
 * Source: kernel documentation, admin-guide/sysctl/vm (page-cluster);
 * recordings (a fault for 8 pages in sequence; single pages at random after a
 * few).
 */
#include "kernel/file.h"
#include "kernel/swap_state.h"

enum { RA_MIN_WINDOW = 4 };

/* Pages of the window for a fault on this slot. */
static unsigned ra_window(struct mmsim_machine *machine, uint64_t offset)
{
	struct swap_state *state = machine->swap;
	unsigned hits = state->ra_hits, pages = hits + 2;
	unsigned max = 1u << machine->vm.page_cluster;

	state->ra_hits = 0;
	if (max == 1 || machine->profile < PROFILE_6_1)
		return max;
	if (hits == 0) {
		if (offset != state->ra_prev_offset + 1 &&
		    offset + 1 != state->ra_prev_offset)
			pages = 1;
		state->ra_prev_offset = offset;
	} else {
		unsigned power = RA_MIN_WINDOW;

		while (power < pages)
			power <<= 1;
		pages = power;
	}
	if (pages > max)
		pages = max;
	if (pages < state->ra_last_window / 2)
		pages = state->ra_last_window / 2;
	state->ra_last_window = pages;
	return pages;
}

/* Slots [first, last] but that of `entry` come into the cache; how many the
 * device has to be read for. */
static unsigned ra_read_around(struct mmsim_machine *machine,
			       const struct swap_reader *reader,
			       swp_entry_t entry, uint64_t first, uint64_t last)
{
	const struct swap_area *area = swap_area_of(machine, entry);
	unsigned nr_read = 0;

	for (uint64_t offset = first; offset <= last; offset++) {
		struct page *page;
		bool is_new;

		if (offset == swp_offset(entry))
			continue;
		page = swap_cache_read(machine, reader,
				       swp_entry(swp_type(entry), offset),
				       &is_new);
		if (!page)
			continue;
		if (is_new) {
			page_set(page, PG_readahead);
			count_vm_event(machine, SWAP_RA);
			nr_read += swap_slot_is_on_device(area, offset);
		}
		page_put(machine, page);
	}
	return nr_read;
}

struct page *swap_readahead(struct mmsim_machine *machine,
			    const struct swap_reader *reader, swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	uint64_t offset = swp_offset(entry), first = offset, last;
	unsigned window = ra_window(machine, offset);
	unsigned nr_read = 0;
	struct page *page;
	bool is_new;

	if (window > 1) {
		/* not the header; not past the end */
		first = max_size(offset - offset % window, 1);
		last = min_size(offset - offset % window + window,
				area->nr_slots) -
		       1;
		nr_read = ra_read_around(machine, reader, entry, first, last);
	}
	page = swap_cache_read(machine, reader, entry, &is_new);
	nr_read += is_new && swap_slot_is_on_device(area, offset);
	if (nr_read > 0)
		blkdev_read(&area->dev, first, nr_read, page != NULL);
	return page;
}

/* --- MADV_WILLNEED ------------------------------------------------------- */

static void willneed_slot(struct mmsim_machine *machine,
			  const struct swap_reader *reader, swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	bool is_new;
	struct page *page = swap_cache_read(machine, reader, entry, &is_new);

	if (!page)
		return;
	if (is_new && swap_slot_is_on_device(area, swp_offset(entry)))
		blkdev_read(&area->dev, swp_offset(entry), 1, false);
	page_put(machine, page);
}

static int willneed_visit(struct pgtable_walk *walk, uintptr_t addr,
			  pte_t *entry, bool huge)
{
	struct swap_reader *reader = walk->arg;

	if (huge || !pte_is_swap(*entry))
		return 0;
	reader->addr = addr;
	willneed_slot(walk->mm->machine, reader, pte_to_swp_entry(*entry));
	return 0;
}

/* Slots that the tree of the object holds in place of pages. */
static void willneed_shmem(struct mmsim_task *task, struct vm_area_struct *vma,
			   uint64_t index, uint64_t end)
{
	const struct swap_reader reader = {.task = task};
	void *value;

	for (;
	     (value = radix_next(&vma->mapping->pages, &index)) && index < end;
	     index++)
		if (radix_is_value(value))
			willneed_slot(vma->mm->machine, &reader,
				      (swp_entry_t){radix_to_value(value)});
}

void swap_willneed(struct mmsim_task *task, struct vm_area_struct *vma,
		   uintptr_t start, uintptr_t end)
{
	struct swap_reader reader = {.task = task, .vma = vma};
	struct pgtable_walk walk = {
		.mm = vma->mm,
		.visit = willneed_visit,
		.arg = &reader,
	};

	if (vma_is_anonymous(vma))
		pgtable_walk(&walk, start, end);
	else
		willneed_shmem(task, vma, vma_linear_index(vma, start),
			       vma_linear_index(vma, end - 1) + 1);
}
