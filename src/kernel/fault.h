/*
 * fault.h: what happens when an access finds no usable entry.
 *
 *   no area, or not this access        SIGSEGV (MAPERR, ACCERR)
 *   below a stack, near enough         the stack grows, and on
 *   anonymous, nothing there           read: the zero page; write: a page
 *   file or shared object              page of the cache; private write: a copy
 *   present but read-only, area not    copy-on-write, or reuse by the last owner
 *   swap entry                         read back
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"

enum fault_access { FAULT_READ, FAULT_WRITE, FAULT_EXEC };

/*
 * Serves one fault of the task at addr: 0 (try again: there is an entry now),
 * the signal, or -errno as mmsim_access.  Counts min_flt or maj_flt, pgfault,
 * and the virtual time.
 */
int handle_page_fault(struct mmsim_task *task, uintptr_t addr,
		      enum fault_access access);
/* The same for pages that the kernel itself wants (populate, mlock, fork of a
 * pinned page): no signal is told; 0, -EFAULT, -ENOMEM, -EIO. */
int fault_in_page(struct mmsim_task *task, struct vm_area_struct *vma,
		  uintptr_t addr, bool write);
/* Faults in [start, end) of one or more areas, as MAP_POPULATE, mlock and
 * MADV_POPULATE_ do. */
int populate_range(struct mmsim_task *task, uintptr_t start, uintptr_t end,
		   bool write);
/* What populate reads or writes by the area's own flags (mlock's rule). */
int mlock_populate_range(struct mmsim_task *task, uintptr_t start,
			 uintptr_t end);

/*
 * Below: what the files of this module share.
 *
 * One fault on its way.  The functions return 0; -ENOMEM (then the task may
 * have been killed for it, and nothing of its memory may be touched); other
 * errors: SIGBUS.
 */
struct vm_fault {
	struct mmsim_machine *machine;
	struct mmsim_task *task;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	uintptr_t addr; /* of the page */
	bool write;
	bool major;     /* the disk was read */
	bool retried;   /* the disk was asked: as if it had come twice */
	uint64_t cost;  /* ns so far */
};

/* A fault in an area that allows the access; counts it.  `is_kernels`: the kernel
 * wants the page, no access of the task's does. */
int handle_mm_fault(struct mmsim_task *task, struct vm_area_struct *vma,
		    uintptr_t addr, enum fault_access access, bool is_kernels);
/* No memory for the fault of an access: what becomes of the task. */
int fault_out_of_memory(struct mmsim_task *task);
/* A page for the area, by its policy; NULL: no memory. */
struct page *fault_alloc_page(struct vm_fault *fault);
/* A new page of the area's own goes into an empty or cleared entry. */
void fault_map_new_anon(struct vm_fault *fault, pte_t *entry,
			struct page *page);
/* fault_file.c: nothing is there, and a file or shared object is behind. */
int fault_file(struct vm_fault *fault);
/* cow.c: a store to a page that is there, but read-only. */
int fault_write_protected(struct vm_fault *fault, pte_t *entry);

/* In which part of RSS a page counts. */
static inline enum rss_kind page_rss_kind(const struct page *page)
{
	if (page_is_anon(page))
		return MM_ANONPAGES;
	return page_has(page, PG_swapbacked) ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* Before RSS falls: its highest value is kept. */
static inline void mm_update_hiwater_rss(struct mm_struct *mm)
{
	if (mm_rss(mm) > mm->hiwater_rss)
		mm->hiwater_rss = mm_rss(mm);
}

#endif
