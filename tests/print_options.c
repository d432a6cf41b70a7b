/*
 * print_options.c: the table of options, in the words of the manual page.
 *
 * One line an option, fields separated by '|': name, name of its mallopt
 * number, variable, tunable ("-" where there is none), the sentence about
 * default and range as it has to stand in mmsim(7).
 */
#include "alloc/options.h"

#include <malloc.h>
#include <stdio.h>

static const char *param_name(int param)
{
	switch (param) {
	case 0:
		return "-";
	case M_MXFAST:
		return "M_MXFAST";
	case M_TRIM_THRESHOLD:
		return "M_TRIM_THRESHOLD";
	case M_TOP_PAD:
		return "M_TOP_PAD";
	case M_MMAP_THRESHOLD:
		return "M_MMAP_THRESHOLD";
	case M_MMAP_MAX:
		return "M_MMAP_MAX";
	case M_CHECK_ACTION:
		return "M_CHECK_ACTION";
	case M_PERTURB:
		return "M_PERTURB";
	case M_ARENA_TEST:
		return "M_ARENA_TEST";
	case M_ARENA_MAX:
		return "M_ARENA_MAX";
	default:
		return "unknown";
	}
}

int main(void)
{
	for (const struct option *opt = option_table; *opt->name; opt++)
		printf("%s|%s|%s|%s|Default %zu%s; range %zu to %zu%s.\n",
		       opt->name, param_name(opt->param),
		       *opt->env ? opt->env : "-",
		       *opt->tunable ? opt->tunable : "-", option_default(opt),
		       opt->is_bytes ? " bytes" : "", opt->min, opt->max,
		       opt->minus_one ? " or \\-1" : "");
	return 0;
}
