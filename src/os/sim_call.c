/*
 * sim_call.c: system calls of a live task that are not the heap's.
 *
 * A program may move its break and change the protection of memory that it got
 * from malloc; on a simulated machine these are calls of the simulated task.
 * They are asked for by the host's numbers, so that whoever stands between the
 * program and libc needs one call for all of them.
 *
 * Sources: syscall(2) and the pages of the single calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "os/sim_state.h"

#include <errno.h>
#include <sys/syscall.h>

PUBLIC void mmsim_sim_window(const struct mmsim_sim *sim, uintptr_t *start,
			     uintptr_t *end)
{
	*start = *end = 0;
	if (sim)
		live_window(sim->live, start, end);
}

static intptr_t call_brk(struct mmsim_sim *sim, uintptr_t wanted)
{
	sigset_t mask;
	intptr_t result;

	sim_lock(sim, &mask);
	if (wanted)
		sim_set_brk(sim, wanted);
	result = (intptr_t)sim->brk;
	sim_unlock(sim, &mask);
	return result;
}

/* 0: not a call that a live task makes. */
static enum live_op call_op(long nr)
{
	switch (nr) {
	case SYS_mmap:
		return LIVE_MMAP;
	case SYS_munmap:
		return LIVE_MUNMAP;
	case SYS_mprotect:
		return LIVE_MPROTECT;
	case SYS_mremap:
		return LIVE_MREMAP;
	case SYS_madvise:
		return LIVE_MADVISE;
	case SYS_mlock:
		return LIVE_MLOCK;
	case SYS_mlock2:
		return LIVE_MLOCK2;
	case SYS_munlock:
		return LIVE_MUNLOCK;
	case SYS_mlockall:
		return LIVE_MLOCKALL;
	case SYS_munlockall:
		return LIVE_MUNLOCKALL;
	case SYS_mincore:
		return LIVE_MINCORE;
	case SYS_msync:
		return LIVE_MSYNC;
	default:
		return 0;
	}
}

PUBLIC intptr_t mmsim_sim_syscall(struct mmsim_sim *sim, long nr, uintptr_t a0,
				  uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	enum live_op op = call_op(nr);

	if (!sim)
		return -EINVAL;
	if (nr == SYS_brk)
		return call_brk(sim, a0);
	return op ? live_syscall(sim->live, op, a0, a1, a2, a3) : -ENOSYS;
}
