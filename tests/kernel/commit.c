/*
 * Overcommit, compared with recordings of 6.1 (guests of 512 and 2048 MiB,
 * without swap and with 512 MiB of it).
 */
#include "sim.h"

TestSuite(commit);

enum { PRIV = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE };

/* Committed_AS of the recorded machine before the test program: pages. */
enum { BOOT_COMMITTED = 2280 - 474 };

/* Nothing else is promised on our machine: another task stands for it. */
static void commit_boot_promises(struct mmsim_machine *m, long pages)
{
	struct mmsim_task *task = sim_spawn(m);

	cr_assert_gt(mmsim_mmap(task, 0, (size_t)(pages - 474) * SIM_PAGE, RW,
				PRIV, NULL, 0),
		     0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 4 * pages);
}

/* The largest mapping that is granted, in pages. */
static long commit_largest(struct mmsim_task *task, int prot, int flags)
{
	long low = 0, high = 1l << 35;

	while (high - low > 1) {
		long mid = low + (high - low) / 2;
		intptr_t addr = mmsim_mmap(task, 0, (size_t)mid * SIM_PAGE,
					   prot, flags, NULL, 0);

		if (addr > 0) {
			mmsim_munmap(task, (uintptr_t)addr,
				     (size_t)mid * SIM_PAGE);
			low = mid;
		} else {
			cr_assert_eq(addr, -ENOMEM);
			high = mid;
		}
	}
	return low;
}

/* What ASLR-less address space holds: the largest hole. */
enum { ANY_PAGES_BITS = 34 };

static struct mmsim_task *commit_user(struct mmsim_machine *m, unsigned uid)
{
	struct mmsim_task *task = sim_spawn(m);

	cr_assert_eq(mmsim_task_set_uid(task, uid), 0);
	return task;
}

struct largest_row {
	const char *machine, *mode, *ratio;
	unsigned uid;
	long rw, shared, noreserve; /* pages; 0: all that fits */
};

static const struct largest_row largest_rows[] = {
	{SIM_512M, "0", "50", 0, 117095, 117095, 0},
	{SIM_512M, "0", "50", 1000, 117095, 117095, 0},
	{SIM_512M, "1", "50", 0, 0, 0, 0},
	{SIM_512M, "2", "50", 0, 56245, 56245, 56245},
	{SIM_512M, "2", "50", 1000, 54197, 54197, 54197},
	{SIM_512M, "2", "80", 0, 91374, 91374, 91374},
	{SIM_512M, "2", "80", 1000, 89326, 89326, 89326},
	{SIM_512M ",swap=512M", "0", "50", 0, 248166, 248166, 0},
	{SIM_2048M, "0", "50", 0, 503591, 503591, 0},
	{SIM_2048M ",swap=512M", "0", "50", 1000, 634662, 634662, 0},
};

static void check_largest(long found, long recorded, const char *what,
			  const struct largest_row *row)
{
	if (recorded)
		cr_assert_eq(found, recorded,
			     "%s mode %s ratio %s uid %u %s: "
			     "%ld, recorded %ld",
			     row->machine, row->mode, row->ratio, row->uid,
			     what, found, recorded);
	else
		cr_assert_gt(found, 34000000000, "%s mode %s %s: %ld",
			     row->machine, row->mode, what, found);
}

Test(commit, largest_mapping)
{
	for (size_t i = 0; i < sizeof(largest_rows) / sizeof(largest_rows[0]);
	     i++) {
		const struct largest_row *row = &largest_rows[i];
		struct mmsim_machine *m = sim_boot(row->machine);
		struct mmsim_task *task;

		commit_boot_promises(m, BOOT_COMMITTED);
		task = commit_user(m, row->uid);
		sim_write(m, "/proc/sys/vm/overcommit_memory", row->mode);
		sim_write(m, "/proc/sys/vm/overcommit_ratio", row->ratio);
		check_largest(commit_largest(task, RW, PRIV), row->rw, "rw",
			      row);
		check_largest(
			commit_largest(task, RW, MAP_SHARED | MAP_ANONYMOUS),
			row->shared, "shared", row);
		check_largest(commit_largest(task, RW, PRIV | MAP_NORESERVE),
			      row->noreserve, "noreserve", row);
		check_largest(commit_largest(task, PROT_READ, PRIV), 0, "ro",
			      row);
		sim_shutdown(m);
	}
}

Test(commit, limit)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);

	cr_assert_eq(sim_meminfo(m, "MemTotal"), 468380);
	cr_assert_eq(sim_meminfo(m, "CommitLimit"), 234188);
	sim_write(m, "/proc/sys/vm/overcommit_kbytes", "100000");
	cr_assert_eq(sim_meminfo(m, "CommitLimit"), 100000);
	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/overcommit_ratio"), 0);
	sim_write(m, "/proc/sys/vm/overcommit_ratio", "80");
	cr_assert_eq(sim_meminfo(m, "CommitLimit"), 374704);
	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/overcommit_kbytes"), 0);
	sim_shutdown(m);
}

/* What is free, and what was promised before, does not count in mode 0. */
Test(commit, guess_looks_at_one_request)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	long before = sim_meminfo(m, "Committed_AS");

	for (int i = 0; i < 20; i++)
		sim_mmap(task, (size_t)105385 * SIM_PAGE);
	cr_assert_eq(sim_meminfo(m, "Committed_AS") - before, 20 * 421540);
	sim_shutdown(m);
}

Test(commit, mprotect_charges)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	long before = sim_meminfo(m, "Committed_AS");
	size_t fits = (size_t)117095 * SIM_PAGE, large = fits + SIM_PAGE;
	intptr_t addr = mmsim_mmap(task, 0, large, PROT_READ, PRIV, NULL, 0);

	cr_assert_gt(addr, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before);
	cr_assert_eq(mmsim_mprotect(task, (uintptr_t)addr, large, RW), -ENOMEM);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before);
	cr_assert_eq(mmsim_munmap(task, (uintptr_t)addr, SIM_PAGE), 0);
	addr += SIM_PAGE;
	cr_assert_eq(mmsim_mprotect(task, (uintptr_t)addr, fits, RW), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS") - before, 468380);
	/* The promise stays when the area becomes read-only again. */
	cr_assert_eq(mmsim_mprotect(task, (uintptr_t)addr, fits, PROT_READ), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS") - before, 468380);
	cr_assert_eq(mmsim_munmap(task, (uintptr_t)addr, fits), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before);
	sim_shutdown(m);
}

/* --- fork ---------------------------------------------------------------- */

enum fork_kind {
	FORK_RW,
	FORK_RO,
	FORK_NORESERVE,
	FORK_SHARED,
	FORK_DONTFORK,
	FORK_VFORK,
	FORK_TOUCHED,
	NR_FORK_KINDS,
};

enum fork_result { OK, FORK_FAILS, MMAP_FAILS };

/* One row of the recordings: the growth of Committed_AS at fork, kB. */
struct fork_row {
	enum fork_kind kind;
	int percent;
	enum fork_result result;
	long delta;
};

static const struct fork_row fork_mode_0[] = {
	{FORK_RW, 25, OK, 118988},         {FORK_RW, 60, OK, 282924},
	{FORK_RW, 100, OK, 470276},        {FORK_RW, 150, MMAP_FAILS, 0},
	{FORK_RO, 150, OK, 1896},          {FORK_NORESERVE, 150, OK, 1896},
	{FORK_SHARED, 100, OK, 1896},      {FORK_DONTFORK, 100, OK, 1896},
	{FORK_VFORK, 100, OK, 0},          {FORK_TOUCHED, 40, OK, 189248},
	{FORK_SHARED, 150, MMAP_FAILS, 0},
};
static const struct fork_row fork_mode_1[] = {
	{FORK_RW, 150, OK, 704464},
	{FORK_NORESERVE, 150, OK, 1896},
	{FORK_DONTFORK, 150, OK, 1896},
	{FORK_VFORK, 150, OK, 0},
};
static const struct fork_row fork_mode_2_50[] = {
	{FORK_RW, 25, FORK_FAILS, 0},  {FORK_RW, 40, FORK_FAILS, 0},
	{FORK_RW, 60, MMAP_FAILS, 0},  {FORK_NORESERVE, 40, FORK_FAILS, 0},
	{FORK_RO, 60, OK, 1896},       {FORK_SHARED, 40, OK, 1896},
	{FORK_DONTFORK, 40, OK, 1896}, {FORK_VFORK, 40, OK, 0},
};
static const struct fork_row fork_mode_2_80[] = {
	{FORK_RW, 25, OK, 118988},        {FORK_RW, 40, FORK_FAILS, 0},
	{FORK_RW, 60, FORK_FAILS, 0},     {FORK_RW, 90, MMAP_FAILS, 0},
	{FORK_NORESERVE, 25, OK, 118988}, {FORK_NORESERVE, 60, FORK_FAILS, 0},
	{FORK_SHARED, 60, OK, 1896},      {FORK_DONTFORK, 60, OK, 1896},
	{FORK_VFORK, 60, OK, 0},          {FORK_TOUCHED, 25, OK, 118988},
};

static intptr_t fork_map(struct mmsim_task *task, const struct fork_row *row)
{
	size_t len = (size_t)(468380l * row->percent / 100 / 4) * SIM_PAGE;
	int prot = row->kind == FORK_RO ? PROT_READ : RW, flags = PRIV;
	intptr_t addr;

	if (row->kind == FORK_NORESERVE)
		flags |= MAP_NORESERVE;
	if (row->kind == FORK_SHARED)
		flags = MAP_SHARED | MAP_ANONYMOUS;
	addr = mmsim_mmap(task, 0, len, prot, flags, NULL, 0);
	if (addr > 0 && row->kind == FORK_DONTFORK)
		cr_assert_eq(mmsim_madvise(task, (uintptr_t)addr, len,
					   MADV_DONTFORK),
			     0);
	if (addr > 0 && row->kind == FORK_TOUCHED)
		sim_touch(task, (uintptr_t)addr, len);
	return addr;
}

static void fork_check(const char *mode, const char *ratio,
		       const struct fork_row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct fork_row *row = &rows[i];
		struct mmsim_machine *m = sim_boot(SIM_512M);
		struct mmsim_task *task, *child;
		enum fork_result result = OK;
		long before, free_kb;
		int err;

		commit_boot_promises(m, 1809 - 474);
		sim_write(m, "/proc/sys/vm/overcommit_memory", mode);
		sim_write(m, "/proc/sys/vm/overcommit_ratio", ratio);
		task = sim_spawn(m);
		if (fork_map(task, row) < 0)
			result = MMAP_FAILS;
		before = sim_meminfo(m, "Committed_AS");
		free_kb = sim_meminfo(m, "PageTables");
		if (result == OK) {
			err = row->kind == FORK_VFORK
				      ? mmsim_task_vfork(task, &child)
				      : mmsim_task_fork(task, &child);
			if (err) {
				cr_assert_eq(err, -ENOMEM);
				cr_assert_eq(sim_meminfo(m, "PageTables"),
					     free_kb);
				result = FORK_FAILS;
			}
		}
		cr_assert_eq(result, row->result, "mode %s %s kind %d %d%%: %d",
			     mode, ratio, row->kind, row->percent, result);
		cr_assert_eq(sim_meminfo(m, "Committed_AS") - before,
			     row->delta, "mode %s %s kind %d %d%%", mode, ratio,
			     row->kind, row->percent);
		sim_shutdown(m);
	}
}

#define FORK_CHECK(mode, ratio, rows)                                          \
	fork_check(mode, ratio, rows, sizeof(rows) / sizeof((rows)[0]))

Test(commit, fork_in_mode_0)
{
	FORK_CHECK("0", "50", fork_mode_0);
}

Test(commit, fork_in_mode_1)
{
	FORK_CHECK("1", "50", fork_mode_1);
}

Test(commit, fork_in_mode_2)
{
	FORK_CHECK("2", "50", fork_mode_2_50);
	FORK_CHECK("2", "80", fork_mode_2_80);
}

/* Areas that lie side by side are one, and are asked for as one. */
Test(commit, fork_of_neighbours)
{
	static const struct {
		int n, percent;
		bool apart;
		int flags, err;
	} rows[] = {
		{2, 30, false, 0, 0},       {2, 60, false, 0, -ENOMEM},
		{4, 60, false, 0, -ENOMEM}, {2, 90, false, 0, -ENOMEM},
		{2, 60, true, 0, 0},        {4, 60, true, 0, 0},
		{2, 90, true, 0, 0},        {2, 60, false, MAP_NORESERVE, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mmsim_machine *m = sim_boot(SIM_512M);
		struct mmsim_task *task = sim_spawn(m), *child;
		size_t len = (size_t)(468380l * rows[i].percent / 100 / 4) *
			     SIM_PAGE;

		for (int j = 0; j < rows[i].n; j++) {
			cr_assert_gt(mmsim_mmap(task, 0, len, RW,
						PRIV | rows[i].flags, NULL, 0),
				     0);
			if (rows[i].apart)
				mmsim_mmap(task, 0, SIM_PAGE, PROT_NONE, PRIV,
					   NULL, 0);
		}
		cr_assert_eq(mmsim_task_fork(task, &child), rows[i].err,
			     "row %zu", i);
		sim_shutdown(m);
	}
}

/* 128 TiB do not fit the address space, 127 TiB do in mode 1. */
Test(commit, always)
{
	struct mmsim_machine *m = sim_boot(SIM_2048M ",vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	long before = sim_meminfo(m, "Committed_AS");

	cr_assert_eq(mmsim_mmap(task, 0, 128ul << 40, RW, PRIV, NULL, 0),
		     -ENOMEM);
	cr_assert_eq(
		mmsim_mmap(task, 0, (128ul << 40) - 4096, RW, PRIV, NULL, 0),
		-ENOMEM);
	cr_assert_gt(mmsim_mmap(task, 0, 127ul << 40, RW, PRIV, NULL, 0), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS") - before, 136365211648l);
	sim_shutdown(m);
}

/* Up to 4.x mode 0 looked at what could be made free. */
Test(commit, old_guess)
{
	struct mmsim_machine *m = sim_boot("ram=512M,profile=linux-3.10");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = (size_t)sim_meminfo(m, "MemFree") * 1024 / 2;
	uintptr_t addr = sim_mmap(task, len);

	/* Another half is granted while nothing of the first is used. */
	mmsim_munmap(task, sim_mmap(task, len / 10 * 11), len / 10 * 11);
	sim_touch(task, addr, len);
	cr_assert_eq(mmsim_mmap(task, 0, len / 10 * 11, RW, PRIV, NULL, 0),
		     -ENOMEM);
	sim_shutdown(m);
}
