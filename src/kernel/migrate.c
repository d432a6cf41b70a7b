/*
 * migrate.c: a page goes to another frame, and nobody who maps it notices.
 *
 *   1  all references must be known: one for each entry that maps the page and
 *      one for the page cache.  Somebody else's would go on using the old
 * frame. 2  the page leaves its LRU list; content, flags and what it belongs to
 * go to the new frame, which takes the old one's place in the page cache 3
 * every entry that leads to the old frame is found by the reverse map and leads
 * to the new one from then on, with the same rights 4  the old frame is free
 *
 * What is counted by node or zone (mapped, page cache, dirty, mlocked) moves
 * along.  The content itself is handed over, not copied.
 *
 * A huge page moves as a whole while it is only mapped as a whole; in pieces it
 * stays.
 *
 * Simplified: nobody can touch the page meanwhile, so that there are no
 * migration entries to wait for.  Pages that are being written stay.
 *
 * Source: kernel documentation, mm/page_migration.
 */
#include "kernel/migrate.h"
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"

#include <errno.h>

/* What a page is, but for where it is. */
#define MIGRATE_FLAGS                                                          \
	((uint64_t)(PG_referenced | PG_uptodate | PG_dirty | PG_active |       \
		    PG_workingset | PG_reclaim | PG_swapbacked |               \
		    PG_unevictable | PG_mlocked | PG_anon |                    \
		    PG_anon_exclusive | PG_readahead | PG_young |              \
		    PG_swapcache))

static int64_t migrate_nr_mapped_small(const struct page *head)
{
	int64_t nr = 0;

	for (unsigned i = 0; i < page_nr(head); i++)
		nr += head[i].mapcount > 0;
	return nr;
}

bool migrate_is_possible(const struct page *page)
{
	int known = page_total_mapcount(page);

	if (page_has(page, PG_slab | PG_table | PG_reserved | PG_writeback |
				   PG_isolated) ||
	    (!page->mapping && !page_has(page, PG_swapcache)))
		return false;
	if (page_has(page, PG_head) && migrate_nr_mapped_small(page) > 0)
		return false;
	if (!page_is_anon(page) || page_has(page, PG_swapcache))
		known++;
	return page->refcount == known;
}

/* --- the books of nodes and zones ---------------------------------------- */

static void migrate_count_kind(struct mmsim_machine *machine,
			       const struct page *page,
			       const struct page *place, int64_t sign)
{
	struct zone *zone = machine_zone_of(machine, place);
	struct pglist_data *node = zone->node;
	const struct address_space *mapping = page->mapping;
	int64_t nr = sign * (int64_t)page_nr(page);

	if (page_has(page, PG_mlocked))
		zone_stat_add(zone, NR_MLOCK, nr);
	if (page_has(page, PG_swapcache)) {
		node_stat_add(node, NR_SWAPCACHE, nr);
		node_stat_add(node, NR_FILE_PAGES, nr);
	}
	if (page_is_anon(page)) {
		if (page_total_mapcount(page) > 0)
			node_stat_add(node, NR_ANON_MAPPED, nr);
		if (page_compound_mapcount(page) > 0)
			node_stat_add(node, NR_ANON_THPS, sign);
		return;
	}
	if (page_has(page, PG_swapcache))
		return;
	node_stat_add(node, NR_FILE_PAGES, nr);
	if (page->mapcount > 0)
		node_stat_add(node, NR_FILE_MAPPED, nr);
	if (mapping->is_shmem) {
		node_stat_add(node, NR_SHMEM, nr);
	} else if (page_has(page, PG_dirty)) {
		node_stat_add(node, NR_FILE_DIRTY, nr);
		zone_stat_add(zone, NR_ZONE_WRITE_PENDING, nr);
	}
}

/* --- the page ------------------------------------------------------------ */

static void migrate_copy_one(struct page *page, struct page *target)
{
	target->flags |= page->flags & MIGRATE_FLAGS;
	target->mapcount = page->mapcount;
	target->data = page->data;
	page->data = NULL;
	page->mapcount = 0;
}

static void migrate_copy(struct page *page, struct page *target)
{
	for (unsigned i = 0; i < page_nr(page); i++)
		migrate_copy_one(&page[i], &target[i]);
	target->mapping = page->mapping;
	target->index = page->index;
	target->refcount = page->refcount;
	if (page_has(page, PG_head)) {
		target[1].index = page[1].index;
		page[1].index = 0;
	} else {
		target->private = page->private;
		page->private = 0;
	}
}

struct migrate_walk {
	struct rmap_walk walk;
	struct mmsim_machine *machine;
	struct page *page, *target;
};

/* The area maps the old frame here: it maps the new one from now on. */
static bool migrate_entry(struct rmap_walk *walk, struct vm_area_struct *vma,
			  uintptr_t addr, pte_t *entry, bool huge)
{
	struct migrate_walk *migrate =
		container_of(walk, struct migrate_walk, walk);
	pte_t moved = pte_make(page_pfn(migrate->machine, migrate->target),
			       *entry & ~PTE_PFN_MASK);

	if (huge)
		pmd_set(vma->mm, addr, entry, moved);
	else
		pte_set(vma->mm, addr, entry, moved);
	return true;
}

/* The old frame, which nothing refers to any more, is free. */
static void migrate_free(struct mmsim_machine *machine, struct page *page)
{
	page->flags &= ~MIGRATE_FLAGS;
	page->mapping = NULL;
	page->refcount = 1;
	page_put(machine, page);
}

int migrate_page(struct mmsim_machine *machine, struct page *page,
		 struct page *target)
{
	struct migrate_walk migrate = {
		.walk.visit = migrate_entry,
		.machine = machine,
		.page = page,
		.target = target,
	};
	bool was_on_lru = page_has(page, PG_lru);

	if (!migrate_is_possible(page))
		return -EAGAIN;
	ASSERT(page_nr(page) == page_nr(target));
	/* The walk finds entries by what they lead to: the old frame. */
	rmap_walk(machine, page, &migrate.walk);
	if (was_on_lru)
		lru_del(machine, page);
	migrate_count_kind(machine, page, page, -1);
	migrate_copy(page, target);
	migrate_count_kind(machine, target, target, 1);
	if (page_has(target, PG_swapcache)) {
		swap_cache_replace(machine, target);
	} else if (!page_is_anon(target)) {
		struct address_space *mapping = target->mapping;

		/* There is an entry at the index already: no memory is needed.
		 */
		(void)radix_insert(&mapping->pages, target->index, target);
	}
	if (was_on_lru)
		lru_add(machine, target);
	migrate_free(machine, page);
	return 0;
}

void migrate_count(struct mmsim_machine *machine, bool success,
		   unsigned nr_pages)
{
	count_vm_events(machine, success ? PGMIGRATE_SUCCESS : PGMIGRATE_FAIL,
			nr_pages);
	if (nr_pages > 1)
		count_vm_event(machine, success ? THP_MIGRATION_SUCCESS
						: THP_MIGRATION_FAIL);
}
