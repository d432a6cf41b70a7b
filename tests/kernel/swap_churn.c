/*
 * swap_churn.c: random work of several tasks while their pages go to swap, in
 * all the steps in between, and come back.
 *
 * After each operation some pages of some task go out, each as far as chance
 * will have it.  Content is compared on every load, the books are proved.
 */
#include "churn.h"
#include "swap_tests.h"

#include "kernel/lru.h"

#include <sys/swap.h>

/* Reclaim's last step for what earlier ones have left in the swap cache. */
static void drop_clean(struct churn *churn, struct page *page)
{
	if (page_has(page, PG_swapcache) && page_mapcount(page) == 0 &&
	    page->refcount == 1 && !page_has(page, PG_dirty | PG_writeback))
		swap_cache_delete(churn->m, page, NULL);
}

static void drop_some(struct churn *churn)
{
	struct list_head *lists = churn->m->nodes[0]->lruvec.lists;
	struct page *page, *next;

	list_for_each_safe(page, next, &lists[LRU_INACTIVE_ANON],
			   lru) if (churn_below(churn, 4) == 0)
		drop_clean(churn, page);
}

static void swap_some(struct churn *churn)
{
	struct churn_task *t = &churn->tasks[churn_below(churn, CHURN_TASKS)];
	unsigned nr = (unsigned)churn_below(churn, 200);

	if (!t->task)
		return;
	while (nr-- > 0) {
		unsigned page = (unsigned)churn_below(churn, CHURN_PAGES);

		swap_out(t->task, churn_addr(page),
			 (enum swap_step)churn_below(churn, SWAP_GONE + 1));
	}
}

/* Advice and locks that do not change what is stored. */
static void swap_advise(struct churn *churn)
{
	static const int advices[] = {MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT,
				      MADV_PAGEOUT};
	struct churn_task *t = &churn->tasks[churn_below(churn, CHURN_TASKS)];
	unsigned page = (unsigned)churn_below(churn, CHURN_PAGES - 64);

	if (!t->task)
		return;
	if (churn_below(churn, 3) == 0) {
		/* stops at the first hole */
		(void)mmsim_mlock(t->task, churn_addr(page), 32 * SIM_PAGE);
		swap_some(churn);
		(void)mmsim_munlock(t->task, churn_addr(page), 32 * SIM_PAGE);
	} else {
		(void)mmsim_madvise(t->task, churn_addr(page), 64 * SIM_PAGE,
				    advices[churn_below(churn, 4)]);
	}
}

/* A device goes, if its pages have room elsewhere, or comes back. */
static void swap_toggle(struct churn *churn)
{
	static const char *const devices[] = {"/dev/vdb", "/dev/vdc",
					      "/dev/vdd"};
	const char *device = devices[churn_below(churn, 3)];
	struct mmsim_task *root = sim_spawn(churn->m);
	int err = mmsim_swapoff(root, device);

	cr_assert(err == 0 || err == -ENOMEM || err == -EINVAL ||
			  err == -ENOENT,
		  "swapoff: %d", err);
	if (err == -EINVAL)
		cr_assert_eq(mmsim_swapon(root, device, SWAP_FLAG_PREFER | 1),
			     0);
	mmsim_task_exit(root, 0);
	mmsim_task_put(root);
}

static void swap_churn(const char *spec, unsigned seed, unsigned steps)
{
	struct churn *churn = calloc(1, sizeof(*churn));

	cr_assert_not_null(churn);
	churn->m = sim_boot(spec);
	churn->state = seed;
	churn->tasks[0].task = sim_spawn(churn->m);
	churn_map(churn, &churn->tasks[0], 0, CHURN_PAGES);
	if (MMSIM_DEBUG >= 2)
		steps /= 10;
	for (unsigned i = 0; i < steps; i++) {
		churn_step(churn);
		swap_some(churn);
		if (i % 4 == 0)
			swap_advise(churn);
		if (i % 8 == 0)
			drop_some(churn);
		if (i % 32 == 31)
			swap_toggle(churn);
		if (i % 64 == 0)
			mmsim_idle(churn->m, 10000000);
		blkdev_poll(churn->m);
		if (i % 16 == 0)
			sim_validate(churn->m);
	}
	if (MMSIM_DEBUG < 2)
		cr_assert_gt(sim_vmstat(churn->m, "pswpin"), 0);
	sim_shutdown(churn->m);
	free(churn);
}

Test(swap_churn, a_large_swap)
{
	for (unsigned seed = 1; seed <= 3; seed++)
		swap_churn("ram=128M,swap=256M", seed, 1500);
}

Test(swap_churn, a_swap_that_is_always_full)
{
	for (unsigned seed = 4; seed <= 6; seed++)
		swap_churn("ram=128M,swap=2M", seed, 1500);
}

Test(swap_churn, with_huge_pages)
{
	swap_churn("ram=256M,swap=16M,thp=always", 7, 1500);
}

/* Six windows of 8 MiB do not fit: reclaim swaps by itself. */
Test(swap_churn, in_little_memory)
{
	for (unsigned seed = 9; seed <= 11; seed++)
		swap_churn("ram=24M,swap=8M:9+8M:9+8M+256M", seed, 1500);
}

Test(swap_churn, in_little_memory_with_huge_pages)
{
	swap_churn("ram=32M,swap=8M+8M+8M:1+256M,thp=always", 12, 1500);
}

Test(swap_churn, on_two_nodes)
{
	swap_churn("ram=32M,swap=16M:1+16M:1+8M+256M,nodes=2,cpus=2", 13, 1500);
}

Test(swap_churn, in_32_bits)
{
	swap_churn("ram=128M,swap=16M,arch=x86-32", 8, 1500);
}
