/*
 * filemap.c: the page cache.
 *
 * Each file has a tree from page number to page frame.  A page comes into it
 * when it is read from the disk (filemap_read.c) or written, and stays until it
 * is reclaimed or cut off; the cache holds one reference.  A dirty page has
 * content that the disk does not have yet (writeback.c).
 *
 * Counted: NR_FILE_PAGES (what meminfo calls Cached), NR_SHMEM for those of
 * tmpfs; NR_FILE_DIRTY; a radix_tree_node for each node of the tree, and a
 * buffer_head for each page that was ever dirty, as ext4 has.
 *
 * Source: recordings (page-cache accounting); proc(5).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/page_alloc.h"
#include "kernel/reclaim.h"

#include <errno.h>

/* A host record that only stands for a buffer_head's place in its slab. */
struct buffer_head_record {
	struct page *page;
};

/* The tree has as many node records as it has nodes; 0 or -ENOMEM.  The counts
 * are looked at anew after each allocation, in which reclaim may have taken
 * other pages, and nodes with them, out of the tree. */
static int node_records_add(struct address_space *mapping, gfp_t gfp)
{
	while (mapping->nr_node_records < mapping->pages.nr_nodes) {
		struct radix_node_record *record =
			kmem_record_alloc_gfp(mapping->machine, KMEM_RADIX_NODE,
					      sizeof(*record), gfp);

		if (!record)
			return -ENOMEM;
		record->next = mapping->node_records;
		mapping->node_records = record;
		mapping->nr_node_records++;
	}
	return 0;
}

static void node_records_trim(struct address_space *mapping)
{
	while (mapping->nr_node_records > mapping->pages.nr_nodes) {
		struct radix_node_record *record = mapping->node_records;

		mapping->node_records = record->next;
		mapping->nr_node_records--;
		kmem_record_free(mapping->machine, KMEM_RADIX_NODE, record);
	}
}

struct page *filemap_find(struct address_space *mapping, uint64_t index)
{
	void *entry = radix_find(&mapping->pages, index);

	return entry && !radix_is_value(entry) ? entry : NULL;
}

int filemap_add_gfp(struct address_space *mapping, struct page *page,
		    uint64_t index, gfp_t gfp)
{
	struct mmsim_machine *machine = mapping->machine;
	struct pglist_data *node = machine_node_of(machine, page);
	void *shadow = radix_find(&mapping->pages, index);
	int err = radix_insert(&mapping->pages, index, page);

	if (err)
		return err;
	/* a value that was there before had its nodes */
	if (node_records_add(mapping, gfp)) {
		radix_remove(&mapping->pages, index);
		node_records_trim(mapping);
		return -ENOMEM;
	}
	page_get(page);
	page->mapping = mapping;
	page->index = index;
	page->private = 0;
	mapping->nr_pages++;
	node_stat_add(node, NR_FILE_PAGES, 1);
	if (mapping->is_shmem) {
		page_set(page, PG_swapbacked);
		if (mapping->is_unevictable)
			lru_cull(machine, page);
		node_stat_add(node, NR_SHMEM, 1);
	} else if (shadow && !(gfp & GFP_F_WRITE)) {
		/* who writes a page as a whole did not miss the old one */
		workingset_refault(machine, page, shadow);
	}
	lru_add(machine, page);
	return 0;
}

int filemap_add(struct address_space *mapping, struct page *page,
		uint64_t index)
{
	return filemap_add_gfp(mapping, page, index, GFP_KERNEL);
}

/* The inode may go, too, when nobody remembers its name. */
static void filemap_note_empty(struct address_space *mapping)
{
	if (mapping->pages.count == 0 && !mapping->host->dentry_record)
		dcache_unused(mapping->host);
}

/* The page leaves the tree; its place keeps `shadow`, or is empty (NULL). */
static void filemap_take_out(struct page *page, void *shadow)
{
	struct address_space *mapping = page->mapping;
	struct mmsim_machine *machine = mapping->machine;
	struct pglist_data *node = machine_node_of(machine, page);

	ASSERT(page->mapcount == 0 && !page_has(page, PG_writeback));
	clear_page_dirty(page);
	if (shadow)
		(void)radix_insert(&mapping->pages, page->index, shadow);
	else
		radix_remove(&mapping->pages, page->index);
	node_records_trim(mapping);
	mapping->nr_pages--;
	node_stat_add(node, NR_FILE_PAGES, -1);
	if (mapping->is_shmem) {
		node_stat_add(node, NR_SHMEM, -1);
	} else if (page->private) {
		kmem_record_free(machine, KMEM_BUFFER_HEAD,
				 (void *)(uintptr_t)page->private);
		page->private = 0;
	}
	page->mapping = NULL;
	page_put(machine, page);
	filemap_note_empty(mapping);
}

void filemap_remove(struct page *page)
{
	filemap_take_out(page, NULL);
}

void filemap_evict(struct page *page, void *shadow)
{
	ASSERT(!page_has(page, PG_dirty | PG_writeback));
	filemap_take_out(page, shadow);
}

void filemap_drop_value(struct address_space *mapping, uint64_t index)
{
	if (mapping->is_shmem) {
		shmem_drop_swap(mapping, index);
		shmem_page_gone(mapping->host);
	}
	radix_remove(&mapping->pages, index);
	node_records_trim(mapping);
	filemap_note_empty(mapping);
}

/* --- dirty pages --------------------------------------------------------- */

static void count_dirty(struct address_space *mapping, struct page *page,
			int64_t delta)
{
	struct zone *zone = machine_zone_of(mapping->machine, page);

	mapping->nr_dirty += (uint64_t)delta;
	node_stat_add(zone->node, NR_FILE_DIRTY, delta);
	zone_stat_add(zone, NR_ZONE_WRITE_PENDING, delta);
}

static void attach_buffer_head(struct mmsim_machine *machine, struct page *page)
{
	struct buffer_head_record *buffer;

	if (page->private)
		return;
	buffer = kmem_record_alloc(machine, KMEM_BUFFER_HEAD, sizeof(*buffer));
	if (buffer && page->mapping && !page->private) {
		buffer->page = page;
		page->private = (uintptr_t)buffer;
	} else if (buffer) {
		kmem_record_free(machine, KMEM_BUFFER_HEAD, buffer);
	}
}

static void filemap_set_dirty(struct address_space *mapping, struct page *page)
{
	page_set(page, PG_dirty);
	radix_tag_set(&mapping->pages, page->index, RADIX_DIRTY);
	count_dirty(mapping, page, 1);
	node_stat_add(machine_node_of(mapping->machine, page), NR_DIRTIED, 1);
	if (mapping->nr_dirty == 1)
		writeback_note_dirty(mapping->host, true);
}

void set_page_dirty(struct page *page)
{
	struct address_space *mapping;

	page = page_head(page);
	mapping = page->mapping;
	/* it is wanted after all */
	page_clear(page, PG_reclaim);
	if (page_has(page, PG_dirty))
		return;
	if (page_has(page, PG_anon) || !mapping || mapping->is_shmem) {
		page_set(page, PG_dirty);
		return;
	}
	page_clear(page, PG_readahead);
	page_get(page);
	attach_buffer_head(mapping->machine, page);
	/* a task may have died for that, and with it the file */
	if (page->mapping == mapping && !page_has(page, PG_dirty))
		filemap_set_dirty(mapping, page);
	page_put(mapping->machine, page);
}

void clear_page_dirty(struct page *page)
{
	struct address_space *mapping = page->mapping;

	if (!page_has(page, PG_dirty))
		return;
	page_clear(page, PG_dirty);
	if (mapping->is_shmem)
		return;
	radix_tag_clear(&mapping->pages, page->index, RADIX_DIRTY);
	count_dirty(mapping, page, -1);
	if (mapping->nr_dirty == 0)
		writeback_note_dirty(mapping->host, false);
}
