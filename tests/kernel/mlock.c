/*
 * mlock.c: locked memory: limits, faults, and mlockall.
 */
#include "areas.h"

#include <sys/resource.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

TestSuite(mlock);

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(void)
{
	m = sim_boot(SIM_512M);
	t = sim_spawn(m);
}

static int lock(long page, long nr)
{
	return mmsim_mlock(t, areas_at(page), (size_t)nr * SIM_PAGE);
}

static uint64_t faults(void)
{
	struct mmsim_usage usage;

	mmsim_task_usage(t, &usage);
	return usage.min_flt;
}

Test(mlock, fills_and_counts)
{
	uint64_t before;

	start();
	areas_map(t, 0, 256, AREAS_RW);
	before = faults();
	cr_assert_eq(lock(0, 256), 0);
	cr_assert_eq(faults() - before, 256);
	cr_assert_eq(sim_status(m, t, "VmLck"), 1024);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 1024);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 1024);
	cr_assert_eq(lock(0, 256), 0);
	cr_assert_eq(sim_status(m, t, "VmLck"), 1024);
	cr_assert_eq(mmsim_munlock(t, areas_at(0), 256 * SIM_PAGE), 0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	cr_assert_eq(sim_status(m, t, "VmLck"), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 1024);
	sim_shutdown(m);
}

Test(mlock, on_fault)
{
	start();
	areas_map(t, 0, 16, AREAS_RW);
	cr_assert_eq(mmsim_mlock2(t, areas_at(0), 16 * SIM_PAGE, MLOCK_ONFAULT),
		     0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	areas_touch(t, 0, 4);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 16);
	cr_assert_eq(mmsim_mlock2(t, areas_at(0), SIM_PAGE, 2), -EINVAL);
	sim_shutdown(m);
}

Test(mlock, limits)
{
	start();
	areas_map(t, 0, 64, AREAS_RW);
	mmsim_task_set_rlimit(t, RLIMIT_MEMLOCK, 16 * SIM_PAGE, 16 * SIM_PAGE);
	cr_assert_eq(lock(0, 17), 0);
	cr_assert_eq(mmsim_munlock(t, areas_at(0), 64 * SIM_PAGE), 0);
	mmsim_task_set_uid(t, 1000);
	cr_assert_eq(lock(0, 17), -ENOMEM);
	cr_assert_eq(lock(0, 16), 0);
	/* What is locked already does not count again. */
	cr_assert_eq(lock(4, 12), 0);
	cr_assert_eq(lock(8, 16), -ENOMEM);
	cr_assert_eq(mmsim_mmap(t, 0, SIM_PAGE, AREAS_RW,
				AREAS_ANON | MAP_LOCKED, NULL, 0),
		     -EAGAIN);
	mmsim_task_set_rlimit(t, RLIMIT_MEMLOCK, 0, 0);
	cr_assert_eq(lock(0, 1), -EPERM);
	cr_assert_eq(mmsim_mmap(t, 0, SIM_PAGE, AREAS_RW,
				AREAS_ANON | MAP_LOCKED, NULL, 0),
		     -EPERM);
	cr_assert_eq(mmsim_mlockall(t, MCL_CURRENT), -EPERM);
	sim_shutdown(m);
}

Test(mlock, bad_ranges)
{
	start();
	areas_map(t, 0, 4, AREAS_RW);
	areas_map(t, 8, 2, PROT_NONE);
	cr_assert_eq(mmsim_mlock(t, areas_at(0) + 1, 1), 0);
	cr_assert_eq(mmsim_mlock(t, areas_at(0), (size_t)-1), 0);
	cr_assert_eq(mmsim_mlock(t, areas_at(0), (size_t)-8192), -EINVAL);
	cr_assert_eq(mmsim_munlock(t, areas_at(0), (size_t)-8192), -EINVAL);
	cr_assert_eq(lock(20, 1), -ENOMEM);
	cr_assert_eq(lock(20, 0), 0);
	cr_assert_eq(lock(8, 1), -ENOMEM);
	cr_assert_eq(mmsim_munlock(t, areas_at(0), 20 * SIM_PAGE), -ENOMEM);
	/* Locked up to the hole, but not filled. */
	cr_assert_eq(lock(2, 4), -ENOMEM);
	areas_are(m, t, "0-1rw-p 1-2rw-p 2-4rw-p 8-9---p 9-10---p");
	cr_assert_eq(sim_smaps_of(m, t, areas_at(2), "Rss"), 0);
	sim_shutdown(m);
}

Test(mlock, all)
{
	uintptr_t addr;

	start();
	cr_assert_eq(mmsim_mlockall(t, 0), -EINVAL);
	cr_assert_eq(mmsim_mlockall(t, 8), -EINVAL);
	cr_assert_eq(mmsim_mlockall(t, MCL_ONFAULT), -EINVAL);
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(mmsim_mlockall(t, MCL_CURRENT), 0);
	cr_assert_eq(sim_smaps_of(m, t, areas_at(0), "Rss"), 16);
	cr_assert_eq(mmsim_mlockall(t, MCL_FUTURE), 0);
	addr = sim_mmap(t, 4 * SIM_PAGE);
	cr_assert_eq(sim_smaps_of(m, t, addr, "Locked"), 16);
	cr_assert_eq(mmsim_munlockall(t), 0);
	cr_assert_eq(sim_status(m, t, "VmLck"), 0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	sim_shutdown(m);
}

/* mremap unlocks all of an area of which it leaves a part behind, and does not
 * look at the pages that it does not move: they count until they are free. */
Test(mlock, pages_of_an_area_that_lost_its_lock)
{
	intptr_t addr;
	long cleared;

	start();
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(lock(0, 4), 0);
	addr = mmsim_mremap(t, areas_at(0), 2 * SIM_PAGE, 2 * SIM_PAGE,
			    MREMAP_MAYMOVE | 4 /* DONTUNMAP */, 0);
	cr_assert_gt(addr, 0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 16);
	cleared = sim_vmstat(m, "unevictable_pgs_cleared");
	cr_assert_eq(mmsim_munmap(t, areas_at(0), 4 * SIM_PAGE), 0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 8);
	cr_assert_eq(sim_vmstat(m, "unevictable_pgs_cleared"), cleared + 2);
	sim_validate(m);
	cr_assert_eq(mmsim_munmap(t, (uintptr_t)addr, 2 * SIM_PAGE), 0);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 0);
	cr_assert_eq(sim_meminfo(m, "Unevictable"), 0);
	sim_shutdown(m);
}

Test(mlock, not_inherited)
{
	struct mmsim_task *child;

	start();
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(lock(0, 4), 0);
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	cr_assert_eq(sim_status(m, child, "VmLck"), 0);
	mmsim_task_exit(child, 0);
	cr_assert_eq(sim_status(m, t, "VmLck"), 16);
	sim_shutdown(m);
}
