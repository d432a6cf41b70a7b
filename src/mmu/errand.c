/*
 * errand.c: a function runs while its thread touches nothing.
 *
 * The stack of a thread can be memory of the task: that of a coroutine, that of
 * a signal handler, or one that pthread_attr_setstack(3) was given, which has
 * the thread's variables as well.  Where such memory cannot be reached for a
 * while, a process that shares the memory and the descriptors does the work on a
 * stack of its own, and the thread waits in clone(2) (CLONE_VFORK).
 *
 *   struct errand   what to do | stack | thread-local storage
 *
 * Signals are to be blocked: the process would run the program's handlers.  Its
 * pid and its limits are its own.
 *
 * Source: clone(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/errand.h"

#include "base/hostmem.h"
#include "mmu/host_tls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ERRAND_STACK = 64 << 10, ERRAND_TLS = 16 << 10 };

struct errand {
	void (*fn)(void *);
	void *arg;
	bool is_done;
	char stack[ERRAND_STACK] __attribute__((aligned(16)));
	char tls[ERRAND_TLS] __attribute__((aligned(64)));
};

struct errand *errand_create(void)
{
	return hostmem_map(sizeof(struct errand));
}

void errand_destroy(struct errand *errand)
{
	hostmem_unmap(errand, sizeof(*errand));
}

static int errand_main(void *arg)
{
	struct errand *errand = arg;

	errand->fn(errand->arg);
	errand->is_done = true;
	return 0;
}

/* The function has said why. */
static _Noreturn void errand_lost(void)
{
	for (;;)
		syscall(SYS_kill, getpid(), SIGKILL);
}

bool errand_run(struct errand *errand, void (*fn)(void *), void *arg)
{
	int pid;

	errand->fn = fn;
	errand->arg = arg;
	errand->is_done = false;
	pid = clone(errand_main, errand->stack + ERRAND_STACK,
		    CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_VFORK |
			    CLONE_SETTLS,
		    errand, NULL, host_tls_make(errand->tls, ERRAND_TLS), NULL);
	if (pid < 0)
		return false;
	/* Somebody else may have waited for it. */
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (!errand->is_done)
		errand_lost();
	return true;
}
