/*
 * cow.c: a store to a page that is mapped read-only in a writable area.
 *
 *   the zero page                 a page of zeros takes its place
 *   a page of a private file      a copy; the cache keeps the page
 *   anonymous, only this address  the entry becomes writable: reused
 *   space has it
 *   anonymous, shared             a copy; the others keep the page
 *   shared area of a file         noticed: the page is dirty from now on
 *
 * Who is the last owner?  A page that was never shared says so itself
 * (PG_anon_exclusive).  After a fork both sides have lost that mark, and the
 * number of references decides: one, the entry's own, and the page is reused
 * without a copy (pgreuse).  So of two processes that share a page the first to
 * write copies and the second does not; in the swap cache it must be the last to
 * need the slot, too.  A page that is part of a huge one has
 * only the references of the whole, and is copied when there is more than one.
 *
 * Source: recordings of fork (8192 faults, no copy, pgreuse 8192).
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/swap.h"
#include "kernel/writeback.h"

#include <errno.h>

static int cow_reuse(struct vm_fault *fault, pte_t *entry)
{
	count_vm_event(fault->machine, PGREUSE);
	pte_set(fault->mm, fault->addr, entry,
		*entry | PTE_RW | PTE_DIRTY | PTE_ACCESSED);
	return 0;
}

/* The page leaves this address space; a copy took its place. */
static void cow_drop(struct vm_fault *fault, struct page *page)
{
	fault->mm->rss[page_rss_kind(page)]--;
	page_remove_rmap(page, fault->vma);
	if (page_has(page, PG_swapcache) && page->mapcount == 0)
		swap_try_to_free(fault->machine, page);
	page_put(fault->machine, page);
}

/* A page for the copy, with the content of `page`; NULL: no memory. */
static struct page *cow_make_copy(struct vm_fault *fault, struct page *page)
{
	struct page *copy;

	if (anon_vma_prepare(fault->vma))
		return NULL;
	copy = fault_alloc_page(fault);
	if (copy && page && page_content_copy(fault->machine, copy, page)) {
		page_put(fault->machine, copy);
		return NULL;
	}
	fault->cost += page ? COST_COPY_PAGE : COST_ZERO_PAGE;
	return copy;
}

static int cow_copy(struct vm_fault *fault, pte_t *entry)
{
	struct page *page = pte_page(fault->machine, *entry), *copy;
	pte_t old = *entry;
	int result = 0;

	if (page)
		page_get(page);
	copy = cow_make_copy(fault, page);
	if (!copy) {
		result = -ENOMEM;
	} else if (*entry != old) {
		/* the page was reclaimed meanwhile: the store is tried again */
		page_put(fault->machine, copy);
	} else {
		fault_map_new_anon(fault, entry, copy);
		if (page)
			cow_drop(fault, page);
	}
	if (page)
		page_put(fault->machine, page);
	return result;
}

static bool cow_is_last_owner(struct mmsim_machine *machine, struct page *page)
{
	struct page *head = page_head(page);

	if (head->refcount == 1 + !!page_has(head, PG_swapcache))
		swap_try_to_free(machine, head);
	return head->refcount == 1;
}

/* Memory is needed to note that the page is dirty: it may have been written, or
 * be gone, by then.  The store is tried again in that case. */
static int cow_shared(struct vm_fault *fault, pte_t *entry, struct page *page)
{
	pte_t old = *entry;
	int err;

	page_get(page);
	err = filemap_make_writable(page);
	if (!err && *entry == old)
		cow_reuse(fault, entry);
	page_put(fault->machine, page);
	if (!err)
		balance_dirty_pages(fault->machine);
	return err;
}

int fault_write_protected(struct vm_fault *fault, pte_t *entry)
{
	struct page *page = pte_page(fault->machine, *entry);

	if (fault->vma->flags & VM_SHARED)
		return cow_shared(fault, entry, page);
	if (!page || !page_is_anon(page))
		return cow_copy(fault, entry);
	if (!page_has(page, PG_anon_exclusive)) {
		if (!cow_is_last_owner(fault->machine, page))
			return cow_copy(fault, entry);
		page_move_anon_rmap(page, fault->vma);
	}
	return cow_reuse(fault, entry);
}
