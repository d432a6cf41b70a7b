/*
 * thp.c: huge pages against the recorded experiments: lazy paging and fork
 * with transparent huge pages always (and madvise), min_free_kbytes.
 */
#include "sim.h"

#include "churn.h"

TestSuite(thp, .timeout = 120);

#define LAZY_LEN ((size_t)102404 << 10)
#define LAZY_ADDR ((uintptr_t)0x7fc9c8e1d000)
#define LAZY_PAGES 25600L

static long minflt(const struct mmsim_task *task)
{
	struct mmsim_usage usage;

	mmsim_task_usage(task, &usage);
	return (long)usage.min_flt;
}

static uintptr_t map_at(struct mmsim_task *task, uintptr_t addr, size_t len,
			int flags)
{
	intptr_t got = mmsim_mmap(task, addr, len, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
					  flags,
				  NULL, 0);

	cr_assert_eq(got, (intptr_t)addr, "%zd", (ssize_t)got);
	return addr;
}

struct look {
	long minflt, rss, pte, huge, split, alloc;
};

static struct look look(struct mmsim_machine *m, struct mmsim_task *task)
{
	struct look now = { minflt(task),
			    sim_smaps(m, task, "Rss"),
			    sim_status(m, task, "VmPTE"),
			    sim_meminfo(m, "AnonHugePages"),
			    sim_vmstat(m, "thp_split_pmd"),
			    sim_vmstat(m, "thp_fault_alloc") };

	cr_expect_eq(sim_smaps(m, task, "Anonymous"), now.rss);
	return now;
}

#define EXPECT(m, task, before, f, r, t, h, s, a)                              \
	do {                                                                   \
		struct look now_ = look(m, task);                              \
		cr_expect_eq(now_.minflt - before.minflt, f, "minflt %ld",     \
			     now_.minflt - before.minflt);                     \
		cr_expect_eq(now_.rss - before.rss, r, "Rss %ld",              \
			     now_.rss - before.rss);                           \
		cr_expect_eq(now_.pte - before.pte, t, "VmPTE %ld",            \
			     now_.pte - before.pte);                           \
		cr_expect_eq(now_.huge - before.huge, h, "AnonHugePages %ld",  \
			     now_.huge - before.huge);                         \
		cr_expect_eq(now_.split - before.split, s, "split %ld",        \
			     now_.split - before.split);                       \
		cr_expect_eq(now_.alloc - before.alloc, a, "alloc %ld",        \
			     now_.alloc - before.alloc);                       \
		before = now_;                                                 \
	} while (0)

static void each_page(struct mmsim_task *task, uintptr_t addr, long pages,
		      int write)
{
	cr_assert_eq(mmsim_access(task, addr, (size_t)pages * SIM_PAGE, write),
		     0);
}

/* A task whose stack, like the recorded one's, has its tables. */
static struct mmsim_task *spawn_warm(struct mmsim_machine *m)
{
	struct mmsim_task *task = sim_spawn(m);

	sim_touch(task, 0x7fffffffe000, 1);
	return task;
}

/* Part A: read, then write. */
Test(thp, read_then_write)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	struct look at = look(m, task);

	map_at(task, LAZY_ADDR, LAZY_LEN, 0);
	sim_touch(task, LAZY_ADDR, 1);
	EXPECT(m, task, at, 1, 4, 8, 0, 0, 0);
	each_page(task, LAZY_ADDR, LAZY_PAGES, 0);
	EXPECT(m, task, at, 560, 0, 200, 0, 0, 0);
	cr_expect_eq(sim_vmstat(m, "thp_zero_page_alloc"), 1);
	each_page(task, LAZY_ADDR, LAZY_PAGES, 1);
	EXPECT(m, task, at, 25599, 102396, 0, 0, 49, 0);
	each_page(task, LAZY_ADDR, LAZY_PAGES, 1);
	EXPECT(m, task, at, 0, 0, 0, 0, 0, 0);
	cr_expect_eq(sim_smaps_of(m, task, LAZY_ADDR, "THPeligible"), 1);
	cr_assert_eq(mmsim_munmap(task, LAZY_ADDR, LAZY_LEN), 0);
	EXPECT(m, task, at, 0, -102400, -208, 0, 0, 0);
	sim_shutdown(m);
}

/* Part B: write first; DONTNEED of the first half. */
Test(thp, write_first)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	struct look at;

	map_at(task, LAZY_ADDR, LAZY_LEN, 0);
	sim_touch(task, LAZY_ADDR, 1);
	at = look(m, task);
	each_page(task, LAZY_ADDR, LAZY_PAGES, 1);
	EXPECT(m, task, at, 560, 102396, 200, 100352, 0, 49);
	cr_expect_eq(sim_smaps_of(m, task, LAZY_ADDR, "AnonHugePages"), 100352);
	cr_assert_eq(mmsim_madvise(task, LAZY_ADDR, (size_t)50 << 20,
				   MADV_DONTNEED),
		     0);
	EXPECT(m, task, at, 0, -51200, -96, -51200, 1, 0);
	cr_expect_eq(sim_vmstat(m, "thp_deferred_split_page"), 1);
	each_page(task, LAZY_ADDR, LAZY_PAGES, 0);
	EXPECT(m, task, at, 536, 0, 96, 0, 0, 0);
	cr_assert_eq(mmsim_munmap(task, LAZY_ADDR, LAZY_LEN), 0);
	EXPECT(m, task, at, 0, -51200, -208, -49152, 0, 0);
	sim_shutdown(m);
}

/* Part C: aligned to 2 MiB; DONTNEED of a page in each. */
Test(thp, aligned)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = 0x7fc9c8e00000;
	struct look at = look(m, task);

	map_at(task, addr - 0x1e2000, (size_t)104448 << 10, 0);
	each_page(task, addr, LAZY_PAGES, 0);
	EXPECT(m, task, at, 50, 0, 204, 0, 0, 0);
	each_page(task, addr, LAZY_PAGES, 1);
	EXPECT(m, task, at, 25600, 102400, 0, 0, 50, 0);
	cr_assert_eq(mmsim_munmap(task, addr - 0x1e2000,
				  (size_t)104448 << 10),
		     0);
	EXPECT(m, task, at, 0, -102400, -204, 0, 0, 0);
	/* the same, written first: one small page out of each huge one */
	map_at(task, addr, (size_t)100 << 20, 0);
	each_page(task, addr, LAZY_PAGES, 1);
	EXPECT(m, task, at, 50, 102400, 204, 102400, 0, 50);
	for (int i = 0; i < 50; i++)
		cr_assert_eq(mmsim_madvise(task,
					   addr + 4096 + ((uintptr_t)i << 21),
					   SIM_PAGE, MADV_DONTNEED),
			     0);
	EXPECT(m, task, at, 0, -200, 0, -102400, 50, 0);
	sim_shutdown(m);
}

/* Parts D and E: one page in 16; MAP_POPULATE. */
Test(thp, sparse_and_populate)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = LAZY_ADDR + 0x1000;
	size_t len = (size_t)100 << 20;
	struct look at = look(m, task);

	map_at(task, addr, len, 0);
	for (long i = 0; i < LAZY_PAGES; i += 16)
		sim_touch(task, addr + (uintptr_t)i * SIM_PAGE, 1);
	EXPECT(m, task, at, 81, 100480, 208, 100352, 0, 49);
	cr_assert_eq(mmsim_munmap(task, addr, len), 0);
	EXPECT(m, task, at, 0, -100480, -208, -100352, 0, 0);
	map_at(task, addr, len, MAP_POPULATE);
	EXPECT(m, task, at, 561, 102400, 208, 100352, 0, 49);
	cr_assert_eq(mmsim_munmap(task, addr, len), 0);
	EXPECT(m, task, at, 0, -102400, -208, -100352, 0, 0);
	sim_shutdown(m);
}

/* Small machines start without huge zero pages: reads get real ones. */
Test(thp, small_machine_reads)
{
	struct mmsim_machine *m = sim_boot(SIM_512M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	struct look at = look(m, task);
	uintptr_t addr = 0x7fc9c8e00000;

	map_at(task, addr, 4 << 20, 0);
	each_page(task, addr, 1024, 0);
	EXPECT(m, task, at, 2, 4096, 12, 4096, 0, 2);
	sim_shutdown(m);
}

Test(thp, madvise_mode)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=madvise");
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = 0x7fc9c8e00000;
	struct look at;

	map_at(task, addr, 8 << 20, 0);
	sim_touch(task, addr, 1);
	at = look(m, task);
	each_page(task, addr, 512, 1);
	EXPECT(m, task, at, 511, 2044, 0, 0, 0, 0);
	cr_assert_eq(mmsim_madvise(task, addr, 4 << 20, MADV_HUGEPAGE), 0);
	each_page(task, addr + (2 << 20), 512, 1);
	EXPECT(m, task, at, 1, 2048, 4, 2048, 0, 1);
	/* outside of what was asked for */
	each_page(task, addr + (4 << 20), 512, 1);
	EXPECT(m, task, at, 512, 2048, 4, 0, 0, 0);
	sim_shutdown(m);
}

static void expect_min_free(const char *machine, long never, long always)
{
	struct mmsim_machine *m = sim_boot(machine);
	const char *path = "/proc/sys/vm/min_free_kbytes";
	const char *enabled = "/sys/kernel/mm/transparent_hugepage/enabled";
	long before = sim_sysctl(m, path);

	cr_expect(labs(before - never) <= never / 20, "%ld", before);
	sim_write(m, enabled, "always");
	cr_expect(labs(sim_sysctl(m, path) - always) <= 4, "%ld",
		  sim_sysctl(m, path));
	sim_write(m, enabled, "never");
	cr_expect(labs(sim_sysctl(m, path) - never) <= never / 20, "%ld",
		  sim_sysctl(m, path));
	sim_shutdown(m);
}

Test(thp, min_free_kbytes)
{
	expect_min_free(SIM_256M, 1786, 10400);
	expect_min_free(SIM_1024M, 3932, 45056);
	expect_min_free(SIM_4096M, 7982, 67584);
}

/* Experiment h with huge pages: the recorded area began at ...f3d000. */
#define FORK_ADDR ((uintptr_t)0x7ff91cf3d000)
#define FORK_LEN ((size_t)64 << 20)

static void expect_write(struct mmsim_machine *m, struct mmsim_task *task,
			 uintptr_t addr, size_t len, long faults, long reused,
			 long split)
{
	long before = minflt(task), reuse = sim_vmstat(m, "pgreuse");
	long splits = sim_vmstat(m, "thp_split_pmd");

	each_page(task, addr, (long)(len / SIM_PAGE), 1);
	cr_expect_eq(minflt(task) - before, faults, "faults %ld",
		     minflt(task) - before);
	cr_expect_eq(sim_vmstat(m, "pgreuse") - reuse, reused, "reuse %ld",
		     sim_vmstat(m, "pgreuse") - reuse);
	cr_expect_eq(sim_vmstat(m, "thp_split_pmd") - splits, split,
		     "split %ld", sim_vmstat(m, "thp_split_pmd") - splits);
}

static void expect_smaps(struct mmsim_machine *m, struct mmsim_task *task,
			 long pss, long shared, long huge)
{
	cr_expect_eq(sim_smaps_of(m, task, FORK_ADDR, "Rss"), 65536);
	cr_expect_eq(sim_smaps_of(m, task, FORK_ADDR, "Pss"), pss, "Pss %ld",
		     sim_smaps_of(m, task, FORK_ADDR, "Pss"));
	cr_expect_eq(sim_smaps_of(m, task, FORK_ADDR, "Shared_Dirty"), shared,
		     "Shared_Dirty %ld",
		     sim_smaps_of(m, task, FORK_ADDR, "Shared_Dirty"));
	cr_expect_eq(sim_smaps_of(m, task, FORK_ADDR, "Private_Dirty"),
		     65536 - shared);
	cr_expect_eq(sim_smaps_of(m, task, FORK_ADDR, "AnonHugePages"), huge,
		     "AnonHugePages %ld",
		     sim_smaps_of(m, task, FORK_ADDR, "AnonHugePages"));
}

Test(thp, fork_recorded)
{
	struct mmsim_machine *m = sim_boot(SIM_512M ",thp=always");
	struct mmsim_task *parent = spawn_warm(m), *child;
	size_t half = FORK_LEN / 2;

	map_at(parent, FORK_ADDR, FORK_LEN, 0);
	sim_touch(parent, FORK_ADDR, FORK_LEN);
	expect_smaps(m, parent, 65536, 0, 63488);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	expect_smaps(m, parent, 32768, 65536, 63488);
	expect_smaps(m, child, 32768, 65536, 63488);
	cr_expect_eq(sim_smaps_of(m, child, FORK_ADDR, "Referenced"), 0);
	expect_write(m, child, FORK_ADDR, half, 8192, 0, 16);
	expect_smaps(m, parent, 49152, 32768, 63488);
	expect_smaps(m, child, 49152, 32768, 30720);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 63488);
	cr_expect_eq(sim_vmstat(m, "thp_deferred_split_page"), 0);
	/* 195 small, 15 huge, 317 of a huge page that comes apart */
	expect_write(m, parent, FORK_ADDR, half, 527, 195, 1);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 61440);
	cr_expect_eq(sim_vmstat(m, "thp_deferred_split_page"), 1);
	expect_write(m, parent, FORK_ADDR + half, half, 8192, 0, 15);
	expect_smaps(m, parent, 65536, 0, 30720);
	expect_smaps(m, child, 65536, 0, 30720);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 61440);
	mmsim_task_exit(child, 0);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 30720);
	expect_smaps(m, parent, 65536, 0, 30720);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	mmsim_task_exit(child, 0);
	expect_write(m, parent, FORK_ADDR, FORK_LEN, 8719, 8704, 0);
	sim_shutdown(m);
}

/* Pages that wait to be split are given back when memory is short. */
Test(thp, deferred_split_gives_back)
{
	struct mmsim_machine *m = sim_boot("ram=64M,thp=always");
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = map_at(task, 0x7fc9c8e00000, 32 << 20, 0);
	uintptr_t more = map_at(task, 0x7fc9d8e00000, 40 << 20, 0);
	char c = 'a', back = 0;

	sim_touch(task, addr, 32 << 20);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 32768);
	for (uintptr_t i = 0; i < 16; i++) {
		cr_assert_eq(mmsim_store(task, addr + (i << 21), &c, 1), 0);
		cr_assert_eq(mmsim_madvise(task, addr + (i << 21) + SIM_PAGE,
					   511 * SIM_PAGE, MADV_DONTNEED),
			     0);
	}
	cr_expect_eq(sim_vmstat(m, "thp_deferred_split_page"), 16);
	cr_expect_eq(sim_vmstat(m, "thp_split_page"), 0);
	sim_validate(m);
	/* 40 MiB do not fit beside the 32 still held */
	sim_write(m, "/sys/kernel/mm/transparent_hugepage/enabled", "never");
	sim_touch(task, more, 40 << 20);
	cr_expect_gt(sim_vmstat(m, "thp_split_page"), 0);
	for (uintptr_t i = 0; i < 16; i++) {
		cr_assert_eq(mmsim_load(task, addr + (i << 21), &back, 1), 0);
		cr_expect_eq(back, 'a');
	}
	sim_shutdown(m);
}

Test(thp, mremap_moves_whole)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M ",thp=always");
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = map_at(task, 0x7fc9c8e00000, 8 << 20, 0);
	uintptr_t to = 0x7fc9d8e00000;
	int value = 77, back = 0;

	sim_touch(task, addr, 8 << 20);
	cr_assert_eq(mmsim_store(task, addr + (3 << 20), &value, 4), 0);
	cr_assert_eq(mmsim_mremap(task, addr, 8 << 20, 8 << 20,
				  MREMAP_MAYMOVE | MREMAP_FIXED, to),
		     (intptr_t)to);
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 8192);
	cr_assert_eq(mmsim_load(task, to + (3 << 20), &back, 4), 0);
	cr_expect_eq(back, 77);
	/* to a place that is not aligned: small pages */
	cr_assert_eq(mmsim_mremap(task, to, 8 << 20, 8 << 20,
				  MREMAP_MAYMOVE | MREMAP_FIXED,
				  addr + SIM_PAGE),
		     (intptr_t)(addr + SIM_PAGE));
	cr_expect_eq(sim_meminfo(m, "AnonHugePages"), 0);
	cr_expect_eq(sim_smaps(m, task, "Anonymous"), 8196);
	cr_assert_eq(mmsim_load(task, addr + SIM_PAGE + (3 << 20), &back, 4),
		     0);
	cr_expect_eq(back, 77);
	sim_shutdown(m);
}

Test(thp, churn)
{
	for (unsigned seed = 11; seed <= 14; seed++)
		churn("ram=256M,thp=always", seed, 1500);
}

Test(thp, churn_madvise)
{
	churn("ram=256M,thp=madvise", 15, 1500);
}

Test(thp, churn_as_6_18)
{
	churn("ram=256M,thp=always,profile=linux-6.18", 16, 1500);
}

Test(thp, churn_pae)
{
	churn("ram=128M,arch=x86-32-pae,thp=always", 17, 1500);
}
