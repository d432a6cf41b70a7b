/*
 * main.c: the command `mmsim`, up to the name of the subcommand.
 *
 *     mmsim [--help] [--version] COMMAND ARGUMENTS...
 *     mmsim help COMMAND
 *
 * The rest of the line is the subcommand's, which is called as if it were a
 * program named "mmsim COMMAND".
 */
#include "cli/command.h"

#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argp_program_version = PACKAGE_STRING;
error_t argp_err_exit_status = EXIT_MMSIM;

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what; /* one line for --help */
} commands[] = {
	{"boot", boot_main, "show a machine as it is after boot"},
	{"fit", fit_main, "find the least memory that a program needs"},
	{"proc", proc_main, "print files of a machine's /proc and /sys"},
	{"run", run_main, "run a program with its heap on a machine"},
	{"tune", tune_main, "try options of the allocator on a program"},
};

static const char doc[] =
	"Runs programs with their memory on a simulated Linux machine, and "
	"shows "
	"such machines."
	"\v"
	"`mmsim COMMAND --help' tells a command's options.  Exit status: the "
	"command's; 125 for errors of mmsim's own.";

struct main_arguments {
	int argc; /* of the subcommand, its name first */
	char **argv;
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* The list of commands stands behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	size_t size = 0;
	char *list;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&list, &size);
	if (!out)
		return (char *)text;
	fputs("Commands:\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(out, "  %-8s %s\n\n%s", "help", "the same as COMMAND --help",
		text);
	fclose(out);
	return list;
}

static error_t parse_main(int key, char *arg, struct argp_state *state)
{
	struct main_arguments *arguments = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARG:
		arguments->argc = state->argc - state->next + 1;
		arguments->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a command is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp main_argp = {
	.parser = parse_main,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = doc,
	.help_filter = help_filter,
};

/* "help COMMAND" becomes "COMMAND --help", and "help" alone "--help". */
static void turn_help(struct main_arguments *arguments)
{
	static char help[] = "--help";
	static char *turned[3];

	if (strcmp(arguments->argv[0], "help") != 0)
		return;
	if (arguments->argc > 2)
		errx(EXIT_MMSIM, "help: one command is allowed");
	turned[0] = arguments->argc == 2 ? arguments->argv[1] : NULL;
	turned[1] = help;
	arguments->argv = turned;
	arguments->argc = 2;
}

/* No file that is opened later may be standard output; programs that are started
 * find what was closed closed. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	close(fd);
}

int main(int argc, char **argv)
{
	static char own_name[] = "mmsim";
	static char name[32], help[] = "--help";
	struct main_arguments arguments = {0, NULL};
	const struct command *command;
	int status;

	fill_standard_descriptors();
	argv[0] = own_name;
	program_invocation_name = program_invocation_short_name = own_name;
	argp_parse(&main_argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	turn_help(&arguments);
	if (!arguments.argv[0]) {
		char *only_help[] = {own_name, help, NULL};

		argp_parse(&main_argp, 2, only_help, ARGP_IN_ORDER, NULL, NULL);
	}
	command = find_command(arguments.argv[0]);
	if (!command) {
		warnx("%s: no such command; `mmsim --help' lists them",
		      arguments.argv[0]);
		return EXIT_MMSIM;
	}
	snprintf(name, sizeof(name), "mmsim %s", command->name);
	program_invocation_name = program_invocation_short_name = name;
	arguments.argv[0] = name;
	status = command->main(arguments.argc, arguments.argv);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		warn("standard output");
		return EXIT_MMSIM;
	}
	return status;
}
