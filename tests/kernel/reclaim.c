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

/* --- dirty pages ---------------------------------------------------------- */

#define LAZY_DISK                                                              \
	"vm.dirty_ratio=100,vm.dirty_background_ratio=100,"                    \
	"vm.dirty_writeback_centisecs=0"

/* All pages are dirty, and were not read again. */
static void scene_dirty(struct scene *scene)
{
	static char bytes[SIM_PAGE];

	for (long i = 0; i < FILE_PAGES; i++) {
		memset(bytes, (int)i + 1, sizeof(bytes));
		cr_assert_eq(mmsim_pwrite(scene->task, scene->file, bytes,
					  sizeof(bytes), i * SIM_PAGE),
			     SIM_PAGE);
	}
	cr_assert_eq(sim_meminfo(scene->m, "Dirty"), 4 * FILE_PAGES);
}

/* Who reclaims for itself leaves dirty pages to the flusher, and marks them;
 * the end of the write brings them to where they are taken next. */
Test(reclaim, dirty_pages_are_the_flushers)
{
	struct scene scene = scene_start("ram=64M," LAZY_DISK);

	scene_dirty(&scene);
	pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 4 * FILE_PAGES);
	cr_assert_eq(sim_vmstat(scene.m, "nr_vmscan_write"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "nr_vmscan_immediate_reclaim"),
		     FILE_PAGES);
	cr_assert(page_has(page_of(&scene, 3), PG_reclaim));
	cr_assert_eq(sim_vmstat(scene.m, "nr_active_file"), FILE_PAGES,
		     "out of the way meanwhile");
	mmsim_idle(scene.m, 1000000000);
	cr_assert_eq(sim_meminfo(scene.m, "Dirty"), 0, "the flusher was woken");
	/* whoever reclaims looks for writes that have ended */
	pass(&scene, 12);
	cr_assert_eq(sim_vmstat(scene.m, "pgrotated"), FILE_PAGES);
	cr_assert_eq(sim_vmstat(scene.m, "nr_active_file"), 0);
	pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 0);
	scene_check(&scene);
	scene_end(&scene);
}

/* kswapd writes them itself when it has met nothing else, and comes for the
 * second time. */
Test(reclaim, kswapd_writes_at_last)
{
	struct scene scene = scene_start("ram=64M," LAZY_DISK);
	struct scan_control sc = {
		.machine = scene.m,
		.gfp = GFP_KERNEL,
		.highest = MAX_NR_ZONES - 1,
		.nr_to_reclaim = UINT64_MAX,
		.is_kswapd = true,
		.may_writepage = true,
		.may_unmap = true,
	};

	scene_dirty(&scene);
	scene.m->is_reclaiming = true;
	shrink_node(scene.m->nodes[0], &sc);
	cr_assert(scene.m->nodes[0]->reclaims_dirty);
	cr_assert_eq(sim_vmstat(scene.m, "nr_vmscan_write"), 0);
	/* back to the inactive list, and the second time */
	for (int i = 0; i < 3; i++)
		shrink_node(scene.m->nodes[0], &sc);
	scene.m->is_reclaiming = false;
	cr_assert_gt(sim_vmstat(scene.m, "nr_vmscan_write"), 0);
	scene_check(&scene);
	scene_end(&scene);
}

/* A page that is being written is not waited for in the middle of a batch. */
Test(reclaim, pages_under_way_are_marked)
{
	struct scene scene = scene_start("ram=64M," LAZY_DISK);
	uint64_t now;

	scene_dirty(&scene);
	pass(&scene, 0);
	now = mmsim_clock_ns(scene.m);
	mmsim_idle(scene.m, 200000);
	cr_assert_gt(sim_meminfo(scene.m, "Writeback"), 0);
	pass(&scene, 0);
	cr_assert_lt(mmsim_clock_ns(scene.m) - now, 2000000);
	scene_end(&scene);
}

/* --- swap ---------------------------------------------------------------- */

enum { ANON_PAGES = 256 };

static uintptr_t scene_anon(struct scene *scene)
{
	uintptr_t addr = sim_mmap(scene->task, ANON_PAGES * SIM_PAGE);

	for (long i = 0; i < ANON_PAGES; i++) {
		long word = i + 1000;

		cr_assert_eq(mmsim_store(scene->task,
					 addr + (uintptr_t)i * SIM_PAGE, &word,
					 sizeof(word)),
			     0);
	}
	return addr;
}

static void scene_check_anon(struct scene *scene, struct mmsim_task *task,
			     uintptr_t addr)
{
	for (long i = 0; i < ANON_PAGES; i++) {
		long word = 0;

		cr_assert_eq(mmsim_load(task, addr + (uintptr_t)i * SIM_PAGE,
					&word, sizeof(word)),
			     0);
		cr_assert_eq(word, i + 1000);
	}
	(void)scene;
}

static void swap_all_out(struct scene *scene)
{
	for (int i = 0; i < 6; i++) {
		pass(scene, 0);
		mmsim_idle(scene->m, 100000000);
	}
}

/* Used once: the second look writes, the third frees. */
Test(reclaim, anonymous_pages_go_to_swap_and_come_back)
{
	struct scene scene = scene_start("ram=64M,swap=64M");
	uintptr_t addr = scene_anon(&scene);

	pass(&scene, 0);
	cr_assert_eq(sim_vmstat(scene.m, "pswpout"), 0, "used");
	pass(&scene, 0);
	cr_assert_geq(sim_vmstat(scene.m, "pswpout"), ANON_PAGES);
	swap_all_out(&scene);
	cr_assert_eq(sim_meminfo(scene.m, "AnonPages"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "pswpout"),
		     sim_vmstat(scene.m, "pgsteal_anon"));
	scene_check_anon(&scene, scene.task, addr);
	cr_assert_geq(sim_vmstat(scene.m, "workingset_refault_anon"),
		      ANON_PAGES);
	scene_end(&scene);
}

Test(reclaim, shared_after_fork)
{
	struct scene scene = scene_start("ram=64M,swap=64M");
	uintptr_t addr = scene_anon(&scene);
	struct mmsim_task *child;

	cr_assert_eq(mmsim_task_fork(scene.task, &child), 0);
	swap_all_out(&scene);
	cr_assert_eq(sim_meminfo(scene.m, "AnonPages"), 0);
	sim_validate(scene.m);
	scene_check_anon(&scene, child, addr);
	swap_all_out(&scene);
	scene_check_anon(&scene, scene.task, addr);
	scene_check_anon(&scene, child, addr);
	scene_end(&scene);
}

/* 0: anonymous pages are left alone as long as there are files; 200: files
 * are; and all pages at the very last. */
Test(reclaim, swappiness_extremes)
{
	static const struct {
		const char *swappiness;
		bool anon, file;
	} rows[] = {
		{"0", false, true}, {"100", true, true}, {"200", true, false}};

	for (int i = 0; i < 3; i++) {
		struct scene scene = scene_start("ram=64M,swap=64M");
		struct scan_control sc = {
			.machine = scene.m,
			.priority = 4,
			.highest = MAX_NR_ZONES - 1,
			.may_swap = true,
		};
		struct pglist_data *node = scene.m->nodes[0];
		uint64_t nr[NR_LRU_LISTS];

		scene_anon(&scene);
		scene_fill(&scene);
		sim_write(scene.m, "/proc/sys/vm/swappiness",
			  rows[i].swappiness);
		scan_counts(node, &sc, nr);
		cr_assert_eq(nr[LRU_INACTIVE_ANON] > 0, rows[i].anon);
		cr_assert_eq(nr[LRU_INACTIVE_FILE] > 0, rows[i].file);
		/* inactive files are many: only these */
		sc.cache_trim_mode = true;
		scan_counts(node, &sc, nr);
		cr_assert_eq(nr[LRU_INACTIVE_ANON], 0);
		cr_assert_gt(nr[LRU_INACTIVE_FILE], 0);
		/* hardly any files: only anonymous pages, at swappiness 0, too
		 */
		sc.file_is_tiny = true;
		scan_counts(node, &sc, nr);
		cr_assert_gt(nr[LRU_INACTIVE_ANON], 0);
		cr_assert_eq(nr[LRU_INACTIVE_FILE], 0);
		sc.priority = 0;
		sc.cache_trim_mode = sc.file_is_tiny = false;
		scan_counts(node, &sc, nr);
		cr_assert_eq(nr[LRU_INACTIVE_ANON] > 0, rows[i].anon);
		cr_assert_eq(nr[LRU_INACTIVE_FILE] > 0,
			     rows[i].file || rows[i].anon);
		scene_end(&scene);
	}
	struct mmsim_machine *m = sim_boot("ram=64M");

	cr_assert_eq(mmsim_proc_write(m, "/proc/sys/vm/swappiness", "201"),
		     -EINVAL);
	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/swappiness"), 60);
	sim_shutdown(m);
}

/* The kind of pages whose reclaim was dear is looked at less. */
Test(reclaim, costs_shift_the_balance)
{
	struct scene scene = scene_start("ram=64M,swap=64M");
	struct pglist_data *node = scene.m->nodes[0];
	struct scan_control sc = {
		.machine = scene.m,
		.highest = MAX_NR_ZONES - 1,
		.priority = 1,
		.may_swap = true,
	};
	uint64_t before[NR_LRU_LISTS], after[NR_LRU_LISTS];

	scene_anon(&scene);
	scene_fill(&scene);
	scan_counts(node, &sc, before);
	lru_note_cost(node, false, 100, 0);
	scan_counts(node, &sc, after);
	cr_assert_lt(after[LRU_INACTIVE_ANON], before[LRU_INACTIVE_ANON]);
	cr_assert_gt(after[LRU_INACTIVE_FILE], before[LRU_INACTIVE_FILE]);
	lru_note_cost(node, true, 150, 0);
	cr_assert_lt(node->lruvec.anon_cost, 100, "old costs fade");
	scan_counts(node, &sc, after);
	cr_assert_gt(after[LRU_INACTIVE_ANON], before[LRU_INACTIVE_ANON]);
	scene_end(&scene);
}

/* MADV_FREE: dropped without swap, unless they were written since. */
Test(reclaim, pages_that_were_given_up)
{
	struct scene scene = scene_start("ram=64M");
	uintptr_t addr = scene_anon(&scene);

	cr_assert_eq(mmsim_madvise(scene.task, addr, ANON_PAGES * SIM_PAGE,
				   MADV_FREE),
		     0);
	sim_touch(scene.task, addr, 10 * SIM_PAGE);
	for (int i = 0; i < 3; i++)
		pass(&scene, 0);
	cr_assert_eq(sim_vmstat(scene.m, "pglazyfreed"), ANON_PAGES - 10);
	cr_assert_eq(sim_smaps_of(scene.m, scene.task, addr, "Rss"), 40);
	scene_end(&scene);
}

/* A huge page is split, and goes in pieces. */
Test(reclaim, huge_pages)
{
	struct scene scene = scene_start("ram=64M,swap=64M,thp=always");
	uintptr_t addr = sim_mmap(scene.task, (size_t)4 << 20);
	uintptr_t start = (addr + (2 << 20) - 1) & ~((uintptr_t)(2 << 20) - 1);
	long word = 4711, got = 0;

	sim_touch(scene.task, start, (size_t)2 << 20);
	cr_assert_eq(sim_meminfo(scene.m, "AnonHugePages"), 2048);
	cr_assert_eq(mmsim_store(scene.task, start + 77 * SIM_PAGE, &word,
				 sizeof(word)),
		     0);
	swap_all_out(&scene);
	cr_assert_eq(sim_meminfo(scene.m, "AnonHugePages"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "thp_swpout_fallback"), 1);
	cr_assert_eq(sim_vmstat(scene.m, "thp_split_page"), 1);
	cr_assert_eq(sim_smaps_of(scene.m, scene.task, addr, "Swap"), 2048);
	cr_assert_eq(mmsim_load(scene.task, start + 77 * SIM_PAGE, &got,
				sizeof(got)),
		     0);
	cr_assert_eq(got, word);
	scene_end(&scene);
}

/* Before 5.9 anonymous pages began active, and nothing remembered evictions. */
Test(reclaim, older_kernels)
{
	struct scene scene = scene_start("ram=64M,swap=64M,profile=linux-3.10");

	scene_anon(&scene);
	cr_assert_geq(sim_vmstat(scene.m, "nr_active_anon"), ANON_PAGES);
	cr_assert_eq(sim_vmstat(scene.m, "nr_inactive_anon"), 0);
	scene_fill(&scene);
	pass(&scene, 0);
	cr_assert_eq(sim_meminfo(scene.m, "Cached"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "workingset_nodes"), 0);
	scene_check(&scene);
	cr_assert_eq(sim_vmstat(scene.m, "workingset_refault_file"), 0);
	scene_end(&scene);
}
