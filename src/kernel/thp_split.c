/*
 * thp_split.c: huge pages come apart, in two steps.
 *
 * First an entry: one huge entry becomes a table of 512 small ones (munmap or
 * mprotect of a part, a store to a shared page).  The page itself stays whole,
 * and other address spaces may still map it as a whole.
 *
 * Then the page: when some of its small pages are mapped nowhere any more they
 * are still kept, because the block is one; it waits in a queue.  When memory
 * is short the queue is worked off: blocks are split into 512 single pages, and
 * those that nobody maps are freed.
 *
 *   recorded: MADV_DONTNEED of one small page in each huge page takes 4 KiB
 *   off Rss each and all AnonHugePages (thp_split_pmd)
 *
 * Source: kernel documentation, mm/transhuge ("Partial unmap and deferred
 * split").
 */
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"

#include <errno.h>

/* --- entries --------------------------------------------------------------------- */

static void fill_small(struct mm_struct *mm, uintptr_t start,
		       struct page *table, struct page *head, pte_t bits)
{
	struct mmsim_machine *machine = mm->machine;
	pte_t *entries = pgtable_entries_of(table, 0);

	for (unsigned i = 0; i < HPAGE_PMD_NR; i++)
		pte_store(mm, start + i * PAGE_SIZE, &entries[i],
			  head ? pte_of_page(machine, head + i, bits) :
				 pte_of_page(machine, machine->zero_page,
					     bits));
}

int thp_split_pmd(struct vm_area_struct *vma, uintptr_t addr)
{
	struct mm_struct *mm = vma->mm;
	uintptr_t start = addr & PMD_MASK;
	pte_t *pmd = pmd_find(mm, start);
	pte_t huge = pmd ? *pmd : 0;
	struct page *head, *table;

	if (!pmd_is_huge(huge))
		return 0;
	head = pte_page(mm->machine, huge);
	table = pgtable_withdraw(mm, start);
	fill_small(mm, start, table, head,
		   huge & ~(PTE_PFN_MASK | (pte_t)PTE_PSE));
	pmd_populate(mm, start, pmd, table);
	if (head)
		page_split_rmap_huge(head, vma);
	count_vm_event(mm->machine, THP_SPLIT_PMD);
	return 0;
}

int thp_split_pmd_at_borders(struct vm_area_struct *vma, uintptr_t start,
			     uintptr_t end)
{
	uintptr_t borders[2] = { start, end };

	for (unsigned i = 0; i < 2; i++)
		if (!is_aligned(borders[i], PMD_SIZE) &&
		    thp_split_pmd(vma, borders[i]))
			return -ENOMEM;
	return 0;
}

/* --- pages ------------------------------------------------------------------------ */

/* A page of the block becomes a page for itself. */
static void split_off(struct mmsim_machine *machine, struct page *page,
		      uint64_t flags, void *mapping, uint64_t index,
		      bool on_lru)
{
	uint64_t dropped = PG_head | PG_tail |
			   (uint64_t)15 << PAGE_FLAGS_ORDER_SHIFT;

	page->flags = (page->flags & ~dropped) | flags;
	page->private = 0;
	page->refcount = page->mapcount;
	if (page->refcount == 0) {
		page_clear(page, PG_anon_exclusive);
		free_pages(machine, page, 0);
		return;
	}
	page->mapping = mapping;
	page->index = index;
	if (on_lru)
		lru_add(machine, page);
}

void thp_split_page(struct mmsim_machine *machine, struct page *head)
{
	uint64_t flags = head->flags &
			 (PG_anon | PG_swapbacked | PG_uptodate | PG_dirty |
			  PG_referenced | PG_active | PG_workingset);
	uint64_t index = head->index;
	bool on_lru = page_has(head, PG_lru);
	void *mapping = head->mapping;

	ASSERT(page_compound_mapcount(head) == 0 &&
	       head->refcount == page_total_mapcount(head));
	thp_forget_split(machine, head);
	if (on_lru)
		lru_del(machine, head);
	for (unsigned i = HPAGE_PMD_NR; i-- > 0;)
		split_off(machine, &head[i], flags, mapping, index + i, on_lru);
	count_vm_event(machine, THP_SPLIT_PAGE);
}

/* --- the queue ---------------------------------------------------------------------- */

static bool is_huge_page(const struct page *head)
{
	return page_has(head, PG_anon) && page_order(head) == HPAGE_PMD_ORDER;
}

void thp_defer_split(struct mmsim_machine *machine, struct page *head)
{
	struct thp *thp = &machine->thp;

	if (!list_is_empty(&head[2].lru))
		return;
	list_add_tail(&head[2].lru, &thp->split_queue);
	thp->split_queue_len++;
	count_vm_event(machine, THP_DEFERRED_SPLIT_PAGE);
}

void thp_forget_split(struct mmsim_machine *machine, struct page *head)
{
	if (!is_huge_page(head) || list_is_empty(&head[2].lru))
		return;
	list_del(&head[2].lru);
	machine->thp.split_queue_len--;
}

void thp_move_deferred(struct mmsim_machine *machine, struct page *head,
		       struct page *target)
{
	if (list_is_empty(&head[2].lru))
		return;
	list_add_tail(&target[2].lru, &head[2].lru);
	thp_forget_split(machine, head);
	machine->thp.split_queue_len++;
}

static uint64_t split_count(struct shrinker *shrinker)
{
	const struct thp *thp = shrinker->arg;

	return thp->split_queue_len;
}

static uint64_t split_scan(struct shrinker *shrinker, uint64_t nr)
{
	struct thp *thp = shrinker->arg;
	struct mmsim_machine *machine =
		container_of(thp, struct mmsim_machine, thp);
	uint64_t nr_split = 0;

	for (; nr > 0 && !list_is_empty(&thp->split_queue); nr--) {
		struct page *third =
			list_first(&thp->split_queue, struct page, lru);
		struct page *head = third - 2;

		/* Somebody else holds it: not now. */
		if (head->refcount != page_total_mapcount(head)) {
			thp_forget_split(machine, head);
			continue;
		}
		thp_split_page(machine, head);
		nr_split++;
	}
	return nr_split;
}

void thp_init_split(struct mmsim_machine *machine)
{
	struct shrinker *shrinker = &machine->thp.split_shrinker;

	shrinker->name = "thp-deferred_split";
	shrinker->count_objects = split_count;
	shrinker->scan_objects = split_scan;
	shrinker->arg = &machine->thp;
	shrinker_register(machine, shrinker);
}
