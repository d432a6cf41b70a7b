/*
 * pgtable.c: the shape of the tables in each architecture, what they cost, and
 * when they are freed.
 */
#include "sim.h"

#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/vma.h"

TestSuite(pgtable, .timeout = 60);

static uintptr_t map_at(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	intptr_t got = mmsim_mmap(task, addr, len, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
				  0);

	cr_assert_eq(got, (intptr_t)addr, "%zd", (ssize_t)got);
	return addr;
}

static long tables(const struct mmsim_task *task)
{
	return (long)(task->mm->pgtables_bytes / SIM_PAGE);
}

static void expect_shape(const char *spec, unsigned levels, unsigned entries,
			 uint64_t pmd_size, uint64_t top_size)
{
	struct mmsim_machine *m = sim_boot(spec);

	cr_expect_eq(pgtable_levels(m), levels);
	cr_expect_eq(pgtable_entries(m), entries);
	cr_expect_eq(pgtable_entry_size(m, 0), 4096);
	cr_expect_eq(pgtable_entry_size(m, 1), pmd_size);
	cr_expect_eq(pgtable_entry_size(m, levels - 1), top_size);
	sim_shutdown(m);
}

Test(pgtable, shapes)
{
	expect_shape("ram=64M", 4, 512, 2 << 20, (uint64_t)512 << 30);
	expect_shape("ram=64M,arch=x86-32", 2, 1024, 4 << 20, 4 << 20);
	expect_shape("ram=64M,arch=x86-32-pae", 3, 512, 2 << 20, 1 << 30);
}

/* One page in a new corner: a table on each level below the top one. */
static void expect_corner(const char *spec, uintptr_t addr, long nr)
{
	struct mmsim_machine *m = sim_boot(spec);
	struct mmsim_task *task = sim_spawn(m);
	long before = tables(task);

	map_at(task, addr, 4 * SIM_PAGE);
	sim_touch(task, addr, 1);
	cr_expect_eq(tables(task) - before, nr, "%ld tables",
		     tables(task) - before);
	sim_touch(task, addr, 4 * SIM_PAGE);
	cr_expect_eq(tables(task) - before, nr);
	cr_assert_eq(mmsim_munmap(task, addr, 4 * SIM_PAGE), 0);
	cr_expect_eq(tables(task), before);
	sim_shutdown(m);
}

Test(pgtable, corner)
{
	expect_corner("ram=64M", 0x100000000000, 3);
	expect_corner("ram=64M,arch=x86-32", 0x60000000, 1);
	expect_corner("ram=64M,arch=x86-32-pae", 0x60000000, 2);
}

Test(pgtable, freed_with_the_last_area_that_needs_them)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = 0x100000000000;
	long before = tables(task);

	/* two areas in one table, one in the next */
	map_at(task, addr, SIM_PAGE);
	map_at(task, addr + 16 * SIM_PAGE, SIM_PAGE);
	map_at(task, addr + PMD_SIZE, SIM_PAGE);
	sim_touch(task, addr, 1);
	sim_touch(task, addr + 16 * SIM_PAGE, 1);
	sim_touch(task, addr + PMD_SIZE, 1);
	cr_expect_eq(tables(task) - before, 4);
	cr_assert_eq(mmsim_munmap(task, addr, SIM_PAGE), 0);
	cr_expect_eq(tables(task) - before, 4);
	cr_assert_eq(mmsim_munmap(task, addr + 16 * SIM_PAGE, SIM_PAGE), 0);
	cr_expect_eq(tables(task) - before, 3);
	cr_assert_eq(mmsim_munmap(task, addr + PMD_SIZE, SIM_PAGE), 0);
	cr_expect_eq(tables(task), before);
	/* an untouched area keeps the table that it would need */
	map_at(task, addr, SIM_PAGE);
	map_at(task, addr + 16 * SIM_PAGE, SIM_PAGE);
	sim_touch(task, addr, 1);
	cr_assert_eq(mmsim_munmap(task, addr, SIM_PAGE), 0);
	cr_expect_eq(tables(task) - before, 3);
	sim_shutdown(m);
}

Test(pgtable, dontneed_keeps_tables)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_at(task, 0x100000000000, 8 << 20);
	long before;

	sim_touch(task, addr, 8 << 20);
	before = tables(task);
	cr_assert_eq(mmsim_madvise(task, addr, 8 << 20, MADV_DONTNEED), 0);
	cr_expect_eq(tables(task), before);
	sim_shutdown(m);
}

static int count_entry(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	long *nr = walk->arg;

	(void)addr;
	(void)huge;
	cr_expect(pte_is_present(*entry));
	++*nr;
	return 0;
}

/* A walk costs what is there: 64 TiB with three pages. */
Test(pgtable, walk_skips_what_is_empty)
{
	struct mmsim_machine *m = sim_boot("ram=64M,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = (size_t)64 << 40;
	uintptr_t addr = map_at(task, 0x100000000000, len);
	long nr = 0;
	struct pgtable_walk walk = { .mm = task->mm,
				     .visit = count_entry,
				     .arg = &nr };

	sim_touch(task, addr, 1);
	sim_touch(task, addr + len / 2, 1);
	sim_touch(task, addr + len - 1, 1);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(pgtable_walk(&walk, addr, addr + len), 0);
	cr_expect_eq(nr, 3000);
	nr = 0;
	cr_assert_eq(pgtable_walk(&walk, addr + 1 * SIM_PAGE,
				  addr + len - SIM_PAGE),
		     0);
	cr_expect_eq(nr, 1);
	cr_assert_eq(mmsim_munmap(task, addr, len), 0);
	sim_shutdown(m);
}

/* mremap: frames stay, content goes along, whole tables move. */
static void expect_move(const char *spec, uintptr_t from, uintptr_t to,
			size_t len)
{
	struct mmsim_machine *m = sim_boot(spec);
	struct mmsim_task *task = sim_spawn(m);
	long before, free_before;
	uint32_t value;

	map_at(task, from, len);
	for (size_t i = 0; i < len; i += SIM_PAGE) {
		value = (uint32_t)(i + 1);
		cr_assert_eq(mmsim_store(task, from + i, &value, sizeof(value)),
			     0);
	}
	before = tables(task);
	free_before = sim_meminfo(m, "AnonPages");
	cr_assert_eq(mmsim_mremap(task, from, len, len,
				  MREMAP_MAYMOVE | MREMAP_FIXED, to),
		     (intptr_t)to);
	cr_expect_eq(sim_meminfo(m, "AnonPages"), free_before);
	cr_expect_leq(labs(tables(task) - before), 3);
	for (size_t i = 0; i < len; i += SIM_PAGE) {
		cr_assert_eq(mmsim_load(task, to + i, &value, sizeof(value)),
			     0);
		cr_assert_eq(value, (uint32_t)(i + 1));
	}
	cr_expect_eq(mmsim_access(task, from, 1, 0), SIGSEGV);
	sim_shutdown(m);
}

Test(pgtable, mremap_moves_entries)
{
	expect_move("ram=64M", 0x10000000, 0x40000000, 6 << 20);
	expect_move("ram=64M", 0x10001000, 0x40003000, 6 << 20);
	expect_move("ram=64M", 0x10001000, 0x40001000, 6 << 20);
	expect_move("ram=64M,arch=x86-32", 0x10001000, 0x40201000, 6 << 20);
}

/* Everything of a sparse address space goes with the task. */
Test(pgtable, exit_gives_all_back)
{
	struct mmsim_machine *m = sim_boot("ram=64M,vm.overcommit_memory=1");
	struct mmsim_task *task;
	long before = sim_meminfo(m, "PageTables");

	task = sim_spawn(m);
	for (uintptr_t i = 0; i < 40; i++) {
		uintptr_t addr = 0x100000000000 + (i * i * 7919 << 22);

		map_at(task, addr, 3 * SIM_PAGE);
		sim_touch(task, addr + SIM_PAGE, 1);
	}
	cr_expect_gt(sim_meminfo(m, "PageTables"), before + 40 * 4);
	mmsim_task_exit(task, 0);
	cr_expect_eq(sim_meminfo(m, "PageTables"), before);
	sim_shutdown(m);
}
