/*
 * tlb.c: hits, misses, and that no translation outlives its entry.
 */
#include "sim.h"

#include "kernel/machine.h"
#include "kernel/tlb.h"

TestSuite(tlb, .timeout = 60);

static uint64_t hits(struct mmsim_machine *m)
{
	return m->tlbs[0]->nr_hits;
}

static uint64_t misses(struct mmsim_machine *m)
{
	return m->tlbs[0]->nr_misses;
}

Test(tlb, hits_and_misses)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 4 * SIM_PAGE);
	uint64_t h, n;

	sim_touch(task, addr, 4 * SIM_PAGE);
	h = hits(m);
	n = misses(m);
	sim_touch(task, addr, 1);
	sim_touch(task, addr + 4000, 200); /* two pages */
	cr_assert_eq(mmsim_access(task, addr, 8, 0), 0);
	cr_expect_eq(hits(m) - h, 4);
	cr_expect_eq(misses(m), n);
	/* one that was only read misses at the first store, without a fault */
	cr_assert_eq(mmsim_mprotect(task, addr, SIM_PAGE, PROT_READ), 0);
	cr_assert_eq(mmsim_access(task, addr, 1, 0), 0);
	cr_expect_eq(misses(m) - n, 1);
	/* more pages than entries: a cyclic walk misses on those that share one */
	addr = sim_mmap(task, 2 * TLB_ENTRIES * SIM_PAGE);
	sim_touch(task, addr, 2 * TLB_ENTRIES * SIM_PAGE);
	n = misses(m);
	cr_assert_eq(mmsim_access(task, addr, 2 * TLB_ENTRIES * SIM_PAGE, 0),
		     0);
	cr_expect_eq(misses(m) - n, 2 * TLB_ENTRIES);
	sim_shutdown(m);
}

Test(tlb, address_spaces_are_apart)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b;
	uintptr_t addr = sim_mmap(a, SIM_PAGE);
	int value = 1, back = 0;

	cr_assert_eq(mmsim_store(a, addr, &value, sizeof(value)), 0);
	cr_assert_eq(mmsim_task_fork(a, &b), 0);
	/* the parent's right to write in the TLB must be gone */
	value = 2;
	cr_assert_eq(mmsim_store(a, addr, &value, sizeof(value)), 0);
	cr_assert_eq(mmsim_load(b, addr, &back, sizeof(back)), 0);
	cr_expect_eq(back, 1);
	value = 3;
	cr_assert_eq(mmsim_store(b, addr, &value, sizeof(value)), 0);
	cr_assert_eq(mmsim_load(a, addr, &back, sizeof(back)), 0);
	cr_expect_eq(back, 2);
	cr_assert_eq(mmsim_munmap(b, addr, SIM_PAGE), 0);
	cr_expect_eq(mmsim_access(b, addr, 1, 0), SIGSEGV);
	cr_expect_eq(mmsim_access(a, addr, 1, 0), 0);
	sim_shutdown(m);
}

static void expect_gone(struct mmsim_task *task, uintptr_t addr, int write)
{
	cr_expect_eq(mmsim_access(task, addr, 1, write), SIGSEGV);
}

Test(tlb, changes_are_seen)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 64 * SIM_PAGE);
	char c = 'c', back = 'x';

	sim_touch(task, addr, 64 * SIM_PAGE);
	cr_assert_eq(mmsim_mprotect(task, addr, SIM_PAGE, PROT_READ), 0);
	expect_gone(task, addr, 1);
	cr_assert_eq(mmsim_mprotect(task, addr, SIM_PAGE, PROT_NONE), 0);
	expect_gone(task, addr, 0);
	cr_assert_eq(mmsim_store(task, addr + SIM_PAGE, &c, 1), 0);
	cr_assert_eq(mmsim_madvise(task, addr + SIM_PAGE, SIM_PAGE,
				   MADV_DONTNEED),
		     0);
	cr_assert_eq(mmsim_load(task, addr + SIM_PAGE, &back, 1), 0);
	cr_expect_eq(back, 0);
	/* few pages are dropped one by one, many all at once */
	cr_assert_eq(mmsim_munmap(task, addr + 2 * SIM_PAGE, 2 * SIM_PAGE), 0);
	expect_gone(task, addr + 3 * SIM_PAGE, 0);
	cr_assert_eq(mmsim_munmap(task, addr + 8 * SIM_PAGE, 56 * SIM_PAGE), 0);
	expect_gone(task, addr + 63 * SIM_PAGE, 0);
	cr_expect_eq(mmsim_access(task, addr + 5 * SIM_PAGE, 1, 1), 0);
	cr_expect_gt(m->tlbs[0]->nr_flushes, 0);
	cr_expect_gt(m->tlbs[0]->nr_page_flushes, 0);
	sim_shutdown(m);
}

Test(tlb, every_cpu_forgets)
{
	struct mmsim_machine *m = sim_boot("ram=64M,cpus=3");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, SIM_PAGE);

	for (unsigned cpu = 0; cpu < 3; cpu++) {
		cr_assert_eq(mmsim_task_set_cpu(task, cpu), 0);
		sim_touch(task, addr, 1);
	}
	cr_assert_eq(mmsim_munmap(task, addr, SIM_PAGE), 0);
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		cr_assert_eq(mmsim_task_set_cpu(task, cpu), 0);
		expect_gone(task, addr, 0);
	}
	sim_shutdown(m);
}

Test(tlb, zero_page_is_not_written)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 2 * SIM_PAGE);
	char c = 'c', back = 'x';

	cr_assert_eq(mmsim_access(task, addr, 2 * SIM_PAGE, 0), 0);
	cr_assert_eq(mmsim_store(task, addr, &c, 1), 0);
	cr_assert_eq(mmsim_load(task, addr + SIM_PAGE, &back, 1), 0);
	cr_expect_eq(back, 0);
	cr_assert_eq(mmsim_load(task, addr, &back, 1), 0);
	cr_expect_eq(back, 'c');
	sim_shutdown(m);
}
