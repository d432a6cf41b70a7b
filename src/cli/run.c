/*
 * run.c: `mmsim run [OPTIONS] PROGRAM [ARGUMENT...]`, one program on a machine.
 *
 * Everything that can be wrong is found before the program starts.  Then mmsim
 * is as silent as can be: what it tells goes to standard error and to the files
 * that were asked for, and its exit status is the program's.
 */
#include "cli/run.h"

#include "cli/argument.h"
#include "cli/command.h"
#include "cli/fail_each.h"
#include "cli/gnuplot.h"
#include "cli/jobs.h"
#include "cli/report.h"

#include <argp.h>
#include <err.h>
#include <limits.h>
#include <string.h>

enum {
	OPTION_REPORT = 0x5200,
	OPTION_TRACE,
	OPTION_PLOT,
	OPTION_FAIL_AT,
	OPTION_FAIL_AFTER,
	OPTION_FAIL_COUNT,
	OPTION_FAIL_EACH,
	OPTION_JOBS,
	OPTION_MAX_RUNS,
	OPTION_SPREAD,
	OPTION_STATUS,
	OPTION_TIMEOUT,
};

static const struct argp_option options_list[] = {
	{"report", OPTION_REPORT, "FILE", 0,
	 "Write what the machine went through as JSON; for -, as text to "
	 "standard "
	 "error",
	 0},
	{"trace", OPTION_TRACE, "FILE", 0,
	 "Write the events over virtual time, a line each", 0},
	{"plot", OPTION_PLOT, "FILE.svg", 0,
	 "Draw RSS, swap and commit over virtual time (with gnuplot)", 0},
	{"fail-at", OPTION_FAIL_AT, "N", 0,
	 "Refuse the Nth request for memory to the system", 0},
	{"fail-after", OPTION_FAIL_AFTER, "SIZE", 0,
	 "Refuse all requests once so much was granted", 0},
	{"fail-count", OPTION_FAIL_COUNT, "N|all", 0,
	 "With --fail-at and --fail-each: refuse so many requests, from that "
	 "one on [1]",
	 0},
	{"fail-each", OPTION_FAIL_EACH, NULL, 0,
	 "Run the program once for each request that can be refused, and print "
	 "how these runs end",
	 0},
	{"spread", OPTION_SPREAD, NULL, 0,
	 "Let the program use all CPUs of the host, not one", 0},
	{"timeout", OPTION_TIMEOUT, "SECONDS", 0,
	 "Kill the program then [never; with --fail-each 20 times as long as "
	 "without a refusal, at least 10]",
	 0},
	{"max-runs", OPTION_MAX_RUNS, "N", 0,
	 "With --fail-each: the most runs that there may be [10000]", 0},
	{"success-status", OPTION_STATUS, "N[,N...]", 0,
	 "With --fail-each: exit statuses that are clean, beside the one "
	 "without a refusal",
	 0},
	{"jobs", OPTION_JOBS, "N", 0,
	 "With --fail-each: runs at a time [the CPUs]", 0},
	{0},
};

/* How many requests are refused from the first one on. */
static uint64_t read_fail_count(struct argp_state *state, const char *arg)
{
	if (strcmp(arg, "all") == 0)
		return UINT64_MAX;
	if (arg[strspn(arg, "0123456789")] != '\0')
		argp_error(state,
			   "--fail-count=%s: a number from 1 on, or all, is "
			   "allowed",
			   arg);
	return argument_number(state, "fail-count", arg, 1, UINT64_MAX);
}

/* Which options need others, or exclude them. */
static void check_together(const struct run_options *options,
			   struct argp_state *state)
{
	const struct {
		const char *name;
		bool is_given, excludes_each, needs_each;
	} all[] = {
		{"trace", options->trace.path, true, false},
		{"plot", options->plot.path, true, false},
		{"fail-at", options->fail_at, true, false},
		{"fail-after", options->fail_after_bytes, true, false},
		{"spread", options->spread, true, false},
		{"max-runs", options->max_runs, false, true},
		{"success-status", options->has_statuses, false, true},
		{"jobs", options->jobs, false, true},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].is_given)
			continue;
		if (all[i].excludes_each && options->fail_each)
			argp_error(state,
				   "--%s and --fail-each: one is allowed",
				   all[i].name);
		if (all[i].needs_each && !options->fail_each)
			argp_error(state, "--%s: --fail-each is needed, too",
				   all[i].name);
	}
	if (options->fail_count && !options->fail_at && !options->fail_each)
		argp_error(state, "--fail-count: --fail-at or --fail-each is "
				  "needed, too");
}

/* The options about failing on purpose. */
static error_t parse_failing(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case OPTION_FAIL_AT:
		options->fail_at =
			argument_number(state, "fail-at", arg, 1, UINT64_MAX);
		return 0;
	case OPTION_FAIL_AFTER:
		options->fail_after_bytes =
			argument_size(state, "fail-after", arg, 1, "64M");
		return 0;
	case OPTION_FAIL_COUNT:
		options->fail_count = read_fail_count(state, arg);
		return 0;
	case OPTION_FAIL_EACH:
		options->fail_each = true;
		return 0;
	case OPTION_MAX_RUNS:
		options->max_runs = argument_number(state, "max-runs", arg, 1,
						    FAIL_EACH_MOST_RUNS);
		return 0;
	case OPTION_STATUS:
		options->has_statuses = true;
		argument_statuses(state, "success-status", arg,
				  &options->statuses);
		return 0;
	case OPTION_JOBS:
		options->jobs =
			argument_count(state, "jobs", arg, JOBS_AT_ONCE);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->machine;
		return 0;
	case OPTION_REPORT:
		options->report.path = arg;
		return 0;
	case OPTION_TRACE:
		options->trace.path = arg;
		return 0;
	case OPTION_PLOT:
		options->plot.path = arg;
		return 0;
	case OPTION_SPREAD:
		options->spread = true;
		return 0;
	case OPTION_TIMEOUT:
		options->timeout_s = (unsigned)argument_number(state, "timeout",
							       arg, 1, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		options->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	/* When the machine has been judged. */
	case ARGP_KEY_SUCCESS:
		if (!options->argv)
			argp_error(state, "a program is needed");
		check_together(options, state);
		return 0;
	default:
		return parse_failing(key, arg, state);
	}
}

static const struct argp run_argp = {
	.options = options_list,
	.parser = parse_run,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Runs a program with its heap on the simulated machine that the "
	       "options describe."
	       "\v"
	       "Exit status: the program's; 128 + signal when one ended it "
	       "(137: "
	       "the machine's OOM killer); 127: the program is not there; 126: "
	       "it "
	       "cannot be run, or not with a library preloaded; 125: an error "
	       "of "
	       "mmsim's own; 124: no right to handle page faults of the host.",
	.children = machine_options_children,
};

/* Two results in one file would be none. */
static int check_outputs(const struct output *const outputs[3])
{
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < i; j++)
			if (outputs[i]->path && outputs[j]->path &&
			    strcmp(outputs[i]->path, "-") != 0 &&
			    strcmp(outputs[i]->path, outputs[j]->path) == 0) {
				warnx("%s and %s name the same file: %s",
				      outputs[j]->option, outputs[i]->option,
				      outputs[i]->path);
				return EXIT_MMSIM;
			}
	return 0;
}

static int open_outputs(struct run_options *options)
{
	struct output *const outputs[3] = {&options->report, &options->trace,
					   &options->plot};
	int status = check_outputs((const struct output *const *)outputs);

	if (status == 0)
		status = gnuplot_open(&options->plot);
	if (status == 0)
		status = output_open(&options->report);
	if (status == 0)
		status = output_open(&options->trace);
	return status;
}

static int write_outputs(struct run_options *options,
			 const struct launch *launch)
{
	int status = 0;

	if (options->report.file == stderr) {
		report_write_text(launch, stderr);
	} else if (options->report.file) {
		report_write_json(launch, output_begin(&options->report));
		status |= output_end(&options->report);
	}
	if (options->trace.file) {
		trace_write(launch, output_begin(&options->trace));
		status |= output_end(&options->trace);
	}
	if (options->plot.file) {
		status |= plot_write(launch, &options->plot);
		status |= output_end(&options->plot);
	}
	return status;
}

static int run_each(struct run_options *options)
{
	struct fail_each_options each = {
		.machine = options->machine.spec,
		.argv = options->argv,
		.report = &options->report,
		.timeout_s = options->timeout_s,
		.fail_count = options->fail_count,
		.max_runs = options->max_runs,
		.jobs = options->jobs,
		.clean = options->statuses,
	};

	return fail_each(&each);
}

int run_main(int argc, char **argv)
{
	struct run_options options = {
		.report = {.option = "--report"},
		.trace = {.option = "--trace"},
		.plot = {.option = "--plot"},
	};
	struct launch launch = {0};
	char path[PATH_MAX];
	int status, failed;

	argp_parse(&run_argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	status = launch_check_program(options.argv[0], path, sizeof(path));
	if (status == 0)
		status = launch_check_machine(options.machine.spec);
	if (status == 0)
		status = open_outputs(&options);
	if (status)
		return status;
	if (options.fail_each)
		return run_each(&options);
	launch.machine = options.machine.spec;
	launch.argv = options.argv;
	launch.fail_at = options.fail_at;
	launch.fail_count = options.fail_count;
	launch.fail_after_bytes = options.fail_after_bytes;
	launch.want_events = options.trace.file || options.plot.file;
	launch.no_randomize = true;
	launch.timeout_ms = options.timeout_s * 1000;
	launch.spread = options.spread;
	status = launch_start(&launch);
	if (status)
		return status;
	launch_wait(&launch);
	report_always(&launch);
	failed = write_outputs(&options, &launch);
	status = failed ? failed : launch_exit_status(&launch);
	launch_free(&launch);
	return status;
}
