/*
 * background.c: the thread that gives back without a call, if it is asked for.
 *
 * Without the option a process keeps its one thread whatever it frees.  With it
 * the resident set falls while the program makes no call, in the child of a fork
 * too; no signal reaches the thread, and exec and exit do not mind it.
 */
#include "tap.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

enum { TOTAL = 40 << 20, LEFT_MAX = 8 << 20, LIMIT_MS = 20000 };

static void *blocks[TOTAL / 1000];

static void fill_and_free(void)
{
	size_t i, n = sizeof(blocks) / sizeof(blocks[0]);

	for (i = 0; i < n; i++) {
		blocks[i] = hide_ptr(malloc(1000));
		REQUIRE(blocks[i]);
		memset(blocks[i], 1, 1000);
	}
	REQUIRE(rss_bytes() > TOTAL);
	for (i = 0; i < n; i++)
		free(blocks[i]);
}

/* Whether the resident set falls, without a call of malloc or free. */
static int falls(void)
{
	int ms;

	for (ms = 0; ms < LIMIT_MS; ms += 20) {
		if (rss_bytes() < LEFT_MAX)
			return 1;
		sleep_ms(20);
	}
	return 0;
}

static int nr_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	REQUIRE(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Options are read when the process starts: it starts once more. */
static void with_background(const char *name)
{
	char *argv[] = {(char *)(uintptr_t) "test",
			(char *)(uintptr_t) "--case", (char *)(uintptr_t)name,
			NULL};

	if (getenv("MMSIM_BACKGROUND"))
		return;
	setenv("MMSIM_BACKGROUND", "1", 1);
	setenv("MMSIM_DECAY_MS", "100", 1);
	execv("/proc/self/exe", argv);
	REQUIRE(0);
}

CASE(by_default_there_is_no_thread)
{
	fill_and_free();
	sleep_ms(1300);
	free(hide_ptr(malloc(100)));
	CHECK_MSG(nr_threads() == 1, "%d threads", nr_threads());
}

/* The thread ends when nothing waits. */
static bool is_alone(void)
{
	for (int tries = 0; tries < 100; tries++) {
		if (nr_threads() == 1)
			return true;
		sleep_ms(50);
	}
	return false;
}

CASE(memory_goes_without_a_call)
{
	with_background(__func__);
	fill_and_free();
	CHECK_MSG(nr_threads() == 2, "%d threads", nr_threads());
	CHECK_MSG(falls(), "%zu KiB are left", rss_bytes() / 1024);
	CHECK(is_alone());
}

CASE(it_goes_again_and_again)
{
	with_background(__func__);
	for (int round = 0; round < 3; round++) {
		fill_and_free();
		CHECK_MSG(falls(), "round %d: %zu KiB are left", round,
			  rss_bytes() / 1024);
		CHECK(is_alone());
	}
}

CASE(the_child_of_a_fork_has_its_own)
{
	pid_t pid;
	int status;

	with_background(__func__);
	fill_and_free();
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		fill_and_free();
		_exit(nr_threads() == 2 && falls() ? 0 : 1);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_MSG(status == 0, "status %x", status);
	CHECK(falls());
}

static volatile sig_atomic_t signalled_in;

static void on_signal(int sig)
{
	(void)sig;
	signalled_in = gettid();
}

CASE(no_signal_reaches_it)
{
	struct sigaction act;
	sigset_t usr1;

	with_background(__func__);
	fill_and_free();
	CHECK(nr_threads() == 2);
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	REQUIRE(sigaction(SIGUSR1, &act, NULL) == 0);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	sleep_ms(100);
	CHECK_MSG(signalled_in == 0, "thread %d", (int)signalled_in);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	CHECK(signalled_in == getpid());
}

static void *allocating(void *unused)
{
	fill_and_free();
	return unused;
}

/* A process ends with the last of its threads, main or not. */
CASE(it_keeps_no_process_alive)
{
	pthread_t thread;
	pid_t pid, ended = 0;

	with_background(__func__);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		REQUIRE(!pthread_create(&thread, NULL, allocating, NULL));
		pthread_detach(thread);
		pthread_exit(NULL);
	}
	for (int tries = 0; ended == 0 && tries < 200; tries++) {
		sleep_ms(50);
		ended = waitpid(pid, NULL, WNOHANG);
	}
	CHECK(ended == pid);
	if (ended == 0)
		kill(pid, SIGKILL);
}

CASE(exec_and_exit_do_not_mind)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};

	with_background(__func__);
	for (int round = 0; round < 20; round++) {
		pid_t pid = fork();
		int status;

		REQUIRE(pid >= 0);
		if (pid == 0) {
			fill_and_free();
			sleep_ms(round * 10);
			if (round % 2)
				execvp("true", argv);
			exit(0);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_MSG(status == 0, "status %x", status);
	}
}

TAP_MAIN
