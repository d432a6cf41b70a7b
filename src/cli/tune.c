/*
 * tune.c: `mmsim tune`, the options of the allocator tried out on a program.
 */
#include "cli/tune.h"

#include "cli/argument.h"
#include "cli/command.h"
#include "cli/gnuplot.h"
#include "cli/jobs.h"
#include "cli/pareto.h"

#include <argp.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_SET = 0x100,
	OPTION_STATUS,
	OPTION_TIMEOUT,
	OPTION_JOBS,
	OPTION_JSON,
	OPTION_CSV,
	OPTION_PLOT,
	OPTION_VERIFY,
};

static const struct argp_option argp_options[] = {
	{"set", OPTION_SET, "NAME=VALUE[,VALUE...]", 0,
	 "Values to try for an option of the allocator, as in "
	 "M_TRIM_THRESHOLD=64K,-1; may be given for several options",
	 0},
	{"success-status", OPTION_STATUS, "N[,N...]", 0,
	 "Exit statuses that mean success, beside 0", 0},
	{"timeout", OPTION_TIMEOUT, "SECONDS", 0,
	 "What a run may take [there is no limit]", 0},
	{"jobs", OPTION_JOBS, "N", 0, "Runs at a time [the CPUs]", 0},
	{"json", OPTION_JSON, NULL, 0, "Print JSON in place of the table", 0},
	{"csv", OPTION_CSV, NULL, 0,
	 "Print values with commas between them in place of the table", 0},
	{"plot", OPTION_PLOT, "FILE.svg", 0,
	 "Draw memory against system calls (with gnuplot)", 0},
	{"verify", OPTION_VERIFY, NULL, 0,
	 "Run what is recommended on the host, too", 0},
	{0},
};

static void add_setting(struct tune_options *options, const char *text,
			struct argp_state *state)
{
	char why[1024];

	if (!setting_add(&options->setting, text, why, sizeof(why)))
		argp_error(state, "--set: %s", why);
	if (setting_count(&options->setting) > SETTING_COMBINATIONS)
		argp_error(state,
			   "--set=%s: there are more than %d combinations then",
			   text, SETTING_COMBINATIONS);
}

static error_t parse_own_option(int key, char *arg, struct argp_state *state)
{
	struct tune_options *options = state->input;

	switch (key) {
	case OPTION_SET:
		add_setting(options, arg, state);
		return 0;
	case OPTION_STATUS:
		argument_statuses(state, "success-status", arg,
				  &options->statuses);
		return 0;
	case OPTION_TIMEOUT:
		options->timeout_s = (unsigned)argument_number(state, "timeout",
							       arg, 1, 1000000);
		return 0;
	case OPTION_JOBS:
		options->jobs =
			argument_count(state, "jobs", arg, JOBS_AT_ONCE);
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_CSV:
		options->csv = true;
		return 0;
	case OPTION_PLOT:
		options->plot.path = arg;
		return 0;
	case OPTION_VERIFY:
		options->verify = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_tune(int key, char *arg, struct argp_state *state)
{
	struct tune_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->machine;
		return 0;
	case ARGP_KEY_ARGS:
		options->argv = state->argv + state->next;
		return 0;
	/* When the machine has been judged. */
	case ARGP_KEY_SUCCESS:
		if (!options->argv)
			argp_error(state, "a program is needed");
		if (options->setting.nr_axes == 0)
			argp_error(state, "--set is needed");
		if (options->json && options->csv)
			argp_error(state, "--json and --csv: one is allowed");
		return 0;
	default:
		return parse_own_option(key, arg, state);
	}
}

static const struct argp tune_argp = {
	.options = argp_options,
	.parser = parse_tune,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Runs PROGRAM on a simulated machine once for each combination "
	       "of the values that --set gives, and tells what each costs and "
	       "which is best for what."
	       "\v"
	       "Exit status: 0; 1: a run was no success; 124 to 127: as of "
	       "mmsim run.",
	.children = machine_options_children,
};

/* ---- what the rows say ---- */

uint64_t tune_calls(const struct tune_row *row)
{
	uint64_t nr = 0;

	for (int i = 0; i < NR_RUN_REQUESTS; i++)
		nr += row->nr_calls[i];
	return nr;
}

uint64_t tune_faults(const struct tune_row *row)
{
	return row->min_flt + row->maj_flt;
}

const char *tune_aim_name(enum tune_aim aim)
{
	static const char *const names[TUNE_AIMS] = {
		[TUNE_LEAST_MEMORY] = "least memory",
		[TUNE_FEWEST_CALLS] = "fewest system calls",
		[TUNE_FEWEST_FAULTS] = "fewest faults",
	};

	return names[aim];
}

bool tune_has_failed(const struct tune *tune)
{
	for (size_t i = 0; i < tune->nr_rows; i++)
		if (tune->rows[i].failed)
			return true;
	return false;
}

/* What rows are compared by; of equal ones the earlier figures decide. */
enum { FIGURE_PEAK, FIGURE_FINAL, FIGURE_CALLS, FIGURE_FAULTS, FIGURES };

static void judge(struct tune *tune)
{
	static const unsigned figure_of[TUNE_AIMS] = {
		[TUNE_LEAST_MEMORY] = FIGURE_PEAK,
		[TUNE_FEWEST_CALLS] = FIGURE_CALLS,
		[TUNE_FEWEST_FAULTS] = FIGURE_FAULTS,
	};
	size_t nr = tune->nr_rows;
	uint64_t *figures = calloc(nr * FIGURES, sizeof(*figures));
	bool *counts = calloc(nr, sizeof(*counts));
	bool *on_front = calloc(nr, sizeof(*on_front));
	struct pareto pareto = {nr, FIGURES, figures, counts};

	if (!figures || !counts || !on_front)
		err(EXIT_MMSIM, "no memory");
	for (size_t i = 0; i < nr; i++) {
		const struct tune_row *row = &tune->rows[i];
		uint64_t *of_row = figures + i * FIGURES;

		of_row[FIGURE_PEAK] = row->peak_rss_kb;
		of_row[FIGURE_FINAL] = row->final_rss_kb;
		of_row[FIGURE_CALLS] = tune_calls(row);
		of_row[FIGURE_FAULTS] = tune_faults(row);
		counts[i] = !row->failed;
	}
	pareto_mark(&pareto, on_front);
	for (size_t i = 0; i < nr; i++)
		tune->rows[i].on_front = on_front[i];
	for (unsigned aim = 0; aim < TUNE_AIMS; aim++)
		tune->best[aim] = pareto_best(&pareto, figure_of[aim]);
	free(figures);
	free(counts);
	free(on_front);
}

/* ---- all of it ---- */

static void make_rows(struct tune *tune)
{
	const struct setting *setting = &tune->options->setting;

	tune->nr_rows = setting_count(setting) + 1;
	tune->rows = calloc(tune->nr_rows, sizeof(*tune->rows));
	if (!tune->rows)
		err(EXIT_MMSIM, "no memory");
	tune->rows[0].label = strdup("(none)");
	for (size_t i = 1; i < tune->nr_rows; i++)
		tune->rows[i].label = setting_label(setting, i - 1);
	for (size_t i = 0; i < tune->nr_rows; i++)
		if (!tune->rows[i].label)
			err(EXIT_MMSIM, "no memory");
}

static void free_rows(struct tune *tune)
{
	for (size_t i = 0; i < tune->nr_rows; i++) {
		free(tune->rows[i].label);
		free(tune->rows[i].host);
	}
	free(tune->rows);
}

static int write_all(const struct tune *tune, struct tune_options *options)
{
	int status = 0;

	if (options->json)
		status = tune_json(tune, stdout) ? 0 : EXIT_MMSIM;
	else if (options->csv)
		status = tune_csv(tune, stdout) ? 0 : EXIT_MMSIM;
	else
		tune_text(tune, stdout);
	if (options->plot.file) {
		int drawn = tune_plot(tune, &options->plot);
		int written = output_end(&options->plot);

		if (status == 0)
			status = drawn ? drawn : written;
	}
	return status;
}

int tune_main(int argc, char **argv)
{
	static struct tune_options options;
	struct tune tune = {.options = &options};
	int status;

	options.statuses.is_clean[0] = true;
	options.jobs = jobs_cpus();
	options.plot.option = "--plot";
	argp_parse(&tune_argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	status = gnuplot_open(&options.plot);
	if (status)
		return status;
	make_rows(&tune);
	status = tune_run(&tune);
	if (status == 0) {
		judge(&tune);
		if (options.verify)
			status = tune_verify(&tune);
	}
	if (status == 0)
		status = write_all(&tune, &options);
	if (status == 0 && tune_has_failed(&tune))
		status = 1;
	free_rows(&tune);
	setting_free(&options.setting);
	return status;
}
