/*
 * Zones, watermarks and protection, compared with a real 6.1's.
 */
#include "kernel/zone.h"

#include "kernel/machine.h"
#include "kernel/memory_model.h"
#include "kernel/page_alloc.h"
#include "sim.h"
#include "zone_rows.h"

TestSuite(zone);

static struct zone *zone_of(struct mmsim_machine *m, unsigned node,
			    enum zone_type type)
{
	return &m->nodes[node]->zones[type];
}

/* min, low, high, and limit and batch of the per-CPU lists. */
static void check_marks(const struct zone *zone, uint64_t min, uint64_t low,
			uint64_t high, int pcp_high, int pcp_batch)
{
	const char *name = zone_names[zone->type];

	cr_assert_eq(zone->watermark[WMARK_MIN], min, "%s min %lu", name,
		     zone->watermark[WMARK_MIN]);
	cr_assert_eq(zone->watermark[WMARK_LOW], low, "%s low %lu", name,
		     zone->watermark[WMARK_LOW]);
	cr_assert_eq(zone->watermark[WMARK_HIGH], high, "%s high %lu", name,
		     zone->watermark[WMARK_HIGH]);
	cr_assert_eq(zone->pcp[0].high, pcp_high, "%s pcp high %d", name,
		     zone->pcp[0].high);
	cr_assert_eq(zone->pcp[0].batch, pcp_batch, "%s pcp batch %d", name,
		     zone->pcp[0].batch);
}

/* What the recorded kernels had after boot. */
Test(zone, marks_at_boot)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);

	cr_assert_eq(sim_meminfo(m, "MemTotal"), 210716);
	cr_assert_eq(m->vm.min_free_kbytes, 1786);
	check_marks(zone_of(m, 0, ZONE_DMA), 34, 42, 50, 42, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 411, 513, 615, 513, 15);
	sim_shutdown(m);

	m = sim_boot(SIM_512M);
	cr_assert_eq(sim_meminfo(m, "MemTotal"), 468380);
	cr_assert_eq(m->vm.min_free_kbytes, 2704);
	check_marks(zone_of(m, 0, ZONE_DMA), 22, 27, 32, 27, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 653, 816, 979, 816, 31);
	sim_shutdown(m);

	m = sim_boot(SIM_1024M);
	cr_assert_eq(sim_meminfo(m, "MemTotal"), 983708);
	cr_assert_eq(m->vm.min_free_kbytes, 3932);
	check_marks(zone_of(m, 0, ZONE_DMA), 15, 18, 21, 18, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 967, 1208, 1449, 1208, 63);
	sim_shutdown(m);

	m = sim_boot(SIM_2048M);
	cr_assert_eq(sim_meminfo(m, "MemTotal"), 2014364);
	cr_assert_eq(m->vm.min_free_kbytes, 5647);
	check_marks(zone_of(m, 0, ZONE_DMA), 10, 13, 16, 13, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 1400, 1896, 2392, 1896, 63);
	sim_shutdown(m);

	m = sim_boot(SIM_4096M);
	cr_assert_eq(sim_meminfo(m, "MemTotal"), 4009364);
	cr_assert_eq(m->vm.min_free_kbytes, 7982);
	check_marks(zone_of(m, 0, ZONE_DMA), 7, 10, 13, 10, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 1500, 2251, 3002, 2251, 63);
	check_marks(zone_of(m, 0, ZONE_NORMAL), 486, 729, 972, 729, 63);
	sim_shutdown(m);
}

/* Rows of the 1024M machine after a write to a setting. */
Test(zone, marks_after_a_write)
{
	static const struct {
		const char *setting, *value;
		uint64_t dma[3], dma32[3];
		int dma_high, dma32_high;
	} rows[] = {
		{"min_free_kbytes", "128", {0, 3, 6}, {31, 273, 515}, 4, 273},
		{"min_free_kbytes", "512", {1, 4, 7}, {126, 368, 610}, 4, 368},
		{"min_free_kbytes", "1024", {3, 6, 9}, {252, 494, 736}, 6, 494},
		{"min_free_kbytes", "2048", {7, 10, 13}, {504, 746, 988}, 10,
		 746},
		{"min_free_kbytes", "4096", {15, 18, 21}, {1008, 1260, 1512},
		 18, 1260},
		{"min_free_kbytes", "8192", {31, 38, 45}, {2016, 2520, 3024},
		 38, 2520},
		{"min_free_kbytes", "16384", {63, 78, 93}, {4032, 5040, 6048},
		 78, 5040},
		{"min_free_kbytes", "32768", {127, 158, 189},
		 {8064, 10080, 12096}, 158, 10080},
		{"min_free_kbytes", "3932", {15, 18, 21}, {967, 1209, 1451}, 18,
		 1209},
		{"watermark_scale_factor", "100", {15, 53, 91},
		 {967, 3387, 5807}, 53, 3387},
		{"watermark_scale_factor", "1000", {15, 399, 783},
		 {967, 25175, 49383}, 399, 25175},
		{"watermark_scale_factor", "3000", {15, 1167, 2319},
		 {967, 73593, 146219}, 1167, 73593},
	};
	struct mmsim_machine *m = sim_boot(SIM_1024M);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/sys/vm/%s",
			 rows[i].setting);
		sim_write(m, path, rows[i].value);
		check_marks(zone_of(m, 0, ZONE_DMA), rows[i].dma[0],
			    rows[i].dma[1], rows[i].dma[2], rows[i].dma_high,
			    1);
		check_marks(zone_of(m, 0, ZONE_DMA32), rows[i].dma32[0],
			    rows[i].dma32[1], rows[i].dma32[2],
			    rows[i].dma32_high, 63);
	}
	sim_shutdown(m);
}

static void check_protection(const struct zone *zone, uint64_t dma32,
			     uint64_t normal, uint64_t movable)
{
	cr_assert_eq(zone->protection[ZONE_DMA], 0);
	cr_assert_eq(zone->protection[ZONE_DMA32], dma32, "%lu",
		     zone->protection[ZONE_DMA32]);
	cr_assert_eq(zone->protection[ZONE_NORMAL], normal, "%lu",
		     zone->protection[ZONE_NORMAL]);
	cr_assert_eq(zone->protection[ZONE_MOVABLE], movable, "%lu",
		     zone->protection[ZONE_MOVABLE]);
}

Test(zone, protection)
{
	struct mmsim_machine *m = sim_boot(SIM_4096M);

	check_protection(zone_of(m, 0, ZONE_DMA), 2947, 3900, 3900);
	check_protection(zone_of(m, 0, ZONE_DMA32), 0, 952, 952);
	check_protection(zone_of(m, 0, ZONE_NORMAL), 0, 0, 0);
	sim_write(m, "/proc/sys/vm/lowmem_reserve_ratio", "1 1 1 0 0");
	check_protection(zone_of(m, 0, ZONE_DMA), 754593, 998501, 998501);
	check_protection(zone_of(m, 0, ZONE_DMA32), 0, 243908, 243908);
	sim_write(m, "/proc/sys/vm/lowmem_reserve_ratio", "0 0 0 0 0");
	check_protection(zone_of(m, 0, ZONE_DMA), 0, 0, 0);
	sim_shutdown(m);
}

/* All that was recorded. */
Test(zone, recorded_rows)
{
	static const enum zone_type columns[] = {ZONE_DMA, ZONE_DMA32,
						 ZONE_NORMAL, ZONE_MOVABLE,
						 ZONE_DEVICE};
	const char *machine = NULL;
	struct mmsim_machine *m = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(zone_rows); i++) {
		const struct zone_row *row = &zone_rows[i];
		const struct zone *zone;

		if (!machine || strcmp(row->machine, machine) != 0) {
			if (m)
				sim_shutdown(m);
			machine = row->machine;
			m = sim_boot(machine);
		}
		sim_write(m, "/proc/sys/vm/min_free_kbytes",
			  row->min_free_kbytes);
		sim_write(m, "/proc/sys/vm/watermark_scale_factor",
			  row->scale_factor);
		sim_write(m, "/proc/sys/vm/lowmem_reserve_ratio", row->ratio);
		zone = zone_of(m, 0, row->type);
		check_marks(zone, row->marks[0], row->marks[1], row->marks[2],
			    row->pcp_high, row->pcp_batch);
		for (size_t j = 0; j < ARRAY_SIZE(columns); j++)
			cr_assert_eq(zone->protection[columns[j]],
				     row->protection[j], "row %zu", i);
	}
	sim_shutdown(m);
}

/* The classic example: zones of 8, 64 and 256 MB. */
Test(zone, protection_of_8_64_and_256_mb)
{
	struct mmsim_machine *m = sim_boot(
		"arch=x86-32,managed=DMA:2048+Normal:16384+HighMem:65536");
	const struct zone *dma = zone_of(m, 0, ZONE_DMA);
	const struct zone *normal = zone_of(m, 0, ZONE_NORMAL);

	cr_assert_eq(dma->protection[ZONE_NORMAL], 64);
	cr_assert_eq(dma->protection[ZONE_HIGHMEM], 320);
	cr_assert_eq(normal->protection[ZONE_HIGHMEM], 2048);
	cr_assert_eq(normal->protection[ZONE_NORMAL], 0);
	sim_shutdown(m);
}

/* 5/4 and 3/2 of min in older kernels, whatever the size. */
Test(zone, marks_of_older_kernels)
{
	static const char *const profiles[] = {"linux-2.6.32", "linux-3.10"};

	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		struct mmsim_machine *m;
		struct zone *zone;
		char spec[64];
		uint64_t min;

		snprintf(spec, sizeof(spec), "ram=16G,profile=%s", profiles[i]);
		m = sim_boot(spec);
		zone = zone_of(m, 0, ZONE_NORMAL);
		min = zone->watermark[WMARK_MIN];
		cr_assert_gt(min, 1000);
		cr_assert_eq(zone->watermark[WMARK_LOW], min + min / 4);
		cr_assert_eq(zone->watermark[WMARK_HIGH], min + min / 2);
		sim_shutdown(m);
	}
}

Test(zone, layout_64_bits)
{
	struct mmsim_machine *m = sim_boot("ram=16G");
	const struct zone *dma = zone_of(m, 0, ZONE_DMA);
	const struct zone *dma32 = zone_of(m, 0, ZONE_DMA32);
	const struct zone *normal = zone_of(m, 0, ZONE_NORMAL);

	cr_assert_eq(dma->start_pfn, 1);
	cr_assert_eq(dma->spanned_pages, 4095);
	cr_assert_eq(dma32->start_pfn, 4096);
	cr_assert_eq(zone_end_pfn(dma32), 1048576, "4 GB");
	cr_assert_eq(normal->start_pfn, 1048576);
	cr_assert_eq(zone_end_pfn(normal), 4194304);
	/* all but the memory map, 64 bytes a frame */
	cr_assert_eq(m->totalram_pages, 4194304 - 4194304 / 64);
	cr_assert_eq(sim_meminfo(m, "MemTotal"), 16777216 - 262144);
	cr_assert_eq(sim_meminfo(m, "MemFree"), sim_meminfo(m, "MemTotal"));
	cr_assert_eq(m->nodes[0]->zones[ZONE_HIGHMEM].is_present_arch, false);
	sim_shutdown(m);
}

Test(zone, layout_32_bits)
{
	struct mmsim_machine *m = sim_boot("ram=2G,arch=x86-32");

	cr_assert_eq(zone_of(m, 0, ZONE_NORMAL)->start_pfn, 4096);
	cr_assert_eq(zone_end_pfn(zone_of(m, 0, ZONE_NORMAL)), 229376,
		     "896 MB");
	cr_assert_eq(zone_end_pfn(zone_of(m, 0, ZONE_HIGHMEM)), 524288);
	cr_assert_eq(m->totalhigh_pages,
		     zone_of(m, 0, ZONE_HIGHMEM)->managed_pages);
	cr_assert_eq(gfp_zone(m, GFP_HIGHUSER), ZONE_HIGHMEM);
	cr_assert_eq(gfp_zone(m, GFP_KERNEL), ZONE_NORMAL);
	sim_shutdown(m);
}

Test(zone, request_classes)
{
	struct mmsim_machine *m = sim_boot("ram=64M");

	cr_assert_eq(gfp_zone(m, GFP_KERNEL), ZONE_NORMAL);
	cr_assert_eq(gfp_zone(m, GFP_KERNEL | GFP_F_DMA), ZONE_DMA);
	cr_assert_eq(gfp_zone(m, GFP_KERNEL | GFP_F_DMA32), ZONE_DMA32);
	cr_assert_eq(gfp_zone(m, GFP_HIGHUSER), ZONE_NORMAL);
	cr_assert_eq(gfp_zone(m, GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	sim_shutdown(m);
}

/* Pages of a zone Movable serve movable requests only, and first; a zone
 * Device serves none. */
Test(zone, movable_and_device)
{
	struct mmsim_machine *m =
		sim_boot("managed=DMA:3840+DMA32:20000+Movable:8192,"
			 "present=DMA:3998+DMA32:20000+Movable:8192+"
			 "Device:4096");
	struct page *user = alloc_pages(m, NULL, GFP_HIGHUSER_MOVABLE, 0);
	struct page *kernel = alloc_pages(m, NULL, GFP_KERNEL, 0);

	cr_assert_eq(page_zone_index(user), ZONE_MOVABLE);
	cr_assert_eq(page_zone_index(kernel), ZONE_DMA32);
	cr_assert_eq(zone_of(m, 0, ZONE_DEVICE)->present_pages, 4096);
	cr_assert_eq(zone_of(m, 0, ZONE_DEVICE)->managed_pages, 0);
	for (unsigned i = 0; i < m->nodes[0]->fallback.nr_refs; i++)
		cr_assert_neq(m->nodes[0]->fallback.refs[i].type, ZONE_DEVICE);
	page_put(m, user);
	page_put(m, kernel);
	sim_shutdown(m);
}

/* Zone Movable as recorded, with memory that was plugged in: not counted for
 * the choice of min_free_kbytes, but it has its share of it. */
Test(zone, marks_of_movable)
{
	static const char spec[] =
		"managed=DMA:3840+DMA32:225511+Movable:262144,"
		"present=DMA:3998+DMA32:258007+Movable:262144,"
		"vm.min_free_kbytes=3820";
	struct mmsim_machine *m = sim_boot(spec);

	check_marks(zone_of(m, 0, ZONE_DMA), 7, 10, 13, 10, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 438, 663, 888, 663, 63);
	check_marks(zone_of(m, 0, ZONE_MOVABLE), 509, 771, 1033, 771, 63);
	check_protection(zone_of(m, 0, ZONE_DMA), 880, 880, 1904);
	check_protection(zone_of(m, 0, ZONE_DMA32), 0, 0, 1024);
	sim_shutdown(m);
}

/* Newer kernels, and those whose zone Movable is high memory, keep 1/1024 of
 * it, from 32 to 128 pages. */
Test(zone, movable_that_keeps_little)
{
	struct mmsim_machine *m =
		sim_boot("profile=linux-6.18,"
			 "managed=DMA:3840+DMA32:225511+Movable:65536");

	cr_assert_eq(zone_of(m, 0, ZONE_MOVABLE)->watermark[WMARK_MIN], 64);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA)->watermark[WMARK_MIN] +
			     zone_of(m, 0, ZONE_DMA32)->watermark[WMARK_MIN],
		     (uint64_t)m->vm.min_free_kbytes / 4 - 1);
	sim_shutdown(m);
	m = sim_boot("arch=x86-32,managed=DMA:3840+Normal:100000+"
		     "HighMem:4096+Movable:8192");
	cr_assert_eq(zone_of(m, 0, ZONE_HIGHMEM)->watermark[WMARK_MIN], 32);
	cr_assert_eq(zone_of(m, 0, ZONE_MOVABLE)->watermark[WMARK_MIN], 32);
	sim_shutdown(m);
}

Test(zone, nodes_share_the_memory)
{
	struct mmsim_machine *m = sim_boot("ram=8G,nodes=4,cpus=8");
	const struct zonelist *list = &m->nodes[2]->fallback;

	for (unsigned id = 0; id < 4; id++) {
		cr_assert_eq(m->nodes[id]->present_pages, 524288 - !id);
		cr_assert_eq(m->nodes[id]->distance[id], 10);
		cr_assert_eq(m->nodes[id]->distance[(id + 1) % 4], 20);
		cr_assert_eq(m->cpu_node[2 * id], id);
		cr_assert_eq(m->cpu_node[2 * id + 1], id);
	}
	/* the own node first, then round; the highest zone first */
	cr_assert_eq(list->refs[0].zone, zone_of(m, 2, ZONE_NORMAL));
	cr_assert_eq(list->refs[1].zone, zone_of(m, 3, ZONE_NORMAL));
	cr_assert_eq(list->refs[2].zone, zone_of(m, 0, ZONE_DMA32));
	cr_assert_eq(list->refs[3].zone, zone_of(m, 0, ZONE_DMA));
	cr_assert_eq(list->refs[4].zone, zone_of(m, 1, ZONE_DMA32));
	cr_assert_eq(list->nr_refs, 5);
	cr_assert_eq(m->nodes[2]->nofallback.nr_refs, 1);
	sim_shutdown(m);
}

/* The recorded machine of two nodes: 512 MB each. */
Test(zone, recorded_nodes)
{
	struct mmsim_machine *m =
		sim_boot("managed=DMA:3840+DMA32:242365,"
			 "present=DMA:3998+DMA32:258007,nodes=2,cpus=2");

	cr_assert_eq(m->vm.min_free_kbytes, 3934);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA32)->spanned_pages, 126976);
	cr_assert_eq(zone_of(m, 1, ZONE_DMA32)->spanned_pages, 131031);
	cr_assert_eq(zone_of(m, 1, ZONE_DMA32)->start_pfn, 131072);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA32)->pcp[0].batch, 31);
	sim_shutdown(m);
}

/* The same, told node by node. */
Test(zone, recorded_nodes_one_by_one)
{
	struct mmsim_machine *m =
		sim_boot("nodes=2,cpus=2,"
			 "managed=DMA:3840+DMA32:113501/DMA32:128864,"
			 "present=DMA:3998+DMA32:126976/DMA32:131031,"
			 "boot_used=5376/6280");

	cr_assert_eq(m->vm.min_free_kbytes, 3934);
	check_marks(zone_of(m, 0, ZONE_DMA), 15, 18, 21, 18, 1);
	check_marks(zone_of(m, 0, ZONE_DMA32), 450, 562, 674, 562, 31);
	check_marks(zone_of(m, 1, ZONE_DMA32), 517, 646, 775, 646, 31);
	check_protection(zone_of(m, 0, ZONE_DMA), 443, 443, 443);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA)->spanned_pages, 4095);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA32)->spanned_pages, 126976);
	cr_assert_eq(zone_of(m, 1, ZONE_DMA32)->spanned_pages, 131031);
	cr_assert_eq(zone_of(m, 1, ZONE_DMA32)->start_pfn, 131072);
	cr_assert_eq(zone_of(m, 0, ZONE_DMA32)->stat[NR_FREE_PAGES],
		     113501 - 5376);
	cr_assert_eq(zone_of(m, 1, ZONE_DMA32)->stat[NR_FREE_PAGES],
		     128864 - 6280);
	cr_assert_eq(sim_number(m, "/sys/devices/system/node/node0/meminfo",
				"Node 0 MemTotal", ":", 0),
		     469364);
	sim_shutdown(m);
}

/* Spaces and order as recorded; the machine is the recorded one of 256 MB. */
Test(zone, zoneinfo_text)
{
	static const char *const parts[] = {
		"Node 0, zone      DMA\n  per-node stats\n"
		"      nr_inactive_anon 0\n",
		"\n      nr_writeback_temp 0\n      nr_shmem     0\n",
		"\n  pages free     3840\n        boost    0\n"
		"        min      34\n        low      42\n"
		"        high     50\n        spanned  4095\n"
		"        present  3998\n        managed  3840\n"
		"        cma      0\n"
		"        protection: (0, 190, 190, 190, 190)\n"
		"      nr_free_pages 3840\n",
		"\n      numa_other   0\n  pagesets\n    cpu: 0\n"
		"              count: 0\n              high:  42\n"
		"              batch: 1\n  vm stats threshold: 2\n"
		"  node_unreclaimable:  0\n  start_pfn:           1\n"
		"Node 0, zone    DMA32\n  pages free     48839\n",
		"              high:  513\n              batch: 15\n"
		"  vm stats threshold: 4\n  node_unreclaimable:  0\n"
		"  start_pfn:           4096\n"
		"Node 0, zone   Normal\n  pages free     0\n"
		"        boost    0\n        min      0\n        low      0\n"
		"        high     0\n        spanned  0\n        present  0\n"
		"        managed  0\n        cma      0\n"
		"        protection: (0, 0, 0, 0, 0)\nNode 0, zone  Movable\n",
	};
	struct mmsim_machine *m = sim_boot(SIM_256M);
	char *text = sim_proc(m, "/proc/zoneinfo");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_assert_not_null(strstr(text, parts[i]), "part %zu of\n%s", i,
				   text);
	free(text);
	sim_shutdown(m);
}

/* Spaces and order as a 6.18 has them. */
Test(zone, zoneinfo_text_of_6_18)
{
	static const char *const parts[] = {
		"\n      nr_writeback 0\n      nr_shmem     0\n",
		"\n      nr_balloon_pages 0\n      nr_kernel_file_pages 0\n"
		"  pages free     3840\n",
		"        high     50\n        promo    58\n"
		"        spanned  4095\n",
		"\n      nr_free_pages 3840\n      nr_free_pages_blocks 3584\n"
		"      nr_zone_inactive_anon 0\n",
		"\n      nr_mlock     0\n      nr_zspages   0\n",
		"    cpu: 0\n              count:    0\n"
		"              high:     42\n              batch:    1\n"
		"              high_min: 42\n              high_max: 480\n"
		"  vm stats threshold: 2\n",
		"Node 0, zone  Movable\n  pages free     0\n"
		"        boost    0\n        min      32\n"
		"        low      32\n        high     32\n"
		"        promo    32\n        spanned  0\n",
	};
	struct mmsim_machine *m = sim_boot(SIM_256M ",profile=linux-6.18");
	char *text = sim_proc(m, "/proc/zoneinfo");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_assert_not_null(strstr(text, parts[i]), "part %zu of\n%s", i,
				   text);
	free(text);
	sim_shutdown(m);
}

Test(zone, node_files)
{
	struct mmsim_machine *m = sim_boot("ram=1G,nodes=2,cpus=4");
	char *text = sim_proc(m, "/sys/devices/system/node/node0/meminfo");
	char buf[64];

	cr_assert_eq(strncmp(text,
			     "Node 0 MemTotal:         516096 kB\n"
			     "Node 0 MemFree:          516096 kB\n"
			     "Node 0 MemUsed:               0 kB\n",
			     100),
		     0, "%s", text);
	cr_assert_not_null(strstr(text, "\nNode 0 HugePages_Surp:      0\n"));
	free(text);
	mmsim_proc_read(m, "/sys/devices/system/node/node1/distance", buf,
			sizeof(buf));
	cr_assert_str_eq(buf, "20 10\n");
	mmsim_proc_read(m, "/sys/devices/system/node/node1/cpulist", buf,
			sizeof(buf));
	cr_assert_str_eq(buf, "2-3\n");
	mmsim_proc_read(m, "/sys/devices/system/node/node1/cpumap", buf,
			sizeof(buf));
	cr_assert_str_eq(buf, "c\n");
	text = sim_proc(m, "/sys/devices/system/node/node1/numastat");
	cr_assert_eq(strncmp(text, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\n"
				   "interleave_hit 0\nlocal_node 0\n"
				   "other_node 0\n",
			     80),
		     0, "%s", text);
	free(text);
	cr_assert_eq(mmsim_proc_read(m,
				     "/sys/devices/system/node/node2/meminfo",
				     buf, sizeof(buf)),
		     -ENOENT);
	sim_shutdown(m);
}

/* A terabyte costs the host next to nothing. */
Test(zone, large_machines_are_cheap)
{
	struct mmsim_machine *m = sim_boot("ram=1T");

	cr_assert_eq(m->totalram_pages, 268435456 - 4194304);
	cr_assert_eq(zone_of(m, 0, ZONE_NORMAL)->stat[NR_FREE_PAGES],
		     zone_of(m, 0, ZONE_NORMAL)->managed_pages);
	cr_assert_leq(m->contents.host_bytes + m->radix_nodes.host_bytes,
		      1 << 20);
	sim_shutdown(m);
}

/* A map with holes: 1 GB at 0 and 1 GB at 15 GB. */
Test(zone, memory_models)
{
	static const struct memory_range map[] = {{0, 262144},
						  {3932160, 4194304}};
	const uint64_t present = 2 * 262144;

	cr_assert_eq(memory_model_map_pages(MEMORY_FLATMEM, map, 2),
		     4194304 / 64, "one array over all, holes too");
	cr_assert_eq(memory_model_map_pages(MEMORY_DISCONTIGMEM, map, 2),
		     present / 64, "one array a node");
	cr_assert_eq(memory_model_map_pages(MEMORY_SPARSEMEM, map, 2),
		     present / 64, "one array a section of 128 MB");
}

/* SPARSEMEM has whole sections; a node of DISCONTIGMEM its own holes. */
Test(zone, memory_models_with_small_pieces)
{
	static const struct memory_range map[] = {
		{0, 1024}, {65536, 66560}, {1048576, 1048577}};

	cr_assert_eq(memory_model_map_pages(MEMORY_SPARSEMEM, map, 3),
		     3 * 32768 / 64);
	cr_assert_eq(memory_model_map_pages(MEMORY_DISCONTIGMEM, map, 3),
		     16 + 16 + 1);
	cr_assert_eq(memory_model_map_pages(MEMORY_FLATMEM, map, 3),
		     1048577 / 64 + 1);
	cr_assert_eq(memory_model_map_pages(MEMORY_SPARSEMEM, map, 0), 0);
	/* two pieces in one section share it */
	cr_assert_eq(memory_model_map_pages(
			     MEMORY_SPARSEMEM,
			     (struct memory_range[]){{0, 10}, {100, 200}}, 2),
		     32768 / 64);
}

/* Nodes whose zones lie between each other's: 2 GB of DMA32 on each node, and
 * behind 4 GB 1 GB on node 0. */
Test(zone, memory_models_of_interleaved_nodes)
{
	struct mmsim_machine *m = sim_boot(
		"nodes=2,managed=DMA:4095+DMA32:520192+Normal:262144/"
		"DMA32:524288");

	cr_assert_eq(memory_model_machine_pages(m, MEMORY_FLATMEM),
		     1310720 / 64);
	cr_assert_eq(memory_model_machine_pages(m, MEMORY_SPARSEMEM),
		     1310720 / 64);
	/* node 0 spans node 1 */
	cr_assert_eq(memory_model_machine_pages(m, MEMORY_DISCONTIGMEM),
		     (1310720 + 524288) / 64);
	sim_shutdown(m);
}

/* The recorded machine of 4 GB has a hole of 1 GB below 4 GB. */
Test(zone, memmap_view)
{
	struct mmsim_machine *m = sim_boot(SIM_4096M ",memory_model=flatmem");
	char text[1024];

	cr_assert_gt(mmsim_view(m, "memmap", text, sizeof(text)), 0);
	cr_assert_not_null(
		strstr(text, "   0  DMA32            4096       786391       "
			     "754593\n"),
		"%s", text);
	/* 5 GB of frames, holes too; 4 GB of them in sections */
	cr_assert_not_null(strstr(text, "flatmem           1310720        "
					"81920  *\n"),
			   "%s", text);
	cr_assert_not_null(strstr(text, "sparsemem         1048576        "
					"65536\n"),
			   "%s", text);
	sim_shutdown(m);
}
