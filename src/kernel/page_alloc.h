/*
 * page_alloc.h: getting and giving back page frames.
 *
 *   alloc_pages -> zonelist walk: the first zone above low
 *               -> slow path: wake kswapd; above min; reclaim; OOM killer
 *   a zone gives order 0 from its per-CPU lists (pcp.c), the rest from the
 *   buddy lists (buddy.c)
 */
#ifndef KERNEL_PAGE_ALLOC_H
#define KERNEL_PAGE_ALLOC_H

#include "kernel/zone.h"

struct mmsim_task;

enum {
	ALLOC_WMARK_MIN = WMARK_MIN,
	ALLOC_WMARK_LOW = WMARK_LOW,
	ALLOC_WMARK_HIGH = WMARK_HIGH,
	ALLOC_NO_WATERMARKS = 0x04,
	ALLOC_OOM = 0x08,       /* an OOM victim: half of the reserves */
	ALLOC_HARDER = 0x10,    /* atomic or real time: a quarter */
	ALLOC_HIGH = 0x20,      /* GFP_F_HIGH: half */
	ALLOC_KSWAPD = 0x800,
	ALLOC_WMARK_MASK = 0x03,
};

/* Who asks for what: carried through the slow path, reclaim and the OOM
 * killer. */
struct alloc_context {
	struct mmsim_machine *machine;
	struct mmsim_task *task; /* who pays the time; NULL: the kernel itself */
	gfp_t gfp;
	unsigned order;
	enum zone_type highest;
	unsigned preferred_node;
	nodemask_t nodemask; /* nodes allowed by a policy; 0: all */
};

/* The zones in the order in which the request tries them. */
const struct zonelist *alloc_zonelist(const struct alloc_context *ac);

/*
 * A block of 2^order frames: refcount 1, content zero, PG_head and PG_tail set
 * with GFP_F_COMP.  NULL when there is none, or when `task` was killed by the OOM
 * killer for it.  task NULL: the kernel itself.
 */
struct page *alloc_pages(struct mmsim_machine *machine, struct mmsim_task *task,
			 gfp_t gfp, unsigned order);
/* On or from this node (MPOL_ rules are in mempolicy.c). */
struct page *alloc_pages_node(struct mmsim_machine *machine,
			      struct mmsim_task *task, gfp_t gfp,
			      unsigned order, unsigned node,
			      nodemask_t nodemask);
/* Gives a block back; its pages are mapped nowhere, and refcount is ignored. */
void free_pages(struct mmsim_machine *machine, struct page *page,
		unsigned order);

/* Empties the per-CPU lists of all zones into the buddy lists (pcp.c). */
void pcp_drain_all(struct mmsim_machine *machine);
/* Limits of the per-CPU lists after a change of watermarks. */
void pcp_setup(struct mmsim_machine *machine);
struct page *pcp_alloc(struct zone *zone, unsigned cpu,
		       enum migratetype migratetype);
void pcp_free(struct zone *zone, unsigned cpu, struct page *page);
uint64_t pcp_nr_pages(const struct zone *zone);

/* Buddy lists of one zone (buddy.c).  No counters but nr_free and
 * NR_FREE_PAGES; NULL when no block is large enough. */
struct page *buddy_alloc(struct zone *zone, unsigned order,
			 enum migratetype migratetype);
/* What single pages would be taken from: the smallest block that there is, or
 * the low end of it when it is above order `most`. */
struct page *buddy_alloc_up_to(struct zone *zone, unsigned most,
			       enum migratetype migratetype, unsigned *order);
void buddy_free(struct zone *zone, struct page *page, unsigned order,
		enum migratetype migratetype);
/* Hands frames [start, end) to the zone as free memory, at boot and when memory
 * is plugged in; in `deferred` form when the range allows it. */
void buddy_add_range(struct zone *zone, pfn_t start, pfn_t end);
/* Pages that were never asked for; and from a frame on, behind those. */
uint64_t buddy_nr_deferred(const struct zone *zone);
pfn_t buddy_skip_deferred(const struct zone *zone, pfn_t pfn);
/* All free blocks in [start, end), whole blocks of the highest order, go to the
 * lists of another type; those of MIGRATE_ISOLATE do not count as free. */
void buddy_move_free(struct zone *zone, pfn_t start, pfn_t end,
		     enum migratetype to);
/* Takes this free block off its list; its order. */
unsigned buddy_take(struct zone *zone, struct page *page);
/* They leave the isolated lists, and the zone. */
void buddy_remove_free(struct zone *zone, pfn_t start, pfn_t end);
/* Blocks of this order and type, deferred ones counted as Movable. */
uint64_t buddy_nr_free(const struct zone *zone, unsigned order,
		       enum migratetype migratetype);
enum migratetype pageblock_migratetype(const struct mmsim_machine *machine,
				       pfn_t pfn);
void pageblock_set_migratetype(struct mmsim_machine *machine, pfn_t pfn,
			       enum migratetype migratetype);
/* Compaction found nothing there lately. */
bool pageblock_is_skipped(const struct mmsim_machine *machine, pfn_t pfn);
void pageblock_set_skipped(struct mmsim_machine *machine, pfn_t pfn,
			   bool is_skipped);

#endif
