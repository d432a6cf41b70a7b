/*
 * jobs.c: launches side by side.
 *
 * One thread waits for the ends of all of them by their pidfds.  Runs on a
 * simulated machine take one CPU each, the server that handles their faults
 * included, so that there are as many at once as there are CPUs.
 *
 * All of them are quiet, so that each has a process group of its own.
 *
 * Source: pidfd_open(2), poll(2), signalfd(2).
 */
#include "cli/jobs.h"

#include "cli/command.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
	SHOW_MS = 200, /* between two progress lines */
	NS_PER_MS = 1000000,
};

unsigned jobs_cpus(void)
{
	cpu_set_t set;
	int nr;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	nr = CPU_COUNT(&set);
	return nr < JOBS_AT_ONCE ? (unsigned)nr : JOBS_AT_ONCE;
}

/* ---- the progress line ---- */

static void show(struct jobs *jobs)
{
	uint64_t now = launch_now_ns();
	uint64_t seconds = (now - jobs->start_ns) / NS_PER_MS / 1000;

	if (!jobs->on_terminal ||
	    now - jobs->shown_ns < (uint64_t)SHOW_MS * NS_PER_MS)
		return;
	jobs->shown_ns = now;
	jobs->is_shown = true;
	fprintf(stderr, "\r%s: run %" PRIu64, jobs->what, jobs->nr_done);
	if (jobs->expected >= jobs->nr_done)
		fprintf(stderr, " of %" PRIu64, jobs->expected);
	if (jobs->remark[0])
		fprintf(stderr, ", %s", jobs->remark);
	fprintf(stderr, ", %" PRIu64 " s\033[K", seconds);
	fflush(stderr);
}

static void hide(struct jobs *jobs)
{
	if (jobs->is_shown)
		fputs("\r\033[K", stderr);
	jobs->is_shown = false;
}

/* ---- the runs ---- */

static int start_all(struct jobs *jobs)
{
	for (unsigned i = 0; i < jobs->at_once; i++) {
		struct job *job = &jobs->slots[i];
		int status;

		if (job->is_running)
			continue;
		memset(job, 0, sizeof(*job));
		if (!jobs->next(jobs, job))
			return 0;
		job->launch.share = i + 1;
		status = launch_start(&job->launch);
		if (status)
			return status;
		job->is_running = true;
	}
	return 0;
}

static void finish(struct jobs *jobs, struct job *job, bool is_wanted)
{
	launch_wait(&job->launch);
	job->is_running = false;
	if (job->launch.interrupted)
		jobs->interrupted = job->launch.interrupted;
	if (is_wanted && !jobs->interrupted) {
		jobs->nr_done++;
		jobs->ended(jobs, job);
	}
	launch_free(&job->launch);
}

static int wait_ms(const struct jobs *jobs)
{
	int least = SHOW_MS;

	for (unsigned i = 0; i < jobs->at_once; i++) {
		const struct job *job = &jobs->slots[i];
		int left =
			job->is_running ? launch_time_left(&job->launch) : -1;

		if (left >= 0 && left < least)
			least = left;
	}
	return least;
}

/* Waits until something can be done.  false: no run is left. */
static bool wait_some(struct jobs *jobs, int signal_fd)
{
	struct pollfd fds[JOBS_AT_ONCE + 1];
	struct signalfd_siginfo info;
	bool is_any = false;

	for (unsigned i = 0; i < jobs->at_once; i++) {
		const struct job *job = &jobs->slots[i];

		fds[i] = (struct pollfd){
			.fd = job->is_running ? job->launch.pidfd : -1,
			.events = POLLIN,
		};
		is_any |= job->is_running;
	}
	fds[jobs->at_once] = (struct pollfd){signal_fd, POLLIN, 0};
	if (!is_any)
		return false;
	if (poll(fds, jobs->at_once + 1, wait_ms(jobs)) < 0 && errno != EINTR)
		err(EXIT_MMSIM, "poll");
	if ((fds[jobs->at_once].revents & POLLIN) &&
	    read(signal_fd, &info, sizeof(info)) == sizeof(info))
		jobs->interrupted = (int)info.ssi_signo;
	for (unsigned i = 0; i < jobs->at_once && !jobs->interrupted; i++) {
		struct job *job = &jobs->slots[i];

		if (!job->is_running)
			continue;
		/* launch_wait kills it when its time is up. */
		if ((fds[i].revents & POLLIN) ||
		    launch_time_left(&job->launch) == 0)
			finish(jobs, job, true);
	}
	return true;
}

int jobs_run(struct jobs *jobs)
{
	sigset_t set = launch_held_signals();
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), status;

	jobs->nr_done = 0;
	jobs->start_ns = jobs->shown_ns = launch_now_ns();
	jobs->on_terminal = isatty(STDERR_FILENO);
	do {
		status = start_all(jobs);
		launch_bury_orphans();
		show(jobs);
	} while (status == 0 && !jobs->interrupted &&
		 wait_some(jobs, signal_fd));
	for (unsigned i = 0; i < jobs->at_once; i++)
		if (jobs->slots[i].is_running) {
			kill(-jobs->slots[i].launch.pid, SIGKILL);
			finish(jobs, &jobs->slots[i], false);
		}
	hide(jobs);
	if (signal_fd >= 0)
		close(signal_fd);
	if (jobs->interrupted)
		raise(jobs->interrupted);
	return jobs->interrupted ? 128 + jobs->interrupted : status;
}
