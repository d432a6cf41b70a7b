/*
 * launch_orphans.c: what programs leave behind when they have ended.
 *
 * A server is nobody's child, and outlives the process whose faults it serves by
 * a moment.  The first process of a container often waits for nobody, and
 * thousands of runs would leave it thousands of zombies.  So mmsim takes the
 * orphans of its programs (PR_SET_CHILD_SUBREAPER of prctl(2)) and waits for those
 * that have ended; at the end of a program it gives servers whose process is gone
 * time to end: they are known by their name, and by the pidfd that they have as
 * their descriptor 1.  What else a program leaves behind, as a daemon, goes on, and
 * to the first process when mmsim has ended.  But that of a quiet one ends with it:
 * thousands of runs would leave thousands of daemons.  It is known by its record in
 * the run area.
 *
 * Without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) nothing is buried.
 */
#include "cli/launch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As often, at this distance, servers that are about to end are looked for. */
enum { BURY_LOOKS = 2000, BURY_LOOK_NS = 1000000 };

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
	return strcmp(name, "mmsim-server\n") == 0;
}

/* The process that it serves is gone, or it has left it. */
static bool is_at_end(pid_t pid)
{
	char path[64], line[64];
	bool goes_on = false;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/1", (int)pid);
	info = fopen(path, "re");
	if (!info)
		return true;
	while (fgets(line, sizeof(line), info))
		goes_on |= strncmp(line, "Pid:", 4) == 0 && !strchr(line, '-');
	fclose(info);
	return !goes_on;
}

static bool has_record(const struct run_area *area, pid_t pid)
{
	uint32_t nr = __atomic_load_n(&area->nr_processes, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < nr && i < RUN_PROCESSES; i++)
		if (area->processes[i].pid == pid)
			return true;
	return false;
}

/* Buries the orphans that have ended; the number of those that soon will: servers,
 * and, where a launch is given, what it left behind, which is killed. */
static unsigned bury(const struct launch *launch)
{
	unsigned nr_alive = 0;
	char path[64];
	FILE *children;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	children = fopen(path, "re");
	if (!children)
		return 0;
	while (fscanf(children, "%d", &pid) == 1) {
		if (launch_is_own(pid) ||
		    waitpid(pid, NULL, WNOHANG | __WALL) != 0)
			continue;
		if (is_server(pid))
			nr_alive += is_at_end(pid);
		else if (launch && has_record(launch->area, pid))
			nr_alive += kill(pid, SIGKILL) == 0;
	}
	fclose(children);
	return nr_alive;
}

void launch_adopt_orphans(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void launch_bury_orphans(void)
{
	bury(NULL);
}

void launch_end_orphans(const struct launch *launch)
{
	struct timespec look = {0, BURY_LOOK_NS};
	unsigned nr_looks = BURY_LOOKS;

	while (bury(launch->quiet ? launch : NULL) > 0 && --nr_looks > 0)
		nanosleep(&look, NULL);
}
