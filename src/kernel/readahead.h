/*
 * readahead.h: reading pages of a file before they are asked for.
 *
 * Each open file remembers the window that was read last:
 *
 *        start                        start + size
 *          |<-------------- size ---------->|
 *          [ pages that were asked for | async_size pages ahead ]
 *                                      ^ PG_readahead: who comes here has the
 *                                        next window read
 */
#ifndef KERNEL_READAHEAD_H
#define KERNEL_READAHEAD_H

#include "kernel/types.h"

struct address_space;
struct page;

struct file_ra_state {
	uint64_t start, size, async_size; /* the window, pages */
	uint64_t ra_pages; /* the largest window; 0: nothing is read ahead */
	uint64_t prev_pos; /* bytes: the end of the last read */
	uint64_t
		ready_ns; /* the pages that were read ahead have come by then */
	unsigned mmap_miss; /* faults that found nothing, less pages found */
	bool is_random;     /* POSIX_FADV_RANDOM */
};

/* Whose pages are read, and for which open file. */
struct readahead {
	struct address_space *mapping;
	struct file_ra_state *ra;
};

void readahead_init(struct file_ra_state *ra, uint64_t ra_pages);
/* The page `index` is missing, and nr_wanted pages are wanted from there on:
 * whoever runs waits for them.  May bring nothing when memory is short. */
void readahead_sync(const struct readahead *to, uint64_t index,
		    uint64_t nr_wanted);
/* The page has PG_readahead and is wanted: the next window is read, and the one
 * of the page is waited for.  The caller has a reference to the page. */
void readahead_async(const struct readahead *to, struct page *page,
		     uint64_t nr_wanted);
/* A fault missed the page, or found it.  `flags`: of the area.  True: the disk
 * was asked, and the fault is served a second time. */
bool readahead_fault_miss(const struct readahead *to, uint64_t index,
			  uint64_t flags);
bool readahead_fault_hit(const struct readahead *to, struct page *page,
			 uint64_t flags);
/* POSIX_FADV_WILLNEED: as many as the device takes at a time, not waited for.
 */
void readahead_force(const struct readahead *to, uint64_t index,
		     uint64_t nr_pages);

#endif
