/*
 * oom_tests.h: what the tests of the OOM killer share.
 */
#ifndef TESTS_KERNEL_OOM_H
#define TESTS_KERNEL_OOM_H

#include "sim.h"

#include <sys/wait.h>

/* MemFree 175332 kB when the test program starts. */
#define OOM_256M SIM_256M ",boot_used=8846,vm.overcommit_memory=1"

enum { RW = PROT_READ | PROT_WRITE, PRIV = MAP_PRIVATE | MAP_ANONYMOUS };

static SIM_UNUSED struct mmsim_task *oom_spawn(struct mmsim_machine *m,
					       const char *comm, int adj)
{
	struct mmsim_task *task = NULL;
	char path[64], text[16];

	cr_assert_eq(mmsim_task_spawn(m, comm, &task), 0);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj",
		 mmsim_task_pid(task));
	snprintf(text, sizeof(text), "%d\n", adj);
	sim_write(m, path, text);
	return task;
}

static SIM_UNUSED long oom_score(struct mmsim_machine *m,
				 struct mmsim_task *task)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score",
		 mmsim_task_pid(task));
	return sim_sysctl(m, path);
}

/* A task with so many pages resident and so much in page tables. */
static SIM_UNUSED struct mmsim_task *oom_sized(struct mmsim_machine *m,
					       const char *comm, int adj,
					       long rss, long pte_kb)
{
	struct mmsim_task *task = oom_spawn(m, comm, adj);
	const long stride = 512;
	intptr_t addr;
	long tables = 0, touched;

	addr = mmsim_mmap(task, (uintptr_t)1 << 40, 64ul << 21, RW, PRIV, NULL,
			  0);
	cr_assert_eq(addr, (intptr_t)1 << 40);
	while (sim_status(m, task, "VmPTE") < pte_kb)
		sim_touch(task, (uintptr_t)(addr + (tables++ << 21)), 1);
	cr_assert_eq(sim_status(m, task, "VmPTE"), pte_kb);
	touched = tables;
	for (long i = 0; touched < rss; i++) {
		long n =
			rss - touched < stride - 1 ? rss - touched : stride - 1;

		cr_assert_lt(i, tables);
		sim_touch(task, (uintptr_t)(addr + (i * stride + 1) * SIM_PAGE),
			  (size_t)n * SIM_PAGE);
		touched += n;
	}
	cr_assert_eq(sim_status(m, task, "VmPTE"), pte_kb);
	return task;
}

/* Writes page after page until there is a signal; pages that were written. */
static SIM_UNUSED long oom_eat(struct mmsim_task *task, uintptr_t addr,
			       long from, long max, int *sig)
{
	struct mmsim_usage before, after;

	mmsim_task_usage(task, &before);
	*sig = mmsim_access(task, addr + (uintptr_t)from * SIM_PAGE,
			    (size_t)(max - from) * SIM_PAGE, 1);
	mmsim_task_usage(task, &after);
	return from + (long)(after.min_flt - before.min_flt);
}

static SIM_UNUSED char *oom_log(struct mmsim_machine *m)
{
	ssize_t len = mmsim_machine_log(m, NULL, 0);
	char *text = malloc((size_t)len + 1);

	mmsim_machine_log(m, text, (size_t)len + 1);
	return text;
}

static SIM_UNUSED bool oom_log_has(struct mmsim_machine *m, const char *what)
{
	char *text = oom_log(m);
	bool has = strstr(text, what) != NULL;

	free(text);
	return has;
}

#define oom_assert_log(m, what)                                                \
	cr_assert(oom_log_has(m, what), "the log has not \"%s\"", what)

static SIM_UNUSED bool is_near(double value, double recorded, double percent)
{
	double diff = value > recorded ? value - recorded : recorded - value;

	return diff * 100 <= recorded * percent;
}

#endif
