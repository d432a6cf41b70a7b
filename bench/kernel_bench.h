/*
 * kernel_bench.h: what the benchmark programs of the simulated kernel share.
 *
 * They print one line a figure: name, value, unit, with tabs between them.
 * Times are CPU time, so that other programs count as little as possible; a
 * rate is the mean of everything that was done.
 */
#ifndef KERNEL_BENCH_H
#define KERNEL_BENCH_H

#include <mmsim/kernel.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096 };

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void die(const char *what, long result)
{
	fprintf(stderr, "bench: %s: %ld\n", what, result);
	exit(1);
}

static inline void tell(const char *name, const char *size, double value,
			const char *unit)
{
	printf("%s%s%s\t%.4g\t%s\n", name, *size ? ", " : "", size, value,
	       unit);
	fflush(stdout);
}

/* "64G" */
static inline size_t size_bytes(const char *text)
{
	char *end;
	size_t bytes = strtoul(text, &end, 10);

	if (*end == 'G' && end[1] == '\0' && bytes > 0)
		return bytes << 30;
	if (*end == 'T' && end[1] == '\0' && bytes > 0)
		return bytes << 40;
	fprintf(stderr, "bench: %s: a size such as 64G or 1T\n", text);
	exit(2);
}

/* Resident bytes of this process. */
static inline double host_bytes(void)
{
	char line[128];
	double kb = 0;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (file)
		fclose(file);
	return kb * 1024;
}

/* A machine on which everything is promised. */
static inline struct mmsim_machine *boot(const char *ram)
{
	struct mmsim_machine *machine;
	char spec[64];
	int err;

	snprintf(spec, sizeof(spec), "ram=%s,vm.overcommit_memory=1", ram);
	err = mmsim_machine_boot(spec, &machine);
	if (err)
		die("boot", err);
	return machine;
}

static inline struct mmsim_task *spawn(struct mmsim_machine *machine)
{
	struct mmsim_task *task;
	int err = mmsim_task_spawn(machine, "bench", &task);

	if (err)
		die("spawn", err);
	return task;
}

static inline uintptr_t map(struct mmsim_task *task, size_t len)
{
	intptr_t addr = mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	if (addr < 0)
		die("mmap", addr);
	return (uintptr_t)addr;
}

/* Seconds for one store to each page. */
static inline double write_pages(struct mmsim_task *task, uintptr_t addr,
				 size_t nr)
{
	double start = now();

	for (size_t i = 0; i < nr; i++) {
		int sig = mmsim_access(task, addr + i * PAGE, 8, 1);

		if (sig)
			die("access", sig);
	}
	return now() - start;
}

/* A counter of /proc/vmstat. */
static inline double vmstat(struct mmsim_machine *machine, const char *name)
{
	static char text[1 << 14];
	const char *at;

	text[0] = '\n';
	if (mmsim_proc_read(machine, "/proc/vmstat", text + 1,
			    sizeof(text) - 1) < 0)
		die("vmstat", 0);
	for (at = text; (at = strstr(at, name)) != NULL; at++)
		if (at[-1] == '\n' && at[strlen(name)] == ' ')
			return strtod(at + strlen(name), NULL);
	die(name, 0);
	return 0;
}

#endif
