/*
 * move_pages(2) and migrate_pages(2): pages on nodes that the caller names.
 */
#include "sim.h"

#include <linux/mempolicy.h>

TestSuite(move_pages);

enum { NR = 100 };

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr, pages[NR];
	int nodes[NR], status[NR];
};

static struct scene make_scene(const char *spec)
{
	struct scene s = {.m = sim_boot(spec)};

	s.task = sim_spawn(s.m);
	s.addr = sim_mmap(s.task, NR * SIM_PAGE);
	for (size_t i = 0; i < NR; i++) {
		s.pages[i] = s.addr + i * SIM_PAGE;
		cr_assert_eq(mmsim_store(s.task, s.pages[i], &i, sizeof(i)), 0);
	}
	return s;
}

static int ask(struct scene *s)
{
	return mmsim_move_pages(s->task, NR, s->pages, NULL, s->status, 0);
}

static int move_all(struct scene *s, unsigned flags)
{
	return mmsim_move_pages(s->task, NR, s->pages, s->nodes, s->status,
				flags);
}

static void expect_content(struct scene *s)
{
	for (size_t i = 0, found; i < NR; i++) {
		cr_assert_eq(
			mmsim_load(s->task, s->pages[i], &found, sizeof(found)),
			0);
		cr_assert_eq(found, i);
	}
	sim_validate(s->m);
}

Test(move_pages, each_to_its_node)
{
	struct scene s = make_scene("ram=128M,nodes=3");

	cr_assert_eq(ask(&s), 0);
	for (int i = 0; i < NR; i++) {
		cr_assert_eq(s.status[i], 0);
		s.nodes[i] = i % 7 % 3;
	}
	cr_assert_eq(move_all(&s, MPOL_MF_MOVE), 0);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(s.status[i], i % 7 % 3);
	cr_assert_eq(ask(&s), 0);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(s.status[i], i % 7 % 3);
	expect_content(&s);
	sim_shutdown(s.m);
}

Test(move_pages, what_the_status_tells)
{
	struct scene s = make_scene("ram=128M,nodes=2");
	struct mmsim_task *child;

	for (int i = 0; i < NR; i++)
		s.nodes[i] = 1;
	s.pages[3] = 0x1000; /* no area */
	cr_assert_eq(mmsim_madvise(s.task, s.pages[5], SIM_PAGE, MADV_DONTNEED),
		     0);
	cr_assert_eq(mmsim_madvise(s.task, s.pages[6], SIM_PAGE, MADV_DONTNEED),
		     0);
	cr_assert_eq(mmsim_access(s.task, s.pages[6], SIM_PAGE, 0), 0);
	cr_assert_eq(mmsim_task_fork(s.task, &child), 0);
	for (int i = 50; i < NR; i++) /* its own again */
		sim_touch(s.task, s.pages[i], SIM_PAGE);
	cr_assert_eq(move_all(&s, MPOL_MF_MOVE), 0);
	cr_expect_eq(s.status[3], -EFAULT);
	cr_expect_eq(s.status[5], -ENOENT);
	cr_expect_eq(s.status[6], -EFAULT); /* the page of zeros */
	cr_expect_eq(s.status[7], -EACCES);
	cr_expect_eq(s.status[50], 1);
	cr_assert_eq(move_all(&s, MPOL_MF_MOVE_ALL), 0);
	cr_expect_eq(s.status[7], 1);
	cr_assert_eq(ask(&s), 0);
	cr_expect_eq(s.status[3], -EFAULT);
	cr_expect_eq(s.status[5], -ENOENT);
	cr_expect_eq(s.status[7], 1);
	sim_shutdown(s.m);
}

Test(move_pages, bad_input)
{
	struct scene s = make_scene("ram=128M,nodes=2");

	for (int i = 0; i < NR; i++) {
		s.nodes[i] = i < 80 ? 1 : 5;
		s.status[i] = 77;
	}
	cr_expect_eq(move_all(&s, 1u << 10), -EINVAL);
	cr_expect_eq(mmsim_move_pages(s.task, 1, NULL, NULL, s.status, 0),
		     -EFAULT);
	cr_expect_eq(mmsim_move_pages(s.task, 1, s.pages, NULL, NULL, 0),
		     -EFAULT);
	cr_expect_eq(mmsim_move_pages(s.task, 0, NULL, NULL, NULL, 0), 0);
	cr_expect_eq(move_all(&s, MPOL_MF_MOVE), -ENODEV);
	cr_expect_eq(s.status[79], 1);
	cr_expect_eq(s.status[80], 77);
	cr_assert_eq(mmsim_task_set_uid(s.task, 1000), 0);
	cr_expect_eq(move_all(&s, MPOL_MF_MOVE_ALL), -EPERM);
	cr_expect_eq(mmsim_move_pages(NULL, 0, NULL, NULL, NULL, 0), -EINVAL);
	cr_expect_eq(mmsim_migrate_pages(s.task, 1, 0), -EINVAL);
	cr_expect_eq(mmsim_migrate_pages(s.task, 1, 1 << 2), -EINVAL);
	cr_expect_eq(mmsim_migrate_pages(NULL, 1, 2), -EINVAL);
	expect_content(&s);
	sim_shutdown(s.m);
}

/* The target is full: the rest is told, and stays. */
Test(move_pages, no_room)
{
	struct scene s = make_scene("ram=64M,nodes=2,cpus=2");
	struct mmsim_task *filler = sim_spawn(s.m);
	int err;

	cr_assert_eq(mmsim_task_set_cpu(filler, 1), 0);
	sim_touch(filler, sim_mmap(filler, 31 << 20), 31 << 20);
	for (int i = 0; i < NR; i++)
		s.nodes[i] = 1;
	err = move_all(&s, MPOL_MF_MOVE);
	cr_expect(err == 0 || err == -ENOMEM, "%d", err);
	expect_content(&s);
	sim_shutdown(s.m);
}

/* From {0,1} to {1,2}: each page one node further, none two. */
Test(move_pages, migrate_in_order)
{
	struct scene s = make_scene("ram=128M,nodes=3");

	for (int i = 0; i < NR; i++)
		s.nodes[i] = i % 2;
	cr_assert_eq(move_all(&s, MPOL_MF_MOVE), 0);
	cr_assert_eq(mmsim_migrate_pages(s.task, 3, 6), 0);
	cr_assert_eq(ask(&s), 0);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(s.status[i], 1 + i % 2, "page %d: %d", i,
			     s.status[i]);
	/* more nodes than targets: what is on one of them stays */
	cr_assert_eq(mmsim_migrate_pages(s.task, 7, 2), 0);
	cr_assert_eq(ask(&s), 0);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(s.status[i], 1);
	expect_content(&s);
	sim_shutdown(s.m);
}

Test(move_pages, huge_pages)
{
	struct mmsim_machine *m = sim_boot("ram=256M,nodes=2,thp=always");
	struct mmsim_task *task = sim_spawn(m);
	size_t huge = 2 << 20;
	uintptr_t addr = sim_mmap(task, 3 * huge), pages[2];
	int nodes[2] = {1, 1}, status[2];

	addr = (addr + huge - 1) & ~(huge - 1);
	sim_touch(task, addr, huge);
	pages[0] = addr + 5 * SIM_PAGE;
	pages[1] = addr + 9 * SIM_PAGE;
	cr_assert_eq(
		mmsim_move_pages(task, 2, pages, nodes, status, MPOL_MF_MOVE),
		0);
	cr_expect_eq(status[0], 1);
	cr_expect_eq(status[1], 1);
	cr_expect_eq(sim_vmstat(m, "thp_migration_success"), 1);
	cr_expect_eq(sim_smaps(m, task, "AnonHugePages"), 2048);
	sim_shutdown(m);
}
