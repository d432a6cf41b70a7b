/*
 * zone.h: nodes, zones, watermarks and the order in which zones are tried.
 *
 *   node (pglist_data)  -+- zones: DMA, DMA32, Normal, HighMem, Movable, Device
 *                        |    each: free_area[order].list[migratetype],
 *                        |          per-CPU page lists, watermarks, counters
 *                        +- zonelist: all zones of all nodes, nearest node
 *                        |    first, highest zone first
 *                        +- lruvec: the LRU lists of the node's pages
 *
 * A zone's memory that was never asked for is not on the free lists: it lies
 * in the ranges `deferred` and comes in blocks of the highest order when the lists
 * have none left.  It counts as free in every figure.
 *
 * Sources: proc(5) (zoneinfo), admin-guide/sysctl/vm; recordings for the
 * formulas of watermarks and protection.
 */
#ifndef KERNEL_ZONE_H
#define KERNEL_ZONE_H

#include "base/list.h"
#include "kernel/gfp.h"
#include "kernel/page.h"
#include "kernel/vmstat.h"

/* Kept in this order; a request that may use a zone may use those before it,
 * but for ZONE_DEVICE, which hands out nothing. */
enum zone_type {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_HIGHMEM, /* the 32-bit architectures only */
	ZONE_MOVABLE,
	ZONE_DEVICE,
	MAX_NR_ZONES,
};

extern const char zone_names[MAX_NR_ZONES][8]; /* "DMA", ... */

/* Frames [start, end). */
struct memory_range {
	pfn_t start, end;
};

enum { ZONE_MAX_DEFERRED = 8 };

enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };

enum lru_list {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE,
	NR_LRU_LISTS,
};

struct lruvec {
	struct list_head lists[NR_LRU_LISTS]; /* newest first */
	uint64_t nonresident_age; /* evictions and activations, for refaults */
	uint64_t anon_cost, file_cost; /* of reclaim so far; they fade */
	uint64_t refaults
		[2]; /* anon, file: WORKINGSET_ACTIVATE_ at the end of the
			       * last reclaim */
};

struct free_area {
	struct list_head list[MIGRATE_TYPES];
	uint64_t nr_free[MIGRATE_TYPES]; /* blocks; deferred ones not counted */
};

/* Order-0 pages on the way to and from the buddy lists. */
struct per_cpu_pages {
	struct list_head list[MIGRATE_PCPTYPES];
	int count; /* pages, all lists */
	int high;  /* above this, `batch` pages go back */
	int batch;
	int free_factor; /* batches that go back at a time: a power of two */
};

struct pglist_data;
struct kswapd;

struct zone {
	struct pglist_data *node;
	enum zone_type type;
	bool is_present_arch; /* the architecture has this zone */
	pfn_t start_pfn;
	uint64_t spanned_pages, present_pages, managed_pages;
	struct memory_range boot; /* frames that were there at boot */
	/* Free, never on a list (see above), apart from each other; the first is
	 * used up first.  Whole blocks of the highest order. */
	struct memory_range deferred[ZONE_MAX_DEFERRED];
	unsigned nr_deferred;
	struct free_area free_area[MAX_ORDER];
	struct per_cpu_pages pcp[MAX_CPUS];
	uint64_t watermark[NR_WMARK]; /* pages */
	uint64_t watermark_boost;
	uint64_t protection
		[MAX_NR_ZONES]; /* lowmem_reserve: by class of request */
	uint64_t nr_reserved_highatomic;
	uint64_t stat[NR_ZONE_STAT_ITEMS];
	uint64_t numa_stat[NR_NUMA_STAT_ITEMS];
	/* compaction.c */
	pfn_t compact_migrate_pfn, compact_free_pfn; /* where it goes on; 0 */
	unsigned compact_considered;   /* requests since it failed last */
	unsigned compact_defer_shift;  /* so many (2^n) are not tried */
	unsigned compact_order_failed; /* the smallest order that failed */
	bool compact_forgets;   /* skip marks are old: it went to the end */
	unsigned event_row;     /* of events by zone: PGALLOC_DMA + event_row */
	bool is_reclaim_active; /* kswapd works: CPUs keep few free pages */
};

struct zoneref {
	struct zone *zone;
	enum zone_type type; /* of the zone: the list is cut by it */
};

struct zonelist {
	struct zoneref refs[MAX_NODES * MAX_NR_ZONES];
	unsigned nr_refs;
};

struct pglist_data {
	struct mmsim_machine *machine;
	unsigned id;
	bool is_online, has_cpu, has_memory;
	pfn_t start_pfn;
	uint64_t spanned_pages, present_pages;
	struct zone zones[MAX_NR_ZONES];
	struct zonelist fallback;   /* all nodes, this one first */
	struct zonelist nofallback; /* GFP_F_THISNODE */
	struct lruvec lruvec;
	struct kcompactd *kcompactd; /* the node's thread */
	uint64_t stat[NR_NODE_STAT_ITEMS];
	unsigned distance[MAX_NODES]; /* as in ACPI's SLIT: 10 is itself */
	struct kswapd *kswapd;
	unsigned kswapd_failures; /* runs in a row that freed nothing */
	/* what reclaim found here, until kswapd has done its work */
	bool reclaims_dirty;     /* only dirty file pages: kswapd writes some */
	bool reclaims_writeback; /* only pages under way to the disk */
	bool is_congested;       /* all dirty pages are: who reclaims waits */
};

/* The highest zone that a request may use. */
enum zone_type gfp_zone(const struct mmsim_machine *machine, gfp_t gfp);

/* Lays out nodes and zones as the spec says (machine.c calls it at boot). */
int zone_init(struct mmsim_machine *machine);
void zone_fini(struct mmsim_machine *machine);

/* Recomputes watermarks, protection and per-CPU limits, after a change of a
 * sysctl or of the managed pages. */
void zone_setup_watermarks(struct mmsim_machine *machine);
void zone_setup_protection(struct mmsim_machine *machine);
/* min_free_kbytes that the kernel chooses for this much memory; kB. */
uint64_t zone_default_min_free_kbytes(const struct mmsim_machine *machine);
/* Sets it so, unless as much or more was set by hand, and what follows from it:
 * after a change of the managed pages. */
void zone_choose_min_free_kbytes(struct mmsim_machine *machine);
/* The order of zones for each node, after a zone came or went. */
void zone_build_zonelists(struct mmsim_machine *machine);
/* Tells the log about it, as Linux does when that happens after boot. */
void zone_log_zonelists(struct mmsim_machine *machine);

/* Free pages of the zone would stay above `mark` plus the protection against
 * class `highest` after `order` more; ALLOC_ bits in page_alloc.h. */
bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags);
/* The same if so many pages were free. */
bool zone_watermark_could_be_ok(const struct zone *zone, unsigned order,
				uint64_t mark, enum zone_type highest,
				unsigned alloc_flags, uint64_t nr_free);

static inline uint64_t zone_end_pfn(const struct zone *zone)
{
	return zone->start_pfn + zone->spanned_pages;
}

/* Pages to stay free, with what was put on top for a while. */
static inline uint64_t zone_watermark(const struct zone *zone,
				      enum zone_watermarks mark)
{
	return zone->watermark[mark] + zone->watermark_boost;
}

static inline bool zone_is_populated(const struct zone *zone)
{
	return zone->present_pages != 0;
}

static inline void zone_stat_add(struct zone *zone, enum zone_stat_item item,
				 int64_t delta)
{
	zone->stat[item] += (uint64_t)delta;
}

static inline void node_stat_add(struct pglist_data *node,
				 enum node_stat_item item, int64_t delta)
{
	node->stat[item] += (uint64_t)delta;
}

#endif
