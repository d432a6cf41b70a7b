/*
 * node_reclaim.c: vm.zone_reclaim_mode.
 */
#include "sim.h"

#include "kernel/machine.h"

TestSuite(node_reclaim, .timeout = 60);

enum { FILE_MIB = 24, ANON_MIB = 16 };
#define MIB ((size_t)1 << 20)
#define TWO_NODES "nodes=2,cpus=2,managed=DMA32:8192/DMA32:8192,"

static char buffer[1 << 20];

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	struct mmsim_file *file;
	uintptr_t file_addr; /* where it is mapped, or 0 */
};

/* Node 0 holds a file, of which nothing is mapped. */
static struct scene scene_start(const char *spec)
{
	struct scene scene = {.m = sim_boot(spec)};

	scene.task = sim_spawn(scene.m);
	cr_assert_eq(mmsim_file_create(scene.m, "/data", FILE_MIB * MIB,
				       &scene.file),
		     0);
	for (long i = 0; i < FILE_MIB; i++)
		cr_assert_eq(mmsim_pread(scene.task, scene.file, buffer,
					 sizeof(buffer), i << 20),
			     sizeof(buffer));
	return scene;
}

static void scene_end(struct scene *scene)
{
	mmsim_close(scene->file);
	sim_shutdown(scene->m);
}

static void scene_map(struct scene *scene)
{
	intptr_t addr = mmsim_mmap(scene->task, 0, FILE_MIB * MIB, PROT_READ,
				   MAP_SHARED, scene->file, 0);

	cr_assert_gt(addr, 0);
	scene->file_addr = (uintptr_t)addr;
	cr_assert_eq(
		mmsim_access(scene->task, scene->file_addr, FILE_MIB * MIB, 0),
		0);
}

static void scene_write_anon(struct scene *scene)
{
	sim_touch(scene->task, sim_mmap(scene->task, ANON_MIB * MIB),
		  ANON_MIB * MIB);
}

static long far_pages(struct scene *scene)
{
	return sim_number(scene->m, "/sys/devices/system/node/node1/numastat",
			  "numa_miss", " ", 0);
}

static void set_mode(struct scene *scene, const char *mode)
{
	sim_write(scene->m, "/proc/sys/vm/zone_reclaim_mode", mode);
}

Test(node_reclaim, off_by_default)
{
	struct scene scene = scene_start(TWO_NODES);

	scene_write_anon(&scene);
	cr_assert_gt(far_pages(&scene), 1000);
	cr_assert_eq(sim_vmstat(scene.m, "pgsteal_direct"), 0);
	scene_end(&scene);
}

Test(node_reclaim, clean_file_pages_go_before_a_far_node_is_asked)
{
	struct scene scene = scene_start(TWO_NODES);

	set_mode(&scene, "1");
	scene_write_anon(&scene);
	/* what was reclaimed waits on the CPU's list at times, and is not free */
	cr_assert_lt(far_pages(&scene), 400);
	cr_assert_gt(sim_vmstat(scene.m, "pgsteal_direct"), 1000);
	cr_assert_eq(sim_vmstat(scene.m, "allocstall_movable"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "pageoutrun"), 0);
	scene_end(&scene);
}

/* Pages that are mapped are left alone without bit 4. */
Test(node_reclaim, mapped_pages_need_bit_4)
{
	static const char *const modes[] = {"1", "2", "4", "7"};

	for (int i = 0; i < 4; i++) {
		struct scene scene = scene_start(TWO_NODES);
		long mapped;

		scene_map(&scene);
		mapped = sim_meminfo(scene.m, "Mapped");
		set_mode(&scene, modes[i]);
		scene_write_anon(&scene);
		if (atoi(modes[i]) & 4) {
			cr_assert_lt(sim_meminfo(scene.m, "Mapped"), mapped,
				     "mode %s", modes[i]);
		} else {
			cr_assert_eq(sim_meminfo(scene.m, "Mapped"), mapped,
				     "mode %s", modes[i]);
			cr_assert_gt(far_pages(&scene), 1000);
		}
		scene_end(&scene);
	}
}

/* Dirty pages are not counted on without bit 2. */
Test(node_reclaim, dirty_pages_stay)
{
	struct scene scene = scene_start(
		TWO_NODES "vm.dirty_ratio=100,vm.dirty_background_ratio=100");

	for (long i = 0; i < FILE_MIB; i++)
		cr_assert_eq(mmsim_pwrite(scene.task, scene.file, buffer,
					  sizeof(buffer), i << 20),
			     sizeof(buffer));
	set_mode(&scene, "1");
	scene_write_anon(&scene);
	cr_assert_gt(far_pages(&scene), 1000);
	cr_assert_eq(sim_vmstat(scene.m, "pgsteal_direct"), 0);
	scene_end(&scene);
}

/* A few file pages are kept: without them every read would have to wait. */
Test(node_reclaim, min_unmapped_ratio)
{
	struct scene scene = scene_start(TWO_NODES);

	set_mode(&scene, "1");
	sim_write(scene.m, "/proc/sys/vm/min_unmapped_ratio", "100");
	sim_write(scene.m, "/proc/sys/vm/min_slab_ratio", "100");
	scene_write_anon(&scene);
	cr_assert_gt(far_pages(&scene), 1000);
	cr_assert_eq(sim_vmstat(scene.m, "pgscan_direct"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "zone_reclaim_failed"), 0);
	scene_end(&scene);
}

/* The other node is not reclaimed for a CPU that is not its own. */
Test(node_reclaim, only_the_cpus_own_node)
{
	struct scene scene = scene_start(TWO_NODES);

	cr_assert_eq(mmsim_task_set_cpu(scene.task, 1), 0);
	set_mode(&scene, "1");
	sim_touch(scene.task, sim_mmap(scene.task, 2 * ANON_MIB * MIB),
		  (2 * ANON_MIB - 1) * MIB);
	cr_assert_gt(sim_meminfo(scene.m, "Cached"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "zone_reclaim_failed"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "pgsteal_direct"), 0);
	scene_end(&scene);
}
