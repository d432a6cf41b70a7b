/*
 * shmem.c: tmpfs and shared anonymous memory: pages that are the content.
 *
 * There is no disk behind: a page that is made is zeros, and is in the page
 * cache (Cached and Shmem) until the object is cut or gone; it lies on the
 * lists of anonymous pages, because it could only go to swap.  Reading a page
 * through a mapping makes it too: there is no zero page here.
 *
 * What is promised (recorded): an anonymous object its whole length when it is
 * mapped, until the last mapping is gone; files of tmpfs, and objects mapped
 * with MAP_NORESERVE, each page when it is made.
 *
 * A tmpfs may hold half of the memory ("size=50%", the default); each of /tmp
 * and /dev/shm on its own.  A page more: ENOSPC, or SIGBUS at a store.
 *
 * Source: kernel documentation, filesystems/tmpfs; recordings.
 */
#include "kernel/commit.h"
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/page_alloc.h"
#include "kernel/task.h"

#include <errno.h>
#include <fcntl.h>

static uint64_t tmpfs_max_pages(const struct inode *inode)
{
	return inode->place == PLACE_KERNEL
		       ? UINT64_MAX
		       : inode->machine->totalram_pages / 2;
}

struct mmsim_file *shmem_zero_setup(struct mmsim_task *task, size_t len)
{
	struct mmsim_machine *machine = task->machine;
	struct inode *inode = inode_create(machine, PLACE_KERNEL);
	struct mmsim_file *file;

	if (!inode)
		return NULL;
	inode->size = PAGE_ALIGN(len);
	file = file_open_inode(inode, O_RDWR);
	inode_put(inode);
	return file;
}

void shmem_page_gone(struct inode *inode)
{
	struct file_state *state = inode->machine->files;

	state->nr_tmpfs_pages[inode->place]--;
	if (inode->is_charged_by_page) {
		inode->committed--;
		commit_uncharge(inode->machine, 1);
	}
}

/* The promise and the place for one page more. */
static int shmem_charge_page(struct mmsim_task *task, struct inode *inode)
{
	struct file_state *state = inode->machine->files;
	int err;

	if (inode->place == PLACE_KERNEL && inode->committed == 0)
		inode->is_charged_by_page = true;
	if (inode->is_charged_by_page) {
		/* the VFS calls a broken promise "no space" */
		err = commit_charge(task, 1);
		if (err)
			return -ENOSPC;
		inode->committed++;
	}
	state->nr_tmpfs_pages[inode->place]++;
	if (state->nr_tmpfs_pages[inode->place] > tmpfs_max_pages(inode)) {
		shmem_page_gone(inode);
		return -ENOSPC;
	}
	return 0;
}

static int shmem_make_page(struct mmsim_task *task,
			   struct address_space *mapping, uint64_t index,
			   struct page **result)
{
	struct mmsim_machine *machine = mapping->machine;
	struct page *page;
	int err = shmem_charge_page(task, mapping->host);

	if (err)
		return err;
	page = alloc_pages(machine, task, GFP_HIGHUSER_MOVABLE | GFP_F_ZERO, 0);
	if (!page) {
		err = -ENOMEM;
		goto uncharge;
	}
	err = filemap_add(mapping, page, index);
	if (err)
		goto put;
	page_set(page, PG_uptodate);
	*result = page;
	return 0;
put:
	page_put(machine, page);
uncharge:
	shmem_page_gone(mapping->host);
	return err;
}

int shmem_get_page(struct mmsim_task *task, struct address_space *mapping,
		   uint64_t index, struct page **page, bool *major)
{
	int err;

	*major = false;
	if (index >= file_pages(mapping->host->size))
		return -EFAULT;
	*page = filemap_find(mapping, index);
	if (*page) {
		page_get(*page);
		return 0;
	}
	mapping->host->refcount++;
	err = shmem_make_page(task, mapping, index, page);
	return inode_put_after_page(task, mapping->host, err, page);
}
