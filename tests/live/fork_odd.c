/*
 * fork_odd.c: forks from odd places, and where something is missing: in signal
 * handlers, on stacks in simulated memory, without rights or room.
 */
#include "live.h"

#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

/* ---- fork in a signal handler ---- */

static volatile int nr_handled, nr_bad;

static void fork_in_handler(int sig)
{
	int status;
	pid_t pid = fork();

	(void)sig;
	if (pid == 0 && nr_handled % 2)
		_exit(0);
	if (pid == 0) {
		/* It returns into whatever was interrupted. */
		nr_handled = 1000;
		return;
	}
	nr_handled++;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		nr_bad++;
}

/* The handler may interrupt malloc, and a system call of the machine. */
LIVE(fork_in_a_handler_that_interrupts_malloc, "ram=64M,swap=0")
{
	struct itimerval often = {{0, 3000}, {0, 3000}};

	REQUIRE(signal(SIGALRM, fork_in_handler) != SIG_ERR);
	REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (nr_handled < 100) {
		char *p = (char *)malloc(200000), *old;

		memset(p, 1, 200000);
		old = (char *)sbrk(65536);
		*old = 1;
		sbrk(-65536);
		p = (char *)realloc(p, 900000);
		free(p);
	}
	if (nr_handled >= 1000) {
		for (int i = 0; i < 100; i++)
			free(memset(malloc(150000), 2, 150000));
		_exit(0);
	}
	memset(&often, 0, sizeof(often));
	setitimer(ITIMER_REAL, &often, NULL);
	CHECK(nr_bad == 0);
}

/* ---- stacks in the heap ---- */

/* What is on the stack is there in the child and, afterwards, in the parent. */
static void *fork_from_here(void *arg)
{
	char local[20000];
	pid_t pid;

	pattern_fill(local, sizeof(local), 7);
	CHECK(is_simulated(local));
	free(memset(malloc(30 * MIB), 1, 30 * MIB));
	pid = fork();
	if (pid == 0)
		_exit(pattern_differs(local, sizeof(local), 7) ==
					      sizeof(local) &&
				      memset(malloc(MIB), 1, MIB)
			      ? 0
			      : 1);
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(pattern_differs(local, sizeof(local), 7) == sizeof(local));
	return arg;
}

/* One at a time: the host's kernel asks no server when a thread ends and its id
 * is to be cleared, and while another forks that memory is away. */
LIVE(fork_in_threads_whose_stacks_are_in_the_heap, "ram=24M,swap=128M")
{
	pthread_attr_t attr;
	pthread_t thread;

	REQUIRE(pthread_attr_init(&attr) == 0);
	for (int i = 0; i < 3; i++) {
		REQUIRE(pthread_attr_setstack(&attr, live_pages(MIB), MIB) ==
			0);
		REQUIRE(pthread_create(&thread, &attr, fork_from_here, NULL) ==
			0);
		REQUIRE(pthread_join(thread, NULL) == 0);
	}
}

static void fork_in_coroutine(void)
{
	fork_from_here(NULL);
}

LIVE(fork_in_a_coroutine, "ram=24M,swap=128M")
{
	static ucontext_t here, there;

	for (int i = 0; i < 3; i++) {
		REQUIRE(getcontext(&there) == 0);
		there.uc_stack.ss_sp = malloc(256 << 10);
		there.uc_stack.ss_size = 256 << 10;
		there.uc_link = &here;
		makecontext(&there, fork_in_coroutine, 0);
		REQUIRE(swapcontext(&here, &there) == 0);
	}
}

static void fork_on_signal_stack(int sig)
{
	(void)sig;
	fork_from_here(NULL);
}

LIVE(fork_on_a_signal_stack_in_the_heap, "ram=24M,swap=128M")
{
	stack_t stack = {.ss_size = MIB};
	struct sigaction action = {.sa_flags = SA_ONSTACK};

	stack.ss_sp = malloc(stack.ss_size);
	action.sa_handler = fork_on_signal_stack;
	REQUIRE(sigaltstack(&stack, NULL) == 0);
	REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
}

/* ---- rights and limits ---- */

static int become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
	       setresuid(65534, 65534, 65534) == 0;
}

/* The child has no right to handle faults of its own; the parent goes on. */
LIVE_ENDS(fork_without_the_right, "ram=64M,swap=0", BY_EXIT(0), "mmsim: fork: ")
{
	char *p = (char *)malloc(4 * MIB);
	pid_t pid;

	pattern_fill(p, 4 * MIB, 1);
	REQUIRE(become_nobody());
	CHECK(pattern_differs(p, 4 * MIB, 1) == 4 * MIB);
	memset(malloc(MIB), 1, MIB);
	pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK(child_ends(pid, BY_SIGNAL(SIGABRT)));
	pid = vfork();
	if (pid == 0)
		_exit(3);
	CHECK(child_ends(pid, BY_EXIT(3)));
	CHECK(pattern_differs(p, 4 * MIB, 1) == 4 * MIB);
	memset(malloc(MIB), 1, MIB);
}

LIVE(fork_that_the_host_refuses, "ram=64M,swap=0")
{
	struct rlimit none = {0, 0};
	char *p = (char *)malloc(4 * MIB);

	pattern_fill(p, 4 * MIB, 1);
	REQUIRE(setrlimit(RLIMIT_NPROC, &none) == 0);
	REQUIRE(become_nobody());
	for (int i = 0; i < 5; i++) {
		errno = 0;
		CHECK(fork() == -1 && errno == EAGAIN);
		CHECK(pattern_differs(p, 4 * MIB, 1) == 4 * MIB);
		memset(malloc(MIB), 1, MIB);
	}
}

TAP_MAIN
