/*
 * vma.h: the areas of an address space: find, insert, split, merge.
 *
 * vma.c keeps the tree and the holes; vma_merge.c holds the rules by which
 * areas become one, which differ between 6.1 and 6.18.
 */
#ifndef KERNEL_VMA_H
#define KERNEL_VMA_H

#include "kernel/mm.h"

void vma_tree_init(struct mm_struct *mm);
/* The first area that ends behind addr; NULL when there is none. */
struct vm_area_struct *vma_find(struct mm_struct *mm, uintptr_t addr);
/* The area that holds addr, or NULL. */
struct vm_area_struct *vma_lookup(struct mm_struct *mm, uintptr_t addr);
/* The first area that overlaps [start, end), or NULL. */
struct vm_area_struct *vma_find_intersection(struct mm_struct *mm,
					     uintptr_t start, uintptr_t end);
struct vm_area_struct *vma_first(struct mm_struct *mm);
struct vm_area_struct *vma_next(struct vm_area_struct *vma);
struct vm_area_struct *vma_prev(struct vm_area_struct *vma);

#define for_each_vma(mm, vma)                                                  \
	for ((vma) = vma_first(mm); (vma); (vma) = vma_next(vma))

/* From the slab cache vm_area_struct; NULL when there is no memory. */
struct vm_area_struct *vma_alloc(struct mm_struct *mm);
/* Drops what it refers to (file, anon_vmas, policy); it is in no tree. */
void vma_free(struct vm_area_struct *vma);
/* Into the tree, and into its file's list; map_count follows. */
void vma_insert(struct mm_struct *mm, struct vm_area_struct *vma);
void vma_remove(struct vm_area_struct *vma);
/* Moves its borders; neighbours must leave the room. */
void vma_set_range(struct vm_area_struct *vma, uintptr_t start, uintptr_t end,
		   uint64_t pgoff);
/* Cuts at addr; `new_below`: the new area is the lower half.  0, -ENOMEM (no
 * memory, or max_map_count).  *other is the new one (may be NULL). */
int vma_split(struct vm_area_struct *vma, uintptr_t addr, bool new_below,
	      struct vm_area_struct **other);

/* The same without the limit. */
int vma_split_unlimited(struct vm_area_struct *vma, uintptr_t addr,
			bool new_below, struct vm_area_struct **other);
/* A copy of what `vma` is, for [start, start + len): same file, flags, policy
 * and anon_vmas, in no tree yet.  NULL: no memory. */
struct vm_area_struct *vma_copy(struct vm_area_struct *vma, uintptr_t start,
				size_t len, uint64_t pgoff);
/* Where the area begins for others: below a stack a guard gap is kept free. */
uintptr_t vma_start_gap(const struct vm_area_struct *vma);
/* The highest (lowest) hole of len bytes in [low, high); 0: none. */
uintptr_t vma_find_hole_down(struct mm_struct *mm, size_t len, uintptr_t low,
			     uintptr_t high);
uintptr_t vma_find_hole_up(struct mm_struct *mm, size_t len, uintptr_t low,
			   uintptr_t high);
/* The tree, the holes and map_count are right (for self-checks). */
bool vma_tree_is_valid(const struct mm_struct *mm);

/* What the area [start, end) would be, for a merge. */
struct vma_merge {
	struct mm_struct *mm;
	struct vm_area_struct *prev, *next; /* neighbours; may be NULL */
	struct vm_area_struct *middle; /* the area that changes; NULL: a new one */
	uintptr_t start, end;
	vm_flags_t flags;
	uint64_t pgoff;
	struct mmsim_file *file;
	struct address_space *mapping;
	struct anon_vma *anon_vma;
	struct mempolicy *policy;
	/* mremap: the area that is copied to the new place, or that grows. */
	struct vm_area_struct *copied_from;
};

/* The area that holds [start, end) after the merge, or NULL: no merge. */
struct vm_area_struct *vma_merge_new(struct vma_merge *merge);
struct vm_area_struct *vma_merge_existing(struct vma_merge *merge);
/* The anon_vma of a neighbour that a new fault in `vma` may use, or NULL. */
struct anon_vma *vma_find_mergeable_anon_vma(struct vm_area_struct *vma);

/*
 * [start, end) of `vma` gets new flags and policy: merges, or splits as
 * needed; *result is the area that holds the range.  Used by mprotect,
 * madvise, mlock, mbind.
 */
int vma_modify(struct vm_area_struct *vma, uintptr_t start, uintptr_t end,
	       vm_flags_t flags, struct mempolicy *policy,
	       struct vm_area_struct **result);

/* An address for a new mapping of len bytes: 0 or -ENOMEM, -EEXIST, -EPERM,
 * -EINVAL; `flags` are MAP_ bits (get_unmapped_area.c). */
int get_unmapped_area(struct mmsim_task *task, uintptr_t hint, size_t len,
		      int flags, uintptr_t *addr);

/* The same for `file` from page pgoff, which may want an alignment. */
int get_unmapped_area_file(struct mmsim_task *task, struct mmsim_file *file,
			   uintptr_t hint, size_t len, uint64_t pgoff,
			   int flags, uintptr_t *addr);

/* do_mmap and its like, without the system call's own checks of the caller. */
int mmap_region(struct mmsim_task *task, uintptr_t addr, size_t len,
		vm_flags_t flags, struct mmsim_file *file,
		struct address_space *mapping, uint64_t pgoff);
/* mmap without the checks of a descriptor and of an unaligned offset; *addr is
 * asked for, and what was given.  Locked areas are faulted in. */
int do_mmap(struct mmsim_task *task, size_t len, int prot, int flags,
	    struct mmsim_file *file, uint64_t pgoff, uintptr_t *addr);
int do_munmap(struct mm_struct *mm, uintptr_t start, size_t len);
/* Its two halves: areas are made to end at start and end (0 or -ENOMEM); they
 * go, and the pages that they were promised are returned: still charged. */
int munmap_cut_borders(struct mm_struct *mm, uintptr_t start, uintptr_t end);
uint64_t munmap_whole_areas(struct mm_struct *mm, uintptr_t start,
			    uintptr_t end);
/* Grows a GROWSDOWN area to hold addr; 0 or -ENOMEM (stack.c). */
int expand_stack(struct mmsim_task *task, struct vm_area_struct *vma,
		 uintptr_t addr);
/* RLIMIT_AS and RLIMIT_DATA allow nr_pages more of these flags. */
bool may_expand_vm(struct mmsim_task *task, vm_flags_t flags,
		   uint64_t nr_pages);
/* total_vm, data_vm, exec_vm, stack_vm follow. */
void vm_stat_account(struct mm_struct *mm, vm_flags_t flags, int64_t nr_pages);

#endif
