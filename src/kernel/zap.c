/*
 * zap.c: taking pages out of an area: munmap, MADV_DONTNEED, truncation, exit.
 *
 * Each entry is emptied and its page loses one mapping and one reference; the
 * last one frees it.  What the entry knew of the page is kept: a dirty file
 * page is marked so, and one that was used counts as used (not in areas that
 * are read once, in sequence).  A swap entry gives its slot back.  The tables
 * stay; munmap frees them afterwards (pgtable_free_range).
 *
 * Source: madvise(2), munmap(2); recordings ("MADV_DONTNEED of half": page
 * tables stay).
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"

static void zap_page(struct vm_area_struct *vma, pte_t pte)
{
	struct mm_struct *mm = vma->mm;
	struct page *page = pte_page(mm->machine, pte);

	if (!page)
		return;
	mm->rss[page_rss_kind(page)]--;
	if (!page_is_anon(page)) {
		if (pte & PTE_DIRTY)
			set_page_dirty(page);
		if ((pte & PTE_ACCESSED) && !(vma->flags & VM_SEQ_READ))
			mark_page_accessed(mm->machine, page);
	}
	page_remove_rmap(page, vma);
	if (page_has(page, PG_swapcache) && page->mapcount == 0)
		swap_try_to_free(mm->machine, page);
	page_put(mm->machine, page);
}

static void zap_swap_entry(struct mm_struct *mm, pte_t pte)
{
	mm->rss[MM_SWAPENTS]--;
	swap_free_and_cache(mm->machine, pte_to_swp_entry(pte));
}

static int zap_table(struct pgtable_tables *walk, uintptr_t addr,
		     pte_t *entries, unsigned nr)
{
	struct vm_area_struct *vma = walk->arg;

	for (unsigned i = 0; i < nr; i++) {
		pte_t pte = entries[i];

		if (pte_is_none(pte))
			continue;
		pte_store(walk->mm, addr + i * PAGE_SIZE, &entries[i], 0);
		if (LIKELY(pte_is_present(pte)))
			zap_page(vma, pte);
		else
			zap_swap_entry(walk->mm, pte);
	}
	return 0;
}

static int zap_huge(struct pgtable_tables *walk, uintptr_t start, uintptr_t end,
		    pte_t *pmd)
{
	struct vm_area_struct *vma = walk->arg;

	if (end - start != PMD_SIZE)
		return thp_split_pmd(vma, start) ? -1 : PGTABLE_AGAIN;
	thp_zap(vma, start, pmd);
	return 0;
}

void zap_page_range(struct vm_area_struct *vma, uintptr_t start, uintptr_t end)
{
	struct mm_struct *mm = vma->mm;
	struct pgtable_tables walk = { .mm = mm,
				       .table = zap_table,
				       .huge = zap_huge,
				       .arg = vma };

	if (start < vma->start)
		start = vma->start;
	if (end > vma->end)
		end = vma->end;
	if (start >= end)
		return;
	mm_update_hiwater_rss(mm);
	pgtable_for_each_table(&walk, start, end);
	tlb_flush_range(mm, start, end);
}
