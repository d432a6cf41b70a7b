/*
 * brk.c: the program moves its break.
 *
 * On a simulated machine there is one break, the simulated task's, which malloc
 * uses as well.  Without a machine it is libc's, whose idea of the break is
 * kept right.
 *
 * Source: brk(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run/run.h"

/* glibc's own: sbrk under a name that nobody takes the place of, and the break
 * as it knows it. */
void *__sbrk(intptr_t increment);
extern void *__curbrk;

/* The machine is started if malloc was not called yet. */
static struct mmsim_sim *brk_sim(void)
{
	if (mmsim_os_default)
		mmsim_os_default();
	return run_sim();
}

PUBLIC void *sbrk(intptr_t increment)
{
	struct mmsim_sim *sim = brk_sim();
	const struct mmsim_os *os;
	void *old;

	if (!sim)
		return __sbrk(increment);
	os = mmsim_sim_os(sim);
	old = os->sbrk(os->ctx, increment);
	if (old)
		return old;
	errno = ENOMEM;
	return (void *)-1;
}

PUBLIC int brk(void *addr)
{
	struct mmsim_sim *sim = brk_sim();
	uintptr_t wanted = (uintptr_t)addr, now;

	if (sim) {
		now = (uintptr_t)mmsim_sim_syscall(sim, SYS_brk, wanted, 0, 0,
						   0);
	} else {
		now = (uintptr_t)syscall(SYS_brk, addr);
		__curbrk = (void *)now;
	}
	if (now >= wanted)
		return 0;
	errno = ENOMEM;
	return -1;
}
