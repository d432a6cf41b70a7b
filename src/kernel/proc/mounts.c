/*
 * mounts.c: the file systems there are: /proc/mounts, and the view df.
 *
 *   /            the simulated disk, ext4
 *   /tmp         tmpfs, tmp_size of the spec
 *   /dev/shm     tmpfs, shm_size
 *
 * A size stands in the options of a tmpfs only when it is not the default, half
 * of the memory.  df passes over a tmpfs without a limit, for it has no size;
 * what a full one or the disk has used is told in KiB.
 *
 * Simplified: ext4 keeps no blocks for root and its own maps.
 *
 * Sources: proc(5), tmpfs(5), df(1).
 */
#include "kernel/file_state.h"
#include "kernel/proc/proc.h"
#include "kernel/view.h"

#include <errno.h>

static const struct mount {
	char device[12], path[12], type[8];
	enum file_place place;
} mounts[] = {
	{"/dev/vda", "/", "ext4", PLACE_DISK},
	{"tmpfs", "/dev/shm", "tmpfs", PLACE_SHM},
	{"tmpfs", "/tmp", "tmpfs", PLACE_TMP},
};

static int show_mounts(struct mmsim_machine *machine, struct mmsim_task *task,
		       struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const struct mount *mount = &mounts[i];
		uint64_t max = machine->files->max_tmpfs_pages[mount->place];

		outbuf_printf(out, "%s %s %s rw,relatime", mount->device,
			      mount->path, mount->type);
		if (mount->place != PLACE_DISK &&
		    max != machine->files->default_tmpfs_pages)
			outbuf_printf(
				out, ",size=%luk",
				max == UINT64_MAX
					? 0
					: (unsigned long)pages_to_kb(max));
		outbuf_str(out, " 0 0\n");
	}
	return 0;
}

bool proc_find_mounts(struct proc_file *file)
{
	return proc_is(file, "/proc/mounts", show_mounts, NULL, NULL);
}

static void show_df(const struct mmsim_machine *machine,
		    const struct mount *mount, struct outbuf *out)
{
	const struct file_state *state = machine->files;
	uint64_t size = state->disk_blocks, used = state->nr_disk_blocks;

	if (mount->place != PLACE_DISK) {
		size = state->max_tmpfs_pages[mount->place];
		used = state->nr_tmpfs_pages[mount->place];
	}
	if (size == UINT64_MAX)
		return;
	outbuf_printf(out, "%-14s %10lu %10lu %10lu %3lu%% %s\n", mount->device,
		      (unsigned long)pages_to_kb(size),
		      (unsigned long)pages_to_kb(used),
		      (unsigned long)pages_to_kb(size - used),
		      (unsigned long)((used * 100 + size - 1) / size),
		      mount->path);
}

int view_df(struct mmsim_machine *machine, struct outbuf *out, const char *args)
{
	if (*args)
		return -EINVAL;
	outbuf_printf(out, "%-14s %10s %10s %10s %4s %s\n", "Filesystem",
		      "1K-blocks", "Used", "Available", "Use%", "Mounted on");
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		show_df(machine, &mounts[i], out);
	return 0;
}
