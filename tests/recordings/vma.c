/*
 * Areas against the recordings: merging and splitting, placement, the heap.
 * The scripts in tests/oracle-data are the recorded steps; all is exact.
 */
#include "steps.h"
#include "unit.h"

TestSuite(vma);

Test(vma, window)
{
	steps_run("vma-window");
}

Test(vma, placement)
{
	steps_run("vma-place");
}

Test(vma, placement_with_unlimited_stack)
{
	steps_run("vma-place-stack-unlimited");
}

Test(vma, heap)
{
	steps_run("heap");
}

Test(vma, growing_down)
{
	steps_run("vma-grow");
}

Test(vma, rlimits)
{
	steps_run("vma-rlimits");
}

Test(vma, faults)
{
	steps_run("vma-faults");
}

/* --- vm.max_map_count ---------------------------------------------------- */

/* One page that cannot merge with what lies around it. */
static intptr_t map_apart(struct mmsim_task *task, int i)
{
	return mmsim_mmap(task, STEPS_WINDOW + (uintptr_t)i * 2 * SIM_PAGE,
			  SIM_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  NULL, 0);
}

static void set_max_map_count(struct mmsim_machine *m, const char *count)
{
	sim_write(m, "/proc/sys/vm/max_map_count", count);
}

/* Maps single pages until it is refused. */
static void check_reach(const struct table *table, struct mmsim_machine *m)
{
	struct mmsim_task *task = sim_spawn(m);
	intptr_t addr = 0;

	set_max_map_count(m, table_word(table, 1));
	for (int i = 0; i < 1000 && addr >= 0; i++)
		addr = map_apart(task, i);
	cr_expect_eq(addr, -ENOMEM);
	table_expect(table, "areas", sim_maps_lines(m, task),
		     table_number(table, 2), 0);
	mmsim_task_exit(task, 0);
}

/* "OK" or "ENOMEM" */
static void expect_result(const struct table *table, int word, intptr_t result)
{
	const char *got = result >= 0         ? "OK"
			  : result == -ENOMEM ? "ENOMEM"
					      : "another error";

	cr_expect_str_eq(got, table_word(table, word),
			 "%s:%d: word %d: %s, recorded %s", table->name,
			 table->line, word, got, table->words[word]);
}

/* A copy of the task, for a call that changes it. */
static struct mmsim_task *copy_of(struct mmsim_task *task)
{
	struct mmsim_task *child = NULL;

	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	return child;
}

static void check_at(const struct table *table, struct mmsim_machine *m)
{
	struct mmsim_task *task = sim_spawn(m), *copies[4];
	uintptr_t area = STEPS_WINDOW - (uintptr_t)64 * SIM_PAGE;

	set_max_map_count(m, "65530");
	cr_assert_gt(mmsim_mmap(task, area, 8 * SIM_PAGE,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
		     0);
	for (int i = 0; sim_maps_lines(m, task) < table_number(table, 1); i++)
		cr_assert_gt(map_apart(task, i), 0);
	for (int i = 0; i < 4; i++)
		copies[i] = copy_of(task);
	set_max_map_count(m, table_word(table, 2));
	expect_result(table, 3,
		      mmsim_mprotect(copies[0], area + 2 * SIM_PAGE,
				     2 * SIM_PAGE, PROT_READ));
	table_expect(table, "areas", sim_maps_lines(m, copies[0]),
		     table_number(table, 4), 0);
	expect_result(
		table, 5,
		mmsim_munmap(copies[1], area + 2 * SIM_PAGE, 2 * SIM_PAGE));
	expect_result(table, 6, mmsim_munmap(copies[2], area, SIM_PAGE));
	expect_result(table, 7, map_apart(copies[3], 100));
	expect_result(table, 8, map_apart(copies[3], 101));
	for (int i = 0; i < 4; i++)
		mmsim_task_exit(copies[i], 0);
	mmsim_task_exit(task, 0);
}

Test(vma, max_map_count)
{
	struct table table = table_open("vma-max-map-count");
	struct mmsim_machine *m = NULL;

	while (table_next(&table)) {
		if (table_is(&table, "machine"))
			m = table_boot(&table);
		else if (table_is(&table, "reach"))
			check_reach(&table, m);
		else
			check_at(&table, m);
	}
	table_close(&table);
	sim_shutdown(m);
}
