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
 * /tmp and /dev/shm may hold as much as the spec says, each on its own; by
 * default half of the memory that there was at boot.  Pages count, in memory
 * and in swap, and not sizes: a hole costs nothing.  A page more: ENOSPC, or
 * SIGBUS at a load or store.  There may be as many files in each as pages are
 * in half of the memory, less one for the directory (nr_inodes).
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

static uint64_t mount_pages(const struct mmsim_machine *machine,
			    const struct spec_tmpfs *size)
{
	uint64_t ram = machine->totalram_pages;

	if (!size->is_set)
		return machine->files->default_tmpfs_pages;
	if (size->percent)
		return ram / 100 * size->percent +
		       (ram % 100 * size->percent + 99) / 100;
	return size->bytes ? file_pages(size->bytes) : UINT64_MAX;
}

void shmem_mount(struct mmsim_machine *machine)
{
	uint64_t *max = machine->files->max_tmpfs_pages;

	machine->files->default_tmpfs_pages = machine->totalram_pages / 2;
	max[PLACE_TMP] = mount_pages(machine, &machine->spec.tmp_size);
	max[PLACE_SHM] = mount_pages(machine, &machine->spec.shm_size);
	max[PLACE_KERNEL] = UINT64_MAX;
}

int shmem_kernel_file(struct mmsim_task *task, const char *path, uint64_t bytes,
		      bool noreserve, struct mmsim_file **file)
{
	uint64_t charge = noreserve ? 0 : file_pages(bytes);
	struct inode *inode;
	int err;

	if (charge && commit_charge(task, charge))
		return -ENOMEM;
	inode = inode_create(task->machine, PLACE_KERNEL);
	if (!inode) {
		commit_uncharge(task->machine, charge);
		return -ENOMEM;
	}
	inode->size = bytes;
	inode->committed = charge;
	err = path ? inode_set_path(inode, path) : 0;
	if (!err) {
		*file = file_open_inode(inode, O_RDWR);
		err = *file ? 0 : -ENOMEM;
	}
	inode_put(inode);
	return err;
}

uint64_t shmem_nr_swapped(const struct inode *inode)
{
	return inode->mapping.pages.count - inode->mapping.nr_pages;
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
	if (state->nr_tmpfs_pages[inode->place] >
	    state->max_tmpfs_pages[inode->place]) {
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

/* In the cache, on swap, or nowhere yet; -EAGAIN: look again. */
static int shmem_find_page(struct mmsim_task *task,
			   struct address_space *mapping, uint64_t index,
			   struct page **page, bool *major)
{
	void *entry = radix_find(&mapping->pages, index);

	if (!entry)
		return shmem_make_page(task, mapping, index, page);
	if (radix_is_value(entry))
		return shmem_swap_in(task, mapping, index, 0, page, major);
	*page = entry;
	page_get(*page);
	return 0;
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
	do {
		err = shmem_find_page(task, mapping, index, page, major);
	} while (err == -EAGAIN);
	return inode_put_after_page(task, mapping->host, err, page);
}
