/*
 * launch.c: a program is started on a simulated machine, and waited for.
 *
 *     mmsim                                the program, and its children
 *       memfd: struct run_area  <-------   MMSIM_RUN=/proc/PID/fd/N
 *       the spec                 ------>   MMSIM_MACHINE=SPEC
 *       libmmsim.so, -run.so     ------>   LD_PRELOAD=...
 *
 * The program stays in mmsim's process group, so that the terminal's keys reach
 * it as if it had been started alone; a quiet one has a group of its own.
 *
 * Who serves the program's faults writes its record when the program is dead;
 * until then the end is not complete, so launch_wait waits for it, but not
 * forever: a server that was killed writes nothing.
 */
#include "cli/launch.h"

#include "cli/command.h"
#include "cli/machine_options.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LAUNCH_END_MS = 5000, /* the longest wait for a record's end */
	LAUNCH_LOOK_MS = 50, /* how often processes that ended are looked for */
	LAUNCH_BURY_MS =
		500, /* and servers that ended, while the program runs */
};

static struct launch *started; /* those that were not waited for */
static sigset_t user_mask;     /* of signals, while there are some */

uint64_t launch_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the start ----------------------------------------------------------- */

sigset_t launch_held_signals(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, ends[i]);
	return set;
}

/* Signals wait as long as there is a launch in the list. */
static void list_add(struct launch *launch)
{
	sigset_t set = launch_held_signals();

	if (!started)
		sigprocmask(SIG_BLOCK, &set, &user_mask);
	launch->next = started;
	started = launch;
}

static void list_remove(struct launch *launch)
{
	struct launch **at = &started;

	while (*at != launch)
		at = &(*at)->next;
	*at = launch->next;
	if (!started)
		sigprocmask(SIG_SETMASK, &user_mask, NULL);
}

bool launch_is_own(pid_t pid)
{
	for (const struct launch *at = started; at; at = at->next)
		if (at->pid == pid)
			return true;
	return false;
}

static bool is_running(const struct run_process *process)
{
	return __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) ==
	       RUN_RUNNING;
}

static uint32_t nr_records(const struct run_area *area)
{
	uint32_t nr = __atomic_load_n(&area->nr_processes, __ATOMIC_ACQUIRE);

	return nr < RUN_PROCESSES ? nr : RUN_PROCESSES;
}

bool launch_any_lives(void)
{
	for (const struct launch *at = started; at; at = at->next)
		for (uint32_t i = 0; i < nr_records(at->area); i++)
			if (is_running(&at->area->processes[i]) &&
			    !launch_has_ended(at->area->processes[i].pid))
				return true;
	return false;
}

/* The user's limit on the size of files is meant for others. */
static int set_area_size(int fd)
{
	struct rlimit limit, raised;
	void (*on_excess)(int) = signal(SIGXFSZ, SIG_IGN);
	int result, error;

	getrlimit(RLIMIT_FSIZE, &limit);
	raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &raised);
	result = ftruncate(fd, sizeof(struct run_area));
	error = errno;
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, on_excess);
	errno = error;
	return result;
}

/* Leaves one CPU of a mask. */
static void take_share(cpu_set_t *mask, unsigned share)
{
	int nr = (int)(share - 1) % CPU_COUNT(mask);

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, mask) && nr-- != 0)
			CPU_CLR(cpu, mask);
}

/* The file that the program finds by its name; -1. */
static int make_area(struct launch *launch)
{
	struct run_area *area;
	int fd = memfd_create("mmsim-run", MFD_CLOEXEC);

	if (fd < 0 || set_area_size(fd) < 0)
		goto failed;
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (area == MAP_FAILED)
		goto failed;
	area->magic = RUN_MAGIC;
	area->fail_at = launch->fail_at;
	area->fail_count = launch->fail_count;
	area->fail_after_bytes = launch->fail_after_bytes;
	area->want_events = launch->want_events;
	if (!launch->spread)
		area->has_cpu_mask =
			sched_getaffinity(0, sizeof(area->cpu_mask),
					  (cpu_set_t *)area->cpu_mask) == 0;
	if (area->has_cpu_mask && launch->share)
		take_share((cpu_set_t *)area->cpu_mask, launch->share);
	launch->area = area;
	return fd;

failed:
	warn("memory for the report");
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool names_same(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strcspn(b, "=") == len && memcmp(a, b, len) == 0;
}

/* This process's environment, with `more` in place of what has these names. */
static char **make_environment(char *const *more, size_t nr_more)
{
	size_t nr = 0;
	char **env;

	for (char **at = environ; *at; at++)
		nr++;
	env = calloc(nr + nr_more + 1, sizeof(*env));
	if (!env)
		err(EXIT_MMSIM, "environment");
	nr = 0;
	for (char **at = environ; *at; at++) {
		bool is_new = false;

		for (size_t i = 0; i < nr_more; i++)
			is_new |= names_same(*at, more[i]);
		if (!is_new)
			env[nr++] = *at;
	}
	for (size_t i = 0; i < nr_more; i++)
		env[nr++] = more[i];
	return env;
}

/* What the new process tells before it is the program. */
struct start_news {
	bool is_randomized;
	int exec_error;
};

static void make_quiet(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	setpgid(0, 0);
	/* Nobody else would end it when mmsim is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void become_program(const struct launch *launch,
				     const char *path, char **env, int news_fd)
{
	struct start_news news = {false, 0};

	if (launch->quiet)
		make_quiet();
	if (launch->no_randomize) {
		int now = personality(0xffffffff);

		news.is_randomized =
			now < 0 ||
			personality((unsigned)now | ADDR_NO_RANDOMIZE) < 0;
	}
	sigprocmask(SIG_SETMASK, &user_mask, NULL);
	if (!news.is_randomized ||
	    write(news_fd, &news, sizeof(news)) == sizeof(news))
		execve(path, launch->argv, env);
	news.exec_error = errno;
	_exit(write(news_fd, &news, sizeof(news)) < 0 ? EXIT_MMSIM
						      : EXIT_NOT_EXECUTABLE);
}

/* Until the program runs, or cannot: 0 or an errno value. */
static int read_news(struct launch *launch, int news_fd)
{
	struct start_news news;

	while (read(news_fd, &news, sizeof(news)) == sizeof(news)) {
		launch->is_randomized |= news.is_randomized;
		if (news.exec_error)
			return news.exec_error;
	}
	return 0;
}

static int start_process(struct launch *launch, const char *path, char **env)
{
	int news[2], error;

	if (pipe2(news, O_CLOEXEC) < 0) {
		warn("pipe");
		return EXIT_MMSIM;
	}
	list_add(launch);
	launch_adopt_orphans();
	launch->start_ns = launch_now_ns();
	launch->pid = fork();
	if (launch->pid == 0)
		become_program(launch, path, env, news[1]);
	error = launch->pid < 0 ? errno : 0;
	close(news[1]);
	if (!error) {
		launch->pidfd = (int)syscall(SYS_pidfd_open, launch->pid, 0);
		error = read_news(launch, news[0]);
	}
	close(news[0]);
	if (!error)
		return 0;
	if (launch->pid > 0)
		waitpid(launch->pid, NULL, 0);
	list_remove(launch);
	warnx("%s: %s", path, strerror(error));
	return launch->pid < 0 ? EXIT_MMSIM : EXIT_NOT_EXECUTABLE;
}

static int start_with_area(struct launch *launch, const char *path, int fd)
{
	static char preload[8 * PATH_MAX];
	char machine[MACHINE_SPEC_MAX + 32], run[64], **env, **more;
	size_t nr = 0;
	int status = launch_preload(preload, sizeof(preload));

	if (status)
		return status;
	snprintf(machine, sizeof(machine), RUN_MACHINE_ENV "=%s",
		 launch->machine);
	snprintf(run, sizeof(run), RUN_AREA_ENV "=/proc/%d/fd/%d",
		 (int)getpid(), fd);
	while (launch->env_more && launch->env_more[nr])
		nr++;
	more = calloc(nr + 3, sizeof(*more));
	if (!more)
		err(EXIT_MMSIM, "environment");
	more[0] = preload;
	more[1] = machine;
	more[2] = run;
	for (size_t i = 0; i < nr; i++)
		more[3 + i] = launch->env_more[i];
	env = make_environment(more, nr + 3);
	status = start_process(launch, path, env);
	free(env);
	free(more);
	return status;
}

int launch_start(struct launch *launch)
{
	char path[PATH_MAX];
	int status = launch_check_program(launch->argv[0], path, sizeof(path));

	launch->pid = 0;
	launch->pidfd = launch->area_fd = -1;
	launch->area = NULL;
	if (status)
		return status;
	status = launch_check_machine(launch->machine);
	if (status)
		return status;
	launch->area_fd = make_area(launch);
	status = launch->area_fd < 0
			 ? EXIT_MMSIM
			 : start_with_area(launch, path, launch->area_fd);
	if (status) {
		launch->pid = 0;
		launch_free(launch);
	}
	return status;
}

/* --- the end ------------------------------------------------------------- */

int launch_time_left(const struct launch *launch)
{
	uint64_t gone_ms = (launch_now_ns() - launch->start_ns) / 1000000;

	if (launch->timeout_ms == 0)
		return -1;
	return gone_ms >= launch->timeout_ms
		       ? 0
		       : (int)(launch->timeout_ms - gone_ms);
}

static void send_signal(const struct launch *launch, int sig)
{
	kill(launch->quiet ? -launch->pid : launch->pid, sig);
}

static void pass_on(struct launch *launch, int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	launch->interrupted = (int)info.ssi_signo;
	if (info.ssi_code != SI_KERNEL || launch->quiet)
		send_signal(launch, (int)info.ssi_signo);
}

static void wait_for_program(struct launch *launch)
{
	sigset_t set = launch_held_signals();
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct pollfd fds[2] = {{launch->pidfd, POLLIN, 0},
				{signal_fd, POLLIN, 0}};

	while (!(fds[0].revents & POLLIN)) {
		int left = launch->timed_out ? -1 : launch_time_left(launch);

		if (left == 0) {
			launch->timed_out = true;
			send_signal(launch, SIGKILL);
			continue;
		}
		if (left < 0 || left > LAUNCH_BURY_MS)
			left = LAUNCH_BURY_MS;
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			break;
		launch_bury_orphans();
		if (fds[1].revents & POLLIN)
			pass_on(launch, signal_fd);
	}
	if (signal_fd >= 0)
		close(signal_fd);
}

/* A process that has ended has not told its last figures. */
static bool is_end_missing(const struct launch *launch)
{
	for (uint32_t i = 0; i < nr_records(launch->area); i++) {
		const struct run_process *process = &launch->area->processes[i];

		if (is_running(process) && (process->pid == launch->pid ||
					    launch_has_ended(process->pid)))
			return true;
	}
	return false;
}

static void wait_for_records(struct launch *launch)
{
	struct timespec look = {0, LAUNCH_LOOK_MS * 1000000L};
	uint64_t deadline = launch_now_ns() + LAUNCH_END_MS * UINT64_C(1000000);

	for (;;) {
		uint32_t news = __atomic_load_n(&launch->area->nr_news,
						__ATOMIC_ACQUIRE);

		if (!is_end_missing(launch))
			return;
		if (launch_now_ns() >= deadline)
			break;
		syscall(SYS_futex, &launch->area->nr_news, FUTEX_WAIT, news,
			&look, NULL, 0);
	}
	launch->lost_end = true;
}

void launch_wait(struct launch *launch)
{
	struct rusage usage = {0};

	wait_for_program(launch);
	while (wait4(launch->pid, &launch->status, 0, &usage) < 0 &&
	       errno == EINTR)
		;
	launch->wall_ns = launch_now_ns() - launch->start_ns;
	launch->host_peak_kb = (uint64_t)usage.ru_maxrss;
	if (launch->quiet)
		kill(-launch->pid, SIGKILL);
	wait_for_records(launch);
	launch_end_orphans(launch);
	list_remove(launch);
}

void launch_free(struct launch *launch)
{
	if (launch->area)
		munmap(launch->area, sizeof(*launch->area));
	if (launch->area_fd >= 0)
		close(launch->area_fd);
	if (launch->pidfd >= 0)
		close(launch->pidfd);
	launch->area = NULL;
	launch->area_fd = launch->pidfd = -1;
}

const struct run_process *launch_first(const struct launch *launch)
{
	const struct run_process *first = NULL;
	const struct run_area *area = launch->area;

	for (uint32_t i = 0; i < area->nr_processes && i < RUN_PROCESSES; i++)
		if (area->processes[i].state != RUN_FREE &&
		    area->processes[i].pid == launch->pid)
			first = &area->processes[i];
	return first;
}

int launch_exit_status(const struct launch *launch)
{
	return WIFSIGNALED(launch->status) ? 128 + WTERMSIG(launch->status)
					   : WEXITSTATUS(launch->status);
}
