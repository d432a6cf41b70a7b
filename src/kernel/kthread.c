/*
 * kthread.c: kernel threads: whose turn it is.
 *
 * A thread is due when its wake-up time has come; what it did last must be over
 * as well, when it runs beside the tasks.  Of all that are due the earliest is
 * next, of equals the one that was made first.  So the order follows from the
 * clock alone and is the same in every run.
 *
 * While a step runs, virtual time is the thread's own (clock_now).  Inside of
 * it no other step begins: what it wakes comes after it.
 *
 * Simplified: threads share one CPU of their own and do not slow tasks down
 * when there is more than one CPU; nothing has priorities.
 */
#include "kernel/kthread.h"

#include "kernel/machine.h"

void kthread_init(struct mmsim_machine *machine, struct kthread *thread,
		  const char *name, uint64_t (*step)(struct kthread *thread),
		  void *arg)
{
	*thread = (struct kthread){
		.machine = machine,
		.name = name,
		.arg = arg,
		.step = step,
		.wake_ns = KTHREAD_ASLEEP,
	};
	list_add_tail(&thread->link, &machine->kthreads);
}

/* When the first step of any thread is due, for the quick look of
 * kthread_run_due. */
static void kthread_note_next(struct mmsim_machine *machine)
{
	const struct kthread *thread;

	machine->kthread_next_ns = KTHREAD_ASLEEP;
	list_for_each(thread, &machine->kthreads,
		      link) if (thread->wake_ns < machine->kthread_next_ns)
		machine->kthread_next_ns = thread->wake_ns;
}

void kthread_fini(struct kthread *thread)
{
	ASSERT(kthread_current(thread->machine) != thread);
	list_del(&thread->link);
	kthread_note_next(thread->machine);
}

void kthread_wake_at(struct kthread *thread, uint64_t ns)
{
	struct mmsim_machine *machine = thread->machine;

	if (ns < thread->wake_ns)
		thread->wake_ns = ns;
	if (ns < machine->kthread_next_ns)
		machine->kthread_next_ns = ns;
}

void kthread_wake(struct kthread *thread)
{
	kthread_wake_at(thread, clock_now(thread->machine));
}

struct kthread *kthread_current(const struct mmsim_machine *machine)
{
	return machine->kthread_current;
}

void kthread_charge(struct kthread *thread, uint64_t ns)
{
	struct mmsim_machine *machine = thread->machine;

	thread->clock_ns += ns;
	thread->cpu_ns += ns;
	if (machine->nr_cpus == 1)
		machine->clock_ns += ns;
}

/* The earliest moment for its next step. */
static uint64_t kthread_due_ns(const struct kthread *thread)
{
	return max_size(thread->wake_ns, thread->clock_ns);
}

/* The thread whose turn is next; NULL: all sleep without an end. */
static struct kthread *kthread_next(const struct mmsim_machine *machine)
{
	struct kthread *thread, *next = NULL;

	list_for_each(thread, &machine->kthreads,
		      link) if (thread->wake_ns != KTHREAD_ASLEEP &&
				(!next ||
				 kthread_due_ns(thread) < kthread_due_ns(next)))
		next = thread;
	return next;
}

static void kthread_run_step(struct kthread *thread)
{
	struct mmsim_machine *machine = thread->machine;
	uint64_t wake_ns;

	thread->clock_ns = machine->nr_cpus == 1 ? machine->clock_ns
						 : kthread_due_ns(thread);
	/* what wakes it during the step counts */
	thread->wake_ns = KTHREAD_ASLEEP;
	machine->kthread_current = thread;
	wake_ns = thread->step(thread);
	machine->kthread_current = NULL;
	if (wake_ns < thread->wake_ns)
		thread->wake_ns = wake_ns;
}

void kthread_run_due(struct mmsim_machine *machine)
{
	struct kthread *thread;

	if (LIKELY(machine->kthread_next_ns > machine->clock_ns) ||
	    machine->kthread_current)
		return;
	while (!machine->has_panicked && (thread = kthread_next(machine)) &&
	       kthread_due_ns(thread) <= machine->clock_ns)
		kthread_run_step(thread);
	kthread_note_next(machine);
}

void kthread_run_until(struct mmsim_machine *machine, uint64_t end_ns)
{
	const struct kthread *thread;

	ASSERT(!machine->kthread_current);
	for (;;) {
		kthread_run_due(machine);
		thread = kthread_next(machine);
		if (machine->has_panicked || !thread ||
		    kthread_due_ns(thread) > end_ns)
			break;
		clock_advance_to(machine, kthread_due_ns(thread));
	}
	clock_advance_to(machine, end_ns);
}
