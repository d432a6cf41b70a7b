/*
 * output.h: a file that an option names, checked before the program starts and
 * written when it has ended.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

struct output {
	const char *option; /* "--report" */
	const char *path;   /* "-": standard error; NULL: not asked for */
	FILE *file;
};

/* The file can be written; what is in it stays.  0, or 125 after a message. */
int output_open(struct output *output);
/* Empties the file. */
FILE *output_begin(struct output *output);
/* 0, or 125 after a message: not all could be written. */
int output_end(struct output *output);

#endif
