/*
 * Memory that comes and goes: DIMMs, blocks switched on and off, and what
 * follows from it.
 */
#include "sim.h"

#include <linux/mempolicy.h>

TestSuite(hotplug);

#define BLOCK ((uint64_t)128 << 20)
#define MEMORY "/sys/devices/system/memory/"

enum { BLOCK_KB = 131072, FIRST = 32 /* a DIMM begins at 4 GB */ };

static void expect_file(struct mmsim_machine *m, int nr, const char *name,
			const char *want)
{
	char path[80], *text;

	snprintf(path, sizeof(path), MEMORY "memory%d/%s", nr, name);
	text = sim_proc(m, path);
	cr_expect_str_eq(text, want, "%s: %s", path, text);
	free(text);
}

static int write_block(struct mmsim_machine *m, int nr, const char *name,
		       const char *text)
{
	char path[80];

	snprintf(path, sizeof(path), MEMORY "memory%d/%s", nr, name);
	return mmsim_proc_write(m, path, text);
}

static int add_dimm(struct mmsim_machine *m, int nr_blocks)
{
	int id = -1;

	cr_assert_eq(mmsim_dimm_add(m, nr_blocks * BLOCK, 0, &id), 0);
	return id;
}

Test(hotplug, a_dimm_comes_offline_and_goes)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	long total = sim_meminfo(m, "MemTotal"),
	     free = sim_meminfo(m, "MemFree");
	int id = add_dimm(m, 2);

	cr_expect_eq(id, 0);
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total);
	/* its struct pages, 1/64 */
	cr_expect_eq(sim_meminfo(m, "MemFree"), free - 2 * BLOCK_KB / 64);
	expect_file(m, FIRST, "state", "offline\n");
	expect_file(m, FIRST, "online", "0\n");
	expect_file(m, FIRST, "valid_zones", "Normal Movable\n");
	expect_file(m, FIRST + 1, "phys_index", "00000021\n");
	expect_file(m, FIRST + 1, "removable", "1\n");
	expect_file(m, FIRST + 1, "phys_device", "0\n");
	cr_expect_eq(mmsim_proc_read(m, MEMORY "memory34/state", NULL, 0),
		     -ENOENT);
	sim_validate(m);
	cr_expect_eq(mmsim_dimm_remove(m, id), 0);
	cr_expect_eq(mmsim_proc_read(m, MEMORY "memory32/state", NULL, 0),
		     -ENOENT);
	cr_expect_eq(sim_meminfo(m, "MemFree"), free);
	sim_shutdown(m);
}

Test(hotplug, blocks_of_boot)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	char *text = sim_proc(m, MEMORY "block_size_bytes");

	cr_expect_str_eq(text, "8000000\n");
	free(text);
	expect_file(m, 0, "state", "online\n");
	expect_file(m, 0, "valid_zones", "none\n"); /* DMA and DMA32 */
	expect_file(m, 1, "valid_zones", "DMA32\n");
	expect_file(m, 7, "valid_zones", "DMA32\n");
	cr_expect_eq(mmsim_proc_read(m, MEMORY "memory8/state", NULL, 0),
		     -ENOENT);
	cr_expect_eq(write_block(m, 0, "state", "offline"), -EINVAL);
	cr_expect_eq(write_block(m, 7, "state", "offline"), -EINVAL);
	cr_expect_eq(write_block(m, 1, "state", "online"), -EINVAL);
	sim_shutdown(m);
}

Test(hotplug, online_movable)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	long total = sim_meminfo(m, "MemTotal"), limit;
	int id = add_dimm(m, 2);

	limit = sim_meminfo(m, "CommitLimit");
	cr_expect_eq(write_block(m, FIRST, "state", "online_movable\n"), 0);
	expect_file(m, FIRST, "state", "online\n");
	expect_file(m, FIRST, "valid_zones", "Movable\n");
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total + BLOCK_KB);
	cr_expect_eq(sim_meminfo(m, "CommitLimit"), limit + BLOCK_KB / 2);
	cr_expect_eq(write_block(m, FIRST, "state", "online_movable"), -EINVAL);
	cr_expect_eq(write_block(m, FIRST, "online", "1"), 0);
	cr_expect_eq(mmsim_dimm_remove(m, id), -EBUSY);
	sim_validate(m);
	cr_expect_eq(write_block(m, FIRST, "state", "offline"), 0);
	expect_file(m, FIRST, "state", "offline\n");
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total);
	cr_expect_eq(write_block(m, FIRST, "state", "offline"), -EINVAL);
	/* as it was the last time */
	cr_expect_eq(write_block(m, FIRST, "online", "1"), 0);
	expect_file(m, FIRST, "valid_zones", "Movable\n");
	cr_expect_eq(write_block(m, FIRST, "online", "0\n"), 0);
	cr_expect_eq(mmsim_dimm_remove(m, id), 0);
	sim_shutdown(m);
}

/* "online": the zone that spans the block already, else the kernel's. */
Test(hotplug, default_zone)
{
	struct mmsim_machine *m = sim_boot("ram=1G");

	add_dimm(m, 8);
	cr_expect_eq(write_block(m, FIRST, "state", "online"), 0);
	expect_file(m, FIRST, "valid_zones", "Normal\n");
	cr_expect_eq(write_block(m, FIRST + 2, "state", "online_movable"), 0);
	cr_expect_eq(write_block(m, FIRST + 5, "state", "online_movable"), 0);
	/* between two blocks of Movable */
	expect_file(m, FIRST + 3, "valid_zones", "Movable Normal\n");
	cr_expect_eq(write_block(m, FIRST + 3, "state", "online"), 0);
	expect_file(m, FIRST + 3, "valid_zones", "Movable\n");
	/* both span it */
	cr_expect_eq(write_block(m, FIRST + 7, "state", "online_kernel"), 0);
	expect_file(m, FIRST + 4, "valid_zones", "Normal Movable\n");
	cr_expect_eq(write_block(m, FIRST + 4, "state", "online"), 0);
	expect_file(m, FIRST + 4, "valid_zones", "Normal\n");
	sim_validate(m);
	for (int i = 0; i < 8; i++)
		if (i != 1 && i != 6)
			cr_expect_eq(
				write_block(m, FIRST + i, "state", "offline"),
				0);
	sim_validate(m);
	expect_file(m, FIRST + 3, "valid_zones", "Normal Movable\n");
	cr_expect_eq(mmsim_dimm_remove(m, 0), 0);
	sim_shutdown(m);
}

Test(hotplug, auto_online)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	long total = sim_meminfo(m, "MemTotal");
	char *text = sim_proc(m, MEMORY "auto_online_blocks");

	cr_expect_str_eq(text, "offline\n");
	free(text);
	sim_write(m, MEMORY "auto_online_blocks", "online_movable\n");
	add_dimm(m, 3);
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total + 3 * BLOCK_KB);
	expect_file(m, FIRST + 2, "valid_zones", "Movable\n");
	cr_expect_eq(mmsim_proc_write(m, MEMORY "auto_online_blocks", "yes"),
		     -EINVAL);
	sim_shutdown(m);
}

Test(hotplug, bad_input)
{
	struct mmsim_machine *m =
		sim_boot("ram=1G,maxmem=1536M,slots=2,nodes=2");
	int id = 77;

	cr_expect_eq(mmsim_dimm_add(NULL, BLOCK, 0, &id), -EINVAL);
	cr_expect_eq(mmsim_dimm_add(m, 0, 0, &id), -EINVAL);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK - SIM_PAGE, 0, &id), -EINVAL);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK, 2, &id), -EINVAL);
	cr_expect_eq(mmsim_dimm_add(m, 5 * BLOCK, 0, &id), -ENOSPC);
	cr_expect_eq(id, 77);
	cr_expect_eq(mmsim_dimm_remove(m, 0), -ENODEV);
	cr_expect_eq(mmsim_dimm_remove(m, -1), -ENODEV);
	cr_expect_eq(mmsim_dimm_remove(m, 1000), -ENODEV);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK, 1, &id), 0);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK, 1, NULL), 0);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK, 1, &id), -ENOSPC); /* slots */
	cr_expect_eq(id, 0);
	cr_expect_eq(mmsim_memory_offline(m, 1000, 0), -ENOENT);
	cr_expect_eq(mmsim_memory_offline(m, UINT64_MAX, 0), -ENOENT);
	cr_expect_eq(mmsim_memory_offline(NULL, 1, 0), -EINVAL);
	for (const char *const *word =
		     (const char *const[]){"", "on", "online movable", "1",
					   "Online", "offline_", NULL};
	     *word; word++)
		cr_expect_eq(write_block(m, FIRST, "state", *word), -EINVAL);
	cr_expect_eq(write_block(m, FIRST, "online", "2"), -EINVAL);
	cr_expect_eq(write_block(m, FIRST, "valid_zones", "Normal"), -EACCES);
	cr_expect_eq(write_block(m, FIRST + 9, "state", "online"), -ENOENT);
	cr_expect_eq(mmsim_proc_write(m, MEMORY "memory032/state", "online"),
		     -ENOENT);
	cr_expect_eq(mmsim_proc_write(m, MEMORY "memoryN/state", "online"),
		     -ENOENT);
	sim_shutdown(m);
}

/* A place that became free is used again. */
Test(hotplug, places)
{
	struct mmsim_machine *m = sim_boot("ram=1G,maxmem=2G");

	cr_expect_eq(add_dimm(m, 2), 0);
	cr_expect_eq(add_dimm(m, 2), 1);
	cr_expect_eq(add_dimm(m, 4), 2);
	cr_expect_eq(mmsim_dimm_remove(m, 1), 0);
	cr_expect_eq(mmsim_dimm_add(m, 3 * BLOCK, 0, NULL), -ENOSPC);
	cr_expect_eq(add_dimm(m, 1), 1);
	expect_file(m, FIRST + 2, "state", "offline\n");
	cr_expect_eq(mmsim_proc_read(m, MEMORY "memory35/state", NULL, 0),
		     -ENOENT);
	sim_shutdown(m);
}

Test(hotplug, larger_blocks)
{
	struct mmsim_machine *m = sim_boot("ram=1G,memory_block=512M");
	char *text = sim_proc(m, MEMORY "block_size_bytes");

	cr_expect_str_eq(text, "20000000\n");
	free(text);
	cr_expect_eq(mmsim_dimm_add(m, BLOCK, 0, NULL), -EINVAL);
	add_dimm(m, 4);
	cr_expect_eq(write_block(m, 8, "state", "online"), 0);
	sim_shutdown(m);
}

/* A request larger than the memory map's blocks: no room, nothing changed. */
Test(hotplug, no_memory_for_struct_pages)
{
	struct mmsim_machine *m = sim_boot("ram=16M,maxmem=64G");
	long free = sim_meminfo(m, "MemFree");

	cr_expect_eq(mmsim_dimm_add(m, 32 * 8 * BLOCK, 0, NULL), -ENOMEM);
	cr_expect_leq(labs(sim_meminfo(m, "MemFree") - free), 4096);
	cr_expect_eq(mmsim_proc_read(m, MEMORY "memory32/state", NULL, 0),
		     -ENOENT);
	sim_shutdown(m);
}

/* Writes the numbers of its pages into a range, and looks for them. */
static void mark(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	for (size_t at = 0; at < len; at += SIM_PAGE)
		cr_assert_eq(mmsim_store(task, addr + at, &at, sizeof(at)), 0);
}

static void expect_marks(struct mmsim_task *task, uintptr_t addr, size_t len)
{
	for (size_t at = 0, found; at < len; at += SIM_PAGE) {
		cr_assert_eq(mmsim_load(task, addr + at, &found, sizeof(found)),
			     0);
		cr_assert_eq(found, at, "page %zu", at / SIM_PAGE);
	}
}

/* Every kind of page that can be moved, all in one block. */
Test(hotplug, pages_move_with_their_content)
{
	struct mmsim_machine *m = sim_boot("ram=256M,swap=64M");
	struct mmsim_task *task = sim_spawn(m), *child;
	size_t len = 4 << 20;
	struct mmsim_file *file, *tmp;
	uintptr_t anon, mapped, shared, locked;
	long moved, total;

	add_dimm(m, 2);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	anon = sim_mmap(task, len);
	mark(task, anon, len);
	locked = sim_mmap(task, len);
	mark(task, locked, len);
	cr_assert_eq(mmsim_mlock(task, locked, len), 0);
	cr_assert_eq(mmsim_file_create(m, "/data", (off_t)len, &file), 0);
	mapped = (uintptr_t)mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				       MAP_SHARED, file, 0);
	mark(task, mapped, len); /* dirty */
	cr_assert_eq(mmsim_file_create(m, "/dev/shm/x", (off_t)len, &tmp), 0);
	shared = (uintptr_t)mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				       MAP_SHARED, tmp, 0);
	mark(task, shared, len);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	mark(child, anon + len / 2, 4 * SIM_PAGE); /* some are its own */
	sim_validate(m);
	moved = sim_vmstat(m, "pgmigrate_success");
	total = sim_meminfo(m, "AnonPages");
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	sim_validate(m);
	cr_expect_geq(sim_vmstat(m, "pgmigrate_success") - moved,
		      4 * (long)len / SIM_PAGE);
	cr_expect_eq(sim_vmstat(m, "pgmigrate_fail"), 0);
	cr_expect_eq(sim_meminfo(m, "AnonPages"), total);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), (long)len / 1024);
	expect_marks(task, anon, len);
	expect_marks(child, anon, len / 2);
	expect_marks(child, anon + len / 2, 4 * SIM_PAGE);
	expect_marks(task, mapped, len);
	expect_marks(task, shared, len);
	expect_marks(task, locked, len);
	/* they are still the same pages: what one stores the other sees */
	mark(child, shared + SIM_PAGE, SIM_PAGE);
	cr_assert_eq(mmsim_load(task, shared + SIM_PAGE, &moved, sizeof(moved)),
		     0);
	cr_expect_eq(moved, 0);
	mmsim_close(file);
	mmsim_close(tmp);
	sim_shutdown(m);
}

/* Pages that have a slot, and pages that are on their way to the device. */
Test(hotplug, pages_of_the_swap_cache_move)
{
	struct mmsim_machine *m = sim_boot("ram=256M,swap=64M");
	struct mmsim_task *task = sim_spawn(m), *child;
	size_t len = 4 << 20;
	uintptr_t back, away;
	long cached;

	add_dimm(m, 1);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	back = sim_mmap(task, len);
	mark(task, back, len);
	cr_assert_eq(mmsim_task_fork(task, &child), 0);
	cr_assert_eq(mmsim_madvise(task, back, len, MADV_PAGEOUT), 0);
	mmsim_idle(m, 1000000000);
	expect_marks(task, back, len); /* the child has still its entries */
	away = sim_mmap(task, len);
	mark(task, away, len);
	cr_assert_eq(mmsim_madvise(task, away, len, MADV_PAGEOUT), 0);
	cached = sim_meminfo(m, "SwapCached");
	cr_assert_geq(cached, (long)len / 1024);
	cr_assert_gt(sim_meminfo(m, "Writeback"), 0);
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	sim_validate(m);
	cr_expect_eq(sim_vmstat(m, "pgmigrate_fail"), 0);
	cr_expect_geq(sim_vmstat(m, "pgmigrate_success"), (long)len / SIM_PAGE);
	cr_expect_geq(sim_meminfo(m, "SwapCached"), (long)len / 1024);
	expect_marks(child, back, len);
	expect_marks(task, back, len);
	expect_marks(task, away, len);
	sim_shutdown(m);
}

/* The pages go to another node, if there is one. */
Test(hotplug, pages_go_to_another_node)
{
	struct mmsim_machine *m = sim_boot("ram=512M,nodes=2,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 32 << 20;
	uintptr_t addr;
	char *text;

	add_dimm(m, 1);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	addr = sim_mmap(task, len);
	mark(task, addr, len);
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	text = sim_task_proc(m, task, "numa_maps");
	cr_expect_not_null(strstr(text, " N1=8192 "), "%s", text);
	free(text);
	expect_marks(task, addr, len);
	sim_shutdown(m);
}

/* A node gets its first memory, and has none again. */
Test(hotplug, node_without_memory)
{
	struct mmsim_machine *m =
		sim_boot("nodes=2,cpus=2,"
			 "managed=DMA:3840+DMA32:113255/DMA32:0");
	struct mmsim_task *task = sim_spawn(m);
	const char *has = "/sys/devices/system/node/has_memory";
	uintptr_t addr = sim_mmap(task, 8 << 20);
	char *text = sim_proc(m, has);
	int id;

	cr_expect_str_eq(text, "0\n");
	free(text);
	cr_assert_eq(mmsim_dimm_add(m, BLOCK, 1, &id), 0);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	text = sim_proc(m, has);
	cr_expect_str_eq(text, "0-1\n");
	free(text);
	cr_assert_eq(mmsim_task_set_cpu(task, 1), 0);
	mark(task, addr, 8 << 20);
	text = sim_task_proc(m, task, "numa_maps");
	cr_expect_not_null(strstr(text, " N1=2048 "), "%s", text);
	free(text);
	text = sim_proc(m, "/sys/devices/system/node/node1/meminfo");
	cr_expect_not_null(strstr(text, "Node 1 MemTotal:         131072 kB"),
			   "%s", text);
	free(text);
	sim_validate(m);
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	text = sim_proc(m, has);
	cr_expect_str_eq(text, "0\n");
	free(text);
	expect_marks(task, addr, 8 << 20);
	cr_expect_eq(mmsim_dimm_remove(m, id), 0);
	sim_shutdown(m);
}

/* Figures that follow, and those that were set by hand and stay. */
Test(hotplug, settings_follow)
{
	struct mmsim_machine *m = sim_boot("ram=1G");
	long min_free = sim_sysctl(m, "/proc/sys/vm/min_free_kbytes");
	long reserve = sim_sysctl(m, "/proc/sys/vm/user_reserve_kbytes");
	char *log;
	ssize_t len;

	add_dimm(m, 8);
	cr_assert_eq(write_block(m, FIRST, "state", "online_kernel"), 0);
	cr_expect_gt(sim_sysctl(m, "/proc/sys/vm/min_free_kbytes"), min_free);
	cr_expect_gt(sim_sysctl(m, "/proc/sys/vm/user_reserve_kbytes"),
		     reserve);
	cr_expect_eq(sim_sysctl(m, "/proc/sys/vm/admin_reserve_kbytes"), 8192);
	sim_write(m, "/proc/sys/vm/min_free_kbytes", "20000");
	sim_write(m, "/proc/sys/vm/user_reserve_kbytes", "0");
	cr_assert_eq(write_block(m, FIRST + 1, "state", "online_kernel"), 0);
	cr_expect_eq(sim_sysctl(m, "/proc/sys/vm/min_free_kbytes"), 20000);
	cr_expect_eq(sim_sysctl(m, "/proc/sys/vm/user_reserve_kbytes"), 0);
	len = mmsim_machine_log(m, NULL, 0);
	log = malloc((size_t)len + 1);
	mmsim_machine_log(m, log, (size_t)len + 1);
	cr_expect_not_null(strstr(log, "] Fallback order for Node 0: 0 \n"),
			   "%s", log);
	cr_expect_not_null(strstr(log, "] Built 1 zonelists, mobility grouping "
				       "on.  Total pages: "),
			   "%s", log);
	cr_expect_not_null(strstr(log, "] Policy zone: Normal\n"), "%s", log);
	free(log);
	sim_shutdown(m);
}

Test(hotplug, huge_pages_move)
{
	struct mmsim_machine *m = sim_boot("ram=256M,thp=always");
	struct mmsim_task *task = sim_spawn(m);
	size_t huge = 2 << 20, len = 8 * huge;
	uintptr_t addr;

	add_dimm(m, 1);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	addr = sim_mmap(task, len + huge);
	addr = (addr + huge - 1) & ~(huge - 1);
	mark(task, addr, len);
	/* one in pieces, one partly gone */
	cr_assert_eq(mmsim_mprotect(task, addr + huge, SIM_PAGE, PROT_READ), 0);
	cr_assert_eq(
		mmsim_madvise(task, addr + 2 * huge, huge / 2, MADV_DONTNEED),
		0);
	cr_assert_gt(sim_meminfo(m, "AnonHugePages"), 0);
	sim_validate(m);
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	sim_validate(m);
	cr_expect_geq(sim_vmstat(m, "thp_migration_success"), 8);
	cr_expect_eq(sim_vmstat(m, "thp_migration_split"), 0);
	expect_marks(task, addr, 2 * huge);
	cr_expect_eq(sim_smaps(m, task, "AnonHugePages"), 6 * 2048);
	sim_shutdown(m);
}

/* No free block of 2 MB anywhere else, and too little is free to make one: they
 * move in pieces. */
Test(hotplug, huge_pages_are_split)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t huge = 2 << 20, all;
	uintptr_t addr;

	add_dimm(m, 1);
	all = ((size_t)sim_meminfo(m, "MemFree") << 10) - (5 << 20);
	sim_touch(task, sim_mmap(task, all), all);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	sim_write(m, "/sys/kernel/mm/transparent_hugepage/enabled", "always");
	addr = sim_mmap(task, 2 * huge);
	addr = (addr + huge - 1) & ~(huge - 1);
	mark(task, addr, huge);
	cr_assert_eq(sim_smaps(m, task, "AnonHugePages"), 2048);
	sim_write(m, "/proc/sys/vm/min_free_kbytes", "256");
	cr_assert_eq(write_block(m, FIRST, "state", "offline"), 0);
	sim_validate(m);
	cr_expect_eq(sim_vmstat(m, "thp_migration_split"), 1);
	cr_expect_eq(sim_vmstat(m, "thp_split_page"), 1);
	expect_marks(task, addr, huge);
	sim_shutdown(m);
}

/* Pages that the kernel holds for itself cannot be moved. */
Test(hotplug, unmovable_pages)
{
	struct mmsim_machine *m = sim_boot("ram=256M");
	long total = sim_meminfo(m, "MemTotal"),
	     free = sim_meminfo(m, "MemFree");
	struct mmsim_task *task;

	/* the memory map of boot lies at the top */
	cr_expect_eq(write_block(m, 1, "state", "offline"), -EBUSY);
	add_dimm(m, 1);
	cr_assert_eq(write_block(m, FIRST, "state", "online_kernel"), 0);
	task = sim_spawn(m);
	sim_touch(task, sim_mmap(task, SIM_PAGE), SIM_PAGE);
	cr_expect_eq(write_block(m, FIRST, "state", "offline"), -EBUSY);
	expect_file(m, FIRST, "state", "online\n");
	sim_validate(m);
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total + BLOCK_KB);
	cr_expect_leq(sim_meminfo(m, "MemFree"), free + BLOCK_KB);
	sim_shutdown(m);
}

/* Nowhere to go: a signal ends it, and all is as before. */
Test(hotplug, no_room)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 120 << 20;
	uint64_t begin;
	uintptr_t addr;
	long total;

	add_dimm(m, 1);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	addr = sim_mmap(task, len);
	mark(task, addr, len);
	total = sim_meminfo(m, "MemTotal");
	begin = mmsim_clock_ns(m);
	cr_expect_eq(mmsim_memory_offline(m, FIRST, 1000000000), -EINTR);
	cr_expect_leq(mmsim_clock_ns(m) - begin, 1100000000);
	cr_expect_geq(mmsim_clock_ns(m) - begin, 900000000);
	sim_validate(m);
	cr_expect_eq(sim_meminfo(m, "MemTotal"), total);
	cr_expect_gt(sim_vmstat(m, "pgmigrate_fail"), 0);
	cr_expect(mmsim_task_is_alive(task));
	expect_file(m, FIRST, "state", "online\n");
	expect_marks(task, addr, len);
	/* a limit of 0: one round */
	cr_expect_eq(mmsim_memory_offline(m, FIRST, 0), -EINTR);
	cr_assert_eq(mmsim_munmap(task, addr, len), 0);
	cr_expect_eq(mmsim_memory_offline(m, FIRST, 0), 0);
	sim_shutdown(m);
}

/* The kernel's own pages cannot be there: a binding holds for the others. */
Test(hotplug, bound_to_a_node_with_movable_memory_only)
{
	struct mmsim_machine *m =
		sim_boot("nodes=2,cpus=2,"
			 "managed=DMA:3840+DMA32:48839/DMA32:0");
	struct mmsim_task *t = sim_spawn(m);
	const uint64_t node_1 = 2;
	uintptr_t addr;
	char *maps;

	cr_assert_eq(mmsim_set_mempolicy(t, MPOL_BIND, node_1), -EINVAL);
	cr_assert_eq(mmsim_dimm_add(m, BLOCK, 1, NULL), 0);
	cr_assert_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	cr_assert_eq(mmsim_set_mempolicy(t, MPOL_BIND, node_1), 0);
	addr = (uintptr_t)mmsim_mmap(t, 0, BLOCK / 2, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	cr_assert_eq(mmsim_access(t, addr, BLOCK / 2, 1), 0);
	maps = sim_task_proc(m, t, "numa_maps");
	cr_expect_not_null(strstr(maps, "bind:1 anon=16384 dirty=16384 "
					"active=0 N1=16384"),
			   "%s", maps);
	free(maps);
	sim_shutdown(m);
}

/* Tasks use the new memory, and the old one as before when it is gone. */
Test(hotplug, memory_is_used)
{
	struct mmsim_machine *m = sim_boot("ram=256M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = 350 << 20;
	uintptr_t addr;

	add_dimm(m, 2);
	cr_expect_eq(write_block(m, FIRST, "state", "online_movable"), 0);
	cr_expect_eq(write_block(m, FIRST + 1, "state", "online_movable"), 0);
	addr = sim_mmap(task, len);
	sim_touch(task, addr, len);
	sim_validate(m);
	cr_expect_eq(mmsim_munmap(task, addr, len), 0);
	cr_expect_eq(write_block(m, FIRST, "state", "offline"), 0);
	cr_expect_eq(write_block(m, FIRST + 1, "state", "offline"), 0);
	cr_expect_eq(mmsim_dimm_remove(m, 0), 0);
	sim_shutdown(m);
}
