/*
 * stack.c: areas that grow downwards.
 *
 * A fault below an area with VM_GROWSDOWN (the stack, or MAP_GROWSDOWN) lets
 * the area begin at the faulting page: the pages between join it, too, and
 * only the touched one is present.
 *
 *      [ mapping ] <- 256 pages at least -> [ addr ....  stack ]
 *
 * Refused when the area would be larger than RLIMIT_STACK, when the guard gap
 * to a mapping below would be smaller than 256 pages (a PROT_NONE mapping or
 * another stack needs no gap), and by the limits of any growing area.
 *
 * Simplified: pages that join a MAP_NORESERVE area are not charged; Linux
 * charges them, and forgets to give the charge back at munmap.
 *
 * Sources: mmap(2), setrlimit(2); recordings of 6.1.
 */
#include "kernel/commit.h"
#include "kernel/machine.h"
#include "kernel/mlock.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/resource.h>

enum { STACK_GUARD_GAP = 256 * 4096 };

static bool stack_has_guard_gap(struct vm_area_struct *vma, uintptr_t addr)
{
	struct vm_area_struct *prev = vma_prev(vma);

	if (!prev || (prev->flags & VM_GROWSDOWN) ||
	    !(prev->flags & VM_ACCESS_FLAGS))
		return true;
	return addr - prev->end >= STACK_GUARD_GAP;
}

/* The limits, and the promise for the pages that join. */
static int stack_account(struct mmsim_task *task, struct vm_area_struct *vma,
			 uintptr_t addr, uint64_t nr_pages)
{
	if (!may_expand_vm(task, vma->flags, nr_pages) ||
	    vma->end - addr > task_rlimit(task, RLIMIT_STACK) ||
	    !mlock_future_is_allowed(task, vma->flags, nr_pages << PAGE_SHIFT))
		return -ENOMEM;
	if (!(vma->flags & VM_ACCOUNT))
		return 0;
	return commit_charge(task, nr_pages);
}

int expand_stack(struct mmsim_task *task, struct vm_area_struct *vma,
		 uintptr_t addr)
{
	struct mm_struct *mm = vma->mm;
	uint64_t nr_pages;
	int err;

	addr &= PAGE_MASK;
	if (!(vma->flags & VM_GROWSDOWN))
		return -EFAULT;
	if (addr >= vma->start)
		return 0;
	if (addr < (uint64_t)mm->machine->vm.mmap_min_addr)
		return -EPERM;
	nr_pages = (vma->start - addr) >> PAGE_SHIFT;
	if (!stack_has_guard_gap(vma, addr) || nr_pages > vma->pgoff)
		return -ENOMEM;
	err = anon_vma_prepare(vma);
	if (err)
		return err;
	err = stack_account(task, vma, addr, nr_pages);
	if (err)
		return err;
	vm_stat_account(mm, vma->flags, (int64_t)nr_pages);
	if (vma->flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	vma_set_range(vma, addr, vma->end, vma->pgoff - nr_pages);
	return 0;
}
