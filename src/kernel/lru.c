/*
 * lru.c: on which list of its node a page is, and the counters that go with it.
 *
 *             anonymous and tmpfs      files
 *   inactive  new pages; reclaim takes from the tail
 *   active    used twice
 *   unevictable: mlocked, or of an object that is locked (SHM_LOCK)
 *
 * A page comes to the head of a list.  A file page that was used a second time
 * while inactive is activated; anonymous pages are, too, when reclaim finds
 * their accessed bit.  A page that is mlocked is moved to the unevictable list,
 * and back to an inactive one when it is munlocked.
 *
 * Sources: kernel documentation, mm/unevictable-lru; proc(5); recordings
 * (mlock of 64 MiB: Unevictable and Mlocked + 64 MiB, afterwards Inactive).
 */
#include "kernel/lru.h"
#include "kernel/file.h"
#include "kernel/machine.h"

enum { LRU_IO_COST = 32 };

void lruvec_init(struct lruvec *lruvec)
{
	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		list_init(&lruvec->lists[i]);
}

enum lru_list lru_of(const struct page *page)
{
	bool active = page_has(page, PG_active);

	if (page_has(page, PG_unevictable))
		return LRU_UNEVICTABLE;
	if (page_is_file_lru(page))
		return active ? LRU_ACTIVE_FILE : LRU_INACTIVE_FILE;
	return active ? LRU_ACTIVE_ANON : LRU_INACTIVE_ANON;
}

/* The items of both kinds of counters stand in the order of the lists. */
static void lru_count(struct mmsim_machine *machine, const struct page *page,
		      enum lru_list list, int64_t delta)
{
	struct zone *zone = machine_zone_of(machine, page);

	node_stat_add(zone->node,
		      (enum node_stat_item)(NR_INACTIVE_ANON + (int)list),
		      delta);
	zone_stat_add(zone,
		      (enum zone_stat_item)(NR_ZONE_INACTIVE_ANON + (int)list),
		      delta);
}

void lru_add(struct mmsim_machine *machine, struct page *page)
{
	enum lru_list list = lru_of(page);

	ASSERT(!page_has(page, PG_lru | PG_tail));
	page_set(page, PG_lru);
	list_add(&page->lru,
		 &machine_node_of(machine, page)->lruvec.lists[list]);
	lru_count(machine, page, list, page_nr(page));
}

void lru_add_anon(struct mmsim_machine *machine, struct page *page)
{
	if (machine->profile < PROFILE_6_1 && !page_has(page, PG_unevictable))
		page_set(page, PG_active);
	lru_add(machine, page);
}

void lru_del(struct mmsim_machine *machine, struct page *page)
{
	ASSERT(page_has(page, PG_lru));
	page_clear(page, PG_lru);
	list_del(&page->lru);
	lru_count(machine, page, lru_of(page), -(int64_t)page_nr(page));
}

/* Sets and clears flags that decide the list. */
static void lru_reflag(struct mmsim_machine *machine, struct page *page,
		       uint64_t set, uint64_t clear)
{
	bool on_list = page_has(page, PG_lru);

	if (on_list)
		lru_del(machine, page);
	page_clear(page, clear);
	page_set(page, set);
	if (on_list)
		lru_add(machine, page);
}

void lru_activate(struct mmsim_machine *machine, struct page *page)
{
	if (page_has(page, PG_active | PG_unevictable))
		return;
	lru_reflag(machine, page, PG_active, 0);
	count_vm_events(machine, PGACTIVATE, page_nr(page));
}

void lru_deactivate(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_active) || page_has(page, PG_unevictable))
		return;
	lru_reflag(machine, page, 0, PG_active | PG_referenced);
	count_vm_events(machine, PGDEACTIVATE, page_nr(page));
}

void lru_deactivate_file(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_lru) || page_has(page, PG_unevictable) ||
	    page->mapcount > 0)
		return;
	lru_deactivate(machine, page);
	page_clear(page, PG_referenced);
	if (page_has(page, PG_dirty | PG_writeback))
		page_set(page, PG_reclaim);
	else
		lru_rotate_reclaimable(machine, page);
}

void lru_rotate_reclaimable(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_lru) ||
	    page_has(page, PG_unevictable | PG_dirty))
		return;
	lru_reflag(machine, page, 0, PG_active);
	list_move_tail(
		&page->lru,
		&machine_node_of(machine, page)->lruvec.lists[lru_of(page)]);
	count_vm_events(machine, PGROTATED, page_nr(page));
}

void mark_page_accessed(struct mmsim_machine *machine, struct page *page)
{
	page = page_head(page);
	if (!page_has(page, PG_referenced)) {
		page_set(page, PG_referenced);
		return;
	}
	if (page_has(page, PG_active | PG_unevictable))
		return;
	lru_activate(machine, page);
	page_clear(page, PG_referenced);
	machine_node_of(machine, page)->lruvec.nonresident_age += page_nr(page);
}

/* Old costs are halved before they outgrow the lists: the last ones count. */
void lru_note_cost(struct pglist_data *node, bool file, uint64_t nr_io,
		   uint64_t nr_rotated)
{
	struct lruvec *lruvec = &node->lruvec;
	uint64_t cost = nr_io, size = 0;

	/* a read or write is as dear as 32 pages that are looked at */
	if (node->machine->profile >= PROFILE_6_18)
		cost = nr_io * LRU_IO_COST + nr_rotated;
	if (file)
		lruvec->file_cost += cost;
	else
		lruvec->anon_cost += cost;
	for (int list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++)
		size += node->stat[NR_INACTIVE_ANON + list];
	if (lruvec->file_cost + lruvec->anon_cost > size / 4) {
		lruvec->file_cost /= 2;
		lruvec->anon_cost /= 2;
	}
}

void lru_cull(struct mmsim_machine *machine, struct page *page)
{
	page_clear(page, PG_active);
	if (page_has(page, PG_unevictable))
		return;
	page_set(page, PG_unevictable);
	count_vm_events(machine, UNEVICTABLE_PGCULLED, page_nr(page));
}

void mlock_page(struct mmsim_machine *machine, struct page *page)
{
	bool on_list;

	if (page_has(page, PG_mlocked))
		return;
	on_list = page_has(page, PG_lru);
	if (on_list)
		lru_del(machine, page);
	lru_cull(machine, page);
	page_set(page, PG_mlocked);
	if (on_list)
		lru_add(machine, page);
	zone_stat_add(machine_zone_of(machine, page), NR_MLOCK, page_nr(page));
	count_vm_events(machine, UNEVICTABLE_PGMLOCKED, page_nr(page));
}

void munlock_page(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_mlocked))
		return;
	if (page_is_of_locked_object(page)) {
		page_clear(page, PG_mlocked);
	} else {
		lru_reflag(machine, page, 0, PG_mlocked | PG_unevictable);
		count_vm_events(machine, UNEVICTABLE_PGRESCUED, page_nr(page));
	}
	zone_stat_add(machine_zone_of(machine, page), NR_MLOCK,
		      -(int64_t)page_nr(page));
	count_vm_events(machine, UNEVICTABLE_PGMUNLOCKED, page_nr(page));
}

void mlock_clear_page(struct mmsim_machine *machine, struct page *page)
{
	page_clear(page, PG_mlocked);
	zone_stat_add(machine_zone_of(machine, page), NR_MLOCK,
		      -(int64_t)page_nr(page));
	count_vm_events(machine, UNEVICTABLE_PGCLEARED, page_nr(page));
}

void lru_rescue(struct mmsim_machine *machine, struct page *page)
{
	if (!page_has(page, PG_unevictable) || page_has(page, PG_mlocked))
		return;
	lru_reflag(machine, page, 0, PG_unevictable);
	count_vm_events(machine, UNEVICTABLE_PGRESCUED, page_nr(page));
}
