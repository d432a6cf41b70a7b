/*
 * file_io.c: read and write.
 *
 * Reading and writing go through the page cache, page by page.  A read that
 * misses fetches pages from the disk; a write that does not cover its whole
 * page must fetch it first, too, when there is something on the disk.  What is
 * written is dirty (writeback.c); with O_DSYNC and O_SYNC it is on the disk
 * when the call returns.  O_DIRECT goes past the cache: dirty pages of the
 * range are written first, and before a write they leave all address spaces and
 * the cache.
 *
 * A page that is read twice becomes active: reads of the same page in sequence
 * count once (the read begins where the last one ended).  A hole of tmpfs is
 * read as zeros without making a page.
 *
 * Source: read(2), write(2), open(2) (O_DIRECT); recordings.
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/page_alloc.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

enum { DIRECT_ALIGN = 512 };

/* The system call limits one transfer. */
#define RW_MAX ((size_t)INT_MAX & ~(size_t)(PAGE_SIZE - 1))

/* A transfer: what is left of it. */
struct transfer {
	struct mmsim_task *task;
	struct mmsim_file *file;
	struct inode *inode;
	uint64_t pos;
	size_t left, done;
};

static size_t chunk_len(const struct transfer *io)
{
	return min_size(PAGE_SIZE - io->pos % PAGE_SIZE, io->left);
}

static void advance(struct transfer *io, size_t len)
{
	io->pos += len;
	io->left -= len;
	io->done += len;
}

/* Bytes moved, or the error when there are none. */
static ssize_t transfer_result(const struct transfer *io, int err)
{
	if (syscall_is_killed(io->task))
		return -ESRCH;
	return io->done ? (ssize_t)io->done : err;
}

static bool is_direct(const struct transfer *io)
{
	return (io->file->flags & O_DIRECT) && !io->inode->mapping.is_shmem;
}

static int check_direct(const struct transfer *io, const void *buf)
{
	return (io->pos | io->left | (uintptr_t)buf) % DIRECT_ALIGN ? -EINVAL
								    : 0;
}

/* --- reading ------------------------------------------------------------- */

/* Of a file on disk several reads of one page in sequence are one use; of tmpfs
 * each that begins with the page. */
static bool is_new_use(const struct transfer *io)
{
	const struct file_ra_state *ra = &io->file->ra;

	if (io->inode->mapping.is_shmem)
		return io->pos % PAGE_SIZE == 0;
	return (ra->prev_pos - 1) / PAGE_SIZE != io->pos / PAGE_SIZE;
}

static int read_chunk(struct transfer *io, char *to, size_t len)
{
	struct mmsim_machine *machine = io->task->machine;
	struct address_space *mapping = &io->inode->mapping;
	uint64_t index = io->pos / PAGE_SIZE;
	struct page *page;
	int err;

	if (mapping->is_shmem && !radix_find(&mapping->pages, index)) {
		memset(to, 0, len);
		return 0;
	}
	err = filemap_read_page(io->task, io->file, index,
				file_pages(io->pos + io->left) - index, &page);
	if (err)
		return err;
	if (page->data)
		memcpy(to, (char *)page->data + io->pos % PAGE_SIZE, len);
	else
		memset(to, 0, len);
	if (is_new_use(io))
		mark_page_accessed(machine, page);
	io->file->ra.prev_pos = io->pos + len;
	clock_charge(machine, io->task, COST_COPY_PAGE);
	page_put(machine, page);
	return 0;
}

static ssize_t read_direct(struct transfer *io, char *to)
{
	uint64_t first = io->pos / PAGE_SIZE;
	uint64_t last = (io->pos + io->left - 1) / PAGE_SIZE;
	int err = writeback_range(&io->inode->mapping, first, last);

	if (err)
		return err;
	while (io->left) {
		size_t len = chunk_len(io);

		store_read(io->inode, io->pos / PAGE_SIZE,
			   (unsigned)(io->pos % PAGE_SIZE), to + io->done, len);
		advance(io, len);
	}
	disk_read(io->inode, first, last - first + 1, true);
	return (ssize_t)io->done;
}

static ssize_t file_pread(struct transfer *io, char *to)
{
	int err = 0;

	if (is_direct(io)) {
		err = check_direct(io, to);
		if (err)
			return err;
	}
	if (io->pos >= io->inode->size)
		return 0;
	io->left = min_size(io->left, io->inode->size - io->pos);
	if (is_direct(io))
		return read_direct(io, to);
	while (io->left) {
		size_t len = chunk_len(io);

		err = read_chunk(io, to + io->done, len);
		if (err || syscall_is_killed(io->task))
			break;
		advance(io, len);
	}
	return transfer_result(io, err);
}

static int transfer_check(struct mmsim_file *file, const void *buf, size_t len,
			  off_t offset, int wrong_mode)
{
	if (offset < 0)
		return -EINVAL;
	if (!file || (file->flags & O_ACCMODE) == wrong_mode)
		return -EBADF;
	if (len > SSIZE_MAX || (uint64_t)offset > (uint64_t)INT64_MAX - len)
		return -EINVAL;
	return buf || len == 0 ? 0 : -EFAULT;
}

PUBLIC ssize_t mmsim_pread(struct mmsim_task *task, struct mmsim_file *file,
			   void *buf, size_t len, off_t offset)
{
	struct transfer io = {.task = task, .file = file};
	int err = syscall_enter(task);

	if (err)
		return err;
	err = transfer_check(file, buf, len, offset, O_WRONLY);
	if (err || len == 0)
		return syscall_leave(task, err);
	io.inode = file->inode;
	io.pos = (uint64_t)offset;
	io.left = min_size(len, RW_MAX);
	return syscall_leave(task, file_pread(&io, buf));
}

/* --- writing ------------------------------------------------------------- */

/* The page for bytes [from, from + len) of it, with its old content around
 * them. */
static int write_begin(struct transfer *io, size_t len, struct page **page)
{
	struct address_space *mapping = &io->inode->mapping;
	uint64_t index = io->pos / PAGE_SIZE;
	bool whole = len == PAGE_SIZE;

	if (!mapping->is_shmem && !whole && store_has(io->inode, index) &&
	    index < file_pages(io->inode->size))
		return filemap_get_page(io->task, mapping, index, page);
	return filemap_grab_page(io->task, mapping, index, page);
}

/* The bytes are in the page; 0 or -ENOMEM (of the host): a page that was made
 * for them is gone again. */
static int write_copy(struct transfer *io, struct page *page, const char *from,
		      size_t len)
{
	if (page->data || !bytes_are_zeros(from, len)) {
		char *content = page_content_write(io->task->machine, page);

		if (!content) {
			if (!page_has(page, PG_uptodate))
				filemap_remove(page);
			return -ENOMEM;
		}
		memcpy(content + io->pos % PAGE_SIZE, from, len);
	}
	page_set(page, PG_uptodate);
	return 0;
}

static int write_chunk(struct transfer *io, const char *from, size_t len)
{
	struct mmsim_machine *machine = io->task->machine;
	uint64_t old_size = io->inode->size;
	struct page *page;
	int err;

	/* a page of tmpfs is only made below the size */
	if (io->inode->mapping.is_shmem && io->pos + len > old_size)
		io->inode->size = io->pos + len;
	err = write_begin(io, len, &page);
	if (err)
		goto restore;
	err = write_copy(io, page, from, len);
	if (err) {
		page_put(machine, page);
		goto restore;
	}
	set_page_dirty(page);
	/* writing is a use of tmpfs only */
	if (io->inode->mapping.is_shmem)
		mark_page_accessed(machine, page);
	if (io->pos + len > old_size)
		io->inode->size = io->pos + len;
	clock_charge(machine, io->task, COST_COPY_PAGE);
	page_put(machine, page);
	balance_dirty_pages(machine);
	return 0;
restore:
	/* what was made behind the old end goes again */
	io->inode->size = old_size;
	truncate_pages(&io->inode->mapping, file_pages(old_size));
	store_truncate(io->inode, file_pages(old_size));
	return err;
}

/* What is cached of the range is on the disk now, and goes: out of all address
 * spaces and out of the cache. */
static int drop_cached(struct transfer *io, uint64_t first, uint64_t last)
{
	struct address_space *mapping = &io->inode->mapping;
	int err = writeback_range(mapping, first, last);

	if (err)
		return err;
	unmap_mapping_pages(mapping, first, last);
	invalidate_mapping_pages(mapping, first, last);
	return 0;
}

static int write_direct_chunk(struct transfer *io, const char *from, size_t len)
{
	uint64_t index = io->pos / PAGE_SIZE;
	int err = store_reserve(io->inode, index);

	if (!err)
		err = store_write(io->inode, index,
				  (unsigned)(io->pos % PAGE_SIZE), from, len);
	return err;
}

static ssize_t write_direct(struct transfer *io, const char *from)
{
	struct blkdev *disk = &io->task->machine->files->disk;
	uint64_t first = io->pos / PAGE_SIZE;
	uint64_t last = (io->pos + io->left - 1) / PAGE_SIZE;
	int err = drop_cached(io, first, last);

	if (err)
		return err;
	while (io->left) {
		size_t len = chunk_len(io);

		err = write_direct_chunk(io, from + io->done, len);
		if (err)
			break;
		advance(io, len);
	}
	if (io->done && io->pos > io->inode->size)
		io->inode->size = io->pos;
	if (io->done)
		blkdev_write_sync(disk, io->inode->disk_start + first,
				  (io->pos - 1) / PAGE_SIZE - first + 1);
	return transfer_result(io, err);
}

/* What of the transfer the limits allow: 0 or -EFBIG. */
static int write_limit(struct transfer *io)
{
	uint64_t limit = task_rlimit(io->task, RLIMIT_FSIZE);
	uint64_t most = io->inode->place == PLACE_DISK ? FILE_MAX_BYTES
						       : SHMEM_MAX_BYTES;

	if (limit > most)
		limit = most;
	if (io->pos >= limit)
		return -EFBIG;
	io->left = min_size(io->left, limit - io->pos);
	return 0;
}

static ssize_t file_pwrite(struct transfer *io, const char *from)
{
	uint64_t first = io->pos / PAGE_SIZE;
	int err = io->inode->is_swapfile ? -ETXTBSY : write_limit(io);

	if (err)
		return err;
	metadata_update(io->inode);
	if (is_direct(io)) {
		err = check_direct(io, from);
		return err ? err : write_direct(io, from);
	}
	while (io->left) {
		size_t len = chunk_len(io);

		err = write_chunk(io, from + io->done, len);
		if (err || syscall_is_killed(io->task))
			break;
		advance(io, len);
	}
	if (io->done && (io->file->flags & O_DSYNC))
		err = writeback_range(&io->inode->mapping, first,
				      (io->pos - 1) / PAGE_SIZE);
	return transfer_result(io, err);
}

PUBLIC ssize_t mmsim_pwrite(struct mmsim_task *task, struct mmsim_file *file,
			    const void *buf, size_t len, off_t offset)
{
	struct transfer io = {.task = task, .file = file};
	int err = syscall_enter(task);

	if (err)
		return err;
	err = transfer_check(file, buf, len, offset, O_RDONLY);
	if (err || len == 0)
		return syscall_leave(task, err);
	io.inode = file->inode;
	io.pos = (uint64_t)offset;
	io.left = min_size(len, RW_MAX);
	return syscall_leave(task, file_pwrite(&io, buf));
}
