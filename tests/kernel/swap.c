/*
 * swap.c: pages that go to swap and come back: slots, the swap cache, sharing.
 */
#include "swap_tests.h"

#define MACHINE "ram=64M,swap=16M"

Test(swap, a_page_goes_and_comes_back_with_its_content)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 1, MAP_PRIVATE);
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
	/* and needs none when it goes again */
	cr_assert(swap_out(task, addr, SWAP_GONE));
	cr_assert_eq(sim_vmstat(m, "pswpout"), 1);
	cr_assert_eq(get(task, addr + 5), 77);
	sim_shutdown(m);
}

Test(swap, a_store_to_a_page_that_is_clean_makes_it_be_written_again)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 1, MAP_PRIVATE);
	long pgreuse;

	put(task, addr, 1);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	cr_assert_eq(get(task, addr), 1);
	pgreuse = sim_vmstat(m, "pgreuse");
	put(task, addr, 2);
	cr_assert_eq(sim_vmstat(m, "pgreuse"), pgreuse + 1);
	/* the page is the task's alone: reused, slot and all */
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 4);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	cr_assert_eq(sim_vmstat(m, "pswpout"), 2);
	cr_assert_eq(get(task, addr), 2);
	sim_shutdown(m);
}

Test(swap, a_store_that_swaps_in_frees_the_slot)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 1, MAP_PRIVATE);
	long total = sim_meminfo(m, "SwapTotal");

	put(task, addr, 1);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	put(task, addr + 1, 2);
	cr_assert_eq(get(task, addr), 1);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), total);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 1);
	sim_shutdown(m);
}

Test(swap, a_swap_in_frees_the_slot_when_swap_is_half_full)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=68K,"
					   "vm.page-cluster=0");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 16, MAP_PRIVATE);

	for (unsigned i = 0; i < 9; i++) {
		put(task, addr + i * SIM_PAGE, (unsigned char)(i + 1));
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	}
	/* 9 of 16 pages are in use: the first swap-in is above the half */
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 7 * 4);
	cr_assert_eq(get(task, addr), 1);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 8 * 4);
	cr_assert_eq(get(task, addr + SIM_PAGE), 2);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 8 * 4);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 4);
	sim_shutdown(m);
}

Test(swap, a_fault_meets_the_page_on_its_way_out)
{
	static const enum swap_step steps[] = {SWAP_UNMAPPED, SWAP_WRITING,
					       SWAP_WRITTEN};
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 8, MAP_PRIVATE);

	for (unsigned i = 0; i < 3; i++) {
		uintptr_t at = addr + i * SIM_PAGE;
		struct page *page;

		put(task, at, 9);
		page = swap_page_at(task, at);
		cr_assert(swap_out(task, at, steps[i]));
		sim_validate(m);
		cr_assert_eq(get(task, at), 9);
		cr_assert_eq(swap_page_at(task, at), page);
		put(task, at, 10);
		sim_validate(m);
		cr_assert_eq(swap_page_at(task, at), page, "step %u", i);
		cr_assert(swap_out(task, at, SWAP_GONE));
		cr_assert_eq(get(task, at), 10);
	}
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 3);
	sim_shutdown(m);
}

Test(swap, zeros_cost_the_host_nothing)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 64, MAP_PRIVATE);
	size_t used = m->contents.nr_used;

	for (unsigned i = 0; i < 64; i++) {
		put(task, addr + i * SIM_PAGE, 0);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	}
	cr_assert_eq(sim_vmstat(m, "pswpout"), 64);
	/* the table's frame, and nothing else */
	cr_assert_leq(m->contents.nr_used, used + 4);
	used = m->contents.nr_used;
	put(task, addr, 1);
	cr_assert_eq(m->contents.nr_used, used + 1);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	cr_assert_eq(m->contents.nr_used, used + 1, "it moved to the slot");
	put(task, addr, 2);
	cr_assert_eq(m->contents.nr_used, used + 1, "and back");
	sim_shutdown(m);
}

Test(swap, since_6_12_zeros_are_not_written)
{
	struct mmsim_machine *m =
		sim_boot("ram=64M,swap=16M,profile=linux-6.18");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 8, MAP_PRIVATE);

	for (unsigned i = 0; i < 8; i++) {
		/* stored zeros are zeros, too */
		put(task, addr + i * SIM_PAGE, 1);
		put(task, addr + i * SIM_PAGE, i == 7);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	}
	cr_assert_eq(sim_vmstat(m, "pswpout"), 1);
	cr_assert_eq(sim_vmstat(m, "swpout_zero"), 7);
	cr_assert_eq(sim_vmstat(m, "pgpgout"), 4);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), i == 7);
	cr_assert_eq(sim_vmstat(m, "pswpin"), 1);
	cr_assert_eq(sim_vmstat(m, "swpin_zero"), 7);
	cr_assert_eq(sim_vmstat(m, "pgpgin"), 4);
	sim_shutdown(m);
}

/* --- slots --------------------------------------------------------------- */

Test(swap, pages_that_go_together_lie_together)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 600, MAP_PRIVATE);

	for (unsigned i = 0; i < 600; i++) {
		put(task, addr + i * SIM_PAGE, 1);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
		cr_assert_eq(
			swp_offset(swap_slot_at(task, addr + i * SIM_PAGE)),
			i + 1);
	}
	/* a hole of single slots is not filled while a whole cluster is free */
	for (unsigned i = 0; i < 100; i += 2)
		put(task, addr + i * SIM_PAGE, 2);
	for (unsigned i = 0; i < 100; i += 2)
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	cr_assert_eq(swp_offset(swap_slot_at(task, addr)), 601);
	sim_shutdown(m);
}

Test(swap, every_slot_can_be_used_and_then_swap_is_full)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=4M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 1100, MAP_PRIVATE);

	for (unsigned i = 0; i < 1023; i++) {
		put(task, addr + i * SIM_PAGE, (unsigned char)i);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	}
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 0);
	put(task, addr + 1023 * SIM_PAGE, 1);
	cr_assert_eq(
		swap_add_page(m, swap_page_at(task, addr + 1023 * SIM_PAGE)),
		-ENOSPC);
	sim_validate(m);
	/* the one that becomes free is found wherever it is */
	put(task, addr + 500 * SIM_PAGE, 3);
	cr_assert(swap_out(task, addr + 1023 * SIM_PAGE, SWAP_GONE));
	cr_assert_eq(swp_offset(swap_slot_at(task, addr + 1023 * SIM_PAGE)),
		     501);
	for (unsigned i = 0; i < 1023; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE),
			     i == 500 ? 3 : i % 256);
	sim_shutdown(m);
}

/* Pages that were read in while swap was not half full keep their slots, until
 * those are needed. */
Test(swap, a_slot_that_only_saves_a_write_is_taken)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=1M,vm.page-cluster=0");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 400, MAP_PRIVATE);

	for (unsigned i = 0; i < 100; i++) {
		put(task, addr + i * SIM_PAGE, 1);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
		cr_assert_eq(get(task, addr + i * SIM_PAGE), 1);
	}
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 400);
	/* the rest of 255, and when one is free, those of the cached pages */
	for (unsigned i = 100; i < 355; i++) {
		put(task, addr + i * SIM_PAGE, 2);
		if (i == 255)
			cr_assert_eq(mmsim_madvise(task, addr + 254 * SIM_PAGE,
						   SIM_PAGE, MADV_DONTNEED),
				     0);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE),
			  "page %u", i);
	}
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 254 * 4);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 4);
	for (unsigned i = 0; i < 355; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), i < 100    ? 1
							     : i == 254 ? 0
									: 2);
	sim_shutdown(m);
}

/* --- sharing ------------------------------------------------------------- */

Test(swap, a_swapped_page_is_shared_by_fork)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = map_anon(parent, 2, MAP_PRIVATE);
	swp_entry_t slot;

	put(parent, addr, 5);
	cr_assert(swap_out(parent, addr, SWAP_GONE));
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	sim_validate(m);
	slot = swap_slot_at(parent, addr);
	cr_assert_eq(swap_slot_at(child, addr).val, slot.val);
	cr_assert_eq(swap_count(m, slot), 2);
	cr_assert_eq(sim_smaps(m, child, "Swap"), 4);
	cr_assert_eq(sim_smaps(m, child, "SwapPss"), 2);
	/* the child reads it in; the parent finds it in the cache */
	cr_assert_eq(get(child, addr), 5);
	cr_assert_eq(sim_smaps(m, parent, "SwapPss"), 4);
	put(parent, addr, 6);
	sim_validate(m);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 1);
	cr_assert_eq(get(child, addr), 5, "the parent has a copy");
	put(child, addr, 7);
	cr_assert_eq(get(parent, addr), 6);
	/* the child was the last with the old page: no copy, no slot */
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	sim_shutdown(m);
}

Test(swap, a_page_shared_by_fork_goes_out_of_both)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t addr = map_anon(parent, 2, MAP_PRIVATE);

	put(parent, addr, 5);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	cr_assert(swap_out(parent, addr, SWAP_GONE));
	cr_assert_eq(swap_count(m, swap_slot_at(child, addr)), 2);
	mmsim_task_exit(parent, 0);
	sim_validate(m);
	cr_assert_eq(swap_count(m, swap_slot_at(child, addr)), 1);
	put(child, addr + 1, 6);
	cr_assert_eq(get(child, addr), 5);
	cr_assert_eq(sim_vmstat(m, "pgreuse"), 0);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	mmsim_task_put(parent);
	sim_shutdown(m);
}

Test(swap, exit_gives_slots_and_cached_pages_back)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 4, MAP_PRIVATE);

	for (unsigned i = 0; i < 4; i++) {
		put(task, addr + i * SIM_PAGE, 1);
		cr_assert(swap_out(task, addr + i * SIM_PAGE,
				   (enum swap_step)(SWAP_UNMAPPED + i)));
	}
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 12);
	mmsim_task_exit(task, 0);
	sim_validate(m);
	/* one was being written: it goes when that is over */
	cr_assert_leq(sim_meminfo(m, "SwapCached"), 4);
	mmsim_idle(m, 1000000000);
	blkdev_poll(m);
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), sim_meminfo(m, "SwapTotal"));
	mmsim_task_put(task);
	sim_shutdown(m);
}

/* --- calls that meet swap entries ----------------------------------------- */

Test(swap, mlocked_pages_stay)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 2, MAP_PRIVATE);

	put(task, addr, 1);
	put(task, addr + SIM_PAGE, 2);
	cr_assert(swap_out(task, addr, SWAP_GONE));
	cr_assert_eq(mmsim_mlock(task, addr, 2 * SIM_PAGE), 0);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 0, "mlock reads it in");
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 8);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_not(swap_out(task, addr + SIM_PAGE, SWAP_GONE));
	cr_assert_not_null(swap_page_at(task, addr + SIM_PAGE));
	cr_assert_eq(get(task, addr), 1);
	sim_shutdown(m);
}

Test(swap, mincore_counts_the_swap_cache)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 3, MAP_PRIVATE);
	unsigned char in_core[3];
	char *text;

	for (unsigned i = 0; i < 3; i++)
		put(task, addr + i * SIM_PAGE, 1);
	cr_assert(swap_out(task, addr, SWAP_WRITTEN));
	cr_assert(swap_out(task, addr + SIM_PAGE, SWAP_GONE));
	cr_assert_eq(mmsim_mincore(task, addr, 3 * SIM_PAGE, in_core), 0);
	cr_assert(in_core[0] == 1 && in_core[1] == 0 && in_core[2] == 1);
	/* and so do these */
	get(task, addr);
	text = sim_task_proc(m, task, "numa_maps");
	cr_assert_not_null(strstr(text, " swapcache=1 "), "%s", text);
	free(text);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 4);
	cr_assert_eq(sim_meminfo(m, "Cached"), 0);
	sim_shutdown(m);
}

Test(swap, mremap_and_mprotect_keep_entries)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 4, MAP_PRIVATE);
	intptr_t moved;

	put(task, addr + SIM_PAGE, 8);
	cr_assert(swap_out(task, addr + SIM_PAGE, SWAP_GONE));
	cr_assert_eq(mmsim_mprotect(task, addr, 4 * SIM_PAGE, PROT_READ), 0);
	moved = mmsim_mremap(task, addr, 4 * SIM_PAGE, 4 * SIM_PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, 0x50000000);
	cr_assert_eq(moved, 0x50000000);
	sim_validate(m);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 4);
	cr_assert_eq(get(task, 0x50000000 + SIM_PAGE), 8);
	cr_assert_eq(mmsim_mprotect(task, 0x50000000, 4 * SIM_PAGE,
				    PROT_READ | PROT_WRITE),
		     0);
	put(task, 0x50000000 + SIM_PAGE, 9);
	cr_assert(swap_out(task, 0x50000000 + SIM_PAGE, SWAP_GONE));
	cr_assert_eq(get(task, 0x50000000 + SIM_PAGE), 9);
	sim_shutdown(m);
}

Test(swap, advice)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 8, MAP_PRIVATE);

	for (unsigned i = 0; i < 8; i++) {
		put(task, addr + i * SIM_PAGE, 4);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
	}
	cr_assert_eq(mmsim_madvise(task, addr, SIM_PAGE, MADV_DONTNEED), 0);
	cr_assert_eq(mmsim_madvise(task, addr + SIM_PAGE, SIM_PAGE, MADV_FREE),
		     0);
	sim_validate(m);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 24);
	cr_assert_eq(get(task, addr), 0);
	cr_assert_eq(get(task, addr + SIM_PAGE), 0);
	cr_assert_eq(mmsim_madvise(task, addr + 4 * SIM_PAGE, 4 * SIM_PAGE,
				   MADV_WILLNEED),
		     0);
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 16);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 24, "read, but not mapped");
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 0);
	cr_assert_eq(get(task, addr + 6 * SIM_PAGE), 4);
	cr_assert_eq(sim_vmstat(m, "pgmajfault"), 0);
	sim_shutdown(m);
}

Test(swap, pageout)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t addr = map_anon(task, 8, MAP_PRIVATE);

	for (unsigned i = 0; i < 8; i++)
		put(task, addr + i * SIM_PAGE, (unsigned char)(i + 1));
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	put(task, addr, 1);
	put(task, addr + SIM_PAGE, 2);
	/* only what nobody else has */
	cr_assert_eq(mmsim_madvise(task, addr, 8 * SIM_PAGE, MADV_PAGEOUT), 0);
	sim_validate(m);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 8);
	cr_assert_eq(sim_smaps(m, child, "Swap"), 0);
	cr_assert_eq(sim_vmstat(m, "pswpout"), 2);
	/* on their way out: not read */
	cr_assert_eq(get(task, addr), 1);
	cr_assert_eq(sim_vmstat(m, "pswpin"), 0);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), i + 1);
	sim_shutdown(m);
}

/* A page that is clean on swap is dropped like a fresh one once MADV_FREE was
 * told for it; a store in between keeps it. */
Test(swap, pages_that_are_free_to_go_need_no_slot)
{
	struct mmsim_machine *m = sim_boot(MACHINE);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 2, MAP_PRIVATE);

	for (unsigned i = 0; i < 2; i++) {
		put(task, addr + i * SIM_PAGE, 4);
		cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE));
		cr_assert_eq(get(task, addr + i * SIM_PAGE), 4);
	}
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 8);
	cr_assert_eq(mmsim_madvise(task, addr, 2 * SIM_PAGE, MADV_FREE), 0);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_smaps(m, task, "LazyFree"), 8);
	put(task, addr + SIM_PAGE, 5);
	swap_out(task, addr, SWAP_GONE);
	swap_out(task, addr + SIM_PAGE, SWAP_GONE);
	sim_validate(m);
	cr_assert_eq(get(task, addr), 0, "dropped");
	cr_assert_eq(get(task, addr + SIM_PAGE), 5);
	sim_shutdown(m);
}

/* --- reading ahead ------------------------------------------------------- */

/* Faults on pages in sequence after all were swapped out in sequence: one in
 * 2^page-cluster is major. */
Test(swap, a_fault_reads_the_window_of_its_slot)
{
	static const struct {
		const char *spec;
		long major, ra;
	} rows[] = {
		{"ram=64M,swap=16M,vm.page-cluster=0", 512, 0},
		{"ram=64M,swap=16M", 65, 512 - 65},
		{"ram=64M,swap=16M,vm.page-cluster=5", 17, 512 - 17},
	};

	for (unsigned row = 0; row < 3; row++) {
		struct mmsim_machine *m = sim_boot(rows[row].spec);
		struct mmsim_task *task = sim_spawn(m);
		uintptr_t addr = map_anon(task, 512, MAP_PRIVATE);

		for (unsigned i = 0; i < 512; i++) {
			put(task, addr + i * SIM_PAGE, 1);
			swap_out(task, addr + i * SIM_PAGE, SWAP_GONE);
		}
		for (unsigned i = 0; i < 512; i++)
			get(task, addr + i * SIM_PAGE);
		cr_assert_eq(sim_vmstat(m, "pswpin"), 512);
		/* the first windows are shorter: they start at 4 pages */
		cr_assert_lt(
			labs(sim_vmstat(m, "pgmajfault") - rows[row].major), 5,
			"%s: %ld", rows[row].spec, sim_vmstat(m, "pgmajfault"));
		cr_assert_eq(sim_vmstat(m, "swap_ra"),
			     512 - sim_vmstat(m, "pgmajfault"));
		cr_assert_eq(sim_vmstat(m, "swap_ra_hit"),
			     sim_vmstat(m, "swap_ra"));
		sim_shutdown(m);
	}
}

Test(swap, faults_at_random_read_nothing_else)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=32M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 4096, MAP_PRIVATE);

	for (unsigned i = 0; i < 4096; i++) {
		put(task, addr + i * SIM_PAGE, 1);
		swap_out(task, addr + i * SIM_PAGE, SWAP_GONE);
	}
	for (unsigned i = 0; i < 200; i++)
		get(task, addr + i * 1237 % 4096 * SIM_PAGE);
	/* the window halves: 8, 4, 2, then single pages */
	cr_assert_leq(sim_vmstat(m, "swap_ra"), 20);
	sim_shutdown(m);
}
