/*
 * run_plot.c: RSS, swap and commit of the program over virtual time, drawn by
 * gnuplot(1).
 *
 * gnuplot reads its commands and the data from a pipe and writes the picture to
 * the file.  Of a long run the largest values of PLOT_POINTS equal parts are
 * drawn, so that no peak is lost.
 */
#include "cli/run.h"

#include "cli/command.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLOT_POINTS = 2000 };

/* The largest values of some neighbouring events. */
struct plot_point {
	uint64_t time_ns; /* of the first */
	uint64_t rss_kb, swap_kb, committed_kb;
};

bool plot_is_possible(void)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];

	while (dirs && *dirs) {
		int len = (int)strcspn(dirs, ":");

		if (snprintf(path, sizeof(path), "%.*s/gnuplot", len, dirs) <
			    (int)sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		dirs += len + (dirs[len] == ':');
	}
	warnx("--plot: gnuplot is not installed, so nothing is drawn (Debian: "
	      "gnuplot-nox)");
	return false;
}

static void widen(struct plot_point *point, const struct run_event *event)
{
	if (event->rss_kb > point->rss_kb)
		point->rss_kb = event->rss_kb;
	if (event->swap_kb > point->swap_kb)
		point->swap_kb = event->swap_kb;
	if (event->committed_kb > point->committed_kb)
		point->committed_kb = event->committed_kb;
}

static bool is_of(const struct run_event *event, uint32_t process)
{
	return event->kind != 0 && event->process == process;
}

/* s and MB, one point a line. */
static void write_points(const struct run_area *area, uint32_t process,
			 FILE *out)
{
	uint64_t nr =
		area->nr_events < RUN_EVENTS ? area->nr_events : RUN_EVENTS;
	uint64_t count = 0, part, seen = 0;
	struct plot_point point = {0};

	for (uint64_t i = 0; i < nr; i++)
		count += is_of(&area->events[i], process);
	part = count / PLOT_POINTS + 1;
	for (uint64_t i = 0; i < nr; i++) {
		const struct run_event *event = &area->events[i];

		if (!is_of(event, process))
			continue;
		if (seen % part == 0)
			point = (struct plot_point){.time_ns = event->time_ns};
		widen(&point, event);
		if (++seen % part == 0 || seen == count)
			fprintf(out, "%.9f %.3f %.3f %.3f\n",
				(double)point.time_ns / 1e9,
				(double)point.rss_kb / 1024,
				(double)point.swap_kb / 1024,
				(double)point.committed_kb / 1024);
	}
}

/* As a string of gnuplot in single quotes. */
static void write_title(const struct launch *launch, FILE *out)
{
	fputs("set title '", out);
	for (char *const *arg = launch->argv; *arg; arg++) {
		if (arg != launch->argv)
			fputc(' ', out);
		for (const char *at = *arg; *at; at++) {
			if (*at == '\'')
				fputc('\'', out);
			fputc((unsigned char)*at < ' ' ? ' ' : *at, out);
		}
	}
	fputs("'\n", out);
}

static void write_script(const struct launch *launch,
			 const struct run_process *process, FILE *out)
{
	fputs("set terminal svg size 900,540 noenhanced background 'white'\n"
	      "set encoding utf8\n"
	      "set xlabel 'virtual time, s'\n"
	      "set ylabel 'MB'\n"
	      "set yrange [0:*]\n"
	      "set key outside bottom center horizontal\n"
	      "set grid\n",
	      out);
	write_title(launch, out);
	fputs("$data << END\n", out);
	write_points(launch->area,
		     (uint32_t)(process - launch->area->processes), out);
	fputs("END\n"
	      "plot $data using 1:2 with steps lw 2 title 'RSS', "
	      "$data using 1:3 with steps lw 2 title 'swap', "
	      "$data using 1:4 with steps lw 2 title 'Committed_AS'",
	      out);
	if (process->overcommit_memory == 2)
		fprintf(out, ", %.3f with lines dt 2 title 'CommitLimit'",
			(double)process->commit_limit_kb / 1024);
	fputs("\n", out);
}

static bool has_events(const struct launch *launch, uint32_t process)
{
	const struct run_area *area = launch->area;

	for (uint64_t i = 0; i < area->nr_events && i < RUN_EVENTS; i++)
		if (is_of(&area->events[i], process))
			return true;
	return false;
}

/* gnuplot with standard output in the file; its pid, and *input to write to. */
static pid_t start_gnuplot(FILE *out, FILE **input)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[0], 0);
		dup2(fileno(out), 1);
		close(fds[0]);
		close(fds[1]);
		execlp("gnuplot", "gnuplot", "-", (char *)NULL);
		_exit(EXIT_NOT_FOUND);
	}
	close(fds[0]);
	*input = pid > 0 ? fdopen(fds[1], "w") : NULL;
	if (!*input)
		close(fds[1]);
	return pid;
}

int plot_write(const struct launch *launch, FILE *out)
{
	const struct run_process *process = launch_first(launch);
	void (*old)(int);
	FILE *input;
	int status = -1;
	pid_t pid;

	if (!process ||
	    !has_events(launch,
			(uint32_t)(process - launch->area->processes))) {
		warnx("--plot: nothing was simulated, so nothing is drawn");
		return 0;
	}
	old = signal(SIGPIPE, SIG_IGN);
	pid = start_gnuplot(out, &input);
	if (pid > 0 && input) {
		write_script(launch, process, input);
		fclose(input);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	signal(SIGPIPE, old);
	if (pid > 0 && input && status == 0)
		return 0;
	warnx("--plot: gnuplot could not draw it");
	return EXIT_MMSIM;
}
