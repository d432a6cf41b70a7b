/*
 * file.h: inodes, open files, and where their pages are.
 *
 *   path -> inode -> address_space: page cache (index -> page)
 *                 -> store: the content on the simulated disk
 *   tmpfs and shared anonymous memory have no store: their pages are the
 *   content (shmem.c), and may go to swap.
 */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "base/list.h"
#include "base/radix.h"
#include "kernel/mm.h"
#include "kernel/page.h"
#include "kernel/readahead.h"

#include <sys/types.h>

struct inode;
struct radix_node_record;
struct shm_segment;

/* Where a file lies.  Sizes of the two tmpfs are limited each on its own. */
enum file_place {
	PLACE_DISK,
	PLACE_TMP,    /* tmpfs at /tmp */
	PLACE_SHM,    /* tmpfs at /dev/shm */
	PLACE_KERNEL, /* shared anonymous memory: no name, no limit */
	PLACE_BLKDEV, /* /dev/vda, the disk itself: its pages are Buffers */
	NR_FILE_PLACES,
};

/* The pages of one file or shared object. */
struct address_space {
	struct mmsim_machine *machine;
	struct inode *host;
	struct radix pages;    /* index -> struct page, or a value: swap slot or
				* shadow of a page that was reclaimed */
	uint64_t nr_pages;     /* pages in the tree */
	struct list_head vmas; /* areas that map it */
	bool is_shmem;         /* tmpfs: swap-backed */
	bool is_unevictable;   /* SHM_LOCK: its pages are not reclaimed */
	uint64_t nr_dirty, nr_writeback; /* pages, tagged in the tree */
	struct radix_node_record *node_records; /* what the tree's nodes cost */
	size_t nr_node_records;
};

struct inode {
	struct mmsim_machine *machine;
	struct list_head link;  /* in machine->inodes */
	char *path;             /* NULL: no name (anonymous, or unlinked) */
	uint64_t ino;
	uint64_t size;          /* bytes */
	uint32_t nlink, refcount; /* open files, areas by their file */
	uid_t uid;              /* who made it */
	struct address_space mapping;
	struct radix store;     /* page index -> host page: content on disk;
				 * none: zeros */
	uint64_t disk_start;    /* address of its first block on the disk */
	uint64_t committed;     /* pages charged to Committed_AS (shmem) */
	struct list_head hash_link; /* of its path's bucket */
	struct list_head lru_link; /* in a list of struct dcache, or empty */
	void *dentry_record, *inode_record; /* in the caches; NULL: dropped */
	bool is_dentry_used;    /* found again since it is in the list */
	uint64_t dir_block;     /* of the disk, where its name stands; or 0: the
				 * file needs no blocks beside its own */
	uint64_t extent_pages;  /* of the store: zeros on the disk up to here */
	uint64_t nr_blocks;     /* pages of the disk that are the file's */
	struct list_head dirty_link; /* in flusher.dirty, while pages are dirty */
	uint64_t dirtied_ns;    /* since then */
	uint64_t writeback_index; /* where the flusher goes on */
	enum file_place place;
	bool is_charged_by_page; /* shmem: Committed_AS follows the pages */
	bool is_swapfile;        /* a swap area: not written, cut, removed */
	struct shm_segment *segment; /* of System V shared memory, or NULL */
};

struct mmsim_file {
	struct inode *inode;
	uint32_t refcount; /* the handle, and areas */
	int flags;         /* O_ */
	struct file_ra_state ra;
};

/* A page of a segment that SHM_LOCK keeps in memory. */
static inline bool page_is_of_locked_object(const struct page *page)
{
	const struct address_space *mapping = page->mapping;

	return !page_has(page, PG_anon | PG_swapcache) && mapping &&
	       mapping->is_unevictable;
}

int file_init(struct mmsim_machine *machine);
void file_fini(struct mmsim_machine *machine);
struct mmsim_file *file_get(struct mmsim_file *file);
void file_put(struct mmsim_file *file);
/* exec: opens the program's file for reading, and makes it if it is not there. */
int file_open_program(struct mmsim_machine *machine, const char *path,
		      uint64_t bytes, struct mmsim_file **file);

/* filemap_read.c: the page at an index, read from the disk when missing, and
 * with it those that are likely to be wanted next.  It comes with a reference of
 * the caller's (as alloc_pages gives), to be kept by a page table entry or put.
 * Objects of shmem are served too (shmem_get_page).  0, -ENOMEM, -EFAULT
 * (behind the end).
 *
 * For a read of nr_wanted pages from there on: */
int filemap_read_page(struct mmsim_task *task, struct mmsim_file *file,
		      uint64_t index, uint64_t nr_wanted, struct page **page);
/* For a fault. */
struct vm_fault;
int filemap_fault(struct vm_fault *fault, struct page **page);
/* For a write to a part of it: nothing is read ahead. */
int filemap_get_page(struct mmsim_task *task, struct address_space *mapping,
		     uint64_t index, struct page **page);
/* Without a reference of the caller's; NULL: not in the cache. */
struct page *filemap_find(struct address_space *mapping, uint64_t index);
int filemap_add(struct address_space *mapping, struct page *page,
		uint64_t index);
/* The same for who cannot do all that GFP_KERNEL may do, or does more:
 * GFP_F_WRITE when new content comes for all of the page, so that it does not
 * matter what was there.  0 or -ENOMEM. */
int filemap_add_gfp(struct address_space *mapping, struct page *page,
		    uint64_t index, gfp_t gfp);
/* Out of the cache; the caller has the last reference but the cache's. */
void filemap_remove(struct page *page);
/* The same for a clean page that is reclaimed: its place keeps the shadow. */
void filemap_evict(struct page *page, void *shadow);
/* What stands in the tree in the place of a page, a shadow or a slot of swap,
 * goes. */
void filemap_drop_value(struct address_space *mapping, uint64_t index);
/* Memory may be reclaimed for it: the caller has a reference, or an entry that
 * it looks at anew afterwards. */
void set_page_dirty(struct page *page);
/* A page of a shared area is about to be written for the first time: it has its
 * place on the disk, and is dirty.  0 or -ENOSPC, -ENOMEM (of the host). */
int filemap_make_writable(struct page *page);
/* truncate.c: cuts the file: pages behind are unmapped everywhere and dropped. */
void truncate_pages(struct address_space *mapping, uint64_t from_index);
/* No entry leads to pages first..last of the file any more; private copies stay.
 */
void unmap_mapping_pages(struct address_space *mapping, uint64_t first,
			 uint64_t last);
/* Clean pages first..last that nobody uses leave the cache of a file; how many
 * did. */
uint64_t invalidate_mapping_pages(struct address_space *mapping, uint64_t first,
				  uint64_t last);
/* Pages first..last read as zeros again; private copies stay (punch_hole.c). */
void punch_hole(struct address_space *mapping, uint64_t first, uint64_t last);
/* All inodes of the machine (struct inode, by link), oldest first. */
struct list_head *file_inodes(struct mmsim_machine *machine);
/* The books of all files: 0, or -1 and what is wrong. */
int file_validate(struct mmsim_machine *machine, char *why, size_t len);

/* shmem.c: an object of shared memory without a name to open it by: of
 * MAP_SHARED | MAP_ANONYMOUS (path NULL), or of System V (the path is shown).
 * It is charged as a whole until it goes with its last reference, or, with
 * `noreserve`, page by page.  0 or -ENOMEM. */
int shmem_kernel_file(struct mmsim_task *task, const char *path, uint64_t bytes,
		      bool noreserve, struct mmsim_file **file);
/* Pages of it that are in swap. */
uint64_t shmem_nr_swapped(const struct inode *inode);
/* The page at an index, made when missing, with a reference of the caller's.
 * 0, -ENOMEM (no page, or no promise), -ENOSPC (tmpfs is full), -EFAULT. */
int shmem_get_page(struct mmsim_task *task, struct address_space *mapping,
		   uint64_t index, struct page **page, bool *major);

#endif
