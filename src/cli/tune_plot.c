/*
 * tune_plot.c: memory against system calls, a point for each row.
 *
 *     peak RSS |  3
 *              |     1          numbers are rows; a ring is about those
 *              |        0       on the Pareto front
 *              +-----------
 *                system calls
 */
#include "cli/tune.h"

#include "cli/command.h"
#include "cli/gnuplot.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/param.h>

static void write_points(const struct tune *tune, bool on_front, FILE *to)
{
	for (size_t i = 0; i < tune->nr_rows; i++) {
		const struct tune_row *row = &tune->rows[i];

		if (!row->failed && (row->on_front || !on_front))
			fprintf(to, "%" PRIu64 " %.3f\n", tune_calls(row),
				(double)row->peak_rss_kb / 1024);
	}
}

enum {
	/* Parts of the picture's width and height within which numbers would
	 * cover each other. */
	PLOT_NEAR_X = 20,
	PLOT_NEAR_Y = 16,
	PLOT_RANGES = 4, /* of rows in one text, before "..." */
};

/* The right and upper end of the picture. */
struct plot_range {
	uint64_t calls, kb;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool is_near(const struct tune_row *a, const struct tune_row *b,
		    struct plot_range range)
{
	return distance(tune_calls(a), tune_calls(b)) <=
		       range.calls / PLOT_NEAR_X &&
	       distance(a->peak_rss_kb, b->peak_rss_kb) <=
		       range.kb / PLOT_NEAR_Y;
}

/* "1-3,7": those that are marked; the marks go. */
static void write_numbers(bool *is_marked, size_t nr, FILE *to)
{
	unsigned nr_ranges = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t first = i;

		if (!is_marked[i])
			continue;
		for (; i < nr && is_marked[i]; i++)
			is_marked[i] = false;
		if (nr_ranges++ >= PLOT_RANGES)
			continue;
		fprintf(to, "%s%zu", nr_ranges > 1 ? "," : "", first);
		if (i - first > 1)
			fprintf(to, "-%zu", i - 1);
	}
	fputs(nr_ranges > PLOT_RANGES ? ",...\n" : "\n", to);
}

/* The numbers of rows, those close together in one text at the first of them. */
static void write_labels(const struct tune *tune, FILE *to)
{
	bool *is_done = calloc(tune->nr_rows, sizeof(*is_done));
	bool *is_here = calloc(tune->nr_rows, sizeof(*is_here));
	struct plot_range range = {0, 0};

	if (!is_done || !is_here)
		err(EXIT_MMSIM, "no memory");
	for (size_t i = 0; i < tune->nr_rows; i++) {
		is_done[i] = tune->rows[i].failed;
		if (is_done[i])
			continue;
		range.calls = MAX(range.calls, tune_calls(&tune->rows[i]));
		range.kb = MAX(range.kb, tune->rows[i].peak_rss_kb);
	}
	for (size_t i = 0; i < tune->nr_rows; i++) {
		const struct tune_row *row = &tune->rows[i];

		if (is_done[i])
			continue;
		for (size_t k = i; k < tune->nr_rows; k++)
			if (!is_done[k] && is_near(row, &tune->rows[k], range))
				is_done[k] = is_here[k] = true;
		fprintf(to, "%" PRIu64 " %.3f ", tune_calls(row),
			(double)row->peak_rss_kb / 1024);
		write_numbers(is_here, tune->nr_rows, to);
	}
	free(is_here);
	free(is_done);
}

int tune_plot(const struct tune *tune, struct output *plot)
{
	char *script = NULL;
	size_t len;
	FILE *to = open_memstream(&script, &len);
	int status;

	if (!to)
		err(EXIT_MMSIM, "no memory");
	fputs("set terminal svg size 900,540 noenhanced background 'white'\n"
	      "set encoding utf8\n"
	      "set xlabel 'system calls for memory'\n"
	      "set ylabel 'peak RSS, MB'\n"
	      "set xrange [0:*]\n"
	      "set yrange [0:*]\n"
	      "set offsets graph 0, graph 0.05, graph 0.1, 0\n"
	      "set key outside bottom center horizontal\n"
	      "set grid\n",
	      to);
	gnuplot_title(tune->options->argv, to);
	fputs("$all << END\n", to);
	write_points(tune, false, to);
	fputs("END\n$front << END\n", to);
	write_points(tune, true, to);
	fputs("END\n$labels << END\n", to);
	write_labels(tune, to);
	fputs("END\n", to);
	if (tune->best[0] < tune->nr_rows)
		fputs("plot $all using 1:2 with points pt 7 title 'settings', "
		      "$labels using 1:2:3 with labels left offset 0,0.9 "
		      "notitle, "
		      "$front using 1:2 with points pt 6 ps 1.6 lw 2 "
		      "title 'Pareto front'\n",
		      to);
	if (fclose(to) != 0)
		err(EXIT_MMSIM, "no memory");
	if (tune->best[0] == tune->nr_rows) {
		warnx("--plot: no run was a success, so nothing is drawn");
		status = 0;
	} else {
		status = gnuplot_draw(script, plot);
	}
	free(script);
	return status;
}
