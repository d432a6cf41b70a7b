/*
 * file_store.c: what is on the simulated disk.
 *
 * A file has blocks of one page each.  A block holds the host's copy of its
 * bytes; one that is all zeros needs no copy:
 *
 *   store entry   host page   the bytes
 *                 value 0     on the disk, zeros
 *                 none        below extent_pages: on the disk, zeros;
 *                             otherwise a hole: no block
 *
 * so that a large file made with its size costs the host nothing.
 *
 * Simplified: a file's blocks lie in one piece from disk_start on, each file's
 * in a part of the disk's addresses of its own.  Blocks that a file was made
 * with are not given back by a hole, only when it is cut.
 */
#include "kernel/file_state.h"

#include <errno.h>
#include <string.h>

void disk_read(struct inode *inode, uint64_t index, uint64_t nr_pages,
	       bool wait)
{
	blkdev_read(&inode->machine->files->disk, inode->disk_start + index,
		    nr_pages, wait);
}

int disk_write(struct inode *inode, uint64_t index, struct page *page)
{
	return blkdev_write(&inode->machine->files->disk, page,
			    inode->disk_start + index);
}

bool store_has(const struct inode *inode, uint64_t index)
{
	return index < inode->extent_pages || inode->place == PLACE_BLKDEV ||
	       radix_find(&inode->store, index);
}

int store_reserve(struct inode *inode, uint64_t index)
{
	struct file_state *state = inode->machine->files;
	int err;

	if (store_has(inode, index))
		return 0;
	if (state->nr_disk_blocks >= state->disk_blocks)
		return -ENOSPC;
	err = radix_insert(&inode->store, index, radix_from_value(0));
	if (err)
		return err;
	inode->nr_blocks++;
	state->nr_disk_blocks++;
	return 0;
}

static const void *store_block(const struct inode *inode, uint64_t index)
{
	const void *block = radix_find(&inode->store, index);

	return block && !radix_is_value(block) ? block : NULL;
}

/* A block with bytes of its own. */
static void *store_block_write(struct inode *inode, uint64_t index)
{
	struct pool *pool = &inode->machine->files->block_pool;
	void *block = (void *)(uintptr_t)store_block(inode, index);

	if (block)
		return block;
	block = pool_zalloc(pool);
	if (!block)
		return NULL;
	if (store_reserve(inode, index) ||
	    radix_insert(&inode->store, index, block)) {
		pool_free(pool, block);
		return NULL;
	}
	return block;
}

/* The block is zeros again. */
static void store_forget(struct inode *inode, uint64_t index)
{
	void *block = (void *)(uintptr_t)store_block(inode, index);

	if (!block)
		return;
	if (index < inode->extent_pages)
		radix_remove(&inode->store, index);
	else
		radix_insert(&inode->store, index, radix_from_value(0));
	pool_free(&inode->machine->files->block_pool, block);
}

int store_read_page(struct inode *inode, uint64_t index, struct page *page)
{
	const void *block = store_block(inode, index);
	void *content;

	if (!block) {
		page_content_drop(inode->machine, page);
		return 0;
	}
	content = page_content_write(inode->machine, page);
	if (!content)
		return -ENOMEM;
	memcpy(content, block, PAGE_SIZE);
	return 0;
}

int store_write_page(struct inode *inode, uint64_t index,
		     const struct page *page)
{
	void *block;

	if (!page->data || bytes_are_zeros(page->data, PAGE_SIZE)) {
		store_forget(inode, index);
		return store_reserve(inode, index);
	}
	block = store_block_write(inode, index);
	if (!block)
		return -ENOMEM;
	memcpy(block, page->data, PAGE_SIZE);
	return 0;
}

void store_read(struct inode *inode, uint64_t index, unsigned offset, void *buf,
		size_t len)
{
	const char *block = store_block(inode, index);

	if (block)
		memcpy(buf, block + offset, len);
	else
		memset(buf, 0, len);
}

int store_write(struct inode *inode, uint64_t index, unsigned offset,
		const void *buf, size_t len)
{
	char *block;

	if (!store_block(inode, index) && bytes_are_zeros(buf, len))
		return store_reserve(inode, index);
	block = store_block_write(inode, index);
	if (!block)
		return -ENOMEM;
	memcpy(block + offset, buf, len);
	return 0;
}

void store_punch(struct inode *inode, uint64_t first, uint64_t last)
{
	struct file_state *state = inode->machine->files;
	uint64_t index = first, freed = 0;
	void *entry;

	for (; (entry = radix_next(&inode->store, &index)) && index <= last;
	     index++) {
		radix_remove(&inode->store, index);
		if (!radix_is_value(entry))
			pool_free(&state->block_pool, entry);
		if (index >= inode->extent_pages)
			freed++;
	}
	inode->nr_blocks -= freed;
	state->nr_disk_blocks -= freed;
}

void store_truncate(struct inode *inode, uint64_t from_index)
{
	uint64_t freed;

	store_punch(inode, from_index, UINT64_MAX);
	if (inode->extent_pages <= from_index)
		return;
	freed = inode->extent_pages - from_index;
	inode->extent_pages = from_index;
	inode->nr_blocks -= freed;
	inode->machine->files->nr_disk_blocks -= freed;
}
