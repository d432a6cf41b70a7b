/*
 * tune_text.c: the table of `mmsim tune`, and what it recommends.
 */
#include "cli/tune.h"

#include <inttypes.h>
#include <stdlib.h>

static double mb(uint64_t kb)
{
	return (double)kb / 1024;
}

static void print_row(const struct tune_row *row, size_t nr, FILE *to)
{
	fprintf(to, "%4zu%c %8.1f %8.1f %9" PRIu64 " %7" PRIu64, nr,
		row->on_front ? '*' : ' ', mb(row->peak_rss_kb),
		mb(row->final_rss_kb), row->min_flt, row->maj_flt);
	fprintf(to, " %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %7" PRIu64,
		row->nr_calls[RUN_BRK], row->nr_calls[RUN_MMAP],
		row->nr_calls[RUN_MUNMAP], row->nr_calls[RUN_MADVISE]);
	fprintf(to, " %6" PRIu64 " %8.1f %9.2f %8.2f  %s",
		row->nr_calls[RUN_MREMAP] + row->nr_calls[RUN_MPROTECT],
		mb((row->pswpin + row->pswpout) * 4),
		(double)row->kernel_ns / 1e6, (double)row->wall_ns / 1e9,
		row->label);
	if (row->failed)
		fprintf(to, "  FAILED: %s", row->why);
	putc('\n', to);
}

static void print_table(const struct tune *tune, FILE *to)
{
	fprintf(to, "%5s %8s %8s %9s %7s %6s %6s %6s %7s %6s %8s %9s %8s\n", "",
		"peak", "final", "minor", "major", "", "", "", "", "other",
		"swapped", "kernel", "wall");
	fprintf(to, "%5s %8s %8s %9s %7s %6s %6s %6s %7s %6s %8s %9s %8s  %s\n",
		"row ", "RSS, MB", "RSS, MB", "faults", "faults", "brk", "mmap",
		"munmap", "madvise", "calls", "MB", "time, ms", "time, s",
		"setting");
	for (size_t i = 0; i < tune->nr_rows; i++)
		print_row(&tune->rows[i], i, to);
	fputs("* on the Pareto front: no other row is as good in peak and "
	      "final "
	      "RSS, calls and faults, and better in one\n"
	      "Kernel time is the simulated machine's; wall time is the host's "
	      "while several ran, and a hint only.\n",
	      to);
}

/* A line to copy, which may leave options out: the strings are freed. */
static void print_line(FILE *to, const char *begin, char *line,
		       const char *comment, char *left_out)
{
	if (line && left_out)
		fprintf(to, "    %s%s %s without %s%s\n", begin, line, comment,
			left_out, comment[0] == '/' ? " */" : "");
	else if (line)
		fprintf(to, "    %s%s\n", begin, line);
	free(line);
	free(left_out);
}

static void print_lines(const struct tune *tune, size_t row, FILE *to)
{
	const struct setting *setting = &tune->options->setting;

	print_line(to, "export ", setting_export(setting, row - 1), "", NULL);
	print_line(to, "export ", setting_tunables(setting, row - 1), "#",
		   setting_no_tunables(setting, row - 1));
	print_line(to, "", setting_calls(setting, row - 1), "/*",
		   setting_no_calls(setting, row - 1));
}

static void print_recommendations(const struct tune *tune, FILE *to)
{
	for (unsigned aim = 0; aim < TUNE_AIMS; aim++) {
		size_t row = tune->best[aim];
		bool is_again = false;

		fprintf(to, "\n%s: ", tune_aim_name(aim));
		if (row == tune->nr_rows) {
			fputs("no run was a success\n", to);
			continue;
		}
		if (row == 0) {
			fputs("leave it as it is, no setting does better\n",
			      to);
			continue;
		}
		fprintf(to, "row %zu, %s\n", row, tune->rows[row].label);
		for (unsigned i = 0; i < aim; i++)
			is_again |= tune->best[i] == row;
		if (is_again)
			fputs("    as above\n", to);
		else
			print_lines(tune, row, to);
	}
}

static void print_change(uint64_t before, uint64_t after, FILE *to)
{
	if (before)
		fprintf(to, " %+7.1f%%",
			100.0 * ((double)after - (double)before) /
				(double)before);
	else
		fprintf(to, " %8s", "-");
}

/* Simulated and real figures, each with its change against row 0. */
static void print_verified(const struct tune *tune, FILE *to)
{
	const struct tune_row *first = &tune->rows[0];

	fprintf(to,
		"\nOn the host (the whole process; simulated is its heap):\n"
		"%4s %18s %18s %19s %19s\n",
		"row", "simulated peak, MB", "real peak, MB",
		"simulated faults", "real faults");
	for (size_t i = 0; i < tune->nr_rows; i++) {
		const struct tune_row *row = &tune->rows[i];
		const struct host_run *host = row->host;

		if (!host)
			continue;
		fprintf(to, "%4zu %9.1f", i, mb(row->peak_rss_kb));
		print_change(first->peak_rss_kb, row->peak_rss_kb, to);
		fprintf(to, " %9.1f", mb(host->peak_rss_kb));
		print_change(first->host->peak_rss_kb, host->peak_rss_kb, to);
		fprintf(to, " %10" PRIu64, tune_faults(row));
		print_change(tune_faults(first), tune_faults(row), to);
		fprintf(to, " %10" PRIu64, host->min_flt + host->maj_flt);
		print_change(first->host->min_flt + first->host->maj_flt,
			     host->min_flt + host->maj_flt, to);
		if (outcome_of(host->status, host->timed_out,
			       &tune->options->statuses)
			    .kind != OUTCOME_CLEAN)
			fputs("  FAILED", to);
		putc('\n', to);
	}
}

void tune_text(const struct tune *tune, FILE *to)
{
	print_table(tune, to);
	print_recommendations(tune, to);
	if (tune->rows[0].host)
		print_verified(tune, to);
}
