/*
 * copy.c: fork's half of the page tables.
 *
 * The child gets entries for the same frames.  In private areas both sides lose
 * the right to write, so that the first store copies (cow.c), and the pages
 * lose their mark of a single owner; so do swap entries.  The child's entries
 * start unused (its smaps shows no Referenced), and those of shared areas
 * clean.
 *
 * Areas that never had a page of their own (no anon_vma) are not copied at
 * all: the child finds the same file pages by faulting.  So a shared mapping
 * costs fork nothing and the child a fault for each page (recorded: 16384
 * faults for 64 MiB).
 *
 * Source: fork(2); recordings of fork.
 */
#include "kernel/fault.h"
#include "kernel/machine.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"

#include <errno.h>

struct copy {
	struct mm_struct *dst, *src;
	struct vm_area_struct *dst_vma, *src_vma;
	bool is_private;
};

static pte_t copy_present(const struct copy *copy, uintptr_t addr, pte_t *entry)
{
	struct page *page = pte_page(copy->dst->machine, *entry);
	pte_t pte = *entry;

	if (page) {
		page_get(page);
		page_dup_rmap(page, copy->dst_vma);
		page_clear(page, PG_anon_exclusive);
		copy->dst->rss[page_rss_kind(page)]++;
	}
	if (copy->is_private && (pte & PTE_RW)) {
		pte &= ~(pte_t)PTE_RW;
		pte_store(copy->src, addr, entry, pte);
	}
	if (!copy->is_private)
		pte &= ~(pte_t)PTE_DIRTY;
	return pte & ~(pte_t)PTE_ACCESSED;
}

/* The slot has one more who names it, and is nobody's alone. */
static pte_t copy_swap_entry(const struct copy *copy, uintptr_t addr,
			     pte_t *entry)
{
	pte_t shared = *entry & ~(pte_t)PTE_SWP_EXCLUSIVE;

	swap_duplicate(copy->dst->machine, pte_to_swp_entry(shared));
	copy->dst->rss[MM_SWAPENTS]++;
	if (*entry != shared)
		pte_store(copy->src, addr, entry, shared);
	return shared;
}

static int copy_table(struct pgtable_tables *walk, uintptr_t addr,
		      pte_t *entries, unsigned nr)
{
	const struct copy *copy = walk->arg;
	pte_t *dst = pte_alloc(copy->dst, addr);

	if (!dst)
		return -ENOMEM;
	for (unsigned i = 0; i < nr; i++) {
		uintptr_t at = addr + i * PAGE_SIZE;
		pte_t pte = entries[i];

		if (pte_is_none(pte))
			continue;
		if (pte_is_present(pte))
			pte = copy_present(copy, at, &entries[i]);
		else
			pte = copy_swap_entry(copy, at, &entries[i]);
		pte_store(copy->dst, at, &dst[i], pte);
	}
	return 0;
}

static int copy_huge(struct pgtable_tables *walk, uintptr_t start,
		     uintptr_t end, pte_t *pmd)
{
	const struct copy *copy = walk->arg;

	(void)end;
	return thp_copy(copy->dst, copy->dst_vma, copy->src_vma, start, pmd);
}

/* The child gets the tables that the parent has, also those with nothing in
 * them for this area. */
static int copy_hole(struct pgtable_tables *walk, uintptr_t addr,
		     unsigned level)
{
	const struct copy *copy = walk->arg;

	if (level == 1)
		return pmd_alloc(copy->dst, addr) ? 0 : -ENOMEM;
	return level == 2 ? pud_prepare(copy->dst, addr) : 0;
}

int copy_page_range(struct mm_struct *dst, struct vm_area_struct *dst_vma,
		    struct vm_area_struct *src_vma)
{
	struct copy copy = {
		.dst = dst,
		.src = src_vma->mm,
		.dst_vma = dst_vma,
		.src_vma = src_vma,
		.is_private = !(src_vma->flags & VM_SHARED),
	};
	struct pgtable_tables walk = {.mm = src_vma->mm,
				      .table = copy_table,
				      .huge = copy_huge,
				      .hole = copy_hole,
				      .arg = &copy};
	int result;

	if (!src_vma->anon_vma && !(src_vma->flags & (VM_PFNMAP | VM_MIXEDMAP)))
		return 0;
	result = pgtable_for_each_table(&walk, src_vma->start, src_vma->end);
	if (copy.is_private)
		tlb_flush_range(src_vma->mm, src_vma->start, src_vma->end);
	return result;
}
