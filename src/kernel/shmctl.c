/*
 * shmctl.c: what is known of System V segments, and what can be set.
 *
 *   IPC_STAT      of the segment with this id; SHM_STAT, SHM_STAT_ANY: with
 *                 this index, and the id is returned
 *   IPC_INFO      the limits; SHM_INFO: what is used; the highest index
 *   IPC_SET       owner, group and permissions
 *   IPC_RMID      marks the segment: it goes with its last area
 *   SHM_LOCK      its pages are not reclaimed: those made from now on are
 *                 unevictable at once, others when reclaim meets them
 *   SHM_UNLOCK    they are as others again
 *
 * Source: shmctl(2), mlock(2); experiments on 6.18 (order of the
 * checks).
 */
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/mlock.h"
#include "kernel/shm.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* --- looking ------------------------------------------------------------- */

static int shm_highest_index(struct mmsim_machine *machine)
{
	int highest = 0;

	for (uint64_t index = 0; shm_next(machine, &index); index++)
		highest = (int)index;
	return highest;
}

static int shm_limits(struct mmsim_machine *machine, struct shminfo *info)
{
	if (!info)
		return -EFAULT;
	memset(info, 0, sizeof(*info));
	info->shmmax = (unsigned long)machine->vm.shmmax;
	info->shmmin = 1;
	info->shmmni = (unsigned long)machine->vm.shmmni;
	info->shmseg = info->shmmni;
	info->shmall = (unsigned long)machine->vm.shmall;
	return shm_highest_index(machine);
}

static int shm_usage(struct mmsim_machine *machine, struct shm_info *info)
{
	const struct shm_segment *shm;
	uint64_t index = 0;

	if (!info)
		return -EFAULT;
	memset(info, 0, sizeof(*info));
	info->used_ids = (int)machine->shm->nr_segments;
	info->shm_tot = machine->shm->nr_pages;
	for (; (shm = shm_next(machine, &index)); index++) {
		info->shm_rss += shm->file->inode->mapping.nr_pages;
		info->shm_swp += shmem_nr_swapped(shm->file->inode);
	}
	return shm_highest_index(machine);
}

static void shm_fill(const struct shm_segment *shm, struct shmid_ds *ds)
{
	memset(ds, 0, sizeof(*ds));
	ds->shm_perm.__key = shm->key;
	ds->shm_perm.uid = shm->uid;
	ds->shm_perm.gid = shm->gid;
	ds->shm_perm.cuid = shm->cuid;
	ds->shm_perm.cgid = shm->cgid;
	ds->shm_perm.mode = (unsigned short)shm->mode;
	ds->shm_perm.__seq = (unsigned short)(shm->id >> SHM_INDEX_BITS);
	ds->shm_segsz = shm->size;
	ds->shm_atime = (time_t)shm->atime;
	ds->shm_dtime = (time_t)shm->dtime;
	ds->shm_ctime = (time_t)shm->ctime;
	ds->shm_cpid = shm->cpid;
	ds->shm_lpid = shm->lpid;
	ds->shm_nattch = shm->nattch;
}

static int shm_stat(struct mmsim_task *task, int id, int cmd,
		    struct shmid_ds *ds)
{
	struct mmsim_machine *machine = task->machine;
	struct shm_segment *shm;
	int err = 0;

	if (cmd == IPC_STAT) {
		err = shm_find(machine, id, &shm);
	} else {
		shm = radix_find(&machine->shm->segments,
				 (uint64_t)(id & SHM_INDEX_MASK));
		err = shm ? 0 : -EINVAL;
	}
	if (err)
		return err;
	if (cmd != SHM_STAT_ANY && !shm_is_permitted(task, shm, 0444))
		return -EACCES;
	if (!ds)
		return -EFAULT;
	shm_fill(shm, ds);
	return cmd == IPC_STAT ? 0 : shm->id;
}

/* --- changing ------------------------------------------------------------ */

static int shm_set(struct mmsim_machine *machine, struct shm_segment *shm,
		   const struct shmid_ds *ds)
{
	if (ds->shm_perm.uid == (uid_t)-1 || ds->shm_perm.gid == (gid_t)-1)
		return -EINVAL;
	shm->uid = ds->shm_perm.uid;
	shm->gid = ds->shm_perm.gid;
	shm->mode = (shm->mode & ~(unsigned)SHM_MODE_BITS) |
		    (ds->shm_perm.mode & SHM_MODE_BITS);
	shm->ctime = shm_now(machine);
	return 0;
}

static void shm_remove(struct mmsim_machine *machine, struct shm_segment *shm)
{
	shm->mode |= SHM_DEST;
	shm->key = IPC_PRIVATE;
	shm_try_to_destroy(machine, shm);
}

static int shm_change(struct mmsim_task *task, int id, int cmd,
		      const struct shmid_ds *ds)
{
	struct shm_segment *shm;
	int err;

	if (cmd == IPC_SET && !ds)
		return -EFAULT;
	err = shm_find(task->machine, id, &shm);
	if (err)
		return err;
	if (!shm_is_owned(task, shm))
		return -EPERM;
	if (cmd == IPC_SET)
		return shm_set(task->machine, shm, ds);
	shm_remove(task->machine, shm);
	return 0;
}

/* --- locking ------------------------------------------------------------- */

/* Pages of segments that count in this user's RLIMIT_MEMLOCK. */
static uint64_t shm_nr_locked(struct mmsim_machine *machine, uid_t uid)
{
	const struct shm_segment *shm;
	uint64_t index = 0, nr_pages = 0;

	for (; (shm = shm_next(machine, &index)); index++)
		if ((shm->mode & SHM_LOCKED) && shm->lock_uid == uid)
			nr_pages += shm_pages(shm);
	return nr_pages;
}

static int shm_lock(struct mmsim_task *task, struct shm_segment *shm)
{
	uint64_t limit = task_rlimit(task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (shm->mode & SHM_LOCKED)
		return 0;
	if (!task_is_root(task) &&
	    shm_nr_locked(task->machine, task->uid) + shm_pages(shm) > limit)
		return -ENOMEM;
	shm->mode |= SHM_LOCKED;
	shm->lock_uid = task->uid;
	shm->file->inode->mapping.is_unevictable = true;
	return 0;
}

static void shm_unlock(struct mmsim_machine *machine, struct shm_segment *shm)
{
	struct address_space *mapping = &shm->file->inode->mapping;
	uint64_t index = 0;
	void *entry;

	if (!(shm->mode & SHM_LOCKED))
		return;
	shm->mode &= ~(unsigned)SHM_LOCKED;
	mapping->is_unevictable = false;
	for (; (entry = radix_next(&mapping->pages, &index)); index++)
		if (!radix_is_value(entry))
			lru_rescue(machine, entry);
}

static int shm_lock_call(struct mmsim_task *task, int id, int cmd)
{
	struct shm_segment *shm;
	int err = shm_find(task->machine, id, &shm);

	if (err)
		return err;
	if (!shm_is_owned(task, shm) ||
	    (cmd == SHM_LOCK && !mlock_is_allowed(task)))
		return -EPERM;
	if (cmd == SHM_LOCK)
		return shm_lock(task, shm);
	shm_unlock(task->machine, shm);
	return 0;
}

/* --- the call ------------------------------------------------------------ */

static int shm_control(struct mmsim_task *task, int id, int cmd, void *buf)
{
	if (cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return shm_limits(task->machine, buf);
	case SHM_INFO:
		return shm_usage(task->machine, buf);
	case SHM_STAT_ANY:
		if (task->machine->profile < PROFILE_6_1)
			return -EINVAL;
		return shm_stat(task, id, cmd, buf);
	case SHM_STAT:
	case IPC_STAT:
		return shm_stat(task, id, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return shm_change(task, id, cmd, buf);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock_call(task, id, cmd);
	default:
		return -EINVAL;
	}
}

PUBLIC int mmsim_shmctl(struct mmsim_task *task, int id, int cmd, void *buf)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, shm_control(task, id, cmd, buf));
}
