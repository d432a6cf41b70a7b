/*
 * tap.h: test cases that each get a fresh process, reported as TAP.
 *
 * CASE(name) { ... } makes a test case.  main() executes the program again
 * for each of them ("--case name"), so a case starts with an untouched heap,
 * may exhaust or damage it, may install filters and limits, and may hang: the
 * watchdog ends it and all processes it left.  CHECK notes a failure and goes
 * on, REQUIRE ends the case.  The harness itself never calls malloc, because
 * several cases look at the very first call.
 *
 * A case whose name begins with "child_" runs only when it is named: other
 * cases execute it, for instance under another environment.
 *
 * Arguments: [--long] [case ...].  MMSIM_LONG=1 is the same as --long.
 * Works from C and from C++.
 */
#ifndef TAP_H
#define TAP_H

#include "probe.h"
#include "under_test.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

typedef void tap_fn(void);

struct tap_case {
	const char *name;
	tap_fn *run;
	unsigned timeout_s;
	struct tap_case *next;
};

static struct tap_case *tap_first;
static struct tap_case **tap_last = &tap_first;
static volatile int tap_failures;

static inline void tap_add(struct tap_case *c)
{
	*tap_last = c;
	tap_last = &c->next;
}

#ifndef MMSIM_DEBUG
#define MMSIM_DEBUG 0
#endif

/* Where the heap is walked every so many calls, all takes longer. */
enum { TAP_PATIENCE = MMSIM_DEBUG >= 2 ? 10 : 1 };

#define CASE_WITHIN(seconds, fn)                                               \
	static void fn(void);                                                  \
	static struct tap_case tap_case_##fn = {#fn, fn,                       \
						(seconds)*TAP_PATIENCE, NULL}; \
	__attribute__((constructor)) static void tap_add_##fn(void)            \
	{                                                                      \
		tap_add(&tap_case_##fn);                                       \
	}                                                                      \
	static void fn(void)

#define CASE(fn) CASE_WITHIN(60, fn)

__attribute__((format(printf, 1, 2))) static inline void
tap_say(const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 1)
		len = (int)sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(98);
}

#define CHECK_MSG(cond, ...)                                                   \
	do {                                                                   \
		if (!(cond)) {                                                 \
			tap_failures++;                                        \
			tap_say("# %s:%d: failed: %s\n", __FILE__, __LINE__,   \
				#cond);                                        \
			tap_say("#   " __VA_ARGS__);                           \
			tap_say("\n");                                         \
		}                                                              \
	} while (0)

#define CHECK(cond) CHECK_MSG(cond, "errno %d", errno)

#define REQUIRE_MSG(cond, ...)                                                 \
	do {                                                                   \
		int tap_holds = !!(cond);                                      \
		CHECK_MSG(tap_holds &&#cond, __VA_ARGS__);                     \
		if (!tap_holds)                                                \
			_exit(1);                                              \
	} while (0)

#define REQUIRE(cond) REQUIRE_MSG(cond, "errno %d", errno)

static inline int tap_long(void)
{
	const char *v = getenv("MMSIM_LONG");

	return v && *v && strcmp(v, "0") != 0;
}

/* Executes this program again with two arguments, in its own group. */
static inline pid_t tap_spawn(const char *option, const char *name)
{
	char *argv[4] = {(char *)(uintptr_t) "test", (char *)(uintptr_t)option,
			 (char *)(uintptr_t)name, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		execv("/proc/self/exe", argv);
		_exit(97);
	}
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

/* Waits for the child; -1 when it had to be killed.  Ends its whole group. */
static inline int tap_wait(pid_t pid, unsigned timeout_s)
{
	long left_ms = (long)timeout_s * 1000;
	int status = 0, late;

	while (waitpid(pid, &status, WNOHANG) == 0 && left_ms > 0) {
		sleep_ms(2);
		left_ms -= 2;
	}
	late = left_ms <= 0;
	kill(-pid, SIGKILL);
	if (late)
		waitpid(pid, &status, 0);
	return late ? -1 : status;
}

static inline int tap_run(const struct tap_case *c, int number)
{
	unsigned timeout_s = c->timeout_s * (tap_long() ? 10 : 1);
	pid_t pid = tap_spawn("--case", c->name);
	int status = pid < 0 ? 1 : tap_wait(pid, timeout_s);
	int passed = status == 0;

	if (status == -1)
		tap_say("# still running after %u s\n", timeout_s);
	else if (WIFSIGNALED(status))
		tap_say("# ended by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) > 1)
		tap_say("# ended with status %d\n", WEXITSTATUS(status));
	tap_say("%s %d - %s\n", passed ? "ok" : "not ok", number, c->name);
	return passed;
}

static inline int tap_run_case(const char *name)
{
	const struct tap_case *c;

	for (c = tap_first; c; c = c->next) {
		if (!strcmp(c->name, name)) {
			c->run();
			return tap_failures ? 1 : 0;
		}
	}
	return 96;
}

static inline int tap_wanted(const struct tap_case *c, char **names)
{
	if (!*names)
		return strncmp(c->name, "child_", 6) != 0;
	for (; *names; names++)
		if (!strcmp(c->name, *names))
			return 1;
	return 0;
}

static inline int tap_main(int argc, char **argv)
{
	struct tap_case *c;
	char **names = argv + 1;
	int planned = 0, number = 0, failed = 0;

	if (argc == 3 && !strcmp(argv[1], "--case"))
		return tap_run_case(argv[2]);
	under_test_start(argv);
	if (*names && !strcmp(*names, "--long")) {
		setenv("MMSIM_LONG", "1", 1);
		names++;
	}
	for (c = tap_first; c; c = c->next)
		planned += tap_wanted(c, names);
	if (!planned)
		under_test_bail("no such case");
	tap_say("1..%d\n", planned);
	for (c = tap_first; c; c = c->next)
		if (tap_wanted(c, names))
			failed += !tap_run(c, ++number);
	return failed ? 1 : 0;
}

#define TAP_MAIN                                                               \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return tap_main(argc, argv);                                   \
	}

#endif
