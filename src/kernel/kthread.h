/*
 * kthread.h: kernel threads: actors with clocks of their own.
 *
 * kswapd, the flusher and their like work beside the tasks.  Each is a step
 * function that does a bounded piece of work (a batch of pages) and says when
 * it wants to go on.  It is called at points where memory may be reclaimed:
 *
 *   task_call_done       the end of every public call
 *   the slow path of page_alloc.c, for requests that may sleep
 *   mmsim_idle           from event to event, until the time is over
 *
 *        machine clock  ----------------------------------------->
 *        kswapd         woken [ work ]..[ work ] asleep
 *                              its own clock, never before the wake-up
 *
 * With one CPU a thread that is woken runs at once, and what it costs passes on
 * the machine's clock: the task waits.  With more CPUs it runs beside the task,
 * on its own clock, and only as far as the machine's clock has come.
 */
#ifndef KERNEL_KTHREAD_H
#define KERNEL_KTHREAD_H

#include "base/list.h"
#include "kernel/types.h"

struct mmsim_machine;

#define KTHREAD_ASLEEP UINT64_MAX

struct kthread {
	struct mmsim_machine *machine;
	struct list_head link; /* in machine->kthreads, in the order of creation */
	const char *name;      /* "kswapd0" */
	void *arg;
	/*
	 * One piece of work.  What it costs is charged with kthread_charge.  When
	 * to go on, ns of the machine's clock: now or earlier means at once,
	 * KTHREAD_ASLEEP not before kthread_wake.
	 */
	uint64_t (*step)(struct kthread *thread);
	uint64_t clock_ns; /* its own time: the end of what it did last */
	uint64_t wake_ns;  /* the next step is due then; or KTHREAD_ASLEEP */
	uint64_t cpu_ns;   /* time that it has worked, in all */
};

/* Asleep at first. */
void kthread_init(struct mmsim_machine *machine, struct kthread *thread,
		  const char *name, uint64_t (*step)(struct kthread *thread),
		  void *arg);
void kthread_fini(struct kthread *thread);
/* Its next step is due now, if it was to come later. */
void kthread_wake(struct kthread *thread);
/* The same for a time in the future. */
void kthread_wake_at(struct kthread *thread, uint64_t ns);
/* The running thread has worked for ns: passes on its own clock, and with one
 * CPU on the machine's as well. */
void kthread_charge(struct kthread *thread, uint64_t ns);
/* Whose step runs now; NULL: a task's call is served. */
struct kthread *kthread_current(const struct mmsim_machine *machine);

/* Runs all that is due.  Does nothing inside of a step. */
void kthread_run_due(struct mmsim_machine *machine);
/* Lets time pass up to `end_ns`, from one due step to the next. */
void kthread_run_until(struct mmsim_machine *machine, uint64_t end_ns);

#endif
