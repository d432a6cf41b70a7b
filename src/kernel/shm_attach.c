/*
 * shm_attach.c: System V segments in address spaces: shmat and shmdt.
 *
 *   shmat                      shmdt(p)
 *   a shared mapping of the    the areas that show the segment in one piece
 *   whole segment, with an     from p on, also when mprotect and its like
 *   open file of its own       have cut them; nothing else
 *
 * nattch is the number of areas, not of calls: a cut in two counts as one more,
 * and so does each area that fork copies.  Areas of segments are not joined
 * again with what they were cut from (vma_merge.c).
 *
 * Linux lets a task attach a segment that is marked to go, as long as it knows
 * the id.
 *
 * Source: shmat(2); experiments on 6.18.
 */
#include "kernel/file.h"
#include "kernel/file_state.h"
#include "kernel/shm.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

struct shm_segment *shm_of_area(const struct vm_area_struct *vma)
{
	return vma->mapping ? vma->mapping->host->segment : NULL;
}

/* --- areas that come and go ---------------------------------------------- */

/* In whose call this happens; of an address space that ends, whose it was. */
static int shm_actor(const struct mm_struct *mm, bool ends)
{
	const struct mmsim_task *actor = mm->machine->current;

	if (!actor || (ends && actor->mm != mm && mm->owner))
		actor = mm->owner;
	return actor ? actor->pid : 0;
}

void shm_area_opened(struct vm_area_struct *vma)
{
	struct shm_segment *shm = shm_of_area(vma);

	if (!shm)
		return;
	shm->nattch++;
	shm->atime = shm_now(vma->mm->machine);
	shm->lpid = shm_actor(vma->mm, false);
}

void shm_area_closed(struct vm_area_struct *vma)
{
	struct shm_segment *shm = shm_of_area(vma);

	if (!shm)
		return;
	shm->nattch--;
	shm->dtime = shm_now(vma->mm->machine);
	shm->lpid = shm_actor(vma->mm, true);
	shm_try_to_destroy(vma->mm->machine, shm);
}

/* --- shmat --------------------------------------------------------------- */

/* Where it is asked for, as mmap wants it. */
static int shm_place(uintptr_t *addr, int flags, int *mmap_flags)
{
	*mmap_flags = MAP_SHARED;
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (*addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr &= PAGE_MASK;
		if (!*addr && (flags & SHM_REMAP))
			return -EINVAL;
	}
	*mmap_flags |= MAP_FIXED;
	return 0;
}

static bool shm_is_in_the_way(struct mmsim_task *task, uintptr_t addr,
			      uint64_t size)
{
	return addr + size < addr ||
	       vma_find_intersection(task->mm, addr, addr + size);
}

static int shm_attach(struct mmsim_task *task, int id, uintptr_t *addr,
		      int flags)
{
	unsigned access = flags & SHM_RDONLY ? 0444 : 0666;
	int prot = flags & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	struct mmsim_file *file;
	struct shm_segment *shm;
	int mmap_flags, err;

	if (id < 0)
		return -EINVAL;
	err = shm_place(addr, flags, &mmap_flags);
	if (err)
		return err;
	if (flags & SHM_EXEC) {
		prot |= PROT_EXEC;
		access |= 0111;
	}
	err = shm_find(task->machine, id, &shm);
	if (err)
		return err;
	if (!shm_is_permitted(task, shm, access))
		return -EACCES;
	shm->nattch++;
	file = file_open_inode(shm->file->inode,
			       flags & SHM_RDONLY ? O_RDONLY : O_RDWR);
	err = -ENOMEM;
	if (file && *addr && !(flags & SHM_REMAP) &&
	    shm_is_in_the_way(task, *addr, shm->size))
		err = -EINVAL;
	else if (file && !syscall_is_killed(task))
		err = do_mmap(task, shm->size, prot, mmap_flags, file, 0, addr);
	file_put(file);
	shm->nattch--;
	shm_try_to_destroy(task->machine, shm);
	return err;
}

PUBLIC intptr_t mmsim_shmat(struct mmsim_task *task, int id, uintptr_t addr,
			    int flags)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	err = shm_attach(task, id, &addr, flags);
	if (syscall_is_killed(task))
		err = -ESRCH;
	return syscall_leave(task, err ? err : (intptr_t)addr);
}

/* --- shmdt --------------------------------------------------------------- */

/* The area shows the part of its segment that belongs there when the segment
 * begins at addr. */
static bool shm_fits(const struct vm_area_struct *vma, uintptr_t addr)
{
	return shm_of_area(vma) &&
	       (vma->start - addr) >> PAGE_SHIFT == vma->pgoff;
}

static void shm_unmap(struct vm_area_struct *vma)
{
	do_munmap(vma->mm, vma->start, vma->end - vma->start);
}

static int shm_detach(struct mm_struct *mm, uintptr_t addr)
{
	struct vm_area_struct *vma = vma_find(mm, addr), *next;
	const struct mmsim_file *file;
	uintptr_t size;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	while (vma && !shm_fits(vma, addr))
		vma = vma_next(vma);
	if (!vma)
		return -EINVAL;
	file = vma->file;
	size = file_pages(vma->mapping->host->size) << PAGE_SHIFT;
	next = vma_next(vma);
	shm_unmap(vma);
	for (vma = next; vma && vma->end - addr <= size; vma = next) {
		next = vma_next(vma);
		if (shm_fits(vma, addr) && vma->file == file)
			shm_unmap(vma);
	}
	return 0;
}

PUBLIC int mmsim_shmdt(struct mmsim_task *task, uintptr_t addr)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, shm_detach(task->mm, addr));
}
