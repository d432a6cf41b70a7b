/*
 * blkdev.h: a block device in virtual time: the disk, and each swap area.
 *
 * A device serves one request after the other.  A request of n pages takes
 *
 *     latency (none if it follows the one before it)  +  n x time for a page
 *
 *   sync read   the caller waits until it is done: its clock goes there
 *   read ahead  the pages are there at once; the device is busy, so the next
 *               who wants it waits (Simplified: nobody waits for a page)
 *   write       the page has PG_writeback until the device has come to it;
 *               nobody waits, unless blkdev_wait_page is called
 *
 *     queue   [ page, done at ][ page, done at ] ...   oldest first
 *
 * Writes end when somebody looks: blkdev_poll ends all whose time has come.
 * The content is taken when the write is submitted.
 */
#ifndef KERNEL_BLKDEV_H
#define KERNEL_BLKDEV_H

#include "base/list.h"
#include "base/pool.h"
#include "kernel/page.h"
#include "kernel/types.h"

struct mmsim_machine;

enum { BLKDEV_BATCH_PAGES = 32 };

struct blkdev {
	struct mmsim_machine *machine;
	struct list_head link;   /* in machine->blkdevs */
	const char *name;        /* "vda" */
	uint64_t latency_ns, page_ns;
	uint64_t busy_until_ns;  /* all that was submitted is done by then */
	uint64_t next_block;     /* behind the last request's end */
	struct list_head writes; /* of struct blkdev_write, oldest first */
	uint64_t nr_writes;      /* pages under way */
	uint64_t queue_pages;    /* more should not be; 0: no limit */
	/* A page is on the device: PG_writeback is cleared already. */
	void (*end_write)(struct mmsim_machine *machine, struct page *page);
	uint64_t nr_read, nr_written; /* pages, ever */
};

void blkdev_init(struct mmsim_machine *machine, struct blkdev *dev,
		 const char *name, uint64_t latency_ns, uint64_t page_ns,
		 void (*end_write)(struct mmsim_machine *machine,
				   struct page *page));
/* The machine's list of devices, and what their queues are made of. */
void blkdev_pool_init(struct mmsim_machine *machine);
void blkdev_pool_fini(struct mmsim_machine *machine);

/* Waits for all writes and forgets the device. */
void blkdev_fini(struct blkdev *dev);

/* Pages block.. of the device are read; whoever runs waits when `wait`.  Counts
 * pgpgin. */
void blkdev_read(struct blkdev *dev, uint64_t block, uint64_t nr_pages,
		 bool wait);
/*
 * The page goes to this block: PG_writeback and NR_WRITEBACK until then, and a
 * reference of the device's.  0, or -ENOMEM (of the host): nothing was started.
 * Counts pgpgout.
 */
int blkdev_write(struct blkdev *dev, struct page *page, uint64_t block);
/* Writes past the cache, and waits.  Counts pgpgout. */
void blkdev_write_sync(struct blkdev *dev, uint64_t block, uint64_t nr_pages);

/* Ends all writes of all devices whose time has come. */
void blkdev_poll(struct mmsim_machine *machine);
/* Whoever runs waits until the page has no PG_writeback any more. */
void blkdev_wait_page(struct mmsim_machine *machine, struct page *page);
/* The same for all writes of the device. */
void blkdev_wait_all(struct blkdev *dev);
/* When the next write of any device ends; UINT64_MAX: none is under way. */
uint64_t blkdev_next_end_ns(const struct mmsim_machine *machine);
/* When there is room for a batch of writes in the queues of all devices that
 * have a limit; 0: now.  Who writes a lot waits for it. */
uint64_t blkdev_room_ns(const struct mmsim_machine *machine);
/* When `nr` writes of one device, or all that it has, have ended. */
uint64_t blkdev_nth_end_ns(const struct mmsim_machine *machine, unsigned nr);

#endif
