/*
 * punch_hole.c: a hole in a file: its pages go, its size stays.
 *
 *      file   [ 0 1 2 3 4 5 ]      MADV_REMOVE of 2..3
 *        ->   [ 0 1 . . 4 5 ]      reads as zeros there
 *
 * The pages are taken out of all areas that map them first.  A private copy
 * that some task made of one of them is its own and stays.
 *
 * Source: fallocate(2) (FALLOC_FL_PUNCH_HOLE), madvise(2) (MADV_REMOVE).
 */
#include "kernel/file_state.h"
#include "kernel/pgtable.h"

/* Of one area: the entries that map the file's own pages. */
static int punch_visit(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	struct vm_area_struct *vma = walk->arg;
	struct page *page = pte_page(walk->mm->machine, *entry);

	(void)huge;
	if (pte_is_present(*entry) && page && page->mapping == vma->mapping)
		zap_page_range(vma, addr, addr + PAGE_SIZE);
	return 0;
}

static void punch_unmap(struct vm_area_struct *vma, uint64_t first,
			uint64_t last)
{
	struct pgtable_walk walk = {
		.mm = vma->mm,
		.visit = punch_visit,
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

static void punch_store(struct inode *inode, uint64_t first, uint64_t last)
{
	static const char zeros[PAGE_SIZE];
	uint64_t index = first;

	while (radix_next(&inode->store, &index) && index <= last) {
		store_write(inode, index, 0, zeros, PAGE_SIZE);
		index++;
	}
}

void punch_hole(struct address_space *mapping, uint64_t first, uint64_t last)
{
	struct mmsim_machine *machine = mapping->machine;
	struct vm_area_struct *vma;
	uint64_t index = first;
	void *entry;

	list_for_each(vma, &mapping->vmas, mapping_link)
		punch_unmap(vma, first, last);
	while ((entry = radix_next(&mapping->pages, &index)) && index <= last) {
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
	if (!mapping->is_shmem)
		punch_store(mapping->host, first, last);
}
