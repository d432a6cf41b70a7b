/*
 * filemap.c: the page cache.
 *
 * Each file has a tree from page number to page frame.  A page comes into it
 * when it is read from the disk (a major fault, when a fault wanted it) or
 * written, and stays until it is reclaimed or cut off; the cache holds one
 * reference.  A dirty page has content that the disk does not have yet; it
 * goes there on fsync, sync and msync, and becomes clean: its entries in page
 * tables lose the right to write, so that the next store is noticed.
 *
 * Counted: NR_FILE_PAGES (what meminfo calls Cached), NR_SHMEM for those of
 * tmpfs; NR_FILE_DIRTY; a radix_tree_node for each node of the tree, and a
 * buffer_head for each page that was ever dirty, as ext4 has.
 *
 * Simplified: one page is read at a time; a block is found without reading the
 * file's map.
 *
 * Source: recordings (page-cache accounting); proc(5).
 */
#include "kernel/file_state.h"
#include "kernel/lru.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <string.h>

/* A host record that only stands for a buffer_head's place in its slab. */
struct buffer_head_record {
	struct page *page;
};

/* The tree has as many node records as it has nodes; 0 or -ENOMEM. */
static int node_records_follow(struct address_space *mapping, size_t before)
{
	struct radix_node_record *record;

	for (; before < mapping->pages.nr_nodes; before++) {
		record = kmem_record_alloc(mapping->machine, KMEM_RADIX_NODE,
					   sizeof(*record));
		if (!record)
			return -ENOMEM;
		record->next = mapping->node_records;
		mapping->node_records = record;
	}
	for (; before > mapping->pages.nr_nodes; before--) {
		record = mapping->node_records;
		if (!record)
			break;
		mapping->node_records = record->next;
		kmem_record_free(mapping->machine, KMEM_RADIX_NODE, record);
	}
	return 0;
}

static size_t node_records_count(const struct address_space *mapping)
{
	const struct radix_node_record *record = mapping->node_records;
	size_t n = 0;

	for (; record; record = record->next)
		n++;
	return n;
}

struct page *filemap_find(struct address_space *mapping, uint64_t index)
{
	void *entry = radix_find(&mapping->pages, index);

	return entry && !radix_is_value(entry) ? entry : NULL;
}

int filemap_add(struct address_space *mapping, struct page *page,
		uint64_t index)
{
	struct mmsim_machine *machine = mapping->machine;
	struct pglist_data *node = machine_node_of(machine, page);
	size_t before = mapping->pages.nr_nodes;
	int err = radix_insert(&mapping->pages, index, page);

	if (!err && node_records_follow(mapping, before)) {
		radix_remove(&mapping->pages, index);
		node_records_follow(mapping, node_records_count(mapping));
		err = -ENOMEM;
	}
	if (err)
		return err;
	page_get(page);
	page->mapping = mapping;
	page->index = index;
	page->private = 0;
	mapping->nr_pages++;
	node_stat_add(node, NR_FILE_PAGES, 1);
	if (mapping->is_shmem) {
		page_set(page, PG_swapbacked);
		if (mapping->is_unevictable)
			page_set(page, PG_unevictable);
		node_stat_add(node, NR_SHMEM, 1);
	}
	lru_add(machine, page);
	return 0;
}

void filemap_remove(struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct mmsim_machine *machine = mapping->machine;
	struct pglist_data *node = machine_node_of(machine, page);
	size_t before = mapping->pages.nr_nodes;

	ASSERT(page->mapcount == 0);
	clear_page_dirty(page);
	radix_remove(&mapping->pages, page->index);
	node_records_follow(mapping, before);
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

/* The record's memory may cost the life of the task that maps the page, and
 * with it the file. */
static void attach_buffer_head(struct mmsim_machine *machine, struct page *page)
{
	struct buffer_head_record *buffer;

	if (page->private)
		return;
	page_get(page);
	buffer = kmem_record_alloc(machine, KMEM_BUFFER_HEAD, sizeof(*buffer));
	if (buffer && page->mapping && !page->private) {
		buffer->page = page;
		page->private = (uintptr_t)buffer;
	} else if (buffer) {
		kmem_record_free(machine, KMEM_BUFFER_HEAD, buffer);
	}
	page_put(machine, page);
}

void set_page_dirty(struct page *page)
{
	struct address_space *mapping;

	page = page_head(page);
	if (page_has(page, PG_dirty))
		return;
	page_set(page, PG_dirty);
	mapping = page->mapping;
	if (page_has(page, PG_anon) || !mapping || mapping->is_shmem)
		return;
	count_dirty(mapping, page, 1);
	node_stat_add(machine_node_of(mapping->machine, page), NR_DIRTIED, 1);
	attach_buffer_head(mapping->machine, page);
}

void clear_page_dirty(struct page *page)
{
	struct address_space *mapping = page->mapping;

	if (!page_has(page, PG_dirty))
		return;
	page_clear(page, PG_dirty);
	if (!mapping->is_shmem)
		count_dirty(mapping, page, -1);
}

/* --- reading ------------------------------------------------------------- */

/* A new page in the cache, with the caller's reference. */
static int filemap_new_page(struct mmsim_task *task,
			    struct address_space *mapping, uint64_t index,
			    gfp_t extra, struct page **result)
{
	struct mmsim_machine *machine = mapping->machine;
	struct page *page;
	int err;

	page = alloc_pages(machine, task, GFP_HIGHUSER_MOVABLE | extra, 0);
	if (!page)
		return -ENOMEM;
	err = filemap_add(mapping, page, index);
	if (err) {
		page_put(machine, page);
		return err;
	}
	*result = page;
	return 0;
}

/* The cache forgets a page that nobody maps; the caller's reference goes. */
static void filemap_drop(struct mmsim_machine *machine, struct page *page)
{
	filemap_remove(page);
	page_put(machine, page);
}

int inode_put_after_page(struct mmsim_task *task, struct inode *inode, int err,
			 struct page **page)
{
	struct mmsim_machine *machine = inode->machine;

	if (!err && task && syscall_is_killed(task)) {
		page_put(machine, *page);
		err = -ENOMEM;
	}
	inode_put(inode);
	return err;
}

static int filemap_read_page(struct mmsim_task *task,
			     struct address_space *mapping, uint64_t index,
			     struct page **result)
{
	struct mmsim_machine *machine = mapping->machine;
	struct page *page;
	int err = filemap_new_page(task, mapping, index, 0, &page);

	if (err)
		return err;
	err = store_read_page(mapping->host, index, page);
	if (err) {
		filemap_drop(machine, page);
		return err;
	}
	page_set(page, PG_uptodate);
	if (store_has(mapping->host, index)) {
		count_vm_events(machine, PGPGIN, PAGE_SIZE / KIB);
		clock_charge(machine, task, COST_DISK_LATENCY + COST_DISK_PAGE);
	}
	*result = page;
	return 0;
}

int filemap_get_page(struct mmsim_task *task, struct mmsim_file *file,
		     struct address_space *mapping, uint64_t index,
		     struct page **page, bool *major)
{
	int err;

	(void)file;
	*major = false;
	if (mapping->is_shmem)
		return shmem_get_page(task, mapping, index, page, major);
	if (index >= file_pages(mapping->host->size))
		return -EFAULT;
	*page = filemap_find(mapping, index);
	if (*page) {
		page_get(*page);
		return 0;
	}
	*major = true;
	mapping->host->refcount++;
	err = filemap_read_page(task, mapping, index, page);
	return inode_put_after_page(task, mapping->host, err, page);
}

int filemap_grab_page(struct mmsim_task *task, struct address_space *mapping,
		      uint64_t index, struct page **page)
{
	bool major;
	int err;

	if (mapping->is_shmem)
		return shmem_get_page(task, mapping, index, page, &major);
	err = store_reserve(mapping->host, index);
	if (err)
		return err;
	*page = filemap_find(mapping, index);
	if (*page) {
		page_get(*page);
		return 0;
	}
	return filemap_new_page(task, mapping, index, GFP_F_WRITE, page);
}

/* --- write-back ---------------------------------------------------------- */

static bool mkclean_visit(struct rmap_walk *walk, struct vm_area_struct *vma,
			  uintptr_t addr, pte_t *entry, bool huge)
{
	(void)walk;
	(void)huge;
	if ((vma->flags & VM_SHARED) && (*entry & (PTE_RW | PTE_DIRTY)))
		pte_set(vma->mm, addr, entry,
			*entry & ~(pte_t)(PTE_RW | PTE_DIRTY));
	return true;
}

static int filemap_write_page(struct mmsim_task *task, struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct mmsim_machine *machine = mapping->machine;
	struct rmap_walk walk = {.visit = mkclean_visit};
	int err;

	if (page->mapcount > 0)
		rmap_walk(machine, page, &walk);
	err = store_write_page(mapping->host, page->index, page);
	if (err)
		return err;
	clear_page_dirty(page);
	node_stat_add(machine_node_of(machine, page), NR_WRITTEN, 1);
	count_vm_events(machine, PGPGOUT, PAGE_SIZE / KIB);
	clock_charge(machine, task, COST_DISK_PAGE);
	return 0;
}

uint64_t filemap_write_range(struct mmsim_task *task,
			     struct address_space *mapping, uint64_t first,
			     uint64_t last)
{
	uint64_t index = first, nr_written = 0;
	void *entry;

	if (mapping->is_shmem)
		return 0;
	while (mapping->nr_dirty &&
	       (entry = radix_next(&mapping->pages, &index)) && index <= last) {
		if (!radix_is_value(entry) &&
		    page_has((struct page *)entry, PG_dirty) &&
		    !filemap_write_page(task, entry))
			nr_written++;
		index++;
	}
	if (nr_written)
		clock_charge(mapping->machine, task, COST_DISK_LATENCY);
	return nr_written;
}

/* --- truncation ---------------------------------------------------------- */

/* Every address space forgets pages from from_index on, private copies of
 * them too. */
static void unmap_from(struct address_space *mapping, uint64_t from_index)
{
	struct vm_area_struct *vma;

	list_for_each(vma, &mapping->vmas, mapping_link)
	{
		uint64_t skip =
			from_index > vma->pgoff ? from_index - vma->pgoff : 0;

		if (skip < vma_pages(vma))
			zap_page_range(vma, vma->start + (skip << PAGE_SHIFT),
				       vma->end);
	}
}

void filemap_drop_value(struct address_space *mapping, uint64_t index)
{
	size_t before = mapping->pages.nr_nodes;

	if (mapping->is_shmem) {
		shmem_drop_swap(mapping, index);
		shmem_page_gone(mapping->host);
	}
	radix_remove(&mapping->pages, index);
	node_records_follow(mapping, before);
}

void truncate_pages(struct address_space *mapping, uint64_t from_index)
{
	struct mmsim_machine *machine = mapping->machine;
	uint64_t index = from_index;
	void *entry;

	unmap_from(mapping, from_index);
	while ((entry = radix_next(&mapping->pages, &index))) {
		if (radix_is_value(entry)) {
			filemap_drop_value(mapping, index);
		} else {
			page_get(entry);
			filemap_drop(machine, entry);
			if (mapping->is_shmem)
				shmem_page_gone(mapping->host);
		}
		index++;
	}
}

void filemap_zero_tail(struct inode *inode, uint64_t index, unsigned offset)
{
	struct page *page = filemap_find(&inode->mapping, index);
	static const char zeros[PAGE_SIZE];

	if (page && page->data) {
		memset((char *)page->data + offset, 0, PAGE_SIZE - offset);
		set_page_dirty(page);
	} else if (!page && inode->mapping.is_shmem &&
		   radix_find(&inode->mapping.pages, index)) {
		shmem_zero_tail(&inode->mapping, index, offset);
	} else if (!page && !inode->mapping.is_shmem &&
		   store_has(inode, index)) {
		store_write(inode, index, offset, zeros, PAGE_SIZE - offset);
	}
}
