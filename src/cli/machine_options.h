/*
 * machine_options.h: the options that describe a machine, for every subcommand.
 *
 * A subcommand names machine_options_children in its own argp and gives them a
 * struct machine_options in ARGP_KEY_INIT:
 *
 *     case ARGP_KEY_INIT:
 *             state->child_inputs[0] = &options->machine;
 *
 * When argp_parse returns, `spec` describes a machine that can boot.
 */
#ifndef CLI_MACHINE_OPTIONS_H
#define CLI_MACHINE_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

enum { MACHINE_SPEC_MAX = 4096, MACHINE_OPTIONS = 12 };

struct machine_options {
	const char
		*machine; /* the SPEC of --machine or of an argument, or NULL */
	bool is_argument; /* it is an argument's */
	const char *values[MACHINE_OPTIONS]; /* of the other options, or NULL */
	char spec[MACHINE_SPEC_MAX];         /* of all of them */
};

extern const struct argp_child machine_options_children[];

/* The SPEC as an argument, in place of --machine. */
void machine_options_argument(struct machine_options *machine, char *arg,
			      struct argp_state *state);

/* Gives the key of a spec a value, in place of the one that it had.  false: the
 * spec would be too long, and is as it was. */
bool machine_options_set(char spec[MACHINE_SPEC_MAX], const char *key,
			 const char *value);
/* The value of a key; false: the spec has it not, or it is longer. */
bool machine_options_get(const char *spec, const char *key, char *value,
			 size_t size);

#endif
