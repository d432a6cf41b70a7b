/*
 * munmap.c: taking areas away.
 *
 * The areas at the two borders are cut first, so that whole areas remain to be
 * unmapped:
 *
 *      start                end
 *        v                   v
 *   [ a  |  ] [    b    ] [  |  c ]    ->   [ a ]              [ c ]
 *
 * A hole in the middle of one area makes two of it; at vm.max_map_count that
 * is refused.  Any other munmap makes no more areas than there were and is
 * allowed even there.
 *
 * Page tables go with the pages, when no neighbour uses them any more.
 *
 * Source: munmap(2); recordings of 6.1.
 */
#include "kernel/commit.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>

int munmap_cut_borders(struct mm_struct *mm, uintptr_t start, uintptr_t end)
{
	struct vm_area_struct *vma = vma_find_intersection(mm, start, end);
	int err;

	if (!vma)
		return 0;
	if (start > vma->start) {
		err = end < vma->end
			      ? vma_split(vma, start, false, &vma)
			      : vma_split_unlimited(vma, start, false, &vma);
		if (err)
			return err;
	}
	vma = vma_lookup(mm, end - 1);
	if (vma && vma->end > end)
		return vma_split_unlimited(vma, end, true, NULL);
	return 0;
}

uint64_t munmap_whole_areas(struct mm_struct *mm, uintptr_t start,
			    uintptr_t end)
{
	struct vm_area_struct *vma = vma_find_intersection(mm, start, end);
	struct vm_area_struct *prev = vma ? vma_prev(vma) : NULL, *next;
	uint64_t nr_charged = 0;

	if (!vma)
		return 0;
	do {
		uint64_t nr_pages = vma_pages(vma);

		ASSERT(vma->start >= start && vma->end <= end);
		next = vma_next(vma);
		if (vma->flags & VM_ACCOUNT)
			nr_charged += nr_pages;
		if (vma->flags & VM_LOCKED)
			mm->locked_vm -= nr_pages;
		vm_stat_account(mm, vma->flags, -(int64_t)nr_pages);
		zap_page_range(vma, vma->start, vma->end);
		vma_remove(vma);
		vma_free(vma);
		vma = next;
	} while (vma && vma->start < end);
	pgtable_free_range(mm, start, end, prev ? prev->end : 0,
			   vma ? vma->start : mm->task_size + PAGE_SIZE);
	return nr_charged;
}

int do_munmap(struct mm_struct *mm, uintptr_t start, size_t len)
{
	uintptr_t end;
	int err;

	if ((start & ~PAGE_MASK) || start > mm->task_size ||
	    len > mm->task_size - start)
		return -EINVAL;
	end = start + PAGE_ALIGN(len);
	if (end == start)
		return -EINVAL;
	err = munmap_cut_borders(mm, start, end);
	if (err)
		return err;
	commit_uncharge(mm->machine, munmap_whole_areas(mm, start, end));
	return 0;
}

PUBLIC int mmsim_munmap(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	err = do_munmap(task->mm, addr, len);
	return (int)syscall_leave(task, err);
}
