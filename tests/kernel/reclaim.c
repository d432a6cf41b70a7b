/*
 * reclaim.c: which pages go when memory is short, and which stay.
 */
#include "sim.h"

#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"

#include <fcntl.h>

TestSuite(reclaim, .timeout = 60);

enum { FILE_PAGES = 512 };

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	struct mmsim_file *file;
};

static struct scene scene_start(const char *spec)
{
	struct scene scene = {.m = sim_boot(spec)};

	scene.task = sim_spawn(scene.m);
	cr_assert_eq(mmsim_file_create(scene.m, "/data", FILE_PAGES * SIM_PAGE,
				       &scene.file),
		     0);
	return scene;
}

static void scene_end(struct scene *scene)
{
	mmsim_close(scene->file);
	sim_shutdown(scene->m);
}

/* Page numbers of the file are its content. */
static void scene_fill(struct scene *scene)
{
	static char bytes[SIM_PAGE];

	for (long i = 0; i < FILE_PAGES; i++) {
		memset(bytes, (int)i + 1, sizeof(bytes));
		cr_assert_eq(mmsim_pwrite(scene->task, scene->file, bytes,
					  sizeof(bytes), i * SIM_PAGE),
			     SIM_PAGE);
	}
	cr_assert_eq(mmsim_fsync(scene->task, scene->file), 0);
}

static void scene_check(struct scene *scene)
{
	static char bytes[SIM_PAGE];

	for (long i = 0; i < FILE_PAGES; i++) {
		cr_assert_eq(mmsim_pread(scene->task, scene->file, bytes,
					 sizeof(bytes), i * SIM_PAGE),
			     SIM_PAGE);
		cr_assert_eq(bytes[0], (char)(i + 1), "page %ld", i);
		cr_assert_eq(bytes[SIM_PAGE - 1], (char)(i + 1), "page %ld", i);
	}
}

static struct page *page_of(struct scene *scene, uint64_t index)
{
	struct inode *inode =
		list_last(file_inodes(scene->m), struct inode, link);

	return filemap_find(&inode->mapping, index);
}

/* One pass over the node at this priority, as kswapd does it. */
static struct scan_control pass(struct scene *scene, int priority)
{
	struct scan_control sc = {
		.machine = scene->m,
		.gfp = GFP_KERNEL,
		.highest = MAX_NR_ZONES - 1,
		.priority = priority,
		.nr_to_reclaim = UINT64_MAX,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};

	scene->m->is_reclaiming = true;
	shrink_node(scene->m->nodes[0], &sc);
	scene->m->is_reclaiming = false;
	return sc;
}

Test(reclaim, clean_pages_go_and_come_back_with_their_content)
{
	struct scene scene = scene_start("ram=64M");

	scene_fill(&scene);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 4 * FILE_PAGES);
	pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "pgsteal_file"), FILE_PAGES);
	cr_assert_eq(sim_vmstat(scene.m, "pgscan_file"), FILE_PAGES);
	sim_validate(scene.m);
	scene_check(&scene);
	cr_assert_eq(sim_vmstat(scene.m, "workingset_refault_file"),
		     FILE_PAGES);
	scene_end(&scene);
}

Test(reclaim, the_priority_says_how_much_is_looked_at)
{
	struct scene scene = scene_start("ram=64M");

	scene_fill(&scene);
	for (int priority = 10; priority > 2; priority--) {
		long inactive = sim_vmstat(scene.m, "nr_inactive_file");
		struct scan_control sc = pass(&scene, priority);

		cr_assert_eq((long)sc.nr_scanned, inactive >> priority,
			     "priority %d", priority);
	}
	scene_end(&scene);
}

/* The oldest page goes first. */
Test(reclaim, oldest_first)
{
	struct scene scene = scene_start("ram=64M");

	scene_fill(&scene);
	pass(&scene, 4);
	for (uint64_t i = 0; i < FILE_PAGES / 16; i++)
		cr_assert_null(page_of(&scene, i), "page %lu", i);
	cr_assert_not_null(page_of(&scene, FILE_PAGES / 16));
	scene_end(&scene);
}

/* A page that is mapped starts used, and so has two rounds; when it was used in
 * the first it becomes active. */
Test(reclaim, mapped_pages_have_a_second_chance)
{
	struct scene scene = scene_start("ram=64M");
	uintptr_t addr;

	scene_fill(&scene);
	addr = (uintptr_t)mmsim_mmap(scene.task, 0, 2 * SIM_PAGE, PROT_READ,
				     MAP_SHARED, scene.file, 0);
	cr_assert_eq(mmsim_access(scene.task, addr, 2 * SIM_PAGE, 0), 0);
	pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 8);
	cr_assert_eq(mmsim_access(scene.task, addr, 1, 0), 0);
	pass(&scene, 0);
	cr_assert(page_has(page_of(&scene, 0), PG_active));
	cr_assert_null(page_of(&scene, 1));
	cr_assert_eq(sim_vmstat(scene.m, "pgactivate"), 1);
	cr_assert_eq(sim_meminfo(scene.m, "Mapped"), 4);
	scene_end(&scene);
}

Test(reclaim, code_becomes_active_at_once)
{
	struct scene scene = scene_start("ram=64M");
	uintptr_t addr;

	scene_fill(&scene);
	addr = (uintptr_t)mmsim_mmap(scene.task, 0, SIM_PAGE,
				     PROT_READ | PROT_EXEC, MAP_PRIVATE,
				     scene.file, 0);
	cr_assert_eq(mmsim_access(scene.task, addr, 1, 0), 0);
	pass(&scene, 0);
	cr_assert(page_has(page_of(&scene, 0), PG_active));
	/* and stays active as long as it is used */
	cr_assert_eq(mmsim_access(scene.task, addr, 1, 0), 0);
	pass(&scene, 0);
	cr_assert(page_has(page_of(&scene, 0), PG_active));
	pass(&scene, 0);
	cr_assert_not(page_has(page_of(&scene, 0), PG_active));
	scene_end(&scene);
}

/* Without swap nothing anonymous is looked at. */
Test(reclaim, anonymous_pages_need_swap)
{
	struct scene scene = scene_start("ram=64M");

	sim_touch(scene.task, sim_mmap(scene.task, 100 * SIM_PAGE),
		  100 * SIM_PAGE);
	for (int i = 0; i < 3; i++)
		pass(&scene, 0);
	cr_assert_eq(sim_vmstat(scene.m, "pgscan_anon"), 0);
	scene_end(&scene);
}

Test(reclaim, locked_pages_stay)
{
	struct scene scene = scene_start("ram=64M,swap=64M");
	uintptr_t addr = sim_mmap(scene.task, 100 * SIM_PAGE);
	uintptr_t shared;

	scene_fill(&scene);
	cr_assert_eq(mmsim_mlock(scene.task, addr, 100 * SIM_PAGE), 0);
	shared = (uintptr_t)mmsim_mmap(scene.task, 0, 10 * SIM_PAGE, PROT_READ,
				       MAP_SHARED, scene.file, 0);
	cr_assert_eq(mmsim_mlock(scene.task, shared, 10 * SIM_PAGE), 0);
	for (int i = 0; i < 3; i++)
		pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Mlocked"), 440);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 40);
	cr_assert_eq(sim_vmstat(scene.m, "pswpout"), 0);
	scene_end(&scene);
}

Test(reclaim, somebody_elses_reference_keeps_a_page)
{
	struct scene scene = scene_start("ram=64M");
	struct page *page;

	scene_fill(&scene);
	page = page_of(&scene, 7);
	page_get(page);
	pass(&scene, 0);
	cr_assert_eq(page_of(&scene, 7), page);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 4);
	page_put(scene.m, page);
	pass(&scene, 0);
	cr_assert_null(page_of(&scene, 7));
	scene_end(&scene);
}

/* Pages of zones that the request cannot use are passed over. */
Test(reclaim, other_zones_are_skipped)
{
	struct scene scene = scene_start("ram=64M");
	struct scan_control sc = {
		.machine = scene.m,
		.gfp = GFP_KERNEL,
		.highest = ZONE_DMA,
		.nr_to_reclaim = UINT64_MAX,
		.may_unmap = true,
	};

	scene_fill(&scene);
	scene.m->is_reclaiming = true;
	shrink_list(scene.m->nodes[0], LRU_INACTIVE_FILE, 32, &sc);
	scene.m->is_reclaiming = false;
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 4 * FILE_PAGES);
	cr_assert_eq(sim_vmstat(scene.m, "pgskip_dma32"), FILE_PAGES);
	scene_end(&scene);
}

Test(reclaim, one_page)
{
	struct scene scene = scene_start("ram=64M");
	uintptr_t addr;

	scene_fill(&scene);
	addr = (uintptr_t)mmsim_mmap(scene.task, 0, SIM_PAGE, PROT_READ,
				     MAP_SHARED, scene.file, 0);
	cr_assert_eq(mmsim_access(scene.task, addr, 1, 0), 0);
	cr_assert(reclaim_page(scene.m, page_of(&scene, 0)));
	cr_assert_null(page_of(&scene, 0));
	cr_assert_not_null(page_of(&scene, 1));
	scene_check(&scene);
	scene_end(&scene);
}

/* A file that is larger than memory can be read; nobody has to die. */
Test(reclaim, a_file_larger_than_memory)
{
	struct mmsim_machine *m = sim_boot("ram=16M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	static char bytes[64 * 1024];

	cr_assert_eq(mmsim_file_create(m, "/big", 64 << 20, &file), 0);
	for (int pass_nr = 0; pass_nr < 2; pass_nr++)
		for (long at = 0; at < 64 << 20; at += (long)sizeof(bytes))
			cr_assert_eq(mmsim_pread(task, file, bytes,
						 sizeof(bytes), at),
				     sizeof(bytes));
	cr_assert_eq(sim_vmstat(m, "oom_kill"), 0);
	cr_assert_gt(sim_vmstat(m, "pgsteal_kswapd"), 20000);
	mmsim_close(file);
	sim_shutdown(m);
}
