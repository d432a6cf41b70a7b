/*
 * Tasks that die in the middle of anything: random calls on machines that are
 * always short of memory, with the books checked.
 */
#include "oom_tests.h"

TestSuite(oom_pressure, .timeout = 100);

enum { PRESSURE_TASKS = 6, PRESSURE_STEPS = 4000 };

struct pressure {
	struct mmsim_machine *m;
	struct mmsim_task *tasks[PRESSURE_TASKS];
	uint64_t state;
};

static uint64_t pressure_random(struct pressure *p, uint64_t bound)
{
	p->state = p->state * 6364136223846793005u + 1442695040888963407u;
	return (p->state >> 33) % bound;
}

/* A call on a window of 16 MiB, which holds what earlier calls left there. */
static void pressure_call(struct pressure *p, struct mmsim_task *task,
			  struct mmsim_task **free_slot)
{
	uintptr_t addr = (1ul << 40) + pressure_random(p, 4096) * SIM_PAGE;
	size_t len = (1 + pressure_random(p, 1500)) * SIM_PAGE;
	int shared = pressure_random(p, 4) ? MAP_PRIVATE : MAP_SHARED;

	switch (pressure_random(p, 12)) {
	case 0:
	case 1:
		mmsim_mmap(task, addr, len, RW,
			   shared | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
		break;
	case 2:
		mmsim_mmap(task, addr, len, RW,
			   shared | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
			   NULL, 0);
		break;
	case 3:
		mmsim_munmap(task, addr, len);
		break;
	case 4:
		mmsim_mprotect(task, addr, len, PROT_READ);
		break;
	case 5:
		mmsim_mremap(task, addr, SIM_PAGE, len, MREMAP_MAYMOVE, 0);
		break;
	case 6:
		mmsim_mlock(task, addr, len);
		break;
	case 7:
		if (free_slot && mmsim_task_fork(task, free_slot))
			*free_slot = NULL;
		break;
	case 8:
		if (pressure_random(p, 4) == 0)
			mmsim_task_exit(task, 0);
		break;
	default:
		mmsim_access(task, addr, len, pressure_random(p, 3) != 0);
		break;
	}
}

static void pressure_step(struct pressure *p)
{
	struct mmsim_task **free_slot = NULL, **slot;

	for (int i = 0; i < PRESSURE_TASKS; i++) {
		slot = &p->tasks[i];
		if (*slot && !mmsim_task_is_alive(*slot)) {
			mmsim_task_put(*slot);
			*slot = NULL;
		}
		if (!*slot)
			free_slot = slot;
	}
	slot = &p->tasks[pressure_random(p, PRESSURE_TASKS)];
	if (*slot)
		pressure_call(p, *slot, free_slot);
	else if (mmsim_task_spawn(p->m, "p", slot))
		*slot = NULL;
}

static void pressure_run(const char *spec, uint64_t seed, int steps)
{
	struct pressure p = {.m = sim_boot(spec), .state = seed};

	for (int i = 0; i < steps; i++) {
		pressure_step(&p);
		if (i % 64 == 0)
			sim_validate(p.m);
	}
	cr_assert_gt(sim_vmstat(p.m, "oom_kill"), 3);
	cr_assert_not(mmsim_machine_has_panicked(p.m));
	for (int i = 0; i < PRESSURE_TASKS; i++)
		if (p.tasks[i])
			mmsim_task_exit(p.tasks[i], 0);
	cr_assert_eq(sim_meminfo(p.m, "AnonPages"), 0);
	cr_assert_eq(sim_meminfo(p.m, "Shmem"), 0);
	cr_assert_eq(sim_meminfo(p.m, "PageTables"), 0);
	cr_assert_eq(sim_meminfo(p.m, "Committed_AS"), 0);
	cr_assert_eq(sim_meminfo(p.m, "Mlocked"), 0);
	sim_shutdown(p.m);
}

Test(oom_pressure, small_pages)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		pressure_run("ram=16M,vm.overcommit_memory=1", seed,
			     PRESSURE_STEPS);
}

Test(oom_pressure, huge_pages)
{
	for (uint64_t seed = 1; seed <= 2; seed++)
		pressure_run("ram=24M,thp=always,vm.overcommit_memory=1", seed,
			     PRESSURE_STEPS / 2);
}

Test(oom_pressure, allocating_task)
{
	pressure_run("ram=16M,vm.overcommit_memory=1,"
		     "vm.oom_kill_allocating_task=1",
		     5, PRESSURE_STEPS);
}
