/*
 * fork.c: how tasks are born: spawn, fork, vfork.
 *
 *   limits      RLIMIT_NPROC (not for root), kernel.threads-max: -EAGAIN
 *   task        a record in the cache task_struct, and four frames for the
 *               kernel's stack
 *   memory      spawn: the image of a program; fork: a copy; vfork: shared
 *   pid         the next one that is free: -EAGAIN when there is none
 *
 * Pids go up to kernel.pid_max and then start again at 300, those below are
 * left to daemons.
 *
 * A child inherits limits, uid, nice, oom_score_adj, memory policy and CPU; its
 * counters of faults and time start at 0.
 *
 * Simplified: a parent of vfork is not stopped until the child has gone.  The
 * kernel keeps no stacks of dead tasks in stock.
 *
 * Sources: fork(2), vfork(2), getrlimit(2), proc(5) (pid_max).
 */
#include "kernel/machine.h"
#include "kernel/page_alloc.h"
#include "kernel/rlimit.h"
#include "kernel/syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { FORK_RESERVED_PIDS = 300, FORK_FIRST_PID = 1 };

_Static_assert(ARRAY_SIZE(((struct mmsim_task *)0)->stack) ==
		       KERNEL_STACK_PAGES,
	       "a place for each page of the stack");

/* --- limits and pids ----------------------------------------------------- */

static uint64_t fork_nr_tasks_of(const struct mmsim_machine *machine, uid_t uid)
{
	struct mmsim_task *task;
	uint64_t nr = 0;

	list_for_each(task, &machine->tasks, link) nr += task->uid == uid;
	return nr;
}

static int fork_check_limits(const struct mmsim_task *parent)
{
	const struct mmsim_machine *machine = parent->machine;
	uint64_t limit = task_rlimit(parent, RLIMIT_NPROC);

	/* Nobody has more tasks than there are: most need not be counted. */
	if (!task_is_root(parent) && machine->nr_tasks >= limit &&
	    fork_nr_tasks_of(machine, parent->uid) >= limit)
		return -EAGAIN;
	if (machine->nr_tasks >= rlimit_max_threads(machine))
		return -EAGAIN;
	return 0;
}

static int fork_find_pid(const struct mmsim_machine *machine, int from, int end)
{
	for (int pid = from; pid < end; pid++)
		if (!radix_find(&machine->pids, (uint64_t)pid))
			return pid;
	return 0;
}

/* The next free pid, 0: none. */
static int fork_next_pid(const struct mmsim_machine *machine)
{
	int end = (int)machine->vm.pid_max, next = machine->last_pid + 1, pid;
	int low =
		next > FORK_RESERVED_PIDS ? FORK_RESERVED_PIDS : FORK_FIRST_PID;

	pid = fork_find_pid(machine, next, end);
	if (!pid)
		pid = fork_find_pid(machine, low, next < end ? next : end);
	return pid;
}

/* --- the task ------------------------------------------------------------ */

void task_free_resources(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;

	for (unsigned i = 0; i < KERNEL_STACK_PAGES; i++) {
		struct page *page = task->stack[i];

		if (!page)
			continue;
		node_stat_add(machine_node_of(machine, page),
			      NR_KERNEL_STACK_KB, -(int64_t)pages_to_kb(1));
		page_put(machine, page);
		task->stack[i] = NULL;
	}
	kmem_record_free(machine, KMEM_TASK_STRUCT, task->record);
	task->record = NULL;
}

static int fork_alloc_stack(struct mmsim_task *parent, struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;

	for (unsigned i = 0; i < KERNEL_STACK_PAGES; i++) {
		struct page *page =
			alloc_pages(machine, parent,
				    GFP_KERNEL | GFP_F_ACCOUNT | GFP_F_ZERO, 0);

		if (!page)
			return -ENOMEM;
		node_stat_add(machine_node_of(machine, page),
			      NR_KERNEL_STACK_KB, (int64_t)pages_to_kb(1));
		task->stack[i] = page;
	}
	return 0;
}

static void fork_inherit(struct mmsim_task *task, struct mmsim_task *parent)
{
	task->machine = parent->machine;
	task->parent = parent;
	memcpy(task->comm, parent->comm, sizeof(task->comm));
	memcpy(task->rlimits, parent->rlimits, sizeof(task->rlimits));
	task->uid = parent->uid;
	task->nice = parent->nice;
	task->cpu = parent->cpu;
	task->node = parent->node;
	task->oom_score_adj = parent->oom_score_adj;
	task->oom_adj = parent->oom_adj;
	task->policy = mempolicy_get(parent->policy);
	task->il_prev = parent->il_prev;
	task->start_ns = task->machine->clock_ns;
}

int task_create(struct mmsim_task *parent, struct mmsim_task **task)
{
	struct mmsim_machine *machine = parent->machine;
	struct mmsim_task *child;
	int err = fork_check_limits(parent);

	if (err)
		return err;
	if (!fork_next_pid(machine))
		return -EAGAIN;
	child = pool_zalloc(&machine->task_handles);
	if (!child)
		return -ENOMEM;
	list_init(&child->link);
	list_init(&child->children);
	list_init(&child->sibling);
	fork_inherit(child, parent);
	child->record = kmem_record_alloc(machine, KMEM_TASK_STRUCT,
					  sizeof(struct mmsim_task *));
	if (!child->record || fork_alloc_stack(parent, child)) {
		task_discard(child);
		return -ENOMEM;
	}
	*task = child;
	return 0;
}

void task_discard(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;

	mempolicy_put(machine, task->policy);
	task_free_resources(task);
	pool_free(&machine->task_handles, task);
}

int task_publish(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;
	int pid = fork_next_pid(machine);

	if (!pid)
		return -EAGAIN;
	if (radix_insert(&machine->pids, (uint64_t)pid, task))
		return -ENOMEM;
	task->pid = pid;
	machine->last_pid = pid;
	machine->nr_tasks++;
	list_add_tail(&task->link, &machine->tasks);
	list_add_tail(&task->sibling, &task->parent->children);
	task->state = TASK_RUNNING;
	return 0;
}

/* --- the calls ----------------------------------------------------------- */

/* Publishes a child that has its memory; on failure both go again. */
static int fork_finish(struct mmsim_task *child, struct mmsim_task **result)
{
	int err = task_publish(child);

	if (err) {
		mm_put(child->mm);
		task_discard(child);
		return err;
	}
	*result = child;
	return 0;
}

static int fork_task(struct mmsim_task *task, bool shares_mm,
		     struct mmsim_task **result)
{
	struct mmsim_task *child;
	int err = task_create(task, &child);

	if (err)
		return err;
	clock_charge(task->machine, task, COST_FORK);
	child->is_vfork_child = shares_mm;
	if (shares_mm) {
		mm_get(task->mm);
		child->mm = task->mm;
	} else {
		err = mm_dup(task->mm, child, &child->mm);
		if (err) {
			task_discard(child);
			return err;
		}
	}
	return fork_finish(child, result);
}

/* Like every call of a task, but a parent that was killed has no child. */
static int fork_call(struct mmsim_task *task, bool shares_mm,
		     struct mmsim_task **child)
{
	int err = syscall_enter(task);

	if (err)
		return err;
	if (!child)
		return (int)syscall_leave(task, -EFAULT);
	err = fork_task(task, shares_mm, child);
	if (err && syscall_is_killed(task))
		err = -ESRCH;
	if (task->machine->has_panicked)
		err = -EIO;
	return (int)syscall_leave(task, err);
}

PUBLIC int mmsim_task_fork(struct mmsim_task *task, struct mmsim_task **child)
{
	return fork_call(task, false, child);
}

PUBLIC int mmsim_task_vfork(struct mmsim_task *task, struct mmsim_task **child)
{
	return fork_call(task, true, child);
}

/* A child of init runs a program: its memory. */
static int spawn_exec(struct mmsim_task *child, const char *comm)
{
	struct mmsim_machine *machine = child->machine;
	int err;

	strncpy(child->comm, comm, sizeof(child->comm) - 1);
	child->comm[sizeof(child->comm) - 1] = '\0';
	child->mm = mm_create(machine, child);
	if (!child->mm)
		return -ENOMEM;
	err = exec_map_image(child, child->mm);
	if (err) {
		mm_put(child->mm);
		return err;
	}
	child->mm->hiwater_vm = child->mm->total_vm;
	return 0;
}

static int spawn_task(struct mmsim_machine *machine, const char *comm,
		      struct mmsim_task **task)
{
	struct mmsim_task *child;
	int err = task_create(machine->init_task, &child);

	if (err)
		return err;
	clock_charge(machine, child, COST_FORK);
	err = spawn_exec(child, comm);
	if (err) {
		task_discard(child);
		return err;
	}
	return fork_finish(child, task);
}

PUBLIC int mmsim_task_spawn(struct mmsim_machine *machine, const char *comm,
			    struct mmsim_task **task)
{
	int err = machine_check(machine);

	if (err)
		return err;
	if (!comm || !task)
		return -EFAULT;
	machine->current = machine->init_task;
	err = spawn_task(machine, comm, task);
	if (machine->has_panicked)
		err = -EIO;
	task_call_done(machine);
	return err;
}
