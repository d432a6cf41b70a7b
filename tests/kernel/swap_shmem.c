/*
 * swap_shmem.c: pages of tmpfs and shared memory on swap.
 */
#include "swap_tests.h"

#include <fcntl.h>

#define MACHINE "ram=64M,swap=16M"

Test(swap_shmem, shared_anonymous_memory_goes_and_comes_back)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = map_anon(parent, 4, MAP_SHARED);
	long shmem;

	put(parent, addr, 3);
	put(parent, addr + SIM_PAGE, 4);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	cr_assert_eq(get(child, addr), 3);
	shmem = sim_meminfo(m, "Shmem");
	cr_assert(swap_out(parent, addr, SWAP_GONE));
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "Shmem"), shmem - 4);
	cr_assert_eq(sim_smaps_of(m, parent, addr, "Swap"), 4);
	cr_assert_eq(sim_status(m, parent, "VmSwap"), 0,
		     "shared memory is not counted there");
	put(child, addr + 1, 5);
	sim_validate(m);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 1);
	cr_assert_eq(get(parent, addr), 3);
	cr_assert_eq(get(parent, addr + 1), 5);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 1);
	/* back in the object's tree: the slot is free at once */
	cr_assert_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	cr_assert_eq(sim_meminfo(m, "Shmem"), shmem);
	sim_shutdown(m);
}

Test(swap_shmem, a_page_that_was_only_read_is_a_hole)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 2, MAP_SHARED);

	cr_assert_eq(get(task, addr), 0);
	cr_assert_not(swap_out(task, addr, SWAP_GONE));
	sim_validate(m);
	cr_assert_null(swap_page_at(task, addr));
	cr_assert_eq(sim_vmstat(m, "pswpout"), 0);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(get(task, addr), 0);
	sim_shutdown(m);
}

/* A file of tmpfs with `nr` pages, each of which holds its number + 1. */
static struct mmsim_file *make_file(struct mmsim_task *task, unsigned nr)
{
	struct mmsim_file *file = NULL;
	char page[SIM_PAGE];

	cr_assert_eq(mmsim_open(task, "/tmp/f", O_RDWR | O_CREAT, &file), 0);
	for (unsigned i = 0; i < nr; i++) {
		memset(page, (int)i + 1, sizeof(page));
		cr_assert_eq(mmsim_pwrite(task, file, page, SIM_PAGE,
					  (off_t)i * SIM_PAGE),
			     SIM_PAGE);
	}
	return file;
}

static uintptr_t map_file(struct mmsim_task *task, struct mmsim_file *file,
			  unsigned nr, int flags)
{
	intptr_t addr = mmsim_mmap(task, 0, nr * (size_t)SIM_PAGE,
				   PROT_READ | PROT_WRITE, flags, file, 0);

	cr_assert_gt(addr, 0);
	return (uintptr_t)addr;
}

/* All pages go out, as far as `last`. */
static void swap_out_file(struct mmsim_task *task, uintptr_t addr, unsigned nr,
			  enum swap_step last)
{
	for (unsigned i = 0; i < nr; i++) {
		get(task, addr + i * SIM_PAGE);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, last));
	}
}

Test(swap_shmem, read_and_write_bring_pages_of_a_file_back)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file = make_file(task, 8);
	uintptr_t addr = map_file(task, file, 8, MAP_SHARED);
	char bytes[4];

	swap_out_file(task, addr, 8, SWAP_GONE);
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 0);
	cr_assert_eq(mmsim_pread(task, file, bytes, 2, 3 * SIM_PAGE - 1), 2);
	cr_assert(bytes[0] == 3 && bytes[1] == 4);
	cr_assert_eq(mmsim_pwrite(task, file, "ab", 2, 6 * SIM_PAGE - 1), 2);
	cr_assert_eq(mmsim_pread(task, file, bytes, 4, 6 * SIM_PAGE - 2), 4);
	cr_assert(bytes[0] == 6 && bytes[1] == 'a' && bytes[2] == 'b' &&
		  bytes[3] == 7);
	sim_validate(m);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(swap_shmem, truncation_and_holes_free_slots)
{
	for (int last = SWAP_UNMAPPED; last <= SWAP_GONE; last++) {
		struct mmsim_machine *m = sim_boot(MACHINE);
		struct mmsim_task *task = sim_spawn(m);
		struct mmsim_file *file = make_file(task, 8);
		uintptr_t addr = map_file(task, file, 8, MAP_SHARED);
		char byte = 1;

		swap_out_file(task, addr, 8, (enum swap_step)last);
		cr_assert_eq(mmsim_madvise(task, addr + SIM_PAGE, SIM_PAGE,
					   MADV_REMOVE),
			     0);
		sim_validate(m);
		cr_assert_eq(get(task, addr + SIM_PAGE), 0);
		/* in the middle of a page that is on swap */
		cr_assert_eq(mmsim_ftruncate(file, 5 * SIM_PAGE + 100), 0);
		sim_validate(m);
		cr_assert_eq(mmsim_ftruncate(file, 8 * SIM_PAGE), 0);
		cr_assert_eq(get(task, addr + 5 * SIM_PAGE + 99), 6);
		cr_assert_eq(get(task, addr + 5 * SIM_PAGE + 100), 0);
		cr_assert_eq(mmsim_pread(task, file, &byte, 1, 7 * SIM_PAGE),
			     1);
		cr_assert_eq(byte, 0);
		cr_assert_eq(get(task, addr + 4 * SIM_PAGE), 5);
		mmsim_close(file);
		cr_assert_eq(mmsim_munmap(task, addr, 8 * SIM_PAGE), 0);
		cr_assert_eq(mmsim_unlink(m, "/tmp/f"), 0);
		mmsim_idle(m, 1000000000);
		blkdev_poll(m);
		sim_validate(m);
		cr_assert_eq(sim_meminfo(m, "SwapFree"),
			     sim_meminfo(m, "SwapTotal"));
		cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
		sim_shutdown(m);
	}
}

/* What is on swap still counts against the size of a tmpfs. */
Test(swap_shmem, swap_makes_no_room_in_a_full_tmpfs)
{
	struct mmsim_machine *m = sim_boot("ram=16M,swap=64M");
	struct mmsim_task *task = sim_spawn(m);
	unsigned nr = (unsigned)(m->totalram_pages / 2);
	struct mmsim_file *file = make_file(task, nr);
	uintptr_t addr = map_file(task, file, nr, MAP_SHARED);

	swap_out_file(task, addr, nr, SWAP_GONE);
	cr_assert_eq(mmsim_pwrite(task, file, "x", 1, (off_t)nr * SIM_PAGE),
		     -ENOSPC);
	cr_assert_eq(get(task, addr + 7 * SIM_PAGE), 8);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(swap_shmem, a_private_mapping_copies_from_swap)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file = make_file(task, 4);
	uintptr_t shared = map_file(task, file, 4, MAP_SHARED);
	uintptr_t own = map_file(task, file, 4, MAP_PRIVATE);

	swap_out_file(task, shared, 4, SWAP_GONE);
	cr_assert_eq(sim_smaps_of(m, task, own, "Swap"), 16);
	put(task, own, 9);
	cr_assert_eq(get(task, shared), 1);
	/* the copy goes to swap as anonymous memory */
	cr_assert(swap_out(task, own, SWAP_GONE));
	sim_validate(m);
	cr_assert_eq(get(task, own), 9);
	cr_assert_eq(get(task, own + 3 * SIM_PAGE), 4);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(swap_shmem, mincore_and_willneed)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 4, MAP_SHARED);
	unsigned char in_core[4];

	for (unsigned i = 0; i < 4; i++) {
		put(task, addr + i * SIM_PAGE, 2);
		cr_assert(swap_out(task, addr + i * SIM_PAGE,
				   i ? SWAP_GONE : SWAP_WRITTEN));
	}
	cr_assert_eq(mmsim_madvise(task, addr + 2 * SIM_PAGE, SIM_PAGE,
				   MADV_WILLNEED),
		     0);
	sim_validate(m);
	cr_assert_eq(mmsim_mincore(task, addr, 4 * SIM_PAGE, in_core), 0);
	cr_assert(in_core[0] == 1 && in_core[1] == 0 && in_core[2] == 1 &&
		  in_core[3] == 0);
	cr_assert_eq(get(task, addr + 2 * SIM_PAGE), 2);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 0);
	sim_shutdown(m);
}
