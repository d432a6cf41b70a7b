/*
 * walk.h: the page walk that the CPU does when it has no translation.
 */
#ifndef MMU_WALK_H
#define MMU_WALK_H

#include "kernel/fault.h"

struct walk {
	pte_t pte; /* the entry, with the bits that the walk has set */
	struct page
		*page; /* the small page, also of a huge entry; NULL: zeros */
	bool is_huge;  /* the entry is of level 1 */
};

/* What the tables say of addr, without setting a bit; false: nothing present.
 */
bool mmu_look(struct mm_struct *mm, uintptr_t addr, struct walk *walk);

/* Finds the page and marks its use, as the CPU does, accessed and on a store
 * dirty; false: there is none for this access, which is a fault. */
bool mmu_walk(struct mm_struct *mm, uintptr_t addr, enum fault_access access,
	      struct walk *walk);

/* Stores to the page need not be noticed any more. */
static inline bool walk_may_write(const struct walk *walk)
{
	return (walk->pte & (PTE_RW | PTE_DIRTY)) == (PTE_RW | PTE_DIRTY);
}

#endif
