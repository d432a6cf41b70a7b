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

#include "kernel/machine.h"

void clock_charge(struct mmsim_machine *machine, struct mmsim_task *task,
		  uint64_t ns)
{
	machine->clock_ns += ns;
	if (task)
		task->stime_ns += ns;
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
	clock_charge(machine, NULL, clock_limit(machine, ns));
	task_call_done(machine);
}
