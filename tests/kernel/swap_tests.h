/*
 * swap_tests.h: swapping out one page by hand, in the steps that reclaim takes.
 */
#ifndef TESTS_KERNEL_SWAP_TESTS_H
#define TESTS_KERNEL_SWAP_TESTS_H

#include "sim.h"

#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/swap.h"

/* Stop after this step. */
enum swap_step { SWAP_UNMAPPED, SWAP_WRITING, SWAP_WRITTEN, SWAP_GONE };

static SIM_UNUSED struct page *swap_page_at(struct mmsim_task *task,
					    uintptr_t addr)
{
	pte_t *entry = pte_find(task->mm, addr);

	if (!entry || !pte_is_present(*entry))
		return NULL;
	return pte_page(task->machine, *entry);
}

/* The slot that the entry for addr names; fails when there is none. */
static SIM_UNUSED swp_entry_t swap_slot_at(struct mmsim_task *task,
					   uintptr_t addr)
{
	pte_t *entry = pte_find(task->mm, addr);

	cr_assert(entry && pte_is_swap(*entry), "%lx is not on swap",
		  (unsigned long)addr);
	return pte_to_swp_entry(*entry);
}

/* False: some step said no; the page may be in the swap cache then. */
static SIM_UNUSED bool swap_out_page(struct mmsim_machine *m, struct page *page,
				     enum swap_step last)
{
	bool done = false;

	page_get(page);
	if (!page_has(page, PG_swapcache) && swap_add_page(m, page))
		goto out;
	if (!try_to_unmap(m, page))
		goto out;
	done = true;
	if (last == SWAP_UNMAPPED)
		goto out;
	if (page_has(page, PG_dirty))
		cr_assert_eq(swap_writepage(m, page), 0);
	if (last == SWAP_WRITING)
		goto out;
	blkdev_wait_page(m, page);
	if (last == SWAP_WRITTEN)
		goto out;
	if (page_has(page, PG_swapcache) && page->refcount == 2)
		swap_cache_delete(m, page, NULL);
out:
	page_put(m, page);
	return done;
}

/* The task's page at addr; true: it is on swap now. */
static SIM_UNUSED bool swap_out(struct mmsim_task *task, uintptr_t addr,
				enum swap_step last)
{
	struct page *page = swap_page_at(task, addr);

	return page && !page_has(page, PG_head | PG_tail) &&
	       page_is_anon(page) && swap_out_page(task->machine, page, last);
}

#endif
