/*
 * flusher.c: the kernel thread that writes dirty pages in the background.
 *
 *   old        every dirty_writeback_centisecs it looks for files that are
 *              dirty since dirty_expire_centisecs, and writes them
 *   too much   more pages are dirty than the background limit allows: the
 *              files that are dirty for the longest time first, until it is
 *              less
 *   wanted     reclaim has met nothing but dirty pages: as many as were dirty
 *              then
 *
 *   list   [ file A, dirty since 3 s ][ B, 5 s ][ C, 9 s ]   the clock: 34 s
 *            old: written                ..        ..
 *
 * A step writes up to 1024 pages of one file, from where the last one ended; at
 * the file's end it goes to the end of the list, if it has dirty pages again.
 * The device's queue has a limit: when it is full the flusher sleeps until half
 * of it is done, so that what is dirty and what is on its way can be told
 * apart.
 *
 * Simplified: one flusher, as there is one disk.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm; proc(5).
 */
#include "kernel/file_state.h"
#include "kernel/writeback.h"

enum {
	FLUSH_PAGES = 1024,       /* of a step */
	FLUSH_QUEUE_PAGES = 8192, /* under way at most */
};

#define CENTISEC_NS ((uint64_t)10000000)

static uint64_t flusher_interval(const struct mmsim_machine *machine)
{
	return (uint64_t)machine->vm.dirty_writeback_centisecs * CENTISEC_NS;
}

/* It is time to look for old files: what counts as old is fixed now. */
static void flusher_look_for_old(struct mmsim_machine *machine,
				 struct flusher *flusher)
{
	uint64_t now = clock_now(machine), interval = flusher_interval(machine);
	uint64_t age =
		(uint64_t)machine->vm.dirty_expire_centisecs * CENTISEC_NS;

	if (!interval || now < flusher->last_old_flush_ns + interval)
		return;
	flusher->last_old_flush_ns = now;
	flusher->expire_before_ns = now < age ? 0 : now - age + 1;
}

static bool is_over_background(const struct mmsim_machine *machine)
{
	return vmstat_node_total(machine, NR_FILE_DIRTY) >
	       dirty_limits(machine).background;
}

/* The file to write now; NULL: nothing is to be done. */
static struct inode *flusher_choose(struct mmsim_machine *machine,
				    const struct flusher *flusher)
{
	struct inode *inode;

	if (list_is_empty(&flusher->dirty))
		return NULL;
	inode = list_first(&flusher->dirty, struct inode, dirty_link);
	if (inode->dirtied_ns < flusher->expire_before_ns ||
	    flusher->nr_wanted > 0 || is_over_background(machine))
		return inode;
	return NULL;
}

/* When it wants to look again without being woken. */
static uint64_t flusher_sleep(const struct mmsim_machine *machine,
			      struct flusher *flusher)
{
	uint64_t interval = flusher_interval(machine);

	flusher->nr_wanted = 0;
	if (list_is_empty(&flusher->dirty) || !interval)
		return KTHREAD_ASLEEP;
	return flusher->last_old_flush_ns + interval;
}

/* A piece of the file; how many pages were written. */
static uint64_t flusher_write(struct flusher *flusher, struct inode *inode)
{
	uint64_t nr = writeback_some(&inode->mapping, &inode->writeback_index,
				     FLUSH_PAGES);

	flusher->nr_wanted -= min_size(nr, flusher->nr_wanted);
	if (inode->writeback_index != UINT64_MAX)
		return nr;
	inode->writeback_index = 0;
	if (inode->mapping.nr_dirty) {
		inode->dirtied_ns = inode->machine->clock_ns;
		list_move_tail(&inode->dirty_link, &flusher->dirty);
	}
	return nr;
}

static uint64_t flusher_step(struct kthread *thread)
{
	struct mmsim_machine *machine = thread->machine;
	const struct blkdev *disk = &machine->files->disk;
	struct flusher *flusher = thread->arg;
	struct inode *inode;
	uint64_t nr;

	blkdev_poll(machine);
	flusher_look_for_old(machine, flusher);
	inode = flusher_choose(machine, flusher);
	if (!inode)
		return flusher_sleep(machine, flusher);
	if (disk->nr_writes >= FLUSH_QUEUE_PAGES)
		return disk->busy_until_ns -
		       FLUSH_QUEUE_PAGES / 2 * disk->page_ns;
	nr = flusher_write(flusher, inode);
	kthread_charge(thread, COST_SYSCALL + nr * COST_WRITEBACK_PAGE);
	if (nr > 0)
		return clock_now(machine);
	/* what is dirty is being written already */
	return min_size(blkdev_next_end_ns(machine),
			clock_now(machine) + CENTISEC_NS);
}

void flusher_wake(struct mmsim_machine *machine)
{
	struct flusher *flusher = &machine->files->flusher;

	flusher->nr_wanted = max_size(
		flusher->nr_wanted, vmstat_node_total(machine, NR_FILE_DIRTY));
	kthread_wake(&flusher->thread);
}

void flusher_wake_later(struct mmsim_machine *machine)
{
	struct flusher *flusher = &machine->files->flusher;
	uint64_t interval = flusher_interval(machine);

	if (interval && !list_is_empty(&flusher->dirty))
		kthread_wake_at(&flusher->thread,
				clock_now(machine) + interval);
}

void flusher_init(struct mmsim_machine *machine)
{
	struct flusher *flusher = &machine->files->flusher;

	list_init(&flusher->dirty);
	kthread_init(machine, &flusher->thread, "flush-vda", flusher_step,
		     flusher);
}

void flusher_fini(struct mmsim_machine *machine)
{
	kthread_fini(&machine->files->flusher.thread);
}
