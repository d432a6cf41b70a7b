/*
 * report.h: what became of a program and its machine, for people and programs.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/launch.h"

#include <stdio.h>

/* One line of a process's figures. */
struct report_figure {
	const char *group, *key; /* of JSON: process.group.key */
	const char *label;       /* of text */
	const char *unit;        /* "kB", "pages", "" */
	size_t offset;           /* of the uint64_t in struct run_process */
};

extern const struct report_figure report_figures[];
extern const size_t report_nr_figures;

uint64_t report_figure_value(const struct run_process *process,
			     const struct report_figure *figure);

/* The records in the order of a report: the program's own first, then the
 * others as they came.  NULL behind the last. */
const struct run_process *report_process(const struct launch *launch,
					 unsigned nr);

/* The part of the machine's log that tells of the OOM killer or of a panic;
 * NULL: there was none. */
const char *report_oom(const struct run_process *process);

/* report_json.c: false: the file cannot take it. */
bool report_write_json(const struct launch *launch, FILE *out);
/* report_text.c */
void report_write_text(const struct launch *launch, FILE *out);
/* report.c: what standard error gets of every run. */
void report_always(const struct launch *launch);

#endif
