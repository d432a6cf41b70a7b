/*
 * lru.h: the lists that reclaim works on: per node, inactive and active, for
 * anonymous and file pages, and the unevictable ones.
 *
 * Simplified: Linux collects 15 pages per CPU before it takes the list's lock;
 * here a page is on its list at once.
 */
#ifndef KERNEL_LRU_H
#define KERNEL_LRU_H

#include "kernel/zone.h"

void lruvec_init(struct lruvec *lruvec);
/* The list that the page's flags say. */
enum lru_list lru_of(const struct page *page);
/* Onto the head of its list, with the counters of node and zone. */
void lru_add(struct mmsim_machine *machine, struct page *page);
/* The same for an anonymous page that a task maps for the first time: inactive
 * since 5.9, active before. */
void lru_add_anon(struct mmsim_machine *machine, struct page *page);
void lru_del(struct mmsim_machine *machine, struct page *page);
/* Its flags changed: to the list where it belongs now. */
void lru_activate(struct mmsim_machine *machine, struct page *page);
void lru_deactivate(struct mmsim_machine *machine, struct page *page);
/* A page of a file that nobody maps is not wanted any more: to the tail of the
 * inactive list, or when it must be written before, there afterwards. */
void lru_deactivate_file(struct mmsim_machine *machine, struct page *page);
/* A page that reclaim waits for is clean now: to the tail of its inactive list,
 * from where it is taken next. */
void lru_rotate_reclaimable(struct mmsim_machine *machine, struct page *page);
/* The page cache's note of a use: the second one activates. */
void mark_page_accessed(struct mmsim_machine *machine, struct page *page);
/* Reclaim of this kind of pages led to so many writes, or to pages read again
 * that were in use; and so many pages were looked at in vain, which counts a
 * little since 6.2. */
void lru_note_cost(struct pglist_data *node, bool file, uint64_t nr_io,
		   uint64_t nr_rotated);
/* mlock and munlock of a page: NR_MLOCK, and the unevictable list. */
void mlock_page(struct mmsim_machine *machine, struct page *page);
void munlock_page(struct mmsim_machine *machine, struct page *page);
/* The page, which is on no list, is unevictable from now on. */
void lru_cull(struct mmsim_machine *machine, struct page *page);
/* A locked page is about to be free: its last area was not locked (any more). */
void mlock_clear_page(struct mmsim_machine *machine, struct page *page);
/* The object of an unevictable page is locked no more (SHM_UNLOCK): back to an
 * inactive list, unless the page is mlocked. */
void lru_rescue(struct mmsim_machine *machine, struct page *page);

#endif
