/*
 * swap_cache.c: pages that have a slot.
 *
 * A page is in the swap cache from the moment it is given a slot until nobody
 * needs the two together any more:
 *
 *     on its way out   slot, still mapped here and there; then written; then
 *                      the frame is free and the slot keeps the content
 *     come back        clean, and its slot still holds the same: when it has to
 *                      go again it need not be written
 *
 * All who come for the slot meanwhile find the one page, so it is never in
 * memory twice.  The cache holds one reference.
 *
 * When does the slot go?  With the page's last use (swap_try_to_free): nobody
 * else names it, and the page is not being written.  It is tried when a task
 * that is alone with the page stores to it, when the last mapping goes, and,
 * once more than half of all swap is used, at every swap-in.  The page is dirty
 * then: no device has its content any more.
 *
 * In the place of a page that was reclaimed the cache may keep a shadow, which
 * says when that was (workingset.c).
 *
 * The tree that Linux keeps the cache in costs the machine a radix_tree_node
 * for each 64 slots of which one has a page or a shadow.  (Simplified: nothing
 * for the levels above.)
 *
 * Source: kernel documentation, admin-guide/mm; recordings of swapping (pswpout
 * below pswpin until swap is half full).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/page_alloc.h"
#include "kernel/reclaim.h"
#include "kernel/swap_state.h"

static swp_entry_t page_swap_entry(const struct page *page)
{
	return (swp_entry_t){page->private};
}

static void cache_count(struct mmsim_machine *machine, const struct page *page,
			int64_t delta)
{
	struct pglist_data *node = machine_node_of(machine, page);

	node_stat_add(node, NR_SWAPCACHE, delta);
	node_stat_add(node, NR_FILE_PAGES, delta);
}

/* --- the tree's nodes ---------------------------------------------------- */

int swap_leaf_prepare(struct swap_area *area, uint64_t offset, gfp_t gfp)
{
	struct radix_node_record *
		*leaf = &area->leaves[offset / SWAP_LEAF_SLOTS],
	       *record;

	if (*leaf)
		return 0;
	record = kmem_record_alloc_gfp(area->machine, KMEM_RADIX_NODE,
				       sizeof(*record), gfp);
	if (!record)
		return -ENOMEM;
	/* Reclaim may have come to a page beside it meanwhile. */
	if (*leaf)
		kmem_record_free(area->machine, KMEM_RADIX_NODE, record);
	else
		*leaf = record;
	return 0;
}

void swap_leaf_trim(struct swap_area *area, uint64_t offset)
{
	uint64_t leaf = offset / SWAP_LEAF_SLOTS;

	if (area->leaf_used[leaf] > 0 || !area->leaves[leaf])
		return;
	kmem_record_free(area->machine, KMEM_RADIX_NODE, area->leaves[leaf]);
	area->leaves[leaf] = NULL;
}

static void cache_set(struct swap_area *area, uint64_t offset, void *value)
{
	ASSERT(value && area->leaves[offset / SWAP_LEAF_SLOTS]);
	if (!area->cache[offset])
		area->leaf_used[offset / SWAP_LEAF_SLOTS]++;
	area->cache[offset] = value;
}

void swap_cache_clear(struct swap_area *area, uint64_t offset)
{
	ASSERT(area->cache[offset]);
	area->cache[offset] = NULL;
	area->leaf_used[offset / SWAP_LEAF_SLOTS]--;
	swap_leaf_trim(area, offset);
}

/* --- pages --------------------------------------------------------------- */

struct page *swap_cache_find(const struct mmsim_machine *machine,
			     swp_entry_t entry)
{
	void *found = swap_area_of(machine, entry)->cache[swp_offset(entry)];

	return found && !radix_is_value(found) ? found : NULL;
}

void swap_cache_insert(struct mmsim_machine *machine, struct page *page,
		       swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	uint64_t offset = swp_offset(entry);

	ASSERT(!(area->map[offset] & SLOT_CACHED) &&
	       !page_has(page, PG_swapcache | PG_head | PG_tail));
	swap_map_set(area, offset, area->map[offset] | SLOT_CACHED);
	cache_set(area, offset, page);
	page_get(page);
	page_set(page, PG_swapcache);
	page->private = entry.val;
	cache_count(machine, page, 1);
}

void *swap_content(const struct mmsim_machine *machine, swp_entry_t entry)
{
	const struct page *page = swap_cache_find(machine, entry);

	return page ? page->data
		    : swap_area_of(machine, entry)->contents[swp_offset(entry)];
}

void swap_cache_delete(struct mmsim_machine *machine, struct page *page,
		       void *shadow)
{
	swp_entry_t entry = page_swap_entry(page);
	struct swap_area *area = swap_area_of(machine, entry);
	uint64_t offset = swp_offset(entry);

	ASSERT(page_has(page, PG_swapcache) && !page_has(page, PG_writeback));
	ASSERT(area->cache[offset] == page);
	if (shadow)
		cache_set(area, offset, shadow);
	else
		swap_cache_clear(area, offset);
	swap_map_set(area, offset, area->map[offset] & ~SLOT_CACHED);
	swap_slot_part(area, offset, page);
	if (area->map[offset] == 0)
		swap_slot_release(area, offset);
	page_clear(page, PG_swapcache);
	page->private = 0;
	cache_count(machine, page, -1);
	page_put(machine, page);
}

void swap_cache_replace(struct mmsim_machine *machine, struct page *page)
{
	swp_entry_t entry = page_swap_entry(page);

	swap_area_of(machine, entry)->cache[swp_offset(entry)] = page;
}

bool swap_try_to_free(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_swapcache) || page_has(page, PG_writeback) ||
	    swap_count(machine, page_swap_entry(page)) > 0)
		return false;
	page_set(page, PG_dirty);
	swap_cache_delete(machine, page, NULL);
	return true;
}

void swap_free_and_cache(struct mmsim_machine *machine, swp_entry_t entry)
{
	struct page *page;

	swap_free(machine, entry);
	page = swap_cache_find(machine, entry);
	if (page && (page_mapcount(page) == 0 || swap_is_full(machine)))
		swap_try_to_free(machine, page);
}

struct page *swap_cache_get(struct mmsim_machine *machine, swp_entry_t entry)
{
	struct page *page = swap_cache_find(machine, entry);

	if (!page)
		return NULL;
	page_get(page);
	if (page_has(page, PG_readahead)) {
		page_clear(page, PG_readahead);
		count_vm_event(machine, SWAP_RA_HIT);
		machine->swap->ra_hits++;
	}
	return page;
}

/* --- reading ------------------------------------------------------------- */

static struct page *reader_alloc_page(struct mmsim_machine *machine,
				      const struct swap_reader *reader)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | reader->gfp;

	if (reader->vma)
		return vma_alloc_page(reader->task, reader->vma, reader->addr,
				      gfp, 0);
	return alloc_pages(machine, reader->task, gfp, 0);
}

/* A fresh page becomes the slot's, whose leaf is there: 0 or -ENOMEM (of the
 * host). */
static int cache_fill(struct mmsim_machine *machine, struct page *page,
		      swp_entry_t entry)
{
	struct swap_area *area = swap_area_of(machine, entry);
	void *shadow = area->cache[swp_offset(entry)];

	if (swap_slot_load(area, swp_offset(entry), page))
		return -ENOMEM;
	page_set(page, PG_swapbacked | PG_uptodate);
	swap_cache_insert(machine, page, entry);
	if (shadow)
		workingset_refault(machine, page, shadow);
	lru_add_anon(machine, page);
	count_vm_event(machine, swap_slot_is_on_device(area, swp_offset(entry))
					? PSWPIN
					: SWPIN_ZERO);
	return 0;
}

struct page *swap_cache_read(struct mmsim_machine *machine,
			     const struct swap_reader *reader,
			     swp_entry_t entry, bool *is_new)
{
	struct page *page = swap_cache_get(machine, entry), *fresh;
	struct swap_area *area = swap_area_of(machine, entry);
	bool has_leaf;

	*is_new = false;
	if (page || swap_count(machine, entry) == 0)
		return page;
	fresh = reader_alloc_page(machine, reader);
	if (!fresh)
		return NULL;
	has_leaf = !swap_leaf_prepare(area, swp_offset(entry),
				      GFP_KERNEL | reader->gfp);
	/* What the allocations did may have read or freed the slot. */
	page = swap_cache_get(machine, entry);
	if (!page && has_leaf && swap_count(machine, entry) > 0 &&
	    !cache_fill(machine, fresh, entry)) {
		*is_new = true;
		return fresh;
	}
	swap_leaf_trim(area, swp_offset(entry));
	page_put(machine, fresh);
	return page;
}
