/*
 * swap.c: pages that go to swap and come back.
 */
#include "swap_tests.h"

#define MACHINE "ram=64M,swap=16M"

static uintptr_t map(struct mmsim_task *task, unsigned nr)
{
	intptr_t addr =
		mmsim_mmap(task, 0, nr * SIM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	cr_assert_gt(addr, 0);
	return (uintptr_t)addr;
}

static void put(struct mmsim_task *task, uintptr_t addr, unsigned char byte)
{
	cr_assert_eq(mmsim_store(task, addr, &byte, 1), 0);
}

static unsigned get(struct mmsim_task *task, uintptr_t addr)
{
	unsigned char byte = 0;

	cr_assert_eq(mmsim_load(task, addr, &byte, 1), 0);
	return byte;
}

Test(swap, a_page_goes_and_comes_back_with_its_content)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map(task, 1);
	long rss = sim_smaps(m, task, "Rss"), total;

	total = sim_meminfo(m, "SwapTotal");
	put(task, addr + 5, 77);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	sim_validate(m);
	cr_assert_eq(sim_smaps(m, task, "Rss"), rss);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 4);
	cr_assert_eq(sim_status(m, task, "VmSwap"), 4);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), total - 4);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_vmstat(m, "pswpout"), 1);
	cr_assert_eq(get(task, addr + 5), 77);
	sim_validate(m);
	cr_assert_eq(sim_vmstat(m, "pswpin"), 1);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 1);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 0);
	/* read: the slot may save a write, and stays */
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 4);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), total - 4);
	put(task, addr, 1);
	cr_assert_eq(get(task, addr + 5), 77);
	sim_shutdown(m);
}
