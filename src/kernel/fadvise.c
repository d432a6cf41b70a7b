/*
 * fadvise.c: what a program says about how it will use a file.
 *
 *   NORMAL      windows of read_ahead_kb        of this open file
 *   SEQUENTIAL  twice as large
 *   RANDOM      only what is asked for
 *   WILLNEED    pages are read ahead now: as many as the device takes at a time
 *   DONTNEED    what is dirty is on its way to the disk; pages that lie in
 *               the range as a whole leave the cache if they can
 *   NOREUSE     nothing
 *
 * A length of 0 means up to the end.  Files of tmpfs take all advice and do
 * nothing.
 *
 * Source: posix_fadvise(2); recordings of read-ahead.
 */
#include "kernel/file_state.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <fcntl.h>

static void fadvise_dontneed(struct mmsim_file *file, uint64_t first_byte,
			     uint64_t last_byte)
{
	struct inode *inode = file->inode;
	uint64_t first = file_pages(first_byte), last = last_byte / PAGE_SIZE;

	writeback_start(&inode->mapping, first_byte / PAGE_SIZE, last);
	/* a page of which a part is wanted stays */
	if ((last_byte + 1) % PAGE_SIZE && last_byte + 1 != inode->size) {
		if (last == 0)
			return;
		last--;
	}
	if (first <= last)
		invalidate_mapping_pages(&inode->mapping, first, last);
}

static int fadvise_do(struct mmsim_file *file, uint64_t offset, uint64_t len,
		      int advice)
{
	uint64_t last =
		len && offset + len >= len ? offset + len - 1 : UINT64_MAX;
	uint64_t ra_pages = file->inode->machine->files->ra_pages;
	struct readahead to = {&file->inode->mapping, &file->ra};
	bool is_disk = !to.mapping->is_shmem;

	switch (advice) {
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_SEQUENTIAL:
		file->ra.is_random = false;
		file->ra.ra_pages =
			advice == POSIX_FADV_NORMAL ? ra_pages : 2 * ra_pages;
		return 0;
	case POSIX_FADV_RANDOM:
		file->ra.is_random = true;
		return 0;
	case POSIX_FADV_WILLNEED:
		if (is_disk)
			readahead_force(&to, offset / PAGE_SIZE,
					last / PAGE_SIZE - offset / PAGE_SIZE +
						1);
		return 0;
	case POSIX_FADV_DONTNEED:
		if (is_disk)
			fadvise_dontneed(file, offset, last);
		return 0;
	case POSIX_FADV_NOREUSE:
		return 0;
	default:
		return -EINVAL;
	}
}

PUBLIC int mmsim_fadvise(struct mmsim_task *task, struct mmsim_file *file,
			 off_t offset, off_t len, int advice)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	if (!file)
		err = -EBADF;
	else if (len < 0)
		err = -EINVAL;
	else
		err = fadvise_do(file, (uint64_t)offset, (uint64_t)len, advice);
	return (int)syscall_leave(task, err);
}
