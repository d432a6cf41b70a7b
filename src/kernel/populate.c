/*
 * populate.c: faults that nobody's access caused: MAP_POPULATE, mlock,
 * MADV_POPULATE_.
 *
 * They are the same faults, and count as such (recordings: MAP_POPULATE of
 * 100 MiB, 25600 minor faults), but as minor ones of the task also when the disk
 * was asked (mlock of a file of 64 MiB: 1025); a page that is there already costs
 * none.
 * Private writable areas are written, so that their copies are made now and not
 * at the first store; shared and read-only ones are read.
 *
 * Sources: mmap(2), mlock(2), madvise(2).
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/vma.h"

#include <errno.h>

/* The entry allows the access already; *next is where to go on then. */
static bool page_is_ready(struct vm_area_struct *vma, uintptr_t addr,
			  bool write, uintptr_t *next)
{
	pte_t *entry = pte_find(vma->mm, addr);
	struct page *page;
	bool huge = false;

	if (!entry) {
		entry = pmd_find(vma->mm, addr);
		huge = entry && pmd_is_huge(*entry);
		if (!huge)
			return false;
	}
	if (!pte_is_present(*entry) || (write && !(*entry & PTE_RW)))
		return false;
	*next = huge ? (addr & PMD_MASK) + PMD_SIZE : addr + PAGE_SIZE;
	page = pte_page(vma->mm->machine, *entry);
	if (page) {
		page_get(page);
		if (write && !(*entry & PTE_DIRTY))
			set_page_dirty(page);
		mark_page_accessed(vma->mm->machine, page);
		page_put(vma->mm->machine, page);
	}
	return true;
}

int fault_in_page(struct mmsim_task *task, struct vm_area_struct *vma,
		  uintptr_t addr, bool write)
{
	uintptr_t next;
	int result = 0;

	while (!result && !page_is_ready(vma, addr, write, &next))
		result = handle_mm_fault(task, vma, addr,
					 write ? FAULT_WRITE : FAULT_READ,
					 true);
	return result;
}

/* Pages of [start, end) of one area. */
static int populate_vma(struct mmsim_task *task, struct vm_area_struct *vma,
			uintptr_t start, uintptr_t end, bool write)
{
	enum fault_access access = write ? FAULT_WRITE : FAULT_READ;

	while (start < end) {
		uintptr_t next;
		int result;

		if (page_is_ready(vma, start, write, &next)) {
			start = next;
			continue;
		}
		result = handle_mm_fault(task, vma, start, access, true);
		if (result)
			return result;
	}
	return 0;
}

int populate_range(struct mmsim_task *task, uintptr_t start, uintptr_t end,
		   bool write)
{
	vm_flags_t needs = write ? VM_WRITE : VM_READ;

	while (start < end) {
		struct vm_area_struct *vma = vma_lookup(task->mm, start);
		uintptr_t border;
		int result;

		if (!vma)
			return -ENOMEM;
		if ((vma->flags & (VM_IO | VM_PFNMAP)) || !(vma->flags & needs))
			return -EINVAL;
		border = min_size(vma->end, end);
		result = populate_vma(task, vma, start, border, write);
		if (result)
			return result;
		start = border;
	}
	return 0;
}

/* mlock's rule for one area: what a private writable area has is made its own;
 * an area that allows no access at all cannot be read either. */
static int mlock_populate_vma(struct mmsim_task *task,
			      struct vm_area_struct *vma, uintptr_t start,
			      uintptr_t end)
{
	bool write = (vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

	if (vma->flags & VM_LOCKONFAULT)
		return 0;
	if (!(vma->flags & VM_ACCESS_FLAGS))
		return -EFAULT;
	return populate_vma(task, vma, start, end, write);
}

int mlock_populate_range(struct mmsim_task *task, uintptr_t start,
			 uintptr_t end)
{
	int first_error = 0;

	while (start < end) {
		struct vm_area_struct *vma = vma_find(task->mm, start);
		uintptr_t border;
		int result = 0;

		if (!vma || vma->start >= end)
			break;
		start = max_size(start, vma->start);
		border = min_size(vma->end, end);
		if (!(vma->flags & (VM_IO | VM_PFNMAP)))
			result = mlock_populate_vma(task, vma, start, border);
		if (result == -ENOMEM)
			return result;
		if (!first_error)
			first_error = result;
		start = border;
	}
	return first_error;
}
