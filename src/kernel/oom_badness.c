/*
 * oom_badness.c: how much a task deserves to be killed.
 *
 * 6.1   the pages that its death would free, moved by oom_score_adj:
 *
 *           rss + swap entries + page tables, in pages
 *             + oom_score_adj x (totalpages / 1000), divided first
 *
 *       It may be below 0 and still be the highest.  -1000 means never.
 *       oom_score shows (1000 + points x 1000 / totalpages) x 2 / 3, about
 *       667 for a small task.
 *
 * 3.10  the same, less 3 % of all memory for root, and never below 1;
 *       oom_score is points x 1000 / totalpages.
 *
 * 2.6.32  the size of the address space, touched or not, and half of that of
 *       each child with its own;
 *           / sqrt(CPU time / 8.192 s)     long work is worth more,
 *           / sqrt(sqrt(age / 1024 s))     and so is long life
 *           x 2 when nice is above 0
 *           / 4 for root (CAP_SYS_ADMIN), / 4 again (CAP_SYS_RAWIO)
 *           x 2^oom_adj, or / 2^-oom_adj;  -17 means never
 *       oom_score is the points themselves.
 *
 * A vfork child that still uses its parent's memory is not chosen since 4.x:
 * killing it alone would free nothing.
 *
 * Sources: proc(5); kernel documentation, filesystems/proc (of each version);
 * recordings of 6.1, whose table of scores these rules give exactly.
 */
#include "kernel/machine.h"
#include "kernel/oom.h"

enum {
	OOM_ROOT_BONUS = 30,     /* 3.10: of 1000 */
	OOM_CPU_TIME_SHIFT = 13, /* ms */
	OOM_RUN_TIME_SHIFT = 10, /* s */
};

/* Its memory is its parent's, who waits for it. */
static bool oom_is_in_vfork(const struct mmsim_task *task)
{
	return task->is_vfork_child && task->parent &&
	       task->parent->mm == task->mm;
}

static int64_t oom_freed_pages(const struct mm_struct *mm)
{
	return (int64_t)mm_rss(mm) + mm->rss[MM_SWAPENTS] +
	       (int64_t)(mm->pgtables_bytes >> PAGE_SHIFT);
}

int64_t oom_badness(const struct mmsim_task *task, uint64_t totalpages,
		    nodemask_t nodes)
{
	int64_t adj = task->oom_score_adj;

	if (!task->mm || task->state != TASK_RUNNING ||
	    adj == OOM_SCORE_ADJ_MIN || oom_is_in_vfork(task) ||
	    !oom_is_eligible(task, nodes))
		return INT64_MIN;
	return oom_freed_pages(task->mm) + adj * (int64_t)(totalpages / 1000);
}

static int64_t oom_badness_3_10(const struct mmsim_task *task,
				uint64_t totalpages, nodemask_t nodes)
{
	int64_t adj = task->oom_score_adj, points;

	if (!task->mm || task->state != TASK_RUNNING ||
	    adj == OOM_SCORE_ADJ_MIN || !oom_is_eligible(task, nodes))
		return INT64_MIN;
	if (task_is_root(task))
		adj -= OOM_ROOT_BONUS;
	points = oom_freed_pages(task->mm) + adj * (int64_t)(totalpages / 1000);
	return points > 0 ? points : 1;
}

static uint64_t oom_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

/* Address space, with half of that of the children. */
static uint64_t oom_total_vm_2_6_32(const struct mmsim_task *task)
{
	const struct mmsim_task *child;
	uint64_t points = task->mm->total_vm;

	list_for_each(child, &task->children,
		      sibling) if (child->mm && child->mm != task->mm) points +=
		child->mm->total_vm / 2 + 1;
	return points;
}

static uint64_t oom_shift_2_6_32(uint64_t points, int adj)
{
	if (adj <= 0)
		return points >> -adj;
	return (points ? points : 1) << adj;
}

static int64_t oom_badness_2_6_32(const struct mmsim_task *task)
{
	uint64_t now = task->machine->clock_ns, points, cpu_time, run_time;

	if (!task->mm || task->state != TASK_RUNNING ||
	    task->oom_adj == OOM_ADJ_DISABLE)
		return INT64_MIN;
	points = oom_total_vm_2_6_32(task);
	cpu_time = (task->utime_ns + task->stime_ns) / 1000000 >>
		   OOM_CPU_TIME_SHIFT;
	run_time = (now - task->start_ns) / 1000000000 >> OOM_RUN_TIME_SHIFT;
	if (cpu_time)
		points /= oom_sqrt(cpu_time);
	if (run_time)
		points /= oom_sqrt(oom_sqrt(run_time));
	if (task->nice > 0)
		points *= 2;
	if (task_is_root(task))
		points = points / 4 / 4;
	return (int64_t)oom_shift_2_6_32(points, task->oom_adj);
}

int64_t oom_points(const struct mmsim_task *task, uint64_t totalpages,
		   nodemask_t nodes)
{
	switch (task->machine->profile) {
	case PROFILE_2_6_32:
		return oom_badness_2_6_32(task);
	case PROFILE_3_10:
		return oom_badness_3_10(task, totalpages, nodes);
	default:
		return oom_badness(task, totalpages, nodes);
	}
}

uint64_t oom_score(const struct mmsim_task *task)
{
	const struct mmsim_machine *machine = task->machine;
	uint64_t totalpages =
		machine->totalram_pages + machine->total_swap_pages;
	int64_t points = oom_points(task, totalpages, 0);

	if (points == INT64_MIN)
		return 0;
	if (machine->profile <= PROFILE_2_6_32)
		return (uint64_t)points;
	if (machine->profile <= PROFILE_3_10)
		return (uint64_t)points * 1000 / totalpages;
	return (uint64_t)((1000 + points * 1000 / (int64_t)totalpages) * 2 / 3);
}
