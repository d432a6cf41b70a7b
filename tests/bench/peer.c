/*
 * peer.c: allocators for tests/bench/peers.sh, all of them glibc's.
 *
 * tests/bench/workloads.c asks for the names below: the figures that it prints
 * are PERCENT of the usual ones, and it miscounts (WRONG) or waits for ever
 * (HANG).  CRASH: malloc aborts at its 1000th call.
 */
#include <stdlib.h>

void *__libc_malloc(size_t size);

#ifdef PERCENT
int peer_percent = PERCENT;
#endif
#ifdef WRONG
int peer_is_wrong;
#endif
#ifdef HANG
int peer_hangs;
#endif

void *malloc(size_t size)
{
#ifdef CRASH
	static int calls;

	if (++calls == 1000)
		abort();
#endif
	return __libc_malloc(size);
}
