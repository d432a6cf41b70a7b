/*
 * Random work while the ground moves: DIMMs come and go, blocks are switched on
 * and off, zones are compacted, pages are sent to other nodes; every byte is
 * compared on every load, and the books are proved after each of these.
 */
#include "pressure.h"

#include <linux/mempolicy.h>

TestSuite(migrate);

#define BLOCK ((uint64_t)128 << 20)
#define MEMORY "/sys/devices/system/memory/"

enum { FIRST = 32, BLOCKS = 4 };

/* What the operator did, and how often it went well. */
struct ground {
	struct pressure p;
	unsigned nr_nodes;
	unsigned nr_on, nr_off, nr_refused, nr_in, nr_out, nr_moves;
};

static int write_state(struct mmsim_machine *m, unsigned nr, const char *word)
{
	char path[80];

	snprintf(path, sizeof(path), MEMORY "memory%u/state", nr);
	return mmsim_proc_write(m, path, word);
}

/* A block comes or goes, if it is there. */
static void switch_block(struct ground *g)
{
	static const char *const words[] = {"online", "online_movable",
					    "online_movable", "online_kernel"};
	unsigned nr = FIRST + (unsigned)pressure_below(&g->p, BLOCKS);
	int err;

	if (pressure_below(&g->p, 2)) {
		err = write_state(g->p.m, nr, words[pressure_below(&g->p, 4)]);
		cr_assert(err == 0 || err == -EINVAL || err == -ENOENT, "%d",
			  err);
		g->nr_on += err == 0;
		return;
	}
	err = mmsim_memory_offline(g->p.m, nr,
				   pressure_below(&g->p, 3) * 50000000);
	cr_assert(err == 0 || err == -EINVAL || err == -ENOENT ||
			  err == -EBUSY || err == -EINTR,
		  "%d", err);
	g->nr_off += err == 0;
	g->nr_refused += err == -EBUSY || err == -EINTR;
}

static void plug(struct ground *g)
{
	int err, id = (int)pressure_below(&g->p, 3);

	if (pressure_below(&g->p, 2)) {
		uint64_t blocks = 1 + pressure_below(&g->p, 2);
		unsigned node = (unsigned)pressure_below(&g->p, g->nr_nodes);

		err = mmsim_dimm_add(g->p.m, blocks * BLOCK, node, NULL);
		cr_assert(err == 0 || err == -ENOSPC || err == -ENOMEM, "%d",
			  err);
		g->nr_in += err == 0;
		return;
	}
	err = mmsim_dimm_remove(g->p.m, id);
	cr_assert(err == 0 || err == -ENODEV || err == -EBUSY, "%d", err);
	g->nr_out += err == 0;
}

/* A task's pages go to another node. */
static void move_pages(struct ground *g)
{
	struct pressure_task *t =
		&g->p.tasks[pressure_below(&g->p, PRESSURE_TASKS)];
	enum pressure_region region =
		(enum pressure_region)pressure_below(&g->p, NR_REGIONS);
	unsigned nr = pressure_region_pages(&g->p, region);
	unsigned page = (unsigned)pressure_below(&g->p, nr), last = page;
	uint64_t nodes = 1 + pressure_below(&g->p, 3);
	int err;

	if (!t->task)
		return;
	while (last < nr && last < page + 200 && t->mapped[region][last])
		last++;
	err = mmsim_mbind(t->task, pressure_addr(region, page),
			  (size_t)(last - page) * SIM_PAGE, MPOL_PREFERRED,
			  nodes, MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);
	pressure_lost(&g->p, t);
	g->nr_moves += err == 0;
}

static void move_ground(struct ground *g)
{
	switch (pressure_below(&g->p, 8)) {
	case 0:
	case 1:
		plug(g);
		break;
	case 2:
		sim_write(g->p.m, "/proc/sys/vm/compact_memory", "1");
		break;
	case 3:
		if (g->nr_nodes > 1) {
			move_pages(g);
			break;
		}
		/* fallthrough */
	default:
		switch_block(g);
	}
	sim_validate(g->p.m);
}

static void run(const char *spec, uint64_t seed, unsigned nr_nodes,
		unsigned nr_pages)
{
	struct ground *g = calloc(1, sizeof(*g));
	unsigned steps = getenv("MMSIM_LONG") ? 30000 : 3000;

	cr_assert_not_null(g);
	/* these builds prove the books after each call by themselves */
	if (MMSIM_DEBUG >= 2) {
		steps /= 50;
		nr_pages = 200;
	}
	g->nr_nodes = nr_nodes;
	pressure_boot(&g->p, spec, seed, nr_pages);
	cr_assert_eq(mmsim_dimm_add(g->p.m, 2 * BLOCK, 0, NULL), 0);
	for (unsigned i = 0; i < steps; i++) {
		if (i % 8 == 0)
			pressure_steer(&g->p);
		if (i % 8 == 4)
			move_ground(g);
		pressure_step(&g->p);
	}
	pressure_check_all(&g->p);
	cr_expect_geq(g->nr_on, steps / 200);
	cr_expect_geq(g->nr_off, steps / 200);
	cr_expect_geq(g->nr_in, steps / 1000);
	cr_expect_geq(g->nr_out, steps / 1000);
	cr_expect_geq(g->nr_moves, nr_nodes == 1 ? 0 : steps / 500);
	/* with 200 pages there is little to move */
	cr_expect(nr_pages == 200 ||
		  sim_vmstat(g->p.m, "pgmigrate_success") > steps);
	pressure_shutdown(&g->p);
	free(g);
}

Test(migrate, one_node)
{
	run("ram=64M,swap=32M,slots=3,maxmem=576M,seed=1", 1, 1, 3600);
}

Test(migrate, two_nodes)
{
	run("ram=96M,nodes=2,cpus=2,swap=32M,slots=3,maxmem=608M,seed=2", 2, 2,
	    4000);
}

Test(migrate, huge_pages)
{
	run("ram=96M,swap=32M,thp=always,slots=3,maxmem=608M,seed=3", 3, 1,
	    4000);
}

Test(migrate, no_swap)
{
	run("ram=64M,slots=3,maxmem=576M,seed=4", 4, 1, 2400);
}
