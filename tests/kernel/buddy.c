/*
 * The buddy system: blocks split and join, types keep apart, and nothing is
 * lost or given out twice, in a long run of random requests.
 */
#include "base/rng.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "sim.h"

TestSuite(buddy);

static struct zone *dma32(struct mmsim_machine *m)
{
	return &m->nodes[0]->zones[ZONE_DMA32];
}

static uint64_t nr_blocks(const struct zone *zone, unsigned order)
{
	uint64_t nr = 0;

	for (int type = 0; type < MIGRATE_TYPES; type++)
		nr += buddy_nr_free(zone, order, type);
	return nr;
}

/* Free pages by the lists equal the counter. */
static void check_count(const struct zone *zone)
{
	uint64_t nr = 0;

	for (unsigned order = 0; order < MAX_ORDER; order++)
		nr += nr_blocks(zone, order) << order;
	cr_assert_eq(nr, zone->stat[NR_FREE_PAGES], "%lu on the lists, %lu",
		     nr, zone->stat[NR_FREE_PAGES]);
}

/* A machine whose DMA32 is 16 blocks of the highest order and no more. */
static struct mmsim_machine *boot_blocks(void)
{
	struct mmsim_machine *m = sim_boot("managed=DMA:1024+DMA32:16384");

	cr_assert_eq(nr_blocks(dma32(m), 10), 16);
	check_count(dma32(m));
	return m;
}

Test(buddy, one_page_splits_a_block_at_every_order)
{
	struct mmsim_machine *m = boot_blocks();
	struct page *page = buddy_alloc(dma32(m), 0, MIGRATE_MOVABLE);

	cr_assert_eq(page_pfn(m, page), 4096, "the low end of the first block");
	cr_assert_eq(nr_blocks(dma32(m), 10), 15);
	for (unsigned order = 0; order < 10; order++)
		cr_assert_eq(nr_blocks(dma32(m), order), 1, "order %u", order);
	check_count(dma32(m));
	buddy_free(dma32(m), page, 0, MIGRATE_MOVABLE);
	cr_assert_eq(nr_blocks(dma32(m), 10), 16, "all has joined again");
	check_count(dma32(m));
	sim_shutdown(m);
}

Test(buddy, blocks_are_aligned_and_apart)
{
	struct mmsim_machine *m = boot_blocks();

	for (unsigned order = 0; order < MAX_ORDER; order++) {
		uint64_t nr = (uint64_t)1 << order;
		struct page *a = buddy_alloc(dma32(m), order, MIGRATE_MOVABLE);
		struct page *b = buddy_alloc(dma32(m), order, MIGRATE_MOVABLE);
		pfn_t pfn_a = page_pfn(m, a), pfn_b = page_pfn(m, b);

		cr_assert_eq(pfn_a % nr, 0);
		cr_assert_eq(pfn_b % nr, 0);
		cr_assert(pfn_a + nr <= pfn_b || pfn_b + nr <= pfn_a);
		buddy_free(dma32(m), a, order, MIGRATE_MOVABLE);
		buddy_free(dma32(m), b, order, MIGRATE_MOVABLE);
	}
	cr_assert_eq(nr_blocks(dma32(m), 10), 16);
	sim_shutdown(m);
}

/* Every second page freed: nothing can join (recorded: order 0 goes from 2 to
 * 7799 while the other orders stay). */
Test(buddy, every_second_page_does_not_join)
{
	enum { N = 4096 };
	static struct page *pages[N];
	struct mmsim_machine *m = boot_blocks();
	uint64_t before[MAX_ORDER];

	for (int i = 0; i < N; i++)
		pages[i] = buddy_alloc(dma32(m), 0, MIGRATE_MOVABLE);
	for (unsigned order = 0; order < MAX_ORDER; order++)
		before[order] = nr_blocks(dma32(m), order);
	for (int i = 0; i < N; i += 2)
		buddy_free(dma32(m), pages[i], 0, MIGRATE_MOVABLE);
	cr_assert_eq(nr_blocks(dma32(m), 0), before[0] + N / 2);
	for (unsigned order = 1; order < MAX_ORDER; order++)
		cr_assert_eq(nr_blocks(dma32(m), order), before[order]);
	for (int i = 1; i < N; i += 2)
		buddy_free(dma32(m), pages[i], 0, MIGRATE_MOVABLE);
	cr_assert_eq(nr_blocks(dma32(m), 10), 16);
	sim_shutdown(m);
}

/* The first unmovable page finds no block of its type and takes the largest
 * movable one, with its two pageblocks; the next ones come from there. */
Test(buddy, a_type_takes_whole_pageblocks)
{
	struct mmsim_machine *m = boot_blocks();
	struct page *first = buddy_alloc(dma32(m), 0, MIGRATE_UNMOVABLE);
	pfn_t pfn = page_pfn(m, first);

	cr_assert_eq(pageblock_migratetype(m, pfn), MIGRATE_UNMOVABLE);
	cr_assert_eq(pageblock_migratetype(m, pfn + 512), MIGRATE_UNMOVABLE);
	cr_assert_eq(pageblock_migratetype(m, pfn + 1024), MIGRATE_MOVABLE);
	for (unsigned order = 0; order < 10; order++)
		cr_assert_eq(buddy_nr_free(dma32(m), order, MIGRATE_UNMOVABLE),
			     1);
	for (int i = 1; i < 1024; i++) {
		struct page *page = buddy_alloc(dma32(m), 0, MIGRATE_UNMOVABLE);

		cr_assert_eq(page_pfn(m, page) / 1024, pfn / 1024);
	}
	cr_assert_eq(buddy_nr_free(dma32(m), 10, MIGRATE_MOVABLE), 15);
	check_count(dma32(m));
	mmsim_machine_shutdown(m);
}

/* When only another type's memory is left, it is used all the same. */
Test(buddy, the_last_page_can_be_had_by_any_type)
{
	for (int type = 0; type < MIGRATE_PCPTYPES; type++) {
		struct mmsim_machine *m = boot_blocks();
		uint64_t nr = 0;

		/* in turns, so that all types hold some pageblocks */
		for (int i = 0; i < 3000; i++)
			nr += buddy_alloc(dma32(m), 0,
					  i % MIGRATE_PCPTYPES) != NULL;
		while (buddy_alloc(dma32(m), 0, type))
			nr++;
		cr_assert_eq(nr, 16384);
		cr_assert_eq(dma32(m)->stat[NR_FREE_PAGES], 0);
		check_count(dma32(m));
		mmsim_machine_shutdown(m);
	}
}

Test(buddy, buddyinfo_and_pagetypeinfo)
{
	static const char head[] =
		"Page block order: 9\nPages per block:  512\n\n"
		"Free pages count per migrate type at order       0      1 ";
	struct mmsim_machine *m = boot_blocks();
	char *text = sim_proc(m, "/proc/buddyinfo");

	cr_assert_str_eq(
		text,
		"Node 0, zone      DMA      0      0      0      0      0      "
		"0      0      0      0      0      1 \n"
		"Node 0, zone    DMA32      0      0      0      0      0      "
		"0      0      0      0      0     16 \n");
	free(text);
	text = sim_proc(m, "/proc/pagetypeinfo");
	cr_assert_eq(strncmp(text, head, sizeof(head) - 1), 0, "%s", text);
	cr_assert_not_null(strstr(
		text, "Node    0, zone    DMA32, type      Movable      0      "
		      "0      0      0      0      0      0      0      0      "
		      "0     16 \n"));
	cr_assert_not_null(strstr(
		text, "\nNumber of blocks type     Unmovable      Movable  "
		      "Reclaimable   HighAtomic      Isolate \n"));
	cr_assert_not_null(
		strstr(text, "Node 0, zone    DMA32            0           32  "
			     "          0            0            0 \n"));
	free(text);
	sim_shutdown(m);
}

/* The recorded DMA zone: 3840 managed pages, which end at 16 MB. */
Test(buddy, recorded_dma_zone)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	char *text = sim_proc(m, "/proc/buddyinfo");
	static const char line[] =
		"Node 0, zone      DMA      0      0      0      0      0      "
		"0      0      0      1      1      3 \n";

	cr_assert_eq(strncmp(text, line, sizeof(line) - 1), 0, "%s", text);
	free(text);
	sim_shutdown(m);
}

struct held {
	struct page *page;
	unsigned order;
	enum migratetype type;
};

/* No frame is in two blocks: each held one carries its own mark. */
static void mark(struct mmsim_machine *m, uint8_t *owner, struct held *held,
		 uint8_t from, uint8_t to)
{
	pfn_t pfn = page_pfn(m, held->page);

	for (uint64_t i = 0; i < (uint64_t)1 << held->order; i++) {
		cr_assert_eq(owner[pfn + i], from);
		owner[pfn + i] = to;
	}
}

static void random_requests(uint64_t seed)
{
	enum { SLOTS = 700, OPS = 60000 };
	static struct held held[SLOTS];
	static uint8_t owner[32768];
	struct mmsim_machine *m = boot_blocks();
	struct rng rng = {seed};

	memset(held, 0, sizeof(held));
	memset(owner, 0, sizeof(owner));
	for (int i = 0; i < OPS; i++) {
		struct held *h = &held[rng_below(&rng, SLOTS)];

		if (h->page) {
			mark(m, owner, h, 1, 0);
			buddy_free(dma32(m), h->page, h->order,
				   pageblock_migratetype(
					   m, page_pfn(m, h->page)));
			h->page = NULL;
		} else {
			h->order = (unsigned)log2_lowest(rng_next(&rng) | 1024);
			h->type = rng_below(&rng, MIGRATE_PCPTYPES);
			h->page = buddy_alloc(dma32(m), h->order, h->type);
			if (h->page)
				mark(m, owner, h, 0, 1);
		}
		if (i % 1000 == 0)
			check_count(dma32(m));
	}
	for (int i = 0; i < SLOTS; i++)
		if (held[i].page)
			buddy_free(dma32(m), held[i].page, held[i].order,
				   pageblock_migratetype(
					   m, page_pfn(m, held[i].page)));
	cr_assert_eq(nr_blocks(dma32(m), 10), 16);
	check_count(dma32(m));
	sim_shutdown(m);
}

Test(buddy, random_requests)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		random_requests(seed);
}

/* Memory that comes later, in pieces of any size. */
Test(buddy, add_ranges)
{
	struct mmsim_machine *m = sim_boot(
		"managed=DMA:1024+DMA32:3072,present=DMA:1024+DMA32:16384");
	struct zone *zone = dma32(m);
	pfn_t end = zone_end_pfn(zone);

	/* the zone's own memory is the end of its frames */
	cr_assert_eq(zone->stat[NR_FREE_PAGES], 3072);
	buddy_add_range(zone, end - 3072 - 5000, end - 3072);
	check_count(zone);
	buddy_add_range(zone, end - 3072 - 9001, end - 3072 - 5000);
	check_count(zone);
	cr_assert_eq(zone->stat[NR_FREE_PAGES], 12073);
	for (int i = 0; i < 12073; i++)
		cr_assert_not_null(buddy_alloc(zone, 0, MIGRATE_MOVABLE));
	cr_assert_null(buddy_alloc(zone, 0, MIGRATE_MOVABLE));
	mmsim_machine_shutdown(m);
}
