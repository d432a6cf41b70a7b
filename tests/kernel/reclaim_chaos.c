/*
 * reclaim_chaos.c: in any allocation that may sleep, all pages that can go are
 * reclaimed, used or not.
 *
 * Reclaim may come between any two lines that allocate.  On a real machine it
 * seldom does; here the mark low is out of reach, so that each request takes
 * the slow path, where a kernel thread is due, once in each moment of virtual
 * time. It draws lots: takes every page of every list, or none; and lets the
 * next requests reclaim before they look for memory (zone_reclaim_mode 7), or
 * not. (Never to have a lot is never to get on: a page that is read back would
 * be gone again before it is used.)
 *
 * Whoever kept a page or an entry across an allocation without a reference, or
 * without looking again, is found out: contents are compared on each load.
 */
#include "pressure.h"

#include "base/rng.h"
#include "kernel/blkdev.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"

TestSuite(reclaim_chaos, .timeout = 300);

enum {
	/* some builds prove the books after each call by themselves */
	CHAOS_STEPS = MMSIM_DEBUG >= 2 ? 120 : 4000,
	CHAOS_PAGES = 96,
	CHAOS_LISTS = 4,
	CHAOS_IDLE = 16,
};

struct chaos {
	struct kthread thread;
	struct rng rng;
	uint64_t nr_freed;
	unsigned odds;      /* one lot in so many takes all */
	uint64_t nr_allocs; /* events at the last step */
	unsigned nr_idle;   /* steps without any */
};

static uint64_t chaos_nr_allocs(const struct mmsim_machine *m)
{
	uint64_t nr = 0;

	for (int i = PGALLOC_DMA; i < ALLOCSTALL_DMA; i++)
		nr += m->vm_events[i];
	return nr;
}

/* The pages that are on the list now, each once. */
static void chaos_take_list(struct chaos *chaos, struct pglist_data *node,
			    enum lru_list list)
{
	struct list_head *pages = &node->lruvec.lists[list];
	uint64_t left = 0;
	struct page *page;

	list_for_each(page, pages, lru)
		left++;
	for (; left > 0 && !list_is_empty(pages); left--)
		chaos->nr_freed += reclaim_page(
			node->machine, list_last(pages, struct page, lru));
}

static uint64_t chaos_step(struct kthread *thread)
{
	struct chaos *chaos = thread->arg;
	struct mmsim_machine *m = thread->machine;
	uint64_t now = m->clock_ns;
	struct pglist_data *node;
	struct blkdev *dev;
	unsigned i;

	m->vm.zone_reclaim_mode = rng_below(&chaos->rng, 2) ? 7 : 0;
	if (rng_below(&chaos->rng, chaos->odds) == 0) {
		for_each_node(m, node, i)
			for (int list = 0; list < CHAOS_LISTS; list++)
				chaos_take_list(chaos, node, list);
		list_for_each(dev, &m->blkdevs, link)
			blkdev_wait_all(dev);
	}
	/* it costs nothing: it is not due again before something happens */
	m->clock_ns = now;
	thread->clock_ns = now;
	chaos->nr_idle =
		chaos_nr_allocs(m) == chaos->nr_allocs ? chaos->nr_idle + 1 : 0;
	chaos->nr_allocs = chaos_nr_allocs(m);
	if (chaos->nr_idle < CHAOS_IDLE)
		return now + 1;
	m->vm.zone_reclaim_mode = 0;
	return KTHREAD_ASLEEP;
}

/* Requests always, or never, take the slow path; kswapd, which would never come
 * to an end, is out of reach meanwhile. */
static void chaos_set(struct mmsim_machine *m, bool on)
{
	static struct kswapd *kswapds[MAX_NODES];
	struct pglist_data *node;
	unsigned i;

	zone_setup_watermarks(m);
	for_each_node(m, node, i) {
		if (node->kswapd)
			kswapds[i] = node->kswapd;
		node->kswapd = on ? NULL : kswapds[i];
		for (int z = 0; on && z < MAX_NR_ZONES; z++) {
			node->zones[z].watermark[WMARK_LOW] = (uint64_t)1 << 50;
			node->zones[z].watermark[WMARK_HIGH] = (uint64_t)1
							       << 50;
		}
	}
	if (on)
		m->totalreserve_pages = m->totalram_pages;
}

static void run(const char *spec, uint64_t seed, unsigned odds)
{
	struct pressure *p = calloc(1, sizeof(*p));
	struct chaos chaos = {.rng = {seed}, .odds = odds};

	cr_assert_not_null(p);
	pressure_boot(p, spec, seed, CHAOS_PAGES);
	sim_write(p->m, "/proc/sys/vm/min_unmapped_ratio", "0");
	sim_write(p->m, "/proc/sys/vm/min_slab_ratio", "0");
	kthread_init(p->m, &chaos.thread, "chaos", chaos_step, &chaos);
	kthread_wake(&chaos.thread);
	for (unsigned i = 0; i < CHAOS_STEPS; i++) {
		p->m->vm.zone_reclaim_mode = 0;
		if (i % 8 == 0)
			pressure_steer(p);
		p->fill = true;
		chaos_set(p->m, true);
		chaos.nr_idle = 0;
		kthread_wake(&chaos.thread);
		pressure_step(p);
		if (i % 64 == 0) {
			chaos_set(p->m, false);
			sim_validate(p->m);
		}
	}
	p->m->vm.zone_reclaim_mode = 0;
	chaos_set(p->m, true);
	pressure_check_all(p);
	chaos_set(p->m, false);
	cr_expect_gt(chaos.nr_freed, CHAOS_STEPS / 2);
	cr_expect_gt(p->nr_loads, CHAOS_STEPS / 2);
	if (sim_meminfo(p->m, "SwapTotal") > 0)
		cr_expect_gt(sim_vmstat(p->m, "pswpin"), CHAOS_STEPS / 20);
	kthread_fini(&chaos.thread);
	pressure_shutdown(p);
	free(p);
}

Test(reclaim_chaos, often)
{
	run("ram=64M,swap=64M", 1, 2);
}

Test(reclaim_chaos, sometimes)
{
	run("ram=64M,swap=64M", 2, 5);
}

Test(reclaim_chaos, without_swap)
{
	run("ram=64M", 3, 2);
}

Test(reclaim_chaos, huge_pages)
{
	run("ram=64M,swap=64M,thp=always", 4, 4);
}

Test(reclaim_chaos, two_nodes)
{
	run("ram=64M,swap=64M,nodes=2,cpus=2", 5, 3);
}

Test(reclaim_chaos, a_later_kernel)
{
	run("ram=64M,swap=64M,profile=linux-6.18", 6, 3);
}

Test(reclaim_chaos, in_32_bits)
{
	run("ram=64M,swap=64M,arch=x86-32", 7, 3);
}
