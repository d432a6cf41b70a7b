/*
 * writeback.h: dirty pages of files on their way to the disk.
 *
 *   writeback.c     pages and ranges; the list of dirty files; fsync, sync
 *   flusher.c       the kernel thread that writes in the background
 *   dirty_limit.c   how much may be dirty, and who has to wait
 */
#ifndef KERNEL_WRITEBACK_H
#define KERNEL_WRITEBACK_H

#include "kernel/kthread.h"
#include "kernel/types.h"

struct address_space;
struct inode;
struct mmsim_machine;
struct page;

/* The flusher's state. */
struct flusher {
	struct kthread thread;
	struct list_head dirty;     /* inodes, the longest dirty first */
	uint64_t last_old_flush_ns; /* when it looked for old ones last */
	uint64_t expire_before_ns;  /* those that it found then were dirty at
				     * this time */
	uint64_t nr_wanted;  /* pages that somebody wants to be written */
	unsigned nr_dirtied; /* pages since a writer was held up last */
};

void flusher_init(struct mmsim_machine *machine);
void flusher_fini(struct mmsim_machine *machine);
/* Reclaim finds only dirty pages: all that is dirty now is written soon. */
void flusher_wake(struct mmsim_machine *machine);
/* The interval has changed, or something is dirty for the first time. */
void flusher_wake_later(struct mmsim_machine *machine);

/* The first page of the file is dirty, or the last one clean. */
void writeback_note_dirty(struct inode *inode, bool is_dirty);
/* The page, which is dirty and not being written, is on its way: clean, with
 * PG_writeback, and no entry may write it.  0 or -ENOMEM (of the host). */
int writeback_page(struct page *page);
/* Up to `most` dirty pages from *index on, those that are being written left
 * out; how many.  *index: where to go on, UINT64_MAX: that was all. */
uint64_t writeback_some(struct address_space *mapping, uint64_t *index,
			uint64_t most);
/* All of first..last are on their way. */
void writeback_start(struct address_space *mapping, uint64_t first,
		     uint64_t last);
/* The same, and whoever runs waits until they are there.  0 or -ENOMEM. */
int writeback_range(struct address_space *mapping, uint64_t first,
		    uint64_t last);
/* The disk has written a page (struct blkdev's end_write). */
void writeback_end(struct mmsim_machine *machine, struct page *page);

/* Pages that may be dirty: from `background` on the flusher works, at `dirty` a
 * writer waits. */
struct dirty_limits {
	uint64_t background, dirty;
};
struct dirty_limits dirty_limits(const struct mmsim_machine *machine);
/* Who runs has made a page dirty: wakes the flusher, waits.  Memory may be
 * reclaimed meanwhile. */
void balance_dirty_pages(struct mmsim_machine *machine);

#endif
