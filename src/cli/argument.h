/*
 * argument.h: values of options that several commands have.
 */
#ifndef CLI_ARGUMENT_H
#define CLI_ARGUMENT_H

#include "cli/outcome.h"

#include <argp.h>
#include <stdint.h>

/* Each ends mmsim with a message when the text is not allowed; the option's name
 * is without the dashes. */

/* A decimal number. */
uint64_t argument_number(struct argp_state *state, const char *option,
			 const char *text, uint64_t min, uint64_t max);
/* One from 1 on. */
unsigned argument_count(struct argp_state *state, const char *option,
			const char *text, unsigned max);
/* "64M", at least `min`; `example` is shown. */
uint64_t argument_size(struct argp_state *state, const char *option,
		       const char *text, uint64_t min, const char *example);
/* "0,3": adds these. */
void argument_statuses(struct argp_state *state, const char *option,
		       const char *text, struct outcome_statuses *statuses);

#endif
