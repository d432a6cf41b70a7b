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
	uint64_t nr_pages, nr_dirty, nr_shmem, nr_blocks;
	uint64_t nr_tmpfs_pages[NR_FILE_PLACES];
	const char *what; /* the first thing found wrong, or NULL */
};

static void check_that(struct file_check *check, bool ok, const char *what)
{
	if (!ok && !check->what)
		check->what = what;
}

static void check_pages(struct file_check *check, const struct inode *inode)
{
	const struct address_space *mapping = &inode->mapping;
	const struct radix_node_record *record = mapping->node_records;
	uint64_t index = 0, nr_pages = 0, nr_dirty = 0, nr_entries = 0;
	size_t nr_nodes = 0;
	void *entry;

	for (; (entry = radix_next(&mapping->pages, &index)); index++) {
		const struct page *page = entry;

		nr_entries++;
		if (radix_is_value(entry))
			continue;
		nr_pages++;
		check_that(check,
			   page->mapping == mapping && page->index == index &&
				   page->refcount > 0,
			   "a page does not know its file");
		check_that(check, index < file_pages(inode->size),
			   "a page lies behind the end");
		if (page_has(page, PG_dirty) && !mapping->is_shmem)
			nr_dirty++;
	}
	for (; record; record = record->next)
		nr_nodes++;
	check_that(check, nr_pages == mapping->nr_pages,
		   "pages are miscounted");
	check_that(check, nr_dirty == mapping->nr_dirty,
		   "dirty pages are miscounted");
	check_that(check, nr_nodes == mapping->pages.nr_nodes,
		   "the tree's nodes are not charged as many");
	check->nr_pages += nr_pages;
	check->nr_dirty += nr_dirty;
	if (mapping->is_shmem) {
		check->nr_shmem += nr_pages;
		check->nr_tmpfs_pages[inode->place] += nr_entries;
		check_that(check,
			   !inode->is_charged_by_page ||
				   inode->committed == nr_entries,
			   "pages and promises differ");
	}
}

static void check_store(struct file_check *check, const struct inode *inode)
{
	uint64_t index = inode->extent_pages, nr = inode->extent_pages;

	while (radix_next(&inode->store, &index)) {
		nr++;
		index++;
	}
	check_that(check, nr == inode->nr_blocks, "blocks are miscounted");
	check->nr_blocks += nr;
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
	check_that(check, state->nr_disk_blocks == check->nr_blocks,
		   "the disk's blocks are miscounted");
	for (unsigned i = 0; i < NR_FILE_PLACES; i++)
		check_that(check,
			   state->nr_tmpfs_pages[i] == check->nr_tmpfs_pages[i],
			   "the pages of a tmpfs are miscounted");
}

int file_validate(struct mmsim_machine *machine, char *why, size_t len)
{
	struct file_check check = {.machine = machine};
	const struct inode *inode;
	struct outbuf out;

	list_for_each(inode, file_inodes(machine), link)
	{
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
