/*
 * Tasks: pids, fork, vfork, deaths and zombies, limits.
 */
#include "sim.h"

#include <sys/resource.h>
#include <sys/wait.h>

TestSuite(task);

static struct mmsim_task *task_fork(struct mmsim_task *task)
{
	struct mmsim_task *child = NULL;
	int err = mmsim_task_fork(task, &child);

	cr_assert_eq(err, 0, "fork: %d", err);
	return child;
}

Test(task, pids_start_at_two)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b = sim_spawn(m), *c;

	cr_assert_eq(mmsim_task_pid(a), 2);
	cr_assert_eq(mmsim_task_pid(b), 3);
	c = task_fork(a);
	cr_assert_eq(mmsim_task_pid(c), 4);
	cr_assert_eq(mmsim_task_find(m, 3), b);
	cr_assert_null(mmsim_task_find(m, 5));
	cr_assert_null(mmsim_task_find(m, -1));
	/* A pid is not used again at once. */
	mmsim_task_exit(b, 0);
	cr_assert_null(mmsim_task_find(m, 3));
	cr_assert_eq(mmsim_task_pid(sim_spawn(m)), 5);
	sim_shutdown(m);
}

Test(task, no_pid_left)
{
	struct mmsim_machine *m = sim_boot("ram=1G,kernel.pid_max=301");
	struct mmsim_task *task, *last = NULL;
	long slab, free_kb;
	int n = 0, err;

	while ((err = mmsim_task_spawn(m, "x", &task)) == 0) {
		last = task;
		n++;
	}
	cr_assert_eq(err, -EAGAIN);
	cr_assert_eq(n, 299); /* 2 .. 300 */
	slab = sim_meminfo(m, "Slab");
	free_kb = sim_meminfo(m, "MemFree");
	cr_assert_eq(mmsim_task_fork(last, &task), -EAGAIN);
	cr_assert_eq(sim_meminfo(m, "Slab"), slab);
	cr_assert_eq(sim_meminfo(m, "MemFree"), free_kb);
	mmsim_task_exit(last, 0);
	cr_assert_eq(mmsim_task_spawn(m, "x", &task), 0);
	cr_assert_eq(mmsim_task_pid(task), 300);
	sim_shutdown(m);
}

Test(task, pids_go_round)
{
	struct mmsim_machine *m = sim_boot("ram=1G,kernel.pid_max=400");
	struct mmsim_task *task;

	for (int i = 2; i < 400; i++) {
		cr_assert_eq(mmsim_task_spawn(m, "x", &task), 0);
		cr_assert_eq(mmsim_task_pid(task), i);
		mmsim_task_exit(task, 0);
		mmsim_task_put(task);
	}
	/* Those below 300 are left to daemons. */
	cr_assert_eq(mmsim_task_spawn(m, "x", &task), 0);
	cr_assert_eq(mmsim_task_pid(task), 300);
	sim_shutdown(m);
}

Test(task, threads_max)
{
	/* 16 MiB: 4032 frames, 126 stacks fill an eighth of them. */
	struct mmsim_machine *m = sim_boot("ram=16M,vm.overcommit_memory=1");
	struct mmsim_task *task;
	int n = 0, err;

	while ((err = mmsim_task_spawn(m, "x", &task)) == 0)
		n++;
	cr_assert_eq(err, -EAGAIN);
	cr_assert_eq(n, 4032 / 32 - 1);
	sim_shutdown(m);
}

Test(task, kernel_stack)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a, *b;

	cr_assert_eq(sim_meminfo(m, "KernelStack"), 0);
	a = sim_spawn(m);
	cr_assert_eq(sim_meminfo(m, "KernelStack"), 16);
	b = task_fork(a);
	cr_assert_eq(sim_meminfo(m, "KernelStack"), 32);
	mmsim_task_exit(a, 0);
	mmsim_task_exit(b, 0);
	cr_assert_eq(sim_meminfo(m, "KernelStack"), 0);
	sim_shutdown(m);
}

/* A dead task gives everything back, though its handle is kept. */
Test(task, nothing_is_left)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	long free_kb = 0;

	for (int i = 0; i < 20; i++) {
		struct mmsim_task *task = sim_spawn(m), *child;

		sim_touch(task, sim_mmap(task, 1 << 20), 1 << 20);
		child = task_fork(task);
		sim_touch(child, sim_mmap(child, 1 << 20), 1 << 20);
		mmsim_task_exit(task, 0);
		mmsim_task_kill(child, SIGKILL);
		cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
		cr_assert_eq(sim_meminfo(m, "AnonPages"), 0);
		cr_assert_eq(sim_meminfo(m, "PageTables"), 0);
		/* The first ones fill the stocks of slabs and CPUs. */
		if (i == 4)
			free_kb = sim_meminfo(m, "MemFree");
	}
	cr_assert_eq(sim_meminfo(m, "MemFree"), free_kb);
	sim_shutdown(m);
}

Test(task, status)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b = sim_spawn(m);

	cr_assert(mmsim_task_is_alive(a));
	cr_assert_eq(mmsim_task_wait_status(a), -1);
	mmsim_task_exit(a, 3);
	cr_assert_not(mmsim_task_is_alive(a));
	cr_assert(WIFEXITED(mmsim_task_wait_status(a)));
	cr_assert_eq(WEXITSTATUS(mmsim_task_wait_status(a)), 3);
	/* Harmless signals, and nothing at all. */
	mmsim_task_kill(b, 0);
	mmsim_task_kill(b, SIGCHLD);
	mmsim_task_kill(b, 1000);
	cr_assert(mmsim_task_is_alive(b));
	mmsim_task_kill(b, SIGTERM);
	cr_assert(WIFSIGNALED(mmsim_task_wait_status(b)));
	cr_assert_eq(WTERMSIG(mmsim_task_wait_status(b)), SIGTERM);
	cr_assert_not(mmsim_task_is_oom_victim(b));
	/* The dead make no calls. */
	cr_assert_eq(mmsim_munmap(b, 0x10000, 4096), -ESRCH);
	cr_assert_eq(mmsim_access(b, 0x400000, 1, 0), -ESRCH);
	cr_assert_eq(mmsim_task_fork(b, &a), -ESRCH);
	mmsim_task_exit(b, 0);
	cr_assert_eq(WTERMSIG(mmsim_task_wait_status(b)), SIGTERM);
	sim_shutdown(m);
}

Test(task, zombies)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b = task_fork(a),
			  *c = task_fork(b);
	char buf[64];

	/* Its parent has not waited: the directory stays. */
	mmsim_task_exit(b, 0);
	cr_assert_null(mmsim_task_find(m, 3));
	cr_assert_gt(mmsim_proc_read(m, "/proc/3/stat", buf, sizeof(buf)), 0);
	/* The orphan is init's child now, which waits at once. */
	mmsim_task_exit(c, 0);
	cr_assert_eq(mmsim_proc_read(m, "/proc/4/stat", buf, sizeof(buf)),
		     -ENOENT);
	mmsim_task_put(b);
	cr_assert_eq(mmsim_proc_read(m, "/proc/3/stat", buf, sizeof(buf)),
		     -ENOENT);
	/* A parent that dies leaves its zombies to init. */
	b = task_fork(a);
	mmsim_task_exit(b, 0);
	mmsim_task_exit(a, 0);
	cr_assert_eq(mmsim_proc_read(m, "/proc/5/stat", buf, sizeof(buf)),
		     -ENOENT);
	sim_shutdown(m);
}

Test(task, put_while_alive)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m);

	mmsim_task_put(a);
	a = mmsim_task_find(m, 2);
	cr_assert_not_null(a);
	cr_assert(mmsim_task_is_alive(a));
	mmsim_task_exit(a, 0);
	cr_assert_null(mmsim_task_find(m, 2));
	sim_shutdown(m);
}

Test(task, init_is_not_killed)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *init = mmsim_task_find(m, 1), *child;
	char *log = malloc(4096);

	mmsim_task_kill(init, SIGKILL);
	cr_assert(mmsim_task_is_alive(init));
	cr_assert_eq(mmsim_task_fork(init, &child), -ESRCH);
	mmsim_task_exit(init, 1);
	cr_assert(mmsim_machine_has_panicked(m));
	mmsim_machine_log(m, log, 4096);
	cr_assert_not_null(strstr(log, "Kernel panic - not syncing: Attempted "
				       "to kill init! exitcode=0x00000100"));
	cr_assert_eq(mmsim_task_spawn(m, "x", &child), -EIO);
	mmsim_machine_shutdown(m);
	free(log);
}

Test(task, fork_inherits)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=2");
	struct mmsim_task *a = sim_spawn(m), *b;
	uint64_t soft, hard;

	cr_assert_eq(mmsim_task_set_nice(a, 5), 0);
	cr_assert_eq(mmsim_task_set_rlimit(a, RLIMIT_DATA, 1 << 30, 1 << 30),
		     0);
	cr_assert_eq(mmsim_task_set_cpu(a, 1), 0);
	cr_assert_eq(mmsim_task_set_cpu(a, 2), -EINVAL);
	sim_write(m, "/proc/2/oom_score_adj", "250");
	cr_assert_eq(mmsim_task_set_uid(a, 1000), 0);
	cr_assert_eq(mmsim_task_set_uid(a, 0), 0);
	cr_assert_eq(mmsim_task_set_uid(a, 1000), 0);
	cr_assert_eq(mmsim_task_set_nice(a, 4), -EACCES);
	cr_assert_eq(mmsim_task_set_rlimit(a, RLIMIT_DATA, 1 << 30, 2ul << 30),
		     -EPERM);
	cr_assert_eq(mmsim_task_set_rlimit(a, RLIMIT_DATA, 2, 1), -EINVAL);
	cr_assert_eq(mmsim_task_set_rlimit(a, 99, 1, 1), -EINVAL);
	b = task_fork(a);
	cr_assert_eq(mmsim_task_get_rlimit(b, RLIMIT_DATA, &soft, &hard), 0);
	cr_assert_eq(soft, 1 << 30);
	cr_assert_eq(sim_status(m, b, "Uid"), 1000);
	cr_assert_eq(sim_sysctl(m, "/proc/3/oom_score_adj"), 250);
	cr_assert_eq(mmsim_task_get_rlimit(b, RLIMIT_STACK, &soft, &hard), 0);
	cr_assert_eq(soft, 8 << 20);
	cr_assert_eq(hard, UINT64_MAX);
	cr_assert_eq(mmsim_task_get_rlimit(b, RLIMIT_MEMLOCK, &soft, &hard), 0);
	cr_assert_eq(soft, 8 << 20);
	sim_shutdown(m);
}

Test(task, rlimit_nproc)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b;

	cr_assert_eq(mmsim_task_set_rlimit(a, RLIMIT_NPROC, 2, 2), 0);
	task_fork(a);
	task_fork(a);
	cr_assert_eq(mmsim_task_set_uid(a, 1000), 0);
	b = task_fork(a); /* the second of this user */
	cr_assert_eq(mmsim_task_fork(a, &b), -EAGAIN);
	sim_shutdown(m);
}

/* mm_dup: what is copied and what is not. */
Test(task, fork_areas)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b;
	size_t len = 16 * SIM_PAGE;
	uintptr_t plain = sim_mmap(a, len), gap1 = sim_mmap(a, len);
	uintptr_t wiped = sim_mmap(a, len), gap2 = sim_mmap(a, len);
	uintptr_t dont = sim_mmap(a, len), gap3 = sim_mmap(a, len);
	uintptr_t locked = sim_mmap(a, len);
	char c = 'x';

	mmsim_munmap(a, gap1, len);
	mmsim_munmap(a, gap2, len);
	mmsim_munmap(a, gap3, len);
	cr_assert_eq(mmsim_store(a, plain, &c, 1), 0);
	cr_assert_eq(mmsim_store(a, wiped, &c, 1), 0);
	cr_assert_eq(mmsim_store(a, dont, &c, 1), 0);
	cr_assert_eq(mmsim_madvise(a, wiped, len, MADV_WIPEONFORK), 0);
	cr_assert_eq(mmsim_madvise(a, dont, len, MADV_DONTFORK), 0);
	cr_assert_eq(mmsim_mlock(a, locked, len), 0);
	cr_assert_eq(sim_status(m, a, "VmLck"), 64);
	b = task_fork(a);
	cr_assert_eq(sim_status(m, b, "VmLck"), 0);
	cr_assert_eq(sim_status(m, a, "VmLck"), 64);
	cr_assert_eq(sim_status(m, b, "VmSize"),
		     sim_status(m, a, "VmSize") - 64);
	cr_assert_eq(mmsim_load(b, plain, &c, 1), 0);
	cr_assert_eq(c, 'x');
	cr_assert_eq(mmsim_load(b, wiped, &c, 1), 0);
	cr_assert_eq(c, 0);
	cr_assert_eq(mmsim_access(b, dont, 1, 0), SIGSEGV);
	/* Stores after the fork are one's own. */
	c = 'y';
	cr_assert_eq(mmsim_store(b, plain, &c, 1), 0);
	cr_assert_eq(mmsim_load(a, plain, &c, 1), 0);
	cr_assert_eq(c, 'x');
	sim_shutdown(m);
}

Test(task, vfork_shares)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b = NULL;
	uintptr_t addr = sim_mmap(a, SIM_PAGE);
	long committed = sim_meminfo(m, "Committed_AS");
	char c = 'x';

	cr_assert_eq(mmsim_task_vfork(a, &b), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), committed);
	cr_assert_eq(mmsim_store(b, addr, &c, 1), 0);
	c = 0;
	cr_assert_eq(mmsim_load(a, addr, &c, 1), 0);
	cr_assert_eq(c, 'x');
	mmsim_task_exit(b, 0);
	cr_assert_eq(mmsim_load(a, addr, &c, 1), 0);
	cr_assert_eq(mmsim_task_vfork(a, &b), 0);
	/* The parent may go first. */
	mmsim_task_exit(a, 0);
	cr_assert_eq(mmsim_load(b, addr, &c, 1), 0);
	cr_assert_eq(c, 'x');
	mmsim_task_exit(b, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
	sim_shutdown(m);
}

Test(task, usage)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m);
	uintptr_t addr = sim_mmap(a, 64 * SIM_PAGE);
	struct mmsim_usage usage;
	uint64_t clock = mmsim_clock_ns(m);

	sim_touch(a, addr, 64 * SIM_PAGE);
	cr_assert_eq(mmsim_munmap(a, addr, 64 * SIM_PAGE), 0);
	mmsim_task_run(a, 1000000);
	mmsim_task_usage(a, &usage);
	cr_assert_eq(usage.min_flt, 64);
	cr_assert_eq(usage.maj_flt, 0);
	cr_assert_eq(usage.maxrss_kb, 256);
	cr_assert_eq(usage.utime_ns, 1000000);
	cr_assert_gt(usage.stime_ns, 0);
	cr_assert_gt(mmsim_clock_ns(m), clock + 1000000);
	mmsim_task_exit(a, 0);
	mmsim_task_usage(a, &usage);
	cr_assert_eq(usage.maxrss_kb, 256);
	sim_shutdown(m);
}
