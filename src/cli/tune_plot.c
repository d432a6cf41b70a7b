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

/* Parts of the picture's width and height within which numbers would cover each
 * other. */
enum { PLOT_NEAR_X = 20, PLOT_NEAR_Y = 16 };

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The numbers of rows, those close together in one text at the first of them. */
static void write_labels(const struct tune *tune, FILE *to)
{
	bool *has_label = calloc(tune->nr_rows, sizeof(*has_label));
	uint64_t calls = 0, kb = 0;

	if (!has_label)
		err(EXIT_MMSIM, "no memory");
	for (size_t i = 0; i < tune->nr_rows; i++) {
		has_label[i] = tune->rows[i].failed;
		if (has_label[i])
			continue;
		calls = MAX(calls, tune_calls(&tune->rows[i]));
		kb = MAX(kb, tune->rows[i].peak_rss_kb);
	}
	for (size_t i = 0; i < tune->nr_rows; i++) {
		const struct tune_row *row = &tune->rows[i], *other;

		if (has_label[i])
			continue;
		fprintf(to, "%" PRIu64 " %.3f %zu", tune_calls(row),
			(double)row->peak_rss_kb / 1024, i);
		for (size_t k = i + 1; k < tune->nr_rows; k++) {
			other = &tune->rows[k];
			if (has_label[k] ||
			    distance(tune_calls(row), tune_calls(other)) >
				    calls / PLOT_NEAR_X ||
			    distance(row->peak_rss_kb, other->peak_rss_kb) >
				    kb / PLOT_NEAR_Y)
				continue;
			has_label[k] = true;
			fprintf(to, ",%zu", k);
		}
		putc('\n', to);
	}
	free(has_label);
}

int tune_plot(const struct tune *tune, FILE *out)
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
		status = gnuplot_draw("--plot", script, out);
	}
	free(script);
	return status;
}
