/*
 * swapoff.c: all pages of a swap area come back into memory.
 *
 *   shared objects    slots in their trees
 *   address spaces    entries of the area, in all tables
 *   swap cache        pages whose slot nobody names any more
 *
 * Until the area is empty: a page that is shared may go out again, to its old
 * slot, before the last entry of it is looked at.
 *
 * What comes back is mapped as it was, neither used nor writable; the area is
 * read in the order of addresses, with its neighbours.  Other areas, if there
 * are any, take what has to make room.
 *
 * Source: swapoff(2) (ENOMEM).
 */
#include "kernel/file_state.h"
#include "kernel/swap_state.h"
#include "kernel/vma.h"

#include <errno.h>

enum { EMPTY_TRIES = 16 }; /* rounds in which nothing came back */

struct unuse {
	struct pgtable_walk walk;
	struct swap_area *area;
	struct swap_reader reader;
};

/* The page for the slot, written to the end, with a reference; NULL. */
static struct page *unuse_read(struct mmsim_machine *machine,
			       const struct swap_reader *reader,
			       swp_entry_t entry)
{
	struct page *page = swap_cache_get(machine, entry);

	if (!page)
		page = swap_readahead(machine, reader, entry);
	if (page)
		blkdev_wait_page(machine, page);
	return page;
}

/* --- address spaces ------------------------------------------------------ */

static int unuse_visit(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		       bool huge)
{
	struct unuse *unuse = container_of(walk, struct unuse, walk);
	struct mmsim_machine *machine = walk->mm->machine;
	struct vm_area_struct *vma = unuse->reader.vma;
	swp_entry_t slot = pte_to_swp_entry(*entry);
	pte_t old = *entry;
	struct page *page;

	if (huge || !pte_is_swap(old) || swp_type(slot) != unuse->area->type)
		return 0;
	unuse->reader.addr = addr;
	page = unuse_read(machine, &unuse->reader, slot);
	if (!page)
		return *entry == old ? -ENOMEM : 0;
	if (*entry != old) {
		page_put(machine, page);
		return 0;
	}
	swap_in_page(vma, addr, entry, page,
		     vma_page_prot(vma) & ~(pte_t)PTE_ACCESSED,
		     old & PTE_SWP_EXCLUSIVE);
	swap_free(machine, slot);
	swap_try_to_free(machine, page);
	return 0;
}

static int unuse_mm(struct swap_area *area, struct mmsim_task *task,
		    struct mm_struct *mm)
{
	struct unuse unuse = {
		.walk = {.mm = mm, .visit = unuse_visit},
		.area = area,
		.reader = {.task = task, .gfp = GFP_F_RETRY_MAYFAIL},
	};
	struct vm_area_struct *vma;

	for_each_vma(mm, vma)
	{
		int err;

		if (!vma->anon_vma)
			continue;
		unuse.reader.vma = vma;
		err = pgtable_walk(&unuse.walk, vma->start, vma->end);
		if (err)
			return err;
	}
	return 0;
}

static int unuse_tasks(struct swap_area *area, struct mmsim_task *task)
{
	struct mmsim_task *other;

	list_for_each(other, &area->machine->tasks, link)
	{
		int err = 0;

		if (other->mm && other->mm->rss[MM_SWAPENTS] > 0)
			err = unuse_mm(area, task, other->mm);
		if (err)
			return err;
	}
	return 0;
}

/* --- shared objects ------------------------------------------------------ */

static int unuse_object(struct swap_area *area, struct mmsim_task *task,
			struct address_space *mapping)
{
	uint64_t index = 0;
	void *value;

	for (; (value = radix_next(&mapping->pages, &index)); index++) {
		swp_entry_t slot = {radix_to_value(value)};
		struct page *page;
		bool major;
		int err;

		if (!radix_is_value(value) || swp_type(slot) != area->type)
			continue;
		err = shmem_swap_in(task, mapping, index, GFP_F_RETRY_MAYFAIL,
				    &page, &major);
		if (!err)
			page_put(area->machine, page);
		else if (err != -EAGAIN)
			return err;
	}
	return 0;
}

static int unuse_objects(struct swap_area *area, struct mmsim_task *task)
{
	struct inode *inode;

	list_for_each(inode, file_inodes(area->machine), link)
	{
		int err = 0;

		if (inode->mapping.is_shmem)
			err = unuse_object(area, task, &inode->mapping);
		if (err)
			return err;
	}
	return 0;
}

/* --- the swap cache ------------------------------------------------------ */

static void unuse_cached(struct swap_area *area, uint64_t offset)
{
	struct mmsim_machine *machine = area->machine;
	struct page *page = area->cache[offset];

	page_get(page);
	blkdev_wait_page(machine, page);
	swap_try_to_free(machine, page);
	page_put(machine, page);
}

/* Pages that need their slots no more. */
static void unuse_cache(struct swap_area *area)
{
	uint64_t offset = 1;

	while (offset < area->nr_slots) {
		uint64_t cluster = offset / SWAPFILE_CLUSTER;

		if (area->cluster_used[cluster] == 0) {
			offset = (cluster + 1) * SWAPFILE_CLUSTER;
			continue;
		}
		if (area->map[offset] & SLOT_CACHED)
			unuse_cached(area, offset);
		offset++;
	}
}

int swap_area_empty(struct swap_area *area, struct mmsim_task *task)
{
	unsigned nr_futile = 0;

	while (area->nr_used > 0) {
		uint64_t before = area->nr_used;
		int err = unuse_objects(area, task);

		if (!err)
			err = unuse_tasks(area, task);
		if (err)
			return err;
		unuse_cache(area);
		if (area->nr_used >= before && ++nr_futile == EMPTY_TRIES)
			return -ENOMEM;
	}
	return 0;
}
