/*
 * file_validate.c: the self-check of files and their page caches.
 *
 * Every page in a tree says that it is there, the counts of each file agree
 * with its trees, and the sums over all files with the machine's counters:
 * pages, dirty pages, pages of tmpfs, blocks of the disk, and what tmpfs has
 * charged page by page.
 */
#include "base/outbuf.h"
#include "kernel/file_state.h"

struct file_check {
	struct mmsim_machine *machine;
	const struct inode *inode;
	uint64_t nr_pages, nr_dirty, nr_writeback, nr_shmem, nr_blocks;
	uint64_t nr_shadow_nodes;
	uint64_t nr_tmpfs_pages[NR_FILE_PLACES], nr_inodes[NR_FILE_PLACES];
	const char *what; /* the first thing found wrong, or NULL */
};

static void check_that(struct file_check *check, bool ok, const char *what)
{
	if (!ok && !check->what)
		check->what = what;
}

/* The tags of a file's tree say what its pages say. */
static void check_tags(struct file_check *check, const struct page *page,
		       const struct radix *pages)
{
	bool dirty = page_has(page, PG_dirty);
	bool writeback = page_has(page, PG_writeback);

	check_that(check,
		   radix_has_tag(pages, page->index, RADIX_DIRTY) == dirty,
		   "a page's tag does not say whether it is dirty");
	check_that(check,
		   radix_has_tag(pages, page->index, RADIX_WRITEBACK) ==
			   writeback,
		   "a page's tag does not say whether it is being written");
	check_that(check, page_has(page, PG_uptodate),
		   "a page has no content yet");
	check_that(check, !dirty || !page_has(page, PG_readahead),
		   "a page that was read ahead is dirty");
}

static void check_nodes(struct file_check *check,
			const struct address_space *mapping)
{
	const struct radix_node_record *record = mapping->node_records;
	size_t nr_nodes = 0;

	for (; record; record = record->next)
		nr_nodes++;
	check_that(check,
		   nr_nodes == mapping->pages.nr_nodes &&
			   nr_nodes == mapping->nr_node_records,
		   "the tree's nodes are not charged as many");
}

/* What the pages of one file add up to. */
struct page_sums {
	uint64_t nr_entries, nr_pages, nr_dirty, nr_writeback;
	/* the bottom node that was walked last, and those without any page */
	uint64_t node, node_entries, node_pages, nr_shadow_nodes;
};

/* The walk has come to another node. */
static void check_next_node(struct page_sums *sums, uint64_t node)
{
	sums->nr_shadow_nodes +=
		sums->node_entries > 0 && sums->node_pages == 0;
	sums->node = node;
	sums->node_entries = 0;
	sums->node_pages = 0;
}

static void check_page(struct file_check *check, const struct inode *inode,
		       const struct page *page, uint64_t index,
		       struct page_sums *sums)
{
	const struct address_space *mapping = &inode->mapping;

	sums->nr_pages++;
	check_that(check,
		   page->mapping == mapping && page->index == index &&
			   page->refcount > 0,
		   "a page does not know its file");
	check_that(check, index < file_pages(inode->size),
		   "a page lies behind the end");
	if (mapping->is_shmem)
		return;
	sums->nr_dirty += page_has(page, PG_dirty);
	sums->nr_writeback += page_has(page, PG_writeback);
	check_tags(check, page, &mapping->pages);
}

static void check_pages(struct file_check *check, const struct inode *inode)
{
	const struct address_space *mapping = &inode->mapping;
	struct page_sums sums = {0};
	uint64_t index = 0;
	void *entry;

	for (; (entry = radix_next(&mapping->pages, &index)); index++) {
		if (index / RADIX_SLOTS != sums.node)
			check_next_node(&sums, index / RADIX_SLOTS);
		sums.nr_entries++;
		sums.node_entries++;
		sums.node_pages += !radix_is_value(entry);
		if (!radix_is_value(entry))
			check_page(check, inode, entry, index, &sums);
	}
	check_next_node(&sums, 0);
	if (!mapping->is_shmem)
		check->nr_shadow_nodes += sums.nr_shadow_nodes;
	check_nodes(check, mapping);
	check_that(check, sums.nr_pages == mapping->nr_pages,
		   "pages are miscounted");
	check_that(check,
		   sums.nr_dirty == mapping->nr_dirty &&
			   sums.nr_writeback == mapping->nr_writeback,
		   "dirty pages are miscounted");
	check_that(check,
		   (sums.nr_dirty > 0) == !list_is_empty(&inode->dirty_link),
		   "the list of dirty files is wrong");
	check->nr_pages += sums.nr_pages;
	check->nr_dirty += sums.nr_dirty;
	check->nr_writeback += sums.nr_writeback;
	if (mapping->is_shmem) {
		check->nr_shmem += sums.nr_pages;
		check->nr_tmpfs_pages[inode->place] += sums.nr_entries;
		check_that(check,
			   !inode->is_charged_by_page ||
				   inode->committed == sums.nr_entries,
			   "pages and promises differ");
	}
}

static void check_store(struct file_check *check, const struct inode *inode)
{
	uint64_t index = inode->extent_pages, nr = inode->extent_pages;

	if (inode->place == PLACE_BLKDEV)
		return;

	while (radix_next(&inode->store, &index)) {
		nr++;
		index++;
	}
	check_that(check, nr == inode->nr_blocks, "blocks are miscounted");
	check->nr_blocks += nr;
}

/* Pages on their way to any device; and the files' are all on the disk's queue.
 */
static void check_writes(struct file_check *check)
{
	const struct mmsim_machine *machine = check->machine;
	const struct blkdev *dev;
	uint64_t nr_writes = 0;

	list_for_each(dev, &machine->blkdevs, link) nr_writes += dev->nr_writes;
	check_that(check,
		   vmstat_node_total(machine, NR_WRITEBACK) == nr_writes &&
			   machine->files->disk.nr_writes ==
				   check->nr_writeback,
		   "nr_writeback is wrong");
}

/* Oldest first. */
static void check_dirty_list(struct file_check *check)
{
	const struct inode *inode;
	uint64_t since = 0;

	list_for_each(inode, &check->machine->files->flusher.dirty, dirty_link)
	{
		check_that(check,
			   inode->dirtied_ns >= since &&
				   inode->mapping.nr_dirty > 0,
			   "the list of dirty files is out of order");
		since = inode->dirtied_ns;
	}
}

/* Who is in the lists of unused names and inodes has what it is there for. */
static void check_dcache(struct file_check *check)
{
	const struct dcache *dcache = &check->machine->files->dcache;
	uint64_t nr_dentries = 0, nr_inodes = 0;
	const struct inode *inode;

	list_for_each(inode, &dcache->dentries, lru_link)
	{
		nr_dentries++;
		check_that(check, inode->dentry_record && inode->inode_record,
			   "a name in the list has no object");
	}
	list_for_each(inode, &dcache->inodes, lru_link)
	{
		nr_inodes++;
		check_that(check,
			   inode->inode_record && !inode->dentry_record &&
				   inode->refcount == 0 &&
				   inode->mapping.pages.count == 0,
			   "an inode in the list is in use");
	}
	check_that(check,
		   nr_dentries == dcache->nr_dentries &&
			   nr_inodes == dcache->nr_inodes,
		   "unused names are miscounted");
}

static void check_sums(struct file_check *check)
{
	const struct mmsim_machine *machine = check->machine;
	const struct file_state *state = machine->files;

	check_that(check,
		   vmstat_node_total(machine, NR_FILE_PAGES) ==
			   check->nr_pages +
				   vmstat_node_total(machine, NR_SWAPCACHE),
		   "nr_file_pages is wrong");
	check_that(check,
		   vmstat_node_total(machine, NR_SHMEM) == check->nr_shmem,
		   "nr_shmem is wrong");
	check_that(check,
		   vmstat_node_total(machine, NR_FILE_DIRTY) ==
				   check->nr_dirty &&
			   vmstat_zone_total(machine, NR_ZONE_WRITE_PENDING) ==
				   check->nr_dirty +
					   vmstat_node_total(machine,
							     NR_WRITEBACK),
		   "nr_dirty is wrong");
	check_that(check,
		   machine->workingset.nr_nodes == check->nr_shadow_nodes &&
			   vmstat_node_total(machine, WORKINGSET_NODES) ==
				   check->nr_shadow_nodes,
		   "workingset_nodes is wrong");
	check_writes(check);
	check_dirty_list(check);
	check_dcache(check);
	check_that(check, state->nr_disk_blocks == check->nr_blocks,
		   "the disk's blocks are miscounted");
	for (unsigned i = 0; i < NR_FILE_PLACES; i++)
		check_that(check,
			   state->nr_tmpfs_pages[i] ==
					   check->nr_tmpfs_pages[i] &&
				   state->nr_inodes[i] == check->nr_inodes[i],
			   "the pages or files of a tmpfs are miscounted");
}

int file_validate(struct mmsim_machine *machine, char *why, size_t len)
{
	struct file_check check = {.machine = machine};
	const struct inode *inode;
	struct outbuf out;

	list_for_each(inode, file_inodes(machine), link)
	{
		check.nr_inodes[inode->place]++;
		check_pages(&check, inode);
		check_store(&check, inode);
		if (!check.what)
			continue;
		outbuf_init(&out, why, len, -1);
		outbuf_printf(&out, "file %s (inode %lu): %s",
			      inode->path ? inode->path : "without a name",
			      (unsigned long)inode->ino, check.what);
		return -1;
	}
	check_sums(&check);
	if (!check.what)
		return 0;
	outbuf_init(&out, why, len, -1);
	outbuf_printf(&out, "files: %s", check.what);
	return -1;
}
