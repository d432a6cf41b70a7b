/*
 * Memory policies, compared with recordings of 6.1 on two nodes of 512 MiB with
 * one CPU each: where 8192 pages go, and what is counted.
 */
#include "sim.h"

#include <linux/mempolicy.h>

TestSuite(mempolicy);

enum { RW = PROT_READ | PROT_WRITE, PRIV = MAP_PRIVATE | MAP_ANONYMOUS };
enum { NODE_0 = 1, NODE_1 = 2, BOTH = 3, PAGES = 8192, NO_POLICY = -1 };
enum { LEN = PAGES * SIM_PAGE };

#define NUMA "ram=1G,nodes=2,cpus=2"

/* numastat of a node. */
struct numa {
	long hit, miss, foreign, interleave, local, other;
};

static struct numa numa_read(struct mmsim_machine *m, int node)
{
	char path[64];
	struct numa n;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/numastat",
		 node);
	n.hit = sim_number(m, path, "numa_hit", " ", 0);
	n.miss = sim_number(m, path, "numa_miss", " ", 0);
	n.foreign = sim_number(m, path, "numa_foreign", " ", 0);
	n.interleave = sim_number(m, path, "interleave_hit", " ", 0);
	n.local = sim_number(m, path, "local_node", " ", 0);
	n.other = sim_number(m, path, "other_node", " ", 0);
	return n;
}

/* The line of an area in numa_maps, behind its address. */
static void numa_maps_line(struct mmsim_machine *m, struct mmsim_task *task,
			   uintptr_t addr, char *line, size_t len)
{
	char *text = sim_task_proc(m, task, "numa_maps"), want[32], *at;

	snprintf(want, sizeof(want), "%08lx ", (unsigned long)addr);
	at = strstr(text, want);
	cr_assert_not_null(at, "no line %s in:\n%s", want, text);
	at += strlen(want);
	snprintf(line, len, "%.*s", (int)strcspn(at, "\n"), at);
	free(text);
}

#define assert_numa_maps(m, task, addr, expected)                              \
	do {                                                                   \
		char line_[256];                                               \
		numa_maps_line(m, task, addr, line_, sizeof(line_));           \
		cr_assert_str_eq(line_, expected, "\"%s\", not \"%s\"", line_, \
				 expected);                                    \
	} while (0)

static const struct policy_row {
	int mode;
	uint64_t nodes;
	const char *text;
	long on[2][2]; /* by CPU: pages on node 0, node 1 */
	bool interleaves;
} policy_rows[] = {
	{MPOL_DEFAULT, 0, "default", {{PAGES, 0}, {0, PAGES}}, false},
	{MPOL_LOCAL, 0, "local", {{PAGES, 0}, {0, PAGES}}, false},
	{MPOL_BIND, NODE_0, "bind:0", {{PAGES, 0}, {PAGES, 0}}, false},
	{MPOL_BIND, NODE_1, "bind:1", {{0, PAGES}, {0, PAGES}}, false},
	{MPOL_BIND, BOTH, "bind:0-1", {{PAGES, 0}, {0, PAGES}}, false},
	{MPOL_INTERLEAVE,
	 BOTH,
	 "interleave:0-1",
	 {{4096, 4096}, {4096, 4096}},
	 true},
	{MPOL_PREFERRED, NODE_0, "prefer:0", {{PAGES, 0}, {PAGES, 0}}, false},
	{MPOL_PREFERRED, NODE_1, "prefer:1", {{0, PAGES}, {0, PAGES}}, false},
	{MPOL_PREFERRED_MANY,
	 BOTH,
	 "prefer (many):0-1",
	 {{PAGES, 0}, {0, PAGES}},
	 false},
};

static void check_counters(const struct policy_row *row, unsigned cpu,
			   unsigned node, const struct numa *before,
			   const struct numa *after)
{
	long pages = row->on[cpu][node], hit = after->hit - before->hit;
	/* page tables come from the task's own node, kernel records from the
	 * first */
	long extra = node == cpu || node == 0 ? 64 : 0;

	cr_assert(hit >= pages && hit <= pages + extra, "%s node %u: hit %ld",
		  row->text, node, hit);
	cr_assert_eq(after->miss, before->miss);
	cr_assert_eq(after->foreign, before->foreign);
	cr_assert_eq(after->interleave - before->interleave,
		     row->interleaves ? pages : 0);
	cr_assert_eq(after->other - before->other, node == cpu ? 0 : pages);
	cr_assert_eq(after->local - before->local + after->other -
			     before->other,
		     hit);
}

static void check_policy(const struct policy_row *row, unsigned cpu,
			 bool of_task)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, LEN);
	struct numa before[2], after[2];
	char expected[256], nodes[64] = "";

	cr_assert_eq(mmsim_task_set_cpu(task, cpu), 0);
	if (of_task)
		cr_assert_eq(mmsim_set_mempolicy(task, row->mode, row->nodes),
			     0);
	else
		cr_assert_eq(
			mmsim_mbind(task, addr, LEN, row->mode, row->nodes, 0),
			0);
	before[0] = numa_read(m, 0);
	before[1] = numa_read(m, 1);
	sim_touch(task, addr, LEN);
	after[0] = numa_read(m, 0);
	after[1] = numa_read(m, 1);
	for (unsigned node = 0; node < 2; node++) {
		if (!of_task)
			check_counters(row, cpu, node, &before[node],
				       &after[node]);
		if (row->on[cpu][node])
			snprintf(nodes + strlen(nodes),
				 sizeof(nodes) - strlen(nodes), " N%u=%ld",
				 node, row->on[cpu][node]);
	}
	snprintf(expected, sizeof(expected),
		 "%s anon=8192 dirty=8192 active=0%s kernelpagesize_kB=4",
		 row->text, nodes);
	assert_numa_maps(m, task, addr, expected);
	sim_shutdown(m);
}

Test(mempolicy, where_pages_go)
{
	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]);
	     i++)
		for (unsigned cpu = 0; cpu < 2; cpu++)
			check_policy(&policy_rows[i], cpu, false);
}

Test(mempolicy, of_the_task)
{
	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]);
	     i++)
		check_policy(&policy_rows[i], 0, true);
}

/* 450 MiB on a node that has less: the rest is a miss of one node and foreign
 * to the other. */
Test(mempolicy, preferred_node_is_full)
{
	struct mmsim_machine *m = sim_boot("ram=900M,nodes=2,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 450ul << 20;
	uintptr_t addr = sim_mmap(task, len);
	struct numa before[2], after[2];

	cr_assert_eq(mmsim_mbind(task, addr, len, MPOL_PREFERRED, NODE_0, 0),
		     0);
	before[0] = numa_read(m, 0);
	before[1] = numa_read(m, 1);
	sim_touch(task, addr, len);
	after[0] = numa_read(m, 0);
	after[1] = numa_read(m, 1);
	cr_assert_gt(after[1].miss - before[1].miss, 1000);
	cr_assert_eq(after[1].miss - before[1].miss,
		     after[0].foreign - before[0].foreign);
	cr_assert_eq(after[1].hit, before[1].hit);
	cr_assert_eq(after[1].other - before[1].other,
		     after[1].miss - before[1].miss);
	cr_assert_eq(after[0].miss, before[0].miss);
	sim_shutdown(m);
}

Test(mempolicy, errors)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, LEN);
	static const struct {
		int mode;
		uint64_t nodes;
		int err;
	} rows[] = {
		{MPOL_DEFAULT, 0, 0},
		{MPOL_DEFAULT, NODE_0, -EINVAL},
		{MPOL_BIND, 0, -EINVAL},
		{MPOL_INTERLEAVE, 0, -EINVAL},
		{MPOL_PREFERRED_MANY, 0, -EINVAL},
		{MPOL_PREFERRED, 0, 0}, /* local */
		{MPOL_LOCAL, NODE_0, -EINVAL},
		{MPOL_LOCAL, 0, 0},
		{MPOL_BIND, 1 << 5, -EINVAL}, /* no such node */
		{MPOL_BIND, 1 << 5 | NODE_1, 0},
		{99, NODE_0, -EINVAL},
		{-1, NODE_0, -EINVAL},
		{MPOL_BIND | MPOL_F_STATIC_NODES, NODE_0, 0},
		{MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES,
		 NODE_0, -EINVAL},
		{MPOL_PREFERRED | MPOL_F_STATIC_NODES, 0, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(
			mmsim_set_mempolicy(task, rows[i].mode, rows[i].nodes),
			rows[i].err, "row %zu", i);
		cr_assert_eq(mmsim_mbind(task, addr, LEN, rows[i].mode,
					 rows[i].nodes, 0),
			     rows[i].err, "row %zu", i);
	}
	cr_assert_eq(mmsim_mbind(task, addr + 1, LEN, MPOL_BIND, 1, 0),
		     -EINVAL);
	/* the mode is looked at before the length */
	cr_assert_eq(mmsim_mbind(task, addr, 0, 99, 1, 0), -EINVAL);
	cr_assert_eq(mmsim_mbind(task, addr, 0, MPOL_BIND, 0, 0), 0);
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_BIND, 1, 1u << 10),
		     -EINVAL);
	cr_assert_eq(mmsim_mbind(task, addr, 0, MPOL_BIND, 1, 0), 0);
	cr_assert_eq(
		mmsim_mbind(task, addr, -(size_t)SIM_PAGE, MPOL_BIND, 1, 0),
		-EINVAL);
	/* A hole: nothing changes. */
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_DEFAULT, 0, 0), 0);
	cr_assert_eq(mmsim_munmap(task, addr + LEN / 2, SIM_PAGE), 0);
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_BIND, 1, 0), -EFAULT);
	assert_numa_maps(m, task, addr, "bind=static:0");
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_DEFAULT, 0), 0);
	assert_numa_maps(m, task, addr, "default");
	cr_assert_eq(mmsim_task_set_uid(task, 1000), 0);
	cr_assert_eq(mmsim_mbind(task, addr, SIM_PAGE, MPOL_BIND, 1,
				 MPOL_MF_MOVE_ALL),
		     -EPERM);
	sim_shutdown(m);
}

Test(mempolicy, get)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, LEN);
	uint64_t nodes = 99;
	int mode = 99;

	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0, 0), 0);
	cr_assert_eq(mode, MPOL_DEFAULT);
	cr_assert_eq(nodes, 0);
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_INTERLEAVE, BOTH), 0);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0, 0), 0);
	cr_assert_eq(mode, MPOL_INTERLEAVE);
	cr_assert_eq(nodes, BOTH);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, NULL, 0, MPOL_F_NODE), 0);
	cr_assert_eq(mode, 0);
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_BIND, NODE_1, 0), 0);
	cr_assert_eq(
		mmsim_get_mempolicy(task, &mode, &nodes, addr, MPOL_F_ADDR), 0);
	cr_assert_eq(mode, MPOL_BIND);
	cr_assert_eq(nodes, NODE_1);
	sim_touch(task, addr, 1);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, NULL, addr,
					 MPOL_F_ADDR | MPOL_F_NODE),
		     0);
	cr_assert_eq(mode, 1);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0,
					 MPOL_F_MEMS_ALLOWED),
		     0);
	cr_assert_eq(nodes, BOTH);
	cr_assert_eq(
		mmsim_get_mempolicy(task, &mode, &nodes, 0x1000, MPOL_F_ADDR),
		-EFAULT);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, addr, 0),
		     -EINVAL);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0, 1u << 9),
		     -EINVAL);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0,
					 MPOL_F_MEMS_ALLOWED | MPOL_F_NODE),
		     -EINVAL);
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_BIND, NODE_0), 0);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, NULL, 0, MPOL_F_NODE),
		     -EINVAL);
	/* Bit n of a relative mask is the n-th node, going round. */
	cr_assert_eq(mmsim_set_mempolicy(
			     task, MPOL_BIND | MPOL_F_RELATIVE_NODES, 1 << 3),
		     0);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, &nodes, 0, 0), 0);
	cr_assert_eq(mode, MPOL_BIND | MPOL_F_RELATIVE_NODES);
	cr_assert_eq(nodes, 1 << 3);
	sim_touch(task, addr = sim_mmap(task, SIM_PAGE), 1);
	cr_assert_eq(mmsim_get_mempolicy(task, &mode, NULL, addr,
					 MPOL_F_ADDR | MPOL_F_NODE),
		     0);
	cr_assert_eq(mode, 1);
	sim_shutdown(m);
}

/* A policy cuts an area in three, and taking it away joins them again. */
Test(mempolicy, splits_areas)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, LEN);
	int lines = sim_maps_lines(m, task);

	cr_assert_eq(mmsim_mbind(task, addr + LEN / 4, LEN / 2, MPOL_BIND,
				 NODE_1, 0),
		     0);
	cr_assert_eq(sim_maps_lines(m, task), lines + 2);
	cr_assert_eq(mmsim_mbind(task, addr + LEN / 4, LEN / 2, MPOL_BIND,
				 NODE_1, 0),
		     0);
	cr_assert_eq(sim_maps_lines(m, task), lines + 2);
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_DEFAULT, 0, 0), 0);
	cr_assert_eq(sim_maps_lines(m, task), lines);
	sim_shutdown(m);
}

/* --- pages that follow --------------------------------------------------- */

static void fill(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	for (size_t i = 0; i < len; i += SIM_PAGE) {
		uint64_t word = addr + i;

		cr_assert_eq(mmsim_store(task, addr + i + 8, &word, 8), 0);
	}
}

static void check_fill(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	for (size_t i = 0; i < len; i += SIM_PAGE) {
		uint64_t word = 0;

		cr_assert_eq(mmsim_load(task, addr + i + 8, &word, 8), 0);
		cr_assert_eq(word, addr + i);
	}
}

Test(mempolicy, move)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, LEN);
	struct numa before, after;
	long free_kb[2], rss;

	fill(task, addr, LEN);
	free_kb[0] = sim_number(m, "/sys/devices/system/node/node0/meminfo",
				"Node 0 MemFree", ":", 0);
	rss = sim_smaps(m, task, "Rss");
	/* STRICT alone finds fault, and changes nothing. */
	cr_assert_eq(
		mmsim_mbind(task, addr, LEN, MPOL_BIND, NODE_1, MPOL_MF_STRICT),
		-EIO);
	assert_numa_maps(m, task, addr,
			 "default anon=8192 dirty=8192 active=0 N0=8192 "
			 "kernelpagesize_kB=4");
	before = numa_read(m, 1);
	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_BIND, NODE_1,
				 MPOL_MF_MOVE | MPOL_MF_STRICT),
		     0);
	after = numa_read(m, 1);
	assert_numa_maps(m, task, addr,
			 "bind:1 anon=8192 dirty=8192 active=0 N1=8192 "
			 "kernelpagesize_kB=4");
	cr_assert_eq(after.hit - before.hit, PAGES);
	cr_assert_eq(after.other - before.other, PAGES);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_success"), PAGES);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_fail"), 0);
	free_kb[1] = sim_number(m, "/sys/devices/system/node/node0/meminfo",
				"Node 0 MemFree", ":", 0);
	cr_assert_geq(free_kb[1] - free_kb[0], LEN / 1024 - 4096);
	cr_assert_eq(sim_smaps(m, task, "Rss"), rss);
	check_fill(task, addr, LEN);
	/* Now they are where they belong. */
	cr_assert_eq(
		mmsim_mbind(task, addr, LEN, MPOL_BIND, NODE_1, MPOL_MF_STRICT),
		0);
	sim_shutdown(m);
}

/* Pages that another task maps stay, unless root says MOVE_ALL. */
Test(mempolicy, move_shared)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m), *child;
	size_t len = 64 * SIM_PAGE;
	uintptr_t addr = sim_mmap(task, len);

	fill(task, addr, len);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	cr_assert_eq(
		mmsim_mbind(child, addr, len, MPOL_BIND, NODE_1, MPOL_MF_MOVE),
		0);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_success"), 0);
	cr_assert_eq(mmsim_mbind(child, addr, len, MPOL_BIND, NODE_1,
				 MPOL_MF_MOVE_ALL),
		     0);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_success"), 64);
	assert_numa_maps(m, task, addr,
			 "default anon=64 dirty=64 mapmax=2 active=0 N1=64 "
			 "kernelpagesize_kB=4");
	check_fill(task, addr, len);
	check_fill(child, addr, len);
	/* They are still shared for copy-on-write. */
	cr_assert_eq(mmsim_store(child, addr + 8, "x", 1), 0);
	check_fill(task, addr, len);
	cr_assert_eq(sim_smaps_of(m, task, addr, "Shared_Dirty"), 63 * 4);
	sim_shutdown(m);
}

/* Locked pages and shared memory move, too, with their books. */
Test(mempolicy, move_locked_and_shmem)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 64 * SIM_PAGE;
	uintptr_t addr = sim_mmap(task, len);
	intptr_t shared = mmsim_mmap(task, 0, len, RW,
				     MAP_SHARED | MAP_ANONYMOUS, NULL, 0);

	cr_assert_gt(shared, 0);
	fill(task, addr, len);
	fill(task, (uintptr_t)shared, len);
	cr_assert_eq(mmsim_mlock(task, addr, len), 0);
	cr_assert_eq(mmsim_mbind(task, addr, len, MPOL_BIND, NODE_1,
				 MPOL_MF_MOVE | MPOL_MF_STRICT),
		     0);
	cr_assert_eq(mmsim_mbind(task, (uintptr_t)shared, len, MPOL_BIND,
				 NODE_1, MPOL_MF_MOVE | MPOL_MF_STRICT),
		     0);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_success"), 128);
	cr_assert_eq(sim_meminfo(m, "Mlocked"), 256);
	cr_assert_eq(sim_meminfo(m, "Shmem"), 256);
	cr_assert_eq(sim_number(m, "/sys/devices/system/node/node1/meminfo",
				"Node 1 Shmem", ":", 0),
		     256);
	cr_assert_eq(sim_number(m, "/sys/devices/system/node/node0/meminfo",
				"Node 0 Mlocked", ":", 0),
		     0);
	check_fill(task, addr, len);
	check_fill(task, (uintptr_t)shared, len);
	sim_shutdown(m);
}

Test(mempolicy, move_file)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 64 * SIM_PAGE;
	struct mmsim_file *file;
	intptr_t addr;

	cr_assert_eq(mmsim_file_create(m, "/f", (off_t)len, &file), 0);
	addr = mmsim_mmap(task, 0, len, RW, MAP_SHARED, file, 0);
	cr_assert_gt(addr, 0);
	fill(task, (uintptr_t)addr, len);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 256);
	cr_assert_eq(mmsim_mbind(task, (uintptr_t)addr, len, MPOL_BIND, NODE_1,
				 MPOL_MF_MOVE | MPOL_MF_STRICT),
		     0);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 256);
	cr_assert_eq(sim_number(m, "/sys/devices/system/node/node1/meminfo",
				"Node 1 FilePages", ":", 0),
		     256);
	check_fill(task, (uintptr_t)addr, len);
	mmsim_sync(m);
	cr_assert_eq(sim_meminfo(m, "Dirty"), 0);
	check_fill(task, (uintptr_t)addr, len);
	sim_shutdown(m);
}

Test(mempolicy, move_huge)
{
	struct mmsim_machine *m = sim_boot(NUMA ",thp=always");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 8ul << 20;
	uintptr_t addr = sim_mmap(task, len);

	fill(task, addr, len);
	cr_assert_gt(sim_meminfo(m, "AnonHugePages"), 4096);
	cr_assert_eq(mmsim_mbind(task, addr, len, MPOL_BIND, NODE_1,
				 MPOL_MF_MOVE | MPOL_MF_STRICT),
		     0);
	cr_assert_gt(sim_vmstat(m, "thp_migration_success"), 2);
	cr_assert_eq(sim_vmstat(m, "pgmigrate_success"), 2048);
	cr_assert_gt(sim_meminfo(m, "AnonHugePages"), 4096);
	check_fill(task, addr, len);
	sim_shutdown(m);
}

/* A child inherits both kinds. */
Test(mempolicy, fork)
{
	struct mmsim_machine *m = sim_boot(NUMA);
	struct mmsim_task *task = sim_spawn(m), *child;
	uintptr_t addr = sim_mmap(task, LEN), other;

	cr_assert_eq(mmsim_mbind(task, addr, LEN, MPOL_INTERLEAVE, BOTH, 0), 0);
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_BIND, NODE_1), 0);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	mmsim_task_exit(task, 0);
	sim_touch(child, addr, LEN);
	assert_numa_maps(m, child, addr,
			 "interleave:0-1 anon=8192 dirty=8192 active=0 N0=4096 "
			 "N1=4096 kernelpagesize_kB=4");
	other = sim_mmap(child, SIM_PAGE);
	sim_touch(child, other, 1);
	mmsim_task_exit(child, 0);
	sim_shutdown(m);
}
