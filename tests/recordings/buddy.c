/*
 * The buddy lists against the recordings: /proc/buddyinfo while 64 MiB are
 * touched, half given up, and all unmapped.
 *
 * What the boot left free in small blocks was not recorded block by block, so
 * numbers of blocks cannot be the same.  The rules are: nothing changes while
 * the per-CPU lists can give and take (exact); given up pages whose neighbours
 * are in use merge with nothing (but for the few that were on the per-CPU
 * lists); all unmapped, the large blocks come back.
 */
#include "table.h"
#include "unit.h"

TestSuite(buddy);

enum {
	ORDERS = 11,
	PAGES = 16384,  /* 64 MiB */
	PCP_HIGH = 816, /* pages that may wait on the per-CPU lists */
	PCP_BATCH = 31,
};

struct blocks {
	long nr[ORDERS];
};

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr;
	struct blocks first, last; /* of the row `start`, of the row before */
	struct blocks recorded_first, recorded_last;
	uintptr_t step_addr;
};

static struct blocks read_blocks(struct mmsim_machine *m)
{
	char *text = sim_proc(m, "/proc/buddyinfo");
	char *p = strstr(text, "zone    DMA32");
	struct blocks blocks;

	cr_assert_not_null(p, "%s", text);
	p += strlen("zone    DMA32");
	for (int order = 0; order < ORDERS; order++)
		blocks.nr[order] = strtol(p, &p, 10);
	free(text);
	return blocks;
}

static struct blocks recorded(const struct table *table, int word)
{
	struct blocks blocks;

	for (int order = 0; order < ORDERS; order++)
		blocks.nr[order] = table_number(table, word + order);
	return blocks;
}

static long pages_of(const struct blocks *blocks)
{
	long pages = 0;

	for (int order = 0; order < ORDERS; order++)
		pages += blocks->nr[order] << order;
	return pages;
}

static bool are_equal(const struct blocks *a, const struct blocks *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Pages that the row took or gave, but for those on per-CPU lists. */
static void expect_pages(const struct scene *scene, const struct table *table,
			 const struct blocks *now, const struct blocks *want)
{
	table_expect(table, "free pages",
		     pages_of(now) - pages_of(&scene->last),
		     pages_of(want) - pages_of(&scene->recorded_last),
		     PCP_HIGH + PCP_BATCH);
}

static void do_row(struct scene *scene, const struct table *table)
{
	size_t len = (size_t)PAGES * SIM_PAGE;

	if (table_is(table, "start")) {
		scene->task = sim_spawn(scene->m);
		/* page tables, and some pages on the per-CPU lists */
		sim_touch(scene->task, sim_mmap(scene->task, SIM_PAGE),
			  SIM_PAGE);
	} else if (table_is(table, "mapped")) {
		scene->addr = sim_mmap(scene->task, len);
	} else if (table_is(table, "one")) {
		sim_touch(scene->task, scene->addr + len - SIM_PAGE, SIM_PAGE);
	} else if (table_is(table, "touched")) {
		sim_touch(scene->task, scene->addr, len);
	} else if (table_is(table, "half")) {
		for (size_t at = 0; at < len; at += 2 * SIM_PAGE)
			cr_assert_eq(mmsim_madvise(scene->task,
						   scene->addr + at, SIM_PAGE,
						   MADV_DONTNEED),
				     0);
	} else {
		cr_assert(table_is(table, "gone"));
		cr_assert_eq(mmsim_munmap(scene->task, scene->addr, len), 0);
	}
}

static void check_row(struct scene *scene, const struct table *table)
{
	struct blocks want = recorded(table, 1), now;

	do_row(scene, table);
	now = read_blocks(scene->m);
	if (table_is(table, "start")) {
		scene->first = now;
		scene->recorded_first = want;
	} else {
		if (are_equal(&want, &scene->recorded_last))
			cr_expect(are_equal(&now, &scene->last),
				  "%s:%d: blocks changed", table->name,
				  table->line);
		expect_pages(scene, table, &now, &want);
	}
	if (table_is(table, "half")) {
		table_expect(table, "order 0", now.nr[0] - scene->last.nr[0],
			     want.nr[0] - scene->recorded_last.nr[0], PCP_HIGH);
		table_expect(table, "pages in larger blocks",
			     pages_of(&now) - now.nr[0],
			     pages_of(&scene->last) - scene->last.nr[0],
			     2 * PCP_BATCH);
	}
	if (table_is(table, "gone"))
		table_expect(table, "order 10",
			     now.nr[ORDERS - 1] - scene->first.nr[ORDERS - 1],
			     want.nr[ORDERS - 1] -
				     scene->recorded_first.nr[ORDERS - 1],
			     1);
	scene->last = now;
	scene->recorded_last = want;
}

/* step N WHAT BLOCKS... */
static void check_step(struct scene *scene, const struct table *table)
{
	struct blocks want = recorded(table, 3), now;
	size_t len = (size_t)table_number(table, 1) * SIM_PAGE;

	if (strcmp(table_word(table, 2), "with") == 0) {
		scene->step_addr = sim_mmap(scene->task, len);
		sim_touch(scene->task, scene->step_addr, len);
	} else if (strcmp(table_word(table, 2), "freed") == 0) {
		cr_assert_eq(mmsim_munmap(scene->task, scene->step_addr, len),
			     0);
	}
	now = read_blocks(scene->m);
	cr_expect(are_equal(&want, &scene->recorded_last));
	cr_expect(are_equal(&now, &scene->last), "%s:%d: blocks changed",
		  table->name, table->line);
	scene->last = now;
}

Test(buddy, blocks)
{
	struct table table = table_open("buddy");
	struct scene scene = {0};

	while (table_next(&table)) {
		if (table_is(&table, "machine"))
			scene.m = table_boot(&table);
		else if (table_is(&table, "step"))
			check_step(&scene, &table);
		else
			check_row(&scene, &table);
	}
	table_close(&table);
	sim_shutdown(scene.m);
}
