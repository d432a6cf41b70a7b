/*
 * madvise.c: what a program says about its memory.
 *
 *   advice                     effect
 *   NORMAL SEQUENTIAL RANDOM   a flag of the area: split and merged like
 *   DONTFORK DOFORK ...        mprotect does
 *   DONTNEED                   pages go; reads as zeros or as the file again
 *   FREE                       private pages become clean, to be dropped when
 *                              memory is short; a later store keeps them; what
 *                              is on swap goes at once
 *   COLD                       the first to be reclaimed
 *   PAGEOUT                    reclaimed now: dropped, or on the way to swap
 *   REMOVE                     a hole in the shared object itself
 *   WILLNEED                   pages of the file are read ahead, or from swap
 *   POPULATE_READ, _WRITE      faults, now
 *
 * The areas of the range are visited in order.  A hole does not stop the call
 * (but POPULATE), and makes it end with -ENOMEM; any other error stops it, and
 * what was done stays.  A split that fails for want of memory is -EAGAIN.
 *
 * Simplified: COLLAPSE and the guard pages of 6.13 are refused as unknown.
 *
 * Sources: madvise(2); recordings of 6.1; experiments on 6.18.
 */
#include "kernel/fault.h"
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/pgtable.h"
#include "kernel/reclaim.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* --- advice that is a flag of the area ------------------------------------------ */

struct madvise_flags {
	int advice;
	vm_flags_t set, clear;
};

static const struct madvise_flags madvise_flags[] = {
	{ MADV_NORMAL, 0, VM_SEQ_READ | VM_RAND_READ },
	{ MADV_SEQUENTIAL, VM_SEQ_READ, VM_RAND_READ },
	{ MADV_RANDOM, VM_RAND_READ, VM_SEQ_READ },
	{ MADV_DONTFORK, VM_DONTCOPY, 0 },
	{ MADV_DOFORK, 0, VM_DONTCOPY },
	{ MADV_WIPEONFORK, VM_WIPEONFORK, 0 },
	{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
	{ MADV_DONTDUMP, VM_DONTDUMP, 0 },
	{ MADV_DODUMP, 0, VM_DONTDUMP },
	{ MADV_MERGEABLE, VM_MERGEABLE, 0 },
	{ MADV_UNMERGEABLE, 0, VM_MERGEABLE },
	{ MADV_HUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE },
	{ MADV_NOHUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE },
};

static const struct madvise_flags *madvise_find_flags(int advice)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(madvise_flags); i++)
		if (madvise_flags[i].advice == advice)
			return &madvise_flags[i];
	return NULL;
}

/* 0: may be set; 1: passed over in silence; or the error. */
static int madvise_check_flags(const struct vm_area_struct *vma, int advice)
{
	switch (advice) {
	case MADV_DOFORK:
		return vma->flags & VM_IO ? -EINVAL : 0;
	case MADV_WIPEONFORK:
		return vma->file || (vma->flags & VM_SHARED) ? -EINVAL : 0;
	case MADV_DODUMP:
		return vma->flags & VM_SPECIAL ? -EINVAL : 0;
	case MADV_MERGEABLE:
		return vma->flags & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL) ? 1
									   : 0;
	default:
		return 0;
	}
}

static int madvise_set_flags(struct vm_area_struct *vma, uintptr_t start,
			     uintptr_t end, const struct madvise_flags *how)
{
	vm_flags_t flags = (vma->flags & ~how->clear) | how->set;
	int err = madvise_check_flags(vma, how->advice);

	if (err)
		return err < 0 ? err : 0;
	if (flags == vma->flags)
		return 0;
	err = vma_modify(vma, start, end, flags, vma->policy, &vma);
	return err == -ENOMEM ? -EAGAIN : err;
}

/* --- advice about pages ------------------------------------------------------------ */

/* Its content need not be kept when it stays clean: to the files' list, from
 * where reclaim takes it without writing. */
static void madvise_make_lazyfree(struct mmsim_machine *machine,
				  struct page *page)
{
	if (!page_has(page, PG_lru) || !page_has(page, PG_swapbacked) ||
	    page_has(page, PG_unevictable))
		return;
	lru_del(machine, page);
	page_clear(page, PG_active | PG_referenced | PG_swapbacked | PG_dirty);
	lru_add(machine, page);
	count_vm_events(machine, PGLAZYFREE, page_nr(page));
}

/* A page that is dirty, or whose content is on swap, is free for the taking only
 * when nobody else needs that content. */
static bool madvise_is_free_to_go(struct mmsim_machine *machine,
				  struct page *page)
{
	if (!page_is_anon(page))
		return false;
	if (!page_has(page, PG_dirty | PG_swapcache))
		return true;
	if (page_total_mapcount(page) != 1)
		return false;
	return !page_has(page, PG_swapcache) || swap_try_to_free(machine, page);
}

static int madvise_free_visit(struct pgtable_walk *walk, uintptr_t addr,
			      pte_t *entry, bool huge)
{
	struct mmsim_machine *machine = walk->mm->machine;
	pte_t old = *entry;
	struct page *page;

	if (pte_is_swap(old)) {
		pte_store(walk->mm, addr, entry, 0);
		walk->mm->rss[MM_SWAPENTS]--;
		swap_free_and_cache(machine, pte_to_swp_entry(old));
		return 0;
	}
	page = pte_page(machine, old);
	if (!page || (!huge && page_has(page, PG_head | PG_tail)) ||
	    !madvise_is_free_to_go(machine, page))
		return 0;
	pte_set(walk->mm, addr, entry,
		old & ~(pte_t)(PTE_ACCESSED | PTE_DIRTY));
	madvise_make_lazyfree(machine, page);
	return 0;
}

static int madvise_age_visit(struct pgtable_walk *walk, uintptr_t addr,
			     pte_t *entry, bool huge)
{
	struct mmsim_machine *machine = walk->mm->machine;
	struct page *page;

	if (!pte_is_present(*entry))
		return 0;
	page = pte_page(machine, *entry);
	/* what others use, too, is not this task's to judge */
	if (!page || (!huge && page_has(page, PG_head | PG_tail)) ||
	    page_total_mapcount(page) > 1 || !page_has(page, PG_lru))
		return 0;
	if (*entry & PTE_ACCESSED)
		pte_set(walk->mm, addr, entry, *entry & ~(pte_t)PTE_ACCESSED);
	page_clear(page, PG_referenced);
	if (*(const int *)walk->arg == MADV_PAGEOUT)
		reclaim_page(machine, page);
	else
		lru_deactivate(machine, page);
	return 0;
}

/* Pages of a file on disk may be somebody else's: they are put out only for who
 * could write the file. */
static bool madvise_may_age(const struct vm_area_struct *vma, int advice)
{
	return advice != MADV_PAGEOUT || vma_is_anonymous(vma) ||
	       vma->mapping->is_shmem ||
	       task_is_root(vma->mm->machine->current) ||
	       (vma->file->flags & O_ACCMODE) != O_RDONLY;
}

/* FREE, COLD and PAGEOUT: what is present ages at once. */
static int madvise_age(struct vm_area_struct *vma, uintptr_t start,
		       uintptr_t end, int advice)
{
	struct pgtable_walk walk = {
		.mm = vma->mm,
		.visit = advice == MADV_FREE ? madvise_free_visit
					     : madvise_age_visit,
		.arg = &advice,
	};

	if (vma->flags & (VM_LOCKED | VM_PFNMAP))
		return -EINVAL;
	if (advice == MADV_FREE && !vma_is_anonymous(vma))
		return -EINVAL;
	if (!madvise_may_age(vma, advice) ||
	    thp_split_pmd_at_borders(vma, start, end))
		return 0;
	pgtable_walk(&walk, start, end);
	return 0;
}

static int madvise_dontneed(struct vm_area_struct *vma, uintptr_t start,
			    uintptr_t end, int advice)
{
	vm_flags_t forbidden = VM_PFNMAP;

	if (advice == MADV_DONTNEED)
		forbidden |= VM_LOCKED;
	if (vma->flags & forbidden)
		return -EINVAL;
	zap_page_range(vma, start, end);
	return 0;
}

static int madvise_willneed(struct vm_area_struct *vma, uintptr_t start,
			    uintptr_t end)
{
	if (vma_is_anonymous(vma) || vma->mapping->is_shmem) {
		swap_willneed(vma->mm->machine->current, vma, start, end);
	} else {
		struct readahead to = {vma->mapping, &vma->file->ra};

		readahead_force(&to, vma_linear_index(vma, start),
				(end - start) >> PAGE_SHIFT);
	}
	return 0;
}

static int madvise_remove(struct vm_area_struct *vma, uintptr_t start,
			  uintptr_t end)
{
	/* Up to 6.12 the area itself must be writable. */
	vm_flags_t needed = vma->mm->machine->profile >= PROFILE_6_18
				    ? VM_SHARED | VM_MAYWRITE
				    : VM_SHARED | VM_WRITE;

	if ((vma->flags & VM_LOCKED) || !vma->mapping)
		return -EINVAL;
	if ((vma->flags & needed) != needed)
		return -EACCES;
	if (vma->mapping->host->is_swapfile)
		return -ETXTBSY;
	punch_hole(vma->mapping, vma_linear_index(vma, start),
		   vma_linear_index(vma, end) - 1);
	return 0;
}

static int madvise_one(struct vm_area_struct *vma, uintptr_t start,
		       uintptr_t end, int advice)
{
	switch (advice) {
	case MADV_WILLNEED:
		return madvise_willneed(vma, start, end);
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return madvise_dontneed(vma, start, end, advice);
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return madvise_age(vma, start, end, advice);
	case MADV_REMOVE:
		return madvise_remove(vma, start, end);
	default:
		return madvise_set_flags(vma, start, end,
					 madvise_find_flags(advice));
	}
}

/* --- the call ---------------------------------------------------------------------- */

static bool madvise_is_known(const struct mmsim_machine *machine, int advice)
{
	enum profile profile = machine->profile;

	switch (advice) {
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_REMOVE:
		return true;
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return profile >= PROFILE_6_1;
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return profile >= PROFILE_3_10;
	default:
		return madvise_find_flags(advice);
	}
}

static int madvise_populate(struct mmsim_task *task, uintptr_t start,
			    uintptr_t end, bool write)
{
	int err = populate_range(task, start, end, write);

	if (syscall_is_killed(task))
		return -ESRCH;
	/* A fault that would have been a signal. */
	return err > 0 ? -EFAULT : err;
}

static int madvise_range(struct mm_struct *mm, uintptr_t start, uintptr_t end,
			 int advice)
{
	int result = 0;

	while (start < end) {
		struct vm_area_struct *vma = vma_find(mm, start);
		uintptr_t to;
		int err;

		if (!vma)
			return -ENOMEM;
		if (start < vma->start) {
			result = -ENOMEM;
			start = vma->start;
			if (start >= end)
				break;
		}
		to = vma->end < end ? vma->end : end;
		err = madvise_one(vma, start, to, advice);
		if (err)
			return err;
		start = to;
	}
	return result;
}

static int madvise_do(struct mmsim_task *task, uintptr_t start, size_t len,
		      int advice)
{
	uintptr_t end = start + PAGE_ALIGN(len);

	if (!madvise_is_known(task->machine, advice) ||
	    (start & ~PAGE_MASK) || (len && !PAGE_ALIGN(len)) || end < start)
		return -EINVAL;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return madvise_populate(task, start, end,
					advice == MADV_POPULATE_WRITE);
	return madvise_range(task->mm, start, end, advice);
}

PUBLIC int mmsim_madvise(struct mmsim_task *task, uintptr_t addr, size_t len,
			 int advice)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	return (int)syscall_leave(task, madvise_do(task, addr, len, advice));
}
