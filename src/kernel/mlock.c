/*
 * mlock.c: memory that stays in RAM.
 *
 * An area with VM_LOCKED keeps its pages; locking it faults them in, and its
 * size counts against RLIMIT_MEMLOCK (root is not limited; with a limit of 0
 * nobody else may lock at all).  With VM_LOCKONFAULT besides (MLOCK_ONFAULT)
 * pages are locked as they are touched (4.4 and later).
 *
 *   mlock       every area of the range gets the flag, up to a hole (-ENOMEM);
 *               then the pages are faulted in
 *   mlockall    MCL_CURRENT: all areas; MCL_FUTURE: mm->def_flags, which new
 *               areas start with
 *   munlock     the flag goes; the pages stay, and may be reclaimed again
 *
 * Locks do not nest, and are not inherited by fork.
 *
 * Sources: mlock(2); recordings of 6.1.
 */
#include "kernel/mlock.h"
#include "kernel/fault.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/resource.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 0x01
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

bool mlock_is_allowed(const struct mmsim_task *task)
{
	return task_rlimit(task, RLIMIT_MEMLOCK) || task_is_root(task);
}

static bool mlock_is_within_limit(const struct mmsim_task *task,
				  uint64_t nr_pages)
{
	return nr_pages <= task_rlimit(task, RLIMIT_MEMLOCK) >> PAGE_SHIFT ||
	       task_is_root(task);
}

bool mlock_future_is_allowed(const struct mmsim_task *task, vm_flags_t flags,
			     size_t len)
{
	if (!(flags & VM_LOCKED))
		return true;
	return mlock_is_within_limit(task, (len >> PAGE_SHIFT) +
						   task->mm->locked_vm);
}

int mlock_populate(struct mmsim_task *task, uintptr_t start, uintptr_t end,
		   bool ignore_errors)
{
	while (start < end && !syscall_is_killed(task)) {
		struct vm_area_struct *vma =
			vma_find_intersection(task->mm, start, end);
		uintptr_t to;
		int err = 0;

		if (!vma)
			return 0;
		if (start < vma->start)
			start = vma->start;
		to = vma->end < end ? vma->end : end;
		if (!(vma->flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT)))
			err = mlock_populate_range(task, start, to);
		if (err && !ignore_errors)
			return err;
		start = to;
	}
	return 0;
}

/* --- pages that are present already ------------------------------------------- */

static int mlock_visit(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	struct mmsim_machine *machine = walk->mm->machine;
	struct page *page;

	(void)addr;
	if (!pte_is_present(*entry) || (*entry & PTE_SPECIAL))
		return 0;
	page = page_from_pfn(machine, pte_pfn(*entry));
	/* A huge page that is mapped in pieces stays where it is. */
	if (!huge && page_has(page, PG_head | PG_tail))
		return 0;
	if (*(const bool *)walk->arg)
		mlock_page(machine, page);
	else
		munlock_page(machine, page);
	return 0;
}

static void mlock_present_pages(struct vm_area_struct *vma, uintptr_t start,
				uintptr_t end, bool lock)
{
	struct pgtable_walk walk = {
		.mm = vma->mm,
		.visit = mlock_visit,
		.arg = &lock,
	};

	pgtable_walk(&walk, start, end);
}

/* --- areas -------------------------------------------------------------------- */

/* One area, or a part of it, gets these lock bits. */
static int mlock_fixup(struct vm_area_struct *vma, uintptr_t start,
		       uintptr_t end, vm_flags_t lock)
{
	struct mm_struct *mm = vma->mm;
	vm_flags_t old = vma->flags, flags = (old & ~VM_LOCKED_MASK) | lock;
	uint64_t nr_pages = (end - start) >> PAGE_SHIFT;
	int err;

	if (flags == old || (old & VM_SPECIAL))
		return 0;
	err = vma_modify(vma, start, end, flags, vma->policy, &vma);
	if (err)
		return err;
	if ((old & VM_LOCKED) && !(flags & VM_LOCKED))
		mm->locked_vm -= nr_pages;
	if (!(old & VM_LOCKED) && (flags & VM_LOCKED))
		mm->locked_vm += nr_pages;
	if ((old ^ flags) & VM_LOCKED)
		mlock_present_pages(vma, start, end, flags & VM_LOCKED);
	return 0;
}

static int mlock_apply(struct mm_struct *mm, uintptr_t start, size_t len,
		       vm_flags_t lock)
{
	uintptr_t end = start + len;
	struct vm_area_struct *vma;

	if (end < start)
		return -EINVAL;
	while (start < end) {
		uintptr_t to;
		int err;

		vma = vma_lookup(mm, start);
		if (!vma)
			return -ENOMEM;
		to = vma->end < end ? vma->end : end;
		err = mlock_fixup(vma, start, to, lock);
		if (err)
			return err;
		start = to;
	}
	return 0;
}

/* Pages of [start, start + len) that are locked already. */
static uint64_t mlock_count(struct mm_struct *mm, uintptr_t start, size_t len)
{
	uintptr_t end = start + len < start ? UINTPTR_MAX : start + len;
	struct vm_area_struct *vma = vma_find_intersection(mm, start, end);
	uint64_t count = 0;

	for (; vma && vma->start < end; vma = vma_next(vma)) {
		uintptr_t from = vma->start > start ? vma->start : start;
		uintptr_t to = vma->end < end ? vma->end : end;

		if (vma->flags & VM_LOCKED)
			count += (to - from) >> PAGE_SHIFT;
	}
	return count;
}

/* What mlock says when the pages cannot be had. */
static int mlock_populate_error(int err)
{
	if (err == -EFAULT)
		return -ENOMEM;
	return err == -ENOMEM ? -EAGAIN : err;
}

static int mlock_do(struct mmsim_task *task, uintptr_t addr, size_t len,
		    vm_flags_t lock)
{
	uintptr_t start = addr & PAGE_MASK;
	uint64_t nr_pages;
	int err;

	if (!mlock_is_allowed(task))
		return -EPERM;
	len = PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	nr_pages = (len >> PAGE_SHIFT) + task->mm->locked_vm;
	if (!mlock_is_within_limit(task, nr_pages))
		nr_pages -= mlock_count(task->mm, start, len);
	if (!mlock_is_within_limit(task, nr_pages))
		return -ENOMEM;
	err = mlock_apply(task->mm, start, len, lock);
	if (err)
		return err;
	err = mlock_populate(task, start, start + len, false);
	return syscall_is_killed(task) ? -ESRCH : mlock_populate_error(err);
}

PUBLIC int mmsim_mlock(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, mlock_do(task, addr, len, VM_LOCKED));
}

PUBLIC int mmsim_mlock2(struct mmsim_task *task, uintptr_t addr, size_t len,
			unsigned flags)
{
	vm_flags_t lock = VM_LOCKED;
	int err = syscall_enter(task);

	if (err)
		return err;
	if (flags & MLOCK_ONFAULT)
		lock |= VM_LOCKONFAULT;
	if (task->machine->profile < PROFILE_6_1)
		err = -ENOSYS;
	else if (flags & ~(unsigned)MLOCK_ONFAULT)
		err = -EINVAL;
	else
		err = mlock_do(task, addr, len, lock);
	return (int)syscall_leave(task, err);
}

PUBLIC int mmsim_munlock(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	len = PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	err = mlock_apply(task->mm, addr & PAGE_MASK, len, 0);
	return (int)syscall_leave(task, err);
}

/* --- all areas ------------------------------------------------------------------ */

static void mlock_apply_all(struct mm_struct *mm, int flags)
{
	vm_flags_t lock = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	struct vm_area_struct *vma;
	uintptr_t end;

	mm->def_flags &= ~VM_LOCKED_MASK;
	if (flags & MCL_FUTURE)
		mm->def_flags |= lock;
	if ((flags & MCL_FUTURE) && !(flags & MCL_CURRENT))
		return;
	if (!(flags & MCL_CURRENT))
		lock = 0;
	for (vma = vma_first(mm); vma; vma = vma_find(mm, end)) {
		end = vma->end;
		/* One area that cannot be changed does not stop the others. */
		(void)mlock_fixup(vma, vma->start, vma->end, lock);
	}
}

static int mlockall_do(struct mmsim_task *task, int flags)
{
	struct mm_struct *mm = task->mm;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	if ((flags & MCL_ONFAULT) && mm->machine->profile < PROFILE_6_1)
		return -EINVAL;
	if (!mlock_is_allowed(task))
		return -EPERM;
	if ((flags & MCL_CURRENT) && !mlock_is_within_limit(task, mm->total_vm))
		return -ENOMEM;
	mlock_apply_all(mm, flags);
	if (!(flags & MCL_CURRENT))
		return 0;
	mlock_populate(task, 0, mm->task_size, true);
	return syscall_is_killed(task) ? -ESRCH : 0;
}

PUBLIC int mmsim_mlockall(struct mmsim_task *task, int flags)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, mlockall_do(task, flags));
}

PUBLIC int mmsim_munlockall(struct mmsim_task *task)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	mlock_apply_all(task->mm, 0);
	return (int)syscall_leave(task, 0);
}
