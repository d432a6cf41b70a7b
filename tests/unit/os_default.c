/*
 * os_default.c: programs on a simulated machine, and what they tell through the
 * run area.  The programs are started as `mmsim run` starts them.
 */
#define _GNU_SOURCE
#include "os/run_area.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct run_area *area;
static char area_variable[64];
static char output[65536]; /* of the last program, both streams */

static void setup(void)
{
	int fd = memfd_create("area", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, sizeof(*area)), 0);
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	cr_assert_neq(area, MAP_FAILED);
	area->magic = RUN_MAGIC;
	snprintf(area_variable, sizeof(area_variable),
		 RUN_AREA_ENV "=/proc/%d/fd/%d", getpid(), fd);
}

TestSuite(os_default, .init = setup, .timeout = 120);

/* A record's end comes from the server, a moment after the program's. */
static void wait_for_ends(void)
{
	struct timespec pause = {.tv_nsec = 1000000};
	bool all = false;

	for (int i = 0; i < 30000 && !all; i++) {
		all = true;
		for (uint32_t n = 0; n < area->nr_processes; n++)
			all = all &&
			      __atomic_load_n(&area->processes[n].state,
					      __ATOMIC_ACQUIRE) == RUN_ENDED;
		if (!all)
			nanosleep(&pause, NULL);
	}
	cr_assert(all, "a record has no end");
}

/* Runs a program on the machine; its status as of waitpid. */
static int run(const char *spec, char *const argv[])
{
	const char *library = getenv("MMSIM_LIB");
	char machine[256], preload[4096];
	char *env[] = {machine,
		       preload,
		       area_variable,
		       (char[]){"PYTHONMALLOC=malloc"},
		       (char[]){"PATH=/usr/bin:/bin"},
		       NULL};
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	snprintf(machine, sizeof(machine), RUN_MACHINE_ENV "=%s", spec);
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
		 library ? library : ".libs/libmmsim.so");
	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		personality(ADDR_NO_RANDOMIZE);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		setenv("PATH", "/usr/bin:/bin", 1);
		execvpe(argv[0], argv, env);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + len, sizeof(output) - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(fds[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	wait_for_ends();
	return status;
}

static int run_python(const char *spec, const char *program)
{
	return run(spec,
		   (char *[]){"python3", "-S", "-c", (char *)program, NULL});
}

Test(os_default, a_program_tells_its_figures)
{
	const struct run_process *p = &area->processes[0];
	int status = run_python("ram=256M,seed=1",
				"x = b'x' * (50 << 20); del x; print('ok')");

	cr_assert_eq(status, 0);
	cr_assert_str_eq(output, "ok\n");
	cr_assert_eq(area->nr_processes, 1u);
	cr_assert_eq(p->end, RUN_END_EXIT);
	cr_assert_str_eq(p->comm, "python3");
	cr_assert_eq(p->ppid, getpid());
	cr_assert_eq(p->is_fork, 0u);
	cr_assert_gt(p->peak_rss_kb, 50u << 10);
	cr_assert_lt(p->peak_rss_kb, 70u << 10);
	cr_assert_leq(p->rss_kb, p->peak_rss_kb);
	cr_assert_geq(p->min_flt, p->peak_rss_kb / 4);
	cr_assert_gt(p->nr_calls[RUN_MMAP], 0u);
	cr_assert_gt(p->nr_calls[RUN_BRK], 0u);
	cr_assert_gt(p->bytes_granted, 50u << 20);
	cr_assert_gt(p->peak_committed_kb, 50u << 10);
	cr_assert_eq(p->nr_refused, 0u);
	cr_assert_gt(p->time_ns[RUN_TIME_MINOR_FAULT], 1000000u);
	cr_assert_gt(p->clock_ns, p->time_ns[RUN_TIME_MINOR_FAULT]);
	cr_assert_eq(p->mem_total_kb / 1024, 252u);
}

/* Address randomisation is off, as `mmsim run` has it. */
Test(os_default, the_same_program_does_the_same)
{
	for (int i = 0; i < 3; i++)
		cr_assert_eq(run_python("ram=64M,seed=1",
					i < 2 ? "x = [str(i) for i in "
						"range(30000)]"
					      : "x = [str(i) for i in "
						"range(40000)]"),
			     0);
	cr_assert_eq(area->processes[0].fingerprint,
		     area->processes[1].fingerprint);
	cr_assert_eq(area->processes[0].clock_ns, area->processes[1].clock_ns);
	cr_assert_neq(area->processes[0].fingerprint,
		      area->processes[2].fingerprint);
}

Test(os_default, swapping_is_told)
{
	const struct run_process *p = &area->processes[0];
	int status = run_python("ram=48M,swap=256M,seed=1",
				"x = [bytes([i]) * (1 << 20) for i in "
				"range(100)]\n"
				"print(sum(b[0] + b[-1] for b in x))");

	cr_assert_eq(status, 0);
	cr_assert_str_eq(output, "9900\n");
	cr_assert_gt(p->pswpout, 10000u);
	cr_assert_gt(p->pswpin, 100u);
	cr_assert_gt(p->maj_flt, 10u);
	cr_assert_gt(p->peak_swap_kb, 50u << 10);
	cr_assert_leq(p->peak_rss_kb, 48u << 10);
	cr_assert_gt(p->pgsteal_direct + p->pgsteal_kswapd, 10000u);
	cr_assert_gt(p->time_ns[RUN_TIME_MAJOR_FAULT], 0u);
	cr_assert_gt(p->time_ns[RUN_TIME_KSWAPD] +
			     p->time_ns[RUN_TIME_DIRECT_RECLAIM],
		     0u);
}

/* The report is the command's to show: the program's standard error has none.
 */
Test(os_default, a_killed_program_tells_its_death)
{
	const struct run_process *p = &area->processes[0];
	int status = run_python("ram=32M,vm.overcommit_memory=1",
				"print('begin', flush=True)\n"
				"x = b'x' * (64 << 20)");

	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGKILL);
	cr_assert_str_eq(output, "begin\n");
	cr_assert_eq(p->end, RUN_END_OOM_KILL);
	cr_assert_eq(p->oom_kills, 1u);
	cr_assert_gt(p->rss_kb, 20u << 10);
	cr_assert_not_null(strstr(p->log, "Killed process"));
}

/* The machine ends, and the program with it. */
Test(os_default, a_panic_is_told)
{
	const struct run_process *p = &area->processes[0];
	int status = run_python("ram=32M,vm.overcommit_memory=1,"
				"vm.panic_on_oom=1",
				"x = b'x' * (64 << 20)");

	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGKILL);
	cr_assert_eq(p->end, RUN_END_PANIC);
	cr_assert_not_null(strstr(p->log, "Kernel panic"));
	cr_assert_gt(p->rss_kb, 20u << 10);
}

Test(os_default, requests_fail_on_purpose)
{
	const struct run_process *p = &area->processes[0];
	int status;

	area->fail_after_bytes = 20 << 20;
	status = run_python("ram=256M", "try:\n"
					"    x = b'x' * (50 << 20)\n"
					"except MemoryError:\n"
					"    print('none')");
	cr_assert_eq(status, 0, "%s", output);
	cr_assert_str_eq(output, "none\n");
	cr_assert_gt(p->nr_refused, 0u);
	cr_assert_eq(p->refusals[0].rule, RUN_RULE_ON_PURPOSE);
	cr_assert_leq(p->bytes_granted, 20u << 20);
	cr_assert_eq(p->end, RUN_END_EXIT);
}

/* The program may be executed by another one. */
Test(os_default, the_program_behind_a_wrapper_fails_on_purpose)
{
	int status;

	area->fail_after_bytes = 20 << 20;
	status = run("ram=256M",
		     (char *[]){"sh", "-c",
				"(true) && exec env A=1 python3 -S -c \"$0\"",
				"try:\n"
				"    x = b'x' * (50 << 20)\n"
				"except MemoryError:\n"
				"    print('none')",
				NULL});
	cr_assert_eq(status, 0, "%s", output);
	cr_assert_str_eq(output, "none\n");
}

Test(os_default, a_refusal_names_the_rule)
{
	const struct run_process *p = &area->processes[0];
	int status = run_python("ram=128M,vm.overcommit_memory=2",
				"try:\n"
				"    x = b'x' * (500 << 20)\n"
				"except MemoryError:\n"
				"    print('none')");

	cr_assert_eq(status, 0, "%s", output);
	cr_assert_str_eq(output, "none\n");
	cr_assert_gt(p->nr_refused, 0u);
	cr_assert_eq(p->refusals[0].rule, RUN_RULE_COMMIT_LIMIT);
	cr_assert_geq(p->refusals[0].bytes, 500u << 20);
	cr_assert_gt(p->refusals[0].limit_kb, 0u);
	cr_assert_eq(p->overcommit_memory, 2);
}

/* A fork goes on with a copy of the machine; a program that is executed boots
 * its own. */
Test(os_default, forks_and_execs)
{
	int status =
		run("ram=64M", (char *[]){"bash", "-c",
					  "(exit 5); echo $?; /bin/true; exec "
					  "/bin/echo end",
					  NULL});
	unsigned nr_forks = 0, nr_execs = 0, nr_exits = 0;

	cr_assert_eq(status, 0);
	cr_assert_str_eq(output, "5\nend\n");
	/* bash, (exit 5), the fork for true, true, echo */
	cr_assert_eq(area->nr_processes, 5u);
	for (uint32_t i = 0; i < 5; i++) {
		const struct run_process *p = &area->processes[i];

		nr_forks += p->is_fork;
		nr_execs += p->end == RUN_END_EXEC;
		nr_exits += p->end == RUN_END_EXIT;
	}
	cr_assert_eq(nr_forks, 2u);
	cr_assert_eq(nr_execs, 2u);
	cr_assert_eq(nr_exits, 3u);
}

Test(os_default, events_are_told)
{
	unsigned nr[RUN_EVENT_END + 1] = {0};

	area->want_events = 1;
	cr_assert_eq(run_python("ram=64M,swap=64M", "x = b'x' * (20 << 20)\n"
						    "import os\n"
						    "pid = os.fork()\n"
						    "if pid == 0: os._exit(0)\n"
						    "os.waitpid(pid, 0)"),
		     0);
	cr_assert_gt(area->nr_events, 20u);
	for (uint64_t i = 0; i < area->nr_events; i++) {
		const struct run_event *event = &area->events[i];

		cr_assert_gt(event->kind, 0);
		cr_assert_leq(event->kind, RUN_EVENT_END);
		cr_assert_lt(event->process, area->nr_processes);
		nr[event->kind]++;
	}
	cr_assert_gt(nr[RUN_EVENT_SAMPLE], 10u);
	cr_assert_gt(nr[RUN_EVENT_CALL], 2u);
	cr_assert_eq(nr[RUN_EVENT_FORK], 1u);
	cr_assert_eq(nr[RUN_EVENT_END], 2u);
}

/* ---- CPUs ---- */

static int nr_cpus(const char *list)
{
	int n = 0;

	for (int from, to; sscanf(list, "%d", &from) == 1;) {
		const char *comma = strchr(list, ','),
			   *dash = strchr(list, '-');

		to = dash && (!comma || dash < comma) ? atoi(dash + 1) : from;
		n += to - from + 1;
		if (!comma)
			break;
		list = comma + 1;
	}
	return n;
}

static int allowed_cpus(void)
{
	const char *line;

	cr_assert_eq(run("ram=64M", (char *[]){"grep", "Cpus_allowed_list:",
					       "/proc/self/status", NULL}),
		     0);
	line = strchr(output, '\t');
	cr_assert_not_null(line);
	return nr_cpus(line + 1);
}

Test(os_default, a_program_and_its_server_run_on_one_cpu)
{
	cpu_set_t all;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	cr_assert_eq(allowed_cpus(), CPU_COUNT(&all), "without a mask: all");
	area->has_cpu_mask = 1;
	memcpy(area->cpu_mask, &all,
	       sizeof(all) < sizeof(area->cpu_mask) ? sizeof(all)
						    : sizeof(area->cpu_mask));
	cr_assert_eq(allowed_cpus(), 1);
	strcpy(area_variable, "NOTHING=1");
	cr_assert_eq(allowed_cpus(), 1, "without an area: the present one");
}

/* ---- what does not start ---- */

Test(os_default, a_bad_specification_is_told_in_the_record)
{
	int status =
		run("ram=64M,arch=x86-32", (char *[]){"echo", "it ran", NULL});

	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 125);
	cr_assert_eq(area->nr_processes, 1u);
	cr_assert_eq(area->processes[0].end, RUN_END_BROKEN);
	cr_assert_not_null(strstr(area->processes[0].why, "x86-64"));
}

/* The command that set the variable has gone, or it names something else. */
Test(os_default, an_area_that_is_gone_is_no_trouble)
{
	strcpy(area_variable, RUN_AREA_ENV "=/proc/1/fd/999");
	cr_assert_eq(run("ram=64M", (char *[]){"echo", "it ran", NULL}), 0);
	cr_assert_str_eq(output, "it ran\n");
	strcpy(area_variable, RUN_AREA_ENV "=/dev/null");
	cr_assert_eq(run("ram=64M", (char *[]){"echo", "it ran", NULL}), 0);
	cr_assert_str_eq(output, "it ran\n");
}
