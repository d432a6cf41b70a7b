/*
 * launch.h: one program on a simulated machine, started and waited for.
 *
 * Every subcommand that runs programs goes through here.  launch_start makes
 * the run area (os/run_area.h), sets LD_PRELOAD, MMSIM_MACHINE and MMSIM_RUN,
 * and starts the program; launch_wait waits for it and for the end of its
 * machine. Several may be under way at once.
 */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "os/run_area.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct launch {
	/* ---- asked for ---- */
	const char *machine; /* the spec */
	char *const *argv; /* the program and its arguments, NULL behind them */
	char *const
		*env_more; /* "NAME=value" to set in its environment, or NULL */
	uint64_t fail_at, fail_count, fail_after_bytes; /* as in the run area */
	bool want_events;
	bool no_randomize; /* switch address randomisation off */
	/* Standard input, output and error are /dev/null; it has a process group
	 * of its own; and that and all that it started is killed with it. */
	bool quiet;
	bool spread;         /* its threads may use all CPUs, not one */
	unsigned share;      /* only one of mmsim's CPUs is for it, counted from
			      * 1 and in a circle; 0: any */
	unsigned timeout_ms; /* kill it after so long; 0: never */

	/* ---- filled by launch_start and launch_wait ---- */
	pid_t pid;
	int pidfd;             /* readable when the program has ended */
	struct run_area *area; /* stays readable until launch_free */
	int area_fd;           /* its file, which the program opens by name */
	int status;            /* as waitpid(2) */
	bool timed_out;
	int interrupted;     /* a signal to mmsim that was passed on, or 0 */
	bool lost_end;       /* a machine's last figures never came */
	bool is_randomized;  /* no_randomize was asked for, and cannot be had */
	uint64_t start_ns;   /* CLOCK_MONOTONIC */
	struct launch *next; /* in launch.c's list, until it was waited for */
	uint64_t wall_ns;    /* of the program */
	uint64_t
		host_peak_kb; /* RSS of the process, simulated memory included */
};

uint64_t launch_now_ns(void); /* CLOCK_MONOTONIC */
/* The signals that would end mmsim, but for those that it was started to ignore (as
 * by nohup): they are held back while something runs, which they end first. */
sigset_t launch_held_signals(void);

/* The file that would be executed.  0, or 126 or 127, and errno tells why. */
int launch_find_program(const char *program, char *path, size_t size);
/* 0, or the exit status of mmsim (125, 126, 127) after a message on standard
 * error that names what is wrong; `path` is the file that would be executed. */
int launch_check_program(const char *program, char *path, size_t size);
/* Such a machine can have real memory here: 0, or 125 or RUN_EXIT_NO_MACHINE
 * after a message. */
int launch_check_machine(const char *spec);
/* "LD_PRELOAD=..." with mmsim's libraries in front of what the user has there:
 * 0, or 125 after a message. */
int launch_preload(char *text, size_t size);
/* 0, or such a status.  From here to the last launch_wait SIGINT, SIGTERM,
 * SIGHUP and SIGQUIT wait for launch_wait. */
int launch_start(struct launch *launch);
/* ms until its timeout, 0 when it is over, -1 when there is none. */
int launch_time_left(const struct launch *launch);
/* Waits for the end of the program and of its machine.  Signals that would end
 * mmsim are passed on to the program, but those of the terminal, which it gets
 * by itself. */
void launch_wait(struct launch *launch);
void launch_free(struct launch *launch);

/* What programs leave behind, their servers too, becomes a child of mmsim. */
void launch_adopt_orphans(void);
/* Waits for orphans that have ended. */
void launch_bury_orphans(void);
/* And for those that are about to: servers, and what a quiet program left behind,
 * which is killed. */
void launch_end_orphans(const struct launch *launch);
/* Zombies have ended, too. */
bool launch_has_ended(pid_t pid);
/* It is a program that was started and not waited for. */
bool launch_is_own(pid_t pid);
/* Of those that were, or of their children that have records. */
bool launch_any_lives(void);

/* The record of the program itself; NULL: it never booted a machine.  Of one
 * that executed others in its place it is the last one's. */
const struct run_process *launch_first(const struct launch *launch);
/* The status that a shell would show: its own, or 128 + signal. */
int launch_exit_status(const struct launch *launch);

#endif
