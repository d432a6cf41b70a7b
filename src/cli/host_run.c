/*
 * host_run.c: a program watched on the host.
 *
 * Its memory is read now and then while it runs, and once more at its end:
 * ptrace(2) stops it there (PTRACE_O_TRACEEXIT), when it still has all that it
 * had.  Only the process itself is traced, not its children.  Every other stop
 * that a tracer sees is passed on.
 *
 * Of its descendants, what all together had is looked at now and then.
 *
 * Source: ptrace(2).
 */
#include "cli/host_run.h"

#include "cli/command.h"
#include "cli/launch.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 1,       /* between two looks at its state */
	SAMPLE_LOOKS = 20, /* looks between two at its memory */
	NS_PER_MS = 1000000,
};

/* Until the parent has closed the other end of `go`. */
static _Noreturn void become_program(const struct host_run *run,
				     const char *path, char *preload, int go,
				     const sigset_t *mask)
{
	int null = open("/dev/null", O_RDWR);
	char byte;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	putenv(preload);
	unsetenv(RUN_MACHINE_ENV);
	unsetenv(RUN_AREA_ENV);
	for (size_t i = 0; run->env_more && run->env_more[i]; i++)
		putenv(run->env_more[i]);
	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execv(path, run->argv);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* A stop of the traced process. */
static void pass_stop(struct host_run *run, pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	switch (event) {
	case PTRACE_EVENT_EXIT:
		run->is_measured = host_memory_read(&run->memory, pid);
		run->peak_rss_kb = host_memory_peak(pid);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		break;
	case PTRACE_EVENT_STOP:
		/* The stop of job control stays one. */
		ptrace(sig == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, pid, NULL,
		       NULL);
		break;
	default:
		ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)sig);
		break;
	}
}

static void look_at_family(struct host_run *run, pid_t pid)
{
	unsigned nr;
	uint64_t kb = host_memory_family(pid, &nr);

	if (kb <= run->family_kb)
		return;
	run->family_kb = kb;
	run->family_nr = nr;
}

/* Until the process has ended: 0, or the signal by which mmsim shall end. */
static int watch(struct host_run *run, pid_t pid, uint64_t start_ns)
{
	struct timespec look = {0, LOOK_MS * NS_PER_MS};
	sigset_t held = launch_held_signals();
	struct rusage usage = {0};
	unsigned looks = 0;
	int interrupted = 0;

	for (;;) {
		int status, sig;
		pid_t got = wait4(pid, &status, WNOHANG | __WALL, &usage);

		if (got == pid && WIFSTOPPED(status)) {
			pass_stop(run, pid, status);
			continue;
		}
		if (got == pid) {
			run->status = status;
			break;
		}
		if (got < 0 && errno != EINTR)
			break;
		if (!run->timed_out && run->timeout_ms &&
		    launch_now_ns() - start_ns >=
			    (uint64_t)run->timeout_ms * NS_PER_MS) {
			run->timed_out = true;
			kill(-pid, SIGKILL);
		}
		if (++looks % SAMPLE_LOOKS == 0) {
			host_memory_read(&run->memory, pid);
			look_at_family(run, pid);
		}
		sig = sigtimedwait(&held, NULL, &look);
		if (sig > 0) {
			interrupted = sig;
			kill(-pid, SIGKILL);
		}
	}
	run->wall_ns = launch_now_ns() - start_ns;
	run->min_flt = (uint64_t)usage.ru_minflt;
	run->maj_flt = (uint64_t)usage.ru_majflt;
	kill(-pid, SIGKILL);
	return interrupted;
}

/* Started, and traced; its pid. */
static pid_t start(const struct host_run *run, const char *path, char *preload,
		   const sigset_t *mask)
{
	int go[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		err(EXIT_MMSIM, "pipe");
	pid = fork();
	if (pid < 0)
		err(EXIT_MMSIM, "fork");
	if (pid == 0) {
		close(go[1]);
		become_program(run, path, preload, go[0], mask);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) < 0)
		warn("%s: ptrace; its memory is not measured at its end",
		     run->argv[0]);
	close(go[1]);
	return pid;
}

int host_run(struct host_run *run)
{
	static char preload[8 * PATH_MAX];
	sigset_t held = launch_held_signals(), mask;
	char path[PATH_MAX];
	int status, interrupted;
	uint64_t start_ns;

	status = launch_check_program(run->argv[0], path, sizeof(path));
	if (status == 0)
		status = launch_preload(preload, sizeof(preload));
	if (status)
		return status;
	sigprocmask(SIG_BLOCK, &held, &mask);
	start_ns = launch_now_ns();
	interrupted = watch(run, start(run, path, preload, &mask), start_ns);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (interrupted)
		raise(interrupted);
	return interrupted ? 128 + interrupted : 0;
}
