/*
 * fault_file.c: faults in areas with a file or a shared object behind them.
 *
 *   read          the page of the cache is mapped, and with it those of the 16
 *                 pages around it that are in the cache already
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
 * Sources: mmap(2); recordings (16384 pages of a cached file in 1024 faults;
 * 16384 faults when a child writes a shared anonymous mapping).
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/machine.h"

#include <errno.h>

enum { FAULT_AROUND_PAGES = 16 };

/* The page, with a reference for the caller. */
static int object_get_page(struct vm_fault *fault, struct page **page)
{
	struct address_space *mapping = fault->vma->mapping;
	uint64_t index = vma_linear_index(fault->vma, fault->addr);

	if (mapping->is_shmem)
		return shmem_get_page(fault->task, mapping, index, page,
				      &fault->major);
	return filemap_get_page(fault->task, fault->vma->file, mapping, index,
				page, &fault->major);
}

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

/* Maps what the cache has of the 64 KiB around; true: also the page asked. */
static bool fault_around(struct vm_fault *fault)
{
	struct vm_area_struct *vma = fault->vma;
	uintptr_t start = fault->addr &
			  ~(FAULT_AROUND_PAGES * PAGE_SIZE - 1);
	uintptr_t end, border = (fault->addr & PMD_MASK) + PMD_SIZE;
	bool found = false;

	if (start < vma->start)
		start = vma->start;
	end = start + FAULT_AROUND_PAGES * PAGE_SIZE;
	if (end > vma->end)
		end = vma->end;
	if (border && end > border)
		end = border;
	for (uintptr_t addr = start; addr < end; addr += PAGE_SIZE) {
		struct page *page = filemap_find(vma->mapping,
						 vma_linear_index(vma, addr));
		pte_t *entry;

		if (!page || page_has(page, PG_readahead))
			continue;
		entry = pte_alloc(fault->mm, addr);
		if (!entry)
			return false;
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
	result = object_get_page(fault, &page);
	if (result)
		return result;
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
	result = object_get_page(fault, &page);
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

static int fault_shared_write(struct vm_fault *fault)
{
	struct page *page;
	pte_t *entry;
	int result = object_get_page(fault, &page);

	if (result)
		return result;
	entry = pte_alloc(fault->mm, fault->addr);
	if (!entry) {
		page_put(fault->machine, page);
		return -ENOMEM;
	}
	map_object_page(fault, fault->addr, entry, page, PTE_RW | PTE_DIRTY);
	set_page_dirty(page);
	return 0;
}

int fault_file(struct vm_fault *fault)
{
	if (!fault->write)
		return fault_read(fault);
	return fault->vma->flags & VM_SHARED ? fault_shared_write(fault) :
					       fault_private_write(fault);
}
