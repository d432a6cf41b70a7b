/*
 * live_call.c: system calls of a live task.
 *
 * A call is a fault, too.  The thread writes the request into a free slot and
 * reads the slot's doorbell, a page that is never there; the event takes its
 * turn among the faults, the server serves the request and gives the page, and
 * the thread reads the result and throws the page away again.
 *
 *   thread                                server
 *   TAKEN, request, POSTED
 *   read of the doorbell   -- event -->   POSTED: serve, result, DONE
 *     ...                  <-- page --    the doorbell is mapped
 *   DONE: result
 *   doorbell unmapped, FREE
 *
 * So the program needs no descriptor that it could close, no signal, and no
 * privilege; calls and faults are served in the order in which they came.  A
 * process without a server, left by a fork that ran no handlers, finds that its
 * request was not served.  Signals wait: a handler could jump away and leave
 * the slot behind, or fork.  What interrupts the wait all the same, a debugger,
 * makes the thread ring again: a slot that is not POSTED is only woken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "base/fatal.h"
#include "mmu/host_call.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

/* --- the server's side ---------------------------------------------------- */

static bool call_is_inside(const struct live *live, uintptr_t start, size_t len)
{
	return live_has(live, start) &&
	       len <= (uintptr_t)live->window + LIVE_WINDOW_LEN - start;
}

/* A new area, or new protection for one: what was real before goes, and code
 * can be executed. */
static void call_protected(struct live *live, uintptr_t start, size_t len,
			   int prot)
{
	uintptr_t end = start + PAGE_ALIGN(len);

	event_unprotect(live, start, end);
	if ((prot & PROT_EXEC) && start < end)
		event_protect(live, start, end,
			      PROT_READ | PROT_WRITE | PROT_EXEC);
}

static intptr_t call_brk(struct live *live, uintptr_t brk)
{
	struct mm_struct *mm = live->task->mm;
	uintptr_t old = mm->brk;
	intptr_t result = mmsim_brk(live->task, brk);

	if (result > 0 && (uintptr_t)result > old)
		call_protected(live, old & PAGE_MASK,
			       (uintptr_t)result - (old & PAGE_MASK), 0);
	return result;
}

static intptr_t call_mmap(struct live *live, const uintptr_t arg[4])
{
	int prot = (int)arg[2], flags = (int)arg[3];
	intptr_t result;

	/* Real memory is anonymous and private. */
	if ((flags & (MAP_SHARED | MAP_ANONYMOUS)) != MAP_ANONYMOUS ||
	    ((flags & MAP_FIXED) && !call_is_inside(live, arg[0], arg[1])))
		return -EINVAL;
	result = mmsim_mmap(live->task, arg[0], arg[1], prot, flags, NULL, 0);
	if (result > 0) {
		call_protected(live, (uintptr_t)result, arg[1], prot);
		if (flags & MAP_POPULATE)
			store_map_fresh(live, (uintptr_t)result,
					(uintptr_t)result + PAGE_ALIGN(arg[1]));
	}
	return result;
}

static intptr_t call_mprotect(struct live *live, const uintptr_t arg[4])
{
	int result = mmsim_mprotect(live->task, arg[0], arg[1], (int)arg[2]);

	if (result == 0)
		call_protected(live, arg[0], arg[1], (int)arg[2]);
	return result;
}

static intptr_t call_mremap(struct live *live, const uintptr_t arg[4])
{
	intptr_t result;

	/* Where it goes is for the kernel to say; a length of 0 would make a
	 * second mapping of shared memory, of which there is none. */
	if (arg[1] == 0 || (arg[3] & ~(uintptr_t)MREMAP_MAYMOVE))
		return -EINVAL;
	result = mmsim_mremap(live->task, arg[0], arg[1], arg[2], (int)arg[3],
			      0);
	if (result > 0)
		call_protected(live, (uintptr_t)result, arg[2], 0);
	return result;
}

static intptr_t call_madvise(struct live *live, const uintptr_t arg[4])
{
	int advice = (int)arg[2];
	int result = mmsim_madvise(live->task, arg[0], arg[1], advice);

	if (result == 0 && advice == MADV_POPULATE_WRITE)
		store_map_fresh(live, arg[0], arg[0] + PAGE_ALIGN(arg[1]));
	return result;
}

static intptr_t call_range(struct live *live, const struct live_call *call)
{
	struct mmsim_task *task = live->task;
	const uintptr_t *arg = call->arg;

	if (call->op == LIVE_MLOCKALL)
		return mmsim_mlockall(task, (int)arg[0]);
	if (call->op == LIVE_MUNLOCKALL)
		return mmsim_munlockall(task);
	if (!call_is_inside(live, arg[0], arg[1]))
		return -EINVAL;
	switch (call->op) {
	case LIVE_MUNMAP:
		return mmsim_munmap(task, arg[0], arg[1]);
	case LIVE_MPROTECT:
		return call_mprotect(live, arg);
	case LIVE_MREMAP:
		return call_mremap(live, arg);
	case LIVE_MADVISE:
		return call_madvise(live, arg);
	case LIVE_MLOCK:
		return mmsim_mlock(task, arg[0], arg[1]);
	case LIVE_MUNLOCK:
		return mmsim_munlock(task, arg[0], arg[1]);
	case LIVE_MLOCK2:
		return mmsim_mlock2(task, arg[0], arg[1], (int)arg[2]);
	case LIVE_MSYNC:
		return mmsim_msync(task, arg[0], arg[1], (int)arg[2]);
	case LIVE_MINCORE:
		/* The server may not fault on what it serves. */
		if (live_has(live, arg[2]))
			return -EFAULT;
		return mmsim_mincore(task, arg[0], arg[1],
				     (unsigned char *)arg[2]);
	default:
		return -ENOSYS;
	}
}

static intptr_t call_serve(struct live *live, const struct live_call *call)
{
	struct live_observer *observer = live->observer;
	intptr_t result = 0;

	if (live->is_dead)
		return -ESRCH;
	if (observer)
		result = observer->call_begin(observer, call->op, call->arg);
	if (result == 0 && call->op == LIVE_BRK)
		result = call_brk(live, call->arg[0]);
	else if (result == 0 && call->op == LIVE_MMAP)
		result = call_mmap(live, call->arg);
	else if (result == 0)
		result = call_range(live, call);
	if (observer)
		observer->call_end(observer, call->op, call->arg, result);
	event_check_death(live);
	return live->is_dead ? -ESRCH : result;
}

/* The thread goes on. */
static void call_answer(struct live *live, unsigned i)
{
	struct uffdio_zeropage page = {
		.range = {.start = (uintptr_t)live->bells + i * PAGE_SIZE,
			  .len = PAGE_SIZE},
	};

	store_unmap_aged(live);
	__atomic_store_n(&live->calls[i].state, CALL_DONE, __ATOMIC_RELEASE);
	while (ioctl(live->uffd, UFFDIO_ZEROPAGE, &page) != 0) {
		if (errno != EAGAIN) {
			store_wake(live, page.range.start, PAGE_SIZE);
			return;
		}
	}
}

static void call_serve_slot(struct live *live, unsigned i)
{
	struct live_call *call = &live->calls[i];

	if (call->op == LIVE_STOP)
		live->is_stopping = true;
	else if (call->op >= LIVE_FORK)
		call->result = fork_serve(live, call);
	else if (call->op == LIVE_HELLO)
		event_check_death(live);
	else
		call->result = call_serve(live, call);
	call_answer(live, i);
}

void call_rang(struct live *live, uintptr_t addr)
{
	unsigned i = (unsigned)((addr - (uintptr_t)live->bells) >> PAGE_SHIFT);
	struct live_call *call = &live->calls[i];

	if (__atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != CALL_POSTED)
		store_wake(live, addr, PAGE_SIZE);
	else if (!live->is_forking || call->op >= LIVE_FORK)
		call_serve_slot(live, i);
}

void call_serve_waiting(struct live *live)
{
	for (unsigned i = 0; i < LIVE_CALLS; i++)
		if (__atomic_load_n(&live->calls[i].state, __ATOMIC_ACQUIRE) ==
			    CALL_POSTED &&
		    live->calls[i].op < LIVE_FORK)
			call_serve_slot(live, i);
}

/* --- the thread's side ---------------------------------------------------- */

static unsigned call_take(struct live *live)
{
	for (unsigned i = 0;; i = (i + 1) % LIVE_CALLS) {
		uint32_t is_free = CALL_FREE;

		if (load_relaxed(&live->calls[i].state) == CALL_FREE &&
		    __atomic_compare_exchange_n(
			    &live->calls[i].state, &is_free, CALL_TAKEN, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return i;
		if (i == LIVE_CALLS - 1)
			sched_yield();
	}
}

static _Noreturn void call_unserved(const struct live *live)
{
	if (getpid() == live->program_pid)
		fatal("mmsim: the server of the simulated machine was killed");
	fatal("mmsim: this process has no simulated machine: it came from a "
	      "fork that ran no fork handlers");
}

static intptr_t call_make(struct live *live, enum live_op op, uintptr_t a0,
			  uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	unsigned i = call_take(live);
	struct live_call *call = &live->calls[i];
	volatile char *bell = live->bells + i * PAGE_SIZE;
	intptr_t result;

	call->op = op;
	call->arg[0] = a0;
	call->arg[1] = a1;
	call->arg[2] = a2;
	call->arg[3] = a3;
	call->result = 0;
	__atomic_store_n(&call->state, CALL_POSTED, __ATOMIC_RELEASE);
	(void)*bell;
	if (__atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != CALL_DONE)
		call_unserved(live);
	result = call->result;
	host_madvise((void *)bell, PAGE_SIZE, MADV_DONTNEED);
	__atomic_store_n(&call->state, CALL_FREE, __ATOMIC_RELEASE);
	return result;
}

intptr_t live_syscall(struct live *live, enum live_op op, uintptr_t a0,
		      uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	sigset_t all, before;
	intptr_t result;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	result = call_make(live, op, a0, a1, a2, a3);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
