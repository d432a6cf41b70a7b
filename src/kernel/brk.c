/*
 * brk.c: the heap that grows behind the program.
 *
 *   bss | start_brk ... brk | one free page at least | next mapping
 *
 * The break is kept to the byte, the area to the page.  Growing needs a free
 * page between the new break and whatever is mapped next (and a stack's guard
 * gap), room under RLIMIT_DATA and RLIMIT_AS, and the promise.  The first heap
 * is an area of its own, beside the bss; later growth extends it as long as it
 * is still plain data.  When anything is in the way the break stays where it
 * is, and that is what the call returns.
 *
 * Sources: brk(2); recordings of 6.1.
 */
#include "kernel/commit.h"
#include "kernel/mlock.h"
#include "kernel/machine.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/resource.h>

static bool brk_is_within_rlimit(const struct mmsim_task *task, uintptr_t brk)
{
	const struct mm_struct *mm = task->mm;
	uint64_t limit = task_rlimit(task, RLIMIT_DATA);

	if (limit == RLIM_INFINITY ||
	    (brk - mm->start_brk) + (mm->end_data - mm->start_data) <= limit)
		return true;
	machine_refuse(mm->machine, REFUSAL_RLIMIT_DATA);
	return false;
}

/* What is mapped next is in the way, or the address space ends. */
static int brk_has_no_room(struct mm_struct *mm)
{
	machine_refuse(mm->machine, REFUSAL_ADDRESS_SPACE);
	return -ENOMEM;
}

/* [start, end) joins the heap in front of it, or becomes an area. */
static int brk_map(struct mm_struct *mm, uintptr_t start, uintptr_t end,
		   vm_flags_t flags)
{
	struct vm_area_struct *prev = vma_lookup(mm, start - 1), *vma;
	struct vma_merge merge = {
		.mm = mm,
		/* The bss is in front of the first heap, and no part of it. */
		.prev = prev && prev->end > mm->start_brk ? prev : NULL,
		.start = start,
		.end = end,
		.flags = flags,
		.pgoff = start >> PAGE_SHIFT,
	};

	vma = vma_merge_new(&merge);
	if (!vma) {
		vma = vma_alloc(mm);
		if (!vma)
			return -ENOMEM;
		vma->start = start;
		vma->end = end;
		vma->flags = flags;
		vma->pgoff = merge.pgoff;
		vma_insert(mm, vma);
	}
	vma->flags |= VM_SOFTDIRTY;
	return 0;
}

static int brk_grow(struct mmsim_task *task, uintptr_t start, uintptr_t end)
{
	struct mm_struct *mm = task->mm;
	uint64_t nr_pages = (end - start) >> PAGE_SHIFT;
	vm_flags_t flags = mm->def_flags | VM_READ | VM_WRITE | VM_MAYREAD |
			   VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT;
	struct vm_area_struct *next = vma_find(mm, start);

	if (end > mm->mmap_end || end < start)
		return brk_has_no_room(mm);
	if (!mlock_future_is_allowed(task, mm->def_flags, end - start))
		return -EAGAIN;
	if (next && end + PAGE_SIZE > vma_start_gap(next))
		return brk_has_no_room(mm);
	if (!may_expand_vm(task, flags, nr_pages))
		return -ENOMEM;
	if (mm->map_count > (uint64_t)mm->machine->vm.max_map_count) {
		machine_refuse(mm->machine, REFUSAL_MAX_MAP_COUNT);
		return -ENOMEM;
	}
	if (commit_charge(task, nr_pages))
		return -ENOMEM;
	if (brk_map(mm, start, end, flags)) {
		commit_uncharge(mm->machine, nr_pages);
		return -ENOMEM;
	}
	vm_stat_account(mm, flags, (int64_t)nr_pages);
	if (flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	return 0;
}

static int brk_shrink(struct mm_struct *mm, uintptr_t new_end, uintptr_t old_end)
{
	struct vm_area_struct *vma = vma_find(mm, new_end);

	/* What was the heap there is gone already. */
	if (!vma || vma->start >= old_end)
		return -EINVAL;
	return do_munmap(mm, new_end, old_end - new_end);
}

static void brk_do(struct mmsim_task *task, uintptr_t brk)
{
	struct mm_struct *mm = task->mm;
	uintptr_t old_end = PAGE_ALIGN(mm->brk), new_end = PAGE_ALIGN(brk);
	int err = 0;

	if (brk > mm->mmap_end)
		brk_has_no_room(mm);
	if (brk < mm->start_brk || brk > mm->mmap_end ||
	    !brk_is_within_rlimit(task, brk))
		return;
	if (new_end < old_end)
		err = brk_shrink(mm, new_end, old_end);
	else if (new_end > old_end)
		err = brk_grow(task, old_end, new_end);
	if (err)
		return;
	mm->brk = brk;
	if (new_end > old_end && (mm->def_flags & VM_LOCKED))
		mlock_populate(task, old_end, new_end, true);
}

PUBLIC intptr_t mmsim_brk(struct mmsim_task *task, uintptr_t brk)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	brk_do(task, brk);
	if (syscall_is_killed(task))
		return syscall_leave(task, -ESRCH);
	return syscall_leave(task, (intptr_t)task->mm->brk);
}
