/*
 * shmem_swap.c: pages of tmpfs and shared memory that go to swap.
 *
 * Their content has no other place.  The object's tree keeps the slot where the
 * page was, so the page still counts against the size of its tmpfs and what was
 * promised, and whoever wants it finds the way:
 *
 *     tree  | page | slot | page |  ...      slot: named once, by the tree
 *                     |
 *     swap cache:  page on its way out or in; or the device
 *
 * In the swap cache a page has no mapping: it belongs to its slot.  When it is
 * wanted again it goes back into the tree at once, dirty, and the slot is free.
 *
 * A page that was made for a reader and never written is a hole of the object
 * that happens to have a frame: reclaim drops it, and it is zeros again.
 *
 * Source: kernel documentation, filesystems/tmpfs; recordings of shared memory
 * with swap.
 */
#include "kernel/file_state.h"
#include "kernel/swap_state.h"

#include <errno.h>
#include <string.h>

static void shmem_count(struct address_space *mapping, const struct page *page,
			int64_t delta)
{
	struct pglist_data *node = machine_node_of(mapping->machine, page);

	mapping->nr_pages += (uint64_t)delta;
	node_stat_add(node, NR_FILE_PAGES, delta);
	node_stat_add(node, NR_SHMEM, delta);
}

static swp_entry_t entry_of(const void *value)
{
	return (swp_entry_t){radix_to_value(value)};
}

int shmem_writepage(struct mmsim_machine *machine, struct page *page)
{
	struct address_space *mapping = page->mapping;
	uint64_t index = page->index;
	swp_entry_t entry;
	int err = swap_take_slot(machine, &entry);

	ASSERT(page->mapcount == 0 && mapping->is_shmem);
	if (err)
		return err;
	/* There is an entry at the index already: no memory is needed. */
	(void)radix_insert(&mapping->pages, index, radix_from_value(entry.val));
	shmem_count(mapping, page, -1);
	page->mapping = NULL;
	swap_cache_insert(machine, page, entry);
	swap_duplicate(machine, entry);
	page_set(page, PG_dirty);
	page_put(machine, page);
	return 0;
}

/* The page of the swap cache takes the slot's place in the tree. */
static void shmem_take_back(struct address_space *mapping, uint64_t index,
			    swp_entry_t entry, struct page *page)
{
	struct mmsim_machine *machine = mapping->machine;

	swap_free(machine, entry);
	swap_cache_delete(machine, page, NULL);
	(void)radix_insert(&mapping->pages, index, page);
	page_get(page);
	page->mapping = mapping;
	page->index = index;
	page_set(page, PG_dirty);
	shmem_count(mapping, page, 1);
}

int shmem_swap_in(struct mmsim_task *task, struct address_space *mapping,
		  uint64_t index, gfp_t gfp, struct page **result, bool *major)
{
	const struct swap_reader reader = {.task = task, .gfp = gfp};
	struct mmsim_machine *machine = mapping->machine;
	void *value = radix_find(&mapping->pages, index);
	struct page *page = swap_cache_get(machine, entry_of(value));

	if (!page) {
		page = swap_readahead(machine, &reader, entry_of(value));
		if (!page)
			return -ENOMEM;
		*major = true;
	}
	/* The device reads the frame: it must not get other content yet. */
	if (page_has(page, PG_writeback))
		blkdev_wait_page(machine, page);
	if (radix_find(&mapping->pages, index) != value ||
	    swap_cache_find(machine, entry_of(value)) != page) {
		page_put(machine, page);
		return -EAGAIN;
	}
	shmem_take_back(mapping, index, entry_of(value), page);
	*result = page;
	return 0;
}

void shmem_drop_swap(struct address_space *mapping, uint64_t index)
{
	void *value = radix_find(&mapping->pages, index);

	swap_free_and_cache(mapping->machine, entry_of(value));
}

void shmem_zero_tail(struct address_space *mapping, uint64_t index,
		     unsigned offset)
{
	swp_entry_t entry = entry_of(radix_find(&mapping->pages, index));
	struct page *page = swap_cache_find(mapping->machine, entry);
	void *content = swap_content(mapping->machine, entry);

	if (content)
		memset((char *)content + offset, 0, PAGE_SIZE - offset);
	if (page)
		page_set(page, PG_dirty);
}

void shmem_drop_hole(struct page *page)
{
	struct inode *inode = ((struct address_space *)page->mapping)->host;

	ASSERT(!page_has(page, PG_dirty) && inode->mapping.is_shmem);
	filemap_remove(page);
	shmem_page_gone(inode);
}
