/*
 * vma.c: the areas of an address space, and the holes between them.
 *
 * The areas stand in a balanced tree by address.  Each knows the hole in
 * front of it, and each branch of the tree its largest hole, so that both "who
 * holds this address" and "where is room for so many bytes" take O(log n)
 * steps:
 *
 *            [ C  gap 3, branch 9 ]
 *             /                 \
 *   [ A  gap 9, branch 9 ]   [ E  gap 2, branch 2 ]
 *
 * In front of an area that grows downwards 256 pages are kept free: the stack
 * guard gap, which keeps a growing stack from touching what was mapped below
 * it.  The search looks for holes first and at gaps then: a hole that reaches
 * into a gap is given up with everything above the gap's end, holes below
 * smaller areas in that range, too.
 *
 * Splitting makes two areas of one, which map the same pages as before; it is
 * refused at vm.max_map_count.
 *
 * Sources: the kernel's documentation, mm/process_addrs and admin-guide
 * kernel-parameters (stack_guard_gap).
 */
#include "kernel/vma.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/rmap.h"
#include "kernel/shm.h"
#include "kernel/thp.h"

#include <errno.h>
#include <sys/resource.h>

enum { STACK_GUARD_GAP = 256 * 4096 };

static struct vm_area_struct *vma_of(const struct tree_node *node)
{
	return node ? tree_entry(node, struct vm_area_struct, node) : NULL;
}

/* --- the tree ------------------------------------------------------------- */

static uintptr_t vma_branch_gap(const struct tree_node *node)
{
	uintptr_t best = vma_of(node)->gap;

	if (node->left && vma_of(node->left)->subtree_gap > best)
		best = vma_of(node->left)->subtree_gap;
	if (node->right && vma_of(node->right)->subtree_gap > best)
		best = vma_of(node->right)->subtree_gap;
	return best;
}

static void vma_update_branch(struct tree_node *node)
{
	vma_of(node)->subtree_gap = vma_branch_gap(node);
}

void vma_tree_init(struct mm_struct *mm)
{
	tree_init(&mm->vmas, vma_update_branch);
	mm->map_count = 0;
	mm->vma_hint = NULL;
}

struct vm_area_struct *vma_first(struct mm_struct *mm)
{
	return vma_of(tree_first(&mm->vmas));
}

struct vm_area_struct *vma_next(struct vm_area_struct *vma)
{
	return vma_of(tree_next(&vma->node));
}

struct vm_area_struct *vma_prev(struct vm_area_struct *vma)
{
	return vma_of(tree_prev(&vma->node));
}

struct vm_area_struct *vma_find(struct mm_struct *mm, uintptr_t addr)
{
	struct vm_area_struct *found = mm->vma_hint;
	struct tree_node *node = mm->vmas.root;

	if (found && addr >= found->start && addr < found->end)
		return found;
	found = NULL;
	while (node) {
		struct vm_area_struct *vma = vma_of(node);

		if (addr >= vma->end) {
			node = node->right;
			continue;
		}
		found = vma;
		if (addr >= vma->start)
			break;
		node = node->left;
	}
	if (found)
		mm->vma_hint = found;
	return found;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, uintptr_t addr)
{
	struct vm_area_struct *vma = vma_find(mm, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

struct vm_area_struct *vma_find_intersection(struct mm_struct *mm,
					     uintptr_t start, uintptr_t end)
{
	struct vm_area_struct *vma = vma_find(mm, start);

	return vma && vma->start < end ? vma : NULL;
}

uintptr_t vma_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->flags & VM_GROWSDOWN))
		return vma->start;
	return vma->start > STACK_GUARD_GAP ? vma->start - STACK_GUARD_GAP : 0;
}

static uintptr_t vma_gap_in_front(struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = vma_prev(vma);

	return vma->start - (prev ? prev->end : 0);
}

/* The hole in front of vma (may be NULL) is another one now. */
static void vma_refresh_gap(struct vm_area_struct *vma)
{
	uintptr_t gap;

	if (!vma)
		return;
	gap = vma_gap_in_front(vma);
	if (gap == vma->gap)
		return;
	vma->gap = gap;
	tree_updated(&vma->mm->vmas, &vma->node);
}

/* --- holes ------------------------------------------------------------------ */

struct hole_search {
	size_t len;
	uintptr_t low, high;
};

/* The hole of `vma`, cut to the limits of the search; false: too small. */
static bool vma_hole_fits(const struct vm_area_struct *vma,
			  const struct hole_search *search, uintptr_t *from,
			  uintptr_t *to)
{
	*to = vma->start;
	*from = *to - vma->gap;
	if (*from < search->low)
		*from = search->low;
	if (*to > search->high)
		*to = search->high;
	return *to > *from && *to - *from >= search->len;
}

/*
 * Branches whose largest hole is too small are skipped.  A branch that has a
 * large enough hole can disappoint only where a limit cuts that hole, and each
 * limit cuts one.
 */
static uintptr_t vma_hole_down(const struct tree_node *node,
			       const struct hole_search *search)
{
	const struct vm_area_struct *vma = vma_of(node);
	uintptr_t from, to, found;

	if (!node || vma->subtree_gap < search->len ||
	    search->high <= search->low)
		return 0;
	if (vma->end < search->high) {
		found = vma_hole_down(node->right, search);
		if (found)
			return found;
	}
	if (vma_hole_fits(vma, search, &from, &to))
		return to - search->len;
	return vma->start > search->low ? vma_hole_down(node->left, search) : 0;
}

static uintptr_t vma_hole_up(const struct tree_node *node,
			     const struct hole_search *search)
{
	const struct vm_area_struct *vma = vma_of(node);
	uintptr_t from, to, found;

	if (!node || vma->subtree_gap < search->len)
		return 0;
	if (vma->start > search->low) {
		found = vma_hole_up(node->left, search);
		if (found)
			return found;
	}
	if (vma_hole_fits(vma, search, &from, &to))
		return from;
	return vma->end < search->high ? vma_hole_up(node->right, search) : 0;
}

/* The highest hole of the search, whatever stands behind it; 0: none. */
static uintptr_t vma_highest_hole(struct mm_struct *mm,
				  const struct hole_search *search)
{
	struct vm_area_struct *last = vma_of(tree_last(&mm->vmas));
	uintptr_t from =
		last && last->end > search->low ? last->end : search->low;

	if (search->high > from && search->high - from >= search->len)
		return search->high - search->len;
	return vma_hole_down(mm->vmas.root, search);
}

static uintptr_t vma_lowest_hole(struct mm_struct *mm,
				 const struct hole_search *search)
{
	struct vm_area_struct *last = vma_of(tree_last(&mm->vmas));
	uintptr_t from =
		last && last->end > search->low ? last->end : search->low;
	uintptr_t found = vma_hole_up(mm->vmas.root, search);

	if (found)
		return found;
	return search->high > from && search->high - from >= search->len ? from
									 : 0;
}

/* The area in whose guard gap the place [found, found + len) ends, or NULL. */
static struct vm_area_struct *vma_gap_hit(struct mm_struct *mm, uintptr_t found,
					  size_t len)
{
	struct vm_area_struct *next = found ? vma_find(mm, found) : NULL;

	return next && vma_start_gap(next) < found + len ? next : NULL;
}

uintptr_t vma_find_hole_down(struct mm_struct *mm, size_t len, uintptr_t low,
			     uintptr_t high)
{
	struct hole_search search = {len, low, high};
	struct vm_area_struct *next;
	uintptr_t found = vma_highest_hole(mm, &search);

	while ((next = vma_gap_hit(mm, found, len)) != NULL) {
		search.high = vma_start_gap(next);
		found = vma_highest_hole(mm, &search);
	}
	return found;
}

uintptr_t vma_find_hole_up(struct mm_struct *mm, size_t len, uintptr_t low,
			   uintptr_t high)
{
	struct hole_search search = {len, low, high};
	struct vm_area_struct *next;
	uintptr_t found = vma_lowest_hole(mm, &search);

	while ((next = vma_gap_hit(mm, found, len)) != NULL) {
		search.low = next->end;
		found = vma_lowest_hole(mm, &search);
	}
	return found;
}

/* --- areas ------------------------------------------------------------------ */

struct vm_area_struct *vma_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma = kmem_record_alloc(
		mm->machine, KMEM_VM_AREA_STRUCT, sizeof(*vma));

	if (!vma)
		return NULL;
	vma->mm = mm;
	list_init(&vma->mapping_link);
	list_init(&vma->anon_vma_chain);
	return vma;
}

void vma_free(struct vm_area_struct *vma)
{
	struct mmsim_machine *machine = vma->mm->machine;

	anon_vma_unlink_all(vma);
	if (vma->file)
		file_put(vma->file);
	mempolicy_put(machine, vma->policy);
	kmem_record_free(machine, KMEM_VM_AREA_STRUCT, vma);
}

void vma_insert(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct tree_node **link = &mm->vmas.root, *parent = NULL;

	while (*link) {
		parent = *link;
		ASSERT(vma->end <= vma_of(parent)->start ||
		       vma->start >= vma_of(parent)->end);
		link = vma->start < vma_of(parent)->start ? &parent->left
							  : &parent->right;
	}
	vma->gap = 0;
	vma->subtree_gap = 0;
	tree_insert(&mm->vmas, &vma->node, parent, link);
	vma_refresh_gap(vma);
	vma_refresh_gap(vma_next(vma));
	if (vma->mapping)
		list_add_tail(&vma->mapping_link, &vma->mapping->vmas);
	mm->map_count++;
	shm_area_opened(vma);
}

void vma_remove(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	struct vm_area_struct *next = vma_next(vma);

	if (mm->vma_hint == vma)
		mm->vma_hint = NULL;
	tree_remove(&mm->vmas, &vma->node);
	vma_refresh_gap(next);
	list_del(&vma->mapping_link);
	mm->map_count--;
	shm_area_closed(vma);
}

void vma_set_range(struct vm_area_struct *vma, uintptr_t start, uintptr_t end,
		   uint64_t pgoff)
{
	anon_vma_before_resize(vma);
	vma->start = start;
	vma->end = end;
	vma->pgoff = pgoff;
	anon_vma_after_resize(vma);
	vma_refresh_gap(vma);
	vma_refresh_gap(vma_next(vma));
}

struct vm_area_struct *vma_copy(struct vm_area_struct *vma, uintptr_t start,
				size_t len, uint64_t pgoff)
{
	struct vm_area_struct *copy = vma_alloc(vma->mm);

	if (!copy)
		return NULL;
	copy->start = start;
	copy->end = start + len;
	copy->pgoff = pgoff;
	copy->flags = vma->flags;
	copy->kind = vma->kind;
	copy->file = vma->file ? file_get(vma->file) : NULL;
	copy->mapping = vma->mapping;
	copy->policy = mempolicy_get(vma->policy);
	if (anon_vma_clone(copy, vma)) {
		vma_free(copy);
		return NULL;
	}
	return copy;
}

int vma_split_unlimited(struct vm_area_struct *vma, uintptr_t addr,
			bool new_below, struct vm_area_struct **other)
{
	struct vm_area_struct *half;
	uint64_t upper_pgoff = vma_linear_index(vma, addr);

	ASSERT(addr > vma->start && addr < vma->end);
	if (thp_split_pmd_at_borders(vma, vma->start, addr))
		return -ENOMEM;
	if (new_below)
		half = vma_copy(vma, vma->start, addr - vma->start, vma->pgoff);
	else
		half = vma_copy(vma, addr, vma->end - addr, upper_pgoff);
	if (!half)
		return -ENOMEM;
	if (new_below)
		vma_set_range(vma, addr, vma->end, upper_pgoff);
	else
		vma_set_range(vma, vma->start, addr, vma->pgoff);
	vma_insert(vma->mm, half);
	if (other)
		*other = half;
	return 0;
}

int vma_split(struct vm_area_struct *vma, uintptr_t addr, bool new_below,
	      struct vm_area_struct **other)
{
	if (vma->mm->map_count >=
	    (uint64_t)vma->mm->machine->vm.max_map_count) {
		machine_refuse(vma->mm->machine, REFUSAL_MAX_MAP_COUNT);
		return -ENOMEM;
	}
	return vma_split_unlimited(vma, addr, new_below, other);
}

/* --- books ------------------------------------------------------------------ */

void vm_stat_account(struct mm_struct *mm, vm_flags_t flags, int64_t nr_pages)
{
	bool grows = flags & VM_GROWSDOWN;

	if (nr_pages < 0 && mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
	mm->total_vm += (uint64_t)nr_pages;
	if (grows)
		mm->stack_vm += (uint64_t)nr_pages;
	else if ((flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		mm->exec_vm += (uint64_t)nr_pages;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		mm->data_vm += (uint64_t)nr_pages;
}

/* RLIMIT_DATA covers mmap since 4.7; before, the break alone.  A soft limit of 0
 * lets it grow up to the hard one. */
static uint64_t data_limit(const struct mmsim_task *task)
{
	uint64_t soft = task_rlimit(task, RLIMIT_DATA);

	if (task->machine->profile < PROFILE_6_1)
		return RLIM_INFINITY;
	return soft ? soft : task->rlimits[RLIMIT_DATA].hard;
}

bool may_expand_vm(struct mmsim_task *task, vm_flags_t flags, uint64_t nr_pages)
{
	struct mm_struct *mm = task->mm;

	if (mm->total_vm + nr_pages >
	    task_rlimit(task, RLIMIT_AS) >> PAGE_SHIFT) {
		machine_refuse(mm->machine, REFUSAL_RLIMIT_AS);
		return false;
	}
	if ((flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) != VM_WRITE ||
	    mm->data_vm + nr_pages <= data_limit(task) >> PAGE_SHIFT)
		return true;
	machine_refuse(mm->machine, REFUSAL_RLIMIT_DATA);
	return false;
}

bool vma_tree_is_valid(const struct mm_struct *mm)
{
	struct tree_node *node;
	uintptr_t end = 0;
	unsigned count = 0;

	if (!tree_is_balanced(&mm->vmas))
		return false;
	for (node = tree_first(&mm->vmas); node; node = tree_next(node)) {
		struct vm_area_struct *vma = vma_of(node);

		if (vma->start < end || vma->end <= vma->start ||
		    vma->mm != mm || vma->gap != vma_gap_in_front(vma) ||
		    vma->subtree_gap != vma_branch_gap(node))
			return false;
		end = vma->end;
		count++;
	}
	return count == mm->map_count;
}
