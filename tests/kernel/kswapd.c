/*
 * kswapd.c: reclaim in the background: who wakes it, how far it goes, when it
 * sleeps and when it gives up.
 */
#include "sim.h"

#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "kernel/reclaim.h"

TestSuite(kswapd, .timeout = 60);

#define FILE_BYTES ((size_t)64 << 20)

static char buffer[1 << 16];

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	struct mmsim_file *file;
	size_t at;
};

static struct scene scene_start(const char *spec)
{
	struct scene scene = {.m = sim_boot(spec)};

	scene.task = sim_spawn(scene.m);
	cr_assert_eq(
		mmsim_file_create(scene.m, "/data", FILE_BYTES, &scene.file),
		0);
	return scene;
}

static void scene_end(struct scene *scene)
{
	mmsim_close(scene->file);
	sim_shutdown(scene->m);
}

static void scene_read(struct scene *scene)
{
	cr_assert_eq(mmsim_pread(scene->task, scene->file, buffer,
				 sizeof(buffer), (off_t)scene->at),
		     sizeof(buffer));
	scene->at = (scene->at + sizeof(buffer)) % FILE_BYTES;
}

/* Reads until kswapd has been woken. */
static void scene_fill(struct scene *scene)
{
	while (scene->m->vm_events[PAGEOUTRUN] == 0)
		scene_read(scene);
}

static struct zone *dma32(struct mmsim_machine *m)
{
	return &m->nodes[0]->zones[ZONE_DMA32];
}

static uint64_t free_pages_of(const struct zone *zone)
{
	return zone->stat[NR_FREE_PAGES];
}

Test(kswapd, works_from_low_to_high)
{
	struct scene scene = scene_start("managed=DMA32:8192");
	struct zone *zone = dma32(scene.m);

	while (scene.m->vm_events[PAGEOUTRUN] == 0) {
		cr_assert_geq(free_pages_of(zone), zone->watermark[WMARK_LOW]);
		scene_read(&scene);
	}
	cr_assert_gt(free_pages_of(zone), zone->watermark[WMARK_LOW]);
	/* each time somebody comes below low it goes above high again */
	for (int i = 0; i < 500; i++) {
		uint64_t runs = scene.m->vm_events[PAGEOUTRUN];

		scene_read(&scene);
		if (scene.m->vm_events[PAGEOUTRUN] > runs)
			/* but for what was read since, and ahead */
			cr_assert_gt(free_pages_of(zone) + 64,
				     zone->watermark[WMARK_HIGH]);
		cr_assert_gt(free_pages_of(zone), zone->watermark[WMARK_MIN]);
	}
	cr_assert_eq(sim_vmstat(scene.m, "pgsteal_direct"), 0);
	cr_assert_eq(sim_vmstat(scene.m, "pgscan_kswapd"),
		     sim_vmstat(scene.m, "pgscan_file"));
	scene_end(&scene);
}

/* A run that is followed by another within 0.1 s was not enough; one whose
 * effect lasts is not counted. */
Test(kswapd, dozes_before_it_sleeps)
{
	struct scene scene = scene_start("managed=DMA32:8192");
	long runs;

	scene_fill(&scene);
	while (scene.m->vm_events[PAGEOUTRUN] < 2)
		scene_read(&scene);
	cr_assert_eq(sim_vmstat(scene.m, "kswapd_low_wmark_hit_quickly"), 1);
	mmsim_idle(scene.m, 1000000000);
	runs = sim_vmstat(scene.m, "pageoutrun");
	while (sim_vmstat(scene.m, "pageoutrun") == runs)
		scene_read(&scene);
	cr_assert_eq(sim_vmstat(scene.m, "kswapd_low_wmark_hit_quickly"), 1);
	scene_end(&scene);
}

/* With nothing to reclaim it tries 16 times and gives the node up, until direct
 * reclaim frees something there. */
Test(kswapd, gives_up_after_16_failures)
{
	struct mmsim_machine *m =
		sim_boot("managed=DMA32:8192,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	char *zoneinfo;
	long runs;

	cr_assert_eq(mmsim_file_create(m, "/data", FILE_BYTES, &file), 0);
	cr_assert_eq(mmsim_access(task, sim_mmap(task, (size_t)64 << 20),
				  (size_t)64 << 20, 1),
		     SIGKILL);
	cr_assert_eq(sim_vmstat(m, "pageoutrun"), MAX_RECLAIM_RETRIES);
	cr_assert_eq(sim_vmstat(m, "kswapd_high_wmark_hit_quickly"),
		     MAX_RECLAIM_RETRIES - 1);
	cr_assert_eq(m->nodes[0]->kswapd_failures, MAX_RECLAIM_RETRIES);
	zoneinfo = sim_proc(m, "/proc/zoneinfo");
	cr_assert_not_null(strstr(zoneinfo, "node_unreclaimable:  1"));
	free(zoneinfo);
	/* memory is there again, but it sleeps on */
	task = sim_spawn(m);
	runs = sim_vmstat(m, "pageoutrun");
	for (off_t at = 0; sim_vmstat(m, "pgsteal_direct") == 0;
	     at += sizeof(buffer)) {
		cr_assert_eq(sim_vmstat(m, "pageoutrun"), runs);
		cr_assert_eq(
			mmsim_pread(task, file, buffer, sizeof(buffer), at),
			sizeof(buffer));
	}
	cr_assert_eq(m->nodes[0]->kswapd_failures, 0);
	for (off_t at = 0; sim_vmstat(m, "pageoutrun") == runs;
	     at += sizeof(buffer))
		cr_assert_eq(
			mmsim_pread(task, file, buffer, sizeof(buffer), at),
			sizeof(buffer));
	mmsim_close(file);
	sim_shutdown(m);
}

/* A higher min_free_kbytes takes effect with the next requests. */
Test(kswapd, follows_min_free_kbytes)
{
	struct scene scene = scene_start("managed=DMA32:16384");
	struct zone *zone = dma32(scene.m);
	long cached;

	scene_fill(&scene);
	cached = sim_meminfo(scene.m, "Cached");
	sim_write(scene.m, "/proc/sys/vm/min_free_kbytes", "16384");
	cr_assert_lt(free_pages_of(zone), zone->watermark[WMARK_MIN]);
	for (int i = 0; i < 4; i++)
		scene_read(&scene);
	cr_assert_gt(free_pages_of(zone), zone->watermark[WMARK_LOW]);
	cr_assert_lt(sim_meminfo(scene.m, "Cached"), cached - 8192);
	cr_assert_eq(sim_vmstat(scene.m, "allocstall_movable"), 0);
	sim_write(scene.m, "/proc/sys/vm/min_free_kbytes", "128");
	for (int i = 0; i < 400; i++)
		scene_read(&scene);
	cr_assert_lt(free_pages_of(zone), 1000);
	scene_end(&scene);
}

/* Each node has a thread of its own, and is reclaimed by it. */
Test(kswapd, one_for_each_node)
{
	struct mmsim_machine *m =
		sim_boot("nodes=2,cpus=2,managed=DMA32:8192/DMA32:8192");

	for (unsigned i = 0; i < 2; i++) {
		struct zone *zone = &m->nodes[i]->zones[ZONE_DMA32];
		struct mmsim_task *task = sim_spawn(m);
		struct mmsim_file *file;
		char path[16];

		snprintf(path, sizeof(path), "/data%u", i);
		cr_assert_eq(mmsim_file_create(m, path, FILE_BYTES, &file), 0);
		cr_assert_eq(mmsim_task_set_cpu(task, i), 0);
		for (size_t at = 0; at < FILE_BYTES; at += sizeof(buffer))
			cr_assert_eq(mmsim_pread(task, file, buffer,
						 sizeof(buffer), (off_t)at),
				     sizeof(buffer));
		cr_assert_not_null(m->nodes[i]->kswapd);
		cr_assert_gt(free_pages_of(zone), zone->watermark[WMARK_MIN]);
		mmsim_close(file);
	}
	cr_assert_gt(sim_vmstat(m, "pgsteal_kswapd"), 1000);
	sim_shutdown(m);
}

static char *run_once(const char *spec)
{
	struct scene scene = scene_start(spec);
	uintptr_t addr = sim_mmap(scene.task, (size_t)40 << 20);
	char *vmstat, *text;
	ssize_t len;

	for (int i = 0; i < 2000; i++) {
		scene_read(&scene);
		cr_assert_eq(mmsim_access(scene.task,
					  addr + (size_t)(i * 7919 % 10232) *
							  SIM_PAGE,
					  8 * SIM_PAGE, i % 3 > 0),
			     0);
		if (i % 100 == 0)
			mmsim_idle(scene.m, 3000000);
	}
	vmstat = sim_proc(scene.m, "/proc/vmstat");
	len = mmsim_machine_log(scene.m, NULL, 0);
	text = malloc(strlen(vmstat) + (size_t)len + 64);
	cr_assert_not_null(text);
	mmsim_machine_log(scene.m, text, (size_t)len + 1);
	strcat(text, vmstat);
	sprintf(text + strlen(text), "clock %llu\n",
		(unsigned long long)mmsim_clock_ns(scene.m));
	free(vmstat);
	scene_end(&scene);
	return text;
}

/* The same run gives the same counters, log and time. */
Test(kswapd, is_deterministic)
{
	static const char *const specs[] = {
		"managed=DMA32:6144,swap=64M",
		"managed=DMA32:6144,swap=64M,cpus=4",
		"managed=DMA32:3072/DMA32:3072,nodes=2,cpus=2,swap=64M",
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		char *first = run_once(specs[i]), *second = run_once(specs[i]);

		cr_assert_str_eq(first, second, "%s", specs[i]);
		cr_assert_gt(sim_find(first, "pswpout", " ", 0), 0, "%s",
			     specs[i]);
		free(first);
		free(second);
	}
}
