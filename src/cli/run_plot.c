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
#include "cli/gnuplot.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>

enum { PLOT_POINTS = 2000 };

/* The largest values of some neighbouring events. */
struct plot_point {
	uint64_t time_ns; /* of the first */
	uint64_t rss_kb, swap_kb, committed_kb;
};

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
	gnuplot_title(launch->argv, out);
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

int plot_write(const struct launch *launch, struct output *plot)
{
	const struct run_process *process = launch_first(launch);
	char *script = NULL;
	size_t len;
	FILE *to;
	int status;

	if (!process ||
	    !has_events(launch,
			(uint32_t)(process - launch->area->processes))) {
		warnx("--plot: nothing was simulated, so nothing is drawn");
		return 0;
	}
	to = open_memstream(&script, &len);
	if (!to)
		err(EXIT_MMSIM, "no memory");
	write_script(launch, process, to);
	if (fclose(to) != 0)
		err(EXIT_MMSIM, "no memory");
	status = gnuplot_draw(script, plot);
	free(script);
	return status;
}
