/*
 * launch_orphans.c: what programs leave behind when they have ended.
 *
 * A server is nobody's child, and outlives the process whose faults it serves by
 * a moment.  The first process of a container often waits for nobody, and
 * thousands of runs would leave it thousands of zombies.  So mmsim takes the
 * orphans of its programs (PR_SET_CHILD_SUBREAPER of prctl(2)) and waits for those
 * that have ended.
 *
 * At the end of a program it also waits for those that are about to end: servers
 * whose process is gone, and guards of servers that were killed.  They are known by
 * their name, and by the pidfd that they have as their descriptor 1.  What such a
 * process leaves behind is mmsim's orphan before its end can be seen, so the list
 * is read again until it has nobody who is about to end.  Somebody may have stopped
 * a server, so it is not waited for forever.
 *
 * What else a program leaves behind, as a daemon, goes on, and to the first process
 * when mmsim has ended.  But that of a quiet one ends with it: thousands of runs
 * would leave thousands of daemons.  It is known by its record in the run area.
 *
 * Without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) nothing is buried.
 */
#include "cli/launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ORPHANS_END_MS = 5000 }; /* the longest wait for those about to end */

/* Until then, or the time that launch_now_ns tells; a process that cannot be
 * waited for is gone. */
static bool has_ended_by(pid_t pid, uint64_t deadline_ns)
{
	struct pollfd process = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN,
				 0};
	int result;

	if (process.fd < 0)
		return errno == ESRCH;
	do {
		uint64_t now = launch_now_ns();
		int left_ms =
			now >= deadline_ns
				? 0
				: (int)((deadline_ns - now) / 1000000) + 1;

		result = poll(&process, 1, left_ms);
	} while (result < 0 && errno == EINTR);
	close(process.fd);
	return result > 0;
}

bool launch_has_ended(pid_t pid)
{
	return has_ended_by(pid, 0);
}

/* A server or its guard. */
static bool is_server(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	comm = fopen(path, "re");
	if (!comm)
		return false;
	if (!fgets(name, sizeof(name), comm))
		name[0] = '\0';
	fclose(comm);
	return strcmp(name, "mmsim-server\n") == 0 ||
	       strcmp(name, "mmsim-guard\n") == 0;
}

/* The process that it serves has ended.  What that is nobody may see when the
 * process has chosen so (PR_SET_DUMPABLE). */
static bool is_at_end(pid_t pid)
{
	char path[64], line[64];
	bool at_end = true;
	FILE *info;
	int served;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/1", (int)pid);
	info = fopen(path, "re");
	if (!info)
		return errno != EACCES || !launch_any_lives();
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "Pid: %d", &served) == 1)
			at_end = served < 0 || launch_has_ended(served);
	fclose(info);
	return at_end;
}

static bool has_record(const struct run_area *area, pid_t pid)
{
	uint32_t nr = __atomic_load_n(&area->nr_processes, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < nr && i < RUN_PROCESSES; i++)
		if (area->processes[i].pid == pid)
			return true;
	return false;
}

/* A server, or what a quiet program left behind: that is killed. */
static bool will_end(const struct launch *launch, pid_t pid)
{
	if (is_server(pid))
		return is_at_end(pid);
	return launch->quiet && has_record(launch->area, pid) &&
	       kill(pid, SIGKILL) == 0;
}

/* Buries the orphans that have ended; with a launch those too that will, by the
 * deadline.  True: there were some of these, which may have left others behind. */
static bool bury(const struct launch *launch, uint64_t deadline_ns)
{
	bool any_waited = false;
	char path[64];
	FILE *children;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	children = fopen(path, "re");
	if (!children)
		return false;
	while (fscanf(children, "%d", &pid) == 1) {
		if (launch_is_own(pid) ||
		    waitpid(pid, NULL, WNOHANG | __WALL) != 0)
			continue;
		if (launch && will_end(launch, pid) &&
		    has_ended_by(pid, deadline_ns))
			any_waited |= waitpid(pid, NULL, __WALL) > 0;
	}
	fclose(children);
	return any_waited;
}

void launch_adopt_orphans(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void launch_bury_orphans(void)
{
	bury(NULL, 0);
}

void launch_end_orphans(const struct launch *launch)
{
	uint64_t deadline =
		launch_now_ns() + ORPHANS_END_MS * UINT64_C(1000000);

	while (bury(launch, deadline) && launch_now_ns() < deadline)
		;
}
