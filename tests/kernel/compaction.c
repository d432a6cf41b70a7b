/*
 * Compaction: a zone in pieces makes room for large blocks.
 */
#include "sim.h"

TestSuite(compaction);

enum { ORDERS = 11 };

#define HUGE ((size_t)2 << 20)

/* Free blocks of this order and above, in pages. */
static long free_in_blocks(struct mmsim_machine *m, const char *zone, int from)
{
	char *text = sim_proc(m, "/proc/buddyinfo"), name[32], *p;
	long pages = 0;

	snprintf(name, sizeof(name), "zone %8s", zone);
	p = strstr(text, name);
	cr_assert_not_null(p, "%s", text);
	p += strlen(name);
	for (int order = 0; order < ORDERS; order++) {
		long nr = strtol(p, &p, 10);

		pages += order >= from ? nr << order : 0;
	}
	free(text);
	return pages;
}

/* A task has one page of every three of `len` bytes; each has its number in
 * it. */
static uintptr_t make_holes(struct mmsim_task *task, size_t len)
{
	uintptr_t addr = sim_mmap(task, len);

	sim_touch(task, addr, len);
	for (size_t at = 0; at < len; at += SIM_PAGE) {
		int err;

		if (at / SIM_PAGE % 3 == 0)
			err = mmsim_store(task, addr + at, &at, sizeof(at));
		else
			err = mmsim_madvise(task, addr + at, SIM_PAGE,
					    MADV_DONTNEED);
		cr_assert_eq(err, 0);
	}
	return addr;
}

static void expect_rest(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	for (size_t at = 0, found; at < len; at += 3 * SIM_PAGE) {
		cr_assert_eq(mmsim_load(task, addr + at, &found, sizeof(found)),
			     0);
		cr_assert_eq(found, at);
	}
}

/* What is in use of a memory in pieces goes to its upper end. */
Test(compaction, compact_memory)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 56 << 20;
	uintptr_t addr = make_holes(task, len);
	long blocks = free_in_blocks(m, "DMA32", 9);
	long anon = sim_meminfo(m, "AnonPages");

	sim_write(m, "/proc/sys/vm/compact_memory", "1");
	sim_validate(m);
	cr_expect_geq(free_in_blocks(m, "DMA32", 9), blocks + 4 * 512);
	cr_expect_gt(sim_vmstat(m, "pgmigrate_success"), 1000);
	cr_expect_gt(sim_vmstat(m, "compact_migrate_scanned"), 4000);
	cr_expect_gt(sim_vmstat(m, "compact_free_scanned"), 2000);
	cr_expect_geq(sim_vmstat(m, "compact_isolated"),
		      2 * sim_vmstat(m, "pgmigrate_success"));
	cr_expect_eq(sim_vmstat(m, "compact_stall"), 0);
	cr_expect_eq(sim_meminfo(m, "AnonPages"), anon);
	expect_rest(task, addr, len);
	cr_expect_eq(mmsim_proc_read(m, "/proc/sys/vm/compact_memory", NULL, 0),
		     -EACCES);
	sim_shutdown(m);
}

Test(compaction, one_node)
{
	struct mmsim_machine *m = sim_boot("ram=128M,nodes=2,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 100 << 20;
	uintptr_t addr = make_holes(task, len);

	sim_write(m, "/sys/devices/system/node/node1/compact", "1");
	sim_validate(m);
	cr_expect_gt(sim_vmstat(m, "pgmigrate_success"), 1000);
	cr_expect_eq(mmsim_proc_write(
			     m, "/sys/devices/system/node/node2/compact", "1"),
		     -ENOENT);
	expect_rest(task, addr, len);
	sim_shutdown(m);
}

/* A huge page is wanted where no block is left. */
Test(compaction, a_request_compacts)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = ((size_t)sim_meminfo(m, "MemFree") << 10) - (3 << 20);
	uintptr_t addr = make_holes(task, len), huge;

	cr_assert_eq(free_in_blocks(m, "DMA32", 9), 0);
	cr_assert_eq(free_in_blocks(m, "DMA", 9), 0);
	sim_write(m, "/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	sim_write(m, "/sys/kernel/mm/transparent_hugepage/defrag", "madvise");
	huge = sim_mmap(task, 3 * HUGE);
	huge = (huge + HUGE - 1) & ~(HUGE - 1);
	cr_assert_eq(mmsim_madvise(task, huge, HUGE, MADV_HUGEPAGE), 0);
	sim_touch(task, huge, HUGE);
	sim_validate(m);
	cr_expect_eq(sim_smaps(m, task, "AnonHugePages"), 2048);
	cr_expect_geq(sim_vmstat(m, "compact_stall"), 1);
	cr_expect_eq(sim_vmstat(m, "compact_success"), 1);
	cr_expect_eq(sim_vmstat(m, "thp_fault_alloc"), 1);
	cr_expect_eq(sim_vmstat(m, "oom_kill"), 0);
	expect_rest(task, addr, len);
	sim_shutdown(m);
}

/* Faults that only wake kswapd.  It finds nothing to reclaim, and when it has
 * given up it is kcompactd that is woken, and makes blocks. */
Test(compaction, in_the_background)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = ((size_t)sim_meminfo(m, "MemFree") << 10) - (3 << 20);
	uintptr_t addr = make_holes(task, len), huge;
	int nr = 0;

	sim_write(m, "/sys/kernel/mm/transparent_hugepage/enabled", "always");
	sim_write(m, "/sys/kernel/mm/transparent_hugepage/defrag", "defer");
	huge = sim_mmap(task, 25 * HUGE);
	huge = (huge + HUGE - 1) & ~(HUGE - 1);
	while (nr < 24 && sim_vmstat(m, "compact_daemon_wake") == 0)
		sim_touch(task, huge + nr++ * HUGE, SIM_PAGE);
	cr_expect_gt(nr, 1);
	cr_expect_eq(sim_vmstat(m, "compact_daemon_wake"), 1);
	cr_expect_gt(sim_vmstat(m, "compact_daemon_migrate_scanned"), 0);
	cr_expect_gt(sim_vmstat(m, "compact_daemon_free_scanned"), 0);
	cr_expect_eq(sim_vmstat(m, "compact_stall"), 0);
	sim_validate(m);
	sim_touch(task, huge + nr * HUGE, SIM_PAGE);
	cr_expect_gt(sim_vmstat(m, "thp_fault_alloc"), 0);
	expect_rest(task, addr, len);
	sim_shutdown(m);
}

Test(compaction, proactive)
{
	struct mmsim_machine *m =
		sim_boot("ram=64M,vm.compaction_proactiveness=0");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = ((size_t)sim_meminfo(m, "MemFree") << 10) - (3 << 20);
	uintptr_t addr = make_holes(task, len);

	mmsim_idle(m, 1000000000);
	cr_expect_eq(sim_vmstat(m, "pgmigrate_success"), 0);
	sim_write(m, "/proc/sys/vm/compaction_proactiveness", "60");
	cr_expect_gt(sim_vmstat(m, "pgmigrate_success"), 1000);
	cr_expect_gt(free_in_blocks(m, "DMA32", 9), 4 * 512);
	cr_expect_eq(sim_vmstat(m, "compact_daemon_wake"), 0);
	sim_validate(m);
	expect_rest(task, addr, len);
	sim_shutdown(m);
}

/* Locked pages and dirty pages of files move, too. */
Test(compaction, what_moves)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 10 << 20;
	struct mmsim_file *file;
	uintptr_t mapped, locked;

	cr_assert_eq(mmsim_file_create(m, "/data", (off_t)len, &file), 0);
	mapped = (uintptr_t)mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				       MAP_SHARED, file, 0);
	for (size_t at = 0; at < len; at += SIM_PAGE)
		cr_assert_eq(mmsim_store(task, mapped + at, &at, sizeof(at)),
			     0);
	locked = make_holes(task, 2 * len);
	cr_assert_eq(mmsim_mlock2(task, locked, 2 * len, 1 /* MLOCK_ONFAULT */),
		     0);
	sim_write(m, "/proc/sys/vm/compact_memory", "1");
	sim_validate(m);
	cr_expect_gt(sim_vmstat(m, "pgmigrate_success"), 1500);
	expect_rest(task, locked, 2 * len);
	expect_rest(task, mapped, len);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(compaction, nothing_to_do)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	long free;

	sim_write(m, "/proc/sys/vm/compact_memory", "1");
	free = sim_meminfo(m, "MemFree");
	sim_write(m, "/proc/sys/vm/compact_memory", "x");
	cr_expect_eq(sim_meminfo(m, "MemFree"), free);
	sim_shutdown(m);
	m = sim_boot("ram=1G,profile=linux-6.18");
	cr_expect_eq(mmsim_proc_write(m, "/proc/sys/vm/compact_memory", "2"),
		     -EINVAL);
	cr_expect_eq(mmsim_proc_write(m, "/proc/sys/vm/compact_memory", "1\n"),
		     0);
	sim_shutdown(m);
	m = sim_boot("ram=1G,profile=linux-2.6.32");
	cr_expect_eq(mmsim_proc_write(m, "/proc/sys/vm/compact_memory", "1"),
		     -ENOENT);
	sim_shutdown(m);
}

/* The two indices, by their definition. */
Test(compaction, indices)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	char *text = sim_proc(m, "/sys/kernel/debug/extfrag/extfrag_index");
	const char *row;

	row = strstr(text, "Node 0, zone    DMA32 ");
	cr_assert_not_null(row, "%s", text);
	cr_expect_eq(strncmp(row,
			     "Node 0, zone    DMA32 -1.000 -1.000 -1.000 "
			     "-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 "
			     "-1.000 -1.000 \n",
			     strlen(row) < 100 ? strlen(row) : 100),
		     0, "%s", text);
	free(text);
	make_holes(task, ((size_t)sim_meminfo(m, "MemFree") << 10) - (3 << 20));
	text = sim_proc(m, "/sys/kernel/debug/extfrag/extfrag_index");
	row = strstr(text, "Node 0, zone    DMA32 ");
	/* orders 0 to 3 perhaps; above that all is in pieces */
	cr_expect_not_null(strstr(row, " 0.9"), "%s", text);
	free(text);
	text = sim_proc(m, "/sys/kernel/debug/extfrag/unusable_index");
	row = strstr(text, "Node 0, zone    DMA32 0.000 ");
	cr_assert_not_null(row, "%s", text);
	cr_expect_not_null(strstr(row, "1.000 1.000"), "%s", text);
	free(text);
	sim_shutdown(m);
}
