/*
 * unmap.c: a page leaves all page tables that lead to it.
 *
 * Reclaim and migration come from the page; the reverse map (rmap.c) finds its
 * entries.  Each gives back its mapping and its reference, and is replaced:
 *
 *   anonymous, has a slot       a swap entry that names it; if only this
 *                               address space had the page the entry says so
 *                               and the page need not be copied when it is back
 *   anonymous, MADV_FREE        nothing: the content is not needed; but a page
 *                               that was written since stays, and is no longer
 *                               free for the taking
 *   file, shared object         nothing: the cache has the page
 *   in a locked area            stays; the page goes to the unevictable list
 *
 * What the entry knew (dirty) is kept in the page.
 *
 * Source: kernel documentation, mm/unevictable-lru (try_to_unmap), madvise(2).
 */
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"

struct unmap_walk {
	struct rmap_walk walk;
	struct mmsim_machine *machine;
	struct page *page;
};

static bool vma_keeps_pages(const struct vm_area_struct *vma)
{
	return (vma->flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED;
}

/* The swap entry for the page, as this address space had it. */
static pte_t unmap_swap_entry(struct mmsim_machine *machine, struct page *page)
{
	swp_entry_t entry = {page->private};
	pte_t value = swp_entry_to_pte(entry);

	swap_duplicate(machine, entry);
	if (page_has(page, PG_anon_exclusive)) {
		page_clear(page, PG_anon_exclusive);
		value |= PTE_SWP_EXCLUSIVE;
	}
	return value;
}

/* Free to go it was, and then somebody stored to it. */
static void unmap_keep_dirty(struct mmsim_machine *machine, struct page *page)
{
	bool on_list = page_has(page, PG_lru);

	if (page_has(page, PG_swapbacked))
		return;
	if (on_list)
		lru_del(machine, page);
	page_set(page, PG_swapbacked);
	if (on_list)
		lru_add(machine, page);
}

static bool unmap_visit(struct rmap_walk *walk, struct vm_area_struct *vma,
			uintptr_t addr, pte_t *entry, bool huge)
{
	struct unmap_walk *unmap = container_of(walk, struct unmap_walk, walk);
	struct mmsim_machine *machine = unmap->machine;
	struct page *page = unmap->page;
	struct mm_struct *mm = vma->mm;
	pte_t old = *entry, value = 0;

	if (huge)
		return false;
	if (vma_keeps_pages(vma)) {
		mlock_page(machine, page);
		return false;
	}
	if (old & PTE_DIRTY)
		set_page_dirty(page);
	if (page_is_anon(page)) {
		if (page_has(page, PG_swapcache)) {
			value = unmap_swap_entry(machine, page);
			mm->rss[MM_SWAPENTS]++;
		} else if (page_has(page, PG_dirty | PG_swapbacked)) {
			unmap_keep_dirty(machine, page);
			return false;
		}
	}
	mm_update_hiwater_rss(mm);
	mm->rss[page_rss_kind(page)]--;
	pte_set(mm, addr, entry, value);
	page_remove_rmap(page, vma);
	page_put(machine, page);
	return true;
}

bool try_to_unmap(struct mmsim_machine *machine, struct page *page)
{
	struct unmap_walk unmap = {
		.walk.visit = unmap_visit,
		.machine = machine,
		.page = page,
	};

	page_get(page);
	rmap_walk(machine, page, &unmap.walk);
	page_put(machine, page);
	return page_total_mapcount(page) == 0;
}
