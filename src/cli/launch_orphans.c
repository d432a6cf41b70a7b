/*
 * launch_orphans.c: what programs leave behind when they have ended.
 *
 * A server is a child of the process whose faults it serves, and outlives it by
 * a moment.  Then it is an orphan; the first process of a container often waits
 * for nobody, and thousands of runs would leave it thousands of zombies.  So
 * mmsim takes the orphans of its programs (PR_SET_CHILD_SUBREAPER of prctl(2))
 * and waits for those that have ended; at the end of a program it gives the
 * servers, which it knows by their name, time to end.  What else a program leaves
 * behind goes on, and to the first process when mmsim has ended.
 *
 * Without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) nothing is buried.
 */
#include "cli/launch.h"

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

/* Buries the orphans that have ended; the number of servers that have not. */
static unsigned bury(void)
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
	while (fscanf(children, "%d", &pid) == 1)
		if (!launch_is_own(pid) &&
		    waitpid(pid, NULL, WNOHANG | __WALL) == 0 && is_server(pid))
			nr_alive++;
	fclose(children);
	return nr_alive;
}

void launch_adopt_orphans(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void launch_bury_orphans(bool all)
{
	struct timespec look = {0, BURY_LOOK_NS};
	unsigned nr_looks = all ? BURY_LOOKS : 1;

	while (bury() > 0 && --nr_looks > 0)
		nanosleep(&look, NULL);
}
