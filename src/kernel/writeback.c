/*
 * writeback.c: dirty pages of files go to the disk.
 *
 *   dirty        the cache has content that the disk does not have
 *     |  writeback_page: no entry may write any more (mkclean), the content is
 *     v  handed over, with zeros behind the end of the file
 *   PG_writeback on its way; may become dirty again, and is written once more
 *     |          when this write has ended
 *     v  writeback_end
 *   clean        as on the disk
 *
 * The pages of a file that are in one of these states are tagged in its tree,
 * so that they are found without a look at the others.  Files with dirty pages
 * are in one list, the longest dirty first.
 *
 * fsync, sync and msync write what is dirty and wait for all that is on its
 * way; so what was being written when they came is waited for as well.
 *
 * Simplified: a page that cannot be written (the host has no memory) stays
 * dirty.
 *
 * Sources: fsync(2), sync(2), msync(2), mmap(2); kernel documentation,
 * admin-guide/sysctl/vm.
 */
#include "kernel/writeback.h"

#include "kernel/file_state.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "kernel/syscall.h"

#include <errno.h>

void writeback_note_dirty(struct inode *inode, bool is_dirty)
{
	struct mmsim_machine *machine = inode->machine;

	if (!is_dirty) {
		list_del(&inode->dirty_link);
		return;
	}
	inode->dirtied_ns = machine->clock_ns;
	inode->writeback_index = 0;
	list_add_tail(&inode->dirty_link, &machine->files->flusher.dirty);
	flusher_wake_later(machine);
}

/* --- one page ------------------------------------------------------------ */

static bool mkclean_visit(struct rmap_walk *walk, struct vm_area_struct *vma,
			  uintptr_t addr, pte_t *entry, bool huge)
{
	(void)walk;
	(void)huge;
	if ((vma->flags & VM_SHARED) && (*entry & (PTE_RW | PTE_DIRTY)))
		pte_set(vma->mm, addr, entry,
			*entry & ~(pte_t)(PTE_RW | PTE_DIRTY));
	return true;
}

/* What stores through mappings left there is no part of the file. */
static void zero_behind_end(struct page *page)
{
	uint64_t size = ((struct address_space *)page->mapping)->host->size;
	size_t used = size % PAGE_SIZE;

	if (page->data && page->index == size / PAGE_SIZE)
		memset((char *)page->data + used, 0, PAGE_SIZE - used);
}

int writeback_page(struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct mmsim_machine *machine = mapping->machine;
	struct rmap_walk walk = {.visit = mkclean_visit};
	int err;

	ASSERT(page_has(page, PG_dirty) && !page_has(page, PG_writeback));
	if (page->mapcount > 0)
		rmap_walk(machine, page, &walk);
	zero_behind_end(page);
	err = store_write_page(mapping->host, page->index, page);
	if (!err)
		err = disk_write(mapping->host, page->index, page);
	if (err)
		return err;
	clear_page_dirty(page);
	radix_tag_set(&mapping->pages, page->index, RADIX_WRITEBACK);
	mapping->nr_writeback++;
	return 0;
}

void writeback_end(struct mmsim_machine *machine, struct page *page)
{
	struct address_space *mapping = page->mapping;

	radix_tag_clear(&mapping->pages, page->index, RADIX_WRITEBACK);
	mapping->nr_writeback--;
	node_stat_add(machine_node_of(machine, page), NR_WRITTEN, 1);
}

/* --- ranges -------------------------------------------------------------- */

static struct page *next_tagged(const struct address_space *mapping,
				uint64_t *index, uint64_t last,
				enum radix_tag tag)
{
	struct page *page = radix_next_tagged(&mapping->pages, index, tag);

	return page && *index <= last ? page : NULL;
}

uint64_t writeback_some(struct address_space *mapping, uint64_t *index,
			uint64_t most)
{
	uint64_t nr = 0;
	struct page *page;

	while (nr < most &&
	       (page = next_tagged(mapping, index, UINT64_MAX, RADIX_DIRTY))) {
		if (!page_has(page, PG_writeback) && !writeback_page(page))
			nr++;
		++*index;
	}
	if (!next_tagged(mapping, index, UINT64_MAX, RADIX_DIRTY))
		*index = UINT64_MAX;
	return nr;
}

void writeback_start(struct address_space *mapping, uint64_t first,
		     uint64_t last)
{
	struct page *page;

	for (uint64_t index = first;
	     (page = next_tagged(mapping, &index, last, RADIX_DIRTY)); index++)
		if (!page_has(page, PG_writeback))
			(void)writeback_page(page);
}

int writeback_range(struct address_space *mapping, uint64_t first,
		    uint64_t last)
{
	struct page *page;
	uint64_t index;
	int err = 0;

	for (index = first;
	     (page = next_tagged(mapping, &index, last, RADIX_DIRTY));
	     index++) {
		int result;

		/* what was dirtied since that write began comes after it */
		if (page_has(page, PG_writeback))
			blkdev_wait_page(mapping->machine, page);
		result = writeback_page(page);
		if (!err)
			err = result;
	}
	for (index = first;
	     (page = next_tagged(mapping, &index, last, RADIX_WRITEBACK));
	     index++)
		blkdev_wait_page(mapping->machine, page);
	return err;
}

/* --- the calls ----------------------------------------------------------- */

PUBLIC int mmsim_fsync(struct mmsim_task *task, struct mmsim_file *file)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	if (!file)
		err = -EBADF;
	else
		err = writeback_range(&file->inode->mapping, 0, UINT64_MAX);
	return (int)syscall_leave(task, err);
}

PUBLIC void mmsim_sync(struct mmsim_machine *machine)
{
	struct inode *inode;

	if (machine_check(machine))
		return;
	list_for_each(inode, file_inodes(machine), link)
		writeback_start(&inode->mapping, 0, UINT64_MAX);
	list_for_each(inode, file_inodes(machine), link)
		writeback_range(&inode->mapping, 0, UINT64_MAX);
	task_call_done(machine);
}
