/*
 * os_sim_record.c: what is noted of a live task: a driver stands in for the
 * server, and a machine without real memory for the live one.
 */
#define _GNU_SOURCE
#include "kernel/commit.h"
#include "kernel/machine.h"
#include "os/sim_record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <mmsim/kernel.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mmsim_machine *machine;
static struct mmsim_task *task;
static struct run_area *area; /* the reader's mapping */
static char area_path[64];
static struct sim_record record;

static void area_make(void)
{
	int fd = memfd_create("area", 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, sizeof(*area)), 0);
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	cr_assert_neq(area, MAP_FAILED);
	area->magic = RUN_MAGIC;
	snprintf(area_path, sizeof(area_path), "/proc/self/fd/%d", fd);
}

static void setup(void)
{
	area_make();
}

static void start(const char *spec)
{
	cr_assert_eq(mmsim_machine_boot(spec, &machine), 0);
	cr_assert_eq(mmsim_task_spawn(machine, "test", &task), 0);
	sim_record_attach(&record, area_path);
	sim_record_start(&record, task);
}

/* ---- the server's part ---- */

static intptr_t serve(enum live_op op, const uintptr_t arg[4])
{
	switch (op) {
	case LIVE_BRK:
		return mmsim_brk(task, arg[0]);
	case LIVE_MMAP:
		return mmsim_mmap(task, arg[0], arg[1], (int)arg[2],
				  (int)arg[3], NULL, 0);
	case LIVE_MUNMAP:
		return mmsim_munmap(task, arg[0], arg[1]);
	case LIVE_MPROTECT:
		return mmsim_mprotect(task, arg[0], arg[1], (int)arg[2]);
	case LIVE_MREMAP:
		return mmsim_mremap(task, arg[0], arg[1], arg[2], (int)arg[3],
				    0);
	case LIVE_MADVISE:
		return mmsim_madvise(task, arg[0], arg[1], (int)arg[2]);
	default:
		return -ENOSYS;
	}
}

static intptr_t call(enum live_op op, uintptr_t a0, uintptr_t a1, uintptr_t a2,
		     uintptr_t a3)
{
	struct live_observer *observer = &record.observer;
	uintptr_t arg[4] = {a0, a1, a2, a3};
	intptr_t result = observer->call_begin(observer, op, arg);

	if (result == 0)
		result = serve(op, arg);
	else if (op == LIVE_BRK)
		result = (intptr_t)task->mm->brk;
	observer->call_end(observer, op, arg, result);
	return result;
}

static intptr_t map(size_t len)
{
	return call(LIVE_MMAP, 0, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS);
}

/* Stores to each page; 0, or the signal. */
static int touch(uintptr_t addr, size_t len)
{
	struct live_observer *observer = &record.observer;
	int sig = 0;

	for (uintptr_t at = addr; at < addr + len && !sig; at += 4096) {
		sig = mmsim_access(task, at, 1, 1);
		observer->fault_end(observer, at, FAULT_WRITE, sig);
	}
	return sig;
}

static int stderr_fd = -1;

static void end(enum live_end how, const char *why)
{
	record.observer.end(&record.observer, how, why, stderr_fd);
}

TestSuite(os_sim_record, .init = setup, .timeout = 60);

Test(os_sim_record, figures_of_a_quiet_run)
{
	const struct run_process *p = &area->processes[0];
	uintptr_t addr, brk;

	start("ram=64M,seed=3");
	cr_assert_eq(p->state, RUN_FREE);
	record.observer.serving(&record.observer);
	cr_assert_eq(p->state, RUN_RUNNING);
	cr_assert_eq(p->pid, getpid());
	cr_assert_eq(p->ppid, getppid());
	cr_assert_eq(area->nr_processes, 1u);
	cr_assert_eq(area->nr_news, 1u);

	brk = (uintptr_t)call(LIVE_BRK, 0, 0, 0, 0);
	cr_assert_eq(call(LIVE_BRK, brk + 8192, 0, 0, 0), (intptr_t)brk + 8192);
	addr = (uintptr_t)map(1 << 20);
	cr_assert_eq(touch(addr, 1 << 20), 0);
	cr_assert_eq(call(LIVE_MUNMAP, addr, 512 << 10, 0, 0), 0);
	end(LIVE_END_EXIT, NULL);

	cr_assert_eq(p->state, RUN_ENDED);
	cr_assert_eq(p->end, RUN_END_EXIT);
	cr_assert_eq(area->nr_news, 2u);
	cr_assert_eq(p->nr_calls[RUN_BRK], 2u);
	cr_assert_eq(p->nr_calls[RUN_MMAP], 1u);
	cr_assert_eq(p->nr_calls[RUN_MUNMAP], 1u);
	cr_assert_eq(p->nr_requests, 3u, "asking for the break is none");
	cr_assert_eq(p->nr_refused, 0u);
	cr_assert_eq(p->bytes_granted, 8192u + (1 << 20));
	cr_assert_eq(p->min_flt, task->min_flt);
	cr_assert_geq(p->min_flt, 256u);
	cr_assert_eq(p->maj_flt, 0u);
	cr_assert_eq(p->peak_rss_kb, p->rss_kb + 512);
	cr_assert_eq(p->rss_kb, mm_rss(task->mm) * 4);
	cr_assert_eq(p->peak_committed_kb, p->committed_kb + 512);
	cr_assert_eq(p->mem_total_kb, machine->totalram_pages * 4);
	cr_assert_eq(p->clock_ns, machine->clock_ns);
	cr_assert_neq(p->fingerprint, 0u);
	cr_assert_gt(p->time_ns[RUN_TIME_MINOR_FAULT],
		     p->time_ns[RUN_TIME_MMAP]);
	cr_assert_eq(p->time_ns[RUN_TIME_MAJOR_FAULT], 0u);
}

/* All the task's time is told, kind by kind. */
Test(os_sim_record, times_add_up)
{
	const struct run_process *p = &area->processes[0];
	uint64_t begin, sum = 0;
	uintptr_t addr;

	start("ram=32M,swap=128M,cpus=2,seed=3");
	begin = machine->clock_ns;
	addr = (uintptr_t)map(64 << 20);
	cr_assert_eq(touch(addr, 64 << 20), 0);
	cr_assert_eq(touch(addr, 8 << 20), 0);
	end(LIVE_END_EXIT, NULL);
	for (int i = 0; i < RUN_TIME_DIRECT_RECLAIM; i++)
		sum += p->time_ns[i];
	cr_assert_eq(sum, machine->clock_ns - begin);
	cr_assert_gt(p->time_ns[RUN_TIME_MAJOR_FAULT], 0u);
	cr_assert_gt(p->time_ns[RUN_TIME_KSWAPD], 0u);
	cr_assert_gt(p->time_ns[RUN_TIME_DIRECT_RECLAIM], 0u);
	cr_assert_lt(p->time_ns[RUN_TIME_DIRECT_RECLAIM], sum);
	cr_assert_gt(p->maj_flt, 0u);
	cr_assert_eq(p->pswpout, machine->vm_events[PSWPOUT]);
	cr_assert_gt(p->pswpin, 0u);
	cr_assert_gt(p->pgsteal_kswapd + p->pgsteal_direct, 0u);
	cr_assert_geq(p->peak_swap_kb, p->swap_kb);
	cr_assert_gt(p->swap_kb, 0u);
	cr_assert_eq(p->swap_total_kb, (128u << 10) - 4);
}

/* With one CPU kswapd's work takes the task's time, and is not told as its. */
Test(os_sim_record, one_cpu)
{
	const struct run_process *p = &area->processes[0];
	uint64_t begin, sum = 0;

	start("ram=32M,swap=128M,cpus=1,seed=3");
	begin = machine->clock_ns;
	cr_assert_eq(touch((uintptr_t)map(64 << 20), 64 << 20), 0);
	end(LIVE_END_EXIT, NULL);
	for (int i = 0; i < RUN_TIME_DIRECT_RECLAIM; i++)
		sum += p->time_ns[i];
	cr_assert_gt(p->time_ns[RUN_TIME_KSWAPD], 0u);
	cr_assert_leq(sum + p->time_ns[RUN_TIME_KSWAPD],
		      machine->clock_ns - begin);
}

Test(os_sim_record, refusals_and_their_rules)
{
	const struct run_process *p = &area->processes[0];
	uintptr_t brk;

	start("ram=64M,vm.overcommit_memory=2");
	cr_assert_eq(map(100 << 20), -ENOMEM);
	cr_assert_gt(map(1 << 20), 0);
	cr_assert_eq(map((size_t)1 << 47), -ENOMEM);
	brk = (uintptr_t)call(LIVE_BRK, 0, 0, 0, 0);
	cr_assert_eq(call(LIVE_BRK, brk + (100 << 20), 0, 0, 0), (intptr_t)brk);
	cr_assert_eq(call(LIVE_MADVISE, 4096, 4096, MADV_DONTNEED, 0), -ENOMEM);
	cr_assert_lt(call(LIVE_MADVISE, 4096, 4096, MADV_HUGEPAGE, 0), 0,
		     "a hint");
	cr_assert_eq(p->nr_requests, 5u);
	cr_assert_eq(p->nr_refused, 4u);
	cr_assert_eq(p->nr_refusals, 4u);
	cr_assert_eq(p->bytes_granted, 1u << 20);

	cr_assert_eq(p->refusals[0].nr, 1u);
	cr_assert_eq(p->refusals[0].bytes, 100u << 20);
	cr_assert_eq(p->refusals[0].request, RUN_MMAP);
	cr_assert_eq(p->refusals[0].rule, RUN_RULE_COMMIT_LIMIT);
	cr_assert_eq(p->refusals[0].error, ENOMEM);
	cr_assert_eq(p->refusals[0].limit_kb, commit_limit(machine) * 4);
	cr_assert_eq(p->refusals[1].nr, 3u);
	cr_assert_eq(p->refusals[1].rule, RUN_RULE_ADDRESS_SPACE);
	cr_assert_eq(p->refusals[2].request, RUN_BRK);
	cr_assert_eq(p->refusals[2].bytes, 100u << 20);
	cr_assert_eq(p->refusals[2].rule, RUN_RULE_COMMIT_LIMIT);
	cr_assert_eq(p->refusals[3].request, RUN_MADVISE);
	cr_assert_eq(p->refusals[3].rule, RUN_RULE_OTHER);
}

Test(os_sim_record, the_first_refusals_are_kept)
{
	const struct run_process *p = &area->processes[0];

	start("ram=64M,vm.overcommit_memory=2");
	for (int i = 0; i < RUN_REFUSALS + 10; i++)
		cr_assert_eq(map(100 << 20), -ENOMEM);
	cr_assert_eq(p->nr_refused, (uint64_t)RUN_REFUSALS + 10);
	cr_assert_eq(p->nr_refusals, (uint32_t)RUN_REFUSALS);
}

Test(os_sim_record, the_nth_request_fails_on_purpose)
{
	const struct run_process *p = &area->processes[0];
	uintptr_t addr, brk;

	area->fail_at = 3;
	start("ram=64M");
	addr = (uintptr_t)map(1 << 20);
	brk = (uintptr_t)call(LIVE_BRK, 0, 0, 0, 0);
	cr_assert_gt(map(4096), 0);
	cr_assert_eq(call(LIVE_BRK, brk + 4096, 0, 0, 0), (intptr_t)brk);
	cr_assert_gt(map(4096), 0);
	cr_assert_eq(p->nr_refused, 1u);
	cr_assert_eq(p->refusals[0].rule, RUN_RULE_ON_PURPOSE);
	cr_assert_eq(p->refusals[0].nr, 3u);
	cr_assert_eq(p->refusals[0].bytes, 4096u);
	cr_assert_eq(p->bytes_granted, (1u << 20) + 8192u);
	/* Giving pages back is refused with the error that Linux has for it. */
	record.plan.at = 5;
	cr_assert_eq(call(LIVE_MADVISE, addr, 4096, MADV_DONTNEED, 0), -EINVAL);
}

Test(os_sim_record, what_is_beyond_a_sum_fails_on_purpose)
{
	uintptr_t addr;

	area->fail_after_bytes = 3 << 20;
	start("ram=64M");
	addr = (uintptr_t)map(2 << 20);
	cr_assert_gt((intptr_t)addr, 0);
	cr_assert_eq(map(2 << 20), -ENOMEM);
	cr_assert_gt(map(1 << 20), 0);
	cr_assert_eq(map(4096), -ENOMEM);
	cr_assert_gt(call(LIVE_MMAP, 0, 1 << 20, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
		     0, "a reservation is no memory");
	cr_assert_eq(call(LIVE_MUNMAP, addr, 1 << 20, 0, 0), 0);
	cr_assert_eq(area->processes[0].nr_refused, 2u);
}

Test(os_sim_record, only_the_first_process_fails_on_purpose)
{
	area->fail_at = 1;
	area->nr_processes = 1;
	start("ram=64M");
	cr_assert_eq(record.index, 1u);
	cr_assert_gt(map(4096), 0);
}

Test(os_sim_record, a_killed_task_keeps_its_figures_and_its_report)
{
	const struct run_process *p = &area->processes[0];
	uintptr_t addr;

	start("ram=32M,seed=5");
	addr = (uintptr_t)map(20 << 20);
	cr_assert_eq(touch(addr, 20 << 20), 0);
	cr_assert_eq(touch((uintptr_t)map(20 << 20), 20 << 20), SIGKILL);
	end(LIVE_END_KILLED, NULL);
	cr_assert_eq(p->end, RUN_END_OOM_KILL);
	cr_assert_eq(p->oom_kills, 1u);
	cr_assert_gt(p->rss_kb, 20u << 10);
	cr_assert_eq(p->peak_rss_kb, p->rss_kb);
	cr_assert_not_null(strstr(p->log, "invoked oom-killer"));
	cr_assert_not_null(strstr(p->log, "Out of memory: Killed process"));
	cr_assert_eq(strlen(p->log), p->log_len);
}

Test(os_sim_record, a_broken_end_says_why)
{
	const struct run_process *p = &area->processes[0];
	char why[400];

	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	start("ram=32M");
	end(LIVE_END_BROKEN, why);
	cr_assert_eq(p->end, RUN_END_BROKEN);
	cr_assert_eq(strlen(p->why), sizeof(p->why) - 1);
}

/* Counts the events of a kind, and checks that all are whole and in order. */
static unsigned events_of(unsigned kind)
{
	uint64_t time_ns = 0;
	unsigned n = 0;

	for (uint64_t i = 0; i < area->nr_events; i++) {
		const struct run_event *event = &area->events[i];

		cr_assert_neq(event->kind, 0);
		cr_assert_geq(event->time_ns, time_ns);
		time_ns = event->time_ns;
		n += event->kind == kind;
	}
	return n;
}

Test(os_sim_record, events_over_virtual_time)
{
	uintptr_t addr;
	const struct run_event *event;

	area->want_events = 1;
	start("ram=64M,seed=5,vm.overcommit_memory=2");
	addr = (uintptr_t)map(16 << 20);
	event = &area->events[area->nr_events - 1];
	cr_assert_eq(event->kind, RUN_EVENT_CALL);
	cr_assert_eq(event->what, RUN_MMAP);
	cr_assert_eq(event->arg[1], 16u << 20);
	cr_assert_eq(event->arg[2], addr);
	touch(addr, 16 << 20);
	cr_assert_eq(map(100 << 20), -ENOMEM);
	cr_assert_eq(call(LIVE_MUNMAP, addr, 16 << 20, 0, 0), 0);
	end(LIVE_END_EXIT, NULL);
	cr_assert_eq(events_of(RUN_EVENT_CALL), 2u);
	cr_assert_eq(events_of(RUN_EVENT_REFUSED), 1u);
	cr_assert_eq(events_of(RUN_EVENT_END), 1u);
	/* 4096 faults in 2.5 ms: not one for each. */
	cr_assert_gt(events_of(RUN_EVENT_SAMPLE), 5u);
	cr_assert_lt(events_of(RUN_EVENT_SAMPLE), 100u);
}

Test(os_sim_record, events_that_nobody_wants_are_not_taken)
{
	start("ram=64M");
	touch((uintptr_t)map(1 << 20), 1 << 20);
	end(LIVE_END_EXIT, NULL);
	cr_assert_eq(area->nr_events, 0u);
}

Test(os_sim_record, the_same_run_has_the_same_fingerprint)
{
	uint64_t fingerprint[3];

	for (unsigned i = 0; i < 3; i++) {
		uintptr_t addr;

		start("ram=64M,seed=9");
		addr = (uintptr_t)map(1 << 20);
		touch(addr, i < 2 ? 1 << 20 : 4096);
		end(LIVE_END_EXIT, NULL);
		fingerprint[i] = area->processes[i].fingerprint;
		sim_record_detach(&record);
		mmsim_machine_shutdown(machine);
	}
	cr_assert_eq(fingerprint[0], fingerprint[1]);
	cr_assert_neq(fingerprint[0], fingerprint[2]);
}

/* In the child all begins at zero, in a record of its own. */
Test(os_sim_record, a_fork_has_its_own_record)
{
	const struct run_process *p = &area->processes[1];
	uintptr_t addr;
	int pid, status;

	area->fail_at = 2;
	area->want_events = 1;
	start("ram=64M");
	addr = (uintptr_t)map(1 << 20);
	touch(addr, 1 << 20);
	pid = fork();
	if (pid == 0) {
		record.observer.forked(&record.observer, getppid());
		if (map(4096) > 0)
			touch(addr, 4096);
		end(LIVE_END_EXEC, NULL);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(area->nr_processes, 2u);
	cr_assert_eq(p->state, RUN_ENDED);
	cr_assert_eq(p->end, RUN_END_EXEC);
	cr_assert_eq(p->is_fork, 1u);
	cr_assert_eq(p->pid, pid);
	cr_assert_eq(p->ppid, getpid());
	cr_assert_eq(p->nr_requests, 1u);
	cr_assert_eq(p->nr_refused, 0u);
	cr_assert_eq(p->bytes_granted, 4096u);
	cr_assert_eq(p->min_flt, 0u);
	cr_assert_geq(p->rss_kb, 1024u);
	cr_assert_eq(events_of(RUN_EVENT_FORK), 1u);
	cr_assert_eq(area->processes[0].state, RUN_FREE);
}

Test(os_sim_record, no_record_is_left)
{
	area->nr_processes = RUN_PROCESSES;
	start("ram=64M");
	cr_assert_null(record.process);
	touch((uintptr_t)map(1 << 20), 1 << 20);
	end(LIVE_END_EXIT, NULL);
	cr_assert_eq(area->nr_news, 0u);
}

/* A variable that has outlived its area must not stop the program, nor be
 * believed. */
Test(os_sim_record, what_is_not_a_run_area_is_ignored)
{
	char path[] = "/tmp/mmsim-area-XXXXXX";
	int fds[2], fd = mkstemp(path);

	cr_assert_null(run_area_map("/proc/self/fd/999"));
	cr_assert_null(run_area_map("/dev/null"));
	cr_assert_null(run_area_map("/"));
	cr_assert_null(run_area_map(path), "too short");
	cr_assert_eq(ftruncate(fd, sizeof(*area)), 0);
	cr_assert_null(run_area_map(path), "no magic");
	cr_assert_eq(pipe(fds), 0);
	snprintf(area_path, sizeof(area_path), "/proc/self/fd/%d", fds[1]);
	cr_assert_null(run_area_map(area_path));
	unlink(path);
	close(fd);
	start("ram=32M");
	cr_assert_null(record.area);
	cr_assert_gt(map(4096), 0);
	end(LIVE_END_EXIT, NULL);
}

/* ---- CPUs ---- */

static int cpu_count(void)
{
	cpu_set_t set;

	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	return CPU_COUNT(&set);
}

Test(os_sim_record, bound_to_one_cpu_of_the_mask)
{
	cpu_set_t all, one;
	int nr, cpus[2], n = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	nr = CPU_COUNT(&all);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &all))
			cpus[n++] = cpu;
	/* --spread: no mask, no binding. */
	run_area_bind_cpu(area, 0);
	cr_assert_eq(cpu_count(), nr);
	area->has_cpu_mask = 1;
	for (int i = 0; i < n; i++)
		area->cpu_mask[cpus[i] / 64] |= UINT64_C(1) << cpus[i] % 64;
	for (uint32_t index = 0; index < 4; index++) {
		run_area_bind_cpu(area, index);
		cr_assert_eq(sched_getaffinity(0, sizeof(one), &one), 0);
		cr_assert_eq(CPU_COUNT(&one), 1);
		cr_assert(CPU_ISSET(cpus[index % (uint32_t)n], &one));
	}
}

Test(os_sim_record, bound_to_the_present_cpu_without_an_area)
{
	run_area_bind_cpu(NULL, 0);
	cr_assert_eq(cpu_count(), 1);
}

/* ---- the report on standard error ---- */

/* What comes out of the pipe that stands for standard error. */
static char *told(int fds[2])
{
	static char text[16384];
	size_t len = 0;
	ssize_t n;

	close(fds[1]);
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

static void check_report_is_told(void)
{
	char *text;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	stderr_fd = fds[1];
	start("ram=32M,seed=5,vm.overcommit_memory=1");
	cr_assert_eq(touch((uintptr_t)map(40 << 20), 40 << 20), SIGKILL);
	end(LIVE_END_KILLED, NULL);
	text = told(fds);
	cr_assert_not_null(strstr(text, "invoked oom-killer"));
	cr_assert_not_null(strstr(text, "Out of memory: Killed process"));
	cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(os_sim_record, without_an_area_the_report_goes_to_standard_error)
{
	strcpy(area_path, "/nowhere");
	check_report_is_told();
}

Test(os_sim_record, without_a_record_the_report_goes_to_standard_error)
{
	area->nr_processes = RUN_PROCESSES;
	check_report_is_told();
}

Test(os_sim_record, without_an_area_a_broken_end_is_told)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	stderr_fd = fds[1];
	strcpy(area_path, "/nowhere");
	start("ram=32M");
	end(LIVE_END_BROKEN, "it broke");
	cr_assert_str_eq(told(fds), "mmsim: it broke\n");
}

/* A reader that does not read keeps nobody. */
Test(os_sim_record, a_full_pipe_is_given_up)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], "x", 1) == 1)
		;
	fcntl(fds[1], F_SETFL, 0);
	stderr_fd = fds[1];
	strcpy(area_path, "/nowhere");
	start("ram=32M");
	end(LIVE_END_BROKEN, "it broke");
}
