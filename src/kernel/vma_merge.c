/*
 * vma_merge.c: when areas become one.
 *
 * An area joins its neighbour when nothing tells them apart: the same flags
 * (but for the soft-dirty note), the same open file with the pages in
 * sequence, the same policy; and when their pages can be found through one
 * anon_vma.  The last is where kernels differ.  "Touched" means: has an
 * anon_vma.  "Forked" means: has chains to more than one, as in a child.
 *
 *                                          6.1               6.15 and later
 *   untouched range to touched neighbour   yes, not forked   yes, not forked
 *   touched range to untouched neighbour   no                yes, not forked
 *   both touched                           same anon_vma     same anon_vma
 *   new mapping between two touched areas  joins the next    joins the one
 *   of different anon_vmas                 one only          before only
 *
 *   prev | middle | next   ->   [    prev    ]          all three
 *                               [  prev  ] next         left
 *                               prev [   next   ]       right
 *
 * An area of a System V segment is never dropped for another one, because its
 * end would count as a detach; 6.1 does not join such areas at all, but mremap
 * may grow one.
 *
 * A `middle` of which only a part changes can join the neighbour on its own
 * side of that part: then only the border moves.
 *
 * Sources: recordings of 6.1; experiments on 6.18; the kernel's documentation,
 * mm/process_addrs.
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/rmap.h"
#include "kernel/shm.h"
#include "kernel/vma.h"

#include <errno.h>

/* Copied by fork, and not all of its pages are its own. */
static bool vma_is_forked(const struct vm_area_struct *vma)
{
	return vma && vma->anon_vma && !anon_vma_is_singular(vma);
}

/* 6.1 and before: may `vma` hold pages of `anon_vma` besides its own? */
static bool merge_anon_old(const struct anon_vma *anon_vma,
			   const struct vm_area_struct *vma)
{
	if ((!anon_vma || !vma->anon_vma) && anon_vma_is_singular(vma))
		return true;
	return anon_vma == vma->anon_vma;
}

static bool merge_anon_new(const struct vma_merge *merge,
			   const struct vm_area_struct *vma)
{
	if (!vma->anon_vma && merge->anon_vma)
		return !vma_is_forked(merge->middle) &&
		       !vma_is_forked(merge->copied_from);
	if (vma->anon_vma && !merge->anon_vma)
		return !vma_is_forked(vma);
	return vma->anon_vma == merge->anon_vma;
}

static bool merge_is_old(const struct vma_merge *merge)
{
	return merge->mm->machine->profile < PROFILE_6_18;
}

/* Segments count their areas. */
static bool vma_is_counted(const struct vm_area_struct *vma)
{
	return vma && shm_of_area(vma);
}

/* The range is like this neighbour in all but its place. */
static bool merge_is_alike(const struct vma_merge *merge,
			   const struct vm_area_struct *vma)
{
	if (vma_is_counted(vma) && merge_is_old(merge) &&
	    merge->copied_from != vma)
		return false;
	if ((vma->flags ^ merge->flags) & ~(vm_flags_t)VM_SOFTDIRTY)
		return false;
	if (vma->file != merge->file || vma->mapping != merge->mapping)
		return false;
	if (!mempolicy_equal(vma->policy, merge->policy))
		return false;
	return merge_is_old(merge) ? merge_anon_old(merge->anon_vma, vma)
				   : merge_anon_new(merge, vma);
}

static bool merge_can_join_prev(const struct vma_merge *merge)
{
	const struct vm_area_struct *prev = merge->prev;

	return prev && prev->end == merge->start &&
	       prev->pgoff + vma_pages(prev) == merge->pgoff &&
	       merge_is_alike(merge, prev);
}

static bool merge_can_join_next(const struct vma_merge *merge)
{
	const struct vm_area_struct *next = merge->next;
	uint64_t nr_pages = (merge->end - merge->start) >> PAGE_SHIFT;

	return next && next->start == merge->end &&
	       merge->pgoff + nr_pages == next->pgoff &&
	       merge_is_alike(merge, next);
}

/* Both neighbours fit the range; do they fit each other, and may the next one
 * go? */
static bool merge_can_join_both(const struct vma_merge *merge)
{
	const struct anon_vma *a = merge->prev->anon_vma;
	const struct anon_vma *b = merge->next->anon_vma;

	return (!a || !b || a == b) && !vma_is_counted(merge->next);
}

/* `vma` will hold pages of `from` (may be NULL): it needs its anon_vmas. */
static int merge_take_anon(struct vm_area_struct *vma,
			   struct vm_area_struct *from)
{
	if (!from || !from->anon_vma || vma->anon_vma)
		return 0;
	return anon_vma_clone(vma, from);
}

static void merge_drop(struct vm_area_struct *vma)
{
	vma_remove(vma);
	vma_free(vma);
}

/* Where the range goes; NULL when there is no memory for it. */
static struct vm_area_struct *merge_both(struct vma_merge *merge)
{
	struct vm_area_struct *prev = merge->prev, *next = merge->next;
	uintptr_t end = next->end;

	if (merge_take_anon(prev, next->anon_vma ? next : merge->middle) ||
	    merge_take_anon(prev, merge->copied_from))
		return NULL;
	if (merge->middle)
		merge_drop(merge->middle);
	merge_drop(next);
	vma_set_range(prev, prev->start, end, prev->pgoff);
	return prev;
}

static struct vm_area_struct *merge_left(struct vma_merge *merge)
{
	struct vm_area_struct *prev = merge->prev, *middle = merge->middle;

	if (merge_take_anon(prev, middle) ||
	    merge_take_anon(prev, merge->copied_from))
		return NULL;
	if (middle && middle->end == merge->end)
		merge_drop(middle);
	else if (middle)
		vma_set_range(middle, merge->end, middle->end,
			      vma_linear_index(middle, merge->end));
	vma_set_range(prev, prev->start, merge->end, prev->pgoff);
	return prev;
}

static struct vm_area_struct *merge_right(struct vma_merge *merge)
{
	struct vm_area_struct *next = merge->next, *middle = merge->middle;
	uint64_t nr_pages = (merge->end - merge->start) >> PAGE_SHIFT;

	if (merge_take_anon(next, middle) ||
	    merge_take_anon(next, merge->copied_from))
		return NULL;
	if (middle && middle->start == merge->start)
		merge_drop(middle);
	else if (middle)
		vma_set_range(middle, middle->start, merge->start,
			      middle->pgoff);
	vma_set_range(next, merge->start, next->end, next->pgoff - nr_pages);
	return next;
}

/* mmap of 6.1 looks behind first, and at what is in front with the anon_vma of
 * what it found there. */
static struct vm_area_struct *merge_new_old_kernel(struct vma_merge *merge)
{
	bool right = merge_can_join_next(merge);

	if (right)
		merge->anon_vma = merge->next->anon_vma;
	if (merge_can_join_prev(merge))
		return right ? merge_both(merge) : merge_left(merge);
	return right ? merge_right(merge) : NULL;
}

struct vm_area_struct *vma_merge_new(struct vma_merge *merge)
{
	bool left, right;

	if (merge->flags & VM_SPECIAL)
		return NULL;
	if (merge_is_old(merge) && !merge->copied_from)
		return merge_new_old_kernel(merge);
	left = merge_can_join_prev(merge);
	right = merge_can_join_next(merge);
	if (left && right && merge_can_join_both(merge))
		return merge_both(merge);
	if (left)
		return merge_left(merge);
	return right ? merge_right(merge) : NULL;
}

struct vm_area_struct *vma_merge_existing(struct vma_merge *merge)
{
	struct vm_area_struct *middle = merge->middle;
	bool left, right;

	if (merge->flags & VM_SPECIAL)
		return NULL;
	left = middle->start == merge->start && merge_can_join_prev(merge);
	right = middle->end == merge->end && merge_can_join_next(merge);
	if (vma_is_counted(middle) && middle->start == merge->start &&
	    middle->end == merge->end)
		return NULL;
	if (left && right && merge_can_join_both(merge))
		return merge_both(merge);
	if (left)
		return merge_left(merge);
	return right ? merge_right(merge) : NULL;
}

int vma_modify(struct vm_area_struct *vma, uintptr_t start, uintptr_t end,
	       vm_flags_t flags, struct mempolicy *policy,
	       struct vm_area_struct **result)
{
	struct vma_merge merge = {
		.mm = vma->mm,
		.prev = vma_prev(vma),
		.next = vma_next(vma),
		.middle = vma,
		.start = start,
		.end = end,
		.flags = flags,
		.pgoff = vma_linear_index(vma, start),
		.file = vma->file,
		.mapping = vma->mapping,
		.anon_vma = vma->anon_vma,
		.policy = policy,
	};
	struct mempolicy *old = vma->policy;
	int err;

	*result = vma_merge_existing(&merge);
	if (*result)
		return 0;
	if (start > vma->start) {
		err = vma_split(vma, start, true, NULL);
		if (err)
			return err;
	}
	if (end < vma->end) {
		err = vma_split(vma, end, false, NULL);
		if (err)
			return err;
	}
	vma->flags = flags;
	if (policy != old) {
		vma->policy = mempolicy_get(policy);
		mempolicy_put(vma->mm->machine, old);
	}
	*result = vma;
	return 0;
}

/* Alike but for their access bits, so that a later mprotect could join them. */
static bool vma_is_anon_alike(const struct vm_area_struct *a,
			      const struct vm_area_struct *b)
{
	vm_flags_t ignored = VM_ACCESS_FLAGS | VM_SOFTDIRTY;

	return a->end == b->start && a->pgoff + vma_pages(a) == b->pgoff &&
	       a->file == b->file && a->mapping == b->mapping &&
	       mempolicy_equal(a->policy, b->policy) &&
	       !((a->flags ^ b->flags) & ~ignored);
}

struct anon_vma *vma_find_mergeable_anon_vma(struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma_next(vma), *prev = vma_prev(vma);

	if (next && next->anon_vma && anon_vma_is_singular(next) &&
	    vma_is_anon_alike(vma, next))
		return next->anon_vma;
	if (prev && prev->anon_vma && anon_vma_is_singular(prev) &&
	    vma_is_anon_alike(prev, vma))
		return prev->anon_vma;
	return NULL;
}
