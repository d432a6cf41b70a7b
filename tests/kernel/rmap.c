/*
 * rmap.c: from pages back to entries; anon_vmas through forks and splits.
 */
#include "sim.h"

#include "kernel/machine.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

TestSuite(rmap, .timeout = 60);

static bool count_entry(struct rmap_walk *walk, struct vm_area_struct *vma,
			uintptr_t addr, pte_t *entry, bool huge)
{
	int *nr = walk->arg;

	(void)vma;
	(void)addr;
	(void)entry;
	(void)huge;
	++*nr;
	return true;
}

static struct page *page_at(struct mmsim_task *task, uintptr_t addr)
{
	pte_t *entry = pte_find(task->mm, addr);

	cr_assert_not_null(entry);
	return pte_page(task->machine, *entry);
}

static int count_mappings(struct mmsim_task *task, uintptr_t addr)
{
	struct page *page = page_at(task, addr);
	int nr = 0;
	struct rmap_walk walk = { .visit = count_entry, .arg = &nr };

	rmap_walk(task->machine, page, &walk);
	cr_expect_eq(nr, page_mapcount(page));
	return nr;
}

static struct anon_vma *anon_vma_of(struct mmsim_task *task, uintptr_t addr)
{
	return vma_lookup(task->mm, addr)->anon_vma;
}

static unsigned nr_chains(struct mmsim_task *task, uintptr_t addr)
{
	const struct vm_area_struct *vma = vma_lookup(task->mm, addr);
	const struct list_head *link;
	unsigned nr = 0;

	for (link = vma->anon_vma_chain.next; link != &vma->anon_vma_chain;
	     link = link->next)
		nr++;
	return nr;
}

Test(rmap, fork_and_cow)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b, *c;
	uintptr_t addr = sim_mmap(a, 4 * SIM_PAGE);

	cr_expect_null(anon_vma_of(a, addr));
	sim_touch(a, addr, 4 * SIM_PAGE);
	cr_expect_eq(count_mappings(a, addr), 1);
	cr_assert_eq(mmsim_task_fork(a, &b), 0);
	cr_assert_eq(mmsim_task_fork(b, &c), 0);
	cr_expect_eq(count_mappings(a, addr), 3);
	cr_expect_neq(anon_vma_of(a, addr), anon_vma_of(b, addr));
	cr_expect_eq(anon_vma_of(c, addr)->root, anon_vma_of(a, addr));
	cr_expect_eq(anon_vma_of(c, addr)->parent, anon_vma_of(b, addr));
	cr_expect_eq(nr_chains(c, addr), 3);
	/* a page of b's own is looked for in b and c only */
	sim_touch(b, addr, 1);
	cr_expect_eq(count_mappings(a, addr), 2);
	cr_expect_eq(count_mappings(b, addr), 1);
	cr_expect_eq(page_at(b, addr)->mapping, anon_vma_of(b, addr));
	mmsim_task_exit(b, 0);
	cr_expect_eq(count_mappings(c, addr), 2);
	mmsim_task_exit(a, 0);
	cr_expect_eq(count_mappings(c, addr + SIM_PAGE), 1);
	sim_shutdown(m);
}

/* A daemon that forks and lets the parent exit, over and over: the line of
 * anon_vmas does not grow. */
Test(rmap, line_does_not_grow)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t addr = sim_mmap(task, 4 * SIM_PAGE);
	unsigned most = 0;

	sim_touch(task, addr, 4 * SIM_PAGE);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(mmsim_task_fork(task, &child), 0);
		mmsim_task_exit(task, 0);
		mmsim_task_put(task);
		task = child;
		sim_touch(task, addr, SIM_PAGE);
		if (nr_chains(task, addr) > most)
			most = nr_chains(task, addr);
	}
	cr_expect_leq(most, 3, "%u", most);
	sim_shutdown(m);
}

/* A parent with many children, whose areas are cut up differently. */
Test(rmap, splits_and_children)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *parent = sim_spawn(m), *children[12];
	uintptr_t addr = sim_mmap(parent, 64 * SIM_PAGE);

	sim_touch(parent, addr, 64 * SIM_PAGE);
	for (int i = 0; i < 12; i++) {
		cr_assert_eq(mmsim_task_fork(parent, &children[i]), 0);
		for (int page = i; page < 64; page += i + 2)
			cr_assert_eq(mmsim_mprotect(children[i],
						    addr + (uintptr_t)page *
								   SIM_PAGE,
						    SIM_PAGE, PROT_READ),
				     0);
	}
	for (uintptr_t page = 0; page < 64; page++)
		cr_expect_eq(count_mappings(parent, addr + page * SIM_PAGE),
			     13);
	for (int i = 0; i < 12; i++)
		cr_assert_eq(mmsim_munmap(children[i],
					  addr + (uintptr_t)i * 5 * SIM_PAGE,
					  5 * SIM_PAGE),
			     0);
	for (uintptr_t page = 0; page < 60; page++)
		cr_expect_eq(count_mappings(parent, addr + page * SIM_PAGE),
			     12);
	sim_shutdown(m);
}

/* Areas that lie side by side share an anon_vma, so that they can merge. */
Test(rmap, neighbours_share)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 8 * SIM_PAGE);

	cr_assert_eq(mmsim_mprotect(task, addr, 4 * SIM_PAGE, PROT_READ), 0);
	sim_touch(task, addr + 4 * SIM_PAGE, 1);
	cr_assert_eq(mmsim_mprotect(task, addr, 2 * SIM_PAGE,
				    PROT_READ | PROT_WRITE),
		     0);
	sim_touch(task, addr, 1);
	cr_expect_not_null(anon_vma_of(task, addr));
	cr_expect_not_null(anon_vma_of(task, addr + 4 * SIM_PAGE));
	/* split areas keep theirs */
	cr_assert_eq(mmsim_mprotect(task, addr + 6 * SIM_PAGE, SIM_PAGE,
				    PROT_READ),
		     0);
	cr_expect_eq(anon_vma_of(task, addr + 5 * SIM_PAGE),
		     anon_vma_of(task, addr + 6 * SIM_PAGE));
	cr_expect_eq(anon_vma_of(task, addr + 5 * SIM_PAGE)->num_active_vmas,
		     3);
	sim_shutdown(m);
}

Test(rmap, files)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *a = sim_spawn(m), *b = sim_spawn(m);
	struct mmsim_file *file;
	intptr_t at_a, at_b, part;

	cr_assert_eq(mmsim_file_create(m, "/f", 16 * SIM_PAGE, &file), 0);
	at_a = mmsim_mmap(a, 0, 16 * SIM_PAGE, PROT_READ, MAP_SHARED, file, 0);
	at_b = mmsim_mmap(b, 0, 16 * SIM_PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	part = mmsim_mmap(b, 0, 4 * SIM_PAGE, PROT_READ, MAP_SHARED, file,
			  8 * SIM_PAGE);
	cr_assert(at_a > 0 && at_b > 0 && part > 0);
	cr_assert_eq(mmsim_access(a, (uintptr_t)at_a, 16 * SIM_PAGE, 0), 0);
	cr_assert_eq(mmsim_access(b, (uintptr_t)at_b, 16 * SIM_PAGE, 0), 0);
	cr_assert_eq(mmsim_access(b, (uintptr_t)part, 4 * SIM_PAGE, 0), 0);
	cr_expect_eq(count_mappings(a, (uintptr_t)at_a), 2);
	cr_expect_eq(count_mappings(a, (uintptr_t)at_a + 8 * SIM_PAGE), 3);
	cr_expect_eq(count_mappings(b, (uintptr_t)part + 3 * SIM_PAGE), 3);
	cr_expect_eq(sim_meminfo(m, "Mapped"), 64);
	mmsim_task_exit(b, 0);
	cr_expect_eq(count_mappings(a, (uintptr_t)at_a + 8 * SIM_PAGE), 1);
	sim_shutdown(m);
}
