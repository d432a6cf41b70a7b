/*
 * fake.c: a program that tells a simulated machine that it does not have.
 *
 *     fake SCENE [STATUS]
 *
 * It maps the run area that MMSIM_RUN names and fills records and events as the
 * servers of real programs do, always with the same figures, so that what the
 * command makes of them can be compared word by word.
 */
#include "os/run_area.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct run_area *area;

static void map_area(void)
{
	const char *path = getenv(RUN_AREA_ENV);
	int fd = path ? open(path, O_RDWR) : -1;

	if (fd < 0)
		exit(99);
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (area == MAP_FAILED || area->magic != RUN_MAGIC)
		exit(98);
	close(fd);
}

static struct run_process *take_record(const char *comm)
{
	struct run_process *process = &area->processes[__atomic_fetch_add(
		&area->nr_processes, 1, __ATOMIC_ACQ_REL)];

	process->pid = getpid();
	process->ppid = getppid();
	process->nr_requests = 1;
	strncpy(process->comm, comm, sizeof(process->comm) - 1);
	__atomic_store_n(&process->state, RUN_RUNNING, __ATOMIC_RELEASE);
	return process;
}

static void end_record(struct run_process *process, enum run_end end)
{
	process->end = end;
	__atomic_store_n(&process->state, RUN_ENDED, __ATOMIC_RELEASE);
	__atomic_fetch_add(&area->nr_news, 1, __ATOMIC_ACQ_REL);
	syscall(SYS_futex, &area->nr_news, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Each figure another number. */
static void fill_figures(struct run_process *process)
{
	process->rss_kb = 1001;
	process->peak_rss_kb = 1234567;
	process->swap_kb = 1003;
	process->peak_swap_kb = 1004;
	process->min_flt = 1005;
	process->maj_flt = 1006;
	process->pswpin = 1007;
	process->pswpout = 1008;
	process->pgscan_kswapd = 1009;
	process->pgsteal_kswapd = 1010;
	process->pgscan_direct = 1011;
	process->pgsteal_direct = 1012;
	process->nr_requests = 1013;
	process->nr_refused = 3;
	for (unsigned i = 1; i < NR_RUN_REQUESTS; i++)
		process->nr_calls[i] = 1020 + i;
	process->bytes_granted = 1014;
	process->committed_kb = 1015;
	process->commit_limit_kb = 2048;
	process->peak_committed_kb = 1017;
	process->mem_total_kb = 1018;
	process->mem_free_kb = 1019;
	process->swap_total_kb = 1030;
	process->swap_free_kb = 1031;
	process->overcommit_memory = 2;
	process->clock_ns = 5000000000;
	for (unsigned i = 0; i < NR_RUN_TIMES; i++)
		process->time_ns[i] = 1040 + i;
	process->fingerprint = 0xfedcba9876543210;
}

static void fill_refusals(struct run_process *process)
{
	process->nr_refusals = 2;
	process->refusals[0] = (struct run_refusal){
		.time_ns = 77,
		.nr = 12,
		.bytes = 4096000,
		.request = RUN_MMAP,
		.rule = RUN_RULE_COMMIT_LIMIT,
		.error = ENOMEM,
		.committed_kb = 2000,
		.limit_kb = 2048,
	};
	process->refusals[1] = (struct run_refusal){
		.time_ns = 78,
		.nr = 13,
		.bytes = 8192,
		.request = RUN_BRK,
		.rule = RUN_RULE_ON_PURPOSE,
		.error = ENOMEM,
		.committed_kb = 2001,
		.limit_kb = 2048,
	};
}

static struct run_event *take_event(struct run_process *process,
				    uint64_t time_ns)
{
	struct run_event *event = &area->events[area->nr_events++];

	event->time_ns = time_ns;
	event->process = (uint32_t)(process - area->processes);
	event->rss_kb = 1024 * area->nr_events;
	event->swap_kb = 2 * area->nr_events;
	event->committed_kb = 3 * area->nr_events;
	event->min_flt = 4 * area->nr_events;
	event->maj_flt = 5 * area->nr_events;
	return event;
}

static void fill_events(struct run_process *process)
{
	struct run_event *event = take_event(process, 100);

	event->kind = RUN_EVENT_SAMPLE;
	event = take_event(process, 200);
	event->what = RUN_MMAP;
	event->arg[1] = 8192;
	event->arg[2] = 0x7f0000001000;
	event->kind = RUN_EVENT_CALL;
	event = take_event(process, 300);
	event->what = RUN_MADVISE;
	event->arg[0] = 0x7f0000001000;
	event->arg[1] = 4096;
	event->arg[2] = (uint64_t)-EINVAL;
	event->kind = RUN_EVENT_CALL;
	event = take_event(process, 400);
	event->what = RUN_BRK;
	event->arg[0] = 0x555000;
	event->arg[1] = 4096;
	event->arg[2] = RUN_RULE_COMMIT_LIMIT;
	event->kind = RUN_EVENT_REFUSED;
	event = take_event(process, 500);
	event->arg[0] = 2;
	event->kind = RUN_EVENT_OOM_KILL;
	event = take_event(process, 600);
	event->arg[0] = event->process;
	event->kind = RUN_EVENT_FORK;
	/* One that was taken and never written. */
	take_event(process, 650);
	event = take_event(process, 700);
	event->what = RUN_END_OOM_KILL;
	event->kind = RUN_EVENT_END;
}

static void write_log(struct run_process *process, const char *text)
{
	strcpy(process->log, text);
	process->log_len = (uint32_t)strlen(text);
}

static int scene_figures(void)
{
	struct run_process *process = take_record("figures");

	fill_figures(process);
	fill_refusals(process);
	if (area->want_events)
		fill_events(process);
	write_log(process, "[    0.000000] Linux version\n");
	end_record(process, RUN_END_EXIT);
	return 0;
}

static int scene_oom(void)
{
	struct run_process *process = take_record("oom");

	fill_figures(process);
	process->oom_kills = 1;
	write_log(process,
		  "[    0.000000] Linux version\n"
		  "[    1.000000] oom invoked oom-killer: gfp_mask=0x1\n"
		  "[    1.000000] Out of memory: Killed process 2 (oom)\n");
	end_record(process, RUN_END_OOM_KILL);
	raise(SIGKILL);
	return 97;
}

/* A child with a copy of the machine, and one that runs another program. */
static int scene_family(void)
{
	struct run_process *process = take_record("family"), *child;
	pid_t pid = fork();

	if (pid == 0) {
		child = take_record("family");
		child->is_fork = 1;
		child->min_flt = 5;
		end_record(child, RUN_END_EXIT);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	process->min_flt = 1;
	end_record(process, RUN_END_EXEC);
	process = take_record("new");
	process->min_flt = 2;
	end_record(process, RUN_END_EXIT);
	return 0;
}

static int scene_broken(void)
{
	struct run_process *process = take_record("broken");

	strcpy(process->why, "a page was in two places");
	end_record(process, RUN_END_BROKEN);
	raise(SIGKILL);
	return 97;
}

static int scene_lost(void)
{
	take_record("lost");
	return 3;
}

/* The end is told when the program is dead, as real servers do. */
static int scene_late(void)
{
	struct run_process *process = take_record("late");
	pid_t parent = getpid();

	if (fork() == 0) {
		while (getppid() == parent)
			usleep(1000);
		usleep(200000);
		process->rss_kb = 42;
		end_record(process, RUN_END_EXIT);
		_exit(0);
	}
	return 4;
}

/* What it was started with. */
static int scene_asked(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	printf("machine %s\n", getenv(RUN_MACHINE_ENV));
	printf("preload %s\n", getenv("LD_PRELOAD"));
	printf("fail_at %lu\n", (unsigned long)area->fail_at);
	printf("fail_after %lu\n", (unsigned long)area->fail_after_bytes);
	printf("events %u\n", area->want_events);
	printf("mask %d\n", area->has_cpu_mask ? memcmp(area->cpu_mask, &set,
							sizeof(area->cpu_mask))
					       : -1);
	printf("randomized %d\n",
	       !(personality(0xffffffff) & ADDR_NO_RANDOMIZE));
	end_record(take_record("asked"), RUN_END_EXIT);
	return 0;
}

/* As of a program with a malloc of its own. */
static int scene_idle(void)
{
	struct run_process *process = take_record("idle");

	process->nr_requests = 0;
	end_record(process, RUN_END_EXIT);
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Says that it waits, and ends with the number of the signal that came. */
static int scene_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;
	int sig;

	end_record(take_record("signal"), RUN_END_EXIT);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaction(SIGTERM, &action, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	return sig;
}

static const struct scene {
	const char *name;
	int (*play)(void);
} scenes[] = {
	{"figures", scene_figures}, {"oom", scene_oom},
	{"family", scene_family},   {"broken", scene_broken},
	{"lost", scene_lost},       {"late", scene_late},
	{"asked", scene_asked},     {"signal", scene_signal},
	{"idle", scene_idle},
};

int main(int argc, char **argv)
{
	map_area();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		if (argc > 1 && strcmp(argv[1], scenes[i].name) == 0) {
			int status = scenes[i].play();

			return argc > 2 ? atoi(argv[2]) : status;
		}
	return 96;
}
