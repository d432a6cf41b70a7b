/*
 * live_bench.h: what the benchmark programs of live memory share.
 *
 * The program and the server of its machine run on one CPU and are never busy
 * at the same time.  So the sum of their CPU times is what passes on a machine
 * that does nothing else, and other programs change it little.
 */
#ifndef LIVE_BENCH_H
#define LIVE_BENCH_H

#include "kernel_bench.h"

#include <mmsim/sim.h>

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>

struct live_bench {
	struct mmsim_sim *sim;
	struct mmsim_machine *machine;
	const struct mmsim_os *os;
	clockid_t server; /* its CPU time */
};

static inline void bind_to_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", -errno);
}

/* The only child of this thread: orphans come to it. */
static inline clockid_t server_clock(void)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	clockid_t clock;
	int pid;

	if (!file || fscanf(file, "%d", &pid) != 1 ||
	    clock_getcpuclockid(pid, &clock))
		die("the server's clock", -errno);
	fclose(file);
	return clock;
}

static inline void live_bench_start(struct live_bench *live, const char *spec)
{
	int err;

	bind_to_one_cpu();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		die("prctl", -errno);
	err = mmsim_sim_start(spec, 0, &live->sim);
	if (err) {
		fprintf(stderr, "bench: %s\n", mmsim_sim_why(err));
		exit(1);
	}
	live->machine = mmsim_sim_machine(live->sim);
	live->os = mmsim_sim_os(live->sim);
	live->server = server_clock();
}

static inline char *live_bench_map(const struct live_bench *live, size_t len)
{
	char *pages = live->os->map(live->os->ctx, len);

	if (!pages)
		die("map", -ENOMEM);
	return pages;
}

/* CPU seconds of the program and the server. */
static inline double live_bench_now(const struct live_bench *live)
{
	struct timespec ts;

	clock_gettime(live->server, &ts);
	return now() + (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void touch_all(char *pages, size_t nr, int value)
{
	for (size_t i = 0; i < nr; i++)
		((volatile char *)pages)[i * PAGE] = (char)value;
}

/* The number of pages that do not hold this value. */
static inline size_t look_at_all(const char *pages, size_t nr, int value)
{
	size_t nr_wrong = 0;

	for (size_t i = 0; i < nr; i++)
		nr_wrong +=
			((const volatile char *)pages)[i * PAGE] != (char)value;
	return nr_wrong;
}

#endif
