/*
 * msync.c: stores to shared file mappings reach the disk.
 *
 * MS_SYNC writes the dirty pages of the files that are mapped shared in the
 * range; MS_ASYNC does nothing, because dirty pages are written back anyway;
 * MS_INVALIDATE refuses locked areas.  Holes are passed over and make the call
 * end with -ENOMEM.
 *
 * Source: msync(2).
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"
#include "kernel/writeback.h"

#include <errno.h>
#include <sys/mman.h>

/* The worst of what happened to the range. */
static int msync_write(struct vm_area_struct *vma, uintptr_t from, uintptr_t to,
		       int result)
{
	int err = writeback_range(vma->mapping, vma_linear_index(vma, from),
				  vma_linear_index(vma, to) - 1);

	return err ? err : result;
}

static int msync_range(struct mmsim_task *task, uintptr_t start, uintptr_t end,
		       int flags)
{
	struct vm_area_struct *vma = vma_find(task->mm, start);
	int result = 0;

	for (; start < end; vma = vma_next(vma)) {
		uintptr_t from, to;

		if (!vma)
			return -ENOMEM;
		if (start < vma->start) {
			if (flags == MS_ASYNC)
				return -ENOMEM;
			result = -ENOMEM;
			if (vma->start >= end)
				break;
		}
		if ((flags & MS_INVALIDATE) && (vma->flags & VM_LOCKED))
			return -EBUSY;
		from = vma->start > start ? vma->start : start;
		start = vma->end;
		to = start < end ? start : end;
		if ((flags & MS_SYNC) && (vma->flags & VM_SHARED) && vma->file)
			result = msync_write(vma, from, to, result);
	}
	return result;
}

static int msync_do(struct mmsim_task *task, uintptr_t start, size_t len,
		    int flags)
{
	uintptr_t end;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (start & ~PAGE_MASK) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	end = start + PAGE_ALIGN(len);
	if (end < start)
		return -ENOMEM;
	return msync_range(task, start, end, flags);
}

PUBLIC int mmsim_msync(struct mmsim_task *task, uintptr_t addr, size_t len,
		       int flags)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, msync_do(task, addr, len, flags));
}
