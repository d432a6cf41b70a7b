/*
 * blkdev.c: block devices: requests in order, pages under write.
 */
#include "sim.h"

#include "kernel/blkdev.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

enum { LATENCY = 1000, PER_PAGE = 10 };

static unsigned nr_ended;

static void count_end(struct mmsim_machine *m, struct page *page)
{
	(void)m;
	cr_assert(!page_has(page, PG_writeback));
	nr_ended++;
}

static struct page *new_page(struct mmsim_machine *m)
{
	struct page *page = alloc_pages(m, NULL, GFP_HIGHUSER_MOVABLE, 0);

	cr_assert_not_null(page);
	return page;
}

static struct mmsim_machine *boot(struct blkdev *dev)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=1");

	nr_ended = 0;
	blkdev_init(m, dev, "vdz", LATENCY, PER_PAGE, count_end);
	return m;
}

Test(blkdev, a_read_waits_for_latency_and_pages)
{
	struct blkdev dev;
	struct mmsim_machine *m = boot(&dev);
	uint64_t now = mmsim_clock_ns(m);
	long before = sim_vmstat(m, "pgpgin");

	blkdev_read(&dev, 100, 4, true);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 4 * PER_PAGE);
	/* what follows has no latency */
	blkdev_read(&dev, 104, 4, true);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 8 * PER_PAGE);
	blkdev_read(&dev, 104, 1, true);
	cr_expect_eq(mmsim_clock_ns(m), now + 2 * LATENCY + 9 * PER_PAGE);
	cr_expect_eq(dev.nr_read, 9u);
	cr_expect_eq(sim_vmstat(m, "pgpgin"), before + 9 * 4);
	blkdev_fini(&dev);
	sim_shutdown(m);
}

Test(blkdev, who_does_not_wait_makes_the_next_wait)
{
	struct blkdev dev;
	struct mmsim_machine *m = boot(&dev);
	uint64_t now = mmsim_clock_ns(m);

	blkdev_read(&dev, 0, 32, false);
	cr_expect_eq(mmsim_clock_ns(m), now);
	blkdev_read(&dev, 32, 1, true);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 33 * PER_PAGE);
	blkdev_fini(&dev);
	sim_shutdown(m);
}

Test(blkdev, a_page_is_under_write_until_its_time_has_come)
{
	struct blkdev dev;
	struct mmsim_machine *m = boot(&dev);
	uint64_t now = mmsim_clock_ns(m);
	struct page *a = new_page(m), *b = new_page(m);
	long before = sim_vmstat(m, "pgpgout");

	cr_expect_eq(blkdev_next_end_ns(m), UINT64_MAX);
	cr_assert_eq(blkdev_write(&dev, a, 7), 0);
	cr_assert_eq(blkdev_write(&dev, b, 8), 0);
	cr_expect_eq(mmsim_clock_ns(m), now);
	cr_expect_eq(a->refcount, 2);
	cr_expect(page_has(a, PG_writeback) && page_has(b, PG_writeback));
	cr_expect_eq(sim_vmstat(m, "nr_writeback"), 2);
	cr_expect_eq(sim_vmstat(m, "nr_zone_write_pending"), 2);
	cr_expect_eq(sim_vmstat(m, "pgpgout"), before + 8);
	cr_expect_eq(blkdev_next_end_ns(m), now + LATENCY + PER_PAGE);
	clock_advance_to(m, now + LATENCY + PER_PAGE - 1);
	blkdev_poll(m);
	cr_expect_eq(nr_ended, 0u);
	clock_advance_to(m, now + LATENCY + PER_PAGE);
	blkdev_poll(m);
	cr_expect_eq(nr_ended, 1u);
	cr_expect(!page_has(a, PG_writeback) && page_has(b, PG_writeback));
	cr_expect_eq(a->refcount, 1);
	cr_expect_eq(sim_vmstat(m, "nr_writeback"), 1);
	page_put(m, a);
	page_put(m, b);
	/* the device holds the page as long as it needs it */
	cr_expect_eq(b->refcount, 1);
	blkdev_fini(&dev);
	cr_expect_eq(b->refcount, 0);
	cr_expect_eq(nr_ended, 2u);
	sim_shutdown(m);
}

Test(blkdev, waiting_for_a_page_ends_what_was_before_it)
{
	struct blkdev dev, other;
	struct mmsim_machine *m = boot(&dev);
	uint64_t now = mmsim_clock_ns(m);
	struct page *page[3];

	blkdev_init(m, &other, "vdy", 10 * LATENCY, PER_PAGE, count_end);
	for (int i = 0; i < 3; i++) {
		page[i] = new_page(m);
		cr_assert_eq(blkdev_write(i < 2 ? &dev : &other, page[i],
					  (uint64_t)i),
			     0);
	}
	blkdev_wait_page(m, page[1]);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 2 * PER_PAGE);
	cr_expect(!page_has(page[0], PG_writeback));
	cr_expect(page_has(page[2], PG_writeback));
	/* no wait for what is not under write */
	blkdev_wait_page(m, page[0]);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 2 * PER_PAGE);
	blkdev_wait_all(&other);
	cr_expect_eq(mmsim_clock_ns(m), now + 10 * LATENCY + PER_PAGE);
	for (int i = 0; i < 3; i++)
		page_put(m, page[i]);
	blkdev_fini(&other);
	blkdev_fini(&dev);
	sim_shutdown(m);
}

Test(blkdev, what_reclaim_wrote_is_taken_next)
{
	struct blkdev dev;
	struct mmsim_machine *m = boot(&dev);
	struct page *old = new_page(m), *page = new_page(m);
	struct lruvec *lruvec = &machine_node_of(m, page)->lruvec;
	long before = sim_vmstat(m, "pgrotated");

	lru_add(m, old);
	lru_add(m, page);
	page_set(page, PG_reclaim);
	cr_assert_eq(blkdev_write(&dev, page, 0), 0);
	cr_expect_eq(lruvec->lists[LRU_INACTIVE_FILE].prev, &old->lru);
	blkdev_wait_page(m, page);
	cr_expect_eq(lruvec->lists[LRU_INACTIVE_FILE].prev, &page->lru);
	cr_expect(!page_has(page, PG_reclaim));
	cr_expect_eq(sim_vmstat(m, "pgrotated"), before + 1);
	page_put(m, old);
	page_put(m, page);
	blkdev_fini(&dev);
	sim_shutdown(m);
}

Test(blkdev, a_write_past_the_cache_waits)
{
	struct blkdev dev;
	struct mmsim_machine *m = boot(&dev);
	uint64_t now = mmsim_clock_ns(m);
	long before = sim_vmstat(m, "pgpgout");

	blkdev_write_sync(&dev, 3, 5);
	cr_expect_eq(mmsim_clock_ns(m), now + LATENCY + 5 * PER_PAGE);
	cr_expect_eq(dev.nr_written, 5u);
	cr_expect_eq(sim_vmstat(m, "pgpgout"), before + 20);
	blkdev_fini(&dev);
	sim_shutdown(m);
}
