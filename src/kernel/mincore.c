/*
 * mincore.c: which pages are in memory.
 *
 * A page is "in core" when it is mapped by this task; a page of a file or of
 * shared memory also when it is in the page cache, one on swap when it is in the
 * swap cache.  A task that is neither root nor the one who made the file nor has
 * it open for writing is told 1 for every page of it, so that the cache does not
 * tell what others read (5.2 and later).
 *
 * Source: mincore(2); experiments on 6.18.
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/swap.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <fcntl.h>

static bool mincore_may_know(const struct mmsim_task *task,
			     const struct vm_area_struct *vma)
{
	const struct inode *inode;

	if (vma_is_anonymous(vma) || task_is_root(task) ||
	    task->machine->profile < PROFILE_6_1)
		return true;
	inode = vma->mapping->host;
	return inode->place == PLACE_KERNEL || inode->uid == task->uid ||
	       (vma->file->flags & O_ACCMODE) != O_RDONLY;
}

/* In the page cache, or on swap and in the swap cache. */
static bool mincore_object_page(struct address_space *mapping, uint64_t index)
{
	void *entry = radix_find(&mapping->pages, index);

	if (!entry || !radix_is_value(entry))
		return entry;
	return mapping->is_shmem &&
	       swap_cache_find(mapping->machine,
			       (swp_entry_t){radix_to_value(entry)});
}

static unsigned char mincore_page(struct vm_area_struct *vma, uintptr_t addr)
{
	pte_t *pmd = pmd_find(vma->mm, addr), *pte;

	if (pmd && pmd_is_huge(*pmd))
		return 1;
	pte = pte_find(vma->mm, addr);
	if (pte && pte_is_present(*pte))
		return 1;
	if (pte && pte_is_swap(*pte))
		return swap_cache_find(vma->mm->machine,
				       pte_to_swp_entry(*pte)) != NULL;
	return !vma_is_anonymous(vma) &&
	       mincore_object_page(vma->mapping, vma_linear_index(vma, addr));
}

static int mincore_do(struct mmsim_task *task, uintptr_t addr, size_t len,
		      unsigned char *vec)
{
	struct mm_struct *mm = task->mm;
	uint64_t left;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (addr > mm->task_size || len > mm->task_size - addr)
		return -ENOMEM;
	if (!vec && len)
		return -EFAULT;
	for (left = PAGE_ALIGN(len) >> PAGE_SHIFT; left; left--) {
		struct vm_area_struct *vma = vma_lookup(mm, addr);

		if (!vma)
			return -ENOMEM;
		*vec++ = mincore_may_know(task, vma) ? mincore_page(vma, addr)
						     : 1;
		addr += PAGE_SIZE;
	}
	return 0;
}

PUBLIC int mmsim_mincore(struct mmsim_task *task, uintptr_t addr, size_t len,
			 unsigned char *vec)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, mincore_do(task, addr, len, vec));
}
