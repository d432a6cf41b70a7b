/*
 * proc.c: `mmsim proc [SPEC] PATH...`, files of a machine that has just booted.
 *
 * One file is printed as it is, several with a line "==> PATH <==" in front of
 * each, like head(1).  A path that there is not, or that cannot be read, is
 * told and makes the status 1; the others are printed.
 */
#include "cli/command.h"
#include "cli/machine_options.h"
#include "cli/machine_text.h"

#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proc_options {
	struct machine_options machine;
	char **paths; /* the last ones of argv */
	int nr_paths;
};

static error_t parse_proc(int key, char *arg, struct argp_state *state)
{
	struct proc_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->machine;
		return 0;
	case ARGP_KEY_ARG:
		if (*arg == '/') {
			options->paths[options->nr_paths++] = arg;
			return 0;
		}
		if (options->nr_paths > 0)
			argp_error(state, "%s: a path begins with /", arg);
		machine_options_argument(&options->machine, arg, state);
		return 0;
	/* When the machine has been judged. */
	case ARGP_KEY_SUCCESS:
		if (options->nr_paths == 0)
			argp_error(state, "a path is needed, as in "
					  "/proc/meminfo");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp proc_argp = {
	.parser = parse_proc,
	.args_doc = "[SPEC] PATH...",
	.doc = "Prints files of /proc and /sys of the machine that SPEC, such "
	       "as "
	       "ram=1G,swap=512M, or the options describe, as they are after "
	       "boot."
	       "\v"
	       "Several files are printed with a line ==> PATH <== in front of "
	       "each.  Exit status: 0; 1: a path could not be read; 125: bad "
	       "usage.",
	.children = machine_options_children,
};

int proc_main(int argc, char **argv)
{
	struct proc_options options = {0};
	struct mmsim_machine *machine;
	int status = 0, nr_printed = 0;

	options.paths = calloc((size_t)argc, sizeof(*options.paths));
	if (!options.paths)
		err(EXIT_MMSIM, "arguments");
	argp_parse(&proc_argp, argc, argv, 0, NULL, &options);
	machine = machine_boot(options.machine.spec);
	for (int i = 0; i < options.nr_paths; i++) {
		int error;
		char *text = machine_proc(machine, options.paths[i], &error);

		if (!text) {
			warnx("%s: %s", options.paths[i], strerror(-error));
			status = 1;
			continue;
		}
		if (options.nr_paths > 1)
			printf("%s==> %s <==\n", nr_printed++ ? "\n" : "",
			       options.paths[i]);
		fputs(text, stdout);
		free(text);
	}
	mmsim_machine_shutdown(machine);
	free(options.paths);
	return status;
}
