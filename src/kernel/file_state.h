/*
 * file_state.h: what inode.c, file.c, file_io.c, file_store.c, filemap.c and
 * shmem.c share.
 */
#ifndef KERNEL_FILE_STATE_H
#define KERNEL_FILE_STATE_H

#include "kernel/blkdev.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/slab.h"
#include "kernel/writeback.h"

#include <string.h>

enum {
	FILE_BUCKETS = 1024,
	FILE_PATH_MAX = 4096,
	FILE_NAME_MAX = 255,
	NR_PATH_SIZES = 3, /* pools for paths of up to 64, 512, 4096 bytes */
	FILE_RA_PAGES = 32,  /* read_ahead_kb 128 */
	FILE_IO_PAGES = 320, /* max_sectors_kb 1280 */
};

#define FILE_DISK_PATH "/dev/vda"
/* A file has up to so many blocks. */
#define FILE_MAX_BLOCKS ((uint64_t)1 << 32)

/* ext4 with 4 KiB blocks: 2^32 blocks a file, the last one not used. */
#define FILE_MAX_BYTES (((uint64_t)1 << 44) - PAGE_SIZE)
#define SHMEM_MAX_BYTES ((uint64_t)INT64_MAX & PAGE_MASK)
/* Names and inodes that nobody uses (dcache.c). */
struct dcache {
	struct list_head dentries, inodes; /* of struct inode, oldest first */
	uint64_t nr_dentries, nr_inodes;
	struct shrinker shrinker;
};

struct file_state {
	struct list_head inodes; /* oldest first */
	struct list_head buckets[FILE_BUCKETS];
	struct pool inode_pool;
	struct pool path_pools[NR_PATH_SIZES];
	struct pool block_pool; /* PAGE_SIZE bytes: content on the disk */
	uint64_t last_ino;
	uint64_t nr_disk_blocks; /* in use */
	uint64_t nr_tmpfs_pages[NR_FILE_PLACES];  /* also those in swap */
	uint64_t max_tmpfs_pages[NR_FILE_PLACES]; /* as mounted */
	uint64_t default_tmpfs_pages;  /* and files, half of the memory */
	uint64_t nr_inodes[NR_FILE_PLACES];
	uint64_t nr_open; /* struct mmsim_file */
	struct dcache dcache;
	struct blkdev disk;
	struct inode *bdev;  /* the pages of the disk as a whole */
	uint64_t dir_bytes;  /* of all directories' names */
	bool drops_silently; /* drop_caches has had a 4 */
	struct flusher flusher;
	uint64_t disk_blocks;        /* its size, pages */
	uint64_t ra_pages, io_pages; /* read ahead at most; taken at a time */
};

/* One node of a page cache's tree, as the real kernel would have it. */
struct radix_node_record {
	struct radix_node_record *next;
};

static inline uint64_t file_pages(uint64_t bytes)
{
	return bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);
}

/* Zeros need no memory of the host. */
static inline bool bytes_are_zeros(const void *bytes, size_t len)
{
	const char *p = bytes;

	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* inode.c.  0, or why there can be no file of this name: */
int path_check(const char *path);
enum file_place path_place(const char *path);
struct inode *path_find(struct mmsim_machine *machine, const char *path);
/* Without a name, with the caller's reference. */
struct inode *inode_create(struct mmsim_machine *machine,
			   enum file_place place);
void inode_put(struct inode *inode);
/* A path to show, under which it cannot be opened: 0 or -ENOMEM (of the host). */
int inode_set_path(struct inode *inode, const char *path);
/* Gives the inode its name: 0 or -ENOMEM (of the host). */
int inode_link(struct inode *inode, const char *path);
void inode_unlink(struct inode *inode);

/* dcache.c: the slab objects of an inode that is used: 0 or -ENOMEM. */
int inode_cache(struct inode *inode);
/* It is gone, and they with it. */
void inode_uncache(struct inode *inode);
/* Nobody has the file open any more, or its last page has gone. */
void dcache_unused(struct inode *inode);
void dcache_init(struct mmsim_machine *machine);
void dcache_fini(struct mmsim_machine *machine);

/* metadata.c: blocks of the file system that a file needs: it is looked up, was
 * made by a task, or was written.  Memory may be reclaimed. */
void metadata_look_up(struct inode *inode);
void metadata_create(struct inode *inode);
void metadata_update(struct inode *inode);

/* drop_caches.c: 0 or -EINVAL. */
int drop_caches(struct mmsim_machine *machine, uint64_t what);

/* file.c */
struct mmsim_file *file_open_inode(struct inode *inode, int flags);

/* file_store.c: the simulated disk: time for reading pages of the file, and for
 * writing one (blkdev.h) ... */
void disk_read(struct inode *inode, uint64_t index, uint64_t nr_pages,
	       bool wait);
int disk_write(struct inode *inode, uint64_t index, struct page *page);
/* ... and what is on it. */
bool store_has(const struct inode *inode, uint64_t index);
/* The page gets a block of the disk: 0, -ENOSPC, -ENOMEM. */
int store_reserve(struct inode *inode, uint64_t index);
/* Between a block and a page frame; 0 or -ENOMEM (of the host). */
int store_read_page(struct inode *inode, uint64_t index, struct page *page);
int store_write_page(struct inode *inode, uint64_t index,
		     const struct page *page);
/* The same with the caller's bytes, within one block. */
void store_read(struct inode *inode, uint64_t index, unsigned offset, void *buf,
		size_t len);
int store_write(struct inode *inode, uint64_t index, unsigned offset,
		const void *buf, size_t len);
/* Pages first..last are zeros; and their blocks free, but those that the file was
 * made with. */
void store_punch(struct inode *inode, uint64_t first, uint64_t last);
/* All blocks from this page on are free. */
void store_truncate(struct inode *inode, uint64_t from_index);

/* filemap_read.c: the end of making a page for a task, during which the inode
 * was held: the OOM killer may have taken the task, its areas, and so the last
 * reference to an inode without a name.  The page is nobody's then. */
int inode_put_after_page(struct mmsim_task *task, struct inode *inode, int err,
			 struct page **page);
/* filemap.c: dirty or clean, with the counters. */
void clear_page_dirty(struct page *page);
/* truncate.c: the page leaves its file, when it is not being written any more;
 * it is mapped nowhere. */
void truncate_page(struct page *page);
/* The bytes of a page from `offset` on become zeros, in cache or
 * store. */
void filemap_zero_tail(struct inode *inode, uint64_t index, unsigned offset);
/* filemap_read.c: a page for all of which new content comes: 0, -ENOMEM, -ENOSPC. */
int filemap_grab_page(struct mmsim_task *task, struct address_space *mapping,
		      uint64_t index, struct page **page);

/* shmem.c: what /tmp and /dev/shm may hold. */
void shmem_mount(struct mmsim_machine *machine);
/* One page of the object is gone, with its promise. */
void shmem_page_gone(struct inode *inode);
/* shmem_swap.c, where the tree has a slot: the page comes back, with a reference
 * of the caller's: 0, -ENOMEM, -EAGAIN (it is not the slot any more); `gfp`:
 * beside GFP_HIGHUSER_MOVABLE; */
int shmem_swap_in(struct mmsim_task *task, struct address_space *mapping,
		  uint64_t index, gfp_t gfp, struct page **page, bool *major);
/* the slot is about to leave the tree, and is not needed; */
void shmem_drop_swap(struct address_space *mapping, uint64_t index);
/* the bytes from `offset` on become zeros. */
void shmem_zero_tail(struct address_space *mapping, uint64_t index,
		     unsigned offset);

#endif
