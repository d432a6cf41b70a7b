/*
 * dirty_limit.c: how much of the memory may be dirty, and who has to wait.
 *
 *   dirtyable    free pages that no zone keeps back, and the file LRU lists
 *   background   dirty_background_ratio of it, or dirty_background_bytes
 *   dirty        dirty_ratio of it, or dirty_bytes
 *
 *   0        background      midway         dirty
 *   |------------|-------------|--------------|
 *    nobody cares  the flusher   writers are    they stand still
 *                  works         slowed down
 *
 * The flusher looks at what is dirty, writers at what is dirty or on its way. A
 * writer looks after each 32 pages that were made dirty.  Between midway and
 * the limit it sleeps for as long as the disk needs for that many pages, times
 * how far it has come: near the limit all writers together are as fast as the
 * disk.
 *
 * Simplified: the disk's speed is known and not measured; all writers are
 * alike; the limits hold for the machine, not for each node.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm (dirty_ratio,
 * dirty_bytes); proc(5), "/proc/vmstat"; W. Fengguang's "IO-less dirty
 * throttling" as described on LWN.
 */
#include "kernel/file_state.h"
#include "kernel/writeback.h"

enum { DIRTY_RATELIMIT_PAGES = 32 };

static uint64_t dirtyable_pages(const struct mmsim_machine *machine)
{
	uint64_t pages = vmstat_zone_total(machine, NR_FREE_PAGES);

	pages -= min_size(pages, machine->totalreserve_pages);
	pages += vmstat_node_total(machine, NR_INACTIVE_FILE) +
		 vmstat_node_total(machine, NR_ACTIVE_FILE);
	return pages + 1;
}

/* `bytes` wins over `ratio`; pages. */
static uint64_t dirty_limit(uint64_t dirtyable, int64_t bytes, int64_t ratio)
{
	if (bytes)
		return ((uint64_t)bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	return (uint64_t)ratio * PAGE_SIZE / 100 * dirtyable / PAGE_SIZE;
}

struct dirty_limits dirty_limits(const struct mmsim_machine *machine)
{
	const struct sysctl_vm *vm = &machine->vm;
	uint64_t dirtyable = dirtyable_pages(machine);
	struct dirty_limits limits = {
		.background = dirty_limit(dirtyable, vm->dirty_background_bytes,
					  vm->dirty_background_ratio),
		.dirty = dirty_limit(dirtyable, vm->dirty_bytes,
				     vm->dirty_ratio),
	};

	if (limits.background >= limits.dirty)
		limits.background = limits.dirty / 2;
	return limits;
}

/* Time passes up to then, and the flusher works. */
static void wait_for_flusher(struct mmsim_machine *machine, uint64_t until_ns)
{
	clock_wait_until(machine, until_ns);
	blkdev_poll(machine);
	kthread_run_due(machine);
}

/* Pages that are not on the disk yet. */
static uint64_t pending_pages(const struct mmsim_machine *machine)
{
	return vmstat_node_total(machine, NR_FILE_DIRTY) +
	       vmstat_node_total(machine, NR_WRITEBACK);
}

/* True: the writer may go on. */
static bool balance_once(struct mmsim_machine *machine)
{
	struct file_state *state = machine->files;
	struct dirty_limits limits = dirty_limits(machine);
	uint64_t midway = (limits.background + limits.dirty) / 2;
	uint64_t pending = pending_pages(machine), next;

	if (vmstat_node_total(machine, NR_FILE_DIRTY) > limits.background)
		kthread_wake(&state->flusher.thread);
	if (pending <= midway)
		return true;
	if (pending <= limits.dirty) {
		uint64_t pause = DIRTY_RATELIMIT_PAGES * state->disk.page_ns *
				 (pending - midway) / (limits.dirty - midway);

		wait_for_flusher(machine, clock_now(machine) + pause);
		return true;
	}
	wait_for_flusher(machine, clock_now(machine));
	next = blkdev_next_end_ns(machine);
	if (next == UINT64_MAX)
		return true;
	wait_for_flusher(machine, next);
	return false;
}

void balance_dirty_pages(struct mmsim_machine *machine)
{
	struct flusher *flusher = &machine->files->flusher;
	const struct mmsim_task *task = machine->current;

	if (kthread_current(machine) ||
	    ++flusher->nr_dirtied < DIRTY_RATELIMIT_PAGES)
		return;
	flusher->nr_dirtied = 0;
	while (!balance_once(machine) && !machine->has_panicked &&
	       !(task && task->is_oom_victim))
		;
}
