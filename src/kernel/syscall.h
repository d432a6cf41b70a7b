/*
 * syscall.h: how every system call of a task begins and ends.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/machine.h"

/* 0, or why the task can make no call now. */
static inline int syscall_enter(struct mmsim_task *task)
{
	int err = task_check(task);

	if (err)
		return err;
	task->machine->refusal = REFUSAL_NONE;
	clock_charge(task->machine, task, COST_SYSCALL);
	return 0;
}

/* A call that the OOM killer ended half way has no result. */
static inline bool syscall_is_killed(const struct mmsim_task *task)
{
	return task->state != TASK_RUNNING || !task->mm;
}

static inline intptr_t syscall_leave(struct mmsim_task *task, intptr_t result)
{
	task_call_done(task->machine);
	return result;
}

#endif
