/*
 * rlimit.c: the limits of a task's resources.
 *
 * A limit is a pair: the soft one is what is enforced; the hard one is how far
 * the task may raise it.  Anybody may lower the hard limit, only root may raise
 * it.  A child inherits its parent's.
 *
 * The defaults are those that the kernel gives to init.  The number of
 * processes follows from the memory: half of the threads whose stacks would
 * fill an eighth of it.
 *
 * Simplified: those of memory, files mapped and processes are enforced; the
 * others are only kept.
 *
 * Sources: getrlimit(2), prlimit(2); recordings of 6.1 for MEMLOCK.
 */
#include "kernel/rlimit.h"
#include "kernel/machine.h"

#include <errno.h>
#include <sys/resource.h>

#define RLIMIT_NONE UINT64_MAX

_Static_assert((int)RLIMIT_NLIMITS == (int)NR_RLIMITS,
	       "all limits have a place");

uint64_t rlimit_max_threads(const struct mmsim_machine *machine)
{
	uint64_t threads = machine->totalram_pages / (KERNEL_STACK_PAGES * 8);

	return threads > 20 ? threads : 20;
}

static uint64_t rlimit_memlock(const struct mmsim_machine *machine)
{
	return machine->profile >= PROFILE_6_1 ? 8 * MIB : 64 * KIB;
}

static void rlimit_set(struct rlimit_pair *pair, uint64_t soft, uint64_t hard)
{
	pair->soft = soft;
	pair->hard = hard;
}

void rlimit_init(struct mmsim_task *init)
{
	struct rlimit_pair *limits = init->rlimits;
	uint64_t nproc = rlimit_max_threads(init->machine) / 2;
	uint64_t memlock = rlimit_memlock(init->machine);

	for (unsigned i = 0; i < NR_RLIMITS; i++)
		rlimit_set(&limits[i], RLIMIT_NONE, RLIMIT_NONE);
	rlimit_set(&limits[RLIMIT_STACK], 8 * MIB, RLIMIT_NONE);
	rlimit_set(&limits[RLIMIT_CORE], 0, RLIMIT_NONE);
	rlimit_set(&limits[RLIMIT_NPROC], nproc, nproc);
	rlimit_set(&limits[RLIMIT_NOFILE], 1024, 4096);
	rlimit_set(&limits[RLIMIT_MEMLOCK], memlock, memlock);
	rlimit_set(&limits[RLIMIT_SIGPENDING], nproc, nproc);
	rlimit_set(&limits[RLIMIT_MSGQUEUE], 819200, 819200);
	rlimit_set(&limits[RLIMIT_NICE], 0, 0);
	rlimit_set(&limits[RLIMIT_RTPRIO], 0, 0);
}

PUBLIC int mmsim_task_set_rlimit(struct mmsim_task *task, int resource,
				 uint64_t soft, uint64_t hard)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (resource < 0 || resource >= NR_RLIMITS || soft > hard)
		err = -EINVAL;
	else if (hard > task->rlimits[resource].hard && !task_is_root(task))
		err = -EPERM;
	else if (resource == RLIMIT_NOFILE && hard > RLIMIT_MAX_NOFILE)
		err = -EPERM;
	else
		rlimit_set(&task->rlimits[resource], soft, hard);
	return err;
}

PUBLIC int mmsim_task_get_rlimit(const struct mmsim_task *task, int resource,
				 uint64_t *soft, uint64_t *hard)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (resource < 0 || resource >= NR_RLIMITS)
		return -EINVAL;
	if (soft)
		*soft = task->rlimits[resource].soft;
	if (hard)
		*hard = task->rlimits[resource].hard;
	return 0;
}
