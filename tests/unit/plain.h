/*
 * plain.h: the few words of Criterion that the unit tests use, for builds
 * where Criterion itself does not start.
 *
 * Criterion keeps shared data at addresses that ThreadSanitizer claims for its
 * own.  So in such a build, and only there, unit.h includes this file instead:
 * the same tests, each in a forked process of its own, told as TAP.
 *
 * Left out: everything that the tests here do not use; a file has one suite.
 */
#ifndef TESTS_UNIT_PLAIN_H
#define TESTS_UNIT_PLAIN_H

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_suite {
	const char *suite;
	void (*init)(void);
	void (*fini)(void);
	int signal;
	int exit_code;
	double timeout; /* seconds */
};

struct plain_test {
	struct plain_suite own; /* what stands in Test() */
	const char *name;
	void (*body)(void);
	struct plain_test *next;
};

static struct plain_suite *plain_suite;
static struct plain_test *plain_first, **plain_last = &plain_first;

#define TestSuite(suite_, ...)                                                 \
	static struct plain_suite plain_suite_##suite_ = {.suite = #suite_,    \
							  __VA_ARGS__};        \
	__attribute__((constructor)) static void plain_add_##suite_(void)      \
	{                                                                      \
		plain_suite = &plain_suite_##suite_;                           \
	}                                                                      \
	struct plain_suite

#define Test(suite_, name_, ...)                                               \
	static void suite_##_##name_(void);                                    \
	static struct plain_test plain_##suite_##_##name_ = {                  \
		.own = {.suite = #suite_, ##__VA_ARGS__},                      \
		.name = #name_,                                                \
		.body = suite_##_##name_};                                     \
	__attribute__((constructor)) static void plain_add_##suite_##_##name_( \
		void)                                                          \
	{                                                                      \
		*plain_last = &plain_##suite_##_##name_;                       \
		plain_last = &plain_##suite_##_##name_.next;                   \
	}                                                                      \
	static void suite_##_##name_(void)

__attribute__((format(printf, 4, 5))) static inline void
plain_fail(const char *file, int line, const char *what, const char *format,
	   ...)
{
	va_list args;

	fprintf(stderr, "# %s:%d: %s:", file, line, what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(99);
}

#define cr_assert(e, ...)                                                      \
	((e) ? (void)0 : plain_fail(__FILE__, __LINE__, #e, " " __VA_ARGS__))
#define cr_assert_not(e, ...) cr_assert(!(e), ##__VA_ARGS__)
#define cr_assert_null(p, ...) cr_assert((p) == NULL, ##__VA_ARGS__)
#define cr_assert_not_null(p, ...) cr_assert((p) != NULL, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b), ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b), ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b), ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b), ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b), ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b), ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                            \
	cr_assert(strcmp((a), (b)) == 0, ##__VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                           \
	cr_assert(strcmp((a), (b)) != 0, ##__VA_ARGS__)

static void plain_run_body(const struct plain_test *t)
{
	double timeout = t->own.timeout;

	if (timeout > 0)
		alarm((unsigned)timeout + 1);
	if (plain_suite && plain_suite->init)
		plain_suite->init();
	if (t->own.init)
		t->own.init();
	t->body();
	if (t->own.fini)
		t->own.fini();
	if (plain_suite && plain_suite->fini)
		plain_suite->fini();
	exit(0);
}

static int plain_has_passed(const struct plain_test *t, int status)
{
	if (t->own.signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == t->own.signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == t->own.exit_code;
}

int main(void)
{
	int n = 0, failed = 0;

	for (struct plain_test *t = plain_first; t; t = t->next)
		n++;
	printf("1..%d\n", n);
	n = 0;
	for (struct plain_test *t = plain_first; t; t = t->next) {
		int status = 0, passed;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			plain_run_body(t);
		passed = pid > 0 && waitpid(pid, &status, 0) == pid &&
			 plain_has_passed(t, status);
		failed += !passed;
		printf("%sok %d - %s::%s\n", passed ? "" : "not ", ++n,
		       t->own.suite, t->name);
	}
	return failed != 0;
}

#endif
