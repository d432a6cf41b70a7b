/*
 * command.h: the subcommands of `mmsim`.
 *
 * Each has a file of its own with one function, which reads its arguments with
 * argp(3) and gives mmsim's exit status.  argv[0] is "mmsim NAME".  main.c has
 * the table.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* Exit statuses, beside the program's own and 128 + signal; run_area.h has
 * RUN_EXIT_NO_MACHINE. */
enum {
	EXIT_MMSIM = 125,          /* an error of mmsim's own, bad usage too */
	EXIT_NOT_EXECUTABLE = 126, /* the program cannot be run, or not here */
	EXIT_NOT_FOUND = 127,      /* the program is not there */
};

int boot_main(int argc, char **argv);
int fit_main(int argc, char **argv);
int proc_main(int argc, char **argv);
int run_main(int argc, char **argv);
int tune_main(int argc, char **argv);

#endif
