/*
 * watermark.c: how much of a zone is kept back, and for whom.
 *
 *     free pages of a zone
 *       high  ---- kswapd stops
 *       low   ---- kswapd is woken; requests look at another zone first
 *       min   ---- ordinary requests reclaim by themselves
 *       0          below min: atomic requests, and those who free memory
 *
 * min_free_kbytes = sqrt(16 x kB of memory that is not high memory), shared
 * between zones by their size:
 *
 *     min  = (min_free_kbytes / 4) x managed / sum of managed
 *     step = max(min / 4, managed x watermark_scale_factor / 10000)
 *     low  = min + step,  high = min + 2 step
 *
 * (before 4.6 the step was min / 4).  High memory, which serves no kernel
 * request, keeps little, 1/1024, from 32 (also where the zone is empty) to 128
 * pages, and takes no share.  Zone
 * Movable counts as high memory where it is made of it (32 bits), and since 6.5
 * everywhere; before, it has its share as recorded.
 *
 * A zone also protects itself against requests that could have gone to a higher
 * one: class j leaves in zone i
 *
 *     (sum of managed of zones i+1..j) / lowmem_reserve_ratio[i]
 *
 * pages more than the watermark.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm (min_free_kbytes,
 * watermark_scale_factor, lowmem_reserve_ratio); the recordings' zoneinfo.
 */
#include "kernel/machine.h"
#include "kernel/page_alloc.h"

#define for_each_zone(machine, node, i, type)                                  \
	for_each_node(machine, node, i)                                        \
		for ((type) = 0; (type) < MAX_NR_ZONES; (type)++)

/* The largest number whose square is not above x. */
static uint64_t watermark_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit > 0; bit >>= 1)
		if ((root + bit) * (root + bit) <= x)
			root += bit;
	return root;
}

uint64_t zone_default_min_free_kbytes(const struct mmsim_machine *machine)
{
	uint64_t most = machine->profile >= PROFILE_6_1 ? 262144 : 65536;
	uint64_t nr_pages = 0, kbytes;
	struct pglist_data *node;
	unsigned i;
	int type;

	for_each_zone(machine, node, i, type) {
		const struct zone *zone = &node->zones[type];

		if (type <= ZONE_NORMAL &&
		    zone->managed_pages > zone->watermark[WMARK_HIGH])
			nr_pages += zone->managed_pages -
				    zone->watermark[WMARK_HIGH];
	}
	kbytes = watermark_sqrt(16 * pages_to_kb(nr_pages));
	if (kbytes < 128)
		return 128;
	return kbytes < most ? kbytes : most;
}

/* The zone is held for one that serves no kernel request. */
static bool watermark_is_high_zone(const struct zone *zone)
{
	const struct mmsim_machine *machine = zone->node->machine;

	if (zone->type != ZONE_MOVABLE)
		return zone->type == ZONE_HIGHMEM &&
		       machine->arch != ARCH_X86_64;
	return machine->profile >= PROFILE_6_18 || machine->totalhigh_pages > 0;
}

static uint64_t watermark_lowmem(const struct mmsim_machine *machine)
{
	struct pglist_data *node;
	uint64_t nr_pages = 0;
	unsigned i;
	int type;

	for_each_zone(machine, node, i, type)
		if (!watermark_is_high_zone(&node->zones[type]))
			nr_pages += node->zones[type].managed_pages;
	return nr_pages;
}

/* Distance from min to low. */
static uint64_t watermark_step(const struct mmsim_machine *machine,
			       const struct zone *zone, uint64_t share)
{
	uint64_t factor = (uint64_t)machine->vm.watermark_scale_factor;
	uint64_t managed = zone->managed_pages;
	uint64_t scaled = managed / 10000 * factor +
			  managed % 10000 * factor / 10000;

	if (machine->profile < PROFILE_6_1)
		return share / 4;
	return share / 4 > scaled ? share / 4 : scaled;
}

static void watermark_set(struct zone *zone, uint64_t pages_min,
			  uint64_t lowmem)
{
	const struct mmsim_machine *machine = zone->node->machine;
	uint64_t managed = zone->managed_pages;
	uint64_t share = lowmem ? (uint64_t)((unsigned __int128)pages_min *
					     managed / lowmem)
				: 0;
	uint64_t step = watermark_step(machine, zone, share);
	uint64_t min = share;

	if (watermark_is_high_zone(zone)) {
		min = managed / 1024;
		min = min < 32 ? 32 : min > 128 ? 128 : min;
	}
	zone->watermark[WMARK_MIN] = min;
	zone->watermark[WMARK_LOW] = min + step;
	zone->watermark[WMARK_HIGH] =
		machine->profile < PROFILE_6_1 ? min + share / 2 : min + 2 * step;
	zone->watermark_boost = 0;
}

/* What the kernel keeps back in all, which overcommit does not promise. */
static void watermark_sum_reserves(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;
	int type;

	machine->totalreserve_pages = 0;
	for_each_zone(machine, node, i, type) {
		const struct zone *zone = &node->zones[type];
		uint64_t most = 0;

		for (int j = type; j < MAX_NR_ZONES; j++)
			if (zone->protection[j] > most)
				most = zone->protection[j];
		most += zone->watermark[WMARK_HIGH];
		machine->totalreserve_pages +=
			most < zone->managed_pages ? most : zone->managed_pages;
	}
}

void zone_setup_watermarks(struct mmsim_machine *machine)
{
	uint64_t pages_min = (uint64_t)machine->vm.min_free_kbytes / 4;
	uint64_t lowmem = watermark_lowmem(machine);
	struct pglist_data *node;
	unsigned i;
	int type;

	for_each_zone(machine, node, i, type)
		watermark_set(&node->zones[type], pages_min, lowmem);
	watermark_sum_reserves(machine);
	pcp_setup(machine);
}

void zone_choose_min_free_kbytes(struct mmsim_machine *machine)
{
	int64_t kbytes = (int64_t)zone_default_min_free_kbytes(machine);

	if (kbytes > machine->user_min_free_kbytes)
		machine->vm.min_free_kbytes = kbytes;
	zone_setup_watermarks(machine);
	zone_setup_protection(machine);
	thp_raise_min_free_kbytes(machine);
}

/* Number of the zone among those that the architecture has: its place in
 * vm.lowmem_reserve_ratio. */
static int watermark_ratio_index(const struct pglist_data *node, int type)
{
	int index = 0;

	for (int i = 0; i < type; i++)
		index += node->zones[i].is_present_arch;
	return index;
}

void zone_setup_protection(struct mmsim_machine *machine)
{
	struct pglist_data *node;
	unsigned i;
	int type;

	for_each_zone(machine, node, i, type) {
		struct zone *zone = &node->zones[type];
		int index = watermark_ratio_index(node, type);
		int64_t ratio = machine->vm.lowmem_reserve_ratio[index];
		bool is_protected = ratio > 0 && zone->managed_pages > 0;
		uint64_t above = 0;

		for (int j = 0; j < MAX_NR_ZONES; j++) {
			if (j > type)
				above += node->zones[j].managed_pages;
			zone->protection[j] =
				is_protected ? above / (uint64_t)ratio : 0;
		}
	}
	watermark_sum_reserves(machine);
}

/* A block that can be had without changing a pageblock's reservation. */
static bool watermark_has_block(const struct zone *zone, unsigned order)
{
	for (unsigned i = order; i < MAX_ORDER; i++)
		for (unsigned type = 0; type < MIGRATE_PCPTYPES; type++)
			if (buddy_nr_free(zone, i, type) > 0)
				return true;
	return false;
}

bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags)
{
	return zone_watermark_could_be_ok(zone, order, mark, highest,
					  alloc_flags,
					  zone->stat[NR_FREE_PAGES]);
}

bool zone_watermark_could_be_ok(const struct zone *zone, unsigned order,
				uint64_t mark, enum zone_type highest,
				unsigned alloc_flags, uint64_t nr_free)
{
	int64_t free = (int64_t)nr_free;
	int64_t min = (int64_t)mark;

	free -= ((int64_t)1 << order) - 1;
	if (alloc_flags & ALLOC_HIGH)
		min -= min / 2;
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	else if (alloc_flags & ALLOC_HARDER)
		min -= min / 4;
	else
		free -= (int64_t)zone->nr_reserved_highatomic;
	if (free <= min + (int64_t)zone->protection[highest])
		return false;
	return order == 0 || watermark_has_block(zone, order);
}
