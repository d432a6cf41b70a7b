/*
 * oom_last_step.c: nobody is killed as long as something else helps.
 *
 *     free -> low -> kswapd -> min -> direct reclaim -> OOM
 *
 * The trace of a small machine must show this order, whatever else holds
 * memory: without swap, with swap, with a full tmpfs, with locked memory.
 */
#include "sim.h"

#include <fcntl.h>
#include <stdbool.h>

enum {
	MB = 1 << 20,
	MAX_EVENTS = 20000,
	PAGES_PER_MB = MB / SIM_PAGE,
	STEP = 16, /* pages written in one go */
};

#define MS ((uint64_t)1000000)

struct event {
	unsigned long time_ns, free, min, low, high, anon, file, locked, swap,
		value;
	char name[16], where[16];
};

/* The machine, its hog and what the trace said. */
struct experiment {
	struct mmsim_machine *m;
	struct mmsim_task *hog;
	unsigned long nr_written; /* pages; the last STEP is not counted */
	char *trace;
	struct event *events;
	size_t nr_events;
};

static void boot(struct experiment *x, const char *spec)
{
	static char buf[MB];
	struct mmsim_file *file;

	*x = (struct experiment){.m = sim_boot(spec)};
	x->hog = sim_spawn(x->m);
	/* 16 MB of page cache */
	cr_assert_eq(mmsim_file_create(x->m, "/data", 16 * MB, &file), 0);
	for (off_t at = 0; at < 16 * MB; at += MB)
		cr_assert_eq(mmsim_pread(x->hog, file, buf, MB, at), MB);
	mmsim_close(file);
	cr_assert_eq(mmsim_trace_start(x->m, 100 * MS), 0);
}

static void read_trace(struct experiment *x)
{
	ssize_t len = mmsim_trace_read(x->m, NULL, 0);
	const char *line;

	x->trace = malloc((size_t)len + 1);
	x->events = calloc(MAX_EVENTS, sizeof(*x->events));
	cr_assert(x->trace && x->events);
	mmsim_trace_read(x->m, x->trace, (size_t)len + 1);
	cr_assert_null(strstr(x->trace, "# lost"), "the ring is too small");
	for (line = strchr(x->trace, '\n') + 1; *line;
	     line = strchr(line, '\n') + 1) {
		struct event *e = &x->events[x->nr_events++];

		cr_assert_lt(x->nr_events, MAX_EVENTS);
		cr_assert_eq(sscanf(line,
				    "%lu %15s %15s %lu %lu %lu %lu %lu %lu %lu "
				    "%lu %lu",
				    &e->time_ns, e->name, e->where, &e->free,
				    &e->min, &e->low, &e->high, &e->anon,
				    &e->file, &e->locked, &e->swap, &e->value),
			     12, "%s", line);
	}
}

/* The hog writes more and more until it is killed. */
static void run_hog(struct experiment *x)
{
	uintptr_t start = sim_mmap(x->hog, 256 * MB);
	int sig = 0;

	while (!sig && x->nr_written < 256 * PAGES_PER_MB) {
		sig = mmsim_access(x->hog, start + x->nr_written * SIM_PAGE,
				   STEP * SIM_PAGE, 1);
		x->nr_written += sig ? 0 : STEP;
	}
	cr_assert_eq(sig, SIGKILL);
	cr_assert(mmsim_task_is_oom_victim(x->hog));
	/* rests after its last run, too */
	mmsim_idle(x->m, 1000 * MS);
	read_trace(x);
}

static void end(struct experiment *x)
{
	free(x->trace);
	free(x->events);
	sim_shutdown(x->m);
}

static bool is(const struct event *e, const char *name)
{
	return strcmp(e->name, name) == 0;
}

/* The first event of the name at or behind `at`; the number of events. */
static size_t find(const struct experiment *x, const char *name, size_t at)
{
	while (at < x->nr_events && !is(&x->events[at], name))
		at++;
	return at;
}

/* What the zone of nearly all memory was told to be last. */
static const char *level_at(const struct experiment *x, size_t at)
{
	while (at-- > 0) {
		const struct event *e = &x->events[at];

		if (strcmp(e->where, "0:DMA32") == 0)
			return e->name;
	}
	return "high";
}

static void check_marks(const struct experiment *x)
{
	for (size_t i = 0; i < x->nr_events; i++) {
		const struct event *e = &x->events[i];

		cr_assert(i == 0 || e->time_ns >= e[-1].time_ns);
		if (is(e, "low"))
			cr_assert(e->free <= e->low);
		if (is(e, "min"))
			cr_assert(e->free <= e->min);
		if (is(e, "high"))
			cr_assert(e->free > e->high);
	}
}

/* No step comes before the one that it follows from. */
static void check_order(const struct experiment *x)
{
	bool is_awake = false, is_direct = false;

	for (size_t i = 0; i < x->nr_events; i++) {
		const struct event *e = &x->events[i];

		if (is(e, "kswapd-wake")) {
			cr_assert_not(is_awake, "event %zu", i);
			cr_assert_str_neq(level_at(x, i), "high", "event %zu",
					  i);
			is_awake = true;
		} else if (is(e, "kswapd-sleep")) {
			cr_assert(is_awake, "event %zu", i);
			is_awake = false;
		} else if (is(e, "direct-begin")) {
			cr_assert_not(is_direct, "event %zu", i);
			cr_assert_str_eq(level_at(x, i), "min", "event %zu", i);
			is_direct = true;
		} else if (is(e, "direct-end")) {
			cr_assert(is_direct, "event %zu", i);
			is_direct = false;
		}
	}
	cr_assert_not(is_awake || is_direct);
}

/* All of the way was gone, in its order, before somebody was killed. */
static void check_chain(const struct experiment *x)
{
	static const char *const chain[] = {
		"start", "low",          "kswapd-wake", "kswapd-sleep",
		"min",   "direct-begin", "direct-end",  "oom-kill"};
	size_t at = 0, next;

	for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		next = find(x, chain[i], 0);
		cr_assert_lt(next, x->nr_events, "no %s", chain[i]);
		cr_assert(i == 0 || next > at, "%s is early", chain[i]);
		at = next;
	}
	cr_assert_eq(find(x, "oom-kill", at + 1), x->nr_events, "two kills");
}

/* When somebody was killed nothing else was left: the last reclaim freed
 * nothing, swap is full, and there is no cache. */
static void check_kill(const struct experiment *x)
{
	size_t kill = find(x, "oom-kill", 0), i = kill;
	const struct event *e = &x->events[kill];

	while (!is(&x->events[i], "direct-end"))
		i--;
	cr_assert_eq(x->events[i].value, 0);
	cr_assert_eq(e->value, (unsigned long)mmsim_task_pid(x->hog));
	cr_assert_eq(e->swap, 0);
	cr_assert_leq(e->file, 32);
	/* and reclaim had done what it could before the task had to help */
	cr_assert_gt(sim_vmstat(x->m, "pgsteal_kswapd"), 3000);
	cr_assert_eq(sim_vmstat(x->m, "oom_kill"), 1);
}

static void check_all(const struct experiment *x)
{
	check_marks(x);
	check_order(x);
	check_chain(x);
	check_kill(x);
}

static unsigned long pages(struct mmsim_machine *m, const char *name)
{
	return (unsigned long)sim_meminfo(m, name) * 1024 / SIM_PAGE;
}

Test(oom_last_step, plain)
{
	struct experiment x;

	boot(&x, "ram=64M,vm.overcommit_memory=1");
	run_hog(&x);
	check_all(&x);
	/* all but what is kept back, and tables */
	cr_assert_gt(x.nr_written, 61 * PAGES_PER_MB);
	cr_assert_gt(pages(x.m, "MemFree"), x.nr_written);
	end(&x);
}

/*
 * Memory and swap are full: the hog gets both.  Some pages have a frame and a
 * slot when it dies; on a real machine with 128 MB of swap up to 1561 of 32767
 * did (killed after 74315 pages, where 43109 fit without swap), so 5 % may be
 * missing.
 */
Test(oom_last_step, swap)
{
	struct experiment plain, x;
	unsigned long swap;

	boot(&plain, "ram=64M,vm.overcommit_memory=1");
	run_hog(&plain);
	boot(&x, "ram=64M,swap=32M,vm.overcommit_memory=1");
	run_hog(&x);
	check_all(&x);
	swap = pages(x.m, "SwapTotal");
	cr_assert_geq(x.nr_written, plain.nr_written + swap - swap / 20);
	cr_assert_leq(x.nr_written, plain.nr_written + swap);
	/* all of it came back */
	cr_assert_eq(pages(x.m, "SwapFree"), swap);
	end(&plain);
	end(&x);
}

/* A file of tmpfs goes to swap, but not away: the hog gets what is left. */
Test(oom_last_step, tmpfs_is_full)
{
	static char buf[MB];
	struct mmsim_file *file;
	struct experiment x;
	unsigned long swapped;
	off_t at = 0;
	ssize_t got;

	memset(buf, 1, sizeof(buf));
	boot(&x, "ram=64M,swap=16M,vm.overcommit_memory=1");
	cr_assert_eq(mmsim_open(x.hog, "/tmp/data", O_CREAT | O_RDWR, &file),
		     0);
	while ((got = mmsim_pwrite(x.hog, file, buf, MB, at)) == MB)
		at += MB;
	/* the rest of the last piece fits in part, then nothing does */
	if (got > 0) {
		at += got;
		got = mmsim_pwrite(x.hog, file, buf, MB, at);
	}
	cr_assert_eq(got, -ENOSPC);
	cr_assert_gt(at, 30 * MB);
	mmsim_close(file);
	run_hog(&x);
	check_all(&x);
	cr_assert_lt(x.nr_written, (62 + 16 - 30) * PAGES_PER_MB);
	cr_assert_gt(x.nr_written, (60 + 16 - 33) * PAGES_PER_MB);
	/* the file is still there, in memory or in swap */
	swapped = pages(x.m, "SwapTotal") - pages(x.m, "SwapFree");
	cr_assert_eq(pages(x.m, "Shmem") + swapped,
		     (unsigned long)at / SIM_PAGE);
	end(&x);
}

/* What is locked is looked at by nobody. */
Test(oom_last_step, locked_memory)
{
	struct mmsim_task *locker;
	struct experiment x;
	char path[40];

	boot(&x, "ram=64M,swap=16M,vm.overcommit_memory=1");
	locker = sim_spawn(x.m);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj",
		 mmsim_task_pid(locker));
	sim_write(x.m, path, "-1000");
	cr_assert_eq(mmsim_mlock(locker, sim_mmap(locker, 32 * MB), 32 * MB),
		     0);
	run_hog(&x);
	check_all(&x);
	for (size_t i = find(&x, "low", 0); i < x.nr_events; i++)
		cr_assert_geq(x.events[i].locked, 32 * PAGES_PER_MB);
	cr_assert_eq(sim_status(x.m, locker, "VmRSS") -
			     sim_status(x.m, locker, "RssFile"),
		     32 * 1024);
	cr_assert_eq(sim_status(x.m, locker, "VmSwap"), 0);
	cr_assert(mmsim_task_is_alive(locker));
	cr_assert_lt(x.nr_written, (62 + 16 - 32) * PAGES_PER_MB);
	cr_assert_gt(x.nr_written, (60 + 16 - 33) * PAGES_PER_MB);
	end(&x);
}

/* Byte for byte. */
Test(oom_last_step, the_same_run_twice)
{
	struct experiment a, b;
	char *log_a, *log_b;

	boot(&a, "ram=64M,swap=32M,vm.overcommit_memory=1,seed=5");
	run_hog(&a);
	boot(&b, "ram=64M,swap=32M,vm.overcommit_memory=1,seed=5");
	run_hog(&b);
	cr_assert_str_eq(a.trace, b.trace);
	log_a = sim_proc(a.m, "/proc/vmstat");
	log_b = sim_proc(b.m, "/proc/vmstat");
	cr_assert_str_eq(log_a, log_b);
	free(log_a);
	free(log_b);
	end(&a);
	end(&b);
}
