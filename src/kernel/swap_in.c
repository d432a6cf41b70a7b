/*
 * swap_in.c: a fault finds a swap entry.
 *
 *   the page is in the swap cache (on its way out, come back for another task,
 *   read ahead)           a minor fault
 *   it is not             it is read from the device: a major fault
 *
 * Then the entry becomes present and the slot has an entry less.  The page
 * stays in the cache, with its slot, as long as that may save a write; see
 * swap_cache.c for when it does not.
 *
 * May a store go to the page at once?  Yes if the entry says that only this
 * address space had it, or if nobody else holds it now.  Otherwise it is a
 * shared page and cow.c copies.
 *
 * Source: recordings of swapping and of fork; proc(5) (majflt).
 */
#include "kernel/machine.h"
#include "kernel/swap_state.h"

#include <errno.h>

/* The page comes back to stay: need the slot be kept? */
static bool slot_is_dispensable(const struct vm_fault *fault,
				const struct page *page)
{
	if (swap_is_full(fault->machine) || (fault->vma->flags & VM_LOCKED) ||
	    page_has(page, PG_mlocked))
		return true;
	/* the cache's reference and ours: the store would make it stale */
	return fault->write && page->refcount == 2;
}

void swap_in_page(struct vm_area_struct *vma, uintptr_t addr, pte_t *entry,
		  struct page *page, pte_t bits, bool exclusive)
{
	struct mm_struct *mm = vma->mm;

	mm->rss[MM_ANONPAGES]++;
	mm->rss[MM_SWAPENTS]--;
	page_add_anon_rmap(page, vma, addr, exclusive);
	pte_set(mm, addr, entry, pte_of_page(mm->machine, page, bits));
}

/* The entry becomes present and takes over our reference. */
static int swap_in_map(struct vm_fault *fault, pte_t *entry, struct page *page)
{
	struct mmsim_machine *machine = fault->machine;
	pte_t bits = vma_page_prot(fault->vma);
	bool exclusive = *entry & PTE_SWP_EXCLUSIVE;
	bool write = fault->write;

	swap_free(machine, pte_to_swp_entry(*entry));
	if (slot_is_dispensable(fault, page))
		swap_try_to_free(machine, page);
	exclusive |= page->refcount == 1;
	if (write && exclusive) {
		bits |= PTE_RW | PTE_DIRTY;
		write = false;
	}
	swap_in_page(fault->vma, fault->addr, entry, page, bits, exclusive);
	return write ? fault_write_protected(fault, entry) : 0;
}

int swap_in_fault(struct vm_fault *fault, pte_t *entry)
{
	struct swap_reader reader = {
		.task = fault->task,
		.vma = fault->vma,
		.addr = fault->addr,
	};
	struct mmsim_machine *machine = fault->machine;
	pte_t old = *entry;
	struct page *page;

	if (anon_vma_prepare(fault->vma))
		return -ENOMEM;
	page = swap_cache_get(machine, pte_to_swp_entry(old));
	if (!page) {
		page = swap_readahead(machine, &reader, pte_to_swp_entry(old));
		if (!page)
			return *entry == old ? -ENOMEM : 0;
		fault->major = true;
	}
	if (*entry != old) {
		page_put(machine, page);
		return 0;
	}
	return swap_in_map(fault, entry, page);
}
