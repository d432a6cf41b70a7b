/*
 * reclaim.h: taking memory back from those who use it.
 *
 *   kswapd.c          in the background, from low to high
 *   node_reclaim.c    the request's own node, before another is asked
 *   reclaim.c         direct reclaim; one pass over a node
 *   reclaim_balance.c how many pages of which list a pass looks at
 *   reclaim_list.c    a batch of a list: off the list, and what is kept back on
 *   reclaim_page.c    what becomes of each page of a batch
 *   page_referenced.c was the page used since somebody asked last?
 *   workingset.c      should a page that came back have stayed?
 *
 *                    priority 12, 11, .. 0: size >> priority of each list
 *     kswapd  -+
 *     direct  -+-> shrink_node -> scan counts -> lists, 32 at a time -> pages
 *     node    -+               -> shrinkers (slab)
 *
 * Sources: kernel documentation, mm/multigen_lru (for what is *not* done here),
 * admin-guide/sysctl/vm, mm/unevictable-lru; M. Gorman, Understanding the Linux
 * Virtual Memory Manager, chapter 10; recordings of 6.1.
 */
#ifndef KERNEL_RECLAIM_H
#define KERNEL_RECLAIM_H

#include "base/radix.h"
#include "kernel/page_alloc.h"
#include "kernel/zone.h"

enum { SWAP_CLUSTER_MAX = 32, DEF_PRIORITY = 12, MAX_RECLAIM_RETRIES = 16 };

/* A thread for each node; 0 or -ENOMEM. */
int kswapd_init(struct mmsim_machine *machine);
void kswapd_fini(struct mmsim_machine *machine);
/* One for this node, which is new; 0 or -ENOMEM. */
int kswapd_start(struct pglist_data *node);
/* A request for 2^order pages of class `highest` found the zone below low.
 * False: kswapd finds the node well, or has given it up. */
bool kswapd_wake(struct zone *zone, unsigned order, enum zone_type highest);

/* Direct reclaim for the request; how many pages were freed. */
uint64_t try_to_free_pages(const struct alloc_context *ac);
/* zone_reclaim_mode is set: */
bool node_reclaim_is_on(const struct mmsim_machine *machine);
/* reclaims the zone's node for a request that would rather have `preferred`;
 * true: it was tried, and the zone may have room now. */
bool node_reclaim(const struct alloc_context *ac, const struct zone *preferred,
		  struct zone *zone);
/* Pages of the zone's lists that reclaim could take, for the judgement whether
 * it is worth while. */
uint64_t zone_reclaimable_pages(const struct zone *zone);

/* MADV_PAGEOUT, memory offlining, tests: tries to free just this page, which is
 * on an LRU list, used or not.  True: it is free. */
bool reclaim_page(struct mmsim_machine *machine, struct page *page);

/* --- workingset.c -------------------------------------------------------- */

void workingset_init(struct mmsim_machine *machine);
void workingset_fini(struct mmsim_machine *machine);
/* The page leaves the cache: what its place remembers, a radix value; NULL:
 * nothing. */
void *workingset_eviction(struct mmsim_machine *machine, struct page *page);
/* It is back: counts workingset_refault_*, and activates the page (not on a
 * list yet) when it should have stayed. */
void workingset_refault(struct mmsim_machine *machine, struct page *page,
			void *shadow);
/* `update` of the tree of a file's page cache: nodes that hold nothing but
 * shadows are known, and freed when they are many. */
void workingset_update_node(struct radix_node *node);

/* --- page_referenced.c --------------------------------------------------- */

/*
 * How many entries were used to reach the page since the last time; their
 * accessed bits are cleared.  *vm_flags: those of their areas, and VM_LOCKED
 * when there is a locked area (the count may be short then).
 */
unsigned page_referenced(struct mmsim_machine *machine, struct page *page,
			 vm_flags_t *vm_flags);

/*
 * Below: what the files of this module share.
 *
 * One run of reclaim: for whom, what it may do, and what it saw so far.
 */
struct scan_control {
	struct mmsim_machine *machine;
	struct mmsim_task *task; /* who waits for it; NULL: a kernel thread */
	gfp_t gfp;
	unsigned order;
	enum zone_type highest; /* pages of higher zones are left alone */
	int priority;           /* a list's size >> priority is looked at */
	uint64_t nr_to_reclaim; /* enough */
	uint64_t nr_scanned, nr_reclaimed;
	bool is_kswapd;
	bool may_writepage, may_unmap, may_swap;
	bool ignore_references; /* the page is to go, used or not */
	/* set for each pass by reclaim_balance.c */
	bool may_deactivate[2];  /* anonymous, file */
	bool force_deactivate;   /* the last resort: both, always */
	bool skipped_deactivate; /* it could have helped */
	bool cache_trim_mode;    /* inactive file pages are many: only these */
	bool file_is_tiny;       /* hardly any file pages: anonymous ones */
	/* this pass: what is left to look at of each list, and was to be */
	uint64_t nr[NR_LRU_LISTS], targets[NR_LRU_LISTS];
	uint64_t pass_reclaimed;
	bool is_cut; /* enough is free: the targets were lowered */
	struct scan_seen {
		uint64_t taken, file_taken;
		uint64_t dirty,
			unqueued_dirty; /* of files; not under write-back */
		uint64_t
			congested; /* under write-back, and came around again */
		uint64_t writeback; /* under write-back for the first time */
		uint64_t immediate; /* kswapd came to them faster than the disk
				     */
	} seen;
};

/* Of one batch, beside the pages that were seen. */
struct batch_result {
	uint64_t nr_reclaimed;
	uint64_t nr_pageout; /* writes that were started */
	struct scan_seen seen;
};

/* One pass over the node at sc->priority: lists and shrinkers. */
void shrink_node(struct pglist_data *node, struct scan_control *sc);
/* The same in pieces: a batch of each list; true: that was not the last. */
void shrink_node_begin(struct pglist_data *node, struct scan_control *sc);
bool shrink_node_batch(struct pglist_data *node, struct scan_control *sc);
void shrink_node_end(struct pglist_data *node, struct scan_control *sc);
/* Once more old anonymous pages, so that they are known when they are needed.
 */
void reclaim_age_node(struct pglist_data *node, struct scan_control *sc);
/* How often pages of each kind had to be activated when they came back: whoever
 * finds another number later knows that the inactive list is too short. */
void reclaim_note_refaults(struct pglist_data *node);

/* reclaim_balance.c */
void scan_prepare(struct pglist_data *node, struct scan_control *sc);
void scan_counts(const struct pglist_data *node, const struct scan_control *sc,
		 uint64_t nr[NR_LRU_LISTS]);
bool inactive_is_low(const struct pglist_data *node, enum lru_list inactive);
bool can_reclaim_anon(const struct mmsim_machine *machine);

/* reclaim_list.c: nr_to_scan pages from the tail of the list; how many are
 * free now. */
uint64_t shrink_list(struct pglist_data *node, enum lru_list list,
		     uint64_t nr_to_scan, struct scan_control *sc);
void shrink_active_list(struct pglist_data *node, enum lru_list list,
			uint64_t nr_to_scan, struct scan_control *sc);

/* reclaim_page.c: pages that are off their list, with a reference of the
 * caller's, oldest at the tail.  Those that stay are in `pages` afterwards. */
void shrink_pages(struct pglist_data *node, struct list_head *pages,
		  struct scan_control *sc, struct batch_result *result);

/* Back to the heads of the lists that their flags say; how many. */
uint64_t reclaim_put_back(struct pglist_data *node, struct list_head *pages);

static inline bool lru_is_file(enum lru_list list)
{
	return list == LRU_INACTIVE_FILE || list == LRU_ACTIVE_FILE;
}

#endif
