/*
 * reclaim.h: taking memory back from those who use it.
 *
 *   kswapd.c     in the background, from low to high
 *   reclaim.c    one pass over a node: how many pages of which list
 *   reclaim_list.c   what becomes of each page of a batch
 *   workingset.c whether a page that came back should have stayed
 */
#ifndef KERNEL_RECLAIM_H
#define KERNEL_RECLAIM_H

#include "kernel/page_alloc.h"
#include "kernel/zone.h"

enum { SWAP_CLUSTER_MAX = 32, DEF_PRIORITY = 12, MAX_RECLAIM_RETRIES = 16 };

int kswapd_init(struct mmsim_machine *machine);
void kswapd_fini(struct mmsim_machine *machine);
/* A request for 2^order pages of class `highest` found the zone below low. */
void kswapd_wake(struct zone *zone, unsigned order, enum zone_type highest);

/* Direct reclaim for the request; how many pages were freed. */
uint64_t try_to_free_pages(const struct alloc_context *ac);
/* zone_reclaim_mode: the request's own node first; true: some were freed. */
bool node_reclaim(const struct alloc_context *ac, struct zone *zone);
/* Pages of these lists that reclaim could take, for MemAvailable's and the
 * allocator's judgement whether it is worth while. */
uint64_t zone_reclaimable_pages(const struct zone *zone);

/* MADV_PAGEOUT, memory offlining, tests: tries to free just this page, which is
 * on an LRU list.  True: it is free. */
bool reclaim_page(struct mmsim_machine *machine, struct page *page);

/* --- workingset.c ---------------------------------------------------------- */

/* The page leaves the cache: what its place remembers (a radix value). */
void *workingset_eviction(struct mmsim_machine *machine, struct page *page);
/* It is back: counts workingset_refault_*, and activates the page (not on a
 * list yet) when it should have stayed. */
void workingset_refault(struct mmsim_machine *machine, struct page *page,
			void *shadow);

#endif
