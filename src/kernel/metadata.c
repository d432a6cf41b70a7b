/*
 * metadata.c: blocks of the file system itself, which the cache holds as pages
 * of the disk: what meminfo calls Buffers.
 *
 * Which block a file needs (ext4 with blocks of 4 KiB):
 *
 *   group descriptors, bitmap of inodes   dirty when a file is made
 *   table of inodes   256 bytes each, 16 in a block: read when a file is looked
 *                     up, dirty when it is made, written or cut
 *   directory         8 bytes and the name, rounded up to 4: read, and dirty
 *                     when a name is made; leaves are 3/4 full
 *
 *     the disk's addresses   [ super, groups, bitmaps, table of inodes ...
 *                              | middle: directories ...                 ]
 *
 * Raw reads of /dev/vda are in the same pages.
 *
 * Simplified: what stands in these blocks is not kept, they are zeros, also
 * when they are read, so that fsync of a file leaves them to the flusher; they
 * take no room from the files; maps of a file's blocks
 * and bitmaps of blocks are left out; all directories' names stand one after
 * the other.  Files that are made from outside of the machine
 * (mmsim_file_create) need no blocks at all, and removing a file touches none.
 *
 * Sources: kernel documentation, filesystems/ext4 (on-disk layout); recordings
 * (4000 empty files: Buffers + 1088 kB; a file that is mapped and written:
 * Dirty + 4 kB beside its pages).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"

#include <string.h>

enum {
	GROUP_DESCRIPTORS_BLOCK = 1,
	INODE_BITMAP_BLOCK = 2,
	INODE_TABLE_BLOCK = 3,
	INODES_PER_BLOCK = PAGE_SIZE / 256,
	DIRENT_HEAD = 8,
	DIRENT_ALIGN = 4,
	LEAF_BYTES = PAGE_SIZE / 4 * 3,
};

static uint64_t inode_block(const struct inode *inode)
{
	uint64_t block = INODE_TABLE_BLOCK + inode->ino / INODES_PER_BLOCK;

	return block % inode->machine->files->disk_blocks;
}

/* A place for one name more. */
static uint64_t add_name(struct file_state *state, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	uint64_t block = state->dir_bytes / LEAF_BYTES;

	state->dir_bytes += align_up(DIRENT_HEAD + strlen(name), DIRENT_ALIGN);
	return state->disk_blocks / 2 + block % (state->disk_blocks / 2);
}

/* The block is used: read from the disk when `read` and it is not cached. */
static struct page *block_get(struct mmsim_machine *machine, uint64_t block,
			      bool read)
{
	struct address_space *mapping = &machine->files->bdev->mapping;
	struct page *page;
	int err;

	if (read)
		err = filemap_get_page(machine->current, mapping, block, &page);
	else
		err = filemap_grab_page(machine->current, mapping, block,
					&page);
	if (err)
		return NULL;
	page_set(page, PG_uptodate);
	mark_page_accessed(machine, page);
	return page;
}

static void block_read(struct mmsim_machine *machine, uint64_t block)
{
	struct page *page = block_get(machine, block, true);

	if (page)
		page_put(machine, page);
}

static void block_change(struct mmsim_machine *machine, uint64_t block,
			 bool read)
{
	struct page *page = block_get(machine, block, read);

	if (!page)
		return;
	set_page_dirty(page);
	page_put(machine, page);
}

void metadata_look_up(struct inode *inode)
{
	if (!inode->dir_block)
		return;
	block_read(inode->machine, inode->dir_block);
	block_read(inode->machine, inode_block(inode));
}

/* Blocks of which nothing was used before need not be read. */
void metadata_create(struct inode *inode)
{
	struct mmsim_machine *machine = inode->machine;

	if (inode->place != PLACE_DISK)
		return;
	inode->dir_block = add_name(machine->files, inode->path);
	block_change(machine, GROUP_DESCRIPTORS_BLOCK, false);
	block_change(machine, INODE_BITMAP_BLOCK, false);
	block_change(machine, inode_block(inode), false);
	block_change(machine, inode->dir_block, false);
}

void metadata_update(struct inode *inode)
{
	struct mmsim_machine *machine = inode->machine;
	const struct page *page;

	if (!inode->dir_block)
		return;
	page = filemap_find(&machine->files->bdev->mapping, inode_block(inode));
	if (!page || !page_has(page, PG_dirty))
		block_change(machine, inode_block(inode), true);
}
