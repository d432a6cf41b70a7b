/*
 * fault_file.c: faults in areas with a file or a shared object behind them.
 *
 *   read          the page of the cache is mapped, and with it those of the 16
 *                 pages around it that are in the cache already; but not one
 *                 with PG_readahead, whose use must be noticed, and of a
 *                 System V segment only the page itself
 *   private write a copy; the cache's page is not mapped
 *   shared write  the page of the cache, writable and dirty
 *
 * A shared area of tmpfs or of anonymous memory is mapped writable at once,
 * also by a read: nobody has to know when it gets dirty.  For a file on disk
 * the first store of each page must be noticed, for write-back: it is mapped
 * read-only, and the store faults (cow.c).
 *
 * Behind the end of the file: SIGBUS.
 *
 * A fault for which the disk was asked lets go of the address space and is
 * served a second time: it counts twice in pgfault, and as a major one of the
 * task, also when only the next window was asked for.
 *
 * Sources: mmap(2); experiments on 6.18 (segments, ends of files); recordings
 * (16384 pages of a cached file in 1024 faults, of one on the disk in 513 major
 * and 512 minor ones; 16384 faults when a child writes a shared anonymous
 * mapping).
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/shm.h"
#include "kernel/writeback.h"

#include <errno.h>

enum { FAULT_AROUND_PAGES = 16 };

/* The entry takes over a reference. */
static void map_object_page(struct vm_fault *fault, uintptr_t addr,
			    pte_t *entry, struct page *page, pte_t bits)
{
	fault->mm->rss[page_rss_kind(page)]++;
	page_add_file_rmap(page, fault->vma);
	pte_set(fault->mm, addr, entry,
		pte_of_page(fault->machine, page,
			    vma_page_prot(fault->vma) | bits));
}

/* The 64 KiB around, as far as they are in the area and in one table. */
static void around_range(const struct vm_fault *fault, uintptr_t *start,
			 uintptr_t *end)
{
	const struct vm_area_struct *vma = fault->vma;
	uintptr_t border = (fault->addr & PMD_MASK) + PMD_SIZE;

	*start = fault->addr & ~(FAULT_AROUND_PAGES * PAGE_SIZE - 1);
	if (*start < vma->start)
		*start = vma->start;
	*end = *start + FAULT_AROUND_PAGES * PAGE_SIZE;
	if (*end > vma->end)
		*end = vma->end;
	if (border && *end > border)
		*end = border;
}

/* The page for this address, if it may be mapped beside another one.  The two
 * marks are one in Linux, so those that reclaim or drop_caches made the next to
 * go are not mapped by the way either (recorded: tmpfs after drop_caches). */
static struct page *around_page(const struct vm_area_struct *vma,
				uintptr_t addr)
{
	struct page *page =
		filemap_find(vma->mapping, vma_linear_index(vma, addr));

	return page && !page_has(page, PG_readahead | PG_reclaim) ? page : NULL;
}

/* Where the first such page is, or `end`.  A new table is not made for nothing,
 * and in 6.18 not for the last page of a file on disk. */
static uintptr_t around_first(const struct vm_fault *fault, uintptr_t start,
			      uintptr_t end)
{
	const struct vm_area_struct *vma = fault->vma;
	uint64_t nr_pages =
		(vma->mapping->host->size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (shm_of_area(vma))
		return end;
	while (start < end && !around_page(vma, start))
		start += PAGE_SIZE;
	if (start < end && fault->machine->profile >= PROFILE_6_18 &&
	    !vma->mapping->is_shmem && !pte_find(fault->mm, start) &&
	    vma_linear_index(vma, start) + 1 == nr_pages)
		return end;
	return start;
}

/* Maps what the cache has of it; true: also the page asked for. */
static bool fault_around(struct vm_fault *fault)
{
	struct vm_area_struct *vma = fault->vma;
	struct file_ra_state *ra = &vma->file->ra;
	uintptr_t start, end;
	bool found = false;
	pte_t *entry;

	around_range(fault, &start, &end);
	start = around_first(fault, start, end);
	if (start == end)
		return false;
	entry = pte_alloc(fault->mm, start);
	if (!entry)
		return false;
	for (uintptr_t addr = start; addr < end; addr += PAGE_SIZE, entry++) {
		struct page *page = around_page(vma, addr);

		if (!page)
			continue;
		if (ra->mmap_miss > 0)
			ra->mmap_miss--;
		if (pte_is_none(*entry)) {
			page_get(page);
			map_object_page(fault, addr, entry, page, 0);
		}
		found |= addr == fault->addr;
	}
	return found;
}

static int fault_read(struct vm_fault *fault)
{
	struct page *page;
	pte_t *entry;
	int result;

	if (fault_around(fault))
		return 0;
	result = filemap_fault(fault, &page);
	if (result)
		return result;
	/* what came with the page is mapped as well */
	if (fault->retried && fault_around(fault)) {
		page_put(fault->machine, page);
		return 0;
	}
	entry = pte_alloc(fault->mm, fault->addr);
	if (!entry) {
		page_put(fault->machine, page);
		return -ENOMEM;
	}
	map_object_page(fault, fault->addr, entry, page, 0);
	return 0;
}

static int fault_private_write(struct vm_fault *fault)
{
	struct page *page, *copy;
	pte_t *entry;
	int result;

	if (anon_vma_prepare(fault->vma))
		return -ENOMEM;
	copy = fault_alloc_page(fault);
	if (!copy)
		return -ENOMEM;
	result = filemap_fault(fault, &page);
	if (result)
		goto out_copy;
	result = page_content_copy(fault->machine, copy, page);
	page_put(fault->machine, page);
	if (result)
		goto out_copy;
	result = -ENOMEM;
	entry = pte_alloc(fault->mm, fault->addr);
	if (!entry)
		goto out_copy;
	fault->cost += COST_COPY_PAGE;
	fault_map_new_anon(fault, entry, copy);
	return 0;

out_copy:
	page_put(fault->machine, copy);
	return result;
}

/* Nothing may take memory between the page's getting dirty and its entry: it
 * could be written, and the store would not be noticed. */
static int fault_shared_write(struct vm_fault *fault)
{
	struct page *page;
	pte_t *entry;
	int result = filemap_fault(fault, &page);

	if (result)
		return result;
	entry = pte_alloc(fault->mm, fault->addr);
	result = entry ? filemap_make_writable(page) : -ENOMEM;
	if (result) {
		page_put(fault->machine, page);
		return result;
	}
	map_object_page(fault, fault->addr, entry, page, PTE_RW | PTE_DIRTY);
	balance_dirty_pages(fault->machine);
	return 0;
}

int fault_file(struct vm_fault *fault)
{
	if (!fault->write)
		return fault_read(fault);
	return fault->vma->flags & VM_SHARED ? fault_shared_write(fault)
					     : fault_private_write(fault);
}
