/*
 * run.h: what the interposers of libmmsim-run.so share.
 *
 * The object is preloaded behind libmmsim.so.  On a simulated machine the
 * program's own calls about memory that it got from malloc, or below its break,
 * are calls of the simulated task; all else goes to the real kernel.  Without a
 * machine, or without libmmsim.so, everything does, as if the object were not
 * there.
 *
 *     program -> mprotect of       in the window  --> mmsim_sim_syscall
 *                libmmsim-run.so   elsewhere      --> syscall(2)
 *
 * Real calls are made with syscall(2): nothing has to be looked up, so a call
 * may come from the first malloc or a signal handler.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/base.h"

#include <errno.h>
#include <mmsim/sim.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of libmmsim.so, which is preloaded as well.  No library is named in this one,
 * so that it does not matter where that lies. */
#pragma weak mmsim_os_default
#pragma weak mmsim_os_host
#pragma weak mmsim_sim_default
#pragma weak mmsim_sim_os
#pragma weak mmsim_sim_syscall
#pragma weak mmsim_sim_window

/* The machine of the program; NULL: none. */
static inline struct mmsim_sim *run_sim(void)
{
	return mmsim_sim_default ? mmsim_sim_default() : NULL;
}

/* Where [addr, addr + len) lies. */
enum run_where {
	RUN_OUTSIDE,   /* no part of it is the task's, or there is no task */
	RUN_INSIDE,    /* all of it can be the task's */
	RUN_STRADDLES, /* [start, end) of it can */
};

struct run_range {
	struct mmsim_sim *sim;
	uintptr_t start, end;
};

/* `range` is filled unless the answer is RUN_OUTSIDE. */
enum run_where run_find(const void *addr, size_t len, struct run_range *range);

/* A result of the simulated kernel, as libc gives it. */
static inline intptr_t run_result(intptr_t result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

#endif
