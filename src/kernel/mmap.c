/*
 * mmap.c: new mappings.
 *
 *   mmap -> checks of flags, file and limits -> a place (get_unmapped_area.c)
 *        -> mmap_region: what is in the way goes, the promise is charged, the
 *           range joins a neighbour or becomes an area of its own
 *        -> MAP_POPULATE and locked memory: the pages are faulted in
 *
 * What is charged to Committed_AS: private writable memory, and shared
 * anonymous memory (as a tmpfs object); not with MAP_NORESERVE, which mode 2
 * ignores.
 *
 * When a MAP_FIXED mapping is refused for want of memory, the areas in its way
 * are gone already up to 6.11; later kernels count first, and what remains of
 * the failed call is that the areas at the borders were cut.
 *
 * Simplified: there are no huge pages of hugetlbfs (nr_hugepages is 0), so
 * that MAP_HUGETLB gives -ENOMEM; MAP_SYNC and MAP_DROPPABLE are not known.
 *
 * Sources: mmap(2); kernel documentation, mm/overcommit-accounting;
 * recordings of 6.1; experiments on 6.18.
 */
#include "kernel/commit.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/mlock.h"
#include "kernel/pgtable.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
	MMAP_TYPE_MASK = 0x0f,
	MMAP_KNOWN_FLAGS = MAP_SHARED | MAP_PRIVATE | MAP_FIXED |
			   MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |
			   MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE |
			   MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
			   MAP_HUGETLB | 0x40 /* MAP_32BIT */ |
			   0x4000000 /* MAP_UNINITIALIZED */ |
			   0x7c000000 /* sizes for MAP_HUGETLB */,
};

/* Offsets of files end at 2^63 - 1. */
#define MMAP_MAX_FILE_PAGES (((uint64_t)1 << 51) - 1)

/* One call, as it goes through the checks. */
struct mmap_call {
	struct mmsim_task *task;
	uintptr_t addr;
	size_t len;
	int prot, flags;
	struct mmsim_file *file;
	uint64_t pgoff;
	vm_flags_t vm_flags;
};

/* Pages of areas, and of those the charged ones, in [start, end). */
static void mmap_count_covered(struct mm_struct *mm, uintptr_t start,
			       uintptr_t end, uint64_t *nr_pages,
			       uint64_t *nr_charged)
{
	struct vm_area_struct *vma = vma_find_intersection(mm, start, end);

	*nr_pages = 0;
	*nr_charged = 0;
	for (; vma && vma->start < end; vma = vma_next(vma)) {
		uintptr_t from = vma->start > start ? vma->start : start;
		uintptr_t to = vma->end < end ? vma->end : end;

		*nr_pages += (to - from) >> PAGE_SHIFT;
		if (vma->flags & VM_ACCOUNT)
			*nr_charged += (to - from) >> PAGE_SHIFT;
	}
}

/*
 * Makes room at [start, end) and charges the promise; *flags gets VM_ACCOUNT,
 * *charged is what to give back when the rest fails.
 */
static int mmap_make_room(struct mmsim_task *task, uintptr_t start,
			  uintptr_t end, struct mmsim_file *file,
			  vm_flags_t *flags, uint64_t *charged)
{
	struct mm_struct *mm = task->mm;
	uint64_t nr_pages = (end - start) >> PAGE_SHIFT, covered, accounted;
	bool counts_first = task->machine->profile >= PROFILE_6_18;
	bool is_charged = commit_is_accountable(task->machine, file, *flags);

	mmap_count_covered(mm, start, end, &covered, &accounted);
	if (!counts_first && !may_expand_vm(task, *flags, nr_pages - covered))
		return -ENOMEM;
	if (munmap_cut_borders(mm, start, end))
		return -ENOMEM;
	if (counts_first && !may_expand_vm(task, *flags, nr_pages - covered))
		return -ENOMEM;
	*charged = is_charged ? nr_pages : 0;
	if (is_charged && counts_first) {
		/* What the old areas were promised serves the new one. */
		if (commit_charge(task, nr_pages - accounted))
			return -ENOMEM;
		munmap_whole_areas(mm, start, end);
	} else {
		commit_uncharge(mm->machine,
				munmap_whole_areas(mm, start, end));
		if (is_charged && commit_charge(task, nr_pages))
			return -ENOMEM;
	}
	if (is_charged)
		*flags |= VM_ACCOUNT;
	return 0;
}

/* The object of shared anonymous memory, charged for its whole length. */
static int mmap_shared_object(struct mmsim_task *task,
			      struct vm_area_struct *vma)
{
	int err = shmem_kernel_file(task, NULL, vma->end - vma->start,
				    vma->flags & VM_NORESERVE, &vma->file);

	if (!err)
		vma->mapping = &vma->file->inode->mapping;
	return err;
}

/* The range as an area of its own. */
static int mmap_new_area(struct mmsim_task *task, const struct vma_merge *like)
{
	struct vm_area_struct *vma = vma_alloc(task->mm);
	int err;

	if (!vma)
		return -ENOMEM;
	vma->start = like->start;
	vma->end = like->end;
	vma->flags = like->flags | VM_SOFTDIRTY;
	vma->pgoff = like->pgoff;
	if (like->file) {
		vma->file = file_get(like->file);
		vma->mapping = like->mapping;
	} else if (vma->flags & VM_SHARED) {
		err = mmap_shared_object(task, vma);
		if (err) {
			vma_free(vma);
			return err;
		}
	}
	vma_insert(task->mm, vma);
	return 0;
}

int mmap_region(struct mmsim_task *task, uintptr_t addr, size_t len,
		vm_flags_t flags, struct mmsim_file *file,
		struct address_space *mapping, uint64_t pgoff)
{
	struct mm_struct *mm = task->mm;
	struct vma_merge merge = {
		.mm = mm,
		.start = addr,
		.end = addr + len,
		.pgoff = pgoff,
		.file = file,
		.mapping = mapping,
	};
	struct vm_area_struct *vma;
	uint64_t charged;
	int err;

	err = mmap_make_room(task, addr, addr + len, file, &flags, &charged);
	if (err)
		return err;
	merge.flags = flags;
	merge.next = vma_find(mm, addr);
	merge.prev = merge.next ? vma_prev(merge.next) : NULL;
	if (!merge.next && mm->vmas.root)
		merge.prev = tree_entry(tree_last(&mm->vmas),
					struct vm_area_struct, node);
	vma = vma_merge_new(&merge);
	if (vma) {
		vma->flags |= VM_SOFTDIRTY;
	} else {
		err = mmap_new_area(task, &merge);
		if (err) {
			commit_uncharge(mm->machine, charged);
			return err;
		}
	}
	vm_stat_account(mm, flags, (int64_t)(len >> PAGE_SHIFT));
	if (flags & VM_LOCKED)
		mm->locked_vm += len >> PAGE_SHIFT;
	return 0;
}

/* --- the system call ---------------------------------------------------------- */

static vm_flags_t mmap_vm_flags(const struct mmap_call *call)
{
	const struct mmsim_machine *machine = call->task->machine;
	vm_flags_t flags = call->task->mm->def_flags | VM_MAYREAD |
			   VM_MAYWRITE | VM_MAYEXEC;

	flags |= mmap_prot_flags(call->prot);
	if (call->flags & MAP_GROWSDOWN)
		flags |= VM_GROWSDOWN;
	if (call->flags & MAP_LOCKED)
		flags |= VM_LOCKED;
	/* 6.7 and later: a thread's stack is not meant for huge pages. */
	if ((call->flags & MAP_STACK) && machine->profile >= PROFILE_6_18)
		flags |= VM_NOHUGEPAGE;
	if ((call->flags & MAP_NORESERVE) && machine->vm.overcommit_memory != 2)
		flags |= VM_NORESERVE;
	return flags;
}

static int mmap_check_file(struct mmap_call *call)
{
	int type = call->flags & MMAP_TYPE_MASK;
	int mode = call->file->flags & O_ACCMODE;

	if (call->pgoff + (call->len >> PAGE_SHIFT) > MMAP_MAX_FILE_PAGES)
		return -EOVERFLOW;
	if (type == MAP_SHARED_VALIDATE && (call->flags & ~MMAP_KNOWN_FLAGS &
					    ~MMAP_TYPE_MASK))
		return -EOPNOTSUPP;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE) {
		if ((call->prot & PROT_WRITE) && mode == O_RDONLY)
			return -EACCES;
		if ((call->prot & PROT_WRITE) && call->file->inode->is_swapfile)
			return -ETXTBSY;
		call->vm_flags |= VM_SHARED | VM_MAYSHARE;
		if (mode == O_RDONLY)
			call->vm_flags &= ~(vm_flags_t)(VM_MAYWRITE | VM_SHARED);
	} else if (type != MAP_PRIVATE) {
		return -EINVAL;
	}
	if (mode == O_WRONLY)
		return -EACCES;
	return call->vm_flags & VM_GROWSDOWN ? -EINVAL : 0;
}

static int mmap_check_anonymous(struct mmap_call *call)
{
	switch (call->flags & MMAP_TYPE_MASK) {
	case MAP_SHARED:
		if (call->vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		call->pgoff = 0;
		call->vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_PRIVATE:
		call->pgoff = call->addr >> PAGE_SHIFT;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The length in pages, and the limits that need no place yet. */
static int mmap_check_size(struct mmap_call *call)
{
	struct mm_struct *mm = call->task->mm;

	if (!call->len)
		return -EINVAL;
	call->len = PAGE_ALIGN(call->len);
	if (!call->len)
		return -ENOMEM;
	if (call->pgoff + (call->len >> PAGE_SHIFT) < call->pgoff)
		return -EOVERFLOW;
	if (mm->map_count > (uint64_t)mm->machine->vm.max_map_count) {
		machine_refuse(mm->machine, REFUSAL_MAX_MAP_COUNT);
		return -ENOMEM;
	}
	return 0;
}

static int mmap_find_place(struct mmap_call *call)
{
	uint64_t lowest = (uint64_t)call->task->machine->vm.mmap_min_addr;

	if (!(call->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		call->addr &= PAGE_MASK;
		if (call->addr && call->addr < lowest)
			call->addr = PAGE_ALIGN(lowest);
	}
	return get_unmapped_area_file(call->task, call->file, call->addr,
				      call->len, call->pgoff, call->flags,
				      &call->addr);
}

static int mmap_do(struct mmap_call *call)
{
	int err = mmap_check_size(call);

	if (!err)
		err = mmap_find_place(call);
	if (err)
		return err;
	call->vm_flags = mmap_vm_flags(call);
	if ((call->flags & MAP_LOCKED) && !mlock_is_allowed(call->task))
		return -EPERM;
	if (!mlock_future_is_allowed(call->task, call->vm_flags, call->len))
		return -EAGAIN;
	err = call->file ? mmap_check_file(call) : mmap_check_anonymous(call);
	if (err)
		return err;
	return mmap_region(call->task, call->addr, call->len, call->vm_flags,
			   call->file,
			   call->file ? &call->file->inode->mapping : NULL,
			   call->pgoff);
}

static bool mmap_wants_pages(const struct mmap_call *call)
{
	if (call->vm_flags & VM_LOCKED)
		return true;
	return (call->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
}

int do_mmap(struct mmsim_task *task, size_t len, int prot, int flags,
	    struct mmsim_file *file, uint64_t pgoff, uintptr_t *addr)
{
	struct mmap_call call = {
		.task = task,
		.addr = *addr,
		.len = len,
		.prot = prot,
		.flags = flags,
		.file = file,
		.pgoff = pgoff,
	};
	int err = mmap_do(&call);

	if (err)
		return err;
	*addr = call.addr;
	if (mmap_wants_pages(&call))
		/* What cannot be had now is faulted in later. */
		mlock_populate(task, call.addr, call.addr + call.len, true);
	return syscall_is_killed(task) ? -ESRCH : 0;
}

PUBLIC intptr_t mmsim_mmap(struct mmsim_task *task, uintptr_t addr, size_t len,
			   int prot, int flags, struct mmsim_file *file,
			   off_t offset)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	/* Up to 4.16 it is an unknown flag, and the address a hint. */
	if (task->machine->profile < PROFILE_6_1)
		flags &= ~MAP_FIXED_NOREPLACE;
	if ((uint64_t)offset & ~PAGE_MASK)
		err = -EINVAL;
	else if (!(flags & MAP_ANONYMOUS) && !file)
		err = -EBADF;
	else if (flags & MAP_HUGETLB)
		err = flags & MAP_ANONYMOUS ? -ENOMEM : -EINVAL;
	else
		err = do_mmap(task, len, prot, flags,
			      flags & MAP_ANONYMOUS ? NULL : file,
			      (uint64_t)offset >> PAGE_SHIFT, &addr);
	return syscall_leave(task, err ? err : (intptr_t)addr);
}
