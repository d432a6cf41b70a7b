/*
 * death.h: a child process misuses memory, and its last words are compared.
 *
 * DEATH(name, texts, size ...) { ... } makes a test case.  For each size a
 * child runs the body; the case passes when the child ends by SIGABRT after
 * exactly one line on standard error, "TEXT: 0xPOINTER", with the pointer that
 * the body named with misused(), if it named one.  Where the state of the
 * block decides between two texts, each is allowed: "TEXT|TEXT".
 */
#ifndef DEATH_H
#define DEATH_H

#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#define TCACHE "free(): double free detected in tcache 2"
#define NOT_PREV "double free or corruption (!prev)"
#define IN_TOP "double free or corruption (top)"
#define BAD_FREE "free(): invalid pointer"
#define BAD_REALLOC "realloc(): invalid pointer"
#define BAD_MAPPED "munmap_chunk(): invalid pointer"
#define BAD_LINK "malloc(): unaligned tcache chunk detected"
#define BAD_LIST "corrupted double-linked list"
#define BAD_NEXT "free(): invalid next size (normal)"
#define BAD_PREV "corrupted size vs. prev_size"
#define BAD_TOP "malloc(): corrupted top size"
#define BAD_USABLE "malloc_usable_size(): invalid pointer"

typedef void misuse_fn(size_t n);

static void **told; /* shared with the child: the pointer it will misuse */

static inline void misused(const void *p)
{
	*told = (void *)(uintptr_t)p;
}

/* What the child wrote to standard error and how it ended. */
static inline int run_child(misuse_fn *fn, size_t n, char *text, size_t room)
{
	struct rlimit no_core = {0, 0};
	ssize_t got;
	size_t len = 0;
	int fd[2], status;
	pid_t pid;

	REQUIRE(pipe(fd) == 0);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		fn(n);
		_exit(0);
	}
	close(fd[1]);
	while ((got = read(fd[0], text + len, room - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = 0;
	close(fd[0]);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	return status;
}

/* True for "WHAT: 0xHEX\n" and nothing else. */
static inline int line_is(const char *line, const char *what, size_t len,
			  const void *p)
{
	char *end;
	unsigned long at;

	if (strncmp(line, what, len) || strncmp(line + len, ": 0x", 4))
		return 0;
	at = strtoul(line + len + 2, &end, 16);
	return !strcmp(end, "\n") && at && (!p || at == (uintptr_t)p);
}

/* One of "TEXT|TEXT". */
static inline int line_is_one_of(const char *line, const char *texts,
				 const void *p)
{
	for (;;) {
		size_t len = strcspn(texts, "|");

		if (line_is(line, texts, len, p))
			return 1;
		if (!texts[len])
			return 0;
		texts += len + 1;
	}
}

static inline void expect_death(misuse_fn *fn, const char *texts, size_t n)
{
	char line[4096];
	int status;

	*told = NULL;
	status = run_child(fn, n, line, sizeof(line));
	CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		  "size %zu: status %x instead of SIGABRT", n, status);
	CHECK_MSG(line_is_one_of(line, texts, *told),
		  "size %zu: expected \"%s: %p\", got \"%s\"", n, texts, *told,
		  line);
}

/* DEATH(name, texts, size ...) { what the child does with blocks of n } */
#define DEATH(fn, texts, ...)                                                  \
	static void fn##_misuse(size_t n);                                     \
	CASE(fn)                                                               \
	{                                                                      \
		static const size_t sizes[] = {__VA_ARGS__};                   \
		size_t i;                                                      \
                                                                               \
		told = mmap(NULL, 4096, PROT_READ | PROT_WRITE,                \
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);                \
		REQUIRE(told != MAP_FAILED);                                   \
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)         \
			expect_death(fn##_misuse, texts, sizes[i]);            \
	}                                                                      \
	static void fn##_misuse(size_t n)

#define SMALL 1, 24, 64, 200, 1000
#define MEDIUM 1100, 2000, 8000, 30000
#define LARGE 40000, 60000, 100000
#define MAPPED 200000, 1 << 20, 10 << 20

/* A free that the compiler does not see, so that it may be repeated. */
static inline void release(void *p)
{
	free(hide_ptr(p));
}

/* With a threshold that was set, large blocks that are freed go back to the
 * arena at once; without, they may wait somewhere for their next use. */
static inline void keep_nothing_back(void)
{
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/* Two blocks of n bytes, the second right behind the first. */
static inline void neighbours(size_t n, unsigned char **first,
			      unsigned char **second)
{
	static unsigned char *p[300];
	size_t i, k;

	for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		p[i] = memset(hide_ptr(malloc(n)), 0, n);
		for (k = 0; k < i; k++)
			if (p[k] + malloc_usable_size(p[k]) + 8 == p[i]) {
				*first = hide_ptr(p[k]);
				*second = hide_ptr(p[i]);
				return;
			}
	}
	_exit(3);
}

static inline void *free_it(void *p)
{
	free(p);
	return NULL;
}

static inline void free_in_thread(void *p)
{
	pthread_t t;

	if (pthread_create(&t, NULL, free_it, p))
		_exit(4);
	pthread_join(t, NULL);
}

static inline void *pinned(size_t n)
{
	void *p = malloc(n), *guard = hide_ptr(malloc(n));

	(void)guard;
	return memset(p, 0, n);
}

#endif
