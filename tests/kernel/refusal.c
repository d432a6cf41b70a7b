/*
 * refusal.c: a call that is refused notes the rule that did it.
 */
#include "kernel/machine.h"
#include "sim.h"

#include <sys/resource.h>

static struct mmsim_machine *m;
static struct mmsim_task *task;

static void boot(const char *spec)
{
	m = sim_boot(spec);
	task = sim_spawn(m);
}

static intptr_t map(uintptr_t addr, size_t len, int prot, int flags)
{
	return mmsim_mmap(task, addr, len, prot,
			  flags | MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
}

static intptr_t map_rw(size_t len)
{
	return map(0, len, PROT_READ | PROT_WRITE, 0);
}

#define assert_refused(call, rule)                                             \
	do {                                                                   \
		cr_assert_eq((call), -ENOMEM);                                 \
		cr_assert_eq(m->refusal, (rule), "%d", (int)m->refusal);       \
	} while (0)

Test(refusal, overcommit_modes)
{
	boot("ram=64M,vm.overcommit_memory=0");
	assert_refused(map_rw(128 << 20), REFUSAL_HEURISTIC);
	cr_assert_gt(map_rw(1 << 20), 0);
	cr_assert_eq(m->refusal, REFUSAL_NONE);
	sim_write(m, "/proc/sys/vm/overcommit_memory", "2");
	assert_refused(map_rw(63 << 20), REFUSAL_COMMIT_LIMIT);
	sim_shutdown(m);
}

/* A reservation costs nothing; making it writable does. */
Test(refusal, mprotect_asks_for_the_promise)
{
	uintptr_t addr;

	boot("ram=64M,vm.overcommit_memory=2");
	addr = (uintptr_t)map(0, 63 << 20, PROT_NONE, 0);
	assert_refused(
		mmsim_mprotect(task, addr, 63 << 20, PROT_READ | PROT_WRITE),
		REFUSAL_COMMIT_LIMIT);
	sim_shutdown(m);
}

Test(refusal, limits_of_the_task)
{
	uint64_t total;
	uintptr_t brk;

	boot("ram=64M,vm.overcommit_memory=1");
	total = task->mm->total_vm * SIM_PAGE;
	mmsim_task_set_rlimit(task, RLIMIT_AS, total, RLIM_INFINITY);
	assert_refused(map_rw(1 << 20), REFUSAL_RLIMIT_AS);
	mmsim_task_set_rlimit(task, RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
	mmsim_task_set_rlimit(task, RLIMIT_DATA, 2 << 20, RLIM_INFINITY);
	assert_refused(map_rw(4 << 20), REFUSAL_RLIMIT_DATA);
	brk = (uintptr_t)mmsim_brk(task, 0);
	cr_assert_eq(mmsim_brk(task, brk + (4 << 20)), (intptr_t)brk);
	cr_assert_eq(m->refusal, REFUSAL_RLIMIT_DATA);
	sim_shutdown(m);
}

Test(refusal, no_room_for_the_break)
{
	uintptr_t brk;

	boot("ram=64M,vm.overcommit_memory=1");
	brk = (uintptr_t)mmsim_brk(task, 0);
	cr_assert_gt(map(align_up(brk, SIM_PAGE) + SIM_PAGE, SIM_PAGE,
			 PROT_READ, MAP_FIXED),
		     0);
	cr_assert_eq(mmsim_brk(task, brk + (1 << 20)), (intptr_t)brk);
	cr_assert_eq(m->refusal, REFUSAL_ADDRESS_SPACE);
	sim_shutdown(m);
}

Test(refusal, no_hole_is_large_enough)
{
	uintptr_t addr;

	boot("ram=64M,vm.overcommit_memory=1");
	assert_refused(map_rw((size_t)1 << 47), REFUSAL_ADDRESS_SPACE);
	addr = (uintptr_t)map(0, 2 * SIM_PAGE, PROT_READ | PROT_WRITE, 0);
	assert_refused(mmsim_mremap(task, addr, SIM_PAGE, 2 * SIM_PAGE, 0, 0),
		       REFUSAL_ADDRESS_SPACE);
	sim_shutdown(m);
}

Test(refusal, as_many_areas_as_are_allowed)
{
	char count[16];
	uintptr_t addr;

	boot("ram=64M");
	addr = (uintptr_t)map(0, 4 * SIM_PAGE, PROT_READ | PROT_WRITE, 0);
	snprintf(count, sizeof(count), "%u", task->mm->map_count);
	sim_write(m, "/proc/sys/vm/max_map_count", count);
	assert_refused(
		mmsim_mprotect(task, addr + SIM_PAGE, SIM_PAGE, PROT_READ),
		REFUSAL_MAX_MAP_COUNT);
	assert_refused(mmsim_munmap(task, addr + SIM_PAGE, SIM_PAGE),
		       REFUSAL_MAX_MAP_COUNT);
	sim_shutdown(m);
}

/* Reclaim by a task takes time, which is counted apart. */
Test(refusal, time_in_direct_reclaim_is_counted)
{
	uintptr_t addr;

	boot("ram=32M,swap=128M,cpus=2,seed=1");
	cr_assert_eq(m->direct_reclaim_ns, 0);
	addr = sim_mmap(task, 64 << 20);
	sim_touch(task, addr, 64 << 20);
	cr_assert_gt(sim_vmstat(m, "pgscan_direct"), 0);
	cr_assert_gt(m->direct_reclaim_ns, 0);
	cr_assert_lt(m->direct_reclaim_ns, mmsim_clock_ns(m));
	sim_shutdown(m);
}
