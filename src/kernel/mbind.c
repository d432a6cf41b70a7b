/*
 * mbind.c: the policy of a range of addresses, and pages that follow it.
 *
 * The areas of the range get the policy, cut at the borders where need be (a
 * hole is EFAULT, and nothing has changed).  What is there already stays where
 * it is, unless a flag says otherwise:
 *
 *   MPOL_MF_STRICT    a page on another node than those named: EIO, nothing
 *                     has changed
 *   MPOL_MF_MOVE      such pages move (migrate.c), if no other task maps them
 *   MPOL_MF_MOVE_ALL  shared ones, too; for root
 *   MOVE and STRICT   EIO when one could not be moved; the policy holds
 *
 * A page that moves goes where the policy would have put it.
 *
 * get_mempolicy tells the task's policy, or that of an address, or on which
 * node the page there is.
 *
 * Sources: mbind(2), get_mempolicy(2); recordings (8192 pages moved: numa_hit
 * and other_node of the new node, pgmigrate_success).
 */
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/migrate.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>

enum {
	MBIND_FLAGS = MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL,
	MBIND_MOVES = MPOL_MF_MOVE | MPOL_MF_MOVE_ALL
};

struct mbind_call {
	struct pgtable_walk walk;
	struct mmsim_task *task;
	struct vm_area_struct *vma; /* the one being walked */
	uintptr_t start, end;
	nodemask_t nodes; /* as the caller named them */
	unsigned flags;
	struct list_head pages; /* isolated, to be moved */
	struct migrate_control control;
	uint64_t nr_failed;
};

/* The page behind an entry, if it is on another node than those named. */
static struct page *mbind_misplaced(const struct mbind_call *call, pte_t entry)
{
	struct page *page;

	if (!pte_is_present(entry))
		return NULL;
	page = pte_page(call->task->machine, entry);
	if (!page || page_has(page, PG_reserved) ||
	    (call->nodes >> page_node(page) & 1))
		return NULL;
	return page_head(page);
}

static int mbind_check_entry(struct pgtable_walk *walk, uintptr_t addr,
			     pte_t *entry, bool huge)
{
	struct mbind_call *call = container_of(walk, struct mbind_call, walk);

	(void)addr;
	(void)huge;
	return mbind_misplaced(call, *entry) ? -EIO : 0;
}

/* Collects the page, unless others map it, too. */
static int mbind_collect_entry(struct pgtable_walk *walk, uintptr_t addr,
			       pte_t *entry, bool huge)
{
	struct mbind_call *call = container_of(walk, struct mbind_call, walk);
	struct mmsim_machine *machine = call->task->machine;
	struct page *page = mbind_misplaced(call, *entry);

	(void)addr;
	(void)huge;
	if (!page || (!(call->flags & MPOL_MF_MOVE_ALL) &&
		      page_mapcount(pte_page(machine, *entry)) != 1))
		return 0;
	/* a piece of a huge page may have been met before */
	if (!page_has(page, PG_isolated) &&
	    !migrate_isolate(machine, page, &call->pages))
		call->nr_failed++;
	return 0;
}

/* The place where a task has a page. */
struct mbind_place {
	struct rmap_walk walk;
	const struct mm_struct *mm;
	struct vm_area_struct *vma; /* NULL: nowhere */
	uintptr_t addr;
};

static bool mbind_find_place(struct rmap_walk *walk, struct vm_area_struct *vma,
			     uintptr_t addr, pte_t *entry, bool huge)
{
	struct mbind_place *place = container_of(walk, struct mbind_place, walk);

	(void)entry;
	(void)huge;
	if (vma->mm != place->mm)
		return true;
	place->vma = vma;
	place->addr = addr;
	return false;
}

/* Where the policy would put the page. */
static struct page *mbind_new_page(struct migrate_control *control,
				   struct page *page)
{
	struct mbind_call *call =
		container_of(control, struct mbind_call, control);
	struct mbind_place place = {
		.walk.visit = mbind_find_place,
		.mm = call->task->mm,
	};
	gfp_t gfp = page_has(page, PG_head)
			    ? GFP_TRANSHUGE
			    : GFP_HIGHUSER_MOVABLE | GFP_F_RETRY_MAYFAIL;

	for (unsigned i = 0; i < page_nr(page) && !place.vma; i++)
		rmap_walk(control->machine, &page[i], &place.walk);
	if (!place.vma)
		return NULL;
	return vma_alloc_page(call->task, place.vma, place.addr, gfp,
			      page_order(page));
}

/* Every area of the range, without holes. */
static bool mbind_is_mapped(const struct mbind_call *call)
{
	struct vm_area_struct *vma = vma_lookup(call->task->mm, call->start);
	uintptr_t addr = call->start;

	while (vma && vma->start <= addr && vma->end < call->end) {
		addr = vma->end;
		vma = vma_next(vma);
	}
	return vma && vma->start <= addr;
}

static int mbind_walk(struct mbind_call *call,
		      int (*visit)(struct pgtable_walk *, uintptr_t, pte_t *,
				   bool))
{
	struct mm_struct *mm = call->task->mm;
	struct vm_area_struct *vma;
	int result = 0;

	call->walk.mm = mm;
	call->walk.visit = visit;
	vma = vma_find_intersection(mm, call->start, call->end);
	while (vma && vma->start < call->end && !result) {
		call->vma = vma;
		result = pgtable_walk(&call->walk,
				      max_size(vma->start, call->start),
				      min_size(vma->end, call->end));
		vma = vma_next(vma);
	}
	return result;
}

/* The areas get the policy (NULL: the task's). */
static int mbind_range(struct mbind_call *call, struct mempolicy *policy)
{
	struct mm_struct *mm = call->task->mm;
	uintptr_t addr = call->start;

	while (addr < call->end) {
		struct vm_area_struct *vma = vma_lookup(mm, addr);
		uintptr_t end = min_size(vma->end, call->end);
		int err;

		if (!mempolicy_equal(vma->policy, policy)) {
			err = vma_modify(vma, addr, end, vma->flags, policy,
					 &vma);
			if (err)
				return err;
		}
		addr = end;
	}
	return 0;
}

static int mbind_apply(struct mbind_call *call, struct mempolicy *policy)
{
	int err;

	if (!mbind_is_mapped(call))
		return -EFAULT;
	if ((call->flags & MPOL_MF_STRICT) && !(call->flags & MBIND_MOVES)) {
		err = mbind_walk(call, mbind_check_entry);
		if (err)
			return err;
	}
	err = mbind_range(call, policy);
	if (err || !(call->flags & MBIND_MOVES))
		return err;
	mbind_walk(call, mbind_collect_entry);
	if (migrate_pages(&call->control, &call->pages))
		call->nr_failed++;
	migrate_putback(call->task->machine, &call->pages);
	return call->nr_failed && (call->flags & MPOL_MF_STRICT) ? -EIO : 0;
}

static int do_mbind(struct mbind_call *call, size_t len, int mode)
{
	struct mempolicy *policy;
	int err = mempolicy_check_mode(call->task->machine, mode);

	if (err || (call->flags & ~(unsigned)MBIND_FLAGS))
		return -EINVAL;
	if ((call->flags & MPOL_MF_MOVE_ALL) && !task_is_root(call->task))
		return -EPERM;
	if (call->start & ~PAGE_MASK)
		return -EINVAL;
	if (mode == MPOL_DEFAULT)
		call->flags &= ~(unsigned)MPOL_MF_STRICT;
	call->end = call->start + PAGE_ALIGN(len);
	if (call->end < call->start)
		return -EINVAL;
	if (call->end == call->start)
		return 0;
	err = mempolicy_new(call->task->machine, mode, call->nodes, &policy);
	if (err)
		return err;
	err = mbind_apply(call, policy);
	mempolicy_put(call->task->machine, policy);
	return err;
}

PUBLIC int mmsim_mbind(struct mmsim_task *task, uintptr_t addr, size_t len,
		       int mode, uint64_t nodemask, unsigned flags)
{
	struct mbind_call call = {
		.task = task,
		.start = addr,
		.nodes = nodemask,
		.flags = flags,
	};
	int err = syscall_enter(task);

	if (err)
		return err;
	list_init(&call.pages);
	call.control = (struct migrate_control){
		.machine = task->machine,
		.task = task,
		.may_wait = true,
		.new_page = mbind_new_page,
	};
	err = do_mbind(&call, len, mode);
	if (syscall_is_killed(task))
		err = -ESRCH;
	return (int)syscall_leave(task, err);
}

/* --- get_mempolicy ------------------------------------------------------- */

/* On which node the page at addr is, which is faulted in; or -EFAULT. */
static int mempolicy_node_of(struct mmsim_task *task,
			     struct vm_area_struct *vma, uintptr_t addr)
{
	struct mmsim_machine *machine = task->machine;
	struct page *page;
	pte_t *entry;

	if (fault_in_page(task, vma, addr & PAGE_MASK, false))
		return -EFAULT;
	entry = pte_find(task->mm, addr);
	if (!entry)
		entry = pmd_find(task->mm, addr);
	page = pte_page(machine, *entry);
	if (!page)
		page = machine->zero_page;
	return (int)page_node(page);
}

static nodemask_t mempolicy_told_nodes(const struct mempolicy *policy)
{
	if (!policy)
		return 0;
	return policy->mode_flags &
			       (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
		       ? policy->user_nodes
		       : policy->nodes;
}

/* MPOL_F_NODE without an address: where the next page would be interleaved. */
static int mempolicy_next_node(const struct mmsim_task *task)
{
	const struct mempolicy *policy = task->policy;
	nodemask_t behind;

	if (!policy || policy->mode != MPOL_INTERLEAVE)
		return -EINVAL;
	behind = task->il_prev >= 63
			 ? 0
			 : policy->nodes & ~(nodemask_t)0
						   << (task->il_prev + 1);
	return (int)log2_lowest(behind ? behind : policy->nodes);
}

static int do_get_mempolicy(struct mmsim_task *task, int *mode,
			    uint64_t *nodemask, uintptr_t addr, unsigned flags)
{
	const struct mempolicy *policy = task->policy;
	struct vm_area_struct *vma = NULL;
	int told;

	if (flags &
	    ~(unsigned)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		*mode = MPOL_DEFAULT;
		*nodemask = mempolicy_allowed_nodes(task->machine);
		return 0;
	}
	if (flags & MPOL_F_ADDR) {
		vma = vma_lookup(task->mm, addr);
		if (!vma)
			return -EFAULT;
		policy = vma->policy;
	} else if (addr) {
		return -EINVAL;
	}
	told = policy ? policy->mode | (int)policy->mode_flags : MPOL_DEFAULT;
	if (flags & MPOL_F_NODE)
		told = vma ? mempolicy_node_of(task, vma, addr)
			   : mempolicy_next_node(task);
	if (told < 0)
		return told;
	*mode = told;
	*nodemask = mempolicy_told_nodes(policy);
	return 0;
}

PUBLIC int mmsim_get_mempolicy(struct mmsim_task *task, int *mode,
			       uint64_t *nodemask, uintptr_t addr,
			       unsigned flags)
{
	uint64_t nodes = 0;
	int told = 0, err = syscall_enter(task);

	if (err)
		return err;
	err = do_get_mempolicy(task, &told, &nodes, addr, flags);
	if (!err && mode)
		*mode = told;
	if (!err && nodemask)
		*nodemask = nodes;
	return (int)syscall_leave(task, err);
}
