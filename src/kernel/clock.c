/*
 * clock.c: virtual time.
 *
 * Time passes only by what is done: each event has a price (clock.h), paid by
 * the task for which the kernel works.  The machine has one clock, which goes
 * on by every price, so that the log's stamps and the order of events are the
 * same in every run.
 *
 * Simplified: tasks on different CPUs take turns and never overlap in time.
 */
#include "kernel/clock.h"

#include "kernel/blkdev.h"
#include "kernel/kthread.h"
#include "kernel/machine.h"

void clock_charge(struct mmsim_machine *machine, struct mmsim_task *task,
		  uint64_t ns)
{
	if (UNLIKELY(machine->kthread_current)) {
		kthread_charge(machine->kthread_current, ns);
		return;
	}
	machine->clock_ns += ns;
	if (task)
		task->stime_ns += ns;
}

uint64_t clock_now(const struct mmsim_machine *machine)
{
	return machine->kthread_current ? machine->kthread_current->clock_ns
					: machine->clock_ns;
}

void clock_advance_to(struct mmsim_machine *machine, uint64_t ns)
{
	if (ns > machine->clock_ns)
		machine->clock_ns = ns;
}

void clock_wait_until(struct mmsim_machine *machine, uint64_t ns)
{
	struct kthread *thread = machine->kthread_current;

	if (!thread)
		clock_advance_to(machine, ns);
	else if (ns > thread->clock_ns)
		thread->clock_ns = ns;
}

uint64_t clock_limit(const struct mmsim_machine *machine, uint64_t ns)
{
	uint64_t left = CLOCK_END_NS - machine->clock_ns;

	if (machine->clock_ns >= CLOCK_END_NS)
		return 0;
	return ns < left ? ns : left;
}

PUBLIC uint64_t mmsim_clock_ns(const struct mmsim_machine *machine)
{
	return machine ? machine->clock_ns : 0;
}

PUBLIC void mmsim_idle(struct mmsim_machine *machine, uint64_t ns)
{
	if (machine_check(machine))
		return;
	kthread_run_until(machine,
			  machine->clock_ns + clock_limit(machine, ns));
	task_call_done(machine);
}
