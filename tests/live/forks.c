/*
 * forks.c: processes that come from a program on a simulated machine.
 */
#include "live.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

extern char **environ;

/* ---- fork(2): a copy of the machine ---- */

/* Both sides see what was there before, and nothing of each other. */
static void check_both_sides(char *p, size_t len)
{
	pid_t pid;

	pattern_fill(p, len, 1);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		CHECK(pattern_differs(p, len, 1) == len);
		pattern_fill(p, len, 2);
		CHECK(pattern_differs(p, len, 2) == len);
		memset(malloc(MIB), 1, MIB);
		free(malloc(10));
		_exit(tap_failures ? 1 : 0);
	}
	for (size_t i = 0; i < len; i += 8192)
		p[i] = (char)~pattern_byte(1, i);
	CHECK(child_ends(pid, BY_EXIT(0)));
	for (size_t i = 0; i < len; i += 8192) {
		CHECK(p[i] == (char)~pattern_byte(1, i));
		p[i] = (char)pattern_byte(1, i);
	}
	CHECK(pattern_differs(p, len, 1) == len);
}

LIVE(fork_with_resident_memory, "ram=128M,swap=0")
{
	char *p = (char *)malloc(20 * MIB), *small = (char *)malloc(100);

	pattern_fill(small, 100, 3);
	check_both_sides(p, 20 * MIB);
	CHECK(pattern_differs(small, 100, 3) == 100);
	free(p);
	free(small);
}

LIVE(fork_with_memory_in_swap, "ram=32M,swap=256M")
{
	char *p = (char *)malloc(60 * MIB);

	check_both_sides(p, 60 * MIB);
	CHECK(vmstat("pswpout") > 5000 && vmstat("pswpin") > 1000);
	check_both_sides(p, 60 * MIB);
}

LIVE(fork_with_huge_pages, "ram=128M,swap=0,thp=always")
{
	char *p = live_pages(16 * MIB);

	madvise(p, 16 * MIB, MADV_HUGEPAGE);
	check_both_sides(p, 16 * MIB);
	CHECK(vmstat("thp_fault_alloc") > 0);
}

/* Never touched, read only, taken back: all kinds of pages. */
LIVE(fork_with_all_kinds_of_pages, "ram=64M,swap=64M")
{
	char *p = live_pages(16 * MIB);
	pid_t pid;

	memset(p, 1, 4 * MIB);
	CHECK(bytes_differ(p + 4 * MIB, 4 * MIB, 0) == 4 * MIB);
	memset(p + 8 * MIB, 1, 4 * MIB);
	madvise(p + 8 * MIB, 4 * MIB, MADV_DONTNEED);
	mprotect(p + MIB, MIB, PROT_READ);
	mprotect(p + 2 * MIB, MIB, PROT_NONE);
	pid = fork();
	if (pid == 0) {
		CHECK(bytes_differ(p, 2 * MIB, 1) == 2 * MIB);
		CHECK(bytes_differ(p + 4 * MIB, 12 * MIB, 0) == 12 * MIB);
		memset(p + 4 * MIB, 2, 12 * MIB);
		CHECK(bytes_differ(p + 4 * MIB, 12 * MIB, 2) == 12 * MIB);
		CHECK(mprotect(p + 2 * MIB, MIB, PROT_READ) == 0);
		CHECK(bytes_differ(p, 4 * MIB, 1) == 4 * MIB);
		((volatile char *)p)[MIB] = 2;
		_exit(3);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGSEGV)));
	CHECK(bytes_differ(p, 2 * MIB, 1) == 2 * MIB);
	CHECK(bytes_differ(p + 4 * MIB, 12 * MIB, 0) == 12 * MIB);
	pid = fork();
	if (pid == 0) {
		(void)((volatile char *)p)[2 * MIB + 5];
		_exit(3);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGSEGV)));
}

LIVE(forks_of_forks, "ram=64M,swap=64M")
{
	char *p = (char *)malloc(4 * MIB);
	int depth = 0;
	pid_t pid;

	pattern_fill(p, 4 * MIB, 0);
	while (depth < 8) {
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid > 0) {
			CHECK(child_ends(pid, BY_EXIT(0)));
			break;
		}
		CHECK(pattern_differs(p, 4 * MIB, (uint64_t)depth) == 4 * MIB);
		depth++;
		pattern_fill(p, 4 * MIB, (uint64_t)depth);
	}
	CHECK(pattern_differs(p, 4 * MIB, (uint64_t)depth) == 4 * MIB);
	if (depth > 0)
		_exit(tap_failures ? 1 : 0);
}

LIVE(two_hundred_forks, "ram=64M,swap=0")
{
	char *p = (char *)malloc(MIB);

	for (int i = 0; i < 200; i++) {
		pid_t pid;

		p[i * 4096] = (char)i;
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid == 0)
			_exit(p[i * 4096] == (char)i && malloc(10000) ? 0 : 1);
		CHECK(child_ends(pid, BY_EXIT(0)));
	}
}

LIVE(children_that_live_at_a_time, "ram=64M,swap=0")
{
	enum { NR = 30 };
	pid_t pid[NR];
	int go[2];
	char *p = (char *)malloc(MIB), c;

	REQUIRE(pipe(go) == 0);
	for (int i = 0; i < NR; i++) {
		memset(p, i, MIB);
		pid[i] = fork();
		REQUIRE(pid[i] >= 0);
		if (pid[i] == 0) {
			close(go[1]);
			while (read(go[0], &c, 1) > 0)
				;
			_exit(bytes_differ(p, MIB, (unsigned)i) == MIB ? 0 : 1);
		}
	}
	close(go[1]);
	for (int i = 0; i < NR; i++)
		CHECK(child_ends(pid[i], BY_EXIT(0)));
}

/* ---- fork(2) and threads ---- */

enum { STORERS = 8, STORED = 64 };

static struct {
	uint64_t *words; /* one in each of STORED pages */
	volatile uint64_t round;
	volatile int stop;
} storer[STORERS];

/* Writes the same number to all its pages, and looks whether it is still there.
 */
static void *store_and_check(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	volatile uint64_t *words = storer[n].words;
	uint64_t round = 0;

	while (!storer[n].stop) {
		for (int i = 0; i < STORED; i++)
			if (words[i * 512] != round)
				return (void *)(uintptr_t)words;
		round++;
		for (int i = 0; i < STORED; i++)
			words[i * 512] = round;
		storer[n].round = round;
	}
	return NULL;
}

static void start_storers(pthread_t *threads)
{
	for (size_t n = 0; n < STORERS; n++) {
		storer[n].words = (uint64_t *)(void *)live_pages(STORED * 4096);
		memset(storer[n].words, 0, STORED * 4096);
		REQUIRE(pthread_create(&threads[n], NULL, store_and_check,
				       (void *)(uintptr_t)n) == 0);
	}
}

static uint64_t rounds_of_all(void)
{
	uint64_t least = UINT64_MAX;

	for (size_t n = 0; n < STORERS; n++)
		if (storer[n].round < least)
			least = storer[n].round;
	return least;
}

static void stop_storers(pthread_t *threads)
{
	for (size_t n = 0; n < STORERS; n++) {
		void *lost = NULL;

		storer[n].stop = 1;
		REQUIRE(pthread_join(threads[n], &lost) == 0);
		CHECK_MSG(!lost, "thread %zu lost a store", n);
	}
}

/* In the child each set of pages is of one moment: at most one step apart. */
static int child_is_consistent(void)
{
	for (size_t n = 0; n < STORERS; n++) {
		uint64_t first = storer[n].words[0];

		for (int i = 1; i < STORED; i++) {
			uint64_t word = storer[n].words[i * 512];

			if (word != first && word + 1 != first)
				return 0;
			/* Stores were made from low to high. */
			if (word > storer[n].words[(i - 1) * 512])
				return 0;
		}
	}
	return 1;
}

static void fork_while_storing(int forks)
{
	pthread_t threads[STORERS];

	live_spread();
	start_storers(threads);
	for (int i = 0; i < forks; i++) {
		uint64_t before = rounds_of_all();
		pid_t pid = fork();

		REQUIRE(pid >= 0);
		if (pid == 0)
			_exit(child_is_consistent() ? 0 : 1);
		CHECK(child_ends(pid, BY_EXIT(0)));
		/* They go on. */
		while (rounds_of_all() < before + 2)
			sched_yield();
	}
	stop_storers(threads);
}

LIVE(fork_while_threads_store, "ram=64M,swap=0")
{
	fork_while_storing(20);
}

LIVE(fork_while_threads_store_to_swapped_pages, "ram=20M,swap=128M")
{
	/* Most of the memory is taken by pages that are not used again. */
	memset(malloc(40 * MIB), 1, 40 * MIB);
	fork_while_storing(8);
}

enum { MOVED_PAGES = 4096 };

/* Takes its time, so that there are forks in between. */
static void *look_for_zeros(void *arg)
{
	const struct timespec pause = {.tv_nsec = 20000};
	const volatile char *p = (const volatile char *)arg;

	for (size_t page = 1; page < MOVED_PAGES - 1; page++) {
		for (size_t i = 0; i < 4096; i += 64)
			if (p[page * 4096 + i])
				return arg;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* Memory has moved away, and other memory has its addresses: what was never
 * stored to is zeros at any moment of a fork, and what moved is all there. */
static void fork_where_memory_moved_away(void)
{
	size_t len = MOVED_PAGES * (size_t)4096;
	char *p = (char *)malloc(len), *moved, *again;
	void *found = NULL;
	pthread_t thread;

	pattern_fill(p, len, 1);
	memset(malloc(32 * MIB), 2, 32 * MIB);
	moved = (char *)realloc(p, 2 * len);
	again = (char *)malloc(len);
	CHECK(again == p);
	live_spread();
	REQUIRE(pthread_create(&thread, NULL, look_for_zeros, again) == 0);
	for (int i = 0; i < 12; i++) {
		pid_t pid = fork();

		REQUIRE(pid >= 0);
		if (pid == 0)
			_exit(pattern_differs(moved, len, 1) == len &&
					      !look_for_zeros(again)
				      ? 0
				      : 1);
		CHECK(child_ends(pid, BY_EXIT(0)));
	}
	REQUIRE(pthread_join(thread, &found) == 0);
	CHECK_MSG(!found, "it was not zeros");
	CHECK(pattern_differs(moved, len, 1) == len);
}

LIVE(fork_where_resident_memory_moved_away, "ram=128M,swap=0")
{
	fork_where_memory_moved_away();
}

LIVE(fork_where_swapped_memory_moved_away, "ram=24M,swap=128M")
{
	fork_where_memory_moved_away();
	CHECK(vmstat("pswpin") > MOVED_PAGES / 2);
}

static void *fork_and_wait(void *arg)
{
	char *p = (char *)malloc(100000);
	pid_t pid;

	memset(p, 5, 100000);
	pid = fork();
	if (pid == 0)
		_exit(bytes_differ(p, 100000, 5) == 100000 && malloc(200000)
			      ? 0
			      : 1);
	return child_ends(pid, BY_EXIT(0)) ? arg : NULL;
}

LIVE(fork_in_threads_at_the_same_time, "ram=64M,swap=0")
{
	live_spread();
	for (int round = 0; round < 5; round++) {
		pthread_t threads[6];
		void *ok;

		for (int i = 0; i < 6; i++)
			REQUIRE(pthread_create(&threads[i], NULL, fork_and_wait,
					       threads) == 0);
		for (int i = 0; i < 6; i++) {
			REQUIRE(pthread_join(threads[i], &ok) == 0);
			CHECK(ok);
		}
	}
}

static void *churn(void *arg)
{
	volatile int *stop = (volatile int *)arg;
	uint64_t state = (uint64_t)(uintptr_t)&state;

	while (!*stop) {
		size_t n = random_size(&state, 300000);
		char *p = (char *)malloc(n);

		if (p)
			memset(p, 1, n);
		free(p);
	}
	return NULL;
}

LIVE(fork_while_threads_allocate, "ram=64M,swap=64M")
{
	static volatile int stop;
	pthread_t threads[6];

	live_spread();
	for (int i = 0; i < 6; i++)
		REQUIRE(pthread_create(&threads[i], NULL, churn,
				       (void *)(uintptr_t)&stop) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(fork_and_wait(threads));
	stop = 1;
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
}

static int pattern_fd;

/* The host's kernel stands in the middle of the page, not the thread. */
static void *read_and_write(void *arg)
{
	volatile int *stop = (volatile int *)arg;
	size_t len = 300000;
	char *p = (char *)malloc(len);
	int fd = memfd_create("own", MFD_CLOEXEC);

	while (!*stop) {
		if (pread(pattern_fd, p, len, 0) != (ssize_t)len ||
		    pattern_differs(p, len, 4) != len)
			return arg;
		if (pwrite(fd, p, len, 0) != (ssize_t)len)
			return arg;
		memset(p, 0, len);
		if (pread(fd, p, len, 0) != (ssize_t)len ||
		    pattern_differs(p, len, 4) != len)
			return arg;
	}
	return NULL;
}

LIVE(fork_while_threads_are_in_system_calls, "ram=24M,swap=64M")
{
	static volatile int stop;
	pthread_t threads[4];
	char *p = (char *)malloc(300000);
	void *failed;

	live_spread();
	pattern_fill(p, 300000, 4);
	pattern_fd = memfd_create("pattern", MFD_CLOEXEC);
	REQUIRE(write(pattern_fd, p, 300000) == 300000);
	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, read_and_write,
				       (void *)(uintptr_t)&stop) == 0);
	for (int i = 0; i < 15; i++)
		CHECK(fork_and_wait(threads));
	stop = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		CHECK(!failed);
	}
}

/* ---- other ways to make a process ---- */

static pid_t (*find_Fork(void))(void)
{
	pid_t (*fn)(void);

	*(void **)&fn = live_symbol("_Fork");
	return fn;
}

LIVE(_Fork_takes_the_machine_along, "ram=64M,swap=64M")
{
	char *p = (char *)malloc(8 * MIB);
	pid_t pid;

	pattern_fill(p, 8 * MIB, 1);
	pid = find_Fork()();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		if (pattern_differs(p, 8 * MIB, 1) != 8 * MIB)
			_exit(1);
		pattern_fill(p, 8 * MIB, 2);
		p = (char *)malloc(MIB);
		_exit(p && memset(p, 1, MIB) == p ? 0 : 2);
	}
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(pattern_differs(p, 8 * MIB, 1) == 8 * MIB);
}

LIVE(_Fork_while_threads_store, "ram=64M,swap=0")
{
	pthread_t threads[STORERS];

	live_spread();
	start_storers(threads);
	for (int i = 0; i < 10; i++) {
		pid_t pid = find_Fork()();

		if (pid == 0)
			_exit(child_is_consistent() ? 0 : 1);
		CHECK(child_ends(pid, BY_EXIT(0)));
	}
	stop_storers(threads);
}

/* No handler runs: the child has no memory, and may exec. */
LIVE_ENDS(a_raw_fork, "ram=64M,swap=0", BY_EXIT(0),
	  "mmsim: this process has no simulated machine")
{
	char *p = (char *)malloc(MIB);
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	pid_t pid;

	pattern_fill(p, MIB, 1);
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		*(volatile char *)p = 1;
		_exit(0);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGSEGV)));
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		sbrk(4096);
		_exit(0);
	}
	CHECK(child_ends(pid, BY_SIGNAL(SIGABRT)));
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		execve("/bin/true", argv, environ);
		_exit(1);
	}
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(pattern_differs(p, MIB, 1) == MIB);
	free(p);
	memset(malloc(MIB), 1, MIB);
}

LIVE(vfork_shares_the_memory, "ram=64M,swap=0")
{
	char *p = live_pages(MIB);
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		pid = vfork();
		if (pid == 0) {
			/* A fault in the child, served. */
			((volatile char *)p)[i * 4096] = (char)(i + 1);
			execve("/bin/true", argv, environ);
			_exit(1);
		}
		CHECK(child_ends(pid, BY_EXIT(0)));
		CHECK(p[i * 4096] == i + 1);
	}
	/* Threads of the parent go on faulting while the child is there. */
	pid = vfork();
	if (pid == 0)
		_exit(7);
	CHECK(child_ends(pid, BY_EXIT(7)));
}

LIVE(posix_spawn_system_popen, "ram=64M,swap=0")
{
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			(char *)(uintptr_t) "exit 5", NULL};
	char *text = (char *)malloc(100);
	pid_t pid = 0;
	FILE *out;

	CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	CHECK(child_ends(pid, BY_EXIT(5)));
	CHECK(posix_spawnp(&pid, "no such program", NULL, NULL, argv,
			   environ) == ENOENT);
	CHECK(system("exit 6") == BY_EXIT(6));
	out = popen("echo from the child", "r");
	REQUIRE(out && fgets(text, 100, out));
	CHECK(!strcmp(text, "from the child\n"));
	CHECK(pclose(out) == 0);
	memset(malloc(MIB), 1, MIB);
}

LIVE(fork_and_exec, "ram=64M,swap=0")
{
	char *preloaded[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			     (char *)(uintptr_t) "x=$(echo $(echo yes)); "
						 "[ $x = yes ] && exit 4",
			     NULL};
	char *without[] = {NULL};

	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execve("/bin/sh", preloaded, i % 2 ? without : environ);
			_exit(1);
		}
		CHECK(child_ends(pid, BY_EXIT(4)));
	}
}

LIVE(a_daemon, "ram=64M,swap=0")
{
	char *p = (char *)malloc(MIB), answer = 0;
	int fd[2];
	pid_t pid;

	pattern_fill(p, MIB, 6);
	REQUIRE(pipe(fd) == 0);
	pid = fork();
	if (pid == 0) {
		if (daemon(0, 0))
			_exit(1);
		/* Fork, setsid, and the parent is gone. */
		answer = 'n';
		if (pattern_differs(p, MIB, 6) == MIB &&
		    memset(malloc(MIB), 1, MIB))
			answer = 'y';
		if (write(fd[1], &answer, 1) != 1)
			_exit(2);
		_exit(0);
	}
	close(fd[1]);
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(read(fd[0], &answer, 1) == 1 && answer == 'y');
	CHECK(read(fd[0], &answer, 1) == 0);
}

/* Whoever forks and leaves at once does not take the child along. */
LIVE(a_parent_that_leaves_at_once, "ram=64M,swap=64M")
{
	char *p = (char *)malloc(20 * MIB), answer = 0;
	int fd[2];
	pid_t pid;

	pattern_fill(p, 20 * MIB, 6);
	REQUIRE(pipe(fd) == 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 10; i++) {
			pid = fork();
			if (pid > 0)
				_exit(0);
			if (pid < 0)
				_exit(1);
		}
		answer = pattern_differs(p, 20 * MIB, 6) == 20 * MIB;
		_exit(write(fd[1], &answer, 1) != 1);
	}
	close(fd[1]);
	CHECK(child_ends(pid, BY_EXIT(0)));
	CHECK(read(fd[0], &answer, 1) == 1 && answer == 1);
}

LIVE(waiting_never_shows_the_server, "ram=64M,swap=0")
{
	siginfo_t info;
	int status;
	pid_t pid;

	memset(malloc(MIB), 1, MIB);
	errno = 0;
	CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
	CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == -1);
	/* Not even to those who ask for all kinds. */
	CHECK(waitpid(-1, &status, __WALL | WNOHANG) == -1 && errno == ECHILD);
	for (int i = 0; i < 10; i++) {
		pid = fork();
		if (pid == 0)
			_exit(9);
		CHECK(wait(&status) == pid && status == BY_EXIT(9));
		CHECK(wait(&status) == -1 && errno == ECHILD);
	}
	/* In a child it is the same. */
	pid = fork();
	if (pid == 0) {
		memset(malloc(MIB), 1, MIB);
		_exit(wait(&status) == -1 && errno == ECHILD ? 0 : 1);
	}
	CHECK(child_ends(pid, BY_EXIT(0)));
}


TAP_MAIN
