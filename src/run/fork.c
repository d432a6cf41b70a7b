/*
 * fork.c: _Fork(3), which runs no fork handlers.
 *
 * The child would have no memory: the window is not inherited.  So what happens
 * around fork(2) below the heap happens here as well; the heap's own handlers
 * do not run, and the child must not call malloc if the parent had several
 * threads, which is the rule for _Fork anyway.
 *
 * Source: _Fork(3), dlsym(3).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run/run.h"

#include <dlfcn.h>
#include <sys/types.h>

static pid_t (*fork_next)(void);

/* Before main: _Fork may be called by a signal handler, dlsym may not. */
__attribute__((constructor)) static void fork_find_next(void)
{
	*(void **)&fork_next = dlsym(RTLD_NEXT, "_Fork");
}

PUBLIC pid_t _Fork(void)
{
	struct mmsim_sim *sim = run_sim();
	const struct mmsim_os *os;
	pid_t pid;
	int saved;

	if (!fork_next)
		fork_find_next();
	if (!fork_next) {
		errno = ENOSYS;
		return -1;
	}
	if (!sim)
		return fork_next();
	os = mmsim_sim_os(sim);
	os->fork_prepare(os->ctx);
	pid = fork_next();
	saved = errno;
	if (pid == 0)
		os->fork_child(os->ctx);
	else
		os->fork_parent(os->ctx);
	errno = saved;
	return pid;
}
