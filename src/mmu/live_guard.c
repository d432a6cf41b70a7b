/*
 * live_guard.c: the process that watches the server.
 *
 * When the last descriptor of a userfaultfd is closed the host's kernel serves
 * the memory by itself: pages that are swapped out would read as zeros, and the
 * program would run on with wrong data.  A server that ends as it should says so
 * before; one that is killed cannot.  So the server has a child that shares
 * memory and userfaultfd with it, and does nothing but wait:
 *
 *   the server ends             it ends the guard first, and waits for it: who
 *                               waits for the server has waited for both
 *   the server was killed       faults still wait, because the guard has the
 *                               descriptor too: the program is killed, and how
 *                               it ended is told
 *   the program has ended       the guard ends
 *
 * A guard that has ended stays a zombie of the server's, so that its pid is
 * nobody else's until then.
 *
 * Simplified: who kills both gets what they ask for.
 *
 * Sources: userfaultfd(2), pidfd_open(2), clone(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "base/hostmem.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_STACK (256 * KIB)

SERVER_MAY_END static int guard_main(void *arg)
{
	struct live *live = arg;
	struct pollfd fds[] = {
		{.fd = live->pidfd, .events = POLLIN},
		{.fd = live->guard.server_fd, .events = POLLIN},
	};

	prctl(PR_SET_NAME, "mmsim-guard");
	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			_exit(1);
	if (!fds[0].revents &&
	    !__atomic_load_n(&live->guard.is_over, __ATOMIC_ACQUIRE))
		server_broken(live, "the server of the simulated machine was "
				    "killed");
	_exit(0);
}

int guard_start(struct live *live)
{
	/* A program that ignores SIGCHLD hands that down, and then who ends is
	 * no zombie. */
	static const struct sigaction by_default = {.sa_handler = SIG_DFL};

	sigaction(SIGCHLD, &by_default, NULL);
	live->guard.is_over = false;
	live->guard.server_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (live->guard.server_fd < 0)
		return -errno;
	/* It uses the server's thread-local storage: only what fails writes
	 * there, and that is when the server is gone. */
	live->guard.pid = clone(guard_main, live->guard.stack + GUARD_STACK,
				CLONE_VM | SIGCHLD, live);
	close(live->guard.server_fd);
	return live->guard.pid < 0 ? -errno : 0;
}

void guard_end(struct live *live)
{
	__atomic_store_n(&live->guard.is_over, true, __ATOMIC_RELEASE);
	/* There is none yet; or it is the guard that ends, in place of a server
	 * that was killed. */
	if (live->guard.pid <= 0 || live->guard.pid == getpid())
		return;
	kill(live->guard.pid, SIGKILL);
	while (waitpid(live->guard.pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int guard_map(struct live *live)
{
	/* Behind a fork the parent's guard is still here. */
	live->guard.pid = 0;
	if (!live->guard.stack)
		live->guard.stack = hostmem_map(GUARD_STACK);
	return live->guard.stack ? 0 : -ENOMEM;
}

void guard_unmap(struct live *live)
{
	hostmem_unmap(live->guard.stack, GUARD_STACK);
}
