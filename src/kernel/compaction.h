/*
 * compaction.h: a fragmented zone makes room for a large block.
 *
 *   compaction.c       when, how far, with what result
 *   compaction_scan.c  the two scanners
 *   kcompactd.c        in the background
 */
#ifndef KERNEL_COMPACTION_H
#define KERNEL_COMPACTION_H

#include "kernel/migrate.h"
#include "kernel/page_alloc.h"

enum compact_result {
	COMPACT_CONTINUE,  /* goes on; or: is worth while */
	COMPACT_SKIPPED,   /* too little is free, or it is not fragmented */
	COMPACT_DEFERRED,  /* it failed lately: not now */
	COMPACT_SUCCESS,   /* there is a block */
	COMPACT_PARTIAL,   /* the scanners met; a part was left out */
	COMPACT_COMPLETE,  /* the scanners met */
	COMPACT_CONTENDED, /* no free page was found for a used one */
};

enum compact_priority {
	COMPACT_ASYNC, /* first look: only where it is likely, waits for nothing
			*/
	COMPACT_SYNC,  /* waits for pages that are being written */
	COMPACT_FULL,  /* the whole zone, also what failed lately */
};

/* No request: /proc/sys/vm/compact_memory. */
enum { COMPACT_WHOLE = -1 };

struct compact_control {
	struct migrate_control control;
	struct zone *zone;
	int order; /* of the request, or COMPACT_WHOLE */
	enum migratetype migratetype;
	enum compact_priority priority;
	pfn_t migrate_pfn, free_pfn;    /* where the scanners stand */
	struct list_head migrate_pages; /* isolated, to be moved */
	struct list_head free_pages;    /* isolated, single: where to */
	unsigned nr_migrate_pages, nr_free_pages;
	bool is_proactive; /* to the end, whatever blocks there are */
	uint64_t nr_migrate_scanned, nr_free_scanned;
};

/* A large block is wanted (above order 3), and enough is free for compaction:
 * nothing need be reclaimed for it. */
bool compact_is_ready(const struct alloc_context *ac);
/* Compacts zones for the request until one has a block: whether it is worth
 * trying again.  Counts compact_stall. */
bool compact_for_request(const struct alloc_context *ac,
			 enum compact_priority priority);
/* What came of it: the page that the request got, or NULL. */
void compact_tell(const struct alloc_context *ac, const struct page *page);
/* All zones of the node, from end to end. */
void compact_node(struct pglist_data *node);
/* For kcompactd: until there is a block of this order, or (proactively) on to
 * the end. */
void compact_in_background(struct zone *zone, unsigned order,
			   bool is_proactive);

/*
 * Why a request of this order fails, in thousandths: towards 0 because too
 * little is free, towards 1000 because it is in pieces; -1000: it would not
 * fail.
 */
int fragmentation_index(const struct zone *zone, unsigned order);
/* How much of the free memory such a request cannot use, in thousandths. */
unsigned unusable_free_index(const struct zone *zone, unsigned order);

/* --- kcompactd.c ---------------------------------------------------------- */

int kcompactd_init(struct mmsim_machine *machine);
void kcompactd_fini(struct mmsim_machine *machine);
/* Memory was freed for a block of this order, which may be in pieces. */
void kcompactd_wake(struct pglist_data *node, unsigned order,
		    enum zone_type highest);
/* All nodes' threads look whether they should be proactive. */
void kcompactd_look(struct mmsim_machine *machine);

/* --- compaction_scan.c --------------------------------------------------- */

/* The next pages to be moved, from the bottom: 32 of one pageblock at most. */
void compact_isolate_used(struct compact_control *cc);
/* A target for migrate_pages: from the free pages at the top. */
struct page *compact_new_page(struct migrate_control *control,
			      struct page *page);
void compact_free_page(struct migrate_control *control, struct page *page);
/* Gives back free pages that were not needed. */
void compact_release_free(struct compact_control *cc);
bool compact_have_met(const struct compact_control *cc);

#endif
