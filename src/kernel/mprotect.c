/*
 * mprotect.c: other access rights for a range.
 *
 * The areas of the range are changed one after the other.  When one of them
 * cannot be (a hole: -ENOMEM; a file that was opened read-only: -EACCES; no
 * promise, no area left: -ENOMEM) those before it stay changed, and the
 * borders that were cut stay cut: Linux does not undo.
 *
 * A private area that becomes writable is charged then, and stays charged when
 * it becomes read-only again; from 6.4 on the charge is given back if nothing
 * was written.
 *
 * Sources: mprotect(2); recordings of 6.1; experiments on 6.18.
 */
#include "kernel/commit.h"
#include "kernel/fault.h"
#include "kernel/machine.h"
#include "kernel/mlock.h"
#include "kernel/pgtable.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>

#ifndef PROT_SEM
#define PROT_SEM 0x8
#endif

enum { PROT_GROWS = PROT_GROWSDOWN | PROT_GROWSUP };

static bool mprotect_needs_charge(vm_flags_t old, vm_flags_t flags)
{
	return (flags & VM_WRITE) &&
	       !(old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE));
}

/* 6.4 and later: what was never touched need not stay charged. */
static bool mprotect_gives_charge_back(const struct vm_area_struct *vma,
				       vm_flags_t flags)
{
	return vma->mm->machine->profile >= PROFILE_6_18 &&
	       !(flags & VM_WRITE) && (vma->flags & VM_ACCOUNT) &&
	       vma_is_anonymous(vma) && !vma->anon_vma;
}

static int mprotect_fixup(struct mmsim_task *task, struct vm_area_struct *vma,
			  uintptr_t start, uintptr_t end, vm_flags_t flags)
{
	struct mm_struct *mm = vma->mm;
	vm_flags_t old = vma->flags;
	uint64_t nr_pages = (end - start) >> PAGE_SHIFT, charged = 0;
	int err;

	if (flags == old)
		return 0;
	if ((flags & VM_WRITE) && !may_expand_vm(task, flags, nr_pages) &&
	    may_expand_vm(task, old, nr_pages))
		return -ENOMEM;
	if (mprotect_needs_charge(old, flags)) {
		if (commit_charge(task, nr_pages))
			return -ENOMEM;
		charged = nr_pages;
		flags |= VM_ACCOUNT;
	} else if (mprotect_gives_charge_back(vma, flags)) {
		flags &= ~(vm_flags_t)VM_ACCOUNT;
	}
	err = vma_modify(vma, start, end, flags, vma->policy, &vma);
	if (err) {
		commit_uncharge(mm->machine, charged);
		return err;
	}
	change_protection(vma, start, end);
	if ((old & VM_ACCOUNT) && !(flags & VM_ACCOUNT))
		commit_uncharge(mm->machine, nr_pages);
	vm_stat_account(mm, old, -(int64_t)nr_pages);
	vm_stat_account(mm, flags, (int64_t)nr_pages);
	/* Locked private memory is copied now, so that no store has to wait. */
	if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED &&
	    (flags & VM_WRITE))
		mlock_populate(task, start, end, true);
	return syscall_is_killed(task) ? -ESRCH : 0;
}

/* Rights that the area may never have (a file opened read-only). */
static bool mprotect_is_denied(vm_flags_t flags)
{
	return flags & ~(flags >> 4) & VM_ACCESS_FLAGS;
}

static int mprotect_range(struct mmsim_task *task, uintptr_t start,
			  uintptr_t end, vm_flags_t access)
{
	while (start < end) {
		struct vm_area_struct *vma = vma_lookup(task->mm, start);
		vm_flags_t flags;
		uintptr_t to;
		int err;

		if (!vma)
			return -ENOMEM;
		flags = (vma->flags & ~VM_ACCESS_FLAGS) | access;
		if (mprotect_is_denied(flags))
			return -EACCES;
		to = vma->end < end ? vma->end : end;
		err = mprotect_fixup(task, vma, start, to, flags);
		if (err)
			return err;
		start = to;
	}
	return 0;
}

/* PROT_GROWSDOWN: from the lowest page of the stack's area. */
static int mprotect_stretch(struct mm_struct *mm, int grows, uintptr_t *start,
			    uintptr_t end)
{
	struct vm_area_struct *vma = vma_find(mm, *start);

	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (vma->start >= end)
			return -ENOMEM;
		*start = vma->start;
		return vma->flags & VM_GROWSDOWN ? 0 : -EINVAL;
	}
	if (vma->start > *start)
		return -ENOMEM;
	return grows & PROT_GROWSUP ? -EINVAL : 0;
}

static int mprotect_do(struct mmsim_task *task, uintptr_t start, size_t len,
		       int prot)
{
	int grows = prot & PROT_GROWS, err;
	uintptr_t end;

	prot &= ~PROT_GROWS;
	if (grows == PROT_GROWS || (start & ~PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	end = start + PAGE_ALIGN(len);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	err = mprotect_stretch(task->mm, grows, &start, end);
	if (err)
		return err;
	return mprotect_range(task, start, end, mmap_prot_flags(prot));
}

PUBLIC int mmsim_mprotect(struct mmsim_task *task, uintptr_t addr, size_t len,
			  int prot)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, mprotect_do(task, addr, len, prot));
}
