/*
 * rmap.c: how often a page is mapped, and where.
 *
 * The books: each entry that maps a page is counted in its mapcount, and the
 * first one adds the page to NR_ANON_MAPPED (AnonPages) or NR_FILE_MAPPED
 * (Mapped), the last one takes it off again.  A page of an area that is locked
 * is mlocked as long as one such area maps it.
 *
 * PG_anon_exclusive says that only one address space has the page, so that a
 * store may go to it without a copy: set for a new page, cleared when fork
 * shares it, set again when the last owner keeps it.
 *
 * The walk: the areas that may map a page follow from its mapping, the address
 * in each from the page's index, and the entry there is compared with the
 * page: areas that have got something else there meanwhile are passed over.  An
 * anonymous page that nobody maps (in the swap cache) may have outlived its
 * anon_vma and is not looked for.
 *
 * Source: kernel documentation, mm/transhuge (mapcounts), mm/unevictable-lru.
 */
#include "kernel/rmap.h"

#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"

static bool vma_is_locked(const struct vm_area_struct *vma)
{
	return (vma->flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED;
}

static void mapped_add(struct mmsim_machine *machine, struct page *page,
		       int64_t nr)
{
	node_stat_add(machine_node_of(machine, page),
		      page_is_anon(page) ? NR_ANON_MAPPED : NR_FILE_MAPPED, nr);
}

/* An entry for a small page of a huge one locks nothing, as in Linux. */
static void mlock_mapped(struct page *page, struct vm_area_struct *vma)
{
	if (UNLIKELY(vma_is_locked(vma)) && !page_has(page, PG_head | PG_tail))
		mlock_page(vma->mm->machine, page);
}

void page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma,
			    uintptr_t addr)
{
	ASSERT(page->mapcount == 0 && vma->anon_vma);
	page_set(page, PG_anon | PG_swapbacked | PG_anon_exclusive |
			       PG_uptodate);
	page->mapping = vma->anon_vma;
	page->index = vma_linear_index(vma, addr);
	page->mapcount = 1;
	mapped_add(vma->mm->machine, page, 1);
	mlock_mapped(page, vma);
}

void page_add_new_anon_rmap_huge(struct page *head, struct vm_area_struct *vma,
				 uintptr_t addr)
{
	struct mmsim_machine *machine = vma->mm->machine;

	page_set(head, PG_anon | PG_swapbacked | PG_anon_exclusive |
			       PG_uptodate);
	head->mapping = vma->anon_vma;
	head->index = vma_linear_index(vma, addr);
	head[1].index = 1;
	mapped_add(machine, head, HPAGE_PMD_NR);
	node_stat_add(machine_node_of(machine, head), NR_ANON_THPS, 1);
	if (vma_is_locked(vma))
		mlock_page(machine, head);
}

void page_add_anon_rmap(struct page *page, struct vm_area_struct *vma,
			uintptr_t addr, bool exclusive)
{
	if (!page_is_anon(page)) {
		const struct anon_vma *own = vma->anon_vma;

		/* The others who had it look in the root's areas, too. */
		page->mapping = exclusive ? vma->anon_vma : own->root;
		page->index = vma_linear_index(vma, addr);
		page_set(page, PG_anon);
	}
	if (exclusive)
		page_set(page, PG_anon_exclusive);
	page_dup_rmap(page, vma);
	mlock_mapped(page, vma);
}

void page_add_file_rmap(struct page *page, struct vm_area_struct *vma)
{
	page_dup_rmap(page, vma);
	mlock_mapped(page, vma);
}

void page_dup_rmap(struct page *page, struct vm_area_struct *vma)
{
	if (page_mapcount(page) == 0)
		mapped_add(vma->mm->machine, page, 1);
	page->mapcount++;
}

void page_dup_rmap_huge(struct page *head, struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;

	if (page_compound_mapcount(head) == 0) {
		int64_t fresh = 0;

		for (unsigned i = 0; i < HPAGE_PMD_NR; i++)
			fresh += head[i].mapcount == 0;
		mapped_add(machine, head, fresh);
		node_stat_add(machine_node_of(machine, head), NR_ANON_THPS, 1);
	}
	head[1].index++;
}

void page_move_anon_rmap(struct page *page, struct vm_area_struct *vma)
{
	page_head(page)->mapping = vma->anon_vma;
	page_set(page, PG_anon_exclusive);
}

/* Looks for another locked area that maps the page. */
static bool seek_locked(struct rmap_walk *walk, struct vm_area_struct *vma,
			uintptr_t addr, pte_t *entry, bool huge)
{
	(void)addr;
	(void)entry;
	(void)huge;
	if (!vma_is_locked(vma) || vma == walk->arg)
		return true;
	walk->arg = NULL;
	return false;
}

static void munlock_unmapped(struct page *page, struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;
	struct rmap_walk walk = { .visit = seek_locked, .arg = vma };

	if (!page_has(page, PG_mlocked))
		return;
	if (page_total_mapcount(page) != 0) {
		rmap_walk(machine, page, &walk);
		if (!walk.arg)
			return;
	}
	munlock_page(machine, page);
}

void page_remove_rmap(struct page *page, struct vm_area_struct *vma)
{
	ASSERT(page->mapcount > 0);
	page->mapcount--;
	if (page_mapcount(page) == 0) {
		mapped_add(vma->mm->machine, page, -1);
		if (page_has(page, PG_head | PG_tail))
			thp_defer_split(vma->mm->machine, page_head(page));
	}
	if (UNLIKELY(vma_is_locked(vma)))
		munlock_unmapped(page_head(page), vma);
}

void page_remove_rmap_huge(struct page *head, struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;
	int64_t gone = 0;

	ASSERT(page_compound_mapcount(head) > 0);
	if (--head[1].index == 0) {
		for (unsigned i = 0; i < HPAGE_PMD_NR; i++)
			gone += head[i].mapcount == 0;
		mapped_add(machine, head, -gone);
		node_stat_add(machine_node_of(machine, head), NR_ANON_THPS, -1);
		if (gone && gone < HPAGE_PMD_NR)
			thp_defer_split(machine, head);
	}
	if (vma_is_locked(vma))
		munlock_unmapped(head, vma);
}

void page_split_rmap_huge(struct page *head, struct vm_area_struct *vma)
{
	bool exclusive = page_has(head, PG_anon_exclusive);

	/* Each small entry holds a reference of its own; the huge one's goes. */
	head->refcount += HPAGE_PMD_NR;
	for (unsigned i = 0; i < HPAGE_PMD_NR; i++) {
		head[i].mapcount++;
		if (exclusive)
			page_set(&head[i], PG_anon_exclusive);
	}
	page_remove_rmap_huge(head, vma);
	head->refcount--;
}

int page_total_mapcount(const struct page *page)
{
	const struct page *head =
		page_has(page, PG_tail) ? page - page->private : page;
	int total = page_compound_mapcount(head);

	if (!page_has(head, PG_head))
		return page->mapcount;
	for (unsigned i = 0; i < page_nr(head); i++)
		total += head[i].mapcount;
	return total;
}

/* --- the walk ---------------------------------------------------------------- */

/* True: go on. */
static bool visit_area(struct rmap_walk *walk, struct vm_area_struct *vma,
		       struct page *page)
{
	struct mmsim_machine *machine = vma->mm->machine;
	uint64_t index = page_index(page);
	uintptr_t addr;
	pte_t *entry;

	if (index < vma->pgoff || index - vma->pgoff >= vma_pages(vma))
		return true;
	addr = vma->start + ((index - vma->pgoff) << PAGE_SHIFT);
	if (page_has(page, PG_head | PG_tail)) {
		entry = pmd_find(vma->mm, addr);
		if (entry && pmd_is_huge(*entry)) {
			if (pte_page(machine, *entry) != page_head(page))
				return true;
			return walk->visit(walk, vma, addr & PMD_MASK, entry,
					   true);
		}
	}
	entry = pte_find(vma->mm, addr);
	if (!entry || !pte_is_present(*entry) ||
	    pte_page(machine, *entry) != page)
		return true;
	return walk->visit(walk, vma, addr, entry, false);
}

static void walk_anon(struct rmap_walk *walk, struct page *page)
{
	const struct anon_vma *anon_vma = page_head(page)->mapping;
	uint64_t index = page_index(page);
	struct anon_vma_chain *avc = anon_vma_find(anon_vma, index);

	while (avc) {
		struct anon_vma_chain *next = anon_vma_find_next(avc, index);

		if (!visit_area(walk, avc->vma, page))
			return;
		avc = next;
	}
}

static void walk_file(struct rmap_walk *walk, struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct vm_area_struct *vma, *next;

	list_for_each_safe(vma, next, &mapping->vmas, mapping_link)
		if (!visit_area(walk, vma, page))
			return;
}

void rmap_walk(struct mmsim_machine *machine, struct page *page,
	       struct rmap_walk *walk)
{
	(void)machine;
	if (!page_head(page)->mapping)
		return;
	if (!page_is_anon(page))
		walk_file(walk, page);
	else if (page_mapcount(page) > 0)
		walk_anon(walk, page);
}
