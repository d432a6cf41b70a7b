/*
 * blkdev.c: block devices in virtual time.
 *
 * A device works through its requests in the order in which they came, so that
 * one number, the end of the last, says when the next can begin:
 *
 *     begin = max(now, busy_until)      done = begin + latency + n x page
 *
 * The latency (seek, command) falls away when a request begins where the one
 * before it ended.
 *
 * Writing is asynchronous.  A page under way is counted in NR_WRITEBACK and,
 * for the dirty limits, in NR_ZONE_WRITE_PENDING.  When it is done it is told
 * to whoever submitted it, and a page that reclaim waits for (PG_reclaim) goes
 * to the tail of its list, from where it is taken next.
 *
 * Simplified: reads do not overtake writes; no errors; no merging of requests
 * beyond the latency.
 *
 * Source: kernel documentation, block/biodoc (requests in order); recordings
 * for what is counted.
 */
#include "kernel/blkdev.h"

#include "kernel/kthread.h"
#include "kernel/lru.h"
#include "kernel/machine.h"

#include <errno.h>

/* A page on its way to the device. */
struct blkdev_write {
	struct list_head link;
	struct page *page;
	uint64_t done_ns;
};

void blkdev_pool_init(struct mmsim_machine *machine)
{
	list_init(&machine->blkdevs);
	pool_init(&machine->blkdev_writes,
		  align_up(sizeof(struct blkdev_write), 16));
}

void blkdev_pool_fini(struct mmsim_machine *machine)
{
	pool_fini(&machine->blkdev_writes);
}

void blkdev_init(struct mmsim_machine *machine, struct blkdev *dev,
		 const char *name, uint64_t latency_ns, uint64_t page_ns,
		 void (*end_write)(struct mmsim_machine *machine,
				   struct page *page))
{
	*dev = (struct blkdev){
		.machine = machine,
		.name = name,
		.latency_ns = latency_ns,
		.page_ns = page_ns,
		.next_block = UINT64_MAX,
		.end_write = end_write,
	};
	list_init(&dev->writes);
	list_add_tail(&dev->link, &machine->blkdevs);
}

void blkdev_fini(struct blkdev *dev)
{
	blkdev_wait_all(dev);
	list_del(&dev->link);
}

/* The device takes on pages block...; when they are done. */
static uint64_t blkdev_submit(struct blkdev *dev, uint64_t block,
			      uint64_t nr_pages)
{
	uint64_t begin = max_size(clock_now(dev->machine), dev->busy_until_ns);

	if (block != dev->next_block)
		begin += dev->latency_ns;
	dev->busy_until_ns = begin + nr_pages * dev->page_ns;
	dev->next_block = block + nr_pages;
	return dev->busy_until_ns;
}

void blkdev_read(struct blkdev *dev, uint64_t block, uint64_t nr_pages,
		 bool wait)
{
	uint64_t done = blkdev_submit(dev, block, nr_pages);

	dev->nr_read += nr_pages;
	count_vm_events(dev->machine, PGPGIN, nr_pages * (PAGE_SIZE / KIB));
	if (wait)
		clock_wait_until(dev->machine, done);
}

/* --- writing ------------------------------------------------------------- */

static void count_writeback(struct mmsim_machine *machine,
			    const struct page *page, int64_t delta)
{
	struct zone *zone = machine_zone_of(machine, page);

	node_stat_add(zone->node, NR_WRITEBACK, delta);
	zone_stat_add(zone, NR_ZONE_WRITE_PENDING, delta);
}

int blkdev_write(struct blkdev *dev, struct page *page, uint64_t block)
{
	struct mmsim_machine *machine = dev->machine;
	struct blkdev_write *write = pool_alloc(&machine->blkdev_writes);

	ASSERT(!page_has(page, PG_writeback | PG_tail));
	if (!write)
		return -ENOMEM;
	write->page = page;
	write->done_ns = blkdev_submit(dev, block, 1);
	list_add_tail(&write->link, &dev->writes);
	dev->nr_writes++;
	dev->nr_written++;
	page_get(page);
	page_set(page, PG_writeback);
	count_writeback(machine, page, 1);
	count_vm_events(machine, PGPGOUT, PAGE_SIZE / KIB);
	return 0;
}

void blkdev_write_sync(struct blkdev *dev, uint64_t block, uint64_t nr_pages)
{
	uint64_t done = blkdev_submit(dev, block, nr_pages);

	dev->nr_written += nr_pages;
	count_vm_events(dev->machine, PGPGOUT, nr_pages * (PAGE_SIZE / KIB));
	clock_wait_until(dev->machine, done);
}

static void blkdev_end(struct blkdev *dev, struct blkdev_write *write)
{
	struct mmsim_machine *machine = dev->machine;
	struct page *page = write->page;

	list_del(&write->link);
	pool_free(&machine->blkdev_writes, write);
	dev->nr_writes--;
	page_clear(page, PG_writeback);
	count_writeback(machine, page, -1);
	if (dev->end_write)
		dev->end_write(machine, page);
	if (page_has(page, PG_reclaim)) {
		page_clear(page, PG_reclaim);
		lru_rotate_reclaimable(machine, page);
	}
	page_put(machine, page);
}

static struct blkdev_write *blkdev_oldest(const struct blkdev *dev)
{
	return list_is_empty(&dev->writes)
		       ? NULL
		       : list_first(&dev->writes, struct blkdev_write, link);
}

static void blkdev_poll_one(struct blkdev *dev, uint64_t now)
{
	struct blkdev_write *write;

	while ((write = blkdev_oldest(dev)) && write->done_ns <= now)
		blkdev_end(dev, write);
}

void blkdev_poll(struct mmsim_machine *machine)
{
	uint64_t now = clock_now(machine);
	struct blkdev *dev;

	list_for_each(dev, &machine->blkdevs, link)
		blkdev_poll_one(dev, now);
}

/* --- waiting ------------------------------------------------------------- */

/* When the oldest `nr` writes of the device, or all of them, have ended. */
static uint64_t blkdev_end_of(const struct blkdev *dev, uint64_t nr)
{
	const struct blkdev_write *write;
	uint64_t end = UINT64_MAX;

	list_for_each(write, &dev->writes, link) {
		end = write->done_ns;
		if (--nr == 0)
			break;
	}
	return end;
}

uint64_t blkdev_nth_end_ns(const struct mmsim_machine *machine, unsigned nr)
{
	const struct blkdev *dev;
	uint64_t next = UINT64_MAX;

	list_for_each(dev, &machine->blkdevs, link)
		next = min_size(next, blkdev_end_of(dev, nr));
	return next;
}

uint64_t blkdev_room_ns(const struct mmsim_machine *machine)
{
	const struct blkdev *dev;
	uint64_t room = 0;

	list_for_each(dev, &machine->blkdevs, link) {
		uint64_t wanted = dev->nr_writes + BLKDEV_BATCH_PAGES;

		if (dev->queue_pages > 0 && wanted > dev->queue_pages)
			room = max_size(
				room,
				blkdev_end_of(dev, wanted - dev->queue_pages));
	}
	return room;
}

uint64_t blkdev_next_end_ns(const struct mmsim_machine *machine)
{
	return blkdev_nth_end_ns(machine, 1);
}

void blkdev_wait_page(struct mmsim_machine *machine, struct page *page)
{
	page_get(page);
	while (page_has(page, PG_writeback)) {
		clock_wait_until(machine, blkdev_next_end_ns(machine));
		blkdev_poll(machine);
	}
	page_put(machine, page);
}

void blkdev_wait_all(struct blkdev *dev)
{
	struct blkdev_write *write;

	while ((write = blkdev_oldest(dev))) {
		clock_wait_until(dev->machine, write->done_ns);
		blkdev_end(dev, write);
	}
}
