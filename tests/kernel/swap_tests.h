/*
 * swap_tests.h: swapping out one page by hand, in the steps that reclaim takes.
 */
#ifndef TESTS_KERNEL_SWAP_TESTS_H
#define TESTS_KERNEL_SWAP_TESTS_H

#include "sim.h"

#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/swap.h"
#include "kernel/swap_state.h"

/* Stop after this step. */
enum swap_step { SWAP_UNMAPPED, SWAP_WRITING, SWAP_WRITTEN, SWAP_GONE };

static SIM_UNUSED struct page *swap_page_at(struct mmsim_task *task,
					    uintptr_t addr)
{
	pte_t *entry = pte_find(task->mm, addr);

	if (!entry) {
		entry = pmd_find(task->mm, addr);
		if (!entry || !pmd_is_huge(*entry) ||
		    !pte_page(task->machine, *entry))
			return NULL;
		return pte_page(task->machine, *entry) +
		       (addr >> PAGE_SHIFT) % HPAGE_PMD_NR;
	}
	if (!pte_is_present(*entry))
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

/* Into the swap cache and out of all tables; false: it is not, or it needs no
 * slot. */
static SIM_UNUSED bool swap_detach(struct mmsim_machine *m, struct page *page)
{
	if (page_has(page, PG_swapcache))
		return try_to_unmap(m, page);
	if (page_is_anon(page)) {
		if (page_has(page, PG_swapbacked) && swap_add_page(m, page))
			return false;
		return try_to_unmap(m, page) && page_has(page, PG_swapcache);
	}
	if (!try_to_unmap(m, page) || page->refcount != 2)
		return false;
	if (page_has(page, PG_dirty))
		return shmem_writepage(m, page) == 0;
	shmem_drop_hole(page);
	return false;
}

/* False: some step said no; the page may be in the swap cache then. */
static SIM_UNUSED bool swap_out_page(struct mmsim_machine *m, struct page *page,
				     enum swap_step last)
{
	bool done;

	page_get(page);
	done = swap_detach(m, page);
	if (!done || last == SWAP_UNMAPPED)
		goto out;
	if (page_has(page, PG_dirty)) {
		blkdev_wait_page(m, page);
		cr_assert_eq(swap_writepage(m, page), 0);
	}
	if (last == SWAP_WRITING)
		goto out;
	blkdev_wait_page(m, page);
	if (last == SWAP_WRITTEN)
		goto out;
	if (page_has(page, PG_swapcache) && page->refcount == 2 &&
	    !page_has(page, PG_dirty))
		swap_cache_delete(m, page, NULL);
out:
	page_put(m, page);
	return done;
}

static SIM_UNUSED bool swap_split_visit(struct rmap_walk *walk,
					struct vm_area_struct *vma,
					uintptr_t addr, pte_t *entry, bool huge)
{
	(void)walk;
	(void)entry;
	if (huge)
		thp_split_pmd(vma, addr);
	return true;
}

/* A huge page becomes 512 pages. */
static SIM_UNUSED void swap_split(struct mmsim_machine *m, struct page *head)
{
	struct rmap_walk walk = {.visit = swap_split_visit};

	rmap_walk(m, head, &walk);
	if (head->refcount == page_total_mapcount(head))
		thp_split_page(m, head);
}

/* The task's page at addr, anonymous or of shmem; true: it is on swap now. */
static SIM_UNUSED bool swap_out(struct mmsim_task *task, uintptr_t addr,
				enum swap_step last)
{
	struct page *page = swap_page_at(task, addr);

	if (page && page_has(page, PG_tail) && page_is_anon(page))
		swap_split(task->machine, page_head(page));
	if (!page || page_has(page, PG_head | PG_tail) ||
	    (!page_is_anon(page) && page_is_file_lru(page)))
		return false;
	return swap_out_page(task->machine, page, last);
}

/* --- memory of a task ---------------------------------------------------- */

static SIM_UNUSED uintptr_t map_anon(struct mmsim_task *task, unsigned nr,
				     int flags)
{
	intptr_t addr = mmsim_mmap(task, 0, nr * (size_t)SIM_PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_ANONYMOUS | flags, NULL, 0);

	cr_assert_gt(addr, 0, "mmap: %ld", (long)addr);
	return (uintptr_t)addr;
}

static SIM_UNUSED void put(struct mmsim_task *task, uintptr_t addr,
			   unsigned char byte)
{
	int sig = mmsim_store(task, addr, &byte, 1);

	cr_assert_eq(sig, 0, "store to %lx: %d", (unsigned long)addr, sig);
}

static SIM_UNUSED unsigned get(struct mmsim_task *task, uintptr_t addr)
{
	unsigned char byte = 0;
	int sig = mmsim_load(task, addr, &byte, 1);

	cr_assert_eq(sig, 0, "load of %lx: %d", (unsigned long)addr, sig);
	return byte;
}

#endif
