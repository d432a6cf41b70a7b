/*
 * run.c: `mmsim run [OPTIONS] PROGRAM [ARGUMENT...]`, one program on a machine.
 *
 * Everything that can be wrong is found before the program starts.  Then mmsim
 * is as silent as can be: what it tells goes to standard error and to the files
 * that were asked for, and its exit status is the program's.
 */
#include "cli/run.h"

#include "cli/command.h"
#include "cli/report.h"

#include <argp.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_REPORT = 0x5200,
	OPTION_TRACE,
	OPTION_PLOT,
	OPTION_FAIL_AT,
	OPTION_FAIL_AFTER,
	OPTION_SPREAD,
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
	{"spread", OPTION_SPREAD, NULL, 0,
	 "Let the program use all CPUs of the host, not one", 0},
	{0},
};

/* "64M"; false: it is no size. */
static bool read_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix = NULL;
	unsigned shift = 0;
	uintmax_t n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoumax(text, &end, 10);
	if (*end) {
		suffix = strchr(suffixes, *end & ~0x20);
		if (!suffix || end[1])
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	if (errno || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

static void read_fail_at(const char *arg, struct run_options *options,
			 struct argp_state *state)
{
	uintmax_t n;
	char *end;

	errno = 0;
	n = strtoumax(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || n == 0)
		argp_error(state,
			   "--fail-at=%s: a number from 1 to 2^64-1 is allowed",
			   arg);
	options->fail_at = n;
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
	case OPTION_FAIL_AT:
		read_fail_at(arg, options, state);
		return 0;
	case OPTION_FAIL_AFTER:
		if (!read_size(arg, &options->fail_after_bytes) ||
		    options->fail_after_bytes == 0)
			argp_error(state,
				   "--fail-after=%s: a size from 1 on is "
				   "allowed, as in 64M",
				   arg);
		return 0;
	case OPTION_SPREAD:
		options->spread = true;
		return 0;
	case ARGP_KEY_ARG:
		options->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	/* When the machine has been judged. */
	case ARGP_KEY_SUCCESS:
		if (!options->argv)
			argp_error(state, "a program is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&machine_options_argp, 0, "Machine:", 1},
	{0},
};

static const struct argp run_argp = {
	.options = options_list,
	.parser = parse_run,
	.args_doc = "PROGRAM [ARGUMENT...]",
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
	.children = children,
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

	if (options->plot.path && strcmp(options->plot.path, "-") == 0) {
		warnx("--plot=-: a file is needed");
		return EXIT_MMSIM;
	}
	if (options->plot.path && !plot_is_possible())
		options->plot.path = NULL;
	for (unsigned i = 0; i < 3 && status == 0; i++)
		status = output_open(outputs[i]);
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
		status |= plot_write(launch, output_begin(&options->plot));
		status |= output_end(&options->plot);
	}
	return status;
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
	launch.machine = options.machine.spec;
	launch.argv = options.argv;
	launch.fail_at = options.fail_at;
	launch.fail_after_bytes = options.fail_after_bytes;
	launch.want_events = options.trace.file || options.plot.file;
	launch.no_randomize = true;
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
