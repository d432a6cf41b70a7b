/*
 * fit.c: `mmsim fit`, the least memory with which a program still succeeds.
 *
 * Success is what the program does with ample RAM.  Beside the heap, which is
 * simulated, a process needs memory for its libraries and its stack: one more
 * run on the host, with the whole heap in the "[heap]" that brk(2) makes,
 * tells how much.
 */
#include "cli/fit.h"

#include "cli/argument.h"
#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/size.h"

#include <mmsim/kernel.h>

#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

enum {
	OPTION_STATUS = 0x100,
	OPTION_PRECISION,
	OPTION_MAX,
	OPTION_TIMEOUT,
	OPTION_TRIES,
	OPTION_JOBS,
	OPTION_JSON,
};

static const struct argp_option argp_options[] = {
	{"success-status", OPTION_STATUS, "N[,N...]", 0,
	 "Exit statuses that mean success [the one with ample RAM]", 0},
	{"precision", OPTION_PRECISION, "SIZE|PERCENT%", 0,
	 "How close the answer must be [1M or 1%, whichever is less]", 0},
	{"max", OPTION_MAX, "SIZE", 0,
	 "What ample RAM is, and the most that is tried [half of what the host "
	 "has available, up to 16G]",
	 0},
	{"timeout", OPTION_TIMEOUT, "SECONDS", 0,
	 "What a run may take [20 times as long as with ample RAM, at least "
	 "10]",
	 0},
	{"tries", OPTION_TRIES, "N", 0,
	 "Runs at each size [1; 3 when the program is not deterministic]", 0},
	{"jobs", OPTION_JOBS, "N", 0, "Runs at a time [the CPUs]", 0},
	{"json", OPTION_JSON, NULL, 0, "Print JSON", 0},
	{0},
};

static void parse_precision(struct fit_options *options, const char *text,
			    struct argp_state *state)
{
	size_t len = strlen(text);
	char digits[8];

	options->precision = options->percent = 0;
	if (len > 1 && len < sizeof(digits) && text[len - 1] == '%') {
		memcpy(digits, text, len - 1);
		digits[len - 1] = '\0';
		options->percent = (unsigned)argument_number(state, "precision",
							     digits, 1, 50);
	} else if (!size_parse(text, &options->precision) ||
		   options->precision < FIT_STEP) {
		argp_error(state,
			   "--precision=%s: a size from 64K, or from 1%% to "
			   "50%%, is allowed",
			   text);
	}
}

static error_t parse_own_option(int key, char *arg, struct argp_state *state)
{
	struct fit_options *options = state->input;

	switch (key) {
	case OPTION_STATUS:
		options->has_statuses = true;
		argument_statuses(state, "success-status", arg,
				  &options->statuses);
		return 0;
	case OPTION_PRECISION:
		parse_precision(options, arg, state);
		return 0;
	case OPTION_MAX:
		options->max_bytes =
			argument_size(state, "max", arg, 4 << 20, "512M");
		return 0;
	case OPTION_TIMEOUT:
		options->timeout_s = (unsigned)argument_number(state, "timeout",
							       arg, 1, 1000000);
		return 0;
	case OPTION_TRIES:
		options->tries = argument_count(state, "tries", arg, 1000);
		return 0;
	case OPTION_JOBS:
		options->jobs =
			argument_count(state, "jobs", arg, JOBS_AT_ONCE);
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_fit(int key, char *arg, struct argp_state *state)
{
	struct fit_options *options = state->input;

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
		return 0;
	default:
		return parse_own_option(key, arg, state);
	}
}

static const struct argp fit_argp = {
	.options = argp_options,
	.parser = parse_fit,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Finds the least RAM of a simulated machine with which PROGRAM "
	       "still succeeds, and the limit that a container needs for it."
	       "\v"
	       "Without --swap there is none.  With --swap=SIZE the least RAM "
	       "with that swap is sought, and then how little of the swap "
	       "does. "
	       " With --ram=SIZE it is the swap that is sought, up to that of "
	       "--swap.\n"
	       "\n"
	       "Exit status: 0; 1: it never succeeds; 124 to 127: as of "
	       "mmsim run.",
	.children = machine_options_children,
};

/* What of the machine is given, and what is sought. */
static void read_machine(struct fit *fit, struct fit_options *options)
{
	const struct machine_options *machine = &options->machine;
	char value[64];

	if (strstr(machine->spec, "managed"))
		errx(EXIT_MMSIM, "--machine: managed= is not allowed here, "
				 "only ram=");
	options->has_ram = machine->values[0] ||
			   (machine->machine &&
			    machine_options_get(machine->machine, "ram", value,
						sizeof(value)));
	if (options->has_ram &&
	    (!machine_options_get(machine->spec, "ram", value, sizeof(value)) ||
	     !size_parse(value, &fit->ram)))
		errx(EXIT_MMSIM, "--ram: a size is needed");
	options->has_swap = machine_options_get(machine->spec, "swap", value,
						sizeof(value));
	if (options->has_swap && !size_parse(value, &fit->swap))
		errx(EXIT_MMSIM,
		     "--swap=%s: one size is allowed here, as in "
		     "512M",
		     value);
}

/* MemAvailable of the host, bytes. */
static uint64_t available_bytes(void)
{
	FILE *from = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];

	while (from && fgets(line, sizeof(line), from))
		if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
			break;
	if (from)
		fclose(from);
	return (uint64_t)kb << 10;
}

static void choose_ample(struct fit *fit)
{
	char spec[MACHINE_SPEC_MAX], why[600];
	uint64_t ample = fit->options->max_bytes;

	if (ample == 0)
		ample = MIN(available_bytes() / 2, UINT64_C(16) << 30);
	fit->ample = ample / FIT_STEP * FIT_STEP;
	if (fit->options->has_ram && fit->ample < fit->ram)
		fit->ample = fit->ram;
	fit_spec(fit, fit->ample, fit->swap, spec);
	if (mmsim_spec_check(spec, why, sizeof(why)) < 0)
		errx(EXIT_MMSIM, "--max: %s", why);
}

/* The heap grows by brk alone, so that it can be told from the rest. */
static int measure_host(struct fit *fit)
{
	static char arena_max[] = "MMSIM_ARENA_MAX=1";
	static char mmap_max[] = "MMSIM_MMAP_MAX=0";
	static char *env_more[] = {arena_max, mmap_max, NULL};

	fit->host = (struct host_run){
		.argv = fit->options->argv,
		.env_more = env_more,
		.timeout_ms = fit->timeout_ms,
	};
	return host_run(&fit->host);
}

int fit_main(int argc, char **argv)
{
	static struct fit_options options;
	static struct fit fit;
	int status;

	options.precision = 1 << 20;
	options.percent = 1;
	options.jobs = jobs_cpus();
	argp_parse(&fit_argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	fit.options = &options;
	fit.statuses = options.statuses;
	read_machine(&fit, &options);
	choose_ample(&fit);
	status = fit_reference(&fit);
	if (status == 0)
		status = fit_search(&fit);
	if (status == 0)
		status = measure_host(&fit);
	if (status == 0 && options.json && !fit_json(&fit, stdout))
		status = EXIT_MMSIM;
	else if (status == 0 && !options.json)
		fit_text(&fit, stdout);
	free(fit.trials);
	return status;
}
