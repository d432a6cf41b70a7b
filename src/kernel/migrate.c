/*
 * migrate.c: a page goes to another frame, and nobody who maps it notices.
 *
 *   1  all references must be known: one for each entry that maps the page,
 *      one for the cache that it is in, and the caller's.  Somebody else's
 *      would go on using the old frame.
 *   2  every entry that leads to the old frame is found by the reverse map and
 *      leads to the new one from then on, with the same rights
 *   3  content, flags and what it belongs to go to the new frame, which takes
 *      the old one's place in its cache, and a place on an LRU list
 *   4  the old frame is free
 *
 *        entry --.              entry --.
 *        entry --+-> old        entry --+-> new
 *        cache --'              cache --'         old: free
 *
 * What is counted by node or zone (mapped, page cache, dirty, mlocked) moves
 * along.  The content itself is handed over, not copied.  A huge page moves as
 * a whole, also when it is mapped in pieces.
 *
 * Simplified: nobody can touch the page meanwhile, so that there are no
 * migration entries to wait for.
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

/* All references but the caller's are known, so nobody else uses the frame. */
static bool migrate_is_possible(const struct page *page)
{
	int known = page_total_mapcount(page) + 1;

	if (page_has(page, PG_writeback) ||
	    (!page->mapping && !page_has(page, PG_swapcache)))
		return false;
	if (!page_is_anon(page) || page_has(page, PG_swapcache))
		known++;
	return page->refcount == known;
}

/* --- the books of nodes and zones ------------------------------------- */

/* Small pages of it that somebody maps. */
static int64_t migrate_nr_mapped(const struct page *page)
{
	int64_t nr = 0;

	for (unsigned i = 0; i < page_nr(page); i++)
		nr += page_mapcount(&page[i]) > 0;
	return nr;
}

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
		node_stat_add(node, NR_ANON_MAPPED,
			      sign * migrate_nr_mapped(page));
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

/* --- the page --------------------------------------------------------- */

static void migrate_copy_one(struct mmsim_machine *machine, struct page *page,
			     struct page *target)
{
	target->flags |= page->flags & MIGRATE_FLAGS;
	target->mapcount = page->mapcount;
	page_content_move(machine, target, page);
	page->mapcount = 0;
}

/* All but the caller's reference goes along. */
static void migrate_copy(struct mmsim_machine *machine, struct page *page,
			 struct page *target)
{
	for (unsigned i = 0; i < page_nr(page); i++)
		migrate_copy_one(machine, &page[i], &target[i]);
	target->mapping = page->mapping;
	target->index = page->index;
	target->refcount = page->refcount - 1;
	if (page_has(page, PG_head)) {
		target[1].index = page[1].index;
		page[1].index = 0;
		thp_move_deferred(machine, page, target);
	} else {
		target->private = page->private;
		page->private = 0;
	}
}

struct migrate_walk {
	struct rmap_walk walk;
	struct mmsim_machine *machine;
	struct page *target; /* of the small page that is looked for */
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

/* The walk finds entries by what they lead to, the old frame; a huge entry is
 * found with the first page, and leads elsewhere when the others are looked
 * for. */
static void migrate_entries(struct mmsim_machine *machine, struct page *page,
			    struct page *target)
{
	struct migrate_walk migrate = {
		.walk.visit = migrate_entry,
		.machine = machine,
	};

	for (unsigned i = 0; i < page_nr(page); i++) {
		if (i > 0 && page[i].mapcount == 0)
			continue;
		migrate.target = &target[i];
		rmap_walk(machine, &page[i], &migrate.walk);
	}
}

static void migrate_in_cache(struct mmsim_machine *machine, struct page *target)
{
	struct address_space *mapping = target->mapping;

	if (page_has(target, PG_swapcache))
		swap_cache_replace(machine, target);
	else if (!page_is_anon(target))
		/* there is an entry at the index already: no memory is
		 * needed */
		(void)radix_insert(&mapping->pages, target->index, target);
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
	ASSERT(page_has(page, PG_isolated) && page_nr(page) == page_nr(target));
	if (!migrate_is_possible(page))
		return -EAGAIN;
	migrate_entries(machine, page, target);
	migrate_count_kind(machine, page, page, -1);
	migrate_copy(machine, page, target);
	migrate_count_kind(machine, target, target, 1);
	migrate_in_cache(machine, target);
	lru_add(machine, target);
	migrate_free(machine, page);
	return 0;
}
