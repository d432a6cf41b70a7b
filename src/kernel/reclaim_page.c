/*
 * reclaim_page.c: what becomes of each page of a batch.
 *
 *   page --> mlocked? of a locked segment? -------> unevictable
 *        --> being written? ----------------------> wait for it: active, marked
 *        --> used since the last look?
 *              by entries: the second time, or     active
 *                code of a file
 *              by entries: the first time          once more around
 *        --> anonymous without a slot of swap -----> gets one; none: active
 *        --> mapped --------------------------------> all entries go
 *        --> dirty: file ----------------------------> the flusher's: active,
 *                                                    marked
 *                   anonymous, shared -------------> written to swap
 *        --> clean, and nobody has a reference ------> free
 *
 * "marked" is PG_reclaim: the end of the write brings the page to the tail of
 * the inactive list, from where it is taken at once.  kswapd writes file pages
 * itself only where it has met nothing but dirty ones (reclaims_dirty) and
 * comes to a page for the second time: single pages are dear for the disk.
 *
 * Every new page is mapped by the fault that made it, with its accessed bit
 * set; so only the second look tells something (PG_referenced is the first).
 * Before 5.9 anonymous pages began active and were active again at the first.
 *
 * A page is freed when all its references are known: the cache's and this
 * batch's.
 *
 * A huge page is split before it goes, and its pages are looked at one by one.
 *
 * Simplified: a huge page is never written to swap in one piece; who reclaims
 * never waits for a write in the middle of a batch.
 *
 * Source: kernel documentation, mm/unevictable-lru, mm/transhuge; recordings
 * (pgscan, pgsteal, pgactivate, nr_vmscan_write, nr_vmscan_immediate_reclaim).
 */
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"
#include "kernel/thp.h"
#include "kernel/writeback.h"

enum page_fate { FATE_FREE, FATE_KEEP, FATE_ACTIVATE };

/* A file's page, which the flusher writes; MADV_FREE's are on those lists, too.
 */
static bool is_flushers(const struct page *page)
{
	return page_is_file_lru(page) && !page_is_anon(page);
}

/* Of tmpfs or a shared object, and not on its way to swap yet. */
static bool is_shmem_page(const struct page *page)
{
	return page_has(page, PG_swapbacked) && !page_is_anon(page) &&
	       !page_has(page, PG_swapcache);
}

/* There is a place where its content can go. */
static bool page_has_store(const struct page *page)
{
	return !page_is_anon(page) || page_has(page, PG_swapcache);
}

static void note_dirty(const struct page *page, struct scan_seen *seen)
{
	bool writeback = page_has(page, PG_writeback);

	if (is_flushers(page)) {
		seen->dirty += page_has(page, PG_dirty | PG_writeback) != 0;
		seen->unqueued_dirty += page_has(page, PG_dirty) && !writeback;
	}
	seen->congested += writeback && page_has(page, PG_reclaim);
}

/* It is on its way to the disk, and comes back by itself. */
static enum page_fate wait_for_write(const struct pglist_data *node,
				     struct page *page,
				     const struct scan_control *sc,
				     struct scan_seen *seen)
{
	if (sc->is_kswapd && page_has(page, PG_reclaim) &&
	    node->reclaims_writeback) {
		seen->immediate++;
	} else {
		page_set(page, PG_reclaim);
		seen->writeback++;
	}
	return FATE_ACTIVATE;
}

/* FATE_FREE: it may go; *only_clean: but not if it must be written first. */
static enum page_fate judge_use(struct page *page,
				const struct scan_control *sc, bool *only_clean)
{
	bool was_referenced = page_has(page, PG_referenced);
	bool is_old = sc->machine->profile < PROFILE_6_1;
	vm_flags_t vm_flags;
	unsigned nr;

	*only_clean = false;
	if (sc->ignore_references)
		return FATE_FREE;
	nr = page_referenced(sc->machine, page, &vm_flags);
	page_clear(page, PG_referenced);
	if (vm_flags & VM_LOCKED)
		return FATE_ACTIVATE;
	if (nr > 0) {
		page_set(page, PG_referenced);
		if (page_has(page, PG_swapbacked) && is_old)
			return FATE_ACTIVATE;
		if (was_referenced || nr > 1 ||
		    ((vm_flags & VM_EXEC) && page_is_file_lru(page)))
			return FATE_ACTIVATE;
		return FATE_KEEP;
	}
	*only_clean = was_referenced && page_is_file_lru(page);
	return FATE_FREE;
}

/* FATE_FREE: no entry leads to it any more. */
static enum page_fate unmap(struct page *page, struct scan_control *sc)
{
	struct mmsim_machine *machine = sc->machine;

	if (page_is_anon(page) && page_has(page, PG_swapbacked) &&
	    !page_has(page, PG_swapcache)) {
		if (!(sc->gfp & GFP_F_IO))
			return FATE_KEEP;
		if (swap_add_page(machine, page))
			return FATE_ACTIVATE;
	}
	if (page->mapcount > 0 && !try_to_unmap(machine, page))
		return FATE_ACTIVATE;
	return FATE_FREE;
}

static bool may_write(const struct page *page, const struct scan_control *sc)
{
	gfp_t needed = page_has(page, PG_swapcache) ? GFP_F_IO : GFP_F_FS;

	return (sc->gfp & needed) && sc->may_writepage;
}

/* 0, or why it cannot be written. */
static int start_write(struct page *page, struct mmsim_machine *machine)
{
	int err;

	if (page_has(page, PG_swapcache))
		return swap_writepage(machine, page);
	if (is_flushers(page))
		return writeback_page(page);
	err = shmem_writepage(machine, page);
	return err ? err : swap_writepage(machine, page);
}

/* References that are known: the cache's and the batch's. */
static bool is_ours_alone(const struct page *page)
{
	return page->refcount == 2;
}

/* FATE_FREE: it is clean now. */
static enum page_fate write_out(const struct pglist_data *node,
				struct page *page, bool only_clean,
				struct scan_control *sc,
				struct batch_result *result)
{
	if (is_flushers(page) &&
	    !(sc->is_kswapd && page_has(page, PG_reclaim) &&
	      node->reclaims_dirty)) {
		node_stat_add(machine_node_of(sc->machine, page),
			      NR_VMSCAN_IMMEDIATE, 1);
		page_set(page, PG_reclaim);
		return FATE_ACTIVATE;
	}
	if (only_clean || !may_write(page, sc) || !is_ours_alone(page))
		return FATE_KEEP;
	page_set(page, PG_reclaim);
	if (start_write(page, sc->machine)) {
		page_clear(page, PG_reclaim);
		return FATE_ACTIVATE;
	}
	if (!page_has(page, PG_writeback))
		page_clear(page, PG_reclaim);
	node_stat_add(machine_node_of(sc->machine, page), NR_VMSCAN_WRITE, 1);
	result->nr_pageout++;
	return page_has(page, PG_writeback | PG_dirty) ? FATE_KEEP : FATE_FREE;
}

/* Out of its cache; FATE_FREE: only the batch's reference is left. */
static enum page_fate leave_cache(struct page *page, struct scan_control *sc)
{
	struct mmsim_machine *machine = sc->machine;

	if (page_has(page, PG_swapcache)) {
		if (!is_ours_alone(page))
			return FATE_KEEP;
		swap_cache_delete(machine, page,
				  workingset_eviction(machine, page));
	} else if (page_is_anon(page)) {
		if (page->refcount > 1)
			return FATE_KEEP;
		if (!page_has(page, PG_swapbacked))
			count_vm_event(machine, PGLAZYFREED);
	} else if (page->mapping) {
		if (!is_ours_alone(page))
			return FATE_KEEP;
		if (is_shmem_page(page))
			shmem_drop_hole(page);
		else
			filemap_evict(page, workingset_eviction(machine, page));
	}
	return page->refcount == 1 ? FATE_FREE : FATE_KEEP;
}

static bool split_visit(struct rmap_walk *walk, struct vm_area_struct *vma,
			uintptr_t addr, pte_t *entry, bool huge)
{
	(void)walk;
	(void)entry;
	if (huge)
		thp_split_pmd(vma, addr);
	return true;
}

/* The huge page becomes 512 pages at the tail of the batch, to be looked at
 * next; what is mapped nowhere is free.  FATE_KEEP: somebody else holds it. */
static enum page_fate split_huge(struct page *head, struct list_head *pages,
				 struct mmsim_machine *machine)
{
	struct rmap_walk walk = {.visit = split_visit};

	if (head->refcount != 1 + page_total_mapcount(head))
		return FATE_KEEP;
	rmap_walk(machine, head, &walk);
	head->refcount--;
	lru_add(machine, head);
	thp_split_page(machine, head);
	for (unsigned i = HPAGE_PMD_NR; i-- > 0;) {
		if (!page_has(&head[i], PG_lru))
			continue;
		page_get(&head[i]);
		lru_del(machine, &head[i]);
		list_add_tail(&head[i].lru, pages);
	}
	return FATE_FREE;
}

static enum page_fate shrink_huge(struct page *head, struct list_head *pages,
				  struct scan_control *sc)
{
	enum page_fate fate;
	bool only_clean;

	if (page_has(head, PG_unevictable))
		return FATE_ACTIVATE;
	if (!sc->may_unmap && page_total_mapcount(head) > 0)
		return FATE_KEEP;
	fate = judge_use(head, sc, &only_clean);
	if (fate != FATE_FREE)
		return fate;
	if (page_has(head, PG_swapbacked) && !can_reclaim_anon(sc->machine))
		return FATE_ACTIVATE;
	fate = split_huge(head, pages, sc->machine);
	if (fate == FATE_FREE) {
		sc->nr_scanned -= HPAGE_PMD_NR;
		count_vm_event(sc->machine, THP_SWPOUT_FALLBACK);
	}
	return fate;
}

static enum page_fate shrink_page(const struct pglist_data *node,
				  struct page *page, struct scan_control *sc,
				  struct batch_result *result)
{
	enum page_fate fate;
	bool only_clean;

	/* it was on a list when its segment was locked */
	if (page_is_of_locked_object(page))
		lru_cull(sc->machine, page);
	if (page_has(page, PG_unevictable))
		return FATE_ACTIVATE;
	if (!sc->may_unmap && page->mapcount > 0)
		return FATE_KEEP;
	note_dirty(page, &result->seen);
	if (page_has(page, PG_writeback))
		return wait_for_write(node, page, sc, &result->seen);
	fate = judge_use(page, sc, &only_clean);
	if (fate != FATE_FREE)
		return fate;
	fate = unmap(page, sc);
	if (fate != FATE_FREE)
		return fate;
	if (page_has(page, PG_dirty) && page_has_store(page)) {
		fate = write_out(node, page, only_clean, sc, result);
		if (fate != FATE_FREE)
			return fate;
	}
	return leave_cache(page, sc);
}

/* It stays in use for now: its slot may be better used, when swap is short. */
static void activate(struct page *page, struct mmsim_machine *machine)
{
	if (page_has(page, PG_swapcache) &&
	    (swap_is_full(machine) || page_has(page, PG_mlocked)))
		swap_try_to_free(machine, page);
	if (page_has(page, PG_unevictable))
		return;
	page_set(page, PG_active);
	count_vm_events(machine, PGACTIVATE, page_nr(page));
}

void shrink_pages(struct pglist_data *node, struct list_head *pages,
		  struct scan_control *sc, struct batch_result *result)
{
	struct mmsim_machine *machine = sc->machine;
	struct list_head kept;

	list_init(&kept);
	while (!list_is_empty(pages)) {
		struct page *page = list_last(pages, struct page, lru);
		unsigned nr = page_nr(page);
		enum page_fate fate;

		list_del(&page->lru);
		sc->nr_scanned += nr;
		if (page_has(page, PG_head)) {
			fate = shrink_huge(page, pages, sc);
		} else {
			fate = shrink_page(node, page, sc, result);
			if (fate == FATE_FREE) {
				page_put(machine, page);
				result->nr_reclaimed++;
			}
		}
		if (fate == FATE_FREE)
			continue;
		if (fate == FATE_ACTIVATE)
			activate(page, machine);
		list_add(&page->lru, &kept);
	}
	list_splice(&kept, pages);
}
