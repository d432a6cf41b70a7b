/*
 * thp.h: transparent huge pages for anonymous memory.
 */
#ifndef KERNEL_THP_H
#define KERNEL_THP_H

#include "kernel/fault.h"
#include "kernel/slab.h"

enum thp_mode { THP_NEVER, THP_MADVISE, THP_ALWAYS };
enum thp_defrag {
	THP_DEFRAG_ALWAYS,
	THP_DEFRAG_DEFER,
	THP_DEFRAG_DEFER_MADVISE,
	THP_DEFRAG_MADVISE,
	THP_DEFRAG_NEVER,
};

/* State of the machine, /sys/kernel/mm/transparent_hugepage. */
struct thp {
	enum thp_mode enabled;
	enum thp_defrag defrag;
	bool use_zero_page;
	struct page *huge_zero_page; /* NULL until the first read */
	uint64_t khugepaged_full_scans, khugepaged_pages_collapsed;
	uint64_t nr_zero_page_users;   /* address spaces that ever mapped it */
	struct list_head split_queue;  /* of huge pages, by the third page's lru */
	uint64_t split_queue_len;
	struct shrinker zero_page_shrinker, split_shrinker;
};

void thp_init(struct mmsim_machine *machine);
/* Huge pages may be used in this area (THPeligible of smaps). */
bool thp_is_eligible(const struct vm_area_struct *vma);
/* min_free_kbytes that huge pages ask for once they are on; kB. */
uint64_t thp_recommended_min_free_kbytes(const struct mmsim_machine *machine);
/* Sets it to that, if it is less and huge pages are on. */
void thp_raise_min_free_kbytes(struct mmsim_machine *machine);
int thp_set_enabled(struct mmsim_machine *machine, enum thp_mode mode);

/* Serves the fault with a huge page: 1 done, 0 use small pages, or as
 * handle_page_fault. */
int thp_fault_anonymous(struct mmsim_task *task, struct vm_area_struct *vma,
			uintptr_t addr, enum fault_access access);
/* A store to a read-only huge entry: 1 done, 0 split, use small pages. */
int thp_fault_write(struct mmsim_task *task, struct vm_area_struct *vma,
		    uintptr_t addr);
/* The huge entry becomes a table of 512 small ones; 0 or -ENOMEM. */
int thp_split_pmd(struct vm_area_struct *vma, uintptr_t addr);
/* Entries at the borders of a range that is not a multiple of 2 MiB. */
int thp_split_pmd_at_borders(struct vm_area_struct *vma, uintptr_t start,
			     uintptr_t end);
/* zap, copy, move and protect of one huge entry. */
void thp_zap(struct vm_area_struct *vma, uintptr_t addr, pte_t *pmd);
/* Its page and its table in stock go to an empty entry of the same address
 * space. */
void thp_move(struct mm_struct *mm, uintptr_t from, pte_t *src, uintptr_t to,
	      pte_t *dst);
/* 0, -ENOMEM, PGTABLE_AGAIN (it is not huge any more). */
int thp_copy(struct mm_struct *dst, struct vm_area_struct *dst_vma,
	     struct vm_area_struct *src_vma, uintptr_t addr, pte_t *pmd);
/* Pages of it are mapped nowhere any more: it is split when memory is short
 * (a shrinker does it), and they are freed then. */
void thp_defer_split(struct mmsim_machine *machine, struct page *head);
void thp_init_split(struct mmsim_machine *machine);
/* The last reference is gone: it leaves that queue (page_put). */
void thp_forget_split(struct mmsim_machine *machine, struct page *head);
/* It has moved to another frame: in that queue, too. */
void thp_move_deferred(struct mmsim_machine *machine, struct page *head,
		       struct page *target);
/* The huge page of zeros for this address space, made when there is none;
 * false: no memory.  It is kept until thp_drop_zero_page. */
bool thp_use_zero_page(struct mm_struct *mm);
void thp_drop_zero_page(struct mm_struct *mm);
/* Bits of a huge entry for this area. */
pte_t thp_page_prot(const struct vm_area_struct *vma);
/* The huge page itself becomes 512 pages (all its entries are small or gone). */
void thp_split_page(struct mmsim_machine *machine, struct page *head);

#endif
