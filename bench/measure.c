/*
 * measure: runs a program and writes what it cost.
 *
 *     measure -o FILE [-p LIBRARY] [-m MACHINE] [-i INPUT] [-k] PROGRAM
 *             [ARGUMENT...]
 *
 * FILE gets one line: status (exit code, or 128 + signal), user seconds,
 * system seconds, wall seconds, minor faults, major faults, peak RSS in KiB;
 * children that the program waited for are included (the peak is the largest
 * of them).  LIBRARY is preloaded into the program, not into measure.  INPUT
 * becomes the program's standard input; its standard output goes nowhere
 * unless -k keeps it.
 *
 * MACHINE is the simulated machine of the program (MMSIM_MACHINE).  The process
 * that serves it outlives the program for a moment, and its time counts: it
 * comes to this process, the reaper of what is left behind, as a child.
 *
 * Why a program of its own: the kernel counts the pages that a process had
 * before it called exec into its peak RSS, so the parent must be small.  A
 * Python parent would hide every small program's true peak.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct request {
	const char *output;  /* the file for the figures */
	const char *library; /* to preload, or NULL */
	const char *machine; /* MMSIM_MACHINE, or NULL */
	const char *input;   /* standard input, or NULL: /dev/null */
	int keep_output;     /* -k: leave standard output alone */
	char **argv;
};

static void fail(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	exit(125);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void redirect(const char *path, int flags, int fd)
{
	int opened = open(path, flags);

	if (opened < 0 || dup2(opened, fd) < 0)
		fail(path);
	close(opened);
}

static void start(const struct request *r)
{
	redirect(r->input ? r->input : "/dev/null", O_RDONLY, STDIN_FILENO);
	if (!r->keep_output)
		redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
	if (r->library)
		setenv("LD_PRELOAD", r->library, 1);
	if (r->machine)
		setenv("MMSIM_MACHINE", r->machine, 1);
	execvp(r->argv[0], r->argv);
	fail(r->argv[0]);
}

static struct request parse(int argc, char **argv)
{
	struct request r = {.output = NULL};
	int c;

	while ((c = getopt(argc, argv, "+o:p:m:i:k")) != -1) {
		switch (c) {
		case 'o':
			r.output = optarg;
			break;
		case 'p':
			r.library = optarg;
			break;
		case 'm':
			r.machine = optarg;
			break;
		case 'i':
			r.input = optarg;
			break;
		case 'k':
			r.keep_output = 1;
			break;
		default:
			r.output = NULL;
			optind = argc;
			break;
		}
	}
	if (!r.output || optind >= argc) {
		fprintf(stderr, "usage: measure -o FILE [-p LIBRARY] [-m "
				"MACHINE] [-i INPUT] [-k] PROGRAM "
				"[ARGUMENT...]\n");
		exit(125);
	}
	r.argv = argv + optind;
	return r;
}

static void write_figures(const char *path, int status, const struct rusage *u,
			  double wall)
{
	FILE *f = fopen(path, "w");

	if (!f)
		fail(path);
	fprintf(f, "%d %.6f %.6f %.6f %ld %ld %ld\n",
		WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				    : WEXITSTATUS(status),
		seconds(u->ru_utime), seconds(u->ru_stime), wall, u->ru_minflt,
		u->ru_majflt, u->ru_maxrss);
	if (fclose(f))
		fail(path);
}

/* What the program and those it left behind have used. */
static void add_servers(struct rusage *usage)
{
	while (wait4(-1, NULL, __WALL, NULL) > 0 || errno == EINTR)
		;
	getrusage(RUSAGE_CHILDREN, usage);
}

int main(int argc, char **argv)
{
	struct request r = parse(argc, argv);
	struct rusage usage;
	double begin = now(), wall;
	pid_t child;
	int status;

	if (r.machine && prctl(PR_SET_CHILD_SUBREAPER, 1))
		fail("prctl");
	child = fork();
	if (child < 0)
		fail("fork");

	if (child == 0)
		start(&r);
	if (wait4(child, &status, 0, &usage) != child)
		fail("wait4");
	wall = now() - begin;
	if (r.machine)
		add_servers(&usage);
	write_figures(r.output, status, &usage, wall);
	return 0;
}
