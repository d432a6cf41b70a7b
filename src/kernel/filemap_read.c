/*
 * filemap_read.c: a page of a file for somebody who wants it: from the cache,
 * or from the disk through the cache.
 *
 *   in the cache               a reference, and that is all
 *   there, with PG_readahead   the next window is read as well (async)
 *   missing                    a window from here on is read (sync)
 *   still missing              memory is short: this page alone, for which the
 *                              OOM killer may be called
 *
 * Making a page may take long: others are reclaimed meanwhile, also those that
 * were just read, and a task may be killed.  So what was found is found again
 * by its index, and the inode is held.
 *
 * Simplified: a block is found without reading the file's map.
 *
 * Source: recordings (page-cache accounting, read-ahead).
 */
#include "kernel/fault.h"
#include "kernel/file_state.h"
#include "kernel/page_alloc.h"
#include "kernel/syscall.h"

#include <errno.h>

/* A new page in the cache, with the caller's reference. */
static int filemap_new_page(struct mmsim_task *task,
			    struct address_space *mapping, uint64_t index,
			    gfp_t extra, struct page **result)
{
	struct mmsim_machine *machine = mapping->machine;
	struct page *page;
	int err;

	page = alloc_pages(machine, task, GFP_HIGHUSER_MOVABLE | extra, 0);
	if (!page)
		return -ENOMEM;
	err = filemap_add_gfp(mapping, page, index, GFP_KERNEL | extra);
	if (err) {
		page_put(machine, page);
		return err;
	}
	*result = page;
	return 0;
}

static struct page *filemap_find_get(struct address_space *mapping,
				     uint64_t index)
{
	struct page *page = filemap_find(mapping, index);

	if (page)
		page_get(page);
	return page;
}

/* A task that was killed meanwhile gets no page. */
static int filemap_result(struct mmsim_task *task,
			  struct mmsim_machine *machine, int err,
			  struct page **page)
{
	if (!err && task && syscall_is_killed(task)) {
		page_put(machine, *page);
		err = -ENOMEM;
	}
	return err;
}

int inode_put_after_page(struct mmsim_task *task, struct inode *inode, int err,
			 struct page **page)
{
	err = filemap_result(task, inode->machine, err, page);
	inode_put(inode);
	return err;
}

/* The page alone is read. */
static int filemap_read_single(struct mmsim_task *task,
			       struct address_space *mapping, uint64_t index,
			       struct page **result)
{
	struct mmsim_machine *machine = mapping->machine;
	struct page *page;
	int err = filemap_new_page(task, mapping, index, 0, &page);

	if (err)
		return err;
	err = store_read_page(mapping->host, index, page);
	if (err) {
		filemap_remove(page);
		page_put(machine, page);
		return err;
	}
	page_set(page, PG_uptodate);
	if (store_has(mapping->host, index))
		disk_read(mapping->host, index, 1, true);
	*result = page;
	return 0;
}

int filemap_get_page(struct mmsim_task *task, struct address_space *mapping,
		     uint64_t index, struct page **page)
{
	int err;

	*page = filemap_find_get(mapping, index);
	if (*page)
		return 0;
	mapping->host->refcount++;
	err = filemap_read_single(task, mapping, index, page);
	return inode_put_after_page(task, mapping->host, err, page);
}

/* Missing: what can be read ahead, then the page if it has not come with it. */
static int filemap_read_missing(struct mmsim_task *task,
				const struct readahead *to, uint64_t index,
				uint64_t nr_wanted, struct page **page)
{
	readahead_sync(to, index, nr_wanted);
	*page = filemap_find_get(to->mapping, index);
	if (!*page)
		return filemap_read_single(task, to->mapping, index, page);
	if (page_has(*page, PG_readahead))
		readahead_async(to, *page, nr_wanted);
	return 0;
}

int filemap_read_page(struct mmsim_task *task, struct mmsim_file *file,
		      uint64_t index, uint64_t nr_wanted, struct page **page)
{
	struct inode *inode = file->inode;
	struct readahead to = {&inode->mapping, &file->ra};
	bool major;
	int err = 0;

	if (to.mapping->is_shmem)
		return shmem_get_page(task, to.mapping, index, page, &major);
	if (index >= file_pages(inode->size))
		return -EFAULT;
	*page = filemap_find_get(to.mapping, index);
	if (*page && !page_has(*page, PG_readahead))
		return 0;
	inode->refcount++;
	if (*page)
		readahead_async(&to, *page, nr_wanted);
	else
		err = filemap_read_missing(task, &to, index, nr_wanted, page);
	return inode_put_after_page(task, inode, err, page);
}

static int filemap_fault_missing(struct vm_fault *fault,
				 const struct readahead *to, uint64_t index,
				 struct page **page)
{
	fault->major = true;
	fault->retried = true;
	readahead_fault_miss(to, index, fault->vma->flags);
	*page = filemap_find_get(to->mapping, index);
	return *page ? 0
		     : filemap_read_single(fault->task, to->mapping, index,
					   page);
}

int filemap_fault(struct vm_fault *fault, struct page **page)
{
	struct mmsim_file *file = fault->vma->file;
	struct readahead to = {&file->inode->mapping, &file->ra};
	uint64_t index = vma_linear_index(fault->vma, fault->addr);
	int err = 0;

	if (to.mapping->is_shmem)
		return shmem_get_page(fault->task, to.mapping, index, page,
				      &fault->major);
	if (index >= file_pages(file->inode->size))
		return -EFAULT;
	file_get(file);
	*page = filemap_find_get(to.mapping, index);
	if (!*page)
		err = filemap_fault_missing(fault, &to, index, page);
	else if (readahead_fault_hit(&to, *page, fault->vma->flags))
		fault->retried = true;
	err = filemap_result(fault->task, fault->machine, err, page);
	file_put(file);
	return err;
}

int filemap_grab_page(struct mmsim_task *task, struct address_space *mapping,
		      uint64_t index, struct page **page)
{
	bool major;
	int err;

	if (mapping->is_shmem)
		return shmem_get_page(task, mapping, index, page, &major);
	err = store_reserve(mapping->host, index);
	if (err)
		return err;
	*page = filemap_find_get(mapping, index);
	if (*page)
		return 0;
	mapping->host->refcount++;
	err = filemap_new_page(task, mapping, index, GFP_F_WRITE, page);
	return inode_put_after_page(task, mapping->host, err, page);
}

int filemap_make_writable(struct page *page)
{
	struct address_space *mapping = page_head(page)->mapping;

	if (mapping && !page_is_anon(page) && !mapping->is_shmem) {
		int err = store_reserve(mapping->host, page->index);

		if (err)
			return err;
		metadata_update(mapping->host);
	}
	set_page_dirty(page);
	return 0;
}
