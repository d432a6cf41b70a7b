/*
 * pressure.c: the whole way from free memory to the OOM killer.
 *
 *     free -> low -> kswapd -> min -> direct reclaim -> OOM
 *
 * A small machine has some of a file in its page cache, and a task writes pages
 * until it is killed, or all are written.  The trace shows what happens in
 * between: each event with its virtual time, and the free pages and marks of
 * the zone or node.
 *
 *     pressure [plain | swap | tmpfs | mlock]
 *
 *   plain   no swap: the cache is all that can be had
 *   swap    the task's own pages go to a swap area, until that is full
 *   tmpfs   most of memory is in a file of tmpfs, which cannot be dropped; what
 *           fits goes to swap, and killing the task frees none of it
 *   mlock   another task, which may not be killed, has locked half of memory:
 *           reclaim finds nothing there
 */
#include <mmsim/kernel.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MB = 1 << 20, STEP = 64 << 10 };

static struct mmsim_machine *machine;

static void die(const char *what, long result)
{
	fprintf(stderr, "pressure: %s: %ld\n", what, result);
	exit(1);
}

static struct mmsim_task *spawn(const char *name)
{
	struct mmsim_task *task;
	int err = mmsim_task_spawn(machine, name, &task);

	if (err)
		die("spawn", err);
	return task;
}

static uintptr_t map(struct mmsim_task *task, size_t bytes)
{
	intptr_t addr = mmsim_mmap(task, 0, bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	if (addr < 0)
		die("mmap", addr);
	return (uintptr_t)addr;
}

/* Reads 16 MB of a file on the disk into the page cache. */
static void fill_cache(struct mmsim_task *task)
{
	static char buf[MB];
	struct mmsim_file *file;

	if (mmsim_file_create(machine, "/data", 16 * MB, &file))
		die("create", 0);
	for (off_t at = 0; at < 16 * MB; at += MB)
		if (mmsim_pread(task, file, buf, sizeof buf, at) != MB)
			die("read", at);
	mmsim_close(file);
}

/* Writes up to 40 MB to a file of tmpfs. */
static void fill_tmpfs(struct mmsim_task *task)
{
	static char buf[MB];
	struct mmsim_file *file;
	off_t at = 0;

	memset(buf, 1, sizeof buf);
	if (mmsim_open(task, "/tmp/data", O_CREAT | O_RDWR, &file))
		die("open", 0);
	while (at < 40 * MB &&
	       mmsim_pwrite(task, file, buf, sizeof buf, at) == MB)
		at += MB;
	printf("%ld MB of tmpfs are written\n", (long)(at / MB));
	mmsim_close(file);
}

/* By a task that the OOM killer leaves alone. */
static void lock_memory(size_t bytes)
{
	struct mmsim_task *task = spawn("locker");
	char path[40];
	int err;

	snprintf(path, sizeof path, "/proc/%d/oom_score_adj",
		 mmsim_task_pid(task));
	err = mmsim_proc_write(machine, path, "-1000");
	if (!err)
		err = mmsim_mlock(task, map(task, bytes), bytes);
	if (err)
		die("mlock", err);
}

/* Writes to a mapping of 128 MB, 64 kB at a time, until a signal ends it. */
static void hog(struct mmsim_task *task)
{
	size_t bytes = 128 * MB, at;
	uintptr_t start = map(task, bytes);
	int sig = 0;

	for (at = 0; at < bytes && !sig; at += sig ? 0 : STEP)
		sig = mmsim_access(task, start + at, STEP, 1);
	printf("the task wrote %.1f MB", (double)at / MB);
	if (sig)
		printf(" and was killed by signal %d", sig);
	printf("\n\n");
}

/* A line of the trace with fewer digits. */
static void show_line(const char *line)
{
	unsigned long t, free_, min, low, high, anon, file, locked, swap, value;
	char event[16], where[16];

	if (sscanf(line, "%lu %15s %15s %lu %lu %lu %lu %lu %lu %lu %lu %lu",
		   &t, event, where, &free_, &min, &low, &high, &anon, &file,
		   &locked, &swap, &value) != 12)
		return;
	printf("%11.6f  %-12s %-8s %6lu  %4lu %4lu %4lu", (double)t / 1e9,
	       event, where, free_, min, low, high);
	printf("  %6lu %6lu %6lu %6lu %6lu\n", anon, file, locked, swap, value);
}

/* Events repeat: of each kind two are shown until one of a new kind comes. */
static void show_trace(void)
{
	enum { KINDS = 16, KIND_AT = 16, KIND_LEN = 12 };
	ssize_t len = mmsim_trace_read(machine, NULL, 0);
	char *text = malloc((size_t)len + 1), *line;
	char kinds[KINDS][KIND_LEN];
	unsigned times[KINDS], nr_kinds = 0, nr_left_out = 0, i;

	if (!text)
		die("malloc", len);
	mmsim_trace_read(machine, text, (size_t)len + 1);
	printf("%11s  %-12s %-8s %6s  %4s %4s %4s  %6s %6s %6s %6s %6s\n",
	       "seconds", "event", "where", "free", "min", "low", "high",
	       "anon", "file", "locked", "swap", "value");
	strtok(text, "\n");
	while ((line = strtok(NULL, "\n")) != NULL) {
		for (i = 0; i < nr_kinds; i++)
			if (memcmp(kinds[i], line + KIND_AT, KIND_LEN) == 0)
				break;
		if (i < nr_kinds && times[i]++ >= 2) {
			nr_left_out++;
			continue;
		}
		if (nr_left_out > 0)
			printf("%11s  %u more of these\n", "...", nr_left_out);
		nr_left_out = 0;
		show_line(line);
		if (i == nr_kinds && nr_kinds < KINDS) {
			memcpy(kinds[nr_kinds++], line + KIND_AT, KIND_LEN);
			memset(times, 0, sizeof times);
			times[i] = 1;
		}
	}
	free(text);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "plain";
	int has_swap = strcmp(kind, "swap") == 0 || strcmp(kind, "tmpfs") == 0;
	struct mmsim_task *task;
	const char *spec = has_swap ? "ram=64M,swap=32M,vm.overcommit_memory=1"
				    : "ram=64M,vm.overcommit_memory=1";
	int err = mmsim_machine_boot(spec, &machine);

	if (err)
		die("boot", err);
	task = spawn("hog");
	fill_cache(task);
	mmsim_trace_start(machine, 20 * 1000 * 1000);
	if (strcmp(kind, "tmpfs") == 0)
		fill_tmpfs(task);
	if (strcmp(kind, "mlock") == 0)
		lock_memory(32 * MB);
	hog(task);
	show_trace();
	mmsim_machine_shutdown(machine);
	return 0;
}
