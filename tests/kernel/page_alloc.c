/*
 * Who gets memory from where, and how deep they may dig: zone after zone, the
 * marks, the reserves below min, nodes, and the end.
 */
#include "kernel/page_alloc.h"

#include "base/rng.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "sim.h"

TestSuite(page_alloc);

enum { USER = GFP_HIGHUSER_MOVABLE | GFP_F_COMP | GFP_F_ZERO };

static struct zone *zone_of(struct mmsim_machine *m, enum zone_type type)
{
	return &m->nodes[0]->zones[type];
}

static uint64_t free_of(struct mmsim_machine *m, enum zone_type type)
{
	return zone_of(m, type)->stat[NR_FREE_PAGES];
}

/* Leaves the zone with so many free pages, as at the start of a recording. */
static void leave_free(struct zone *zone, uint64_t nr_free)
{
	while (zone->stat[NR_FREE_PAGES] > nr_free) {
		uint64_t excess = zone->stat[NR_FREE_PAGES] - nr_free;
		unsigned order = log2_floor(excess);

		if (order >= MAX_ORDER)
			order = MAX_ORDER - 1;
		while (!buddy_alloc(zone, order, MIGRATE_UNMOVABLE))
			order--;
	}
}

/* Free pages of the zone when a request first has to wake kswapd. */
static void take_until_low(struct mmsim_machine *m)
{
	while (m->vm_events[PAGEOUTRUN] == 0)
		cr_assert_not_null(alloc_pages(m, NULL, USER, 0));
}

/* 4 GB, one writer: Normal down to 713, then DMA32 down to 3203, DMA not at
 * all; only then kswapd is wanted. */
Test(page_alloc, zones_in_turn_4096m)
{
	struct mmsim_machine *m = sim_boot(SIM_4096M);

	leave_free(zone_of(m, ZONE_DMA), 3712);
	leave_free(zone_of(m, ZONE_DMA32), 752588);
	leave_free(zone_of(m, ZONE_NORMAL), 234191);
	while (free_of(m, ZONE_DMA32) == 752588)
		cr_assert_not_null(alloc_pages(m, NULL, USER, 0));
	cr_assert_eq(free_of(m, ZONE_NORMAL), 713);
	cr_assert_eq(m->vm_events[PAGEOUTRUN], 0);
	take_until_low(m);
	/* the request that woke kswapd was served above min */
	cr_assert_eq(free_of(m, ZONE_DMA32), 3203, "%lu",
		     free_of(m, ZONE_DMA32));
	cr_assert_eq(free_of(m, ZONE_DMA), 3712);
	mmsim_machine_shutdown(m);
}

/* 256 MB: DMA32 down to 500, then DMA down to 232 = 42 + 190. */
Test(page_alloc, zones_in_turn_256m)
{
	struct mmsim_machine *m = sim_boot(SIM_256M);

	leave_free(zone_of(m, ZONE_DMA), 3808);
	leave_free(zone_of(m, ZONE_DMA32), 39980);
	while (free_of(m, ZONE_DMA) == 3808)
		cr_assert_not_null(alloc_pages(m, NULL, USER, 0));
	cr_assert_eq(free_of(m, ZONE_DMA32), 500);
	take_until_low(m);
	cr_assert_eq(free_of(m, ZONE_DMA), 232, "%lu", free_of(m, ZONE_DMA));
	mmsim_machine_shutdown(m);
}

/* A request for low memory leaves the higher zones alone. */
Test(page_alloc, a_class_keeps_to_its_zones)
{
	struct mmsim_machine *m = sim_boot("ram=8G");
	struct page *dma = alloc_pages(m, NULL, GFP_KERNEL | GFP_F_DMA, 0);
	struct page *dma32 = alloc_pages(m, NULL, GFP_KERNEL | GFP_F_DMA32, 0);
	struct page *normal = alloc_pages(m, NULL, GFP_KERNEL, 0);

	cr_assert_eq(page_zone_index(dma), ZONE_DMA);
	cr_assert_eq(page_zone_index(dma32), ZONE_DMA32);
	cr_assert_eq(page_zone_index(normal), ZONE_NORMAL);
	cr_assert_eq(sim_vmstat(m, "pgalloc_dma"), 1);
	cr_assert_eq(sim_vmstat(m, "pgalloc_dma32"), 1);
	cr_assert_eq(sim_vmstat(m, "pgalloc_normal"), 1);
	page_put(m, dma);
	page_put(m, dma32);
	page_put(m, normal);
	cr_assert_eq(sim_vmstat(m, "pgfree"), 3);
	sim_shutdown(m);
}

/* In 32 bits the kernel's own memory comes from Normal, users' from HighMem. */
Test(page_alloc, high_memory)
{
	struct mmsim_machine *m = sim_boot("ram=2G,arch=x86-32");
	struct page *kernel = alloc_pages(m, NULL, GFP_KERNEL, 0);
	struct page *user = alloc_pages(m, NULL, USER, 0);
	char *text = sim_proc(m, "/proc/vmstat");

	cr_assert_eq(page_zone_index(kernel), ZONE_NORMAL);
	cr_assert_eq(page_zone_index(user), ZONE_HIGHMEM);
	cr_assert_not_null(strstr(text, "\npgalloc_dma 0\npgalloc_normal 1\n"
					"pgalloc_high 1\npgalloc_movable 0\n"
					"allocstall_dma 0\n"),
			   "%s", text);
	free(text);
	page_put(m, kernel);
	page_put(m, user);
	sim_shutdown(m);
}

/* How far below min a request that may not sleep can take the zone. */
static uint64_t floor_of(gfp_t gfp)
{
	struct mmsim_machine *m = sim_boot("managed=DMA32:65536,"
					   "vm.min_free_kbytes=8192");
	uint64_t left;

	cr_assert_eq(zone_of(m, ZONE_DMA32)->watermark[WMARK_MIN], 2048);
	/* the lists of the CPU must not blur it */
	zone_of(m, ZONE_DMA32)->pcp[0].batch = 1;
	while (alloc_pages(m, NULL, gfp, 0))
		;
	left = free_of(m, ZONE_DMA32);
	mmsim_machine_shutdown(m);
	return left;
}

Test(page_alloc, who_may_dip_into_the_reserve)
{
	/* ordinary requests that may not sleep stop at min */
	cr_assert_eq(floor_of(GFP_NOWAIT), 2048);
	cr_assert_eq(floor_of(0), 2048);
	/* half of it for high priority, a quarter of the rest for atomic */
	cr_assert_eq(floor_of(GFP_F_HIGH), 1024);
	cr_assert_eq(floor_of(GFP_F_ATOMIC), 2048 - 512);
	cr_assert_eq(floor_of(GFP_ATOMIC), 1024 - 256);
	/* those who free memory may have all of it, unless they refuse */
	cr_assert_eq(floor_of(GFP_NOWAIT | GFP_F_MEMALLOC), 0);
	cr_assert_eq(floor_of(GFP_NOWAIT | GFP_F_MEMALLOC | GFP_F_NOMEMALLOC),
		     2048);
	cr_assert_eq(floor_of(GFP_ATOMIC | GFP_F_NOMEMALLOC), 1024);
}

/* Only a request that may sleep stalls in reclaim; any but the quietest wakes
 * kswapd. */
Test(page_alloc, who_may_sleep)
{
	static const struct {
		gfp_t gfp;
		bool sleeps, wakes;
	} rows[] = {
		{0, false, false},
		{GFP_NOWAIT, false, true},
		{GFP_ATOMIC, false, true},
		{GFP_TRANSHUGE_LIGHT, false, false},
		/* that kind does not kill, so that it comes back */
		{GFP_KERNEL | GFP_F_NORETRY, true, true},
		{GFP_NOIO | GFP_F_RETRY_MAYFAIL, true, true},
		{GFP_TRANSHUGE | GFP_F_NORETRY, true, false},
	};
	struct mmsim_machine *m = sim_boot("managed=DMA32:65536");

	while (alloc_pages(m, NULL, GFP_ATOMIC | GFP_F_MEMALLOC, 0))
		;
	/* it was woken by these, and runs as soon as somebody can wait */
	kthread_run_due(m);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t runs = m->vm_events[PAGEOUTRUN];
		long stalls = 0;

		for (int type = 0; type < 5; type++)
			stalls += (long)m->vm_events[ALLOCSTALL_DMA + type];
		m->nodes[0]->kswapd_failures = 0;
		cr_assert_null(alloc_pages(m, NULL, rows[i].gfp, 0));
		kthread_run_due(m);
		for (int type = 0; type < 5; type++)
			stalls -= (long)m->vm_events[ALLOCSTALL_DMA + type];
		cr_assert_eq(stalls < 0, rows[i].sleeps, "row %zu", i);
		cr_assert_eq(m->vm_events[PAGEOUTRUN] > runs, rows[i].wakes,
			     "row %zu", i);
	}
	mmsim_machine_shutdown(m);
}

/* Orders above 3 and requests for low zones do not kill anybody. */
Test(page_alloc, who_does_not_kill)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);

	while (alloc_pages(m, NULL, GFP_ATOMIC | GFP_F_MEMALLOC, 0))
		;
	cr_assert_null(alloc_pages(m, task, GFP_KERNEL, 4));
	cr_assert_null(alloc_pages(m, task, GFP_KERNEL | GFP_F_DMA, 0));
	cr_assert_null(alloc_pages(m, task, GFP_KERNEL | GFP_F_NORETRY, 0));
	cr_assert_eq(m->vm_events[OOM_KILL], 0);
	cr_assert(mmsim_task_is_alive(task));
	mmsim_machine_shutdown(m);
}

Test(page_alloc, a_new_page_is_clean)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *page = alloc_pages(m, NULL, USER, 0);

	cr_assert_eq(page->refcount, 1);
	memset(page_content_write(m, page), 7, PAGE_SIZE);
	page->mapping = m;
	page->index = 5;
	page->private = 6;
	page_set(page, PG_dirty | PG_uptodate);
	page_put(m, page);
	cr_assert_eq(m->contents.nr_used, 0);
	cr_assert_eq(alloc_pages(m, NULL, USER, 0), page, "the warm one");
	cr_assert_eq(page->refcount, 1);
	cr_assert_null(page->mapping);
	cr_assert_eq(page->index, 0);
	cr_assert_eq(page->private, 0);
	cr_assert_not(page_has(page, PG_dirty | PG_uptodate | PG_buddy));
	cr_assert_eq(((const char *)page_content(m, page))[77], 0);
	page_put(m, page);
	sim_shutdown(m);
}

Test(page_alloc, compound_pages)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct page *head = alloc_pages(m, NULL, USER, 9);
	uint64_t before = vmstat_zone_total(m, NR_FREE_PAGES);

	cr_assert_eq(page_nr(head), 512);
	cr_assert_eq(page_order(head), 9);
	cr_assert(page_has(head, PG_head));
	for (int i = 1; i < 512; i++) {
		cr_assert(page_has(&head[i], PG_tail));
		cr_assert_eq(page_head(&head[i]), head);
		memset(page_content_write(m, &head[i]), i, PAGE_SIZE);
	}
	page_get(&head[100]);
	cr_assert_eq(head->refcount, 2);
	page_put(m, &head[3]);
	page_put(m, head);
	cr_assert_eq(vmstat_zone_total(m, NR_FREE_PAGES), before + 512);
	cr_assert_eq(m->contents.nr_used, 0);
	sim_shutdown(m);
}

/* One or four pages do not change buddyinfo: they come in batches. */
Test(page_alloc, batches)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	uint64_t before = free_of(m, ZONE_DMA32);
	struct page *pages[64];

	pages[0] = alloc_pages(m, NULL, USER, 0);
	cr_assert_eq(free_of(m, ZONE_DMA32), before - 63);
	for (int i = 1; i < 63; i++)
		pages[i] = alloc_pages(m, NULL, USER, 0);
	cr_assert_eq(free_of(m, ZONE_DMA32), before - 63);
	cr_assert_eq(pcp_nr_pages(zone_of(m, ZONE_DMA32)), 0);
	for (int i = 0; i < 63; i++)
		page_put(m, pages[i]);
	cr_assert_eq(free_of(m, ZONE_DMA32), before - 63);
	cr_assert_eq(pcp_nr_pages(zone_of(m, ZONE_DMA32)), 63);
	pcp_drain_all(m);
	cr_assert_eq(free_of(m, ZONE_DMA32), before);
	sim_shutdown(m);
}

/* No more than `high` pages wait on a CPU's lists; as long as pages are only
 * freed, twice as many go back each time, but a batch stays. */
Test(page_alloc, lists_have_a_limit)
{
	enum { N = 5000 };
	static struct page *pages[N];
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct zone *zone = zone_of(m, ZONE_DMA32);

	for (int i = 0; i < N; i++)
		pages[i] = alloc_pages(m, NULL, USER, 0);
	for (int i = 0, back = 63; i < N; i++) {
		int before = zone->pcp[0].count;

		page_put(m, pages[i]);
		cr_assert_lt(zone->pcp[0].count, 1208);
		if (zone->pcp[0].count > before)
			continue;
		cr_assert_eq(before + 1 - zone->pcp[0].count, back);
		back = 2 * back < 1208 - 63 ? 2 * back : 1208 - 63;
	}
	/* while kswapd works they hold little */
	zone->is_reclaim_active = true;
	for (int i = 0; i < 20; i++)
		pages[i] = alloc_pages(m, NULL, USER, 0);
	for (int i = 0; i < 20; i++)
		page_put(m, pages[i]);
	cr_assert_lt(zone->pcp[0].count, 4 * 63);
	zone->is_reclaim_active = false;
	sim_write(m, "/proc/sys/vm/percpu_pagelist_high_fraction", "1000");
	cr_assert_eq(zone->pcp[0].high, 4 * 63);
	sim_shutdown(m);
}

Test(page_alloc, boot_used)
{
	struct mmsim_machine *m = sim_boot(SIM_256M ",boot_used=8854");

	cr_assert_eq(sim_meminfo(m, "MemFree"), 175300);
	cr_assert_eq(free_of(m, ZONE_DMA), 3840, "from the highest zone");
	sim_shutdown(m);
	m = sim_boot(SIM_256M ",boot_used=DMA:32+DMA32:8859");
	cr_assert_eq(free_of(m, ZONE_DMA), 3808);
	cr_assert_eq(free_of(m, ZONE_DMA32), 39980);
	sim_shutdown(m);
	m = sim_boot("ram=1G,nodes=2,boot_used=DMA:100+DMA32:200/50");
	cr_assert_eq(free_of(m, ZONE_DMA), 4032 - 100);
	cr_assert_eq(free_of(m, ZONE_DMA32), 129024 - 4032 - 200);
	cr_assert_eq(m->nodes[1]->zones[ZONE_DMA32].stat[NR_FREE_PAGES],
		     129024 - 50);
	sim_shutdown(m);
}

/* hit: the wanted node; miss: another; foreign: it was wanted here; local and
 * other: by the CPU that asked. */
Test(page_alloc, numa_counters)
{
	struct mmsim_machine *m = sim_boot("ram=1G,nodes=2,cpus=2");
	struct page *a = alloc_pages_node(m, NULL, USER, 0, 0, 0);
	struct page *b = alloc_pages_node(m, NULL, USER, 0, 1, 0);
	struct page *c = alloc_pages_node(m, NULL, USER, 0, 0, 2);

	cr_assert_eq(page_node(a), 0);
	cr_assert_eq(page_node(b), 1);
	cr_assert_eq(page_node(c), 1, "the policy's nodes only");
	cr_assert_eq(vmstat_numa_total(m, NUMA_HIT), 3);
	cr_assert_eq(vmstat_numa_total(m, NUMA_LOCAL), 1);
	cr_assert_eq(vmstat_numa_total(m, NUMA_OTHER), 2);
	page_put(m, a);
	page_put(m, b);
	page_put(m, c);
	/* node 0 is used up: the rest comes from node 1 */
	while (vmstat_numa_total(m, NUMA_MISS) < 100)
		cr_assert_not_null(
			alloc_pages_node(m, NULL, USER, 0, 0, 0));
	cr_assert_eq(m->nodes[1]->zones[ZONE_DMA32].numa_stat[NUMA_MISS], 100);
	cr_assert_eq(m->nodes[0]->zones[ZONE_DMA32].numa_stat[NUMA_FOREIGN],
		     100);
	mmsim_machine_shutdown(m);
}

/* GFP_F_THISNODE: no other node, whatever it costs. */
Test(page_alloc, this_node_only)
{
	struct mmsim_machine *m = sim_boot("ram=128M,nodes=2");
	gfp_t gfp = GFP_NOWAIT | GFP_F_THISNODE;
	struct page *page;

	while ((page = alloc_pages_node(m, NULL, gfp, 0, 1, 0)))
		cr_assert_eq(page_node(page), 1);
	cr_assert_eq(m->nodes[0]->zones[ZONE_DMA32].numa_stat[NUMA_HIT], 0);
	mmsim_machine_shutdown(m);
}

/* Pages of all orders, taken and given back at random: all is there again at
 * the end, and the same seed gives the same pages. */
static uint64_t random_requests(uint64_t seed)
{
	enum { SLOTS = 2000, OPS = 100000 };
	static struct page *held[SLOTS];
	static unsigned orders[SLOTS];
	struct mmsim_machine *m = sim_boot("ram=32M,nodes=2,cpus=2");
	uint64_t all = vmstat_zone_total(m, NR_FREE_PAGES), sum = 0;
	struct rng rng = {seed};

	memset(held, 0, sizeof(held));
	for (int i = 0; i < OPS; i++) {
		size_t at = rng_below(&rng, SLOTS);
		gfp_t gfp = rng_below(&rng, 2) ? GFP_NOWAIT
					       : GFP_ATOMIC | GFP_F_MOVABLE;

		if (held[at]) {
			free_pages(m, held[at], orders[at]);
			held[at] = NULL;
			continue;
		}
		orders[at] = (unsigned)log2_lowest(rng_next(&rng) | 32);
		held[at] = alloc_pages_node(m, NULL, gfp, orders[at],
					    (unsigned)rng_below(&rng, 2), 0);
		if (held[at])
			sum = sum * 31 + page_pfn(m, held[at]);
	}
	for (int i = 0; i < SLOTS; i++)
		if (held[i])
			free_pages(m, held[i], orders[i]);
	pcp_drain_all(m);
	cr_assert_eq(vmstat_zone_total(m, NR_FREE_PAGES), all);
	sim_shutdown(m);
	return sum;
}

Test(page_alloc, random_requests)
{
	cr_assert_eq(random_requests(1), random_requests(1));
	cr_assert_neq(random_requests(1), random_requests(2));
}

/* The panic's text, and that nothing works afterwards but the log. */
Test(page_alloc, panic)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	char text[512], buf[16];

	mmsim_idle(m, 3971226000);
	machine_panic(m, "System is deadlocked on memory");
	cr_assert(mmsim_machine_has_panicked(m));
	cr_assert_gt(mmsim_machine_log(m, text, sizeof(text)), 0);
	cr_assert_not_null(strstr(text, "[    3.971226] Kernel panic - not "
					"syncing: System is deadlocked on "
					"memory\n"),
			   "%s", text);
	cr_assert_eq(mmsim_proc_read(m, "/proc/meminfo", buf, sizeof(buf)),
		     -EIO);
	mmsim_machine_shutdown(m);
}

/* The log keeps its last 256 KiB, in whole lines. */
Test(page_alloc, log_drops_whole_lines)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	ssize_t len;
	char *text;

	for (int i = 0; i < 20000; i++)
		printk(m, "line %d", i);
	len = mmsim_machine_log(m, NULL, 0);
	cr_assert_leq(len, LOG_BUF_LEN);
	cr_assert_gt(len, LOG_BUF_LEN - 64);
	text = malloc((size_t)len + 1);
	cr_assert_eq(mmsim_machine_log(m, text, (size_t)len + 1), len);
	cr_assert_eq(strncmp(text, "[    0.", 7), 0);
	cr_assert_str_eq(text + len - strlen("line 19999\n"), "line 19999\n");
	free(text);
	sim_shutdown(m);
}
