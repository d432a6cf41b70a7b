/*
 * swap_out.c: a page's way to swap.
 *
 *   swap_add_page    a slot; the page is in the swap cache, and dirty
 *   try_to_unmap     its entries name the slot instead (unmap.c)
 *   swap_writepage   content to the slot; clean, PG_writeback until the device
 *                    is done
 *   reclaim          takes it out of the cache: the frame is free
 *
 * Since 6.12 a page of zeros is clean at once: a note takes the place of the
 * write.
 *
 * A page that nobody wants any more when it is about to be written (its task
 * has gone) gives its slot back and is not written.
 *
 * Source: proc(5) (pswpout); recordings of swapping.
 */
#include "kernel/swap_state.h"

#include <errno.h>

int swap_take_slot(struct mmsim_machine *machine, swp_entry_t *entry)
{
	int err = swap_slot_alloc(machine, entry);

	if (err)
		return err;
	/* Half of the reserve, and no further: reclaim itself asks. */
	err = swap_leaf_prepare(swap_area_of(machine, *entry),
				swp_offset(*entry),
				GFP_F_HIGH | GFP_F_NOMEMALLOC | GFP_F_NOWARN);
	if (err)
		swap_slot_release(swap_area_of(machine, *entry),
				  swp_offset(*entry));
	return err;
}

int swap_add_page(struct mmsim_machine *machine, struct page *page)
{
	swp_entry_t entry;
	int err = swap_take_slot(machine, &entry);

	if (err)
		return err;
	swap_cache_insert(machine, page, entry);
	page_set(page, PG_dirty);
	return 0;
}

/* Nobody asked for the page while it was on its way, and nobody will. */
void swap_end_write(struct mmsim_machine *machine, struct page *page)
{
	if (page_mapcount(page) == 0)
		swap_try_to_free(machine, page);
}

int swap_writepage(struct mmsim_machine *machine, struct page *page)
{
	swp_entry_t entry = {page->private};
	struct swap_area *area = swap_area_of(machine, entry);
	int err;

	ASSERT(page_has(page, PG_swapcache));
	if (swap_try_to_free(machine, page))
		return 0;
	err = swap_slot_store(area, swp_offset(entry), page);
	if (err)
		return err;
	if (!swap_slot_is_on_device(area, swp_offset(entry))) {
		page_clear(page, PG_dirty);
		count_vm_event(machine, SWPOUT_ZERO);
		return 0;
	}
	err = blkdev_write(&area->dev, page, swp_offset(entry));
	if (err)
		return err;
	page_clear(page, PG_dirty);
	count_vm_event(machine, PSWPOUT);
	return 0;
}
