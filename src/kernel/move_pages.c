/*
 * move_pages.c: a task's pages go to nodes that the caller names.
 *
 *   move_pages     page by page: each goes to a node of its own, and what
 * became of it stands in `status`: the node, or an error migrate_pages  all
 * pages on some nodes go to others: the first of the one set to the first of
 * the other, and so on
 *
 * move_pages works off runs of pages for the same node.  When a run cannot be
 * moved as a whole it ends there, and says how many pages were not moved; the
 * status of those is as it was.
 *
 * migrate_pages begins with a node that no other one moves to, so that a page
 * does not move twice: from {0,1} to {1,2} node 1 goes first.
 *
 * Pages that other tasks map, too, stay, unless it is root's wish.
 *
 * Simplified: the caller is the task itself.
 *
 * Sources: move_pages(2), migrate_pages(2).
 */
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/migrate.h"
#include "kernel/page_alloc.h"
#include "kernel/rmap.h"
#include "kernel/syscall.h"
#include "kernel/vma.h"

#include <errno.h>

enum { MOVE_QUEUED = MAX_NODES }; /* no status: the page is to be moved */

struct move_call {
	struct migrate_control control;
	struct pgtable_walk walk;
	struct mmsim_task *task;
	struct list_head pages; /* isolated, to be moved */
	unsigned source, node;  /* from and to (source: migrate_pages only) */
	bool moves_shared;      /* pages of other tasks, too */
};

static struct page *move_new_page(struct migrate_control *control,
				  struct page *page)
{
	struct move_call *call =
		container_of(control, struct move_call, control);
	gfp_t gfp =
		page_has(page, PG_head) ? GFP_TRANSHUGE : GFP_HIGHUSER_MOVABLE;

	return alloc_pages_node(control->machine, control->task,
				gfp | GFP_F_THISNODE, page_order(page),
				call->node, 0);
}

static void move_begin(struct move_call *call, struct mmsim_task *task)
{
	*call = (struct move_call){
		.task = task,
		.control =
			{
				.machine = task->machine,
				.task = task,
				.may_wait = true,
				.new_page = move_new_page,
			},
	};
	list_init(&call->pages);
}

/* Moves what was collected; as migrate_pages. */
static int move_collected(struct move_call *call)
{
	int err = migrate_pages(&call->control, &call->pages);

	migrate_putback(call->task->machine, &call->pages);
	return err;
}

/* --- move_pages ------------------------------------------------------- */

/* The small page at addr; or -EFAULT (no area, or the page of zeros), -ENOENT
 * (nothing is there). */
static int move_find_page(struct mmsim_task *task, uintptr_t addr,
			  struct page **result)
{
	const pte_t *entry;
	struct page *page;

	if (!vma_lookup(task->mm, addr))
		return -EFAULT;
	entry = pte_find(task->mm, addr);
	if (entry && pte_is_present(*entry)) {
		page = pte_page(task->machine, *entry);
	} else {
		entry = entry ? NULL : pmd_find(task->mm, addr);
		if (!entry || !pmd_is_huge(*entry))
			return -ENOENT;
		page = pte_page(task->machine, *entry);
	}
	if (!page || page_has(page, PG_reserved))
		return -EFAULT;
	*result = page;
	return 0;
}

/* Where the page is; or why that cannot be told. */
static int move_tell_node(struct mmsim_task *task, uintptr_t addr)
{
	struct page *page;
	int err = move_find_page(task, addr, &page);

	return err ? err : (int)page_node(page_head(page));
}

/* Collects the page: its status, or MOVE_QUEUED. */
static int move_collect(struct move_call *call, uintptr_t addr)
{
	struct page *page, *head;
	int err = move_find_page(call->task, addr, &page);

	if (err)
		return err;
	head = page_head(page);
	if (page_node(head) == call->node)
		return (int)call->node;
	if (page_mapcount(page) > 1 && !call->moves_shared)
		return -EACCES;
	/* a piece of a huge page may have been met before */
	if (page_has(head, PG_isolated) ||
	    migrate_isolate(call->task->machine, head, &call->pages))
		return MOVE_QUEUED;
	return -EBUSY;
}

/* The first pages, up to 64, that go to the same node: how many they are.  The
 * status of those that move is set when they have.  *failed: as
 * migrate_pages. */
static size_t move_run(struct move_call *call, size_t count,
		       const uintptr_t *pages, const int *nodes, int *status,
		       int *failed)
{
	uint64_t queued = 0;
	size_t nr = 0;

	call->node = (unsigned)nodes[0];
	for (; nr < count && nr < 64 && nodes[nr] == nodes[0]; nr++) {
		int told = move_collect(call, pages[nr] & PAGE_MASK);

		if (told == MOVE_QUEUED)
			queued |= (uint64_t)1 << nr;
		else
			status[nr] = told;
	}
	*failed = move_collected(call);
	for (size_t i = 0; !*failed && i < nr; i++)
		if (queued >> i & 1)
			status[i] = (int)call->node;
	return nr;
}

static int do_move_pages(struct move_call *call, size_t count,
			 const uintptr_t *pages, const int *nodes, int *status)
{
	nodemask_t allowed = mempolicy_allowed_nodes(call->task->machine);
	size_t done = 0;

	while (done < count) {
		int node = nodes[done], failed;

		if (node < 0 || node >= MAX_NODES || !(allowed >> node & 1))
			return -ENODEV;
		done += move_run(call, count - done, pages + done, nodes + done,
				 status + done, &failed);
		if (failed)
			return failed < 0 ? failed
					  : failed + (int)(count - done);
	}
	return 0;
}

PUBLIC int mmsim_move_pages(struct mmsim_task *task, size_t count,
			    const uintptr_t *pages, const int *nodes,
			    int *status, unsigned flags)
{
	struct move_call call;
	int err = syscall_enter(task);

	if (err)
		return err;
	move_begin(&call, task);
	call.moves_shared = flags & MPOL_MF_MOVE_ALL;
	if (flags & ~(unsigned)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		err = -EINVAL;
	else if (call.moves_shared && !task_is_root(task))
		err = -EPERM;
	else if (count > 0 && (!pages || !status))
		err = -EFAULT;
	else if (nodes)
		err = do_move_pages(&call, count, pages, nodes, status);
	else
		for (size_t i = 0; i < count; i++)
			status[i] = move_tell_node(task, pages[i] & PAGE_MASK);
	return (int)syscall_leave(task, err);
}

/* --- migrate_pages ---------------------------------------------------- */

static int move_collect_entry(struct pgtable_walk *walk, uintptr_t addr,
			      pte_t *entry, bool huge)
{
	struct move_call *call = container_of(walk, struct move_call, walk);
	struct mmsim_machine *machine = call->task->machine;
	struct page *page =
		pte_is_present(*entry) ? pte_page(machine, *entry) : NULL;

	(void)addr;
	(void)huge;
	if (page && !page_has(page, PG_reserved) &&
	    page_node(page_head(page)) == call->source &&
	    (call->moves_shared || page_mapcount(page) == 1))
		migrate_isolate(machine, page_head(page), &call->pages);
	return 0;
}

/* All pages of the task on call->source; as migrate_pages. */
static int move_node(struct move_call *call)
{
	struct mm_struct *mm = call->task->mm;
	struct vm_area_struct *vma;

	call->walk.mm = mm;
	call->walk.visit = move_collect_entry;
	for_each_vma(mm, vma)
		pgtable_walk(&call->walk, vma->start, vma->end);
	return move_collected(call);
}

static unsigned move_nth_node(nodemask_t nodes, unsigned n)
{
	n %= (unsigned)__builtin_popcountll(nodes);
	while (n-- > 0)
		nodes &= nodes - 1;
	return log2_lowest(nodes);
}

/*
 * The next node whose pages move, of those in `left`: one that stays, in both
 * sets of different size, is passed over; best is one to which no other moves
 * any more.  False: there is none.
 */
static bool move_next_node(struct move_call *call, nodemask_t from,
			   nodemask_t to, nodemask_t left)
{
	bool is_alike = __builtin_popcountll(from) == __builtin_popcountll(to);
	bool is_found = false;
	unsigned n = 0;

	for (unsigned s = 0; s < MAX_NODES; s++) {
		unsigned d;

		if (!(from >> s & 1))
			continue;
		d = move_nth_node(to, n++);
		if (!(left >> s & 1) || s == d || (!is_alike && (to >> s & 1)))
			continue;
		call->source = s;
		call->node = d;
		is_found = true;
		if (!(left >> d & 1))
			break;
	}
	return is_found;
}

static int do_migrate_pages(struct move_call *call, nodemask_t from,
			    nodemask_t to)
{
	nodemask_t left = from;
	int nr_failed = 0;

	while (move_next_node(call, from, to, left)) {
		int err = move_node(call);

		left &= ~((nodemask_t)1 << call->source);
		if (err < 0)
			return err;
		nr_failed += err;
	}
	return nr_failed;
}

PUBLIC int mmsim_migrate_pages(struct mmsim_task *task, uint64_t old_nodes,
			       uint64_t new_nodes)
{
	struct move_call call;
	int err = syscall_enter(task);

	if (err)
		return err;
	move_begin(&call, task);
	call.moves_shared = task_is_root(task);
	new_nodes &= mempolicy_allowed_nodes(task->machine);
	err = new_nodes ? do_migrate_pages(&call, old_nodes, new_nodes)
			: -EINVAL;
	return (int)syscall_leave(task, err);
}
