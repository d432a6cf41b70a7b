/*
 * slab.c: caches of kernel objects: sizes of slabs as recorded, their life,
 * kmalloc, shrinkers, and the proc file.
 */
#include "sim.h"

#include <linux/mempolicy.h>

#include "kernel/address_map.h"
#include "kernel/kmem_cache.h"
#include "kernel/page_alloc.h"
#include "kernel/vmalloc.h"

static const char *books(struct mmsim_machine *m)
{
	static char why[200];

	why[0] = '\0';
	slab_validate(m, why, sizeof(why));
	return why;
}

/* /proc/slabinfo of the recorded machine with one CPU. */
static const struct recorded {
	const char *name;
	unsigned size, objects, pages;
} recorded[] = {
	{"ext4_groupinfo_4k", 184, 22, 1},
	{"ext4_inode_cache", 1192, 13, 4},
	{"ext4_allocation_context", 136, 30, 1},
	{"ext4_system_zone", 40, 102, 1},
	{"MPTCPv6", 2176, 15, 8},
	{"request_sock_subflow_v6", 384, 10, 1},
	{"PINGv6", 1216, 13, 4},
	{"UDPv6", 1344, 12, 4},
	{"tw_sock_TCPv6", 272, 15, 1},
	{"request_sock_TCPv6", 312, 13, 1},
	{"TCPv6", 2496, 13, 8},
	{"mqueue_inode_cache", 960, 8, 2},
	{"kioctx", 576, 14, 2},
	{"ip4-frags", 200, 20, 1},
	{"MPTCP", 1984, 8, 4},
	{"xfrm_dst_cache", 320, 12, 1},
	{"xfrm_state", 768, 10, 2},
	{"ip_fib_trie", 48, 85, 1},
	{"ip_fib_alias", 56, 73, 1},
	{"TCP", 2304, 14, 8},
	{"hugetlbfs_inode_cache", 664, 12, 2},
	{"ep_head", 16, 256, 1},
	{"dax_cache", 832, 19, 4},
	{"request_queue_srcu", 1360, 12, 4},
	{"request_queue", 968, 8, 2},
	{"user_namespace", 624, 13, 2},
	{"dmaengine-unmap-256", 2112, 15, 8},
	{"dmaengine-unmap-128", 1088, 15, 4},
	{"file_lock_cache", 216, 18, 1},
	{"buffer_head", 104, 39, 1},
	{"taskstats", 416, 19, 2},
	{"proc_inode_cache", 712, 11, 2},
	{"seq_file", 120, 34, 1},
	{"sigqueue", 80, 51, 1},
	{"bdev_cache", 1600, 10, 4},
	{"shmem_inode_cache", 784, 10, 2},
	{"kernfs_iattrs_cache", 88, 46, 1},
	{"filp", 256, 16, 1},
	{"inode_cache", 640, 12, 2},
	{"dentry", 192, 21, 1},
	{"net_namespace", 4480, 7, 8},
	{"lsm_file_cache", 24, 170, 1},
	{"uts_namespace", 432, 9, 1},
	{"nsproxy", 72, 56, 1},
	{"vm_area_struct", 152, 26, 1},
	{"files_cache", 704, 11, 2},
	{"signal_cache", 1152, 14, 4},
	{"sighand_cache", 2112, 15, 8},
	{"task_struct", 8448, 3, 8},
	{"anon_vma_chain", 64, 64, 1},
	{"anon_vma", 104, 39, 1},
	{"perf_event", 1232, 13, 4},
	{"trace_event_file", 96, 42, 1},
	{"radix_tree_node", 584, 14, 2},
	{"mm_struct", 1152, 14, 4},
	{"kmalloc-8", 8, 512, 1},
	{"kmalloc-32", 32, 128, 1},
	{"kmalloc-128", 128, 32, 1},
	{"kmalloc-512", 512, 8, 1},
	{"kmalloc-1k", 1024, 8, 2},
	{"kmalloc-2k", 2048, 8, 4},
	{"kmalloc-4k", 4096, 8, 8},
	{"kmalloc-8k", 8192, 4, 8},
};

Test(slab, slabs_have_the_recorded_size)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);

	for (size_t i = 0; i < ARRAY_SIZE(recorded); i++) {
		const struct recorded *r = &recorded[i];
		struct kmem_cache *cache =
			kmem_cache_create(m, r->name, r->size, 8, false);

		cr_assert_not_null(cache);
		cr_expect_eq(cache->objects, r->objects, "%s: %u objects",
			     r->name, cache->objects);
		cr_expect_eq(1u << cache->order, r->pages, "%s: %u pages",
			     r->name, 1u << cache->order);
		kmem_cache_destroy(cache);
	}
	sim_shutdown(m);
}

Test(slab, more_cpus_want_larger_slabs)
{
	cr_assert_eq(slab_calculate_order(1024, 1), 1);  /* 8 objects */
	cr_assert_eq(slab_calculate_order(1024, 2), 2);  /* 12 */
	cr_assert_eq(slab_calculate_order(1024, 16), 3); /* 24 */
	cr_assert_eq(slab_calculate_order(192, 64), 1);  /* 32 of 42 */
	cr_assert_eq(slab_calculate_order(8448, 64), 3);
	cr_assert_eq(slab_calculate_order(40000, 1), 4); /* one object */
}

Test(slab, the_line_of_slabinfo_is_linux_own)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct kmem_cache *cache =
		kmem_cache_create(m, "mm_struct2", 1152, 64, false);
	uint64_t object = kmem_cache_alloc(cache, GFP_KERNEL);
	char *text = sim_proc(m, "/proc/slabinfo");
	static const char head[] =
		"slabinfo - version: 2.1\n"
		"# name            <active_objs> <num_objs> <objsize> "
		"<objperslab> <pagesperslab> : tunables <limit> "
		"<batchcount> <sharedfactor> : slabdata <active_slabs> "
		"<num_slabs> <sharedavail>\n"
		"mm_struct2            14     14   1152   14    4 : "
		"tunables    0    0    0 : slabdata      1      1      0\n";

	cr_assert(object);
	cr_assert_eq(strncmp(text, head, strlen(head)), 0, "%.400s", text);
	cr_assert_not_null(strstr(
		text, "\next4_inode_cache       0      0   1192   13    4 : "));
	cr_assert_not_null(strstr(text, "\nkmalloc-rcl-8k "));
	cr_assert_not_null(strstr(text, "\ndma-kmalloc-96 "));
	cr_assert_not_null(strstr(text, "\nkmalloc-cg-1k "));
	free(text);
	sim_shutdown(m);
}

Test(slab, a_slab_is_partial_full_or_empty)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct kmem_cache *cache =
		kmem_cache_create(m, "things", 1000, 8, false);
	long unreclaim = sim_meminfo(m, "SUnreclaim");
	uint64_t a[32];

	cr_assert_eq(cache->objects, 8);
	for (unsigned i = 0; i < 20; i++) {
		a[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		cr_assert(a[i]);
	}
	cr_assert_eq(cache->nr_slabs, 3);
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), unreclaim + 3 * 8);
	/* two are full, the third is the current one */
	cr_assert_eq(cache->nr_partial, 0);
	kmem_cache_free(cache, a[0]);
	cr_assert_eq(cache->nr_partial, 1);
	for (unsigned i = 1; i < 8; i++)
		kmem_cache_free(cache, a[i]);
	cr_assert_eq(cache->nr_partial, 0);
	cr_assert_eq(cache->nr_empty, 1, "kept: the cache has few");
	cr_assert_eq(cache->nr_slabs, 3);
	cr_assert_eq(kmem_cache_shrink(cache), 2, "pages of the empty slab");
	cr_assert_eq(cache->nr_slabs, 2);
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), unreclaim + 2 * 8);
	for (unsigned i = 8; i < 20; i++)
		kmem_cache_free(cache, a[i]);
	cr_assert_str_eq(books(m), "");
	kmem_cache_destroy(cache);
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), unreclaim);
	sim_shutdown(m);
}

Test(slab, only_few_empty_slabs_are_kept)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct kmem_cache *cache =
		kmem_cache_create(m, "things", 4096, 8, true);
	static uint64_t a[800];
	long reclaimable = sim_meminfo(m, "SReclaimable");

	for (unsigned i = 0; i < 800; i++)
		a[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	cr_assert_eq(cache->nr_slabs, 100);
	cr_assert_eq(sim_meminfo(m, "SReclaimable"), reclaimable + 100 * 32);
	for (unsigned i = 0; i < 800; i++)
		kmem_cache_free(cache, a[i]);
	/* log2(4096) / 2 = 6, and the current one */
	cr_assert_eq(cache->nr_slabs, 7);
	cr_assert_str_eq(books(m), "");
	sim_shutdown(m);
}

Test(slab, without_large_blocks_slabs_are_small)
{
	struct mmsim_machine *m = sim_boot("ram=32M");
	struct kmem_cache *cache =
		kmem_cache_create(m, "things", 2048, 8, false);
	static struct page *pages[8192];
	unsigned n = 0;
	uint64_t object;

	while (n < 8192 && (pages[n] = alloc_pages(
				    m, NULL, GFP_NOWAIT | GFP_F_MEMALLOC, 0)))
		n++;
	for (unsigned i = 0; i < n; i++)
		if (page_pfn(m, pages[i]) % 2)
			page_put(m, pages[i]);
	cr_assert_eq(cache->order, 2);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	cr_assert(object, "an order 0 slab");
	cr_assert_eq(cache->nr_objects, 2);
	cr_assert_str_eq(books(m), "");
	sim_shutdown(m);
}

Test(slab, kmalloc_gives_the_next_larger_size)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	static const struct {
		size_t ask, get;
	} sizes[] = {
		{1, 8},        {8, 8},           {9, 16},
		{33, 64},      {65, 96},         {97, 128},
		{129, 192},    {193, 256},       {257, 512},
		{1025, 2048},  {4097, 8192},     {8192, 8192},
		{8193, 16384}, {100000, 131072}, {4194304, 4194304},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t object = kmalloc(m, sizes[i].ask, GFP_KERNEL);
		pfn_t pfn;

		cr_assert(object);
		cr_expect_eq(ksize(m, object), sizes[i].get, "%zu: %zu",
			     sizes[i].ask, ksize(m, object));
		cr_expect_eq(address_map_find(m, object), AREA_DIRECT_MAP);
		cr_assert(kernel_address_to_pfn(m, object, &pfn));
		cr_expect_eq(direct_map_address(m, pfn), object & PAGE_MASK);
		kfree(m, object);
	}
	cr_assert_eq(kmalloc(m, 0, GFP_KERNEL), 0);
	cr_assert_eq(kmalloc(m, 4194305, GFP_KERNEL), 0);
	kfree(m, 0);
	cr_assert_str_eq(books(m), "");
	cr_assert(!mmsim_machine_has_panicked(m));
	sim_shutdown(m);
}

Test(slab, kmalloc_flags_choose_the_cache)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	long reclaimable = sim_meminfo(m, "SReclaimable");
	struct slab_state *state = m->slab;
	pfn_t pfn;
	uint64_t dma = kmalloc(m, 100, GFP_KERNEL | GFP_F_DMA);

	kmalloc(m, 100, GFP_KERNEL | GFP_F_RECLAIMABLE);
	kmalloc(m, 100, GFP_KERNEL | GFP_F_ACCOUNT);
	kmalloc(m, 100, GFP_KERNEL);
	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++)
		cr_expect_eq(state->kmalloc[type][5]->nr_used, 1, "type %u",
			     type);
	cr_assert_eq(sim_meminfo(m, "SReclaimable"), reclaimable + 4);
	cr_assert(kernel_address_to_pfn(m, dma, &pfn));
	cr_assert_eq(page_zone_index(page_from_pfn(m, pfn)), ZONE_DMA);
	sim_shutdown(m);
}

Test(slab, freeing_twice_is_found)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	uint64_t object = kmalloc(m, 50, GFP_KERNEL);

	kfree(m, object);
	cr_assert(!mmsim_machine_has_panicked(m));
	kfree(m, object);
	cr_assert(mmsim_machine_has_panicked(m));
	sim_shutdown(m);
}

Test(slab, freeing_what_is_no_object_is_found)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	uint64_t object = kmalloc(m, 50, GFP_KERNEL);

	kfree(m, object + 8);
	cr_assert(mmsim_machine_has_panicked(m));
	sim_shutdown(m);
}

struct test_shrinker {
	struct shrinker shrinker;
	uint64_t nr, nr_calls;
};

static uint64_t test_count(struct shrinker *shrinker)
{
	return ((struct test_shrinker *)shrinker)->nr;
}

static uint64_t test_scan(struct shrinker *shrinker, uint64_t nr)
{
	struct test_shrinker *test = (struct test_shrinker *)shrinker;

	nr = nr < test->nr ? nr : test->nr;
	test->nr -= nr;
	test->nr_calls++;
	return nr;
}

Test(slab, shrinkers_give_a_part_by_priority)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct test_shrinker test = {
		.shrinker = {.count_objects = test_count,
			     .scan_objects = test_scan},
		.nr = 1024,
	};

	shrinker_register(m, &test.shrinker);
	cr_assert_eq(shrink_slab(m, 12), 0);
	cr_assert_eq(shrink_slab(m, 3), 256);
	cr_assert_eq(test.nr_calls, 2, "batches of 128");
	cr_assert_eq(shrink_slab(m, 0), 768);
	cr_assert_eq(sim_vmstat(m, "slabs_scanned"), 1024 + 128,
		     "asked once more");
	shrinker_unregister(&test.shrinker);
	cr_assert_eq(shrink_slab(m, 0), 0);
	sim_shutdown(m);
}

/* What is too little for a batch is added up. */
Test(slab, shrinkers_are_asked_later_for_little)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct test_shrinker test = {
		.shrinker = {.count_objects = test_count,
			     .scan_objects = test_scan},
		.nr = 1000,
	};

	shrinker_register(m, &test.shrinker);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(shrink_slab(m, 6), 0);
	cr_assert_eq(test.shrinker.nr_deferred, 310);
	cr_assert_eq(shrink_slab(m, 4), 128);
	cr_assert_eq(test.shrinker.nr_deferred, 310 + 125 - 128);
	test.shrinker.is_cheap = true;
	cr_assert_eq(shrink_slab(m, 12), 384, "half, in batches");
	shrinker_unregister(&test.shrinker);
	sim_shutdown(m);
}

Test(slab, records_are_charged_to_their_cache)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	long before = sim_meminfo(m, "SUnreclaim");
	void *areas[27];

	for (unsigned i = 0; i < 27; i++) {
		areas[i] = kmem_record_alloc(m, KMEM_MEMPOLICY, 40);
		memset(areas[i], 0xff, 40);
	}
	/* 15 in a page */
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), before + 8);
	for (unsigned i = 0; i < 27; i++)
		kmem_record_free(m, KMEM_MEMPOLICY, areas[i]);
	kmem_record_free(m, KMEM_MEMPOLICY, NULL);
	kmem_cache_shrink(m->slab->records[KMEM_MEMPOLICY]);
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), before);
	sim_shutdown(m);
}

Test(slab, slabtop_shows_the_largest_first)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	static char text[20000];
	const char *line;

	for (unsigned i = 0; i < 2000; i++)
		kmalloc(m, 192, GFP_KERNEL);
	cr_assert_gt(mmsim_view(m, "slabtop", text, sizeof(text)), 0);
	cr_assert_eq(
		strncmp(text, " Active / Total Objects (% used)    : ", 38), 0);
	line = strstr(text, "NAME\n");
	cr_assert_not_null(line);
	cr_assert_eq(strncmp(line + 5,
			     "  2016   2016 100%    0.19K     96       21"
			     "       384K kmalloc-192",
			     60),
		     0, "%.90s", line + 5);
	sim_shutdown(m);
}

Test(slab, random_work_keeps_the_books)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);
	static uint64_t objects[3000];
	struct rng rng = {5};
	long unreclaim = sim_meminfo(m, "SUnreclaim");

	for (unsigned step = 0; step < 30000; step++) {
		unsigned i = (unsigned)rng_below(&rng, 3000);

		if (objects[i]) {
			kfree(m, objects[i]);
			objects[i] = 0;
		} else {
			objects[i] =
				kmalloc(m, (size_t)1 << rng_below(&rng, 15),
					GFP_KERNEL);
			cr_assert(objects[i]);
		}
		if (step % 1000 == 0)
			cr_assert_str_eq(books(m), "");
	}
	sim_validate(m);
	for (unsigned i = 0; i < 3000; i++)
		kfree(m, objects[i]);
	for (unsigned i = 0; i < KMALLOC_NR_SIZES; i++)
		kmem_cache_shrink(m->slab->kmalloc[KMALLOC_NORMAL][i]);
	cr_assert_eq(sim_meminfo(m, "SUnreclaim"), unreclaim);
	sim_validate(m);
	sim_shutdown(m);
}

/* A cache grows on the node of the task that asks, by its policy. */
Test(slab, slabs_are_near_the_task)
{
	struct mmsim_machine *m = sim_boot("ram=256M,nodes=2,cpus=2");
	struct mmsim_task *task = sim_spawn(m);
	const uint64_t *far = m->nodes[0]->stat, *near = m->nodes[1]->stat;
	uint64_t before = far[NR_SLAB_UNRECLAIMABLE];

	cr_assert_eq(near[NR_SLAB_UNRECLAIMABLE], 0);
	cr_assert_eq(mmsim_task_set_cpu(task, 1), 0);
	for (int i = 0; i < 200; i++)
		cr_assert_gt(mmsim_mmap(task, 0, PAGE_SIZE,
					i % 2 ? PROT_READ : PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			     0);
	cr_assert_eq(far[NR_SLAB_UNRECLAIMABLE], before);
	cr_assert_eq(near[NR_SLAB_UNRECLAIMABLE], 8, "26 areas a page");
	cr_assert_eq(mmsim_set_mempolicy(task, MPOL_BIND, 1), 0);
	for (int i = 0; i < 200; i++)
		cr_assert_gt(mmsim_mmap(task, 0, PAGE_SIZE,
					i % 2 ? PROT_READ : PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			     0);
	cr_assert_eq(near[NR_SLAB_UNRECLAIMABLE], 8 + 1, "the policy itself");
	cr_assert_gt(far[NR_SLAB_UNRECLAIMABLE], before);
	sim_shutdown(m);
}
