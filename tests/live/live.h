/*
 * live.h: test cases that run on a simulated machine, and their deaths.
 *
 * LIVE(name, spec) { ... } is a case whose body runs in a program of its own
 * with libmmsim.so and libmmsim-run.so preloaded and MMSIM_MACHINE=spec.  It
 * passes when the body ends by itself without a failed CHECK.  LIVE_ENDS also
 * says how the program shall end, and what it shall write to standard error.
 *
 *   harness  --  watcher (no machine)  --  inside: the body
 *
 * The watcher has a deadline; when the program is gone it looks for servers
 * that were left behind: they have the name mmsim-server and the program's
 * environment, in which the watcher put its mark.
 */
#ifndef LIVE_H
#define LIVE_H

#include "../blackbox/tap.h"

#include <dirent.h>
#include <limits.h>
#include <mmsim/sim.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/resource.h>

#define LIVE_MARK "MMSIM_TEST_LIVE_MARK"

enum { LIVE_DEADLINE_MS = 30000, LIVE_SERVERS_MS = 5000 };

/* A program that ended so; what WIFEXITED and its like understand. */
#define BY_EXIT(status) ((status) << 8)
#define BY_SIGNAL(sig) (sig)

/* ---- inside ---- */

/* A function of libmmsim.so. */
static inline void *live_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);

	REQUIRE_MSG(symbol, "%s", name);
	return symbol;
}

static inline struct mmsim_sim *live_sim(void)
{
	struct mmsim_sim *(*fn)(void);

	*(void **)&fn = live_symbol("mmsim_sim_default");
	return fn();
}

/* True when p is memory of the simulated task. */
static inline int is_simulated(const void *p)
{
	void (*fn)(const struct mmsim_sim *, uintptr_t *, uintptr_t *);
	uintptr_t start, end;

	*(void **)&fn = live_symbol("mmsim_sim_window");
	fn(live_sim(), &start, &end);
	return (uintptr_t)p >= start && (uintptr_t)p < end;
}

static inline unsigned long proc_figure_in(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (!strncmp(text, name, len) &&
		    (text[len] == ' ' || text[len] == ':'))
			return strtoul(text + len + 1, NULL, 10);
	return ULONG_MAX;
}

/* A figure of a proc file of the machine, while nobody else touches the heap.
 */
static inline unsigned long proc_figure(const char *path, const char *name)
{
	struct mmsim_machine *(*machine)(struct mmsim_sim *);
	int64_t (*proc)(struct mmsim_machine *, const char *, char *, size_t);
	static char text[256 << 10];

	*(void **)&machine = live_symbol("mmsim_sim_machine");
	*(void **)&proc = live_symbol("mmsim_proc_read");
	REQUIRE(proc(machine(live_sim()), path, text, sizeof(text)) >= 0);
	return proc_figure_in(text, name);
}

static inline unsigned long vmstat(const char *name)
{
	return proc_figure("/proc/vmstat", name);
}

/* Page-aligned memory of the simulated task. */
static inline char *live_pages(size_t len)
{
	void *p = NULL;

	REQUIRE(posix_memalign(&p, 4096, len) == 0);
	REQUIRE(is_simulated(p));
	return (char *)p;
}

/* From one CPU, where a simulated program begins, to all. */
static inline void live_spread(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
}

/* The child ended so. */
static inline int child_ends(pid_t pid, int ending)
{
	int status = -1;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	if (status != ending)
		tap_say("# the child ended with %#x, not %#x\n", status,
			ending);
	return status == ending;
}

/* ---- watcher ---- */

static inline int file_begins(const char *dir, const char *name,
			      const char *text)
{
	char path[PATH_MAX], begin[64] = "";
	int fd;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, begin, sizeof(begin) - 1);
	close(fd);
	return len > 0 && !strncmp(begin, text, strlen(text));
}

static inline int file_contains(const char *dir, const char *name,
				const char *text)
{
	static char content[256 << 10];
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, content, sizeof(content));
	close(fd);
	return len > 0 && memmem(content, (size_t)len, text, strlen(text));
}

/* Servers of programs with this mark that still run. */
static inline int live_servers(const char *mark)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	REQUIRE(proc);
	while ((entry = readdir(proc)) != NULL)
		found += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
			 file_begins(entry->d_name, "comm", "mmsim-server") &&
			 file_contains(entry->d_name, "environ", mark);
	closedir(proc);
	return found;
}

static inline void live_await_servers_end(const char *mark)
{
	int left_ms = LIVE_SERVERS_MS, found;

	while ((found = live_servers(mark)) > 0 && left_ms > 0) {
		sleep_ms(10);
		left_ms -= 10;
	}
	CHECK_MSG(found == 0, "%d servers were left behind", found);
}

static inline int live_await(pid_t pid)
{
	int left_ms = LIVE_DEADLINE_MS, status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0 && left_ms > 0) {
		sleep_ms(2);
		left_ms -= 2;
	}
	if (left_ms <= 0) {
		CHECK_MSG(0, "still running after %d ms", LIVE_DEADLINE_MS);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return status;
}

static inline void live_preload(char *text, size_t size)
{
	const char *lib = getenv("MMSIM_LIB"), *run = getenv("MMSIM_RUN_LIB");
	char first[PATH_MAX], second[PATH_MAX];

	REQUIRE(realpath(lib ? lib : ".libs/libmmsim.so", first));
	REQUIRE(realpath(run ? run : ".libs/libmmsim-run.so", second));
	snprintf(text, size, "%s:%s", first, second);
}

/* Starts the case inside, with standard error in `err_fd`. */
static inline pid_t live_start_inside(const char *name, const char *spec,
				      const char *mark, int err_fd)
{
	static char preload[2 * PATH_MAX];
	char *argv[4] = {(char *)(uintptr_t) "test",
			 (char *)(uintptr_t) "--case", (char *)(uintptr_t)name,
			 NULL};
	pid_t pid;

	live_preload(preload, sizeof(preload));
	pid = fork();
	if (pid == 0) {
		setenv("LD_PRELOAD", preload, 1);
		setenv("MMSIM_MACHINE", spec, 1);
		setenv(LIVE_MARK, mark, 1);
		if (err_fd >= 0)
			dup2(err_fd, STDERR_FILENO);
		execv("/proc/self/exe", argv);
		_exit(97);
	}
	return pid;
}

/* The text in the file has `wanted` in it, or is empty when that is NULL. */
static inline void live_check_text(int fd, const char *wanted)
{
	static char text[64 << 10];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	REQUIRE(len >= 0);
	text[len] = 0;
	if (wanted ? !!strstr(text, wanted) : len == 0)
		return;
	CHECK_MSG(0, "standard error does not fit");
	for (char *line = text; *line;
	     line += strcspn(line, "\n"), line += *line == '\n')
		tap_say("# | %.*s\n", (int)strcspn(line, "\n"), line);
}

static inline void live_case(const char *name, const char *spec, int ending,
			     const char *text, tap_fn *inside)
{
	char mark[64];
	int fd, status;

	if (getenv(LIVE_MARK)) {
		REQUIRE(live_sim());
		inside();
		return;
	}
	snprintf(mark, sizeof(mark), "live-%d-%s", (int)getpid(), name);
	fd = memfd_create("stderr", MFD_CLOEXEC);
	REQUIRE(fd >= 0);
	status = live_await(live_start_inside(name, spec, mark, fd));
	CHECK_MSG(status == ending, "it ended with %#x, not %#x", status,
		  ending);
	live_await_servers_end(mark);
	live_check_text(fd, text);
}

#define LIVE_ENDS(fn, spec, ending, text)                                      \
	static void fn##_inside(void);                                         \
	CASE(fn)                                                               \
	{                                                                      \
		live_case(#fn, spec, ending, text, fn##_inside);               \
	}                                                                      \
	static void fn##_inside(void)

#define LIVE(fn, spec) LIVE_ENDS(fn, spec, BY_EXIT(0), NULL)

#endif
