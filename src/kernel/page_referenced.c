/*
 * page_referenced.c: was the page used since somebody asked last?
 *
 * The CPU sets a bit (PTE_ACCESSED) in each entry through which a page is
 * reached.  Reclaim goes from the page to its entries (rmap.c), counts the bits
 * and clears them, and so learns at its next visit what was used in between.
 *
 *     page -> area -> entry  A  counted, cleared
 *          -> area -> entry  .
 *          -> locked area       the page may not go; it is locked now if it was
 *                               not, and the walk ends
 *
 * An area that is read once, in sequence (MADV_SEQUENTIAL), does not count.
 *
 * Here the entry's copies in the TLBs are dropped with the bit.  Linux leaves
 * them on x86: real TLBs are small, and forget by themselves soon enough.
 *
 * Source: kernel documentation, mm/unevictable-lru; madvise(2).
 */
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"
#include "kernel/rmap.h"

struct referenced_walk {
	struct rmap_walk walk;
	struct mmsim_machine *machine;
	struct page *page;
	unsigned nr;
	vm_flags_t vm_flags;
};

static bool referenced_visit(struct rmap_walk *walk, struct vm_area_struct *vma,
			     uintptr_t addr, pte_t *entry, bool huge)
{
	struct referenced_walk *seen =
		container_of(walk, struct referenced_walk, walk);

	if ((vma->flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED) {
		if (huge || !page_has(seen->page, PG_head | PG_tail))
			mlock_page(seen->machine, seen->page);
		seen->vm_flags |= VM_LOCKED;
		return false;
	}
	if (!(*entry & PTE_ACCESSED))
		return true;
	if (huge)
		pmd_set(vma->mm, addr, entry, *entry & ~(pte_t)PTE_ACCESSED);
	else
		pte_clear_young(vma->mm, addr, entry);
	if (vma->flags & VM_SEQ_READ)
		return true;
	seen->nr++;
	seen->vm_flags |= vma->flags & ~VM_LOCKED;
	return true;
}

unsigned page_referenced(struct mmsim_machine *machine, struct page *page,
			 vm_flags_t *vm_flags)
{
	struct referenced_walk seen = {
		.walk.visit = referenced_visit,
		.machine = machine,
		.page = page,
	};

	*vm_flags = 0;
	if (page_total_mapcount(page) == 0)
		return 0;
	rmap_walk(machine, page, &seen.walk);
	/* small entries of a huge page are found from each of its pages */
	for (unsigned i = 1; i < page_nr(page); i++)
		if (page[i].mapcount > 0)
			rmap_walk(machine, &page[i], &seen.walk);
	*vm_flags = seen.vm_flags;
	return seen.nr;
}
