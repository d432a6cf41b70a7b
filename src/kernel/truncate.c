/*
 * truncate.c: pages leave the cache: because their file was cut, or because
 * somebody asks for it.
 *
 *   truncate     what is behind the new end goes, dirty or not, and out of all
 *                address spaces, private copies too; the rest of the last page
 *                becomes zeros.  A page that is being written is waited for
 *   unmap        all entries that lead to the file's own pages go
 *   invalidate   what can go at once does: clean, and used by nobody; the
 *                others are the first that reclaim will take
 *
 * Source: ftruncate(2), posix_fadvise(2); kernel documentation,
 * admin-guide/sysctl/vm (drop_caches).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/pgtable.h"
#include "kernel/swap.h"

#include <string.h>

/* --- truncation ---------------------------------------------------------- */

/* Every address space forgets pages from from_index on, private copies of
 * them too. */
static void zap_from(struct address_space *mapping, uint64_t from_index)
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

void truncate_page(struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct mmsim_machine *machine = mapping->machine;

	page_get(page);
	if (page_has(page, PG_writeback))
		blkdev_wait_page(machine, page);
	filemap_remove(page);
	page_put(machine, page);
	if (mapping->is_shmem)
		shmem_page_gone(mapping->host);
}

void truncate_pages(struct address_space *mapping, uint64_t from_index)
{
	uint64_t index = from_index;
	void *entry;

	zap_from(mapping, from_index);
	while ((entry = radix_next(&mapping->pages, &index))) {
		if (radix_is_value(entry)) {
			filemap_drop_value(mapping, index);
		} else {
			truncate_page(entry);
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

/* --- out of the address spaces ------------------------------------------- */

/* Of one area: the entries that map the file's own pages. */
static int unmap_visit(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	struct vm_area_struct *vma = walk->arg;
	struct page *page = pte_page(walk->mm->machine, *entry);

	(void)huge;
	if (pte_is_present(*entry) && page && page->mapping == vma->mapping)
		zap_page_range(vma, addr, addr + PAGE_SIZE);
	return 0;
}

static void unmap_from_vma(struct vm_area_struct *vma, uint64_t first,
			   uint64_t last)
{
	struct pgtable_walk walk = {
		.mm = vma->mm,
		.visit = unmap_visit,
		.arg = vma,
	};
	uint64_t vma_last = vma->pgoff + vma_pages(vma) - 1;

	if (first < vma->pgoff)
		first = vma->pgoff;
	if (last > vma_last)
		last = vma_last;
	if (first <= last)
		pgtable_walk(&walk,
			     vma->start + ((first - vma->pgoff) << PAGE_SHIFT),
			     vma->start +
				     ((last + 1 - vma->pgoff) << PAGE_SHIFT));
}

void unmap_mapping_pages(struct address_space *mapping, uint64_t first,
			 uint64_t last)
{
	struct vm_area_struct *vma;

	list_for_each(vma, &mapping->vmas, mapping_link)
		unmap_from_vma(vma, first, last);
}

/* --- invalidation -------------------------------------------------------- */

/* The cache's reference is the only one, and the disk has the content; of tmpfs:
 * there is none, because nobody ever wrote the page. */
static bool page_is_droppable(const struct page *page)
{
	return page->refcount == 1 && !page_has(page, PG_dirty);
}

static void drop_page(struct address_space *mapping, struct page *page)
{
	if (mapping->is_shmem)
		shmem_drop_hole(page);
	else
		filemap_remove(page);
}

uint64_t invalidate_mapping_pages(struct address_space *mapping, uint64_t first,
				  uint64_t last)
{
	uint64_t index = first, nr_dropped = 0;
	void *entry;

	for (; (entry = radix_next(&mapping->pages, &index)) && index <= last;
	     index++) {
		struct page *page = entry;

		if (radix_is_value(entry)) {
			if (!mapping->is_shmem)
				filemap_drop_value(mapping, index);
		} else if (page_has(page, PG_writeback)) {
			continue;
		} else if (page_is_droppable(page)) {
			drop_page(mapping, page);
			nr_dropped++;
		} else {
			lru_deactivate_file(mapping->machine, page);
		}
	}
	return nr_dropped;
}
