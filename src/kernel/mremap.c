/*
 * mremap.c: mappings that grow, shrink and move.
 *
 *   new_len < old_len    the end is unmapped
 *   new_len > old_len    grows in place when the range ends its area and the
 *                        room behind is free, else moves (MREMAP_MAYMOVE)
 *   MREMAP_FIXED         moves to new_addr; what is there goes
 *   MREMAP_DONTUNMAP     the pages move, the old area stays, empty (5.7)
 *   old_len 0            a shared mapping is mapped a second time
 *
 * A move makes an area like the old one (or joins it to a neighbour), moves the
 * page table entries, and unmaps the old range.  An area that was never
 * touched counts its pages from the new address, so that it can join there.
 *
 * 6.1 unmaps the target before it looks whether the source is one area, and
 * the rest of the source before it looks whether it may grow.  6.17 and later
 * look first; and with MREMAP_FIXED and the same length they move any number of
 * areas, each for itself, with the holes between them; but one of a System V
 * segment only when it is all of the range.
 *
 * MREMAP_DONTUNMAP takes the lock from the whole old area and does not touch
 * locked_vm for that; only from 6.17 on the new area is added.  What VmLck
 * then has too much stays until the address space goes: locked_forgotten.
 *
 * Sources: mremap(2); recordings of 6.1; experiments on 6.18.
 */
#include "kernel/commit.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/mlock.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "kernel/shm.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

struct mremap_call {
	struct mmsim_task *task;
	uintptr_t addr;
	size_t old_len, new_len;
	int flags;
	uintptr_t new_addr;
};

/* A target is named, or the old area stays: always a move. */
static bool mremap_is_move(const struct mremap_call *call)
{
	return call->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

static bool mremap_looks_first(const struct mremap_call *call)
{
	return call->task->machine->profile >= PROFILE_6_18;
}

/* --- checks --------------------------------------------------------------------- */

static int mremap_check_flags(const struct mremap_call *call)
{
	int flags = call->flags;

	if ((flags & MREMAP_DONTUNMAP) &&
	    call->task->machine->profile < PROFILE_6_1)
		return -EINVAL;
	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (mremap_is_move(call) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && call->old_len != call->new_len)
		return -EINVAL;
	return (call->addr & ~PAGE_MASK) || !call->new_len ? -EINVAL : 0;
}

static int mremap_check_target(const struct mremap_call *call)
{
	struct mm_struct *mm = call->task->mm;
	uintptr_t from = call->addr, to = call->new_addr;

	if ((to & ~PAGE_MASK) || call->new_len > mm->task_size ||
	    to > mm->task_size - call->new_len)
		return -EINVAL;
	if (from + call->old_len > to && to + call->new_len > from)
		return -EINVAL;
	/* Both ranges may be cut out of the middle of an area. */
	if ((int64_t)mm->map_count + 2 >= mm->machine->vm.max_map_count - 3) {
		machine_refuse(mm->machine, REFUSAL_MAX_MAP_COUNT);
		return -ENOMEM;
	}
	return 0;
}

/* May this part of the area move, or grow? */
static int mremap_check_area(const struct mremap_call *call, size_t old_len,
			     const struct vm_area_struct *vma)
{
	uint64_t pgoff = vma_linear_index(vma, call->addr);
	size_t more = call->new_len - old_len;

	if (!old_len && !(vma->flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((call->flags & MREMAP_DONTUNMAP) &&
	    (vma->flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	if (old_len > vma->end - call->addr)
		return -EFAULT;
	if (call->new_len <= old_len)
		return 0;
	if (pgoff + (call->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (vma->flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EFAULT;
	if (!mlock_future_is_allowed(call->task, vma->flags, more))
		return -EAGAIN;
	return may_expand_vm(call->task, vma->flags, more >> PAGE_SHIFT)
		       ? 0
		       : -ENOMEM;
}

/* --- moving ----------------------------------------------------------------------- */

/* The area at the new place: joined to a neighbour there, or a copy. */
static struct vm_area_struct *mremap_copy_area(const struct mremap_call *call,
					       struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	struct vma_merge merge = {
		.mm = mm,
		.start = call->new_addr,
		.end = call->new_addr + call->new_len,
		.flags = vma->flags,
		.pgoff = vma_linear_index(vma, call->addr),
		.file = vma->file,
		.mapping = vma->mapping,
		.anon_vma = vma->anon_vma,
		.policy = vma->policy,
		.copied_from = vma,
	};
	struct vm_area_struct *copy;

	if (vma_is_anonymous(vma) && !vma->anon_vma)
		merge.pgoff = call->new_addr >> PAGE_SHIFT;
	merge.next = vma_find(mm, call->new_addr);
	merge.prev = merge.next ? vma_prev(merge.next)
				: tree_entry(tree_last(&mm->vmas),
					     struct vm_area_struct, node);
	copy = vma_merge_new(&merge);
	if (copy)
		return copy;
	copy = vma_copy(vma, call->new_addr, call->new_len, merge.pgoff);
	if (copy)
		vma_insert(mm, copy);
	return copy;
}

/* The old area stays without its pages, and is locked no more. */
static void mremap_leave_old(const struct mremap_call *call, vm_flags_t flags)
{
	struct mm_struct *mm = call->task->mm;
	struct vm_area_struct *vma = vma_lookup(mm, call->addr);

	if (flags & VM_LOCKED) {
		mm->locked_forgotten += vma_pages(vma);
		if (!mremap_looks_first(call)) {
			mm->locked_vm -= call->new_len >> PAGE_SHIFT;
			mm->locked_forgotten -= call->new_len >> PAGE_SHIFT;
		}
	}
	vma->flags &= ~VM_LOCKED_MASK;
	if (vma->start == call->addr && vma_pages(vma) << PAGE_SHIFT ==
						call->old_len)
		anon_vma_unlink_all(vma);
}

/* The old range goes; its promise is the new area's now. */
static void mremap_drop_old(const struct mremap_call *call)
{
	struct mm_struct *mm = call->task->mm;
	uintptr_t end = call->addr + call->old_len;
	struct vm_area_struct *vma = vma_lookup(mm, call->addr);

	if (!call->old_len)
		return;
	if (!munmap_cut_borders(mm, call->addr, end)) {
		munmap_whole_areas(mm, call->addr, end);
		return;
	}
	/* No memory to cut it out: it stays, and is promised twice. */
	if (vma->flags & VM_ACCOUNT)
		mm->machine->committed_as += call->old_len >> PAGE_SHIFT;
}

static int mremap_move_pages(const struct mremap_call *call,
			     struct vm_area_struct *copy)
{
	struct vm_area_struct *vma = vma_lookup(call->task->mm, call->addr);
	int err;

	if (!call->old_len)
		return 0;
	err = move_page_tables(vma, call->addr, copy, call->new_addr,
			       call->old_len);
	if (!err)
		return 0;
	/* Back again: the tables for it are still there. */
	move_page_tables(copy, call->new_addr, vma, call->addr, call->old_len);
	if (!munmap_cut_borders(call->task->mm, call->new_addr,
				call->new_addr + call->new_len))
		munmap_whole_areas(call->task->mm, call->new_addr,
				   call->new_addr + call->new_len);
	return err;
}

/* Moves the range of one area to call->new_addr, where nothing is. */
static int mremap_move_area(const struct mremap_call *call,
			    struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	vm_flags_t flags = vma->flags;
	bool stays = call->flags & MREMAP_DONTUNMAP;
	uint64_t nr_pages = call->new_len >> PAGE_SHIFT, charge;
	uint64_t hiwater_vm = mm->hiwater_vm;
	struct vm_area_struct *copy;
	int err = -ENOMEM;

	if ((int64_t)mm->map_count >= mm->machine->vm.max_map_count - 3) {
		machine_refuse(mm->machine, REFUSAL_MAX_MAP_COUNT);
		return -ENOMEM;
	}
	charge = stays ? nr_pages : nr_pages - (call->old_len >> PAGE_SHIFT);
	if (!(flags & VM_ACCOUNT))
		charge = 0;
	if (charge && commit_charge(call->task, charge))
		return -ENOMEM;
	copy = mremap_copy_area(call, vma);
	if (!copy)
		goto uncharge;
	vm_stat_account(mm, flags, (int64_t)nr_pages);
	if (flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	err = mremap_move_pages(call, copy);
	if (err)
		goto uncharge;
	if (stays)
		mremap_leave_old(call, flags);
	else
		mremap_drop_old(call);
	/* Both were counted for a moment that nobody saw. */
	mm->hiwater_vm = hiwater_vm;
	return 0;
uncharge:
	commit_uncharge(mm->machine, charge);
	return err;
}

static int mremap_find_place(struct mremap_call *call,
			     const struct vm_area_struct *vma, uintptr_t hint)
{
	int flags = vma->flags & VM_MAYSHARE ? MAP_SHARED : 0;

	if (call->flags & MREMAP_FIXED)
		flags |= MAP_FIXED;
	return get_unmapped_area_file(call->task, vma->file, hint,
				      call->new_len,
				      vma_linear_index(vma, call->addr), flags,
				      &call->new_addr);
}

/* --- the forms of the call ----------------------------------------------------------- */

static int mremap_unmap_tail(struct mremap_call *call)
{
	int err = 0;

	if (call->old_len > call->new_len)
		err = do_munmap(call->task->mm, call->addr + call->new_len,
				call->old_len - call->new_len);
	if (!err && call->old_len > call->new_len)
		call->old_len = call->new_len;
	return err;
}

/* To a target, or with DONTUNMAP. */
static int mremap_to(struct mremap_call *call)
{
	struct mm_struct *mm = call->task->mm;
	struct vm_area_struct *vma = vma_lookup(mm, call->addr);
	int err = 0;

	if (mremap_looks_first(call))
		err = mremap_check_area(call,
					min_size(call->old_len, call->new_len),
					vma);
	if (!err && (call->flags & MREMAP_FIXED))
		err = do_munmap(mm, call->new_addr, call->new_len);
	if (!err)
		err = mremap_unmap_tail(call);
	if (err)
		return err;
	vma = vma_lookup(mm, call->addr);
	if (!vma)
		return -EFAULT;
	if (!mremap_looks_first(call)) {
		err = mremap_check_area(call, call->old_len, vma);
		if (err)
			return err;
	}
	if ((call->flags & MREMAP_DONTUNMAP) &&
	    !may_expand_vm(call->task, vma->flags, call->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	err = mremap_find_place(call, vma, call->new_addr);
	return err ? err : mremap_move_area(call, vma);
}

/* 6.17 and later: every area of the range, each for itself. */
static int mremap_to_each(struct mremap_call *call)
{
	struct mm_struct *mm = call->task->mm;
	uintptr_t start = call->addr, end = start + call->old_len;
	uintptr_t target = call->new_addr, at = start;
	int err = -EFAULT;

	while (at < end) {
		struct vm_area_struct *vma = vma_find_intersection(mm, at, end);
		struct mremap_call one = *call;

		if (!vma)
			break;
		if (vma->start > at && at == start)
			return -EFAULT;
		if (shm_of_area(vma) && (vma->start > start || vma->end < end))
			return -EFAULT;
		one.addr = vma->start > at ? vma->start : at;
		at = vma->end < end ? vma->end : end;
		one.old_len = at - one.addr;
		one.new_len = one.old_len;
		one.new_addr = target + (one.addr - start);
		err = mremap_to(&one);
		if (err)
			return err;
	}
	return err;
}

/* The range ends its area and the room behind is free. */
static bool mremap_can_extend(const struct mremap_call *call,
			      const struct vm_area_struct *vma)
{
	uintptr_t end = call->addr + call->new_len;

	return vma->end == call->addr + call->old_len && end > vma->end &&
	       end <= vma->mm->mmap_end &&
	       !vma_find_intersection(vma->mm, vma->end, end);
}

static int mremap_extend(const struct mremap_call *call,
			 struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	size_t more = call->new_len - call->old_len;
	uint64_t nr_pages = more >> PAGE_SHIFT;
	struct vma_merge merge = {
		.mm = mm,
		.prev = vma,
		.next = vma_next(vma),
		.start = vma->end,
		.end = vma->end + more,
		.flags = vma->flags,
		.pgoff = vma->pgoff + vma_pages(vma),
		.file = vma->file,
		.mapping = vma->mapping,
		.anon_vma = vma->anon_vma,
		.policy = vma->policy,
		.copied_from = vma,
	};
	vm_flags_t flags = vma->flags;
	uint64_t charge = flags & VM_ACCOUNT ? nr_pages : 0;

	if (charge && commit_charge(call->task, charge))
		return -ENOMEM;
	if (!vma_merge_new(&merge)) {
		commit_uncharge(mm->machine, charge);
		return -ENOMEM;
	}
	vm_stat_account(mm, flags, (int64_t)nr_pages);
	if (flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	return 0;
}

static int mremap_grow(struct mremap_call *call, struct vm_area_struct *vma)
{
	int err = mremap_check_area(call, call->old_len, vma);

	if (err)
		return err;
	if (mremap_can_extend(call, vma))
		return mremap_extend(call, vma);
	if (!(call->flags & MREMAP_MAYMOVE)) {
		machine_refuse(call->task->machine, REFUSAL_ADDRESS_SPACE);
		return -ENOMEM;
	}
	err = mremap_find_place(call, vma, 0);
	return err ? err : mremap_move_area(call, vma);
}

/* On success call->new_addr is where the mapping is. */
static int mremap_do(struct mremap_call *call)
{
	struct mm_struct *mm = call->task->mm;
	struct vm_area_struct *vma;
	int err = mremap_check_flags(call);

	if (!err && mremap_looks_first(call)) {
		if (call->new_len > mm->task_size)
			err = -EINVAL;
		else if (mremap_is_move(call))
			err = mremap_check_target(call);
	}
	if (err)
		return err;
	vma = vma_lookup(mm, call->addr);
	if (!vma)
		return -EFAULT;
	if (!mremap_is_move(call)) {
		call->new_addr = call->addr;
		return call->new_len > call->old_len ? mremap_grow(call, vma)
						     : mremap_unmap_tail(call);
	}
	if (!mremap_looks_first(call)) {
		err = mremap_check_target(call);
		return err ? err : mremap_to(call);
	}
	if ((call->flags & MREMAP_FIXED) && call->old_len == call->new_len)
		return mremap_to_each(call);
	return mremap_to(call);
}

/* What was added to locked memory is faulted in. */
static void mremap_populate(const struct mremap_call *call, size_t old_len)
{
	struct vm_area_struct *vma =
		vma_lookup(call->task->mm, call->new_addr);

	if (vma && (vma->flags & VM_LOCKED) && call->new_len > old_len)
		mlock_populate(call->task, call->new_addr + old_len,
			       call->new_addr + call->new_len, true);
}

PUBLIC intptr_t mmsim_mremap(struct mmsim_task *task, uintptr_t addr,
			     size_t old_len, size_t new_len, int flags,
			     uintptr_t new_addr)
{
	struct mremap_call call = {
		.task = task,
		.addr = addr,
		.old_len = PAGE_ALIGN(old_len),
		.new_len = PAGE_ALIGN(new_len),
		.flags = flags,
		.new_addr = new_addr,
	};
	int err = syscall_enter(task);

	if (err)
		return err;
	err = mremap_do(&call);
	if (!err)
		mremap_populate(&call, PAGE_ALIGN(old_len));
	if (syscall_is_killed(task))
		err = -ESRCH;
	return syscall_leave(task, err ? err : (intptr_t)call.new_addr);
}
