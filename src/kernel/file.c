/*
 * file.c: open files: made, opened, closed, cut, removed.
 *
 * What an open file is for (reading, writing) is checked when it is used.  A
 * file that is made with its size lies on the disk as a whole, so that the
 * disk can be full; one that grows by being cut longer gets a hole.
 *
 * Cutting a file takes its pages out of all address spaces, private copies
 * too: an access behind the new end gets SIGBUS.  The rest of the last page is
 * zeros from then on.
 *
 * Source: open(2), ftruncate(2), mmap(2).
 */
#include "kernel/file_state.h"
#include "kernel/swap.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { STAT_BLOCK = 512 }; /* bytes of a block of stat(2) */

/* --- open files ---------------------------------------------------------- */

struct mmsim_file *file_open_inode(struct inode *inode, int flags)
{
	struct mmsim_file *file;

	inode->refcount++;
	file = inode_cache(inode) ? NULL
				  : kmem_record_alloc(inode->machine, KMEM_FILP,
						      sizeof(*file));
	if (!file) {
		inode_put(inode);
		return NULL;
	}
	inode->machine->files->nr_open++;
	file->inode = inode;
	file->refcount = 1;
	file->flags = flags;
	readahead_init(&file->ra, inode->machine->files->ra_pages);
	return file;
}

struct mmsim_file *file_get(struct mmsim_file *file)
{
	if (file)
		file->refcount++;
	return file;
}

void file_put(struct mmsim_file *file)
{
	struct inode *inode;

	if (!file || --file->refcount > 0)
		return;
	inode = file->inode;
	inode->machine->files->nr_open--;
	kmem_record_free(inode->machine, KMEM_FILP, file);
	inode_put(inode);
}

/* --- making, cutting, removing ------------------------------------------- */

/* A named inode of this size, all of it on the disk; the caller has a
 * reference. */
static int file_make(struct mmsim_machine *machine, const char *path,
		     uint64_t bytes, struct inode **result)
{
	struct file_state *state = machine->files;
	enum file_place place = path_place(path);
	uint64_t blocks = place == PLACE_DISK ? file_pages(bytes) : 0;
	struct inode *inode;

	if (bytes > (place == PLACE_DISK ? FILE_MAX_BYTES : SHMEM_MAX_BYTES))
		return -EFBIG;
	if (blocks > state->disk_blocks - state->nr_disk_blocks)
		return -ENOSPC;
	if (place != PLACE_DISK &&
	    state->nr_inodes[place] + 1 >= state->default_tmpfs_pages)
		return -ENOSPC;
	inode = inode_create(machine, place);
	if (!inode)
		return -ENOMEM;
	if (inode_link(inode, path)) {
		inode_put(inode);
		return -ENOMEM;
	}
	inode->size = bytes;
	inode->extent_pages = blocks;
	inode->nr_blocks = blocks;
	state->nr_disk_blocks += blocks;
	*result = inode;
	return 0;
}

static int file_make_and_open(struct mmsim_machine *machine, const char *path,
			      uint64_t bytes, int flags,
			      struct mmsim_file **file)
{
	struct inode *inode;
	int err = file_make(machine, path, bytes, &inode);

	if (err)
		return err;
	*file = file_open_inode(inode, flags);
	if (!*file) {
		inode_unlink(inode);
		err = -ENOMEM;
	}
	inode_put(inode);
	return err;
}

static int inode_truncate(struct inode *inode, uint64_t bytes)
{
	bool is_disk = inode->place == PLACE_DISK;

	if (inode->is_swapfile)
		return -ETXTBSY;
	if (bytes > (is_disk ? FILE_MAX_BYTES : SHMEM_MAX_BYTES))
		return -EFBIG;
	if (bytes < inode->size) {
		uint64_t old = inode->size;

		inode->size = bytes;
		truncate_pages(&inode->mapping, file_pages(bytes));
		store_truncate(inode, file_pages(bytes));
		if (bytes % PAGE_SIZE && bytes < old)
			filemap_zero_tail(inode, bytes / PAGE_SIZE,
					  (unsigned)(bytes % PAGE_SIZE));
	}
	inode->size = bytes;
	metadata_update(inode);
	return 0;
}

static int file_create(struct mmsim_machine *machine, const char *path,
		       off_t bytes, struct mmsim_file **file)
{
	int err = path_check(path);

	if (!file)
		return -EFAULT;
	if (bytes < 0)
		return -EINVAL;
	if (err == -EISDIR && path_place(path) == PLACE_DISK)
		return -EEXIST;
	if (err)
		return err;
	if (path_find(machine, path) || swap_is_device(machine, path))
		return -EEXIST;
	return file_make_and_open(machine, path, (uint64_t)bytes, O_RDWR, file);
}

int file_open_program(struct mmsim_machine *machine, const char *path,
		      uint64_t bytes, struct mmsim_file **file)
{
	struct inode *inode = path_find(machine, path);
	int err = path_check(path);

	if (err)
		return err;
	if (!inode)
		return file_make_and_open(machine, path, bytes, O_RDONLY, file);
	*file = file_open_inode(inode, O_RDONLY);
	return *file ? 0 : -ENOMEM;
}

PUBLIC int mmsim_file_create(struct mmsim_machine *machine, const char *path,
			     off_t bytes, struct mmsim_file **file)
{
	int err = machine_check(machine);

	if (err)
		return err;
	err = file_create(machine, path, bytes, file);
	task_call_done(machine);
	return err;
}

/* The disk itself: root may read it; as it is mounted, nobody writes to it. */
static int file_check_device(const struct mmsim_task *task,
			     const struct inode *inode, int mode)
{
	if (inode->place != PLACE_BLKDEV)
		return 0;
	if (!task_is_root(task))
		return -EACCES;
	return mode == O_RDONLY ? 0 : -EBUSY;
}

static int file_open(struct mmsim_task *task, const char *path, int flags,
		     struct mmsim_file **file)
{
	struct mmsim_machine *machine = task->machine;
	int mode = flags & O_ACCMODE, err = path_check(path);
	struct inode *inode;
	bool is_known, is_device;

	if (!file)
		return -EFAULT;
	if (mode == O_ACCMODE)
		return -EINVAL;
	if (err)
		return err;
	if (!task_is_root(task) &&
	    machine->files->nr_open >= (uint64_t)machine->vm.file_max)
		return -ENFILE;
	inode = path_find(machine, path);
	is_device = swap_is_device(machine, path);
	if (!inode && !is_device && !(flags & O_CREAT))
		return -ENOENT;
	if ((inode || is_device) && (flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (is_device)
		return -EBUSY;
	if ((flags & O_DIRECT) && path_place(path) != PLACE_DISK &&
	    machine->profile < PROFILE_6_18)
		return -EINVAL;
	if (!inode) {
		err = file_make_and_open(machine, path, 0, flags, file);
		if (err)
			return err;
		(*file)->inode->uid = task->uid;
		metadata_create((*file)->inode);
		return 0;
	}
	err = file_check_device(task, inode, mode);
	if (err)
		return err;
	is_known = inode->dentry_record != NULL;
	*file = file_open_inode(inode, flags);
	if (!*file)
		return -ENOMEM;
	if (!is_known)
		metadata_look_up(inode);
	if ((flags & O_TRUNC) && mode != O_RDONLY)
		err = inode_truncate(inode, 0);
	if (err) {
		file_put(*file);
		*file = NULL;
	}
	return err;
}

PUBLIC int mmsim_open(struct mmsim_task *task, const char *path, int flags,
		      struct mmsim_file **file)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	err = file_open(task, path, flags, file);
	return (int)syscall_leave(task, err);
}

PUBLIC int mmsim_close(struct mmsim_file *file)
{
	struct mmsim_machine *machine;

	if (!file)
		return -EBADF;
	machine = file->inode->machine;
	if (machine->has_panicked)
		return -EIO;
	file_put(file);
	task_call_done(machine);
	return 0;
}

PUBLIC int mmsim_ftruncate(struct mmsim_file *file, off_t bytes)
{
	struct mmsim_machine *machine;
	int err;

	if (!file)
		return -EBADF;
	machine = file->inode->machine;
	if (machine->has_panicked)
		return -EIO;
	if (bytes < 0 || (file->flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	err = inode_truncate(file->inode, (uint64_t)bytes);
	task_call_done(machine);
	return err;
}

PUBLIC int mmsim_unlink(struct mmsim_machine *machine, const char *path)
{
	struct inode *inode;
	int err = machine_check(machine);

	if (!err)
		err = path_check(path);
	if (err)
		return err;
	inode = path_find(machine, path);
	if (!inode)
		return -ENOENT;
	if (inode->is_swapfile || inode->place == PLACE_BLKDEV)
		return -EPERM;
	inode->refcount++;
	inode_unlink(inode);
	inode_put(inode);
	task_call_done(machine);
	return 0;
}

PUBLIC off_t mmsim_file_size(const struct mmsim_file *file)
{
	return file ? (off_t)file->inode->size : -EBADF;
}

PUBLIC off_t mmsim_file_blocks(const struct mmsim_file *file)
{
	const struct inode *inode;
	uint64_t nr_pages;

	if (!file)
		return -EBADF;
	inode = file->inode;
	nr_pages = inode->mapping.is_shmem ? inode->mapping.pages.count
					   : inode->nr_blocks;
	return (off_t)(nr_pages * (PAGE_SIZE / STAT_BLOCK));
}
