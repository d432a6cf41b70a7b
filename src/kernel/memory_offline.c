/*
 * memory_offline.c: a block of memory is switched off.
 *
 *     is it one?         online, without holes, in one zone        else EINVAL
 *     isolate            nobody gets its free pages any more;
 *                        a page that can never move                else EBUSY
 *     rounds:  all pages on LRU lists are collected and moved elsewhere
 *              all free?  it leaves its zone (memory_online.c)
 *              else again, until a signal comes                    else EINTR
 *
 * The pages go to another node if there is one with memory, else to the same
 * node, and no higher than they were: pages of Movable anywhere, those of a
 * kernel zone to kernel zones.  As the free pages are given out in order, they
 * go to the next block in line, and move again with that.  No task is killed to
 * make room.
 *
 * Linux has no limit of its own: it waits for a signal.  A machine has nobody
 * to send one, so the caller says when it comes.
 *
 * Simplified: between rounds that moved less than all, 30 ms pass (in which
 * kernel threads may work): the recorded machine made 324 rounds in 10 s.  The
 * log tells of pages that could not be moved, 10 lines in 5 s, without the
 * fields of the page.
 *
 * Sources: kernel documentation, admin-guide/mm/memory-hotplug ("Offlining
 * Memory Blocks"); recordings.
 */
#include "kernel/kthread.h"
#include "kernel/lru.h"
#include "kernel/memory_block.h"
#include "kernel/mempolicy.h"
#include "kernel/migrate.h"
#include "kernel/page_alloc.h"
#include "kernel/page_isolation.h"

#include <errno.h>

#define OFFLINE_ROUND_NS ((uint64_t)30 * 1000 * 1000)
#define OFFLINE_LOG_NS ((uint64_t)5 * 1000 * 1000 * 1000)

enum { OFFLINE_LOG_BURST = 10 };

/* Nodes that the pages of a block may go to. */
static nodemask_t offline_nodes(const struct mmsim_machine *machine,
				unsigned own)
{
	nodemask_t nodes = mempolicy_allowed_nodes(machine);
	nodemask_t others = nodes & ~((nodemask_t)1 << own);

	return others ? others : nodes;
}

static struct page *offline_new_page(struct migrate_control *control,
				     struct page *page)
{
	struct mmsim_machine *machine = control->machine;
	unsigned node = page_node(page);
	gfp_t gfp = GFP_USER | GFP_F_MOVABLE | GFP_F_RETRY_MAYFAIL;

	if (page_has(page, PG_head))
		gfp = GFP_TRANSHUGE & ~(gfp_t)GFP_F_HIGHMEM;
	if (page_zone_index(page) >= ZONE_HIGHMEM)
		gfp |= GFP_F_HIGHMEM;
	return alloc_pages_node(machine, NULL, gfp, page_order(page), node,
				offline_nodes(machine, node));
}

/* All pages of the range that are on LRU lists. */
static void offline_collect(struct mmsim_machine *machine,
			    struct memory_range range, struct list_head *list)
{
	pfn_t pfn = range.start;

	while (pfn < range.end) {
		struct page *page = &machine->mem_map[pfn];
		unsigned order = page_has(page, PG_buddy)
					 ? (unsigned)page->private
					 : page_order(page);

		migrate_isolate(machine, page, list);
		pfn += (pfn_t)1 << order;
	}
}

/* At most 10 lines in 5 s. */
static void offline_log(struct mmsim_machine *machine,
			const struct list_head *list, int err)
{
	struct hotplug_state *hotplug = machine->hotplug;
	const struct page *page;

	list_for_each(page, list, lru) {
		uint64_t now = machine->clock_ns;

		if (hotplug->log_begin_ns == 0 ||
		    now - hotplug->log_begin_ns > OFFLINE_LOG_NS) {
			hotplug->log_begin_ns = now;
			hotplug->log_nr_lines = 0;
		}
		if (hotplug->log_nr_lines++ >= OFFLINE_LOG_BURST)
			return;
		printk(machine, "migrating pfn %lx failed ret:%d",
		       (unsigned long)page_pfn(machine, page), err);
		printk(machine, "page dumped because: migration failure");
	}
}

/* One round: true when every page of the range is free then. */
static bool offline_empty(struct mmsim_machine *machine,
			  struct memory_range range)
{
	struct migrate_control control = {
		.machine = machine,
		.may_wait = true,
		.new_page = offline_new_page,
	};
	struct list_head list;
	int err;

	list_init(&list);
	offline_collect(machine, range, &list);
	err = migrate_pages(&control, &list);
	if (err)
		offline_log(machine, &list, err);
	migrate_putback(machine, &list);
	return page_isolation_is_free(machine, range.start, range.end);
}

int memory_block_offline(struct mmsim_machine *machine,
			 struct memory_block *block, uint64_t timeout_ns)
{
	struct memory_range range = memory_block_range(machine, block);
	uint64_t end_ns = machine->clock_ns + clock_limit(machine, timeout_ns);
	int err;

	if (block->state == MEMORY_OFFLINE ||
	    !memory_block_is_whole(machine, block) ||
	    !memory_block_zone(machine, block))
		return -EINVAL;
	err = page_isolation_start(machine, range.start, range.end);
	if (err)
		return err;
	while (!offline_empty(machine, range)) {
		uint64_t next_ns = machine->clock_ns + OFFLINE_ROUND_NS;

		if (machine->has_panicked || next_ns > end_ns) {
			page_isolation_undo(machine, range.start, range.end);
			return -EINTR;
		}
		kthread_run_until(machine, next_ns);
	}
	memory_block_take_off(machine, block);
	return 0;
}
