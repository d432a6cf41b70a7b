/*
 * ends.c: how a program on a simulated machine ends, and what is left of it.
 */
#include "live.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

static void *fault_for_ever(void *arg)
{
	size_t len = (size_t)(uintptr_t)arg;
	char *p = live_pages(len);

	for (;;) {
		for (size_t i = 0; i < len; i += 4096)
			((volatile char *)p)[i]++;
		madvise(p, len / 2, MADV_DONTNEED);
		free(malloc(200000));
	}
	return NULL;
}

static void start_faulting(int nr, size_t len)
{
	pthread_t thread;

	live_spread();
	for (int i = 0; i < nr; i++)
		REQUIRE(pthread_create(&thread, NULL, fault_for_ever,
				       (void *)(uintptr_t)len) == 0);
}

/* ---- exit ---- */

LIVE_ENDS(exit_while_threads_fault, "ram=24M,swap=64M", BY_EXIT(5), NULL)
{
	start_faulting(6, 8 * MIB);
	sleep_ms(50);
	exit(5);
}

static void *exit_here(void *arg)
{
	exit((int)(uintptr_t)arg);
}

LIVE_ENDS(exit_in_another_thread, "ram=24M,swap=64M", BY_EXIT(6), NULL)
{
	pthread_t thread;

	start_faulting(3, 8 * MIB);
	REQUIRE(pthread_create(&thread, NULL, exit_here,
			       (void *)(uintptr_t)6) == 0);
	fault_for_ever((void *)(uintptr_t)(2 * MIB));
}

static void *outlive_main(void *arg)
{
	char *p = live_pages(40 * MIB);

	(void)arg;
	/* Longer than it takes the server to look whether we are still there.
	 */
	for (int round = 0; round < 4; round++) {
		sleep_ms(300);
		pattern_fill(p, 40 * MIB, (uint64_t)round);
		if (pattern_differs(p, 40 * MIB, (uint64_t)round) != 40 * MIB)
			exit(9);
	}
	exit(7);
}

LIVE_ENDS(the_main_thread_ends_first, "ram=24M,swap=64M", BY_EXIT(7), NULL)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, outlive_main, NULL) == 0);
	pthread_exit(NULL);
}

/* ---- signals ---- */

LIVE_ENDS(kill_while_threads_fault, "ram=24M,swap=64M", BY_SIGNAL(SIGKILL),
	  NULL)
{
	struct itimerval soon = {{0, 0}, {0, 100000}};

	(void)soon;
	start_faulting(4, 8 * MIB);
	sleep_ms(50);
	kill(getpid(), SIGKILL);
	fault_for_ever((void *)(uintptr_t)(2 * MIB));
}

/* The default action, from outside, at any moment inside malloc. */
LIVE_ENDS(a_timer_ends_it_inside_malloc, "ram=24M,swap=64M",
	  BY_SIGNAL(SIGVTALRM), NULL)
{
	struct itimerval soon = {{0, 0}, {0, 30000}};

	REQUIRE(setitimer(ITIMER_VIRTUAL, &soon, NULL) == 0);
	for (;;)
		free(memset(malloc(150000), 1, 150000));
}

static void abort_here(int sig)
{
	struct rlimit none = {0, 0};

	(void)sig;
	setrlimit(RLIMIT_CORE, &none);
	abort();
}

LIVE_ENDS(abort_in_a_handler_inside_malloc, "ram=24M,swap=64M",
	  BY_SIGNAL(SIGABRT), NULL)
{
	struct itimerval soon = {{0, 0}, {0, 30000}};

	signal(SIGALRM, abort_here);
	REQUIRE(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	for (;;)
		free(memset(malloc(150000), 1, 150000));
}

static sigjmp_buf out_of_malloc;

static void jump_here(int sig)
{
	(void)sig;
	siglongjmp(out_of_malloc, 1);
}

/* What POSIX leaves undefined does not hang. */
LIVE(jumping_out_of_the_break, "ram=24M,swap=64M")
{
	struct itimerval often = {{0, 2000}, {0, 2000}};
	static volatile int jumps;

	signal(SIGALRM, jump_here);
	REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
	if (sigsetjmp(out_of_malloc, 1))
		jumps++;
	while (jumps < 300) {
		char *p = (char *)sbrk(65536);

		memset(p, 1, 65536);
		sbrk(-65536);
	}
}

LIVE(stopped_and_continued, "ram=24M,swap=64M")
{
	char *p = live_pages(30 * MIB);
	pid_t self = getpid(), helper = vfork();

	if (helper == 0) {
		execl("/bin/sh", "sh", "-c",
		      "for i in 1 2 3 4 5 6 7 8 9 10; do kill -STOP $PPID; "
		      "kill -CONT $PPID; done",
		      NULL);
		_exit(1);
	}
	CHECK(self > 0);
	for (uint64_t round = 0; round < 10; round++) {
		pattern_fill(p, 30 * MIB, round);
		CHECK(pattern_differs(p, 30 * MIB, round) == 30 * MIB);
	}
	CHECK(child_ends(helper, BY_EXIT(0)));
}

/* ---- out of memory ---- */

LIVE_ENDS(out_of_memory, "ram=32M,swap=0,vm.overcommit_memory=1",
	  BY_SIGNAL(SIGKILL), "Out of memory: Killed process")
{
	memset(malloc(64 * MIB), 1, 64 * MIB);
	CHECK(!"it lives");
}

LIVE_ENDS(out_of_memory_with_many_threads,
	  "ram=32M,swap=8M,vm.overcommit_memory=1", BY_SIGNAL(SIGKILL),
	  "Out of memory: Killed process")
{
	start_faulting(12, 8 * MIB);
	for (;;)
		pause();
}

LIVE_ENDS(out_of_memory_in_a_system_call,
	  "ram=32M,swap=0,vm.overcommit_memory=1", BY_SIGNAL(SIGKILL),
	  "Out of memory: Killed process")
{
	char *p = (char *)malloc(64 * MIB);
	int fd = memfd_create("x", MFD_CLOEXEC);

	REQUIRE(ftruncate(fd, 64 * MIB) == 0);
	CHECK(pread(fd, p, 64 * MIB, 0) == 0);
	CHECK(!"it lives");
}

/* Each has a machine of its own: only the child dies. */
LIVE_ENDS(out_of_memory_in_a_child, "ram=32M,swap=0,vm.overcommit_memory=1",
	  BY_EXIT(0), "Out of memory: Killed process")
{
	char *p = (char *)malloc(4 * MIB);
	pid_t pid;

	pattern_fill(p, 4 * MIB, 1);
	pid = fork();
	if (pid == 0) {
		memset(malloc(64 * MIB), 1, 64 * MIB);
		_exit(1);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGKILL)));
	CHECK(pattern_differs(p, 4 * MIB, 1) == 4 * MIB);
}

/* Standard error is a pipe that is full and that nobody reads. */
LIVE_ENDS(out_of_memory_with_standard_error_full,
	  "ram=32M,swap=0,vm.overcommit_memory=1", BY_EXIT(0), NULL)
{
	int fd[2];
	pid_t pid;

	REQUIRE(pipe2(fd, O_NONBLOCK) == 0);
	while (write(fd[1], "1234567890", 10) > 0)
		;
	fcntl(fd[1], F_SETFL, 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		memset(malloc(64 * MIB), 1, 64 * MIB);
		_exit(1);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGKILL)));
}

LIVE_ENDS(out_of_memory_without_standard_error,
	  "ram=32M,swap=0,vm.overcommit_memory=1", BY_SIGNAL(SIGKILL), NULL)
{
	closefrom(0);
	memset(malloc(64 * MIB), 1, 64 * MIB);
}

LIVE(no_memory_for_a_request, "ram=64M,swap=0,vm.overcommit_memory=2")
{
	size_t got = 0;
	void *p;

	while ((p = malloc(MIB)) != NULL && got < 1000)
		got++;
	CHECK(got > 10 && got < 64);
	CHECK(errno == ENOMEM);
	errno = 0;
	CHECK(sbrk(64 * MIB) == (void *)-1 && errno == ENOMEM);
}

/* ---- exec ---- */

static char *const exit_four[] = {
	(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
	(char *)(uintptr_t) "sleep 0.3; exit 4", NULL};

LIVE_ENDS(exec_of_a_simulated_program, "ram=24M,swap=64M", BY_EXIT(4), NULL)
{
	memset(malloc(MIB), 1, MIB);
	execv("/bin/sh", exit_four);
}

LIVE_ENDS(exec_of_another_program, "ram=24M,swap=64M", BY_EXIT(4), NULL)
{
	char *none[] = {NULL};

	memset(malloc(MIB), 1, MIB);
	execve("/bin/sh", exit_four, none);
}

static void *exec_here(void *arg)
{
	(void)arg;
	execv("/bin/sh", exit_four);
	return NULL;
}

LIVE_ENDS(exec_in_a_thread_while_others_fault, "ram=24M,swap=64M", BY_EXIT(4),
	  NULL)
{
	pthread_t thread;

	start_faulting(4, 8 * MIB);
	REQUIRE(pthread_create(&thread, NULL, exec_here, NULL) == 0);
	fault_for_ever((void *)(uintptr_t)(2 * MIB));
}

LIVE(exec_that_fails, "ram=24M,swap=64M")
{
	char *p = live_pages(30 * MIB);

	pattern_fill(p, 30 * MIB, 1);
	for (int i = 0; i < 5; i++) {
		CHECK(execl("/no/such/program", "x", NULL) == -1);
		CHECK(pattern_differs(p, 30 * MIB, 1) == 30 * MIB);
	}
}

/* The server of a program that was replaced is no child of the new one that it
 * would see. */
LIVE_ENDS(exec_leaves_no_child, "ram=24M,swap=64M", BY_EXIT(3), NULL)
{
	memset(malloc(MIB), 1, MIB);
	execl("/bin/sh", "sh", "-c",
	      "sleep 0.3; wait; [ -z \"$(jobs)\" ] && exit 3", NULL);
}

/* ---- surroundings ---- */

/* A process whose server started without /proc, and that forks itself. */
static int forks_without_proc(const char *p, size_t len)
{
	pid_t pid;

	if (pattern_differs(p, len, 2) != len)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(pattern_differs(p, len, 2) == len ? 0 : 1);
	if (!child_ends(pid, BY_EXIT(0)))
		return 2;
	return pattern_differs(p, len, 2) == len ? 0 : 3;
}

LIVE(chdir_and_chroot, "ram=24M,swap=64M")
{
	char *p = live_pages(30 * MIB);
	char dir[] = "/tmp/mmsim-root-XXXXXX";
	int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
	pid_t pid;

	pattern_fill(p, 30 * MIB, 1);
	REQUIRE(mkdtemp(dir));
	REQUIRE(chroot(dir) == 0 && chdir("/") == 0);
	CHECK(pattern_differs(p, 30 * MIB, 1) == 30 * MIB);
	pattern_fill(p, 30 * MIB, 2);
	pid = fork();
	if (pid == 0)
		_exit(forks_without_proc(p, 30 * MIB));
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(pattern_differs(p, 30 * MIB, 2) == 30 * MIB);
	CHECK(unlinkat(tmp, dir + 5, AT_REMOVEDIR) == 0);
}

static int child_sees(const char *p, size_t len)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit now;

		memset(malloc(MIB), 1, MIB);
		if (getrlimit(RLIMIT_AS, &now) || now.rlim_cur != 4096)
			_exit(2);
		_exit(pattern_differs(p, len, 1) == len ? 0 : 1);
	}
	return child_ends(pid, BY_EXIT(0));
}

LIVE(limits_that_the_program_sets, "ram=24M,swap=64M")
{
	struct rlimit tight = {4096, RLIM_INFINITY};
	char *p = live_pages(30 * MIB);

	pattern_fill(p, 30 * MIB, 1);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
	REQUIRE(setrlimit(RLIMIT_DATA, &tight) == 0);
	CHECK(pattern_differs(p, 30 * MIB, 1) == 30 * MIB);
	memset(malloc(MIB), 1, MIB);
	CHECK(child_sees(p, 30 * MIB));
	CHECK(getrlimit(RLIMIT_AS, &tight) == 0 && tight.rlim_cur == 4096);
	CHECK(getrlimit(RLIMIT_DATA, &tight) == 0 && tight.rlim_cur == 4096);
	CHECK(getrlimit(RLIMIT_FSIZE, &tight) == 0 && tight.rlim_cur == 4096);
}

/* A child cannot have a machine: it ends, and nobody else. */
LIVE_ENDS(limits_that_cannot_be_lifted, "ram=24M,swap=64M", BY_EXIT(0),
	  "mmsim: fork: ")
{
	struct rlimit tight = {4096, 4096}, none = {0, 0};
	char *p = live_pages(30 * MIB);
	pid_t pid;
	int status;

	pattern_fill(p, 30 * MIB, 1);
	setrlimit(RLIMIT_CORE, &none);
	REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
	/* Whoever may lift hard limits, may not any more. */
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	for (int i = 0; i < 5; i++) {
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid == 0)
			_exit(0);
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		CHECK(pattern_differs(p, 30 * MIB, 1) == 30 * MIB);
		memset(malloc(MIB), 1, MIB);
	}
}

/* Somebody ends the server: the program is ended too, before it reads what is
 * not there. */
LIVE_ENDS(a_killed_server, "ram=24M,swap=64M", BY_SIGNAL(SIGKILL),
	  "the server of the simulated machine was killed")
{
	struct rlimit none = {0, 0};
	char command[400], *p = malloc(30 * MIB);

	pattern_fill(p, 30 * MIB, 1);
	setrlimit(RLIMIT_CORE, &none);
	snprintf(command, sizeof(command),
		 "for s in /proc/[0-9]*; do read -r c < $s/comm; "
		 "[ \"$c\" = mmsim-server ] && grep -q -s %s $s/environ && "
		 "[ $s != /proc/$$ ] && kill -9 ${s#/proc/}; done",
		 getenv(LIVE_MARK));
	/* The shell has a machine, too, and its server the same mark. */
	unsetenv("MMSIM_MACHINE");
	CHECK(system(command) >= 0);
	for (;;)
		CHECK(pattern_differs(p, 30 * MIB, 1) == 30 * MIB);
}

TAP_MAIN
