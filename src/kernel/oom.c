/*
 * oom.c: the out-of-memory killer: what happens when nothing more can be
 * reclaimed and a request may not fail.
 *
 *   panic_on_oom 2, or 1 and no policy binds the request    panic
 *   oom_kill_allocating_task                                the one that asked
 *   otherwise                                               the worst of all
 *   nobody may be killed                                    panic
 *
 * The worst is the one with the most points (oom_badness.c), and of equals
 * the youngest (the oldest, before 4.x).  init and kernel threads are never
 * chosen.  All tasks that share the victim's memory die with it, because
 * otherwise none of it would come back.
 *
 * A request that a policy binds to some nodes (MPOL_BIND) can only be helped
 * by tasks that are not bound to others; how much free memory other nodes
 * have does not matter.
 *
 * 3.10 and 2.6.32 killed a child of the victim in its stead when one had
 * memory of its own; 2.6.32 killed the one that asked when a policy bound it.
 *
 * The report is written for at most 10 kills in 5 seconds.
 *
 * Simplified: the victim's memory is back as soon as it is killed; there is no
 * reaper and no waiting for victims that hang.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm (panic_on_oom,
 * oom_kill_allocating_task); recordings of 6.1.
 */
#include "kernel/oom.h"
#include "kernel/machine.h"
#include "kernel/trace.h"

#include <signal.h>

enum { OOM_REPORT_BURST = 10 };
#define OOM_REPORT_INTERVAL_NS ((uint64_t)5000000000)

/* --- who ----------------------------------------------------------------- */

static bool oom_is_unkillable(const struct mmsim_task *task)
{
	return task == task->machine->init_task || !task->mm;
}

bool oom_is_eligible(const struct mmsim_task *task, nodemask_t nodes)
{
	nodemask_t bound = mempolicy_bind_nodes(task, GFP_HIGHUSER_MOVABLE);

	return !nodes || !bound || (bound & nodes);
}

/* Nodes with memory. */
static nodemask_t oom_memory_nodes(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	nodemask_t nodes = 0;
	unsigned i;

	for_each_node(machine, node, i) if (node->has_memory) nodes |=
		(nodemask_t)1 << i;
	return nodes;
}

/* What the request is held to, and the memory that points are compared with. */
static void oom_find_constraint(struct oom_control *oc)
{
	const struct mmsim_machine *machine = oc->ac->machine;
	nodemask_t nodes = oc->ac->nodemask, all = oom_memory_nodes(machine);
	const struct pglist_data *node;
	unsigned i;

	oc->constraint = CONSTRAINT_NONE;
	oc->totalpages = machine->totalram_pages + machine->total_swap_pages;
	if (!nodes || (oc->ac->gfp & GFP_F_THISNODE) || !(all & ~nodes))
		return;
	oc->constraint = CONSTRAINT_MEMORY_POLICY;
	oc->nodes = nodes;
	oc->totalpages = machine->total_swap_pages;
	for_each_node(machine, node, i) if (nodes >> i & 1) oc->totalpages +=
		node->present_pages;
}

static void oom_select(struct oom_control *oc)
{
	struct mmsim_machine *machine = oc->ac->machine;
	bool youngest = machine->profile >= PROFILE_6_1;
	struct mmsim_task *task;

	oc->chosen_points = INT64_MIN;
	list_for_each(task, &machine->tasks, link)
	{
		int64_t points;

		if (oom_is_unkillable(task))
			continue;
		points = oom_points(task, oc->totalpages, oc->nodes);
		if (points == INT64_MIN || points < oc->chosen_points ||
		    (oc->chosen && points == oc->chosen_points && !youngest))
			continue;
		oc->chosen = task;
		oc->chosen_points = points;
	}
}

/* 2.6.32: the first child with memory of its own; 3.10: the worst of them. */
static struct mmsim_task *oom_child_of(const struct oom_control *oc)
{
	bool first = oc->ac->machine->profile <= PROFILE_2_6_32;
	struct mmsim_task *child, *worst = oc->chosen;
	int64_t worst_points = -1;

	if (oc->ac->machine->profile >= PROFILE_6_1)
		return oc->chosen;
	list_for_each(child, &oc->chosen->children, sibling)
	{
		int64_t points;

		if (!child->mm || child->mm == oc->chosen->mm)
			continue;
		points = oom_points(child, oc->totalpages, oc->nodes);
		if (points == INT64_MIN || points <= worst_points)
			continue;
		worst = child;
		worst_points = points;
		if (first)
			break;
	}
	return worst;
}

/* --- the kill ------------------------------------------------------------ */

static bool oom_may_report(struct mmsim_machine *machine)
{
	uint64_t now = machine->clock_ns;

	if (now - machine->oom_ratelimit.begin_ns > OOM_REPORT_INTERVAL_NS ||
	    !machine->oom_ratelimit.begin_ns) {
		if (machine->oom_ratelimit.nr_missed)
			printk(machine,
			       "oom_kill_process: %u callbacks suppressed",
			       machine->oom_ratelimit.nr_missed);
		machine->oom_ratelimit.begin_ns = now;
		machine->oom_ratelimit.nr_printed = 0;
		machine->oom_ratelimit.nr_missed = 0;
	}
	if (machine->oom_ratelimit.nr_printed >= OOM_REPORT_BURST) {
		machine->oom_ratelimit.nr_missed++;
		return false;
	}
	machine->oom_ratelimit.nr_printed++;
	return true;
}

static unsigned long oom_rss_kb(const struct mmsim_task *task,
				enum rss_kind kind)
{
	return (unsigned long)pages_to_kb((uint64_t)task->mm->rss[kind]);
}

static void oom_print_kill(const struct mmsim_task *victim, const char *why)
{
	struct mmsim_machine *machine = victim->machine;
	const struct mm_struct *mm = victim->mm;
	unsigned long total_kb = (unsigned long)pages_to_kb(mm->total_vm);

	if (machine->profile <= PROFILE_2_6_32) {
		printk(machine, "Killed process %d (%s)", victim->pid,
		       victim->comm);
		return;
	}
	if (machine->profile <= PROFILE_3_10) {
		printk(machine,
		       "Killed process %d (%s) total-vm:%lukB, "
		       "anon-rss:%lukB, file-rss:%lukB",
		       victim->pid, victim->comm, total_kb,
		       oom_rss_kb(victim, MM_ANONPAGES),
		       oom_rss_kb(victim, MM_FILEPAGES) +
			       oom_rss_kb(victim, MM_SHMEMPAGES));
		return;
	}
	printk(machine,
	       "%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, "
	       "file-rss:%lukB, shmem-rss:%lukB, UID:%u pgtables:%lukB "
	       "oom_score_adj:%d",
	       why, victim->pid, victim->comm, total_kb,
	       oom_rss_kb(victim, MM_ANONPAGES),
	       oom_rss_kb(victim, MM_FILEPAGES),
	       oom_rss_kb(victim, MM_SHMEMPAGES), victim->uid,
	       (unsigned long)mm->pgtables_bytes >> 10, victim->oom_score_adj);
}

/* Before 4.x the choice itself was told, in front of the kill. */
static void oom_print_choice(const struct oom_control *oc, const char *why)
{
	struct mmsim_machine *machine = oc->ac->machine;
	const struct mmsim_task *chosen = oc->chosen;

	if (machine->profile <= PROFILE_2_6_32)
		printk(machine, "%s: kill process %d (%s) score %ld or a child",
		       why, chosen->pid, chosen->comm, (long)oc->chosen_points);
	else if (machine->profile <= PROFILE_3_10)
		printk(machine,
		       "%s: Kill process %d (%s) score %ld or sacrifice child",
		       why, chosen->pid, chosen->comm,
		       (long)(oc->chosen_points * 1000 /
			      (int64_t)oc->totalpages));
}

/* The next living task that uses this memory, beside its victim. */
static struct mmsim_task *oom_next_sharer(const struct mmsim_task *victim,
					  const struct mm_struct *mm)
{
	struct mmsim_task *task;

	list_for_each(task, &victim->machine->tasks,
		      link) if (task != victim && task->mm == mm &&
				task->state == TASK_RUNNING) return task;
	return NULL;
}

static void oom_kill_task(struct mmsim_task *victim)
{
	struct mm_struct *mm = victim->mm;
	struct mmsim_task *sharer;

	count_vm_event(victim->machine, OOM_KILL);
	trace_machine(victim->machine, TRACE_OOM_KILL, (uint64_t)victim->pid);
	clock_charge(victim->machine, NULL, COST_OOM_KILL);
	victim->is_oom_victim = true;
	victim->pending_signal = SIGKILL;
	while ((sharer = oom_next_sharer(victim, mm)) != NULL) {
		sharer->pending_signal = SIGKILL;
		task_die(sharer, SIGKILL);
	}
	task_die(victim, SIGKILL);
}

static void oom_kill_process(const struct oom_control *oc, const char *why)
{
	struct mmsim_task *victim;

	if (oom_may_report(oc->ac->machine))
		oom_dump_header(oc, oc->chosen);
	oom_print_choice(oc, why);
	victim = oom_child_of(oc);
	oom_print_kill(victim, why);
	oom_kill_task(victim);
}

/* --- the decision -------------------------------------------------------- */

/* vm.panic_on_oom; true: it did. */
static bool oom_check_panic(const struct oom_control *oc)
{
	struct mmsim_machine *machine = oc->ac->machine;
	int64_t mode = machine->vm.panic_on_oom;

	if (mode == 0 || (mode != 2 && oc->constraint != CONSTRAINT_NONE))
		return false;
	oom_dump_header(oc, NULL);
	machine_panic(
		machine,
		mode == 2
			? "Out of memory: compulsory panic_on_oom is enabled"
			: "Out of memory: system-wide panic_on_oom is enabled");
	return true;
}

/* The one that asked is killed without a choice: by the sysctl, or in 2.6.32
 * because a policy binds it. */
static bool oom_kill_current(struct oom_control *oc)
{
	const struct mmsim_machine *machine = oc->ac->machine;
	const char *why = "Out of memory (oom_kill_allocating_task)";
	int64_t points;

	if (oom_is_unkillable(oc->current))
		return false;
	if (machine->profile <= PROFILE_2_6_32 &&
	    oc->constraint == CONSTRAINT_MEMORY_POLICY)
		why = "No available memory (MPOL_BIND)";
	else if (!machine->vm.oom_kill_allocating_task)
		return false;
	points = oom_points(oc->current, oc->totalpages, oc->nodes);
	if (points == INT64_MIN)
		return false;
	oc->chosen = oc->current;
	oc->chosen_points = points;
	oom_kill_process(oc, why);
	return true;
}

bool out_of_memory(const struct alloc_context *ac)
{
	struct mmsim_machine *machine = ac->machine;
	struct oom_control oc = {.ac = ac};

	/* The one that asks is dead already: its memory comes when its call
	 * ends, and until then there is nothing to wait for. */
	if (machine->has_panicked || machine->nr_dying || !(ac->gfp & GFP_F_FS))
		return false;
	oc.current = machine->current ? machine->current : ac->task;
	if (!oc.current)
		oc.current = machine->init_task;
	oom_find_constraint(&oc);
	if (oom_check_panic(&oc))
		return false;
	if (oom_kill_current(&oc))
		return true;
	oom_select(&oc);
	if (!oc.chosen) {
		oom_dump_header(&oc, NULL);
		if (machine->profile >= PROFILE_6_1) {
			printk(machine,
			       "Out of memory and no killable processes...");
			machine_panic(machine,
				      "System is deadlocked on memory");
		} else {
			machine_panic(
				machine,
				"Out of memory and no killable processes...");
		}
		return false;
	}
	oom_kill_process(&oc, "Out of memory");
	return true;
}
