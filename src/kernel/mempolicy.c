/*
 * mempolicy.c: memory policies: from which node a page is taken.
 *
 *   DEFAULT         the task's policy, or else LOCAL
 *   LOCAL           the node of the CPU first, then the others by distance
 *   PREFERRED       one node first (the lowest of the mask), then the others
 *   PREFERRED_MANY  the nearest of some nodes, then any
 *   BIND            some nodes and no others, the nearest first: nothing is
 *                   spread, and when they are full a task is killed
 *   INTERLEAVE      one after the other: by address in an area, by turns for
 *                   what has no address
 *
 * An area's policy goes before the task's.  A mask is cut to the nodes with
 * memory; RELATIVE_NODES counts in those nodes, STATIC_NODES is kept as asked
 * (without cpusets both only matter for what get_mempolicy tells).
 *
 * Kernel memory on behalf of a task follows the task's policy, too, unless the
 * request is for a zone below those that policies govern (the highest that
 * has memory).
 *
 * Simplified: a policy of shared memory stays with the area, not with the
 * object.  No cpusets, no weights.
 *
 * Sources: set_mempolicy(2), mbind(2), get_mempolicy(2); kernel documentation,
 * admin-guide/mm/numa_memory_policy; recordings for the counters.
 */
#include "kernel/mempolicy.h"
#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "kernel/proc/proc.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <string.h>

#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif

enum {
	MEMPOLICY_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES |
			  MPOL_F_NUMA_BALANCING
};

/* --- what a policy is ---------------------------------------------------- */

struct mempolicy *mempolicy_get(struct mempolicy *policy)
{
	if (policy)
		policy->refcount++;
	return policy;
}

void mempolicy_put(struct mmsim_machine *machine, struct mempolicy *policy)
{
	if (policy && --policy->refcount == 0)
		kmem_record_free(machine, KMEM_MEMPOLICY, policy);
}

bool mempolicy_equal(const struct mempolicy *a, const struct mempolicy *b)
{
	if (!a || !b)
		return a == b;
	return a->mode == b->mode && a->mode_flags == b->mode_flags &&
	       a->nodes == b->nodes && a->user_nodes == b->user_nodes;
}

nodemask_t mempolicy_allowed_nodes(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	nodemask_t nodes = 0;
	unsigned i;

	for_each_node(machine, node, i)
		if (node->is_online && node->has_memory)
			nodes |= (nodemask_t)1 << i;
	return nodes;
}

static unsigned nodemask_weight(nodemask_t nodes)
{
	return (unsigned)__builtin_popcountll(nodes);
}

/* The n-th node of the mask, counted from 0. */
static unsigned nodemask_nth(nodemask_t nodes, unsigned n)
{
	while (n-- > 0)
		nodes &= nodes - 1;
	return log2_lowest(nodes);
}

/* Bit n asks for the n-th allowed node, going round. */
static nodemask_t nodemask_relative(nodemask_t nodes, nodemask_t allowed)
{
	unsigned weight = nodemask_weight(allowed);
	nodemask_t result = 0;

	for (unsigned i = 0; i < 64; i++)
		if (nodes >> i & 1)
			result |= (nodemask_t)1
				  << nodemask_nth(allowed, i % weight);
	return result;
}

static int mempolicy_last_mode(const struct mmsim_machine *machine)
{
	return machine->profile >= PROFILE_6_1 ? MPOL_PREFERRED_MANY
					       : MPOL_LOCAL;
}

int mempolicy_check_mode(const struct mmsim_machine *machine, int mode)
{
	int both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	int flags = mode & MEMPOLICY_FLAGS;

	mode &= ~MEMPOLICY_FLAGS;
	if (mode < 0 || mode > mempolicy_last_mode(machine) ||
	    (flags & both) == both ||
	    ((flags & MPOL_F_NUMA_BALANCING) && mode != MPOL_BIND))
		return -EINVAL;
	return 0;
}

/* Mode and mask fit together; *mode may become another. */
static bool mempolicy_is_valid(int *mode, unsigned mode_flags, nodemask_t nodes)
{
	unsigned both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;

	switch (*mode) {
	case MPOL_DEFAULT:
		return !nodes && !mode_flags;
	case MPOL_LOCAL:
		return !nodes && !(mode_flags & both);
	case MPOL_PREFERRED:
		if (nodes)
			return true;
		*mode = MPOL_LOCAL;
		return !(mode_flags & both);
	default:
		return nodes != 0;
	}
}

int mempolicy_new(struct mmsim_machine *machine, int mode, nodemask_t nodes,
		  struct mempolicy **policy)
{
	unsigned mode_flags = (unsigned)mode & MEMPOLICY_FLAGS;
	nodemask_t allowed = mempolicy_allowed_nodes(machine), used;
	struct mempolicy *made;

	if (mempolicy_check_mode(machine, mode))
		return -EINVAL;
	mode &= ~MEMPOLICY_FLAGS;
	if (!mempolicy_is_valid(&mode, mode_flags, nodes))
		return -EINVAL;
	*policy = NULL;
	if (mode == MPOL_DEFAULT)
		return 0;
	used = mode_flags & MPOL_F_RELATIVE_NODES
		       ? nodemask_relative(nodes, allowed)
		       : nodes & allowed;
	if (mode != MPOL_LOCAL && !used)
		return -EINVAL;
	if (mode == MPOL_PREFERRED)
		used &= -used;
	made = kmem_record_alloc(machine, KMEM_MEMPOLICY, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->refcount = 1;
	made->mode = mode;
	made->mode_flags = mode_flags;
	made->nodes = used;
	if (mode_flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		made->user_nodes = nodes;
	*policy = made;
	return 0;
}

void mempolicy_text(const struct mempolicy *policy, char *buf, size_t len)
{
	static const char names[][16] = {
		[MPOL_DEFAULT] = "default",
		[MPOL_PREFERRED] = "prefer",
		[MPOL_BIND] = "bind",
		[MPOL_INTERLEAVE] = "interleave",
		[MPOL_LOCAL] = "local",
		[MPOL_PREFERRED_MANY] = "prefer (many)",
	};
	struct outbuf out;

	outbuf_init(&out, buf, len, -1);
	outbuf_str(&out, names[policy ? policy->mode : MPOL_DEFAULT]);
	if (!policy)
		return;
	if (policy->mode_flags & MPOL_F_STATIC_NODES)
		outbuf_str(&out, "=static");
	else if (policy->mode_flags & MPOL_F_RELATIVE_NODES)
		outbuf_str(&out, "=relative");
	if (policy->nodes) {
		outbuf_str(&out, ":");
		proc_show_list(&out, policy->nodes);
	}
}

/* --- from which node ----------------------------------------------------- */

enum zone_type mempolicy_zone(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	int highest = 0;
	unsigned i;

	for_each_node(machine, node, i)
		for (int j = highest; j <= ZONE_HIGHMEM; j++)
			if (zone_is_populated(&node->zones[j]))
				highest = j;
	return (enum zone_type)highest;
}

/* One of the nodes has memory that the kernel can use for itself. */
static bool nodes_have_kernel_memory(const struct mmsim_machine *machine,
				     nodemask_t nodes)
{
	const struct pglist_data *node;
	unsigned i;

	for_each_node(machine, node, i)
		for (int type = 0; type <= ZONE_HIGHMEM; type++)
			if ((nodes >> i & 1) &&
			    zone_is_populated(&node->zones[type]))
				return true;
	return false;
}

/* The policy binds the request.  Nodes that have only Movable bind no more than
 * what can be put there. */
static bool policy_binds(const struct mmsim_machine *machine,
			 const struct mempolicy *policy, gfp_t gfp)
{
	enum zone_type from = mempolicy_zone(machine);

	if (!policy || policy->mode != MPOL_BIND)
		return false;
	if (!nodes_have_kernel_memory(machine, policy->nodes))
		from = ZONE_MOVABLE;
	return gfp_zone(machine, gfp) >= from;
}

nodemask_t mempolicy_bind_nodes(const struct mmsim_task *task, gfp_t gfp)
{
	const struct mempolicy *policy = task->policy;

	return policy_binds(task->machine, policy, gfp) ? policy->nodes : 0;
}

static struct page *alloc_interleaved(struct mmsim_task *task, gfp_t gfp,
				      unsigned order, unsigned node)
{
	struct mmsim_machine *machine = task->machine;
	struct page *page =
		alloc_pages_node(machine, task, gfp, order, node, 0);

	if (page && page_node(page) == node)
		machine_zone_of(machine, page)
			->numa_stat[NUMA_INTERLEAVE_HIT]++;
	return page;
}

/* First without much effort from the preferred nodes, then from anywhere. */
static struct page *alloc_preferred_many(struct mmsim_task *task, gfp_t gfp,
					 unsigned order,
					 const struct mempolicy *policy)
{
	gfp_t gentle = (gfp | GFP_F_NOWARN) &
		       ~(gfp_t)(GFP_F_DIRECT_RECLAIM | GFP_F_NOFAIL);
	struct page *page = alloc_pages_node(task->machine, task, gentle, order,
					     task->node, policy->nodes);

	if (page)
		return page;
	return alloc_pages_node(task->machine, task, gfp, order, task->node, 0);
}

/* A huge page is only taken from the preferred node at first. */
static struct page *alloc_huge(struct mmsim_task *task, gfp_t gfp,
			       unsigned order, unsigned node, nodemask_t nodes)
{
	struct page *page;

	if (nodes && !(nodes >> node & 1))
		return alloc_pages_node(task->machine, task, gfp, order, node,
					nodes);
	page = alloc_pages_node(task->machine, task,
				gfp | GFP_F_THISNODE | GFP_F_NORETRY, order,
				node, 0);
	if (!page && (gfp & GFP_F_DIRECT_RECLAIM))
		page = alloc_pages_node(task->machine, task, gfp, order, node,
					nodes);
	return page;
}

/* All modes but INTERLEAVE. */
static struct page *alloc_by_policy(struct mmsim_task *task, gfp_t gfp,
				    unsigned order,
				    const struct mempolicy *policy)
{
	unsigned node = task->node;
	nodemask_t nodes = 0;

	if (policy && policy->mode == MPOL_PREFERRED_MANY)
		return alloc_preferred_many(task, gfp, order, policy);
	if (policy && policy->mode == MPOL_PREFERRED)
		node = log2_lowest(policy->nodes);
	if (policy_binds(task->machine, policy, gfp))
		nodes = policy->nodes;
	if (order == HPAGE_PMD_ORDER)
		return alloc_huge(task, gfp, order, node, nodes);
	return alloc_pages_node(task->machine, task, gfp, order, node, nodes);
}

struct page *vma_alloc_page(struct mmsim_task *task, struct vm_area_struct *vma,
			    uintptr_t addr, gfp_t gfp, unsigned order)
{
	const struct mempolicy *policy =
		vma->policy ? vma->policy : task->policy;

	if (policy && policy->mode == MPOL_INTERLEAVE) {
		uint64_t n = (vma->pgoff >> order) +
			     ((addr - vma->start) >> (PAGE_SHIFT + order));

		return alloc_interleaved(
			task, gfp, order,
			nodemask_nth(policy->nodes,
				     (unsigned)(n % nodemask_weight(
							    policy->nodes))));
	}
	return alloc_by_policy(task, gfp, order, policy);
}

/* The node behind `last` in the mask, going round. */
static unsigned nodemask_next(nodemask_t nodes, unsigned last)
{
	nodemask_t behind =
		last >= 63 ? 0 : nodes & ~(nodemask_t)0 << (last + 1);

	return log2_lowest(behind ? behind : nodes);
}

struct page *mempolicy_alloc_pages(struct mmsim_task *task, gfp_t gfp,
				   unsigned order)
{
	const struct mempolicy *policy = task->policy;

	if (policy->mode == MPOL_INTERLEAVE) {
		task->il_prev = nodemask_next(policy->nodes, task->il_prev);
		return alloc_interleaved(task, gfp, order, task->il_prev);
	}
	return alloc_by_policy(task, gfp, order, policy);
}

/* --- the task's own policy ----------------------------------------------- */

PUBLIC int mmsim_set_mempolicy(struct mmsim_task *task, int mode,
			       uint64_t nodemask)
{
	struct mempolicy *policy;
	int err = syscall_enter(task);

	if (err)
		return err;
	err = mempolicy_new(task->machine, mode, nodemask, &policy);
	if (!err) {
		mempolicy_put(task->machine, task->policy);
		task->policy = policy;
		if (policy && policy->mode == MPOL_INTERLEAVE)
			task->il_prev = 63;
	}
	return (int)syscall_leave(task, err);
}
