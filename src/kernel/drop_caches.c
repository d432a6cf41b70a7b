/*
 * drop_caches.c: caches are given up because somebody wants it.
 *
 *   1   the page caches of all files: pages that are clean and that nobody uses
 *       (mapped or locked ones are used); the others are only made the next to
 *       be reclaimed.  tmpfs has no copy elsewhere and keeps what was written,
 *       but its pages, too, count as not used
 *   2   slab objects: all shrinkers, again and again, until there is hardly
 *       anything to be had
 *   3   both
 *   4   with the others: says nothing in the log any more
 *
 * Nothing is written to the disk: after a sync more can be dropped.
 *
 * Simplified: it is always init who writes to the file.
 *
 * Source: kernel documentation, admin-guide/sysctl/vm; recordings.
 */
#include "kernel/file_state.h"

#include <errno.h>

enum { DROP_PAGES = 1, DROP_SLABS = 2, DROP_SILENT = 4 };

static void drop_pages(struct mmsim_machine *machine)
{
	struct inode *inode;

	list_for_each(inode, file_inodes(machine), link)
		invalidate_mapping_pages(&inode->mapping, 0, UINT64_MAX);
	count_vm_event(machine, DROP_PAGECACHE);
}

static void drop_slabs(struct mmsim_machine *machine)
{
	uint64_t enough = 1;

	for (; shrink_slab(machine, 0) > enough; enough *= 2)
		;
	count_vm_event(machine, DROP_SLAB);
}

int drop_caches(struct mmsim_machine *machine, uint64_t what)
{
	struct file_state *state = machine->files;
	bool is_new = machine->profile >= PROFILE_6_1;

	if (what < 1 || what > (is_new ? 4 : 3))
		return -EINVAL;
	if (what & DROP_PAGES)
		drop_pages(machine);
	if (what & DROP_SLABS)
		drop_slabs(machine);
	if (is_new && !state->drops_silently)
		printk(machine, "%s (%d): drop_caches: %d",
		       machine->init_task->comm, machine->init_task->pid,
		       (int)what);
	state->drops_silently |= what & DROP_SILENT;
	return 0;
}
