/*
 * walk.c: the page walk that the CPU does when it has no translation.
 *
 *   address -> tables -> entry, of a small page or of a huge one
 *                        | not present, or not for this access: a fault
 *                        | else: its bits are set and it is used
 *                          any access  A (accessed)
 *                          a store     D (dirty)
 *
 * Setting the bits is the CPU's work, not the kernel's: no time passes and
 * nothing is counted.
 *
 * Source: Intel SDM volume 3, 4.7 and 4.8.
 */
#include "mmu/walk.h"

#include "kernel/machine.h"

static pte_t *walk_entry(struct mm_struct *mm, uintptr_t addr, bool *is_huge)
{
	pte_t *entry = pte_find(mm, addr);

	*is_huge = false;
	if (entry)
		return entry;
	entry = pmd_find(mm, addr);
	*is_huge = entry && pmd_is_huge(*entry);
	return *is_huge ? entry : NULL;
}

static void walk_found(struct mm_struct *mm, uintptr_t addr, pte_t pte,
		       struct walk *walk)
{
	walk->pte = pte;
	walk->page = pte_page(mm->machine, pte);
	if (walk->is_huge && walk->page)
		walk->page += addr >> PAGE_SHIFT & (HPAGE_PMD_NR - 1);
}

bool mmu_look(struct mm_struct *mm, uintptr_t addr, struct walk *walk)
{
	pte_t *entry = walk_entry(mm, addr, &walk->is_huge);

	if (!entry || !(*entry & PTE_PRESENT))
		return false;
	walk_found(mm, addr, *entry, walk);
	return true;
}

bool mmu_walk(struct mm_struct *mm, uintptr_t addr, enum fault_access access,
	      struct walk *walk)
{
	pte_t *entry = walk_entry(mm, addr, &walk->is_huge);
	pte_t pte = entry ? *entry : 0;

	if (!(pte & PTE_PRESENT) ||
	    (access == FAULT_WRITE && !(pte & PTE_RW)) ||
	    (access == FAULT_EXEC && (pte & PTE_NX)))
		return false;
	pte |= PTE_ACCESSED | (access == FAULT_WRITE ? PTE_DIRTY : 0);
	if (pte != *entry)
		pte_store(mm, addr, entry, pte);
	walk_found(mm, addr, pte, walk);
	return true;
}
