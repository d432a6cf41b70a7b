/*
 * launch.h: one program on a simulated machine, started and waited for.
 *
 * Every subcommand that runs programs goes through here.  launch_start makes the
 * run area (os/run_area.h), sets LD_PRELOAD, MMSIM_MACHINE and MMSIM_RUN, and
 * starts the program; launch_wait waits for it and for the end of its machine.
 * Several may be under way at once.
 */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "os/run_area.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct launch {
	/* ---- asked for ---- */
	const char *machine;   /* the spec */
	char *const *argv;     /* the program and its arguments, NULL behind them */
	char *const *env_more; /* "NAME=value" to set in its environment, or NULL */
	uint64_t fail_at, fail_after_bytes;
	bool want_events;
	bool no_randomize;     /* switch address randomisation off */
	bool quiet;            /* standard input, output and error are /dev/null */
	bool spread;           /* its threads may use all CPUs, not one */
	unsigned timeout_ms;   /* kill it after so long; 0: never */

	/* ---- filled by launch_start and launch_wait ---- */
	pid_t pid;
	int pidfd;             /* readable when the program has ended */
	struct run_area *area; /* stays readable until launch_free */
	int status;            /* as waitpid(2) */
	bool timed_out;
	uint64_t wall_ns, host_maxrss_kb, host_minflt; /* of the program */
};

/* 0, or the exit status of mmsim (125, 126, 127) after a message on standard
 * error that names what is wrong. */
int launch_check_program(const char *program, char *path, size_t size);
/* 0, or such a status. */
int launch_start(struct launch *launch);
/* Waits for the end.  Signals that end mmsim are passed on to the program. */
void launch_wait(struct launch *launch);
void launch_free(struct launch *launch);

/* The record of the program itself; NULL: it never booted a machine. */
const struct run_process *launch_first(const struct launch *launch);
/* The status that a shell would show: its own, or 128 + signal. */
int launch_exit_status(const struct launch *launch);

#endif
