/*
 * live_event.c: faults of a live task.
 *
 *   event of userfaultfd     MISSING  no page in the store
 *                            MINOR    the store has one, it is not mapped
 *                            WP       mapped for reading, and a store came
 *   any of them              walk the simulated tables, as the CPU would
 *                              entry for this access: A and D are set
 *                              none: a page fault of the simulated kernel
 *                            then the page is mapped, and the thread goes on
 *   REMAP                    of live_fork.c; reading it is enough
 *   at a doorbell            a system call (live_call.c)
 *
 * What kind of event it was does not matter: threads that fault on one page at
 * a time, or a page that went again meanwhile, come out right because the walk
 * decides.  Waking the thread is the last thing done, so that what it sees of
 * the machine afterwards is complete.
 *
 * An access that the simulated kernel answers with SIGSEGV gets a real one: the
 * real protection of the page becomes what the simulated area allows, and the
 * access is tried again.  So a handler of the program finds the address, and a
 * system call gives EFAULT.
 *
 * Sources: userfaultfd(2), ioctl_userfaultfd(2), mprotect(2).
 */
#include "mmu/live_state.h"

#include "kernel/task.h"
#include "kernel/vma.h"
#include "mmu/host_call.h"
#include "mmu/walk.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* --- real protection ------------------------------------------------------ */

static void exception_end(struct live *live, unsigned i)
{
	struct live_exception *e = &live->exceptions[i];

	host_mprotect((void *)e->start, e->end - e->start,
		      PROT_READ | PROT_WRITE);
	*e = live->exceptions[--live->nr_exceptions];
}

/* A refusal that is forgotten shows again at the next access; that code may be
 * executed does not. */
static void exception_make_room(struct live *live)
{
	unsigned i = 0;

	if (live->nr_exceptions < LIVE_EXCEPTIONS)
		return;
	while (i < LIVE_EXCEPTIONS - 1 &&
	       (live->exceptions[i].prot & PROT_EXEC))
		i++;
	exception_end(live, i);
}

static void exception_add(struct live *live, uintptr_t start, uintptr_t end,
			  int prot)
{
	if (start >= end)
		return;
	exception_make_room(live);
	live->exceptions[live->nr_exceptions++] =
		(struct live_exception){start, end, prot};
	host_mprotect((void *)start, end - start, prot);
}

void event_unprotect(struct live *live, uintptr_t start, uintptr_t end)
{
	for (unsigned i = live->nr_exceptions; i-- > 0;) {
		struct live_exception e = live->exceptions[i];

		if (e.start >= end || start >= e.end)
			continue;
		exception_end(live, i);
		if (!(e.prot & PROT_EXEC))
			continue;
		exception_add(live, e.start, start, e.prot);
		exception_add(live, end, e.end, e.prot);
	}
}

void event_protect(struct live *live, uintptr_t start, uintptr_t end, int prot)
{
	event_unprotect(live, start, end);
	exception_add(live, start, end, prot);
}

/* The next access to the page earns a real SIGSEGV, or gives EFAULT. */
static void event_refuse(struct live *live, uintptr_t addr)
{
	struct vm_area_struct *vma = vma_lookup(live->task->mm, addr);
	bool may_read = vma && (vma->flags & VM_ACCESS_FLAGS);

	event_protect(live, addr, addr + PAGE_SIZE,
		      may_read ? PROT_READ : PROT_NONE);
	store_wake(live, addr, PAGE_SIZE);
}

/* --- death ---------------------------------------------------------------- */

/* The process lives on, and finds that the memory is gone. */
static void event_survive(struct live *live)
{
	live->nr_exceptions = 0;
	host_mprotect(live->window, LIVE_WINDOW_LEN, PROT_NONE);
	store_wake(live, (uintptr_t)live->window, LIVE_WINDOW_LEN);
}

SERVER_MAY_END void event_check_death(struct live *live)
{
	if (live->is_dead ||
	    (live->task->state == TASK_RUNNING && !live->machine->has_panicked))
		return;
	live->is_dead = true;
	if (!live->survive)
		server_kill(live);
	event_survive(live);
}

/* --- faults --------------------------------------------------------------- */

/* There is an entry for the access, and its bits are set: 0, or as
 * handle_page_fault. */
static int fault_resolve(struct live *live, uintptr_t addr,
			 enum fault_access access, struct walk *walk)
{
	struct mmsim_task *task = live->task;
	int result = task_check(task);

	while (!result && !mmu_walk(task->mm, addr, access, walk))
		result = handle_page_fault(task, addr, access);
	return result;
}

/* The page is mapped as the entry says, which wakes the thread. */
SERVER_MAY_END static void fault_map(struct live *live, uintptr_t addr,
				     const struct walk *walk)
{
	bool writable = walk_may_write(walk);
	uintptr_t huge = addr & PMD_MASK;

	if (walk->is_huge && writable)
		store_map_fresh(live, huge, huge + PMD_SIZE);
	if (store_map(live, addr, walk->page, writable))
		server_broken(live, "the host has no memory for the contents "
				    "of simulated pages");
}

static void fault_serve(struct live *live, uintptr_t addr,
			enum fault_access access)
{
	struct live_observer *observer = live->observer;
	struct walk walk;
	int result;

	do {
		result = fault_resolve(live, addr, access, &walk);
		if (observer)
			observer->fault_end(observer, addr, access, result);
		task_call_done(live->machine);
		event_check_death(live);
		if (live->is_dead)
			return;
		/* Kernel threads have run, and may have taken it again. */
	} while (!result && !mmu_walk(live->task->mm, addr, access, &walk));
	store_unmap_aged(live);
	if (result)
		event_refuse(live, addr);
	else
		fault_map(live, addr, &walk);
}

void event_serve(struct live *live, const struct uffd_msg *msg)
{
	uintptr_t addr;
	bool is_write;

	if (msg->event != UFFD_EVENT_PAGEFAULT)
		return;
	live->is_serving = true;
	store_tidy(live);
	addr = msg->arg.pagefault.address & PAGE_MASK;
	is_write = msg->arg.pagefault.flags &
		   (UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	if (!live_has(live, addr))
		call_rang(live, addr);
	else if (live->is_dead)
		store_wake(live, addr, PAGE_SIZE);
	else if (!live->is_forking)
		fault_serve(live, addr, is_write ? FAULT_WRITE : FAULT_READ);
	live->is_serving = false;
}
