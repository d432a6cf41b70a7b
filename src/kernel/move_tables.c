/*
 * move_tables.c: mremap's half of the page tables.
 *
 * The frames stay where they are; their entries move.  A whole table moves by
 * changing the one entry that leads to it, when old and new place are both
 * multiples of 2 MiB; otherwise entry by entry, and then the new place gets a
 * table wherever the old one has one, empty or not.  Pages keep their index: the
 * new area has a pgoff such that it holds the same indexes as the old one.
 *
 * Swap entries move like the others.
 *
 * When a table for the new place cannot be had, what was moved moves back.
 *
 * Source: mremap(2); experiments on 6.18 (VmPTE).
 */
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/thp.h"

#include <errno.h>

struct move {
	struct vm_area_struct *old_vma, *new_vma;
	uintptr_t delta; /* new address - old address, modulo 2^64 */
};

static int move_pages(struct pgtable_tables *walk, uintptr_t addr,
		      pte_t *entries, unsigned nr)
{
	const struct move *move = walk->arg;
	pte_t *dst = NULL;

	for (unsigned i = 0; i < nr; i++) {
		uintptr_t from = addr + i * PAGE_SIZE, to = from + move->delta;
		pte_t pte;

		if (!dst || is_aligned(to, PMD_SIZE))
			dst = pte_alloc(walk->mm, to);
		else
			dst++;
		if (!dst)
			return -ENOMEM;
		/* after the table was made, for which reclaim may have run */
		pte = entries[i];
		if (pte_is_none(pte))
			continue;
		ASSERT(pte_is_none(*dst));
		if (pte_is_present(pte))
			pte |= PTE_SOFT_DIRTY;
		pte_store(walk->mm, from, &entries[i], 0);
		pte_store(walk->mm, to, dst, pte);
	}
	return 0;
}

static int move_table(struct pgtable_tables *walk, uintptr_t addr,
		      pte_t *entries, unsigned nr)
{
	const struct move *move = walk->arg;

	if (nr == HPAGE_PMD_NR && is_aligned(move->delta, PMD_SIZE)) {
		if (!pmd_alloc(walk->mm, addr + move->delta))
			return -ENOMEM;
		if (pgtable_move_table(walk->mm, addr, addr + move->delta))
			return 0;
	}
	return move_pages(walk, addr, entries, nr);
}

static int move_huge(struct pgtable_tables *walk, uintptr_t start,
		     uintptr_t end, pte_t *pmd)
{
	const struct move *move = walk->arg;
	pte_t *dst;

	if (end - start == PMD_SIZE && is_aligned(move->delta, PMD_SIZE)) {
		dst = pmd_alloc(walk->mm, start + move->delta);
		if (!dst)
			return -ENOMEM;
		if (pte_is_none(*dst) && pmd_is_huge(*pmd)) {
			thp_move(walk->mm, start, pmd, start + move->delta,
				 dst);
			return 0;
		}
	}
	return thp_split_pmd(move->old_vma, start) ? -ENOMEM : PGTABLE_AGAIN;
}

/* Wherever the old place has a table of level 1, the new one gets the table
 * above that, though nothing may be there to move. */
static int move_prepare(struct mm_struct *mm, uintptr_t from, uintptr_t to,
			size_t len)
{
	const uint64_t gib = pgtable_entry_size(mm->machine, 2);

	while (len) {
		size_t step = min_size(gib - from % gib, gib - to % gib);

		if (pmd_find(mm, from) && pud_prepare(mm, to))
			return -ENOMEM;
		step = min_size(step, len);
		from += step;
		to += step;
		len -= step;
	}
	return 0;
}

static int move_range(struct vm_area_struct *vma, uintptr_t old_addr,
		      struct vm_area_struct *new_vma, uintptr_t new_addr,
		      size_t len)
{
	struct move move = { vma, new_vma, new_addr - old_addr };
	struct pgtable_tables walk = { .mm = vma->mm,
				       .table = move_table,
				       .huge = move_huge,
				       .arg = &move };
	int result = pgtable_for_each_table(&walk, old_addr, old_addr + len);

	tlb_flush_range(vma->mm, old_addr, old_addr + len);
	return result;
}

int move_page_tables(struct vm_area_struct *vma, uintptr_t old_addr,
		     struct vm_area_struct *new_vma, uintptr_t new_addr,
		     size_t len)
{
	int result = move_prepare(vma->mm, old_addr, new_addr, len);

	if (result)
		return result;
	result = move_range(vma, old_addr, new_vma, new_addr, len);

	/* The way back needs no table: those of the old place are there. */
	if (result && move_range(new_vma, new_addr, vma, old_addr, len))
		ASSERT(!"entries could not move back");
	return result;
}
