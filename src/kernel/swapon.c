/*
 * swapon.c: swapon and swapoff.
 *
 * A device of the spec (/dev/vdb, ...), or a file on the disk without holes,
 * becomes a swap area.  29 areas are the most.  Nobody may write a file that is
 * one, or cut or remove it.
 *
 * swapoff takes the area out of use, so that no more pages go there, and brings
 * all of its pages back (swapoff.c).  When there is no room for them the area
 * is in use again, and what came back is back: nothing is lost.
 *
 * The map of slots, a byte for each, takes memory of the kernel's; that of
 * areas that are on at boot is among what boot used.
 *
 * Simplified: no signature of mkswap is looked for.  A swap file is a device of
 * its own: it does not compete with the other files of its disk.  No task is
 * killed for the memory that swapoff needs.
 *
 * Source: swapon(2), swapon(8).
 */
#include "kernel/commit.h"
#include "kernel/file_state.h"
#include "kernel/swap_state.h"
#include "kernel/syscall.h"
#include "kernel/vmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/swap.h>

enum {
	SWAPON_DISCARD_ONCE = 0x20000,
	SWAPON_DISCARD_PAGES = 0x40000,
	SWAPON_FLAGS = SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK |
		       SWAP_FLAG_DISCARD | SWAPON_DISCARD_ONCE |
		       SWAPON_DISCARD_PAGES,
};

static struct swap_area *find_area(const struct mmsim_machine *machine,
				   const char *path)
{
	for (unsigned type = 0; type < MAX_SWAPFILES; type++) {
		struct swap_area *area = machine->swap->types[type];

		if (area && strcmp(area->path, path) == 0)
			return area;
	}
	return NULL;
}

static unsigned count_areas(const struct mmsim_machine *machine)
{
	unsigned nr = 0;

	for (unsigned type = 0; type < MAX_SWAPFILES; type++)
		nr += machine->swap->types[type] != NULL;
	return nr;
}

static const struct swap_device *
find_device(const struct mmsim_machine *machine, const char *path)
{
	const struct swap_state *state = machine->swap;

	for (unsigned i = 0; i < state->nr_devices; i++)
		if (strcmp(state->devices[i].path, path) == 0)
			return &state->devices[i];
	return NULL;
}

bool swap_is_device(const struct mmsim_machine *machine, const char *path)
{
	return find_device(machine, path) != NULL;
}

static int check_path(const char *path)
{
	int err = path_check(path);

	/* a directory is there, but is neither a device nor a file */
	return err == -EISDIR ? -EINVAL : err;
}

/* --- swapon -------------------------------------------------------------- */

/* What could be an area: a device, or a file. */
struct swapon_place {
	const char *path;
	uint64_t nr_slots;
	struct inode *inode; /* NULL: a device */
};

/* 0, or why the path cannot be one. */
static int swapon_find(struct mmsim_machine *machine, const char *path,
		       struct swapon_place *place)
{
	const struct swap_device *device = find_device(machine, path);
	struct inode *inode;

	if (find_area(machine, path))
		return -EBUSY;
	if (device) {
		*place = (struct swapon_place){device->path, device->nr_slots,
					       NULL};
		return 0;
	}
	inode = path_find(machine, path);
	if (!inode)
		return -ENOENT;
	*place = (struct swapon_place){inode->path, inode->size / PAGE_SIZE,
				       inode};
	/* with a header and a slot, and all of it on the disk */
	if (inode->place != PLACE_DISK || place->nr_slots < 2 ||
	    inode->nr_blocks < place->nr_slots)
		return -EINVAL;
	return 0;
}

static int swapon_place(struct mmsim_machine *machine,
			const struct swapon_place *place, int prio)
{
	struct mmsim_file *file = NULL;
	struct swap_area *area;
	uint64_t map;

	if (place->inode) {
		file = file_open_inode(place->inode, O_RDWR);
		if (!file)
			return -ENOMEM;
	}
	map = vmalloc(machine, place->nr_slots);
	if (!map)
		goto close_file;
	area = swap_area_add(machine, place->path, place->nr_slots, prio);
	if (!area)
		goto free_map;
	area->kernel_map = map;
	area->file = file;
	if (file)
		place->inode->is_swapfile = true;
	return 0;
free_map:
	vfree(machine, map);
close_file:
	file_put(file);
	return -ENOMEM;
}

static int swapon_do(struct mmsim_task *task, const char *path, int flags)
{
	struct mmsim_machine *machine = task->machine;
	struct swapon_place place;
	int err;

	if (flags & ~SWAPON_FLAGS)
		return -EINVAL;
	if (!task_is_root(task))
		return -EPERM;
	if (count_areas(machine) == MAX_SWAPFILES)
		return -EPERM;
	err = check_path(path);
	if (!err)
		err = swapon_find(machine, path, &place);
	if (err)
		return err;
	return swapon_place(
		machine, &place,
		flags & SWAP_FLAG_PREFER ? flags & SWAP_FLAG_PRIO_MASK : -1);
}

PUBLIC int mmsim_swapon(struct mmsim_task *task, const char *path, int flags)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, swapon_do(task, path, flags));
}

/* --- swapoff ------------------------------------------------------------- */

/* All that the area could hold must be promised elsewhere. */
static int swapoff_is_allowed(struct mmsim_task *task,
			      const struct swap_area *area)
{
	int err = commit_charge(task, area->nr_slots - 1);

	if (!err)
		commit_uncharge(task->machine, area->nr_slots - 1);
	return err;
}

static void swapoff_release(struct swap_area *area)
{
	struct mmsim_machine *machine = area->machine;
	struct mmsim_file *file = area->file;
	uint64_t map = area->kernel_map;

	swap_area_remove(area);
	if (map)
		vfree(machine, map);
	if (file)
		file->inode->is_swapfile = false;
	file_put(file);
}

static int swapoff_do(struct mmsim_task *task, const char *path)
{
	struct mmsim_machine *machine = task->machine;
	struct swap_area *area;
	int err;

	if (!task_is_root(task))
		return -EPERM;
	err = check_path(path);
	if (err)
		return err;
	area = find_area(machine, path);
	if (!area && !find_device(machine, path) && !path_find(machine, path))
		return -ENOENT;
	if (!area)
		return -EINVAL;
	err = swapoff_is_allowed(task, area);
	if (err)
		return err;
	swap_area_close(area);
	err = swap_area_empty(area, task);
	if (err)
		swap_area_reopen(area);
	else
		swapoff_release(area);
	return err;
}

PUBLIC int mmsim_swapoff(struct mmsim_task *task, const char *path)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, swapoff_do(task, path));
}
