/*
 * oom.c: the first experiment, end to end.
 *
 * A machine with 1 GB of RAM, no swap and overcommit_memory=1 grants a task
 * 2000 MB.  Nothing is resident until it is written; when the task writes page
 * by page the machine runs out of frames, and the OOM killer ends the task at
 * the page where Linux would.
 *
 *     oom [SPEC [MEGABYTES]]
 */
#include <mmsim/kernel.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct mmsim_machine *machine;

/* A field of a file of /proc, such as MemFree of /proc/meminfo, in kB. */
static long field(const char *path, const char *name)
{
	static char text[1 << 16];
	const char *at;

	if (mmsim_proc_read(machine, path, text, sizeof text) < 0)
		return -1;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

static void show(const char *when, int pid)
{
	char status[64];

	snprintf(status, sizeof status, "/proc/%d/status", pid);
	printf("%-28s MemFree %7ld kB, Committed_AS %7ld kB, VmSize %7ld kB, "
	       "VmRSS %7ld kB\n",
	       when, field("/proc/meminfo", "MemFree"),
	       field("/proc/meminfo", "Committed_AS"),
	       field(status, "VmSize"), field(status, "VmRSS"));
}

/* Writes one byte to each page; the number of pages that took it. */
static long write_pages(struct mmsim_task *task, uintptr_t start, size_t bytes,
			int *sig)
{
	size_t at;

	for (at = 0; at < bytes; at += 4096) {
		*sig = mmsim_store(task, start + at, "x", 1);
		if (*sig)
			break;
	}
	return (long)(at / 4096);
}

static void print_log(void)
{
	static char text[1 << 18];

	mmsim_machine_log(machine, text, sizeof text);
	printf("\nthe kernel log:\n%s", text);
}

int main(int argc, char **argv)
{
	const char *spec =
		argc > 1 ? argv[1] : "ram=1G,vm.overcommit_memory=1";
	size_t bytes = (argc > 2 ? strtoul(argv[2], NULL, 0) : 2000) << 20;
	struct mmsim_task *task;
	char why[200];
	intptr_t start;
	int sig = 0;
	long pages;

	if (mmsim_spec_check(spec, why, sizeof why)) {
		fprintf(stderr, "oom: %s\n", why);
		return 2;
	}
	if (mmsim_machine_boot(spec, &machine) ||
	    mmsim_task_spawn(machine, "hog", &task)) {
		fprintf(stderr, "oom: the machine does not boot\n");
		return 1;
	}
	show("at the start", mmsim_task_pid(task));
	start = mmsim_mmap(task, 0, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	if (start < 0) {
		printf("mmap of %zu MB: %s\n", bytes >> 20,
		       strerror((int)-start));
		mmsim_machine_shutdown(machine);
		return 0;
	}
	show("after mmap", mmsim_task_pid(task));
	pages = write_pages(task, (uintptr_t)start, bytes, &sig);
	if (sig)
		printf("killed by signal %d after %ld pages, %.1f MB\n", sig,
		       pages, (double)pages / 256);
	else
		show("all is written", mmsim_task_pid(task));
	printf("%-28s MemFree %7ld kB\n", "afterwards",
	       field("/proc/meminfo", "MemFree"));
	print_log();
	mmsim_machine_shutdown(machine);
	return 0;
}
