/*
 * thp_fault.c: faults that a huge page serves, and huge entries at fork, munmap
 * and mremap.
 *
 *   nothing there, read    the huge zero page
 *   nothing there, write   a huge page; when there is no free block of order 9,
 *                          small pages (thp_fault_fallback)
 *   read-only, a store     the last owner keeps the page; otherwise the entry is
 *                          split, and only the small page that is written is
 *                          copied
 *
 * With each huge entry a table of pages is put in stock, so that it can be
 * split without asking for memory; it counts as a page table (recorded: VmPTE is
 * as large as with small pages).
 *
 * A store to the huge zero page splits it as well, so that memory that is read
 * first never gets huge pages (recorded); since 6.13 it gets a huge page.
 *
 * Source: kernel documentation, admin-guide/mm/transhuge; recordings of lazy
 * paging and fork with huge pages.
 */
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"

#include <errno.h>

pte_t thp_page_prot(const struct vm_area_struct *vma)
{
	return vma_page_prot(vma) | PTE_PSE;
}

/* How hard a fault tries for a huge page, by `defrag`. */
static gfp_t thp_gfp(const struct vm_area_struct *vma)
{
	bool is_advised = vma->flags & VM_HUGEPAGE;

	switch (vma->mm->machine->thp.defrag) {
	case THP_DEFRAG_ALWAYS:
		return is_advised ? GFP_TRANSHUGE :
				    GFP_TRANSHUGE | GFP_F_NORETRY;
	case THP_DEFRAG_DEFER:
		return GFP_TRANSHUGE_LIGHT | GFP_F_KSWAPD_RECLAIM;
	case THP_DEFRAG_DEFER_MADVISE:
		return GFP_TRANSHUGE_LIGHT | (is_advised ?
						      GFP_F_DIRECT_RECLAIM :
						      GFP_F_KSWAPD_RECLAIM);
	case THP_DEFRAG_MADVISE:
		return GFP_TRANSHUGE_LIGHT |
		       (is_advised ? GFP_F_DIRECT_RECLAIM : 0);
	default:
		return GFP_TRANSHUGE_LIGHT;
	}
}

/* A huge page; NULL: none can be had so. */
static struct page *thp_alloc_page(struct mmsim_task *task,
				   struct vm_area_struct *vma, uintptr_t addr)
{
	gfp_t gfp = thp_gfp(vma) | GFP_F_ZERO;
	struct page *head;

	if (vma->policy || task->policy)
		head = vma_alloc_page(task, vma, addr, gfp, HPAGE_PMD_ORDER);
	else
		head = alloc_pages(task->machine, task, gfp, HPAGE_PMD_ORDER);
	if (!head)
		count_vm_event(task->machine, THP_FAULT_FALLBACK);
	return head;
}

/* A new huge page goes into the level 1 entry. */
static void thp_map_new(struct mmsim_task *task, struct vm_area_struct *vma,
			uintptr_t start, pte_t *pmd, struct page *head)
{
	struct mmsim_machine *machine = task->machine;
	pte_t bits = thp_page_prot(vma) | PTE_SOFT_DIRTY;

	if (vma->flags & VM_WRITE)
		bits |= PTE_RW | PTE_DIRTY;
	page_add_new_anon_rmap_huge(head, vma, start);
	lru_add_anon(machine, head);
	vma->mm->rss[MM_ANONPAGES] += HPAGE_PMD_NR;
	pmd_set(vma->mm, start, pmd, pte_of_page(machine, head, bits));
	count_vm_event(machine, THP_FAULT_ALLOC);
	clock_charge(machine, task, COST_ZERO_HUGE_PAGE);
}

static int thp_fault_new(struct mmsim_task *task, struct vm_area_struct *vma,
			 uintptr_t start, pte_t *pmd)
{
	struct page *head = thp_alloc_page(task, vma, start), *table;

	if (!head)
		return 0;
	table = pgtable_alloc_stock(vma->mm);
	if (!table) {
		page_put(task->machine, head);
		return -ENOMEM;
	}
	pgtable_deposit(vma->mm, start, table);
	thp_map_new(task, vma, start, pmd, head);
	return 1;
}

static int thp_fault_zero(struct vm_area_struct *vma, uintptr_t start,
			  pte_t *pmd)
{
	struct mmsim_machine *machine = vma->mm->machine;
	struct page *table = pgtable_alloc_stock(vma->mm);

	if (!table)
		return -ENOMEM;
	if (!thp_use_zero_page(vma->mm)) {
		pgtable_free_stock(vma->mm, table);
		count_vm_event(machine, THP_FAULT_FALLBACK);
		return 0;
	}
	pgtable_deposit(vma->mm, start, table);
	pmd_set(vma->mm, start, pmd,
		pte_of_page(machine, machine->thp.huge_zero_page,
			    thp_page_prot(vma) | PTE_SPECIAL));
	return 1;
}

int thp_fault_anonymous(struct mmsim_task *task, struct vm_area_struct *vma,
			uintptr_t addr, enum fault_access access)
{
	uintptr_t start = addr & PMD_MASK;
	pte_t *pmd;

	if (start < vma->start || start + PMD_SIZE > vma->end)
		return 0;
	if (anon_vma_prepare(vma))
		return -ENOMEM;
	pmd = pmd_find(vma->mm, addr);
	if (access != FAULT_WRITE && task->machine->thp.use_zero_page)
		return thp_fault_zero(vma, start, pmd);
	return thp_fault_new(task, vma, start, pmd);
}

/* A store to the huge zero page where that gets a huge page of its own. */
static bool thp_replace_zero(struct mmsim_task *task,
			     struct vm_area_struct *vma, uintptr_t start,
			     pte_t *pmd)
{
	struct page *head = thp_alloc_page(task, vma, start);

	if (!head)
		return false;
	thp_map_new(task, vma, start, pmd, head);
	return true;
}

int thp_fault_write(struct mmsim_task *task, struct vm_area_struct *vma,
		    uintptr_t addr)
{
	struct mmsim_machine *machine = task->machine;
	uintptr_t start = addr & PMD_MASK;
	pte_t *pmd = pmd_find(vma->mm, start);
	struct page *head = pte_page(machine, *pmd);

	if (!head) {
		if (machine->profile >= PROFILE_6_18 &&
		    thp_replace_zero(task, vma, start, pmd))
			return 1;
		return thp_split_pmd(vma, start);
	}
	if (!page_has(head, PG_anon_exclusive)) {
		if (head->refcount != 1)
			return thp_split_pmd(vma, start);
		page_move_anon_rmap(head, vma);
	}
	pmd_set(vma->mm, start, pmd,
		*pmd | PTE_RW | PTE_DIRTY | PTE_ACCESSED);
	return 1;
}

/* --- munmap, fork, mremap ------------------------------------------------------ */

void thp_zap(struct vm_area_struct *vma, uintptr_t addr, pte_t *pmd)
{
	struct mm_struct *mm = vma->mm;
	struct page *head = pte_page(mm->machine, *pmd);

	pte_store(mm, addr, pmd, 0);
	pgtable_free_stock(mm, pgtable_withdraw(mm, addr));
	if (!head)
		return;
	mm->rss[MM_ANONPAGES] -= HPAGE_PMD_NR;
	page_remove_rmap_huge(head, vma);
	page_put(mm->machine, head);
}

int thp_copy(struct mm_struct *dst, struct vm_area_struct *dst_vma,
	     struct vm_area_struct *src_vma, uintptr_t addr, pte_t *pmd)
{
	struct mmsim_machine *machine = dst->machine;
	pte_t *dst_pmd = pmd_alloc(dst, addr);
	struct page *head, *table;

	if (!dst_pmd)
		return -ENOMEM;
	table = pgtable_alloc_stock(dst);
	if (!table)
		return -ENOMEM;
	/* Reclaim may have split it for these tables. */
	if (!pmd_is_huge(*pmd)) {
		pgtable_free_stock(dst, table);
		return PGTABLE_AGAIN;
	}
	head = pte_page(machine, *pmd);
	/* It is there: the parent has it. */
	if (!head)
		thp_use_zero_page(dst);
	pgtable_deposit(dst, addr, table);
	if (head) {
		page_get(head);
		page_dup_rmap_huge(head, dst_vma);
		page_clear(head, PG_anon_exclusive);
		dst->rss[MM_ANONPAGES] += HPAGE_PMD_NR;
	}
	pte_store(src_vma->mm, addr, pmd, *pmd & ~(pte_t)PTE_RW);
	pte_store(dst, addr, dst_pmd, *pmd & ~(pte_t)PTE_ACCESSED);
	return 0;
}

void thp_move(struct mm_struct *mm, uintptr_t from, pte_t *src, uintptr_t to,
	      pte_t *dst)
{
	pte_t pmd = *src;

	pte_store(mm, from, src, 0);
	pgtable_deposit(mm, to, pgtable_withdraw(mm, from));
	pte_store(mm, to, dst, pmd | PTE_SOFT_DIRTY);
}
