/*
 * truncate.c: pages leave the cache: because their file was cut, or because
 * somebody asks for it.
 *
 *   truncate     what is behind the new end goes, dirty or not, and out of all
 *                address spaces, private copies too; the rest of the last page
 *                becomes zeros
 *   invalidate   what can go at once does: clean and used by nobody; the others
 *                are the first that reclaim will take
 *
 * Source: ftruncate(2), posix_fadvise(2); kernel documentation,
 * admin-guide/sysctl/vm (drop_caches).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/pgtable.h"

#include <string.h>

/* --- truncation ---------------------------------------------------------- */

/* Every address space forgets pages from from_index on, private copies of
 * them too. */
static void unmap_from(struct address_space *mapping, uint64_t from_index)
{
	struct vm_area_struct *vma;

	list_for_each(vma, &mapping->vmas, mapping_link)
	{
		uint64_t skip =
			from_index > vma->pgoff ? from_index - vma->pgoff : 0;

		if (skip < vma_pages(vma))
			zap_page_range(vma, vma->start + (skip << PAGE_SHIFT),
				       vma->end);
	}
}

void truncate_pages(struct address_space *mapping, uint64_t from_index)
{
	struct mmsim_machine *machine = mapping->machine;
	uint64_t index = from_index;
	void *entry;

	unmap_from(mapping, from_index);
	while ((entry = radix_next(&mapping->pages, &index))) {
		if (radix_is_value(entry)) {
			filemap_drop_value(mapping, index);
		} else {
			page_get(entry);
			filemap_remove(entry);
			page_put(machine, entry);
			if (mapping->is_shmem)
				shmem_page_gone(mapping->host);
		}
		index++;
	}
}

void filemap_zero_tail(struct inode *inode, uint64_t index, unsigned offset)
{
	struct page *page = filemap_find(&inode->mapping, index);
	static const char zeros[PAGE_SIZE];

	if (page && page->data)
		memset((char *)page->data + offset, 0, PAGE_SIZE - offset);
	/* a page of tmpfs is dirty by this, zeros or not */
	if (page && (page->data || inode->mapping.is_shmem)) {
		set_page_dirty(page);
	} else if (!page && inode->mapping.is_shmem &&
		   radix_find(&inode->mapping.pages, index)) {
		shmem_zero_tail(&inode->mapping, index, offset);
	} else if (!page && !inode->mapping.is_shmem &&
		   store_has(inode, index)) {
		store_write(inode, index, offset, zeros, PAGE_SIZE - offset);
	}
}

/* --- invalidation -------------------------------------------------------- */

/* The cache's reference is the only one, and the disk has the content. */
static bool page_is_droppable(const struct page *page)
{
	return page->refcount == 1 && !page_has(page, PG_dirty);
}

uint64_t invalidate_mapping_pages(struct address_space *mapping, uint64_t first,
				  uint64_t last)
{
	uint64_t index = first, nr_dropped = 0;
	void *entry;

	if (mapping->is_shmem)
		return 0;
	for (; (entry = radix_next(&mapping->pages, &index)) && index <= last;
	     index++) {
		struct page *page = entry;

		if (radix_is_value(entry)) {
			filemap_drop_value(mapping, index);
		} else if (page_has(page, PG_writeback)) {
			continue;
		} else if (page_is_droppable(page)) {
			filemap_remove(page);
			nr_dropped++;
		} else {
			lru_deactivate_file(mapping->machine, page);
		}
	}
	return nr_dropped;
}
