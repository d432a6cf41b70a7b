/*
 * argument.c: values of options, and what is said when they are not allowed.
 */
#include "cli/argument.h"

#include "cli/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t argument_number(struct argp_state *state, const char *option,
			 const char *text, uint64_t min, uint64_t max)
{
	char most[24] = "2^64-1";
	uint64_t value = 0;

	if (max != UINT64_MAX)
		snprintf(most, sizeof(most), "%" PRIu64, max);
	if (text[strspn(text, "0123456789")] != '\0' ||
	    !size_parse(text, &value) || value < min || value > max)
		argp_error(state,
			   "--%s=%s: a number from %" PRIu64
			   " to %s is allowed",
			   option, text, min, most);
	return value;
}

unsigned argument_count(struct argp_state *state, const char *option,
			const char *text, unsigned max)
{
	return (unsigned)argument_number(state, option, text, 1, max);
}

uint64_t argument_size(struct argp_state *state, const char *option,
		       const char *text, uint64_t min, const char *example)
{
	uint64_t value = 0;
	char least[32];

	size_exact(min, least, sizeof(least));
	if (!size_parse(text, &value) || value < min)
		argp_error(state,
			   "--%s=%s: a size from %s on is allowed, as in %s",
			   option, text, least, example);
	return value;
}

void argument_statuses(struct argp_state *state, const char *option,
		       const char *text, struct outcome_statuses *statuses)
{
	if (!outcome_statuses_parse(statuses, text))
		argp_error(state,
			   "--%s=%s: numbers from 0 to 255 are allowed, with "
			   "commas between them",
			   option, text);
}
