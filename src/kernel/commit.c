/*
 * commit.c: overcommit: what may be promised.
 *
 * A private writable area may need a frame for each of its pages one day.
 * Those pages are counted in Committed_AS when the area is made, whatever the
 * mode; vm.overcommit_memory only says when a request is refused:
 *
 *   0  this one request is larger than all of RAM and swap.  Neither what is
 *      free nor what was promised before is looked at, so twenty requests of
 *      90 % of the RAM each are granted.
 *   1  never.
 *   2  Committed_AS would reach CommitLimit less the reserves:
 *          CommitLimit = RAM x overcommit_ratio / 100 + swap
 *                        (or overcommit_kbytes + swap)
 *          reserves    = admin_reserve_kbytes, but for root
 *                      + the smaller of user_reserve_kbytes and 1/32 of the
 *                        asking process, so that one process cannot take all
 *
 * fork asks again for every area of the parent that was charged, one area at
 * a time, and mprotect asks when an area becomes writable.
 *
 * Older profiles: mode 0 compared the request with what could be made free
 * (3.10: free pages and page cache less the reserves), and 2.6.32 kept 3 % of
 * everything for root where later kernels have fixed amounts.
 *
 * Simplified: the kernel's counter is exact; the real one may be late by some
 * pages a CPU.  There are no pages of hugetlbfs to take off.
 *
 * Sources: kernel documentation, mm/overcommit-accounting and
 * admin-guide/sysctl/vm; proc(5); recordings of 6.1 for what is compared.
 */
#include "kernel/commit.h"
#include "kernel/machine.h"

#include <errno.h>

enum {
	OVERCOMMIT_GUESS,
	OVERCOMMIT_ALWAYS,
	OVERCOMMIT_NEVER,
	KB_TO_PAGES_SHIFT = PAGE_SHIFT - 10,
};

/* Amounts that may go below nothing. */
static uint64_t commit_less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

uint64_t commit_limit(const struct mmsim_machine *machine)
{
	uint64_t kbytes = (uint64_t)machine->vm.overcommit_kbytes;
	uint64_t allowed;

	if (kbytes)
		allowed = kbytes >> KB_TO_PAGES_SHIFT;
	else
		allowed = machine->totalram_pages *
			  (uint64_t)machine->vm.overcommit_ratio / 100;
	return allowed + machine->total_swap_pages;
}

/* 2.6.32: page cache, swap and free pages, 3 % of them for root alone. */
static bool commit_guess_2_6_32(const struct mmsim_task *task,
				uint64_t nr_pages)
{
	const struct mmsim_machine *machine = task->machine;
	uint64_t free = vmstat_zone_total(machine, NR_FREE_PAGES);
	uint64_t other = vmstat_node_total(machine, NR_FILE_PAGES) +
			 vmstat_node_total(machine, NR_SLAB_RECLAIMABLE) +
			 machine->nr_swap_pages;

	free = commit_less(free, machine->totalreserve_pages);
	if (!task_is_root(task)) {
		other -= other / 32;
		free -= free / 32;
	}
	return other + free > nr_pages;
}

/* 3.10: tmpfs counts no longer, root's part is admin_reserve_kbytes. */
static bool commit_guess_3_10(const struct mmsim_task *task, uint64_t nr_pages)
{
	const struct mmsim_machine *machine = task->machine;
	uint64_t free = vmstat_zone_total(machine, NR_FREE_PAGES) +
			vmstat_node_total(machine, NR_FILE_PAGES) -
			vmstat_node_total(machine, NR_SHMEM) +
			vmstat_node_total(machine, NR_SLAB_RECLAIMABLE) +
			machine->nr_swap_pages;

	free = commit_less(free, machine->totalreserve_pages);
	if (!task_is_root(task))
		free = commit_less(free,
				   (uint64_t)machine->vm.admin_reserve_kbytes >>
					   KB_TO_PAGES_SHIFT);
	return free > nr_pages;
}

static bool commit_guess(const struct mmsim_task *task, uint64_t nr_pages)
{
	const struct mmsim_machine *machine = task->machine;

	if (machine->profile <= PROFILE_2_6_32)
		return commit_guess_2_6_32(task, nr_pages);
	if (machine->profile <= PROFILE_3_10)
		return commit_guess_3_10(task, nr_pages);
	return nr_pages <= machine->totalram_pages + machine->total_swap_pages;
}

/* Mode 2: what this task may bring Committed_AS to, not quite reaching it. */
static uint64_t commit_allowed(const struct mmsim_task *task)
{
	const struct mmsim_machine *machine = task->machine;
	const struct sysctl_vm *vm = &machine->vm;
	uint64_t allowed = commit_limit(machine);
	uint64_t share = task->mm ? task->mm->total_vm / 32 : 0;

	if (machine->profile <= PROFILE_2_6_32) {
		if (!task_is_root(task))
			allowed -= (allowed - machine->total_swap_pages) / 32;
		return commit_less(allowed, share);
	}
	if (!task_is_root(task))
		allowed = commit_less(allowed,
				      (uint64_t)vm->admin_reserve_kbytes >>
					      KB_TO_PAGES_SHIFT);
	return commit_less(allowed,
			   min_size(share, (uint64_t)vm->user_reserve_kbytes >>
						   KB_TO_PAGES_SHIFT));
}

static bool commit_is_allowed(const struct mmsim_task *task, uint64_t nr_pages)
{
	switch (task->machine->vm.overcommit_memory) {
	case OVERCOMMIT_ALWAYS:
		return true;
	case OVERCOMMIT_GUESS:
		return commit_guess(task, nr_pages);
	default:
		return task->machine->committed_as + nr_pages <
		       commit_allowed(task);
	}
}

int commit_charge(struct mmsim_task *task, uint64_t nr_pages)
{
	struct mmsim_machine *machine = task->machine;

	if (!commit_is_allowed(task, nr_pages)) {
		machine_refuse(machine,
			       machine->vm.overcommit_memory == OVERCOMMIT_GUESS
				       ? REFUSAL_HEURISTIC
				       : REFUSAL_COMMIT_LIMIT);
		return -ENOMEM;
	}
	machine->committed_as += nr_pages;
	return 0;
}

void commit_uncharge(struct mmsim_machine *machine, uint64_t nr_pages)
{
	ASSERT(machine->committed_as >= nr_pages);
	machine->committed_as -= nr_pages;
}

bool commit_is_accountable(const struct mmsim_machine *machine,
			   struct mmsim_file *file, vm_flags_t flags)
{
	(void)machine;
	(void)file;
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}
