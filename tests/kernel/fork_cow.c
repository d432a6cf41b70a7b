/*
 * fork_cow.c: what fork shares and when a store copies, against the recorded
 * experiment h (64 MiB touched; faults, smaps of both sides, MemFree).
 */
#include "sim.h"

TestSuite(fork_cow, .timeout = 60);

#define LEN ((size_t)64 << 20)
#define HALF (LEN / 2)
#define PAGES 16384L

static long minflt(const struct mmsim_task *task)
{
	struct mmsim_usage usage;

	mmsim_task_usage(task, &usage);
	return (long)usage.min_flt;
}

static void expect_smaps(struct mmsim_machine *m, struct mmsim_task *task,
			 uintptr_t addr, long pss, long shared, long private)
{
	cr_expect_eq(sim_smaps_of(m, task, addr, "Rss"), 65536);
	cr_expect_eq(sim_smaps_of(m, task, addr, "Pss"), pss, "Pss %ld",
		     sim_smaps_of(m, task, addr, "Pss"));
	cr_expect_eq(sim_smaps_of(m, task, addr, "Shared_Dirty"), shared);
	cr_expect_eq(sim_smaps_of(m, task, addr, "Private_Dirty"), private);
	cr_expect_eq(sim_smaps_of(m, task, addr, "Anonymous"), 65536);
}

static void expect_write(struct mmsim_machine *m, struct mmsim_task *task,
			 uintptr_t addr, size_t len, long faults, long reused,
			 long copied)
{
	long before = minflt(task), reuse = sim_vmstat(m, "pgreuse");
	long anon = sim_meminfo(m, "AnonPages");

	sim_touch(task, addr, len);
	cr_expect_eq(minflt(task) - before, faults, "faults %ld",
		     minflt(task) - before);
	cr_expect_eq(sim_vmstat(m, "pgreuse") - reuse, reused, "pgreuse %ld",
		     sim_vmstat(m, "pgreuse") - reuse);
	cr_expect_eq(sim_meminfo(m, "AnonPages") - anon, copied * 4);
}

Test(fork_cow, recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = sim_mmap(parent, LEN);

	sim_touch(parent, addr, LEN);
	expect_smaps(m, parent, addr, 65536, 0, 65536);
	cr_expect_eq(sim_smaps_of(m, parent, addr, "Referenced"), 65536);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	expect_smaps(m, parent, addr, 32768, 65536, 0);
	expect_smaps(m, child, addr, 32768, 65536, 0);
	cr_expect_eq(sim_smaps_of(m, child, addr, "Referenced"), 0);
	cr_expect_eq(minflt(child), 0);
	cr_assert_eq(mmsim_access(child, addr, LEN, 0), 0);
	cr_expect_eq(minflt(child), 0);
	/* the first to write copies */
	expect_write(m, child, addr, HALF, PAGES / 2, 0, PAGES / 2);
	expect_smaps(m, parent, addr, 49152, 32768, 32768);
	expect_smaps(m, child, addr, 49152, 32768, 32768);
	/* the second does not */
	expect_write(m, parent, addr, HALF, PAGES / 2, PAGES / 2, 0);
	expect_write(m, parent, addr + HALF, HALF, PAGES / 2, 0, PAGES / 2);
	expect_smaps(m, parent, addr, 65536, 0, 65536);
	expect_smaps(m, child, addr, 65536, 0, 65536);
	mmsim_task_exit(child, 0);
	mmsim_task_put(child);
	expect_smaps(m, parent, addr, 65536, 0, 65536);
	/* a child that has gone again */
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	mmsim_task_exit(child, 0);
	expect_write(m, parent, addr, LEN, PAGES, PAGES, 0);
	expect_write(m, parent, addr, LEN, 0, 0, 0);
	sim_shutdown(m);
}

/* The tables of an area without pages of its own are not copied. */
Test(fork_cow, shared_tables_are_not_copied)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *parent = sim_spawn(m), *child;
	intptr_t addr = mmsim_mmap(parent, 0, LEN, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	long pages, tables;

	cr_assert_gt(addr, 0);
	sim_touch(parent, (uintptr_t)addr, LEN);
	tables = sim_meminfo(m, "PageTables");
	pages = sim_meminfo(m, "Shmem");
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	cr_expect_leq(sim_meminfo(m, "PageTables") - tables, 8);
	cr_expect_eq(sim_smaps_of(m, child, (uintptr_t)addr, "Rss"), 0);
	sim_touch(child, (uintptr_t)addr, LEN);
	cr_expect_eq(minflt(child), PAGES);
	cr_expect_eq(sim_meminfo(m, "Shmem"), pages);
	cr_expect_eq(sim_smaps_of(m, child, (uintptr_t)addr, "Shared_Dirty"),
		     65536);
	sim_shutdown(m);
}

/* 64 MiB that lie as they did: 33 tables of pages, and what leads to them. */
Test(fork_cow, page_tables)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = 0x7fb274523000;
	long tables;

	cr_assert_eq(mmsim_mmap(parent, addr, LEN, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
				0),
		     (intptr_t)addr);
	sim_touch(parent, addr, LEN);
	tables = sim_meminfo(m, "PageTables");
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	cr_expect_eq(sim_meminfo(m, "PageTables") - tables, 34 * 4);
	cr_expect_eq(sim_status(m, child, "VmPTE"), 35 * 4);
	sim_shutdown(m);
}

Test(fork_cow, vfork_copies_nothing)
{
	struct mmsim_machine *m = sim_boot("ram=256M");
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = sim_mmap(parent, LEN);
	long tables;

	sim_touch(parent, addr, LEN);
	tables = sim_meminfo(m, "PageTables");
	cr_assert_eq(mmsim_task_vfork(parent, &child), 0);
	cr_expect_eq(sim_meminfo(m, "PageTables"), tables);
	sim_touch(child, addr, LEN);
	cr_expect_eq(minflt(child), 0);
	mmsim_task_exit(child, 0);
	expect_write(m, parent, addr, LEN, 0, 0, 0);
	sim_shutdown(m);
}

/* What each of a line of processes stored, it loads again. */
Test(fork_cow, content)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *tasks[8];
	uintptr_t addr;
	int value;

	tasks[0] = sim_spawn(m);
	addr = sim_mmap(tasks[0], 8 * SIM_PAGE);
	for (int i = 0; i < 8; i++) {
		for (int page = 0; page <= i; page++) {
			value = i * 100 + page;
			cr_assert_eq(mmsim_store(tasks[i],
						 addr + (size_t)page * SIM_PAGE,
						 &value, sizeof(value)),
				     0);
		}
		if (i < 7)
			cr_assert_eq(mmsim_task_fork(tasks[i], &tasks[i + 1]),
				     0);
	}
	for (int i = 0; i < 8; i++)
		for (int page = 0; page <= i; page++) {
			cr_assert_eq(mmsim_load(tasks[i],
						addr + (size_t)page * SIM_PAGE,
						&value, sizeof(value)),
				     0);
			cr_expect_eq(value, i * 100 + page);
		}
	/* the middle of the line goes first */
	for (int i = 0; i < 8; i += 2)
		mmsim_task_exit(tasks[i], 0);
	sim_validate(m);
	sim_shutdown(m);
}
