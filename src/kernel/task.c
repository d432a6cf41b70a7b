/*
 * task.c: tasks: init, what is known of a task, and how it dies.
 *
 * A task is running, then a zombie (dead, not yet waited for: its pid is still
 * taken), then gone; only the handle stays until its holder puts it back.
 * init waits for its children at once; another parent does when the holder
 * puts the child's handle.  Orphans become init's.
 *
 *   running --exit, kill, OOM--> zombie --wait--> gone
 *
 * A task that dies leaves its memory at once, with one exception: when it is
 * killed inside its own system call (the OOM killer chose the one that asked),
 * the call is still in its tables; it is dead from then on, but its memory
 * goes when the call ends.
 *
 * init (pid 1) has no memory of its own and is never killed; when it exits, the
 * kernel panics.
 *
 * Simplified: a signal that stops a task does nothing; nobody catches any.
 *
 * Sources: wait(2), _exit(2), signal(7), setuid(2), setpriority(2).
 */
#include "kernel/blkdev.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"
#include "kernel/rlimit.h"
#include "kernel/syscall.h"

#include "base/fatal.h"
#include "base/outbuf.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { TASK_NICE_MIN = -20, TASK_NICE_MAX = 19, TASK_LAST_SIGNAL = 64 };

/* --- the frame of every call --------------------------------------------- */

int task_check(const struct mmsim_task *task)
{
	struct mmsim_machine *machine;

	if (UNLIKELY(!task))
		return -EINVAL;
	machine = task->machine;
	if (UNLIKELY(machine->has_panicked))
		return -EIO;
	if (UNLIKELY(task->state != TASK_RUNNING || !task->mm))
		return -ESRCH;
	/* The machine is not const, and neither are its tasks. */
	machine->current = (struct mmsim_task *)(uintptr_t)task;
	return 0;
}

int task_check_alive(const struct mmsim_task *task)
{
	int err = task ? machine_check(task->machine) : -EINVAL;

	if (err)
		return err;
	return task->state == TASK_RUNNING ? 0 : -ESRCH;
}

static void task_leave_memory(struct mmsim_task *task);

/* Those whose death waited for the end of this call.  Each may take others out
 * of the list with it. */
static void task_bury_dying(struct mmsim_machine *machine)
{
	struct mmsim_task *task;

	while (machine->nr_dying) {
		list_for_each(task, &machine->tasks,
			      link) if (task->is_dying) break;
		task_leave_memory(task);
	}
}

static void task_validate(struct mmsim_machine *machine)
{
	static char why[256];

	if (machine->is_booting || machine->has_panicked)
		return;
	if (mmsim_machine_validate(machine, why, sizeof(why)))
		fatal(why);
}

void task_call_done(struct mmsim_machine *machine)
{
	machine->current = NULL;
	if (UNLIKELY(machine->nr_dying))
		task_bury_dying(machine);
	blkdev_poll(machine);
	kthread_run_due(machine);
	if (MMSIM_DEBUG >= 2)
		task_validate(machine);
}

/* --- boot and shutdown --------------------------------------------------- */

int task_init(struct mmsim_machine *machine)
{
	struct mmsim_task *init;

	pool_init(&machine->task_handles, sizeof(struct mmsim_task));
	radix_init(&machine->pids, &machine->radix_nodes);
	list_init(&machine->tasks);
	init = pool_zalloc(&machine->task_handles);
	if (!init)
		return -ENOMEM;
	list_init(&init->children);
	list_init(&init->sibling);
	init->machine = machine;
	init->pid = 1;
	init->state = TASK_RUNNING;
	init->wait_status = -1;
	strcpy(init->comm, "init");
	init->node = machine->cpu_node[0];
	rlimit_init(init);
	if (radix_insert(&machine->pids, 1, init)) {
		pool_fini(&machine->task_handles);
		return -ENOMEM;
	}
	list_add_tail(&init->link, &machine->tasks);
	machine->init_task = init;
	machine->last_pid = 1;
	machine->nr_tasks = 1;
	return 0;
}

void task_fini(struct mmsim_machine *machine)
{
	struct mmsim_task *task, *tmp;

	if (!machine->init_task)
		return;
	machine->current = NULL;
	list_for_each_safe(task, tmp, &machine->tasks, link)
	{
		if (task->mm)
			mm_put(task->mm);
		mempolicy_put(machine, task->policy);
		task_free_resources(task);
	}
	radix_clear(&machine->pids);
	pool_fini(&machine->task_handles);
	list_init(&machine->tasks);
	machine->init_task = NULL;
}

/* --- death --------------------------------------------------------------- */

/* Nobody knows the task any more. */
static void task_free_handle(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;

	if (machine->current == task)
		machine->current = NULL;
	pool_free(&machine->task_handles, task);
}

/* A zombie was waited for: its pid is free. */
static void task_reap(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;

	radix_remove(&machine->pids, (uint64_t)task->pid);
	list_del(&task->link);
	list_del(&task->sibling);
	machine->nr_tasks--;
	task_free_resources(task);
	task->parent = NULL;
	task->state = TASK_DEAD;
	if (task->handle_gone)
		task_free_handle(task);
}

static void task_orphan_children(struct mmsim_task *task)
{
	struct mmsim_task *init = task->machine->init_task, *child, *tmp;

	list_for_each_safe(child, tmp, &task->children, sibling)
	{
		list_move_tail(&child->sibling, &init->children);
		child->parent = init;
		if (child->state == TASK_ZOMBIE && !child->is_dying)
			task_reap(child);
	}
}

/* The second half of a death: memory and children go, the parent is told. */
static void task_leave_memory(struct mmsim_task *task)
{
	struct mmsim_machine *machine = task->machine;
	struct mm_struct *mm = task->mm;

	if (task->is_dying) {
		task->is_dying = false;
		machine->nr_dying--;
	}
	if (mm) {
		uint64_t rss = mm_rss(mm);

		task->maxrss = rss > mm->hiwater_rss ? rss : mm->hiwater_rss;
		task->mm = NULL;
		mm_forget_owner(mm, task);
		mm_put(mm);
	}
	mempolicy_put(machine, task->policy);
	task->policy = NULL;
	task_orphan_children(task);
	if (task->parent == machine->init_task || task->handle_gone)
		task_reap(task);
}

void task_die(struct mmsim_task *task, int wait_status)
{
	struct mmsim_machine *machine = task->machine;
	const struct mmsim_task *current = machine->current;

	if (task->state != TASK_RUNNING)
		return;
	task->state = TASK_ZOMBIE;
	task->wait_status = wait_status;
	clock_charge(machine, task, COST_EXIT);
	if (current && current->mm && current->mm == task->mm) {
		task->is_dying = true;
		machine->nr_dying++;
		return;
	}
	task_leave_memory(task);
}

static void task_panic_init(struct mmsim_machine *machine, int wait_status)
{
	char why[64];
	struct outbuf out;

	outbuf_init(&out, why, sizeof(why), -1);
	outbuf_printf(&out, "Attempted to kill init! exitcode=0x%08x",
		      (unsigned)wait_status);
	machine_panic(machine, why);
}

PUBLIC void mmsim_task_exit(struct mmsim_task *task, int status)
{
	int wait_status = (status & 0xff) << 8;
	struct mmsim_machine *machine;

	if (task_check_alive(task))
		return;
	machine = task->machine;
	if (task == machine->init_task) {
		task_panic_init(machine, wait_status);
		return;
	}
	task_die(task, wait_status);
	task_call_done(machine);
}

/* Signals that do nothing unless they are caught (or stop the task). */
static bool task_signal_is_harmless(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
	case SIGWINCH:
		return true;
	default:
		return sig <= 0 || sig > TASK_LAST_SIGNAL;
	}
}

PUBLIC void mmsim_task_kill(struct mmsim_task *task, int sig)
{
	struct mmsim_machine *machine;

	if (task_check_alive(task) || task_signal_is_harmless(sig))
		return;
	machine = task->machine;
	if (task == machine->init_task)
		return;
	task_die(task, sig);
	task_call_done(machine);
}

PUBLIC void mmsim_task_put(struct mmsim_task *task)
{
	struct mmsim_machine *machine;

	if (!task || task->handle_gone)
		return;
	machine = task->machine;
	if (task == machine->init_task)
		return;
	task->handle_gone = true;
	if (task->state == TASK_DEAD)
		task_free_handle(task);
	else if (task->state == TASK_ZOMBIE)
		task_reap(task);
	if (!machine->has_panicked)
		task_call_done(machine);
}

/* --- what is known of a task --------------------------------------------- */

PUBLIC struct mmsim_task *mmsim_task_find(struct mmsim_machine *machine,
					  int pid)
{
	struct mmsim_task *task;

	if (!machine || pid <= 0)
		return NULL;
	task = radix_find(&machine->pids, (uint64_t)pid);
	return task && task->state == TASK_RUNNING ? task : NULL;
}

PUBLIC int mmsim_task_pid(const struct mmsim_task *task)
{
	return task ? task->pid : -EINVAL;
}

PUBLIC bool mmsim_task_is_alive(const struct mmsim_task *task)
{
	return task && task->state == TASK_RUNNING;
}

PUBLIC int mmsim_task_wait_status(const struct mmsim_task *task)
{
	if (!task)
		return -EINVAL;
	return task->state == TASK_RUNNING ? -1 : task->wait_status;
}

PUBLIC bool mmsim_task_is_oom_victim(const struct mmsim_task *task)
{
	return task && task->is_oom_victim;
}

PUBLIC void mmsim_task_usage(const struct mmsim_task *task,
			     struct mmsim_usage *usage)
{
	uint64_t maxrss;

	if (!task || !usage)
		return;
	maxrss = task->maxrss;
	if (task->mm) {
		uint64_t rss = mm_rss(task->mm);

		maxrss = max_size(rss, task->mm->hiwater_rss);
	}
	usage->min_flt = task->min_flt;
	usage->maj_flt = task->maj_flt;
	usage->maxrss_kb = pages_to_kb(maxrss);
	usage->utime_ns = task->utime_ns;
	usage->stime_ns = task->stime_ns;
}

PUBLIC void mmsim_task_run(struct mmsim_task *task, uint64_t ns)
{
	if (task_check_alive(task))
		return;
	ns = clock_limit(task->machine, ns);
	task->utime_ns += ns;
	clock_charge(task->machine, NULL, ns);
	task_call_done(task->machine);
}

/* --- what can be set ----------------------------------------------------- */

PUBLIC int mmsim_task_set_uid(struct mmsim_task *task, uid_t uid)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (uid == (uid_t)-1)
		return -EINVAL;
	task->uid = uid;
	return 0;
}

PUBLIC int mmsim_task_set_nice(struct mmsim_task *task, int nice)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (nice < TASK_NICE_MIN)
		nice = TASK_NICE_MIN;
	if (nice > TASK_NICE_MAX)
		nice = TASK_NICE_MAX;
	if (nice < task->nice && !task_is_root(task) &&
	    (uint64_t)(20 - nice) > task_rlimit(task, RLIMIT_NICE))
		return -EACCES;
	task->nice = nice;
	return 0;
}

PUBLIC int mmsim_task_set_cpu(struct mmsim_task *task, unsigned cpu)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (cpu >= task->machine->nr_cpus)
		return -EINVAL;
	task->cpu = cpu;
	task->node = task->machine->cpu_node[cpu];
	return 0;
}

PUBLIC int mmsim_task_set_thp_disable(struct mmsim_task *task, bool disable)
{
	int err = task_check_alive(task);

	if (err)
		return err;
	if (!task->mm)
		return -EINVAL;
	task->mm->thp_disable = disable;
	return 0;
}
